//! The list from AWS: files that are read while they come, over connections that may break.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{self, Read};
use std::sync::Arc;
use std::time::Duration;

use md5::{Digest, Md5};
use reqwest::header::{CONTENT_RANGE, ETAG, HeaderMap, IF_RANGE, RANGE};
use reqwest::{Client, Response, StatusCode};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use super::index::{self, Offers, SERVICES};
use super::kept::Kept;
use super::offer::Extract;
use super::{extract, unreadable};
use crate::model::error::{Error, ErrorKind, Result};
use crate::pricing::refresh::answers::Answers;
use crate::pricing::refresh::regions::is_region;

/// Attempts without a byte of progress before the network is given up.
const ATTEMPTS: u32 = 5;
/// How often a file is read anew because it changed meanwhile.
const FRESH_STARTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(100);
const CHUNKS_AHEAD: usize = 16;
/// No index is larger.
const MOST_INDEX_BYTES: u64 = 64 << 20;

/// Told what is read: the file, bytes read of it, and its size where the server says it.
pub type Progress = Arc<dyn Fn(&str, u64, Option<u64>) + Send + Sync>;

/// A server of the list.
pub struct Web {
    base: String,
    client: Client,
    runtime: Runtime,
    progress: Progress,
}

impl Web {
    /// The server at `base`, `https://host` without a path.
    pub fn new(base: &str, progress: Progress) -> Result<Self> {
        let unbuilt = |cause: String| {
            Error::new(ErrorKind::Failure, "cannot start the network client").cause(cause)
        };
        let client = Client::builder()
            .user_agent(concat!("plimsoll/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(Duration::from_secs(10))
            .read_timeout(Duration::from_secs(30))
            .build()
            .map_err(|cause| unbuilt(cause.to_string()))?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(|cause| unbuilt(cause.to_string()))?;
        Ok(Self {
            base: base.trim_end_matches('/').to_owned(),
            client,
            runtime,
            progress,
        })
    }

    /// What `read` makes of the prices of each of `regions`, in their order; `regions` of `None` are all of the list.
    pub fn each<T>(
        &self,
        regions: Option<&[String]>,
        with_savings_plans: bool,
        kept: &Kept,
        read: impl Fn(&str, &Answers) -> Result<T>,
    ) -> Result<Vec<T>> {
        let list = List::read(self, with_savings_plans)?;
        let regions = regions.map_or_else(|| list.regions(), <[String]>::to_vec);
        let mut found = Vec::new();
        for region in &regions {
            list.check(region)?;
            let mut answers = Answers::default();
            for (service, path) in list.files(region) {
                let extract = self.file(service, region, path, kept)?;
                answers.add(&extract, region);
            }
            found.push(read(region, &answers)?);
        }
        Ok(found)
    }

    /// The Spot prices of the feeds at `urls`; a feed that does not say its day is of `today`, when it is read.
    pub fn spot(&self, urls: &[&str], today: &str) -> Result<Answers> {
        let mut answers = Answers::default();
        for url in urls {
            let mut found = extract(self.open(url)?, url, None)?.spot;
            for price in found.iter_mut().filter(|price| price.as_of.is_empty()) {
                today.clone_into(&mut price.as_of);
            }
            answers.spot.extend(found);
        }
        Ok(answers)
    }

    /// What the file of `service` in `region` says, from the cache where it has not changed.
    fn file(&self, service: &str, region: &str, path: &str, kept: &Kept) -> Result<Extract> {
        let url = self.url(path);
        let name = format!("{service}-{region}");
        for _ in 0..FRESH_STARTS {
            let mut download = self.open(&url)?;
            let etag = download.etag.clone();
            if let Some(extract) = etag
                .as_deref()
                .and_then(|etag| kept.find(&name, &url, etag))
            {
                tracing::info!(file = name, "unchanged");
                return Ok(extract);
            }
            let read = extract(&mut download, path, Some(region));
            if download.has_changed {
                continue;
            }
            let extract = read?;
            download.finish(path)?;
            if let Some(etag) = etag {
                kept.keep(&name, &url, &etag, &extract)?;
            }
            tracing::info!(file = name, "read");
            return Ok(extract);
        }
        Err(unreadable(path, "it changes while it is read").hint("try again later"))
    }

    /// A small file, whole.
    fn text(&self, path: &str) -> Result<String> {
        let mut text = String::new();
        let download = self.open(&self.url(path))?;
        let read = download.take(MOST_INDEX_BYTES).read_to_string(&mut text);
        read.map_err(|cause| super::broken(path, cause))?;
        Ok(text)
    }

    fn url(&self, path: &str) -> String {
        if path.starts_with("http://") || path.starts_with("https://") {
            path.to_owned()
        } else {
            format!("{}/{}", self.base, path.trim_start_matches('/'))
        }
    }

    /// Starts to fetch `url`; its status and headers are there when this returns.
    fn open(&self, url: &str) -> Result<Download> {
        let (send, mut receive) = mpsc::channel(CHUNKS_AHEAD);
        let fetch = Fetch {
            client: self.client.clone(),
            url: url.to_owned(),
            send,
            progress: Arc::clone(&self.progress),
            at: 0,
            etag: None,
        };
        self.runtime.spawn(fetch.run());
        match receive.blocking_recv() {
            Some(Part::Head { etag, md5 }) => Ok(Download {
                receive,
                chunk: Vec::new(),
                at: 0,
                etag,
                md5,
                digest: Md5::new(),
                has_changed: false,
                is_done: false,
            }),
            Some(Part::Failed(error)) => Err(error),
            Some(Part::Chunk(_) | Part::Changed | Part::End) | None => {
                Err(Error::new(ErrorKind::Failure, format!("cannot get {url}")))
            }
        }
    }
}

/// Which files there are.
struct List {
    services: Vec<(&'static str, BTreeMap<String, String>)>,
    plans: BTreeMap<String, String>,
}

impl List {
    fn read(web: &Web, with_savings_plans: bool) -> Result<Self> {
        let offers = Offers::read(&web.text(index::OFFERS)?)?;
        let mut services = Vec::new();
        for service in SERVICES {
            let path = offers.regions(service)?;
            services.push((service, index::files(&web.text(path)?, path)?));
        }
        let plans = if with_savings_plans {
            let path = offers.savings_plans()?;
            index::plan_files(&web.text(path)?, path)?
        } else {
            BTreeMap::new()
        };
        Ok(Self { services, plans })
    }

    /// Every region that has prices of the first service, which is ECS: where there is no ECS there is no workload.
    fn regions(&self) -> Vec<String> {
        let ecs = self.services.iter().take(1);
        let regions = ecs.flat_map(|(_, files)| files.keys());
        regions
            .filter(|region| is_region(region))
            .cloned()
            .collect()
    }

    fn check(&self, region: &str) -> Result<()> {
        if self
            .services
            .iter()
            .any(|(_, files)| files.contains_key(region))
        {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Usage,
            format!("the bulk price list has no region {region}"),
        )
        .hint("China and the European Sovereign Cloud have lists of their own; is it spelt right?"))
    }

    fn files<'a>(&'a self, region: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let of_services = self
            .services
            .iter()
            .filter_map(move |(service, files)| Some((*service, files.get(region)?.as_str())));
        let plans = self.plans.get(region);
        of_services.chain(plans.map(|path| ("SavingsPlans", path.as_str())))
    }
}

/// What comes of a download.
enum Part {
    /// First: how the file is known again, and its MD5 where the server says it.
    Head {
        etag: Option<String>,
        md5: Option<String>,
    },
    Chunk(Vec<u8>),
    /// Another file is now where this one was.
    Changed,
    Failed(Error),
    End,
}

/// A file on its way, in order and without gaps.
struct Download {
    receive: mpsc::Receiver<Part>,
    chunk: Vec<u8>,
    at: usize,
    etag: Option<String>,
    md5: Option<String>,
    digest: Md5,
    has_changed: bool,
    is_done: bool,
}

impl Read for Download {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.at == self.chunk.len() {
            if self.is_done {
                return Ok(0);
            }
            match self.receive.blocking_recv() {
                Some(Part::Chunk(chunk)) => {
                    self.digest.update(&chunk);
                    (self.chunk, self.at) = (chunk, 0);
                }
                Some(Part::End) => self.is_done = true,
                Some(Part::Changed) => {
                    self.has_changed = true;
                    return Err(io::Error::other("the file changed"));
                }
                Some(Part::Failed(error)) => return Err(io::Error::other(error)),
                Some(Part::Head { .. }) | None => {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
            }
        }
        let rest = self.chunk.get(self.at..).unwrap_or_default();
        let read = rest.len().min(buffer.len());
        for (to, from) in buffer.iter_mut().zip(rest) {
            *to = *from;
        }
        self.at += read;
        Ok(read)
    }
}

impl Download {
    /// Reads to the end and checks that what came is what was sent.
    fn finish(mut self, name: &str) -> Result<()> {
        let mut rest = [0; 4096];
        while self
            .read(&mut rest)
            .map_err(|cause| super::broken(name, cause))?
            > 0
        {}
        let is = hex(&self.digest.finalize());
        match self.md5 {
            Some(said) if said != is => Err(unreadable(
                name,
                format!("its checksum is {is}, and the server says {said}"),
            )
            .hint("try again; if it stays so, something between here and AWS changes files")),
            _ => Ok(()),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut hex, byte| {
        let _ = write!(hex, "{byte:02x}");
        hex
    })
}

/// The fetching side.
struct Fetch {
    client: Client,
    url: String,
    send: mpsc::Sender<Part>,
    progress: Progress,
    at: u64,
    etag: Option<String>,
}

/// How an attempt ended.
enum Attempt {
    Whole,
    /// The reader has left.
    Unwanted,
    Changed,
    /// It may go better next time.
    Broken(String),
    Refused(Error),
}

impl Fetch {
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let before = self.at;
            let last = match self.attempt().await {
                Attempt::Whole => Part::End,
                Attempt::Unwanted => return,
                Attempt::Changed => Part::Changed,
                Attempt::Refused(error) => Part::Failed(error),
                Attempt::Broken(cause) => {
                    failures = if self.at > before { 1 } else { failures + 1 };
                    if failures < ATTEMPTS {
                        tracing::debug!(url = self.url, at = self.at, cause, "again");
                        tokio::time::sleep(FIRST_WAIT * 2u32.pow(failures)).await;
                        continue;
                    }
                    let hint = "is the network there? A refresh goes on where it stopped";
                    let error = Error::new(ErrorKind::Failure, format!("cannot get {}", self.url));
                    Part::Failed(error.cause(cause).hint(hint))
                }
            };
            // A reader that has left needs no last word.
            let _ = self.send.send(last).await;
            return;
        }
    }

