//! How much one run needs: CPU and memory each for itself, then what both say together.
//!
//! Both are sized for the share of weeks that may go beyond the size, with a margin that the fleet's own weeks earned
//! ([`super::calibration`]); a headroom of the user's takes its place.

mod ceiling;
mod cpu;
mod idle;
mod kills;
mod leak;
mod memory;
mod scaling;
mod sizing;
mod unseen;

use crate::demand::Demand;
use crate::model::finding::Reason;

use super::calibration::Calibrations;
use super::evidence::Seen;
use super::need::Requirement;
use super::policy::SizingPolicy;

/// What one run needs.
///
/// # Errors
/// Withheld: memory that grows and grows.
pub(super) fn estimate(
    demand: &Demand,
    seen: &Seen,
    policy: &SizingPolicy,
    fleet: &Calibrations,
) -> Result<Requirement, Vec<Reason>> {
    if let Some(leak) = leak::memory_rises(seen.memory) {
        return Err(vec![leak]);
    }
    let cpu = cpu::sizing(demand, seen, policy, fleet);
    let memory = memory::sizing(demand, seen, policy, fleet);
    let holds = cpu.holds.into_iter().chain(memory.holds);
    let notes = cpu.notes.into_iter().chain(unseen::unseen(demand, seen));
    Ok(Requirement {
        cpu: cpu.bounds,
        memory: memory.bounds,
        cpu_assurance: cpu.assurance,
        memory_assurance: memory.assurance,
        holds: holds.chain(idle::idle(demand, seen)).collect(),
        notes: notes.chain(memory.notes).collect(),
    })
}
