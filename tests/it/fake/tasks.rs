//! ECS tasks: when each was created, pulled, started and stopped, and what it used.

use super::random::{hash, mix, unmix, up_to};
use super::world::{
    Cluster, DAY, Definition, HOUR, Job, Launch, Load, MINUTE, Percent, Place, SECOND, Service,
};

/// ECS tells of a stopped task for this long.
pub(crate) const REMEMBERED_MS: i64 = HOUR;
/// Readings are whole numbers of 1/64, so that sums of them are exact in any order.
pub(crate) const PER_UNIT: i64 = 64;

/// A service or a job of a cluster.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload<'w> {
    pub(crate) cluster: &'w Cluster,
    pub(crate) of: Of<'w>,
    /// Cluster and workload by number, as the upper half of a task's key.
    prefix: u64,
}

/// What a workload is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Of<'w> {
    Service(&'w Service),
    Job(&'w Job),
}

/// One task with its whole life, of which only what is over by now has happened.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Task<'w> {
    pub(crate) workload: Workload<'w>,
    pub(crate) definition: &'w Definition,
    /// Tells it from every other task of its account and region.
    pub(crate) key: u64,
    pub(crate) created_ms: i64,
    pub(crate) pull_started_ms: Option<i64>,
    pub(crate) pull_stopped_ms: Option<i64>,
    pub(crate) started_ms: Option<i64>,
    pub(crate) execution_stopped_ms: Option<i64>,
    pub(crate) stopping_ms: Option<i64>,
    pub(crate) stopped_ms: Option<i64>,
    pub(crate) stop_code: &'static str,
    pub(crate) out_of_memory: bool,
}

/// Bits of the upper half of a key.
const CLUSTER_SHIFT: u32 = 48;
const WORKLOAD_SHIFT: u32 = 32;
/// Bits of the lower half of the key of a service's task: by day or for good, the day or revision, the slot.
const BY_DAY: u32 = 1 << 31;
const SLOT_BITS: u32 = 12;

impl Cluster {
    /// Its workloads, services first; `no` is its own number in the region.
    pub(crate) fn workloads(&self, no: usize) -> impl Iterator<Item = Workload<'_>> {
        let services = self.services.iter().map(Of::Service);
        let all = services.chain(self.jobs.iter().map(Of::Job)).enumerate();
        let prefix = (no as u64) << CLUSTER_SHIFT;
        all.map(move |(no, of)| Workload {
            cluster: self,
            of,
            prefix: prefix | (no as u64) << WORKLOAD_SHIFT,
        })
    }
}

impl<'w> Place<'w> {
    /// The task with a 32-digit id, if there ever is one.
    pub(crate) fn task(&self, id: &str) -> Option<Task<'w>> {
        let key = self.key_of(id)?;
        let (cluster_no, workload_no) = (
            (key >> CLUSTER_SHIFT) as usize,
            (key >> WORKLOAD_SHIFT & 0xffff) as usize,
        );
        let cluster = self.region.clusters.get(cluster_no)?;
        let workload = cluster.workloads(cluster_no).nth(workload_no)?;
        workload.task(self, u32::try_from(key & u64::from(u32::MAX)).ok()?)
    }

    /// 32 hexadecimal digits that stand for `key` here.
    pub(crate) fn id_of(&self, key: u64) -> String {
        let first = mix(key ^ self.seed);
        format!("{first:016x}{:016x}", hash(first, self.seed))
    }

    /// The key behind 32 hexadecimal digits.
    pub(crate) fn key_of(&self, id: &str) -> Option<u64> {
        let first = u64::from_str_radix(id.get(..16)?, 16).ok()?;
        let key = unmix(first) ^ self.seed;
        (self.id_of(key) == id).then_some(key)
    }
}

