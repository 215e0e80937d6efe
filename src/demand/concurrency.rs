//! Running tasks over time, in slots, from the spans of runs.

use std::collections::BTreeMap;

use super::slots::{Slot, Slots};
use crate::model::units::{SLOT_MS, Window};

/// Counts the runs alive in each slot of the window: task-milliseconds and the most at once.
///
/// A run that ends where the next begins does not overlap it; a run of no length takes no room.
pub(super) fn slots(spans: impl Iterator<Item = (i64, i64)>, window: Window) -> Slots {
    let mut time: BTreeMap<i64, i64> = BTreeMap::new();
    let mut changes: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans
        .map(|(from, to)| (from.max(window.from_ms), to.min(window.to_ms)))
        .filter(|(from, to)| from < to)
    {
        changes.extend([(from, 1), (to, -1)]);
        for slot in from.div_euclid(SLOT_MS)..=(to - 1).div_euclid(SLOT_MS) {
            let begin = slot * SLOT_MS;
            *time.entry(slot).or_default() += (begin + SLOT_MS).min(to) - begin.max(from);
        }
    }
    let peaks = peaks(changes);
    time.into_iter()
        .map(|(slot, task_ms)| Slot {
            slot,
            task_ms,
            peak: peaks.get(&slot).copied().unwrap_or(1),
        })
        .collect()
}

/// The most runs at once in each slot, by a sweep over starts and ends.
fn peaks(mut changes: Vec<(i64, i64)>) -> BTreeMap<i64, u32> {
    // At one instant, ends come before starts.
    changes.sort_unstable();
    let mut peaks: BTreeMap<i64, u32> = BTreeMap::new();
    let (mut alive, mut since) = (0i64, i64::MAX);
    for (at, change) in changes {
        if alive > 0 {
            let count = u32::try_from(alive).unwrap_or(u32::MAX);
            for slot in since.div_euclid(SLOT_MS)..=(at - 1).max(since).div_euclid(SLOT_MS) {
                let peak = peaks.entry(slot).or_default();
                *peak = count.max(*peak);
            }
        }
        alive += change;
        since = at;
    }
    peaks
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Window = Window {
        from_ms: 0,
        to_ms: 10 * SLOT_MS,
    };

    fn counted(spans: &[(i64, i64)]) -> Vec<Slot> {
        slots(spans.iter().copied(), WINDOW).iter().collect()
    }

    #[test]
    fn runs_are_counted_where_they_overlap() {
        let counted = counted(&[(0, SLOT_MS + 1000), (SLOT_MS, 2 * SLOT_MS)]);
        assert_eq!(
            counted,
            [
                Slot {
                    slot: 0,
                    task_ms: SLOT_MS,
                    peak: 1
                },
                Slot {
                    slot: 1,
                    task_ms: SLOT_MS + 1000,
                    peak: 2
                }
            ]
        );
    }

    #[test]
    fn a_successor_does_not_overlap_its_predecessor() {
        let counted = counted(&[(0, 1000), (1000, 2000)]);
        assert_eq!(
            counted,
            [Slot {
                slot: 0,
                task_ms: 2000,
                peak: 1
            }]
        );
    }

    #[test]
    fn only_the_window_counts() {
        let counted = counted(&[(-SLOT_MS, SLOT_MS / 2), (9 * SLOT_MS, 99 * SLOT_MS), (5, 5)]);
        assert_eq!(
            counted,
            [
                Slot {
                    slot: 0,
                    task_ms: SLOT_MS / 2,
                    peak: 1
                },
                Slot {
                    slot: 9,
                    task_ms: SLOT_MS,
                    peak: 1
                }
            ]
        );
    }
}
