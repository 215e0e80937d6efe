//! The price book: tables of public list prices, each row dated, sourced and graded, and look-ups that answer with a
//! price or with the reason why there is none. [`Tables`] says what the tables hold.
//!
//! The embedded tables are plain text in the program: a region's rows are found by a scan for their first cell, and read
//! when the region is first asked for. Nothing is generated, so nothing can be stale.

mod codebuild;
mod ec2;
mod fargate;
mod other;
mod region;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::OnceLock;

use rust_decimal::Decimal;

use super::not_priced::NotPriced;
use super::offers::{
    CodebuildPrice, CodebuildType, FargatePrices, InstanceClass, InstanceType, PriceRow,
};
use super::price::Price;
use super::table::{self, Table};
use super::tables::{ANY_REGION, Tables};
use crate::model::error::Result;
use crate::model::units::TaskSize;
use crate::model::workload::{Architecture, InstancePurchase, Os, PurchaseOption};
use other::{Amount, Item};
use region::Regions;

/// Public list prices, looked up by what is bought.
#[derive(Clone)]
pub struct PriceBook {
    regions: Regions,
    hash: OnceLock<String>,
}

impl fmt::Debug for PriceBook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PriceBook")
            .field("hash", &self.hash())
            .field("regions", &self.regions.names().count())
            .finish_non_exhaustive()
    }
}

impl PriceBook {
    /// The book that comes with the tool.
    pub fn embedded() -> Result<Self> {
        Ok(Self {
            regions: Regions::unread(&Tables::EMBEDDED)?,
            hash: OnceLock::new(),
        })
    }

    /// A book of `tables`. Refuses, with table and line, prices not above zero, rows said twice, unknown spellings
    /// and prices of types that the type tables do not describe.
    pub fn from_tables(tables: &Tables<'_>) -> Result<Self> {
        Ok(Self::read(tables)?)
    }

    pub(super) fn read(tables: &Tables<'_>) -> table::Result<Self> {
        Ok(Self {
            regions: Regions::read(tables)?,
            hash: OnceLock::from(tables.hash()),
        })
    }

