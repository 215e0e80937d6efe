//! What a writer wrote, and the commit that makes it count.

use std::collections::{BTreeMap, BTreeSet};

use super::Table;
use super::log::Committer;
use super::name::{Partition, date, day, may_hold};
use super::schema::{CoverageRow, State};
use crate::model::error::Result;
use crate::model::workload::{Kind as WorkloadKind, WorkloadKey};

/// The scope of builds in the coverage table.
pub(crate) const BUILD_SCOPE: &str = "codebuild";

/// What was written into one partition.
#[derive(Default)]
struct Share {
    parts: BTreeSet<String>,
    /// By scope, day and name of the workload.
    days: BTreeMap<(String, i64, String), Day>,
}

impl Share {
    /// What an import commits of a scope-day.
    fn row(
        &self,
        (scope, day): (&str, i64),
        source: &str,
        reason: Option<&str>,
        parts: &str,
    ) -> CoverageRow {
        let totals = self.totals(scope, day, None);
        // Configurations are dated to when they began: on such a day alone nothing was seen.
        let state = match reason {
            _ if !totals.is_seen => State::Snapshot,
            Some(_) => State::Partial,
            None => State::Complete,
        };
        CoverageRow {
            scope: scope.to_owned(),
            source: source.to_owned(),
            day: date(day),
            state: state.as_str().to_owned(),
            reason: reason.map(str::to_owned),
            rows: totals.rows,
            period_s: totals.period_s,
            collected_ms: None,
            parts: parts.to_owned(),
        }
    }

    /// What was written of a scope-day, or of one workload on it.
    fn totals(&self, scope: &str, day: i64, workload: Option<&str>) -> Day {
        if scope.starts_with('/') {
            // A log group, whose records are about any cluster.
            let of_day = self.days.iter().filter(|((_, on, _), _)| *on == day);
            return of_day.fold(Day::default(), |sum, (_, day)| sum.with(*day));
        }
        let from = (
            scope.to_owned(),
            day,
            workload.unwrap_or_default().to_owned(),
        );
        let of_day = self.days.range(from..).take_while(|((of, on, name), _)| {
            of == scope && *on == day && workload.is_none_or(|workload| workload == name)
        });
        of_day.fold(Day::default(), |sum, (_, day)| sum.with(*day))
    }
}

/// The parts of one source, written and waiting for their commit.
#[derive(Default)]
pub(crate) struct Written {
    partitions: BTreeMap<Partition, Share>,
}

/// What a collection says of one scope on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ScopeDay {
    /// Cluster name, log group, or [`BUILD_SCOPE`].
    pub(crate) scope: String,
    /// The one workload of the scope that it is about; `None` for all of the scope.
    pub(crate) workload: Option<String>,
    /// What was read, as the coverage table names it.
    pub(crate) source: String,
    /// Days since the epoch.
    pub(crate) day: i64,
    /// How much of it was seen.
    pub(crate) state: State,
    /// Why it is not complete.
    pub(crate) reason: Option<String>,
}

impl ScopeDay {
    /// What is known of a day of a whole scope: its state, and why it is that.
    pub(crate) fn of_scope(
        scope: &str,
        source: &str,
        day: i64,
        (state, reason): (State, Option<String>),
    ) -> Self {
        Self {
            scope: scope.to_owned(),
            workload: None,
            source: source.to_owned(),
            day,
            state,
            reason,
        }
    }
}

