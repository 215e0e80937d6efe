//! What is collected is what is there: every row, once, and nothing else.

use std::collections::BTreeSet;

use serde_json::Value;

use super::site::{Site, same};
use crate::fake::world::{BuildId, HOUR};
use crate::fake::{CANARY, Resolution, Scale, World};
use crate::support::{DAY, plimsoll};

#[test]
fn every_row_of_every_source_is_collected_once() {
    let site = Site::small();
    // From before the task logs began, across the age at which CloudWatch forgets the minutes, and a month's end.
    site.collect(&["--days", "21"])
        .exits(0)
        .says(&["0 partial, 0 denied", "0 throttled"]);
    site.holds_all(21, Resolution::Auto);
}

#[test]
fn a_coarser_resolution_is_kept_to() {
    let site = Site::small();
    site.collect(&["--days", "16", "--resolution", "300"])
        .exits(0);
    let Some(coarsest) = site
        .collected()
        .samples
        .iter()
        .filter(|s| s.source == "cloudwatch")
        .map(|s| s.period_s)
        .min()
    else {
        panic!("no samples");
    };
    assert_eq!(coarsest, 300);
    site.claims_only_what_it_holds(16, Resolution::Seconds(300));
}

#[test]
fn the_spelling_of_build_ids_is_learnt_from_aws() {
    for build_id in [BuildId::Arn, BuildId::Id, BuildId::Uuid] {
        let site = Site::of(World {
            build_id,
            ..World::seeded(
                2,
                Scale {
                    accounts: 1,
                    regions: 1,
                    clusters: 1,
                    days: 5,
                    ..Scale::SMALL
                },
            )
        });
        site.collect(&["--days", "4"]).exits(0);
        assert!(
            site.collected()
                .samples
                .iter()
                .any(|sample| sample.metric == "cpu_vcpu"),
            "{build_id:?}"
        );
        site.holds_all(4, Resolution::Auto);
    }
}

#[test]
fn series_that_need_several_calls_keep_their_own_values() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        clusters: 1,
        services: 60,
        families: 0,
        projects: 0,
        days: 4,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(3, scale));
    site.collect(&["--days", "3"]).exits(0);
    assert!(
        site.fake.calls_of("cloudwatch:GetMetricData") > 10,
        "one call would prove nothing"
    );
    site.holds_all(3, Resolution::Auto);
}

#[test]
fn pages_of_metrics_are_put_together() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        days: 3,
        ..Scale::SMALL
    };
    let site = Site::of(World {
        metric_page_points: 1_000,
        ..World::seeded(4, scale)
    });
    site.collect(&["--days", "2"]).exits(0);
    site.holds_all(2, Resolution::Auto);
}

#[test]
fn every_project_is_collected_with_its_environment() {
    let site = Site::of(World::seeded(
        18,
        Scale {
            accounts: 1,
            regions: 1,
            clusters: 1,
            projects: 4,
            days: 2,
            ..Scale::SMALL
        },
    ));
    site.collect(&["--days", "0"]).exits(0);
    let mut expected: Vec<(String, String, bool)> = site.fake.look(|world| {
        let projects = &world.accounts[0].regions[0].projects;
        projects
            .iter()
            .map(|project| {
                (
                    project.name.clone(),
                    project.compute_type.to_owned(),
                    project.privileged,
                )
            })
            .collect()
    });
    expected.sort();
    assert_eq!(site.projects(), expected);
}

#[test]
fn two_collections_an_hour_apart_see_what_came_and_went_between() {
    let site = Site::small();
    site.collect(&["--days", "2"]).exits(0);
    let before = site.collected().runs.len();
    site.fake.set_now(site.now_ms() + HOUR);
    site.collect(&["--days", "2"]).exits(0);
    let collected = site.collected();
    assert!(collected.runs.len() > before, "snapshots add up");
    assert_eq!(collected.repeated, 0, "today replaces today");
}

