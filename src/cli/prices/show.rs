//! `prices show`: the rows of a book.

use std::io::Write;

use clap::{Args, ValueEnum};
use serde::Serialize;

use super::{BookArgs, Form, csv_text, json_text, table_text, today};
use crate::cli::console::Console;
use crate::cli::failure::cannot_print;
use crate::model::error::{Error, ErrorKind, Result};
use crate::pricing::{PriceBook, PriceRow, Quality, is_old};

/// Arguments of `prices show`.
#[derive(Debug, Args)]
pub(in crate::cli) struct ShowArgs {
    /// Only this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Only this service
    #[arg(long, value_name = "SERVICE")]
    service: Option<ServiceName>,
    /// Only items with this in their name: an instance type, a compute type, an architecture, `spot`
    #[arg(long = "type", value_name = "TEXT")]
    item: Option<String>,
    /// Only prices of this quality
    #[arg(long, value_name = "QUALITY", value_parser = crate::cli::parse::spelled(Quality::ALL.iter().map(|quality| quality.as_str()), Quality::parse))]
    quality: Option<Quality>,
    #[command(flatten)]
    prices: BookArgs,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum ServiceName {
    /// AWS Fargate
    Fargate,
    /// AWS CodeBuild
    Codebuild,
    /// Amazon EC2 instances
    Ec2,
    /// Volumes, addresses, fees, free tiers
    Other,
}

impl ServiceName {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Fargate => "fargate",
            Self::Codebuild => "codebuild",
            Self::Ec2 => "ec2",
            Self::Other => "other",
        }
    }
}

const HEADER: [&str; 8] = [
    "region", "service", "item", "amount", "unit", "as_of", "quality", "source",
];

/// A row as programs read it.
#[derive(Serialize)]
struct JsonRow<'a> {
    region: &'a str,
    service: &'static str,
    item: &'a str,
    amount: &'a str,
    unit: &'static str,
    as_of: Option<&'a str>,
    is_old: bool,
    quality: &'static str,
    source: &'a str,
}

/// Prints the rows of the book that were asked for.
pub(super) fn run(args: &ShowArgs, console: Console, out: &mut dyn Write) -> Result<()> {
    let book = args.prices.book()?;
    let rows: Vec<&PriceRow> = match &args.region {
        Some(region) => book.rows_of(region).iter().collect(),
        None => book.rows().collect(),
    };
    if rows.is_empty() {
        return Err(no_region(args, &book));
    }
    let rows: Vec<&PriceRow> = rows.into_iter().filter(|row| args.wants(row)).collect();
    if rows.is_empty() {
        let message = "the price book has no such price";
        return Err(Error::new(ErrorKind::Nothing, message)
            .hint("leave out a filter; `plimsoll prices show` lists all prices"));
    }
    let text = match args.format {
        Form::Table => {
            let today = today();
            let cells = rows.iter().map(|row| {
                let mut cells = cells(row);
                if is_old(row.as_of.as_deref(), today) {
                    cells[5] = format!("{}, old", row.as_of.as_deref().unwrap_or("no date"));
                }
                cells
            });
            table_text(&HEADER, cells, console)
        }
        Form::Csv => csv_text(&HEADER, rows.iter().map(|row| cells(row)))?,
        Form::Json => json_text(&json_rows(&rows))?,
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}

fn no_region(args: &ShowArgs, book: &PriceBook) -> Error {
    let region = args.region.as_deref().unwrap_or_default();
    Error::new(
        ErrorKind::Nothing,
        format!("the price book has no price for region `{region}`"),
    )
    .hint(book.instead_of(region))
}

impl ShowArgs {
    fn wants(&self, row: &PriceRow) -> bool {
        let is_service = self.service.is_none_or(|name| name.as_str() == row.service);
        let is_item = self
            .item
            .as_deref()
            .is_none_or(|text| row.item.to_lowercase().contains(&text.to_lowercase()));
        let is_quality = self
            .quality
            .is_none_or(|quality| quality.as_str() == row.quality);
        is_service && is_item && is_quality
    }
}

fn cells(row: &PriceRow) -> [String; 8] {
    [
        row.region.clone(),
        row.service.to_owned(),
        row.item.clone(),
        row.amount.clone(),
        row.unit.to_owned(),
        row.as_of.clone().unwrap_or_default(),
        row.quality.to_owned(),
        row.source.clone(),
    ]
}

fn json_rows<'a>(rows: &[&'a PriceRow]) -> Vec<JsonRow<'a>> {
    let today = today();
    let row = |row: &&'a PriceRow| JsonRow {
        region: &row.region,
        service: row.service,
        item: &row.item,
        amount: &row.amount,
        unit: row.unit,
        as_of: row.as_of.as_deref(),
        is_old: is_old(row.as_of.as_deref(), today),
        quality: row.quality,
        source: &row.source,
    };
    rows.iter().map(row).collect()
}
