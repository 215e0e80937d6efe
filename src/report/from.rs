//! The domain's values → the result's. Nothing reads a result back.

use rust_decimal::prelude::ToPrimitive;

use super::amounts::time;
use super::fleet_figures::FleetFigures;
use super::result::{
    AmountResult, BoundsResult, CostLineResult, CoverageResult, Current, EvidenceResult,
    FindingCounts, FleetResult, Metered, PlacementResult, PlatformTotal, PolicyResult,
    PurchaseResult, REPORT_VERSION, Report, RequirementResult, RiskResult, SavingsStep, SecondBest,
    SelectionResult, Size, SizeStepResult, Totals, WindowResult, WorkloadResult,
};
use super::{cluster, course, narrow, quality, usage};
use crate::analysis::{Analysis, Assessed, Policy};
use crate::demand::{Basis, Demand};
use crate::model::finding::Finding;
use crate::model::units::{MS_PER_HOUR, TaskSize, Usd, Window};
use crate::model::workload::{Configuration, Platform};
use crate::placement::effort::Effort;
use crate::placement::{self, Placement, Prices};
use crate::pricing::cost::{Amount, Certainty, CostLine};
use crate::pricing::metering::Meter;
use crate::pricing::{NotPriced, PriceBook};
use crate::recommend::choose::Saving;
use crate::recommend::fleet::PackedFleet;
use crate::recommend::lattice::{self, Neighbour};
use crate::recommend::purchase::Purchase;
use crate::rightsize::Bounds;
use crate::rightsize::assurance::{Assurance, CONFIDENCE};
use crate::rightsize::history::History;
use crate::rightsize::margin::Margin;
use crate::workers;

impl Report {
    /// The result of an analysis; `coverage` is what was seen of what was asked for.
    pub fn of(analysis: &Analysis, book: &PriceBook, coverage: CoverageResult) -> Self {
        let prices = Prices {
            book,
            bill_queue_time: analysis.policy.bill_queue_time,
        };
        let mut workloads = workers::map(analysis.workloads.iter().collect(), |workload| {
            of_workload(workload, &analysis.policy, &prices)
        });
        workloads.sort_by(|a, b| order(b).cmp(&order(a)).then_with(|| key(a).cmp(&key(b))));
        Self {
            version: REPORT_VERSION,
            generated_by: concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned(),
            window: of_window(analysis.window),
            totals: of_totals(analysis),
            workloads,
            fleets: analysis
                .fleets
                .iter()
                .map(|fleet| of_fleet(fleet, analysis, book))
                .collect(),
            clusters: analysis.clusters.iter().map(cluster::of).collect(),
            coverage: CoverageResult {
                notes: notes(analysis, coverage.notes),
                ..coverage
            },
            prices: quality::of_prices(book, analysis),
            price_quality: quality::of_analysis(analysis),
            policy: of_policy(&analysis.policy),
            selection: SelectionResult::default(),
            groups: None,
        }
    }
}

/// Largest savings first, then largest cost.
fn order(workload: &WorkloadResult) -> (Option<Usd>, Option<Usd>) {
    let rate = workload.current.going_rate.as_ref();
    (workload.monthly_savings_usd, rate.map(|rate| rate.usd))
}

fn key(workload: &WorkloadResult) -> impl Ord + '_ {
    (
        &workload.account,
        &workload.region,
        workload.kind,
        &workload.cluster,
        &workload.name,
    )
}

fn of_workload(workload: &Assessed, policy: &Policy, prices: &Prices<'_>) -> WorkloadResult {
    let key = &workload.demand.workload;
    let advice = &workload.advice;
    let place = |placement: &Placement| of_placement(placement, &workload.configuration);
    WorkloadResult {
        account: key.account.clone(),
        region: key.region.clone(),
        kind: key.kind,
        cluster: (!key.cluster.is_empty()).then(|| key.cluster.clone()),
        name: key.name.clone(),
        tags: workload.demand.tags.clone(),
        current: of_current(workload, policy),
        requirement: of_requirement(workload),
        placements: workload.placements.iter().map(place).collect(),
        finding: advice.finding,
        reason_codes: advice.codes.clone(),
        reasons: advice.sentences.clone(),
        recommended: advice.recommended.as_ref().map(place),
        second_best: advice
            .second_best
            .as_ref()
            .map(|(placement, wins_if)| SecondBest {
                placement: place(placement),
                wins_if: wins_if.clone(),
            }),
        monthly_savings_usd: advice.monthly_savings.map(|(usd, _)| usd),
        savings_certainty: advice.monthly_savings.map(|(_, certainty)| certainty),
        savings_steps: advice.steps.iter().map(of_step).collect(),
        size_steps: lattice::neighbours(workload, prices)
            .iter()
            .map(of_neighbour)
            .collect(),
        evidence: of_evidence(&workload.demand),
        usage: usage::of_usage(&workload.demand, policy.rightsize.cpu_percentile),
        runs: usage::of_runs(&workload.demand.runs),
        out_of_memory: usage::of_kills(&workload.demand),
    }
}

