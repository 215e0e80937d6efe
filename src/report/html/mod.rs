//! The report as one page: no network, no cookies; readable and printable without its script.
//!
//! Charts are inline SVG with title, description and their data in a table. The page's own style and script are
//! allowed by their hashes, and nothing else is.
//!
//! Source: W3C Content Security Policy Level 3; WCAG 2.2, read 2026-11.

mod chart;
mod comparison;
mod figure;
mod panel;

use std::collections::BTreeMap;

use sha2::{Digest, Sha256};

use super::amounts::{count, plural};
use super::escape::{self, clip};
use super::phrases;
use super::result::Report;
use super::section::{Cell, Column, Fit, Row, Section, Tone};
use super::sentences;
use super::view::View;
pub(super) use comparison::page as comparison;

const STYLE: &str = include_str!("page.css");
const SCRIPT: &str = include_str!("page.js");

/// The section with one row per workload.
const WORKLOADS: &str = "workloads";
/// The section with one row per packed fleet.
const FLEETS: &str = "fleets";
/// Fleets that are drawn over time.
const MOST_FLEETS: usize = 8;
/// Rows of a table; a browser stays quick with so many.
const MOST_ROWS: usize = 1_000;
/// Bytes up to which workloads get a panel of their own.
const MOST_BYTES: usize = 280_000;

/// A text of others as the content of an element or of a quoted attribute.
pub(super) fn text(text: &str) -> String {
    escape::html(text)
}

/// The whole report as a page.
pub(super) fn render(report: &Report, view: &View) -> String {
    let mut body = String::new();
    header(&mut body, report, view);
    let mut rest = String::new();
    for section in view
        .sections
        .iter()
        .filter(|section| section.id != WORKLOADS)
    {
        heading(&mut rest, section.id, section);
        headed_table(&mut rest, section);
        if section.id == FLEETS {
            rest.push_str(&fleets(report));
        }
    }
    rest.push_str(&notes(view));
    if let Some(section) = view.sections.iter().find(|section| section.id == WORKLOADS) {
        let linked = workload_table(section, usize::MAX).len();
        let taken = body.len() + linked + rest.len() + STYLE.len() + SCRIPT.len();
        let panels = panels(report, MOST_BYTES.saturating_sub(taken));
        body.push_str(&workload_table(section, panels.len()));
        body.push_str(&each(report, &panels));
    }
    body.push_str(&rest);
    page(&view.title, &body)
}

/// A view without anything of its own as a page.
pub(super) fn plain(view: &View) -> String {
    let mut body = format!("<h1>{}</h1>\n", text(&view.title));
    for (at, sentence) in view.lead.iter().enumerate() {
        let class = if at == 0 { " class=answer" } else { "" };
        push(&mut body, &format!("<p{class}>{}</p>\n", text(sentence)));
    }
    let mut known: BTreeMap<&str, usize> = BTreeMap::new();
    for section in &view.sections {
        // Every fleet has sections of these kinds.
        let number = known.entry(section.id).or_default();
        *number += 1;
        match *number {
            1 => heading(&mut body, section.id, section),
            number => heading(&mut body, &format!("{}-{number}", section.id), section),
        }
        plain_table(&mut body, section);
    }
    body.push_str(&notes(view));
    page(&view.title, &body)
}

/// A page around a body.
pub(super) fn page(title: &str, body: &str) -> String {
    let hash = |content: &str| {
        let digest = Sha256::digest(content.as_bytes());
        format!("'sha256-{}'", aws_smithy_types::base64::encode(digest))
    };
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none';style-src {};script-src {};base-uri 'none';form-action 'none'\">\n\
         <meta name=referrer content=no-referrer>\n<title>{}</title>\n<style>{STYLE}</style>\n<main>\n{body}</main>\n<script>{SCRIPT}</script>\n</html>\n",
        hash(STYLE),
        hash(SCRIPT),
        text(title),
    )
}

/// The first screen: the answer, how sure it is, and how the savings come about.
fn header(body: &mut String, report: &Report, view: &View) {
    push(body, &format!("<h1>{}</h1>\n", text(&view.title)));
    for (at, sentence) in view.lead.iter().enumerate() {
        let class = if at == 0 { " class=answer" } else { "" };
        push(body, &format!("<p{class}>{}</p>\n", text(sentence)));
    }
    if report.totals.workloads == 0 {
        return;
    }
    body.push_str("<dl class=facts>");
    for (what, value, detail) in facts(report) {
        push(
            body,
            &format!(
                "<div><dt>{what}</dt><dd>{}</dd><dd>{}</dd></div>",
                text(&value),
                text(&detail)
            ),
        );
    }
    body.push_str("</dl>\n");
    body.push_str(&chart::waterfall(report));
}

