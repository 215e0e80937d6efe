//! Samples of one thing that several sources, or several periods, tell over the same time: each moment counts once.
//!
//! Minutes are collected while they last, and longer periods later; files that were imported may repeat what was
//! collected. As rows they differ, yet they are about the same running tasks. A sample belongs to the UTC day on which
//! its period begins: CloudWatch's periods begin at their own multiples, so none that divides a day reaches past it.

use std::cmp::Ordering;
use std::ops::Range;

use super::days::day_of;

/// One sample, and what it is of, by numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Reading {
    /// The same where workload, run and metric are.
    pub(super) thing: u32,
    /// Index of its series; the sources of one thing differ.
    pub(super) series: u32,
    /// Index of its run, one up; 0 for none.
    pub(super) run: u32,
    pub(super) period_s: i32,
    pub(super) sample_s: i32,
    /// Its record tells the period.
    pub(super) is_stated: bool,
    pub(super) at_ms: i64,
    pub(super) max: f64,
    pub(super) sum: f64,
    pub(super) count: f64,
}

impl Reading {
    fn key(&self) -> (u32, i32, i64) {
        (self.thing, self.period_s, self.at_ms)
    }

    fn said(&self) -> (u64, u64, u64, i32) {
        let [max, sum, count] = [self.max, self.sum, self.count].map(f64::to_bits);
        (max, sum, count, self.sample_s)
    }

    /// Of one thing, time and period, the greatest counts.
    fn order(&self, other: &Self) -> Ordering {
        self.key()
            .cmp(&other.key())
            .then_with(|| self.is_stated.cmp(&other.is_stated))
            .then_with(|| self.max.total_cmp(&other.max))
            .then_with(|| self.sum.total_cmp(&other.sum))
            .then_with(|| self.count.total_cmp(&other.count))
            .then_with(|| self.sample_s.cmp(&other.sample_s))
            .then_with(|| self.series.cmp(&other.series))
    }

    fn time_ms(&self) -> Range<i64> {
        self.at_ms..self.at_ms + i64::from(self.period_s) * 1000
    }
}

/// A sample that was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LeftOut {
    pub(super) day: i32,
    /// It says something else of the very same period; else what another says, or what finer ones say.
    pub(super) contradicts: bool,
}

/// Of the samples of one thing that overlap in time, keeps those of the finest period; of equal periods, those that
/// state theirs; of contradicting ones, the highest. Returns what was left out. What is kept is in order.
pub(super) fn keep_finest(samples: &mut Vec<Reading>) -> Vec<LeftOut> {
    let mut left_out = Vec::new();
    samples.sort_unstable_by(Reading::order);
    // The last of its key is the greatest: it is kept by looking from the end.
    samples.reverse();
    let mut before: Option<Reading> = None;
    samples.dedup_by(|next, kept| {
        let is_same = next.key() == kept.key();
        if is_same {
            let other = before.filter(|other| other.key() == next.key());
            left_out.push(LeftOut {
                day: day_of(next.at_ms),
                contradicts: next.said() != other.unwrap_or(*kept).said(),
            });
        }
        before = Some(*next);
        is_same
    });
    samples.reverse();
    let has_coarser =
        |pair: &[Reading]| pair[0].thing == pair[1].thing && pair[0].period_s != pair[1].period_s;
    if samples.windows(2).any(has_coarser) {
        let mut kept = Vec::with_capacity(samples.len());
        for of_thing in samples.chunk_by(|a, b| a.thing == b.thing) {
            uncovered(of_thing, &mut kept, &mut left_out);
        }
        *samples = kept;
    }
    left_out
}

/// The samples of one thing, ordered by period and time, that no finer ones tell anything of.
fn uncovered(of_thing: &[Reading], kept: &mut Vec<Reading>, left_out: &mut Vec<LeftOut>) {
    let mut finer: Vec<Range<i64>> = Vec::new();
    let mut longest_ms = 0;
    for of_period in of_thing.chunk_by(|a, b| a.period_s == b.period_s) {
        let before = kept.len();
        for sample in of_period {
            let day = day_of(sample.at_ms);
            if is_covered(&finer, longest_ms, &sample.time_ms(), day) {
                left_out.push(LeftOut {
                    day,
                    contradicts: false,
                });
            } else {
                kept.push(*sample);
            }
        }
        finer.extend(kept[before..].iter().map(Reading::time_ms));
        finer.sort_unstable_by_key(|time_ms| time_ms.start);
        longest_ms = of_period[0].time_ms().end - of_period[0].at_ms;
    }
}

/// True where one of `finer`, in order of their beginnings and none longer than `longest_ms`, is about some of `time_ms`
/// and begins on `day`.
fn is_covered(finer: &[Range<i64>], longest_ms: i64, time_ms: &Range<i64>, day: i32) -> bool {
    let behind = finer.partition_point(|other| other.start < time_ms.end);
    finer[..behind]
        .iter()
        .rev()
        .take_while(|other| other.start + longest_ms > time_ms.start)
        .any(|other| other.end > time_ms.start && day_of(other.start) == day)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The times of the samples that are kept, in seconds, and how many say the same or something else. Each is given
    /// by its series, stated period in seconds, time in seconds and value; all series are about one thing.
    fn kept(rows: &[(u32, Option<i32>, i64, f64)]) -> (Vec<i64>, usize, usize) {
        let reading = |&(series, period_s, at_s, value): &(u32, Option<i32>, i64, f64)| Reading {
            thing: 0,
            series,
            run: 0,
            period_s: period_s.unwrap_or(60),
            sample_s: 60,
            is_stated: period_s.is_some(),
            at_ms: at_s * 1000,
            max: value,
            sum: value,
            count: 1.0,
        };
        let mut samples: Vec<Reading> = rows.iter().map(reading).collect();
        let left_out = keep_finest(&mut samples);
        let conflicts = left_out.iter().filter(|left| left.contradicts).count();
        let at = samples.iter().map(|sample| sample.at_ms / 1000).collect();
        (at, left_out.len() - conflicts, conflicts)
    }

    #[test]
    fn a_coarse_sample_gives_way_to_any_finer_one_in_its_time_and_stands_where_there_is_none() {
        let minutes = [(0, Some(60), 240, 1.0), (0, Some(60), 600, 1.0)];
        let coarse = [
            (0, Some(300), 0, 5.0),
            (0, Some(300), 300, 5.0),
            (0, Some(300), 600, 5.0),
        ];
        assert_eq!(
            kept(&[&minutes[..], &coarse[..]].concat()),
            (vec![240, 600, 300], 2, 0)
        );
    }

    #[test]
    fn of_equal_periods_the_one_that_is_stated_counts() {
        let stream = [(0, None, 0, 1.0), (0, None, 60, 2.0), (0, None, 120, 3.0)];
        let collected = [(1, Some(60), 0, 1.0), (1, Some(60), 60, 1.5)];
        assert_eq!(
            kept(&[&stream[..], &collected[..]].concat()),
            (vec![0, 60, 120], 1, 1)
        );
    }

    #[test]
    fn of_contradicting_samples_the_highest_counts() {
        assert_eq!(
            kept(&[(0, Some(60), 0, 1.0), (1, Some(60), 0, 9.0)]),
            (vec![0], 0, 1)
        );
    }

    #[test]
    fn samples_of_one_series_and_period_never_take_from_each_other() {
        assert_eq!(
            kept(&[(0, None, 0, 1.0), (0, None, 30, 2.0), (0, None, 60, 3.0)]),
            (vec![0, 30, 60], 0, 0)
        );
    }
}
