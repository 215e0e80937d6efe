//! One packed fleet per account, region and architecture: what its tenants would cost on shared EC2 instances.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::placements::{self, fargate_cost_of};
use super::{Analysis, Case, ROOT_GIB};
use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR, Usd};
use crate::model::workload::{Architecture, Os, Platform, PurchaseOption, WorkloadKey};
use crate::pack::{self, Fleet, InstanceType, Rules, Tenant, Unpackable};
use crate::report::result::{FleetResult, PlacementResult};
use crate::rightsize::sizes;

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
    kept: BTreeSet<WorkloadKey>,
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

/// A workload that could be a tenant, and the least it costs without the fleet.
#[derive(Clone, Copy)]
struct Candidate<'a> {
    case: &'a Case<'a>,
    elsewhere: Option<Usd>,
}

impl Fleets {
    /// Packs every workload that can run on Linux instances and whose size is known; `alone` are its other placements.
    pub(super) fn plan<'a>(
        analysis: &Analysis<'_>,
        cases: &'a [Case<'a>],
        alone: &[Vec<PlacementResult>],
    ) -> Self {
        let mut sites: BTreeMap<Site, Vec<Candidate<'a>>> = BTreeMap::new();
        let mut planned = Self {
            fleets: BTreeMap::new(),
            shares: BTreeMap::new(),
            kept: BTreeSet::new(),
        };
        for (case, placements) in cases
            .iter()
            .zip(alone)
            .filter(|(case, _)| case.need.is_some())
        {
            let workload = &case.demand.workload;
            if case.configuration.os_or_default() == Os::Windows {
                planned.shares.insert(
                    workload.clone(),
                    Share::Infeasible("only Linux instances are modelled".to_owned()),
                );
                continue;
            }
            let architecture = case.configuration.architecture_or_default();
            let site = Site {
                account: workload.account.clone(),
                region: workload.region.clone(),
                architecture,
            };
            sites.entry(site).or_default().push(Candidate {
                case,
                elsewhere: elsewhere(case, placements),
            });
        }
        for (site, candidates) in sites {
            planned.plan_site(analysis, site, candidates);
        }
        planned
    }

    fn plan_site(&mut self, analysis: &Analysis<'_>, site: Site, candidates: Vec<Candidate<'_>>) {
        let types = match instance_types(analysis, &site) {
            Ok(types) => types,
            Err(reason) => return self.share_alike(&candidates, &Share::NotPriced(reason)),
        };
        let (everyone, refused) = pack_fitting(analysis, &types, candidates);
        for (candidate, reason) in refused {
            self.shares.insert(
                candidate.case.demand.workload.clone(),
                Share::Infeasible(reason),
            );
        }
        let Some((fleet, tenants)) = everyone else {
            return;
        };
        self.record(&fleet, &tenants);
        let packed = match settle(analysis, &types, &fleet, &tenants) {
            Some((settled, stayers)) => {
                self.record(&settled, &stayers);
                self.kept.extend(
                    stayers
                        .iter()
                        .map(|stayer| stayer.case.demand.workload.clone()),
                );
                Packed {
                    fleet: settled,
                    tenants: keys(&stayers),
                }
            }
            None => Packed {
                fleet,
                tenants: keys(&tenants),
            },
        };
        self.fleets.insert(site, packed);
    }

    fn share_alike(&mut self, candidates: &[Candidate<'_>], share: &Share) {
        self.shares.extend(
            candidates
                .iter()
                .map(|candidate| (candidate.case.demand.workload.clone(), share.clone())),
        );
    }

    fn record(&mut self, fleet: &Fleet, tenants: &[Candidate<'_>]) {
        for (tenant, &share) in tenants.iter().zip(&fleet.shares) {
            let share = if tenant.case.demand.slots.is_empty() {
                Share::NotPriced("nothing ran in the window, as far as the sources tell".to_owned())
            } else {
                Share::Of(share)
            };
            self.shares
                .insert(tenant.case.demand.workload.clone(), share);
        }
    }

    /// What `workload` is to its fleet: to the settled one if it stays, else to one that holds every workload.
    pub(super) fn share(&self, workload: &WorkloadKey) -> Share {
        self.shares
            .get(workload)
            .cloned()
            .unwrap_or_else(|| Share::Infeasible("no source tells its size".to_owned()))
    }

    /// Whether `workload` belongs on its fleet: none of the tenants there would be cheaper elsewhere.
    pub(super) fn keeps(&self, workload: &WorkloadKey) -> bool {
        self.kept.contains(workload)
    }

    /// The fleets as reported.
    pub(super) fn results(&self, analysis: &Analysis<'_>, cases: &[Case<'_>]) -> Vec<FleetResult> {
        let by_key: BTreeMap<&WorkloadKey, &Case<'_>> = cases
            .iter()
            .map(|case| (&case.demand.workload, case))
            .collect();
        self.fleets
            .iter()
            .map(|(site, packed)| result(analysis, site, packed, &by_key))
            .collect()
    }
}

