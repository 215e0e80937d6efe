//! Fargate: products of `AmazonECS` and Savings Plan rates.

use super::found::{Item, Priced, Service};
use super::product::{Product, without_region};
use super::quoted::Rate;
use crate::model::workload::{Architecture, Os, PurchaseOption};

const HOURS: &[&str] = &["hours", "Hrs", "vCPU-Hours"];
const GIB_HOURS: &[&str] = &["hours", "Hrs", "GB-Hours"];

/// What a usage type pays for, per operating system and architecture.
struct Component {
    sizes: &'static [(Os, Architecture)],
    name: &'static str,
    units: &'static [&'static str],
}

const X86: &[(Os, Architecture)] = &[(Os::Linux, Architecture::X86_64)];
const ARM: &[(Os, Architecture)] = &[(Os::Linux, Architecture::Arm64)];
const WINDOWS: &[(Os, Architecture)] = &[(Os::Windows, Architecture::X86_64)];
/// Storage has one price for both architectures; Windows has no storage to configure.
const LINUX: &[(Os, Architecture)] = &[
    (Os::Linux, Architecture::X86_64),
    (Os::Linux, Architecture::Arm64),
];

const EPHEMERAL: &str = "ephemeral_gib_hour";

/// Matched whole: `Fargate-GB-Hours` is not `Fargate-ARM-GB-Hours`, nor `SpotUsage-Fargate-GB-Hours`.
fn component(usage: &str) -> Option<Component> {
    let (sizes, name, units) = match usage {
        "Fargate-vCPU-Hours:perCPU" => (X86, "vcpu_hour", HOURS),
        "Fargate-GB-Hours" => (X86, "gib_hour", GIB_HOURS),
        "Fargate-ARM-vCPU-Hours:perCPU" => (ARM, "vcpu_hour", HOURS),
        "Fargate-ARM-GB-Hours" => (ARM, "gib_hour", GIB_HOURS),
        "Fargate-Windows-vCPU-Hours:perCPU" => (WINDOWS, "vcpu_hour", HOURS),
        "Fargate-Windows-GB-Hours" => (WINDOWS, "gib_hour", GIB_HOURS),
        "Fargate-Windows-OS-Hours:perCPU" => (WINDOWS, "os_license_vcpu_hour", HOURS),
        "Fargate-EphemeralStorage-GB-Hours" => (LINUX, EPHEMERAL, GIB_HOURS),
        _ => return None,
    };
    Some(Component { sizes, name, units })
}

/// The prices that an ECS product states; none for what is not Fargate.
pub(super) fn prices(product: &Product) -> Result<Vec<Priced>, String> {
    let Some(component) = component(product.usage()) else {
        return Ok(Vec::new());
    };
    // x86 and Linux products lack the attribute.
    let is_arm = product
        .attribute("cpuArchitecture")
        .eq_ignore_ascii_case("ARM");
    let is_windows = product
        .attribute("operatingSystem")
        .eq_ignore_ascii_case("Windows");
    let agrees = component.name == EPHEMERAL
        || component.sizes.iter().all(|(os, architecture)| {
            is_arm == (*architecture == Architecture::Arm64) && is_windows == (*os == Os::Windows)
        });
    if !agrees {
        return Err(format!(
            "attributes contradict the usage type `{}`",
            product.attribute("usagetype")
        ));
    }
    Ok(priced(&component, PurchaseOption::OnDemand))
}

/// The prices that a Savings Plan rate states; none for what Fargate does not discount or the book does not tell apart.
pub(super) fn committed(rate: &Rate) -> Vec<Priced> {
    const YEAR_S: i64 = 365 * 86_400;
    let option = match (
        rate.duration_s / YEAR_S,
        rate.duration_s % YEAR_S,
        rate.payment_option.as_str(),
    ) {
        (1, 0, "No Upfront") => PurchaseOption::SavingsPlan1yrNoUpfront,
        (1, 0, "All Upfront") => PurchaseOption::SavingsPlan1yrAllUpfront,
        (3, 0, "No Upfront") => PurchaseOption::SavingsPlan3yrNoUpfront,
        (3, 0, "All Upfront") => PurchaseOption::SavingsPlan3yrAllUpfront,
        _ => return Vec::new(),
    };
    match component(without_region(&rate.usage_type)) {
        // The book bills storage on demand whatever the purchase option.
        Some(component) if component.name != EPHEMERAL => priced(&component, option),
        _ => Vec::new(),
    }
}

fn priced(component: &Component, option: PurchaseOption) -> Vec<Priced> {
    let priced = |(os, architecture): &(Os, Architecture)| Priced {
        item: item(*os, *architecture, option, component.name),
        units: component.units,
        unit: None,
    };
    component.sizes.iter().map(priced).collect()
}

fn item(os: Os, architecture: Architecture, option: PurchaseOption, component: &str) -> Item {
    let service = if option == PurchaseOption::OnDemand {
        Service::Fargate
    } else {
        Service::SavingsPlans
    };
    Item::new(
        service,
        &[
            os.as_str(),
            architecture.as_str(),
            option.as_str(),
            component,
        ],
    )
}

/// Every Fargate price of a complete region.
pub(super) fn items(savings_plans: bool) -> Vec<Item> {
    let on_demand = [(X86, true), (ARM, true), (WINDOWS, false)]
        .into_iter()
        .flat_map(|(sizes, linux)| {
            let components = [
                "vcpu_hour",
                "gib_hour",
                if linux {
                    EPHEMERAL
                } else {
                    "os_license_vcpu_hour"
                },
            ];
            components
                .map(|component| item(sizes[0].0, sizes[0].1, PurchaseOption::OnDemand, component))
        });
    let plans = PurchaseOption::OFFERED.iter().filter(|option| {
        savings_plans && !matches!(option, PurchaseOption::OnDemand | PurchaseOption::Spot)
    });
    let committed = plans.flat_map(|option| {
        LINUX.iter().flat_map(|(os, architecture)| {
            ["vcpu_hour", "gib_hour"].map(|part| item(*os, *architecture, *option, part))
        })
    });
    on_demand.chain(committed).collect()
}
