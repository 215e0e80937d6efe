//! How much work a change is.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::place::Placement;
use crate::model::workload::{Configuration, PurchaseOption};

/// A step of a recommendation.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Same platform, another size.
    Rightsize,
    /// Another platform.
    Move,
}

impl Step {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Rightsize => "rightsize",
            Self::Move => "move",
        }
    }
}

/// How much work a change is, as Compute Optimizer grades the effort of a migration.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// One number in a task definition or a project.
    VeryLow,
    /// How capacity is bought.
    Low,
    /// Something must be built: an image for another architecture, what runs it on another platform.
    High,
}

impl Effort {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VeryLow => "very_low",
            Self::Low => "low",
            Self::High => "high",
        }
    }

    /// Of going from `today` to `placement`; `None` where nothing changes.
    pub fn of(today: &Configuration, placement: &Placement) -> Option<Self> {
        let same_platform = today.platform() == Some(placement.platform);
        let same_architecture = today.architecture_or_default() == placement.architecture;
        let same_option = placement.purchase_option == PurchaseOption::Mixed
            || placement.purchase_option == today.purchase_option();
        let same_size = placement.size.as_ref().map(|size| size.task) == today.size();
        match (same_platform && same_architecture, same_option, same_size) {
            (false, ..) => Some(Self::High),
            (true, false, _) => Some(Self::Low),
            (true, true, false) => Some(Self::VeryLow),
            (true, true, true) => None,
        }
    }
}
