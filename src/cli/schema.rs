//! `schema`: the JSON schemas of what the tool prints.

use std::io::Write;

use clap::{Args, ValueEnum};

use super::failure::cannot_print;
use crate::model::error::Result;
use crate::report::{comparison_schema, packing_schema, report_schema};

/// Arguments of `schema`.
#[derive(Debug, Args)]
pub(super) struct SchemaArgs {
    /// Of what
    #[arg(value_name = "OF", value_enum, default_value = "report")]
    of: Of,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Of {
    /// `report --format json`
    Report,
    /// `compare --format json`
    Comparison,
    /// `pack --format json`
    Pack,
}

/// Prints the schema.
pub(super) fn run(args: &SchemaArgs, out: &mut dyn Write) -> Result<()> {
    let schema = match args.of {
        Of::Report => report_schema(),
        Of::Comparison => comparison_schema(),
        Of::Pack => packing_schema(),
    };
    out.write_all(schema.as_bytes()).map_err(cannot_print)
}
