//! What is said of a workload's size, spelt as AWS Compute Optimizer spells it, and why.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Compute Optimizer's findings, and one of the tool's own: that there is not enough data for one.
///
/// Source: AWS Compute Optimizer API reference, `ECSServiceRecommendation.finding`, read 2026-11.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum Finding {
    /// Smaller than needed.
    Underprovisioned,
    /// Larger than needed.
    Overprovisioned,
    /// Right as it is.
    Optimized,
    /// Withheld.
    NotEnoughData,
}

impl Finding {
    /// As printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Underprovisioned => "Underprovisioned",
            Self::Overprovisioned => "Overprovisioned",
            Self::Optimized => "Optimized",
            Self::NotEnoughData => "NotEnoughData",
        }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Why a finding is what it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub enum ReasonCode {
    /// As Compute Optimizer.
    CPUOverprovisioned,
    /// As Compute Optimizer.
    CPUUnderprovisioned,
    /// As Compute Optimizer.
    MemoryOverprovisioned,
    /// As Compute Optimizer.
    MemoryUnderprovisioned,
    /// No utilisation samples at all.
    NoUtilizationData,
    /// Fewer days of samples than asked for.
    TooFewDays,
    /// Fewer samples than asked for.
    TooFewSamples,
    /// Not one whole week seen.
    NoFullWeek,
    /// Resized so recently that too little was seen at the present size.
    ResizedRecently,
    /// No source names its size.
    SizeUnknown,
    /// Several sizes run side by side, and nothing tells which samples are of which.
    SeveralSizes,
    /// Samples that the workload cannot have had.
    ImplausibleData,
    /// A container was killed at the memory limit of the task.
    OutOfMemory,
    /// A container was killed at a memory limit of its own.
    ContainerOutOfMemory,
    /// At the ceiling of its CPU for a good part of the time.
    CPUCeiling,
    /// Task count follows load: CPU is not reduced a second time.
    TaskCountVaries,
    /// Task count follows memory: memory is not reduced a second time.
    TaskCountFollowsMemory,
    /// Memory peaks rise day by day: not reduced.
    MemoryRising,
    /// Does nothing: no CPU, no memory that moves, no network.
    Idle,
    /// No price for what it runs on.
    NotPriced,
}

/// Why something is said, withheld, or not reduced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// For machines.
    pub code: ReasonCode,
    /// One sentence with the figures.
    pub text: String,
}

impl Reason {
    /// A reason with its sentence.
    pub fn new(code: ReasonCode, text: impl Into<String>) -> Self {
        Self {
            code,
            text: text.into(),
        }
    }
}
