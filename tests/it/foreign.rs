//! Input that is not what `import` is for, comes by ways of its own, or is larger than any record.

use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use crate::support::{
    HOUR, MINUTE, Run, SECOND, T0, World, command, finished, gzipped, lines, readings, task,
    workload,
};

/// Two tasks of one family: 90 s and 7 s.
fn two_events() -> Vec<Value> {
    vec![
        finished("etl", "a1", T0 + HOUR, T0 + HOUR + 90 * SECOND),
        finished("etl", "a2", T0 + 2 * HOUR, T0 + 2 * HOUR + 7 * SECOND),
    ]
}

/// Holds that both tasks of [`two_events`] arrived, billed 90 s and 60 s.
#[track_caller]
fn holds_two_tasks(world: &World) {
    assert_eq!(
        workload(&world.json(), "etl")["current"]["metered"],
        json!({ "amount": 150.0, "unit": "second" })
    );
}

/// Imports `content` and holds that it is two events and nothing else.
#[track_caller]
fn is_two_tasks(content: impl AsRef<[u8]>) {
    let world = World::new();
    world.write("file", content);
    world
        .import(&["file"])
        .exits(0)
        .says(&["2 read = 2 accepted + 0 unused + 0 rejected"]);
    holds_two_tasks(&world);
}

fn base64(bytes: impl AsRef<[u8]>) -> String {
    aws_smithy_types::base64::encode(bytes)
}

// ------------------------------------------------------------------------------------- what is no AWS output

#[test]
fn files_that_are_no_text_are_called_what_they_are() {
    let kinds: [(&str, &[u8], &str); 8] = [
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "a PNG image"),
        ("b.zip", b"PK\x03\x04\x14\0\0\0", "a ZIP archive"),
        ("c.parquet", b"PAR1\x15\x04\x15\x10", "Parquet"),
        ("d.gz", &gzipped(gzipped("{}")), "gzip within gzip"),
        ("e.pdf", b"%PDF-1.7\n%\xe2\xe3", "a PDF document"),
        ("f.txt", b"\xff\xfe\0\0{\0\0\0", "text in UTF-32"),
        ("g.bin", b"\x01\x02\x03\0\x05", "binary data"),
        ("h.txt", b"{\0}\0", "UTF-16 without its mark"),
    ];
    let world = World::new();
    for (name, content, kind) in kinds {
        world.write(&format!("in/{name}"), content);
        world
            .import(&[&format!("in/{name}")])
            .exits(5)
            .says(&["nothing to import", name, kind]);
    }
    assert!(!world.path("dataset").exists());
    world.write("in/events.jsonl", lines(&two_events()));
    let run = world.import(&["in"]).exits(0).says(&[
        "1 of 9 files imported, 0 already there, 8 skipped",
        "in/c.parquet: skipped, it is Parquet",
    ]);
    assert!(!run.stdout.contains("rejected  "), "{}", run.stdout);
    holds_two_tasks(&world);
}

#[test]
fn utf16_is_read_by_its_mark() {
    let text = "\u{feff}".to_owned() + &lines(&two_events());
    let bytes = |of: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(of).collect::<Vec<u8>>();
    is_two_tasks(bytes(u16::to_le_bytes));
    is_two_tasks(bytes(u16::to_be_bytes));
    is_two_tasks(gzipped(bytes(u16::to_le_bytes)));
}

// ---------------------------------------------------------------------------------------------- ways of its own

/// A run of a shell in the world's folder.
fn shell(world: &World, script: &str) -> Run {
    let script = script.replace("plimsoll", env!("CARGO_BIN_EXE_plimsoll"));
    let mut shell = Command::new("bash");
    shell
        .args(["-c", &script])
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .current_dir(world.path(""));
    Run::of(&shell.output().expect("bash"))
}

#[test]
fn what_can_be_read_only_once_is_read_once() {
    for (script, name) in [
        (
            "plimsoll import --dataset dataset <(cat events.jsonl)",
            "/dev/fd/",
        ),
        (
            "cat events.jsonl | plimsoll import --dataset dataset /dev/stdin",
            "/dev/stdin",
        ),
        (
            "plimsoll import --dataset dataset /dev/stdin < events.jsonl",
            "/dev/stdin",
        ),
        (
            "mkfifo pipe; cat events.jsonl > pipe & plimsoll import --dataset dataset pipe",
            "pipe",
        ),
    ] {
        let world = World::new();
        world.write("events.jsonl", lines(&two_events()));
        shell(&world, script)
            .exits(0)
            .says(&[name, "2 read = 2 accepted"]);
        holds_two_tasks(&world);
        world
            .import(&["events.jsonl"])
            .exits(0)
            .says(&["already in the dataset"]);
    }
}

