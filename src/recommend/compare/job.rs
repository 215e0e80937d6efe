//! A job to place: what one run needs, how long and how often it runs.

use schemars::JsonSchema;
use serde::Serialize;

use crate::model::units::{MS_PER_DAY, TaskSize};
use crate::model::workload::{Architecture, Os};

/// A job to place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Job {
    /// AWS region.
    pub region: String,
    /// Operating system.
    pub os: Os,
    /// Architectures to look at.
    pub architectures: Vec<Architecture>,
    /// What one run needs.
    pub need: TaskSize,
    /// Storage of one run, GiB; `None` where what comes with a placement will do.
    pub ephemeral_gib: Option<u32>,
    /// How long and how often it runs.
    #[serde(flatten)]
    pub load: Load,
    /// Whether CodeBuild's free minutes are still there for it.
    pub free_tier: bool,
}

/// How long and how often a job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Load {
    /// Metered span of one run, milliseconds: image pull to stop on Fargate, PROVISIONING to end on CodeBuild.
    pub duration_ms: i64,
    /// Runs per day.
    pub runs_per_day: u32,
    /// Days that the cost is for.
    pub days: u32,
}

impl Load {
    /// Runs in the whole period.
    pub fn runs(self) -> u64 {
        u64::from(self.runs_per_day) * u64::from(self.days)
    }

    /// The period in milliseconds.
    pub fn period_ms(self) -> i64 {
        i64::from(self.days) * MS_PER_DAY
    }

    /// Runs that overlap on average, rounded up; at least one.
    pub(super) fn overlap(self) -> i128 {
        let busy_ms = i128::from(self.runs_per_day) * i128::from(self.duration_ms.max(0));
        ceil_div(busy_ms, MS_PER_DAY.into()).max(1)
    }
}

pub(super) fn ceil_div(number: i128, by: i128) -> i128 {
    number / by + i128::from(number % by > 0)
}
