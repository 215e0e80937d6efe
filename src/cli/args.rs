//! Arguments that several verbs share.

use clap::Args;

use crate::dataset::Dataset;
use crate::model::error::Result;
use crate::model::tags::{TagKeys, USUAL_KEYS};

/// A dataset that is there.
#[derive(Debug, Args)]
pub(super) struct DatasetArgs {
    /// Where the dataset is: a folder or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR|S3", env = "PLIMSOLL_DATASET")]
    pub(super) dataset: String,
}

impl DatasetArgs {
    pub(super) fn open(&self) -> Result<Dataset> {
        Dataset::open(&self.dataset)
    }
}

/// A dataset, or the embedded sample in its place.
#[derive(Debug, Args)]
pub(super) struct SourceArgs {
    /// Where the dataset is: a folder or `s3://BUCKET/PREFIX`
    #[arg(
        long,
        value_name = "DIR|S3",
        env = "PLIMSOLL_DATASET",
        required_unless_present = "demo"
    )]
    dataset: Option<String>,
    /// Take the embedded sample instead
    #[arg(long)]
    demo: bool,
}

impl SourceArgs {
    /// Where the dataset is; `None` for the sample.
    pub(super) fn dataset(&self) -> Option<&str> {
        self.dataset.as_deref().filter(|_| !self.demo)
    }
}

/// Which tags enter a dataset.
#[derive(Debug, Args)]
pub(super) struct TagArgs {
    /// Keys of the tags to keep, in any case; `*` keeps every tag, whatever it may hold
    #[arg(long, value_name = "KEYS", default_value = USUAL_KEYS, env = "PLIMSOLL_TAGS")]
    pub(super) tags: TagKeys,
}

/// The present, which only the verbs know.
#[derive(Debug, Args)]
pub(super) struct ClockArgs {
    /// The present, for tests
    #[arg(long, hide = true, env = "PLIMSOLL_NOW", hide_env = true)]
    now: Option<jiff::Timestamp>,
}

impl ClockArgs {
    /// Epoch milliseconds.
    pub(super) fn now_ms(&self) -> i64 {
        self.now
            .unwrap_or_else(jiff::Timestamp::now)
            .as_millisecond()
    }
}