#[test]
fn a_pipe_that_comes_byte_by_byte_is_the_same() {
    let world = World::new();
    let content = gzipped(lines(&two_events()));
    let mut child = command(&["import", "--dataset", "dataset", "-"])
        .current_dir(world.path(""))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    let mut stdin = child.stdin.take().expect("piped");
    for byte in &content {
        stdin.write_all(&[*byte]).expect("taken");
    }
    drop(stdin);
    Run::of(&child.wait_with_output().expect("it ends"))
        .exits(0)
        .says(&["2 read = 2 accepted"]);
}

#[test]
fn a_dataset_within_its_own_input_is_no_input() {
    let world = World::new();
    world.write("events.jsonl", lines(&two_events()));
    world.write(".hidden/x.json", "{}");
    for _ in 0..2 {
        let run = world.run(&["import", "--dataset", "./ds", "."]).exits(0);
        assert!(!run.stdout.contains("parquet"), "{}", run.stdout);
        assert!(run.stdout.contains("of 1 files imported"), "{}", run.stdout);
    }
    let run = world.run(&["import", "--dataset", "ds", "ds"]).exits(0);
    assert!(run.stdout.starts_with("0 of 0 files"), "{}", run.stdout);
}

#[cfg(unix)]
#[test]
fn folders_that_link_to_each_other_end() {
    let world = World::new();
    world.write("in/a/events.jsonl", lines(&two_events()));
    std::os::unix::fs::symlink("..", world.path("in/a/up")).expect("linked");
    std::os::unix::fs::symlink("a", world.path("in/again")).expect("linked");
    std::os::unix::fs::symlink("self", world.path("in/self")).expect("linked");
    world
        .import(&["in"])
        .exits(0)
        .says(&["1 of 1 files imported"]);
    holds_two_tasks(&world);
}

// ---------------------------------------------------------------------------------------------------- envelopes

#[test]
fn records_are_read_as_firehose_delivers_them_over_http() {
    let record = |data: &[u8]| json!({ "data": base64(data) });
    let request = |records: &[Value]| {
        json!({ "requestId": "ed1d34", "timestamp": T0, "records": records }).to_string()
    };
    let events = two_events();
    let alone: Vec<Value> = events
        .iter()
        .map(|event| record(event.to_string().as_bytes()))
        .collect();
    is_two_tasks(request(&alone));
    is_two_tasks(request(&[record(lines(&events).as_bytes())]));
    is_two_tasks(gzipped(request(&[record(&gzipped(lines(&events)))])));
    let envelope = json!({ "messageType": "DATA_MESSAGE", "logGroup": "/aws/events/ecs", "logEvents": events.iter()
        .map(|event| json!({ "id": "1", "timestamp": T0, "message": event.to_string() })).collect::<Vec<_>>() });
    is_two_tasks(request(&[record(&gzipped(envelope.to_string()))]));
    let world = World::new();
    world.write(
        "stream.json",
        request(&[record(
            lines(&readings("web", T0, T0 + HOUR, 40.0, 1)).as_bytes(),
        )]),
    );
    world
        .import(&["stream.json"])
        .exits(0)
        .says(&["120 read = 120 accepted"]);
    world.write(
        "damaged.json",
        request(&[
            alone[0].clone(),
            json!({ "data": "!" }),
            record(&gzipped(lines(&events))[..40]),
            record(b"\xff\xfe\xfd"),
        ]),
    );
    world
        .import(&["damaged.json"])
        .exits(3)
        .says(&["4 read = 1 accepted + 0 unused + 3 rejected", "base64"]);
}

#[test]
fn events_are_read_out_of_queues_and_notifications() {
    let events = two_events();
    let of = |wrap: &dyn Fn(&Value) -> Value| events.iter().map(wrap).collect::<Vec<_>>();
    let notification = |event: &Value| {
        json!({ "Type": "Notification", "MessageId": "22b8", "TopicArn": "arn:aws:sns:us-east-1:123456789012:t",
        "Message": event.to_string(), "Timestamp": "2026-10-05T00:00:00.000Z", "SignatureVersion": "1", "Signature": "x" })
    };
    let received = |body: &Value| json!({ "MessageId": "99a", "ReceiptHandle": "AQEB", "MD5OfBody": "e4d9", "Body": body.to_string() });
    let queued = |body: &Value| json!({ "messageId": "99a", "receiptHandle": "AQEB", "body": body.to_string(), "eventSource": "aws:sqs" });
    is_two_tasks(json!({ "Messages": of(&received) }).to_string());
    is_two_tasks(json!({ "Messages": of(&|event| received(&notification(event))) }).to_string());
    is_two_tasks(json!({ "Records": of(&queued) }).to_string());
    is_two_tasks(json!({ "Records": of(&|event| json!({ "EventSource": "aws:sns", "EventVersion": "1.0", "Sns": notification(event) })) }).to_string());
    is_two_tasks(lines(&of(&notification)));
    is_two_tasks(
        serde_json::to_string_pretty(&json!({ "Messages": of(&received) })).expect("JSON"),
    );
}

