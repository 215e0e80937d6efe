//! An instance over time, as a planner sees it: what runs on it when, and what a further task would cost.

use super::input::Amount;
use super::timeline::Task;

/// Use of an instance from a time on, until the next one begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Segment {
    pub(super) from_ms: i64,
    pub(super) used: [u32; 4],
    pub(super) tasks: u32,
}

/// An instance over time; whenever it is empty for longer than a boot takes, it is stopped and another one started.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    pub(super) tasks: Vec<u32>,
    /// In order of time; the last one is empty.
    pub(super) segments: Vec<Segment>,
    pub(super) peak: [u32; 4],
    /// Paid for, boots included.
    pub(super) billed_ms: i64,
    pub(super) usd_per_hour: f64,
}

impl Chain {
    pub(super) fn cost(&self) -> f64 {
        self.billed_ms as f64 * self.usd_per_hour
    }

    /// The first segment that reaches beyond `at_ms`.
    fn segment_at(&self, at_ms: i64) -> usize {
        self.segments
            .partition_point(|segment| segment.from_ms <= at_ms)
            .saturating_sub(1)
    }

    /// Makes a segment begin at `at_ms`: its place.
    fn split(&mut self, at_ms: i64) -> usize {
        let after = self
            .segments
            .partition_point(|segment| segment.from_ms <= at_ms);
        if after > 0 && self.segments[after - 1].from_ms == at_ms {
            return after - 1;
        }
        let before = if after > 0 {
            self.segments[after - 1]
        } else {
            EMPTY
        };
        self.segments.insert(
            after,
            Segment {
                from_ms: at_ms,
                ..before
            },
        );
        after
    }

    pub(super) fn add(&mut self, index: u32, task: &Task, item: Amount) {
        self.tasks.push(index);
        let from = self.split(task.start_ms);
        let to = self.split(task.end_ms);
        for segment in &mut self.segments[from..to] {
            segment.tasks += 1;
            for at in 0..4 {
                segment.used[at] += item.0[at];
                self.peak[at] = self.peak[at].max(segment.used[at]);
            }
        }
    }

    pub(super) fn remove(&mut self, index: u32, task: &Task, item: Amount) {
        self.tasks.retain(|&other| other != index);
        let from = self.split(task.start_ms);
        let to = self.split(task.end_ms);
        for segment in &mut self.segments[from..to] {
            segment.tasks -= 1;
            for (used, amount) in segment.used.iter_mut().zip(item.0) {
                *used -= amount;
            }
        }
    }

    /// Joins segments that have become alike, and computes peak and billed time afresh.
    pub(super) fn settle(&mut self, boot_ms: i64) {
        self.segments
            .dedup_by(|next, last| next.used == last.used && next.tasks == last.tasks);
        if self.segments.first().is_some_and(|first| first.tasks == 0) {
            self.segments.remove(0);
        }
        self.peak = [0; 4];
        self.billed_ms = 0;
        let mut empty_since = None;
        for (at, segment) in self.segments.iter().enumerate() {
            for (peak, used) in self.peak.iter_mut().zip(segment.used) {
                *peak = (*peak).max(used);
            }
            let until_ms = self
                .segments
                .get(at + 1)
                .map_or(segment.from_ms, |next| next.from_ms);
            if segment.tasks == 0 {
                empty_since = Some(segment.from_ms);
            } else {
                let gap_ms =
                    empty_since.map_or(boot_ms, |since| (segment.from_ms - since).min(boot_ms));
                if at == 0 || empty_since.is_some() {
                    self.billed_ms += gap_ms;
                }
                self.billed_ms += until_ms - segment.from_ms;
                empty_since = None;
            }
        }
    }

    /// How much longer it is paid for with a task from `from_ms` to `to_ms`.
    pub(super) fn longer_ms(&self, from_ms: i64, to_ms: i64, boot_ms: i64) -> i64 {
        let Some(last) = self.segments.last() else {
            return to_ms - from_ms + boot_ms;
        };
        let first = self.segments[0].from_ms;
        if from_ms >= last.from_ms {
            return to_ms - from_ms + (from_ms - last.from_ms).min(boot_ms);
        }
        if to_ms <= first {
            return to_ms - from_ms + (first - to_ms).min(boot_ms);
        }
        let mut longer = (first - from_ms).max(0) + (to_ms - last.from_ms).max(0);
        let start = self.segment_at(from_ms.max(first));
        for (at, segment) in self.segments.iter().enumerate().skip(start) {
            if segment.from_ms >= to_ms {
                break;
            }
            let Some(next) = self.segments.get(at + 1) else {
                break;
            };
            if segment.tasks > 0 {
                continue;
            }
            // A gap of which the task covers a part.
            let (begin, end) = (segment.from_ms, next.from_ms);
            let covered = end.min(to_ms) - begin.max(from_ms);
            let left = (from_ms - begin).max(0).min(boot_ms) + (end - to_ms).max(0).min(boot_ms);
            longer += covered + left - (end - begin).min(boot_ms);
        }
        longer
    }

    /// The fullest moment with the task, and how many segments were looked at.
    pub(super) fn peak_with(&self, task: &Task, item: Amount) -> ([u32; 4], u64) {
        let mut peak = self.peak;
        let mut local = item.0;
        let from = self
            .segments
            .partition_point(|segment| segment.from_ms <= task.start_ms)
            .saturating_sub(1);
        let mut looked = 0;
        for segment in &self.segments[from..] {
            if segment.from_ms >= task.end_ms {
                break;
            }
            looked += 1;
            let used = segment.used.into_iter().zip(item.0);
            for (local, (used, own)) in local.iter_mut().zip(used) {
                *local = (*local).max(used + own);
            }
        }
        for (peak, local) in peak.iter_mut().zip(local) {
            *peak = (*peak).max(local);
        }
        (peak, looked)
    }

    /// When the last span begins before which it is empty for longer than a boot.
    pub(super) fn last_gap_end(&self, boot_ms: i64) -> Option<i64> {
        let gaps = self.segments.windows(2).rev();
        let mut ends =
            gaps.filter(|pair| pair[0].tasks == 0 && pair[1].from_ms - pair[0].from_ms > boot_ms);
        ends.next().map(|pair| pair[1].from_ms)
    }

    /// Whether it is paid for at some time in this span.
    pub(super) fn is_alive(&self, from_ms: i64, to_ms: i64) -> bool {
        let ends = self.segments.first().zip(self.segments.last());
        ends.is_some_and(|(first, last)| first.from_ms < to_ms && from_ms < last.from_ms)
    }
}

const EMPTY: Segment = Segment {
    from_ms: 0,
    used: [0; 4],
    tasks: 0,
};
