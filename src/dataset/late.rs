//! Rows that tell a later time than can be: their clock was wrong. They are set aside and counted.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use polars::prelude::{ChunkAgg, DataFrame, Int64Chunked, PolarsResult};

/// The columns that tell a time, whatever the table.
const TIMES: [&str; 10] = [
    "at_ms",
    "created_ms",
    "from_ms",
    "last_seen_ms",
    "provisioning_ms",
    "pull_started_ms",
    "pull_stopped_ms",
    "seen_ms",
    "started_ms",
    "stopped_ms",
];

/// Sets rows aside that tell a time after a limit.
#[derive(Debug)]
pub(super) struct Late {
    /// The latest time that a record can tell.
    pub(super) limit_ms: i64,
    rows: AtomicU64,
    latest_ms: AtomicI64,
}

impl Late {
    pub(super) const fn than(limit_ms: i64) -> Self {
        Self {
            limit_ms,
            rows: AtomicU64::new(0),
            latest_ms: AtomicI64::new(i64::MIN),
        }
    }

    /// How many rows were set aside so far, and the latest time that they tell.
    pub(super) fn set_aside(&self) -> Option<(u64, i64)> {
        let rows = self.rows.load(Ordering::Relaxed);
        (rows > 0).then(|| (rows, self.latest_ms.load(Ordering::Relaxed)))
    }

    /// The rows of `frame` that tell no time after now.
    pub(super) fn until_now(&self, frame: DataFrame) -> PolarsResult<DataFrame> {
        match self.late(&frame)? {
            Some(late) => frame.filter(&late.into_iter().map(|late| !late).collect()),
            None => Ok(frame),
        }
    }

    /// Which rows of `frame` tell a time after now, where any does; they are counted.
    pub(super) fn late(&self, frame: &DataFrame) -> PolarsResult<Option<Vec<bool>>> {
        let mut late: Vec<bool> = Vec::new();
        for name in TIMES {
            if frame.get_column_index(name).is_none() {
                continue;
            }
            let times = frame.column(name)?.i64()?;
            if !may_be_late(times, self.limit_ms) {
                continue;
            }
            let Some(latest_ms) = times.max().filter(|latest_ms| *latest_ms > self.limit_ms) else {
                continue;
            };
            self.latest_ms.fetch_max(latest_ms, Ordering::Relaxed);
            late.resize(frame.height(), false);
            for (late, at_ms) in late.iter_mut().zip(times.iter()) {
                *late |= at_ms > Some(self.limit_ms);
            }
        }
        let rows = late.iter().filter(|late| **late).count();
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
        Ok((!late.is_empty()).then_some(late))
    }
}

/// True where a time may be later than `limit_ms`.
fn may_be_late(times: &Int64Chunked, limit_ms: i64) -> bool {
    // No time is below zero: the sign of a difference says which is less, and many differences are formed at once.
    let is_late = |times: &[i64]| {
        times
            .iter()
            .fold(0, |signs, at_ms| signs | limit_ms.wrapping_sub(*at_ms))
            < 0
    };
    times.downcast_iter().any(|times| is_late(times.values()))
}
