//! Everything that a plan misses, fetched: places side by side, in each a few units at once.

use std::ops::Range;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::stream;
use futures::{FutureExt, Stream, StreamExt};

use super::call::{Fault, Place};
use super::cloudwatch::{self, BuildDay, BuildDimensions, Piece, Resolution, SERIES_PER_WORKLOAD};
use super::codebuild::{self, BuildFact, Builds};
use super::commit::Sink;
use super::plan::{Day, Known, spans};
use super::scopes::{ClusterScope, EVERY_CLUSTER, Metrics, Scopes, Told};
use super::summary::Line;
use super::{Request, ecs, logs, source};
use crate::dataset::writer::{BUILD_SCOPE, Verdict};
use crate::units::MS_PER_DAY;

/// Places fetched side by side.
const PLACES: usize = 16;
/// Services whose histories are one unit.
pub(crate) const SERVICES_A_UNIT: usize = 3;
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
        let unplanned_metrics = Arc::new(AtomicU64::new(request.most_metrics.saturating_sub(planned)));
        Self { now_ms: request.now_ms, resolution: request.resolution, unplanned_metrics }
    }

    /// Takes `metrics` from what is left; false where it is not enough.
    fn may_spend(&self, metrics: u64) -> bool {
        let take = |left: u64| left.checked_sub(metrics);
        self.unplanned_metrics.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok()
    }
}

/// Fetches and sends all of it; returns what no commit tells.
pub(crate) async fn all(scopes: Vec<Scopes>, known: Known, terms: Terms, sink: Sink) -> Vec<Line> {
    let fetches = scopes.into_iter().map(|scopes| place(scopes, &known, &terms, &sink));
    let faults: Vec<Vec<Line>> = stream::iter(fetches).buffer_unordered(PLACES).collect().await;
    faults.into_iter().flatten().collect()
}

type Unit<'a> = Pin<Box<dyn Future<Output = Option<Line>> + Send + 'a>>;

/// Units of one place by what paces them, so that no kind waits for another. An interruption loses what is under way,
/// so few are at once; each makes several calls.
#[derive(Default)]
struct Lanes<'a> {
    /// Paced by the quota of ECS services.
    histories: Vec<Unit<'a>>,
    /// Paced by the points of CloudWatch.
    metrics: Vec<Unit<'a>>,
    /// Paced by the searches of CloudWatch Logs.
    logs: Vec<Unit<'a>>,
    others: Vec<Unit<'a>>,
}

impl Lanes<'_> {
    /// Runs all of them; returns what no commit tells.
    async fn run(self, place: &Place) -> Vec<Line> {
        let lanes = [(self.others, 4), (self.metrics, 2), (self.logs, 2), (self.histories, 1)];
        stream::select_all(lanes.map(|(units, at_once)| Box::pin(lane(units, at_once, place)))).collect().await
    }
}

/// Runs `units`, a few at once. One that panics takes nothing from the others.
fn lane<'a>(units: Vec<Unit<'a>>, at_once: usize, place: &'a Place) -> impl Stream<Item = Line> + Send + 'a {
    let units = units.into_iter().map(|unit| AssertUnwindSafe(unit).catch_unwind());
    stream::iter(units).buffer_unordered(at_once).filter_map(async |told| {
        told.unwrap_or_else(|_| {
            let fault = Fault::Failed("internal error; please report it".to_owned());
            Some(Line::of_fault(&place.account, &place.region, EVERY_CLUSTER, "internal", &fault))
        })
    })
}

