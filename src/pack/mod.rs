//! "What would this cost on EC2?", answered by packing the tasks that really ran at the same time.
//!
//! In: workloads at their requirements with their tasks over time ([`Tenant`]), the instance types on offer
//! ([`InstanceType`]), and the rules of the fleet ([`Rules`]). Out: a [`FleetPlan`]: instances over time, the floor
//! under every fleet, what ECS makes of it, what a good planner reaches, what binds, and each workload's share.

mod attribute;
mod by_left;
mod calendar;
mod chain;
mod coarse;
mod columns;
mod construct;
mod describe;
mod exact;
mod floor;
mod fullest;
mod groups;
mod input;
mod joint;
#[cfg(test)]
mod joint_tests;
mod knapsack;
mod master;
mod multiple;
mod once;
mod packed;
mod plan;
mod planner;
mod problem;
mod result;
mod search;
mod simulate;
mod standing;
#[cfg(test)]
mod tests;
mod timeline;
mod trial;
mod unpackable;
mod verify;
mod zone;

pub(crate) use attribute::{Resources, nine_to_one};
pub use attribute::{SplitCost, capped};
pub use input::{
    AlikeSlots, Effort, InstanceType, Item, Load, Network, Placement, Rules, Step, Tenant,
};
pub use joint::{Candidate, JointPlan, decide};
pub use once::{Alike, Filled, OncePlan, pack_once};
pub use plan::{CheckedFleet, modelled, packable, packed, plan};
pub use problem::fits;
pub use result::{
    Causes, FleetPlan, InstanceSpan, PerResource, Resource, Share, Stranded, TypeUse,
};
pub use standing::{Held, Standing};
pub use timeline::Work;
pub use trial::{Fleeting, Trial, Tried};
pub use unpackable::{Reason, Unpackable};
