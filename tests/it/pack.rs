//! The verb `pack`: what a fleet plan says of the sample adds up, and is what was asked for.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use plimsoll::pricing::{Tables, frozen};
use rust_decimal::Decimal;
use serde_json::Value;

use crate::support::{World, parsed, plimsoll};

/// The fleets of the sample, packed in a moment.
fn fleets(more: &[&str]) -> Vec<Value> {
    let args = [
        "pack",
        "--demo",
        "--format",
        "json",
        "--time-budget",
        "200ms",
    ];
    let found = parsed(&plimsoll(&[&args[..], more].concat()).exits(0).stdout);
    assert_eq!(found["version"], 1);
    found["fleets"].as_array().expect("a list").clone()
}

fn usd(value: &Value) -> f64 {
    value.as_f64().expect("an amount")
}

#[test]
fn parts_of_a_fleet_add_up_and_no_cost_is_below_its_floor() {
    let found = fleets(&[]);
    assert!(!found.is_empty());
    for fleet in &found {
        let modelled = usd(&fleet["modelled_usd"]);
        assert!(usd(&fleet["floor_usd"]) <= usd(&fleet["achievable_usd"]));
        assert!(usd(&fleet["achievable_usd"]) <= modelled);
        let tenants = fleet["workloads"].as_array().expect("a list");
        for column in ["cost_usd", "split_cost_usd"] {
            let sum: f64 = tenants.iter().map(|tenant| usd(&tenant[column])).sum();
            assert!((sum - modelled).abs() < 1e-6 * modelled, "{column}: {sum}");
        }
        for resource in ["cpu", "memory"] {
            let used = usd(&fleet["utilization_percent"][resource]);
            let stranded = fleet["stranded_percent"][resource].as_object();
            let stranded: f64 = stranded.expect("causes").values().map(usd).sum();
            assert!((used + stranded - 100.0).abs() < 0.05, "{resource}");
        }
        for change in fleet["changes"].as_array().expect("a list") {
            assert!(usd(&change["modelled_usd"]) < modelled);
        }
    }
}

#[test]
fn only_the_instance_types_asked_for_are_used() {
    for fleet in fleets(&["--instance-types", "m5.*,m7g.*", "--azs", "3"]) {
        for of in fleet["types"].as_array().expect("a list") {
            let name = of["instance_type"].as_str().expect("a name");
            assert!(
                name.starts_with("m5.") || name.starts_with("m7g."),
                "{name}"
            );
        }
    }
    assert!(fleets(&["--instance-types", "zz9.*"]).is_empty());
}

#[test]
fn the_plan_is_told_in_every_form_and_wrong_rules_are_refused() {
    for format in ["table", "markdown", "html"] {
        plimsoll(&[
            "pack",
            "--demo",
            "--time-budget",
            "50ms",
            "--format",
            format,
        ])
        .exits(0)
        .says(&["floor", "as ECS would run it", "Who pays for"]);
    }
    for (flag, value) in [
        ("--target-capacity", "0"),
        ("--azs", "7"),
        ("--network", "carrier-pigeon"),
        ("--time-budget", "10"),
    ] {
        plimsoll(&["pack", "--demo", flag, value])
            .exits(2)
            .says(&[flag]);
    }
}

/// The embedded book with these prices of every instance type, as parts of a hundred of its price on demand.
fn book_with(ways: &[(&str, i64, &str)], is_left_out: impl Fn(&str) -> bool) -> String {
    let mut ec2 = Tables::EMBEDDED.ec2.to_owned();
    for line in Tables::EMBEDDED.ec2.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let price: Decimal = cells[2].parse().expect("a price");
        for (way, percent, quality) in ways.iter().filter(|_| !is_left_out(cells[1])) {
            let price = price * Decimal::new(*percent, 2);
            let _ = writeln!(
                ec2,
                "{},{} {way},{price},2026-11-20,made up,{quality}",
                cells[0], cells[1]
            );
        }
    }
    let tables = Tables {
        ec2: &ec2,
        ..Tables::EMBEDDED
    };
    frozen::text(&tables, "made up")
}

const WAYS: [(&str, i64, &str); 5] = [
    ("spot", 30, "snapshot"),
    ("savings_plan_1yr_no_upfront", 73, "exact"),
    ("savings_plan_3yr_no_upfront", 50, "exact"),
    ("ec2_instance_savings_plan_1yr_no_upfront", 63, "exact"),
    ("ec2_instance_savings_plan_3yr_no_upfront", 43, "consistent"),
];

