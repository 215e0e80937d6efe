//! The verb `pack`: what a fleet plan says of the sample adds up, and is what was asked for.

use serde_json::Value;

use crate::support::{parsed, plimsoll};

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
