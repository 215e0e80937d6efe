//! The part of S3 that a dataset needs, on this machine: `PutObject` with `If-None-Match`, `GetObject`, `HeadObject`, and
//! `ListObjectsV2` a thousand names a page. It keeps a record of every request, and fails on demand.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard};

/// Names on a page of a listing, as S3 has it.
const PAGE: usize = 1_000;

/// What goes wrong instead of an answer.
#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// A status with S3's error code, and whatever else the body says.
    Error(u16, &'static str, String),
    /// 301 to the region of the bucket.
    Elsewhere(&'static str),
    /// 200 with the page of somebody else.
    Portal,
    /// The connection ends before anything is said; a PUT is done all the same.
    Silence,
    /// The connection ends in the middle of the body.
    Cut,
    /// A listing that says there is more, again and again from the same token.
    Circle,
    /// One bit of the body is not what was put.
    FlippedBit,
}

/// When it goes wrong: for these requests of a method and operation, counted from 0.
#[derive(Debug)]
struct Rule {
    method: &'static str,
    key_part: String,
    times: Range<usize>,
    seen: usize,
    fault: Fault,
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    /// Key of the object, or the prefix of a listing.
    pub(crate) key: String,
    pub(crate) status: u16,
    /// Access key id of the signature.
    pub(crate) signer: Option<String>,
}

#[derive(Debug, Default)]
struct State {
    objects: BTreeMap<String, Vec<u8>>,
    rules: Vec<Rule>,
    seen: Vec<Seen>,
    overwritten: Vec<String>,
    /// Objects that somebody else puts there before the request of this number.
    later: Option<(usize, BTreeMap<String, Vec<u8>>)>,
}

/// One bucket, `bucket`, empty at first.
pub(crate) struct S3 {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl S3 {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let shared = state.clone();
        // Ends with the process: a thread that waits for connections holds nothing else.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                std::thread::spawn(move || serve(&stream, &state));
            }
        });
        Self { address, state }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no thread panicked")
    }

    /// Lets requests of `method` whose key or prefix contains `key_part` go wrong, the ones in `times`.
    pub(crate) fn fail(
        &self,
        method: &'static str,
        key_part: &str,
        times: Range<usize>,
        fault: Fault,
    ) {
        self.state().rules.push(Rule {
            method,
            key_part: key_part.to_owned(),
            times,
            seen: 0,
            fault,
        });
    }

    pub(crate) fn heal(&self) {
        self.state().rules.clear();
    }

    pub(crate) fn objects(&self) -> BTreeMap<String, Vec<u8>> {
        self.state().objects.clone()
    }

    /// Puts an object there by another way than the network.
    pub(crate) fn plant(&self, key: &str, bytes: impl Into<Vec<u8>>) {
        self.state().objects.insert(key.to_owned(), bytes.into());
    }

    /// The same, just before the request that so many others come before.
    pub(crate) fn plant_before(&self, request: usize, objects: BTreeMap<String, Vec<u8>>) {
        self.state().later = Some((request, objects));
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.state().seen.clone()
    }

    /// Keys that a PUT without a condition wrote over.
    pub(crate) fn overwritten(&self) -> Vec<String> {
        self.state().overwritten.clone()
    }
}

struct Request {
    method: String,
    key: String,
    query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// How many bytes of the body are sent before the connection ends; all where `None`.
    cut: Option<usize>,
}

impl Answer {
    fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
            cut: None,
        }
    }

    fn error(status: u16, code: &str, more: &str) -> Self {
        let xml = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
        Self::new(
            status,
            format!(
                "{xml}<Error><Code>{code}</Code>{more}<RequestId>4442587FB7D0A2F9</RequestId></Error>"
            ),
        )
    }

    fn with(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

fn serve(stream: &TcpStream, state: &Mutex<State>) {
    let _ = stream.set_nodelay(true);
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let Some(answer) = answer(&request, &mut state.lock().expect("no thread panicked")) else {
            break;
        };
        if send(stream, &request, &answer).is_err() || answer.cut.is_some() {
            break;
        }
    }
    // Clones of the stream keep the connection open otherwise.
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers
        .get("content-length")
        .and_then(|length| length.parse().ok())
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let key = decoded(path).trim_start_matches('/').to_owned();
    let query = query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)));
    Some(Request {
        method,
        key,
        query: query.collect(),
        headers,
        body,
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let hex: String = rest.by_ref().take(2).map(char::from).collect();
                bytes.push(u8::from_str_radix(&hex, 16).expect("hex after %"));
            }
            b'+' => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).expect("UTF-8")
}

