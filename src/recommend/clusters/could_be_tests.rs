//! What clusters could be, against arithmetic by hand.

use super::could_be::Present;
use super::occupants::Occupant;
use super::*;
use crate::model::finding::Finding;
use crate::model::units::MS_PER_MINUTE;
use crate::model::workload::Architecture;
use crate::pack::{InstanceType, Item, Load, Step};
use crate::pricing::PriceBook;
use crate::pricing::cost::Certainty;

const WINDOW: Window = Window {
    from_ms: 0,
    to_ms: 14 * MS_PER_DAY,
};

fn usd(text: &str) -> Usd {
    Usd::new(text.parse().unwrap())
}

/// An m5.large costs $0.096 an hour in us-east-1, its 30 GiB of gp3 $2.40 a month: $72.48 a month of 730 hours.
const LARGE: &str = "72.48";

/// So many m5.large in so many Availability Zones: each offers two vCPU and 7,820 MiB.
fn m5_large(count: u32, zones: u8) -> Present {
    Present {
        region: "us-east-1".to_owned(),
        types: vec![InstanceType {
            name: "m5.large".to_owned(),
            cpu_units: 2048,
            memory_mib: 8192,
            registered_mib: Some(7820),
            task_slots: 2,
            task_slots_trunking: 10,
            usd_per_hour: "0.096".parse().unwrap(),
            root_usd_per_hour: "2.4".parse::<Decimal>().unwrap() / Decimal::from(730),
            ..InstanceType::default()
        }],
        counts: vec![count],
        architecture: Architecture::X86_64,
        zones,
    }
}

fn times(count: u32, each: &str) -> Usd {
    Usd::new(usd(each).amount() * Decimal::from(count))
}

fn rate(count: u32) -> Amount {
    Amount {
        estimated: true,
        ..Amount::exact(times(count, LARGE))
    }
}

fn item(cpu_units: u32, memory_mib: u32) -> Item {
    Item {
        cpu_units,
        memory_mib,
        ..Item::default()
    }
}

/// A service whose tasks of one vCPU and 2 GiB share their instance's interface: so many all the time, and more for five
/// minutes of the second day.
fn service(always: u32, once: u32) -> Occupant {
    let day = MS_PER_DAY;
    let step = |from_ms, to_ms, tasks| Step {
        from_ms,
        to_ms,
        tasks,
    };
    let load = Load::Tasks(vec![
        step(0, day, always),
        step(day, day + 5 * MS_PER_MINUTE, once),
        step(day + 5 * MS_PER_MINUTE, WINDOW.to_ms, always),
    ]);
    Occupant {
        reserved: item(1024, 2048),
        needed: item(1024, 2048),
        at_peak: load.clone(),
        over_time: load,
        is_daemon: false,
        is_wholly_seen: true,
    }
}

fn judged_by(policy: &Policy, present: &Present, rate: &Amount, on_it: &[Occupant]) -> CouldBe {
    let book = PriceBook::embedded().unwrap();
    let prices = Prices {
        book: &book,
        bill_queue_time: false,
    };
    let ground = Ground {
        prices: &prices,
        policy,
        window: WINDOW,
        rules: &Rules::default(),
    };
    let judged = ground.judge_known(present, rate, on_it);
    judged.unwrap_or_else(|reason| panic!("{reason}"))
}

fn judged(present: &Present, on_it: &[Occupant]) -> CouldBe {
    let rate = rate(present.total());
    judged_by(&Policy::default(), present, &rate, on_it)
}

fn fewer(could_be: &CouldBe) -> Option<&Way> {
    let mut ways = could_be.ways.iter();
    ways.find(|way| way.change == Change::FewerInstances && way.sizes == Sizes::Reserved)
}

