//! The words that table and Markdown share: the sentences and cells that answer the reader's questions.
//!
//! Everything here is plain, untrusted text; each format passes it through its own door in [`super::escape`].

use super::amounts::{
    NOT_PRICED, change, count, mib, money, money_or_not, percent, plural, share, vcpu,
};
use super::result::{
    Current, Finding, FleetResult, PlacementResult, PlatformTotal, ReasonCode, Report, Size,
    WorkloadResult,
};
use crate::model::units::{MS_PER_HOUR, Usd};
use crate::model::workload::{Platform, PurchaseOption};

/// Stands where there is nothing to say.
pub(super) const NOTHING: &str = "–";

/// Marks a lower bound.
pub(super) const AT_LEAST: &str = "≥";

/// An amount of the report's window as a 730-hour month.
pub(super) fn monthly(amount: Usd, report: &Report) -> Option<Usd> {
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a window of hours is far from the limits; a senseless one saturates"
    )]
    let window_ms = (report.window.hours * MS_PER_HOUR as f64).round() as i64;
    amount.per_month(window_ms)
}

/// The home's name.
pub(super) const fn home(platform: Platform) -> &'static str {
    match platform {
        Platform::Fargate => "Fargate",
        Platform::Codebuild => "CodeBuild",
        Platform::Ec2 => "packed EC2",
    }
}

/// What runs today: its home, and its size.
pub(super) fn today(current: &Current) -> (String, String) {
    // Nothing is known of how today's instances are packed.
    let home = current.platform.map_or("other launch type", |platform| {
        if platform == Platform::Ec2 {
            "EC2"
        } else {
            home(platform)
        }
    });
    let home = if current.purchase_option == PurchaseOption::OnDemand {
        home.to_owned()
    } else {
        format!("{home} {}", current.purchase_option)
    };
    (
        home,
        current
            .size
            .as_ref()
            .map_or_else(|| "size unknown".to_owned(), size),
    )
}

/// Where to move: home and size, with whatever else changes. Where there is nowhere: `stay`, or why that is not known.
pub(super) fn advice(workload: &WorkloadResult) -> (String, String) {
    match &workload.recommended {
        Some(placement) => (
            home_there(placement, &workload.current),
            placement.size.as_ref().map(size).unwrap_or_default(),
        ),
        None if is_withheld(workload) => ("withheld".to_owned(), String::new()),
        None if workload.current.cost_usd.is_none() => (NOT_PRICED.to_owned(), String::new()),
        None => ("stay".to_owned(), String::new()),
    }
}

/// What following the advice saves in a month; a dash where there is none to follow.
pub(super) fn savings(workload: &WorkloadResult) -> String {
    if workload.recommended.is_none() {
        return NOTHING.to_owned();
    }
    let at_least = if is_partly_seen(workload) && workload.monthly_savings_usd > Some(Usd::ZERO) {
        AT_LEAST
    } else {
        ""
    };
    format!("{at_least}{}", money_or_not(workload.monthly_savings_usd))
}

/// Cost of today in a month, with `≥` where not every day was seen, and `~` where the running time was estimated.
pub(super) fn monthly_cost(workload: &WorkloadResult) -> String {
    let current = &workload.current;
    let at_least = if is_partly_seen(workload) {
        AT_LEAST
    } else {
        ""
    };
    let estimated = if is_estimated(current) && current.monthly_cost_usd.is_some() {
        "~"
    } else {
        ""
    };
    format!(
        "{at_least}{estimated}{}",
        money_or_not(current.monthly_cost_usd)
    )
}

/// `0.31 vCPU, 612 MiB`.
pub(super) fn needs(workload: &WorkloadResult) -> String {
    workload.requirement.as_ref().map_or_else(
        || NOTHING.to_owned(),
        |needs| {
            format!(
                "{} vCPU, {} MiB",
                vcpu(needs.vcpu.target),
                mib(needs.memory_mib.target)
            )
        },
    )
}

/// The finding and why: `Overprovisioned: spare CPU, spare memory`.
pub(super) fn finding(workload: &WorkloadResult) -> String {
    let reasons: Vec<&str> = workload
        .reason_codes
        .iter()
        .map(|code| reason(*code))
        .collect();
    let finding = workload.finding.as_str();
    if reasons.is_empty() {
        finding.to_owned()
    } else {
        format!("{finding}: {}", reasons.join(", "))
    }
}

