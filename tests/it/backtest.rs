//! `backtest` on what was imported.

use std::path::Path;

use crate::support::{HOUR, T0, World, finished, parsed};

#[test]
fn past_weeks_of_the_sample_are_replayed_in_every_form() {
    let sample = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/sample");
    let world = World::new();
    world.import(&[sample.to_str().unwrap()]).exits(0);
    let asked = |format| {
        let args = ["backtest", "--dataset", "dataset", "--training-days", "7"];
        world.run(&[&args[..], &["--risk", "low,high", "--format", format]].concat())
    };
    asked("table").exits(0).says(&[
        "workload-weeks",
        "plimsoll, risk 1%",
        "KRR simple",
        "known in advance",
        "Stated and measured risk",
        "5% stated: CPU",
    ]);
    let svg = asked("svg").exits(0).stdout;
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    let result = parsed(&asked("json").exits(0).stdout);
    assert_eq!(result["schema"], "plimsoll/backtest/1");
    let strategies = result["strategies"].as_array().unwrap();
    let named = |name: &str| {
        let mut own = strategies.iter().filter(|line| line["strategy"] == name);
        own.next().unwrap_or_else(|| panic!("{name} is not listed"))
    };
    let saved =
        |name: &str, resource: &str| named(name)[resource]["saved_percent"].as_f64().unwrap();
    for resource in ["cpu", "memory"] {
        assert!(saved("plimsoll, risk 5%", resource) >= saved("plimsoll, risk 1%", resource));
        assert!(saved("current size", resource).abs() < 1e-9);
    }
    assert_eq!(named("known in advance")["memory"]["breached_weeks"], 0);
    assert_eq!(named("plimsoll, risk 5%")["stated_risk_percent"], 5.0);
}

#[test]
fn nothing_to_replay_says_what_is_missing() {
    let world = World::with(&[finished("etl", "a1", T0, T0 + HOUR)]);
    world
        .run(&["backtest", "--dataset", "dataset"])
        .exits(6)
        .says(&["14 days and of a week after them", "--training-days"]);
    world
        .run(&["backtest", "--dataset", "dataset", "--risk", "0.1"])
        .exits(2)
        .says(&["low, medium, high or a percentage"]);
}
