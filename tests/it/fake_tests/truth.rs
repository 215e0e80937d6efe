//! What the world says is true is what its services tell.

use std::collections::{BTreeMap, BTreeSet};

use aws_sdk_cloudwatch::types::{Dimension, Metric, MetricDataQuery, MetricStat};
use aws_sdk_codebuild::types::StatusType;
use aws_sdk_ecs::types::{DesiredStatus, TaskStopCode};
use aws_smithy_types::DateTime;
use serde_json::Value;

use super::{ACCOUNT, REGION, Reader};
use crate::fake::golden::{Configuration, Golden, Key, Run, Sample};
use crate::fake::world::{DAY, HOUR, MINUTE, NOW};
use crate::fake::{Fake, Resolution, Scale, World};

/// A query number `no`.
pub(super) fn query(
    no: usize,
    (namespace, name): (&str, &str),
    dimensions: &[(&str, &str)],
    period_s: i32,
    stat: &str,
) -> MetricDataQuery {
    let dimensions = dimensions
        .iter()
        .map(|(name, value)| Dimension::builder().name(*name).value(*value).build());
    let metric = Metric::builder()
        .namespace(namespace)
        .metric_name(name)
        .set_dimensions(Some(dimensions.collect()))
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(period_s)
        .stat(stat)
        .build();
    MetricDataQuery::builder()
        .id(format!("q{no}"))
        .metric_stat(stat)
        .build()
}

/// Time → the statistics, in their order, of one series.
fn points(
    reader: &Reader,
    metric: (&str, &str),
    dimensions: &[(&str, &str)],
    period_s: i32,
    (from_ms, to_ms): (i64, i64),
    stats: &[&str],
) -> BTreeMap<i64, Vec<f64>> {
    let queries = stats
        .iter()
        .enumerate()
        .map(|(no, stat)| query(no, metric, dimensions, period_s, stat))
        .collect();
    let request = reader
        .cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(queries));
    let request = request
        .start_time(DateTime::from_millis(from_ms))
        .end_time(DateTime::from_millis(to_ms));
    let told = reader.told(request.send());
    assert_eq!(told.next_token(), None, "few enough for one page");
    let mut points: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for result in told.metric_data_results() {
        for (at, value) in result.timestamps().iter().zip(result.values()) {
            points
                .entry(at.to_millis().expect("in range"))
                .or_default()
                .push(*value);
        }
    }
    points
}

const STATS: [&str; 5] = ["Maximum", "Sum", "SampleCount", "Minimum", "Average"];

#[test]
fn rolled_up_points_are_the_aggregates_of_the_minutes() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let api = (
        ("AWS/ECS", "CPUUtilization"),
        vec![("ClusterName", "prod"), ("ServiceName", "api")],
    );
    let family = fake.look(|world| {
        world.accounts[0].regions[0].clusters[2].jobs[0]
            .family()
            .to_owned()
    });
    let etl = (
        ("ECS/ContainerInsights", "MemoryUtilized"),
        vec![
            ("ClusterName", "web"),
            ("TaskDefinitionFamily", family.as_str()),
        ],
    );
    // The resize of nine days ago is within.
    let window = (NOW - 10 * DAY - 12 * HOUR, NOW - 8 * DAY - 12 * HOUR);
    for (metric, dimensions) in [api, etl] {
        let minutes = points(&reader, metric, &dimensions, 60, window, &STATS);
        assert!(minutes.len() > 30, "{metric:?}");
        for period_s in [300, 3_600] {
            let mut expected: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            for (at, values) in &minutes {
                let [max, sum, count, min, average] = values[..] else {
                    panic!("five statistics")
                };
                assert!((sum / count - average).abs() < 1e-12);
                let point = expected.entry(
                    at.div_euclid(i64::from(period_s) * 1_000) * i64::from(period_s) * 1_000,
                );
                let point = point.or_insert_with(|| vec![f64::MIN, 0.0, 0.0, f64::MAX, 0.0]);
                *point = vec![
                    point[0].max(max),
                    point[1] + sum,
                    point[2] + count,
                    point[3].min(min),
                    (point[1] + sum) / (point[2] + count),
                ];
            }
            assert_eq!(
                points(&reader, metric, &dimensions, period_s, window, &STATS),
                expected,
                "{metric:?} by {period_s} s"
            );
        }
    }
}

