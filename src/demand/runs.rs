//! Tasks and builds: the newest word on each, and the time every metering rule counts for it.

use std::collections::BTreeMap;

use polars::prelude::{
    Column, DataFrame, DataType, Expr, IntoColumn, IntoLazy, LazyFrame, NamedFrom, PolarsResult,
    Series, SortMultipleOptions, all, coalesce, col, len, lit, when,
};

use super::columns::{booleans, integers, texts};
use super::{Basis, Component, MeteredMs, Span};
use crate::dataset::schema::{CONFIGURATION_COLUMNS, SourceKind};
use crate::model::units::Window;
use crate::model::workload::{Architecture, Configuration, Kind, Os, WorkloadKey};
use crate::pricing::metering::Metering;

const WORKLOAD: [&str; 5] = ["account", "region", "kind", "cluster", "name"];
/// A run that only sightings tell of (performance records, snapshots of the ECS API) has ended when none came for this long.
const SILENCE_MS: i64 = 300_000;
/// The sighting stands for the minute behind it.
const SIGHTING_MS: i64 = 60_000;

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
        .with_columns([lit(i64::MAX).alias("reach_ms")])
        .collect()?;
    Ok(Latest {
        frame: winners,
        duplicates: rows - count(distinct.height()),
        conflicts: count(distinct.height()) - count(versions.height()),
    })
}

impl Latest {
    /// Ends what is known of the runs that only task events tell of where those of their cluster end: behind that, a
    /// run that is not known to have stopped may have. `events_end` knows the account, region and cluster; it gives
    /// `None` where nothing limits what events tell.
    pub fn limit(
        &mut self,
        events_end: impl Fn(&str, &str, &str) -> Option<i64>,
    ) -> PolarsResult<()> {
        let text = |name: &str| self.frame.column(name).and_then(Column::str);
        let (account, region, cluster, source) = (
            text("account")?,
            text("region")?,
            text("cluster")?,
            text("source")?,
        );
        let seen = self.frame.column("last_seen_ms").and_then(Column::i64)?;
        let mut known: BTreeMap<[&str; 3], i64> = BTreeMap::new();
        let reach: Vec<i64> = (0..self.frame.height())
            .map(|i| {
                if source.get(i) != Some(SourceKind::TaskEvents.as_str()) {
                    return i64::MAX;
                }
                let place =
                    [account, region, cluster].map(|column| column.get(i).unwrap_or_default());
                let end_ms = *known.entry(place).or_insert_with(|| {
                    events_end(place[0], place[1], place[2]).unwrap_or(i64::MAX)
                });
                seen.get(i)
                    .map_or(end_ms, |seen_ms| end_ms.max(seen_ms + SIGHTING_MS))
            })
            .collect();
        self.frame
            .with_column(Series::new("reach_ms".into(), reach).into_column())?;
        Ok(())
    }
}

fn count(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}

/// One run, as far as time and size go.
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent facts about one run"
)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    /// Whose run it is.
    pub workload: WorkloadKey,
    /// When it began to be known.
    pub created_ms: i64,
    /// When the meter starts; `None` for a run that never pulled its image.
    pub start_ms: Option<i64>,
    /// When it ended; for an open run the end of the window, or of what was seen of its cluster's events.
    pub end_ms: i64,
    /// Still running when last seen.
    pub open: bool,
    /// Open, and only counted to where the events of its cluster end.
    pub out_of_sight: bool,
    /// The start is that of the container, for want of an image-pull or provisioning time.
    pub start_assumed: bool,
    /// The end is its last sighting.
    pub end_assumed: bool,
    /// A container was killed for want of memory.
    pub out_of_memory: bool,
    /// How it was configured.
    pub configuration: Configuration,
    /// `family:revision`.
    pub task_definition: Option<String>,
    /// What told of it.
    pub source: String,
}

