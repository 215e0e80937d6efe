//! The sample input in `data/sample`: two weeks of one made-up account in AWS's own shapes, and the generator behind it.
//!
//! A test holds the files against the generator; `PLIMSOLL_BLESS=1 cargo test --test it the_embedded_sample` writes them anew.
//! Every workload draws from its own seeded stream, and floats meet only + − × ÷, so each platform makes the same text.
//!
//! `truth.csv` says what went in, one figure a row: `billed` is an amount in `unit`, or a fact about the workload (its
//! size, its kills); `runs` counts builds, and tasks in the events whose image was pulled. Open runs count to the window's end.
//! Services are known by their readings, each of which adds up five minutes of one sample per task and minute:
//! `task_seconds` is running tasks × 300 s, `SampleCount` is running tasks × 5.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs};

use serde_json::{Value, json};

const ACCOUNT: &str = "123456789012";
const REGION: &str = "us-east-1";
/// Planted wherever AWS would carry a secret; no output of the tool may ever show it.
const CANARY: &str = "CANARY-must-never-be-kept";

const SECOND: i64 = 1000;
const MINUTE: i64 = 60 * SECOND;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// What one reading of a service stands for.
const PERIOD_S: i64 = 300;
/// Samples of one task in a reading: ECS publishes one a minute. Source: Amazon ECS service utilization metrics.
const SAMPLES_PER_TASK: u32 = 5;
/// 2026-10-05T00:00Z, a Monday.
const START: i64 = 1_791_158_400_000;
const END: i64 = START + 14 * DAY;

/// An ECS service: its configuration and how it behaves. Pairs of percentages are for the quietest and the busiest hour.
struct Service {
    name: &'static str,
    /// CPU units and MiB.
    size: (u32, u32),
    architecture: &'static str,
    /// `FARGATE`, `FARGATE_SPOT` or `EC2`.
    capacity: &'static str,
    /// Fewest and most tasks; where they differ, the count follows the load so that CPU stays near 55 %.
    tasks: (u32, u32),
    cpu: (f64, f64),
    /// Bursts: chance in each reading, per mille, and height in CPU percent.
    burst: (i64, f64),
    memory: (f64, f64),
    /// Memory that never comes back, percent a day; the process starts afresh on 8 October at 03:00.
    leak: f64,
    first_day: i64,
}

#[rustfmt::skip]
const PLAIN: Service = Service {
    name: "", size: (256, 512), architecture: "X86_64", capacity: "FARGATE", tasks: (1, 1), cpu: (10.0, 20.0), burst: (0, 0.0),
    memory: (40.0, 50.0), leak: 0.0, first_day: 0,
};

#[rustfmt::skip]
const SERVICES: &[Service] = &[
    Service { name: "web-frontend", size: (1024, 4096), tasks: (3, 8), cpu: (18.0, 55.0), memory: (31.0, 38.0), ..PLAIN },
    Service { name: "checkout-api", size: (2048, 4096), tasks: (3, 3), cpu: (5.0, 19.0), burst: (3, 12.0), memory: (38.0, 45.0), ..PLAIN },
    Service { name: "search", size: (2048, 16384), capacity: "EC2", tasks: (2, 2), cpu: (9.0, 34.0), memory: (76.0, 82.0), ..PLAIN },
    Service { name: "image-resizer", size: (1024, 2048), tasks: (2, 2), cpu: (3.0, 9.0), burst: (25, 66.0), memory: (44.0, 56.0), ..PLAIN },
    Service { name: "payments", size: (4096, 8192), tasks: (3, 3), cpu: (8.0, 31.0), burst: (2, 6.0), memory: (27.0, 31.0), ..PLAIN },
    Service { name: "notifications", size: (1024, 3072), cpu: (0.8, 2.6), burst: (2, 3.0), memory: (8.0, 9.5), ..PLAIN },
    Service { name: "session-cache", size: (1024, 4096), cpu: (5.0, 14.0), memory: (18.0, 19.0), leak: 5.5, ..PLAIN },
    Service { name: "recommendations", size: (2048, 16384), tasks: (4, 4), cpu: (10.0, 33.0), memory: (35.0, 40.0), ..PLAIN },
    Service { name: "auth", size: (512, 1024), tasks: (2, 2), cpu: (22.0, 68.0), memory: (66.0, 76.0), ..PLAIN },
    Service { name: "legacy-soap", size: (512, 1024), tasks: (2, 2), cpu: (58.0, 108.0), memory: (89.0, 97.0), ..PLAIN },
    Service { name: "reports-ui", size: (1024, 2048), architecture: "ARM64", cpu: (1.5, 8.0), burst: (4, 5.0), memory: (24.0, 31.0), ..PLAIN },
    Service { name: "audit", size: (512, 1024), capacity: "FARGATE_SPOT", tasks: (2, 2), cpu: (6.0, 17.0), memory: (51.0, 60.0), ..PLAIN },
    Service { name: "promo-banner", size: (512, 2048), cpu: (4.0, 15.0), memory: (22.0, 25.0), first_day: 11, ..PLAIN },
];

/// A task-definition family whose tasks run and end, in cluster `batch`.
struct Family {
    name: &'static str,
    size: (u32, u32),
    /// When its tasks are asked for.
    starts: fn(&mut Rng) -> Vec<i64>,
    /// How long the container runs.
    seconds: (i64, i64),
    /// Percent of CPU and memory that Container Insights sees; `None` where that is not switched on.
    uses: Option<(f64, f64)>,
    /// Starts that fail before the image is pulled, by index.
    fails: &'static [usize],
    /// Starts that are killed for want of memory, by index.
    kills: &'static [usize],
}

const QUIET: Family = Family {
    name: "",
    size: (256, 512),
    starts: |_| vec![],
    seconds: (1, 1),
    uses: None,
    fails: &[],
    kills: &[],
};

