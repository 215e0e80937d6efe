//! The job on Fargate: the cheapest size that holds it, bought in every way that has a price.

use super::job::Job;
use super::offer::{Draft, Offer};
use super::terms::{BilledTime, Terms};
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::placement::feasibility::LARGEST_EPHEMERAL_GIB;
use crate::placement::{Need, Size, fargate, size};
use crate::pricing::{Metering, PriceBook};

/// On demand, priced or not; otherwise only what has a price.
pub(super) fn offers(job: &Job, book: &PriceBook, architecture: Architecture) -> Vec<Offer> {
    let all = PurchaseOption::OFFERED
        .iter()
        .map(|&option| offer(job, book, architecture, option));
    all.filter(|found| {
        found.placement.purchase_option == PurchaseOption::OnDemand || found.terms.is_some()
    })
    .collect()
}

fn offer(
    job: &Job,
    book: &PriceBook,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Offer {
    let draft = Draft::new(Platform::Fargate, architecture, purchase_option);
    if job
        .ephemeral_gib
        .is_some_and(|gib| gib > LARGEST_EPHEMERAL_GIB)
    {
        return draft.infeasible(format!(
            "Fargate gives {LARGEST_EPHEMERAL_GIB} GiB of ephemeral storage at most"
        ));
    }
    let Some(size) = size::fargate_for(Need::of_size(job.need), job.os) else {
        return draft.infeasible("larger than every Fargate size");
    };
    let draft = draft.sized(Size::of_task(size, job.ephemeral_gib));
    let prices = match book.fargate(&job.region, job.os, architecture, purchase_option) {
        Ok(prices) => prices,
        Err(reason) => return draft.unpriced(reason),
    };
    let draft = draft.minding(prices.quality());
    match fargate::tariff(prices, size, job.ephemeral_gib) {
        Ok(tariff) => draft.priced(
            Terms {
                tariff,
                time: BilledTime::per_run(Metering::fargate(job.os)),
            },
            job.load,
        ),
        Err(reason) => draft.unpriced(reason),
    }
}
