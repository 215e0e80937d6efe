//! Commits: which scope-days are there, in what state, and on which parts they stand.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::ToSpan;
use jiff::civil::Date;

use polars::prelude::{Column, DataFrame, PolarsResult};

use super::schema::{CoverageRow, State};
use super::source::{EVERY_CLUSTER, OPEN_DAY, SETTLING_MS, STILL_RUNNING};
use super::{Table, source};

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

impl Committed {
    /// True for what was seen of a day that was not over: it is going to be collected again.
    pub(super) fn is_open(&self) -> bool {
        let reason = self.row.reason.as_deref();
        self.row.state == State::Partial.as_str() && !is_failure(&self.row.state, reason)
    }
}

/// Of the commits of each scope-day and source, keeps the one that tells most; all of them where they tell alike.
///
/// In place, and ordered: a dataset may have hundreds of thousands.
pub(super) fn keep_best(all: &mut Vec<Committed>) {
    all.sort_unstable_by(|a, b| {
        scope_day(a)
            .cmp(&scope_day(b))
            .then_with(|| Reverse(rank(a)).cmp(&Reverse(rank(b))))
            .then_with(|| a.cmp(b))
    });
    all.dedup_by(|next, best| {
        scope_day(next) == scope_day(best) && (rank(next) < rank(best) || next == best)
    });
    end_of_moments(all);
    all.shrink_to_fit();
}

/// True for a row that says that more should have been seen than was.
pub(crate) fn is_failure(state: &str, reason: Option<&str>) -> bool {
    if state == State::Partial.as_str() {
        return !reason.is_some_and(|why| why == OPEN_DAY || why.ends_with(STILL_RUNNING));
    }
    state == State::Denied.as_str() || state == State::Planned.as_str()
}

/// Account, region, scope and what shows the moment of it.
type Moment<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What a look at a moment failed to show is not missed any more once a later look at the same has succeeded: of what
/// it did see, the rows stay.
fn end_of_moments(all: &mut Vec<Committed>) {
    let mut newest: HashMap<Moment<'_>, i64> = HashMap::new();
    for Committed {
        account,
        region,
        row,
    } in all.iter()
    {
        let Some((moment, at_ms)) = source::of_moment(&row.source).zip(row.collected_ms) else {
            continue;
        };
        if is_failure(&row.state, row.reason.as_deref()) {
            continue;
        }
        // Where a cluster was looked at, clusters could be listed.
        for scope in [row.scope.as_str(), EVERY_CLUSTER] {
            let newest = newest.entry((account, region, scope, moment)).or_default();
            *newest = at_ms.max(*newest);
        }
    }
    let is_over = |commit: &Committed| {
        let Committed {
            account,
            region,
            row,
        } = commit;
        let moment = source::of_moment(&row.source);
        let newest = moment
            .and_then(|moment| newest.get(&(account.as_str(), region, row.scope.as_str(), moment)));
        is_failure(&row.state, row.reason.as_deref())
            && newest.is_some_and(|newest| Some(*newest) > row.collected_ms)
    };
    let over: Vec<bool> = all.iter().map(is_over).collect();
    let mut over = over.into_iter();
    all.retain_mut(|commit| {
        if !over.next().unwrap_or_default() {
            return true;
        }
        State::Snapshot.as_str().clone_into(&mut commit.row.state);
        !commit.row.parts.is_empty()
    });
}

/// How much was seen of what was to be seen in a window.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Extent {
    /// Days of scopes of which all was seen.
    pub complete_scope_days: usize,
    /// Days of scopes of which something is missing.
    pub partial_scope_days: usize,
    /// Of these, days on which something could not be looked at.
    pub missed_scope_days: usize,
    /// What could not be looked at, and why.
    pub gaps: Vec<Gap>,
}

/// Days on which something of a scope was not seen, for one reason.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Cluster, log group, `codebuild`, or `*` for every cluster.
    pub scope: String,
    /// Why.
    pub reason: String,
    /// How many.
    pub days: usize,
}

/// Why the rows of an import that broke off do not count.
const BROKEN_OFF: &str = "an import broke off: import the same files again";