#[test]
fn an_over_reserved_cluster_drops_the_instances_that_nothing_needs() {
    // Four tasks of one vCPU fill two of six machines with two: four can go, 4 × $72.48.
    let could_be = judged(&m5_large(6, 2), &[service(4, 4)]);
    assert_eq!(could_be.finding, Finding::Overprovisioned);
    let way = could_be.advice().expect("advised");
    assert_eq!(way.instances, [("m5.large".to_owned(), 2)].into());
    assert_eq!(
        (way.cost.usd, way.saves.usd),
        (usd("144.96"), usd("289.92"))
    );
    assert_eq!(way.saves.certainty(), Certainty::Estimated);
    assert_eq!((way.binds(), way.held.cpu), ("cpu", 1.0));
    // 4 × 2,048 of 2 × 7,820 MiB.
    assert!((way.held.memory - 0.5238).abs() < 1e-4);
    let scaled = way.scaled.expect("modelled");
    assert_eq!((scaled.peak_instances, scaled.mean_instances), (2, 2.0));
    assert!((scaled.month.as_f64() - 144.96).abs() < 1e-6);
    assert!(could_be.reasons[0].starts_with("4 of its 6 instances can go"));
}

#[test]
fn five_minutes_at_which_more_ran_at_once_keep_their_instances() {
    // Eight tasks of one vCPU at once need four machines, however short that was.
    let could_be = judged(&m5_large(6, 2), &[service(4, 8)]);
    let way = could_be.advice().expect("advised");
    assert_eq!(way.instances, [("m5.large".to_owned(), 4)].into());
    assert_eq!(way.saves.usd, usd("144.96"));
    let scaled = way.scaled.expect("modelled");
    assert_eq!(scaled.peak_instances, 4);
    assert!(scaled.mean_instances < 2.1, "{scaled:?}");
}

#[test]
fn a_cluster_that_is_full_for_a_moment_keeps_all() {
    let could_be = judged(&m5_large(4, 2), &[service(4, 8)]);
    assert_eq!(could_be.finding, Finding::Optimized);
    assert_eq!((fewer(&could_be), could_be.advised), (None, None));
    assert_eq!(could_be.saves(), Some(Amount::zero()));
    assert_eq!(
        could_be.reasons,
        ["no instance can go: all that ran at once takes 100% of CPU, 52% of memory"]
    );
}

#[test]
fn as_many_instances_stay_as_there_are_availability_zones() {
    let one = |zones| {
        let could_be = judged(&m5_large(6, zones), &[service(1, 1)]);
        could_be.advice().map(|way| way.instances.values().sum())
    };
    assert_eq!((one(1), one(2), one(3)), (Some(1_u32), Some(2), Some(3)));
}

#[test]
fn spares_that_the_target_capacity_asks_for_stay() {
    let book = PriceBook::embedded().unwrap();
    let prices = Prices {
        book: &book,
        bill_queue_time: false,
    };
    let rules = Rules {
        target_capacity_percent: 80,
        ..Rules::default()
    };
    let ground = Ground {
        prices: &prices,
        policy: &Policy::default(),
        window: WINDOW,
        rules: &rules,
    };
    // Four machines in use are 80 % of five.
    let could_be = ground
        .judge_known(&m5_large(8, 2), &rate(8), &[service(8, 8)])
        .unwrap();
    let way = could_be.advice().expect("advised");
    assert_eq!(way.instances, [("m5.large".to_owned(), 5)].into());
}

#[test]
fn what_runs_on_every_instance_takes_its_part() {
    // A daemon of half a vCPU leaves room for one task of one vCPU on a machine with two.
    let daemon = Occupant {
        reserved: item(512, 256),
        needed: item(512, 256),
        is_daemon: true,
        ..service(0, 0)
    };
    let could_be = judged(&m5_large(6, 2), &[service(4, 4), daemon]);
    let way = could_be.advice().expect("advised");
    assert_eq!(way.instances, [("m5.large".to_owned(), 4)].into());
}

