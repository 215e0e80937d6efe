//! What a cluster could be: fewer of its instances, another instance type, Graviton.
//!
//! Every way is a set of instances that are there all month, on which every task finds room whenever it ran in the
//! window ([`pack::Standing`]): never fewer than what was seen to run at once asks for, as spread over Availability
//! Zones as today, with spare instances where the target capacity asks for them. Tasks are taken as they reserve today,
//! larger where they need more; and, apart from that, as they need. What managed scaling would make of the same types
//! (instances that come and go, as in the modelled fleets) stands beside it, and no saving rests on that.
//!
//! **A saving of a cluster is never part of the savings of workloads**, nor of the headline: it is one of instances,
//! not of any task, and the modelled fleets place the same tasks on other instances. Of the ways of one cluster at most
//! one can be taken. A resize of a task on instances saves nothing by itself, so nothing is counted twice.
//!
//! Not known, and not modelled: placement constraints (`distinctInstance`, `memberOf`) and fixed host ports.
//!
//! A way is only listed where it saves what a move must save (`Policy`), and costs less than the cheapest snapshot of
//! the window: a cluster that comes and goes by itself is not told to stay at its peak.

use super::Ground;
use super::could_be::{CouldBe, Present, Sizes, instances};
use super::occupants::Occupant;
use super::ways::{Tasks, Ways};
use crate::demand::instances::ClusterInstance;
use crate::model::finding::Finding;
use crate::pack::{Held, Item, Network};
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;
use crate::recommend::Assessed;

impl Ground<'_> {
    /// What the cluster could be whose last snapshot this is, and which pays this rate.
    pub(super) fn judge(
        &self,
        region: &str,
        last: &[ClusterInstance],
        rate: &Result<Amount, NotPriced>,
        tenants: &[&Assessed],
    ) -> CouldBe {
        let mut occupants = Vec::new();
        let mut reasons = Vec::new();
        for tenant in tenants {
            match Occupant::of(tenant, self.policy, self.window) {
                Ok(occupant) => occupants.push(occupant),
                Err(reason) => reasons.push(reason),
            }
        }
        if tenants.is_empty() {
            reasons.push("no workload was seen on it".to_owned());
        }
        let present = Present::of(region, last, self);
        match (present, rate) {
            (Ok(present), Ok(rate)) if reasons.is_empty() => self
                .judge_known(&present, rate, &occupants)
                .unwrap_or_else(|reason| CouldBe::not_known(vec![reason])),
            (Err(reason), _) => {
                reasons.push(reason);
                CouldBe::not_known(reasons)
            }
            (Ok(_), rate) => {
                reasons.extend(rate.as_ref().err().map(NotPriced::to_string));
                CouldBe::not_known(reasons)
            }
        }
    }

    /// The same where everything is known.
    ///
    /// # Errors
    /// One sentence: why nothing is said.
    pub(super) fn judge_known(
        &self,
        present: &Present,
        rate: &Amount,
        occupants: &[Occupant],
    ) -> Result<CouldBe, String> {
        let tasks = |of: fn(&Occupant) -> Item| Tasks::new(self, present, occupants, of);
        let reserved = tasks(|occupant| occupant.reserved.clone());
        let Some((network, today)) = self.network(present, &reserved)? else {
            return Err(format!(
                "more ran at once than its {} have room for as tasks are placed here: more were there, or tasks are \
                 placed otherwise",
                instances(present.total())
            ));
        };
        let is_resized = occupants.iter().any(|of| of.needed != of.reserved);
        let needed = tasks(|occupant| occupant.needed.clone()).with(network);
        if is_resized && needed.held(&present.types, &present.counts)?.is_none() {
            return Ok(CouldBe {
                finding: Finding::Underprovisioned,
                reasons: vec![format!(
                    "at the sizes that its tasks need, more run at once than its {} have room for",
                    instances(present.total())
                )],
                ways: Vec::new(),
                advised: None,
            });
        }
        let mut tried = vec![(
            Sizes::Reserved,
            tasks(Occupant::at_least_needed).with(network),
        )];
        if is_resized {
            tried.push((Sizes::Needed, needed));
        }
        let ways = Ways {
            ground: self,
            present,
            rate,
            is_wholly_seen: occupants.iter().all(|occupant| occupant.is_wholly_seen),
            workloads: occupants.len(),
        };
        ways.found(&tried, &today)
    }

    /// The network on which today's instances have room for what ran, and what they had in use: with trunking only where
    /// they have none without, as that is an account setting that must have been asked for.
    fn network(
        &self,
        present: &Present,
        reserved: &Tasks,
    ) -> Result<Option<(Network, Held)>, String> {
        let networks = match self.rules.network {
            Network::BridgeOrHost => [Network::BridgeOrHost].as_slice(),
            _ => &[Network::Awsvpc, Network::AwsvpcTrunking],
        };
        for &network in networks {
            let tasks = reserved.clone().with(network);
            if let Some(held) = tasks.held(&present.types, &present.counts)? {
                return Ok(Some((network, held)));
            }
        }
        Ok(None)
    }
}
