//! The sizes next to the one that a workload should have: what a step down or up would cost, and whether it would do.

use super::Assessed;
use crate::model::units::{TaskSize, Usd};
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::placement::size::weight;
use crate::placement::{self, Need, Prices, Size, Subject, codebuild, present};
use crate::pricing::{CodebuildType, PriceBook};
use crate::rightsize::sizes;

/// A size beside the one that a workload should have, on the same platform.
#[derive(Debug, Clone, PartialEq)]
pub struct Neighbour {
    /// Which.
    pub size: Size,
    /// Whether it comes after the size in the order of cost.
    pub is_larger: bool,
    /// Whether it holds what one run needs; `None` where that is not known.
    pub holds: Option<bool>,
    /// What a month at that size costs; `None` where it is not priced.
    pub monthly: Option<Usd>,
}

/// The next cheaper and the next dearer size on the platform where `workload` should run, by what sizes cost everywhere.
/// None on EC2, where a task has any size.
pub fn neighbours(workload: &Assessed, prices: &Prices<'_>) -> Vec<Neighbour> {
    let Some((platform, architecture, option, size)) = target(workload) else {
        return Vec::new();
    };
    let (smaller, larger) = match platform {
        Platform::Fargate => {
            let os = workload.configuration.os_or_default();
            sizes::neighbours(size, os, |size| weight(os, size))
        }
        Platform::Codebuild => compute_types(workload, prices.book, architecture, size),
        Platform::Ec2 => (None, None),
    };
    let usable = |size: TaskSize| match platform {
        Platform::Codebuild => usable_size(workload, prices.book, architecture, size),
        Platform::Fargate | Platform::Ec2 => size,
    };
    let neighbour = |size: Option<TaskSize>, is_larger| {
        let size = size?;
        let placed = workload.subject().and_then(|subject| {
            let subject = Subject {
                need: Need::of_size(size),
                ..subject
            };
            if Some(platform) == workload.configuration.platform() {
                present::resized(&subject, prices)
            } else {
                placement::at(&subject, prices, platform, architecture, option)
            }
        });
        let placed = placed?;
        Some(Neighbour {
            size: placed.size.clone()?,
            is_larger,
            holds: holds(workload, usable(size)),
            monthly: placed.rate().map(|rate| rate.usd),
        })
    };
    [neighbour(smaller, false), neighbour(larger, true)]
        .into_iter()
        .flatten()
        .collect()
}

/// Where it should run, and how large; as it is where nothing is advised.
fn target(workload: &Assessed) -> Option<(Platform, Architecture, PurchaseOption, TaskSize)> {
    match &workload.advice.recommended {
        Some(there) => Some((
            there.platform,
            there.architecture,
            there.purchase_option,
            there.size.as_ref()?.task,
        )),
        None => Some((
            workload.configuration.platform()?,
            workload.configuration.architecture_or_default(),
            workload.purchase_option,
            workload.configuration.size()?,
        )),
    }
}

fn holds(workload: &Assessed, size: TaskSize) -> Option<bool> {
    let needed = workload.requirement.as_ref().ok()?.need().size();
    Some(size.cpu_units >= needed.cpu_units && size.memory_mib >= needed.memory_mib)
}

/// What a build really has of a compute type of this size.
fn usable_size(
    workload: &Assessed,
    book: &PriceBook,
    architecture: Architecture,
    size: TaskSize,
) -> TaskSize {
    let mut types = codebuild::candidates(book, &workload.configuration, architecture);
    let kind = types.find(|kind| kind.size() == Some(size));
    kind.and_then(CodebuildType::usable_size).unwrap_or(size)
}

/// The compute types next to the one of this size.
fn compute_types(
    workload: &Assessed,
    book: &PriceBook,
    architecture: Architecture,
    size: TaskSize,
) -> (Option<TaskSize>, Option<TaskSize>) {
    let rank = |size: TaskSize| (weight(workload.configuration.os_or_default(), size), size);
    let types = codebuild::candidates(book, &workload.configuration, architecture);
    let ranks: Vec<(i64, TaskSize)> = types.filter_map(CodebuildType::size).map(rank).collect();
    let own = rank(size);
    let smaller = ranks.iter().filter(|other| **other < own).max();
    let larger = ranks.iter().filter(|other| **other > own).min();
    (
        smaller.map(|(_, size)| *size),
        larger.map(|(_, size)| *size),
    )
}
