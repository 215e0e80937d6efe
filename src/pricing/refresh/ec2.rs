//! EC2: Linux instances on demand and under Savings Plans, their root volumes, and public IPv4 addresses.

use std::collections::{BTreeMap, BTreeSet};

use super::found::{Item, Priced, Service};
use super::product::Product;
use super::quoted::Rate;
use crate::model::workload::InstancePurchase;

/// What makes a product the plain on-demand price of a Linux instance: shared hardware, nothing installed, no licence, no
/// capacity reservation.
pub(super) const INSTANCES: &[(&str, &str)] = &[
    ("operatingSystem", "Linux"),
    ("tenancy", "Shared"),
    ("preInstalledSw", "NA"),
    ("capacitystatus", "Used"),
    ("operation", "RunInstances"),
    ("licenseModel", "No License required"),
];

/// What makes a product the storage price of gp3.
pub(super) const VOLUMES: &[(&str, &str)] =
    &[("productFamily", "Storage"), ("volumeApiName", "gp3")];

/// The price that an EC2 product states; none for instance types that the book does not describe.
pub(super) fn price(product: &Product, instance_types: &BTreeSet<String>) -> Option<Priced> {
    let name = product.attribute("instanceType");
    if product.has(INSTANCES) && instance_types.contains(name) {
        Some(Priced {
            item: item(name),
            units: &["Hrs", "hours"],
            unit: None,
        })
    } else if product.attribute("volumeApiName") == "gp3"
        && product.usage() == "EBS:VolumeUsage.gp3"
    {
        Some(Priced {
            item: volume_item(),
            units: &["GB-Mo", "GB-month"],
            unit: Some("usd"),
        })
    } else {
        None
    }
}

/// The instance types of `region` by the usage type that their on-demand price is billed under: what a Savings Plan rate
/// names. A Local Zone's usage type is none of them.
pub(super) fn usage_types(
    products: &[Product],
    region: &str,
    instance_types: &BTreeSet<String>,
) -> BTreeMap<String, String> {
    let sold = products.iter().filter(|product| {
        product.is_of(region)
            && product.has(INSTANCES)
            && instance_types.contains(product.attribute("instanceType"))
    });
    let text = |product: &Product, name| product.attribute(name).to_owned();
    sold.map(|product| (text(product, "usagetype"), text(product, "instanceType")))
        .collect()
}

/// The price that a Savings Plan rate states of an instance; `None` for other usage, other operating systems and plans
/// with payment upfront.
pub(super) fn committed(rate: &Rate, usage_types: &BTreeMap<String, String>) -> Option<Priced> {
    const YEAR_S: i64 = 365 * 86_400;
    let bought = match (rate.plan_type.as_str(), rate.duration_s) {
        ("Compute", YEAR_S) => InstancePurchase::ComputePlan1yr,
        ("Compute", s) if s == 3 * YEAR_S => InstancePurchase::ComputePlan3yr,
        ("EC2Instance", YEAR_S) => InstancePurchase::InstancePlan1yr,
        ("EC2Instance", s) if s == 3 * YEAR_S => InstancePurchase::InstancePlan3yr,
        _ => return None,
    };
    let is_taken = rate.operation == "RunInstances" && rate.payment_option == "No Upfront";
    let instance_type = usage_types.get(&rate.usage_type).filter(|_| is_taken)?;
    Some(Priced {
        item: Item::new(
            Service::Ec2SavingsPlans,
            &[&format!("{instance_type} {bought}")],
        ),
        units: &["Hrs", "hours"],
        unit: None,
    })
}

/// The price that a VPC product states; none for what is not an address in use.
pub(super) fn address(product: &Product) -> Option<Priced> {
    let is_address = product.usage() == "PublicIPv4:InUseAddress";
    is_address.then(|| Priced {
        item: address_item(),
        units: &["Hrs", "hours"],
        unit: Some("usd"),
    })
}

/// The price of an instance type.
pub(super) fn item(instance_type: &str) -> Item {
    Item::new(Service::Ec2, &[instance_type])
}

pub(super) fn volume_item() -> Item {
    Item::new(Service::Volumes, &["gp3_gib_month"])
}

pub(super) fn address_item() -> Item {
    Item::new(Service::Addresses, &["public_ipv4_hour"])
}
