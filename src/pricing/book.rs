//! The price book: tables of public list prices, each row dated, sourced and graded, and look-ups that answer with a
//! price or with the reason why there is none.
//!
//! Every price row ends in `as_of` (the day, month or year on or after which the source was read, empty if it does
//! not say), `source` (in our words) and `quality` ([`super::Quality`]). Prices are USD, kept as published. The tables:
//!
//! | table | columns before those |
//! |---|---|
//! | `fargate` | `region,os,architecture,purchase_option,component,usd`; components `vcpu_hour`, `gib_hour`, `ephemeral_gib_hour`, `os_license_vcpu_hour` |
//! | `codebuild` | `region,environment_type,compute_type,usd,unit`; units `minute`, `second`, `second_gib` (times the type's memory) |
//! | `ec2` | `region,instance_type,usd_per_hour` (on-demand, Linux, shared tenancy) |
//! | `other` | `region,item,amount,unit`; `*` is every region without a row of its own |
//!
//! Two tables describe what is priced and end in `source` only: `codebuild_types`
//! (`environment_type,compute_type,cpu_units,memory_mib`) and `instance_types`
//! (`instance_type,architecture,vcpu,memory_mib,task_slots,task_slots_trunking`).

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;
use sha2::{Digest, Sha256};

use super::table::{self, Line, Stated, count, lines};
use super::{
    CodebuildPrice, CodebuildType, CodebuildUnit, FargatePrices, InstanceType, NotPriced, PriceRow,
};
use crate::model::error::Result;
use crate::model::units::TaskSize;
use crate::model::workload::{Architecture, Os, PurchaseOption};

const VCPU_HOUR: &str = "vcpu_hour";
const GIB_HOUR: &str = "gib_hour";
const EPHEMERAL_GIB_HOUR: &str = "ephemeral_gib_hour";
const OS_LICENSE_VCPU_HOUR: &str = "os_license_vcpu_hour";
const GP3_GIB_MONTH: &str = "gp3_gib_month";
const PUBLIC_IPV4_HOUR: &str = "public_ipv4_hour";
const CODEBUILD_FREE_TIER_MONTH: &str = "codebuild_free_tier_month";
pub(super) const ANY_REGION: &str = "*";

/// The texts of the tables, CSV with a header line; an empty text is a table without rows.
#[derive(Debug, Clone, Copy, Default)]
pub struct Tables<'a> {
    /// Fargate prices.
    pub fargate: &'a str,
    /// CodeBuild prices.
    pub codebuild: &'a str,
    /// CodeBuild compute types.
    pub codebuild_types: &'a str,
    /// EC2 prices.
    pub ec2: &'a str,
    /// EC2 instance types.
    pub instance_types: &'a str,
    /// Volumes, addresses, free tier.
    pub other: &'a str,
}

impl Tables<'static> {
    /// The tables that come with the tool.
    pub const EMBEDDED: Self = Self {
        fargate: include_str!("../../data/prices/fargate.csv"),
        codebuild: include_str!("../../data/prices/codebuild.csv"),
        codebuild_types: include_str!("../../data/prices/codebuild_types.csv"),
        ec2: include_str!("../../data/prices/ec2.csv"),
        instance_types: include_str!("../../data/prices/instance_types.csv"),
        other: include_str!("../../data/prices/other.csv"),
    };
}

