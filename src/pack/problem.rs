//! What is to be packed, as every part of this room takes it.

use std::collections::BTreeMap;

use super::floor::Offer;
use super::input::{Amount, INTERFACES, InstanceType, Item, Network, Rules};
use super::timeline::{Task, Work};
use super::unpackable::{Reason, Unpackable};
use crate::model::units::{TaskSize, Window};

/// Whether a task of this `size`, with a network interface of its own, fits an empty instance of one of the `types`.
pub fn fits(size: TaskSize, types: &[InstanceType], rules: &Rules) -> bool {
    let item = Item::of(size).amount();
    offers(types, rules)
        .iter()
        .any(|offer| offer.capacity.holds(item))
}

/// The types that have a price and room for a task.
pub(super) fn offers(types: &[InstanceType], rules: &Rules) -> Vec<Offer> {
    use rust_decimal::prelude::ToPrimitive;
    let offer = |(index, of): (usize, &InstanceType)| {
        Some(Offer {
            index,
            capacity: of.capacity(rules)?,
            usd_per_hour: of.usd_per_hour()?.to_f64()?,
        })
    };
    types.iter().enumerate().filter_map(offer).collect()
}

/// What is to be packed, as every part of this room takes it.
pub(super) struct Problem<'a> {
    pub(super) rules: &'a Rules,
    pub(super) window: Window,
    /// By tenant.
    pub(super) items: Vec<Amount>,
    /// Ports of the instance as bits, by tenant.
    pub(super) ports: Vec<u64>,
    pub(super) tasks: &'a [Task],
    pub(super) offers: Vec<Offer>,
}

impl<'a> Problem<'a> {
    pub(super) fn new(
        work: &'a Work,
        types: &[InstanceType],
        rules: &'a Rules,
    ) -> Result<Self, Unpackable> {
        let offers = offers(types, rules);
        let needs: Vec<&Item> = work.items.iter().collect();
        let (items, ports) = amounts(&needs, &offers, rules)?;
        let tasks = work.tasks.as_deref();
        let tasks = tasks.ok_or(Unpackable::because(Reason::TooMany))?;
        if tasks.is_empty() {
            return Err(Unpackable::because(Reason::NothingRan));
        }
        Ok(Self {
            rules,
            window: work.window,
            items,
            ports,
            tasks,
            offers,
        })
    }
}

/// What each item takes of an instance, and its ports as bits.
pub(super) fn amounts(
    items: &[&Item],
    offers: &[Offer],
    rules: &Rules,
) -> Result<(Vec<Amount>, Vec<u64>), Unpackable> {
    if offers.is_empty() {
        return Err(Unpackable::because(Reason::NoInstanceType));
    }
    let amounts: Vec<Amount> = items
        .iter()
        .map(|item| amount(item, rules.network))
        .collect();
    let is_too_large = |item: &Amount| !offers.iter().any(|offer| offer.capacity.holds(*item));
    let tenants: Vec<usize> = (0..amounts.len())
        .filter(|&place| is_too_large(&amounts[place]))
        .collect();
    if !tenants.is_empty() {
        let reason = Reason::TooLarge;
        return Err(Unpackable { tenants, reason });
    }
    let ports = port_bits(items).ok_or(Unpackable::because(Reason::TooManyPorts))?;
    Ok((amounts, ports))
}

/// What an item takes of an instance; sharing its network interface, it takes none.
fn amount(item: &Item, network: Network) -> Amount {
    let mut amount = item.amount();
    if network == Network::BridgeOrHost {
        amount.0[INTERFACES] = 0;
    }
    amount
}

/// A bit for every port; `None` beyond 64 of them.
fn port_bits(items: &[&Item]) -> Option<Vec<u64>> {
    let mut known: BTreeMap<u16, u32> = BTreeMap::new();
    let mut bits = Vec::with_capacity(items.len());
    for item in items {
        let mut own = 0_u64;
        for &port in &item.host_ports {
            let next = u32::try_from(known.len()).ok()?;
            own |= 1_u64.checked_shl(*known.entry(port).or_insert(next))?;
        }
        bits.push(own);
    }
    Some(bits)
}
