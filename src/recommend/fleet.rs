//! One packed fleet per account, region and architecture: what its tenants would cost on shared EC2 instances.

use std::collections::{BTreeMap, BTreeSet};

use super::choose::cheapest;
use super::{Assessed, Policy};
use crate::demand::Slot;
use crate::model::units::{MS_PER_HOUR, SLOT_MS, Usd, Window};
use crate::model::workload::{Architecture, Os, Platform, PurchaseOption, WorkloadKey};
use crate::pack::{self, FleetPlan, InstanceType, Item, Load, Rules, Tenant, Unpackable};
use crate::placement::feasibility::{Demands, obstacles};
use crate::placement::{Placement, Prices, Size, ec2, fargate, size};
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;

/// What one packing may take: several are tried for each fleet, and a report takes a moment.
const EFFORT: pack::Effort = pack::Effort::milliseconds(20);

/// What one workload is to a fleet.
#[derive(Debug, Clone)]
enum Share {
    /// Its part of the modelled cost, in the window.
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
    window: Window,
}

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
    /// As ECS would run it.
    pub modelled: Usd,
    /// As a good planner could run it.
    pub achievable: Usd,
    /// No packing on these instance types can cost less.
    pub floor: Usd,
    /// What the same workloads cost on Fargate, on demand, at the same need; `None` where not priced.
    pub fargate: Option<Usd>,
    /// Who is on it.
    pub tenants: Vec<WorkloadKey>,
}

/// A workload that could be a tenant, and the least a month of it costs without the fleet.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    workload: &'a Assessed,
    elsewhere: Option<Usd>,
}

impl Candidate<'_> {
    fn key(&self) -> &WorkloadKey {
        &self.workload.demand.workload
    }
}

/// What every fleet is planned by.
struct Planner<'a> {
    prices: &'a Prices<'a>,
    policy: &'a Policy,
    window: Window,
}

impl Fleets {
    /// Packs every workload that can run on Linux instances and whose size is known.
    pub(crate) fn plan(
        workloads: &[Assessed],
        prices: &Prices<'_>,
        policy: &Policy,
        window: Window,
    ) -> Self {
        let mut sites: BTreeMap<Site, Vec<Candidate<'_>>> = BTreeMap::new();
        let mut planned = Self {
            fleets: BTreeMap::new(),
            shares: BTreeMap::new(),
            kept: BTreeSet::new(),
            window,
        };
        for workload in workloads.iter().filter(|workload| workload.need.is_some()) {
            let key = &workload.demand.workload;
            let architecture = workload.configuration.architecture_or_default();
            let demands = Demands {
                kind: key.kind,
                configuration: &workload.configuration,
                architecture,
                longest_ms: workload.demand.runs.longest_ms,
            };
            let obstacles = obstacles(Platform::Ec2, &demands);
            if !obstacles.is_empty() {
                planned
                    .shares
                    .insert(key.clone(), Share::Infeasible(obstacles));
                continue;
            }
            let site = Site {
                account: key.account.clone(),
                region: key.region.clone(),
                architecture,
            };
            sites.entry(site).or_default().push(Candidate {
                workload,
                elsewhere: elsewhere(workload),
            });
        }
        let context = Planner {
            prices,
            policy,
            window,
        };
        for (site, candidates) in sites {
            planned.plan_site(&context, site, candidates);
        }
        planned
    }

    fn plan_site(&mut self, planner: &Planner<'_>, site: Site, candidates: Vec<Candidate<'_>>) {
        let types = match instance_types(planner, &site) {
            Ok(types) => types,
            Err(reason) => return self.share_alike(&candidates, &Share::NotPriced(reason)),
        };
        let (everyone, refused) = planner.pack_fitting(&types, candidates);
        for (candidate, reason) in refused {
            self.shares
                .insert(candidate.key().clone(), Share::Infeasible(vec![reason]));
        }
        let Some((fleet, tenants)) = everyone else {
            return;
        };
        self.record(&fleet, &tenants);
        let (fleet, tenants) = match planner.settle(&types, &fleet, &tenants) {
            Some((settled, stayers)) => {
                self.record(&settled, &stayers);
                let stayers_keys = stayers.iter().map(|stayer| stayer.key().clone());
                self.kept.extend(stayers_keys);
                (settled, stayers)
            }
            None => (fleet, tenants),
        };
        if let Some(packed) = planner.packed(&site, fleet, &tenants) {
            self.fleets.insert(site, packed);
        }
    }

