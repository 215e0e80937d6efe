//! The result: the JSON interface and the one value every other format prints.
//!
//! These types are versioned on their own; internal types may change without them.

use serde::Serialize;

use crate::model::units::Usd;
use crate::model::workload::{Architecture, Kind, Platform, PurchaseOption};

/// Version of these types; a change that breaks a reader raises it.
pub const REPORT_VERSION: u32 = 1;

/// What containers cost, at which size and in which home they could run, and how sure that is.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The tool and its version.
    pub generated_by: String,
    /// The window that every `cost_usd` is for.
    pub window: WindowResult,
    /// Sums over all workloads.
    pub totals: Totals,
    /// One entry per workload, largest savings first, then largest cost.
    pub workloads: Vec<WorkloadResult>,
    /// One entry per packed fleet (account, region, architecture).
    pub fleets: Vec<FleetResult>,
    /// What was seen and what was not.
    pub coverage: CoverageResult,
    /// Which prices were used.
    pub prices: PricesResult,
    /// The parameters in force.
    pub policy: PolicyResult,
}

/// A half-open span of time.
#[derive(Debug, Clone, Serialize)]
pub struct WindowResult {
    /// RFC 3339, inclusive.
    pub from: String,
    /// RFC 3339, exclusive.
    pub to: String,
    /// Its length.
    pub hours: f64,
}

/// Sums over all workloads.
#[derive(Debug, Clone, Serialize)]
pub struct Totals {
    /// All workloads seen.
    pub workloads: usize,
    /// Workloads without a price or a size; left out of every sum here.
    pub not_priced: usize,
    /// Priced workloads that were not seen on every day of the window: with them, the sums are lower bounds.
    #[serde(skip_serializing_if = "is_zero")]
    pub partly_seen: usize,
    /// Cost of the priced workloads, list price, for the window.
    pub cost_usd: Usd,
    /// The same as a 730-hour month.
    pub monthly_cost_usd: Usd,
    /// What the recommendations save in a 730-hour month; never more than the cost.
    pub monthly_savings_usd: Usd,
    /// The savings by step, in the order in which they are taken.
    pub savings_steps: SavingsSteps,
    /// CodeBuild's free minutes, once per account, for the window; not part of any workload's cost.
    pub codebuild_free_tier_usd: Usd,
    /// Workloads by finding.
    pub findings: FindingCounts,
    /// If everything that can stood in one home; a home that none can be priced in is left out.
    pub by_platform: Vec<PlatformTotal>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks so")]
const fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Savings of a 730-hour month, each step on what the one before left.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct SavingsSteps {
    /// Same home, smaller or larger size.
    pub rightsize_usd: Usd,
    /// Another home.
    pub move_usd: Usd,
}

/// Workloads by finding.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub struct FindingCounts {
    /// Larger than needed.
    pub overprovisioned: usize,
    /// Smaller than needed.
    pub underprovisioned: usize,
    /// Right as it is.
    pub optimized: usize,
    /// Withheld, with reasons.
    pub not_enough_data: usize,
}

/// The whole fleet in one home.
#[derive(Debug, Clone, Serialize)]
pub struct PlatformTotal {
    /// Which home.
    pub platform: Platform,
    /// Workloads that can run there and are priced there.
    pub workloads: usize,
    /// What these would cost there, for the window, at their recommended size, on demand, same architecture.
    pub cost_usd: Usd,
    /// What the same workloads cost today.
    pub current_cost_usd: Usd,
}

/// One workload.
#[derive(Debug, Clone, Serialize)]
pub struct WorkloadResult {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// `service`, `task` or `build`.
    pub kind: Kind,
    /// ECS cluster; `None` for builds.
    pub cluster: Option<String>,
    /// Its name.
    pub name: String,
    /// What runs today.
    pub current: Current,
    /// What it needs; `None` when withheld.
    pub requirement: Option<RequirementResult>,
    /// Every placement, cheapest feasible first; infeasible ones last with their reasons.
    pub placements: Vec<PlacementResult>,
    /// Compute Optimizer's words.
    pub finding: Finding,
    /// Why, Compute Optimizer's spelling where it has one.
    pub reason_codes: Vec<ReasonCode>,
    /// The same in a sentence each.
    pub reasons: Vec<String>,
    /// The placement to move to; `None` to stay, or when withheld.
    pub recommended: Option<PlacementResult>,
    /// What the recommendation saves in a 730-hour month; zero to stay as it is, `None` when that is not known.
    pub monthly_savings_usd: Option<Usd>,
    /// The same by step.
    pub savings_steps: SavingsSteps,
    /// What was seen of it.
    pub evidence: EvidenceResult,
}

