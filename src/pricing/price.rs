//! A price as its row of the book states it: how much for what, of which day, from where, and how sure.

use std::sync::Arc;

use jiff::ToSpan;
use jiff::civil::Date;
use rust_decimal::Decimal;

/// What a price stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Quality {
    /// AWS's own price list, calculator or bill, read directly or quoted with its version.
    Exact,
    /// Several independent sources agree, or it fits all other sizes of its family.
    Consistent,
    /// One source that is not AWS's own.
    SingleSource,
    /// A price that floats (Spot), true on its date.
    Snapshot,
    /// Sources disagree; the newest list price is kept.
    Conflicting,
}

impl Quality {
    /// Every quality, the best first.
    pub const ALL: [Self; 5] = [
        Self::Exact,
        Self::Consistent,
        Self::SingleSource,
        Self::Snapshot,
        Self::Conflicting,
    ];

    /// As spelt in the tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Consistent => "consistent",
            Self::SingleSource => "single_source",
            Self::Snapshot => "snapshot",
            Self::Conflicting => "conflicting",
        }
    }

    /// The quality spelt `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|quality| quality.as_str() == text)
    }
}

/// What a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PriceUnit {
    /// One vCPU for an hour.
    VcpuHour,
    /// One GiB of memory or storage for an hour.
    GibHour,
    /// One thing (an instance, an address) for an hour.
    Hour,
    /// A minute of build time.
    Minute,
    /// A second of build time.
    Second,
    /// One GiB of a volume for a month.
    GibMonth,
}

impl PriceUnit {
    /// `vCPU-hour`, …
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::VcpuHour => "vCPU-hour",
            Self::GibHour => "GiB-hour",
            Self::Hour => "hour",
            Self::Minute => "minute",
            Self::Second => "second",
            Self::GibMonth => "GiB-month",
        }
    }
}

/// One price of the book, with what its row says about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// USD for one `unit`, as published.
    pub usd: Decimal,
    /// What it is for.
    pub unit: PriceUnit,
    /// The day, month or year on which it was last known to hold (`2026-09-11`, `2026-09` or `2026`); `None` if the
    /// source does not say.
    pub as_of: Option<Arc<str>>,
    /// What it stands on.
    pub quality: Quality,
    /// Where it is from, in our words; `data/prices/README.md` explains the short ones.
    pub source: Arc<str>,
}

impl Price {
    /// Whether it is old on `today`: see [`is_old`].
    pub fn is_old(&self, today: Date) -> bool {
        is_old(self.as_of.as_deref(), today)
    }

    /// Whether a reader should think twice: it is old on `today`, or its sources disagree.
    pub fn is_doubtful(&self, today: Date) -> bool {
        self.is_old(today) || self.quality == Quality::Conflicting
    }
}

/// Whether a price of the date `as_of` is older than a year on `today`.
///
/// A month or a year stands for its last day: a price of `2025-11` is old from 2026-12-01 on. A price without a date is
/// old, since nothing says that it is not.
pub fn is_old(as_of: Option<&str>, today: Date) -> bool {
    let Some(last) = as_of.and_then(last_day) else {
        return true;
    };
    today
        .checked_sub(1.year())
        .is_ok_and(|year_ago| last < year_ago)
}

/// The last day of a day, month or year.
fn last_day(text: &str) -> Option<Date> {
    match text.len() {
        4 => Date::new(text.parse().ok()?, 12, 31).ok(),
        7 => Some(format!("{text}-01").parse::<Date>().ok()?.last_of_month()),
        _ => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_is_old_the_day_after_its_first_year() {
        let old = |as_of, today: &str| is_old(as_of, today.parse().expect("a date"));
        assert!(!old(Some("2025-11-26"), "2026-11-26"));
        assert!(old(Some("2025-11-25"), "2026-11-26"));
        assert!(!old(Some("2025-11"), "2026-11-30"));
        assert!(old(Some("2025-11"), "2026-12-01"));
        assert!(!old(Some("2025"), "2026-12-31"));
        assert!(old(Some("2025"), "2027-01-01"));
        assert!(!old(Some("2027-01-01"), "2026-11-26"), "from the future");
    }

    #[test]
    fn a_price_without_a_date_is_old() {
        let today = "2026-11-26".parse().expect("a date");
        assert!(is_old(None, today));
        assert!(is_old(Some("Sept"), today));
    }
}
