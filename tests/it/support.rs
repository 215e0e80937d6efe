//! The shipped binary in a world of its own: a temporary folder, a scrubbed environment, records in AWS's shapes.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde_json::{Value, json};
use tempfile::TempDir;

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2026-10-05T00:00Z, a Monday.
pub(crate) const T0: i64 = 1_791_158_400_000;
/// Some present after all that tests record.
const NOW: &str = "2030-01-01T00:00:00Z";
/// Stands for every secret.
pub(crate) const CANARY: &str = "CANARY-must-never-be-kept";

/// What a run of the binary came to.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Run {
    pub(crate) fn of(output: &std::process::Output) -> Self {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            code: output.status.code(),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }

    /// Both streams.
    pub(crate) fn said(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Holds the exit code; a panic is never an answer.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        assert_eq!(
            self.code,
            Some(code),
            "stdout:\n{}\nstderr:\n{}",
            self.stdout,
            self.stderr
        );
        self
    }

    /// Holds that every one of `words` is said somewhere.
    #[track_caller]
    pub(crate) fn says(self, words: &[&str]) -> Self {
        for word in words {
            assert!(
                self.said().contains(word),
                "no `{word}` in\n{}",
                self.said()
            );
        }
        self
    }
}

/// The binary, with nothing of this machine's environment but the folder for temporary files.
pub(crate) fn command(args: &[&str]) -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_plimsoll"));
    command
        .env_clear()
        .env("LC_ALL", "C")
        .env("PLIMSOLL_NOW", NOW)
        .env("TMPDIR", std::env::temp_dir())
        .args(args)
        .stdin(Stdio::null());
    command
}

/// Runs the binary anywhere.
pub(crate) fn plimsoll(args: &[&str]) -> Run {
    Run::of(
        &assert_cmd::Command::from_std(command(args))
            .output()
            .expect("the binary runs"),
    )
}

/// Where temporary folders are made: in memory where there is room, so that nobody waits for a disk to be sure of each
/// file of each dataset.
static TEMPORARY: LazyLock<PathBuf> = LazyLock::new(|| {
    /// KiB: more than all tests hold at the same time.
    const ROOM: u64 = 1 << 20;
    const IN_MEMORY: &str = "/dev/shm";
    let asked = std::process::Command::new("df")
        .args(["-Pk", IN_MEMORY])
        .output();
    let said = asked.map_or_else(|_| String::new(), |asked| Run::of(&asked).stdout);
    let room = said
        .lines()
        .nth(1)
        .filter(|line| line.ends_with(IN_MEMORY))
        .and_then(|line| line.split_whitespace().nth(3)?.parse::<u64>().ok());
    let has_room = room.is_some_and(|room| room >= ROOM);
    let is_asked = std::env::var_os("TMPDIR").is_some();
    if has_room && !is_asked && TempDir::new_in(IN_MEMORY).is_ok() {
        PathBuf::from(IN_MEMORY)
    } else {
        std::env::temp_dir()
    }
});

/// A folder with input files and datasets, removed at the end.
pub(crate) struct World {
    folder: TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            folder: TempDir::new_in(&*TEMPORARY).expect("a temporary folder"),
        }
    }

    /// A world with the lines of `records` imported from `events.jsonl`.
    #[track_caller]
    pub(crate) fn with(records: &[Value]) -> Self {
        let world = Self::new();
        world.write("events.jsonl", lines(records));
        world.import(&["events.jsonl"]).exits(0);
        world
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes an input file, its folder included.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        fs::write(path, content).expect("written");
    }

    /// A run in this world's folder.
    pub(crate) fn run(&self, args: &[&str]) -> Run {
        let mut command = command(args);
        command.current_dir(self.folder.path());
        Run::of(&command.output().expect("the binary runs"))
    }

    /// A run in this world's folder, fed on standard input.
    pub(crate) fn run_fed(&self, args: &[&str], input: impl AsRef<[u8]>) -> Run {
        let mut command = assert_cmd::Command::from_std(command(args));
        command
            .current_dir(self.folder.path())
            .write_stdin(input.as_ref().to_vec());
        Run::of(&command.output().expect("the binary runs"))
    }

    /// Imports into the dataset `dataset`.
    pub(crate) fn import(&self, paths: &[&str]) -> Run {
        self.import_into("dataset", paths)
    }

    pub(crate) fn import_into(&self, dataset: &str, paths: &[&str]) -> Run {
        self.run(&[&["import", "--dataset", dataset], paths].concat())
    }

    /// Reports on the dataset `dataset`.
    pub(crate) fn report(&self, args: &[&str]) -> Run {
        self.run(&[&["report", "--dataset", "dataset"], args].concat())
    }

    /// The JSON report, as bytes.
    #[track_caller]
    pub(crate) fn json_text(&self, dataset: &str) -> String {
        self.run(&["report", "--dataset", dataset, "--format", "json"])
            .exits(0)
            .stdout
    }

    /// The JSON report of the dataset `dataset`.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        parsed(&self.json_text("dataset"))
    }

    /// The JSON report on `[from, to)`.
    #[track_caller]
    pub(crate) fn json_of(&self, from: i64, to: i64) -> Value {
        parsed(
            &self
                .report(&[
                    "--format",
                    "json",
                    "--from",
                    &stamp(from),
                    "--to",
                    &stamp(to),
                ])
                .exits(0)
                .stdout,
        )
    }

    /// Every file of a dataset, relative to its root.
    pub(crate) fn parts(&self, dataset: &str) -> BTreeSet<String> {
        let root = self.path(dataset);
        files_below(&root)
            .iter()
            .map(|path| {
                path.strip_prefix(&root)
                    .expect("below")
                    .display()
                    .to_string()
            })
            .collect()
    }
}

