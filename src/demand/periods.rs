//! The period of series that do not tell it, inferred from their spacing.
//!
//! Metric Streams records carry no period. One file may hold a single record of a series, or every second one, so
//! the spacing is judged over all parts together: the most frequent one of the series, else of its metric, else a
//! minute, the resolution that Metric Streams are documented to have.

use std::collections::BTreeMap;

use crate::dataset::part::SeriesSummary;
use crate::dataset::spacing::{Spacings, count, most_frequent};
use crate::model::workload::{Kind, WorkloadKey};

const USUAL_S: i32 = 60;

/// The inferred periods of a dataset.
#[derive(Debug, Default)]
pub struct Periods {
    by_series: BTreeMap<(WorkloadKey, String), i32>,
    by_metric: BTreeMap<String, i32>,
}

impl Periods {
    /// The periods that the summaries of all parts suggest, each with the account and region of its part.
    pub fn of<'a>(summaries: impl Iterator<Item = (&'a str, &'a str, &'a SeriesSummary)>) -> Self {
        let mut parts: BTreeMap<(WorkloadKey, String), Vec<&SeriesSummary>> = BTreeMap::new();
        for (account, region, series) in summaries.filter(|(.., series)| series.is_spaced) {
            let workload = WorkloadKey {
                account: account.to_owned(),
                region: region.to_owned(),
                kind: Kind::parse(&series.kind).unwrap_or(Kind::Task),
                cluster: series.cluster.clone(),
                name: series.name.clone(),
            };
            parts
                .entry((workload, series.metric.clone()))
                .or_default()
                .push(series);
        }
        let (mut by_series, mut votes) = (BTreeMap::new(), BTreeMap::<String, Spacings>::new());
        for (key, parts) in parts {
            if let Some(period) = most_frequent(&spacings(parts)) {
                *votes
                    .entry(key.1.clone())
                    .or_default()
                    .entry(period)
                    .or_default() += 1;
                by_series.insert(key, period);
            }
        }
        let by_metric = votes
            .into_iter()
            .filter_map(|(metric, votes)| Some((metric, most_frequent(&votes)?)))
            .collect();
        Self {
            by_series,
            by_metric,
        }
    }

    /// The period of a series, seconds.
    pub fn get(&self, workload: &WorkloadKey, metric: &str) -> i32 {
        let of_series = self.by_series.get(&(workload.clone(), metric.to_owned()));
        of_series
            .or_else(|| self.by_metric.get(metric))
            .copied()
            .unwrap_or(USUAL_S)
    }
}

/// The spacings inside the parts and from each part to the next.
fn spacings(mut parts: Vec<&SeriesSummary>) -> Spacings {
    parts.sort_by_key(|part| (part.first_ms, part.last_ms));
    let mut all = Spacings::new();
    for &(seconds, times) in parts.iter().flat_map(|part| &part.spacings) {
        *all.entry(seconds).or_default() += times;
    }
    for pair in parts.windows(2) {
        count(&mut all, pair[1].first_ms - pair[0].last_ms);
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(name: &str, first_s: i64, last_s: i64, spacings: &[(i32, i64)]) -> SeriesSummary {
        SeriesSummary {
            kind: "service".into(),
            cluster: "prod".into(),
            name: name.into(),
            metric: "cpu_percent".into(),
            first_ms: first_s * 1000,
            last_ms: last_s * 1000,
            is_spaced: true,
            spacings: spacings.to_vec(),
        }
    }

    fn period(parts: &[SeriesSummary], name: &str) -> i32 {
        let periods = Periods::of(parts.iter().map(|part| ("123456789012", "us-east-1", part)));
        let (account, region) = ("123456789012".into(), "us-east-1".into());
        periods.get(
            &WorkloadKey {
                account,
                region,
                kind: Kind::Service,
                cluster: "prod".into(),
                name: name.into(),
            },
            "cpu_percent",
        )
    }

    #[test]
    fn files_of_one_record_each_tell_their_period_together() {
        let parts = [
            part("web", 600, 600, &[]),
            part("web", 0, 0, &[]),
            part("web", 300, 300, &[]),
        ];
        assert_eq!(period(&parts, "web"), 300);
    }

    #[test]
    fn a_series_seen_once_has_the_period_of_its_metric_or_a_minute() {
        let parts = [part("web", 0, 3000, &[(300, 10)]), part("api", 0, 0, &[])];
        assert_eq!(period(&parts, "api"), 300);
        assert_eq!(period(&parts[1..], "api"), 60);
    }
}
