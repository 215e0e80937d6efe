//! Items that are there all at once, patterns of what one instance holds, and quick ways to pack.

use super::floor::Offer;
use super::input::{Amount, GPUS};

/// Equal items, counted.
#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) items: Vec<Amount>,
    /// Ports of the instance as bits.
    pub(super) ports: Vec<u64>,
    /// The types on offer, none of which another one dominates.
    pub(super) offers: Vec<Offer>,
}

/// What one instance of a type holds: how many of which item, by item, ascending; never zero of one.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern {
    /// Place in [`Snapshot::offers`].
    pub(super) offer: usize,
    pub(super) counts: Vec<(u32, u32)>,
    pub(super) usd: f64,
}

impl Pattern {
    /// What it holds at these values.
    pub(super) fn worth(&self, values: &[f64]) -> f64 {
        self.counts
            .iter()
            .map(|&(item, count)| values[item as usize] * f64::from(count))
            .sum()
    }
}

/// A packing: patterns and how often each is used.
pub(super) type Packing = Vec<(Pattern, u32)>;

pub(super) fn usd(packing: &[(Pattern, u32)]) -> f64 {
    packing
        .iter()
        .map(|(pattern, times)| pattern.usd * f64::from(*times))
        .sum()
}

/// An instance being filled.
#[derive(Debug, Clone)]
pub(super) struct Bin {
    free: Amount,
    ports: u64,
    counts: Vec<(u32, u32)>,
}

impl Bin {
    pub(super) fn new(capacity: Amount) -> Self {
        Self {
            free: capacity,
            ports: 0,
            counts: Vec::new(),
        }
    }

    /// What it holds at these values.
    pub(super) fn worth(&self, values: &[f64]) -> f64 {
        self.counts
            .iter()
            .map(|&(item, count)| values[item as usize] * f64::from(count))
            .sum()
    }

    /// How many more of this item fit, up to `most`.
    pub(super) fn room(&self, snapshot: &Snapshot, item: usize, most: u32) -> u32 {
        let ports = snapshot.ports[item];
        let by_ports = if ports == 0 {
            u32::MAX
        } else {
            u32::from(ports & self.ports == 0)
        };
        self.free.fit(snapshot.items[item]).min(by_ports).min(most)
    }

    /// Puts in items for which there is room.
    pub(super) fn put(&mut self, snapshot: &Snapshot, item: usize, count: u32) {
        for (free, each) in self.free.0.iter_mut().zip(snapshot.items[item].0) {
            *free -= each * count;
        }
        self.ports |= snapshot.ports[item];
        let id = u32::try_from(item).unwrap_or(u32::MAX);
        match self.counts.binary_search_by_key(&id, |&(item, _)| item) {
            Ok(at) => self.counts[at].1 += count,
            Err(at) => self.counts.insert(at, (id, count)),
        }
    }
}

impl Snapshot {
    /// The same content on the cheapest type that holds it.
    pub(super) fn cheapest(&self, counts: Vec<(u32, u32)>) -> Option<Pattern> {
        let mut load = [0_u64; 4];
        for &(item, count) in &counts {
            for (load, each) in load.iter_mut().zip(self.items[item as usize].0) {
                *load += u64::from(each) * u64::from(count);
            }
        }
        let holds = |offer: &Offer| {
            offer
                .capacity
                .0
                .iter()
                .zip(load)
                .all(|(&own, load)| u64::from(own) >= load)
        };
        let fitting = self
            .offers
            .iter()
            .enumerate()
            .filter(|(_, offer)| holds(offer));
        let (offer, chosen) =
            fitting.min_by(|(_, a), (_, b)| a.usd_per_hour.total_cmp(&b.usd_per_hour))?;
        Some(Pattern {
            offer,
            counts,
            usd: chosen.usd_per_hour,
        })
    }

    /// A bin as a pattern of the cheapest type that holds its content; its own type where none is cheaper.
    pub(super) fn close(&self, bin: Bin) -> Option<Pattern> {
        if bin.counts.is_empty() {
            None
        } else {
            self.cheapest(bin.counts)
        }
    }

    /// One pattern per item that holds nothing else: as many as fit the type on which one of them costs least.
    pub(super) fn single(&self, item: usize, count: u32) -> Option<Pattern> {
        let fill = |(place, offer): (usize, &Offer)| {
            let held = Bin::new(offer.capacity).room(self, item, count);
            (held > 0).then(|| (offer.usd_per_hour / f64::from(held), place, held))
        };
        let filled = self.offers.iter().enumerate().filter_map(fill);
        let (_, offer, held) = filled.min_by(|a, b| a.0.total_cmp(&b.0))?;
        Some(Pattern {
            offer,
            counts: vec![(u32::try_from(item).ok()?, held)],
            usd: self.offers[offer].usd_per_hour,
        })
    }

    /// Fills an instance of a type in the given order of items.
    pub(super) fn filled(&self, offer: usize, order: &[usize], left: &[u32]) -> Bin {
        let mut bin = Bin::new(self.offers[offer].capacity);
        for &item in order {
            let count = bin.room(self, item, left[item]);
            if count > 0 {
                bin.put(self, item, count);
            }
        }
        bin
    }

