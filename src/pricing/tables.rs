//! The tables of a price book, as text.
//!
//! Every price row ends in `as_of` (the day, month or year on or after which the source was read, empty if it does
//! not say), `source` (in our words) and `quality` ([`super::Quality`]). Prices are USD, kept as published. The tables:
//!
//! | table | columns before those |
//! |---|---|
//! | `fargate` | `region,os,architecture,purchase_option,component,usd`; components `vcpu_hour`, `gib_hour`, `ephemeral_gib_hour`, `os_license_vcpu_hour` |
//! | `codebuild` | `region,purchase_option,environment_type,compute_type,usd,unit`; options `on_demand`, `reserved_capacity`; units `minute`, `second`, `second_gib` (times the type's memory) |
//! | `ec2` | `region,instance_type,usd_per_hour` (Linux, shared tenancy); on-demand, or what follows the type: `m5.large spot`, `m5.large savings_plan_1yr_no_upfront` ([`crate::model::workload::InstancePurchase`]) |
//! | `other` | `region,item,amount,unit`; `*` is every region without a row of its own |
//!
//! Two tables describe what is priced and end in `source` only: `codebuild_types`
//! (`environment_type,compute_type,cpu_units,memory_mib,usable_memory_mib,disk_gb`) and `instance_types`
//! (`instance_type,architecture,class,vcpu,memory_mib,interfaces,task_slots,task_slots_trunking`).

use sha2::{Digest, Sha256};

use crate::model::hash::short_hash;

/// The region of rows that hold in every region without a row of its own.
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
    /// Volumes, addresses, fees, free tiers.
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

impl<'a> Tables<'a> {
    /// Each by its name, in the order of their sections in a frozen book.
    pub(super) const fn named(&self) -> [(&'static str, &'a str); 6] {
        [
            ("fargate", self.fargate),
            ("codebuild", self.codebuild),
            ("codebuild_types", self.codebuild_types),
            ("ec2", self.ec2),
            ("instance_types", self.instance_types),
            ("other", self.other),
        ]
    }

    /// 16 hexadecimal digits that are the same for the same texts only.
    pub(super) fn hash(&self) -> String {
        let mut sha = Sha256::new();
        for (_, text) in self.named() {
            // The length keeps text that moves from one table to the next from hashing alike.
            sha.update(text.len().to_le_bytes());
            sha.update(text);
        }
        short_hash(sha)
    }
}
