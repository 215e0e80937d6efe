//! Parts as objects below a prefix of an S3 bucket.
//!
//! Everything asked of the bucket may be asked twice: reads change nothing, and a part is created by one PUT with
//! `If-None-Match: *` under a name that carries the hash of its bytes. So whatever may pass is tried again.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures::future::try_join_all;
use object_store::aws::{AmazonS3, AmazonS3Builder, Checksum};
use object_store::list::{PaginatedListOptions, PaginatedListResult, PaginatedListStore};
use object_store::path::Path;
use object_store::{
    ClientOptions, GetOptions, GetRange, ObjectStore, PutMode, PutOptions, PutPayload, RetryConfig,
};
use tokio::runtime::Runtime;

use super::endpoint::Endpoint;
use super::failure::{Action, Asked, Failure};
use super::guard::Guarded;
use super::is_part;
use super::keys::Keys;
use crate::aws::{LoginRequest, Patience, log_in, without_password};
use crate::model::error::{Error, ErrorKind, Result};

/// Attempts at one request before it is given up: about a quarter of a minute.
const MOST_ATTEMPTS: u32 = 8;
/// Before the second attempt; doubled before each further one.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The same for servers on this machine.
const FIRST_PAUSE_LOCAL: Duration = Duration::from_millis(1);
/// One attempt, the whole body included.
const ATTEMPT: Duration = Duration::from_mins(2);
/// Says that the prefix is a dataset's. What begins with `_` is no data to any engine.
const MARKER: &str = "_plimsoll";
/// The region of a bucket where nothing names one, as in the AWS CLI.
const DEFAULT_REGION: &str = "us-east-1";

/// A prefix of a bucket, and what it takes to reach it. To be used from plain threads: every call blocks.
pub(crate) struct Bucket {
    name: String,
    /// Without `/` at either end; empty for the whole bucket.
    prefix: Path,
    region: String,
    store: AmazonS3,
    runtime: Runtime,
    first_pause: Duration,
    requests: AtomicU64,
}

impl Bucket {
    /// The place `BUCKET/PREFIX`. Reads the AWS configuration, but asks nothing of S3 yet.
    pub(super) fn at(place: &str, profile: Option<&str>) -> Result<Self> {
        let (name, prefix) = parse(place)?;
        let cannot_start =
            |cause| Error::new(ErrorKind::Failure, "cannot start threads").cause(cause);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .map_err(cannot_start)?;
        let login = runtime.block_on(log_in(
            &LoginRequest {
                profile: profile.map(str::to_owned),
                ..LoginRequest::default()
            },
            Patience::AWS,
        ))?;
        let region = login.region().unwrap_or_else(|| DEFAULT_REGION.to_owned());
        let endpoint = Endpoint::of(login.s3_endpoint(), &region)?;
        let first_pause = if endpoint.is_local {
            FIRST_PAUSE_LOCAL
        } else {
            FIRST_PAUSE
        };
        let store = store(&name, &region, endpoint, Keys::of(login.credentials()))?;
        Ok(Self {
            name,
            prefix,
            region,
            store,
            runtime,
            first_pause,
            requests: AtomicU64::new(0),
        })
    }

    /// Requests sent so far, repeated ones too.
    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// `s3://bucket/key` of a part, or of the prefix itself.
    pub(super) fn place(&self, part: &str) -> String {
        let segments = [self.name.as_str(), self.prefix.as_ref(), part];
        format!(
            "s3://{}",
            segments
                .into_iter()
                .filter(|segment| !segment.is_empty())
                .collect::<Vec<_>>()
                .join("/")
        )
    }

    /// True when there is anything but the marker.
    pub(super) fn exists(&self) -> Result<bool> {
        let page = self.runtime.block_on(self.page("", None, Some(2)))?;
        Ok(self.names(&page).any(|name| name != MARKER))
    }

    /// True when there is anything below `folder`.
    pub(super) fn has(&self, folder: &str) -> Result<bool> {
        let page = self.runtime.block_on(self.page(folder, None, Some(1)))?;
        Ok(self.names(&page).next().is_some())
    }

