//! AWS → dataset: what is missing is planned, fetched at half of AWS's pace, and committed scope-day by scope-day.
//!
//! Reads only, and only the operations of [`client::OPERATIONS`]. Every failure belongs to a scope: it is recorded
//! there with its reason, and the rest goes on.

mod call;
pub(crate) mod client;
mod codebuild;
mod commit;
mod ecs;
mod listing;
mod plan;
mod rates;
mod reckoning;
#[cfg(test)]
mod wire;

/// The last minutes are left for the next run: CloudWatch still changes them.
pub(crate) const SETTLING_MS: i64 = 15 * 60 * 1000;
/// Why today is partial.
pub(crate) const OPEN_DAY: &str = "the day is not over";
