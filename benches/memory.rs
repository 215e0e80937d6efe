//! Peak memory of `import` on ten shapes of large documents, each made from a seed, none of them held in memory here.
//!
//! `cargo bench --bench memory` (Linux) · environment: `PLIMSOLL_BENCH_MB` (size of each document, default 300),
//! `PLIMSOLL_BENCH_SEED` (default 1), `PLIMSOLL_BENCH_MOST_MIB` (the limit that is held, default 200).

#![allow(missing_docs, reason = "a benchmark")]
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a benchmark prints, and has nobody to hand an error to"
)]

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;

/// 2026-10-01T00:00:00Z.
const START_MS: u64 = 1_790_812_800_000;
/// Between two looks at how much memory is in use; the kernel keeps the peak.
const LOOK: Duration = Duration::from_millis(5);

/// A name, and what writes so many bytes of it.
type Shape = (&'static str, fn(&mut dyn Write, u64, &mut fastrand::Rng));

const SHAPES: [Shape; 10] = [
    ("metric stream, lines", |out, bytes, rng| {
        repeat(out, bytes, "", "\n", "\n", || metric(rng));
    }),
    ("events, an array on one line", |out, bytes, rng| {
        repeat(out, bytes, "[", ",", "]", || event(rng));
    }),
    ("events, a pretty array", |out, bytes, rng| {
        repeat(out, bytes, "[\n", ",\n", "\n]\n", || {
            event(rng).replace(",\"", ",\n    \"")
        });
    }),
    ("events, joined on one line", |out, bytes, rng| {
        repeat(out, bytes, "", "", "", || event(rng));
    }),
    ("describe-tasks on one line", |out, bytes, rng| {
        repeat(
            out,
            bytes,
            "{\"tasks\":[",
            ",",
            "],\"failures\":[]}",
            || task(rng),
        );
    }),
    ("filter-log-events on one line", |out, bytes, rng| {
        repeat(
            out,
            bytes,
            "{\"events\":[",
            ",",
            "],\"searchedLogStreams\":[]}",
            || {
                let message = event(rng).replace('"', "\\\"");
                format!("{{\"timestamp\":{START_MS},\"message\":\"{message}\"}}")
            },
        );
    }),
    ("firehose over HTTP, gzipped", |out, bytes, rng| {
        let mut zipped = GzEncoder::new(out, Compression::fast());
        repeat(
            &mut zipped,
            bytes,
            "{\"requestId\":\"1\",\"records\":[",
            ",",
            "]}",
            || {
                let events: String = (0..20).map(|_| event(rng) + "\n").collect();
                format!("{{\"data\":\"{}\"}}", base64(events.as_bytes()))
            },
        );
        zipped.finish().unwrap();
    }),
    ("CloudTrail", |out, bytes, rng| {
        repeat(out, bytes, "{\"Records\":[", ",", "]}", || {
            format!(
                "{{\"eventVersion\":\"1.08\",\"eventID\":\"{:x}\",\"k\":\"v\"}}",
                rng.u64(..)
            )
        });
    }),
    ("a text under an unknown key", |out, bytes, rng| {
        repeat(out, bytes, "{\"unknown\":\"", "", "\",\"tasks\":[", || {
            "x".repeat(1_000)
        });
        write!(out, "{}]}}", task(rng)).unwrap();
    }),
    ("one record", |out, bytes, rng| {
        let event = event(rng);
        let begin = event.trim_end_matches('}');
        repeat(out, bytes, begin, ",", "}}", || {
            format!("\"k{:x}\":[{{}},{{\"a\":[1,2]}}]", rng.u64(..))
        });
    }),
];

fn main() {
    let megabytes = from_environment("PLIMSOLL_BENCH_MB", 300);
    let seed = from_environment("PLIMSOLL_BENCH_SEED", 1);
    let most_mib = from_environment("PLIMSOLL_BENCH_MOST_MIB", 200);
    let folder = tempfile::tempdir().unwrap();
    let mut highest = 0;
    for (name, write) in SHAPES {
        let (input, dataset) = (folder.path().join("input"), folder.path().join("dataset"));
        let mut out = BufWriter::with_capacity(1 << 20, File::create(&input).unwrap());
        write(
            &mut out,
            megabytes * 1_000_000,
            &mut fastrand::Rng::with_seed(seed),
        );
        out.flush().unwrap();
        let (code, peak_kib, took) = import(&input, &dataset);
        println!(
            "{name:<32} exit {code}  {:>5} MiB  {:>6.1} s",
            peak_kib / 1024,
            took.as_secs_f64()
        );
        highest = highest.max(peak_kib / 1024);
        let _ = fs::remove_dir_all(&dataset);
    }
    assert!(highest < most_mib, "{highest} MiB are not below {most_mib}");
}

fn from_environment(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|value| value.parse().ok())
        .unwrap_or(default)
}

