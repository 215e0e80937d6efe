//! Bytes → JSON values, one at a time: gzip or plain, UTF-8 or UTF-16, lines or documents, never a whole file in
//! memory.

use std::cell::Cell;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::scan::Scanner;
use super::utf16::Utf16;
use super::{document, foreign};
use crate::dataset::part::short_hash;
use crate::model::error::{Error, Kind, Result};

/// Rejection reason of text that is not JSON.
pub(super) const NOT_JSON: &str = "not valid JSON";
/// Rejection reason of bytes that are no text.
pub(super) const NOT_UTF8: &str = "not UTF-8 text";
/// Rejection reason of a line that is not held in memory.
pub(super) const LONG_LINE: &str = "line longer than 16 MiB";
/// Rejection reason of a record that is not held in memory.
pub(super) const TOO_LONG: &str = "record longer than AWS writes any";
/// A first line longer than this is taken for the beginning of one document.
const LONGEST_FIRST_LINE: u64 = 4 << 20;
/// A line longer than this is rejected rather than held in memory.
pub(super) const LONGEST_LINE: u64 = 16 << 20;
/// What a file begins with, to know it by.
const BEGINNING: usize = 512;
/// Content may expand this much, whatever it came from,
const FREE_EXPANSION: u64 = 256 << 20;
/// and beyond that to no more than this many times its size: logs of AWS expand twenty- to sixtyfold.
const MOST_EXPANSION: u64 = 250;

/// Where in a file a record stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// Line number, from 1.
    Line(u64),
    /// Record number in a document, from 1.
    Record(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(line) => write!(f, "line {line}"),
            Self::Record(record) => write!(f, "record {record}"),
        }
    }
}

/// A stretch of a file that is no record.
#[derive(Debug)]
pub(super) struct Unreadable {
    pub(super) reason: &'static str,
    pub(super) place: Place,
}

/// What [`records`] hands over: the text of a JSON value and its place. Answers whether to go on.
pub(super) type Take<'a> = dyn FnMut(Result<(&str, Place), Unreadable>) -> Result<bool> + 'a;

/// What a file was, when it is read.
#[derive(Debug)]
pub(super) struct Content {
    /// Of its bytes.
    pub(super) hash: String,
    /// What it is, where it is no text.
    pub(super) foreign: Option<&'static str>,
}

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

/// Calls `take` with every JSON value of the content, which is read to its end whatever becomes of them.
pub(super) fn records(
    reader: HashingReader<'_>,
    name: &str,
    take: &mut Take<'_>,
) -> Result<Content> {
    let unread = |cause| broken(name, &cause);
    let packed = reader.passed.clone();
    let mut reader = BufReader::with_capacity(1 << 18, reader);
    let mut begin = Vec::new();
    (&mut reader)
        .take(BEGINNING as u64)
        .read_to_end(&mut begin)
        .map_err(unread)?;
    let mut whole = begin.as_slice().chain(&mut reader);
    let foreign = if whole.get_ref().0.starts_with(&[0x1f, 0x8b]) {
        let unzipped = Expanding {
            inner: MultiGzDecoder::new(whole),
            packed,
            expanded: 0,
        };
        text(&mut BufReader::with_capacity(1 << 18, unzipped), name, take)?
    } else {
        text(&mut whole, name, take)?
    };
    io::copy(&mut reader, &mut io::sink()).map_err(unread)?;
    Ok(Content {
        hash: short_hash(reader.into_inner().hash),
        foreign,
    })
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
    Error::new(Kind::Input, format!("`{name}` {what}"))
        .cause(cause.to_string())
        .hint(hint)
}

