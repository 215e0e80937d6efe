//! Many small parts rewritten into few, by adding: what was there stays, for readers that hold it.
//!
//! A compaction is committed like everything else, and its parts tell which ones they stand for, all of one table,
//! account, region and month. A report reads them instead, as long as each of those still counts; once one does not
//! (its day was collected again), the compaction is left alone and the parts themselves are read.
//! What the commits say is repeated in one part, a checkpoint, so that few of them have to be opened.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{DataFrame, PolarsResult};
use sha2::{Digest, Sha256};

use super::coverage::Committed;
use super::log::{self, Committer};
use super::part::{self, Beside, DaySummary, Summary, short_hash};
use super::scan::{SampleGroup, Scan};
use super::schema::{self, CoverageRow, SampleRow, State};
use super::source::COMPACTION;
use super::{Dataset, Table, writer};
use crate::model::error::{Error, ErrorKind, Result};

/// What the commits of compactions are about.
const SCOPE: &str = "compaction";
/// Rows from which a part is large enough to be left alone.
pub(super) const LARGE: usize = 200_000;

/// Which parts stand for which.
#[derive(Debug, Default)]
pub(super) struct Compactions {
    /// Parts that others stand for.
    replaced: BTreeSet<String>,
    /// The others, by the folder of their parts.
    parts: BTreeMap<String, BTreeSet<String>>,
    /// What they stand for, by the folder.
    stands_for: BTreeMap<String, BTreeSet<String>>,
}

/// `account=A/region=R/month=M` of a part, with its table.
fn folder(part: &str) -> &str {
    part.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `<first day>_<last day>_<hash>` of a part.
fn stem(part: &str) -> &str {
    let name = part.rsplit_once('/').map_or(part, |(_, name)| name);
    name.strip_suffix(".parquet").unwrap_or(name)
}

impl Compactions {
    /// Those of `compactions` that stand only for parts that count, `named`.
    pub(super) fn of(
        dataset: &Dataset,
        compactions: &[Committed],
        named: &BTreeSet<String>,
    ) -> Result<Self> {
        let mut candidates: Vec<(BTreeSet<String>, Vec<String>)> = Vec::new();
        for commit in compactions {
            let parts: Vec<String> = commit.row.parts.split(';').map(str::to_owned).collect();
            let mut stands_for = BTreeSet::new();
            dataset.storage.read_tails(&parts, |path, tail| {
                let (_, summary) = part::summary(&dataset.storage, path, &tail)?;
                let whole = |stem: &String| format!("{}/{stem}.parquet", folder(path));
                stands_for.extend(summary.stands_for.iter().map(whole));
                Ok(())
            })?;
            if stands_for.is_subset(named) {
                candidates.push((stands_for, parts));
            }
        }
        // The one that stands for most counts; what it tells, no other one has to.
        candidates.sort_by(|a, b| (b.0.len(), &a.1).cmp(&(a.0.len(), &b.1)));
        let mut all = Self::default();
        for (stands_for, parts) in candidates {
            let Some(first) = parts
                .first()
                .filter(|_| stands_for.is_disjoint(&all.replaced))
            else {
                continue;
            };
            let folder = folder(first).to_owned();
            all.replaced.extend(stands_for.iter().cloned());
            all.stands_for
                .entry(folder.clone())
                .or_default()
                .extend(stands_for);
            all.parts.entry(folder).or_default().extend(parts);
        }
        Ok(all)
    }

    /// The parts to read where `named` are the ones that count.
    pub(super) fn instead_of(&self, named: BTreeSet<String>) -> BTreeSet<String> {
        let folders: BTreeSet<&str> = named.iter().map(|part| folder(part)).collect();
        let others = folders.iter().filter_map(|folder| self.parts.get(*folder));
        let others: BTreeSet<String> = others.flatten().cloned().collect();
        let itself = named
            .into_iter()
            .filter(|part| !self.replaced.contains(part));
        itself.chain(others).collect()
    }

    /// What `part` stands for: other parts, or itself.
    fn origins(&self, part: &String) -> BTreeSet<String> {
        let is_other = |parts: &&BTreeSet<String>| parts.contains(part);
        let of_folder = self.parts.get(folder(part)).filter(is_other);
        of_folder
            .and_then(|_| self.stands_for.get(folder(part)))
            .cloned()
            .unwrap_or_else(|| BTreeSet::from([part.clone()]))
    }
}

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
                ..writer::summary(&rows)
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
            .and_then(|part| Some((part::partition(part), stem(part).split_once('_')?)))
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
    let partition = part::partition(&place);
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

/// The rows of all of `frames`.
pub(super) fn stack(frames: Vec<DataFrame>) -> PolarsResult<DataFrame> {
    let mut all = DataFrame::empty();
    for frame in frames {
        if all.width() == 0 {
            all = frame;
        } else {
            all.vstack_mut(&frame)?;
        }
    }
    all.rechunk_mut();
    Ok(all)
}

fn unfit(cause: polars::prelude::PolarsError) -> Error {
    Error::new(
        ErrorKind::Input,
        "the parts of one table do not fit together",
    )
    .cause(cause)
}
