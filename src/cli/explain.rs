//! `explain`: everything that is known of one workload, from evidence to cents.

use std::collections::BTreeSet;
use std::io::Write;

use clap::{Args, ValueEnum};

use super::args::{ClockArgs, SourceArgs};
use super::console::Console;
use super::demo;
use super::failure::cannot_print;
use super::prices::BookArgs;
use super::report::{AnalysisArgs, analyse};
use crate::dataset::Dataset;
use crate::dataset::scan::Scan;
use crate::model::error::{Error, ErrorKind, Result};
use crate::report::result::{Report, WorkloadResult};
use crate::report::{self};

/// Arguments of `explain`.
#[derive(Debug, Args)]
pub(super) struct ExplainArgs {
    /// Which: NAME, CLUSTER/NAME, or ACCOUNT/REGION/CLUSTER/NAME
    #[arg(value_name = "WORKLOAD")]
    workload: String,
    #[command(flatten)]
    source: SourceArgs,
    #[command(flatten)]
    prices: BookArgs,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", value_enum, default_value = "table")]
    format: ExplainFormat,
    #[command(flatten)]
    analysis: AnalysisArgs,
    #[command(flatten)]
    clock: ClockArgs,
}

/// How an explanation is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ExplainFormat {
    /// For a terminal
    Table,
    /// For a comment or a wiki
    Markdown,
    /// For programs: the workload's part of the JSON report
    Json,
}

/// Explains a workload of a dataset or of the sample.
pub(super) fn run(args: &ExplainArgs, console: Console, out: &mut dyn Write) -> Result<()> {
    args.analysis.check()?;
    let found = match args.source.dataset() {
        Some(dataset) => {
            let prices = args.prices.book()?;
            let dataset = Dataset::open(dataset)?;
            let scan = Scan::as_of(&dataset, args.clock.now_ms())?;
            analyse(&scan, &prices, &args.analysis, None)?
        }
        None => demo::report(&args.analysis, None)?,
    };
    let workload = find(&found, &args.workload)?;
    let text = match args.format {
        ExplainFormat::Table => report::explain(&found, workload, console.style),
        ExplainFormat::Markdown => report::explain_markdown(&found, workload),
        ExplainFormat::Json => report::explain_json(workload),
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}

/// Every way to name a workload, shortest first.
fn names(workload: &WorkloadResult) -> [String; 3] {
    let name = workload.name.clone();
    let within = workload
        .cluster
        .as_ref()
        .map_or_else(|| name.clone(), |cluster| format!("{cluster}/{name}"));
    let whole = format!("{}/{}/{within}", workload.account, workload.region);
    [name, within, whole]
}

/// The one workload that is called so.
fn find<'r>(report: &'r Report, wanted: &str) -> Result<&'r WorkloadResult> {
    let found: Vec<&WorkloadResult> = report
        .workloads
        .iter()
        .filter(|workload| names(workload).iter().any(|name| name == wanted))
        .collect();
    match found[..] {
        [workload] => Ok(workload),
        [] => Err(unknown(report, wanted)),
        _ => {
            let all: Vec<String> = found
                .iter()
                .map(|workload| {
                    let [.., whole] = names(workload);
                    format!("{whole} ({})", workload.kind.as_str())
                })
                .collect();
            let message = format!("`{wanted}` names {} workloads", found.len());
            Err(Error::new(ErrorKind::Usage, message).hint(format!(
                "name one of {}; --where kind=… tells a service from a task",
                all.join(", ")
            )))
        }
    }
}

fn unknown(report: &Report, wanted: &str) -> Error {
    let near: BTreeSet<(usize, String)> = report
        .workloads
        .iter()
        .flat_map(names)
        .map(|name| (strsim::levenshtein(&name, wanted), name))
        .filter(|(distance, _)| *distance <= 3)
        .collect();
    let near: Vec<String> = near.into_iter().take(3).map(|(_, name)| name).collect();
    let hint = if near.is_empty() {
        "`plimsoll report` lists every workload".to_owned()
    } else {
        format!("did you mean {}?", near.join(" or "))
    };
    Error::new(
        ErrorKind::Nothing,
        format!("no workload is called `{wanted}`"),
    )
    .hint(hint)
}
