//! Demand in, safe requirement out, or a finding withheld with every reason.
//!
//! [`requirement`] first asks whether enough was seen (`evidence`), then how much one run needs
//! (`estimate`). CPU and memory are judged differently: too little CPU slows a run, too little memory
//! kills it. [`sizes`] turns a need into the cheapest size that holds it; [`assess`] compares that size
//! with the present one. Prices come in as a function; nothing here knows one.

mod assess;
pub mod assurance;
pub mod backtest;
pub mod baselines;
pub mod calibration;
mod estimate;
mod evidence;
#[cfg(test)]
mod fixtures;
mod headroom;
pub mod history;
pub mod margin;
mod need;
mod policy;
mod resolution;
pub mod risk;
pub mod run_time;
pub mod sizes;
#[cfg(test)]
mod tests;
pub mod trend;
pub mod vpa;
mod wording;

pub use assess::assess;
pub use need::{Bounds, Need, Requirement};
pub use policy::SizingPolicy;

use crate::demand::Demand;
use crate::model::finding::Reason;
use crate::model::units::Window;
use calibration::Calibrations;

/// What one task or build of this workload safely needs.
///
/// `window` is the span that `demand` was reduced from, `fleet` what the weeks of all workloads say about margins.
///
/// # Errors
/// Withheld: every check of the evidence that failed, each with its figures.
pub fn requirement(
    demand: &Demand,
    policy: &SizingPolicy,
    fleet: &Calibrations,
    window: Window,
) -> Result<Requirement, Vec<Reason>> {
    let seen = evidence::sufficient(demand, policy, window)?;
    estimate::estimate(demand, &seen, policy, fleet)
}
