//! What an amount may be: certainty, going rate and the mix of purchase options, against slow references that count
//! minute by minute and task by task.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use plimsoll::analysis::{self, Analysis, Assessed, Policy};
use plimsoll::dataset::Dataset;
use plimsoll::dataset::scan::Scan;
use plimsoll::demand;
use plimsoll::model::finding::{Finding, ReasonCode};
use plimsoll::model::units::Usd;
use plimsoll::model::workload::{Architecture, Os, PurchaseOption};
use plimsoll::pricing::PriceBook;
use plimsoll::pricing::Tables;
use plimsoll::pricing::cost::{Amount, Certainty};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::properties::analysed;
use crate::support::{
    DAY, HOUR, MINUTE, SECOND, T0, World, definition, event, finished, metric, service, sighting,
    task, with,
};

static BOOK: LazyLock<PriceBook> =
    LazyLock::new(|| PriceBook::embedded().expect("the embedded tables parse"));

/// USD of an hour of a task in us-east-1.
fn hourly(vcpu: f64, gib: f64, architecture: Architecture, option: PurchaseOption) -> f64 {
    let prices = BOOK
        .fargate("us-east-1", Os::Linux, architecture, option)
        .expect("priced");
    vcpu * Usd::new(prices.vcpu_hour.usd).as_f64() + gib * Usd::new(prices.gib_hour.usd).as_f64()
}

fn on_demand(vcpu: f64, gib: f64) -> f64 {
    hourly(vcpu, gib, Architecture::X86_64, PurchaseOption::OnDemand)
}

fn of<'a>(analysis: &'a Analysis, name: &str) -> &'a Assessed {
    let named = |workload: &&Assessed| workload.demand.workload.name == name;
    analysis.workloads.iter().find(named).expect("there")
}

fn measured(analysis: &Analysis, name: &str) -> Amount {
    of(analysis, name).measured_cost.clone().expect("priced")
}

fn is_near(found: Usd, expected: f64) -> bool {
    (found.as_f64() - expected).abs() <= 1e-7 * (1.0 + expected.abs())
}

/// Holds `lower ≤ amount ≤ upper`, and that what is called exact has no width.
fn is_ordered(amount: &Amount) -> bool {
    let ends = amount.low <= amount.usd && amount.high.is_none_or(|high| amount.usd <= high);
    let width = amount.high != Some(amount.low);
    ends && (amount.certainty() != Certainty::Exact || !width)
}

/// Holds that `inner` says no less than `outer`.
fn is_within(inner: &Amount, outer: &Amount) -> bool {
    let upper = match (inner.high, outer.high) {
        (_, None) => true,
        (None, Some(_)) => false,
        (Some(inner), Some(outer)) => inner <= outer,
    };
    outer.low <= inner.low && upper
}

fn holds(amount: &Amount, truth: f64) -> bool {
    amount.low.as_f64() <= truth + 1e-9
        && amount.high.is_none_or(|high| truth <= high.as_f64() + 1e-9)
}

// ---------------------------------------------------------------------------------------------------- strategies

const PROVIDERS: [(&str, PurchaseOption); 2] = [
    ("FARGATE", PurchaseOption::OnDemand),
    ("FARGATE_SPOT", PurchaseOption::Spot),
];

/// Base and weight of each provider, and the tasks that run in each five minutes.
fn any_mix() -> impl Strategy<Value = ([(i64, i64); 2], Vec<u32>)> {
    let item = (0..4_i64, 0..10_i64);
    let items = (item.clone(), item).prop_filter("something is placed", |(a, b)| a.1 + b.1 > 0);
    let tasks = prop::collection::vec(1..12_u32, 12..60);
    // A strategy has one base at the most.
    (items, tasks).prop_map(|((a, b), tasks)| ([a, (0, b.1)], tasks))
}

