//! Does a series of daily values rise? Mann–Kendall says whether, Theil–Sen how fast; neither minds an outlier.

use std::collections::BTreeMap;
use std::f64::consts::SQRT_2;

/// A peak below this share of the day before's is a new start.
const RESTART: f64 = 0.7;

/// A monotone trend over days.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trend {
    /// Median change per day, in the unit of the values.
    pub slope_per_day: f64,
    /// How likely a series without trend would look at least this monotone, either way (0–1).
    pub p: f64,
}

/// The trend of one value per day (days since the epoch); `None` below three days.
pub fn trend(daily: &BTreeMap<i32, f64>) -> Option<Trend> {
    if daily.len() < 3 {
        return None;
    }
    let points: Vec<_> = daily
        .iter()
        .map(|(&day, &value)| (f64::from(day), value))
        .collect();
    let values: Vec<_> = daily.values().copied().collect();
    Some(Trend {
        slope_per_day: theil_sen(&points)?,
        p: mann_kendall_p(&values),
    })
}

/// The longest stretch of days without a fall to below [`RESTART`] of the day before: a leak starts over at each restart,
/// which hides it from a test over all days. The later of equally long ones.
pub fn between_restarts(daily: &BTreeMap<i32, f64>) -> BTreeMap<i32, f64> {
    let days: Vec<(i32, f64)> = daily.iter().map(|(&day, &value)| (day, value)).collect();
    let stretches = days.chunk_by(|before, after| after.1 >= before.1 * RESTART);
    stretches
        .max_by_key(|stretch| stretch.len())
        .unwrap_or_default()
        .iter()
        .copied()
        .collect()
}

/// The median of the slopes between every two points with different abscissas; `None` when there are none.
///
/// Source: Sen, Journal of the American Statistical Association 63 (1968).
pub fn theil_sen(points: &[(f64, f64)]) -> Option<f64> {
    let mut slopes: Vec<_> = pairs(points)
        .filter(|(a, b)| b.0 > a.0)
        .map(|(a, b)| (b.1 - a.1) / (b.0 - a.0))
        .collect();
    slopes.sort_by(f64::total_cmp);
    let middle = slopes.len() / 2;
    let upper = *slopes.get(middle)?;
    if slopes.len() % 2 == 1 {
        return Some(upper);
    }
    Some(f64::midpoint(slopes[middle - 1], upper))
}

/// Two-sided p-value of the Mann–Kendall test on values in order of time: normal approximation with the
/// correction for continuity and for ties. 1 when nothing changes, or for fewer than two values.
///
/// Against the exact distribution the verdict at 5 % is the same for seven values without ties.
/// Source: Kendall, Rank Correlation Methods (1975).
pub fn mann_kendall_p(values: &[f64]) -> f64 {
    let s: i64 = pairs(values)
        .map(|(earlier, later)| i64::from(later > earlier) - i64::from(later < earlier))
        .sum();
    if s == 0 {
        return 1.0;
    }
    let variance =
        (kendall_term(values.len()) - ties(values).map(kendall_term).sum::<f64>()) / 18.0;
    let z = (s.abs() - 1) as f64 / variance.sqrt();
    erfc(z / SQRT_2)
}

/// `n (n − 1) (2n + 5)`.
fn kendall_term(n: usize) -> f64 {
    let n = n as f64;
    n * (n - 1.0) * (2.0 * n + 5.0)
}

/// How often each distinct value occurs.
fn ties(values: &[f64]) -> impl Iterator<Item = usize> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let lengths: Vec<_> = sorted.chunk_by(|a, b| a >= b).map(<[f64]>::len).collect();
    lengths.into_iter()
}

/// Every two items, the earlier one first.
fn pairs<T>(items: &[T]) -> impl Iterator<Item = (&T, &T)> {
    items
        .iter()
        .enumerate()
        .flat_map(move |(i, earlier)| items[i + 1..].iter().map(move |later| (earlier, later)))
}