    /// The parts of a table, in order: one flat listing, a thousand names a page.
    pub(super) fn parts(&self, table: &str) -> Result<Vec<String>> {
        self.list(table, |name| is_part(name, table))
    }

    /// The names of all objects right below the prefix.
    pub(super) fn files(&self) -> Result<Vec<String>> {
        self.list("", |name| !name.contains('/'))
    }

    fn list(&self, folder: &str, is_wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        self.runtime.block_on(async {
            let (mut parts, mut seen, mut token) = (Vec::new(), BTreeSet::new(), None);
            loop {
                let page = self.page(folder, token, None).await?;
                parts.extend(
                    self.names(&page)
                        .filter(|name| is_wanted(name))
                        .map(str::to_owned),
                );
                token = page.page_token;
                let Some(next) = &token else { break };
                if !seen.insert(next.clone()) {
                    let place = self.place(folder);
                    return Err(Error::new(
                        ErrorKind::Input,
                        format!("cannot list `{place}`: S3 gives the same page token twice"),
                    )
                    .hint("run the same command again"));
                }
            }
            parts.sort();
            parts.dedup();
            Ok(parts)
        })
    }

    /// The bytes of each of a few parts, fetched at the same time.
    pub(super) fn read_all(&self, parts: &[String]) -> Result<Vec<Vec<u8>>> {
        self.runtime.block_on(try_join_all(
            parts
                .iter()
                .map(|part| self.fetch(part, GetOptions::default())),
        ))
    }

    /// The last `length` bytes of each of a few parts, fetched at the same time.
    pub(super) fn read_tails(&self, parts: &[String], length: u64) -> Result<Vec<Vec<u8>>> {
        let tail = || GetOptions {
            range: Some(GetRange::Suffix(length)),
            ..GetOptions::default()
        };
        let fetches = parts.iter().map(|part| self.fetch(part, tail()));
        self.runtime.block_on(try_join_all(fetches))
    }

    /// Adds an object, unless there is one of its name.
    pub(super) fn create(&self, part: &str, bytes: Vec<u8>) -> Result<()> {
        let (key, payload) = (self.key(part)?, PutPayload::from(bytes));
        let put = || {
            self.store
                .put_opts(&key, payload.clone(), PutOptions::from(PutMode::Create))
        };
        match self.runtime.block_on(self.persist(put)) {
            Ok(_) => Ok(()),
            // Ours, when the answer to an earlier attempt was lost, or somebody else's: the same bytes in any case.
            Err(failure) if failure.is_there_already() => Ok(()),
            Err(failure) => Err(self.explain(&failure, Action::Create, &self.place(part))),
        }
    }

    /// Creates the marker, once and for all: this takes the same permissions as a part does.
    pub(super) fn check_writable(&self) -> Result<()> {
        self.create(
            MARKER,
            b"The parts of a plimsoll dataset are beside this object.\n".to_vec(),
        )
    }

    async fn fetch(&self, part: &str, options: GetOptions) -> Result<Vec<u8>> {
        let key = self.key(part)?;
        let get = async || {
            self.store
                .get_opts(&key, options.clone())
                .await?
                .bytes()
                .await
        };
        let read = self.persist(get).await;
        read.map(Vec::from)
            .map_err(|failure| self.explain(&failure, Action::Read, &self.place(part)))
    }

    async fn page(
        &self,
        folder: &str,
        token: Option<String>,
        most: Option<usize>,
    ) -> Result<PaginatedListResult> {
        let segments = [self.prefix.as_ref(), folder];
        let below: String = segments
            .into_iter()
            .filter(|segment| !segment.is_empty())
            .flat_map(|segment| [segment, "/"])
            .collect();
        let list = || {
            let options = PaginatedListOptions {
                page_token: token.clone(),
                max_keys: most,
                ..PaginatedListOptions::default()
            };
            self.store.list_paginated(Some(&below), options)
        };
        self.persist(list)
            .await
            .map_err(|failure| self.explain(&failure, Action::List, &self.place(folder)))
    }

