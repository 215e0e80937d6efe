//! Clusters on EC2 instances: what the instances cost, and who pays for them.

use serde_json::Value;

use super::site::Site;
use crate::fake::{Scale, World};
use crate::support::parsed;

/// One account, one region, of whose clusters one runs on EC2.
fn report() -> Value {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        clusters: 2,
        days: 9,
        ..Scale::SMALL
    };
    let site = Site::of(World::seeded(50, scale));
    site.collect(&["--days", "8"]).exits(0);
    let args = ["report", "--dataset", "dataset", "--format", "json"];
    let report = site.plimsoll(&args).output().expect("the binary runs");
    parsed(&String::from_utf8_lossy(&report.stdout))
}

fn usd(value: &Value) -> f64 {
    value.as_f64().expect("an amount")
}

#[test]
fn tasks_on_instances_share_what_the_instances_cost() {
    let report = report();
    let clusters = report["clusters"].as_array().expect("a list");
    assert_eq!(clusters.len(), 1, "{clusters:?}");
    let cluster = &clusters[0];
    assert_eq!(cluster["cluster"], "batch");
    // m6i.large $0.096 and m7g.xlarge $0.1632 an hour, each with 30 GiB of gp3 at $0.08 a month. Source: AWS EC2 and
    // EBS pricing pages, us-east-1, read 2026-11.
    let month = 730.0 * (0.096 + 0.1632) + 2.0 * 30.0 * 0.08;
    assert!((usd(&cluster["going_rate"]["usd"]) - month).abs() < 1e-6);
    let tenants = cluster["tenants"].as_array().expect("a list");
    assert!(tenants.len() >= 2, "{tenants:?}");
    let shares: f64 = tenants.iter().map(|tenant| usd(&tenant["share_usd"])).sum();
    assert!((shares - month).abs() < 1e-6, "{shares} of {month}");
    for workload in report["workloads"].as_array().expect("a list") {
        if workload["cluster"] != "batch" {
            continue;
        }
        let tenant = tenants
            .iter()
            .find(|tenant| tenant["name"] == workload["name"] && tenant["kind"] == workload["kind"])
            .expect("everything there is a tenant");
        let rate = &workload["current"]["going_rate"];
        assert_eq!(rate["usd"], tenant["share_usd"]);
        assert_eq!(rate["certainty"], "estimated");
        // Room on an instance is no money: nothing is saved before an instance goes.
        assert!(workload["monthly_savings_usd"].is_null(), "{workload}");
    }
}
