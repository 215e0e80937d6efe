//! The result: the JSON interface and the one value every other format prints.
//!
//! These types are versioned on their own; internal types may change without them.

use std::collections::BTreeMap;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::fleet_figures::FleetFigures;
use crate::model::finding::{Finding, ReasonCode};
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Kind, Platform, PurchaseOption};
use crate::placement::effort::{Effort, Step};
use crate::pricing::cost::Certainty;

/// Version of these types; a change that breaks a reader raises it.
pub const REPORT_VERSION: u32 = 2;

/// What containers cost, at which size and on which platform they could run, and how sure that is.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Report {
    /// [`REPORT_VERSION`].
    pub version: u32,
    /// The tool and its version.
    pub generated_by: String,
    /// The window that every measured cost is for: when the records were made.
    pub window: WindowResult,
    /// Sums over all workloads.
    pub totals: Totals,
    /// One entry per workload, largest savings first, then largest cost.
    pub workloads: Vec<WorkloadResult>,
    /// One entry per packed fleet (account, region, architecture).
    pub fleets: Vec<FleetResult>,
    /// Clusters that run on EC2 instances today.
    pub clusters: Vec<ClusterResult>,
    /// What was seen and what was not.
    pub coverage: CoverageResult,
    /// Which prices were used.
    pub prices: PricesResult,
    /// What they stand on.
    pub price_quality: PriceQualityResult,
    /// The parameters in force.
    pub policy: PolicyResult,
    /// Which workloads were looked at and which of them are listed.
    pub selection: SelectionResult,
    /// Sums per group; `None` unless asked for.
    pub groups: Option<GroupsResult>,
}

/// Which workloads were looked at and which of them are listed.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct SelectionResult {
    /// The condition that every workload of this report meets; sums and groups are of these alone. `None`: all.
    pub r#where: Option<String>,
    /// Workloads that meet the condition but are not listed, because they save too little or come after the first ones.
    pub not_listed: usize,
    /// Only workloads that save at least this a month are listed; `None`: all.
    pub min_savings_usd: Option<Usd>,
    /// At most so many workloads are listed; `None`: all.
    pub top: Option<usize>,
}

/// Sums per group; every workload is in exactly one.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GroupsResult {
    /// `account`, `region`, `cluster`, `kind`, `platform`, `finding` or `tag.KEY`.
    pub by: String,
    /// The groups, dearest first.
    pub groups: Vec<GroupResult>,
}

/// Sums over the workloads of one group.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct GroupResult {
    /// What they have in common; `None` for those that have none.
    pub value: Option<String>,
    /// Workloads in it.
    pub workloads: usize,
    /// Of these, without a going rate; left out of the sums.
    pub not_priced: usize,
    /// What they cost in the window.
    pub measured_cost: AmountResult,
    /// What they cost in a 730-hour month.
    pub going_rate: AmountResult,
    /// What the recommendations save in a 730-hour month.
    pub monthly_savings_usd: Usd,
}

/// A half-open span of time.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct WindowResult {
    /// RFC 3339, inclusive.
    pub from: String,
    /// RFC 3339, exclusive.
    pub to: String,
    /// Its length.
    pub hours: f64,
}

/// Sums over all workloads.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Totals {
    /// All workloads seen.
    pub workloads: usize,
    /// Workloads without a going rate; left out of every sum here.
    pub not_priced: usize,
    /// Priced workloads that were not seen on every day of the window: with them, the sums are lower bounds.
    pub partly_seen: usize,
    /// What the workloads that have a price cost in the window.
    pub measured_cost: AmountResult,
    /// What they cost in a 730-hour month as they run today.
    pub going_rate: AmountResult,
    /// What the recommendations save in a 730-hour month; never more than the going rate.
    pub monthly_savings_usd: Usd,
    /// The savings by step, in the order in which they are taken.
    pub savings_steps: Vec<SavingsStep>,
    /// What buying the same capacity otherwise would save on what all steps leave; they exclude each other, and none is
    /// part of `monthly_savings_usd`.
    pub purchase_options: Vec<PurchaseResult>,
    /// CodeBuild's free minutes or free seconds on Lambda, once per account, for the window; not part of any workload's
    /// cost.
    pub codebuild_free_tier_usd: Usd,
    /// Workloads that should change: another size, another platform.
    pub recommendations: usize,
    /// Workloads by finding.
    pub findings: FindingCounts,
    /// If everything that can ran on one platform; a platform on which nothing is priced is left out.
    pub by_platform: Vec<PlatformTotal>,
}

