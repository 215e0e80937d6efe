//! A report as people read it: sentences, then tables of typed cells. Every format for people prints this one view.

use super::amounts::{NOT_PRICED, count, money, percent};
use super::fleet_figures::FleetFigures;
use super::phrases::{self, NOTHING};
use super::result::{GroupsResult, Report, ResourceUsage, WorkloadResult};
use super::section::{Cell, Column, Fit, Row, Section, Sparkline, Tone};
use super::sentences;
use super::{cluster_view, notes, sparkline};
use crate::model::finding::Finding;
use crate::model::units::Usd;

/// A whole report, or what explains one workload.
pub(super) struct View {
    /// What it is and of when.
    pub(super) title: String,
    /// The answer, sentence by sentence.
    pub(super) lead: Vec<String>,
    /// The tables.
    pub(super) sections: Vec<Section>,
    /// What a reader should know before trusting a figure.
    pub(super) notes: Vec<String>,
}

/// The report as a view.
pub(super) fn of(report: &Report) -> View {
    let mut lead = vec![sentences::answer(report)];
    lead.extend(sentences::doubtful_prices(report));
    lead.extend(sentences::steps(report));
    lead.extend(sentences::purchases(report));
    lead.extend(cluster_view::savings(report));
    lead.extend(sentences::packing(report));
    let figures: Vec<&FleetFigures> = report.fleets.iter().map(|fleet| &fleet.figures).collect();
    lead.extend(super::fleets::bought_otherwise(&figures));
    lead.extend(selected(report));
    let mut sections = Vec::new();
    if !report.workloads.is_empty() {
        sections.push(workloads(report));
    }
    sections.extend(report.groups.as_ref().map(groups));
    if report.totals.workloads > 0 {
        sections.push(platforms(report));
    }
    sections.extend(cluster_view::sections(report));
    if !report.fleets.is_empty() {
        sections.push(fleets(report));
        sections.extend(figures.into_iter().filter_map(super::fleets::purchases));
    }
    View {
        title: format!(
            "Containers, {} to {}",
            phrases::date(&report.window.from),
            phrases::date(&report.window.to)
        ),
        lead,
        sections,
        notes: notes::notes(report),
    }
}

/// What was left out on purpose.
fn selected(report: &Report) -> Option<String> {
    let selection = &report.selection;
    let condition = selection
        .r#where
        .as_ref()
        .map(|condition| format!("Only workloads with {condition}."));
    let unlisted = (selection.not_listed > 0).then(|| {
        format!(
            "{} of {} workloads are listed; the sums are of all.",
            count(report.workloads.len()),
            count(report.totals.workloads)
        )
    });
    let said: Vec<String> = condition.into_iter().chain(unlisted).collect();
    (!said.is_empty()).then(|| said.join(" "))
}

/// One row per workload, what saves most first.
fn workloads(report: &Report) -> Section {
    let scoped = phrases::spans_scopes(report);
    Section {
        id: "workloads",
        heading: "Workloads".to_owned(),
        text: Vec::new(),
        columns: vec![
            Column::new("Workload", Fit::Text, ""),
            Column::text("Today"),
            Column::new("Recommended", Fit::Text, " → "),
            Column::number("Cost/month"),
            Column::number("Saves/month"),
            Column::text("Finding"),
            Column::new("Needs", Fit::Text, "; needs "),
            Column::new("Risk", Fit::Text, "; risk "),
            Column::new("Peak by day", Fit::Sparkline, ""),
        ],
        rows: report
            .workloads
            .iter()
            .map(|workload| workload_row(workload, scoped))
            .collect(),
    }
}

fn workload_row(workload: &WorkloadResult, scoped: bool) -> Row {
    let scope = if scoped {
        format!(", {}", phrases::scope(workload))
    } else {
        String::new()
    };
    let tone = match workload.finding {
        Finding::Underprovisioned => Tone::Bad,
        Finding::NotEnoughData => Tone::Quiet,
        Finding::Overprovisioned | Finding::Optimized => Tone::Plain,
    };
    let saves = workload.recommended.is_some() && workload.monthly_savings_usd > Some(Usd::ZERO);
    Row {
        cells: vec![
            Cell::Name(
                phrases::name(workload),
                format!("{}{scope}", workload.kind.as_str()),
            ),
            Cell::text(place(phrases::today(&workload.current))),
            Cell::text(place(phrases::advice(workload))),
            Cell::number(phrases::monthly_cost(workload)),
            Cell::Number(
                phrases::savings(workload),
                if saves { Tone::Good } else { Tone::Plain },
            ),
            Cell::text(phrases::finding(workload)),
            Cell::text(phrases::needs(workload)),
            Cell::text(phrases::risk(workload)),
            sparklines(workload),
        ],
        tone,
    }
}

