//! What runs today: its measured cost, its going rate, and the same at another size.
//!
//! A component is priced as it was configured. What its configuration does not tell is not read as a default: the
//! amount reaches from the cheapest alternative to the dearest.

use super::{Placement, Prices, Size, Subject, codebuild, draft, fargate, size};
use crate::demand::{Component, Demand, MeteredMs, Pace};
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Configuration, Os, Platform, PurchaseOption};
use crate::pricing::cost::{Amount, Tariff};
use crate::pricing::{NotPriced, PriceBook};

/// There is no pace to project.
pub(super) fn no_pace() -> NotPriced {
    NotPriced::new(
        "at which pace it runs is not known: too little was seen since it is configured so",
    )
}

/// What a component's time costs under a tariff that need not be its own.
pub(super) fn time_at(component: &Component, tariff: &Tariff) -> Amount {
    let amount = tariff.amount(&component.metered, !component.is_exact());
    Amount {
        high: amount.high.filter(|_| !component.more_unseen),
        ..amount
    }
}

/// What ran in the window cost, as it was configured then.
///
/// # Errors
/// The first reason why a part of it has no price.
pub fn measured_cost(demand: &Demand, prices: &Prices<'_>) -> Result<Amount, NotPriced> {
    if demand.ran.is_empty() {
        return nothing_ran(demand);
    }
    if demand.runs.only_glimpsed {
        return Err(only_glimpsed());
    }
    let region = &demand.workload.region;
    let is_any_known = demand.ran.iter().any(|c| !c.is_of_unknown_size());
    demand
        .ran
        .iter()
        .map(|component| {
            if is_any_known && component.is_of_unknown_size() {
                // Before its first known deployment, tasks were counted: they cost something, nobody knows what.
                return Ok(Amount {
                    high: None,
                    ..Amount::zero()
                });
            }
            component_cost(component, region, prices)
        })
        .sum()
}

/// What a month of the present configuration costs at its pace.
///
/// # Errors
/// The reason why it has no price, or no pace.
pub fn going_rate(demand: &Demand, prices: &Prices<'_>) -> Result<Amount, NotPriced> {
    if demand.ran.is_empty() {
        return nothing_ran(demand);
    }
    if demand.runs.only_glimpsed {
        return Err(only_glimpsed());
    }
    let pace = demand.pace.as_ref().ok_or_else(no_pace)?;
    rate_of(pace, &demand.workload.region, prices, |_| None)
}

/// Tasks that never pulled an image cost nothing; a workload of which nothing was seen costs nobody knows what.
fn nothing_ran(demand: &Demand) -> Result<Amount, NotPriced> {
    if demand.runs.never_started > 0 {
        return Ok(Amount::zero());
    }
    Err(NotPriced::new(
        "nothing ran in the window, as far as the sources tell",
    ))
}

fn only_glimpsed() -> NotPriced {
    NotPriced::new(
        "only snapshots of the ECS API show it: tasks that came and went between them were not seen",
    )
}

/// The size that its present platform sells for what it needs; on EC2, where any size will do, the need itself.
/// `None` for a platform outside the three, or where none is large enough.
pub fn size_for(subject: &Subject<'_>, book: &PriceBook) -> Option<Size> {
    let configuration = subject.configuration;
    match configuration.platform()? {
        Platform::Ec2 => Some(Size::of_task(subject.need.size(), None)),
        Platform::Fargate => {
            let size = size::fargate_for(subject.need, configuration.os_or_default())?;
            Some(Size::of_task(size, configuration.ephemeral_gib))
        }
        Platform::Codebuild => {
            let architecture = configuration.architecture_or_default();
            let candidates = codebuild::candidates(book, configuration, architecture);
            let (kind, size) = size::codebuild_for(candidates, subject.need)?;
            Some(Size::named(size, &kind.compute_type))
        }
    }
}

/// The present platform with every component resized, architecture and purchase options kept.
pub fn resized(subject: &Subject<'_>, prices: &Prices<'_>) -> Option<Placement> {
    let configuration = subject.configuration;
    let size = size_for(subject, prices.book)?;
    let mut placement = draft(
        subject,
        configuration.platform()?,
        configuration.architecture_or_default(),
        purchase_option(subject),
    );
    // What runs there can run there.
    placement.obstacles.clear();
    let resize = |configuration: &Configuration| {
        Some(Configuration {
            cpu_units: Some(size.task.cpu_units),
            memory_mib: Some(size.task.memory_mib),
            compute_type: configuration
                .compute_type
                .as_ref()
                .map(|_| size.name.clone()),
            ..configuration.clone()
        })
    };
    let region = &subject.workload.region;
    placement.going_rate = subject
        .pace
        .ok_or_else(no_pace)
        .and_then(|pace| rate_of(pace, region, prices, resize));
    placement.size = Some(size);
    Some(placement)
}

