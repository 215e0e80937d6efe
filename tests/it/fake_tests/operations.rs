//! Page sizes, limits, errors and what each operation tells.

use std::collections::BTreeSet;

use aws_sdk_cloudwatch::types::{DimensionFilter, StatusCode};
use aws_sdk_codebuild::types::{BuildPhaseType, StatusType};
use aws_sdk_ecs::types::{ClusterField, DesiredStatus, LaunchType, TaskStopCode};
use aws_smithy_types::DateTime;

use super::{ACCOUNT, KEY, REGION, Reader};
use crate::fake::world::{
    Cluster, DAY, Definition, HOUR, Insights, Job, Launch, Load, MINUTE, NOW, Percent, Project,
    Region, Runs, SECOND,
};
use crate::fake::{Fake, World};

const STEADY: Load = Load {
    cpu: Percent {
        floor: 10,
        day: 0,
        noise: 5,
    },
    memory: Percent {
        floor: 20,
        day: 0,
        noise: 5,
    },
};

/// A cluster `jobs` whose family `etl` ran exactly so.
fn jobs(runs: Vec<(i64, i64)>) -> World {
    let job = Job {
        definition: "etl:1".to_owned(),
        launch: Launch::Fargate,
        runs: Runs::At(runs),
        load: STEADY,
    };
    let cluster = Cluster {
        name: "jobs".to_owned(),
        insights: Insights::Enabled,
        insights_since_ms: NOW - 90 * DAY,
        events_since_ms: Some(NOW - 90 * DAY),
        retention_days: None,
        services: Vec::new(),
        jobs: vec![job],
        instances: Vec::new(),
    };
    let definition = Definition {
        name: "etl:1".to_owned(),
        cpu_units: 256,
        memory_mib: 512,
        architecture: "X86_64",
        ephemeral_gib: None,
    };
    world_of(Region {
        clusters: vec![cluster],
        definitions: vec![definition],
        ..Region::default()
    })
}

fn world_of(region: Region) -> World {
    let mut world = World::empty();
    world.account(ACCOUNT).regions = vec![Region {
        name: REGION.to_owned(),
        is_enabled: true,
        ..region
    }];
    world
}

/// A project `app` whose builds ran exactly so.
fn builds(runs: Vec<(i64, i64)>) -> World {
    let project = Project {
        name: "app".to_owned(),
        environment_type: "LINUX_CONTAINER",
        compute_type: "BUILD_GENERAL1_SMALL",
        privileged: true,
        cpu_units: 2048,
        memory_mib: 4096,
        runs: Runs::At(runs),
        load: STEADY,
    };
    world_of(Region {
        projects: vec![project],
        ..Region::default()
    })
}

/// Every page of `ListTasks`.
fn task_pages(reader: &Reader, cluster: &str, status: &DesiredStatus) -> Vec<Vec<String>> {
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let request = reader
            .ecs
            .list_tasks()
            .cluster(cluster)
            .desired_status(status.clone())
            .set_next_token(token);
        let page = reader.told(request.send());
        pages.push(page.task_arns.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            return pages;
        }
    }
}

#[test]
fn tasks_are_listed_by_the_hundred() {
    let fake = Fake::start(jobs(
        (0..250).map(|no| (NOW - 10 * MINUTE + no, HOUR)).collect(),
    ));
    let reader = Reader::of(&fake);
    let pages = task_pages(&reader, "jobs", &DesiredStatus::Running);
    assert_eq!(
        pages.iter().map(Vec::len).collect::<Vec<_>>(),
        [100, 100, 50]
    );
    assert_eq!(pages.concat().iter().collect::<BTreeSet<_>>().len(), 250);
    assert_eq!(
        reader.refused(
            reader
                .ecs
                .list_tasks()
                .cluster("jobs")
                .max_results(101)
                .send()
        ),
        "InvalidParameterException"
    );
}

