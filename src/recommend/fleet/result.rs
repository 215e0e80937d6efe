//! A packed fleet: what it costs, who is on it, what it would be otherwise.

use crate::model::units::{MS_PER_HOUR, Usd};
use crate::model::workload::{Architecture, InstancePurchase, WorkloadKey};
use crate::pack::{FleetPlan, SplitCost};
use crate::pricing::{NotPriced, Quality};

/// Interruptions per hundred instances and month up to which the cost on Spot is told: the highest of the bounded bands
/// of the EC2 Spot Instance advisor (below 5, 5–10, 10–15, 15–20, above 20), read 2026-11. Which band a type is in is not
/// known here.
pub const MOST_INTERRUPTED_PERCENT: u32 = 20;

/// Where a fleet is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Site {
    pub(super) account: String,
    pub(super) region: String,
    pub(super) architecture: Architecture,
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

/// A fleet bought in one way; the ways exclude each other.
#[derive(Debug, Clone, PartialEq)]
pub struct FleetPurchase {
    /// How.
    pub option: InstancePurchase,
    /// What it costs, or why that is not known.
    pub bought: Result<Bought, NotPriced>,
}

/// What a way of buying costs a month.
#[derive(Debug, Clone, PartialEq)]
pub struct Bought {
    /// What the fleet costs; on Spot without an interruption.
    pub least: Usd,
    /// The most it costs; on Spot with [`MOST_INTERRUPTED_PERCENT`].
    pub most: Usd,
    /// What is committed to or risked.
    pub terms: Terms,
    /// The oldest date of its prices; `None` if one is undated.
    pub as_of: Option<String>,
    /// The weakest quality of its prices.
    pub quality: Quality,
}

/// What is committed to or risked.
#[derive(Debug, Clone, PartialEq)]
pub enum Terms {
    /// A Savings Plan.
    Plan {
        /// One for all instances, or one for each instance family.
        commitments: Vec<FamilyCommitment>,
        /// Share of the instances' on-demand cost that is covered.
        coverage: Option<f64>,
        /// Share of the commitment that is used.
        utilization: Option<f64>,
        /// The utilization below which it costs more than on demand.
        break_even_utilization: Option<f64>,
    },
    /// Spot.
    Spot {
        /// Interruptions per instance and month at which it costs as much as on demand; `None` where nothing is lost.
        break_even_interruptions: Option<f64>,
    },
}

/// A commitment, USD per hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FamilyCommitment {
    /// The instance family; `None` where it holds for all.
    pub family: Option<String>,
    /// The one that costs least over the window.
    pub usd_per_hour: Usd,
    /// The largest that is used whole in every hour of the window.
    pub base_load_usd_per_hour: Usd,
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
