//! Everything that a plan misses, fetched: places side by side, in each a few units at once.

use std::collections::BTreeSet;
use std::panic::AssertUnwindSafe;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::stream;
use futures::{FutureExt, Stream, StreamExt};

use super::call::{Fault, Place};
use super::cloudwatch::{self, BuildDay, BuildDimensions, Piece, Resolution, SERIES_PER_WORKLOAD};
use super::codebuild::{self, BuildFact, Builds};
use super::commit::Sink;
use super::ecs::{Cluster, Service};
use super::logs::Group;
use super::plan::{Day, Known, spans};
use super::request::Request;
use super::scopes::{ClusterScope, EVERY_CLUSTER, Metrics, Outcome, SERVICES_A_UNIT, Scopes};
use super::summary::Line;
use super::{ecs, logs};
use crate::dataset::schema::State;
use crate::dataset::source;
use crate::dataset::written::{BUILD_SCOPE, ScopeDay};
use crate::model::units::MS_PER_DAY;

/// Places fetched side by side.
const PLACES: usize = 16;
/// CloudWatch has utilisation only of builds longer than this.
const SHORTEST_MEASURED_BUILD_MS: i64 = 60_000;

/// What fetching needs to know of a request.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    now_ms: i64,
    resolution: Resolution,
    /// Metrics that the budget leaves for what no plan can tell: those of builds that are not listed yet.
    unplanned_metrics: Arc<AtomicU64>,
}

impl Terms {
    /// Of a request whose plan asks for `planned` metrics.
    pub(crate) fn of(request: &Request, planned: u64) -> Self {
        let unplanned_metrics =
            Arc::new(AtomicU64::new(request.most_metrics.saturating_sub(planned)));
        Self {
            now_ms: request.now_ms,
            resolution: request.resolution,
            unplanned_metrics,
        }
    }

    /// Takes `metrics` from what is left; false where it is not enough.
    fn may_spend(&self, metrics: u64) -> bool {
        let take = |left: u64| left.checked_sub(metrics);
        self.unplanned_metrics
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, take)
            .is_ok()
    }
}

/// Fetches and sends all of it; returns what no commit tells.
pub(crate) async fn all(scopes: Vec<Scopes>, known: Known, terms: Terms, sink: Sink) -> Vec<Line> {
    let fetches = scopes
        .into_iter()
        .map(|scopes| place(scopes, &known, &terms, &sink));
    let faults: Vec<Vec<Line>> = stream::iter(fetches)
        .buffer_unordered(PLACES)
        .collect()
        .await;
    faults.into_iter().flatten().collect()
}

async fn place(scopes: Scopes, known: &Known, terms: &Terms, sink: &Sink) -> Vec<Line> {
    let Scopes {
        place,
        clusters,
        logs,
        with_projects,
        builds,
        build_metrics,
        outcomes,
    } = &scopes;
    let definitions = &Mutex::new(known.definitions(&place.account, &place.region));
    let context = Context {
        place,
        known,
        terms,
        sink,
        definitions,
    };
    let mut lanes = Lanes::default();
    lanes.others.extend(outcomes.iter().map(Work::Outcome));
    for ClusterScope {
        cluster,
        is_fresh,
        changed,
        metrics,
    } in clusters
    {
        lanes
            .others
            .extend((!is_fresh).then_some(Work::Snapshot(cluster)));
        lanes.histories.extend(
            changed
                .chunks(SERVICES_A_UNIT)
                .map(|services| Work::History(cluster, services)),
        );
        lanes
            .metrics
            .extend(metrics.iter().flat_map(|metrics| pieces(cluster, metrics)));
    }
    // What CloudWatch forgets first comes first.
    lanes.metrics.sort_by_key(|piece| piece.chunk.expires_ms());
    for (group, days) in logs {
        lanes
            .logs
            .extend(days.iter().rev().map(|day| Work::Logs(group, *day)));
    }
    lanes.others.extend(with_projects.then_some(Work::Projects));
    if !builds.is_empty() || !build_metrics.is_empty() {
        lanes.others.push(Work::Builds {
            missing: builds,
            metrics: build_metrics,
        });
    }
    lanes.run(context).await
}

