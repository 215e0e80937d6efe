//! `backtest`: would the sizes have held? Past weeks, sized from the days before them and replayed.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::DatasetArgs;
use super::failure::cannot_print;
use super::file;
use crate::dataset::scan::Scan;
use crate::demand;
use crate::model::error::{Error, ErrorKind, Result};
use crate::report::backtest as print;
use crate::rightsize::backtest::{Protocol, Workload, backtest};
use crate::rightsize::risk::Risk;

/// Arguments of `backtest`.
#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    #[command(flatten)]
    dataset: DatasetArgs,
    /// Risks to show: low (1), medium (2), high (5), or percent of workload-weeks that may go beyond the size
    #[arg(
        long,
        value_name = "RISK",
        value_delimiter = ',',
        default_value = "low,medium,high,10"
    )]
    risk: Vec<Risk>,
    /// Days before a week that it is sized from
    #[arg(long, value_name = "DAYS", default_value_t = 14, value_parser = clap::value_parser!(i32).range(7..=366))]
    training_days: i32,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: BacktestFormat,
    /// File to write instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum BacktestFormat {
    /// Text
    Table,
    /// JSON
    Json,
    /// A picture: saving against weeks that breach
    Svg,
}

/// Replays the dataset.
pub(super) fn run(args: &BacktestArgs, out: &mut dyn Write) -> Result<u8> {
    let path = args.output.as_deref().filter(|path| !file::is_stdout(path));
    path.map_or(Ok(()), file::check)?;
    let dataset = args.dataset.open()?;
    let fleet = fleet(&Scan::new(&dataset)?)?;
    let protocol = Protocol {
        training_days: args.training_days,
        risks: args.risk.iter().map(|risk| risk.share()).collect(),
    };
    let replayed = backtest(&fleet, &protocol);
    if replayed.weeks == 0 {
        return Err(Error::new(
            ErrorKind::Nothing,
            format!(
                "no workload has CPU and memory samples of {} days and of a week after them",
                args.training_days
            ),
        )
        .hint("collect or import more days, or lower --training-days"));
    }
    let text = match args.format {
        BacktestFormat::Table => print::table(&replayed),
        BacktestFormat::Json => print::json(&replayed),
        BacktestFormat::Svg => print::svg(&replayed),
    };
    match path {
        Some(path) => file::write(path, &text)?,
        None => out.write_all(text.as_bytes()).map_err(cannot_print)?,
    }
    Ok(0)
}

/// The workloads of a dataset whose size is known, all of its days: a span of days is a sum of them.
fn fleet(scan: &Scan<'_>) -> Result<Vec<Workload>> {
    let reduced = demand::reduce(scan, None, None)?;
    Ok(reduced.demands.iter().filter_map(Workload::of).collect())
}
