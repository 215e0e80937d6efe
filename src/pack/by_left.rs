//! Instances in the order of what they have left of one resource, and the first of them that has room for a task.
//!
//! They are held in blocks, of each of which is known the most that any of its instances has left of the other
//! resources: blocks in which no instance has room are passed over.

use super::packed::Packed;

/// A block that grows beyond this is split.
const MOST_IN_BLOCK: usize = 64;

/// An instance: what it has left of the resource that orders, its place, and all that it has left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Left {
    /// The resource above the place, in one word: the order.
    key: u64,
    free: Packed,
}

#[derive(Debug, Clone)]
struct Block {
    /// In order; never empty.
    instances: Vec<Left>,
    /// No instance has more left of any resource.
    most: Packed,
}

/// Instances by what they have left of one resource, the least first; of equals, the first place.
#[derive(Debug, Clone)]
pub(super) struct ByLeft {
    /// The resource that orders, as a field of [`Packed`].
    field: usize,
    blocks: Vec<Block>,
}

impl Block {
    fn of(instances: Vec<Left>) -> Self {
        let mut block = Self {
            instances,
            most: Packed::NONE,
        };
        block.tighten();
        block
    }

    fn last(&self) -> u64 {
        self.instances.last().map_or(0, |left| left.key)
    }

    /// Those that were taken out may have been the ones with most left.
    fn tighten(&mut self) {
        let all = self.instances.iter().map(|left| left.free);
        self.most = all.fold(Packed::NONE, Packed::most_of);
    }
}

impl ByLeft {
    pub(super) fn new(field: usize) -> Self {
        Self {
            field,
            blocks: Vec::new(),
        }
    }

    fn key(&self, place: u32, free: Packed) -> u64 {
        free.field(self.field) << 32 | u64::from(place)
    }

    /// The block that holds this key, if one does.
    fn block_of(&self, key: u64) -> usize {
        self.blocks.partition_point(|block| block.last() < key)
    }

    /// Adds the instance at `place`.
    pub(super) fn insert(&mut self, place: u32, free: Packed) {
        let key = self.key(place, free);
        let left = Left { key, free };
        let at = self.block_of(key).min(self.blocks.len().saturating_sub(1));
        let Some(block) = self.blocks.get_mut(at) else {
            self.blocks.push(Block::of(vec![left]));
            return;
        };
        let to = block.instances.partition_point(|other| other.key < key);
        block.instances.insert(to, left);
        block.most = block.most.most_of(free);
        if block.instances.len() > MOST_IN_BLOCK {
            let rest = block.instances.split_off(MOST_IN_BLOCK / 2);
            block.tighten();
            self.blocks.insert(at + 1, Block::of(rest));
        }
    }

    /// Takes the instance at `place` out, which had this much left.
    pub(super) fn remove(&mut self, place: u32, free: Packed) {
        let key = self.key(place, free);
        let at = self.block_of(key);
        let Some(block) = self.blocks.get_mut(at) else {
            return;
        };
        if let Ok(from) = block.instances.binary_search_by_key(&key, |left| left.key) {
            block.instances.remove(from);
        }
        if block.instances.is_empty() {
            self.blocks.remove(at);
        }
    }

    /// The place of the first instance with room for `need` that `may_take` it.
    pub(super) fn first_with_room(
        &mut self,
        need: Packed,
        may_take: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let enough = need.field(self.field) << 32;
        let first = self.block_of(enough);
        for block in &mut self.blocks[first..] {
            if !block.most.holds(need) {
                continue;
            }
            let has_room = |left: &&Left| left.free.holds(need) && may_take(place(left.key));
            if let Some(left) = block.instances.iter().find(has_room) {
                return Some(place(left.key));
            }
            block.tighten();
        }
        None
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the lower half of a key")]
const fn place(key: u64) -> u32 {
    key as u32
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::input::Amount;
    use super::*;

    fn any_amount() -> impl Strategy<Value = Amount> {
        (0_u32..6, 0_u32..6, 0_u32..3)
            .prop_map(|(cpu, memory, tasks)| Amount([cpu, memory, tasks, 0]))
    }

    proptest! {
        #[test]
        fn the_first_with_room_is_that_of_a_look_at_each(
            changes in prop::collection::vec((0_u32..300, any_amount(), any_amount()), 1..600),
            field in 0_usize..2,
        ) {
            let mut by_left = ByLeft::new(field);
            let mut all: Vec<Option<Packed>> = vec![None; 300];
            for (place, free, need) in changes {
                let free = Packed::capacity(free);
                let known = &mut all[place as usize];
                if let Some(before) = known.take() {
                    by_left.remove(place, before);
                } else {
                    by_left.insert(place, free);
                    *known = Some(free);
                }
                let need = Packed::need(need);
                let places = (0_u32..).zip(&all);
                let free = places.filter_map(|(place, free)| Some((place, (*free)?)));
                let with_room = free.filter(|(place, free)| place % 7 != 0 && free.holds(need));
                let expected = with_room.min_by_key(|(place, free)| (free.field(field), *place));
                let found = by_left.first_with_room(need, |place| place % 7 != 0);
                prop_assert_eq!(found, expected.map(|(place, _)| place));
            }
        }
    }
}
