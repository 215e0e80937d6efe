//! Compute Savings Plans in the bulk list, as far as they discount Fargate.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::super::Rate;
use super::super::product::without_region;
use super::unreadable;
use crate::model::error::Result;

const YEAR_S: i64 = 365 * 86_400;

/// A plan as the list of products describes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlanProduct {
    sku: String,
    #[serde(default)]
    product_family: String,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
}

/// A plan's rates.
#[derive(Debug, Deserialize)]
pub(super) struct Plan {
    sku: String,
    #[serde(default)]
    rates: Vec<PlanRate>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PlanRate {
    #[serde(default)]
    discounted_service_code: String,
    #[serde(default)]
    discounted_usage_type: String,
    #[serde(default)]
    unit: String,
    discounted_rate: Discounted,
}

#[derive(Debug, Deserialize)]
struct Discounted {
    price: String,
    #[serde(default)]
    currency: String,
}

/// The Compute Savings Plans of a file.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// Length in seconds and payment option by SKU.
    terms: BTreeMap<String, (i64, String)>,
    rates: Vec<Rate>,
}

impl Plans {
    /// Notes what a plan is; EC2 Instance Savings Plans do not discount Fargate.
    pub(super) fn describe(&mut self, plan: PlanProduct) {
        if plan.product_family != "ComputeSavingsPlans" {
            return;
        }
        let value = |name| plan.attributes.get(name).map_or("", String::as_str);
        let years = value("purchaseTerm").trim_end_matches("yr").trim().parse();
        let term = (
            years.unwrap_or(0) * YEAR_S,
            value("purchaseOption").to_owned(),
        );
        self.terms.insert(plan.sku, term);
    }

    /// Notes the rates of a plan that was described before.
    pub(super) fn add(&mut self, plan: Plan) {
        let Some((duration_s, payment_option)) = self.terms.get(&plan.sku) else {
            return;
        };
        let of_fargate = plan.rates.into_iter().filter(|rate| {
            rate.discounted_service_code == "AmazonECS"
                && without_region(&rate.discounted_usage_type).starts_with("Fargate-")
        });
        self.rates.extend(of_fargate.map(|rate| Rate {
            usage_type: rate.discounted_usage_type,
            rate: rate.discounted_rate.price,
            unit: rate.unit,
            currency: rate.discounted_rate.currency,
            duration_s: *duration_s,
            payment_option: payment_option.clone(),
        }));
    }

    /// The rates, all of `region`.
    pub(super) fn rates(self, name: &str, region: Option<&str>) -> Result<Vec<(String, Rate)>> {
        if self.rates.is_empty() {
            return Ok(Vec::new());
        }
        let region = region.ok_or_else(|| {
            unreadable(
                name,
                "it does not say which region its Savings Plan rates are of",
            )
        })?;
        let rates = self.rates.into_iter();
        Ok(rates.map(|rate| (region.to_owned(), rate)).collect())
    }
}
