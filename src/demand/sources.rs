//! What demand is put together from.

use super::configurations::Configurations;
use super::observed::Observed;
use super::runs::Run;
use crate::model::units::Window;

/// Everything that demand is put together from.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sources<'a> {
    /// Every run, those of one workload together.
    pub(super) runs: &'a [Run],
    /// Configurations over time.
    pub(super) configurations: &'a Configurations,
    /// What was looked at, and when.
    pub(super) observed: &'a Observed<'a>,
    /// What counts.
    pub(super) window: Window,
    /// The window was asked for; else it is what was observed.
    pub(super) is_asked: bool,
}
