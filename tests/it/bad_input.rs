//! Input that is broken, hostile or absurd: a clear word on what and where, the right exit code, nothing half-kept.

use serde_json::{Value, json};

use crate::support::{
    DAY, HOUR, MINUTE, SECOND, T0, World, build, event, files_below, finished, gzipped, lines,
    metric, parsed, readings, stamp, task, with, workload,
};

/// A good event, of family `etl`.
fn good(id: &str) -> Value {
    finished("etl", id, T0, T0 + 90 * SECOND)
}

/// Imports `content` and holds that nothing of it was kept.
#[track_caller]
fn refuses(content: impl AsRef<[u8]>, words: &[&str]) {
    let world = World::new();
    world.write("file.json", content);
    world
        .import(&["file.json"])
        .exits(5)
        .says(&["file.json"])
        .says(words);
    assert!(
        !world.path("dataset/coverage").exists(),
        "nothing is committed"
    );
}

/// Imports `bad` between two good events as lines, holds that it alone is rejected, and gives the world.
#[track_caller]
fn quarantines(bad: &str, words: &[&str]) -> World {
    let world = World::new();
    world.write(
        "file.jsonl",
        format!("{}\n{bad}\n{}\n", good("a1"), good("a2")),
    );
    world
        .import(&["file.jsonl"])
        .exits(3)
        .says(&[
            "3 read = 2 accepted + 0 unused + 1 rejected",
            "first at line 2",
        ])
        .says(words);
    assert_eq!(workload(&world.json(), "etl")["evidence"]["runs"], 2);
    world
}

#[test]
fn a_missing_file_is_named_and_nothing_is_done() {
    let world = World::new();
    world.write("there.jsonl", lines(&[good("a1")]));
    world
        .import(&["there.jsonl", "gone.jsonl"])
        .exits(2)
        .says(&["cannot read `gone.jsonl`"]);
    assert!(!world.path("dataset").exists());
}

#[test]
fn an_empty_file_is_nothing_to_import() {
    refuses("", &["it is empty"]);
    refuses("\n  \n\n", &["it is empty"]);
    refuses(gzipped(""), &["it is empty"]);
}

#[test]
fn an_empty_object_or_list_is_no_shape() {
    refuses("{}", &["file.json"]);
    refuses("{}\n", &["file.json"]);
    refuses("[]", &["file.json"]);
    refuses("null\n", &["file.json"]);
    refuses("42", &["file.json"]);
    refuses("\"text\"", &["file.json"]);
}

#[test]
fn output_about_other_things_is_not_called_empty() {
    refuses(
        r#"{"clusters": [{"clusterName": "prod"}], "failures": []}"#,
        &["not a shape of AWS output"],
    );
}

#[test]
fn nothing_of_a_truncated_gzip_is_kept() {
    let whole = gzipped(lines(
        &(0..500)
            .map(|i| good(&format!("id-{i}")))
            .collect::<Vec<_>>(),
    ));
    for length in [12, whole.len() / 2, whole.len() - 9, whole.len() - 1] {
        refuses(&whole[..length], &["cut off", "nothing of it was kept"]);
    }
}

#[test]
fn a_flipped_bit_in_gzip_is_found() {
    let mut bytes = gzipped(lines(
        &(0..500)
            .map(|i| good(&format!("id-{i}")))
            .collect::<Vec<_>>(),
    ));
    let checksum = bytes.len() - 8;
    bytes[checksum] ^= 1;
    refuses(&bytes, &["damaged"]);
}

#[test]
fn what_is_whole_is_kept_whatever_becomes_of_the_others() {
    let world = World::new();
    world.write("a.jsonl", lines(&[good("a1")]));
    world.write("b.jsonl.gz", &gzipped(lines(&[good("a2")]))[..30]);
    world.write("c.jsonl", lines(&[good("a3")]));
    world
        .import(&["a.jsonl", "b.jsonl.gz", "c.jsonl"])
        .exits(5)
        .says(&["b.jsonl.gz: failed", "2 of 3 files imported"]);
    assert_eq!(workload(&world.json(), "etl")["evidence"]["runs"], 2);
}

#[test]
fn an_invalid_line_is_quarantined_and_the_rest_kept() {
    let world = quarantines("{\"detail-type\": oops}", &["not valid JSON"]);
    let report = world.json();
    assert_eq!(
        (
            &report["coverage"]["partial_scope_days"],
            &report["coverage"]["complete_scope_days"]
        ),
        (&json!(1), &json!(0))
    );
    world.report(&["--strict"]).exits(3);
    world.report(&[]).exits(0);
}