    fn share_alike(&mut self, candidates: &[Candidate<'_>], share: &Share) {
        let keys = candidates.iter().map(|candidate| candidate.key().clone());
        self.shares.extend(keys.map(|key| (key, share.clone())));
    }

    fn record(&mut self, fleet: &FleetPlan, tenants: &[Candidate<'_>]) {
        for (tenant, &share) in tenants.iter().zip(&fleet.shares) {
            let share = if tenant.workload.demand.slots.is_empty() {
                Share::NotPriced(NotPriced::new(
                    "nothing ran in the window, as far as the sources tell",
                ))
            } else {
                Share::Of(share.cost())
            };
            self.shares.insert(tenant.key().clone(), share);
        }
    }

    /// The workload on its fleet: the settled one if it stays, else one that holds every workload.
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
                placement.going_rate = share
                    .per_month(self.window.ms())
                    .map(|usd| Amount {
                        estimated: true,
                        ..Amount::exact(usd)
                    })
                    .ok_or_else(|| NotPriced::new("no time was observed"));
            }
            Some(Share::NotPriced(reason)) => placement.going_rate = Err(reason.clone()),
            Some(Share::Infeasible(reasons)) => {
                placement.obstacles.clone_from(reasons);
            }
            None => placement.obstacles.push("size unknown".to_owned()),
        }
        Some(placement)
    }

    /// Whether `workload` belongs on its fleet: none of the tenants there would be cheaper elsewhere.
    pub(crate) fn keeps(&self, workload: &WorkloadKey) -> bool {
        self.kept.contains(workload)
    }

    /// The fleets.
    pub(crate) fn into_results(self) -> Vec<PackedFleet> {
        self.fleets.into_values().collect()
    }
}

fn instance_types(planner: &Planner<'_>, site: &Site) -> Result<Vec<InstanceType>, NotPriced> {
    let book = planner.prices.book;
    let root_usd_per_hour = ec2::root_usd_per_hour(book.root_volume_gib_month(&site.region)?);
    let types = book.instance_types(&site.region, site.architecture)?;
    let packable = types.iter().map(|of| InstanceType {
        name: of.name.clone(),
        cpu_units: of.cpu_units,
        memory_mib: of.memory_mib,
        task_slots: of.task_slots,
        task_slots_trunking: of.task_slots_trunking,
        usd_per_hour: of.usd_per_hour,
        root_usd_per_hour,
        ..InstanceType::default()
    });
    Ok(packable.collect())
}

fn load(slots: &[Slot]) -> Load {
    let slots = slots.iter().map(|slot| {
        let from_ms = slot.slot.saturating_mul(SLOT_MS);
        (from_ms, slot.peak, slot.task_ms)
    });
    Load::of_slots(SLOT_MS, slots)
}

/// The least a month costs without the fleet: resized where it is, or on the other platform, on demand.
fn elsewhere(workload: &Assessed) -> Option<Usd> {
    let stay = workload
        .resized
        .as_ref()
        .and_then(|placement| Some(placement.rate()?.usd));
    let go = cheapest(workload, |placement| placement.platform != Platform::Ec2);
    stay.into_iter().chain(go.map(|(_, usd)| usd)).min()
}

type Planned<'a> = (FleetPlan, Vec<Candidate<'a>>);

