//! The view as Markdown for a job summary or a comment: the answer first, the long tail folded away.
//!
//! Source: GitHub documentation, workflow commands, read 2026-11: a job summary holds 1 MiB; a comment holds 65,536
//! characters. What is written fits both; whole parts give way, the last rows first, and a note says so.

use super::amounts::{count, plural};
use super::escape::{clip, markdown_cell, markdown_code, markdown_text};
use super::phrases;
use super::section::{Cell, Column, Fit, Row, Section};
use super::view::View;

/// Rows shown before the fold.
const SHOWN: usize = 20;
/// Rows of one fold.
const FOLDED: usize = 100;
/// Bytes of all of it, with room for the note on what was left out.
const MOST_BYTES: usize = 65_000;
/// Longest note.
const LONGEST_NOTE: usize = 1_000;

/// A part that stays or gives way as a whole.
struct Part {
    text: String,
    /// The rows in it, where it may be left out.
    rows: Option<usize>,
}

impl Part {
    fn kept(text: String) -> Self {
        Self { text, rows: None }
    }
}

/// The whole view, from a third-level heading on.
pub(super) fn render(view: &View) -> String {
    let mut parts = vec![Part::kept(format!("### {}", markdown_text(&view.title)))];
    for (at, sentence) in view.lead.iter().enumerate() {
        let sentence = markdown_text(sentence);
        parts.push(Part::kept(if at == 0 {
            format!("**{sentence}**")
        } else {
            sentence
        }));
    }
    for (at, section) in view.sections.iter().enumerate() {
        parts.extend(section_parts(section, at > 0));
    }
    if !view.notes.is_empty() {
        let notes = view.notes.iter();
        let notes: Vec<String> = notes.map(|note| format!("- {}", clipped(note))).collect();
        parts.push(Part::kept(notes.join("\n")));
    }
    fitted(parts)
}

/// A note of bearable length.
fn clipped(note: &str) -> String {
    let mut end = note.len().min(LONGEST_NOTE);
    while !note.is_char_boundary(end) {
        end -= 1;
    }
    let mark = if end < note.len() { "…" } else { "" };
    markdown_text(&format!("{}{mark}", &note[..end]))
}

/// Heading, sentences, the first rows, and folds of the rest.
fn section_parts(section: &Section, headed: bool) -> Vec<Part> {
    let mut parts = Vec::new();
    if headed {
        parts.push(Part::kept(format!(
            "#### {}",
            markdown_text(&section.heading)
        )));
    }
    parts.extend(
        section
            .text
            .iter()
            .map(|sentence| Part::kept(markdown_text(sentence))),
    );
    let (shown, rest) = section.rows.split_at(section.rows.len().min(SHOWN));
    if !shown.is_empty() {
        parts.push(Part {
            text: table(&section.columns, shown),
            rows: Some(shown.len()),
        });
    }
    let mut first = shown.len() + 1;
    for folded in rest.chunks(FOLDED) {
        let last = first + folded.len() - 1;
        parts.push(Part {
            text: format!(
                "<details><summary>{} {} to {} of {}</summary>\n\n{}\n\n</details>",
                markdown_text(&section.heading),
                count(first),
                count(last),
                count(section.rows.len()),
                table(&section.columns, folded)
            ),
            rows: Some(folded.len()),
        });
        first = last + 1;
    }
    parts
}

/// Leaves out tables, the last of the largest section first, until all of it fits.
fn fitted(mut parts: Vec<Part>) -> String {
    let mut left_out = 0;
    let bytes = |parts: &[Part]| -> usize { parts.iter().map(|part| part.text.len() + 2).sum() };
    while bytes(&parts) > MOST_BYTES {
        let folds = |part: &Part| part.text.starts_with("<details>");
        let last = parts
            .iter()
            .rposition(folds)
            .or_else(|| parts.iter().rposition(|part| part.rows.is_some()));
        let Some(last) = last else { break };
        left_out += parts.remove(last).rows.unwrap_or(0);
    }
    if left_out > 0 {
        parts.push(Part::kept(format!(
            "{} left out here to fit a comment: HTML, XLSX, CSV and JSON have them all.",
            plural(left_out, "row")
        )));
    }
    let texts: Vec<String> = parts.into_iter().map(|part| part.text).collect();
    texts.join("\n\n") + "\n"
}