// ------------------------------------------------------------------------------------------ larger than any record

/// A text of six megabytes, longer than what is read in one piece.
fn long() -> String {
    "x".repeat(6 << 20)
}

#[test]
fn what_stands_beside_the_lists_of_a_long_document_is_skipped() {
    let tasks: Vec<Value> = two_events()
        .iter()
        .map(|event| event["detail"].clone())
        .collect();
    let long = long();
    let one = |before: &str, after: &str| {
        format!(
            "{{{before}\"tasks\":{},\"failures\":[]{after}}}",
            json!(tasks)
        )
    };
    is_two_tasks(one(&format!("\"unknown\":\"{long}\","), ""));
    is_two_tasks(one("", &format!(",\"unknown\":{{\"deep\":[\"{long}\"]}}")));
    is_two_tasks(format!(
        "[{},{{\"tasks\":[]}}]",
        one(&format!("\"{long}\":1,"), "")
    ));
    let many: String = (0..40_000).fold(String::new(), |mut text, no| {
        let _ = write!(
            text,
            "{}{}",
            if no == 0 { "" } else { "," },
            task("etl", &format!("id-{no}"), T0, Some(T0 + MINUTE))
        );
        text
    });
    let world = World::new();
    world.write(
        "many.json",
        format!("[{{\"tasks\":[{many}],\"failures\":[{{\"arn\":\"a\",\"reason\":\"MISSING\"}}]}}]"),
    );
    world.import(&["many.json"]).exits(3).says(&[
        "40000 read = 40000 accepted",
        "1  asked for, but not returned by AWS",
    ]);
}

#[test]
fn a_record_that_is_longer_than_any_is_left_out_and_counted() {
    let events = two_events();
    let padded = |bytes: usize| {
        let mut event = events[0].clone();
        event["detail"]["padding"] = Value::String("x".repeat(bytes));
        event.to_string()
    };
    for (content, reason) in [
        (
            format!("{}\n{}\n{}\n", events[0], padded(3 << 20), events[1]),
            "record longer than AWS writes any, first at line 2",
        ),
        (
            format!("{}\n{}\n{}\n", events[0], padded(17 << 20), events[1]),
            "line longer than 16 MiB, first at line 2",
        ),
        (
            format!("[\n{},\n{},\n{}]", events[0], padded(6 << 20), events[1]),
            "record longer than AWS writes any, first at record 2",
        ),
    ] {
        let world = World::new();
        world.write("file", content);
        world
            .import(&["file"])
            .exits(3)
            .says(&["3 read = 2 accepted + 0 unused + 1 rejected", reason]);
        holds_two_tasks(&world);
    }
}

#[test]
fn a_document_about_other_things_is_no_shape_however_long() {
    let world = World::new();
    let trail = format!(
        "{{\"Records\":[{}{{\"k\":\"v\"}}]}}",
        "{\"eventVersion\":\"1.08\"},".repeat(300_000)
    );
    for content in [
        trail.clone(),
        format!("{{\"other\":\"{}\"}}", long()),
        format!("{{\"other\":{trail}}}"),
        format!("[{}0]", "0,".repeat(3 << 20)),
    ] {
        world.write("other.json", content);
        world
            .import(&["other.json"])
            .exits(5)
            .says(&["other.json", "not a shape of AWS output"]);
    }
}

#[test]
fn nesting_without_end_is_said_so() {
    let world = World::new();
    world.write("deep.json", format!("{{\"tasks\":{}", "[".repeat(2_000)));
    world
        .import(&["deep.json"])
        .exits(5)
        .says(&["deep.json", "nested deeper than 1,000 levels, at line 1"]);
}

#[test]
fn gzip_that_expands_out_of_all_proportion_is_refused() {
    let world = World::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(b"[").expect("in memory");
    for _ in 0..270 {
        encoder
            .write_all(" ".repeat(1 << 20).as_bytes())
            .expect("in memory");
    }
    encoder.write_all(b"]").expect("in memory");
    world.write("bomb.json.gz", encoder.finish().expect("in memory"));
    world.import(&["bomb.json.gz"]).exits(5).says(&[
        "bomb.json.gz",
        "expands out of all proportion",
        "unpack it",
    ]);
    assert!(!world.path("dataset").exists());
    fs::remove_file(world.path("bomb.json.gz")).expect("removed");
}
