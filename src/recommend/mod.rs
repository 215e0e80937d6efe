//! Demand, prices and policy → one [`Report`]: placements, findings and savings that never overlap.
//!
//! Every amount comes from the same cost functions, so a saving is the difference of two runs of one model. The
//! steps are taken in order (right-size, then move), each on what the one before left: Σ savings ≤ cost.

pub mod compare;
mod current;
mod fleet;
mod placements;
mod savings;
mod totals;

use std::collections::BTreeSet;

use crate::demand::{Demand, Reduced, SeenDays};
use crate::model::units::{MS_PER_HOUR, Mib, TaskSize, Usd, Vcpu, Window};
use crate::model::workload::Configuration;
use crate::pricing::PriceBook;
use crate::report::result::{
    BoundsResult, CoverageResult, Current, EvidenceResult, PlacementResult, PolicyResult,
    PricesResult, REPORT_VERSION, Report, RequirementResult, SeenResult, WindowResult,
    WorkloadResult,
};
use crate::rightsize::{self, Bounds, Reason, Requirement};
use fleet::Fleets;

/// CodeBuild stops a build after 36 hours. Source: AWS CodeBuild API reference, timeoutInMinutes, read 2026-11.
const LONGEST_BUILD_MS: i64 = 36 * MS_PER_HOUR;
/// Root volume of the ECS-optimised image, GiB. Source: Amazon ECS developer guide, read 2026-11.
const ROOT_GIB: u32 = 30;

/// The parameters of an analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// How much evidence and margin.
    pub rightsize: rightsize::Policy,
    /// Smallest change worth proposing, percent of the workload's cost.
    pub min_savings_percent: f64,
    /// Bill CodeBuild's queue time too: AWS's page and AWS's support contradict each other.
    pub bill_queue_time: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rightsize: rightsize::Policy::default(),
            min_savings_percent: 5.0,
            bill_queue_time: false,
        }
    }
}

/// What one run needs, as far as placing it goes.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Need {
    cpu: Vcpu,
    memory: Mib,
}

impl Need {
    /// The smallest whole CPU units and MiB that hold it.
    fn size(self) -> TaskSize {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "float-to-int casts saturate; needs are not negative"
        )]
        let whole = |amount: f64| (amount - 1e-9).ceil().max(1.0) as u32;
        TaskSize::new(whole(self.cpu.get() * 1024.0), whole(self.memory.get()))
    }
}

/// A workload on its way through the analysis.
struct Case<'a> {
    demand: &'a Demand,
    /// The newest configuration, the size of a compute type filled in.
    configuration: Configuration,
    /// What it costs today, or why that is not known.
    cost: Result<Usd, String>,
    /// What it needs, or why that is withheld.
    requirement: Result<Requirement, Vec<Reason>>,
    /// What to place: the requirement, or the present size where it is withheld.
    need: Option<Need>,
}

impl Case<'_> {
    /// The days on which it was seen, where its cost is no more than a lower bound for that.
    fn bound(&self) -> Option<SeenDays> {
        self.demand.evidence.seen.filter(|_| self.cost.is_ok())
    }
}

/// Everything an analysis is made of.
struct Analysis<'a> {
    book: &'a PriceBook,
    policy: &'a Policy,
    window: Window,
}

