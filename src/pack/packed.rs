//! Resources in one word.

use super::input::Amount;

/// Resources in one word, so that one subtraction compares them all: processor, memory, interfaces, GPUs, presence,
/// each below a guard bit that stays set as long as nothing was borrowed from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Packed(pub(super) u64);

/// Bits and lowest bit of each field without its guard.
const FIELDS: [(u32, u32); 4] = [(19, 0), (25, 20), (9, 46), (5, 56)];
const PRESENCE: u64 = 1 << 62;
pub(super) const GUARDS: u64 = 1 << 19 | 1 << 45 | 1 << 55 | 1 << 61 | 1 << 63;

impl Packed {
    /// Of no instance: nothing fits.
    pub(super) const NONE: Self = Self(GUARDS);

    /// What a task needs. More than a field holds is cut, as capacities are: it fits no instance, so it never comes here.
    pub(super) fn need(amount: Amount) -> Self {
        Self(Self::fields(amount))
    }

    fn fields(amount: Amount) -> u64 {
        let field = |(&(bits, low), amount): (&(u32, u32), u32)| {
            u64::from(amount.min((1 << bits) - 1)) << low
        };
        FIELDS.iter().zip(amount.0).map(field).sum()
    }

    /// What an instance has; more than a field holds is cut.
    pub(super) fn capacity(amount: Amount) -> Self {
        Self(GUARDS | PRESENCE | Self::fields(amount))
    }

    pub(super) const fn holds(self, need: Self) -> bool {
        (self.0.wrapping_sub(need.0 | PRESENCE)) & GUARDS == GUARDS
    }

    /// Of each resource, what is more in one of both.
    #[must_use]
    pub(super) fn most_of(self, other: Self) -> Self {
        let larger = |(bits, low): (u32, u32)| {
            let mask = ((1 << bits) - 1) << low;
            (self.0 & mask).max(other.0 & mask)
        };
        let fields: u64 = FIELDS.into_iter().map(larger).sum();
        Self(fields | GUARDS | (self.0 | other.0) & PRESENCE)
    }

    pub(super) const fn field(self, field: usize) -> u64 {
        let (bits, low) = FIELDS[field];
        self.0 >> low & ((1 << bits) - 1)
    }
}
