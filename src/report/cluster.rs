//! Clusters on EC2 instances → the result's.

use std::collections::BTreeMap;

use super::result::{
    AmountResult, ClusterResult, ClusterScaledResult, ClusterTenantResult, ClusterWayResult,
    InstancesResult,
};
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;
use crate::recommend::clusters::{Cluster, Scaled, Tenant, Way};

/// A cluster with what it could be.
pub(super) fn of(cluster: &Cluster) -> ClusterResult {
    let instances = cluster.instances.iter();
    let could_be = &cluster.could_be;
    let saves = could_be.saves();
    let ways = could_be.ways.iter().enumerate();
    ClusterResult {
        account: cluster.key.account.clone(),
        region: cluster.key.region.clone(),
        cluster: cluster.key.cluster.clone(),
        instances: instances
            .map(|(instance_type, &count)| InstancesResult {
                instance_type: instance_type.clone(),
                count,
            })
            .collect(),
        going_rate: cluster.going_rate.as_ref().ok().map(AmountResult::from),
        not_priced: cluster.going_rate.as_ref().err().map(NotPriced::to_string),
        reserved_cpu_percent: cluster.reserved.map(|reserved| percent(reserved.cpu)),
        reserved_memory_percent: cluster.reserved.map(|reserved| percent(reserved.memory)),
        tenants: cluster.tenants.iter().map(tenant).collect(),
        finding: could_be.finding,
        reasons: could_be.reasons.clone(),
        monthly_savings_usd: saves.as_ref().map(|saves| saves.usd),
        savings_certainty: saves.as_ref().map(Amount::certainty),
        could_be: ways
            .map(|(at, way)| of_way(way, could_be.advised == Some(at)))
            .collect(),
    }
}

fn percent(share: f64) -> f64 {
    (share * 1000.0).round() / 10.0
}

fn tenant(tenant: &Tenant) -> ClusterTenantResult {
    ClusterTenantResult {
        kind: tenant.workload.kind,
        name: tenant.workload.name.clone(),
        share_usd: tenant.share.as_ref().ok().map(|share| share.usd),
        not_priced: tenant.share.as_ref().err().map(NotPriced::to_string),
    }
}

fn of_way(way: &Way, is_advised: bool) -> ClusterWayResult {
    ClusterWayResult {
        change: way.change.as_str(),
        sizes: way.sizes.as_str(),
        is_advised,
        condition: way.condition.clone(),
        effort: way.effort,
        instances: of_instances(&way.instances),
        going_rate: AmountResult::from(&way.cost),
        monthly_savings: AmountResult::from(&way.saves),
        binds: way.binds(),
        peak_cpu_percent: percent(way.held.cpu),
        peak_memory_percent: percent(way.held.memory),
        scaled: way.scaled.as_ref().map(of_scaled),
    }
}

fn of_instances(instances: &BTreeMap<String, u32>) -> Vec<InstancesResult> {
    let of_type = |(name, &count): (&String, &u32)| InstancesResult {
        instance_type: Some(name.clone()),
        count,
    };
    instances.iter().map(of_type).collect()
}

fn of_scaled(scaled: &Scaled) -> ClusterScaledResult {
    ClusterScaledResult {
        peak_instances: scaled.peak_instances,
        mean_instances: (scaled.mean_instances * 100.0).round() / 100.0,
        modelled_usd: scaled.month,
    }
}