fn of_current(workload: &Assessed, policy: &Policy) -> Current {
    let configuration = &workload.configuration;
    let reason =
        |amount: &Result<Amount, NotPriced>| amount.as_ref().err().map(NotPriced::to_string);
    Current {
        platform: configuration.platform(),
        size: placement::Size::of(configuration).as_ref().map(of_size),
        architecture: configuration.architecture,
        purchase_option: workload.purchase_option,
        measured_cost: workload.measured_cost.as_ref().ok().map(AmountResult::from),
        going_rate: workload.going_rate.as_ref().ok().map(AmountResult::from),
        not_priced: reason(&workload.measured_cost).or_else(|| reason(&workload.going_rate)),
        metered: metered(&workload.demand, policy),
        basis: workload
            .demand
            .ran
            .first()
            .map(|component| component.basis.as_str()),
        narrowed_by: narrow::by(workload),
    }
}

fn of_neighbour(neighbour: &Neighbour) -> SizeStepResult {
    SizeStepResult {
        size: of_size(&neighbour.size),
        is_larger: neighbour.is_larger,
        holds: neighbour.holds,
        going_rate_usd: neighbour.monthly,
    }
}

impl From<&Amount> for AmountResult {
    fn from(amount: &Amount) -> Self {
        let certainty = amount.certainty();
        let has_lower = matches!(certainty, Certainty::AtLeast | Certainty::Between);
        let has_upper = matches!(certainty, Certainty::AtMost | Certainty::Between);
        Self {
            usd: amount.usd,
            certainty,
            lower_usd: has_lower.then_some(amount.low),
            upper_usd: amount.high.filter(|_| has_upper),
            lines: amount.lines.iter().map(of_line).collect(),
        }
    }
}

fn of_line(line: &CostLine) -> CostLineResult {
    let number = |decimal: rust_decimal::Decimal| decimal.to_f64().unwrap_or(f64::INFINITY);
    CostLineResult {
        of: line.of.clone(),
        component: line.component,
        quantity: number(line.quantity.round_dp(9)),
        unit: line.unit,
        price_usd: number(line.price),
        as_of: line.as_of.clone(),
        quality: line.quality.as_str(),
        source: line.source.clone(),
        usd: line.usd,
    }
}

/// A placement as seen from what runs today.
pub(super) fn of_placement(placement: &Placement, today: &Configuration) -> PlacementResult {
    let rate = placement.rate();
    let reasons = placement.obstacles.iter().chain(&placement.cautions);
    PlacementResult {
        platform: placement.platform,
        size: placement.size.as_ref().map(of_size),
        architecture: placement.architecture,
        purchase_option: placement.purchase_option,
        feasible: placement.is_feasible(),
        reasons: reasons.cloned().collect(),
        effort: Effort::of(today, placement),
        going_rate: rate.map(AmountResult::from),
        not_priced: placement
            .going_rate
            .as_ref()
            .err()
            .filter(|_| placement.is_feasible())
            .map(NotPriced::to_string),
    }
}

/// A size, by name and by amount.
pub(super) fn of_size(size: &placement::Size) -> Size {
    Size {
        name: size.name.clone(),
        vcpu: size.task.vcpu(),
        memory_gib: size.task.gib(),
        ephemeral_gib: size.ephemeral_gib,
    }
}

fn of_step(saving: &Saving) -> SavingsStep {
    SavingsStep {
        step: saving.step,
        effort: saving.effort,
        monthly_savings_usd: saving.monthly,
    }
}

/// The need, and how sure the size is that is bought for it.
fn of_requirement(workload: &Assessed) -> Option<RequirementResult> {
    let requirement = workload.requirement.as_ref().ok()?;
    let advised = workload.advice.recommended.as_ref();
    let bought = advised
        .and_then(|placement| placement.size.as_ref())
        .map(|size| size.task)
        .or_else(|| workload.configuration.size());
    let memory = bought.map(|size| f64::from(size.memory_mib));
    Some(RequirementResult {
        vcpu: of_bounds(requirement.cpu),
        memory_mib: of_bounds(requirement.memory),
        vcpu_risk: with_lost_time(
            of_assurance(&requirement.cpu_assurance, bought.map(TaskSize::vcpu)),
            workload,
            bought,
        ),
        memory_risk: of_assurance(&requirement.memory_assurance, memory),
    })
}

