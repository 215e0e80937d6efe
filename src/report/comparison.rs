//! The result of `compare`: its JSON interface, and the value that its table prints.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;

use super::from::of_placement;
use super::quality::dates_of;
use super::result::{AmountResult, PlacementResult, PricesResult};
use crate::model::workload::{Configuration, PurchaseOption};
use crate::pricing::PriceBook;
use crate::recommend::compare::{BreakEven, Comparison, Curve, Job, Offer};

/// Version of [`ComparisonResult`]; a change that breaks a reader raises it.
pub const COMPARISON_VERSION: u32 = 2;

/// What the placements of a job cost.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct ComparisonResult {
    /// [`COMPARISON_VERSION`].
    pub version: u32,
    /// The job.
    pub inputs: Job,
    /// Every placement, cheapest first; then those without a price, then those that cannot be, with their reasons.
    pub placements: Vec<OfferResult>,
    /// Between the best of each two platforms, on demand, on the architecture of the cheapest.
    pub break_even: Vec<BreakEven>,
    /// What the same placements cost as runs get longer or more.
    pub curves: Vec<Curve>,
    /// Which prices were looked at: `as_of` spans the dates of all prices of the region.
    pub prices: PricesResult,
}

/// A placement and what the whole period costs there.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct OfferResult {
    /// Where.
    #[serde(flatten)]
    pub placement: PlacementResult,
    /// What the period costs; `None` where the placement has no price, or cannot be.
    pub cost: Option<AmountResult>,
}

impl ComparisonResult {
    /// The result of a comparison by `book`.
    pub fn of(comparison: &Comparison, book: &PriceBook) -> Self {
        let region = &comparison.job.region;
        Self {
            version: COMPARISON_VERSION,
            inputs: comparison.job.clone(),
            placements: comparison.offers.iter().map(of_offer).collect(),
            break_even: comparison.break_even.clone(),
            curves: comparison.curves.clone(),
            prices: PricesResult {
                as_of: dates_of(book, &BTreeSet::from([region.as_str()]))
                    .unwrap_or_else(|| "not dated".to_owned()),
                book: book.hash().to_owned(),
                kind: "list",
            },
        }
    }

    /// The cheapest placement on demand.
    pub fn best(&self) -> Option<&OfferResult> {
        self.best_where(|_| true)
    }

    /// The cheapest on demand of the placements that `matches`.
    pub fn best_where(&self, matches: impl Fn(&PlacementResult) -> bool) -> Option<&OfferResult> {
        self.priced()
            .filter(|offer| offer.placement.purchase_option == PurchaseOption::OnDemand)
            .find(|offer| matches(&offer.placement))
    }

    /// The placements with a cost, cheapest first.
    pub fn priced(&self) -> impl Iterator<Item = &OfferResult> {
        self.placements.iter().filter(|offer| offer.cost.is_some())
    }
}

fn of_offer(offer: &Offer) -> OfferResult {
    let mut placement = of_placement(&offer.placement, &Configuration::default());
    placement.reasons = offer.reasons().collect();
    placement.effort = None;
    OfferResult {
        placement,
        cost: offer.cost.as_ref().map(AmountResult::from),
    }
}
