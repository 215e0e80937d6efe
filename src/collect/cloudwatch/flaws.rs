//! What keeps days of samples from being complete: counted, by what it is.

use std::collections::BTreeMap;

use crate::collect::plan::Day;
use crate::model::units::MS_PER_DAY;

/// Everything that keeps a chunk from being complete: counted, by what it is.
#[derive(Debug, Default)]
pub(super) struct Flaws {
    /// Queries that were finished.
    queries: usize,
    /// Of these, refused by AWS.
    forbidden: usize,
    of_queries: BTreeMap<String, usize>,
    of_calls: BTreeMap<String, usize>,
    of_days: BTreeMap<Day, BTreeMap<&'static str, usize>>,
}

impl Flaws {
    /// One more query is finished.
    pub(super) const fn count_query(&mut self) {
        self.queries += 1;
    }

    /// A query that the credentials may not read.
    pub(super) const fn refuse_query(&mut self) {
        self.forbidden += 1;
    }

    pub(super) fn of_queries(&mut self, what: &str) {
        *self.of_queries.entry(what.to_owned()).or_default() += 1;
    }

    /// `count` times `what`, which may concern every day.
    pub(super) fn of_calls(&mut self, what: &str, count: usize) {
        if count > 0 {
            *self.of_calls.entry(what.to_owned()).or_default() += count;
        }
    }

    /// A point that was left out.
    pub(super) fn of_day(&mut self, at_ms: i64, what: &'static str) {
        *self
            .of_days
            .entry(at_ms.div_euclid(MS_PER_DAY))
            .or_default()
            .entry(what)
            .or_default() += 1;
    }

    /// What was asked for is what was answered or failed: every one of `queries` was finished.
    pub(super) fn account_for(&mut self, queries: usize) {
        self.of_calls(
            "metrics that were lost on the way",
            queries.abs_diff(self.queries),
        );
    }

    /// True when the credentials may read none of the series.
    pub(super) fn is_denied(&self) -> bool {
        self.forbidden > 0 && self.forbidden == self.queries
    }

    /// What keeps `day` from being complete.
    pub(super) fn reason(&self, day: Day) -> Option<String> {
        let mut reasons = Vec::new();
        if self.forbidden > 0 {
            reasons.push(format!(
                "access denied for {} of {} metrics",
                self.forbidden, self.queries
            ));
        }
        reasons.extend(
            self.of_queries
                .iter()
                .map(|(what, count)| format!("{what} for {count} of {} metrics", self.queries)),
        );
        reasons.extend(
            self.of_calls
                .iter()
                .map(|(what, count)| format!("{what}: {count}")),
        );
        let of_day = self.of_days.get(&day).into_iter().flatten();
        reasons.extend(of_day.map(|(what, count)| format!("points left out, {what}: {count}")));
        (!reasons.is_empty()).then(|| reasons.join("; "))
    }
}
