//! The fleet of one account, region and architecture.

use std::collections::BTreeSet;

use super::{FleetOptions, PackedFleet, Site, TenantShare, WhatIf};
use crate::demand::Slot;
use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR, SLOT_MS, TaskSize, Usd, Window};
use crate::model::workload::{Configuration, Kind, Os, Platform, PurchaseOption, WorkloadKey};
use crate::pack::{
    self, Effort, FleetPlan, InstanceType, Item, Load, Network, Rules, Step, Tenant, Unpackable,
    Work,
};
use crate::placement::{Need, Prices, ec2, fargate, size};
use crate::pricing::{InstanceType as Priced, NotPriced};
use crate::recommend::choose::cheapest;
use crate::recommend::{Assessed, Policy};

/// A probe of ECS Managed Instances saw 109 s from nothing to the first task, and 93 s until an empty instance was gone.
/// Source: public measurement of one account, 2026.
const MANAGED_BOOT_MS: u32 = 109_000;
const MANAGED_SCALE_IN_MS: u32 = 93_000;

/// A sample of a service holds for so many slots at most: a quarter of an hour.
const HELD_SLOTS: i64 = 3;

/// How a workload's time in the window compares with a month at its present pace.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    window_ms: i64,
    month_ms: i64,
}

impl Pace {
    /// A month of what costs this in the window.
    pub(super) fn month_of(self, in_window: Usd) -> Usd {
        in_window.part(self.month_ms.into(), self.window_ms.into())
    }

    /// The window's part of what costs this in a month.
    fn window_of(self, month: Usd) -> Usd {
        month.part(self.window_ms.into(), self.month_ms.into())
    }
}

/// The pace of a fleet: it is there all through the window.
fn fleet_pace(window: Window) -> Pace {
    Pace {
        window_ms: window.ms(),
        month_ms: HOURS_PER_MONTH * MS_PER_HOUR,
    }
}

/// The pace of a workload whose tasks are packed for `packed_ms`, against a month at the rate at which it ran since it is
/// configured as it is: so an hour of a task on the fleet is held against an hour elsewhere, also where nobody looked on
/// some days or readings are few. `None` where nothing ran.
fn pace_of(workload: &Assessed, packed_ms: i64) -> Option<Pace> {
    let pace = workload.demand.pace.as_ref()?;
    let components = pace.components.iter();
    let ran_ms: i64 = components
        .map(|component| component.metered.best.elapsed)
        .sum();
    let month = i128::from(ran_ms) * i128::from(HOURS_PER_MONTH * MS_PER_HOUR)
        / i128::from(pace.observed_ms.max(1));
    let pace = Pace {
        window_ms: packed_ms,
        month_ms: i64::try_from(month).ok()?,
    };
    (pace.window_ms > 0 && pace.month_ms > 0).then_some(pace)
}

/// A workload that could be a tenant.
#[derive(Clone, Copy)]
pub(super) struct Candidate<'a> {
    pub(super) workload: &'a Assessed,
    need: Need,
    choice: Choice,
    pace: Option<Pace>,
    /// The least that it costs without the fleet, in the window.
    least_elsewhere: Option<Usd>,
}

/// What a workload may do, amounts in the window.
#[derive(Debug, Clone, Copy)]
enum Choice {
    /// On the fleet if that is cheaper than this, which is what it costs elsewhere less what a change must save.
    Below(Usd),
    /// It runs on EC2 already and can, or is advised to, go nowhere else.
    Bound,
    /// Nothing is advised: its need or its cost is not known.
    None,
}

impl<'a> Candidate<'a> {
    pub(super) fn of(workload: &'a Assessed, need: Need, policy: &Policy, window: Window) -> Self {
        let pace = pace_of(workload, packed_ms(&load(workload), window));
        let is_on_ec2 = workload.configuration.platform() == Some(Platform::Ec2);
        let known = elsewhere(workload).zip(pace);
        let choice = match known.filter(|_| workload.requirement.is_ok()) {
            Some((month, pace)) if is_on_ec2 => {
                Choice::Below(pace.window_of(month + policy.least_move_saving(month)))
            }
            Some((month, pace)) => {
                let limit = month - policy.least_move_saving(month);
                Choice::Below(pace.window_of(limit.max(Usd::ZERO)))
            }
            None if is_on_ec2 => Choice::Bound,
            None => Choice::None,
        };
        Self {
            workload,
            need,
            choice,
            pace,
            least_elsewhere: known.map(|(month, pace)| pace.window_of(month)),
        }
    }