/// `None` ends the connection without a word.
fn answer(request: &Request, state: &mut State) -> Option<Answer> {
    let number = state.seen.len();
    if let Some((_, objects)) = state.later.take_if(|(later, _)| *later <= number) {
        state.objects.extend(objects);
    }
    let (bucket, key) = request.key.split_once('/').unwrap_or((&request.key, ""));
    let is_listing = request.query.contains_key("list-type");
    let key = if is_listing {
        request.query.get("prefix").cloned().unwrap_or_default()
    } else {
        key.to_owned()
    };
    let fault = state.rules.iter_mut().find_map(|rule| {
        let meant = if is_listing {
            "LIST"
        } else {
            request.method.as_str()
        };
        if rule.method != meant || !key.contains(&rule.key_part) {
            return None;
        }
        rule.seen += 1;
        rule.times
            .contains(&(rule.seen - 1))
            .then(|| rule.fault.clone())
    });
    let is_signed = request
        .headers
        .get("authorization")
        .is_some_and(|value| value.starts_with("AWS4-HMAC-SHA256 "));
    let good = |state: &mut State| match request.method.as_str() {
        _ if bucket != "bucket" => Answer::error(
            404,
            "NoSuchBucket",
            "<Message>The specified bucket does not exist</Message>",
        ),
        _ if !is_signed => Answer::error(403, "AccessDenied", ""),
        "GET" if is_listing => list(request, &key, state),
        "GET" | "HEAD" => get(request, &key, state),
        "PUT" => put(request, &key, state),
        _ => Answer::error(405, "MethodNotAllowed", ""),
    };
    let answer = match fault {
        None => Some(good(state)),
        Some(Fault::Error(status, code, more)) => Some(Answer::error(status, code, &more)),
        Some(Fault::Elsewhere(region)) => Some(
            Answer::error(301, "PermanentRedirect", "<Endpoint>elsewhere</Endpoint>")
                .with("x-amz-bucket-region", region),
        ),
        Some(Fault::Portal) => Some(
            Answer::new(200, "<html><body>please log in</body></html>")
                .with("content-type", "text/html"),
        ),
        Some(Fault::Silence) => {
            let _ = good(state);
            None
        }
        Some(Fault::Cut) => {
            let answer = good(state);
            Some(Answer {
                cut: Some(answer.body.len() / 2),
                ..answer
            })
        }
        Some(Fault::Circle) => {
            let frame = "<IsTruncated>true</IsTruncated><NextContinuationToken>again</NextContinuationToken>";
            Some(Answer::new(
                200,
                format!("<ListBucketResult>{frame}</ListBucketResult>"),
            ))
        }
        Some(Fault::FlippedBit) => {
            let mut answer = good(state);
            let middle = answer.body.len() / 2;
            answer.body[middle] ^= 0x10;
            Some(answer)
        }
    };
    let credential = request
        .headers
        .get("authorization")
        .and_then(|value| value.split_once("Credential="));
    let signer = credential.and_then(|(_, rest)| Some(rest.split_once('/')?.0.to_owned()));
    let status = answer.as_ref().map_or(0, |answer| answer.status);
    state.seen.push(Seen {
        method: request.method.clone(),
        key,
        status,
        signer,
    });
    answer
}

fn put(request: &Request, key: &str, state: &mut State) -> Answer {
    let is_there = state.objects.contains_key(key);
    if is_there
        && request
            .headers
            .get("if-none-match")
            .is_some_and(|value| value == "*")
    {
        return Answer::error(
            412,
            "PreconditionFailed",
            "<Condition>If-None-Match</Condition>",
        );
    }
    if is_there {
        state.overwritten.push(key.to_owned());
    }
    state.objects.insert(key.to_owned(), request.body.clone());
    Answer::new(200, "").with("etag", tag(&request.body))
}