async fn place(scopes: Scopes, known: &Known, terms: &Terms, sink: &Sink) -> Vec<Line> {
    let Scopes { place, clusters, logs, with_projects, builds, build_metrics, told } = &scopes;
    let definitions = &Mutex::new(known.definitions(&place.account, &place.region));
    let context = Context { place, known, terms, sink };
    let (mut lanes, mut pieces_to_fetch) = (Lanes::default(), Vec::new());
    for told in told {
        lanes.others.push(Box::pin(async move { context.fault(&told.scope, &told.source, context.tell(told).await) }));
    }
    for ClusterScope { cluster, is_fresh, changed, metrics } in clusters {
        if !is_fresh {
            lanes.others.push(Box::pin(async move {
                let done = ecs::snapshot(place, cluster, terms.now_ms, definitions, known, sink).await;
                context.fault(&cluster.name, source::ECS, done)
            }));
        }
        for some in changed.chunks(SERVICES_A_UNIT) {
            let services: Vec<_> = some.iter().map(|&service| &cluster.services[service]).collect();
            lanes.histories.push(Box::pin(async move {
                let done = ecs::history(place, cluster, &services, terms.now_ms, definitions, known, sink).await;
                context.fault(&cluster.name, source::HISTORY, done)
            }));
        }
        for Metrics { source, series, chunks, .. } in metrics {
            for chunk in chunks {
                let pieces = chunk.pieces(series.len() / SERIES_PER_WORKLOAD).map(|workloads| {
                    let series = &series[workloads.start * SERIES_PER_WORKLOAD..workloads.end * SERIES_PER_WORKLOAD];
                    Piece { scope: &cluster.name, source, series, chunk }
                });
                pieces_to_fetch.extend(pieces);
            }
        }
    }
    // What CloudWatch forgets first comes first.
    pieces_to_fetch.sort_by_key(|piece| piece.chunk.expires_ms());
    for piece in pieces_to_fetch {
        lanes.metrics.push(Box::pin(async move {
            let done = cloudwatch::fetch(place, &piece, terms.now_ms, known, sink).await;
            context.fault(piece.scope, piece.source, done)
        }));
    }
    for (group, days) in logs {
        for &day in days.iter().rev() {
            lanes.logs.push(Box::pin(async move {
                let done = logs::fetch_day(place, group, day, terms.now_ms, known, sink).await;
                context.fault(group.scope(), group.source(), done)
            }));
        }
    }
    if *with_projects {
        lanes.others.push(Box::pin(async move {
            let done = codebuild::projects(place, terms.now_ms, known, sink).await;
            context.fault(BUILD_SCOPE, source::PROJECTS, done)
        }));
    }
    if let (Some(&first), Some(&last)) = (builds.iter().chain(build_metrics).min(), builds.iter().chain(build_metrics).max()) {
        lanes.others.push(Box::pin(async move {
            let done = context.builds(first..last + 1, builds, build_metrics).await;
            context.fault(BUILD_SCOPE, source::BUILDS, done)
        }));
    }
    lanes.run(place).await
}

/// What every unit of a place needs.
#[derive(Clone, Copy)]
struct Context<'a> {
    place: &'a Place,
    known: &'a Known,
    terms: &'a Terms,
    sink: &'a Sink,
}

impl Context<'_> {
    /// A fault that no commit tells.
    fn fault(self, scope: &str, source: &str, done: Result<(), Fault>) -> Option<Line> {
        let fault = done.err()?;
        Some(Line::of_fault(&self.place.account, &self.place.region, scope, source::name(source), &fault))
    }

    /// Records what discovery told.
    async fn tell(self, told: &Told) -> Result<(), Fault> {
        let verdict = |day| Verdict {
            scope: told.scope.clone(),
            workload: None,
            source: told.source.clone(),
            day,
            state: told.state,
            reason: Some(told.reason.clone()),
        };
        for span in spans(&told.days) {
            self.sink.unit().commit(self.place, span.map(verdict).collect(), self.known).await?;
        }
        Ok(())
    }

    /// Builds of the days that are missing, and the utilisation of those whose metrics are, day by day.
    async fn builds(self, wanted: Range<Day>, missing: &[Day], metrics: &[Day]) -> Result<(), Fault> {
        let Self { place, known, terms, sink } = self;
        let dimensions = match metrics {
            [] => None,
            days => match cloudwatch::build_dimensions(place).await {
                Ok(dimensions) => Some(dimensions),
                Err(fault @ Fault::Stopped(_)) => return Err(fault),
                Err(fault) => {
                    self.tell(&Told::fault(BUILD_SCOPE, source::BUILD_METRICS, days.to_vec(), &fault)).await?;
                    None
                }
            },
        };
        let mut builds = Builds::new(place, wanted, missing, terms.now_ms, known, sink);
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
    async fn build_metrics(self, day: Day, facts: &[BuildFact], dimensions: &BuildDimensions) -> Result<(), Fault> {
        let Self { place, known, terms, sink } = self;
        let window = day * MS_PER_DAY..(day + 1) * MS_PER_DAY;
        let is_measured = |build: &BuildFact| build.end_ms.is_none_or(|end| end - build.start_ms > SHORTEST_MEASURED_BUILD_MS);
        // A build that began the day before may reach into this one.
        let is_of_day = |build: &BuildFact| build.start_ms < window.end && build.end_ms.is_none_or(|end| end > window.start);
        let builds: Vec<&BuildFact> = facts.iter().filter(|build| is_measured(build) && is_of_day(build)).collect();
        let of_day = BuildDay::of(place, day, &builds, dimensions, terms.resolution, terms.now_ms);
        let Some(of_day) = of_day else { return Ok(()) };
        if terms.may_spend(of_day.metrics()) {
            return of_day.fetch(place, terms.now_ms, known, sink).await;
        }
        self.tell(&Told::fault(BUILD_SCOPE, source::BUILD_METRICS, vec![day], &Fault::Budget)).await
    }
}
