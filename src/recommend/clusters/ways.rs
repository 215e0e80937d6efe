//! The ways of a cluster: sets of instances on which all that ran has room, what they save, and which is advised.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::could_be::{Change, CouldBe, Present, Scaled, Sizes, Way, instances};
use super::occupants::Occupant;
use super::{Ground, month_of_types};
use crate::model::finding::Finding;
use crate::model::units::Usd;
use crate::model::workload::Architecture;
use crate::pack::{
    self, Held, InstanceType, Item, Load, Network, Reason, Rules, Standing, Tenant, Unpackable,
    Work,
};
use crate::placement::ec2;
use crate::placement::effort::Effort;
use crate::pricing::cost::Amount;

/// What asking for managed scaling may take for one way.
const SCALING_EFFORT: pack::Effort = pack::Effort::milliseconds(2);
/// So many instance types are tried for a cluster, cheapest first.
const MOST_TYPES: usize = 8;
/// So many numbers of instances are tried of each, from the least that can do.
const MOST_NUMBERS: u32 = 8;
/// No more tasks than this are placed to find another type, but once for two numbers of one type.
const MOST_PLACED: usize = 20_000_000;

/// Why nothing is said of a cluster that was seen with so few instances that it may cost less than what is tried.
const COMES_AND_GOES: &str = "fewer instances would do than the last snapshot shows, but others show so few that it is not \
     known whether that saves anything";

/// The tasks of a cluster at some sizes, ready to be packed.
#[derive(Clone)]
pub(super) struct Tasks {
    at_peak: Work,
    over_time: Work,
    rules: Rules,
}

impl Tasks {
    /// The tasks of these workloads, each `of` what it says.
    pub(super) fn new(
        ground: &Ground<'_>,
        present: &Present,
        occupants: &[Occupant],
        of: fn(&Occupant) -> Item,
    ) -> Self {
        let work = |load: fn(&Occupant) -> &Load| {
            let tenants = occupants.iter().filter(|occupant| !occupant.is_daemon);
            let tenants = tenants.map(|occupant| Tenant {
                item: of(occupant),
                load: load(occupant).clone(),
            });
            Work::new(tenants, ground.window)
        };
        let daemons = occupants.iter().filter(|occupant| occupant.is_daemon);
        Self {
            at_peak: work(|occupant| &occupant.at_peak),
            over_time: work(|occupant| &occupant.over_time),
            rules: Rules {
                daemons: daemons.map(of).collect(),
                availability_zones: present.zones,
                effort: SCALING_EFFORT,
                ..ground.rules.clone()
            },
        }
    }

    /// The same connected otherwise.
    pub(super) fn with(self, network: Network) -> Self {
        Self {
            rules: Rules {
                network,
                ..self.rules
            },
            ..self
        }
    }

    /// What so many of these types have in use; `None` where a task once finds no room.
    ///
    /// # Errors
    /// Why that is not known.
    pub(super) fn held(
        &self,
        types: &[InstanceType],
        counts: &[u32],
    ) -> Result<Option<Held>, String> {
        match self.on(types)? {
            Some(standing) => held(&standing, counts),
            None => Ok(None),
        }
    }

    /// The tasks ready to be tried on these types; `None` where one of them fits none.
    fn on(&self, types: &[InstanceType]) -> Result<Option<Standing<'_>>, String> {
        match Standing::new(&self.at_peak, types, &self.rules) {
            Ok(standing) => Ok(Some(standing)),
            Err(Unpackable {
                reason: Reason::TooLarge | Reason::NoInstanceType,
                ..
            }) => Ok(None),
            Err(unpackable) => Err(unpackable.to_string()),
        }
    }

    /// These types under managed scaling.
    fn scaled(&self, types: &[InstanceType]) -> Option<Scaled> {
        let plan = pack::plan(&self.over_time, types, &self.rules).ok()?;
        let window_ms = self.over_time.window().ms();
        Some(Scaled {
            peak_instances: plan.peak_instances,
            mean_instances: plan.instance_ms as f64 / window_ms as f64,
            month: plan.modelled.per_month(window_ms)?,
        })
    }
}

