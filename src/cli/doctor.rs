//! `doctor`: which accounts and regions can be reached, what is missing, and how much of the past is left to collect.

use std::fmt::Write as _;
use std::io::Write;

use clap::Args;

use super::collect::{ScopeArgs, exit_code, request_for};
use super::failure::cannot_print;
use crate::collect::doctor::{BUILD_DAYS, Checkup, ClusterCheck, Kept, METRIC_DAYS};
use crate::collect::summary::Line;
use crate::collect::{Collection, Insights};
use crate::model::error::Result;
use crate::report::escape::terminal;

/// Arguments of `doctor`.
#[derive(Debug, Args)]
#[command(
    after_help = "Tries each read once; the one GetMetricData request costs 0.00001 USD in each region."
)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    scope: ScopeArgs,
}

/// Looks and tells; exit code 3 when a permission is missing or a region cannot be reached.
pub(super) fn run(args: &DoctorArgs, out: &mut dyn Write) -> Result<u8> {
    let request = request_for(&args.scope)?;
    let collection = Collection::new(&request)?;
    let (checkups, refused) = collection.examine(&request)?;
    let mut text = String::new();
    for line in refused.iter().filter(|line| !line.is_left_out()) {
        let reason = line.reason.as_deref().unwrap_or_default();
        let _ = writeln!(
            text,
            "{} {}: cannot be reached: {}",
            terminal(&line.account),
            line.region,
            terminal(reason)
        );
    }
    for checkup in &checkups {
        text.push_str(&place_text(checkup));
    }
    out.write_all(text.as_bytes()).map_err(cannot_print)?;
    let is_whole =
        |checkup: &Checkup| missing(checkup).next().is_none() && checkup.faults.is_empty();
    let healthy = refused.iter().all(Line::is_left_out) && checkups.iter().all(is_whole);
    Ok(exit_code(collection.stopped(), !healthy))
}

fn missing(checkup: &Checkup) -> impl Iterator<Item = (&'static str, String)> {
    checkup
        .permissions
        .iter()
        .filter_map(|(operation, fault)| Some((*operation, fault.as_ref()?.reason())))
}

fn place_text(checkup: &Checkup) -> String {
    let mut text = format!(
        "account {} region {} as {}\n",
        checkup.account,
        checkup.region,
        terminal(&checkup.caller)
    );
    let tried = checkup.permissions.len();
    let granted = tried - missing(checkup).count();
    let _ = writeln!(text, "  permissions  {granted} of {tried} reads granted");
    for (operation, why) in missing(checkup) {
        let _ = writeln!(text, "    missing    {operation}: {}", terminal(&why));
    }
    for fault in &checkup.faults {
        let _ = writeln!(text, "  not seen     {}", terminal(fault));
    }
    let metrics: Vec<String> = METRIC_DAYS
        .iter()
        .map(|(days, period)| format!("{days} days at {period}"))
        .collect();
    let _ = writeln!(
        text,
        "  metrics      CloudWatch keeps {}",
        metrics.join(", ")
    );
    let _ = writeln!(text, "  builds       CodeBuild lists {BUILD_DAYS} days");
    if checkup.clusters.is_empty() && checkup.faults.is_empty() {
        text.push_str("  clusters     none\n");
    }
    for cluster in &checkup.clusters {
        text.push_str(&cluster_text(cluster));
    }
    text
}

fn cluster_text(cluster: &ClusterCheck) -> String {
    let insights = match cluster.insights {
        Insights::Disabled => "off",
        Insights::Standard => "standard",
        Insights::Enhanced => "enhanced",
    };
    let kept = |kept: Kept, nothing: &str| match kept {
        Kept::Days(days) => format!("{days} days kept"),
        Kept::Shared(days) => format!("{days} days kept in a group of several clusters"),
        Kept::Nothing => nothing.to_owned(),
        Kept::Unknown => "not known".to_owned(),
    };
    let mut text = format!(
        "  cluster      {}: {} services; Container Insights {insights}; task events {}; task logs {}\n",
        terminal(&cluster.name),
        cluster.services,
        kept(cluster.events, "not captured"),
        kept(cluster.logs, "none"),
    );
    if cluster.events == Kept::Nothing {
        text.push_str(
            "    advice     capture task events (ECS console, cluster, Task event history, or an EventBridge rule to CloudWatch Logs):\n               \
             without them, tasks that end between two collections more than an hour apart are never seen\n",
        );
    }
    if cluster.insights == Insights::Disabled {
        text.push_str(
            "    advice     switch on Container Insights if standalone tasks run here: AWS/ECS measures services only\n",
        );
    }
    text
}
