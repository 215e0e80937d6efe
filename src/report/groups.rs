//! Sums per group: by account, region, cluster, kind, platform or finding.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use clap::ValueEnum;

use super::result::{AmountResult, GroupResult, GroupsResult};
use crate::analysis::{Analysis, Assessed};
use crate::model::units::Usd;
use crate::pricing::cost::Amount;

/// What workloads of one group have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GroupBy {
    /// AWS account
    Account,
    /// AWS region
    Region,
    /// ECS cluster
    Cluster,
    /// Service, task or build
    Kind,
    /// Platform on which it runs today
    Platform,
    /// Finding
    Finding,
}

impl GroupBy {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Account => "account",
            Self::Region => "region",
            Self::Cluster => "cluster",
            Self::Kind => "kind",
            Self::Platform => "platform",
            Self::Finding => "finding",
        }
    }

    fn value(self, workload: &Assessed) -> Option<String> {
        let key = &workload.demand.workload;
        Some(match self {
            Self::Account => key.account.clone(),
            Self::Region => key.region.clone(),
            Self::Cluster => return Some(key.cluster.clone()).filter(|name| !name.is_empty()),
            Self::Kind => key.kind.as_str().to_owned(),
            Self::Platform => workload.configuration.platform()?.as_str().to_owned(),
            Self::Finding => workload.advice.finding.as_str().to_owned(),
        })
    }
}

/// Sums over some workloads.
#[derive(Default)]
struct Sums {
    workloads: usize,
    not_priced: usize,
    measured: Option<Amount>,
    rate: Option<Amount>,
    savings: Usd,
}

impl Sums {
    fn add(&mut self, workload: &Assessed) {
        let plus = |sum: &mut Option<Amount>, amount: &Amount| {
            let bare = Amount {
                lines: Vec::new(),
                ..amount.clone()
            };
            *sum = Some(sum.take().unwrap_or_else(Amount::zero).plus(bare));
        };
        self.workloads += 1;
        self.not_priced += usize::from(workload.going_rate.is_err());
        if let Ok(amount) = &workload.measured_cost {
            plus(&mut self.measured, amount);
        }
        if let Ok(amount) = &workload.going_rate {
            plus(&mut self.rate, amount);
        }
        self.savings += workload.advice.steps.iter().map(|step| step.monthly).sum();
    }

    fn into_group(self, value: Option<String>) -> GroupResult {
        let amount = |sum: Option<Amount>| AmountResult::from(&sum.unwrap_or_else(Amount::zero));
        GroupResult {
            value,
            workloads: self.workloads,
            not_priced: self.not_priced,
            measured_cost: amount(self.measured),
            going_rate: amount(self.rate),
            monthly_savings_usd: self.savings,
        }
    }
}

/// The groups of an analysis, dearest first.
pub fn of(analysis: &Analysis, by: GroupBy) -> GroupsResult {
    let mut sums: BTreeMap<Option<String>, Sums> = BTreeMap::new();
    for workload in &analysis.workloads {
        sums.entry(by.value(workload)).or_default().add(workload);
    }
    let mut groups: Vec<GroupResult> = sums
        .into_iter()
        .map(|(value, sums)| sums.into_group(value))
        .collect();
    groups.sort_by_key(|group| Reverse(group.going_rate.usd));
    GroupsResult {
        by: by.as_str().to_owned(),
        groups,
    }
}