#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family { name: "nightly-etl", size: (4096, 16384), starts: |_| every(DAY, on(0, 23, 15), END), seconds: (2800, 3300), uses: Some((30.0, 36.0)), ..QUIET },
    Family { name: "hourly-sync", starts: |_| every(HOUR, on(0, 0, 7), END), seconds: (40, 90), fails: &[31, 32, 200], ..QUIET },
    Family { name: "invoice-run", size: (1024, 8192), starts: |_| vec![on(0, 4, 0), on(7, 4, 0), on(7, 4, 45), on(10, 2, 0)], seconds: (1500, 2400), kills: &[1], ..QUIET },
    Family { name: "thumbnail-batch", size: (1024, 2048), starts: albums, seconds: (150, 420), uses: Some((74.0, 22.0)), ..QUIET },
    Family { name: "db-migrate", starts: |_| vec![on(2, 16, 30), on(9, 9, 12), on(9, 9, 50)], seconds: (20, 95), ..QUIET },
    Family { name: "cron-ping", starts: |_| every(5 * MINUTE, on(7, 0, 1), END), seconds: (5, 5), ..QUIET },
];

/// A `CodeBuild` project.
struct Project {
    name: &'static str,
    environment: &'static str,
    compute: &'static str,
    privileged: bool,
    /// Builds on a working day and on a weekend day.
    builds: (usize, usize),
    /// From provisioning to the end.
    seconds: (i64, i64),
    /// vCPU and MiB that a build uses at most; `None` without utilisation metrics.
    uses: Option<(f64, f64)>,
}

#[rustfmt::skip]
const PROJECTS: &[Project] = &[
    Project { name: "app-ci", environment: "LINUX_CONTAINER", compute: "BUILD_GENERAL1_LARGE", privileged: false, builds: (31, 10), seconds: (120, 360), uses: Some((2.4, 3300.0)) },
    Project { name: "docker-images", environment: "LINUX_CONTAINER", compute: "BUILD_GENERAL1_MEDIUM", privileged: true, builds: (8, 2), seconds: (300, 720), uses: Some((3.2, 5400.0)) },
    Project { name: "unit-tests-arm", environment: "ARM_CONTAINER", compute: "BUILD_GENERAL1_SMALL", privileged: false, builds: (37, 12), seconds: (55, 178), uses: None },
];

/// The instant `day` days, `hour` hours and `minute` minutes into the window.
const fn on(day: i64, hour: i64, minute: i64) -> i64 {
    START + day * DAY + hour * HOUR + minute * MINUTE
}

fn every(step: i64, from: i64, to: i64) -> Vec<i64> {
    (0..(to - from + step - 1) / step)
        .map(|n| from + n * step)
        .collect()
}

/// Nine afternoons on which somebody uploads an album: 30 tasks at once.
fn albums(rng: &mut Rng) -> Vec<i64> {
    let afternoons =
        [0, 1, 3, 4, 6, 8, 9, 11, 12].map(|day| on(day, 13, 0) + rng.between(0, 5 * HOUR));
    afternoons.iter().flat_map(|at| [*at; 30]).collect()
}

/// `SplitMix64`.
struct Rng(u64);

impl Rng {
    /// A stream of its own for each name, so that one more workload leaves the others as they are.
    fn named(name: &str) -> Self {
        Self(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        }))
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From `low` to `high`, both included.
    fn between(&mut self, low: i64, high: i64) -> i64 {
        low + (self.draw() >> 1).cast_signed() % (high - low + 1)
    }

    fn once_in(&mut self, n: i64) -> bool {
        self.between(1, n) == 1
    }

    /// From 0 up to 1.
    fn share(&mut self) -> f64 {
        (self.draw() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Bell-shaped around 0, never beyond ±3.5.
    fn wobble(&mut self) -> f64 {
        1.732 * (self.share() + self.share() + self.share() + self.share() - 2.0)
    }

    fn task_id(&mut self) -> String {
        format!("{:016x}{:016x}", self.draw(), self.draw())
    }

    fn uuid(&mut self) -> String {
        let id = self.task_id();
        format!(
            "{}-{}-{}-{}-{}",
            &id[..8],
            &id[8..12],
            &id[12..16],
            &id[16..20],
            &id[20..]
        )
    }
}

/// The files by name, as text, and the rows of `truth.csv`.
#[derive(Default)]
struct Sample {
    files: BTreeMap<String, String>,
    truth: BTreeSet<String>,
}

impl Sample {
    fn truth(
        &mut self,
        (kind, cluster, name): (&str, &str, &str),
        runs: usize,
        figures: &[(&str, f64)],
    ) {
        self.truth.extend(
            figures
                .iter()
                .map(|(unit, billed)| format!("{kind},{cluster},{name},{runs},{billed},{unit}\n")),
        );
    }
}

fn generate() -> Sample {
    let mut sample = Sample::default();
    let services: Vec<Value> = SERVICES.iter().map(described_service).collect();
    sample.files.insert(
        "services.json".into(),
        format!("{:#}\n", json!({ "failures": [], "services": services })),
    );
    sample.files.insert(
        "task-definitions.json".into(),
        format!("{:#}\n", json!(task_definitions())),
    );
    for service in SERVICES {
        service_metrics(service, &mut sample);
    }
    task_events_and_insights(&mut sample);
    builds_and_metrics(&mut sample);
    let rows: String = sample.truth.iter().map(String::as_str).collect();
    sample.files.insert(
        "truth.csv".into(),
        format!("kind,cluster,name,runs,billed,unit\n{rows}"),
    );
    sample
}

fn arn(service: &str, resource: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}")
}

fn stamp(ms: i64, format: &str) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .expect("an instant of 2026")
        .strftime(format)
        .to_string()
}

