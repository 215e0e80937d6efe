//! Every place a workload could run, at the size it needs, with its cost or the reason why not.

use std::cmp::Reverse;

use super::fleet::{Fleets, Share};
use super::{Analysis, Case, LONGEST_BUILD_MS, Need, current};
use crate::demand::Component;
use crate::model::units::{TaskSize, Usd};
use crate::model::workload::{Architecture, Configuration, Kind, Os, Platform, PurchaseOption};
use crate::pricing::metering::{INCLUDED_EPHEMERAL_GIB, codebuild_cost, fargate_cost};
use crate::pricing::{CodebuildType, FargatePrices};
use crate::report::result::{PlacementResult, Size};
use crate::rightsize::sizes;

/// The placements that a workload has to itself: Fargate and CodeBuild.
pub(super) fn alone(analysis: &Analysis<'_>, case: &Case<'_>) -> Vec<PlacementResult> {
    let Some(need) = case.need else {
        return Vec::new();
    };
    let mut placements = Vec::new();
    for &architecture in Architecture::ALL {
        for &purchase_option in PurchaseOption::ALL {
            placements.extend(fargate(analysis, case, need, architecture, purchase_option));
        }
        placements.extend(codebuild(analysis, case, need, architecture));
    }
    placements
}

/// All placements: feasible and priced ones first, cheapest first; then the rest.
pub(super) fn with_fleet(
    analysis: &Analysis<'_>,
    case: &Case<'_>,
    alone: Vec<PlacementResult>,
    fleets: &Fleets,
) -> Vec<PlacementResult> {
    let mut placements = alone;
    placements.extend(case.need.map(|need| ec2(analysis, case, need, fleets)));
    let is_open = |placement: &PlacementResult| placement.feasible && placement.cost_usd.is_some();
    placements.sort_by_key(|placement| {
        (
            Reverse(is_open(placement)),
            placement.cost_usd,
            Reverse(placement.feasible),
        )
    });
    placements
}

/// The home a workload has now, bought as today, at the size it needs.
pub(super) fn resized<'p>(
    case: &Case<'_>,
    placements: &'p [PlacementResult],
) -> Option<&'p PlacementResult> {
    let platform = case.configuration.platform()?;
    placements.iter().find(|placement| {
        placement.platform == platform
            && placement.architecture == case.configuration.architecture_or_default()
            && placement.purchase_option == case.configuration.purchase_option()
            && placement.feasible
            && placement.size.is_some()
    })
}

/// The cheapest priced placement that asks for no other image and no commitment: same architecture, on demand.
pub(super) fn cheapest<'p>(
    case: &Case<'_>,
    placements: &'p [PlacementResult],
    platform: impl Fn(Platform) -> bool,
) -> Option<&'p PlacementResult> {
    let comparable = |placement: &&PlacementResult| {
        placement.feasible
            && placement.cost_usd.is_some()
            && placement.architecture == case.configuration.architecture_or_default()
            && placement.purchase_option == PurchaseOption::OnDemand
            && platform(placement.platform)
    };
    placements
        .iter()
        .filter(comparable)
        .min_by_key(|placement| placement.cost_usd)
}

/// The size a configuration stands for, named as its platform names sizes.
pub(super) fn current_size(configuration: &Configuration) -> Option<Size> {
    let size = configuration.size()?;
    match (&configuration.compute_type, configuration.ephemeral_gib) {
        (Some(compute_type), _) => Some(Size {
            name: compute_type.clone(),
            ..size_of(size, None)
        }),
        (None, ephemeral) => Some(size_of(size, ephemeral)),
    }
}

/// A task size by its amounts.
pub(super) fn size_of(size: TaskSize, ephemeral_gib: Option<u32>) -> Size {
    Size {
        name: format!("{} vCPU / {} GiB", plain(size.vcpu()), plain(size.gib())),
        vcpu: size.vcpu(),
        memory_gib: size.gib(),
        ephemeral_gib: ephemeral_gib.filter(|&gib| gib > INCLUDED_EPHEMERAL_GIB),
    }
}

/// Three decimals at the most, none without need.
fn plain(amount: f64) -> String {
    format!("{}", (amount * 1000.0).round() / 1000.0)
}

struct Draft {
    platform: Platform,
    size: Option<Size>,
    architecture: Architecture,
    purchase_option: PurchaseOption,
    reasons: Vec<String>,
}

