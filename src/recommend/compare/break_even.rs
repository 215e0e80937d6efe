//! Where the order of two placements turns, by run length and by runs per day, at fixed sizes.
//!
//! Whole minutes, minimums and whole instances make the costs step, so two of them may cross several times. What is
//! reported is the last crossing: from there on up to the end of the search one of the two is cheaper throughout.

use std::cmp::Ordering;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::job::Load;
use super::offer::Offer;
use super::terms::BilledTime;
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::placement::feasibility::LONGEST_BUILD_MS;

/// Run lengths are searched up to the longest build, seconds.
const LONGEST_S: u32 = 36 * 3_600;
const _: () = assert!(
    LONGEST_S as i64 * 1_000 == LONGEST_BUILD_MS,
    "one limit in two units"
);
/// Runs per day are searched up to this.
const MOST_RUNS_PER_DAY: u32 = 1_000_000;

/// Two platforms at their best for a job, on demand, and where their order turns.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct BreakEven {
    /// The one that costs less for the job as it is.
    pub cheaper: Contender,
    /// The one that costs more.
    pub dearer: Contender,
    /// By run length; `None` where neither is cheaper at the longest, or nothing can be counted that far.
    pub run_length: Option<RunLength>,
    /// By runs per day; `None` for two platforms that are both billed by the run.
    pub runs_per_day: Option<RunsPerDay>,
}

/// A placement in a break-even.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Contender {
    /// Its platform.
    pub platform: Platform,
    /// The name of its size.
    pub size: String,
    /// Its architecture.
    pub architecture: Architecture,
}

/// Who is cheaper for long runs, at the given runs per day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunLength {
    /// Costs less at every whole second of the range.
    pub cheaper: Platform,
    /// First second of the range; one second less and it costs as much as the other or more. 1 is every length.
    pub from_s: u32,
    /// Last second of the range: 36 hours.
    pub up_to_s: u32,
}

/// From how many runs per day on always-on EC2 costs less, at the given run length.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunsPerDay {
    /// The name of the always-on size.
    pub always_on: String,
    /// What it is held against.
    pub instead_of: Platform,
    /// Smallest number from which on it costs less throughout; `None` where it does not at the end of the search.
    pub from: Option<u32>,
    /// End of the search.
    pub up_to: u32,
}

/// Between the best of each two platforms on the architecture of the cheapest. `offers` are sorted by cost.
pub(super) fn between_platforms(offers: &[Offer], load: Load) -> Vec<BreakEven> {
    let sides: Vec<Side<'_>> = offers.iter().filter_map(Side::on_demand).collect();
    let Some(architecture) = sides.first().map(|side| side.architecture) else {
        return Vec::new();
    };
    let native: Vec<Side<'_>> = sides
        .into_iter()
        .filter(|offer| offer.architecture == architecture)
        .collect();
    let always_on = native
        .iter()
        .find(|offer| matches!(offer.rate.time, BilledTime::AlwaysOn { .. }));
    let is_best = |(at, offer): &(usize, &Side<'_>)| {
        !native[..*at]
            .iter()
            .any(|before| before.platform == offer.platform)
    };
    let best: Vec<&Side<'_>> = native
        .iter()
        .enumerate()
        .filter(is_best)
        .map(|(_, offer)| offer)
        .collect();
    let pairs = best
        .iter()
        .enumerate()
        .flat_map(|(at, cheaper)| best[at + 1..].iter().map(move |dearer| (cheaper, dearer)));
    pairs
        .map(|(cheaper, dearer)| between(cheaper, dearer, always_on, load))
        .collect()
}

/// A placement with a price.
struct Side<'a> {
    platform: Platform,
    architecture: Architecture,
    size: &'a str,
    rate: Rate,
}

/// What 730 billed hours cost, and what is billed.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Rate {
    usd_per_month: Usd,
    time: BilledTime,
}

impl<'a> Side<'a> {
    fn on_demand(offer: &'a Offer) -> Option<Self> {
        let placement = &offer.placement;
        let terms = offer
            .terms
            .as_ref()
            .filter(|_| placement.purchase_option == PurchaseOption::OnDemand)?;
        let size = placement.size.as_ref().map_or("", |size| &size.name);
        Some(Self {
            platform: placement.platform,
            architecture: placement.architecture,
            size,
            rate: Rate {
                usd_per_month: terms.usd_per_month(),
                time: terms.time,
            },
        })
    }

    fn contender(&self) -> Contender {
        Contender {
            platform: self.platform,
            size: self.size.to_owned(),
            architecture: self.architecture,
        }
    }
}

fn between(
    cheaper: &Side<'_>,
    dearer: &Side<'_>,
    always_on: Option<&Side<'_>>,
    load: Load,
) -> BreakEven {
    let by_the_run = match (cheaper.platform, dearer.platform) {
        (Platform::Ec2, _) => Some(dearer),
        (_, Platform::Ec2) => Some(cheaper),
        _ => None,
    };
    BreakEven {
        cheaper: cheaper.contender(),
        dearer: dearer.contender(),
        run_length: run_length(cheaper, dearer, load),
        runs_per_day: always_on
            .zip(by_the_run)
            .and_then(|(always_on, by_the_run)| runs_per_day(always_on, by_the_run, load)),
    }
}

