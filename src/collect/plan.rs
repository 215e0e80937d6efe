//! What the dataset already has, and so what is missing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::ops::Range;

use crate::dataset::coverage::Committed;
use crate::dataset::log;
use crate::dataset::name::date;
use crate::dataset::schema::State;
use crate::dataset::source::{self, OPEN_DAY, SETTLING_MS};
use crate::dataset::written::BUILD_SCOPE;
use crate::dataset::{Dataset, collected};
use crate::model::error::Result;
use crate::model::units::MS_PER_DAY;

/// Days since the epoch.
pub(crate) type Day = i64;

/// What earlier collections committed.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// By account, region, scope and source.
    days: BTreeMap<[String; 4], BTreeMap<Day, KnownDay>>,
    /// Newest whole snapshot by account, region, scope and kind of source.
    snapshots: BTreeMap<[String; 4], i64>,
    /// Newest whole history by account, region, cluster and service.
    histories: BTreeMap<[String; 4], History>,
    /// Task definitions by account and region; they never change.
    definitions: BTreeMap<[String; 2], BTreeSet<String>>,
    /// Ids of builds that nothing more is to be had of, by account and region.
    builds: BTreeMap<[String; 2], HashSet<String>>,
}

/// When the history of a service was taken, and the hash of the tags that it had then.
type History = (i64, Option<String>);

/// What is committed of a scope-day.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct KnownDay {
    /// Nothing more is to be had.
    is_final: bool,
    /// When all that there was so far of a day that was not over had been seen.
    open_ms: Option<i64>,
    rows: i64,
    /// Seconds between its samples.
    period_s: Option<i64>,
}

impl Known {
    /// Of a dataset, which need not be there yet: what it says of the months of `wanted` and of today. What earlier
    /// months say of histories and definitions is left: asking for them once a month is cheaper than reading it all.
    pub(crate) fn read(dataset: &Dataset, wanted: &Range<Day>, now_ms: i64) -> Result<Self> {
        if !dataset.exists()? {
            return Ok(Self::default());
        }
        let today = now_ms.div_euclid(MS_PER_DAY);
        let months: BTreeSet<String> = wanted
            .clone()
            .chain([today])
            .map(|day| date(day)[..7].to_owned())
            .collect();
        let commits = log::read(dataset, |month| months.contains(month))?.commits;
        let mut known = Self::of(&commits);
        collected::definitions(dataset, &commits, |account, region, definition| {
            known
                .definitions
                .entry([account, region].map(str::to_owned))
                .or_default()
                .insert(definition.to_owned());
        })?;
        let mut builds: BTreeMap<[String; 2], HashSet<String>> = BTreeMap::new();
        collected::builds(dataset, &commits, |build| {
            let day = build.created_ms.div_euclid(MS_PER_DAY);
            let is_within = build
                .stopped_ms
                .is_some_and(|stopped_ms| stopped_ms.div_euclid(MS_PER_DAY) == day);
            let place = [build.account, build.region];
            let is_final = |source| known.is_final(place, BUILD_SCOPE, source, day);
            if is_within && is_final(source::BUILDS) && is_final(source::BUILD_METRICS) {
                builds
                    .entry(place.map(str::to_owned))
                    .or_default()
                    .insert(build.id.to_owned());
            }
        })?;
        Ok(Self { builds, ..known })
    }