impl Written {
    /// Counts the rows of a part that was written, by their days.
    pub(super) fn count(
        &mut self,
        table: Table,
        partition: &Partition,
        part: String,
        days: &[RowDay<'_>],
    ) {
        let share = self.partitions.entry(partition.clone()).or_default();
        share.parts.insert(part);
        // Neighbouring rows mostly share their day: look it up once per stretch.
        for stretch in
            days.chunk_by(|a, b| (a.day, a.workload, a.scope) == (b.day, b.workload, b.scope))
        {
            let RowDay {
                scope,
                workload,
                day,
                ..
            } = stretch[0];
            let totals = share
                .days
                .entry((scope.to_owned(), day, workload.to_owned()))
                .or_default();
            let rows = i64::try_from(stretch.len()).unwrap_or(i64::MAX);
            *totals = totals.with(Day {
                rows,
                period_s: stretch.iter().filter_map(|told| told.period_s).max(),
                is_seen: matches!(table, Table::Runs | Table::Samples),
            });
        }
    }

    /// Rows written.
    pub(crate) fn rows(&self) -> i64 {
        self.partitions
            .values()
            .flat_map(|share| share.days.values())
            .map(|day| day.rows)
            .sum()
    }

    /// Rows of what a scope-day is about.
    pub(crate) fn rows_of(&self, account: &str, region: &str, scope_day: &ScopeDay) -> i64 {
        let month = date(scope_day.day)[..7].to_owned();
        let partition = Partition {
            account: account.to_owned(),
            region: region.to_owned(),
            month,
        };
        let share = self.partitions.get(&partition);
        share.map_or(0, |share| {
            share
                .totals(
                    &scope_day.scope,
                    scope_day.day,
                    scope_day.workload.as_deref(),
                )
                .rows
        })
    }

    /// Commits every scope-day that has rows under `source`, partial when there is a reason: all of them or none.
    pub(crate) fn commit(
        &self,
        committer: &mut Committer<'_>,
        source: &str,
        reason: Option<&str>,
    ) -> Result<()> {
        let rows_of = |share: &Share| -> Vec<CoverageRow> {
            let parts: Vec<&str> = share.parts.iter().map(String::as_str).collect();
            let parts = parts.join(";");
            let scope_days: BTreeSet<(&str, i64)> = share
                .days
                .keys()
                .map(|(scope, day, _)| (scope.as_str(), *day))
                .collect();
            scope_days
                .into_iter()
                .map(|of| share.row(of, source, reason, &parts))
                .collect()
        };
        let partitions = self
            .partitions
            .iter()
            .map(|(partition, share)| (partition.clone(), rows_of(share)));
        committer.append_whole(&partitions.collect())
    }

    /// Commits what a collection says of each of its days, with rows or without, in one account and region.
    ///
    /// A day stands on the parts of its month, and on those of months that no scope-day is about: definitions that
    /// hold always, runs that began long ago.
    pub(crate) fn commit_scope_days(
        &self,
        committer: &mut Committer<'_>,
        account: &str,
        region: &str,
        collected_ms: i64,
        scope_days: &[ScopeDay],
    ) -> Result<()> {
        let mut months: BTreeMap<String, Vec<&ScopeDay>> = BTreeMap::new();
        for scope_day in scope_days {
            months
                .entry(date(scope_day.day)[..7].to_owned())
                .or_default()
                .push(scope_day);
        }
        let elsewhere = self
            .partitions
            .iter()
            .filter(|(partition, _)| !months.contains_key(&partition.month));
        let elsewhere: Vec<&str> = elsewhere
            .flat_map(|(_, share)| share.parts.iter().map(String::as_str))
            .collect();
        for (month, scope_days) in &months {
            let partition = Partition {
                account: account.to_owned(),
                region: region.to_owned(),
                month: month.clone(),
            };
            let share = self.partitions.get(&partition);
            let parts = |day: &str| {
                let own = share
                    .into_iter()
                    .flat_map(|share| share.parts.iter().map(String::as_str));
                own.filter(|part| may_hold(part, day))
                    .chain(elsewhere.iter().copied())
                    .collect::<Vec<_>>()
                    .join(";")
            };
            let row = |scope_day: &&ScopeDay| {
                let totals = share.map(|share| {
                    share.totals(
                        &scope_day.scope,
                        scope_day.day,
                        scope_day.workload.as_deref(),
                    )
                });
                let totals = totals.unwrap_or_default();
                CoverageRow {
                    scope: scope_day.scope.clone(),
                    source: scope_day.source.clone(),
                    day: date(scope_day.day),
                    state: scope_day.state.as_str().to_owned(),
                    reason: scope_day.reason.clone(),
                    rows: totals.rows,
                    period_s: totals.period_s,
                    collected_ms: Some(collected_ms),
                    parts: parts(&date(scope_day.day)),
                }
            };
            committer.append(&partition, &scope_days.iter().map(row).collect::<Vec<_>>())?;
        }
        Ok(())
    }
}

#[derive(Default, Clone, Copy)]
struct Day {
    rows: i64,
    period_s: Option<i64>,
    /// Some of the rows are runs or samples.
    is_seen: bool,
}

impl Day {
    fn with(self, other: Self) -> Self {
        Self {
            rows: self.rows + other.rows,
            period_s: self.period_s.max(other.period_s),
            is_seen: self.is_seen || other.is_seen,
        }
    }
}

/// What the totals need to know of a row.
pub(super) struct RowDay<'r> {
    pub(super) scope: &'r str,
    pub(super) workload: &'r str,
    pub(super) day: i64,
    pub(super) period_s: Option<i64>,
}

impl<'r> RowDay<'r> {
    pub(super) fn of(workload: &'r WorkloadKey, at_ms: i64, period_s: Option<i64>) -> Self {
        Self {
            scope: scope(workload),
            workload: &workload.name,
            day: day(at_ms),
            period_s,
        }
    }
}

fn scope(workload: &WorkloadKey) -> &str {
    if workload.kind == WorkloadKind::Build {
        BUILD_SCOPE
    } else {
        &workload.cluster
    }
}
