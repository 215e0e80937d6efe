//! Collections beside compactions and reports, all of them processes of their own: what is collected is what is collected
//! without anybody beside, and a report never tells what is not so.

use std::process::{Child, Stdio};

use serde_json::Value;

use super::site::Site;
use crate::fake::{Fault, Kind, Resolution, Scale, World};
use crate::s3_server::S3;
use crate::support::{DAY, HOUR, Run, command, parsed, stamp};

const SCALE: Scale = Scale {
    accounts: 1,
    regions: 2,
    clusters: 2,
    services: 3,
    families: 1,
    jobs_per_family: 20,
    projects: 1,
    builds: 8,
    instances: 2,
    days: 6,
};
/// Days that each collection asks for.
const DAYS: i64 = 3;
/// Between two collections: some collect a day again that was not over.
const PAUSES: [i64; 3] = [0, 8 * HOUR, 20 * HOUR];

fn site() -> Site {
    Site::of(World::seeded(51, SCALE))
}

fn started(site: &Site, verb: &str, args: &[&str]) -> Child {
    let mut command = site.verb(verb, args);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("the binary starts")
}

fn ended(child: Child) -> Run {
    Run::of(&child.wait_with_output().expect("it ends"))
}

/// What a report tells of days that were over before anything was collected.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
struct Told {
    complete_scope_days: u64,
    distinct_rows: u64,
}

impl Told {
    fn of(report: &Value) -> Self {
        let number = |name: &str| report["coverage"][name].as_u64().expect("a number");
        Self {
            complete_scope_days: number("complete_scope_days"),
            distinct_rows: number("rows") - number("duplicate_rows") - number("conflicting_rows"),
        }
    }
}

/// AWS takes its time, but not where it keeps the dataset.
fn slowly(ms: u64) -> Vec<Fault> {
    let services = ["ecs:*", "cloudwatch:*", "logs:*", "codebuild:*"];
    let slow = |of| Fault::always(of, Kind::HugeLatency(ms));
    services.map(slow).to_vec()
}

/// What was seen beside a collection.
#[derive(Default)]
struct Beside {
    compactions: usize,
    reports: usize,
}

/// Compacts and reports again and again until `collection` ends.
fn beside(site: &Site, first_ms: i64, collection: Child) -> Beside {
    let mut collection = collection;
    let (mut beside, mut told) = (Beside::default(), Vec::new());
    let (from, to) = (stamp(first_ms - DAYS * DAY), stamp(first_ms));
    let now = stamp(site.now_ms() + 60_000);
    let args = ["--strict", "--format", "json", "--now", &now];
    let args = [&args[..], &["--from", &from, "--to", &to]].concat();
    while collection.try_wait().expect("waited for").is_none() {
        let both = (
            started(site, "compact", &[]),
            started(site, "report", &args),
        );
        let (compaction, report) = (ended(both.0), ended(both.1));
        for run in [&compaction, &report] {
            assert!(!run.stderr.contains("panicked"), "{}", run.stderr);
        }
        // Before anything is there: no dataset, no coverage, nothing to tell of.
        match compaction.code {
            Some(0) => {
                beside.compactions += usize::from(compaction.said().contains("read no more"));
            }
            code => assert!(
                matches!(code, Some(2 | 5)) && beside.reports == 0,
                "{}",
                compaction.said()
            ),
        }
        match report.code {
            Some(0 | 3) => {}
            code => {
                assert!(
                    matches!(code, Some(2 | 5 | 6)) && told.is_empty(),
                    "{}",
                    report.said()
                );
                continue;
            }
        }
        beside.reports += 1;
        if beside.reports == 2 {
            // Enough was seen of the beginning.
            site.fake.set_faults(slowly(10));
        }
        told.push(Told::of(&parsed(&report.stdout)));
    }
    ended(collection).exits(0);
    let report = ended(started(site, "report", &args));
    told.push(Told::of(&parsed(&report.stdout)));
    // More and more is there. Of a new service days that were whole are to be looked at again: nothing is whole too soon.
    assert!(told.is_sorted_by_key(|told| told.distinct_rows), "{told:?}");
    let mut whole = told.iter().map(|told| told.complete_scope_days);
    assert_eq!(whole.clone().max(), whole.next_back(), "{told:?}");
    beside
}

