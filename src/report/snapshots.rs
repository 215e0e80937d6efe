//! What readers see, format by format, situation by situation.
//!
//! `INSTA_UPDATE=always cargo test --release --lib report::snapshots` writes them anew.

use super::result::Report;
use super::{Format, Style, csv, explain, render, sample};

fn situations() -> [(&'static str, Report); 5] {
    [
        ("full", sample::report()),
        ("partial_coverage", sample::partly_seen()),
        ("nothing_to_analyse", sample::empty()),
        ("unpriced_region", sample::unpriced()),
        ("every_certainty", sample::every_certainty()),
    ]
}

fn text(report: &Report, format: Format, width: Option<u16>) -> String {
    let style = Style {
        width,
        color: false,
    };
    String::from_utf8(render(report, format, style).expect("rendered")).expect("text")
}

#[test]
fn terminals_show_this_at_80_and_at_120_columns() {
    for (situation, report) in situations() {
        for width in [80, 120] {
            let shown = text(&report, Format::Table, Some(width));
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(
                longest <= Some(usize::from(width)),
                "{situation} at {width}"
            );
            insta::assert_snapshot!(format!("table_{width}_{situation}"), shown);
        }
    }
}

#[test]
fn a_workload_is_explained_like_this_at_80_and_at_120_columns() {
    for (situation, report) in situations() {
        for width in [80, 120] {
            let style = Style {
                width: Some(width),
                color: false,
            };
            let each = report.workloads.iter();
            let shown: Vec<String> = each.map(|of| explain(&report, of, style)).collect();
            let shown = shown.join("\n====\n\n");
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(
                longest <= Some(usize::from(width)),
                "{situation} at {width}"
            );
            insta::assert_snapshot!(format!("explain_{width}_{situation}"), shown);
        }
    }
}

/// The sheets of a workbook as CSV, one below the other: what XLSX and Parquet hold.
#[test]
fn the_flat_tables_are_these() {
    for (situation, report) in situations() {
        insta::assert_snapshot!(format!("sheets_{situation}"), csv::sheets(&report));
    }
}

#[test]
fn text_formats_are_these() {
    for (format, name) in [
        (Format::Markdown, "markdown"),
        (Format::Csv, "csv"),
        (Format::Focus, "focus"),
        (Format::Json, "json"),
    ] {
        for (situation, report) in situations() {
            insta::assert_snapshot!(format!("{name}_{situation}"), text(&report, format, None));
        }
    }
}

#[test]
fn the_page_s_content_is_this() {
    for (situation, report) in situations() {
        let page = text(&report, Format::Html, None);
        let main = page
            .split_once("<main>")
            .and_then(|(_, rest)| rest.split_once("</main>"));
        insta::assert_snapshot!(
            format!("html_{situation}"),
            main.expect("one main element").0
        );
    }
}
