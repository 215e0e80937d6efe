//! On which days a collection looked at whom, and how far its task events reach.
//!
//! Logs are kept for days, metrics for months: what is read of the one tells nothing of the other's days. A workload
//! whose running time is told by a source that was not read whole on every day of the window ran at least what was
//! seen. Files that were imported are taken to be all there is, as nobody tells what else there was.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::records::Records;
use super::result::{Basis, Component, SeenDays};
use crate::dataset::Table;
use crate::dataset::coverage::{Committed, is_import};
use crate::dataset::name::midnight;
use crate::dataset::schema::{CoverageRow, SourceKind, State};
use crate::dataset::source::{
    self, BUILDS, COLLECTED, OPEN_DAY, SETTLING_MS, TASK_EVENTS, TASK_LOGS,
};
use crate::dataset::written::BUILD_SCOPE;
use crate::model::units::{MS_PER_DAY, Window};
use crate::model::workload::{Kind, WorkloadKey};

/// Stands for every imported content.
const IMPORT: &str = "import:";
/// Log groups of several clusters are scopes of their own, and only their names begin like this.
const GROUPS: Range<&str> = "/".."0";

/// Account, region, source and scope.
type Scope<'a> = (&'a str, &'a str, &'a str, &'a str);

/// What was looked at.
#[derive(Debug)]
pub struct Observed<'a> {
    records: &'a Records,
    asked: Window,
    /// UTC days that the window touches.
    window: Range<i64>,
    /// Accounts and regions that something was collected of.
    collected: BTreeSet<(&'a str, &'a str)>,
    /// Days of the window that were seen whole.
    days: BTreeMap<Scope<'a>, BTreeSet<i64>>,
    /// Where the task events of a scope end, the imported ones among them.
    ends: BTreeMap<Scope<'a>, i64>,
}

impl<'a> Observed<'a> {
    /// What `commits` and `records` tell of the days of `window`.
    pub fn of(commits: &'a [Committed], records: &'a Records, window: Window) -> Self {
        let days =
            window.from_ms.div_euclid(MS_PER_DAY)..(window.to_ms - 1).div_euclid(MS_PER_DAY) + 1;
        let mut observed = Self {
            records,
            asked: window,
            window: days,
            collected: BTreeSet::new(),
            days: BTreeMap::new(),
            ends: BTreeMap::new(),
        };
        for Committed {
            account,
            region,
            row,
        } in commits
        {
            let Some(from_ms) = row.day.parse().ok().map(midnight) else {
                continue;
            };
            let is_import = is_import(row);
            if row.source.starts_with(COLLECTED) {
                observed
                    .collected
                    .insert((account.as_str(), region.as_str()));
            } else if !is_import {
                continue;
            }
            let source = if is_import {
                IMPORT
            } else {
                row.source.as_str()
            };
            let scope = (
                account.as_str(),
                region.as_str(),
                source,
                row.scope.as_str(),
            );
            let day = from_ms.div_euclid(MS_PER_DAY);
            let is_seen = if is_import {
                holds_data(row)
            } else {
                is_whole(row, from_ms, window)
            };
            if observed.window.contains(&day) && is_seen {
                observed.days.entry(scope).or_default().insert(day);
            }
            let end_ms = if is_import {
                end_of_imported_runs(row, from_ms)
            } else {
                end_of_events(row, from_ms)
            };
            if let Some(end_ms) = end_ms {
                let known = observed.ends.entry(scope).or_insert(end_ms);
                *known = end_ms.max(*known);
            }
        }
        observed
    }

