//! Tasks and builds: the newest word on each.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use polars::prelude::{
    Column, DataFrame, Expr, IntoLazy, PolarsResult, SortMultipleOptions, StringChunked, all, col,
    len,
};

use super::columns::{booleans, integers, texts};
use crate::dataset::schema::SourceKind;
use crate::model::workload::{Architecture, Configuration, KilledContainer, Kind, Os, WorkloadKey};
use crate::pricing::metering::Metering;

const WORKLOAD: [&str; 5] = ["account", "region", "kind", "cluster", "name"];

/// Runs, one row each: the highest version wins, whatever order the versions came in.
#[derive(Debug)]
pub struct Latest {
    /// One row per run.
    pub frame: DataFrame,
    /// Rows that said what another said.
    pub duplicates: i64,
    /// Rows that contradicted another of the same version and lost.
    pub conflicts: i64,
}

/// The newest version of every run in `frame`, the `runs` table with `account` and `region`.
pub fn latest(frame: DataFrame) -> PolarsResult<Latest> {
    let rows = count(frame.height());
    let said: Vec<Expr> = frame
        .get_column_names()
        .iter()
        .filter(|name| !["source", "last_seen_ms"].contains(&name.as_str()))
        .map(|name| col((*name).clone()))
        .collect();
    let distinct = frame
        .lazy()
        .group_by(said.clone())
        .agg([col("source").max(), col("last_seen_ms").max()])
        .collect()?;
    let run = [col("account"), col("region"), col("kind"), col("run_id")];
    let versions = distinct
        .clone()
        .lazy()
        .group_by([run.as_slice(), &[col("version")]].concat())
        .agg([len()])
        .collect()?;
    // Sorting by everything makes the winner independent of the order in which the rows were read.
    let mut order = vec![col("version"), col("stopped_ms"), col("started_ms")];
    order.extend(said);
    let winners = distinct
        .clone()
        .lazy()
        .sort_by_exprs(order, SortMultipleOptions::default().with_nulls_last(false))
        .group_by_stable(run)
        // Whoever tells most of a run is the greatest of the sources' names: events, then snapshots, then sightings.
        .agg([
            all()
                .exclude_cols(["last_seen_ms", "source"])
                .as_expr()
                .last(),
            col("last_seen_ms").max(),
            col("source").max(),
        ])
        .sort(
            ["account", "region", "kind", "cluster", "name", "run_id"],
            SortMultipleOptions::default(),
        )
        .collect()?;
    Ok(Latest {
        frame: winners,
        duplicates: rows - count(distinct.height()),
        conflicts: count(distinct.height()) - count(versions.height()),
    })
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// One run, as far as its records tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whose run it is.
    pub workload: Arc<WorkloadKey>,
    /// Task id or build id.
    pub run_id: String,
    /// What told most of it.
    pub source: SourceKind,
    /// `family:revision`.
    pub task_definition: Option<Arc<str>>,
    /// How it was configured.
    pub configuration: Arc<Configuration>,
    /// Submitted (builds) or created (tasks).
    pub created_ms: Option<i64>,
    /// The meter started: image pull (tasks) or PROVISIONING (builds) began.
    pub metered_from_ms: Option<i64>,
    /// Reached RUNNING (tasks).
    pub running_ms: Option<i64>,
    /// Ended.
    pub stopped_ms: Option<i64>,
    /// Newest sign of life in its records.
    pub last_seen_ms: Option<i64>,
    /// Longest that it may run (builds), minutes.
    pub timeout_min: Option<i64>,
    /// Whether it left the queue (builds), where that is known.
    pub left_queue: Option<bool>,
    /// A container ran out of memory and was killed.
    pub out_of_memory: bool,
    /// Which ones, where they are named.
    pub killed: Vec<KilledContainer>,
}

impl Run {
    /// When the meter started; `None` for a run that never pulled its image, or died in the queue.
    pub fn start_ms(&self) -> Option<i64> {
        let began = match self.workload.kind {
            Kind::Build if self.left_queue == Some(false) => None,
            Kind::Build => self.created_ms,
            Kind::Service | Kind::Task => self.running_ms,
        };
        self.metered_from_ms.or(began)
    }

    /// True where the start is not that of the meter, for want of an image-pull or PROVISIONING time.
    pub fn is_start_assumed(&self) -> bool {
        self.metered_from_ms.is_none() && self.start_ms().is_some()
    }

    /// Billed time of a run of this length, under the rule of the present platform.
    pub fn billed_ms(&self, elapsed_ms: i64) -> i64 {
        let compute_type = self.configuration.compute_type.as_deref();
        let rule = match self.workload.kind {
            Kind::Build if compute_type.is_some_and(|name| name.starts_with("BUILD_LAMBDA")) => {
                Metering::CODEBUILD_LAMBDA
            }
            Kind::Build => Metering::CODEBUILD,
            Kind::Service | Kind::Task => {
                Metering::fargate(self.configuration.os.unwrap_or(Os::Linux))
            }
        };
        rule.billed_ms(elapsed_ms)
    }

