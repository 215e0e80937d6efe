//! CodeBuild: which compute types a workload could build on, and what their time costs.
//!
//! Source: AWS CodeBuild pricing page and user guide, read 2026-11.

use crate::model::workload::{Architecture, Configuration};
use crate::pricing::cost::{Charge, Tariff};
use crate::pricing::metering::Meter;
use crate::pricing::{CodebuildPrice, CodebuildType, CodebuildUnit, PriceBook};

use super::feasibility::needs_gpu;

/// What build time at `price` costs; `bill_queue` counts the time in the queue, too.
pub fn tariff(price: &CodebuildPrice, bill_queue: bool) -> Tariff {
    let (meter, unit) = match price.unit {
        CodebuildUnit::Second => (Meter::Seconds, "second"),
        CodebuildUnit::Minute if bill_queue => (Meter::MinutesWithQueue, "minute"),
        CodebuildUnit::Minute => (Meter::Minutes, "minute"),
    };
    Tariff {
        of: format!(
            "CodeBuild {} {}",
            price.environment_type, price.compute_type
        )
        .into(),
        meter,
        charges: vec![Charge::at(
            "build_time",
            1,
            price.unit.metering().step_ms(),
            unit,
            &price.price(),
        )],
    }
}

/// The compute types on `architecture` that a workload could build on: its own kind of environment; a GPU is never
/// given up or added silently, and Lambda compute runs no Docker and at most 15 minutes.
pub fn candidates<'a>(
    book: &'a PriceBook,
    configuration: &'a Configuration,
    architecture: Architecture,
) -> impl Iterator<Item = &'a CodebuildType> {
    let (os, gpu) = (configuration.os_or_default(), needs_gpu(configuration));
    book.codebuild_types().iter().filter(move |kind| {
        kind.architecture == architecture && kind.os == os && kind.gpu == gpu && !kind.lambda
    })
}

/// The smallest disk of all compute types, GB: of a type whose disk is not documented no more is sure.
const SMALLEST_DISK_GB: u32 = 50;

/// Whether the disk of a compute type holds `gib`; nothing asked for fits everywhere.
pub fn has_disk_for(kind: &CodebuildType, gib: Option<u32>) -> bool {
    let disk_gb = u64::from(kind.disk_gb.unwrap_or(SMALLEST_DISK_GB));
    (u64::from(gib.unwrap_or_default()) << 30) <= disk_gb * 1_000_000_000
}
