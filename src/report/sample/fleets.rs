//! A fleet and a cluster.

use super::figures::*;
use crate::model::finding::Finding;
use crate::model::workload::{Architecture, InstancePurchase, Kind};
use crate::placement::effort::Effort;
use crate::pricing::cost::Certainty;
use crate::report::fleet_figures::{CommitmentResult, FleetFigures, FleetPurchaseResult};
use crate::report::result::*;

/// Eight hours: three instances, six in the fifth hour.
fn course() -> Vec<FleetSpan> {
    let span = |hour| {
        let instances = if hour == 4 { 6 } else { 3 };
        FleetSpan {
            from: format!("2026-10-01T{hour:02}:00:00Z"),
            instances,
            mean_instances: f64::from(instances),
            vcpu: Some(f64::from(instances * 2)),
            vcpu_needed: f64::from(instances) * 1.5,
            memory_gib: Some(f64::from(instances * 8)),
            memory_gib_needed: f64::from(instances * 7),
        }
    };
    (0..8).map(span).collect()
}

pub(super) fn cluster() -> ClusterResult {
    ClusterResult {
        account: "111122223333".into(),
        region: "eu-west-1".into(),
        cluster: "prod".into(),
        instances: vec![InstancesResult {
            instance_type: Some("m7i.large".into()),
            count: 4,
        }],
        going_rate: Some(AmountResult {
            certainty: Certainty::Between,
            lower_usd: Some(usd("248.25")),
            upper_usd: Some(usd("331.00")),
            ..exact(usd("331.00"))
        }),
        not_priced: None,
        reserved_cpu_percent: Some(50.0),
        reserved_memory_percent: Some(26.5),
        tenants: vec![ClusterTenantResult {
            kind: Kind::Service,
            name: "ledger".into(),
            share_usd: Some(usd("331.00")),
            not_priced: None,
        }],
        finding: Finding::Overprovisioned,
        reasons: vec![
            "2 of its 4 instances can go: the others hold all that ran at once, 100% of CPU, 53% of memory"
                .into(),
        ],
        monthly_savings_usd: Some(usd("165.50")),
        savings_certainty: Some(Certainty::Between),
        could_be: vec![fewer(), graviton()],
    }
}

fn fewer() -> ClusterWayResult {
    ClusterWayResult {
        change: "fewer_instances",
        sizes: "reserved",
        is_advised: true,
        condition: None,
        effort: Effort::VeryLow,
        instances: vec![InstancesResult {
            instance_type: Some("m7i.large".into()),
            count: 2,
        }],
        going_rate: AmountResult {
            certainty: Certainty::Estimated,
            ..exact(usd("165.50"))
        },
        monthly_savings: AmountResult {
            certainty: Certainty::Between,
            lower_usd: Some(usd("82.75")),
            upper_usd: Some(usd("165.50")),
            ..exact(usd("165.50"))
        },
        binds: "cpu",
        peak_cpu_percent: 100.0,
        peak_memory_percent: 53.0,
        scaled: Some(ClusterScaledResult {
            peak_instances: 2,
            mean_instances: 1.5,
            modelled_usd: usd("124.13"),
        }),
    }
}

fn graviton() -> ClusterWayResult {
    ClusterWayResult {
        change: "arm64",
        sizes: "needed",
        is_advised: false,
        condition: Some("the images of its workload are built for ARM".into()),
        effort: Effort::High,
        instances: vec![InstancesResult {
            instance_type: Some("m8g.large".into()),
            count: 2,
        }],
        going_rate: AmountResult {
            certainty: Certainty::Estimated,
            ..exact(usd("149.36"))
        },
        monthly_savings: AmountResult {
            certainty: Certainty::Between,
            lower_usd: Some(usd("98.89")),
            upper_usd: Some(usd("181.64")),
            ..exact(usd("181.64"))
        },
        scaled: None,
        ..fewer()
    }
}

pub(super) fn fleet() -> FleetResult {
    FleetResult {
        figures: FleetFigures {
            account: "111122223333".into(),
            region: "eu-west-1".into(),
            architecture: Architecture::X86_64,
            peak_instances: 6,
            modelled_usd: usd("520.00"),
            achievable_usd: usd("500.00"),
            floor_usd: usd("464.29"),
            gap_percent: 12.0,
            fargate_usd: Some(usd("548.09")),
            break_even_gap_percent: Some(18.05),
            binds: "memory",
            purchase_options: InstancePurchase::ALL
                .iter()
                .map(|option| bought(*option))
                .collect(),
        },
        instance_type: "m7i.large".into(),
        instance_hours: 4_180.5,
        workloads: 3,
        course: course(),
    }
}

/// Spot and a Compute Savings Plan of one year; the others are not priced.
fn bought(purchase_option: InstancePurchase) -> FleetPurchaseResult {
    let not_priced = FleetPurchaseResult {
        as_of: Some("2026-11-20".into()),
        ..FleetPurchaseResult::unknown(purchase_option)
    };
    match purchase_option {
        InstancePurchase::Spot => FleetPurchaseResult {
            cost_usd: Some(usd("210.00")),
            upper_usd: Some(usd("212.50")),
            monthly_savings_usd: Some(usd("307.50")),
            interruptions_percent: Some(20),
            break_even_interruptions_percent: Some(2_480.0),
            quality: Some("snapshot"),
            ..not_priced
        },
        InstancePurchase::ComputePlan1yr => FleetPurchaseResult {
            cost_usd: Some(usd("410.00")),
            upper_usd: Some(usd("410.00")),
            monthly_savings_usd: Some(usd("110.00")),
            commitments: vec![CommitmentResult {
                family: None,
                usd_per_hour: usd("0.4032"),
                base_load_usd_per_hour: usd("0.3024"),
            }],
            covered_percent: Some(91.3),
            utilization_percent: Some(97.2),
            break_even_utilization_percent: Some(72.0),
            quality: Some("exact"),
            ..not_priced
        },
        _ => FleetPurchaseResult {
            as_of: None,
            not_priced: Some(format!(
                "no EC2 m7i.large {purchase_option} price for eu-west-1 in the price book"
            )),
            ..not_priced
        },
    }
}
