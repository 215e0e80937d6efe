//! The commit log: which scope-days are there, in what state, and on which parts they stand.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::part::{self, Partition, Summary};
use super::schema::{self, CoverageRow, State};
use super::{Dataset, Table};
use crate::model::error::{Error, Kind, Result};

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
    let (Some(first), Some(last)) = (
        rows.iter().map(|row| &row.day).min(),
        rows.iter().map(|row| &row.day).max(),
    ) else {
        return Ok(());
    };
    let days = (first.clone(), last.clone());
    let mut frame = schema::coverage(&rows)
        .map_err(|cause| Error::new(Kind::Failure, "cannot build coverage").cause(cause))?;
    part::write(
        &dataset.storage,
        Table::Coverage,
        partition,
        (&days.0, &days.1),
        &mut frame,
        &Summary::default(),
    )?;
    Ok(())
}

/// Every commit of the dataset that counts, ordered: for a scope-day of one source only the one that tells most.
pub fn read(dataset: &Dataset) -> Result<Vec<Committed>> {
    read_months(dataset, |_| true)
}

/// The same, of the months that `is_wanted` names: `YYYY-MM`.
pub(crate) fn read_months(
    dataset: &Dataset,
    is_wanted: impl Fn(&str) -> bool,
) -> Result<Vec<Committed>> {
    let mut all: Vec<Committed> = Vec::new();
    let storage = &dataset.storage;
    let mut parts = storage.parts(Table::Coverage)?;
    parts.retain(|part| part::month(part).is_none_or(&is_wanted));
    storage.read_each(&parts, |relative, bytes| {
        let part = part::decode(storage, relative, bytes, None)?;
        let rows = rows(&part.frame).map_err(|cause| {
            Error::new(
                Kind::Input,
                format!("`{relative}` does not have the columns of a coverage part"),
            )
            .cause(cause)
        })?;
        all.extend(rows.into_iter().map(|row| Committed {
            account: part.account.clone(),
            region: part.region.clone(),
            row,
        }));
        Ok(())
    })?;
    keep_best(&mut all);
    Ok(all)
}

/// Of the commits of each scope-day and source, keeps the one that tells most; all of them where they tell alike.
///
/// In place, and ordered: a dataset may have hundreds of thousands.
fn keep_best(all: &mut Vec<Committed>) {
    all.sort_unstable_by(|a, b| {
        scope_day(a)
            .cmp(&scope_day(b))
            .then_with(|| Reverse(rank(a)).cmp(&Reverse(rank(b))))
            .then_with(|| a.cmp(b))
    });
    all.dedup_by(|next, best| {
        scope_day(next) == scope_day(best) && (rank(next) < rank(best) || next == best)
    });
    all.shrink_to_fit();
}

fn scope_day(committed: &Committed) -> [&str; 5] {
    let Committed {
        account,
        region,
        row,
    } = committed;
    [account, region, &row.scope, &row.source, &row.day]
}

/// What is whole comes before what is not, something before nothing, and only then the newest: whoever could not look
/// does not undo what another collector, or another dataset that was merged in, has seen.
fn rank(committed: &Committed) -> (bool, bool, Option<i64>) {
    let row = &committed.row;
    (
        row.state == State::Complete.as_str(),
        row.rows > 0,
        row.collected_ms,
    )
}

/// The parts of `table` that the commits name, in order.
pub fn named_parts<'a>(
    commits: impl IntoIterator<Item = &'a Committed>,
    table: Table,
) -> BTreeSet<String> {
    let prefix = format!("{}/", table.name());
    let parts = commits
        .into_iter()
        .flat_map(|commit| commit.row.parts.split(';'));
    parts
        .filter(|part| part.starts_with(&prefix))
        .map(str::to_owned)
        .collect()
}

fn rows(frame: &DataFrame) -> PolarsResult<Vec<CoverageRow>> {
    let text = |name: &str| -> PolarsResult<Vec<Option<String>>> {
        Ok(frame
            .column(name)?
            .str()?
            .iter()
            .map(|value| value.map(str::to_owned))
            .collect())
    };
    let number = |name: &str| -> PolarsResult<Vec<Option<i64>>> {
        Ok(frame.column(name).and_then(Column::i64)?.iter().collect())
    };
    let (mut scope, mut source, mut day, mut state) = (
        text("scope")?,
        text("source")?,
        text("day")?,
        text("state")?,
    );
    let (mut reason, mut parts) = (text("reason")?, text("parts")?);
    let (rows, period_s, collected_ms) = (
        number("rows")?,
        number("period_s")?,
        number("collected_ms")?,
    );
    Ok((0..frame.height())
        .map(|i| CoverageRow {
            scope: scope[i].take().unwrap_or_default(),
            source: source[i].take().unwrap_or_default(),
            day: day[i].take().unwrap_or_default(),
            state: state[i].take().unwrap_or_default(),
            reason: reason[i].take(),
            rows: rows[i].unwrap_or_default(),
            period_s: period_s[i],
            collected_ms: collected_ms[i],
            parts: parts[i].take().unwrap_or_default(),
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn committed(state: State, rows: i64, collected_ms: Option<i64>, parts: &str) -> Committed {
        let row = CoverageRow {
            scope: "prod".into(),
            source: "collect:task-events".into(),
            day: "2026-10-05".into(),
            state: state.as_str().into(),
            reason: None,
            rows,
            period_s: None,
            collected_ms,
            parts: parts.into(),
        };
        Committed {
            account: "123456789012".into(),
            region: "us-east-1".into(),
            row,
        }
    }

    /// The parts of the commits that count.
    fn counting(commits: &[Committed]) -> Vec<String> {
        let told = |mut all: Vec<Committed>| {
            keep_best(&mut all);
            all.into_iter()
                .map(|commit| commit.row.parts)
                .collect::<Vec<_>>()
        };
        let kept = told(commits.to_vec());
        assert_eq!(
            kept,
            told(commits.iter().rev().cloned().collect()),
            "whatever order they are read in"
        );
        kept
    }

    #[test]
    fn whoever_could_not_look_does_not_undo_what_another_has_seen() {
        let whole = committed(State::Complete, 5, Some(10), "whole");
        for later in [
            State::Partial,
            State::Denied,
            State::Disabled,
            State::Snapshot,
        ] {
            assert_eq!(
                counting(&[whole.clone(), committed(later, 9, Some(20), "later")]),
                ["whole"]
            );
        }
        assert_eq!(
            counting(&[whole, committed(State::Complete, 0, Some(20), "nothing")]),
            ["whole"]
        );
        let open = committed(State::Partial, 3, Some(10), "open");
        assert_eq!(
            counting(&[open, committed(State::Denied, 0, Some(20), "denied")]),
            ["open"]
        );
    }

    #[test]
    fn of_commits_that_tell_as_much_the_newest_counts() {
        let at = |collected_ms, parts| committed(State::Complete, 5, Some(collected_ms), parts);
        assert_eq!(counting(&[at(10, "old"), at(20, "new")]), ["new"]);
        let open = committed(State::Partial, 9, Some(10), "open");
        assert_eq!(counting(&[open, at(5, "whole")]), ["whole"]);
    }

    #[test]
    fn imports_which_have_no_clock_all_count_once() {
        let import = |parts| committed(State::Complete, 5, None, parts);
        assert_eq!(
            counting(&[import("a"), import("b"), import("a")]),
            ["a", "b"]
        );
    }
}
