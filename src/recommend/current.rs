//! What runs today and what it costs, from component quantities alone.

use super::Analysis;
use crate::demand::{Basis, Component, Demand};
use crate::model::units::{TaskSize, Usd};
use crate::model::workload::{Configuration, Os, Platform};
use crate::pricing::CodebuildUnit;
use crate::pricing::PriceBook;
use crate::pricing::metering::{codebuild_cost, fargate_cost};
use crate::report::result::Metered;

/// The newest configuration, with the size of its compute type where it is a build.
pub(super) fn configuration(book: &PriceBook, demand: &Demand) -> Configuration {
    let mut configuration = demand.current.clone().unwrap_or_default();
    if let Some(size) = codebuild_size(book, &configuration) {
        configuration.cpu_units = Some(size.cpu_units);
        configuration.memory_mib = Some(size.memory_mib);
    }
    configuration
}

fn codebuild_size(book: &PriceBook, configuration: &Configuration) -> Option<TaskSize> {
    book.codebuild_size(
        configuration.environment_type.as_deref()?,
        configuration.compute_type.as_deref()?,
    )
}

/// The list cost in the window: exact, or the reason why there is none.
pub(super) fn cost(analysis: &Analysis<'_>, demand: &Demand) -> Result<Usd, String> {
    if demand.ran.is_empty() {
        return Err(no_history(demand));
    }
    if demand.runs.only_glimpsed {
        return Err("only snapshots of the ECS API tell of it: tasks that came and went between them were not seen".to_owned());
    }
    demand
        .ran
        .iter()
        .map(|component| component_cost(analysis, &demand.workload.region, component))
        .sum()
}

fn no_history(demand: &Demand) -> String {
    match demand.runs.never_started {
        0 => "nothing ran in the window, as far as the sources tell".to_owned(),
        tasks => format!("none of its {tasks} tasks pulled their image"),
    }
}

fn component_cost(
    analysis: &Analysis<'_>,
    region: &str,
    component: &Component,
) -> Result<Usd, String> {
    let configuration = &component.configuration;
    match configuration.platform() {
        Some(Platform::Fargate) => {
            let size = configuration.size().ok_or("no source tells its size")?;
            let os = configuration.os_or_default();
            let prices = analysis.book.fargate(
                region,
                os,
                configuration.architecture_or_default(),
                configuration.purchase_option(),
            );
            let cost = prices.and_then(|prices| {
                fargate_cost(
                    prices,
                    size,
                    configuration.ephemeral_gib,
                    fargate_ms(os, component),
                )
            });
            cost.map_err(|reason| reason.to_string())
        }
        Some(Platform::Codebuild) => {
            let environment = configuration
                .environment_type
                .as_deref()
                .ok_or("no source tells its environment type")?;
            let compute = configuration
                .compute_type
                .as_deref()
                .ok_or("no source tells its compute type")?;
            let price = analysis
                .book
                .codebuild(region, environment, compute)
                .map_err(|reason| reason.to_string())?;
            Ok(codebuild_cost(
                price,
                codebuild_ms(analysis, price.unit, component),
            ))
        }
        Some(Platform::Ec2) => {
            Err("runs on EC2 instances, whose cost is the cluster's and not a task's".to_owned())
        }
        None => Err(match configuration.launch_type.as_deref() {
            Some(other) => format!("launch type {other} is not priced"),
            None => "no source tells its launch type".to_owned(),
        }),
    }
}

/// Milliseconds as Fargate meters them.
pub(super) const fn fargate_ms(os: Os, component: &Component) -> i64 {
    match os {
        Os::Linux => component.metered.best.second_floor_60,
        Os::Windows => component.metered.best.second_floor_300,
    }
}

/// Milliseconds as CodeBuild meters them.
pub(super) const fn codebuild_ms(
    analysis: &Analysis<'_>,
    unit: CodebuildUnit,
    component: &Component,
) -> i64 {
    match unit {
        CodebuildUnit::Second => component.metered.best.second,
        CodebuildUnit::Minute if analysis.policy.bill_queue_time => {
            component.metered.best.minute_with_queue
        }
        CodebuildUnit::Minute => component.metered.best.minute,
    }
}

/// The time billed in the present home; `None` where homes with different units were mixed or none is known.
pub(super) fn metered(analysis: &Analysis<'_>, demand: &Demand) -> Option<Metered> {
    let one = |component: &Component| match component.configuration.platform()? {
        Platform::Fargate => Some((
            fargate_ms(component.configuration.os_or_default(), component),
            "second",
        )),
        Platform::Codebuild => {
            let is_lambda = component
                .configuration
                .environment_type
                .as_deref()
                .is_some_and(|kind| kind.contains("LAMBDA"));
            let unit = if is_lambda {
                CodebuildUnit::Second
            } else {
                CodebuildUnit::Minute
            };
            Some((
                codebuild_ms(analysis, unit, component),
                if is_lambda { "second" } else { "minute" },
            ))
        }
        Platform::Ec2 => None,
    };
    let all: Vec<(i64, &'static str)> = demand.ran.iter().map(one).collect::<Option<_>>()?;
    let unit = all.first()?.1;
    let total: i64 = all.iter().map(|(ms, _)| ms).sum();
    let per_unit = if unit == "minute" { 60_000.0 } else { 1_000.0 };
    all.iter()
        .all(|(_, other)| *other == unit)
        .then_some(Metered {
            amount: total as f64 / per_unit,
            unit,
        })
}

/// How its billed time was measured.
pub(super) fn basis(demand: &Demand) -> Option<&'static str> {
    demand.ran.first().map(|component| match component.basis {
        Basis::Runs => "runs",
        Basis::SampleCount => "sample_count",
    })
}
