//! `backtest`: would the sizes have held? Past weeks, sized from the days before them and replayed.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{cannot_print, file};
use crate::dataset::Dataset;
use crate::dataset::scan::Scan;
use crate::demand;
use crate::model::error::{Error, Kind, Result};
use crate::model::units::{MS_PER_DAY, TaskSize};
use crate::model::workload::{Kind as WorkloadKind, WorkloadKey};
use crate::report::backtest as print;
use crate::rightsize::backtest::{Protocol, Workload, backtest};
use crate::rightsize::baselines::Need;
use crate::rightsize::calibration::{Group, Period};
use crate::rightsize::history::Day;
use crate::rightsize::risk::Risk;

/// Arguments of `backtest`.
#[derive(Debug, Args)]
pub(super) struct BacktestArgs {
    /// Where the dataset is: a folder or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR|S3", env = "PLIMSOLL_DATASET")]
    dataset: String,
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
    let dataset = Dataset::open(&args.dataset)?;
    let fleet = fleet(&Scan::new(&dataset)?)?;
    let protocol = Protocol {
        training_days: args.training_days,
        risks: args.risk.iter().map(|risk| risk.share()).collect(),
    };
    let replayed = backtest(&fleet, &protocol);
    if replayed.weeks == 0 {
        return Err(Error::new(
            Kind::Nothing,
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

/// The workloads of a dataset, all of its days, each reduced by itself.
fn fleet(scan: &Scan<'_>) -> Result<Vec<Workload>> {
    let mut seen: BTreeMap<WorkloadKey, Seen> = BTreeMap::new();
    let window = demand::reduce(scan, None, None)?.window;
    let (first, last) = (window.from_ms / MS_PER_DAY, (window.to_ms - 1) / MS_PER_DAY);
    for day in first..=last {
        let (from_ms, to_ms) = (day * MS_PER_DAY, (day + 1) * MS_PER_DAY);
        let reduced = match demand::reduce(scan, Some(from_ms), Some(to_ms)) {
            Err(error) if error.kind() == Kind::Nothing => continue,
            reduced => reduced?,
        };
        let day = i32::try_from(day).unwrap_or(i32::MAX);
        for demand in reduced.demands {
            let workload = seen.entry(demand.workload.clone()).or_default();
            workload.period_s = demand
                .cpu
                .iter()
                .chain(&demand.memory)
                .map(|usage| usage.period_s)
                .fold(workload.period_s, i64::max);
            workload
                .cpu
                .extend(demand.cpu.as_ref().map(|usage| Day::of(day, usage)));
            workload
                .memory
                .extend(demand.memory.as_ref().map(|usage| Day::of(day, usage)));
            workload.size = demand.current_size().or(workload.size);
        }
    }
    Ok(seen
        .into_iter()
        .filter_map(|(key, seen)| seen.workload(key.kind))
        .collect())
}

/// What was seen of a workload, day after day.
#[derive(Default)]
struct Seen {
    cpu: Vec<Day>,
    memory: Vec<Day>,
    period_s: i64,
    size: Option<TaskSize>,
}

impl Seen {
    /// `None` where its size is not known.
    fn workload(self, kind: WorkloadKind) -> Option<Workload> {
        let size = self.size?;
        Some(Workload {
            group: Group {
                is_job: kind != WorkloadKind::Service,
                period: Period::of(self.period_s),
            },
            cpu: self.cpu.into_iter().collect(),
            memory: self.memory.into_iter().collect(),
            current: Need {
                vcpu: size.vcpu(),
                mib: f64::from(size.memory_mib),
            },
        })
    }
}
