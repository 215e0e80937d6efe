//! What instances can cost at all: sums of their prices, which are few amounts where the prices of a family double.

use super::knapsack::common_divisor;

/// The largest amount of which every price is a multiple, USD per hour: whatever is bought costs a multiple of it, too.
/// Zero where prices have more digits than are looked at.
pub(super) struct Multiple(f64);

/// Billionths of a USD are looked at.
const PER_USD: f64 = 1e9;

impl Multiple {
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // a price of an hour
    pub(super) fn of(prices: impl Iterator<Item = f64>) -> Self {
        let mut divisor = 0;
        for usd in prices {
            let whole = (usd * PER_USD).round();
            if (usd * PER_USD - whole).abs() > 1e-3 {
                return Self(0.0);
            }
            divisor = common_divisor(divisor, whole as u64);
        }
        Self(divisor as f64 / PER_USD)
    }

    /// The least that can be paid where it is no less than `usd`.
    pub(super) fn at_least(&self, usd: f64) -> f64 {
        let times = usd / self.0 * (1.0 - 1e-9) - 1e-6;
        if times.is_finite() {
            usd.max(times.ceil() * self.0)
        } else {
            usd
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_bought_costs_a_multiple_of_what_all_prices_are_multiples_of() {
        let of_one_family = Multiple::of([0.0816, 0.1632, 0.3264].into_iter());
        assert!((of_one_family.at_least(0.17) - 0.2448).abs() < 1e-12);
        assert!((of_one_family.at_least(0.2448) - 0.2448).abs() < 1e-12);
        let of_two = Multiple::of([0.3, 0.2].into_iter());
        assert!((of_two.at_least(0.41) - 0.5).abs() < 1e-12);
        let endless = Multiple::of([1.0 / 3.0, 0.5].into_iter());
        assert!((endless.at_least(0.41) - 0.41).abs() < 1e-15);
    }
}