#[test]
fn a_stopped_task_is_remembered_for_an_hour() {
    // Pull, start and stop take a quarter of a minute more than the run.
    let world = jobs(vec![
        (NOW - 10 * MINUTE, MINUTE),
        (NOW - 2 * HOUR, MINUTE),
        (NOW - 30 * MINUTE, 2 * HOUR),
    ]);
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let stopped = task_pages(&reader, "jobs", &DesiredStatus::Stopped).concat();
    let running = task_pages(&reader, "jobs", &DesiredStatus::Running).concat();
    assert_eq!((stopped.len(), running.len()), (1, 1));
    assert_eq!(
        reader
            .told(reader.ecs.list_tasks().cluster("jobs").send())
            .task_arns(),
        running,
        "RUNNING is the default"
    );
    let task = |arn: &str| {
        reader.told(
            reader
                .ecs
                .describe_tasks()
                .cluster("jobs")
                .tasks(arn)
                .send(),
        )
    };
    let told = task(&stopped[0]);
    let told = &told.tasks()[0];
    assert_eq!(
        told.started_at(),
        Some(&DateTime::from_millis(NOW - 10 * MINUTE + 8 * SECOND))
    );
    assert_eq!(
        told.execution_stopped_at(),
        Some(&DateTime::from_millis(NOW - 9 * MINUTE + 8 * SECOND))
    );
    assert_eq!(
        (
            told.last_status(),
            told.stop_code().map(TaskStopCode::as_str)
        ),
        (Some("STOPPED"), Some("EssentialContainerExited"))
    );
    assert_eq!(
        (told.cpu(), told.memory(), told.group(), told.version()),
        (Some("256"), Some("512"), Some("family:etl"), 5)
    );
    fake.set_now(NOW + HOUR);
    let gone = task(&stopped[0]);
    assert!(gone.tasks().is_empty());
    assert_eq!(
        (gone.failures()[0].arn(), gone.failures()[0].reason()),
        (Some(stopped[0].as_str()), Some("MISSING"))
    );
}

#[test]
fn describing_calls_take_so_many_and_no_more() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let names = |count: usize| {
        Some(
            (0..count)
                .map(|no| format!("{no:032x}"))
                .collect::<Vec<_>>(),
        )
    };
    let ecs = &reader.ecs;
    assert_eq!(
        reader
            .told(
                ecs.describe_tasks()
                    .cluster("prod")
                    .set_tasks(names(100))
                    .send()
            )
            .failures()
            .len(),
        100
    );
    assert_eq!(
        reader
            .told(
                ecs.describe_services()
                    .cluster("prod")
                    .set_services(names(10))
                    .send()
            )
            .failures()
            .len(),
        10
    );
    assert_eq!(
        reader
            .told(ecs.describe_clusters().set_clusters(names(100)).send())
            .failures()
            .len(),
        100
    );
    let instances = ecs.describe_container_instances().cluster("prod");
    assert_eq!(
        reader
            .told(instances.clone().set_container_instances(names(100)).send())
            .failures()
            .len(),
        100
    );
    let builds = reader.told(
        reader
            .codebuild
            .batch_get_builds()
            .set_ids(names(100))
            .send(),
    );
    assert_eq!(builds.builds_not_found().len(), 100);
    let invalid = "InvalidParameterException";
    assert_eq!(
        reader.refused(
            ecs.describe_tasks()
                .cluster("prod")
                .set_tasks(names(101))
                .send()
        ),
        invalid
    );
    assert_eq!(
        reader.refused(
            ecs.describe_services()
                .cluster("prod")
                .set_services(names(11))
                .send()
        ),
        invalid
    );
    assert_eq!(
        reader.refused(ecs.describe_clusters().set_clusters(names(101)).send()),
        invalid
    );
    assert_eq!(
        reader.refused(instances.set_container_instances(names(101)).send()),
        invalid
    );
    assert_eq!(
        reader.refused(
            ecs.describe_service_revisions()
                .set_service_revision_arns(names(21))
                .send()
        ),
        invalid
    );
    assert_eq!(
        reader.refused(
            reader
                .codebuild
                .batch_get_builds()
                .set_ids(names(101))
                .send()
        ),
        "InvalidInputException"
    );
}

#[test]
fn what_is_not_there_has_a_name() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let ecs = &reader.ecs;
    assert_eq!(
        reader.refused(ecs.list_tasks().send()),
        "ClusterNotFoundException",
        "there is no cluster `default`"
    );
    assert_eq!(
        reader.refused(ecs.list_tasks().cluster("prod").service_name("none").send()),
        "ServiceNotFoundException"
    );
    assert_eq!(
        reader.refused(
            ecs.list_service_deployments()
                .cluster("prod")
                .service("none")
                .send()
        ),
        "ServiceNotFoundException"
    );
    assert_eq!(
        reader.refused(
            ecs.describe_task_definition()
                .task_definition("none")
                .send()
        ),
        "ClientException"
    );
    assert_eq!(
        reader.refused(
            reader
                .logs
                .filter_log_events()
                .log_group_name("none")
                .send()
        ),
        "ResourceNotFoundException"
    );
    assert_eq!(fake.unexpected(), [""; 0]);
    assert_eq!(
        reader.refused(
            ecs.list_attributes()
                .target_type("container-instance".into())
                .send()
        ),
        "NotPlayed"
    );
    assert_eq!(fake.unexpected(), ["ecs:ListAttributes"]);
}

