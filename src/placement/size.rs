//! Sizes that can be bought, how they are ordered, and how they are named.
//!
//! The size a workload needs is chosen without prices: by weights that every published price list agrees on. So a
//! finding does not depend on which prices happen to be known.

use crate::model::units::TaskSize;
use crate::model::workload::{Configuration, Os};
use crate::pricing::metering::INCLUDED_EPHEMERAL_GIB;
use crate::pricing::{CodebuildType, PriceBook};
use crate::rightsize::Need;
use crate::rightsize::sizes::{cheapest, fargate_sizes};

/// A size, by amount and by name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Size {
    /// CPU and memory.
    pub task: TaskSize,
    /// `0.25 vCPU / 0.5 GiB`, a compute type, or an instance type.
    pub name: String,
    /// Ephemeral storage asked for, GiB, where it is more than what is included.
    pub ephemeral_gib: Option<u32>,
}

impl Size {
    /// A task size by its amounts.
    pub fn of_task(task: TaskSize, ephemeral_gib: Option<u32>) -> Self {
        Self {
            task,
            name: format!("{} vCPU / {} GiB", plain(task.vcpu()), plain(task.gib())),
            ephemeral_gib: ephemeral_gib.filter(|&gib| gib > INCLUDED_EPHEMERAL_GIB),
        }
    }

    /// A size that has a name of its own.
    pub fn named(task: TaskSize, name: impl Into<String>) -> Self {
        Self {
            task,
            name: name.into(),
            ephemeral_gib: None,
        }
    }

    /// The size a configuration stands for, named as its platform names sizes.
    pub fn of(configuration: &Configuration) -> Option<Self> {
        let task = configuration.size()?;
        Some(match &configuration.compute_type {
            Some(compute_type) => Self::named(task, compute_type),
            None => Self::of_task(task, configuration.ephemeral_gib),
        })
    }
}

/// Three decimals at the most, none without need.
fn plain(amount: f64) -> String {
    format!("{}", (amount * 1000.0).round() / 1000.0)
}

/// What one vCPU costs in GiB of memory, in thousandths: on Linux 9.1 in every region's list, on Windows with its
/// licence 18.1. Source: AWS Fargate price list, all regions, 2026-09.
const fn gib_thousandths_per_vcpu(os: Os) -> i64 {
    match os {
        Os::Linux => 9_107,
        Os::Windows => 18_106,
    }
}

/// Orders sizes as list prices do.
pub fn weight(os: Os, size: TaskSize) -> i64 {
    i64::from(size.cpu_units) * gib_thousandths_per_vcpu(os) + i64::from(size.memory_mib) * 1_000
}

/// The smallest Fargate size, by what sizes cost, that holds `need`; `None` when none is large enough.
pub fn fargate_for(need: Need, os: Os) -> Option<TaskSize> {
    let sizes = fargate_sizes(os).into_iter().map(|size| (size, size));
    cheapest(sizes, need.cpu.get(), need.memory.get(), |size| {
        weight(os, *size)
    })
}

/// The CodeBuild compute type for `need`: of those that hold it, in what a build really has of it where that was measured, the
/// one on which all builds cost least, by what sizes cost and by the time that they are billed for on it (`billed_ms`). What
/// is exactly the size of one is that one. `None` when none is large enough.
pub fn codebuild_for<'a>(
    candidates: impl Iterator<Item = &'a CodebuildType>,
    need: Need,
    billed_ms: impl Fn(TaskSize) -> i64,
) -> Option<(&'a CodebuildType, TaskSize)> {
    let holding = if need.is_measured {
        CodebuildType::usable_size
    } else {
        CodebuildType::size
    };
    let sized = candidates.filter_map(|kind| Some(((kind, kind.size()?), holding(kind)?)));
    cheapest(sized, need.cpu.get(), need.memory.get(), |(kind, size)| {
        let cost = i128::from(weight(kind.os, *size)) * i128::from(billed_ms(*size));
        (*size != need.size(), cost)
    })
}

/// Fills the size of its compute type into the configuration of a build.
pub fn fill_compute_type(book: &PriceBook, configuration: &mut Configuration) {
    let size = configuration
        .environment_type
        .as_deref()
        .zip(configuration.compute_type.as_deref())
        .and_then(|(environment, compute)| book.codebuild_size(environment, compute));
    if let Some(size) = size {
        configuration.cpu_units = Some(size.cpu_units);
        configuration.memory_mib = Some(size.memory_mib);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::workload::{Architecture, Configuration};
    use crate::placement::codebuild::candidates;
    use crate::pricing::PriceBook;

    /// A medium machine of 8 GiB was measured with 7.5 GiB (wazuh/wazuh issue 38174, 2026-08).
    #[test]
    fn a_measured_need_must_fit_into_what_a_build_really_has() {
        let book = PriceBook::embedded().unwrap();
        let chosen = |need: Need| {
            let any = Configuration::default();
            let types = candidates(&book, &any, Architecture::X86_64);
            codebuild_for(types, need, |_| 1).map(|(kind, _)| kind.compute_type.clone())
        };
        let measured = |memory_mib: u32| Need {
            is_measured: true,
            ..Need::of_size(TaskSize::new(4096, memory_mib))
        };
        let (medium, large) = (
            Some("BUILD_GENERAL1_MEDIUM".to_owned()),
            Some("BUILD_GENERAL1_LARGE".to_owned()),
        );
        assert_eq!(chosen(measured(7_600)), medium);
        assert_eq!(chosen(measured(7_800)), large);
        assert_eq!(
            chosen(Need::of_size(TaskSize::new(4096, 8192))),
            medium,
            "it is called so"
        );
    }
}
