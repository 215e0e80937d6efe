//! What builds cost on another compute type: minutes of each build × rate, at both ends of what its run time can be.

use serde_json::{Value, json};

use crate::support::{DAY, HOUR, MINUTE, SECOND, T0, World, build, with, workload};

/// Builds of project `ci` on three hours of each of these days.
struct Builds {
    days: std::ops::Range<i64>,
    compute_type: &'static str,
    seconds: i64,
    vcpu: f64,
}

impl Builds {
    fn records(&self) -> Vec<Value> {
        let hours = self
            .days
            .clone()
            .flat_map(|day| [9, 12, 15].map(|hour| (day, hour)));
        hours.flat_map(|(day, hour)| self.one(day, hour)).collect()
    }

    fn one(&self, day: i64, hour: i64) -> Vec<Value> {
        let (id, from) = (format!("b{day}-{hour}"), T0 + day * DAY + hour * HOUR);
        let to = from + self.seconds * SECOND;
        let environment = json!({
            "type": "LINUX_CONTAINER", "computeType": self.compute_type, "privilegedMode": false,
            "image": "aws/codebuild/standard:7.0",
        });
        let record = with(
            build("ci", &id, from, to),
            json!({ "environment": environment }),
        );
        let sample = |minute: i64, metric: &str, unit: &str, value: f64| {
            json!({
                "metric_stream_name": "all", "account_id": "123456789012", "region": "us-east-1",
                "namespace": "AWS/CodeBuild", "metric_name": metric, "timestamp": from + minute * MINUTE, "unit": unit,
                "dimensions": { "BuildId": format!("ci:{id}"), "BuildNumber": "1", "ProjectName": "ci" },
                "value": { "max": value, "min": value, "sum": value, "count": 1.0 },
            })
        };
        let samples = (1..self.seconds / 60).flat_map(|minute| {
            [
                sample(minute, "CPUUtilized", "None", self.vcpu),
                sample(minute, "MemoryUtilized", "Megabytes", 1_000.0),
            ]
        });
        std::iter::once(record).chain(samples).collect()
    }
}

fn report(builds: &[Builds]) -> Value {
    let records: Vec<Value> = builds.iter().flat_map(Builds::records).collect();
    World::with(&records).json()
}

fn usd(amount: &Value) -> f64 {
    amount
        .as_f64()
        .unwrap_or_else(|| panic!("{amount} is no amount"))
}

fn is_near(found: f64, expected: f64) -> bool {
    (found - expected).abs() < 1e-6 * (1.0 + expected.abs())
}

#[test]
fn a_smaller_compute_type_costs_between_its_cpu_seconds_and_the_same_time() {
    // 595 s at half a vCPU of 8: ten minutes at $0.02. On 2 vCPU 595 s to 595 + 297.5 × (1/2 - 1/8) = 706.6 s: ten to twelve
    // minutes at $0.005. AWS CodeBuild pricing page, US East (N. Virginia).
    let report = report(&[Builds {
        days: 0..14,
        compute_type: "BUILD_GENERAL1_LARGE",
        seconds: 595,
        vcpu: 0.5,
    }]);
    let ci = workload(&report, "ci");
    let (today, there) = (usd(&ci["current"]["going_rate"]["usd"]), &ci["recommended"]);
    assert_eq!(there["size"]["name"], "BUILD_GENERAL1_SMALL", "{ci:#}");
    let rate = &there["going_rate"];
    assert_eq!(
        (
            &ci["current"]["going_rate"]["certainty"],
            &rate["certainty"]
        ),
        (&json!("exact"), &json!("between"))
    );
    assert!(
        is_near(usd(&rate["usd"]), today * 10.0 * 0.005 / (10.0 * 0.02)),
        "{rate:#}"
    );
    assert!(is_near(usd(&rate["lower_usd"]), usd(&rate["usd"])));
    assert!(
        is_near(
            usd(&rate["upper_usd"]),
            today * 12.0 * 0.005 / (10.0 * 0.02)
        ),
        "{rate:#}"
    );
    assert_eq!(ci["savings_certainty"], "between");
    let said = "on 2 instead of 8 vCPU a run takes 100 to 119 % of its time, by its CPU-seconds";
    let reasons = there["reasons"].as_array().expect("a list");
    assert!(reasons.contains(&json!(said)), "{reasons:?}");
}

#[test]
fn a_compute_type_on_which_its_own_builds_took_too_long_is_not_advised() {
    // On 2 vCPU 40 minutes at $0.005, on 8 vCPU 8 at $0.02: $0.20 against $0.16, whatever its CPU-seconds would allow.
    let on = |days, compute_type, minutes: i64| Builds {
        days,
        compute_type,
        seconds: minutes * 60 - 5,
        vcpu: 1.0,
    };
    let report = report(&[
        on(0..6, "BUILD_GENERAL1_SMALL", 40),
        on(6..15, "BUILD_GENERAL1_LARGE", 8),
    ]);
    let ci = workload(&report, "ci");
    assert_eq!(ci["current"]["size"]["name"], "BUILD_GENERAL1_LARGE");
    assert_eq!(
        (&ci["finding"], &ci["recommended"]),
        (&json!("Optimized"), &Value::Null),
        "{ci:#}"
    );
}

#[test]
fn a_dearer_compute_type_is_advised_where_its_own_builds_were_that_much_quicker() {
    // On 8 vCPU 5 minutes at $0.02, on 2 vCPU 30 at $0.005: $0.10 instead of $0.15.
    let on = |days, compute_type, minutes: i64, vcpu| Builds {
        days,
        compute_type,
        seconds: minutes * 60 - 5,
        vcpu,
    };
    let report = report(&[
        on(0..6, "BUILD_GENERAL1_LARGE", 5, 6.5),
        on(6..15, "BUILD_GENERAL1_SMALL", 30, 2.0),
    ]);
    let ci = workload(&report, "ci");
    let today = usd(&ci["current"]["going_rate"]["usd"]);
    assert_eq!(
        ci["recommended"]["size"]["name"], "BUILD_GENERAL1_LARGE",
        "{ci:#}"
    );
    assert!(
        is_near(usd(&ci["monthly_savings_usd"]), today / 3.0),
        "{ci:#}"
    );
    let reasons = ci["recommended"]["reasons"].to_string();
    assert!(
        reasons.contains("by the medians of 27 and 18 of its own runs (95 % sure)"),
        "{reasons}"
    );
}
