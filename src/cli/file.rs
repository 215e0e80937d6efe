//! Output files: refused before the work where they cannot be written, and written whole or not at all.

use std::fs::File;
use std::io::Write;
use std::path::Path;

use crate::model::error::{Error, Kind, Result};

/// Refuses a file that cannot be written.
pub(super) fn check(path: &Path) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::new(
            Kind::Write,
            format!("cannot write `{}`: {why}", path.display()),
        )
        .hint("choose another file"))
    };
    if path.is_dir() {
        return refuse("it is a folder");
    }
    if !folder_of(path).is_dir() {
        return refuse("its folder does not exist");
    }
    match tempfile::NamedTempFile::new_in(folder_of(path)) {
        Ok(_) => Ok(()),
        Err(cause) => refuse(&cause.to_string()),
    }
}

/// Writes `content` whole or not at all.
pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    write_with(path, |file| {
        file.write_all(content.as_ref())
            .map_err(|cause| unwritable(path, cause))
    })
}

/// Writes what `fill` puts into the file, whole or not at all.
pub(super) fn write_with(path: &Path, fill: impl FnOnce(&mut File) -> Result<()>) -> Result<()> {
    let failed = |cause| unwritable(path, cause);
    let mut temporary = tempfile::NamedTempFile::new_in(folder_of(path)).map_err(failed)?;
    fill(temporary.as_file_mut())?;
    temporary.as_file().sync_all().map_err(failed)?;
    temporary
        .persist(path)
        .map(drop)
        .map_err(|error| failed(error.error))
}

fn unwritable(path: &Path, cause: std::io::Error) -> Error {
    Error::new(Kind::Write, format!("cannot write `{}`", path.display())).cause(cause)
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