#[test]
fn clusters_tell_their_container_insights() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let arns = reader
        .told(reader.ecs.list_clusters().send())
        .cluster_arns
        .unwrap_or_default();
    assert_eq!(arns.len(), 3);
    let settings = |include: Option<ClusterField>| {
        let request = reader
            .ecs
            .describe_clusters()
            .set_clusters(Some(arns.clone()))
            .set_include(include.map(|field| vec![field]));
        let clusters = reader.told(request.send()).clusters.unwrap_or_default();
        clusters
            .iter()
            .flat_map(|cluster| {
                cluster
                    .settings()
                    .iter()
                    .filter_map(|setting| setting.value())
            })
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        settings(Some(ClusterField::Settings)),
        ["disabled", "enabled", "enhanced"]
    );
    assert!(settings(None).is_empty(), "only where asked for");
}

#[test]
fn deployments_and_revisions_tell_how_a_service_was_resized() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let listed = reader.told(
        reader
            .ecs
            .list_service_deployments()
            .cluster("prod")
            .service("api")
            .send(),
    );
    let deployments = listed.service_deployments();
    assert_eq!(deployments.len(), 2);
    let resized_ms = NOW - 9 * DAY - 10 * HOUR;
    assert_eq!(
        deployments[0].created_at(),
        Some(&DateTime::from_millis(resized_ms)),
        "newest first"
    );
    let arns = deployments
        .iter()
        .filter_map(|deployment| deployment.target_service_revision_arn().map(str::to_owned));
    let revisions = reader.told(
        reader
            .ecs
            .describe_service_revisions()
            .set_service_revision_arns(Some(arns.collect()))
            .send(),
    );
    let sizes = revisions.service_revisions().iter().map(|revision| {
        let request = reader
            .ecs
            .describe_task_definition()
            .task_definition(revision.task_definition().expect("told"));
        let definition = reader.told(request.send()).task_definition.expect("told");
        (
            definition.cpu.expect("told"),
            definition.memory.expect("told"),
        )
    });
    let sizes: Vec<_> = sizes.collect();
    assert_ne!(sizes[0], sizes[1]);
    let services = reader.told(
        reader
            .ecs
            .describe_services()
            .cluster("prod")
            .services("api")
            .services("worker")
            .send(),
    );
    let [api, worker] = services.services() else {
        panic!("two services")
    };
    assert_eq!(api.deployments().len(), 1);
    assert_eq!(
        api.task_definition(),
        revisions.service_revisions()[0].task_definition()
    );
    assert_eq!(api.launch_type().map(LaunchType::as_str), Some("FARGATE"));
    assert_eq!(
        worker.capacity_provider_strategy()[0].capacity_provider(),
        "FARGATE"
    );
    // A few minutes after the resize both deployments are there.
    fake.set_now(resized_ms + 5 * MINUTE);
    let services = reader.told(
        reader
            .ecs
            .describe_services()
            .cluster("prod")
            .services("api")
            .send(),
    );
    assert_eq!(services.services()[0].deployments().len(), 2);
}

#[test]
fn services_are_listed_by_ten_unless_asked_otherwise() {
    let mut world = World::small();
    let cluster = &mut world.account(ACCOUNT).regions[0].clusters[0];
    let service = cluster.services[0].clone();
    cluster
        .services
        .extend((0..20).map(|no| crate::fake::world::Service {
            name: format!("copy-{no}"),
            ..service.clone()
        }));
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let list = || reader.ecs.list_services().cluster("prod");
    assert_eq!(reader.told(list().send()).service_arns().len(), 10);
    let all = reader.told(list().max_results(100).send());
    assert_eq!((all.service_arns().len(), all.next_token()), (22, None));
}

#[test]
fn instances_tell_what_they_are() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let arns = reader
        .told(
            reader
                .ecs
                .list_container_instances()
                .cluster("batch")
                .send(),
        )
        .container_instance_arns;
    let request = reader
        .ecs
        .describe_container_instances()
        .cluster("batch")
        .set_container_instances(arns);
    let told = reader.told(request.send());
    let instance = &told.container_instances()[0];
    let attribute = |name: &str| {
        instance
            .attributes()
            .iter()
            .find(|attribute| attribute.name() == name)
            .and_then(|found| found.value())
    };
    assert_eq!(attribute("ecs.instance-type"), Some("m6i.large"));
    assert_eq!(
        (attribute("ecs.cpu-architecture"), attribute("ecs.os-type")),
        (Some("x86_64"), Some("linux"))
    );
    assert_eq!(attribute("ecs.availability-zone"), Some("us-east-1a"));
    let registered: Vec<_> = instance
        .registered_resources()
        .iter()
        .map(|resource| (resource.name(), resource.integer_value()))
        .collect();
    assert_eq!(
        registered[..2],
        [(Some("CPU"), 2048), (Some("MEMORY"), 7720)]
    );
    assert_eq!(
        (instance.capacity_provider_name(), instance.status()),
        (Some("asg-1"), Some("ACTIVE"))
    );
    assert!(
        instance
            .ec2_instance_id()
            .is_some_and(|id| id.starts_with("i-"))
    );
}

