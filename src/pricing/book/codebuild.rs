//! The tables `codebuild` and `codebuild_types`.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use crate::model::workload::{Architecture, Os};
use crate::pricing::table::{self, Line, Table, count};
use crate::pricing::{
    CodebuildPrice, CodebuildType, CodebuildUnit, NotPriced, Price, PriceRow, PriceUnit,
};

/// The prices of a region: what builds cost, and what instances of reserved fleets do.
#[derive(Debug, Clone, Default)]
pub(super) struct Prices {
    on_demand: BTreeMap<(String, String), CodebuildPrice>,
    reserved: Vec<CodebuildPrice>,
}

impl Prices {
    pub(super) fn on_demand(&self, environment: &str, compute: &str) -> Option<&CodebuildPrice> {
        self.on_demand
            .get(&(environment.to_owned(), compute.to_owned()))
    }

    pub(super) fn reserved(&self) -> &[CodebuildPrice] {
        &self.reserved
    }
}

pub(super) fn read(
    lines: &[Line<'_>],
    types: &[CodebuildType],
    rows: &mut Vec<PriceRow>,
) -> table::Result<Prices> {
    let (mut on_demand, mut reserved) = (BTreeMap::new(), BTreeMap::new());
    for line in lines {
        let is_reserved = line.parse("purchase_option", is_reserved)?;
        let price = if is_reserved {
            reserved_price(line)?
        } else {
            on_demand_price(line, types)?
        };
        let option = if is_reserved { "reserved " } else { "" };
        let item = format!("{option}{} {}", price.environment_type, price.compute_type);
        rows.push(line.row(item, "usd", line.parse("unit", unit_name)?)?);
        let key = (price.environment_type.clone(), price.compute_type.clone());
        let prices = if is_reserved {
            &mut reserved
        } else {
            &mut on_demand
        };
        line.insert(prices, key, price)?;
    }
    Ok(Prices {
        on_demand,
        reserved: reserved.into_values().collect(),
    })
}

fn is_reserved(option: &str) -> Option<bool> {
    match option {
        "on_demand" => Some(false),
        "reserved_capacity" => Some(true),
        _ => None,
    }
}

fn unit_name(unit: &str) -> Option<&'static str> {
    Some(match unit {
        "minute" => "USD per minute",
        "second" => "USD per second",
        "second_gib" => "USD per GiB-second",
        _ => return None,
    })
}

fn on_demand_price(line: &Line<'_>, types: &[CodebuildType]) -> table::Result<CodebuildPrice> {
    let environment_type = line.text("environment_type")?;
    let known = line.parse("compute_type", |compute_type| {
        find(types, environment_type, compute_type)
    })?;
    let memory_gib = Decimal::from(known.memory_mib) / Decimal::from(1024);
    let (unit, times) = line.parse("unit", |text| {
        Some(match text {
            "minute" => (CodebuildUnit::Minute, Decimal::ONE),
            "second" => (CodebuildUnit::Second, Decimal::ONE),
            "second_gib" => (CodebuildUnit::Second, memory_gib),
            _ => return None,
        })
    })?;
    let price = price(line, unit)?;
    Ok(CodebuildPrice {
        usd: price
            .usd
            .checked_mul(times)
            .ok_or_else(|| line.wrong("usd"))?,
        ..price
    })
}

/// A fleet's instances are billed by the minute, whatever they are.
fn reserved_price(line: &Line<'_>) -> table::Result<CodebuildPrice> {
    line.parse("environment_type", |text| {
        text.starts_with("RESERVED_").then_some(())
    })?;
    line.parse("unit", |text| (text == "minute").then_some(()))?;
    price(line, CodebuildUnit::Minute)
}

fn price(line: &Line<'_>, unit: CodebuildUnit) -> table::Result<CodebuildPrice> {
    let Price {
        usd,
        as_of,
        quality,
        source,
        ..
    } = line.price("usd", PriceUnit::Minute)?;
    Ok(CodebuildPrice {
        region: line.text("region")?.to_owned(),
        environment_type: line.text("environment_type")?.to_owned(),
        compute_type: line.text("compute_type")?.to_owned(),
        usd,
        unit,
        as_of,
        quality,
        source,
    })
}

/// Why a build has no price.
pub(super) fn unknown(region: &str, environment_type: &str, compute_type: &str) -> NotPriced {
    let is_custom = matches!(environment_type, "LINUX_EC2" | "ARM_EC2" | "WINDOWS_EC2")
        || matches!(
            compute_type,
            "CUSTOM_INSTANCE_TYPE" | "ATTRIBUTE_BASED_COMPUTE"
        );
    NotPriced::new(if environment_type == "MAC_ARM" {
        "CodeBuild on macOS is sold as reserved capacity only, billed per instance and not per build".to_owned()
    } else if is_custom {
        format!(
            "CodeBuild {environment_type} {compute_type} runs on a fleet of its own instances, billed per instance and \
             not per build"
        )
    } else {
        format!(
            "no CodeBuild {environment_type} {compute_type} price for {region} in the price book"
        )
    })
}

/// The types that `text` describes.
pub(super) fn types(text: &str) -> table::Result<Vec<CodebuildType>> {
    let mut types: Vec<CodebuildType> = Vec::new();
    for line in Table::of("codebuild_types", text)?.lines()? {
        let (architecture, os, gpu, lambda) = line.parse("environment_type", machine)?;
        let (environment_type, compute_type) = (
            line.text("environment_type")?.to_owned(),
            line.text("compute_type")?.to_owned(),
        );
        if find(&types, &environment_type, &compute_type).is_some() {
            return Err(line.repeated());
        }
        let memory_mib = line.parse("memory_mib", count)?;
        types.push(CodebuildType {
            environment_type,
            compute_type,
            cpu_units: line.optional("cpu_units", count)?,
            memory_mib,
            usable_memory_mib: line.optional("usable_memory_mib", |text| {
                count(text).filter(|usable| *usable <= memory_mib)
            })?,
            disk_gb: line.optional("disk_gb", count)?,
            architecture,
            os,
            gpu,
            lambda,
        });
    }
    Ok(types)
}

/// Architecture, operating system, whether it has a GPU, and whether it runs on Lambda.
fn machine(environment_type: &str) -> Option<(Architecture, Os, bool, bool)> {
    Some(match environment_type {
        "LINUX_CONTAINER" => (Architecture::X86_64, Os::Linux, false, false),
        "LINUX_GPU_CONTAINER" => (Architecture::X86_64, Os::Linux, true, false),
        "LINUX_LAMBDA_CONTAINER" => (Architecture::X86_64, Os::Linux, false, true),
        "ARM_CONTAINER" => (Architecture::Arm64, Os::Linux, false, false),
        "ARM_LAMBDA_CONTAINER" => (Architecture::Arm64, Os::Linux, false, true),
        "WINDOWS_CONTAINER" | "WINDOWS_SERVER_2019_CONTAINER" | "WINDOWS_SERVER_2022_CONTAINER" => {
            (Architecture::X86_64, Os::Windows, false, false)
        }
        _ => return None,
    })
}

pub(super) fn find<'a>(
    types: &'a [CodebuildType],
    environment_type: &str,
    compute_type: &str,
) -> Option<&'a CodebuildType> {
    types.iter().find(|known| {
        known.environment_type == environment_type && known.compute_type == compute_type
    })
}
