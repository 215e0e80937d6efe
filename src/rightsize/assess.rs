//! What is to be said of the present size.

use crate::model::finding::{Finding, ReasonCode};
use crate::model::units::TaskSize;

use super::need::Requirement;

/// Compares the present size with the need and with the size `chosen` for it, which holds the need.
///
/// A resource is underprovisioned when its target exceeds the present size; for CPU, thin headroom is not
/// enough for that (see [`Requirement::cpu`]). It is overprovisioned when the chosen size has less of it.
/// Underprovisioned in one resource outweighs overprovisioned in the other; both codes are given.
pub fn assess(
    current: TaskSize,
    chosen: TaskSize,
    requirement: &Requirement,
) -> (Finding, Vec<ReasonCode>) {
    use ReasonCode::{
        CPUOverprovisioned, CPUUnderprovisioned, MemoryOverprovisioned, MemoryUnderprovisioned,
    };
    let cpu_short = requirement.cpu.target > current.vcpu();
    let memory_short = requirement.memory.target > f64::from(current.memory_mib);
    let claims = [
        (cpu_short, CPUUnderprovisioned),
        (memory_short, MemoryUnderprovisioned),
        (chosen.cpu_units < current.cpu_units, CPUOverprovisioned),
        (
            chosen.memory_mib < current.memory_mib,
            MemoryOverprovisioned,
        ),
    ];
    let codes: Vec<_> = claims
        .into_iter()
        .filter_map(|(holds, code)| holds.then_some(code))
        .collect();
    let finding = match codes.first() {
        None => Finding::Optimized,
        Some(CPUUnderprovisioned | MemoryUnderprovisioned) => Finding::Underprovisioned,
        Some(_) => Finding::Overprovisioned,
    };
    (finding, codes)
}

#[cfg(test)]
mod tests {
    use super::super::assurance::Assurance;
    use super::super::fixtures::{ONE_VCPU, virginia};
    use super::super::need::Bounds;
    use super::super::risk::Risk;
    use super::super::sizes::cheapest_fargate;
    use super::*;
    use crate::demand::Usage;
    use crate::model::workload::Os;

    fn need(cpu: f64, memory: f64) -> Requirement {
        let bounds = |target| Bounds {
            lower: target,
            target,
            upper: target,
        };
        Requirement {
            cpu: bounds(cpu),
            memory: bounds(memory),
            cpu_assurance: Assurance::fixed(&Usage::default(), 15.0, Risk::MEDIUM),
            memory_assurance: Assurance::fixed(&Usage::default(), 15.0, Risk::MEDIUM),
            holds: vec![],
            notes: vec![],
        }
    }

    #[test]
    fn the_size_that_is_chosen_is_optimized() {
        assert_eq!(
            assess(ONE_VCPU, ONE_VCPU, &need(1.0, 2048.0)),
            (Finding::Optimized, vec![])
        );
    }

    #[test]
    fn a_shortage_outweighs_a_surplus_and_both_are_told() {
        let (finding, codes) = assess(
            TaskSize::new(1024, 8192),
            TaskSize::new(2048, 4096),
            &need(1.2, 3000.0),
        );
        assert_eq!(finding, Finding::Underprovisioned);
        assert_eq!(
            codes,
            [
                ReasonCode::CPUUnderprovisioned,
                ReasonCode::MemoryOverprovisioned
            ]
        );
        let (finding, codes) = assess(
            TaskSize::new(1024, 2048),
            TaskSize::new(256, 2048),
            &need(0.1, 2049.0),
        );
        assert_eq!(finding, Finding::Underprovisioned);
        assert_eq!(
            codes,
            [
                ReasonCode::MemoryUnderprovisioned,
                ReasonCode::CPUOverprovisioned
            ]
        );
    }

    #[test]
    fn cpu_that_only_comes_with_the_memory_is_not_a_shortage() {
        // 0.25 vCPU on EC2 with 4 GiB: Fargate sells no 4 GiB below 0.5 vCPU.
        let need = need(0.2, 4000.0);
        let chosen = cheapest_fargate(0.2, 4000.0, Os::Linux, virginia).unwrap();
        assert_eq!(chosen, TaskSize::new(512, 4096));
        assert_eq!(
            assess(TaskSize::new(256, 4096), chosen, &need),
            (Finding::Optimized, vec![])
        );
    }
}
