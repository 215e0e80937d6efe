//! `prices diff`: which prices changed from one book to another, and by how much.

use std::fmt::Write as _;
use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::{Form, csv_text, json_text, read_book, table_text};
use crate::cli::console::Console;
use crate::cli::failure::cannot_print;
use crate::model::error::Result;
use crate::pricing::PriceBook;
use crate::pricing::diff::{Change, Diff, diff};
use crate::report::escape::terminal;

/// Arguments of `prices diff`.
#[derive(Debug, Args)]
#[command(
    after_help = "Only regions of both books are compared, and only amounts: another date or source is no change."
)]
pub(in crate::cli) struct DiffArgs {
    /// Price book, or `shipped` for the one that comes with the tool
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// Price book, or `shipped`
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Only this region
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Form of the result
    #[arg(long, value_name = "FORMAT", default_value = "table")]
    format: Form,
}

const HEADER: [&str; 8] = [
    "region", "service", "item", "unit", "old", "new", "change", "percent",
];

#[derive(Serialize)]
struct JsonDiff<'a> {
    same: usize,
    only_old: &'a [String],
    only_new: &'a [String],
    changes: Vec<JsonChange>,
}

#[derive(Serialize)]
struct JsonChange {
    region: String,
    service: String,
    item: String,
    unit: String,
    old: Option<String>,
    new: Option<String>,
    change: Option<String>,
    percent: Option<String>,
}

/// Prints what changed.
pub(super) fn run(args: &DiffArgs, console: Console, out: &mut dyn Write) -> Result<()> {
    let book = |path: &PathBuf| {
        if path.as_os_str() == "shipped" {
            PriceBook::embedded()
        } else {
            read_book(path, "OLD and NEW name files, or are `shipped`")
        }
    };
    let mut diff = diff(&book(&args.old)?, &book(&args.new)?);
    if let Some(region) = &args.region {
        let is_of = |change: &Change| change.row().is_some_and(|row| row.region == *region);
        diff.changes.retain(is_of);
    }
    let text = match args.format {
        Form::Table => table(&diff, console),
        Form::Csv => csv_text(&HEADER, diff.changes.iter().map(cells))?,
        Form::Json => json_text(&json(&diff))?,
    };
    out.write_all(text.as_bytes()).map_err(cannot_print)
}

fn table(diff: &Diff, console: Console) -> String {
    let mut text = if diff.changes.is_empty() {
        String::new()
    } else {
        table_text(&HEADER, diff.changes.iter().map(cells), console)
    };
    let _ = writeln!(
        text,
        "{} changed, {} the same.",
        diff.changes.len(),
        diff.same
    );
    for (name, regions) in [("old", &diff.only_old), ("new", &diff.only_new)] {
        if !regions.is_empty() {
            let regions = terminal(&regions.join(", "));
            let _ = writeln!(text, "Only in the {name} book: {regions}.");
        }
    }
    text
}

fn cells(change: &Change) -> [String; 8] {
    let JsonChange {
        region,
        service,
        item,
        unit,
        old,
        new,
        change,
        percent,
    } = json_change(change);
    let [old, new, change, percent] = [old, new, change, percent].map(Option::unwrap_or_default);
    [region, service, item, unit, old, new, change, percent]
}

fn json(diff: &Diff) -> JsonDiff<'_> {
    JsonDiff {
        same: diff.same,
        only_old: &diff.only_old,
        only_new: &diff.only_new,
        changes: diff.changes.iter().map(json_change).collect(),
    }
}

fn json_change(change: &Change) -> JsonChange {
    let of = |text: fn(&crate::pricing::PriceRow) -> &str| {
        change.row().map(text).unwrap_or_default().to_owned()
    };
    let amount =
        |row: &Option<crate::pricing::PriceRow>| row.as_ref().map(|row| row.amount.clone());
    let signed = |amount: rust_decimal::Decimal| {
        let amount = amount.normalize();
        if amount.is_sign_positive() {
            format!("+{amount}")
        } else {
            amount.to_string()
        }
    };
    JsonChange {
        region: of(|row| &row.region),
        service: of(|row| row.service),
        item: of(|row| &row.item),
        unit: of(|row| row.unit),
        old: amount(&change.old),
        new: amount(&change.new),
        change: change.difference().map(signed),
        percent: change.percent().map(signed),
    }
}