/// What throttling would have cost on the size: CPU-seconds that wait are worked off later, so a run takes longer by them.
fn with_lost_time(risk: RiskResult, workload: &Assessed, bought: Option<TaskSize>) -> RiskResult {
    let Some((usage, size)) = workload.demand.cpu.as_ref().zip(bought) else {
        return risk;
    };
    let history = History::of(usage);
    let (days, weight_ms) = (history.days().len() as f64, history.weight() as f64);
    let lost = history.amount_above(size.vcpu());
    let rounded = |value: f64| (value * 1e3).round() / 1e3;
    let is_known = days > 0.0 && weight_ms > 0.0 && size.vcpu() > 0.0;
    RiskResult {
        lost_cpu_s_per_day: is_known.then(|| rounded(lost / 1000.0 / days)),
        longer_percent: is_known.then(|| rounded(100.0 * lost / size.vcpu() / weight_ms)),
        ..risk
    }
}

/// How sure `size` is.
fn of_assurance(assurance: &Assurance, size: Option<f64>) -> RiskResult {
    let percent = |share: f64| (share * 1e4).round() / 1e2;
    let (margin, fixed_percent, workload_weeks) = match assurance.margin {
        Margin::Calibrated { weeks } => ("calibrated", None, weeks),
        Margin::ShippedDefault => ("shipped_default", None, 0),
        Margin::Fixed { percent } => ("fixed", Some(percent), 0),
    };
    RiskResult {
        margin,
        fixed_percent,
        workload_weeks,
        risk_percent: size.and_then(|size| assurance.risk_of(size)).map(percent),
        risk_at_most_percent: size
            .and_then(|size| assurance.risk_at_most(size))
            .map(percent),
        confidence_percent: percent(CONFIDENCE),
        lost_cpu_s_per_day: None,
        longer_percent: None,
        effective_days: (assurance.effective_days * 10.0).round() / 10.0,
        missing: assurance.missing.clone(),
    }
}

fn of_bounds(bounds: Bounds) -> BoundsResult {
    let round = |value: f64| (value * 1e6).round() / 1e6;
    BoundsResult {
        lower: round(bounds.lower),
        target: round(bounds.target),
        upper: round(bounds.upper),
    }
}

fn of_evidence(demand: &Demand) -> EvidenceResult {
    let usages = || demand.cpu.iter().chain(&demand.memory);
    let evidence = &demand.evidence;
    EvidenceResult {
        days: evidence.days,
        samples: usages().map(|usage| usage.samples).sum(),
        period_s: usages().map(|usage| usage.period_s).max(),
        slots_seen_percent: evidence.slots_seen_permille as f64 / 10.0,
        runs: demand.runs.count,
        open_runs: demand.runs.open,
        seen_days: evidence.seen.map(|seen| seen.seen),
        window_days: evidence.seen.map(|seen| seen.of_window),
        sources: evidence.sources.iter().cloned().collect(),
    }
}

pub(super) fn of_window(window: Window) -> WindowResult {
    WindowResult {
        from: time(window.from_ms),
        to: time(window.to_ms),
        hours: window.ms() as f64 / MS_PER_HOUR as f64,
    }
}

fn of_totals(analysis: &Analysis) -> Totals {
    let totals = &analysis.totals;
    Totals {
        workloads: analysis.workloads.len(),
        not_priced: totals.not_priced,
        partly_seen: totals.partly_seen,
        measured_cost: AmountResult::from(&totals.measured_cost),
        going_rate: AmountResult::from(&totals.going_rate),
        monthly_savings_usd: totals.steps.iter().map(|step| step.monthly).sum(),
        savings_steps: totals.steps.iter().map(of_step).collect(),
        purchase_options: totals.purchase_options.iter().map(of_purchase).collect(),
        codebuild_free_tier_usd: totals.codebuild_free_tier,
        recommendations: analysis
            .workloads
            .iter()
            .filter(|workload| workload.advice.recommended.is_some())
            .count(),
        findings: findings(&analysis.workloads),
        by_platform: totals
            .by_platform
            .iter()
            .map(|total| PlatformTotal {
                platform: total.platform,
                workloads: total.workloads,
                going_rate_usd: total.there,
                current_going_rate_usd: total.today,
            })
            .collect(),
    }
}

