//! Tags are asked for with what is described anyway, and kept by key.

use std::collections::BTreeMap;

use plimsoll::dataset::Table;
use plimsoll::dataset::scan::Scan;
use polars::prelude::Column;
use serde_json::json;

use super::site::Site;
use crate::support::{HOUR, parsed};

/// The tags of every row of the `workloads` table that has some, by kind; each once.
fn kept(site: &Site) -> BTreeMap<String, Vec<String>> {
    let dataset = site.dataset();
    let scan = Scan::new(&dataset).expect("a dataset");
    let table = scan
        .table(Table::Workloads)
        .expect("rows")
        .expect("a table");
    let text = |name: &str| table.column(name).and_then(Column::str).expect("texts");
    let mut kept: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (kind, tags) in text("kind").iter().zip(text("tags").iter()) {
        if let (Some(kind), Some(tags)) = (kind, tags) {
            kept.entry(kind.to_owned())
                .or_default()
                .push(tags.to_owned());
        }
    }
    for tags in kept.values_mut() {
        tags.sort();
        tags.dedup();
    }
    kept
}

#[test]
fn services_definitions_and_projects_are_tagged() {
    let site = Site::small();
    site.collect(&["--days", "1"]).exits(0);
    let kept = kept(&site);
    for kind in ["service", "task", "build"] {
        assert!(
            kept[kind]
                .iter()
                .all(|tags| tags.starts_with("{\"Team\":") && !tags.contains(',')),
            "{kept:?}"
        );
    }
    site.holds_no_secret();
    let report = site.plimsoll(&[
        "report",
        "--dataset",
        "dataset",
        "--format",
        "json",
        "--group-by",
        "tag.Team",
    ]);
    let mut report = report;
    let output = report.output().expect("the binary runs");
    let report = parsed(&String::from_utf8_lossy(&output.stdout));
    let workloads = report["workloads"].as_array().expect("a list");
    assert!(!workloads.is_empty());
    for workload in workloads {
        let team = match workload["kind"].as_str() {
            Some("service") => &workload["cluster"],
            // What ran longer ago is not described.
            Some("task") if workload["tags"] == json!({}) => continue,
            Some("task") => &workload["name"],
            _ => &"builders".into(),
        };
        assert_eq!(&workload["tags"]["Team"], team, "{}", workload["name"]);
    }
    let groups = report["groups"]["groups"].as_array().expect("a list");
    assert!(
        groups.iter().any(|group| group["value"] == "builders"),
        "{groups:?}"
    );
}

#[test]
fn a_service_is_asked_again_when_its_tags_are_others() {
    let site = Site::small();
    site.collect(&["--days", "1"]).exits(0);
    let histories = || site.fake.calls_of("ecs:ListServiceDeployments");
    let first = histories();
    assert!(first > 0);
    site.fake.set_now(site.now_ms() + HOUR);
    site.collect(&["--days", "1"]).exits(0);
    assert_eq!(histories(), first, "nothing has changed");
    site.fake.set_now(site.now_ms() + HOUR);
    site.collect(&["--days", "1", "--tags", "*"]).exits(0);
    assert_eq!(histories(), 2 * first, "more tags are wanted");
    assert!(
        kept(&site)["service"]
            .iter()
            .any(|tags| tags.contains("note"))
    );
}
