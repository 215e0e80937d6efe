//! Who belongs on the fleet, held against every way there is, and against deciding apart.

use proptest::prelude::*;
use rust_decimal::Decimal;

use super::tests::{DAY, family, tenant};
use super::*;
use crate::model::units::Usd;

const HOUR: i64 = 3_600_000;
/// Sums that are equal but for the last digits.
const EQUAL: f64 = 1.0 + 1e-9;

/// A workload: its tenant, what it costs elsewhere, and the cluster that it is in.
#[derive(Debug, Clone)]
struct Workload {
    tenant: Tenant,
    elsewhere: Option<Usd>,
    cluster: &'static str,
}

fn rules(steps: u64) -> Rules {
    Rules {
        effort: Effort { steps },
        ..Rules::default()
    }
}

/// Effort that suffices to try every way among eight workloads, and effort that does not.
const AMPLE: u64 = 3_000_000;
const SCARCE: u64 = 400_000;

fn decided(workloads: &[Workload], steps: u64) -> JointPlan {
    decided_on(&family(), workloads, steps)
}

fn decided_on(types: &[InstanceType], workloads: &[Workload], steps: u64) -> JointPlan {
    let candidates: Vec<Candidate> = workloads
        .iter()
        .map(|workload| Candidate {
            elsewhere: workload.elsewhere,
            marks: vec![workload.cluster.to_owned()],
        })
        .collect();
    let tenants: Vec<Tenant> = workloads.iter().map(|one| one.tenant.clone()).collect();
    decide(&Work::new(tenants, DAY), &candidates, types, &rules(steps)).unwrap()
}

/// What these cost as one capacity provider: every type, every placement.
fn as_one(workloads: &[&Workload]) -> Usd {
    let tenants: Vec<Tenant> = workloads.iter().map(|one| one.tenant.clone()).collect();
    let (types, rules) = (family(), rules(AMPLE));
    let work = Work::new(tenants, DAY);
    let trial = Trial::new(&work, &types, &rules).unwrap();
    let ways = (0..types.len()).flat_map(|at| {
        [Placement::BinpackCpu, Placement::BinpackMemory].map(|placement| (at, placement))
    });
    let cost = |(at, placement)| {
        Some(
            trial
                .tried(&trial.on_one_type(at, placement)?)
                .unwrap()
                .cost,
        )
    };
    ways.filter_map(cost).min().unwrap()
}

/// The least of all ways: each workload elsewhere, or on one of any number of capacity providers.
fn optimum(workloads: &[Workload]) -> f64 {
    let sets = 1_usize << workloads.len();
    let chosen = |set: usize| -> Vec<&Workload> {
        let members = workloads.iter().enumerate();
        let members = members.filter(|(at, _)| set >> at & 1 == 1);
        members.map(|(_, one)| one).collect()
    };
    let costs: Vec<f64> = (0..sets)
        .map(|set| {
            if set == 0 {
                0.0
            } else {
                as_one(&chosen(set)).as_f64()
            }
        })
        .collect();
    place(workloads, 0, &costs, &mut Vec::new(), 0.0)
}

/// Puts a workload elsewhere, on each capacity provider there is, and on a new one, and so on with the next ones.
fn place(
    workloads: &[Workload],
    at: usize,
    costs: &[f64],
    providers: &mut Vec<usize>,
    elsewhere: f64,
) -> f64 {
    let Some(workload) = workloads.get(at) else {
        return elsewhere + providers.iter().map(|&set| costs[set]).sum::<f64>();
    };
    let mut best = f64::INFINITY;
    if let Some(usd) = workload.elsewhere {
        best = place(
            workloads,
            at + 1,
            costs,
            providers,
            elsewhere + usd.as_f64(),
        );
    }
    for provider in 0..providers.len() {
        providers[provider] |= 1 << at;
        best = best.min(place(workloads, at + 1, costs, providers, elsewhere));
        providers[provider] &= !(1 << at);
    }
    providers.push(1 << at);
    best = best.min(place(workloads, at + 1, costs, providers, elsewhere));
    providers.pop();
    best
}

fn any_workload(cluster: &'static str) -> impl Strategy<Value = Workload> {
    let runs = prop::collection::vec((0_i64..20 * HOUR, HOUR / 10..4 * HOUR), 1..6);
    let cents = prop::option::weighted(0.9, 1_i64..300);
    (1_u32..2000, 1_u32..7000, runs, cents).prop_map(move |(cpu, memory, runs, cents)| {
        let runs: Vec<(i64, i64)> = runs
            .into_iter()
            .map(|(from, length)| (from, from + length))
            .collect();
        Workload {
            tenant: tenant(cpu, memory, &runs),
            elsewhere: cents.map(|cents| Usd::new(Decimal::new(cents, 2))),
            cluster,
        }
    })
}

