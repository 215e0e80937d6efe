//! What to collect.

use std::ops::Range;
use std::time::Duration;

use super::cloudwatch::Resolution;
use super::plan::Day;
use crate::aws::LoginRequest;
use crate::model::tags::TagKeys;

/// What to collect.
#[derive(Debug)]
pub(crate) struct Request {
    /// With which credentials; each reaches one account.
    pub(crate) logins: Vec<LoginRequest>,
    /// Where.
    pub(crate) regions: Regions,
    /// Only these ECS clusters; all where empty.
    pub(crate) clusters: Vec<String>,
    /// UTC days.
    pub(crate) days: Range<Day>,
    /// Hash of the price book in use, to be kept beside what is collected.
    pub(crate) book: String,
    /// Which tags are kept.
    pub(crate) tags: TagKeys,
    /// How fine.
    pub(crate) resolution: Resolution,
    /// The present, epoch milliseconds.
    pub(crate) now_ms: i64,
    /// Stop taking up work after this long.
    pub(crate) deadline: Option<Duration>,
    /// The most that `GetMetricData` may cost, as metrics requested.
    pub(crate) most_metrics: u64,
    /// How many times faster than AWS allows to ask: 1, but for servers on this machine.
    pub(crate) pace: f64,
    /// Only what it would take is asked for: nothing is written.
    pub(crate) is_trial: bool,
}

/// Which regions of each account.
#[derive(Debug)]
pub(crate) enum Regions {
    /// The one that the profile or the environment names.
    Default,
    /// These.
    Named(Vec<String>),
    /// Every one that the account has enabled.
    All,
}
