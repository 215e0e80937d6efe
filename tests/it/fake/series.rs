//! The metrics of a world: which series there are, and their points at any period.

use std::collections::{BTreeMap, BTreeSet};

use super::builds::Build;
use super::tasks::{Measure, Of, Task, Workload, told};
use super::world::{Cluster, DAY, HOUR, Insights, MINUTE, Place, family};

/// Points of at least this period are kept for so long. Source: CloudWatch user guide, read 2026-11.
pub(crate) const RETENTION: [(i64, i64); 3] = [
    (MINUTE, 15 * DAY),
    (5 * MINUTE, 63 * DAY),
    (HOUR, 455 * DAY),
];
/// `ListMetrics` forgets what was silent for so long.
const LISTED_MS: i64 = 14 * DAY;

/// Name and value of each dimension, in the order of the names.
pub(crate) type Dimensions = Vec<(String, String)>;

/// What a series is of.
#[derive(Debug, Clone)]
pub(crate) enum Source<'w> {
    /// The tasks of these workloads, where they are of this family or of any.
    Tasks(Vec<Workload<'w>>, Option<String>),
    /// One task.
    Task(Task<'w>),
    /// One build.
    Build(Build<'w>),
}

/// One metric with its dimensions.
#[derive(Debug, Clone)]
pub(crate) struct Series<'w> {
    pub(crate) measure: Measure,
    pub(crate) source: Source<'w>,
    /// Nothing was measured before.
    since_ms: i64,
}

/// The readings of one period, in 1/64 of the unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) max: i64,
    pub(crate) min: i64,
    pub(crate) sum: i64,
    pub(crate) count: i64,
}

impl Point {
    const NONE: Self = Self {
        max: i64::MIN,
        min: i64::MAX,
        sum: 0,
        count: 0,
    };

    fn take(&mut self, reading: i64) {
        *self = Self {
            max: self.max.max(reading),
            min: self.min.min(reading),
            sum: self.sum + reading,
            count: self.count + 1,
        };
    }

    /// A statistic by AWS's name.
    pub(crate) fn statistic(&self, name: &str) -> Option<f64> {
        Some(match name {
            "Maximum" => told(self.max),
            "Minimum" => told(self.min),
            "Sum" => told(self.sum),
            "SampleCount" => self.count as f64,
            "Average" => told(self.sum) / self.count as f64,
            _ => return None,
        })
    }
}

/// The measure that AWS calls so.
fn measure(namespace: &str, metric: &str) -> Option<Measure> {
    Some(match (namespace, metric) {
        ("AWS/ECS", "CPUUtilization") | ("AWS/CodeBuild", "CPUUtilizedPercent") => {
            Measure::CpuPercent
        }
        ("ECS/ContainerInsights", "NetworkRxBytes" | "NetworkTxBytes") => Measure::Network,
        ("AWS/ECS", "MemoryUtilization") => Measure::MemoryPercent,
        ("ECS/ContainerInsights", "CpuUtilized") => Measure::CpuUnits,
        ("ECS/ContainerInsights" | "AWS/CodeBuild", "MemoryUtilized") => Measure::MemoryMib,
        ("AWS/CodeBuild", "CPUUtilized") => Measure::CpuVcpu,
        _ => return None,
    })
}

/// The metrics of each namespace.
const METRICS: [(&str, &[&str]); 3] = [
    ("AWS/ECS", &["CPUUtilization", "MemoryUtilization"]),
    ("ECS/ContainerInsights", &["CpuUtilized", "MemoryUtilized"]),
    (
        "AWS/CodeBuild",
        &["CPUUtilized", "CPUUtilizedPercent", "MemoryUtilized"],
    ),
];