/// As `EventBridge` prints instants.
fn event_time(ms: i64) -> String {
    stamp(ms, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// As the AWS CLI, version 2, prints instants.
fn cli_time(ms: i64) -> String {
    stamp(ms, "%Y-%m-%dT%H:%M:%S%.6f+00:00")
}

/// Drops the members that AWS would leave out.
fn without_nulls(mut object: Value) -> Value {
    if let Some(members) = object.as_object_mut() {
        members.retain(|_, value| !value.is_null());
    }
    object
}

/// The revision in force; `checkout-api` is being deployed as the window ends.
fn revision(name: &str) -> i64 {
    if name == "checkout-api" { 7 } else { 3 }
}

/// When the newest deployment of `service` began.
fn deployed(service: &Service) -> i64 {
    match service.first_day {
        _ if service.name == "checkout-api" => on(13, 22, 40),
        0 => START - Rng::named(service.name).between(20 * DAY, 90 * DAY),
        day => on(day, 0, 0) - 90 * SECOND,
    }
}

/// One service as `aws ecs describe-services` prints it.
/// Whose it is, and a note that is nobody's business.
fn tags(name: &str) -> Value {
    let team = match name {
        "checkout-api" | "payments" | "invoice-run" => "checkout",
        "search" | "recommendations" | "nightly-etl" | "reports-ui" => "data",
        "web-frontend" | "image-resizer" | "thumbnail-batch" | "promo-banner" => "web",
        _ => "platform",
    };
    json!([{ "key": "team", "value": team }, { "key": "note", "value": CANARY }])
}

fn described_service(service: &Service) -> Value {
    let &Service {
        name,
        capacity,
        tasks: (count, _),
        ..
    } = service;
    let launch_type = (capacity != "FARGATE_SPOT").then_some(capacity);
    let strategy = launch_type
        .is_none()
        .then(|| json!([{ "base": 0, "capacityProvider": capacity, "weight": 1 }]));
    let definition = |revision: i64| arn("ecs", &format!("task-definition/{name}:{revision}"));
    let deployment = |status: &str, revision: i64, created: i64| {
        without_nulls(json!({
            "capacityProviderStrategy": strategy, "createdAt": cli_time(created), "desiredCount": count,
            "id": format!("ecs-svc/{}", Rng::named(name).between(revision << 56, i64::MAX)), "launchType": launch_type,
            "runningCount": count, "status": status, "taskDefinition": definition(revision),
        }))
    };
    let mut deployments = vec![deployment("PRIMARY", revision(name), deployed(service))];
    if name == "checkout-api" {
        deployments.push(deployment("ACTIVE", revision(name) - 1, START - 33 * DAY));
    }
    let age = if service.first_day == 0 { 400 * DAY } else { 0 };
    without_nulls(json!({
        "capacityProviderStrategy": strategy, "clusterArn": arn("ecs", "cluster/prod"),
        "createdAt": cli_time(deployed(service) - age), "deployments": deployments, "desiredCount": count,
        "launchType": launch_type, "pendingCount": 0, "runningCount": count,
        "serviceArn": arn("ecs", &format!("service/prod/{name}")), "serviceName": name, "status": "ACTIVE",
        "tags": tags(name), "taskDefinition": definition(revision(name)),
    }))
}

/// `aws ecs describe-task-definition` outputs in a list: every service, every family, and the revision being replaced.
fn task_definitions() -> Vec<Value> {
    let services = SERVICES.iter().map(|it| {
        (
            it.name,
            revision(it.name),
            it.size,
            it.architecture,
            it.capacity,
        )
    });
    let replaced = services
        .clone()
        .filter(|it| it.0 == "checkout-api")
        .map(|it| (it.0, it.1 - 1, it.2, it.3, it.4));
    let families = FAMILIES
        .iter()
        .map(|it| (it.name, revision(it.name), it.size, "X86_64", "FARGATE"));
    let definition = |(name, revision, size, architecture, capacity): (
        &str,
        i64,
        (u32, u32),
        &str,
        &str,
    )| {
        let image = format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{name}:{revision}");
        let secret = json!([{ "name": "DATABASE_PASSWORD", "value": CANARY }]);
        json!({ "tags": tags(name), "taskDefinition": {
            "containerDefinitions": [{
                "command": ["serve", "--token", CANARY], "cpu": 0, "environment": secret, "essential": true, "image": image, "name": "app",
            }],
            "cpu": size.0.to_string(), "family": name, "memory": size.1.to_string(), "networkMode": "awsvpc",
            "requiresCompatibilities": [if capacity == "EC2" { "EC2" } else { "FARGATE" }], "revision": revision,
            "runtimePlatform": { "cpuArchitecture": architecture, "operatingSystemFamily": "LINUX" }, "status": "ACTIVE",
            "taskDefinitionArn": arn("ecs", &format!("task-definition/{name}:{revision}")),
        }})
    };
    services
        .chain(replaced)
        .chain(families)
        .map(definition)
        .collect()
}

/// How busy people are: 0 in the dead of night, 1 on a working day's afternoon, about half of that at weekends.
fn busy(at: i64) -> f64 {
    const DAY_SHAPE: [(f64, f64); 7] = [
        (0.0, 0.2),
        (4.0, 0.0),
        (8.0, 0.6),
        (11.0, 0.9),
        (14.0, 1.0),
        (19.0, 0.7),
        (24.0, 0.2),
    ];
    let (day, hour) = (
        (at - START) / DAY,
        ((at - START) % DAY) as f64 / HOUR as f64,
    );
    let next = DAY_SHAPE
        .iter()
        .position(|point| point.0 > hour)
        .unwrap_or(1);
    let (from, to) = (DAY_SHAPE[next - 1], DAY_SHAPE[next]);
    between((from.1, to.1), (hour - from.0) / (to.0 - from.0))
        * if day % 7 >= 5 { 0.55 } else { 1.0 }
}

fn between(range: (f64, f64), share: f64) -> f64 {
    range.0 + (range.1 - range.0) * share
}

/// What is printed has two decimals at most.
#[expect(
    clippy::cast_possible_truncation,
    reason = "percentages and sizes of tasks are small"
)]
fn hundredths(value: f64) -> i64 {
    (value * 100.0).round() as i64
}

/// One reading over all running tasks of a service; mean, lowest and highest task in hundredths of a percent.
struct Reading {
    at: i64,
    tasks: u32,
    cpu: [i64; 3],
    memory: [i64; 3],
}

