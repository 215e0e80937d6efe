//! One packed fleet per account, region and architecture: what its tenants would cost on shared EC2 instances, and
//! which of them belong there.

mod candidate;
pub mod purchase;
mod site;
mod what_if;

use std::collections::{BTreeMap, BTreeSet};

use super::{Assessed, Policy};
use crate::model::units::{MS_PER_HOUR, Usd, Window};
use crate::model::workload::{Architecture, Platform, PurchaseOption, WorkloadKey};
use crate::pack::{self, FleetPlan, Rules, SplitCost};
use crate::placement::feasibility::{Demands, is_daemon, obstacles};
use crate::placement::{Need, Placement, Prices, Size};
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;
use crate::workers;
use candidate::Candidate;
pub(super) use candidate::{item, load, load_at_peak};
use purchase::FleetPurchase;
use site::Planner;

/// What packing everyone may take in a report: a moment.
const PLAN_EFFORT: pack::Effort = pack::Effort::milliseconds(20);
/// What deciding who is on a fleet may take in a report.
const DECIDE_EFFORT: pack::Effort = pack::Effort::milliseconds(60);

/// How fleets are to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetOptions {
    /// The rules of a fleet; its network for tasks of which no definition tells the mode.
    pub rules: Rules,
    /// What deciding who is on a fleet may take.
    pub decide: pack::Effort,
    /// These efforts are for all fleets together, else for each.
    pub together: bool,
    /// Patterns of instance types that may be used (`m7g.*`); all current ones where empty.
    pub instance_types: Vec<String>,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            rules: Rules {
                effort: PLAN_EFFORT,
                ..Rules::default()
            },
            decide: DECIDE_EFFORT,
            together: false,
            instance_types: Vec::new(),
        }
    }
}

impl FleetOptions {
    /// Everything within about this effort. Packing everyone takes as much again for what-if questions; whoever is
    /// then decided to be on a fleet is packed once more.
    #[must_use]
    pub fn within(self, effort: pack::Effort) -> Self {
        let part = |percent: u64| pack::Effort {
            steps: effort.steps / 100 * percent,
        };
        Self {
            rules: Rules {
                effort: part(15),
                ..self.rules
            },
            decide: part(30),
            together: true,
            ..self
        }
    }

    /// The same for one of so many fleets.
    fn for_one_of(&self, fleets: usize) -> Self {
        let share = |effort: pack::Effort| pack::Effort {
            steps: if self.together {
                effort.steps / (fleets.max(1) as u64)
            } else {
                effort.steps
            },
        };
        Self {
            rules: Rules {
                effort: share(self.rules.effort),
                ..self.rules.clone()
            },
            decide: share(self.decide),
            ..self.clone()
        }
    }
}

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

/// Where a fleet is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    account: String,
    region: String,
    architecture: Architecture,
}

/// One packed fleet: amounts are a month's.
#[derive(Debug, Clone)]
pub struct PackedFleet {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Architecture of its instances.
    pub architecture: Architecture,
    /// How it is packed in the window.
    pub plan: FleetPlan,
    /// Whether these workloads belong on it; else it is what all that can would cost there, and all are cheaper
    /// elsewhere.
    pub is_advised: bool,
    /// As ECS would run it.
    pub modelled: Usd,
    /// As a good planner could run it.
    pub achievable: Usd,
    /// No packing on these instance types can cost less.
    pub floor: Usd,
    /// As ECS would run it where `awsvpc` tasks have no trunking; `None` where that makes no difference to ask.
    pub without_trunking: Option<Usd>,
    /// Each task on an instance of its own.
    pub unpacked: Usd,
    /// What the same workloads cost on Fargate, on demand, at the same need; `None` where not priced.
    pub fargate: Option<Usd>,
    /// Who is on it, with what it pays.
    pub tenants: Vec<TenantShare>,
    /// What it would be if one thing were different, cheapest first; only what is cheaper.
    pub changes: Vec<WhatIf>,
    /// What it would be if its instances were bought otherwise, in the order of
    /// [`crate::model::workload::InstancePurchase`].
    pub purchases: Vec<FleetPurchase>,
}

/// One workload on a fleet: amounts are a month's.
#[derive(Debug, Clone)]
pub struct TenantShare {
    /// Who.
    pub workload: WorkloadKey,
    /// Its part of the fleet's modelled cost; all parts add up to it.
    pub cost: Usd,
    /// The same by AWS's split-cost rule.
    pub split_cost: SplitCost,
    /// What the fleet would cost less without it, where that was tried.
    pub marginal: Option<Usd>,
    /// The least that it costs elsewhere, where that is known.
    pub elsewhere: Option<Usd>,
}

/// The fleet with one thing different: a month's modelled cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WhatIf {
    /// What is different.
    pub change: &'static str,
    /// What the fleet costs then.
    pub modelled: Usd,
}

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

impl PackedFleet {
    /// Instance-hours billed in the window.
    pub fn instance_hours(&self) -> f64 {
        self.plan.instance_ms as f64 / MS_PER_HOUR as f64
    }

    /// Its instance types, dearest first.
    pub fn instance_types(&self) -> String {
        let names = self.plan.types.iter().map(|of| of.instance_type.as_str());
        names.collect::<Vec<_>>().join(" + ")
    }

    /// How far `cost` is above the floor, percent.
    pub fn above_floor_percent(&self, cost: Usd) -> f64 {
        let percent = (cost.as_f64() / self.floor.as_f64() - 1.0) * 100.0;
        (percent * 100.0).round() / 100.0
    }
}
