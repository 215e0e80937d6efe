//! Which operation a request means, and who asks.

use serde_json::{Value, json};

use super::answer::{Problem, Protocol};
use super::cbor;
use super::http::{Request, form_field};
use super::random::{hash, hash_bytes};
use super::s3;
use super::world::World;

/// What a request is about.
#[derive(Debug)]
pub(crate) struct Target {
    /// As IAM spells it, `ecs:ListTasks`.
    pub(crate) op: String,
    pub(crate) protocol: Protocol,
    pub(crate) region: String,
    /// Empty where the key belongs to none.
    pub(crate) account: String,
    pub(crate) key: String,
    /// When it was signed, epoch seconds.
    pub(crate) signed_s: Option<i64>,
    /// Without its page token.
    pub(crate) input: Value,
    pub(crate) token: Option<String>,
    /// The same for the same question.
    pub(crate) what: u64,
}

impl Target {
    /// Reads the credential scope, the operation and its input.
    pub(crate) fn of(request: &Request, world: &World) -> Result<Self, Problem> {
        let authorization = request.header("authorization").unwrap_or_default();
        let scope = authorization
            .split("Credential=")
            .nth(1)
            .and_then(|rest| rest.split(',').next())
            .unwrap_or_default();
        let mut parts = scope.split('/');
        let (Some(key), Some(_), Some(region), Some(service)) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Problem::new(
                403,
                "MissingAuthenticationToken",
                "Request is missing Authentication Token",
            ));
        };
        let protocol = Protocol::of(service);
        let (operation, mut input) = operation(request, protocol, key)?;
        let prefix = if service == "monitoring" {
            "cloudwatch"
        } else {
            service
        };
        let op = if protocol == Protocol::S3 {
            operation
        } else {
            format!("{prefix}:{operation}")
        };
        let token = ["nextToken", "NextToken"]
            .iter()
            .find_map(|name| input.as_object_mut()?.remove(*name));
        let account = world
            .account_of_key(key)
            .map(|account| account.id.clone())
            .unwrap_or_default();
        let where_from = hash_bytes(
            format!("{op} {account} {region} {} {}", request.path, request.query).as_bytes(),
        );
        Ok(Self {
            op,
            protocol,
            region: region.to_owned(),
            account,
            key: key.to_owned(),
            signed_s: request.header("x-amz-date").and_then(signing_time),
            input,
            token: token.and_then(|token| token.as_str().map(str::to_owned)),
            what: hash(where_from, hash_bytes(&request.body)),
        })
    }
}

/// The operation's name and its input.
fn operation(request: &Request, protocol: Protocol, key: &str) -> Result<(String, Value), Problem> {
    let malformed = || Problem::new(400, "SerializationException", "the body cannot be read");
    match protocol {
        Protocol::S3 => Ok((s3::op(request).to_owned(), json!({}))),
        Protocol::Cbor => {
            let operation = request
                .path
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .to_owned();
            Ok((
                operation,
                cbor::decoded(&request.body).map_err(|_| malformed())?,
            ))
        }
        Protocol::Query => {
            let form = String::from_utf8_lossy(&request.body);
            let field = |name: &str| form_field(&form, name);
            let input = json!({
                "RoleArn": field("RoleArn"), "RoleSessionName": field("RoleSessionName"), "ExternalId": field("ExternalId"), "key": key,
            });
            Ok((field("Action").unwrap_or_default(), input))
        }
        Protocol::Json => {
            let target = request
                .header("x-amz-target")
                .and_then(|target| target.split_once('.'));
            // REST services have no target; the fake plays none of them.
            let operation = target
                .map_or(request.path.as_str(), |(_, operation)| operation)
                .to_owned();
            let body: &[u8] = if request.body.is_empty() {
                b"{}"
            } else {
                &request.body
            };
            Ok((
                operation,
                serde_json::from_slice(body).map_err(|_| malformed())?,
            ))
        }
    }
}

/// Epoch seconds of `20261120T120000Z`.
fn signing_time(text: &str) -> Option<i64> {
    let time = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", text).ok()?;
    Some(
        time.to_zoned(jiff::tz::TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_second(),
    )
}
