//! Days that samples were reduced to, kept beside them: parts of their own table, named by a commit that also tells
//! from which parts of samples they were made. They count as long as these are the parts of their day; without them
//! everything is the same, but takes longer.

use std::collections::{BTreeMap, BTreeSet};

use sha2::{Digest, Sha256};

use super::coverage::Committed;
use super::name::{account_and_region, date, short_hash, span_of_days};
use super::source::DEMAND;
use crate::model::units::MS_PER_DAY;

/// The samples of one UTC day of one account and region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleDay {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// Days since the epoch.
    pub day: i32,
    /// Parts that may hold its samples.
    pub parts: Vec<String>,
    /// The commit that names what was kept of it, as the coverage table calls its source.
    pub source: String,
    /// All that can be recorded of it is in the past: else later rows are set aside, and nothing is kept.
    pub is_over: bool,
    /// Parts of what was kept; `None` where nothing was, or where it was made from other parts.
    pub kept: Option<Vec<String>>,
    /// Parts that other commits name instead.
    pub others: Vec<Vec<String>>,
}

impl SampleDay {
    /// Account, region and day.
    pub fn key(&self) -> (&str, &str, i32) {
        (&self.account, &self.region, self.day)
    }
}

/// The days of `samples`, and what the commits in `kept` say was kept of them.
pub(super) fn days(samples: &BTreeSet<String>, kept: &[Committed]) -> Vec<SampleDay> {
    let mut days: BTreeMap<(&str, &str, i32), Vec<&String>> = BTreeMap::new();
    for part in samples {
        let (account, region) = account_and_region(part);
        let Some((from_ms, to_ms)) = span_of_days(part) else {
            continue;
        };
        let number = |at_ms: i64| i32::try_from(at_ms / MS_PER_DAY).unwrap_or(i32::MAX);
        for day in number(from_ms)..number(to_ms) {
            days.entry((account, region, day)).or_default().push(part);
        }
    }
    // Of two that kept the same day, either will do.
    let mut known: BTreeMap<[&str; 4], Vec<Vec<String>>> = BTreeMap::new();
    for commit in kept {
        let row = &commit.row;
        let parts = row.parts.split(';').filter(|part| !part.is_empty());
        known
            .entry([&commit.account, &commit.region, &row.day, &row.source])
            .or_default()
            .push(parts.map(str::to_owned).collect());
    }
    let of_day = |((account, region, day), parts): ((&str, &str, i32), Vec<&String>)| {
        let source = source(&parts);
        let name = date(day.into());
        let kept = known.get(&[account, region, name.as_str(), source.as_str()]);
        let mut kept = kept.into_iter().flatten().cloned();
        SampleDay {
            account: account.to_owned(),
            region: region.to_owned(),
            day,
            parts: parts.into_iter().cloned().collect(),
            is_over: true,
            kept: kept.next(),
            others: kept.collect(),
            source,
        }
    };
    days.into_iter().map(of_day).collect()
}

/// What a day is called that was made from `parts`, in order.
fn source(parts: &[&String]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(b"\n");
    }
    format!("{DEMAND}{}", short_hash(hash))
}
