//! What a report and a fleet plan both say of a packed fleet: its figures, and what it would cost bought otherwise.

use schemars::JsonSchema;
use serde::Serialize;

use super::amounts::{money, percent};
use super::view::{Cell, Column, Row, Section};
use crate::model::units::Usd;
use crate::model::workload::{Architecture, InstancePurchase};
use crate::placement::effort::Effort;
use crate::recommend::fleet::PackedFleet;
use crate::recommend::fleet::purchase::{
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
    fn priced(&self) -> impl Iterator<Item = (&FleetPurchaseResult, Usd, Usd)> {
        self.purchase_options
            .iter()
            .filter_map(|way| Some((way, way.cost_usd?, way.upper_usd?)))
    }
}

fn of_purchase(purchase: &FleetPurchase, modelled: Usd) -> FleetPurchaseResult {
    let nothing = FleetPurchaseResult {
        purchase_option: purchase.option,
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
    };
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

/// A way of buying instances as people say it.
const fn spoken(option: InstancePurchase) -> &'static str {
    match option {
        InstancePurchase::Spot => "on Spot",
        InstancePurchase::ComputePlan1yr => "with a 1-year Compute Savings Plan",
        InstancePurchase::ComputePlan3yr => "with a 3-year Compute Savings Plan",
        InstancePurchase::InstancePlan1yr => "with a 1-year EC2 Instance Savings Plan",
        InstancePurchase::InstancePlan3yr => "with a 3-year EC2 Instance Savings Plan",
    }
}

/// The same as a heading says it.
fn named(option: InstancePurchase) -> &'static str {
    let spoken = spoken(option);
    let named = spoken.strip_prefix("with a ");
    named.or(spoken.strip_prefix("on ")).unwrap_or(spoken)
}

/// `$80.00`, or `$80.00 to $100.00`.
fn range(least: Usd, most: Usd) -> String {
    let (from, to) = (money(least), money(most));
    if from == to {
        from
    } else {
        format!("{from} to {to}")
    }
}

/// What the fleets would cost less a month bought otherwise, all that are priced so together; `None` where nothing would.
pub(super) fn bought_otherwise(fleets: &[&FleetFigures]) -> Option<String> {
    let less = |option: InstancePurchase| {
        let (mut least, mut most) = (Usd::ZERO, Usd::ZERO);
        for fleet in fleets {
            let mut ways = fleet.priced();
            if let Some((_, cost, upper)) = ways.find(|(way, ..)| way.purchase_option == option)
                && upper < fleet.modelled_usd
            {
                least += fleet.modelled_usd - upper;
                most += fleet.modelled_usd - cost;
            }
        }
        (least > Usd::ZERO).then(|| format!("{} less {}", range(least, most), spoken(option)))
    };
    let ways = InstancePurchase::ALL.iter();
    let said: Vec<String> = ways.filter_map(|&option| less(option)).collect();
    (!said.is_empty()).then(|| {
        format!(
            "Bought otherwise, packed instances would cost {} (low effort; a risk or a commitment, not advice).",
            said.join(" or ")
        )
    })
}

/// The ways of buying a fleet's instances; `None` where none is priced.
pub(super) fn purchases(fleet: &FleetFigures) -> Option<Section> {
    let rows: Vec<Row> = fleet
        .priced()
        .map(|(way, cost, upper)| {
            Row::plain(vec![
                Cell::text(named(way.purchase_option)),
                Cell::text(commitments(&way.commitments)),
                Cell::text(way.covered_percent.map_or_else(String::new, percent)),
                Cell::text(way.utilization_percent.map_or_else(String::new, percent)),
                Cell::text(loses(way)),
                Cell::number(range(cost, upper)),
                Cell::number(range(fleet.modelled_usd - upper, fleet.modelled_usd - cost)),
            ])
        })
        .collect();
    (!rows.is_empty()).then(|| Section {
        id: "bought",
        heading: format!("Bought otherwise, {}", fleet.name()),
        text: terms(fleet),
        columns: vec![
            Column::text("Bought"),
            Column::new(
                "Committed/hour",
                super::view::Fit::Text,
                ", committed an hour: ",
            ),
            Column::new("Covers", super::view::Fit::Text, ", covers "),
            Column::new("Used", super::view::Fit::Text, ", used "),
            Column::new("Loses", super::view::Fit::Text, "\nloses "),
            Column::number("Cost/month"),
            Column::number("Saves/month"),
        ],
        rows,
    })
}

fn commitments(commitments: &[CommitmentResult]) -> String {
    let bought = commitments
        .iter()
        .filter(|commitment| commitment.usd_per_hour > Usd::ZERO);
    let said: Vec<String> = bought
        .map(|commitment| {
            let family = commitment.family.as_deref();
            let family = family.map_or_else(String::new, |family| format!("{family} "));
            format!("{family}${}", commitment.usd_per_hour.amount().normalize())
        })
        .collect();
    if said.is_empty() && !commitments.is_empty() {
        return "none: it would save nothing".to_owned();
    }
    said.join(", ")
}

/// From where on it costs more than on demand.
fn loses(way: &FleetPurchaseResult) -> String {
    let used = way
        .break_even_utilization_percent
        .map(|break_even| format!("below {} used", percent(break_even)));
    let interrupted = way.break_even_interruptions_percent.map(|break_even| {
        let times = format!("{:.1}", break_even / 100.0);
        format!("above {times} interruptions of each instance a month")
    });
    used.or(interrupted).unwrap_or_default()
}

/// What the ways of buying rest on.
fn terms(fleet: &FleetFigures) -> Vec<String> {
    let is_priced = |wanted: fn(InstancePurchase) -> bool| {
        fleet.priced().find(|(way, ..)| wanted(way.purchase_option))
    };
    let mut terms = vec![
        "A commitment or a risk, not advice; one excludes the other. Each way is held against the cost as ECS would run it."
            .to_owned(),
    ];
    if is_priced(|option| option != InstancePurchase::Spot).is_some() {
        terms.push(
            "A commitment is paid every hour, used or not; this one costs least over the hours of the window, nothing paid \
             upfront."
                .to_owned(),
        );
    }
    if let Some((spot, ..)) = is_priced(|option| option == InstancePurchase::Spot) {
        let as_of = spot.as_of.as_deref().unwrap_or("an unknown day");
        terms.push(format!(
            "Spot prices float: these are a {} of {as_of}. From no interruption to {MOST_INTERRUPTED_PERCENT} for a hundred \
             instances a month, the highest band of the Spot Instance advisor with an end; an interrupted job is run again, \
             an interrupted service task started again.",
            spot.quality.unwrap_or("snapshot"),
        ));
    }
    terms
}

/// Which ways of buying have no price, and how to get one; `None` where all have.
pub(super) fn not_priced<'f>(fleets: impl Iterator<Item = &'f FleetFigures>) -> Option<String> {
    let ways = fleets.flat_map(|fleet| &fleet.purchase_options);
    let mut names: Vec<&'static str> = Vec::new();
    let mut first = None;
    for (way, reason) in ways.filter_map(|way| Some((way, way.not_priced.as_ref()?))) {
        let name = named(way.purchase_option);
        if !names.contains(&name) {
            names.push(name);
        }
        first = first.or(Some(reason));
    }
    let reason = first?;
    let names = if names.len() == InstancePurchase::ALL.len() {
        "Spot and Savings Plans".to_owned()
    } else {
        names.join(", ")
    };
    Some(format!(
        "Not priced for instances: {names} ({reason}); `plimsoll prices refresh --savings-plans --spot` gets these prices."
    ))
}