fn any_workloads(cluster: &'static str, most: usize) -> impl Strategy<Value = Vec<Workload>> {
    prop::collection::vec(any_workload(cluster), 1..=most)
}

/// Nobody moves: each elsewhere, those without a choice together.
fn all_stay(workloads: &[Workload]) -> f64 {
    let bound: Vec<&Workload> = workloads
        .iter()
        .filter(|one| one.elsewhere.is_none())
        .collect();
    let on = if bound.is_empty() {
        0.0
    } else {
        as_one(&bound).as_f64()
    };
    let off = workloads.iter().filter_map(|one| one.elsewhere);
    on + off.map(Usd::as_f64).sum::<f64>()
}

/// Each where it is cheapest by itself.
fn each_by_itself(workloads: &[Workload]) -> f64 {
    let own = |one: &Workload| {
        let alone = as_one(&[one]).as_f64();
        one.elsewhere.map_or(alone, |usd| usd.as_f64().min(alone))
    };
    workloads.iter().map(own).sum()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn among_few_workloads_the_decision_is_the_best_there_is(workloads in any_workloads("a", 6)) {
        let total = decided(&workloads, AMPLE).total.as_f64();
        let optimum = optimum(&workloads);
        prop_assert!(total >= optimum / EQUAL, "{total} below {optimum}");
        prop_assert!(total <= optimum * EQUAL, "{total} for {optimum}");
    }

    #[test]
    fn the_decision_is_never_dearer_than_a_simple_policy(workloads in any_workloads("a", 12), steps in prop::sample::select(vec![SCARCE, AMPLE])) {
        let plan = decided(&workloads, steps);
        let total = plan.total.as_f64();
        prop_assert!(total <= all_stay(&workloads) * EQUAL);
        prop_assert!(plan.total <= plan.all_on_fleet);
        prop_assert!(plan.all_elsewhere.is_none_or(|all| plan.total <= all));
        prop_assert!(total <= each_by_itself(&workloads) * EQUAL);
        let off = workloads.iter().zip(&plan.on_fleet).filter(|(_, on)| !**on);
        let elsewhere: Usd = off.map(|(one, _)| one.elsewhere.unwrap()).sum();
        let fleet = plan.fleet.as_ref().map_or(Usd::ZERO, |fleet| fleet.modelled);
        prop_assert_eq!(plan.total, fleet + elsewhere);
    }

    #[test]
    fn workloads_of_another_cluster_never_make_it_dearer_than_both_apart(
        one in any_workloads("a", 9), other in any_workloads("b", 9), steps in prop::sample::select(vec![SCARCE, AMPLE]),
    ) {
        let apart = decided(&one, steps).total.as_f64() + decided(&other, steps).total.as_f64();
        let together = decided(&[one, other].concat(), steps).total.as_f64();
        prop_assert!(together <= apart * EQUAL, "{together} for {apart}");
    }

    #[test]
    fn one_more_workload_of_the_same_cluster_never_makes_it_dearer_than_both_apart(
        workloads in any_workloads("a", 7), another in any_workload("a"),
    ) {
        let apart = decided(&workloads, AMPLE).total.as_f64() + decided(std::slice::from_ref(&another), AMPLE).total.as_f64();
        let together = decided(&[workloads, vec![another]].concat(), AMPLE).total.as_f64();
        prop_assert!(together <= apart * EQUAL, "{together} for {apart}");
    }

    #[test]
    fn more_types_to_choose_from_never_make_it_dearer(workloads in any_workloads("a", 6), left_out in prop::sample::select(vec![0, 2, 3])) {
        let mut fewer = family();
        fewer.remove(left_out);
        let total = |types: &[InstanceType]| decided_on(types, &workloads, AMPLE).total.as_f64();
        prop_assert!(total(&family()) <= total(&fewer) * EQUAL);
    }

    #[test]
    fn a_dearer_type_never_makes_it_cheaper(workloads in any_workloads("a", 6), at in 0_usize..4, cents in 1_i64..20) {
        let mut dearer = family();
        dearer[at].usd_per_hour += Decimal::new(cents, 2);
        let total = |types: &[InstanceType]| decided_on(types, &workloads, AMPLE).total.as_f64();
        prop_assert!(total(&family()) <= total(&dearer) * EQUAL);
    }

    #[test]
    fn the_same_workloads_are_decided_the_same(workloads in any_workloads("a", 10)) {
        prop_assert_eq!(decided(&workloads, SCARCE), decided(&workloads, SCARCE));
    }
}