fn pieces<'a>(cluster: &'a Cluster, metrics: &'a Metrics) -> impl Iterator<Item = Piece<'a>> {
    let Metrics {
        source,
        series,
        chunks,
        ..
    } = metrics;
    chunks.iter().flat_map(move |chunk| {
        chunk
            .pieces(series.len() / SERIES_PER_WORKLOAD)
            .map(move |workloads| {
                let series = &series
                    [workloads.start * SERIES_PER_WORKLOAD..workloads.end * SERIES_PER_WORKLOAD];
                Piece {
                    scope: &cluster.name,
                    source,
                    series,
                    chunk,
                }
            })
    })
}

/// What becomes whole, and counts, by itself.
enum Work<'a> {
    /// What discovery told.
    Outcome(&'a Outcome),
    /// What a cluster runs now.
    Snapshot(&'a Cluster),
    /// How some of its services were configured, told by their places among them.
    History(&'a Cluster, &'a [usize]),
    /// Some workloads over some days.
    Metrics(Piece<'a>),
    /// A day of a log group.
    Logs(&'a Group, Day),
    /// CodeBuild's projects.
    Projects,
    /// Builds and their metrics, each of the days that it misses.
    Builds {
        missing: &'a [Day],
        metrics: &'a [Day],
    },
}

/// The work in one place by what paces it, so that no kind waits for another. An interruption loses what is under way,
/// so little is at once; each unit makes several calls.
#[derive(Default)]
struct Lanes<'a> {
    /// Paced by the quota of ECS services.
    histories: Vec<Work<'a>>,
    /// Paced by the points of CloudWatch.
    metrics: Vec<Piece<'a>>,
    /// Paced by the searches of CloudWatch Logs.
    logs: Vec<Work<'a>>,
    others: Vec<Work<'a>>,
}

impl Lanes<'_> {
    /// Does all of it; returns what no commit tells.
    async fn run(self, context: Context<'_>) -> Vec<Line> {
        let metrics = self.metrics.into_iter().map(Work::Metrics).collect();
        let lanes = [
            (self.others, 4),
            (metrics, 2),
            (self.logs, 2),
            (self.histories, 1),
        ];
        stream::select_all(lanes.map(|(work, at_once)| Box::pin(lane(work, at_once, context))))
            .collect()
            .await
    }
}

/// Does `work`, a few units at once. One that panics takes nothing from the others.
fn lane<'a>(
    work: Vec<Work<'a>>,
    at_once: usize,
    context: Context<'a>,
) -> impl Stream<Item = Line> + Send + 'a {
    let broken = move || {
        context.told(
            EVERY_CLUSTER,
            "internal",
            Err(Fault::Failed("internal error; please report it".to_owned())),
        )
    };
    let units = work.into_iter().map(move |work| {
        let unit = AssertUnwindSafe(context.fetch(work)).catch_unwind();
        unit.map(move |told| told.unwrap_or_else(|_| broken()))
    });
    stream::iter(units)
        .buffer_unordered(at_once)
        .filter_map(std::future::ready)
}

/// What every unit of a place needs.
#[derive(Clone, Copy)]
struct Context<'a> {
    place: &'a Place,
    known: &'a Known,
    terms: &'a Terms,
    sink: &'a Sink,
    /// Task definitions that are committed.
    definitions: &'a Mutex<BTreeSet<String>>,
}

