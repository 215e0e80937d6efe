//! The feed behind the Spot tables of AWS's Fargate pricing page.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::SpotPrice;
use super::unreadable;
use crate::model::error::Result;

/// The feed as it comes; empty for any other file.
#[derive(Debug, Default)]
pub(super) struct Feed {
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) entries: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Entry {
    unit: String,
    price: BTreeMap<String, String>,
    attributes: BTreeMap<String, String>,
}

impl Feed {
    /// Its prices, dated by the feed's own version.
    pub(super) fn prices(self, name: &str) -> Result<Vec<SpotPrice>> {
        if self.entries.is_empty() {
            return Ok(Vec::new());
        }
        let as_of = self
            .metadata
            .get("source:version")
            .and_then(|text| day(text));
        let as_of = as_of.ok_or_else(|| {
            unreadable(
                name,
                "it does not say when it was made: it has no source:version",
            )
        })?;
        let price = |entry: Entry| {
            let value = |name| entry.attributes.get(name).cloned().unwrap_or_default();
            SpotPrice {
                region: value("aws:region"),
                label: value("aws:label"),
                unit: entry.unit,
                prices: entry.price,
                as_of: as_of.clone(),
            }
        };
        Ok(self.entries.into_iter().map(price).collect())
    }
}

/// `2019-07-30` of `20190730194642`.
fn day(version: &str) -> Option<String> {
    let day = format!(
        "{}-{}-{}",
        version.get(..4)?,
        version.get(4..6)?,
        version.get(6..8)?
    );
    day.parse::<jiff::civil::Date>().ok().map(|_| day)
}
