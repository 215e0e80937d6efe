//! What a percentile of the time does not exceed, however the time is counted.
//!
//! By **task time**, a night with one task is a fraction of a day with sixty: whoever calls at night meets that one, so
//! the time by the **clock** counts as well, in which each minute is one. And by the time of all runs together a short
//! run drowns in long ones: each **run** counts as one. Of the three, the highest is what has to be held.

use super::histogram::Step;
use super::usage::{RunDay, Usage};

/// Of more samples than this, the highest one is not 1 % of the time.
const FEW_SAMPLES: i64 = 100;

/// Time above some value, and how it was counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TimeAbove {
    /// Share of the time (0–1).
    pub share: f64,
    /// Everything in it is above this: as near to the value asked for as the buckets allow.
    pub above: f64,
    /// How the time was counted.
    pub counted: Counted,
}

/// How time is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Of all tasks together.
    TaskTime,
    /// Each minute once.
    Clock,
    /// That of the runs which reach the value, and how many these are of how many.
    OfRuns(usize, usize),
}

impl Usage {
    /// The value that `percentile` (0–100) of the time does not exceed: by task time, by the clock and by run, the
    /// highest of these. `None` without samples.
    pub fn percentile(&self, percentile: f64) -> Option<f64> {
        let by_time = self.histogram.percentile(percentile)?;
        let by_clock = self.histogram.percentile_by_clock(percentile)?;
        let by_run = Runs::of(self).percentile(self.histogram.steps(), percentile);
        Some(by_time.max(by_clock).max(by_run.unwrap_or(0.0)))
    }

    /// The first count of time by which more than `tolerated` (0–1) of it reaches `value`.
    pub fn reaches(&self, value: f64, tolerated: f64) -> Option<TimeAbove> {
        let reaching = self.histogram.reaching(value)?;
        let share = |part_ms: i64, whole_ms: i64| part_ms as f64 / whole_ms.max(1) as f64;
        let runs = Runs::of(self);
        let (count, time_ms) = runs.reaching(value);
        let is_rare = count as f64 <= tolerated * runs.0.len() as f64;
        let of_runs = if is_rare {
            0.0
        } else {
            share(reaching.weight_ms, time_ms).min(1.0)
        };
        let counts = [
            (
                share(reaching.weight_ms, self.histogram.total()),
                Counted::TaskTime,
            ),
            (
                share(reaching.clock_ms, self.histogram.total_clock()),
                Counted::Clock,
            ),
            (of_runs, Counted::OfRuns(count, runs.0.len())),
        ];
        let (share, counted) = counts.into_iter().find(|(share, _)| *share > tolerated)?;
        Some(TimeAbove {
            share,
            above: reaching.above,
            counted,
        })
    }
}

/// What each run used, ordered by its highest sample.
struct Runs(Vec<RunDay>);

impl Runs {
    fn of(usage: &Usage) -> Self {
        let mut runs: Vec<RunDay> = Vec::new();
        for day in &usage.runs {
            match runs.last_mut() {
                Some(run) if run.run == day.run => run.add(day),
                _ => runs.push(day.clone()),
            }
        }
        runs.sort_by(|a, b| a.max.total_cmp(&b.max));
        Self(runs)
    }

    /// How many runs reach `value`, and their time.
    fn reaching(&self, value: f64) -> (usize, i64) {
        let first = self.0.partition_point(|run| run.max < value);
        let reaching = &self.0[first..];
        let time_ms = reaching.iter().map(|run| run.weight_ms).sum();
        (reaching.len(), time_ms)
    }

    /// The higher of two figures: what all but a few runs are known to need, and the lowest value above which those
    /// that exceed it spend little of their time. `None` where samples are not of single runs.
    fn percentile(&self, steps: &[Step], percentile: f64) -> Option<f64> {
        let known = self.known_percentile(percentile)?;
        Some(known.max(self.seldom_exceeded(steps, 1.0 - percentile / 100.0)))
    }

    /// Of a short run the highest sample is a good part of its time; of a long one it is known that it needs its mean.
    fn known_percentile(&self, percentile: f64) -> Option<f64> {
        let known = |run: &RunDay| {
            if run.samples <= FEW_SAMPLES {
                run.max
            } else {
                run.mean()
            }
        };
        let mut needs: Vec<f64> = self.0.iter().map(known).collect();
        needs.sort_by(f64::total_cmp);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a rank among them"
        )]
        let rank = (percentile / 100.0 * needs.len() as f64).ceil() as usize;
        needs
            .get(rank.max(1).min(needs.len()).checked_sub(1)?)
            .copied()
    }

    /// The lowest value down to which either few runs exceed it or these spend no more than `tolerated` of their time
    /// above it.
    fn seldom_exceeded(&self, steps: &[Step], tolerated: f64) -> f64 {
        let Some(highest) = steps.last() else {
            return 0.0;
        };
        let mut need = highest.max;
        let mut above_ms = 0;
        // Runs from `first` on exceed the step; steps come from the highest down, so more and more do.
        let (mut first, mut time_ms) = (self.0.len(), 0);
        for (step, next) in steps.iter().zip(steps.iter().skip(1)).rev() {
            above_ms += next.weight_ms;
            let more = self.0[..first].iter().rev();
            for run in more.take_while(|run| run.max > step.max) {
                time_ms += run.weight_ms;
                first -= 1;
            }
            let is_few = (self.0.len() - first) as f64 <= tolerated * self.0.len() as f64;
            if !is_few && above_ms as f64 > tolerated * time_ms as f64 {
                break;
            }
            need = step.max;
        }
        need
    }
}

