//! A placement of a job and what it costs there, or why not.

use super::job::Load;
use super::terms::Terms;
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::placement::{Placement, Size};
use crate::pricing::cost::Amount;
use crate::pricing::{NotPriced, Quality};

/// A placement and what the whole period costs there.
#[derive(Debug, Clone, PartialEq)]
pub struct Offer {
    /// Where.
    pub placement: Placement,
    /// What the period costs; `None` where the placement has no price, or cannot be.
    pub cost: Option<Amount>,
    pub(super) terms: Option<Terms>,
}

impl Offer {
    /// Why it cannot be, why it has no price, or what to mind.
    pub fn reasons(&self) -> impl Iterator<Item = String> + '_ {
        let placement = &self.placement;
        let unpriced = placement
            .going_rate
            .as_ref()
            .err()
            .filter(|_| placement.is_feasible())
            .map(ToString::to_string);
        placement
            .obstacles
            .iter()
            .cloned()
            .chain(unpriced)
            .chain(placement.cautions.iter().cloned())
    }

    pub(super) fn usd(&self) -> Option<Usd> {
        self.cost.as_ref().map(|cost| cost.usd)
    }
}

/// A placement before its cost is known.
pub(super) struct Draft(Placement);

impl Draft {
    pub(super) fn new(
        platform: Platform,
        architecture: Architecture,
        purchase_option: PurchaseOption,
    ) -> Self {
        Self(Placement {
            platform,
            size: None,
            architecture,
            purchase_option,
            obstacles: Vec::new(),
            cautions: Vec::new(),
            going_rate: Err(NotPriced::new("it cannot run there")),
            run_time: None,
        })
    }

    pub(super) fn sized(mut self, size: Size) -> Self {
        self.0.size = Some(size);
        self
    }

    pub(super) fn because(mut self, reason: impl Into<String>) -> Self {
        self.0.cautions.push(reason.into());
        self
    }

    /// Says so where sources disagree on the price.
    pub(super) fn minding(self, quality: Quality) -> Self {
        if quality == Quality::Conflicting {
            self.because("sources disagree on this price")
        } else {
            self
        }
    }

    pub(super) fn infeasible(mut self, reason: impl Into<String>) -> Offer {
        self.0.obstacles.push(reason.into());
        self.without_cost()
    }

    pub(super) fn unpriced(mut self, reason: NotPriced) -> Offer {
        self.0.going_rate = Err(reason);
        self.without_cost()
    }

    fn without_cost(self) -> Offer {
        Offer {
            placement: self.0,
            cost: None,
            terms: None,
        }
    }

    pub(super) fn priced(mut self, terms: Terms, load: Load) -> Offer {
        let Some(cost) = terms.cost(load) else {
            return self.unpriced(NotPriced::new("more than can be counted"));
        };
        let cautions = cautions(&self.0);
        self.0.cautions.extend(cautions);
        self.0.going_rate = cost
            .clone()
            .per_month(load.period_ms())
            .ok_or_else(|| NotPriced::new("more than can be counted"));
        Offer {
            placement: self.0,
            cost: Some(cost),
            terms: Some(terms),
        }
    }
}

/// What to mind about an architecture and a way to buy.
fn cautions(placement: &Placement) -> Vec<String> {
    let image = (placement.architecture == Architecture::Arm64).then_some("needs an arm64 image");
    let option = match placement.purchase_option {
        PurchaseOption::OnDemand | PurchaseOption::Mixed => None,
        PurchaseOption::Spot => Some("can be interrupted, and its price floats"),
        _ => Some("only under a Compute Savings Plan that is used in full"),
    };
    image.into_iter().chain(option).map(str::to_owned).collect()
}
