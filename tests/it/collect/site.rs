//! A fake AWS, a folder, and the shipped binary between them.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::process::{Child, Command, Stdio};
use std::rc::Rc;

use plimsoll::dataset::coverage::Committed;
use plimsoll::dataset::scan::Scan;
use plimsoll::dataset::{Dataset, Table};
use plimsoll::model::units::Window;
use polars::prelude::{Column, DataFrame, DataType};

use crate::fake::golden::{Golden, Instance, Key, Run as GoldenRun, Sample};
use crate::fake::{CANARY, Fake, Resolution, Scale, World};
use crate::support::{self, DAY, MINUTE, Run, files_below};

/// CloudWatch's last minutes are left for the next run.
const SETTLING: i64 = 15 * MINUTE;
/// How many times faster than AWS allows.
const PACE: &str = "500";

pub(super) struct Site {
    pub(super) fake: Fake,
    pub(super) folder: support::World,
    /// The dataset: a folder of the site's, or in the fake's S3.
    place: &'static str,
    regions: Vec<String>,
    /// Collections begun: no two of them are of the same millisecond.
    begun: Cell<i64>,
    /// What the world was last asked for, and held.
    known: RefCell<Option<(Asked, Rc<Golden>)>>,
}

/// Changes of the world, days, and how fine.
type Asked = (u64, i64, Resolution);

impl Site {
    /// Serves `world`; a profile for each of its accounts is there.
    pub(super) fn of(world: World) -> Self {
        let regions: BTreeSet<String> = world
            .accounts
            .iter()
            .flat_map(|account| {
                account
                    .regions
                    .iter()
                    .filter(|region| region.is_enabled)
                    .map(|region| region.name.clone())
            })
            .collect();
        let fake = Fake::start(world);
        let folder = support::World::new();
        folder.write(".aws/config", fake.profiles());
        Self {
            fake,
            folder,
            place: "dataset",
            regions: regions.into_iter().collect(),
            begun: Cell::new(0),
            known: RefCell::default(),
        }
    }

    /// The same with its dataset in a bucket.
    pub(super) fn in_a_bucket(self) -> Self {
        Self {
            place: "s3://bucket/team a/ds",
            ..self
        }
    }

    /// A handful of everything.
    pub(super) fn small() -> Self {
        Self::of(World::seeded(
            1,
            Scale {
                days: 20,
                ..Scale::SMALL
            },
        ))
    }

    pub(super) fn accounts(&self) -> Vec<String> {
        self.fake.look(|world| {
            world
                .accounts
                .iter()
                .map(|account| account.id.clone())
                .collect()
        })
    }

    pub(super) fn now_ms(&self) -> i64 {
        self.fake.look(|world| world.now_ms)
    }

    /// `plimsoll` in this site's folder and environment.
    pub(super) fn plimsoll(&self, args: &[&str]) -> Command {
        let mut command = support::command(args);
        command
            .current_dir(self.folder.path(""))
            .env("HOME", self.folder.path(""));
        for (name, value) in self.fake.env() {
            // Profiles say who asks; keys in the environment would go before them. Whoever reads a bucket asks with keys.
            let is_of_keys = [
                "AWS_ACCESS_KEY_ID",
                "AWS_SECRET_ACCESS_KEY",
                "AWS_SESSION_TOKEN",
                "AWS_REGION",
            ]
            .contains(&name.as_str());
            if !is_of_keys || self.place.starts_with("s3://") {
                command.env(name, value);
            }
        }
        command
    }

    /// `collect` with every account and region, as of the world's present.
    pub(super) fn collecting(&self, args: &[&str]) -> Command {
        self.begun.set(self.begun.get() + 1);
        let now = jiff::Timestamp::from_millisecond(self.now_ms() + self.begun.get())
            .expect("a time")
            .to_string();
        let mut command = self.plimsoll(&["collect", "--dataset", self.place, "--now", &now]);
        if !args.contains(&"--pace") {
            command.args(["--pace", PACE]);
        }
        if !args.contains(&"--profile") {
            for account in self.accounts() {
                command.args(["--profile", &account]);
            }
        }
        if !args.contains(&"--region") {
            for region in &self.regions {
                command.args(["--region", region]);
            }
        }
        command.args(args);
        command
    }

