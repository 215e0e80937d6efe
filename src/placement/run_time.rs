//! What the time of a component becomes on another machine: predicted and rounded run by run, as runs are billed.

use crate::demand::Component;
use crate::model::span::Span;
use crate::model::units::{MS_PER_HOUR, Usd};
use crate::pricing::cost::{Amount, Tariff};
use crate::pricing::metering::{Meter, MeteredMs, Metering};
use crate::rightsize::run_time::{Machine, RunTimes};

use super::subject::Subject;

/// The length of a run in whose stead time is taken that is not known run by run: so long that no rounding shows.
const LONG_MS: i64 = 10_000 * MS_PER_HOUR;

/// Time on another machine.
#[derive(Debug, Clone, Copy)]
pub(super) struct There<'a> {
    /// How run time follows size; `None` where it does not.
    pub(super) run_times: Option<&'a RunTimes>,
    /// Where to; `None` where that is not known.
    pub(super) machine: Option<Machine>,
}

/// How long runs take there, and what that costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RunTimeThere {
    /// Run time as a multiple of today's.
    pub share: Span<f64>,
    /// What a month costs if runs take as long there as they can.
    pub slowest: Usd,
    /// The ends are those of medians of the job's own runs: so many today, so many there.
    pub fitted: Option<(usize, usize)>,
}

/// An amount, what it is if runs take as long as they can, and their time: as it is today, and there.
#[derive(Debug, Clone, Default)]
pub(super) struct Predicted {
    pub(super) amount: Amount,
    pub(super) slowest: Usd,
    today_ms: f64,
    there_ms: Span<f64>,
}

/// Billed time of a component's runs, as it is today and as it may be there.
struct Billed {
    today: i64,
    there: Span<i64>,
}

impl There<'_> {
    /// Time as it was.
    pub(super) const SAME: Self = Self {
        run_times: None,
        machine: None,
    };

    /// What the time of `component` costs there under `tariff`.
    pub(super) fn cost(&self, component: &Component, tariff: &Tariff) -> Predicted {
        let estimated = !component.is_exact();
        let unbounded = |amount: Amount| Amount {
            high: amount.high.filter(|_| !component.more_unseen),
            ..amount
        };
        let elapsed_ms = component.metered.best.elapsed as f64;
        let Some(billed) = self.billed(component, tariff.meter.rule()) else {
            let amount = unbounded(tariff.amount(&component.metered, estimated));
            return Predicted {
                slowest: amount.usd,
                amount,
                today_ms: elapsed_ms,
                there_ms: Span::exact(elapsed_ms),
            };
        };
        let on = |metered: &MeteredMs, there: i64| billed.scaled(tariff.meter, metered, there);
        let metered = &component.metered;
        let ends = Span {
            low: on(&metered.low, billed.there.low),
            best: on(&metered.best, billed.there.best),
            high: on(&metered.high, billed.there.high),
        };
        let share = self.share_of_all(component);
        Predicted {
            amount: unbounded(tariff.amount_of(&ends, estimated)),
            slowest: tariff.usd(on(&metered.best, billed.there.high)),
            today_ms: elapsed_ms,
            there_ms: Span {
                low: share.low * elapsed_ms,
                best: share.best * elapsed_ms,
                high: share.high * elapsed_ms,
            },
        }
    }

    /// Billed time under `rule`; `None` where runs take as long there as today.
    fn billed(&self, component: &Component, rule: Metering) -> Option<Billed> {
        let (times, today, there) = self.differing(component)?;
        let mut sum = Billed {
            today: 0,
            there: Span::default(),
        };
        for run in component.finished.iter() {
            sum.add(rule, run.elapsed_ms, times.of_run(run, today, there));
        }
        if sum.today == 0 {
            sum.add(rule, LONG_MS, times.of_all(today, there));
        }
        Some(sum)
    }

    /// How much longer all runs take together.
    fn share_of_all(&self, component: &Component) -> Span<f64> {
        let Some((times, today, there)) = self.differing(component) else {
            return Span::exact(1.0);
        };
        let elapsed_ms: i64 = component.finished.iter().map(|run| run.elapsed_ms).sum();
        if elapsed_ms <= 0 {
            return times.of_all(today, there);
        }
        let mut sum = Span::exact(0.0);
        for run in component.finished.iter() {
            let share = times.of_run(run, today, there);
            let part = run.elapsed_ms as f64 / elapsed_ms as f64;
            sum.low += share.low * part;
            sum.best += share.best * part;
            sum.high += share.high * part;
        }
        sum
    }

    fn differing(&self, component: &Component) -> Option<(&RunTimes, Machine, Machine)> {
        let today = Machine::of(&component.configuration)?;
        let (times, there) = (self.run_times?, self.machine?);
        (today.cpu_units != there.cpu_units).then_some((times, today, there))
    }
}

