//! The command line: flags, exit codes, outputs that cannot be written, readers that leave.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

use serde_json::json;

use crate::support::{
    HOUR, Run, SECOND, T0, World, command, event, finished, lines, parsed, plimsoll, task,
};

const VERBS: [&[&str]; 8] = [
    &["demo"],
    &["import"],
    &["report"],
    &["backtest"],
    &["compare"],
    &["pack"],
    &["prices"],
    &["prices", "show"],
];

fn small() -> World {
    World::with(&[finished("etl", "a1", T0, T0 + HOUR)])
}

#[test]
fn every_verb_explains_itself() {
    for verb in VERBS {
        let run = plimsoll(&[verb, &["--help"]].concat())
            .exits(0)
            .says(&["Usage: plimsoll"]);
        assert!(run.stderr.is_empty(), "{verb:?}");
    }
    plimsoll(&["--help"]).exits(0).says(&[
        "Exit codes: 0 done",
        "demo",
        "import",
        "report",
        "compare",
        "prices",
    ]);
    plimsoll(&["--version"]).exits(0).says(&["plimsoll "]);
    plimsoll(&[]).exits(2).says(&["Usage: plimsoll"]);
}

#[test]
fn wrong_flags_are_named() {
    for verb in VERBS {
        let run = plimsoll(&[verb, &["--sail"]].concat())
            .exits(2)
            .says(&["--sail"]);
        assert!(run.stdout.is_empty(), "{verb:?}");
    }
    plimsoll(&["sail"]).exits(2).says(&["sail"]);
    plimsoll(&["import", "x.json"])
        .exits(2)
        .says(&["--dataset"]);
    plimsoll(&["report"]).exits(2).says(&["--dataset"]);
    plimsoll(&["-q", "-v", "demo"])
        .exits(2)
        .says(&["--quiet", "--verbose"]);
}

#[test]
fn values_out_of_range_are_named() {
    let flags = [
        ("--cpu-percentile", vec!["101", "-1", "NaN", "inf", "many"]),
        ("--cpu-headroom", vec!["-0.1", "1001", "NaN"]),
        ("--memory-headroom", vec!["-5", "1e9"]),
        ("--min-savings-percent", vec!["101", "-3"]),
        ("--min-days", vec!["0", "456", "-1", "1.5"]),
        ("--min-samples", vec!["0", "-1"]),
        ("--format", vec!["yaml", ""]),
        ("--from", vec!["2026-13-01", "tomorrow", ""]),
        ("--to", vec!["10/05/2026"]),
        ("--color", vec!["sometimes"]),
    ];
    for (flag, values) in flags {
        for value in values {
            plimsoll(&["report", "--dataset", "x", &format!("{flag}={value}")])
                .exits(2)
                .says(&[flag]);
        }
    }
}

#[test]
fn a_time_without_a_zone_is_refused_rather_than_cut_to_its_day() {
    plimsoll(&["report", "--dataset", "x", "--from", "2026-10-05T12:00:00"])
        .exits(2)
        .says(&["--from"]);
}

#[test]
fn values_at_the_edge_of_their_range_are_taken() {
    let world = small();
    for args in [
        ["--cpu-percentile", "0"],
        ["--cpu-percentile", "100"],
        ["--memory-headroom", "1000"],
        ["--min-days", "455"],
    ] {
        world.report(&args).exits(0);
    }
}

#[test]
fn results_go_to_stdout_and_nothing_else_does() {
    let world = small();
    let run = world
        .run(&["-vvv", "report", "--dataset", "dataset", "--format", "json"])
        .exits(0);
    assert_eq!(parsed(&run.stdout)["version"], 2);
    let quiet = world
        .run(&["-q", "report", "--dataset", "dataset"])
        .exits(0);
    assert!(quiet.stderr.is_empty());
}

#[test]
fn nothing_is_coloured_but_a_terminal_unless_asked() {
    let world = small();
    assert!(!world.report(&[]).exits(0).stdout.contains('\u{1b}'));
    assert!(
        !world
            .report(&["--color", "never"])
            .exits(0)
            .stdout
            .contains('\u{1b}')
    );
    assert!(
        world
            .report(&["--color", "always"])
            .exits(0)
            .stdout
            .contains('\u{1b}')
    );
    assert!(
        !world
            .report(&["--color", "always", "-o", "out.txt"])
            .exits(0)
            .stdout
            .contains('\u{1b}')
    );
    assert!(
        !fs::read_to_string(world.path("out.txt"))
            .expect("written")
            .contains('\u{1b}')
    );
}

