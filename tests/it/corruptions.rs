//! Damage by chance, from a seed: a file of a dataset or an input file is hurt in some way, and the answer is a clear
//! refusal or the same as before; never a panic, never a wait without end, never silently another number.
//!
//! `PLIMSOLL_CORRUPTIONS` says how many of each kind (40 unless told otherwise), `PLIMSOLL_SEED` from which seed on.

use std::fs;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use crate::crafted::forge;
use crate::support::{
    HOUR, MINUTE, Run, SECOND, T0, World, build, command, copy_into, definition, files_below,
    finished, gzipped, lines, readings, service, sighting,
};

/// A run that takes longer waits for something that does not come.
const LONGEST: Duration = Duration::from_secs(30);

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Calls `one` with the number and the generator of each of the corruptions.
fn each(one: impl Fn(u64, &mut Rng)) {
    let first = from_environment("PLIMSOLL_SEED", 1);
    for seed in first..first + from_environment("PLIMSOLL_CORRUPTIONS", 40) {
        one(seed, &mut Rng::with_seed(seed));
    }
}

/// A run that ends in time, with an exit code of its own, and without a panic.
#[track_caller]
fn run(world: &World, args: &[&str], what: &str) -> Run {
    let mut command = assert_cmd::Command::from_std(command(args));
    let output = command
        .current_dir(world.path(""))
        .timeout(LONGEST)
        .output()
        .expect("the binary runs");
    let run = Run::of(&output);
    assert!(
        matches!(run.code, Some(0 | 2 | 3 | 5 | 6)) && !run.stderr.contains("panicked"),
        "{what}: {:?}\n{}",
        run.code,
        run.said()
    );
    if run.code != Some(0) {
        assert!(!run.said().trim().is_empty(), "{what}: without a word");
    }
    run
}

/// Input files of every shape.
fn files() -> Vec<(&'static str, Vec<u8>)> {
    let events: Vec<Value> = (0..40)
        .map(|no| {
            finished(
                "etl",
                &format!("id-{no}"),
                T0 + no * MINUTE,
                T0 + no * MINUTE + 90 * SECOND,
            )
        })
        .collect();
    let services = json!({ "services": [service("web", &[(T0, "web:1")])], "failures": [] });
    let builds: Vec<Value> = (0..10)
        .map(|no| {
            build(
                "ci",
                &format!("b{no}"),
                T0 + no * HOUR,
                T0 + no * HOUR + 61 * SECOND,
            )
        })
        .collect();
    let stream = lines(&readings("web", T0, T0 + HOUR, 40.0, 1));
    let insights = lines(&[sighting("etl", "x1", T0, T0 + MINUTE)]);
    vec![
        ("events.jsonl", lines(&events).into_bytes()),
        ("events.json", json!(events).to_string().into_bytes()),
        (
            "services.json",
            serde_json::to_vec_pretty(&services).expect("JSON"),
        ),
        (
            "definition.json",
            definition("web:1", 512, 1024).to_string().into_bytes(),
        ),
        (
            "builds.json",
            json!({ "builds": builds }).to_string().into_bytes(),
        ),
        ("stream.jsonl.gz", gzipped(stream)),
        ("insights.jsonl", insights.into_bytes()),
        ("events.jsonl.gz", gzipped(lines(&events))),
    ]
}

fn world() -> World {
    let world = World::new();
    for (name, content) in files() {
        world.write(&format!("in/{name}"), content);
    }
    world.import(&["in"]).exits(0);
    world
}

/// Hurts `bytes` in one of many ways; tells which.
fn hurt(bytes: &mut Vec<u8>, rng: &mut Rng) -> &'static str {
    if bytes.is_empty() {
        bytes.push(rng.u8(..));
        return "a byte out of nothing";
    }
    let at = rng.usize(..bytes.len());
    let span = at..(at + rng.usize(1..512)).min(bytes.len());
    match rng.u8(..9) {
        0 | 1 => {
            bytes[at] ^= 1 << rng.u8(..8);
            "a flipped bit"
        }
        2 => {
            bytes[at] = rng.u8(..);
            "another byte"
        }
        3 => {
            bytes.truncate(at);
            "a cut"
        }
        4 => {
            bytes[span].fill(0);
            "zeros"
        }
        5 => {
            bytes.drain(span);
            "a gap"
        }
        6 => {
            let again = bytes[span].to_vec();
            bytes.splice(at..at, again);
            "a stretch twice"
        }
        7 => {
            let tail: Vec<u8> = (0..rng.usize(1..64)).map(|_| rng.u8(..)).collect();
            bytes.extend(tail);
            "a tail"
        }
        _ => {
            rng.shuffle(&mut bytes[span]);
            "a shuffle"
        }
    }
}

