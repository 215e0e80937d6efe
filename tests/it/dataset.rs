//! The dataset: immutable parts that verify themselves, the same for the same input, merged by copying.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use plimsoll::dataset::name::short_hash;
use polars::prelude::{
    DataFrame, KeyValueMetadata, NamedFrom, ParquetReader, ParquetWriter, SerReader, Series,
};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::support::{
    HOUR, MINUTE, SECOND, T0, World, build, copy_into, finished, lines, readings,
};

/// A world with one file of task events, one of builds and one of readings, not imported yet.
fn world() -> World {
    let world = World::new();
    world.write(
        "a.jsonl",
        lines(&[
            finished("etl", "a1", T0, T0 + 90 * SECOND),
            finished("etl", "a2", T0 + HOUR, T0 + 2 * HOUR),
        ]),
    );
    world.write(
        "b.json",
        json!({ "builds": [build("ci", "b1", T0 + HOUR, T0 + HOUR + 61 * SECOND)] }).to_string(),
    );
    world.write("c.jsonl", lines(&readings("web", T0, T0 + HOUR, 40.0, 1)));
    world
}

/// The only part of `table`.
fn part_of(world: &World, table: &str) -> PathBuf {
    let parts = world.parts("dataset");
    world.path("dataset").join(
        parts
            .iter()
            .find(|part| part.starts_with(table))
            .expect("a part"),
    )
}

#[test]
fn the_same_input_makes_the_same_parts_and_the_same_report() {
    let world = world();
    for dataset in ["one", "two"] {
        world
            .import_into(dataset, &["a.jsonl", "b.json", "c.jsonl"])
            .exits(0);
    }
    assert_eq!(world.parts("one"), world.parts("two"));
    assert_eq!(world.json_text("one"), world.json_text("two"));
    assert_eq!(world.json_text("one"), world.json_text("one"));
}

#[test]
fn parts_stand_where_any_engine_looks_for_them() {
    let world = world();
    world.import(&["a.jsonl", "b.json", "c.jsonl"]).exits(0);
    let tables: BTreeSet<String> = world
        .parts("dataset")
        .iter()
        .map(|part| part.split('/').next().expect("a table").to_owned())
        .collect();
    assert_eq!(
        tables.into_iter().collect::<Vec<_>>(),
        ["coverage", "runs", "samples"]
    );
    for part in world.parts("dataset") {
        let bytes = fs::read(world.path("dataset").join(&part)).expect("there");
        let place = part.split_once('/').expect("a folder").1;
        let name = format!(
            "2026-10-05_2026-10-05_{}.parquet",
            short_hash(Sha256::new_with_prefix(&bytes))
        );
        assert_eq!(
            place,
            format!("account=123456789012/region=us-east-1/month=2026-10/{name}"),
            "{part}"
        );
    }
}

#[test]
fn merging_two_datasets_is_copying_their_files_together() {
    let world = world();
    world.import_into("one", &["a.jsonl", "b.json"]).exits(0);
    world.import_into("two", &["c.jsonl", "b.json"]).exits(0);
    world
        .import_into("both", &["b.json", "c.jsonl", "a.jsonl"])
        .exits(0);
    for part in ["one", "two"] {
        copy_into(&world.path(part), &world.path("merged"));
    }
    // The parts without rows that end each import name what it committed.
    let rows = |dataset: &str| -> BTreeSet<String> {
        let parts = world.parts(dataset).into_iter();
        parts.filter(|part| !part.starts_with("coverage")).collect()
    };
    assert_eq!(rows("merged"), rows("both"));
    assert_eq!(world.json_text("merged"), world.json_text("both"));
}

#[test]
fn a_part_that_no_commit_names_is_ignored() {
    let world = world();
    world.import(&["a.jsonl"]).exits(0);
    let before = world.json_text("dataset");
    world.import_into("other", &["b.json"]).exits(0);
    copy_into(&world.path("other/runs"), &world.path("dataset/runs"));
    world.write(
        "dataset/runs/account=123456789012/region=us-east-1/month=2026-10/.part-x.tmp",
        "cut off",
    );
    assert_eq!(world.json_text("dataset"), before);
}

