//! Running tasks over time. Most services run the same number of tasks for hours: slots that are alike are held once.

/// Running tasks in one slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slot {
    /// Slots since the epoch.
    pub slot: i64,
    /// Task-milliseconds in the slot (mean tasks × slot length).
    pub task_ms: i64,
    /// Most tasks at once.
    pub peak: u32,
}

/// Running tasks in slots of [`crate::model::units::SLOT_MS`], in the order in which they were added.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Slots(Vec<Alike>);

/// Slots one after the other that differ in nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Alike {
    /// The first of them.
    pub first: Slot,
    /// How many they are.
    pub count: u32,
}

impl Alike {
    /// The slot after the last of them.
    pub fn next(&self) -> i64 {
        self.first.slot.saturating_add(i64::from(self.count))
    }
}

impl Slots {
    /// Adds a slot.
    pub fn push(&mut self, slot: Slot) {
        self.push_alike(slot, 1);
    }

    /// Adds `count` slots that differ in nothing else, one after the other.
    pub(super) fn push_alike(&mut self, first: Slot, count: u32) {
        if let Some(last) = self.0.last_mut()
            && last.next() == first.slot
            && (last.first.task_ms, last.first.peak) == (first.task_ms, first.peak)
            && let Some(sum) = last.count.checked_add(count)
        {
            last.count = sum;
            return;
        }
        self.0.push(Alike { first, count });
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = Slot> {
        self.0.iter().flat_map(|alike| {
            (0..i64::from(alike.count)).map(|after| Slot {
                slot: alike.first.slot + after,
                ..alike.first
            })
        })
    }

    /// The same, those at once that are alike.
    pub fn alike(&self) -> &[Alike] {
        &self.0
    }

    /// True where there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// In order of time, those of the same time added up.
    pub(super) fn in_order(self) -> Self {
        if self.0.is_sorted_by(|a, b| a.next() <= b.first.slot) {
            return self;
        }
        let mut slots: Vec<Slot> = self.iter().collect();
        slots.sort_by_key(|slot| slot.slot);
        slots.dedup_by(|next, slot| {
            let is_same = next.slot == slot.slot;
            if is_same {
                slot.task_ms += next.task_ms;
                slot.peak = slot.peak.max(next.peak);
            }
            is_same
        });
        slots.into_iter().collect()
    }
}

impl FromIterator<Slot> for Slots {
    fn from_iter<T: IntoIterator<Item = Slot>>(slots: T) -> Self {
        let mut all = Self::default();
        slots.into_iter().for_each(|slot| all.push(slot));
        all.0.shrink_to_fit();
        all
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn any_slot() -> impl Strategy<Value = Slot> {
        (0i64..12, 0i64..2, 1u32..3).prop_map(|(slot, task_ms, peak)| Slot {
            slot,
            task_ms,
            peak,
        })
    }

    proptest! {
        #[test]
        fn slots_come_back_as_they_were_added(slots in prop::collection::vec(any_slot(), 0..40)) {
            let held: Slots = slots.iter().copied().collect();
            prop_assert_eq!(held.iter().collect::<Vec<_>>(), slots.clone());
            prop_assert_eq!(held.is_empty(), slots.is_empty());
        }

        #[test]
        fn in_order_each_time_is_told_once(slots in prop::collection::vec(any_slot(), 0..40)) {
            let held: Slots = slots.iter().copied().collect();
            let sums = (0..12).filter_map(|at| {
                let of_time: Vec<&Slot> = slots.iter().filter(|slot| slot.slot == at).collect();
                Some(Slot {
                    slot: at,
                    task_ms: of_time.iter().map(|slot| slot.task_ms).sum(),
                    peak: of_time.iter().map(|slot| slot.peak).max()?,
                })
            });
            prop_assert_eq!(held.in_order().iter().collect::<Vec<_>>(), sums.collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_day_of_the_same_is_held_once() {
        let slot = |slot| Slot {
            slot,
            task_ms: 600_000,
            peak: 2,
        };
        let held: Slots = (0..288).map(slot).collect();
        assert_eq!(held.0.len(), 1);
    }
}
