//! Days that samples were reduced to, kept beside them: parts of their own table, named by a commit that also tells
//! from which parts of samples they were made. They count as long as these are the parts of their day; without them
//! everything is the same, but takes longer.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use super::Table;
use super::coverage::Committed;
use super::log::Committer;
use super::part::{self, Beside, DaySummary, Partition, Summary, short_hash};
use super::scan::{Scan, span_of_days};
use super::schema::{CoverageRow, State};
use super::source::DEMAND;
use super::writer::date;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::MS_PER_DAY;

/// What the commits of kept days are about begins with it. Behind it stands what the parts are called: where these were
/// deleted and the day was kept again in others, both commits stand, and the one whose parts are there counts.
const SCOPE: &str = "demand";

/// The samples of one UTC day of one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleDay {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Days since the epoch.
    pub day: i32,
    /// Parts that may hold its samples.
    pub parts: Vec<String>,
    /// The commit that names what was kept of it, as the coverage table calls its source.
    pub source: String,
    /// All that can be recorded of it is in the past: else later rows are set aside, and nothing is kept.
    pub is_over: bool,
    /// Parts of what was kept; `None` where nothing was, or where it was made from other parts.
    pub kept: Option<Vec<String>>,
    /// Parts that other commits name instead.
    pub others: Vec<Vec<String>>,
}

impl SampleDay {
    /// Account, region and day.
    pub fn key(&self) -> (&str, &str, i32) {
        (&self.account, &self.region, self.day)
    }
}

/// The days of `samples`, and what the commits in `kept` say was kept of them.
pub(super) fn days(samples: &BTreeSet<String>, kept: &[Committed]) -> Vec<SampleDay> {
    let mut days: BTreeMap<(&str, &str, i32), Vec<&String>> = BTreeMap::new();
    for part in samples {
        let (account, region) = part::account_and_region(part);
        let Some((from_ms, to_ms)) = span_of_days(part) else {
            continue;
        };
        let number = |at_ms: i64| i32::try_from(at_ms / MS_PER_DAY).unwrap_or(i32::MAX);
        for day in number(from_ms)..number(to_ms) {
            days.entry((account, region, day)).or_default().push(part);
        }
    }
    // Of two that kept the same day, either will do.
    let mut known: BTreeMap<[&str; 4], Vec<Vec<String>>> = BTreeMap::new();
    for commit in kept {
        let row = &commit.row;
        let parts = row.parts.split(';').filter(|part| !part.is_empty());
        known
            .entry([&commit.account, &commit.region, &row.day, &row.source])
            .or_default()
            .push(parts.map(str::to_owned).collect());
    }
    let of_day = |((account, region, day), parts): ((&str, &str, i32), Vec<&String>)| {
        let source = source(&parts);
        let name = date(day.into());
        let kept = known.get(&[account, region, name.as_str(), source.as_str()]);
        let mut kept = kept.into_iter().flatten().cloned();
        SampleDay {
            account: account.to_owned(),
            region: region.to_owned(),
            day,
            parts: parts.into_iter().cloned().collect(),
            is_over: true,
            kept: kept.next(),
            others: kept.collect(),
            source,
        }
    };
    days.into_iter().map(of_day).collect()
}

/// What a day is called that was made from `parts`, in order.
fn source(parts: &[&String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(b"\n");
    }
    format!("{DEMAND}{}", short_hash(hash))
}

/// Rows of some days of one account, region and month on their way into the dataset.
pub struct Rows<'r> {
    /// AWS account id and region.
    pub place: (&'r str, &'r str),
    /// How many samples each day was made from, in order.
    pub days: &'r [DaySummary],
    /// The rows.
    pub frame: DataFrame,
}

impl Scan<'_> {
    /// Writes rows of days as a part, of which nothing counts before its days are committed, and returns its name.
    pub fn write_days(&self, rows: Rows<'_>) -> Result<String> {
        let Rows {
            place,
            days,
            mut frame,
        } = rows;
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            return Err(Error::new(ErrorKind::Failure, "a part of no days"));
        };
        let (first, last) = (date(first.day.into()), date(last.day.into()));
        let summary = Summary {
            days: days.to_vec(),
            ..Summary::default()
        };
        part::write(
            &self.dataset.storage,
            Table::Demand,
            &partition(place, &first),
            (&first, &last),
            &mut frame,
            Beside::Summary(&summary),
        )
    }

    /// Commits days, each with the parts that its rows are in.
    pub fn commit_days(&self, days: &[(&SampleDay, BTreeSet<String>)]) -> Result<()> {
        let mut months: BTreeMap<Partition, Vec<CoverageRow>> = BTreeMap::new();
        for (day, parts) in days {
            let name = date(day.day.into());
            let partition = partition((&day.account, &day.region), &name);
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let hash = short_hash(Sha256::new_with_prefix(parts.join(";")));
            months.entry(partition).or_default().push(CoverageRow {
                scope: format!("{SCOPE}:{hash}"),
                source: day.source.clone(),
                day: name,
                state: State::Complete.as_str().to_owned(),
                reason: None,
                rows: 0,
                period_s: None,
                collected_ms: None,
                parts: parts.join(";"),
            });
        }
        let mut log = Committer::new(self.dataset);
        for (partition, rows) in &months {
            log.append(partition, rows)?;
        }
        log.close()
    }

    /// The rows of a part of kept days, and how many samples each was made from; verified.
    pub fn read_days(&self, part: &str) -> Result<(DataFrame, Vec<DaySummary>)> {
        let mut frame = DataFrame::empty();
        let storage = &self.dataset.storage;
        storage.read_each(&[part.to_owned()], |relative, bytes| {
            frame = part::decode(storage, relative, &bytes, None)?.frame;
            Ok(())
        })?;
        let footers = self.footers([&part.to_owned()])?;
        let days = footers.first().map(|part| part.summary.days.clone());
        Ok((frame, days.unwrap_or_default()))
    }
}

fn partition((account, region): (&str, &str), day: &str) -> Partition {
    Partition {
        account: account.to_owned(),
        region: region.to_owned(),
        month: day.get(..7).unwrap_or_default().to_owned(),
    }
}