/// A header, then a row for each list of cells; sparklines are for terminals.
fn table(columns: &[Column], rows: &[Row]) -> String {
    let shown: Vec<(usize, &Column)> = columns
        .iter()
        .enumerate()
        .filter(|(_, column)| column.fit != Fit::Sparkline)
        .collect();
    let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let titles = shown.iter().map(|(_, column)| column.title.to_owned());
    let rules = shown.iter().map(|(_, column)| {
        if column.fit == Fit::Number {
            "---:".to_owned()
        } else {
            "---".to_owned()
        }
    });
    let mut lines = vec![line(titles.collect()), line(rules.collect())];
    lines.extend(rows.iter().map(|row| {
        let cells = shown.iter().map(|(at, _)| cell(&row.cells[*at]));
        line(cells.collect())
    }));
    lines.join("\n")
}

fn cell(cell: &Cell) -> String {
    match cell {
        Cell::Nothing | Cell::Sparklines(_) => phrases::NOTHING.to_owned(),
        Cell::Name(name, detail) if detail.is_empty() => markdown_code(&clip(name)),
        Cell::Name(name, detail) => {
            format!("{} {}", markdown_code(&clip(name)), markdown_cell(detail))
        }
        Cell::Text(text) => markdown_cell(&clip(text)),
        Cell::Number(text, _) => markdown_cell(text),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{sample, view};
    use crate::report::result::Report;

    fn render(report: &Report) -> String {
        super::render(&view::of(report))
    }

    /// Numbers of unescaped pipes in the lines that are table rows.
    fn pipes(text: &str) -> Vec<usize> {
        let rows = text.lines().filter(|line| line.starts_with('|'));
        rows.map(|row| {
            row.replace("\\\\", "")
                .replace("\\|", "")
                .matches('|')
                .count()
        })
        .collect()
    }

    #[test]
    fn the_answer_comes_first() {
        let text = render(&sample::report());
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("### Containers, 2026-10-01 to 2026-10-31")
        );
        assert_eq!(lines.next(), Some(""));
        assert_eq!(
            lines.next(),
            Some(
                r"**Containers cost at least \$1,705.29 a month; \$1,114.78 (65%) can be saved: 6 workloads, 3 to resize or move, 1 too small, 1 withheld, 1 not priced.**"
            )
        );
    }

    #[test]
    fn a_workload_is_a_row() {
        let text = render(&sample::report());
        let row = text.lines().find(|line| line.contains("prod/web")).unwrap();
        assert_eq!(
            row,
            r"| `prod/web` service | Fargate 2 vCPU / 4 GiB | Fargate 0.5 vCPU / 1 GiB | \$1,441.77 | \$1,081.33 | Overprovisioned: spare CPU, spare memory | 0.31 vCPU, 813 MiB | 1.4% / – |"
        );
    }

    #[test]
    fn twenty_are_shown_and_the_rest_is_folded() {
        let text = render(&sample::many(25));
        let (shown, folded) = text
            .split_once("<details><summary>Workloads 21 to 25 of 25</summary>")
            .unwrap();
        assert_eq!(
            shown
                .lines()
                .filter(|line| line.contains("` service |"))
                .count(),
            20
        );
        assert_eq!(
            folded
                .lines()
                .filter(|line| line.contains("` service |"))
                .count(),
            5
        );
        assert!(!render(&sample::many(20)).contains("<details>"));
    }

    #[test]
    fn a_huge_report_fits_into_a_comment_and_says_what_it_leaves_out() {
        let mut report = sample::many(1_500);
        report
            .workloads
            .iter_mut()
            .for_each(|workload| workload.name = "\u{e0041}|".repeat(100));
        let text = render(&report);
        assert!(text.contains(" rows left out here to fit a comment: "));
        assert!(text.len() < 65_536, "{} bytes", text.len());
        assert!(text.contains("scope-days seen"), "the notes stay");
    }

    #[test]
    fn hostile_names_neither_break_the_table_nor_become_markup() {
        for name in sample::HOSTILE {
            let mut report = sample::report();
            report.workloads[0].name = (*name).to_owned();
            report.workloads[4].current.not_priced = Some((*name).to_owned());
            report.coverage.notes.push((*name).to_owned());
            let text = render(&report);
            assert_eq!(pipes(&text), pipes(&render(&sample::report())), "{name}");
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
            assert_eq!(
                text.lines().count(),
                render(&sample::report()).lines().count() + 1,
                "{name}"
            );
        }
    }

    #[test]
    fn an_empty_report_says_so() {
        let text = render(&sample::empty());
        assert!(text.contains("**No workload was seen in this window.**"));
        assert!(!text.contains("| "));
    }
}
