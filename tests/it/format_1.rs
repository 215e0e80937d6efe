//! Datasets of format 1 are read as they were. `format_1/` was written by the last version of that format: `whole` from
//! both files, `broken` by an import of `tasks.jsonl` that was killed after the first of its six commits.

use std::path::{Path, PathBuf};

use crate::support::{World, assert_usd, copy_into, workload};

/// The price of 0.25 vCPU and 0.5 GiB of Fargate for an hour in us-east-1.
const AN_HOUR: f64 = 0.25 * 0.04048 + 0.5 * 0.004_445;

fn kept(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/it/format_1")
        .join(name)
}

/// A world with a copy of that dataset and of the files.
fn world(dataset: &str) -> World {
    let world = World::new();
    copy_into(&kept(dataset), &world.path("dataset"));
    for file in ["tasks.jsonl", "readings.jsonl"] {
        world.write(file, std::fs::read(kept(file)).expect("kept"));
    }
    world
}

/// What `etl` cost in the window, in each of the two accounts.
fn cost_of_etl(world: &World, account: &str) -> Option<f64> {
    let mut report = world.json();
    let all = report["workloads"].as_array_mut().expect("a list");
    all.retain(|workload| workload["account"] == account);
    let cost = &workload(&report, "etl")["current"];
    let cost = cost.get("measured_cost").unwrap_or(cost);
    cost["usd"].as_f64().or_else(|| cost["cost_usd"].as_f64())
}

/// One, three and five hours in the one account, two, four and six in the other.
fn holds_everything(world: &World) {
    assert_usd(cost_of_etl(world, "123456789012"), 9.0 * AN_HOUR);
    assert_usd(cost_of_etl(world, "210987654321"), 12.0 * AN_HOUR);
}

#[test]
fn what_it_holds_is_reported_and_known() {
    let world = world("whole");
    holds_everything(&world);
    let parts = world.parts("dataset");
    world
        .import(&["tasks.jsonl", "readings.jsonl"])
        .exits(0)
        .says(&["0 of 2 files imported, 2 already there"]);
    // The ends that its writers left open are named now; nothing else is added.
    let added = world.parts("dataset").difference(&parts).count();
    assert_eq!(added, 1);
    holds_everything(&world);
}

#[test]
fn an_import_that_broke_off_is_completed_by_importing_the_same_again() {
    let world = world("broken");
    world
        .import(&["tasks.jsonl"])
        .exits(0)
        .says(&["1 of 1 files imported"]);
    holds_everything(&world);
    world
        .import(&["tasks.jsonl"])
        .exits(0)
        .says(&["0 of 1 files imported, 1 already there"]);
}

#[test]
fn a_commit_that_is_moved_to_another_account_is_an_error() {
    let world = world("whole");
    let part = world
        .parts("dataset")
        .into_iter()
        .find(|part| part.starts_with("coverage/account=123456789012"))
        .expect("a commit");
    let other = world
        .path("dataset")
        .join(part.replace("123456789012", "210987654321"));
    std::fs::rename(world.path("dataset").join(part), other).expect("moved");
    world.report(&[]).exits(5).says(&["was moved"]);
}
