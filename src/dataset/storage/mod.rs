//! Where the parts of a dataset lie: below a folder, or below a prefix of an S3 bucket.
//!
//! Parts are only ever added. Nothing is deleted, nothing is written over.

mod bucket;
mod failure;
mod folder;
mod guard;
mod keys;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use self::bucket::Bucket;
use super::Table;
use crate::error::{Error, Kind, Result};

/// The next step when a part is not what its commit promises.
pub(super) const RESTORE: &str = "restore the file from a copy, or import or collect its days again";
/// Parts read from a bucket at the same time.
const AT_ONCE: usize = 8;

/// Where the parts are; their names are relative to it, with `/` between folders.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// Below a local folder.
    Folder(PathBuf),
    /// Below a prefix of an S3 bucket.
    Bucket(Arc<Bucket>),
}

impl Storage {
    /// The storage at `location`: a folder, or `s3://BUCKET/PREFIX` with the usual AWS credentials.
    pub(super) fn at(location: &str) -> Result<Self> {
        if let Some(place) = location.strip_prefix("s3://") {
            return Ok(Self::Bucket(Arc::new(Bucket::at(place)?)));
        }
        if location.contains("://") {
            return Err(Error::new(Kind::Usage, format!("dataset `{location}`: only local folders and S3 are supported"))
                .hint("give a folder or s3://BUCKET/PREFIX; copy other datasets here first, their parts are plain files"));
        }
        Ok(Self::Folder(PathBuf::from(location)))
    }

    /// True when there is anything at all.
    pub(super) fn exists(&self) -> Result<bool> {
        match self {
            Self::Folder(root) => Ok(root.exists()),
            Self::Bucket(bucket) => bucket.exists(),
        }
    }

    /// True when there is something of `table`.
    pub(super) fn has(&self, table: Table) -> Result<bool> {
        match self {
            Self::Folder(root) => Ok(root.join(table.name()).is_dir()),
            Self::Bucket(bucket) => bucket.has(table.name()),
        }
    }

    /// The names of all parts of `table`, in order, named by a commit or not.
    pub(super) fn parts(&self, table: Table) -> Result<Vec<String>> {
        match self {
            Self::Folder(root) => folder::parts(root, table.name()),
            Self::Bucket(bucket) => bucket.parts(table.name()),
        }
    }

    /// Hands the bytes of each of `parts`, not verified, to `take`, in order; from a bucket, a few are fetched at once.
    pub(super) fn read_each(&self, parts: &[String], mut take: impl FnMut(&str, Vec<u8>) -> Result<()>) -> Result<()> {
        match self {
            Self::Folder(root) => parts.iter().try_for_each(|part| take(part, folder::read(root, part)?)),
            Self::Bucket(bucket) => parts.chunks(AT_ONCE).try_for_each(|some| {
                let read = bucket.read_all(some)?;
                some.iter().zip(read).try_for_each(|(part, bytes)| take(part, bytes))
            }),
        }
    }

    /// Adds a part, whole or not at all, and durable when this returns. Its name carries the hash of `bytes`: one that
    /// is there already is the same.
    pub(super) fn create(&self, part: &str, bytes: Vec<u8>) -> Result<()> {
        match self {
            Self::Folder(root) => folder::create(root, part, &bytes),
            Self::Bucket(bucket) => bucket.create(part, bytes),
        }
    }

    /// Refuses a place that cannot be written.
    pub(super) fn check_writable(&self) -> Result<()> {
        match self {
            Self::Folder(root) => folder::check_writable(root),
            Self::Bucket(bucket) => bucket.check_writable(),
        }
    }

    /// The place of a part, for messages.
    pub(super) fn place(&self, part: &str) -> String {
        match self {
            Self::Folder(root) => root.join(part).display().to_string(),
            Self::Bucket(bucket) => bucket.place(part),
        }
    }
}

impl fmt::Display for Storage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(root) => root.display().fmt(f),
            Self::Bucket(bucket) => f.write_str(&bucket.place("")),
        }
    }
}

/// True for `<table>/account=A/region=R/month=M/<name>.parquet`.
fn is_part(path: &str, table: &str) -> bool {
    let segments: Vec<&str> = path.split('/').collect();
    matches!(segments[..], [of, account, region, month, name] if of == table
        && account.starts_with("account=") && region.starts_with("region=") && month.starts_with("month=")
        && name.ends_with(".parquet"))
}
