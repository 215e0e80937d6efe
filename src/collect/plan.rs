//! What the dataset already has, and so what is missing.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::SETTLING_MS;
use crate::dataset::coverage::Committed;
use crate::dataset::schema::State;
use crate::units::MS_PER_DAY;

/// Days since the epoch.
pub(crate) type Day = i64;

/// What earlier collections committed.
#[derive(Debug, Default)]
pub(crate) struct Known {
    days: BTreeMap<[String; 4], BTreeMap<Day, bool>>,
    /// Newest whole snapshot by account, region and cluster.
    snapshots: BTreeMap<[String; 3], i64>,
}

impl Known {
    /// Of all commits of a dataset.
    pub(crate) fn of(commits: &[Committed]) -> Self {
        let mut known = Self::default();
        for Committed { account, region, row } in commits {
            let Some(day) = parse(&row.day) else { continue };
            let key = [account, region, &row.scope, &row.source].map(Clone::clone);
            let complete = row.state == State::Complete.as_str();
            *known.days.entry(key).or_default().entry(day).or_default() |= complete;
            if row.state == State::Snapshot.as_str() {
                let newest = known.snapshots.entry([account, region, &row.scope].map(Clone::clone)).or_default();
                *newest = row.collected_ms.unwrap_or_default().max(*newest);
            }
        }
        known
    }

    /// True when something is committed for the scope-day, whole or not.
    pub(crate) fn has(&self, account: &str, region: &str, scope: &str, source: &str, day: Day) -> bool {
        self.days_of(account, region, scope, source).is_some_and(|days| days.contains_key(&day))
    }

    /// The days of `wanted` that are not complete yet.
    pub(crate) fn missing(&self, account: &str, region: &str, scope: &str, source: &str, wanted: Range<Day>) -> Vec<Day> {
        let known = self.days_of(account, region, scope, source);
        wanted.filter(|day| known.is_none_or(|days| days.get(day) != Some(&true))).collect()
    }

    /// True when a snapshot of the cluster is so young that another one would show the same.
    pub(crate) fn has_fresh_snapshot(&self, account: &str, region: &str, cluster: &str, now_ms: i64) -> bool {
        let newest = self.snapshots.get(&[account, region, cluster].map(str::to_owned));
        newest.is_some_and(|at| (0..SETTLING_MS).contains(&(now_ms - at)))
    }

    fn days_of(&self, account: &str, region: &str, scope: &str, source: &str) -> Option<&BTreeMap<Day, bool>> {
        self.days.get(&[account, region, scope, source].map(str::to_owned))
    }
}

fn parse(day: &str) -> Option<Day> {
    let date: jiff::civil::Date = day.parse().ok()?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond() / MS_PER_DAY)
}

/// Neighbouring days as one span, never across the end of a month: a part holds days of one month.
pub(crate) fn spans(days: &[Day]) -> Vec<Range<Day>> {
    let distinct: BTreeSet<Day> = days.iter().copied().collect();
    let mut spans: Vec<Range<Day>> = Vec::new();
    for day in distinct {
        match spans.last_mut() {
            Some(span) if span.end == day && month(span.start) == month(day) => span.end = day + 1,
            _ => spans.push(day..day + 1),
        }
    }
    spans
}

fn month(day: Day) -> (i16, i8) {
    let time = jiff::Timestamp::from_millisecond(day * MS_PER_DAY).unwrap_or_default().to_zoned(jiff::tz::TimeZone::UTC);
    (time.year(), time.month())
}

/// True when CloudWatch will not change the day any more.
pub(crate) const fn is_over(day: Day, now_ms: i64) -> bool {
    (day + 1) * MS_PER_DAY + SETTLING_MS <= now_ms
}

/// The milliseconds of `days` that may be asked for now.
pub(crate) fn window_ms(days: &Range<Day>, now_ms: i64) -> Range<i64> {
    days.start * MS_PER_DAY..(days.end * MS_PER_DAY).min(now_ms - SETTLING_MS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::schema::CoverageRow;

    fn committed(day: &str, state: State) -> Committed {
        let row = CoverageRow {
            scope: "prod".into(),
            source: "collect:metrics".into(),
            day: day.into(),
            state: state.as_str().into(),
            reason: None,
            rows: 1,
            period_s: None,
            collected_ms: Some(1),
            parts: String::new(),
        };
        Committed { account: "123456789012".into(), region: "us-east-1".into(), row }
    }

    #[test]
    fn only_complete_days_are_not_fetched_again() {
        let known = Known::of(&[committed("1970-01-02", State::Complete), committed("1970-01-03", State::Partial)]);
        let missing = |scope: &str| known.missing("123456789012", "us-east-1", scope, "collect:metrics", 0..4);
        assert_eq!(missing("prod"), [0, 2, 3]);
        assert_eq!(missing("other"), [0, 1, 2, 3]);
        assert!(known.has("123456789012", "us-east-1", "prod", "collect:metrics", 2));
        assert!(!known.has("123456789012", "us-east-1", "prod", "collect:metrics", 0));
    }

    #[test]
    fn a_snapshot_is_fresh_for_fifteen_minutes() {
        let known = Known::of(&[committed("1970-01-02", State::Snapshot)]);
        let fresh = |now_ms| known.has_fresh_snapshot("123456789012", "us-east-1", "prod", now_ms);
        assert!(fresh(1) && fresh(SETTLING_MS));
        assert!(!fresh(SETTLING_MS + 1) && !fresh(0), "a snapshot from the future says nothing about now");
    }

    #[test]
    fn neighbouring_days_are_one_span_within_a_month() {
        // 30 is 1970-01-31, 31 is 1970-02-01.
        assert_eq!(spans(&[4, 3, 7, 29, 30, 31, 32, 3]), [3..5, 7..8, 29..31, 31..33]);
    }

    #[test]
    fn a_day_is_over_fifteen_minutes_after_its_end() {
        assert!(!is_over(0, MS_PER_DAY + SETTLING_MS - 1));
        assert!(is_over(0, MS_PER_DAY + SETTLING_MS));
        assert_eq!(window_ms(&(0..2), MS_PER_DAY + SETTLING_MS), 0..MS_PER_DAY);
    }
}
