//! Rows per day → what each workload used in a window: a sum of days, with the sizes in force put in.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use super::configurations::History;
use super::days::{BucketRow, DayRows, RunRow, Series, SlotRow, day_of};
use super::histogram::Bucket;
use super::slots::{Slot, Slots};
use super::usage::{DayUsage, Resource, RunDay, Usage, factor};
use crate::dataset::schema::Metric;
use crate::model::units::{MS_PER_DAY, SLOT_MS, TaskSize, Window};
use crate::model::workload::{Kind, WorkloadKey};

/// What the samples of a window add up to.
#[derive(Debug, Default)]
pub struct Totals {
    /// Per workload.
    pub workloads: BTreeMap<WorkloadKey, WorkloadTotals>,
    /// Rows read.
    pub rows: i64,
    /// Rows that said what another said, or what finer ones say of the same time.
    pub duplicates: i64,
    /// Rows that contradicted another and lost: to the higher maximum, or to the source that states its period.
    pub conflicts: i64,
}

/// What the samples of one workload add up to.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct WorkloadTotals {
    /// Use of each resource.
    pub usage: BTreeMap<Resource, Usage>,
    /// CPU of builds as a share of their machines, whose sizes are a matter of the price book.
    pub cpu_share: Option<Usage>,
    /// The most bytes a second that came in or went out; `None` where that was not measured.
    pub network_peak: Option<f64>,
    /// Running tasks by metric and size in force, in order of time.
    pub running: BTreeMap<(&'static str, Option<TaskSize>), Slots>,
    /// Samples in percent of a size that no source tells.
    pub without_size: i64,
    /// Kinds of source.
    pub sources: BTreeSet<String>,
}

/// One percent of a whole.
const OF_PERCENT: f64 = 0.01;

/// Times at which a size is in force: from, to, and the size where it is known.
type Stretches = Vec<(i64, i64, Option<TaskSize>)>;

/// Adds up rows of days.
#[derive(Debug)]
pub struct Sum<'a> {
    histories: &'a BTreeMap<WorkloadKey, History>,
    window: Window,
    workloads: Vec<Open>,
    numbers: HashMap<WorkloadKey, usize>,
    totals: Totals,
}

/// A workload whose rows are still being added.
#[derive(Debug, Default)]
struct Open {
    is_build: bool,
    sizes: Stretches,
    days: BTreeMap<Resource, Vec<DayUsage>>,
    runs: BTreeMap<Resource, Vec<RunDay>>,
    shares: (Vec<DayUsage>, Vec<RunDay>),
    network_peak: Option<f64>,
    running: BTreeMap<(&'static str, Option<TaskSize>), Slots>,
    without_size: i64,
    sources: BTreeSet<String>,
}

/// Days on which the size of a workload changed, and when.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Cuts(BTreeMap<WorkloadKey, BTreeMap<i32, Vec<i64>>>);

impl Cuts {
    /// Of services in `window`: what others measure is not in shares of a size.
    pub fn new(histories: &BTreeMap<WorkloadKey, History>, window: Window) -> Self {
        let mut cuts = BTreeMap::new();
        let services = histories
            .iter()
            .filter(|(key, _)| key.kind == Kind::Service);
        for (key, history) in services {
            let mut days: BTreeMap<i32, Vec<i64>> = BTreeMap::new();
            for (from_ms, _, _) in in_force(Some(history), window) {
                if from_ms > window.from_ms && from_ms.rem_euclid(MS_PER_DAY) != 0 {
                    days.entry(day_of(from_ms)).or_default().push(from_ms);
                }
            }
            if !days.is_empty() {
                cuts.insert(key.clone(), days);
            }
        }
        Self(cuts)
    }

    /// Leaves out the cut days of workloads.
    pub fn leave_out(&self, rows: &mut DayRows, (account, region): (&str, &str)) {
        if self.0.is_empty() {
            return;
        }
        let days: Vec<_> = rows
            .series
            .iter()
            .map(|series| self.of(&series.workload(account, region)))
            .collect();
        rows.leave_out(|series, day| {
            let days = days.get(series as usize).copied().flatten();
            days.is_some_and(|days| days.contains_key(&day))
        });
    }

    /// True where the day is cut of any workload of an account and region.
    pub fn is_any(&self, account: &str, region: &str, day: i32) -> bool {
        self.0.iter().any(|(key, days)| {
            key.account == account && key.region == region && days.contains_key(&day)
        })
    }