    /// A month of what costs this in the window, at its own pace; `None` where nothing ran.
    pub(super) fn month_of(&self, in_window: Usd) -> Option<Usd> {
        self.pace.map(|pace| pace.month_of(in_window))
    }

    pub(super) fn key(&self) -> &WorkloadKey {
        &self.workload.demand.workload
    }

    /// The most that it may cost here in the window to be worth it; `None` where it has no choice.
    pub(super) fn elsewhere(&self) -> Option<Usd> {
        match self.choice {
            Choice::Below(usd) => Some(usd),
            Choice::Bound | Choice::None => None,
        }
    }

    /// What it may have in common with others.
    fn marks(&self) -> Vec<String> {
        let key = self.key();
        vec![key.kind.as_str().to_owned(), key.cluster.clone()]
    }

    fn tenant(&self) -> Tenant {
        Tenant {
            item: item(self.need.size(), &self.workload.configuration),
            load: load(self.workload),
        }
    }
}

/// What a task of this size takes of an instance: in `bridge` and `host` mode no network interface of its own.
pub(super) fn item(size: TaskSize, configuration: &Configuration) -> Item {
    let shares_interface = matches!(
        configuration.network_mode.as_deref(),
        Some("bridge" | "host" | "none")
    );
    Item {
        interfaces: u32::from(!shares_interface),
        ..Item::of(size)
    }
}

/// Every run from start to stop, where runs are known; else the number of running tasks over time.
fn load(workload: &Assessed) -> Load {
    let demand = &workload.demand;
    if !demand.spans.is_empty() {
        return Load::Runs(demand.spans.clone());
    }
    let slots: Vec<Slot> = demand.slots.iter().collect();
    if demand.workload.kind == Kind::Service && is_thin(&slots) {
        return Load::Tasks(held(&slots));
    }
    let slots = slots.iter().map(|slot| {
        let from_ms = slot.slot.saturating_mul(SLOT_MS);
        (from_ms, slot.peak, slot.task_ms)
    });
    Load::of_slots(SLOT_MS, slots)
}

/// Whether the samples of a service come more rarely than once a minute: its tasks did not stop between two of them, and
/// the count of one says of how many minutes it is no more than of how many tasks.
fn is_thin(slots: &[Slot]) -> bool {
    let mut permille: Vec<i64> = slots
        .iter()
        .map(|slot| slot.task_ms * 1000 / (i64::from(slot.peak.max(1)) * SLOT_MS))
        .collect();
    permille.sort_unstable();
    permille.get(permille.len() / 2).is_some_and(|&of| of < 500)
}

/// The tasks of a service over time: as many as run for the counted time, in whole tasks, until the next sample.
fn held(slots: &[Slot]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let tasks_in = |slot: &Slot| {
        let tasks = (slot.task_ms + SLOT_MS - 1) / SLOT_MS;
        u32::try_from(tasks).unwrap_or(slot.peak).min(slot.peak)
    };
    for (at, slot) in slots.iter().enumerate() {
        let next = slots.get(at + 1).map(|next| next.slot - slot.slot);
        let lasting = next.filter(|&slots| slots <= HELD_SLOTS).unwrap_or(1);
        let from_ms = slot.slot.saturating_mul(SLOT_MS);
        let to_ms = from_ms.saturating_add(lasting * SLOT_MS);
        match steps.last_mut() {
            Some(last) if last.to_ms == from_ms && last.tasks == tasks_in(slot) => {
                last.to_ms = to_ms;
            }
            _ => steps.push(Step {
                from_ms,
                to_ms,
                tasks: tasks_in(slot),
            }),
        }
    }
    steps
}

/// How long its tasks run in `window`, together.
fn packed_ms(load: &Load, window: Window) -> i64 {
    match load {
        Load::Runs(runs) => runs
            .iter()
            .map(|&(from_ms, to_ms)| window.overlap_ms(from_ms, to_ms))
            .sum(),
        Load::Tasks(steps) => steps
            .iter()
            .map(|step| window.overlap_ms(step.from_ms, step.to_ms) * i64::from(step.tasks))
            .sum(),
    }
}

/// The least a month costs without the fleet: resized where it is, or on the other platform, on demand.
fn elsewhere(workload: &Assessed) -> Option<Usd> {
    let stay = workload
        .resized
        .as_ref()
        .filter(|placement| placement.platform != Platform::Ec2)
        .and_then(|placement| Some(placement.rate()?.usd));
    let go = cheapest(workload, |placement| placement.platform != Platform::Ec2);
    stay.into_iter().chain(go.map(|(_, usd)| usd)).min()
}

