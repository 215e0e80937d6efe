//! What samples amount to per UTC day: the small table between a dataset and everything after it.
//!
//! Rows of three kinds, all sums of integers, maxima and minima, so that they are merged in any order: time per bucket
//! of value, running tasks per slot, and what each run used. In the metrics' own units: nothing in them depends on how
//! a workload was configured. A day may be cut into pieces, where the size in force changed.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dataset::schema::Metric;
use crate::dataset::summary::DaySummary;
use crate::model::units::MS_PER_DAY;
use crate::model::workload::{Kind, WorkloadKey};

/// The UTC day of an instant, days since the epoch.
pub fn day_of(at_ms: i64) -> i32 {
    i32::try_from(at_ms.div_euclid(MS_PER_DAY)).unwrap_or(i32::MAX)
}

/// The samples of one metric of one workload from one kind of source, within an account and region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Series {
    /// Kind of workload.
    pub kind: Kind,
    /// ECS cluster; empty for builds.
    pub cluster: String,
    /// Name of the workload.
    pub name: String,
    /// What was measured.
    pub metric: Metric,
    /// Where it was read.
    pub source: String,
}

impl Series {
    /// Whose samples they are.
    pub fn workload(&self, account: &str, region: &str) -> WorkloadKey {
        WorkloadKey {
            account: account.to_owned(),
            region: region.to_owned(),
            kind: self.kind,
            cluster: self.cluster.clone(),
            name: self.name.clone(),
        }
    }

    /// True where the number of samples is the number of running tasks.
    pub fn counts_tasks(&self, is_of_run: bool) -> bool {
        self.kind == Kind::Service
            && !is_of_run
            && matches!(
                self.metric,
                Metric::CpuPercent | Metric::CpuUnits | Metric::CpuVcpu
            )
    }
}

/// What some samples add up to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cell {
    /// Task-milliseconds.
    pub weight_ms: i64,
    /// Σ value × task-milliseconds of the periods' averages.
    pub sum_ms: i64,
    /// Number of samples.
    pub samples: i64,
    /// The highest value.
    pub max: f64,
    /// The longest period, seconds.
    pub period_s: i32,
    /// Beginning of the first sample.
    pub first_ms: i64,
    /// Beginning of the last sample.
    pub last_ms: i64,
}

impl Cell {
    /// Of no samples.
    pub const EMPTY: Self = Self {
        weight_ms: 0,
        sum_ms: 0,
        samples: 0,
        max: f64::NEG_INFINITY,
        period_s: 0,
        first_ms: i64::MAX,
        last_ms: i64::MIN,
    };

    /// Adds what others add up to. A sum beyond what 64 bits hold stays at the end of them.
    #[inline]
    pub fn merge(&mut self, other: &Self) {
        self.weight_ms = self.weight_ms.saturating_add(other.weight_ms);
        self.sum_ms = self.sum_ms.saturating_add(other.sum_ms);
        self.samples += other.samples;
        self.max = self.max.max(other.max);
        self.period_s = self.period_s.max(other.period_s);
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

/// Time in one bucket of value.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketRow {
    /// Index into [`DayRows::series`].
    pub series: u32,
    /// The day's first instant, or where a piece of it begins.
    pub from_ms: i64,
    /// How many edges are below the value.
    pub bucket: u16,
    /// What its samples add up to.
    pub cell: Cell,
}

impl BucketRow {
    /// The UTC day it lies in, days since the epoch.
    pub fn day(&self) -> i32 {
        day_of(self.from_ms)
    }
}

/// Running tasks in one slot, as samples of one period count them, or in each of several slots that are alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotRow {
    /// Index into [`DayRows::series`].
    pub series: u32,
    /// The day's first instant, or where a piece of it begins.
    pub from_ms: i64,
    /// Slots since the epoch.
    pub slot: i64,
    /// So many slots, from that one on, are alike.
    pub slots: i64,
    /// Period of the samples, seconds.
    pub period_s: i32,
    /// Task-milliseconds.
    pub weight_ms: i64,
    /// Most tasks at once.
    pub peak: i64,
    /// Number of samples.
    pub samples: i64,
}

