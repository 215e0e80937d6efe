//! Bytes → JSON values, one at a time: gzip or plain, UTF-8 or UTF-16, lines or documents, never a whole file in
//! memory.

use std::io::{self, BufRead, BufReader, Read};

use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::bytes::{HashingReader, broken, unzipped};
use super::place::{LONG_LINE, NOT_JSON, NOT_UTF8, Place, Take, Unreadable};
use super::scan::Scanner;
use super::utf16::Utf16;
use super::{document, foreign};
use crate::model::error::Result;

/// A first line longer than this is taken for the beginning of one document.
const LONGEST_FIRST_LINE: u64 = 4 << 20;
/// A line longer than this is rejected rather than held in memory.
pub(super) const LONGEST_LINE: u64 = 16 << 20;
/// What a file begins with, to know it by.
const BEGINNING: usize = 512;

/// What a file was, when it is read.
#[derive(Debug)]
pub(super) struct Content {
    /// Of its bytes.
    pub(super) hash: String,
    /// What it is, where it is no text.
    pub(super) foreign: Option<&'static str>,
}

/// Calls `take` with every JSON value of the content, which is read to its end whatever becomes of them.
pub(super) fn records(
    reader: HashingReader<'_>,
    name: &str,
    take: &mut Take<'_>,
) -> Result<Content> {
    let unread = |cause| broken(name, &cause);
    let packed = reader.passed();
    let mut reader = BufReader::with_capacity(1 << 18, reader);
    let mut begin = Vec::new();
    (&mut reader)
        .take(BEGINNING as u64)
        .read_to_end(&mut begin)
        .map_err(unread)?;
    let mut whole = begin.as_slice().chain(&mut reader);
    let foreign = if whole.get_ref().0.starts_with(&[0x1f, 0x8b]) {
        let unzipped = unzipped(whole, packed);
        text(&mut BufReader::with_capacity(1 << 18, unzipped), name, take)?
    } else {
        text(&mut whole, name, take)?
    };
    io::copy(&mut reader, &mut io::sink()).map_err(unread)?;
    Ok(Content {
        hash: reader.into_inner().hash(),
        foreign,
    })
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