    async fn attempt(&mut self) -> Attempt {
        let mut request = self.client.get(&self.url);
        if self.at > 0 {
            request = request.header(RANGE, format!("bytes={}-", self.at));
            if let Some(etag) = &self.etag {
                request = request.header(IF_RANGE, etag.as_str());
            }
        }
        let mut response = match request.send().await {
            Ok(response) => response,
            Err(error) => return Attempt::Broken(causes(&error)),
        };
        if let Some(end) = self.begin(&response).await {
            return end;
        }
        let size = response.content_length().map(|length| self.at + length);
        loop {
            match response.chunk().await {
                Ok(Some(chunk)) => {
                    self.at += chunk.len() as u64;
                    (self.progress)(&self.url, self.at, size);
                    if self.send.send(Part::Chunk(chunk.to_vec())).await.is_err() {
                        return Attempt::Unwanted;
                    }
                }
                Ok(None) if size.is_some_and(|size| self.at < size) => {
                    return Attempt::Broken("the connection ended early".to_owned());
                }
                Ok(None) => return Attempt::Whole,
                Err(error) => return Attempt::Broken(causes(&error)),
            }
        }
    }

    /// Looks at the head of an answer; the end of the attempt where it is not what was asked for.
    async fn begin(&mut self, response: &Response) -> Option<Attempt> {
        let (status, headers) = (response.status(), response.headers());
        let etag = strong_etag(headers);
        match status {
            StatusCode::OK if self.at > 0 => Some(Attempt::Changed),
            StatusCode::OK => {
                if self.etag.is_none() {
                    self.etag.clone_from(&etag);
                    let md5 = etag.as_deref().and_then(|etag| md5_of(etag, headers));
                    let head = Part::Head { etag, md5 };
                    if self.send.send(head).await.is_err() {
                        return Some(Attempt::Unwanted);
                    }
                }
                None
            }
            StatusCode::PARTIAL_CONTENT => {
                let is_next = starts_at(headers) == Some(self.at) && etag == self.etag;
                (!is_next || self.etag.is_none()).then_some(Attempt::Changed)
            }
            StatusCode::RANGE_NOT_SATISFIABLE => Some(Attempt::Changed),
            StatusCode::TOO_MANY_REQUESTS => Some(Attempt::Broken(status.to_string())),
            status if status.is_server_error() => Some(Attempt::Broken(status.to_string())),
            status => {
                let error = Error::new(ErrorKind::Failure, format!("cannot get {}", self.url));
                Some(Attempt::Refused(
                    error.cause(format!("the server says {status}")),
                ))
            }
        }
    }
}

