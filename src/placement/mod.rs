//! Where a workload could run, and what that costs: the one cost model, asked by `report` and `compare` alike.
//!
//! In: what one run needs, the pace at which runs come, and the price book. Out: [`Placement`]s, each with its
//! obstacles (why it cannot run there) or its going rate, a 730-hour month at that pace. The size is chosen first,
//! without prices; a size that has no price is *not priced*.

pub mod codebuild;
pub mod ec2;
pub mod effort;
pub mod fargate;
pub mod feasibility;
mod place;
pub mod present;
pub mod run_time;
pub mod size;
mod subject;

pub use crate::rightsize::Need;
pub use place::Placement;
pub use size::Size;
pub use subject::{Prices, Subject};

use crate::model::workload::{Architecture, Kind, Os, Platform, PurchaseOption};
use crate::pricing::NotPriced;
use crate::pricing::cost::Tariff;
use crate::rightsize::run_time::Machine;
use place::draft;
use run_time::{Predicted, There};

/// The placements that a workload has to itself: Fargate and CodeBuild, every architecture and purchase option.
pub fn alone(subject: &Subject<'_>, prices: &Prices<'_>) -> Vec<Placement> {
    let mut placements = Vec::new();
    for &architecture in Architecture::ALL {
        for &purchase_option in PurchaseOption::OFFERED {
            placements.extend(on_fargate(subject, prices, architecture, purchase_option));
        }
        placements.extend(on_codebuild(subject, prices, architecture));
    }
    placements
}

/// The placement on exactly this platform, or none where it has none; the fleet's share of EC2 is not known here.
pub fn at(
    subject: &Subject<'_>,
    prices: &Prices<'_>,
    platform: Platform,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Option<Placement> {
    match platform {
        Platform::Fargate => on_fargate(subject, prices, architecture, purchase_option),
        Platform::Codebuild => on_codebuild(subject, prices, architecture),
        Platform::Ec2 => None,
    }
}

fn on_fargate(
    subject: &Subject<'_>,
    prices: &Prices<'_>,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Option<Placement> {
    let os = subject.configuration.os_or_default();
    if os == Os::Windows && architecture == Architecture::Arm64 {
        return None;
    }
    let region = &subject.workload.region;
    let found = prices
        .book
        .fargate(region, os, architecture, purchase_option);
    if found.is_err() && purchase_option != PurchaseOption::OnDemand {
        return None;
    }
    let mut placement = draft(subject, Platform::Fargate, architecture, purchase_option);
    let Some(size) = size::fargate_for(subject.need, os) else {
        placement
            .obstacles
            .push("needs more than the largest Fargate size".to_owned());
        return Some(placement);
    };
    let storage = subject.configuration.ephemeral_gib;
    placement.size = Some(Size::of_task(size, storage));
    if placement.is_feasible() {
        let machine = Machine {
            architecture,
            cpu_units: size.cpu_units,
        };
        let rate = found
            .cloned()
            .and_then(|found| fargate::tariff(&found, size, storage))
            .and_then(|tariff| at_pace(subject, &tariff, machine));
        placement.put_rate(rate, subject, size.cpu_units);
    }
    Some(placement)
}

fn on_codebuild(
    subject: &Subject<'_>,
    prices: &Prices<'_>,
    architecture: Architecture,
) -> Option<Placement> {
    let configuration = subject.configuration;
    let native = architecture == configuration.architecture_or_default();
    if configuration.os_or_default() == Os::Windows && architecture == Architecture::Arm64
        || subject.workload.kind == Kind::Service && !native
    {
        return None;
    }
    let mut placement = draft(
        subject,
        Platform::Codebuild,
        architecture,
        PurchaseOption::OnDemand,
    );
    if !placement.is_feasible() {
        return Some(placement);
    }
    let candidates = codebuild::candidates(prices.book, configuration, architecture)
        .filter(|kind| codebuild::has_disk_for(kind, configuration.ephemeral_gib));
    let billed = |size| present::build_time(subject, architecture, size);
    let Some((kind, size)) = size::codebuild_for(candidates, subject.need, billed) else {
        placement
            .obstacles
            .push("needs more than the largest CodeBuild compute type".to_owned());
        return Some(placement);
    };
    placement.size = Some(Size::named(size, &kind.compute_type));
    let region = &subject.workload.region;
    let machine = Machine {
        architecture,
        cpu_units: size.cpu_units,
    };
    let rate = prices
        .book
        .codebuild(region, &kind.environment_type, &kind.compute_type)
        .cloned()
        .and_then(|price| {
            let tariff = codebuild::tariff(&price, prices.bill_queue_time);
            at_pace(subject, &tariff, machine)
        });
    placement.put_rate(rate, subject, size.cpu_units);
    Some(placement)
}

/// What a month costs on `machine` under `tariff` at the pace at which the workload runs.
fn at_pace(
    subject: &Subject<'_>,
    tariff: &Tariff,
    machine: Machine,
) -> Result<Predicted, NotPriced> {
    let pace = subject.pace.ok_or_else(present::no_pace)?;
    let there = There {
        run_times: subject.run_times,
        machine: Some(machine),
    };
    let cost: Predicted = pace
        .components
        .iter()
        .map(|component| there.cost(component, tariff))
        .sum();
    cost.per_month(pace.observed_ms)
        .ok_or_else(present::no_pace)
}

/// The workload on shared EC2 instances, without a rate yet: that is the fleet's to share out.
pub fn on_ec2(
    subject: &Subject<'_>,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Placement {
    draft(subject, Platform::Ec2, architecture, purchase_option)
}