impl SlotRow {
    /// The slot behind it.
    pub fn behind(&self) -> i64 {
        self.slot.saturating_add(self.slots)
    }

    /// Each of its slots in a row of its own.
    pub fn single(self) -> impl Iterator<Item = Self> {
        (self.slot..self.behind()).map(move |slot| Self {
            slot,
            slots: 1,
            ..self
        })
    }

    /// Takes the slots of the next row, where these follow and are alike; false where not.
    pub fn join(&mut self, next: &Self) -> bool {
        let follows = Self {
            slot: self.behind(),
            slots: next.slots,
            ..*self
        };
        let is_alike = follows == *next;
        if is_alike {
            self.slots += next.slots;
        }
        is_alike
    }
}

/// What one run used on one day.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunRow {
    /// Index into [`DayRows::series`].
    pub series: u32,
    /// Index into [`DayRows::runs`].
    pub run: u32,
    /// Days since the epoch.
    pub day: i32,
    /// What its samples add up to.
    pub cell: Cell,
}

/// Samples of one day, counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DayCount {
    /// Rows read.
    pub rows: i64,
    /// Rows that said what another said, or what finer ones say of the same time.
    pub duplicates: i64,
    /// Rows that contradicted another and lost.
    pub conflicts: i64,
    /// Beginning of the first sample.
    pub first_ms: i64,
    /// Beginning of the last sample.
    pub last_ms: i64,
}

impl DayCount {
    /// Of no samples.
    pub const EMPTY: Self = Self {
        rows: 0,
        duplicates: 0,
        conflicts: 0,
        first_ms: i64::MAX,
        last_ms: i64::MIN,
    };

    /// Counts one that was left out.
    pub fn leave_out(&mut self, contradicts: bool) {
        *(if contradicts {
            &mut self.conflicts
        } else {
            &mut self.duplicates
        }) += 1;
    }

    /// As a part tells of a day.
    pub fn summary(&self, day: i32) -> DaySummary {
        DaySummary {
            day,
            rows: self.rows,
            duplicates: self.duplicates,
            conflicts: self.conflicts,
            first_ms: self.first_ms,
            last_ms: self.last_ms,
        }
    }

    /// Adds what others count.
    pub fn merge(&mut self, other: &Self) {
        self.rows += other.rows;
        self.duplicates += other.duplicates;
        self.conflicts += other.conflicts;
        self.first_ms = self.first_ms.min(other.first_ms);
        self.last_ms = self.last_ms.max(other.last_ms);
    }
}

impl From<DaySummary> for DayCount {
    fn from(summary: DaySummary) -> Self {
        Self {
            rows: summary.rows,
            duplicates: summary.duplicates,
            conflicts: summary.conflicts,
            first_ms: summary.first_ms,
            last_ms: summary.last_ms,
        }
    }
}

/// The rows of some days of one account and region.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DayRows {
    /// What the rows are about.
    pub series: Vec<Series>,
    /// Task ids and build ids.
    pub runs: Vec<Arc<str>>,
    /// Time per bucket.
    pub buckets: Vec<BucketRow>,
    /// Running tasks per slot.
    pub slots: Vec<SlotRow>,
    /// What each run used.
    pub run_days: Vec<RunRow>,
    /// Samples read, by day.
    pub counts: BTreeMap<i32, DayCount>,
}

impl DayRows {
    /// Number of rows.
    pub fn len(&self) -> usize {
        self.buckets.len() + self.slots.len() + self.run_days.len()
    }

    /// True where there are no rows.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Counts the samples of all buckets, where each was kept.
    pub fn count_buckets(&mut self) {
        for of_day in self.buckets.chunk_by(|a, b| a.from_ms == b.from_ms) {
            let count = self.counts.entry(of_day[0].day());
            let count = count.or_insert(DayCount::EMPTY);
            for BucketRow { cell, .. } in of_day {
                count.rows += cell.samples;
                count.first_ms = count.first_ms.min(cell.first_ms);
                count.last_ms = count.last_ms.max(cell.last_ms);
            }
        }
    }