    /// Of all commits of a dataset.
    fn of(commits: &[Committed]) -> Self {
        let mut known = Self::default();
        for Committed {
            account,
            region,
            row,
        } in commits
        {
            let Some(day) = parse(&row.day) else { continue };
            let at_ms = row.collected_ms.unwrap_or_default();
            let is_state = |state: State| row.state == state.as_str();
            let is_told = is_state(State::Snapshot) || is_state(State::Disabled);
            let seen = known
                .days
                .entry([account, region, &row.scope, &row.source].map(Clone::clone))
                .or_default();
            let seen = seen.entry(day).or_default();
            (seen.rows, seen.period_s) = (seen.rows.max(row.rows), seen.period_s.max(row.period_s));
            seen.is_final |= is_state(State::Complete) || is_told && is_over(day, at_ms);
            if is_state(State::Partial) && row.reason.as_deref() == Some(OPEN_DAY) {
                seen.open_ms = seen.open_ms.max(Some(at_ms));
            }
            if !is_state(State::Snapshot) {
                continue;
            }
            let key = |what: &str| [account.as_str(), region, &row.scope, what].map(str::to_owned);
            if let Some(service) = source::service_of_history(&row.source) {
                let newest = known.histories.entry(key(service)).or_default();
                if newest.0 <= at_ms {
                    let tags = source::tags_of_history(&row.source);
                    *newest = (at_ms, tags.map(str::to_owned));
                }
                continue;
            }
            let newest = known.snapshots.entry(key(source::kind(&row.source)));
            let newest = newest.or_default();
            *newest = at_ms.max(*newest);
        }
        known
    }

    /// Rows that are committed for the scope-day; `None` where nothing is.
    pub(crate) fn rows(
        &self,
        place: [&str; 2],
        scope: &str,
        source: &str,
        day: Day,
    ) -> Option<i64> {
        Some(
            self.days_of(place[0], place[1], scope, source)?
                .get(&day)?
                .rows,
        )
    }

    /// The days of which coarser samples are there than `period_s` tells for the day.
    pub(crate) fn coarser(
        &self,
        place: [&str; 2],
        scope: &str,
        source: &str,
        wanted: Range<Day>,
        period_s: impl Fn(Day) -> Option<i32>,
    ) -> Vec<Day> {
        let known = self
            .days_of(place[0], place[1], scope, source)
            .into_iter()
            .flat_map(|days| days.range(wanted.clone()));
        let is_coarser = |(day, seen): &(&Day, &KnownDay)| {
            period_s(**day)
                .is_some_and(|finer| seen.period_s.is_some_and(|known| known > i64::from(finer)))
        };
        known.filter(is_coarser).map(|(day, _)| *day).collect()
    }

    /// The days of `wanted` that are to be fetched: not those that are final, and not today where it was just fetched.
    pub(crate) fn missing(
        &self,
        place: [&str; 2],
        scope: &str,
        source: &str,
        wanted: Range<Day>,
        now_ms: i64,
    ) -> Vec<Day> {
        let known = self.days_of(place[0], place[1], scope, source);
        let is_there = |seen: &KnownDay| {
            seen.is_final || seen.open_ms.is_some_and(|at_ms| is_fresh(at_ms, now_ms))
        };
        wanted
            .filter(|day| {
                known
                    .and_then(|days| days.get(day))
                    .is_none_or(|seen| !is_there(seen))
            })
            .collect()
    }

    /// The days of `wanted` of which it is committed that they could not be looked at.
    pub(crate) fn unfinished(
        &self,
        place: [&str; 2],
        scope: &str,
        source: &str,
        wanted: Range<Day>,
    ) -> Vec<Day> {
        let known = self
            .days_of(place[0], place[1], scope, source)
            .into_iter()
            .flat_map(move |days| days.range(wanted.clone()));
        known
            .filter(|(_, seen)| !seen.is_final && seen.rows == 0)
            .map(|(day, _)| *day)
            .collect()
    }

    /// The sources of a scope whose names begin like `source`.
    pub(crate) fn sources_like(
        &self,
        [account, region]: [&str; 2],
        scope: &str,
        source: &str,
    ) -> Vec<String> {
        let from = [account, region, scope, source].map(str::to_owned);
        let all = self.days.range(from..).map(|(key, _)| key);
        let like = all.take_while(|key| {
            [&key[0], &key[1], &key[2]] == [account, region, scope] && key[3].starts_with(source)
        });
        like.map(|key| key[3].clone()).collect()
    }

