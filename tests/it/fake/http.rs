//! HTTP/1.1 on a plain socket, so that an answer can be cut, dripped or withheld at any byte.

use std::fmt::Write as _;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

/// More than any request of a client under test.
const LONGEST_BODY: usize = 64 << 20;
const LONGEST_HEAD: u64 = 64 << 10;

/// One request.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Still percent-encoded, without the query.
    pub(crate) path: String,
    /// Still percent-encoded, without `?`.
    pub(crate) query: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The next request of a connection, `None` at its end.
    pub(crate) fn read(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Self>> {
        let mut head = stream.by_ref().take(LONGEST_HEAD);
        let mut line = String::new();
        if head.read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let mut words = line.split_whitespace();
        let (Some(method), Some(target)) = (words.next(), words.next()) else {
            return Err(malformed("request line"));
        };
        let (method, target) = (method.to_owned(), target.to_owned());
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            head.read_line(&mut line)?;
            let line = line.trim_end();
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| malformed("header"))?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let (path, query) = target.split_once('?').unwrap_or((&target, ""));
        let mut request = Self {
            method,
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: Vec::new(),
        };
        if request
            .header("expect")
            .is_some_and(|expect| expect.eq_ignore_ascii_case("100-continue"))
        {
            stream
                .get_mut()
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
        }
        request.body = if request
            .header("transfer-encoding")
            .is_some_and(|coding| coding.contains("chunked"))
        {
            read_chunks(stream)?
        } else {
            let length = request
                .header("content-length")
                .map_or(Ok(0), str::parse)
                .map_err(|_| malformed("content-length"))?;
            read_exactly(stream, length)?
        };
        Ok(Some(request))
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value.as_str())
    }

    /// The decoded value of a field of the query.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        form_field(&self.query, name)
    }
}

/// The decoded value of a field of a form or a query.
pub(crate) fn form_field(form: &str, name: &str) -> Option<String> {
    let mut fields = form
        .split('&')
        .map(|field| field.split_once('=').unwrap_or((field, "")));
    fields
        .find(|(known, _)| *known == name)
        .map(|(_, value)| decoded(&value.replace('+', " ")))
}

/// Without percent-encoding.
pub(crate) fn decoded(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::with_capacity(text.len()), 0);
    while let Some(&byte) = bytes.get(at) {
        let digits = bytes
            .get(at + 1..at + 3)
            .filter(|_| byte == b'%')
            .and_then(|digits| std::str::from_utf8(digits).ok());
        let code = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        decoded.push(code.unwrap_or(byte));
        at += if code.is_some() { 3 } else { 1 };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed {what}"))
}

fn read_exactly(stream: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    if length > LONGEST_BODY {
        return Err(malformed("length"));
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    Ok(body)
}

fn read_chunks(stream: &mut BufReader<TcpStream>) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        let size = line.trim_end().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(|_| malformed("chunk"))?;
        if body.len() + size > LONGEST_BODY {
            return Err(malformed("length"));
        }
        body.extend(read_exactly(stream, size)?);
        stream.read_line(&mut String::new())?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// One response.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) body: Vec<u8>,
    /// Answers a HEAD request: the length is told, the body is not sent.
    pub(crate) head_only: bool,
}

/// How a response reaches the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// Whole.
    Whole,
    /// One byte at a time, with a pause after each.
    Dripping(Duration),
    /// Reset after so many bytes of the body.
    ResetAfter(usize),
    /// Closed after so many bytes of the body, whatever the header said of its length.
    ClosedAfter(usize),
}

impl Response {
    pub(crate) fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: vec![("Content-Type", content_type.to_owned())],
            body: body.into(),
            head_only: false,
        }
    }

    /// Sends it; `Ok(false)` where the connection is over.
    pub(crate) fn send(&self, stream: &mut TcpStream, delivery: Delivery) -> io::Result<bool> {
        let mut head = format!("HTTP/1.1 {} {}\r\n", self.status, reason(self.status));
        for (name, value) in &self.headers {
            let _ = write!(head, "{name}: {value}\r\n");
        }
        let _ = write!(head, "Content-Length: {}\r\n\r\n", self.body.len());
        let body: &[u8] = if self.head_only { &[] } else { &self.body };
        match delivery {
            Delivery::Whole => {
                stream.write_all(&[head.as_bytes(), body].concat())?;
                Ok(true)
            }
            Delivery::Dripping(pause) => {
                for byte in [head.as_bytes(), body].concat() {
                    stream.write_all(&[byte])?;
                    std::thread::sleep(pause);
                }
                Ok(true)
            }
            Delivery::ResetAfter(bytes) | Delivery::ClosedAfter(bytes) => {
                stream.write_all(
                    &[
                        head.as_bytes(),
                        &body[..bytes.min(body.len().saturating_sub(1))],
                    ]
                    .concat(),
                )?;
                if matches!(delivery, Delivery::ResetAfter(_)) {
                    reset(stream)?;
                }
                Ok(false)
            }
        }
    }
}

/// Makes the end of the connection a reset instead of an orderly close.
pub(crate) fn reset(stream: &TcpStream) -> io::Result<()> {
    tokio::net::TcpSocket::from_std_stream(stream.try_clone()?).set_zero_linger()
}

const fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        204 => "No Content",
        206 => "Partial Content",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        409 => "Conflict",
        412 => "Precondition Failed",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        503 => "Slow Down",
        _ => "Error",
    }
}
