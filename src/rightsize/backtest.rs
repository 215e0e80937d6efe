//! Do the sizes hold? Every past week is sized from the days before it and replayed.
//!
//! For each week that can be sized (see [`Protocol`]) every strategy gives a size from what was known on its first day, our own
//! calibration included; the week then says whether the size was exceeded. CPU is breached by a week with more than 1 % of
//! its task time above the size, memory by any sample above it. A size at or above the present one cannot be breached: what is
//! seen of a workload never shows more than it had.

use std::collections::BTreeMap;

use crate::demand::Demand;

use super::baselines::{Baseline, Need, Observed};
use super::calibration::{Calibration, Group, WEEK_DAYS, replay};
use super::history::History;
use super::margin::{PEAK_KEPT_BELOW, Resource, Sizes, applied, risk_shown};

/// Risks at which ours is compared with a rule of the same breach rate: from, to, steps.
const SCAN: (f64, f64, u32) = (0.001, 0.7, 240);
/// A size that differs by less than this share from the week before is the same.
const SAME: f64 = 0.1;
/// A need above a size by less than this share is a matter of rounding.
const ROUNDING: f64 = 1e-9;

/// One workload of the fleet.
#[derive(Debug, Clone)]
pub struct Workload {
    /// What it is like, CPU and memory.
    pub groups: [Group; 2],
    /// CPU of one task, vCPU.
    pub cpu: History<'static>,
    /// Memory of one task, MiB.
    pub memory: History<'static>,
    /// Its present size.
    pub current: Need,
}

impl Workload {
    /// What was seen of one; `None` where its size is not known, or nothing of one resource was seen.
    pub fn of(demand: &Demand) -> Option<Self> {
        let size = demand.current_size()?;
        let (cpu, memory) = (demand.cpu.as_ref()?, demand.memory.as_ref()?);
        Some(Self {
            groups: [cpu, memory].map(|usage| Group::of(demand.workload.kind, usage)),
            cpu: History::of(cpu),
            memory: History::of(memory),
            current: Need {
                vcpu: size.vcpu(),
                mib: f64::from(size.memory_mib),
            },
        })
    }
}

/// How weeks are sized.
#[derive(Debug, Clone, PartialEq)]
pub struct Protocol {
    /// Days before a week that it is sized from; four fifths of them must have been seen.
    pub training_days: i32,
    /// Risks (0–1) for which ours is shown.
    pub risks: Vec<f64>,
}

impl Default for Protocol {
    fn default() -> Self {
        Self {
            training_days: 14,
            risks: vec![0.01, 0.02, 0.05, 0.1],
        }
    }
}

/// Who sizes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strategy {
    /// This project, at a stated risk (0–1).
    Ours(f64),
    /// A published rule.
    Rule(Baseline),
    /// The highest sample and so many percent.
    Peak(u32),
    /// The least size that the week itself did not breach: no strategy can do better.
    Oracle,
}

/// How a strategy did for one resource.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Outcome {
    /// Share of the provisioned amount that is saved (0–1).
    pub saved: f64,
    /// Weeks that breached the size.
    pub breached: usize,
    /// Share of the task time above the size (0–1).
    pub time_above: f64,
}

/// How a strategy did.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Row {
    /// Who sized.
    pub strategy: Strategy,
    /// CPU.
    pub cpu: Outcome,
    /// Memory.
    pub memory: Outcome,
    /// Weeks for which it gave no size; the present one is counted then.
    pub without_size: usize,
    /// Of the sizes of a workload a week apart, the share that differ by a tenth or more.
    pub changed: Option<f64>,
    /// What ours saves where it breaches no more often than this strategy, CPU and memory.
    pub ours_at_same_rate: [Option<f64>; 2],
}

/// The result.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtest {
    /// Workload-weeks that were sized and replayed.
    pub weeks: usize,
    /// Workload-weeks with samples that were not: too few days before them, or nothing but zeros.
    pub withheld: usize,
    /// First day of the first and of the last replayed week, days since the epoch.
    pub span: Option<(i32, i32)>,
    /// Ours first, then the rules, then the oracle.
    pub rows: Vec<Row>,
    /// Ours from small risks to large ones: the stated risk (0–1), and how CPU and memory did.
    pub scan: Vec<(f64, [Outcome; 2])>,
}

