//! What a collection may take: money, rate, time.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::site::Site;
use crate::fake::{Fault, Kind, Quotas, Resolution, Scale, World};
use crate::support::Run;

#[test]
fn a_dry_run_tells_the_plan_and_writes_nothing() {
    let site = Site::small();
    let run = site
        .collect(&["--days", "14", "--dry-run"])
        .exits(0)
        .says(&["plan:", "codebuild", "prod", "USD"]);
    assert!(!site.folder.path("dataset").exists());
    assert_eq!(
        site.fake.calls_of("cloudwatch:GetMetricData"),
        0,
        "{}",
        run.stdout
    );
}

#[test]
fn the_planned_metrics_are_the_metrics_requested() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        projects: 0,
        days: 20,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(7, scale));
    let metrics = |text: &str| -> u64 {
        let totals = text.lines().filter(|line| !line.contains("each build"));
        let words: Vec<&str> = totals.flat_map(str::split_whitespace).collect();
        let at = words
            .iter()
            .rposition(|word| *word == "metrics" || *word == "metrics,")
            .expect("metrics");
        words[at - 1].parse().expect("a number")
    };
    let planned = metrics(&site.collect(&["--days", "14", "--dry-run"]).exits(0).stdout);
    let requested = metrics(&site.collect(&["--days", "14"]).exits(0).stdout);
    assert_eq!(planned, requested);
}

#[test]
fn a_plan_over_the_budget_is_refused_before_it_costs_anything() {
    let site = Site::small();
    site.collect(&["--days", "14", "--max-api-cost", "0.0001"])
        .exits(11)
        .says(&["--max-api-cost 0.0001", "--dry-run"]);
    assert!(!site.folder.path("dataset").exists());
    assert_eq!(site.fake.calls_of("cloudwatch:GetMetricData"), 0);
}

#[test]
fn the_budget_is_kept_to_however_often_metrics_are_asked_for_again() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        projects: 0,
        days: 5,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(16, scale));
    // Each metric is answered in part, again and again, and then half by half.
    site.fake.set_faults(vec![Fault::always(
        "cloudwatch:GetMetricData",
        Kind::PartialDataNoToken,
    )]);
    // A few more metrics than the plan's 120, and fewer than all the repeats.
    let run = site
        .collect(&["--days", "1", "--max-api-cost", "0.0015"])
        .exits(3)
        .says(&["over --max-api-cost"]);
    let spent: f64 = run
        .stdout
        .split_whitespace()
        .rev()
        .nth(1)
        .expect("an amount")
        .parse()
        .expect("a number");
    assert!((0.0012..=0.0015).contains(&spent), "{}", run.stdout);
    site.claims_only_what_it_holds(1, Resolution::Auto);
}

#[test]
fn an_amount_without_end_is_as_good_as_none() {
    let site = Site::of(World::seeded(
        16,
        Scale {
            accounts: 1,
            regions: 1,
            projects: 0,
            days: 2,
            ..Scale::SMALL
        },
    ));
    site.collect(&["--days", "0", "--max-api-cost", "9999999999999999999999999"])
        .exits(0);
}

#[test]
fn a_run_that_is_stopped_while_it_looks_around_says_so() {
    for (args, signal, code, said) in [
        (
            ["--days", "2", "--deadline", "1s"],
            None,
            3,
            "stopped at the deadline",
        ),
        (
            ["--days", "2", "--deadline", "1h"],
            Some("INT"),
            130,
            "interrupted",
        ),
    ] {
        let site = Site::small();
        site.fake
            .set_faults(vec![Fault::always("ecs:ListClusters", Kind::Stall)]);
        let child = site.start(&args);
        let patience = Instant::now() + Duration::from_secs(20);
        while site.fake.calls_of("ecs:ListClusters") == 0 && Instant::now() < patience {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        if let Some(signal) = signal {
            let killed = std::process::Command::new("kill")
                .args([&format!("-{signal}"), &child.id().to_string()])
                .status();
            assert!(killed.is_ok_and(|status| status.success()));
        }
        Run::of(&child.wait_with_output().expect("it ends"))
            .exits(code)
            .says(&[said]);
    }
}

#[test]
fn half_of_the_published_rates_is_never_exceeded() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        services: 30,
        jobs_per_family: 20,
        projects: 1,
        days: 3,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(8, scale));
    site.fake.set_quotas(Some(Quotas {
        factor: 1.0,
        neighbour: 0.5,
    }));
    site.collect(&["--days", "1", "--pace", "1"])
        .exits(0)
        .says(&["0 throttled"]);
    // The burst of 40, and 10 a second from then on.
    let of_services: Vec<Instant> = site
        .fake
        .calls()
        .into_iter()
        .filter(|call| call.op.starts_with("ecs:") && call.op.contains("Service"))
        .map(|call| call.at)
        .collect();
    assert!(
        of_services.len() > 60,
        "{} calls prove nothing",
        of_services.len()
    );
    let lasted = of_services[of_services.len() - 1]
        .duration_since(of_services[0])
        .as_secs_f64();
    assert!(
        lasted >= (of_services.len() as f64 - 41.0) / 10.0 - 0.5,
        "{} calls in {lasted} s",
        of_services.len()
    );
}

