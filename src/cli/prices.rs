//! `prices`: every price in a book, with its date, its source and what it stands on; and books of today's prices.

mod refresh;

use std::io::Write;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{Table, TableStyle};

use super::{Console, cannot_print};
use crate::model::error::{Error, Kind, Result};
use crate::pricing::{PriceBook, PriceRow, frozen};

/// What to do with prices.
#[derive(Debug, Subcommand)]
pub(super) enum PricesVerb {
    /// Print the price book
    Show(ShowArgs),
    /// Make a price book of today from AWS's price list
    Refresh(refresh::RefreshArgs),
}

/// Arguments of `prices show`.
#[derive(Debug, Args)]
pub(super) struct ShowArgs {
    /// Only this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    #[command(flatten)]
    prices: BookArgs,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: ShowFormat,
}

/// Which prices are used.
#[derive(Debug, Clone, Args)]
pub(super) struct BookArgs {
    /// Price book made by `plimsoll prices refresh`; without it, the book that comes with the tool
    #[arg(long = "prices", value_name = "FILE", env = "PLIMSOLL_PRICES")]
    file: Option<PathBuf>,
}

impl BookArgs {
    /// The book. [`Kind::Usage`] where there is no such file, [`Kind::Input`] where it is no whole price book.
    pub(super) fn book(&self) -> Result<PriceBook> {
        let Some(path) = &self.file else {
            return PriceBook::embedded();
        };
        let name = path.display().to_string();
        let bytes = std::fs::read(path).map_err(|cause| {
            Error::new(Kind::Usage, format!("cannot read the price book `{name}`"))
                .cause(cause)
                .hint("--prices names a file")
        })?;
        frozen::book(&String::from_utf8_lossy(&bytes), &name)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ShowFormat {
    /// For a terminal
    Table,
    /// For spreadsheets
    Csv,
}

const HEADER: [&str; 8] = [
    "region", "service", "item", "amount", "unit", "as_of", "quality", "source",
];

/// Does what `verb` says.
pub(super) fn run(verb: &PricesVerb, console: Console, out: &mut dyn Write) -> Result<u8> {
    match verb {
        PricesVerb::Show(args) => show(args, console, out).map(|()| 0),
        PricesVerb::Refresh(args) => refresh::run(args, console, out),
    }
}

/// Prints the book.
fn show(args: &ShowArgs, console: Console, out: &mut dyn Write) -> Result<()> {
    let book = args.prices.book()?;
    let rows: Vec<[String; 8]> = book
        .rows()
        .filter(|row| {
            args.region
                .as_ref()
                .is_none_or(|region| *region == row.region)
        })
        .map(cells)
        .collect();
    if rows.is_empty() {
        let region = args.region.as_deref().unwrap_or_default();
        return Err(Error::new(
            Kind::Nothing,
            format!("the price book has no price for region `{region}`"),
        )
        .hint("`plimsoll prices show` lists all regions"));
    }
    let text = match args.format {
        ShowFormat::Table => table(&rows, console),
        ShowFormat::Csv => csv(&rows)?,
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}

fn cells(row: &PriceRow) -> [String; 8] {
    [
        row.region.clone(),
        row.service.to_string(),
        row.item.clone(),
        row.amount.clone(),
        row.unit.to_string(),
        row.as_of.clone().unwrap_or_default(),
        row.quality.to_owned(),
        row.source.clone(),
    ]
}

fn table(rows: &[[String; 8]], console: Console) -> String {
    let mut table = Table::new();
    table.set_header(HEADER).load_style(TableStyle::new());
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

fn csv(rows: &[[String; 8]]) -> Result<String> {
    let unwritable =
        |cause: ::csv::Error| Error::new(Kind::Failure, "cannot write CSV").cause(cause);
    let mut writer = ::csv::Writer::from_writer(Vec::new());
    writer.write_record(HEADER).map_err(unwritable)?;
    for row in rows {
        writer.write_record(row).map_err(unwritable)?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|cause| Error::new(Kind::Failure, "cannot write CSV").cause(cause.to_string()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