/// The complementary error function for `x ≥ 0`, to 1.5e-7.
///
/// Source: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
fn erfc(x: f64) -> f64 {
    const COEFFICIENTS: [f64; 5] = [
        1.061_405_429,
        -1.453_152_027,
        1.421_413_741,
        -0.284_496_736,
        0.254_829_592,
    ];
    let t = 1.0 / (1.0 + 0.327_591_1 * x);
    let polynomial = COEFFICIENTS
        .iter()
        .fold(0.0, |sum, coefficient| (sum + coefficient) * t);
    polynomial * (-x * x).exp()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-6
    }

    #[test]
    fn a_leak_shows_between_restarts() {
        let daily: BTreeMap<i32, f64> = (0..14)
            .map(|day| (day, f64::from(1000 + 200 * (day % 8))))
            .collect();
        let stretch = between_restarts(&daily);
        assert_eq!((stretch.len(), *stretch.keys().next().unwrap()), (8, 0));
        assert!(
            trend(&daily).unwrap().p > 0.05,
            "over all days the restart hides it"
        );
        assert!(trend(&stretch).unwrap().p < 0.05);
    }

    #[test]
    fn an_outlier_hardly_moves_the_slope() {
        // Slopes 1, 1, 10, 1, 14.5, 28: the median of the sorted six is (1 + 10) / 2.
        let slope = theil_sen(&[(0.0, 0.0), (1.0, 1.0), (2.0, 2.0), (3.0, 30.0)]).unwrap();
        assert!(close(slope, 5.5));
        // Ten days on a line of slope 2 with one wild day: 36 of the 45 slopes are exactly 2.
        let line: Vec<_> = (0..10)
            .map(|day| {
                (
                    f64::from(day),
                    if day == 6 { 500.0 } else { f64::from(2 * day) },
                )
            })
            .collect();
        assert!(close(theil_sen(&line).unwrap(), 2.0));
    }

    #[test]
    fn a_gap_in_the_days_does_not_steepen_the_slope() {
        let daily = BTreeMap::from([(10, 100.0), (11, 103.0), (20, 130.0), (21, 133.0)]);
        assert!(close(trend(&daily).unwrap().slope_per_day, 3.0));
    }

    #[test]
    fn points_on_one_day_have_no_slope() {
        assert_eq!(theil_sen(&[(1.0, 1.0), (1.0, 2.0)]), None);
        assert_eq!(theil_sen(&[]), None);
    }

    #[test]
    fn five_rising_values_by_hand() {
        // S = 10, variance 5·4·15/18 = 16.667, z = 9/4.0825 = 2.20454; two-sided normal tail 0.027486.
        assert!(close(mann_kendall_p(&[1.0, 2.0, 3.0, 4.0, 5.0]), 0.027_486));
        assert!(close(mann_kendall_p(&[5.0, 4.0, 3.0, 2.0, 1.0]), 0.027_486));
    }

    #[test]
    fn ties_lower_the_variance() {
        // S = 5, variance (4·3·13 − 2·1·9)/18 = 7.6667, z = 4/2.76887 = 1.44463; two-sided normal tail 0.148562.
        assert!(close(mann_kendall_p(&[1.0, 2.0, 2.0, 3.0]), 0.148_562));
    }

    #[test]
    fn seven_values_are_judged_as_by_the_exact_distribution() {
        // Kendall's exact tails for n = 7: P(S ≥ 15) = 0.015, P(S ≥ 13) = 0.035; doubled 0.030 and 0.070.
        let with_s = |discordant: usize| {
            let mut values = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0];
            (0..discordant).for_each(|i| values.swap(2 * i, 2 * i + 1));
            values
        };
        assert!(mann_kendall_p(&with_s(3)) < 0.05, "S = 15");
        let mut four_discordant = with_s(3);
        four_discordant.swap(5, 6);
        assert!(mann_kendall_p(&four_discordant) > 0.05, "S = 13");
    }

    #[test]
    fn a_flat_series_has_no_trend() {
        assert!(close(mann_kendall_p(&[3.0; 14]), 1.0));
        assert!(close(mann_kendall_p(&[]), 1.0));
        assert_eq!(trend(&BTreeMap::from([(1, 1.0), (2, 2.0)])), None);
    }

    #[test]
    fn the_error_function_matches_its_table() {
        // Abramowitz and Stegun, table 7.1: erf(0.5) = 0.5204998778, erf(1) = 0.8427007929, erf(2) = 0.9953222650.
        for (x, erf) in [
            (0.0, 0.0),
            (0.5, 0.520_499_877_8),
            (1.0, 0.842_700_792_9),
            (2.0, 0.995_322_265_0),
        ] {
            assert!((erfc(x) - (1.0 - erf)).abs() < 2e-7, "{x}");
        }
    }

    proptest! {
        #[test]
        fn p_is_a_probability_and_blind_to_direction(values in prop::collection::vec(0_i32..20, 0..40)) {
            let forward: Vec<_> = values.iter().copied().map(f64::from).collect();
            let backward: Vec<_> = forward.iter().rev().copied().collect();
            let p = mann_kendall_p(&forward);
            prop_assert!((0.0..=1.000_001).contains(&p));
            prop_assert!(close(p, mann_kendall_p(&backward)));
        }

        #[test]
        fn scaling_the_values_scales_the_slope(values in prop::collection::vec(-1e3..1e3_f64, 2..30), factor in 0.1..10.0_f64) {
            let points: Vec<_> = values.iter().enumerate().map(|(day, &value)| (day as f64, value)).collect();
            let scaled: Vec<_> = points.iter().map(|&(day, value)| (day, value * factor)).collect();
            let (plain, scaled) = (theil_sen(&points).unwrap(), theil_sen(&scaled).unwrap());
            prop_assert!((plain * factor - scaled).abs() < 1e-6);
        }
    }
}