/// What `CloudWatch` saw of `service`: a reading every 300 s, but for 70 minutes that are missing.
fn readings(service: &Service, rng: &mut Rng) -> Vec<Reading> {
    let gap = on(
        rng.between(service.first_day + 1, 13),
        rng.between(0, 21),
        0,
    );
    let (mut drift, mut burst_left, mut held) = (0.0, 0, 0.0);
    let mut seen = Vec::new();
    for at in every(PERIOD_S * SECOND, on(service.first_day, 0, 0), END) {
        drift = 0.8 * drift + 0.04 * rng.wobble();
        burst_left = if rng.between(1, 1000) <= service.burst.0 {
            rng.between(1, 4)
        } else {
            burst_left - 1
        };
        let burst = if burst_left > 0 {
            service.burst.1 * (0.85 + 0.15 * rng.share())
        } else {
            0.0
        };
        let (fewest, most) = service.tasks;
        let load = (between(service.cpu, busy(at)) * (1.0 + drift) + burst) * f64::from(most);
        let tasks = (fewest..most)
            .find(|tasks| load <= 55.0 * f64::from(*tasks))
            .unwrap_or(most);
        let used = between(service.memory, busy(at)) + leaked(service, at);
        // An allocator takes and gives back in steps; in between, the reading stays put.
        if f64::abs(used - held) > 0.012 * held {
            held = used;
        }
        let (cpu_apart, memory_apart) = if tasks == 1 {
            (0.0, 0.0)
        } else {
            (0.03 + 0.09 * rng.share(), 0.02)
        };
        let cpu = spread((load / f64::from(tasks)).min(99.6), cpu_apart);
        if !(gap..gap + 70 * MINUTE).contains(&at) {
            seen.push(Reading {
                at,
                tasks,
                cpu,
                memory: spread(held, memory_apart),
            });
        }
    }
    seen
}

/// Percent of memory that `service` has lost since its process began: six days before the window, and on 8 October.
fn leaked(service: &Service, at: i64) -> f64 {
    let began = if at < on(3, 3, 0) {
        START - 6 * DAY
    } else {
        on(3, 3, 0)
    };
    service.leak * (at - began) as f64 / DAY as f64
}

fn spread(mean: f64, apart: f64) -> [i64; 3] {
    [
        mean,
        mean * (1.0 - apart),
        (mean * (1.0 + apart)).min(100.0),
    ]
    .map(hundredths)
}

/// One line of a `CloudWatch` Metric Stream. `name` is namespace, metric and unit.
fn metric(
    name: [&str; 3],
    dimensions: &Value,
    at: i64,
    count: u32,
    [mean, min, max]: [i64; 3],
) -> String {
    let [max, min, sum] =
        [max, min, mean * i64::from(count)].map(|hundredths| hundredths as f64 / 100.0);
    json!({
        "account_id": ACCOUNT, "dimensions": dimensions, "metric_name": name[1], "metric_stream_name": "containers",
        "namespace": name[0], "region": REGION, "timestamp": at, "unit": name[2],
        "value": { "count": f64::from(count), "max": max, "min": min, "sum": sum },
    })
    .to_string()
}

/// Lines as a stream delivers them: at least once, and only roughly in order.
fn delivered(lines: impl Iterator<Item = String>, rng: &mut Rng) -> String {
    let mut out: Vec<String> = Vec::new();
    for line in lines {
        if rng.once_in(400) {
            out.push(line.clone());
        }
        out.push(line);
        if rng.once_in(200) {
            let last = out.len() - 1;
            out.swap(last, last.saturating_sub(7));
        }
    }
    out.join("\n") + "\n"
}

/// `metric-stream/<service>.json.gz`, and what it adds up to.
fn service_metrics(service: &Service, sample: &mut Sample) {
    let mut rng = Rng::named(service.name);
    let seen = readings(service, &mut rng);
    let dimensions = json!({ "ClusterName": "prod", "ServiceName": service.name });
    let line = |name: &str, it: &Reading, values| {
        metric(
            ["AWS/ECS", name, "Percent"],
            &dimensions,
            it.at,
            it.tasks * SAMPLES_PER_TASK,
            values,
        )
    };
    let cpu = seen.iter().map(|it| line("CPUUtilization", it, it.cpu));
    let memory = seen
        .iter()
        .map(|it| line("MemoryUtilization", it, it.memory));
    sample.files.insert(
        format!("metric-stream/{}.json.gz", service.name),
        delivered(cpu.chain(memory), &mut rng),
    );

    let kills = u8::from(service.name == "legacy-soap");
    let most = |value: fn(&Reading) -> i64| seen.iter().map(value).max().unwrap_or(0) as f64;
    let figures = [
        (
            "task_seconds",
            seen.iter()
                .map(|it| f64::from(it.tasks) * PERIOD_S as f64)
                .sum(),
        ),
        ("tasks_at_most", most(|it| i64::from(it.tasks))),
        ("readings", 2.0 * seen.len() as f64),
        ("cpu_units", f64::from(service.size.0)),
        ("memory_mib", f64::from(service.size.1)),
        ("cpu_percent_at_most", most(|it| it.cpu[2]) / 100.0),
        ("memory_percent_at_most", most(|it| it.memory[2]) / 100.0),
        (
            "leaked_mib_per_day",
            service.leak * f64::from(service.size.1) / 100.0,
        ),
        ("out_of_memory_kills", f64::from(kills)),
    ];
    sample.truth(
        ("service", "prod", service.name),
        usize::from(kills),
        &figures,
    );
}

/// How a task ended.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Done,
    OutOfMemory,
    /// Before its image was pulled: not billed.
    NeverStarted,
}

/// One task and its instants.
struct Run {
    /// Cluster and group.
    home: (&'static str, String),
    family: &'static str,
    size: (u32, u32),
    id: String,
    created: i64,
    pull: i64,
    started: i64,
    executed: i64,
    stopped: i64,
    end: End,
}

impl Run {
    fn new(family: &Family, asked: i64, end: End, rng: &mut Rng) -> Self {
        let created = asked + rng.between(200, 1900);
        let pull = created + rng.between(7_000, 19_000);
        let started = pull + rng.between(3_000, 16_000);
        let executed = started + rng.between(family.seconds.0 * SECOND, family.seconds.1 * SECOND);
        let stopped = executed + rng.between(9_000, 21_000);
        let (home, id) = (("batch", format!("family:{}", family.name)), rng.task_id());
        Self {
            home,
            family: family.name,
            size: family.size,
            id,
            created,
            pull,
            started,
            executed,
            stopped,
            end,
        }
    }

