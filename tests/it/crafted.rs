//! Datasets that somebody, or something, made by hand: refused by name, never followed, never waited for.

use std::fs;
use std::io::Cursor;
use std::panic::catch_unwind;
use std::path::PathBuf;
use std::process::Command;

use plimsoll::dataset::name::short_hash;
use polars::prelude::{
    DataFrame, IntoColumn, KeyValueMetadata, NamedFrom, ParquetReader, ParquetWriter, SerReader,
    Series,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{HOUR, SECOND, T0, World, finished, lines, readings, workload};

fn world() -> World {
    let world = World::new();
    world.write(
        "events.jsonl",
        lines(&[finished("etl", "a1", T0, T0 + 90 * SECOND)]),
    );
    world.write(
        "stream.jsonl",
        lines(&readings("web", T0, T0 + HOUR, 40.0, 1)),
    );
    world.import(&["events.jsonl"]).exits(0);
    world
}

/// The only part of `table` that has rows, relative to the dataset.
fn part_of(world: &World, table: &str) -> String {
    let parts = world.parts("dataset");
    let has_rows = |part: &&String| {
        let bytes = fs::read(world.path("dataset").join(part)).expect("there");
        let frame = ParquetReader::new(Cursor::new(bytes)).finish();
        part.starts_with(table) && frame.expect("Parquet").height() > 0
    };
    let mut of_table = parts.iter().filter(has_rows);
    let part = of_table.next().expect("a part").clone();
    assert!(of_table.next().is_none(), "one part of {table}");
    part
}

/// Puts what `change` makes of the only part of `table` in its place, under the name that its bytes ask for.
fn craft(world: &World, table: &str, change: impl Fn(&mut DataFrame)) -> String {
    let part = part_of(world, table);
    forge(world, "dataset", &part, |bytes| {
        *bytes = rewritten(bytes, &change);
    })
}

/// Hurts the bytes of `part` and puts them under the name that they ask for, which the commits then name, too.
pub(crate) fn forge(
    world: &World,
    dataset: &str,
    part: &str,
    hurt: impl FnOnce(&mut Vec<u8>),
) -> String {
    let path = world.path(dataset).join(part);
    let mut bytes = fs::read(&path).expect("there");
    hurt(&mut bytes);
    let hash = short_hash(Sha256::new_with_prefix(&bytes));
    let (before, _) = part.rsplit_once('_').expect("a name");
    let new = format!("{before}_{hash}.parquet");
    fs::remove_file(&path).expect("removed");
    fs::write(world.path(dataset).join(&new), bytes).expect("written");
    // What changes nothing keeps its name.
    if new != part {
        name_in_coverage(world, dataset, part, &new);
    }
    new
}

/// A part with what `change` makes of its rows.
fn rewritten(bytes: &[u8], change: impl Fn(&mut DataFrame)) -> Vec<u8> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    let own = own_metadata(&mut reader);
    let mut frame = reader.finish().expect("Parquet");
    change(&mut frame);
    written(&mut frame, own)
}

/// What stands in a part beside its rows.
type Metadata = Vec<(String, String)>;

fn own_metadata(reader: &mut ParquetReader<Cursor<&[u8]>>) -> Metadata {
    let metadata = reader.get_metadata().expect("Parquet");
    let pairs = metadata.key_value_metadata().clone();
    pairs
        .unwrap_or_default()
        .into_iter()
        .filter(|pair| pair.key.starts_with("plimsoll"))
        .map(|pair| (pair.key, pair.value.unwrap_or_default()))
        .collect()
}

/// The rows of a commit, what stands beside them, and the parts that they name; `None` where it was hurt.
fn commit_of(bytes: &[u8]) -> Option<(DataFrame, Metadata, Vec<String>)> {
    let mut reader = ParquetReader::new(Cursor::new(bytes));
    reader.get_metadata().ok()?;
    let metadata = own_metadata(&mut reader);
    let frame = reader.finish().ok()?;
    let names = frame.column("parts").ok()?.str().ok()?;
    let names = names.iter().flatten().map(str::to_owned).collect();
    Some((frame, metadata, names))
}

fn written(frame: &mut DataFrame, metadata: Metadata) -> Vec<u8> {
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_key_value_metadata(Some(KeyValueMetadata::from_static(metadata)))
        .finish(frame)
        .expect("written");
    bytes
}