    /// The names on a page, relative to the prefix.
    fn names<'a>(&'a self, page: &'a PaginatedListResult) -> impl Iterator<Item = &'a str> {
        let prefix = self.prefix.as_ref();
        page.result.objects.iter().filter_map(move |object| {
            let name = object.location.as_ref().strip_prefix(prefix)?;
            if prefix.is_empty() {
                Some(name)
            } else {
                name.strip_prefix('/')
            }
        })
    }

    fn key(&self, part: &str) -> Result<Path> {
        let key = if self.prefix.is_root() {
            part.to_owned()
        } else {
            format!("{}/{part}", self.prefix)
        };
        Path::parse(&key).map_err(|cause| {
            Error::new(
                ErrorKind::Input,
                format!("`{key}` cannot be a name in a bucket"),
            )
            .cause(cause)
        })
    }

    /// Sends what `attempt` makes until it succeeds, or fails for good.
    async fn persist<T, F>(&self, attempt: impl Fn() -> F) -> Result<T, Failure>
    where
        F: Future<Output = object_store::Result<T>>,
    {
        let mut attempts = 1;
        loop {
            self.requests.fetch_add(1, Ordering::Relaxed);
            let failure = match attempt().await {
                Ok(answer) => return Ok(answer),
                Err(error) => Failure::of(&error),
            };
            tracing::debug!(bucket = self.name, attempts, "{failure:?}");
            if attempts == MOST_ATTEMPTS || !failure.may_pass() {
                return Err(failure);
            }
            tokio::time::sleep(self.first_pause.mul_f64(jitter()) * 2_u32.pow(attempts - 1)).await;
            attempts += 1;
        }
    }

    fn explain(&self, failure: &Failure, action: Action, place: &str) -> Error {
        failure.explain(Asked {
            action,
            bucket: &self.name,
            region: &self.region,
            place,
        })
    }
}

impl fmt::Debug for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.place(""))
    }
}

fn store(bucket: &str, region: &str, endpoint: Endpoint, keys: Keys) -> Result<AmazonS3> {
    let options = ClientOptions::new()
        .with_allow_http(endpoint.is_local)
        .with_connect_timeout(Patience::AWS.connect)
        .with_timeout(ATTEMPT);
    AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_region(region)
        .with_endpoint(endpoint.url)
        .with_credentials(Arc::new(keys))
        .with_checksum_algorithm(Checksum::SHA256)
        .with_client_options(options)
        // Requests are repeated in one place, `persist`, signed afresh each time.
        .with_retry(RetryConfig {
            max_retries: 0,
            ..RetryConfig::default()
        })
        .with_http_connector(Guarded)
        .build()
        .map_err(|cause| {
            Error::new(
                ErrorKind::Failure,
                format!("cannot reach bucket `{bucket}`"),
            )
            .cause(cause)
        })
}

/// Between a half and one; the low bits of the clock are random enough to keep two processes apart.
fn jitter() -> f64 {
    let nanos = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    0.5 + f64::from(nanos % 1_000_000) / 2_000_000.0
}

