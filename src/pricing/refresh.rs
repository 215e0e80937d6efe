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

mod answers;
pub mod ask;
pub mod bulk;
mod codebuild;
mod ec2;
mod fargate;
mod found;
mod product;
mod quoted;
mod regions;
mod spot;
mod tables;

use std::collections::BTreeSet;

pub use answers::Answers;
pub use found::{Found, LeftOut, Service};
pub use quoted::{Rate, SpotPrice};
pub use regions::endpoint;
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

#[cfg(test)]
mod tests;