/// A workload-week, ready to be sized by anyone.
struct Week<'a> {
    workload: usize,
    origin: i32,
    groups: [Group; 2],
    current: Need,
    sizes: [Sizes; 2],
    before: [History<'a>; 2],
    after: [History<'a>; 2],
    /// The least size that the week did not breach, vCPU and MiB.
    needs: [f64; 2],
}

/// What each week says about the table, by the day from which it is known.
type Shown = BTreeMap<i32, Vec<(Group, f64)>>;

/// Replays the fleet.
pub fn backtest(fleet: &[Workload], protocol: &Protocol) -> Backtest {
    let (weeks, withheld) = sized_weeks(fleet, protocol);
    let shown = [Resource::Cpu, Resource::Memory].map(|resource| shown(fleet, resource, protocol));
    let calibrations = calibrations(&weeks, &shown);
    let sizing = Sizing {
        weeks: &weeks,
        calibrations: &calibrations,
    };
    let scan = sizing.scan();
    let ours = protocol.risks.iter().map(|&risk| Strategy::Ours(risk));
    let rules = Baseline::ALL.into_iter().map(Strategy::Rule);
    let peaks = [15, 30].map(Strategy::Peak);
    let strategies = ours.chain(rules).chain(peaks).chain([Strategy::Oracle]);
    let rows: Vec<Row> = strategies
        .map(|strategy| sizing.row(strategy, &scan))
        .collect();
    let origins = || weeks.iter().map(|week| week.origin);
    Backtest {
        weeks: weeks.len(),
        withheld,
        span: origins().min().zip(origins().max()),
        rows,
        scan,
    }
}

/// The days on which weeks begin: all of them whole, counted from the first day on which anything was seen.
fn origins(fleet: &[Workload], first_after: i32) -> impl Iterator<Item = i32> + use<> {
    let spans = fleet
        .iter()
        .filter_map(|workload| Some((workload.cpu.span()?, workload.memory.span()?)));
    let ends = spans.fold(None, |ends: Option<(i32, i32)>, (cpu, memory)| {
        let (first, last) = (cpu.0.min(memory.0), cpu.1.max(memory.1));
        Some(ends.map_or((first, last), |(from, to)| (from.min(first), to.max(last))))
    });
    let (first, last) = ends.unwrap_or((0, -1));
    let whole = move |origin: &i32| origin.saturating_add(WEEK_DAYS - 1) <= last;
    (0..)
        .map(move |weeks: i32| first + first_after + weeks * WEEK_DAYS)
        .take_while(whole)
}

/// Every week that can be sized, and how many with samples cannot.
fn sized_weeks<'a>(fleet: &'a [Workload], protocol: &Protocol) -> (Vec<Week<'a>>, usize) {
    let least = usize::try_from(protocol.training_days.saturating_mul(4) / 5).unwrap_or(usize::MAX);
    let (mut weeks, mut withheld) = (Vec::new(), 0);
    for origin in origins(fleet, protocol.training_days) {
        for (at, workload) in fleet.iter().enumerate() {
            let both = [
                (Resource::Cpu, &workload.cpu),
                (Resource::Memory, &workload.memory),
            ];
            let after = both.map(|(_, history)| history.between(origin, origin + WEEK_DAYS));
            if after.iter().any(|week| week.days().is_empty()) {
                continue;
            }
            let before = both.map(|(_, history)| history.last_days(protocol.training_days, origin));
            let enough = before.iter().all(|history| history.days().len() > least);
            let [cpu, memory] = both.map(|(resource, history)| {
                replay(resource, history, origin, protocol.training_days)
            });
            match (cpu, memory) {
                (Some(cpu), Some(memory)) if enough => weeks.push(Week {
                    workload: at,
                    origin,
                    groups: [(0, &cpu), (1, &memory)].map(|(at, replay)| Group {
                        is_steady: replay.is_steady,
                        ..workload.groups[at]
                    }),
                    current: workload.current,
                    needs: [cpu.next_week, memory.next_week],
                    sizes: [cpu.sizes, memory.sizes],
                    before,
                    after,
                }),
                _ => withheld += 1,
            }
        }
    }
    (weeks, withheld)
}

/// What every week of the fleet says, those included that are sized from fewer days.
fn shown(fleet: &[Workload], resource: Resource, protocol: &Protocol) -> Shown {
    let mut shown = Shown::new();
    for origin in origins(fleet, WEEK_DAYS) {
        for workload in fleet {
            let (history, current, group) = match resource {
                Resource::Cpu => (&workload.cpu, workload.current.vcpu, workload.groups[0]),
                Resource::Memory => (&workload.memory, workload.current.mib, workload.groups[1]),
            };
            if let Some(week) = replay(resource, history, origin, protocol.training_days) {
                let risk = risk_shown(&week.sizes, week.next_week, current);
                let known = shown.entry(origin + WEEK_DAYS).or_default();
                let group = Group {
                    is_steady: week.is_steady,
                    ..group
                };
                known.push((group, risk));
            }
        }
    }
    shown
}