#[test]
fn what_has_not_changed_is_not_described_again() {
    // No jobs: one that is seen for the first time has a definition to be described.
    let site = Site::of(World::seeded(
        1,
        Scale {
            families: 0,
            ..Scale::SMALL
        },
    ));
    site.collect(&["--days", "1"]).exits(0);
    let of_services = [
        "ecs:DescribeTaskDefinition",
        "ecs:ListServiceDeployments",
        "ecs:DescribeServiceRevisions",
    ];
    assert!(of_services.iter().all(|op| site.fake.calls_of(op) > 0));
    site.fake.clear();
    site.fake.set_now(site.now_ms() + HOUR);
    site.collect(&["--days", "1"]).exits(0);
    assert_eq!(of_services.map(|op| site.fake.calls_of(op)), [0, 0, 0]);
    assert!(site.fake.calls_of("ecs:ListTasks") > 0);
}

#[test]
fn what_was_just_collected_is_not_collected_again() {
    let site = Site::small();
    site.collect(&["--days", "2"]).exits(0);
    site.fake.clear();
    site.collect(&["--days", "2"]).exits(0);
    let of_history = [
        "cloudwatch:GetMetricData",
        "logs:FilterLogEvents",
        "codebuild:ListBuilds",
        "ecs:ListTasks",
    ];
    assert_eq!(of_history.map(|op| site.fake.calls_of(op)), [0, 0, 0, 0]);
    site.holds_all(2, Resolution::Auto);
}

#[test]
fn a_day_with_a_flaw_still_grows() {
    let site = Site::of(World::seeded(
        15,
        Scale {
            accounts: 1,
            regions: 1,
            days: 3,
            ..Scale::SMALL
        },
    ));
    site.collect(&["--days", "1"]).exits(0);
    let before = site.collected().samples.len();
    site.fake.set_now(site.now_ms() + 2 * HOUR);
    // One value of each metric is no number, for good: the day can never be complete, but the rest of it counts.
    site.fake.set_faults(vec![crate::fake::Fault::always(
        "cloudwatch:GetMetricData",
        crate::fake::Kind::NanValue,
    )]);
    site.collect(&["--days", "1"])
        .exits(3)
        .says(&["not a number"]);
    let after = site.collected().samples.len();
    assert!(after > before, "{after} samples after {before}");
}

#[test]
fn a_day_that_is_complete_is_never_asked_for_again() {
    let site = Site::small();
    site.collect(&["--days", "3"]).exits(0);
    site.fake.clear();
    site.fake.set_now(site.now_ms() + 2 * HOUR);
    site.collect(&["--days", "3"]).exits(0);
    let clusters = site.fake.look(|world| {
        world
            .accounts
            .iter()
            .flat_map(|a| &a.regions)
            .map(|r| r.clusters.len())
            .sum::<usize>()
    });
    assert!(
        site.fake.calls_of("cloudwatch:GetMetricData") <= 3 * clusters,
        "only today's metrics"
    );
    site.holds_all_but_the_past_snapshots(3);
}

impl Site {
    #[track_caller]
    fn holds_all_but_the_past_snapshots(&self, days: i64) {
        let (golden, collected) = (self.golden(days, Resolution::Auto), self.collected());
        same("samples", &golden.samples, &collected.samples);
        assert!(
            golden.runs.is_subset(
                &collected
                    .runs
                    .iter()
                    .filter(|run| golden.runs.contains(run))
                    .cloned()
                    .collect()
            )
        );
        assert_eq!(collected.repeated, 0);
    }
}