/// The report on `reduced`.
pub fn report(
    reduced: &Reduced,
    book: &PriceBook,
    policy: &Policy,
    coverage: CoverageResult,
) -> Report {
    let analysis = Analysis {
        book,
        policy,
        window: reduced.window,
    };
    let cases: Vec<Case<'_>> = reduced
        .demands
        .iter()
        .map(|demand| analysis.case(demand))
        .collect();
    let placed: Vec<Vec<PlacementResult>> = cases
        .iter()
        .map(|case| placements::alone(&analysis, case))
        .collect();
    let fleets = Fleets::plan(&analysis, &cases, &placed);
    let mut workloads: Vec<WorkloadResult> = cases
        .iter()
        .zip(placed)
        .map(|(case, alone)| {
            analysis.workload(
                case,
                placements::with_fleet(&analysis, case, alone, &fleets),
                fleets.keeps(&case.demand.workload),
            )
        })
        .collect();
    let totals = totals::of(&analysis, &cases, &workloads);
    let key = |w: &WorkloadResult| {
        (
            w.account.clone(),
            w.region.clone(),
            w.kind,
            w.cluster.clone(),
            w.name.clone(),
        )
    };
    workloads.sort_by(|a, b| {
        (b.monthly_savings_usd, b.current.cost_usd)
            .cmp(&(a.monthly_savings_usd, a.current.cost_usd))
            .then_with(|| key(a).cmp(&key(b)))
    });
    Report {
        version: REPORT_VERSION,
        generated_by: concat!("plimsoll ", env!("CARGO_PKG_VERSION")).to_owned(),
        window: window_result(reduced.window),
        totals,
        workloads,
        fleets: fleets.results(&analysis, &cases),
        coverage: CoverageResult {
            notes: notes(&analysis, &cases, coverage.notes),
            ..coverage
        },
        prices: prices_result(book, reduced),
        policy: policy_result(policy),
    }
}

impl Analysis<'_> {
    fn case<'a>(&self, demand: &'a Demand) -> Case<'a> {
        let configuration = current::configuration(self.book, demand);
        let sized = Demand {
            current: Some(configuration.clone()),
            ..demand.clone()
        };
        let requirement = rightsize::requirement(&sized, &self.policy.rightsize, self.window);
        let need = match &requirement {
            Ok(requirement) => Some(Need {
                cpu: Vcpu::new(requirement.cpu.target),
                memory: Mib::new(requirement.memory.target),
            }),
            Err(_) => configuration.size().map(|size| Need {
                cpu: Vcpu::from_units(size.cpu_units),
                memory: Mib::new(f64::from(size.memory_mib)),
            }),
        };
        Case {
            demand,
            cost: current::cost(self, demand),
            configuration,
            requirement,
            need,
        }
    }

    fn workload(
        &self,
        case: &Case<'_>,
        placements: Vec<PlacementResult>,
        fleet_keeps_it: bool,
    ) -> WorkloadResult {
        let mut verdict = savings::verdict(self, case, &placements, fleet_keeps_it);
        verdict
            .reasons
            .extend(case.bound().map(|SeenDays { seen, of_window }| {
                format!("seen on {seen} of {of_window} days: its cost is at least this")
            }));
        let key = &case.demand.workload;
        WorkloadResult {
            account: key.account.clone(),
            region: key.region.clone(),
            kind: key.kind,
            cluster: (!key.cluster.is_empty()).then(|| key.cluster.clone()),
            name: key.name.clone(),
            current: self.current(case),
            requirement: case
                .requirement
                .as_ref()
                .ok()
                .map(|requirement| RequirementResult {
                    vcpu: bounds(requirement.cpu),
                    memory_mib: bounds(requirement.memory),
                }),
            placements,
            finding: verdict.finding,
            reason_codes: verdict.reason_codes,
            reasons: verdict.reasons,
            recommended: verdict.recommended,
            monthly_savings_usd: verdict.monthly_savings,
            savings_steps: verdict.steps,
            evidence: evidence(case.demand),
        }
    }

    fn current(&self, case: &Case<'_>) -> Current {
        let cost = case.cost.as_ref().ok().copied();
        Current {
            platform: case.configuration.platform(),
            size: placements::current_size(&case.configuration),
            architecture: case.configuration.architecture,
            purchase_option: case.configuration.purchase_option(),
            cost_usd: cost,
            monthly_cost_usd: cost.and_then(|cost| cost.per_month(self.window.ms())),
            not_priced: case.cost.as_ref().err().cloned(),
            metered: current::metered(self, case.demand),
            basis: current::basis(case.demand),
        }
    }
}