/// Lets the commits, and those that come after them, name `new` in the place of `old`.
fn name_in_coverage(world: &World, dataset: &str, old: &str, new: &str) {
    let parts = world.parts(dataset);
    let commits = parts
        .iter()
        .filter(|part| part.starts_with("coverage") && *part != new);
    for coverage in commits {
        let bytes = fs::read(world.path(dataset).join(coverage)).expect("there");
        // The library may panic over what was hurt.
        let Ok(Some((mut frame, metadata, names))) = catch_unwind(|| commit_of(&bytes)) else {
            continue;
        };
        let is_named = |text: &String| text.contains(old);
        if !names.iter().any(is_named) && !metadata.iter().any(|(_, value)| is_named(value)) {
            continue;
        }
        let names: Vec<String> = names.iter().map(|name| name.replace(old, new)).collect();
        put(&mut frame, Series::new("parts".into(), names));
        let metadata = metadata
            .into_iter()
            .map(|(key, value)| (key, value.replace(old, new)))
            .collect();
        let changed = written(&mut frame, metadata);
        forge(world, dataset, coverage, |bytes| *bytes = changed);
        // What named that one was rewritten, too.
        return name_in_coverage(world, dataset, old, new);
    }
}

fn put(frame: &mut DataFrame, series: Series) {
    frame.with_column(series.into_column()).expect("a column");
}

/// `value` in every row of the column `name`.
fn fill(frame: &mut DataFrame, name: &str, value: i64) {
    let like = frame.column(name).expect("there").dtype().clone();
    let series = Series::new(name.into(), vec![value; frame.height()]);
    put(frame, series.cast(&like).expect("fits"));
}

#[test]
fn names_that_leave_the_dataset_are_not_followed() {
    for name in [
        "runs/../../../etc/passwd",
        "runs/account=1/region=r/month=../../../etc/passwd.parquet",
        "/etc/passwd",
        "runs/account=1/region=r/month=2026-10/.hidden.parquet",
        "secrets/account=1/region=r/month=2026-10/x.parquet",
    ] {
        let world = world();
        let old = part_of(&world, "runs");
        name_in_coverage(&world, "dataset", &old, name);
        let run = world
            .report(&[])
            .exits(5)
            .says(&["coverage/", name, "is no part of a dataset"]);
        assert!(!run.said().contains("sha256"), "{}", run.said());
    }
}

#[test]
fn columns_that_are_not_known_are_left_out() {
    let world = world();
    let before = world.json_text("dataset");
    for table in ["runs", "coverage"] {
        craft(&world, table, |frame| {
            let height = frame.height();
            put(
                frame,
                Series::new("of_a_newer_version".into(), vec![1; height]),
            );
        });
    }
    // The commit names another part, which is all that differs.
    let after = world.json_text("dataset");
    assert_eq!(after, before);
    world.import(&["stream.jsonl"]).exits(0);
    world.report(&[]).exits(0);
}

#[test]
fn a_column_of_another_type_or_without_one_is_named() {
    for (table, column) in [("runs", "run_id"), ("coverage", "parts")] {
        let world = world();
        let part = craft(&world, table, |frame| {
            let height = frame.height();
            put(frame, Series::new(column.into(), vec![1; height]));
        });
        let run = world.report(&[]).exits(5).says(&[&part, column, "not str"]);
        assert!(run.stderr.lines().count() < 5, "{}", run.stderr);
        let world = self::world();
        let part = craft(&world, table, |frame| {
            frame.drop_in_place(column).expect("there");
        });
        world
            .report(&[])
            .exits(5)
            .says(&[&part, "does not have the columns", column]);
    }
}

#[test]
fn columns_that_only_newer_parts_have_are_empty_in_older_ones() {
    let world = world();
    craft(&world, "runs", |frame| {
        frame.drop_in_place("ephemeral_gib").expect("there");
    });
    assert_eq!(
        workload(&world.json(), "etl")["current"]["metered"]["amount"],
        90.0
    );
}