    fn is_pulled(&self) -> bool {
        self.end != End::NeverStarted
    }

    fn is_open(&self) -> bool {
        self.stopped >= END
    }

    /// Whole seconds from pull to stop, at least 60. Source: AWS Fargate pricing page, read 2026-11.
    fn billed_s(&self) -> i64 {
        ((self.stopped.min(END) - self.pull + SECOND - 1) / SECOND).max(60)
    }
}

/// One `EventBridge` `ECS Task State Change` and its time: of the task's end, or (`running`) of its start, which the end supersedes.
fn task_event(run: &Run, running: bool) -> (i64, String) {
    let (killed, pulled) = (run.end == End::OutOfMemory, run.is_pulled());
    let (code, reason) = match run.end {
        End::NeverStarted => (
            "TaskFailedToStart",
            "Timeout waiting for network interface provisioning to complete.",
        ),
        End::Done | End::OutOfMemory => (
            "EssentialContainerExited",
            "Essential container in task exited",
        ),
    };
    let status = if running { "RUNNING" } else { "STOPPED" };
    let container = without_nulls(json!({
        "cpu": "0", "exitCode": (pulled && !running).then_some(if killed { 137 } else { 0 }), "lastStatus": status, "name": "app",
        "reason": (killed && !running).then_some("OutOfMemoryError: container killed due to memory usage"),
    }));
    let secret = json!([{ "command": ["--key", CANARY], "environment": [{ "name": "KEY", "value": CANARY }], "name": "app" }]);
    let task = arn("ecs", &format!("task/{}/{}", run.home.0, run.id));
    let (from, to) = (
        |at: i64| pulled.then(|| event_time(at)),
        |at: i64| (!running).then(|| event_time(at)),
    );
    let detail = without_nulls(json!({
        "attributes": [{ "name": "ecs.cpu-architecture", "value": "x86_64" }], "capacityProviderName": "FARGATE",
        "clusterArn": arn("ecs", &format!("cluster/{}", run.home.0)), "containers": [container], "cpu": run.size.0.to_string(),
        "createdAt": event_time(run.created), "desiredStatus": status, "ephemeralStorage": { "sizeInGiB": 20 },
        "executionStoppedAt": from(run.executed).and(to(run.executed)), "group": run.home.1, "lastStatus": status,
        "launchType": "FARGATE", "memory": run.size.1.to_string(), "overrides": { "containerOverrides": secret },
        "platformVersion": "1.4.0", "pullStartedAt": from(run.pull), "pullStoppedAt": from(run.started - SECOND),
        "startedAt": from(run.started), "stopCode": (!running).then_some(code), "stoppedAt": to(run.stopped),
        "stoppedReason": (!running).then_some(reason), "stoppingAt": to(run.executed + 400), "taskArn": task,
        "taskDefinitionArn": arn("ecs", &format!("task-definition/{}:{}", run.family, revision(run.family))),
        "version": if running { 3 } else { 6 },
    }));
    let at = if running { run.started } else { run.stopped };
    let event = json!({
        "account": ACCOUNT, "detail": detail, "detail-type": "ECS Task State Change", "id": Rng::named(&format!("{status} {}", run.id)).uuid(),
        "region": REGION, "resources": [task], "source": "aws.ecs", "time": stamp(at, "%Y-%m-%dT%H:%M:%SZ"), "version": "0",
    });
    (at, event.to_string())
}

/// All tasks of `family`, as asked for.
fn runs(family: &Family) -> Vec<Run> {
    let mut rng = Rng::named(family.name);
    let end = |index: usize| match index {
        _ if family.fails.contains(&index) => End::NeverStarted,
        _ if family.kills.contains(&index) => End::OutOfMemory,
        _ => End::Done,
    };
    let starts = (family.starts)(&mut rng);
    starts
        .into_iter()
        .enumerate()
        .map(|(index, asked)| Run::new(family, asked, end(index), &mut rng))
        .collect()
}

/// The task of service `legacy-soap` that was killed on 13 October, after four days.
fn killed_service_task(rng: &mut Rng) -> Run {
    let family = Family {
        name: "legacy-soap",
        size: (512, 1024),
        seconds: (350_000, 350_000),
        ..QUIET
    };
    Run {
        home: ("prod", "service:legacy-soap".into()),
        ..Run::new(&family, on(4, 9, 20), End::OutOfMemory, rng)
    }
}

/// `task-events.jsonl.gz` and `container-insights.jsonl.gz`.
fn task_events_and_insights(sample: &mut Sample) {
    let mut rng = Rng::named("events");
    let mut events = vec![task_event(&killed_service_task(&mut rng), false)];
    let mut insights = Vec::new();
    for family in FAMILIES {
        let runs = runs(family);
        events.extend(
            runs.iter()
                .filter(|run| !run.is_open())
                .map(|run| task_event(run, false)),
        );
        let starts_kept = runs
            .iter()
            .enumerate()
            .filter(|(index, run)| run.is_open() || index % 5 == 0 && run.is_pulled());
        events.extend(starts_kept.map(|(_, run)| task_event(run, true)));
        insights.extend(
            family
                .uses
                .iter()
                .flat_map(|uses| runs.iter().flat_map(|run| insight_lines(run, *uses))),
        );
        family_truth(family, &runs, sample);
    }
    for (name, mut lines) in [
        ("task-events.jsonl.gz", events),
        ("container-insights.jsonl.gz", insights),
    ] {
        lines.sort();
        sample.files.insert(
            name.into(),
            delivered(lines.into_iter().map(|(_, line)| line), &mut rng),
        );
    }
}

fn family_truth(family: &Family, runs: &[Run], sample: &mut Sample) {
    let count = |is: fn(&Run) -> bool| runs.iter().filter(|run| is(run)).count() as f64;
    let figures = [
        (
            "seconds",
            runs.iter()
                .filter(|run| run.is_pulled())
                .map(|run| run.billed_s() as f64)
                .sum(),
        ),
        ("open_runs", count(Run::is_open)),
        ("never_started", count(|run| run.end == End::NeverStarted)),
        (
            "out_of_memory_kills",
            count(|run| run.end == End::OutOfMemory),
        ),
        ("cpu_units", f64::from(family.size.0)),
        ("memory_mib", f64::from(family.size.1)),
    ];
    let billed = runs.iter().filter(|run| run.is_pulled()).count();
    sample.truth(("task", "batch", family.name), billed, &figures);
}

/// Container Insights performance log events of one task, one a minute: busier in its first third, memory filling up.
fn insight_lines(run: &Run, uses: (f64, f64)) -> Vec<(i64, String)> {
    let mut rng = Rng::named(&run.id);
    let mut line = |at: i64| {
        let done = (at - run.started) as f64 / (run.executed - run.started) as f64;
        let cpu = uses.0 * if done < 0.34 { 1.0 } else { 0.7 } * (1.0 + 0.05 * rng.wobble());
        let memory = uses.1 * (0.6 + 0.4 * done);
        let event = json!({
            "AccountID": ACCOUNT, "AvailabilityZone": "us-east-1a", "ClusterName": run.home.0, "CpuReserved": f64::from(run.size.0),
            "CpuUtilized": hundredths(cpu / 100.0 * f64::from(run.size.0)) as f64 / 100.0, "CreatedAt": run.created,
            "KnownStatus": "RUNNING", "LaunchType": "FARGATE", "MemoryReserved": run.size.1,
            "MemoryUtilized": hundredths(memory / 100.0 * f64::from(run.size.1)) / 100, "PullStartedAt": run.pull,
            "PullStoppedAt": run.started - SECOND, "Region": REGION, "StartedAt": run.started, "TaskDefinitionFamily": run.family,
            "TaskDefinitionRevision": revision(run.family).to_string(), "TaskId": run.id, "Timestamp": at, "Type": "Task", "Version": "0",
        });
        (at, event.to_string())
    };
    every(
        MINUTE,
        (run.started / MINUTE + 1) * MINUTE,
        run.executed.min(END),
    )
    .into_iter()
    .map(&mut line)
    .collect()
}

/// One build: submitted, queued, provisioning, downloading its source, building, at its end.
struct Build {
    id: String,
    number: usize,
    at: [i64; 6],
    failed: bool,
}

const PHASES: [&str; 5] = [
    "SUBMITTED",
    "QUEUED",
    "PROVISIONING",
    "DOWNLOAD_SOURCE",
    "BUILD",
];

impl Build {
    fn new(project: &Project, number: usize, submitted: i64, rng: &mut Rng) -> Self {
        let queued = submitted + rng.between(60, 400);
        let provisioning = queued
            + if rng.once_in(25) {
                rng.between(30_000, 150_000)
            } else {
                rng.between(150, 1_500)
            };
        let source = provisioning + rng.between(4_000, 25_000);
        let building = source + rng.between(2_000, 9_000);
        let end =
            provisioning + rng.between(project.seconds.0 * SECOND, project.seconds.1 * SECOND);
        let (id, failed) = (format!("{}:{}", project.name, rng.uuid()), rng.once_in(14));
        Self {
            id,
            number,
            at: [submitted, queued, provisioning, source, building, end],
            failed,
        }
    }

