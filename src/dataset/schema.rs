//! The rows of each table, with units and meanings, and the frames they become.
//!
//! Account and region are not columns: they are in the part's path. Times are UTC epoch milliseconds. What is
//! stored is what was measured: percent stays percent, and becomes vCPU and MiB in `demand`.

use std::cmp::Ordering;
use std::sync::Arc;

use polars::prelude::{Column, DataFrame, IntoColumn, NamedFrom, PlSmallStr, PolarsResult, Series};

use crate::model::tags::{TagKeys, Tags};
use crate::model::workload::{
    Configuration, ContainerLimit, KilledContainer, StrategyItem, WorkloadKey,
};

/// The period of a metric whose records do not tell it, seconds: CloudWatch's own for ECS and CodeBuild, whatever the
/// spacing of its records. Source: Amazon ECS developer guide, "CloudWatch metrics", read 2026-11.
pub const METRIC_PERIOD_S: i32 = 60;

/// What a sample measures. The unit is part of the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Metric {
    /// Percent of the CPU asked for.
    CpuPercent,
    /// CPU units; 1,024 make one vCPU.
    CpuUnits,
    /// vCPU.
    CpuVcpu,
    /// Memory in MiB.
    MemoryMib,
    /// Percent of the memory asked for.
    MemoryPercent,
    /// Bytes received per second.
    NetworkReceived,
    /// Bytes sent per second.
    NetworkSent,
}

impl Metric {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::CpuPercent => "cpu_percent",
            Self::CpuUnits => "cpu_units",
            Self::CpuVcpu => "cpu_vcpu",
            Self::MemoryMib => "memory_mib",
            Self::MemoryPercent => "memory_percent",
            Self::NetworkReceived => "network_received_bytes_per_s",
            Self::NetworkSent => "network_sent_bytes_per_s",
        }
    }

    /// Every metric.
    pub const ALL: [Self; 7] = [
        Self::CpuPercent,
        Self::CpuUnits,
        Self::CpuVcpu,
        Self::MemoryMib,
        Self::MemoryPercent,
        Self::NetworkReceived,
        Self::NetworkSent,
    ];

    /// The metric stored as `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|metric| metric.as_str() == text)
    }

    /// The metric AWS calls `name` in `namespace`.
    pub fn of_aws(namespace: &str, name: &str) -> Option<Self> {
        match (namespace, name) {
            ("AWS/ECS", "CPUUtilization") | ("AWS/CodeBuild", "CPUUtilizedPercent") => {
                Some(Self::CpuPercent)
            }
            ("AWS/ECS", "MemoryUtilization") => Some(Self::MemoryPercent),
            ("ECS/ContainerInsights", "CpuUtilized") => Some(Self::CpuUnits),
            ("ECS/ContainerInsights" | "AWS/CodeBuild", "MemoryUtilized") => Some(Self::MemoryMib),
            ("AWS/CodeBuild", "CPUUtilized") => Some(Self::CpuVcpu),
            ("ECS/ContainerInsights", "NetworkRxBytes") => Some(Self::NetworkReceived),
            ("ECS/ContainerInsights", "NetworkTxBytes") => Some(Self::NetworkSent),
            _ => None,
        }
    }
}

/// Which kind of AWS source a row came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceKind {
    /// `EventBridge` task state-change events.
    TaskEvents,
    /// Container Insights performance log events.
    ContainerInsights,
    /// CloudWatch Metric Streams.
    MetricStream,
    /// CloudWatch `GetMetricData`.
    Cloudwatch,
    /// The ECS API.
    EcsApi,
    /// The CodeBuild API.
    CodebuildApi,
}

impl SourceKind {
    /// Every kind.
    pub const ALL: [Self; 6] = [
        Self::TaskEvents,
        Self::ContainerInsights,
        Self::MetricStream,
        Self::Cloudwatch,
        Self::EcsApi,
        Self::CodebuildApi,
    ];

