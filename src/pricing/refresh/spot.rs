//! Spot: entries of the feeds behind AWS's pricing pages of Fargate and EC2.

use std::collections::BTreeSet;

use super::found::{Item, Priced, Service};
use super::quoted::SpotPrice;
use crate::model::workload::{Architecture, Os, PurchaseOption};

/// The price that an entry states: none for an instance type that the book does not describe.
///
/// # Errors
/// For a label that the feed of x86 Linux does not have.
pub(super) fn price(
    entry: &SpotPrice,
    instance_types: &BTreeSet<String>,
) -> Result<Vec<Priced>, String> {
    let priced = |item, units| {
        Ok(vec![Priced {
            item,
            units,
            unit: None,
        }])
    };
    match entry.label.as_str() {
        "per vCPU per hour" => priced(item("vcpu_hour"), &["vCPU-Hours", "Hrs", "hours"]),
        "per GB per hour" => priced(item("gib_hour"), &["GB-Hours", "Hrs", "hours"]),
        label if label.contains(' ') => Err("it is not told what it is the price of".to_owned()),
        instance_type if instance_types.contains(instance_type) => {
            let cell = format!("{instance_type} {}", PurchaseOption::Spot.as_str());
            priced(Item::new(Service::Ec2Spot, &[&cell]), &["Hrs", "hours"])
        }
        _ => Ok(Vec::new()),
    }
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
