//! The advice for one workload: finding, recommended placement, what it saves step by step, and what comes second.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use super::{Assessed, Policy};
use crate::model::finding::{Finding, Reason, ReasonCode};
use crate::model::units::{MS_PER_HOUR, Usd};
use crate::model::workload::{Platform, PurchaseOption};
use crate::placement::Placement;
use crate::placement::effort::{Effort, Step};
use crate::pricing::cost::{Amount, Certainty};
use crate::rightsize;

/// What is said of one workload.
#[derive(Debug, Clone, PartialEq)]
pub struct Advice {
    /// Compute Optimizer's word.
    pub finding: Finding,
    /// Why, for machines.
    pub codes: Vec<ReasonCode>,
    /// Why, one sentence each.
    pub sentences: Vec<String>,
    /// Where to go; `None` to stay, or when withheld.
    pub recommended: Option<Placement>,
    /// The next best placement, and what would have to change for it to win.
    pub second_best: Option<(Placement, String)>,
    /// What following the advice saves in a month; zero to stay, `None` when that is not known.
    pub monthly_savings: Option<(Usd, Certainty)>,
    /// The same by step.
    pub steps: Vec<Saving>,
}

/// What one step saves in a month, on what the steps before it left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saving {
    /// Which step.
    pub step: Step,
    /// How much work it is.
    pub effort: Effort,
    /// What it saves; negative where safety costs more.
    pub monthly: Usd,
}

impl Default for Advice {
    fn default() -> Self {
        Self {
            finding: Finding::NotEnoughData,
            codes: Vec::new(),
            sentences: Vec::new(),
            recommended: None,
            second_best: None,
            monthly_savings: None,
            steps: Vec::new(),
        }
    }
}

/// Feasible and priced ones first, cheapest first; then those without a price; then the infeasible.
pub fn sort(placements: &mut [Placement]) {
    placements.sort_by_key(|placement| {
        (
            Reverse(placement.rate().is_some()),
            placement.rate().map(|rate| rate.usd),
            Reverse(placement.is_feasible()),
        )
    });
}

/// Judges one workload. `fleet_keeps_it`: it belongs on the packed fleet, so that the sum over all workloads is least.
pub fn advise(workload: &Assessed, policy: &Policy, fleet_keeps_it: bool) -> Advice {
    let mut advice = found(workload);
    if workload.requirement.is_ok() {
        match &workload.going_rate {
            Ok(rate) => save(workload, policy, fleet_keeps_it, rate, &mut advice),
            Err(reason) => {
                advice.codes.push(ReasonCode::NotPriced);
                advice
                    .sentences
                    .push(format!("no saving can be told: {reason}"));
            }
        }
    }
    let codes: BTreeSet<ReasonCode> = advice.codes.drain(..).collect();
    advice.codes = codes.into_iter().collect();
    if let Some(seen) = workload
        .demand
        .evidence
        .seen
        .filter(|_| workload.going_rate.is_ok())
    {
        advice.sentences.push(format!(
            "seen on {} of {} days: its cost is at least this",
            seen.seen, seen.of_window
        ));
    }
    let unsized_ms = workload.demand.unsized_ms();
    if unsized_ms > 0 && workload.measured_cost.is_ok() {
        advice.sentences.push(format!(
            "{:.1} task-hours were counted before anything tells how large its tasks were: they are not in its measured cost",
            unsized_ms as f64 / MS_PER_HOUR as f64
        ));
    }
    advice
}

/// The finding with its reasons, whatever is priced.
fn found(workload: &Assessed) -> Advice {
    let requirement = match &workload.requirement {
        Ok(requirement) => requirement,
        Err(reasons) => return withheld(reasons),
    };
    let needed = workload
        .resized
        .as_ref()
        .and_then(|placement| placement.size.as_ref())
        .map(|size| size.task)
        .or_else(|| workload.need.map(crate::placement::Need::size));
    let (finding, codes) = match (workload.configuration.size(), needed) {
        (Some(current), Some(needed)) => rightsize::assess(current, needed, requirement),
        _ => (Finding::NotEnoughData, vec![ReasonCode::SizeUnknown]),
    };
    let holds = requirement.holds.iter();
    Advice {
        finding,
        codes: codes
            .into_iter()
            .chain(holds.clone().map(|hold| hold.code))
            .collect(),
        sentences: holds
            .map(|hold| hold.text.clone())
            .chain(requirement.notes.iter().cloned())
            .collect(),
        ..Advice::default()
    }
}

fn withheld(reasons: &[Reason]) -> Advice {
    Advice {
        codes: reasons.iter().map(|reason| reason.code).collect(),
        sentences: reasons.iter().map(|reason| reason.text.clone()).collect(),
        ..Advice::default()
    }
}

