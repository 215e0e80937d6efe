//! What was found in a region: rows, what is missing, and what was left out.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::product::{Product, is_above_zero};
use super::quoted::{Rate, SpotPrice};
use crate::model::error::{Error, ErrorKind, Result};
use crate::pricing::Quality;

/// What is asked for separately.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Service {
    /// Fargate on demand.
    Fargate,
    /// Fargate under a Compute Savings Plan.
    SavingsPlans,
    /// Fargate Spot.
    Spot,
    /// CodeBuild.
    Codebuild,
    /// EC2 instances.
    Ec2,
    /// EC2 instances as Spot.
    Ec2Spot,
    /// EC2 instances under a Savings Plan.
    Ec2SavingsPlans,
    /// gp3 volumes.
    Volumes,
    /// Public IPv4 addresses.
    Addresses,
}

impl Service {
    /// Every service, in order.
    pub const ALL: [Self; 9] = [
        Self::Fargate,
        Self::SavingsPlans,
        Self::Spot,
        Self::Codebuild,
        Self::Ec2,
        Self::Ec2Spot,
        Self::Ec2SavingsPlans,
        Self::Volumes,
        Self::Addresses,
    ];
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fargate => "Fargate",
            Self::SavingsPlans => "Savings Plans",
            Self::Spot => "Fargate Spot",
            Self::Codebuild => "CodeBuild",
            Self::Ec2 => "EC2",
            Self::Ec2Spot => "EC2 Spot",
            Self::Ec2SavingsPlans => "EC2 Savings Plans",
            Self::Volumes => "gp3",
            Self::Addresses => "IPv4",
        })
    }
}

/// A price of the book: a service, and the cells of its table between region and amount.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Item {
    pub(super) service: Service,
    pub(super) cells: Vec<String>,
}

impl Item {
    pub(super) fn new(service: Service, cells: &[&str]) -> Self {
        Self {
            service,
            cells: cells.iter().map(|cell| (*cell).to_owned()).collect(),
        }
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Builds are on demand unless they are said to be something else.
        let is_said =
            |cell: &&String| self.service != Service::Codebuild || cell.as_str() != "on_demand";
        let cells: Vec<&str> = self
            .cells
            .iter()
            .filter(is_said)
            .map(String::as_str)
            .collect();
        f.write_str(&cells.join(" "))
    }
}

/// A price that a product states.
pub(super) struct Priced {
    pub(super) item: Item,
    /// The price list's spellings of the unit.
    pub(super) units: &'static [&'static str],
    /// The unit as the table spells it, where it has a column for it.
    pub(super) unit: Option<&'static str>,
}

/// A row of the book.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Row {
    /// As published.
    pub(super) usd: String,
    pub(super) unit: Option<&'static str>,
    pub(super) as_of: String,
    pub(super) source: &'static str,
    pub(super) quality: Quality,
}

/// A product whose price was not taken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LeftOut {
    /// Its SKU or the usage type and plan of a rate, and the price of the book that it states, where it is told.
    pub name: String,
    /// Why.
    pub reason: String,
}

/// What is known of a region.
#[derive(Debug, Clone)]
pub struct Found {
    /// AWS region.
    pub region: String,
    pub(super) rows: BTreeMap<Item, Row>,
    missing: Vec<Item>,
    /// Products whose price was not taken, each with the reason.
    pub left_out: BTreeSet<LeftOut>,
    /// Products and rates that the book has no place for.
    pub unused: usize,
}

impl Found {
    /// How many prices of `service` were found.
    pub fn count(&self, service: Service) -> usize {
        self.rows
            .keys()
            .filter(|item| item.service == service)
            .count()
    }

    /// The first and the last day that its prices are from; `None` without any.
    pub fn as_of(&self) -> Option<(&str, &str)> {
        let days = || self.rows.values().map(|row| row.as_of.as_str());
        Some((days().min()?, days().max()?))
    }

    /// The prices of `service` that the list does not have.
    pub fn missing(&self, service: Service) -> Vec<String> {
        self.missing
            .iter()
            .filter(|item| item.service == service)
            .map(Item::to_string)
            .collect()
    }

    /// Whether a whole service, or a part of a Fargate price, is missing, or a price was left out. A size that the list
    /// does not have is not sold in the region, as far as the list tells.
    pub fn is_incomplete(&self) -> bool {
        // vCPU and memory are worth nothing without each other.
        let group = |item: &Item| item.cells.split_last().map(|(_, group)| group.to_vec());
        let is_fargate = |item: &&Item| {
            matches!(
                item.service,
                Service::Fargate | Service::SavingsPlans | Service::Spot
            )
        };
        let groups: BTreeSet<_> = self.rows.keys().filter(is_fargate).map(group).collect();
        let is_part = self
            .missing
            .iter()
            .filter(is_fargate)
            .any(|item| groups.contains(&group(item)));
        let nothing_of = |service| {
            self.count(service) == 0 && self.missing.iter().any(|item| item.service == service)
        };
        !self.left_out.is_empty() || is_part || Service::ALL.into_iter().any(nothing_of)
    }

    /// Whether it has no price at all.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }
}

/// Who states which price.
pub(super) struct Claims<'a> {
    region: &'a str,
    now: Timestamp,
    stated: BTreeMap<Item, Vec<Claim>>,
    left_out: BTreeSet<LeftOut>,
    unused: usize,
}