/// Reads text, in whatever encoding; answers what it is where it is none.
fn text(reader: &mut dyn BufRead, name: &str, take: &mut Take<'_>) -> Result<Option<&'static str>> {
    let begin = reader.fill_buf().map_err(|cause| broken(name, &cause))?;
    if let Some(kind) = foreign::kind(&begin[..begin.len().min(BEGINNING)]) {
        return Ok(Some(kind));
    }
    match *begin {
        [first @ (0xfe | 0xff), second @ (0xfe | 0xff), ..] if first != second => {
            let decoded = Utf16::behind([first, second], reader);
            let decoded = decoded.map_err(|cause| broken(name, &cause))?;
            values(&mut BufReader::with_capacity(1 << 18, decoded), name, take)?;
        }
        _ => values(reader, name, take)?,
    }
    Ok(None)
}

fn values(reader: &mut dyn BufRead, name: &str, take: &mut Take<'_>) -> Result<()> {
    let mut first = Vec::new();
    let mut before = 0;
    while first.trim_ascii().is_empty() {
        first.clear();
        if (&mut *reader)
            .take(LONGEST_FIRST_LINE)
            .read_until(b'\n', &mut first)
            .map_err(|cause| broken(name, &cause))?
            == 0
        {
            return Ok(());
        }
        before += 1;
    }
    if first.starts_with(b"\xef\xbb\xbf") {
        first.drain(..3);
    }
    // A first line without an end is one huge document, or values that stand on one line without a break.
    let is_cut = first.len() as u64 >= LONGEST_FIRST_LINE - 3 && !first.ends_with(b"\n");
    let is_document =
        is_cut || serde_json::from_slice::<IgnoredAny>(&first).is_err_and(|error| error.is_eof());
    if is_document {
        let mut whole = first.as_slice().chain(reader);
        document::records(Scanner::new(&mut whole), name, take)
    } else {
        lines(first, before, reader, name, take)
    }
}

fn lines(
    mut line: Vec<u8>,
    mut number: u64,
    reader: &mut dyn BufRead,
    name: &str,
    take: &mut Take<'_>,
) -> Result<()> {
    loop {
        if !line.trim_ascii().is_empty() && !one_line(&line, Place::Line(number), take)? {
            return Ok(());
        }
        line.clear();
        number += 1;
        match (&mut *reader)
            .take(LONGEST_LINE)
            .read_until(b'\n', &mut line)
        {
            Ok(0) => return Ok(()),
            Ok(read) if read as u64 >= LONGEST_LINE && !line.ends_with(b"\n") => {
                line.clear();
                skip_line(reader).map_err(|cause| broken(name, &cause))?;
                if !take(Err(Unreadable {
                    reason: LONG_LINE,
                    place: Place::Line(number),
                }))? {
                    return Ok(());
                }
            }
            Ok(_) => {}
            Err(cause) => return Err(broken(name, &cause)),
        }
    }
}

fn skip_line(reader: &mut dyn BufRead) -> io::Result<()> {
    loop {
        let buffer = reader.fill_buf()?;
        let end = buffer.iter().position(|&byte| byte == b'\n');
        let used = end.map_or(buffer.len(), |end| end + 1);
        let is_over = end.is_some() || buffer.is_empty();
        reader.consume(used);
        if is_over {
            return Ok(());
        }
    }
}

/// A line holds one value, several without a break between them (as Firehose writes them), or a value behind the
/// time that CloudWatch Logs puts in front when it exports.
fn one_line(line: &[u8], place: Place, take: &mut Take<'_>) -> Result<bool> {
    let Ok(text) = std::str::from_utf8(line) else {
        return take(Err(Unreadable {
            reason: NOT_UTF8,
            place,
        }));
    };
    for value in
        serde_json::Deserializer::from_str(behind_export_time(text.trim())).into_iter::<&RawValue>()
    {
        let go_on = match value {
            Ok(value) => take(Ok((value.get(), place)))?,
            Err(_) => take(Err(Unreadable {
                reason: NOT_JSON,
                place,
            }))?,
        };
        if !go_on {
            return Ok(false);
        }
    }
    Ok(true)
}

fn behind_export_time(text: &str) -> &str {
    match text.split_once(' ') {
        Some((time, rest)) if time.parse::<jiff::Timestamp>().is_ok() => rest.trim_start(),
        _ => text,
    }
}
