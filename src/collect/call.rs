//! One call to AWS: paced, repeated where that helps, and its failure told in plain words.

use std::collections::BTreeSet;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use tokio::sync::watch;

use super::answer::Answer;
use super::rates::{Class, Rates};
use crate::aws::{Clients, first_line, innermost};
use crate::dataset::schema::State;
use crate::model::tags::TagKeys;

/// Attempts at one call before its scope is given up.
const MOST_ATTEMPTS: u32 = 8;
/// Pages without a single item, one after the other, before a listing is taken to be without end.
const MOST_EMPTY_PAGES: u32 = 1_000;
/// The same for a search through a log, which gives a page for every stretch in which it found nothing.
const MOST_EMPTY_PAGES_OF_LOGS: u32 = 100_000;
/// Times a listing is begun again because its token expired.
const MOST_RESTARTS: u32 = 3;

/// Why a call, and so its scope, has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The credentials may not do this.
    Denied(String),
    /// The credentials are expired or refused altogether.
    Credentials(String),
    /// The credentials are not known there: they are wrong, or their account has not enabled the region.
    Stranger(String),
    /// The region is not enabled for the account.
    OptedOut,
    /// What was asked about does not exist (any more).
    Gone(String),
    /// AWS did not let us, however slowly we asked.
    Throttled(String),
    /// AWS or the network failed again and again.
    Failed(String),
    /// An answer that contradicts AWS's own rules.
    Protocol(String),
    /// Asking on would cost more than was allowed.
    Budget,
    /// Stopped by the user or by the deadline.
    Stopped(&'static str),
}

impl Fault {
    /// What it makes of a scope-day.
    pub(crate) const fn state(&self) -> State {
        match self {
            Self::Denied(_) => State::Denied,
            Self::OptedOut => State::Disabled,
            _ => State::Partial,
        }
    }

    /// What it makes of a scope-day that it broke off, of which it may be that nothing was seen; `flaws` are of what was.
    pub(crate) fn broke_off(
        &self,
        saw_nothing: bool,
        flaws: Option<String>,
    ) -> (State, Option<String>) {
        if saw_nothing {
            return (self.state(), Some(self.reason()));
        }
        let reasons: Vec<String> = [Some(self.reason()), flaws].into_iter().flatten().collect();
        (State::Partial, Some(reasons.join("; ")))
    }

    /// Whatever else is asked there would fare alike.
    pub(crate) const fn is_of_place(&self) -> bool {
        matches!(
            self,
            Self::OptedOut | Self::Credentials(_) | Self::Stranger(_) | Self::Stopped(_)
        )
    }

    /// In words.
    pub(crate) fn reason(&self) -> String {
        match self {
            Self::Denied(what) => format!("access denied: {what}"),
            Self::Credentials(what) | Self::Stranger(what) => {
                format!("credentials refused: {what}")
            }
            Self::OptedOut => "the region is not enabled for this account".to_owned(),
            Self::Gone(what) => format!("gone: {what}"),
            Self::Throttled(what) => format!("throttled without end: {what}"),
            Self::Failed(what) => format!("no answer: {what}"),
            Self::Protocol(what) => format!("answer not understood: {what}"),
            Self::Budget => "over --max-api-cost".to_owned(),
            Self::Stopped(why) => (*why).to_owned(),
        }
    }
}

/// How calls fare in one account and region.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    /// Requests sent, repeats included.
    pub(crate) calls: AtomicU64,
    /// Of these, answered with a throttle.
    pub(crate) throttled: AtomicU64,
    /// Metrics asked of `GetMetricData`: what is billed.
    pub(crate) metrics: AtomicU64,
}

/// Metrics that may still be asked of `GetMetricData`.
#[derive(Debug)]
pub(crate) struct Spending(AtomicU64);

impl Spending {
    /// At most so many.
    pub(crate) const fn new(most_metrics: u64) -> Self {
        Self(AtomicU64::new(most_metrics))
    }

    /// Takes `metrics`, or fails and takes none.
    pub(crate) fn take(&self, metrics: u64) -> Result<(), Fault> {
        let left = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(metrics)
            });
        left.map(drop).map_err(|_| Fault::Budget)
    }

    /// Gives back what was not answered, and so not billed.
    pub(crate) fn give_back(&self, metrics: u64) {
        self.0.fetch_add(metrics, Ordering::Relaxed);
    }
}

