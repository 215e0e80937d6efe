//! Fleet plans: which instances carry the workloads over time, what that costs, and where it goes. What `pack` says.
//!
//! These types are versioned on their own; internal types may change without them.

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet_figures::FleetFigures;
use super::from::of_window;
use super::quality::of_prices;
use super::result::{PricesResult, WindowResult};
use crate::analysis::Analysis;
use crate::model::units::{MS_PER_DAY, MS_PER_HOUR, Usd};
use crate::model::workload::Kind;
use crate::pack::{Causes, FleetPlan, Placement, Rules};
use crate::pricing::PriceBook;
use crate::recommend::fleet::{PackedFleet, TenantShare};

/// Version of these types; a change that breaks a reader raises it.
pub const PACKING_VERSION: u32 = 1;

/// Every packed fleet of a dataset.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PackingResult {
    /// [`PACKING_VERSION`].
    pub version: u32,
    /// The tool and its version.
    pub generated_by: String,
    /// The window that was packed; amounts are a 730-hour month's at its pace.
    pub window: WindowResult,
    /// The rules of the fleets.
    pub rules: RulesResult,
    /// One entry per account, region and architecture.
    pub fleets: Vec<FleetPlanResult>,
    /// Which prices were used.
    pub prices: PricesResult,
}

/// By which rules fleets are run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RulesResult {
    /// `awsvpc-trunking`, `awsvpc` or `bridge`: for tasks of which no definition tells the mode.
    pub network: &'static str,
    /// `targetCapacity` of the capacity providers, percent.
    pub target_capacity_percent: u8,
    /// Availability Zones over which tasks are spread.
    pub availability_zones: u8,
    /// From launch until the first task can start, seconds.
    pub boot_s: u32,
    /// From the last task until an instance is terminated, seconds.
    pub scale_in_s: u32,
    /// Instances that a cluster without any starts with.
    pub from_zero: u32,
}

/// One fleet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FleetPlanResult {
    /// Where it is and what a month of it costs.
    #[serde(flatten)]
    pub figures: FleetFigures,
    /// Whether these workloads belong on it. If not, all that can run there are on it, and the sum is least without it.
    pub is_advised: bool,
    /// How ECS places tasks: `binpack(cpu)`, `binpack(memory)`; both where capacity providers differ.
    pub placement: String,
    /// Its instance types, dearest first.
    pub types: Vec<TypeResult>,
    /// Instances over time: only spans with an instance, by type and time.
    pub over_time: Vec<SpanResult>,
    /// As ECS would run it without trunking, where `network` is with it.
    pub without_trunking_usd: Option<Usd>,
    /// Each task on an instance of its own.
    pub unpacked_usd: Usd,
    /// Part of each resource paid for that tasks reserve, percent.
    pub utilization_percent: UtilizationResult,
    /// Why the rest is paid for, percent of the resource.
    pub stranded_percent: StrandedResult,
    /// Who is on it, dearest first.
    pub workloads: Vec<TenantResult>,
    /// The same fleet with one thing different, cheapest first; only what is cheaper.
    pub changes: Vec<ChangeResult>,
}

/// One instance type of a fleet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TypeResult {
    /// `m7g.large`.
    pub instance_type: String,
    /// Most of them at once.
    pub peak_instances: u32,
    /// Starts in the window.
    pub starts: u32,
    /// Instance-hours billed in the window.
    pub instance_hours: f64,
    /// What they cost in the window, root volumes included.
    pub window_usd: Usd,
}

/// Some instances of one type, from when to when.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct SpanResult {
    /// `m7g.large`.
    pub instance_type: String,
    /// First instant, UTC.
    pub from: String,
    /// First instant after, UTC.
    pub to: String,
    /// How many.
    pub instances: u32,
    #[serde(skip)]
    pub(super) from_ms: i64,
    #[serde(skip)]
    pub(super) to_ms: i64,
}

