//! What is to be packed, on what, and by which rules.

use rust_decimal::Decimal;

use crate::model::units::TaskSize;

/// Prices above this are taken for a mistake; the arithmetic of the floor is safe up to here.
const MAX_USD_PER_HOUR: Decimal = Decimal::from_parts(1_000_000, 0, 0, false, 0);

/// What one task reserves.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Item {
    /// CPU units; 1,024 make one vCPU.
    pub cpu_units: u32,
    /// Memory, MiB.
    pub memory_mib: u32,
    /// Network interfaces of its own: 1 in mode `awsvpc`, 0 in `bridge` and `host`.
    pub interfaces: u32,
    /// GPUs.
    pub gpus: u32,
    /// Ports of the instance that it takes for itself; two tasks with the same one never share an instance.
    pub host_ports: Vec<u16>,
}

impl Item {
    /// A task of this `size` with one network interface of its own.
    pub const fn of(size: TaskSize) -> Self {
        Self {
            cpu_units: size.cpu_units,
            memory_mib: size.memory_mib,
            interfaces: 1,
            gpus: 0,
            host_ports: Vec::new(),
        }
    }

    /// Its processor and memory.
    pub const fn size(&self) -> TaskSize {
        TaskSize::new(self.cpu_units, self.memory_mib)
    }

    pub(super) const fn amount(&self) -> Amount {
        Amount([self.cpu_units, self.memory_mib, self.interfaces, self.gpus])
    }
}

/// A span of time in which some tasks ran, UTC epoch milliseconds, half-open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// First millisecond inside.
    pub from_ms: i64,
    /// First millisecond after.
    pub to_ms: i64,
    /// Tasks running all the while.
    pub tasks: u32,
}

/// When the tasks of a tenant ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Load {
    /// Each run from start to stop `[start_ms, stop_ms)`; a run stays where it started.
    Runs(Vec<(i64, i64)>),
    /// Running tasks over time, in order of time, without overlaps. The task started last is stopped first.
    Tasks(Vec<Step>),
}

impl Load {
    /// The load of slots in order of time. Tasks that did not run all through a slot are taken to have run together: at
    /// its beginning where as many ran when the slot before ended, else at its end. So both the peak and the time are
    /// kept, and a run that crosses from one slot into the next stays one run. A peak below the mean contradicts
    /// itself; the mean is then believed.
    pub fn of_slots(slot_ms: i64, slots: impl IntoIterator<Item = AlikeSlots>) -> Self {
        let slot_ms = slot_ms.max(1);
        let mut steps: Vec<Step> = Vec::new();
        for alike in slots {
            let task_ms = alike.task_ms.max(0);
            let tasks = task_ms / slot_ms;
            if task_ms % slot_ms == 0 && tasks >= i64::from(alike.peak) {
                let all_ms = slot_ms.saturating_mul(alike.slots.into());
                let step = Step {
                    from_ms: alike.from_ms,
                    to_ms: alike.from_ms.saturating_add(all_ms),
                    tasks: whole(tasks),
                };
                add_step(&mut steps, step);
                continue;
            }
            for at in 0..i64::from(alike.slots) {
                let from_ms = alike.from_ms.saturating_add(at.saturating_mul(slot_ms));
                let before = steps.last().filter(|last| last.to_ms == from_ms);
                let running = before.map_or(0, |last| last.tasks);
                for step in steps_of_slot(from_ms, slot_ms, (alike.peak, task_ms), running) {
                    add_step(&mut steps, step);
                }
            }
        }
        steps.retain(|step| step.tasks > 0);
        Self::Tasks(steps)
    }
}

/// Slots one after the other that differ in nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AlikeSlots {
    /// Beginning of the first one.
    pub from_ms: i64,
    /// How many they are.
    pub slots: u32,
    /// Most tasks at one time.
    pub peak: u32,
    /// Milliseconds that tasks ran in each of them, together.
    pub task_ms: i64,
}

/// Goes on with the last step where nothing changes.
fn add_step(steps: &mut Vec<Step>, step: Step) {
    match steps.last_mut() {
        Some(last) if last.to_ms == step.from_ms && last.tasks == step.tasks => {
            last.to_ms = step.to_ms;
        }
        _ => steps.push(step),
    }
}

fn whole(tasks: i64) -> u32 {
    u32::try_from(tasks).unwrap_or(u32::MAX)
}