impl Context<'_> {
    /// Fetches and commits one unit; returns what no commit tells of it.
    async fn fetch(self, work: Work<'_>) -> Option<Line> {
        let Self {
            place,
            known,
            terms,
            sink,
            definitions,
        } = self;
        let now_ms = terms.now_ms;
        match work {
            Work::Outcome(outcome) => {
                let done = self.tell(outcome).await;
                self.told(&outcome.scope, &outcome.source, done)
            }
            Work::Snapshot(cluster) => {
                let done = ecs::snapshot(place, cluster, now_ms, definitions, known, sink).await;
                self.told(&cluster.name, source::ECS, done)
            }
            Work::History(cluster, services) => {
                let services: Vec<&Service> = services
                    .iter()
                    .map(|&service| &cluster.services[service])
                    .collect();
                let done =
                    ecs::history(place, cluster, &services, now_ms, definitions, known, sink).await;
                self.told(&cluster.name, source::HISTORY, done)
            }
            Work::Metrics(piece) => {
                let done = cloudwatch::fetch(place, &piece, now_ms, known, sink).await;
                self.told(piece.scope, piece.source, done)
            }
            Work::Logs(group, day) => {
                let done = logs::fetch_day(place, group, day, now_ms, known, sink).await;
                self.told(group.scope(), group.source(), done)
            }
            Work::Projects => self.told(
                BUILD_SCOPE,
                source::PROJECTS,
                codebuild::projects(place, now_ms, known, sink).await,
            ),
            Work::Builds { missing, metrics } => self.told(
                BUILD_SCOPE,
                source::BUILDS,
                self.builds(missing, metrics).await,
            ),
        }
    }

    /// A fault that no commit tells.
    fn told(self, scope: &str, source: &str, done: Result<(), Fault>) -> Option<Line> {
        let fault = done.err()?;
        Some(Line::of_fault(
            &self.place.account,
            &self.place.region,
            scope,
            source::name(source),
            &fault,
        ))
    }

    /// Records what discovery outcome.
    async fn tell(self, outcome: &Outcome) -> Result<(), Fault> {
        let scope_day = |day| ScopeDay {
            scope: outcome.scope.clone(),
            workload: None,
            source: outcome.source.clone(),
            day,
            state: outcome.state,
            reason: Some(outcome.reason.clone()),
        };
        for span in spans(&outcome.days) {
            self.sink
                .unit()
                .commit(self.place, span.map(scope_day).collect(), self.known)
                .await?;
        }
        Ok(())
    }

    /// Builds of the days that are missing, and the utilisation of those whose metrics are, day by day.
    async fn builds(self, missing: &[Day], metrics: &[Day]) -> Result<(), Fault> {
        let Self {
            place,
            known,
            terms,
            sink,
            ..
        } = self;
        let days = || missing.iter().chain(metrics).copied();
        let (Some(first), Some(last)) = (days().min(), days().max()) else {
            return Ok(());
        };
        let dimensions = match metrics {
            [] => None,
            days => match cloudwatch::build_dimensions(place).await {
                Ok(dimensions) => Some(dimensions),
                Err(fault @ Fault::Stopped(_)) => return Err(fault),
                Err(fault) => {
                    self.tell(&Outcome::fault(
                        BUILD_SCOPE,
                        source::BUILD_METRICS,
                        days.to_vec(),
                        &fault,
                    ))
                    .await?;
                    None
                }
            },
        };
        let mut builds = Builds::new(place, first..last + 1, missing, terms.now_ms, known, sink);
        while let Some(told) = builds.next().await? {
            for day in told.rev().filter(|day| metrics.contains(day)) {
                if let Some(dimensions) = &dimensions {
                    self.build_metrics(day, builds.facts(), dimensions).await?;
                }
            }
        }
        Ok(())
    }

    /// Utilisation of the builds of one day, within the budget. Fails only when everything is to stop.
    async fn build_metrics(
        self,
        day: Day,
        facts: &[BuildFact],
        dimensions: &BuildDimensions,
    ) -> Result<(), Fault> {
        let Self {
            place,
            known,
            terms,
            sink,
            ..
        } = self;
        let window = day * MS_PER_DAY..(day + 1) * MS_PER_DAY;
        let is_measured = |build: &BuildFact| {
            build
                .end_ms
                .is_none_or(|end| end - build.start_ms > SHORTEST_MEASURED_BUILD_MS)
        };
        // A build that began the day before may reach into this one.
        let is_of_day = |build: &BuildFact| {
            build.start_ms < window.end && build.end_ms.is_none_or(|end| end > window.start)
        };
        let builds: Vec<&BuildFact> = facts
            .iter()
            .filter(|build| is_measured(build) && is_of_day(build))
            .collect();
        let of_day = BuildDay::of(
            place,
            day,
            &builds,
            dimensions,
            terms.resolution,
            terms.now_ms,
        );
        let Some(of_day) = of_day else {
            return self.tell(&forgotten(day)).await;
        };
        if terms.may_spend(of_day.metrics()) {
            return of_day.fetch(place, terms.now_ms, known, sink).await;
        }
        self.tell(&Outcome::fault(
            BUILD_SCOPE,
            source::BUILD_METRICS,
            vec![day],
            &Fault::Budget,
        ))
        .await
    }
}

/// That CloudWatch keeps no samples of a day any more.
fn forgotten(day: Day) -> Outcome {
    Outcome {
        scope: BUILD_SCOPE.to_owned(),
        source: source::BUILD_METRICS.to_owned(),
        days: vec![day],
        state: State::Disabled,
        reason: "CloudWatch keeps metrics for 455 days".to_owned(),
    }
}