    /// Submission of a build.
    pub fn queued_ms(&self) -> Option<i64> {
        self.created_ms
            .filter(|_| self.workload.kind == Kind::Build)
    }

    /// Earliest time that is known of it.
    pub fn known_ms(&self) -> i64 {
        self.times().into_iter().flatten().min().unwrap_or_default()
    }

    /// Newest time that is known of it: it was alive then, or had ended.
    pub fn last_sign_ms(&self) -> i64 {
        self.times().into_iter().flatten().max().unwrap_or_default()
    }

    /// True where only records made while it ran tell of it: they cannot tell its end.
    pub fn is_sighted(&self) -> bool {
        self.stopped_ms.is_none()
            && matches!(
                self.source,
                SourceKind::ContainerInsights | SourceKind::EcsApi
            )
    }

    fn times(&self) -> [Option<i64>; 5] {
        [
            self.created_ms,
            self.metered_from_ms,
            self.running_ms,
            self.stopped_ms,
            self.last_seen_ms,
        ]
    }
}

/// Runs as rows, in the order of [`latest`].
pub fn rows(latest: &DataFrame) -> PolarsResult<Vec<Run>> {
    let workloads = shared_keys(latest)?;
    let configurations = shared_configurations(latest)?;
    let definitions = shared_texts(latest.column("task_definition")?.str()?);
    let [created, pulled, provisioning] =
        ["created_ms", "pull_started_ms", "provisioning_ms"].map(|name| integers(latest, name));
    let [running, stopped, last_seen, timeout] =
        ["started_ms", "stopped_ms", "last_seen_ms", "timeout_min"]
            .map(|name| integers(latest, name));
    let (created, pulled, provisioning) = (created?, pulled?, provisioning?);
    let (running, stopped, last_seen, timeout) = (running?, stopped?, last_seen?, timeout?);
    let (left_queue, out_of_memory) = (
        booleans(latest, "left_queue")?,
        booleans(latest, "out_of_memory")?,
    );
    let text = |name: &str| latest.column(name).and_then(Column::str);
    let (ids, sources, killed) = (text("run_id")?, text("source")?, text("killed")?);
    let run = |(i, workload): (usize, Arc<WorkloadKey>)| {
        let metered_from = match workload.kind {
            Kind::Build => provisioning[i],
            Kind::Service | Kind::Task => pulled[i],
        };
        Run {
            run_id: ids.get(i).unwrap_or_default().to_owned(),
            source: sources
                .get(i)
                .and_then(SourceKind::parse)
                .unwrap_or(SourceKind::TaskEvents),
            task_definition: definitions[i].clone(),
            configuration: configurations[i].clone(),
            created_ms: created[i],
            metered_from_ms: metered_from,
            running_ms: running[i].filter(|_| workload.kind != Kind::Build),
            stopped_ms: stopped[i],
            last_seen_ms: last_seen[i],
            timeout_min: timeout[i],
            left_queue: left_queue[i],
            out_of_memory: out_of_memory[i].unwrap_or(false),
            killed: list(killed.get(i)),
            workload,
        }
    };
    Ok(workloads.into_iter().enumerate().map(run).collect())
}

