//! Prices outside of the products of the price list, as quoted: Savings Plan rates and Spot prices.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

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
