//! Parts as files below a local folder.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use super::RESTORE;
use crate::model::error::{Error, Kind, Result};

/// The parts of a table, in order.
pub(super) fn parts(root: &Path, table: &str) -> Result<Vec<String>> {
    let mut folders = vec![table.to_owned()];
    for key in ["account=", "region=", "month="] {
        let mut deeper = Vec::new();
        for folder in &folders {
            deeper.extend(
                children(root, folder)?
                    .into_iter()
                    .filter(|name| name.starts_with(key))
                    .map(|n| format!("{folder}/{n}")),
            );
        }
        folders = deeper;
    }
    let mut parts = Vec::new();
    for folder in &folders {
        let names = children(root, folder)?;
        parts.extend(
            names
                .into_iter()
                .filter(|name| name.ends_with(".parquet"))
                .map(|name| format!("{folder}/{name}")),
        );
    }
    parts.sort();
    Ok(parts)
}

/// The names of the files in a folder; none where it is none.
pub(super) fn files(root: &Path) -> Result<Vec<String>> {
    if !root.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = children(root, "")?;
    names.retain(|name| root.join(name).is_file());
    Ok(names)
}

fn children(root: &Path, folder: &str) -> Result<Vec<String>> {
    let path = root.join(folder);
    let unreadable =
        |cause| Error::new(Kind::Input, format!("cannot list `{}`", path.display())).cause(cause);
    let entries = match fs::read_dir(&path) {
        // Without a folder at all there is nothing to list; writing will tell why there cannot be one.
        Err(cause) if cause.kind() == io::ErrorKind::NotFound || !root.is_dir() => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(unreadable)?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(
            entry
                .map_err(unreadable)?
                .file_name()
                .to_string_lossy()
                .into_owned(),
        );
    }
    Ok(names)
}

/// The bytes of a part.
pub(super) fn read(root: &Path, part: &str) -> Result<Vec<u8>> {
    let path = root.join(part);
    fs::read(&path).map_err(|cause| unreadable(&path, cause))
}

/// The last `length` bytes of a part, all of them where there are fewer.
pub(super) fn read_tail(root: &Path, part: &str, length: u64) -> Result<Vec<u8>> {
    let path = root.join(part);
    let read = || {
        let mut file = fs::File::open(&path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(length)))?;
        let mut tail = Vec::new();
        file.read_to_end(&mut tail)?;
        Ok(tail)
    };
    read().map_err(|cause| unreadable(&path, cause))
}

fn unreadable(path: &Path, cause: io::Error) -> Error {
    let shown = path.display();
    let missing = cause.kind() == io::ErrorKind::NotFound;
    let message = if missing {
        format!("part `{shown}` is named by the coverage table but missing")
    } else {
        format!("cannot read part `{shown}`")
    };
    Error::new(Kind::Input, message).cause(cause).hint(RESTORE)
}

/// Writes beside, syncs, and renames.
pub(super) fn create(root: &Path, part: &str, bytes: &[u8]) -> Result<()> {
    place(&root.join(part), bytes).map_err(|cause| {
        Error::new(
            Kind::Write,
            format!("cannot write `{}`", root.join(part).display()),
        )
        .cause(cause)
    })
}

fn place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(".part-")
        .suffix(".tmp")
        .tempfile_in(folder)?;
    temporary.write_all(bytes)?;
    temporary.as_file().sync_all()?;
    temporary.persist(path)?;
    // The rename itself must survive a power cut, too.
    fs::File::open(folder)?.sync_all()
}

/// Tries a nameless file in the nearest folder that is there: it leaves nothing behind.
pub(super) fn check_writable(root: &Path) -> Result<()> {
    let nearest = root
        .ancestors()
        .find(|folder| folder.as_os_str().is_empty() || folder.exists());
    let nearest = nearest
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    tempfile::tempfile_in(nearest).map(drop).map_err(|cause| {
        Error::new(
            Kind::Write,
            format!("cannot write the dataset `{}`", root.display()),
        )
        .cause(cause)
        .hint("choose another folder for --dataset, or make this one writable")
    })
}
