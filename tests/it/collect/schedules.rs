//! Random weather: schedules of faults from a seed. `PLIMSOLL_SCHEDULES=1000` runs more of them, from
//! `PLIMSOLL_FIRST_SCHEDULE` on.

use std::time::{Duration, Instant};

use super::site::Site;
use crate::chance::{chance, number, one_of};
use crate::fake::{CANARY, Fault, Resolution, Scale, When, World};

const SCALE: Scale = Scale {
    accounts: 1,
    regions: 1,
    clusters: 2,
    services: 1,
    families: 1,
    jobs_per_family: 12,
    projects: 1,
    builds: 6,
    instances: 1,
    days: 2,
};

/// One to three classes of faults, each striking now and then.
fn schedule(seed: u64) -> Vec<Fault> {
    let classes: Vec<(&str, Fault)> = Fault::CLASSES
        .into_iter()
        .filter(|(name, _)| !["killed", "stall"].contains(name))
        .collect();
    (0..=chance(seed, 1) % 3)
        .map(|no| {
            let (_, fault) = &classes[one_of(classes.len(), chance(seed, 10 + no))];
            let probability = [0.02, 0.1, 0.3, 1.0][one_of(4, chance(seed, 20 + no))];
            Fault {
                when: When::Probability(probability, seed),
                ..fault.clone()
            }
        })
        .collect()
}

fn weather(seed: u64) {
    let site = Site::of(World::seeded(seed, SCALE));
    let faults = schedule(seed);
    site.fake.set_faults(faults.clone());
    let begun = Instant::now();
    let run = site.collect(&["--days", "1", "--deadline", "60s", "-vvv"]);
    assert!(
        begun.elapsed() < Duration::from_secs(65),
        "schedule {seed} {faults:?}: {:?}",
        begun.elapsed()
    );
    assert!(
        !run.said().contains(CANARY),
        "schedule {seed} {faults:?}: a secret is told"
    );
    assert!(
        site.fake.unexpected().is_empty(),
        "schedule {seed} {faults:?}: {:?}",
        site.fake.unexpected()
    );
    assert!(
        matches!(run.code, Some(0 | 1 | 3 | 7)),
        "schedule {seed} {faults:?}: {:?}\n{}",
        run.code,
        run.said()
    );
    site.claims_only_what_it_holds(1, Resolution::Auto);
    if run.code == Some(0) {
        site.holds_all(1, Resolution::Auto);
    }
    site.fake.set_faults(Vec::new());
    let run = site.collect(&["--days", "1"]);
    assert_eq!(
        run.code,
        Some(0),
        "schedule {seed} {faults:?}\n{}",
        run.said()
    );
    site.holds_all(1, Resolution::Auto);
    site.holds_no_secret();
}

fn schedules(part: u64) {
    let (first, count) = (
        number("PLIMSOLL_FIRST_SCHEDULE", 1),
        number("PLIMSOLL_SCHEDULES", 200),
    );
    for seed in (first..first + count).filter(|seed| seed % 4 == part) {
        let done = std::panic::catch_unwind(|| weather(seed));
        assert!(
            done.is_ok(),
            "schedule {seed}: PLIMSOLL_FIRST_SCHEDULE={seed} PLIMSOLL_SCHEDULES=1 runs it alone"
        );
    }
}

#[test]
fn random_weather_leaves_no_trace_0() {
    schedules(0);
}

#[test]
fn random_weather_leaves_no_trace_1() {
    schedules(1);
}

#[test]
fn random_weather_leaves_no_trace_2() {
    schedules(2);
}

#[test]
fn random_weather_leaves_no_trace_3() {
    schedules(3);
}
