//! Quantities that are known between two ends.

/// A quantity that lies between two ends: `low ≤ best ≤ high`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Span<T> {
    /// Not less than this.
    pub low: T,
    /// The best figure.
    pub best: T,
    /// Not more than this.
    pub high: T,
}

impl<T: Copy + PartialEq> Span<T> {
    /// A quantity that is known.
    pub const fn exact(amount: T) -> Self {
        Self {
            low: amount,
            best: amount,
            high: amount,
        }
    }

    /// True where both ends are the same.
    pub fn is_exact(&self) -> bool {
        self.low == self.high
    }
}
