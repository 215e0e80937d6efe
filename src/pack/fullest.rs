//! What one instance holds of the most value, by branch and bound: every resource and every port exactly. Quick where
//! few items fill an instance; given up where there are too many ways.

use super::construct::Snapshot;
use super::input::{Amount, CPU, MEMORY};

/// What was found of one instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fullest {
    /// What its content is worth, where that is more than was asked for.
    pub(super) worth: Option<f64>,
    /// How many of which item.
    pub(super) content: Vec<(u32, u32)>,
    /// Every content was tried, or cannot be worth more.
    pub(super) is_certain: bool,
    /// Items looked at.
    pub(super) steps: u64,
}

/// The content of one instance of an offer that is worth most, if it is worth more than `above`; the best that was found
/// where `most_steps` do not suffice.
pub(super) fn fullest(
    snapshot: &Snapshot,
    offer: usize,
    values: &[f64],
    counts: &[u32],
    above: f64,
    most_steps: u64,
) -> Fullest {
    let capacity = snapshot.offers[offer].capacity;
    let items = choices(snapshot, capacity, values, counts);
    let mut branch = Branch {
        best: above,
        content: None,
        chosen: Vec::new(),
        left: most_steps,
        ..tightest(&items, capacity)
    };
    branch.follow(0, capacity, 0, 0.0);
    Fullest {
        worth: branch.content.is_some().then_some(branch.best),
        content: branch.content.unwrap_or_default(),
        is_certain: branch.left > 0,
        steps: most_steps - branch.left,
    }
}

/// An item of some value, of which one fits at least.
#[derive(Debug, Clone, Copy)]
struct Choice {
    item: u32,
    amount: Amount,
    ports: u64,
    /// At the most.
    count: u32,
    value: f64,
    /// All that it takes, in one number.
    size: f64,
}

fn choices(snapshot: &Snapshot, capacity: Amount, values: &[f64], counts: &[u32]) -> Vec<Choice> {
    let choice = |(item, amount): (usize, &Amount)| Choice {
        item: u32::try_from(item).unwrap_or(u32::MAX),
        amount: *amount,
        ports: snapshot.ports[item],
        count: counts[item].min(capacity.fit(*amount)),
        value: values[item],
        size: 0.0,
    };
    let all = snapshot.items.iter().enumerate().map(choice);
    all.filter(|choice| choice.count > 0 && choice.value > 0.0)
        .collect()
}

/// Processor and memory, weighed in several ways: what an instance holds of one of these sums bounds what it holds.
const WEIGHTS: [[f64; 2]; 5] = [
    [0.5, 0.5],
    [0.25, 0.75],
    [0.75, 0.25],
    [0.0, 1.0],
    [1.0, 0.0],
];

/// The way of weighing resources that bounds an empty instance best.
fn tightest(items: &[Choice], capacity: Amount) -> Branch {
    let mut best: Option<(f64, Branch)> = None;
    for weights in WEIGHTS {
        let each = [CPU, MEMORY].map(|at| weights[at] / f64::from(capacity.0[at].max(1)));
        let mut branch = Branch {
            items: items.to_vec(),
            each,
            best: 0.0,
            content: None,
            chosen: Vec::new(),
            left: u64::MAX,
        };
        branch.sort();
        let bound = branch.bound(0, capacity, 0);
        if best.as_ref().is_none_or(|(least, _)| bound < *least) {
            best = Some((bound, branch));
        }
    }
    best.map_or_else(Branch::default, |(_, branch)| branch)
}

#[derive(Default)]
struct Branch {
    /// Those of the most value for their size first.
    items: Vec<Choice>,
    /// What one unit of processor and one of memory count in a size.
    each: [f64; 2],
    best: f64,
    content: Option<Vec<(u32, u32)>>,
    chosen: Vec<(u32, u32)>,
    left: u64,
}

impl Branch {
    fn sort(&mut self) {
        let each = self.each;
        for choice in &mut self.items {
            choice.size = size(each, choice.amount).max(1e-9);
        }
        let density = |choice: &Choice| choice.value / choice.size;
        self.items.sort_by(|a, b| density(b).total_cmp(&density(a)));
    }

    /// Tries every content that adds items from `first` on to what is chosen.
    fn follow(&mut self, first: usize, room: Amount, ports: u64, worth: f64) {
        if worth > self.best {
            self.best = worth;
            self.content = Some(self.chosen.clone());
        }
        for next in first..self.items.len() {
            if self.left == 0 {
                return;
            }
            let choice = self.items[next];
            let most = copies(&choice, room, ports);
            if most > 0 && worth + self.bound(next, room, ports) <= self.best * (1.0 + 1e-12) {
                return;
            }
            for count in (1..=most).rev() {
                if self.left == 0 {
                    return;
                }
                let taken = Amount(choice.amount.0.map(|each| each * count));
                let Some(room) = room.checked_sub(taken) else {
                    continue;
                };
                self.chosen.push((choice.item, count));
                let value = choice.value * f64::from(count);
                self.follow(next + 1, room, ports | choice.ports, worth + value);
                self.chosen.pop();
            }
            self.left = self.left.saturating_sub(1);
        }
    }

