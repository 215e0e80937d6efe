//! JSON documents of any size, cut into records: of each value only as much is held as a record may be long.
//!
//! What is cut out is checked by the parser that reads it; what is skipped is only followed from bracket to bracket.

use std::io::{self, BufRead};

/// Brackets within brackets deeper than this are no output of AWS.
const DEEPEST: usize = 1_000;

/// Why a document cannot be read on.
#[derive(Debug)]
pub(super) enum Fault {
    /// The bytes do not come.
    Io(io::Error),
    /// It is not JSON.
    Malformed,
    /// It ends within a value.
    EndsTooEarly,
    /// It is nested deeper than [`DEEPEST`].
    TooDeep,
}

impl From<io::Error> for Fault {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

/// A reader that knows where values begin and end, and that can be given back what was taken too early.
pub(super) struct Scanner<'r> {
    reader: &'r mut dyn BufRead,
    /// Given back; comes before what the reader still has.
    pending: Vec<u8>,
    /// How much of it was taken again.
    taken: usize,
    /// Line breaks passed.
    pub(super) lines: u64,
}

impl<'r> Scanner<'r> {
    pub(super) fn new(reader: &'r mut dyn BufRead) -> Self {
        Self {
            reader,
            pending: Vec::new(),
            taken: 0,
            lines: 0,
        }
    }

    fn window(&mut self) -> io::Result<&[u8]> {
        if self.taken < self.pending.len() {
            return Ok(&self.pending[self.taken..]);
        }
        loop {
            match self.reader.fill_buf() {
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => return Err(cause),
                Ok(_) => break,
            }
        }
        self.reader.fill_buf()
    }

    /// Passes over the first `count` bytes of the window, which hold `breaks` line breaks.
    fn pass(&mut self, count: usize, breaks: u64) {
        self.lines += breaks;
        if self.taken < self.pending.len() {
            self.taken += count;
        } else {
            self.reader.consume(count);
        }
    }

    /// The next byte that is not blank, left where it is; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<u8>, Fault> {
        loop {
            let window = self.window()?;
            if window.is_empty() {
                return Ok(None);
            }
            let blank = window
                .iter()
                .position(|byte| !matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
            let next = blank.map(|at| window[at]);
            let passed = blank.unwrap_or(window.len());
            let breaks = line_breaks(&window[..passed]);
            self.pass(passed, breaks);
            if next.is_some() {
                return Ok(next);
            }
        }
    }

    /// The next byte that is not blank, where there must be one.
    pub(super) fn peek(&mut self) -> Result<u8, Fault> {
        self.next()?.ok_or(Fault::EndsTooEarly)
    }

    /// Passes over `byte`, which must be the next one that is not blank.
    pub(super) fn expect(&mut self, byte: u8) -> Result<(), Fault> {
        if self.peek()? != byte {
            return Err(Fault::Malformed);
        }
        self.pass(1, 0);
        Ok(())
    }

    /// Appends the next value to `kept` and passes over it. A value that would make `kept` longer than `limit` is
    /// left where it is, and the answer is false.
    pub(super) fn capture(&mut self, kept: &mut Vec<u8>, limit: usize) -> Result<bool, Fault> {
        let before = kept.len();
        let lines = self.lines;
        let mut nesting = Nesting::default();
        self.peek()?;
        loop {
            let window = self.window()?;
            if window.is_empty() {
                nesting.end()?;
                return Ok(true);
            }
            let (used, is_over) = nesting.follow(window)?;
            if kept.len() + used > limit {
                self.give_back(&kept[before..]);
                self.lines = lines;
                kept.truncate(before);
                return Ok(false);
            }
            kept.extend_from_slice(&window[..used]);
            let breaks = line_breaks(&window[..used]);
            self.pass(used, breaks);
            if is_over {
                return Ok(true);
            }
        }
    }

    /// Passes over the next value, whatever its length.
    pub(super) fn skip(&mut self) -> Result<(), Fault> {
        let mut nesting = Nesting::default();
        self.peek()?;
        loop {
            let window = self.window()?;
            if window.is_empty() {
                return nesting.end();
            }
            let (used, is_over) = nesting.follow(window)?;
            let breaks = line_breaks(&window[..used]);
            self.pass(used, breaks);
            if is_over {
                return Ok(());
            }
        }
    }

    fn give_back(&mut self, bytes: &[u8]) {
        self.pending.drain(..self.taken);
        self.taken = 0;
        self.pending.splice(..0, bytes.iter().copied());
    }
}

fn line_breaks(bytes: &[u8]) -> u64 {
    let breaks = bytes.split(|byte| *byte == b'\n').count() - 1;
    breaks as u64
}

/// Where in a value the scanner is.
#[derive(Default)]
struct Nesting {
    /// The brackets that are open.
    open: Vec<u8>,
    in_text: bool,
    is_escaped: bool,
    has_begun: bool,
}