#[test]
fn builds_are_listed_newest_first_by_the_hundred() {
    let fake = Fake::start(builds(
        (0..250)
            .map(|no| (NOW - 250 * HOUR + no * HOUR, 90 * SECOND))
            .collect(),
    ));
    let reader = Reader::of(&fake);
    let (mut ids, mut sizes, mut token) = (Vec::new(), Vec::new(), None);
    loop {
        let page = reader.told(reader.codebuild.list_builds().set_next_token(token).send());
        sizes.push(page.ids().len());
        ids.extend(page.ids.unwrap_or_default());
        token = page.next_token;
        if token.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [100, 100, 50]);
    let number = |id: &str| {
        reader
            .told(reader.codebuild.batch_get_builds().ids(id).send())
            .builds()[0]
            .build_number()
    };
    assert_eq!((number(&ids[0]), number(&ids[249])), (Some(250), Some(1)));
    fake.set_now(NOW + 364 * DAY);
    let left = reader
        .told(reader.codebuild.list_builds().send())
        .ids
        .unwrap_or_default();
    assert_eq!(
        left.len(),
        24,
        "those of the last day before are a year old"
    );
}

#[test]
fn a_build_that_runs_has_no_end_yet() {
    let fake = Fake::start(builds(vec![(NOW - MINUTE, HOUR), (NOW - DAY, 90 * SECOND)]));
    let reader = Reader::of(&fake);
    let ids = reader.told(reader.codebuild.list_builds().send()).ids;
    let told = reader.told(
        reader
            .codebuild
            .batch_get_builds()
            .set_ids(ids)
            .ids("app:gone")
            .send(),
    );
    let [running, done] = told.builds() else {
        panic!("two builds")
    };
    assert_eq!(
        (
            running.build_complete(),
            running.end_time(),
            running.build_status().map(StatusType::as_str)
        ),
        (false, None, Some("IN_PROGRESS"))
    );
    assert_eq!(
        done.end_time(),
        Some(&DateTime::from_millis(NOW - DAY + 90 * SECOND))
    );
    let phases: Vec<_> = done
        .phases()
        .iter()
        .filter_map(|phase| phase.phase_type())
        .map(BuildPhaseType::as_str)
        .collect();
    assert_eq!(
        phases,
        [
            "SUBMITTED",
            "QUEUED",
            "PROVISIONING",
            "DOWNLOAD_SOURCE",
            "BUILD",
            "FINALIZING",
            "COMPLETED"
        ]
    );
    let environment = done.environment().expect("told");
    assert_eq!(
        (
            environment.compute_type().as_str(),
            environment.privileged_mode()
        ),
        ("BUILD_GENERAL1_SMALL", Some(true))
    );
    assert_eq!(told.builds_not_found(), ["app:gone"]);
    let projects = reader
        .told(reader.codebuild.list_projects().send())
        .projects;
    let told = reader.told(
        reader
            .codebuild
            .batch_get_projects()
            .set_names(projects)
            .names("none")
            .send(),
    );
    assert_eq!(
        (told.projects().len(), told.projects_not_found()),
        (1, &["none".to_owned()][..])
    );
}

#[test]
fn get_metric_data_takes_five_hundred_queries_and_tells_a_hundred_thousand_points() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let query = |no: usize| {
        super::truth::query(
            no,
            ("AWS/ECS", "CPUUtilization"),
            &[("ClusterName", "prod"), ("ServiceName", "api")],
            60,
            "Sum",
        )
    };
    let ask = |count: usize, token: Option<String>| {
        let times = (
            DateTime::from_millis(NOW - 14 * DAY),
            DateTime::from_millis(NOW),
        );
        let request = reader
            .cloudwatch
            .get_metric_data()
            .start_time(times.0)
            .end_time(times.1)
            .set_next_token(token);
        request
            .set_metric_data_queries(Some((0..count).map(query).collect()))
            .send()
    };
    assert_eq!(reader.refused(ask(501, None)), "ValidationError");
    let first = reader.told(ask(6, None));
    let points = |results: &[aws_sdk_cloudwatch::types::MetricDataResult]| {
        results
            .iter()
            .map(|result| result.values().len())
            .sum::<usize>()
    };
    assert_eq!(
        points(first.metric_data_results()),
        100_800,
        "five times two weeks of minutes"
    );
    let second = reader.told(ask(6, first.next_token));
    assert_eq!(
        (points(second.metric_data_results()), second.next_token()),
        (20_160, None)
    );
    let asked_twice = reader
        .cloudwatch
        .get_metric_data()
        .metric_data_queries(query(0))
        .metric_data_queries(query(0));
    let asked_twice = asked_twice
        .start_time(DateTime::from_millis(NOW - DAY))
        .end_time(DateTime::from_millis(NOW));
    assert_eq!(reader.refused(asked_twice.send()), "ValidationError");
}

