//! The report as a workbook: a summary, then one row per workload, per placement, per cost line, per
//! EC2 cluster. Real numbers and
//! formats; text is never a formula.
//!
//! Source: Excel specifications and limits, read 2026-11: 1,048,576 rows a sheet, 32,767 characters a cell.

use rust_xlsxwriter::{
    DocProperties, ExcelDateTime, Format, FormatAlign, Workbook, Worksheet, XlsxError,
};

use super::amounts::NOT_PRICED;
use super::cluster_columns::{ClusterRow, cluster_rows};
use super::columns::{
    LineRow, PlacementRow, WorkloadRow, line_rows, placement_rows, workload_rows,
};
use super::escape;
use super::flat::{Column, Type, Value};
use super::result::{AmountResult, Report};
use super::view::View;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::Usd;

/// Rows under a heading.
const MOST_ROWS: usize = 1_048_575;
/// Characters of a cell.
const LONGEST: usize = 32_767;

/// The looks of cells.
struct Looks {
    heading: Format,
    strong: Format,
    wrapped: Format,
    money: Format,
    number: Format,
    integer: Format,
}

impl Looks {
    fn new() -> Self {
        Self {
            heading: Format::new()
                .set_bold()
                .set_background_color("#E8EDF2")
                .set_text_wrap()
                .set_align(FormatAlign::Top),
            strong: Format::new().set_bold(),
            wrapped: Format::new().set_text_wrap().set_align(FormatAlign::Top),
            money: Format::new().set_num_format("\"$\"#,##0.00####"),
            number: Format::new().set_num_format("#,##0.00####"),
            integer: Format::new().set_num_format("#,##0"),
        }
    }
}

/// The workbook's bytes: the same report gives the same.
pub(super) fn render(report: &Report, view: &View) -> Result<Vec<u8>> {
    workbook(report, view).map_err(|cause| {
        Error::new(ErrorKind::Failure, "cannot make a workbook of the report").cause(cause)
    })
}

fn workbook(report: &Report, view: &View) -> Result<Vec<u8>, XlsxError> {
    let looks = Looks::new();
    let mut book = Workbook::new();
    // The clock has no part in a report: it is as old as what it is of.
    let made = ExcelDateTime::parse_from_str(report.window.to.trim_end_matches('Z'))
        .or_else(|_| ExcelDateTime::from_ymd(2000, 1, 1))?;
    book.set_properties(
        &DocProperties::new()
            .set_title(escape::terminal(&view.title))
            .set_author(&report.generated_by)
            .set_creation_datetime(&made),
    );
    summary(
        book.add_worksheet().set_name("Summary")?,
        report,
        view,
        &looks,
    )?;
    sheet(
        book.add_worksheet().set_name("Workloads")?,
        &WorkloadRow::columns(),
        workload_rows(report),
        &looks,
    )?;
    sheet(
        book.add_worksheet().set_name("Placements")?,
        &PlacementRow::columns(),
        placement_rows(report),
        &looks,
    )?;
    sheet(
        book.add_worksheet().set_name("Cost lines")?,
        &LineRow::columns(),
        line_rows(report),
        &looks,
    )?;
    if !report.clusters.is_empty() {
        sheet(
            book.add_worksheet().set_name("EC2 clusters")?,
            &ClusterRow::columns(),
            cluster_rows(report),
            &looks,
        )?;
    }
    book.save_to_buffer()
}

