//! `import`: AWS's own files → dataset, with every record accounted for.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::args::{ClockArgs, TagArgs};
use super::console::Console;
use super::failure::{cannot_print, explain};
use crate::dataset::Dataset;
use crate::import::{self, FileReport, Input, Outcome, Tally};
use crate::model::error::{ErrorKind, Result};
use crate::report::escape::terminal;

/// Arguments of `import`.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads ECS task state-change events, CloudWatch Metric Streams JSON, Container Insights performance logs and the output of \
                        `aws ecs describe-services|describe-task-definition|describe-tasks` and `aws codebuild batch-get-builds`; \
                        gzipped or not. Importing the same file twice changes nothing."
)]
pub(super) struct ImportArgs {
    /// Files or folders of AWS output; `-` is standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Where the dataset is or shall be: a folder or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR|S3", env = "PLIMSOLL_DATASET")]
    dataset: String,
    #[command(flatten)]
    tags: TagArgs,
    #[command(flatten)]
    clock: ClockArgs,
}

/// Imports and says what became of every file.
pub(super) fn run(args: &ImportArgs, console: Console, out: &mut dyn Write) -> Result<u8> {
    let dataset = Dataset::at(&args.dataset)?;
    let inputs = import::inputs(&args.paths, &dataset)?;
    let bar = progress_bar(&inputs, console);
    let now_ms = args.clock.now_ms();
    let files = import::import(&inputs, &dataset, now_ms, &args.tags.tags, &|bytes| {
        bar.inc(bytes);
    })?;
    bar.finish_and_clear();
    out.write_all(summary(&files).as_bytes())
        .map_err(cannot_print)?;
    Ok(exit_code(&files))
}

fn progress_bar(inputs: &[Input], console: Console) -> ProgressBar {
    if !console.progress {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(inputs.iter().map(|input| input.bytes).sum());
    let style = ProgressStyle::with_template(
        "{wide_bar} {bytes}/{total_bytes} {binary_bytes_per_sec} {eta}",
    );
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar
}

/// The most severe outcome decides.
fn exit_code(files: &[FileReport]) -> u8 {
    let code = |file: &FileReport| match &file.outcome {
        Outcome::Failed(error) => error.kind().exit_code(),
        Outcome::Imported(tally) if tally.rejected_total() + tally.missing > 0 => 3,
        _ => 0,
    };
    let severity = |code: &u8| {
        [
            0,
            3,
            ErrorKind::Input.exit_code(),
            ErrorKind::Write.exit_code(),
        ]
        .iter()
        .position(|known| known == code)
        .unwrap_or(9)
    };
    files.iter().map(code).max_by_key(severity).unwrap_or(0)
}

/// One line per file, then what each rejected, then the totals.
fn summary(files: &[FileReport]) -> String {
    let mut text = String::new();
    let mut total = Tally::default();
    for file in files {
        let name = terminal(&file.name);
        match &file.outcome {
            Outcome::Imported(tally) => {
                add(&mut total, tally);
                let _ = writeln!(text, "{name}: {}", counts(tally));
                for (reason, count) in &tally.unused {
                    let _ = writeln!(text, "    unused    {count:>9}  {reason}");
                }
                for (reason, (count, place)) in &tally.rejected {
                    let _ = writeln!(text, "    rejected  {count:>9}  {reason}, first at {place}");
                }
                if tally.missing > 0 {
                    let _ = writeln!(
                        text,
                        "    missing   {:>9}  asked for, but not returned by AWS",
                        tally.missing
                    );
                }
            }
            Outcome::AlreadyThere => {
                let _ = writeln!(text, "{name}: already in the dataset");
            }
            Outcome::Skipped(why) => {
                let _ = writeln!(text, "{name}: skipped, {why}");
            }
            Outcome::Failed(error) => {
                let _ = writeln!(
                    text,
                    "{name}: failed\n  {}",
                    explain(error).trim_end().replace('\n', "\n  ")
                );
            }
        }
    }
    let of = |is: fn(&Outcome) -> bool| files.iter().filter(|file| is(&file.outcome)).count();
    let imported = of(|outcome| matches!(outcome, Outcome::Imported(_)));
    let known = of(|outcome| matches!(outcome, Outcome::AlreadyThere));
    let skipped = of(|outcome| matches!(outcome, Outcome::Skipped(_)));
    let failed = of(|outcome| matches!(outcome, Outcome::Failed(_)));
    let _ = writeln!(
        text,
        "{} of {} files imported, {known} already there, {skipped} skipped, {failed} failed: {}",
        imported,
        files.len(),
        counts(&total)
    );
    text
}

fn counts(tally: &Tally) -> String {
    let unused: u64 = tally.unused.values().sum();
    format!(
        "{} read = {} accepted + {unused} unused + {} rejected",
        tally.read,
        tally.accepted,
        tally.rejected_total()
    )
}

fn add(total: &mut Tally, tally: &Tally) {
    total.read += tally.read;
    total.accepted += tally.accepted;
    total.missing += tally.missing;
    for (reason, count) in &tally.unused {
        *total.unused.entry(reason).or_default() += count;
    }
    for (reason, (count, place)) in &tally.rejected {
        total
            .rejected
            .entry(reason)
            .or_insert_with(|| (0, place.clone()))
            .0 += count;
    }
}
