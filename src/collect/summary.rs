//! What became of a collection, as values: the verb layer prints them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::call::{Fault, Tally};
use super::commit::{Commit, is_failure};
use super::plan::Day;
use super::scopes::Scopes;
use crate::dataset::schema::State;
use crate::dataset::source;

/// How one scope fared with one source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// AWS account id; the credentials' name where it is not known.
    pub(crate) account: String,
    /// AWS region; empty where it is not known.
    pub(crate) region: String,
    /// Cluster, `codebuild`, or `*`.
    pub(crate) scope: String,
    /// What was read.
    pub(crate) source: String,
    /// The worst state of its days.
    pub(crate) state: State,
    /// Why.
    pub(crate) reason: Option<String>,
    /// Days that were looked at.
    pub(crate) days: BTreeSet<Day>,
    /// Of these, with more to be seen than was.
    pub(crate) failed: BTreeSet<Day>,
    /// It could not be looked at, or broke off.
    pub(crate) is_broken: bool,
    /// Rows written.
    pub(crate) rows: i64,
}

impl Line {
    /// Complete so far, without a day.
    pub(crate) fn new(account: &str, region: &str, scope: &str, source: &str) -> Self {
        Self {
            account: account.to_owned(),
            region: region.to_owned(),
            scope: scope.to_owned(),
            source: source.to_owned(),
            state: State::Complete,
            reason: None,
            days: BTreeSet::new(),
            failed: BTreeSet::new(),
            is_broken: false,
            rows: 0,
        }
    }

    /// Takes note of a state: a failure, or else the worst, names the reason.
    fn note(&mut self, state: State, reason: Option<&String>, is_failure: bool) {
        let is_news = match (self.is_incomplete(), is_failure) {
            (false, true) => true,
            (true, false) => false,
            _ => state > self.state || self.reason.is_none() && state == self.state,
        };
        if is_news {
            self.state = state;
            self.reason = reason.cloned();
        }
    }

    /// True for a region that is not enabled, and that nobody asked for by name.
    pub(crate) fn is_left_out(&self) -> bool {
        self.state == State::Disabled && self.days.is_empty() && !self.is_broken
    }

    /// True when more was to be seen than was.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.is_broken || !self.failed.is_empty()
    }

    /// True when the credentials themselves were refused.
    pub(crate) fn is_about_credentials(&self) -> bool {
        self.reason
            .as_deref()
            .is_some_and(|reason| reason.starts_with("credentials refused"))
    }

    /// A scope that could not be looked at, for `fault`.
    pub(crate) fn of_fault(
        account: &str,
        region: &str,
        scope: &str,
        source: &str,
        fault: &Fault,
    ) -> Self {
        let line = Self::new(account, region, scope, source);
        Self {
            state: fault.state(),
            reason: Some(fault.reason()),
            is_broken: true,
            ..line
        }
    }
}

/// What became of a collection.
#[derive(Debug, Default)]
pub(crate) struct Summary {
    lines: BTreeMap<[String; 4], Line>,
    /// Requests sent.
    pub(crate) calls: u64,
    /// Requests answered with a throttle.
    pub(crate) throttled: u64,
    /// Metrics requested.
    pub(crate) metrics: u64,
    /// Why it ended early.
    pub(crate) stopped: Option<&'static str>,
}

impl Summary {
    /// Starts with what could not be planned and with every planned scope, so that none can get lost.
    pub(crate) fn new(refused: &[Line], scopes: &[Scopes]) -> Self {
        let mut summary = Self::default();
        for line in refused
            .iter()
            .cloned()
            .chain(scopes.iter().flat_map(whole_lines))
        {
            summary.lines.insert(
                key(&line.account, &line.region, &line.scope, &line.source),
                line,
            );
        }
        summary
    }