    /// When records were made.
    pub const fn records(&self) -> &'a Records {
        self.records
    }

    /// Until when there was something to be seen: the last record, or the end of what was collected.
    pub fn end_ms(&self) -> i64 {
        let collected_ms = self.asked.to_ms;
        let records_ms = self.records.end_ms();
        if self.collected.is_empty() {
            records_ms
        } else {
            records_ms.max(collected_ms)
        }
    }

    /// Until when something is asked for, whether it was to be seen or not.
    pub fn asked_end_ms(&self) -> i64 {
        self.end_ms().max(self.asked.to_ms)
    }

    /// The last record that a source made of the cluster of `workload`.
    pub fn last_record_ms(&self, workload: &WorkloadKey, source: SourceKind) -> Option<i64> {
        self.records.last_ms(workload, source)
    }

    /// The first snapshot of the cluster of `workload` behind `at_ms`.
    pub fn next_snapshot_ms(&self, workload: &WorkloadKey, at_ms: i64) -> Option<i64> {
        self.records.next_snapshot_ms(workload, at_ms)
    }

    /// The days on which `workload` was seen, where these are not all of the window; `None`, too, where nothing was
    /// collected of its account and region.
    ///
    /// `basis` is how its running time was measured; `is_counted` tells that metrics count its running tasks.
    pub fn days_of(
        &self,
        workload: &WorkloadKey,
        basis: Option<Basis>,
        is_counted: bool,
    ) -> Option<SeenDays> {
        let seen = self.days(workload, basis, is_counted)?;
        let all = self.window.end - self.window.start;
        let seen = i64::try_from(seen.len()).unwrap_or(i64::MAX);
        (seen < all).then_some(SeenDays {
            seen,
            of_window: all,
        })
    }

    /// How much of `window` was observed of `workload`: all of it, unless only some of its days were collected.
    pub fn seen_ms(
        &self,
        workload: &WorkloadKey,
        ran: &[Component],
        is_counted: bool,
        window: Window,
    ) -> i64 {
        let basis = ran.iter().map(|component| component.basis).max();
        let whole_ms = window.ms().max(0);
        let Some(days) = self.days(workload, basis, is_counted) else {
            return whole_ms;
        };
        let day_ms = |day: i64| window.overlap_ms(day * MS_PER_DAY, (day + 1) * MS_PER_DAY);
        days.into_iter().map(day_ms).sum::<i64>().min(whole_ms)
    }

    /// The days of the window on which `workload` was seen; `None` where nothing was collected of its account and
    /// region.
    fn days(
        &self,
        workload: &WorkloadKey,
        basis: Option<Basis>,
        is_counted: bool,
    ) -> Option<BTreeSet<i64>> {
        let WorkloadKey {
            account,
            region,
            kind,
            cluster,
            name,
        } = workload;
        if !self
            .collected
            .contains(&(account.as_str(), region.as_str()))
        {
            return None;
        }
        let scope = if *kind == Kind::Build {
            BUILD_SCOPE
        } else {
            cluster
        };
        let of = |source| self.days_of_scope((account, region, source, scope));
        let events = || of(TASK_EVENTS).chain(self.days_of_groups(account, region));
        let together =
            |days: &mut dyn Iterator<Item = i64>| days.chain(of(IMPORT)).collect::<BTreeSet<i64>>();
        let metrics = source::of(source::METRICS, name);
        let counts_all = || {
            let counted = together(&mut of(&metrics));
            is_counted && self.window.clone().all(|day| counted.contains(&day))
        };
        Some(match (kind, basis) {
            (Kind::Build, _) => together(&mut of(BUILDS)),
            // Samples of a family tell what its tasks used, not how long they ran.
            (Kind::Task, _) => together(&mut events().chain(of(TASK_LOGS))),
            (Kind::Service, None) => together(&mut events().chain(of(&metrics))),
            (Kind::Service, Some(Basis::SampleCount)) => together(&mut of(&metrics)),
            // Runs are only taken where they tell of no less than what metrics count.
            (Kind::Service, Some(_)) if counts_all() => self.window.clone().collect(),
            (Kind::Service, Some(_)) => together(&mut events()),
        })
    }

    /// Where the task events of a cluster end; `None` where none were collected that tell of it.
    pub fn events_end(&self, account: &str, region: &str, cluster: &str) -> Option<i64> {
        let groups = self.ends.range(
            (account, region, TASK_EVENTS, GROUPS.start)
                ..(account, region, TASK_EVENTS, GROUPS.end),
        );
        let own = self.ends.get(&(account, region, TASK_EVENTS, cluster));
        let collected = groups
            .map(|(_, end_ms)| *end_ms)
            .chain(own.copied())
            .max()?;
        let imported = self.ends.get(&(account, region, IMPORT, cluster)).copied();
        Some(imported.map_or(collected, |imported| imported.max(collected)))
    }

    /// Days of one source.
    fn days_of_scope<'s>(&'s self, scope: Scope<'s>) -> impl Iterator<Item = i64> + 's {
        self.days.get(&scope).into_iter().flatten().copied()
    }

    /// Days of the task events that are about every cluster of a place.
    fn days_of_groups<'s>(
        &'s self,
        account: &'s str,
        region: &'s str,
    ) -> impl Iterator<Item = i64> + 's {
        let groups = (account, region, TASK_EVENTS, GROUPS.start)
            ..(account, region, TASK_EVENTS, GROUPS.end);
        self.days.range(groups).flat_map(|(_, days)| days).copied()
    }
}

