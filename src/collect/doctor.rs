//! What these credentials can reach, and what AWS still remembers there: found by trying reads.

use aws_sdk_cloudwatch::types::{Dimension, Metric as AwsMetric, MetricDataQuery, MetricStat};
use aws_smithy_types::DateTime;

use super::call::{Fault, Place};
use super::ecs::{Cluster, Insights};
use super::logs::{Group, GroupKind};
use super::plan::Day;
use super::rates::Class;
use super::{ecs, logs};
use crate::model::units::MS_PER_DAY;

/// Days that CloudWatch keeps: at a minute, at five, at an hour. Source: CloudWatch user guide, read 2026-11.
pub(crate) const METRIC_DAYS: [(i64, &str); 3] = [(15, "60 s"), (63, "300 s"), (455, "3600 s")];
/// Days that CodeBuild lists builds for. Source: CodeBuild user guide, read 2026-11.
pub(crate) const BUILD_DAYS: i64 = 365;
/// A name that nothing has: asking about it tells whether one may ask.
const NOTHING: &str = "plimsoll-doctor-asks-about-nothing";
const NO_TASK: &str = "00000000000000000000000000000000";

/// What was found in one place.
#[derive(Debug)]
pub(crate) struct Checkup {
    /// AWS account id.
    pub(crate) account: String,
    /// AWS region.
    pub(crate) region: String,
    /// ARN of whose credentials these are.
    pub(crate) caller: String,
    /// What could not be looked at, and so is not told below.
    pub(crate) faults: Vec<String>,
    /// Each permission that was tried, and what came back where it is not granted.
    pub(crate) permissions: Vec<(&'static str, Option<Fault>)>,
    /// Clusters.
    pub(crate) clusters: Vec<ClusterCheck>,
}

/// What one cluster tells of its past.
#[derive(Debug)]
pub(crate) struct ClusterCheck {
    /// Name.
    pub(crate) name: String,
    /// Services.
    pub(crate) services: usize,
    /// Container Insights.
    pub(crate) insights: Insights,
    /// Days of task events in CloudWatch Logs.
    pub(crate) events: Kept,
    /// Days of performance records in CloudWatch Logs.
    pub(crate) logs: Kept,
}

/// How much of the past a source still holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// So many days, of this cluster alone.
    Days(Day),
    /// So many days, in a log group that may be about any cluster.
    Shared(Day),
    /// Nothing is written.
    Nothing,
    /// It could not be looked at.
    Unknown,
}

/// Tries every read and looks at every cluster.
pub(crate) async fn examine(place: &Place, only: &[String], now_ms: i64) -> Result<Checkup, Fault> {
    let mut faults = Vec::new();
    let discovered = match ecs::discover(place, only).await {
        Ok(discovered) => {
            faults.extend(discovered.missing);
            discovered.clusters
        }
        Err(fault) if fault.is_of_place() => return Err(fault),
        Err(fault) => {
            faults.push(format!("clusters: {}", fault.reason()));
            Vec::new()
        }
    };
    let names: Vec<String> = discovered
        .iter()
        .map(|cluster| cluster.name.clone())
        .collect();
    let groups = match logs::groups(place, &names, now_ms).await {
        Ok(groups) => Some(groups),
        Err(fault) => {
            faults.push(format!("log groups: {}", fault.reason()));
            None
        }
    };
    let permissions = permissions(
        place,
        discovered.first(),
        groups.iter().flatten().next(),
        now_ms,
    )
    .await;
    let today = now_ms / MS_PER_DAY;
    let clusters = discovered.into_iter().map(|cluster| {
        let kept = |kind: GroupKind| {
            let Some(groups) = &groups else {
                return Kept::Unknown;
            };
            let days = |is: &dyn Fn(&Group) -> bool| {
                groups
                    .iter()
                    .filter(|group| group.kind == kind && is(group))
                    .map(|group| today - group.first_day + 1)
                    .max()
            };
            let (own, shared) = (
                days(&|group| group.scope() == cluster.name),
                days(&|group| group.cluster.is_none()),
            );
            own.map(Kept::Days)
                .or(shared.map(Kept::Shared))
                .unwrap_or(Kept::Nothing)
        };
        ClusterCheck {
            events: kept(GroupKind::TaskEvents),
            logs: kept(GroupKind::TaskLogs),
            services: cluster.services.len(),
            insights: cluster.insights,
            name: cluster.name,
        }
    });
    let (account, region, caller) = (
        place.account.clone(),
        place.region.clone(),
        place.caller.clone(),
    );
    Ok(Checkup {
        clusters: clusters.collect(),
        account,
        region,
        caller,
        faults,
        permissions,
    })
}

