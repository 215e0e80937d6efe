//! A growing set of immutable, self-verifying Parquet parts.
//!
//! `<root>/<table>/account=A/region=R/month=YYYY-MM/<first day>_<last day>_<16 hex of sha256>.parquet`.
//! The root is a folder or `s3://bucket/prefix`. In a folder, a part is written under a temporary name, synced, and
//! renamed to a name that carries the hash of its bytes; in a bucket it is created by one conditional PUT. It never
//! changes, and says inside which folder it belongs to. Hive-partitioned Parquet, so any engine reads it.
//!
//! # Commits
//! A row of the `coverage` table is the commit: a part that no row names is ignored, a named part that is missing,
//! altered or moved is an error.
//!
//! *All or nothing.* The coverage parts of one imported content (one for each account, region and month) carry a common
//! id and their number: they count when all are there. An import that broke off does not count, is told by reports, and
//! is completed by importing the same content again. What a collection commits counts scope-day by scope-day.
//!
//! *Planned first.* A collection writes every day of every source that it sets out to fetch as `planned` before it
//! fetches any. Any other commit of the same day and source goes before that; what is still `planned` was not seen.
//!
//! *Chains.* Each coverage part names the one that its writer committed before, and a part without rows names the last
//! when the content, or the writer, is done: see [`log`]. A coverage part that is removed, renamed or moved is missing to another one.
//!
//! Format 1 had none of these three: its parts are read as they are, and each of its imports counts as whole unless
//! parts are about that no commit names.

pub(crate) mod batch;
mod checkpoint;
pub(crate) mod collected;
mod columns;
pub mod compact;
mod compactions;
pub mod coverage;
pub mod given;
pub mod groups;
mod guarded;
pub mod keep;
pub mod kept;
mod late;
pub(crate) mod limits;
pub mod log;
pub mod name;
pub mod part;
pub mod scan;
pub mod schema;
pub(crate) mod source;
mod storage;
mod summarize;
pub mod summary;
pub mod writer;
pub(crate) mod written;

use std::path::PathBuf;

use crate::model::error::{Error, ErrorKind, Result};
use storage::Storage;
#[cfg(test)]
pub(crate) use storage::steps::stepwise;

/// Version of the layout and of the tables' schemas; a reader refuses newer ones.
pub const FORMAT: u32 = 2;

/// The tables of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Configuration of workloads as seen, by time.
    Workloads,
    /// Tasks and builds from start to stop.
    Runs,
    /// Utilisation samples.
    Samples,
    /// EC2 instances that ECS tasks run on, as seen, by time.
    Instances,
    /// What was collected, and on which parts it stands.
    Coverage,
    /// Samples reduced to days; made from other parts, and never needed.
    Demand,
    /// What many coverage parts say, in one; made from them, and never needed.
    Checkpoints,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 7] = [
        Self::Workloads,
        Self::Runs,
        Self::Samples,
        Self::Instances,
        Self::Coverage,
        Self::Demand,
        Self::Checkpoints,
    ];

    /// Its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workloads => "workloads",
            Self::Runs => "runs",
            Self::Samples => "samples",
            Self::Instances => "instances",
            Self::Coverage => "coverage",
            Self::Demand => "demand",
            Self::Checkpoints => "checkpoints",
        }
    }

    /// The table of a part, or of a folder of its parts.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let folder = path.split('/').next()?;
        Self::ALL.into_iter().find(|table| table.name() == folder)
    }
}

/// A dataset in a local folder or in a bucket.
#[derive(Debug, Clone)]
pub struct Dataset {
    storage: Storage,
}

impl Dataset {
    /// The dataset at `location`, a folder or `s3://BUCKET/PREFIX`, which need not exist yet.
    pub fn at(location: &str) -> Result<Self> {
        Self::with_profile(location, None)
    }

    /// The same, a bucket with the credentials of a profile of the AWS configuration.
    pub fn with_profile(location: &str, profile: Option<&str>) -> Result<Self> {
        Ok(Self {
            storage: Storage::at(location, profile)?,
        })
    }

    /// The dataset at `location`, which must hold one.
    pub fn open(location: &str) -> Result<Self> {
        let dataset = Self::at(location)?;
        let storage = &dataset.storage;
        if !storage.exists()? {
            return Err(Error::new(
                ErrorKind::Usage,
                format!("dataset `{storage}` does not exist"),
            )
            .hint("make one with `plimsoll import PATH --dataset DIR`, or try `plimsoll demo`"));
        }
        if !storage.has(Table::Coverage)? {
            return Err(Error::new(
                ErrorKind::Input,
                format!("`{storage}` is not a dataset: it has no `coverage` folder"),
            )
            .hint("name the folder that was given to `import --dataset`"));
        }
        Ok(dataset)
    }

    /// True when something may have been written to it.
    pub fn exists(&self) -> Result<bool> {
        self.storage.exists()
    }

    /// Requests sent to the bucket so far; none of a folder.
    pub(crate) fn requests(&self) -> Option<u64> {
        self.storage.requests()
    }

    /// To be called when a writer starts: removes what killed writers left half written.
    pub(crate) fn tidy(&self) {
        self.storage.tidy();
    }

    /// The local folders of its tables, there or not; none of a bucket.
    pub(crate) fn folders(&self) -> Vec<PathBuf> {
        match &self.storage {
            Storage::Folder(root) => Table::ALL
                .iter()
                .map(|table| root.join(table.name()))
                .collect(),
            Storage::Bucket(_) => Vec::new(),
        }
    }

    /// Refuses a dataset that cannot be written, before anything is fetched for it. In a folder this leaves nothing
    /// behind; in a bucket, where only writing tells, one marker object for good.
    pub fn check_writable(&self) -> Result<()> {
        self.storage.check_writable()
    }
}
