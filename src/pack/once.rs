//! Packing tasks that are there all at once: the static question.

use std::collections::BTreeMap;

use super::columns::{self, Solved};
use super::construct::{Packing, Snapshot};
use super::floor::undominated;
use super::input::{Amount, InstanceType, Item, Rules};
use super::problem::{amounts, offers};
use super::unpackable::{Reason, Unpackable};
use crate::model::units::Usd;
use rust_decimal::Decimal;

/// Equal tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alike {
    /// What each of them reserves.
    pub item: Item,
    /// How many.
    pub count: u32,
}

/// Instances that hold all tasks at once.
#[derive(Debug, Clone, PartialEq)]
pub struct OncePlan {
    /// Instances that are filled alike.
    pub instances: Vec<Filled>,
    /// What all of them cost, USD per hour.
    pub usd_per_hour: Usd,
    /// No packing costs less, USD per hour.
    pub floor_usd_per_hour: Usd,
}

/// Instances of one type that hold the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filled {
    /// As AWS spells it.
    pub instance_type: String,
    /// How many.
    pub instances: u32,
    /// What each holds: the place of the tasks in the input, and how many.
    pub tasks: Vec<(usize, u32)>,
}

/// Packs tasks that are there all at once.
///
/// # Errors
/// [`Unpackable`] where a task fits no type or there is no task.
pub fn pack_once(
    tasks: &[Alike],
    types: &[InstanceType],
    rules: &Rules,
) -> Result<OncePlan, Unpackable> {
    let offers = undominated(&offers(types, rules));
    let items: Vec<&Item> = tasks.iter().map(|alike| &alike.item).collect();
    let (amounts, ports) = amounts(&items, &offers, rules)?;
    let (snapshot, counts, members) = together(&amounts, &ports, tasks, offers);
    if counts.is_empty() {
        return Err(Unpackable::because(Reason::NothingRan));
    }
    let failed = Unpackable::because(Reason::CheckFailed);
    let solved =
        columns::solve(&snapshot, &counts, rules.effort.steps, rules.seed).ok_or(failed.clone())?;
    if !is_sound(&snapshot, &counts, &solved.packing) {
        return Err(failed);
    }
    Ok(described(&snapshot, &solved, members, types))
}

/// Equal tasks counted together; beside each kind, the tasks it is made of.
type Together = (Snapshot, Vec<u32>, Vec<Vec<(usize, u32)>>);

fn together(
    amounts: &[Amount],
    ports: &[u64],
    tasks: &[Alike],
    offers: Vec<super::floor::Offer>,
) -> Together {
    let mut kinds: BTreeMap<(Amount, u64), Vec<(usize, u32)>> = BTreeMap::new();
    for (place, alike) in tasks
        .iter()
        .enumerate()
        .filter(|(_, alike)| alike.count > 0)
    {
        kinds
            .entry((amounts[place], ports[place]))
            .or_default()
            .push((place, alike.count));
    }
    let count = |members: &Vec<(usize, u32)>| {
        members
            .iter()
            .fold(0, |sum: u32, &(_, count)| sum.saturating_add(count))
    };
    let counts = kinds.values().map(count).collect();
    let (items, ports) = kinds.keys().copied().unzip();
    (
        Snapshot {
            items,
            ports,
            offers,
        },
        counts,
        kinds.into_values().collect(),
    )
}

/// Checks a packing against nothing but the items and the capacities: every item is packed once, no instance is too full.
fn is_sound(snapshot: &Snapshot, counts: &[u32], packing: &Packing) -> bool {
    let mut packed = vec![0_u64; counts.len()];
    for (pattern, times) in packing {
        let mut load = [0_u64; 4];
        let mut ports = 0_u64;
        for &(item, count) in &pattern.counts {
            let (at, count) = (item as usize, u64::from(count));
            packed[at] += count * u64::from(*times);
            for (load, each) in load.iter_mut().zip(snapshot.items[at].0) {
                *load += u64::from(each) * count;
            }
            if snapshot.ports[at] != 0 && (count > 1 || ports & snapshot.ports[at] != 0) {
                return false;
            }
            ports |= snapshot.ports[at];
        }
        let capacity = snapshot.offers[pattern.offer].capacity.0;
        if load
            .iter()
            .zip(capacity)
            .any(|(&load, most)| load > u64::from(most))
        {
            return false;
        }
    }
    packed
        .iter()
        .zip(counts)
        .all(|(&packed, &count)| packed == u64::from(count))
}

fn described(
    snapshot: &Snapshot,
    solved: &Solved,
    members: Vec<Vec<(usize, u32)>>,
    types: &[InstanceType],
) -> OncePlan {
    let mut waiting = members;
    let mut instances = Vec::new();
    let mut cost = Decimal::ZERO;
    for (pattern, times) in &solved.packing {
        let of = &types[snapshot.offers[pattern.offer].index];
        cost += of.usd_per_hour().unwrap_or(Decimal::MAX) * Decimal::from(*times);
        let mut left = *times;
        while left > 0 {
            let (tasks, alike) = dealt(&mut waiting, &pattern.counts, left);
            let instance_type = of.name.clone();
            instances.push(Filled {
                instance_type,
                instances: alike,
                tasks,
            });
            left -= alike;
        }
    }
    let floor = super::describe::down(solved.bound).min(Usd::new(cost));
    OncePlan {
        instances,
        usd_per_hour: Usd::new(cost),
        floor_usd_per_hour: floor,
    }
}

/// Deals members of each kind to instances that are filled alike, as many of these as the first members last for.
fn dealt(
    waiting: &mut [Vec<(usize, u32)>],
    counts: &[(u32, u32)],
    most: u32,
) -> (Vec<(usize, u32)>, u32) {
    let lasts = |&(kind, count): &(u32, u32)| {
        waiting[kind as usize]
            .last()
            .map_or(1, |&(_, left)| left / count)
    };
    let alike = counts.iter().map(lasts).min().unwrap_or(1).clamp(1, most);
    let mut tasks = Vec::new();
    for &(kind, count) in counts {
        let mut need = count * alike;
        while let Some((place, left)) = waiting[kind as usize].last_mut().filter(|_| need > 0) {
            let taken = need.min(*left);
            tasks.push((*place, taken / alike));
            *left -= taken;
            need -= taken;
            if *left == 0 {
                waiting[kind as usize].pop();
            }
        }
    }
    (tasks, alike)
}