    /// Takes note of a commit and its rows.
    pub(crate) fn note(&mut self, commit: &Commit, rows: i64) {
        let Commit {
            account,
            region,
            scope_days,
            untouched,
            ..
        } = commit;
        for scope_day in scope_days.iter().chain(untouched) {
            let line = self.line(
                account,
                region,
                &scope_day.scope,
                source::name(&scope_day.source),
            );
            line.days.insert(scope_day.day);
            line.note(
                scope_day.state,
                scope_day.reason.as_ref(),
                is_failure(scope_day),
            );
            if is_failure(scope_day) {
                line.failed.insert(scope_day.day);
            }
        }
        if let Some(scope_day) = scope_days.first() {
            self.line(
                account,
                region,
                &scope_day.scope,
                source::name(&scope_day.source),
            )
            .rows += rows;
        }
    }

    fn line(&mut self, account: &str, region: &str, scope: &str, source: &str) -> &mut Line {
        self.lines
            .entry(key(account, region, scope, source))
            .or_insert_with(|| Line::new(account, region, scope, source))
    }

    /// Adds what no commit told.
    pub(crate) fn finish(
        &mut self,
        faults: Vec<Line>,
        tallies: &[Arc<Tally>],
        stopped: Option<&'static str>,
    ) {
        for fault in faults {
            let line = self.line(&fault.account, &fault.region, &fault.scope, &fault.source);
            line.note(fault.state, fault.reason.as_ref(), true);
            line.is_broken |= fault.is_broken;
        }
        for tally in tallies {
            self.calls += tally.calls.load(Ordering::Relaxed);
            self.throttled += tally.throttled.load(Ordering::Relaxed);
            self.metrics += tally.metrics.load(Ordering::Relaxed);
        }
        self.stopped = stopped;
    }

    /// Every scope and source, in order.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.lines.values()
    }

    /// True when something asked for was not seen.
    pub(crate) fn is_incomplete(&self) -> bool {
        self.stopped.is_some() || self.lines.values().any(Line::is_incomplete)
    }
}

/// A line for each source that has nothing missing, so that the summary shows it as complete.
fn whole_lines(scopes: &Scopes) -> impl Iterator<Item = Line> {
    let metrics = scopes.clusters.iter().flat_map(|cluster| {
        let whole = cluster.metrics.iter().filter(|metrics| metrics.is_whole);
        whole.map(|metrics| (cluster.cluster.name.as_str(), metrics.source))
    });
    let logs = scopes
        .logs
        .iter()
        .filter(|(_, days)| days.is_empty())
        .map(|(group, _)| (group.scope(), group.source()));
    let line = |(scope, source)| {
        Line::new(
            &scopes.place.account,
            &scopes.place.region,
            scope,
            source::name(source),
        )
    };
    metrics.chain(logs).map(line)
}

fn key(account: &str, region: &str, scope: &str, source: &str) -> [String; 4] {
    [account, region, scope, source].map(str::to_owned)
}

/// (account, region) → units done, units planned.
type ByPlace = BTreeMap<(String, String), (u64, u64)>;

/// How far each place is; shared between the writer and whoever shows it.
#[derive(Debug, Default, Clone)]
pub(crate) struct Progress {
    places: Arc<Mutex<ByPlace>>,
    done: Arc<AtomicU64>,
}

impl Progress {
    /// Units planned for each place.
    pub(super) fn of(scopes: &[Scopes]) -> Self {
        let of = |scopes: &Scopes| {
            (
                (scopes.place.account.clone(), scopes.place.region.clone()),
                (0, scopes.units()),
            )
        };
        Self {
            places: Arc::new(Mutex::new(scopes.iter().map(of).collect())),
            done: Arc::default(),
        }
    }

    /// One more unit is committed.
    pub(crate) fn done(&self, account: &str, region: &str) {
        let mut places = self
            .places
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        let entry = places
            .entry((account.to_owned(), region.to_owned()))
            .or_default();
        entry.0 += 1;
        entry.1 = entry.1.max(entry.0);
        self.done.fetch_add(1, Ordering::Relaxed);
    }

    /// (account, region) → units done, units planned.
    pub(crate) fn snapshot(&self) -> ByPlace {
        self.places
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .clone()
    }
}