/// Eight workloads with too little effort to try every way: how far the search is from the best of all.
#[test]
fn searching_ends_near_the_best_of_all_ways() {
    let mut random = fastrand::Rng::with_seed(11);
    let mut above = Vec::new();
    for _ in 0..20 {
        let workloads: Vec<Workload> = (0..8).map(|_| by_chance(&mut random)).collect();
        let total = decided(&workloads, SCARCE).total.as_f64();
        let optimum = optimum(&workloads);
        assert!(total >= optimum / EQUAL);
        above.push(total / optimum - 1.0);
    }
    let mean = above.iter().sum::<f64>() / above.len() as f64;
    let most = above.iter().copied().fold(0.0, f64::max);
    let exact = above.iter().filter(|&&part| part < 1e-9).count();
    let said = format!(
        "mean {mean:.4}, most {most:.4}, exact {exact} of {}",
        above.len()
    );
    assert!(mean <= 0.01 && most <= 0.05, "{said}");
}

fn by_chance(random: &mut fastrand::Rng) -> Workload {
    let runs: Vec<(i64, i64)> = (0..random.usize(1..6))
        .map(|_| {
            let from = random.i64(0..20 * HOUR);
            (from, from + random.i64(HOUR / 10..4 * HOUR))
        })
        .collect();
    let cents = random.i64(1..300);
    Workload {
        tenant: tenant(random.u32(1..2000), random.u32(1..7000), &runs),
        elsewhere: (random.u8(0..10) > 0).then(|| Usd::new(Decimal::new(cents, 2))),
        cluster: "a",
    }
}

/// Forty services of which some gain much by a fleet, some little and some nothing.
fn services(random: &mut fastrand::Rng) -> Vec<(u32, u32, f64)> {
    let service = |_| {
        let (cpu, memory) = (random.u32(100..2000), random.u32(300..7000));
        // A day on Fargate in us-east-1, and what its sizes or a resource that is not needed make of that.
        let day = f64::from(cpu) / 1024.0 * 0.040_48 + f64::from(memory) / 1024.0 * 0.004_445;
        (cpu, memory, 24.0 * day * (0.7 + random.f64()))
    };
    (0..40).map(service).collect()
}

/// The same on another day: what each needs is measured again, within a hundredth of before.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a few thousand"
)]
fn measured_again(services: &[(u32, u32, f64)], random: &mut fastrand::Rng) -> Vec<Workload> {
    let mut about = |of: u32| (f64::from(of) * (0.99 + 0.02 * random.f64())).ceil() as u32;
    let workload = |&(cpu, memory, usd): &(u32, u32, f64)| Workload {
        tenant: tenant(about(cpu), about(memory), &[(0, 24 * HOUR)]),
        elsewhere: Decimal::try_from(usd).ok().map(Usd::new),
        cluster: "a",
    };
    services.iter().map(workload).collect()
}

#[test]
fn a_day_later_few_of_many_are_told_something_else() {
    let steps = Effort::milliseconds(60).steps;
    let (mut changes, mut days) = (0, 0);
    for seed in 1..=5 {
        let mut random = fastrand::Rng::with_seed(seed);
        let services = services(&mut random);
        let mut before: Option<Vec<bool>> = None;
        for _ in 0..8 {
            let plan = decided(&measured_again(&services, &mut random), steps);
            assert!(plan.total <= plan.all_on_fleet && Some(plan.total) <= plan.all_elsewhere);
            if let Some(before) = before {
                days += before.len();
                let both = before.iter().zip(&plan.on_fleet);
                changes += both.filter(|(before, now)| before != now).count();
            }
            before = Some(plan.on_fleet);
        }
    }
    assert!(changes * 100 <= days * 8, "{changes} of {days}");
}

/// More workloads than are decided to the last cent, in two clusters.
#[test]
fn among_many_it_is_never_dearer_than_a_simple_policy_or_clusters_apart() {
    let mut random = fastrand::Rng::with_seed(5);
    for _ in 0..4 {
        let mut of = |cluster| -> Vec<Workload> {
            let workloads = (0..28).map(|_| Workload {
                cluster,
                ..by_chance(&mut random)
            });
            workloads.collect()
        };
        let (one, other) = (of("a"), of("b"));
        let both = [one.clone(), other.clone()].concat();
        let total = |workloads: &[Workload]| decided(workloads, AMPLE).total.as_f64();
        let together = total(&both);
        assert!(together <= (total(&one) + total(&other)) * EQUAL);
        assert!(together <= all_stay(&both) * EQUAL);
        assert!(together <= each_by_itself(&both) * EQUAL);
    }
}
