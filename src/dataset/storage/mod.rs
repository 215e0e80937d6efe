//! Where the parts of a dataset lie: below a folder, or below a prefix of an S3 bucket.
//!
//! Parts are only ever added. Nothing is deleted, nothing is written over.

mod bucket;
mod endpoint;
mod failure;
mod folder;
mod guard;
mod keys;
#[cfg(test)]
pub(crate) mod steps;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use self::bucket::Bucket;
use super::Table;
use crate::aws::without_password;
use crate::model::error::{Error, ErrorKind, Result};

/// The next step when a part is not what its commit promises.
pub(super) const RESTORE: &str =
    "restore the file from a copy, or import or collect its days again";
/// Parts read from a bucket at the same time.
const AT_ONCE: usize = 8;
/// Bytes read from the end of a part to find its footer in: enough for most.
const TAIL: u64 = 1 << 16;

/// Where the parts are; their names are relative to it, with `/` between folders.
#[derive(Debug, Clone)]
pub(crate) enum Storage {
    /// Below a local folder.
    Folder(PathBuf),
    /// Below a prefix of an S3 bucket.
    Bucket(Arc<Bucket>),
}

impl Storage {
    /// The storage at `location`: a folder, or `s3://BUCKET/PREFIX` with the credentials of a profile, or the usual ones.
    pub(super) fn at(location: &str, profile: Option<&str>) -> Result<Self> {
        if location.is_empty() {
            return Err(Error::new(ErrorKind::Usage, "the dataset has no name")
                .hint("give --dataset (or PLIMSOLL_DATASET) a folder or s3://BUCKET/PREFIX"));
        }
        if let Some(place) = location.strip_prefix("s3://") {
            return Ok(Self::Bucket(Arc::new(Bucket::at(place, profile)?)));
        }
        if location.contains("://") {
            return Err(Error::new(ErrorKind::Usage, format!("dataset `{}`: only local folders and S3 are supported", without_password(location)))
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

    /// The names of all files right below, but for those that begin with `_` or `.`, in order.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        let mut files = match self {
            Self::Folder(root) => folder::files(root)?,
            Self::Bucket(bucket) => bucket.files()?,
        };
        files.retain(|name| !name.starts_with(['_', '.']));
        files.sort();
        Ok(files)
    }

    /// Hands the bytes of each of `parts`, not verified, to `take`, in order; from a bucket, a few are fetched at once.
    pub(super) fn read_each(
        &self,
        parts: &[String],
        mut take: impl FnMut(&str, Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        match self {
            Self::Folder(root) => parts
                .iter()
                .try_for_each(|part| take(part, folder::read(root, part)?)),
            Self::Bucket(bucket) => parts.chunks(AT_ONCE).try_for_each(|some| {
                let read = bucket.read_all(some)?;
                some.iter()
                    .zip(read)
                    .try_for_each(|(part, bytes)| take(part, bytes))
            }),
        }
    }

    /// Hands the end of each of `parts`, its footer in it, to `take`, in order.
    pub(super) fn read_tails(
        &self,
        parts: &[String],
        mut take: impl FnMut(&str, Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        for some in parts.chunks(AT_ONCE) {
            let mut tails = self.tails(some, TAIL)?;
            for (part, tail) in some.iter().zip(&mut tails) {
                let wanted = footer_length(tail).unwrap_or(0);
                if wanted > tail.len() as u64 && tail.len() as u64 == TAIL {
                    *tail = self
                        .tails(std::slice::from_ref(part), wanted)?
                        .pop()
                        .unwrap_or_default();
                }
                take(part, std::mem::take(tail))?;
            }
        }
        Ok(())
    }

    fn tails(&self, parts: &[String], length: u64) -> Result<Vec<Vec<u8>>> {
        match self {
            Self::Folder(root) => parts
                .iter()
                .map(|part| folder::read_tail(root, part, length))
                .collect(),
            Self::Bucket(bucket) => bucket.read_tails(parts, length),
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

    /// Removes what writers that were killed long ago left half written. Best effort: nothing depends on it, and a
    /// bucket never has any.
    pub(super) fn tidy(&self) {
        if let Self::Folder(root) = self {
            folder::tidy(root);
        }
    }

    /// Requests sent so far; none where nothing is asked of anyone.
    pub(super) fn requests(&self) -> Option<u64> {
        match self {
            Self::Folder(_) => None,
            Self::Bucket(bucket) => Some(bucket.requests()),
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

/// True for `<table>/account=A/region=R/month=M/<name>.parquet`, where no name leaves its folder or is hidden (as those
/// are that macOS adds).
pub(super) fn is_part(path: &str, table: &str) -> bool {
    let segments: Vec<&str> = path.split('/').collect();
    let is_plain = |segment: &&str| {
        !segment.starts_with('.')
            && segment
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_.=".contains(&byte))
    };
    matches!(segments[..], [of, account, region, month, name] if of == table
        && account.starts_with("account=") && region.starts_with("region=") && month.starts_with("month=")
        && name.ends_with(".parquet"))
        && segments.iter().all(is_plain)
}

/// The bytes at the end of a part that tell where its footer begins, and the length of the footer with them.
fn footer_length(tail: &[u8]) -> Option<u64> {
    let length = tail.last_chunk::<8>()?.first_chunk::<4>()?;
    Some(u64::from(u32::from_le_bytes(*length)) + 8)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    const PART: &str =
        "runs/account=1/region=r/month=2026-10/2026-10-05_2026-10-05_0123456789abcdef.parquet";

    fn folder() -> (tempfile::TempDir, Storage) {
        let folder = tempfile::tempdir().expect("a folder");
        let storage = Storage::at(
            &folder.path().join("deep/dataset").display().to_string(),
            None,
        )
        .expect("a folder");
        (folder, storage)
    }

    fn bytes_of(storage: &Storage, part: &str) -> Vec<u8> {
        let mut all = Vec::new();
        let keep = |_: &str, bytes: Vec<u8>| {
            all.extend(bytes);
            Ok(())
        };
        storage.read_each(&[part.to_owned()], keep).expect("read");
        all
    }

    #[test]
    fn what_is_created_is_listed_and_read() {
        let (_folder, storage) = folder();
        assert!(!storage.exists().expect("told") && !storage.has(Table::Runs).expect("told"));
        assert!(storage.parts(Table::Runs).expect("listed").is_empty());
        storage.create(PART, b"bytes".to_vec()).expect("created");
        storage
            .create(PART, b"bytes".to_vec())
            .expect("created again");
        assert!(storage.exists().expect("told") && storage.has(Table::Runs).expect("told"));
        assert_eq!(storage.parts(Table::Runs).expect("listed"), [PART]);
        assert!(storage.parts(Table::Samples).expect("listed").is_empty());
        assert_eq!(bytes_of(&storage, PART), b"bytes");
    }

    #[test]
    fn a_part_leaves_no_temporary_file_behind() {
        let (_folder, storage) = folder();
        storage.create(PART, b"bytes".to_vec()).expect("created");
        let folder = storage.place(PART);
        let folder = std::path::Path::new(&folder).parent().expect("a folder");
        assert_eq!(fs::read_dir(folder).expect("listed").count(), 1);
    }

    #[test]
    fn a_part_that_is_missing_is_named_by_its_place() {
        let (_folder, storage) = folder();
        let error = storage
            .read_each(&[PART.to_owned()], |_, _| Ok(()))
            .expect_err("missing");
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(
            error.to_string().contains(PART) && error.to_string().contains("missing"),
            "{error}"
        );
    }

    #[test]
    fn trying_a_folder_leaves_nothing_behind() {
        let (folder, storage) = folder();
        storage.check_writable().expect("writable");
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 0);
    }

    #[test]
    fn a_file_in_the_place_of_the_folder_cannot_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("file");
        fs::write(&file, "x").expect("written");
        let storage = Storage::at(&file.display().to_string(), None).expect("a place");
        assert_eq!(
            storage.check_writable().expect_err("a file").kind(),
            ErrorKind::Write
        );
        assert_eq!(
            storage.create(PART, Vec::new()).expect_err("a file").kind(),
            ErrorKind::Write
        );
    }

    #[test]
    fn only_folders_and_buckets_hold_datasets() {
        for place in [
            "gs://bucket/x",
            "https://bucket.s3.amazonaws.com/x",
            "file:///x",
            "s3://",
            "s3://Bucket/x",
        ] {
            assert_eq!(
                Storage::at(place, None).expect_err(place).kind(),
                ErrorKind::Usage
            );
        }
    }

    #[test]
    fn only_what_stands_where_parts_stand_is_a_part() {
        assert!(is_part(PART, "runs"));
        for other in [
            "runs/account=1/region=r/x.parquet",
            "samples/account=1/region=r/month=2026-10/x.parquet",
            "runs/account=1/region=r/month=2026-10/x.tmp",
            "runs/account=1/region=r/month=2026-10/deeper/x.parquet",
            "_plimsoll",
            "runs/account=1/region=r/month=2026-10/._x.parquet",
            "runs/account=1/region=r/month=2026-10/..parquet",
            "runs/account=../region=r/month=\u{7}/x.parquet",
        ] {
            assert!(!is_part(other, "runs"), "{other}");
        }
    }
}
