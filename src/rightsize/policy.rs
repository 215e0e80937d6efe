//! What the user decides: how much evidence is asked for, and how often a size may be exceeded.

use super::margin::Resource;
use super::risk::Risk;

/// How much evidence is asked for, and how often a size may be exceeded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SizingPolicy {
    /// Share of workload-weeks that may go beyond a size.
    pub risk: Risk,
    /// Percentile (0–100) of the CPU maxima (by task time, by the clock, by run: the highest) that a headroom of the user's is added to. 99: what Crane sizes for.
    pub cpu_percentile: f64,
    /// Added to that percentile instead of a margin that is calibrated, percent.
    pub cpu_headroom_percent: Option<f64>,
    /// Added to the memory peak instead of a margin that is calibrated, percent.
    pub memory_headroom_percent: Option<f64>,
    /// Days with samples, per resource. 7: every day of the week once.
    pub min_days: i64,
    /// Samples, per resource. 100: as KRR asks.
    pub min_samples: i64,
    /// Added to a size that was seen to be too small (a memory kill, a service at its CPU ceiling), percent.
    /// 20: the bump of Vertical Pod Autoscaler and Crane after a kill.
    pub oom_factor_percent: f64,
    /// Added to a memory limit that killed, at the least, MiB. 100: as above.
    pub oom_extra_mib: f64,
}

impl Default for SizingPolicy {
    fn default() -> Self {
        Self {
            risk: Risk::default(),
            cpu_percentile: 99.0,
            cpu_headroom_percent: None,
            memory_headroom_percent: None,
            min_days: 7,
            min_samples: 100,
            oom_factor_percent: 20.0,
            oom_extra_mib: 100.0,
        }
    }
}

impl SizingPolicy {
    /// What is added to a resource instead of a margin that is calibrated, percent.
    pub(super) fn headroom_percent(&self, resource: Resource) -> Option<f64> {
        match resource {
            Resource::Cpu => self.cpu_headroom_percent,
            Resource::Memory => self.memory_headroom_percent,
        }
    }
}