#[test]
fn the_sample_count_of_a_minute_is_the_number_of_running_tasks() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let (base, peak) = fake.look(|world| {
        let service = &world.accounts[0].regions[0].clusters[0].services[0];
        (f64::from(service.base), f64::from(service.peak))
    });
    let dimensions = [("ClusterName", "prod"), ("ServiceName", "api")];
    let counts = points(
        &reader,
        ("AWS/ECS", "MemoryUtilization"),
        &dimensions,
        60,
        (NOW - DAY, NOW),
        &["SampleCount"],
    );
    let at = |hour: i64| counts[&((NOW - DAY).div_euclid(DAY) * DAY + hour * HOUR)][0];
    assert_eq!((at(15), at(23)), (peak, base));
}

/// The part of the golden rows that is about the first account's first region.
fn here(golden: &Golden) -> (BTreeSet<Run>, BTreeSet<Sample>, BTreeSet<Configuration>) {
    let is_here = |key: &Key| key[0] == ACCOUNT && key[1] == REGION;
    (
        golden
            .runs
            .iter()
            .filter(|run| is_here(&run.key))
            .cloned()
            .collect(),
        golden
            .samples
            .iter()
            .filter(|sample| is_here(&sample.key))
            .cloned()
            .collect(),
        golden
            .configurations
            .iter()
            .filter(|row| is_here(&row.key))
            .cloned()
            .collect(),
    )
}

/// To the nearest millisecond: AWS tells seconds with decimals, and `to_millis` cuts.
fn millis(time: Option<&DateTime>) -> Option<i64> {
    time.map(|time| time.secs() * 1_000 + (i64::from(time.subsec_nanos()) + 500_000) / 1_000_000)
}