impl Draft {
    fn infeasible(mut self, reason: impl Into<String>) -> PlacementResult {
        self.reasons.push(reason.into());
        self.finish(None, false, 0)
    }

    /// Feasible, priced or not.
    fn priced(mut self, cost: Result<Usd, String>, window_ms: i64) -> PlacementResult {
        match cost {
            Ok(cost) => self.finish(Some(cost), true, window_ms),
            Err(reason) => {
                self.reasons.push(reason);
                self.finish(None, true, window_ms)
            }
        }
    }

    fn finish(self, cost: Option<Usd>, feasible: bool, window_ms: i64) -> PlacementResult {
        PlacementResult {
            platform: self.platform,
            size: self.size,
            architecture: self.architecture,
            purchase_option: self.purchase_option,
            cost_usd: cost,
            monthly_cost_usd: cost.and_then(|cost| cost.per_month(window_ms)),
            feasible,
            reasons: self.reasons,
        }
    }
}

/// What to mind about moving to `architecture` and `purchase_option`.
fn cautions(
    case: &Case<'_>,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Vec<String> {
    let mut cautions = Vec::new();
    if architecture != case.configuration.architecture_or_default() {
        cautions.push(format!(
            "needs an image for {architecture}; equal vCPU is not equal work"
        ));
    }
    match purchase_option {
        PurchaseOption::OnDemand => {}
        PurchaseOption::Spot => {
            cautions.push("tasks can be interrupted; the price floats".to_owned())
        }
        _ => {
            cautions.push("true only while a commitment of that size is used every hour".to_owned())
        }
    }
    cautions
}

