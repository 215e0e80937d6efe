//! The part of Amazon S3 that a growing dataset needs. Objects are kept in memory; nothing is ever deleted.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Mutex;

use super::answer::Problem;
use super::http::{Request, Response, decoded};
use super::random::hash_bytes;

/// Keys of one page. Source: `ListObjectsV2` API reference, read 2026-11.
const PAGE: usize = 1_000;
/// When everything was last modified.
const MODIFIED: &str = "2026-11-20T12:00:00.000Z";
const MODIFIED_HTTP: &str = "Fri, 20 Nov 2026 12:00:00 GMT";

/// `bucket/key` → content.
#[derive(Debug, Default)]
pub(crate) struct Objects(Mutex<BTreeMap<String, Vec<u8>>>);

/// What a request means, as IAM spells it.
pub(crate) fn op(request: &Request) -> &'static str {
    let has_key = request
        .path
        .trim_start_matches('/')
        .split_once('/')
        .is_some_and(|(_, key)| !key.is_empty());
    match (request.method.as_str(), has_key) {
        ("PUT", true) => "s3:PutObject",
        ("GET", true) => "s3:GetObject",
        ("HEAD", true) => "s3:HeadObject",
        ("DELETE", true) => "s3:DeleteObject",
        ("GET", false) => "s3:ListObjectsV2",
        _ => "s3:Other",
    }
}

impl Objects {
    /// Every object of every bucket, `bucket/key` → content.
    pub(crate) fn all(&self) -> BTreeMap<String, Vec<u8>> {
        self.0.lock().expect("no thread panics").clone()
    }

    /// Puts an object, as if somebody else had.
    pub(crate) fn put(&self, name: &str, content: impl Into<Vec<u8>>) {
        self.0
            .lock()
            .expect("no thread panics")
            .insert(name.to_owned(), content.into());
    }

    pub(crate) fn answer(&self, request: &Request) -> Result<Response, Problem> {
        let name = decoded(request.path.trim_start_matches('/'));
        let op = op(request);
        if op == "s3:ListObjectsV2" {
            return Ok(self.list(request, name.trim_end_matches('/')));
        }
        if op == "s3:PutObject" && request.field("partNumber").is_none() {
            return self.create(request, &name);
        }
        if !matches!(op, "s3:GetObject" | "s3:HeadObject") {
            return Err(Problem::unexpected(op));
        }
        let content = self.0.lock().expect("no thread panics").get(&name).cloned();
        let content = content
            .ok_or_else(|| Problem::new(404, "NoSuchKey", "The specified key does not exist."))?;
        let tag = etag(&content);
        let range = request
            .header("range")
            .map(|range| bounds(range, content.len()));
        let mut response = match range {
            None => Response::new(200, "binary/octet-stream", content),
            Some(None) => {
                return Err(Problem::new(
                    416,
                    "InvalidRange",
                    "The requested range is not satisfiable",
                ));
            }
            Some(Some((from, to))) => {
                let mut response = Response::new(206, "binary/octet-stream", &content[from..to]);
                response.headers.push((
                    "Content-Range",
                    format!("bytes {from}-{}/{}", to - 1, content.len()),
                ));
                response
            }
        };
        response.headers.extend([
            ("ETag", tag),
            ("Last-Modified", MODIFIED_HTTP.to_owned()),
            ("Accept-Ranges", "bytes".to_owned()),
        ]);
        response.head_only = op == "s3:HeadObject";
        Ok(response)
    }

    fn create(&self, request: &Request, name: &str) -> Result<Response, Problem> {
        let mut objects = self.0.lock().expect("no thread panics");
        if request.header("if-none-match") == Some("*") && objects.contains_key(name) {
            return Err(Problem::new(
                412,
                "PreconditionFailed",
                "At least one of the pre-conditions you specified did not hold",
            ));
        }
        objects.insert(name.to_owned(), request.body.clone());
        let mut response = Response::new(200, "application/xml", "");
        response.headers.push(("ETag", etag(&request.body)));
        Ok(response)
    }

    fn list(&self, request: &Request, bucket: &str) -> Response {
        let prefix = request.field("prefix").unwrap_or_default();
        let delimiter = request
            .field("delimiter")
            .filter(|delimiter| !delimiter.is_empty());
        let after = request
            .field("continuation-token")
            .or_else(|| request.field("start-after"));
        let most = request
            .field("max-keys")
            .and_then(|most| most.parse().ok())
            .unwrap_or(PAGE)
            .min(PAGE);
        let objects = self.0.lock().expect("no thread panics");
        let mut xml = String::new();
        let (mut entries, mut last_entry, mut token) = (0, String::new(), None);
        for (name, content) in objects.iter() {
            let Some(key) = name
                .strip_prefix(bucket)
                .and_then(|rest| rest.strip_prefix('/'))
                .filter(|key| key.starts_with(&prefix))
            else {
                continue;
            };
            let cut = delimiter.as_ref().and_then(|delimiter| {
                Some(prefix.len() + key[prefix.len()..].find(delimiter)? + delimiter.len())
            });
            let entry = &key[..cut.unwrap_or(key.len())];
            if entry == last_entry || after.as_deref().is_some_and(|after| entry <= after) {
                continue;
            }
            if entries == most {
                token = Some(last_entry.clone());
                break;
            }
            entries += 1;
            entry.clone_into(&mut last_entry);
            let entry = escaped(entry);
            let _ = match cut {
                Some(_) => write!(
                    xml,
                    "<CommonPrefixes><Prefix>{entry}</Prefix></CommonPrefixes>"
                ),
                None => write!(
                    xml,
                    "<Contents><Key>{entry}</Key><LastModified>{MODIFIED}</LastModified><ETag>{}</ETag><Size>{}</Size>\
                     <StorageClass>STANDARD</StorageClass></Contents>",
                    escaped(&etag(content)),
                    content.len()
                ),
            };
        }
        let next = token.as_ref().map_or_else(String::new, |token| {
            format!(
                "<NextContinuationToken>{}</NextContinuationToken>",
                escaped(token)
            )
        });
        let whole = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <Name>{}</Name><Prefix>{}</Prefix><KeyCount>{entries}</KeyCount><MaxKeys>{most}</MaxKeys><IsTruncated>{}</IsTruncated>{next}{xml}\
             </ListBucketResult>",
            escaped(bucket),
            escaped(&prefix),
            token.is_some()
        );
        Response::new(200, "application/xml", whole)
    }
}

fn etag(content: &[u8]) -> String {
    format!("\"{:016x}\"", hash_bytes(content))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

/// The bytes that `bytes=a-b`, `bytes=a-` or `bytes=-n` mean.
fn bounds(range: &str, length: usize) -> Option<(usize, usize)> {
    let (first, last) = range.strip_prefix("bytes=")?.split_once('-')?;
    let (from, to) = match (first.parse::<usize>().ok(), last.parse::<usize>().ok()) {
        (Some(from), Some(last)) => (from, (last + 1).min(length)),
        (Some(from), None) => (from, length),
        (None, Some(count)) => (length.saturating_sub(count), length),
        (None, None) => return None,
    };
    (from < to).then_some((from, to))
}