impl Planner<'_> {
    /// Packs the candidates, leaving out those that no instance type holds together with the others.
    fn pack_fitting<'a>(
        &self,
        types: &[InstanceType],
        mut candidates: Vec<Candidate<'a>>,
    ) -> (Option<Planned<'a>>, Vec<(Candidate<'a>, String)>) {
        let mut refused = Vec::new();
        loop {
            match self.pack_all(types, &candidates) {
                Ok(fleet) => return (Some((fleet, candidates)), refused),
                Err(unpackable) => {
                    let out: BTreeSet<usize> = unpackable.tenants.iter().copied().collect();
                    let all = out.is_empty();
                    let (out, rest): (Vec<_>, Vec<_>) = candidates
                        .into_iter()
                        .enumerate()
                        .partition(|(index, _)| all || out.contains(index));
                    let reasons = out
                        .into_iter()
                        .map(|(_, candidate)| (candidate, unpackable.to_string()));
                    refused.extend(reasons);
                    candidates = rest.into_iter().map(|(_, candidate)| candidate).collect();
                    if candidates.is_empty() {
                        return (None, refused);
                    }
                }
            }
        }
    }

    fn pack_all(
        &self,
        types: &[InstanceType],
        candidates: &[Candidate<'_>],
    ) -> Result<FleetPlan, Unpackable> {
        let tenants: Vec<Tenant> = candidates
            .iter()
            .filter_map(|candidate| {
                Some(Tenant {
                    item: Item::of(candidate.workload.need?.size()),
                    load: load(&candidate.workload.demand.slots),
                })
            })
            .collect();
        let rules = Rules {
            effort: EFFORT,
            ..Rules::default()
        };
        pack::plan(&tenants, types, &rules, self.window)
    }

    /// Lets every tenant leave that is not cheaper here by what a change must save, packs the rest again, and so on
    /// until nobody wants to leave.
    ///
    /// Only workloads whose need is known count: the others are not advised to move.
    fn settle<'a>(
        &self,
        types: &[InstanceType],
        everyone: &FleetPlan,
        tenants: &[Candidate<'a>],
    ) -> Option<Planned<'a>> {
        let is_content = |tenant: &Candidate<'_>, share: Usd| {
            let here = share.per_month(self.window.ms());
            tenant.elsewhere.zip(here).is_some_and(|(elsewhere, here)| {
                self.policy.is_worth_a_move(elsewhere - here, elsewhere)
            })
        };
        let mut staying: Vec<(Candidate<'a>, Usd)> = tenants
            .iter()
            .copied()
            .zip(everyone.shares.iter().map(pack::Share::cost))
            .collect();
        staying.retain(|(tenant, share)| {
            tenant.workload.requirement.is_ok() && is_content(tenant, *share)
        });
        while !staying.is_empty() {
            let remaining: Vec<Candidate<'a>> = staying.iter().map(|(tenant, _)| *tenant).collect();
            let fleet = self.pack_all(types, &remaining).ok()?;
            staying = remaining
                .iter()
                .copied()
                .zip(fleet.shares.iter().map(pack::Share::cost))
                .collect();
            staying.retain(|(tenant, share)| is_content(tenant, *share));
            if staying.len() == remaining.len() {
                return Some((fleet, remaining));
            }
        }
        None
    }

    /// `None` where no time was observed.
    fn packed(
        &self,
        site: &Site,
        plan: FleetPlan,
        tenants: &[Candidate<'_>],
    ) -> Option<PackedFleet> {
        let month = |usd: Usd| usd.per_month(self.window.ms());
        Some(PackedFleet {
            account: site.account.clone(),
            region: site.region.clone(),
            architecture: site.architecture,
            modelled: month(plan.modelled)?,
            achievable: month(plan.achievable)?,
            floor: month(plan.floor)?,
            fargate: tenants
                .iter()
                .map(|tenant| self.on_fargate(site, tenant.workload))
                .sum(),
            tenants: tenants.iter().map(|tenant| tenant.key().clone()).collect(),
            plan,
        })
    }

    /// The same tenant on Fargate, on demand, at the same need; a privileged build is priced as if it could go.
    fn on_fargate(&self, site: &Site, workload: &Assessed) -> Option<Usd> {
        let pace = workload.demand.pace.as_ref()?;
        let found = self
            .prices
            .book
            .fargate(
                &site.region,
                Os::Linux,
                site.architecture,
                PurchaseOption::OnDemand,
            )
            .ok()?;
        let task = size::fargate_for(workload.need?, Os::Linux)?;
        let tariff = fargate::tariff(found, task, workload.configuration.ephemeral_gib).ok()?;
        let ms = pace
            .components
            .iter()
            .map(|component| tariff.meter.of(&component.metered.best))
            .sum();
        tariff.usd(ms).per_month(pace.observed_ms)
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
