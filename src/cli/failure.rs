//! What went wrong, as the user reads it.

use std::io;

use crate::model::error::{Error, ErrorKind};
use crate::report::escape::terminal;

/// The error of a result that cannot be printed.
pub(super) fn cannot_print(cause: io::Error) -> Error {
    Error::new(ErrorKind::Write, "cannot write to standard output").cause(cause)
}

/// A reader that has seen enough (`| head`) is no failure.
pub(super) fn is_closed_pipe(error: &Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause
            .downcast_ref::<io::Error>()
            .is_some_and(|cause| cause.kind() == io::ErrorKind::BrokenPipe)
        {
            return true;
        }
        source = cause.source();
    }
    false
}

/// An error as the user reads it: what, why, what next. Nothing in it can move a cursor.
pub fn explain(error: &Error) -> String {
    let mut lines = vec![format!("error: {}", terminal(&error.to_string()))];
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        lines.push(format!("  caused by: {}", terminal(&cause.to_string())));
        source = cause.source();
    }
    lines.extend(
        error
            .next_step()
            .map(|hint| format!("  hint: {}", terminal(hint))),
    );
    lines.join("\n") + "\n"
}