    /// Puts series, runs and rows in order and adds up rows of the same key: equal rows then are equal values.
    pub fn normalize(&mut self) {
        let (order, rank) = order(&self.series);
        self.series = order
            .iter()
            .filter_map(|&i| self.series.get(i).cloned())
            .collect();
        let (run_order, run_rank) = self::order(&self.runs);
        self.runs = run_order
            .iter()
            .filter_map(|&i| self.runs.get(i).cloned())
            .collect();
        let ranked = |of: &[u32], i: u32| of.get(i as usize).copied().unwrap_or(i);
        for row in &mut self.buckets {
            row.series = ranked(&rank, row.series);
        }
        for row in &mut self.slots {
            row.series = ranked(&rank, row.series);
        }
        for row in &mut self.run_days {
            row.series = ranked(&rank, row.series);
            row.run = ranked(&run_rank, row.run);
        }
        merge_by(
            &mut self.buckets,
            |row| (row.series, row.from_ms, row.bucket),
            |row, other| row.cell.merge(&other.cell),
        );
        merge_slots(&mut self.slots);
        merge_by(
            &mut self.run_days,
            |row| (row.series, row.run, row.day),
            |row, other| row.cell.merge(&other.cell),
        );
    }

    /// The rows of the days that `is_wanted` names.
    #[must_use]
    pub fn of_days(&self, is_wanted: impl Fn(i32) -> bool) -> Self {
        let mut some = self.clone();
        some.buckets.retain(|row| is_wanted(row.day()));
        some.slots.retain(|row| is_wanted(day_of(row.from_ms)));
        some.run_days.retain(|row| is_wanted(row.day));
        some.counts.retain(|day, _| is_wanted(*day));
        some
    }

    /// Leaves out the days of series, by their number, that `is_left` names.
    pub fn leave_out(&mut self, is_left: impl Fn(u32, i32) -> bool) {
        self.buckets.retain(|row| !is_left(row.series, row.day()));
        self.slots
            .retain(|row| !is_left(row.series, day_of(row.from_ms)));
        self.run_days.retain(|row| !is_left(row.series, row.day));
    }

    /// Adds the rows of `other`, of the same account and region.
    pub fn append(&mut self, other: Self) {
        let series = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let runs = u32::try_from(self.runs.len()).unwrap_or(u32::MAX);
        self.series.extend(other.series);
        self.runs.extend(other.runs);
        let buckets = other.buckets.into_iter().map(|mut row| {
            row.series += series;
            row
        });
        self.buckets.extend(buckets);
        let slots = other.slots.into_iter().map(|mut row| {
            row.series += series;
            row
        });
        self.slots.extend(slots);
        let run_days = other.run_days.into_iter().map(|mut row| {
            row.series += series;
            row.run += runs;
            row
        });
        self.run_days.extend(run_days);
        for (day, count) in other.counts {
            self.counts
                .entry(day)
                .or_insert(DayCount::EMPTY)
                .merge(&count);
        }
    }

    /// The rows of whole days: pieces of a day are added up.
    #[must_use]
    pub fn whole_days(mut self) -> Self {
        let midnight = |at_ms: i64| at_ms.div_euclid(MS_PER_DAY) * MS_PER_DAY;
        for row in &mut self.buckets {
            row.from_ms = midnight(row.from_ms);
        }
        for row in &mut self.slots {
            row.from_ms = midnight(row.from_ms);
        }
        self.normalize();
        self
    }

    /// True where a sum left the range of 64 bits.
    pub fn overflows(&self) -> bool {
        let cells = self.buckets.iter().map(|row| &row.cell);
        let cells = cells.chain(self.run_days.iter().map(|row| &row.cell));
        let mut weights = self.slots.iter().map(|row| row.weight_ms);
        weights.any(|weight_ms| weight_ms == i64::MAX)
            || cells
                .into_iter()
                .any(|cell| cell.weight_ms == i64::MAX || cell.sum_ms == i64::MAX)
    }
}

