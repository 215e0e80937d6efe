//! The server: one thread for each connection, one request after the other.

use std::collections::HashMap;
use std::fmt;
use std::io::{BufReader, Read};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, RwLock};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use super::answer::{Ask, Problem, Protocol};
use super::calls::{Call, Calls};
use super::faults::{Fault, Kind};
use super::http::{Delivery, Request, Response, reset};
use super::quotas::{Buckets, Quotas};
use super::s3::Objects;
use super::spoil::spoil;
use super::target::Target;
use super::world::World;
use super::{cloudwatch, codebuild, ecs, logs, pricing, sts};

/// AWS refuses signatures that are further from its clock than this, seconds.
const MOST_SKEW_S: i64 = 300;

/// A running fake. It ends, and every connection with it, when it is dropped.
pub(crate) struct Fake {
    shared: Arc<Shared>,
    address: SocketAddr,
    accepting: Option<JoinHandle<()>>,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

struct Shared {
    world: RwLock<World>,
    /// How often the world was changed.
    changes: AtomicU64,
    objects: Objects,
    calls: Mutex<Calls>,
    quotas: Mutex<(Option<Quotas>, Buckets)>,
    kill: Mutex<Option<Hook>>,
    connections: Mutex<HashMap<usize, TcpStream>>,
    is_over: AtomicBool,
}

impl fmt::Debug for Fake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a fake AWS at {}", self.address)
    }
}

impl Fake {
    /// Serves `world` on a port of this machine.
    pub(crate) fn start(world: World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port on this machine");
        let address = listener.local_addr().expect("a bound address");
        let shared = Arc::new(Shared {
            world: RwLock::new(world),
            changes: AtomicU64::new(0),
            objects: Objects::default(),
            calls: Mutex::default(),
            quotas: Mutex::default(),
            kill: Mutex::default(),
            connections: Mutex::default(),
            is_over: AtomicBool::new(false),
        });
        let serving = shared.clone();
        let accepting = std::thread::spawn(move || accept(&listener, &serving));
        Self {
            shared,
            address,
            accepting: Some(accepting),
        }
    }

    /// `http://127.0.0.1:PORT`.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What a child process needs in its environment, with the keys of the first account. An empty `HOME` is the test's
    /// matter.
    pub(crate) fn env(&self) -> Vec<(String, String)> {
        let key = self.look(|world| world.accounts[0].keys[0].clone());
        self.env_of(&key)
    }

    /// The same with the access key id `key`.
    pub(crate) fn env_of(&self, key: &str) -> Vec<(String, String)> {
        let region = self.look(|world| {
            let region = world
                .account_of_key(key)
                .and_then(|account| account.regions.first());
            region.map_or_else(|| "us-east-1".to_owned(), |region| region.name.clone())
        });
        let endpoint = self.endpoint();
        let variables = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", "CANARY-secret-access-key"),
            ("AWS_SESSION_TOKEN", "CANARY-session-token"),
            ("AWS_REGION", &region),
            ("AWS_EC2_METADATA_DISABLED", "true"),
        ];
        variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .to_vec()
    }

    /// The text of an AWS configuration file with a profile for each account, named by its id.
    pub(crate) fn profiles(&self) -> String {
        let profile = |id: &str, key: &str| {
            format!(
                "[profile {id}]\naws_access_key_id = {key}\naws_secret_access_key = CANARY-profile-secret\nregion = us-east-1\n"
            )
        };
        self.look(|world| {
            world
                .accounts
                .iter()
                .map(|account| profile(&account.id, &account.keys[0]))
                .collect()
        })
    }

    /// Looks at the world.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&World) -> T) -> T {
        look(&self.shared.world.read().expect("no thread panics"))
    }

    /// Changes the world.
    pub(crate) fn change(&self, change: impl FnOnce(&mut World)) {
        self.shared.changes.fetch_add(1, Ordering::SeqCst);
        change(&mut self.shared.world.write().expect("no thread panics"));
    }

    /// How often the world was changed: as long as this is the same, so is the world.
    pub(crate) fn changes(&self) -> u64 {
        self.shared.changes.load(Ordering::SeqCst)
    }

    /// Moves the world's clock.
    pub(crate) fn set_now(&self, now_ms: i64) {
        self.change(|world| world.now_ms = now_ms);
    }

    /// From now on these faults, which begin to count here.
    pub(crate) fn set_faults(&self, faults: Vec<Fault>) {
        self.shared
            .calls
            .lock()
            .expect("no thread panics")
            .set_faults(faults);
    }

    /// From now on these rates, with full buckets.
    pub(crate) fn set_quotas(&self, quotas: Option<Quotas>) {
        *self.shared.quotas.lock().expect("no thread panics") = (quotas, Buckets::default());
    }

    /// What [`Kind::KillClient`] calls.
    pub(crate) fn on_kill(&self, hook: impl Fn() + Send + Sync + 'static) {
        *self.shared.kill.lock().expect("no thread panics") = Some(Arc::new(hook));
    }

    /// Every request so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        self.shared
            .calls
            .lock()
            .expect("no thread panics")
            .all()
            .to_vec()
    }

    /// Requests of operation `op`.
    pub(crate) fn calls_of(&self, op: &str) -> usize {
        self.shared
            .calls
            .lock()
            .expect("no thread panics")
            .all()
            .iter()
            .filter(|call| call.op == op)
            .count()
    }

    /// Operations asked for that the fake does not play.
    pub(crate) fn unexpected(&self) -> Vec<String> {
        let calls = self.calls();
        calls
            .into_iter()
            .filter(|call| call.status == Some(418))
            .map(|call| call.op)
            .collect()
    }

    /// Forgets every call; faults begin to count anew.
    pub(crate) fn clear(&self) {
        self.shared.calls.lock().expect("no thread panics").clear();
    }

    /// The objects in S3.
    pub(crate) fn objects(&self) -> &Objects {
        &self.shared.objects
    }
}

