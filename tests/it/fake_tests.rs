//! The fake AWS, through the clients that plimsoll uses: what it answers is what AWS documents, and what goes wrong
//! is what was ordered.

mod faults;
mod operations;
mod storage;
mod truth;

use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use aws_credential_types::Credentials;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::region::Region;
use tokio::runtime::Runtime;

use crate::fake::Fake;

const ACCOUNT: &str = "123456789012";
const KEY: &str = "AKIDFAKE1";
const REGION: &str = "us-east-1";

/// The SDK's clients with the fake as their endpoint, and the thread that drives them.
struct Reader {
    runtime: Runtime,
    ecs: aws_sdk_ecs::Client,
    codebuild: aws_sdk_codebuild::Client,
    cloudwatch: aws_sdk_cloudwatch::Client,
    logs: aws_sdk_cloudwatchlogs::Client,
    pricing: aws_sdk_pricing::Client,
    sts: aws_sdk_sts::Client,
}

impl Reader {
    /// With the keys of the first account in its first region; nothing is asked twice.
    fn of(fake: &Fake) -> Self {
        Self::with(fake, KEY, REGION)
    }

    fn with(fake: &Fake, key: &str, region: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .expect("a runtime");
        let credentials = Credentials::new(
            key,
            "CANARY-secret-access-key",
            Some("CANARY-session-token".to_owned()),
            None,
            "test",
        );
        let times = TimeoutConfig::builder()
            .read_timeout(Duration::from_secs(2))
            .operation_attempt_timeout(Duration::from_secs(20));
        let config = aws_config::defaults(aws_config::BehaviorVersion::latest())
            .endpoint_url(fake.endpoint())
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials)
            .http_client(aws_smithy_http_client::Builder::new().build_http())
            .timeout_config(times.build())
            .retry_config(RetryConfig::disabled());
        let config = runtime.block_on(config.load());
        Self {
            ecs: aws_sdk_ecs::Client::new(&config),
            codebuild: aws_sdk_codebuild::Client::new(&config),
            cloudwatch: aws_sdk_cloudwatch::Client::new(&config),
            logs: aws_sdk_cloudwatchlogs::Client::new(&config),
            pricing: aws_sdk_pricing::Client::new(&config),
            sts: aws_sdk_sts::Client::new(&config),
            runtime,
        }
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// The answer of a call that goes well.
    #[track_caller]
    fn told<T, E: Debug>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> T {
        self.wait(call)
            .unwrap_or_else(|error| panic!("refused: {error:?}"))
    }

    /// AWS's code for a call that is refused.
    #[track_caller]
    fn refused<T: Debug, E>(
        &self,
        call: impl Future<Output = Result<T, SdkError<E, HttpResponse>>>,
    ) -> String
    where
        E: ProvideErrorMetadata + Debug,
    {
        let error = self.wait(call).expect_err("it is refused");
        let service = error
            .as_service_error()
            .unwrap_or_else(|| panic!("not AWS's refusal: {error:?}"));
        service.code().unwrap_or_default().to_owned()
    }
}
