//! A price book from AWS's own price list.
//!
//! In: what the Price List Query API and the Savings Plans API answered about a region, as text, or what the public bulk
//! list says in the same shape. Out: the tables of a [`super::PriceBook`], and an account of what is not in them and why.
//! Nothing is filled in: a price that the list does not state is missing, a price that cannot be taken as it stands is
//! left out with the reason, and two products for one price are an error that names both. [`ask`] and [`bulk`] do the
//! asking; the rest is pure.
//!
//! Sources: AWS Billing user guide, "AWS Price List Query API" (shape, filters, endpoints); the usage types are those of
//! real price lists and bills.

pub mod ask;
pub mod bulk;
mod codebuild;
mod ec2;
mod fargate;
mod found;
mod product;
mod spot;
mod tables;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

pub use found::{Found, LeftOut, Service};
pub use tables::{Texts, tables};

use super::CodebuildType;
use super::book::{PriceBook, instance_type_names};
use super::tables::Tables;
use crate::model::error::Result;
use found::Claims;
use product::Product;

/// What the book describes, and so what a region is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    codebuild_types: Vec<CodebuildType>,
    instance_types: BTreeSet<String>,
    savings_plans: bool,
    spot: bool,
}

impl Wanted {
    /// The types of the embedded book, with or without Savings Plan rates and Fargate Spot prices.
    pub fn embedded(savings_plans: bool, spot: bool) -> Result<Self> {
        Ok(Self {
            codebuild_types: PriceBook::embedded()?.codebuild_types().to_vec(),
            instance_types: instance_type_names(Tables::EMBEDDED.instance_types)?,
            savings_plans,
            spot,
        })
    }
}

/// Everything AWS answered about one region, as it came.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    /// Products of `AmazonECS`, JSON.
    pub ecs: Vec<String>,
    /// Products of `CodeBuild`, JSON.
    pub codebuild: Vec<String>,
    /// Products of `AmazonEC2`, JSON: instances and volumes.
    pub ec2: Vec<String>,
    /// Products of `AmazonVPC`, JSON.
    pub vpc: Vec<String>,
    /// Savings Plan rates for Fargate and EC2.
    pub rates: Vec<Rate>,
    /// Spot prices of Fargate and EC2.
    pub spot: Vec<SpotPrice>,
    /// What could not be read.
    pub left_out: Vec<LeftOut>,
}

/// One rate of one Savings Plan offering.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rate {
    /// `Compute` or `EC2Instance`.
    pub plan_type: String,
    /// `USE1-Fargate-vCPU-Hours:perCPU`, `BoxUsage:m5.large`.
    pub usage_type: String,
    /// `RunInstances` for Linux on EC2; empty for Fargate.
    pub operation: String,
    /// The rate as published.
    pub rate: String,
    /// `Hrs`.
    pub unit: String,
    /// `USD`.
    pub currency: String,
    /// The length of the plan in seconds.
    pub duration_s: i64,
    /// `No Upfront`, `Partial Upfront` or `All Upfront`.
    pub payment_option: String,
}

/// One price of the feeds behind the Spot tables of AWS's Fargate and EC2 pricing pages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotPrice {
    /// AWS region.
    pub region: String,
    /// `per vCPU per hour`, or an instance type.
    pub label: String,
    /// `vCPU-Hours`.
    pub unit: String,
    /// The price by currency, as published.
    pub prices: BTreeMap<String, String>,
    /// The day of the feed; empty where it does not say it.
    pub as_of: String,
}

/// What `answers` say about `region` at `now`.
///
/// # Errors
/// [`crate::model::error::ErrorKind::Input`] where a product is not in AWS's shape, and where two products state one price.
pub fn read(
    region: &str,
    answers: &Answers,
    wanted: &Wanted,
    now: jiff::Timestamp,
) -> Result<Found> {
    let mut claims = Claims::new(region, now);
    for product in products(&answers.ecs)? {
        claims.add(&product, fargate::prices(&product));
    }
    for product in products(&answers.codebuild)? {
        claims.add(
            &product,
            codebuild::prices(&product, &wanted.codebuild_types),
        );
    }
    let ec2 = products(&answers.ec2)?;
    let usage_types = ec2::usage_types(&ec2, region, &wanted.instance_types);
    for product in &ec2 {
        claims.add(
            product,
            Ok(ec2::price(product, &wanted.instance_types)
                .into_iter()
                .collect()),
        );
    }
    for product in products(&answers.vpc)? {
        claims.add(&product, Ok(ec2::address(&product).into_iter().collect()));
    }
    for rate in &answers.rates {
        let mut prices = fargate::committed(rate);
        prices.extend(ec2::committed(rate, &usage_types));
        claims.add_rate(rate, prices);
    }
    for price in answers.spot.iter().filter(|price| price.region == region) {
        claims.add_spot(price, spot::price(price, &wanted.instance_types));
    }
    claims.leave_out(&answers.left_out);
    claims.settle(&wanted.items())
}

/// The products of `texts`, each once; order and repetition across pages mean nothing.
fn products(texts: &[String]) -> Result<Vec<Product>> {
    let texts: BTreeSet<&str> = texts.iter().map(String::as_str).collect();
    texts.into_iter().map(Product::read).collect()
}

impl Wanted {
    /// Every price that a complete region has.
    fn items(&self) -> Vec<found::Item> {
        let codebuild = self
            .codebuild_types
            .iter()
            .map(|kind| codebuild::item(&kind.environment_type, &kind.compute_type));
        let instances = self.instance_types.iter().map(|name| ec2::item(name));
        let mut items = fargate::items(self.savings_plans);
        if self.spot {
            items.extend(spot::items());
        }
        items.extend(
            codebuild
                .chain(instances)
                .chain([ec2::volume_item(), ec2::address_item()]),
        );
        items
    }
}

/// The endpoint of the Price List Query API to ask about `region`: the nearest of the region's partition. What is
/// priced is a filter and does not depend on it.
pub fn endpoint(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "cn" => "cn-northwest-1",
        "eusc" => "eusc-de-east-1",
        "eu" | "me" | "af" | "il" => "eu-central-1",
        "ap" => "ap-south-1",
        _ => "us-east-1",
    }
}

/// `us-east-1`, `us-gov-west-1`; not `us-west-2-lax-1`, which is a zone.
fn is_region(name: &str) -> bool {
    let mut parts = name.rsplit('-');
    let is_numbered = parts
        .next()
        .is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    let mut words = 0;
    is_numbered
        && parts.all(|part| {
            words += 1;
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase())
        })
        && words >= 2
}

#[cfg(test)]
mod tests;
