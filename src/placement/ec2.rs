//! EC2: what an hour of an instance costs, and how much of it tasks can have.
//!
//! Source: Amazon EC2 and EBS pricing pages, read 2026-11.

use rust_decimal::Decimal;

use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR};
use crate::pack;
use crate::pricing::cost::{Charge, Tariff};
use crate::pricing::metering::Meter;
use crate::pricing::{InstanceType, Price};

/// Root volume of the ECS-optimised image, GiB. Source: Amazon ECS developer guide, read 2026-11.
pub const ROOT_GIB: u32 = 30;

/// What a root volume costs in an hour.
pub fn root_usd_per_hour(gib_month: Decimal) -> Decimal {
    gib_month * Decimal::from(ROOT_GIB) / Decimal::from(HOURS_PER_MONTH)
}

/// The instance as something to pack tasks on, without a volume.
pub fn packable(of: &InstanceType) -> pack::InstanceType {
    pack::InstanceType {
        name: of.name.clone(),
        cpu_units: of.cpu_units,
        memory_mib: of.memory_mib,
        task_slots: of.task_slots,
        task_slots_trunking: of.task_slots_trunking,
        usd_per_hour: of.usd_per_hour,
        ..pack::InstanceType::default()
    }
}

/// What an instance with a root volume of `root_gib` costs, on demand.
///
/// Volumes are priced by the GiB-month, here of 730 hours: in a month of 31 or 28 days the bill for the volume is
/// 2 % lower or 9 % higher.
pub fn tariff(instance: &InstanceType, root_gib: u32, gp3_gib_month: &Price) -> Tariff {
    Tariff {
        of: format!("EC2 {}", instance.name).into(),
        meter: Meter::Seconds60,
        charges: vec![
            Charge::at(
                "instance",
                1,
                MS_PER_HOUR,
                "instance-hour",
                &instance.price(),
            ),
            Charge::at(
                "root_volume",
                root_gib,
                HOURS_PER_MONTH * MS_PER_HOUR,
                "GiB-month",
                gp3_gib_month,
            ),
        ],
    }
}
