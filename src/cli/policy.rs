//! `policy`: the permissions that collecting needs, ready to paste.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::failure::cannot_print;
use crate::collect::policy::{self, Location};
use crate::model::error::Result as Outcome;

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// Form of the policy
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: PolicyFormat,
    /// Add what a dataset in S3 takes
    #[arg(long, value_name = "S3", value_parser = location)]
    dataset: Option<Location>,
}

fn location(text: &str) -> Result<Location, String> {
    let form = || "a place like s3://BUCKET/PREFIX".to_owned();
    let (bucket, prefix) = text
        .strip_prefix("s3://")
        .map(|rest| rest.split_once('/').unwrap_or((rest, "")))
        .ok_or_else(form)?;
    let is_plain = |text: &str| {
        text.bytes().all(|byte| {
            byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'\\' | b'*' | b'?' | b'$')
        })
    };
    let prefix = prefix.trim_matches('/');
    if bucket.is_empty() || !is_plain(bucket) || !is_plain(prefix) {
        return Err(form());
    }
    Ok(Location {
        bucket: bucket.to_owned(),
        prefix: prefix.to_owned(),
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum PolicyFormat {
    /// IAM policy document
    Json,
    /// Terraform data source
    Terraform,
    /// CloudFormation template
    Cloudformation,
}

/// Prints the policy.
pub(super) fn run(args: &PolicyArgs, out: &mut dyn Write) -> Outcome<()> {
    let text = match args.format {
        PolicyFormat::Json => policy::json(args.dataset.as_ref()),
        PolicyFormat::Terraform => policy::terraform(args.dataset.as_ref()),
        PolicyFormat::Cloudformation => policy::cloudformation(args.dataset.as_ref()),
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}