/// Workloads, and what they do.
pub(super) struct Asked<'a> {
    pub(super) candidates: Vec<Candidate<'a>>,
    work: Work,
}

impl<'a> Asked<'a> {
    /// Those that are `wanted`.
    fn among(&self, mut wanted: impl FnMut(&Candidate<'a>) -> bool) -> Self {
        let places = 0..self.candidates.len();
        let places: Vec<usize> = places.filter(|&at| wanted(&self.candidates[at])).collect();
        Self {
            candidates: places.iter().map(|&at| self.candidates[at]).collect(),
            work: self.work.of(&places),
        }
    }

    /// Takes those out that are in the way: these, or all where it is not about single ones.
    fn leave_out(&mut self, unpackable: &Unpackable) -> Vec<(Candidate<'a>, String)> {
        let named: BTreeSet<usize> = unpackable.tenants.iter().copied().collect();
        let is_out = |at: &usize| named.is_empty() || named.contains(at);
        let out = (0..self.candidates.len()).filter(is_out);
        let out = out.map(|at| (self.candidates[at], unpackable.to_string()));
        let out = out.collect();
        let mut at = 0..;
        *self = self.among(|_| at.next().is_some_and(|at| !is_out(&at)));
        out
    }
}

/// What a fleet is planned by.
pub(super) struct Planner<'a> {
    prices: &'a Prices<'a>,
    window: Window,
    options: &'a FleetOptions,
    rules: Rules,
}

impl<'a> Planner<'a> {
    /// `daemons` run on every instance.
    pub(super) fn new(
        prices: &'a Prices<'a>,
        window: Window,
        options: &'a FleetOptions,
        daemons: Vec<Item>,
    ) -> Self {
        Self {
            prices,
            window,
            options,
            rules: Rules {
                daemons,
                ..options.rules.clone()
            },
        }
    }
}