#[test]
fn a_last_line_that_is_cut_is_quarantined() {
    let world = World::new();
    let text = lines(&[good("a1"), good("a2")]);
    world.write("file.jsonl", &text[..text.len() - 40]);
    world
        .import(&["file.jsonl"])
        .exits(3)
        .says(&["not valid JSON, first at line 2", "1 accepted"]);
}

#[test]
fn a_first_line_that_is_cut_is_quarantined_like_any_other() {
    let world = World::new();
    let cut = &good("a1").to_string()[..200];
    world.write(
        "file.jsonl",
        format!("{cut}\n{}\n{}\n", good("a2"), good("a3")),
    );
    world
        .import(&["file.jsonl"])
        .exits(3)
        .says(&["not valid JSON, first at line 1", "2 accepted"]);
}

#[test]
fn nothing_of_a_document_cut_in_the_middle_is_kept() {
    let events: Vec<Value> = (0..50).map(|i| good(&format!("id-{i}"))).collect();
    for text in [
        json!(events).to_string(),
        serde_json::to_string_pretty(&events).expect("JSON"),
    ] {
        refuses(&text[..text.len() / 2], &["ends too early", "line "]);
    }
}

#[test]
fn lines_that_are_not_utf8_are_quarantined() {
    let world = World::new();
    let mut bytes = good("a1").to_string().into_bytes();
    bytes.extend(b"\n{\"detail-type\": \"\xff\xfe\"}\n");
    bytes.extend(good("a2").to_string().into_bytes());
    world.write("file.jsonl", bytes);
    world
        .import(&["file.jsonl"])
        .exits(3)
        .says(&["not UTF-8 text, first at line 2", "2 accepted"]);
}

#[test]
fn byte_order_marks_and_windows_line_ends_do_no_harm() {
    let world = World::new();
    world.write(
        "lines.jsonl",
        format!("\u{feff}{}\r\n\r\n{}\r\n", good("a1"), good("a2")),
    );
    world.write(
        "array.json",
        format!(
            "\u{feff}{}",
            serde_json::to_string_pretty(&[good("a3")])
                .expect("JSON")
                .replace('\n', "\r\n")
        ),
    );
    world
        .import(&["lines.jsonl", "array.json"])
        .exits(0)
        .says(&["3 read = 3 accepted"]);
}

#[test]
fn nesting_without_end_is_refused_without_a_crash() {
    let deep = 100_000;
    refuses("[".repeat(deep), &["file.json"]);
    refuses("[".repeat(deep) + &"]".repeat(deep), &["file.json"]);
    refuses("[\n".repeat(deep) + &"]\n".repeat(deep), &["file.json"]);
    refuses("{\"tasks\":".repeat(deep), &["file.json"]);
    refuses("{\n\"x\":".repeat(deep), &["file.json"]);
    refuses("{\n\"tasks\":\n".repeat(deep), &["file.json"]);
    quarantines(&"[".repeat(deep), &["rejected"]);
    quarantines(&("[".repeat(deep) + &"]".repeat(deep)), &["rejected"]);
}

#[test]
fn nesting_inside_a_field_that_is_not_kept_does_no_harm() {
    let world = World::new();
    let deep = "[".repeat(100_000) + &"]".repeat(100_000);
    let marked = with(good("a1"), json!({ "detail": { "overrides": "HERE" } }))
        .to_string()
        .replace("\"HERE\"", &deep);
    world.write("file.jsonl", marked + "\n");
    world
        .import(&["file.jsonl"])
        .exits(0)
        .says(&["1 read = 1 accepted"]);
}

#[test]
fn ten_megabytes_on_one_line_are_read() {
    let world = World::new();
    let padded = |i: usize| {
        with(
            good(&format!("id-{i}")),
            json!({ "detail": { "padding": "x".repeat(100_000) } }),
        )
    };
    let events: Vec<Value> = (0..100).map(padded).collect();
    world.write("array.json", json!(events).to_string());
    world
        .import(&["array.json"])
        .exits(0)
        .says(&["100 read = 100 accepted"]);
    refuses("x".repeat(10 << 20), &["file.json"]);
}

#[test]
fn ten_megabytes_that_firehose_joined_on_one_line_are_read() {
    let world = World::new();
    let padded = |i: usize| {
        with(
            good(&format!("id-{i}")),
            json!({ "detail": { "padding": "x".repeat(100_000) } }),
        )
    };
    world.write(
        "joined",
        (0..100).map(|i| padded(i).to_string()).collect::<String>(),
    );
    world
        .import(&["joined"])
        .exits(0)
        .says(&["100 read = 100 accepted"]);
}

