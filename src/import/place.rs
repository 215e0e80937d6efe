//! Where records stand in a file, and why what stands there may be none.

use std::fmt;

use crate::model::error::Result;

/// Rejection reason of text that is not JSON.
pub(super) const NOT_JSON: &str = "not valid JSON";
/// Rejection reason of bytes that are no text.
pub(super) const NOT_UTF8: &str = "not UTF-8 text";
/// Rejection reason of a line that is not held in memory.
pub(super) const LONG_LINE: &str = "line longer than 16 MiB";
/// Rejection reason of a record that is not held in memory.
pub(super) const TOO_LONG: &str = "record longer than AWS writes any";
/// Rejection reason of a record from the future: its clock was wrong, and it would stretch the time that was seen.
pub(super) const TOO_LATE: &str = "dated later than now";

/// Where in a file a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Line number, from 1.
    Line(u64),
    /// Record number in a document, from 1.
    Record(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Record(record) => write!(f, "record {record}"),
        }
    }
}

/// A stretch of a file that is no record.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) reason: &'static str,
    pub(super) place: Place,
}

/// What reading a file hands over: the text of a JSON value and its place. Answers whether to go on.
pub(super) type Take<'a> = dyn FnMut(Result<(&str, Place), Unreadable>) -> Result<bool> + 'a;
