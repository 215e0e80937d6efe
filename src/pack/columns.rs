//! Packing what is there all at once: column generation over what one instance can hold, then diving to whole
//! instances, then packing the worst instances again.
//!
//! The dual prices of the master give, with the most that any instance holds at them, a bound that no packing beats
//! (Farley's bound), whenever the search stops.

use fastrand::Rng;

use super::construct::{Bin, Packing, Pattern, Snapshot, usd};
use super::exact;
use super::floor;
use super::fullest::fullest;
use super::input::Amount;
use super::knapsack::{Grid, Knapsack, Scratch};
use super::master::Master;
use super::multiple::Multiple;

/// Instance types of more cells are not asked for their best pattern in a dive.
const CELLS_IN_DIVE: usize = 70_000;
/// Branch and bound looks at so many items for one pattern,
const STEPS_OF_ONE: u64 = 300_000;
/// and is asked no more about a type for which that did not suffice so often.
const PATIENCE: u32 = 3;
/// Reduced costs above this share of a price are taken for zero.
const GAIN: f64 = 1e-7;
/// The bound is good enough at this distance, as a share.
const CLOSE: f64 = 2e-5;

/// The best packing found and what none can beat.
#[derive(Debug, Clone)]
pub(super) struct Solved {
    pub(super) packing: Packing,
    /// USD per hour.
    pub(super) bound: f64,
}

/// Packs `counts` of the items; every one fits some type. Uses about `steps` of effort.
pub(super) fn solve(snapshot: &Snapshot, counts: &[u32], steps: u64, seed: u64) -> Option<Solved> {
    if let Some(packing) = exact::pack(snapshot, counts) {
        let bound = usd(&packing);
        return Some(Solved { packing, bound });
    }
    let mut search = Search::new(snapshot, steps, seed);
    let mut best = search.construct(counts)?;
    let (bound, values) = search.bound(counts, steps / 10 * 6);
    let bound = search.multiple.at_least(bound);
    let limit = steps / 4;
    while search.left > limit && usd(&best) > bound * (1.0 + CLOSE) {
        let dived = search.dive(counts, usd(&best));
        let Some(dived) = dived else { continue };
        if usd(&dived) < usd(&best) - 1e-12 {
            best = dived;
        }
    }
    best = search.improve(&best, bound, &values);
    let usd = usd(&best);
    Some(Solved {
        packing: best,
        bound: bound.min(usd),
    })
}

struct Search<'a> {
    snapshot: &'a Snapshot,
    multiple: Multiple,
    grid: Grid,
    scratch: Scratch,
    pool: Vec<Pattern>,
    /// By type, how often branch and bound did not come to an end.
    given_up: Vec<u32>,
    left: u64,
    random: Rng,
}

impl<'a> Search<'a> {
    fn new(snapshot: &'a Snapshot, steps: u64, seed: u64) -> Self {
        Self {
            snapshot,
            multiple: Multiple::of(snapshot.offers.iter().map(|offer| offer.usd_per_hour)),
            grid: Grid::new(
                &snapshot.items,
                snapshot.offers.iter().map(|offer| offer.capacity),
            ),
            scratch: Scratch::default(),
            pool: Vec::new(),
            given_up: vec![0; snapshot.offers.len()],
            left: steps,
            random: Rng::with_seed(seed),
        }
    }

    fn spend(&mut self, steps: u64) {
        self.left = self.left.saturating_sub(steps);
    }

    /// The best of the quick ways.
    fn construct(&mut self, counts: &[u32]) -> Option<Packing> {
        let mut best: Option<Packing> = self.snapshot.bin_by_bin(counts);
        for offer in 0..self.snapshot.offers.len() {
            let Some(packed) = self.snapshot.first_fit_decreasing(offer, counts) else {
                continue;
            };
            if best.as_ref().is_none_or(|best| usd(&packed) < usd(best)) {
                best = Some(packed);
            }
        }
        let best = best?;
        self.pool
            .extend(best.iter().map(|(pattern, _)| pattern.clone()));
        Some(best)
    }