/// The spans of every run, derived once for metering and for counting.
///
/// A run that is only sighted has ended when its sightings stop before the data does, whatever the window. One that
/// events tell of is not known to run on where the events end.
fn with_spans(frame: LazyFrame, window: Window, data_end_ms: i64) -> LazyFrame {
    let is_build = col("kind").eq(lit(Kind::Build.as_str()));
    let metered_from = when(is_build.clone())
        .then(col("provisioning_ms"))
        .otherwise(col("pull_started_ms"));
    let begun = when(is_build.clone())
        .then(col("created_ms"))
        .otherwise(col("started_ms"));
    let is_sighting = [SourceKind::ContainerInsights, SourceKind::EcsApi]
        .map(|kind| col("source").eq(lit(kind.as_str())))
        .into_iter()
        .reduce(Expr::or)
        .unwrap_or(lit(false));
    let silent = col("stopped_ms")
        .is_null()
        .and(is_sighting)
        .and((col("last_seen_ms") + lit(SILENCE_MS)).lt(lit(data_end_ms)));
    let first_known = coalesced([
        "created_ms",
        "pull_started_ms",
        "provisioning_ms",
        "started_ms",
        "stopped_ms",
        "last_seen_ms",
    ]);
    frame
        .with_columns([
            when(metered_from.clone().is_null())
                .then(begun)
                .otherwise(metered_from.clone())
                .alias("start_ms"),
            metered_from.is_null().alias("start_assumed"),
            silent.alias("end_assumed"),
            first_known.alias("known_ms"),
            when(is_build.and(col("created_ms").is_not_null()))
                .then(col("created_ms"))
                .otherwise(lit(i64::MAX))
                .alias("queue_ms"),
        ])
        .with_columns([
            col("stopped_ms")
                .is_null()
                .and(col("end_assumed").not())
                .alias("open"),
            when(col("end_assumed"))
                .then(col("last_seen_ms") + lit(SIGHTING_MS))
                .when(col("stopped_ms").is_not_null())
                .then(col("stopped_ms"))
                .when(col("reach_ms").lt(lit(window.to_ms)))
                .then(col("reach_ms"))
                .otherwise(lit(window.to_ms))
                .alias("end_ms"),
        ])
        .with_columns([
            when(col("end_ms").lt(col("start_ms")))
                .then(col("start_ms"))
                .otherwise(col("end_ms"))
                .alias("end_ms"),
            when(col("queue_ms").gt(col("start_ms")))
                .then(col("start_ms"))
                .otherwise(col("queue_ms"))
                .alias("queue_ms"),
        ])
}

fn coalesced<const N: usize>(names: [&str; N]) -> Expr {
    coalesce(&names.map(col))
}

/// First instant that any run tells of and the end of the last billed one; `None` without runs.
pub fn span(latest: &DataFrame) -> PolarsResult<Option<(i64, i64)>> {
    let far = Window {
        from_ms: 0,
        to_ms: i64::MAX / 2,
    };
    let elapsed = col("stopped_ms") - col("start_ms");
    let is_build = col("kind").eq(lit(Kind::Build.as_str()));
    let rounded = when(is_build)
        .then(billed(Metering::CODEBUILD, &elapsed))
        .otherwise(billed(Metering::FARGATE_LINUX, &elapsed));
    let ends = with_spans(latest.clone().lazy(), far, far.to_ms)
        .select([
            col("known_ms"),
            col("last_seen_ms") + lit(1i64),
            col("stopped_ms"),
            (col("start_ms") + rounded).alias("billed_ms"),
        ])
        .collect()?;
    let first = integers(&ends, "known_ms")?.into_iter().flatten().min();
    let last = ["last_seen_ms", "stopped_ms", "billed_ms"].map(|name| integers(&ends, name));
    let last = last
        .into_iter()
        .collect::<PolarsResult<Vec<_>>>()?
        .into_iter()
        .flatten()
        .flatten()
        .max();
    Ok(first.map(|first| (first, last.unwrap_or(first + 1).max(first + 1))))
}