impl<'w> Place<'w> {
    /// The series that a namespace, a name and dimensions mean, if there is one.
    pub(crate) fn series(
        &self,
        namespace: &str,
        metric: &str,
        dimensions: &Dimensions,
    ) -> Option<Series<'w>> {
        let measure = measure(namespace, metric)?;
        let names: Vec<&str> = dimensions.iter().map(|(name, _)| name.as_str()).collect();
        let value = |no: usize| dimensions[no].1.as_str();
        let (source, since_ms) = match (namespace, names.as_slice()) {
            ("AWS/CodeBuild", ["BuildId", "BuildNumber", "ProjectName"]) => {
                let id = value(0);
                let id = if id.contains(':') {
                    id.to_owned()
                } else {
                    format!("{}:{id}", value(2))
                };
                let build = self.build(&id)?;
                let spelt = build.dimensions(self);
                let is_it = spelt
                    .iter()
                    .zip(dimensions)
                    .all(|((_, spelt), (_, asked))| spelt == asked);
                (Source::Build(build).only_if(is_it)?, i64::MIN)
            }
            (_, ["ClusterName", rest @ ..]) => {
                let (no, cluster) = self
                    .region
                    .clusters
                    .iter()
                    .enumerate()
                    .find(|(_, cluster)| cluster.name == value(0))?;
                let workloads = cluster.workloads(no);
                let since_ms = if namespace == "AWS/ECS" {
                    i64::MIN
                } else {
                    insights_since(cluster)?
                };
                let source = match (namespace, rest) {
                    (_, []) => Source::Tasks(workloads.collect(), None),
                    (_, ["ServiceName"]) => {
                        let service =
                            workloads.filter(|workload| workload.service() == Some(value(1)));
                        Source::Tasks(service.collect(), None)
                    }
                    ("ECS/ContainerInsights", ["TaskDefinitionFamily"]) => {
                        let family = value(1).to_owned();
                        let of_family = workloads
                            .filter(|workload| families(workload).any(|known| known == family));
                        Source::Tasks(of_family.collect(), Some(family))
                    }
                    ("ECS/ContainerInsights", ["TaskDefinitionFamily", "TaskId"])
                        if cluster.insights == Insights::Enhanced =>
                    {
                        Source::Task(self.task(value(2))?)
                    }
                    _ => return None,
                };
                (source, since_ms)
            }
            _ => return None,
        };
        Some(Series {
            measure,
            source,
            since_ms,
        })
    }

    /// Every series with a reading in the last two weeks of those that are `wanted`, as (namespace, metric, dimensions).
    pub(crate) fn listed(
        &self,
        wanted: impl Fn(&str, &Dimensions) -> bool,
    ) -> Vec<(&'static str, &'static str, Dimensions)> {
        let now_ms = self.world.now_ms;
        let (from_ms, to_ms) = (now_ms - LISTED_MS, now_ms.div_euclid(MINUTE) * MINUTE);
        let mut listed = Vec::new();
        let mut list =
            |namespace: &'static str, dimensions: Dimensions, source: Source<'w>, since_ms: i64| {
                if wanted(namespace, &dimensions)
                    && source.has_reading(self, from_ms.max(since_ms), to_ms)
                {
                    let (_, metrics) = METRICS
                        .iter()
                        .find(|(known, _)| *known == namespace)
                        .expect("a namespace of the table");
                    let metrics = metrics.iter();
                    listed.extend(metrics.map(|metric| (namespace, *metric, dimensions.clone())));
                }
            };
        for (no, cluster) in self.region.clusters.iter().enumerate() {
            let of = |rest: &[(&str, &str)]| {
                named(&[&[("ClusterName", cluster.name.as_str())], rest].concat())
            };
            let workloads: Vec<_> = cluster.workloads(no).collect();
            list(
                "AWS/ECS",
                of(&[]),
                Source::Tasks(workloads.clone(), None),
                i64::MIN,
            );
            let insights_since = insights_since(cluster);
            let mut by_family: BTreeMap<&str, Vec<Workload<'w>>> = BTreeMap::new();
            for workload in &workloads {
                for family in families(workload).collect::<BTreeSet<_>>() {
                    by_family.entry(family).or_default().push(*workload);
                }
                let Some(service) = workload.service() else {
                    continue;
                };
                let (dimensions, source) = (
                    of(&[("ServiceName", service)]),
                    Source::Tasks(vec![*workload], None),
                );
                list("AWS/ECS", dimensions.clone(), source.clone(), i64::MIN);
                insights_since.inspect(|since_ms| {
                    list("ECS/ContainerInsights", dimensions, source, *since_ms);
                });
            }
            let Some(since_ms) = insights_since else {
                continue;
            };
            for (family, workloads) in by_family {
                let source = Source::Tasks(workloads, Some(family.to_owned()));
                list(
                    "ECS/ContainerInsights",
                    of(&[("TaskDefinitionFamily", family)]),
                    source,
                    since_ms,
                );
            }
            let recent = workloads
                .iter()
                .flat_map(|workload| workload.tasks(self, now_ms - HOUR, now_ms));
            for task in recent.filter(|_| cluster.insights == Insights::Enhanced) {
                let dimensions = of(&[
                    ("TaskDefinitionFamily", family(&task.definition.name)),
                    ("TaskId", &self.id_of(task.key)),
                ]);
                list(
                    "ECS/ContainerInsights",
                    dimensions,
                    Source::Task(task),
                    since_ms,
                );
            }
        }
        for build in self.builds(from_ms, now_ms) {
            let dimensions = build
                .dimensions(self)
                .map(|(name, value)| (name.to_owned(), value));
            list(
                "AWS/CodeBuild",
                dimensions.to_vec(),
                Source::Build(build),
                i64::MIN,
            );
        }
        listed
    }
}