    /// The regions that it has prices of, in order.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.regions.names().filter(|region| *region != ANY_REGION)
    }

    /// Fargate prices; both vCPU and memory are known, and the licence for Windows.
    pub fn fargate(
        &self,
        region: &str,
        os: Os,
        architecture: Architecture,
        purchase_option: PurchaseOption,
    ) -> Result<&FargatePrices, NotPriced> {
        let key = (os, architecture, purchase_option);
        match self
            .regions
            .get(region)?
            .and_then(|prices| prices.fargate.get(&key))
        {
            Some(prices) => prices.as_ref().map_err(Clone::clone),
            None => Err(fargate::unknown(region, key, "")),
        }
    }

    /// The on-demand price of a CodeBuild compute type. Reserved capacity is not billed per build:
    /// [`Self::codebuild_fleets`] has its prices, and they are never taken for a build's.
    pub fn codebuild(
        &self,
        region: &str,
        environment_type: &str,
        compute_type: &str,
    ) -> Result<&CodebuildPrice, NotPriced> {
        self.regions
            .get(region)?
            .and_then(|prices| prices.codebuild.on_demand(environment_type, compute_type))
            .ok_or_else(|| codebuild::unknown(region, environment_type, compute_type))
    }

    /// The prices of CodeBuild's reserved-capacity fleets: per instance and minute that it is provisioned, whether builds
    /// run or not.
    pub fn codebuild_fleets(&self, region: &str) -> Result<&[CodebuildPrice], NotPriced> {
        self.regions
            .get(region)?
            .map(|prices| prices.codebuild.reserved())
            .filter(|fleets| !fleets.is_empty())
            .ok_or_else(|| {
                NotPriced::new(format!(
                    "no CodeBuild reserved capacity price for {region} in the price book"
                ))
            })
    }

    /// Every known CodeBuild type, as ordered in its table: by environment type, then from small to large.
    pub fn codebuild_types(&self) -> &[CodebuildType] {
        self.regions.codebuild_types()
    }

    /// The size of a CodeBuild type; `None` where the type is not known or its vCPU is not published.
    pub fn codebuild_size(&self, environment_type: &str, compute_type: &str) -> Option<TaskSize> {
        codebuild::find(self.codebuild_types(), environment_type, compute_type)?.size()
    }

    /// The priced [`InstanceClass::General`] types of an architecture, ordered by name; never empty.
    pub fn instance_types(
        &self,
        region: &str,
        architecture: Architecture,
    ) -> Result<&[InstanceType], NotPriced> {
        self.instance_types_of(region, architecture, InstanceClass::General)
    }

    /// The priced instance types of an architecture and a class, ordered by name; never empty.
    pub fn instance_types_of(
        &self,
        region: &str,
        architecture: Architecture,
        class: InstanceClass,
    ) -> Result<&[InstanceType], NotPriced> {
        let types = self
            .regions
            .get(region)?
            .and_then(|prices| prices.instance_types.get(&(architecture, class)));
        types
            .map(Vec::as_slice)
            .ok_or_else(|| ec2::unknown(region, architecture, class))
    }

    /// One instance type, of whatever class.
    pub fn instance_type(&self, region: &str, name: &str) -> Result<&InstanceType, NotPriced> {
        let priced = self.regions.get(region)?;
        let mut types = priced
            .iter()
            .flat_map(|prices| prices.instance_types.values().flatten());
        types
            .find(|instance_type| instance_type.name == name)
            .ok_or_else(|| {
                NotPriced::new(format!(
                    "no EC2 {name} price for {region} in the price book"
                ))
            })
    }

    /// What an hour of each of these instance types costs `bought` so, in their order; the reason names every type
    /// that has no such price.
    pub fn instances_otherwise(
        &self,
        region: &str,
        names: &[&str],
        bought: InstancePurchase,
    ) -> Result<Vec<&Price>, NotPriced> {
        let of_region = self.regions.get(region)?;
        let price = |name: &str| {
            let bought_so = &of_region?.instances_otherwise;
            bought_so.get(&(bought, name.to_owned()))
        };
        let unknown: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| price(name).is_none())
            .collect();
        if !unknown.is_empty() {
            return Err(ec2::unknown_otherwise(region, &unknown, bought));
        }
        Ok(names.iter().filter_map(|name| price(name)).collect())
    }

    /// The price of gp3, the usual root volume, per GiB-month.
    pub fn gp3(&self, region: &str) -> Result<&Price, NotPriced> {
        self.other_price(region, Item::Gp3GibMonth, "gp3 volume price")
    }

    /// USD per GiB-month of gp3, the usual root volume.
    pub fn root_volume_gib_month(&self, region: &str) -> Result<Decimal, NotPriced> {
        self.gp3(region).map(|price| price.usd)
    }

    /// The price of a public IPv4 address in use, per hour.
    pub fn public_ipv4(&self, region: &str) -> Result<&Price, NotPriced> {
        self.other_price(region, Item::PublicIpv4Hour, "public IPv4 address price")
    }

    /// USD per hour of a public IPv4 address.
    pub fn public_ipv4_hour(&self, region: &str) -> Result<Decimal, NotPriced> {
        self.public_ipv4(region).map(|price| price.usd)
    }

    /// What ECS Managed Instances charges per hour for managing an instance of `instance_type`, beside the instance's own
    /// price: a share of that price, as weak as the weaker of both.
    pub fn managed_instances_fee(
        &self,
        region: &str,
        instance_type: &InstanceType,
    ) -> Result<Price, NotPriced> {
        let item = match instance_type.class {
            InstanceClass::General | InstanceClass::Burstable => Item::ManagedInstancesFee,
            // Measured on G types only; P types and accelerators are told to be charged less still.
            InstanceClass::Gpu if instance_type.family().starts_with('g') => {
                Item::ManagedInstancesFeeGpu
            }
            InstanceClass::Gpu | InstanceClass::Accelerator => {
                return Err(NotPriced::new(format!(
                    "no ECS Managed Instances fee for {} in the price book",
                    instance_type.name
                )));
            }
        };
        let share = self.amount(region, item, "ECS Managed Instances fee")?;
        ec2::fee(instance_type, share).ok_or_else(|| {
            NotPriced::new(format!(
                "the ECS Managed Instances fee for {} is beyond all numbers",
                instance_type.name
            ))
        })
    }

    /// Free CodeBuild minutes per calendar month and payer, on the types of
    /// [`super::metering::is_codebuild_free_tier`]; whole minutes, a fraction is dropped.
    pub fn codebuild_free_minutes(&self, region: &str) -> Result<u32, NotPriced> {
        self.free(region, Item::CodebuildFreeTierMonth, "CodeBuild free tier")
    }

    /// Free seconds of CodeBuild on Lambda per calendar month and payer, on the types of
    /// [`super::metering::is_codebuild_lambda_free_tier`]; whole seconds, a fraction is dropped.
    pub fn codebuild_lambda_free_seconds(&self, region: &str) -> Result<u32, NotPriced> {
        self.free(
            region,
            Item::CodebuildLambdaFreeTierMonth,
            "CodeBuild free tier for Lambda compute",
        )
    }

    fn free(&self, region: &str, item: Item, name: &str) -> Result<u32, NotPriced> {
        let amount = self.amount(region, item, name)?;
        Ok(u32::try_from(amount.amount.trunc()).unwrap_or(u32::MAX))
    }

    fn other_price(&self, region: &str, item: Item, name: &str) -> Result<&Price, NotPriced> {
        let amount = self.amount(region, item, name)?;
        amount
            .price
            .as_ref()
            .ok_or_else(|| other::unknown(region, name))
    }

    fn amount(&self, region: &str, item: Item, name: &str) -> Result<&Amount, NotPriced> {
        let of = |region| {
            Ok(self
                .regions
                .get(region)?
                .and_then(|prices| prices.other.get(&item)))
        };
        match of(region)? {
            Some(amount) => Ok(amount),
            None => of(ANY_REGION)?.ok_or_else(|| other::unknown(region, name)),
        }
    }

    /// 16 hexadecimal digits that are the same for the same table texts only.
    pub fn hash(&self) -> &str {
        self.hash.get_or_init(|| Tables::EMBEDDED.hash())
    }

    /// Oldest and newest date among the dated rows; `None` without any.
    pub fn as_of(&self) -> Option<(&str, &str)> {
        let dates = || self.rows().filter_map(|row| row.as_of.as_deref());
        Some((dates().min()?, dates().max()?))
    }

    /// Every row, by region and as ordered in the tables. Reads all regions: ask for those of one where one will do.
    pub fn rows(&self) -> impl Iterator<Item = &PriceRow> {
        self.regions.names().flat_map(|region| self.rows_of(region))
    }

    /// The rows of one region, as ordered in the tables; `*` has those of every region.
    pub fn rows_of(&self, region: &str) -> &[PriceRow] {
        match self.regions.get(region) {
            Ok(Some(prices)) => &prices.rows,
            // Tables that cannot be read never make a book, and the embedded ones are read by a test.
            Ok(None) | Err(_) => &[],
        }
    }
}

