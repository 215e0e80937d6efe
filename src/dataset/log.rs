//! The commit log: every coverage part, which others it stands with, and whether one is missing.
//!
//! Coverage parts of one writer are a chain: each names the one before, and when the writer is done, a part without rows
//! names the last. Contents that are imported are chains of their own, each with its end, so that the same contents
//! become the same parts in whatever order and company they come. So a coverage part that is removed, renamed or moved
//! is missed by another one, and reading ends with its name. Datasets that are copied together hold several chains, and
//! so does one of many writers. What stays unseen: the removal of the newest part of a writer that
//! was killed (its days then count as planned and not seen), and of all parts of a chain at once. The next import names
//! the ends that a killed writer left open. Parts of the first format name nothing and are not missed.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::checkpoint::{self, Repeated};
use super::coverage::{self, Committed};
use super::name::{self, Partition, short_hash};
use super::part;
use super::schema::{self, CoverageRow};
use super::summary::{Beside, Links, Whole};
use super::{Dataset, Table, storage};
use crate::model::error::{Error, ErrorKind, Result};

/// What the coverage parts of a dataset tell together.
#[derive(Debug, Default)]
pub struct Log {
    /// Every commit that counts, ordered: for a scope-day of one source only the one that tells most.
    pub commits: Vec<Committed>,
    /// What imports that broke off between their parts had committed. It does not count.
    pub unfinished: Vec<Committed>,
    /// What the first format says of contents that were imported again since.
    superseded: Vec<Committed>,
    /// Contents that are whole.
    whole: BTreeSet<String>,
    /// Missing coverage parts, each with the one that names it.
    missing: BTreeMap<String, String>,
    /// Coverage parts with rows that no other one names.
    ends: Vec<String>,
}

/// Reads the coverage parts of the months that `is_wanted` names: `YYYY-MM`.
pub(crate) fn read(dataset: &Dataset, is_wanted: impl Fn(&str) -> bool) -> Result<Log> {
    let mut reading = Reading::default();
    let mut repeated = checkpoint::newest(dataset)?;
    loop {
        let mut parts = dataset.storage.parts(Table::Coverage)?;
        parts.retain(|part| name::month(part).is_none_or(&is_wanted));
        parts.retain(|part| !reading.read.contains(part));
        let (known, others): (Vec<String>, Vec<String>) = parts
            .iter()
            .cloned()
            .partition(|part| repeated.contains_key(part));
        for part in known {
            let (rows, links) = repeated.remove(&part).unwrap_or_default();
            reading.take(&part, rows, links)?;
        }
        each(dataset, &others, |part, (rows, links)| {
            reading.take(part, rows, links)
        })?;
        // Whoever commits meanwhile may have added a part to a folder that was already listed.
        let is_missing = |(part, _): (&String, &String)| {
            name::month(part).is_none_or(&is_wanted) && !reading.read.contains(part)
        };
        if parts.is_empty() || !reading.named.iter().any(is_missing) {
            return Ok(reading.finish(is_wanted));
        }
    }
}

/// Hands what each of `parts` says to `take`.
fn each(
    dataset: &Dataset,
    parts: &[String],
    mut take: impl FnMut(&str, Repeated) -> Result<()>,
) -> Result<()> {
    let storage = &dataset.storage;
    storage.read_each(parts, |relative, bytes| {
        let (part, links) = part::decode_coverage(storage, relative, &bytes)?;
        let rows = coverage::rows(&part.frame).map_err(|cause| {
            Error::new(
                ErrorKind::Input,
                format!("`{relative}` does not have the columns of a coverage part"),
            )
            .cause(cause)
        })?;
        take(relative, (rows, links))
    })
}

/// Writes what all coverage parts say into one, where many were not in one yet; returns how many.
pub(super) fn checkpoint(dataset: &Dataset) -> Result<usize> {
    let mut repeated = checkpoint::newest(dataset)?;
    let parts = dataset.storage.parts(Table::Coverage)?;
    repeated.retain(|part, _| parts.binary_search(part).is_ok());
    let known = repeated.len();
    let others: Vec<String> = parts
        .into_iter()
        .filter(|part| !repeated.contains_key(part))
        .collect();
    each(dataset, &others, |part, said| {
        repeated.insert(part.to_owned(), said);
        Ok(())
    })?;
    checkpoint::write(dataset, &repeated, known)
}

impl Log {
    /// Reads all of it. What is missing is an error.
    pub fn of(dataset: &Dataset) -> Result<Self> {
        read(dataset, |_| true)?.checked(dataset)
    }

