//! What the book answers: prices of what is bought, together with what is known of it.

use std::sync::Arc;

use rust_decimal::Decimal;

use super::price::{Price, PriceUnit, Quality};
use crate::model::units::TaskSize;
use crate::model::workload::{Architecture, Os, PurchaseOption};

/// Fargate prices of one region, operating system, architecture and purchase option; each names its own row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FargatePrices {
    /// AWS region.
    pub region: String,
    /// Operating system.
    pub os: Os,
    /// Processor architecture.
    pub architecture: Architecture,
    /// How it is bought.
    pub purchase_option: PurchaseOption,
    /// Per vCPU and hour.
    pub vcpu_hour: Price,
    /// Per GiB of memory and hour.
    pub gib_hour: Price,
    /// Per GiB of ephemeral storage beyond the included 20 GiB and hour, always on-demand; `None` where not known.
    pub ephemeral_gib_hour: Option<Price>,
    /// Windows licence per vCPU and hour; always there for Windows, never for Linux.
    pub os_license_vcpu_hour: Option<Price>,
}

impl FargatePrices {
    /// Date of the older of the vCPU and memory prices; `None` if one is undated.
    pub fn as_of(&self) -> Option<&str> {
        let dates = (
            self.vcpu_hour.as_of.as_deref(),
            self.gib_hour.as_of.as_deref(),
        );
        dates.0.min(dates.1)
    }

    /// The weaker quality of the vCPU and memory prices.
    pub fn quality(&self) -> Quality {
        self.vcpu_hour.quality.max(self.gib_hour.quality)
    }
}

/// The time that a CodeBuild price counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodebuildUnit {
    /// Whole minutes: builds on EC2 compute.
    Minute,
    /// Whole seconds: builds on Lambda compute.
    Second,
}

/// Price of one CodeBuild compute type in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodebuildPrice {
    /// AWS region.
    pub region: String,
    /// `environment.type`, AWS's spelling; for reserved capacity `RESERVED_LINUX`, `RESERVED_WINDOWS` or
    /// `RESERVED_MACOS`.
    pub environment_type: String,
    /// `environment.computeType`, AWS's spelling; for reserved capacity as its price list spells it.
    pub compute_type: String,
    /// USD for one `unit` of build time; of reserved capacity, of the time that an instance is provisioned.
    pub usd: Decimal,
    /// What is counted.
    pub unit: CodebuildUnit,
    /// Date of the price; `None` if undated.
    pub as_of: Option<Arc<str>>,
    /// What it stands on.
    pub quality: Quality,
    /// Where it is from.
    pub source: Arc<str>,
}

impl CodebuildPrice {
    /// The price with what its row says about it.
    pub fn price(&self) -> Price {
        Price {
            usd: self.usd,
            unit: match self.unit {
                CodebuildUnit::Minute => PriceUnit::Minute,
                CodebuildUnit::Second => PriceUnit::Second,
            },
            as_of: self.as_of.clone(),
            quality: self.quality,
            source: self.source.clone(),
        }
    }
}

/// A CodeBuild environment type together with a compute type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodebuildType {
    /// `environment.type`, AWS's spelling.
    pub environment_type: String,
    /// `environment.computeType`, AWS's spelling.
    pub compute_type: String,
    /// CPU units; `None` for Lambda compute, whose vCPU AWS does not publish.
    pub cpu_units: Option<u32>,
    /// Memory in MiB, as AWS names the type.
    pub memory_mib: u32,
    /// The least memory in MiB that a build was found to have, before its own agent and Docker; `None` where nobody
    /// measured.
    pub usable_memory_mib: Option<u32>,
    /// Disk in GB; `None` where AWS does not say.
    pub disk_gb: Option<u32>,
    /// Processor architecture.
    pub architecture: Architecture,
    /// Operating system.
    pub os: Os,
    /// Has a GPU.
    pub gpu: bool,
    /// Runs on Lambda: billed by the second, no Docker, at most 15 minutes.
    pub lambda: bool,
}

