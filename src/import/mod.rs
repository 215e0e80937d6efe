//! AWS's own files → rows of a dataset.
//!
//! The shape of each record is recognised by its content: task state-change events, CloudWatch Metric Streams,
//! Container Insights performance logs, `aws ecs describe-*` and `aws codebuild batch-get-builds` output; gzipped
//! or not, as lines, arrays or single documents, bare or inside CloudWatch Logs envelopes. Only the fields of
//! `dataset::schema` are ever read: environment variables, commands and messages do not get this far.

mod bytes;
mod content;
mod document;
mod foreign;
mod inputs;
mod metric_stream;
mod place;
mod scan;
mod shape;
mod tally;
mod utf16;

use std::collections::BTreeSet;
use std::fs;
use std::io;

pub use inputs::{Input, inputs};
pub use tally::Tally;

use crate::dataset::Dataset;
use crate::dataset::log::{self, Committer};
use crate::dataset::writer::Writer;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::tags::TagKeys;
use bytes::HashingReader;
use content::Content;
use place::Unreadable;

/// What became of one file.
#[derive(Debug)]
pub struct FileReport {
    /// Its name as given.
    pub name: String,
    /// What became of it.
    pub outcome: Outcome,
}

/// What became of one file.
#[derive(Debug)]
pub enum Outcome {
    /// Read to its end.
    Imported(Tally),
    /// The same content is in the dataset already.
    AlreadyThere,
    /// Nothing in it has a shape that is known; only in folders, where other files may lie about.
    Skipped(String),
    /// Nothing of it was kept.
    Failed(Error),
}

/// Imports `inputs` one by one; what is whole is committed, whatever becomes of the others. Of tags only those of these
/// keys are kept. `progress` gets the number of bytes read since it was last called. Records that are dated later than `now_ms`, with an hour for clocks
/// that are apart, are rejected.
pub fn import(
    inputs: &[Input],
    dataset: &Dataset,
    now_ms: i64,
    tags: &TagKeys,
    progress: &dyn Fn(u64),
) -> Result<Vec<FileReport>> {
    dataset.tidy();
    let log = log::read(dataset, |_| true)?;
    let mut import = Import {
        dataset,
        known: log.contents(dataset)?,
        committer: Committer::after(dataset, &log),
        now_ms,
        tags,
        progress,
    };
    let report = |input: &Input| {
        let name = input.path.as_ref().map_or_else(
            || "standard input".to_owned(),
            |path| path.display().to_string(),
        );
        let outcome = import
            .import_one(input, &name)
            .unwrap_or_else(Outcome::Failed);
        FileReport { name, outcome }
    };
    let files: Vec<FileReport> = inputs.iter().map(report).collect();
    let closed = import.committer.close();
    // What could not be written before has been told.
    let has_failed = |file: &FileReport| matches!(file.outcome, Outcome::Failed(_));
    if !files.iter().any(has_failed) {
        closed?;
    }
    Ok(files)
}

/// An import under way.
struct Import<'d> {
    dataset: &'d Dataset,
    /// Contents that are in the dataset.
    known: BTreeSet<String>,
    committer: Committer<'d>,
    now_ms: i64,
    tags: &'d TagKeys,
    progress: &'d dyn Fn(u64),
}

impl Import<'_> {
    fn import_one(&mut self, input: &Input, name: &str) -> Result<Outcome> {
        let unreadable =
            |cause| Error::new(ErrorKind::Input, format!("cannot read `{name}`")).cause(cause);
        let reader: Box<dyn io::Read> = match &input.path {
            None => Box::new(io::stdin()),
            Some(path) => {
                let hash = || bytes::hash_file(path).map_err(unreadable);
                // A pipe can be read only once.
                if input.is_regular && self.known.contains(&source(&hash()?)) {
                    (self.progress)(input.bytes);
                    return Ok(Outcome::AlreadyThere);
                }
                Box::new(fs::File::open(path).map_err(unreadable)?)
            }
        };
        let mut rows = Writer::new(self.dataset).until(self.now_ms);
        let reader = HashingReader::new(reader, self.progress);
        let (tally, content) = read_all(reader, name, self.tags, &mut rows)?;
        let source = source(&content.hash);
        if let Some(kind) = content.foreign {
            return nothing(input, name, &format!("it is {kind}"));
        }
        if tally.read == 0 && tally.missing == 0 {
            return nothing(input, name, "it is empty");
        }
        if tally.missing == 0 && !tally.recognised() {
            return nothing(
                input,
                name,
                "its content is not a shape of AWS output that plimsoll reads",
            );
        }
        if self.known.contains(&source) {
            return Ok(Outcome::AlreadyThere);
        }
        let rejected = tally.rejected_total();
        let reason = (rejected + tally.missing > 0).then(|| {
            format!(
                "{rejected} records rejected, {} not returned by AWS",
                tally.missing
            )
        });
        rows.finish(&BTreeSet::new())?
            .commit(&mut self.committer, &source, reason.as_deref())?;
        self.known.insert(source);
        Ok(Outcome::Imported(tally))
    }
}

fn nothing(input: &Input, name: &str, why: &str) -> Result<Outcome> {
    if !input.named {
        return Ok(Outcome::Skipped(why.to_owned()));
    }
    Err(Error::new(ErrorKind::Input, format!("nothing to import from `{name}`: {why}")).hint(
        "plimsoll reads ECS task state-change events, CloudWatch Metric Streams JSON, Container Insights performance logs, \
         `aws ecs describe-services|describe-task-definition|describe-tasks` and `aws codebuild batch-get-builds` output",
    ))
}

fn source(hash: &str) -> String {
    format!("import:{hash}")
}

/// Reads every record of one file into `rows`; returns the tally and what the content was.
fn read_all(
    reader: HashingReader<'_>,
    name: &str,
    tags: &TagKeys,
    rows: &mut Writer<'_>,
) -> Result<(Tally, Content)> {
    let mut tally = Tally::default();
    let content = content::records(reader, name, &mut |record| {
        match record {
            Ok((text, place)) => shape::take(text, &place, tags, rows, &mut tally)?,
            Err(Unreadable { reason, place }) => tally.reject(reason, &place),
        }
        // A large file of something else need not be read to its end.
        Ok(tally.read < 1_000 || tally.recognised())
    })?;
    Ok((tally, content))
}