#[test]
fn the_golden_samples_are_what_get_metric_data_tells() {
    let mut world = World::small();
    world.now_ms = NOW + 30 * MINUTE + 17;
    let (from_ms, to_ms) = (NOW.div_euclid(DAY) * DAY - 17 * DAY, NOW + 15 * MINUTE);
    let (_, samples, _) = here(&world.golden(from_ms, to_ms, Resolution::Auto));
    let golden: BTreeSet<Sample> = samples
        .into_iter()
        .filter(|sample| sample.source == "cloudwatch")
        .collect();
    let fake = Fake::start(world.clone());
    let reader = Reader::of(&fake);
    let region = &world.accounts[0].regions[0];
    let mut told = BTreeSet::new();
    let mut tell = |key: [&str; 3],
                    run_id: Option<&str>,
                    metric: (&str, &str),
                    name: &'static str,
                    dimensions: &[(&str, &str)]| {
        // Fifteen days ago minutes give way to five.
        let border_ms = (NOW - 15 * DAY).div_euclid(DAY) * DAY + DAY;
        for (window, period_s) in [((from_ms, border_ms), 300), ((border_ms, to_ms), 60)] {
            for (at_ms, values) in
                points(&reader, metric, dimensions, period_s, window, &STATS[..3])
            {
                told.insert(Sample {
                    key: [ACCOUNT, REGION, key[0], key[1], key[2]].map(str::to_owned),
                    run_id: run_id.map(str::to_owned),
                    source: "cloudwatch",
                    metric: name,
                    period_s: i64::from(period_s),
                    at_ms,
                    max: values[0].to_bits(),
                    sum: values[1].to_bits(),
                    count: values[2].to_bits(),
                });
            }
        }
    };
    for cluster in &region.clusters {
        let of_cluster = ("ClusterName", cluster.name.as_str());
        for service in &cluster.services {
            let (key, dimensions) = (
                ["service", &cluster.name, &service.name],
                [of_cluster, ("ServiceName", &service.name)],
            );
            tell(
                key,
                None,
                ("AWS/ECS", "CPUUtilization"),
                "cpu_percent",
                &dimensions,
            );
            tell(
                key,
                None,
                ("AWS/ECS", "MemoryUtilization"),
                "memory_percent",
                &dimensions,
            );
        }
        for job in &cluster.jobs {
            let (key, dimensions) = (
                ["task", &cluster.name, job.family()],
                [of_cluster, ("TaskDefinitionFamily", job.family())],
            );
            tell(
                key,
                None,
                ("ECS/ContainerInsights", "CpuUtilized"),
                "cpu_units",
                &dimensions,
            );
            tell(
                key,
                None,
                ("ECS/ContainerInsights", "MemoryUtilized"),
                "memory_mib",
                &dimensions,
            );
        }
    }
    let (mut ids, mut token) = (Vec::new(), None);
    loop {
        let page = reader.told(reader.codebuild.list_builds().set_next_token(token).send());
        ids.extend(page.ids.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    for ids in ids.chunks(100) {
        let builds = reader.told(
            reader
                .codebuild
                .batch_get_builds()
                .set_ids(Some(ids.to_vec()))
                .send(),
        );
        for build in builds
            .builds()
            .iter()
            .filter(|build| millis(build.start_time()).is_some_and(|start| start >= from_ms))
        {
            let (project, id) = (
                build.project_name().expect("told"),
                build.id().expect("told"),
            );
            let number = build.build_number().expect("told").to_string();
            let dimensions = [
                ("ProjectName", project),
                ("BuildNumber", number.as_str()),
                ("BuildId", id),
            ];
            tell(
                ["build", "", project],
                Some(id),
                ("AWS/CodeBuild", "CPUUtilized"),
                "cpu_vcpu",
                &dimensions,
            );
            tell(
                ["build", "", project],
                Some(id),
                ("AWS/CodeBuild", "CPUUtilizedPercent"),
                "cpu_percent",
                &dimensions,
            );
            tell(
                ["build", "", project],
                Some(id),
                ("AWS/CodeBuild", "MemoryUtilized"),
                "memory_mib",
                &dimensions,
            );
        }
    }
    assert!(golden.len() > 100_000, "{}", golden.len());
    assert!(
        golden == told,
        "missing: {:?}, foreign: {:?}",
        golden.difference(&told).next(),
        told.difference(&golden).next()
    );
}

#[test]
fn the_golden_runs_of_the_ecs_api_are_what_it_describes() {
    let mut world = World::small();
    // Every job has a task within the hour.
    for cluster in &mut world.account(ACCOUNT).regions[0].clusters {
        for job in &mut cluster.jobs {
            job.runs = crate::fake::world::Runs::Every {
                within_ms: NOW - 20 * DAY..NOW + DAY,
                every_ms: 7 * MINUTE,
                length_ms: MINUTE..30 * MINUTE,
            };
        }
    }
    let (runs, ..) = here(&world.golden(NOW - DAY, NOW, Resolution::Auto));
    let golden: BTreeSet<Run> = runs
        .into_iter()
        .filter(|run| run.source == "ecs_api")
        .collect();
    let fake = Fake::start(world.clone());
    let reader = Reader::of(&fake);
    let mut told = BTreeSet::new();
    for cluster in &world.accounts[0].regions[0].clusters {
        for status in [DesiredStatus::Stopped, DesiredStatus::Running] {
            let listed = reader.told(
                reader
                    .ecs
                    .list_tasks()
                    .cluster(&cluster.name)
                    .desired_status(status)
                    .send(),
            );
            let request = reader
                .ecs
                .describe_tasks()
                .cluster(&cluster.name)
                .set_tasks(listed.task_arns);
            let described = reader.told(request.send());
            assert!(described.failures().is_empty());
            for task in described.tasks() {
                let group = task.group().expect("told");
                let (kind, name) = group.split_once(':').expect("service: or family:");
                let kind = if kind == "service" { "service" } else { "task" };
                let stop_code = task.stop_code().map(TaskStopCode::as_str);
                told.insert(Run {
                    key: [ACCOUNT, REGION, kind, &cluster.name, name].map(str::to_owned),
                    run_id: task
                        .task_arn()
                        .and_then(|arn| arn.rsplit('/').next())
                        .expect("an id")
                        .to_owned(),
                    source: "ecs_api",
                    version: task.version(),
                    created_ms: millis(task.created_at()).expect("told"),
                    pull_started_ms: millis(task.pull_started_at()),
                    provisioning_ms: None,
                    started_ms: millis(task.started_at()),
                    stopped_ms: millis(task.stopped_at()).or(millis(task.execution_stopped_at())),
                    last_seen_ms: None,
                    stop_code: golden
                        .iter()
                        .filter_map(|run| run.stop_code)
                        .find(|code| Some(*code) == stop_code),
                    out_of_memory: task.containers().iter().any(|container| {
                        container
                            .reason()
                            .is_some_and(|reason| reason.contains("OutOfMemory"))
                    }),
                });
            }
        }
    }
    assert!(golden.len() > 40 && golden.iter().any(|run| run.stopped_ms.is_some()));
    assert!(
        golden == told,
        "missing: {:?}, foreign: {:?}",
        golden.difference(&told).next(),
        told.difference(&golden).next()
    );
}

/// Every record of a log group within `[from_ms, to_ms)`.
fn records(
    reader: &Reader,
    group: &str,
    pattern: &str,
    (from_ms, to_ms): (i64, i64),
) -> Vec<Value> {
    let (mut records, mut token) = (Vec::new(), None);
    loop {
        let request = reader
            .logs
            .filter_log_events()
            .log_group_name(group)
            .filter_pattern(pattern)
            .set_next_token(token);
        let page = reader.told(request.start_time(from_ms).end_time(to_ms - 1).send());
        let messages = page
            .events
            .unwrap_or_default()
            .into_iter()
            .filter_map(|event| event.message);
        records
            .extend(messages.map(|message| serde_json::from_str::<Value>(&message).expect("JSON")));
        token = page.next_token;
        if token.is_none() {
            return records;
        }
    }
}

#[test]
fn the_golden_runs_of_events_are_the_last_that_the_log_tells() {
    let world = World::small();
    let window = (NOW - 3 * DAY - HOUR, NOW - DAY);
    let (runs, ..) = here(&world.golden(window.0, window.1, Resolution::Auto));
    let golden: BTreeSet<Run> = runs
        .into_iter()
        .filter(|run| run.source == "task_events")
        .collect();
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let time = |value: &Value| {
        value.as_str().map(|text| {
            text.parse::<jiff::Timestamp>()
                .expect("RFC 3339")
                .as_millisecond()
        })
    };
    let mut last: BTreeMap<String, Run> = BTreeMap::new();
    for cluster in ["batch", "web"] {
        let group = format!("/aws/events/ecs/containerinsights/{cluster}/performance");
        for record in records(
            &reader,
            &group,
            "{ $.detail-type = \"ECS Task State Change\" }",
            window,
        ) {
            let detail = &record["detail"];
            let (kind, name) = detail["group"]
                .as_str()
                .and_then(|group| group.split_once(':'))
                .expect("a group");
            let kind = if kind == "service" { "service" } else { "task" };
            let run = Run {
                key: [ACCOUNT, REGION, kind, cluster, name].map(str::to_owned),
                run_id: detail["taskArn"]
                    .as_str()
                    .and_then(|arn| arn.rsplit('/').next())
                    .expect("an id")
                    .to_owned(),
                source: "task_events",
                version: detail["version"].as_i64().expect("a version"),
                created_ms: time(&detail["createdAt"]).expect("told"),
                pull_started_ms: time(&detail["pullStartedAt"]),
                provisioning_ms: None,
                started_ms: time(&detail["startedAt"]),
                stopped_ms: time(&detail["stoppedAt"]).or(time(&detail["executionStoppedAt"])),
                last_seen_ms: time(&detail["updatedAt"]),
                stop_code: golden
                    .iter()
                    .filter_map(|run| run.stop_code)
                    .find(|code| detail["stopCode"] == **code),
                out_of_memory: detail["containers"][0]["reason"]
                    .as_str()
                    .is_some_and(|reason| reason.contains("OutOfMemory")),
            };
            let known = last
                .entry(run.run_id.clone())
                .or_insert_with(|| run.clone());
            if known.version < run.version {
                *known = run;
            }
        }
    }
    let told: BTreeSet<Run> = last.into_values().collect();
    assert!(golden.len() > 10);
    assert!(
        golden == told,
        "missing: {:?}, foreign: {:?}",
        golden.difference(&told).next(),
        told.difference(&golden).next()
    );
}

#[test]
fn the_golden_samples_of_logs_are_what_the_performance_log_tells() {
    let mut world = World::small();
    world.log_scan_ms = 5 * HOUR;
    let window = (NOW - DAY, NOW);
    let (runs, samples, _) = here(&world.golden(window.0, window.1, Resolution::Auto));
    let golden: BTreeSet<Sample> = samples
        .into_iter()
        .filter(|sample| sample.source == "container_insights")
        .collect();
    let sighted: BTreeSet<String> = runs
        .into_iter()
        .filter(|run| run.source == "container_insights")
        .map(|run| run.run_id)
        .collect();
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let mut told = BTreeSet::new();
    for cluster in ["batch", "web"] {
        let group = format!("/aws/ecs/containerinsights/{cluster}/performance");
        for record in records(
            &reader,
            &group,
            "{ $.Type = \"Task\" && $.ServiceName NOT EXISTS }",
            window,
        ) {
            let text = |name: &str| record[name].as_str();
            for (field, metric) in [
                ("CpuUtilized", "cpu_units"),
                ("MemoryUtilized", "memory_mib"),
            ] {
                let value = record[field].as_f64().expect("a number").to_bits();
                told.insert(Sample {
                    key: [
                        ACCOUNT,
                        REGION,
                        "task",
                        cluster,
                        text("TaskDefinitionFamily").expect("told"),
                    ]
                    .map(str::to_owned),
                    run_id: text("TaskId").map(str::to_owned),
                    source: "container_insights",
                    metric,
                    period_s: 60,
                    at_ms: record["Timestamp"].as_i64().expect("a time"),
                    max: value,
                    sum: value,
                    count: 1.0_f64.to_bits(),
                });
            }
        }
    }
    assert_eq!(
        sighted,
        told.iter()
            .filter_map(|sample| sample.run_id.clone())
            .collect()
    );
    assert!(golden.len() > 200, "{}", golden.len());
    assert!(
        golden == told,
        "missing: {:?}, foreign: {:?}",
        golden.difference(&told).next(),
        told.difference(&golden).next()
    );
}

#[test]
fn the_golden_builds_are_what_codebuild_tells() {
    let mut world = World::small();
    world.now_ms = NOW + HOUR;
    let (runs, ..) = here(&world.golden(0, NOW + HOUR, Resolution::Auto));
    let golden: BTreeSet<Run> = runs
        .into_iter()
        .filter(|run| run.source == "codebuild_api")
        .collect();
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let ids = reader.told(reader.codebuild.list_builds().send()).ids;
    let builds = reader
        .told(reader.codebuild.batch_get_builds().set_ids(ids).send())
        .builds
        .unwrap_or_default();
    let told = builds.iter().map(|build| {
        let provisioning = build.phases().iter().find(|phase| {
            phase
                .phase_type()
                .is_some_and(|phase| phase.as_str() == "PROVISIONING")
        });
        let status = build.build_status().map(StatusType::as_str);
        Run {
            key: [
                ACCOUNT,
                REGION,
                "build",
                "",
                build.project_name().expect("told"),
            ]
            .map(str::to_owned),
            run_id: build.id().expect("told").to_owned(),
            source: "codebuild_api",
            version: if build.build_complete() { 2 } else { 1 },
            created_ms: millis(build.start_time()).expect("told"),
            pull_started_ms: None,
            provisioning_ms: provisioning.and_then(|phase| millis(phase.start_time())),
            started_ms: None,
            stopped_ms: millis(build.end_time()),
            last_seen_ms: None,
            stop_code: golden
                .iter()
                .filter_map(|run| run.stop_code)
                .find(|code| Some(*code) == status),
            out_of_memory: false,
        }
    });
    let told: BTreeSet<Run> = told.collect();
    assert!(golden.len() >= 60);
    assert!(
        golden == told,
        "missing: {:?}, foreign: {:?}",
        golden.difference(&told).next(),
        told.difference(&golden).next()
    );
}

#[test]
fn the_golden_configurations_and_instances_are_what_ecs_describes() {
    let world = World::small();
    let golden = world.golden(NOW - 15 * DAY, NOW, Resolution::Auto);
    let (_, _, configurations) = here(&golden);
    let fake = Fake::start(world.clone());
    let reader = Reader::of(&fake);
    let mut told = BTreeSet::new();
    for cluster in &world.accounts[0].regions[0].clusters {
        for service in &cluster.services {
            let listed = reader.told(
                reader
                    .ecs
                    .list_service_deployments()
                    .cluster(&cluster.name)
                    .service(&service.name)
                    .send(),
            );
            let arns = listed
                .service_deployments()
                .iter()
                .filter_map(|deployment| {
                    deployment.target_service_revision_arn().map(str::to_owned)
                });
            let revisions = reader.told(
                reader
                    .ecs
                    .describe_service_revisions()
                    .set_service_revision_arns(Some(arns.collect()))
                    .send(),
            );
            for revision in revisions.service_revisions() {
                told.insert((
                    format!("{}/{}", cluster.name, service.name),
                    millis(revision.created_at()).expect("told"),
                    revision
                        .task_definition()
                        .and_then(|arn| arn.rsplit('/').next())
                        .expect("told")
                        .to_owned(),
                ));
            }
        }
    }
    let of_services = configurations.iter().filter(|row| row.key[2] == "service");
    let of_services: BTreeSet<_> = of_services
        .map(|row| {
            (
                format!("{}/{}", row.key[3], row.key[4]),
                row.from_ms,
                row.definition.clone(),
            )
        })
        .collect();
    assert_eq!(of_services, told);
    assert_eq!(
        of_services.len(),
        12,
        "three clusters, two services, resized once"
    );
    for row in configurations.iter().filter(|row| row.key[2] == "task") {
        let definition = reader.told(
            reader
                .ecs
                .describe_task_definition()
                .task_definition(&row.definition)
                .send(),
        );
        let definition = definition.task_definition().expect("told");
        assert_eq!(
            definition.cpu().map(str::to_owned),
            row.cpu_units.map(|cpu| cpu.to_string())
        );
        assert_eq!(
            definition.memory().map(str::to_owned),
            row.memory_mib.map(|memory| memory.to_string())
        );
    }
    let instances: Vec<_> = golden
        .instances
        .iter()
        .filter(|instance| instance.account == ACCOUNT && instance.region == REGION)
        .collect();
    let arns = reader
        .told(
            reader
                .ecs
                .list_container_instances()
                .cluster("batch")
                .send(),
        )
        .container_instance_arns;
    let described = reader.told(
        reader
            .ecs
            .describe_container_instances()
            .cluster("batch")
            .set_container_instances(arns)
            .send(),
    );
    let told: BTreeSet<_> = described
        .container_instances()
        .iter()
        .filter_map(|instance| {
            Some((
                instance.ec2_instance_id()?,
                millis(instance.registered_at())?,
            ))
        })
        .collect();
    assert_eq!(
        instances
            .iter()
            .map(|row| (row.instance_id.as_str(), row.registered_ms))
            .collect::<BTreeSet<_>>(),
        told
    );
}

#[test]
fn the_same_seed_is_the_same_world() {
    let golden = |seed: u64| {
        World::seeded(seed, Scale::SMALL).golden(NOW - DAY, NOW, Resolution::Seconds(3_600))
    };
    assert_eq!(golden(5), golden(5));
    assert_ne!(golden(5), golden(6));
}

#[test]
fn a_world_of_a_hundred_thousand_tasks_is_as_quick_as_a_small_one() {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        clusters: 1,
        services: 1,
        families: 1,
        jobs_per_family: 24 * 100_000,
        days: 1,
        ..Scale::SMALL
    };
    let fake = Fake::start(World::seeded(3, scale));
    let reader = Reader::of(&fake);
    let (mut stopped, mut token) = (0, None);
    for _ in 0..20 {
        let request = reader
            .ecs
            .list_tasks()
            .cluster("prod")
            .desired_status(DesiredStatus::Stopped)
            .set_next_token(token);
        let page = reader.told(request.send());
        stopped += page.task_arns().len();
        token = page.next_token;
    }
    assert_eq!(stopped, 2_000);
    assert!(
        token.is_some(),
        "about a hundred thousand tasks stopped within the hour"
    );
}