/// Cost, savings, coverage and prices, each with what it rests on.
fn facts(report: &Report) -> Vec<(&'static str, String, String)> {
    let totals = &report.totals;
    let coverage = &report.coverage;
    let days = coverage.complete_scope_days + coverage.partial_scope_days;
    let (cost, cost_rests_on, saved) = if totals.is_any_priced() {
        (
            phrases::amount(&totals.going_rate),
            format!(
                "{}; measured in the window: {}",
                totals.going_rate.certainty.as_str().replace('_', " "),
                phrases::amount(&totals.measured_cost)
            ),
            super::amounts::money(totals.monthly_savings_usd),
        )
    } else {
        let unknown = super::amounts::NOT_PRICED.to_owned();
        (
            unknown.clone(),
            "no workload has a price".to_owned(),
            unknown,
        )
    };
    vec![
        ("Cost a month now", cost, cost_rests_on),
        (
            "Can be saved a month",
            saved,
            super::amounts::share(totals.monthly_savings_usd, totals.going_rate.usd).map_or_else(
                || "of nothing priced".to_owned(),
                |share| format!("{share} of the cost now"),
            ),
        ),
        (
            "Workloads",
            count(totals.workloads),
            format!(
                "{} not priced, {} withheld, {} not seen on every day",
                count(totals.not_priced),
                count(totals.findings.not_enough_data),
                count(totals.partly_seen)
            ),
        ),
        (
            "Coverage",
            if days == 0 {
                "not known".to_owned()
            } else {
                super::amounts::percent(coverage.complete_scope_days as f64 / days as f64 * 100.0)
            },
            format!("of {} seen whole", plural(days, "scope-day")),
        ),
        (
            "Prices",
            format!("{} prices", report.prices.kind),
            of_prices(report),
        ),
    ]
}

/// How old the prices are and what they stand on.
fn of_prices(report: &Report) -> String {
    let qualities = sentences::price_qualities(report).map(|said| format!("; {said}"));
    format!(
        "as of {}{}",
        report.prices.as_of,
        qualities.unwrap_or_default()
    )
}

/// The first fleets over time.
fn fleets(report: &Report) -> String {
    let mut body = String::from("<div class=charts>\n");
    for (number, fleet) in (1..).zip(report.fleets.iter().take(MOST_FLEETS)) {
        if let Some(figure) = chart::fleet(format!("f{number}"), fleet) {
            figure.write(&mut body);
        }
    }
    body + "</div>\n"
}

fn heading(body: &mut String, id: &str, section: &Section) {
    push(
        body,
        &format!("<h2 id={id}>{}</h2>\n", text(&section.heading)),
    );
    for sentence in &section.text {
        push(body, &format!("<p>{}</p>\n", text(sentence)));
    }
}

/// The table of workloads, with sorting and a filter where the script runs.
///
/// The first `linked` of them have a panel to go to.
fn workload_table(section: &Section, linked: usize) -> String {
    let mut body = String::new();
    heading(&mut body, section.id, section);
    body.push_str(
        "<div class=filter><label for=filter>Filter</label> <input id=filter type=search autocomplete=off> \
         <span id=count role=status></span></div>\n",
    );
    let shown = section.rows.len().min(MOST_ROWS);
    let caption = "Workloads, what saves most first";
    table(
        &mut body,
        section,
        &section.rows[..shown],
        caption,
        Some(linked),
    );
    if shown < section.rows.len() {
        push(
            &mut body,
            &format!(
                "<p>{} more are left out here: the workbook, CSV, Parquet and JSON have them all; <code>--where</code> and \
                 <code>--top</code> choose.</p>\n",
                count(section.rows.len() - shown)
            ),
        );
    }
    body
}

/// A table that is only read.
pub(super) fn plain_table(body: &mut String, section: &Section) {
    if !section.rows.is_empty() {
        table(body, section, &section.rows, &section.heading, None);
    }
}

/// A table below its heading, which is its caption too.
pub(super) fn headed_table(body: &mut String, section: &Section) {
    if !section.rows.is_empty() {
        let mut shown = String::new();
        plain_table(&mut shown, section);
        body.push_str(&shown.replacen("<caption>", "<caption class=v>", 1));
    }
}

