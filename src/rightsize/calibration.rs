//! What a fleet's own weeks say about the shipped margins: split conformal calibration over workload-weeks.
//!
//! Every workload-week of the past that can be sized from the days before it is replayed, and the least risk at which it
//! would have breached is kept. Were the shipped table right for this fleet, a share `r` of these would be at most `r`. What
//! is seen instead moves the risk at which the table is read: the fleet's weeks are counted together with
//! [`SHIPPED_WEEKS`] weeks of the table's own, so a young fleet gets the shipped margins and a grown one its own. Breaches
//! come in clusters, so calm weeks prove less than restless ones: towards larger risks the table counts for
//! [`SHIPPED_WEEKS_TO_LOOSEN`].
//!
//! The guarantee holds over workload-weeks together, not for each workload: it assumes that next week's are like the past's.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::demand::{Demand, Usage};
use crate::model::workload::Kind;
use crate::workers;

use super::history::{History, Period};
use super::margin::{Resource, Sizes, Statistics, risk_shown};

/// How many workload-weeks the shipped table counts for where the fleet's own ask for a smaller risk.
pub const SHIPPED_WEEKS: f64 = 100.0;
/// The same where they would allow a larger one. Both chosen on Bitbrains, each half of the machines as a fleet that the table
/// was not made from (`data/margins/README.md`).
pub const SHIPPED_WEEKS_TO_LOOSEN: f64 = 200.0;
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
    /// Memory that is much the same all day.
    pub is_steady: bool,
}

impl Group {
    /// What a workload is like in one resource, how steady it is left aside.
    pub fn of(kind: Kind, usage: &Usage) -> Self {
        Self {
            is_job: kind != Kind::Service,
            period: Period::of(usage.period_s),
            is_steady: false,
        }
    }

    /// The same, as steady as these statistics say.
    #[must_use]
    pub fn like(self, statistics: &Statistics) -> Self {
        Self {
            is_steady: statistics.is_steady(),
            ..self
        }
    }
}

/// The least risk at which each workload-week of the past would have breached, by group, rising.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calibration {
    groups: BTreeMap<Group, Weeks>,
    all: Weeks,
}

/// The least risks at which workload-weeks would have breached, rising.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Weeks(Arc<[f64]>);

impl FromIterator<f64> for Weeks {
    fn from_iter<I: IntoIterator<Item = f64>>(shown: I) -> Self {
        let mut risks: Vec<f64> = shown.into_iter().collect();
        risks.sort_by(f64::total_cmp);
        Self(risks.into())
    }
}

impl FromIterator<(Group, f64)> for Calibration {
    fn from_iter<I: IntoIterator<Item = (Group, f64)>>(shown: I) -> Self {
        let mut groups: BTreeMap<Group, Vec<f64>> = BTreeMap::new();
        for (group, risk) in shown {
            groups.entry(group).or_default().push(risk);
        }
        Self {
            all: groups.values().flatten().copied().collect(),
            groups: groups
                .into_iter()
                .map(|(group, risks)| (group, risks.into_iter().collect()))
                .collect(),
        }
    }
}

impl Calibration {
    /// The weeks that `group` is calibrated by: its own where they are enough, else all.
    pub fn weeks(&self, group: Group) -> &Weeks {
        match self.groups.get(&group) {
            Some(own) if own.len() >= GROUP_WEEKS => own,
            _ => &self.all,
        }
    }
}

impl Weeks {
    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many of them a size that the table gives for the risk `level` would have been breached in.
    pub fn breached(&self, level: f64) -> usize {
        self.0.partition_point(|risk| *risk < level)
    }

    /// The risk at which the table is to be read, so that `stated` (0–1) is the share of breaches.
    pub fn level(&self, stated: f64) -> f64 {
        let level = level(&self.0, stated, SHIPPED_WEEKS);
        if level <= stated {
            return level;
        }
        self::level(&self.0, stated, SHIPPED_WEEKS_TO_LOOSEN).max(stated)
    }

    /// The share of breaches to expect of a size that the table gives for the risk `level`: the inverse of [`Self::level`].
    pub fn stated(&self, level: f64) -> f64 {
        let breached = self.breached(level) as f64;
        let share = |table: f64| (breached + table * level) / (self.len() as f64 + table);
        let stated = share(SHIPPED_WEEKS);
        if stated >= level {
            return stated.min(1.0);
        }
        share(SHIPPED_WEEKS_TO_LOOSEN).min(1.0)
    }
}

/// The largest risk with which no more than the share `stated` of `weeks` (rising) is breached, `table` weeks that are as the
/// table says counted with them.
fn level(weeks: &[f64], stated: f64, table: f64) -> f64 {
    let budget = stated * (weeks.len() as f64 + table);
    let mut level = 0.0_f64;
    for (breached, next) in (0_u32..).zip(weeks.iter().copied().chain([1.0])) {
        let left = budget - f64::from(breached);
        if left < 0.0 {
            break;
        }
        level = level.max((left / table).min(next));
        if left / table <= next {
            break;
        }
    }
    level
}

/// One past workload-week: sized from the days before `origin`, replayed on the week from it.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// First day of the replayed week.
    pub origin: i32,
    /// What the days before say.
    pub sizes: Sizes,
    /// Whether they are of memory that is much the same all day.
    pub is_steady: bool,
    /// The least size that the week would not have breached.
    pub next_week: f64,
}

/// The workload-week from `origin` on, sized from the `training_days` before it; `None` where either was hardly seen.
pub fn replay(
    resource: Resource,
    history: &History<'_>,
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
    let statistics = Statistics::of(resource, &before)?;
    Some(Replay {
        origin,
        sizes: Sizes::of(&statistics),
        is_steady: statistics.is_steady(),
        next_week: resource.need_of(&week)?,
    })
}

