//! `compact`: many small parts of a dataset → few.

use std::io::Write;

use clap::Args;

use super::args::DatasetArgs;
use super::failure::cannot_print;
use crate::dataset::compact::compact;
use crate::demand::window;
use crate::model::error::Result;

/// Arguments of `compact`.
#[derive(Debug, Args)]
#[command(
    after_help = "Adds parts and deletes none: reports and collections that run at the same time are not disturbed."
)]
pub(super) struct CompactArgs {
    #[command(flatten)]
    dataset: DatasetArgs,
}

/// Rewrites what is small and says how much there was.
pub(super) fn run(args: &CompactArgs, out: &mut dyn Write) -> Result<()> {
    let dataset = args.dataset.open()?;
    let compacted = compact(&dataset, window::resolved)?;
    let parts = || {
        let (before, after) = (compacted.before, compacted.after);
        format!("{before} parts are read no more, {after} instead of them\n")
    };
    let coverage = || format!("{} coverage parts are read in one\n", compacted.coverage);
    let text = match (compacted.before > 0, compacted.coverage > 0) {
        (true, true) => parts() + &coverage(),
        (true, false) => parts(),
        (false, true) => coverage(),
        (false, false) => "nothing to compact\n".to_owned(),
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}
