//! Fargate Spot: entries of the feed behind AWS's pricing page.

use super::SpotPrice;
use super::found::{Item, Priced, Service};
use crate::model::workload::{Architecture, Os, PurchaseOption};

/// The price that an entry states; none for a label that the feed of x86 Linux does not have.
pub(super) fn price(entry: &SpotPrice) -> Option<Priced> {
    let (component, units): (_, &[&str]) = match entry.label.as_str() {
        "per vCPU per hour" => ("vcpu_hour", &["vCPU-Hours", "Hrs", "hours"]),
        "per GB per hour" => ("gib_hour", &["GB-Hours", "Hrs", "hours"]),
        _ => return None,
    };
    Some(Priced {
        item: item(component),
        units,
        unit: None,
    })
}

/// What a region has where it has Fargate Spot.
pub(super) fn items() -> [Item; 2] {
    ["vcpu_hour", "gib_hour"].map(item)
}

fn item(component: &str) -> Item {
    Item::new(
        Service::Spot,
        &[
            Os::Linux.as_str(),
            Architecture::X86_64.as_str(),
            PurchaseOption::Spot.as_str(),
            component,
        ],
    )
}