    fn is_open(&self) -> bool {
        self.at[5] >= END
    }

    /// Started minutes since the beginning of `phase`.
    fn minutes_since(&self, phase: usize) -> f64 {
        ((self.at[5].min(END) - self.at[phase] + MINUTE - 1) / MINUTE) as f64
    }
}

/// The builds of `project`, in the hours people work; `app-ci` has one more, still running at the end.
fn builds(project: &Project) -> Vec<Build> {
    let mut rng = Rng::named(project.name);
    let mut starts = if project.name == "app-ci" {
        vec![END - 110 * SECOND]
    } else {
        Vec::new()
    };
    for day in 0..14 {
        let count = if day % 7 >= 5 {
            project.builds.1
        } else {
            project.builds.0
        };
        starts.extend(
            (0..count).map(|_| on(day, 7, 0) + rng.between(0, 6 * HOUR) + rng.between(0, 6 * HOUR)),
        );
    }
    starts.sort_unstable();
    starts
        .into_iter()
        .enumerate()
        .map(|(index, at)| Build::new(project, 1200 + index, at, &mut rng))
        .collect()
}

/// One build as `aws codebuild batch-get-builds` prints it.
fn described_build(project: &Project, build: &Build) -> String {
    let open = build.is_open();
    let status = if build.failed { "FAILED" } else { "SUCCEEDED" };
    let phase = |index: usize| {
        let last = index == 4;
        without_nulls(json!({
            "endTime": (!last || !open).then(|| cli_time(build.at[index + 1])),
            "phaseStatus": (!last || !open).then_some(if last { status } else { "SUCCEEDED" }),
            "phaseType": PHASES[index], "startTime": cli_time(build.at[index]),
        }))
    };
    let completed = json!({ "phaseType": "COMPLETED", "startTime": cli_time(build.at[5]) });
    let phases: Vec<Value> = (0..5)
        .map(phase)
        .chain((!open).then_some(completed))
        .collect();
    without_nulls(json!({
        "arn": arn("codebuild", &format!("build/{}", build.id)), "buildComplete": !open, "buildNumber": build.number,
        "buildStatus": if open { "IN_PROGRESS" } else { status }, "currentPhase": if open { "BUILD" } else { "COMPLETED" },
        "endTime": (!open).then(|| cli_time(build.at[5])),
        "environment": {
            "computeType": project.compute, "environmentVariables": [{ "name": "TOKEN", "type": "PLAINTEXT", "value": CANARY }],
            "image": "aws/codebuild/standard:7.0", "privilegedMode": project.privileged, "type": project.environment,
        },
        "id": build.id, "phases": phases, "projectName": project.name,
        "source": { "buildspec": format!("phases: {{build: {{commands: [login {CANARY}]}}}}"), "type": "GITHUB" },
        "startTime": cli_time(build.at[0]),
    }))
    .to_string()
}

/// `builds.json.gz`, newest build of a project first, and `metric-stream/codebuild.json.gz`.
fn builds_and_metrics(sample: &mut Sample) {
    let (mut described, mut metrics) = (Vec::new(), Vec::new());
    for project in PROJECTS {
        let builds = builds(project);
        described.extend(
            builds
                .iter()
                .rev()
                .map(|build| described_build(project, build)),
        );
        metrics.extend(project.uses.iter().flat_map(|uses| {
            builds
                .iter()
                .flat_map(|build| build_metrics(project, build, *uses))
        }));
        let figures = [
            (
                "minutes",
                builds.iter().map(|build| build.minutes_since(2)).sum(),
            ),
            (
                "minutes_with_queue",
                builds.iter().map(|build| build.minutes_since(0)).sum(),
            ),
            (
                "open_runs",
                builds.iter().filter(|build| build.is_open()).count() as f64,
            ),
        ];
        sample.truth(("build", "", project.name), builds.len(), &figures);
    }
    let text = format!(
        "{{\"builds\":[\n{}\n],\"buildsNotFound\":[]}}\n",
        described.join(",\n")
    );
    sample.files.insert("builds.json.gz".into(), text);
    let metrics = delivered(metrics.into_iter(), &mut Rng::named("codebuild"));
    sample
        .files
        .insert("metric-stream/codebuild.json.gz".into(), metrics);
}

/// CPU and memory of one build, minute by minute; `CodeBuild` reports none for builds of a minute or less.
fn build_metrics(project: &Project, build: &Build, uses: (f64, f64)) -> Vec<String> {
    if build.at[5] - build.at[2] <= MINUTE {
        return Vec::new();
    }
    let mut rng = Rng::named(&build.id);
    let dimensions = json!({ "BuildId": build.id, "BuildNumber": build.number.to_string(), "ProjectName": project.name });
    let mut lines = |at: i64| {
        let cpu = hundredths(uses.0 * (0.5 + 0.5 * rng.share()));
        let memory = hundredths(uses.1 * (0.6 + 0.4 * rng.share())) / 100 * 100;
        [
            ("CPUUtilized", "None", cpu),
            ("MemoryUtilized", "Megabytes", memory),
        ]
        .map(|(name, unit, value)| {
            metric(
                ["AWS/CodeBuild", name, unit],
                &dimensions,
                at,
                1,
                [value; 3],
            )
        })
    };
    let minutes = every(
        MINUTE,
        (build.at[3] / MINUTE + 1) * MINUTE,
        build.at[5].min(END),
    );
    minutes.into_iter().flat_map(&mut lines).collect()
}

static SAMPLE: LazyLock<Sample> = LazyLock::new(generate);

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample")
}

