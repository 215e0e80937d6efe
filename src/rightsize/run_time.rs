//! How long a job's runs take on another size: never one figure without its ends.
//!
//! Work that is done keeps its CPU-seconds; how many vCPU it can use at once, averages over a minute do not tell. So a run of `t`
//! seconds that used `c` CPU-seconds on `p` vCPU takes, on fewer of them (`n`), at least as long as today and no less than `c/n`,
//! and at the most as much longer as if it had always used either all vCPU or none: `t + c (1/n - 1/p)`. On more vCPU the same
//! line is the shortest, and today's time the longest. The best figure stretches what samples show above the new size.
//!
//! Where a job ran on several sizes, the medians of its own runs take the place of these ends, with what a sample of runs
//! leaves open of a median ([`CONFIDENCE`]).

use std::collections::BTreeMap;

use super::history::History;
use crate::demand::{Component, Demand, FinishedRun, RunCpu};
use crate::model::span::Span;
use crate::model::workload::{Architecture, Configuration, Kind};

/// The probability with which fitted ends hold the ratio of two medians.
pub const CONFIDENCE: f64 = 0.95;

/// What a run runs on, as far as its time depends on it: equal vCPU are taken for equally quick on every platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Machine {
    /// Which architecture.
    pub architecture: Architecture,
    /// How much processor, in CPU units.
    pub cpu_units: u32,
}

impl Machine {
    /// The machine that a configuration stands for; `None` where its size is not known.
    pub fn of(configuration: &Configuration) -> Option<Self> {
        Some(Self {
            architecture: configuration.architecture_or_default(),
            cpu_units: configuration.cpu_units.filter(|&units| units > 0)?,
        })
    }

    /// Its processor, vCPU.
    pub fn vcpu(self) -> f64 {
        f64::from(self.cpu_units) / 1024.0
    }
}

/// What is known of how long the runs of a job take.
#[derive(Debug, Clone)]
pub struct RunTimes {
    /// CPU used by one run on the average, vCPU.
    mean: Option<f64>,
    /// The highest sample, vCPU.
    peak: f64,
    history: History<'static>,
    medians: BTreeMap<Machine, Median>,
}

/// The median run time on one machine, milliseconds, with the ends that hold it; and of how many runs.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Median {
    ms: Span<f64>,
    runs: usize,
}

/// What two medians of a job's own runs say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit {
    /// Run time there as a multiple of today's.
    pub share: Span<f64>,
    /// Runs on today's size.
    pub runs_today: usize,
    /// Runs on the other size that was seen.
    pub runs_there: usize,
}

impl RunTimes {
    /// What `demand` tells; `None` for a service, which runs all the time whatever its size.
    pub fn of(demand: &Demand) -> Option<Self> {
        if demand.workload.kind == Kind::Service {
            return None;
        }
        let cpu = demand.cpu.as_ref();
        Some(Self {
            mean: cpu.and_then(|usage| usage.mean),
            peak: cpu.map_or(0.0, |usage| usage.max),
            history: cpu.map(History::of).unwrap_or_default(),
            medians: medians(&demand.ran),
        })
    }

    /// Of a job of which no sample was seen.
    #[cfg(test)]
    pub(crate) fn unseen() -> Self {
        Self {
            mean: None,
            peak: 0.0,
            history: History::default(),
            medians: BTreeMap::new(),
        }
    }

    /// The CPU that a run on `today` used, vCPU: its own mean, or that of all runs.
    fn used(&self, run: &FinishedRun, today: Machine) -> Option<f64> {
        match run.cpu {
            Some(RunCpu::Vcpu(mean)) => Some(mean),
            Some(RunCpu::Share(share)) => Some(share * today.vcpu()),
            None => self.mean,
        }
    }

    /// How long `run` would take on `there`, as a multiple of its time on `today`.
    pub fn of_run(&self, run: &FinishedRun, today: Machine, there: Machine) -> Span<f64> {
        match self.fit(today, there) {
            Some(fit) => fit.share,
            None => self.bounds(self.used(run, today), today, there),
        }
    }

    /// The same of time that is not known run by run.
    pub fn of_all(&self, today: Machine, there: Machine) -> Span<f64> {
        match self.fit(today, there) {
            Some(fit) => fit.share,
            None => self.bounds(self.mean, today, there),
        }
    }

