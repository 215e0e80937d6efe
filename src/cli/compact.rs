//! `compact`: many small parts of a dataset → few.

use std::io::Write;

use clap::Args;

use super::cannot_print;
use crate::dataset::Dataset;
use crate::dataset::compact::compact;
use crate::demand::window;
use crate::model::error::Result;

/// Arguments of `compact`.
#[derive(Debug, Args)]
#[command(
    after_help = "Adds parts and deletes none: reports and collections that run at the same time are not disturbed."
)]
pub(super) struct CompactArgs {
    /// The dataset: a folder or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR|S3", env = "PLIMSOLL_DATASET")]
    dataset: String,
}

/// Rewrites what is small and says how much there was.
pub(super) fn run(args: &CompactArgs, out: &mut dyn Write) -> Result<()> {
    let dataset = Dataset::open(&args.dataset)?;
    let compacted = compact(&dataset, window::resolved)?;
    let text = if compacted.before == 0 {
        "nothing to compact\n".to_owned()
    } else {
        format!(
            "{} parts are read no more, {} instead of them\n",
            compacted.before, compacted.after
        )
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}