fn is_packed(name: &str) -> bool {
    Path::new(name)
        .extension()
        .is_some_and(|suffix| suffix == "gz")
}

fn packed(text: &str) -> Vec<u8> {
    let mut gz = flate2::GzBuilder::new()
        .mtime(0)
        .write(Vec::new(), flate2::Compression::best());
    gz.write_all(text.as_bytes())
        .expect("memory takes everything");
    gz.finish().expect("memory takes everything")
}

fn unpacked(bytes: &[u8]) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(bytes)
        .read_to_string(&mut text)
        .expect("gzip of UTF-8");
    text
}

/// The files in `data/sample`, by name, as they are.
fn files_on_disk() -> BTreeMap<String, Vec<u8>> {
    let names = |folder: &str| -> Vec<String> {
        let entries = fs::read_dir(directory().join(folder))
            .expect("data/sample is there; PLIMSOLL_BLESS=1 makes it");
        let files = entries
            .map(|entry| entry.expect("readable"))
            .filter(|entry| entry.path().is_file());
        files
            .map(|entry| format!("{folder}{}", entry.file_name().display()))
            .collect()
    };
    let names = names("").into_iter().chain(names("metric-stream/"));
    names
        .map(|name| {
            (
                name.clone(),
                fs::read(directory().join(name)).expect("readable"),
            )
        })
        .collect()
}

fn bless(sample: &Sample) {
    fs::create_dir_all(directory().join("metric-stream")).expect("data/sample can be written");
    for (name, text) in &sample.files {
        let bytes = if is_packed(name) {
            packed(text)
        } else {
            text.clone().into_bytes()
        };
        fs::write(directory().join(name), bytes).expect("data/sample can be written");
    }
}

fn parsed(file: &str) -> Vec<Value> {
    SAMPLE.files[file]
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect()
}

/// The `runs` and `billed` of one row of `truth.csv`.
fn truth(key: &str, unit: &str) -> (String, String) {
    let row = SAMPLE
        .truth
        .iter()
        .find(|row| row.starts_with(&format!("{key},")) && row.ends_with(&format!(",{unit}\n")));
    let fields: Vec<&str> = row.expect("a row of the truth").split(',').collect();
    (fields[3].into(), fields[4].into())
}

fn ms(time: &Value) -> Option<i64> {
    Some(
        time.as_str()?
            .parse::<jiff::Timestamp>()
            .expect("RFC 3339")
            .as_millisecond(),
    )
}

/// What `truth` says, counted anew: `(runs, billed)` from the printed instants of each run.
fn counted(runs: &[(i64, i64)], billed: fn(i64) -> i64) -> (String, String) {
    (
        runs.len().to_string(),
        runs.iter()
            .map(|(from, to)| billed(to - from))
            .sum::<i64>()
            .to_string(),
    )
}

#[test]
fn the_embedded_sample_is_what_the_generator_makes() {
    if env::var_os("PLIMSOLL_BLESS").is_some() {
        bless(&SAMPLE);
    }
    let on_disk = files_on_disk();
    assert_eq!(
        on_disk.keys().collect::<Vec<_>>(),
        SAMPLE.files.keys().collect::<Vec<_>>()
    );
    for (name, bytes) in &on_disk {
        let text = if is_packed(name) {
            unpacked(bytes)
        } else {
            String::from_utf8(bytes.clone()).expect("UTF-8")
        };
        assert!(
            text == SAMPLE.files[name],
            "{name} is stale: PLIMSOLL_BLESS=1 writes it anew"
        );
    }
}