#[test]
fn a_flipped_bit_anywhere_in_a_part_is_found_and_named() {
    let world = world();
    world.import(&["a.jsonl", "c.jsonl"]).exits(0);
    for table in ["runs", "samples", "coverage"] {
        let part = part_of(&world, table);
        let whole = fs::read(&part).expect("there");
        for offset in [
            0,
            5,
            whole.len() / 3,
            whole.len() / 2,
            whole.len() - 9,
            whole.len() - 1,
        ] {
            let mut flipped = whole.clone();
            flipped[offset] ^= 0x10;
            fs::write(&part, &flipped).expect("written");
            let name = part
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let run = world
                .report(&["--format", "json"])
                .exits(5)
                .says(&[&name, "is corrupt"]);
            assert!(run.stdout.is_empty());
        }
        fs::write(&part, &whole).expect("written");
    }
    world.report(&[]).exits(0);
}

#[test]
fn a_truncated_part_is_found_and_named() {
    let world = world();
    world.import(&["a.jsonl"]).exits(0);
    let part = part_of(&world, "runs");
    let whole = fs::read(&part).expect("there");
    for length in [0, 3, whole.len() - 1] {
        fs::write(&part, &whole[..length]).expect("written");
        world.report(&[]).exits(5).says(&[
            &part.file_name().expect("a name").to_string_lossy(),
            "hint: restore",
        ]);
    }
}

#[test]
fn a_part_that_is_gone_is_named() {
    let world = world();
    world.import(&["a.jsonl", "b.json", "c.jsonl"]).exits(0);
    for part in world.parts("dataset") {
        let part = world.path("dataset").join(part);
        if has_no_rows(&part) {
            continue;
        }
        let whole = fs::read(&part).expect("there");
        fs::remove_file(&part).expect("removed");
        world.report(&[]).exits(5).says(&[
            &part.file_name().expect("a name").to_string_lossy(),
            "missing",
        ]);
        fs::write(&part, whole).expect("written");
    }
    world.report(&[]).exits(0);
}

fn has_no_rows(part: &Path) -> bool {
    let file = fs::File::open(part).expect("there");
    let frame = ParquetReader::new(file).finish().expect("Parquet");
    frame.height() == 0
}

/// Puts a Parquet file under the name its hash asks for into the coverage table.
fn foreign_part(world: &World, metadata: Option<KeyValueMetadata>) {
    let mut bytes = Vec::new();
    let mut frame =
        DataFrame::new(1, vec![Series::new("scope".into(), ["x"]).into()]).expect("a frame");
    ParquetWriter::new(&mut bytes)
        .with_key_value_metadata(metadata)
        .finish(&mut frame)
        .expect("written");
    let name = format!(
        "2026-10-05_2026-10-05_{}.parquet",
        short_hash(Sha256::new_with_prefix(&bytes))
    );
    world.write(
        &format!("dataset/coverage/account=123456789012/region=us-east-1/month=2026-10/{name}"),
        bytes,
    );
}

#[test]
fn a_newer_format_asks_for_an_upgrade() {
    let world = World::new();
    foreign_part(
        &world,
        Some(KeyValueMetadata::from_static(vec![(
            "plimsoll.format".to_owned(),
            "99".to_owned(),
        )])),
    );
    world
        .report(&[])
        .exits(5)
        .says(&["coverage/", "format 99", "up to 2", "upgrade"]);
    world.write("a.jsonl", lines(&[finished("etl", "a1", T0, T0 + MINUTE)]));
    world.import(&["a.jsonl"]).exits(5).says(&["format 99"]);
    assert_eq!(
        world.parts("dataset").len(),
        1,
        "nothing was added to what is not understood"
    );
}

#[test]
fn parquet_of_someone_else_is_no_part() {
    let world = World::new();
    foreign_part(&world, None);
    world
        .report(&[])
        .exits(5)
        .says(&["coverage/", "is not a part of a plimsoll dataset"]);
}

#[test]
fn known_format_with_foreign_columns_is_refused_by_name() {
    let world = World::new();
    foreign_part(
        &world,
        Some(KeyValueMetadata::from_static(vec![(
            "plimsoll.format".to_owned(),
            "1".to_owned(),
        )])),
    );
    world
        .report(&[])
        .exits(5)
        .says(&["coverage/", "does not have the columns"]);
}

#[test]
fn a_dataset_that_is_not_there_or_none_is_said_so() {
    let world = World::new();
    world
        .report(&[])
        .exits(2)
        .says(&["dataset `dataset` does not exist", "plimsoll import"]);
    world.write("dataset/holiday.jpg", "x");
    world
        .report(&[])
        .exits(5)
        .says(&["`dataset` is not a dataset"]);
    world
        .run(&["report", "--dataset", "gs://bucket/prefix"])
        .exits(2)
        .says(&["gs://bucket/prefix", "only local folders and S3"]);
}
