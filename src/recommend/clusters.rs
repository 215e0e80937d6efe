//! Clusters that run on EC2 instances today: what the instances cost, and each workload's part of it.
//!
//! Known are snapshots: the instances that were there when somebody looked. A month costs what those of the last
//! snapshot do, on demand, each with the root volume of the ECS-optimised image; where the window's other snapshots
//! showed cheaper or dearer fleets, it lies between the cheapest and the dearest.

mod could_be;
#[cfg(test)]
mod could_be_tests;
mod judge;
mod occupants;
mod ways;

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Assessed, Policy};
use crate::demand::instances::{ClusterInstance, ClusterInstances, ClusterKey, Snapshots};
use crate::demand::{Component, Demand};
use crate::model::units::{HOURS_PER_MONTH, MS_PER_DAY, MS_PER_HOUR, TaskSize, Usd, Window};
use crate::model::workload::{Platform, WorkloadKey};
use crate::pack::{Resources, Rules, nine_to_one};
use crate::placement::{Prices, ec2};
use crate::pricing::NotPriced;
use crate::pricing::cost::{Amount, CostLine};
pub use could_be::{Change, CouldBe, Scaled, Sizes, Way};

const MONTH_MS: i64 = HOURS_PER_MONTH * MS_PER_HOUR;

/// A cluster with EC2 instances of its own.
#[derive(Debug, Clone)]
pub struct Cluster {
    /// Which.
    pub key: ClusterKey,
    /// Instances of each type in the last snapshot; `None` for those whose agent does not tell the type.
    pub instances: BTreeMap<Option<String>, u32>,
    /// What a month of them costs.
    pub going_rate: Result<Amount, NotPriced>,
    /// How much of what they offer its tasks reserve on average, 0 to 1; `None` where either is not known.
    pub reserved: Option<Reserved>,
    /// What runs on them.
    pub tenants: Vec<Tenant>,
    /// What it could be instead.
    pub could_be: CouldBe,
}

/// Shares of what instances offer to tasks, 0 to 1; above 1 where tasks ran that the last snapshot has no room for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reserved {
    /// Of the processors.
    pub cpu: f64,
    /// Of the memory.
    pub memory: f64,
}

/// A workload on instances.
#[derive(Debug, Clone)]
pub struct Tenant {
    /// Which.
    pub workload: WorkloadKey,
    /// Its part of the going rate, by AWS's split-cost rule on what it reserves.
    pub share: Result<Amount, NotPriced>,
}

/// What clusters are judged by.
#[derive(Clone, Copy)]
pub(crate) struct Ground<'a> {
    /// Of instances and volumes.
    pub(crate) prices: &'a Prices<'a>,
    /// What is worth a change, and how much must have been seen.
    pub(crate) policy: &'a Policy,
    /// What counts.
    pub(crate) window: Window,
    /// As fleets are run.
    pub(crate) rules: &'a Rules,
}

/// The clusters that showed instances, with what runs on them: those of `workloads`, and `others` that are left out of a
/// report. A cluster on which none of `workloads` runs, but another one does, is left out as well.
pub(crate) fn of(
    workloads: &[Assessed],
    others: &[Assessed],
    instances: &ClusterInstances,
    ground: &Ground<'_>,
) -> Vec<Cluster> {
    let of_report = tenants(workloads);
    let of_others = tenants(others);
    let shown =
        |(key, _): &(&ClusterKey, _)| of_report.contains_key(*key) || !of_others.contains_key(*key);
    let cluster = |(key, snapshots): (&ClusterKey, &Snapshots)| {
        let on_it = [&of_report, &of_others].map(|tenants| tenants.get(key));
        let mut on_it: Vec<&Assessed> = on_it.into_iter().flatten().flatten().copied().collect();
        on_it.sort_by_key(|tenant| &tenant.demand.workload);
        cluster(
            key.clone(),
            &in_window(snapshots, ground.window),
            &on_it,
            ground,
        )
    };
    instances.iter().filter(shown).filter_map(cluster).collect()
}