impl<'w> Workload<'w> {
    /// Service or family.
    pub(crate) fn name(&self) -> &'w str {
        match self.of {
            Of::Service(service) => &service.name,
            Of::Job(job) => job.family(),
        }
    }

    pub(crate) const fn launch(&self) -> &'w Launch {
        match self.of {
            Of::Service(service) => &service.launch,
            Of::Job(job) => &job.launch,
        }
    }

    const fn load(&self) -> Load {
        match self.of {
            Of::Service(service) => service.load,
            Of::Job(job) => job.load,
        }
    }

    /// The service's name, where it is one.
    pub(crate) fn service(&self) -> Option<&'w str> {
        matches!(self.of, Of::Service(_)).then(|| self.name())
    }

    fn seed(&self, place: &Place<'_>) -> u64 {
        hash(place.seed, self.prefix)
    }

    /// Its tasks that exist, or are still remembered to have, at some time within `[from_ms, to_ms)`.
    pub(crate) fn tasks(
        &self,
        place: &Place<'w>,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Iterator<Item = Task<'w>> + use<'w> {
        let numbers: Box<dyn Iterator<Item = u32> + 'w> = match self.of {
            Of::Job(job) => {
                let since_ms = from_ms - job.runs.longest_ms() - 2 * MINUTE;
                Box::new(
                    job.runs
                        .created(self.seed(place), since_ms, to_ms)
                        .map(|span| span.no),
                )
            }
            Of::Service(service) => Box::new(service_numbers(service, from_ms, to_ms)),
        };
        let (workload, place) = (*self, place.clone());
        let tasks = numbers.filter_map(move |no| workload.task(&place, no));
        tasks.filter(move |task| {
            task.created_ms < to_ms && task.stopped_ms.is_none_or(|stopped| stopped >= from_ms)
        })
    }

    fn task(&self, place: &Place<'w>, no: u32) -> Option<Task<'w>> {
        match self.of {
            Of::Job(job) => self.job_task(place, job, no),
            Of::Service(service) => self.service_task(place, service, no),
        }
    }

    fn job_task(&self, place: &Place<'w>, job: &'w Job, no: u32) -> Option<Task<'w>> {
        let span = job.runs.get(self.seed(place), no)?;
        let definition = place.definition(&job.definition)?;
        let unborn = Task::created(*self, definition, no, span.created_ms);
        if (span.chance >> 8) % 53 == 7 {
            return Some(unborn.failed_to_start());
        }
        let out_of_memory = (span.chance >> 16) % 37 == 5;
        let is_interrupted = *self.launch() == Launch::Provider("FARGATE_SPOT".to_owned())
            && (span.chance >> 24) % 11 == 3;
        let stop_code = if is_interrupted {
            "SpotInterruption"
        } else {
            "EssentialContainerExited"
        };
        let started = unborn.started(span.chance);
        let end_ms = started.started_ms? + span.length_ms;
        Some(Task {
            stop_code,
            out_of_memory,
            ..started.stopped(end_ms, span.chance)
        })
    }

    fn service_task(&self, place: &Place<'w>, service: &'w Service, no: u32) -> Option<Task<'w>> {
        let (slot, number) = (no & ((1 << SLOT_BITS) - 1), (no & !BY_DAY) >> SLOT_BITS);
        let chance = hash(self.seed(place), u64::from(no));
        let lag_ms = i64::from(slot) * 10 * SECOND;
        let replaced = |no: usize| {
            service
                .revisions
                .get(no + 1)
                .map(|next| next.from_ms + MINUTE + lag_ms)
        };
        let (created_ms, end_ms, revision) = if no & BY_DAY == 0 {
            let revision = service
                .revisions
                .get(number as usize)
                .filter(|_| slot < service.base)?;
            (
                revision.from_ms + lag_ms,
                replaced(number as usize),
                revision,
            )
        } else {
            let midnight_ms = i64::from(number) * DAY;
            let created_ms = midnight_ms + 8 * HOUR + lag_ms + up_to(mix(chance), 30 * SECOND);
            let in_force = service
                .revisions
                .iter()
                .rposition(|revision| revision.from_ms <= created_ms);
            let in_force = in_force.filter(|_| (service.base..service.peak).contains(&slot))?;
            let evening_ms = midnight_ms + 20 * HOUR + lag_ms;
            let end_ms = replaced(in_force).map_or(evening_ms, |replaced| replaced.min(evening_ms));
            (created_ms, Some(end_ms), &service.revisions[in_force])
        };
        let definition = place.definition(&revision.definition)?;
        let started = Task::created(*self, definition, no, created_ms).started(chance);
        Some(match end_ms {
            Some(end_ms) => Task {
                stop_code: "ServiceSchedulerInitiated",
                ..started.stopped(end_ms, chance)
            },
            None => started,
        })
    }
}