    pub(super) fn collect(&self, args: &[&str]) -> Run {
        Run::of(&self.collecting(args).output().expect("the binary runs"))
    }

    pub(super) fn start(&self, args: &[&str]) -> Child {
        self.collecting(args)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts")
    }

    /// A verb about the dataset, but `collect`.
    pub(super) fn verb(&self, verb: &str, args: &[&str]) -> Command {
        self.plimsoll(&[&[verb, "--dataset", self.place], args].concat())
    }

    pub(super) fn dataset(&self) -> Dataset {
        Dataset::at(&self.folder.path("dataset").to_string_lossy()).expect("a folder")
    }

    /// Name, compute type and privilege of every CodeBuild project in the dataset.
    pub(super) fn projects(&self) -> Vec<(String, String, bool)> {
        let dataset = self.dataset();
        let table = Scan::new(&dataset)
            .expect("a dataset")
            .table(Table::Workloads)
            .expect("rows")
            .expect("a table");
        let [kind, name, compute] =
            ["kind", "name", "compute_type"].map(|column| texts(&table, column));
        let privileged = table
            .column("privileged")
            .and_then(Column::bool)
            .expect("booleans");
        let rows = kind
            .into_iter()
            .zip(name)
            .zip(compute)
            .zip(privileged.iter());
        let mut projects: Vec<_> = rows
            .filter(|(((kind, _), _), _)| kind.as_deref() == Some("build"))
            .map(|(((_, name), compute), privileged)| {
                (
                    name.expect("a name"),
                    compute.expect("a type"),
                    privileged == Some(true),
                )
            })
            .collect();
        projects.sort();
        projects
    }

    /// What the world holds of the last `days` whole days and today, as far as it is to be collected.
    pub(super) fn golden(&self, days: i64, resolution: Resolution) -> Rc<Golden> {
        let asked = (self.fake.changes(), days, resolution);
        let mut known = self.known.borrow_mut();
        match &*known {
            Some((before, golden)) if *before == asked => golden.clone(),
            _ => {
                let golden = Rc::new(self.worked_out(days, resolution));
                *known = Some((asked, golden.clone()));
                golden
            }
        }
    }

    fn worked_out(&self, days: i64, resolution: Resolution) -> Golden {
        let now = self.now_ms();
        let from = (now.div_euclid(DAY) - days) * DAY;
        let mut golden = self
            .fake
            .look(|world| world.golden(from, now - SETTLING, resolution));
        // Builds tell their own times: nothing about them settles.
        let builds = self
            .fake
            .look(|world| world.golden(now - SETTLING, now, resolution))
            .runs;
        // Tasks of services are measured by AWS/ECS: what the performance log says of them is not fetched.
        golden
            .samples
            .retain(|sample| sample.source != "container_insights" || sample.key[2] == "task");
        golden
            .runs
            .retain(|run| run.source != "container_insights" || run.key[2] == "task");
        golden.runs.extend(
            builds
                .into_iter()
                .filter(|run| run.source == "codebuild_api"),
        );
        golden
    }

    /// What the dataset holds, and how many of its rows say what another one says.
    pub(super) fn collected(&self) -> Collected {
        Collected::of(&self.dataset())
    }

    /// Holds that the dataset is exactly what the world holds.
    #[track_caller]
    pub(super) fn holds_all(&self, days: i64, resolution: Resolution) {
        let golden = self.golden(days, resolution);
        let Collected {
            runs,
            samples,
            instances,
            repeated,
            ..
        } = self.collected();
        same("runs", &golden.runs, &runs);
        same("samples", &golden.samples, &samples);
        same("instances", &golden.instances, &instances);
        assert_eq!(repeated, 0, "rows that are there twice");
        assert!(
            self.fake.unexpected().is_empty(),
            "{:?}",
            self.fake.unexpected()
        );
    }

    /// Holds that no text that was planted as a secret is in any file of the dataset or any row.
    #[track_caller]
    pub(super) fn holds_no_secret(&self) {
        for file in files_below(&self.folder.path("dataset")) {
            let bytes = fs::read(&file).expect("readable");
            assert!(
                !bytes
                    .windows(CANARY.len())
                    .any(|window| window == CANARY.as_bytes()),
                "{}",
                file.display()
            );
        }
        let collected = self.collected();
        assert!(!format!("{:?}{:?}", collected.runs, collected.commits).contains(CANARY));
    }