#[test]
fn the_first_line_answers_the_question() {
    let text = plimsoll(&["demo"]).exits(0).stdout;
    let first = text.lines().next().expect("a line");
    assert!(
        first.contains("a month")
            && first.contains("can be saved")
            && first.contains("22 workloads"),
        "{first}"
    );
}

#[test]
fn a_file_gets_what_stdout_would_have() {
    let world = small();
    for format in ["table", "markdown", "json", "csv"] {
        let shown = world.report(&["--format", format]).exits(0).stdout;
        let run = world.report(&["--format", format, "-o", "out"]).exits(0);
        assert!(run.stdout.is_empty());
        assert_eq!(
            fs::read_to_string(world.path("out")).expect("written"),
            shown
        );
        assert_eq!(
            world
                .report(&["--format", format, "-o", "-"])
                .exits(0)
                .stdout,
            shown
        );
    }
}

#[test]
fn an_output_that_cannot_be_written_is_named_and_what_was_there_stays() {
    let world = small();
    fs::create_dir(world.path("folder")).expect("made");
    world
        .report(&["-o", "missing/out.txt"])
        .exits(10)
        .says(&["missing/out.txt", "folder does not exist"]);
    world
        .report(&["-o", "folder"])
        .exits(10)
        .says(&["`folder`", "it is a folder"]);
    world.report(&["-o", "folder/"]).exits(10).says(&["folder"]);
    world.report(&["-o", ""]).exits(2).says(&["--output"]);
    plimsoll(&["demo", "-o", "/no/such/folder/out.txt"])
        .exits(10)
        .says(&["/no/such/folder/out.txt"]);
    world.write("out.txt", "before");
    world
        .run(&["report", "--dataset", "none", "-o", "out.txt"])
        .exits(2);
    assert_eq!(
        fs::read_to_string(world.path("out.txt")).expect("there"),
        "before"
    );
    assert_eq!(
        fs::read_dir(world.path("")).expect("a folder").count(),
        4,
        "no temporary file is left"
    );
}

#[test]
fn a_dataset_that_cannot_be_written_is_named() {
    let world = World::new();
    world.write("a.jsonl", lines(&[finished("etl", "a1", T0, T0 + SECOND)]));
    world.write("file", "no folder");
    let run = world
        .import_into("file/dataset", &["a.jsonl"])
        .exits(10)
        .says(&["cannot write", "file/dataset"]);
    assert!(!run.stdout.contains("1 of 1 files imported"));
    assert_eq!(
        fs::read_to_string(world.path("file")).expect("there"),
        "no folder"
    );
}

#[test]
fn a_full_stdout_is_a_write_error() {
    let world = small();
    for args in [
        ["demo", "--format", "json"].as_slice(),
        &["report", "--dataset", "dataset"],
        &["prices", "show"],
        &["import", "events.jsonl", "--dataset", "new"],
    ] {
        let full = OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .expect("Linux");
        let output = command(args)
            .current_dir(world.path(""))
            .stdout(full)
            .stderr(Stdio::piped())
            .output()
            .expect("runs");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(10), "{args:?}: {stderr}");
        assert!(
            stderr.contains("cannot write to standard output") && !stderr.contains("panicked"),
            "{stderr}"
        );
    }
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    for args in [
        ["prices", "show"].as_slice(),
        &["prices", "show", "--format", "csv"],
        &["demo", "--format", "json"],
    ] {
        let mut child = command(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        let mut line = String::new();
        let mut reader = BufReader::with_capacity(64, child.stdout.take().expect("piped"));
        reader.read_line(&mut line).expect("a line");
        drop(reader);
        let output = child.wait_with_output().expect("ends");
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(
            (output.status.code(), stderr.as_ref()),
            (Some(0), ""),
            "{args:?}"
        );
    }
}

