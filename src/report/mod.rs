//! One result, many formats: for people (table, Markdown, HTML, a workbook) and for programs (JSON, CSV, Parquet, FOCUS).
//!
//! [`result`] is what an analysis says, made from the domain's values; `view` arranges it for people, `columns` lays
//! it out flat for programs; every format only prints one of these three.

mod amount_columns;
pub(crate) mod amounts;
pub mod backtest;
mod cluster;
mod cluster_columns;
mod cluster_view;
mod columns;
pub mod comparison;
mod course;
mod csv;
pub(crate) mod escape;
mod explain;
mod flat;
pub mod fleet_figures;
mod fleets;
mod focus;
pub mod from;
pub mod groups;
#[cfg(test)]
mod hostile;
mod html;
mod json;
mod markdown;
mod narrow;
mod notes;
pub mod packing;
mod packing_view;
mod parquet;
mod phrases;
mod quality;
#[cfg(test)]
mod read_back;
pub mod result;
#[cfg(test)]
pub(crate) mod sample;
mod scatter;
mod section;
pub mod select;
mod sentences;
#[cfg(test)]
mod snapshots;
mod sparkline;
mod svg;
mod table;
mod usage;
mod view;
mod xlsx;

pub use table::Style;

use std::path::Path;

use clap::ValueEnum;
use comparison::ComparisonResult;
use packing::PackingResult;
use result::{Report, WorkloadResult};

use crate::model::error::Result;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For a terminal.
    Table,
    /// For a job summary, a comment or a wiki.
    Markdown,
    /// For a browser: one file, no network.
    Html,
    /// For spreadsheet programs: a summary, workloads, placements, cost lines, EC2 clusters.
    Xlsx,
    /// For programs: the whole result, versioned.
    Json,
    /// For programs: one row per workload.
    Csv,
    /// The same as Parquet.
    Parquet,
    /// Recommendations as rows of FOCUS's Recommendation dataset (draft), CSV.
    Focus,
}

impl Format {
    /// Every format that a file name can ask for, by its ending.
    pub const SUFFIXES: &[(&str, Self)] = &[
        (".focus.csv", Self::Focus),
        (".html", Self::Html),
        (".htm", Self::Html),
        (".xlsx", Self::Xlsx),
        (".markdown", Self::Markdown),
        (".md", Self::Markdown),
        (".json", Self::Json),
        (".csv", Self::Csv),
        (".parquet", Self::Parquet),
        (".txt", Self::Table),
    ];

    /// The format that the name of `path` asks for by its ending.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        Self::SUFFIXES
            .iter()
            .find(|(suffix, _)| name.ends_with(suffix))
            .map(|(_, format)| *format)
    }

    /// Whether it is made of bytes that no terminal can show.
    pub const fn is_binary(self) -> bool {
        matches!(self, Self::Xlsx | Self::Parquet)
    }
}

/// The report in the asked format; text ends with a newline. The same report gives the same bytes.
pub fn render(report: &Report, format: Format, style: Style) -> Result<Vec<u8>> {
    Ok(match format {
        Format::Table => table::render(&view::of(report), style).into_bytes(),
        Format::Markdown => markdown::render(&view::of(report)).into_bytes(),
        Format::Html => html::render(report, &view::of(report)).into_bytes(),
        Format::Xlsx => xlsx::render(report, &view::of(report))?,
        Format::Json => json::render(report).into_bytes(),
        Format::Csv => csv::render(report),
        Format::Parquet => parquet::render(report)?,
        Format::Focus => focus::render(report),
    })
}

/// Everything that is known of one workload of a report, as a terminal shows it.
pub fn explain(report: &Report, workload: &WorkloadResult, style: Style) -> String {
    table::render(&explain::view(report, workload), style)
}

/// The same as Markdown.
pub fn explain_markdown(report: &Report, workload: &WorkloadResult) -> String {
    markdown::render(&explain::view(report, workload))
}

/// A workload's part of the JSON report.
pub fn explain_json(workload: &WorkloadResult) -> String {
    json::workload(workload)
}

/// A comparison as a page of its own; `answer` and `turns` are the sentences that its table prints.
pub fn comparison_page(comparison: &ComparisonResult, answer: &str, turns: &[String]) -> String {
    html::comparison(comparison, answer, turns)
}

/// Fleet plans in one of the formats for people, or as JSON; `None` for a format that they do not have.
pub fn packing(packing: &PackingResult, format: Format, style: Style) -> Option<String> {
    let view = || packing_view::of(packing);
    match format {
        Format::Table => Some(table::render(&view(), style)),
        Format::Markdown => Some(markdown::render(&view())),
        Format::Html => Some(html::plain(&view())),
        Format::Json => Some(json::packing(packing)),
        Format::Xlsx | Format::Csv | Format::Parquet | Format::Focus => None,
    }
}

/// The schema of the JSON fleet plans.
pub fn packing_schema() -> String {
    json::schema(&schemars::schema_for!(PackingResult))
}

/// The schema of the JSON report.
pub fn report_schema() -> String {
    json::schema(&schemars::schema_for!(Report))
}

/// The schema of the JSON comparison.
pub fn comparison_schema() -> String {
    json::schema(&schemars::schema_for!(ComparisonResult))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_repeats_itself_exactly_and_text_ends_its_last_line() {
        for &format in Format::value_variants() {
            let make = || render(&sample::report(), format, Style::default()).unwrap();
            assert_eq!(make(), make(), "{format:?}");
            if !format.is_binary() {
                let text = String::from_utf8(make()).unwrap();
                assert!(
                    text.ends_with('\n') && !text.ends_with("\n\n"),
                    "{format:?}"
                );
            }
        }
    }

    #[test]
    fn the_ending_of_a_name_asks_for_a_format() {
        for (name, format) in [
            ("a/report.HTML", Some(Format::Html)),
            ("r.md", Some(Format::Markdown)),
            ("r.focus.csv", Some(Format::Focus)),
            ("r.csv", Some(Format::Csv)),
            ("r.txt", Some(Format::Table)),
            ("r.pdf", None),
            ("html", None),
        ] {
            assert_eq!(Format::of(Path::new(name)), format, "{name}");
        }
    }
}
