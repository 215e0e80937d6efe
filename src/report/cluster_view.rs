//! What is said of clusters on EC2 instances: what they are today, and what they could be.
//!
//! Plain, untrusted text, as in [`super::phrases`].

use super::amounts::{NOT_PRICED, count, money, percent, plural};
use super::phrases::{amount, effort, mark};
use super::result::{
    ClusterResult, ClusterScaledResult, ClusterWayResult, InstancesResult, Report, WorkloadResult,
};
use super::section::{Cell, Column, Fit, Row, Section, Tone};
use crate::model::finding::Finding;
use crate::model::units::Usd;

/// The clusters as they are, and what they could be; empty without clusters.
pub(super) fn sections(report: &Report) -> Vec<Section> {
    if report.clusters.is_empty() {
        return Vec::new();
    }
    let has_ways = report.clusters.iter().any(|of| !of.could_be.is_empty());
    let mut sections = vec![today(report)];
    sections.extend(has_ways.then(|| could_be(report)));
    sections
}

/// What clusters could save beside the savings of workloads; `None` where no instance can go.
pub(super) fn savings(report: &Report) -> Option<String> {
    let advised: Vec<&ClusterWayResult> = report.clusters.iter().filter_map(advised).collect();
    let saved: Usd = advised.iter().map(|way| way.monthly_savings.usd).sum();
    (!advised.is_empty()).then(|| {
        format!(
            "Beside these savings, {} of {} could do with fewer instances and save about {} a month.",
            count(advised.len()),
            plural(report.clusters.len(), "EC2 cluster"),
            money(saved)
        )
    })
}

/// What is said of the cluster on whose instances a workload runs; `None` where it runs on none that were seen.
pub(super) fn of_tenant(report: &Report, workload: &WorkloadResult) -> Option<String> {
    let is_home = |cluster: &&ClusterResult| {
        let is_it = |of: &super::result::ClusterTenantResult| {
            of.kind == workload.kind && of.name == workload.name
        };
        (&cluster.account, &cluster.region) == (&workload.account, &workload.region)
            && workload.cluster.as_ref() == Some(&cluster.cluster)
            && cluster.tenants.iter().any(is_it)
    };
    let cluster = report.clusters.iter().find(is_home)?;
    Some(format!("Its cluster's instances: {}.", finding(cluster)))
}

fn advised(cluster: &ClusterResult) -> Option<&ClusterWayResult> {
    cluster.could_be.iter().find(|way| way.is_advised)
}

fn today(report: &Report) -> Section {
    Section {
        id: "clusters",
        heading: "EC2 clusters today".to_owned(),
        text: vec![
            "The instances when somebody last looked, on demand; each workload pays for what it reserves of them."
                .to_owned(),
        ],
        columns: vec![
            Column::new("Cluster", Fit::Text, ""),
            Column::text("Instances"),
            Column::new("CPU reserved", Fit::Text, ", CPU reserved: "),
            Column::new("Memory reserved", Fit::Text, ", memory reserved: "),
            Column::number("Workloads"),
            Column::number("Cost/month"),
            Column::number("Saves/month"),
            Column::text("Finding"),
        ],
        rows: report.clusters.iter().map(cluster_row).collect(),
    }
}

fn cluster_row(cluster: &ClusterResult) -> Row {
    let reserved = |share: Option<f64>| share.map_or_else(|| "not known".to_owned(), percent);
    let cost = cluster.going_rate.as_ref();
    let saves = advised(cluster);
    Row {
        cells: vec![
            Cell::Name(name(cluster), String::new()),
            Cell::text(instances(&cluster.instances)),
            Cell::text(reserved(cluster.reserved_cpu_percent)),
            Cell::text(reserved(cluster.reserved_memory_percent)),
            Cell::number(count(cluster.tenants.len())),
            Cell::number(cost.map_or_else(|| NOT_PRICED.to_owned(), amount)),
            saves.map_or(Cell::Nothing, |way| {
                Cell::Number(amount(&way.monthly_savings), Tone::Good)
            }),
            Cell::text(finding(cluster)),
        ],
        tone: match cluster.finding {
            Finding::Underprovisioned => Tone::Bad,
            Finding::NotEnoughData => Tone::Quiet,
            Finding::Overprovisioned | Finding::Optimized => Tone::Plain,
        },
    }
}