#[test]
fn points_are_newest_first_unless_asked_otherwise_and_a_page_may_end_within_a_metric() {
    let mut world = World::small();
    world.metric_page_points = 100;
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let query = super::truth::query(
        0,
        ("AWS/ECS", "CPUUtilization"),
        &[("ClusterName", "prod"), ("ServiceName", "api")],
        60,
        "Sum",
    );
    let request = reader
        .cloudwatch
        .get_metric_data()
        .metric_data_queries(query);
    let request = request
        .start_time(DateTime::from_millis(NOW - 2 * HOUR))
        .end_time(DateTime::from_millis(NOW));
    let first = reader.told(request.clone().send());
    let [result] = first.metric_data_results() else {
        panic!("one result")
    };
    assert_eq!(
        (result.values().len(), result.status_code()),
        (100, Some(&StatusCode::PartialData))
    );
    assert_eq!(result.timestamps()[0], DateTime::from_millis(NOW - MINUTE));
    let second = reader.told(
        request
            .clone()
            .set_next_token(first.next_token().map(str::to_owned))
            .send(),
    );
    let [result] = second.metric_data_results() else {
        panic!("one result")
    };
    assert_eq!(
        (
            result.values().len(),
            result.status_code(),
            second.next_token()
        ),
        (20, Some(&StatusCode::Complete), None)
    );
    let ascending = reader.told(
        request
            .scan_by(aws_sdk_cloudwatch::types::ScanBy::TimestampAscending)
            .send(),
    );
    assert_eq!(
        ascending.metric_data_results()[0].timestamps()[0],
        DateTime::from_millis(NOW - 2 * HOUR)
    );
}

#[test]
fn cloudwatch_keeps_minutes_for_fifteen_days_five_for_sixty_three_and_hours_for_longer() {
    let mut scale = crate::fake::Scale::SMALL;
    (scale.accounts, scale.regions, scale.days) = (1, 1, 500);
    let fake = Fake::start(World::seeded(1, scale));
    let reader = Reader::of(&fake);
    let oldest_days = |period_s: i32| {
        let query = super::truth::query(
            0,
            ("AWS/ECS", "CPUUtilization"),
            &[("ClusterName", "prod"), ("ServiceName", "api")],
            period_s,
            "Sum",
        );
        let request = reader
            .cloudwatch
            .get_metric_data()
            .metric_data_queries(query);
        let request = request
            .start_time(DateTime::from_millis(NOW - 490 * DAY))
            .end_time(DateTime::from_millis(NOW));
        let request = request.scan_by(aws_sdk_cloudwatch::types::ScanBy::TimestampAscending);
        let told = reader.told(request.send());
        let first = told.metric_data_results()[0].timestamps().first().copied();
        first.map(|at| (NOW - at.to_millis().expect("in range")) / DAY)
    };
    assert_eq!(
        [60, 300, 3600, 86_400].map(oldest_days),
        [Some(15), Some(63), Some(455), Some(454)]
    );
    assert_eq!(
        oldest_days(360),
        Some(15),
        "six minutes are no multiple of five"
    );
    let query = super::truth::query(
        0,
        ("AWS/ECS", "CPUUtilization"),
        &[("ClusterName", "prod")],
        90,
        "Sum",
    );
    let request = reader
        .cloudwatch
        .get_metric_data()
        .metric_data_queries(query);
    let request = request
        .start_time(DateTime::from_millis(NOW - DAY))
        .end_time(DateTime::from_millis(NOW));
    assert_eq!(reader.refused(request.send()), "ValidationError");
}

#[test]
fn metrics_silent_for_two_weeks_are_not_listed() {
    let world = builds(vec![
        (NOW - 15 * DAY, 5 * MINUTE),
        (NOW - 13 * DAY, 5 * MINUTE),
        (NOW - DAY, 50 * SECOND),
    ]);
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let listed = reader.told(
        reader
            .cloudwatch
            .list_metrics()
            .namespace("AWS/CodeBuild")
            .metric_name("CPUUtilized")
            .send(),
    );
    let [metric] = listed.metrics() else {
        panic!("one build of more than a minute within two weeks: {listed:?}")
    };
    let dimension = |name: &str| {
        metric
            .dimensions()
            .iter()
            .find(|known| known.name() == Some(name))
            .and_then(|found| found.value())
    };
    assert_eq!(
        (dimension("ProjectName"), dimension("BuildNumber")),
        (Some("app"), Some("2"))
    );
}

