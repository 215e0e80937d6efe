//! What holds of every fleet, and the rules of ECS as cases.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::*;
use crate::model::units::{TaskSize, Usd, Window};

const CASES: &str = include_str!("../../tests/cases/packing/ecs_rules.csv");
const HOUR: i64 = 3_600_000;
pub(super) const DAY: Window = Window {
    from_ms: 0,
    to_ms: 24 * HOUR,
};

fn instance_type(name: &str, vcpu: u32, gib: u32, cents: i64) -> InstanceType {
    InstanceType {
        name: name.to_owned(),
        cpu_units: vcpu * 1024,
        memory_mib: gib * 1024,
        task_slots: 3,
        task_slots_trunking: 10 * vcpu,
        usd_per_hour: Decimal::new(cents, 2),
        ..InstanceType::default()
    }
}

pub(super) fn family() -> Vec<InstanceType> {
    vec![
        instance_type("m.large", 2, 8, 10),
        instance_type("m.xlarge", 4, 16, 20),
        instance_type("c.large", 2, 4, 9),
        instance_type("r.large", 2, 16, 13),
    ]
}

fn quick() -> Rules {
    Rules {
        effort: Effort::milliseconds(5),
        ..Rules::default()
    }
}

pub(super) fn tenant(cpu_units: u32, memory_mib: u32, runs: &[(i64, i64)]) -> Tenant {
    Tenant {
        item: Item::of(TaskSize::new(cpu_units, memory_mib)),
        load: Load::Runs(runs.to_vec()),
    }
}

fn runs_of(text: &str) -> Vec<(i64, i64)> {
    let run = |run: &str| {
        let (from, to) = run.split_once('-').unwrap();
        (
            from.parse::<i64>().unwrap() * 1000,
            to.parse::<i64>().unwrap() * 1000,
        )
    };
    text.split(' ').map(run).collect()
}

fn plan(
    tenants: &[Tenant],
    types: &[InstanceType],
    rules: &Rules,
    window: Window,
) -> Result<FleetPlan, Unpackable> {
    super::plan(&Work::new(tenants, window), types, rules)
}

#[test]
fn ecs_starts_fills_and_stops_instances_by_its_rules() {
    for line in CASES.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let number = |at: usize| cells[at].parse::<u32>().unwrap();
        let types = [InstanceType {
            name: "m5.large".to_owned(),
            cpu_units: number(1),
            memory_mib: number(2),
            task_slots: number(3),
            task_slots_trunking: number(4),
            usd_per_hour: Decimal::ONE,
            ..InstanceType::default()
        }];
        let daemon = Item {
            memory_mib: number(10),
            ..Item::default()
        };
        let rules = Rules {
            network: [
                Network::AwsvpcTrunking,
                Network::Awsvpc,
                Network::BridgeOrHost,
            ]
            .into_iter()
            .find(|network| network.as_str() == cells[5])
            .unwrap(),
            boot_ms: number(6) * 1000,
            scale_in_ms: number(7) * 1000,
            from_zero: number(8),
            target_capacity_percent: u8::try_from(number(9)).unwrap(),
            availability_zones: 1,
            daemons: vec![daemon],
            ..quick()
        };
        let mut tenant = tenant(number(11), number(12), &runs_of(cells[14]));
        tenant.item.host_ports = cells[13].parse().into_iter().collect();
        let plan = plan(&[tenant], &types, &rules, DAY).unwrap();
        let starts: u32 = plan.types.iter().map(|of| of.starts).sum();
        let found = (starts, plan.instance_ms / 1000, plan.peak_instances);
        assert_eq!(
            found,
            (number(15), i64::from(number(16)), number(17)),
            "{}",
            cells[0]
        );
    }
}

#[test]
fn a_run_from_one_slot_into_the_next_stays_one_run() {
    let alike = |from_ms, slots, peak, task_ms| AlikeSlots {
        from_ms,
        slots,
        peak,
        task_ms,
    };
    let load = Load::of_slots(100, [alike(0, 2, 1, 50), alike(300, 1, 3, 120)]);
    let step = |from_ms, to_ms, tasks| Step {
        from_ms,
        to_ms,
        tasks,
    };
    let expected = vec![step(50, 150, 1), step(300, 390, 1), step(390, 400, 3)];
    assert_eq!(load, Load::Tasks(expected));
    let all_through = Load::of_slots(100, [alike(0, 3, 2, 200), alike(300, 1, 2, 200)]);
    assert_eq!(all_through, Load::Tasks(vec![step(0, 400, 2)]));
}