    /// The kind stored as `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// As stored and shown.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TaskEvents => "task_events",
            Self::ContainerInsights => "container_insights",
            Self::MetricStream => "metric_stream",
            Self::Cloudwatch => "cloudwatch",
            Self::EcsApi => "ecs_api",
            Self::CodebuildApi => "codebuild_api",
        }
    }
}

/// How a workload was configured from `from_ms` on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConfigurationRow {
    /// The workload. A task definition is stored under kind `task`, an empty cluster and its family's name.
    pub workload: Arc<WorkloadKey>,
    /// Start of this configuration; 0 for "always" (a task definition never changes).
    pub from_ms: i64,
    /// `family:revision`, where known.
    pub task_definition: Option<String>,
    /// The configuration itself; a service's size comes from its task definition.
    pub configuration: Configuration,
    /// How a service's tasks are spread over capacity providers; empty where no strategy is known.
    pub strategy: Vec<StrategyItem>,
    /// Tasks of the deployment or task set that ran when it was read.
    pub running: Option<i64>,
    /// Tasks of the service's older deployments that ran at the same time.
    pub running_before: Option<i64>,
    /// Seconds between the samples of the service's utilisation, where it says so.
    pub resolution_s: Option<i32>,
    /// The containers of a task definition; empty where they are not known.
    pub containers: Vec<ContainerLimit>,
    /// Its tags, as far as they are kept; `None` where they were not told.
    pub tags: Option<Tags>,
    /// When AWS was asked; none for imports, which write no clock.
    pub seen_ms: Option<i64>,
    /// Where it was read.
    pub source: SourceKind,
}

impl ConfigurationRow {
    /// A configuration of which nothing beyond itself is known.
    pub const fn new(
        workload: Arc<WorkloadKey>,
        from_ms: i64,
        task_definition: Option<String>,
        configuration: Configuration,
        source: SourceKind,
    ) -> Self {
        Self {
            workload,
            from_ms,
            task_definition,
            configuration,
            strategy: Vec::new(),
            running: None,
            running_before: None,
            resolution_s: None,
            containers: Vec::new(),
            tags: None,
            seen_ms: None,
            source,
        }
    }

    /// As AWS told it at `now_ms`, which it does with all tags; those of these keys are kept.
    #[must_use]
    pub fn told_at(self, now_ms: i64, keys: &TagKeys) -> Self {
        Self {
            tags: Some(keys.of(self.tags.unwrap_or_default())),
            seen_ms: Some(now_ms),
            ..self
        }
    }
}

/// One task or build, as one source told it at one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunRow {
    /// Whose run it is.
    pub workload: Arc<WorkloadKey>,
    /// Task id or build id.
    pub run_id: String,
    /// Grows with every change AWS reports; 0 where the source has none.
    pub version: i64,
    /// `family:revision`, where known.
    pub task_definition: Option<String>,
    /// How it was configured.
    pub configuration: Configuration,
    /// Submitted (builds) or created (tasks).
    pub created_ms: Option<i64>,
    /// Image pull began (tasks): Fargate's meter starts.
    pub pull_started_ms: Option<i64>,
    /// Image pull ended.
    pub pull_stopped_ms: Option<i64>,
    /// PROVISIONING began (builds): CodeBuild's meter starts.
    pub provisioning_ms: Option<i64>,
    /// Reached RUNNING.
    pub started_ms: Option<i64>,
    /// Ended.
    pub stopped_ms: Option<i64>,
    /// Newest sign of life in the record: when it was made, or its last phase.
    pub last_seen_ms: Option<i64>,
    /// Longest that it may run (builds), minutes.
    pub timeout_min: Option<i64>,
    /// Whether it left the queue (builds): one that did not ran nothing.
    pub left_queue: Option<bool>,
    /// Why it stopped, AWS's code.
    pub stop_code: Option<String>,
    /// A container ran out of memory and was killed.
    pub out_of_memory: bool,
    /// Which ones, where the record names them.
    pub killed: Vec<KilledContainer>,
    /// Where it was read.
    pub source: SourceKind,
}

