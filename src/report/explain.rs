//! Everything that is known of one workload, from evidence to cents, as a view.

mod cost;
mod need;
mod seen;

pub(super) use cost::{lines, placement_name, placements};
pub(super) use need::sizes;
pub(super) use seen::tags;

use super::result::{Report, WorkloadResult};
use super::view::{View, place};
use super::{cluster_view, phrases};

/// The view of one workload.
pub(super) fn view(report: &Report, workload: &WorkloadResult) -> View {
    let sections = [
        seen::evidence(workload),
        seen::kills(workload),
        seen::run_lengths(workload),
        need::needs(report, workload),
        need::sizes(workload),
        seen::histogram(workload),
        seen::days(workload),
        cost::measured(report, workload),
        cost::rate(workload),
        cost::recommended(workload),
        cost::steps(workload),
        cost::placements(workload),
    ];
    View {
        title: format!(
            "{} ({}, {})",
            phrases::name(workload),
            workload.kind.as_str(),
            phrases::scope(workload)
        ),
        lead: lead(workload)
            .into_iter()
            .chain(cluster_view::of_tenant(report, workload))
            .chain(surer(workload))
            .collect(),
        sections: sections
            .into_iter()
            .filter(|section| !section.rows.is_empty() || !section.text.is_empty())
            .collect(),
        notes: super::notes::notes(report),
    }
}

/// What is advised and why, what comes next, and what would change it.
pub(super) fn lead(workload: &WorkloadResult) -> Vec<String> {
    let today = place(phrases::today(&workload.current));
    let cost = phrases::monthly_cost(workload);
    let advice = place(phrases::advice(workload));
    let answer = match &workload.recommended {
        Some(_) => format!(
            "{}: from {today} ({cost} a month) to {advice}, which {} a month.",
            phrases::name(workload),
            phrases::consequence(workload)
                .unwrap_or_else(|| "changes the cost by an amount not known".to_owned())
        ),
        None => format!(
            "{}: {advice} on {today} ({cost} a month).",
            phrases::name(workload)
        ),
    };
    let mut lead = vec![answer, format!("{}.", phrases::finding(workload))];
    lead.extend(workload.reasons.iter().map(|reason| sentence(reason)));
    lead.extend(workload.second_best.iter().map(|second| {
        format!(
            "Next best: {}; it wins if {}.",
            place((
                phrases::platform_there(&second.placement, &workload.current),
                second
                    .placement
                    .size
                    .as_ref()
                    .map_or_else(String::new, phrases::size),
            )),
            second.wins_if
        )
    }));
    lead
}

/// What would make the amounts surer, in one sentence; `None` where they are as sure as can be.
pub(super) fn surer(workload: &WorkloadResult) -> Option<String> {
    let narrowed_by = &workload.current.narrowed_by;
    (!narrowed_by.is_empty()).then(|| {
        format!(
            "What would make the cost surer: {}.",
            narrowed_by.join("; ")
        )
    })
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{}{end}", phrases::capitalized(text))
}

#[cfg(test)]
mod tests {
    use super::super::{Style, explain, sample};
    use super::*;

    #[test]
    fn the_first_line_answers_and_every_step_of_the_way_is_there() {
        let report = sample::report();
        let text = explain(&report, &report.workloads[0], Style::default());
        assert!(text.starts_with(
            "prod/web: from Fargate 2 vCPU / 4 GiB ($1,441.77 a month) to Fargate 0.5 vCPU / 1 GiB, which saves $1,081.33 a month.\n"
        ));
        for word in [
            "task_events",
            "86,400",
            "60 seconds",
            "percentile 95 of the CPU maxima",
            "the shipped defaults",
            "memory binds at 79% of the size",
            "2026-10-07",
            "Every placement",
            "a service cannot be a build",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn withheld_and_unpriced_workloads_are_explained_as_well() {
        let report = sample::report();
        for workload in &report.workloads {
            let text = explain(
                &report,
                workload,
                Style {
                    width: Some(80),
                    color: false,
                },
            );
            assert!(text.contains(&phrases::name(workload)));
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
        }
    }
}
