//! What has been read of the list, kept in the cache: a refresh that was stopped goes on where it was, and a file that has
//! not changed is not fetched again.

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};

use super::offer::Extract;
use crate::model::error::{Error, ErrorKind, Result};

/// Counts up with every change of what is taken out of a file.
const FORMAT: u32 = 2;

/// A folder with one file per offer and region.
#[derive(Debug, Clone)]
pub struct Kept {
    folder: Option<PathBuf>,
}

#[derive(Serialize, Deserialize)]
struct File<T> {
    format: u32,
    url: String,
    etag: String,
    extract: T,
}

impl Kept {
    /// In `folder`, which is made when something is kept.
    pub const fn in_folder(folder: PathBuf) -> Self {
        Self {
            folder: Some(folder),
        }
    }

    /// Nothing is kept.
    pub const fn nowhere() -> Self {
        Self { folder: None }
    }

    /// What was kept of the file at `url`, if it is still the one that `etag` names. A kept file that is broken or of
    /// another time is none.
    pub(super) fn find(&self, name: &str, url: &str, etag: &str) -> Option<Extract> {
        let path = self.path(name)?;
        let mut text = String::new();
        GzDecoder::new(fs::File::open(path).ok()?)
            .read_to_string(&mut text)
            .ok()?;
        let file: File<Extract> = serde_json::from_str(&text).ok()?;
        let is_it = file.format == FORMAT && file.url == url && file.etag == etag;
        is_it.then_some(file.extract)
    }

    /// Keeps what the file at `url` says, in place of what was kept under `name`.
    pub(super) fn keep(&self, name: &str, url: &str, etag: &str, extract: &Extract) -> Result<()> {
        let (Some(folder), Some(path)) = (&self.folder, self.path(name)) else {
            return Ok(());
        };
        let file = File {
            format: FORMAT,
            url: url.to_owned(),
            etag: etag.to_owned(),
            extract,
        };
        write(folder, &path, &file).map_err(|cause| {
            Error::new(
                ErrorKind::Write,
                format!("cannot keep `{}`", path.display()),
            )
            .cause(cause)
        })
    }

    fn path(&self, name: &str) -> Option<PathBuf> {
        Some(self.folder.as_ref()?.join(format!("{name}.json.gz")))
    }
}

/// Writes beside the final name first, so that a file is whole or not there.
fn write(folder: &Path, path: &Path, file: &File<&Extract>) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let temporary = tempfile::NamedTempFile::new_in(folder)?;
    let mut encoder = GzEncoder::new(temporary, Compression::fast());
    serde_json::to_writer(&mut encoder, file)?;
    let mut temporary = encoder.finish()?;
    temporary.flush()?;
    temporary.persist(path).map_err(|error| error.error)?;
    Ok(())
}
