//! The fleet that would carry the tenants, as it is told: instances over time, what they cost, who causes it.

use super::attribute::SplitCost;
use super::input::{Network, Placement};
use crate::model::units::Usd;

/// A fleet that runs every tenant, over time.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetPlan {
    /// How tasks are connected: a choice that was made, not an outcome.
    pub network: Network,
    /// How ECS is told to place tasks, that of the dearest capacity provider first.
    pub placements: Vec<Placement>,
    /// The instance types used, in order of cost, dearest first.
    pub types: Vec<TypeUse>,
    /// Instances over time, by type in the order of `types`, then by time; only spans with an instance.
    pub instances: Vec<InstanceSpan>,
    /// Most instances at one time.
    pub peak_instances: u32,
    /// Instance-milliseconds billed inside the window.
    pub instance_ms: i64,
    /// No fleet costs less. Rounded down.
    pub floor: Usd,
    /// The part of the floor that is resources over time alone: as if tasks could move at any moment and nothing booted.
    pub floor_resources: Usd,
    /// What a good planner reaches who knows when every task starts and stops: same boot time, no wait before scale-in.
    pub achievable: Usd,
    /// What ECS does with it. Verdicts rest on this one.
    pub modelled: Usd,
    /// What ECS would do with tasks in mode `awsvpc` without trunking, where `network` is with it.
    pub without_trunking: Option<Usd>,
    /// The same tasks, each on an instance of its own, of the cheapest type that holds it.
    pub unpacked: Usd,
    /// What fills first.
    pub binds: Resource,
    /// Share (0 to 1) of what was paid for that tasks reserved.
    pub utilization: PerResource,
    /// Why the rest was paid for.
    pub stranded: Stranded,
    /// Each tenant's part, in the order of the tenants.
    pub shares: Vec<Share>,
}

/// One instance type of a fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeUse {
    /// As AWS spells it.
    pub instance_type: String,
    /// Most of them at one time.
    pub peak_instances: u32,
    /// Starts.
    pub starts: u32,
    /// Instance-milliseconds billed.
    pub instance_ms: i64,
    /// What these cost, root volumes and fees included.
    pub cost: Usd,
}

/// A number of instances of one type from when to when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceSpan {
    /// Place in [`FleetPlan::types`].
    pub type_index: usize,
    /// First millisecond inside.
    pub from_ms: i64,
    /// First millisecond after.
    pub to_ms: i64,
    /// Instances, booting ones included.
    pub instances: u32,
}

/// A resource of an instance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// Processor.
    Cpu,
    /// Memory.
    Memory,
    /// Network interfaces: task slots of `awsvpc`.
    NetworkInterfaces,
    /// GPUs.
    Gpus,
}

impl Resource {
    /// As printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
            Self::NetworkInterfaces => "network_interfaces",
            Self::Gpus => "gpus",
        }
    }
}

/// A number for each resource; `None` where the instances have no end of it, or none of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PerResource {
    /// Processor.
    pub cpu: f64,
    /// Memory.
    pub memory: f64,
    /// Network interfaces.
    pub network_interfaces: Option<f64>,
    /// GPUs.
    pub gpus: Option<f64>,
}

/// Shares (0 to 1) of the capacity paid for that no task reserved, by cause. With the utilization they add up to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stranded {
    /// Of the processors.
    pub cpu: Causes,
    /// Of the memory.
    pub memory: Causes,
}

/// Why capacity was paid for that no task reserved.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Causes {
    /// Instances booted.
    pub boot: f64,
    /// Instances without a task: waiting for scale-in, or kept as spares.
    pub empty: f64,
    /// Another resource was the fuller one: the instance types do not have the tasks' proportions.
    pub imbalance: f64,
    /// Tasks did not add up to whole instances.
    pub fragmentation: f64,
}

/// One tenant's part in the fleet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Share {
    /// Its part of the floor, at the floor's own resource prices: the same in whatever order tenants come.
    pub floor: Usd,
    /// Its part of what packing loses, in proportion to `floor`.
    pub lost: Usd,
    /// Its part of instances that boot or are empty, in proportion to `floor`.
    pub idle: Usd,
    /// The same cost by AWS's split-cost rule. Adds up to the cost of the fleet as well.
    pub split_cost: SplitCost,
    /// What the fleet would cost less without this tenant, where that was tried.
    pub marginal: Option<Usd>,
}

impl Share {
    /// The whole part; over all tenants it adds up to [`FleetPlan::modelled`].
    pub fn cost(&self) -> Usd {
        self.floor + self.lost + self.idle
    }
}