/// Why a day does not count as whole whose collection did not even come to look at what runs now.
const CUT_OFF: &str = "a collection was stopped before it had seen everything";

type ScopeOfDay<'a> = (&'a str, &'a str, &'a str, String);

/// What is known of a scope on a day.
#[derive(Default)]
struct Known {
    is_seen: bool,
    is_partial: bool,
    is_missed: bool,
}

impl Extent {
    /// Of the UTC days from `first` to `last`: what `commits` say of them, and what `unfinished` imports do not.
    pub fn of(commits: &[Committed], unfinished: &[Committed], first: Date, last: Date) -> Self {
        let mut days: BTreeMap<ScopeOfDay<'_>, Known> = BTreeMap::new();
        let mut gaps: BTreeMap<(&str, &str, &str, &str), BTreeSet<String>> = BTreeMap::new();
        let broken = unfinished.iter().map(|commit| (commit, Some(BROKEN_OFF)));
        let cut_off = cut_off(commits).map(|commit| (commit, Some(CUT_OFF)));
        let counting = commits.iter().map(|commit| (commit, None));
        for (commit, broken) in counting.chain(broken).chain(cut_off) {
            let Committed {
                account,
                region,
                row,
            } = commit;
            let why = broken.or(row.reason.as_deref());
            let is_failure = broken.is_some() || is_failure(&row.state, why);
            // Of imports, snapshots are configurations, dated to when they began.
            let is_no_look = row.scope == EVERY_CLUSTER
                || is_import(row) && row.state == State::Snapshot.as_str();
            if source::book(&row.source).is_some() || is_no_look && !is_failure {
                continue;
            }
            for day in days_of(row, first, last) {
                let known = days
                    .entry((account, region, &row.scope, day.clone()))
                    .or_default();
                // A snapshot or a source that is switched off neither makes a day whole nor takes from what others saw.
                known.is_seen |= broken.is_none() && row.state == State::Complete.as_str();
                known.is_partial |= is_failure || row.state == State::Partial.as_str();
                known.is_missed |= is_failure;
                if is_failure {
                    gaps.entry((account, region, &row.scope, why.unwrap_or("unknown")))
                        .or_default()
                        .insert(day);
                }
            }
        }
        let is_complete = |known: &&Known| known.is_seen && !known.is_partial;
        let complete_scope_days = days.values().filter(is_complete).count();
        let gap =
            |((account, region, scope, why), days): ((&str, &str, &str, &str), BTreeSet<_>)| {
                let [account, region, scope, reason] =
                    [account, region, scope, why].map(str::to_owned);
                Gap {
                    account,
                    region,
                    scope,
                    reason,
                    days: days.len(),
                }
            };
        Self {
            complete_scope_days,
            partial_scope_days: days.len() - complete_scope_days,
            missed_scope_days: days.values().filter(|known| known.is_missed).count(),
            gaps: gaps.into_iter().map(gap).collect(),
        }
    }
}

/// What was read of clusters without a look at what runs there, by then or since, which every collection takes of each
/// cluster: it was stopped before. The first format does not tell what was planned.
fn cut_off(commits: &[Committed]) -> impl Iterator<Item = &Committed> {
    let mut looked_ms: HashMap<[&str; 3], i64> = HashMap::new();
    for commit in commits {
        if source::kind(&commit.row.source) == source::ECS {
            let looked_ms = looked_ms.entry(cluster_of(commit)).or_default();
            *looked_ms = commit.row.collected_ms.max(Some(*looked_ms)).unwrap_or(0);
        }
    }
    commits.iter().filter(move |commit| {
        let is_of_cluster = [source::METRICS, source::FAMILY_METRICS, source::TASK_EVENTS]
            .contains(&source::kind(&commit.row.source))
            && commit.row.state == State::Complete.as_str();
        // A look a moment before shows the same, and is not taken again.
        let is_looked_at = |at_ms| {
            let looked_ms = looked_ms.get(&cluster_of(commit));
            looked_ms.is_some_and(|looked_ms| looked_ms + SETTLING_MS >= at_ms)
        };
        is_of_cluster && !commit.row.collected_ms.is_none_or(is_looked_at)
    })
}

