//! A growing set of immutable, self-verifying Parquet parts.
//!
//! `<root>/<table>/account=A/region=R/month=YYYY-MM/<first day>_<last day>_<16 hex of sha256>.parquet`.
//! A part is written under a temporary name, synced, and renamed to a name that carries the hash of its bytes;
//! it never changes. A row of the `coverage` table is the commit: a part that no row names is ignored, a named
//! part that is missing or altered is an error. Hive-partitioned Parquet, so any engine reads it.

pub mod coverage;
pub mod part;
pub mod scan;
pub mod schema;
pub mod spacing;
pub(crate) mod writer;

use std::path::{Path, PathBuf};

use crate::error::{Error, Kind, Result};

/// Version of the layout and of the tables' schemas; a reader refuses newer ones.
pub const FORMAT: u32 = 1;

/// The tables of a dataset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Configuration of workloads as seen, by time.
    Workloads,
    /// Tasks and builds from start to stop.
    Runs,
    /// Utilisation readings.
    Samples,
    /// EC2 instances that ECS tasks run on, as seen, by time.
    Instances,
    /// What was collected, and on which parts it stands.
    Coverage,
}

impl Table {
    /// Its folder.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workloads => "workloads",
            Self::Runs => "runs",
            Self::Samples => "samples",
            Self::Instances => "instances",
            Self::Coverage => "coverage",
        }
    }
}

/// A dataset in a local directory.
#[derive(Debug, Clone)]
pub struct Dataset {
    root: PathBuf,
}

impl Dataset {
    /// The dataset at `location`, which need not exist yet.
    pub fn at(location: &str) -> Result<Self> {
        if location.contains("://") {
            return Err(Error::new(Kind::Usage, format!("dataset `{location}`: only local directories are supported"))
                .hint("give a directory; copy a remote dataset here first, its parts are plain files"));
        }
        Ok(Self { root: PathBuf::from(location) })
    }

    /// The dataset at `location`, which must hold one.
    pub fn open(location: &str) -> Result<Self> {
        let dataset = Self::at(location)?;
        let root = dataset.root.display();
        if !dataset.root.exists() {
            return Err(Error::new(Kind::Usage, format!("dataset `{root}` does not exist"))
                .hint("make one with `plimsoll import PATH --dataset DIR`, or try `plimsoll demo`"));
        }
        if !dataset.root.join(Table::Coverage.name()).is_dir() {
            return Err(Error::new(Kind::Input, format!("`{root}` is not a dataset: it has no `coverage` folder"))
                .hint("name the folder that was given to `import --dataset`"));
        }
        Ok(dataset)
    }

    /// True when something may have been written to it.
    pub fn exists(&self) -> Result<bool> {
        Ok(self.root.exists())
    }

    /// Refuses a dataset that cannot be written, before anything is fetched for it. Leaves nothing behind.
    pub fn check_writable(&self) -> Result<()> {
        let nearest = self.root.ancestors().find(|folder| folder.as_os_str().is_empty() || folder.exists());
        let nearest = nearest.filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        tempfile::tempfile_in(nearest).map(drop).map_err(|cause| {
            Error::new(Kind::Write, format!("cannot write the dataset `{}`", self.root.display()))
                .cause(cause)
                .hint("choose another folder for --dataset, or make this one writable")
        })
    }

    /// Its root folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
}