impl Totals {
    /// Whether the sums hold anything: where no workload seen has a price they are 0, and say nothing.
    pub(super) const fn is_any_priced(&self) -> bool {
        self.workloads == 0 || self.not_priced < self.workloads
    }
}

/// Money, how sure it is, and what it is made of.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct AmountResult {
    /// The best figure.
    pub usd: Usd,
    /// `exact`, `estimated`, `at_least`, `at_most` or `between`.
    pub certainty: Certainty,
    /// Not less than this, where the amount is a bound or lies between two.
    pub lower_usd: Option<Usd>,
    /// Not more than this, where the amount is a bound or lies between two.
    pub upper_usd: Option<Usd>,
    /// Quantity × price, component by component; they add up to `usd`. Empty for sums over workloads.
    pub lines: Vec<CostLineResult>,
}

/// Quantity × price of one component.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CostLineResult {
    /// What runs: `Fargate 1 vCPU / 2 GiB, linux x86_64, on_demand`.
    pub of: Arc<str>,
    /// `vcpu`, `memory`, `ephemeral_storage`, `windows_license`, `build_time`, `instance`, …
    pub component: &'static str,
    /// How much.
    pub quantity: f64,
    /// Of what: `vCPU-hour`, `GiB-hour`, `minute`, …
    pub unit: &'static str,
    /// USD for one unit, as published.
    pub price_usd: f64,
    /// Date of the price; `None` if undated.
    pub as_of: Option<Arc<str>>,
    /// What the price stands on: `exact`, `consistent`, `single_source`, `snapshot` or `conflicting`.
    pub quality: &'static str,
    /// Where the price is from.
    pub source: Arc<str>,
    /// The product.
    pub usd: Usd,
}

/// One step of a recommendation, on what the steps before it left.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SavingsStep {
    /// `rightsize`: same platform, another size. `move`: another platform.
    pub step: Step,
    /// How much work it is.
    pub effort: Effort,
    /// What it saves in a 730-hour month; negative where safety costs more.
    pub monthly_savings_usd: Usd,
}

/// Another way of buying everything that is bought on demand on Fargate.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PurchaseResult {
    /// How.
    pub purchase_option: PurchaseOption,
    /// How much work it is.
    pub effort: Effort,
    /// Workloads that would cost less.
    pub workloads: usize,
    /// What they would cost less in a 730-hour month, after all steps.
    pub monthly_savings_usd: Usd,
}

/// Workloads by finding.
#[derive(Debug, Clone, Copy, Default, Serialize, JsonSchema)]
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

/// Everything that can run there on one platform.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PlatformTotal {
    /// Which platform.
    pub platform: Platform,
    /// Workloads that can run there, are priced there, and are priced today.
    pub workloads: usize,
    /// What a month there would cost, at the size needed, on demand, same architecture.
    pub going_rate_usd: Usd,
    /// What the same workloads cost a month today.
    pub current_going_rate_usd: Usd,
}

/// One workload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
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
    /// Its tags, those that were kept; of a task family those of its newest task definition that was described.
    pub tags: BTreeMap<String, String>,
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
    /// The placement to go to; `None` to stay, or when withheld.
    pub recommended: Option<PlacementResult>,
    /// The next best placement, and what would have to change for it to win; `None` where there is none.
    pub second_best: Option<SecondBest>,
    /// What the recommendation saves in a 730-hour month; zero to stay as it is, `None` when that is not known.
    pub monthly_savings_usd: Option<Usd>,
    /// How sure that saving is; `None` when it is not known.
    pub savings_certainty: Option<Certainty>,
    /// The sizes next to the one that it should have, cheaper and dearer; empty where any size can be had.
    pub size_steps: Vec<SizeStepResult>,
    /// The same by step.
    pub savings_steps: Vec<SavingsStep>,
    /// What was seen of it.
    pub evidence: EvidenceResult,
    /// What one task or build used.
    pub usage: UsageResult,
    /// What is known of its runs.
    pub runs: RunsResult,
    /// Out-of-memory kills in the window; `None` where none is known.
    pub out_of_memory: Vec<OutOfMemoryResult>,
}

