//! One packed fleet per account, region and architecture: what its tenants would cost on shared EC2 instances.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::placements::fargate_cost_of;
use super::{Analysis, Case};
use crate::pack::{self, Fleet, InstanceType, Rules, Tenant, Unpackable};
use crate::report::result::{FleetResult, PlacementResult};
use crate::rightsize::sizes;
use crate::units::{HOURS_PER_MONTH, MS_PER_HOUR, Usd};
use crate::workload::{Architecture, Os, Platform, PurchaseOption, WorkloadKey};

/// Root volume of the ECS-optimised image, GiB. Source: Amazon ECS developer guide, read 2026-11.
const ROOT_GIB: u32 = 30;

/// What one workload is to a fleet.
#[derive(Debug, Clone)]
pub(super) enum Share {
    /// Its part of the modelled cost.
    Of(Usd),
    /// It could run there, but no price tells at what cost.
    NotPriced(String),
    /// It cannot run there.
    Infeasible(String),
}

/// The fleets of an analysis.
pub(super) struct Fleets {
    fleets: BTreeMap<Site, Packed>,
    shares: BTreeMap<WorkloadKey, Share>,
}

/// Where a fleet is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Site {
    account: String,
    region: String,
    architecture: Architecture,
}

struct Packed {
    fleet: Fleet,
    tenants: Vec<WorkloadKey>,
}

impl Fleets {
    /// Packs every workload that can run on Linux instances and whose size is known.
    pub(super) fn plan(analysis: &Analysis<'_>, cases: &[Case<'_>]) -> Self {
        let mut sites: BTreeMap<Site, Vec<&Case<'_>>> = BTreeMap::new();
        let mut planned = Self { fleets: BTreeMap::new(), shares: BTreeMap::new() };
        for case in cases.iter().filter(|case| case.need.is_some()) {
            if case.configuration.os_or_default() == Os::Windows {
                planned.refuse(case, Share::Infeasible("only Linux instances are modelled".to_owned()));
                continue;
            }
            let workload = &case.demand.workload;
            let architecture = case.configuration.architecture_or_default();
            let site = Site { account: workload.account.clone(), region: workload.region.clone(), architecture };
            sites.entry(site).or_default().push(case);
        }
        for (site, cases) in sites {
            planned.pack(analysis, site, cases);
        }
        planned
    }

    fn refuse(&mut self, case: &Case<'_>, share: Share) {
        self.shares.insert(case.demand.workload.clone(), share);
    }

    fn pack(&mut self, analysis: &Analysis<'_>, site: Site, mut cases: Vec<&Case<'_>>) {
        let types = match instance_types(analysis, &site) {
            Ok(types) => types,
            Err(reason) => return cases.into_iter().for_each(|case| self.refuse(case, Share::NotPriced(reason.clone()))),
        };
        let rules = Rules::default();
        loop {
            let tenants: Vec<Tenant<'_>> = cases
                .iter()
                .filter_map(|case| Some(Tenant { size: case.need?.size(), slots: &case.demand.slots }))
                .collect();
            match pack::plan(&tenants, &types, &rules, analysis.window) {
                Ok(fleet) => return self.keep(site, fleet, &cases),
                Err(unpackable) if unpackable.tenants.is_empty() || cases.is_empty() => {
                    return cases.into_iter().for_each(|case| self.refuse(case, Share::NotPriced(unpackable.to_string())));
                }
                Err(unpackable) => self.drop_tenants(&mut cases, &unpackable),
            }
        }
    }

    fn drop_tenants(&mut self, cases: &mut Vec<&Case<'_>>, unpackable: &Unpackable) {
        let dropped: BTreeSet<usize> = unpackable.tenants.iter().copied().collect();
        for &index in &dropped {
            if let Some(case) = cases.get(index) {
                self.refuse(case, Share::Infeasible(unpackable.to_string()));
            }
        }
        let mut index = 0;
        cases.retain(|_| {
            index += 1;
            !dropped.contains(&(index - 1))
        });
    }

    fn keep(&mut self, site: Site, fleet: Fleet, cases: &[&Case<'_>]) {
        for (case, &share) in cases.iter().zip(&fleet.shares) {
            let share = if case.demand.slots.is_empty() {
                Share::NotPriced("nothing ran in the window, as far as the sources tell".to_owned())
            } else {
                Share::Of(share)
            };
            self.refuse(case, share);
        }
        let tenants = cases.iter().map(|case| case.demand.workload.clone()).collect();
        self.fleets.insert(site, Packed { fleet, tenants });
    }

    /// What `workload` is to its fleet.
    pub(super) fn share(&self, workload: &WorkloadKey) -> Share {
        self.shares.get(workload).cloned().unwrap_or_else(|| Share::Infeasible("no source tells its size".to_owned()))
    }

    /// Whether each tenant's fleet as a whole costs less than the best that its tenants could do elsewhere.
    pub(super) fn worth(&self, cases: &[Case<'_>], placements: &[Vec<PlacementResult>]) -> BTreeMap<WorkloadKey, bool> {
        let elsewhere: BTreeMap<&WorkloadKey, Option<Usd>> =
            cases.iter().zip(placements).map(|(case, placements)| (&case.demand.workload, best_elsewhere(case, placements))).collect();
        let mut worth = BTreeMap::new();
        for packed in self.fleets.values() {
            let running = packed.tenants.iter().filter(|tenant| matches!(self.share(tenant), Share::Of(_)));
            let others: Option<Usd> = running.map(|tenant| elsewhere.get(tenant).copied().flatten()).sum();
            let wins = others.is_some_and(|others| packed.fleet.cost < others);
            worth.extend(packed.tenants.iter().map(|tenant| (tenant.clone(), wins)));
        }
        worth
    }

    /// The fleets as reported.
    pub(super) fn results(&self, analysis: &Analysis<'_>, cases: &[Case<'_>]) -> Vec<FleetResult> {
        let by_key: BTreeMap<&WorkloadKey, &Case<'_>> = cases.iter().map(|case| (&case.demand.workload, case)).collect();
        self.fleets.iter().map(|(site, packed)| result(analysis, site, packed, &by_key)).collect()
    }
}

