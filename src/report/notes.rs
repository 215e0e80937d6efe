//! The small print: coverage, what is not priced, and the assumptions behind every amount.

use super::amounts::{count, money, percent, plural};
use super::phrases::{self, AT_LEAST, capitalized, date, is_counted, name};
use super::result::Report;
use super::sentences;
use crate::model::units::{HOURS_PER_MONTH, Usd};

/// Everything a reader should know before trusting a figure.
pub(super) fn notes(report: &Report) -> Vec<String> {
    let coverage = &report.coverage;
    let mut notes = vec![months(report), seen(report)];
    notes.extend(not_priced(report));
    notes.extend(not_measured(report));
    if report
        .workloads
        .iter()
        .any(|workload| is_counted(&workload.current))
    {
        notes.push("~ marks a cost from counted tasks (SampleCount), not from the start and stop of every run.".to_owned());
    }
    if report.totals.partly_seen > 0 {
        notes.push(format!(
            "{AT_LEAST} marks a lower bound: the workload was not seen on every day of the window."
        ));
    }
    if report.totals.codebuild_free_tier_usd > Usd::ZERO {
        let worth = money(report.totals.codebuild_free_tier_usd);
        notes.push(format!(
            "CodeBuild's free tier is worth {worth} in this window; no cost here is lowered by it."
        ));
    }
    notes.extend(coverage.notes.iter().cloned());
    notes.push(policy(report));
    notes.push(format!(
        "By {} from data {}, prices {}.",
        report.generated_by, coverage.fingerprint, report.prices.book
    ));
    notes
}

/// What a month is here, and which prices it is at.
fn months(report: &Report) -> String {
    let window = &report.window;
    let qualities = sentences::price_qualities(report).map(|said| format!(" ({said})"));
    format!(
        "A month is {HOURS_PER_MONTH} hours at the pace of {} to {}. {} prices as of {}{}; no discount, credit or tax.",
        date(&window.from),
        date(&window.to),
        capitalized(report.prices.kind),
        report.prices.as_of,
        qualities.unwrap_or_default(),
    )
}

/// What the dataset holds.
fn seen(report: &Report) -> String {
    let coverage = &report.coverage;
    let days = coverage.complete_scope_days + coverage.partial_scope_days;
    let whole = if coverage.partial_scope_days == 0 {
        format!("{} seen, all complete", plural(days, "scope-day"))
    } else {
        format!(
            "{} seen, {} with something missing",
            plural(days, "scope-day"),
            count(coverage.partial_scope_days)
        )
    };
    let mut said = format!(
        "{whole}; {} rows from {}",
        count(coverage.rows),
        plural(coverage.sources, "source")
    );
    for (rows, what) in [
        (coverage.duplicate_rows, "said twice"),
        (coverage.conflicting_rows, "contradicted and left out"),
    ] {
        if rows > 0 {
            said = format!("{said}, {} {what}", count(rows));
        }
    }
    said + "."
}

/// Which workloads no sum contains, and why.
fn not_priced(report: &Report) -> Option<String> {
    const NAMED: usize = 5;
    let reasons: Vec<String> = report
        .workloads
        .iter()
        .filter(|workload| workload.current.going_rate.is_none())
        .filter_map(|workload| {
            Some(format!(
                "{} ({})",
                name(workload),
                workload.current.not_priced.as_ref()?
            ))
        })
        .collect();
    let named = reasons.len().min(NAMED);
    let all = report.totals.not_priced.max(reasons.len());
    let more = match (all - named, named) {
        (0, 0) => return None,
        (0, _) => String::new(),
        (rest, 0) => plural(rest, "workload"),
        (rest, _) => format!(" and {} more", count(rest)),
    };
    Some(format!(
        "Not priced and left out of every sum: {}{more}.",
        reasons[..named].join(", ")
    ))
}

/// What has a going rate, and no measured cost.
fn not_measured(report: &Report) -> Option<String> {
    let mut left_out = report.workloads.iter().filter(|workload| {
        workload.current.going_rate.is_some() && workload.current.measured_cost.is_none()
    });
    let first = left_out.next()?;
    let more = match left_out.count() {
        0 => String::new(),
        more => format!(" and {} more", count(more)),
    };
    Some(format!(
        "Left out of the measured cost, not of the going rate: {}{more} ({}).",
        name(first),
        first.current.not_priced.as_deref().unwrap_or("not known"),
    ))
}

/// The parameters in force.
fn policy(report: &Report) -> String {
    let policy = &report.policy;
    format!(
        "Sized for {}; from {} days and {} samples; changes under {} of a workload's cost are not proposed.",
        phrases::margins(policy),
        policy.min_days,
        count(policy.min_samples),
        percent(policy.min_savings_percent),
    )
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn notes_name_some_of_the_unpriced_and_count_the_rest() {
        let mut report = sample::report();
        report.workloads = vec![report.workloads[4].clone(); 7];
        let note = notes(&report)
            .into_iter()
            .find(|note| note.starts_with("Not priced"))
            .unwrap();
        assert_eq!(
            note.matches("prod/report (no Fargate price for Windows in eu-west-1)")
                .count(),
            5
        );
        assert!(note.ends_with(" and 2 more."));
    }

    #[test]
    fn what_has_only_a_going_rate_is_not_said_to_be_left_out_of_every_sum() {
        let mut report = sample::report();
        report.workloads.truncate(2);
        for workload in &mut report.workloads {
            workload.current.measured_cost = None;
            workload.current.not_priced = Some("only snapshots show its instances".into());
        }
        let notes = notes(&report);
        let said = "Left out of the measured cost, not of the going rate: prod/web and 1 more (only snapshots show its instances).";
        assert!(notes.iter().any(|note| note == said), "{notes:?}");
        assert!(
            !notes
                .iter()
                .any(|note| note.contains("every sum: prod/web"))
        );
    }

    #[test]
    fn every_assumption_is_said_once() {
        let said = notes(&sample::report());
        let starts = [
            "A month is 730 hours at the pace of 2026-10-01 to 2026-10-31. List prices",
            "60 scope-days seen, 2 with",
        ];
        assert!(
            said.iter()
                .zip(starts)
                .all(|(note, start)| note.starts_with(start)),
            "{said:?}"
        );
        for word in [
            "~ marks",
            "free tier is worth $0.50",
            "access denied",
            "a risk of 2% of workload-weeks",
            "9f86d081884c7d65",
        ] {
            assert_eq!(
                said.iter().filter(|note| note.contains(word)).count(),
                1,
                "{word}"
            );
        }
        assert!(
            !notes(&sample::empty())
                .iter()
                .any(|note| note.contains('~') || note.contains('$'))
        );
        assert!(!said.iter().any(|note| note.contains(AT_LEAST)));
        assert!(
            notes(&sample::partly_seen())
                .iter()
                .any(|note| note.starts_with("≥ marks a lower bound"))
        );
    }
}
