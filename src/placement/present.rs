//! What runs today: its measured cost, its going rate, and the same at another size.
//!
//! A component is priced as it was configured. What its configuration does not tell is not read as a default: the
//! amount reaches from the cheapest alternative to the dearest.

use super::place::{Placement, draft};
use super::run_time::{self, Predicted, There};
use super::size::{self, Size};
use super::subject::{Prices, Subject};
use super::{codebuild, fargate};
use crate::demand::{Component, Demand, MeteredMs, Pace};
use crate::model::units::{TaskSize, Usd};
use crate::model::workload::{Architecture, Configuration, Os, Platform, PurchaseOption};
use crate::pricing::cost::Amount;
use crate::pricing::metering::Metering;
use crate::pricing::{NotPriced, PriceBook};
use crate::rightsize::run_time::{Machine, RunTimes};

/// There is no pace to project.
pub(super) fn no_pace() -> NotPriced {
    NotPriced::new(
        "at which pace it runs is not known: too little was seen since it is configured so",
    )
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
            let component = Priced {
                component,
                configuration: &component.configuration,
                there: There::SAME,
            };
            component.cost(region, prices).map(|cost| cost.amount)
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
    rate_of(pace, &demand.workload.region, prices, None, |_| None).map(|rate| rate.amount)
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
            let billed = |size| build_time(subject, architecture, size);
            let (kind, size) = size::codebuild_for(candidates, subject.need, billed)?;
            Some(Size::named(size, &kind.compute_type))
        }
    }
}

/// What builds can be billed for at the most on a compute type of this size, milliseconds.
pub(super) fn build_time(subject: &Subject<'_>, architecture: Architecture, size: TaskSize) -> i64 {
    let machine = Machine {
        architecture,
        cpu_units: size.cpu_units,
    };
    run_time::longest_ms(subject, machine, Metering::CODEBUILD)
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
    let rate = subject
        .pace
        .ok_or_else(no_pace)
        .and_then(|pace| rate_of(pace, region, prices, subject.run_times, resize));
    placement.put_rate(rate, subject, size.task.cpu_units);
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
    run_times: Option<&RunTimes>,
    change: impl Fn(&Configuration) -> Option<Configuration>,
) -> Result<Predicted, NotPriced> {
    let cost: Predicted = pace
        .components
        .iter()
        .map(|component| {
            let changed = change(&component.configuration);
            let configuration = changed.as_ref().unwrap_or(&component.configuration);
            let component = Priced {
                component,
                configuration,
                there: There {
                    run_times,
                    machine: Machine::of(configuration),
                },
            };
            component.cost(region, prices)
        })
        .sum::<Result<Predicted, NotPriced>>()?;
    cost.per_month(pace.observed_ms).ok_or_else(no_pace)
}

/// A component to be priced as if it had been configured so.
struct Priced<'a> {
    component: &'a Component,
    configuration: &'a Configuration,
    there: There<'a>,
}

impl Priced<'_> {
    /// What it costs in `region`.
    fn cost(&self, region: &str, prices: &Prices<'_>) -> Result<Predicted, NotPriced> {
        let (component, configuration) = (self.component, self.configuration);
        if component.metered.high == MeteredMs::default() && !component.more_unseen {
            return Ok(Predicted::zero());
        }
        match configuration.platform() {
            Some(Platform::Fargate) => self.on_fargate(region, prices),
            Some(Platform::Codebuild) => self.on_codebuild(region, prices),
            Some(Platform::Ec2) => Err(NotPriced::new(
                "runs on EC2 instances, whose cost is the cluster's and not a task's",
            )),
            None => Err(match configuration.launch_type.as_deref() {
                Some(other) => NotPriced::new(format!("launch type {other} is not priced")),
                None => NotPriced::new("launch type unknown"),
            }),
        }
    }

    fn on_fargate(&self, region: &str, prices: &Prices<'_>) -> Result<Predicted, NotPriced> {
        let configuration = self.configuration;
        let size = configuration
            .size()
            .ok_or_else(|| NotPriced::new("size unknown"))?;
        let os = configuration.os_or_default();
        let cost = |(architecture, option)| {
            let found = prices.book.fargate(region, os, architecture, option)?;
            let tariff = fargate::tariff(found, size, configuration.ephemeral_gib)?;
            Ok(self.there.cost(self.component, &tariff))
        };
        let mut alternatives = alternatives(configuration).into_iter();
        let mut likeliest = alternatives.next().map(cost).ok_or_else(no_pace)??;
        let others: Vec<Result<Predicted, NotPriced>> = alternatives.map(cost).collect();
        let known: Vec<&Amount> = others
            .iter()
            .filter_map(|other| other.as_ref().ok().map(|other| &other.amount))
            .collect();
        let all_known = known.len() == others.len();
        likeliest.amount = std::mem::take(&mut likeliest.amount).or_any(known);
        // An alternative without a price may be any cheaper; on demand is always the dearest.
        if !all_known {
            likeliest.amount.low = Usd::ZERO;
        }
        Ok(likeliest)
    }

    fn on_codebuild(&self, region: &str, prices: &Prices<'_>) -> Result<Predicted, NotPriced> {
        let configuration = self.configuration;
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
        let tariff = codebuild::tariff(price, prices.bill_queue_time);
        let mut cost = self.there.cost(self.component, &tariff);
        // A Docker server is billed beside the build, and no public price of it is known.
        if configuration.docker_server.is_some() {
            cost.amount.high = None;
        }
        Ok(cost)
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
