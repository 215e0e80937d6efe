//! What is placed, and by which prices.

use crate::demand::Pace;
use crate::model::workload::{Configuration, WorkloadKey};
use crate::pricing::PriceBook;
use crate::rightsize::Need;
use crate::rightsize::run_time::RunTimes;

/// What an amount of placing rests on besides the workload.
#[derive(Debug, Clone, Copy)]
pub struct Prices<'a> {
    /// The price book.
    pub book: &'a PriceBook,
    /// Bill CodeBuild's queue time too: AWS's page and AWS's support contradict each other.
    pub bill_queue_time: bool,
}

/// A workload to place.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Whose it is.
    pub workload: &'a WorkloadKey,
    /// How it is configured today, the size of a compute type filled in.
    pub configuration: &'a Configuration,
    /// What one run needs.
    pub need: Need,
    /// What ran since it is configured so; `None` where that is not known.
    pub pace: Option<&'a Pace>,
    /// Its longest run, milliseconds.
    pub longest_ms: Option<i64>,
    /// How the time of its runs follows size; `None` of what runs all the time.
    pub run_times: Option<&'a RunTimes>,
}