/// A size next to the one that a workload should have.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SizeStepResult {
    /// Which.
    pub size: Size,
    /// Whether it is the next dearer one; else it is the next cheaper one.
    pub is_larger: bool,
    /// Whether it holds what one run needs; `None` where that is withheld.
    pub holds: Option<bool>,
    /// A 730-hour month at that size; `None` where it is not priced.
    pub going_rate_usd: Option<Usd>,
}

/// What one task or build used in the window.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct UsageResult {
    /// vCPU; `None` without samples.
    pub cpu: Option<ResourceUsage>,
    /// MiB; `None` without samples.
    pub memory: Option<ResourceUsage>,
}

/// Use of one resource by one task or build.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ResourceUsage {
    /// `vCPU` or `MiB`.
    pub unit: &'static str,
    /// Mean over task time; `None` where no source tells averages.
    pub mean: Option<f64>,
    /// The percentile that counts for its size, by task time, by the clock and by run, the highest of these: the policy's
    /// for CPU, 100 for memory.
    pub percentile: f64,
    /// The use at that percentile, before headroom.
    pub at_percentile: Option<f64>,
    /// Highest sample.
    pub max: f64,
    /// Number of samples.
    pub samples: i64,
    /// Longest period among them, seconds: peaks shorter than that are averaged away.
    pub period_s: i64,
    /// Highest sample of each UTC day that has one.
    pub days: Vec<DayUsage>,
    /// How task time spreads over use, lowest first; the shares add up to 100.
    pub histogram: Vec<UsageBucket>,
}

/// The highest sample of one UTC day.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct DayUsage {
    /// `2026-10-01`.
    pub day: String,
    /// Highest sample.
    pub max: f64,
}

/// How much of the time use was in a range, which begins where the one before ends.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct UsageBucket {
    /// Upper end of the range.
    pub up_to: f64,
    /// Share of the task time, percent.
    pub share_percent: f64,
}

/// What is known of the runs of a workload in the window.
#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
pub struct RunsResult {
    /// Runs that touch the window.
    pub count: i64,
    /// Of these, still running when last seen.
    pub open: i64,
    /// Median elapsed time of the finished ones, seconds.
    pub median_s: Option<f64>,
    /// Longest elapsed time of a finished one, seconds.
    pub longest_s: Option<f64>,
    /// The finished ones by elapsed time, shortest first, from the first class to the last that has one.
    pub by_length: Vec<RunLengthClass>,
}

/// How many runs took how long; a class begins where the one before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunLengthClass {
    /// Longest elapsed time in it, seconds; `None` where it has no end.
    pub up_to_s: Option<i64>,
    /// Finished runs in it.
    pub runs: i64,
}

/// Out-of-memory kills of one container at one limit.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OutOfMemoryResult {
    /// Its name, where the record tells it.
    pub container: Option<String>,
    /// How many.
    pub kills: i64,
    /// The memory limit that was not enough, MiB, where it is known.
    pub limit_mib: Option<u32>,
    /// The limit is the task's, not one of the container's own.
    pub is_of_task: bool,
}

impl std::fmt::Display for OutOfMemoryResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.kills)?;
        if let Some(container) = &self.container {
            write!(f, " of container {container}")?;
        }
        match (self.limit_mib, self.is_of_task) {
            (Some(limit), true) => write!(f, " at the task's limit of {limit} MiB"),
            (Some(limit), false) => write!(f, " at its own limit of {limit} MiB"),
            (None, _) => write!(f, " at a limit that is not known"),
        }
    }
}

