//! Savings Plans in the bulk list: the rates of Fargate, and of Linux instances without payment upfront.

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
    discounted_operation: String,
    #[serde(default)]
    discounted_region_code: String,
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

impl PlanRate {
    /// Fargate's, or those of instances on shared hardware that run Linux.
    fn is_wanted(&self, payment_option: &str) -> bool {
        let usage_type = without_region(&self.discounted_usage_type);
        match self.discounted_service_code.as_str() {
            "AmazonECS" => usage_type.starts_with("Fargate-"),
            "AmazonEC2" => {
                usage_type.starts_with("BoxUsage:")
                    && self.discounted_operation == "RunInstances"
                    && payment_option == "No Upfront"
            }
            _ => false,
        }
    }
}

/// What a plan is.
#[derive(Debug)]
struct Term {
    /// As the API spells it.
    plan_type: &'static str,
    duration_s: i64,
    payment_option: String,
}

/// The Savings Plans of a file.
#[derive(Debug, Default)]
pub(super) struct Plans {
    /// By SKU.
    terms: BTreeMap<String, Term>,
    /// With the region that they say they are of, where they do.
    rates: Vec<(String, Rate)>,
}

impl Plans {
    /// Notes what a plan is; those of other services are none.
    pub(super) fn describe(&mut self, plan: PlanProduct) {
        let plan_type = match plan.product_family.as_str() {
            "ComputeSavingsPlans" => "Compute",
            "EC2InstanceSavingsPlans" => "EC2Instance",
            _ => return,
        };
        let value = |name| plan.attributes.get(name).map_or("", String::as_str);
        let years = value("purchaseTerm").trim_end_matches("yr").trim().parse();
        let term = Term {
            plan_type,
            duration_s: years.unwrap_or(0) * YEAR_S,
            payment_option: value("purchaseOption").to_owned(),
        };
        self.terms.insert(plan.sku, term);
    }

    /// Notes the rates of a plan that was described before.
    pub(super) fn add(&mut self, plan: Plan) {
        let Some(term) = self.terms.get(&plan.sku) else {
            return;
        };
        let wanted = plan
            .rates
            .into_iter()
            .filter(|rate| rate.is_wanted(&term.payment_option));
        self.rates.extend(wanted.map(|rate| {
            let of = Rate {
                plan_type: term.plan_type.to_owned(),
                usage_type: rate.discounted_usage_type,
                operation: rate.discounted_operation,
                rate: rate.discounted_rate.price,
                unit: rate.unit,
                currency: rate.discounted_rate.currency,
                duration_s: term.duration_s,
                payment_option: term.payment_option.clone(),
            };
            (rate.discounted_region_code, of)
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
        let of_region = self
            .rates
            .into_iter()
            .filter(|(of, _)| of.is_empty() || of == region);
        Ok(of_region
            .map(|(_, rate)| (region.to_owned(), rate))
            .collect())
    }
}
