//! Keeping reduced days beside the samples, and reading them back.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::DataFrame;
use sha2::{Digest, Sha256};

use super::Table;
use super::kept::SampleDay;
use super::log::Committer;
use super::name::{Partition, date, short_hash};
use super::part;
use super::scan::Scan;
use super::schema::{CoverageRow, State};
use super::summary::{Beside, DaySummary, Summary};
use crate::model::error::{Error, ErrorKind, Result};

/// What the commits of kept days are about begins with it. Behind it stands what the parts are called: where these were
/// deleted and the day was kept again in others, both commits stand, and the one whose parts are there counts.
const SCOPE: &str = "demand";

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
