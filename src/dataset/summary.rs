//! What stands in a part beside its rows, for readers that need not decode them.

use serde::{Deserialize, Serialize};

use crate::model::units::Window;

/// What a reader may know of a part of samples without decoding it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Summary {
    /// Each workload's samples of each metric.
    pub series: Vec<SeriesSummary>,
    /// True when two rows contradict each other, so that the part needs resolving.
    pub conflicts: bool,
    /// Rows beside each other that are of one series, in the order of the rows: all of them, or none where the stretches
    /// are short. A reader of these need not look at the names row by row.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stretches: Vec<Stretch>,
    /// Of kept days: how many samples each was made from. Of compacted samples: how many were left out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub days: Vec<DaySummary>,
    /// Of compacted parts: the names, without folder and ending, of those that they stand for.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stands_for: Vec<String>,
}

/// Rows beside each other of one series, source and run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stretch {
    /// How many.
    pub rows: usize,
    /// Index into [`Summary::series`].
    pub series: usize,
    /// As `SourceKind` is stored.
    pub source: String,
    /// Task id or build id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
}

/// The samples that a kept day was made from, as far as the part tells of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DaySummary {
    /// Days since the epoch.
    pub day: i32,
    /// Rows read.
    pub rows: i64,
    /// Rows that said what another said, or what finer ones say of the same time.
    pub duplicates: i64,
    /// Rows that contradicted another and lost.
    pub conflicts: i64,
    /// First sample.
    pub first_ms: i64,
    /// Last sample.
    pub last_ms: i64,
}

/// What a part holds of one workload's samples of one metric.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeriesSummary {
    /// As `Kind` is stored.
    pub kind: String,
    /// ECS cluster.
    pub cluster: String,
    /// The workload's name.
    pub name: String,
    /// As `Metric` is stored.
    pub metric: String,
    /// First sample.
    pub first_ms: i64,
    /// Last sample.
    pub last_ms: i64,
    /// The longest period among them, seconds; a minute where they tell none.
    #[serde(default = "a_day")]
    pub longest_s: i32,
    /// The time that the readings cover, each to the end of its own period: the first instant, and the one behind the
    /// last. In a compacted part those that were left out count, too. Older parts do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub covered_ms: Option<(i64, i64)>,
}

/// The period of a reading of a part that does not say it, seconds.
const MINUTE_S: i32 = 60;

impl SeriesSummary {
    /// Whose readings of what, within an account and region.
    pub(super) fn key(&self) -> [&str; 4] {
        [&self.kind, &self.cluster, &self.name, &self.metric].map(String::as_str)
    }

    /// The time that the readings cover; of an older part, as if the last one were of the longest period.
    pub(super) fn covered(&self) -> Window {
        let longest_s = match self.longest_s {
            stated if (1..A_DAY_S).contains(&stated) => stated,
            _ => MINUTE_S,
        };
        let end_ms = self.last_ms.saturating_add(i64::from(longest_s) * 1000);
        let (from_ms, to_ms) = self.covered_ms.unwrap_or((self.first_ms, end_ms));
        Window { from_ms, to_ms }
    }
}

/// The longest period there may be, where a part does not tell.
const A_DAY_S: i32 = 86_400;

const fn a_day() -> i32 {
    A_DAY_S
}

/// What a coverage part says of other coverage parts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Links {
    /// Counts only together with others.
    pub whole: Option<Whole>,
    /// What the same writer committed before, and must be there.
    pub after: Vec<String>,
}

/// Coverage parts that count together or not at all: all that one imported content became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whole {
    /// Hash of all their rows.
    pub id: String,
    /// In how many partitions there is one.
    pub parts: usize,
}

/// What stands in a part beside its rows.
#[derive(Debug, Clone, Copy)]
pub(super) enum Beside<'a> {
    /// Nothing.
    Nothing,
    /// Of samples: what is in it.
    Summary(&'a Summary),
    /// Of coverage: the commits it belongs to.
    Links(&'a Links),
    /// Of a checkpoint: the coverage parts that it repeats, with their links.
    Repeated(&'a [(&'a String, &'a Links)]),
}
