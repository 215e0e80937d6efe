//! What is true: the rows that a collection of the world must come to, worked out from the world and not from the wire.
//!
//! Each row names the source that tells it, spelt as the dataset spells sources: what one source cannot tell is not
//! among its rows.

use std::collections::{BTreeMap, BTreeSet};

use super::series::{families, insights_since};
use super::task_json::launch;
use super::tasks::{Measure, Of, Task, Workload, told};
use super::world::{Cluster, DAY, Insights, MINUTE, Place, SECOND, World, family};

/// Period of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// For each UTC day the finest that CloudWatch still has for all of it.
    Auto,
    /// This many seconds.
    Seconds(i64),
}

/// Whose a row is: account, region, kind (`service`, `task`, `build`), cluster (empty for builds), name.
pub(crate) type Key = [String; 5];

/// Everything that the sources tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Golden {
    pub(crate) runs: BTreeSet<Run>,
    pub(crate) samples: BTreeSet<Sample>,
    pub(crate) configurations: BTreeSet<Configuration>,
    pub(crate) instances: BTreeSet<Instance>,
}

/// A task or a build, as one source tells it last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) key: Key,
    pub(crate) run_id: String,
    /// `ecs_api`, `task_events`, `container_insights` or `codebuild_api`.
    pub(crate) source: &'static str,
    pub(crate) version: i64,
    pub(crate) created_ms: i64,
    pub(crate) pull_started_ms: Option<i64>,
    /// Of builds.
    pub(crate) provisioning_ms: Option<i64>,
    pub(crate) started_ms: Option<i64>,
    pub(crate) stopped_ms: Option<i64>,
    pub(crate) last_seen_ms: Option<i64>,
    pub(crate) stop_code: Option<&'static str>,
    pub(crate) out_of_memory: bool,
}

/// A reading.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    pub(crate) key: Key,
    /// Of builds, and of tasks in logs.
    pub(crate) run_id: Option<String>,
    /// `cloudwatch` or `container_insights`.
    pub(crate) source: &'static str,
    /// As `dataset::schema::Metric::as_str`.
    pub(crate) metric: &'static str,
    pub(crate) period_s: i64,
    pub(crate) at_ms: i64,
    /// Bits of an `f64`, as the next two.
    pub(crate) max: u64,
    pub(crate) sum: u64,
    pub(crate) count: u64,
}

/// A service from some time on, or a task definition: kind `task`, no cluster, from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Configuration {
    pub(crate) key: Key,
    pub(crate) from_ms: i64,
    pub(crate) definition: String,
    pub(crate) launch_type: Option<&'static str>,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) cpu_units: Option<u32>,
    pub(crate) memory_mib: Option<u32>,
}

/// A container instance that is there now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instance {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) cluster: String,
    pub(crate) instance_id: String,
    pub(crate) instance_type: String,
    pub(crate) availability_zone: String,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) cpu_units: i64,
    pub(crate) memory_mib: i64,
    pub(crate) registered_ms: i64,
}

impl World {
    /// What the sources tell of `[from_ms, to_ms)`.
    ///
    /// Of the ECS API, what it tells now: tasks that run or stopped within the hour, and the instances. Of events and
    /// logs, what was written in the window. Of builds, those created in it. Of metrics, the periods that are wholly in
    /// it, of services, of families that only jobs run, and of builds created in it. Of services, each revision that
    /// was in force in it and that AWS still lists; of task definitions, all.
    pub(crate) fn golden(&self, from_ms: i64, to_ms: i64, resolution: Resolution) -> Golden {
        let mut golden = Golden::default();
        for place in self.places() {
            let mut teller =
                Teller { place: &place, window_ms: (from_ms, to_ms.min(self.now_ms)), resolution, golden: &mut golden };
            for (no, cluster) in place.region.clusters.iter().enumerate() {
                teller.cluster(no, cluster);
            }
            teller.builds();
            teller.definitions();
        }
        golden
    }
}

