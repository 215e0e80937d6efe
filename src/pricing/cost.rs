//! What metered time costs: cost lines, and an amount that carries how sure it is.
//!
//! A [`Tariff`] is what one hour somewhere is made of, component by component, each with its price. Metered time
//! makes it a list of [`CostLine`]s; nothing sums them away before a report does. An [`Amount`] is such a list with
//! the ends between which the truth lies.

use std::sync::Arc;

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::metering::{Meter, MeteredMs};
use super::price::{Price, Quality};
use crate::model::span::Span;
use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR, Usd};

/// How sure an amount is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Certainty {
    /// Start and stop of every run are known.
    Exact,
    /// Counted, sighted, or by a configuration that was inferred.
    Estimated,
    /// More may have run.
    AtLeast,
    /// Less may have run.
    AtMost,
    /// Not less than the one end, not more than the other.
    Between,
}

impl Certainty {
    /// As stored and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Estimated => "estimated",
            Self::AtLeast => "at_least",
            Self::AtMost => "at_most",
            Self::Between => "between",
        }
    }
}

/// One component of a tariff: so much of something for as long as it runs, at a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Charge {
    /// `vcpu`, `memory`, `ephemeral_storage`, `windows_license`, `build_time`, `instance`, `root_volume`, `public_ipv4`.
    pub component: &'static str,
    /// How much of it is held while it runs, in parts of which `per_ms` milliseconds make one `unit`.
    pub held: u32,
    /// How many part-milliseconds are one unit.
    pub per: i64,
    /// `vCPU-hour`, `GiB-hour`, `minute`, `instance-hour`, `GiB-month`, …
    pub unit: &'static str,
    /// USD for one unit, as published.
    pub price: Decimal,
    /// Date of the price; `None` if undated.
    pub as_of: Option<Arc<str>>,
    /// What the price stands on.
    pub quality: Quality,
    /// Where the price is from.
    pub source: Arc<str>,
}

impl Charge {
    /// What is held at a price of the book; `unit` is the price's own in words that fit the component.
    pub fn at(
        component: &'static str,
        held: u32,
        per: i64,
        unit: &'static str,
        price: &Price,
    ) -> Self {
        Self {
            component,
            held,
            per,
            unit,
            price: price.usd,
            as_of: price.as_of.clone(),
            quality: price.quality,
            source: price.source.clone(),
        }
    }

    fn usd(&self, metered_ms: i64) -> Usd {
        Usd::of(self.amount(metered_ms), self.price, self.per)
    }

    fn amount(&self, metered_ms: i64) -> i128 {
        i128::from(self.held) * i128::from(metered_ms.max(0))
    }
}

/// What running somewhere costs, and the rule that meters the time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// What is run: `FARGATE_SPOT 1 vCPU / 2 GiB arm64`.
    pub of: Arc<str>,
    /// Which time counts.
    pub meter: Meter,
    /// What is charged for that time.
    pub charges: Vec<Charge>,
}

impl Tariff {
    /// What `metered_ms` cost.
    pub fn usd(&self, metered_ms: i64) -> Usd {
        self.charges
            .iter()
            .map(|charge| charge.usd(metered_ms))
            .sum()
    }

    /// What an hour costs: orders sizes.
    pub fn usd_per_hour(&self) -> Usd {
        self.usd(MS_PER_HOUR)
    }

    /// What metered time costs, line by line.
    pub fn lines(&self, metered_ms: i64) -> Vec<CostLine> {
        let line = |charge: &Charge| CostLine {
            of: self.of.clone(),
            component: charge.component,
            quantity: Usd::of(charge.amount(metered_ms), Decimal::ONE, charge.per).amount(),
            unit: charge.unit,
            price: charge.price,
            as_of: charge.as_of.clone(),
            quality: charge.quality,
            source: charge.source.clone(),
            usd: charge.usd(metered_ms),
        };
        self.charges.iter().map(line).collect()
    }

    /// What time that is known between two ends costs; `estimated` where it was counted or inferred.
    pub fn amount(&self, metered: &Span<MeteredMs>, estimated: bool) -> Amount {
        let counted = Span {
            low: self.meter.of(&metered.low),
            best: self.meter.of(&metered.best),
            high: self.meter.of(&metered.high),
        };
        self.amount_of(&counted, estimated)
    }

    /// The same of milliseconds that [`Self::meter`] counts.
    pub fn amount_of(&self, metered_ms: &Span<i64>, estimated: bool) -> Amount {
        Amount {
            low: self.usd(metered_ms.low),
            usd: self.usd(metered_ms.best),
            high: Some(self.usd(metered_ms.high)),
            estimated,
            lines: self.lines(metered_ms.best),
        }
    }
}