impl Nesting {
    /// Follows the value through `bytes`: how many of them belong to it, and whether it is over.
    fn follow(&mut self, bytes: &[u8]) -> Result<(usize, bool), Fault> {
        for (at, &byte) in bytes.iter().enumerate() {
            if self.in_text {
                match byte {
                    _ if self.is_escaped => self.is_escaped = false,
                    b'\\' => self.is_escaped = true,
                    b'"' => {
                        self.in_text = false;
                        if self.open.is_empty() {
                            return Ok((at + 1, true));
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' | b'{' | b'[' if self.open.is_empty() && self.has_begun => {
                    return Ok((at, true));
                }
                b'"' => self.in_text = true,
                b'{' | b'[' => self.open(byte)?,
                b'}' | b']' if self.open.is_empty() => return self.ends_before(at),
                b'}' | b']' => {
                    self.close(byte)?;
                    if self.open.is_empty() {
                        return Ok((at + 1, true));
                    }
                }
                b',' | b':' | b' ' | b'\t' | b'\n' | b'\r' if self.open.is_empty() => {
                    return self.ends_before(at);
                }
                _ => {}
            }
            self.has_begun = true;
        }
        Ok((bytes.len(), false))
    }

    fn ends_before(&self, at: usize) -> Result<(usize, bool), Fault> {
        if self.has_begun {
            Ok((at, true))
        } else {
            Err(Fault::Malformed)
        }
    }

    fn open(&mut self, bracket: u8) -> Result<(), Fault> {
        if self.open.len() == DEEPEST {
            return Err(Fault::TooDeep);
        }
        self.open.push(bracket);
        Ok(())
    }

    fn close(&mut self, bracket: u8) -> Result<(), Fault> {
        let opened = if bracket == b'}' { b'{' } else { b'[' };
        if self.open.pop() == Some(opened) {
            Ok(())
        } else {
            Err(Fault::Malformed)
        }
    }

    /// What it means that the bytes end here.
    fn end(&self) -> Result<(), Fault> {
        if self.has_begun && !self.in_text && self.open.is_empty() {
            Ok(())
        } else {
            Err(Fault::EndsTooEarly)
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;

    /// The values of `text`, read through a window of `window` bytes; what is longer than 20 bytes is skipped.
    fn values(text: &str, window: usize) -> Result<Vec<String>, Fault> {
        let mut reader = BufReader::with_capacity(window, text.as_bytes());
        let mut scanner = Scanner::new(&mut reader);
        let mut values = Vec::new();
        while scanner.next()?.is_some() {
            let mut kept = Vec::new();
            if scanner.capture(&mut kept, 20)? {
                values.push(String::from_utf8_lossy(&kept).into_owned());
            } else {
                scanner.skip()?;
                values.push("skipped".to_owned());
            }
        }
        Ok(values)
    }

    #[test]
    fn values_end_where_they_end_whatever_the_window() {
        let text = " {\"a\": [1, \"}\\\"]\"]} [] 12 true\"x\"\n{\"long\": \"0123456789 } 0123456789\"}{}-1.5e3";
        for window in 1..40 {
            assert_eq!(
                values(text, window).expect("JSON"),
                [
                    "{\"a\": [1, \"}\\\"]\"]}",
                    "[]",
                    "12",
                    "true",
                    "\"x\"",
                    "skipped",
                    "{}",
                    "-1.5e3"
                ],
                "{window}"
            );
        }
    }

    #[test]
    fn what_is_given_back_comes_again() {
        let text = "[[\"0123456789\", \"0123456789\"], 2]";
        for window in 1..40 {
            let mut reader = BufReader::with_capacity(window, text.as_bytes());
            let mut scanner = Scanner::new(&mut reader);
            let mut kept = Vec::new();
            assert!(!scanner.capture(&mut kept, 30).expect("JSON"));
            scanner.expect(b'[').expect("the same bracket");
            assert!(!scanner.capture(&mut kept, 20).expect("JSON"));
            scanner.expect(b'[').expect("the inner bracket");
            assert!(scanner.capture(&mut kept, 20).expect("JSON"));
            assert_eq!(kept, b"\"0123456789\"", "{window}");
        }
    }

    #[test]
    fn brackets_that_do_not_fit_and_ends_that_come_too_early_are_faults() {
        assert!(matches!(values("{]", 9), Err(Fault::Malformed)));
        assert!(matches!(values("]", 9), Err(Fault::Malformed)));
        assert!(matches!(values(", 1", 9), Err(Fault::Malformed)));
        assert!(matches!(values("{\"a\": ", 9), Err(Fault::EndsTooEarly)));
        assert!(matches!(values("\"abc", 9), Err(Fault::EndsTooEarly)));
        assert!(matches!(values(&"[".repeat(5_000), 9), Err(Fault::TooDeep)));
    }
}