/// Runs as rows, in the order of [`latest`].
pub fn rows(latest: &DataFrame, window: Window, data_end_ms: i64) -> PolarsResult<Vec<Run>> {
    let frame = with_spans(latest.clone().lazy(), window, data_end_ms).collect()?;
    let workloads = workload_keys(&frame)?;
    let configurations = configurations(&frame)?;
    let (known, start, end) = (
        integers(&frame, "known_ms")?,
        integers(&frame, "start_ms")?,
        integers(&frame, "end_ms")?,
    );
    let (open, start_assumed) = (
        booleans(&frame, "open")?,
        booleans(&frame, "start_assumed")?,
    );
    let (end_assumed, out_of_memory) = (
        booleans(&frame, "end_assumed")?,
        booleans(&frame, "out_of_memory")?,
    );
    let (definitions, sources) = (texts(&frame, "task_definition")?, texts(&frame, "source")?);
    let reach = integers(&frame, "reach_ms")?;
    let yes = |values: &[Option<bool>], i: usize| values[i].unwrap_or(false);
    Ok(workloads
        .into_iter()
        .zip(configurations)
        .enumerate()
        .map(|(i, (workload, configuration))| Run {
            workload,
            created_ms: known[i].unwrap_or_default(),
            start_ms: start[i],
            end_ms: end[i].unwrap_or(window.to_ms),
            open: yes(&open, i),
            out_of_sight: yes(&open, i) && reach[i].is_some_and(|reach_ms| reach_ms < window.to_ms),
            start_assumed: yes(&start_assumed, i),
            end_assumed: yes(&end_assumed, i),
            out_of_memory: yes(&out_of_memory, i),
            configuration,
            task_definition: definitions[i].clone(),
            source: sources[i].clone().unwrap_or_default(),
        })
        .collect())
}

/// Billable time in `window` per workload and configuration, under every metering rule at once.
///
/// A run's billed time is laid out from its start, so that the parts of a split window add up to the whole.
pub fn metered(
    latest: &DataFrame,
    window: Window,
    data_end_ms: i64,
) -> PolarsResult<BTreeMap<WorkloadKey, Vec<Component>>> {
    let by_seconds = |rule| inside(&col("start_ms"), rule, window);
    let spans = with_spans(latest.clone().lazy(), window, data_end_ms)
        .filter(col("start_ms").is_not_null())
        .with_columns([
            clipped(col("start_ms"), col("end_ms"), window).alias("elapsed"),
            by_seconds(Metering::FARGATE_LINUX).alias("second_floor_60"),
            by_seconds(Metering::FARGATE_WINDOWS).alias("second_floor_300"),
            by_seconds(Metering::CODEBUILD).alias("minute"),
            inside(&col("queue_ms"), Metering::CODEBUILD, window).alias("minute_with_queue"),
            by_seconds(Metering::CODEBUILD_LAMBDA).alias("second"),
        ]);
    let quantities = [
        "elapsed",
        "second_floor_60",
        "second_floor_300",
        "minute",
        "minute_with_queue",
        "second",
    ];
    let keys: Vec<Expr> = WORKLOAD
        .iter()
        .chain(&CONFIGURATION_COLUMNS)
        .map(|&name| col(name))
        .collect();
    // A run is counted where its metered time lies; the longest floor only stretches the time itself.
    let touches = col("second_floor_60")
        .gt(lit(0i64))
        .or(col("minute").gt(lit(0i64)));
    let mut sums = vec![touches.cast(DataType::Int64).sum().alias("runs")];
    sums.extend(quantities.iter().map(|&name| col(name).sum()));
    let any_quantity =
        ["second_floor_300", "minute", "minute_with_queue"].map(|name| col(name).gt(lit(0i64)));
    let any_quantity = any_quantity
        .into_iter()
        .reduce(Expr::or)
        .unwrap_or(lit(true));
    let frame = spans
        .filter(any_quantity)
        .group_by(keys)
        .agg(sums)
        .collect()?;
    let amounts: Vec<Vec<Option<i64>>> = quantities
        .iter()
        .map(|name| integers(&frame, name))
        .collect::<PolarsResult<_>>()?;
    let runs = integers(&frame, "runs")?;
    let mut components: BTreeMap<WorkloadKey, Vec<Component>> = BTreeMap::new();
    for (i, (workload, configuration)) in workload_keys(&frame)?
        .into_iter()
        .zip(configurations(&frame)?)
        .enumerate()
    {
        let amount = |quantity: usize| amounts[quantity][i].unwrap_or_default();
        let metered = MeteredMs {
            elapsed: amount(0),
            second_floor_60: amount(1),
            second_floor_300: amount(2),
            minute: amount(3),
            minute_with_queue: amount(4),
            second: amount(5),
        };
        let component = Component {
            configuration,
            basis: Basis::Runs,
            runs: runs[i].unwrap_or_default(),
            metered: Span::exact(metered),
            more_unseen: false,
        };
        components.entry(workload).or_default().push(component);
    }
    for components in components.values_mut() {
        components.sort_by(|a, b| a.configuration.cmp(&b.configuration));
    }
    Ok(components)
}

