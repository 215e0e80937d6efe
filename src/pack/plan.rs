//! From the work to the fleet that would do it: searched, checked, measured against the best possible.

use super::describe::Described;
use super::floor;
use super::input::{Effort, InstanceType, Network, Rules};
use super::planner;
use super::problem::Problem;
use super::result::FleetPlan;
use super::search::{self, Found};
use super::timeline::{self, Work};
use super::unpackable::{Reason, Unpackable};
use super::verify::{Fleet, verify};
use crate::model::units::Usd;

/// The fleet of the `types` that does all the `work`.
///
/// Types without a price, or without room for a task beside the operating system, the agent and the daemons, are left out.
///
/// # Errors
/// [`Unpackable`] where a tenant fits no type, nothing ran, or the numbers are beyond what can be followed.
pub fn plan(work: &Work, types: &[InstanceType], rules: &Rules) -> Result<FleetPlan, Unpackable> {
    let problem = Problem::new(work, types, rules)?;
    let found = search::modelled(&problem, rules.effort.steps / 2);
    described(work, types, &problem, &found)
}

/// The tenants that are in the way of any plan, if there are some.
///
/// # Errors
/// As [`plan`].
pub fn packable(work: &Work, types: &[InstanceType], rules: &Rules) -> Result<(), Unpackable> {
    Problem::new(work, types, rules).map(|_| ())
}

/// A fleet that was found, checked, with all that is said of it.
pub(super) fn described(
    work: &Work,
    types: &[InstanceType],
    problem: &Problem<'_>,
    found: &Found,
) -> Result<FleetPlan, Unpackable> {
    let rules = problem.rules;
    let changes = timeline::changes(problem.tasks);
    let prices = floor::resource_prices(&problem.offers, rules.network == Network::Awsvpc);
    let floor = floor::floor(
        &problem.items,
        &changes,
        &problem.offers,
        &prices,
        rules.boot_ms.into(),
    );
    check(problem, &found.fleet)?;
    let modelled = found.fleet.cost(types);
    let achievable = achievable(problem, types)?.map_or(modelled, |usd| usd.min(modelled));
    let without_trunking = without_trunking(work, types, rules);
    Ok(Described {
        types,
        problem,
        found,
        modelled,
    }
    .plan(&floor, achievable, without_trunking))
}

/// What ECS makes of it, for a comparison: the modelled cost alone.
///
/// # Errors
/// As [`plan`].
pub fn modelled(work: &Work, types: &[InstanceType], rules: &Rules) -> Result<Usd, Unpackable> {
    let problem = Problem::new(work, types, rules)?;
    let found = search::modelled(&problem, rules.effort.steps);
    check(&problem, &found.fleet)?;
    Ok(found.fleet.cost(types))
}

/// What a good planner reaches; `None` where the effort allowed does not suffice for a plan.
fn achievable(problem: &Problem<'_>, types: &[InstanceType]) -> Result<Option<Usd>, Unpackable> {
    let Some(fleet) = planner::plan(
        problem,
        &floor::undominated(&problem.offers),
        problem.rules.effort.steps / 10 * 4,
    ) else {
        return Ok(None);
    };
    check(problem, &fleet)?;
    Ok(Some(fleet.cost(types)))
}

pub(super) fn check(problem: &Problem<'_>, fleet: &Fleet) -> Result<(), Unpackable> {
    let capacity = |index| {
        problem
            .offers
            .iter()
            .find(|offer| offer.index == index)
            .map(|offer| offer.capacity)
    };
    verify(
        fleet,
        problem.tasks,
        &problem.items,
        &problem.ports,
        capacity,
    )
    .map_err(|_| Unpackable::because(Reason::CheckFailed))
}

fn without_trunking(work: &Work, types: &[InstanceType], rules: &Rules) -> Option<Usd> {
    if rules.network != Network::AwsvpcTrunking {
        return None;
    }
    let rules = Rules {
        network: Network::Awsvpc,
        effort: Effort {
            steps: rules.effort.steps / 10,
        },
        ..rules.clone()
    };
    modelled(work, types, &rules).ok()
}