    /// Fails where a coverage part is missing.
    fn checked(self, dataset: &Dataset) -> Result<Self> {
        let Some((part, named_by)) = self.missing.first_key_value() else {
            return Ok(self);
        };
        let more = match self.missing.len() {
            1 => String::new(),
            number => format!(", and {} more are missing", number - 1),
        };
        let storage = &dataset.storage;
        Err(Error::new(
            ErrorKind::Input,
            format!(
                "coverage part `{}` is missing: it was committed before `{named_by}`{more}",
                storage.place(part)
            ),
        )
        .hint(
            "restore it from a copy, or import its files again; \
             if it was removed on purpose, remove the part that names it, too",
        ))
    }

    /// Contents that are in the dataset as a whole.
    pub(crate) fn contents(&self, dataset: &Dataset) -> Result<BTreeSet<String>> {
        let of_first_format: BTreeSet<&String> = self
            .commits
            .iter()
            .filter(|commit| coverage::is_import(&commit.row))
            .map(|commit| &commit.row.source)
            .filter(|source| !self.whole.contains(*source))
            .collect();
        let mut contents = self.whole.clone();
        if !of_first_format.is_empty() && !self.has_strays(dataset)? {
            contents.extend(of_first_format.into_iter().cloned());
        }
        Ok(contents)
    }

    /// True when there are parts that no commit names: an import by the first format may have broken off before them.
    fn has_strays(&self, dataset: &Dataset) -> Result<bool> {
        let rows = [&self.commits, &self.unfinished, &self.superseded];
        let tables = [
            Table::Workloads,
            Table::Runs,
            Table::Samples,
            Table::Instances,
        ];
        for table in tables {
            let named = coverage::named_parts(rows.into_iter().flatten(), table);
            let parts = dataset.storage.parts(table)?;
            if parts.iter().any(|part| !named.contains(part)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The coverage parts read so far.
#[derive(Default)]
struct Reading {
    read: BTreeSet<String>,
    /// Parts that must be there, each with the one that names it.
    named: BTreeMap<String, String>,
    with_rows: Vec<String>,
    plain: Vec<Committed>,
    together: BTreeMap<String, Together>,
}

/// Rows that count together or not at all.
#[derive(Default)]
struct Together {
    needed: usize,
    partitions: BTreeSet<Partition>,
    rows: Vec<Committed>,
}

/// Refuses rows that name anything but parts of this dataset: what they name is opened.
fn check_names(relative: &str, rows: &[CoverageRow]) -> Result<()> {
    let mut names = rows.iter().flat_map(|row| row.parts.split(';'));
    let is_part = |name: &str| {
        Table::ALL
            .iter()
            .any(|table| storage::is_part(name, table.name()))
    };
    match names.find(|name| !name.is_empty() && !is_part(name)) {
        None => Ok(()),
        Some(name) => Err(Error::new(
            ErrorKind::Input,
            format!("`{relative}` names `{name}`, which is no part of a dataset"),
        )
        .hint("remove the file: plimsoll did not write it")),
    }
}

impl Reading {
    fn take(&mut self, relative: &str, rows: Vec<CoverageRow>, links: Links) -> Result<()> {
        let partition = name::partition(relative);
        check_names(relative, &rows)?;
        check_account(relative, &rows)?;
        self.read.insert(relative.to_owned());
        if !rows.is_empty() {
            self.with_rows.push(relative.to_owned());
        }
        for part in links.after {
            self.named.insert(part, relative.to_owned());
        }
        let committed = rows.into_iter().map(|row| Committed {
            account: partition.account.clone(),
            region: partition.region.clone(),
            row,
        });
        match links.whole {
            None => self.plain.extend(committed),
            Some(whole) => {
                let together = self.together.entry(whole.id).or_default();
                together.needed = whole.parts;
                together.rows.extend(committed);
                together.partitions.insert(partition);
            }
        }
        Ok(())
    }

    fn finish(self, is_wanted: impl Fn(&str) -> bool) -> Log {
        let mut log = Log::default();
        for together in self.together.into_values() {
            if together.partitions.len() >= together.needed {
                log.whole
                    .extend(together.rows.iter().map(|commit| commit.row.source.clone()));
                log.commits.extend(together.rows);
            } else {
                log.unfinished.extend(together.rows);
            }
        }
        let is_whole = |commit: &Committed| log.whole.contains(&commit.row.source);
        let (superseded, plain) = self.plain.into_iter().partition(is_whole);
        log.unfinished.retain(|commit| !is_whole(commit));
        log.superseded = superseded;
        log.commits.extend::<Vec<_>>(plain);
        coverage::keep_best(&mut log.commits);
        let of_month = |part: &str| name::month(part).is_none_or(&is_wanted);
        log.ends = self.with_rows;
        log.ends.retain(|part| !self.named.contains_key(part));
        log.missing = self.named;
        log.missing
            .retain(|part, _| of_month(part) && !self.read.contains(part));
        log
    }
}

/// Refuses a coverage part whose rows stand on parts of another account or region alone: parts of the first format do
/// not say where they belong.
fn check_account(relative: &str, rows: &[CoverageRow]) -> Result<()> {
    let own = name::account_and_region(relative);
    let mut parts = rows
        .iter()
        .flat_map(|row| row.parts.split(';'))
        .filter(|part| !part.is_empty())
        .peekable();
    if parts.peek().is_none() || parts.any(|part| name::account_and_region(part) == own) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Input,
        format!("`{relative}` names parts of another account or region: it was moved"),
    )
    .hint("move it back; account and region of a commit are those of its folder"))
}

/// Appends commits to the log of a dataset, each naming the one before.
pub(crate) struct Committer<'d> {
    dataset: &'d Dataset,
    last: Option<String>,
    /// What writers that were killed left open.
    open: BTreeSet<String>,
}

impl<'d> Committer<'d> {
    /// Begins a chain.
    pub(crate) const fn new(dataset: &'d Dataset) -> Self {
        Self {
            dataset,
            last: None,
            open: BTreeSet::new(),
        }
    }

