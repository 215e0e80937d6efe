//! Single steps of the planning, for what-if questions and for measuring.

use super::floor;
use super::input::{Effort, InstanceType, Network, Placement, Rules};
use super::plan::check;
use super::planner;
use super::problem::Problem;
use super::simulate::simulate;
use super::timeline::{self, Work};
use super::unpackable::Unpackable;
use super::verify::{Fleet, Instance};
use super::zone::Needs;
use crate::model::units::Usd;

/// Tenants ready to be tried on one instance type after another.
pub struct Trial<'a> {
    types: &'a [InstanceType],
    problem: Problem<'a>,
}

/// What came of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tried {
    /// What it costs.
    pub cost: Usd,
    /// Instances started.
    pub starts: usize,
}

impl<'a> Trial<'a> {
    /// Makes the work ready.
    ///
    /// # Errors
    /// As [`super::plan`].
    pub fn new(
        work: &'a Work,
        types: &'a [InstanceType],
        rules: &'a Rules,
    ) -> Result<Self, Unpackable> {
        let problem = Problem::new(work, types, rules)?;
        Ok(Self { types, problem })
    }

    /// Tasks to place.
    pub fn tasks(&self) -> usize {
        self.problem.tasks.len()
    }

    /// The floor, and the part of it that is resources over time alone, USD.
    pub fn floor(&self) -> (f64, f64) {
        let problem = &self.problem;
        let changes = timeline::changes(problem.tasks);
        let with_interfaces = problem.rules.network == Network::Awsvpc;
        let prices = floor::resource_prices(&problem.offers, with_interfaces);
        let boot_ms = problem.rules.boot_ms.into();
        let floor = floor::floor(&problem.items, &changes, &problem.offers, &prices, boot_ms);
        (floor.usd, floor.resources_usd)
    }

    /// Lets ECS run the tenants on instances of the type at `index`; `None` where it does not hold all of them.
    pub fn on_one_type(&self, index: usize, placement: Placement) -> Option<Fleeting> {
        let problem = &self.problem;
        let offer = problem.offers.iter().find(|offer| offer.index == index)?;
        let holds_all = problem.items.iter().all(|&item| offer.capacity.holds(item));
        holds_all.then(|| {
            let needs = Needs::new(&problem.items, &problem.ports);
            let run = simulate(
                problem.tasks,
                &needs,
                offer.capacity,
                problem.rules,
                placement,
                problem.window,
            );
            let instance = |lease| Instance {
                type_index: index,
                lease,
            };
            Fleeting(Fleet {
                instances: run.leases.into_iter().map(instance).collect(),
                instance_of: run.lease_of,
            })
        })
    }

    /// What a good planner makes of it with this effort; `None` where that does not suffice for a plan.
    pub fn planned(&self, effort: Effort) -> Option<Fleeting> {
        let offers = floor::undominated(&self.problem.offers);
        planner::plan(&self.problem, &offers, effort.steps).map(Fleeting)
    }

    /// Checks the fleet and adds up its cost.
    ///
    /// # Errors
    /// Where the fleet breaks a rule of packing.
    pub fn tried(&self, fleet: &Fleeting) -> Result<Tried, Unpackable> {
        check(&self.problem, &fleet.0)?;
        Ok(Tried {
            cost: fleet.0.cost(self.types),
            starts: fleet.0.instances.len(),
        })
    }
}

/// A fleet that was tried and is not yet checked.
pub struct Fleeting(Fleet);
