//! What is said of a report as a whole: its answer, its savings, its prices, its platforms and fleets.
//!
//! Plain, untrusted text, as in [`super::phrases`].

use super::amounts::{NOT_PRICED, change, count, money, money_or_not, percent, plural, share};
use super::phrases::{NOTHING, capitalized, effect, effort, platform_name, step_name};
use super::result::{FleetResult, PlatformTotal, PurchaseResult, Report};
use crate::model::units::Usd;
use crate::model::workload::{Platform, PurchaseOption};
use crate::pricing::cost::Certainty;

/// The first line: what containers cost, what can be saved, and how many workloads stand behind it.
pub(super) fn answer(report: &Report) -> String {
    let totals = &report.totals;
    let priced = totals.workloads.saturating_sub(totals.not_priced);
    if totals.workloads == 0 {
        return "No workload was seen in this window.".to_owned();
    }
    if priced == 0 {
        return format!("What containers cost is not known: {}.", tally(report));
    }
    format!(
        "Containers cost {} a month; {}: {}.",
        cost_in_all(report),
        possible_savings(report),
        tally(report)
    )
}

/// How the savings come about; `None` when there are none.
pub(super) fn steps(report: &Report) -> Option<String> {
    let said: Vec<String> = report
        .totals
        .savings_steps
        .iter()
        .filter(|step| step.monthly_savings_usd != Usd::ZERO)
        .map(|step| {
            format!(
                "{} {} ({} effort)",
                step_name(step.step),
                effect(step.monthly_savings_usd),
                effort(step.effort)
            )
        })
        .collect();
    (!said.is_empty()).then(|| capitalized(&format!("{}.", said.join(", then "))))
}

/// What another way of buying would save after all steps; `None` where nothing would.
pub(super) fn purchases(report: &Report) -> Option<String> {
    let said: Vec<String> = chosen_purchases(report)
        .map(|purchase| {
            format!(
                "{} less {}",
                money(purchase.monthly_savings_usd),
                purchase_name(purchase.purchase_option)
            )
        })
        .collect();
    (!said.is_empty()).then(|| {
        format!(
            "Bought otherwise, what is left on demand would cost {} (low effort; a risk or a commitment, not advice).",
            said.join(" or ")
        )
    })
}

/// The ways of buying that are worth a line: Spot, and the plans without payment upfront.
pub(super) fn chosen_purchases(report: &Report) -> impl Iterator<Item = &PurchaseResult> {
    report.totals.purchase_options.iter().filter(|purchase| {
        matches!(
            purchase.purchase_option,
            PurchaseOption::Spot
                | PurchaseOption::SavingsPlan1yrNoUpfront
                | PurchaseOption::SavingsPlan3yrNoUpfront
        )
    })
}

/// A way of buying as people say it.
pub(super) const fn purchase_name(option: PurchaseOption) -> &'static str {
    match option {
        PurchaseOption::OnDemand => "on demand",
        PurchaseOption::Spot => "on Spot",
        PurchaseOption::SavingsPlan1yrNoUpfront => "with a 1-year Savings Plan",
        PurchaseOption::SavingsPlan1yrAllUpfront => "with a 1-year Savings Plan, all upfront",
        PurchaseOption::SavingsPlan3yrNoUpfront => "with a 3-year Savings Plan",
        PurchaseOption::SavingsPlan3yrAllUpfront => "with a 3-year Savings Plan, all upfront",
        PurchaseOption::Mixed => "as it is bought today",
    }
}

