//! AWS → dataset: what is missing is planned, fetched at half of AWS's pace, and committed scope-day by scope-day.
//!
//! Reads only, and only the operations of [`crate::aws::OPERATIONS`]. Every failure belongs to a scope: it is recorded
//! there with its reason, and the rest goes on.

mod answer;
mod call;
mod cloudwatch;
mod codebuild;
mod commit;
pub(crate) mod cost;
mod discovery;
pub(crate) mod doctor;
mod ecs;
mod fetch;
mod listing;
mod logs;
mod places;
mod plan;
mod planned;
pub(crate) mod policy;
mod rates;
mod reckoning;
pub(crate) mod regions;
mod request;
mod scopes;
pub(crate) mod stopped;
pub(crate) mod summary;
#[cfg(test)]
mod wire;

pub(crate) use cloudwatch::Resolution;
pub(crate) use ecs::Insights;
pub(crate) use plan::Day;
pub(crate) use request::{Regions, Request};

use tokio::runtime::Runtime;
use tokio::sync::watch;

use crate::dataset::Dataset;
use crate::dataset::log::Committer;
use crate::model::error::{Error, ErrorKind, Result};
use call::Place;
use cost::Cost;
use fetch::Terms;
use plan::Known;
use scopes::Scopes;
use summary::Summary;

/// Everything that a collection needs from start to end: its threads, and the way to stop it.
#[derive(Debug)]
pub(crate) struct Collection {
    runtime: Runtime,
    stop: watch::Sender<Option<&'static str>>,
}

/// What is missing, where, and what it takes to fetch it.
pub(crate) struct Plan<'d> {
    scopes: Vec<Scopes>,
    known: Known,
    committer: Committer<'d>,
    /// Where every day was written as planned before anything was discovered.
    asked: Vec<Place>,
    /// What cannot even be planned.
    pub(crate) refused: Vec<summary::Line>,
    /// Calls, seconds, money.
    pub(crate) cost: Cost,
}

impl Collection {
    /// Threads, and ears for signals and the deadline.
    pub(crate) fn new(request: &Request) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .map_err(|cause| Error::new(ErrorKind::Failure, "cannot start threads").cause(cause))?;
        let (stop, _) = watch::channel(None);
        runtime.spawn(stopped::listen(stop.clone(), request.deadline));
        Ok(Self { runtime, stop })
    }

    /// Why it was stopped, if it was.
    pub(crate) fn stopped(&self) -> Option<&'static str> {
        *self.stop.borrow()
    }

    /// Finds the scopes and what is missing of them. Calls AWS, and writes no more than that it was asked to.
    pub(crate) fn plan<'d>(&self, request: &Request, dataset: &'d Dataset) -> Result<Plan<'d>> {
        let known = Known::read(dataset, &request.days, request.now_ms)?;
        let places = self
            .runtime
            .block_on(places::find(request, self.stop.subscribe()))?;
        let mut committer = Committer::new(dataset);
        // Nothing on a dataset that is not there passes for whole.
        let asked = if request.is_trial || !dataset.exists()? {
            Vec::new()
        } else {
            places.asked()
        };
        planned::ask(&mut committer, request, &known, &asked)?;
        let (scopes, refused) = self
            .runtime
            .block_on(places::discover(places, request, &known))?;
        let cost = Cost::of(&scopes, &known);
        Ok(Plan {
            scopes,
            known,
            committer,
            asked,
            refused,
            cost,
        })
    }

    /// Looks at every place without fetching anything.
    pub(crate) fn examine(
        &self,
        request: &Request,
    ) -> Result<(Vec<doctor::Checkup>, Vec<summary::Line>)> {
        self.runtime
            .block_on(places::examine(request, self.stop.subscribe()))
    }

    /// Fetches what is missing; what is whole is committed, whatever becomes of the rest.
    pub(crate) fn run(
        &self,
        request: &Request,
        plan: Plan<'_>,
        dataset: &Dataset,
        progress: &summary::Progress,
    ) -> Result<Summary> {
        let Plan {
            scopes,
            known,
            mut committer,
            asked,
            refused,
            cost,
        } = plan;
        let mut summary = Summary::new(&refused, &scopes);
        let tallies: Vec<_> = scopes
            .iter()
            .map(|scopes| scopes.place.tally.clone())
            .collect();
        planned::write(&mut committer, request, &known, &scopes, &refused)?;
        planned::regions_found(&mut committer, request, &known, &asked)?;
        let (sink, inbox) = commit::channel(request.now_ms);
        let fetching = self.runtime.spawn(fetch::all(
            scopes,
            known,
            Terms::of(request, cost.metrics),
            sink,
        ));
        let written =
            commit::write_all(inbox, dataset, committer, request.now_ms, |commit, rows| {
                summary.note(commit, rows);
                progress.done(&commit.account, &commit.region);
            });
        if written.is_err() {
            self.stop
                .send_replace(Some("the dataset cannot be written"));
        }
        let faults = self
            .runtime
            .block_on(fetching)
            .map_err(|cause| Error::new(ErrorKind::Failure, "a fetch broke off").cause(cause))?;
        written?;
        summary.finish(faults, &tallies, self.stopped());
        Ok(summary)
    }
}

impl Plan<'_> {
    /// How far each place will be.
    pub(crate) fn progress(&self) -> summary::Progress {
        summary::Progress::of(&self.scopes)
    }

    /// Takes back that it was asked for: nothing of it is going to be fetched.
    pub(crate) fn withdraw(self, request: &Request) -> Result<()> {
        planned::withdraw(self.committer, request, &self.known, &self.asked)
    }
}
