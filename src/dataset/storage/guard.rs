//! Between the store and the network: lets only reads and conditional creates out, and turns what S3 refuses, or what
//! is no answer of S3 at all, into errors that can be told apart.

use std::fmt;

use futures::future::BoxFuture;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpService,
    ReqwestConnector,
};

/// Connects through the guard.
#[derive(Debug)]
pub(super) struct Guarded;

impl HttpConnector for Guarded {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(Guard(
            ReqwestConnector::default().connect(options)?,
        )))
    }
}

#[derive(Debug)]
struct Guard(HttpClient);

impl HttpService for Guard {
    fn call<'a, 'f>(
        &'a self,
        request: HttpRequest,
    ) -> BoxFuture<'f, Result<HttpResponse, HttpError>>
    where
        'a: 'f,
        Self: 'f,
    {
        Box::pin(exchange(&self.0, request))
    }
}

async fn exchange(client: &HttpClient, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    if !is_allowed(&request) {
        return Err(permanent(Forbidden));
    }
    let is_listing = request
        .uri()
        .query()
        .is_some_and(|query| query.split('&').any(|pair| pair == "list-type=2"));
    let response = client.execute(request).await?;
    if !response.status().is_success() {
        return Err(permanent(refusal(response).await));
    }
    if !is_listing {
        // Every answer about an object carries its tag.
        return if response.headers().contains_key("etag") {
            Ok(response)
        } else {
            Err(permanent(NotS3))
        };
    }
    let (head, body) = response.into_parts();
    let body = body.bytes().await?;
    if !is_whole_listing(&String::from_utf8_lossy(&body)) {
        return Err(permanent(NotS3));
    }
    Ok(HttpResponse::from_parts(head, body.into()))
}

/// Reads, and writes that fail where something is already.
fn is_allowed(request: &HttpRequest) -> bool {
    match request.method().as_str() {
        "GET" => true,
        "PUT" => request
            .headers()
            .get("if-none-match")
            .is_some_and(|value| value == "*"),
        _ => false,
    }
}

/// An error that only we try again, if anyone.
fn permanent(cause: impl std::error::Error + Send + Sync + 'static) -> HttpError {
    HttpError::new(HttpErrorKind::Unknown, cause)
}

/// A request that neither reads nor creates.
#[derive(Debug)]
struct Forbidden;

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("only reads and conditional creates may be sent")
    }
}

impl std::error::Error for Forbidden {}

/// An answer that S3 does not give: a listing that is none, or one that says there is more without saying where.
#[derive(Debug)]
pub(super) struct NotS3;

impl fmt::Display for NotS3 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is not one of S3's; is there a proxy or a captive portal?")
    }
}

impl std::error::Error for NotS3 {}

/// S3's own "no". Of its body only the code and what the message says of the action are kept: bodies may quote tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Refusal {
    /// HTTP status.
    pub(super) status: u16,
    /// S3's error code, where it gave one.
    pub(super) code: String,
    /// The action that the credentials lack, where S3 says so.
    pub(super) action: Option<String>,
    /// Where the bucket is, where S3 says so.
    pub(super) region: Option<String>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "S3 answers {} {}", self.status, self.code)
    }
}

impl std::error::Error for Refusal {}

async fn refusal(response: HttpResponse) -> Refusal {
    let status = response.status().as_u16();
    let region = response
        .headers()
        .get("x-amz-bucket-region")
        .and_then(|value| value.to_str().ok())
        .map(name);
    // A refusal whose body breaks off is still a refusal.
    let body = response.into_body().bytes().await.unwrap_or_default();
    let told = told(status, &String::from_utf8_lossy(&body));
    Refusal {
        region: region.or(told.region),
        ..told
    }
}

/// What an error body says: <https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html>.
fn told(status: u16, body: &str) -> Refusal {
    let action =
        tag(body, "Message").and_then(|message| message.split_once("not authorized to perform: "));
    Refusal {
        status,
        code: tag(body, "Code").map(name).unwrap_or_default(),
        action: action.map(|(_, rest)| name(rest.split_whitespace().next().unwrap_or_default())),
        region: tag(body, "Region").map(name),
    }
}

/// Names of AWS's are short and plain; what else stands there is not repeated.
fn name(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || ".:-_".contains(*c))
        .take(60)
        .collect()
}

fn tag<'t>(xml: &'t str, name: &str) -> Option<&'t str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// Complete, and truncated only where it says how to go on.
fn is_whole_listing(body: &str) -> bool {
    let has_frame =
        body.contains("<ListBucketResult") && body.trim_end().ends_with("</ListBucketResult>");
    let goes_on = tag(body, "NextContinuationToken").is_some_and(|token| !token.is_empty());
    has_frame
        && match tag(body, "IsTruncated") {
            Some("true") => goes_on,
            Some("false") => !goes_on,
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use object_store::client::HttpRequestBody;

    use super::*;

    #[test]
    fn only_reads_and_conditional_creates_pass() {
        let request = |method: &str, condition: Option<&str>| {
            let mut request = HttpRequest::new(HttpRequestBody::empty());
            *request.method_mut() = method.parse().expect("a method");
            if let Some(condition) = condition {
                request
                    .headers_mut()
                    .insert("if-none-match", condition.parse().expect("a value"));
            }
            request
        };
        assert!(is_allowed(&request("GET", None)));
        assert!(is_allowed(&request("PUT", Some("*"))));
        for (method, condition) in [
            ("PUT", None),
            ("PUT", Some("\"etag\"")),
            ("POST", Some("*")),
            ("DELETE", Some("*")),
        ] {
            assert!(
                !is_allowed(&request(method, condition)),
                "{method} {condition:?}"
            );
        }
    }

    #[test]
    fn a_refusal_keeps_code_action_and_region_and_nothing_else() {
        let body = "<Error><Code>AccessDenied</Code><Message>User: arn:aws:iam::123456789012:user/CANARY is not authorized to \
                    perform: kms:GenerateDataKey on resource: CANARY because no policy allows it</Message>\
                    <CanonicalRequest>x-amz-security-token:CANARY</CanonicalRequest></Error>";
        let refusal = told(403, body);
        assert_eq!(
            (refusal.code.as_str(), refusal.action.as_deref()),
            ("AccessDenied", Some("kms:GenerateDataKey"))
        );
        assert!(!format!("{refusal:?}").contains("CANARY"));
        assert_eq!(
            told(400, "<Region>eu-west-1</Region>").region.as_deref(),
            Some("eu-west-1")
        );
        assert_eq!(told(502, "<html>Bad Gateway").code, "");
    }

    #[test]
    fn a_listing_that_ends_without_a_word_is_none() {
        let listing = |inside: &str| {
            format!(
                "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\">{inside}</ListBucketResult>"
            )
        };
        assert!(is_whole_listing(&listing(
            "<IsTruncated>false</IsTruncated>"
        )));
        assert!(is_whole_listing(&listing(
            "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
        )));
        assert!(!is_whole_listing(&listing(
            "<IsTruncated>true</IsTruncated>"
        )));
        assert!(!is_whole_listing(&listing("<Contents></Contents>")));
        assert!(!is_whole_listing("<html>please log in</html>"));
        assert!(!is_whole_listing(""));
    }
}