/// Exit code, peak of resident memory in KiB, and time.
fn import(input: &Path, dataset: &Path) -> (i32, u64, Duration) {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_plimsoll"))
        .arg("import")
        .arg("--dataset")
        .args([dataset, input])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let status = format!("/proc/{}/status", child.id());
    let mut peak_kib = 0;
    loop {
        peak_kib = peak_kib.max(peak_of(&status));
        if let Some(ended) = child.try_wait().unwrap() {
            return (ended.code().unwrap_or(-1), peak_kib, begun.elapsed());
        }
        std::thread::sleep(LOOK);
    }
}

fn peak_of(status: &str) -> u64 {
    let text = fs::read_to_string(status).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok())
        .unwrap_or(0)
}

/// `begin`, pieces with `between` them until there are `bytes`, and `end`.
fn repeat(
    out: &mut dyn Write,
    bytes: u64,
    begin: &str,
    between: &str,
    end: &str,
    mut piece: impl FnMut() -> String,
) {
    let mut written = 0;
    out.write_all(begin.as_bytes()).unwrap();
    while written < bytes {
        if written > 0 {
            out.write_all(between.as_bytes()).unwrap();
        }
        let piece = piece();
        out.write_all(piece.as_bytes()).unwrap();
        written += (piece.len() + between.len()) as u64;
    }
    out.write_all(end.as_bytes()).unwrap();
}

fn task(rng: &mut fastrand::Rng) -> String {
    let (id, from) = (rng.u128(..), START_MS / 1000 + rng.u64(..2_000_000));
    format!(
        r#"{{"taskArn":"arn:aws:ecs:us-east-1:123456789012:task/batch/{id:032x}","clusterArn":"arn:aws:ecs:us-east-1:123456789012:cluster/batch","taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/etl-{}:1","group":"family:etl","cpu":"256","memory":"512","launchType":"FARGATE","lastStatus":"STOPPED","createdAt":{from},"pullStartedAt":{from},"stoppedAt":{},"version":6}}"#,
        rng.u8(..),
        from + 90
    )
}

fn event(rng: &mut fastrand::Rng) -> String {
    format!(
        r#"{{"version":"0","detail-type":"ECS Task State Change","source":"aws.ecs","account":"123456789012","time":"2026-10-30T00:00:00Z","region":"us-east-1","detail":{}}}"#,
        task(rng)
    )
}

fn metric(rng: &mut fastrand::Rng) -> String {
    let (value, at) = (rng.u16(..10_000), START_MS + 60_000 * rng.u64(..40_000));
    format!(
        r#"{{"metric_stream_name":"s","account_id":"123456789012","region":"us-east-1","namespace":"AWS/ECS","metric_name":"CPUUtilization","dimensions":{{"ClusterName":"prod","ServiceName":"service-{}"}},"timestamp":{at},"value":{{"max":{value},"min":0.0,"sum":{value},"count":1.0}},"unit":"Percent"}}"#,
        rng.u8(..)
    )
}

fn base64(bytes: &[u8]) -> String {
    aws_smithy_types::base64::encode(bytes)
}
