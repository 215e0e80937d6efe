//! The phrases that every format for people shares: what is said of a workload, and its cells.
//!
//! Everything here is plain, untrusted text; each format passes it through its own door in [`super::escape`].

use super::amounts::{NOT_PRICED, mib, money, money_or_not, percent, vcpu};
use super::result::{
    AmountResult, Current, PlacementResult, PolicyResult, Report, RiskResult, Size, WorkloadResult,
};
use crate::model::finding::{Finding, ReasonCode};
use crate::model::units::Usd;
use crate::model::workload::{Platform, PurchaseOption};
use crate::placement::effort::{Effort, Step};
use crate::pricing::cost::Certainty;

/// Stands where there is nothing to say.
pub(super) const NOTHING: &str = "–";

/// Marks a lower bound.
pub(super) const AT_LEAST: &str = "≥";

/// The platform's name.
pub(super) const fn platform_name(platform: Platform) -> &'static str {
    match platform {
        Platform::Fargate => "Fargate",
        Platform::Codebuild => "CodeBuild",
        Platform::Ec2 => "packed EC2",
    }
}

/// What runs today: its platform, and its size.
pub(super) fn today(current: &Current) -> (String, String) {
    // Nothing is known of how today's instances are packed.
    let platform = current.platform.map_or("other launch type", |platform| {
        if platform == Platform::Ec2 {
            "EC2"
        } else {
            platform_name(platform)
        }
    });
    let platform = if current.purchase_option == PurchaseOption::OnDemand {
        platform.to_owned()
    } else {
        format!("{platform} {}", purchase_option(current.purchase_option))
    };
    (
        platform,
        current
            .size
            .as_ref()
            .map_or_else(|| "size unknown".to_owned(), size),
    )
}

/// Where to go: platform and size, with whatever else changes. Where there is nowhere: `stay`, or why that is not known.
pub(super) fn advice(workload: &WorkloadResult) -> (String, String) {
    match &workload.recommended {
        Some(placement) => (
            platform_there(placement, &workload.current),
            placement.size.as_ref().map(size).unwrap_or_default(),
        ),
        None if is_withheld(workload) => ("withheld".to_owned(), String::new()),
        None if workload.current.going_rate.is_none() => (NOT_PRICED.to_owned(), String::new()),
        None => ("stay".to_owned(), String::new()),
    }
}

/// What following the advice saves in a month; a dash where there is none to follow.
pub(super) fn savings(workload: &WorkloadResult) -> String {
    if workload.recommended.is_none() {
        return NOTHING.to_owned();
    }
    // More savings than known cannot be promised of what costs more.
    let sure = workload
        .savings_certainty
        .filter(|_| workload.monthly_savings_usd > Some(Usd::ZERO));
    format!(
        "{}{}",
        sure.map_or("", mark),
        money_or_not(workload.monthly_savings_usd)
    )
}

/// `saves $1.00` or `costs $1.00 more`, with the mark of its certainty; `None` without advice, or where it is not known.
pub(super) fn consequence(workload: &WorkloadResult) -> Option<String> {
    workload.recommended.as_ref()?;
    let saved = workload.monthly_savings_usd?;
    Some(if saved < Usd::ZERO {
        effect(saved)
    } else {
        format!("saves {}", savings(workload))
    })
}

/// What a month costs as it runs today, with the mark of its certainty.
pub(super) fn monthly_cost(workload: &WorkloadResult) -> String {
    workload
        .current
        .going_rate
        .as_ref()
        .map_or_else(|| NOT_PRICED.to_owned(), amount)
}

/// An amount with the mark of its certainty; one that lies between two ends by these.
pub(super) fn amount(amount: &AmountResult) -> String {
    match (amount.certainty, amount.lower_usd, amount.upper_usd) {
        // Two ends that read the same say no more than one.
        (Certainty::Between, Some(lower), Some(upper)) if money(lower) != money(upper) => {
            format!("{}–{}", money(lower), money(upper))
        }
        (certainty, ..) => format!("{}{}", mark(certainty), money(amount.usd)),
    }
}

/// The sign before an amount.
pub(super) const fn mark(certainty: Certainty) -> &'static str {
    match certainty {
        Certainty::Exact => "",
        Certainty::Estimated | Certainty::Between => "~",
        Certainty::AtLeast => AT_LEAST,
        Certainty::AtMost => "≤",
    }
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

/// Risk of CPU and memory of the size that is recommended or kept: `1.4 % / 0.3 %`.
pub(super) fn risk(workload: &WorkloadResult) -> String {
    let risk = |risk: &RiskResult| {
        risk.risk_percent
            .map_or_else(|| NOTHING.to_owned(), percent)
    };
    workload.requirement.as_ref().map_or_else(
        || NOTHING.to_owned(),
        |needs| format!("{} / {}", risk(&needs.vcpu_risk), risk(&needs.memory_risk)),
    )
}

