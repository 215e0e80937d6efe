//! Packing, measured: static instances against their bound, fleets over time against the floor, and speed.
//!
//! `cargo bench --bench packing -- [static|dynamic|speed|fleet …]`. Reads the instances of `PLIMSOLL_PACKING`, a folder
//! of `*.json` and `*.csv`, where that is set.

#![allow(
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss
)]
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::path::{Path, PathBuf};
use std::time::Instant;

use plimsoll::model::units::{TaskSize, Window};
use plimsoll::model::workload::Architecture;
use plimsoll::pack::{
    Alike, Candidate, Effort, InstanceType, Item, Load, Network, Placement, Rules, Share, Step,
    Tenant, Trial, Work, decide, pack_once, plan,
};
use plimsoll::placement::ec2::packable;
use plimsoll::pricing::PriceBook;
use rust_decimal::Decimal;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|arg| !arg.starts_with('-'))
        .collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|one| one == part);
    let folder = std::env::var_os("PLIMSOLL_PACKING").map(PathBuf::from);
    if let Some(folder) = &folder {
        if is_wanted("static") {
            all_at_once(folder);
        }
        if is_wanted("dynamic") {
            dynamic(folder);
        }
    }
    if is_wanted("speed") {
        speed();
    }
    if is_wanted("fleet") {
        fleet();
    }
}

/// Rules of the recorded baselines: a boot of 90 s, no wait before scale-in, one zone, memory as given.
fn bare() -> Rules {
    Rules {
        network: Network::BridgeOrHost,
        boot_ms: 90_000,
        scale_in_ms: 0,
        from_zero: 1,
        availability_zones: 1,
        os_memory_permille: 0,
        agent_memory_mib: 0,
        ..Rules::default()
    }
}

fn types_of(path: &Path) -> Vec<InstanceType> {
    rows(path)
        .into_iter()
        .map(|row| InstanceType {
            name: row[0].clone(),
            cpu_units: units(&row[1]),
            memory_mib: units(&row[2]),
            usd_per_hour: row[3].parse().expect("a price"),
            ..InstanceType::default()
        })
        .collect()
}

/// 1,024ths of a vCPU or a GiB.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
fn units(text: &str) -> u32 {
    (text.parse::<f64>().expect("a number") * 1024.0).round() as u32
}

fn rows(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).expect("a readable file");
    text.lines()
        .skip(1)
        .map(|line| line.split(',').map(str::to_owned).collect())
        .collect()
}

/// Tenants by size, with their runs, from `start,end,cpu,mem` in seconds, vCPU and GiB.
#[allow(clippy::cast_possible_truncation)]
fn tenants_of(path: &Path) -> (Vec<Tenant>, Window) {
    let mut by_size: std::collections::BTreeMap<TaskSize, Vec<(i64, i64)>> =
        std::collections::BTreeMap::new();
    let mut to_ms = 0;
    for row in rows(path) {
        let ms = |text: &str| (text.parse::<f64>().expect("a number") * 1000.0).round() as i64;
        let size = TaskSize::new(units(&row[2]), units(&row[3]));
        by_size
            .entry(size)
            .or_default()
            .push((ms(&row[0]), ms(&row[1])));
        to_ms = to_ms.max(ms(&row[1]));
    }
    let tenants = by_size.into_iter().map(|(size, runs)| Tenant {
        item: Item::of(size),
        load: Load::Runs(runs),
    });
    // Boots before the first task are billed too.
    (
        tenants.collect(),
        Window {
            from_ms: -90_000,
            to_ms,
        },
    )
}

/// The files of a folder whose names end so, in order.
fn files(folder: &Path, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("a readable folder");
    let names = entries.map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = names.filter_map(|name| name.into_string().ok()).collect();
    names.retain(|name| is_wanted(name));
    names.sort();
    names
}

