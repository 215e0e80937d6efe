//! What runs on a cluster's instances, as packing takes it, or why that is not known well enough.

use std::collections::BTreeSet;

use crate::demand::Demand;
use crate::model::units::{MS_PER_DAY, SLOT_MS, TaskSize, Window};
use crate::model::workload::{Kind, Platform};
use crate::pack::{Item, Load};
use crate::placement::feasibility::{Demands, is_daemon, obstacles};
use crate::recommend::fleet::{item, load, load_at_peak};
use crate::recommend::{Assessed, Policy};

/// A workload on the instances.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Occupant {
    /// What one of its tasks reserves today.
    pub(super) reserved: Item,
    /// What one of its tasks needs; what it reserves where that is withheld.
    pub(super) needed: Item,
    /// As many tasks as ever ran at once, where only counts are known all through the time counted.
    pub(super) at_peak: Load,
    /// Its tasks over time.
    pub(super) over_time: Load,
    /// It runs once on every instance.
    pub(super) is_daemon: bool,
    /// It was looked at on every day of the window.
    pub(super) is_wholly_seen: bool,
}

impl Occupant {
    /// The workload as packing takes it.
    ///
    /// # Errors
    /// One sentence: what is not known of it.
    pub(super) fn of(workload: &Assessed, policy: &Policy, window: Window) -> Result<Self, String> {
        let demand = &workload.demand;
        let unknown = |what: &str| {
            let key = &demand.workload;
            Err(format!("{} {}: {what}", key.kind.as_str(), key.name))
        };
        let Some(size) = reserved(demand) else {
            return unknown("no source tells what its tasks reserve");
        };
        let is_daemon = is_daemon(&workload.configuration);
        if let Some(obstacle) = obstacle(workload).filter(|_| !is_daemon) {
            return unknown(&obstacle);
        }
        if runs_elsewhere(demand) {
            return unknown("how many of its tasks run on the instances is not known");
        }
        let load_at_peak = load_at_peak(workload);
        if !is_daemon && (demand.runs.only_glimpsed || is_empty(&load_at_peak)) {
            return unknown("no source counts its tasks");
        }
        let days = days_seen(demand, window);
        if !is_daemon && days < policy.rightsize.min_days {
            return unknown(&format!(
                "its tasks were counted on {days} of the {} days that are needed",
                policy.rightsize.min_days
            ));
        }
        let needed = workload.requirement.as_ref().ok();
        let needed = needed.map_or(size, |requirement| requirement.need().size());
        Ok(Self {
            reserved: item(size, &workload.configuration),
            needed: item(needed, &workload.configuration),
            at_peak: load_at_peak,
            over_time: load(workload),
            is_daemon,
            is_wholly_seen: demand.evidence.seen.is_none(),
        })
    }

    /// What one of its tasks reserves today, or needs where that is more.
    pub(super) fn at_least_needed(&self) -> Item {
        Item {
            cpu_units: self.reserved.cpu_units.max(self.needed.cpu_units),
            memory_mib: self.reserved.memory_mib.max(self.needed.memory_mib),
            ..self.reserved.clone()
        }
    }
}

/// The most that a task of it reserves on instances, of each resource; `None` where one of its sizes is not known.
fn reserved(demand: &Demand) -> Option<TaskSize> {
    let mut sizes: BTreeSet<Option<TaskSize>> = super::on_instances(demand)
        .map(|component| component.configuration.size())
        .collect();
    sizes.insert(demand.current_size());
    let sizes: Vec<TaskSize> = sizes.into_iter().collect::<Option<_>>()?;
    Some(TaskSize::new(
        sizes.iter().map(|size| size.cpu_units).max()?,
        sizes.iter().map(|size| size.memory_mib).max()?,
    ))
}

fn obstacle(workload: &Assessed) -> Option<String> {
    let demands = Demands {
        kind: workload.demand.workload.kind,
        configuration: &workload.configuration,
        architecture: workload.configuration.architecture_or_default(),
        longest_ms: workload.demand.runs.longest_ms,
    };
    obstacles(Platform::Ec2, &demands).into_iter().next()
}

fn runs_elsewhere(demand: &Demand) -> bool {
    let components = demand.pace.iter().flat_map(|pace| &pace.components);
    let mut platforms = components.map(|component| component.configuration.platform());
    platforms.any(|platform| platform != Some(Platform::Ec2))
}

const fn is_empty(load: &Load) -> bool {
    match load {
        Load::Runs(runs) => runs.is_empty(),
        Load::Tasks(steps) => steps.is_empty(),
    }
}

/// On how many days its tasks were counted. A service runs all the time: days on which none of its tasks was counted
/// tell nothing, unless it is gone. A job does not: days on which it was looked at count.
fn days_seen(demand: &Demand, window: Window) -> i64 {
    let looked_at = demand.evidence.seen.map(|days| days.seen);
    let looked_at = looked_at.unwrap_or(window.ms() / MS_PER_DAY);
    let mut days: BTreeSet<i64> = BTreeSet::new();
    let mut last_ms = window.from_ms;
    for slot in demand.slots.iter() {
        let from_ms = slot.slot.saturating_mul(SLOT_MS);
        days.insert(from_ms.div_euclid(MS_PER_DAY));
        last_ms = last_ms.max(from_ms);
    }
    let is_gone = last_ms < window.to_ms - MS_PER_DAY;
    if demand.workload.kind != Kind::Service || is_gone {
        return looked_at;
    }
    looked_at.min(i64::try_from(days.len()).unwrap_or(i64::MAX))
}
