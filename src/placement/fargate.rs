//! Fargate: what an hour of a task costs.
//!
//! Source: AWS Fargate pricing page, read 2026-11.

use crate::model::units::{MS_PER_HOUR, TaskSize};
use crate::pricing::cost::{Charge, Tariff};
use crate::pricing::metering::{INCLUDED_EPHEMERAL_GIB, Meter};
use crate::pricing::{FargatePrices, NotPriced};

/// CPU units × milliseconds in one vCPU-hour, and MiB × milliseconds in one GiB-hour.
const UNIT_HOUR: i64 = 1024 * MS_PER_HOUR;

/// What a task of `size` costs. `ephemeral_gib` is the task's whole storage; `None` is the included 20 GiB.
///
/// # Errors
/// Where storage beyond the included was asked for and the book has no price for it.
pub fn tariff(
    prices: &FargatePrices,
    size: TaskSize,
    ephemeral_gib: Option<u32>,
) -> Result<Tariff, NotPriced> {
    let mut charges = vec![
        Charge::at(
            "vcpu",
            size.cpu_units,
            UNIT_HOUR,
            "vCPU-hour",
            &prices.vcpu_hour,
        ),
        Charge::at(
            "memory",
            size.memory_mib,
            UNIT_HOUR,
            "GiB-hour",
            &prices.gib_hour,
        ),
    ];
    if let Some(license) = &prices.os_license_vcpu_hour {
        charges.push(Charge::at(
            "windows_license",
            size.cpu_units,
            UNIT_HOUR,
            "vCPU-hour",
            license,
        ));
    }
    let extra_gib = ephemeral_gib
        .unwrap_or_default()
        .saturating_sub(INCLUDED_EPHEMERAL_GIB);
    if extra_gib > 0 {
        let price = prices
            .ephemeral_gib_hour
            .as_ref()
            .ok_or_else(|| prices.no_storage_price(extra_gib))?;
        charges.push(Charge::at(
            "ephemeral_storage",
            extra_gib,
            MS_PER_HOUR,
            "GiB-hour",
            price,
        ));
    }
    Ok(Tariff {
        of: describe(prices, size).into(),
        meter: Meter::fargate(prices.os),
        charges,
    })
}

fn describe(prices: &FargatePrices, size: TaskSize) -> String {
    let name = super::size::Size::of_task(size, None).name;
    format!(
        "Fargate {name}, {} {}, {}",
        prices.os, prices.architecture, prices.purchase_option
    )
}
