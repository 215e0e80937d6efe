//! Commits: all of an import counts or none of it, and none can get lost unseen.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{
    DAY, HOUR, MINUTE, T0, World, copy_into, finished, lines, parsed, with, workload,
};

const ACCOUNTS: [&str; 2] = ["123456789012", "210987654321"];

/// The event of a finished task in one of the accounts.
fn finished_in(account: &str, id: &str, from: i64, to: i64) -> Value {
    let text = finished("etl", id, from, to).to_string();
    parsed(&text.replace(ACCOUNTS[0], account))
}

/// Tasks of three months in two accounts.
fn year() -> String {
    let tasks = (0..6).map(|no: i64| {
        let account = ACCOUNTS[usize::from(no % 2 == 1)];
        let from = T0 + (no / 2) * 31 * DAY;
        finished_in(account, &format!("a{no}"), from, from + (no + 1) * HOUR)
    });
    lines(&tasks.collect::<Vec<_>>())
}

/// A world with that file imported.
fn world() -> World {
    let world = World::new();
    world.write("year.jsonl", year());
    world.import(&["year.jsonl"]).exits(0);
    world
}

/// The coverage parts of a dataset, in the order in which they were written; the last one ends the chain.
fn coverage(world: &World) -> Vec<PathBuf> {
    let mut parts: Vec<PathBuf> = world
        .parts("dataset")
        .iter()
        .filter(|part| part.starts_with("coverage/"))
        .map(|part| world.path("dataset").join(part))
        .collect();
    parts.sort_by_key(|part| {
        let written = fs::metadata(part).and_then(|file| file.modified());
        (written.expect("a time"), part.clone())
    });
    parts
}

fn strict(world: &World) -> crate::support::Run {
    world.report(&["--strict", "--from", "2026-10-01", "--to", "2027-01-01"])
}

#[test]
fn an_import_that_broke_off_between_its_commits_does_not_count_and_is_completed() {
    let whole = world();
    let parts = coverage(&whole);
    assert_eq!(
        parts.len(),
        7,
        "three months of two accounts, and the end of the chain"
    );
    for kept in 1..parts.len() - 1 {
        let world = World::new();
        world.write("year.jsonl", year());
        copy_into(&whole.path("dataset"), &world.path("dataset"));
        for part in &parts[kept..] {
            let relative = part.strip_prefix(whole.path("")).expect("below");
            fs::remove_file(world.path("").join(relative)).expect("removed");
        }
        world.report(&[]).exits(6).says(&["no runs and no samples"]);
        world
            .import(&["year.jsonl"])
            .exits(0)
            .says(&["1 of 1 files imported, 0 already there"]);
        assert_eq!(world.parts("dataset"), whole.parts("dataset"), "{kept}");
        assert_eq!(world.json_text("dataset"), whole.json_text("dataset"));
        strict(&world).exits(0);
    }
}

#[test]
fn what_broke_off_beside_what_is_whole_is_told() {
    let world = World::new();
    world.write("a.jsonl", lines(&[finished("web", "b1", T0, T0 + HOUR)]));
    world.import(&["a.jsonl"]).exits(0);
    let before = coverage(&world);
    world.write("year.jsonl", year());
    world.import(&["year.jsonl"]).exits(0);
    let added: Vec<PathBuf> = coverage(&world)
        .into_iter()
        .filter(|part| !before.contains(part))
        .collect();
    for part in &added[added.len() - 2..] {
        fs::remove_file(part).expect("removed");
    }
    strict(&world)
        .exits(3)
        .says(&["an import broke off", "import the same files again"]);
    let report = world.json();
    assert_eq!(report["totals"]["workloads"], 1);
    workload(&report, "web");
    world.import(&["year.jsonl"]).exits(0);
    strict(&world).exits(0);
}

#[test]
fn a_commit_that_is_removed_renamed_or_moved_is_missed() {
    let whole = world();
    let before = whole.json_text("dataset");
    let parts = coverage(&whole);
    let (end, commits) = parts.split_last().expect("parts");
    for part in commits {
        let world = World::new();
        copy_into(&whole.path("dataset"), &world.path("dataset"));
        let part = world
            .path("")
            .join(part.strip_prefix(whole.path("")).expect("below"));
        let name = part
            .file_name()
            .expect("a name")
            .to_string_lossy()
            .into_owned();
        let aside = world.path("aside");
        fs::rename(&part, &aside).expect("moved");
        world
            .report(&[])
            .exits(5)
            .says(&["is missing", &name, "hint: restore"]);
        let renamed = part.with_file_name(name.replace("2026-", "2025-"));
        fs::rename(&aside, &renamed).expect("moved");
        world.report(&[]).exits(5).says(&["is missing", &name]);
        let other = elsewhere(&part);
        fs::create_dir_all(other.parent().expect("a folder")).expect("made");
        fs::rename(&renamed, &other).expect("moved");
        world.report(&[]).exits(5).says(&["was moved"]);
        fs::rename(&other, &part).expect("moved");
        assert_eq!(world.json_text("dataset"), before);
    }
    fs::remove_file(end).expect("removed");
    assert_eq!(whole.json_text("dataset"), before, "it holds no rows");
}

/// The same name in another account's folder.
fn elsewhere(part: &Path) -> PathBuf {
    let text = part.display().to_string();
    let [one, other] = ACCOUNTS;
    PathBuf::from(if text.contains(one) {
        text.replace(one, other)
    } else {
        text.replace(other, one)
    })
}

#[test]
fn a_commit_that_was_removed_is_restored_by_importing_its_file_again() {
    let world = world();
    let before = world.json_text("dataset");
    fs::remove_file(&coverage(&world)[2]).expect("removed");
    world.report(&[]).exits(5);
    world.import(&["year.jsonl"]).exits(0);
    assert_eq!(world.json_text("dataset"), before);
}

#[test]
fn what_a_killed_import_left_open_is_closed_by_the_next() {
    let world = world();
    fs::remove_file(coverage(&world).pop().expect("an end")).expect("removed");
    world.write("b.jsonl", lines(&[finished("web", "b1", T0, T0 + MINUTE)]));
    world.import(&["b.jsonl"]).exits(0);
    let parts = coverage(&world);
    let last = &parts[5];
    fs::remove_file(last).expect("removed");
    world.report(&[]).exits(5).says(&["is missing"]);
}

#[cfg(unix)]
#[test]
fn a_coverage_folder_that_cannot_be_listed_is_an_error() {
    let world = world();
    // A file in the place of a folder: also the superuser cannot list that.
    let folder = coverage(&world)[0]
        .parent()
        .expect("a folder")
        .to_path_buf();
    let aside = world.path("aside");
    fs::rename(&folder, aside).expect("moved");
    fs::write(&folder, "no folder").expect("written");
    world.report(&[]).exits(5).says(&["cannot list"]);
}

#[test]
fn datasets_of_many_writers_are_copied_together() {
    let (one, other) = (world(), World::new());
    other.write(
        "b.jsonl",
        lines(&[with(finished("web", "b1", T0, T0 + HOUR), json!({}))]),
    );
    other.write("year.jsonl", year());
    other.import(&["b.jsonl", "year.jsonl"]).exits(0);
    let whole = other.json_text("dataset");
    copy_into(&one.path("dataset"), &other.path("dataset"));
    assert_eq!(other.json_text("dataset"), whole);
    let names = coverage(&other);
    assert_eq!(names.len(), 9, "seven commits, and two ends");
}