/// The numbers of the tasks of a service that may exist within `[from_ms, to_ms)`.
fn service_numbers(service: &Service, from_ms: i64, to_ms: i64) -> impl Iterator<Item = u32> {
    let (base, peak) = (service.base, service.peak);
    let revisions = 0..u32::try_from(service.revisions.len()).expect("few revisions");
    let lasting =
        revisions.flat_map(move |revision| (0..base).map(move |slot| revision << SLOT_BITS | slot));
    let since_ms = service
        .revisions
        .first()
        .map_or(to_ms, |first| first.from_ms.max(from_ms - DAY));
    let days = since_ms.div_euclid(DAY)..to_ms.div_euclid(DAY) + 1;
    let by_day = days.filter_map(|day| u32::try_from(day).ok());
    lasting.chain(
        by_day.flat_map(move |day| (base..peak).map(move |slot| BY_DAY | day << SLOT_BITS | slot)),
    )
}

impl<'w> Task<'w> {
    fn created(
        workload: Workload<'w>,
        definition: &'w Definition,
        no: u32,
        created_ms: i64,
    ) -> Self {
        Self {
            workload,
            definition,
            key: workload.prefix | u64::from(no),
            created_ms,
            pull_started_ms: None,
            pull_stopped_ms: None,
            started_ms: None,
            execution_stopped_ms: None,
            stopping_ms: None,
            stopped_ms: None,
            stop_code: "",
            out_of_memory: false,
        }
    }

    fn failed_to_start(self) -> Self {
        let stopping_ms = Some(self.created_ms + 20 * SECOND);
        Self {
            stopping_ms,
            stopped_ms: Some(self.created_ms + 30 * SECOND),
            stop_code: "TaskFailedToStart",
            ..self
        }
    }

    fn started(self, chance: u64) -> Self {
        let pull_started_ms =
            self.created_ms + 5 * SECOND + up_to(hash(chance, 11) * (chance & 1), 8_000);
        let pull_stopped_ms =
            pull_started_ms + 2 * SECOND + up_to(hash(chance, 12) * (chance & 1), 20_000);
        let started_ms = pull_stopped_ms + SECOND + up_to(hash(chance, 13) * (chance & 1), 3_000);
        Self {
            pull_started_ms: Some(pull_started_ms),
            pull_stopped_ms: Some(pull_stopped_ms),
            started_ms: Some(started_ms),
            ..self
        }
    }

    fn stopped(self, end_ms: i64, chance: u64) -> Self {
        let stopping_ms = end_ms + SECOND;
        let stopped_ms = stopping_ms + 2 * SECOND + up_to(hash(chance, 14) * (chance & 1), 10_000);
        Self {
            execution_stopped_ms: Some(end_ms),
            stopping_ms: Some(stopping_ms),
            stopped_ms: Some(stopped_ms),
            ..self
        }
    }

    /// What AWS knows of it at `now_ms`; `None` before its creation.
    pub(crate) fn seen_at(self, now_ms: i64) -> Option<Self> {
        let past = |time: Option<i64>| time.filter(|time| *time <= now_ms);
        let stopping_ms = past(self.stopping_ms);
        (self.created_ms <= now_ms).then(|| Self {
            pull_started_ms: past(self.pull_started_ms),
            pull_stopped_ms: past(self.pull_stopped_ms),
            started_ms: past(self.started_ms),
            execution_stopped_ms: past(self.execution_stopped_ms),
            stopping_ms,
            stopped_ms: past(self.stopped_ms),
            stop_code: if stopping_ms.is_some() {
                self.stop_code
            } else {
                ""
            },
            out_of_memory: self.out_of_memory && stopping_ms.is_some(),
            ..self
        })
    }

