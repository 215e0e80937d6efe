//! The domain's own words: what is sized, in which units, and what can go wrong.

pub mod error;
pub mod units;
pub mod workload;
