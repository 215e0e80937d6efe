//! The table `other`: volumes, addresses, fees and free tiers.

use std::collections::BTreeMap;
use std::sync::Arc;

use rust_decimal::Decimal;

use crate::pricing::table::{self, Line};
use crate::pricing::{NotPriced, Price, PriceRow, PriceUnit, Quality};

/// What a row of the table is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Item {
    Gp3GibMonth,
    PublicIpv4Hour,
    CodebuildFreeTierMonth,
    CodebuildLambdaFreeTierMonth,
    ManagedInstancesFee,
    ManagedInstancesFeeGpu,
}

/// An amount of the table, and the price that it is, where it is one.
#[derive(Debug, Clone)]
pub(super) struct Amount {
    pub(super) amount: Decimal,
    pub(super) as_of: Option<Arc<str>>,
    pub(super) quality: Quality,
    pub(super) source: Arc<str>,
    pub(super) price: Option<Price>,
}

pub(super) type Amounts = BTreeMap<Item, Amount>;

/// How an item is spelt in the table, what its amount counts, and how people read that.
struct Spelling {
    item: Item,
    name: &'static str,
    unit: &'static str,
    unit_name: &'static str,
    price: Option<PriceUnit>,
}

const SPELLINGS: [Spelling; 6] = [
    Spelling {
        item: Item::Gp3GibMonth,
        name: "gp3_gib_month",
        unit: "usd",
        unit_name: "USD per GiB-month",
        price: Some(PriceUnit::GibMonth),
    },
    Spelling {
        item: Item::PublicIpv4Hour,
        name: "public_ipv4_hour",
        unit: "usd",
        unit_name: "USD per hour",
        price: Some(PriceUnit::Hour),
    },
    Spelling {
        item: Item::CodebuildFreeTierMonth,
        name: "codebuild_free_tier_month",
        unit: "minutes",
        unit_name: "minutes per month",
        price: None,
    },
    Spelling {
        item: Item::CodebuildLambdaFreeTierMonth,
        name: "codebuild_lambda_free_tier_month",
        unit: "seconds",
        unit_name: "seconds per month",
        price: None,
    },
    Spelling {
        item: Item::ManagedInstancesFee,
        name: "managed_instances_fee",
        unit: "ratio",
        unit_name: "of the on-demand price",
        price: None,
    },
    Spelling {
        item: Item::ManagedInstancesFeeGpu,
        name: "managed_instances_fee_gpu",
        unit: "ratio",
        unit_name: "of the on-demand price",
        price: None,
    },
];

pub(super) fn read(lines: &[Line<'_>], rows: &mut Vec<PriceRow>) -> table::Result<Amounts> {
    let mut amounts = BTreeMap::new();
    for line in lines {
        let spelling = line.parse("item", |text| {
            SPELLINGS.iter().find(|spelling| spelling.name == text)
        })?;
        line.parse("unit", |text| (text == spelling.unit).then_some(()))?;
        rows.push(line.row(spelling.name.to_owned(), "amount", spelling.unit_name)?);
        let stated = line.price("amount", spelling.price.unwrap_or(PriceUnit::Hour))?;
        let amount = Amount {
            amount: stated.usd,
            as_of: stated.as_of.clone(),
            quality: stated.quality,
            source: stated.source.clone(),
            price: spelling.price.map(|_| stated),
        };
        line.insert(&mut amounts, spelling.item, amount)?;
    }
    Ok(amounts)
}

pub(super) fn unknown(region: &str, name: &str) -> NotPriced {
    NotPriced::new(format!("no {name} for {region} in the price book"))
}
