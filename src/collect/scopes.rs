//! What is missing in each account and region, as values: what discovery finds, and fetching goes by.

use super::call::{Fault, Place};
use super::cloudwatch::{Chunk, SERIES_PER_WORKLOAD, Series};
use super::ecs::Cluster;
use super::logs::Group;
use super::plan::Day;
use crate::dataset::schema::State;
use crate::dataset::source;
use crate::dataset::written::BUILD_SCOPE;
use crate::model::units::MS_PER_DAY;
pub(crate) use source::EVERY_CLUSTER;

/// Services whose histories are one unit of work.
pub(crate) const SERVICES_A_UNIT: usize = 3;

/// One account in one region, and what is missing there.
#[derive(Debug)]
pub(crate) struct Scopes {
    /// Where.
    pub(crate) place: Place,
    /// ECS clusters.
    pub(crate) clusters: Vec<ClusterScope>,
    /// Logs, each with its missing days.
    pub(crate) logs: Vec<(Group, Vec<Day>)>,
    /// CodeBuild's projects are to be read.
    pub(crate) with_projects: bool,
    /// Days of which builds are missing.
    pub(crate) builds: Vec<Day>,
    /// Days of which the builds' metrics are missing.
    pub(crate) build_metrics: Vec<Day>,
    /// What discovery tells of days beside that: mostly that it could not look.
    pub(crate) outcomes: Vec<Outcome>,
}

/// A cluster and what is missing of it.
#[derive(Debug)]
pub(crate) struct ClusterScope {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// What it runs now is in the dataset already.
    pub(crate) is_fresh: bool,
    /// Its services whose history is not in the dataset, by their places in [`Cluster::services`].
    pub(crate) changed: Vec<usize>,
    /// Its metrics.
    pub(crate) metrics: Vec<Metrics>,
}

/// Workloads that miss the same days of one source, and the chunks in which they are fetched.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Source.
    pub(crate) source: &'static str,
    /// CPU and memory of each workload.
    pub(crate) series: Vec<Series>,
    /// Chunks; none where nothing is missing, or nothing is kept any more.
    pub(crate) chunks: Vec<Chunk>,
    /// No day is missing.
    pub(crate) is_whole: bool,
}

impl Metrics {
    /// The source of each workload, and the days of its chunks.
    fn planned(&self) -> impl Iterator<Item = (String, Vec<Day>)> {
        let days: Vec<Day> = self
            .chunks
            .iter()
            .flat_map(|chunk| chunk.days.clone())
            .collect();
        let workloads = self.series.iter().step_by(SERIES_PER_WORKLOAD);
        workloads.map(move |series| (source::of(self.source, &series.workload.name), days.clone()))
    }

    pub(crate) fn workloads(&self) -> usize {
        self.series.len() / SERIES_PER_WORKLOAD
    }
}

/// What discovery tells of a source in a scope on some days.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Cluster or [`EVERY_CLUSTER`].
    pub(crate) scope: String,
    /// Source.
    pub(crate) source: String,
    /// Days.
    pub(crate) days: Vec<Day>,
    /// What they are.
    pub(crate) state: State,
    /// Why.
    pub(crate) reason: String,
}

impl Outcome {
    /// That the source could not be discovered.
    pub(crate) fn fault(scope: &str, source: &str, days: Vec<Day>, fault: &Fault) -> Self {
        let (state, reason) = (fault.state(), fault.reason());
        Self {
            scope: scope.to_owned(),
            source: source.to_owned(),
            days,
            state,
            reason,
        }
    }
}

impl Scopes {
    /// What is to be fetched: every scope and source with the days that its units will commit.
    pub(crate) fn planned(&self, now_ms: i64) -> Vec<(&str, String, Vec<Day>)> {
        let today = now_ms.div_euclid(MS_PER_DAY);
        let mut planned = Vec::new();
        for scope in &self.clusters {
            let cluster = scope.cluster.name.as_str();
            if !scope.is_fresh {
                planned.push((cluster, source::snapshot(now_ms), vec![today]));
            }
            for &service in &scope.changed {
                let service = &scope.cluster.services[service];
                planned.push((cluster, service.history(now_ms), vec![today]));
            }
            planned.extend(scope.metrics.iter().flat_map(|metrics| {
                metrics
                    .planned()
                    .map(move |(source, days)| (cluster, source, days))
            }));
        }
        for (group, days) in &self.logs {
            planned.push((group.scope(), group.source().to_owned(), days.clone()));
        }
        if self.with_projects {
            planned.push((BUILD_SCOPE, source::PROJECTS.to_owned(), vec![today]));
        }
        for (source, days) in [
            (source::BUILDS, &self.builds),
            (source::BUILD_METRICS, &self.build_metrics),
        ] {
            planned.push((BUILD_SCOPE, source.to_owned(), days.clone()));
        }
        let failed = |outcome: &&Outcome| matches!(outcome.state, State::Denied | State::Partial);
        for outcome in self.outcomes.iter().filter(failed) {
            planned.push((&outcome.scope, outcome.source.clone(), outcome.days.clone()));
        }
        planned
    }

    /// Units of work: what becomes whole, and counts, one by one.
    pub(crate) fn units(&self) -> u64 {
        let of_metrics = |metrics: &Metrics| {
            metrics
                .chunks
                .iter()
                .map(|chunk| chunk.pieces(metrics.workloads()).count())
                .sum::<usize>()
        };
        let of_cluster = |scope: &ClusterScope| {
            let metrics: usize = scope.metrics.iter().map(of_metrics).sum();
            metrics + usize::from(!scope.is_fresh) + scope.changed.len().div_ceil(SERVICES_A_UNIT)
        };
        let clusters: usize = self.clusters.iter().map(of_cluster).sum();
        let logs: usize = self.logs.iter().map(|(_, days)| days.len()).sum();
        (clusters
            + logs
            + usize::from(self.with_projects)
            + usize::from(!self.builds.is_empty())
            + self.build_metrics.len()) as u64
    }
}