    /// No packing costs less, and what one of each item is worth then.
    ///
    /// Patterns are looked for at prices between those of the master and those of the best bound so far, which keeps
    /// them from swinging; only where that finds nothing, at those of the master.
    fn bound(&mut self, counts: &[u32], until_left: u64) -> (f64, Vec<f64>) {
        let (mut bound, mut values) = self.resource_bound(counts);
        let Some(mut master) = self.master(counts) else {
            return (bound, values);
        };
        let mut cells = CELLS_IN_DIVE;
        let mut own = 0.4;
        loop {
            self.generate(&mut master, counts, 400);
            let reached = self.multiple.at_least(bound);
            if master.usd() <= reached * (1.0 + CLOSE) || self.left <= until_left {
                return (bound, values);
            }
            let prices: Vec<f64> = master
                .duals()
                .iter()
                .zip(&values)
                .map(|(dual, value)| (own * dual + (1.0 - own) * value).max(0.0))
                .collect();
            let found = self.exact(&prices, counts, cells);
            if found.is_of_all {
                let worth = prices
                    .iter()
                    .zip(counts)
                    .map(|(price, &count)| price * f64::from(count))
                    .sum::<f64>()
                    / found.overfull;
                if worth > bound {
                    bound = worth;
                    values = prices.iter().map(|price| price / found.overfull).collect();
                }
            }
            let duals = master.duals();
            let gains = |pattern: &Pattern| pattern.worth(duals) > pattern.usd * (1.0 + GAIN);
            let gaining: Vec<Pattern> = found.patterns.into_iter().filter(gains).collect();
            if !gaining.is_empty() {
                self.pool.extend(gaining);
                self.optimize(&mut master);
                own = 0.4;
            } else if own < 1.0 {
                own = 1.0;
            } else if !found.is_of_all {
                (cells, own) = (usize::MAX, 0.4);
            } else {
                return (bound, values);
            }
        }
    }

    /// The bound of resource prices alone.
    fn resource_bound(&self, counts: &[u32]) -> (f64, Vec<f64>) {
        let worth = |prices: &floor::ResourcePrices, item: &Amount| -> f64 {
            prices
                .iter()
                .zip(item.0)
                .map(|(price, amount)| price * f64::from(amount))
                .sum()
        };
        let mut best = (0.0, vec![0.0; counts.len()]);
        for prices in floor::resource_prices(&self.snapshot.offers, false) {
            let values: Vec<f64> = self
                .snapshot
                .items
                .iter()
                .map(|item| worth(&prices, item))
                .collect();
            let whole = values
                .iter()
                .zip(counts)
                .map(|(value, &count)| value * f64::from(count))
                .sum();
            if whole > best.0 {
                best = (whole, values);
            }
        }
        best
    }

    /// A master for these counts, the pool of patterns at hand.
    fn master(&mut self, counts: &[u32]) -> Option<Master> {
        let mut singles = Vec::with_capacity(counts.len());
        for (item, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
            singles.push(self.pool.len());
            self.pool.push(self.snapshot.single(item, count)?);
        }
        let mut master = Master::new(&self.pool, counts, &singles);
        self.optimize(&mut master);
        Some(master)
    }

    fn optimize(&mut self, master: &mut Master) {
        let before = master.steps;
        master.optimize(&self.pool);
        self.spend(master.steps - before);
    }

    /// Adds patterns that quick filling finds until it finds none, or for so many rounds.
    fn generate(&mut self, master: &mut Master, counts: &[u32], rounds: usize) {
        for _ in 0..rounds {
            let found = self.greedy(master.duals(), counts);
            if found.is_empty() || self.left == 0 {
                return;
            }
            self.pool.extend(found);
            self.optimize(master);
        }
    }

