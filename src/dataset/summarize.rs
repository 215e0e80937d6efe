//! What the rows of a part of samples tell in its footer.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::schema::{METRIC_PERIOD_S, Metric, SampleRow};
use super::summary::{SeriesSummary, Stretch, Summary};
use crate::model::workload::WorkloadKey;

/// Rows that a stretch of samples has to have, on average, to be worth a place in the footer.
const LONG: usize = 100;

/// What a reader may know of `rows`, in order, without decoding them.
pub(super) fn summary(rows: &[SampleRow]) -> Summary {
    // Rows of several periods, or with and without a stated one, may be about the same time.
    let are_of_two_periods = |a: &SampleRow, b: &SampleRow| {
        a.period_s != b.period_s
            && (a.metric, &a.run_id, &a.workload) == (b.metric, &b.run_id, &b.workload)
    };
    let conflicts = rows
        .windows(2)
        .any(|pair| pair[0].same_key(&pair[1]) || are_of_two_periods(&pair[0], &pair[1]));
    let same = |a: &SampleRow, b: &SampleRow| {
        a.metric == b.metric && (Arc::ptr_eq(&a.workload, &b.workload) || a.workload == b.workload)
    };
    let mut series: BTreeMap<(&WorkloadKey, Metric), SeriesSummary> = BTreeMap::new();
    let mut stretches: Vec<(&SampleRow, usize)> = Vec::new();
    for stretch in rows.chunk_by(same) {
        let first = &stretch[0];
        let summary = series
            .entry((&first.workload, first.metric))
            .or_insert_with(|| empty_summary(first));
        for row in stretch {
            summary.first_ms = summary.first_ms.min(row.at_ms);
            summary.last_ms = summary.last_ms.max(row.at_ms);
            let period_s = row.period_s.unwrap_or(METRIC_PERIOD_S);
            summary.longest_s = summary.longest_s.max(period_s);
            let end_ms = row.at_ms.saturating_add(i64::from(period_s) * 1000);
            let (from_ms, to_ms) = summary.covered_ms.unwrap_or((row.at_ms, end_ms));
            summary.covered_ms = Some((from_ms.min(row.at_ms), to_ms.max(end_ms)));
        }
        let of_one = |a: &SampleRow, b: &SampleRow| a.run_id == b.run_id && a.source == b.source;
        stretches.extend(stretch.chunk_by(of_one).map(|rows| (&rows[0], rows.len())));
    }
    let places: BTreeMap<(&WorkloadKey, Metric), usize> = series.keys().copied().zip(0..).collect();
    let stretch = |(first, rows): &(&SampleRow, usize)| Stretch {
        rows: *rows,
        series: places[&(&*first.workload, first.metric)],
        source: first.source.as_str().to_owned(),
        run: first.run_id.as_deref().map(str::to_owned),
    };
    let are_long = rows.len() >= LONG * stretches.len();
    Summary {
        stretches: stretches.iter().filter(|_| are_long).map(stretch).collect(),
        series: series.into_values().collect(),
        conflicts,
        ..Summary::default()
    }
}

fn empty_summary(row: &SampleRow) -> SeriesSummary {
    SeriesSummary {
        kind: row.workload.kind.as_str().to_owned(),
        cluster: row.workload.cluster.clone(),
        name: row.workload.name.clone(),
        metric: row.metric.as_str().to_owned(),
        first_ms: i64::MAX,
        last_ms: i64::MIN,
        longest_s: 0,
        covered_ms: None,
    }
}
