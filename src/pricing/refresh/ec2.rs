//! EC2: on-demand Linux instances, their root volumes, and public IPv4 addresses.

use std::collections::BTreeSet;

use super::found::{Item, Priced, Service};
use super::product::Product;

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
