//! From many concurrent fetches to one writer: rows travel through a bounded channel, and a unit of work becomes
//! visible only when it is committed.
//!
//! A unit is what is fetched and committed together: one source of one scope, or of some of its workloads, over a span
//! of days. What a unit that failed or was interrupted has written is in no coverage row, so it does not count. Units
//! are small: a few calls are all that an interruption can lose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::call::{Fault, Place};
use super::plan::Known;
use crate::dataset::Dataset;
use crate::dataset::batch::{Batch, SKEW_MS};
use crate::dataset::coverage;
use crate::dataset::log::Committer;
use crate::dataset::schema::State;
use crate::dataset::writer::Writer;
use crate::dataset::written::ScopeDay;
use crate::model::error::Result;

/// Batches under way between fetches and the writer.
const UNDER_WAY: usize = 4;
/// Samples, or what weighs as much, that all open units may hold together: what bounds memory.
const MOST_HELD: usize = 200_000;

/// Where units send their rows.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    messages: mpsc::Sender<Message>,
    next: Arc<AtomicU64>,
    /// The latest time that a row may tell.
    limit_ms: i64,
}

#[derive(Debug)]
enum Message {
    Rows(u64, Batch),
    Commit(u64, Commit),
    Abandon(u64),
}

/// What a unit says when it is done.
#[derive(Debug)]
pub(crate) struct Commit {
    /// AWS account id.
    pub(crate) account: String,
    /// AWS region.
    pub(crate) region: String,
    /// What is written of each day.
    pub(crate) scope_days: Vec<ScopeDay>,
    /// The same, unless fewer rows came of the day than are in the dataset already: a failed fetch never takes away
    /// what an earlier one got.
    pub(crate) doubtful: Vec<(ScopeDay, i64)>,
    /// What is only told.
    pub(crate) untouched: Vec<ScopeDay>,
}

/// Rows that will count together or not at all.
#[derive(Debug)]
pub(crate) struct Unit {
    id: u64,
    sink: Sink,
    done: bool,
    /// Rows that tell a later time than can be.
    set_aside: AtomicUsize,
}

/// The receiving end.
pub(crate) struct Inbox(mpsc::Receiver<Message>);

/// A sink and its inbox, for what AWS tells at `now_ms`.
pub(crate) fn channel(now_ms: i64) -> (Sink, Inbox) {
    let (messages, inbox) = mpsc::channel(UNDER_WAY);
    (
        Sink {
            messages,
            next: Arc::default(),
            limit_ms: now_ms.saturating_add(SKEW_MS),
        },
        Inbox(inbox),
    )
}

impl Sink {
    /// A new, empty unit.
    pub(crate) fn unit(&self) -> Unit {
        Unit {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            sink: self.clone(),
            done: false,
            set_aside: AtomicUsize::new(0),
        }
    }
}

/// The writer ended before the fetches: its own error tells why.
const WRITER_GONE: Fault = Fault::Stopped("the dataset cannot be written");

impl Unit {
    /// Sends rows; waits while the writer is behind.
    pub(crate) async fn rows(&self, mut batch: Batch) -> Result<(), Fault> {
        let set_aside = batch.set_aside(self.sink.limit_ms);
        self.set_aside.fetch_add(set_aside, Ordering::Relaxed);
        self.sink
            .messages
            .send(Message::Rows(self.id, batch))
            .await
            .map_err(|_| WRITER_GONE)
    }