#[test]
fn metrics_are_listed_by_five_hundred_and_filtered_by_dimension() {
    let fake = Fake::start(builds(
        (0..600)
            .map(|no| (NOW - 10 * DAY + no * 10 * MINUTE, 2 * MINUTE))
            .collect(),
    ));
    let reader = Reader::of(&fake);
    let first = reader.told(
        reader
            .cloudwatch
            .list_metrics()
            .namespace("AWS/CodeBuild")
            .metric_name("CPUUtilized")
            .send(),
    );
    assert_eq!(first.metrics().len(), 500);
    let request = reader
        .cloudwatch
        .list_metrics()
        .namespace("AWS/CodeBuild")
        .metric_name("CPUUtilized")
        .set_next_token(first.next_token);
    assert_eq!(reader.told(request.send()).metrics().len(), 100);
    let seventh = DimensionFilter::builder()
        .name("BuildNumber")
        .value("7")
        .build();
    let told = reader.told(
        reader
            .cloudwatch
            .list_metrics()
            .namespace("AWS/CodeBuild")
            .dimensions(seventh)
            .send(),
    );
    assert_eq!(
        told.metrics().len(),
        3,
        "CPU, its share of the machine, memory"
    );
}

#[test]
fn families_are_listed_where_container_insights_is_on() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let filter = |name: &str| DimensionFilter::builder().name(name).build();
    let request = reader
        .cloudwatch
        .list_metrics()
        .namespace("ECS/ContainerInsights")
        .metric_name("CpuUtilized");
    let told = reader.told(
        request
            .dimensions(filter("ClusterName"))
            .dimensions(filter("TaskDefinitionFamily"))
            .send(),
    );
    let clusters: BTreeSet<_> = told
        .metrics()
        .iter()
        .filter_map(|metric| metric.dimensions()[0].value())
        .collect();
    assert_eq!(clusters, BTreeSet::from(["batch", "web"]));
    assert!(
        told.metrics()
            .iter()
            .any(|metric| metric.dimensions().len() == 3),
        "enhanced observability tells single tasks"
    );
}

/// Every page of `FilterLogEvents`: the messages of each.
fn log_pages(
    reader: &Reader,
    group: &str,
    pattern: &str,
    from_ms: i64,
    to_ms: i64,
) -> Vec<Vec<String>> {
    let (mut pages, mut token) = (Vec::new(), None);
    loop {
        let request = reader
            .logs
            .filter_log_events()
            .log_group_name(group)
            .filter_pattern(pattern)
            .set_next_token(token);
        let page = reader.told(request.start_time(from_ms).end_time(to_ms - 1).send());
        pages.push(
            page.events
                .unwrap_or_default()
                .into_iter()
                .filter_map(|event| event.message)
                .collect(),
        );
        token = page.next_token;
        if token.is_none() {
            return pages;
        }
    }
}

const PERFORMANCE: &str = "/aws/ecs/containerinsights/jobs/performance";
const EVENTS: &str = "/aws/events/ecs/containerinsights/jobs/performance";

#[test]
fn log_groups_are_found_by_prefix() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let groups = |prefix: &str| {
        let groups = reader
            .told(
                reader
                    .logs
                    .describe_log_groups()
                    .log_group_name_prefix(prefix)
                    .send(),
            )
            .log_groups
            .unwrap_or_default();
        groups
            .into_iter()
            .map(|group| {
                (
                    group.log_group_name.expect("a name"),
                    group.retention_in_days,
                )
            })
            .collect::<Vec<_>>()
    };
    let name = |cluster: &str| format!("/aws/ecs/containerinsights/{cluster}/performance");
    assert_eq!(
        groups("/aws/ecs/containerinsights/"),
        [(name("batch"), None), (name("web"), Some(30))]
    );
    assert_eq!(groups("/aws/events/").len(), 2);
    assert_eq!(
        reader.refused(reader.logs.describe_log_groups().limit(51).send()),
        "InvalidParameterException"
    );
}

#[test]
fn patterns_choose_records_and_pages_may_be_empty() {
    // Ten minutes at the end of the day, alone.
    let fake = Fake::start(jobs(vec![(NOW - 11 * HOUR, 10 * MINUTE)]));
    let reader = Reader::of(&fake);
    let count = |group: &str, pattern: &str| {
        log_pages(&reader, group, pattern, NOW - 24 * HOUR, NOW)
            .iter()
            .map(Vec::len)
            .collect::<Vec<_>>()
    };
    assert_eq!(
        count(
            PERFORMANCE,
            "{ $.Type = \"Task\" && $.ServiceName NOT EXISTS }"
        ),
        [0, 10]
    );
    assert_eq!(
        count(PERFORMANCE, "{ $.Type = \"Task\" && $.ServiceName EXISTS }"),
        [0, 0]
    );
    assert_eq!(
        count(PERFORMANCE, ""),
        [0, 20],
        "each container has a record too"
    );
    for selector in [
        "$.detail-type",
        "$.['detail-type']",
        "$['detail-type']",
        "$.\"detail-type\"",
    ] {
        assert_eq!(
            count(
                EVENTS,
                &format!("{{ {selector} = \"ECS Task State Change\" }}")
            ),
            [0, 5],
            "{selector}"
        );
    }
    assert_eq!(
        count(
            EVENTS,
            "{ $.detail-type = \"ECS Deployment State Change\" }"
        ),
        [0, 0]
    );
    let bad = reader
        .logs
        .filter_log_events()
        .log_group_name(EVENTS)
        .filter_pattern("{ detail-type }");
    assert_eq!(reader.refused(bad.send()), "InvalidParameterException");
}