impl RunRow {
    /// The latest time that it tells.
    pub(crate) fn latest_ms(&self) -> Option<i64> {
        let times = [
            self.created_ms,
            self.pull_started_ms,
            self.pull_stopped_ms,
            self.provisioning_ms,
            self.started_ms,
            self.stopped_ms,
            self.last_seen_ms,
        ];
        times.into_iter().flatten().max()
    }
}

/// One utilisation sample over one period.
#[derive(Debug, Clone)]
pub struct SampleRow {
    /// Whose sample it is.
    pub workload: Arc<WorkloadKey>,
    /// The run, where the sample is of a single one.
    pub run_id: Option<Arc<str>>,
    /// What was measured.
    pub metric: Metric,
    /// Seconds that the sample is about; [`METRIC_PERIOD_S`] where its record does not tell.
    pub period_s: Option<i32>,
    /// Start of the period.
    pub at_ms: i64,
    /// Task-seconds that each of the `count` values stands for: `count × sample_s ÷ period_s` tasks ran. `None` for
    /// the whole period.
    pub sample_s: Option<i32>,
    /// Highest value in the period.
    pub max: f64,
    /// Sum of the values in the period.
    pub sum: f64,
    /// Number of values in the period.
    pub count: f64,
    /// Where it was read.
    pub source: SourceKind,
}

impl SampleRow {
    /// The order in which samples are stored: series by series, each in time.
    pub fn order(&self, other: &Self) -> Ordering {
        let workload = if Arc::ptr_eq(&self.workload, &other.workload) {
            Ordering::Equal
        } else {
            self.workload.cmp(&other.workload)
        };
        workload
            .then_with(|| self.run_id.cmp(&other.run_id))
            .then_with(|| self.metric.cmp(&other.metric))
            .then_with(|| self.period_s.cmp(&other.period_s))
            .then_with(|| self.at_ms.cmp(&other.at_ms))
            .then_with(|| self.max.total_cmp(&other.max))
            .then_with(|| self.sum.total_cmp(&other.sum))
            .then_with(|| self.count.total_cmp(&other.count))
            .then_with(|| self.source.cmp(&other.source))
    }

    /// True when both are samples of the same series at the same time.
    pub fn same_key(&self, other: &Self) -> bool {
        self.at_ms == other.at_ms
            && self.period_s == other.period_s
            && self.metric == other.metric
            && self.run_id == other.run_id
            && self.workload == other.workload
    }

    /// True when both also say the same.
    pub fn same_reading(&self, other: &Self) -> bool {
        self.same_key(other)
            && (self.max.to_bits(), self.sum.to_bits(), self.count.to_bits())
                == (
                    other.max.to_bits(),
                    other.sum.to_bits(),
                    other.count.to_bits(),
                )
    }
}

/// One EC2 instance of a cluster, as seen at one time.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InstanceRow {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// ECS cluster.
    pub cluster: String,
    /// EC2 instance id.
    pub instance_id: String,
    /// EC2 instance type, where the agent tells it.
    pub instance_type: Option<String>,
    /// Availability Zone.
    pub availability_zone: Option<String>,
    /// ECS capacity provider.
    pub capacity_provider: Option<String>,
    /// CPU units registered for tasks.
    pub cpu_units: Option<i64>,
    /// Memory registered for tasks, MiB.
    pub memory_mib: Option<i64>,
    /// Joined the cluster.
    pub registered_ms: Option<i64>,
    /// Seen at this time.
    pub seen_ms: i64,
}

/// How much of a scope-day was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// All of it.
    Complete,
    /// What was there at the moment of collecting, as `reason` says; more may have come and gone.
    Snapshot,
    /// A part, as `reason` says.
    Partial,
    /// Nothing: the credentials may not.
    Denied,
    /// Nothing: the source is switched off there.
    Disabled,
    /// Nothing yet: a collection set out to look, and no other commit says what came of it.
    Planned,
}

