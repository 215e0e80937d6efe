//! Samples added up: the one loop over what is big.

use super::days::{BucketRow, Cell, DayCount, DayRows, RunRow, SlotRow, day_of};
use super::histogram::{BUCKETS, bucket};
use super::stretches::{Names, Stretch, Wanted};
use super::values::Rows;
use crate::model::units::SLOT_MS;

/// Half up, as every engine computes it; what a dataset holds is never below zero.
#[inline]
fn rounded(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, which is found")]
    let whole = (value + 0.5) as i64;
    whole
}

/// The next whole number, of one above zero.
#[inline]
fn ceiling(value: f64) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "saturates")]
    let below = value as i64;
    below + i64::from((below as f64) < value)
}

/// Task-milliseconds of a sample, and in the same way value × task-milliseconds.
#[inline]
fn in_ms(count: f64, sample_s: i32) -> i64 {
    rounded(count * f64::from(sample_s) * 1000.0)
}

/// What a number of samples stands for. Most samples have the number of the one before.
#[derive(Default)]
struct Weight {
    count: f64,
    period_s: i32,
    sample_s: i32,
    /// Task-milliseconds.
    ms: i64,
    /// Tasks that ran at once, at least.
    tasks: i64,
}

impl Weight {
    #[inline]
    fn of(count: f64, period_s: i32, sample_s: i32) -> Self {
        let ms = in_ms(count, sample_s);
        Self {
            count,
            period_s,
            sample_s,
            ms,
            tasks: ceiling(ms as f64 / (f64::from(period_s) * 1000.0)),
        }
    }

    #[inline]
    fn is_of(&self, count: f64, period_s: i32, sample_s: i32) -> bool {
        self.count.to_bits() == count.to_bits()
            && (self.period_s, self.sample_s) == (period_s, sample_s)
    }
}

/// Adds samples up, one series and day after the other.
pub(super) struct Reducer {
    pub(super) rows: DayRows,
    /// The cells of the present series and day.
    cells: Vec<Cell>,
    /// Which of them are not empty.
    touched: Vec<u16>,
    present: Option<Present>,
    slot: Option<SlotRow>,
}

/// What is being added up.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Present {
    series: u32,
    run: u32,
    /// Where the day, or the piece of it, begins.
    from_ms: i64,
}

impl Reducer {
    pub(super) fn new() -> Self {
        Self {
            rows: DayRows::default(),
            cells: vec![Cell::EMPTY; BUCKETS],
            touched: Vec::new(),
            present: None,
            slot: None,
        }
    }

    pub(super) fn count(&mut self, at_ms: i64) -> &mut DayCount {
        let count = self
            .rows
            .counts
            .entry(day_of(at_ms))
            .or_insert(DayCount::EMPTY);
        count.first_ms = count.first_ms.min(at_ms);
        count.last_ms = count.last_ms.max(at_ms);
        count
    }

    /// Every sample was kept: what was read is what was added.
    pub(super) fn count_kept(&mut self) {
        self.flush();
        self.rows.count_buckets();
    }

    /// Adds the wanted ones of a stretch, those beside each other in one piece of a day at once.
    pub(super) fn add(
        &mut self,
        names: &Names<'_>,
        rows: &Rows<'_>,
        stretch: &Stretch,
        wanted: &Wanted<'_>,
    ) {
        let counts_tasks = names.series[stretch.series as usize].counts_tasks(stretch.run > 0);
        let mut begin = stretch.rows.start;
        while begin < stretch.rows.end {
            let first_ms = rows.at_ms[begin];
            let (piece, is_cut) = names.piece(stretch.series, first_ms);
            let window = wanted.window.from_ms..wanted.window.to_ms;
            let is_wanted = window.contains(&first_ms) && (is_cut || !wanted.only_cut);
            let rest = &rows.at_ms[begin..stretch.rows.end];
            let is_like_first = |at_ms: &&i64| {
                piece.contains(at_ms) && window.contains(at_ms) == window.contains(&first_ms)
            };
            let of_piece = begin..begin + rest.iter().take_while(is_like_first).count();
            begin = of_piece.end;
            if !is_wanted {
                continue;
            }
            let present = Present {
                series: stretch.series,
                run: stretch.run,
                from_ms: piece.start,
            };
            if self.present != Some(present) {
                self.flush();
                self.present = Some(present);
            }
            self.add_piece(&present, &rows.of(of_piece), counts_tasks);
        }
    }

