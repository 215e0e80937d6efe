//! What readers see, format by format, situation by situation.
//!
//! `INSTA_UPDATE=always cargo test --release --lib report::snapshots` writes them anew.

use super::packing::PackingResult;
use super::result::Report;
use super::{Format, Style, csv, explain, packing, read_back, render, sample};

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

/// The main element of a page.
fn content(page: &str) -> &str {
    let main = page
        .split_once("<main>")
        .and_then(|(_, rest)| rest.split_once("</main>"));
    main.expect("one main element").0
}

#[test]
fn the_page_s_content_is_this() {
    for (situation, report) in situations() {
        let page = text(&report, Format::Html, None);
        insta::assert_snapshot!(format!("html_{situation}"), content(&page));
    }
}

#[test]
fn workbooks_hold_this() {
    for (situation, report) in situations() {
        let bytes = render(&report, Format::Xlsx, Style::default()).expect("rendered");
        insta::assert_snapshot!(format!("xlsx_{situation}"), read_back::workbook(&bytes));
    }
}

#[test]
fn parquet_files_hold_this() {
    for (situation, report) in situations() {
        let bytes = render(&report, Format::Parquet, Style::default()).expect("rendered");
        insta::assert_snapshot!(format!("parquet_{situation}"), read_back::parquet(&bytes));
    }
}

/// The section of sums alone, where there is one under a heading: the rest of a report is the same with it.
fn groups_alone(shown: &str) -> String {
    let heading = "By tag.service";
    let Some((_, rest)) = shown.split_once(heading) else {
        return shown.to_owned();
    };
    let paragraphs: Vec<&str> = rest.split("\n\n").take(2).collect();
    format!("{heading}{}", paragraphs.join("\n\n"))
}

#[test]
fn sums_by_group_are_these_in_every_format_that_has_them() {
    for (situation, report) in situations() {
        let report = sample::grouped(report);
        for width in [80, 120] {
            insta::assert_snapshot!(
                format!("groups_table_{width}_{situation}"),
                groups_alone(&text(&report, Format::Table, Some(width)))
            );
        }
        insta::assert_snapshot!(
            format!("groups_markdown_{situation}"),
            groups_alone(&text(&report, Format::Markdown, None))
        );
        let page = text(&report, Format::Html, None);
        let section = page
            .split_once("<h2 id=groups>")
            .map_or("", |(_, rest)| rest);
        let section = section
            .split_once("<h2")
            .map_or(section, |(section, _)| section);
        insta::assert_snapshot!(format!("groups_html_{situation}"), section);
        let json = serde_json::to_string_pretty(&report.groups).expect("JSON");
        insta::assert_snapshot!(format!("groups_json_{situation}"), json);
    }
}

/// What a fleet plan says, in the situations that make a difference to it.
fn plans() -> [(&'static str, PackingResult); 3] {
    [
        ("full", sample::packing::packing()),
        ("nothing_to_analyse", sample::packing::nothing_packed()),
        (
            "unpriced_region",
            sample::packing::packing_without_fargate(),
        ),
    ]
}

#[test]
fn fleet_plans_are_these_in_every_format_that_has_them() {
    for (situation, plan) in plans() {
        for width in [80, 120] {
            let style = Style {
                width: Some(width),
                color: false,
            };
            let shown = packing(&plan, Format::Table, style).expect("a table");
            let longest = shown.lines().map(|line| line.chars().count()).max();
            assert!(
                longest <= Some(usize::from(width)),
                "{situation} at {width}"
            );
            insta::assert_snapshot!(format!("pack_table_{width}_{situation}"), shown);
        }
        for (format, name) in [
            (Format::Markdown, "markdown"),
            (Format::Html, "html"),
            (Format::Json, "json"),
        ] {
            let shown = packing(&plan, format, Style::default()).expect("a format of plans");
            let shown = match format {
                Format::Html => content(&shown),
                _ => &shown,
            };
            insta::assert_snapshot!(format!("pack_{name}_{situation}"), shown);
        }
    }
}
