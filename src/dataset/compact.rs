//! Many small parts rewritten into few, by adding: what was there stays, for readers that hold it.
//!
//! A compaction is committed like everything else, and its parts tell which ones they stand for, all of one table,
//! account, region and month. A report reads them instead, as long as each of those still counts; once one does not
//! (its day was collected again), the compaction is left alone and the parts themselves are read.
//! What the commits say is repeated in one part, a checkpoint, so that few of them have to be opened.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use super::groups::{MOST_AT_ONCE, SampleGroup};
use super::log::{self, Committer};
use super::name::{self, Partition, short_hash, stem};
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

/// What is small enough to be rewritten, and how much of it is held at once, in rows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sizes {
    /// From so many on, a part is left alone.
    pub(crate) large: usize,
    /// About so many samples are written into one part.
    pub(crate) at_once: usize,
}

impl Sizes {
    pub(crate) const USUAL: Self = Self {
        large: 200_000,
        at_once: MOST_AT_ONCE,
    };
}

/// Rewrites the small parts of a dataset into few; `resolve` reads a group of samples and leaves each of them once.
pub fn compact(
    dataset: &Dataset,
    resolve: impl Fn(&Scan<'_>, &SampleGroup) -> Result<Resolved>,
) -> Result<Compacted> {
    compact_by(Sizes::USUAL, dataset, resolve)
}

/// The same by other sizes.
pub(crate) fn compact_by(
    sizes: Sizes,
    dataset: &Dataset,
    resolve: impl Fn(&Scan<'_>, &SampleGroup) -> Result<Resolved>,
) -> Result<Compacted> {
    let scan = Scan::new(dataset)?;
    let mut compacted = Compacted::default();
    for table in [Table::Workloads, Table::Runs, Table::Instances] {
        for (folder, parts) in scan.small_parts(table, sizes.large)? {
            let mut frame = scan.stacked(table, &parts)?;
            let mut rewrite = Rewrite::of(&scan, table, &folder, &parts);
            let days = rewrite.days();
            rewrite.write(&mut frame, days, Summary::default())?;
            compacted.count(rewrite)?;
        }
    }
    for (folder, parts) in scan.small_parts(Table::Samples, sizes.large)? {
        let mut rewrite = Rewrite::of(&scan, Table::Samples, &folder, &parts);
        let covered = covered(&scan, &parts)?;
        for group in scan.days_of(&parts, sizes.at_once)? {
            let (mut rows, left_out) = resolve(&scan, &group)?;
            let at_ms = || rows.iter().map(|row| row.at_ms);
            let Some((first_ms, last_ms)) = at_ms().min().zip(at_ms().max()) else {
                continue;
            };
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
            // By its name a reader knows of which days a part may hold samples.
            let days = [first_ms, last_ms].map(|at_ms| name::date(name::day(at_ms)));
            let mut frame = schema::samples(&rows).map_err(unfit)?;
            rewrite.write(&mut frame, days, summary)?;
        }
        compacted.count(rewrite)?;
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
    /// Commits the parts that were written instead of others, and counts them.
    fn count(&mut self, rewrite: Rewrite<'_>) -> Result<()> {
        let Rewrite {
            dataset,
            partition,
            parts,
            written,
            ..
        } = rewrite;
        let mut hash = Sha256::new();
        for part in parts {
            hash.update(part.as_bytes());
        }
        // What was rewritten before may become the same again.
        let is_same = parts.iter().collect::<BTreeSet<_>>() == written.iter().collect();
        let days = written.first().map(|part| name::days(part));
        let Some((first, _)) = days.filter(|_| !is_same) else {
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

/// Parts of one folder on their way into others.
struct Rewrite<'a> {
    dataset: &'a Dataset,
    table: Table,
    partition: Partition,
    /// Those that are read no more.
    parts: &'a [String],
    /// What the new ones stand for together, without folder and ending.
    stands_for: BTreeSet<String>,
    /// The new ones.
    written: Vec<String>,
}

impl<'a> Rewrite<'a> {
    fn of(scan: &Scan<'a>, table: Table, folder: &str, parts: &'a [String]) -> Self {
        let origins = parts.iter().flat_map(|part| scan.compactions.origins(part));
        Self {
            dataset: scan.dataset,
            table,
            partition: name::partition(&format!("{folder}/")),
            parts,
            stands_for: origins.map(|part| stem(&part).to_owned()).collect(),
            written: Vec::new(),
        }
    }

    /// The first and the last day that the names of the parts tell.
    fn days(&self) -> [String; 2] {
        let days = || self.stands_for.iter().map(|stem| name::days(stem));
        let first = days().map(|(first, _)| first).min().unwrap_or_default();
        let last = days().map(|(_, last)| last).max().unwrap_or_default();
        [first, last].map(str::to_owned)
    }

    /// Writes one of the new parts. The first one tells for all: they are committed together.
    fn write(
        &mut self,
        frame: &mut DataFrame,
        [first, last]: [String; 2],
        summary: Summary,
    ) -> Result<()> {
        let stands_for = match self.written[..] {
            [] => self.stands_for.iter().cloned().collect(),
            _ => Vec::new(),
        };
        let summary = Summary {
            stands_for,
            ..summary
        };
        let part = part::write(
            &self.dataset.storage,
            self.table,
            &self.partition,
            (&first, &last),
            frame,
            Beside::Summary(&summary),
        )?;
        self.written.push(part);
        Ok(())
    }
}

fn unfit(cause: polars::prelude::PolarsError) -> Error {
    Error::new(
        ErrorKind::Input,
        "the parts of one table do not fit together",
    )
    .cause(cause)
}