/// Part of each resource, percent; `None` where the instances have no end of it, or none.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct UtilizationResult {
    /// Processor.
    pub cpu: f64,
    /// Memory.
    pub memory: f64,
    /// Network interfaces.
    pub network_interfaces: Option<f64>,
}

/// Capacity that no task reserves, by cause, percent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct StrandedResult {
    /// Of the processors.
    pub cpu: CausesResult,
    /// Of the memory.
    pub memory: CausesResult,
}

/// Why capacity is paid for that no task reserves, percent.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CausesResult {
    /// Instances boot.
    pub boot: f64,
    /// Instances are empty: before scale-in, or kept as spares.
    pub empty: f64,
    /// Another resource is the fuller one.
    pub imbalance: f64,
    /// Tasks do not add up to whole instances.
    pub fragmentation: f64,
}

/// One workload on a fleet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct TenantResult {
    /// Service, task or build.
    pub kind: Kind,
    /// ECS cluster; `None` for builds.
    pub cluster: Option<String>,
    /// Name.
    pub name: String,
    /// Its part of the modelled cost: by the floor's own resource prices, on an advised fleet none above what the
    /// workload costs elsewhere. All parts add up.
    pub cost_usd: Usd,
    /// Its part by AWS's split-cost rule (one vCPU is worth nine GiB). All parts add up.
    pub split_cost_usd: Usd,
    /// What the fleet would cost less without it; `None` where that was not tried.
    pub marginal_usd: Option<Usd>,
    /// The least that it costs elsewhere; `None` where that is not known.
    pub elsewhere_usd: Option<Usd>,
}

/// The fleet with one thing different.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ChangeResult {
    /// What is different.
    pub change: &'static str,
    /// What the fleet costs then, as ECS would run it.
    pub modelled_usd: Usd,
}

impl PackingResult {
    /// The fleets of an analysis that were made by these rules.
    pub fn of(analysis: &Analysis, rules: &Rules, book: &PriceBook) -> Self {
        Self {
            version: PACKING_VERSION,
            generated_by: concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned(),
            window: of_window(analysis.window),
            rules: RulesResult {
                network: rules.network.as_str(),
                target_capacity_percent: rules.target_capacity_percent,
                availability_zones: rules.availability_zones.max(1),
                boot_s: rules.boot_ms / 1000,
                scale_in_s: rules.scale_in_ms / 1000,
                from_zero: rules.from_zero.max(1),
            },
            fleets: analysis.fleets.iter().map(of_fleet).collect(),
            prices: of_prices(book, analysis),
        }
    }
}

fn placements(of: &[Placement]) -> String {
    let name = |placement: &Placement| match placement {
        Placement::FirstFit => "first fit",
        Placement::BinpackCpu => "binpack(cpu)",
        Placement::BinpackMemory => "binpack(memory)",
    };
    of.iter().map(name).collect::<Vec<_>>().join(" or ")
}

fn of_fleet(fleet: &PackedFleet) -> FleetPlanResult {
    let plan = &fleet.plan;
    let mut workloads: Vec<TenantResult> = fleet.tenants.iter().map(of_tenant).collect();
    workloads.sort_by_key(|tenant| std::cmp::Reverse(tenant.cost_usd));
    FleetPlanResult {
        figures: FleetFigures::of(fleet),
        is_advised: fleet.is_advised,
        placement: placements(&plan.placements),
        types: plan.types.iter().map(of_type).collect(),
        over_time: over_time(plan),
        without_trunking_usd: fleet.without_trunking,
        unpacked_usd: fleet.unpacked,
        utilization_percent: UtilizationResult {
            cpu: percent(plan.utilization.cpu),
            memory: percent(plan.utilization.memory),
            network_interfaces: plan.utilization.network_interfaces.map(percent),
        },
        stranded_percent: StrandedResult {
            cpu: of_causes(plan.stranded.cpu),
            memory: of_causes(plan.stranded.memory),
        },
        workloads,
        changes: fleet
            .changes
            .iter()
            .map(|change| ChangeResult {
                change: change.change,
                modelled_usd: change.modelled,
            })
            .collect(),
    }
}