    /// Makes the rows count, with a scope-day on each day that they are about.
    pub(crate) async fn commit(
        mut self,
        place: &Place,
        scope_days: Vec<ScopeDay>,
        known: &Known,
    ) -> Result<(), Fault> {
        let (account, region) = (place.account.clone(), place.region.clone());
        let is_stopping = place.stop.borrow().is_some();
        let mut commit = Commit {
            account,
            region,
            scope_days: Vec::new(),
            doubtful: Vec::new(),
            untouched: Vec::new(),
        };
        let set_aside = self.set_aside.load(Ordering::Relaxed);
        for scope_day in scope_days {
            let scope_day = without(scope_day, set_aside);
            let held = || {
                known.rows(
                    [&place.account, &place.region],
                    &scope_day.scope,
                    &scope_day.source,
                    scope_day.day,
                )
            };
            match is_failure(&scope_day).then(held).flatten() {
                _ if is_failure(&scope_day) && is_stopping => commit.untouched.push(scope_day),
                Some(held) => commit.doubtful.push((scope_day, held)),
                None => commit.scope_days.push(scope_day),
            }
        }
        self.done = true;
        self.sink
            .messages
            .send(Message::Commit(self.id, commit))
            .await
            .map_err(|_| WRITER_GONE)
    }
}

/// What a scope-day is when rows were set aside because they cannot be.
fn without(scope_day: ScopeDay, set_aside: usize) -> ScopeDay {
    if set_aside == 0 || is_failure(&scope_day) {
        return scope_day;
    }
    let reason = format!("{set_aside} records dated later than now; is the clock right?");
    ScopeDay {
        state: State::Partial,
        reason: Some(reason),
        ..scope_day
    }
}

/// True when more should have been seen than was.
pub(crate) fn is_failure(scope_day: &ScopeDay) -> bool {
    coverage::is_failure(scope_day.state.as_str(), scope_day.reason.as_deref())
}

impl Drop for Unit {
    fn drop(&mut self) {
        if !self.done {
            // A full channel only means that these rows are held until the end.
            let _ = self.sink.messages.try_send(Message::Abandon(self.id));
        }
    }
}

/// Writes and commits what arrives until every sink is gone. `told` hears of every commit.
pub(crate) fn write_all(
    mut inbox: Inbox,
    dataset: &Dataset,
    mut committer: Committer<'_>,
    collected_ms: i64,
    mut told: impl FnMut(&Commit, i64),
) -> Result<()> {
    let mut open: BTreeMap<u64, Writer<'_>> = BTreeMap::new();
    while let Some(message) = inbox.0.blocking_recv() {
        match message {
            Message::Rows(unit, batch) => {
                open.entry(unit)
                    .or_insert_with(|| Writer::new(dataset))
                    .add(batch)?;
                while open.values().map(Writer::held).sum::<usize>() > MOST_HELD {
                    let Some(fullest) = open.values_mut().max_by_key(|writer| writer.held()) else {
                        break;
                    };
                    fullest.write_held()?;
                }
            }
            Message::Commit(unit, mut commit) => {
                let writer = open.remove(&unit).unwrap_or_else(|| Writer::new(dataset));
                let rows = write(writer, &mut committer, &mut commit, collected_ms)?;
                told(&commit, rows);
            }
            Message::Abandon(unit) => drop(open.remove(&unit)),
        }
    }
    committer.close()
}

/// Writes what a unit fetched and commits its scope-days; returns the number of rows.
fn write(
    writer: Writer<'_>,
    committer: &mut Committer<'_>,
    commit: &mut Commit,
    collected_ms: i64,
) -> Result<i64> {
    let Commit {
        account,
        region,
        scope_days,
        doubtful,
        untouched,
    } = commit;
    if scope_days.is_empty() && doubtful.is_empty() {
        return Ok(0);
    }
    let all = scope_days
        .iter()
        .chain(doubtful.iter().map(|(scope_day, _)| scope_day));
    let apart = all
        .filter(|scope_day| scope_day.state != State::Complete)
        .map(|scope_day| scope_day.day);
    let written = writer.finish(&apart.collect())?;
    for (scope_day, held) in doubtful.drain(..) {
        let counts = if written.rows_of(account, region, &scope_day) >= held {
            &mut *scope_days
        } else {
            &mut *untouched
        };
        counts.push(scope_day);
    }
    written.commit_scope_days(committer, account, region, collected_ms, scope_days)?;
    Ok(written.rows())
}
