//! The instances of one Availability Zone, and where among them a task has room.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use super::by_left::ByLeft;
use super::input::{Amount, Placement};
use super::packed::Packed;

/// What the tasks of each tenant need, as the simulation takes it.
pub(super) struct Needs {
    pub(super) words: Vec<Packed>,
    pub(super) ports: Vec<u64>,
    /// Of each tenant: which of the different needs it has.
    pub(super) kind_of: Vec<u32>,
    pub(super) kinds: usize,
    /// Of each resource, the least that any of them needs.
    least: Packed,
}

impl Needs {
    /// `ports` are bits, one per port of the instance.
    pub(super) fn new(items: &[Amount], ports: &[u64]) -> Self {
        let mut kinds: BTreeMap<Amount, u32> = BTreeMap::new();
        let kind_of = |item: &Amount| {
            let next = u32::try_from(kinds.len()).unwrap_or(u32::MAX);
            *kinds.entry(*item).or_insert(next)
        };
        let kind_of = items.iter().map(kind_of).collect();
        let mut least = items.first().map_or([0; 4], |item| item.0);
        for item in items {
            for (least, amount) in least.iter_mut().zip(item.0) {
                *least = (*least).min(amount);
            }
        }
        Self {
            least: Packed::need(Amount(least)),
            words: items.iter().map(|&item| Packed::need(item)).collect(),
            ports: ports.to_vec(),
            kind_of,
            kinds: kinds.len(),
        }
    }
}

/// An instance, or the place of a terminated one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) lease: u32,
    pub(super) tasks: u32,
    /// When it last changed between empty and in use.
    pub(super) since_ms: i64,
}

/// The instances of one zone.
pub(super) struct Zone {
    pub(super) free: Vec<Packed>,
    pub(super) ports: Vec<u64>,
    pub(super) slots: Vec<Slot>,
    pub(super) vacant: BinaryHeap<Reverse<u32>>,
    pub(super) running: u32,
    /// Every place at which room was made, in order of time.
    pub(super) made_room: Vec<u32>,
    /// For each different need: where there may be room for it.
    room: Vec<Room>,
    /// With `binpack`: each instance with room for the least that any task needs, by what is left of the resource by
    /// which instances are chosen.
    by_left: Option<ByLeft>,
    least: Packed,
}

/// The places that may have room for one need; all others have none, but for where room was made since.
#[derive(Debug, Clone, Default)]
struct Room {
    /// A bit per place.
    places: Vec<u64>,
    /// No word before this one has a bit.
    first: usize,
    /// So much of [`Zone::made_room`] was looked at.
    known: usize,
}

impl Room {
    fn add(&mut self, place: u32) {
        let word = place as usize / 64;
        if self.places.len() <= word {
            self.places.resize(word + 1, 0);
        }
        self.places[word] |= 1 << (place % 64);
        self.first = self.first.min(word);
    }
}

impl Zone {
    pub(super) fn new(needs: &Needs, placement: Placement) -> Self {
        Self {
            by_left: match placement {
                Placement::FirstFit => None,
                Placement::BinpackCpu => Some(ByLeft::new(0)),
                Placement::BinpackMemory => Some(ByLeft::new(1)),
            },
            least: needs.least,
            free: Vec::new(),
            ports: Vec::new(),
            slots: Vec::new(),
            vacant: BinaryHeap::new(),
            running: 0,
            made_room: Vec::new(),
            room: vec![Room::default(); needs.kinds],
        }
    }

    /// The first instance with room for a task of this kind.
    #[allow(clippy::cast_possible_truncation)] // fewer instances than 2³²
    pub(super) fn first_fit(&mut self, kind: usize, need: Packed) -> Option<u32> {
        let room = &mut self.room[kind];
        if self.made_room.len() - room.known > self.free.len() {
            room.places.clear();
            room.first = 0;
            for (place, _) in (0..).zip(&self.free).filter(|(_, free)| free.holds(need)) {
                room.add(place);
            }
        } else {
            for &place in &self.made_room[room.known..] {
                if self.free[place as usize].holds(need) {
                    room.add(place);
                }
            }
        }
        room.known = self.made_room.len();
        while let Some(places) = room.places.get_mut(room.first) {
            while *places != 0 {
                let place = room.first * 64 + places.trailing_zeros() as usize;
                if self.free[place].holds(need) {
                    return Some(place as u32);
                }
                *places &= *places - 1;
            }
            room.first += 1;
        }
        None
    }

    /// The instance with room and with the least left of the resource by which instances are chosen; of equals, the
    /// first.
    pub(super) fn best_fit(&mut self, need: Packed, ports: u64) -> Option<u32> {
        let taken = &self.ports;
        let by_left = self.by_left.as_mut()?;
        by_left.first_with_room(need, |place| taken[place as usize] & ports == 0)
    }

    /// What is free at a place becomes this much; `None` where there is no instance any more.
    pub(super) fn set_free(&mut self, at: u32, free: Option<Packed>) {
        let free = free.unwrap_or(Packed::NONE);
        let before = std::mem::replace(&mut self.free[at as usize], free);
        if let Some(by_left) = &mut self.by_left {
            if before.holds(self.least) {
                by_left.remove(at, before);
            }
            if free.holds(self.least) {
                by_left.insert(at, free);
            }
        }
    }

    /// As [`Self::first_fit`] for tasks that take ports of the instance.
    #[allow(clippy::cast_possible_truncation)]
    pub(super) fn first_fit_with_ports(&self, need: Packed, ports: u64) -> Option<u32> {
        let has_room = |(free, taken): (&Packed, &u64)| free.holds(need) && taken & ports == 0;
        let at = self.free.iter().zip(&self.ports).position(has_room)?;
        Some(at as u32)
    }
}
