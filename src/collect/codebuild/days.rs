//! Which days are whole, while builds are listed newest first.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::collect::call::Fault;
use crate::collect::plan::{Day, is_over};
use crate::dataset::schema::State;
use crate::dataset::source::{self, OPEN_DAY, STILL_RUNNING};
use crate::dataset::written::{BUILD_SCOPE, ScopeDay};
use crate::model::units::MS_PER_DAY;

/// How far the listing may stray from the order of start times.
const SLACK_MS: i64 = 600_000;
/// The longest a build may run. Source: CodeBuild quotas, read 2026-11: 36 hours.
const LONGEST_BUILD_MS: i64 = 36 * 3_600_000;
/// Days that AWS keeps builds for. Source: CodeBuild user guide, read 2026-11: one year.
const KEPT_DAYS: Day = 365;
/// Why days before that have no builds.
const FORGOTTEN: &str = "CodeBuild keeps builds for one year";

/// What the builds listed so far say of each day.
#[derive(Debug)]
pub(super) struct Days {
    wanted: Range<Day>,
    now_ms: i64,
    /// Start of the earliest build listed so far.
    oldest_ms: i64,
    /// Day of the build listed last.
    last: Day,
    /// The listing is in the order of start times.
    is_ordered: bool,
    is_over: bool,
    /// Days from here on were given out as whole.
    given: Day,
    /// Days from here on were given out as told.
    told: Day,
    /// Builds without an end, by day of their start.
    running: BTreeMap<Day, usize>,
    /// Builds without a row, by reason, by each day on which they may have begun.
    lacking: BTreeMap<Day, BTreeMap<&'static str, usize>>,
    /// Builds without a row since the last one with a row.
    gap: BTreeMap<&'static str, usize>,
}

impl Days {
    /// Nothing listed yet.
    pub(super) const fn new(wanted: Range<Day>, now_ms: i64) -> Self {
        Self {
            oldest_ms: i64::MAX,
            last: wanted.end - 1,
            is_ordered: true,
            is_over: false,
            given: wanted.end,
            told: wanted.end,
            running: BTreeMap::new(),
            lacking: BTreeMap::new(),
            gap: BTreeMap::new(),
            wanted,
            now_ms,
        }
    }

    /// The next build of the listing.
    pub(super) fn build(&mut self, start_ms: i64, is_running: bool) {
        let day = start_ms.div_euclid(MS_PER_DAY);
        self.fill_gap(day);
        self.last = day;
        if is_running {
            *self.running.entry(day).or_default() += 1;
        }
        // What began during the collection may come first again when the listing had to begin again.
        if start_ms > self.now_ms {
            return;
        }
        self.is_ordered &= start_ms <= self.oldest_ms.saturating_add(SLACK_MS);
        self.oldest_ms = self.oldest_ms.min(start_ms);
    }

    /// A listed build that cannot be a row, for `why`.
    pub(super) fn lacking(&mut self, why: &'static str) {
        *self.gap.entry(why).or_default() += 1;
    }

    /// The listing is over.
    pub(super) fn end(&mut self) {
        self.fill_gap(self.wanted.start);
        self.is_over = true;
    }

    /// Builds without a row began between their neighbours in the listing.
    fn fill_gap(&mut self, next: Day) {
        let (from, to) = (
            next.min(self.last).max(self.wanted.start),
            next.max(self.last).min(self.wanted.end - 1),
        );
        for (why, count) in std::mem::take(&mut self.gap) {
            for day in from..=to {
                *self.lacking.entry(day).or_default().entry(why).or_default() += count;
            }
        }
    }

    /// The days of which the rest of the listing can tell nothing more, and which were not given out before.
    pub(super) fn whole(&mut self) -> Range<Day> {
        let from = if self.is_over {
            self.wanted.start
        } else if self.is_ordered && self.gap.is_empty() {
            self.oldest_ms
                .saturating_add(SLACK_MS + MS_PER_DAY - 1)
                .div_euclid(MS_PER_DAY)
                .clamp(self.wanted.start, self.given)
        } else {
            self.given
        };
        let whole = from..self.given;
        self.given = from;
        whole
    }