/// A share of 1 as percent, two places.
fn percent(share: f64) -> f64 {
    (share * 10_000.0).round() / 100.0
}

fn of_causes(causes: Causes) -> CausesResult {
    CausesResult {
        boot: percent(causes.boot),
        empty: percent(causes.empty),
        imbalance: percent(causes.imbalance),
        fragmentation: percent(causes.fragmentation),
    }
}

fn of_type(of: &crate::pack::TypeUse) -> TypeResult {
    TypeResult {
        instance_type: of.instance_type.clone(),
        peak_instances: of.peak_instances,
        starts: of.starts,
        instance_hours: of.instance_ms as f64 / MS_PER_HOUR as f64,
        window_usd: of.cost,
    }
}

fn over_time(plan: &FleetPlan) -> Vec<SpanResult> {
    let time = |ms| {
        jiff::Timestamp::from_millisecond(ms)
            .unwrap_or_default()
            .to_string()
    };
    let span = |span: &crate::pack::InstanceSpan| SpanResult {
        instance_type: plan.types[span.type_index].instance_type.clone(),
        from: time(span.from_ms),
        to: time(span.to_ms),
        instances: span.instances,
        from_ms: span.from_ms,
        to_ms: span.to_ms,
    };
    plan.instances.iter().map(span).collect()
}

fn of_tenant(tenant: &TenantShare) -> TenantResult {
    let key = &tenant.workload;
    TenantResult {
        kind: key.kind,
        cluster: (!key.cluster.is_empty()).then(|| key.cluster.clone()),
        name: key.name.clone(),
        cost_usd: tenant.cost,
        split_cost_usd: tenant.split_cost.total(),
        marginal_usd: tenant.marginal,
        elsewhere_usd: tenant.elsewhere,
    }
}

/// One type on one UTC day.
pub(super) struct Day<'a> {
    pub(super) instance_type: &'a str,
    /// Fewest at one time; 0 where there was a time without any.
    pub(super) fewest: u32,
    pub(super) most: u32,
    pub(super) instance_ms: i64,
}

impl FleetPlanResult {
    /// Instances by UTC day: the day, and each type that was there.
    pub(super) fn days(&self) -> Vec<(i64, Vec<Day<'_>>)> {
        let day_of = |ms: i64| ms.div_euclid(MS_PER_DAY);
        let first = self.over_time.iter().map(|span| day_of(span.from_ms)).min();
        let last = self
            .over_time
            .iter()
            .map(|span| day_of(span.to_ms - 1))
            .max();
        let (Some(first), Some(last)) = (first, last) else {
            return Vec::new();
        };
        let of_day = |day: i64| {
            let (from_ms, to_ms) = (day * MS_PER_DAY, (day + 1) * MS_PER_DAY);
            let of_type = |of: &'_ TypeResult| -> Option<(u32, u32, i64)> {
                let (mut fewest, mut most, mut covered, mut instance_ms) = (u32::MAX, 0, 0, 0);
                for span in &self.over_time {
                    let ms = span.to_ms.min(to_ms) - span.from_ms.max(from_ms);
                    if ms > 0 && span.instance_type == of.instance_type {
                        fewest = fewest.min(span.instances);
                        most = most.max(span.instances);
                        covered += ms;
                        instance_ms += ms * i64::from(span.instances);
                    }
                }
                let fewest = if covered < MS_PER_DAY { 0 } else { fewest };
                (most > 0).then_some((fewest, most, instance_ms))
            };
            let types = self.types.iter().filter_map(|of| {
                let (fewest, most, instance_ms) = of_type(of)?;
                Some(Day {
                    instance_type: &of.instance_type,
                    fewest,
                    most,
                    instance_ms,
                })
            });
            (from_ms, types.collect())
        };
        (first..=last).map(of_day).collect()
    }
}
