//! Which files are to be imported: those that are named, and those found below named folders.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::dataset::Dataset;
use crate::model::error::{Error, ErrorKind, Result};

/// A file to import: a named one must have a known shape, a found one may be skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Input {
    /// Where it is; `None` is standard input.
    pub path: Option<PathBuf>,
    /// Named by the user, rather than found in a folder.
    pub named: bool,
    /// A file that can be read more than once, unlike a pipe.
    pub is_regular: bool,
    /// Its size, where known.
    pub bytes: u64,
}

/// The files behind `paths`: `-` is standard input, a folder stands for every file below it, in order, but for the
/// parts of `dataset` itself. A folder that is reached again, by a symbolic link, is not looked at again.
pub fn inputs(paths: &[PathBuf], dataset: &Dataset) -> Result<Vec<Input>> {
    let mut search = Search {
        found: Vec::new(),
        seen: own_folders(dataset),
    };
    for path in paths {
        if path.as_os_str() == "-" {
            search.found.push(Input {
                path: None,
                named: true,
                is_regular: false,
                bytes: 0,
            });
            continue;
        }
        let metadata = fs::metadata(path).map_err(|cause| {
            Error::new(
                ErrorKind::Usage,
                format!("cannot read `{}`", path.display()),
            )
            .cause(cause)
            .hint("name a file or folder of AWS output, or `-` for standard input")
        })?;
        if metadata.is_dir() {
            search.walk(path)?;
        } else {
            search.found.push(Input {
                path: Some(path.clone()),
                named: true,
                is_regular: metadata.is_file(),
                bytes: metadata.len(),
            });
        }
    }
    Ok(search.found)
}

/// The folders of the dataset's tables, as far as they are there.
fn own_folders(dataset: &Dataset) -> BTreeSet<PathBuf> {
    let folders = dataset.folders().into_iter();
    folders
        .filter_map(|folder| fs::canonicalize(folder).ok())
        .collect()
}

struct Search {
    found: Vec<Input>,
    /// Folders not to be looked at, or not again, behind all links.
    seen: BTreeSet<PathBuf>,
}

impl Search {
    fn walk(&mut self, folder: &Path) -> Result<()> {
        let unreadable = |cause| {
            Error::new(
                ErrorKind::Usage,
                format!("cannot list `{}`", folder.display()),
            )
            .cause(cause)
        };
        if !self
            .seen
            .insert(fs::canonicalize(folder).map_err(unreadable)?)
        {
            return Ok(());
        }
        let mut entries: Vec<PathBuf> = fs::read_dir(folder)
            .map_err(unreadable)?
            .map(|entry| entry.map(|e| e.path()))
            .collect::<io::Result<_>>()
            .map_err(unreadable)?;
        entries.sort();
        for path in entries {
            let hidden = path
                .file_name()
                .is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
            match fs::metadata(&path) {
                _ if hidden => {}
                Ok(metadata) if metadata.is_dir() => self.walk(&path)?,
                Ok(metadata) if metadata.is_file() => self.found.push(Input {
                    path: Some(path),
                    named: false,
                    is_regular: true,
                    bytes: metadata.len(),
                }),
                _ => {}
            }
        }
        Ok(())
    }
}
