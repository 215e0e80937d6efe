//! Clusters on EC2 instances: what the instances cost, and who pays for them.

use serde_json::Value;

use super::site::Site;
use crate::fake::world::{Cluster, Instance};
use crate::fake::{Scale, World};
use crate::support::parsed;

/// One account, one region, of whose clusters one runs on EC2.
fn world() -> World {
    let scale = Scale {
        accounts: 1,
        regions: 1,
        clusters: 2,
        days: 9,
        ..Scale::SMALL
    };
    World::seeded(50, scale)
}

/// The cluster on EC2.
fn on_ec2(world: &mut World) -> &mut Cluster {
    let clusters = &mut world.accounts[0].regions[0].clusters;
    let mut clusters = clusters.iter_mut();
    let found = clusters.find(|cluster| !cluster.instances.is_empty());
    found.expect("a cluster on instances")
}

fn collected(world: World) -> Site {
    let site = Site::of(world);
    site.collect(&["--days", "8"]).exits(0);
    site
}

fn said(site: &Site, format: &str, more: &[&str]) -> String {
    let args = ["report", "--dataset", "dataset", "--format", format];
    let args = [args.as_slice(), more].concat();
    let report = site.plimsoll(&args).output().expect("the binary runs");
    String::from_utf8_lossy(&report.stdout).into_owned()
}

fn report() -> Value {
    parsed(&said(&collected(world()), "json", &[]))
}

/// Twelve machines of two vCPU and 7,720 MiB instead of the two that are there, no workload but the first service.
fn twelve_for_one_service() -> World {
    let mut world = world();
    let cluster = on_ec2(&mut world);
    let like = cluster.instances[0].clone();
    cluster.instances = (0..12)
        .map(|no| Instance {
            id: format!("{no:032x}"),
            ec2_id: format!("i-{no:017x}"),
            zone: if no % 2 == 0 {
                "us-east-1a"
            } else {
                "us-east-1b"
            }
            .to_owned(),
            ..like.clone()
        })
        .collect();
    cluster.services.truncate(1);
    cluster.jobs.clear();
    world
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

#[test]
fn a_cluster_of_two_architectures_gets_no_finding() {
    let report = report();
    let cluster = &report["clusters"][0];
    assert_eq!(cluster["finding"], "NotEnoughData");
    assert_eq!(cluster["could_be"], Value::Array(Vec::new()));
    assert!(cluster["monthly_savings_usd"].is_null());
    let reasons = cluster["reasons"].to_string();
    assert!(reasons.contains("two architectures"), "{reasons}");
}

#[test]
fn an_over_reserved_cluster_is_told_what_it_could_do_without() {
    let mut world = twelve_for_one_service();
    let service = &on_ec2(&mut world).services[0];
    let (name, tasks) = (service.name.clone(), service.base.max(service.peak));
    let site = collected(world);
    let report = parsed(&said(&site, "json", &[]));
    let cluster = &report["clusters"][0];
    assert_eq!(cluster["finding"], "Overprovisioned", "{cluster:#}");
    let way = &cluster["could_be"][0];
    assert_eq!(
        (&way["change"], &way["is_advised"]),
        (&"fewer_instances".into(), &true.into())
    );
    // As many of a task's size as fit a machine by CPU and by memory; no fewer machines than Availability Zones.
    let workloads = report["workloads"].as_array().expect("a list");
    let tenant = workloads
        .iter()
        .find(|of| of["cluster"] == "batch" && of["name"] == *name);
    let of_task = &tenant.expect("the service")["current"]["size"];
    let each = (2.0 / usd(&of_task["vcpu"]))
        .min(7_720.0 / 1024.0 / usd(&of_task["memory_gib"]))
        .floor();
    let need = (f64::from(tasks) / each).ceil().max(2.0);
    let left = usd(&way["instances"][0]["count"]);
    // What was counted over five minutes may be more than what ran at once, never less.
    assert!(
        need <= left && left <= need + 2.0,
        "{left} for {tasks} tasks, {each} on each"
    );
    // m6i.large $0.096 an hour and 30 GiB of gp3 at $0.08. Source: AWS EC2 and EBS pricing pages, us-east-1, read 2026-11.
    let month = 730.0 * 0.096 + 30.0 * 0.08;
    let saved = usd(&cluster["monthly_savings_usd"]);
    assert!((saved - (12.0 - left) * month).abs() < 1e-6, "{saved}");
    // It is no saving of a workload, and in no sum.
    assert_eq!(
        report["totals"]["monthly_savings_usd"],
        sum_of_savings(workloads)
    );
    for way in cluster["could_be"].as_array().expect("a list") {
        assert_eq!(
            way["change"] == "arm64",
            !way["condition"].is_null(),
            "{way:#}"
        );
        let left = usd(&way["going_rate"]["usd"]);
        assert!((left + usd(&way["monthly_savings"]["usd"]) - 12.0 * month).abs() < 1e-6);
    }
    for format in ["table", "markdown", "html"] {
        let shown = said(&site, format, &[]);
        assert!(shown.contains("What EC2 clusters could be"), "{shown}");
        assert!(
            shown.contains("Beside these savings, 1 of 1 EC2 cluster"),
            "{shown}"
        );
    }
}

fn sum_of_savings(workloads: &[Value]) -> Value {
    let all = workloads.iter();
    let sum: f64 = all
        .filter_map(|of| of["monthly_savings_usd"].as_f64())
        .sum();
    sum.into()
}

#[test]
fn whoever_is_left_out_of_a_report_still_counts_for_its_cluster() {
    let mut world = twelve_for_one_service();
    let other = {
        let mut service = on_ec2(&mut world).services[0].clone();
        service.name = "beside".to_owned();
        service
    };
    on_ec2(&mut world).services.push(other);
    let site = collected(world);
    let whole = parsed(&said(&site, "json", &[]));
    let part = parsed(&said(&site, "json", &["--where", "name=beside"]));
    assert_eq!(part["workloads"].as_array().map(Vec::len), Some(1));
    assert_eq!(part["clusters"][0], whole["clusters"][0]);
    let elsewhere = parsed(&said(&site, "json", &["--where", "cluster!=batch"]));
    assert_eq!(elsewhere["clusters"], Value::Array(Vec::new()));
}

#[test]
fn days_that_are_too_few_withhold_the_finding() {
    let site = Site::of(twelve_for_one_service());
    site.collect(&["--days", "3"]).exits(0);
    let report = parsed(&said(&site, "json", &[]));
    let cluster = &report["clusters"][0];
    assert_eq!(cluster["finding"], "NotEnoughData");
    let reasons = cluster["reasons"].to_string();
    assert!(
        reasons.contains("of the 7 days that are needed"),
        "{reasons}"
    );
    assert!(cluster["monthly_savings_usd"].is_null());
}