#[cfg(test)]
mod tests {
    use super::super::histogram::{Bucket, bucket};
    use super::super::usage::DayUsage;
    use super::*;
    use crate::dataset::schema::Metric;

    /// Use of vCPU by runs, each given as (how often such a run, minutes, vCPU) stretches of one run.
    fn of_runs(runs: &[(usize, &[(i64, f64)])]) -> Usage {
        let (mut days, mut of_runs) = (Vec::new(), Vec::new());
        for (kind, &(often, stretches)) in runs.iter().enumerate() {
            for number in 0..often {
                for &(minutes, max) in stretches {
                    let weight_ms = minutes * 60_000;
                    days.push(day(weight_ms, weight_ms, minutes, max));
                    #[expect(clippy::cast_possible_truncation, reason = "small")]
                    of_runs.push(RunDay {
                        run: format!("{kind}-{number}").into(),
                        day: 0,
                        max,
                        weight_ms,
                        used_ms: (weight_ms as f64 * max * 1000.0) as i64,
                        samples: minutes,
                    });
                }
            }
        }
        Usage::of(days, of_runs)
    }

    fn day(weight_ms: i64, clock_ms: i64, samples: i64, max: f64) -> DayUsage {
        let of_value = Bucket {
            bucket: bucket(max),
            weight_ms,
            samples: clock_ms / 60_000,
            period_s: 60,
            max,
        };
        DayUsage {
            day: 0,
            metric: Metric::CpuVcpu,
            size: None,
            factor: 1.0,
            buckets: vec![of_value],
            sum_ms: 0,
            samples,
            period_s: 60,
            first_ms: 0,
            last_ms: 0,
        }
    }

    #[test]
    fn a_short_run_at_its_ceiling_does_not_vanish_among_long_light_ones() {
        let usage = of_runs(&[(8, &[(10, 4.0)]), (40, &[(240, 0.3)])]);
        assert!(usage.histogram.percentile(99.0) < Some(0.4));
        assert_eq!(usage.percentile(99.0), Some(4.0));
        let at_ceiling = usage.reaches(3.92, 0.01).unwrap();
        assert_eq!(
            (at_ceiling.share, at_ceiling.counted),
            (1.0, Counted::OfRuns(8, 48))
        );
    }

    #[test]
    fn nor_does_a_long_run_that_is_busy_for_a_part_of_its_time() {
        let usage = of_runs(&[(2, &[(120, 4.0), (120, 0.3)]), (200, &[(240, 0.3)])]);
        assert_eq!(usage.percentile(98.0), Some(0.3), "one run in a hundred");
        let usage = of_runs(&[(2, &[(120, 4.0), (120, 0.3)]), (60, &[(240, 0.3)])]);
        assert_eq!(usage.percentile(99.0), Some(4.0));
    }

    #[test]
    fn a_minute_of_every_long_run_is_no_reason_to_hold_its_peak() {
        let usage = of_runs(&[(40, &[(1, 4.0), (239, 0.3)])]);
        // Its mean: (4 + 239 × 0.3) ÷ 240.
        assert!((usage.percentile(99.0).unwrap() - 0.315_417).abs() < 1e-6);
        assert_eq!(usage.reaches(3.92, 0.01), None);
    }

    #[test]
    fn a_pegged_run_is_not_hidden_by_the_first_minutes_of_the_others() {
        let usage = of_runs(&[(2, &[(10, 4.0)]), (100, &[(1, 4.0), (239, 0.3)])]);
        assert_eq!(usage.percentile(99.0), Some(4.0));
    }

    #[test]
    fn a_night_with_one_task_is_a_third_of_the_day_by_the_clock() {
        let hour_ms = 3_600_000;
        let night = day(8 * hour_ms, 8 * hour_ms, 480, 1.0);
        let by_day = day(60 * 16 * hour_ms, 16 * hour_ms, 960, 0.6);
        let usage = Usage::of(vec![night, by_day], Vec::new());
        assert!(usage.histogram.percentile(99.0) < Some(0.7));
        assert_eq!(usage.percentile(99.0), Some(1.0));
        let at_ceiling = usage.reaches(0.98, 0.01).unwrap();
        assert_eq!(at_ceiling.counted, Counted::Clock);
        assert!((at_ceiling.share - 1.0 / 3.0).abs() < 1e-9);
    }
}
