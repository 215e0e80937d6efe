//! The floor: no fleet that runs the same tasks, on any mix of the instance types on offer, costs less.
//!
//! Give each resource a price such that no instance type's whole capacity is worth more than the type costs. Whatever
//! carries the demand then costs at least what the demand is worth: linear programming duality. The best such prices
//! for a demand are a vertex of the polytope `{π ≥ 0 : π·capacity ≤ price for every type}`. Whoever runs any task
//! also pays for one instance that holds it. Every instance is paid for while it boots, so bridging a gap shorter
//! than a boot is the cheaper of the two, and longer gaps cost one boot.
//!
//! Left out, which can only lower the floor: tasks do not move, instances are whole, zones, spare capacity, scale-in.

use super::input::{Amount, CPU, INTERFACES, MEMORY};
use super::timeline::Change;
use crate::model::units::MS_PER_HOUR;

/// The arithmetic is in floating point; this much of every price is given away, which is more than it errs.
const SAFETY: f64 = 1.0 - 1e-9;
/// What running tasks are worth is summed in this part of a dollar, so that it does not depend on their order.
const FINE: f64 = 1e-15;

/// An instance type that can take tasks: what it leaves for them and what an hour of it costs, USD.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Offer {
    /// Its place among the types given.
    pub(super) index: usize,
    pub(super) capacity: Amount,
    pub(super) usd_per_hour: f64,
}

impl Offer {
    /// Whether this one is never worse than `other`.
    fn dominates(&self, other: &Self) -> bool {
        self.capacity.holds(other.capacity) && self.usd_per_hour <= other.usd_per_hour
    }
}

/// The offers that no other one dominates; of equals, the first.
pub(super) fn undominated(offers: &[Offer]) -> Vec<Offer> {
    let beaten = |(place, offer): (usize, &Offer)| {
        offers.iter().enumerate().any(|(at, other)| {
            at != place && other.dominates(offer) && (!offer.dominates(other) || at < place)
        })
    };
    let kept = offers.iter().enumerate().filter(|&one| !beaten(one));
    kept.map(|(_, offer)| *offer).collect()
}

/// Prices of a unit of each resource, USD per hour.
pub(super) type ResourcePrices = [f64; 4];

fn worth(prices: &ResourcePrices, amount: Amount) -> f64 {
    prices
        .iter()
        .zip(amount.0)
        .map(|(price, amount)| price * f64::from(amount))
        .sum()
}

/// In [`FINE`] of a dollar, rounded down.
#[allow(clippy::cast_possible_truncation)] // a worth is below 10³⁶ of these; beyond, it saturates, which is still a floor
fn fine(usd: f64) -> i128 {
    (usd / FINE).floor() as i128
}