#[test]
fn throttles_slow_a_collection_down_and_lose_nothing() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        days: 3,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(9, scale));
    site.fake.set_faults(vec![Fault {
        when: crate::fake::When::Probability(0.3, 1),
        ..Fault::always("*", Kind::Throttle)
    }]);
    site.collect(&["--days", "2"]).exits(0);
    site.holds_all(2, Resolution::Auto);
}

#[test]
fn the_deadline_ends_a_stalled_run_and_what_is_whole_stays() {
    let site = Site::small();
    site.fake
        .set_faults(vec![Fault::always("logs:FilterLogEvents", Kind::Stall)]);
    let begun = Instant::now();
    site.collect(&["--days", "2", "--deadline", "6s"])
        .exits(3)
        .says(&["stopped at the deadline"]);
    assert!(
        begun.elapsed() < Duration::from_secs(11),
        "{:?}",
        begun.elapsed()
    );
    site.claims_only_what_it_holds(2, Resolution::Auto);
    assert!(
        site.collected()
            .commits
            .iter()
            .any(|commit| commit.row.state == "complete")
    );
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "2"]).exits(0);
    site.holds_all(2, Resolution::Auto);
}

#[test]
fn signals_end_a_run_with_their_codes_and_leave_a_valid_dataset() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let site = Site::small();
        site.fake
            .set_faults(vec![Fault::always("logs:FilterLogEvents", Kind::Stall)]);
        let child = site.start(&["--days", "2"]);
        let patience = Instant::now() + Duration::from_secs(20);
        while site.fake.calls_of("logs:FilterLogEvents") == 0 && Instant::now() < patience {
            std::thread::park_timeout(Duration::from_millis(5));
        }
        let killed = std::process::Command::new("kill")
            .args([&format!("-{signal}"), &child.id().to_string()])
            .status();
        assert!(killed.is_ok_and(|status| status.success()));
        let begun = Instant::now();
        Run::of(&child.wait_with_output().expect("it ends")).exits(code);
        assert!(
            begun.elapsed() < Duration::from_secs(4),
            "{:?}",
            begun.elapsed()
        );
        site.claims_only_what_it_holds(2, Resolution::Auto);
        site.fake.set_faults(Vec::new());
        site.collect(&["--days", "2"]).exits(0);
        site.holds_all(2, Resolution::Auto);
    }
}

#[test]
fn every_operation_denied_alone_takes_away_only_what_it_feeds() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        days: 3,
        ..Scale::SMALL
    };
    let all = Site::of(World::seeded(10, scale));
    all.collect(&["--days", "2"]).exits(0);
    let mut operations: BTreeMap<String, usize> = BTreeMap::new();
    for call in all.fake.calls() {
        *operations.entry(call.op).or_default() += 1;
    }
    assert!(operations.len() >= 16, "{operations:?}");
    for operation in operations
        .into_keys()
        .filter(|operation| !operation.starts_with("sts:"))
    {
        let site = Site::of(World::seeded(10, scale));
        let op: &'static str = Box::leak(operation.clone().into_boxed_str());
        site.fake.set_faults(vec![Fault::always(op, Kind::Denied)]);
        let run = site.collect(&["--days", "2"]).exits(3);
        assert!(
            run.stdout.contains(op),
            "{op} is not named in\n{}",
            run.stdout
        );
        site.claims_only_what_it_holds(2, Resolution::Auto);
        site.fake.set_faults(Vec::new());
        site.collect(&["--days", "2"]).exits(0);
        site.holds_all(2, Resolution::Auto);
    }
}
