//! Documents that are not lines: concatenated values, each handed over whole where it is short enough, else its known
//! lists element by element; what else stands in a long one is skipped.

use serde::de::IgnoredAny;

use super::bytes::broken;
use super::place::{Place, TOO_LONG, Take, Unreadable};
use super::scan::{Fault, Scanner};
use crate::model::error::{Error, ErrorKind, Result};

/// A value longer than this is read in pieces.
const LONGEST_WHOLE: usize = 4 << 20;
/// Lists within lists deeper than this are not AWS's.
const DEEPEST: u8 = 4;
/// A key longer than this is none that matters.
const LONGEST_KEY: usize = 1 << 10;
/// Keys under which AWS lists what it could not return.
pub(super) const MISSING: [&str; 2] = ["failures", "buildsNotFound"];
/// Keys whose lists hold records, or envelopes of records.
const LISTS: [&str; 9] = [
    "services",
    "tasks",
    "builds",
    "taskDefinitions",
    "events",
    "logEvents",
    "records",
    "Records",
    "Messages",
];

/// Calls `take` with every record of the documents in `scanner`.
pub(super) fn records(mut scanner: Scanner<'_>, name: &str, take: &mut Take<'_>) -> Result<()> {
    let mut walk = Walk {
        scanner: &mut scanner,
        take,
        record: 0,
        text: Vec::new(),
    };
    let walked = walk.all();
    walked.map_err(|stop| match stop {
        Stop::Error(error) => error,
        Stop::Fault(fault) => unreadable(name, &fault, scanner.lines + 1),
    })
}

/// Names the place but not the text: it might be a secret.
fn unreadable(name: &str, fault: &Fault, line: u64) -> Error {
    let what = match fault {
        Fault::Io(cause) => return broken(name, cause),
        Fault::Malformed => "is not valid JSON",
        Fault::EndsTooEarly => "is not valid JSON: it ends too early",
        Fault::TooDeep => "is nested deeper than 1,000 levels",
    };
    Error::new(ErrorKind::Input, format!("`{name}` {what}, at line {line}"))
        .hint("nothing of it was kept; mend the file or fetch it again")
}

enum Stop {
    Fault(Fault),
    Error(Error),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

struct Walk<'w, 'r, 't> {
    scanner: &'w mut Scanner<'r>,
    take: &'w mut Take<'t>,
    record: u64,
    /// Of the value at hand; kept for its room.
    text: Vec<u8>,
}

/// Whether to go on.
type Step = Result<bool, Stop>;

impl Walk<'_, '_, '_> {
    fn all(&mut self) -> Result<(), Stop> {
        while let Some(first) = self.scanner.next()? {
            let goes_on = if first == b'[' {
                self.list(0)?
            } else {
                self.value(0)?
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// One value: whole, or in pieces.
    fn value(&mut self, depth: u8) -> Step {
        let first = self.scanner.peek()?;
        let mut text = std::mem::take(&mut self.text);
        text.clear();
        if self.scanner.capture(&mut text, LONGEST_WHOLE)? {
            let step = self.hand_over(&text);
            self.text = text;
            return step;
        }
        drop(text);
        match first {
            b'[' if depth < DEEPEST => self.list(depth + 1),
            b'{' if depth < DEEPEST => self.object(depth + 1),
            _ => {
                self.scanner.skip()?;
                self.refuse()
            }
        }
    }

    fn list(&mut self, depth: u8) -> Step {
        self.scanner.expect(b'[')?;
        if self.scanner.peek()? == b']' {
            self.scanner.expect(b']')?;
            return Ok(true);
        }
        loop {
            if !self.value(depth)? {
                return Ok(false);
            }
            if self.scanner.peek()? == b']' {
                self.scanner.expect(b']')?;
                return Ok(true);
            }
            self.scanner.expect(b',')?;
        }
    }

    /// An object that is too long to be a record: its lists, and what AWS could not return.
    fn object(&mut self, depth: u8) -> Step {
        self.scanner.expect(b'{')?;
        let mut missing = Vec::new();
        let mut has_list = false;
        loop {
            let Some(key) = self.key()? else {
                self.scanner.skip()?;
                if self.is_last()? {
                    break;
                }
                continue;
            };
            if LISTS.contains(&key.as_str()) && self.scanner.peek()? == b'[' {
                has_list = true;
                if !self.list(depth)? {
                    return Ok(false);
                }
            } else if MISSING.contains(&key.as_str()) {
                self.keep(&key, &mut missing)?;
            } else {
                self.scanner.skip()?;
            }
            if self.is_last()? {
                break;
            }
        }
        if !missing.is_empty() {
            missing[0] = b'{';
            missing.push(b'}');
            return self.hand_over(&missing);
        }
        if has_list { Ok(true) } else { self.refuse() }
    }

    /// The next key of an object, and its colon; `None` for one that is too long to matter.
    fn key(&mut self) -> Result<Option<String>, Stop> {
        if self.scanner.peek()? != b'"' {
            return Err(Fault::Malformed.into());
        }
        let mut key = Vec::new();
        let is_short = self.scanner.capture(&mut key, LONGEST_KEY)?;
        if !is_short {
            self.scanner.skip()?;
        }
        self.scanner.expect(b':')?;
        if !is_short {
            return Ok(None);
        }
        serde_json::from_slice(&key)
            .map(Some)
            .map_err(|_| Fault::Malformed.into())
    }

    fn keep(&mut self, key: &str, kept: &mut Vec<u8>) -> Result<(), Stop> {
        let before = kept.len();
        kept.extend_from_slice(format!(",\"{key}\":").as_bytes());
        if !self.scanner.capture(kept, LONGEST_WHOLE)? {
            kept.truncate(before);
            self.scanner.skip()?;
        }
        Ok(())
    }

    /// Passes over what stands behind a member of an object; answers whether it was the last.
    fn is_last(&mut self) -> Result<bool, Stop> {
        if self.scanner.peek()? == b'}' {
            self.scanner.expect(b'}')?;
            return Ok(true);
        }
        self.scanner.expect(b',')?;
        Ok(false)
    }

    fn hand_over(&mut self, text: &[u8]) -> Step {
        let text = std::str::from_utf8(text).map_err(|_| Fault::Malformed)?;
        if serde_json::from_str::<IgnoredAny>(text).is_err() {
            return Err(Fault::Malformed.into());
        }
        self.record += 1;
        (self.take)(Ok((text, Place::Record(self.record)))).map_err(Stop::Error)
    }

    fn refuse(&mut self) -> Step {
        self.record += 1;
        let place = Place::Record(self.record);
        (self.take)(Err(Unreadable {
            reason: TOO_LONG,
            place,
        }))
        .map_err(Stop::Error)
    }
}
