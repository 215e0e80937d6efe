//! The words of the field: what is sized, where it could run, and how it was configured.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::model::units::TaskSize;

/// What a workload is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An ECS service.
    Service,
    /// An ECS task-definition family run as tasks.
    Task,
    /// A CodeBuild project.
    Build,
}

impl Kind {
    /// As stored in frames and printed.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Service => "service",
            Self::Task => "task",
            Self::Build => "build",
        }
    }

    /// The kind spelt `text`.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Service, Self::Task, Self::Build]
            .into_iter()
            .find(|kind| kind.as_str() == text)
    }
}

/// Identifies a workload. `cluster` is empty for builds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadKey {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// What it is.
    pub kind: Kind,
    /// ECS cluster name; empty for builds.
    pub cluster: String,
    /// Service, family or project name.
    pub name: String,
}

impl fmt::Display for WorkloadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.cluster.is_empty() {
            write!(f, "{}", self.name)
        } else {
            write!(f, "{}/{}", self.cluster, self.name)
        }
    }
}

macro_rules! spelled {
    ($(#[$doc:meta])* $name:ident { $($(#[$vdoc:meta])* $variant:ident = $text:literal),+ $(,)? }) => {
        $(#[$doc])*
        #[derive(
            Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
        )]
        pub enum $name { $($(#[$vdoc])* #[serde(rename = $text)] $variant),+ }

        impl $name {
            /// Every value, in order.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// As stored and printed.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $text),+ }
            }

            /// The value spelt `text`.
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|value| value.as_str() == text)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.as_str())
            }
        }
    };
}

spelled! {
    /// The three platforms.
    Platform {
        /// AWS Fargate.
        Fargate = "fargate",
        /// AWS CodeBuild.
        Codebuild = "codebuild",
        /// A fleet of EC2 instances that workloads share.
        Ec2 = "ec2",
    }
}

spelled! {
    /// Processor architecture.
    Architecture {
        /// Intel or AMD.
        X86_64 = "x86_64",
        /// Graviton.
        Arm64 = "arm64",
    }
}

spelled! {
    /// Operating system family.
    Os {
        /// Linux.
        Linux = "linux",
        /// Windows Server.
        Windows = "windows",
    }
}

spelled! {
    /// How capacity is bought.
    PurchaseOption {
        /// List price, no commitment.
        OnDemand = "on_demand",
        /// Interruptible.
        Spot = "spot",
        /// Compute Savings Plan, one year, nothing upfront.
        SavingsPlan1yrNoUpfront = "savings_plan_1yr_no_upfront",
        /// Compute Savings Plan, one year, all upfront.
        SavingsPlan1yrAllUpfront = "savings_plan_1yr_all_upfront",
        /// Compute Savings Plan, three years, nothing upfront.
        SavingsPlan3yrNoUpfront = "savings_plan_3yr_no_upfront",
        /// Compute Savings Plan, three years, all upfront.
        SavingsPlan3yrAllUpfront = "savings_plan_3yr_all_upfront",
        /// Several ways side by side, as they run today.
        Mixed = "mixed",
    }
}

spelled! {
    /// How EC2 instances are bought otherwise than on demand; of the Savings Plans those without payment upfront.
    InstancePurchase {
        /// Interruptible.
        Spot = "spot",
        /// Compute Savings Plan, one year: of any instance family and region, and of Fargate.
        ComputePlan1yr = "savings_plan_1yr_no_upfront",
        /// Compute Savings Plan, three years.
        ComputePlan3yr = "savings_plan_3yr_no_upfront",
        /// EC2 Instance Savings Plan, one year: of one instance family in one region.
        InstancePlan1yr = "ec2_instance_savings_plan_1yr_no_upfront",
        /// EC2 Instance Savings Plan, three years.
        InstancePlan3yr = "ec2_instance_savings_plan_3yr_no_upfront",
    }
}

impl PurchaseOption {
    /// The ways in which a placement can be bought.
    pub const OFFERED: &[Self] = &[
        Self::OnDemand,
        Self::Spot,
        Self::SavingsPlan1yrNoUpfront,
        Self::SavingsPlan1yrAllUpfront,
        Self::SavingsPlan3yrNoUpfront,
        Self::SavingsPlan3yrAllUpfront,
    ];
}