    /// The days of which every build that ran on them is listed, the days before included on which it may have begun;
    /// each is given out once.
    pub(super) fn told(&mut self) -> Range<Day> {
        let from = if self.is_over {
            self.wanted.start
        } else if self.is_ordered && self.gap.is_empty() {
            let reached_ms = self
                .oldest_ms
                .saturating_add(SLACK_MS + LONGEST_BUILD_MS + MS_PER_DAY - 1);
            reached_ms
                .div_euclid(MS_PER_DAY)
                .clamp(self.wanted.start, self.told)
        } else {
            self.told
        };
        let told = from..self.told;
        self.told = from;
        told
    }

    /// Days that were not given out as told.
    pub(super) const fn untold(&self) -> Range<Day> {
        self.wanted.start..self.told
    }

    /// The listing is over, or nothing more of it is of use.
    pub(super) const fn are_over(&self) -> bool {
        self.is_over
    }

    /// Days that were not given out as whole.
    pub(super) const fn open(&self) -> Range<Day> {
        self.wanted.start..self.given
    }

    /// True when nothing that is still to come reaches into the wanted days.
    pub(super) fn reach_everything(&self) -> bool {
        let earliest = self.wanted.start * MS_PER_DAY - LONGEST_BUILD_MS;
        self.is_over
            || self.is_ordered
                && self.gap.is_empty()
                && self.oldest_ms.saturating_add(SLACK_MS) <= earliest
    }

    /// What a whole `day` is.
    pub(super) fn scope_day(&self, day: Day) -> ScopeDay {
        let lacking = self.lacking.get(&day);
        let (state, reason) = if day < (self.now_ms.div_euclid(MS_PER_DAY) - KEPT_DAYS) {
            (State::Disabled, Some(FORGOTTEN.to_owned()))
        } else if let Some(lacking) = lacking {
            let reasons: Vec<String> = lacking
                .iter()
                .map(|(why, count)| format!("{count} listed builds {why}"))
                .collect();
            (State::Partial, Some(reasons.join("; ")))
        } else if !is_over(day, self.now_ms) {
            (State::Partial, Some(OPEN_DAY.to_owned()))
        } else {
            match self.running.get(&day) {
                None => (State::Complete, None),
                Some(running) => (State::Partial, Some(format!("{running} {STILL_RUNNING}"))),
            }
        };
        told(day, state, reason)
    }

    /// What `day` is when the listing ends in `fault`.
    pub(super) fn failed(day: Day, fault: &Fault) -> ScopeDay {
        told(day, fault.state(), Some(fault.reason()))
    }
}