#[test]
fn tasks_with_interfaces_of_their_own_go_where_interfaces_are_left() {
    let awsvpc = |mut occupant: Occupant| {
        for item in [&mut occupant.reserved, &mut occupant.needed] {
            (item.cpu_units, item.interfaces) = (256, 1);
        }
        occupant
    };
    // An m5.large takes two such tasks: six of a quarter vCPU need three.
    let could_be = judged(&m5_large(6, 2), &[awsvpc(service(6, 6))]);
    let way = could_be.advice().expect("advised");
    assert_eq!(way.instances, [("m5.large".to_owned(), 3)].into());
    assert_eq!(way.binds(), "network_interfaces");
    // Twelve ran at once on two: trunking is switched on there, and memory binds, three tasks on each.
    let could_be = judged(&m5_large(4, 2), &[awsvpc(service(12, 12))]);
    assert_eq!(fewer(&could_be), None);
    assert_eq!(could_be.finding, Finding::Optimized);
}

#[test]
fn savings_below_what_a_move_must_save_are_no_finding() {
    let policy = |percent, usd| Policy {
        min_savings_percent: percent,
        min_move_savings_usd: usd,
        ..Policy::default()
    };
    let finding = |policy: &Policy| {
        let could_be = judged_by(policy, &m5_large(6, 2), &rate(6), &[service(10, 10)]);
        (could_be.finding, fewer(&could_be).is_some())
    };
    // One of six goes: $72.48, a sixth.
    assert_eq!(finding(&policy(16.6, 72)), (Finding::Overprovisioned, true));
    assert_eq!(finding(&policy(16.7, 72)), (Finding::Optimized, false));
    assert_eq!(finding(&policy(16.6, 73)), (Finding::Optimized, false));
}

#[test]
fn a_cluster_that_was_seen_smaller_is_not_told_to_stay_at_its_peak() {
    // Six in the last snapshot, two in another: two always would do no worse, four always may cost more than today.
    let rate = Amount {
        low: times(2, LARGE),
        high: Some(times(6, LARGE)),
        ..rate(6)
    };
    let could_be = judged_by(&Policy::default(), &m5_large(6, 2), &rate, &[service(4, 8)]);
    assert_eq!(could_be.finding, Finding::NotEnoughData);
    assert_eq!((fewer(&could_be), could_be.saves()), (None, None));
    let rate = Amount {
        low: times(5, LARGE),
        ..rate
    };
    let could_be = judged_by(&Policy::default(), &m5_large(6, 2), &rate, &[service(4, 8)]);
    let saves = &could_be.advice().expect("advised").saves;
    assert_eq!(
        (saves.low, saves.usd, saves.high, saves.certainty()),
        (
            usd("72.48"),
            usd("144.96"),
            Some(usd("144.96")),
            Certainty::Between
        )
    );
}

#[test]
fn what_was_not_seen_on_every_day_saves_at_most_that() {
    let partly = Occupant {
        is_wholly_seen: false,
        ..service(4, 4)
    };
    let could_be = judged(&m5_large(6, 2), &[partly]);
    let saves = could_be.saves().expect("advised");
    assert_eq!(
        (saves.usd, saves.certainty()),
        (usd("289.92"), Certainty::AtMost)
    );
}

#[test]
fn a_resize_frees_more_and_is_told_apart() {
    // Eight tasks of one vCPU fill four machines; at half a vCPU they fill two.
    let halved = Occupant {
        needed: item(512, 1024),
        ..service(8, 8)
    };
    let could_be = judged(&m5_large(6, 2), &[halved]);
    let of = |sizes| {
        let mut ways = could_be.ways.iter();
        let way = ways.find(|way| way.change == Change::FewerInstances && way.sizes == sizes);
        way.map(|way| (way.instances["m5.large"], way.saves.usd))
    };
    assert_eq!(of(Sizes::Reserved), Some((4, usd("144.96"))));
    assert_eq!(of(Sizes::Needed), Some((2, usd("289.92"))));
    // What is advised asks for no resize.
    assert_eq!(could_be.saves().map(|saves| saves.usd), Some(usd("144.96")));
}