/// Public list prices, looked up by what is bought.
#[derive(Debug, Clone)]
pub struct PriceBook {
    fargate: BTreeMap<FargateKey, Result<FargatePrices, NotPriced>>,
    codebuild: BTreeMap<[String; 3], CodebuildPrice>,
    codebuild_types: Vec<CodebuildType>,
    instance_types: BTreeMap<(String, Architecture), Vec<InstanceType>>,
    other: BTreeMap<(String, &'static str), Decimal>,
    rows: Vec<PriceRow>,
    hash: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct FargateKey {
    region: String,
    os: Os,
    architecture: Architecture,
    purchase_option: PurchaseOption,
}

impl PriceBook {
    /// The book that comes with the tool.
    pub fn embedded() -> Result<Self> {
        Self::from_tables(&Tables::EMBEDDED)
    }

    /// A book of `tables`. Refuses, with table and line, prices not above zero, rows said twice, unknown spellings
    /// and prices of types that the type tables do not describe.
    pub fn from_tables(tables: &Tables<'_>) -> Result<Self> {
        Ok(Self::read(tables)?)
    }

    pub(super) fn read(tables: &Tables<'_>) -> table::Result<Self> {
        let mut rows = Vec::new();
        let codebuild_types = read_codebuild_types(tables.codebuild_types)?;
        Ok(Self {
            fargate: read_fargate(tables.fargate, &mut rows)?,
            codebuild: read_codebuild(tables.codebuild, &codebuild_types, &mut rows)?,
            codebuild_types,
            instance_types: read_ec2(
                tables.ec2,
                &read_instance_types(tables.instance_types)?,
                &mut rows,
            )?,
            other: read_other(tables.other, &mut rows)?,
            rows,
            hash: hash(tables),
        })
    }

    /// Fargate prices; both vCPU and memory are known, and the licence for Windows.
    pub fn fargate(
        &self,
        region: &str,
        os: Os,
        architecture: Architecture,
        purchase_option: PurchaseOption,
    ) -> Result<&FargatePrices, NotPriced> {
        let key = FargateKey {
            region: region.to_owned(),
            os,
            architecture,
            purchase_option,
        };
        match self.fargate.get(&key) {
            Some(prices) => prices.as_ref().map_err(Clone::clone),
            None => Err(no_fargate(&key, "")),
        }
    }

    /// The CodeBuild price of a compute type.
    pub fn codebuild(
        &self,
        region: &str,
        environment_type: &str,
        compute_type: &str,
    ) -> Result<&CodebuildPrice, NotPriced> {
        self.codebuild.get(&[region, environment_type, compute_type].map(str::to_owned)).ok_or_else(|| {
            NotPriced::new(format!("no CodeBuild {environment_type} {compute_type} price for {region} in the price book"))
        })
    }

    /// Every known CodeBuild type, as ordered in its table: by environment type, then from small to large.
    pub fn codebuild_types(&self) -> &[CodebuildType] {
        &self.codebuild_types
    }

    /// The size of a CodeBuild type; `None` where the type is not known or its vCPU is not published.
    pub fn codebuild_size(&self, environment_type: &str, compute_type: &str) -> Option<TaskSize> {
        find_type(&self.codebuild_types, environment_type, compute_type)?.size()
    }

    /// The priced instance types of an architecture, ordered by name; never empty.
    pub fn instance_types(
        &self,
        region: &str,
        architecture: Architecture,
    ) -> Result<&[InstanceType], NotPriced> {
        let types = self.instance_types.get(&(region.to_owned(), architecture));
        types.map(Vec::as_slice).ok_or_else(|| {
            NotPriced::new(format!(
                "no EC2 {architecture} price for {region} in the price book"
            ))
        })
    }

    /// USD per GiB-month of gp3, the usual root volume.
    pub fn root_volume_gib_month(&self, region: &str) -> Result<Decimal, NotPriced> {
        self.other(region, GP3_GIB_MONTH, "gp3 volume price")
    }

    /// USD per hour of a public IPv4 address.
    pub fn public_ipv4_hour(&self, region: &str) -> Result<Decimal, NotPriced> {
        self.other(region, PUBLIC_IPV4_HOUR, "public IPv4 address price")
    }

    /// Free CodeBuild minutes per calendar month and payer, on the types of
    /// [`super::metering::is_codebuild_free_tier`]; whole minutes, a fraction is dropped.
    pub fn codebuild_free_minutes(&self, region: &str) -> Result<u32, NotPriced> {
        let minutes = self.other(region, CODEBUILD_FREE_TIER_MONTH, "CodeBuild free tier")?;
        Ok(u32::try_from(minutes.trunc()).unwrap_or(u32::MAX))
    }

    fn other(&self, region: &str, item: &'static str, name: &str) -> Result<Decimal, NotPriced> {
        let amount = |region: &str| self.other.get(&(region.to_owned(), item)).copied();
        amount(region)
            .or_else(|| amount(ANY_REGION))
            .ok_or_else(|| NotPriced::new(format!("no {name} for {region} in the price book")))
    }

    /// 16 hexadecimal digits that are the same for the same table texts only.
    pub fn hash(&self) -> &str {
        &self.hash
    }

    /// Oldest and newest date among the dated rows; `None` without any.
    pub fn as_of(&self) -> Option<(&str, &str)> {
        let dates = || self.rows.iter().filter_map(|row| row.as_of.as_deref());
        Some((dates().min()?, dates().max()?))
    }

    /// Every row, as ordered in the tables.
    pub fn rows(&self) -> impl Iterator<Item = &PriceRow> {
        self.rows.iter()
    }
}

fn hash(tables: &Tables<'_>) -> String {
    let Tables {
        fargate,
        codebuild,
        codebuild_types,
        ec2,
        instance_types,
        other,
    } = *tables;
    let mut sha = Sha256::new();
    for text in [
        fargate,
        codebuild,
        codebuild_types,
        ec2,
        instance_types,
        other,
    ] {
        // The length keeps text that moves from one table to the next from hashing alike.
        sha.update(text.len().to_le_bytes());
        sha.update(text);
    }
    short_hash(sha)
}

/// The first 16 hexadecimal digits.
pub(super) fn short_hash(sha: Sha256) -> String {
    let first = sha
        .finalize()
        .iter()
        .take(8)
        .fold(0, |number: u64, byte| number << 8 | u64::from(*byte));
    format!("{first:016x}")
}

fn read_fargate(
    text: &str,
    rows: &mut Vec<PriceRow>,
) -> table::Result<BTreeMap<FargateKey, Result<FargatePrices, NotPriced>>> {
    let mut stated = BTreeMap::new();
    for line in lines("fargate", text)? {
        let key = FargateKey {
            region: line.text("region")?.to_owned(),
            os: line.parse("os", Os::parse)?,
            architecture: line.parse("architecture", Architecture::parse)?,
            purchase_option: line.parse("purchase_option", PurchaseOption::parse)?,
        };
        let (component, unit) = line.parse("component", |text| {
            Some(match text {
                VCPU_HOUR => (VCPU_HOUR, "USD per vCPU-hour"),
                GIB_HOUR => (GIB_HOUR, "USD per GiB-hour"),
                EPHEMERAL_GIB_HOUR => (EPHEMERAL_GIB_HOUR, "USD per GiB-hour"),
                OS_LICENSE_VCPU_HOUR => (OS_LICENSE_VCPU_HOUR, "USD per vCPU-hour"),
                _ => return None,
            })
        })?;
        rows.push(line.row(
            format!(
                "{} {} {} {component}",
                key.os, key.architecture, key.purchase_option
            ),
            "usd",
            unit,
        )?);
        insert(&mut stated, (key, component), line.stated("usd")?, &line)?;
    }
    let keys = stated.keys().map(|(key, _)| key.clone());
    Ok(keys
        .map(|key| (key.clone(), fargate_prices(key, &stated)))
        .collect())
}

fn fargate_prices(
    key: FargateKey,
    stated: &BTreeMap<(FargateKey, &'static str), Stated>,
) -> Result<FargatePrices, NotPriced> {
    let find = |key: &FargateKey, component| stated.get(&(key.clone(), component));
    let need = |component| find(&key, component).ok_or_else(|| no_fargate(&key, component));
    let (vcpu, gib) = (need(VCPU_HOUR)?, need(GIB_HOUR)?);
    let license = match key.os {
        Os::Linux => None,
        Os::Windows => Some(need(OS_LICENSE_VCPU_HOUR)?.usd),
    };
    // Neither Spot nor Savings Plans discount storage.
    let on_demand = FargateKey {
        purchase_option: PurchaseOption::OnDemand,
        ..key.clone()
    };
    let ephemeral = find(&on_demand, EPHEMERAL_GIB_HOUR).map(|price| price.usd);
    Ok(FargatePrices {
        vcpu_hour: vcpu.usd,
        gib_hour: gib.usd,
        ephemeral_gib_hour: ephemeral,
        os_license_vcpu_hour: license,
        as_of: vcpu.as_of.clone().min(gib.as_of.clone()),
        quality: vcpu.quality.max(gib.quality),
        region: key.region,
        os: key.os,
        architecture: key.architecture,
        purchase_option: key.purchase_option,
    })
}

fn no_fargate(key: &FargateKey, component: &str) -> NotPriced {
    let FargateKey {
        region,
        os,
        architecture,
        purchase_option,
    } = key;
    let os = if *os == Os::Windows { "Windows " } else { "" };
    let gap = if component.is_empty() { "" } else { " " };
    NotPriced::new(format!(
        "no Fargate {os}{architecture} {purchase_option}{gap}{component} price for {region} in the price book"
    ))
}

fn read_codebuild_types(text: &str) -> table::Result<Vec<CodebuildType>> {
    let mut types: Vec<CodebuildType> = Vec::new();
    for line in lines("codebuild_types", text)? {
        let (architecture, os, gpu, lambda) = line.parse("environment_type", |text| {
            Some(match text {
                "LINUX_CONTAINER" => (Architecture::X86_64, Os::Linux, false, false),
                "LINUX_GPU_CONTAINER" => (Architecture::X86_64, Os::Linux, true, false),
                "LINUX_LAMBDA_CONTAINER" => (Architecture::X86_64, Os::Linux, false, true),
                "ARM_CONTAINER" => (Architecture::Arm64, Os::Linux, false, false),
                "ARM_LAMBDA_CONTAINER" => (Architecture::Arm64, Os::Linux, false, true),
                "WINDOWS_CONTAINER"
                | "WINDOWS_SERVER_2019_CONTAINER"
                | "WINDOWS_SERVER_2022_CONTAINER" => {
                    (Architecture::X86_64, Os::Windows, false, false)
                }
                _ => return None,
            })
        })?;
        let (environment_type, compute_type) = (
            line.text("environment_type")?.to_owned(),
            line.text("compute_type")?.to_owned(),
        );
        if find_type(&types, &environment_type, &compute_type).is_some() {
            return Err(line.repeated());
        }
        let (cpu_units, memory_mib) = (
            line.optional("cpu_units", count)?,
            line.parse("memory_mib", count)?,
        );
        types.push(CodebuildType {
            environment_type,
            compute_type,
            cpu_units,
            memory_mib,
            architecture,
            os,
            gpu,
            lambda,
        });
    }
    Ok(types)
}

fn find_type<'a>(
    types: &'a [CodebuildType],
    environment_type: &str,
    compute_type: &str,
) -> Option<&'a CodebuildType> {
    types.iter().find(|known| {
        known.environment_type == environment_type && known.compute_type == compute_type
    })
}

fn read_codebuild(
    text: &str,
    types: &[CodebuildType],
    rows: &mut Vec<PriceRow>,
) -> table::Result<BTreeMap<[String; 3], CodebuildPrice>> {
    let mut prices = BTreeMap::new();
    for line in lines("codebuild", text)? {
        let [region, environment_type, compute_type] = [
            line.text("region")?,
            line.text("environment_type")?,
            line.text("compute_type")?,
        ]
        .map(str::to_owned);
        let known = line.parse("compute_type", |compute_type| {
            find_type(types, &environment_type, compute_type)
        })?;
        let memory_gib = Decimal::from(known.memory_mib) / Decimal::from(1024);
        let (unit, times, unit_name) = line.parse("unit", |text| {
            Some(match text {
                "minute" => (CodebuildUnit::Minute, Decimal::ONE, "USD per minute"),
                "second" => (CodebuildUnit::Second, Decimal::ONE, "USD per second"),
                "second_gib" => (CodebuildUnit::Second, memory_gib, "USD per GiB-second"),
                _ => return None,
            })
        })?;
        rows.push(line.row(
            format!("{environment_type} {compute_type}"),
            "usd",
            unit_name,
        )?);
        let Stated {
            usd,
            as_of,
            quality,
        } = line.stated("usd")?;
        let usd = usd.checked_mul(times).ok_or_else(|| line.wrong("usd"))?;
        let key = [
            region.clone(),
            environment_type.clone(),
            compute_type.clone(),
        ];
        insert(
            &mut prices,
            key,
            CodebuildPrice {
                region,
                environment_type,
                compute_type,
                usd,
                unit,
                as_of,
                quality,
            },
            &line,
        )?;
    }
    Ok(prices)
}

/// The instance types that `instance_types` describes, in order.
pub(super) fn instance_type_names(instance_types: &str) -> Result<BTreeSet<String>> {
    Ok(read_instance_types(instance_types)?.into_keys().collect())
}

struct InstanceShape {
    architecture: Architecture,
    cpu_units: u32,
    memory_mib: u32,
    task_slots: u32,
    task_slots_trunking: u32,
}

fn read_instance_types(text: &str) -> table::Result<BTreeMap<String, InstanceShape>> {
    let mut shapes = BTreeMap::new();
    for line in lines("instance_types", text)? {
        let shape = InstanceShape {
            architecture: line.parse("architecture", Architecture::parse)?,
            cpu_units: line.parse("vcpu", |text| count(text)?.checked_mul(1024))?,
            memory_mib: line.parse("memory_mib", count)?,
            task_slots: line.parse("task_slots", count)?,
            task_slots_trunking: line.parse("task_slots_trunking", count)?,
        };
        insert(
            &mut shapes,
            line.text("instance_type")?.to_owned(),
            shape,
            &line,
        )?;
    }
    Ok(shapes)
}

fn read_ec2(
    text: &str,
    shapes: &BTreeMap<String, InstanceShape>,
    rows: &mut Vec<PriceRow>,
) -> table::Result<BTreeMap<(String, Architecture), Vec<InstanceType>>> {
    let mut prices = BTreeMap::new();
    for line in lines("ec2", text)? {
        let shape = line.parse("instance_type", |name| shapes.get(name))?;
        let (region, name) = (
            line.text("region")?.to_owned(),
            line.text("instance_type")?.to_owned(),
        );
        rows.push(line.row(name.clone(), "usd_per_hour", "USD per hour")?);
        insert(
            &mut prices,
            (region, shape.architecture, name),
            (shape, line.stated("usd_per_hour")?),
            &line,
        )?;
    }
    let mut types: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for ((region, architecture, name), (shape, price)) in prices {
        let InstanceShape {
            cpu_units,
            memory_mib,
            task_slots,
            task_slots_trunking,
            ..
        } = *shape;
        let Stated {
            usd: usd_per_hour,
            as_of,
            quality,
        } = price;
        let instance_type = InstanceType {
            name,
            cpu_units,
            memory_mib,
            task_slots,
            task_slots_trunking,
            usd_per_hour,
            as_of,
            quality,
        };
        types
            .entry((region, architecture))
            .or_default()
            .push(instance_type);
    }
    Ok(types)
}

fn read_other(
    text: &str,
    rows: &mut Vec<PriceRow>,
) -> table::Result<BTreeMap<(String, &'static str), Decimal>> {
    let mut amounts = BTreeMap::new();
    for line in lines("other", text)? {
        let (item, unit, unit_name) = line.parse("item", |text| {
            Some(match text {
                GP3_GIB_MONTH => (GP3_GIB_MONTH, "usd", "USD per GiB-month"),
                PUBLIC_IPV4_HOUR => (PUBLIC_IPV4_HOUR, "usd", "USD per hour"),
                CODEBUILD_FREE_TIER_MONTH => {
                    (CODEBUILD_FREE_TIER_MONTH, "minutes", "minutes per month")
                }
                _ => return None,
            })
        })?;
        line.parse("unit", |text| (text == unit).then_some(()))?;
        rows.push(line.row(item.to_owned(), "amount", unit_name)?);
        insert(
            &mut amounts,
            (line.text("region")?.to_owned(), item),
            line.stated("amount")?.usd,
            &line,
        )?;
    }
    Ok(amounts)
}

fn insert<K: Ord, V>(map: &mut BTreeMap<K, V>, key: K, value: V, line: &Line) -> table::Result<()> {
    match map.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(line.repeated()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::workload::PurchaseOption::{
        OnDemand, SavingsPlan1yrAllUpfront, SavingsPlan1yrNoUpfront, Spot,
    };

    const FARGATE: &str =
        "region,os,architecture,purchase_option,component,usd,as_of,source,quality\n";

    fn embedded() -> PriceBook {
        PriceBook::embedded().expect("the embedded tables parse")
    }

    fn fargate_book(rows: &str) -> Result<PriceBook> {
        PriceBook::from_tables(&Tables {
            fargate: &format!("{FARGATE}{rows}"),
            ..Tables::default()
        })
    }

    fn usd(text: &str) -> Decimal {
        text.parse().expect("a decimal")
    }

    #[test]
    fn embedded_prices_are_kept_as_published() {
        let book = embedded();
        let x86 = book
            .fargate("us-east-1", Os::Linux, Architecture::X86_64, OnDemand)
            .expect("priced");
        assert_eq!(
            (x86.vcpu_hour.to_string(), x86.gib_hour.to_string()),
            ("0.04048".to_owned(), "0.004445".to_owned())
        );
        assert_eq!(
            (x86.as_of.as_deref(), x86.os_license_vcpu_hour),
            (Some("2026-09-11"), None)
        );
        let build = book
            .codebuild("us-east-1", "LINUX_CONTAINER", "BUILD_GENERAL1_SMALL")
            .expect("priced");
        assert_eq!(
            (build.usd, build.unit),
            (usd("0.005"), CodebuildUnit::Minute)
        );
        let hosts = book
            .instance_types("us-east-1", Architecture::X86_64)
            .expect("priced");
        assert!(hosts.is_sorted_by(|one, next| one.name < next.name));
        let m5 = hosts
            .iter()
            .find(|host| host.name == "m5.large")
            .expect("a common type");
        assert_eq!(
            (
                m5.cpu_units,
                m5.memory_mib,
                m5.task_slots,
                m5.task_slots_trunking
            ),
            (2048, 8192, 2, 10)
        );
        assert_eq!(m5.usd_per_hour, usd("0.096"));
        assert_eq!(book.codebuild_free_minutes("eu-west-1"), Ok(100));
        assert_eq!(book.public_ipv4_hour("eu-west-1"), Ok(usd("0.005")));
    }

    #[test]
    fn every_embedded_row_is_shown() {
        let lines = |text: &str| text.lines().count() - 1;
        let Tables {
            fargate,
            codebuild,
            ec2,
            other,
            ..
        } = Tables::EMBEDDED;
        assert_eq!(
            embedded().rows().count(),
            [fargate, codebuild, ec2, other]
                .into_iter()
                .map(lines)
                .sum::<usize>()
        );
    }

    #[test]
    fn lambda_compute_is_priced_by_its_memory_and_has_no_known_size() {
        let book = embedded();
        let price = book
            .codebuild("us-east-1", "ARM_LAMBDA_CONTAINER", "BUILD_LAMBDA_8GB")
            .expect("priced");
        assert_eq!(
            (price.usd, price.unit),
            (usd("0.00008"), CodebuildUnit::Second)
        );
        assert_eq!(
            book.codebuild_size("ARM_LAMBDA_CONTAINER", "BUILD_LAMBDA_8GB"),
            None
        );
        assert_eq!(
            book.codebuild_size("ARM_CONTAINER", "BUILD_GENERAL1_SMALL"),
            Some(TaskSize::new(2048, 4096))
        );
    }

    #[test]
    fn a_missing_price_says_what_is_missing() {
        let book = embedded();
        let says = |no: NotPriced, what: &str| {
            assert_eq!(no.to_string(), format!("no {what} in the price book"));
        };
        let fargate = |region, os, architecture, option| {
            book.fargate(region, os, architecture, option)
                .expect_err("not priced")
        };
        let (x86, arm) = (Architecture::X86_64, Architecture::Arm64);
        says(
            fargate("eu-west-3", Os::Linux, arm, Spot),
            "Fargate arm64 spot price for eu-west-3",
        );
        says(
            fargate("us-west-2", Os::Windows, x86, OnDemand),
            "Fargate Windows x86_64 on_demand price for us-west-2",
        );
        let half_known = fargate("us-east-1", Os::Linux, x86, SavingsPlan1yrAllUpfront);
        says(
            half_known,
            "Fargate x86_64 savings_plan_1yr_all_upfront gib_hour price for us-east-1",
        );
        let build = book
            .codebuild("us-east-1", "ARM_CONTAINER", "BUILD_GENERAL1_XLARGE")
            .expect_err("not priced");
        says(
            build,
            "CodeBuild ARM_CONTAINER BUILD_GENERAL1_XLARGE price for us-east-1",
        );
        says(
            book.instance_types("eu-nowhere-1", arm)
                .expect_err("not priced"),
            "EC2 arm64 price for eu-nowhere-1",
        );
        says(
            book.root_volume_gib_month("eu-west-3")
                .expect_err("not priced"),
            "gp3 volume price for eu-west-3",
        );
    }

    #[test]
    fn spot_and_savings_plans_pay_storage_on_demand() {
        let book = embedded();
        for option in [Spot, SavingsPlan1yrNoUpfront] {
            let prices = book
                .fargate("us-east-1", Os::Linux, Architecture::Arm64, option)
                .expect("priced");
            assert_eq!(prices.ephemeral_gib_hour, Some(usd("0.000111")));
        }
    }

    #[test]
    fn windows_without_its_licence_is_not_priced() {
        let rows = "r,windows,x86_64,on_demand,vcpu_hour,1,,s,exact\nr,windows,x86_64,on_demand,gib_hour,1,,s,exact\n";
        let book = fargate_book(rows).expect("well-formed");
        let no = book
            .fargate("r", Os::Windows, Architecture::X86_64, OnDemand)
            .expect_err("not priced");
        assert_eq!(
            no.to_string(),
            "no Fargate Windows x86_64 on_demand os_license_vcpu_hour price for r in the price book"
        );
    }

    #[test]
    fn a_price_is_as_old_and_as_weak_as_its_weakest_part() {
        let row = |part: &str, end: &str| format!("r,linux,arm64,spot,{part},1,{end}\n");
        let rows = row("vcpu_hour", "2026-09,s,exact") + &row("gib_hour", "2026-01-31,s,snapshot");
        let book = fargate_book(&rows).expect("well-formed");
        let prices = book
            .fargate("r", Os::Linux, Architecture::Arm64, Spot)
            .expect("priced");
        assert_eq!(
            (prices.as_of.as_deref(), prices.quality.as_str()),
            (Some("2026-01-31"), "snapshot")
        );
        assert_eq!(book.as_of(), Some(("2026-01-31", "2026-09")));
        let undated = fargate_book(&rows.replace("2026-09,", ",")).expect("well-formed");
        assert_eq!(
            undated
                .fargate("r", Os::Linux, Architecture::Arm64, Spot)
                .expect("priced")
                .as_of,
            None
        );
    }

    #[test]
    fn the_hash_follows_the_tables() {
        let (one, other) = (embedded(), fargate_book("").expect("well-formed"));
        assert_eq!((one.hash().len(), one.hash()), (16, embedded().hash()));
        assert_ne!(one.hash(), other.hash());
    }
}
