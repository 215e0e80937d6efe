//! What a good planner reaches who knows when every task starts and stops: the same tasks, the same boot, nothing moves,
//! but instances are chosen with the whole future in view and stopped when they are empty.
//!
//! An instance is always of the cheapest type that holds its fullest moment, so putting a task on it may make it
//! larger. Tasks are put where they cost least, longest first; then some are taken off and put again, many times,
//! worse outcomes being accepted less and less (slack induction by string removals, after Christiaens and
//! Vanden Berghe, 2020, carried over from vehicle routing).

use fastrand::Rng;

use super::calendar::Calendar;
use super::chain::Chain;
use super::floor::Offer;
use super::input::Amount;
use super::problem::Problem;
use super::simulate::Lease;
use super::timeline::Task;
use super::verify::{Fleet, Instance};
use crate::model::units::{MS_PER_HOUR, MS_PER_MINUTE};

/// Tasks of one level are put once those of the levels before are settled.
struct Level {
    /// Tasks at least this long are put,
    shortest_ms: i64,
    /// and those up to this long are moved.
    longest_ms: i64,
    /// How much dearer a move may make the fleet at first, as a share of its cost.
    heat: f64,
    /// How many tasks a move takes off, more or less, at most,
    removed: usize,
    /// and how often it takes them off for as long as their instance runs, percent.
    whole_percent: u8,
    /// Part of the effort that is left for the levels after, percent.
    left_percent: u64,
    /// Times that the search begins anew, where there is effort for it; the best of them counts.
    starts: u64,
}

/// Most of the cost is in few long tasks; there are many short ones, which fill gaps. How the few longest are put
/// together decides most, and a search is easily caught in one of many ways: many of them are moved at once, and hot.
/// Those that come later find their places sooner with many small moves.
const LEVELS: [Level; 4] = [
    Level {
        shortest_ms: 12 * MS_PER_HOUR,
        longest_ms: i64::MAX,
        heat: 1e-2,
        removed: 40,
        whole_percent: 50,
        left_percent: 85,
        starts: 6,
    },
    Level {
        shortest_ms: 4 * MS_PER_HOUR,
        longest_ms: i64::MAX,
        heat: 1e-3,
        removed: 10,
        whole_percent: 5,
        left_percent: 55,
        starts: 1,
    },
    Level {
        shortest_ms: 10 * MS_PER_MINUTE,
        longest_ms: 12 * MS_PER_HOUR,
        heat: 3e-4,
        removed: 10,
        whole_percent: 5,
        left_percent: 25,
        starts: 1,
    },
    Level {
        shortest_ms: 0,
        longest_ms: 30 * MS_PER_MINUTE,
        heat: 1e-5,
        removed: 10,
        whole_percent: 5,
        left_percent: 0,
        starts: 1,
    },
];
/// The heat at last, as a share of that at first.
const COOLED: f64 = 1e-2;

/// Each pair of tasks is worth this much effort, and all of them no less than that: more finds nothing more among few.
const STEPS_PER_PAIR: u64 = 1_000;
const LEAST_STEPS: u64 = 100_000;
/// A search that is given less for each pair of tasks is not worth beginning anew.
const STEPS_PER_PAIR_AND_START: u64 = 10_000;

/// A planner's fleet; `None` where `steps` do not suffice to place every task once.
pub(super) fn plan(problem: &Problem<'_>, offers: &[Offer], steps: u64) -> Option<Fleet> {
    let has_ports = problem.ports.iter().any(|&ports| ports != 0);
    let tasks = problem.tasks.len() as u64;
    let pairs = tasks.saturating_mul(tasks);
    let steps = steps.min(pairs.saturating_mul(STEPS_PER_PAIR).max(LEAST_STEPS));
    if has_ports || tasks > steps / 400 {
        return None;
    }
    let mut planner = Planner::new(problem, offers, steps);
    let mut placed_ms = i64::MAX;
    for level in &LEVELS {
        planner.construct(|task| (level.shortest_ms..placed_ms).contains(&task.ms()))?;
        planner.improve_best(steps / 100 * level.left_percent, level);
        placed_ms = level.shortest_ms;
    }
    Some(planner.fleet())
}