#[test]
fn a_task_larger_than_every_type_is_named_not_dropped() {
    let tenants = [
        tenant(256, 512, &[(0, HOUR)]),
        tenant(65_536, 512, &[(0, HOUR)]),
    ];
    let unpackable = plan(&tenants, &family(), &quick(), DAY).unwrap_err();
    assert_eq!(
        (unpackable.tenants, unpackable.reason),
        (vec![1], Reason::TooLarge)
    );
}

#[test]
fn nothing_to_pack_and_nothing_to_pack_on_are_said() {
    let reason = |tenants: &[Tenant], types: &[InstanceType]| {
        plan(tenants, types, &quick(), DAY).unwrap_err().reason
    };
    assert_eq!(reason(&[], &family()), Reason::NothingRan);
    assert_eq!(
        reason(&[tenant(256, 512, &[(-9, 0)])], &family()),
        Reason::NothingRan
    );
    let free = [instance_type("free", 2, 8, 0)];
    assert_eq!(
        reason(&[tenant(256, 512, &[(0, HOUR)])], &free),
        Reason::NoInstanceType
    );
}

#[test]
fn tasks_without_a_size_need_one_instance() {
    let tenants = [tenant(0, 0, &[(0, HOUR), (0, HOUR)])];
    let plan = plan(
        &tenants,
        &family(),
        &Rules {
            from_zero: 1,
            ..quick()
        },
        DAY,
    )
    .unwrap();
    assert_eq!(
        (plan.peak_instances, plan.types[0].instance_type.as_str()),
        (1, "c.large")
    );
}

#[test]
fn a_million_equal_tasks_at_once_are_packed_within_a_thousandth_of_the_floor() {
    let tasks = [Alike {
        item: Item::of(TaskSize::new(256, 1024)),
        count: 1_000_000,
    }];
    let plan = pack_once(&tasks, &family(), &quick()).unwrap();
    assert!(plan.usd_per_hour.as_f64() <= plan.floor_usd_per_hour.as_f64() * 1.001);
    let held: u64 = plan
        .instances
        .iter()
        .flat_map(|filled| {
            filled
                .tasks
                .iter()
                .map(|&(_, count)| u64::from(count) * u64::from(filled.instances))
        })
        .sum();
    assert_eq!(held, 1_000_000);
}

/// Full instances, each cut into three tasks: as many instances as were cut are known to be the fewest.
fn cut_from_full_instances(instances: u32, random: &mut fastrand::Rng) -> Vec<Alike> {
    let mut tasks = Vec::new();
    for _ in 0..instances {
        let mut cut = |whole: u32| {
            let first = random.u32(whole * 38 / 100..whole * 49 / 100);
            let second = random.u32(whole / 4..whole * 3 / 10);
            [first, second, whole - first - second]
        };
        let (cpu, mut memory) = (cut(4000), cut(9000));
        memory.rotate_left(1);
        let task = |(cpu, memory)| Alike {
            item: Item::of(TaskSize::new(cpu, memory)),
            count: 1,
        };
        tasks.extend(cpu.into_iter().zip(memory).map(task));
    }
    tasks
}

#[test]
fn tasks_cut_from_full_instances_are_packed_into_as_many_and_no_bound_is_above() {
    let types = [InstanceType {
        name: "whole".to_owned(),
        cpu_units: 4000,
        memory_mib: 9000,
        usd_per_hour: Decimal::new(25, 2),
        ..InstanceType::default()
    }];
    let rules = Rules {
        network: Network::BridgeOrHost,
        os_memory_permille: 0,
        agent_memory_mib: 0,
        effort: Effort::milliseconds(2000),
        ..quick()
    };
    for seed in 0..4 {
        let tasks = cut_from_full_instances(17, &mut fastrand::Rng::with_seed(seed));
        let plan = pack_once(&tasks, &types, &rules).unwrap();
        let fewest = Usd::new(Decimal::new(17 * 25, 2));
        assert_eq!(
            (plan.usd_per_hour, plan.floor_usd_per_hour),
            (fewest, fewest),
            "seed {seed}"
        );
    }
}