#[test]
fn the_report_on_a_collected_dataset_bills_services_by_their_running_tasks() {
    let jobs_per_family = 20 * 24 * 2;
    let site = Site::of(World::seeded(
        5,
        Scale {
            accounts: 1,
            regions: 1,
            days: 20,
            jobs_per_family,
            ..Scale::SMALL
        },
    ));
    site.collect(&["--days", "14"]).exits(0);
    let report = site
        .plimsoll(&["report", "--dataset", "dataset", "--format", "json"])
        .output()
        .expect("the binary runs");
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    // Whole days only: today is not over.
    assert_eq!(
        (
            report["window"]["from"].as_str(),
            report["window"]["to"].as_str()
        ),
        (Some("2026-11-06T00:00:00Z"), Some("2026-11-20T00:00:00Z"))
    );
    let golden = site.golden(14, Resolution::Auto);
    let (from, to) = (
        site.now_ms().div_euclid(DAY) * DAY - 14 * DAY,
        site.now_ms().div_euclid(DAY) * DAY,
    );
    let workloads = report["workloads"].as_array().expect("a list");
    let services: Vec<&Value> = workloads
        .iter()
        .filter(|workload| workload["kind"] == "service")
        .collect();
    assert!(!services.is_empty());
    for service in services {
        let (cluster, name) = (
            service["cluster"].as_str().expect("a cluster"),
            service["name"].as_str().expect("a name"),
        );
        let of_service = |s: &&crate::fake::golden::Sample| {
            s.key[3] == cluster
                && s.key[4] == name
                && s.metric == "cpu_percent"
                && (from..to).contains(&s.at_ms)
        };
        let task_minutes: f64 = golden
            .samples
            .iter()
            .filter(of_service)
            .map(|s| f64::from_bits(s.count))
            .sum();
        if service["current"]["platform"] == "fargate" {
            let metered = service["current"]["metered"]["amount"]
                .as_f64()
                .expect("metered")
                / 60.0;
            // Events also see the seconds before the first sample and after the last one of each task.
            assert!(
                (metered / task_minutes - 1.0).abs() < 0.02,
                "{cluster}/{name}: {metered} of {task_minutes} task-minutes"
            );
        }
    }
    // A job that only snapshots tell of has no cost; the reason is told.
    let today = [
        "report",
        "--dataset",
        "dataset",
        "--format",
        "json",
        "--from",
        "2026-11-20",
        "--to",
        "2026-11-21",
    ];
    let report = site.plimsoll(&today).output().expect("the binary runs");
    let report: Value = serde_json::from_slice(&report.stdout).expect("JSON");
    let workloads = report["workloads"].as_array().expect("a list");
    let glimpsed = workloads
        .iter()
        .find(|workload| workload["kind"] == "task" && workload["cluster"] == "prod")
        .expect("a job");
    assert!(
        glimpsed["current"]["measured_cost"]["usd"].is_null(),
        "{glimpsed}"
    );
    assert!(
        glimpsed["current"]["not_priced"]
            .as_str()
            .expect("a reason")
            .contains("snapshots"),
        "{glimpsed}"
    );
}

#[test]
fn no_secret_gets_into_the_dataset_the_logs_or_the_report() {
    let site = Site::of(World::seeded(
        6,
        Scale {
            accounts: 1,
            regions: 1,
            days: 4,
            ..Scale::SMALL
        },
    ));
    let run = site.collect(&["--days", "3", "-vvv"]).exits(0);
    assert!(!run.said().contains(CANARY), "{}", run.said());
    site.holds_no_secret();
    for format in ["table", "json", "markdown", "csv"] {
        let report = site
            .plimsoll(&["report", "--dataset", "dataset", "--format", format, "-vvv"])
            .output()
            .expect("it runs");
        assert!(
            !String::from_utf8_lossy(&[report.stdout, report.stderr].concat()).contains(CANARY),
            "{format}"
        );
    }
}