fn run_length(one: &Side<'_>, other: &Side<'_>, load: Load) -> Option<RunLength> {
    let duel = Duel::new(&one.rate, &other.rate)?;
    let order = |seconds: u32| {
        duel.order(Load {
            duration_ms: i64::from(seconds) * 1_000,
            ..load
        })
    };
    let at_the_end = order(LONGEST_S).filter(|order| order.is_ne())?;
    let cheaper = if at_the_end.is_lt() {
        one.platform
    } else {
        other.platform
    };
    let from_s = last_stretch(LONGEST_S, |seconds| order(seconds) == Some(at_the_end))?;
    Some(RunLength {
        cheaper,
        from_s,
        up_to_s: LONGEST_S,
    })
}

fn runs_per_day(always_on: &Side<'_>, by_the_run: &Side<'_>, load: Load) -> Option<RunsPerDay> {
    let duel = Duel::new(&always_on.rate, &by_the_run.rate)?;
    let order = |runs_per_day| {
        duel.order(Load {
            runs_per_day,
            ..load
        })
    };
    order(MOST_RUNS_PER_DAY)?;
    Some(RunsPerDay {
        always_on: always_on.size.to_owned(),
        instead_of: by_the_run.platform,
        from: last_stretch(MOST_RUNS_PER_DAY, |runs| {
            order(runs) == Some(Ordering::Less)
        }),
        up_to: MOST_RUNS_PER_DAY,
    })
}

/// The smallest number from 1 on from which `holds` is true throughout up to `last`.
fn last_stretch(last: u32, holds: impl Fn(u32) -> bool) -> Option<u32> {
    (1..=last).rev().take_while(|&number| holds(number)).last()
}

/// Two rates as whole numbers of one unit, so that costs compare exactly.
struct Duel {
    rates: [i128; 2],
    times: [BilledTime; 2],
}

impl Duel {
    fn new(one: &Rate, other: &Rate) -> Option<Self> {
        let rates = [one, other].map(|rate| rate.usd_per_month.amount().normalize());
        let scale = rates[0].scale().max(rates[1].scale());
        Some(Self {
            rates: [whole(rates[0], scale)?, whole(rates[1], scale)?],
            times: [one.time, other.time],
        })
    }

    /// How the cost of the one compares with the cost of the other; `None` beyond what can be counted.
    fn order(&self, load: Load) -> Option<Ordering> {
        let cost = |at: usize| self.rates[at].checked_mul(self.times[at].billed_ms(load));
        Some(cost(0)?.cmp(&cost(1)?))
    }
}

