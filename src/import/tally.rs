//! Every record accounted for.

use std::collections::BTreeMap;

use super::place::{self, Place};

/// Rejection reason of a value whose shape is not known.
pub(super) const UNKNOWN: &str = "shape not recognised";

/// Every record of a file, accounted for: `read = accepted + unused + rejected`.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally {
    /// Records found.
    pub read: u64,
    /// Records that became rows.
    pub accepted: u64,
    /// Well-formed records that say nothing plimsoll uses, by reason.
    pub unused: BTreeMap<&'static str, u64>,
    /// Records that cannot be trusted, by reason, with the place of the first.
    pub rejected: BTreeMap<&'static str, (u64, String)>,
    /// Things asked for that AWS did not return (`failures`, `buildsNotFound`).
    pub missing: u64,
}

/// Rejection reasons of records that may be anything.
const UNRECOGNISED: [&str; 5] = [
    UNKNOWN,
    place::NOT_JSON,
    place::NOT_UTF8,
    place::LONG_LINE,
    place::TOO_LONG,
];

impl Tally {
    /// Rejected records in all.
    pub fn rejected_total(&self) -> u64 {
        self.rejected.values().map(|(count, _)| count).sum()
    }

    pub(super) fn accept(&mut self) {
        self.read += 1;
        self.accepted += 1;
    }

    pub(super) fn leave(&mut self, reason: &'static str) {
        self.read += 1;
        *self.unused.entry(reason).or_default() += 1;
    }

    pub(super) fn reject(&mut self, reason: &'static str, place: &Place) {
        self.read += 1;
        self.rejected
            .entry(reason)
            .or_insert_with(|| (0, place.to_string()))
            .0 += 1;
    }

    /// True when something was recognised, be it used or not.
    pub(super) fn recognised(&self) -> bool {
        self.accepted > 0
            || !self.unused.is_empty()
            || self
                .rejected
                .keys()
                .any(|reason| !UNRECOGNISED.contains(reason))
    }
}
