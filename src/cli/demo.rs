//! `demo`: the whole way once, on the embedded sample.

use std::fs;
use std::io::Write;

use clap::Args;

use super::console::Console;
use super::output::OutputArgs;
use super::report::{AnalysisArgs, analyse, print};
use crate::dataset::Dataset;
use crate::dataset::scan::Scan;
use crate::import::{self, Outcome};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::tags::TagKeys;
use crate::pricing::PriceBook;
use crate::report::groups::GroupBy;
use crate::report::result::Report;

macro_rules! sample {
    ($name:literal) => {
        ($name, include_bytes!(concat!("../../data/sample/", $name)))
    };
}

/// The sample input, in AWS's own shapes.
const SAMPLE: &[(&str, &[u8])] = &[
    sample!("services.json"),
    sample!("task-definitions.json"),
    sample!("task-events.jsonl.gz"),
    sample!("container-insights.jsonl.gz"),
    sample!("builds.json.gz"),
    sample!("metric-stream/audit.json.gz"),
    sample!("metric-stream/auth.json.gz"),
    sample!("metric-stream/checkout-api.json.gz"),
    sample!("metric-stream/codebuild.json.gz"),
    sample!("metric-stream/image-resizer.json.gz"),
    sample!("metric-stream/legacy-soap.json.gz"),
    sample!("metric-stream/notifications.json.gz"),
    sample!("metric-stream/payments.json.gz"),
    sample!("metric-stream/promo-banner.json.gz"),
    sample!("metric-stream/recommendations.json.gz"),
    sample!("metric-stream/reports-ui.json.gz"),
    sample!("metric-stream/search.json.gz"),
    sample!("metric-stream/session-cache.json.gz"),
    sample!("metric-stream/web-frontend.json.gz"),
];

/// Arguments of `demo`.
#[derive(Debug, Args)]
pub(super) struct DemoArgs {
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    analysis: AnalysisArgs,
}

/// Imports the sample into a folder of its own and reports on it.
pub(super) fn run(args: &DemoArgs, console: Console, out: &mut dyn Write) -> Result<u8> {
    args.analysis.check()?;
    args.output.check()?;
    let report = report(&args.analysis, args.output.group_by.as_ref())?;
    print(report, args.analysis.strict, &args.output, console, out)
}

/// The result of the embedded sample.
pub(super) fn report(analysis: &AnalysisArgs, group_by: Option<&GroupBy>) -> Result<Report> {
    let folder = tempfile::tempdir().map_err(unwritable)?;
    let dataset = dataset(&folder)?;
    analyse(
        &Scan::new(&dataset)?,
        &PriceBook::embedded()?,
        analysis,
        group_by,
    )
}

/// The embedded sample as a dataset in a folder of its own.
pub(super) fn dataset(folder: &tempfile::TempDir) -> Result<Dataset> {
    let (input, root) = (folder.path().join("sample"), folder.path().join("dataset"));
    for (name, bytes) in SAMPLE {
        let path = input.join(name);
        path.parent()
            .map_or(Ok(()), fs::create_dir_all)
            .and_then(|()| fs::write(&path, bytes))
            .map_err(unwritable)?;
    }
    let dataset = Dataset::at(&root.to_string_lossy())?;
    let files = import::import(
        &import::inputs(&[input], &dataset)?,
        &dataset,
        i64::MAX,
        &TagKeys::default(),
        &|_| {},
    )?;
    if let Some(Outcome::Failed(error)) = files
        .into_iter()
        .map(|file| file.outcome)
        .find(|outcome| matches!(outcome, Outcome::Failed(_)))
    {
        return Err(error);
    }
    Ok(dataset)
}

pub(super) fn unwritable(cause: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Write,
        "cannot unpack the sample into a temporary folder",
    )
    .cause(cause)
    .hint("set TMPDIR to a folder that can be written")
}