/// `rate` in units of 10^-scale, which holds all its digits.
fn whole(rate: Decimal, scale: u32) -> Option<i128> {
    rate.mantissa()
        .checked_mul(10_i128.checked_pow(scale - rate.scale())?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tests::{book, job, usd};
    use super::super::{Job, compare};
    use super::*;
    use crate::model::units::TaskSize;
    use crate::pricing::Metering;

    const LOAD: Load = Load {
        duration_ms: 600_000,
        runs_per_day: 1,
        days: 1,
    };

    fn by(rule: Metering, usd_per_hour: &str) -> Rate {
        let usd_per_month = Usd::new(usd(usd_per_hour).amount() * Decimal::from(730));
        Rate {
            usd_per_month,
            time: BilledTime::PerRun {
                rule,
                boot_ms: 0,
                free_ms: 0,
            },
        }
    }

    fn offer(platform: Platform, rate: &Rate) -> Side<'_> {
        Side {
            platform,
            architecture: Architecture::X86_64,
            size: "",
            rate: *rate,
        }
    }

    fn length(fargate: &Rate, codebuild: &Rate) -> Option<RunLength> {
        run_length(
            &offer(Platform::Fargate, fargate),
            &offer(Platform::Codebuild, codebuild),
            LOAD,
        )
    }

    fn from(cheaper: Platform, from_s: u32) -> RunLength {
        RunLength {
            cheaper,
            from_s,
            up_to_s: 129_600,
        }
    }

    fn pair(job: &Job, one: Platform, other: Platform) -> BreakEven {
        let is_pair = |pair: &BreakEven| {
            [(one, other), (other, one)].contains(&(pair.cheaper.platform, pair.dearer.platform))
        };
        compare(job, &book())
            .break_even
            .into_iter()
            .find(is_pair)
            .expect("both priced")
    }

    /// 2 vCPU and 7,600 MiB: 8 GiB on Fargate at 0.11652 an hour; m5a.large at 0.086 with 30 GiB of gp3, 65.18 a month.
    fn two_vcpu(seconds: i64) -> Job {
        Job {
            architectures: vec![Architecture::X86_64],
            need: TaskSize::new(2048, 7600),
            ..job(2, 7, seconds, 100)
        }
    }

    #[test]
    fn an_instance_per_run_beats_fargate_once_its_boot_is_earned() {
        // d × 85.0596 > (d + 120) × 65.18 from d = 393.4 s on.
        for seconds in [60, 600] {
            let pair = pair(&two_vcpu(seconds), Platform::Fargate, Platform::Ec2);
            assert_eq!(pair.run_length, Some(from(Platform::Ec2, 394)));
            assert_eq!(pair.cheaper.platform == Platform::Ec2, seconds == 600);
        }
    }

    #[test]
    fn always_on_beats_fargate_for_good_once_whole_instances_no_longer_matter() {
        // 2.14290 a day and instance against 0.01942 a run, 144 runs each: one instance pays from 111 runs on, but 145
        // runs need two of them. From four on (441.4 runs) the next one no longer turns the order.
        let expected = RunsPerDay {
            always_on: "m5a.large, always on".to_owned(),
            instead_of: Platform::Fargate,
            from: Some(442),
            up_to: 1_000_000,
        };
        assert_eq!(
            pair(&two_vcpu(600), Platform::Fargate, Platform::Ec2).runs_per_day,
            Some(expected)
        );
        // At 0.10 a build: 21.4 runs.
        let build = pair(&two_vcpu(600), Platform::Codebuild, Platform::Ec2).runs_per_day;
        assert_eq!(build.and_then(|turn| turn.from), Some(22));
    }

    #[test]
    fn always_on_that_never_pays_has_no_number() {
        // One run per m6g.medium at 0.0418 an hour against 0.0395 on Fargate.
        let turn = pair(&job(1, 2, 600, 5), Platform::Fargate, Platform::Ec2).runs_per_day;
        assert_eq!(turn.map(|turn| turn.from), Some(None));
    }

    #[test]
    fn two_platforms_billed_by_the_run_turn_by_length_only() {
        let pair = pair(&job(1, 2, 600, 5), Platform::Fargate, Platform::Codebuild);
        assert_eq!(
            (pair.run_length, pair.runs_per_day),
            (Some(from(Platform::Fargate, 1)), None)
        );
        assert_eq!(
            (pair.cheaper.architecture, pair.dearer.architecture),
            (Architecture::Arm64, Architecture::Arm64)
        );
    }

    #[test]
    fn of_several_crossings_the_last_counts() {
        // 0.01 a minute against 0.0002 a second: 241 to 250 s are the last that the whole fifth minute costs as much or more.
        assert_eq!(
            length(
                &by(Metering::FARGATE_LINUX, "0.72"),
                &by(Metering::CODEBUILD, "0.6")
            ),
            Some(from(Platform::Codebuild, 251))
        );
    }

    #[test]
    fn free_minutes_shift_the_order_and_long_runs_shift_it_back() {
        let free_ms = 6_000_000;
        let build = by(Metering::CODEBUILD, "0.3");
        let build = Rate {
            time: BilledTime::PerRun {
                rule: Metering::CODEBUILD,
                boot_ms: 0,
                free_ms,
            },
            ..build
        };
        // 0.2 × d against 0.3 × (d − 100 min): equal at 300 minutes; a minute later that one is over whole.
        let turn = length(&by(Metering::FARGATE_LINUX, "0.2"), &build);
        assert_eq!(turn, Some(from(Platform::Fargate, 18_001)));
    }

    #[test]
    fn equal_costs_and_uncountable_ones_have_no_winner() {
        let one = by(Metering::FARGATE_LINUX, "0.6");
        assert_eq!(length(&one, &one), None);
        let huge = Rate {
            usd_per_month: Usd::new(Decimal::MAX),
            ..one
        };
        let fine = Rate {
            usd_per_month: usd("0.0000000000000000000000000001"),
            ..one
        };
        assert_eq!(length(&huge, &fine), None);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn from_the_break_even_on_the_winner_is_cheaper_and_right_before_it_is_not(
            cents in 1_i64..2000, other_cents in 1_i64..2000, boot_ms in 0_i64..400_000, probe in 1_u32..=129_600,
        ) {
            let one = by(Metering::CODEBUILD, &Decimal::new(cents, 3).to_string());
            let other = by(Metering::EC2, &Decimal::new(other_cents, 3).to_string());
            let other = Rate { time: BilledTime::PerRun { rule: Metering::EC2, boot_ms, free_ms: 0 }, ..other };
            let wins = |length: RunLength, seconds: u32| {
                let load = Load { duration_ms: i64::from(seconds) * 1000, ..LOAD };
                let cost = |rate: &Rate| Usd::of(rate.time.billed_ms(load), rate.usd_per_month.amount(), super::super::terms::MONTH_MS);
                let (one, other) = (cost(&one), cost(&other));
                if length.cheaper == Platform::Fargate { one < other } else { other < one }
            };
            if let Some(length) = length(&one, &other) {
                prop_assert!(wins(length, length.from_s) && wins(length, length.up_to_s));
                prop_assert!(length.from_s == 1 || !wins(length, length.from_s - 1));
                prop_assert!(probe < length.from_s || wins(length, probe));
            }
        }
    }
}