/// The vertices of the polytope of resource prices. GPUs are left without a price.
///
/// Interfaces get one where `with_interfaces`: three planes meet in a vertex then, else two.
pub(super) fn resource_prices(offers: &[Offer], with_interfaces: bool) -> Vec<ResourcePrices> {
    let offers = undominated(offers);
    let mut planes: Vec<[f64; 4]> = offers
        .iter()
        .map(|offer| plane(offer, with_interfaces))
        .collect();
    planes.extend([[1.0, 0.0, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]);
    let types = offers.len();
    let mut vertices = Vec::new();
    for (i, a) in planes.iter().enumerate() {
        for (j, b) in planes[..i].iter().enumerate() {
            vertices.extend(meet(*a, *b, [0.0, 0.0, 1.0, 0.0]));
            if with_interfaces {
                let below = planes[..j].iter();
                vertices.extend(below.filter_map(|c| meet(*a, *b, *c)));
            }
        }
    }
    let feasible = |vertex: &ResourcePrices| {
        vertex.iter().all(|&price| price >= 0.0)
            && planes[..types].iter().all(|plane| {
                let value: f64 = plane[..3].iter().zip(vertex).map(|(a, b)| a * b).sum();
                value <= plane[3] * (1.0 + 1e-10)
            })
    };
    let mut found: Vec<ResourcePrices> = Vec::new();
    for vertex in vertices.into_iter().filter(feasible) {
        let vertex = vertex.map(|price| price * SAFETY);
        if !found.iter().any(|other| close(other, &vertex)) {
            found.push(vertex);
        }
    }
    found.sort_by(|a, b| a.partial_cmp(b).unwrap_or(std::cmp::Ordering::Equal));
    found
}

fn close(a: &ResourcePrices, b: &ResourcePrices) -> bool {
    a.iter()
        .zip(b)
        .all(|(a, b)| (a - b).abs() <= 1e-12 * a.abs().max(b.abs()))
}

/// `capacity · π = price`.
fn plane(offer: &Offer, with_interfaces: bool) -> [f64; 4] {
    let capacity = offer.capacity.0.map(f64::from);
    let interfaces = if with_interfaces {
        capacity[INTERFACES]
    } else {
        0.0
    };
    [
        capacity[CPU],
        capacity[MEMORY],
        interfaces,
        offer.usd_per_hour,
    ]
}

/// Where three planes meet, if in one point: Cramer's rule.
fn meet(a: [f64; 4], b: [f64; 4], c: [f64; 4]) -> Option<ResourcePrices> {
    let determinant = |i: usize, j: usize, k: usize| {
        a[i] * (b[j] * c[k] - b[k] * c[j]) - a[j] * (b[i] * c[k] - b[k] * c[i])
            + a[k] * (b[i] * c[j] - b[j] * c[i])
    };
    let whole = determinant(0, 1, 2);
    let scale = [a, b, c]
        .iter()
        .map(|row| row[..3].iter().fold(0.0_f64, |m, x| m.max(x.abs())))
        .product::<f64>();
    (whole.abs() > 1e-12 * scale).then(|| {
        let part = |value: f64| {
            let part = value / whole;
            if part.abs() < 1e-18 { 0.0 } else { part }
        };
        [
            part(determinant(3, 1, 2)),
            part(determinant(0, 3, 2)),
            part(determinant(0, 1, 3)),
            0.0,
        ]
    })
}

/// The floor and how it divides among the tenants.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Floor {
    /// USD.
    pub(super) usd: f64,
    /// The part that is resources over time alone, as if every task could move at any moment and nothing booted.
    pub(super) resources_usd: f64,
    /// What each tenant's tasks are worth at the resource prices in force; adds up to `resources_usd` at most.
    pub(super) by_tenant: Vec<f64>,
}

/// What a task of each tenant is worth.
struct Worth {
    /// By resource price vector, in [`FINE`] of a dollar per hour.
    by_prices: Vec<i128>,
    /// The cheapest instance that holds it, by rank among the distinct ones.
    instance: usize,
}

/// A point in time while the changes are followed.
struct Sweep {
    worths: Vec<Worth>,
    /// What all running tasks are worth, by resource price vector, in [`FINE`] of a dollar per hour.
    total: Vec<i128>,
    running: Vec<i64>,
    /// Tasks by the cheapest instance that holds them.
    needing: Vec<i64>,
    /// Time for which each resource price vector was the best one.
    best_ms: Vec<f64>,
    /// Those that ever were, which are few, in order.
    ever_best: Vec<usize>,
    since: Vec<Vec<f64>>,
    by_tenant: Vec<f64>,
}

/// The floor of these changes on these offers, booting for `boot_ms`.
///
/// A task that fits no offer counts for its resources only.
pub(super) fn floor(
    items: &[Amount],
    changes: &[Change],
    offers: &[Offer],
    prices: &[ResourcePrices],
    boot_ms: i64,
) -> Floor {
    let mut instance_usd: Vec<f64> = offers
        .iter()
        .map(|offer| offer.usd_per_hour * SAFETY)
        .collect();
    instance_usd.push(0.0);
    instance_usd.sort_by(f64::total_cmp);
    instance_usd.dedup();
    let mut sweep = Sweep::new(items, offers, prices, &instance_usd);
    let mut levels = Levels::new(boot_ms as f64);
    let mut resources = 0.0;
    let mut at = 0;
    while at < changes.len() {
        let now_ms = changes[at].at_ms;
        while let Some(change) = changes.get(at).filter(|change| change.at_ms == now_ms) {
            sweep.apply(change);
            at += 1;
        }
        let Some(next) = changes.get(at) else {
            levels.hold(now_ms as f64, now_ms as f64, 0.0);
            break;
        };
        let (best, usd) = sweep.best();
        let lasting_ms = (next.at_ms - now_ms) as f64;
        if let Some(best) = best {
            sweep.was_best(best, lasting_ms);
        }
        resources += usd * lasting_ms;
        levels.hold(
            now_ms as f64,
            next.at_ms as f64,
            usd.max(sweep.least_instance(&instance_usd)),
        );
    }
    for tenant in 0..items.len() {
        sweep.settle(tenant);
    }
    let hour = MS_PER_HOUR as f64;
    Floor {
        usd: levels.total() / hour * SAFETY,
        resources_usd: resources / hour * SAFETY,
        by_tenant: sweep
            .by_tenant
            .iter()
            .map(|worth| worth / hour * SAFETY)
            .collect(),
    }
}

