//! What another way of buying would save on what all steps leave: a choice with a commitment or a risk, never advice.

use super::Assessed;
use crate::model::units::{TaskSize, Usd};
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::placement::{self, Need, Prices, Subject};

/// One way of buying what is bought on demand, over all workloads that can be bought so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purchase {
    /// How.
    pub option: PurchaseOption,
    /// Workloads that would cost less.
    pub workloads: usize,
    /// What they would cost less in a month, same platform, size and architecture as after all steps.
    pub monthly: Usd,
}

/// Every way but on demand that saves something, in the order of [`PurchaseOption::OFFERED`]. They exclude each other.
pub(super) fn options(workloads: &[Assessed], prices: &Prices<'_>) -> Vec<Purchase> {
    let others = PurchaseOption::OFFERED
        .iter()
        .filter(|option| **option != PurchaseOption::OnDemand);
    others
        .filter_map(|&option| {
            let each = workloads
                .iter()
                .filter_map(|workload| saved(workload, option, prices));
            let (workloads, monthly) = each.fold((0, Usd::ZERO), |(count, sum), saved| {
                (count + 1, sum + saved)
            });
            (workloads > 0).then_some(Purchase {
                option,
                workloads,
                monthly,
            })
        })
        .collect()
}

/// What `workload` would cost less a month if it were bought so after all steps; `None` where it would not, or where it
/// is not bought on demand alone.
fn saved(workload: &Assessed, option: PurchaseOption, prices: &Prices<'_>) -> Option<Usd> {
    let (platform, architecture, size, rate) = after_all_steps(workload)?;
    if workload.purchase_option != PurchaseOption::OnDemand || platform != Platform::Fargate {
        return None;
    }
    let subject = Subject {
        need: Need::of_size(size),
        ..workload.subject()?
    };
    let placement = placement::at(&subject, prices, platform, architecture, option)?;
    let saved = rate - placement.rate()?.usd;
    (saved > Usd::ZERO).then_some(saved)
}

/// Where and how large a workload is once everything advised is done, and what a month costs then.
fn after_all_steps(workload: &Assessed) -> Option<(Platform, Architecture, TaskSize, Usd)> {
    match &workload.advice.recommended {
        Some(there) => Some((
            there.platform,
            there.architecture,
            there.size.as_ref()?.task,
            there.rate()?.usd,
        )),
        None => Some((
            workload.configuration.platform()?,
            workload.configuration.architecture_or_default(),
            workload.configuration.size()?,
            workload.going_rate.as_ref().ok()?.usd,
        )),
    }
}