/// Packs by trying every partition of the tasks: slow and obvious.
fn optimum(tasks: &[(u32, u32)], types: &[InstanceType]) -> Option<f64> {
    let mut best = vec![f64::INFINITY; 1 << tasks.len()];
    best[0] = 0.0;
    for set in 1_usize..1 << tasks.len() {
        let mut part = set;
        while part > 0 {
            let chosen = tasks
                .iter()
                .enumerate()
                .filter(|(at, _)| part >> at & 1 == 1);
            let (cpu, memory, count) = chosen.fold((0, 0, 0), |sum, (_, task)| {
                (sum.0 + task.0, sum.1 + task.1, sum.2 + 1)
            });
            let holds = |of: &&InstanceType| {
                let usable = u64::from(of.memory_mib) * 960 / 1000 - 256;
                of.cpu_units >= cpu
                    && usable >= u64::from(memory)
                    && of.task_slots_trunking.max(of.task_slots) >= count
            };
            let price = types
                .iter()
                .filter(holds)
                .map(|of| of.usd_per_hour().unwrap())
                .min();
            if let Some(price) = price {
                let usd: f64 = price.to_string().parse().unwrap();
                best[set] = best[set].min(best[set & !part] + usd);
            }
            part = (part - 1) & set;
        }
    }
    best.last().copied().filter(|usd| usd.is_finite())
}

fn any_tasks(most: usize) -> impl Strategy<Value = Vec<(u32, u32)>> {
    prop::collection::vec((1_u32..2000, 1_u32..7000), 1..most)
}

fn any_tenants() -> impl Strategy<Value = Vec<Tenant>> {
    let runs = prop::collection::vec((0_i64..20 * HOUR, 1_i64..4 * HOUR), 1..6);
    let one = (1_u32..2000, 1_u32..7000, runs).prop_map(|(cpu, memory, runs)| {
        let runs: Vec<(i64, i64)> = runs
            .into_iter()
            .map(|(from, length)| (from, from + length))
            .collect();
        tenant(cpu, memory, &runs)
    });
    prop::collection::vec(one, 2..7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn the_bound_is_never_above_the_optimum_and_the_packing_never_below(tasks in any_tasks(8)) {
        let alike: Vec<Alike> = tasks.iter().map(|&(cpu, memory)| Alike { item: Item::of(TaskSize::new(cpu, memory)), count: 1 }).collect();
        let plan = pack_once(&alike, &family(), &quick()).unwrap();
        let optimum = optimum(&tasks, &family()).unwrap();
        prop_assert!(plan.floor_usd_per_hour.as_f64() <= optimum + 1e-9);
        prop_assert!(plan.usd_per_hour.as_f64() >= optimum - 1e-9);
        prop_assert!(plan.usd_per_hour.as_f64() <= optimum * 1.15 + 1e-9);
    }

    #[test]
    fn three_numbers_are_in_order_and_shares_add_up(tenants in any_tenants()) {
        let plan = plan(&tenants, &family(), &quick(), DAY).unwrap();
        prop_assert!(plan.floor <= plan.achievable && plan.achievable <= plan.modelled);
        prop_assert!(plan.floor_resources <= plan.floor);
        prop_assert_eq!(plan.shares.iter().map(Share::cost).sum::<Usd>(), plan.modelled);
        prop_assert_eq!(plan.shares.iter().map(|share| share.split_cost.total()).sum::<Usd>(), plan.modelled);
        prop_assert_eq!(plan.types.iter().map(|of| of.cost).sum::<Usd>(), plan.modelled);
    }

    #[test]
    fn fewer_tenants_never_raise_the_floor(tenants in any_tenants()) {
        let floor = |tenants: &[Tenant]| plan(tenants, &family(), &quick(), DAY).unwrap().floor;
        prop_assert!(floor(&tenants[1..]) <= floor(&tenants));
    }

    #[test]
    fn dearer_types_never_lower_the_floor(tenants in any_tenants(), at in 0_usize..4, more in 1_i64..20) {
        let mut dearer = family();
        dearer[at].usd_per_hour += Decimal::new(more, 2);
        let floor = |types: &[InstanceType]| plan(&tenants, types, &quick(), DAY).unwrap().floor;
        prop_assert!(floor(&family()).as_f64() <= floor(&dearer).as_f64() * (1.0 + 1e-9));
    }

    #[test]
    fn the_same_seed_gives_the_same_fleet(tenants in any_tenants()) {
        let planned = || plan(&tenants, &family(), &quick(), DAY).unwrap();
        prop_assert_eq!(planned(), planned());
    }
}