impl Drop for Fake {
    fn drop(&mut self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
        for connection in self
            .shared
            .connections
            .lock()
            .expect("no thread panics")
            .values()
        {
            let _ = connection.shutdown(Shutdown::Both);
        }
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        let _ = self.accepting.take().map(JoinHandle::join);
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>) {
    for (no, stream) in listener.incoming().enumerate() {
        if shared.is_over.load(Ordering::SeqCst) {
            return;
        }
        let Ok(stream) = stream else { continue };
        let Ok(known) = stream.try_clone() else {
            continue;
        };
        shared
            .connections
            .lock()
            .expect("no thread panics")
            .insert(no, known);
        let shared = shared.clone();
        std::thread::spawn(move || {
            let _ = stream.set_nodelay(true);
            let _ = shared.serve(stream);
            shared
                .connections
                .lock()
                .expect("no thread panics")
                .remove(&no);
        });
    }
}

/// What becomes of a request.
enum Outcome {
    Send(Response, Delivery),
    Reset,
    Stall,
    Close,
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = Request::read(&mut reader)? {
            let (n, outcome) = self.outcome(&request);
            let goes_on = match outcome {
                Outcome::Send(mut response, delivery) => {
                    response.head_only |= request.method == "HEAD";
                    let is_whole = matches!(delivery, Delivery::Whole | Delivery::Dripping(_));
                    // On record before the client can know.
                    self.calls
                        .lock()
                        .expect("no thread panics")
                        .end(n, response.status, is_whole);
                    let sent = response.send(&mut writer, delivery);
                    if sent.is_err() {
                        self.calls
                            .lock()
                            .expect("no thread panics")
                            .end(n, response.status, false);
                    }
                    sent?
                }
                Outcome::Reset => {
                    reset(&writer)?;
                    false
                }
                Outcome::Stall => {
                    // Until the client gives up, or the fake ends.
                    std::io::copy(&mut reader.by_ref().take(u64::MAX), &mut std::io::sink())?;
                    false
                }
                Outcome::Close => false,
            };
            if !goes_on {
                break;
            }
        }
        Ok(())
    }

    /// The number of the call, and what becomes of it.
    fn outcome(&self, request: &Request) -> (usize, Outcome) {
        let target = Target::of(request, &self.world.read().expect("no thread panics"));
        let target = match target {
            Ok(target) => target,
            Err(problem) => {
                return (
                    usize::MAX,
                    Outcome::Send(
                        self.finished(problem.response(Protocol::Json), 0),
                        Delivery::Whole,
                    ),
                );
            }
        };
        let (n, ahead_s, kind) = self.calls.lock().expect("no thread panics").begin(&target);
        let kind = kind.as_ref();
        match kind {
            Some(Kind::ResetBeforeHeaders) => return (n, Outcome::Reset),
            Some(Kind::Stall) => return (n, Outcome::Stall),
            Some(Kind::KillClient) => {
                let hook = self.kill.lock().expect("no thread panics").clone();
                if let Some(hook) = hook {
                    hook();
                }
                return (n, Outcome::Close);
            }
            Some(Kind::HugeLatency(ms)) => std::thread::sleep(Duration::from_millis(*ms)),
            _ => {}
        }
        let response = self.answered(request, &target, ahead_s, kind);
        let response = self.finished(
            response.unwrap_or_else(|problem| problem.response(target.protocol)),
            ahead_s,
        );
        let delivery = match kind {
            Some(Kind::Slow(ms)) => Delivery::Dripping(Duration::from_millis(*ms)),
            Some(Kind::ResetMidBody(bytes)) => Delivery::ResetAfter(*bytes),
            Some(Kind::TruncatedBody) => Delivery::ClosedAfter(response.body.len() / 2),
            _ => Delivery::Whole,
        };
        (n, Outcome::Send(response, delivery))
    }