#[test]
fn a_page_of_log_events_ends_at_a_mebibyte() {
    let fake = Fake::start(jobs(
        (0..20).map(|no| (NOW - 5 * HOUR + no, 4 * HOUR)).collect(),
    ));
    let reader = Reader::of(&fake);
    let pages = log_pages(
        &reader,
        PERFORMANCE,
        "{ $.Type = \"Task\" }",
        NOW - 6 * HOUR,
        NOW,
    );
    let bytes: Vec<usize> = pages
        .iter()
        .map(|page| page.iter().map(String::len).sum())
        .collect();
    assert!(
        pages.len() > 2 && bytes.iter().all(|bytes| *bytes <= 1 << 20),
        "{bytes:?}"
    );
    assert_eq!(pages.iter().map(Vec::len).sum::<usize>(), 20 * 240);
    assert_eq!(
        pages.concat().into_iter().collect::<BTreeSet<_>>().len(),
        20 * 240,
        "no record twice"
    );
    let few = reader
        .logs
        .filter_log_events()
        .log_group_name(PERFORMANCE)
        .limit(3)
        .start_time(NOW - 4 * HOUR);
    assert_eq!(reader.told(few.send()).events().len(), 3);
}

#[test]
fn an_event_group_tells_whole_lives() {
    let fake = Fake::start(jobs(vec![(NOW - 2 * HOUR, 10 * MINUTE)]));
    let reader = Reader::of(&fake);
    let events = log_pages(
        &reader,
        EVENTS,
        "{ $.detail-type = \"ECS Task State Change\" }",
        NOW - 3 * HOUR,
        NOW,
    )
    .concat();
    let details = events.iter().map(|event| {
        let event: serde_json::Value = serde_json::from_str(event).expect("JSON");
        (
            event["detail"]["version"].as_i64(),
            event["detail"]["lastStatus"].as_str().map(str::to_owned),
            event["detail"]["stoppedAt"].as_str().map(str::to_owned),
        )
    });
    let details: Vec<_> = details.collect();
    let states: Vec<_> = details
        .iter()
        .filter_map(|(_, state, _)| state.as_deref())
        .collect();
    assert_eq!(
        states,
        ["PROVISIONING", "PENDING", "RUNNING", "STOPPING", "STOPPED"]
    );
    assert_eq!(
        details[4],
        (
            Some(5),
            Some("STOPPED".to_owned()),
            Some("2026-11-20T10:10:11Z".to_owned())
        )
    );
    assert_eq!(details[3].2, None);
}

#[test]
fn products_are_filtered_exactly_and_told_as_texts() {
    let mut world = World::empty();
    let product = |no: usize, region: &str| {
        format!(
            r#"{{"serviceCode":"AmazonECS","product":{{"sku":"SKU{no}","productFamily":"Compute","attributes":{{"regionCode":"{region}"}}}}}}"#
        )
    };
    world.products = (0..230)
        .map(|no| product(no, if no < 220 { "us-east-1" } else { "eu-west-1" }))
        .collect();
    let fake = Fake::start(world);
    let reader = Reader::of(&fake);
    let filter = |field: &str, value: &str| {
        let filter = aws_sdk_pricing::types::Filter::builder()
            .r#type("TERM_MATCH".into())
            .field(field)
            .value(value);
        filter.build().expect("a filter")
    };
    let request = reader
        .pricing
        .get_products()
        .service_code("AmazonECS")
        .filters(filter("regionCode", "us-east-1"));
    let first = reader.told(request.clone().send());
    assert_eq!(first.price_list().len(), 100);
    assert!(first.price_list()[0].contains("SKU0"));
    let second = reader.told(request.clone().set_next_token(first.next_token).send());
    let third = reader.told(request.clone().set_next_token(second.next_token).send());
    assert_eq!((third.price_list().len(), third.next_token()), (20, None));
    assert_eq!(
        reader
            .told(request.filters(filter("regionCode", "eu-west-1")).send())
            .price_list()
            .len(),
        0,
        "every filter must hold"
    );
    assert_eq!(
        reader.refused(
            reader
                .pricing
                .get_products()
                .service_code("AmazonECS")
                .max_results(101)
                .send()
        ),
        "InvalidParameterException"
    );
}