/// Those that run on instances, by cluster.
fn tenants(workloads: &[Assessed]) -> BTreeMap<ClusterKey, Vec<&Assessed>> {
    let mut tenants: BTreeMap<ClusterKey, Vec<&Assessed>> = BTreeMap::new();
    for workload in workloads.iter().filter(|of| is_on_instances(&of.demand)) {
        let key = cluster_of(&workload.demand.workload);
        tenants.entry(key).or_default().push(workload);
    }
    tenants
}

/// Gives workloads that run on instances, and on nothing else, their part of the cost of these.
pub(crate) fn share_out(clusters: &[Cluster], workloads: &mut [Assessed]) {
    let tenants = clusters.iter().flat_map(|cluster| &cluster.tenants);
    let shares: BTreeMap<&WorkloadKey, _> = tenants
        .map(|tenant| (&tenant.workload, &tenant.share))
        .collect();
    for workload in workloads {
        let runs_elsewhere = workload.demand.pace.iter().any(|pace| {
            let mut components = pace.components.iter();
            components.any(|component| component.configuration.platform() != Some(Platform::Ec2))
        });
        match shares.get(&workload.demand.workload) {
            Some(share) if !runs_elsewhere && workload.going_rate.is_err() => {
                workload.going_rate = (*share).clone();
            }
            _ => {}
        }
    }
}

fn cluster_of(workload: &WorkloadKey) -> ClusterKey {
    ClusterKey {
        account: workload.account.clone(),
        region: workload.region.clone(),
        cluster: workload.cluster.clone(),
    }
}

/// What ran on instances of what runs at the present pace.
fn on_instances(demand: &Demand) -> impl Iterator<Item = &Component> {
    let components = demand.pace.iter().flat_map(|pace| &pace.components);
    components.filter(|component| component.configuration.platform() == Some(Platform::Ec2))
}

/// Whether it runs on instances, as far as is known.
pub(crate) fn is_on_instances(demand: &Demand) -> bool {
    let current = demand.current.as_ref();
    on_instances(demand).next().is_some()
        || current.is_some_and(|current| current.platform() == Some(Platform::Ec2))
}

/// The snapshots of the window, in order, and the next one within a day: what is collected ends a few minutes before
/// somebody looks. Where there are none, the last one before.
fn in_window(snapshots: &Snapshots, window: Window) -> Vec<&[ClusterInstance]> {
    let inside = snapshots.range(window.from_ms..=window.to_ms);
    let next =
        snapshots.range(window.to_ms.saturating_add(1)..=window.to_ms.saturating_add(MS_PER_DAY));
    let seen = inside.chain(next.take(1)).map(|(_, seen)| seen.as_slice());
    let mut found: Vec<&[ClusterInstance]> = seen.collect();
    if found.is_empty() {
        let before = snapshots.range(..window.from_ms).next_back();
        found.extend(before.map(|(_, seen)| seen.as_slice()));
    }
    found
}

/// What is said of a cluster with these snapshots; `None` without one.
fn cluster(
    key: ClusterKey,
    snapshots: &[&[ClusterInstance]],
    tenants: &[&Assessed],
    ground: &Ground<'_>,
) -> Option<Cluster> {
    let last = snapshots.last()?;
    let going_rate = going_rate(snapshots, &key.region, ground.prices);
    let mut instances = BTreeMap::new();
    for instance in *last {
        *instances.entry(instance.instance_type.clone()).or_insert(0) += 1;
    }
    let capacity = capacity(last);
    let reserved: Vec<Option<Resources>> = tenants
        .iter()
        .map(|tenant| reserved_a_month(&tenant.demand))
        .collect();
    let shares = match (&going_rate, capacity) {
        (Ok(rate), Some(capacity)) => shares(rate, capacity, &reserved),
        (Err(reason), _) => vec![Err(reason.clone()); tenants.len()],
        (_, None) => vec![Err(no_capacity()); tenants.len()],
    };
    let tenant = |(tenant, share): (&&Assessed, _)| Tenant {
        workload: tenant.demand.workload.clone(),
        share,
    };
    Some(Cluster {
        reserved: capacity.and_then(|capacity| share_reserved(capacity, &reserved)),
        tenants: tenants.iter().zip(shares).map(tenant).collect(),
        could_be: ground.judge(&key.region, last, &going_rate, tenants),
        key,
        instances,
        going_rate,
    })
}

