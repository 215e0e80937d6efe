//! The commit log: which scope-days are there, in what state, and on which parts they stand.

use std::collections::{BTreeMap, BTreeSet};

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::part::{self, Partition, Summary};
use super::schema::{self, CoverageRow};
use super::{Dataset, Table};
use crate::error::{Error, Kind, Result};

/// A coverage row with the account and region of its part.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Committed {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// The row.
    pub row: CoverageRow,
}

/// Commits `rows`, all of one partition. Until this returns, none of the parts they name counts.
pub fn commit(dataset: &Dataset, partition: &Partition, rows: &[CoverageRow]) -> Result<()> {
    let mut rows = rows.to_vec();
    rows.sort();
    let (Some(first), Some(last)) = (rows.iter().map(|row| &row.day).min(), rows.iter().map(|row| &row.day).max()) else {
        return Ok(());
    };
    let days = (first.clone(), last.clone());
    let mut frame = schema::coverage(&rows).map_err(|cause| Error::new(Kind::Failure, "cannot build coverage").cause(cause))?;
    part::write(&dataset.storage, Table::Coverage, partition, (&days.0, &days.1), &mut frame, &Summary::default())?;
    Ok(())
}

/// Every commit of the dataset that counts, ordered: for a scope-day of one source only its newest collection.
pub fn read(dataset: &Dataset) -> Result<Vec<Committed>> {
    read_months(dataset, |_| true)
}

/// The same, of the months that `is_wanted` names: `YYYY-MM`.
pub(crate) fn read_months(dataset: &Dataset, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<Committed>> {
    let mut newest: BTreeMap<(String, String, String, String, String), Vec<Committed>> = BTreeMap::new();
    let storage = &dataset.storage;
    let mut parts = storage.parts(Table::Coverage)?;
    parts.retain(|part| part::month(part).is_none_or(&is_wanted));
    storage.read_each(&parts, |relative, bytes| {
        let part = part::decode(storage, relative, bytes, None)?;
        let rows = rows(&part.frame).map_err(|cause| {
            Error::new(Kind::Input, format!("`{relative}` does not have the columns of a coverage part")).cause(cause)
        })?;
        for row in rows {
            let committed = Committed { account: part.account.clone(), region: part.region.clone(), row };
            let key = (
                committed.account.clone(),
                committed.region.clone(),
                committed.row.scope.clone(),
                committed.row.source.clone(),
                committed.row.day.clone(),
            );
            keep_newest(newest.entry(key).or_default(), committed);
        }
        Ok(())
    })?;
    let mut all: Vec<Committed> = newest.into_values().flatten().collect();
    all.sort();
    all.dedup();
    Ok(all)
}

fn keep_newest(kept: &mut Vec<Committed>, committed: Committed) {
    let newest = kept.first().map(|first| first.row.collected_ms);
    match newest {
        Some(at) if at > committed.row.collected_ms => {}
        Some(at) if at < committed.row.collected_ms => *kept = vec![committed],
        _ => kept.push(committed),
    }
}

/// The parts of `table` that the commits name, in order.
pub fn named_parts(commits: &[Committed], table: Table) -> BTreeSet<String> {
    let prefix = format!("{}/", table.name());
    let parts = commits.iter().flat_map(|commit| commit.row.parts.split(';'));
    parts.filter(|part| part.starts_with(&prefix)).map(str::to_owned).collect()
}

fn rows(frame: &DataFrame) -> PolarsResult<Vec<CoverageRow>> {
    let text = |name: &str| -> PolarsResult<Vec<Option<String>>> {
        Ok(frame.column(name)?.str()?.iter().map(|value| value.map(str::to_owned)).collect())
    };
    let number =
        |name: &str| -> PolarsResult<Vec<Option<i64>>> { Ok(frame.column(name).and_then(Column::i64)?.iter().collect()) };
    let (scope, source, day, state) = (text("scope")?, text("source")?, text("day")?, text("state")?);
    let (reason, parts) = (text("reason")?, text("parts")?);
    let (rows, period_s, collected_ms) = (number("rows")?, number("period_s")?, number("collected_ms")?);
    Ok((0..frame.height())
        .map(|i| CoverageRow {
            scope: scope[i].clone().unwrap_or_default(),
            source: source[i].clone().unwrap_or_default(),
            day: day[i].clone().unwrap_or_default(),
            state: state[i].clone().unwrap_or_default(),
            reason: reason[i].clone(),
            rows: rows[i].unwrap_or_default(),
            period_s: period_s[i],
            collected_ms: collected_ms[i],
            parts: parts[i].clone().unwrap_or_default(),
        })
        .collect())
}
