//! An amount as columns of a flat table.

use super::flat::{Column, Part, Type, Value, column_of_amount, maybe, usd};
use super::result::AmountResult;
use crate::pricing::Quality;

/// The going rate of a row.
pub(super) fn rate<R>(of: fn(&R) -> Option<&AmountResult>) -> impl Iterator<Item = Column<R>> {
    let names = [
        "x_GoingRate",
        "x_GoingRateCertainty",
        "x_GoingRateLower",
        "x_GoingRateUpper",
        "x_GoingRatePricesAsOf",
        "x_GoingRatePriceQuality",
    ];
    amount(names, of)
}

/// An amount: its best figure, how sure it is, its ends, and the oldest and weakest price behind it.
pub(super) fn amount<R>(
    names: [&'static str; 6],
    of: fn(&R) -> Option<&AmountResult>,
) -> impl Iterator<Item = Column<R>> {
    let parts: [(Type, Part); 6] = [
        (Type::Usd, best),
        (Type::Text, certainty),
        (Type::Usd, lower),
        (Type::Usd, upper),
        (Type::Text, prices_as_of),
        (Type::Text, price_quality),
    ];
    names
        .into_iter()
        .zip(parts)
        .map(move |(name, (kind, part))| column_of_amount(name, kind, of, part))
}

pub(super) fn best(amount: Option<&AmountResult>) -> Value<'static> {
    usd(amount.map(|amount| amount.usd))
}

fn lower(amount: Option<&AmountResult>) -> Value<'static> {
    usd(amount.and_then(|amount| amount.lower_usd))
}

fn upper(amount: Option<&AmountResult>) -> Value<'static> {
    usd(amount.and_then(|amount| amount.upper_usd))
}

fn certainty(amount: Option<&AmountResult>) -> Value<'static> {
    maybe(amount.map(|amount| amount.certainty.as_str()))
}

/// The date of the oldest price behind it; nothing where one has no date.
fn prices_as_of(amount: Option<&AmountResult>) -> Value<'_> {
    let lines = amount.map_or(&[][..], |amount| &amount.lines);
    let dates: Option<Vec<&str>> = lines.iter().map(|line| line.as_of.as_deref()).collect();
    maybe(dates.and_then(|dates| dates.into_iter().min()))
}

/// The quality of the weakest price behind it.
fn price_quality(amount: Option<&AmountResult>) -> Value<'_> {
    let lines = amount.map_or(&[][..], |amount| &amount.lines);
    let weakest = lines
        .iter()
        .filter_map(|line| Quality::parse(line.quality))
        .max();
    maybe(weakest.map(Quality::as_str))
}

#[cfg(test)]
mod tests {
    use super::super::flat::text;
    use super::super::result::CostLineResult;
    use super::*;
    use crate::model::units::Usd;
    use crate::pricing::cost::Certainty;

    #[test]
    fn an_amount_is_as_old_and_as_weak_as_its_weakest_price() {
        let line = |as_of: Option<&str>, quality: &'static str| CostLineResult {
            of: "".into(),
            component: "vcpu",
            quantity: 1.0,
            unit: "vCPU-hour",
            price_usd: 1.0,
            as_of: as_of.map(Into::into),
            quality,
            source: "".into(),
            usd: Usd::ZERO,
        };
        let mut amount = AmountResult {
            usd: Usd::ZERO,
            certainty: Certainty::Exact,
            lower_usd: None,
            upper_usd: None,
            lines: vec![
                line(Some("2026-10-01"), "single_source"),
                line(Some("2025-12-06"), "exact"),
            ],
        };
        assert_eq!(prices_as_of(Some(&amount)), text("2025-12-06"));
        assert_eq!(price_quality(Some(&amount)), text("single_source"));
        amount.lines.push(line(None, "conflicting"));
        assert_eq!(prices_as_of(Some(&amount)), Value::Null);
        assert_eq!(price_quality(Some(&amount)), text("conflicting"));
        assert_eq!(price_quality(None), Value::Null);
    }
}