    /// True when a snapshot of the scope is so young that another one would show the same.
    pub(crate) fn has_fresh(
        &self,
        place: [&str; 2],
        scope: &str,
        source: &str,
        now_ms: i64,
    ) -> bool {
        let newest = self
            .snapshots
            .get(&[place[0], place[1], scope, source].map(str::to_owned));
        newest.is_some_and(|&at_ms| is_fresh(at_ms, now_ms))
    }

    /// True when the history of a service was taken after `settled_ms`, when it last changed, and its tags are those that
    /// it had then, or when it was taken just now; without `settled_ms` it is still changing.
    pub(crate) fn has_history(
        &self,
        place: [&str; 2],
        cluster: &str,
        service: &str,
        settled_ms: Option<i64>,
        tags: Option<&str>,
        now_ms: i64,
    ) -> bool {
        let newest = self
            .histories
            .get(&[place[0], place[1], cluster, service].map(str::to_owned));
        // Clocks differ a little.
        let is_later =
            |at_ms: i64| settled_ms.is_some_and(|settled_ms| at_ms - SETTLING_MS > settled_ms);
        newest.is_some_and(|(at_ms, known)| {
            is_fresh(*at_ms, now_ms) || is_later(*at_ms) && known.as_deref() == tags
        })
    }

    /// True for a build of which nothing more is to be had: it began and ended on a day that is complete.
    pub(crate) fn has_build(&self, place: [&str; 2], id: &str) -> bool {
        self.builds
            .get(&place.map(str::to_owned))
            .is_some_and(|builds| builds.contains(id))
    }

    /// The task definitions of a place.
    pub(crate) fn definitions(&self, account: &str, region: &str) -> BTreeSet<String> {
        self.definitions
            .get(&[account, region].map(str::to_owned))
            .cloned()
            .unwrap_or_default()
    }

    fn is_final(&self, place: [&str; 2], scope: &str, source: &str, day: Day) -> bool {
        self.days_of(place[0], place[1], scope, source)
            .and_then(|days| days.get(&day))
            .is_some_and(|seen| seen.is_final)
    }

    fn days_of(
        &self,
        account: &str,
        region: &str,
        scope: &str,
        source: &str,
    ) -> Option<&BTreeMap<Day, KnownDay>> {
        self.days
            .get(&[account, region, scope, source].map(str::to_owned))
    }
}

/// True while asking again would tell the same: CloudWatch settles in that time, and ECS remembers longer.
fn is_fresh(at_ms: i64, now_ms: i64) -> bool {
    (0..SETTLING_MS).contains(&(now_ms - at_ms))
}

fn parse(day: &str) -> Option<Day> {
    let date: jiff::civil::Date = day.parse().ok()?;
    let midnight = date.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(midnight.timestamp().as_millisecond() / MS_PER_DAY)
}