#[test]
fn utilisation_that_cannot_be_is_quarantined() {
    let reading =
        |change: Value| with(metric("web", "CPUUtilization", T0, 40.0, 1), change).to_string();
    let value = |field: &str, value: f64| reading(json!({ "value": { field: value } }));
    quarantines(&value("max", -1.0), &["negative or infinite utilisation"]);
    quarantines(&value("sum", -1.0), &["negative or infinite utilisation"]);
    quarantines(&value("max", 10_001.0), &["above 10,000 %"]);
    quarantines(&value("count", 0.0), &["no samples"]);
    quarantines(&value("sum", 41.0), &["average above the maximum"]);
    quarantines(&reading(json!({})).replace("40.0", "NaN"), &["rejected"]);
    quarantines(&reading(json!({})).replace("40.0", "1e999"), &["rejected"]);
    quarantines(
        &reading(json!({})).replace("40.0", "null"),
        &["malformed field"],
    );
    quarantines(
        &reading(json!({ "timestamp": "soon" })),
        &["malformed field"],
    );
    quarantines(&reading(json!({ "timestamp": 12 })), &["time before 2010"]);
}

#[test]
fn a_stop_before_the_start_is_quarantined() {
    quarantines(
        &finished("etl", "bad", T0 + HOUR, T0).to_string(),
        &["stopped before it started"],
    );
    quarantines(
        &build("ci", "bad", T0 + HOUR, T0).to_string(),
        &["stopped before it started"],
    );
}

#[test]
fn a_run_of_no_length_is_kept_and_billed_the_floor() {
    let world = World::with(&[finished("etl", "a1", T0, T0), build("ci", "b1", T0, T0)]);
    let report = world.json();
    assert_eq!(
        workload(&report, "etl")["current"]["metered"],
        json!({ "amount": 60.0, "unit": "second" })
    );
    assert_eq!(
        workload(&report, "ci")["current"]["metered"],
        json!({ "amount": 1.0, "unit": "minute" })
    );
}

#[test]
fn times_that_cannot_be_are_quarantined() {
    let task =
        |change: Value| event(&with(task("etl", "bad", T0, Some(T0 + MINUTE)), change)).to_string();
    quarantines(
        &task(json!({ "stoppedAt": 4_200_000_000_000_i64 })),
        &["after 2100"],
    );
    quarantines(
        &task(json!({ "createdAt": "1970-01-01T00:00:00Z" })),
        &["before 2010"],
    );
    quarantines(
        &task(json!({ "createdAt": "yesterday" })),
        &["malformed field"],
    );
    quarantines(
        &task(json!({ "pullStartedAt": "2026-10-05T00:00:00" })),
        &["malformed field"],
    );
    quarantines(
        &task(json!({ "pullStartedAt": 1e300 })),
        &["before 2010 or after 2100"],
    );
    let timeless = json!({ "stoppedAt": null, "createdAt": null, "pullStartedAt": null });
    quarantines(&task(timeless), &["without any time"]);
}

#[test]
fn every_time_of_a_task_is_held_against_reason() {
    let task = |change: Value| event(&with(task("etl", "bad", T0, None), change)).to_string();
    quarantines(
        &task(json!({ "updatedAt": 9e18 })),
        &["before 2010 or after 2100"],
    );
    quarantines(
        &task(json!({ "executionStoppedAt": 9e18 })),
        &["before 2010 or after 2100"],
    );
}

#[test]
fn accounts_and_regions_that_are_paths_are_rejected() {
    let moved = |from: &str, to: &str| good("bad").to_string().replace(from, to);
    quarantines(
        &moved(":123456789012:", ":../../x:"),
        &["account or region"],
    );
    quarantines(&moved(":us-east-1:", ":../..:"), &["account or region"]);
    let reading = metric("web", "CPUUtilization", T0, 40.0, 1);
    quarantines(
        &with(reading.clone(), json!({ "account_id": "../../x" })).to_string(),
        &["account or a region"],
    );
    let world = quarantines(
        &with(reading, json!({ "region": "../../x" })).to_string(),
        &["account or a region"],
    );
    let outside: Vec<_> = files_below(&world.path(""))
        .into_iter()
        .filter(|path| !path.starts_with(world.path("dataset")))
        .collect();
    assert_eq!(outside, [world.path("file.jsonl")]);
}

