//! What a fleet's own weeks say about the shipped margins: split conformal calibration over workload-weeks.
//!
//! Every workload-week of the past that can be sized from the days before it is replayed, and the least risk at which it
//! would have breached is kept. Were the shipped table right for this fleet, a share `r` of these would be at most `r`. What
//! is seen instead moves the risk at which the table is read: the fleet's weeks are counted together with
//! [`SHIPPED_WEEKS`] weeks of the table's own, so a young fleet gets the shipped margins and a grown one its own.
//!
//! The guarantee holds over workload-weeks together, not for each workload: it assumes that next week's are like the past's.

use std::collections::BTreeMap;

use super::history::History;
use super::margin::{Resource, Sizes, Statistics, risk_shown};

/// How many workload-weeks the shipped table counts for. Measured on Bitbrains, each fifth of the machines as a fleet that the
/// table was not made from: with 200, a stated 1 / 2 / 5 % came out as 1.0 / 2.4 / 5.0 % for CPU and 1.0 / 2.1 / 4.9 % for memory.
pub const SHIPPED_WEEKS: f64 = 200.0;
/// A group with fewer workload-weeks than this is calibrated together with the others.
const GROUP_WEEKS: usize = 100;
/// Days that are sized for, and by which origins are apart.
pub const WEEK_DAYS: i32 = 7;
/// Days with samples that a training span and a replayed week need.
const LEAST_TRAINING_DAYS: usize = 7;
const LEAST_REPLAYED_DAYS: usize = 6;

/// What kinds of workload-weeks are alike: only these are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Group {
    /// A job or a build, as opposed to a service.
    pub is_job: bool,
    /// Samples of an hour, of five minutes, of one minute.
    pub period: Period,
}

/// How finely a workload was sampled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Period {
    /// At most a minute.
    #[default]
    Minute,
    /// At most five minutes.
    FiveMinutes,
    /// More.
    Longer,
}

impl Period {
    /// The class of the longest period among the samples.
    pub const fn of(seconds: i64) -> Self {
        match seconds {
            ..=60 => Self::Minute,
            61..=300 => Self::FiveMinutes,
            _ => Self::Longer,
        }
    }
}

/// The least risk at which each workload-week of the past would have breached, by group, rising.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calibration {
    groups: BTreeMap<Group, Vec<f64>>,
    all: Vec<f64>,
}

impl FromIterator<(Group, f64)> for Calibration {
    fn from_iter<I: IntoIterator<Item = (Group, f64)>>(shown: I) -> Self {
        let mut made = Self::default();
        for (group, risk) in shown {
            made.groups.entry(group).or_default().push(risk);
            made.all.push(risk);
        }
        made.all.sort_by(f64::total_cmp);
        for risks in made.groups.values_mut() {
            risks.sort_by(f64::total_cmp);
        }
        made
    }
}

impl Calibration {
    /// The weeks that `group` is calibrated by: its own where they are enough, else all.
    fn weeks_for(&self, group: Group) -> &[f64] {
        match self.groups.get(&group) {
            Some(own) if own.len() >= GROUP_WEEKS => own,
            _ => &self.all,
        }
    }

    /// How many of the fleet's workload-weeks stand behind a size of `group`.
    pub fn weeks(&self, group: Group) -> usize {
        self.weeks_for(group).len()
    }

    /// The risk at which the table is to be read for `group`, so that `stated` (0–1) is the share of breaches.
    pub fn level(&self, group: Group, stated: f64) -> f64 {
        let weeks = self.weeks_for(group);
        let budget = stated * (weeks.len() as f64 + SHIPPED_WEEKS);
        let mut level = 0.0_f64;
        for (breached, next) in (0_u32..).zip(weeks.iter().copied().chain([1.0])) {
            let left = budget - f64::from(breached);
            if left < 0.0 {
                break;
            }
            level = level.max((left / SHIPPED_WEEKS).min(next));
            if left / SHIPPED_WEEKS <= next {
                break;
            }
        }
        level
    }
}

/// One past workload-week: sized from the days before `origin`, replayed on the week from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// First day of the replayed week.
    pub origin: i32,
    /// What the days before say.
    pub sizes: Sizes,
    /// The least size that the week would not have breached.
    pub next_week: f64,
}

/// The workload-week from `origin` on, sized from the `training_days` before it; `None` where either was hardly seen.
pub fn replay(
    resource: Resource,
    history: &History,
    origin: i32,
    training_days: i32,
) -> Option<Replay> {
    let before = history.last_days(training_days, origin);
    let week = history.between(origin, origin.saturating_add(WEEK_DAYS));
    let seen =
        before.days().len() >= LEAST_TRAINING_DAYS && week.days().len() >= LEAST_REPLAYED_DAYS;
    if !seen {
        return None;
    }
    Some(Replay {
        origin,
        sizes: Sizes::of(&Statistics::of(resource, &before)?),
        next_week: resource.need_of(&week)?,
    })
}

/// Every past week of a workload before day `end`, newest first: weeks do not overlap.
pub fn past_weeks(
    resource: Resource,
    history: &History,
    end: i32,
    training_days: i32,
) -> impl Iterator<Item = Replay> + '_ {
    let first = history.span().map_or(end, |(first, _)| first);
    let origins = (1..)
        .map(move |weeks: i32| end.saturating_sub(weeks.saturating_mul(WEEK_DAYS)))
        .take_while(move |origin| *origin > first);
    origins.filter_map(move |origin| replay(resource, history, origin, training_days))
}