    /// The days of a workload that are cut, and when.
    pub fn of(&self, workload: &WorkloadKey) -> Option<&BTreeMap<i32, Vec<i64>>> {
        self.0.get(workload)
    }
}

/// The size in force over the whole window, unknown before the first configuration.
fn in_force(history: Option<&History>, window: Window) -> Stretches {
    let mut stretches = Vec::new();
    let mut since = (i64::MIN, None);
    for (from_ms, configuration) in history.into_iter().flatten() {
        if configuration.size() != since.1 || since.0 == i64::MIN {
            stretches.push((since.0, *from_ms, since.1));
            since = (*from_ms, configuration.size());
        }
    }
    stretches.push((since.0, i64::MAX, since.1));
    stretches.retain(|(from, to, _)| from < to && *from < window.to_ms && *to > window.from_ms);
    stretches
}

impl<'a> Sum<'a> {
    /// A sum of what lies in `window`, with the sizes that were in force then.
    pub fn new(histories: &'a BTreeMap<WorkloadKey, History>, window: Window) -> Self {
        Self {
            histories,
            window,
            workloads: Vec::new(),
            numbers: HashMap::new(),
            totals: Totals::default(),
        }
    }

    /// Adds `rows` of one account and region.
    pub fn add(&mut self, rows: &DayRows, (account, region): (&str, &str)) {
        for count in rows.counts.values() {
            self.totals.rows += count.rows;
            self.totals.duplicates += count.duplicates;
            self.totals.conflicts += count.conflicts;
        }
        let number = |series: &Series| self.number(&series.workload(account, region));
        let numbers: Vec<usize> = rows.series.iter().map(number).collect();
        for of_day in rows
            .buckets
            .chunk_by(|a, b| (a.series, a.from_ms) == (b.series, b.from_ms))
        {
            let series = of_day[0].series as usize;
            let open = &mut self.workloads[numbers[series]];
            open.sources.insert(rows.series[series].source.clone());
            open.add_day(rows.series[series].metric, of_day);
        }
        for of_day in rows
            .slots
            .chunk_by(|a, b| (a.series, a.from_ms) == (b.series, b.from_ms))
        {
            let series = of_day[0].series as usize;
            self.workloads[numbers[series]].add_running(rows.series[series].metric, of_day);
        }
        for row in &rows.run_days {
            let metric = rows.series[row.series as usize].metric;
            let open = &mut self.workloads[numbers[row.series as usize]];
            open.add_run(metric, rows.runs[row.run as usize].clone(), row);
        }
    }

    fn number(&mut self, key: &WorkloadKey) -> usize {
        if let Some(&known) = self.numbers.get(key) {
            return known;
        }
        self.workloads.push(Open {
            is_build: key.kind == Kind::Build,
            sizes: in_force(self.histories.get(key), self.window),
            ..Open::default()
        });
        let number = self.workloads.len() - 1;
        self.numbers.insert(key.clone(), number);
        number
    }

    /// The sums.
    pub fn finish(self) -> Totals {
        let Self {
            mut workloads,
            numbers,
            mut totals,
            ..
        } = self;
        for (key, number) in numbers {
            let open = std::mem::take(&mut workloads[number]);
            if !open.sources.is_empty() || !open.running.is_empty() {
                totals.workloads.insert(key, open.finish());
            }
        }
        totals
    }
}

impl Open {
    fn size_at(&self, at_ms: i64) -> Option<TaskSize> {
        let is_then = |(from, to, _): &&(i64, i64, Option<TaskSize>)| *from <= at_ms && at_ms < *to;
        // Before the window's own stretches, the first of them holds.
        let stretch = self.sizes.iter().find(is_then).or(self.sizes.first());
        stretch.and_then(|(_, _, size)| *size)
    }