    fn answered(
        &self,
        request: &Request,
        target: &Target,
        ahead_s: i64,
        kind: Option<&Kind>,
    ) -> Result<Response, Problem> {
        if let Some(early) = kind.and_then(|kind| early(kind, target)) {
            return early;
        }
        check_signing_time(target, ahead_s)?;
        let world = self.world.read().expect("no thread panics");
        if !self.is_allowed(target, world.now_ms) {
            return Err(throttled(target.protocol));
        }
        if target.account.is_empty() {
            return Err(unknown_client(target.protocol));
        }
        if target.protocol == Protocol::S3 {
            return self.objects.answer(request);
        }
        let place = world
            .place(&target.account, &target.region)
            .ok_or_else(|| unknown_client(target.protocol))?;
        let (input, token) = (target.input.clone(), target.token.clone());
        let ask = Ask {
            place,
            op: &target.op,
            input,
            token,
            fault: kind,
        };
        let answer = match target.op.split(':').next() {
            Some("sts") => sts::answer(&ask),
            Some("ecs") => ecs::answer(&ask),
            Some("codebuild") => codebuild::answer(&ask),
            Some("cloudwatch") => cloudwatch::answer(&ask),
            Some("logs") => logs::answer(&ask),
            Some("pricing") => pricing::answer(&ask),
            _ => Err(Problem::unexpected(&target.op)),
        };
        Ok(spoil(&ask, answer?).response())
    }

    /// False where AWS would throttle.
    fn is_allowed(&self, target: &Target, now_ms: i64) -> bool {
        let (quotas, buckets) = &mut *self.quotas.lock().expect("no thread panics");
        let place = (target.account.as_str(), target.region.as_str());
        quotas.is_none_or(|quotas| buckets.allow(quotas, place, &target.op, &target.input, now_ms))
    }

    /// With the headers that every answer of AWS has.
    fn finished(&self, mut response: Response, ahead_s: i64) -> Response {
        let now = jiff::Timestamp::from_second(now_s() + ahead_s).expect("a time of this century");
        response.headers.push((
            "Date",
            now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string(),
        ));
        response.headers.push((
            "x-amzn-RequestId",
            format!(
                "00000000-0000-4000-8000-{:012}",
                self.calls.lock().expect("no thread panics").all().len()
            ),
        ));
        response
    }
}

fn now_s() -> i64 {
    let since = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .expect("after 1970");
    i64::try_from(since.as_secs()).expect("a time of this century")
}

fn throttled(protocol: Protocol) -> Problem {
    match protocol {
        Protocol::S3 => Problem::new(503, "SlowDown", "Please reduce your request rate."),
        Protocol::Query => Problem::new(400, "Throttling", "Rate exceeded"),
        _ => Problem::new(400, "ThrottlingException", "Rate exceeded"),
    }
}

/// The refusal of keys that are not known where they are used: wrong ones, and all in a region that is not opted in.
fn unknown_client(protocol: Protocol) -> Problem {
    let message = "The security token included in the request is invalid.";
    match protocol {
        Protocol::Query => Problem::new(403, "InvalidClientTokenId", message),
        Protocol::S3 => Problem::new(
            403,
            "InvalidAccessKeyId",
            "The AWS Access Key Id you provided does not exist in our records.",
        ),
        _ => Problem::new(400, "UnrecognizedClientException", message),
    }
}

fn check_signing_time(target: &Target, ahead_s: i64) -> Result<(), Problem> {
    let is_far = target
        .signed_s
        .is_some_and(|signed_s| (now_s() + ahead_s - signed_s).abs() > MOST_SKEW_S);
    let message = "Signature expired: it is not within 5 minutes of the server's time";
    match target.protocol {
        _ if !is_far => Ok(()),
        Protocol::Json | Protocol::Cbor => {
            Err(Problem::new(400, "InvalidSignatureException", message))
        }
        Protocol::Query => Err(Problem::new(403, "SignatureDoesNotMatch", message)),
        Protocol::S3 => Err(Problem::new(403, "RequestTimeTooSkewed", message)),
    }
}

