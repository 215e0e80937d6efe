//! EC2 instances of clusters, as they were last seen.

use std::collections::BTreeMap;

use polars::prelude::{DataFrame, PolarsResult};

use super::columns::{integers, texts};

/// Instances of a cluster that were seen within this long before its last snapshot are of that snapshot.
const SNAPSHOT_MS: i64 = 300_000;

/// One EC2 instance of a cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterInstance {
    /// EC2 instance id.
    pub instance_id: String,
    /// EC2 instance type, where the agent tells it.
    pub instance_type: Option<String>,
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

/// The instances that each cluster had when it was last seen, by id.
pub type ClusterInstances = BTreeMap<ClusterKey, Vec<ClusterInstance>>;

/// Of `frame`, the `instances` table with `account` and `region`.
pub(super) fn last_seen(frame: &DataFrame) -> PolarsResult<ClusterInstances> {
    let [account, region, cluster, id, kind] = [
        "account",
        "region",
        "cluster",
        "instance_id",
        "instance_type",
    ]
    .map(|name| texts(frame, name));
    let [cpu, memory, seen] =
        ["cpu_units", "memory_mib", "seen_ms"].map(|name| integers(frame, name));
    let (account, region, cluster, id, kind) = (account?, region?, cluster?, id?, kind?);
    let (cpu, memory, seen) = (cpu?, memory?, seen?);
    let mut clusters: BTreeMap<ClusterKey, BTreeMap<String, (i64, ClusterInstance)>> =
        BTreeMap::new();
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
            instance_id: id.clone(),
            instance_type: kind[row].clone(),
            cpu_units: amount(cpu[row]),
            memory_mib: amount(memory[row]),
        };
        let key = ClusterKey {
            account,
            region,
            cluster,
        };
        let instances = clusters.entry(key).or_default();
        let known = instances.entry(id).or_insert((seen_ms, instance.clone()));
        if known.0 < seen_ms {
            *known = (seen_ms, instance);
        }
    }
    let of_last_snapshot = |instances: BTreeMap<String, (i64, ClusterInstance)>| {
        let last = instances.values().map(|(seen_ms, _)| *seen_ms).max();
        let since = last.unwrap_or(0) - SNAPSHOT_MS;
        let instances = instances.into_values();
        instances
            .filter(|(seen_ms, _)| *seen_ms >= since)
            .map(|(_, instance)| instance)
            .collect()
    };
    Ok(clusters
        .into_iter()
        .map(|(key, instances)| (key, of_last_snapshot(instances)))
        .collect())
}

#[cfg(test)]
mod tests {
    use polars::prelude::df;

    use super::*;

    #[test]
    fn only_what_the_last_snapshot_shows_is_there() {
        let frame = df!(
            "account" => ["1", "1", "1", "1"],
            "region" => ["r", "r", "r", "r"],
            "cluster" => ["c", "c", "c", "d"],
            "instance_id" => ["gone", "stays", "stays", "other"],
            "instance_type" => [Some("m5.large"), None, Some("m5.large"), None],
            "cpu_units" => [2048_i64, 2048, 2048, 1024],
            "memory_mib" => [7820_i64, 7820, 7820, 900],
            "seen_ms" => [0_i64, 0, 1_000_000, 5],
        )
        .unwrap();
        let seen = last_seen(&frame).unwrap();
        let ids: Vec<Vec<&str>> = seen
            .values()
            .map(|instances| instances.iter().map(|of| of.instance_id.as_str()).collect())
            .collect();
        assert_eq!(ids, [["stays"], ["other"]]);
        let stays = &seen.values().next().unwrap()[0];
        assert_eq!(stays.instance_type.as_deref(), Some("m5.large"));
    }
}