/// Right-size first, then move, each step on what the one before left.
fn save(
    workload: &Assessed,
    policy: &Policy,
    fleet_keeps_it: bool,
    rate: &Amount,
    advice: &mut Advice,
) {
    if workload.configuration.platform() == Some(Platform::Ec2) {
        advice.sentences.push(
            "smaller or moved away it frees room on its cluster's instances; money is saved when an instance goes"
                .to_owned(),
        );
        return;
    }
    let resized = workload.resized.as_ref();
    let Some((resized, resized_rate)) =
        resized.and_then(|placement| Some((placement, placement.rate()?)))
    else {
        advice.sentences.push(
            "no saving can be told: its present platform is not priced at the size needed"
                .to_owned(),
        );
        return;
    };
    if advice.codes.contains(&ReasonCode::Idle) {
        advice.monthly_savings = Some((Usd::ZERO, rate.certainty()));
        return;
    }
    let changes = resized.size.as_ref().map(|size| size.task) != workload.configuration.size();
    let must_grow = advice.finding == Finding::Underprovisioned;
    let is_worth_it = policy.is_worth_a_change(rate.usd - resized_rate.usd, rate.usd);
    // Runs may take longer there: it must be cheaper all the same.
    let is_surely_cheaper = resized.slowest().is_some_and(|slowest| slowest < rate.usd);
    let rightsizes = changes && (must_grow || is_worth_it && is_surely_cheaper);
    let base = if rightsizes {
        resized_rate.usd
    } else {
        rate.usd
    };
    let moved = destination(workload, fleet_keeps_it)
        .filter(|(_, elsewhere)| policy.is_worth_a_move(base - *elsewhere, base))
        .filter(|(placement, _)| placement.slowest().is_some_and(|slowest| slowest < base));
    if rightsizes {
        advice.steps.push(Saving {
            step: Step::Rightsize,
            effort: Effort::VeryLow,
            monthly: rate.usd - resized_rate.usd,
        });
    }
    if let Some((_, elsewhere)) = moved {
        advice.steps.push(Saving {
            step: Step::Move,
            effort: Effort::High,
            monthly: base - elsewhere,
        });
    }
    let total = advice.steps.iter().map(|step| step.monthly).sum();
    advice.recommended = moved
        .map(|(placement, _)| placement)
        .or_else(|| rightsizes.then_some(resized))
        .cloned();
    advice.monthly_savings = Some((total, certainty(rate, advice.recommended.as_ref())));
    if changes && advice.recommended.is_none() {
        let to = resized.size.as_ref().map(|size| size.name.as_str());
        let but = if is_worth_it {
            "its runs may take so much longer there that it saves nothing".to_owned()
        } else {
            format!(
                "saves less than {} % of its cost",
                policy.min_savings_percent
            )
        };
        let to = to.unwrap_or_default();
        advice.sentences.push(format!("{to} would do, but {but}"));
    }
    let final_rate = rate.usd - total;
    advice.second_best = second_best(workload, advice.recommended.as_ref(), final_rate);
}

/// How sure a saving is: as sure as what is paid today, and not surer than how long runs take there.
fn certainty(rate: &Amount, there: Option<&Placement>) -> Certainty {
    let there = there.filter(|there| there.run_time.is_some());
    match there.and_then(Placement::rate) {
        Some(there) => rate.clone().plus(there.clone()).certainty(),
        None => rate.certainty(),
    }
}

/// The platform to move to: the fleet where it is kept there, else the cheapest that asks for no other image and no
/// commitment.
fn destination(workload: &Assessed, fleet_keeps_it: bool) -> Option<(&Placement, Usd)> {
    if fleet_keeps_it && workload.configuration.platform() == Some(Platform::Ec2) {
        return None;
    }
    let wanted = |placement: &&Placement| {
        if fleet_keeps_it {
            placement.platform == Platform::Ec2
        } else {
            placement.platform != Platform::Ec2
                && Some(placement.platform) != workload.configuration.platform()
        }
    };
    cheapest(workload, wanted)
}

/// The cheapest priced placement of the same architecture, on demand.
pub fn cheapest(
    workload: &Assessed,
    wanted: impl Fn(&&Placement) -> bool,
) -> Option<(&Placement, Usd)> {
    let architecture = workload.configuration.architecture_or_default();
    workload
        .placements
        .iter()
        .filter(|placement| {
            placement.architecture == architecture
                && placement.purchase_option == PurchaseOption::OnDemand
        })
        .filter(wanted)
        .filter_map(|placement| Some((placement, placement.rate()?.usd)))
        .min_by_key(|(_, usd)| *usd)
}

/// The cheapest placement that is neither advised nor what runs today, and what it lacks.
fn second_best(
    workload: &Assessed,
    recommended: Option<&Placement>,
    final_rate: Usd,
) -> Option<(Placement, String)> {
    let today = |placement: &Placement| {
        Some(placement.platform) == workload.configuration.platform()
            && placement.architecture == workload.configuration.architecture_or_default()
            && placement.purchase_option == workload.purchase_option
    };
    let is_other = |placement: &&Placement| {
        !today(placement)
            && recommended.is_none_or(|best| {
                (best.platform, best.architecture, best.purchase_option)
                    != (
                        placement.platform,
                        placement.architecture,
                        placement.purchase_option,
                    )
            })
    };
    let (placement, usd) = workload
        .placements
        .iter()
        .filter(is_other)
        .filter_map(|placement| Some((placement, placement.rate()?.usd)))
        .min_by_key(|(_, usd)| *usd)?;
    let wins_if = if usd < final_rate {
        placement.cautions.first().map_or_else(
            || "the saving is worth the move".to_owned(),
            |caution| format!("this is acceptable: {caution}"),
        )
    } else {
        let percent = (1.0 - final_rate.as_f64() / usd.as_f64()) * 100.0;
        format!("it cost {percent:.0} % less")
    };
    Some((placement.clone(), wins_if))
}
