//! The list as JSON: products by SKU, then their terms. Files of Savings Plans and the Spot feed look alike from afar.

use std::collections::BTreeMap;
use std::fmt;
use std::io::BufRead;

use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::LeftOut;
use super::ec2_spot;
use super::offer::{Extract, Offer, Price, attribute, is_wanted};
use super::plans::{Plan, PlanProduct, Plans};
use super::spot::Feed;
use super::{broken, unreadable};
use crate::model::error::Result;

/// What the file says; it is read once, and only what is wanted is held.
pub(super) fn read(reader: impl BufRead, name: &str, region: Option<&str>) -> Result<Extract> {
    let mut file = File::default();
    let mut deserializer = serde_json::Deserializer::from_reader(reader);
    let read = Top(&mut file).deserialize(&mut deserializer);
    read.and_then(|()| deserializer.end()).map_err(|error| {
        if error.is_eof() {
            unreadable(name, "the file is cut off")
        } else if error.is_io() {
            broken(name, error.into())
        } else {
            unreadable(name, error)
        }
    })?;
    file.done(name, region)
}

/// What has been read of a file.
#[derive(Default)]
struct File {
    published: Option<String>,
    service: String,
    region: Option<String>,
    offers: BTreeMap<String, Offer>,
    plans: Plans,
    feed: Feed,
    ec2_spot: ec2_spot::Config,
    left_out: Vec<LeftOut>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    #[serde(default)]
    product_family: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Term {
    offer_term_code: String,
    effective_date: String,
    #[serde(default)]
    price_dimensions: BTreeMap<String, Dimension>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dimension {
    unit: String,
    #[serde(default)]
    begin_range: String,
    price_per_unit: BTreeMap<String, String>,
}

impl File {
    fn add_product(&mut self, sku: String, product: Product) {
        let service = product
            .attributes
            .get("servicecode")
            .unwrap_or(&self.service)
            .clone();
        let attributes: BTreeMap<&'static str, String> = product
            .attributes
            .into_iter()
            .filter_map(|(name, value)| Some((attribute(&name)?, value)))
            .filter(|(_, value)| !value.is_empty())
            .collect();
        let value = |name| attributes.get(name).map_or("", String::as_str);
        if is_wanted(&service, &product.product_family, value) {
            let offer = Offer::new(service, product.product_family, attributes);
            self.offers.insert(sku, offer);
        }
    }

    fn add_terms(&mut self, sku: &str, terms: BTreeMap<String, Term>) {
        let Some(offer) = self.offers.get_mut(sku) else {
            return;
        };
        for term in terms.into_values() {
            for (rate, tier) in &term.price_dimensions {
                for (currency, amount) in &tier.price_per_unit {
                    let price = offer.price(Price {
                        term: &term.offer_term_code,
                        effective: term.effective_date.clone(),
                        rate,
                        unit: &tier.unit,
                        begin: &tier.begin_range,
                        currency,
                        amount,
                    });
                    self.left_out.extend(price.err().map(|reason| LeftOut {
                        name: sku.to_owned(),
                        reason,
                    }));
                }
            }
        }
    }

    fn done(self, name: &str, region: Option<&str>) -> Result<Extract> {
        let mut extract = Extract {
            spot: self.feed.prices(name)?,
            left_out: self.left_out,
            ..Extract::default()
        };
        extract.spot.extend(self.ec2_spot.prices(name)?);
        let region = self.region.as_deref().or(region);
        extract.rates = self.plans.rates(name, region)?;
        if self.offers.is_empty() {
            return Ok(extract);
        }
        let published = self.published.ok_or_else(|| {
            unreadable(
                name,
                "it does not say when it was published: it has no publicationDate",
            )
        })?;
        for (sku, mut offer) in self.offers {
            if let (false, Some(region)) = (offer.attributes.contains_key("regionCode"), region) {
                offer.attributes.insert("regionCode", region.to_owned());
            }
            extract.add(&sku, &offer, &published);
        }
        Ok(extract)
    }
}

/// Reads a value without holding it.
fn pass_over<'de, A: MapAccess<'de>>(map: &mut A) -> Result<(), A::Error> {
    map.next_value::<IgnoredAny>().map(|_| ())
}

/// The whole file.
struct Top<'f>(&'f mut File);

impl<'de> DeserializeSeed<'de> for Top<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Top<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a file of AWS's price list")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "offerCode" => self.0.service = map.next_value()?,
                "regionCode" => self.0.region = map.next_value()?,
                "publicationDate" => self.0.published = map.next_value()?,
                "products" => map.next_value_seed(Products(self.0))?,
                "terms" => map.next_value_seed(Terms(self.0))?,
                "metadata" => self.0.feed.metadata = map.next_value()?,
                "prices" => self.0.feed.entries = map.next_value()?,
                "config" => self.0.ec2_spot = map.next_value()?,
                _ => pass_over(&mut map)?,
            }
        }
        Ok(())
    }
}

/// Products by SKU, or the list of Savings Plans.
struct Products<'f>(&'f mut File);

impl<'de> DeserializeSeed<'de> for Products<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Products<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("products by SKU, or a list of Savings Plans")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(sku) = map.next_key::<String>()? {
            self.0.add_product(sku, map.next_value()?);
        }
        Ok(())
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(plan) = seq.next_element::<PlanProduct>()? {
            self.0.plans.describe(plan);
        }
        Ok(())
    }
}

/// On-demand terms, or the rates of Savings Plans; reserved terms are passed over.
struct Terms<'f>(&'f mut File);

impl<'de> DeserializeSeed<'de> for Terms<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Terms<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("terms by kind")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "OnDemand" => map.next_value_seed(OnDemand(self.0))?,
                "savingsPlan" => map.next_value_seed(SavingsPlans(self.0))?,
                _ => pass_over(&mut map)?,
            }
        }
        Ok(())
    }
}

/// On-demand terms by SKU.
struct OnDemand<'f>(&'f mut File);

impl<'de> DeserializeSeed<'de> for OnDemand<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OnDemand<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("terms by SKU")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(sku) = map.next_key::<String>()? {
            if self.0.offers.contains_key(&sku) {
                let terms = map.next_value()?;
                self.0.add_terms(&sku, terms);
            } else {
                pass_over(&mut map)?;
            }
        }
        Ok(())
    }
}

/// Savings Plans with their rates, one at a time.
struct SavingsPlans<'f>(&'f mut File);

impl<'de> DeserializeSeed<'de> for SavingsPlans<'_> {
    type Value = ();
    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for SavingsPlans<'_> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of Savings Plans")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        while let Some(plan) = seq.next_element::<Plan>()? {
            self.0.plans.add(plan);
        }
        Ok(())
    }
}