impl State {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Snapshot => "snapshot",
            Self::Partial => "partial",
            Self::Denied => "denied",
            Self::Disabled => "disabled",
            Self::Planned => "planned",
        }
    }
}

/// What one source told about one scope on one day, and the parts that hold it: the commit record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoverageRow {
    /// Cluster name, or `codebuild`.
    pub scope: String,
    /// What was read: `import:<hash of the content>` or the name of a collected source.
    pub source: String,
    /// UTC day, `YYYY-MM-DD`.
    pub day: String,
    /// A [`State`], as stored.
    pub state: String,
    /// Why it is not complete.
    pub reason: Option<String>,
    /// Rows of the day.
    pub rows: i64,
    /// Longest period among its samples, seconds.
    pub period_s: Option<i64>,
    /// When it was collected; none for imports, which write no clock.
    pub collected_ms: Option<i64>,
    /// The parts it stands on, relative to the root, separated by `;`.
    pub parts: String,
}

/// A named column from values.
fn column<T, V>(name: &str, values: V) -> Column
where
    V: AsRef<T>,
    T: ?Sized,
    Series: NamedFrom<V, T>,
{
    Series::new(PlSmallStr::from_str(name), values).into_column()
}

macro_rules! frame {
    ($rows:expr, |$row:ident| { $($name:literal : $value:expr),+ $(,)? }) => {
        DataFrame::new($rows.len(), vec![$(column($name, $rows.iter().map(|$row| $value).collect::<Vec<_>>())),+])
    };
}

/// The columns of a [`Configuration`], as every table that has one spells them.
pub const CONFIGURATION_COLUMNS: [&str; 16] = [
    "launch_type",
    "capacity_provider",
    "cpu_units",
    "memory_mib",
    "ephemeral_gib",
    "architecture",
    "os",
    "environment_type",
    "compute_type",
    "privileged",
    "gpus",
    "network_mode",
    "scheduling_strategy",
    "requires_ec2",
    "fleet",
    "docker_server",
];

fn configuration_columns<R>(rows: &[R], of: impl Fn(&R) -> &Configuration) -> Vec<Column> {
    let text = |name: &str, get: &dyn Fn(&Configuration) -> Option<String>| {
        column(
            name,
            rows.iter().map(|row| get(of(row))).collect::<Vec<_>>(),
        )
    };
    let number = |name: &str, get: &dyn Fn(&Configuration) -> Option<u32>| {
        column(
            name,
            rows.iter()
                .map(|row| get(of(row)).map(i64::from))
                .collect::<Vec<_>>(),
        )
    };
    let truth = |name: &str, get: &dyn Fn(&Configuration) -> Option<bool>| {
        column(
            name,
            rows.iter().map(|row| get(of(row))).collect::<Vec<_>>(),
        )
    };
    vec![
        text("launch_type", &|c| c.launch_type.clone()),
        text("capacity_provider", &|c| c.capacity_provider.clone()),
        number("cpu_units", &|c| c.cpu_units),
        number("memory_mib", &|c| c.memory_mib),
        number("ephemeral_gib", &|c| c.ephemeral_gib),
        text("architecture", &|c| {
            c.architecture.map(|a| a.as_str().to_owned())
        }),
        text("os", &|c| c.os.map(|o| o.as_str().to_owned())),
        text("environment_type", &|c| c.environment_type.clone()),
        text("compute_type", &|c| c.compute_type.clone()),
        truth("privileged", &|c| c.privileged),
        number("gpus", &|c| c.gpus),
        text("network_mode", &|c| c.network_mode.clone()),
        text("scheduling_strategy", &|c| c.scheduling_strategy.clone()),
        truth("requires_ec2", &|c| c.requires_ec2),
        text("fleet", &|c| c.fleet.clone()),
        text("docker_server", &|c| c.docker_server.clone()),
    ]
}

/// Tags as a JSON object; null where they were not told.
fn tags(tags: Option<&Tags>) -> Option<String> {
    serde_json::to_string(tags?).ok()
}