impl Sweep {
    fn new(
        items: &[Amount],
        offers: &[Offer],
        prices: &[ResourcePrices],
        instance_usd: &[f64],
    ) -> Self {
        let worth_of = |&item: &Amount| {
            let fitting = offers.iter().filter(|offer| offer.capacity.holds(item));
            let least = fitting
                .map(|offer| offer.usd_per_hour * SAFETY)
                .min_by(f64::total_cmp);
            let rank = least.map(|usd| instance_usd.partition_point(|&other| other < usd));
            Worth {
                by_prices: prices
                    .iter()
                    .map(|prices| fine(worth(prices, item)))
                    .collect(),
                instance: rank.unwrap_or(0),
            }
        };
        Self {
            worths: items.iter().map(worth_of).collect(),
            total: vec![0; prices.len()],
            running: vec![0; items.len()],
            needing: vec![0; instance_usd.len()],
            best_ms: vec![0.0; prices.len()],
            ever_best: Vec::new(),
            since: vec![vec![0.0; prices.len()]; items.len()],
            by_tenant: vec![0.0; items.len()],
        }
    }

    fn apply(&mut self, change: &Change) {
        let tenant = change.tenant as usize;
        self.settle(tenant);
        let worth = &self.worths[tenant];
        let tasks = i128::from(change.tasks);
        for (total, worth) in self.total.iter_mut().zip(&worth.by_prices) {
            *total += tasks * worth;
        }
        self.needing[worth.instance] += i64::from(change.tasks);
        self.running[tenant] += i64::from(change.tasks);
    }

    /// For so long, no resource prices suit better than these.
    fn was_best(&mut self, prices: usize, lasting_ms: f64) {
        if let Err(place) = self.ever_best.binary_search(&prices) {
            self.ever_best.insert(place, prices);
        }
        self.best_ms[prices] += lasting_ms;
    }

    /// Books what the tenant's tasks were worth since they last changed.
    fn settle(&mut self, tenant: usize) {
        let running = self.running[tenant] as f64;
        let mut worth = 0.0;
        let (since, each) = (&mut self.since[tenant], &self.worths[tenant].by_prices);
        for &at in &self.ever_best {
            let now = self.best_ms[at];
            worth += (now - since[at]) * (each[at] as f64 * FINE);
            since[at] = now;
        }
        self.by_tenant[tenant] += running * worth;
    }

    /// The resource prices that suit best, and what all running tasks are worth at them.
    fn best(&self) -> (Option<usize>, f64) {
        let mut best = (None, 0);
        for (index, &total) in self.total.iter().enumerate() {
            if total > best.1 {
                best = (Some(index), total);
            }
        }
        (best.0, best.1 as f64 * FINE)
    }

    /// The least that the dearest task needs: one instance that holds it.
    fn least_instance(&self, instance_usd: &[f64]) -> f64 {
        let needed = self.needing.iter().rposition(|&tasks| tasks > 0);
        needed.map_or(0.0, |rank| instance_usd[rank])
    }
}

/// Adds up what a curve of at least this much capacity costs when all that is started is paid for `boot_ms` longer.
struct Levels {
    boot_ms: f64,
    /// Capacity that stopped, by the time at which it did, the latest last: (amount, stop).
    idle: Vec<(f64, f64)>,
    held: f64,
    cost: f64,
}

impl Levels {
    fn new(boot_ms: f64) -> Self {
        Self {
            boot_ms,
            idle: Vec::new(),
            held: 0.0,
            cost: 0.0,
        }
    }

    /// From `from_ms` to `to_ms`, `amount` is needed.
    fn hold(&mut self, from_ms: f64, to_ms: f64, amount: f64) {
        if amount < self.held {
            self.idle.push((self.held - amount, from_ms));
        }
        let mut missing = amount - self.held;
        while missing > 0.0 {
            let Some((idle, stopped_ms)) = self.idle.pop() else {
                self.cost += missing * self.boot_ms;
                break;
            };
            let taken = idle.min(missing);
            self.cost += taken * (from_ms - stopped_ms).min(self.boot_ms);
            missing -= taken;
            if idle > taken {
                self.idle.push((idle - taken, stopped_ms));
            }
        }
        self.held = amount;
        self.cost += amount * (to_ms - from_ms);
    }

    fn total(&self) -> f64 {
        self.cost
    }
}
