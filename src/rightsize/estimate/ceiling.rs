//! Time at the CPU ceiling: use cannot show more than is there.

use std::fmt;

use crate::demand::Usage;
use crate::demand::percentile::{Counted, TimeAbove};

/// A sample at or above this share of the size is at the ceiling.
const CEILING: f64 = 0.98;
/// More than this share of the time at the ceiling is not an exception.
const CEILING_TIME: f64 = 0.01;

/// Time spent at the CPU ceiling.
pub(super) struct Ceiling {
    time: TimeAbove,
    /// Share of the size above which that time was spent: as near to [`CEILING`] as the buckets allow.
    above: f64,
}

impl Ceiling {
    /// More than [`CEILING_TIME`] of the time at the ceiling of `size`, vCPU: how much more is wanted cannot be seen.
    pub(super) fn reached(usage: &Usage, size: f64) -> Option<Self> {
        let time = usage.reaches(CEILING * size, CEILING_TIME)?;
        Some(Self {
            time,
            above: time.above / size,
        })
    }
}

impl fmt::Display for Ceiling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let of = match self.time.counted {
            Counted::TaskTime => "of the time".to_owned(),
            Counted::Clock => "of the time by the clock".to_owned(),
            Counted::OfRuns(count, all) => format!("of the time of {count} of its {all} runs"),
        };
        let (share, above) = (self.time.share * 100.0, self.above * 100.0);
        write!(f, "{share:.1}% {of} above {above:.1}% of its CPU")
    }
}