struct Claim {
    name: String,
    price: Result<Row, String>,
}

impl<'a> Claims<'a> {
    pub(super) fn new(region: &'a str, now: Timestamp) -> Self {
        Self {
            region,
            now,
            stated: BTreeMap::new(),
            left_out: BTreeSet::new(),
            unused: 0,
        }
    }

    /// Notes the prices that `product` states.
    pub(super) fn add(&mut self, product: &Product, prices: Result<Vec<Priced>, String>) {
        let now = self.now;
        let prices = if product.is_of(self.region) {
            prices
        } else {
            Ok(Vec::new())
        };
        self.note(&product.sku, prices, |priced| {
            let usd = product.price(priced.units, now)?.to_owned();
            Ok(Row {
                usd,
                unit: priced.unit,
                as_of: product.as_of.clone(),
                source: "AWS price list",
                quality: Quality::Exact,
            })
        });
    }

    /// Notes the prices that a Savings Plan rate states. Rates have no date of their own: they are as of now.
    pub(super) fn add_rate(&mut self, rate: &Rate, prices: Vec<Priced>) {
        let as_of = self.now.strftime("%Y-%m-%d").to_string();
        let name = format!(
            "{}, {} days, {}",
            rate.usage_type,
            rate.duration_s / 86_400,
            rate.payment_option
        );
        self.note(&name, Ok(prices), |priced| {
            if rate.currency != "USD" {
                return Err(format!("price in {}, not in USD", rate.currency));
            }
            check_unit(priced, &rate.unit)?;
            if !is_above_zero(&rate.rate)? {
                return Err("free of charge".to_owned());
            }
            Ok(Row {
                usd: rate.rate.clone(),
                unit: None,
                as_of: as_of.clone(),
                source: "AWS Savings Plans rates",
                quality: Quality::Exact,
            })
        });
    }

    /// Notes the price that an entry of the Spot feed states.
    pub(super) fn add_spot(&mut self, entry: &SpotPrice, prices: Result<Vec<Priced>, String>) {
        let name = format!("the Spot feed's `{}`", entry.label);
        self.note(&name, prices, |priced| {
            check_unit(priced, &entry.unit)?;
            let usd = entry.prices.get("USD").ok_or_else(|| {
                let currencies: Vec<&str> = entry.prices.keys().map(String::as_str).collect();
                format!("price in {}, not in USD", currencies.join(", "))
            })?;
            if !is_above_zero(usd)? {
                return Err("free of charge".to_owned());
            }
            Ok(Row {
                usd: usd.clone(),
                unit: None,
                as_of: entry.as_of.clone(),
                source: match priced.item.service {
                    Service::Ec2Spot => "EC2 Spot feed",
                    _ => "Fargate Spot feed",
                },
                quality: Quality::Snapshot,
            })
        });
    }

    /// Notes what could not be read.
    pub(super) fn leave_out(&mut self, left_out: &[LeftOut]) {
        self.left_out.extend(left_out.iter().cloned());
    }

    fn note(
        &mut self,
        name: &str,
        prices: Result<Vec<Priced>, String>,
        row: impl Fn(&Priced) -> Result<Row, String>,
    ) {
        match prices {
            Ok(prices) if prices.is_empty() => self.unused += 1,
            Ok(prices) => {
                for priced in prices {
                    let claim = Claim {
                        name: name.to_owned(),
                        price: row(&priced),
                    };
                    self.stated.entry(priced.item).or_default().push(claim);
                }
            }
            Err(reason) => {
                self.left_out.insert(LeftOut {
                    name: name.to_owned(),
                    reason,
                });
            }
        }
    }

    /// One row per price; `wanted` is what a complete region has.
    pub(super) fn settle(mut self, wanted: &[Item]) -> Result<Found> {
        let mut rows = BTreeMap::new();
        let mut untaken = BTreeSet::new();
        for (item, claims) in self.stated {
            let [claim] = claims.as_slice() else {
                return Err(ambiguous(self.region, &item, &claims));
            };
            match &claim.price {
                Ok(row) => {
                    rows.insert(item, row.clone());
                }
                Err(reason) => {
                    let name = format!("{} ({} {item})", claim.name, item.service);
                    self.left_out.insert(LeftOut {
                        name,
                        reason: reason.clone(),
                    });
                    untaken.insert(item);
                }
            }
        }
        let missing = wanted
            .iter()
            .filter(|item| !rows.contains_key(item) && !untaken.contains(item))
            .cloned()
            .collect();
        Ok(Found {
            region: self.region.to_owned(),
            rows,
            missing,
            left_out: self.left_out,
            unused: self.unused,
        })
    }
}

fn check_unit(priced: &Priced, unit: &str) -> Result<(), String> {
    let mut known = priced.units.iter();
    if known.any(|known| known.eq_ignore_ascii_case(unit)) {
        return Ok(());
    }
    Err(format!(
        "unit `{unit}`, not `{}`",
        priced.units.join("` or `")
    ))
}

fn ambiguous(region: &str, item: &Item, claims: &[Claim]) -> Error {
    let names: Vec<&str> = claims.iter().map(|claim| claim.name.as_str()).collect();
    let message = format!(
        "{} products state one price, {} {item} in {region}: {}",
        claims.len(),
        item.service,
        names.join("; ")
    );
    Error::new(ErrorKind::Input, message).hint("no book was written; this is worth a bug report")
}
