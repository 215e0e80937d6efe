//! A place where a workload could run: drafted with what is in the way and what to mind, then given its rate.

use crate::model::units::Usd;
use crate::model::workload::{Architecture, Kind, Platform, PurchaseOption};
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;
use crate::rightsize::run_time::Machine;

use super::feasibility::{Demands, obstacles};
use super::run_time::{self, Predicted, RunTimeThere};
use super::size::Size;
use super::subject::Subject;

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
    pub(super) fn put_rate(
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

/// A placement before its size and its rate are known.
pub(super) fn draft(
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