#[test]
fn names_that_are_empty_or_too_long_are_rejected() {
    let named = |group: String| {
        event(&with(
            task("etl", "bad", T0, Some(T0 + MINUTE)),
            json!({ "group": group }),
        ))
        .to_string()
    };
    quarantines(&named("service:".to_owned()), &["rejected"]);
    quarantines(
        &named(format!("service:{}", "x".repeat(256))),
        &["rejected"],
    );
}

/// What people may call a service to break a terminal, a table or a spreadsheet.
const EVIL: &str = "=cmd|' /C calc'!A0 | < > & `x` \u{1b}[31mred\u{1b}[0m \u{202e} ../../etc";

fn evil_world() -> World {
    let own = json!({ "group": format!("service:{EVIL}"), "clusterArn": "arn:aws:ecs:us-east-1:123456789012:cluster/=1+1|x" });
    World::with(&[event(&with(task("web", "a1", T0, Some(T0 + HOUR)), own))])
}

/// Holds that nothing in `text` moves a cursor or reorders what is read.
#[track_caller]
fn assert_inert(text: &str) {
    assert!(
        text.chars()
            .all(|char| char == '\n' || !char.is_control() && char != '\u{202e}'),
        "{text:?}"
    );
}

#[test]
fn names_act_in_no_report_that_people_read() {
    let world = evil_world();
    for format in ["table", "markdown", "json"] {
        let run = world.report(&["--format", format]).exits(0);
        assert_inert(&run.said());
    }
}

#[test]
fn names_act_in_no_csv_on_a_terminal() {
    assert_inert(&evil_world().report(&["--format", "csv"]).exits(0).said());
}

#[test]
fn logs_that_go_to_a_file_are_plain_text() {
    let world = evil_world();
    assert_inert(
        &world
            .run(&["-vvv", "report", "--dataset", "dataset"])
            .exits(0)
            .stderr,
    );
    world.write("more.jsonl", lines(&[good("a1")]));
    assert_inert(
        &world
            .run(&["-vvv", "import", "more.jsonl", "--dataset", "dataset"])
            .exits(0)
            .stderr,
    );
}

#[test]
fn names_are_the_same_to_json_parsers() {
    let report = evil_world().json();
    assert_eq!(
        (
            &report["workloads"][0]["name"],
            &report["workloads"][0]["cluster"]
        ),
        (&json!(EVIL), &json!("=1+1|x"))
    );
}

#[test]
fn names_start_no_formula_in_a_spreadsheet() {
    let text = evil_world().report(&["--format", "csv"]).exits(0).stdout;
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader
        .records()
        .map(|row| row.expect("rows of one length"))
        .collect();
    let [row] = rows.as_slice() else {
        panic!("{rows:?}")
    };
    assert!(
        row.iter().any(|cell| cell.starts_with("'=cmd|"))
            && row.iter().any(|cell| cell == "'=1+1|x")
    );
    assert!(
        row.iter().all(|cell| !cell.starts_with(['=', '+', '@'])),
        "{row:?}"
    );
}

#[test]
fn names_break_no_markdown_table() {
    let text = evil_world()
        .report(&["--format", "markdown"])
        .exits(0)
        .stdout;
    let rows: Vec<&str> = text
        .lines()
        .filter(|line| line.starts_with('|') && line.contains("calc"))
        .collect();
    assert!(!rows.is_empty());
    for row in rows {
        let at = text.lines().position(|line| line == row).expect("there");
        let head = text
            .lines()
            .take(at)
            .filter(|line| {
                line.starts_with("| -") || line.starts_with("|-") || line.starts_with("|:")
            })
            .last();
        let cells = |line: &str| line.replace("\\|", "").matches('|').count();
        assert_eq!(
            cells(row),
            cells(head.expect("a table has a head")),
            "{row}"
        );
    }
}

#[test]
fn file_names_do_not_act_on_a_terminal() {
    let world = World::new();
    let name = "\u{1b}[2Jfile.jsonl";
    world.write(name, lines(&[good("a1")]));
    assert!(!world.import(&[name]).exits(0).said().contains('\u{1b}'));
    assert!(
        !world
            .import(&["\u{1b}[2Jgone"])
            .exits(2)
            .said()
            .contains('\u{1b}')
    );
    world.write("other\u{1b}[2J", "x");
    assert!(
        !world
            .import(&["other\u{1b}[2J"])
            .exits(5)
            .said()
            .contains('\u{1b}')
    );
    assert!(
        !world
            .run(&["report", "--dataset", "\u{1b}[2J"])
            .exits(2)
            .said()
            .contains('\u{1b}')
    );
    assert!(
        !world
            .report(&["--from", "\u{1b}[2J"])
            .exits(2)
            .said()
            .contains('\u{1b}')
    );
}

