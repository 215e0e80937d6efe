//! Many small parts rewritten into few, by adding: what was there stays, for readers that hold it.
//!
//! A compaction is committed like everything else, and its parts tell which ones they stand for, all of one table,
//! account, region and month. A report reads them instead, as long as each of those still counts; once one does not
//! (its day was collected again), the compaction is left alone and the parts themselves are read.
//! What the commits say is repeated in one part, a checkpoint, so that few of them have to be opened.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use super::groups::SampleGroup;
use super::log::{self, Committer};
use super::name::{self, folder, short_hash, stem};
use super::part;
use super::scan::Scan;
use super::schema::{self, CoverageRow, SampleRow, State};
use super::source::COMPACTION;
use super::summarize;
use super::summary::{Beside, DaySummary, Summary};
use super::{Dataset, Table};
use crate::model::error::{Error, ErrorKind, Result};

/// What the commits of compactions are about.
const SCOPE: &str = "compaction";
/// How many parts are read no more, and how many instead.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Compacted {
    /// Parts that others stand for now.
    pub before: usize,
    /// The others.
    pub after: usize,
    /// Coverage parts that need not be opened any more.
    pub coverage: usize,
}

/// The samples of some days, each once, and how many were left out by day.
pub type Resolved = (Vec<SampleRow>, Vec<DaySummary>);

/// Rewrites the small parts of a dataset into few; `resolve` reads a group of samples and leaves each of them once.
pub fn compact(
    dataset: &Dataset,
    resolve: impl Fn(&Scan<'_>, &SampleGroup) -> Result<Resolved>,
) -> Result<Compacted> {
    let scan = Scan::new(dataset)?;
    let mut compacted = Compacted::default();
    for table in [Table::Workloads, Table::Runs, Table::Instances] {
        for (folder, parts) in scan.small_parts(table)? {
            let frame = scan.stacked(table, &parts)?;
            let written = [write(
                dataset,
                &folder,
                &parts,
                &scan,
                frame,
                Summary::default(),
            )?];
            compacted.count(dataset, &parts, &written)?;
        }
    }
    for (_, parts) in scan.small_parts(Table::Samples)? {
        let mut written = Vec::new();
        let covered = covered(&scan, &parts)?;
        for group in scan.days_of(&parts)? {
            let (mut rows, left_out) = resolve(&scan, &group)?;
            rows.sort_by(SampleRow::order);
            let mut summary = Summary {
                days: left_out,
                // Of several periods, perhaps, but no two of these are about the same time any more.
                conflicts: false,
                ..summarize::summary(&rows)
            };
            for series in &mut summary.series {
                series.covered_ms = covered.get(&series.key().map(str::to_owned)).copied();
            }
            let frame = schema::samples(&rows).map_err(unfit)?;
            let first = parts.first().map_or("", |part| folder(part));
            // One of them tells for all: they are committed together.
            let of_first = if written.is_empty() { &parts[..] } else { &[] };
            written.push(write(dataset, first, of_first, &scan, frame, summary)?);
        }
        compacted.count(dataset, &parts, &written)?;
    }
    compacted.coverage = log::checkpoint(dataset)?;
    Ok(compacted)
}

/// The time that the samples of `parts` cover, by series: what a compaction leaves out was seen all the same.
fn covered(scan: &Scan<'_>, parts: &[String]) -> Result<BTreeMap<[String; 4], (i64, i64)>> {
    let mut all = BTreeMap::new();
    for named in scan.footers(parts)? {
        for series in &named.summary.series {
            let of = series.covered();
            let known = all
                .entry(series.key().map(str::to_owned))
                .or_insert((of.from_ms, of.to_ms));
            *known = (known.0.min(of.from_ms), known.1.max(of.to_ms));
        }
    }
    Ok(all)
}

impl Compacted {
    /// Commits the parts that were written, all of one folder, and counts them.
    fn count(&mut self, dataset: &Dataset, parts: &[String], written: &[String]) -> Result<()> {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.as_bytes());
        }
        let Some((partition, (first, _))) = written
            .first()
            .and_then(|part| Some((name::partition(part), stem(part).split_once('_')?)))
        else {
            return Ok(());
        };
        let row = CoverageRow {
            scope: SCOPE.to_owned(),
            source: format!("{COMPACTION}{}", short_hash(hash)),
            day: first.to_owned(),
            state: State::Complete.as_str().to_owned(),
            reason: None,
            rows: 0,
            period_s: None,
            collected_ms: None,
            parts: written.join(";"),
        };
        let mut log = Committer::new(dataset);
        log.append(&partition, &[row])?;
        log.close()?;
        self.before += parts.len();
        self.after += written.len();
        Ok(())
    }
}

/// Writes one part that stands for `parts`, in their folder.
fn write(
    dataset: &Dataset,
    folder: &str,
    parts: &[String],
    scan: &Scan<'_>,
    mut frame: DataFrame,
    summary: Summary,
) -> Result<String> {
    let place = format!("{folder}/");
    let partition = name::partition(&place);
    let Some(table) = Table::of(&place) else {
        return Err(Error::new(
            ErrorKind::Failure,
            format!("`{folder}` holds no parts"),
        ));
    };
    let origins = parts.iter().flat_map(|part| scan.compactions.origins(part));
    let stands_for: BTreeSet<String> = origins.map(|part| stem(&part).to_owned()).collect();
    let days = |at: usize| {
        let days = stands_for
            .iter()
            .filter_map(move |stem| stem.split('_').nth(at));
        days.map(str::to_owned)
    };
    let first = days(0)
        .min()
        .unwrap_or_else(|| format!("{}-01", partition.month));
    let last = days(1).max().unwrap_or_else(|| first.clone());
    let summary = Summary {
        stands_for: stands_for.iter().cloned().collect(),
        ..summary
    };
    part::write(
        &dataset.storage,
        table,
        &partition,
        (&first, &last),
        &mut frame,
        Beside::Summary(&summary),
    )
}

fn unfit(cause: polars::prelude::PolarsError) -> Error {
    Error::new(
        ErrorKind::Input,
        "the parts of one table do not fit together",
    )
    .cause(cause)
}