fn instance_types(analysis: &Analysis<'_>, site: &Site) -> Result<Vec<InstanceType>, String> {
    let gib_month = analysis
        .book
        .root_volume_gib_month(&site.region)
        .map_err(|reason| reason.to_string())?;
    let root_usd_per_hour = gib_month * Decimal::from(ROOT_GIB) / Decimal::from(HOURS_PER_MONTH);
    let types = analysis
        .book
        .instance_types(&site.region, site.architecture)
        .map_err(|reason| reason.to_string())?;
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

/// The least a workload costs without the fleet: resized where it is, or in the other home, on demand.
fn elsewhere(case: &Case<'_>, alone: &[PlacementResult]) -> Option<Usd> {
    let stay = placements::resized(case, alone).and_then(|placement| placement.cost_usd);
    let go = placements::cheapest(case, alone, |platform| platform != Platform::Ec2)
        .and_then(|placement| placement.cost_usd);
    stay.into_iter().chain(go).min()
}

type Planned<'a> = (Fleet, Vec<Candidate<'a>>);

/// Packs the candidates, leaving out those that no instance type holds together with the others.
fn pack_fitting<'a>(
    analysis: &Analysis<'_>,
    types: &[InstanceType],
    mut candidates: Vec<Candidate<'a>>,
) -> (Option<Planned<'a>>, Vec<(Candidate<'a>, String)>) {
    let mut refused = Vec::new();
    loop {
        match pack_all(analysis, types, &candidates) {
            Ok(fleet) => return (Some((fleet, candidates)), refused),
            Err(unpackable) => {
                let out: BTreeSet<usize> = unpackable.tenants.iter().copied().collect();
                let all = out.is_empty();
                let (out, rest): (Vec<_>, Vec<_>) = candidates
                    .into_iter()
                    .enumerate()
                    .partition(|(index, _)| all || out.contains(index));
                refused.extend(
                    out.into_iter()
                        .map(|(_, candidate)| (candidate, unpackable.to_string())),
                );
                candidates = rest.into_iter().map(|(_, candidate)| candidate).collect();
                if candidates.is_empty() {
                    return (None, refused);
                }
            }
        }
    }
}

fn pack_all(
    analysis: &Analysis<'_>,
    types: &[InstanceType],
    candidates: &[Candidate<'_>],
) -> Result<Fleet, Unpackable> {
    let tenants: Vec<Tenant<'_>> = candidates
        .iter()
        .filter_map(|candidate| {
            Some(Tenant {
                size: candidate.case.need?.size(),
                slots: &candidate.case.demand.slots,
            })
        })
        .collect();
    pack::plan(&tenants, types, &Rules::default(), analysis.window)
}

/// Lets every tenant leave that is cheaper elsewhere, packs the rest again, and so on until nobody wants to leave.
///
/// Only workloads whose need is known count: the others are not advised to move.
fn settle<'a>(
    analysis: &Analysis<'_>,
    types: &[InstanceType],
    everyone: &Fleet,
    tenants: &[Candidate<'a>],
) -> Option<Planned<'a>> {
    let is_content = |tenant: &Candidate<'_>, share: Usd| {
        tenant.elsewhere.is_some_and(|elsewhere| share < elsewhere)
    };
    let mut staying: Vec<(Candidate<'a>, Usd)> = tenants
        .iter()
        .copied()
        .zip(everyone.shares.iter().copied())
        .collect();
    staying.retain(|(tenant, share)| tenant.case.requirement.is_ok() && is_content(tenant, *share));
    while !staying.is_empty() {
        let remaining: Vec<Candidate<'a>> = staying.iter().map(|(tenant, _)| *tenant).collect();
        let fleet = pack_all(analysis, types, &remaining).ok()?;
        staying = remaining
            .iter()
            .copied()
            .zip(fleet.shares.iter().copied())
            .collect();
        staying.retain(|(tenant, share)| is_content(tenant, *share));
        if staying.len() == remaining.len() {
            return Some((fleet, remaining));
        }
    }
    None
}

fn keys(tenants: &[Candidate<'_>]) -> Vec<WorkloadKey> {
    tenants
        .iter()
        .map(|tenant| tenant.case.demand.workload.clone())
        .collect()
}

fn result(
    analysis: &Analysis<'_>,
    site: &Site,
    packed: &Packed,
    cases: &BTreeMap<&WorkloadKey, &Case<'_>>,
) -> FleetResult {
    let Packed { fleet, tenants } = packed;
    let fargate_usd: Option<Usd> = tenants
        .iter()
        .map(|tenant| fargate(analysis, site, cases.get(tenant)?))
        .sum();
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
    let prices = analysis
        .book
        .fargate(
            &site.region,
            Os::Linux,
            site.architecture,
            PurchaseOption::OnDemand,
        )
        .ok()?;
    let hourly = |size| {
        crate::pricing::metering::fargate_cost(prices, size, None, MS_PER_HOUR).unwrap_or_default()
    };
    let chosen = sizes::cheapest_fargate(need.cpu.get(), need.memory.get(), Os::Linux, hourly)?;
    fargate_cost_of(case, prices, chosen).ok()
}

fn rounded(percent: f64) -> f64 {
    (percent * 100.0).round() / 100.0
}
