//! The way to AWS: the only place that loads credentials and builds SDK clients, with time-outs, one TLS stack, and an
//! interceptor that lets nothing but the listed reads pass.

mod profile;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_http_client::{Connector, tls};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::interceptors::context::{
    BeforeDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextRef,
};
use aws_smithy_runtime_api::client::interceptors::{Intercept, dyn_dispatch_hint};
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::config_bag::ConfigBag;
use aws_smithy_types::date_time::Format;
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;
use aws_types::SdkConfig;
use aws_types::service_config::ServiceConfigKey;

use crate::model::error::{Error, ErrorKind, Result};

/// Every operation that plimsoll may call, as (IAM prefix, operation). Nothing else leaves this process.
pub(crate) const OPERATIONS: [(&str, &str); 24] = [
    ("cloudwatch", "GetMetricData"),
    ("cloudwatch", "ListMetrics"),
    ("codebuild", "BatchGetBuilds"),
    ("codebuild", "BatchGetProjects"),
    ("codebuild", "ListBuilds"),
    ("codebuild", "ListProjects"),
    ("ecs", "DescribeClusters"),
    ("ecs", "DescribeContainerInstances"),
    ("ecs", "DescribeServiceRevisions"),
    ("ecs", "DescribeServices"),
    ("ecs", "DescribeTaskDefinition"),
    ("ecs", "DescribeTasks"),
    ("ecs", "ListClusters"),
    ("ecs", "ListContainerInstances"),
    ("ecs", "ListServiceDeployments"),
    ("ecs", "ListServices"),
    ("ecs", "ListTasks"),
    ("logs", "DescribeLogGroups"),
    ("logs", "FilterLogEvents"),
    ("pricing", "GetAttributeValues"),
    ("pricing", "GetProducts"),
    ("savingsplans", "DescribeSavingsPlansOfferingRates"),
    ("sts", "AssumeRole"),
    ("sts", "GetCallerIdentity"),
];

/// Refuses every operation that is not listed, before anything is sent, and notes what AWS says the time is.
#[derive(Debug)]
struct ReadOnly(Skew);

/// How far this machine's clock is ahead of AWS's, seconds, as of the last answer.
#[derive(Debug, Clone, Default)]
struct Skew(Arc<AtomicI64>);

impl Skew {
    fn note(&self, date: &str) {
        let parsed = aws_smithy_types::DateTime::from_str(date, Format::HttpDate);
        if let (Ok(date), Ok(now)) = (parsed, SystemTime::now().duration_since(UNIX_EPOCH)) {
            let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
            self.0
                .store(now.saturating_sub(date.secs()), Ordering::Relaxed);
        }
    }
}

#[dyn_dispatch_hint]
impl Intercept for ReadOnly {
    fn name(&self) -> &'static str {
        "ReadOnly"
    }

    fn read_before_serialization(
        &self,
        _: &BeforeSerializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let operation = config.load::<Metadata>().map(Metadata::name);
        if operation.is_some_and(|name| OPERATIONS.iter().any(|(_, listed)| *listed == name)) {
            return Ok(());
        }
        Err(format!(
            "operation {} is not one of the reads that plimsoll may call",
            operation.unwrap_or("without a name")
        )
        .into())
    }

    fn read_after_transmit(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some(date) = context.response().headers().get("date") {
            self.0.note(date);
        }
        Ok(())
    }
}

/// A clock that is further from AWS's than this takes one day for another, seconds.
const MOST_SKEW_S: i64 = 2 * 3_600;

/// How long the parts of one call may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// To connect.
    pub(crate) connect: Duration,
    /// From the request's last byte to the response's first.
    pub(crate) read: Duration,
    /// One attempt, the whole response included.
    pub(crate) attempt: Duration,
}

impl Patience {
    /// For AWS, over any line that works at all.
    pub(crate) const AWS: Self = Self {
        connect: Duration::from_millis(3_100),
        read: Duration::from_secs(30),
        attempt: Duration::from_mins(1),
    };
    /// For a server on this machine.
    pub(crate) const LOCAL: Self = Self {
        connect: Duration::from_secs(2),
        read: Duration::from_secs(3),
        attempt: Duration::from_secs(5),
    };
}

/// One set of credentials, not yet tied to a region.
#[derive(Debug, Clone)]
pub(crate) struct Login {
    config: SdkConfig,
    /// Of the clients; the credential chain has its own.
    retries: RetryConfig,
    skew: Skew,
    /// How it was asked for, for messages: `profile x`, `role arn:…`, `default credentials`.
    pub(crate) name: String,
}