/// Tasks by provider, one after the other: the base first, each further one where it is furthest behind its weight.
/// What these are of the whole in the long run is a share, so the rest is laid out a thousandth of a task at a time.
fn placed(items: [(i64, i64); 2], tasks: u32) -> [f64; 2] {
    const PARTS: i64 = 1000;
    let mut placed = [0_i64; 2];
    let mut rest = i64::from(tasks) * PARTS;
    for (place, (base, _)) in placed.iter_mut().zip(items) {
        *place = (base * PARTS).min(rest);
        rest -= *place;
    }
    let mut by_weight = [0_i64; 2];
    for _ in 0..rest {
        // Whose share, if it got this part, would be the smaller.
        let [a, b] = [0, 1].map(|i| (by_weight[i] + 1) * items[1 - i].1);
        let to = match items {
            [(_, 0), _] => 1,
            [_, (_, 0)] => 0,
            _ => usize::from(a > b),
        };
        by_weight[to] += 1;
    }
    #[expect(clippy::cast_precision_loss, reason = "few")]
    [0, 1].map(|i| (placed[i] + by_weight[i]) as f64 / PARTS as f64)
}

/// A service in `prod` of the definition `name:1`, bought by `strategy`.
fn bought_by(name: &str, items: [(i64, i64); 2]) -> Value {
    let strategy: Vec<Value> = PROVIDERS
        .iter()
        .zip(items)
        .map(|((provider, _), (base, weight))| {
            json!({ "capacityProvider": provider, "base": base, "weight": weight })
        })
        .collect();
    let definition = format!("{name}:1");
    let mut service = service(name, &[(T0 - DAY, &definition)]);
    service["deployments"][0]["capacityProviderStrategy"] = json!(strategy);
    let service = with(
        service,
        json!({ "launchType": null, "capacityProviderStrategy": strategy }),
    );
    let mut service = service;
    service["deployments"][0]
        .as_object_mut()
        .expect("an object")
        .remove("launchType");
    json!({ "services": [service] })
}