/// The `ETag` of a file that is the same byte for byte; a weak one promises less.
fn strong_etag(headers: &HeaderMap) -> Option<String> {
    let etag = headers.get(ETAG)?.to_str().ok()?;
    etag.starts_with('"').then(|| etag.to_owned())
}

/// The MD5 that S3's `ETag` is, where it is one: of a file uploaded in one piece and not under a key of its own.
fn md5_of(etag: &str, headers: &HeaderMap) -> Option<String> {
    let etag = etag.trim_matches('"');
    let is_md5 = etag.len() == 32 && etag.bytes().all(|byte| byte.is_ascii_hexdigit());
    let encryption = headers.get("x-amz-server-side-encryption");
    let is_plain = encryption.is_none_or(|kind| kind == "AES256");
    let is_stored_so = headers.get("content-encoding").is_none();
    (is_md5 && is_plain && is_stored_so).then(|| etag.to_ascii_lowercase())
}

/// Where a part of a file starts: 100 of `bytes 100-199/200`.
fn starts_at(headers: &HeaderMap) -> Option<u64> {
    let range = headers.get(CONTENT_RANGE)?.to_str().ok()?;
    range
        .strip_prefix("bytes ")?
        .split('-')
        .next()?
        .parse()
        .ok()
}

fn causes(error: &reqwest::Error) -> String {
    let chain = std::iter::successors(Some(error as &(dyn std::error::Error + 'static)), |error| {
        error.source()
    });
    let words: Vec<String> = chain.map(ToString::to_string).collect();
    words.join(": ")
}
