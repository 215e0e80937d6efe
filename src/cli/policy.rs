//! `policy`: the permissions that collecting needs, ready to paste.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::cannot_print;
use crate::collect::policy;
use crate::error::Result;

/// Arguments of `policy`.
#[derive(Debug, Args)]
pub(super) struct PolicyArgs {
    /// Form of the policy
    #[arg(long, value_name = "FORMAT", default_value = "json")]
    format: PolicyFormat,
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
pub(super) fn run(args: &PolicyArgs, out: &mut dyn Write) -> Result<()> {
    let text = match args.format {
        PolicyFormat::Json => policy::json(),
        PolicyFormat::Terraform => policy::terraform(),
        PolicyFormat::Cloudformation => policy::cloudformation(),
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}
