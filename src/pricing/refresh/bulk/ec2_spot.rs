//! The feed behind the Spot tables of AWS's EC2 pricing page: Linux prices of an hour, by region and instance type.
//!
//! It does not say when it was made. Its oldest regions have names of their own.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::SpotPrice;
use super::unreadable;
use crate::model::error::Result;

/// The feed as it comes; empty for any other file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Config {
    rate: String,
    regions: Vec<Region>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    region: String,
    #[serde(default)]
    instance_types: Vec<Family>,
}

#[derive(Debug, Deserialize)]
struct Family {
    #[serde(default)]
    sizes: Vec<Size>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Size {
    size: String,
    #[serde(default)]
    value_columns: Vec<Column>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    prices: BTreeMap<String, String>,
}

impl Config {
    /// Its Linux prices, without a date; a type that is not offered (`N/A*`) has none.
    pub(super) fn prices(self, name: &str) -> Result<Vec<SpotPrice>> {
        if self.regions.is_empty() {
            return Ok(Vec::new());
        }
        if self.rate != "perhr" {
            let problem = format!("its prices are `{}`, not by the hour", self.rate);
            return Err(unreadable(name, problem));
        }
        let mut prices = Vec::new();
        for of in self.regions {
            let region = region(&of.region);
            let sizes = of
                .instance_types
                .into_iter()
                .flat_map(|family| family.sizes);
            for Size {
                size,
                value_columns,
            } in sizes
            {
                let linux = value_columns
                    .into_iter()
                    .filter(|column| column.name == "linux" && is_offered(column));
                prices.extend(linux.map(|column| SpotPrice {
                    region: region.to_owned(),
                    label: size.clone(),
                    unit: "Hrs".to_owned(),
                    prices: column.prices,
                    as_of: String::new(),
                }));
            }
        }
        Ok(prices)
    }
}

fn is_offered(column: &Column) -> bool {
    !column.prices.values().any(|price| price.starts_with("N/A"))
}

/// The region's name everywhere else.
fn region(name: &str) -> &str {
    match name {
        "us-east" => "us-east-1",
        "us-west" => "us-west-1",
        "eu-ireland" => "eu-west-1",
        "apac-sin" => "ap-southeast-1",
        "apac-syd" => "ap-southeast-2",
        "apac-tokyo" => "ap-northeast-1",
        other => other,
    }
}