/// Which credentials are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LoginRequest {
    /// A profile of the AWS configuration; the usual chain where there is none.
    pub(crate) profile: Option<String>,
    /// A role to assume with them.
    pub(crate) role_arn: Option<String>,
    /// What the role's trust policy asks for.
    pub(crate) external_id: Option<String>,
    /// The region to sign in from, before that of the profile or the environment.
    pub(crate) region: Option<String>,
}

/// Loads what the credential chain needs; nothing is called yet, except where a role is assumed on first use.
pub(crate) async fn log_in(request: &LoginRequest, patience: Patience) -> Result<Login> {
    let config = configuration(request, patience).await?;
    let name = request.profile.as_ref().map_or_else(
        || "the default credentials".to_owned(),
        |name| format!("profile {name}"),
    );
    // Calls are repeated in one place, `call`, which knows the rates.
    let retries = RetryConfig::disabled();
    let skew = Skew::default();
    Ok(match &request.role_arn {
        None => Login {
            config,
            retries,
            skew,
            name,
        },
        Some(role) => Login {
            config: assuming(role, request.external_id.as_deref(), config).await,
            retries,
            skew,
            name: format!("role {role}"),
        },
    })
}

/// The AWS configuration of the profile in force, with its credentials.
async fn configuration(request: &LoginRequest, patience: Patience) -> Result<SdkConfig> {
    let http = http_client();
    let times = TimeoutConfig::builder()
        .connect_timeout(patience.connect)
        .read_timeout(patience.read)
        .operation_attempt_timeout(patience.attempt)
        .build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http.clone())
        .timeout_config(times.clone())
        .retry_config(RetryConfig::standard());
    if let Some(region) = &request.region {
        loader = loader.region(Region::new(region.clone()));
    }
    let profile = profile::in_force(request.profile.as_deref());
    if let Some(name) = &profile {
        profile::check(name).await?;
    }
    let config = loader
        .profile_name(profile.unwrap_or_else(|| "default".to_owned()))
        .load()
        .await;
    let Some(asked) = &request.profile else {
        return Ok(config);
    };
    let common = ProviderConfig::without_region()
        .with_http_client(http)
        .with_timeout_config(times)
        .with_retry_config(RetryConfig::standard())
        .with_use_fips(config.use_fips())
        .with_use_dual_stack(config.use_dual_stack());
    let credentials = profile::credentials(asked, config.region().cloned(), &common);
    Ok(config
        .to_builder()
        .credentials_provider(credentials)
        .build())
}

/// One TLS stack, through the proxy that `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY` name.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, components| {
        let mut connector = Connector::builder()
            .tls_provider(tls::Provider::Rustls(
                tls::rustls_provider::CryptoMode::Ring,
            ))
            .proxy_config(ProxyConfig::from_env());
        connector.set_connector_settings(settings.cloned());
        connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
        connector.build()
    })
}

/// `config` with the credentials of `role`.
async fn assuming(role: &str, external_id: Option<&str>, config: SdkConfig) -> SdkConfig {
    // The role's own calls go to a regional endpoint: tokens of the global one fail in opt-in regions.
    let region = config
        .region()
        .cloned()
        .unwrap_or_else(|| Region::from_static("us-east-1"));
    let mut provider = aws_config::sts::AssumeRoleProvider::builder(role)
        .session_name("plimsoll")
        .region(region)
        .configure(&config);
    if let Some(external_id) = external_id {
        provider = provider.external_id(external_id);
    }
    let credentials = SharedCredentialsProvider::new(provider.build().await);
    config
        .to_builder()
        .credentials_provider(credentials)
        .build()
}

impl Login {
    /// The same, for callers that do not pace and repeat calls themselves.
    pub(crate) fn repeating(self) -> Self {
        Self {
            retries: RetryConfig::standard().with_max_attempts(5),
            ..self
        }
    }

    /// Refuses to go on by a clock that is far from AWS's, once something was answered: it decides which days are over.
    pub(crate) fn check_clock(&self) -> Result<()> {
        let ahead_s = self.skew.0.load(Ordering::Relaxed);
        if ahead_s.abs() <= MOST_SKEW_S {
            return Ok(());
        }
        let (hours, way) = (
            ahead_s.unsigned_abs() / 3600,
            if ahead_s > 0 { "ahead of" } else { "behind" },
        );
        Err(Error::new(
            ErrorKind::Failure,
            format!("the clock of this machine is {hours} hours {way} that of AWS: nothing can be collected by it"),
        )
        .hint("set the clock"))
    }