struct Planner<'a> {
    problem: &'a Problem<'a>,
    /// By price.
    offers: Vec<Offer>,
    /// The most of each resource that any offer up to this one has.
    largest: Vec<Amount>,
    boot_ms: i64,
    chains: Vec<Chain>,
    /// Chains without a task.
    vacant: Vec<usize>,
    near: Calendar,
    chain_of: Vec<u32>,
    placed: Vec<u32>,
    left: u64,
    random: Rng,
}

/// No chain.
const NOWHERE: u32 = u32::MAX;

impl<'a> Planner<'a> {
    fn new(problem: &'a Problem<'a>, offers: &[Offer], steps: u64) -> Self {
        let mut offers = offers.to_vec();
        offers.sort_by(|a, b| a.usd_per_hour.total_cmp(&b.usd_per_hour));
        let largest = offers.iter().scan([0; 4], |most, offer| {
            for (most, amount) in most.iter_mut().zip(offer.capacity.0) {
                *most = amount.max(*most);
            }
            Some(Amount(*most))
        });
        Self {
            problem,
            largest: largest.collect(),
            offers,
            boot_ms: problem.rules.boot_ms.into(),
            chains: Vec::new(),
            vacant: Vec::new(),
            near: Calendar::new(problem.window),
            chain_of: vec![NOWHERE; problem.tasks.len()],
            placed: Vec::new(),
            left: steps,
            random: Rng::with_seed(problem.rules.seed),
        }
    }

    fn item(&self, task: u32) -> Amount {
        self.problem.items[self.problem.tasks[task as usize].tenant as usize]
    }

    /// The cheapest offer that holds so much.
    fn offer(&self, peak: [u32; 4]) -> Option<&Offer> {
        let peak = Amount(peak);
        self.offers.iter().find(|offer| offer.capacity.holds(peak))
    }

    fn price(&self, peak: [u32; 4]) -> Option<f64> {
        self.offer(peak).map(|offer| offer.usd_per_hour)
    }

    /// No offer that costs less has more of any resource.
    fn largest_below(&self, usd_per_hour: f64) -> Amount {
        let cheaper = self
            .offers
            .partition_point(|offer| offer.usd_per_hour < usd_per_hour);
        let last = cheaper.checked_sub(1);
        last.map_or(Amount::default(), |last| self.largest[last])
    }

    /// Puts the wanted tasks where they cost least, those first that reserve most over time.
    fn construct(&mut self, is_wanted: impl Fn(&Task) -> bool) -> Option<()> {
        let tasks = self.problem.tasks;
        let mut order: Vec<u32> = (0..u32::try_from(tasks.len()).ok()?)
            .filter(|&task| is_wanted(&tasks[task as usize]))
            .collect();
        order.sort_by_key(|&task| std::cmp::Reverse(tasks[task as usize].ms()));
        for task in order {
            let place = self.place_for(task, 0.0)?;
            self.add(task, place)?;
            self.placed.push(task);
        }
        Some(())
    }

    /// Where a task costs least, and how much longer that instance is then paid for; with this probability a place is
    /// overlooked. `None` where it fits nowhere.
    fn place_for(&mut self, index: u32, blink: f64) -> Option<(usize, i64)> {
        let task = self.problem.tasks[index as usize];
        let item = self.item(index);
        // Whoever is not paid for within a boot of the task is no cheaper than an instance of its own.
        let span = (task.start_ms - self.boot_ms, task.end_ms + self.boot_ms);
        let mut best_usd = self.price(item.0)? * (task.ms() + self.boot_ms) as f64;
        let mut best = None;
        let mut near = std::mem::take(&mut self.near);
        let mut looked = 0;
        for &at in near.within(span) {
            let at = at as usize;
            let chain = &self.chains[at];
            let longer_ms = chain.longer_ms(task.start_ms, task.end_ms, self.boot_ms);
            looked += 12;
            if longer_ms as f64 * chain.usd_per_hour >= best_usd
                || (blink > 0.0 && self.random.f64() < blink)
            {
                continue;
            }
            let billed_ms = (chain.billed_ms + longer_ms) as f64;
            let usd_per_hour = if chain.has_room_always(item) {
                Some(chain.usd_per_hour)
            } else {
                let most = self.largest_below((best_usd + chain.cost()) / billed_ms);
                let (peak, segments) = chain.peak_with(&task, item, most);
                looked += 8 + 2 * segments;
                peak.and_then(|peak| self.price(peak))
            };
            let Some(usd_per_hour) = usd_per_hour else {
                continue;
            };
            let usd = billed_ms * usd_per_hour - chain.cost();
            if usd < best_usd {
                (best_usd, best) = (usd, Some((at, longer_ms)));
            }
        }
        self.near = near;
        self.left = self.left.saturating_sub(looked);
        Some(best.unwrap_or_else(|| (self.empty_chain(), task.ms() + self.boot_ms)))
    }

