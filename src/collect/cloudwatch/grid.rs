//! The points of time that a call asks for.

use std::ops::Range;

use crate::collect::rates::Class;

/// Windows that begin later than this before now have a lower rate of points. Source: CloudWatch service quotas, read 2026-11.
const FRESH_MS: i64 = 3 * 60 * 60 * 1000;

/// The points that a call asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Grid {
    /// Epoch milliseconds, on the grid.
    pub(super) window_ms: Range<i64>,
    /// Seconds from one point to the next.
    pub(super) period_s: i32,
}

impl Grid {
    /// `window_ms` without the period that is not over at its end.
    pub(super) fn within(window_ms: &Range<i64>, period_s: i32) -> Self {
        let step_ms = i64::from(period_s) * 1000;
        Self {
            window_ms: window_ms.start..window_ms.end.div_euclid(step_ms) * step_ms,
            period_s,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.window_ms.is_empty()
    }

    fn step_ms(&self) -> i64 {
        i64::from(self.period_s) * 1000
    }

    pub(super) fn holds(&self, at_ms: i64) -> bool {
        self.window_ms.contains(&at_ms) && (at_ms - self.window_ms.start) % self.step_ms() == 0
    }

    pub(super) fn points(&self) -> usize {
        usize::try_from((self.window_ms.end - self.window_ms.start) / self.step_ms())
            .unwrap_or_default()
    }

    /// What `queries` over this window weigh in CloudWatch's rate of points.
    pub(super) fn points_asked(&self, queries: usize, now_ms: i64) -> (Class, f64) {
        let class = if now_ms - self.window_ms.start > FRESH_MS {
            Class::OldPoints
        } else {
            Class::FreshPoints
        };
        (class, (queries * self.points()) as f64)
    }

    /// Both halves; the second is empty for a window of one point.
    pub(super) fn halves(&self) -> [Self; 2] {
        let points = i64::try_from(self.points()).unwrap_or(i64::MAX);
        let middle = self.window_ms.start + (points + 1) / 2 * self.step_ms();
        [self.window_ms.start..middle, middle..self.window_ms.end].map(|window_ms| Self {
            window_ms,
            period_s: self.period_s,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_ends_with_its_last_whole_period() {
        assert_eq!(Grid::within(&(0..7_199_999), 3_600).window_ms, 0..3_600_000);
        assert!(Grid::within(&(0..59_999), 60).is_empty());
    }

    #[test]
    fn halves_are_on_the_grid_and_make_the_whole() {
        let [first, second] = Grid {
            window_ms: 0..300_000,
            period_s: 60,
        }
        .halves();
        assert_eq!(
            (first.window_ms, second.window_ms),
            (0..180_000, 180_000..300_000)
        );
        let [first, second] = Grid {
            window_ms: 0..60_000,
            period_s: 60,
        }
        .halves();
        assert_eq!(first.window_ms, 0..60_000);
        assert!(second.is_empty());
    }
}
