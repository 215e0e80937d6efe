//! What one run needs: a range per resource, how sure it is, and what it comes to when the run is placed.

use crate::model::finding::Reason;
use crate::model::units::{Mib, TaskSize, Vcpu};

use super::assurance::Assurance;

/// A range with the value to size for; `lower ≤ target ≤ upper`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bounds {
    /// Less than this was exceeded often (CPU: half of the time), or at least once (memory).
    pub lower: f64,
    /// What to size for.
    pub target: f64,
    /// More than this is not explained by anything seen.
    pub upper: f64,
}

/// The safe need of one task or build.
#[derive(Debug, Clone, PartialEq)]
pub struct Requirement {
    /// vCPU: the median, the smallest size whose risk holds, and what half of that risk would ask for. With a headroom of the
    /// user's: the median, the policy's percentile with headroom, and the highest sample with headroom.
    ///
    /// A margin alone does not lift the target above the present size. A service that spends more than 1 %
    /// of its time at the ceiling of its size may need more than it shows: its target is above the size.
    /// A job there is not short of CPU; its target is the size, or what it used beyond it.
    pub cpu: Bounds,
    /// MiB: the highest sample (a kill counts as one of its limit), the smallest size whose risk holds, and what half of that
    /// risk would ask for. With a headroom of the user's: the sample with headroom, and with twice the headroom.
    ///
    /// A margin alone lifts the target above the present size by no more than other tools' 15 % over the highest sample.
    pub memory: Bounds,
    /// How sure the CPU target is.
    pub cpu_assurance: Assurance,
    /// How sure the memory target is.
    pub memory_assurance: Assurance,
    /// What puts a floor under a target: a resource that must grow, or must not shrink.
    pub holds: Vec<Reason>,
    /// What a reader should know before trusting the figures, one sentence each.
    pub notes: Vec<String>,
}

/// What one run needs, as far as placing it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Need {
    /// Processor.
    pub cpu: Vcpu,
    /// Memory.
    pub memory: Mib,
    /// It was measured: a machine must have it for the run. Else it is a size, which machines are called by.
    pub is_measured: bool,
}

impl Need {
    /// All of a size.
    pub fn of_size(size: TaskSize) -> Self {
        Self {
            is_measured: false,
            cpu: Vcpu::from_units(size.cpu_units),
            memory: Mib::new(f64::from(size.memory_mib)),
        }
    }

    /// The smallest whole CPU units and MiB that hold it.
    pub fn size(self) -> TaskSize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "float-to-int casts saturate; needs are not negative"
        )]
        let whole = |amount: f64| (amount - 1e-9).ceil().max(1.0) as u32;
        TaskSize::new(whole(self.cpu.get() * 1024.0), whole(self.memory.get()))
    }
}

impl Requirement {
    /// What to place.
    pub fn need(&self) -> Need {
        Need {
            cpu: Vcpu::new(self.cpu.target),
            memory: Mib::new(self.memory.target),
            is_measured: true,
        }
    }
}