    /// A chain without a task.
    fn empty_chain(&mut self) -> usize {
        while let Some(at) = self.vacant.pop() {
            if self.chains[at].tasks.is_empty() {
                self.chains[at] = Chain::default();
                return at;
            }
        }
        self.chains.push(Chain::default());
        self.chains.len() - 1
    }

    /// Books when this chain is paid for, after it changed.
    fn book(&mut self, at: usize) {
        let chain = &self.chains[at];
        let span = chain.segments.first().zip(chain.segments.last());
        let span = span.filter(|_| !chain.tasks.is_empty());
        let was_booked = self.near.is_booked(at);
        let looked = self
            .near
            .book(at, span.map(|(first, last)| (first.from_ms, last.from_ms)));
        self.left = self.left.saturating_sub(looked);
        if chain.tasks.is_empty() && was_booked {
            self.vacant.push(at);
        }
    }

    fn add(&mut self, index: u32, (at, longer_ms): (usize, i64)) -> Option<()> {
        let task = self.problem.tasks[index as usize];
        let item = self.item(index);
        let chain = &mut self.chains[at];
        chain.add(index, &task, item);
        chain.billed_ms += longer_ms;
        let peak = chain.peak;
        let offer = *self.offer(peak)?;
        self.chains[at].take(&offer);
        self.chain_of[index as usize] = u32::try_from(at).ok()?;
        self.book(at);
        Some(())
    }

    fn cost(&self) -> f64 {
        self.chains.iter().map(Chain::cost).sum()
    }

