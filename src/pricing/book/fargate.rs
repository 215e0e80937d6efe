//! The table `fargate`: one row per component of a price.

use std::collections::BTreeMap;

use crate::model::workload::{Architecture, Os, PurchaseOption};
use crate::pricing::table::{self, Line};
use crate::pricing::{FargatePrices, NotPriced, Price, PriceRow, PriceUnit};

/// What a price is for, in one region.
pub(super) type Key = (Os, Architecture, PurchaseOption);
/// The prices of a region, or what is missing of them.
pub(super) type Prices = BTreeMap<Key, Result<FargatePrices, NotPriced>>;

const VCPU_HOUR: &str = "vcpu_hour";
const GIB_HOUR: &str = "gib_hour";
const EPHEMERAL_GIB_HOUR: &str = "ephemeral_gib_hour";
const OS_LICENSE_VCPU_HOUR: &str = "os_license_vcpu_hour";

pub(super) fn read(
    region: &str,
    lines: &[Line<'_>],
    rows: &mut Vec<PriceRow>,
) -> table::Result<Prices> {
    let mut stated = BTreeMap::new();
    for line in lines {
        let key = (
            line.parse("os", Os::parse)?,
            line.parse("architecture", Architecture::parse)?,
            line.parse("purchase_option", PurchaseOption::parse)?,
        );
        let (component, unit, unit_name) = line.parse("component", component)?;
        let item = format!("{} {} {} {component}", key.0, key.1, key.2);
        rows.push(line.row(item, "usd", unit_name)?);
        let price = line.price("usd", unit)?;
        line.insert(&mut stated, (key, component), price)?;
    }
    let keys = stated.keys().map(|(key, _)| *key);
    Ok(keys
        .map(|key| (key, prices(region, key, &stated)))
        .collect())
}

fn component(text: &str) -> Option<(&'static str, PriceUnit, &'static str)> {
    Some(match text {
        VCPU_HOUR => (VCPU_HOUR, PriceUnit::VcpuHour, "USD per vCPU-hour"),
        GIB_HOUR => (GIB_HOUR, PriceUnit::GibHour, "USD per GiB-hour"),
        EPHEMERAL_GIB_HOUR => (EPHEMERAL_GIB_HOUR, PriceUnit::GibHour, "USD per GiB-hour"),
        OS_LICENSE_VCPU_HOUR => (
            OS_LICENSE_VCPU_HOUR,
            PriceUnit::VcpuHour,
            "USD per vCPU-hour",
        ),
        _ => return None,
    })
}

fn prices(
    region: &str,
    key: Key,
    stated: &BTreeMap<(Key, &'static str), Price>,
) -> Result<FargatePrices, NotPriced> {
    let (os, architecture, purchase_option) = key;
    let need = |component| {
        let price = stated.get(&(key, component)).cloned();
        price.ok_or_else(|| unknown(region, key, component))
    };
    // Neither Spot nor Savings Plans discount storage.
    let on_demand = (os, architecture, PurchaseOption::OnDemand);
    Ok(FargatePrices {
        region: region.to_owned(),
        os,
        architecture,
        purchase_option,
        vcpu_hour: need(VCPU_HOUR)?,
        gib_hour: need(GIB_HOUR)?,
        ephemeral_gib_hour: stated.get(&(on_demand, EPHEMERAL_GIB_HOUR)).cloned(),
        os_license_vcpu_hour: match os {
            Os::Linux => None,
            Os::Windows => Some(need(OS_LICENSE_VCPU_HOUR)?),
        },
    })
}

pub(super) fn unknown(region: &str, key: Key, component: &str) -> NotPriced {
    let (os, architecture, purchase_option) = key;
    let os = if os == Os::Windows { "Windows " } else { "" };
    let gap = if component.is_empty() { "" } else { " " };
    NotPriced::new(format!(
        "no Fargate {os}{architecture} {purchase_option}{gap}{component} price for {region} in the price book"
    ))
}
