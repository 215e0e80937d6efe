//! The figures of a packed fleet, as a report and a fleet plan both tell them.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::units::Usd;
use crate::model::workload::{Architecture, InstancePurchase};
use crate::placement::effort::Effort;
use crate::recommend::fleet::PackedFleet;
use crate::recommend::fleet::{
    Bought, FamilyCommitment, FleetPurchase, MOST_INTERRUPTED_PERCENT, Terms,
};

/// One packed fleet: amounts are a 730-hour month's.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FleetFigures {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Architecture of its instances.
    pub architecture: Architecture,
    /// Most instances at once.
    pub peak_instances: u32,
    /// As ECS would run it. Verdicts rest on this.
    pub modelled_usd: Usd,
    /// As a good planner could run it who knows when every task starts and stops.
    pub achievable_usd: Usd,
    /// No fleet of these types can cost less.
    pub floor_usd: Usd,
    /// `modelled ÷ floor − 1`, percent.
    pub gap_percent: f64,
    /// The same workloads on Fargate, on demand, at the same sizes; `None` where not priced.
    pub fargate_usd: Option<Usd>,
    /// `Fargate ÷ floor − 1`, percent: packing wins only below this gap.
    pub break_even_gap_percent: Option<f64>,
    /// Which resource fills first: `cpu`, `memory`, `network_interfaces` or `gpus`.
    pub binds: &'static str,
    /// The same instances bought otherwise; the ways exclude each other. A commitment or a risk, not advice: no verdict
    /// rests on it.
    pub purchase_options: Vec<FleetPurchaseResult>,
}

/// A fleet's instances bought otherwise than on demand.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FleetPurchaseResult {
    /// How.
    pub purchase_option: InstancePurchase,
    /// How much work it is.
    pub effort: Effort,
    /// What the fleet costs then, root volumes included; on Spot without an interruption. `None` where not priced.
    pub cost_usd: Option<Usd>,
    /// The most that it costs: on Spot with `interruptions_percent`, else as `cost_usd`. `None` where not priced.
    pub upper_usd: Option<Usd>,
    /// What `upper_usd` is less than `modelled_usd`. `None` where not priced.
    pub monthly_savings_usd: Option<Usd>,
    /// Savings Plan: what to commit to so that the window costs least; one entry, or one for each instance family.
    pub commitments: Vec<CommitmentResult>,
    /// Savings Plan: part of the instances' on-demand cost that is covered.
    pub covered_percent: Option<f64>,
    /// Savings Plan: part of the commitment that is used.
    pub utilization_percent: Option<f64>,
    /// Savings Plan: below this utilization it costs more than on demand.
    pub break_even_utilization_percent: Option<f64>,
    /// Spot: interruptions per hundred instances and month behind `upper_usd`.
    pub interruptions_percent: Option<u32>,
    /// Spot: interruptions per hundred instances and month at which it costs as much as on demand.
    pub break_even_interruptions_percent: Option<f64>,
    /// The oldest date of the prices; `None` if one is undated or none is known.
    pub as_of: Option<String>,
    /// The weakest quality of the prices; a Spot price is a `snapshot`.
    pub quality: Option<&'static str>,
    /// Why there is no cost.
    pub not_priced: Option<String>,
}

/// A Savings Plan commitment.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CommitmentResult {
    /// The instance family (`m7g`); `None` where it holds for all.
    pub family: Option<String>,
    /// USD per hour, paid whether used or not.
    pub usd_per_hour: Usd,
    /// The largest commitment that was used whole in every hour of the window, USD per hour.
    pub base_load_usd_per_hour: Usd,
}

impl FleetPurchaseResult {
    /// Nothing is known of it yet.
    pub(super) const fn unknown(purchase_option: InstancePurchase) -> Self {
        Self {
            purchase_option,
            effort: Effort::Low,
            cost_usd: None,
            upper_usd: None,
            monthly_savings_usd: None,
            commitments: Vec::new(),
            covered_percent: None,
            utilization_percent: None,
            break_even_utilization_percent: None,
            interruptions_percent: None,
            break_even_interruptions_percent: None,
            as_of: None,
            quality: None,
            not_priced: None,
        }
    }
}

impl FleetFigures {
    /// The figures of a fleet.
    pub(super) fn of(fleet: &PackedFleet) -> Self {
        let purchases = fleet.purchases.iter();
        Self {
            account: fleet.account.clone(),
            region: fleet.region.clone(),
            architecture: fleet.architecture,
            peak_instances: fleet.plan.peak_instances,
            modelled_usd: fleet.modelled,
            achievable_usd: fleet.achievable,
            floor_usd: fleet.floor,
            gap_percent: fleet.above_floor_percent(fleet.modelled),
            fargate_usd: fleet.fargate,
            break_even_gap_percent: fleet.fargate.map(|usd| fleet.above_floor_percent(usd)),
            binds: fleet.plan.binds.as_str(),
            purchase_options: purchases
                .map(|purchase| of_purchase(purchase, fleet.modelled))
                .collect(),
        }
    }

    /// Account, region and architecture.
    pub(super) fn name(&self) -> String {
        format!("{} {} {}", self.account, self.region, self.architecture)
    }

    /// The ways that have a price.
    pub(super) fn priced(&self) -> impl Iterator<Item = (&FleetPurchaseResult, Usd, Usd)> {
        self.purchase_options
            .iter()
            .filter_map(|way| Some((way, way.cost_usd?, way.upper_usd?)))
    }
}

fn of_purchase(purchase: &FleetPurchase, modelled: Usd) -> FleetPurchaseResult {
    let nothing = FleetPurchaseResult::unknown(purchase.option);
    match &purchase.bought {
        Ok(bought) => of_bought(nothing, bought, modelled),
        Err(reason) => FleetPurchaseResult {
            not_priced: Some(reason.to_string()),
            ..nothing
        },
    }
}

fn of_bought(nothing: FleetPurchaseResult, bought: &Bought, modelled: Usd) -> FleetPurchaseResult {
    let priced = FleetPurchaseResult {
        cost_usd: Some(bought.least),
        upper_usd: Some(bought.most),
        monthly_savings_usd: Some(modelled - bought.most),
        as_of: bought.as_of.clone(),
        quality: Some(bought.quality.as_str()),
        ..nothing
    };
    let percent = |share: Option<f64>| share.map(|share| (share * 10_000.0).round() / 100.0);
    match &bought.terms {
        Terms::Plan {
            commitments,
            coverage,
            utilization,
            break_even_utilization,
        } => FleetPurchaseResult {
            commitments: commitments.iter().map(of_commitment).collect(),
            covered_percent: percent(*coverage),
            utilization_percent: percent(*utilization),
            break_even_utilization_percent: percent(*break_even_utilization),
            ..priced
        },
        Terms::Spot {
            break_even_interruptions,
        } => FleetPurchaseResult {
            interruptions_percent: Some(MOST_INTERRUPTED_PERCENT),
            break_even_interruptions_percent: percent(*break_even_interruptions),
            ..priced
        },
    }
}

fn of_commitment(commitment: &FamilyCommitment) -> CommitmentResult {
    CommitmentResult {
        family: commitment.family.clone(),
        usd_per_hour: commitment.usd_per_hour,
        base_load_usd_per_hour: commitment.base_load_usd_per_hour,
    }
}