/// What runs today and what it costs.
#[derive(Debug, Clone, Serialize)]
pub struct Current {
    /// Its home; `None` for launch types outside the three.
    pub platform: Option<Platform>,
    /// Its size; `None` when no source tells.
    pub size: Option<Size>,
    /// Its architecture.
    pub architecture: Option<Architecture>,
    /// How it is bought.
    pub purchase_option: PurchaseOption,
    /// Cost in the window at list price; `None` when not priced, with the reason in `not_priced`.
    pub cost_usd: Option<Usd>,
    /// The same as a 730-hour month.
    pub monthly_cost_usd: Option<Usd>,
    /// Why there is no cost.
    pub not_priced: Option<String>,
    /// The time it is billed for in its present home.
    pub metered: Option<Metered>,
    /// How the billed time was measured: `runs` (exact) or `sample_count` (estimated).
    pub basis: Option<&'static str>,
}

/// Billed time: what to hold against the bill's own quantities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Metered {
    /// How much, by the home's own rounding and floors, over all tasks or builds in the window.
    pub amount: f64,
    /// `second` or `minute`.
    pub unit: &'static str,
}

/// A size, by name and by amount.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Size {
    /// `0.25 vCPU / 0.5 GiB`, or the compute type.
    pub name: String,
    /// vCPU.
    pub vcpu: f64,
    /// GiB.
    pub memory_gib: f64,
    /// Ephemeral storage asked for, GiB, where it is more than the 20 GiB that are free.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_gib: Option<u32>,
}

/// The safe need of one run.
#[derive(Debug, Clone, Serialize)]
pub struct RequirementResult {
    /// CPU, vCPU.
    pub vcpu: BoundsResult,
    /// Memory, MiB.
    pub memory_mib: BoundsResult,
}

/// A range with the value to size for.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct BoundsResult {
    /// Less than this was exceeded often.
    pub lower: f64,
    /// What to size for.
    pub target: f64,
    /// More than this is waste.
    pub upper: f64,
}

/// Where a workload could run, and what that costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PlacementResult {
    /// Which home.
    pub platform: Platform,
    /// Which size; `None` when none holds the workload.
    pub size: Option<Size>,
    /// Which architecture.
    pub architecture: Architecture,
    /// Bought how.
    pub purchase_option: PurchaseOption,
    /// Cost in the window; `None` when not priced.
    pub cost_usd: Option<Usd>,
    /// The same as a 730-hour month.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub monthly_cost_usd: Option<Usd>,
    /// Whether the workload can run there.
    pub feasible: bool,
    /// Why not, or what to mind.
    pub reasons: Vec<String>,
}

/// Compute Optimizer's findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub enum Finding {
    /// Smaller than needed.
    Underprovisioned,
    /// Larger than needed.
    Overprovisioned,
    /// Right as it is.
    Optimized,
    /// Withheld.
    NotEnoughData,
}

impl Finding {
    /// As printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Underprovisioned => "Underprovisioned",
            Self::Overprovisioned => "Overprovisioned",
            Self::Optimized => "Optimized",
            Self::NotEnoughData => "NotEnoughData",
        }
    }
}

