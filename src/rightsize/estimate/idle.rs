//! A service that does nothing.

use crate::demand::Demand;
use crate::model::finding::{Reason, ReasonCode};
use crate::model::workload::Kind;

use crate::rightsize::evidence::Seen;
use crate::rightsize::wording::figure;

/// A service whose peaks stay below this share of its size, percent, does nothing.
const IDLE_PERCENT: f64 = 1.0;
/// More bytes a second than this are more than somebody asking now and then whether it is alive: a check every few
/// seconds from a few places, each of some hundred bytes. A rule of our own: of idle ECS services Compute Optimizer counts
/// no bytes.
const QUIET_BYTES_PER_S: f64 = 1_000.0;

/// A service that does nothing: a smaller size is not the advice. Where bytes were counted, none to speak of may flow.
///
/// Source: AWS Compute Optimizer user guide, idle resource recommendations (ECS services on Fargate: peak CPU and
/// memory utilisation below 1 %), read 2026-11.
pub(super) fn idle(demand: &Demand, seen: &Seen) -> Option<Reason> {
    let of_cpu = seen.cpu.max / seen.size.vcpu() * 100.0;
    let of_memory = seen.memory.max / f64::from(seen.size.memory_mib) * 100.0;
    let is_quiet = demand
        .network_peak
        .is_none_or(|peak| peak <= QUIET_BYTES_PER_S);
    let is_idle = demand.workload.kind == Kind::Service
        && of_cpu < IDLE_PERCENT
        && of_memory < IDLE_PERCENT
        && is_quiet;
    is_idle.then(|| {
        let network = demand.network_peak.map(|peak| {
            format!(", and no more than {} bytes a second went in or out", figure(peak))
        });
        let text = format!(
            "idle: at its peak it used {}% of its CPU and {}% of its memory{}; remove it if nobody needs it",
            figure(of_cpu),
            figure(of_memory),
            network.unwrap_or_default()
        );
        Reason::new(ReasonCode::Idle, text)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::schema::Metric;
    use crate::rightsize::fixtures::{codes, minutes, need, service, usage_of};

    #[test]
    fn a_service_through_which_bytes_flow_is_not_idle() {
        let memory = usage_of(
            Metric::MemoryMib,
            minutes(0..14 * 1440).map(|at| (at, 10.0)),
        );
        let still = Demand {
            memory: Some(memory),
            ..service()
        };
        let with_network = |network_peak| {
            let cpu = usage_of(Metric::CpuVcpu, minutes(0..14 * 1440).map(|at| (at, 0.005)));
            let demand = Demand {
                cpu: Some(cpu),
                network_peak,
                ..still.clone()
            };
            codes(&need(&demand)).contains(&ReasonCode::Idle)
        };
        assert!(with_network(None) && with_network(Some(0.0)) && with_network(Some(200.0)));
        assert!(!with_network(Some(50_000.0)));
    }
}