/// That more than a hundredth of the cost rests on prices that a reader should look at; `None` where it does not.
pub(super) fn doubtful_prices(report: &Report) -> Option<String> {
    let (prices, cost) = (&report.price_quality, report.totals.going_rate.usd);
    let is_much = |usd: Usd| usd.as_f64() > cost.as_f64() * 0.01;
    if !is_much(prices.doubtful_usd) {
        return None;
    }
    let why: Vec<&str> = [
        (prices.old_usd, "are older than a year"),
        (prices.contested_usd, "sources disagree on"),
    ]
    .into_iter()
    .filter(|(usd, _)| *usd > Usd::ZERO)
    .map(|(_, why)| why)
    .collect();
    Some(format!(
        "{} of the cost rests on prices that {}: `plimsoll prices refresh` gets those of today.",
        share(prices.doubtful_usd, cost)?,
        why.join(" or ")
    ))
}

/// What the prices behind the going rate stand on, and how much of it is old; `None` without a price.
pub(super) fn price_qualities(report: &Report) -> Option<String> {
    let prices = &report.price_quality;
    let cost: Usd = prices.by_quality.iter().map(|share| share.usd).sum();
    let of_cost = |usd| share(usd, cost).unwrap_or_else(|| "0%".to_owned());
    let mut said: Vec<String> = prices
        .by_quality
        .iter()
        .map(|share| format!("{} {}", of_cost(share.usd), share.quality.replace('_', " ")))
        .collect();
    if prices.old_usd > Usd::ZERO {
        said.push(format!("{} older than a year", of_cost(prices.old_usd)));
    }
    (!said.is_empty()).then(|| said.join(", "))
}

/// What packing onto EC2 costs, how far that is from its floor, and where it beats Fargate; `None` without a fleet.
pub(super) fn packing(report: &Report) -> Option<String> {
    let fleets = &report.fleets;
    let cost: Usd = fleets.iter().map(|fleet| fleet.figures.modelled_usd).sum();
    let floor: Usd = fleets.iter().map(|fleet| fleet.figures.floor_usd).sum();
    let gap = share(cost - floor, floor).map_or_else(String::new, |gap| format!("{gap} above "));
    (!fleets.is_empty()).then(|| {
        format!(
            "Packed on EC2 as ECS would run it: {} a month, {gap}the floor of {} that no packing can beat; {}.",
            money(cost),
            money(floor),
            against_fargate(fleets),
        )
    })
}

/// One line of the comparison of platforms.
pub(super) struct OnPlatform {
    /// `Fargate`, `CodeBuild` or `packed EC2`.
    pub(super) name: &'static str,
    /// How many of all workloads can run there.
    pub(super) workloads: String,
    /// What these cost today, a month.
    pub(super) today: String,
    /// What they would cost there, a month.
    pub(super) there: String,
    /// The difference.
    pub(super) change: String,
}

/// The three platforms compared, always all three.
pub(super) fn platforms(report: &Report) -> Vec<OnPlatform> {
    Platform::ALL
        .iter()
        .map(|platform| {
            let total = report
                .totals
                .by_platform
                .iter()
                .find(|total| total.platform == *platform && total.workloads > 0);
            total.map_or_else(
                || no_platform(*platform),
                |total| platform_total(total, report),
            )
        })
        .collect()
}

/// One packed fleet in words.
pub(super) struct Fleet {
    /// Account, region and architecture.
    pub(super) name: String,
    /// `4 × m7g.large`.
    pub(super) instances: String,
    /// Cost as ECS would run it, a month.
    pub(super) cost: String,
    /// The least that any packing costs, a month.
    pub(super) floor: String,
    /// How far the cost is above the floor.
    pub(super) gap: String,
    /// The same workloads on Fargate, a month.
    pub(super) fargate: String,
    /// The gap below which packing beats Fargate.
    pub(super) break_even: String,
    /// What fills first.
    pub(super) binds: String,
}

/// A fleet's figures as printed.
pub(super) fn fleet(fleet: &FleetResult) -> Fleet {
    Fleet {
        name: fleet.figures.name(),
        instances: format!(
            "{} × {}",
            count(fleet.figures.peak_instances),
            fleet.instance_type
        ),
        cost: money(fleet.figures.modelled_usd),
        floor: money(fleet.figures.floor_usd),
        gap: percent(fleet.figures.gap_percent),
        fargate: money_or_not(fleet.figures.fargate_usd),
        break_even: fleet
            .figures
            .break_even_gap_percent
            .map_or_else(|| "not known".to_owned(), percent),
        binds: fleet.figures.binds.replace('_', " "),
    }
}

