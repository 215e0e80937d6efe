//! Where S3 is asked: the endpoint of a region, or one that was given and cannot be misread.

use crate::aws::without_password;
use crate::model::error::{Error, ErrorKind, Result};

/// Where S3 is asked; the bucket stands in the path, so that every name of a bucket works with TLS.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Endpoint {
    pub(super) url: String,
    /// On this machine, where plain HTTP is safe.
    pub(super) is_local: bool,
}

impl Endpoint {
    /// What was `given`, or where the region is.
    pub(super) fn of(given: Option<String>, region: &str) -> Result<Self> {
        let is_given = given.is_some();
        let suffix = if region.starts_with("cn-") {
            "amazonaws.com.cn"
        } else {
            "amazonaws.com"
        };
        let url = given.unwrap_or_else(|| format!("https://s3.{region}.{suffix}"));
        let refuse = |why: &str| {
            let message = if is_given {
                format!("the endpoint `{}` for S3 {why}", without_password(&url))
            } else {
                format!("`{region}` is no region")
            };
            Error::new(ErrorKind::Usage, message)
                .hint("look at AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL, AWS_REGION and the profile")
        };
        let (is_secure, rest) = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (_, Some(rest)) => (false, rest),
            _ => return Err(refuse("is not a URL")),
        };
        let Some((host, is_local)) = host(rest) else {
            return Err(refuse("is not a URL"));
        };
        if !is_secure && !is_local {
            return Err(refuse(&format!(
                "must be https: {host} is not this machine"
            )));
        }
        Ok(Self { url, is_local })
    }
}

/// The host of `host[:port][/path]`, and whether it is this machine. `None` where anything about it is unusual: what
/// is not understood here could mean another host elsewhere.
fn host(rest: &str) -> Option<(&str, bool)> {
    let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
    if !path
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "/-._~".contains(c))
    {
        return None;
    }
    if let Some((address, port)) = authority
        .strip_prefix('[')
        .and_then(|rest| rest.split_once(']'))
    {
        let address: std::net::Ipv6Addr = address.parse().ok()?;
        return (port.is_empty() || is_port(port.strip_prefix(':')?))
            .then_some((authority, address.is_loopback()));
    }
    let (host, port) = authority
        .split_once(':')
        .map_or((authority, None), |(host, port)| (host, Some(port)));
    if port.is_some_and(|port| !is_port(port)) {
        return None;
    }
    if let Ok(address) = host.parse::<std::net::Ipv4Addr>() {
        return Some((host, address.is_loopback()));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with("xn--")
            && label
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    };
    // What ends in a number is an address to some.
    let ends_in_a_name = host
        .rsplit('.')
        .next()
        .is_some_and(|label| label.starts_with(|c: char| c.is_ascii_alphabetic()));
    (ends_in_a_name && host.split('.').all(is_label)).then_some((host, host == "localhost"))
}

fn is_port(text: &str) -> bool {
    text.chars().all(|c| c.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(given: &str) -> Option<bool> {
        Endpoint::of(Some(given.to_owned()), "us-east-1")
            .ok()
            .map(|endpoint| endpoint.is_local)
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for local in [
            "http://127.0.0.1:4566",
            "http://localhost:9000/",
            "http://[::1]:9000",
            "https://127.8.8.8",
        ] {
            assert_eq!(endpoint(local), Some(true), "{local}");
        }
        for far in [
            "https://minio.example.com:9000",
            "https://bucket.vpce-1a.s3.us-east-1.vpce.amazonaws.com/x",
        ] {
            assert_eq!(endpoint(far), Some(false), "{far}");
        }
        for refused in [
            "http://10.0.0.1:9000",
            "http://minio:9000",
            "http://localhost.example.com",
            "http://127.0.0.1.example.com",
        ] {
            assert_eq!(endpoint(refused), None, "{refused}");
        }
    }

    #[test]
    fn an_endpoint_that_could_be_misread_is_refused() {
        for wrong in [
            "",
            "localhost:9000",
            "https://",
            "https://:9000",
            "https://h:99999",
            "https://h:",
            "https://user:pass@h",
            "https://h h",
            "https://xn--99zzzz",
            "https://1.2.3.999",
            "https://0x7f.1",
            "https://[::1",
            "https://h/%zz",
            "https://h?x",
            "ftp://h",
        ] {
            assert_eq!(endpoint(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn without_an_endpoint_the_region_tells_the_host() {
        let url = |region| Endpoint::of(None, region).ok().map(|endpoint| endpoint.url);
        assert_eq!(
            url("eu-west-1").as_deref(),
            Some("https://s3.eu-west-1.amazonaws.com")
        );
        assert_eq!(
            url("cn-north-1").as_deref(),
            Some("https://s3.cn-north-1.amazonaws.com.cn")
        );
        assert_eq!(url("eu west"), None);
        assert_eq!(url("x@evil.example/"), None);
    }
}
