//! The spacing of readings in time, from which the period of a series can be told.

use std::collections::BTreeMap;

/// How often each spacing occurs, seconds.
pub type Spacings = BTreeMap<i32, i64>;

/// Counts one spacing; readings of the same time have none.
pub fn count(spacings: &mut Spacings, ms: i64) {
    if let Some(seconds) = i32::try_from(ms / 1000).ok().filter(|&seconds| seconds > 0) {
        *spacings.entry(seconds).or_default() += 1;
    }
}

/// The most frequent spacing, the shortest of equals.
pub fn most_frequent(spacings: &Spacings) -> Option<i32> {
    spacings
        .iter()
        .rev()
        .max_by_key(|(_, times)| **times)
        .map(|(&seconds, _)| seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_of_equally_frequent_spacings_is_the_period() {
        assert_eq!(
            most_frequent(&BTreeMap::from([(60, 2), (300, 2), (600, 1)])),
            Some(60)
        );
        assert_eq!(
            most_frequent(&BTreeMap::from([(60, 1), (300, 5), (600, 1)])),
            Some(300)
        );
    }
}