/// A list that a column holds as JSON text; empty where there is none.
pub(super) fn list<T: serde::de::DeserializeOwned>(text: Option<&str>) -> Vec<T> {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// The texts of a column, equal ones shared.
fn shared_texts(column: &StringChunked) -> Vec<Option<Arc<str>>> {
    let mut known: HashMap<&str, Arc<str>> = HashMap::new();
    column
        .iter()
        .map(|text| text.map(|text| known.entry(text).or_insert_with(|| Arc::from(text)).clone()))
        .collect()
}

/// The workload of each row, shared by neighbours.
fn shared_keys(frame: &DataFrame) -> PolarsResult<Vec<Arc<WorkloadKey>>> {
    let columns = WORKLOAD.map(|name| frame.column(name).and_then(Column::str));
    let [account, region, kind, cluster, name] = columns;
    let (account, region, kind, cluster, name) = (account?, region?, kind?, cluster?, name?);
    let mut keys: Vec<Arc<WorkloadKey>> = Vec::with_capacity(frame.height());
    for i in 0..frame.height() {
        let get = |column: &'_ StringChunked| column.get(i).unwrap_or_default().to_owned();
        let is_same = |key: &WorkloadKey| {
            name.get(i) == Some(key.name.as_str())
                && kind.get(i) == Some(key.kind.as_str())
                && cluster.get(i) == Some(key.cluster.as_str())
                && account.get(i) == Some(key.account.as_str())
                && region.get(i) == Some(key.region.as_str())
        };
        match keys.last() {
            Some(before) if is_same(before) => keys.push(before.clone()),
            _ => keys.push(Arc::new(WorkloadKey {
                account: get(account),
                region: get(region),
                kind: kind.get(i).and_then(Kind::parse).unwrap_or(Kind::Task),
                cluster: get(cluster),
                name: get(name),
            })),
        }
    }
    Ok(keys)
}

/// The configuration of each row, equal ones shared.
fn shared_configurations(frame: &DataFrame) -> PolarsResult<Vec<Arc<Configuration>>> {
    let columns = ConfigurationColumns::of(frame)?;
    let mut known: HashSet<Arc<Configuration>> = HashSet::new();
    let mut shared: Vec<Arc<Configuration>> = Vec::with_capacity(frame.height());
    for i in 0..frame.height() {
        let configuration = match shared.last() {
            Some(before) if columns.are_same(i - 1, i) => before.clone(),
            _ => {
                let configuration = columns.get(i);
                match known.get(&configuration) {
                    Some(known) => known.clone(),
                    None => Arc::new(configuration),
                }
            }
        };
        known.insert(configuration.clone());
        shared.push(configuration);
    }
    Ok(shared)
}

/// The workload of each row.
pub(super) fn workload_keys(frame: &DataFrame) -> PolarsResult<Vec<WorkloadKey>> {
    let [account, region, kind, cluster, name] = WORKLOAD.map(|column| texts(frame, column));
    let (account, region, kind, cluster, name) = (account?, region?, kind?, cluster?, name?);
    Ok((0..frame.height())
        .map(|i| WorkloadKey {
            account: account[i].clone().unwrap_or_default(),
            region: region[i].clone().unwrap_or_default(),
            kind: kind[i]
                .as_deref()
                .and_then(Kind::parse)
                .unwrap_or(Kind::Task),
            cluster: cluster[i].clone().unwrap_or_default(),
            name: name[i].clone().unwrap_or_default(),
        })
        .collect())
}

/// The configuration of each row.
pub(super) fn configurations(frame: &DataFrame) -> PolarsResult<Vec<Configuration>> {
    let columns = ConfigurationColumns::of(frame)?;
    Ok((0..frame.height()).map(|i| columns.get(i)).collect())
}

/// The columns that make up a configuration.
struct ConfigurationColumns<'a> {
    texts: [&'a StringChunked; 10],
    numbers: [Vec<Option<i64>>; 4],
    truths: [Vec<Option<bool>>; 2],
}

impl<'a> ConfigurationColumns<'a> {
    fn of(frame: &'a DataFrame) -> PolarsResult<Self> {
        let text = |name: &str| frame.column(name).and_then(Column::str);
        let number = |name: &str| integers(frame, name);
        let truth = |name: &str| booleans(frame, name);
        Ok(Self {
            texts: [
                text("launch_type")?,
                text("capacity_provider")?,
                text("architecture")?,
                text("os")?,
                text("environment_type")?,
                text("compute_type")?,
                text("network_mode")?,
                text("scheduling_strategy")?,
                text("fleet")?,
                text("docker_server")?,
            ],
            numbers: [
                number("cpu_units")?,
                number("memory_mib")?,
                number("ephemeral_gib")?,
                number("gpus")?,
            ],
            truths: [truth("privileged")?, truth("requires_ec2")?],
        })
    }

    fn are_same(&self, i: usize, j: usize) -> bool {
        self.texts.iter().all(|text| text.get(i) == text.get(j))
            && self.numbers.iter().all(|numbers| numbers[i] == numbers[j])
            && self.truths.iter().all(|truths| truths[i] == truths[j])
    }

    fn get(&self, i: usize) -> Configuration {
        let [
            launch_type,
            capacity_provider,
            architecture,
            os,
            environment_type,
            compute_type,
            network_mode,
            scheduling_strategy,
            fleet,
            docker_server,
        ] = self.texts.map(|text| text.get(i));
        let [cpu_units, memory_mib, ephemeral_gib, gpus] = [0, 1, 2, 3]
            .map(|number| self.numbers[number][i].and_then(|value| u32::try_from(value).ok()));
        let owned = |text: Option<&str>| text.map(str::to_owned);
        Configuration {
            launch_type: owned(launch_type),
            capacity_provider: owned(capacity_provider),
            cpu_units,
            memory_mib,
            ephemeral_gib,
            architecture: architecture.and_then(Architecture::parse),
            os: os.and_then(Os::parse),
            environment_type: owned(environment_type),
            compute_type: owned(compute_type),
            privileged: self.truths[0][i],
            gpus,
            network_mode: owned(network_mode),
            scheduling_strategy: owned(scheduling_strategy),
            requires_ec2: self.truths[1][i],
            fleet: owned(fleet),
            docker_server: owned(docker_server),
        }
    }
}
