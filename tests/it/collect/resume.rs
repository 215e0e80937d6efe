//! Stopped anywhere and run again: nothing lost, nothing twice, hardly anything asked twice.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use super::site::{Collected, Site, same};
use crate::fake::world::{HOUR, MINUTE};
use crate::fake::{Fault, Kind, Resolution, Scale, When, World};

/// Kills the child before it gets the answer to the call number `at`; returns what it had been answered, or `None` where
/// it ended well before.
fn killed_at(site: &Site, at: u64, args: &[&str]) -> Option<BTreeSet<(String, u64)>> {
    let of_call = Fault {
        when: When::Nth(at..at + 1),
        ..Fault::always("*", Kind::KillClient)
    };
    killed_by(site, of_call, args)
}

/// The same, before it gets an answer that `fault` strikes.
pub(super) fn killed_by(
    site: &Site,
    fault: Fault,
    args: &[&str],
) -> Option<BTreeSet<(String, u64)>> {
    site.fake.clear();
    let child = Arc::new(Mutex::new(None::<u32>));
    let victim = child.clone();
    site.fake.on_kill(move || {
        let mut id = None;
        while id.is_none() {
            id = *victim.lock().expect("no thread panics");
        }
        let _ = std::process::Command::new("kill")
            .args(["-9", &id.unwrap_or_default().to_string()])
            .status();
    });
    site.fake.set_faults(vec![fault]);
    let started = site.start(args);
    *child.lock().expect("no thread panics") = Some(started.id());
    let output = started.wait_with_output().expect("it ends");
    assert!(
        matches!(output.status.code(), None | Some(0)),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
    site.fake.set_faults(Vec::new());
    let answered = site
        .fake
        .calls()
        .into_iter()
        .filter(|call| call.answered)
        .map(|call| (call.op, call.what));
    output.status.code().is_none().then(|| answered.collect())
}

#[test]
fn killed_at_any_call_nothing_is_lost_or_doubled() {
    let scale = Scale {
        accounts: 1,
        regions: 2,
        days: 3,
        ..Scale::SMALL
    };
    let whole = Site::of(World::seeded(11, scale));
    whole.collect(&["--days", "2"]).exits(0);
    let calls = whole.fake.calls().len() as u64;
    for at in (0..8).map(|step| 1 + step * (calls - 2) / 8) {
        let site = Site::of(World::seeded(11, scale));
        assert!(killed_at(&site, at, &["--days", "2"]).is_some());
        site.claims_only_what_it_holds(2, Resolution::Auto);
        site.collect(&["--days", "2"]).exits(0);
        site.holds_all(2, Resolution::Auto);
    }
}

#[test]
fn killed_again_and_again_it_ends_where_an_undisturbed_run_does() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        days: 6,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(12, scale));
    let mut kills = 0;
    while killed_at(&site, 40, &["--days", "5"]).is_some() {
        site.claims_only_what_it_holds(5, Resolution::Auto);
        kills += 1;
        assert!(kills < 20, "it gets nowhere");
    }
    assert!(kills >= 2, "{kills} kills prove nothing");
    site.collect(&["--days", "5"]).exits(0);
    site.holds_all(5, Resolution::Auto);
}

/// Kills a collection after `tenths` of its `calls`, runs it again, and counts the calls that had been answered before
/// and were made again: of each operation, but for those that only find out what there is.
fn repeated(
    world: impl Fn() -> World,
    args: &[&str],
    calls: usize,
    tenths: u64,
) -> BTreeMap<String, usize> {
    let site = Site::of(world());
    let answered = killed_at(&site, calls as u64 * tenths / 10, args).expect("it is killed");
    assert!(!site.collected().commits.is_empty());
    site.fake.clear();
    site.collect(args).exits(0);
    let mut again: BTreeMap<String, usize> = BTreeMap::new();
    for call in site
        .fake
        .calls()
        .into_iter()
        .filter(|call| answered.contains(&(call.op.clone(), call.what)))
    {
        *again.entry(call.op).or_default() += 1;
    }
    again.retain(|op, _| !DISCOVERY.contains(&op.as_str()));
    again
}

#[test]
fn a_resumed_run_repeats_hardly_any_call() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        clusters: 3,
        services: 150,
        jobs_per_family: 400,
        projects: 2,
        builds: 1_000,
        days: 10,
        ..Scale::SMALL
    };
    // As many pages of logs as many more tasks would fill.
    let world = || {
        let mut world = World::seeded(13, scale);
        world.log_scan_ms = 3 * HOUR;
        world
    };
    // Slow enough for the disk to keep up, as it does with AWS.
    let args = ["--days", "9", "--resolution", "3600", "--pace", "30"];
    let whole = Site::of(world());
    whole.collect(&args).exits(0);
    let calls = whole.fake.calls().len();
    assert!(calls > 1_500, "{calls} calls prove nothing");
    for tenths in [3, 6, 9] {
        let again = repeated(world, &args, calls, tenths);
        // Of each unit under way, nine at most, a page may have been on its way.
        assert!(
            again.values().sum::<usize>() <= calls * 2 / 100 + 9,
            "of {calls} calls were made again: {again:?}"
        );
    }
}

#[test]
fn an_interruption_loses_no_more_metrics_than_two_pieces_hold() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        clusters: 1,
        services: 40,
        projects: 0,
        days: 20,
        ..Scale::SMALL
    };
    let (world, args) = (|| World::seeded(17, scale), ["--days", "14"]);
    let whole = Site::of(world());
    whole.collect(&args).exits(0);
    let calls = whole.fake.calls().len();
    assert!(whole.fake.calls_of("cloudwatch:GetMetricData") > 40);
    let again = repeated(world, &args, calls, 8);
    let of_metrics = again
        .get("cloudwatch:GetMetricData")
        .copied()
        .unwrap_or_default();
    assert!(of_metrics <= 2 * 6, "{again:?}");
}

/// How a collection finds out what there is.
const DISCOVERY: [&str; 8] = [
    "sts:GetCallerIdentity",
    "ecs:ListClusters",
    "ecs:DescribeClusters",
    "ecs:ListServices",
    "ecs:DescribeServices",
    "cloudwatch:ListMetrics",
    "logs:DescribeLogGroups",
    "codebuild:ListBuilds",
];

#[test]
fn credentials_that_expire_in_the_middle_keep_what_was_whole() {
    let site = Site::small();
    site.fake.set_faults(vec![Fault {
        when: When::Nth(60..u64::MAX),
        ..Fault::always("*", Kind::ExpiredCredentials)
    }]);
    site.collect(&["--days", "2"])
        .exits(3)
        .says(&["credentials refused", "expired"]);
    site.claims_only_what_it_holds(2, Resolution::Auto);
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "2"]).exits(0);
    site.holds_all(2, Resolution::Auto);
}

#[test]
fn a_failed_fetch_never_replaces_what_an_earlier_one_got() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        days: 3,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(14, scale));
    site.collect(&["--days", "2"]).exits(0);
    let before = site.collected();
    site.fake.set_now(site.now_ms() + 20 * MINUTE);
    site.fake.set_faults(vec![
        Fault::always("cloudwatch:GetMetricData", Kind::Denied),
        Fault::always("logs:*", Kind::Denied),
    ]);
    site.collect(&["--days", "2"]).exits(3);
    same("samples", &before.samples, &site.collected().samples);
    let of_events = |collected: &Collected| {
        collected
            .runs
            .iter()
            .filter(|run| run.source == "task_events")
            .cloned()
            .collect()
    };
    same("runs", &of_events(&before), &of_events(&site.collected()));
}
