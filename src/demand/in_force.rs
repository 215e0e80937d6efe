//! What was in force at one time, and since when.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::runs::Run;
use crate::model::workload::{Configuration, StrategyItem};

/// How a workload was configured from one time on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct InForce {
    /// Its beginning.
    pub from_ms: i64,
    /// `family:revision`, where known.
    pub task_definition: Option<String>,
    /// The configuration; without a capacity provider where there are several, or none is known.
    pub configuration: Configuration,
    /// How tasks are spread over several capacity providers.
    pub strategy: Vec<StrategyItem>,
    /// Seconds between the samples of one task, where the service says so.
    pub resolution_s: Option<i32>,
}

impl InForce {
    /// What a going rate depends on: two of these that are equal are one configuration to it.
    pub(super) fn rate_key(&self) -> (Configuration, &[StrategyItem]) {
        (rated(&self.configuration), &self.strategy)
    }
}

/// A configuration without what no price depends on.
fn rated(configuration: &Configuration) -> Configuration {
    Configuration {
        network_mode: None,
        scheduling_strategy: None,
        requires_ec2: None,
        privileged: None,
        ..configuration.clone()
    }
}

/// What is in force at `at_ms`; before the first, the first.
pub fn in_force(timeline: &[InForce], at_ms: i64) -> Option<&InForce> {
    let behind = timeline.partition_point(|entry| entry.from_ms <= at_ms);
    timeline.get(behind.saturating_sub(1))
}

/// When the size in force at the end took over from another one.
pub fn resized_ms(timeline: &[InForce]) -> Option<i64> {
    let size = timeline.last()?.configuration.size()?;
    let other = |entry: &InForce| entry.configuration.size().is_some_and(|s| s != size);
    let last_other = timeline.iter().rposition(other)?;
    timeline.get(last_other + 1).map(|entry| entry.from_ms)
}

/// Since when a service is configured as it is at the end of its timeline; `None` where it always was.
pub fn unchanged_since_ms(timeline: &[InForce]) -> Option<i64> {
    let now = timeline.last()?.rate_key();
    let last_other = timeline.iter().rposition(|entry| entry.rate_key() != now)?;
    timeline.get(last_other + 1).map(|entry| entry.from_ms)
}

/// The configurations that jobs run in today, and since when; `None` where that was always so.
///
/// Those that ran side by side are one mix: of all that were started later than the first run of the newest one.
pub fn mix_since_ms<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<i64> {
    let mut starts: HashMap<&Arc<Configuration>, (i64, i64)> = HashMap::new();
    for run in runs {
        if let Some(start_ms) = run.start_ms() {
            let (first, last) = starts
                .entry(&run.configuration)
                .or_insert((start_ms, start_ms));
            *first = start_ms.min(*first);
            *last = start_ms.max(*last);
        }
    }
    let mut spans: BTreeMap<Configuration, (i64, i64)> = BTreeMap::new();
    for (configuration, (first, last)) in starts {
        let span = spans.entry(rated(configuration)).or_insert((first, last));
        *span = (first.min(span.0), last.max(span.1));
    }
    let mut spans: Vec<(i64, i64)> = spans.into_values().collect();
    spans.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
    let mut since_ms = spans.first()?.0;
    for (first, last) in spans {
        if last < since_ms {
            return Some(since_ms);
        }
        since_ms = since_ms.min(first);
    }
    None
}

/// How `task_ms` of running tasks in a time of `length_ms` lie on the providers of a strategy: the base first, the
/// rest by weight. Empty where the strategy places nothing.
/// Source: ECS API reference, `CapacityProviderStrategyItem`, read 2026-11.
pub fn placed(strategy: &[StrategyItem], task_ms: i64, length_ms: i64) -> Vec<(&str, i64)> {
    let mut rest = task_ms;
    let mut placed: Vec<(&str, i64)> = Vec::with_capacity(strategy.len());
    for item in strategy {
        let base_ms = i64::from(item.base).saturating_mul(length_ms).min(rest);
        rest -= base_ms;
        placed.push((item.provider.as_str(), base_ms));
    }
    let weights: i128 = strategy.iter().map(|item| i128::from(item.weight)).sum();
    if weights == 0 {
        // Only bases: what exceeds them is placed nowhere else.
        if let Some((_, last)) = placed.last_mut() {
            *last += rest;
        }
        return placed;
    }
    let (mut weight, mut given) = (0i128, 0i64);
    for (item, (_, ms)) in strategy.iter().zip(&mut placed) {
        weight += i128::from(item.weight);
        let up_to = i64::try_from(i128::from(rest) * weight / weights).unwrap_or(rest);
        *ms += up_to - given;
        given = up_to;
    }
    placed
}

/// The configuration with another capacity provider.
pub fn bought_by(configuration: &Configuration, provider: &str) -> Configuration {
    Configuration {
        capacity_provider: Some(provider.to_owned()),
        launch_type: Some(crate::records::tasks::launch_type_of(provider).to_owned()),
        ..configuration.clone()
    }
}