/// Every `*.csv` of tasks (`start,end,cpu,mem`) on every `*.types.csv`.
fn dynamic(folder: &Path) {
    let all_types = files(folder, |name| name.ends_with(".types.csv"));
    let is_tasks = |name: &str| {
        let stem = name.strip_suffix(".csv");
        stem.is_some_and(|stem| stem != "baseline" && stem.rsplit('.').next() != Some("types"))
    };
    let all_tasks = files(folder, is_tasks);
    let pairs = all_tasks
        .iter()
        .flat_map(|tasks| all_types.iter().map(move |types| (tasks, types)));
    for (tasks, of_types) in pairs {
        let (tenants, window) = tenants_of(&folder.join(tasks));
        let types = types_of(&folder.join(of_types));
        let tenants: Vec<Tenant> = tenants
            .into_iter()
            .filter(|tenant| pack_fits(tenant, &types))
            .collect();
        let rules = bare();
        let work = Work::new(tenants, window);
        let trial = match Trial::new(&work, &types, &rules) {
            Ok(trial) => trial,
            Err(unpackable) => {
                println!("{tasks}: {unpackable}; without these");
                continue;
            }
        };
        let (floor, resources) = trial.floor();
        println!(
            "{tasks} on {of_types}: floor {floor:.2}, resources alone {resources:.2} (+{:.2} %)",
            (floor / resources - 1.0) * 100.0
        );
        for placement in [
            Placement::FirstFit,
            Placement::BinpackCpu,
            Placement::BinpackMemory,
        ] {
            let mut best: Option<(f64, String)> = None;
            for (index, of) in types.iter().enumerate() {
                let Some(fleet) = trial.on_one_type(index, placement) else {
                    continue;
                };
                let cost = trial.tried(&fleet).expect("a sound fleet").cost.as_f64();
                if best.as_ref().is_none_or(|(least, _)| cost < *least) {
                    best = Some((cost, of.name.clone()));
                }
            }
            let Some((cost, name)) = best else {
                println!("  {placement:?}: no type holds all");
                continue;
            };
            println!(
                "  {placement:?}: {cost:.2} on {name}, {:.1} % above resources, {:.1} % above floor",
                (cost / resources - 1.0) * 100.0,
                (cost / floor - 1.0) * 100.0
            );
        }
        planned(&trial, floor, resources);
    }
}

fn pack_fits(tenant: &Tenant, types: &[InstanceType]) -> bool {
    plimsoll::pack::fits(tenant.item.size(), types, &bare())
}

/// What a planner makes of it, by effort.
fn planned(trial: &Trial<'_>, floor: f64, resources: f64) {
    for seconds in [1, 5, 20, 60] {
        let begun = Instant::now();
        let Some(fleet) = trial.planned(Effort::milliseconds(seconds * 1000)) else {
            println!("  planner, {seconds} s: not enough effort for a plan");
            continue;
        };
        let took = begun.elapsed().as_secs_f64();
        let tried = trial.tried(&fleet).expect("a sound fleet");
        let cost = tried.cost.as_f64();
        println!(
            "  planner, {seconds} s allowed, {took:.1} s taken: {cost:.2}, {} starts, {:.1} % above resources, {:.1} % above floor",
            tried.starts,
            (cost / resources - 1.0) * 100.0,
            (cost / floor - 1.0) * 100.0
        );
    }
}

