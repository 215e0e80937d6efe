//! How the golden rows are worked out, place by place.

use std::collections::{BTreeMap, BTreeSet};

use super::builds::REMEMBERED_MS;
use super::golden::{Configuration, Golden, Instance, Key, Resolution, Run, Sample};
use super::series::{families, insights_since};
use super::task_json::launch;
use super::tasks::{Measure, Of, Task, Workload, told};
use super::world::{Cluster, DAY, MINUTE, Place, SECOND, family};

/// Measures, and the names of the dataset's metrics.
type Metrics = &'static [(Measure, &'static str)];
const SERVICE_METRICS: Metrics = &[
    (Measure::CpuPercent, "cpu_percent"),
    (Measure::MemoryPercent, "memory_percent"),
];
const TASK_METRICS: Metrics = &[
    (Measure::CpuUnits, "cpu_units"),
    (Measure::MemoryMib, "memory_mib"),
];
const BUILD_METRICS: Metrics = &[
    (Measure::CpuPercent, "cpu_percent"),
    (Measure::CpuVcpu, "cpu_vcpu"),
    (Measure::MemoryMib, "memory_mib"),
];

/// Tells of one place.
pub(crate) struct Teller<'t, 'w> {
    pub(crate) place: &'t Place<'w>,
    pub(crate) window_ms: (i64, i64),
    pub(crate) resolution: Resolution,
    pub(crate) golden: &'t mut Golden,
}