/// A list as JSON text; null where it is empty.
fn list<T: serde::Serialize>(values: &[T]) -> Option<String> {
    (!values.is_empty()).then(|| serde_json::to_string(values).ok())?
}

fn joined(mut frame: DataFrame, columns: &[Column]) -> PolarsResult<DataFrame> {
    frame.hstack_mut(columns)?;
    Ok(frame)
}

/// The `workloads` table.
pub fn configurations(rows: &[ConfigurationRow]) -> PolarsResult<DataFrame> {
    let frame = frame!(rows, |row| {
        "kind": row.workload.kind.as_str(),
        "cluster": row.workload.cluster.as_str(),
        "name": row.workload.name.as_str(),
        "from_ms": row.from_ms,
        "task_definition": row.task_definition.as_deref(),
        "strategy": list(&row.strategy),
        "running": row.running,
        "running_before": row.running_before,
        "resolution_s": row.resolution_s,
        "containers": list(&row.containers),
        "tags": tags(row.tags.as_ref()),
        "seen_ms": row.seen_ms,
        "source": row.source.as_str(),
    })?;
    joined(
        frame,
        &configuration_columns(rows, |row| &row.configuration),
    )
}

/// The `runs` table.
pub fn runs(rows: &[RunRow]) -> PolarsResult<DataFrame> {
    let frame = frame!(rows, |row| {
        "kind": row.workload.kind.as_str(),
        "cluster": row.workload.cluster.as_str(),
        "name": row.workload.name.as_str(),
        "run_id": row.run_id.as_str(),
        "version": row.version,
        "task_definition": row.task_definition.as_deref(),
        "created_ms": row.created_ms,
        "pull_started_ms": row.pull_started_ms,
        "pull_stopped_ms": row.pull_stopped_ms,
        "provisioning_ms": row.provisioning_ms,
        "started_ms": row.started_ms,
        "stopped_ms": row.stopped_ms,
        "last_seen_ms": row.last_seen_ms,
        "timeout_min": row.timeout_min,
        "left_queue": row.left_queue,
        "stop_code": row.stop_code.as_deref(),
        "out_of_memory": row.out_of_memory,
        "killed": list(&row.killed),
        "source": row.source.as_str(),
    })?;
    joined(
        frame,
        &configuration_columns(rows, |row| &row.configuration),
    )
}

/// The `samples` table.
pub fn samples(rows: &[SampleRow]) -> PolarsResult<DataFrame> {
    frame!(rows, |row| {
        "kind": row.workload.kind.as_str(),
        "cluster": row.workload.cluster.as_str(),
        "name": row.workload.name.as_str(),
        "run_id": row.run_id.as_deref(),
        "metric": row.metric.as_str(),
        "period_s": row.period_s,
        "at_ms": row.at_ms,
        "sample_s": row.sample_s,
        "max": row.max,
        "sum": row.sum,
        "count": row.count,
        "source": row.source.as_str(),
    })
}

/// The `instances` table.
pub fn instances(rows: &[InstanceRow]) -> PolarsResult<DataFrame> {
    frame!(rows, |row| {
        "cluster": row.cluster.as_str(),
        "instance_id": row.instance_id.as_str(),
        "instance_type": row.instance_type.as_deref(),
        "availability_zone": row.availability_zone.as_deref(),
        "capacity_provider": row.capacity_provider.as_deref(),
        "cpu_units": row.cpu_units,
        "memory_mib": row.memory_mib,
        "registered_ms": row.registered_ms,
        "seen_ms": row.seen_ms,
    })
}

/// The `coverage` table.
pub fn coverage(rows: &[CoverageRow]) -> PolarsResult<DataFrame> {
    frame!(rows, |row| {
        "scope": row.scope.as_str(),
        "source": row.source.as_str(),
        "day": row.day.as_str(),
        "state": row.state.as_str(),
        "reason": row.reason.as_deref(),
        "rows": row.rows,
        "period_s": row.period_s,
        "collected_ms": row.collected_ms,
        "parts": row.parts.as_str(),
    })
}