#[test]
fn the_sample_stays_below_two_megabytes_and_its_gzip_carries_no_time() {
    let on_disk = files_on_disk();
    assert!(on_disk.values().map(Vec::len).sum::<usize>() < 2_000_000);
    assert!(
        on_disk
            .iter()
            .filter(|(name, _)| is_packed(name))
            .all(|(_, bytes)| bytes[4..8] == [0; 4])
    );
}

#[test]
fn split_mix_draws_the_published_numbers() {
    // Seed 1234567, as listed on Rosetta Code under "Pseudo-random numbers/Splitmix64".
    let mut rng = Rng(1_234_567);
    assert_eq!(
        [rng.draw(), rng.draw()],
        [6_457_827_717_110_365_317, 3_203_168_211_198_807_973]
    );
}

#[test]
fn billed_seconds_of_tasks_follow_from_the_last_version_of_their_events() {
    let mut newest: BTreeMap<String, Value> = BTreeMap::new();
    for event in parsed("task-events.jsonl.gz") {
        let detail = &event["detail"];
        let known = newest
            .entry(detail["taskArn"].to_string())
            .or_insert_with(|| detail.clone());
        if detail["version"].as_i64() > known["version"].as_i64() {
            *known = detail.clone();
        }
    }
    for family in FAMILIES {
        let group = json!(format!("family:{}", family.name));
        let tasks = newest.values().filter(|task| task["group"] == group);
        let runs: Vec<_> = tasks
            .filter_map(|it| {
                Some((
                    ms(&it["pullStartedAt"])?,
                    ms(&it["stoppedAt"]).unwrap_or(END),
                ))
            })
            .collect();
        let seconds = |ms: i64| {
            if ms <= 60_000 {
                60
            } else {
                ms.unsigned_abs().div_ceil(1000).cast_signed()
            }
        };
        assert_eq!(
            counted(&runs, seconds),
            truth(&format!("task,batch,{}", family.name), "seconds"),
            "{}",
            family.name
        );
    }
}

#[test]
fn billed_minutes_of_builds_follow_from_their_phases() {
    let described: Value = serde_json::from_str(&SAMPLE.files["builds.json.gz"]).expect("JSON");
    let builds = described["builds"].as_array().expect("builds");
    for project in PROJECTS {
        let of_project = builds
            .iter()
            .filter(|build| build["projectName"] == project.name);
        let span = |it: &Value| {
            Some((
                ms(&it["phases"][2]["startTime"])?,
                ms(&it["endTime"]).unwrap_or(END),
            ))
        };
        let runs: Vec<_> = of_project.filter_map(span).collect();
        let minutes = |ms: i64| ms.unsigned_abs().div_ceil(60_000).cast_signed();
        assert_eq!(
            counted(&runs, minutes),
            truth(&format!("build,,{}", project.name), "minutes"),
            "{}",
            project.name
        );
    }
}

#[test]
fn task_seconds_of_services_follow_from_their_distinct_readings() {
    for service in SERVICES {
        let lines = parsed(&format!("metric-stream/{}.json.gz", service.name));
        let at = |line: &Value| (line["metric_name"].to_string(), line["timestamp"].as_i64());
        let distinct: BTreeMap<_, i64> = lines
            .iter()
            .map(|it| {
                (
                    at(it),
                    hundredths(it["value"]["count"].as_f64().unwrap_or(0.0)),
                )
            })
            .collect();
        let key = format!("service,prod,{}", service.name);
        assert_eq!(distinct.len().to_string(), truth(&key, "readings").1);
        // Both metrics carry the count, in hundredths here; a sample is a minute of a task.
        assert_eq!(
            (distinct.values().sum::<i64>() * 60 / 200).to_string(),
            truth(&key, "task_seconds").1
        );
        assert!(
            lines.len() > distinct.len(),
            "{}: some lines come twice",
            service.name
        );
        assert!(
            !lines.is_sorted_by_key(at),
            "{}: some lines come late",
            service.name
        );
    }
}

#[test]
fn services_behave_as_their_stories_say() {
    let seen = |name: &str| {
        let service = SERVICES
            .iter()
            .find(|service| service.name == name)
            .expect("a service");
        readings(service, &mut Rng::named(name))
    };
    let autoscaled = seen("web-frontend");
    let steady = autoscaled
        .iter()
        .filter(|it| (4000..6000).contains(&it.cpu[0]))
        .count();
    assert!(
        steady * 10 > autoscaled.len() * 9
            && autoscaled.iter().any(|it| it.tasks == 3)
            && autoscaled.iter().any(|it| it.tasks == 8)
    );

    let starved = seen("legacy-soap");
    assert!(starved.iter().filter(|it| it.cpu[2] >= 9800).count() * 20 > starved.len());

    let leaking = seen("session-cache");
    let restarts = leaking
        .windows(2)
        .filter(|pair| pair[1].memory[0] < pair[0].memory[0] - 1000)
        .count();
    assert!(restarts == 1 && leaking.last().map(|it| it.memory[0]) > Some(7000));

    assert!(seen("promo-banner").iter().all(|it| it.at >= END - 3 * DAY));
}

#[test]
fn performance_log_events_belong_to_tasks_of_two_families() {
    let events = &SAMPLE.files["task-events.jsonl.gz"];
    let lines = parsed("container-insights.jsonl.gz");
    let ids: BTreeSet<&str> = lines
        .iter()
        .filter_map(|it| it["TaskId"].as_str())
        .collect();
    let families: BTreeSet<&str> = lines
        .iter()
        .filter_map(|it| it["TaskDefinitionFamily"].as_str())
        .collect();
    assert_eq!(families, BTreeSet::from(["nightly-etl", "thumbnail-batch"]));
    assert_eq!(ids.len(), 14 + 270);
    assert!(
        ids.iter()
            .all(|id| events.contains(&format!("task/batch/{id}")))
    );
}

#[test]
fn secrets_are_planted_where_aws_would_carry_them() {
    let planted: Vec<&str> = SAMPLE
        .files
        .iter()
        .filter(|(_, text)| text.contains(CANARY))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(
        planted,
        [
            "builds.json.gz",
            "services.json",
            "task-definitions.json",
            "task-events.jsonl.gz"
        ]
    );
}
