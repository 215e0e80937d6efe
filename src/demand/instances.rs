//! EC2 instances of clusters, snapshot by snapshot.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};

use super::columns::{integers, texts};

/// One EC2 instance of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterInstance {
    /// EC2 instance id.
    pub instance_id: String,
    /// EC2 instance type, where the agent tells it.
    pub instance_type: Option<String>,
    /// Availability Zone, where the agent tells it.
    pub availability_zone: Option<String>,
    /// ECS capacity provider; `None` for an instance that belongs to none.
    pub capacity_provider: Option<String>,
    /// CPU units registered for tasks.
    pub cpu_units: Option<u32>,
    /// Memory registered for tasks, MiB.
    pub memory_mib: Option<u32>,
}

/// A cluster with instances of its own: account, region, name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterKey {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// ECS cluster.
    pub cluster: String,
}

/// The instances of a cluster at the times when somebody looked, UTC epoch milliseconds.
pub type Snapshots = BTreeMap<i64, Vec<ClusterInstance>>;

/// The snapshots of every cluster that showed instances.
pub type ClusterInstances = BTreeMap<ClusterKey, Snapshots>;

/// Of `frame`, the `instances` table with `account` and `region`.
pub(super) fn snapshots(frame: &DataFrame) -> PolarsResult<ClusterInstances> {
    let [account, region, cluster, id, kind] = [
        "account",
        "region",
        "cluster",
        "instance_id",
        "instance_type",
    ]
    .map(|name| texts(frame, name));
    let [zone, provider] =
        ["availability_zone", "capacity_provider"].map(|name| texts(frame, name));
    let [cpu, memory, seen] =
        ["cpu_units", "memory_mib", "seen_ms"].map(|name| integers(frame, name));
    let (account, region, cluster, id, kind) = (account?, region?, cluster?, id?, kind?);
    let (zone, provider) = (zone?, provider?);
    let (cpu, memory, seen) = (cpu?, memory?, seen?);
    let mut clusters = ClusterInstances::new();
    for row in 0..frame.height() {
        let (Some(account), Some(region), Some(cluster), Some(id), Some(seen_ms)) = (
            account[row].clone(),
            region[row].clone(),
            cluster[row].clone(),
            id[row].clone(),
            seen[row],
        ) else {
            continue;
        };
        let amount = |of: Option<i64>| of.and_then(|of| u32::try_from(of).ok());
        let instance = ClusterInstance {
            instance_id: id,
            instance_type: kind[row].clone(),
            availability_zone: zone[row].clone(),
            capacity_provider: provider[row].clone(),
            cpu_units: amount(cpu[row]),
            memory_mib: amount(memory[row]),
        };
        let key = ClusterKey {
            account,
            region,
            cluster,
        };
        let seen = clusters.entry(key).or_default();
        seen.entry(seen_ms).or_default().push(instance);
    }
    for instances in clusters.values_mut().flat_map(BTreeMap::values_mut) {
        // A snapshot that was committed twice is one.
        instances.sort();
        instances.dedup_by(|a, b| a.instance_id == b.instance_id);
    }
    Ok(clusters)
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    #[test]
    fn every_snapshot_shows_its_instances_once() {
        let frame = df!(
            "account" => ["1", "1", "1", "1", "1"],
            "region" => ["r", "r", "r", "r", "r"],
            "cluster" => ["c", "c", "c", "c", "d"],
            "instance_id" => ["gone", "stays", "stays", "stays", "other"],
            "instance_type" => [Some("m5.large"), None, Some("m5.large"), Some("m5.large"), None],
            "availability_zone" => [None::<&str>; 5],
            "capacity_provider" => [None::<&str>; 5],
            "cpu_units" => [2048_i64, 2048, 2048, 2048, 1024],
            "memory_mib" => [7820_i64, 7820, 7820, 7820, 900],
            "seen_ms" => [0_i64, 0, 1_000_000, 1_000_000, 5],
        )
        .unwrap();
        let seen = snapshots(&frame).unwrap();
        let ids: Vec<Vec<Vec<&str>>> = seen
            .values()
            .map(|snapshots| {
                snapshots
                    .values()
                    .map(|of| of.iter().map(|of| of.instance_id.as_str()).collect())
                    .collect()
            })
            .collect();
        assert_eq!(
            ids,
            [
                vec![vec!["gone", "stays"], vec!["stays"]],
                vec![vec!["other"]]
            ]
        );
    }
}
