//! Clusters on EC2 instances as a flat table: one row for each as it is today, and one for each thing that it could be.

use super::flat::{Column, Type, Value, column, maybe, number, text, usd};
use super::result::{ClusterResult, ClusterWayResult, InstancesResult, Report};

/// What a row is made of.
pub(super) struct ClusterRow<'a> {
    cluster: &'a ClusterResult,
    /// `None` for today.
    way: Option<&'a ClusterWayResult>,
}

/// Each cluster as it is, then what it could be.
pub(super) fn cluster_rows(report: &Report) -> impl Iterator<Item = ClusterRow<'_>> {
    report.clusters.iter().flat_map(|cluster| {
        let ways = cluster.could_be.iter().map(Some);
        let all = std::iter::once(None).chain(ways);
        all.map(move |way| ClusterRow { cluster, way })
    })
}

impl ClusterRow<'_> {
    /// The columns of [`cluster_rows`].
    pub(super) fn columns() -> Vec<Column<Self>> {
        vec![
            column("SubAccountId", Type::Text, |r| text(&r.cluster.account)),
            column("RegionId", Type::Text, |r| text(&r.cluster.region)),
            column("x_Cluster", Type::Text, |r| text(&r.cluster.cluster)),
            column("x_Finding", Type::Text, |r| {
                text(r.cluster.finding.as_str())
            }),
            column("x_Change", Type::Text, |r| {
                text(r.way.map_or("today", |way| way.change))
            }),
            column("x_TaskSizes", Type::Text, |r| {
                text(r.way.map_or("reserved", |way| way.sizes))
            }),
            column("x_IsAdvised", Type::Text, |r| {
                maybe(r.way.map(|way| if way.is_advised { "yes" } else { "no" }))
            }),
            column("x_Condition", Type::Text, |r| {
                maybe(r.way.and_then(|way| way.condition.as_deref()))
            }),
            column("x_Effort", Type::Text, |r| {
                maybe(r.way.map(|way| way.effort.as_str()))
            }),
            column("x_Instances", Type::Text, |r| {
                Value::Text(r.instances().into())
            }),
            column("x_InstanceCount", Type::Integer, |r| {
                Value::Integer(r.count())
            }),
            column("x_MeanInstancesScaled", Type::Number, |r| {
                let scaled = r.way.and_then(|way| way.scaled.as_ref());
                number(scaled.map(|scaled| scaled.mean_instances))
            }),
            column("x_CostScaledUsd", Type::Usd, |r| {
                let scaled = r.way.and_then(|way| way.scaled.as_ref());
                usd(scaled.map(|scaled| scaled.modelled_usd))
            }),
            column("x_Binds", Type::Text, |r| maybe(r.way.map(|way| way.binds))),
            column("x_CostUsd", Type::Usd, |r| {
                let today = r.cluster.going_rate.as_ref();
                let rate = r.way.map_or(today, |way| Some(&way.going_rate));
                usd(rate.map(|rate| rate.usd))
            }),
            column("x_SavingsUsd", Type::Usd, |r| {
                usd(r.way.map(|way| way.monthly_savings.usd))
            }),
            column("x_SavingsCertainty", Type::Text, |r| {
                maybe(r.way.map(|way| way.monthly_savings.certainty.as_str()))
            }),
            column("x_Reasons", Type::Text, |r| match r.way {
                Some(_) => Value::Null,
                None => Value::Text(r.cluster.reasons.join("; ").into()),
            }),
        ]
    }

    fn each(&self) -> &[InstancesResult] {
        self.way
            .map_or(&self.cluster.instances, |way| &way.instances)
    }

    fn instances(&self) -> String {
        let of_type = |of: &InstancesResult| {
            let name = of.instance_type.as_deref().unwrap_or("unknown type");
            format!("{} x {name}", of.count)
        };
        let all: Vec<String> = self.each().iter().map(of_type).collect();
        all.join(" + ")
    }

    fn count(&self) -> i64 {
        self.each().iter().map(|of| i64::from(of.count)).sum()
    }
}
