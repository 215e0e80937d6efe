//! What a service is asked, and what it answers, before either is on the wire.

use serde_json::{Map, Value, json};

use super::cbor;
use super::faults::Kind;
use super::http::Response;
use super::metric_data::MetricData;
use super::random::hash_bytes;
use super::world::Place;

/// A call of an operation that AWS has and the fake knows.
#[derive(Debug)]
pub(crate) struct Ask<'w> {
    pub(crate) place: Place<'w>,
    /// As IAM spells it, `ecs:ListTasks`.
    pub(crate) op: &'w str,
    /// Without its page token.
    pub(crate) input: Value,
    pub(crate) token: Option<String>,
    /// The fault that is to be in the answer.
    pub(crate) fault: Option<&'w Kind>,
}

/// Tokens that faults make up: the listing begins again.
pub(crate) const AGAIN: &str = "again-";

/// An answer, ready to be spoilt.
#[derive(Debug)]
pub(crate) enum Answer {
    Json(Value),
    Cbor(Value),
    Metrics(MetricData),
    Xml(String),
    /// Of S3: the whole response.
    Object(Response),
}

/// AWS's refusal.
#[derive(Debug, Clone)]
pub(crate) struct Problem {
    pub(crate) status: u16,
    pub(crate) code: String,
    pub(crate) message: String,
}

/// How a service speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    Json,
    Cbor,
    Query,
    S3,
}

impl Protocol {
    /// Of the service that a credential scope names.
    pub(crate) fn of(service: &str) -> Self {
        match service {
            "monitoring" => Self::Cbor,
            "sts" => Self::Query,
            "s3" => Self::S3,
            _ => Self::Json,
        }
    }
}

impl Problem {
    pub(crate) fn new(status: u16, code: &str, message: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            message: message.into(),
        }
    }

    /// What the fake does not play: a test fails on it.
    pub(crate) fn unexpected(what: &str) -> Self {
        Self::new(418, "NotPlayed", format!("the fake does not play {what}"))
    }

    /// On the wire.
    pub(crate) fn response(&self, protocol: Protocol) -> Response {
        let Self {
            status,
            code,
            message,
        } = self;
        match protocol {
            Protocol::Json => Response::new(
                *status,
                "application/x-amz-json-1.1",
                json!({ "__type": code, "message": message }).to_string(),
            ),
            Protocol::Cbor => cbor_response(
                *status,
                cbor::encoded(&json!({ "__type": code, "message": message })),
            ),
            Protocol::Query => {
                let xml = format!(
                    "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type><Code>{code}</Code>\
                     <Message>{message}</Message></Error><RequestId>0</RequestId></ErrorResponse>"
                );
                Response::new(*status, "text/xml", xml)
            }
            Protocol::S3 => {
                let xml = format!(
                    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message>\
                     <RequestId>0</RequestId></Error>"
                );
                Response::new(*status, "application/xml", xml)
            }
        }
    }
}

fn cbor_response(status: u16, body: Vec<u8>) -> Response {
    let mut response = Response::new(status, "application/cbor", body);
    response
        .headers
        .push(("smithy-protocol", "rpc-v2-cbor".to_owned()));
    response
}

impl Answer {
    /// On the wire.
    pub(crate) fn response(self) -> Response {
        match self {
            Self::Json(value) => {
                Response::new(200, "application/x-amz-json-1.1", value.to_string())
            }
            Self::Cbor(value) => cbor_response(200, cbor::encoded(&value)),
            Self::Metrics(data) => cbor_response(200, data.encoded()),
            Self::Xml(text) => Response::new(200, "text/xml", text),
            Self::Object(response) => response,
        }
    }
}

impl Ask<'_> {
    /// A text of the input.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.input.get(name)?.as_str()
    }

    /// A whole number of the input.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.input.get(name)?.as_i64()
    }

    /// A list of texts of the input; empty where it is not there.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.input
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect()
    }

    /// Where the page begins: what [`Ask::token_at`] was told, `None` for the first page.
    pub(crate) fn position(&self) -> Result<Option<String>, Problem> {
        let Some(token) = self
            .token
            .as_deref()
            .filter(|token| !token.starts_with(AGAIN))
        else {
            return Ok(None);
        };
        let position = token.rsplit_once('.').map(|(position, _)| position);
        match position.filter(|position| self.token_at(position) == token) {
            Some(position) => Ok(Some(position.to_owned())),
            None => Err(self.stale_token()),
        }
    }

    /// A token that is good for this operation and this input only.
    pub(crate) fn token_at(&self, position: &str) -> String {
        let check = hash_bytes(
            format!("{} {} {position} {}", self.op, self.input, self.place.seed).as_bytes(),
        );
        format!("{position}.{check:016x}")
    }

    /// The refusal of a token that is not, or not any more, good.
    pub(crate) fn stale_token(&self) -> Problem {
        match self.op.split(':').next() {
            Some("cloudwatch") => Problem::new(
                400,
                "InvalidNextToken",
                "The next token specified is invalid.",
            ),
            Some("codebuild") => Problem::new(400, "InvalidInputException", "Invalid next token"),
            Some("logs") => Problem::new(
                400,
                "InvalidParameterException",
                "The specified nextToken is invalid.",
            ),
            Some("pricing") => Problem::new(
                400,
                "ExpiredNextTokenException",
                "The pagination token expired.",
            ),
            _ => Problem::new(
                400,
                "InvalidParameterException",
                "Invalid token: it is expired or not of this request",
            ),
        }
    }

    /// The page of `items` that the token means, of `size` items.
    pub(crate) fn page<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        size: usize,
    ) -> Result<Page<T>, Problem> {
        let from: usize = self
            .position()?
            .map_or(Ok(0), |position| position.parse())
            .map_err(|_| self.stale_token())?;
        let mut items = items.into_iter().skip(from);
        let page: Vec<T> = items.by_ref().take(size).collect();
        let token = items
            .next()
            .map(|_| self.token_at(&(from + page.len()).to_string()));
        Ok(Page { items: page, token })
    }
}

/// A part of a listing.
#[derive(Debug)]
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    pub(crate) token: Option<String>,
}

impl<T: Into<Value>> Page<T> {
    /// `{ items_name: …, token_name: … }`, without a token on the last page.
    pub(crate) fn named(self, items_name: &str, token_name: &str) -> Value {
        let mut fields = Map::new();
        fields.insert(
            items_name.to_owned(),
            self.items.into_iter().map(Into::into).collect(),
        );
        fields.extend(
            self.token
                .map(|token| (token_name.to_owned(), token.into())),
        );
        fields.into()
    }
}

/// Epoch seconds with milliseconds, as the JSON protocols have it.
pub(crate) fn epoch(ms: i64) -> Value {
    json!(ms as f64 / 1_000.0)
}
