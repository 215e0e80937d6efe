//! The verbs: their arguments, their runs, and what all of them share.

mod backtest;
mod collect;
mod compact;
pub mod compare;
mod config;
mod demand;
mod demo;
mod doctor;
mod explain;
mod file;
mod import;
mod output;
mod pack;
mod policy;
mod prices;
mod report;
mod schema;

use std::io::{self, IsTerminal, Write};

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use tracing_subscriber::fmt::format::{FmtSpan, Writer};
use tracing_subscriber::fmt::time::FormatTime;

use crate::dataset::Dataset;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::tags::{TagKeys, USUAL_KEYS};
use crate::report::Style;

/// How small each container workload on AWS may safely be, where it is cheapest, and how sure that is
#[derive(Debug, Parser)]
#[command(
    name = "plimsoll",
    version,
    about,
    max_term_width = 100,
    arg_required_else_help = true,
    propagate_version = true
)]
#[command(
    after_help = "Exit codes: 0 done, 1 failure, 2 usage, 3 done but incomplete, 5 input invalid, 6 nothing to analyse, \
                        7 authentication, 10 cannot write, 11 over the API budget, 130 interrupted, 143 terminated. \
                        Try `plimsoll demo` first: it needs no data and no credentials."
)]
pub struct Cli {
    #[command(subcommand)]
    verb: Verb,
    /// Say more on stderr; repeat for more
    #[arg(short, long, action = ArgAction::Count, global = true)]
    verbose: u8,
    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Colour the output
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        env = "PLIMSOLL_COLOR"
    )]
    color: When,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Report on an embedded sample: no data, no credentials, no network
    Demo(demo::DemoArgs),
    /// Read AWS through its APIs into a dataset
    Collect(collect::CollectArgs),
    /// Read AWS's own files into a dataset
    Import(import::ImportArgs),
    /// Say what containers cost, at which size they are safe, and where they are cheapest
    Report(report::ReportArgs),
    /// Replay past weeks: how often would the sizes have been exceeded, and what would they have saved?
    Backtest(backtest::BacktestArgs),
    /// Rewrite the many small parts of a dataset into few
    Compact(compact::CompactArgs),
    /// Write what samples amount to per day, or print the statement that makes the same in another engine
    Demand(demand::DemandArgs),
    /// Say of one workload where every figure comes from
    Explain(explain::ExplainArgs),
    /// Compare the platforms for a job, without any data
    Compare(compare::CompareArgs),
    /// Pack what ran onto EC2 instances: which ones over time, what they cost, who belongs on them
    Pack(pack::PackArgs),
    /// Show the price book, or make one from AWS's own price list
    #[command(subcommand)]
    Prices(prices::PricesVerb),
    /// Say what these credentials can reach, and how much of the past is left to collect
    Doctor(doctor::DoctorArgs),
    /// Print the permissions that `collect` needs, as IAM policy
    Policy(policy::PolicyArgs),
    /// Print the JSON schema of a report, of a comparison or of fleet plans
    Schema(schema::SchemaArgs),
}

impl Cli {
    /// The arguments of this process, with `plimsoll.toml` behind them; does not return where they make no sense.
    pub fn of_process() -> Result<Self> {
        let matches = config::with_defaults(Self::command())?.get_matches();
        Ok(Self::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()))
    }
}

/// A dataset that is there.
#[derive(Debug, Args)]
struct DatasetArgs {
    /// Where the dataset is: a folder or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR|S3", env = "PLIMSOLL_DATASET")]
    dataset: String,
}

impl DatasetArgs {
    fn open(&self) -> Result<Dataset> {
        Dataset::open(&self.dataset)
    }
}

/// A dataset, or the embedded sample in its place.
#[derive(Debug, Args)]
struct SourceArgs {
    /// Where the dataset is: a folder or `s3://BUCKET/PREFIX`
    #[arg(
        long,
        value_name = "DIR|S3",
        env = "PLIMSOLL_DATASET",
        required_unless_present = "demo"
    )]
    dataset: Option<String>,
    /// Take the embedded sample instead
    #[arg(long)]
    demo: bool,
}

impl SourceArgs {
    /// Where the dataset is; `None` for the sample.
    fn dataset(&self) -> Option<&str> {
        self.dataset.as_deref().filter(|_| !self.demo)
    }
}

/// Which tags enter a dataset.
#[derive(Debug, Args)]
struct TagArgs {
    /// Keys of the tags to keep, in any case; `*` keeps every tag, whatever it may hold
    #[arg(long, value_name = "KEYS", default_value = USUAL_KEYS, env = "PLIMSOLL_TAGS")]
    tags: TagKeys,
}