/// Quantity × price of one component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostLine {
    /// What is run: `FARGATE_SPOT 1 vCPU / 2 GiB arm64`.
    pub of: Arc<str>,
    /// `vcpu`, `memory`, `build_time`, …
    pub component: &'static str,
    /// How much.
    pub quantity: Decimal,
    /// Of what.
    pub unit: &'static str,
    /// USD for one unit.
    pub price: Decimal,
    /// Date of the price; `None` if undated.
    pub as_of: Option<Arc<str>>,
    /// What the price stands on.
    pub quality: Quality,
    /// Where the price is from.
    pub source: Arc<str>,
    /// The product.
    pub usd: Usd,
}

/// Money, and the ends between which the truth lies: `low ≤ usd ≤ high`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Amount {
    /// The best figure.
    pub usd: Usd,
    /// Not less than this.
    pub low: Usd,
    /// Not more than this; `None` where nothing bounds it.
    pub high: Option<Usd>,
    /// Counted or inferred: not exact even where both ends are the same.
    pub estimated: bool,
    /// What the best figure is made of.
    pub lines: Vec<CostLine>,
}

impl Amount {
    /// Nothing, for sure.
    pub fn zero() -> Self {
        Self {
            high: Some(Usd::ZERO),
            ..Self::default()
        }
    }

    /// An amount without doubt and without lines.
    pub fn exact(usd: Usd) -> Self {
        Self {
            usd,
            low: usd,
            high: Some(usd),
            ..Self::default()
        }
    }

    /// How sure it is.
    pub fn certainty(&self) -> Certainty {
        match self.high {
            None => Certainty::AtLeast,
            Some(high) if self.low == Usd::ZERO && high > Usd::ZERO => Certainty::AtMost,
            Some(high) if self.low < high => Certainty::Between,
            Some(_) if self.estimated => Certainty::Estimated,
            Some(_) => Certainty::Exact,
        }
    }

    /// The same without what it is made of, for sums over workloads.
    #[must_use]
    pub const fn bare(&self) -> Self {
        Self {
            usd: self.usd,
            low: self.low,
            high: self.high,
            estimated: self.estimated,
            lines: Vec::new(),
        }
    }

    /// Both together.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        Self {
            usd: self.usd + other.usd,
            low: self.low + other.low,
            high: self.high.zip(other.high).map(|(a, b)| a + b),
            estimated: self.estimated || other.estimated,
            lines: self.lines,
        }
    }

    /// The same where any of `others` may be the truth instead: the ends reach out to theirs.
    #[must_use]
    pub fn or_any<'a>(mut self, others: impl IntoIterator<Item = &'a Self>) -> Self {
        for other in others {
            self.low = self.low.min(other.low);
            self.high = self.high.zip(other.high).map(|(a, b)| a.max(b));
            self.estimated = true;
        }
        self
    }

    /// This amount, seen over `observed_ms`, as a month of 730 hours; `None` where nothing was observed.
    pub fn per_month(mut self, observed_ms: i64) -> Option<Self> {
        let month = |usd: Usd| usd.per_month(observed_ms);
        let month_ms = Decimal::from(HOURS_PER_MONTH * MS_PER_HOUR);
        for line in &mut self.lines {
            let quantity = line.quantity.checked_mul(month_ms)?;
            line.quantity = quantity.checked_div(Decimal::from(observed_ms))?;
            line.usd = month(line.usd)?;
        }
        Some(Self {
            usd: month(self.usd)?,
            low: month(self.low)?,
            high: match self.high {
                Some(high) => Some(month(high)?),
                None => None,
            },
            ..self
        })
    }
}