    /// Items from `first` on add no more than this: as much of them as their sizes allow, the last one in part.
    fn bound(&mut self, first: usize, room: Amount, ports: u64) -> f64 {
        let mut left = size(self.each, room);
        let mut value = 0.0;
        let mut looked = 0;
        for choice in &self.items[first..] {
            looked += 1;
            let most = f64::from(copies(choice, room, ports));
            let taken = (left / choice.size).min(most);
            value += taken * choice.value;
            left -= taken * choice.size;
            if taken < most {
                break;
            }
        }
        self.left = self.left.saturating_sub(looked);
        value
    }
}

fn size(each: [f64; 2], amount: Amount) -> f64 {
    each[0] * f64::from(amount.0[CPU]) + each[1] * f64::from(amount.0[MEMORY])
}

/// How many of an item fit.
fn copies(choice: &Choice, room: Amount, ports: u64) -> u32 {
    let by_ports = match choice.ports {
        0 => choice.count,
        own => choice.count.min(u32::from(ports & own == 0)),
    };
    room.fit(choice.amount).min(by_ports)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::floor::Offer;
    use super::*;

    /// Every content, one item after the other: slow and obvious.
    fn most(
        snapshot: &Snapshot,
        values: &[f64],
        counts: &[u32],
        from: usize,
        room: Amount,
        ports: u64,
    ) -> f64 {
        let mut best = 0.0;
        for item in from..counts.len() {
            let Some(rest) = room.checked_sub(snapshot.items[item]) else {
                continue;
            };
            let own = snapshot.ports[item];
            if counts[item] == 0 || ports & own != 0 {
                continue;
            }
            let mut left = counts.to_vec();
            left[item] -= 1;
            let more = most(snapshot, values, &left, item, rest, ports | own);
            best = f64::max(best, values[item] + more);
        }
        best
    }

    fn any_item() -> impl Strategy<Value = (Amount, u64, u32, u32)> {
        let amount = (0_u32..60, 0_u32..60, 0_u32..2, 0_u32..2)
            .prop_map(|(cpu, memory, interfaces, gpus)| Amount([cpu, memory, interfaces, gpus]));
        let ports = prop_oneof![3 => Just(0_u64), 1 => 1_u64..4];
        (amount, ports, 0_u32..3, 0_u32..50)
    }

    proptest! {
        #[test]
        fn no_other_content_is_worth_more(items in prop::collection::vec(any_item(), 1..7)) {
            let snapshot = Snapshot {
                items: items.iter().map(|item| item.0).collect(),
                ports: items.iter().map(|item| item.1).collect(),
                offers: vec![Offer { index: 0, capacity: Amount([100, 100, 4, 1]), usd_per_hour: 1.0 }],
            };
            let counts: Vec<u32> = items.iter().map(|item| item.2).collect();
            let values: Vec<f64> = items.iter().map(|item| f64::from(item.3)).collect();
            let found = fullest(&snapshot, 0, &values, &counts, 0.0, u64::MAX);
            let expected = most(&snapshot, &values, &counts, 0, snapshot.offers[0].capacity, 0);
            prop_assert!(found.is_certain);
            prop_assert!((found.worth.unwrap_or(0.0) - expected).abs() < 1e-6);
            let held = found.content.iter().map(|&(item, count)| values[item as usize] * f64::from(count));
            prop_assert!((held.sum::<f64>() - expected).abs() < 1e-6);
            let asked_more = fullest(&snapshot, 0, &values, &counts, expected + 0.5, u64::MAX);
            prop_assert_eq!(asked_more.worth, None);
        }
    }

    #[test]
    fn many_copies_of_small_items_are_given_up_at_once() {
        let snapshot = Snapshot {
            items: (0..30).map(|at| Amount([7 + at, 40 - at, 0, 0])).collect(),
            ports: vec![0; 30],
            offers: vec![Offer {
                index: 0,
                capacity: Amount([2000, 2000, 1, 0]),
                usd_per_hour: 1.0,
            }],
        };
        let values: Vec<f64> = (0..30).map(|at| 1.0 + f64::from(at % 7) / 100.0).collect();
        let found = fullest(&snapshot, 0, &values, &[50; 30], 0.0, 500);
        assert!(!found.is_certain && found.steps == 500);
    }

    #[test]
    fn what_is_given_up_says_so() {
        let snapshot = Snapshot {
            items: (0..40)
                .map(|at| Amount([100 + at, 140 - at, 0, 0]))
                .collect(),
            ports: vec![0; 40],
            offers: vec![Offer {
                index: 0,
                capacity: Amount([1999, 1999, 1, 0]),
                usd_per_hour: 1.0,
            }],
        };
        let values: Vec<f64> = (0..40).map(|at| 1.0 + f64::from(at % 7) / 100.0).collect();
        let found = fullest(&snapshot, 0, &values, &[1; 40], 0.0, 500);
        assert!(!found.is_certain && found.steps == 500);
    }
}
