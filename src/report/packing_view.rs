//! Fleet plans as people read them.

use super::amounts::{count, money, money_or_not, percent, plural, share};
use super::fleets;
use super::packing::{CausesResult, FleetPlanResult, PackingResult, TenantResult};
use super::phrases;
use super::section::{Cell, Column, Fit, Row, Section};
use super::view::View;
use crate::model::units::{MS_PER_HOUR, Usd};

/// Days listed one by one.
const MOST_DAYS: usize = 62;

/// All fleets as a view.
pub(super) fn of(packing: &PackingResult) -> View {
    let mut sections = Vec::new();
    for fleet in &packing.fleets {
        sections.extend([
            instances(fleet),
            days(fleet),
            stranded(fleet),
            workloads(fleet),
        ]);
        sections.extend(changes(fleet));
        sections.extend(fleets::purchases(&fleet.figures));
    }
    let mut lead: Vec<String> = packing.fleets.iter().flat_map(sentences).collect();
    if lead.is_empty() {
        lead.push("No workload can be packed on EC2: none with a known size can run there.".into());
    }
    View {
        title: format!(
            "EC2 fleets, {} to {}",
            phrases::date(&packing.window.from),
            phrases::date(&packing.window.to)
        ),
        lead,
        sections,
        notes: notes(packing),
    }
}

/// What the fleet costs, against what; who belongs on it; what makes it dear; what would make it cheaper.
fn sentences(fleet: &FleetPlanResult) -> Vec<String> {
    let against = fleet.figures.fargate_usd.map_or_else(
        || "on Fargate the same is not priced".to_owned(),
        |fargate| {
            format!(
                "on Fargate the same costs {}, so packing wins below a gap of {}",
                money(fargate),
                fleet
                    .figures
                    .break_even_gap_percent
                    .map_or_else(String::new, percent)
            )
        },
    );
    let workloads = plural(fleet.workloads.len(), "workload");
    let belongs = if fleet.is_advised {
        format!("{workloads} belong on it")
    } else {
        format!("nobody belongs on it, {workloads} could run there")
    };
    let mut said = vec![format!(
        "{}: {} a month as ECS would run it, {} above the floor of {} that no fleet can beat, {} with the best planning; \
         {against}; {belongs}.",
        fleet.figures.name(),
        money(fleet.figures.modelled_usd),
        percent(fleet.figures.gap_percent),
        money(fleet.figures.floor_usd),
        money(fleet.figures.achievable_usd),
    )];
    let saved = share(
        fleet.unpacked_usd - fleet.figures.modelled_usd,
        fleet.unpacked_usd,
    )
    .filter(|_| fleet.unpacked_usd > fleet.figures.modelled_usd)
    .map_or_else(String::new, |saved| {
        format!("; packing saves {saved} of that")
    });
    said.push(format!(
        "Each task on an instance of its own: {}{saved}. {}",
        money(fleet.unpacked_usd),
        fleet
            .without_trunking_usd
            .map_or_else(String::new, |usd| format!(
                "Without the account setting awsvpcTrunking: {}.",
                money(usd)
            ))
    ));
    if let Some(change) = fleet.changes.first() {
        said.push(format!(
            "Cheapest next change: {}, {} a month ({} less).",
            change.change,
            money(change.modelled_usd),
            money(fleet.figures.modelled_usd - change.modelled_usd)
        ));
    }
    said.extend(fleets::bought_otherwise(&[&fleet.figures]));
    said
}

fn instances(fleet: &FleetPlanResult) -> Section {
    let rows = fleet.types.iter().map(|of| {
        Row::plain(vec![
            Cell::Name(of.instance_type.clone(), String::new()),
            Cell::number(count(of.peak_instances)),
            Cell::number(count(of.starts)),
            Cell::number(hours(of.instance_hours)),
            Cell::number(money(of.window_usd)),
        ])
    });
    let used = &fleet.utilization_percent;
    let interfaces = used.network_interfaces.map_or_else(String::new, |used| {
        format!(", network interfaces {}", percent(used))
    });
    Section {
        id: "instances",
        heading: format!("Instances of {}", fleet.figures.name()),
        text: vec![format!(
            "Reserved by tasks: cpu {}, memory {}{interfaces}; {} fills first. Placement {}.",
            percent(used.cpu),
            percent(used.memory),
            fleet.figures.binds.replace('_', " "),
            fleet.placement
        )],
        columns: vec![
            Column::name("Type"),
            Column::number("Most at once"),
            Column::number("Starts"),
            Column::number("Hours"),
            Column::number("Cost in the window"),
        ],
        rows: rows.collect(),
    }
}

#[allow(clippy::cast_possible_truncation)] // hours of instances
fn hours(hours: f64) -> String {
    count(hours.round() as i64)
}

