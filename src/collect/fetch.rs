//! Everything that a plan misses, fetched: places side by side, in each a few units at once.

use std::collections::BTreeSet;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use futures::StreamExt;
use futures::stream;

use super::call::{Fault, Place};
use super::cloudwatch::{self, Resolution, Series};
use super::codebuild::{self, BuildFact};
use super::commit::Sink;
use super::plan::Known;
use super::scopes::{Blind, ClusterScope, Metrics, Scopes, group_source, source};
use super::summary::Line;
use super::{Request, ecs, logs};
use crate::dataset::schema::{Metric, State};
use crate::dataset::writer::{BUILD_SCOPE, Verdict};
use crate::units::MS_PER_DAY;

/// Places fetched side by side.
const PLACES: usize = 16;
/// Units of one place under way at once.
const UNITS: usize = 6;
/// CloudWatch has utilisation only of builds longer than this.
const SHORTEST_MEASURED_BUILD_MS: i64 = 60_000;

/// What fetching needs to know of a request.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    now_ms: i64,
    resolution: Resolution,
    most_metrics: Option<u64>,
}

impl From<&Request> for Terms {
    fn from(request: &Request) -> Self {
        Self { now_ms: request.now_ms, resolution: request.resolution, most_metrics: request.most_metrics }
    }
}

/// Fetches and sends all of it; returns what no commit tells.
pub(crate) async fn all(scopes: Vec<Scopes>, known: Known, terms: Terms, sink: Sink) -> Vec<Line> {
    let fetches = scopes.into_iter().map(|scopes| place(scopes, &known, &terms, &sink));
    let faults: Vec<Vec<Line>> = stream::iter(fetches).buffer_unordered(PLACES).collect().await;
    faults.into_iter().flatten().collect()
}

type Unit<'a> = Pin<Box<dyn Future<Output = Option<Line>> + Send + 'a>>;

async fn place(scopes: Scopes, known: &Known, terms: &Terms, sink: &Sink) -> Vec<Line> {
    let Scopes { place, clusters, logs, builds, build_metrics, blind } = scopes;
    let definitions = Mutex::new(BTreeSet::new());
    let context = Context { place: &place, known, terms, sink };
    let mut units: Vec<Unit<'_>> = Vec::new();
    for blind in blind {
        units.push(Box::pin(context.blind(blind)));
    }
    for ClusterScope { cluster, batch, is_fresh, metrics } in clusters {
        let name = cluster.name.clone();
        let definitions = &definitions;
        if !is_fresh {
            units.push(Box::pin(async move {
                let taken = ecs::snapshot(context.place, &cluster, batch, terms.now_ms, definitions, known, sink).await;
                context.told(&cluster.name, source::ECS, taken.map(drop))
            }));
        }
        for Metrics { source, series, chunks } in metrics {
            for chunk in chunks.into_iter().rev() {
                let (name, series) = (name.clone(), Arc::clone(&series));
                units.push(Box::pin(async move {
                    let done = cloudwatch::fetch(context.place, &name, source, &series, &chunk, terms.now_ms, known, sink).await;
                    context.told(&name, source, done)
                }));
            }
        }
    }
    for (group, days) in logs {
        let group = Arc::new(group);
        for span in super::scopes::spans(&days).into_iter().rev() {
            let group = Arc::clone(&group);
            units.push(Box::pin(async move {
                let done = logs::fetch_days(context.place, &group, group_source(&group), &span, terms.now_ms, known, sink).await;
                context.told(group.scope(), group_source(&group), done)
            }));
        }
    }
    if let (Some(&first), Some(&last)) = (builds.iter().chain(&build_metrics).min(), builds.iter().chain(&build_metrics).max()) {
        units.push(Box::pin(async move {
            match codebuild::builds(context.place, first..last + 1, terms.now_ms, known, sink).await {
                Ok(facts) => context.build_metrics(&facts, &build_metrics).await,
                Err(fault) => context.told(BUILD_SCOPE, source::BUILDS, Err(fault)),
            }
        }));
    }
    stream::iter(units).buffer_unordered(UNITS).filter_map(async |told| told).collect().await
}

#[derive(Clone, Copy)]
struct Context<'a> {
    place: &'a Place,
    known: &'a Known,
    terms: &'a Terms,
    sink: &'a Sink,
}

impl Context<'_> {
    /// A fault that no commit tells.
    fn told(self, scope: &str, source: &str, done: Result<(), Fault>) -> Option<Line> {
        let source = source.trim_start_matches("collect:");
        done.err().map(|fault| Line::of_fault(&self.place.account, &self.place.region, scope, source, &fault))
    }

    /// Records what could not be discovered.
    async fn blind(self, blind: Blind) -> Option<Line> {
        let Blind { scope, source, days, fault } = blind;
        let verdict = |day| Verdict { scope: scope.clone(), day, state: fault.state(), reason: Some(fault.reason()) };
        for span in super::scopes::spans(&days) {
            let done = self.sink.unit().commit(self.place, &source, span.map(verdict).collect(), self.known).await;
            if done.is_err() {
                return self.told(&scope, &source, done);
            }
        }
        None
    }

    /// Utilisation of the builds of the missing days, day by day; within the budget.
    async fn build_metrics(self, facts: &[BuildFact], days: &[i64]) -> Option<Line> {
        let measured = |build: &&BuildFact| build.end_ms.is_none_or(|end| end - build.start_ms > SHORTEST_MEASURED_BUILD_MS);
        if days.is_empty() {
            return None;
        }
        let dimensions = match cloudwatch::build_dimensions(self.place).await {
            Ok(dimensions) => dimensions,
            Err(fault @ Fault::Stopped(_)) => return self.told(BUILD_SCOPE, source::BUILD_METRICS, Err(fault)),
            Err(fault) => {
                let source = source::BUILD_METRICS.to_owned();
                return self.blind(Blind { scope: BUILD_SCOPE.to_owned(), source, days: days.to_vec(), fault }).await;
            }
        };
        for &day in days.iter().rev() {
            let window = day * MS_PER_DAY..(day + 1) * MS_PER_DAY;
            // A build that began the day before may reach into this one.
            let builds = facts
                .iter()
                .filter(measured)
                .filter(|build| build.start_ms < window.end && build.end_ms.is_none_or(|end| end > window.start));
            let series: Vec<Series> = builds
                .flat_map(|build| {
                    [Metric::CpuVcpu, Metric::MemoryMib].map(|metric| {
                        let build = (build.project.as_str(), build.id.as_str(), build.number);
                        Series::build(&self.place.account, &self.place.region, build, &dimensions, metric)
                    })
                })
                .collect();
            for chunk in cloudwatch::chunks(series.len().max(1), &[day], self.terms.resolution, self.terms.now_ms) {
                let cost = cloudwatch::estimate(std::slice::from_ref(&chunk), series.len());
                let spent = self.place.tally.metrics.load(Ordering::Relaxed);
                let done = if self.terms.most_metrics.is_some_and(|most| spent + cost.metrics > most) {
                    let reason = Some("over --max-api-cost".to_owned());
                    let verdict = Verdict { scope: BUILD_SCOPE.to_owned(), day, state: State::Partial, reason };
                    self.sink.unit().commit(self.place, source::BUILD_METRICS, vec![verdict], self.known).await
                } else {
                    let Self { place, known, sink, terms } = self;
                    cloudwatch::fetch(place, BUILD_SCOPE, source::BUILD_METRICS, &series, &chunk, terms.now_ms, known, sink).await
                };
                if done.is_err() {
                    return self.told(BUILD_SCOPE, source::BUILD_METRICS, done);
                }
            }
        }
        None
    }
}
