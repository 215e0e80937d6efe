//! A price book from AWS's own price list.
//!
//! In: what the Price List Query API and the Savings Plans API answered about a region, as text. Out: the tables of a
//! [`super::PriceBook`], and an account of what is not in them and why. Nothing is filled in: a price that the list does
//! not state is missing, a price that cannot be taken as it stands is left out with the reason, and two products for one
//! price are an error that names both. [`ask`] does the asking; the rest is pure.
//!
//! Sources: AWS Billing user guide, "AWS Price List Query API" (shape, filters, endpoints); the usage types are those of
//! real price lists and bills.

pub mod ask;
mod codebuild;
mod ec2;
mod fargate;
mod found;
mod product;
mod tables;

use std::collections::BTreeSet;

pub use found::{Found, LeftOut, Service};
pub use tables::{Texts, tables};

use super::CodebuildType;
use super::book::{PriceBook, Tables, instance_type_names};
use crate::model::error::Result;
use found::Claims;
use product::Product;

/// What the book describes, and so what a region is asked for.
#[derive(Debug, Clone)]
pub struct Wanted {
    codebuild_types: Vec<CodebuildType>,
    instance_types: BTreeSet<String>,
    savings_plans: bool,
}

impl Wanted {
    /// The types of the embedded book, with or without Savings Plan rates.
    pub fn embedded(savings_plans: bool) -> Result<Self> {
        Ok(Self {
            codebuild_types: PriceBook::embedded()?.codebuild_types().to_vec(),
            instance_types: instance_type_names(Tables::EMBEDDED.instance_types)?,
            savings_plans,
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
    /// Compute Savings Plan rates for Fargate.
    pub rates: Vec<Rate>,
}

/// One rate of one Compute Savings Plan offering.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rate {
    /// `USE1-Fargate-vCPU-Hours:perCPU`.
    pub usage_type: String,
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

/// What `answers` say about `region` at `now`.
///
/// # Errors
/// [`crate::model::error::Kind::Input`] where a product is not in AWS's shape, and where two products state one price.
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
    for product in products(&answers.ec2)? {
        claims.add(
            &product,
            Ok(ec2::price(&product, &wanted.instance_types)
                .into_iter()
                .collect()),
        );
    }
    for product in products(&answers.vpc)? {
        claims.add(&product, Ok(ec2::address(&product).into_iter().collect()));
    }
    for rate in &answers.rates {
        claims.add_rate(rate, fargate::committed(rate));
    }
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

#[cfg(test)]
mod tests;