fn steps_of_slot(
    from_ms: i64,
    slot_ms: i64,
    (peak, task_ms): (u32, i64),
    running: u32,
) -> impl Iterator<Item = Step> {
    let (mut steady, mut rest_ms) = (task_ms / slot_ms, task_ms % slot_ms);
    if rest_ms == 0 && i64::from(peak) > steady && steady > 0 {
        (steady, rest_ms) = (steady - 1, slot_ms);
    }
    let more = (i64::from(peak) - steady)
        .max(i64::from(rest_ms > 0))
        .max(0);
    let together_ms = rest_ms.checked_div(more).map_or(0, |ms| ms.max(1));
    let (steady, all) = (whole(steady), whole(steady + more));
    let (first, then, first_ms) = if running >= all {
        (all, steady, together_ms)
    } else {
        (steady, all, slot_ms - together_ms)
    };
    let until_ms = from_ms.saturating_add(first_ms);
    let step = |from_ms, to_ms, tasks| Step {
        from_ms,
        to_ms,
        tasks,
    };
    let to_ms = from_ms.saturating_add(slot_ms);
    [step(from_ms, until_ms, first), step(until_ms, to_ms, then)]
        .into_iter()
        .filter(|step| step.from_ms < step.to_ms)
}

/// One workload on the fleet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// What one of its tasks reserves.
    pub item: Item,
    /// When its tasks ran.
    pub load: Load,
}

/// An EC2 instance type with its price.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct InstanceType {
    /// As AWS spells it: `m6i.large`.
    pub name: String,
    /// CPU units; 1,024 make one vCPU.
    pub cpu_units: u32,
    /// Memory as advertised, MiB.
    pub memory_mib: u32,
    /// Memory that the agent was seen to register, MiB, where that is known; taken as it is.
    pub registered_mib: Option<u32>,
    /// GPUs.
    pub gpus: u32,
    /// Tasks in mode `awsvpc` that it takes without trunking: interfaces − 1.
    pub task_slots: u32,
    /// Tasks in mode `awsvpc` that it takes with trunking; as without it where the type does not support it.
    pub task_slots_trunking: u32,
    /// Price of the instance, USD per hour.
    pub usd_per_hour: Decimal,
    /// Price of its root volume, USD per hour.
    pub root_usd_per_hour: Decimal,
    /// Fee of ECS Managed Instances, USD per hour; zero on instances of one's own.
    pub fee_usd_per_hour: Decimal,
}

impl InstanceType {
    /// All that an hour of it costs; `None` without a price or beyond any real one.
    pub fn usd_per_hour(&self) -> Option<Decimal> {
        let whole = self
            .usd_per_hour
            .checked_add(self.root_usd_per_hour)?
            .checked_add(self.fee_usd_per_hour)?;
        let has_price = self.usd_per_hour > Decimal::ZERO
            && self.root_usd_per_hour >= Decimal::ZERO
            && self.fee_usd_per_hour >= Decimal::ZERO;
        (has_price && whole <= MAX_USD_PER_HOUR).then_some(whole)
    }

    /// What it leaves for tasks beside the operating system, the agent and the daemons; `None` where that is nothing.
    pub(super) fn capacity(&self, rules: &Rules) -> Option<Amount> {
        let interfaces = match rules.network {
            Network::AwsvpcTrunking => self.task_slots_trunking.max(self.task_slots),
            Network::Awsvpc => self.task_slots,
            Network::BridgeOrHost => u32::MAX,
        };
        let whole = Amount([
            self.cpu_units,
            self.registered_mib
                .unwrap_or_else(|| rules.usable_mib(self.memory_mib)),
            interfaces,
            self.gpus,
        ]);
        let left = rules
            .daemons
            .iter()
            .try_fold(whole, |left, daemon| left.checked_sub(daemon.amount()))?;
        let [cpu, memory, interfaces, _] = left.0;
        (cpu > 0 && memory > 0 && interfaces > 0).then_some(left)
    }
}

/// How tasks are connected, which decides how many fit on an instance.
///
/// Source: Amazon ECS developer guide, "Elastic network interface trunking", read 2026-11.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Network {
    /// `awsvpc` with the account setting `awsvpcTrunking`: the branch interfaces of the instance type.
    #[default]
    AwsvpcTrunking,
    /// `awsvpc` without trunking: the instance's interfaces less its own.
    Awsvpc,
    /// `bridge` or `host`: tasks share the interface of the instance.
    BridgeOrHost,
}