fn no_capacity() -> NotPriced {
    NotPriced::new("runs on EC2 instances of which the last snapshot does not tell what they offer")
}

/// What instances offer to tasks in a month; `None` where one does not tell.
fn capacity(instances: &[ClusterInstance]) -> Option<Resources> {
    let offered = instances.iter().map(|instance| {
        let size = TaskSize::new(instance.cpu_units?, instance.memory_mib?);
        Some(Resources::of(size, MONTH_MS))
    });
    offered.sum()
}

/// What a workload reserves on instances in a month at its present pace; `None` where its size or its pace is not known.
fn reserved_a_month(demand: &Demand) -> Option<Resources> {
    let pace = demand.pace.as_ref().filter(|pace| pace.observed_ms > 0)?;
    if demand.runs.only_glimpsed {
        return None;
    }
    let reserved: Resources = on_instances(demand)
        .map(|component| {
            let size = component.configuration.size()?;
            Some(Resources::of(size, component.metered.best.elapsed))
        })
        .sum::<Option<_>>()?;
    let a_month = |amount: i128| amount * i128::from(MONTH_MS) / i128::from(pace.observed_ms);
    Some(Resources {
        cpu: a_month(reserved.cpu),
        memory: a_month(reserved.memory),
    })
}

fn share_reserved(capacity: Resources, reserved: &[Option<Resources>]) -> Option<Reserved> {
    let all: Resources = reserved.iter().copied().sum::<Option<_>>()?;
    let share = |of: i128, whole: i128| (whole > 0).then(|| of as f64 / whole as f64);
    Some(Reserved {
        cpu: share(all.cpu, capacity.cpu)?,
        memory: share(all.memory, capacity.memory)?,
    })
}

/// Each tenant's part of `rate`. Where one of them reserves nobody knows what, the others pay no less than for what they
/// reserve, and no more than with all that is left over.
fn shares(
    rate: &Amount,
    capacity: Resources,
    reserved: &[Option<Resources>],
) -> Vec<Result<Amount, NotPriced>> {
    let known: Vec<Resources> = reserved.iter().copied().flatten().collect();
    let all_known = known.len() == reserved.len();
    let mut splits = nine_to_one(rate.usd, capacity, &known).into_iter();
    let mut share = |reserved: &Option<Resources>| {
        let split = reserved.and_then(|_| splits.next()).ok_or_else(|| {
            NotPriced::new(
                "runs on EC2 instances, and what it reserves of them is not known: its tasks have no size, or no pace",
            )
        })?;
        let least = if all_known {
            split.total()
        } else {
            split.split
        };
        Ok(part_of(rate, least, split.total()))
    };
    reserved.iter().map(&mut share).collect()
}

/// The part of `rate` whose best figure is `usd`, at least `least` where the rate is what it is.
fn part_of(rate: &Amount, least: Usd, usd: Usd) -> Amount {
    let of = |part: Usd, end: Usd| scaled(part, end, rate.usd);
    Amount {
        usd,
        low: of(least, rate.low).min(usd),
        high: rate.high.map(|high| of(usd, high).max(usd)),
        estimated: true,
        lines: lines(rate, usd),
    }
}

/// `part × end ÷ whole`.
fn scaled(part: Usd, end: Usd, whole: Usd) -> Usd {
    let ratio = end.amount().checked_div(whole.amount());
    let scaled = ratio.and_then(|ratio| ratio.checked_mul(part.amount()));
    scaled.map_or(part, Usd::new)
}

/// The lines of `rate` for a part of it; they add up to that part.
fn lines(rate: &Amount, part: Usd) -> Vec<CostLine> {
    let ratio = part.amount().checked_div(rate.usd.amount());
    let ratio = ratio.unwrap_or(Decimal::ZERO);
    let line = |line: &CostLine| CostLine {
        quantity: line.quantity * ratio,
        usd: Usd::new(line.usd.amount() * ratio),
        ..line.clone()
    };
    let mut lines: Vec<CostLine> = rate.lines.iter().map(line).collect();
    let rounded = part - lines.iter().map(|line| line.usd).sum();
    if let Some(first) = lines.first_mut() {
        first.usd += rounded;
    }
    lines
}