/// The answer of faults that do not care what was asked.
#[expect(clippy::too_many_lines, reason = "one fault after the other")]
fn early(kind: &Kind, target: &Target) -> Option<Result<Response, Problem>> {
    let protocol = target.protocol;
    let refused =
        |status: u16, code: &str, message: &str| Some(Err(Problem::new(status, code, message)));
    let content_type = match protocol {
        Protocol::Json => "application/x-amz-json-1.1",
        Protocol::Cbor => "application/cbor",
        Protocol::Query => "text/xml",
        Protocol::S3 => "binary/octet-stream",
    };
    let told = |status: u16, body: &[u8]| Some(Ok(Response::new(status, content_type, body)));
    let denied = |because: &str| {
        let (account, op) = (&target.account, &target.op);
        let message = format!(
            "User: arn:aws:sts::{account}:assumed-role/x/y is not authorized to perform: {op} {because}"
        );
        let is_plain = matches!(protocol, Protocol::Query | Protocol::S3);
        refused(
            if is_plain { 403 } else { 400 },
            if is_plain {
                "AccessDenied"
            } else {
                "AccessDeniedException"
            },
            &message,
        )
    };
    match kind {
        Kind::Throttle => Some(Err(throttled(protocol))),
        Kind::ThrottleBare429 => told(429, b""),
        Kind::RequestLimitExceeded => {
            refused(503, "RequestLimitExceeded", "Request limit exceeded.")
        }
        Kind::Status(status) => told(*status, b""),
        Kind::ServerException => refused(
            500,
            server_code(&target.op),
            "Service Unavailable. Please try again later.",
        ),
        Kind::CaptivePortalHtml200 => Some(Ok(Response::new(
            200,
            "text/html",
            "<html><body>Welcome to our Wi-Fi. Please log in.</body></html>",
        ))),
        Kind::BadBody => told(200, b"\x9f{\"\xff\x00 <"),
        Kind::EmptyBody200 => told(200, b""),
        Kind::EmptyObject200 => told(
            200,
            match protocol {
                Protocol::Cbor => b"\xa0",
                Protocol::Json => b"{}",
                Protocol::Query | Protocol::S3 => b"<x/>",
            },
        ),
        Kind::ForeignObject200 => told(
            200,
            match protocol {
                Protocol::Cbor => b"\xa1\x65items\x81\x01",
                Protocol::Json => br#"{"items":[1],"status":"ok"}"#,
                Protocol::Query | Protocol::S3 => b"<status>ok</status>",
            },
        ),
        Kind::ExpiredCredentials => match protocol {
            Protocol::Query => refused(
                403,
                "ExpiredToken",
                "The security token included in the request is expired",
            ),
            Protocol::S3 => refused(400, "ExpiredToken", "The provided token has expired."),
            _ => refused(
                400,
                "ExpiredTokenException",
                "The security token included in the request is expired",
            ),
        },
        Kind::Denied => denied("because no identity-based policy allows the action"),
        Kind::DeniedByScp => denied("with an explicit deny in a service control policy"),
        Kind::OptedOutRegion => Some(Err(unknown_client(protocol))),
        Kind::ClusterNotFound => refused(400, "ClusterNotFoundException", "Cluster not found."),
        Kind::ServiceNotFound => refused(400, "ServiceNotFoundException", "Service not found."),
        Kind::LogGroupGone => refused(
            400,
            "ResourceNotFoundException",
            "The specified log group does not exist.",
        ),
        Kind::SlowDown => refused(503, "SlowDown", "Please reduce your request rate."),
        Kind::PreconditionFailed => refused(
            412,
            "PreconditionFailed",
            "At least one of the pre-conditions you specified did not hold",
        ),
        Kind::Conflict => refused(
            409,
            "ConditionalRequestConflict",
            "The conditional request cannot succeed due to a conflicting operation",
        ),
        Kind::ExpiredNextToken => {
            let code = stale_token_code(&target.op);
            refused(400, code, "The pagination token has expired.")
        }
        _ => None,
    }
}

/// The service's word for a token that is not good any more.
fn stale_token_code(op: &str) -> &'static str {
    match op.split(':').next() {
        Some("cloudwatch") => "InvalidNextToken",
        Some("codebuild") => "InvalidInputException",
        Some("pricing") => "ExpiredNextTokenException",
        _ => "InvalidParameterException",
    }
}

/// The service's word for a failure on its side.
fn server_code(op: &str) -> &'static str {
    match op.split(':').next() {
        Some("ecs") => "ServerException",
        Some("logs") => "ServiceUnavailableException",
        Some("cloudwatch") => "InternalServiceError",
        Some("pricing") => "InternalErrorException",
        Some("s3") => "InternalError",
        _ => "InternalFailure",
    }
}