/// How a run was configured, as far as its sources tell. `None` is "not known", never a default.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize)]
pub struct Configuration {
    /// `FARGATE`, `EC2`, `EXTERNAL`, `MANAGED_INSTANCES`, or `CODEBUILD` for builds; AWS's spelling.
    pub launch_type: Option<String>,
    /// ECS capacity provider, AWS's spelling (`FARGATE_SPOT`, …).
    pub capacity_provider: Option<String>,
    /// CPU units of the task or compute type.
    pub cpu_units: Option<u32>,
    /// Memory of the task or compute type, MiB.
    pub memory_mib: Option<u32>,
    /// Ephemeral storage, GiB.
    pub ephemeral_gib: Option<u32>,
    /// Processor architecture.
    pub architecture: Option<Architecture>,
    /// Operating system.
    pub os: Option<Os>,
    /// CodeBuild `environment.type`.
    pub environment_type: Option<String>,
    /// CodeBuild `environment.computeType`.
    pub compute_type: Option<String>,
    /// CodeBuild `environment.privilegedMode`, or a privileged container: cannot run on Fargate.
    pub privileged: Option<bool>,
    /// GPUs that the containers ask for.
    pub gpus: Option<u32>,
    /// ECS `networkMode`: `awsvpc`, `bridge`, `host` or `none`.
    pub network_mode: Option<String>,
    /// ECS `schedulingStrategy` of the service: `REPLICA` or `DAEMON`.
    pub scheduling_strategy: Option<String>,
    /// The task definition names launch types, and Fargate is not among them.
    pub requires_ec2: Option<bool>,
    /// CodeBuild reserved-capacity fleet, by name: its machines are billed, not its builds.
    pub fleet: Option<String>,
    /// Compute type of the CodeBuild Docker server beside the build, billed on its own.
    pub docker_server: Option<String>,
}

/// One provider of a service's capacity-provider strategy: the base first, the rest by weight.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StrategyItem {
    /// Capacity provider, AWS's spelling.
    pub provider: String,
    /// Tasks placed here before any weight counts.
    pub base: u32,
    /// Share of the tasks beyond the bases.
    pub weight: u32,
}

/// What a task definition says of one of its containers.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ContainerLimit {
    /// Name.
    pub name: String,
    /// CPU units set aside for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_units: Option<u32>,
    /// Hard limit, MiB: it is killed when it uses more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
    /// Soft limit, MiB: set aside for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reservation_mib: Option<u32>,
}

/// A container that was killed because it ran out of memory.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct KilledContainer {
    /// Name.
    pub name: String,
    /// Its own limit, MiB, where the record has one; else the task's memory is the limit, unless its definition tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memory_mib: Option<u32>,
}

impl Configuration {
    /// The size, where both dimensions are known.
    pub fn size(&self) -> Option<TaskSize> {
        Some(TaskSize::new(self.cpu_units?, self.memory_mib?))
    }

    /// Where it ran; `None` for launch types that none of the three platforms covers.
    pub fn platform(&self) -> Option<Platform> {
        match self.launch_type.as_deref()? {
            "FARGATE" => Some(Platform::Fargate),
            "CODEBUILD" => Some(Platform::Codebuild),
            "EC2" => Some(Platform::Ec2),
            _ => None,
        }
    }

    /// How its capacity was bought: Spot only through its capacity provider.
    pub fn purchase_option(&self) -> PurchaseOption {
        match self.capacity_provider.as_deref() {
            Some("FARGATE_SPOT") => PurchaseOption::Spot,
            _ => PurchaseOption::OnDemand,
        }
    }

    /// The architecture, `x86_64` where nothing says otherwise (ECS's own default).
    pub fn architecture_or_default(&self) -> Architecture {
        self.architecture.unwrap_or(Architecture::X86_64)
    }

    /// The operating system, Linux where nothing says otherwise (ECS's own default).
    pub fn os_or_default(&self) -> Os {
        self.os.unwrap_or(Os::Linux)
    }
}