#[test]
fn keys_mean_accounts_and_roles_lead_to_others() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    assert_eq!(
        reader
            .told(reader.sts.get_caller_identity().send())
            .account(),
        Some(ACCOUNT)
    );
    let other = fake.look(|world| world.accounts[1].id.clone());
    let assume = |arn: &str| {
        reader
            .sts
            .assume_role()
            .role_arn(arn)
            .role_session_name("test")
            .send()
    };
    let role = reader.told(assume(&format!("arn:aws:iam::{other}:role/plimsoll")));
    let key = role
        .credentials()
        .expect("credentials")
        .access_key_id()
        .to_owned();
    let there = Reader::with(&fake, &key, REGION);
    let identity = there.told(there.sts.get_caller_identity().send());
    assert_eq!(identity.account(), Some(other.as_str()));
    assert!(
        identity
            .arn()
            .is_some_and(|arn| arn.contains(":assumed-role/plimsoll/"))
    );
    assert_eq!(
        there
            .told(there.ecs.list_clusters().send())
            .cluster_arns()
            .len(),
        3
    );
    assert_eq!(
        reader.refused(assume(&format!("arn:aws:iam::{other}:role/admin"))),
        "AccessDenied"
    );
    assert_eq!(
        reader.refused(assume("arn:aws:iam::000000000000:role/plimsoll")),
        "AccessDenied"
    );
}

#[test]
fn a_region_that_is_not_opted_in_refuses_everything() {
    let fake = Fake::start(World::small());
    let reader = Reader::with(&fake, KEY, "me-south-1");
    assert_eq!(
        reader.refused(reader.sts.get_caller_identity().send()),
        "InvalidClientTokenId"
    );
    assert_eq!(
        reader.refused(reader.ecs.list_clusters().send()),
        "UnrecognizedClientException"
    );
    assert_eq!(
        reader.refused(reader.cloudwatch.list_metrics().send()),
        "UnrecognizedClientException"
    );
    let unused = Reader::with(&fake, KEY, "ca-central-1");
    assert!(
        unused
            .told(unused.ecs.list_clusters().send())
            .cluster_arns()
            .is_empty(),
        "enabled by default, and empty"
    );
    let stranger = Reader::with(&fake, "AKIDSTRANGER", REGION);
    assert_eq!(
        stranger.refused(stranger.sts.get_caller_identity().send()),
        "InvalidClientTokenId"
    );
}

#[test]
fn a_token_is_good_for_its_own_question_only() {
    let fake = Fake::start(jobs(
        (0..150).map(|no| (NOW - 10 * MINUTE + no, HOUR)).collect(),
    ));
    let reader = Reader::of(&fake);
    let token = reader
        .told(reader.ecs.list_tasks().cluster("jobs").send())
        .next_token;
    let other = reader
        .ecs
        .list_tasks()
        .cluster("jobs")
        .family("etl")
        .set_next_token(token);
    assert_eq!(reader.refused(other.send()), "InvalidParameterException");
    let made_up = reader.cloudwatch.list_metrics().next_token("made-up");
    assert_eq!(reader.refused(made_up.send()), "InvalidNextToken");
}

#[test]
fn every_field_that_must_not_be_kept_holds_a_canary() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let name = fake.look(|world| world.accounts[0].regions[0].definitions[0].name.clone());
    let definition = reader.told(
        reader
            .ecs
            .describe_task_definition()
            .task_definition(name)
            .send(),
    );
    let container = &definition
        .task_definition()
        .expect("told")
        .container_definitions()[0];
    let has_canary = |text: &dyn std::fmt::Debug| format!("{text:?}").contains(crate::fake::CANARY);
    assert!(
        has_canary(&container.environment())
            && has_canary(&container.secrets())
            && has_canary(&container.command())
    );
    assert!(
        has_canary(&container.entry_point())
            && has_canary(&container.docker_labels())
            && has_canary(&container.log_configuration())
    );
    let arns = task_pages(&reader, "prod", &DesiredStatus::Running).concat();
    let tasks = reader.told(
        reader
            .ecs
            .describe_tasks()
            .cluster("prod")
            .tasks(&arns[0])
            .send(),
    );
    assert!(has_canary(&tasks.tasks()[0].overrides()));
    let ids = reader
        .told(reader.codebuild.list_builds().send())
        .ids
        .unwrap_or_default();
    let builds = reader.told(reader.codebuild.batch_get_builds().ids(&ids[0]).send());
    let build = &builds.builds()[0];
    assert!(
        has_canary(&build.environment().expect("told").environment_variables())
            && has_canary(&build.logs())
    );
    assert!(
        has_canary(&build.source().expect("told").location())
            && has_canary(&build.exported_environment_variables())
    );
    assert!(
        fake.env()
            .iter()
            .filter(|(_, value)| value.contains(crate::fake::CANARY))
            .count()
            >= 2
    );
}
