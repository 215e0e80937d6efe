//! What to do about it: advice for each workload, fleets for those that share instances, totals, and comparisons.
//!
//! Every amount comes from the one cost model, so a saving is the difference of two going rates. The steps are taken
//! in order (right-size, then move), each on what the one before left: Σ savings ≤ going rate.

pub mod choose;
pub mod clusters;
pub mod compare;
pub mod fleet;
pub mod lattice;
pub mod purchase;
pub mod totals;

use crate::demand::Demand;
use crate::model::finding::Reason;
use crate::model::units::Usd;
use crate::model::workload::{Configuration, PurchaseOption};
use crate::placement::{Need, Placement, Subject};
use crate::pricing::NotPriced;
use crate::pricing::cost::Amount;
use crate::rightsize::run_time::RunTimes;
use crate::rightsize::{Requirement, SizingPolicy};
use choose::Advice;

/// The parameters of an analysis.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Policy {
    /// How much evidence and margin.
    pub rightsize: SizingPolicy,
    /// Smallest change worth proposing, percent of the workload's going rate.
    pub min_savings_percent: f64,
    /// Smallest saving worth another platform, USD a month: a move must be built and kept.
    pub min_move_savings_usd: u32,
    /// Bill CodeBuild's queue time too: AWS's page and AWS's support contradict each other.
    pub bill_queue_time: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            rightsize: SizingPolicy::default(),
            min_savings_percent: 5.0,
            min_move_savings_usd: 10,
            bill_queue_time: false,
        }
    }
}

impl Policy {
    /// Whether a saving of a month is worth a change.
    pub(crate) fn is_worth_a_change(&self, saved: Usd, of: Usd) -> bool {
        saved > Usd::ZERO && saved.as_f64() >= of.as_f64() * self.min_savings_percent / 100.0
    }

    /// The least that another platform must save of a month's cost `of`, a hair more so that rounding decides nothing.
    pub(crate) fn least_move_saving(&self, of: Usd) -> Usd {
        let share = of.as_f64() * self.min_savings_percent / 100.0;
        let least = share.max(f64::from(self.min_move_savings_usd));
        rust_decimal::Decimal::try_from(least * (1.0 + 1e-6) + 1e-6).map_or(of, Usd::new)
    }

    /// Whether a saving of a month is worth another platform.
    pub(crate) fn is_worth_a_move(&self, saved: Usd, of: Usd) -> bool {
        self.is_worth_a_change(saved, of) && saved.as_f64() >= f64::from(self.min_move_savings_usd)
    }
}

/// One workload: what it costs, what it needs, where it could run, and what is advised.
#[derive(Debug)]
pub struct Assessed {
    /// What it was seen to need.
    pub demand: Demand,
    /// How it is configured today, the size of a compute type filled in.
    pub configuration: Configuration,
    /// How its present pace is bought.
    pub purchase_option: PurchaseOption,
    /// What ran in the window cost, or why that is not known.
    pub measured_cost: Result<Amount, NotPriced>,
    /// What a month costs as it runs today, or why that is not known.
    pub going_rate: Result<Amount, NotPriced>,
    /// How the time of its runs follows size; `None` of a service.
    pub run_times: Option<RunTimes>,
    /// What one run needs, or why that is withheld.
    pub requirement: Result<Requirement, Vec<Reason>>,
    /// What to place: the requirement, or the present size where it is withheld.
    pub need: Option<Need>,
    /// The present platform at the size needed, its mix kept; `None` where it cannot be priced by itself.
    pub resized: Option<Placement>,
    /// Every placement, cheapest feasible first.
    pub placements: Vec<Placement>,
    /// What is said of it.
    pub advice: Advice,
}

impl Assessed {
    /// True where it was not looked at on every day, so that its cost is a lower bound for that.
    pub fn is_partly_seen(&self) -> bool {
        self.demand.evidence.seen.is_some() && self.going_rate.is_ok()
    }

    /// The workload as something to place; `None` without a need.
    pub(crate) fn subject(&self) -> Option<Subject<'_>> {
        Some(Subject {
            workload: &self.demand.workload,
            configuration: &self.configuration,
            need: self.need?,
            pace: self.demand.pace.as_ref(),
            longest_ms: self.demand.runs.longest_ms,
            run_times: self.run_times.as_ref(),
        })
    }
}
