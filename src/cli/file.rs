//! Output files: refused before the work where they cannot be written. Regular files are replaced whole or not at all,
//! behind symbolic links and with the mode they have; devices, pipes and sockets are written through.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::model::error::{Error, ErrorKind, Result};

/// As many symbolic links as Linux follows.
const MOST_LINKS: usize = 40;

/// Where the bytes go.
enum Target {
    /// A regular file, there or not, at this place behind all links.
    Regular(PathBuf, Option<Metadata>),
    /// Something that takes bytes, and stays what it is.
    Stream(PathBuf),
}

/// True for the names of standard output: `-`, and those by which a shell passes it on. What stands behind them may be
/// another user's, or a file that is being appended to, so they are not opened.
pub(super) fn is_stdout(path: &Path) -> bool {
    ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"]
        .iter()
        .any(|name| path.as_os_str() == *name)
}

/// Refuses a file that cannot be written.
pub(super) fn check(path: &Path) -> Result<()> {
    let refuse = |why: &str| {
        Err(Error::new(
            ErrorKind::Write,
            format!("cannot write `{}`: {why}", path.display()),
        )
        .hint("choose another file"))
    };
    let (file, is_there) = match target(path) {
        Ok(Target::Regular(file, metadata)) => (file, metadata.is_some()),
        // To open a pipe is to be its writer: that is done once.
        Ok(Target::Stream(_)) => return Ok(()),
        Err(cause) => return refuse(&cause.to_string()),
    };
    if !folder_of(&file).is_dir() {
        return refuse("its folder does not exist");
    }
    let writable = beside(&file).map(drop).and_then(|()| {
        if is_there {
            OpenOptions::new().write(true).open(&file).map(drop)
        } else {
            Ok(())
        }
    });
    writable.or_else(|cause| refuse(&cause.to_string()))
}

/// Writes `content`: whole or not at all where `path` is a regular file.
pub(super) fn write(path: &Path, content: impl AsRef<[u8]>) -> Result<()> {
    let written = target(path).and_then(|target| match target {
        Target::Regular(file, metadata) => replace(&file, metadata.as_ref(), content.as_ref()),
        Target::Stream(stream) => write_through(&stream, content.as_ref()),
    });
    written.map_err(|cause| {
        Error::new(
            ErrorKind::Write,
            format!("cannot write `{}`", path.display()),
        )
        .cause(cause)
    })
}

fn target(path: &Path) -> io::Result<Target> {
    match fs::metadata(path) {
        Ok(found) if found.is_dir() => Err(io::Error::other("it is a folder")),
        Ok(found) if !found.is_file() || is_descriptor(path) => Ok(Target::Stream(path.to_owned())),
        Ok(found) => Ok(Target::Regular(behind_links(path)?, Some(found))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            Ok(Target::Regular(behind_links(path)?, None))
        }
        Err(cause) => Err(cause),
    }
}

/// True for an open file that the caller passes on by its number; it may be shared with other writers.
fn is_descriptor(path: &Path) -> bool {
    ["/dev/stderr", "/dev/fd", "/proc"]
        .iter()
        .any(|place| path.starts_with(place))
}

fn behind_links(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MOST_LINKS {
        match fs::read_link(&path) {
            Ok(target) => path = folder_of(&path).join(target),
            Err(_) => return Ok(path),
        }
    }
    Err(io::Error::other("too many symbolic links"))
}

fn replace(file: &Path, before: Option<&Metadata>, content: &[u8]) -> io::Result<()> {
    let mut new = beside(file)?;
    if let Some(before) = before {
        keep_owner(new.as_file(), before);
        new.as_file().set_permissions(before.permissions())?;
    }
    new.write_all(content)?;
    new.as_file().sync_all()?;
    new.persist(file).map(drop).map_err(|error| error.error)
}

/// A temporary file that can be renamed to `file`, with the mode that a new file gets here.
fn beside(file: &Path) -> io::Result<NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    builder.prefix(".plimsoll-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder_of(file))
}

/// Where it may be done: only root gives files away.
#[cfg(unix)]
fn keep_owner(file: &File, before: &Metadata) {
    use std::os::unix::fs::{MetadataExt, fchown};
    let _ = fchown(file, Some(before.uid()), Some(before.gid()));
}

#[cfg(not(unix))]
fn keep_owner(_: &File, _: &Metadata) {}

fn write_through(stream: &Path, content: &[u8]) -> io::Result<()> {
    // Behind a passed descriptor there may be a regular file: what it holds stays.
    let mut stream = OpenOptions::new().append(true).open(stream)?;
    stream.write_all(content)?;
    stream.flush()
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}
