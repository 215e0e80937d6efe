//! `demand`: the table of days that reports stand on, or the statement that makes it elsewhere.

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::args::DatasetArgs;
use super::failure::cannot_print;
use super::file;
use crate::dataset::scan::Scan;
use crate::demand::{export, sql};
use crate::model::error::{Error, ErrorKind, Result};

/// Arguments of `demand`.
#[derive(Debug, Args)]
#[command(
    after_help = "The table counts task time per UTC day and bucket of value, running tasks per five minutes, and what each run used. \
                  `report --demand FILE` takes it, whichever engine made it."
)]
pub(super) struct DemandArgs {
    #[command(flatten)]
    dataset: DatasetArgs,
    /// Write the table here, as Parquet
    #[arg(short, long, value_name = "FILE", required_unless_present = "emit_sql")]
    output: Option<PathBuf>,
    /// Print the statement that makes the same table in another engine
    #[arg(long, value_name = "ENGINE", conflicts_with = "output")]
    emit_sql: Option<Engine>,
}

/// Whose SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Engine {
    /// `DuckDB`
    Duckdb,
    /// Amazon Athena, with `UNLOAD`
    Athena,
    /// Trino
    Trino,
    /// Apache Spark
    Spark,
}

/// Writes the table, or prints the statement.
pub(super) fn run(args: &DemandArgs, out: &mut dyn Write) -> Result<()> {
    if let Some(path) = &args.output {
        file::check(path)?;
    }
    let dataset = args.dataset.open()?;
    let scan = Scan::new(&dataset)?;
    match (&args.output, args.emit_sql) {
        (Some(path), _) => {
            let mut content = Vec::new();
            export::write(&scan, &mut content)?;
            file::write(path, content)
        }
        (None, Some(engine)) => {
            let parts = scan.parts_without_overlap()?;
            let input = sql::Input {
                root: args.dataset.dataset.trim_end_matches('/'),
                parts: &parts,
            };
            let statement = sql::statement(engine.into(), input);
            out.write_all(statement.as_bytes()).map_err(cannot_print)
        }
        (None, None) => Err(Error::new(ErrorKind::Usage, "nothing to do").hint("give -o FILE")),
    }
}

impl From<Engine> for sql::Engine {
    fn from(engine: Engine) -> Self {
        match engine {
            Engine::Duckdb => Self::Duckdb,
            Engine::Athena => Self::Athena,
            Engine::Trino => Self::Trino,
            Engine::Spark => Self::Spark,
        }
    }
}