/// The order of distinct values, and the place of each in it; equal ones share theirs.
fn order<T: Ord>(values: &[T]) -> (Vec<usize>, Vec<u32>) {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].cmp(&values[b]));
    let mut rank = vec![0; values.len()];
    let mut firsts: Vec<usize> = Vec::with_capacity(order.len());
    for i in order {
        if firsts
            .last()
            .is_none_or(|&last| values[last].cmp(&values[i]) != Ordering::Equal)
        {
            firsts.push(i);
        }
        rank[i] = u32::try_from(firsts.len() - 1).unwrap_or(u32::MAX);
    }
    (firsts, rank)
}

/// Puts slots in order, adds up those of the same time, and joins those that are alike.
fn merge_slots(rows: &mut Vec<SlotRow>) {
    let key = |row: &SlotRow| (row.series, row.from_ms, row.slot, row.period_s);
    if !rows.is_sorted_by_key(key) {
        rows.sort_by_key(key);
    }
    let overlap = |pair: &[SlotRow]| {
        let [row, next] = [pair[0], pair[1]];
        (row.series, row.from_ms) == (next.series, next.from_ms)
            && row.behind() > next.slot
            && (row.slots > 1 || next.slots > 1)
    };
    if rows.windows(2).any(overlap) {
        *rows = rows.drain(..).flat_map(SlotRow::single).collect();
    }
    merge_by(rows, key, |row, other| {
        row.weight_ms = row.weight_ms.saturating_add(other.weight_ms);
        row.peak = row.peak.max(other.peak);
        row.samples += other.samples;
    });
    rows.dedup_by(|next, row| row.join(next));
}

/// Sorts by key and adds up neighbours of the same one.
fn merge_by<R, K: Ord>(rows: &mut Vec<R>, key: impl Fn(&R) -> K, mut add: impl FnMut(&mut R, &R)) {
    if !rows.is_sorted_by_key(&key) {
        // What was appended is mostly in order: such stretches are merged.
        rows.sort_by_key(&key);
    }
    rows.dedup_by(|next, row| {
        let is_same = key(next) == key(row);
        if is_same {
            add(row, next);
        }
        is_same
    });
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_row() -> impl Strategy<Value = SlotRow> {
        (0u32..2, 0i64..20, 1i64..6, 0i64..3, 0i64..2).prop_map(
            |(series, slot, slots, minutes, peak)| SlotRow {
                series,
                from_ms: 0,
                slot,
                slots,
                period_s: if minutes == 2 { 300 } else { 60 },
                weight_ms: 60_000 * peak,
                peak,
                samples: 1,
            },
        )
    }

    /// Slot by slot, as one would add them up by hand.
    fn slowly(rows: &[SlotRow]) -> Vec<SlotRow> {
        let mut sums: BTreeMap<(u32, i64, i32), SlotRow> = BTreeMap::new();
        for row in rows.iter().copied().flat_map(SlotRow::single) {
            sums.entry((row.series, row.slot, row.period_s))
                .and_modify(|sum| {
                    sum.weight_ms += row.weight_ms;
                    sum.peak = sum.peak.max(row.peak);
                    sum.samples += row.samples;
                })
                .or_insert(row);
        }
        sums.into_values().collect()
    }

    proptest! {
        #[test]
        fn slots_that_are_alike_add_up_as_single_ones_do(
            rows in prop::collection::vec(any_row(), 0..12),
        ) {
            let mut merged = rows.clone();
            merge_slots(&mut merged);
            let single: Vec<SlotRow> = merged.iter().copied().flat_map(SlotRow::single).collect();
            prop_assert_eq!(single, slowly(&rows));
            // In whatever way they were told.
            let rows = rows.into_iter().rev();
            let mut again: Vec<SlotRow> = rows.flat_map(SlotRow::single).collect();
            merge_slots(&mut again);
            prop_assert_eq!(merged, again);
        }
    }
}