/// A million runs over thirty days, as many at once as fill some hundreds of instances.
fn speed() {
    let sizes = [
        (256, 512),
        (256, 1024),
        (512, 1024),
        (512, 2048),
        (1024, 2048),
        (1024, 4096),
        (2048, 4096),
        (2048, 8192),
        (4096, 16384),
    ];
    for count in [10_000_usize, 100_000, 1_000_000] {
        let mut random = fastrand::Rng::with_seed(7);
        let mut tenants: Vec<Tenant> = sizes
            .iter()
            .map(|&(cpu, memory)| Tenant {
                item: Item::of(TaskSize::new(cpu, memory)),
                load: Load::Runs(Vec::new()),
            })
            .collect();
        let window_ms = 30 * 86_400_000;
        for _ in 0..count {
            let start = random.i64(0..window_ms);
            let length = (-(1.0 - random.f64()).ln() * 3_600_000.0) as i64 + 1000;
            let tenant = (random.f64() * random.f64() * sizes.len() as f64) as usize;
            if let Load::Runs(runs) = &mut tenants[tenant].load {
                runs.push((start, (start + length).min(window_ms)));
            }
        }
        let types = [InstanceType {
            name: "m7g.xlarge".to_owned(),
            cpu_units: 4096,
            memory_mib: 17_000,
            usd_per_hour: Decimal::new(1632, 4),
            ..InstanceType::default()
        }];
        let rules = Rules {
            scale_in_ms: 900_000,
            ..bare()
        };
        let window = Window {
            from_ms: 0,
            to_ms: window_ms,
        };
        let work = Work::new(tenants, window);
        let trial = Trial::new(&work, &types, &rules).expect("tenants that fit");
        let begun = Instant::now();
        let fleet = trial
            .on_one_type(0, Placement::FirstFit)
            .expect("a type that holds all");
        let seconds = begun.elapsed().as_secs_f64();
        let tried = trial.tried(&fleet).expect("a sound fleet");
        println!(
            "first fit, {count} tasks: {:.0} ms, {:.1} M placements/s, {} instances started",
            seconds * 1e3,
            count as f64 / seconds / 1e6,
            tried.starts
        );
    }
}

/// Thirty days of 500 services that follow the day beside more and more runs, on every instance type that has a price:
/// what a report does with them.
fn fleet() {
    let book = PriceBook::embedded().expect("the embedded prices");
    let types = book
        .instance_types("us-east-1", Architecture::X86_64)
        .expect("prices of us-east-1");
    let types: Vec<InstanceType> = types.iter().map(packable).collect();
    for runs in [10_000, 100_000, 1_000_000] {
        let (tenants, window) = services_and_runs(500, runs);
        let report = Rules {
            effort: Effort::milliseconds(20),
            ..Rules::default()
        };
        let begun = Instant::now();
        let work = Work::new(tenants, window);
        let gathered = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        let plan = plan(&work, &types, &report).expect("tenants that fit");
        let planned = begun.elapsed().as_secs_f64();
        let begun = Instant::now();
        // On Fargate each costs what it costs here, some a little more and some a little less.
        let choice = |(at, share): (usize, &Share)| Candidate {
            elsewhere: Some(share.cost().part(80 + at as i128 % 41, 100)),
            marks: vec![(at < 500).to_string()],
        };
        let choices: Vec<Candidate> = plan.shares.iter().enumerate().map(choice).collect();
        let rules = Rules {
            effort: Effort::milliseconds(60),
            ..report
        };
        let decided = decide(&work, &choices, &types, &rules).expect("tenants that fit");
        let took = begun.elapsed().as_secs_f64();
        println!(
            "500 services and {runs} runs on {} types: gathered {:.2} s, planned {:.2} s, decided {:.2} s; modelled {:.0} % above floor, {} of {} belong on it, {:.1} % less than all on it",
            types.len(),
            gathered,
            planned,
            took,
            (plan.modelled.as_f64() / plan.floor.as_f64() - 1.0) * 100.0,
            decided.on_fleet.iter().filter(|on| **on).count(),
            choices.len(),
            (1.0 - decided.total.as_f64() / decided.all_on_fleet.as_f64()) * 100.0
        );
    }
}