/// The instance types that `instance_types` describes, in order.
pub(super) fn instance_type_names(instance_types: &str) -> Result<BTreeSet<String>> {
    let table = Table::of("instance_types", instance_types)?;
    Ok(ec2::shapes(&table)?.into_keys().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::workload::PurchaseOption::{
        OnDemand, SavingsPlan1yrAllUpfront, SavingsPlan1yrNoUpfront, Spot,
    };
    use crate::pricing::{CodebuildUnit, PriceUnit, Quality};

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
            (x86.vcpu_hour.usd.to_string(), x86.gib_hour.usd.to_string()),
            ("0.04048".to_owned(), "0.004445".to_owned())
        );
        assert_eq!(
            (x86.as_of(), x86.os_license_vcpu_hour.as_ref()),
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
            fargate("ap-east-2", Os::Windows, x86, OnDemand),
            "Fargate Windows x86_64 on_demand price for ap-east-2",
        );
        let half_known = fargate("us-east-1", Os::Linux, x86, SavingsPlan1yrAllUpfront);
        says(
            half_known,
            "Fargate x86_64 savings_plan_1yr_all_upfront gib_hour price for us-east-1",
        );
        let build = book
            .codebuild("ca-west-1", "ARM_CONTAINER", "BUILD_GENERAL1_XLARGE")
            .expect_err("not priced");
        says(
            build,
            "CodeBuild ARM_CONTAINER BUILD_GENERAL1_XLARGE price for ca-west-1",
        );
        says(
            book.instance_types("eu-nowhere-1", arm)
                .expect_err("not priced"),
            "EC2 arm64 price for eu-nowhere-1",
        );
        says(
            book.root_volume_gib_month("eu-nowhere-1")
                .expect_err("not priced"),
            "gp3 volume price for eu-nowhere-1",
        );
    }

    #[test]
    fn every_embedded_region_reads() {
        let book = embedded();
        for region in book.regions().chain([ANY_REGION]) {
            let read = book.regions.get(region).expect(region);
            assert!(
                read.is_some_and(|prices| !prices.rows.is_empty()),
                "{region}"
            );
        }
        assert!(book.regions().is_sorted());
    }

    #[test]
    fn every_price_names_its_row() {
        let book = embedded();
        let prices = book
            .fargate("us-west-2", Os::Windows, Architecture::X86_64, OnDemand)
            .expect("priced");
        let license = prices.os_license_vcpu_hour.as_ref().expect("Windows");
        assert_eq!(
            (license.usd, license.unit, license.as_of.as_deref()),
            (usd("0.046"), PriceUnit::VcpuHour, Some("2025-12-06"))
        );
        assert!(license.source.contains("pricing page feed"));
        let m5 = book.instance_type("us-east-1", "m5.large").expect("priced");
        assert_eq!(
            (&*m5.price().source, m5.price().unit),
            ("list+karpenter+api+page", PriceUnit::Hour)
        );
        let gp3 = book.gp3("us-east-2").expect("priced");
        assert_eq!(
            (gp3.usd, gp3.unit, gp3.quality),
            (usd("0.08"), PriceUnit::GibMonth, Quality::Exact)
        );
    }

    #[test]
    fn builds_are_never_priced_as_reserved_capacity() {
        let book = embedded();
        let fleets = book.codebuild_fleets("us-east-1").expect("priced");
        assert!(
            fleets
                .iter()
                .all(|fleet| fleet.environment_type.starts_with("RESERVED_"))
        );
        let fleet = fleets
            .iter()
            .find(|fleet| fleet.compute_type == "reserved.arm.m2.medium")
            .expect("macOS");
        assert_eq!(fleet.usd, usd("0.02"));
        for region in book.regions() {
            for fleet in book.codebuild_fleets(region).unwrap_or_default() {
                let as_build = book.codebuild(region, &fleet.environment_type, &fleet.compute_type);
                assert!(as_build.is_err(), "{region} {}", fleet.compute_type);
            }
        }
    }

    #[test]
    fn what_is_not_billed_per_build_says_so() {
        let book = embedded();
        let reason = |environment, compute| {
            book.codebuild("us-east-1", environment, compute)
                .expect_err("not priced")
                .to_string()
        };
        assert!(reason("MAC_ARM", "BUILD_GENERAL1_MEDIUM").contains("reserved capacity only"));
        for (environment, compute) in [
            ("LINUX_EC2", "CUSTOM_INSTANCE_TYPE"),
            ("LINUX_CONTAINER", "CUSTOM_INSTANCE_TYPE"),
            ("ARM_CONTAINER", "ATTRIBUTE_BASED_COMPUTE"),
        ] {
            let reason = reason(environment, compute);
            assert!(
                reason.ends_with("billed per instance and not per build"),
                "{reason}"
            );
        }
    }

    #[test]
    fn only_whole_processors_are_offered_unasked() {
        let book = embedded();
        let names = |architecture, class| -> Vec<&str> {
            let types = book.instance_types_of("us-east-1", architecture, class);
            types
                .expect("priced")
                .iter()
                .map(|of| of.name.as_str())
                .collect()
        };
        let general = names(Architecture::X86_64, InstanceClass::General);
        let burstable = names(Architecture::X86_64, InstanceClass::Burstable);
        let gpu = names(Architecture::X86_64, InstanceClass::Gpu);
        assert!(burstable.contains(&"t3.medium") && burstable.contains(&"m7i-flex.large"));
        assert!(gpu.contains(&"g5.xlarge") && gpu.contains(&"p5.48xlarge"));
        for special in ["t3.medium", "m7i-flex.large", "g5.xlarge", "inf2.xlarge"] {
            assert!(!general.contains(&special), "{special}");
        }
        assert!(names(Architecture::Arm64, InstanceClass::General).contains(&"m8g.large"));
        assert!(
            book.rows()
                .all(|row| row.service != "ec2" || !row.item.contains("metal"))
        );
    }

    #[test]
    fn an_instance_type_knows_its_family_and_generation() {
        let book = embedded();
        let of = |name| {
            let found = book.instance_type("us-east-1", name).expect("priced");
            (found.family().to_owned(), found.generation())
        };
        assert_eq!(of("m8g.large"), ("m8g".to_owned(), Some(8)));
        assert_eq!(of("im4gn.xlarge"), ("im4gn".to_owned(), Some(4)));
        assert_eq!(of("c7i-flex.large"), ("c7i-flex".to_owned(), Some(7)));
    }

    #[test]
    fn interface_limits_are_those_of_the_ecs_guide() {
        // ECS developer guide, "Supported instances for increased network interfaces".
        let book = embedded();
        for (name, slots, trunking) in [
            ("c5.large", 2, 10),
            ("m5.xlarge", 3, 20),
            ("m5.2xlarge", 3, 40),
            ("c5.9xlarge", 7, 60),
            ("c5.18xlarge", 14, 120),
            ("r5.8xlarge", 7, 7),
        ] {
            let of = book.instance_type("us-east-1", name).expect("priced");
            assert_eq!(
                (of.task_slots, of.task_slots_trunking),
                (slots, trunking),
                "{name}"
            );
            assert_eq!(of.interfaces, slots + 1, "{name}");
        }
    }

    #[test]
    fn managed_instances_cost_a_share_of_the_instance() {
        let book = embedded();
        let fee = |region, name| {
            let of = book.instance_type(region, name).expect("priced");
            book.managed_instances_fee(region, of)
        };
        // ECS pricing page, example: c6a.2xlarge at 0.306 is 0.037 (rounded).
        let c6a = fee("us-east-1", "c6a.2xlarge").expect("priced");
        assert_eq!(c6a.usd, usd("0.03672"));
        assert_eq!(c6a.quality, Quality::Consistent);
        let g6 = fee("ap-northeast-1", "g6.xlarge").expect("priced");
        assert_eq!(g6.quality, Quality::SingleSource);
        let p5 = fee("us-east-1", "p5.48xlarge").expect_err("nobody measured it");
        assert_eq!(
            p5.to_string(),
            "no ECS Managed Instances fee for p5.48xlarge in the price book"
        );
    }

    #[test]
    fn lambda_compute_has_a_free_tier_of_its_own() {
        let book = embedded();
        assert_eq!(book.codebuild_lambda_free_seconds("eu-west-1"), Ok(6_000));
        assert_eq!(book.codebuild_free_minutes("eu-west-1"), Ok(100));
    }

    #[test]
    fn machine_facts_of_builds_are_those_measured() {
        let book = embedded();
        let of = |environment, compute| {
            codebuild::find(book.codebuild_types(), environment, compute).expect("known")
        };
        let arm = of("ARM_CONTAINER", "BUILD_GENERAL1_SMALL");
        assert_eq!(
            (arm.disk_gb, arm.memory_mib, arm.usable_memory_mib),
            (Some(64), 4096, Some(3840))
        );
        let x86 = of("LINUX_CONTAINER", "BUILD_GENERAL1_MEDIUM");
        assert_eq!(
            (x86.disk_gb, x86.usable_memory_mib),
            (Some(128), Some(7628))
        );
        let gpu = of("LINUX_GPU_CONTAINER", "BUILD_GENERAL1_SMALL");
        assert_eq!((gpu.disk_gb, gpu.usable_memory_mib), (Some(220), None));
    }

    #[test]
    fn spot_and_savings_plans_pay_storage_on_demand() {
        let book = embedded();
        for option in [Spot, SavingsPlan1yrNoUpfront] {
            let prices = book
                .fargate("us-east-1", Os::Linux, Architecture::Arm64, option)
                .expect("priced");
            let storage = prices.ephemeral_gib_hour.as_ref().expect("priced");
            assert_eq!(storage.usd, usd("0.000111"));
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
            (prices.as_of(), prices.quality().as_str()),
            (Some("2026-01-31"), "snapshot")
        );
        assert_eq!(book.as_of(), Some(("2026-01-31", "2026-09")));
        let undated = fargate_book(&rows.replace("2026-09,", ",")).expect("well-formed");
        assert_eq!(
            undated
                .fargate("r", Os::Linux, Architecture::Arm64, Spot)
                .expect("priced")
                .as_of(),
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
