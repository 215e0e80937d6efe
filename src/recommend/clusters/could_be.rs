//! What is said of a cluster that could be another one, and the instances that it is now.

use std::collections::{BTreeMap, BTreeSet};

use super::Ground;
use crate::demand::instances::ClusterInstance;
use crate::model::finding::Finding;
use crate::model::units::Usd;
use crate::model::workload::Architecture;
use crate::pack::{Held, InstanceType, Resource};
use crate::placement::ec2;
use crate::placement::effort::Effort;
use crate::pricing::cost::Amount;

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
    pub(super) fn not_known(reasons: Vec<String>) -> Self {
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

impl Present {
    /// The instances as something to pack on.
    ///
    /// # Errors
    /// One sentence: what is not known of them.
    pub(super) fn of(
        region: &str,
        last: &[ClusterInstance],
        ground: &Ground<'_>,
    ) -> Result<Self, String> {
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