fn told(day: Day, state: State, reason: Option<String>) -> ScopeDay {
    ScopeDay::of_scope(BUILD_SCOPE, source::BUILDS, day, (state, reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000;
    /// A day, and noon of the day after it.
    const TODAY: Day = 20_000;
    const NOW: i64 = TODAY * MS_PER_DAY + 12 * HOUR;

    fn days(wanted: Range<Day>) -> Days {
        Days::new(wanted, NOW)
    }

    fn at(day: Day, hour: i64) -> i64 {
        day * MS_PER_DAY + hour * HOUR
    }

    fn state(days: &Days, day: Day) -> (State, Option<String>) {
        let scope_day = days.scope_day(day);
        (scope_day.state, scope_day.reason)
    }

    #[test]
    fn a_day_is_whole_once_a_build_before_it_was_listed() {
        let mut days = days(TODAY - 3..TODAY + 1);
        days.build(at(TODAY, 1), false);
        assert_eq!(days.whole(), TODAY + 1..TODAY + 1);
        days.build(at(TODAY - 2, 23), false);
        assert_eq!(days.whole(), TODAY - 1..TODAY + 1);
        assert_eq!(days.whole(), TODAY - 1..TODAY - 1, "each is given out once");
        assert_eq!(
            state(&days, TODAY),
            (State::Partial, Some(OPEN_DAY.to_owned()))
        );
        assert_eq!(state(&days, TODAY - 1), (State::Complete, None));
        assert_eq!(days.open(), TODAY - 3..TODAY - 1);
        days.end();
        assert_eq!(days.whole(), TODAY - 3..TODAY - 1);
    }

    #[test]
    fn a_build_just_before_midnight_leaves_room_for_disorder() {
        let mut days = days(TODAY - 3..TODAY + 1);
        days.build(at(TODAY - 1, 0) - SLACK_MS + 1, false);
        assert_eq!(days.whole(), TODAY..TODAY + 1);
        days.build(at(TODAY - 1, 0) - SLACK_MS, false);
        assert_eq!(days.whole(), TODAY - 1..TODAY);
    }

    #[test]
    fn a_listing_out_of_order_is_read_to_its_end() {
        let mut days = days(TODAY - 3..TODAY + 1);
        days.build(at(TODAY - 300, 1), false);
        days.build(at(TODAY - 2, 1), false);
        assert_eq!(days.whole(), TODAY + 1..TODAY + 1);
        assert!(!days.reach_everything());
        days.end();
        assert_eq!(days.whole(), TODAY - 3..TODAY + 1);
    }

    #[test]
    fn the_listing_is_followed_as_far_as_a_build_may_reach() {
        let mut days = days(TODAY - 3..TODAY + 1);
        days.build(at(TODAY - 4, 0), false);
        assert_eq!(days.whole(), TODAY - 3..TODAY + 1);
        assert!(
            !days.reach_everything(),
            "a build of 36 hours may have begun before"
        );
        days.build(at(TODAY - 3, 0) - 36 * HOUR - SLACK_MS, false);
        assert!(days.reach_everything());
    }

    #[test]
    fn a_day_is_told_once_the_longest_build_before_it_was_listed() {
        let mut days = days(TODAY - 3..TODAY + 1);
        days.build(at(TODAY - 1, 0) - 36 * HOUR - SLACK_MS + 1, false);
        assert_eq!(
            (days.told(), days.untold()),
            (TODAY..TODAY + 1, TODAY - 3..TODAY)
        );
        days.build(at(TODAY - 1, 0) - 36 * HOUR - SLACK_MS, false);
        assert_eq!(days.told(), TODAY - 1..TODAY);
        assert!(days.told().is_empty(), "each is given out once");
        days.end();
        assert_eq!(days.told(), TODAY - 3..TODAY - 1);
    }

    #[test]
    fn a_running_build_makes_its_day_partial() {
        let mut days = days(TODAY - 3..TODAY + 1);
        days.build(at(TODAY - 1, 23), true);
        days.build(at(TODAY - 1, 22), true);
        days.end();
        assert_eq!(
            state(&days, TODAY - 1),
            (
                State::Partial,
                Some("2 builds were still running".to_owned())
            )
        );
        assert_eq!(state(&days, TODAY - 2), (State::Complete, None));
    }

    #[test]
    fn a_build_without_a_row_makes_every_day_partial_on_which_it_may_have_begun() {
        let mut days = days(TODAY - 5..TODAY + 1);
        days.build(at(TODAY - 1, 5), false);
        days.lacking("were not returned");
        days.lacking("were not returned");
        assert_eq!(
            days.whole(),
            TODAY + 1..TODAY + 1,
            "its day is not known yet"
        );
        days.build(at(TODAY - 3, 5), false);
        days.end();
        let partial = (
            State::Partial,
            Some("2 listed builds were not returned".to_owned()),
        );
        for day in TODAY - 3..TODAY {
            assert_eq!(state(&days, day), partial);
        }
        assert_eq!(state(&days, TODAY - 4), (State::Complete, None));
        assert_eq!(state(&days, TODAY).1.as_deref(), Some(OPEN_DAY));
    }

    #[test]
    fn what_is_missing_at_the_end_may_have_begun_on_any_day_before() {
        let mut days = days(TODAY - 3..TODAY + 1);
        days.build(at(TODAY - 1, 5), false);
        days.lacking("were not returned");
        days.end();
        assert_eq!(state(&days, TODAY - 3).0, State::Partial);
        assert_eq!(state(&days, TODAY - 1).0, State::Partial);
    }

    #[test]
    fn an_account_without_builds_has_whole_days_without_rows() {
        let mut days = days(TODAY - 366..TODAY);
        days.end();
        assert_eq!(days.whole(), TODAY - 366..TODAY);
        assert_eq!(state(&days, TODAY - 365), (State::Complete, None));
        assert_eq!(
            state(&days, TODAY - 366).0,
            State::Disabled,
            "nothing is known of what AWS has forgotten"
        );
    }

    #[test]
    fn what_begins_during_the_collection_does_not_disturb_the_order() {
        let mut days = days(TODAY - 1..TODAY + 1);
        days.build(at(TODAY - 1, 5), false);
        days.build(NOW + 1, true);
        days.build(at(TODAY - 2, 5), false);
        assert_eq!(days.whole(), TODAY - 1..TODAY + 1);
    }
}
