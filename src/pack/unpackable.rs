//! Why there is no fleet to name.

use std::fmt;

/// No fleet can be named, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpackable {
    /// The tenants in the way, by their place in the input; empty where it is not about single tenants.
    pub tenants: Vec<usize>,
    /// Why.
    pub reason: Reason,
}

/// Why no fleet can be named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No instance type on offer has a price and room for a task.
    NoInstanceType,
    /// These tenants fit no instance type on offer.
    TooLarge,
    /// No task ran inside the window.
    NothingRan,
    /// More tasks or instances than can be followed.
    TooMany,
    /// More ports of the instance than can be told apart.
    TooManyPorts,
    /// The fleet did not pass the check that follows every packing.
    CheckFailed,
}

impl fmt::Display for Unpackable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.reason {
            Reason::NoInstanceType => "no instance type with a price and room for a task",
            Reason::TooLarge => "larger than every instance type",
            Reason::NothingRan => "no task ran in the window",
            Reason::TooMany => "more tasks or instances than can be followed",
            Reason::TooManyPorts => "more host ports than can be told apart",
            Reason::CheckFailed => "the packing did not pass its check, so it is withheld",
        })
    }
}

impl std::error::Error for Unpackable {}

impl Unpackable {
    pub(super) const fn because(reason: Reason) -> Self {
        Self {
            tenants: Vec::new(),
            reason,
        }
    }
}
