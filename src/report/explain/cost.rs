//! What a workload costs, line by line, and what it would cost elsewhere.

use crate::model::units::{HOURS_PER_MONTH, Usd};
use crate::report::amounts::{count, money};
use crate::report::phrases;
use crate::report::result::{
    AmountResult, CostLineResult, PlacementResult, Report, WorkloadResult,
};
use crate::report::section::{Cell, Column, Fit, Row, Section};
use crate::report::view::place;

/// What it cost in the window.
pub(super) fn measured(report: &Report, workload: &WorkloadResult) -> Section {
    let known = match workload.current.basis {
        Some("runs") => "from the start and stop of its runs",
        Some("sample_count") => "from counted tasks (SampleCount)",
        _ => "from when it was seen",
    };
    let text = format!(
        "What ran from {} to {}, as it was configured then, {known}, at list price.",
        phrases::date(&report.window.from),
        phrases::date(&report.window.to)
    );
    let amount = workload.current.measured_cost.as_ref();
    lines("measured", "Measured cost", &text, amount)
}

/// What a month of it costs today.
pub(super) fn rate(workload: &WorkloadResult) -> Section {
    let text = format!(
        "A month of {HOURS_PER_MONTH} hours as it is configured today, at the pace since then; savings are differences of this."
    );
    let amount = workload.current.going_rate.as_ref();
    lines("rate", "Going rate", &text, amount)
}

/// Where to go, line by line.
pub(super) fn recommended(workload: &WorkloadResult) -> Section {
    let rate = workload
        .recommended
        .as_ref()
        .and_then(|there| there.going_rate.as_ref());
    let text = workload
        .recommended
        .as_ref()
        .map_or_else(String::new, |there| {
            format!(
                "A month on {}{}.",
                place(phrases::advice(workload)),
                there.effort.map_or_else(String::new, |effort| format!(
                    ", {} effort",
                    phrases::effort(effort)
                ))
            )
        });
    lines("recommended", "Recommended", &text, rate)
}

/// An amount line by line: quantity × price, and the sum.
pub(in crate::report) fn lines(
    id: &'static str,
    heading: &str,
    text: &str,
    amount: Option<&AmountResult>,
) -> Section {
    let mut rows: Vec<Row> = amount
        .iter()
        .flat_map(|amount| &amount.lines)
        .map(line_row)
        .collect();
    rows.extend(amount.map(|amount| {
        let mut cells = vec![Cell::text(certainty(amount))];
        cells.resize_with(3, || Cell::Nothing);
        cells.push(Cell::number(money(amount.usd)));
        cells.push(Cell::Nothing);
        Row::plain(cells)
    }));
    Section {
        text: match amount {
            Some(_) if !text.is_empty() => vec![text.to_owned()],
            _ => Vec::new(),
        },
        ..Section::of(
            id,
            heading,
            vec![
                Column::new("Of", Fit::Text, ""),
                Column::number("Quantity"),
                Column::number("Price, USD"),
                Column::number("Cost"),
                Column::text("Price as of"),
            ],
            rows,
        )
    }
}

fn line_row(line: &CostLineResult) -> Row {
    let quantity = (line.quantity * 1e4).round() / 1e4;
    Row::plain(vec![
        Cell::text(format!("{}: {}", line.of, line.component.replace('_', " "))),
        Cell::number(format!("{} {}", count(quantity), line.unit)),
        Cell::number(line.price_usd.to_string()),
        Cell::number(money(line.usd)),
        Cell::text(format!(
            "{}, {}: {}",
            line.as_of.as_deref().unwrap_or("no date"),
            line.quality.replace('_', " "),
            line.source
        )),
    ])
}

/// How sure a sum is, and what bounds it.
fn certainty(amount: &AmountResult) -> String {
    let ends = match (amount.lower_usd, amount.upper_usd) {
        (Some(lower), Some(upper)) => format!(" {} and {}", money(lower), money(upper)),
        (Some(end), None) | (None, Some(end)) => format!(" {}", money(end)),
        (None, None) => String::new(),
    };
    format!("sum, {}{ends}", amount.certainty.as_str().replace('_', " "))
}

pub(super) fn steps(workload: &WorkloadResult) -> Section {
    let taken = workload
        .savings_steps
        .iter()
        .filter(|step| step.monthly_savings_usd != Usd::ZERO);
    Section::of(
        "steps",
        "Savings by step",
        vec![
            Column::name("Step"),
            Column::name("Effort"),
            Column::number("Saves/month"),
        ],
        taken
            .map(|step| {
                Row::plain(vec![
                    Cell::text(phrases::capitalized(phrases::step_name(step.step))),
                    Cell::text(phrases::effort(step.effort)),
                    Cell::number(money(step.monthly_savings_usd)),
                ])
            })
            .collect(),
    )
}

/// Every placement, cheapest first, and why not the others.
pub(in crate::report) fn placements(workload: &WorkloadResult) -> Section {
    let row = |placement: &PlacementResult| {
        let rate = match &placement.going_rate {
            Some(rate) => phrases::amount(rate),
            None if placement.feasible => "not priced".to_owned(),
            None => "not possible".to_owned(),
        };
        let mut reasons = placement.reasons.clone();
        reasons.extend(placement.not_priced.clone());
        Row::plain(vec![
            Cell::text(placement_name(placement)),
            Cell::number(rate),
            Cell::text(placement.effort.map_or_else(String::new, phrases::effort)),
            Cell::text(reasons.join("; ")),
        ])
    };
    Section::of(
        "placements",
        "Every placement",
        vec![
            Column::new("Where", Fit::Text, ""),
            Column::number("Cost/month"),
            Column::name("Effort"),
            Column::text("To mind, or why not"),
        ],
        workload.placements.iter().map(row).collect(),
    )
}

/// Platform, architecture, size and purchase option.
pub(in crate::report) fn placement_name(placement: &PlacementResult) -> String {
    let size = placement.size.as_ref().map(phrases::size);
    let words = [
        Some(phrases::capitalized(phrases::platform_name(
            placement.platform,
        ))),
        Some(placement.architecture.to_string()),
        size,
        Some(phrases::purchase_option(placement.purchase_option)),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}
