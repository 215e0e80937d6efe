//! The domain's own words: what is sized, in which units, what is found, and what can go wrong.

pub mod error;
pub mod finding;
pub mod hash;
pub mod span;
pub mod tags;
pub mod units;
pub mod workload;