fn way<'f>(fleet: &'f Value, option: &str) -> &'f Value {
    let ways = fleet["purchase_options"].as_array().expect("a list");
    let mut ways = ways.iter();
    ways.find(|way| way["purchase_option"] == option)
        .expect("every way is told")
}

#[test]
fn a_fleet_bought_otherwise_is_told_beside_the_verdict_and_never_changes_it() {
    let world = World::new();
    world.write("with.book", book_with(&WAYS, |_| false));
    let path = world.path("with.book").display().to_string();
    let (without, with) = (fleets(&[]), fleets(&["--prices", &path]));
    assert_eq!(without.len(), with.len());
    for (without, with) in without.iter().zip(&with) {
        assert_eq!(without["modelled_usd"], with["modelled_usd"]);
        assert_eq!(without["workloads"], with["workloads"]);
        assert_eq!(without["over_time"], with["over_time"]);
        let modelled = usd(&with["modelled_usd"]);
        for (option, percent, quality) in WAYS {
            let told = way(with, option);
            let (least, most) = (usd(&told["cost_usd"]), usd(&told["upper_usd"]));
            assert!(least <= most && most <= modelled + 1e-9, "{told}");
            assert!((modelled - most - usd(&told["monthly_savings_usd"])).abs() < 1e-6);
            assert_eq!(
                (&told["as_of"], &told["quality"]),
                (&"2026-11-20".into(), &quality.into())
            );
            // Nothing is cheaper than all instances at the lower price.
            assert!(least >= modelled * percent as f64 / 100.0 - 1e-6, "{told}");
            if option == "spot" {
                assert!(told["commitments"].as_array().is_some_and(Vec::is_empty));
                assert_eq!(told["interruptions_percent"], 20);
                continue;
            }
            assert_eq!(told["cost_usd"], told["upper_usd"]);
            let committed: f64 = told["commitments"]
                .as_array()
                .expect("a list")
                .iter()
                .map(|commitment| usd(&commitment["usd_per_hour"]))
                .sum();
            if committed > 0.0 {
                let break_even = usd(&told["break_even_utilization_percent"]);
                assert!((break_even - percent as f64).abs() < 0.02, "{told}");
                assert!(
                    usd(&told["utilization_percent"]) >= break_even - 0.02,
                    "{told}"
                );
            }
        }
        let cost = |option: &str| usd(&way(with, option)["cost_usd"]);
        assert!(cost("savings_plan_3yr_no_upfront") <= cost("savings_plan_1yr_no_upfront"));
    }
    plimsoll(&["pack", "--demo", "--time-budget", "50ms", "--prices", &path])
        .exits(0)
        .says(&[
            "Bought otherwise",
            "Compute Savings Plan",
            "Spot prices float",
            "not advice",
        ]);
}

#[test]
fn a_way_without_a_price_for_every_type_of_the_fleet_is_withheld_and_names_them() {
    let world = World::new();
    let every: BTreeSet<String> = fleets(&[])
        .iter()
        .flat_map(|fleet| fleet["types"].as_array().expect("a list").clone())
        .map(|of| of["instance_type"].as_str().expect("a name").to_owned())
        .collect();
    let left_out = every.first().expect("a type").clone();
    world.write("part.book", book_with(&WAYS, |name| name == left_out));
    let path = world.path("part.book").display().to_string();
    let mut withheld = 0;
    for fleet in fleets(&["--prices", &path]) {
        let types = fleet["types"].as_array().expect("a list");
        let has_it = types
            .iter()
            .any(|of| of["instance_type"] == left_out.as_str());
        for told in fleet["purchase_options"].as_array().expect("a list") {
            assert_eq!(told["cost_usd"].is_null(), has_it, "{told}");
            if has_it {
                let reason = told["not_priced"].as_str().expect("a reason");
                assert!(reason.contains(&format!("no EC2 {left_out} ")), "{reason}");
                withheld += 1;
            }
        }
    }
    assert!(withheld > 0);
    for fleet in fleets(&[]) {
        let told = fleet["purchase_options"].as_array().expect("a list");
        assert!(
            told.iter()
                .all(|way| way["cost_usd"].is_null() && way["not_priced"].is_string())
        );
    }
    plimsoll(&["pack", "--demo", "--time-budget", "50ms"])
        .exits(0)
        .says(&[
            "Not priced for instances: Spot and Savings Plans",
            "prices refresh --savings-plans --spot",
        ]);
}