fn get(request: &Request, key: &str, state: &State) -> Answer {
    let Some(object) = state.objects.get(key) else {
        return Answer::error(
            404,
            "NoSuchKey",
            "<Message>The specified key does not exist.</Message>",
        );
    };
    let range = request.headers.get("range").and_then(|range| {
        let (from, to) = range.strip_prefix("bytes=")?.split_once('-')?;
        if from.is_empty() {
            let last = to.parse::<usize>().ok()?;
            return Some((object.len().saturating_sub(last), object.len() - 1));
        }
        Some((
            from.parse::<usize>().ok()?,
            to.parse::<usize>().ok()?.min(object.len() - 1),
        ))
    });
    let answer = match range {
        Some((from, to)) => Answer::new(206, &object[from..=to]).with(
            "content-range",
            format!("bytes {from}-{to}/{}", object.len()),
        ),
        None => Answer::new(200, object.clone()),
    };
    answer
        .with("etag", tag(object))
        .with("last-modified", "Mon, 05 Oct 2026 00:00:00 GMT")
}

fn tag(bytes: &[u8]) -> String {
    format!(
        "\"{:08x}\"",
        bytes.iter().fold(0_u32, |sum, byte| sum
            .wrapping_mul(31)
            .wrapping_add(u32::from(*byte)))
    )
}

fn list(request: &Request, prefix: &str, state: &State) -> Answer {
    let of = |name: &str| request.query.get(name).map(String::as_str);
    let most = of("max-keys")
        .and_then(|most| most.parse().ok())
        .unwrap_or(PAGE)
        .min(PAGE);
    let after = of("continuation-token")
        .and_then(|token| token.strip_prefix("after:"))
        .unwrap_or_default();
    let mut entries: BTreeMap<&str, Option<usize>> = BTreeMap::new();
    for (key, bytes) in state
        .objects
        .range(prefix.to_owned()..)
        .take_while(|(key, _)| key.starts_with(prefix))
    {
        let folder = of("delimiter").and_then(|delimiter| {
            Some(prefix.len() + key[prefix.len()..].find(delimiter)? + delimiter.len())
        });
        match folder {
            Some(end) => drop(entries.insert(&key[..end], None)),
            None => drop(entries.insert(key, Some(bytes.len()))),
        }
    }
    let rest: Vec<_> = entries
        .into_iter()
        .filter(|(name, _)| *name > after)
        .collect();
    let page = &rest[..rest.len().min(most)];
    let mut xml = format!("<Name>bucket</Name><KeyCount>{}</KeyCount>", page.len());
    for (name, size) in page {
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        let written = match size {
            Some(size) => write!(
                xml,
                "<Contents><Key>{name}</Key><LastModified>2026-10-05T00:00:00.000Z</LastModified><ETag>&quot;0&quot;</ETag><Size>{size}</Size></Contents>"
            ),
            None => write!(
                xml,
                "<CommonPrefixes><Prefix>{name}</Prefix></CommonPrefixes>"
            ),
        };
        written.expect("in memory");
    }
    let is_truncated = rest.len() > page.len();
    write!(xml, "<IsTruncated>{is_truncated}</IsTruncated>").expect("in memory");
    if let Some((last, _)) = page.last().filter(|_| is_truncated) {
        write!(
            xml,
            "<NextContinuationToken>after:{last}</NextContinuationToken>"
        )
        .expect("in memory");
    }
    let namespace = "http://s3.amazonaws.com/doc/2006-03-01/";
    Answer::new(
        200,
        format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"{namespace}\">{xml}</ListBucketResult>"),
    )
    .with("content-type", "application/xml")
}

fn send(mut stream: &TcpStream, request: &Request, answer: &Answer) -> std::io::Result<()> {
    let mut head = format!(
        "HTTP/1.1 {} x\r\ncontent-length: {}\r\n",
        answer.status,
        answer.body.len()
    );
    for (name, value) in &answer.headers {
        write!(head, "{name}: {value}\r\n").expect("in memory");
    }
    let sent = if request.method == "HEAD" {
        0
    } else {
        answer.cut.unwrap_or(answer.body.len())
    };
    head.push_str("\r\n");
    // At once: the second of two writes would wait until the client has confirmed the first.
    stream.write_all(&[head.as_bytes(), &answer.body[..sent]].concat())
}
