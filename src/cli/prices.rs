//! `prices`: every price in a book, with its date, its source and what it stands on; books of today's prices; and what
//! changed from one to the next.

mod diff;
mod refresh;
mod show;

use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{Table, TableStyle};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use super::console::Console;
use crate::model::error::{Error, ErrorKind, Result};
use crate::pricing::{PriceBook, frozen};

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub(super) enum PricesVerb {
    /// Print the price book
    Show(show::ShowArgs),
    /// Make a price book of today from AWS's price list
    Refresh(refresh::RefreshArgs),
    /// Say which prices changed from one book to another, and by how much
    Diff(diff::DiffArgs),
}

/// Which prices are used.
#[derive(Debug, Clone, Args)]
pub(super) struct BookArgs {
    /// Price book made by `plimsoll prices refresh`; without it, the book that comes with the tool
    #[arg(long = "prices", value_name = "FILE", env = "PLIMSOLL_PRICES")]
    file: Option<PathBuf>,
}

impl BookArgs {
    /// The book. [`ErrorKind::Usage`] where there is no such file, [`ErrorKind::Input`] where it is no whole price book.
    pub(super) fn book(&self) -> Result<PriceBook> {
        match &self.file {
            Some(path) => read_book(path, "--prices names a file"),
            None => PriceBook::embedded(),
        }
    }
}

fn read_book(path: &Path, hint: &'static str) -> Result<PriceBook> {
    let name = path.display().to_string();
    let bytes = std::fs::read(path).map_err(|cause| {
        Error::new(
            ErrorKind::Usage,
            format!("cannot read the price book `{name}`"),
        )
        .cause(cause)
        .hint(hint)
    })?;
    frozen::book(&String::from_utf8_lossy(&bytes), &name)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// For a terminal
    Table,
    /// For spreadsheets
    Csv,
    /// For programs
    Json,
}

/// Does what `verb` says.
pub(super) fn run(verb: &PricesVerb, console: Console, out: &mut dyn Write) -> Result<u8> {
    match verb {
        PricesVerb::Show(args) => show::run(args, console, out).map(|()| 0),
        PricesVerb::Refresh(args) => refresh::run(args, console, out),
        PricesVerb::Diff(args) => diff::run(args, console, out).map(|()| 0),
    }
}

/// The day, UTC, by which the age of a price is told.
fn today() -> Date {
    Timestamp::now().to_zoned(TimeZone::UTC).date()
}

fn table_text<const N: usize>(
    header: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
    console: Console,
) -> String {
    let mut table = Table::new();
    table.set_header(header).load_style(TableStyle::new());
    if let Some(width) = console.style.width {
        table
            .set_width(width)
            .set_content_arrangement(comfy_table::ContentArrangement::Dynamic);
    }
    for row in rows {
        table.add_row(row);
    }
    let lines: Vec<String> = table
        .lines()
        .map(|line| line.trim_end().to_owned())
        .collect();
    lines.join("\n") + "\n"
}

fn csv_text<const N: usize>(
    header: &[&str; N],
    rows: impl Iterator<Item = [String; N]>,
) -> Result<String> {
    let unwritable =
        |cause: String| Error::new(ErrorKind::Failure, "cannot write CSV").cause(cause);
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer
        .write_record(header)
        .map_err(|cause| unwritable(cause.to_string()))?;
    for row in rows {
        writer
            .write_record(row)
            .map_err(|cause| unwritable(cause.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|cause| unwritable(cause.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn json_text(value: &impl Serialize) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n")
        .map_err(|cause| Error::new(ErrorKind::Failure, "cannot write JSON").cause(cause))
}