/// Services of two to nine tasks that follow the day, and a hundred families of runs of an hour on average.
fn services_and_runs(services: usize, runs: usize) -> (Vec<Tenant>, Window) {
    const HOUR_MS: i64 = 3_600_000;
    let sizes = [
        (256, 512),
        (512, 1024),
        (1024, 2048),
        (1024, 4096),
        (2048, 8192),
    ];
    let mut random = fastrand::Rng::with_seed(13);
    let window = Window {
        from_ms: 0,
        to_ms: 720 * HOUR_MS,
    };
    let item = |at: usize| {
        let (cpu, memory) = sizes[at % sizes.len()];
        Item::of(TaskSize::new(cpu, memory))
    };
    let mut tenants: Vec<Tenant> = (0..services)
        .map(|at| {
            let (least, more) = (random.u32(2..5), random.u32(0..5));
            let tasks = |hour: i64| {
                least
                    + if (8..20).contains(&(hour % 24)) {
                        more
                    } else {
                        0
                    }
            };
            let step = |hour: i64| Step {
                from_ms: hour * HOUR_MS,
                to_ms: (hour + 1) * HOUR_MS,
                tasks: tasks(hour),
            };
            Tenant {
                item: item(at),
                load: Load::Tasks((0..720).map(step).collect()),
            }
        })
        .collect();
    let mut families = vec![Vec::new(); 100];
    for _ in 0..runs {
        let start = random.i64(0..window.to_ms);
        let length = (-(1.0 - random.f64()).ln() * HOUR_MS as f64) as i64 + 1000;
        families[random.usize(0..100)].push((start, (start + length).min(window.to_ms)));
    }
    tenants.extend(families.into_iter().enumerate().map(|(at, runs)| Tenant {
        item: item(at),
        load: Load::Runs(runs),
    }));
    (tenants, window)
}

/// The static instances against the bound on record and against our own.
fn all_at_once(folder: &Path) {
    let recorded: std::collections::BTreeMap<String, Vec<f64>> = rows(&folder.join("baseline.csv"))
        .into_iter()
        .map(|row| {
            (
                row[0].clone(),
                row[1..]
                    .iter()
                    .map(|text| text.parse().unwrap_or(f64::NAN))
                    .collect(),
            )
        })
        .collect();
    let mut by_count: std::collections::BTreeMap<u32, Vec<f64>> = std::collections::BTreeMap::new();
    println!(
        "instance, items, cost, bound, bound on record, gap %, gap to record %, bin_centric_dot %, best known %, seconds"
    );
    for (name, record) in &recorded {
        let path = folder.join(format!("{name}.json"));
        let Ok(text) = std::fs::read_to_string(&path) else {
            continue;
        };
        let instance: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let number = |value: &serde_json::Value| {
            u32::try_from(value.as_u64().expect("a number")).expect("a small number")
        };
        let tasks: Vec<Alike> = instance["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|item| Alike {
                item: Item {
                    cpu_units: number(&item[0]),
                    memory_mib: number(&item[1]),
                    ..Item::default()
                },
                count: number(&item[2]),
            })
            .collect();
        let types: Vec<InstanceType> = instance["bins"]
            .as_array()
            .expect("bins")
            .iter()
            .map(|bin| InstanceType {
                name: bin["name"].as_str().expect("a name").to_owned(),
                cpu_units: number(&bin["cpu"]),
                memory_mib: number(&bin["mem"]),
                usd_per_hour: bin["price"].to_string().parse().expect("a price"),
                ..InstanceType::default()
            })
            .collect();
        let rules = Rules {
            effort: Effort::milliseconds(5000),
            ..bare()
        };
        let begun = Instant::now();
        let plan = pack_once(&tasks, &types, &rules).expect("items that fit");
        let seconds = begun.elapsed().as_secs_f64();
        let (cost, bound) = (plan.usd_per_hour.as_f64(), plan.floor_usd_per_hour.as_f64());
        let count = record[0] as u32;
        let gap = |cost: f64, bound: f64| (cost / bound - 1.0) * 100.0;
        println!(
            "{name}, {count}, {cost:.4}, {bound:.4}, {:.4}, {:.3}, {:.3}, {:.3}, {:.3}, {seconds:.1}",
            record[2],
            gap(cost, bound),
            gap(cost, record[2]),
            gap(record[6], record[2]),
            gap(record[7], record[2])
        );
        by_count
            .entry(count)
            .or_default()
            .push(gap(cost, record[2]));
    }
    for (count, gaps) in by_count {
        println!(
            "{count} items: mean gap {:.3} %, most {:.3} %",
            gaps.iter().sum::<f64>() / gaps.len() as f64,
            gaps.iter().fold(0.0_f64, |most, gap| most.max(*gap))
        );
    }
}