/// CPU's and memory's calibration as of each origin.
fn calibrations(weeks: &[Week<'_>], shown: &[Shown; 2]) -> BTreeMap<i32, [Calibration; 2]> {
    let as_of = |origin: i32| {
        [0, 1].map(|at: usize| {
            shown[at]
                .range(..=origin)
                .flat_map(|(_, week)| week.iter().copied())
                .collect()
        })
    };
    let mut made = BTreeMap::new();
    for week in weeks {
        made.entry(week.origin)
            .or_insert_with(|| as_of(week.origin));
    }
    made
}

/// The weeks, and what is needed to size them.
struct Sizing<'a> {
    weeks: &'a [Week<'a>],
    calibrations: &'a BTreeMap<i32, [Calibration; 2]>,
}

impl Sizing<'_> {
    /// What `strategy` sets for a week; `None` where it gives no size.
    fn size(&self, strategy: Strategy, week: &Week<'_>) -> Option<Need> {
        let current = week.current;
        match strategy {
            Strategy::Ours(risk) => Some(self.ours(risk, week)),
            Strategy::Rule(rule) => {
                let size = rule.size(&Observed {
                    cpu: &week.before[0],
                    memory: &week.before[1],
                    current,
                })?;
                Some(size.at_most(current))
            }
            Strategy::Peak(percent) => {
                let factor = 1.0 + f64::from(percent) / 100.0;
                let [vcpu, mib] = [&week.before[0], &week.before[1]].map(History::max);
                let size = Need {
                    vcpu: vcpu? * factor,
                    mib: mib? * factor,
                };
                Some(size.at_most(current))
            }
            Strategy::Oracle => {
                let [vcpu, mib] = week.needs;
                Some(Need { vcpu, mib }.at_most(current))
            }
        }
    }

    fn ours(&self, risk: f64, week: &Week<'_>) -> Need {
        let level = |at: usize| {
            let made = self.calibrations.get(&week.origin);
            made.map_or(risk, |both| both[at].weeks(week.groups[at]).level(risk))
        };
        let need = |at: usize| week.sizes[at].at(level(at));
        let seen = week.before[1].max().filter(|_| risk < PEAK_KEPT_BELOW);
        Need {
            vcpu: applied(need(0), week.current.vcpu),
            mib: applied(need(1).max(seen.unwrap_or(0.0)), week.current.mib),
        }
    }

    /// The sizes of one strategy, one per week, and for how many weeks it gave none.
    fn sizes(&self, strategy: Strategy) -> (Vec<Need>, usize) {
        let given: Vec<_> = self
            .weeks
            .iter()
            .map(|week| self.size(strategy, week))
            .collect();
        let without = given.iter().filter(|size| size.is_none()).count();
        let set = given.into_iter().zip(self.weeks);
        (
            set.map(|(size, week)| size.unwrap_or(week.current))
                .collect(),
            without,
        )
    }

    /// How `sizes` did, CPU and memory.
    fn outcomes(&self, sizes: &[Need]) -> [Outcome; 2] {
        [
            self.outcome(sizes, 0, |need| need.vcpu),
            self.outcome(sizes, 1, |need| need.mib),
        ]
    }

    /// How `sizes` did for the resource `at` (0: CPU, 1: memory), which `part` takes out of a size.
    fn outcome(&self, sizes: &[Need], at: usize, part: impl Fn(Need) -> f64) -> Outcome {
        let (mut set, mut provisioned, mut breached, mut above) = (0.0, 0.0, 0, 0.0);
        for (size, week) in sizes.iter().zip(self.weeks) {
            let (size, current) = (part(*size), part(week.current));
            set += size;
            provisioned += current;
            if size < current {
                breached += usize::from(week.needs[at] > size * (1.0 + ROUNDING));
                above += week.after[at].share_above(size);
            }
        }
        if provisioned <= 0.0 {
            return Outcome::default();
        }
        Outcome {
            saved: 1.0 - set / provisioned,
            breached,
            time_above: above / self.weeks.len() as f64,
        }
    }

    /// Ours at many risks: how CPU and memory did.
    fn scan(&self) -> Vec<(f64, [Outcome; 2])> {
        let (from, to, steps) = SCAN;
        let risk = |step: u32| from * (to / from).powf(f64::from(step) / f64::from(steps));
        let at = |step| {
            let risk = risk(step);
            (risk, self.outcomes(&self.sizes(Strategy::Ours(risk)).0))
        };
        (0..=steps).map(at).collect()
    }

    fn row(&self, strategy: Strategy, scan: &[(f64, [Outcome; 2])]) -> Row {
        let (sizes, without_size) = self.sizes(strategy);
        let [cpu, memory] = self.outcomes(&sizes);
        let same_rate = |at: usize, own: Outcome| {
            let no_more = scan
                .iter()
                .filter(|(_, ours)| ours[at].breached <= own.breached);
            no_more
                .map(|(_, ours)| ours[at].saved)
                .max_by(f64::total_cmp)
        };
        Row {
            strategy,
            cpu,
            memory,
            without_size,
            changed: self.changed(&sizes),
            ours_at_same_rate: [same_rate(0, cpu), same_rate(1, memory)],
        }
    }

    /// Of the sizes of a workload a week apart, the share in which CPU or memory differ by [`SAME`] or more.
    fn changed(&self, sizes: &[Need]) -> Option<f64> {
        let by_week: BTreeMap<(usize, i32), Need> = self
            .weeks
            .iter()
            .zip(sizes)
            .map(|(week, size)| ((week.workload, week.origin), *size))
            .collect();
        let differs = |a: f64, b: f64| (a - b).abs() >= SAME * a.max(b);
        let pairs = by_week.iter().filter_map(|(&(workload, origin), size)| {
            let next = by_week.get(&(workload, origin + WEEK_DAYS))?;
            Some(differs(size.vcpu, next.vcpu) || differs(size.mib, next.mib))
        });
        let pairs: Vec<bool> = pairs.collect();
        let changed = pairs.iter().filter(|changed| **changed).count();
        (!pairs.is_empty()).then(|| changed as f64 / pairs.len() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::super::history::tests::day;
    use super::*;

    /// `weeks` weeks at these values, one sample an hour, CPU in vCPU and memory a thousandfold in MiB.
    fn workload(values: impl Fn(i32) -> f64, days: i32) -> Workload {
        let cpu: History = (0..days).map(|at| day(at, &[values(at); 24])).collect();
        let memory = (0..days)
            .map(|at| day(at, &[1000.0 * values(at); 24]))
            .collect();
        Workload {
            groups: [Group::default(); 2],
            cpu,
            memory,
            current: Need {
                vcpu: 4.0,
                mib: 4000.0,
            },
        }
    }

    fn row(test: &Backtest, strategy: Strategy) -> Row {
        *test
            .rows
            .iter()
            .find(|row| row.strategy == strategy)
            .unwrap()
    }

    #[test]
    fn weeks_begin_after_the_training_days_and_are_whole() {
        let test = backtest(&[workload(|_| 0.5, 30)], &Protocol::default());
        assert_eq!(
            (test.weeks, test.withheld, test.span),
            (2, 0, Some((14, 21)))
        );
    }

    #[test]
    fn a_steady_fleet_is_never_breached_and_the_oracle_saves_most() {
        let fleet = vec![workload(|_| 0.5, 28); 5];
        let test = backtest(&fleet, &Protocol::default());
        for row in &test.rows {
            let fixed = row.strategy == Strategy::Rule(Baseline::Current);
            assert_eq!(row.cpu.saved.abs() < 1e-12, fixed, "{row:?}");
            assert_eq!((row.cpu.breached, row.memory.breached), (0, 0), "{row:?}");
        }
        let oracle = row(&test, Strategy::Oracle);
        assert!((oracle.memory.saved - 0.875).abs() < 1e-9);
        assert!(
            test.rows
                .iter()
                .all(|row| row.memory.saved <= oracle.memory.saved + 1e-9)
        );
    }

    #[test]
    fn a_week_above_the_size_is_a_breach_and_above_the_present_size_is_not() {
        // Doubles from the third week on: the peak and 20 % do not hold it.
        let grows = |at: i32| if at < 14 { 0.5 } else { 1.0 };
        let test = backtest(&[workload(grows, 21)], &Protocol::default());
        let proxy = row(&test, Strategy::Rule(Baseline::ComputeOptimizerProxy));
        assert_eq!((proxy.cpu.breached, proxy.memory.breached), (1, 1));
        assert!((proxy.memory.time_above - 1.0).abs() < 1e-12);
        let beyond = |at: i32| if at < 14 { 3.9 } else { 4.4 };
        let test = backtest(&[workload(beyond, 21)], &Protocol::default());
        let proxy = row(&test, Strategy::Rule(Baseline::ComputeOptimizerProxy));
        assert_eq!((proxy.cpu.breached, proxy.memory.breached), (0, 0));
    }

    #[test]
    fn too_little_history_is_withheld() {
        let mut late = workload(|_| 0.5, 28);
        let all = late.cpu.days().iter().cloned();
        late.cpu = all.filter(|row| row.day >= 10).collect();
        let test = backtest(&[workload(|_| 0.5, 28), late], &Protocol::default());
        // Of the late one the week from day 14 has 4 days before it, that from day 21 has 11.
        assert_eq!((test.weeks, test.withheld), (2, 2));
    }

    #[test]
    fn a_fleet_that_jumps_every_week_is_sized_larger_once_it_is_known() {
        // Each week one workload in four shows four times what it showed before.
        let jumps = |which: i32| move |at: i32| if at / 7 >= which { 2.0 } else { 0.5 };
        let restless: Vec<_> = (0..400).map(|i| workload(jumps(1 + i % 4), 35)).collect();
        let calm: Vec<_> = (0..400).map(|_| workload(|_| 0.5, 35)).collect();
        let at =
            |fleet: &[Workload]| row(&backtest(fleet, &Protocol::default()), Strategy::Ours(0.05));
        assert!(at(&restless).memory.saved < at(&calm).memory.saved - 0.1);
    }

    #[test]
    fn no_weeks_are_no_result_and_no_panic() {
        for fleet in [
            vec![],
            vec![workload(|_| 0.5, 10)],
            vec![workload(|_| 0.0, 30)],
        ] {
            let test = backtest(&fleet, &Protocol::default());
            assert_eq!(test.weeks, 0);
            assert!(test.rows.iter().all(|row| row.cpu == Outcome::default()));
        }
    }

    /// Days and their samples.
    type Rows = Vec<(i32, Vec<f64>)>;

    /// Three weeks of one workload with these days, CPU in vCPU and memory a hundredfold in MiB.
    fn three_weeks(cpu: &[(i32, Vec<f64>)]) -> Workload {
        let row = |factor: f64| {
            move |(at, values): &(i32, Vec<f64>)| {
                day(
                    *at,
                    &values
                        .iter()
                        .map(|value| value * factor)
                        .collect::<Vec<_>>(),
                )
            }
        };
        Workload {
            groups: [Group::default(); 2],
            cpu: cpu.iter().map(row(1.0)).collect(),
            memory: cpu.iter().map(row(100.0)).collect(),
            current: Need {
                vcpu: 1.0,
                mib: 100.0,
            },
        }
    }

    #[test]
    fn bad_series_are_withheld_or_sized_within_the_present_size() {
        let every_day =
            |values: Vec<f64>| (0..21).map(|at| (at, values.clone())).collect::<Vec<_>>();
        let gaps = (0..21)
            .filter(|at| at % 3 != 0)
            .map(|at| (at, vec![0.3; 24]))
            .collect();
        let twice = (0..21)
            .flat_map(|at| [(at, vec![0.3; 24]), (at, vec![0.3; 24])])
            .collect();
        let restarts = (0..21).map(|at| (at, (1..25).map(|hour| f64::from(hour) / 30.0).collect()));
        let cases: [(&str, Rows, usize); 9] = [
            ("a third of the days missing", gaps, 0),
            ("one sample", vec![(20, vec![0.3])], 0),
            ("all zero", every_day(vec![0.0; 24]), 0),
            ("all equal", every_day(vec![0.3; 24]), 1),
            ("restarted daily", restarts.collect(), 1),
            ("always at the ceiling", every_day(vec![1.0; 24]), 1),
            ("below zero", every_day(vec![-0.5, 0.3]), 1),
            ("above the size", every_day(vec![1.14, 0.3]), 1),
            ("every sample twice", twice, 1),
        ];
        for (name, days, weeks) in cases {
            let replayed = backtest(&[three_weeks(&days)], &Protocol::default());
            assert_eq!(replayed.weeks, weeks, "{name}");
            for row in &replayed.rows {
                let shares = [row.cpu.saved, row.memory.saved, row.cpu.time_above];
                assert!(
                    shares.iter().all(|share| (-1e-9..=1.0).contains(share)),
                    "{name}: {row:?}"
                );
            }
            if let Strategy::Ours(_) = replayed.rows[0].strategy {
                let breached = replayed.rows[0].cpu.breached + replayed.rows[0].memory.breached;
                assert_eq!(breached, 0, "{name}");
            }
        }
    }
}