/// Metered milliseconds from `start` inside the window.
fn inside(start: &Expr, rule: Metering, window: Window) -> Expr {
    let elapsed = col("end_ms") - start.clone();
    clipped(
        start.clone(),
        start.clone() + billed(rule, &elapsed),
        window,
    )
}

/// `rule.billed_ms` over a column: rounded up to whole steps, at least the floor.
pub fn billed(rule: Metering, elapsed_ms: &Expr) -> Expr {
    let step = lit(rule.step_ms());
    let rounded = (elapsed_ms.clone() + lit(rule.step_ms() - 1)).floor_div(step.clone()) * step;
    when(rounded.clone().lt(lit(rule.floor_ms())))
        .then(lit(rule.floor_ms()))
        .otherwise(rounded)
}

fn clipped(from: Expr, to: Expr, window: Window) -> Expr {
    let from = when(from.clone().lt(lit(window.from_ms)))
        .then(lit(window.from_ms))
        .otherwise(from);
    let to = when(to.clone().gt(lit(window.to_ms)))
        .then(lit(window.to_ms))
        .otherwise(to);
    let length = to - from;
    when(length.clone().lt(lit(0i64)))
        .then(lit(0i64))
        .otherwise(length)
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
    let (launch_type, capacity_provider) = (
        texts(frame, "launch_type")?,
        texts(frame, "capacity_provider")?,
    );
    let (cpu, memory, ephemeral) = (
        integers(frame, "cpu_units")?,
        integers(frame, "memory_mib")?,
        integers(frame, "ephemeral_gib")?,
    );
    let (architecture, os) = (texts(frame, "architecture")?, texts(frame, "os")?);
    let (environment_type, compute_type) = (
        texts(frame, "environment_type")?,
        texts(frame, "compute_type")?,
    );
    let (privileged, requires_ec2) = (
        booleans(frame, "privileged")?,
        booleans(frame, "requires_ec2")?,
    );
    let (network_mode, scheduling_strategy) = (
        texts(frame, "network_mode")?,
        texts(frame, "scheduling_strategy")?,
    );
    let (fleet, docker_server) = (texts(frame, "fleet")?, texts(frame, "docker_server")?);
    let gpus = integers(frame, "gpus")?;
    let small = |value: Option<i64>| value.and_then(|value| u32::try_from(value).ok());
    Ok((0..frame.height())
        .map(|i| Configuration {
            launch_type: launch_type[i].clone(),
            capacity_provider: capacity_provider[i].clone(),
            cpu_units: small(cpu[i]),
            memory_mib: small(memory[i]),
            ephemeral_gib: small(ephemeral[i]),
            architecture: architecture[i].as_deref().and_then(Architecture::parse),
            os: os[i].as_deref().and_then(Os::parse),
            environment_type: environment_type[i].clone(),
            compute_type: compute_type[i].clone(),
            privileged: privileged[i],
            gpus: small(gpus[i]),
            network_mode: network_mode[i].clone(),
            scheduling_strategy: scheduling_strategy[i].clone(),
            requires_ec2: requires_ec2[i],
            fleet: fleet[i].clone(),
            docker_server: docker_server[i].clone(),
        })
        .collect())
}