fn name(cluster: &ClusterResult) -> String {
    format!("{} {} {}", cluster.account, cluster.region, cluster.cluster)
}

/// `4 × m7i.large + 1 × unknown type`.
fn instances(instances: &[InstancesResult]) -> String {
    let of_type = |of: &InstancesResult| {
        let name = of.instance_type.as_deref().unwrap_or("unknown type");
        format!("{} × {name}", count(of.count))
    };
    let all: Vec<String> = instances.iter().map(of_type).collect();
    all.join(" + ")
}

/// The finding and why.
fn finding(cluster: &ClusterResult) -> String {
    let word = cluster.finding.as_str();
    if cluster.reasons.is_empty() {
        word.to_owned()
    } else {
        format!("{word}: {}", cluster.reasons.join("; "))
    }
}

fn could_be(report: &Report) -> Section {
    let rows = report.clusters.iter().flat_map(|cluster| {
        let ways = cluster.could_be.iter();
        ways.map(move |way| way_row(cluster, way))
    });
    Section {
        id: "clusters-could-be",
        heading: "What EC2 clusters could be".to_owned(),
        text: vec![
            "Instances that are there all month, on which all that ran at once has room. Of each cluster at most one can be \
             taken, and none is part of the savings above: what goes is instances, not tasks. Under managed scaling they \
             come and go; no saving rests on that. Placement constraints and fixed host ports are not known: look at them \
             before an instance goes."
                .to_owned(),
        ],
        columns: vec![
            Column::new("Cluster", Fit::Text, ""),
            Column::text("Change"),
            Column::text("Instances"),
            Column::new("Managed scaling", Fit::Text, ", under managed scaling "),
            Column::new("Fills first", Fit::Text, ", fills first: "),
            Column::new("Effort", Fit::Text, ", effort: "),
            Column::number("Cost/month"),
            Column::number("Saves/month"),
        ],
        rows: rows.collect(),
    }
}

fn way_row(cluster: &ClusterResult, way: &ClusterWayResult) -> Row {
    let saves = &way.monthly_savings;
    Row::plain(vec![
        Cell::Name(name(cluster), String::new()),
        Cell::text(change(way)),
        Cell::text(instances(&way.instances)),
        way.scaled
            .as_ref()
            .map_or(Cell::Nothing, |scaled| Cell::text(under_scaling(scaled))),
        Cell::text(way.binds.replace('_', " ")),
        Cell::text(effort(way.effort)),
        Cell::number(amount(&way.going_rate)),
        Cell::Number(
            amount(saves),
            if way.is_advised {
                Tone::Good
            } else {
                Tone::Plain
            },
        ),
    ])
}

/// What changes, on which condition.
fn change(way: &ClusterWayResult) -> String {
    let what = match way.change {
        "fewer_instances" => "fewer of the same",
        "other_instance_type" => "another instance type",
        _ => "Graviton",
    };
    let mut said = what.to_owned();
    if way.sizes == "needed" {
        said += ", tasks resized first";
    }
    if let Some(condition) = &way.condition {
        said = format!("{said}, if {condition}");
    }
    if way.is_advised {
        said += " (advised)";
    }
    said
}

/// `2.4 on average, at most 4, ~$120.00`.
fn under_scaling(scaled: &ClusterScaledResult) -> String {
    format!(
        "{} on average, at most {}, {}{}",
        scaled.mean_instances,
        count(scaled.peak_instances),
        mark(crate::pricing::cost::Certainty::Estimated),
        money(scaled.modelled_usd)
    )
}