    /// The region that the profile or the environment names.
    pub(crate) fn region(&self) -> Option<String> {
        self.config.region().map(ToString::to_string)
    }

    /// What signs requests to services without an SDK client; `None` where the chain has nothing at all.
    pub(crate) fn credentials(&self) -> Option<SharedCredentialsProvider> {
        self.config.credentials_provider()
    }

    /// The URL that is to stand in for S3: `AWS_ENDPOINT_URL_S3`, then `AWS_ENDPOINT_URL`, each also from the profile.
    pub(crate) fn s3_endpoint(&self) -> Option<String> {
        let key = ServiceConfigKey::builder()
            .service_id("S3")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build()
            .ok()?;
        let of_s3 = self
            .config
            .service_config()
            .and_then(|config| config.load_config(key));
        of_s3.or_else(|| self.config.endpoint_url().map(str::to_owned))
    }

    fn at(&self, region: &str) -> SdkConfig {
        self.config
            .to_builder()
            .region(Region::new(region.to_owned()))
            .retry_config(self.retries.clone())
            .build()
    }
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident => $service:ident),+ $(,)?) => {
        /// The clients of one set of credentials in one region.
        #[derive(Debug, Clone)]
        pub(crate) struct Clients { $($(#[$doc])* pub(crate) $name: $service::Client),+ }

        impl Login {
            /// Clients for `region`, each behind the read-only guard.
            pub(crate) fn clients(&self, region: &str) -> Clients {
                let config = self.at(region);
                Clients {
                    $($name: $service::Client::from_conf(
                        $service::config::Builder::from(&config).interceptor(ReadOnly(self.skew.clone())).build(),
                    )),+
                }
            }
        }
    };
}

clients! {
    /// Amazon ECS.
    ecs => aws_sdk_ecs,
    /// AWS CodeBuild.
    codebuild => aws_sdk_codebuild,
    /// Amazon CloudWatch.
    cloudwatch => aws_sdk_cloudwatch,
    /// Amazon CloudWatch Logs.
    logs => aws_sdk_cloudwatchlogs,
    /// AWS Price List.
    pricing => aws_sdk_pricing,
    /// AWS Savings Plans.
    savingsplans => aws_sdk_savingsplans,
    /// AWS STS.
    sts => aws_sdk_sts,
}

/// Refuses an endpoint override that the SDK would ignore: it would call the real AWS instead.
pub(crate) fn check_endpoints() -> Result<()> {
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    for (name, value) in variables
        .filter(|(name, _)| name == "AWS_ENDPOINT_URL" || name.starts_with("AWS_ENDPOINT_URL_"))
    {
        let value = value.to_string_lossy();
        let rest = value
            .strip_prefix("http://")
            .or_else(|| value.strip_prefix("https://"));
        let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let port = host
            .and_then(|host| host.rsplit_once(':'))
            .map(|(_, port)| port);
        let is_good = host.is_some_and(|host| {
            !host.is_empty() && !host.starts_with(':') && !host.contains([' ', '@'])
        }) && port
            .is_none_or(|port| port.ends_with(']') || port.parse::<u16>().is_ok());
        if !is_good {
            let shown = without_password(&value);
            return Err(
                Error::new(ErrorKind::Usage, format!("{name} is not a URL: `{shown}`"))
                    .hint("give http://host:port or https://host, or unset it"),
            );
        }
    }
    Ok(())
}

/// A URL as it may be printed: what stands before an `@` or behind a `?` may be a secret.
pub(crate) fn without_password(url: &str) -> String {
    let url = url.split_once('?').map_or(url, |(before, _)| before);
    url.rsplit_once('@')
        .map_or_else(|| url.to_owned(), |(_, host)| format!("…@{host}"))
}

/// The cause behind all others, which says it best.
pub(crate) fn innermost<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> &'a (dyn std::error::Error + 'static) {
    let mut innermost = error;
    while let Some(deeper) = innermost.source() {
        innermost = deeper;
    }
    innermost
}

/// Why there are no credentials; what follows is a list of every provider that was tried.
pub(crate) fn first_line(cause: &dyn std::error::Error) -> String {
    let text = cause.to_string();
    text.lines()
        .next()
        .unwrap_or_default()
        .trim_end_matches(" Attempted:")
        .trim_end_matches('.')
        .to_owned()
}