/// What `tasks` running tasks in each five minutes say of themselves, minute by minute.
fn counted(name: &str, from: i64, tasks: &[u32]) -> Vec<Value> {
    let slots = tasks.iter().zip(0..);
    let minutes =
        slots.flat_map(|(tasks, slot)| (0..5).map(move |minute| (slot * 5 + minute, *tasks)));
    minutes
        .flat_map(|(minute, tasks)| {
            ["CPUUtilization", "MemoryUtilization"]
                .map(|of| metric(name, of, from + minute * MINUTE, 50.0, tasks))
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_strategy_is_paid_as_its_tasks_are_placed((items, tasks) in any_mix()) {
        let mut records = counted("web", T0, &tasks);
        records.extend([bought_by("web", items), definition("web:1", 1024, 2048)]);
        let analysis = analysed(&[&records], None, &BOOK).expect("it ran");
        let usd: f64 = tasks
            .iter()
            .map(|tasks| {
                let shares = placed(items, *tasks).into_iter().zip(PROVIDERS);
                let hour: f64 = shares.map(|(share, (_, option))| share * hourly(1.0, 2.0, Architecture::X86_64, option)).sum();
                hour / 12.0
            })
            .sum();
        let hours = tasks.len() as f64 / 12.0;
        let web = of(&analysis, "web");
        let measured = web.measured_cost.clone().expect("priced");
        prop_assert_eq!(measured.certainty(), Certainty::Estimated);
        // A thousandth of a task of every five minutes.
        let off = hours * 0.001 * on_demand(1.0, 2.0);
        prop_assert!((measured.usd.as_f64() - usd).abs() <= off, "{} is not {}", measured.usd.as_f64(), usd);
        let rate = web.going_rate.clone().expect("priced");
        prop_assert!((rate.usd.as_f64() - usd / hours * 730.0).abs() <= off / hours * 730.0, "{} is not {}", rate.usd.as_f64(), usd / hours * 730.0);
    }

    #[test]
    fn a_going_rate_is_what_ran_since_the_last_resize_as_a_month(
        before in prop::collection::vec(1..6_u32, 6..40), after in prop::collection::vec(1..6_u32, 6..40),
    ) {
        let resized = T0 + i64::try_from(before.len()).expect("few") * 5 * MINUTE;
        let mut records = counted("web", T0, &before);
        records.extend(counted("web", resized, &after));
        records.extend([
            json!({ "services": [service("web", &[(resized, "web:2"), (T0 - HOUR, "web:1")])] }),
            definition("web:1", 4096, 8192),
            definition("web:2", 1024, 2048),
        ]);
        let analysis = analysed(&[&records], None, &BOOK).expect("it ran");
        let hours = |tasks: &[u32]| tasks.iter().map(|tasks| f64::from(*tasks)).sum::<f64>() / 12.0;
        let web = of(&analysis, "web");
        let measured = web.measured_cost.clone().expect("priced");
        let usd = hours(&before) * on_demand(4.0, 8.0) + hours(&after) * on_demand(1.0, 2.0);
        prop_assert!(is_near(measured.usd, usd), "{} is not {}", measured.usd.as_f64(), usd);
        let rate = web.going_rate.clone().expect("priced");
        let month = hours(&after) * on_demand(1.0, 2.0) / (after.len() as f64 / 12.0) * 730.0;
        prop_assert!(is_near(rate.usd, month), "{} is not {}", rate.usd.as_f64(), month);
        prop_assert!(is_ordered(&measured) && is_ordered(&rate));
    }
}

// ------------------------------------------------------------------------------------------------------ evidence

/// Runs of one family as (minute of its start, seconds that it ran), and which of them loses its STOPPED event.
fn any_jobs() -> impl Strategy<Value = (Vec<(i64, i64)>, usize)> {
    let runs = prop::collection::vec((0..240_i64, 1..7_200_i64), 2..12);
    runs.prop_flat_map(|runs| {
        let lost = 0..runs.len();
        (Just(runs), lost)
    })
}

/// The event that closes the data: something of the cluster stopped behind all of these.
fn closing() -> Value {
    finished("other", "last", T0 + 7 * HOUR, T0 + 7 * HOUR + MINUTE)
}

fn jobs(runs: &[(i64, i64)], lost: Option<usize>) -> Vec<Value> {
    let record = |(number, (minute, seconds)): (usize, &(i64, i64))| {
        let from = T0 + minute * MINUTE;
        let to = (lost != Some(number)).then_some(from + seconds * SECOND);
        event(&task("etl", &format!("a{number}"), from, to))
    };
    let records = runs.iter().enumerate().map(record);
    records.chain([closing()]).collect()
}

/// What the plain biller takes: each second, at least sixty of them.
fn billed(runs: &[(i64, i64)]) -> f64 {
    let seconds: i64 = runs.iter().map(|(_, seconds)| (*seconds).max(60)).sum();
    seconds as f64 / 3600.0 * on_demand(0.25, 0.5)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_lost_stop_makes_the_amount_inexact_and_its_interval_holds_the_truth((runs, lost) in any_jobs()) {
        let whole = measured(&analysed(&[&jobs(&runs, None)], None, &BOOK).expect("it ran"), "etl");
        prop_assert_eq!(whole.certainty(), Certainty::Exact);
        prop_assert!(is_near(whole.usd, billed(&runs)), "{} is not {}", whole.usd.as_f64(), billed(&runs));
        let analysis = analysed(&[&jobs(&runs, Some(lost))], None, &BOOK).expect("it ran");
        let open = measured(&analysis, "etl");
        prop_assert!(open.certainty() != Certainty::Exact && is_ordered(&open), "{:?}", open);
        prop_assert!(holds(&open, billed(&runs)), "{} is not between {:?} and {:?}", billed(&runs), open.low, open.high);
        let rate = of(&analysis, "etl").going_rate.clone().expect("priced");
        prop_assert!(rate.certainty() != Certainty::Exact && is_ordered(&rate));
    }

    #[test]
    fn more_evidence_never_widens_the_interval((runs, lost) in any_jobs(), seen in 0.0..1.0_f64) {
        let of_files = |files: &[&[Value]]| measured(&analysed(files, None, &BOOK).expect("it ran"), "etl");
        let records = jobs(&runs, Some(lost));
        let open = of_files(&[&records]);
        // The same task, seen running once more.
        let (minute, seconds) = runs[lost];
        #[expect(clippy::cast_possible_truncation, reason = "a part of some hours")]
        let at = T0 + minute * MINUTE + ((seconds * SECOND) as f64 * seen) as i64;
        let later = with(task("etl", &format!("a{lost}"), T0 + minute * MINUTE, None), json!({ "version": 4 }));
        let later = with(event(&later), json!({ "time": crate::support::stamp(at) }));
        let narrower = of_files(&[&records, &[later]]);
        prop_assert!(is_within(&narrower, &open), "{:?} is not within {:?}", (narrower.low, narrower.high), (open.low, open.high));
        // And at last its end.
        let from = T0 + minute * MINUTE;
        let end = finished("etl", &format!("a{lost}"), from, from + seconds * SECOND);
        let exact = of_files(&[&records, &[end]]);
        prop_assert_eq!(exact.certainty(), Certainty::Exact);
        prop_assert!(is_within(&exact, &open), "{:?} is not within {:?}", exact.usd, (open.low, open.high));
    }

    #[test]
    fn a_definition_narrows_what_sighted_runs_cost(minutes in prop::collection::vec(2..30_i64, 1..6), is_arm in any::<bool>()) {
        let mut records = Vec::new();
        for (number, minutes) in minutes.iter().enumerate() {
            let from = T0 + i64::try_from(number).expect("few") * 2 * HOUR;
            records.extend((1..=*minutes).map(|minute| sighting("etl", &format!("a{number}"), from, from + minute * MINUTE)));
        }
        records.extend([sighting("other", "z", T0 + 11 * HOUR, T0 + 12 * HOUR)]);
        // The first minute of the first run lies before its first record.
        let window = Some((T0, T0 + 12 * HOUR));
        let unknown = measured(&analysed(&[&records], window, &BOOK).expect("it ran"), "etl");
        let architecture = if is_arm { "ARM64" } else { "X86_64" };
        let told = with(definition("etl:1", 256, 512), json!({ "taskDefinition": { "runtimePlatform": { "cpuArchitecture": architecture } } }));
        let known = measured(&analysed(&[&records, &[told]], window, &BOOK).expect("it ran"), "etl");
        prop_assert!(is_within(&known, &unknown), "{:?} is not within {:?}", (known.low, known.high), (unknown.low, unknown.high));
        prop_assert!(known.certainty() != Certainty::Exact && is_ordered(&known) && is_ordered(&unknown));
        // Each ended within a minute of its last record, on demand or on Spot.
        let architecture = if is_arm { Architecture::Arm64 } else { Architecture::X86_64 };
        let seconds = |more: i64| minutes.iter().map(|minutes| minutes * 60 + more).sum::<i64>() as f64 / 3600.0;
        let price = |option| hourly(0.25, 0.5, architecture, option);
        prop_assert!(known.low.as_f64() >= seconds(0) * price(PurchaseOption::Spot) - 1e-9);
        prop_assert!(known.high.is_some_and(|high| high.as_f64() <= seconds(60) * price(PurchaseOption::OnDemand) + 1e-9));
    }

    #[test]
    fn the_order_in_which_sources_come_changes_nothing((runs, lost) in any_jobs(), tasks in prop::collection::vec(1..4_u32, 12..40)) {
        let events = jobs(&runs, Some(lost));
        let from = T0 + runs[lost].0 * MINUTE;
        let seen: Vec<Value> = (1..4).map(|minute| sighting("etl", &format!("a{lost}"), from, from + minute * MINUTE)).collect();
        let counts = counted("web", T0, &tasks);
        let configured = [json!({ "services": [service("web", &[(T0 - HOUR, "web:1")])] }), definition("web:1", 256, 512)];
        let files: [&[Value]; 4] = [&events, &seen, &counts, &configured];
        let amounts = |order: [usize; 4]| {
            let analysis = analysed(&order.map(|i| files[i]), None, &BOOK).expect("it ran");
            let of = |workload: &Assessed| {
                let amount = |amount: &Result<Amount, _>| format!("{:?}", amount.as_ref().ok());
                (workload.demand.workload.clone(), amount(&workload.measured_cost), amount(&workload.going_rate), workload.advice.finding)
            };
            analysis.workloads.iter().map(of).collect::<Vec<_>>()
        };
        let first = amounts([0, 1, 2, 3]);
        for order in [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]] {
            prop_assert_eq!(&amounts(order), &first);
        }
    }
}

// -------------------------------------------------------------------------------------------------------- prices

/// The sample of the demo, imported once.
static SAMPLE: LazyLock<World> = LazyLock::new(|| {
    let world = World::new();
    let sample = concat!(env!("CARGO_MANIFEST_DIR"), "/data/sample");
    world.import(&[sample]).exits(0);
    world
});

type Findings = BTreeMap<String, (Finding, Vec<ReasonCode>, Option<String>)>;

/// What is said of each workload, and the size that it needs.
fn findings(book: &PriceBook) -> Findings {
    let dataset = Dataset::open(&SAMPLE.path("dataset").display().to_string()).expect("a dataset");
    let scan = Scan::new(&dataset).expect("readable");
    let reduced = demand::reduce(&scan, None, None).expect("reduced");
    let analysis = analysis::analyse(reduced, book, &Policy::default(), |_| true);
    let of = |workload: Assessed| {
        let key = &workload.demand.workload;
        let codes = workload.advice.codes.iter().copied();
        let codes = codes
            .filter(|code| *code != ReasonCode::NotPriced)
            .collect();
        let size = workload
            .resized
            .as_ref()
            .and_then(|resized| resized.size.as_ref());
        let said = (
            workload.advice.finding,
            codes,
            size.map(|size| size.name.clone()),
        );
        (format!("{:?} {}", key.kind, key.name), said)
    };
    analysis.workloads.into_iter().map(of).collect()
}

/// The rows of a table without those that `is_removed` tells by what they price.
fn without(table: &str, columns: usize, is_removed: &dyn Fn(u64) -> bool) -> String {
    let mut kept = String::new();
    for (number, line) in table.lines().enumerate() {
        let what: Vec<&str> = line.split(',').take(columns).collect();
        // Fowler–Noll–Vo: the parts of one price go together.
        let hash = what
            .join(",")
            .bytes()
            .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
                (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
            });
        if number == 0 || !is_removed(hash) {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

#[test]
fn prices_removed_from_the_book_change_no_finding() {
    let all = findings(&BOOK);
    assert!(all.len() > 20);
    for (name, share) in [("a third", 3_u64), ("a half", 2), ("all", 1)] {
        for salt in 0..2_u64 {
            let is_removed =
                |hash: u64| (hash ^ salt.wrapping_mul(0x9e37_79b9)).is_multiple_of(share);
            let embedded = Tables::EMBEDDED;
            let (fargate, codebuild, ec2) = (
                without(embedded.fargate, 4, &is_removed),
                without(embedded.codebuild, 4, &is_removed),
                without(embedded.ec2, 2, &is_removed),
            );
            let book = PriceBook::from_tables(&Tables {
                fargate: &fargate,
                codebuild: &codebuild,
                ec2: &ec2,
                ..embedded
            });
            assert_eq!(findings(&book.expect("a book")), all, "{name} removed");
        }
    }
}
