//! A product of the price list: what it is, and what it costs now.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::model::error::{Error, ErrorKind, Result};

/// A product, as far as prices need it; reserved terms are not read.
pub(super) struct Product {
    /// AWS's name for it.
    pub(super) sku: String,
    /// The day its list was published, `2026-11-20`.
    pub(super) as_of: String,
    attributes: BTreeMap<String, String>,
    terms: Vec<(Timestamp, Term)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Text {
    product: Described,
    #[serde(default)]
    terms: Terms,
    publication_date: String,
}

#[derive(Deserialize)]
struct Described {
    sku: String,
    attributes: BTreeMap<String, String>,
}

#[derive(Default, Deserialize)]
struct Terms {
    #[serde(default, rename = "OnDemand")]
    on_demand: BTreeMap<String, Term>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    effective_date: String,
    price_dimensions: BTreeMap<String, Dimension>,
}

/// A tier: what a unit costs from `begin_range` units on.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    begin_range: Option<String>,
    price_per_unit: BTreeMap<String, String>,
}

impl Product {
    /// The product that `text` describes.
    pub(super) fn read(text: &str) -> Result<Self> {
        let Text {
            product: Described { sku, attributes },
            terms,
            publication_date,
        } = serde_json::from_str(text).map_err(|cause| {
            Error::new(
                ErrorKind::Input,
                "a product of the price list is not in AWS's shape",
            )
            .cause(cause)
        })?;
        let time = |text: &str| {
            let refused = |cause| {
                Error::new(
                    ErrorKind::Input,
                    format!("`{text}` is no time, in product {sku}"),
                )
                .cause(cause)
            };
            text.parse::<Timestamp>()
                .map_err(|error| refused(error.to_string()))
        };
        let as_of = time(&publication_date)?.strftime("%Y-%m-%d").to_string();
        let terms = terms
            .on_demand
            .into_values()
            .map(|term| Ok((time(&term.effective_date)?, term)));
        let terms = terms.collect::<Result<_>>()?;
        Ok(Self {
            sku,
            as_of,
            attributes,
            terms,
        })
    }

    /// Whether it is sold in `region` itself, not in a zone or on an outpost of it.
    pub(super) fn is_of(&self, region: &str) -> bool {
        self.attribute("regionCode") == region
            && matches!(self.attribute("locationType"), "AWS Region" | "")
    }

    /// An attribute; empty where it has none of that name.
    pub(super) fn attribute(&self, name: &str) -> &str {
        self.attributes.get(name).map_or("", String::as_str)
    }

    /// Whether every attribute is as said.
    pub(super) fn has(&self, attributes: &[(&str, &str)]) -> bool {
        attributes
            .iter()
            .all(|(name, value)| self.attribute(name) == *value)
    }

    /// Its usage type without the prefix of the region.
    pub(super) fn usage(&self) -> &str {
        without_region(self.attribute("usagetype"))
    }

    /// The USD price of one of `units`, as published; or why there is none to take.
    pub(super) fn price(&self, units: &[&str], now: Timestamp) -> Result<&str, String> {
        let tiers: Vec<&Dimension> = self.term_in_force(now)?.price_dimensions.values().collect();
        let mut paid = Vec::new();
        for tier in &tiers {
            if !units
                .iter()
                .any(|unit| unit.eq_ignore_ascii_case(&tier.unit))
            {
                return Err(format!(
                    "unit `{}`, not `{}`",
                    tier.unit,
                    units.join("` or `")
                ));
            }
            let usd = tier.usd()?;
            if is_above_zero(usd)? {
                paid.push((tier, usd));
            }
        }
        match paid.as_slice() {
            [] => Err("free of charge".to_owned()),
            [(tier, usd)] if matches!(tier.begin_range.as_deref(), Some("0") | None) => Ok(usd),
            [(tier, _)] if tiers.len() == 1 => Err(format!(
                "charged from {} units on",
                tier.begin_range.as_deref().unwrap_or_default()
            )),
            _ => Err(format!("price of {} tiers", tiers.len())),
        }
    }

    /// The on-demand term with the newest start that is not in the future.
    fn term_in_force(&self, now: Timestamp) -> Result<&Term, String> {
        let day = |time: &Timestamp| time.strftime("%Y-%m-%d").to_string();
        let newest = self
            .terms
            .iter()
            .map(|(from, _)| from)
            .filter(|from| **from <= now)
            .max();
        let Some(newest) = newest else {
            return Err(match self.terms.iter().map(|(from, _)| from).min() {
                Some(first) => format!("not in force before {}", day(first)),
                None => "no on-demand price".to_owned(),
            });
        };
        let in_force: Vec<&Term> = self
            .terms
            .iter()
            .filter(|(from, _)| from == newest)
            .map(|(_, term)| term)
            .collect();
        match in_force.as_slice() {
            [term] => Ok(term),
            several => Err(format!(
                "{} prices in force since {}",
                several.len(),
                day(newest)
            )),
        }
    }
}

impl Dimension {
    fn usd(&self) -> Result<&str, String> {
        self.price_per_unit
            .get("USD")
            .map(String::as_str)
            .ok_or_else(|| {
                let currencies: Vec<&str> =
                    self.price_per_unit.keys().map(String::as_str).collect();
                format!("price in {}, not in USD", currencies.join(", "))
            })
    }
}

/// Whether `price` costs anything; refused where it is no price.
pub(super) fn is_above_zero(price: &str) -> Result<bool, String> {
    match Decimal::from_str_exact(price) {
        Ok(price) if price >= Decimal::ZERO => Ok(!price.is_zero()),
        _ => Err(format!("`{price}` is no price")),
    }
}

/// `Fargate-GB-Hours` of `USE1-Fargate-GB-Hours`; a usage type without a region stays as it is.
pub(super) fn without_region(usage_type: &str) -> &str {
    match usage_type.split_once('-') {
        Some((region, rest))
            if region
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit()) =>
        {
            rest
        }
        _ => usage_type,
    }
}
