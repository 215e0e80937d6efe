//! One resource, sized: a range, how sure it is, and what puts a floor under its target.

use crate::model::finding::{Reason, ReasonCode};

use crate::rightsize::assurance::Assurance;
use crate::rightsize::need::Bounds;

/// What one run needs of one resource.
pub(super) struct Sizing {
    pub(super) bounds: Bounds,
    pub(super) assurance: Assurance,
    /// Why the target is not lower.
    pub(super) holds: Vec<Reason>,
    /// What a reader should know of this resource, one sentence each.
    pub(super) notes: Vec<String>,
}

/// The least that a target may be, and why.
pub(super) struct Floor {
    /// vCPU or MiB.
    pub(super) amount: f64,
    pub(super) reason: Reason,
}

impl Floor {
    pub(super) fn new(amount: f64, code: ReasonCode, text: String) -> Self {
        Self {
            amount,
            reason: Reason::new(code, text),
        }
    }
}

impl Bounds {
    /// These bounds, with the target on or above every floor.
    #[must_use]
    pub(super) fn above(self, floors: &[Floor]) -> Self {
        let target = floors
            .iter()
            .fold(self.target, |target, floor| target.max(floor.amount));
        Self {
            target,
            upper: self.upper.max(target),
            ..self
        }
    }
}