    /// The ends that hold for a run which used `used` vCPU on the average, or any where that is not known.
    fn bounds(&self, used: Option<f64>, today: Machine, there: Machine) -> Span<f64> {
        if today.cpu_units == there.cpu_units {
            return Span::exact(1.0);
        }
        // On EC2 a task may use more than its share; nothing was used faster than the highest sample shows.
        let width = today.vcpu().max(self.peak);
        let there = there.vcpu();
        let least = used.map_or(1.0, |used| used.min(width) / there).max(1.0);
        let used = used.unwrap_or(width).clamp(0.0, width);
        let all_at_once = 1.0 + used * (1.0 / there - 1.0 / width);
        if all_at_once < 1.0 {
            return Span {
                low: all_at_once,
                best: 1.0,
                high: 1.0,
            };
        }
        Span {
            low: least.min(all_at_once),
            best: (1.0 + self.shown_above(there) / there)
                .max(least)
                .min(all_at_once),
            high: all_at_once,
        }
    }

    /// vCPU above `size`, on the average of all samples.
    fn shown_above(&self, size: f64) -> f64 {
        let weight_ms = self.history.weight().max(1) as f64;
        self.history.amount_above(size) / weight_ms
    }

    /// What the job's own runs say: where it ran on this machine, or on a smaller and a larger one.
    pub fn fit(&self, today: Machine, there: Machine) -> Option<Fit> {
        if today.architecture != there.architecture || today.cpu_units == there.cpu_units {
            return None;
        }
        let own = self.medians.get(&today)?;
        let reaches = |other: &u32| {
            let (low, high) = (today.cpu_units.min(*other), today.cpu_units.max(*other));
            *other != today.cpu_units && (low..=high).contains(&there.cpu_units)
        };
        let seen = self.medians.keys();
        let alike = seen.filter(|seen| seen.architecture == there.architecture);
        let other = alike
            .map(|seen| seen.cpu_units)
            .filter(reaches)
            .min_by_key(|other| other.abs_diff(there.cpu_units))?;
        let other = Machine {
            cpu_units: other,
            ..there
        };
        let seen = self.medians.get(&other)?;
        // A part of the time is as it is, the other falls with the vCPU.
        let way =
            (1.0 / there.vcpu() - 1.0 / today.vcpu()) / (1.0 / other.vcpu() - 1.0 / today.vcpu());
        let share = |seen: f64, own: f64| 1.0 + (seen / own - 1.0) * way;
        Some(Fit {
            share: Span {
                low: share(seen.ms.low, own.ms.high),
                best: share(seen.ms.best, own.ms.best),
                high: share(seen.ms.high, own.ms.low),
            },
            runs_today: own.runs,
            runs_there: seen.runs,
        })
    }
}

/// The median run time on every machine on which enough runs were seen.
fn medians(ran: &[Component]) -> BTreeMap<Machine, Median> {
    let mut lengths: BTreeMap<Machine, Vec<i64>> = BTreeMap::new();
    for component in ran {
        if let Some(machine) = Machine::of(&component.configuration) {
            let of_machine = lengths.entry(machine).or_default();
            of_machine.extend(component.finished.iter().map(|run| run.elapsed_ms));
        }
    }
    lengths
        .into_iter()
        .filter_map(|(machine, lengths)| Some((machine, median(lengths)?)))
        .collect()
}

/// The median and the ends between which it lies, each missed with half of a half of what [`CONFIDENCE`] leaves: two such
/// medians, each with two ends. `None` where too few runs say anything of it.
///
/// The ends are two of the runs themselves: how many of `n` are below the median is binomial, whatever the run times are like.
fn median(mut lengths: Vec<i64>) -> Option<Median> {
    lengths.sort_unstable();
    let runs = lengths.len();
    let below = rank(runs, (1.0 - CONFIDENCE) / 4.0)?;
    let at = |index: usize| lengths.get(index).map(|&ms| ms as f64);
    let middle = f64::midpoint(at((runs - 1) / 2)?, at(runs / 2)?);
    let ms = Span {
        low: at(below)?,
        best: middle,
        high: at(runs - 1 - below)?,
    };
    (ms.low > 0.0).then_some(Median { ms, runs })
}