#[test]
fn an_empty_window_is_a_usage_error() {
    let world = World::with(&[good("a1")]);
    world
        .report(&["--from", "2026-10-06", "--to", "2026-10-05"])
        .exits(2)
        .says(&["--from is not before --to"]);
    world
        .report(&["--from", "2026-10-05", "--to", "2026-10-05"])
        .exits(2)
        .says(&["--from is not before --to"]);
}

#[test]
fn a_window_without_data_is_nothing_to_analyse() {
    let world = World::with(&[good("a1")]);
    world
        .report(&["--from", "2026-11-01", "--to", "2026-11-02"])
        .exits(6)
        .says(&["nothing was seen", "2026-10-05"]);
    world
        .report(&["--from", "2026-11-01"])
        .exits(6)
        .says(&["nothing was seen"]);
    world
        .report(&["--to", "2026-01-01"])
        .exits(6)
        .says(&["nothing was seen"]);
}

#[test]
fn a_dataset_of_configurations_alone_is_nothing_to_analyse() {
    let world = World::with(&[crate::support::definition("web:1", 256, 512)]);
    world.report(&[]).exits(6).says(&["no runs and no samples"]);
}

#[test]
fn a_window_of_ten_years_is_analysed() {
    let world = World::with(&[good("a1"), event(&task("open", "o1", T0, None))]);
    let report = world.json_of(T0 - 90 * 365 * DAY / 10, T0 + 365 * DAY);
    assert_eq!(
        workload(&report, "etl")["current"]["metered"]["amount"],
        90.0
    );
}

#[test]
fn of_data_over_years_the_newest_part_is_taken_and_said_so() {
    let world = World::with(&[
        good("a1"),
        finished("old", "o1", T0 - 3 * 365 * DAY, T0 - 3 * 365 * DAY + HOUR),
        event(&task("open", "o2", T0 - 3 * 365 * DAY, None)),
    ]);
    let text = world.report(&[]).exits(0);
    text.says(&["The dataset goes back to 2023-10-06", "newest 460 days"]);
    let report = world.json();
    assert_eq!(
        workload(&report, "etl")["current"]["metered"]["amount"],
        90.0
    );
    assert_eq!(
        workload(&report, "old")["evidence"]["runs"],
        0,
        "it ended long before"
    );
    // What is asked for is taken, however long.
    let asked = world
        .report(&["--from", "2023-10-01", "--format", "json"])
        .exits(0);
    assert_eq!(
        workload(&parsed(&asked.stdout), "old")["evidence"]["runs"],
        1
    );
    let short = world
        .report(&["--from", "2026-10-01", "--to", "2026-10-07"])
        .exits(0);
    assert!(!short.said().contains("goes back to"), "{}", short.said());
}

#[test]
fn an_absurd_size_is_no_crash() {
    let change = json!({ "cpu": u32::MAX.to_string(), "memory": u32::MAX.to_string(), "ephemeralStorage": { "sizeInGiB": 4_096 } });
    let mut records = vec![event(&with(
        task("etl", "a1", T0, Some(T0 + 30 * DAY)),
        change,
    ))];
    records.extend(readings("web", T0, T0 + HOUR, 9_999.0, 1_000_000));
    let world = World::with(&records);
    world
        .report(&["--min-days", "1", "--min-samples", "1"])
        .exits(0);
    let zero = event(&with(
        task("zero", "z1", T0, Some(T0 + HOUR)),
        json!({ "cpu": "0", "memory": "-5" }),
    ));
    assert_eq!(
        workload(&World::with(&[zero]).json(), "zero")["current"]["measured_cost"]["usd"],
        Value::Null
    );
}

#[test]
fn the_first_rejected_place_of_each_reason_is_told() {
    let world = World::new();
    let early = finished("etl", "bad", T0 + HOUR, T0);
    world.write(
        "array.json",
        serde_json::to_string_pretty(&json!([good("a1"), early, early, { "odd": stamp(T0) }]))
            .expect("JSON"),
    );
    let run = world.import(&["array.json"]).exits(3);
    run.says(&[
        "4 read = 1 accepted + 0 unused + 3 rejected",
        "2  stopped before it started, first at record 2",
        "first at record 4",
    ]);
}