impl std::iter::Sum for Amount {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::zero(), Self::plus)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn usd(text: &str) -> Usd {
        Usd::new(text.parse().unwrap())
    }

    fn charge(component: &'static str, held: u32, per: i64, price: &str) -> Charge {
        Charge {
            component,
            held,
            per,
            unit: "unit",
            price: price.parse().unwrap(),
            as_of: None,
            quality: Quality::Exact,
            source: "".into(),
        }
    }

    /// 1 vCPU and 2 GiB on Fargate in us-east-1.
    fn task() -> Tariff {
        Tariff {
            of: "task".into(),
            meter: Meter::Seconds60,
            charges: vec![
                charge("vcpu", 1024, 1024 * MS_PER_HOUR, "0.04048"),
                charge("memory", 2048, 1024 * MS_PER_HOUR, "0.004445"),
            ],
        }
    }

    fn metered(ms: i64) -> MeteredMs {
        MeteredMs {
            second_floor_60: ms,
            ..MeteredMs::default()
        }
    }

    fn span(low: i64, best: i64, high: i64) -> Span<MeteredMs> {
        Span {
            low: metered(low),
            best: metered(best),
            high: metered(high),
        }
    }

    #[test]
    fn an_hour_is_its_lines_and_the_lines_are_what_aws_publishes() {
        let amount = task().amount(&span(MS_PER_HOUR, MS_PER_HOUR, MS_PER_HOUR), false);
        // AWS Fargate pricing page: $0.04048 per vCPU-hour, $0.004445 per GB-hour.
        assert_eq!(amount.usd, usd("0.04937"));
        assert_eq!(amount.certainty(), Certainty::Exact);
        let lines: Vec<_> = amount
            .lines
            .iter()
            .map(|line| {
                (
                    line.component,
                    line.quantity.normalize().to_string(),
                    line.usd,
                )
            })
            .collect();
        assert_eq!(
            lines,
            [
                ("vcpu", "1".to_owned(), usd("0.04048")),
                ("memory", "2".to_owned(), usd("0.00889"))
            ]
        );
    }

    #[test]
    fn certainty_follows_from_what_is_known() {
        let of = |low, best, high, estimated| {
            task().amount(&span(low, best, high), estimated).certainty()
        };
        assert_eq!(of(5, 5, 5, false), Certainty::Exact);
        assert_eq!(of(5, 5, 5, true), Certainty::Estimated);
        assert_eq!(of(5, 6, 9, false), Certainty::Between);
        assert_eq!(of(5, 6, 9, true), Certainty::Between);
        assert_eq!(of(0, 6, 9, false), Certainty::AtMost);
        let unbounded = Amount {
            high: None,
            ..Amount::exact(usd("1"))
        };
        assert_eq!(unbounded.certainty(), Certainty::AtLeast);
        assert_eq!(Amount::zero().certainty(), Certainty::Exact);
    }

    #[test]
    fn a_sum_is_as_sure_as_its_least_sure_part() {
        let exact = Amount::exact(usd("2"));
        let counted = Amount {
            estimated: true,
            ..Amount::exact(usd("3"))
        };
        let bound = Amount {
            high: None,
            ..Amount::exact(usd("5"))
        };
        let of = |parts: &[&Amount]| {
            let sum: Amount = parts.iter().map(|part| (*part).clone()).sum();
            (sum.usd, sum.certainty())
        };
        assert_eq!(of(&[&exact, &counted]), (usd("5"), Certainty::Estimated));
        assert_eq!(of(&[&counted, &bound]), (usd("8"), Certainty::AtLeast));
    }

    /// What the same costs, slowly and in floats.
    fn slowly(ms: i64) -> f64 {
        let hours = ms as f64 / 3_600_000.0;
        hours * (0.040_48 + 2.0 * 0.004_445)
    }

    proptest! {
        #[test]
        fn the_ends_hold_the_figure_and_the_lines_add_up_to_it(
            low in 0_i64..1_000_000_000, more in 0_i64..1_000_000_000, most in 0_i64..1_000_000_000, days in 1_i64..100,
        ) {
            let amount = task().amount(&span(low, low + more, low + more + most), false);
            prop_assert!(amount.low <= amount.usd && Some(amount.usd) <= amount.high);
            prop_assert!((amount.usd.as_f64() - slowly(low + more)).abs() < 1e-9 * (1.0 + slowly(low + more)));
            prop_assert_eq!(amount.lines.iter().map(|line| line.usd).sum::<Usd>(), amount.usd);
            let observed_ms = days * 24 * MS_PER_HOUR;
            let month = amount.clone().per_month(observed_ms).unwrap();
            let expected = slowly(low + more) * 730.0 / (days as f64 * 24.0);
            prop_assert!((month.usd.as_f64() - expected).abs() < 1e-9 * (1.0 + expected));
            let lines: Usd = month.lines.iter().map(|line| line.usd).sum();
            prop_assert!((lines - month.usd).as_f64().abs() < 1e-15);
            prop_assert_eq!(month.certainty(), amount.certainty());
        }

        #[test]
        fn time_that_is_split_adds_up_and_better_evidence_never_widens(
            first in 0_i64..1_000_000, second in 0_i64..1_000_000, slack in 0_i64..1_000_000, less in 0_i64..1_000_000,
        ) {
            let exact = |ms| task().amount(&span(ms, ms, ms), false);
            let (parts, whole) = (exact(first).plus(exact(second)).usd, exact(first + second).usd);
            prop_assert!((parts - whole).as_f64().abs() < 1e-20);
            let wide = task().amount(&span(first, first, first + slack), false);
            let narrow = task().amount(&span(first, first, first + (slack - less).max(0)), false);
            prop_assert!(narrow.low >= wide.low && narrow.high <= wide.high);
        }

        #[test]
        fn alternatives_only_widen(one in 1_i64..1_000_000, other in 1_i64..1_000_000) {
            let exact = |ms| task().amount(&span(ms, ms, ms), false);
            let either = exact(one).or_any([&exact(other)]);
            prop_assert!(either.low <= exact(one).low.min(exact(other).low));
            prop_assert!(either.high >= exact(one).high.max(exact(other).high));
            prop_assert!(either.certainty() != Certainty::Exact);
        }
    }
}