/// Platform and size, where there is one.
pub(super) fn place((platform, size): (String, String)) -> String {
    if size.is_empty() {
        platform
    } else {
        format!("{platform} {size}")
    }
}

/// Both resources day by day against the present size, or against their own peak where that is not known.
fn sparklines(workload: &WorkloadResult) -> Cell {
    let size = workload.current.size.as_ref();
    let usage = &workload.usage;
    let lines: Vec<Sparkline> = [
        ("cpu", &usage.cpu, size.map(|size| size.vcpu)),
        (
            "mem",
            &usage.memory,
            size.map(|size| size.memory_gib * 1024.0),
        ),
    ]
    .into_iter()
    .filter_map(|(label, usage, size)| Some(course(label, usage.as_ref()?, size)))
    .collect();
    if lines.is_empty() {
        Cell::Nothing
    } else {
        Cell::Sparklines(lines)
    }
}

fn course(label: &'static str, usage: &ResourceUsage, size: Option<f64>) -> Sparkline {
    let days: Vec<f64> = usage.days.iter().map(|day| day.max).collect();
    let whole = size.filter(|size| *size > 0.0).unwrap_or(usage.max);
    Sparkline {
        label,
        course: sparkline::course(&days, whole),
        peak: size
            .filter(|size| *size > 0.0)
            .map_or_else(String::new, |size| percent(usage.max / size * 100.0)),
    }
}

fn groups(groups: &GroupsResult) -> Section {
    let rows = groups.groups.iter().map(|group| {
        let is_any_priced = group.not_priced < group.workloads;
        let (cost, saved) = if is_any_priced {
            (
                phrases::amount(&group.going_rate),
                money(group.monthly_savings_usd),
            )
        } else {
            (NOT_PRICED.to_owned(), NOTHING.to_owned())
        };
        Row::plain(vec![
            group.value.as_ref().map_or(Cell::Nothing, |value| {
                Cell::Name(value.clone(), String::new())
            }),
            Cell::number(count(group.workloads)),
            Cell::number(cost),
            Cell::number(saved),
            Cell::number(count(group.not_priced)),
        ])
    });
    Section {
        id: "groups",
        heading: format!("By {}", groups.by),
        text: Vec::new(),
        columns: vec![
            Column::new("Group", Fit::Text, ""),
            Column::number("Workloads"),
            Column::number("Cost/month"),
            Column::number("Saves/month"),
            Column::number("Not priced"),
        ],
        rows: rows.collect(),
    }
}

fn platforms(report: &Report) -> Section {
    let rows = sentences::platforms(report).into_iter().map(|on| {
        Row::plain(vec![
            Cell::text(phrases::capitalized(on.name)),
            Cell::number(on.workloads),
            Cell::number(on.today),
            Cell::number(on.there),
            Cell::number(on.change),
        ])
    });
    Section {
        id: "platforms",
        heading: "Platforms".to_owned(),
        text: vec![
            "If every workload that can ran on one platform, at the size it needs, on demand:"
                .to_owned(),
        ],
        columns: vec![
            Column::name("Platform"),
            Column::number("Workloads"),
            Column::number("Today/month"),
            Column::number("There/month"),
            Column::number("Change"),
        ],
        rows: rows.collect(),
    }
}

fn fleets(report: &Report) -> Section {
    let rows = report.fleets.iter().map(|fleet| {
        let said = sentences::fleet(fleet);
        Row::plain(vec![
            Cell::Name(said.name, String::new()),
            Cell::text(said.instances),
            Cell::text(said.binds),
            Cell::text(said.gap),
            Cell::text(said.break_even),
            Cell::number(said.cost),
            Cell::number(said.floor),
            Cell::number(said.fargate),
        ])
    });
    Section {
        id: "fleets",
        heading: "EC2 fleets".to_owned(),
        text: super::fleets::not_priced(report.fleets.iter().map(|fleet| &fleet.figures))
            .into_iter()
            .collect(),
        columns: vec![
            Column::new("Fleet", Fit::Text, ""),
            Column::text("Instances"),
            Column::new("Fills first", Fit::Text, ", fills first: "),
            Column::new("Gap to floor", Fit::Text, "\ngap to the floor "),
            Column::new("Break-even", Fit::Text, ", break-even with Fargate "),
            Column::number("Cost/month"),
            Column::number("Floor"),
            Column::number("On Fargate"),
        ],
        rows: rows.collect(),
    }
}
