//! Small fleet plans for tests.

use super::super::fleet_figures::FleetFigures;
use super::super::packing::*;
use super::super::result::Report;
use super::figures::usd;
use super::fleets::fleet;
use crate::model::units::{MS_PER_DAY, MS_PER_HOUR};
use crate::model::workload::{Architecture, Kind};

/// Midnight before the first of October 2026.
const START_MS: i64 = 1_790_812_800_000;

/// Two fleets of two days: one that three workloads belong on, and one that nobody does.
pub(crate) fn packing() -> PackingResult {
    PackingResult {
        fleets: vec![advised(), not_advised()],
        ..nothing_packed()
    }
}

/// The plan of a dataset in which nothing can be packed.
pub(crate) fn nothing_packed() -> PackingResult {
    let Report {
        generated_by,
        window,
        prices,
        ..
    } = super::empty();
    PackingResult {
        version: PACKING_VERSION,
        generated_by,
        window,
        rules: RulesResult {
            network: "awsvpc-trunking",
            target_capacity_percent: 100,
            availability_zones: 2,
            boot_s: 60,
            scale_in_s: 900,
            from_zero: 2,
        },
        fleets: Vec::new(),
        prices,
    }
}

/// The first fleet where instances are priced and Fargate is not.
pub(crate) fn packing_without_fargate() -> PackingResult {
    let mut fleet = advised();
    (
        fleet.figures.fargate_usd,
        fleet.figures.break_even_gap_percent,
    ) = (None, None);
    fleet.is_advised = false;
    for tenant in &mut fleet.workloads {
        (tenant.marginal_usd, tenant.elsewhere_usd) = (None, None);
    }
    PackingResult {
        fleets: vec![fleet],
        ..nothing_packed()
    }
}

fn advised() -> FleetPlanResult {
    FleetPlanResult {
        figures: FleetFigures {
            peak_instances: 4,
            ..fleet().figures
        },
        is_advised: true,
        placement: "binpack(memory) or binpack(cpu)".into(),
        types: vec![
            instances("m7i.large", 3, 5, 120.0, "12.10"),
            instances("c7i.large", 1, 2, 24.0, "2.14"),
        ],
        over_time: vec![
            span("m7i.large", 0, 24, 2),
            span("m7i.large", 24, 48, 3),
            span("c7i.large", 12, 36, 1),
        ],
        without_trunking_usd: Some(usd("540.00")),
        unpacked_usd: usd("1040.00"),
        utilization_percent: UtilizationResult {
            cpu: 61.5,
            memory: 88.0,
            network_interfaces: Some(12.0),
        },
        stranded_percent: StrandedResult {
            cpu: causes(0.3, 0.7, 27.5, 10.0),
            memory: causes(0.3, 0.7, 0.0, 11.0),
        },
        workloads: vec![
            tenant("web", "300.00", "290.00", Some("280.00"), Some("310.00")),
            tenant("ledger", "170.00", "190.00", Some("165.00"), Some("180.09")),
            tenant("batch", "50.00", "40.00", Some("40.00"), None),
        ],
        changes: vec![ChangeResult {
            change: "bridge network",
            modelled_usd: usd("510.00"),
        }],
    }
}

fn not_advised() -> FleetPlanResult {
    FleetPlanResult {
        figures: FleetFigures {
            architecture: Architecture::Arm64,
            peak_instances: 2,
            modelled_usd: usd("24.53"),
            achievable_usd: usd("12.26"),
            floor_usd: usd("9.00"),
            gap_percent: 172.56,
            fargate_usd: Some(usd("8.97")),
            break_even_gap_percent: Some(-0.33),
            binds: "cpu",
            purchase_options: Vec::new(),
            ..fleet().figures
        },
        is_advised: false,
        placement: "binpack(cpu)".into(),
        types: vec![instances("t4g.small", 2, 2, 96.0, "1.61")],
        over_time: vec![span("t4g.small", 0, 48, 2)],
        without_trunking_usd: None,
        unpacked_usd: usd("12.26"),
        utilization_percent: UtilizationResult {
            cpu: 6.3,
            memory: 13.5,
            network_interfaces: None,
        },
        workloads: vec![tenant("cron", "24.53", "24.53", None, Some("8.97"))],
        changes: Vec::new(),
        ..advised()
    }
}

fn instances(name: &str, peak: u32, starts: u32, hours: f64, window: &str) -> TypeResult {
    TypeResult {
        instance_type: name.into(),
        peak_instances: peak,
        starts,
        instance_hours: hours,
        window_usd: usd(window),
    }
}

fn span(name: &str, from_hour: i64, to_hour: i64, instances: u32) -> SpanResult {
    let (from_ms, to_ms) = (
        START_MS + from_hour * MS_PER_HOUR,
        START_MS + to_hour * MS_PER_HOUR,
    );
    let time = |ms| {
        jiff::Timestamp::from_millisecond(ms)
            .expect("in this century")
            .to_string()
    };
    debug_assert_eq!(START_MS % MS_PER_DAY, 0);
    SpanResult {
        instance_type: name.into(),
        from: time(from_ms),
        to: time(to_ms),
        instances,
        from_ms,
        to_ms,
    }
}

fn causes(boot: f64, empty: f64, imbalance: f64, fragmentation: f64) -> CausesResult {
    CausesResult {
        boot,
        empty,
        imbalance,
        fragmentation,
    }
}

fn tenant(
    name: &str,
    cost: &str,
    split_cost: &str,
    marginal: Option<&str>,
    elsewhere: Option<&str>,
) -> TenantResult {
    TenantResult {
        kind: Kind::Service,
        cluster: Some("prod".into()),
        name: name.into(),
        cost_usd: usd(cost),
        split_cost_usd: usd(split_cost),
        marginal_usd: marginal.map(usd),
        elsewhere_usd: elsewhere.map(usd),
    }
}