#[test]
fn strict_tells_what_is_not_priced_by_its_exit_code() {
    let world = small();
    world.report(&["--strict"]).exits(0);
    let external = crate::support::with(
        task("onprem", "x1", T0, Some(T0 + HOUR)),
        json!({ "launchType": "EXTERNAL" }),
    );
    let world = World::with(&[event(&external)]);
    world.report(&[]).exits(0);
    world.report(&["--strict"]).exits(3);
}

#[test]
fn flags_stand_over_the_environment() {
    let world = small();
    let run = |flags: &[&str]| {
        let mut command = command(&[&["report"], flags].concat());
        command
            .current_dir(world.path(""))
            .env("PLIMSOLL_DATASET", "dataset")
            .env("PLIMSOLL_FORMAT", "json");
        String::from_utf8(command.output().expect("runs").stdout).expect("text")
    };
    assert_eq!(parsed(&run(&[]))["version"], 2);
    assert!(run(&["--format", "csv"]).starts_with("SubAccountId,RegionId"));
    assert_eq!(run(&["--dataset", "none"]), "");
}

#[test]
fn a_region_without_prices_is_nothing_to_show() {
    plimsoll(&["prices", "show", "--region", "mars"])
        .exits(6)
        .says(&["mars"]);
    plimsoll(&["prices", "show", "--region", "eu-west-3", "--format", "csv"])
        .exits(0)
        .says(&["eu-west-3,fargate"]);
}

#[test]
fn compare_needs_no_data() {
    let args = [
        "compare",
        "--vcpu",
        "1",
        "--memory",
        "2GiB",
        "--duration",
        "600s",
        "--runs-per-day",
        "5",
        "--region",
        "us-east-1",
    ];
    plimsoll(&args)
        .exits(0)
        .says(&["Fargate", "CodeBuild", "EC2"]);
    let json = parsed(
        &plimsoll(&[&args, ["--format", "json"].as_slice()].concat())
            .exits(0)
            .stdout,
    );
    assert!(
        json["placements"]
            .as_array()
            .is_some_and(|placements| placements.len() > 5)
    );
    plimsoll(&[
        "compare",
        "--vcpu",
        "1",
        "--memory",
        "2",
        "--duration",
        "10m",
        "--runs-per-day",
        "5",
        "--region",
        "us-east-1",
    ])
    .exits(2)
    .says(&["--memory"]);
}

#[test]
fn a_file_in_the_working_directory_stands_for_flags_and_flags_and_the_environment_win() {
    let world = World::with(&[finished("etl", "a1", T0, T0 + HOUR)]);
    let percentile = |args: &[&str], environment: Option<&str>| {
        let mut command = command(args);
        command.current_dir(world.path(""));
        command.envs(environment.map(|value| ("PLIMSOLL_CPU_PERCENTILE", value)));
        let run = Run::of(&command.output().expect("the binary runs")).exits(0);
        parsed(&run.stdout)["policy"]["cpu_percentile"].clone()
    };
    world.write(
        "plimsoll.toml",
        "dataset = \"dataset\" # ours\n\n[report]\nformat = 'json'\ncpu-percentile = 95\n\n[explain]\ncpu-percentile = 90\n",
    );
    assert_eq!(percentile(&["report"], None), 95.0);
    assert_eq!(percentile(&["report"], Some("96")), 96.0);
    let flag = ["report", "--cpu-percentile", "97"];
    assert_eq!(percentile(&flag, Some("96")), 97.0);
}

#[test]
fn a_file_that_says_what_no_flag_does_is_refused_with_its_line() {
    let world = World::new();
    for (text, words) in [
        ("\ndataste = \"ds\"\n", &["line 2", "--dataste"][..]),
        ("[report]\npace = 2\n", &["line 2", "--pace"]),
        ("[reprot]\n", &["line 1", "reprot"]),
        ("[report]\ntop = yes\n", &["line 2", "the value"]),
        ("[report\n", &["line 1", "a table"]),
        ("dataset\n", &["line 1", "key = value"]),
        (
            "cpu-percentile = 101\n",
            &["--cpu-percentile", "between 0 and 100"],
        ),
    ] {
        world.write("plimsoll.toml", text);
        world
            .run(&["report", "--dataset", "ds"])
            .exits(2)
            .says(words);
    }
}
