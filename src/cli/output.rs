//! Where a report goes, in which forms, and what of it is listed.

use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

use clap::Args;

use super::console::Console;
use super::failure::cannot_print;
use super::file;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::Usd;
use crate::report::groups::GroupBy;
use crate::report::result::Report;
use crate::report::select::{self, Order};
use crate::report::{Format, Style, render};

/// Where a result goes, and in which form.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(super) struct OutputArgs {
    /// Form of the result
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "table",
        env = "PLIMSOLL_FORMAT"
    )]
    format: Format,
    /// File to write instead of standard output; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Also write this file, in the form of its ending (.html .xlsx .md .json .csv .parquet .focus.csv .txt); repeatable
    #[arg(long, value_name = "FILE")]
    export: Vec<PathBuf>,
    /// List at most so many workloads; sums stay those of all
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    top: Option<u64>,
    /// What is listed first
    #[arg(long, value_name = "ORDER", default_value = "savings")]
    sort: Order,
    /// List only workloads that save at least this a month; sums stay those of all
    #[arg(long, value_name = "USD", value_parser = dollars)]
    min_savings: Option<Usd>,
    /// Sums per account, region, cluster, kind, platform, finding or tag.KEY, too
    #[arg(long, value_name = "FIELD")]
    pub(super) group_by: Option<GroupBy>,
}

fn dollars(text: &str) -> Result<Usd, String> {
    text.parse()
        .map(Usd::new)
        .map_err(|_| "give an amount such as 10 or 2.50".to_owned())
}

impl OutputArgs {
    fn file(&self) -> Option<&Path> {
        self.output.as_deref().filter(|path| !file::is_stdout(path))
    }

    /// Refuses outputs that cannot be written before anything is analysed.
    pub(super) fn check(&self) -> Result<()> {
        self.file().map_or(Ok(()), file::check)?;
        for path in &self.export {
            form(path)?;
            file::check(path)?;
        }
        if self.format.is_binary() && self.file().is_none() && std::io::stdout().is_terminal() {
            return Err(
                Error::new(ErrorKind::Usage, "this form is not for a terminal")
                    .hint("give a file with -o FILE"),
            );
        }
        Ok(())
    }

    /// Lists what was asked for and writes it to every place, each whole or not at all.
    pub(super) fn write(
        &self,
        report: &mut Report,
        console: Console,
        out: &mut dyn Write,
    ) -> Result<()> {
        let top = self
            .top
            .map(|top| usize::try_from(top).unwrap_or(usize::MAX));
        select::list(report, self.sort, top, self.min_savings);
        for path in &self.export {
            file::write(path, made(report, form(path)?, Style::default())?)?;
        }
        match self.file() {
            Some(path) => file::write(path, made(report, self.format, Style::default())?),
            None => out
                .write_all(&made(report, self.format, console.style)?)
                .map_err(cannot_print),
        }
    }
}

/// The report in a form; how long that takes is told with the other stages.
fn made(report: &Report, format: Format, style: Style) -> Result<Vec<u8>> {
    let stage = tracing::debug_span!("render", ?format, workloads = report.workloads.len());
    stage.in_scope(|| render(report, format, style))
}

/// The form that a file's name asks for.
fn form(path: &Path) -> Result<Format> {
    Format::of(path).ok_or_else(|| {
        let endings: Vec<&str> = Format::SUFFIXES.iter().map(|(ending, _)| *ending).collect();
        let message = format!("--export `{}`: its ending names no form", path.display());
        Error::new(ErrorKind::Usage, message).hint(format!("use one of {}", endings.join(" ")))
    })
}