/// One account in one region: its clients, its rates, its count.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// AWS account id.
    pub(crate) account: String,
    /// AWS region.
    pub(crate) region: String,
    /// Name of the credentials, as the user gave it.
    pub(crate) login: String,
    /// ARN of whose credentials these are; empty until AWS told.
    pub(crate) caller: String,
    /// The clients.
    pub(crate) clients: Clients,
    /// What may be asked how fast.
    pub(crate) rates: Arc<Rates>,
    /// What was asked.
    pub(crate) tally: Arc<Tally>,
    /// What all places together may still spend.
    pub(crate) spending: Arc<Spending>,
    /// Which tags are kept.
    pub(crate) tags: Arc<TagKeys>,
    /// When the collection began.
    pub(crate) begun: Instant,
    /// Turns to a reason when everything is to stop.
    pub(crate) stop: watch::Receiver<Option<&'static str>>,
}

impl Place {
    /// Sends what `request` makes, at the pace of `class`, and again where another attempt may help.
    ///
    /// `operation` names the IAM action, for messages.
    pub(crate) async fn call<T, E, F>(
        &self,
        class: Class,
        operation: &'static str,
        request: impl Fn() -> F,
    ) -> Result<T, Fault>
    where
        T: Answer,
        F: Future<Output = Result<T, SdkError<E, HttpResponse>>>,
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        let mut attempt = 1;
        loop {
            self.unless_stopped(self.rates.turn(class)).await?;
            self.tally.calls.fetch_add(1, Ordering::Relaxed);
            let (fault, again) = match self.unless_stopped(request()).await? {
                Ok(answer) if answer.is_its_own() => return Ok(answer),
                Ok(_) => (foreign(operation), true),
                Err(error) => classify(operation, &error),
            };
            if matches!(fault, Fault::Throttled(_)) {
                self.tally.throttled.fetch_add(1, Ordering::Relaxed);
                self.rates.throttled(class);
            }
            tracing::debug!(
                account = self.account,
                region = self.region,
                operation,
                attempt,
                "{}",
                fault.reason()
            );
            if !again || attempt >= MOST_ATTEMPTS {
                return Err(fault);
            }
            self.unless_stopped(tokio::time::sleep(self.rates.back_off(attempt)))
                .await?;
            attempt += 1;
        }
    }

    /// Runs `future` unless or until everything is to stop.
    pub(crate) async fn unless_stopped<T>(
        &self,
        future: impl Future<Output = T>,
    ) -> Result<T, Fault> {
        let mut stop = self.stop.clone();
        tokio::select! {
            biased;
            Ok(why) = stop.wait_for(Option::is_some) => Err(Fault::Stopped(why.unwrap_or("stopped"))),
            done = future => Ok(done),
        }
    }
}

/// An answer that is none to what was asked.
fn foreign(operation: &str) -> Fault {
    let what = "an answer without what this operation answers; is there a proxy?";
    Fault::Protocol(format!("{operation}: {what}"))
}

/// What an error means, and whether asking again may help.
fn classify<E>(operation: &str, error: &SdkError<E, HttpResponse>) -> (Fault, bool)
where
    E: ProvideErrorMetadata + std::error::Error + 'static,
{
    let status = error
        .raw_response()
        .map_or(0, |response| response.status().as_u16());
    let (code, message) = error
        .as_service_error()
        .map_or((None, None), |error| (error.code(), error.message()));
    let told = |detail: &str| format!("{operation}: {detail}");
    match (code.unwrap_or_default(), status) {
        (
            "ThrottlingException"
            | "Throttling"
            | "ThrottledException"
            | "RequestThrottledException"
            | "RequestThrottled"
            | "RequestLimitExceeded"
            | "TooManyRequestsException"
            | "LimitExceededException"
            | "LimitExceededFault"
            | "BandwidthLimitExceeded"
            | "PriorRequestNotComplete"
            | "SlowDown"
            | "ProvisionedThroughputExceededException"
            | "TransactionInProgressException",
            _,
        )
        | ("", 429) => (Fault::Throttled(told(code.unwrap_or("HTTP 429"))), true),
        (
            "AccessDeniedException"
            | "AccessDenied"
            | "UnauthorizedOperation"
            | "AuthorizationError",
            _,
        ) => {
            let by_policy =
                message.is_some_and(|message| message.contains("service control policy"));
            let action = if by_policy {
                format!("{operation}, by a service control policy")
            } else {
                operation.to_owned()
            };
            (Fault::Denied(action), false)
        }
        ("OptInRequired", _) => (Fault::OptedOut, false),
        ("UnrecognizedClientException" | "InvalidClientTokenId" | "AuthFailure", _) => {
            (Fault::Stranger(told(code.unwrap_or_default())), false)
        }
        ("ExpiredToken" | "ExpiredTokenException" | "RequestExpired", _) => {
            (Fault::Credentials(told("they have expired")), false)
        }
        // The SDK corrects the clock from the first refusal on.
        ("InvalidSignatureException" | "SignatureDoesNotMatch" | "RequestTimeTooSkewed", _) => (
            Fault::Credentials(told("the signature was not accepted; is the clock right?")),
            true,
        ),
        (
            "InternalFailure"
            | "InternalServerError"
            | "InternalServiceError"
            | "ServerException"
            | "ServiceUnavailable"
            | "ServiceUnavailableException"
            | "RequestTimeout"
            | "RequestTimeoutException",
            _,
        )
        | (_, 500..=599 | 408) => (
            Fault::Failed(told(code.unwrap_or("AWS's side failed"))),
            true,
        ),
        (
            "ClusterNotFoundException" | "ServiceNotFoundException" | "ResourceNotFoundException",
            _,
        ) => (Fault::Gone(told(code.unwrap_or_default())), false),
        ("", 0) => match credentials_error(error) {
            Some(why) => (Fault::Credentials(why), false),
            None => (
                Fault::Failed(told(&in_short(error))),
                is_worth_repeating(error),
            ),
        },
        ("", _) => (Fault::Protocol(told(&in_short(error))), true),
        (code, _) => (Fault::Protocol(told(code)), false),
    }
}

