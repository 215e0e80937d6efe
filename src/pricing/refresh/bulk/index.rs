//! The indexes of the list: which files it has.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::unreadable;
use crate::model::error::Result;

/// Path of the index of all offers.
pub(super) const OFFERS: &str = "/offers/v1.0/aws/index.json";

/// The offers whose prices a book holds.
pub(super) const SERVICES: [&str; 4] = ["AmazonECS", "CodeBuild", "AmazonEC2", "AmazonVPC"];

/// The index of all offers.
#[derive(Debug, Deserialize)]
pub(super) struct Offers {
    offers: BTreeMap<String, OfferFiles>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct OfferFiles {
    current_region_index_url: Option<String>,
    current_savings_plan_index_url: Option<String>,
}

/// The index of the regions of one offer.
#[derive(Debug, Deserialize)]
struct Regions {
    regions: BTreeMap<String, RegionFile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegionFile {
    current_version_url: String,
}

/// The index of the regions of Savings Plans.
#[derive(Debug, Deserialize)]
struct PlanRegions {
    regions: Vec<PlanFile>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanFile {
    region_code: String,
    version_url: String,
}

fn parse<T: DeserializeOwned>(text: &str, name: &str) -> Result<T> {
    serde_json::from_str(text)
        .map_err(|cause| unreadable(name, format!("it is not in AWS's shape: {cause}")))
}

impl Offers {
    pub(super) fn read(text: &str) -> Result<Self> {
        parse(text, OFFERS)
    }

    /// The index of the regions of `service`.
    pub(super) fn regions(&self, service: &str) -> Result<&str> {
        let files = self.offers.get(service);
        files
            .and_then(|files| files.current_region_index_url.as_deref())
            .ok_or_else(|| unreadable(OFFERS, format!("it has no offer {service}")))
    }

    /// The index of the regions of Compute Savings Plans.
    pub(super) fn savings_plans(&self) -> Result<&str> {
        let plans = self.offers.values().find_map(|files| {
            let url = files.current_savings_plan_index_url.as_deref()?;
            url.contains("AWSComputeSavingsPlan").then_some(url)
        });
        plans.ok_or_else(|| unreadable(OFFERS, "it has no Compute Savings Plans"))
    }
}

/// The file of each region, as CSV, out of the index of the regions of an offer.
pub(super) fn files(text: &str, name: &str) -> Result<BTreeMap<String, String>> {
    let Regions { regions } = parse(text, name)?;
    let csv = |url: String| match url.strip_suffix(".json") {
        Some(start) => format!("{start}.csv"),
        None => url,
    };
    Ok(regions
        .into_iter()
        .map(|(region, file)| (region, csv(file.current_version_url)))
        .collect())
}

/// The file of each region, as JSON, out of the index of the regions of Savings Plans.
pub(super) fn plan_files(text: &str, name: &str) -> Result<BTreeMap<String, String>> {
    let PlanRegions { regions } = parse(text, name)?;
    Ok(regions
        .into_iter()
        .map(|file| (file.region_code, file.version_url))
        .collect())
}
