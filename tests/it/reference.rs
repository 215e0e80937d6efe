//! A biller so plain that it is right at sight: it counts every second and every minute.

use plimsoll::model::units::TaskSize;
use plimsoll::pricing::FargatePrices;
use rust_decimal::Decimal;

/// Seconds billed: one more for as long as the run is not covered or the minimum not reached.
pub(crate) fn billed_seconds(elapsed_ms: i64, at_least: i64) -> i64 {
    let mut seconds = 0;
    while seconds * 1_000 < elapsed_ms || seconds < at_least {
        seconds += 1;
    }
    seconds
}

/// Minutes billed: every started minute, at least one.
pub(crate) fn billed_minutes(elapsed_ms: i64) -> i64 {
    let mut minutes = 1;
    while minutes * 60_000 < elapsed_ms {
        minutes += 1;
    }
    minutes
}

/// Price × size, added up second by second.
pub(crate) fn fargate_usd(
    prices: &FargatePrices,
    size: TaskSize,
    ephemeral_gib: u32,
    seconds: i64,
) -> Decimal {
    let mut usd_times_3600 = Decimal::ZERO;
    for _ in 0..seconds {
        usd_times_3600 +=
            Decimal::from(size.cpu_units) / Decimal::from(1024) * prices.vcpu_hour.usd;
        usd_times_3600 +=
            Decimal::from(size.memory_mib) / Decimal::from(1024) * prices.gib_hour.usd;
        if let Some(license) = &prices.os_license_vcpu_hour {
            usd_times_3600 += Decimal::from(size.cpu_units) / Decimal::from(1024) * license.usd;
        }
        if let (21.., Some(storage)) = (ephemeral_gib, &prices.ephemeral_gib_hour) {
            usd_times_3600 += Decimal::from(ephemeral_gib - 20) * storage.usd;
        }
    }
    usd_times_3600 / Decimal::from(3_600)
}
