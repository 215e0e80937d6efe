//! The job on Fargate: the cheapest size that holds it, bought in every way that has a price.

use rust_decimal::Decimal;

use super::{Candidate, Draft, Job, MONTH_MS, Meter, Tariff};
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Platform, PurchaseOption};
use crate::pricing::metering::fargate_cost;
use crate::pricing::{Metering, PriceBook};
use crate::recommend::placements::size_of;
use crate::rightsize::sizes::cheapest_fargate;

/// Source: Amazon ECS API reference, `EphemeralStorage`, read 2026-11.
const MOST_EPHEMERAL_GIB: u32 = 200;

/// On demand, priced or not; otherwise only what has a price.
pub(super) fn candidates(
    job: &Job,
    book: &PriceBook,
    architecture: Architecture,
) -> Vec<Candidate> {
    let all = PurchaseOption::ALL
        .iter()
        .map(|&option| candidate(job, book, architecture, option));
    all.filter(|found| {
        found.placement.purchase_option == PurchaseOption::OnDemand || found.tariff.is_some()
    })
    .collect()
}

fn candidate(
    job: &Job,
    book: &PriceBook,
    architecture: Architecture,
    purchase_option: PurchaseOption,
) -> Candidate {
    let draft = Draft::new(Platform::Fargate, architecture, purchase_option);
    if job
        .ephemeral_gib
        .is_some_and(|gib| gib > MOST_EPHEMERAL_GIB)
    {
        return draft.infeasible(format!(
            "Fargate gives {MOST_EPHEMERAL_GIB} GiB of ephemeral storage at most"
        ));
    }
    let prices = match book.fargate(&job.region, job.os, architecture, purchase_option) {
        Ok(prices) => prices,
        Err(reason) => return draft.unpriced(reason.to_string()),
    };
    // Storage costs the same at every size, so it does not take part in the choice.
    let bare = |size| fargate_cost(prices, size, None, MONTH_MS).unwrap_or(Usd::new(Decimal::MAX));
    let Some(size) = cheapest_fargate(
        job.need.vcpu(),
        f64::from(job.need.memory_mib),
        job.os,
        bare,
    ) else {
        return draft.infeasible("larger than every Fargate size");
    };
    let draft = draft
        .sized(size_of(size, job.ephemeral_gib))
        .minding(prices.quality);
    match fargate_cost(prices, size, job.ephemeral_gib, MONTH_MS) {
        Ok(usd_per_month) => draft.priced(
            Tariff {
                usd_per_month,
                meter: Meter::per_run(Metering::fargate(job.os)),
            },
            job.load,
        ),
        Err(reason) => draft.unpriced(reason.to_string()),
    }
}
