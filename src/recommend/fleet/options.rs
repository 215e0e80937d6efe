//! How fleets are to be made.

use crate::pack::{self, Rules};

/// What packing everyone may take in a report: a moment.
const PLAN_EFFORT: pack::Effort = pack::Effort::milliseconds(20);
/// What deciding who is on a fleet may take in a report.
const DECIDE_EFFORT: pack::Effort = pack::Effort::milliseconds(60);

/// The rules, and what it may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetOptions {
    /// The rules of a fleet; its network for tasks of which no definition tells the mode.
    pub rules: Rules,
    /// What deciding who is on a fleet may take.
    pub decide: pack::Effort,
    /// These efforts are for all fleets together, else for each.
    pub together: bool,
    /// Patterns of instance types that may be used (`m7g.*`); all current ones where empty.
    pub instance_types: Vec<String>,
}

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            rules: Rules {
                effort: PLAN_EFFORT,
                ..Rules::default()
            },
            decide: DECIDE_EFFORT,
            together: false,
            instance_types: Vec::new(),
        }
    }
}

impl FleetOptions {
    /// Everything within about this effort. Packing everyone takes as much again for what-if questions; whoever is
    /// then decided to be on a fleet is packed once more.
    #[must_use]
    pub fn within(self, effort: pack::Effort) -> Self {
        let part = |percent: u64| pack::Effort {
            steps: effort.steps / 100 * percent,
        };
        Self {
            rules: Rules {
                effort: part(15),
                ..self.rules
            },
            decide: part(30),
            together: true,
            ..self
        }
    }

    /// The same for one of so many fleets.
    pub(super) fn for_one_of(&self, fleets: usize) -> Self {
        let share = |effort: pack::Effort| pack::Effort {
            steps: if self.together {
                effort.steps / (fleets.max(1) as u64)
            } else {
                effort.steps
            },
        };
        Self {
            rules: Rules {
                effort: share(self.rules.effort),
                ..self.rules.clone()
            },
            decide: share(self.decide),
            ..self.clone()
        }
    }
}