/// Every past week of a workload before day `end`, newest first: weeks do not overlap.
pub fn past_weeks(
    resource: Resource,
    history: &History<'_>,
    end: i32,
    training_days: i32,
) -> impl Iterator<Item = Replay> {
    let first = history.span().map_or(end, |(first, _)| first);
    let origins = (1..)
        .map(move |weeks: i32| end.saturating_sub(weeks.saturating_mul(WEEK_DAYS)))
        .take_while(move |origin| *origin > first);
    origins.filter_map(move |origin| replay(resource, history, origin, training_days))
}

/// What a fleet's history says about both resources.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Calibrations {
    /// CPU.
    pub cpu: Calibration,
    /// Memory.
    pub memory: Calibration,
}

impl Calibrations {
    /// Every past week of these workloads.
    pub fn of(demands: &[Demand]) -> Self {
        Self {
            cpu: calibration(Resource::Cpu, demands),
            memory: calibration(Resource::Memory, demands),
        }
    }

    /// One resource's.
    pub const fn of_resource(&self, resource: Resource) -> &Calibration {
        match resource {
            Resource::Cpu => &self.cpu,
            Resource::Memory => &self.memory,
        }
    }
}

/// By every past week of these workloads, all of which end with the last day on which one of them was seen.
fn calibration(resource: Resource, demands: &[Demand]) -> Calibration {
    let seen: Vec<(Group, &Usage, f64)> = demands
        .iter()
        .filter_map(|demand| seen(resource, demand))
        .collect();
    let days = seen.iter().flat_map(|(_, usage, _)| &usage.days);
    let last = days.map(|row| row.day).max().unwrap_or(0);
    let shown = workers::map(seen, |(group, usage, current)| -> Vec<(Group, f64)> {
        let history = History::of(usage);
        let weeks = past_weeks(resource, &history, last.saturating_add(1), i32::MAX);
        let shown = weeks.map(|week| {
            let is_steady = week.is_steady;
            let risk = risk_shown(&week.sizes, week.next_week, current);
            (Group { is_steady, ..group }, risk)
        });
        shown.collect()
    });
    shown.into_iter().flatten().collect()
}

/// What was seen of a workload in one resource, and its present size; `None` where that is not known.
fn seen(resource: Resource, demand: &Demand) -> Option<(Group, &Usage, f64)> {
    let size = demand.current_size()?;
    let (usage, current) = match resource {
        Resource::Cpu => (demand.cpu.as_ref()?, size.vcpu()),
        Resource::Memory => (demand.memory.as_ref()?, f64::from(size.memory_mib)),
    };
    Some((Group::of(demand.workload.kind, usage), usage, current))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::history::tests::{day, days};
    use super::*;

    const SERVICE: Group = Group {
        is_job: false,
        period: Period::Minute,
        is_steady: false,
    };

    fn shown(risks: &[f64]) -> Calibration {
        risks.iter().map(|&risk| (SERVICE, risk)).collect()
    }

    #[test]
    fn without_weeks_of_its_own_a_fleet_gets_the_shipped_margins() {
        for risk in [0.005, 0.01, 0.05, 0.2] {
            let level = Calibration::default().weeks(SERVICE).level(risk);
            assert!((level - risk).abs() < 1e-12, "{level}");
        }
    }

    #[test]
    fn weeks_as_the_table_expects_them_change_next_to_nothing() {
        let even: Vec<f64> = (0..10_000)
            .map(|i| (f64::from(i) + 0.5) / 10_000.0)
            .collect();
        for risk in [0.01, 0.02, 0.05, 0.1] {
            let level = shown(&even).weeks(SERVICE).level(risk);
            assert!((level - risk).abs() < 2e-4, "{level} for {risk}");
        }
    }

    #[test]
    fn a_fleet_that_breaches_twice_as_often_is_sized_for_half_the_risk() {
        let twice: Vec<f64> = (0..100_000)
            .map(|i| (f64::from(i) + 0.5) / 200_000.0)
            .collect();
        let level = shown(&twice).weeks(SERVICE).level(0.04);
        assert!((level - 0.02).abs() < 2e-4, "{level}");
    }

    #[test]
    fn a_quiet_fleet_may_take_what_the_table_calls_a_larger_risk() {
        let level = shown(&[1.0; 800]).weeks(SERVICE).level(0.01);
        assert!(
            (level - 0.05).abs() < 1e-12,
            "{level}: 1 % of 1,000 weeks over the 200 that the table counts for"
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
        assert_eq!(
            (both.weeks(SERVICE).len(), both.weeks(job).len()),
            (300, 399)
        );
        let both: Calibration = weeks(SERVICE, 1.0, 300)
            .chain(weeks(job, 0.001, 100))
            .collect();
        assert_eq!(both.weeks(job).len(), 100);
        assert!(both.weeks(job).level(0.01) < both.weeks(SERVICE).level(0.01));
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
        fn what_is_stated_of_a_level_is_never_more_than_what_was_asked_for(
            risks in prop::collection::vec(0.0..1.0_f64, 0..400),
            asked in 0.005..0.3_f64,
        ) {
            let weeks = shown(&risks);
            let weeks = weeks.weeks(SERVICE);
            prop_assert!(weeks.stated(weeks.level(asked)) <= asked + 1e-9);
        }

        #[test]
        fn no_more_than_the_stated_share_is_breached_at_the_level(
            risks in prop::collection::vec(0.0..1.0_f64, 0..400),
            stated in 0.005..0.3_f64,
        ) {
            let level = shown(&risks).weeks(SERVICE).level(stated);
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
            prop_assert!(weeks.weeks(SERVICE).level(a.min(b)) <= weeks.weeks(SERVICE).level(a.max(b)) + 1e-12);
        }
    }
}
