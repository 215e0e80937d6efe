//! Numbers that carry their unit, so that only physical arithmetic compiles.
//!
//! Amounts that are billed are integers (CPU units, MiB, milliseconds); amounts that were measured are
//! floats ([`Vcpu`], [`Mib`]); money is an exact decimal made at the very end by [`Usd::of`].

use std::borrow::Cow;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};

use rust_decimal::Decimal;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Serialize, Serializer};

/// Hours in the month that projections use, as AWS's own calculators do. Never used for measured costs.
pub const HOURS_PER_MONTH: i64 = 730;
/// Milliseconds in a minute.
pub const MS_PER_MINUTE: i64 = 60_000;
/// Milliseconds in one hour.
pub const MS_PER_HOUR: i64 = 3_600_000;
/// Milliseconds in one day.
pub const MS_PER_DAY: i64 = 24 * MS_PER_HOUR;
/// Length of the slots in which running tasks are counted.
pub const SLOT_MS: i64 = 300_000;

/// A measured amount of processor, in vCPU.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Vcpu(f64);

impl Vcpu {
    /// Wraps a number of vCPU.
    pub const fn new(vcpu: f64) -> Self {
        Self(vcpu)
    }

    /// 1,024 CPU units are one vCPU.
    pub fn from_units(units: u32) -> Self {
        Self(f64::from(units) / 1024.0)
    }

    /// The number of vCPU.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// A measured amount of memory, in MiB. What AWS bills as "GB" is GiB: 1,024 of these.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Mib(f64);

impl Mib {
    /// Wraps a number of MiB.
    pub const fn new(mib: f64) -> Self {
        Self(mib)
    }

    /// The number of MiB.
    pub const fn get(self) -> f64 {
        self.0
    }
}

/// What one task or build asks for: CPU units (1,024 = 1 vCPU) and MiB.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
pub struct TaskSize {
    /// CPU units; 1,024 make one vCPU.
    pub cpu_units: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
}

impl TaskSize {
    /// A size from CPU units and MiB.
    pub const fn new(cpu_units: u32, memory_mib: u32) -> Self {
        Self {
            cpu_units,
            memory_mib,
        }
    }

    /// vCPU of this size.
    pub fn vcpu(self) -> f64 {
        f64::from(self.cpu_units) / 1024.0
    }

    /// GiB of this size.
    pub fn gib(self) -> f64 {
        f64::from(self.memory_mib) / 1024.0
    }

    /// True when `other` fits into this size in both dimensions.
    pub const fn holds(self, other: Self) -> bool {
        self.cpu_units >= other.cpu_units && self.memory_mib >= other.memory_mib
    }
}

/// US dollars, exact. Made from an integer quantity and a published price, rounded only when printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Usd(Decimal);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(Decimal::ZERO);

    /// `quantity × price ÷ per`: the one place where an amount becomes money.
    ///
    /// `per` turns the counted unit into the priced one: milliseconds × CPU units into vCPU-hours is
    /// `1024 × 3_600_000`. An amount beyond what a decimal holds saturates.
    pub fn of(quantity: i128, price: Decimal, per: i64) -> Self {
        let cost = Decimal::try_from_i128_with_scale(quantity, 0)
            .ok()
            .and_then(|quantity| quantity.checked_mul(price))
            .and_then(|product| product.checked_div(Decimal::from(per)));
        Self(cost.unwrap_or(Decimal::MAX))
    }

    /// Wraps an exact decimal amount.
    pub const fn new(amount: Decimal) -> Self {
        Self(amount)
    }

    /// The exact amount.
    pub const fn amount(self) -> Decimal {
        self.0
    }

    /// This amount as a float, for ratios and charts only.
    pub fn as_f64(self) -> f64 {
        use rust_decimal::prelude::ToPrimitive;
        self.0.to_f64().unwrap_or(f64::INFINITY)
    }

    /// This amount, seen over `window_ms`, projected onto a month of 730 hours.
    pub fn per_month(self, window_ms: i64) -> Option<Self> {
        if window_ms <= 0 {
            return None;
        }
        let month = Decimal::from(HOURS_PER_MONTH * MS_PER_HOUR);
        self.0
            .checked_mul(month)?
            .checked_div(Decimal::from(window_ms))
            .map(Self)
    }

    /// The part `share ÷ whole` of this amount; zero when `whole` is.
    #[must_use]
    pub fn part(self, share: i128, whole: i128) -> Self {
        if whole == 0 {
            return Self::ZERO;
        }
        // Both are scaled alike until they fit a decimal; the ratio keeps 28 digits.
        let (mut share, mut whole) = (share, whole);
        while whole.unsigned_abs() > 1 << 90 {
            share >>= 1;
            whole >>= 1;
        }
        let ratio = Decimal::from_i128_with_scale(share, 0)
            .checked_div(Decimal::from_i128_with_scale(whole, 0));
        Self(
            ratio
                .and_then(|ratio| ratio.checked_mul(self.0))
                .unwrap_or(Decimal::ZERO),
        )
    }
}

impl Add for Usd {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Usd {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Add::add)
    }
}

impl JsonSchema for Usd {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        f64::json_schema(generator)
    }
}

/// Machine formats carry plain numbers, to a millionth of a cent.
impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(Self(self.0.round_dp(8)).as_f64())
    }
}

/// A span of time `[from_ms, to_ms)`, UTC epoch milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// First millisecond inside.
    pub from_ms: i64,
    /// First millisecond after.
    pub to_ms: i64,
}

impl Window {
    /// Length in milliseconds.
    pub const fn ms(self) -> i64 {
        self.to_ms - self.from_ms
    }

    /// How many milliseconds of `[from_ms, to_ms)` lie inside this window.
    pub fn overlap_ms(self, from_ms: i64, to_ms: i64) -> i64 {
        (self.to_ms.min(to_ms) - self.from_ms.max(from_ms)).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_quantity_times_price() {
        // AWS Fargate pricing page, example 1: 150 tasks × 600 s × 1 vCPU at $0.04048 per vCPU-hour.
        let quantity = 150 * 600_000 * 1024;
        let cost = Usd::of(quantity, "0.04048".parse().unwrap(), 1024 * MS_PER_HOUR);
        assert_eq!(cost, Usd::new("1.012".parse().unwrap()));
    }

    #[test]
    fn parts_of_an_amount_add_up() {
        let whole = Usd::new("10".parse().unwrap());
        let parts = whole.part(1, 4) + whole.part(3, 4);
        assert_eq!(parts, whole);
        assert_eq!(whole.part(1, 0), Usd::ZERO);
    }

    #[test]
    fn a_month_has_730_hours() {
        let day = Usd::new("24".parse().unwrap());
        assert_eq!(
            day.per_month(MS_PER_DAY).unwrap(),
            Usd::new("730".parse().unwrap())
        );
        assert_eq!(day.per_month(0), None);
    }
}