    /// Patterns worth more than they cost, found by filling each type in several orders.
    fn greedy(&mut self, duals: &[f64], counts: &[u32]) -> Vec<Pattern> {
        let snapshot = self.snapshot;
        let mut found: Vec<(f64, Pattern)> = Vec::new();
        let mut order: Vec<usize> = (0..counts.len())
            .filter(|&item| counts[item] > 0 && duals[item] > 0.0)
            .collect();
        for offer in 0..snapshot.offers.len() {
            let capacity = snapshot.offers[offer]
                .capacity
                .0
                .map(|amount| f64::from(amount.max(1)));
            let usd = snapshot.offers[offer].usd_per_hour;
            let mut best: Option<(f64, Bin)> = None;
            for tilt in [0.5, 0.15, 0.85] {
                let density = |item: usize| {
                    let amount = snapshot.items[item].0;
                    let size = tilt * f64::from(amount[0]) / capacity[0]
                        + (1.0 - tilt) * f64::from(amount[1]) / capacity[1]
                        + f64::from(amount[2]) / capacity[2] * 0.05
                        + 1e-9;
                    duals[item] / size
                };
                let mut keyed: Vec<(f64, usize)> =
                    order.iter().map(|&item| (density(item), item)).collect();
                keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
                order = keyed.into_iter().map(|(_, item)| item).collect();
                let bin = snapshot.filled(offer, &order, counts);
                let worth = bin.worth(duals);
                if worth > usd * (1.0 + GAIN) && best.as_ref().is_none_or(|(most, _)| worth > *most)
                {
                    best = Some((worth, bin));
                }
            }
            if let Some((worth, bin)) = best {
                found.extend(snapshot.close(bin).map(|pattern| (worth / usd, pattern)));
            }
        }
        self.spend((order.len() * snapshot.offers.len() * 3 * 8) as u64);
        found.sort_by(|a, b| b.0.total_cmp(&a.0));
        found.truncate(4);
        found.into_iter().map(|(_, pattern)| pattern).collect()
    }

    /// The best pattern of every type: by branch and bound where that is quick, else by knapsack, if the type has no
    /// more than so many cells.
    fn exact(&mut self, prices: &[f64], counts: &[u32], most_cells: usize) -> Exact {
        let snapshot = self.snapshot;
        let mut exact = Exact {
            overfull: 1.0,
            is_of_all: true,
            patterns: Vec::new(),
        };
        let mut large = Vec::new();
        for (offer, of) in snapshot.offers.iter().enumerate() {
            if self.given_up[offer] >= PATIENCE {
                large.push(offer);
                continue;
            }
            let found = fullest(
                snapshot,
                offer,
                prices,
                counts,
                of.usd_per_hour,
                STEPS_OF_ONE,
            );
            self.spend(found.steps);
            if let Some((worth, content)) = found.best {
                exact.overfull = exact.overfull.max(worth / of.usd_per_hour);
                exact.patterns.extend(snapshot.cheapest(content));
            }
            if !found.is_certain {
                self.given_up[offer] += 1;
                large.push(offer);
            }
        }
        self.by_knapsack(&large, prices, counts, most_cells, &mut exact);
        exact
    }

    /// The best pattern of each of these types that has no more than so many cells.
    fn by_knapsack(
        &mut self,
        offers: &[usize],
        prices: &[f64],
        counts: &[u32],
        most_cells: usize,
        exact: &mut Exact,
    ) {
        let snapshot = self.snapshot;
        let mut scratch = std::mem::take(&mut self.scratch);
        let mut spent = 0;
        let kinds: &[bool] = if snapshot.has_gpus() {
            &[false, true]
        } else {
            &[false]
        };
        for &with_gpus in kinds {
            let may = |item: &Amount| with_gpus || item.0[super::input::GPUS] == 0;
            let values: Vec<f64> = prices
                .iter()
                .zip(&snapshot.items)
                .map(|(&price, item)| if may(item) { price } else { 0.0 })
                .collect();
            let of_kind = |offer: &&usize| {
                let has_gpus = snapshot.offers[**offer].capacity.0[super::input::GPUS] > 0;
                has_gpus == with_gpus || kinds.len() == 1
            };
            let (asked, others): (Vec<usize>, Vec<usize>) =
                offers.iter().filter(of_kind).partition(|&&offer| {
                    self.grid.cells(snapshot.offers[offer].capacity) <= most_cells
                });
            exact.is_of_all &= others.is_empty();
            if asked.is_empty() {
                continue;
            }
            let capacities = asked.iter().map(|&offer| snapshot.offers[offer].capacity);
            let knapsack = Knapsack::fill(&self.grid, &values, counts, capacities, &mut scratch);
            spent += knapsack.steps / 4;
            for offer in asked {
                let of = &snapshot.offers[offer];
                let ratio = knapsack.most(of.capacity) / of.usd_per_hour;
                exact.overfull = exact.overfull.max(ratio);
                let content = knapsack.content(of.capacity);
                exact
                    .patterns
                    .extend(self.repaired(offer, &content, &values));
            }
            scratch = knapsack.into_scratch();
        }
        self.scratch = scratch;
        self.spend(spent);
    }