fn bounds(bounds: Bounds) -> BoundsResult {
    let round = |value: f64| (value * 1e6).round() / 1e6;
    BoundsResult {
        lower: round(bounds.lower),
        target: round(bounds.target),
        upper: round(bounds.upper),
    }
}

fn evidence(demand: &Demand) -> EvidenceResult {
    let usages = || demand.cpu.iter().chain(&demand.memory);
    EvidenceResult {
        days: demand.evidence.days,
        samples: usages().map(|usage| usage.samples).sum(),
        period_s: usages().map(|usage| usage.period_s).max(),
        slots_seen_percent: demand.evidence.slots_seen_permille as f64 / 10.0,
        runs: demand.runs.count,
        open_runs: demand.runs.open,
        seen: demand
            .evidence
            .seen
            .map(|SeenDays { seen, of_window }| SeenResult {
                seen_days: seen,
                window_days: of_window,
            }),
        sources: demand.evidence.sources.iter().cloned().collect(),
    }
}

fn window_result(window: Window) -> WindowResult {
    let time = |ms| {
        jiff::Timestamp::from_millisecond(ms)
            .unwrap_or_default()
            .to_string()
    };
    WindowResult {
        from: time(window.from_ms),
        to: time(window.to_ms),
        hours: window.ms() as f64 / MS_PER_HOUR as f64,
    }
}

/// The dates are those of the regions in the report; other regions' prices had no part in it.
fn prices_result(book: &PriceBook, reduced: &Reduced) -> PricesResult {
    let regions: BTreeSet<&str> = reduced
        .demands
        .iter()
        .map(|demand| demand.workload.region.as_str())
        .collect();
    let dates = || {
        book.rows()
            .filter(|row| regions.contains(row.region.as_str()))
            .filter_map(|row| row.as_of.as_deref())
    };
    let as_of = match (dates().min(), dates().max()) {
        (Some(oldest), Some(newest)) => format!("{oldest} to {newest}"),
        _ => "no date".to_owned(),
    };
    PricesResult {
        as_of,
        book: book.hash().to_owned(),
        kind: "list",
    }
}

fn policy_result(policy: &Policy) -> PolicyResult {
    PolicyResult {
        cpu_percentile: policy.rightsize.cpu_percentile,
        cpu_headroom_percent: policy.rightsize.cpu_headroom_percent,
        memory_headroom_percent: policy.rightsize.memory_headroom_percent,
        min_days: policy.rightsize.min_days,
        min_samples: policy.rightsize.min_samples,
        min_savings_percent: policy.min_savings_percent,
    }
}

/// What bounds the totals: assumptions that were made for want of data.
fn notes(analysis: &Analysis<'_>, cases: &[Case<'_>], mut notes: Vec<String>) -> Vec<String> {
    let sum = |of: &dyn Fn(&Demand) -> i64| cases.iter().map(|case| of(case.demand)).sum::<i64>();
    let mut say = |count: i64, what: &str| {
        if count > 0 {
            notes.push(format!("{count} {what}."));
        }
    };
    let in_sight = sum(&|d| d.runs.open - d.runs.out_of_sight);
    say(
        in_sight,
        "runs were still running when last seen and are counted to the end of the window",
    );
    say(
        sum(&|d| d.runs.out_of_sight),
        "runs were still running when the events of their cluster were last collected and are counted to then",
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
        "readings in percent could not be used: no source tells the size in force at their time",
    );
    say(
        i64::try_from(cases.iter().filter(|case| case.bound().is_some()).count())
            .unwrap_or(i64::MAX),
        "workloads were not seen on every day of the window: what they cost, and every sum with them, is at least what is said",
    );
    if analysis.policy.bill_queue_time {
        notes.push("CodeBuild's queue time is billed, as asked.".to_owned());
    }
    notes
}