/// Tells of one place.
struct Teller<'t, 'w> {
    place: &'t Place<'w>,
    window_ms: (i64, i64),
    resolution: Resolution,
    golden: &'t mut Golden,
}

impl<'w> Teller<'_, 'w> {
    fn key(&self, kind: &str, cluster: &str, name: &str) -> Key {
        [&self.place.account.id, &self.place.name, kind, cluster, name].map(str::to_owned)
    }

    fn key_of(&self, workload: &Workload<'_>) -> Key {
        let kind = if workload.service().is_some() { "service" } else { "task" };
        self.key(kind, &workload.cluster.name, workload.name())
    }

    fn cluster(&mut self, no: usize, cluster: &'w Cluster) {
        let now_ms = self.place.world.now_ms;
        let workloads: Vec<_> = self.place.workloads(no, cluster).collect();
        let of_services: BTreeSet<&str> =
            workloads.iter().filter(|workload| workload.service().is_some()).flat_map(families).collect();
        for workload in &workloads {
            let tasks: Vec<_> =
                workload.tasks(self.place, self.window_ms.0.min(now_ms - DAY), self.window_ms.1.max(now_ms + 1)).collect();
            for task in &tasks {
                self.runs(task);
                self.log_samples(task);
            }
            match workload.of {
                Of::Service(_) => {
                    let metrics = [(Measure::CpuPercent, "cpu_percent"), (Measure::MemoryPercent, "memory_percent")];
                    self.task_metrics(workload, &tasks, metrics, i64::MIN);
                    self.configurations(workload);
                }
                Of::Job(job) if !of_services.contains(job.family()) => {
                    let metrics = [(Measure::CpuUnits, "cpu_units"), (Measure::MemoryMib, "memory_mib")];
                    if let Some(since_ms) = insights_since(cluster) {
                        self.task_metrics(workload, &tasks, metrics, since_ms);
                    }
                }
                Of::Job(_) => {}
            }
        }
        for instance in cluster.instances.iter().filter(|instance| instance.is_there(now_ms)) {
            self.golden.instances.insert(Instance {
                account: self.place.account.id.clone(),
                region: self.place.name.clone(),
                cluster: cluster.name.clone(),
                instance_id: instance.ec2_id.clone(),
                instance_type: instance.instance_type.clone(),
                availability_zone: instance.zone.clone(),
                capacity_provider: instance.capacity_provider.clone(),
                cpu_units: instance.cpu_units,
                memory_mib: instance.memory_mib,
                registered_ms: instance.registered_ms,
            });
        }
    }

    /// The part of the window that a log group of this cluster, which began then, still holds.
    fn logged(&self, cluster: &Cluster, since_ms: i64) -> (i64, i64) {
        let kept_ms = cluster.retention_days.map_or(i64::MIN, |days| self.place.world.now_ms - days * DAY);
        (self.window_ms.0.max(since_ms).max(kept_ms), self.window_ms.1)
    }

    fn runs(&mut self, task: &Task<'w>) {
        let (now_ms, cluster) = (self.place.world.now_ms, task.workload.cluster);
        if task.is_remembered(now_ms) {
            let seen = task.seen_at(now_ms);
            self.golden.runs.extend(seen.map(|seen| self.run(&seen, "ecs_api", seen.state().0, None)));
        }
        if let Some(since_ms) = cluster.events_since_ms {
            let (from_ms, to_ms) = self.logged(cluster, since_ms);
            let last = task.changes().filter(|(at_ms, _, _)| (from_ms..to_ms).contains(at_ms)).last();
            let told =
                last.and_then(|(at_ms, version, _)| Some(self.run(&task.seen_at(at_ms)?, "task_events", version, Some(at_ms))));
            self.golden.runs.extend(told);
        }
        if cluster.insights != Insights::Disabled {
            let (from_ms, to_ms) = self.logged(cluster, cluster.insights_since_ms);
            let told = task.minutes(from_ms, whole_minutes(to_ms, now_ms)).last().map(|at_ms| {
                let Task { stop_code, out_of_memory, .. } = Task { stop_code: "", out_of_memory: false, ..*task };
                let sighted =
                    Task { stopped_ms: None, stopping_ms: None, execution_stopped_ms: None, stop_code, out_of_memory, ..*task };
                self.run(&sighted, "container_insights", 0, Some(at_ms))
            });
            self.golden.runs.extend(told);
        }
    }

    fn run(&self, seen: &Task<'_>, source: &'static str, version: i64, last_seen_ms: Option<i64>) -> Run {
        Run {
            key: self.key_of(&seen.workload),
            run_id: self.place.id_of(seen.key),
            source,
            version,
            created_ms: seen.created_ms,
            pull_started_ms: seen.pull_started_ms,
            provisioning_ms: None,
            started_ms: seen.started_ms,
            stopped_ms: seen.stopped_ms.or(seen.execution_stopped_ms),
            last_seen_ms,
            stop_code: Some(seen.stop_code).filter(|code| !code.is_empty()),
            out_of_memory: seen.out_of_memory,
        }
    }

    /// What the performance log tells of a task, minute by minute.
    fn log_samples(&mut self, task: &Task<'w>) {
        let cluster = task.workload.cluster;
        let Some(since_ms) = insights_since(cluster) else { return };
        let (from_ms, to_ms) = self.logged(cluster, since_ms);
        for at_ms in task.minutes(from_ms, whole_minutes(to_ms, self.place.world.now_ms)) {
            for (measure, metric) in [(Measure::CpuUnits, "cpu_units"), (Measure::MemoryMib, "memory_mib")] {
                let value = told(task.reading(self.place, measure, at_ms)).to_bits();
                self.golden.samples.insert(Sample {
                    key: self.key_of(&task.workload),
                    run_id: Some(self.place.id_of(task.key)),
                    source: "container_insights",
                    metric,
                    period_s: 60,
                    at_ms,
                    max: value,
                    sum: value,
                    count: 1.0_f64.to_bits(),
                });
            }
        }
    }

    fn task_metrics(
        &mut self,
        workload: &Workload<'w>,
        tasks: &[Task<'w>],
        metrics: [(Measure, &'static str); 2],
        since_ms: i64,
    ) {
        let (from_ms, to_ms) = (self.window_ms.0.max(since_ms), self.window_ms.1);
        let to_ms = whole_minutes(to_ms, self.place.world.now_ms);
        for (measure, metric) in metrics {
            let readings = tasks
                .iter()
                .flat_map(|task| task.minutes(from_ms, to_ms).map(|at_ms| (at_ms, task.reading(self.place, measure, at_ms))));
            let points = self.rolled_up(readings);
            self.insert(&self.key_of(workload), None, metric, points);
        }
    }

    fn builds(&mut self) {
        let now_ms = self.place.world.now_ms;
        let (from_ms, to_ms) = self.window_ms;
        for build in self.place.builds(from_ms.max(now_ms - super::builds::REMEMBERED_MS), to_ms) {
            let key = self.key("build", "", &build.project.name);
            let id = build.id(self.place);
            self.golden.runs.insert(Run {
                key: key.clone(),
                run_id: id.clone(),
                source: "codebuild_api",
                version: if build.end(now_ms).is_some() { 2 } else { 1 },
                created_ms: build.created_ms,
                pull_started_ms: None,
                provisioning_ms: Some(build.provisioning_ms).filter(|at_ms| *at_ms <= now_ms),
                started_ms: None,
                stopped_ms: build.end(now_ms),
                last_seen_ms: None,
                stop_code: Some(if build.end(now_ms).is_some() { build.status } else { "IN_PROGRESS" }),
                out_of_memory: false,
            });
            for (measure, metric) in [(Measure::CpuVcpu, "cpu_vcpu"), (Measure::MemoryMib, "memory_mib")] {
                let minutes = build.minutes(from_ms, whole_minutes(to_ms, now_ms));
                let points = self.rolled_up(minutes.map(|at_ms| (at_ms, build.reading(self.place, measure, at_ms))));
                self.insert(&key, Some(&id), metric, points);
            }
        }
    }

    /// Period and start → highest, sum and number of the readings, of those periods that are wholly in the window.
    fn rolled_up(&self, readings: impl Iterator<Item = (i64, i64)>) -> BTreeMap<(i64, i64), (i64, i64, i64)> {
        let mut points = BTreeMap::new();
        for (minute_ms, reading) in readings {
            let Some(period_ms) = self.period_ms(minute_ms) else { continue };
            let at_ms = minute_ms.div_euclid(period_ms) * period_ms;
            let (max, sum, count) = points.entry((period_ms, at_ms)).or_insert((i64::MIN, 0, 0));
            (*max, *sum, *count) = (reading.max(*max), *sum + reading, *count + 1);
        }
        points.retain(|(period_ms, at_ms), _| *at_ms >= self.window_ms.0 && at_ms + period_ms <= self.window_ms.1);
        points
    }

    /// The period in which CloudWatch tells of a minute; `None` where it has forgotten it at the one asked for.
    fn period_ms(&self, minute_ms: i64) -> Option<i64> {
        let now_ms = self.place.world.now_ms;
        let kept = [(MINUTE, 15), (5 * MINUTE, 63), (60 * MINUTE, 455)];
        match self.resolution {
            Resolution::Auto => {
                let day_ms = minute_ms.div_euclid(DAY) * DAY;
                kept.iter().find(|(_, days)| now_ms - day_ms < days * DAY).map(|(period_ms, _)| *period_ms)
            }
            Resolution::Seconds(seconds) => {
                let period_ms = seconds * SECOND;
                let at_ms = minute_ms.div_euclid(period_ms) * period_ms;
                let is_kept = kept.iter().any(|(of_ms, days)| period_ms % of_ms == 0 && now_ms - at_ms <= days * DAY);
                is_kept.then_some(period_ms)
            }
        }
    }

    fn insert(&mut self, key: &Key, run_id: Option<&str>, metric: &'static str, points: BTreeMap<(i64, i64), (i64, i64, i64)>) {
        self.golden.samples.extend(points.into_iter().map(|((period_ms, at_ms), (max, sum, count))| Sample {
            key: key.clone(),
            run_id: run_id.map(str::to_owned),
            source: "cloudwatch",
            metric,
            period_s: period_ms / SECOND,
            at_ms,
            max: told(max).to_bits(),
            sum: told(sum).to_bits(),
            count: (count as f64).to_bits(),
        }));
    }

    fn configurations(&mut self, workload: &Workload<'w>) {
        let Of::Service(service) = workload.of else { return };
        let now_ms = self.place.world.now_ms;
        let (launch_type, provider) = launch(&service.launch);
        for (no, revision) in service.revisions.iter().enumerate().filter(|(_, revision)| revision.from_ms <= now_ms) {
            let until_ms = service.revisions.get(no + 1).map_or(i64::MAX, |next| next.from_ms);
            let is_listed = until_ms > now_ms || now_ms - revision.from_ms <= 90 * DAY;
            if is_listed && revision.from_ms < self.window_ms.1 && until_ms > self.window_ms.0 {
                self.golden.configurations.insert(Configuration {
                    key: self.key_of(workload),
                    from_ms: revision.from_ms,
                    definition: revision.definition.clone(),
                    launch_type: Some(launch_type),
                    capacity_provider: provider.map(str::to_owned),
                    cpu_units: None,
                    memory_mib: None,
                });
            }
        }
    }

    fn definitions(&mut self) {
        for definition in &self.place.region.definitions {
            self.golden.configurations.insert(Configuration {
                key: self.key("task", "", family(&definition.name)),
                from_ms: 0,
                definition: definition.name.clone(),
                launch_type: None,
                capacity_provider: None,
                cpu_units: Some(definition.cpu_units),
                memory_mib: Some(definition.memory_mib),
            });
        }
    }
}

/// The end of the last minute of which a reading is out.
fn whole_minutes(to_ms: i64, now_ms: i64) -> i64 {
    to_ms.min(now_ms.div_euclid(MINUTE) * MINUTE)
}