    /// A content without what does not really fit, on the cheapest type that holds it.
    fn repaired(&self, offer: usize, content: &[(u32, u32)], values: &[f64]) -> Option<Pattern> {
        let snapshot = self.snapshot;
        let mut sorted = content.to_vec();
        sorted.sort_by(|a, b| values[b.0 as usize].total_cmp(&values[a.0 as usize]));
        let mut bin = Bin::new(snapshot.offers[offer].capacity);
        for (item, count) in sorted {
            let fits = bin.room(snapshot, item as usize, count);
            if fits > 0 {
                bin.put(snapshot, item as usize, fits);
            }
        }
        snapshot.close(bin)
    }

    /// Takes whole instances from the fractional mix until nothing is left; `None` where that does not beat `limit`.
    fn dive(&mut self, counts: &[u32], limit: f64) -> Option<Packing> {
        let mut left = counts.to_vec();
        let mut packing: Packing = Vec::new();
        let mut best: Option<Packing> = None;
        let mut limit = limit - 1e-9;
        let mut pool: Vec<Pattern> = std::mem::take(&mut self.pool);
        let known = pool.len();
        let mut usable: Vec<Pattern> = pool
            .iter()
            .filter(|pattern| is_within(pattern, &left))
            .cloned()
            .collect();
        while left.iter().any(|&count| count > 0) && self.left > 0 {
            usable.retain(|pattern| is_within(pattern, &left));
            self.pool = usable;
            let master = self.relaxed(&left);
            usable = std::mem::take(&mut self.pool);
            let Some(master) = master else { break };
            if usd(&packing) + master.usd() >= limit {
                break;
            }
            self.fix(&master, &usable, &mut left, &mut packing);
            if let Some(done) = self
                .completed(&packing, &left)
                .filter(|done| usd(done) < limit)
            {
                limit = usd(&done) - 1e-9;
                best = Some(done);
            }
        }
        pool.truncate(known);
        if let Some(best) = &best {
            pool.extend(best.iter().map(|(pattern, _)| pattern.clone()));
        }
        self.pool = pool;
        best
    }

    /// The fractional mix for what is left, nearly the best one.
    fn relaxed(&mut self, left: &[u32]) -> Option<Master> {
        let mut master = self.master(left)?;
        self.generate(&mut master, left, 60);
        for _ in 0..4 {
            let found = self.exact(master.duals(), left, CELLS_IN_DIVE);
            let duals = master.duals();
            let gains = |pattern: &Pattern| pattern.worth(duals) > pattern.usd * (1.0 + GAIN);
            let gaining: Vec<Pattern> = found.patterns.into_iter().filter(gains).collect();
            if gaining.is_empty() || self.left == 0 {
                break;
            }
            self.pool.extend(gaining);
            self.optimize(&mut master);
            self.generate(&mut master, left, 20);
        }
        Some(master)
    }

    /// Takes what the mix uses wholly; where there is nothing of that, what it uses most.
    fn fix(&mut self, master: &Master, pool: &[Pattern], left: &mut [u32], packing: &mut Packing) {
        let solution = master.solution();
        let mut any = false;
        for &(place, times) in solution.iter().filter(|(_, times)| *times >= 1.0 - 1e-6) {
            any |= take_times(left, packing, &pool[place], times + 1e-6);
        }
        if any {
            return;
        }
        let mut best: Option<(f64, usize)> = None;
        for (place, times) in solution {
            let score = times + 0.35 * self.random.f64();
            if best.is_none_or(|(most, _)| score > most) {
                best = Some((score, place));
            }
        }
        if let Some((_, place)) = best {
            take_times(left, packing, &pool[place], 1.0);
        }
    }