fn instance_types(analysis: &Analysis<'_>, site: &Site) -> Result<Vec<InstanceType>, String> {
    let gib_month = analysis.book.root_volume_gib_month(&site.region).map_err(|reason| reason.to_string())?;
    let root_usd_per_hour = gib_month * Decimal::from(ROOT_GIB) / Decimal::from(HOURS_PER_MONTH);
    let types = analysis.book.instance_types(&site.region, site.architecture).map_err(|reason| reason.to_string())?;
    let packable = types.iter().map(|of| InstanceType {
        name: of.name.clone(),
        cpu_units: of.cpu_units,
        memory_mib: of.memory_mib,
        task_slots: of.task_slots,
        usd_per_hour: of.usd_per_hour,
        root_usd_per_hour,
    });
    Ok(packable.collect())
}

/// The cheapest feasible on-demand placement of the same architecture that is not EC2.
fn best_elsewhere(case: &Case<'_>, placements: &[PlacementResult]) -> Option<Usd> {
    let architecture = case.configuration.architecture_or_default();
    let comparable = |placement: &&PlacementResult| {
        placement.feasible
            && placement.platform != Platform::Ec2
            && placement.architecture == architecture
            && placement.purchase_option == PurchaseOption::OnDemand
    };
    placements.iter().filter(comparable).filter_map(|placement| placement.cost_usd).min()
}

fn result(analysis: &Analysis<'_>, site: &Site, packed: &Packed, cases: &BTreeMap<&WorkloadKey, &Case<'_>>) -> FleetResult {
    let Packed { fleet, tenants } = packed;
    let fargate_usd: Option<Usd> = tenants.iter().map(|tenant| fargate(analysis, site, cases.get(tenant)?)).sum();
    let over_floor = |cost: Usd| (cost.as_f64() / fleet.floor.as_f64() - 1.0) * 100.0;
    FleetResult {
        account: site.account.clone(),
        region: site.region.clone(),
        architecture: site.architecture,
        instance_type: fleet.instance_type.name.clone(),
        peak_instances: fleet.peak_instances,
        instance_hours: fleet.instance_ms as f64 / MS_PER_HOUR as f64,
        cost_usd: fleet.cost,
        floor_usd: fleet.floor,
        gap_percent: rounded(over_floor(fleet.cost)),
        fargate_usd,
        break_even_gap_percent: fargate_usd.map(|cost| rounded(over_floor(cost))),
        binds: fleet.binds.as_str(),
        workloads: tenants.len(),
    }
}

/// The same tenant on Fargate, on demand, at the same need; a privileged build is priced as if it could go.
fn fargate(analysis: &Analysis<'_>, site: &Site, case: &Case<'_>) -> Option<Usd> {
    let need = case.need?;
    let prices = analysis.book.fargate(&site.region, Os::Linux, site.architecture, PurchaseOption::OnDemand).ok()?;
    let hourly = |size| crate::pricing::metering::fargate_cost(prices, size, None, MS_PER_HOUR).unwrap_or_default();
    let chosen = sizes::cheapest_fargate(need.cpu.get(), need.memory.get(), Os::Linux, hourly)?;
    fargate_cost_of(case, prices, chosen).ok()
}

fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}
