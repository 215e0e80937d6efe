//! What the figures do not show, though enough was seen.

use crate::demand::Demand;
use crate::model::workload::Kind;

use crate::rightsize::evidence::Seen;

/// Samples over more seconds than this hide bursts that one-minute samples would show.
const FINE_PERIOD_S: i64 = 60;

/// One sentence each.
pub(super) fn unseen(demand: &Demand, seen: &Seen) -> impl Iterator<Item = String> {
    let period_s = seen.cpu.period_s.max(seen.memory.period_s);
    let coarse = (period_s > FINE_PERIOD_S).then(|| {
        format!("samples cover up to {period_s} s each: bursts shorter than that may be hidden")
    });
    let left_out = demand.evidence.samples_without_size;
    let partial = (left_out > 0).then(|| {
        format!("{left_out} samples are left out: no source tells the size at their time")
    });
    let uncounted = (demand.workload.kind == Kind::Service && demand.slots.is_empty()).then(|| {
        "running tasks were not counted: whether their number follows load is not known".to_owned()
    });
    [coarse, partial, uncounted].into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::Slots;
    use crate::rightsize::fixtures::{need, service};

    #[test]
    fn what_is_not_seen_is_noted() {
        let mut demand = Demand {
            slots: Slots::default(),
            ..service()
        };
        demand.cpu.as_mut().unwrap().period_s = 300;
        demand.evidence.samples_without_size = 12;
        assert_eq!(
            need(&demand).notes,
            [
                "samples cover up to 300 s each: bursts shorter than that may be hidden",
                "12 samples are left out: no source tells the size at their time",
                "running tasks were not counted: whether their number follows load is not known",
            ]
        );
    }
}
