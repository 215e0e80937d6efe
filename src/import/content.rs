//! Bytes → JSON values, one at a time: gzip or plain, lines or documents, never a whole file in memory.

use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;
use serde::de::{DeserializeSeed, Deserializer as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use crate::dataset::part::short_hash;
use crate::model::error::{Error, Kind, Result};

/// Rejection reason of text that is not JSON.
pub(super) const NOT_JSON: &str = "not valid JSON";
/// A first line longer than this is taken for the beginning of one document.
const LONGEST_FIRST_LINE: u64 = 4 << 20;
/// A line longer than this is rejected rather than held in memory.
const LONGEST_LINE: u64 = 64 << 20;
/// Keys under which AWS lists what it could not return.
pub(super) const MISSING: [&str; 2] = ["failures", "buildsNotFound"];
/// Keys whose arrays are read element by element, so that a document may be larger than memory.
const LISTS: [&str; 6] = [
    "services",
    "tasks",
    "builds",
    "taskDefinitions",
    "events",
    "logEvents",
];

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

/// Counts and hashes what passes through it.
pub(super) struct HashingReader<'a> {
    inner: Box<dyn Read + 'a>,
    hash: Sha256,
    progress: &'a dyn Fn(u64),
}

impl<'a> HashingReader<'a> {
    pub(super) fn new(inner: Box<dyn Read + 'a>, progress: &'a dyn Fn(u64)) -> Self {
        Self {
            inner,
            hash: Sha256::new(),
            progress,
        }
    }
}

impl Read for HashingReader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        (self.progress)(read as u64);
        Ok(read)
    }
}

/// The hash that names the content of a file.
pub(super) fn hash_file(path: &Path) -> io::Result<String> {
    let mut hash = Sha256::new();
    io::copy(&mut File::open(path)?, &mut hash)?;
    Ok(short_hash(hash))
}

/// Calls `take` with every JSON value of the content and returns the hash of its bytes.
pub(super) fn records(
    reader: HashingReader<'_>,
    name: &str,
    take: &mut Take<'_>,
) -> Result<String> {
    let mut reader = BufReader::with_capacity(1 << 18, reader);
    let gzipped = reader
        .fill_buf()
        .map_err(|cause| broken(name, cause))?
        .starts_with(&[0x1f, 0x8b]);
    if gzipped {
        let mut unzipped = BufReader::with_capacity(1 << 18, MultiGzDecoder::new(reader));
        values(&mut unzipped, name, take)?;
        reader = unzipped.into_inner().into_inner();
    } else {
        values(&mut reader, name, take)?;
    }
    io::copy(&mut reader, &mut io::sink()).map_err(|cause| broken(name, cause))?;
    Ok(short_hash(reader.into_inner().hash))
}

fn broken(name: &str, cause: io::Error) -> Error {
    let what = match cause.kind() {
        io::ErrorKind::UnexpectedEof => "is cut off: the gzip stream ends too early",
        io::ErrorKind::InvalidInput | io::ErrorKind::InvalidData => {
            "is damaged: its gzip stream does not decode"
        }
        _ => "cannot be read",
    };
    Error::new(Kind::Input, format!("`{name}` {what}"))
        .cause(cause)
        .hint("nothing of it was kept; fetch the file again")
}

fn values(reader: &mut dyn BufRead, name: &str, take: &mut Take<'_>) -> Result<()> {
    let mut first = Vec::new();
    let mut before = 0;
    while first.trim_ascii().is_empty() {
        first.clear();
        if reader
            .take(LONGEST_FIRST_LINE)
            .read_until(b'\n', &mut first)
            .map_err(|cause| broken(name, cause))?
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
    let is_cut = first.len() as u64 >= LONGEST_FIRST_LINE && !first.ends_with(b"\n");
    let is_document =
        is_cut || serde_json::from_slice::<IgnoredAny>(&first).is_err_and(|error| error.is_eof());
    if is_document {
        document(&mut first.as_slice().chain(reader), name, take)
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
        match reader.take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) => return Ok(()),
            Ok(read) if read as u64 >= LONGEST_LINE && !line.ends_with(b"\n") => {
                line.clear();
                skip_line(reader).map_err(|cause| broken(name, cause))?;
                if !take(Err(Unreadable {
                    reason: "line longer than 64 MiB",
                    place: Place::Line(number),
                }))? {
                    return Ok(());
                }
            }
            Ok(_) => {}
            Err(cause) => return Err(broken(name, cause)),
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
            reason: "not UTF-8 text",
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

/// Concatenated documents: arrays element by element, objects with a known list element by element, others whole.
fn document(reader: &mut dyn Read, name: &str, take: &mut Take<'_>) -> Result<()> {
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut walk = Walk {
        take,
        record: 0,
        stopped: None,
    };
    loop {
        let step = (&mut json).deserialize_any(&mut walk);
        if let Some(stopped) = walk.stopped.take() {
            return stopped;
        }
        if let Err(error) = step {
            return Err(not_json(name, &error));
        }
        match json.end() {
            Ok(()) => return Ok(()),
            Err(error) if error.is_io() => return Err(not_json(name, &error)),
            Err(_) => {}
        }
    }
}

/// Names the place but not the text: it might be a secret.
fn not_json(name: &str, error: &serde_json::Error) -> Error {
    let what = if error.is_io() {
        "is cut off or damaged"
    } else if error.is_eof() {
        "is not valid JSON: it ends too early"
    } else {
        "is not valid JSON"
    };
    let place = format!("line {}, column {}", error.line(), error.column());
    Error::new(Kind::Input, format!("`{name}` {what}, at {place}"))
        .hint("nothing of it was kept; mend the file or fetch it again")
}

struct Walk<'t, 'a> {
    take: &'t mut Take<'a>,
    record: u64,
    stopped: Option<Result<()>>,
}

impl Walk<'_, '_> {
    /// Hands over one record; an error here only unwinds the parser, `stopped` tells the truth.
    fn hand_over<E: serde::de::Error>(&mut self, text: &str) -> Result<(), E> {
        self.record += 1;
        let stopped = match (self.take)(Ok((text, Place::Record(self.record)))) {
            Ok(true) => return Ok(()),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        self.stopped = Some(stopped);
        Err(E::custom("stopped"))
    }
}

impl<'de> Visitor<'de> for &mut Walk<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array or an object")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<Box<RawValue>>()? {
            self.hand_over(element.get())?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let mut rest = serde_json::Map::new();
        let mut lists = 0;
        while let Some(key) = entries.next_key::<String>()? {
            if LISTS.contains(&key.as_str()) {
                lists += usize::from(entries.next_value_seed(List(self))?);
            } else {
                rest.insert(key, entries.next_value()?);
            }
        }
        // What AWS could not return stands beside a list; an object without a list is a record of its own.
        if lists > 0 && !rest.contains_key("serviceArn") {
            rest.retain(|key, _| MISSING.contains(&key.as_str()));
        }
        if !rest.is_empty() || lists == 0 {
            self.hand_over(&serde_json::Value::Object(rest).to_string())?;
        }
        Ok(())
    }
}

/// Reads a list element by element; answers whether it was one.
struct List<'w, 't, 'a>(&'w mut Walk<'t, 'a>);

impl<'de> DeserializeSeed<'de> for List<'_, '_, '_> {
    type Value = bool;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<bool, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_, '_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, elements: A) -> Result<bool, A::Error> {
        self.0.visit_seq(elements).map(|()| true)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<bool, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(false)
    }

    fn visit_str<E: serde::de::Error>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<bool, E> {
        Ok(false)
    }
}
