//! One result in many forms: exports, choices of what is listed, groups, explanations, schemas, and sums that agree.

use std::fs;

use serde_json::Value;

use crate::support::{World, parsed, plimsoll, workload};

fn demo(args: &[&str]) -> Value {
    let all = [&["demo", "--format", "json"], args].concat();
    parsed(&plimsoll(&all).exits(0).stdout)
}

fn usd(value: &Value) -> f64 {
    value["usd"].as_f64().or(value.as_f64()).unwrap_or(0.0)
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

#[track_caller]
fn same(what: &str, one: f64, other: f64) {
    // Every printed amount is rounded to a hundred-millionth.
    assert!((one - other).abs() < 1e-5, "{what}: {one} and {other}");
}

#[test]
fn cost_lines_add_up_to_their_amount_everywhere() {
    let report = demo(&[]);
    let mut held = 0;
    for workload in list(&report["workloads"]) {
        let current = &workload["current"];
        let placed = list(&workload["placements"])
            .iter()
            .map(|placement| &placement["going_rate"]);
        let amounts = [
            &current["measured_cost"],
            &current["going_rate"],
            &workload["recommended"]["going_rate"],
        ];
        for amount in amounts.into_iter().chain(placed) {
            let lines = list(&amount["lines"]);
            if lines.is_empty() {
                continue;
            }
            let sum: f64 = lines.iter().map(usd).sum();
            same(&format!("{} {amount}", workload["name"]), sum, usd(amount));
            for line in lines {
                let number = |key: &str| line[key].as_f64().unwrap_or(f64::NAN);
                assert!(
                    (number("quantity") * number("price_usd") - usd(line)).abs() < 1e-6,
                    "{line}"
                );
            }
            held += 1;
        }
    }
    assert!(held > 100, "{held}");
}

#[test]
fn groups_add_up_to_the_totals_whatever_they_are_by() {
    for by in [
        "account", "region", "cluster", "kind", "platform", "finding",
    ] {
        let report = demo(&["--group-by", by]);
        let (totals, groups) = (&report["totals"], list(&report["groups"]["groups"]));
        assert_eq!(report["groups"]["by"], by);
        let sum = |of: fn(&Value) -> &Value| groups.iter().map(|group| usd(of(group))).sum::<f64>();
        same(
            by,
            sum(|group| &group["measured_cost"]),
            usd(&totals["measured_cost"]),
        );
        same(
            by,
            sum(|group| &group["going_rate"]),
            usd(&totals["going_rate"]),
        );
        same(
            by,
            sum(|group| &group["monthly_savings_usd"]),
            usd(&totals["monthly_savings_usd"]),
        );
        same(
            by,
            sum(|group| &group["workloads"]),
            usd(&totals["workloads"]),
        );
        same(
            by,
            sum(|group| &group["not_priced"]),
            usd(&totals["not_priced"]),
        );
    }
}

#[test]
fn steps_add_up_and_save_no_more_than_there_is() {
    let report = demo(&[]);
    let totals = &report["totals"];
    let steps: f64 = list(&totals["savings_steps"])
        .iter()
        .map(|step| usd(&step["monthly_savings_usd"]))
        .sum();
    same("steps", steps, usd(&totals["monthly_savings_usd"]));
    assert!(steps <= usd(&totals["going_rate"]));
    for workload in list(&report["workloads"]) {
        let steps: f64 = list(&workload["savings_steps"])
            .iter()
            .map(|step| usd(&step["monthly_savings_usd"]))
            .sum();
        same(
            &workload["name"].to_string(),
            steps,
            usd(&workload["monthly_savings_usd"]),
        );
        assert!(steps <= usd(&workload["current"]["going_rate"]) + 1e-6);
    }
}

#[test]
fn shares_of_a_histogram_are_all_of_the_time_and_end_at_the_peak() {
    let report = demo(&[]);
    let mut held = 0;
    for workload in list(&report["workloads"]) {
        for resource in ["cpu", "memory"] {
            let usage = &workload["usage"][resource];
            let buckets = list(&usage["histogram"]);
            if buckets.is_empty() {
                continue;
            }
            let sum: f64 = buckets
                .iter()
                .filter_map(|bucket| bucket["share_percent"].as_f64())
                .sum();
            assert!((sum - 100.0).abs() < 0.01, "{sum}");
            let max = usage["max"].as_f64().expect("a number");
            let days = list(&usage["days"])
                .iter()
                .filter_map(|day| day["max"].as_f64());
            assert!((days.fold(0.0, f64::max) - max).abs() < 1e-6);
            assert!(buckets.last().and_then(|last| last["up_to"].as_f64()) >= Some(max - 1e-6));
            held += 1;
        }
    }
    assert!(held > 20, "{held}");
}

/// Minutes that went into the sample's builds (`data/sample/truth.csv`), and what AWS's list of us-east-1 says of a minute.
const BUILDS: [(&str, f64, f64); 3] = [
    ("app-ci", 1593.0, 0.02),
    ("docker-images", 771.0, 0.01),
    ("unit-tests-arm", 1016.0, 0.0034),
];

#[test]
fn a_condition_narrows_sums_and_not_only_rows() {
    let all = demo(&[]);
    let builds = demo(&["--where", "kind=build"]);
    let others = demo(&["--where", "kind!=build"]);
    // One build of app-ci was never seen to stop: it lies within its timeout of an hour, best at its last sign.
    let expected: f64 = BUILDS.iter().map(|(_, minutes, usd)| minutes * usd).sum();
    let measured = usd(&builds["totals"]["measured_cost"]);
    assert!(
        (measured - expected).abs() <= 0.0334,
        "a minute of each at the most: {measured} for {expected}"
    );
    for (name, minutes, price) in BUILDS {
        let one = demo(&["--where", &format!("kind=build and name={name}")]);
        let measured = usd(&one["totals"]["measured_cost"]);
        assert_eq!(list(&one["workloads"]).len(), 1);
        assert!(
            (measured - minutes * price).abs() <= price + 1e-9,
            "{name}: {measured}"
        );
    }
    assert_eq!(
        (
            &builds["totals"]["workloads"],
            &others["totals"]["workloads"]
        ),
        (&3.into(), &19.into())
    );
    assert_eq!(builds["selection"]["where"], "kind=build");
    for amount in ["measured_cost", "going_rate"] {
        let of = |report: &Value| usd(&report["totals"][amount]);
        same(amount, of(&builds) + of(&others), of(&all));
        assert!(of(&builds) < of(&all), "{amount}");
    }
    // Moves onto a fleet are decided for all together: that never saves less than parts that are decided apart.
    let saved = |report: &Value| usd(&report["totals"]["monthly_savings_usd"]);
    let resized =
        |report: &Value| usd(&report["totals"]["savings_steps"][0]["monthly_savings_usd"]);
    let together = saved(&all);
    let partitions = [
        &["kind=build", "kind!=build"][..],
        &["kind=service", "kind=task", "kind=build"],
        &["cluster=prod", "cluster!=prod"],
        &[
            "name=payments or name=auth or name=image-resizer",
            "name!=payments and name!=auth and name!=image-resizer",
        ],
    ];
    for parts in partitions {
        let parts: Vec<Value> = parts.iter().map(|part| demo(&["--where", part])).collect();
        let apart: f64 = parts.iter().map(saved).sum();
        assert!(together >= apart - 0.005, "{together} for {apart}");
        assert!(parts.iter().all(|part| saved(part) < together));
        same("rightsize", parts.iter().map(resized).sum(), resized(&all));
    }
}

#[test]
fn what_is_listed_first_or_left_out_changes_no_sum() {
    let all = demo(&[]);
    let top = demo(&["--top", "3", "--sort", "cost", "--min-savings", "20"]);
    assert_eq!(top["totals"], all["totals"]);
    let figures = |report: &Value| -> Vec<(f64, f64)> {
        let rows = list(&report["workloads"]).iter();
        rows.map(|row| {
            (
                usd(&row["current"]["going_rate"]),
                usd(&row["monthly_savings_usd"]),
            )
        })
        .collect()
    };
    let mut expected = figures(&all);
    expected.retain(|(_, saved)| *saved >= 20.0);
    expected.sort_by(|one, other| other.0.total_cmp(&one.0));
    expected.truncate(3);
    assert_eq!(figures(&top), expected);
    assert_eq!(expected.len(), 3);
    assert_eq!(top["selection"]["not_listed"], 22 - 3);
}

#[test]
fn what_cannot_be_chosen_or_written_is_refused_with_what_can() {
    plimsoll(&["demo", "--where", "colour=red"])
        .exits(2)
        .says(&["colour", "cluster"]);
    plimsoll(&["demo", "--where", "cluster=none"])
        .exits(6)
        .says(&["cluster=none"]);
    plimsoll(&["demo", "--export", "report.pdf"])
        .exits(2)
        .says(&["report.pdf", ".html", ".xlsx"]);
    plimsoll(&["demo", "--export", "/no/such/folder/a.html"])
        .exits(10)
        .says(&["/no/such/folder"]);
    plimsoll(&["demo", "--top", "0"]).exits(2).says(&["--top"]);
    plimsoll(&["demo", "--min-savings", "much"])
        .exits(2)
        .says(&["--min-savings"]);
}

#[test]
fn a_workload_is_explained_by_any_of_its_names() {
    let shown = |name: &str| plimsoll(&["explain", name, "--demo"]).exits(0).stdout;
    let text = shown("web-frontend");
    assert_eq!(text, shown("prod/web-frontend"));
    assert_eq!(text, shown("123456789012/us-east-1/prod/web-frontend"));
    for word in [
        "prod/web-frontend: ",
        "metric_stream",
        "percentile 99",
        "vCPU-hour",
        "Every placement",
    ] {
        assert!(text.contains(word), "{word}");
    }
    plimsoll(&["explain", "web-fronted", "--demo"])
        .exits(6)
        .says(&["did you mean", "web-frontend"]);
    plimsoll(&["explain", "nobody-is-called-so", "--demo"])
        .exits(6)
        .says(&["no workload is called"]);
    let json = plimsoll(&["explain", "web-frontend", "--demo", "--format", "json"])
        .exits(0)
        .stdout;
    assert_eq!(parsed(&json), *workload(&demo(&[]), "web-frontend"));
    let markdown = plimsoll(&["explain", "web-frontend", "--demo", "--format", "markdown"])
        .exits(0)
        .stdout;
    assert!(markdown.starts_with("### prod/web-frontend") && markdown.len() < 65_536);
}

#[test]
fn a_comparison_is_exported_beside_what_is_printed() {
    let world = World::new();
    let args = [
        "compare",
        "--vcpu",
        "2",
        "--memory",
        "4GiB",
        "--duration",
        "10m",
        "--runs-per-day",
        "20",
        "--region",
        "us-east-1",
        "--export",
        "c.html",
        "--export",
        "c.json",
    ];
    let shown = world.run(&args).exits(0).stdout;
    let page = fs::read_to_string(world.path("c.html")).expect("written");
    assert!(page.contains("Break-even") && page.matches("<svg").count() == 2);
    assert!(
        !page.contains("http:") && !page.contains("https:"),
        "no network"
    );
    let json = parsed(&fs::read_to_string(world.path("c.json")).expect("written"));
    assert!(list(&json["curves"]).len() >= 3);
    assert!(shown.starts_with("Cheapest on demand: "));
    world
        .run(&[&args[..11], &["--export", "c.pdf"]].concat())
        .exits(2)
        .says(&["c.pdf"]);
}

#[test]
fn a_page_refers_to_nothing_outside_of_itself_and_allows_only_its_own_script() {
    let page = plimsoll(&["demo", "--format", "html"]).exits(0).stdout;
    for outside in [
        "http:", "https:", "src=", "@import", "url(", "<link", "<iframe", "style=", " onclick",
    ] {
        assert!(!page.contains(outside), "{outside}");
    }
    let policy = page
        .split_once("Content-Security-Policy content=\"")
        .and_then(|(_, rest)| rest.split_once('"'));
    let policy = policy.expect("a policy").0;
    assert!(
        policy.starts_with("default-src 'none';") && policy.matches("'sha256-").count() == 2,
        "{policy}"
    );
    assert!(!policy.contains("unsafe"));
    assert!(page.len() < 300_000, "{} bytes", page.len());
}