/// The present, which only the verbs know.
#[derive(Debug, Args)]
struct ClockArgs {
    /// The present, for tests
    #[arg(long, hide = true, env = "PLIMSOLL_NOW", hide_env = true)]
    now: Option<jiff::Timestamp>,
}

impl ClockArgs {
    /// Epoch milliseconds.
    fn now_ms(&self) -> i64 {
        self.now
            .unwrap_or_else(jiff::Timestamp::now)
            .as_millisecond()
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// What a verb may know of the terminal.
#[derive(Debug, Clone, Copy)]
pub struct Console {
    /// How to show tables on stdout.
    pub style: Style,
    /// Whether stderr is a terminal that wants progress bars.
    pub progress: bool,
    /// Whether stderr is to stay silent.
    pub quiet: bool,
}

impl Console {
    fn of(cli: &Cli) -> Self {
        let stdout = io::stdout().is_terminal();
        let width = stdout
            .then(terminal_size::terminal_size)
            .flatten()
            .map(|(width, _)| width.0);
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let color = match cli.color {
            When::Auto => stdout && !no_color,
            When::Always => true,
            When::Never => false,
        };
        Self {
            style: Style { width, color },
            progress: !cli.quiet && io::stderr().is_terminal(),
            quiet: cli.quiet,
        }
    }
}

/// Runs the verb and returns the exit code.
pub fn run(cli: &Cli) -> Result<u8> {
    log_to_stderr(cli);
    survive_file_limits();
    let console = Console::of(cli);
    let mut out = io::BufWriter::new(io::stdout().lock());
    let code = match &cli.verb {
        Verb::Demo(args) => demo::run(args, console, &mut out),
        Verb::Collect(args) => collect::run(args, console, &mut out),
        Verb::Doctor(args) => doctor::run(args, &mut out),
        Verb::Policy(args) => policy::run(args, &mut out).map(|()| 0),
        Verb::Import(args) => import::run(args, console, &mut out),
        Verb::Report(args) => report::run(args, console, &mut out),
        Verb::Backtest(args) => backtest::run(args, &mut out),
        Verb::Compact(args) => compact::run(args, &mut out).map(|()| 0),
        Verb::Demand(args) => demand::run(args, &mut out).map(|()| 0),
        Verb::Explain(args) => explain::run(args, console, &mut out).map(|()| 0),
        Verb::Compare(args) => compare::run(args, &mut out).map(|()| 0),
        Verb::Pack(args) => pack::run(args, console, &mut out).map(|()| 0),
        Verb::Schema(args) => schema::run(args, &mut out).map(|()| 0),
        Verb::Prices(verb) => prices::run(verb, console, &mut out),
    };
    code.and_then(|code| out.flush().map(|()| code).map_err(cannot_print))
        .or_else(|error| {
            if is_closed_pipe(&error) {
                Ok(0)
            } else {
                Err(error)
            }
        })
}

/// A file that would grow beyond what the user may write (`ulimit -f`) is an error like a full disk, not the end.
#[cfg(unix)]
fn survive_file_limits() {
    use tokio::signal::unix::{SignalKind, signal};
    /// On Linux and macOS.
    const SIGXFSZ: i32 = 25;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build();
    if let Ok(runtime) = runtime {
        // Once taken, a signal stays taken for the life of the process.
        let _entered = runtime.enter();
        let _ = signal(SignalKind::from_raw(SIGXFSZ));
    }
}

#[cfg(not(unix))]
fn survive_file_limits() {}

/// Only plimsoll's own words: libraries below may print what they were given.
fn log_to_stderr(cli: &Cli) {
    let level = match (cli.quiet, cli.verbose) {
        (true, _) => "plimsoll=error",
        (_, 0) => "plimsoll=warn",
        (_, 1) => "plimsoll=info",
        (_, 2) => "plimsoll=debug",
        _ => "plimsoll=trace",
    };
    let filter = tracing_subscriber::EnvFilter::new(level);
    // From -vv on, every stage tells its seconds when it ends, and its rows.
    let spans = if cli.verbose > 1 && !cli.quiet {
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

/// The error of a result that cannot be printed.
pub(crate) fn cannot_print(cause: io::Error) -> Error {
    Error::new(ErrorKind::Write, "cannot write to standard output").cause(cause)
}

/// A reader that has seen enough (`| head`) is no failure.
fn is_closed_pipe(error: &Error) -> bool {
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
    use crate::report::escape::terminal;
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
