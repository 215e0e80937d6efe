//! One packed fleet per account, region and architecture: what its tenants would cost on shared EC2 instances, and
//! which of them belong there.

mod candidate;
mod options;
mod purchase;
mod result;
mod site;
mod what_if;

pub(super) use candidate::{item, load, load_at_peak};
pub use options::FleetOptions;
pub use result::{
    Bought, FamilyCommitment, FleetPurchase, MOST_INTERRUPTED_PERCENT, PackedFleet, TenantShare,
    Terms, WhatIf,
};

use std::collections::{BTreeMap, BTreeSet};

use super::{Assessed, Policy};
use crate::model::units::{Usd, Window};
use crate::model::workload::{Platform, PurchaseOption, WorkloadKey};
use crate::pack;
use crate::placement::feasibility::{Demands, is_daemon, obstacles};
use crate::placement::{Need, Placement, Prices, Size};
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;
use crate::workers;
use candidate::Candidate;
use result::Site;
use site::Planner;

/// What one workload is to a fleet.
#[derive(Debug, Clone)]
enum Share {
    /// Its part of the modelled cost, a month at its pace.
    Of(Usd),
    /// It could run there, but no price tells at what cost.
    NotPriced(NotPriced),
    /// It cannot run there.
    Infeasible(Vec<String>),
}

/// The fleets of an analysis.
pub(crate) struct Fleets {
    fleets: BTreeMap<Site, PackedFleet>,
    shares: BTreeMap<WorkloadKey, Share>,
    kept: BTreeSet<WorkloadKey>,
}

/// Workloads that can run on instances, and what each needs.
type Able<'a> = Vec<(&'a Assessed, Need)>;

impl Fleets {
    /// Packs every workload that can run on Linux instances and whose size is known.
    pub(crate) fn plan(
        workloads: &[Assessed],
        prices: &Prices<'_>,
        policy: &Policy,
        window: Window,
        options: &FleetOptions,
    ) -> Self {
        let mut sites: BTreeMap<Site, (Able<'_>, Vec<pack::Item>)> = BTreeMap::new();
        let mut all = Self {
            fleets: BTreeMap::new(),
            shares: BTreeMap::new(),
            kept: BTreeSet::new(),
        };
        for workload in workloads {
            let Some(need) = workload.need else { continue };
            let key = &workload.demand.workload;
            let architecture = workload.configuration.architecture_or_default();
            let (able, daemons) = sites
                .entry(Site {
                    account: key.account.clone(),
                    region: key.region.clone(),
                    architecture,
                })
                .or_default();
            let obstacles = obstacles(
                Platform::Ec2,
                &Demands {
                    kind: key.kind,
                    configuration: &workload.configuration,
                    architecture,
                    longest_ms: workload.demand.runs.longest_ms,
                },
            );
            if obstacles.is_empty() {
                able.push((workload, need));
                continue;
            }
            if is_daemon(&workload.configuration) {
                daemons.push(candidate::item(need.size(), &workload.configuration));
            }
            let share = Share::Infeasible(obstacles);
            all.shares.insert(key.clone(), share);
        }
        sites.retain(|_, (able, _)| !able.is_empty());
        let options = options.for_one_of(sites.len());
        for (site, (able, daemons)) in sites {
            let planner = Planner::new(prices, policy, window, &options, daemons);
            all.plan_site(&planner, site, &able);
        }
        all
    }

    fn plan_site(&mut self, planner: &Planner<'_>, site: Site, able: &[(&Assessed, Need)]) {
        let types = match planner.instance_types(&site) {
            Ok(types) => types,
            Err(reason) => return self.share_alike(able, &Share::NotPriced(reason)),
        };
        let (asked, mut refused) = planner.fitting(&types, able);
        let (decided, everyone) = workers::both(
            || planner.decide(&types, &asked),
            || planner.everyone(&types, &asked),
        );
        let everyone = everyone.and_then(|fleet| {
            let shown = decided.is_none().then(|| fleet.plan()).transpose()?;
            Ok((fleet.shares(), shown))
        });
        let everyone = everyone.map_err(|unpackable| {
            let all = asked.candidates.iter();
            refused.extend(all.map(|candidate| (*candidate, unpackable.to_string())));
        });
        for (candidate, reason) in refused {
            self.shares
                .insert(candidate.key().clone(), Share::Infeasible(vec![reason]));
        }
        let Ok((shares, shown)) = everyone else {
            return;
        };
        let shares: Vec<Usd> = shares.iter().map(pack::Share::cost).collect();
        self.record(&asked.candidates, &shares);
        let packed = match decided {
            Some((decided, stayers)) => {
                let shares: Vec<Usd> = decided.shares.iter().map(pack::Share::cost).collect();
                let most = stayers.candidates.iter().map(Candidate::elsewhere);
                let paid = pack::capped(&shares, &most.collect::<Vec<Option<Usd>>>());
                self.record(&stayers.candidates, &paid);
                let stayers_keys = stayers.candidates.iter();
                self.kept
                    .extend(stayers_keys.map(|stayer| stayer.key().clone()));
                planner.packed(&site, &types, decided, &stayers, Some(&paid))
            }
            None => shown.and_then(|fleet| planner.packed(&site, &types, fleet, &asked, None)),
        };
        if let Some(packed) = packed {
            self.fleets.insert(site, packed);
        }
    }

    fn share_alike(&mut self, able: &[(&Assessed, Need)], share: &Share) {
        let keys = able.iter().map(|(of, _)| of.demand.workload.clone());
        self.shares.extend(keys.map(|key| (key, share.clone())));
    }

    fn record(&mut self, tenants: &[Candidate<'_>], shares: &[Usd]) {
        for (tenant, &share) in tenants.iter().zip(shares) {
            let share = tenant.month_of(share).map_or_else(
                || {
                    Share::NotPriced(NotPriced::new(
                        "nothing ran in the window, as far as the sources tell",
                    ))
                },
                Share::Of,
            );
            self.shares.insert(tenant.key().clone(), share);
        }
    }

    /// The workload on its fleet: the one that is advised if it belongs there, else one that holds every workload.
    pub(crate) fn placement(&self, workload: &Assessed) -> Option<Placement> {
        let subject = workload.subject()?;
        let architecture = workload.configuration.architecture_or_default();
        let mut placement =
            crate::placement::on_ec2(&subject, architecture, PurchaseOption::OnDemand);
        placement.size = Some(Size::of_task(
            subject.need.size(),
            workload.configuration.ephemeral_gib,
        ));
        match self.shares.get(&workload.demand.workload) {
            Some(Share::Of(share)) => {
                placement.going_rate = Ok(Amount {
                    estimated: true,
                    ..Amount::exact(*share)
                });
            }
            Some(Share::NotPriced(reason)) => placement.going_rate = Err(reason.clone()),
            Some(Share::Infeasible(reasons)) => {
                placement.obstacles.clone_from(reasons);
            }
            None => placement.obstacles.push("size unknown".to_owned()),
        }
        Some(placement)
    }

    /// Whether `workload` belongs on its fleet.
    pub(crate) fn keeps(&self, workload: &WorkloadKey) -> bool {
        self.kept.contains(workload)
    }

    /// The fleets.
    pub(crate) fn into_results(self) -> Vec<PackedFleet> {
        self.fleets.into_values().collect()
    }
}
