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
pub mod present;
pub mod run_time;
pub mod size;

use crate::demand::Pace;
use crate::model::units::Usd;
use crate::model::workload::{
    Architecture, Configuration, Kind, Os, Platform, PurchaseOption, WorkloadKey,
};
use crate::pricing::cost::{Amount, Tariff};
use crate::pricing::{NotPriced, PriceBook};
pub use crate::rightsize::Need;
use crate::rightsize::run_time::{Machine, RunTimes};
use feasibility::{Demands, obstacles};
use run_time::{Predicted, RunTimeThere, There};
pub use size::Size;

/// What an amount of placing rests on besides the workload.
#[derive(Debug, Clone, Copy)]
pub struct Prices<'a> {
    /// The price book.
    pub book: &'a PriceBook,
    /// Bill CodeBuild's queue time too: AWS's page and AWS's support contradict each other.
    pub bill_queue_time: bool,
}

/// A workload to place.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// Whose it is.
    pub workload: &'a WorkloadKey,
    /// How it is configured today, the size of a compute type filled in.
    pub configuration: &'a Configuration,
    /// What one run needs.
    pub need: Need,
    /// What ran since it is configured so; `None` where that is not known.
    pub pace: Option<&'a Pace>,
    /// Its longest run, milliseconds.
    pub longest_ms: Option<i64>,
    /// How the time of its runs follows size; `None` of what runs all the time.
    pub run_times: Option<&'a RunTimes>,
}

/// Where a workload could run, fully specified, and what that costs.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Which platform.
    pub platform: Platform,
    /// Which size; `None` when none holds the workload.
    pub size: Option<Size>,
    /// Which architecture.
    pub architecture: Architecture,
    /// Bought how.
    pub purchase_option: PurchaseOption,
    /// Why it cannot run there; empty where it can.
    pub obstacles: Vec<String>,
    /// What to mind.
    pub cautions: Vec<String>,
    /// What a month there costs at the present pace.
    pub going_rate: Result<Amount, NotPriced>,
    /// How long runs take there; `None` where they take as long as today.
    pub run_time: Option<RunTimeThere>,
}

impl Placement {
    /// Whether it can run there.
    pub fn is_feasible(&self) -> bool {
        self.obstacles.is_empty()
    }

    /// The going rate of a placement that can be.
    pub fn rate(&self) -> Option<&Amount> {
        self.going_rate.as_ref().ok().filter(|_| self.is_feasible())
    }

    /// What a month there costs if runs take as long as they can.
    pub fn slowest(&self) -> Option<Usd> {
        let slowest = self.run_time.map(|run_time| run_time.slowest);
        self.rate().map(|rate| slowest.unwrap_or(rate.usd))
    }

    /// Takes a rate, with what it says of run times on `cpu_units`.
    fn put_rate(
        &mut self,
        predicted: Result<Predicted, NotPriced>,
        subject: &Subject<'_>,
        cpu_units: u32,
    ) {
        let machine = Machine {
            architecture: self.architecture,
            cpu_units,
        };
        if let Ok(predicted) = &predicted {
            self.run_time = predicted.run_time(subject, machine);
        }
        let today = Machine::of(subject.configuration);
        let caution = self.run_time.zip(today);
        self.cautions.extend(
            caution.and_then(|(run_time, today)| run_time::caution(&run_time, today, machine)),
        );
        self.going_rate = predicted.map(|predicted| predicted.amount);
    }
}

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

fn draft(
    subject: &Subject<'_>,
    platform: Platform,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Placement {
    let demands = Demands {
        kind: subject.workload.kind,
        configuration: subject.configuration,
        architecture,
        longest_ms: subject.longest_ms,
    };
    Placement {
        platform,
        size: None,
        architecture,
        purchase_option,
        obstacles: obstacles(platform, &demands),
        cautions: cautions(subject, platform, architecture, purchase_option),
        going_rate: Err(NotPriced::new("it cannot run there")),
        run_time: None,
    }
}

/// What to mind about moving there.
fn cautions(
    subject: &Subject<'_>,
    platform: Platform,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Vec<String> {
    let configuration = subject.configuration;
    let other_architecture = architecture != configuration.architecture_or_default();
    let image = other_architecture
        .then(|| format!("needs an image for {architecture}; equal vCPU is not equal work"));
    let option = match purchase_option {
        PurchaseOption::OnDemand | PurchaseOption::Mixed => None,
        PurchaseOption::Spot => Some("tasks can be interrupted; the price floats"),
        _ => Some("true only while a commitment of that size is used every hour"),
    };
    let moves = configuration.platform() != Some(platform);
    let wrapping = match (subject.workload.kind, platform) {
        (Kind::Build, Platform::Fargate | Platform::Ec2) => Some(
            "needs its own runner image and orchestration; assumes the same run time on as many vCPU",
        ),
        (Kind::Task, Platform::Codebuild) => Some(
            "needs a build project around it; assumes the same run time on as many vCPU, provisioning included",
        ),
        _ => None,
    };
    let network = (moves
        && platform == Platform::Fargate
        && matches!(
            configuration.network_mode.as_deref(),
            Some("host" | "bridge")
        ))
    .then_some("needs network mode awsvpc");
    image
        .into_iter()
        .chain(
            [option, wrapping, network]
                .into_iter()
                .flatten()
                .map(str::to_owned),
        )
        .collect()
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
