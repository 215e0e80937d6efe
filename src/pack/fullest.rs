//! What one instance holds of the most value, by branch and bound: every resource and every port exactly. Quick where
//! few items fill an instance; given up where there are too many ways.

use super::construct::Snapshot;
use super::input::{Amount, CPU, MEMORY};

/// How many of which item one instance holds, by item, ascending.
type Content = Vec<(u32, u32)>;

/// What was found of one instance.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Fullest {
    /// What it is worth and what it holds, where that is worth more than was asked for.
    pub(super) best: Option<(f64, Content)>,
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
    let items = tightest(&choices(snapshot, capacity, values, counts), capacity);
    let mut branch = Branch {
        items,
        above,
        best: None,
        chosen: Vec::new(),
        left: most_steps,
    };
    branch.follow(0, capacity, 0, 0.0);
    let best = branch.best.map(|mut content| {
        content.sort_unstable();
        (branch.above, content)
    });
    Fullest {
        best,
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

/// The items, weighed in the way that bounds an empty instance best.
fn tightest(items: &[Choice], capacity: Amount) -> Weighed {
    let mut best = Weighed::new(items.to_vec(), WEIGHTS[0], capacity);
    let mut least = best.bound(0, capacity, 0).0;
    for weights in &WEIGHTS[1..] {
        let weighed = Weighed::new(items.to_vec(), *weights, capacity);
        let bound = weighed.bound(0, capacity, 0).0;
        if bound < least {
            (best, least) = (weighed, bound);
        }
    }
    best
}

struct Weighed {
    /// Those of the most value for their size first.
    choices: Vec<Choice>,
    /// What one unit of processor and one of memory count in a size.
    each: [f64; 2],
}

impl Weighed {
    fn new(mut choices: Vec<Choice>, weights: [f64; 2], capacity: Amount) -> Self {
        let each = [CPU, MEMORY].map(|at| weights[at] / f64::from(capacity.0[at].max(1)));
        for choice in &mut choices {
            choice.size = size(each, choice.amount).max(1e-9);
        }
        let density = |choice: &Choice| choice.value / choice.size;
        choices.sort_by(|a, b| density(b).total_cmp(&density(a)));
        Self { choices, each }
    }

    /// Items from `first` on add no more than this: as much of them as their sizes allow, the last one in part. And how
    /// many were looked at.
    fn bound(&self, first: usize, room: Amount, ports: u64) -> (f64, u64) {
        let mut left = size(self.each, room);
        let mut value = 0.0;
        let mut looked = 0;
        for choice in &self.choices[first..] {
            looked += 1;
            let most = f64::from(copies(choice, room, ports));
            let taken = (left / choice.size).min(most);
            value += taken * choice.value;
            left -= taken * choice.size;
            if taken < most {
                break;
            }
        }
        (value, looked)
    }
}

struct Branch {
    items: Weighed,
    /// What the best content is worth; what any must be worth more than, until there is one.
    above: f64,
    best: Option<Content>,
    chosen: Content,
    left: u64,
}

impl Branch {
    /// Tries every content that adds items from `first` on to what is chosen.
    fn follow(&mut self, first: usize, room: Amount, ports: u64, worth: f64) {
        if worth > self.above {
            self.above = worth;
            self.best = Some(self.chosen.clone());
        }
        for next in first..self.items.choices.len() {
            if self.left == 0 {
                return;
            }
            let choice = self.items.choices[next];
            let most = copies(&choice, room, ports);
            if most > 0 && worth + self.bound(next, room, ports) <= self.above * (1.0 + 1e-12) {
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

    fn bound(&mut self, first: usize, room: Amount, ports: u64) -> f64 {
        let (bound, looked) = self.items.bound(first, room, ports);
        self.left = self.left.saturating_sub(looked);
        bound
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
            let (worth, content) = found.best.unwrap_or_default();
            prop_assert!((worth - expected).abs() < 1e-6);
            let held = content.iter().map(|&(item, count)| values[item as usize] * f64::from(count));
            prop_assert!((held.sum::<f64>() - expected).abs() < 1e-6);
            let asked_more = fullest(&snapshot, 0, &values, &counts, expected + 0.5, u64::MAX);
            prop_assert_eq!(asked_more.best, None);
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