impl Planner<'_> {
    /// The priced types that may be used.
    pub(super) fn instance_types(&self, site: &Site) -> Result<Vec<InstanceType>, NotPriced> {
        let book = self.prices.book;
        let root_usd_per_hour = ec2::root_usd_per_hour(book.root_volume_gib_month(&site.region)?);
        let patterns = &self.options.instance_types;
        let types: Vec<InstanceType> = book
            .instance_types(&site.region, site.architecture)?
            .iter()
            .filter(|of| {
                patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, &of.name))
            })
            .map(|of| InstanceType {
                root_usd_per_hour,
                ..packable(of)
            })
            .collect();
        if types.is_empty() {
            return Err(NotPriced::new(format!(
                "no {} instance type in {} is called {}",
                site.architecture,
                site.region,
                patterns.join(" or ")
            )));
        }
        Ok(types)
    }

    /// What the candidates do, without those that no instance type holds, and these with the reason.
    pub(super) fn fitting<'c>(
        &self,
        types: &[InstanceType],
        candidates: Vec<Candidate<'c>>,
    ) -> (Asked<'c>, Vec<(Candidate<'c>, String)>) {
        let tenants: Vec<Tenant> = candidates.iter().map(Candidate::tenant).collect();
        let mut asked = Asked {
            work: Work::new(&tenants, self.window),
            candidates,
        };
        let mut refused = Vec::new();
        while let Err(unpackable) = pack::packable(&asked.work, types, &self.rules) {
            refused.extend(asked.leave_out(&unpackable));
            if asked.candidates.is_empty() {
                break;
            }
        }
        (asked, refused)
    }

    /// All of them on one fleet.
    pub(super) fn everyone(
        &self,
        types: &[InstanceType],
        asked: &Asked<'_>,
    ) -> Result<FleetPlan, Unpackable> {
        let stage = tracing::debug_span!("packing", workloads = asked.candidates.len());
        stage.in_scope(|| pack::plan(&asked.work, types, &self.rules))
    }

    /// Who belongs on the fleet, so that the sum of all that can be advised is least; `None` where that is nobody.
    pub(super) fn decide<'c>(
        &self,
        types: &[InstanceType],
        all: &Asked<'c>,
    ) -> Option<(FleetPlan, Asked<'c>)> {
        let asked = all.among(|candidate| {
            !matches!(candidate.choice, Choice::None) && candidate.pace.is_some()
        });
        let choices: Vec<pack::Candidate> = asked
            .candidates
            .iter()
            .map(|candidate| pack::Candidate {
                elsewhere: candidate.elsewhere(),
                marks: candidate.marks(),
            })
            .collect();
        let rules = Rules {
            effort: self.options.decide,
            ..self.rules.clone()
        };
        let stage = tracing::debug_span!("deciding", workloads = choices.len());
        let decided = stage.in_scope(|| pack::decide(&asked.work, &choices, types, &rules));
        let decided = decided.ok()?;
        let mut on_fleet = decided.on_fleet.iter();
        let stayers = asked.among(|_| on_fleet.next().is_some_and(|on| *on));
        Some((decided.fleet?, stayers))
    }

    /// The fleet with its amounts as a month's; `paid` is what the tenants of an advised one pay in the window. `None`
    /// where no time was observed.
    pub(super) fn packed(
        &self,
        site: &Site,
        types: &[InstanceType],
        plan: FleetPlan,
        asked: &Asked<'_>,
        paid: Option<&[Usd]>,
    ) -> Option<PackedFleet> {
        let tenants = &asked.candidates;
        if self.window.ms() <= 0 {
            return None;
        }
        let month = |usd: Usd| fleet_pace(self.window).month_of(usd);
        let share = |(at, tenant): (usize, &Candidate<'_>)| {
            let share = &plan.shares[at];
            TenantShare {
                workload: tenant.key().clone(),
                cost: month(paid.map_or(share.cost(), |paid| paid[at])),
                split_cost: pack::SplitCost {
                    split: month(share.split_cost.split),
                    unused: month(share.split_cost.unused),
                },
                marginal: share.marginal.map(month),
                elsewhere: tenant.least_elsewhere.map(month),
            }
        };
        Some(PackedFleet {
            account: site.account.clone(),
            region: site.region.clone(),
            architecture: site.architecture,
            is_advised: paid.is_some(),
            modelled: month(plan.modelled),
            achievable: month(plan.achievable),
            floor: month(plan.floor),
            without_trunking: plan.without_trunking.map(month),
            unpacked: month(plan.unpacked),
            fargate: tenants
                .iter()
                .map(|tenant| {
                    let fargate = self.on_fargate(site, tenant.workload)?;
                    Some(month(tenant.pace?.window_of(fargate)))
                })
                .sum(),
            tenants: tenants.iter().enumerate().map(share).collect(),
            changes: self.changes(site, types, &plan, &asked.work),
            plan,
        })
    }

    /// What the fleet would cost if one thing were different, cheapest first; only what is cheaper.
    fn changes(
        &self,
        site: &Site,
        types: &[InstanceType],
        plan: &FleetPlan,
        work: &Work,
    ) -> Vec<WhatIf> {
        let rules = Rules {
            effort: Effort {
                steps: self.rules.effort.steps / 4,
            },
            ..self.rules.clone()
        };
        let mut tried = vec![(
            "one Availability Zone instead of several, which then stops with it",
            types.to_vec(),
            Rules {
                availability_zones: 1,
                ..rules.clone()
            },
        )];
        if rules.network != Network::BridgeOrHost {
            let network = match rules.network {
                Network::Awsvpc => Network::AwsvpcTrunking,
                _ => Network::BridgeOrHost,
            };
            let change = match network {
                Network::AwsvpcTrunking => "the account setting awsvpcTrunking",
                _ => "network mode bridge instead of awsvpc",
            };
            let rules = Rules {
                network,
                ..rules.clone()
            };
            tried.push((change, types.to_vec(), rules));
        }
        if rules.target_capacity_percent < 100 {
            let rules = Rules {
                target_capacity_percent: 100,
                ..rules.clone()
            };
            tried.push((
                "target capacity 100 %, without spares",
                types.to_vec(),
                rules,
            ));
        }
        if let Some(managed) = self.managed(site, types) {
            let rules = Rules {
                network: Network::AwsvpcTrunking,
                boot_ms: MANAGED_BOOT_MS,
                scale_in_ms: MANAGED_SCALE_IN_MS,
                from_zero: 1,
                target_capacity_percent: 100,
                ..rules
            };
            tried.push(("ECS Managed Instances, fee included", managed, rules));
        }
        let stage = tracing::debug_span!("what if", questions = tried.len());
        let month = |usd: Usd| fleet_pace(self.window).month_of(usd);
        let asked = |(change, types, rules): &(&'static str, Vec<InstanceType>, Rules)| {
            let modelled = pack::modelled(work, types, rules).ok()?;
            (modelled < plan.modelled).then(|| WhatIf {
                change,
                modelled: month(modelled),
            })
        };
        let mut changes: Vec<WhatIf> =
            stage.in_scope(|| in_two(&tried, asked).into_iter().flatten().collect());
        changes.sort_by_key(|change| (change.modelled, change.change));
        changes
    }

    /// The same types as ECS Managed Instances sells them; `None` where a fee is not known.
    fn managed(&self, site: &Site, types: &[InstanceType]) -> Option<Vec<InstanceType>> {
        let book = self.prices.book;
        let with_fee = |of: &InstanceType| {
            let priced = book.instance_type(&site.region, &of.name).ok()?;
            let fee = book.managed_instances_fee(&site.region, priced).ok()?;
            Some(InstanceType {
                fee_usd_per_hour: fee.usd,
                ..of.clone()
            })
        };
        types.iter().map(with_fee).collect()
    }

    /// The same tenant on Fargate, on demand, at the same need; a privileged build is priced as if it could go.
    fn on_fargate(&self, site: &Site, workload: &Assessed) -> Option<Usd> {
        let pace = workload.demand.pace.as_ref()?;
        let found = self
            .prices
            .book
            .fargate(
                &site.region,
                Os::Linux,
                site.architecture,
                PurchaseOption::OnDemand,
            )
            .ok()?;
        let task = size::fargate_for(workload.need?, Os::Linux)?;
        let tariff = fargate::tariff(found, task, workload.configuration.ephemeral_gib).ok()?;
        let ms = pace
            .components
            .iter()
            .map(|component| tariff.meter.of(&component.metered.best))
            .sum();
        tariff.usd(ms).per_month(pace.observed_ms)
    }
}