/// The going rate of everything in words, with its ends: what is left out or was not seen can only add to it.
pub(super) fn cost_in_all(report: &Report) -> String {
    let totals = &report.totals;
    let rate = &totals.going_rate;
    let missed = report.coverage.missed_scope_days;
    let whole = totals.not_priced + totals.partly_seen + missed == 0;
    let usd = money(rate.usd);
    match (rate.certainty, rate.lower_usd, rate.upper_usd) {
        (Certainty::Exact, ..) if whole => usd,
        (Certainty::Estimated, ..) if whole => format!("about {usd}"),
        (Certainty::Between, Some(lower), Some(upper)) if whole => {
            format!("about {usd} ({} to {})", money(lower), money(upper))
        }
        (Certainty::AtMost, ..) if whole => format!("at most {usd}"),
        // Some is missing, and of the rest no more than the upper end is known.
        (Certainty::AtMost, ..) => format!("about {usd}"),
        (Certainty::Estimated, ..) => format!("at least about {usd}"),
        (_, Some(lower), _) if lower < rate.usd => {
            format!("about {usd} (at least {})", money(lower))
        }
        _ => format!("at least {usd}"),
    }
}

/// `$410.20 (33%) can be saved`.
fn possible_savings(report: &Report) -> String {
    let savings = report.totals.monthly_savings_usd;
    let share_of = |amount| {
        share(amount, report.totals.going_rate.usd)
            .map_or_else(String::new, |share| format!(" ({share})"))
    };
    match savings.cmp(&Usd::ZERO) {
        std::cmp::Ordering::Greater => {
            format!("{}{} can be saved", money(savings), share_of(savings))
        }
        std::cmp::Ordering::Equal => "nothing to save was found".to_owned(),
        std::cmp::Ordering::Less => {
            let more = Usd::ZERO - savings;
            format!("the safe sizes cost {}{} more", money(more), share_of(more))
        }
    }
}