/// Columns other than sparklines; the first cell of a row names it. A table whose rows have panels can be sorted; so
/// many of its first rows are linked to theirs.
fn table(body: &mut String, section: &Section, rows: &[Row], caption: &str, linked: Option<usize>) {
    let columns: Vec<(usize, &Column)> = section
        .columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.fit != Fit::Sparkline)
        .collect();
    let class = if linked.is_some() {
        " class=sort id=all"
    } else {
        ""
    };
    push(
        body,
        &format!(
            "<div class=scroll tabindex=0 role=region aria-label=\"{0}\"><table{class}><caption>{0}</caption><thead><tr>",
            text(caption)
        ),
    );
    for (_, column) in &columns {
        let class = if column.fit == Fit::Number {
            " class=n"
        } else {
            ""
        };
        let title = if column.title.is_empty() {
            "Value"
        } else {
            column.title
        };
        push(body, &format!("<th scope=col{class}>{}", text(title)));
    }
    body.push_str("<tbody>\n");
    for (number, row) in (1..).zip(rows) {
        body.push_str(if row.tone == Tone::Quiet {
            "<tr class=q>"
        } else {
            "<tr>"
        });
        for (at, column) in &columns {
            if let Some(shown) = row.cells.get(*at) {
                let link = linked
                    .filter(|linked| *at == 0 && number <= *linked)
                    .map(|_| number);
                body.push_str(&cell(shown, column.fit, row.tone, *at == 0, link));
            }
        }
        body.push('\n');
    }
    body.push_str("</table></div>\n");
}

fn cell(cell: &Cell, fit: Fit, row: Tone, is_first: bool, link: Option<usize>) -> String {
    let shown = match cell {
        Cell::Nothing | Cell::Sparklines(_) => phrases::NOTHING.to_owned(),
        Cell::Name(name, detail) => {
            let name = text(&clip(name));
            let name = link.map_or_else(
                || name.clone(),
                |number| format!("<a href=#w{number}>{name}</a>"),
            );
            match detail.as_str() {
                "" => name,
                detail => format!("{name} <small>{}</small>", text(detail)),
            }
        }
        Cell::Text(words) => text(&clip(words)),
        Cell::Number(number, _) => text(number),
    };
    let class = match (cell, fit, row) {
        (Cell::Number(_, Tone::Good), ..) => " class=\"n g\"",
        (_, Fit::Number, _) => " class=n",
        (_, _, Tone::Bad) if is_first => " class=bad",
        _ => "",
    };
    if is_first {
        format!("<th scope=row{class}>{shown}")
    } else {
        format!("<td{class}>{shown}")
    }
}

/// A panel per workload, the first of them, as many as there is room for.
fn panels(report: &Report, room: usize) -> Vec<String> {
    let mut left = room;
    (1..)
        .zip(&report.workloads)
        .map(|(number, workload)| panel::of(workload, number))
        .map_while(|panel| {
            left = left.checked_sub(panel.len())?;
            Some(panel)
        })
        .collect()
}

/// The panels under their heading, and how many workloads have none.
fn each(report: &Report, panels: &[String]) -> String {
    let mut body = String::from("<h2 id=each>Workload by workload</h2>\n");
    body.push_str(&panels.concat());
    let without = report.workloads.len() - panels.len();
    if without > 0 {
        push(
            &mut body,
            &format!(
                "<p>{} without a panel here, to keep the page small: <code>plimsoll explain WORKLOAD</code> shows the same.</p>\n",
                plural(without, "workload")
            ),
        );
    }
    body
}

fn notes(view: &View) -> String {
    let mut body = String::from("<h2 id=notes>Before you trust a figure</h2>\n<ul>\n");
    for note in &view.notes {
        push(&mut body, &format!("<li>{}</li>\n", text(note)));
    }
    body.push_str("</ul>\n");
    body
}

/// Appends.
pub(super) fn push(body: &mut String, more: &str) {
    body.push_str(more);
}

#[cfg(test)]
mod tests {
    use super::super::{sample, view};
    use super::*;

    fn page_of(workloads: usize) -> String {
        let report = sample::many(workloads);
        render(&report, &view::of(&report))
    }

    #[test]
    fn sections_of_several_fleets_have_anchors_of_their_own() {
        let section = || Section {
            id: "days",
            heading: "Instances over time".into(),
            text: Vec::new(),
            columns: Vec::new(),
            rows: Vec::new(),
        };
        let view = View {
            title: "EC2 fleets".into(),
            lead: Vec::new(),
            sections: vec![section(), section(), section()],
            notes: Vec::new(),
        };
        let page = plain(&view);
        for id in ["days", "days-2", "days-3"] {
            assert_eq!(page.matches(&format!("<h2 id={id}>")).count(), 1, "{id}");
        }
    }

    #[test]
    fn five_hundred_workloads_are_one_page_of_less_than_300_kb() {
        let page = page_of(500);
        assert!(page.len() < 300_000, "{} bytes", page.len());
        assert!(page.contains("web-0000") && page.contains("web-0499"));
        assert!(!page.contains("more are left out here"));
    }

    #[test]
    fn of_ten_thousand_workloads_a_page_lists_the_first_thousand_and_says_where_the_others_are() {
        let page = page_of(10_000);
        assert!(page.len() < 600_000, "{} bytes", page.len());
        assert!(page.contains("web-0999") && !page.contains("web-1000"));
        assert!(page.contains(
            "9,000 more are left out here: the workbook, CSV, Parquet and JSON have them all"
        ));
    }
}
