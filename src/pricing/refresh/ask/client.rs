//! The SDK clients of a refresh.

use std::time::Duration;

use aws_config::{BehaviorVersion, ConfigLoader, Region, SdkConfig};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use aws_smithy_types::retry::RetryConfig;
use aws_smithy_types::timeout::TimeoutConfig;

use crate::error::{Error, Kind, Result};

/// A client of the Price List Query API at the endpoint of `region`.
pub async fn pricing(region: &str, profile: Option<&str>) -> Result<aws_sdk_pricing::Client> {
    Ok(aws_sdk_pricing::Client::new(&client(region, profile).await?))
}

/// A client of the Savings Plans API in the partition of `region`.
pub async fn savings_plans(region: &str, profile: Option<&str>) -> Result<aws_sdk_savingsplans::Client> {
    Ok(aws_sdk_savingsplans::Client::new(&client(region, profile).await?))
}

/// The region of the environment or the profile, as the AWS CLI finds it.
pub async fn configured_region(profile: Option<&str>) -> Result<Option<String>> {
    Ok(loader(profile)?.load().await.region().map(ToString::to_string))
}

async fn client(region: &str, profile: Option<&str>) -> Result<SdkConfig> {
    Ok(loader(profile)?.region(Region::new(region.to_owned())).load().await)
}

fn loader(profile: Option<&str>) -> Result<ConfigLoader> {
    check_endpoints()?;
    let http = aws_smithy_http_client::Builder::new().tls_provider(tls::Provider::Rustls(CryptoMode::Ring)).build_https();
    let timeouts = TimeoutConfig::builder()
        .connect_timeout(Duration::from_secs(5))
        .read_timeout(Duration::from_secs(30))
        .operation_attempt_timeout(Duration::from_mins(1))
        .operation_timeout(Duration::from_mins(5))
        .build();
    let loader = aws_config::defaults(BehaviorVersion::latest())
        .http_client(http)
        .retry_config(RetryConfig::standard().with_max_attempts(5))
        .timeout_config(timeouts);
    Ok(match profile {
        Some(profile) => loader.profile_name(profile),
        None => loader,
    })
}

/// The SDK ignores an endpoint that is no URL, and would then talk to the real AWS.
fn check_endpoints() -> Result<()> {
    for name in ["AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_PRICING", "AWS_ENDPOINT_URL_SAVINGSPLANS"] {
        let Some(url) = std::env::var_os(name) else { continue };
        let url = url.to_string_lossy();
        let host = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://")).unwrap_or_default();
        if host.is_empty() || host.starts_with(['/', ':']) || host.contains(char::is_whitespace) {
            return Err(Error::new(Kind::Usage, format!("{name} is no URL: `{url}`")).hint("such as http://localhost:4566"));
        }
    }
    Ok(())
}
