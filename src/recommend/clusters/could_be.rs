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

use std::collections::{BTreeMap, BTreeSet};

use super::Ground;
use super::occupants::Occupant;
use super::ways::{Tasks, Ways};
use crate::demand::instances::ClusterInstance;
use crate::model::finding::Finding;
use crate::model::units::Usd;
use crate::model::workload::Architecture;
use crate::pack::{Held, InstanceType, Item, Network, Resource};
use crate::placement::ec2;
use crate::placement::effort::Effort;
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;
use crate::recommend::Assessed;

/// What is said of a cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct CouldBe {
    /// `Overprovisioned`: instances can go. `Underprovisioned`: at the sizes that they need, its tasks have no room.
    pub finding: Finding,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// What it could be, in the order of effort; at most one of them can be taken.
    pub ways: Vec<Way>,
    /// The place among `ways` of the one that is advised.
    pub advised: Option<usize>,
}

/// One thing that a cluster could be.
#[derive(Debug, Clone, PartialEq)]
pub struct Way {
    /// What changes.
    pub change: Change,
    /// Which sizes its tasks have then.
    pub sizes: Sizes,
    /// The instances that are there all month, by type.
    pub instances: BTreeMap<String, u32>,
    /// What a month of them costs.
    pub cost: Amount,
    /// What that saves of what the cluster costs today.
    pub saves: Amount,
    /// What they have in use when most of it is reserved.
    pub held: Held,
    /// The same types under managed scaling, where that was modelled.
    pub scaled: Option<Scaled>,
    /// What must be true for it; `None` where nothing is asked.
    pub condition: Option<String>,
    /// How much work it is.
    pub effort: Effort,
}

/// Instances that come and go with the tasks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scaled {
    /// Most at one time.
    pub peak_instances: u32,
    /// On the average of the window.
    pub mean_instances: f64,
    /// What a month of them costs.
    pub month: Usd,
}

/// What changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The same types, fewer of them.
    FewerInstances,
    /// Another type of the same architecture.
    OtherInstanceType,
    /// Graviton.
    Arm64,
}

impl Change {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::FewerInstances => "fewer_instances",
            Self::OtherInstanceType => "other_instance_type",
            Self::Arm64 => "arm64",
        }
    }
}

/// Which sizes tasks have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sizes {
    /// What they reserve today, larger where they need more.
    Reserved,
    /// What they need.
    Needed,
}

impl Sizes {
    /// As stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reserved => "reserved",
            Self::Needed => "needed",
        }
    }
}

/// The instances of the last snapshot.
#[derive(Debug, Clone)]
pub(super) struct Present {
    pub(super) region: String,
    /// Dearest first, with what the agents registered.
    pub(super) types: Vec<InstanceType>,
    /// Of each type.
    pub(super) counts: Vec<u32>,
    pub(super) architecture: Architecture,
    /// Over which its instances are spread.
    pub(super) zones: u8,
}

impl CouldBe {
    fn not_known(reasons: Vec<String>) -> Self {
        Self {
            finding: Finding::NotEnoughData,
            reasons,
            ways: Vec::new(),
            advised: None,
        }
    }

    /// The way that is advised.
    pub fn advice(&self) -> Option<&Way> {
        self.ways.get(self.advised?)
    }

    /// What following the advice saves in a month: zero to stay, `None` where that is not known.
    pub fn saves(&self) -> Option<Amount> {
        match self.finding {
            Finding::Optimized => Some(Amount::zero()),
            _ => self.advice().map(|way| way.saves.clone()),
        }
    }
}

impl Way {
    /// What fills first: `cpu`, `memory`, `network_interfaces`, or the `daemons` on every instance.
    pub const fn binds(&self) -> &'static str {
        match self.held.binds {
            _ if self.held.is_mostly_daemons => "daemons",
            Resource::Cpu => "cpu",
            Resource::Memory => "memory",
            Resource::NetworkInterfaces => "network_interfaces",
            Resource::Gpus => "gpus",
        }
    }
}

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

impl Present {
    /// The instances as something to pack on.
    ///
    /// # Errors
    /// One sentence: what is not known of them.
    fn of(region: &str, last: &[ClusterInstance], ground: &Ground<'_>) -> Result<Self, String> {
        let book = ground.prices.book;
        let providers: BTreeSet<_> = last
            .iter()
            .map(|of| of.capacity_provider.as_ref())
            .collect();
        if providers.len() > 1 {
            return Err(format!(
                "its instances belong to {} capacity providers, and which tasks may run on which is not known",
                providers.len()
            ));
        }
        let root = book.root_volume_gib_month(region);
        let root_usd_per_hour = ec2::root_usd_per_hour(root.map_err(|reason| reason.to_string())?);
        let mut by_type: BTreeMap<&str, (InstanceType, u32)> = BTreeMap::new();
        let mut architectures = BTreeSet::new();
        for instance in last {
            let (Some(name), Some(cpu_units), Some(memory_mib)) = (
                instance.instance_type.as_deref(),
                instance.cpu_units,
                instance.memory_mib,
            ) else {
                return Err(
                    "one of its instances does not tell its type, or what it offers".to_owned(),
                );
            };
            let priced = book.instance_type(region, name);
            let priced = priced.map_err(|reason| reason.to_string())?;
            architectures.insert(priced.architecture);
            let (of, count) = by_type.entry(name).or_insert_with(|| {
                let of = InstanceType {
                    root_usd_per_hour,
                    cpu_units,
                    registered_mib: Some(memory_mib),
                    ..ec2::packable(priced)
                };
                (of, 0)
            });
            of.cpu_units = of.cpu_units.min(cpu_units);
            of.registered_mib = of.registered_mib.min(Some(memory_mib));
            *count += 1;
        }
        let [architecture] = architectures.into_iter().collect::<Vec<_>>()[..] else {
            return Err(
                "its instances are of two architectures, and which tasks run on which is not known"
                    .to_owned(),
            );
        };
        let mut types: Vec<(InstanceType, u32)> = by_type.into_values().collect();
        types.sort_by(|(a, _), (b, _)| (b.usd_per_hour, &a.name).cmp(&(a.usd_per_hour, &b.name)));
        let (types, counts) = types.into_iter().unzip();
        Ok(Self {
            region: region.to_owned(),
            types,
            counts,
            architecture,
            zones: zones(last).unwrap_or(ground.rules.availability_zones),
        })
    }

    pub(super) fn total(&self) -> u32 {
        self.counts.iter().sum()
    }
}

/// Over how many Availability Zones instances are spread; `None` where one does not tell.
fn zones(instances: &[ClusterInstance]) -> Option<u8> {
    let zones = instances.iter().map(|of| of.availability_zone.as_deref());
    let zones: BTreeSet<&str> = zones.collect::<Option<_>>()?;
    u8::try_from(zones.len()).ok()
}

/// `1 instance`, `2 instances`.
pub(super) fn instances(count: u32) -> String {
    if count == 1 {
        "1 instance".to_owned()
    } else {
        format!("{count} instances")
    }
}
