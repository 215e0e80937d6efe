//! Which parts of samples have to be read together, because they may tell the same samples twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::name::{account_and_region, days_touch, span_of_days};
use super::part::Named;
use super::summary::SeriesSummary;
use crate::model::units::{MS_PER_DAY, Window};

/// Samples that must be read together, because they may be there twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleGroup {
    /// Paths relative to the root, all of one account and region.
    pub parts: Vec<String>,
    /// True when samples may repeat or contradict each other.
    pub overlapping: bool,
    /// The time whose samples are wanted, of whatever else the parts hold.
    pub window: Window,
}

impl SampleGroup {
    /// Account and region of its parts.
    pub fn place(&self) -> (&str, &str) {
        self.parts
            .first()
            .map_or(("", ""), |part| account_and_region(part))
    }
}

/// Rows of one group that are held at once.
pub(super) const MOST_AT_ONCE: usize = 2_000_000;

/// Parts that overlap are read some days, about `most_at_once` rows, at a time: no sample of one day is about another.
pub(super) fn by_days(parts: &[&Named], window: Window, most_at_once: usize) -> Vec<SampleGroup> {
    let spans = parts.iter().filter_map(|part| span_of_days(&part.path));
    let whole = spans.reduce(|a, b| (a.0.min(b.0), a.1.max(b.1)));
    let (from_ms, to_ms) = whole.map_or((window.from_ms, window.to_ms), |(from_ms, to_ms)| {
        (from_ms.max(window.from_ms), to_ms.min(window.to_ms))
    });
    let rows: usize = parts.iter().map(|part| part.rows).sum();
    let times = i64::try_from(rows.div_ceil(most_at_once)).unwrap_or(i64::MAX);
    let days = ((to_ms - from_ms - 1).div_euclid(MS_PER_DAY) + 1).max(1);
    let step = ((days - 1) / times.max(1) + 1) * MS_PER_DAY;
    let mut groups = Vec::new();
    let mut begin = from_ms;
    while begin < to_ms {
        let end = (begin.div_euclid(MS_PER_DAY) * MS_PER_DAY + step).min(to_ms);
        let window = Window {
            from_ms: begin,
            to_ms: end,
        };
        let of_days = parts.iter().filter(|part| days_touch(&part.path, window));
        let parts: Vec<String> = of_days.map(|part| part.path.clone()).collect();
        if !parts.is_empty() {
            groups.push(SampleGroup {
                parts,
                overlapping: true,
                window,
            });
        }
        begin = end;
    }
    groups
}

/// Joins parts that hold the same series at overlapping times.
pub(super) fn group(parts: &[Arc<Named>]) -> Vec<Vec<&Named>> {
    type Spans = Vec<(i64, i64, usize)>;
    let mut spans: BTreeMap<(&str, &str, &str, &str, &str), Spans> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        let partition = part
            .path
            .rsplit_once("/month=")
            .map_or(part.path.as_str(), |(before, _)| before);
        for series in &part.summary.series {
            let key = (
                partition,
                series.kind.as_str(),
                series.cluster.as_str(),
                series.name.as_str(),
                series.metric.as_str(),
            );
            spans
                .entry(key)
                .or_default()
                .push((series.first_ms, last_covered_ms(series), index));
        }
    }
    let mut root: Vec<usize> = (0..parts.len()).collect();
    for spans in spans.values_mut() {
        spans.sort_unstable();
        let mut reach: Option<(i64, usize)> = None;
        for &(first, last, index) in spans.iter() {
            match reach {
                Some((until, other)) if first <= until => {
                    let (a, b) = (find(&mut root, other), find(&mut root, index));
                    root[a.max(b)] = a.min(b);
                    reach = Some((until.max(last), other));
                }
                _ => reach = Some((last, index)),
            }
        }
    }
    let mut groups: BTreeMap<usize, Vec<&Named>> = BTreeMap::new();
    for (index, part) in parts.iter().enumerate() {
        groups.entry(find(&mut root, index)).or_default().push(part);
    }
    groups.into_values().collect()
}

/// The last instant that a sample may be about: the longest periods reach far into what finer ones tell.
fn last_covered_ms(series: &SeriesSummary) -> i64 {
    series.last_ms + (i64::from(series.longest_s) * 1000 - 1).max(0)
}

fn find(root: &mut [usize], mut index: usize) -> usize {
    while root[index] != index {
        root[index] = root[root[index]];
        index = root[index];
    }
    index
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::summary::Summary;

    fn named(path: &str, workload: &str, first: i64, last: i64) -> Arc<Named> {
        let series = SeriesSummary {
            kind: "service".into(),
            cluster: "prod".into(),
            name: workload.into(),
            metric: "cpu_percent".into(),
            first_ms: first,
            last_ms: last,
            longest_s: 0,
            covered_ms: None,
        };
        Named {
            path: format!("samples/account=1/region=r/month=2026-10/{path}"),
            rows: 1,
            summary: Summary {
                series: vec![series],
                ..Summary::default()
            },
        }
        .into()
    }

    #[test]
    fn only_parts_of_one_series_at_one_time_are_read_together() {
        let parts = [
            named("a", "web", 0, 10),
            named("b", "web", 10, 20),
            named("c", "web", 21, 30),
            named("d", "api", 0, 30),
        ];
        let groups = group(&parts);
        let sizes: Vec<usize> = groups.iter().map(Vec::len).collect();
        assert_eq!(sizes, [2, 1, 1]);
    }
}