impl CodebuildType {
    /// Its size, where AWS publishes both dimensions.
    pub fn size(&self) -> Option<TaskSize> {
        Some(TaskSize::new(self.cpu_units?, self.memory_mib))
    }

    /// What a build really has of it.
    pub fn usable_size(&self) -> Option<TaskSize> {
        let memory_mib = self.usable_memory_mib.unwrap_or(self.memory_mib);
        Some(TaskSize::new(self.cpu_units?, memory_mib))
    }
}

/// What kind of machine an instance type is, for those who choose among them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InstanceClass {
    /// The whole of its processor, all the time.
    General,
    /// A part of its processor is promised and the rest lent (`t3`, `m7i-flex`): what it costs when it is busy is not
    /// its price.
    Burstable,
    /// Has a GPU.
    Gpu,
    /// Has another accelerator: Inferentia, Trainium, an FPGA, a media card.
    Accelerator,
}

impl InstanceClass {
    /// Every class, in order.
    pub const ALL: [Self; 4] = [Self::General, Self::Burstable, Self::Gpu, Self::Accelerator];

    /// As spelt in the tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::General => "general",
            Self::Burstable => "burstable",
            Self::Gpu => "gpu",
            Self::Accelerator => "accelerator",
        }
    }

    /// The class spelt `text`.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == text)
    }
}

/// An EC2 instance type with its on-demand Linux price in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType {
    /// `m6i.large`.
    pub name: String,
    /// Processor architecture of its vCPU.
    pub architecture: Architecture,
    /// What kind of machine it is.
    pub class: InstanceClass,
    /// CPU units; 1,024 per vCPU.
    pub cpu_units: u32,
    /// Nominal memory in MiB, before the operating system and the ECS agent take theirs.
    pub memory_mib: u32,
    /// Network interfaces that it may have.
    pub interfaces: u32,
    /// Tasks in `awsvpc` mode that its network interfaces allow, without trunking.
    pub task_slots: u32,
    /// The same with `awsvpcTrunking`.
    pub task_slots_trunking: u32,
    /// USD per hour, on-demand, Linux, shared tenancy.
    pub usd_per_hour: Decimal,
    /// Date of the price; `None` if undated.
    pub as_of: Option<Arc<str>>,
    /// What the price stands on.
    pub quality: Quality,
    /// Where the price is from.
    pub source: Arc<str>,
}

impl InstanceType {
    /// `m6i` of `m6i.large`.
    pub fn family(&self) -> &str {
        self.name
            .split_once('.')
            .map_or(self.name.as_str(), |(family, _)| family)
    }

    /// `6` of `m6i.large`: types of the same letters and a higher number are newer.
    pub fn generation(&self) -> Option<u32> {
        let digits = self
            .family()
            .trim_start_matches(|char: char| !char.is_ascii_digit());
        let end = digits
            .find(|char: char| !char.is_ascii_digit())
            .unwrap_or(digits.len());
        digits[..end].parse().ok()
    }

    /// The price with what its row says about it.
    pub fn price(&self) -> Price {
        Price {
            usd: self.usd_per_hour,
            unit: PriceUnit::Hour,
            as_of: self.as_of.clone(),
            quality: self.quality,
            source: self.source.clone(),
        }
    }
}

/// One row of the book, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    /// AWS region, or `*` for every region.
    pub region: String,
    /// `fargate`, `codebuild`, `ec2` or `other`.
    pub service: &'static str,
    /// What is priced.
    pub item: String,
    /// How much, as published.
    pub amount: String,
    /// Of what: `USD per vCPU-hour`, …
    pub unit: &'static str,
    /// Date; `None` if the source gives none.
    pub as_of: Option<String>,
    /// What it stands on.
    pub quality: &'static str,
    /// Where it is from.
    pub source: String,
}