#[test]
fn numbers_that_cannot_be_are_refused_with_their_column() {
    for (table, column, value) in [
        ("runs", "ephemeral_gib", 4_000_000_000),
        ("runs", "cpu_units", i64::MAX),
        ("runs", "memory_mib", -1),
        ("runs", "stopped_ms", i64::MAX),
        ("samples", "period_s", i64::from(i32::MAX)),
        ("samples", "period_s", 0),
        ("samples", "at_ms", i64::MIN),
    ] {
        let world = World::new();
        world.write(
            "events.jsonl",
            lines(&[finished("etl", "a1", T0, T0 + 90 * SECOND)]),
        );
        world.write(
            "stream.jsonl",
            lines(&readings("web", T0, T0 + HOUR, 40.0, 1)),
        );
        let file = if table == "runs" {
            "events.jsonl"
        } else {
            "stream.jsonl"
        };
        world.import(&[file]).exits(0);
        let part = craft(&world, table, |frame| fill(frame, column, value));
        world
            .report(&[])
            .exits(5)
            .says(&[&part, column, &value.to_string(), "cannot be"]);
    }
    for value in [f64::NAN, f64::INFINITY, -1.0] {
        let world = World::new();
        world.write(
            "stream.jsonl",
            lines(&readings("web", T0, T0 + HOUR, 40.0, 1)),
        );
        world.import(&["stream.jsonl"]).exits(0);
        let part = craft(&world, "samples", |frame| {
            let height = frame.height();
            put(frame, Series::new("max".into(), vec![value; height]));
        });
        world
            .report(&[])
            .exits(5)
            .says(&[&part, "`max`", "cannot be"]);
    }
}

#[test]
fn storage_that_cannot_be_is_rejected_at_the_door() {
    let world = World::new();
    let task = crate::support::with(
        finished("etl", "a1", T0, T0 + HOUR),
        json!({ "detail": { "ephemeralStorage": { "sizeInGiB": 4_000_000_000_u32 } } }),
    );
    world.write(
        "events.jsonl",
        lines(&[task, finished("etl", "a2", T0, T0 + HOUR)]),
    );
    world
        .import(&["events.jsonl"])
        .exits(3)
        .says(&["more ephemeral storage than can be, first at line 1"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_in_the_place_of_a_part_keeps_nobody_waiting() {
    for table in ["runs", "coverage"] {
        let world = world();
        let part: PathBuf = world.path("dataset").join(part_of(&world, table));
        fs::remove_file(&part).expect("removed");
        let made = Command::new("mkfifo").arg(&part).status().expect("mkfifo");
        assert!(made.success());
        world.report(&[]).exits(5).says(&[
            &part.file_name().expect("a name").to_string_lossy(),
            "regular file",
        ]);
    }
}

#[test]
fn what_macos_and_others_leave_behind_is_no_part() {
    let world = world();
    let before = world.json_text("dataset");
    for table in ["runs", "coverage"] {
        let part = part_of(&world, table);
        let (folder, name) = part.rsplit_once('/').expect("a folder");
        world.write(&format!("dataset/{folder}/._{name}"), "\0\x05\x16\x07");
        world.write(&format!("dataset/{folder}/.DS_Store"), "x");
        world.write(&format!("dataset/{folder}/.part-left.tmp"), "x");
        world.write(&format!("dataset/{table}/._account=123456789012"), "x");
        world.write(&format!("dataset/{table}/.DS_Store"), "x");
    }
    assert_eq!(world.json_text("dataset"), before);
    world.import(&["stream.jsonl"]).exits(0);
}

#[test]
fn temporary_files_of_writers_long_dead_are_removed() {
    let world = world();
    let part = part_of(&world, "runs");
    let (folder, _) = part.rsplit_once('/').expect("a folder");
    let place = |name: &str| format!("dataset/{folder}/{name}");
    for name in [".part-old.tmp", ".part-new.tmp", "other.tmp"] {
        world.write(&place(name), "half a part");
    }
    let yesterday = std::time::SystemTime::now() - std::time::Duration::from_hours(25);
    for name in [".part-old.tmp", "other.tmp"] {
        let file = fs::File::options()
            .append(true)
            .open(world.path(&place(name)))
            .expect("there");
        file.set_modified(yesterday).expect("set");
    }
    world.import(&["stream.jsonl"]).exits(0);
    let is_there = |name| world.path(&place(name)).exists();
    assert_eq!(
        [".part-old.tmp", ".part-new.tmp", "other.tmp"].map(is_there),
        [false, true, true]
    );
}

#[test]
fn a_dataset_without_a_name_is_none() {
    let world = world();
    for args in [
        &["report", "--dataset", ""][..],
        &["import", "--dataset", "", "events.jsonl"],
        &["collect", "--dataset", ""],
    ] {
        world.run(args).exits(2).says(&["--dataset"]);
    }
}
