//! `pack`: the workloads of a dataset on EC2 instances.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum, value_parser};

use super::args::{ClockArgs, SourceArgs};
use super::console::Console;
use super::failure::cannot_print;
use super::parse;
use super::prices::BookArgs;
use super::report::{AnalysisArgs, analysed};
use super::{demo, file};
use crate::analysis::{Analysis, FleetOptions};
use crate::dataset::Dataset;
use crate::dataset::scan::Scan;
use crate::model::error::Result;
use crate::pack::{Effort, Network, Rules};
use crate::pricing::PriceBook;
use crate::report::packing::PackingResult;
use crate::report::{Format, Style, packing};

/// Arguments of `pack`.
#[derive(Debug, Args)]
#[command(
    after_help = "Three costs are told: the floor that no fleet can beat, what a good planner could achieve, and what ECS makes of it, \
                  on which the advice rests. A fleet is advised where the sum over all workloads is least with it."
)]
pub(super) struct PackArgs {
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    fleet: FleetArgs,
    #[command(flatten)]
    prices: BookArgs,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    format: PackFormat,
    /// File to write instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    analysis: AnalysisArgs,
    #[command(flatten)]
    clock: ClockArgs,
}

/// How fleets are to be made.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fleet")]
struct FleetArgs {
    /// Only these instance types, separated by commas; `*` stands for anything (`m7g.*,c7g.*`)
    #[arg(long, value_name = "PATTERNS", value_delimiter = ',')]
    instance_types: Vec<String>,
    /// `targetCapacity` of the capacity providers: share of the instances in use before more are started
    #[arg(long, value_name = "PERCENT", default_value_t = 100, value_parser = value_parser!(u8).range(1..=100))]
    target_capacity: u8,
    /// Availability Zones over which tasks are spread
    #[arg(long, value_name = "COUNT", default_value_t = 2, value_parser = value_parser!(u8).range(1..=6))]
    azs: u8,
    /// Network mode of tasks whose definition does not tell
    #[arg(long, value_name = "MODE", default_value = "awsvpc-trunking", value_parser = parse::spelled(
        [Network::AwsvpcTrunking, Network::Awsvpc, Network::BridgeOrHost].iter().map(|network| network.as_str()), network))]
    network: Network,
    /// About how long to search (`10s`, `1m`); counted in steps, so that every machine finds the same
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse::duration_ms)]
    time_budget: i64,
}

/// How fleet plans are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PackFormat {
    /// For a terminal
    Table,
    /// For a comment or a wiki
    Markdown,
    /// For a browser: one file, no network
    Html,
    /// For programs: the whole result, versioned
    Json,
}

fn network(text: &str) -> Option<Network> {
    [
        Network::AwsvpcTrunking,
        Network::Awsvpc,
        Network::BridgeOrHost,
    ]
    .into_iter()
    .find(|network| network.as_str() == text)
}

impl FleetArgs {
    fn options(&self) -> FleetOptions {
        let options = FleetOptions {
            rules: Rules {
                network: self.network,
                availability_zones: self.azs,
                target_capacity_percent: self.target_capacity,
                ..Rules::default()
            },
            instance_types: self.instance_types.clone(),
            ..FleetOptions::default()
        };
        let milliseconds = u64::try_from(self.time_budget).unwrap_or(0);
        options.within(Effort::milliseconds(milliseconds))
    }
}

/// Packs the workloads of a dataset or of the sample.
pub(super) fn run(args: &PackArgs, console: Console, out: &mut dyn Write) -> Result<()> {
    args.analysis.check()?;
    let path = args.output.as_deref().filter(|path| !file::is_stdout(path));
    path.map_or(Ok(()), file::check)?;
    let options = args.fleet.options();
    let book = args.prices.book()?;
    let analysis = match args.source.dataset() {
        Some(dataset) => {
            let dataset = Dataset::open(dataset)?;
            let scan = Scan::as_of(&dataset, args.clock.now_ms())?;
            analysed(&scan, &book, &args.analysis, &options)?.0
        }
        None => of_sample(&book, args, &options)?,
    };
    let result = PackingResult::of(&analysis, &options.rules, &book);
    let style = if path.is_some() {
        Style::default()
    } else {
        console.style
    };
    let text = packing(&result, args.format.into(), style).unwrap_or_default();
    match path {
        Some(path) => file::write(path, text),
        None => out.write_all(text.as_bytes()).map_err(cannot_print),
    }
}

fn of_sample(book: &PriceBook, args: &PackArgs, options: &FleetOptions) -> Result<Analysis> {
    let folder = tempfile::tempdir().map_err(demo::unwritable)?;
    let dataset = demo::dataset(&folder)?;
    let scan = Scan::new(&dataset)?;
    Ok(analysed(&scan, book, &args.analysis, options)?.0)
}

impl From<PackFormat> for Format {
    fn from(format: PackFormat) -> Self {
        match format {
            PackFormat::Table => Self::Table,
            PackFormat::Markdown => Self::Markdown,
            PackFormat::Html => Self::Html,
            PackFormat::Json => Self::Json,
        }
    }
}