impl Network {
    /// As printed and as given on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AwsvpcTrunking => "awsvpc-trunking",
            Self::Awsvpc => "awsvpc",
            Self::BridgeOrHost => "bridge",
        }
    }
}

/// How a fleet is run.
///
/// Source: Amazon ECS developer guide, "Container Instance Memory Management" and "Cluster auto scaling", 2023-06:
/// scale-in needs 15 one-minute datapoints, and a cluster without instances starts with two.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// How tasks are connected.
    pub network: Network,
    /// From launch until the first task can start, milliseconds.
    pub boot_ms: u32,
    /// From the last need of an instance until it is terminated, milliseconds.
    pub scale_in_ms: u32,
    /// Instances that a cluster without any starts with; 0 counts as 1.
    pub from_zero: u32,
    /// Zones over which tasks are spread where there is room; 0 counts as 1.
    pub availability_zones: u8,
    /// Share of the instances that may be in use before more are started, percent: `targetCapacity`. 1 to 100.
    pub target_capacity_percent: u8,
    /// Advertised memory that the operating system keeps, per mille.
    pub os_memory_permille: u32,
    /// Memory kept for the operating system and the agent beside that, MiB.
    pub agent_memory_mib: u32,
    /// What runs on every instance.
    pub daemons: Vec<Item>,
    /// How much is searched.
    pub effort: Effort,
    /// Seed of the searches; the same seed gives the same fleet.
    pub seed: u64,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            network: Network::default(),
            boot_ms: 120_000,
            scale_in_ms: 900_000,
            from_zero: 2,
            availability_zones: 2,
            target_capacity_percent: 100,
            os_memory_permille: 40,
            agent_memory_mib: 256,
            daemons: Vec::new(),
            effort: Effort::default(),
            seed: 0,
        }
    }
}

impl Rules {
    /// What is left for tasks of `memory_mib` as advertised: less 256 MiB and 4 %, which covers what the operating
    /// system of nearly every current type keeps.
    fn usable_mib(&self, memory_mib: u32) -> u32 {
        let kept_permille = 1000_u64.saturating_sub(self.os_memory_permille.into());
        let left = u64::from(memory_mib) * kept_permille / 1000;
        left.saturating_sub(self.agent_memory_mib.into())
            .try_into()
            .unwrap_or(u32::MAX)
    }
}

/// How ECS chooses among instances that have room.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// The first in the order in which they were started.
    FirstFit,
    /// `binpack` on `cpu`: the least processor left.
    BinpackCpu,
    /// `binpack` on `memory`: the least memory left.
    BinpackMemory,
}

/// How much a search may do, in steps of a few nanoseconds each. Counting steps instead of watching a clock gives
/// the same answer on every machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Effort {
    /// Steps.
    pub steps: u64,
}

impl Effort {
    /// Steps that one core does in a second, at least.
    const STEPS_PER_SECOND: u64 = 250_000_000;

    /// What one core does in about this time.
    pub const fn milliseconds(ms: u64) -> Self {
        Self {
            steps: ms.saturating_mul(Self::STEPS_PER_SECOND / 1000),
        }
    }
}

impl Default for Effort {
    fn default() -> Self {
        Self::milliseconds(500)
    }
}

/// Resources in a vector: CPU units, MiB, network interfaces, GPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub(super) struct Amount(pub(super) [u32; 4]);

/// Places in an [`Amount`].
pub(super) const CPU: usize = 0;
pub(super) const MEMORY: usize = 1;
pub(super) const INTERFACES: usize = 2;
pub(super) const GPUS: usize = 3;

impl Amount {
    pub(super) fn holds(self, other: Self) -> bool {
        self.0.iter().zip(other.0).all(|(&own, other)| own >= other)
    }

    pub(super) fn checked_sub(self, other: Self) -> Option<Self> {
        let mut left = self;
        for (own, other) in left.0.iter_mut().zip(other.0) {
            *own = own.checked_sub(other)?;
        }
        Some(left)
    }

    /// How many of `each` fit; `u32::MAX` where there is no end to it.
    pub(super) fn fit(self, each: Self) -> u32 {
        let most = self
            .0
            .iter()
            .zip(each.0)
            .filter_map(|(own, each)| own.checked_div(each));
        most.min().unwrap_or(u32::MAX)
    }
}