fn days(fleet: &FleetPlanResult) -> Section {
    let days = fleet.days();
    let left_out = days.len().saturating_sub(MOST_DAYS);
    let rows = days.iter().take(MOST_DAYS).map(|(from_ms, types)| {
        let of_type = |of: &super::packing::Day<'_>| {
            if of.fewest == of.most {
                format!("{} × {}", of.most, of.instance_type)
            } else {
                format!("{}–{} × {}", of.fewest, of.most, of.instance_type)
            }
        };
        let instances: Vec<String> = types.iter().map(of_type).collect();
        let ms: i64 = types.iter().map(|of| of.instance_ms).sum();
        let day = jiff::Timestamp::from_millisecond(*from_ms)
            .unwrap_or_default()
            .to_string();
        Row::plain(vec![
            Cell::Name(phrases::date(&day).to_owned(), String::new()),
            Cell::text(instances.join(", ")),
            Cell::number(hours(ms as f64 / MS_PER_HOUR as f64)),
        ])
    });
    Section {
        id: "days",
        heading: format!("Instances over time of {}", fleet.figures.name()),
        text: (left_out > 0)
            .then(|| format!("{} more are in the JSON.", plural(left_out, "day")))
            .into_iter()
            .collect(),
        columns: vec![
            Column::name("Day (UTC)"),
            Column::text("Instances, fewest to most"),
            Column::number("Hours"),
        ],
        rows: rows.collect(),
    }
}

fn stranded(fleet: &FleetPlanResult) -> Section {
    let row = |resource: &str, causes: &CausesResult| {
        Row::plain(vec![
            Cell::text(resource),
            Cell::number(percent(causes.boot)),
            Cell::number(percent(causes.empty)),
            Cell::number(percent(causes.imbalance)),
            Cell::number(percent(causes.fragmentation)),
        ])
    };
    Section {
        id: "stranded",
        heading: format!("Paid for and reserved by no task, {}", fleet.figures.name()),
        text: Vec::new(),
        columns: vec![
            Column::new("Resource", Fit::Name, ""),
            Column::number("Booting"),
            Column::number("Empty"),
            Column::number("Other proportions"),
            Column::number("Fragments"),
        ],
        rows: vec![
            row("cpu", &fleet.stranded_percent.cpu),
            row("memory", &fleet.stranded_percent.memory),
        ],
    }
}

fn workloads(fleet: &FleetPlanResult) -> Section {
    let row = |tenant: &TenantResult| {
        let cluster = tenant.cluster.clone().unwrap_or_default();
        Row::plain(vec![
            Cell::Name(tenant.name.clone(), cluster),
            Cell::number(money(tenant.cost_usd)),
            Cell::number(money(tenant.split_cost_usd)),
            Cell::number(
                tenant
                    .marginal_usd
                    .map_or_else(|| "not tried".to_owned(), money),
            ),
            Cell::number(money_or_not(tenant.elsewhere_usd)),
        ])
    };
    let sum = |of: fn(&TenantResult) -> Usd| fleet.workloads.iter().map(of).sum::<Usd>();
    Section {
        id: "shares",
        heading: format!("Who pays for {}", fleet.figures.name()),
        text: vec![format!(
            "Parts of a month; by resource prices they add up to {}, by AWS's split-cost rule to {}. Marginal is what the \
             fleet costs less without the workload.",
            money(sum(|tenant| tenant.cost_usd)),
            money(sum(|tenant| tenant.split_cost_usd)),
        )],
        columns: vec![
            Column::name("Workload"),
            Column::number("Part"),
            Column::number("Split cost"),
            Column::number("Marginal"),
            Column::number("Elsewhere"),
        ],
        rows: fleet.workloads.iter().map(row).collect(),
    }
}

fn changes(fleet: &FleetPlanResult) -> Option<Section> {
    let rows = fleet.changes.iter().map(|change| {
        Row::plain(vec![
            Cell::text(change.change),
            Cell::number(money(change.modelled_usd)),
            Cell::number(money(fleet.figures.modelled_usd - change.modelled_usd)),
        ])
    });
    (!fleet.changes.is_empty()).then(|| Section {
        id: "changes",
        heading: format!("With one thing different, {}", fleet.figures.name()),
        text: Vec::new(),
        columns: vec![
            Column::text("Change"),
            Column::number("Cost/month"),
            Column::number("Saves"),
        ],
        rows: rows.collect(),
    })
}

fn notes(packing: &PackingResult) -> Vec<String> {
    let rules = &packing.rules;
    let mut notes = vec![
        format!(
            "By the rules of ECS: network {} where no task definition tells, target capacity {} %, {}, {} s from launch to the \
             first task, scale-in after {} s, {} from zero. Nothing moves.",
            rules.network,
            rules.target_capacity_percent,
            plural(rules.availability_zones, "Availability Zone"),
            rules.boot_s,
            rules.scale_in_s,
            plural(rules.from_zero, "instance"),
        ),
        format!(
            "On demand at list prices of {}; a month is 730 hours.",
            packing.prices.as_of
        ),
    ];
    let figures = packing.fleets.iter().map(|fleet| &fleet.figures);
    notes.extend(fleets::not_priced(figures));
    notes
}