impl Billed {
    fn add(&mut self, rule: Metering, elapsed_ms: i64, share: Span<f64>) {
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let billed = |share: f64| rule.billed_ms((elapsed_ms as f64 * share).round() as i64);
        self.today += rule.billed_ms(elapsed_ms);
        self.there.low += billed(share.low);
        self.there.best += billed(share.best);
        self.there.high += billed(share.high);
    }

    /// `metered` with its runs' time as it is there; the time in a queue stays as it is. Exact where it is that of these runs.
    fn scaled(&self, meter: Meter, metered: &MeteredMs, there: i64) -> i64 {
        let ran = match meter {
            Meter::MinutesWithQueue => metered.minute,
            _ => meter.of(metered),
        };
        let change =
            i128::from(ran) * i128::from(there - self.today) / i128::from(self.today.max(1));
        meter
            .of(metered)
            .saturating_add(i64::try_from(change).unwrap_or(i64::MAX))
    }
}

impl std::iter::Sum for Predicted {
    fn sum<I: Iterator<Item = Self>>(parts: I) -> Self {
        let none = Self {
            amount: Amount::zero(),
            ..Self::default()
        };
        parts.fold(none, |sum, part| Self {
            amount: sum.amount.plus(part.amount),
            slowest: sum.slowest + part.slowest,
            today_ms: sum.today_ms + part.today_ms,
            there_ms: Span {
                low: sum.there_ms.low + part.there_ms.low,
                best: sum.there_ms.best + part.there_ms.best,
                high: sum.there_ms.high + part.there_ms.high,
            },
        })
    }
}

impl Predicted {
    /// Nothing, for sure.
    pub(super) fn zero() -> Self {
        std::iter::empty().sum()
    }

    /// This, seen over `observed_ms`, as a month; `None` where nothing was observed.
    pub(super) fn per_month(self, observed_ms: i64) -> Option<Self> {
        Some(Self {
            amount: self.amount.per_month(observed_ms)?,
            slowest: self.slowest.per_month(observed_ms)?,
            ..self
        })
    }

    /// How long runs take there; `None` where they take as long as today.
    pub(super) fn run_time(&self, subject: &Subject<'_>, there: Machine) -> Option<RunTimeThere> {
        let share = |there_ms: f64| there_ms / self.today_ms;
        let share = Span {
            low: share(self.there_ms.low),
            best: share(self.there_ms.best),
            high: share(self.there_ms.high),
        };
        let is_as_today = share == Span::exact(1.0) || self.today_ms <= 0.0;
        let today = Machine::of(subject.configuration)?;
        let fit = subject.run_times?.fit(today, there);
        (!is_as_today).then_some(RunTimeThere {
            share,
            slowest: self.slowest,
            fitted: fit.map(|fit| (fit.runs_today, fit.runs_there)),
        })
    }
}

/// The longest that all runs of `subject` can be billed for on `there`, by `rule`; what orders sizes by predicted time × rate.
/// 1 where nothing ran, or run time does not follow size.
pub(super) fn longest_ms(subject: &Subject<'_>, there: Machine, rule: Metering) -> i64 {
    let there = There {
        run_times: subject.run_times,
        machine: Some(there),
    };
    let components = subject.pace.iter().flat_map(|pace| &pace.components);
    let longest = components.map(|component| match there.billed(component, rule) {
        Some(billed) => billed.there.high,
        None => component
            .finished
            .iter()
            .map(|run| rule.billed_ms(run.elapsed_ms))
            .sum(),
    });
    longest.sum::<i64>().max(1)
}

