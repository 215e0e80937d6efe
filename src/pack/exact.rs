//! A few items, packed in the cheapest way there is: every content of every instance is tried.
//!
//! What is left after some instances is a state; from each state, all contents of the next instance that take the
//! first item left are followed. Worth it only while states and contents are few.

use super::construct::{Packing, Pattern, Snapshot};

/// Pairs of a state and a content, at most.
const MOST_PAIRS: u64 = 200_000;

/// The cheapest packing of `counts`; `None` where there are too many to try every way, or one fits no type.
pub(super) fn pack(snapshot: &Snapshot, counts: &[u32]) -> Option<Packing> {
    pairs(counts)?;
    let states = States::of(counts)?;
    let contents: Vec<Option<Pattern>> = (0..states.count)
        .map(|state| states.pattern(snapshot, state))
        .collect();
    let mut cheapest = vec![(0.0, 0_usize); states.count];
    for state in 1..states.count {
        cheapest[state] = states
            .contents_with_the_first(state)
            .filter_map(|content| {
                let own = contents[content].as_ref()?.usd;
                Some((own + cheapest[state - content].0, content))
            })
            .min_by(|a, b| a.0.total_cmp(&b.0))?;
    }
    let mut packing: Packing = Vec::new();
    let mut left = states.count - 1;
    while left > 0 {
        let content = cheapest[left].1;
        let pattern = contents[content].clone()?;
        match packing.iter_mut().find(|(other, _)| *other == pattern) {
            Some((_, times)) => *times += 1,
            None => packing.push((pattern, 1)),
        }
        left -= content;
    }
    Some(packing)
}

/// What trying every way takes, in steps; `None` where that is too much.
pub(super) fn pairs(counts: &[u32]) -> Option<u64> {
    let pairs = counts.iter().try_fold(1_u64, |pairs, &count| {
        let count = u64::from(count);
        let own = (count + 1).checked_mul(count + 2)? / 2;
        pairs.checked_mul(own).filter(|&pairs| pairs <= MOST_PAIRS)
    });
    pairs.map(|pairs| pairs * 2)
}

/// How many of each item, as one number: the items are its digits.
struct States {
    /// Item, how many there are, and the place value of its digit.
    digits: Vec<(usize, u32, usize)>,
    count: usize,
}

impl States {
    fn of(counts: &[u32]) -> Option<Self> {
        let mut count = 1_usize;
        let mut digits = Vec::new();
        for (item, &most) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            digits.push((item, most, count));
            count = count.checked_mul(usize::try_from(most).ok()? + 1)?;
        }
        Some(Self { digits, count })
    }

    #[allow(clippy::cast_possible_truncation)] // a digit is no larger than a count
    fn digit(&self, state: usize, at: usize) -> u32 {
        let (_, most, place) = self.digits[at];
        (state / place % (most as usize + 1)) as u32
    }

    /// An instance that holds just this, of the cheapest type; `None` where none does.
    fn pattern(&self, snapshot: &Snapshot, state: usize) -> Option<Pattern> {
        let mut ports = 0_u64;
        let mut counts = Vec::new();
        for (at, &(item, _, _)) in self.digits.iter().enumerate() {
            let count = self.digit(state, at);
            if count == 0 {
                continue;
            }
            let own = snapshot.ports[item];
            if own != 0 && (count > 1 || ports & own != 0) {
                return None;
            }
            ports |= own;
            counts.push((u32::try_from(item).ok()?, count));
        }
        snapshot.cheapest(counts)
    }

    /// Every content that can be taken of `state` and has one at least of the last item that is left in it.
    fn contents_with_the_first(&self, state: usize) -> impl Iterator<Item = usize> + '_ {
        let mut digits: Vec<(u32, usize)> = (0..self.digits.len())
            .map(|at| (self.digit(state, at), self.digits[at].2))
            .filter(|(digit, _)| *digit > 0)
            .collect();
        let first = digits.pop();
        let others: usize = digits
            .iter()
            .map(|(digit, _)| *digit as usize + 1)
            .product();
        let taken = move |mut choice: usize| -> usize {
            let of = |&(digit, place): &(u32, usize)| {
                let own = choice % (digit as usize + 1);
                choice /= digit as usize + 1;
                own * place
            };
            digits.iter().map(of).sum()
        };
        let firsts = first.map_or(0..=0, |(digit, _)| 1..=digit as usize);
        let place = first.map_or(0, |(_, place)| place);
        firsts.flat_map(move |own| {
            let taken = taken.clone();
            (0..others).map(move |choice| own * place + taken(choice))
        })
    }
}
