//! Sums per group: by account, region, cluster, kind, platform, finding or a tag.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use super::result::{AmountResult, GroupResult, GroupsResult};
use super::select::TAG;
use crate::analysis::{Analysis, Assessed};
use crate::model::units::Usd;
use crate::pricing::cost::Amount;

/// What workloads of one group have in common.
#[derive(Debug, Clone, PartialEq, Eq)]
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
    /// The tag with this key
    Tag(String),
}

const FIELDS: [(&str, GroupBy); 6] = [
    ("account", GroupBy::Account),
    ("region", GroupBy::Region),
    ("cluster", GroupBy::Cluster),
    ("kind", GroupBy::Kind),
    ("platform", GroupBy::Platform),
    ("finding", GroupBy::Finding),
];

impl fmt::Display for GroupBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::Tag(key) = self {
            return write!(f, "{TAG}{key}");
        }
        let known = FIELDS.iter().find(|(_, field)| field == self);
        f.write_str(known.map_or("", |(name, _)| name))
    }
}

impl FromStr for GroupBy {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(key) = text.strip_prefix(TAG).filter(|key| !key.is_empty()) {
            return Ok(Self::Tag(key.to_owned()));
        }
        let known = FIELDS.into_iter().find(|(name, _)| *name == text);
        known.map(|(_, field)| field).ok_or_else(|| {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            format!("one of {}, {TAG}KEY", names.join(", "))
        })
    }
}

impl GroupBy {
    fn value(&self, workload: &Assessed) -> Option<String> {
        let key = &workload.demand.workload;
        Some(match self {
            Self::Account => key.account.clone(),
            Self::Region => key.region.clone(),
            Self::Cluster => return Some(key.cluster.clone()).filter(|name| !name.is_empty()),
            Self::Kind => key.kind.as_str().to_owned(),
            Self::Platform => workload.configuration.platform()?.as_str().to_owned(),
            Self::Finding => workload.advice.finding.as_str().to_owned(),
            Self::Tag(key) => return workload.demand.tags.get(key).cloned(),
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
            *sum = Some(sum.take().unwrap_or_else(Amount::zero).plus(amount.bare()));
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
pub fn of(analysis: &Analysis, by: &GroupBy) -> GroupsResult {
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
        by: by.to_string(),
        groups,
    }
}
