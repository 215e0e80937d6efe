//! Memory that grows and grows: no size holds it.

use std::collections::BTreeMap;

use crate::demand::Usage;
use crate::model::finding::{Reason, ReasonCode};

use crate::rightsize::headroom::{USUAL_PERCENT, raised_by};
use crate::rightsize::trend::{between_restarts, theil_sen, trend};
use crate::rightsize::wording::figure;

/// Peaks that would grow by more than this share of the last one within [`PROJECTION_DAYS`] are rising.
const RISING_SHARE: f64 = 0.1;
/// How far a trend is carried on.
const PROJECTION_DAYS: f64 = 30.0;
/// A trend less likely than this by chance is one.
const SIGNIFICANCE: f64 = 0.05;
/// Growth is over when the peaks of so many newest days rise by less than this share of the slope before.
const PLATEAU_DAYS: usize = 4;
const PLATEAU_SLOPE: f64 = 0.25;

/// Daily peaks that rise steadily, were still rising at the end, and would outgrow the highest one with the usual headroom:
/// a leak, or growth that is not over. There is no size that holds it.
pub(super) fn memory_rises(memory: &Usage) -> Option<Reason> {
    let days = between_restarts(&memory.daily_max);
    let trend = trend(&days)?;
    let last = *memory.daily_max.values().next_back()?;
    let growth = trend.slope_per_day * PROJECTION_DAYS;
    let outgrows = last + growth > memory.max * raised_by(USUAL_PERCENT);
    let rises = trend.p < SIGNIFICANCE && growth > RISING_SHARE * last && outgrows;
    let text = || {
        format!(
            "memory peaks rise by {} MiB a day between restarts and did not level off: a size would only delay the end",
            figure(trend.slope_per_day)
        )
    };
    (rises && !levels_off(&days, trend.slope_per_day))
        .then(|| Reason::new(ReasonCode::MemoryRising, text()))
}

/// The newest days hardly rise any more, compared with all of them.
fn levels_off(days: &BTreeMap<i32, f64>, slope_per_day: f64) -> bool {
    let newest = days.iter().rev().take(PLATEAU_DAYS);
    let points: Vec<(f64, f64)> = newest
        .rev()
        .map(|(&day, &peak)| (f64::from(day), peak))
        .collect();
    theil_sen(&points).is_some_and(|slope| slope < PLATEAU_SLOPE * slope_per_day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rightsize::fixtures::{close, need, reasons, required, with_peaks};

    #[test]
    fn a_leak_has_no_size() {
        let leak = with_peaks(&[400.0, 410.0, 422.0, 429.0, 441.0, 450.0, 460.0, 471.0]);
        let text = "memory peaks rise by 10 MiB a day between restarts and did not level off: a size would only delay the end";
        assert_eq!(
            reasons(required(&leak)),
            [(ReasonCode::MemoryRising, text.to_owned())]
        );
    }

    #[test]
    fn growth_that_came_to_its_plateau_is_sized() {
        let grown = with_peaks(&[400.0, 410.0, 422.0, 433.0, 441.0, 441.0, 442.0, 442.0]);
        assert!(close(need(&grown).memory.target, 442.0 * 1.15));
    }

    #[test]
    fn slow_growth_and_noise_are_not_a_leak() {
        // 1 MiB a day on 400 is 7.5 % in 30 days.
        assert!(
            need(&with_peaks(&[
                400.0, 401.0, 402.0, 403.0, 404.0, 405.0, 406.0, 407.0
            ]))
            .holds
            .is_empty()
        );
        assert!(
            need(&with_peaks(&[
                400.0, 600.0, 380.0, 650.0, 410.0, 590.0, 395.0, 640.0
            ]))
            .holds
            .is_empty()
        );
        assert!(
            need(&with_peaks(&[
                471.0, 460.0, 450.0, 441.0, 429.0, 422.0, 410.0, 400.0
            ]))
            .holds
            .is_empty()
        );
    }
}