fn held(standing: &Standing<'_>, counts: &[u32]) -> Result<Option<Held>, String> {
    standing
        .held(counts)
        .map_err(|unpackable| unpackable.to_string())
}

/// Instances that are there all the time, of the types at the same places.
struct Found {
    types: Vec<InstanceType>,
    counts: Vec<u32>,
    held: Held,
}

/// Whether a way is worth a change.
enum Worth {
    Yes(Box<Way>),
    /// It saves less than a change must.
    TooLittle,
    /// It costs more than the cheapest snapshot.
    NotSure,
}

/// What is asked of a cluster about which everything is known.
pub(super) struct Ways<'a> {
    pub(super) ground: &'a Ground<'a>,
    pub(super) present: &'a Present,
    /// What it costs today.
    pub(super) rate: &'a Amount,
    /// Every workload on it was looked at on every day.
    pub(super) is_wholly_seen: bool,
    /// On it.
    pub(super) workloads: usize,
}

impl Ways<'_> {
    /// Everything that the cluster could be with tasks of these sizes; `today` is what it has in use.
    pub(super) fn found(&self, tried: &[(Sizes, Tasks)], today: &Held) -> Result<CouldBe, String> {
        let mut ways: Vec<Way> = Vec::new();
        let (mut too_little, mut not_sure) = (None, false);
        for change in [
            Change::FewerInstances,
            Change::OtherInstanceType,
            Change::Arm64,
        ] {
            let mut least = self.rate.usd;
            for (sizes, tasks) in tried {
                let found = match change {
                    Change::FewerInstances => self.fewer(tasks)?,
                    Change::OtherInstanceType => self.other(tasks, self.present.architecture)?,
                    Change::Arm64 if self.present.architecture == Architecture::Arm64 => None,
                    Change::Arm64 => self.other(tasks, Architecture::Arm64)?,
                };
                let Some(found) = found else { continue };
                let total: u32 = found.counts.iter().sum();
                match self.worth(change, *sizes, &found, tasks)? {
                    // What costs no less than without a resize is no way of its own.
                    Worth::Yes(way) if way.cost.usd < least => {
                        least = way.cost.usd;
                        ways.push(*way);
                    }
                    Worth::TooLittle if change == Change::FewerInstances => {
                        too_little = Some(self.present.total() - total);
                    }
                    Worth::NotSure if change == Change::FewerInstances => not_sure = true,
                    Worth::Yes(_) | Worth::TooLittle | Worth::NotSure => {}
                }
            }
        }
        let advised = ways
            .iter()
            .position(|way| way.change == Change::FewerInstances);
        let (finding, mut reasons) = match advised.map(|at| &ways[at]) {
            Some(way) => (Finding::Overprovisioned, vec![self.can_go(way)]),
            None if not_sure => (Finding::NotEnoughData, vec![COMES_AND_GOES.to_owned()]),
            None => (Finding::Optimized, vec![self.stays(too_little, today)]),
        };
        if !self.is_wholly_seen && !ways.is_empty() {
            reasons.push(
                "not every workload on it was looked at on every day: no more than this is saved"
                    .to_owned(),
            );
        }
        Ok(CouldBe {
            finding,
            reasons,
            ways,
            advised,
        })
    }

    /// The fewest of today's instances on which everything has room, the dearest taken away first; `None` where all are
    /// needed.
    fn fewer(&self, tasks: &Tasks) -> Result<Option<Found>, String> {
        let types = &self.present.types;
        let Some(standing) = tasks.on(types)? else {
            return Ok(None);
        };
        let mut counts = self.present.counts.clone();
        let Some(mut best) = self.held_with_spares(&standing, &counts)? else {
            return Ok(None);
        };
        for at in 0..counts.len() {
            let others = counts.iter().sum::<u32>() - counts[at];
            let mut most = counts[at];
            let mut least = self.least_total().saturating_sub(others).min(most);
            while least < most {
                counts[at] = least.midpoint(most);
                match self.held_with_spares(&standing, &counts)? {
                    Some(held) => (best, most) = (held, counts[at]),
                    None => least = counts[at] + 1,
                }
            }
            counts[at] = most;
        }
        Ok((counts != self.present.counts).then(|| Found {
            types: types.clone(),
            counts,
            held: best,
        }))
    }

    /// The cheapest number of one type of this architecture that is not there today; `None` where that costs no less.
    fn other(&self, tasks: &Tasks, architecture: Architecture) -> Result<Option<Found>, String> {
        let types = self.offered(architecture);
        let Some(standing) = tasks.on(&types)? else {
            return Ok(None);
        };
        let hourly = |of: &InstanceType| of.usd_per_hour().unwrap_or(Decimal::MAX);
        let usd = |at: usize, count: u32| hourly(&types[at]).saturating_mul(Decimal::from(count));
        let least = |at: usize| Some((at, self.with_spares(standing.least(at)?)));
        let mut hopes: Vec<(usize, u32)> = (0..types.len()).filter_map(least).collect();
        hopes.sort_by_key(|&(at, count)| (usd(at, count), at));
        let today = self.present.types.iter().zip(&self.present.counts);
        let mut below: Decimal = today
            .map(|(of, &count)| hourly(of).saturating_mul(Decimal::from(count)))
            .sum();
        let mut best = None;
        let mut trials = (MOST_PLACED / standing.tasks().max(1)).max(2);
        for (at, least) in hopes.into_iter().take(MOST_TYPES) {
            for count in least..least.saturating_add(MOST_NUMBERS) {
                if usd(at, count) >= below || trials == 0 {
                    break;
                }
                trials -= 1;
                let mut counts = vec![0; types.len()];
                counts[at] = count;
                if let Some(held) = self.held_with_spares(&standing, &counts)? {
                    below = usd(at, count);
                    best = Some(Found {
                        types: vec![types[at].clone()],
                        counts: vec![count],
                        held,
                    });
                    break;
                }
            }
        }
        Ok(best)
    }

    /// The priced types of an architecture that are not there today. None of an older generation: vCPU are taken to be
    /// equally quick, and those of old types are not.
    fn offered(&self, architecture: Architecture) -> Vec<InstanceType> {
        let book = self.ground.prices.book;
        let region = &self.present.region;
        let (Ok(root), Ok(types)) = (
            book.root_volume_gib_month(region),
            book.instance_types(region, architecture),
        ) else {
            return Vec::new();
        };
        let there: BTreeSet<&str> = self
            .present
            .types
            .iter()
            .map(|of| of.name.as_str())
            .collect();
        let generation = |name: &&str| book.instance_type(region, name).ok()?.generation();
        let today = there.iter().filter_map(generation).max();
        types
            .iter()
            .filter(|of| !there.contains(of.name.as_str()) && of.generation() >= today)
            .map(|of| InstanceType {
                root_usd_per_hour: ec2::root_usd_per_hour(root),
                ..ec2::packable(of)
            })
            .collect()
    }

    /// No fewer instances than this: as many as there are Availability Zones today.
    fn least_total(&self) -> u32 {
        u32::from(self.present.zones).min(self.present.total())
    }

    /// How many of a hundred instances are not spares.
    fn target_percent(&self) -> u64 {
        self.ground
            .rules
            .target_capacity_percent
            .clamp(1, 100)
            .into()
    }

    /// So many instances with those that are kept as spares.
    fn with_spares(&self, count: u32) -> u32 {
        let count = (u64::from(count) * 100).div_ceil(self.target_percent());
        u32::try_from(count)
            .unwrap_or(u32::MAX)
            .max(self.least_total())
    }

    /// What so many instances have in use of which some are kept as spares; `None` without room.
    fn held_with_spares(
        &self,
        standing: &Standing<'_>,
        counts: &[u32],
    ) -> Result<Option<Held>, String> {
        let percent = self.target_percent();
        let in_use =
            |&count: &u32| u32::try_from(u64::from(count) * percent / 100).unwrap_or(count);
        let usable: Vec<u32> = counts.iter().map(in_use).collect();
        held(standing, &usable)
    }

    fn worth(
        &self,
        change: Change,
        sizes: Sizes,
        found: &Found,
        tasks: &Tasks,
    ) -> Result<Worth, String> {
        let used = || {
            found
                .types
                .iter()
                .zip(&found.counts)
                .filter(|(_, count)| **count > 0)
        };
        let instances: BTreeMap<String, u32> = used()
            .map(|(of, &count)| (of.name.clone(), count))
            .collect();
        let cost = month_of_types(&instances, &self.present.region, self.ground.prices)
            .map_err(|reason| reason.to_string())?;
        let saves = self.saves(&cost);
        if !self.ground.policy.is_worth_a_move(saves.usd, self.rate.usd) {
            return Ok(Worth::TooLittle);
        }
        if cost.usd >= self.rate.low {
            return Ok(Worth::NotSure);
        }
        let types: Vec<InstanceType> = used().map(|(of, _)| of.clone()).collect();
        Ok(Worth::Yes(Box::new(Way {
            change,
            sizes,
            scaled: tasks.scaled(&types),
            held: found.held,
            instances,
            saves,
            cost: Amount {
                estimated: true,
                ..cost
            },
            condition: (change == Change::Arm64).then(|| self.images_for_arm()),
            effort: match change {
                Change::FewerInstances => Effort::VeryLow,
                Change::OtherInstanceType => Effort::Low,
                Change::Arm64 => Effort::High,
            },
        })))
    }

    /// What the cluster saves that costs so much, between what it saves of the cheapest and of the dearest snapshot; of
    /// days that nobody looked at nothing is known, so it may save less then.
    fn saves(&self, cost: &Amount) -> Amount {
        let of = |rate: Usd| (rate - cost.usd).max(Usd::ZERO);
        Amount {
            usd: of(self.rate.usd),
            low: if self.is_wholly_seen {
                of(self.rate.low)
            } else {
                Usd::ZERO
            },
            high: self.rate.high.map(of),
            estimated: true,
            lines: Vec::new(),
        }
    }

    fn images_for_arm(&self) -> String {
        match self.workloads {
            1 => "the images of its workload are built for ARM".to_owned(),
            workloads => format!("the images of its {workloads} workloads are built for ARM"),
        }
    }

    fn can_go(&self, way: &Way) -> String {
        let stay: u32 = way.instances.values().sum();
        let first = match way.sizes {
            Sizes::Reserved => "",
            Sizes::Needed => "after resizing its tasks, ",
        };
        format!(
            "{first}{} of its {} can go: the others hold all that ran at once, {}",
            self.present.total() - stay,
            instances(self.present.total()),
            in_use(&way.held)
        )
    }

    fn stays(&self, too_little: Option<u32>, today: &Held) -> String {
        let (used, policy) = (in_use(today), self.ground.policy);
        match too_little {
            None => format!("no instance can go: all that ran at once takes {used}"),
            Some(fewer) => format!(
                "{} could go, and that saves less than {}% or ${} a month: all that ran at once takes {used}",
                instances(fewer),
                policy.min_savings_percent,
                policy.min_move_savings_usd
            ),
        }
    }
}

/// `58% of CPU, 41% of memory`.
fn in_use(held: &Held) -> String {
    let percent = |share: f64, of: &str| format!("{:.0}% of {of}", share * 100.0);
    let mut said = vec![percent(held.cpu, "CPU"), percent(held.memory, "memory")];
    said.extend(
        held.network_interfaces
            .map(|share| percent(share, "network interfaces")),
    );
    said.join(", ")
}