impl<'w> Teller<'_, 'w> {
    fn key(&self, kind: &str, cluster: &str, name: &str) -> Key {
        [
            &self.place.account.id,
            &self.place.name,
            kind,
            cluster,
            name,
        ]
        .map(str::to_owned)
    }

    fn key_of(&self, workload: &Workload<'_>) -> Key {
        let kind = if workload.service().is_some() {
            "service"
        } else {
            "task"
        };
        self.key(kind, &workload.cluster.name, workload.name())
    }

    pub(crate) fn cluster(&mut self, no: usize, cluster: &'w Cluster) {
        let now_ms = self.place.world.now_ms;
        let workloads: Vec<_> = cluster.workloads(no).collect();
        let of_services: BTreeSet<&str> = workloads
            .iter()
            .filter(|workload| workload.service().is_some())
            .flat_map(families)
            .collect();
        for workload in &workloads {
            let tasks: Vec<_> = workload
                .tasks(
                    self.place,
                    self.window_ms.0.min(now_ms - DAY),
                    self.window_ms.1.max(now_ms + 1),
                )
                .collect();
            for task in &tasks {
                self.ecs_api(task);
                self.task_events(task);
            }
            match workload.of {
                Of::Service(_) => {
                    self.task_metrics(workload, &tasks, SERVICE_METRICS, i64::MIN);
                    self.configurations(workload);
                }
                Of::Job(job) => {
                    let Some(since_ms) = insights_since(cluster) else {
                        continue;
                    };
                    for task in &tasks {
                        self.performance_log(task, since_ms);
                    }
                    if !of_services.contains(job.family()) {
                        self.task_metrics(workload, &tasks, TASK_METRICS, since_ms);
                    }
                }
            }
        }
        for instance in cluster
            .instances
            .iter()
            .filter(|instance| instance.is_there(now_ms))
        {
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
        let kept_ms = cluster
            .retention_days
            .map_or(i64::MIN, |days| self.place.world.now_ms - days * DAY);
        (
            self.window_ms.0.max(since_ms).max(kept_ms),
            self.window_ms.1,
        )
    }

    fn ecs_api(&mut self, task: &Task<'w>) {
        let now_ms = self.place.world.now_ms;
        let seen = task.seen_at(now_ms).filter(|_| task.is_remembered(now_ms));
        self.golden
            .runs
            .extend(seen.map(|seen| self.run(&seen, "ecs_api", seen.state().0, None)));
    }

    fn task_events(&mut self, task: &Task<'w>) {
        let cluster = task.workload.cluster;
        let Some(since_ms) = cluster.events_since_ms else {
            return;
        };
        let (from_ms, to_ms) = self.logged(cluster, since_ms);
        let last = task
            .changes()
            .filter(|(at_ms, _, _)| (from_ms..to_ms).contains(at_ms))
            .last();
        let told = last.and_then(|(at_ms, version, _)| {
            Some(self.run(&task.seen_at(at_ms)?, "task_events", version, Some(at_ms)))
        });
        self.golden.runs.extend(told);
    }

    /// A task of no service, minute by minute.
    fn performance_log(&mut self, task: &Task<'w>, since_ms: i64) {
        let (from_ms, to_ms) = self.logged(task.workload.cluster, since_ms);
        let minutes: Vec<i64> = task
            .minutes(from_ms, whole_minutes(to_ms, self.place.world.now_ms))
            .collect();
        // The records do not tell of the end, nor of what led to it.
        let begun = task
            .started_ms
            .and_then(|started_ms| task.seen_at(started_ms));
        let told = begun
            .zip(minutes.last())
            .map(|(begun, last_ms)| self.run(&begun, "container_insights", 0, Some(*last_ms)));
        self.golden.runs.extend(told);
        let (key, id) = (self.key_of(&task.workload), self.place.id_of(task.key));
        for (at_ms, (measure, metric)) in minutes
            .iter()
            .flat_map(|at_ms| TASK_METRICS.iter().map(|metric| (*at_ms, *metric)))
        {
            let value = told_bits(task.reading(self.place, measure, at_ms));
            self.golden.samples.insert(Sample {
                key: key.clone(),
                run_id: Some(id.clone()),
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

    fn run(
        &self,
        seen: &Task<'_>,
        source: &'static str,
        version: i64,
        last_seen_ms: Option<i64>,
    ) -> Run {
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

    fn task_metrics(
        &mut self,
        workload: &Workload<'w>,
        tasks: &[Task<'w>],
        metrics: Metrics,
        since_ms: i64,
    ) {
        let (from_ms, to_ms) = (self.window_ms.0.max(since_ms), self.window_ms.1);
        let to_ms = whole_minutes(to_ms, self.place.world.now_ms);
        for &(measure, metric) in metrics {
            let readings = tasks.iter().flat_map(|task| {
                task.minutes(from_ms, to_ms)
                    .map(|at_ms| (at_ms, task.reading(self.place, measure, at_ms)))
            });
            let points = self.rolled_up(readings);
            self.insert(&self.key_of(workload), None, metric, points);
        }
    }

    pub(crate) fn builds(&mut self) {
        let now_ms = self.place.world.now_ms;
        let (from_ms, to_ms) = self.window_ms;
        for build in self
            .place
            .builds(from_ms.max(now_ms - REMEMBERED_MS), to_ms)
        {
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
                stop_code: Some(if build.end(now_ms).is_some() {
                    build.status
                } else {
                    "IN_PROGRESS"
                }),
                out_of_memory: false,
            });
            for &(measure, metric) in BUILD_METRICS {
                let minutes = build.minutes(from_ms, whole_minutes(to_ms, now_ms));
                let points = self.rolled_up(
                    minutes.map(|at_ms| (at_ms, build.reading(self.place, measure, at_ms))),
                );
                self.insert(&key, Some(&id), metric, points);
            }
        }
    }

    /// Period and start → highest, sum and number of the readings, of those periods that are wholly in the window.
    fn rolled_up(
        &self,
        readings: impl Iterator<Item = (i64, i64)>,
    ) -> BTreeMap<(i64, i64), (i64, i64, i64)> {
        let mut points = BTreeMap::new();
        for (minute_ms, reading) in readings {
            let Some(period_ms) = self.period_ms(minute_ms) else {
                continue;
            };
            let at_ms = minute_ms.div_euclid(period_ms) * period_ms;
            let (max, sum, count) = points.entry((period_ms, at_ms)).or_insert((i64::MIN, 0, 0));
            (*max, *sum, *count) = (reading.max(*max), *sum + reading, *count + 1);
        }
        points.retain(|(period_ms, at_ms), _| {
            *at_ms >= self.window_ms.0 && at_ms + period_ms <= self.window_ms.1
        });
        points
    }

    /// The period in which CloudWatch tells of a minute; `None` where it has forgotten it at the one asked for.
    fn period_ms(&self, minute_ms: i64) -> Option<i64> {
        let now_ms = self.place.world.now_ms;
        let kept = [(MINUTE, 15), (5 * MINUTE, 63), (60 * MINUTE, 455)];
        match self.resolution {
            Resolution::Auto => {
                let day_ms = minute_ms.div_euclid(DAY) * DAY;
                kept.iter()
                    .find(|(_, days)| now_ms - day_ms < days * DAY)
                    .map(|(period_ms, _)| *period_ms)
            }
            Resolution::Seconds(seconds) => {
                let period_ms = seconds * SECOND;
                let at_ms = minute_ms.div_euclid(period_ms) * period_ms;
                let is_kept = kept
                    .iter()
                    .any(|(of_ms, days)| period_ms % of_ms == 0 && now_ms - at_ms <= days * DAY);
                is_kept.then_some(period_ms)
            }
        }
    }

    fn insert(
        &mut self,
        key: &Key,
        run_id: Option<&str>,
        metric: &'static str,
        points: BTreeMap<(i64, i64), (i64, i64, i64)>,
    ) {
        self.golden.samples.extend(points.into_iter().map(
            |((period_ms, at_ms), (max, sum, count))| Sample {
                key: key.clone(),
                run_id: run_id.map(str::to_owned),
                source: "cloudwatch",
                metric,
                period_s: period_ms / SECOND,
                at_ms,
                max: told_bits(max),
                sum: told_bits(sum),
                count: (count as f64).to_bits(),
            },
        ));
    }

    fn configurations(&mut self, workload: &Workload<'w>) {
        let Of::Service(service) = workload.of else {
            return;
        };
        let now_ms = self.place.world.now_ms;
        let (launch_type, provider) = launch(&service.launch);
        for (no, revision) in service
            .revisions
            .iter()
            .enumerate()
            .filter(|(_, revision)| revision.from_ms <= now_ms)
        {
            let until_ms = service
                .revisions
                .get(no + 1)
                .map_or(i64::MAX, |next| next.from_ms);
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

    pub(crate) fn definitions(&mut self) {
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

fn told_bits(reading: i64) -> u64 {
    told(reading).to_bits()
}

/// The end of the last minute of which a reading is out.
fn whole_minutes(to_ms: i64, now_ms: i64) -> i64 {
    to_ms.min(now_ms.div_euclid(MINUTE) * MINUTE)
}