/// A workload whose past is calibrated by.
#[derive(Debug, Clone, Copy)]
pub struct Past<'a> {
    /// What it is like.
    pub group: Group,
    /// What was seen of it.
    pub history: &'a History,
    /// Its present size, vCPU or MiB.
    pub current: f64,
}

/// Calibrates `resource` by every week before day `end` of these workloads.
pub fn calibrate<'a>(
    resource: Resource,
    fleet: impl IntoIterator<Item = Past<'a>>,
    end: i32,
    training_days: i32,
) -> Calibration {
    let shown = |past: Past<'a>| {
        past_weeks(resource, past.history, end, training_days).map(move |week| {
            let risk = risk_shown(&week.sizes, week.next_week, past.current);
            (past.group, risk)
        })
    };
    fleet.into_iter().flat_map(shown).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::history::tests::{day, days};
    use super::*;

    const SERVICE: Group = Group {
        is_job: false,
        period: Period::Minute,
    };

    fn shown(risks: &[f64]) -> Calibration {
        risks.iter().map(|&risk| (SERVICE, risk)).collect()
    }

    #[test]
    fn without_weeks_of_its_own_a_fleet_gets_the_shipped_margins() {
        for risk in [0.005, 0.01, 0.05, 0.2] {
            let level = Calibration::default().level(SERVICE, risk);
            assert!((level - risk).abs() < 1e-12, "{level}");
        }
    }

    #[test]
    fn weeks_as_the_table_expects_them_change_next_to_nothing() {
        let even: Vec<f64> = (0..10_000)
            .map(|i| (f64::from(i) + 0.5) / 10_000.0)
            .collect();
        for risk in [0.01, 0.02, 0.05, 0.1] {
            let level = shown(&even).level(SERVICE, risk);
            assert!((level - risk).abs() < 2e-4, "{level} for {risk}");
        }
    }

    #[test]
    fn a_fleet_that_breaches_twice_as_often_is_sized_for_half_the_risk() {
        let twice: Vec<f64> = (0..100_000)
            .map(|i| (f64::from(i) + 0.5) / 200_000.0)
            .collect();
        let level = shown(&twice).level(SERVICE, 0.04);
        assert!((level - 0.02).abs() < 2e-4, "{level}");
    }

    #[test]
    fn a_quiet_fleet_may_take_what_the_table_calls_a_larger_risk() {
        let level = shown(&[1.0; 800]).level(SERVICE, 0.01);
        assert!(
            (level - 0.05).abs() < 1e-12,
            "{level}: 1 % of 1,000 weeks over 200"
        );
    }

    #[test]
    fn a_large_group_is_calibrated_by_its_own_weeks() {
        let job = Group {
            is_job: true,
            ..SERVICE
        };
        let weeks = |group, risk, count| (0..count).map(move |_| (group, risk));
        let both: Calibration = weeks(SERVICE, 1.0, 300)
            .chain(weeks(job, 0.001, 99))
            .collect();
        assert_eq!((both.weeks(SERVICE), both.weeks(job)), (300, 399));
        let both: Calibration = weeks(SERVICE, 1.0, 300)
            .chain(weeks(job, 0.001, 100))
            .collect();
        assert_eq!(both.weeks(job), 100);
        assert!(both.level(job, 0.01) < both.level(SERVICE, 0.01));
    }

    #[test]
    fn past_weeks_do_not_overlap_and_need_a_week_before_them() {
        let row: &[f64] = &[1.0, 2.0];
        let history = days(&[row; 30]);
        let origins: Vec<i32> = past_weeks(Resource::Memory, &history, 30, 14)
            .map(|week| week.origin)
            .collect();
        assert_eq!(origins, [23, 16, 9]);
        assert_eq!(past_weeks(Resource::Memory, &history, 13, 14).count(), 0);
    }

    #[test]
    fn a_week_hardly_seen_is_not_replayed() {
        let seen = (0..14).filter(|at| ![8, 10].contains(at));
        let history: History = seen.map(|at| day(at, &[1.0])).collect();
        assert_eq!(replay(Resource::Memory, &history, 7, 14), None);
    }

    proptest! {
        #[test]
        fn no_more_than_the_stated_share_is_breached_at_the_level(
            risks in prop::collection::vec(0.0..1.0_f64, 0..400),
            stated in 0.005..0.3_f64,
        ) {
            let level = shown(&risks).level(SERVICE, stated);
            let breached = risks.iter().filter(|risk| **risk < level).count() as f64;
            let share = (breached + SHIPPED_WEEKS * level) / (risks.len() as f64 + SHIPPED_WEEKS);
            prop_assert!(share <= stated + 1e-9);
        }

        #[test]
        fn a_larger_stated_risk_is_never_read_at_a_smaller_level(
            risks in prop::collection::vec(0.0..1.0_f64, 0..200),
            a in 0.005..0.5_f64, b in 0.005..0.5_f64,
        ) {
            let weeks = shown(&risks);
            prop_assert!(weeks.level(SERVICE, a.min(b)) <= weeks.level(SERVICE, a.max(b)) + 1e-12);
        }
    }
}