#[track_caller]
pub(crate) fn parsed(text: &str) -> Value {
    serde_json::from_str(text).expect("JSON")
}

/// The workload `name` of a JSON report.
#[track_caller]
pub(crate) fn workload<'r>(report: &'r Value, name: &str) -> &'r Value {
    let all = report["workloads"].as_array().expect("a list");
    all.iter()
        .find(|workload| workload["name"] == name)
        .unwrap_or_else(|| panic!("no workload {name} in {all:#?}"))
}

/// What the workload `name` costs today, `None` where not priced.
#[track_caller]
pub(crate) fn cost(report: &Value, name: &str) -> Option<f64> {
    workload(report, name)["current"]["measured_cost"]["usd"].as_f64()
}

/// Holds two amounts of money equal to a millionth of a cent, the last digit that machine formats carry.
#[track_caller]
pub(crate) fn assert_usd(found: Option<f64>, expected: f64) {
    let found = found.expect("priced");
    assert!(
        (found - expected).abs() <= 1.0e-8,
        "${found} is not ${expected}"
    );
}

pub(crate) fn files_below(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            files.extend(files_below(&path));
        } else {
            files.push(path);
        }
    }
    files.sort();
    files
}

pub(crate) fn copy_into(from: &Path, to: &Path) {
    for file in files_below(from) {
        let target = to.join(file.strip_prefix(from).expect("below"));
        fs::create_dir_all(target.parent().expect("a folder")).expect("made");
        fs::copy(file, target).expect("copied");
    }
}

pub(crate) fn gzipped(content: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(content.as_ref()).expect("in memory");
    encoder.finish().expect("in memory")
}

/// The content of a file, unpacked where it is packed.
pub(crate) fn unpacked(path: &Path) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut file = File::open(path).expect("there");
    if path.extension().is_some_and(|suffix| suffix == "gz") {
        MultiGzDecoder::new(file)
            .read_to_end(&mut bytes)
            .expect("gzip");
    } else {
        file.read_to_end(&mut bytes).expect("read");
    }
    bytes
}

// ------------------------------------------------------------------------------------------- AWS's shapes

/// A time as AWS writes it.
pub(crate) fn stamp(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .expect("in range")
        .to_string()
}

pub(crate) fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:us-east-1:123456789012:{resource}")
}

/// JSON lines.
pub(crate) fn lines(records: &[Value]) -> String {
    records
        .iter()
        .flat_map(|record| [record.to_string(), "\n".to_owned()])
        .collect()
}

/// `record` with the fields of `change` in the place of its own, however deep; `null` takes a field away.
pub(crate) fn with(mut record: Value, change: Value) -> Value {
    merge(&mut record, change);
    record
}

fn merge(record: &mut Value, change: Value) {
    match (record, change) {
        (Value::Object(record), Value::Object(change)) => {
            for (key, value) in change {
                if value.is_null() {
                    drop(record.remove(&key));
                } else {
                    merge(record.entry(key).or_insert(Value::Null), value);
                }
            }
        }
        (record, change) => *record = change,
    }
}

/// A Fargate task of family `family`, 0.25 vCPU and 0.5 GiB, as `describe-tasks` shows it: pulled at `from`, stopped at `to`.
pub(crate) fn task(family: &str, id: &str, from: i64, to: Option<i64>) -> Value {
    let stopped = to.map_or_else(
        || json!({}),
        |to| json!({ "stoppedAt": stamp(to), "stopCode": "EssentialContainerExited" }),
    );
    let task = json!({
        "taskArn": arn("ecs", &format!("task/batch/{id}")),
        "clusterArn": arn("ecs", "cluster/batch"),
        "taskDefinitionArn": arn("ecs", &format!("task-definition/{family}:1")),
        "group": format!("family:{family}"),
        "cpu": "256", "memory": "512", "launchType": "FARGATE", "platformFamily": "Linux", "platformVersion": "1.4.0",
        "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }],
        "containers": [{ "name": "app", "lastStatus": "STOPPED" }],
        "lastStatus": if to.is_some() { "STOPPED" } else { "RUNNING" },
        "createdAt": stamp(from), "pullStartedAt": stamp(from),
        "version": if to.is_some() { 5 } else { 3 },
    });
    with(task, stopped)
}

