//! What a file of the list says, as far as a book has a place for it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::super::{LeftOut, Rate, SpotPrice, ec2};

/// The attributes of a product that prices are told apart by, as the API spells them.
pub(super) const ATTRIBUTES: [&str; 14] = [
    "capacitystatus",
    "computeFamily",
    "computeType",
    "cpuArchitecture",
    "instanceType",
    "licenseModel",
    "locationType",
    "operatingSystem",
    "operation",
    "preInstalledSw",
    "regionCode",
    "tenancy",
    "usagetype",
    "volumeApiName",
];

/// The API's spelling of an attribute, where it is one that counts: `preInstalledSw` of `Pre Installed S/W`.
pub(super) fn attribute(column: &str) -> Option<&'static str> {
    let plain = |name: &str| -> String {
        let letters = name.chars().filter(char::is_ascii_alphanumeric);
        letters.map(|char| char.to_ascii_lowercase()).collect()
    };
    let column = plain(column);
    ATTRIBUTES.into_iter().find(|name| plain(name) == column)
}

/// Whether a book has a place for a product of `service` with these attributes: of EC2's, only plain Linux instances and
/// gp3 volumes, which is what the API is asked for.
pub(super) fn is_wanted<'a>(
    service: &str,
    family: &str,
    attribute: impl Fn(&'static str) -> &'a str,
) -> bool {
    let is_instance = || {
        let mut wanted = ec2::INSTANCES.iter();
        wanted.all(|(name, value)| attribute(name) == *value)
    };
    let is_volume = || family == "Storage" && attribute("volumeApiName") == "gp3";
    service != "AmazonEC2" || is_volume() || is_instance()
}

/// Everything that a file says, by region.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Extract {
    /// Products in the shape of `GetProducts`, by region and service code.
    #[serde(with = "pairs")]
    pub(super) products: BTreeMap<(String, String), Vec<String>>,
    /// Savings Plan rates with their region.
    pub(super) rates: Vec<(String, Rate)>,
    /// Fargate Spot prices.
    pub(super) spot: Vec<SpotPrice>,
    /// Lines that cannot be read.
    pub(super) left_out: Vec<LeftOut>,
}

/// JSON has no keys of two parts.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    type Products = BTreeMap<(String, String), Vec<String>>;

    pub(super) fn serialize<S: Serializer>(map: &Products, to: S) -> Result<S::Ok, S::Error> {
        map.iter().collect::<Vec<_>>().serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Products, D::Error> {
        let pairs: Vec<((String, String), Vec<String>)> = Vec::deserialize(from)?;
        Ok(pairs.into_iter().collect())
    }
}

impl Extract {
    /// Adds a product; one without a region is of none that could be asked for.
    pub(super) fn add(&mut self, sku: &str, offer: &Offer, published: &str) {
        let region = offer.attributes.get("regionCode");
        self.products
            .entry((region.cloned().unwrap_or_default(), offer.service.clone()))
            .or_default()
            .push(offer.text(sku, published));
    }
}

/// A product as it is put together from the parts of a file.
#[derive(Debug)]
pub(super) struct Offer {
    service: String,
    family: String,
    pub(super) attributes: BTreeMap<&'static str, String>,
    terms: BTreeMap<(String, String), BTreeMap<String, Tier>>,
}

#[derive(Debug)]
struct Tier {
    unit: String,
    begin: String,
    prices: BTreeMap<String, String>,
}

/// One price of a tier of a term.
pub(super) struct Price<'a> {
    pub(super) term: &'a str,
    /// RFC 3339.
    pub(super) effective: String,
    pub(super) rate: &'a str,
    pub(super) unit: &'a str,
    pub(super) begin: &'a str,
    pub(super) currency: &'a str,
    pub(super) amount: &'a str,
}

impl Offer {
    /// A product without a price yet.
    pub(super) const fn new(
        service: String,
        family: String,
        attributes: BTreeMap<&'static str, String>,
    ) -> Self {
        Self {
            service,
            family,
            attributes,
            terms: BTreeMap::new(),
        }
    }

    /// Notes a price; refused where the file has said another one for the same rate and currency.
    pub(super) fn price(&mut self, price: Price<'_>) -> Result<(), String> {
        let term = (price.term.to_owned(), price.effective);
        let tier = self
            .terms
            .entry(term)
            .or_default()
            .entry(price.rate.to_owned())
            .or_insert_with(|| Tier {
                unit: price.unit.to_owned(),
                begin: price.begin.to_owned(),
                prices: BTreeMap::new(),
            });
        let amount = price.amount.to_owned();
        match tier.prices.insert(price.currency.to_owned(), amount) {
            Some(other) if other != price.amount => Err(format!(
                "rate {} is said twice, {other} and {} {}",
                price.rate, price.amount, price.currency
            )),
            _ => Ok(()),
        }
    }

    /// The product as `GetProducts` answers it.
    pub(super) fn text(&self, sku: &str, published: &str) -> String {
        let terms: serde_json::Map<String, Value> = self
            .terms
            .iter()
            .map(|((term, effective), tiers)| {
                let tiers: serde_json::Map<String, Value> = tiers
                    .iter()
                    .map(|(rate, tier)| (rate.clone(), tier.json()))
                    .collect();
                let term = format!("{sku}.{term}.{effective}");
                (
                    term,
                    json!({ "effectiveDate": effective, "priceDimensions": tiers }),
                )
            })
            .collect();
        json!({
            "product": { "sku": sku, "productFamily": self.family, "attributes": self.attributes },
            "serviceCode": self.service,
            "terms": { "OnDemand": terms },
            "publicationDate": published,
        })
        .to_string()
    }
}

impl Tier {
    fn json(&self) -> Value {
        json!({ "unit": self.unit, "beginRange": self.begin, "pricePerUnit": self.prices })
    }
}
