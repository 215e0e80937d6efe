//! What would make the amounts of a workload surer: for each reason of doubt, what to collect or to look up.

use super::amounts::plural;
use crate::analysis::Assessed;
use crate::demand::Basis;
use crate::model::workload::{Configuration, Os, Platform};

/// One sentence for each reason why an amount is not exact; none where all are, or where there is none.
pub(super) fn by(workload: &Assessed) -> Vec<String> {
    if workload.measured_cost.is_err() && workload.going_rate.is_err() {
        return Vec::new();
    }
    let mut said: Vec<String> = evidence(workload);
    said.extend(configuration(workload));
    said
}

/// What is doubtful because not every start and stop was seen.
fn evidence(workload: &Assessed) -> Vec<String> {
    let demand = &workload.demand;
    let runs = &demand.runs;
    let has = |basis| demand.ran.iter().any(|component| component.basis == basis);
    let mut said = Vec::new();
    if has(Basis::SampleCount) {
        said.push(
            "tasks were counted minute by minute: ECS task state-change events (EventBridge) tell the start and stop of each"
                .to_owned(),
        );
    }
    if has(Basis::Sightings) {
        said.push(
            "tasks are known only by sightings: ECS task state-change events (EventBridge), or collecting every hour, tell more"
                .to_owned(),
        );
    }
    if runs.open > 0 {
        let open = plural(runs.open, "run");
        said.push(format!(
            "{open} never seen to stop: collect once more after the end, or import the events of the stop"
        ));
    }
    if runs.start_assumed > 0 {
        let assumed = plural(runs.start_assumed, "run");
        said.push(format!(
            "{assumed} without the time of the image pull or of PROVISIONING: events and `describe-tasks` tell it"
        ));
    }
    if let Some(seen) = demand.evidence.seen {
        let missing = plural(seen.of_window.saturating_sub(seen.seen), "day");
        said.push(format!(
            "{missing} of the window not looked at: `plimsoll collect` fetches what AWS still keeps"
        ));
    }
    said
}

/// What is doubtful because a configuration does not tell it.
fn configuration(workload: &Assessed) -> Vec<String> {
    let ran: Vec<&Configuration> = workload
        .demand
        .ran
        .iter()
        .map(|component| &component.configuration)
        .collect();
    let on_fargate =
        |configuration: &&&Configuration| configuration.platform() == Some(Platform::Fargate);
    let mut said = Vec::new();
    if ran
        .iter()
        .filter(on_fargate)
        .any(|of| of.architecture.is_none() && of.os_or_default() != Os::Windows)
    {
        said.push(
            "the architecture is not known: `aws ecs describe-task-definition` tells it".to_owned(),
        );
    }
    if ran
        .iter()
        .filter(on_fargate)
        .any(|of| of.capacity_provider.is_none())
    {
        said.push(
            "whether it ran on Spot is not known: task events and `aws ecs describe-tasks` name the capacity provider"
                .to_owned(),
        );
    }
    if ran.iter().any(|of| of.docker_server.is_some()) {
        said.push(
            "a Docker server is billed beside the build: no public list has its price, the bill does"
                .to_owned(),
        );
    }
    said
}