/// What runs today and what it costs.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Current {
    /// Its platform; `None` for launch types outside the three.
    pub platform: Option<Platform>,
    /// Its size; `None` when no source tells.
    pub size: Option<Size>,
    /// Its architecture; `None` when no source tells.
    pub architecture: Option<Architecture>,
    /// How it is bought; `mixed` where several ways run side by side.
    pub purchase_option: PurchaseOption,
    /// What ran in the window, as it was configured then, at list price: to be held against the bill.
    pub measured_cost: Option<AmountResult>,
    /// A 730-hour month of the present configuration, at the pace since it is in force: savings are differences of this.
    pub going_rate: Option<AmountResult>,
    /// Why there is no cost or no rate.
    pub not_priced: Option<String>,
    /// The time it is billed for on its present platform.
    pub metered: Option<Metered>,
    /// How the running time is known: `runs`, `sample_count` or `sightings`.
    pub basis: Option<&'static str>,
    /// What would make its amounts surer, one sentence each; empty where they are exact.
    pub narrowed_by: Vec<String>,
}

/// The placement that loses by the least, and what it lacks.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct SecondBest {
    /// Where.
    pub placement: PlacementResult,
    /// What would have to change for it to win.
    pub wins_if: String,
}

/// Billed time: what to hold against the bill's own quantities.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct Metered {
    /// How much, by the platform's own rounding and floors, over all tasks or builds in the window.
    pub amount: f64,
    /// `second` or `minute`.
    pub unit: &'static str,
}

/// A size, by name and by amount.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Size {
    /// `0.25 vCPU / 0.5 GiB`, or the compute type.
    pub name: String,
    /// vCPU.
    pub vcpu: f64,
    /// GiB.
    pub memory_gib: f64,
    /// Ephemeral storage asked for, GiB, where it is more than the 20 GiB that are free.
    pub ephemeral_gib: Option<u32>,
}

/// The safe need of one run.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct RequirementResult {
    /// CPU, vCPU.
    pub vcpu: BoundsResult,
    /// Memory, MiB.
    pub memory_mib: BoundsResult,
    /// How sure the CPU of the recommended size is, or of the present one where none is recommended.
    pub vcpu_risk: RiskResult,
    /// The same of its memory.
    pub memory_risk: RiskResult,
}

/// How sure one resource of a size is: what is judged is the size that is bought, not the need it was chosen for.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct RiskResult {
    /// `calibrated` on the fleet's own weeks, `shipped_default`, or `fixed` by the user.
    pub margin: &'static str,
    /// Percent that the user adds; `None` where the margin is not fixed.
    pub fixed_percent: Option<f64>,
    /// Workload-weeks of this fleet that were replayed for it.
    pub workload_weeks: usize,
    /// Share of weeks that are expected beyond the size (CPU: in more than 1 % of the week's task time; memory: at any time),
    /// percent; `None` where the margin is fixed.
    pub risk_percent: Option<f64>,
    /// The upper limit of that share by the fleet's own weeks alone, percent; `None` without such weeks.
    pub risk_at_most_percent: Option<f64>,
    /// How sure that upper limit is, percent.
    pub confidence_percent: f64,
    /// CPU-seconds a day that would have had to wait on this size, over all tasks; `None` for memory, which cannot wait.
    pub lost_cpu_s_per_day: Option<f64>,
    /// How much longer the same work takes with these, percent of the task time; `None` for memory.
    pub longer_percent: Option<f64>,
    /// How many independent days the days seen are worth.
    pub effective_days: f64,
    /// What would make it surer.
    pub missing: Vec<String>,
}

/// A range with the value to size for.
#[derive(Debug, Clone, Copy, Serialize, JsonSchema)]
pub struct BoundsResult {
    /// Less than this was exceeded often.
    pub lower: f64,
    /// What to size for.
    pub target: f64,
    /// More than this is waste.
    pub upper: f64,
}