fn cluster_of(commit: &Committed) -> [&str; 3] {
    [&commit.account, &commit.region, &commit.row.scope]
}

/// The days from `first` to `last` that a row is about.
fn days_of(row: &CoverageRow, first: Date, last: Date) -> Vec<String> {
    // The first format dates what concerns every cluster to the day on which it was found.
    if row.scope == EVERY_CLUSTER && source::kind(&row.source) == source::ECS {
        let days = first.series(1.day()).take_while(|day| *day <= last);
        return days.map(|day| day.to_string()).collect();
    }
    let Ok(day) = row.day.parse::<Date>() else {
        return Vec::new();
    };
    // What failed to show the present, right behind the days of a report, is missing to its last day.
    let is_of_moment =
        source::of_moment(&row.source).is_some() && is_failure(&row.state, row.reason.as_deref());
    if is_of_moment && last.tomorrow().is_ok_and(|next| next == day) {
        return vec![last.to_string()];
    }
    let is_within = (first..=last).contains(&day);
    is_within.then(|| row.day.clone()).into_iter().collect()
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
fn rank(committed: &Committed) -> (bool, bool, bool, Option<i64>) {
    let row = &committed.row;
    (
        row.state != State::Planned.as_str(),
        row.state == State::Complete.as_str(),
        row.rows > 0,
        row.collected_ms,
    )
}

/// True for a row that files were imported with, not collected.
pub(crate) fn is_import(row: &CoverageRow) -> bool {
    row.source.starts_with("import:")
}

/// The parts of all tables that the commits name, in order.
pub(super) fn all_parts(commits: &[Committed]) -> BTreeSet<String> {
    let parts = commits
        .iter()
        .flat_map(|commit| commit.row.parts.split(';'));
    parts.map(str::to_owned).collect()
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

/// The rows of a coverage part.
pub(super) fn rows(frame: &DataFrame) -> PolarsResult<Vec<CoverageRow>> {
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

    /// A row of `source` on a day of October 2026, collected at noon of another.
    fn on(day: u8, source: &str, state: State, collected_day: u8) -> Committed {
        let noon = format!("2026-10-{collected_day:02}T12:00:00Z");
        let noon: jiff::Timestamp = noon.parse().expect("a time");
        let mut commit = committed(state, 1, Some(noon.as_millisecond()), "");
        commit.row.day = format!("2026-10-{day:02}");
        commit.row.source = source.to_owned();
        commit.row.reason = (state == State::Denied).then(|| "access denied".to_owned());
        commit
    }

    /// Why, and on how many days, something was missed from `first` to `last`.
    fn missed(commits: &[Committed], first: i8, last: i8) -> Vec<(String, usize)> {
        let day = |day| jiff::civil::date(2026, 10, day);
        let extent = Extent::of(commits, &[], day(first), day(last));
        let gaps = extent.gaps.into_iter();
        gaps.map(|gap| (gap.reason, gap.days)).collect()
    }

    #[test]
    fn what_was_read_without_a_look_at_what_runs_was_cut_off() {
        let events = on(5, source::TASK_EVENTS, State::Complete, 6);
        let look = |day| on(day, source::ECS, State::Snapshot, day);
        let alone = missed(std::slice::from_ref(&events), 5, 5);
        assert_eq!(alone, [(CUT_OFF.to_owned(), 1)]);
        assert_eq!(missed(&[events.clone(), look(5)], 5, 5), alone, "before");
        assert!(missed(&[events.clone(), look(6)], 5, 5).is_empty());
        assert!(missed(&[events, look(7)], 5, 5).is_empty(), "since");
    }

    #[test]
    fn what_fails_to_show_the_present_is_missing_to_the_days_before() {
        let denied = on(6, source::PROJECTS, State::Denied, 6);
        let denied = std::slice::from_ref(&denied);
        assert_eq!(missed(denied, 1, 5), [("access denied".to_owned(), 1)]);
        assert_eq!(missed(denied, 1, 6), [("access denied".to_owned(), 1)]);
        assert!(missed(denied, 1, 4).is_empty(), "another time");
        let of_days = on(6, source::BUILDS, State::Denied, 6);
        assert!(missed(&[of_days], 1, 5).is_empty(), "of its own day");
    }
}