/// True when workloads of more than one account or region are listed, so that each must name its own.
pub(super) fn spans_scopes(report: &Report) -> bool {
    report
        .workloads
        .windows(2)
        .any(|pair| (&pair[0].account, &pair[0].region) != (&pair[1].account, &pair[1].region))
}

/// Account and region.
pub(super) fn scope(workload: &WorkloadResult) -> String {
    format!("{} {}", workload.account, workload.region)
}

/// The workload's name, as its owners say it.
pub(super) fn name(workload: &WorkloadResult) -> String {
    match &workload.cluster {
        Some(cluster) => format!("{cluster}/{}", workload.name),
        None => workload.name.clone(),
    }
}

/// True when the tool will not size the workload.
pub(super) fn is_withheld(workload: &WorkloadResult) -> bool {
    workload.finding == Finding::NotEnoughData
}

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
    let at_least = if totals.not_priced + totals.partly_seen > 0 {
        "at least "
    } else {
        ""
    };
    format!(
        "Containers cost {at_least}{} a month; {}: {}.",
        money(totals.monthly_cost_usd),
        possible_savings(report),
        tally(report)
    )
}

/// How the savings come about; `None` when there are none.
pub(super) fn steps(report: &Report) -> Option<String> {
    let steps = report.totals.savings_steps;
    let said: Vec<String> = [
        ("resizing", steps.rightsize_usd),
        ("moving to another home", steps.move_usd),
    ]
    .into_iter()
    .filter(|(_, amount)| *amount != Usd::ZERO)
    .map(|(step, amount)| format!("{step} {}", effect(amount)))
    .collect();
    (!said.is_empty()).then(|| capitalized(&format!("{}.", said.join(", then "))))
}

/// What packing onto EC2 costs, how far that is from its floor, and where it beats Fargate; `None` without a fleet.
pub(super) fn packing(report: &Report) -> Option<String> {
    let fleets = &report.fleets;
    let cost: Usd = fleets.iter().map(|fleet| fleet.cost_usd).sum();
    let floor: Usd = fleets.iter().map(|fleet| fleet.floor_usd).sum();
    let gap = share(cost - floor, floor).map_or_else(String::new, |gap| format!("{gap} above "));
    (!fleets.is_empty()).then(|| {
        format!(
            "Packed on EC2 as ECS would run it: {} a month, {gap}the floor of {} that no packing can beat; {}.",
            money_or_not(monthly(cost, report)),
            money_or_not(monthly(floor, report)),
            against_fargate(fleets),
        )
    })
}

/// One line of the comparison of homes.
pub(super) struct Home {
    /// `Fargate`, `CodeBuild` or `packed EC2`.
    pub(super) name: &'static str,
    /// How many of all workloads can stand there.
    pub(super) workloads: String,
    /// What these cost today, a month.
    pub(super) today: String,
    /// What they would cost there, a month.
    pub(super) there: String,
    /// The difference.
    pub(super) change: String,
}