    /// True while `DescribeTasks` tells of it.
    pub(crate) fn is_remembered(&self, now_ms: i64) -> bool {
        self.created_ms <= now_ms
            && self
                .stopped_ms
                .is_none_or(|stopped| now_ms - stopped <= REMEMBERED_MS)
    }

    /// The times at which its state changes, in order, each with the version and the state it leads to.
    pub(crate) fn changes(&self) -> impl Iterator<Item = (i64, i64, &'static str)> {
        let changes = [
            (Some(self.created_ms), "PROVISIONING"),
            (self.pull_started_ms, "PENDING"),
            (self.started_ms, "RUNNING"),
            (self.stopping_ms, "STOPPING"),
            (self.stopped_ms, "STOPPED"),
        ];
        let changes = changes
            .into_iter()
            .filter_map(|(at, state)| Some((at?, state)));
        changes
            .enumerate()
            .map(|(no, (at, state))| (at, no as i64 + 1, state))
    }

    /// Version and state, as told by [`Task::seen_at`].
    pub(crate) fn state(&self) -> (i64, &'static str) {
        let (_, version, state) = self.changes().last().expect("it was created");
        (version, state)
    }

    /// Whole minutes within `[from_ms, to_ms)` at which it was measured: while it ran.
    pub(crate) fn minutes(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = i64> + use<> {
        let from_ms = self.started_ms.unwrap_or(i64::MAX - MINUTE).max(from_ms);
        let to_ms = self.execution_stopped_ms.unwrap_or(to_ms).min(to_ms);
        (ceil_minute(from_ms)..to_ms).step_by(MINUTE as usize)
    }

    /// What it used in the minute from `at_ms` on, in 1/64 of the measure's unit.
    pub(crate) fn reading(&self, place: &Place<'_>, measure: Measure, at_ms: i64) -> i64 {
        let Load { cpu, memory } = self.workload.load();
        let size = (self.definition.cpu_units, self.definition.memory_mib);
        measure.reading(hash(place.seed, self.key), (cpu, memory), size, at_ms)
    }
}

/// The first whole minute at or after a time.
pub(crate) const fn ceil_minute(ms: i64) -> i64 {
    (ms + MINUTE - 1).div_euclid(MINUTE) * MINUTE
}

/// What is measured, and in what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Measure {
    CpuPercent,
    MemoryPercent,
    CpuUnits,
    MemoryMib,
    CpuVcpu,
    /// Bytes a second, as many for every task.
    Network,
}

impl Measure {
    /// In 1/64 of the unit, for `seed`'s task or build of the size (CPU units, MiB) under the load (CPU, memory).
    pub(crate) fn reading(
        self,
        seed: u64,
        (cpu, memory): (Percent, Percent),
        size: (u32, u32),
        at_ms: i64,
    ) -> i64 {
        let cpu = |salt| percent(hash(seed, salt), cpu, at_ms);
        let memory = |salt| percent(hash(seed, salt), memory, at_ms);
        match self {
            Self::CpuPercent => cpu(1),
            Self::CpuUnits => cpu(1) * i64::from(size.0) / 100,
            Self::CpuVcpu => cpu(1) * i64::from(size.0) / 102_400,
            Self::Network => 200 * PER_UNIT,
            Self::MemoryPercent => memory(2),
            // AWS tells whole MiB.
            Self::MemoryMib => memory(2) * i64::from(size.1) / (100 * PER_UNIT) * PER_UNIT,
        }
    }
}

fn percent(seed: u64, of: Percent, at_ms: i64) -> i64 {
    let from_noon = (at_ms.rem_euclid(DAY) - DAY / 2).abs();
    let day = i64::from(of.day) * PER_UNIT * (DAY / 2 - from_noon) / (DAY / 2);
    let noise = up_to(
        hash(seed, (at_ms / MINUTE).unsigned_abs()),
        i64::from(of.noise) * PER_UNIT + 1,
    );
    i64::from(of.floor) * PER_UNIT + day + noise
}

/// A reading as the number that AWS tells.
pub(crate) fn told(reading: i64) -> f64 {
    reading as f64 / PER_UNIT as f64
}
