//! The terminal: what may be shown on it, and what is said on stderr.

use std::io::{self, IsTerminal};

use clap::ValueEnum;
use tracing_subscriber::fmt::format::{FmtSpan, Writer};
use tracing_subscriber::fmt::time::FormatTime;

use crate::report::Style;

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What a verb may know of the terminal.
#[derive(Debug, Clone, Copy)]
pub(super) struct Console {
    /// How to show tables on stdout.
    pub style: Style,
    /// Whether stderr is a terminal that wants progress bars.
    pub progress: bool,
    /// Whether stderr is to stay silent.
    pub quiet: bool,
}

impl Console {
    pub(super) fn of(quiet: bool, color: When) -> Self {
        let stdout = io::stdout().is_terminal();
        let width = stdout
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| width.0);
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match color {
            When::Auto => stdout && !no_color,
            When::Always => true,
            When::Never => false,
        };
        Self {
            style: Style { width, color },
            progress: !quiet && io::stderr().is_terminal(),
            quiet,
        }
    }
}

/// Only plimsoll's own words: libraries below may print what they were given.
pub(super) fn log_to_stderr(quiet: bool, verbose: u8) {
    let level = match (quiet, verbose) {
        (true, _) => "plimsoll=error",
        (_, 0) => "plimsoll=warn",
        (_, 1) => "plimsoll=info",
        (_, 2) => "plimsoll=debug",
        _ => "plimsoll=trace",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    // From -vv on, every stage tells its seconds when it ends, and its rows.
    let spans = if verbose > 1 && !quiet {
        FmtSpan::CLOSE
    } else {
        FmtSpan::NONE
    };
    // A second subscriber in one process is a matter of tests; the first one stays.
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false)
        .with_ansi(io::stderr().is_terminal())
        .with_timer(NoTime)
        .with_span_events(spans)
        .try_init();
}

/// No time of day in front of a line; the subscriber still measures how long a stage takes.
struct NoTime;

impl FormatTime for NoTime {
    fn format_time(&self, _: &mut Writer<'_>) -> std::fmt::Result {
        Ok(())
    }
}