    /// Holds that every scope-day said to be complete holds exactly what the world holds of it.
    #[track_caller]
    pub(super) fn claims_only_what_it_holds(&self, days: i64, resolution: Resolution) {
        if !self.folder.path("dataset").exists() {
            return;
        }
        let (golden, collected) = (self.golden(days, resolution), self.collected());
        let (golden_samples, golden_runs) = (
            by_claim(samples(&golden.samples)),
            by_claim(builds(&golden.runs)),
        );
        let (samples, runs) = (
            by_claim(samples(&collected.samples)),
            by_claim(builds(&collected.runs)),
        );
        for Committed {
            account,
            region,
            row,
        } in collected
            .commits
            .iter()
            .filter(|commit| commit.row.state == "complete")
        {
            let claim = Claim {
                account: account.clone(),
                region: region.clone(),
                source: row.source.clone(),
                scope: row.scope.clone(),
                day: row.day.clone(),
            };
            let (none, no_runs) = (BTreeSet::new(), BTreeSet::new());
            let (truth, found) = (
                golden_samples.get(&claim).unwrap_or(&none),
                samples.get(&claim).unwrap_or(&none),
            );
            same(&format!("samples of {claim:?}"), truth, found);
            let (truth, found) = (
                golden_runs.get(&claim).unwrap_or(&no_runs),
                runs.get(&claim).unwrap_or(&no_runs),
            );
            same(&format!("runs of {claim:?}"), truth, found);
        }
    }
}

#[track_caller]
pub(super) fn same<T: Ord + std::fmt::Debug>(
    what: &str,
    golden: &BTreeSet<T>,
    found: &BTreeSet<T>,
) {
    let (missing, foreign): (Vec<_>, Vec<_>) = (
        golden.difference(found).collect(),
        found.difference(golden).collect(),
    );
    let first = |rows: &[&T]| {
        rows.iter()
            .take(3)
            .map(|row| format!("{row:?}"))
            .collect::<Vec<_>>()
            .join("\n  ")
    };
    assert!(
        missing.is_empty() && foreign.is_empty(),
        "{what}: {} of {} missing\n  {}\nand {} not in the world\n  {}",
        missing.len(),
        golden.len(),
        first(&missing),
        foreign.len(),
        first(&foreign)
    );
}

/// A scope-day of one source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Claim {
    account: String,
    region: String,
    source: String,
    scope: String,
    day: String,
}

/// Whose a row is, its source, its time, and the row.
type Told<'r, T> = ((&'r Key, &'static str, i64), &'r T);

/// Rows by the scope-day that they are of.
fn by_claim<'r, T: Ord>(
    rows: impl Iterator<Item = Told<'r, T>>,
) -> BTreeMap<Claim, BTreeSet<&'r T>> {
    let mut days: HashMap<(&Key, &str, i64), BTreeSet<&T>> = HashMap::new();
    for ((key, source, at_ms), row) in rows {
        let day = (key, source, at_ms.div_euclid(DAY));
        days.entry(day).or_default().insert(row);
    }
    let mut claims: BTreeMap<Claim, BTreeSet<&T>> = BTreeMap::new();
    for ((key, source, day), rows) in days {
        let claim = claim(key, &committed_as(key, source), day * DAY);
        claims.entry(claim).or_default().extend(rows);
    }
    claims
}

fn claim(key: &Key, source: &str, at_ms: i64) -> Claim {
    let [account, region, kind, cluster, _] = key;
    let scope = if kind == "build" {
        "codebuild"
    } else {
        cluster
    };
    let day = jiff::Timestamp::from_millisecond(at_ms)
        .expect("a time")
        .strftime("%Y-%m-%d")
        .to_string();
    Claim {
        account: account.clone(),
        region: region.clone(),
        source: source.to_owned(),
        scope: scope.to_owned(),
        day,
    }
}

/// The source of a row, as commits name it.
fn committed_as(key: &Key, source: &str) -> String {
    let [_, _, kind, _, name] = key;
    match (source, kind.as_str()) {
        ("codebuild_api", _) => "collect:builds".to_owned(),
        ("cloudwatch", "service") => format!("collect:metrics:{name}"),
        ("cloudwatch", "task") => format!("collect:family-metrics:{name}"),
        ("cloudwatch", _) => "collect:build-metrics".to_owned(),
        _ => "collect:task-logs".to_owned(),
    }
}

