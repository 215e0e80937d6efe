//! From many concurrent fetches to one writer: rows travel through a bounded channel, and a unit of work becomes
//! visible only when it is committed.
//!
//! A unit is what is fetched and committed together: one source of one scope, or of some of its workloads, over a span
//! of days. What a unit that failed or was interrupted has written is in no coverage row, so it does not count. Units
//! are small: a few calls are all that an interruption can lose.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::mpsc;

use super::OPEN_DAY;
use super::call::{Fault, Place};
use super::plan::Known;
use crate::dataset::Dataset;
use crate::dataset::schema::State;
use crate::dataset::writer::{Verdict, Writer};
use crate::error::{Error, Result};
use crate::records::Batch;

/// Batches under way between fetches and the writer.
const UNDER_WAY: usize = 8;
/// Samples that all open units may hold together: what bounds memory.
const MOST_HELD: usize = 400_000;

/// Where units send their rows.
#[derive(Debug, Clone)]
pub(crate) struct Sink {
    messages: mpsc::Sender<Message>,
    next: Arc<AtomicU64>,
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
    pub(crate) verdicts: Vec<Verdict>,
    /// What is only told: a failed fetch never replaces what an earlier one got.
    pub(crate) untouched: Vec<Verdict>,
}

/// Rows that will count together or not at all.
#[derive(Debug)]
pub(crate) struct Unit {
    id: u64,
    sink: Sink,
    done: bool,
}

/// The receiving end.
pub(crate) struct Inbox(mpsc::Receiver<Message>);

/// A sink and its inbox.
pub(crate) fn channel() -> (Sink, Inbox) {
    let (messages, inbox) = mpsc::channel(UNDER_WAY);
    (Sink { messages, next: Arc::default() }, Inbox(inbox))
}

impl Sink {
    /// A new, empty unit.
    pub(crate) fn unit(&self) -> Unit {
        Unit { id: self.next.fetch_add(1, Ordering::Relaxed), sink: self.clone(), done: false }
    }
}

/// The writer ended before the fetches: its own error tells why.
const WRITER_GONE: Fault = Fault::Stopped("the dataset cannot be written");

impl Unit {
    /// Sends rows; waits while the writer is behind.
    pub(crate) async fn rows(&self, batch: Batch) -> Result<(), Fault> {
        self.sink.messages.send(Message::Rows(self.id, batch)).await.map_err(|_| WRITER_GONE)
    }

    /// Makes the rows count, with a verdict on each day that they are about.
    pub(crate) async fn commit(mut self, place: &Place, verdicts: Vec<Verdict>, known: &Known) -> Result<(), Fault> {
        let (account, region) = (place.account.clone(), place.region.clone());
        let is_stopping = place.stop.borrow().is_some();
        let (verdicts, untouched) = verdicts.into_iter().partition(|verdict: &Verdict| {
            !is_failure(verdict) || !(is_stopping || known.has(&account, &region, &verdict.scope, &verdict.source, verdict.day))
        });
        self.done = true;
        let commit = Commit { account, region, verdicts, untouched };
        self.sink.messages.send(Message::Commit(self.id, commit)).await.map_err(|_| WRITER_GONE)
    }
}

/// True when more should have been seen than was.
pub(crate) fn is_failure(verdict: &Verdict) -> bool {
    match verdict.state {
        State::Complete | State::Snapshot | State::Disabled => false,
        State::Denied => true,
        State::Partial => verdict.reason.as_deref() != Some(OPEN_DAY),
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        if !self.done {
            // A full channel only means that these rows are held until the end.
            let _ = self.sink.messages.try_send(Message::Abandon(self.id));
        }
    }
}

/// Writes and commits what arrives until every sink is gone. `committed` is told of every commit.
pub(crate) fn write_all(
    mut inbox: Inbox,
    dataset: &Dataset,
    collected_ms: i64,
    mut committed: impl FnMut(&Commit, i64),
) -> Result<()> {
    let mut open: BTreeMap<u64, Writer<'_>> = BTreeMap::new();
    while let Some(message) = inbox.0.blocking_recv() {
        match message {
            Message::Rows(unit, batch) => {
                open.entry(unit).or_insert_with(|| Writer::new(dataset)).add(batch)?;
                while open.values().map(Writer::held).sum::<usize>() > MOST_HELD {
                    let Some(fullest) = open.values_mut().max_by_key(|writer| writer.held()) else { break };
                    fullest.write_samples()?;
                }
            }
            Message::Commit(unit, commit) => {
                let writer = open.remove(&unit).unwrap_or_else(|| Writer::new(dataset));
                let mut rows = 0;
                if !commit.verdicts.is_empty() {
                    let Commit { account, region, verdicts, .. } = &commit;
                    let apart = verdicts.iter().filter(|verdict| verdict.state != State::Complete).map(|verdict| verdict.day);
                    let written = writer.finish(&apart.collect())?;
                    rows = written.rows();
                    written.commit_verdicts(account, region, collected_ms, verdicts)?;
                }
                committed(&commit, rows);
            }
            Message::Abandon(unit) => drop(open.remove(&unit)),
        }
    }
    Ok::<(), Error>(())
}
