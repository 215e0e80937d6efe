//! For tests: a place whose AWS is a function from operation and request to status and answer, behind the real SDK.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;
use aws_smithy_types::retry::RetryConfig;
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::watch;

use super::call::{Place, Spending};
use super::commit::{self, Sink};
use super::rates::Rates;
use crate::aws::Clients;
use crate::dataset::Dataset;
use crate::dataset::coverage::Committed;
use crate::dataset::log::{Committer, Log};

pub(super) const ACCOUNT: &str = "123456789012";
pub(super) const REGION: &str = "eu-central-1";

type Calls = Arc<Mutex<Vec<String>>>;
type Answer = dyn Fn(&str, &Value) -> (u16, Value) + Send + Sync;

struct Wire {
    answer: Arc<Answer>,
    calls: Calls,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl HttpConnector for Wire {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let asked: Value =
            serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
        self.calls.lock().unwrap().push(operation.clone());
        let (status, answer) = (self.answer)(&operation, &asked);
        let status = status.try_into().expect("a status code");
        HttpConnectorFuture::ready(Ok(HttpResponse::new(
            status,
            SdkBody::from(answer.to_string()),
        )))
    }
}

/// An AWS that answers with `answer`, and the names of the operations called.
pub(super) fn place(
    answer: impl Fn(&str, &Value) -> (u16, Value) + Send + Sync + 'static,
) -> (Place, Calls) {
    let (answer, calls): (Arc<Answer>, Calls) = (Arc::new(answer), Arc::default());
    let of_client = calls.clone();
    let http = http_client_fn(move |_, _| {
        SharedHttpConnector::new(Wire {
            answer: answer.clone(),
            calls: of_client.clone(),
        })
    });
    let credentials = Credentials::new("AKIDEXAMPLE", "secret", None, None, "test");
    let config = aws_types::SdkConfig::builder()
        .behavior_version(aws_config::BehaviorVersion::latest())
        .region(aws_config::Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .retry_config(RetryConfig::disabled())
        .http_client(http)
        .build();
    let clients = Clients {
        ecs: aws_sdk_ecs::Client::new(&config),
        codebuild: aws_sdk_codebuild::Client::new(&config),
        cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
        logs: aws_sdk_cloudwatchlogs::Client::new(&config),
        pricing: aws_sdk_pricing::Client::new(&config),
        savingsplans: aws_sdk_savingsplans::Client::new(&config),
        sts: aws_sdk_sts::Client::new(&config),
    };
    let (_, stop) = watch::channel(None);
    let (account, region) = (ACCOUNT.to_owned(), REGION.to_owned());
    // A thousand times AWS's pace: nothing here is worth waiting for.
    let place = Place {
        account,
        region,
        login: String::new(),
        caller: String::new(),
        clients,
        rates: Arc::new(Rates::new(1_000.0)),
        tally: Arc::default(),
        spending: Arc::new(Spending::new(u64::MAX)),
        tags: Arc::default(),
        begun: Instant::now(),
        stop,
    };
    (place, calls)
}

/// What a collection left behind.
pub(super) struct Collected<T> {
    pub(super) outcome: T,
    pub(super) dataset: Dataset,
    _folder: TempDir,
}

impl<T> Collected<T> {
    /// Every commit that counts.
    pub(super) fn commits(&self) -> Vec<Committed> {
        Log::of(&self.dataset).unwrap().commits
    }
}

/// Runs a collection with a sink of its own and writes what it sends.
pub(super) fn collect<T: Send + 'static>(
    now_ms: i64,
    collection: impl AsyncFnOnce(Sink) -> T + Send + 'static,
) -> Collected<T> {
    let folder = tempfile::tempdir().unwrap();
    let dataset = Dataset::at(folder.path().to_str().unwrap()).unwrap();
    let (sink, inbox) = commit::channel(now_ms);
    let collecting = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(collection(sink))
    });
    commit::write_all(inbox, &dataset, Committer::new(&dataset), now_ms, |_, _| ()).unwrap();
    Collected {
        outcome: collecting.join().unwrap(),
        dataset,
        _folder: folder,
    }
}