impl<'w> Source<'w> {
    fn only_if(self, condition: bool) -> Option<Self> {
        condition.then_some(self)
    }

    /// Its tasks that exist at some time within `[from_ms, to_ms)`.
    fn tasks(
        &self,
        place: &Place<'w>,
        from_ms: i64,
        to_ms: i64,
    ) -> Box<dyn Iterator<Item = Task<'w>> + '_> {
        match self {
            Source::Build(_) => Box::new(std::iter::empty()),
            Source::Task(task) => Box::new(std::iter::once(*task)),
            Source::Tasks(workloads, of_family) => {
                let place = place.clone();
                let tasks = workloads
                    .iter()
                    .flat_map(move |workload| workload.tasks(&place, from_ms, to_ms));
                let is_of_family = |task: &Task<'_>| {
                    of_family
                        .as_ref()
                        .is_none_or(|name| family(&task.definition.name) == name)
                };
                Box::new(tasks.filter(is_of_family))
            }
        }
    }

    fn has_reading(&self, place: &Place<'w>, from_ms: i64, to_ms: i64) -> bool {
        let of_build =
            matches!(self, Self::Build(build) if build.minutes(from_ms, to_ms).next().is_some());
        of_build
            || self
                .tasks(place, from_ms, to_ms)
                .any(|task| task.minutes(from_ms, to_ms).next().is_some())
    }
}

fn named(dimensions: &[(&str, &str)]) -> Dimensions {
    dimensions
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Families that a workload ever ran.
pub(crate) fn families<'w>(workload: &Workload<'w>) -> impl Iterator<Item = &'w str> + use<'w> {
    let (revisions, job): (&[_], _) = match workload.of {
        Of::Service(service) => (&service.revisions, None),
        Of::Job(job) => (&[], Some(job.family())),
    };
    revisions
        .iter()
        .map(|revision| family(&revision.definition))
        .chain(job)
}

/// When Container Insights began to tell of a cluster; `None` where it does not.
pub(crate) fn insights_since(cluster: &Cluster) -> Option<i64> {
    (cluster.insights != Insights::Disabled).then_some(cluster.insights_since_ms)
}

impl<'w> Series<'w> {
    /// The points that begin within `[from_ms, to_ms)`, in order of time; a reading counts once its minute is over.
    ///
    /// Of points older than CloudWatch keeps them at `period_ms`, there are none.
    pub(crate) fn points(
        &self,
        place: &Place<'w>,
        from_ms: i64,
        to_ms: i64,
        period_ms: i64,
    ) -> Vec<(i64, Point)> {
        let now_ms = place.world.now_ms;
        let kept = RETENTION
            .iter()
            .filter(|(kept_ms, _)| period_ms % kept_ms == 0)
            .map(|(_, age_ms)| now_ms - age_ms)
            .min();
        let Some(kept_from_ms) = kept else {
            return Vec::new();
        };
        let ceil = |ms: i64| (ms + period_ms - 1).div_euclid(period_ms) * period_ms;
        let from_ms = ceil(from_ms.max(kept_from_ms));
        let end_ms = ceil(to_ms).min(ceil(now_ms));
        let Ok(length) = usize::try_from((end_ms - from_ms) / period_ms) else {
            return Vec::new();
        };
        let measured_to_ms = end_ms.min(now_ms.div_euclid(MINUTE) * MINUTE);
        let mut points = vec![Point::NONE; length];
        let mut take = |at_ms: i64, reading: i64| {
            points[((at_ms - from_ms) / period_ms) as usize].take(reading);
        };
        let since_ms = from_ms.max(self.since_ms);
        if let Source::Build(build) = &self.source {
            build
                .minutes(since_ms, measured_to_ms)
                .for_each(|at| take(at, build.reading(place, self.measure, at)));
        }
        for task in self.source.tasks(place, from_ms, end_ms) {
            task.minutes(since_ms, measured_to_ms)
                .for_each(|at| take(at, task.reading(place, self.measure, at)));
        }
        let times = points
            .into_iter()
            .enumerate()
            .map(|(no, point)| (from_ms + no as i64 * period_ms, point));
        times.filter(|(_, point)| point.count > 0).collect()
    }
}