/// True where nothing more is to be had of the day, or of what the window has of it: the last minutes before a
/// collection are not missed.
fn is_whole(row: &CoverageRow, from_ms: i64, window: Window) -> bool {
    let reaches_end = || {
        row.collected_ms
            .is_some_and(|at_ms| at_ms >= window.to_ms.min(from_ms + MS_PER_DAY))
    };
    row.state == State::Complete.as_str() || is_open(row) && reaches_end()
}

/// True where everything was read of a day that was not over.
fn is_open(row: &CoverageRow) -> bool {
    row.state == State::Partial.as_str() && row.reason.as_deref() == Some(OPEN_DAY)
}

/// Where the events of a day end, as far as they were read.
fn end_of_events(row: &CoverageRow, from_ms: i64) -> Option<i64> {
    if row.source != TASK_EVENTS {
        return None;
    }
    let is_state = |state: State| row.state == state.as_str();
    // A snapshot misses the beginning of the day on which the log group was created.
    if is_state(State::Complete) || is_state(State::Snapshot) {
        return Some(from_ms + MS_PER_DAY);
    }
    if is_open(row) {
        return row
            .collected_ms
            .map(|at_ms| (at_ms - SETTLING_MS).min(from_ms + MS_PER_DAY));
    }
    // Nobody knows which of its events are missing.
    (is_state(State::Partial) && row.rows > 0).then_some(from_ms)
}

/// True for an imported day that more is known of than how something was configured from then on.
fn holds_data(row: &CoverageRow) -> bool {
    let is_data = |part: &str| {
        let table = part.split('/').next();
        [Table::Runs, Table::Samples]
            .map(|table| Some(table.name()))
            .contains(&table)
    };
    row.state != State::Snapshot.as_str() && row.parts.split(';').any(is_data)
}