fn is_worth_repeating<E>(error: &SdkError<E, HttpResponse>) -> bool {
    !matches!(error, SdkError::ConstructionFailure(_))
}

/// Why there are no credentials, where that is what went wrong.
fn credentials_error<E: std::error::Error + 'static>(
    error: &SdkError<E, HttpResponse>,
) -> Option<String> {
    let mut source: Option<&(dyn std::error::Error + 'static)> = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(credentials) = cause.downcast_ref::<CredentialsError>() {
            return Some(first_line(innermost(credentials)));
        }
        source = cause.source();
    }
    None
}

/// The cause in a few words; service messages, which may quote what was sent, are not among them.
fn in_short<E: std::error::Error + 'static>(error: &SdkError<E, HttpResponse>) -> String {
    match error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::ServiceError(_) => "an error without a code".to_owned(),
        SdkError::ResponseError(_) => {
            "a body that is not AWS's; is there a proxy or a captive portal?".to_owned()
        }
        error => innermost(error).to_string(),
    }
}

/// Follows the tokens of one listing and refuses to be led in circles.
#[derive(Debug)]
pub(crate) struct Pages {
    seen: BTreeSet<String>,
    empty: u32,
    most_empty: u32,
    restarts: u32,
}

impl Default for Pages {
    fn default() -> Self {
        Self {
            seen: BTreeSet::new(),
            empty: 0,
            most_empty: MOST_EMPTY_PAGES,
            restarts: 0,
        }
    }
}

impl Pages {
    /// Of a search through a log.
    pub(crate) fn of_log() -> Self {
        Self {
            most_empty: MOST_EMPTY_PAGES_OF_LOGS,
            ..Self::default()
        }
    }

    /// Takes note of a page: `token` as answered and whether the page held anything. Returns the token to go on with.
    pub(crate) fn next(
        &mut self,
        token: Option<String>,
        is_empty: bool,
    ) -> Result<Option<String>, Fault> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        self.empty = if is_empty { self.empty + 1 } else { 0 };
        if self.empty > self.most_empty {
            return Err(Fault::Protocol(format!(
                "{} empty pages in a row",
                self.most_empty
            )));
        }
        if !self.seen.insert(token.clone()) {
            return Err(Fault::Protocol("a page token came twice".to_owned()));
        }
        Ok(Some(token))
    }

    /// True when a listing whose token expired may begin again from its first page.
    pub(crate) fn may_restart(&mut self) -> bool {
        self.seen.clear();
        self.empty = 0;
        self.restarts += 1;
        self.restarts <= MOST_RESTARTS
    }
}

/// True when `fault` says that a page token is no longer good: the listing has to begin again.
pub(crate) fn is_stale_token(fault: &Fault) -> bool {
    matches!(fault, Fault::Protocol(what) if ["InvalidNextToken", "ExpiredNextToken", "InvalidParameter"].iter().any(|code| what.contains(code)))
}
