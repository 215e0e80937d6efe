//! The bytes of a file: hashed and counted as they pass, expanded within reason, and what is said where they do not come.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::model::error::{Error, ErrorKind};
use crate::model::hash::short_hash;

/// Content may expand this much, whatever it came from,
const FREE_EXPANSION: u64 = 256 << 20;
/// and beyond that to no more than this many times its size: logs of AWS expand twenty- to sixtyfold.
const MOST_EXPANSION: u64 = 250;

/// Counts and hashes what passes through it.
pub(super) struct HashingReader<'a> {
    inner: Box<dyn Read + 'a>,
    hash: Sha256,
    passed: Rc<Cell<u64>>,
    progress: &'a dyn Fn(u64),
}

impl<'a> HashingReader<'a> {
    pub(super) fn new(inner: Box<dyn Read + 'a>, progress: &'a dyn Fn(u64)) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            passed: Rc::default(),
            progress,
        }
    }

    /// How many bytes passed, now and later.
    pub(super) fn passed(&self) -> Rc<Cell<u64>> {
        self.passed.clone()
    }

    /// The hash that names what passed.
    pub(super) fn hash(self) -> String {
        short_hash(self.hash)
    }
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.passed.set(self.passed.get() + read as u64);
        (self.progress)(read as u64);
        Ok(read)
    }
}

/// What the gzip stream `bytes` expands to, as long as that is in proportion to the bytes `read` of it so far.
pub(super) fn unzipped<R: BufRead>(bytes: R, read: Rc<Cell<u64>>) -> impl Read {
    Expanding {
        inner: MultiGzDecoder::new(bytes),
        packed: read,
        expanded: 0,
    }
}

/// Ends when what comes out is out of all proportion to what went in.
struct Expanding<R> {
    inner: R,
    packed: Rc<Cell<u64>>,
    expanded: u64,
}

impl<R: Read> Read for Expanding<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.expanded += read as u64;
        let most = self.packed.get().saturating_mul(MOST_EXPANSION);
        if self.expanded > FREE_EXPANSION.max(most) {
            return Err(io::Error::other(Bomb));
        }
        Ok(read)
    }
}

/// Content that expands too much.
#[derive(Debug)]
struct Bomb;

impl fmt::Display for Bomb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "more than {} MiB, and more than {MOST_EXPANSION} times what it is packed",
            FREE_EXPANSION >> 20
        )
    }
}

impl std::error::Error for Bomb {}

/// The hash that names the content of a file.
pub(super) fn hash_file(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(short_hash(hash))
}

/// The error of bytes that do not come, or do not decode.
pub(super) fn broken(name: &str, cause: &io::Error) -> Error {
    let is_bomb = matches!(cause.get_ref(), Some(inner) if inner.is::<Bomb>());
    let what = match cause.kind() {
        _ if is_bomb => "expands out of all proportion",
        io::ErrorKind::UnexpectedEof => "is cut off: the gzip stream ends too early",
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            "is damaged: its gzip stream does not decode"
        }
        _ => "cannot be read",
    };
    let hint = if is_bomb {
        "nothing of it was kept; if it is what it should be, unpack it and import the unpacked file"
    } else {
        "nothing of it was kept; fetch the file again"
    };
    Error::new(ErrorKind::Input, format!("`{name}` {what}"))
        .cause(cause.to_string())
        .hint(hint)
}