/// `BUCKET/PREFIX` as two.
fn parse(place: &str) -> Result<(String, Path)> {
    let refuse = |why: &str| {
        Error::new(
            ErrorKind::Usage,
            format!("dataset `s3://{}`: {why}", without_password(place)),
        )
        .hint("give s3://BUCKET/PREFIX")
    };
    let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
    let is_name = (3..=63).contains(&name.len())
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '.')
        && name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !is_name {
        return Err(refuse("it does not begin with the name of a bucket"));
    }
    let prefix = Path::parse(prefix.trim_end_matches('/'))
        .map_err(|_| refuse("the prefix cannot be a name in a bucket"))?;
    Ok((name.to_owned(), prefix))
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::TcpListener;
    use std::thread::JoinHandle;

    use aws_credential_types::Credentials;
    use aws_credential_types::provider::SharedCredentialsProvider;
    use futures::StreamExt;

    use super::*;

    /// A bucket whose server gives `answers` one by one, and in the end the heads of the requests.
    fn scripted(answers: &'static [&'static str]) -> (Bucket, JoinHandle<Vec<String>>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = std::thread::spawn(move || {
            answers
                .iter()
                .map(|answer| exchange(&listener, answer))
                .collect()
        });
        let keys = Keys::of(Some(SharedCredentialsProvider::new(Credentials::new(
            "AKIDTEST", "secret", None, None, "test",
        ))));
        let endpoint = Endpoint::of(Some(url), "us-east-1").expect("local");
        let bucket = Bucket {
            name: "bucket".to_owned(),
            prefix: Path::from("ds"),
            region: "us-east-1".to_owned(),
            store: store("bucket", "us-east-1", endpoint, keys).expect("a store"),
            runtime: tokio::runtime::Runtime::new().expect("threads"),
            first_pause: FIRST_PAUSE_LOCAL,
            requests: AtomicU64::new(0),
        };
        (bucket, server)
    }

    fn exchange(listener: &TcpListener, answer: &str) -> String {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a reader"));
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("a line") > 0);
        }
        let head = head.to_ascii_lowercase();
        let length = head
            .split_once("content-length: ")
            .and_then(|(_, rest)| rest.lines().next()?.parse().ok())
            .unwrap_or(0);
        reader
            .take(length)
            .read_to_end(&mut Vec::new())
            .expect("a body");
        write!(
            stream,
            "HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        )
        .expect("sent");
        head
    }

    #[test]
    fn a_bucket_is_tried_by_creating_one_marker_once_and_for_all() {
        let (bucket, server) = scripted(&["200 OK\r\netag: \"1\"", "412 Precondition Failed"]);
        bucket.check_writable().expect("made");
        bucket.check_writable().expect("there");
        for head in server.join().expect("no panic") {
            assert!(
                head.starts_with("put /bucket/ds/_plimsoll http/1.1")
                    && head.contains("if-none-match: *"),
                "{head}"
            );
            assert!(head.contains("x-amz-checksum-sha256: "), "{head}");
        }
    }

    #[test]
    fn a_bucket_that_may_not_be_written_is_refused_at_once() {
        let (bucket, server) = scripted(&["403 Forbidden"]);
        let error = bucket.check_writable().expect_err("denied");
        assert_eq!(error.kind().exit_code(), 10);
        assert_eq!(
            error.to_string(),
            "access denied: s3:PutObject on `s3://bucket/ds/_plimsoll`"
        );
        assert_eq!(server.join().expect("no panic").len(), 1);
    }

    #[test]
    fn the_store_itself_can_neither_delete_nor_write_over() {
        let (bucket, server) = scripted(&[]);
        let key = Path::from("ds/x");
        let overwrite = bucket.store.put_opts(
            &key,
            PutPayload::from("x"),
            PutOptions::from(PutMode::Overwrite),
        );
        let refused = Failure::of(&bucket.runtime.block_on(overwrite).expect_err("refused"));
        assert!(
            matches!(&refused, Failure::NoAnswer(why) if why.contains("conditional creates")),
            "{refused:?}"
        );
        let delete = futures::stream::iter([Ok(key)]);
        let deleted: Vec<_> = bucket
            .runtime
            .block_on(bucket.store.delete_stream(Box::pin(delete)).collect());
        assert!(deleted.iter().all(Result::is_err) && !deleted.is_empty());
        assert!(server.join().expect("no panic").is_empty());
    }

    fn parts_of(place: &str) -> Option<(String, String)> {
        parse(place)
            .ok()
            .map(|(name, prefix)| (name, prefix.to_string()))
    }

    #[test]
    fn a_place_is_a_bucket_and_a_prefix() {
        let is = |name: &str, prefix: &str| Some((name.to_owned(), prefix.to_owned()));
        assert_eq!(parts_of("fin-ops.example"), is("fin-ops.example", ""));
        assert_eq!(parts_of("bucket/"), is("bucket", ""));
        assert_eq!(parts_of("bucket/team a/ds/"), is("bucket", "team a/ds"));
        for wrong in [
            "",
            "/x",
            "Bucket",
            "b?x=1",
            "b@host",
            "bucket/a//b",
            "bucket/../x",
            "bucket/a\nb",
            "ab",
        ] {
            assert_eq!(parts_of(wrong), None, "{wrong}");
        }
    }
}