/// How many of the lowest of `runs` can be left out, so that the next one is above the median with no more than this chance;
/// `None` where not even the lowest is.
fn rank(runs: usize, chance: f64) -> Option<usize> {
    // P(no more than k of n below the median), term by term; in logarithms, because 2^-n vanishes.
    let ln_half = 0.5_f64.ln() * runs as f64;
    let (mut ln_choose, mut sum) = (0.0_f64, 0.0_f64);
    let mut fitting = None;
    for left_out in 0..runs {
        sum += (ln_choose + ln_half).exp();
        if sum > chance {
            break;
        }
        fitting = Some(left_out);
        ln_choose += ((runs - left_out) as f64 / (left_out + 1) as f64).ln();
    }
    fitting
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::fixtures::{build, minutes, service, usage_of};
    use super::*;
    use crate::dataset::schema::Metric;

    fn on(vcpu: u32) -> Machine {
        Machine {
            architecture: Architecture::X86_64,
            cpu_units: vcpu * 1024,
        }
    }

    /// Runs that used so much, and of which no sample is above `peak`.
    fn used(mean: Option<f64>, peak: f64) -> RunTimes {
        RunTimes {
            mean,
            peak,
            history: History::default(),
            medians: BTreeMap::new(),
        }
    }

    fn ran_on(sizes: &[(u32, Vec<i64>)]) -> RunTimes {
        let medians = sizes.iter().map(|(vcpu, lengths)| {
            let median = median(lengths.clone()).expect("enough runs");
            (on(*vcpu), median)
        });
        RunTimes {
            medians: medians.collect(),
            ..used(Some(1.0), 2.0)
        }
    }

    fn near(found: Span<f64>, expected: [f64; 3]) {
        let found = [found.low, found.best, found.high];
        let is_near = found
            .iter()
            .zip(expected)
            .all(|(a, b)| (a - b).abs() < 1e-9);
        assert!(is_near, "{found:?} is not {expected:?}");
    }

    #[test]
    fn services_run_all_the_time() {
        assert!(RunTimes::of(&service()).is_none());
        assert!(RunTimes::of(&build()).is_some());
    }

    #[test]
    fn on_as_many_vcpu_a_run_takes_as_long() {
        near(used(Some(3.0), 4.0).of_all(on(4), on(4)), [1.0; 3]);
    }

    #[test]
    fn on_fewer_vcpu_it_takes_as_long_or_works_its_cpu_seconds_off() {
        // 600 s on 8 vCPU at 25 %: 1,200 CPU-seconds, at the least 150 s of 8 vCPU. On 4 vCPU these take 300 s: 750 s in all.
        near(used(Some(2.0), 8.0).of_all(on(8), on(4)), [1.0, 1.0, 1.25]);
        // Always at its ceiling: half the vCPU, twice the time.
        near(used(Some(8.0), 8.0).of_all(on(8), on(4)), [2.0; 3]);
        // 600 s at 75 %: 3,600 CPU-seconds take 900 s of 4 vCPU, and at the most 150 s more in which nothing was done.
        near(used(Some(6.0), 8.0).of_all(on(8), on(4)), [1.5, 1.5, 1.75]);
        // Nothing is known of its use: as if it were at its ceiling.
        near(used(None, 0.0).of_all(on(8), on(2)), [1.0, 1.0, 4.0]);
    }

    #[test]
    fn on_more_vcpu_it_takes_as_long_or_shrinks_by_its_cpu_seconds() {
        // 600 s on 2 vCPU at 50 %: 600 CPU-seconds, 300 s of 2 vCPU, 75 s of 8: 375 s at the least.
        near(used(Some(1.0), 2.0).of_all(on(2), on(8)), [0.625, 1.0, 1.0]);
        near(used(None, 0.0).of_all(on(2), on(8)), [0.25, 1.0, 1.0]);
    }

    #[test]
    fn what_was_used_beyond_its_share_of_an_instance_is_no_less_work() {
        // A task of 1 vCPU that used 4 for half of its time: on 2 vCPU it takes half as long again.
        near(used(Some(2.0), 4.0).of_all(on(1), on(2)), [1.0, 1.0, 1.5]);
    }

    #[test]
    fn what_samples_show_above_the_new_size_is_the_best_figure() {
        // 0.2 vCPU in every second minute: on 0.125 these are worked off in 1.6 minutes, so that two minutes take 2.6.
        let used = |at: i64| if at / 60_000 % 2 == 0 { 0.2 } else { 0.0 };
        let all = minutes(0..14 * 1440).map(|at| (at, used(at)));
        let demand = Demand {
            cpu: Some(usage_of(Metric::CpuVcpu, all)),
            ..build()
        };
        let times = RunTimes {
            mean: Some(0.1),
            ..RunTimes::of(&demand).unwrap()
        };
        let there = Machine {
            cpu_units: 128,
            ..on(1)
        };
        let found = times.of_all(on(1), there);
        // Buckets are up to 5 % wide.
        assert!((found.best - 1.3).abs() < 0.03, "{found:?}");
        near(Span { best: 1.3, ..found }, [1.0, 1.3, 1.7]);
    }

    #[test]
    fn runs_on_two_sizes_say_how_long_one_takes() {
        // Ten runs each. The second lowest is above the median in 11 of 1,024 cases, the lowest in one; 1.25 % is allowed for.
        let ten = |first: i64| (0..10).map(|i| (first + i) * 1_000).collect::<Vec<_>>();
        let fit = ran_on(&[(2, ten(600)), (8, ten(200))])
            .fit(on(2), on(8))
            .unwrap();
        near(fit.share, [201.0 / 608.0, 204.5 / 604.5, 208.0 / 601.0]);
        assert_eq!((fit.runs_today, fit.runs_there), (10, 10));
        // Between them: 4 vCPU are two thirds of the way from 1/2 to 1/8.
        let between = ran_on(&[(2, vec![600; 7]), (8, vec![300; 7])]).of_all(on(2), on(4));
        near(between, [2.0 / 3.0; 3]);
    }

    #[test]
    fn what_lies_outside_of_the_sizes_seen_is_bounded_and_not_fitted() {
        let times = ran_on(&[(4, vec![600; 7]), (8, vec![300; 7])]);
        assert_eq!(times.fit(on(4), on(2)), None);
        assert_eq!(times.fit(on(8), on(16)), None);
        let on_arm = Machine {
            architecture: Architecture::Arm64,
            ..on(8)
        };
        assert_eq!(times.fit(on(4), on_arm), None);
    }

    #[test]
    fn six_runs_say_nothing_of_a_median_with_this_confidence() {
        // The lowest of seven is above the median in one of 128 cases; of six, in one of 64: more than 1.25 %.
        assert_eq!(median(vec![600; 6]), None);
        assert!(median(vec![600; 7]).is_some());
        assert_eq!((rank(7, 0.0125), rank(10, 0.0125)), (Some(0), Some(1)));
        assert_eq!(rank(2_000, 0.0125), Some(949));
    }

    proptest! {
        #[test]
        fn the_ends_are_in_order_and_a_smaller_size_is_never_quicker(
            used in 0.0..16.0_f64, today in 1_u32..72, one in 1_u32..72, other in 1_u32..72,
        ) {
            let times = self::used(Some(used), 0.0);
            let (small, large) = (one.min(other), one.max(other));
            let (slow, quick) = (times.of_all(on(today), on(small)), times.of_all(on(today), on(large)));
            for span in [slow, quick] {
                prop_assert!(0.0 < span.low && span.low <= span.best && span.best <= span.high);
            }
            prop_assert!(slow.low >= quick.low - 1e-12 && slow.high >= quick.high - 1e-12);
        }

        #[test]
        fn vcpu_seconds_never_fall_below_what_is_used_and_never_cost_more_on_less(
            share in 0.0..=1.0_f64, today in 1_u32..72, there in 1_u32..72,
        ) {
            let used = share * f64::from(today);
            let found = self::used(Some(used), 0.0).of_all(on(today), on(there));
            prop_assert!(found.low * f64::from(there) >= used - 1e-9);
            if there < today {
                prop_assert!(found.high * f64::from(there) <= f64::from(today) + 1e-9);
            }
        }
    }
}
