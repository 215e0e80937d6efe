//! Parts as files below a local folder.

use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;
use std::time::Duration;

use super::{RESTORE, is_part};
use crate::dataset::Table;
use crate::model::error::{Error, ErrorKind, Result};

/// What the names of temporary files begin and end with.
const TEMPORARY: (&str, &str) = (".part-", ".tmp");
/// No writer works on one part for so long.
const LONGEST_WRITE: Duration = Duration::from_hours(24);

/// The parts of a table, in order.
pub(super) fn parts(root: &Path, table: &str) -> Result<Vec<String>> {
    let mut parts = Vec::new();
    for folder in &months(root, table)? {
        let names = children(root, folder)?;
        parts.extend(
            names
                .into_iter()
                .map(|name| format!("{folder}/{name}"))
                .filter(|part| is_part(part, table)),
        );
    }
    parts.sort();
    Ok(parts)
}

/// The folders of a table in which parts may be.
fn months(root: &Path, table: &str) -> Result<Vec<String>> {
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
    Ok(folders)
}

/// Removes temporary files that no living writer can be at work on.
pub(super) fn tidy(root: &Path) {
    let tables = Table::ALL.iter();
    let folders = tables.filter_map(|table| months(root, table.name()).ok());
    for folder in folders.flatten() {
        for name in children(root, &folder).unwrap_or_default() {
            let path = root.join(&folder).join(&name);
            if name.starts_with(TEMPORARY.0) && name.ends_with(TEMPORARY.1) && is_old(&path) {
                // Another writer may have been faster.
                let _ = fs::remove_file(path);
            }
        }
    }
}

fn is_old(path: &Path) -> bool {
    let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
    changed.is_ok_and(|changed| changed.elapsed().is_ok_and(|since| since > LONGEST_WRITE))
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
    #[cfg(test)]
    super::steps::step()?;
    let path = root.join(folder);
    let unreadable = |cause| {
        Error::new(
            ErrorKind::Input,
            format!("cannot list `{}`", path.display()),
        )
        .cause(cause)
    };
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
    #[cfg(test)]
    super::steps::step()?;
    let path = root.join(part);
    regular(&path).map_err(|cause| unreadable(&path, cause))
}

/// The last `length` bytes of a part, all of them where there are fewer.
pub(super) fn read_tail(root: &Path, part: &str, length: u64) -> Result<Vec<u8>> {
    #[cfg(test)]
    super::steps::step()?;
    let path = root.join(part);
    let read = || {
        let mut file = open_regular(&path)?;
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
    Error::new(ErrorKind::Input, message)
        .cause(cause)
        .hint(RESTORE)
}

/// The bytes of a regular file: a pipe in the place of a part would keep its reader waiting.
fn regular(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open_regular(path)?.read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn open_regular(path: &Path) -> io::Result<fs::File> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    fs::File::open(path)
}

/// Writes beside, syncs, and renames.
pub(super) fn create(root: &Path, part: &str, bytes: &[u8]) -> Result<()> {
    #[cfg(test)]
    super::steps::step()?;
    place(&root.join(part), bytes).map_err(|cause| {
        Error::new(
            ErrorKind::Write,
            format!("cannot write `{}`", root.join(part).display()),
        )
        .cause(cause)
    })
}

fn place(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    fs::create_dir_all(folder)?;
    let mut temporary = tempfile::Builder::new()
        .prefix(TEMPORARY.0)
        .suffix(TEMPORARY.1)
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
            ErrorKind::Write,
            format!("cannot write the dataset `{}`", root.display()),
        )
        .cause(cause)
        .hint("choose another folder for --dataset, or make this one writable")
    })
}
