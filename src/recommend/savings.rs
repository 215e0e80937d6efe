//! The verdict on one workload: finding, recommended placement, and what it saves step by step.

use std::collections::BTreeSet;

use super::placements::{cheapest, resized, size_of};
use super::{Analysis, Case};
use crate::model::units::{TaskSize, Usd};
use crate::model::workload::Platform;
use crate::report::result::{Finding, PlacementResult, ReasonCode, SavingsSteps};
use crate::rightsize::{self, Requirement};

/// What is said of one workload.
pub(super) struct Verdict {
    pub(super) finding: Finding,
    pub(super) reason_codes: Vec<ReasonCode>,
    pub(super) reasons: Vec<String>,
    pub(super) recommended: Option<PlacementResult>,
    pub(super) monthly_savings: Option<Usd>,
    pub(super) steps: SavingsSteps,
}

/// Judges one workload. `fleet_keeps_it`: it belongs on the packed fleet that the others on it make worthwhile.
pub(super) fn verdict(
    analysis: &Analysis<'_>,
    case: &Case<'_>,
    placements: &[PlacementResult],
    fleet_keeps_it: bool,
) -> Verdict {
    let requirement = match &case.requirement {
        Ok(requirement) => requirement,
        Err(reasons) => return withheld(reasons),
    };
    let resized = resized(case, placements);
    let chosen = resized
        .and_then(size)
        .or_else(|| case.need.map(super::Need::size));
    let (finding, codes) = match (case.configuration.size(), chosen) {
        (Some(current), Some(chosen)) => rightsize::assess(current, chosen, requirement),
        _ => (Finding::NotEnoughData, vec![ReasonCode::SizeUnknown]),
    };
    let mut verdict = Verdict {
        finding,
        reason_codes: codes,
        reasons: requirement
            .holds
            .iter()
            .map(|hold| hold.text.clone())
            .chain(requirement.notes.iter().cloned())
            .collect(),
        recommended: None,
        monthly_savings: None,
        steps: SavingsSteps::default(),
    };
    add_codes(&mut verdict, requirement);
    match &case.cost {
        Ok(cost) => recommend(
            analysis,
            case,
            placements,
            resized,
            fleet_keeps_it,
            *cost,
            &mut verdict,
        ),
        Err(reason) => {
            verdict.reason_codes.push(ReasonCode::NotPriced);
            verdict
                .reasons
                .push(format!("no saving can be told: {reason}"));
        }
    }
    verdict
}

fn withheld(reasons: &[rightsize::Reason]) -> Verdict {
    Verdict {
        finding: Finding::NotEnoughData,
        reason_codes: distinct(reasons.iter().map(|reason| reason.code)),
        reasons: reasons.iter().map(|reason| reason.text.clone()).collect(),
        recommended: None,
        monthly_savings: None,
        steps: SavingsSteps::default(),
    }
}

fn add_codes(verdict: &mut Verdict, requirement: &Requirement) {
    let all = verdict
        .reason_codes
        .iter()
        .copied()
        .chain(requirement.holds.iter().map(|hold| hold.code));
    verdict.reason_codes = distinct(all);
}

fn distinct(codes: impl Iterator<Item = ReasonCode>) -> Vec<ReasonCode> {
    codes.collect::<BTreeSet<_>>().into_iter().collect()
}

fn size(placement: &PlacementResult) -> Option<TaskSize> {
    let size = placement.size.as_ref()?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "made from whole CPU units and MiB"
    )]
    Some(TaskSize::new(
        (size.vcpu * 1024.0).round() as u32,
        (size.memory_gib * 1024.0).round() as u32,
    ))
}

/// Right-size first, then move, each step on what the one before left.
fn recommend(
    analysis: &Analysis<'_>,
    case: &Case<'_>,
    placements: &[PlacementResult],
    resized: Option<&PlacementResult>,
    fleet_keeps_it: bool,
    cost: Usd,
    verdict: &mut Verdict,
) {
    let (Some(resized), Some(resized_cost)) =
        (resized, resized.and_then(|placement| placement.cost_usd))
    else {
        verdict.reasons.push(
            "no saving can be told: its present home is not priced at the size needed".to_owned(),
        );
        return;
    };
    verdict.monthly_savings = Some(Usd::ZERO);
    let must_grow = verdict.finding == Finding::Underprovisioned;
    let changes = case.configuration.size() != size(resized);
    let worthwhile = |saved: Usd, of: Usd| {
        saved.as_f64() > 0.0
            && saved.as_f64() >= of.as_f64() * analysis.policy.min_savings_percent / 100.0
    };
    // The mixture of past sizes may have cost more than the present one: only what the change itself brings counts.
    let rightsized = changes && (must_grow || worthwhile(cost - resized_cost, cost));
    let base = if rightsized { resized_cost } else { cost };
    // A fleet's cost is shared: a tenant it keeps moves with the others, however little it saves by itself.
    let moved = if fleet_keeps_it {
        cheapest(case, placements, |platform| platform == Platform::Ec2)
    } else {
        cheapest(case, placements, |platform| {
            platform != Platform::Ec2 && Some(platform) != case.configuration.platform()
        })
        .filter(|placement| {
            placement
                .cost_usd
                .is_some_and(|elsewhere| worthwhile(base - elsewhere, base))
        })
    };
    let final_cost = moved
        .and_then(|placement| placement.cost_usd)
        .unwrap_or(base);
    let month = |amount: Usd| amount.per_month(analysis.window.ms()).unwrap_or_default();
    let total = month(cost) - month(final_cost);
    let rightsize_usd = if rightsized {
        month(cost) - month(resized_cost)
    } else {
        Usd::ZERO
    };
    verdict.steps = SavingsSteps {
        rightsize_usd,
        move_usd: total - rightsize_usd,
    };
    verdict.monthly_savings = Some(total);
    verdict.recommended = moved.or_else(|| rightsized.then_some(resized)).cloned();
    if changes && verdict.recommended.is_none() {
        let to = size(resized)
            .map(|size| size_of(size, None).name)
            .unwrap_or_default();
        verdict.reasons.push(format!(
            "{to} would do, but saves less than {} % of its cost",
            analysis.policy.min_savings_percent
        ));
    }
}
