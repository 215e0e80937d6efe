//! What a plan takes: calls, seconds, USD.

use std::collections::{BTreeMap, BTreeSet};

use super::call::Place;
use super::cloudwatch;
use super::plan::Known;
use super::rates::Class;
use super::scopes::{ClusterScope, Scopes};
use crate::dataset::written::BUILD_SCOPE;

/// Metrics that `GetMetricData` gives for one cent. Source: CloudWatch pricing page, read 2026-11: 0.01 USD per
/// 1,000 metrics requested.
pub(crate) const METRICS_PER_CENT: u64 = 1_000;

/// USD of `GetMetricData`, from the number of metrics requested.
pub(crate) fn usd(metrics: u64) -> rust_decimal::Decimal {
    rust_decimal::Decimal::from(metrics) / rust_decimal::Decimal::from(METRICS_PER_CENT * 100)
}

/// What a plan takes.
#[derive(Debug, Default, Clone, PartialEq)]
pub(crate) struct Cost {
    /// Scopes: clusters, and CodeBuild in each region.
    pub(crate) scopes: usize,
    /// Scope-days to fetch.
    pub(crate) days: usize,
    /// Calls, as far as they can be counted beforehand.
    pub(crate) calls: u64,
    /// Metrics requested of `GetMetricData`.
    pub(crate) metrics: u64,
    /// Seconds at the allowed rate.
    pub(crate) seconds: f64,
    /// There may be builds, whose metrics no plan can tell before they are listed.
    pub(crate) has_builds: bool,
    /// One line per scope.
    pub(crate) lines: Vec<CostLine>,
}

/// What one scope takes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CostLine {
    /// AWS account id.
    pub(crate) account: String,
    /// AWS region.
    pub(crate) region: String,
    /// Cluster, or `codebuild`.
    pub(crate) scope: String,
    /// Days of which something is missing.
    pub(crate) days: usize,
    /// Calls at least.
    pub(crate) calls: u64,
    /// Metrics requested.
    pub(crate) metrics: u64,
}

impl Cost {
    /// Of everything that `scopes` miss.
    pub(crate) fn of(scopes: &[Scopes], known: &Known) -> Self {
        let mut cost = Self::default();
        for place in scopes {
            let mut calls: BTreeMap<Class, u64> = BTreeMap::new();
            let lines: Vec<CostLine> = place.costs(known, &mut calls);
            cost.has_builds |= !place.build_metrics.is_empty();
            cost.scopes += lines.len();
            let seconds = |(class, calls): (&Class, &u64)| {
                let (rate, burst) = class.quota();
                (*calls as f64 - burst).max(0.0) / rate
            };
            // Classes have quotas of their own and run side by side, and so do places.
            cost.seconds = calls.iter().map(seconds).fold(cost.seconds, f64::max);
            cost.calls += calls
                .iter()
                .filter(|(class, _)| !class.counts_points())
                .map(|(_, calls)| calls)
                .sum::<u64>();
            cost.days += lines.iter().map(|line| line.days).sum::<usize>();
            cost.metrics += lines.iter().map(|line| line.metrics).sum::<u64>();
            cost.lines.extend(lines);
        }
        cost
    }
}

impl Scopes {
    /// What each scope takes; `calls` gets the calls of each class, and the points that count against CloudWatch's rate.
    pub(crate) fn costs(&self, known: &Known, calls: &mut BTreeMap<Class, u64>) -> Vec<CostLine> {
        let known = known.definitions(&self.place.account, &self.place.region);
        let mut costs = Costs {
            place: &self.place,
            calls,
            lines: BTreeMap::new(),
        };
        let mut points = 0;
        for ClusterScope {
            cluster,
            is_fresh,
            changed,
            metrics,
        } in &self.clusters
        {
            if !is_fresh {
                // Two listings, and the pages of those that run now.
                costs.add(
                    &cluster.name,
                    Class::EcsTasks,
                    2 + 2 * cluster.running_tasks.div_ceil(100),
                    1,
                );
            }
            if !changed.is_empty() {
                let definitions = changed
                    .iter()
                    .flat_map(|&service| cluster.services[service].definitions());
                let definitions: BTreeSet<&str> = definitions
                    .filter(|definition| !known.contains(*definition))
                    .collect();
                costs.add(
                    &cluster.name,
                    Class::EcsServices,
                    2 * changed.len() as u64,
                    1,
                );
                costs.add(
                    &cluster.name,
                    Class::EcsDefinitions,
                    definitions.len() as u64,
                    1,
                );
            }
            for metrics in metrics.iter().filter(|metrics| !metrics.chunks.is_empty()) {
                let estimate = cloudwatch::estimate(&metrics.chunks, metrics.workloads());
                let days: i64 = metrics
                    .chunks
                    .iter()
                    .map(|chunk| chunk.days.end - chunk.days.start)
                    .sum();
                costs.add(
                    &cluster.name,
                    Class::MetricData,
                    estimate.calls,
                    usize::try_from(days).unwrap_or(0),
                );
                costs.line(&cluster.name).metrics += estimate.metrics;
                points += estimate.points;
            }
        }
        for (group, days) in &self.logs {
            costs.add(
                group.scope(),
                Class::LogEvents,
                days.len() as u64,
                days.len(),
            );
        }
        let days = self.builds.len().max(self.build_metrics.len());
        if days > 0 {
            costs.add(BUILD_SCOPE, Class::Codebuild, 2, days);
        }
        if self.with_projects {
            costs.add(BUILD_SCOPE, Class::Codebuild, 2, 1);
        }
        if points > 0 {
            costs.calls.insert(Class::OldPoints, points);
        }
        costs.lines.into_values().collect()
    }
}

/// Costs of a place on their way to a plan.
struct Costs<'a> {
    place: &'a Place,
    calls: &'a mut BTreeMap<Class, u64>,
    lines: BTreeMap<String, CostLine>,
}

impl Costs<'_> {
    fn line(&mut self, scope: &str) -> &mut CostLine {
        self.lines
            .entry(scope.to_owned())
            .or_insert_with(|| CostLine {
                account: self.place.account.clone(),
                region: self.place.region.clone(),
                scope: scope.to_owned(),
                days: 0,
                calls: 0,
                metrics: 0,
            })
    }

    fn add(&mut self, scope: &str, class: Class, count: u64, days: usize) {
        *self.calls.entry(class).or_default() += count;
        let line = self.line(scope);
        line.calls += count;
        line.days = line.days.max(days);
    }
}