/// The `EventBridge` event about `task`.
pub(crate) fn event(task: &Value) -> Value {
    let at = task
        .get("stoppedAt")
        .or_else(|| task.get("pullStartedAt"))
        .or_else(|| task.get("createdAt"));
    json!({
        "version": "0", "id": "8da4b184-d2b6-fa23-87a1-f8af74334974", "detail-type": "ECS Task State Change", "source": "aws.ecs",
        "account": "123456789012", "region": "us-east-1", "time": at, "resources": [task["taskArn"]], "detail": task,
    })
}

/// The event of a finished task of family `family`.
pub(crate) fn finished(family: &str, id: &str, from: i64, to: i64) -> Value {
    event(&task(family, id, from, Some(to)))
}

/// A small Linux build of project `project`: submitted two seconds before PROVISIONING at `from`, ended at `to`.
pub(crate) fn build(project: &str, id: &str, from: i64, to: i64) -> Value {
    json!({
        "arn": arn("codebuild", &format!("build/{project}:{id}")), "id": format!("{project}:{id}"), "projectName": project,
        "startTime": stamp(from - 2 * SECOND), "endTime": stamp(to), "buildComplete": true, "buildStatus": "SUCCEEDED",
        "environment": {
            "type": "LINUX_CONTAINER", "computeType": "BUILD_GENERAL1_SMALL", "privilegedMode": false, "image": "aws/codebuild/standard:7.0",
        },
        "phases": [
            { "phaseType": "SUBMITTED", "startTime": stamp(from - 2 * SECOND) },
            { "phaseType": "PROVISIONING", "startTime": stamp(from) },
            { "phaseType": "COMPLETED", "startTime": stamp(to) },
        ],
    })
}

/// A service of cluster `prod` whose deployments, newest first, are (start, `family:revision`).
pub(crate) fn service(name: &str, deployments: &[(i64, &str)]) -> Value {
    let definition = |revision: &str| arn("ecs", &format!("task-definition/{revision}"));
    let deployment = |(from, revision): &(i64, &str)| json!({ "createdAt": stamp(*from), "launchType": "FARGATE", "taskDefinition": definition(revision), "status": "PRIMARY" });
    json!({
        "serviceArn": arn("ecs", &format!("service/prod/{name}")), "serviceName": name, "clusterArn": arn("ecs", "cluster/prod"),
        "launchType": "FARGATE", "taskDefinition": deployments.first().map(|(_, revision)| definition(revision)),
        "createdAt": stamp(T0 - 30 * DAY), "deployments": deployments.iter().map(deployment).collect::<Vec<_>>(), "events": [],
    })
}

/// What `describe-task-definition` says of `family:revision`.
pub(crate) fn definition(revision: &str, cpu: u32, memory: u32) -> Value {
    json!({ "taskDefinition": {
        "taskDefinitionArn": arn("ecs", &format!("task-definition/{revision}")), "cpu": cpu.to_string(), "memory": memory.to_string(),
        "family": revision.split(':').next(), "requiresCompatibilities": ["FARGATE"],
        "runtimePlatform": { "cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX" },
    } })
}

/// A Metric Streams record of service `name` in `prod`: `tasks` values of `percent` each.
pub(crate) fn metric(name: &str, metric: &str, at: i64, percent: f64, tasks: u32) -> Value {
    json!({
        "metric_stream_name": "containers", "account_id": "123456789012", "region": "us-east-1", "namespace": "AWS/ECS",
        "metric_name": metric, "dimensions": { "ClusterName": "prod", "ServiceName": name }, "timestamp": at, "unit": "Percent",
        "value": { "max": percent, "min": percent, "sum": percent * f64::from(tasks), "count": f64::from(tasks) },
    })
}

/// CPU and memory of service `name`, one reading a minute from `from` to before `to`.
pub(crate) fn readings(name: &str, from: i64, to: i64, percent: f64, tasks: u32) -> Vec<Value> {
    readings_every(MINUTE, name, from, to, percent, tasks)
}

/// The same, one reading every `step`.
pub(crate) fn readings_every(
    step: i64,
    name: &str,
    from: i64,
    to: i64,
    percent: f64,
    tasks: u32,
) -> Vec<Value> {
    let times = std::iter::successors(Some(from), |at| Some(at + step)).take_while(|at| *at < to);
    times
        .flat_map(|at| {
            ["CPUUtilization", "MemoryUtilization"].map(|of| metric(name, of, at, percent, tasks))
        })
        .collect()
}

/// A Container Insights record of task `id` of family `family`, seen at `at` and pulled at `from`.
pub(crate) fn sighting(family: &str, id: &str, from: i64, at: i64) -> Value {
    json!({
        "Version": "0", "Type": "Task", "AccountID": "123456789012", "Region": "us-east-1", "ClusterName": "batch", "TaskId": id,
        "TaskDefinitionFamily": family, "TaskDefinitionRevision": "1", "LaunchType": "FARGATE", "KnownStatus": "RUNNING", "Timestamp": at,
        "CreatedAt": from - 10 * SECOND, "PullStartedAt": from, "StartedAt": from + 5 * SECOND,
        "CpuUtilized": 64.0, "CpuReserved": 256.0, "MemoryUtilized": 100, "MemoryReserved": 512,
    })
}