    fn add_day(&mut self, metric: Metric, rows: &[BucketRow]) {
        let Some(resource) = Resource::of(metric) else {
            let highest = rows.iter().map(|row| row.cell.max).fold(0.0, f64::max);
            self.network_peak = Some(self.network_peak.map_or(highest, |peak| peak.max(highest)));
            return;
        };
        let is_share = self.is_share(metric);
        let size = self.size_at(rows[0].from_ms).filter(|_| !is_share);
        let samples = rows.iter().map(|row| row.cell.samples).sum();
        let factor = if is_share {
            OF_PERCENT
        } else if let Some(factor) = factor(metric, size) {
            factor
        } else {
            self.without_size += samples;
            return;
        };
        let cells = || rows.iter().map(|row| &row.cell);
        let bucket = |row: &BucketRow| Bucket {
            bucket: row.bucket,
            weight_ms: row.cell.weight_ms,
            samples: row.cell.samples,
            period_s: row.cell.period_s,
            max: row.cell.max,
        };
        let days = if is_share {
            &mut self.shares.0
        } else {
            self.days.entry(resource).or_default()
        };
        days.push(DayUsage {
            day: rows[0].day(),
            metric,
            size,
            factor,
            buckets: rows.iter().map(bucket).collect(),
            sum_ms: cells().map(|cell| cell.sum_ms).sum(),
            samples,
            period_s: cells()
                .map(|cell| i64::from(cell.period_s))
                .max()
                .unwrap_or(0),
            first_ms: cells().map(|cell| cell.first_ms).min().unwrap_or(i64::MAX),
            last_ms: cells().map(|cell| cell.last_ms).max().unwrap_or(i64::MIN),
        });
    }

    /// CPU in percent of the machine of a build.
    fn is_share(&self, metric: Metric) -> bool {
        self.is_build && metric == Metric::CpuPercent
    }

    fn add_run(&mut self, metric: Metric, run: Arc<str>, row: &RunRow) {
        let is_share = self.is_share(metric);
        // What else single runs measure is not in shares of a size.
        let factor = if is_share {
            Some(OF_PERCENT)
        } else {
            factor(metric, None)
        };
        let Some((factor, resource)) = factor.zip(Resource::of(metric)) else {
            return;
        };
        let runs = if is_share {
            &mut self.shares.1
        } else {
            self.runs.entry(resource).or_default()
        };
        runs.push(RunDay {
            run,
            day: row.day,
            max: row.cell.max * factor,
            weight_ms: row.cell.weight_ms,
            used_ms: in_thousandths(row.cell.sum_ms, factor),
            samples: row.cell.samples,
        });
    }

    fn add_running(&mut self, metric: Metric, rows: &[SlotRow]) {
        let size = self.size_at(rows[0].from_ms);
        let slots = self.running.entry((metric.as_str(), size)).or_default();
        for row in rows {
            // A period longer than a slot is spread evenly over the slots it covers.
            let spread = (i64::from(row.period_s) * 1000 / SLOT_MS).max(1);
            let peak = u32::try_from(row.peak).unwrap_or_default();
            if spread == 1 {
                let first = Slot {
                    slot: row.slot,
                    task_ms: row.weight_ms,
                    peak,
                };
                slots.push_alike(first, u32::try_from(row.slots).unwrap_or_default());
                continue;
            }
            for (slot, part) in
                (row.slot..row.behind()).flat_map(|slot| (0..spread).map(move |part| (slot, part)))
            {
                slots.push(Slot {
                    slot: slot + part,
                    task_ms: share(row.weight_ms, part + 1, spread)
                        - share(row.weight_ms, part, spread),
                    peak,
                });
            }
        }
    }

    fn finish(self) -> WorkloadTotals {
        let Self {
            mut days,
            mut runs,
            running,
            shares,
            network_peak,
            without_size,
            sources,
            ..
        } = self;
        let running = running.into_iter();
        let running = running.map(|(of, slots)| (of, slots.in_order())).collect();
        let mut usage = BTreeMap::new();
        for resource in [Resource::Cpu, Resource::Memory] {
            if let Some(days) = days.remove(&resource) {
                let runs = runs.remove(&resource).unwrap_or_default();
                usage.insert(resource, Usage::of(days, runs));
            }
        }
        WorkloadTotals {
            usage,
            cpu_share: (!shares.0.is_empty()).then(|| Usage::of(shares.0, shares.1)),
            network_peak,
            running,
            without_size,
            sources,
        }
    }
}

/// Time × value in a metric's own unit as time × thousandths of a vCPU or a MiB: whole numbers add up in any order.
fn in_thousandths(sum_ms: i64, factor: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let thousandths = (sum_ms as f64 * factor * 1000.0).round() as i64;
    thousandths
}

/// `part ÷ whole` of some time.
fn share(time_ms: i64, part: i64, whole: i64) -> i64 {
    let share = i128::from(time_ms) * i128::from(part) / i128::from(whole);
    i64::try_from(share).unwrap_or(time_ms)
}