    /// The packing with the rest packed quickly.
    fn completed(&mut self, packing: &Packing, left: &[u32]) -> Option<Packing> {
        let rest: u32 = left.iter().sum();
        if rest == 0 {
            return Some(packing.clone());
        }
        if rest > 60 {
            return None;
        }
        let mut done = packing.clone();
        if let Some(pairs) = exact::pairs(left) {
            self.spend(pairs * 4);
            done.extend(exact::pack(self.snapshot, left)?);
        } else {
            self.spend(u64::from(rest) * (self.snapshot.offers.len() * left.len()) as u64);
            done.extend(self.snapshot.bin_by_bin(left)?);
        }
        Some(done)
    }

    /// Packs some of the instances again, those first that waste most at the prices of the bound, as long as effort
    /// is left.
    fn improve(&mut self, packing: &Packing, bound: f64, values: &[f64]) -> Packing {
        let mut bins: Vec<Pattern> = packing
            .iter()
            .flat_map(|(pattern, times)| (0..*times).map(|_| pattern.clone()))
            .collect();
        let mut cost: f64 = bins.iter().map(|bin| bin.usd).sum();
        while self.left > 0 && cost > bound * (1.0 + CLOSE) {
            let chosen = self.worst(&bins, values);
            let mut counts = vec![0; self.snapshot.items.len()];
            let mut before = 0.0;
            for &at in &chosen {
                before += bins[at].usd;
                for &(item, count) in &bins[at].counts {
                    counts[item as usize] += count;
                }
            }
            let Some(better) = self.dive(&counts, before) else {
                continue;
            };
            let mut keep = vec![true; bins.len()];
            for &at in &chosen {
                keep[at] = false;
            }
            let mut kept = keep.into_iter();
            bins.retain(|_| kept.next().unwrap_or(true));
            bins.extend(
                better
                    .iter()
                    .flat_map(|(pattern, times)| (0..*times).map(|_| pattern.clone())),
            );
            cost = bins.iter().map(|bin| bin.usd).sum();
        }
        let mut counted: Packing = Vec::new();
        for bin in bins {
            match counted.iter_mut().find(|(pattern, _)| *pattern == bin) {
                Some((_, times)) => *times += 1,
                None => counted.push((bin, 1)),
            }
        }
        counted
    }

    /// Some instances, by place: wasteful ones more often than others.
    fn worst(&mut self, bins: &[Pattern], values: &[f64]) -> Vec<usize> {
        let wanted = 2 + self.random.usize(0..7);
        let mut keyed: Vec<(f64, usize)> = bins
            .iter()
            .enumerate()
            .map(|(at, bin)| {
                let waste = (bin.usd - bin.worth(values)).max(0.0) / bin.usd;
                (self.random.f64() * (waste + 0.02), at)
            })
            .collect();
        keyed.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut chosen = Vec::new();
        let mut items = 0;
        for (_, at) in keyed.into_iter().take(wanted) {
            let held: u32 = bins[at].counts.iter().map(|&(_, count)| count).sum();
            if items > 0 && items + held > 250 {
                continue;
            }
            items += held;
            chosen.push(at);
        }
        chosen
    }
}

/// Patterns worth more than they cost, and by how much the fullest one is.
struct Exact {
    overfull: f64,
    /// Every type was asked: no pattern is fuller.
    is_of_all: bool,
    patterns: Vec<Pattern>,
}

fn is_within(pattern: &Pattern, left: &[u32]) -> bool {
    pattern
        .counts
        .iter()
        .all(|&(item, count)| count <= left[item as usize])
}

/// Uses a pattern up to so many times, as far as what is left allows; false where that is not even once.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn take_times(left: &mut [u32], packing: &mut Packing, pattern: &Pattern, times: f64) -> bool {
    let most = pattern
        .counts
        .iter()
        .map(|&(item, count)| left[item as usize] / count)
        .min()
        .unwrap_or(0);
    let times = most.min(times as u32);
    if times == 0 {
        return false;
    }
    for &(item, count) in &pattern.counts {
        left[item as usize] -= count * times;
    }
    packing.push((pattern.clone(), times));
    true
}