/// Neighbouring days as one span.
pub(crate) fn spans(days: &[Day]) -> Vec<Range<Day>> {
    let distinct: BTreeSet<Day> = days.iter().copied().collect();
    let mut spans: Vec<Range<Day>> = Vec::new();
    for day in distinct {
        match spans.last_mut() {
            Some(span) if span.end == day => span.end = day + 1,
            _ => spans.push(day..day + 1),
        }
    }
    spans
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

    const PLACE: [&str; 2] = ["123456789012", "us-east-1"];

    fn committed(
        source: &str,
        day: &str,
        state: State,
        reason: Option<&str>,
        collected_ms: i64,
    ) -> Committed {
        let row = CoverageRow {
            scope: "prod".into(),
            source: source.into(),
            day: day.into(),
            state: state.as_str().into(),
            reason: reason.map(str::to_owned),
            rows: 1,
            period_s: None,
            collected_ms: Some(collected_ms),
            parts: String::new(),
        };
        Committed {
            account: PLACE[0].into(),
            region: PLACE[1].into(),
            row,
        }
    }

    #[test]
    fn only_days_of_which_nothing_more_is_to_be_had_are_not_fetched_again() {
        const LATER: i64 = 10 * MS_PER_DAY;
        let commit = |day: &str, state| committed("collect:metrics:web", day, state, None, LATER);
        let known = Known::of(&[
            commit("1970-01-02", State::Complete),
            commit("1970-01-03", State::Partial),
            commit("1970-01-04", State::Denied),
            commit("1970-01-05", State::Snapshot),
            commit("1970-01-11", State::Snapshot),
        ]);
        let missing =
            |source: &str| known.missing(PLACE, "prod", source, 0..11, LATER + MS_PER_DAY);
        assert_eq!(
            missing("collect:metrics:web"),
            [0, 2, 3, 5, 6, 7, 8, 9, 10],
            "what was told of day 10 was told within it"
        );
        assert_eq!(missing("collect:metrics:api"), (0..11).collect::<Vec<_>>());
        let rows = |day| known.rows(PLACE, "prod", "collect:metrics:web", day);
        assert_eq!((rows(2), rows(0)), (Some(1), None));
    }

    #[test]
    fn today_is_fetched_again_after_fifteen_minutes() {
        let known = |state, reason| {
            Known::of(&[committed(
                "collect:builds",
                "1970-01-02",
                state,
                reason,
                MS_PER_DAY,
            )])
        };
        let open = known(State::Partial, Some(OPEN_DAY));
        let missing =
            |known: &Known, now_ms| known.missing(PLACE, "prod", "collect:builds", 1..2, now_ms);
        assert!(missing(&open, MS_PER_DAY + SETTLING_MS - 1).is_empty());
        assert_eq!(missing(&open, MS_PER_DAY + SETTLING_MS), [1]);
        assert_eq!(
            missing(&open, MS_PER_DAY - 1),
            [1],
            "a collection from the future says nothing about now"
        );
        assert_eq!(
            missing(&known(State::Partial, Some("timed out")), MS_PER_DAY + 1),
            [1],
            "it had failed"
        );
    }

    #[test]
    fn a_snapshot_is_fresh_for_fifteen_minutes() {
        let known = Known::of(&[committed(
            "collect:ecs:1970-01-02T00:00:00Z",
            "1970-01-02",
            State::Snapshot,
            None,
            1,
        )]);
        let fresh = |now_ms| known.has_fresh(PLACE, "prod", source::ECS, now_ms);
        assert!(fresh(1) && fresh(SETTLING_MS));
        assert!(
            !fresh(SETTLING_MS + 1) && !fresh(0),
            "a snapshot from the future says nothing about now"
        );
    }

    #[test]
    fn a_history_holds_until_its_service_changes() {
        let taken = MS_PER_DAY;
        let source = "collect:history:web:1970-01-02T00:00:00Z";
        let known = Known::of(&[committed(
            source,
            "1970-01-02",
            State::Snapshot,
            None,
            taken,
        )]);
        let has = |service: &str, settled_ms, now_ms| {
            known.has_history(PLACE, "prod", service, settled_ms, None, now_ms)
        };
        let later = taken + SETTLING_MS;
        assert!(has("web", Some(taken - SETTLING_MS - 1), later));
        assert!(
            !has("web", Some(taken - SETTLING_MS), later)
                && !has("web", None, later)
                && !has("api", Some(0), later)
        );
        assert!(has("web", None, later - 1), "it was just taken");
        let settled = Some(taken - SETTLING_MS - 1);
        assert!(
            !known.has_history(PLACE, "prod", "web", settled, Some("1a2b"), later),
            "it was tagged since"
        );
        assert!(
            !known.has_fresh(PLACE, "prod", source::ECS, taken),
            "its tasks were not looked at"
        );
    }

    #[test]
    fn neighbouring_days_are_one_span() {
        assert_eq!(spans(&[4, 3, 7, 29, 30, 31, 32, 3]), [3..5, 7..8, 29..33]);
    }

    #[test]
    fn a_day_is_over_fifteen_minutes_after_its_end() {
        assert!(!is_over(0, MS_PER_DAY + SETTLING_MS - 1));
        assert!(is_over(0, MS_PER_DAY + SETTLING_MS));
        assert_eq!(window_ms(&(0..2), MS_PER_DAY + SETTLING_MS), 0..MS_PER_DAY);
    }
}