/// What a reader should know of run times there, where they differ by more than a reader would see.
pub(super) fn caution(run_time: &RunTimeThere, today: Machine, there: Machine) -> Option<String> {
    let percent = |share: f64| (share * 100.0).round();
    let (low, high) = (percent(run_time.share.low), percent(run_time.share.high));
    if (low, high) == (100.0, 100.0) {
        return None;
    }
    let time = if low < high {
        format!("{low} to {high} %")
    } else {
        format!("{low} %")
    };
    let by = match run_time.fitted {
        Some((today, there)) => format!(
            "by the medians of {today} and {there} of its own runs ({:.0} % sure)",
            crate::rightsize::run_time::CONFIDENCE * 100.0
        ),
        None => "by its CPU-seconds".to_owned(),
    };
    Some(format!(
        "on {} instead of {} vCPU a run takes {time} of its time, {by}",
        there.vcpu(),
        today.vcpu()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::{Basis, FinishedRun, RunCpu};
    use crate::model::units::Window;
    use crate::model::workload::{Architecture, Configuration};
    use crate::pricing::cost::Charge;
    use crate::pricing::{Price, PriceBook};
    use crate::rightsize::run_time::Machine;

    const ALWAYS: Window = Window {
        from_ms: 0,
        to_ms: i64::MAX / 4,
    };

    /// Runs of so many seconds that used so many vCPU, on a machine of `cpu_units`.
    fn component(launch_type: &str, cpu_units: u32, used: f64, seconds: &[i64]) -> Component {
        let mut metered = MeteredMs::default();
        for length in seconds {
            metered += MeteredMs::of(0, length * 1_000, None, ALWAYS);
        }
        let run = |length: &i64| FinishedRun {
            elapsed_ms: length * 1_000,
            cpu: Some(RunCpu::Vcpu(used)),
        };
        Component {
            configuration: Configuration {
                launch_type: Some(launch_type.to_owned()),
                cpu_units: Some(cpu_units),
                memory_mib: Some(2048),
                ..Configuration::default()
            },
            basis: Basis::Runs,
            runs: i64::try_from(seconds.len()).unwrap(),
            open: 0,
            metered: Span::exact(metered),
            more_unseen: false,
            finished: seconds.iter().map(run).collect(),
        }
    }

    fn tariff(meter: Meter, per_ms: i64, usd: &str) -> Tariff {
        let book = PriceBook::embedded().unwrap();
        let any = book
            .codebuild("us-east-1", "LINUX_CONTAINER", "BUILD_GENERAL1_SMALL")
            .unwrap();
        let price = Price {
            usd: usd.parse().unwrap(),
            ..any.price()
        };
        Tariff {
            of: "it".into(),
            meter,
            charges: vec![Charge::at("time", 1, per_ms, "unit", &price)],
        }
    }

    /// The ends, the best figure between them, and the slowest at the best figure of today.
    fn cost(component: &Component, to_vcpu: u32, tariff: &Tariff) -> [String; 4] {
        let times = RunTimes::unseen();
        let there = There {
            run_times: Some(&times),
            machine: Some(Machine {
                architecture: Architecture::X86_64,
                cpu_units: to_vcpu * 1024,
            }),
        };
        let found = there.cost(component, tariff);
        let printed = |usd: Usd| usd.amount().normalize().to_string();
        [
            printed(found.amount.low),
            printed(found.amount.usd),
            printed(found.amount.high.unwrap()),
            printed(found.slowest),
        ]
    }

    #[test]
    fn builds_are_predicted_and_rounded_to_minutes_one_by_one() {
        // Rates of a minute in US East: 2 vCPU 0.005, 4 vCPU 0.01, 8 vCPU 0.02.
        type Row = (
            &'static str,
            u32,
            f64,
            &'static [i64],
            u32,
            &'static str,
            [&'static str; 3],
        );
        let rows: &[Row] = &[
            // 100 s and 170 s at 2 of 8 vCPU: on 4 up to 125 s and 212.5 s. 2 + 3 to 3 + 4 minutes; in one sum it would be 6.
            (
                "each by itself",
                8,
                2.0,
                &[100, 170],
                4,
                "0.01",
                ["0.05", "0.05", "0.07"],
            ),
            // 40 s, up to 50 s: a minute both ways.
            (
                "rounding swallows it",
                8,
                2.0,
                &[40],
                4,
                "0.01",
                ["0.01", "0.01", "0.01"],
            ),
            // 55 s at 4 of 8 vCPU: up to 82.5 s, which cost 0.02 as a minute of 8 vCPU does.
            (
                "rounding eats the saving",
                8,
                4.0,
                &[55],
                4,
                "0.01",
                ["0.01", "0.01", "0.02"],
            ),
            // 600 s at 2 of 2 vCPU: on 8 at least 150 s, 3 minutes.
            (
                "larger and perhaps quicker",
                2,
                2.0,
                &[600],
                8,
                "0.02",
                ["0.06", "0.2", "0.2"],
            ),
            // 600 s at 6 of 8 vCPU: 3,600 CPU-seconds are 900 s of 4, and up to 1,050 s.
            (
                "work cannot shrink",
                8,
                6.0,
                &[600],
                4,
                "0.01",
                ["0.15", "0.15", "0.18"],
            ),
            (
                "as large as today",
                8,
                6.0,
                &[600],
                8,
                "0.02",
                ["0.2", "0.2", "0.2"],
            ),
        ];
        for &(name, vcpu, used, seconds, to_vcpu, rate, expected) in rows {
            let component = component("CODEBUILD", vcpu * 1024, used, seconds);
            let tariff = tariff(Meter::Minutes, 60_000, rate);
            let [low, best, high, slowest] = cost(&component, to_vcpu, &tariff);
            assert_eq!([low, best, high.clone()], expected, "{name}");
            assert_eq!(slowest, high, "{name}");
        }
    }

    #[test]
    fn tasks_are_rounded_to_seconds_and_to_a_minute_at_the_least() {
        // 100 s at 1 of 4 vCPU: on 2 up to 125 s; 40 s up to 50 s, billed as 60. At a dollar a second.
        let component = component("FARGATE", 4096, 1.0, &[100, 40]);
        let tariff = tariff(Meter::Seconds60, 1_000, "1");
        let found = cost(&component, 2, &tariff);
        assert_eq!(found, ["160", "160", "185", "185"]);
    }

    #[test]
    fn counted_time_stretches_as_a_whole() {
        let mut counted = component("FARGATE", 4096, 1.0, &[]);
        counted.basis = Basis::SampleCount;
        counted.metered = Span::exact(MeteredMs::counted(1_000_000));
        let tariff = tariff(Meter::Seconds60, 1_000, "1");
        // Nothing is known of its use: up to twice as long on half the vCPU.
        let found = cost(&counted, 2, &tariff);
        assert_eq!(found, ["1000", "1000", "2000", "2000"]);
    }

    #[test]
    fn what_may_have_run_on_is_stretched_at_its_own_end() {
        // One run of 100 s that is known, and up to 200 s more of one that was not seen to stop.
        let mut open = component("FARGATE", 4096, 2.0, &[100]);
        open.metered.high += MeteredMs::counted(200_000);
        let tariff = tariff(Meter::Seconds60, 1_000, "1");
        // At 2 of 4 vCPU, half the vCPU take up to half as long again: 100, 100, 150 of the known, 450 of all.
        let found = cost(&open, 2, &tariff);
        assert_eq!(found, ["100", "100", "450", "150"]);
    }

    #[test]
    fn readers_are_told_what_they_can_see() {
        let machine = |cpu_units| Machine {
            architecture: Architecture::X86_64,
            cpu_units,
        };
        let said = |low, high, fitted| {
            let share = Span {
                low,
                best: low,
                high,
            };
            let run_time = RunTimeThere {
                share,
                slowest: Usd::ZERO,
                fitted,
            };
            caution(&run_time, machine(8192), machine(4096))
        };
        assert_eq!(said(1.0, 1.004, None), None);
        assert_eq!(
            said(1.0, 1.234, None).as_deref(),
            Some("on 4 instead of 8 vCPU a run takes 100 to 123 % of its time, by its CPU-seconds")
        );
        assert_eq!(
            said(1.1, 1.3, Some((20, 9))).as_deref(),
            Some(
                "on 4 instead of 8 vCPU a run takes 110 to 130 % of its time, by the medians of 20 and 9 of its own runs (95 % sure)"
            )
        );
    }
}