/// Where a workload could run, and what that costs.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlacementResult {
    /// Which platform.
    pub platform: Platform,
    /// Which size; `None` when none holds the workload.
    pub size: Option<Size>,
    /// Which architecture.
    pub architecture: Architecture,
    /// Bought how.
    pub purchase_option: PurchaseOption,
    /// Whether the workload can run there.
    pub feasible: bool,
    /// Why not, or what to mind.
    pub reasons: Vec<String>,
    /// How much work it is to get there; `None` where it runs today.
    pub effort: Option<Effort>,
    /// A 730-hour month there at the present pace; `None` when infeasible or not priced.
    pub going_rate: Option<AmountResult>,
    /// Why there is no rate.
    pub not_priced: Option<String>,
}

/// What was seen of a workload.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct EvidenceResult {
    /// UTC days with samples.
    pub days: i64,
    /// CPU and memory samples.
    pub samples: i64,
    /// Longest period of a sample, seconds.
    pub period_s: Option<i64>,
    /// Share of five-minute slots between first and last sample that have one, percent.
    pub slots_seen_percent: f64,
    /// Runs seen.
    pub runs: i64,
    /// Of these, still running when last seen.
    pub open_runs: i64,
    /// UTC days on which everything was read that tells of its running time, where these are not all of the window:
    /// its cost and its savings are lower bounds then.
    pub seen_days: Option<i64>,
    /// UTC days of the window, where it was not seen on all of them.
    pub window_days: Option<i64>,
    /// What fed it.
    pub sources: Vec<String>,
}

/// A cluster that runs on EC2 instances today.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClusterResult {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// ECS cluster.
    pub cluster: String,
    /// Its instances when somebody last looked, by type.
    pub instances: Vec<InstancesResult>,
    /// What a month of them costs on demand, between the cheapest and the dearest snapshot; `None` with `not_priced`.
    pub going_rate: Option<AmountResult>,
    /// Why there is no going rate.
    pub not_priced: Option<String>,
    /// What its tasks reserve on average of the processors that the instances offer, percent.
    pub reserved_cpu_percent: Option<f64>,
    /// What its tasks reserve on average of the memory that the instances offer, percent.
    pub reserved_memory_percent: Option<f64>,
    /// Who runs there.
    pub tenants: Vec<ClusterTenantResult>,
    /// `Overprovisioned`: instances can go. `Underprovisioned`: at the sizes that its tasks need, more run at once than
    /// its instances have room for. `Optimized`: all of them are needed. `NotEnoughData`: withheld.
    pub finding: Finding,
    /// Why, one sentence each.
    pub reasons: Vec<String>,
    /// What following the advice saves in a 730-hour month; zero to stay, `None` where that is not known. It is one of
    /// instances, and no part of `totals.monthly_savings_usd` nor of any workload's savings.
    pub monthly_savings_usd: Option<Usd>,
    /// How sure that saving is; `None` when it is not known.
    pub savings_certainty: Option<Certainty>,
    /// What it could be, least work first; only what saves enough to be worth it. At most one of them can be taken: their
    /// savings do not add up.
    pub could_be: Vec<ClusterWayResult>,
}

/// One thing that a cluster could be: instances that are there all month, on which all that ran has room.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClusterWayResult {
    /// `fewer_instances`: of the same types. `other_instance_type`: one of the same architecture. `arm64`: Graviton.
    pub change: &'static str,
    /// `reserved`: tasks reserve what they do today, more where they need more. `needed`: they are resized first.
    pub sizes: &'static str,
    /// Whether this one is advised.
    pub is_advised: bool,
    /// What must be true for it; `None` where nothing is asked.
    pub condition: Option<String>,
    /// How much work it is, resizing aside.
    pub effort: Effort,
    /// The instances, by type.
    pub instances: Vec<InstancesResult>,
    /// What a month of them costs on demand.
    pub going_rate: AmountResult,
    /// What that saves in a 730-hour month.
    pub monthly_savings: AmountResult,
    /// What fills first: `cpu`, `memory`, `network_interfaces`, or the `daemons` on every instance.
    pub binds: &'static str,
    /// The most that tasks reserve at one moment of the processors that daemons leave them, percent.
    pub peak_cpu_percent: f64,
    /// The same of the memory, percent.
    pub peak_memory_percent: f64,
    /// The same types under managed scaling, as ECS would run them; `None` where that was not modelled. No saving rests on
    /// it.
    pub scaled: Option<ClusterScaledResult>,
}

