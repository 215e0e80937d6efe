//! Days that reports keep beside the samples: whatever happens to them, a report says the same.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::support::{DAY, Run, T0, World, command, copy_into, lines, readings};

/// A world with a week of two services imported, and nothing kept.
fn world() -> World {
    let world = World::new();
    for (name, percent) in [("api", 30.0), ("web", 55.0)] {
        let file = format!("{name}.jsonl");
        world.write(&file, lines(&readings(name, T0, T0 + 7 * DAY, percent, 2)));
        world.import(&[&file]).exits(0);
    }
    world
}

fn json(world: &World) -> Run {
    world.report(&["--format", "json"]).exits(0)
}

/// What there is below `folder` that is not in `before`.
fn added_names(world: &World, before: &BTreeSet<String>, folder: &str) -> Vec<String> {
    let now = world.parts("dataset");
    let added = now
        .difference(before)
        .filter(|part| part.starts_with(folder));
    added.cloned().collect()
}

/// The same as files, in the order in which they were written.
fn added(world: &World, before: &BTreeSet<String>, folder: &str) -> Vec<PathBuf> {
    let names = added_names(world, before, folder);
    let mut parts: Vec<PathBuf> = names
        .iter()
        .map(|part| world.path("dataset").join(part))
        .collect();
    let written = |part: &PathBuf| fs::metadata(part).and_then(|file| file.modified());
    parts.sort_by_key(|part| written(part).expect("a time"));
    parts
}

#[test]
fn a_report_keeps_its_days_and_deleting_them_changes_nothing() {
    let world = world();
    let before = world.parts("dataset");
    let report = json(&world).stdout;
    let kept = world.parts("dataset");
    let is_theirs = |part: &String| part.starts_with("demand/") || part.starts_with("coverage/");
    assert!(kept.is_superset(&before) && kept.difference(&before).all(is_theirs));
    assert!(!added(&world, &before, "demand/").is_empty());
    // Nothing is left to keep, and another window, policy or form keeps nothing more.
    assert_eq!(json(&world).stdout, report);
    world
        .report(&["--cpu-headroom", "40", "--from", "2026-10-06"])
        .exits(0);
    assert_eq!(world.parts("dataset"), kept);
    fs::remove_dir_all(world.path("dataset/demand")).expect("removed");
    assert_eq!(json(&world).stdout, report);
    assert_eq!(world.parts("dataset"), kept);
}

#[test]
fn a_report_that_is_killed_while_it_keeps_days_leaves_a_dataset_that_is_whole() {
    let whole = world();
    let before = whole.parts("dataset");
    let report = json(&whole).stdout;
    // It writes parts, then their commits, then the end of the chain: killed between any two of them.
    let mut written = added(&whole, &before, "demand/");
    written.extend(added(&whole, &before, "coverage/"));
    assert!(written.len() >= 3, "{written:?}");
    for there in 0..written.len() {
        let world = World::new();
        copy_into(&whole.path("dataset"), &world.path("dataset"));
        for part in &written[there..] {
            let relative = part.strip_prefix(whole.path("")).expect("below");
            fs::remove_file(world.path("").join(relative)).expect("removed");
        }
        assert_eq!(json(&world).stdout, report, "{there} of {}", written.len());
        assert_eq!(json(&world).stdout, report, "again");
    }
}

#[test]
fn a_report_that_is_killed_as_soon_as_it_writes_harms_nothing() {
    let world = world();
    let before = world.parts("dataset");
    let report = json(&world).stdout;
    for table in ["demand/", "coverage/"] {
        for part in added(&world, &before, "") {
            fs::remove_file(part).expect("removed");
        }
        let mut child = command(&["report", "--dataset", "dataset", "--format", "json"])
            .current_dir(world.path(""))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("started");
        // A temporary file is one, too.
        while added_names(&world, &before, table).is_empty()
            && child.try_wait().expect("waited for").is_none()
        {
            std::thread::yield_now();
        }
        let _ = child.kill();
        child.wait().expect("ended");
        assert_eq!(json(&world).stdout, report, "{table}");
    }
}

#[test]
fn reports_that_run_at_the_same_time_keep_the_same_days() {
    let world = world();
    let start = || {
        command(&["report", "--dataset", "dataset", "--format", "json"])
            .current_dir(world.path(""))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("started")
    };
    let both = [start(), start()];
    let said = both.map(|child| Run::of(&child.wait_with_output().expect("ended")).exits(0));
    let after = json(&world);
    for run in &said {
        assert_eq!(run.stdout, after.stdout);
        assert_eq!(run.stderr, "");
    }
}

#[test]
fn a_flipped_bit_in_a_kept_day_is_refused_and_the_day_is_reduced_again() {
    let world = world();
    let before = world.parts("dataset");
    let report = json(&world).stdout;
    for part in added(&world, &before, "demand/") {
        let whole = fs::read(&part).expect("read");
        for at in (0..whole.len()).step_by(whole.len() / 12 + 1) {
            let mut bytes = whole.clone();
            bytes[at] ^= 0x10;
            fs::write(&part, bytes).expect("written");
            assert_eq!(json(&world).stdout, report, "byte {at}");
            assert_eq!(
                fs::read(&part).expect("read"),
                whole,
                "byte {at} was not mended"
            );
        }
        fs::write(&part, &whole[..whole.len() / 2]).expect("written");
        assert_eq!(json(&world).stdout, report, "cut");
    }
}

#[test]
fn a_dataset_that_cannot_be_written_is_reported_on_and_it_is_said_that_nothing_was_kept() {
    let (other, world) = (world(), world());
    // Root may write anywhere, but not below a file.
    world.write("dataset/demand", "in the way");
    let run = json(&world).says(&["days were not kept"]);
    assert_eq!(run.stdout, json(&other).stdout);
    assert!(run.stderr.lines().count() == 1, "{}", run.stderr);
}