#[test]
fn a_full_cluster_whose_tasks_reserve_too_much_drops_instances_after_a_resize() {
    let halved = Occupant {
        needed: item(512, 1024),
        ..service(8, 8)
    };
    let could_be = judged(&m5_large(4, 2), &[halved]);
    assert_eq!(could_be.finding, Finding::Overprovisioned);
    let way = could_be.advice().expect("advised");
    assert_eq!((way.sizes, way.saves.usd), (Sizes::Needed, usd("144.96")));
    assert!(could_be.reasons[0].starts_with("after resizing its tasks, 2 of its 4"));
}

#[test]
fn tasks_that_need_more_than_there_is_are_underprovisioned_and_nothing_is_dropped() {
    // Four tasks would need two vCPU each, two machines have four; room for what they reserve is no advice.
    let starved = Occupant {
        needed: item(2048, 2048),
        ..service(4, 4)
    };
    let could_be = judged(&m5_large(3, 2), std::slice::from_ref(&starved));
    assert_eq!(could_be.finding, Finding::Underprovisioned);
    assert_eq!((could_be.ways.len(), could_be.saves()), (0, None));
    // Of six, four are needed for that and two can go, though two would hold what is reserved.
    let could_be = judged(&m5_large(6, 2), &[starved]);
    let way = could_be.advice().expect("advised");
    assert_eq!(way.instances, [("m5.large".to_owned(), 4)].into());
}

#[test]
fn more_than_the_instances_have_room_for_is_not_explained_away() {
    let book = PriceBook::embedded().unwrap();
    let prices = Prices {
        book: &book,
        bill_queue_time: false,
    };
    let ground = Ground {
        prices: &prices,
        policy: &Policy::default(),
        window: WINDOW,
        rules: &Rules::default(),
    };
    let refused = ground.judge_known(&m5_large(2, 2), &rate(2), &[service(5, 5)]);
    assert!(
        refused
            .unwrap_err()
            .starts_with("more ran at once than its 2 instances")
    );
}

#[test]
fn graviton_is_never_more_than_a_condition() {
    let could_be = judged(&m5_large(4, 2), &[service(8, 8), service(0, 0)]);
    let on_arm: Vec<&Way> = could_be
        .ways
        .iter()
        .filter(|way| way.change == Change::Arm64)
        .collect();
    assert!(!on_arm.is_empty());
    for way in on_arm {
        assert_eq!(
            way.condition.as_deref(),
            Some("the images of its 2 workloads are built for ARM")
        );
        assert!(could_be.advice().is_none());
    }
    let arm = Present {
        architecture: Architecture::Arm64,
        ..m5_large(4, 2)
    };
    let could_be = judged(&arm, &[service(8, 8)]);
    assert!(could_be.ways.iter().all(|way| way.change != Change::Arm64));
}

#[test]
fn another_type_holds_the_same_and_costs_what_its_instances_cost() {
    // Eight tasks of one vCPU and 2 GiB fill four m5.large.
    let could_be = judged(&m5_large(4, 2), &[service(8, 8)]);
    let book = PriceBook::embedded().unwrap();
    let way = could_be
        .ways
        .iter()
        .find(|way| way.change == Change::OtherInstanceType);
    let way = way.expect("a cheaper type");
    let (name, count) = way.instances.iter().next().expect("a type");
    let of = book.instance_type("us-east-1", name).unwrap();
    assert_eq!(of.architecture, Architecture::X86_64);
    // None older than what is there: their vCPU are slower.
    assert!(of.generation() >= Some(5), "{name}");
    assert!(of.cpu_units * count >= 8 * 1024 && *count >= 2);
    let month = of.usd_per_hour * Decimal::from(730) + Decimal::new(24, 1);
    assert_eq!(way.cost.usd.amount(), month * Decimal::from(*count));
    assert!(way.cost.usd < times(4, LARGE));
}
