//! The report as one page: no network, no cookies; readable and printable without its script.
//!
//! Charts are inline SVG with title, description and their data in a table. The page's own style and script are
//! allowed by their hashes, and nothing else is.
//!
//! Source: W3C Content Security Policy Level 3; WCAG 2.2, read 2026-11.

mod chart;
mod comparison;
mod figure;
mod page;
mod panel;
mod tables;

pub(super) use comparison::page as comparison;

use std::collections::BTreeMap;

use super::amounts::{count, plural};
use super::phrases;
use super::result::Report;
use super::section::Section;
use super::sentences;
use super::view::View;
use page::{SCRIPT, STYLE, page, push, text};
use tables::{headed_table, plain_table, table};

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