#[test]
fn a_dataset_that_is_damaged_by_chance_is_refused_or_the_same() {
    let world = world();
    let before = world.json_text("dataset");
    let parts: Vec<String> = world.parts("dataset").into_iter().collect();
    each(|seed, rng| {
        let part = rng.choice(&parts).expect("parts");
        let path = world.path("dataset").join(part);
        let whole = fs::read(&path).expect("there");
        let mut bytes = whole.clone();
        let how = hurt(&mut bytes, rng);
        fs::write(&path, &bytes).expect("written");
        let what = format!("seed {seed}: {how} in {part}");
        let run = run(
            &world,
            &["report", "--dataset", "dataset", "--format", "json"],
            &what,
        );
        if run.code == Some(0) {
            assert_eq!(run.stdout, before, "{what}");
        } else {
            let name = Path::new(part).file_name().expect("a name");
            run.says(&[&name.to_string_lossy()]);
        }
        fs::write(&path, whole).expect("written");
    });
}

#[test]
fn a_part_that_is_forged_by_chance_is_read_or_refused() {
    let world = world();
    let parts: Vec<String> = world.parts("dataset").into_iter().collect();
    each(|seed, rng| {
        let part = rng.choice(&parts).expect("parts");
        copy_into(&world.path("dataset"), &world.path("forged"));
        let mut how = "";
        forge(&world, "forged", part, |bytes| how = hurt(bytes, rng));
        run(
            &world,
            &["report", "--dataset", "forged", "--format", "json"],
            &format!("seed {seed}: {how} in {part}, under the name it asks for"),
        );
        fs::remove_dir_all(world.path("forged")).expect("removed");
    });
}

#[test]
fn input_that_is_damaged_by_chance_is_accounted_for() {
    let world = World::new();
    let files = files();
    let whole: Vec<String> = files
        .iter()
        .map(|(name, content)| {
            world.write(&format!("in/{name}"), content);
            world
                .import_into(&format!("whole/{name}"), &[&format!("in/{name}")])
                .exits(0);
            report(&world, &format!("whole/{name}"), "whole").stdout
        })
        .collect();
    each(|seed, rng| {
        let no = rng.usize(..files.len());
        let (name, content) = &files[no];
        let mut bytes = content.clone();
        let how = hurt(&mut bytes, rng);
        world.write("hurt", &bytes);
        let what = format!("seed {seed}: {how} in {name}");
        let imported = run(&world, &["import", "--dataset", "dataset", "hurt"], &what);
        accounts_for_all(&imported, &what);
        if imported.code == Some(5) {
            assert!(!world.path("dataset/coverage").exists(), "{what}");
        } else {
            let after = report(&world, "dataset", &what);
            // Text has no checksum; gzip does.
            if content.starts_with(&[0x1f, 0x8b]) && imported.code == Some(0) {
                assert_eq!(after.stdout, whole[no], "{what}");
            }
        }
        if world.path("dataset").exists() {
            fs::remove_dir_all(world.path("dataset")).expect("removed");
        }
    });
    assert_eq!(files_below(&world.path("in")).len(), files.len());
}

fn report(world: &World, dataset: &str, what: &str) -> Run {
    run(
        world,
        &["report", "--dataset", dataset, "--format", "json"],
        what,
    )
}

/// Holds that read = accepted + unused + rejected, and that the exit code says whether anything was left out.
#[track_caller]
fn accounts_for_all(run: &Run, what: &str) {
    let Some(last) = run.stdout.lines().last() else {
        return;
    };
    let numbers: Vec<u64> = last
        .rsplit(": ")
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [read, accepted, unused, rejected] = numbers[..] else {
        panic!("{what}: {last}")
    };
    assert_eq!(read, accepted + unused + rejected, "{what}: {last}");
    if run.code == Some(0) {
        assert_eq!(rejected, 0, "{what}: {last}");
    }
}