/// How the present pace is bought: one way, or several side by side.
pub fn purchase_option(subject: &Subject<'_>) -> PurchaseOption {
    let mut options = subject
        .pace
        .iter()
        .flat_map(|pace| &pace.components)
        .filter(|component| component.metered.best.elapsed > 0)
        .map(|component| component.configuration.purchase_option());
    let first = options
        .next()
        .unwrap_or_else(|| subject.configuration.purchase_option());
    if options.all(|other| other == first) {
        first
    } else {
        PurchaseOption::Mixed
    }
}

fn rate_of(
    pace: &Pace,
    region: &str,
    prices: &Prices<'_>,
    change: impl Fn(&Configuration) -> Option<Configuration>,
) -> Result<Amount, NotPriced> {
    let cost: Amount = pace
        .components
        .iter()
        .map(|component| {
            let changed = change(&component.configuration).map(|configuration| Component {
                configuration,
                ..component.clone()
            });
            component_cost(changed.as_ref().unwrap_or(component), region, prices)
        })
        .sum::<Result<Amount, NotPriced>>()?;
    cost.per_month(pace.observed_ms).ok_or_else(no_pace)
}

/// What one component costs in `region`.
fn component_cost(
    component: &Component,
    region: &str,
    prices: &Prices<'_>,
) -> Result<Amount, NotPriced> {
    let configuration = &component.configuration;
    if component.metered.high == MeteredMs::default() && !component.more_unseen {
        return Ok(Amount::zero());
    }
    match configuration.platform() {
        Some(Platform::Fargate) => on_fargate(component, region, prices),
        Some(Platform::Codebuild) => on_codebuild(component, region, prices),
        Some(Platform::Ec2) => Err(NotPriced::new(
            "runs on EC2 instances, whose cost is the cluster's and not a task's",
        )),
        None => Err(match configuration.launch_type.as_deref() {
            Some(other) => NotPriced::new(format!("launch type {other} is not priced")),
            None => NotPriced::new("launch type unknown"),
        }),
    }
}

/// Architectures and purchase options that an incomplete configuration may stand for, the likeliest first.
fn alternatives(configuration: &Configuration) -> Vec<(Architecture, PurchaseOption)> {
    let architectures: &[Architecture] = match configuration.architecture {
        Some(Architecture::X86_64) => &[Architecture::X86_64],
        Some(Architecture::Arm64) => &[Architecture::Arm64],
        None if configuration.os_or_default() == Os::Windows => &[Architecture::X86_64],
        None => &[Architecture::X86_64, Architecture::Arm64],
    };
    let options: &[PurchaseOption] = match configuration.capacity_provider.as_deref() {
        Some("FARGATE_SPOT") => &[PurchaseOption::Spot],
        Some(_) => &[PurchaseOption::OnDemand],
        None => &[PurchaseOption::OnDemand, PurchaseOption::Spot],
    };
    architectures
        .iter()
        .flat_map(|&architecture| options.iter().map(move |&option| (architecture, option)))
        .collect()
}

fn on_fargate(
    component: &Component,
    region: &str,
    prices: &Prices<'_>,
) -> Result<Amount, NotPriced> {
    let configuration = &component.configuration;
    let size = configuration
        .size()
        .ok_or_else(|| NotPriced::new("size unknown"))?;
    let os = configuration.os_or_default();
    let cost = |(architecture, option)| {
        let found = prices.book.fargate(region, os, architecture, option)?;
        let tariff = fargate::tariff(found, size, configuration.ephemeral_gib)?;
        Ok(time_at(component, &tariff))
    };
    let mut alternatives = alternatives(configuration).into_iter();
    let amount = alternatives.next().map(cost).ok_or_else(no_pace)??;
    let others: Vec<Result<Amount, NotPriced>> = alternatives.map(cost).collect();
    let known: Vec<&Amount> = others
        .iter()
        .filter_map(|other| other.as_ref().ok())
        .collect();
    let all_known = known.len() == others.len();
    let amount = amount.or_any(known);
    // An alternative without a price may be any cheaper; on demand is always the dearest.
    Ok(if all_known {
        amount
    } else {
        Amount {
            low: Usd::ZERO,
            ..amount
        }
    })
}

fn on_codebuild(
    component: &Component,
    region: &str,
    prices: &Prices<'_>,
) -> Result<Amount, NotPriced> {
    let configuration = &component.configuration;
    if configuration.fleet.is_some() {
        return Err(NotPriced::new(
            "builds on a reserved-capacity fleet, whose machines are billed whether they build or not",
        ));
    }
    let environment = configuration
        .environment_type
        .as_deref()
        .ok_or_else(|| NotPriced::new("environment type unknown"))?;
    let compute = configuration
        .compute_type
        .as_deref()
        .ok_or_else(|| NotPriced::new("compute type unknown"))?;
    let price = prices.book.codebuild(region, environment, compute)?;
    let amount = time_at(component, &codebuild::tariff(price, prices.bill_queue_time));
    // A Docker server is billed beside the build, and no public price of it is known.
    Ok(if configuration.docker_server.is_some() {
        Amount {
            high: None,
            ..amount
        }
    } else {
        amount
    })
}