fn samples(of: &BTreeSet<Sample>) -> impl Iterator<Item = Told<'_, Sample>> {
    of.iter()
        .map(|sample| ((&sample.key, sample.source, sample.at_ms), sample))
}

/// Of builds alone: what events tell of a run is spread over days.
fn builds(of: &BTreeSet<GoldenRun>) -> impl Iterator<Item = Told<'_, GoldenRun>> {
    let of_builds = of.iter().filter(|run| run.source == "codebuild_api");
    of_builds.map(|run| ((&run.key, run.source, run.created_ms), run))
}

/// The rows of a dataset, in the golden rows' own types.
pub(super) struct Collected {
    pub(super) runs: BTreeSet<GoldenRun>,
    pub(super) samples: BTreeSet<Sample>,
    pub(super) instances: BTreeSet<Instance>,
    /// Samples that say what another one says.
    pub(super) repeated: usize,
    pub(super) commits: Vec<Committed>,
}

impl Collected {
    fn of(dataset: &Dataset) -> Self {
        let scan = Scan::new(dataset).expect("a dataset");
        let mut samples = BTreeSet::new();
        let mut rows = 0;
        let always = Window {
            from_ms: 0,
            to_ms: i64::MAX,
        };
        for group in scan.sample_groups(None, always).expect("parts") {
            let (account, region) = group.place();
            let of_group = scan.each_samples(&group, &SAMPLE_COLUMNS, &[], |part| {
                rows += part.frame.height();
                samples.extend(sample_rows(&part.frame, account, region));
                Ok(())
            });
            of_group.expect("parts");
        }
        let runs = scan
            .table(Table::Runs)
            .expect("runs")
            .map(|frame| run_rows(&frame))
            .unwrap_or_default();
        let instances = scan
            .table(Table::Instances)
            .expect("instances")
            .map(|frame| instance_rows(&frame))
            .unwrap_or_default();
        Self {
            repeated: rows - samples.len(),
            runs,
            samples,
            instances,
            commits: scan.commits.clone(),
        }
    }
}

const SAMPLE_COLUMNS: [&str; 11] = [
    "kind", "cluster", "name", "run_id", "metric", "period_s", "at_ms", "max", "sum", "count",
    "source",
];

fn texts(frame: &DataFrame, name: &str) -> Vec<Option<String>> {
    frame
        .column(name)
        .and_then(Column::str)
        .expect(name)
        .iter()
        .map(|text| text.map(str::to_owned))
        .collect()
}

fn integers(frame: &DataFrame, name: &str) -> Vec<Option<i64>> {
    let column = frame
        .column(name)
        .and_then(|column| column.cast(&DataType::Int64))
        .expect(name);
    column.i64().expect(name).iter().collect()
}

fn bits(frame: &DataFrame, name: &str) -> Vec<u64> {
    frame
        .column(name)
        .and_then(Column::f64)
        .expect(name)
        .iter()
        .map(|value| value.expect("a value").to_bits())
        .collect()
}