/// Instances that come and go with the tasks.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClusterScaledResult {
    /// Most at one time.
    pub peak_instances: u32,
    /// On the average of the window.
    pub mean_instances: f64,
    /// What a 730-hour month of them costs on demand.
    pub modelled_usd: Usd,
}

/// Instances of one type.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct InstancesResult {
    /// EC2 instance type; `None` where the agent does not tell it.
    pub instance_type: Option<String>,
    /// How many.
    pub count: u32,
}

/// A workload on a cluster's instances.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ClusterTenantResult {
    /// Service or task.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// Its part of the cluster's going rate, by AWS's split-cost rule on what it reserves; `None` with `not_priced`.
    pub share_usd: Option<Usd>,
    /// Why its part is not known.
    pub not_priced: Option<String>,
}

/// One packed fleet.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct FleetResult {
    /// Where it is and what a month of it costs.
    #[serde(flatten)]
    pub figures: FleetFigures,
    /// The instance types chosen.
    pub instance_type: String,
    /// Instance-hours billed in the window.
    pub instance_hours: f64,
    /// Workloads on it.
    pub workloads: usize,
    /// Instances and what tasks reserve of them over the window, in equal spans.
    pub course: Vec<FleetSpan>,
}

/// A fleet in one of equal spans of the window.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct FleetSpan {
    /// RFC 3339, inclusive.
    pub from: String,
    /// Most instances at once.
    pub instances: u32,
    /// Instances in the mean.
    pub mean_instances: f64,
    /// vCPU of the instances in the mean; `None` where the price book does not describe one of them.
    pub vcpu: Option<f64>,
    /// vCPU that its tasks need in the mean.
    pub vcpu_needed: f64,
    /// Memory of the instances in the mean, GiB; `None` where the price book does not describe one of them.
    pub memory_gib: Option<f64>,
    /// Memory that its tasks need in the mean, GiB.
    pub memory_gib_needed: f64,
}

/// What was seen and what was not.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CoverageResult {
    /// Distinct sources behind the report.
    pub sources: usize,
    /// Scope-days by state.
    pub complete_scope_days: usize,
    /// Scope-days with something missing.
    pub partial_scope_days: usize,
    /// Of these, days on which something could not be looked at.
    pub missed_scope_days: usize,
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
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PricesResult {
    /// Oldest and newest date among the prices used.
    pub as_of: String,
    /// The price book's own hash.
    pub book: String,
    /// `list`: public list prices.
    pub kind: &'static str,
}

/// What the prices behind the going rate of everything stand on.
#[derive(Debug, Clone, PartialEq, Default, Serialize, JsonSchema)]
pub struct PriceQualityResult {
    /// The going rate of everything by what the prices behind it stand on, best first.
    pub by_quality: Vec<QualityShare>,
    /// What prices of the going rate say that are older than a year at the end of the window, or undated.
    pub old_usd: Usd,
    /// What prices of the going rate say on which sources disagree.
    pub contested_usd: Usd,
    /// What prices of the going rate say that are old or contested or both.
    pub doubtful_usd: Usd,
}

/// What prices of one quality say.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct QualityShare {
    /// `exact`, `consistent`, `single_source`, `snapshot` or `conflicting`.
    pub quality: String,
    /// Their part of the going rate.
    pub usd: Usd,
}

/// The parameters in force.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct PolicyResult {
    /// Share of workload-weeks that may go beyond a size, percent.
    pub risk_percent: f64,
    /// Percentile of the CPU maxima that a fixed headroom is added to.
    pub cpu_percentile: f64,
    /// Added to CPU, percent; `None` for a margin that the risk asks for.
    pub cpu_headroom_percent: Option<f64>,
    /// Added to the memory peak, percent; `None` for a margin that the risk asks for.
    pub memory_headroom_percent: Option<f64>,
    /// Days of samples needed.
    pub min_days: i64,
    /// Samples needed per resource.
    pub min_samples: i64,
    /// Smallest change worth proposing, percent of the workload's cost.
    pub min_savings_percent: f64,
}
