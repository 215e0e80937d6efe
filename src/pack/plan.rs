//! From the work to the fleet that would do it: searched, checked, measured against the best possible.

use super::describe::Described;
use super::floor::{self, Floor};
use super::input::{Effort, InstanceType, Network, Rules};
use super::planner;
use super::problem::Problem;
use super::result::{FleetPlan, Share};
use super::search::{self, Found};
use super::timeline::{self, Work};
use super::unpackable::{Reason, Unpackable};
use super::verify::{Fleet, verify};
use crate::model::units::Usd;
use crate::workers;

/// The fleet of the `types` that does all the `work`.
///
/// Types without a price, or without room for a task beside the operating system, the agent and the daemons, are left out.
///
/// # Errors
/// [`Unpackable`] where a tenant fits no type, nothing ran, or the numbers are beyond what can be followed.
pub fn plan(work: &Work, types: &[InstanceType], rules: &Rules) -> Result<FleetPlan, Unpackable> {
    packed(work, types, rules)?.plan()
}

/// The same fleet, of which a plan tells more than what each tenant pays.
///
/// # Errors
/// As [`plan`].
pub fn packed<'a>(
    work: &'a Work,
    types: &'a [InstanceType],
    rules: &'a Rules,
) -> Result<CheckedFleet<'a>, Unpackable> {
    let problem = Problem::new(work, types, rules)?;
    let found = search::modelled(&problem, rules.effort.steps / 2);
    CheckedFleet::new(work, types, problem, found)
}

/// The tenants that are in the way of any plan, if there are some.
///
/// # Errors
/// As [`plan`].
pub fn packable(work: &Work, types: &[InstanceType], rules: &Rules) -> Result<(), Unpackable> {
    Problem::new(work, types, rules).map(|_| ())
}

/// A fleet that was found and checked, and the floor under it.
pub struct CheckedFleet<'a> {
    work: &'a Work,
    types: &'a [InstanceType],
    problem: Problem<'a>,
    found: Found,
    floor: Floor,
    modelled: Usd,
}

impl<'a> CheckedFleet<'a> {
    pub(super) fn new(
        work: &'a Work,
        types: &'a [InstanceType],
        problem: Problem<'a>,
        found: Found,
    ) -> Result<Self, Unpackable> {
        check(&problem, &found.fleet)?;
        let changes = timeline::changes(problem.tasks);
        let with_interfaces = problem.rules.network == Network::Awsvpc;
        let prices = floor::resource_prices(&problem.offers, with_interfaces);
        let floor = floor::floor(
            &problem.items,
            &changes,
            &problem.offers,
            &prices,
            problem.rules.boot_ms.into(),
        );
        Ok(Self {
            modelled: found.fleet.cost(types),
            work,
            types,
            problem,
            found,
            floor,
        })
    }

    fn described(&self) -> Described<'_> {
        Described {
            types: self.types,
            problem: &self.problem,
            found: &self.found,
            floor: &self.floor,
            modelled: self.modelled,
        }
    }

    /// Each tenant's part, in the order of the tenants.
    pub fn shares(&self) -> Vec<Share> {
        self.described().shares()
    }

    /// All that is said of it.
    ///
    /// # Errors
    /// Where what a good planner reaches does not pass the check.
    pub fn plan(&self) -> Result<FleetPlan, Unpackable> {
        let (without_trunking, achievable) = workers::both(
            || without_trunking(self.work, self.types, self.problem.rules),
            || achievable(&self.problem, self.types),
        );
        let achievable = achievable?.map_or(self.modelled, |usd| usd.min(self.modelled));
        Ok(self.described().plan(achievable, without_trunking))
    }
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