    /// The same, and names what writers that were killed left open.
    pub(crate) fn after(dataset: &'d Dataset, log: &Log) -> Self {
        Self {
            open: log.ends.iter().cloned().collect(),
            ..Self::new(dataset)
        }
    }

    /// Commits `rows`, all of one partition. Until this returns, none of the parts they name counts.
    pub(crate) fn append(&mut self, partition: &Partition, rows: &[CoverageRow]) -> Result<()> {
        self.write(partition, rows, None)
    }

    /// Commits what one content became: all of it counts when the last part is written, and none before.
    pub(crate) fn append_whole(
        &mut self,
        partitions: &BTreeMap<Partition, Vec<CoverageRow>>,
    ) -> Result<()> {
        self.end_chain()?;
        let whole = Whole {
            id: hash_of(partitions),
            parts: partitions.len(),
        };
        for (partition, rows) in partitions {
            self.write(partition, rows, Some(whole.clone()))?;
        }
        self.end_chain()
    }

    fn write(
        &mut self,
        partition: &Partition,
        rows: &[CoverageRow],
        whole: Option<Whole>,
    ) -> Result<()> {
        let mut rows = rows.to_vec();
        rows.sort();
        let days = rows.iter().map(|row| row.day.as_str());
        let (Some(first), Some(last)) = (days.clone().min(), days.max()) else {
            return Ok(());
        };
        let links = Links {
            whole,
            after: self.last.take().into_iter().collect(),
        };
        // What an import that broke off left open is named by the one that completes it.
        self.open.retain(|part| !links.after.contains(part));
        let part = write(self.dataset, partition, (first, last), &rows, &links)?;
        self.open.remove(&part);
        self.last = Some(part);
        Ok(())
    }

    /// Ends the chain, and those that killed writers left open.
    pub(crate) fn close(mut self) -> Result<()> {
        self.end_chain()?;
        write_end(self.dataset, self.open.into_iter().collect())
    }

    fn end_chain(&mut self) -> Result<()> {
        write_end(self.dataset, self.last.take().into_iter().collect())
    }
}

/// Writes the part without rows that names the last ones of chains.
fn write_end(dataset: &Dataset, lasts: Vec<String>) -> Result<()> {
    let Some(last) = lasts.last().cloned() else {
        return Ok(());
    };
    let links = Links {
        whole: None,
        after: lasts,
    };
    let (partition, days) = (name::partition(&last), name::days(&last));
    write(dataset, &partition, days, &[], &links).map(drop)
}

fn write(
    dataset: &Dataset,
    partition: &Partition,
    days: (&str, &str),
    rows: &[CoverageRow],
    links: &Links,
) -> Result<String> {
    let mut frame = schema::coverage(rows)
        .map_err(|cause| Error::new(ErrorKind::Failure, "cannot build coverage").cause(cause))?;
    part::write(
        &dataset.storage,
        Table::Coverage,
        partition,
        days,
        &mut frame,
        Beside::Links(links),
    )
}

/// The hash of everything that is committed together.
fn hash_of(partitions: &BTreeMap<Partition, Vec<CoverageRow>>) -> String {
    let mut hash = Sha256::new();
    for (partition, rows) in partitions {
        let Partition {
            account,
            region,
            month,
        } = partition;
        hash.update(format!("{account}\n{region}\n{month}\n"));
        for row in rows {
            let CoverageRow {
                scope,
                source,
                day,
                state,
                reason,
                rows,
                parts,
                ..
            } = row;
            hash.update(format!(
                "{scope}\n{source}\n{day}\n{state}\n{reason:?}\n{rows}\n{parts}\n"
            ));
        }
    }
    short_hash(hash)
}