/// What a month of the last of these snapshots costs, between the cheapest and the dearest of them.
fn going_rate(
    snapshots: &[&[ClusterInstance]],
    region: &str,
    prices: &Prices<'_>,
) -> Result<Amount, NotPriced> {
    let mut amount = Amount::default();
    for instances in snapshots {
        let now = month_of(instances, region, prices)?;
        let (low, high) = match amount.high {
            Some(high) => (amount.low.min(now.usd), high.max(now.usd)),
            None => (now.usd, now.usd),
        };
        amount = Amount {
            low,
            high: Some(high),
            estimated: true,
            ..now
        };
    }
    Ok(amount)
}

/// What a month of these instances costs.
fn month_of(
    instances: &[ClusterInstance],
    region: &str,
    prices: &Prices<'_>,
) -> Result<Amount, NotPriced> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for instance in instances {
        let name = instance.instance_type.clone().ok_or_else(|| {
            NotPriced::new("runs on EC2 instances of which one does not tell its type")
        })?;
        *counts.entry(name).or_default() += 1;
    }
    month_of_types(&counts, region, prices)
}

/// What a month of so many instances of each type costs, on demand.
fn month_of_types(
    counts: &BTreeMap<String, u32>,
    region: &str,
    prices: &Prices<'_>,
) -> Result<Amount, NotPriced> {
    let volume = prices.book.gp3(region)?;
    let mut month = Amount::zero();
    for (name, &count) in counts {
        let tariff = ec2::tariff(
            prices.book.instance_type(region, name)?,
            ec2::ROOT_GIB,
            volume,
        );
        let metered_ms = i64::from(count) * MONTH_MS;
        month = month.plus(Amount {
            lines: tariff.lines(metered_ms),
            ..Amount::exact(tariff.usd(metered_ms))
        });
    }
    Ok(month)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::PriceBook;
    use crate::pricing::cost::Certainty;

    fn usd(text: &str) -> Usd {
        Usd::new(text.parse().unwrap())
    }

    fn instances(count: usize) -> Vec<ClusterInstance> {
        let instance = |no: usize| ClusterInstance {
            instance_id: format!("i-{no}"),
            instance_type: Some("m5.large".to_owned()),
            availability_zone: None,
            capacity_provider: None,
            cpu_units: Some(2048),
            memory_mib: Some(7820),
        };
        (0..count).map(instance).collect()
    }

    #[test]
    fn a_month_lies_between_the_cheapest_and_the_dearest_snapshot() {
        let book = PriceBook::embedded().unwrap();
        let prices = Prices {
            book: &book,
            bill_queue_time: false,
        };
        let (one, two, three) = (instances(1), instances(2), instances(3));
        let rate = |seen: &[&[ClusterInstance]]| going_rate(seen, "us-east-1", &prices).unwrap();
        // $0.096 an hour for 730 hours and 30 GiB of gp3 at $0.08: $72.48 a month and instance.
        let steady = rate(&[&two, &two]);
        assert_eq!(steady.usd, usd("144.96"));
        assert_eq!(steady.certainty(), Certainty::Estimated);
        let scaled = rate(&[&three, &one, &two]);
        assert_eq!(
            (scaled.low, scaled.usd, scaled.high),
            (usd("72.48"), usd("144.96"), Some(usd("217.44")))
        );
        assert_eq!(scaled.certainty(), Certainty::Between);
    }

    #[test]
    fn the_fleet_is_that_of_the_window_or_of_who_looked_just_after_it() {
        let looked = |at_ms: &[i64]| -> Vec<usize> {
            let seen: Snapshots = (1..)
                .zip(at_ms)
                .map(|(count, &at_ms)| (at_ms, instances(count)))
                .collect();
            let window = Window {
                from_ms: 10 * MS_PER_DAY,
                to_ms: 20 * MS_PER_DAY,
            };
            in_window(&seen, window)
                .into_iter()
                .map(<[_]>::len)
                .collect()
        };
        let day = MS_PER_DAY;
        assert_eq!(
            looked(&[day, 12 * day, 20 * day + 900_000, 20 * day + 900_001]),
            [2, 3]
        );
        assert_eq!(looked(&[day, 2 * day, 30 * day]), [2]);
        assert!(looked(&[30 * day]).is_empty());
    }

    #[test]
    fn an_instance_without_a_type_or_a_price_is_not_priced() {
        let book = PriceBook::embedded().unwrap();
        let prices = Prices {
            book: &book,
            bill_queue_time: false,
        };
        let mut unknown = instances(2);
        unknown[1].instance_type = None;
        assert!(going_rate(&[&unknown], "us-east-1", &prices).is_err());
        unknown[1].instance_type = Some("m99.large".to_owned());
        assert!(going_rate(&[&unknown], "us-east-1", &prices).is_err());
    }

    #[test]
    fn what_nobody_reserves_is_shared_and_what_somebody_may_reserve_is_a_bound() {
        // One vCPU is worth nine GiB: half of the $100 is for the processor, half for the memory.
        let capacity = Resources {
            cpu: 1024,
            memory: 9 * 1024,
        };
        let rate = Amount::exact(usd("100"));
        let of = |parts: i128| {
            Some(Resources {
                cpu: 1024 / parts,
                memory: 9 * 1024 / parts,
            })
        };
        let paid = |reserved: &[Option<Resources>]| -> Vec<Option<(Usd, Option<Usd>)>> {
            let shares = shares(&rate, capacity, reserved);
            let ends =
                |share: Result<Amount, NotPriced>| share.ok().map(|share| (share.low, share.high));
            shares.into_iter().map(ends).collect()
        };
        let sure = |text: &str| Some((usd(text), Some(usd(text))));
        assert_eq!(paid(&[of(2)]), [sure("100")]);
        assert_eq!(paid(&[of(4), of(4)]), [sure("50"), sure("50")]);
        assert_eq!(
            paid(&[of(4), None]),
            [Some((usd("25"), Some(usd("100")))), None]
        );
    }

    #[test]
    fn the_reservation_of_a_cluster_is_that_of_the_developer_guide() {
        // A c4.4xlarge and a c4.large register 18,432 CPU units and 33,926 MiB; ten tasks of 1,024 units and 2,048 MiB
        // reserve 55 % and 60 %. Source: Amazon ECS developer guide, cluster reservation, read 2026-11.
        let instance = |cpu_units, memory_mib| ClusterInstance {
            cpu_units: Some(cpu_units),
            memory_mib: Some(memory_mib),
            ..instances(1).remove(0)
        };
        let capacity = capacity(&[instance(16_384, 30_158), instance(2_048, 3_768)]).unwrap();
        let task = Resources::of(TaskSize::new(1024, 2048), MONTH_MS);
        let reserved = share_reserved(capacity, &[Some(task); 10]).unwrap();
        assert_eq!(
            (
                (reserved.cpu * 100.0).floor(),
                (reserved.memory * 100.0).floor()
            ),
            (55.0, 60.0)
        );
    }

    #[test]
    fn lines_of_a_part_add_up_to_it() {
        let line = |usd: Usd| CostLine {
            of: "EC2 m5.large".into(),
            component: "instance",
            quantity: Decimal::ONE,
            unit: "instance-hour",
            price: usd.amount(),
            as_of: None,
            quality: crate::pricing::Quality::Exact,
            source: "".into(),
            usd,
        };
        let rate = Amount {
            lines: vec![line(usd("70.08")), line(usd("2.4"))],
            ..Amount::exact(usd("72.48"))
        };
        let part = part_of(&rate, usd("24.16"), usd("24.16"));
        let sum: Usd = part.lines.iter().map(|line| line.usd).sum();
        assert_eq!(sum, usd("24.16"));
        assert!((part.lines[0].usd.as_f64() - 23.36).abs() < 1e-9);
    }
}
