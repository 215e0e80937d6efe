//! The verbs: their arguments, their runs, and what all of them share.

mod args;
mod backtest;
mod collect;
mod compact;
pub mod compare;
mod config;
mod console;
mod demand;
mod demo;
mod doctor;
mod explain;
mod failure;
mod file;
mod import;
mod output;
mod pack;
mod parse;
mod policy;
mod prices;
mod report;
mod schema;

pub use failure::explain;

use std::io::{self, Write};

use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::model::error::Result;
use console::{Console, When};
use failure::{cannot_print, is_closed_pipe};

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

/// Runs the verb and returns the exit code.
pub fn run(cli: &Cli) -> Result<u8> {
    console::log_to_stderr(cli.quiet, cli.verbose);
    survive_file_limits();
    let console = Console::of(cli.quiet, cli.color);
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