#[test]
fn the_calls_made_are_the_published_policy_in_both_directions() {
    let site = Site::small();
    site.collect(&["--days", "3"]).exits(0);
    let now = jiff::Timestamp::from_millisecond(site.now_ms())
        .expect("a time")
        .to_string();
    let account = site.accounts()[0].clone();
    let role = format!("arn:aws:iam::{}:role/plimsoll", site.accounts()[1]);
    let args = [
        "collect",
        "--dataset",
        "roles",
        "--days",
        "0",
        "--now",
        &now,
        "--pace",
        "500",
        "--region",
        "us-east-1",
    ];
    let output = site
        .plimsoll(&args)
        .args(["--profile", &account, "--role-arn", &role])
        .output()
        .expect("it runs");
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let made: BTreeSet<String> = site.fake.calls().into_iter().map(|call| call.op).collect();
    let policy: Value = serde_json::from_str(&plimsoll(&["policy"]).exits(0).stdout).expect("JSON");
    let statements = policy["Statement"].as_array().expect("statements");
    let published: BTreeSet<String> = statements
        .iter()
        .flat_map(|statement| statement["Action"].as_array().expect("actions"))
        .map(|action| action.as_str().expect("a text").to_owned())
        // Prices are another verb's; its tests hold them.
        .filter(|action| !action.starts_with("pricing:") && !action.starts_with("savingsplans:"))
        .collect();
    assert_eq!(made, published);
}

#[test]
fn a_role_in_another_account_is_collected_as_that_account() {
    let site = Site::small();
    let (own, other) = (site.accounts()[0].clone(), site.accounts()[1].clone());
    let role = format!("arn:aws:iam::{other}:role/plimsoll");
    site.collect(&["--days", "1", "--profile", &own, "--role-arn", &role])
        .exits(0);
    let accounts: BTreeSet<String> = site
        .collected()
        .commits
        .into_iter()
        .map(|commit| commit.account)
        .collect();
    assert_eq!(accounts, BTreeSet::from([other]));
    let refused = format!("arn:aws:iam::{own}:role/nobody");
    let world = Site::small();
    world
        .collect(&["--days", "1", "--profile", &own, "--role-arn", &refused])
        .exits(7)
        .says(&["no account can be reached"]);
}

#[test]
fn every_enabled_region_is_found_and_the_others_are_left_in_peace() {
    let site = Site::small();
    site.collect(&["--days", "0", "--region", "all"])
        .exits(0)
        .says(&["left out, not enabled:", "me-south-1"]);
    let regions: BTreeSet<String> = site
        .collected()
        .commits
        .into_iter()
        .map(|commit| commit.region)
        .collect();
    assert!(
        regions.contains("us-east-1")
            && regions.contains("eu-west-1")
            && !regions.contains("me-south-1"),
        "{regions:?}"
    );
    let named = Site::small();
    named
        .collect(&[
            "--days",
            "0",
            "--region",
            "us-east-1",
            "--region",
            "me-south-1",
        ])
        .exits(3)
        .says(&["me-south-1"]);
    // A region that is enabled and fails is told, whatever the failure looks like.
    let expired = Site::small();
    let fault = crate::fake::Fault::always("ecs:*", crate::fake::Kind::ExpiredCredentials);
    expired.fake.set_faults(vec![crate::fake::Fault {
        region: Some("eu-west-1".to_owned()),
        ..fault
    }]);
    expired
        .collect(&["--days", "0", "--region", "all"])
        .exits(3)
        .says(&["eu-west-1", "expired"]);
}

#[test]
fn the_doctor_tells_what_each_cluster_can_give() {
    let site = Site::small();
    let account = site.accounts()[0].clone();
    let run = site
        .plimsoll(&["doctor", "--profile", &account, "--region", "us-east-1"])
        .output()
        .expect("it runs");
    let run = crate::support::Run::of(&run).exits(0);
    run.says(&[
        "19 of 19 reads granted",
        "Container Insights off",
        "Container Insights enhanced",
        "task events not captured",
        "advice",
    ]);
    site.fake.set_faults(vec![crate::fake::Fault::always(
        "logs:FilterLogEvents",
        crate::fake::Kind::Denied,
    )]);
    let run = site
        .plimsoll(&["doctor", "--profile", &account, "--region", "us-east-1"])
        .output()
        .expect("it runs");
    crate::support::Run::of(&run).exits(3).says(&[
        "18 of 19 reads granted",
        "missing    logs:FilterLogEvents: access denied",
    ]);
}