fn fargate(
    analysis: &Analysis<'_>,
    case: &Case<'_>,
    need: Need,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Option<PlacementResult> {
    let configuration = &case.configuration;
    let os = configuration.os_or_default();
    let prices = analysis.book.fargate(
        &case.demand.workload.region,
        os,
        architecture,
        purchase_option,
    );
    if prices.is_err() && purchase_option != PurchaseOption::OnDemand {
        return None;
    }
    let mut reasons = cautions(case, architecture, purchase_option);
    if case.demand.workload.kind == Kind::Build {
        reasons.push(
            "needs its own runner image and orchestration; assumes the same run time".to_owned(),
        );
    }
    let draft = Draft {
        platform: Platform::Fargate,
        size: None,
        architecture,
        purchase_option,
        reasons,
    };
    if configuration.privileged == Some(true) {
        return Some(
            draft.infeasible("privileged builds need a Docker daemon, which Fargate does not give"),
        );
    }
    if os == Os::Windows && architecture == Architecture::Arm64 {
        return None;
    }
    let prices = match prices {
        Ok(prices) => prices,
        Err(reason) => return Some(draft.priced(Err(reason.to_string()), analysis.window.ms())),
    };
    let Some(size) = sizes::cheapest_fargate(need.cpu.get(), need.memory.get(), os, |size| {
        hourly(prices, size)
    }) else {
        return Some(draft.infeasible("needs more than the largest Fargate size"));
    };
    let ephemeral = configuration.ephemeral_gib;
    let cost = fargate_cost_of(case, prices, size);
    Some(
        Draft {
            size: Some(size_of(size, ephemeral)),
            ..draft
        }
        .priced(cost, analysis.window.ms()),
    )
}

/// The cost of an hour at `size`: what orders sizes.
fn hourly(prices: &FargatePrices, size: TaskSize) -> Usd {
    fargate_cost(prices, size, None, crate::model::units::MS_PER_HOUR)
        .unwrap_or(Usd::new(rust_decimal::Decimal::MAX))
}

/// The cost of the case's own running time on Fargate at `size`.
pub(super) fn fargate_cost_of(
    case: &Case<'_>,
    prices: &FargatePrices,
    size: TaskSize,
) -> Result<Usd, String> {
    let ms: i64 = case
        .demand
        .ran
        .iter()
        .map(|component| current::fargate_ms(prices.os, component))
        .sum();
    fargate_cost(prices, size, case.configuration.ephemeral_gib, ms)
        .map_err(|reason| reason.to_string())
}

fn codebuild(
    analysis: &Analysis<'_>,
    case: &Case<'_>,
    need: Need,
    architecture: Architecture,
) -> Option<PlacementResult> {
    let workload = &case.demand.workload;
    let configuration = &case.configuration;
    let os = configuration.os_or_default();
    if os == Os::Windows && architecture == Architecture::Arm64 {
        return None;
    }
    let purchase_option = PurchaseOption::OnDemand;
    let mut reasons = cautions(case, architecture, purchase_option);
    if workload.kind == Kind::Task {
        reasons.push(
            "needs a build project around it; assumes the same run time, provisioning included"
                .to_owned(),
        );
    }
    let draft = Draft {
        platform: Platform::Codebuild,
        size: None,
        architecture,
        purchase_option,
        reasons,
    };
    if workload.kind == Kind::Service {
        let native = architecture == configuration.architecture_or_default();
        return native.then(|| draft.infeasible("a service never ends; CodeBuild runs builds"));
    }
    if case
        .demand
        .runs
        .longest_ms
        .is_some_and(|longest| longest > LONGEST_BUILD_MS)
    {
        return Some(draft.infeasible("runs longer than 36 hours, CodeBuild's limit"));
    }
    let candidates = analysis
        .book
        .codebuild_types()
        .iter()
        .filter(|kind| is_candidate(kind, configuration, architecture, os));
    let sized: Vec<(&CodebuildType, TaskSize)> = candidates
        .filter_map(|kind| Some((kind, kind.size()?)))
        .collect();
    let price = |kind: &CodebuildType| {
        analysis
            .book
            .codebuild(&workload.region, &kind.environment_type, &kind.compute_type)
    };
    let priced = sized
        .iter()
        .copied()
        .filter(|(kind, _)| price(kind).is_ok());
    let rate = |kind: &&CodebuildType| {
        price(kind).map_or(Usd::new(rust_decimal::Decimal::MAX), |price| {
            Usd::new(price.usd)
        })
    };
    let Some(kind) = sizes::cheapest(priced, need.cpu.get(), need.memory.get(), rate) else {
        let fits = |size: &TaskSize| {
            size.vcpu() >= need.cpu.get() && f64::from(size.memory_mib) >= need.memory.get()
        };
        return Some(match sized.iter().find(|(_, size)| fits(size)) {
            Some((kind, _)) => {
                let reason = price(kind)
                    .err()
                    .map(|reason| reason.to_string())
                    .unwrap_or_default();
                draft.priced(Err(reason), analysis.window.ms())
            }
            None => draft.infeasible("needs more than the largest CodeBuild compute type"),
        });
    };
    let cost = price(kind)
        .map_err(|reason| reason.to_string())
        .map(|price| {
            let ms = case
                .demand
                .ran
                .iter()
                .map(|component: &Component| current::codebuild_ms(analysis, price.unit, component))
                .sum();
            codebuild_cost(price, ms)
        });
    let size = kind.size().map(|size| Size {
        name: kind.compute_type.clone(),
        ..size_of(size, None)
    });
    Some(Draft { size, ..draft }.priced(cost, analysis.window.ms()))
}

/// A build stays in its kind of environment; a GPU is never given up or added silently.
fn is_candidate(
    kind: &CodebuildType,
    configuration: &Configuration,
    architecture: Architecture,
    os: Os,
) -> bool {
    let has_gpu = configuration
        .environment_type
        .as_deref()
        .is_some_and(|kind| kind.contains("GPU"));
    kind.architecture == architecture && kind.os == os && kind.gpu == has_gpu && !kind.lambda
}

fn ec2(analysis: &Analysis<'_>, case: &Case<'_>, need: Need, fleets: &Fleets) -> PlacementResult {
    let mut reasons = Vec::new();
    if case.demand.workload.kind == Kind::Build {
        reasons.push(
            "needs its own runner image and orchestration; assumes the same run time".to_owned(),
        );
    }
    let draft = Draft {
        platform: Platform::Ec2,
        size: Some(size_of(need.size(), case.configuration.ephemeral_gib)),
        architecture: case.configuration.architecture_or_default(),
        purchase_option: PurchaseOption::OnDemand,
        reasons,
    };
    match fleets.share(&case.demand.workload) {
        Share::Of(cost) => draft.priced(Ok(cost), analysis.window.ms()),
        Share::NotPriced(reason) => draft.priced(Err(reason), analysis.window.ms()),
        Share::Infeasible(reason) => draft.infeasible(reason),
    }
}
