//! The tables `ec2` and `instance_types`.

use std::collections::BTreeMap;

use super::other::Amount;
use crate::model::workload::{Architecture, InstancePurchase};
use crate::pricing::table::{self, Line, Table, count};
use crate::pricing::{InstanceClass, InstanceType, NotPriced, Price, PriceRow, PriceUnit};

/// The priced instance types of a region, each list ordered by name.
pub(super) type Prices = BTreeMap<(Architecture, InstanceClass), Vec<InstanceType>>;
/// What the instance types of a region cost that are not bought on demand.
pub(super) type Otherwise = BTreeMap<(InstancePurchase, String), Price>;
/// What is known of an instance type wherever it is sold.
pub(super) type Shapes = BTreeMap<String, Shape>;

#[derive(Debug, Clone)]
pub(super) struct Shape {
    architecture: Architecture,
    class: InstanceClass,
    cpu_units: u32,
    memory_mib: u32,
    interfaces: u32,
    task_slots: u32,
    task_slots_trunking: u32,
}

pub(super) fn shapes(table: &Table<'_>) -> table::Result<Shapes> {
    let mut shapes = BTreeMap::new();
    for line in table.lines()? {
        let shape = Shape {
            architecture: line.parse("architecture", Architecture::parse)?,
            class: line.parse("class", InstanceClass::parse)?,
            cpu_units: line.parse("vcpu", |text| count(text)?.checked_mul(1024))?,
            memory_mib: line.parse("memory_mib", count)?,
            interfaces: line.parse("interfaces", count)?,
            task_slots: line.parse("task_slots", count)?,
            task_slots_trunking: line.parse("task_slots_trunking", count)?,
        };
        let name = line.text("instance_type")?.to_owned();
        line.insert(&mut shapes, name, shape)?;
    }
    Ok(shapes)
}

/// The prices on demand, and those of the rows that name a way of buying after the instance type (`m5.large spot`).
pub(super) fn read(
    lines: &[Line<'_>],
    shapes: &Shapes,
    rows: &mut Vec<PriceRow>,
) -> table::Result<(Prices, Otherwise)> {
    let (mut on_demand, mut otherwise) = (BTreeMap::new(), Otherwise::new());
    for line in lines {
        let (name, bought, shape) = line.parse("instance_type", |item| {
            let (name, bought) = match item.split_once(' ') {
                Some((name, bought)) => (name, Some(InstancePurchase::parse(bought)?)),
                None => (item, None),
            };
            Some((name.to_owned(), bought, shapes.get(name)?))
        })?;
        let item = line.text("instance_type")?.to_owned();
        rows.push(line.row(item, "usd_per_hour", "USD per hour")?);
        let price = line.price("usd_per_hour", PriceUnit::Hour)?;
        match bought {
            Some(bought) => line.insert(&mut otherwise, (bought, name), price)?,
            None => line.insert(&mut on_demand, name, (shape, price))?,
        }
    }
    let mut types: Prices = BTreeMap::new();
    for (name, (shape, price)) in on_demand {
        types
            .entry((shape.architecture, shape.class))
            .or_default()
            .push(instance_type(name, shape, price));
    }
    Ok((types, otherwise))
}

fn instance_type(name: String, shape: &Shape, price: Price) -> InstanceType {
    InstanceType {
        name,
        architecture: shape.architecture,
        class: shape.class,
        cpu_units: shape.cpu_units,
        memory_mib: shape.memory_mib,
        interfaces: shape.interfaces,
        task_slots: shape.task_slots,
        task_slots_trunking: shape.task_slots_trunking,
        usd_per_hour: price.usd,
        as_of: price.as_of,
        quality: price.quality,
        source: price.source,
    }
}

/// The part `share` of an instance's price; `None` beyond what a decimal holds.
pub(super) fn fee(instance_type: &InstanceType, share: &Amount) -> Option<Price> {
    let of = instance_type.price();
    Some(Price {
        usd: of.usd.checked_mul(share.amount)?.normalize(),
        unit: PriceUnit::Hour,
        as_of: of.as_of.min(share.as_of.clone()),
        quality: of.quality.max(share.quality),
        source: format!(
            "{} of the price ({}): {}",
            share.amount, of.source, share.source
        )
        .into(),
    })
}

pub(super) fn unknown(region: &str, architecture: Architecture, class: InstanceClass) -> NotPriced {
    let class = match class {
        InstanceClass::General => "",
        InstanceClass::Burstable => "burstable ",
        InstanceClass::Gpu => "GPU ",
        InstanceClass::Accelerator => "accelerator ",
    };
    NotPriced::new(format!(
        "no EC2 {class}{architecture} price for {region} in the price book"
    ))
}

/// That these instance types have no price bought so.
pub(super) fn unknown_otherwise(
    region: &str,
    names: &[&str],
    bought: InstancePurchase,
) -> NotPriced {
    NotPriced::new(format!(
        "no EC2 {} {bought} price for {region} in the price book",
        names.join(", ")
    ))
}