/// Every read of a collection, tried once. An answer that nothing is there is a permission granted.
#[expect(clippy::too_many_lines, reason = "one attempt after the other")]
async fn permissions(
    place: &Place,
    cluster: Option<&Cluster>,
    group: Option<&Group>,
    now_ms: i64,
) -> Vec<(&'static str, Option<Fault>)> {
    let name = cluster.map_or("default", |cluster| cluster.name.as_str());
    let service = cluster
        .and_then(|cluster| cluster.services.first())
        .map_or(NOTHING, |service| service.name.as_str());
    let log_group = group.map_or(NOTHING, |group| group.name.as_str());
    let ecs = &place.clients.ecs;
    let revision = format!(
        "arn:aws:ecs:{}:{}:service-revision/{name}/{service}/0000000000000000000",
        place.region, place.account
    );
    let mut tried = Vec::new();
    macro_rules! attempt {
        ($class:ident, $operation:literal, $request:expr) => {
            let answer = place
                .call(Class::$class, $operation, || $request.send())
                .await;
            tried.push(($operation, answer.err().filter(is_refusal)));
        };
    }
    attempt!(
        EcsClusters,
        "ecs:ListClusters",
        ecs.list_clusters().max_results(1)
    );
    attempt!(
        EcsClusters,
        "ecs:DescribeClusters",
        ecs.describe_clusters().clusters(name)
    );
    attempt!(
        EcsServices,
        "ecs:ListServices",
        ecs.list_services().cluster(name).max_results(1)
    );
    attempt!(
        EcsServices,
        "ecs:DescribeServices",
        ecs.describe_services().cluster(name).services(service)
    );
    attempt!(
        EcsServices,
        "ecs:ListServiceDeployments",
        ecs.list_service_deployments()
            .cluster(name)
            .service(service)
            .max_results(1)
    );
    attempt!(
        EcsServices,
        "ecs:DescribeServiceRevisions",
        ecs.describe_service_revisions()
            .service_revision_arns(&revision)
    );
    attempt!(
        EcsTasks,
        "ecs:ListTasks",
        ecs.list_tasks().cluster(name).max_results(1)
    );
    attempt!(
        EcsTasks,
        "ecs:DescribeTasks",
        ecs.describe_tasks().cluster(name).tasks(NO_TASK)
    );
    attempt!(
        EcsDefinitions,
        "ecs:DescribeTaskDefinition",
        ecs.describe_task_definition().task_definition(NOTHING)
    );
    attempt!(
        EcsTasks,
        "ecs:ListContainerInstances",
        ecs.list_container_instances().cluster(name).max_results(1)
    );
    attempt!(
        EcsTasks,
        "ecs:DescribeContainerInstances",
        ecs.describe_container_instances()
            .cluster(name)
            .container_instances(NO_TASK)
    );
    attempt!(
        MetricList,
        "cloudwatch:ListMetrics",
        place.clients.cloudwatch.list_metrics().namespace("AWS/ECS")
    );
    attempt!(
        MetricData,
        "cloudwatch:GetMetricData",
        place
            .clients
            .cloudwatch
            .get_metric_data()
            .metric_data_queries(a_query())
            .start_time(DateTime::from_millis(now_ms - 3_600_000))
            .end_time(DateTime::from_millis(now_ms))
    );
    attempt!(
        LogGroups,
        "logs:DescribeLogGroups",
        place.clients.logs.describe_log_groups().limit(1)
    );
    attempt!(
        LogEvents,
        "logs:FilterLogEvents",
        place
            .clients
            .logs
            .filter_log_events()
            .log_group_name(log_group)
            .start_time(now_ms - 60_000)
            .end_time(now_ms)
            .limit(1)
    );
    attempt!(
        Codebuild,
        "codebuild:ListBuilds",
        place.clients.codebuild.list_builds()
    );
    let build = format!("{NOTHING}:00000000-0000-0000-0000-000000000000");
    attempt!(
        Codebuild,
        "codebuild:ListProjects",
        place.clients.codebuild.list_projects()
    );
    attempt!(
        Codebuild,
        "codebuild:BatchGetProjects",
        place.clients.codebuild.batch_get_projects().names(NOTHING)
    );
    attempt!(
        Codebuild,
        "codebuild:BatchGetBuilds",
        place.clients.codebuild.batch_get_builds().ids(&build)
    );
    tried
}

/// One metric over one hour: the cheapest question there is.
fn a_query() -> MetricDataQuery {
    let dimension = Dimension::builder()
        .name("ClusterName")
        .value(NOTHING)
        .build();
    let metric = AwsMetric::builder()
        .namespace("AWS/ECS")
        .metric_name("CPUUtilization")
        .dimensions(dimension)
        .build();
    let stat = MetricStat::builder()
        .metric(metric)
        .period(3600)
        .stat("Maximum")
        .build();
    MetricDataQuery::builder()
        .id("m0")
        .metric_stat(stat)
        .build()
}

/// True for what says "you may not" or "not now". That something does not exist is an answer, also where AWS has no
/// better word for it.
fn is_refusal(fault: &Fault) -> bool {
    let is_about_nothing = |what: &str| {
        ["ClientException", "InvalidParameter", "InvalidInput"]
            .iter()
            .any(|code| what.contains(code))
    };
    !matches!(fault, Fault::Gone(_))
        && !matches!(fault, Fault::Protocol(what) if is_about_nothing(what))
}