/// Why a finding is what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub enum ReasonCode {
    /// As Compute Optimizer.
    CPUOverprovisioned,
    /// As Compute Optimizer.
    CPUUnderprovisioned,
    /// As Compute Optimizer.
    MemoryOverprovisioned,
    /// As Compute Optimizer.
    MemoryUnderprovisioned,
    /// No utilisation readings at all.
    NoUtilizationData,
    /// Fewer days of readings than asked for.
    TooFewDays,
    /// Fewer readings than asked for.
    TooFewSamples,
    /// Not one whole week seen.
    NoFullWeek,
    /// Resized so recently that too little was seen at the present size.
    ResizedRecently,
    /// No source tells its size.
    SizeUnknown,
    /// Readings that the workload cannot have had.
    ImplausibleData,
    /// Killed for want of memory.
    OutOfMemory,
    /// Task count follows load: CPU is not reduced a second time.
    TaskCountVaries,
    /// Memory peaks rise day by day: not reduced.
    MemoryRising,
    /// No price for what it runs on.
    NotPriced,
}

/// What was seen of a workload.
#[derive(Debug, Clone, Serialize)]
pub struct EvidenceResult {
    /// UTC days with readings.
    pub days: i64,
    /// CPU and memory readings.
    pub samples: i64,
    /// Longest period of a reading, seconds.
    pub period_s: Option<i64>,
    /// Share of five-minute slots between first and last reading that have one, percent.
    pub slots_seen_percent: f64,
    /// Runs seen.
    pub runs: i64,
    /// Of these, still running when last seen.
    pub open_runs: i64,
    /// The days on which it was looked at, where these are not all: its cost and its savings are lower bounds then.
    #[serde(flatten)]
    pub seen: Option<SeenResult>,
    /// What fed it.
    pub sources: Vec<String>,
}

/// Days on which a workload was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SeenResult {
    /// UTC days on which everything was read that tells of its running time.
    pub seen_days: i64,
    /// UTC days of the window.
    pub window_days: i64,
}

/// One packed fleet.
#[derive(Debug, Clone, Serialize)]
pub struct FleetResult {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Architecture of its instances.
    pub architecture: Architecture,
    /// The instance type chosen.
    pub instance_type: String,
    /// Most instances at once.
    pub peak_instances: u32,
    /// Instance-hours billed.
    pub instance_hours: f64,
    /// Cost as ECS would run it, for the window.
    pub cost_usd: Usd,
    /// No packing on these instance types can cost less.
    pub floor_usd: Usd,
    /// `cost ÷ floor − 1`, percent.
    pub gap_percent: f64,
    /// What the same workloads cost on Fargate, at the same sizes; `None` where not priced.
    pub fargate_usd: Option<Usd>,
    /// `Fargate ÷ floor − 1`, percent: packing wins only below this gap.
    pub break_even_gap_percent: Option<f64>,
    /// Which resource fills first: `cpu`, `memory` or `network_interfaces`.
    pub binds: &'static str,
    /// Workloads on it.
    pub workloads: usize,
}

/// What was seen and what was not.
#[derive(Debug, Clone, Serialize)]
pub struct CoverageResult {
    /// Distinct sources behind the report.
    pub sources: usize,
    /// Scope-days by state.
    pub complete_scope_days: usize,
    /// Scope-days with something missing.
    pub partial_scope_days: usize,
    /// Rows read from the dataset: runs and samples.
    pub rows: i64,
    /// Rows that said the same thing twice.
    pub duplicate_rows: i64,
    /// Rows that contradicted another and lost.
    pub conflicting_rows: i64,
    /// A hash over the sources, the same for the same data in whatever order it came.
    pub fingerprint: String,
    /// What a reader should know before trusting a total.
    pub notes: Vec<String>,
}

/// Which prices were used.
#[derive(Debug, Clone, Serialize)]
pub struct PricesResult {
    /// Oldest and newest date among the prices used.
    pub as_of: String,
    /// The price book's own hash.
    pub book: String,
    /// `list`: public list prices.
    pub kind: &'static str,
}

/// The parameters in force.
#[derive(Debug, Clone, Serialize)]
pub struct PolicyResult {
    /// Percentile of the CPU maxima.
    pub cpu_percentile: f64,
    /// Added to CPU, percent.
    pub cpu_headroom_percent: f64,
    /// Added to the memory peak, percent.
    pub memory_headroom_percent: f64,
    /// Days of readings needed.
    pub min_days: i64,
    /// Readings needed per resource.
    pub min_samples: i64,
    /// Smallest change worth proposing, percent of the workload's cost.
    pub min_savings_percent: f64,
}