    /// Adds samples of what is present.
    fn add_piece(&mut self, present: &Present, rows: &Rows<'_>, counts_tasks: bool) {
        if let Some(seconds) = rows.seconds() {
            self.add_rows(present, rows, counts_tasks, |_| seconds);
        } else {
            self.add_rows(present, rows, counts_tasks, |row| rows.seconds_of(row));
        }
    }

    /// Adds samples, whose period and length in seconds `seconds` tells, to their buckets; and to their slots, where
    /// their number is that of running tasks.
    #[inline]
    fn add_rows(
        &mut self,
        present: &Present,
        rows: &Rows<'_>,
        counts_tasks: bool,
        seconds: impl Fn(usize) -> (i32, i32),
    ) {
        let mut weight = Weight::default();
        let values = rows
            .at_ms
            .iter()
            .zip(rows.max)
            .zip(rows.sum.iter().zip(rows.count));
        for (row, ((&at_ms, &max), (&sum, &count))) in values.enumerate() {
            let (period_s, sample_s) = seconds(row);
            if !weight.is_of(count, period_s, sample_s) {
                weight = Weight::of(count, period_s, sample_s);
            }
            let at = bucket(max);
            let cell = &mut self.cells[usize::from(at)];
            if cell.samples == 0 {
                self.touched.push(at);
            }
            cell.merge(&Cell {
                weight_ms: weight.ms,
                sum_ms: in_ms(sum, sample_s),
                samples: 1,
                max,
                period_s,
                first_ms: at_ms,
                last_ms: at_ms,
            });
            if counts_tasks {
                self.add_running(present, at_ms, &weight);
            }
        }
    }

    /// Adds a sample, whose number is that of running tasks, to its slot.
    #[inline]
    fn add_running(&mut self, present: &Present, at_ms: i64, weight: &Weight) {
        if let Some(slot) = &mut self.slot
            && slot.period_s == weight.period_s
            && (slot.slot * SLOT_MS..(slot.slot + 1) * SLOT_MS).contains(&at_ms)
        {
            slot.weight_ms = slot.weight_ms.saturating_add(weight.ms);
            slot.peak = slot.peak.max(weight.tasks);
            slot.samples += 1;
            return;
        }
        let before = self.slot.replace(SlotRow {
            series: present.series,
            from_ms: present.from_ms,
            slot: at_ms.div_euclid(SLOT_MS),
            slots: 1,
            period_s: weight.period_s,
            weight_ms: weight.ms,
            peak: weight.tasks,
            samples: 1,
        });
        take_slot(&mut self.rows.slots, before);
    }

    /// Hands over the cells of the present series and day.
    fn flush(&mut self) {
        take_slot(&mut self.rows.slots, self.slot.take());
        let Some(present) = self.present.take() else {
            return;
        };
        let mut whole = Cell::EMPTY;
        self.touched.sort_unstable();
        for at in self.touched.drain(..) {
            let cell = std::mem::replace(&mut self.cells[usize::from(at)], Cell::EMPTY);
            whole.merge(&cell);
            self.rows.buckets.push(BucketRow {
                series: present.series,
                from_ms: present.from_ms,
                bucket: at,
                cell,
            });
        }
        if let Some(run) = present.run.checked_sub(1) {
            self.rows.run_days.push(RunRow {
                series: present.series,
                run,
                day: day_of(present.from_ms),
                cell: whole,
            });
        }
    }

    pub(super) fn finish(mut self, names: Names<'_>) -> DayRows {
        self.flush();
        self.rows.series = names.series;
        self.rows.runs = names.runs;
        self.rows.normalize();
        self.rows
    }
}

/// Adds a slot to those before it.
fn take_slot(slots: &mut Vec<SlotRow>, row: Option<SlotRow>) {
    let Some(row) = row else { return };
    if !slots.last_mut().is_some_and(|last| last.join(&row)) {
        slots.push(row);
    }
}