fn packable(of: &Priced) -> InstanceType {
    InstanceType {
        name: of.name.clone(),
        cpu_units: of.cpu_units,
        memory_mib: of.memory_mib,
        task_slots: of.task_slots,
        task_slots_trunking: of.task_slots_trunking,
        usd_per_hour: of.usd_per_hour,
        ..InstanceType::default()
    }
}

/// The answers to all of these, in their order, half of them on another thread.
fn in_two<A: Sync, B: Send>(asked: &[A], answer: impl Fn(&A) -> B + Sync) -> Vec<B> {
    let (one, other) = asked.split_at(asked.len() / 2);
    let all = |asked: &[A]| asked.iter().map(&answer).collect::<Vec<B>>();
    let (mut first, rest) = both(|| all(one), || all(other));
    first.extend(rest);
    first
}

/// Both answers, the first one on another thread.
pub(super) fn both<A: Send, B>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    std::thread::scope(|threads| {
        let one = threads.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

/// Whether a name fits a pattern, in which `*` stands for anything.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(slot: i64, task_ms: i64, peak: u32) -> Slot {
        Slot {
            slot,
            task_ms,
            peak,
        }
    }

    #[test]
    fn tasks_of_a_service_do_not_stop_between_two_readings() {
        // Five minutes of two tasks in one record, counted as ten samples; then a quarter of an hour without one, and more.
        let slots = [0, 1, 4, 9].map(|at| slot(at, 600_000, 10));
        assert!(is_thin(&slots));
        let step = |from: i64, to: i64| Step {
            from_ms: from * SLOT_MS,
            to_ms: to * SLOT_MS,
            tasks: 2,
        };
        assert_eq!(held(&slots), [step(0, 5), step(9, 10)]);
        let window = Window {
            from_ms: 0,
            to_ms: 2 * SLOT_MS,
        };
        assert_eq!(packed_ms(&Load::Tasks(held(&slots)), window), 4 * SLOT_MS);
        assert!(!is_thin(&[0, 1, 2].map(|at| slot(at, 600_000, 2))));
    }

    #[test]
    fn a_star_stands_for_anything() {
        let fits = |pattern, name| matches(pattern, name);
        assert!(fits("m7g.*", "m7g.large") && fits("*.large", "m7g.large") && fits("*", "x"));
        assert!(fits("m7g.large", "m7g.large") && fits("c*.8x*", "c6i.8xlarge"));
        assert!(!fits("m7g.*", "m7gd.large") && !fits("m7g", "m7g.large") && !fits("", "m"));
    }
}
