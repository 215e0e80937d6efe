//! AWS's records of tasks, services, definitions, builds and container metrics → rows of the dataset.
//!
//! The same rules hold whether a record came from a file or from an API. Only the fields of `dataset::schema` are
//! ever kept: environment variables, commands and messages do not get this far.

pub(crate) mod builds;
pub(crate) mod container_insights;
pub(crate) mod fields;
pub(crate) mod sdk;
pub(crate) mod services;
pub(crate) mod tasks;

/// Why a record did not become rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// Well-formed, but nothing plimsoll uses.
    Unused(&'static str),
    /// Not to be trusted.
    Rejected(&'static str),
}
