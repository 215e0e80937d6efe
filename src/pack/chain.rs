//! An instance over time, as a planner sees it: what runs on it when, and what a further task would cost.

use super::floor::Offer;
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
    /// Of the cheapest type that holds the peak.
    pub(super) usd_per_hour: f64,
    pub(super) capacity: Amount,
}

impl Chain {
    pub(super) fn cost(&self) -> f64 {
        self.billed_ms as f64 * self.usd_per_hour
    }

    /// Makes it an instance of this type.
    pub(super) fn take(&mut self, offer: &Offer) {
        self.usd_per_hour = offer.usd_per_hour;
        self.capacity = offer.capacity;
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
        if let Some(at) = self.tasks.iter().position(|&other| other == index) {
            self.tasks.swap_remove(at);
        }
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
        if self.billed_ms == last.from_ms - first + boot_ms {
            // Paid for without a break.
            return longer;
        }
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

    /// The fullest moment with the task, `None` where that is more than `most`; and how many segments were looked at.
    pub(super) fn peak_with(
        &self,
        task: &Task,
        item: Amount,
        most: Amount,
    ) -> (Option<[u32; 4]>, u64) {
        let mut peak = Amount(self.peak);
        for (peak, own) in peak.0.iter_mut().zip(item.0) {
            *peak = (*peak).max(own);
        }
        let mut looked = 0;
        for segment in &self.segments[self.segment_at(task.start_ms)..] {
            if segment.from_ms >= task.end_ms || !most.holds(peak) {
                break;
            }
            looked += 1;
            let used = segment.used.into_iter().zip(item.0);
            for (peak, (used, own)) in peak.0.iter_mut().zip(used) {
                *peak = (*peak).max(used + own);
            }
        }
        (most.holds(peak).then_some(peak.0), looked)
    }

    /// Whether the task fits whatever else runs at the time.
    pub(super) fn has_room_always(&self, item: Amount) -> bool {
        let fits = |at: usize| self.peak[at] + item.0[at] <= self.capacity.0[at];
        (0..4).all(fits)
    }

    /// When the last span begins before which it is empty for longer than a boot.
    pub(super) fn last_gap_end(&self, boot_ms: i64) -> Option<i64> {
        let gaps = self.segments.windows(2).rev();
        let mut ends =
            gaps.filter(|pair| pair[0].tasks == 0 && pair[1].from_ms - pair[0].from_ms > boot_ms);
        ends.next().map(|pair| pair[1].from_ms)
    }
}

const EMPTY: Segment = Segment {
    from_ms: 0,
    used: [0; 4],
    tasks: 0,
};

#[cfg(test)]
mod tests {
    use super::*;

    const BOOT_MS: i64 = 9;

    /// Paid for from a boot before it is first used until it is last used, but for what is empty beyond a boot.
    fn billed_slowly(tasks: &[Task]) -> i64 {
        let is_used = |at: i64| {
            let mut around = tasks.iter();
            around.any(|task| task.start_ms <= at && at < task.end_ms)
        };
        let mut empty_ms = BOOT_MS;
        let mut billed_ms = 0;
        for at in 0..200 {
            if is_used(at) {
                billed_ms += 1 + empty_ms.min(BOOT_MS);
                empty_ms = 0;
            } else {
                empty_ms += 1;
            }
        }
        billed_ms
    }

    /// Per resource, the fullest millisecond.
    fn peak_slowly(tasks: &[Task], items: &[Amount]) -> [u32; 4] {
        let mut peak = [0; 4];
        for at in 0..200 {
            let mut running = tasks.iter();
            let mut used = [0; 4];
            while let Some(task) = running.find(|task| task.start_ms <= at && at < task.end_ms) {
                let item = items[task.tenant as usize];
                for (used, amount) in used.iter_mut().zip(item.0) {
                    *used += amount;
                }
            }
            for (peak, used) in peak.iter_mut().zip(used) {
                *peak = (*peak).max(used);
            }
        }
        peak
    }

    #[test]
    fn what_a_further_task_is_said_to_add_is_what_it_adds() {
        let items = [
            Amount([2, 1, 0, 0]),
            Amount([1, 4, 1, 0]),
            Amount([3, 3, 1, 1]),
        ];
        let most = Amount([6, 8, 3, 1]);
        let mut random = fastrand::Rng::with_seed(1);
        let (mut broken, mut too_full) = (0, 0);
        for _ in 0..500 {
            let mut task = || {
                let start_ms = random.i64(10..150);
                let end_ms = start_ms + random.i64(1..40);
                let tenant = random.u32(0..3);
                Task {
                    start_ms,
                    end_ms,
                    tenant,
                }
            };
            let mut tasks: Vec<Task> = (0..6).map(|_| task()).collect();
            let next = tasks[5];
            tasks.truncate(5);
            let mut chain = Chain::default();
            for (index, task) in (0..).zip(&tasks) {
                chain.add(index, task, items[task.tenant as usize]);
            }
            chain.settle(BOOT_MS);
            let before_ms = billed_slowly(&tasks);
            assert_eq!(chain.billed_ms, before_ms);
            broken += u32::from(chain.last_gap_end(BOOT_MS).is_some());
            let longer_ms = chain.longer_ms(next.start_ms, next.end_ms, BOOT_MS);
            let (peak, _) = chain.peak_with(&next, items[next.tenant as usize], most);
            tasks.push(next);
            assert_eq!(longer_ms, billed_slowly(&tasks) - before_ms);
            let slow = peak_slowly(&tasks, &items);
            assert_eq!(peak, most.holds(Amount(slow)).then_some(slow));
            too_full += u32::from(peak.is_none());
        }
        // Chains with and without breaks, and with and without room, were among them.
        assert!((50..450).contains(&broken), "{broken}");
        assert!((50..450).contains(&too_full), "{too_full}");
    }
}