fn spelt(text: Option<&str>, known: &[&'static str]) -> &'static str {
    let text = text.expect("a word");
    known
        .iter()
        .find(|word| **word == text)
        .unwrap_or_else(|| panic!("`{text}` is none of {known:?}"))
}

const SOURCES: [&str; 5] = [
    "ecs_api",
    "task_events",
    "container_insights",
    "cloudwatch",
    "codebuild_api",
];
const METRICS: [&str; 7] = [
    "network_received_bytes_per_s",
    "network_sent_bytes_per_s",
    "cpu_percent",
    "memory_percent",
    "cpu_units",
    "memory_mib",
    "cpu_vcpu",
];
const STOP_CODES: [&str; 14] = [
    "TaskFailedToStart",
    "EssentialContainerExited",
    "UserInitiated",
    "ServiceSchedulerInitiated",
    "SpotInterruption",
    "TerminationNotice",
    "InfrastructureHealth",
    "SUCCEEDED",
    "FAILED",
    "FAULT",
    "TIMED_OUT",
    "IN_PROGRESS",
    "STOPPED",
    "",
];

fn sample_rows(frame: &DataFrame, account: &str, region: &str) -> Vec<Sample> {
    let [kind, cluster, name, run_id, metric, source] =
        ["kind", "cluster", "name", "run_id", "metric", "source"]
            .map(|column| texts(frame, column));
    let (period, at) = (integers(frame, "period_s"), integers(frame, "at_ms"));
    let (max, sum, count) = (bits(frame, "max"), bits(frame, "sum"), bits(frame, "count"));
    let word = |text: &Option<String>| text.clone().expect("a word");
    (0..frame.height())
        .map(|row| Sample {
            key: [
                account.to_owned(),
                region.to_owned(),
                word(&kind[row]),
                word(&cluster[row]),
                word(&name[row]),
            ],
            run_id: run_id[row].clone(),
            source: spelt(source[row].as_deref(), &SOURCES),
            metric: spelt(metric[row].as_deref(), &METRICS),
            period_s: period[row].expect("a period"),
            at_ms: at[row].expect("a time"),
            max: max[row],
            sum: sum[row],
            count: count[row],
        })
        .collect()
}

/// Version, last sighting, and the run they are of.
type Ranked = (i64, Option<i64>, GoldenRun);

/// The newest word of each source on each run.
fn run_rows(frame: &DataFrame) -> BTreeSet<GoldenRun> {
    let [
        account,
        region,
        kind,
        cluster,
        name,
        run_id,
        source,
        stop_code,
    ] = [
        "account",
        "region",
        "kind",
        "cluster",
        "name",
        "run_id",
        "source",
        "stop_code",
    ]
    .map(|column| texts(frame, column));
    let [version, created, pull, provisioning, started, stopped, seen] = [
        "version",
        "created_ms",
        "pull_started_ms",
        "provisioning_ms",
        "started_ms",
        "stopped_ms",
        "last_seen_ms",
    ]
    .map(|column| integers(frame, column));
    let out_of_memory: Vec<bool> = frame
        .column("out_of_memory")
        .and_then(Column::bool)
        .expect("booleans")
        .iter()
        .map(|yes| yes == Some(true))
        .collect();
    let mut newest: BTreeMap<(Key, String, &str), Ranked> = BTreeMap::new();
    for row in 0..frame.height() {
        let key: Key = [&account, &region, &kind, &cluster, &name]
            .map(|texts| texts[row].clone().expect("a word"));
        let id = run_id[row].clone().expect("an id");
        let source = spelt(source[row].as_deref(), &SOURCES);
        let run = GoldenRun {
            key: key.clone(),
            run_id: id.clone(),
            source,
            version: version[row].expect("a version"),
            created_ms: created[row].expect("created"),
            pull_started_ms: pull[row],
            provisioning_ms: provisioning[row],
            started_ms: started[row],
            stopped_ms: stopped[row],
            // The moment of a snapshot is the collector's affair.
            last_seen_ms: seen[row].filter(|_| source != "ecs_api"),
            stop_code: stop_code[row]
                .as_deref()
                .map(|code| spelt(Some(code), &STOP_CODES)),
            out_of_memory: out_of_memory[row],
        };
        let rank = (run.version, seen[row]);
        match newest.get(&(key.clone(), id.clone(), source)) {
            Some((version, seen, _)) if (*version, *seen) >= rank => {}
            _ => drop(newest.insert((key, id, source), (rank.0, rank.1, run))),
        }
    }
    newest.into_values().map(|(_, _, run)| run).collect()
}

fn instance_rows(frame: &DataFrame) -> BTreeSet<Instance> {
    let [account, region, cluster, id, kind, zone, provider] = [
        "account",
        "region",
        "cluster",
        "instance_id",
        "instance_type",
        "availability_zone",
        "capacity_provider",
    ]
    .map(|column| texts(frame, column));
    let [cpu, memory, registered] =
        ["cpu_units", "memory_mib", "registered_ms"].map(|column| integers(frame, column));
    let word = |text: &Option<String>| text.clone().expect("a word");
    (0..frame.height())
        .map(|row| Instance {
            account: word(&account[row]),
            region: word(&region[row]),
            cluster: word(&cluster[row]),
            instance_id: word(&id[row]),
            instance_type: word(&kind[row]),
            availability_zone: word(&zone[row]),
            capacity_provider: provider[row].clone(),
            cpu_units: cpu[row].expect("CPU"),
            memory_mib: memory[row].expect("memory"),
            registered_ms: registered[row].expect("a time"),
        })
        .collect()
}