    /// Fills an instance item by item, each time with the one that goes best with what is left of the instance:
    /// the greatest product of item and room, each resource weighed by how scarce it is.
    pub(super) fn filled_by_product(&self, offer: usize, left: &[u32], scarce: [f64; 4]) -> Bin {
        let capacity = self.offers[offer]
            .capacity
            .0
            .map(|amount| f64::from(amount.max(1)));
        let mut bin = Bin::new(self.offers[offer].capacity);
        let mut left = left.to_vec();
        loop {
            let mut best = None;
            let mut most = -1.0;
            for (item, amount) in self.items.iter().enumerate() {
                if left[item] == 0 || bin.room(self, item, 1) == 0 {
                    continue;
                }
                let product: f64 = (0..4)
                    .map(|at| {
                        scarce[at] * f64::from(amount.0[at]) * f64::from(bin.free.0[at])
                            / (capacity[at] * capacity[at])
                    })
                    .sum();
                if product > most {
                    (best, most) = (Some(item), product);
                }
            }
            let Some(item) = best else { return bin };
            bin.put(self, item, 1);
            left[item] -= 1;
        }
    }

    /// Bin by bin, each of the type that is cheapest for its content, as long as items are left.
    pub(super) fn bin_by_bin(&self, counts: &[u32]) -> Option<Packing> {
        let mut left = counts.to_vec();
        let mut packing: Packing = Vec::new();
        while left.iter().any(|&count| count > 0) {
            let scarce = self.scarcity(&left);
            let mut best: Option<(f64, Pattern)> = None;
            for offer in 0..self.offers.len() {
                let bin = self.filled_by_product(offer, &left, scarce);
                let Some(pattern) = self.close(bin) else {
                    continue;
                };
                let size: f64 = pattern
                    .counts
                    .iter()
                    .map(|&(item, count)| self.volume(item as usize, scarce) * f64::from(count))
                    .sum();
                let each = pattern.usd / size;
                if best.as_ref().is_none_or(|(least, _)| each < *least) {
                    best = Some((each, pattern));
                }
            }
            let (_, pattern) = best?;
            take(&mut left, &mut packing, pattern);
        }
        Some(packing)
    }

    /// First fit, largest first, on one type; then every instance becomes the cheapest type that holds its content.
    pub(super) fn first_fit_decreasing(&self, offer: usize, counts: &[u32]) -> Option<Packing> {
        let capacity = self.offers[offer].capacity;
        let share = |item: &usize| {
            let parts = self.items[*item].0.iter().zip(capacity.0);
            parts
                .map(|(&own, most)| f64::from(own) / f64::from(most.max(1)))
                .fold(0.0, f64::max)
        };
        let mut order: Vec<usize> = (0..counts.len()).filter(|&item| counts[item] > 0).collect();
        order.sort_by(|a, b| share(b).total_cmp(&share(a)));
        let mut left = counts.to_vec();
        let mut packing: Packing = Vec::new();
        while left.iter().any(|&count| count > 0) {
            let pattern = self.close(self.filled(offer, &order, &left))?;
            take(&mut left, &mut packing, pattern);
        }
        Some(packing)
    }

    /// What is left of each resource, in parts of the mean instance.
    fn scarcity(&self, left: &[u32]) -> [f64; 4] {
        let mut demand = [0.0; 4];
        for (item, &count) in left.iter().enumerate() {
            for (demand, each) in demand.iter_mut().zip(self.items[item].0) {
                *demand += f64::from(each) * f64::from(count);
            }
        }
        let mut capacity = [0.0; 4];
        for offer in &self.offers {
            for (capacity, each) in capacity.iter_mut().zip(offer.capacity.0) {
                *capacity += f64::from(each) / offer.usd_per_hour;
            }
        }
        let mut scarce = [0.0; 4];
        for at in 0..4 {
            if capacity[at] > 0.0 {
                scarce[at] = demand[at] / capacity[at];
            }
        }
        let whole: f64 = scarce.iter().sum();
        scarce.map(|part| if whole > 0.0 { part / whole } else { 0.25 })
    }

    fn volume(&self, item: usize, scarce: [f64; 4]) -> f64 {
        let mean = |at: usize| {
            let sum: f64 = self
                .offers
                .iter()
                .map(|offer| f64::from(offer.capacity.0[at]) / offer.usd_per_hour)
                .sum();
            (sum / self.offers.len() as f64).max(1e-12)
        };
        (0..4)
            .map(|at| scarce[at] * f64::from(self.items[item].0[at]) / mean(at))
            .sum::<f64>()
            + 1e-12
    }

    pub(super) fn has_gpus(&self) -> bool {
        self.items.iter().any(|item| item.0[GPUS] > 0)
    }
}

/// Uses a pattern as often as what is left allows.
pub(super) fn take(left: &mut [u32], packing: &mut Packing, pattern: Pattern) {
    let times = pattern
        .counts
        .iter()
        .map(|&(item, count)| left[item as usize] / count)
        .min()
        .unwrap_or(0);
    for &(item, count) in &pattern.counts {
        left[item as usize] -= count * times;
    }
    if times > 0 {
        packing.push((pattern, times));
    }
}