fn of_purchase(purchase: &Purchase) -> PurchaseResult {
    PurchaseResult {
        purchase_option: purchase.option,
        effort: Effort::Low,
        workloads: purchase.workloads,
        monthly_savings_usd: purchase.monthly,
    }
}

fn findings(workloads: &[Assessed]) -> FindingCounts {
    let count = |finding| {
        workloads
            .iter()
            .filter(|workload| workload.advice.finding == finding)
            .count()
    };
    FindingCounts {
        overprovisioned: count(Finding::Overprovisioned),
        underprovisioned: count(Finding::Underprovisioned),
        optimized: count(Finding::Optimized),
        not_enough_data: count(Finding::NotEnoughData),
    }
}

fn of_fleet(fleet: &PackedFleet, analysis: &Analysis, book: &PriceBook) -> FleetResult {
    FleetResult {
        figures: FleetFigures::of(fleet),
        instance_type: fleet.instance_types(),
        instance_hours: fleet.instance_hours(),
        workloads: fleet.tenants.len(),
        course: course::of(fleet, analysis, book),
    }
}

fn of_policy(policy: &Policy) -> PolicyResult {
    PolicyResult {
        risk_percent: policy.rightsize.risk.percent(),
        cpu_percentile: policy.rightsize.cpu_percentile,
        cpu_headroom_percent: policy.rightsize.cpu_headroom_percent,
        memory_headroom_percent: policy.rightsize.memory_headroom_percent,
        min_days: policy.rightsize.min_days,
        min_samples: policy.rightsize.min_samples,
        min_savings_percent: policy.min_savings_percent,
    }
}

/// The time billed on the present platform; `None` where platforms with different units were mixed or none is known.
fn metered(demand: &Demand, policy: &Policy) -> Option<Metered> {
    let meter = |configuration: &Configuration| {
        let is_lambda = configuration
            .environment_type
            .as_deref()
            .is_some_and(|kind| kind.contains("LAMBDA"));
        match configuration.platform()? {
            Platform::Fargate => Some((Meter::fargate(configuration.os_or_default()), "second")),
            Platform::Codebuild if is_lambda => Some((Meter::Seconds, "second")),
            Platform::Codebuild if policy.bill_queue_time => {
                Some((Meter::MinutesWithQueue, "minute"))
            }
            Platform::Codebuild => Some((Meter::Minutes, "minute")),
            Platform::Ec2 => None,
        }
    };
    let all: Vec<(i64, &'static str)> = demand
        .ran
        .iter()
        .map(|component| {
            let (meter, unit) = meter(&component.configuration)?;
            Some((meter.of(&component.metered.best), unit))
        })
        .collect::<Option<_>>()?;
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

impl Basis {
    /// As printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Runs => "runs",
            Self::SampleCount => "sample_count",
            Self::Sightings => "sightings",
        }
    }
}

/// What bounds the totals: assumptions that were made for want of data.
fn notes(analysis: &Analysis, mut notes: Vec<String>) -> Vec<String> {
    let sum = |of: &dyn Fn(&Demand) -> i64| {
        analysis
            .workloads
            .iter()
            .map(|workload| of(&workload.demand))
            .sum::<i64>()
    };
    let mut say = |count: i64, what: &str| {
        if count > 0 {
            notes.push(format!("{count} {what}."));
        }
    };
    say(
        sum(&|d| d.runs.open),
        "runs were never seen to stop: what they cost lies between their last record and what can have run",
    );
    say(
        sum(&|d| d.runs.never_started),
        "tasks never pulled their image and are not billed",
    );
    say(
        sum(&|d| d.runs.start_assumed),
        "runs have no image-pull or provisioning time and are counted from their start",
    );
    say(
        sum(&|d| d.runs.end_assumed),
        "runs are known only by sightings and end with the minute of the last",
    );
    say(
        sum(&|d| d.evidence.samples_without_size),
        "samples in percent could not be used: no source tells the size in force at their time",
    );
    say(
        i64::try_from(analysis.totals.partly_seen).unwrap_or(i64::MAX),
        "workloads were not seen on every day of the window: what they cost, and every sum with them, is at least what is said",
    );
    if analysis.policy.bill_queue_time {
        notes.push("CodeBuild's queue time is billed, as asked.".to_owned());
    }
    notes
}