/// The answer, the sums, the steps, and what to know before trusting them.
fn summary(
    sheet: &mut Worksheet,
    report: &Report,
    view: &View,
    looks: &Looks,
) -> Result<(), XlsxError> {
    sheet.set_column_width(0, 56)?;
    sheet.set_column_width(1, 18)?;
    sheet.set_column_width(2, 40)?;
    let mut row = 0;
    write_text(sheet, row, 0, &view.title, Some(&looks.strong))?;
    for sentence in &view.lead {
        row += 1;
        write_text(sheet, row, 0, sentence, Some(&looks.wrapped))?;
    }
    row += 2;
    let totals = &report.totals;
    for (what, amount) in [
        ("Cost in the window, USD", &totals.measured_cost),
        ("Cost in a 730-hour month, USD", &totals.going_rate),
    ] {
        write_text(sheet, row, 0, what, None)?;
        if totals.is_any_priced() {
            sheet.write_number_with_format(row, 1, dollars(amount.usd), &looks.money)?;
            write_text(sheet, row, 2, &certainty(amount), None)?;
        } else {
            write_text(sheet, row, 2, NOT_PRICED, None)?;
        }
        row += 1;
    }
    for step in &totals.savings_steps {
        let what = format!(
            "Saved a month by {}, USD",
            super::phrases::step_name(step.step)
        );
        write_text(sheet, row, 0, &what, None)?;
        sheet.write_number_with_format(row, 1, dollars(step.monthly_savings_usd), &looks.money)?;
        let effort = format!("{} effort", super::phrases::effort(step.effort));
        write_text(sheet, row, 2, &effort, None)?;
        row += 1;
    }
    write_text(
        sheet,
        row,
        0,
        "Saved a month in all, USD",
        Some(&looks.strong),
    )?;
    if totals.is_any_priced() {
        let saved = dollars(totals.monthly_savings_usd);
        sheet.write_number_with_format(row, 1, saved, &looks.money)?;
    } else {
        write_text(sheet, row, 2, NOT_PRICED, None)?;
    }
    row += 1;
    for (what, count) in [
        ("Workloads", totals.workloads),
        ("Of these not priced, and in no sum", totals.not_priced),
        ("Of these not seen on every day", totals.partly_seen),
        ("Of these withheld", totals.findings.not_enough_data),
    ] {
        write_text(sheet, row, 0, what, None)?;
        sheet.write_number_with_format(row, 1, count as f64, &looks.integer)?;
        row += 1;
    }
    for note in &view.notes {
        row += 1;
        write_text(sheet, row, 0, note, Some(&looks.wrapped))?;
    }
    Ok(())
}

/// How sure an amount is, with its ends.
fn certainty(amount: &AmountResult) -> String {
    let word = amount.certainty.as_str().replace('_', " ");
    match (amount.lower_usd, amount.upper_usd) {
        (Some(lower), Some(upper)) => {
            format!("{word} {} and {}", dollars(lower), dollars(upper))
        }
        (Some(lower), None) => format!("{word} {}", dollars(lower)),
        (None, Some(upper)) => format!("{word} {}", dollars(upper)),
        (None, None) => word,
    }
}

/// A table with headings that stay, and filters.
fn sheet<R>(
    sheet: &mut Worksheet,
    columns: &[Column<R>],
    rows: impl Iterator<Item = R>,
    looks: &Looks,
) -> Result<(), XlsxError> {
    for (at, column) in (0..).zip(columns) {
        let wide = match column.of {
            Type::Text => 22,
            _ => 14,
        };
        sheet.set_column_width(at, wide)?;
        sheet.write_string_with_format(0, at, column.name, &looks.heading)?;
    }
    let mut last = 0;
    for (row, of) in (1..).zip(rows.take(MOST_ROWS)) {
        for (at, column) in (0..).zip(columns) {
            write(sheet, row, at, &column.value(&of), looks)?;
        }
        last = row;
    }
    sheet.set_freeze_panes(1, 0)?;
    let columns = u16::try_from(columns.len()).unwrap_or(u16::MAX);
    sheet.autofilter(0, 0, last, columns.saturating_sub(1))?;
    Ok(())
}

fn write(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    value: &Value<'_>,
    looks: &Looks,
) -> Result<(), XlsxError> {
    match value {
        Value::Null => {}
        Value::Text(text) => write_text(sheet, row, column, text, None)?,
        Value::Json(text) => {
            sheet.write_string(row, column, cut(escape::json(text)))?;
        }
        Value::Integer(number) => {
            sheet.write_number_with_format(row, column, *number as f64, &looks.integer)?;
        }
        Value::Number(number) => {
            sheet.write_number_with_format(row, column, *number, &looks.number)?;
        }
        Value::Usd(usd) => {
            sheet.write_number_with_format(row, column, dollars(*usd), &looks.money)?;
        }
    }
    Ok(())
}

/// Text, spelt out where it could not be seen, cut where a cell ends.
fn write_text(
    sheet: &mut Worksheet,
    row: u32,
    column: u16,
    text: &str,
    look: Option<&Format>,
) -> Result<(), XlsxError> {
    let shown = cut(escape::terminal(text));
    match look {
        Some(look) => sheet.write_string_with_format(row, column, shown, look)?,
        None => sheet.write_string(row, column, shown)?,
    };
    Ok(())
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(LONGEST) {
        text.truncate(end);
    }
    text
}

/// As in JSON: to a millionth of a cent.
fn dollars(usd: Usd) -> f64 {
    Usd::new(usd.amount().round_dp(8)).as_f64()
}