    /// The best of what as many searches reach as the level says, until no more than `until_left` effort is left.
    fn improve_best(&mut self, until_left: u64, level: &Level) {
        let constructed = self.chain_of.clone();
        let effort = self.left.saturating_sub(until_left);
        let pairs = (self.placed.len() as u64).pow(2).max(1);
        let starts = (effort / pairs / STEPS_PER_PAIR_AND_START).clamp(1, level.starts);
        let share = effort / starts;
        let mut best: Option<(f64, Vec<u32>)> = None;
        for later in (0..starts).rev() {
            if best.is_some() {
                self.rebuild(&constructed);
            }
            self.improve(until_left + share * later, level);
            let cost = self.cost();
            if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                best = Some((cost, self.chain_of.clone()));
            }
        }
        if let Some((_, chain_of)) = best.filter(|_| starts > 1) {
            self.rebuild(&chain_of);
        }
    }

    /// Takes some tasks off and puts them again, until no more than `until_left` effort is left.
    fn improve(&mut self, until_left: u64, level: &Level) {
        let movable: Vec<u32> = self
            .placed
            .iter()
            .copied()
            .filter(|&task| self.problem.tasks[task as usize].ms() <= level.longest_ms)
            .collect();
        if movable.is_empty() || self.left <= until_left {
            return;
        }
        let begun = self.left;
        let mut cost = self.cost();
        let mut best = (cost, self.chain_of.clone());
        let hot = cost * level.heat;
        while self.left > until_left {
            let done = (begun - self.left) as f64 / (begun - until_left) as f64;
            let heat = hot * COOLED.powf(done);
            let removed = self.choose(&movable, level);
            let mut before = self.take_off(&removed);
            let is_placed = self.put_again(&removed, &mut before).is_some();
            let gain: f64 = before
                .iter()
                .map(|(at, chain)| chain.cost() - self.chains[*at].cost())
                .sum();
            let now = cost - gain;
            let is_accepted = is_placed && now < cost - heat * self.random.f64().max(1e-300).ln();
            if is_accepted {
                cost = now;
                if cost < best.0 * (1.0 - 1e-9) {
                    best.0 = cost;
                    best.1.clone_from(&self.chain_of);
                    self.left = self.left.saturating_sub(best.1.len() as u64 / 16);
                }
            } else {
                self.undo(before);
            }
        }
        self.rebuild(&best.1);
    }

    /// Puts every task that is placed on the chain that `chain_of` says.
    fn rebuild(&mut self, chain_of: &[u32]) {
        self.chains = vec![Chain::default(); self.chains.len()];
        self.vacant.clear();
        self.near = Calendar::new(self.problem.window);
        self.chain_of.copy_from_slice(chain_of);
        for &index in &self.placed {
            let task = self.problem.tasks[index as usize];
            let item = self.problem.items[task.tenant as usize];
            self.chains[chain_of[index as usize] as usize].add(index, &task, item);
        }
        for at in 0..self.chains.len() {
            self.settle(at);
        }
    }

    /// Tasks to take off: near one another in time, from a few instances.
    fn choose(&mut self, movable: &[u32], level: &Level) -> Vec<u32> {
        let seed = movable[self.random.usize(0..movable.len())];
        let around = self.problem.tasks[seed as usize];
        let wanted = 2 + self.random.usize(0..level.removed);
        let whole = self.random.u8(0..100) < level.whole_percent;
        let mut near: Vec<usize> = self
            .near
            .within((around.start_ms, around.end_ms))
            .iter()
            .map(|&at| at as usize)
            .collect();
        self.left = self.left.saturating_sub(near.len() as u64);
        let home = self.chain_of[seed as usize] as usize;
        let mut chosen = vec![seed];
        let mut at = home;
        loop {
            let mut tasks: Vec<u32> = self.chains[at].tasks.clone();
            self.left = self.left.saturating_sub(tasks.len() as u64);
            tasks.retain(|&task| {
                let task = &self.problem.tasks[task as usize];
                let is_near = task.start_ms < around.end_ms && around.start_ms < task.end_ms;
                task.ms() <= level.longest_ms && (whole || is_near)
            });
            self.random.shuffle(&mut tasks);
            let most = if whole {
                30
            } else {
                1 + self.random.usize(0..8)
            };
            for task in tasks.into_iter().take(most) {
                if !chosen.contains(&task) {
                    chosen.push(task);
                }
            }
            if chosen.len() >= wanted || near.is_empty() {
                return chosen;
            }
            at = near.swap_remove(self.random.usize(0..near.len()));
        }
    }

    /// Takes tasks off their instances: these as they were before.
    fn take_off(&mut self, removed: &[u32]) -> Vec<(usize, Chain)> {
        let mut before: Vec<(usize, Chain)> = Vec::new();
        for &index in removed {
            let at = self.chain_of[index as usize] as usize;
            if before.iter().all(|(other, _)| *other != at) {
                before.push((at, self.chains[at].clone()));
            }
            let task = self.problem.tasks[index as usize];
            let item = self.item(index);
            self.chains[at].remove(index, &task, item);
        }
        for at in 0..before.len() {
            self.settle(before[at].0);
            self.part(before[at].0, &mut before);
        }
        before
    }

    /// Makes chains of their own of what is parted by a time that is not paid for: each may be of another type.
    fn part(&mut self, at: usize, before: &mut Vec<(usize, Chain)>) {
        loop {
            let Some(from_ms) = self.chains[at].last_gap_end(self.boot_ms) else {
                return;
            };
            let new = self.empty_chain();
            if before.iter().all(|(other, _)| *other != new) {
                before.push((new, Chain::default()));
            }
            let tasks = std::mem::take(&mut self.chains[at].tasks);
            let (later, rest): (Vec<u32>, Vec<u32>) = tasks
                .into_iter()
                .partition(|&task| self.problem.tasks[task as usize].start_ms >= from_ms);
            let chain = &mut self.chains[at];
            chain.tasks = rest;
            let cut = chain
                .segments
                .partition_point(|segment| segment.from_ms < from_ms);
            let segments = chain.segments.split_off(cut);
            for &task in &later {
                self.chain_of[task as usize] = u32::try_from(new).unwrap_or(NOWHERE);
            }
            self.chains[new].tasks = later;
            self.chains[new].segments = segments;
            self.settle(new);
            self.settle(at);
        }
    }

    fn settle(&mut self, at: usize) {
        let boot_ms = self.boot_ms;
        let chain = &mut self.chains[at];
        self.left = self.left.saturating_sub(chain.segments.len() as u64);
        chain.settle(boot_ms);
        let peak = chain.peak;
        if let Some(offer) = self.offer(peak).copied() {
            self.chains[at].take(&offer);
        }
        self.book(at);
    }

    /// Puts tasks again, in one of several orders; the instances changed by that are added to `before`.
    fn put_again(&mut self, removed: &[u32], before: &mut Vec<(usize, Chain)>) -> Option<()> {
        let tasks = self.problem.tasks;
        let mut order = removed.to_vec();
        self.random.shuffle(&mut order);
        let way = self.random.u8(0..6);
        let size = |task: &u32| {
            let amount = self.item(*task).0;
            std::cmp::Reverse(u64::from(amount[0]) * 4 + u64::from(amount[1]))
        };
        match way {
            0 | 1 => order.sort_by_key(|&task| std::cmp::Reverse(tasks[task as usize].ms())),
            2 => order.sort_by_key(|&task| tasks[task as usize].start_ms),
            3 | 4 => order.sort_by_key(size),
            _ => {}
        }
        for task in order {
            let at = self.place_for(task, 0.02)?;
            if before.iter().all(|(other, _)| *other != at.0) {
                before.push((at.0, self.chains[at.0].clone()));
            }
            self.add(task, at)?;
        }
        Some(())
    }

    fn undo(&mut self, before: Vec<(usize, Chain)>) {
        for (at, chain) in before {
            for &task in &chain.tasks {
                self.chain_of[task as usize] = u32::try_from(at).unwrap_or(NOWHERE);
            }
            self.chains[at] = chain;
            self.book(at);
        }
    }

    /// The chains as instances: each span between stops one of its own, of the cheapest type that holds it.
    fn fleet(&self) -> Fleet {
        let mut fleet = Fleet {
            instances: Vec::new(),
            instance_of: vec![NOWHERE; self.problem.tasks.len()],
        };
        for chain in self.chains.iter().filter(|chain| !chain.tasks.is_empty()) {
            let mut tasks = chain.tasks.clone();
            tasks.sort_unstable_by_key(|&task| (self.problem.tasks[task as usize].start_ms, task));
            let mut spans: Vec<(i64, i64, [u32; 4], i64)> = Vec::new();
            for (at, segment) in chain.segments.iter().enumerate() {
                let Some(next) = chain.segments.get(at + 1) else {
                    break;
                };
                if segment.tasks == 0 {
                    continue;
                }
                match spans.last_mut() {
                    Some(last) if segment.from_ms - last.1 <= self.boot_ms => {
                        last.1 = next.from_ms;
                        last.3 += next.from_ms - segment.from_ms;
                        for (peak, used) in last.2.iter_mut().zip(segment.used) {
                            *peak = (*peak).max(used);
                        }
                    }
                    _ => spans.push((
                        segment.from_ms,
                        next.from_ms,
                        segment.used,
                        next.from_ms - segment.from_ms,
                    )),
                }
            }
            let base = fleet.instances.len();
            for task in tasks {
                let start_ms = self.problem.tasks[task as usize].start_ms;
                let span = spans.partition_point(|span| span.0 <= start_ms) - 1;
                fleet.instance_of[task as usize] = u32::try_from(base + span).unwrap_or(NOWHERE);
            }
            for (start_ms, to_ms, peak, busy_ms) in spans {
                let from_ms = start_ms
                    .saturating_sub(self.boot_ms)
                    .max(self.problem.window.from_ms);
                let offer = self.offer(peak);
                fleet.instances.push(Instance {
                    type_index: offer.map_or(0, |offer| offer.index),
                    lease: Lease {
                        from_ms,
                        to_ms,
                        busy_ms,
                        boot_ms: start_ms - from_ms,
                    },
                });
            }
        }
        fleet
    }
}