/// Collections one after the other, in `site` beside compactions and reports, and in another one by themselves.
fn collected_alike(site: &Site, is_in_a_folder: bool) {
    let alone = self::site();
    let midnight_ms = site.now_ms().div_euclid(DAY) * DAY;
    let (mut compactions, mut reports) = (0, 0);
    for pause in PAUSES {
        for site in [site, &alone] {
            site.fake.set_now(site.now_ms() + pause);
        }
        alone.collect(&["--days", "3"]).exits(0);
        site.fake.set_faults(slowly(60));
        let beside = beside(site, midnight_ms, site.start(&["--days", "3"]));
        site.fake.set_faults(Vec::new());
        compactions += beside.compactions;
        reports += beside.reports;
        assert_eq!(site.strict("json").stdout, alone.strict("json").stdout);
        if is_in_a_folder {
            let days = (site.now_ms() - midnight_ms).div_euclid(DAY) + DAYS;
            site.claims_only_what_it_holds(days, Resolution::Auto);
        }
    }
    // Compactions of compactions, too, with what the last collection added.
    for _ in 0..2 {
        ended(started(site, "compact", &[])).exits(0);
        assert_eq!(site.strict("json").stdout, alone.strict("json").stdout);
    }
    assert!(
        compactions >= 1 && reports >= 3,
        "{compactions} and {reports} prove nothing"
    );
}

#[test]
fn a_collection_beside_compactions_and_reports_is_the_same() {
    collected_alike(&site(), true);
}

#[test]
fn a_collection_in_a_bucket_beside_compactions_and_reports_is_the_same() {
    collected_alike(&site().in_a_bucket(), false);
}

/// A compaction in whose bucket a whole collection, of today again and of the days since, appears before one of its
/// requests.
#[test]
fn a_collection_that_is_added_before_any_request_of_a_compaction_counts() {
    let site = site().in_a_bucket();
    site.collect(&["--days", "3"]).exits(0);
    let before = site.fake.objects().all();
    site.fake.set_now(site.now_ms() + 20 * HOUR);
    site.collect(&["--days", "3"]).exits(0);
    let mut added = site.fake.objects().all();
    added.retain(|key, _| !before.contains_key(key));
    let now = stamp(site.now_ms() + 60_000);
    let run = |s3: &S3, args: &[&str]| {
        let mut command = command(&[args, &["--dataset", "s3://bucket/team a/ds"]].concat());
        command
            .env("HOME", site.folder.path(""))
            .env("AWS_ENDPOINT_URL_S3", s3.url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_EC2_METADATA_DISABLED", "true");
        Run::of(&command.output().expect("the binary runs")).exits(0)
    };
    let report = |s3: &S3| run(s3, &["report", "--format", "json", "--now", &now]).stdout;
    let bucket = || {
        let s3 = S3::start();
        for (key, bytes) in &before {
            s3.plant(key.trim_start_matches("bucket/"), bytes.clone());
        }
        s3
    };
    let late = || {
        let objects = added.iter();
        objects.map(|(key, bytes)| (key.trim_start_matches("bucket/").to_owned(), bytes.clone()))
    };
    let undisturbed = bucket();
    run(&undisturbed, &["compact"]);
    let requests = undisturbed.seen().len();
    for (key, bytes) in late() {
        undisturbed.plant(&key, bytes);
    }
    let whole = bucket();
    late().for_each(|(key, bytes)| whole.plant(&key, bytes));
    let expected = report(&whole);
    assert_eq!(report(&undisturbed), expected);
    assert!(requests > 30, "{requests} requests");
    let tried = 8;
    for no in 0..tried {
        let s3 = bucket();
        let request = requests * no / tried;
        s3.plant_before(request, late().collect());
        run(&s3, &["compact"]);
        assert_eq!(report(&s3), expected, "before request {request}");
        run(&s3, &["compact"]);
        assert_eq!(report(&s3), expected, "before request {request}, and again");
    }
}
