//! Collections that are killed while AWS takes its time, every operation under every answer that is none, and collected
//! datasets that are spoilt: from a seed, `PLIMSOLL_COLLECT_KILLS`, `PLIMSOLL_OPERATIONS` and `PLIMSOLL_COLLECT_SPOILT`
//! times, from `PLIMSOLL_FIRST_SEED` on.

use std::time::Duration;

use super::site::Site;
use crate::chance::{chance, number, trials};
use crate::fake::{Fault, Kind, Resolution, Scale, World};
use crate::spoilt::spoil;
use crate::support::{self, Run, copy_into, parsed};

const SCALE: Scale = Scale {
    accounts: 1,
    regions: 1,
    clusters: 2,
    services: 1,
    families: 1,
    jobs_per_family: 12,
    projects: 1,
    builds: 6,
    instances: 1,
    days: 3,
};
const DAYS: i64 = 2;

/// Every operation that `collect` calls.
const OPERATIONS: [&str; 20] = [
    "sts:GetCallerIdentity",
    "ecs:ListClusters",
    "ecs:DescribeClusters",
    "ecs:ListServices",
    "ecs:DescribeServices",
    "ecs:ListServiceDeployments",
    "ecs:DescribeServiceRevisions",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "ecs:DescribeTasks",
    "ecs:ListContainerInstances",
    "ecs:DescribeContainerInstances",
    "cloudwatch:ListMetrics",
    "cloudwatch:GetMetricData",
    "logs:DescribeLogGroups",
    "logs:FilterLogEvents",
    "codebuild:ListBuilds",
    "codebuild:BatchGetBuilds",
    "codebuild:ListProjects",
    "codebuild:BatchGetProjects",
];

/// Every answer that is none.
const NO_ANSWERS: [Kind; 7] = [
    Kind::EmptyBody200,
    Kind::EmptyObject200,
    Kind::ForeignObject200,
    Kind::CaptivePortalHtml200,
    Kind::TruncatedBody,
    Kind::Throttle,
    Kind::Denied,
];

impl Site {
    /// A report on everything, with `--strict`.
    pub(super) fn strict(&self, format: &str) -> Run {
        let now = jiff::Timestamp::from_millisecond(self.now_ms() + 60_000).expect("a time");
        let now = now.to_string();
        let args = ["--strict", "--now", &now, "--format", format];
        Run::of(
            &self
                .verb("report", &args)
                .output()
                .expect("the binary runs"),
        )
    }

    /// True when a report tells that something was not seen whole: in numbers, and with `--strict` by its exit code.
    pub(super) fn misses(&self) -> bool {
        let run = self.strict("json");
        assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        if !matches!(run.code, Some(0 | 3)) {
            return true;
        }
        let coverage = &parsed(&run.stdout)["coverage"];
        let days = ["partial_scope_days", "missed_scope_days"].map(|days| &coverage[days]);
        let misses = days != [0, 0];
        assert!(!misses || run.code == Some(3), "{}", run.said());
        misses
    }

    /// Holds that nothing passes for whole that is not, then collects again and holds that nothing was lost.
    fn recovers(&self, what: &str) {
        self.claims_only_what_it_holds(DAYS, Resolution::Auto);
        if !self.misses() {
            self.holds_all(DAYS, Resolution::Auto);
        }
        self.fake.set_faults(Vec::new());
        let again = self.collect(&["--days", "2"]);
        assert_eq!(again.code, Some(0), "{what}: {}", again.said());
        self.holds_all(DAYS, Resolution::Auto);
        assert!(!self.misses(), "{what}: {}", self.strict("table").said());
    }
}

fn operation(seed: u64) {
    let no = usize::try_from(seed).expect("small");
    let op = OPERATIONS[no % OPERATIONS.len()];
    let kind = &NO_ANSWERS[no / OPERATIONS.len() % NO_ANSWERS.len()];
    let what = format!("{op} {kind:?}");
    let site = Site::of(World::seeded(7, SCALE));
    site.fake.set_faults(vec![Fault::always(op, kind.clone())]);
    let run = site.collect(&["--days", "2"]);
    assert!(!run.stderr.contains("panicked"), "{what}: {}", run.stderr);
    assert!(
        matches!(run.code, Some(1 | 3 | 7)),
        "{what}: {:?} {}",
        run.code,
        run.said()
    );
    assert!(site.misses(), "{what}");
    site.recovers(&what);
}

/// A short run takes a few of the pairs, of every operation and every answer some.
fn operations(part: u64) {
    let all = (OPERATIONS.len() * NO_ANSWERS.len()) as u64;
    let count = number("PLIMSOLL_OPERATIONS", 28).min(all);
    trials("PLIMSOLL_OPERATIONS", count, (part, 2), |seed| {
        // Without a common divisor: every pair once.
        operation(seed * 27 % all);
    });
}

#[test]
fn no_operation_is_believed_without_its_answer_0() {
    operations(0);
}

#[test]
fn no_operation_is_believed_without_its_answer_1() {
    operations(1);
}

fn killed(seed: u64) {
    let site = Site::of(World::seeded(seed, SCALE));
    site.fake
        .set_faults(vec![Fault::always("*", Kind::HugeLatency(3))]);
    let mut child = site.start(&["--days", "2"]);
    std::thread::sleep(Duration::from_millis(chance(seed, 5) % 900));
    child.kill().expect("killed");
    child.wait().expect("it ended");
    site.recovers("killed");
}

#[test]
fn killed_at_any_time_a_collection_tells_what_it_did_not_see_0() {
    trials("PLIMSOLL_COLLECT_KILLS", 10, (0, 2), killed);
}

#[test]
fn killed_at_any_time_a_collection_tells_what_it_did_not_see_1() {
    trials("PLIMSOLL_COLLECT_KILLS", 10, (1, 2), killed);
}

#[test]
fn a_collected_dataset_with_one_thing_wrong_reports_the_same_or_not_at_all() {
    let site = Site::of(World::seeded(9, SCALE));
    site.collect(&["--days", "2"]).exits(0);
    let report = |dataset: &str| {
        let args = ["report", "--dataset", dataset, "--format", "json"];
        Run::of(&site.plimsoll(&args).output().expect("the binary runs"))
    };
    let whole = report("dataset").exits(0).stdout;
    trials("PLIMSOLL_COLLECT_SPOILT", 30, (0, 1), |seed| {
        let name = format!("spoilt-{seed}");
        let root = site.folder.path(&name);
        copy_into(&site.folder.path("dataset"), &root);
        let what = spoil(&root, seed);
        let run = report(&name);
        assert!(!run.stderr.contains("panicked"), "{what}: {}", run.stderr);
        match run.code {
            Some(0) => assert_eq!(run.stdout, whole, "{what}"),
            code => assert_eq!(code, Some(5), "{what}: {}", run.said()),
        }
        std::fs::remove_dir_all(support::World::path(&site.folder, &name)).expect("removed");
    });
}
