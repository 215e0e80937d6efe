//! What to do about it: advice for each workload, fleets for those that share instances, totals, and comparisons.
//!
//! Every amount comes from the one cost model, so a saving is the difference of two going rates. The steps are taken
//! in order (right-size, then move), each on what the one before left: Σ savings ≤ going rate.

pub mod choose;
pub mod compare;
pub mod fleet;
pub mod totals;