/// Where the margins come from.
pub(super) fn margins(policy: &PolicyResult) -> String {
    let fixed = |percent_added: Option<f64>, on: &str| {
        percent_added.map(|added| format!("{on} plus {}", percent(added)))
    };
    let cpu = fixed(
        policy.cpu_headroom_percent,
        &format!("percentile {} of the CPU maxima", policy.cpu_percentile),
    );
    let memory = fixed(policy.memory_headroom_percent, "the memory peak");
    let of = match (&cpu, &memory) {
        (Some(cpu), Some(memory)) => return format!("{cpu}, {memory}"),
        (Some(_), None) => "memory ",
        (None, Some(_)) => "CPU ",
        (None, None) => "",
    };
    let calibrated = format!(
        "{of}a risk of {} of workload-weeks",
        percent(policy.risk_percent)
    );
    let all: Vec<String> = [Some(calibrated), cpu, memory]
        .into_iter()
        .flatten()
        .collect();
    all.join(", ")
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

/// A step as the subject of a sentence.
pub(super) const fn step_name(step: Step) -> &'static str {
    match step {
        Step::Rightsize => "resizing",
        Step::Move => "moving to another platform",
    }
}

/// How much work a step is.
pub(super) fn effort(effort: Effort) -> String {
    effort.as_str().replace('_', " ")
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
pub(super) fn size(size: &Size) -> String {
    let storage = size.ephemeral_gib.filter(|gib| *gib > 0);
    size.name.clone()
        + &storage
            .map(|gib| format!(" + {gib} GiB storage"))
            .unwrap_or_default()
}

/// The platform of a placement, with architecture and purchase option where they differ from today's.
pub(super) fn platform_there(placement: &PlacementResult, current: &Current) -> String {
    let mut said = platform_name(placement.platform).to_owned();
    if current
        .architecture
        .is_some_and(|today| today != placement.architecture)
    {
        said = format!("{said} {}", placement.architecture);
    }
    if placement.purchase_option != current.purchase_option
        || placement.purchase_option != PurchaseOption::OnDemand
    {
        said = format!("{said} {}", purchase_option(placement.purchase_option));
    }
    said
}

/// A purchase option in words.
pub(super) fn purchase_option(option: PurchaseOption) -> String {
    option.as_str().replace('_', " ")
}

/// A reason code in two words.
const fn reason(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::CPUOverprovisioned => "spare CPU",
        ReasonCode::CPUUnderprovisioned => "short of CPU",
        ReasonCode::MemoryOverprovisioned => "spare memory",
        ReasonCode::MemoryUnderprovisioned => "short of memory",
        ReasonCode::NoUtilizationData => "no samples",
        ReasonCode::TooFewDays => "too few days",
        ReasonCode::TooFewSamples => "too few samples",
        ReasonCode::NoFullWeek => "no full week",
        ReasonCode::ResizedRecently => "resized recently",
        ReasonCode::SizeUnknown => "size unknown",
        ReasonCode::SeveralSizes => "several sizes",
        ReasonCode::ImplausibleData => "impossible samples",
        ReasonCode::OutOfMemory => "out-of-memory kill",
        ReasonCode::ContainerOutOfMemory => "container limit too small",
        ReasonCode::CPUCeiling => "CPU at its ceiling",
        ReasonCode::TaskCountFollowsMemory => "task count follows memory",
        ReasonCode::Idle => "idle",
        ReasonCode::TaskCountVaries => "task count follows load",
        ReasonCode::MemoryRising => "memory rising",
        ReasonCode::NotPriced => "not priced",
    }
}

/// True when running time was counted by `SampleCount`.
pub(super) fn is_counted(current: &Current) -> bool {
    current.basis == Some("sample_count")
}

/// `saves $1.00` or `costs $1.00 more`.
pub(super) fn effect(amount: Usd) -> String {
    if amount < Usd::ZERO {
        format!("costs {} more", money(Usd::ZERO - amount))
    } else {
        format!("saves {}", money(amount))
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
    fn a_workload_that_must_grow_costs_more_instead_of_saving_less_than_nothing() {
        let mut web = sample::report().workloads.remove(0);
        assert_eq!(consequence(&web).as_deref(), Some("saves $1,081.33"));
        web.monthly_savings_usd = Some(usd("-9.83"));
        assert_eq!(consequence(&web).as_deref(), Some("costs $9.83 more"));
        web.recommended = None;
        assert_eq!(consequence(&web), None);
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
}