/// The end of a day of which runs were imported.
fn end_of_imported_runs(row: &CoverageRow, from_ms: i64) -> Option<i64> {
    let of_runs = |part: &str| part.split('/').next() == Some(Table::Runs.name());
    row.parts
        .split(';')
        .any(of_runs)
        .then_some(from_ms + MS_PER_DAY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1970-01-11 to 1970-01-20.
    const WINDOW: Window = Window {
        from_ms: 10 * MS_PER_DAY,
        to_ms: 20 * MS_PER_DAY,
    };

    /// Complete days of a source of `prod`.
    fn complete(source: &str, days: Range<i64>) -> Vec<Committed> {
        let of_day = |day: i64| {
            let row = CoverageRow {
                scope: if source == BUILDS {
                    BUILD_SCOPE
                } else {
                    "prod"
                }
                .to_owned(),
                source: source.to_owned(),
                day: format!("1970-01-{:02}", day + 1),
                state: State::Complete.as_str().to_owned(),
                reason: None,
                rows: 1,
                period_s: None,
                collected_ms: Some(30 * MS_PER_DAY),
                parts: if source.starts_with(IMPORT) {
                    "runs/account=1/region=r/month=1970-01/x.parquet".to_owned()
                } else {
                    String::new()
                },
            };
            Committed {
                account: "1".to_owned(),
                region: "r".to_owned(),
                row,
            }
        };
        days.map(of_day).collect()
    }

    /// Days seen of the ten in the window.
    fn seen(commits: &[Vec<Committed>], kind: Kind, basis: Option<Basis>, is_counted: bool) -> i64 {
        let commits = commits.concat();
        let (cluster, name) = (
            if kind == Kind::Build { "" } else { "prod" }.to_owned(),
            "web".to_owned(),
        );
        let workload = WorkloadKey {
            account: "1".to_owned(),
            region: "r".to_owned(),
            kind,
            cluster,
            name,
        };
        Observed::of(&commits, &Records::default(), WINDOW)
            .days_of(&workload, basis, is_counted)
            .map_or(10, |days| days.seen)
    }

    #[test]
    fn a_service_is_seen_where_the_source_was_read_that_its_running_time_is_from() {
        let (metrics, events) = (
            complete("collect:metrics:web", 10..16),
            complete(TASK_EVENTS, 14..20),
        );
        let both = [metrics, events.clone()];
        for basis in [Basis::SampleCount, Basis::Runs] {
            assert_eq!(
                seen(&both, Kind::Service, Some(basis), true),
                6,
                "{basis:?}"
            );
        }
        assert_eq!(seen(&both, Kind::Service, None, false), 10);
        let all_metrics = [complete("collect:metrics:web", 10..20), events];
        assert_eq!(
            seen(&all_metrics, Kind::Service, Some(Basis::SampleCount), true),
            10
        );
        assert_eq!(
            seen(&all_metrics, Kind::Service, Some(Basis::Runs), true),
            10,
            "the events tell of all that is counted"
        );
        assert_eq!(
            seen(&all_metrics, Kind::Service, Some(Basis::Runs), false),
            6,
            "nothing is counted to hold them against"
        );
        assert_eq!(
            seen(
                &[complete("collect:metrics:web-2", 10..20)],
                Kind::Service,
                Some(Basis::SampleCount),
                true
            ),
            0
        );
    }

    #[test]
    fn each_kind_is_seen_by_its_own_sources_and_by_what_was_imported() {
        assert_eq!(
            seen(
                &[complete(TASK_LOGS, 9..15), complete(TASK_EVENTS, 13..17)],
                Kind::Task,
                Some(Basis::Runs),
                false
            ),
            7
        );
        assert_eq!(
            seen(
                &[complete("collect:family-metrics:web", 10..20)],
                Kind::Task,
                None,
                false
            ),
            0
        );
        assert_eq!(
            seen(
                &[complete(BUILDS, 12..25)],
                Kind::Build,
                Some(Basis::Runs),
                false
            ),
            8
        );
        assert_eq!(
            seen(
                &[complete(BUILDS, 12..25), complete("import:a", 10..20)],
                Kind::Task,
                Some(Basis::Runs),
                false
            ),
            10
        );
        assert_eq!(
            seen(
                &[complete("import:a", 10..12)],
                Kind::Task,
                Some(Basis::Runs),
                false
            ),
            10,
            "nothing was collected"
        );
    }

    #[test]
    fn only_days_that_were_read_whole_are_seen() {
        for (state, reason, expected) in [
            (State::Complete, None, 10),
            (State::Partial, Some(OPEN_DAY), 10),
            (State::Partial, Some("throttled"), 9),
            (State::Snapshot, None, 9),
            (State::Disabled, None, 9),
            (State::Denied, None, 9),
        ] {
            let mut days = complete(TASK_EVENTS, 10..20);
            days[9].row.state = state.as_str().to_owned();
            days[9].row.reason = reason.map(str::to_owned);
            assert_eq!(
                seen(&[days], Kind::Task, Some(Basis::Runs), false),
                expected,
                "{state:?} {reason:?}"
            );
        }
    }
}