/// The three homes compared, always all three.
pub(super) fn homes(report: &Report) -> Vec<Home> {
    Platform::ALL
        .iter()
        .map(|platform| {
            let total = report
                .totals
                .by_platform
                .iter()
                .find(|total| total.platform == *platform && total.workloads > 0);
            total.map_or_else(|| no_home(*platform), |total| home_total(total, report))
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
pub(super) fn fleet(fleet: &FleetResult, report: &Report) -> Fleet {
    Fleet {
        name: format!("{} {} {}", fleet.account, fleet.region, fleet.architecture),
        instances: format!("{} × {}", count(fleet.peak_instances), fleet.instance_type),
        cost: money_or_not(monthly(fleet.cost_usd, report)),
        floor: money_or_not(monthly(fleet.floor_usd, report)),
        gap: percent(fleet.gap_percent),
        fargate: money_or_not(
            fleet
                .fargate_usd
                .and_then(|fargate| monthly(fargate, report)),
        ),
        break_even: fleet
            .break_even_gap_percent
            .map_or_else(|| "not known".to_owned(), percent),
        binds: fleet.binds.replace('_', " "),
    }
}

/// The instant, or only its date at midnight UTC.
pub(super) fn date(instant: &str) -> &str {
    ["T00:00:00Z", "T00:00:00.000Z", "T00:00:00+00:00"]
        .iter()
        .find_map(|midnight| instant.strip_suffix(midnight))
        .unwrap_or(instant)
}

/// The sentence's beginning in upper case.
pub(super) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// The size and the storage billed with it.
fn size(size: &Size) -> String {
    let storage = size.ephemeral_gib.filter(|gib| *gib > 0);
    size.name.clone()
        + &storage
            .map(|gib| format!(" + {gib} GiB storage"))
            .unwrap_or_default()
}

/// The home of a placement, with architecture and purchase option where they differ from today's.
fn home_there(placement: &PlacementResult, current: &Current) -> String {
    let mut said = home(placement.platform).to_owned();
    if current
        .architecture
        .is_some_and(|today| today != placement.architecture)
    {
        said = format!("{said} {}", placement.architecture);
    }
    if placement.purchase_option != current.purchase_option
        || placement.purchase_option != PurchaseOption::OnDemand
    {
        said = format!("{said} {}", placement.purchase_option);
    }
    said
}

/// A reason code in two words.
const fn reason(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::CPUOverprovisioned => "spare CPU",
        ReasonCode::CPUUnderprovisioned => "short of CPU",
        ReasonCode::MemoryOverprovisioned => "spare memory",
        ReasonCode::MemoryUnderprovisioned => "short of memory",
        ReasonCode::NoUtilizationData => "no readings",
        ReasonCode::TooFewDays => "too few days",
        ReasonCode::TooFewSamples => "too few readings",
        ReasonCode::NoFullWeek => "no full week",
        ReasonCode::ResizedRecently => "resized recently",
        ReasonCode::SizeUnknown => "size unknown",
        ReasonCode::ImplausibleData => "impossible readings",
        ReasonCode::OutOfMemory => "killed for want of memory",
        ReasonCode::TaskCountVaries => "task count follows load",
        ReasonCode::MemoryRising => "memory rising",
        ReasonCode::NotPriced => "not priced",
    }
}

/// True when running time was counted by `SampleCount`.
pub(super) fn is_estimated(current: &Current) -> bool {
    current.basis == Some("sample_count")
}

/// True when it has a cost, and was not looked at on every day of the window: it costs at least that.
fn is_partly_seen(workload: &WorkloadResult) -> bool {
    workload.evidence.seen.is_some() && workload.current.cost_usd.is_some()
}

/// `$410.20 (33%) can be saved`.
fn possible_savings(report: &Report) -> String {
    let savings = report.totals.monthly_savings_usd;
    let share_of = |amount| {
        share(amount, report.totals.monthly_cost_usd)
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
    let moves = report
        .workloads
        .iter()
        .filter(|workload| workload.recommended.is_some())
        .count();
    let some =
        |number: usize, what: &str| (number > 0).then(|| format!("{} {what}", count(number)));
    let parts = [
        Some(plural(totals.workloads, "workload")),
        some(moves, "to resize or move"),
        some(totals.findings.underprovisioned, "too small"),
        some(totals.findings.not_enough_data, "withheld"),
        some(totals.partly_seen, "not seen on every day"),
        Some(match totals.not_priced {
            0 => "all priced".to_owned(),
            all if all == totals.workloads => "none priced".to_owned(),
            some => format!("{} not priced", count(some)),
        }),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// `saves $1.00` or `costs $1.00 more`.
fn effect(amount: Usd) -> String {
    if amount < Usd::ZERO {
        format!("costs {} more", money(Usd::ZERO - amount))
    } else {
        format!("saves {}", money(amount))
    }
}

/// In how many fleets packing is cheaper than Fargate.
fn against_fargate(fleets: &[FleetResult]) -> String {
    let compared: Vec<bool> = fleets
        .iter()
        .filter_map(|fleet| Some(fleet.cost_usd < fleet.fargate_usd?))
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

fn home_total(total: &PlatformTotal, report: &Report) -> Home {
    Home {
        name: home(total.platform),
        workloads: format!(
            "{} of {}",
            count(total.workloads),
            count(report.totals.workloads)
        ),
        today: money_or_not(monthly(total.current_cost_usd, report)),
        there: money_or_not(monthly(total.cost_usd, report)),
        change: change(total.cost_usd, total.current_cost_usd)
            .unwrap_or_else(|| NOTHING.to_owned()),
    }
}

/// A home in which no workload can stand at a known price.
fn no_home(platform: Platform) -> Home {
    let nothing = || NOTHING.to_owned();
    Home {
        name: home(platform),
        workloads: "none".to_owned(),
        today: nothing(),
        there: NOT_PRICED.to_owned(),
        change: nothing(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::workload::Architecture;

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
        let (mut counted, mut unpriced) =
            (report.workloads[3].clone(), report.workloads[4].clone());
        (counted.evidence.seen, unpriced.evidence.seen) = (web.evidence.seen, web.evidence.seen);
        assert_eq!(
            (monthly_cost(&counted), monthly_cost(&unpriced)),
            ("≥~$0.0021".to_owned(), "not priced".to_owned())
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
        report.totals.savings_steps.rightsize_usd = usd("-8.97");
        report.totals.savings_steps.move_usd = Usd::ZERO;
        assert!(answer(&report).contains("; the safe sizes cost $8.97 (0.5%) more: "));
        assert_eq!(
            steps(&report).as_deref(),
            Some("Resizing costs $8.97 more.")
        );
        report.totals.monthly_savings_usd = Usd::ZERO;
        assert!(answer(&report).contains("; nothing to save was found: "));
    }

    #[test]
    fn packing_is_compared_with_its_floor_and_with_fargate() {
        let mut report = sample::report();
        let said = "Packed on EC2 as ECS would run it: $520.00 a month, 12% above the floor of $464.29 that no packing can beat; ";
        assert_eq!(
            packing(&report),
            Some(format!("{said}cheaper than Fargate."))
        );
        report.fleets[0].fargate_usd = None;
        assert_eq!(
            packing(&report),
            Some(format!("{said}no Fargate price to compare with."))
        );
        let dear = FleetResult {
            fargate_usd: Some(usd("1")),
            ..report.fleets[0].clone()
        };
        let cheap = FleetResult {
            fargate_usd: Some(usd("9999")),
            ..report.fleets[0].clone()
        };
        report.fleets = vec![dear, cheap];
        assert!(
            packing(&report)
                .unwrap()
                .ends_with("; cheaper than Fargate in 1 of 2 fleets.")
        );
        assert_eq!(packing(&sample::empty()), None);
    }

    #[test]
    fn a_home_without_prices_is_listed_and_not_priced() {
        let mut report = sample::report();
        report.totals.by_platform.pop();
        let homes = homes(&report);
        assert_eq!(homes.len(), 3);
        assert_eq!(
            (homes[0].there.as_str(), homes[0].change.as_str()),
            ("$590.51", "-65%")
        );
        assert_eq!(
            (homes[2].name, homes[2].there.as_str()),
            ("packed EC2", "not priced")
        );
    }

    #[test]
    fn advice_names_whatever_changes_besides_the_size() {
        let mut workload = sample::report().workloads.remove(0);
        let there = workload.recommended.as_mut().unwrap();
        there.architecture = Architecture::Arm64;
        there.purchase_option = PurchaseOption::Spot;
        there.size.as_mut().unwrap().ephemeral_gib = Some(30);
        assert_eq!(
            advice(&workload),
            (
                "Fargate arm64 spot".into(),
                "0.5 vCPU / 1 GiB + 30 GiB storage".into()
            )
        );
    }

    #[test]
    fn savings_are_known_only_where_both_sides_are() {
        let known: Vec<bool> = sample::report()
            .workloads
            .iter()
            .map(|workload| workload.monthly_savings_usd.is_some())
            .collect();
        assert_eq!(
            known,
            [true, true, true, false, false, true],
            "cron is withheld, report is not priced"
        );
        let mut web = sample::report().workloads.remove(0);
        web.monthly_savings_usd = None;
        assert_eq!(savings(&web), "not priced");
    }

    #[test]
    fn accounts_are_named_once_there_are_two() {
        let mut report = sample::report();
        assert!(!spans_scopes(&report));
        report.workloads[1].region = "us-east-1".into();
        assert!(spans_scopes(&report));
        assert_eq!(scope(&report.workloads[1]), "111122223333 us-east-1");
    }

    #[test]
    fn a_senseless_window_gives_no_monthly_amount() {
        let mut report = sample::report();
        for hours in [0.0, -1.0, f64::NAN] {
            report.window.hours = hours;
            assert_eq!(monthly(usd("1"), &report), None);
        }
    }
}
