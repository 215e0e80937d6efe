//! What a packed fleet would cost bought otherwise, as people read it.

use super::amounts::{money, percent};
use super::fleet_figures::{CommitmentResult, FleetFigures, FleetPurchaseResult};
use super::section::{Cell, Column, Fit, Row, Section};
use crate::model::units::Usd;
use crate::model::workload::InstancePurchase;
use crate::recommend::fleet::MOST_INTERRUPTED_PERCENT;

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
            Column::new("Committed/hour", Fit::Text, ", committed an hour: "),
            Column::new("Covers", Fit::Text, ", covers "),
            Column::new("Used", Fit::Text, ", used "),
            Column::new("Loses", Fit::Text, "\nloses "),
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