/// `12 workloads, 7 to resize or move, 2 too small, 3 withheld, all priced`.
fn tally(report: &Report) -> String {
    let totals = &report.totals;
    let some =
        |number: usize, what: &str| (number > 0).then(|| format!("{} {what}", count(number)));
    let parts = [
        Some(plural(totals.workloads, "workload")),
        some(totals.recommendations, "to resize or move"),
        some(totals.findings.underprovisioned, "too small"),
        some(totals.findings.not_enough_data, "withheld"),
        some(totals.partly_seen, "not seen on every day"),
        some(
            report.coverage.missed_scope_days,
            "scope-days that could not be looked at",
        ),
        Some(match totals.not_priced {
            0 => "all priced".to_owned(),
            all if all == totals.workloads => "none priced".to_owned(),
            some => format!("{} not priced", count(some)),
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// In how many fleets packing is cheaper than Fargate.
fn against_fargate(fleets: &[FleetResult]) -> String {
    let compared: Vec<bool> = fleets
        .iter()
        .filter_map(|fleet| Some(fleet.figures.modelled_usd < fleet.figures.fargate_usd?))
        .collect();
    let wins = compared.iter().filter(|wins| **wins).count();
    match compared[..] {
        [] => "no Fargate price to compare with".to_owned(),
        [true] => "cheaper than Fargate".to_owned(),
        [false] => "Fargate costs no more".to_owned(),
        _ => format!(
            "cheaper than Fargate in {} of {}",
            count(wins),
            plural(compared.len(), "fleet")
        ),
    }
}

fn platform_total(total: &PlatformTotal, report: &Report) -> OnPlatform {
    OnPlatform {
        name: platform_name(total.platform),
        workloads: format!(
            "{} of {}",
            count(total.workloads),
            count(report.totals.workloads)
        ),
        today: money(total.current_going_rate_usd),
        there: money(total.going_rate_usd),
        change: change(total.going_rate_usd, total.current_going_rate_usd)
            .unwrap_or_else(|| NOTHING.to_owned()),
    }
}

/// A platform on which no workload can run at a known price.
fn no_platform(platform: Platform) -> OnPlatform {
    let nothing = || NOTHING.to_owned();
    OnPlatform {
        name: platform_name(platform),
        workloads: "none".to_owned(),
        today: nothing(),
        there: NOT_PRICED.to_owned(),
        change: nothing(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::phrases::{monthly_cost, savings};
    use super::super::sample;
    use super::*;
    use crate::report::result::AmountResult;

    fn usd(amount: &str) -> Usd {
        Usd::new(amount.parse().unwrap())
    }

    #[test]
    fn a_total_that_leaves_something_out_is_a_lower_bound() {
        let mut report = sample::report();
        assert!(answer(&report).starts_with(
            "Containers cost at least $1,705.29 a month; $1,114.78 (65%) can be saved"
        ));
        report.totals.not_priced = 0;
        assert!(answer(&report).starts_with("Containers cost $1,705.29 a month;"));
        assert!(answer(&report).ends_with(", all priced."));
    }

    #[test]
    fn what_was_not_seen_on_every_day_costs_at_least_what_was_seen() {
        let mut report = sample::partly_seen();
        report.totals.not_priced = 0;
        assert!(answer(&report).starts_with("Containers cost at least $1,705.29 a month;"));
        assert!(answer(&report).ends_with(", 1 not seen on every day, all priced."));
        let [web, image] = [&report.workloads[0], &report.workloads[1]];
        assert_eq!(
            (monthly_cost(web), savings(web)),
            ("≥$1,441.77".to_owned(), "≥$1,081.33".to_owned())
        );
        assert_eq!(
            (monthly_cost(image), savings(image)),
            ("$84.84".to_owned(), "$42.42".to_owned())
        );
        assert_eq!(
            (
                monthly_cost(&report.workloads[3]),
                monthly_cost(&report.workloads[4])
            ),
            ("~$0.0021".to_owned(), "not priced".to_owned())
        );
    }

    #[test]
    fn without_any_price_no_cost_is_named() {
        let mut report = sample::report();
        report.totals.not_priced = report.totals.workloads;
        assert!(answer(&report).starts_with("What containers cost is not known: 6 workloads"));
        assert!(!answer(&report).contains('$'));
        assert_eq!(
            answer(&sample::empty()),
            "No workload was seen in this window."
        );
    }

    #[test]
    fn safety_that_costs_more_is_not_called_a_saving() {
        let mut report = sample::report();
        report.totals.monthly_savings_usd = usd("-8.97");
        report.totals.savings_steps[0].monthly_savings_usd = usd("-8.97");
        report.totals.savings_steps[1].monthly_savings_usd = Usd::ZERO;
        assert!(answer(&report).contains("; the safe sizes cost $8.97 (0.5%) more: "));
        assert_eq!(
            steps(&report).as_deref(),
            Some("Resizing costs $8.97 more (very low effort).")
        );
        report.totals.monthly_savings_usd = Usd::ZERO;
        assert!(answer(&report).contains("; nothing to save was found: "));
    }

    #[test]
    fn prices_in_doubt_are_named_from_a_hundredth_of_the_cost_on() {
        let mut report = sample::report();
        assert_eq!(doubtful_prices(&report), None);
        let rests = |report: &mut Report, old: &str, contested: &str, doubtful: &str| {
            report.price_quality.old_usd = usd(old);
            report.price_quality.contested_usd = usd(contested);
            report.price_quality.doubtful_usd = usd(doubtful);
            doubtful_prices(report)
        };
        // A hundredth of 1,705.2921 is 17.052921.
        assert_eq!(rests(&mut report, "17.05", "0", "17.05"), None);
        assert_eq!(
            rests(&mut report, "17.06", "0", "17.06").as_deref(),
            Some(
                "1% of the cost rests on prices that are older than a year: `plimsoll prices refresh` gets those of today."
            )
        );
        let both = rests(&mut report, "100", "341.05842", "341.05842").expect("said");
        assert!(
            both.starts_with(
                "20% of the cost rests on prices that are older than a year or sources disagree on:"
            ),
            "{both}"
        );
    }

    #[test]
    fn ways_of_buying_are_one_sentence_and_no_part_of_the_savings() {
        let report = sample::report();
        assert_eq!(
            purchases(&report).as_deref(),
            Some(
                "Bought otherwise, what is left on demand would cost $250.00 less on Spot or $72.09 less with a 1-year Savings Plan \
                 (low effort; a risk or a commitment, not advice)."
            )
        );
        assert!(answer(&report).contains("; $1,114.78 (65%) can be saved"));
        assert_eq!(purchases(&sample::empty()), None);
    }

    #[test]
    fn packing_is_compared_with_its_floor_and_with_fargate() {
        let mut report = sample::report();
        let said = "Packed on EC2 as ECS would run it: $520.00 a month, 12% above the floor of $464.29 that no packing can beat; ";
        assert_eq!(
            packing(&report),
            Some(format!("{said}cheaper than Fargate."))
        );
        report.fleets[0].figures.fargate_usd = None;
        assert_eq!(
            packing(&report),
            Some(format!("{said}no Fargate price to compare with."))
        );
        let fargate = |usd| {
            let mut fleet = report.fleets[0].clone();
            fleet.figures.fargate_usd = Some(usd);
            fleet
        };
        report.fleets = vec![fargate(usd("1")), fargate(usd("9999"))];
        assert!(
            packing(&report)
                .unwrap()
                .ends_with("; cheaper than Fargate in 1 of 2 fleets.")
        );
        assert_eq!(packing(&sample::empty()), None);
    }

    #[test]
    fn a_platform_without_prices_is_listed_and_not_priced() {
        let mut report = sample::report();
        report.totals.by_platform.pop();
        let platforms = platforms(&report);
        assert_eq!(platforms.len(), 3);
        assert_eq!(
            (platforms[0].there.as_str(), platforms[0].change.as_str()),
            ("$590.51", "-65%")
        );
        assert_eq!(
            (platforms[2].name, platforms[2].there.as_str()),
            ("packed EC2", "not priced")
        );
    }

    #[test]
    fn the_first_sentence_carries_the_certainty_of_its_amount() {
        let mut report = sample::report();
        report.totals.not_priced = 0;
        let rate = |certainty| AmountResult {
            certainty,
            lower_usd: Some(usd("100")),
            upper_usd: Some(usd("300")),
            usd: usd("200"),
            lines: Vec::new(),
        };
        for (certainty, whole, in_part) in [
            (
                Certainty::Exact,
                "$200.00",
                "about $200.00 (at least $100.00)",
            ),
            (
                Certainty::Estimated,
                "about $200.00",
                "at least about $200.00",
            ),
            (
                Certainty::AtLeast,
                "about $200.00 (at least $100.00)",
                "about $200.00 (at least $100.00)",
            ),
            (Certainty::AtMost, "at most $200.00", "about $200.00"),
            (
                Certainty::Between,
                "about $200.00 ($100.00 to $300.00)",
                "about $200.00 (at least $100.00)",
            ),
        ] {
            report.totals.going_rate = rate(certainty);
            report.totals.not_priced = 0;
            assert_eq!(cost_in_all(&report), whole);
            report.totals.not_priced = 1;
            assert_eq!(cost_in_all(&report), in_part);
        }
    }
}
