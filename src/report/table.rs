//! The view for a terminal: the answer, then each table, then the notes.
//!
//! comfy-table arranges everything, prose too: a sentence is a table of one cell. It never asks the terminal
//! itself; width and colour come in with the [`Style`].

use comfy_table::{
    Attribute, Cell as Shown, CellAlignment, Color, ColumnConstraint, ContentArrangement,
    LineStyle, Row as ShownRow, Table, TableStyle, presets::NOTHING,
};

use super::escape::{clip, terminal};
use super::phrases;
use super::section::{Cell, Column, Fit, Row, Section, Tone};
use super::view::View;

/// How a table is shown on a terminal; the other formats are the same everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Style {
    /// Columns of the terminal; `None` where there is none, and nothing is wrapped.
    pub width: Option<u16>,
    /// Whether to colour.
    pub color: bool,
}

/// From this width on, everything has its column; below, the texts of a row stand under each other.
const WIDE: u16 = 170;
/// Narrower than this, sparklines are left out.
const ROOMY: u16 = 100;
/// Narrower terminals wrap by themselves.
const NARROWEST: u16 = 60;

/// The whole view as text.
pub(super) fn render(view: &View, style: Style) -> String {
    let prose_lines = |sentences: &[String]| {
        sentences
            .iter()
            .map(|sentence| prose([sentence], style))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let mut parts = vec![prose_lines(&view.lead)];
    for (at, section) in view.sections.iter().enumerate() {
        // The first table follows the answer without a heading.
        let heading = (at > 0).then(|| format!("{}\n", terminal(&section.heading)));
        let text = (!section.text.is_empty()).then(|| prose_lines(&section.text));
        let above: Vec<String> = heading.into_iter().chain(text).collect();
        if !above.is_empty() {
            parts.push(above.join("\n").trim_end().to_owned());
        }
        if !section.rows.is_empty() {
            parts.push(grid(section, style));
        }
    }
    let notes: Vec<String> = view
        .notes
        .iter()
        .map(|note| prose(["·", note], style))
        .collect();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n") + "\n"
}

/// Rows under headings and a line.
fn grid(section: &Section, style: Style) -> String {
    let texts = section
        .columns
        .iter()
        .filter(|column| column.fit == Fit::Text)
        .count();
    let stacked = texts > 2 && style.width.is_some_and(|width| width < WIDE);
    let shown = |column: &Column| match column.fit {
        Fit::Sparkline => style.width.is_none_or(|width| width >= ROOMY),
        _ => true,
    };
    let columns: Vec<(usize, &Column)> = section
        .columns
        .iter()
        .enumerate()
        .filter(|(at, column)| shown(column) && !(stacked && *at > 0 && column.fit == Fit::Text))
        .collect();
    let rows = section.rows.iter().map(|row| {
        ShownRow::from(columns.iter().map(|(at, _)| {
            let text = if stacked && *at == 0 {
                stack(section, row)
            } else {
                cell_text(&row.cells[*at], style.width.is_none())
            };
            colored(&text, &row.cells[*at], row.tone, *at == 0)
        }))
    });
    let spaced = style.width.is_some() && texts > 2;
    let mut look = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    if spaced {
        look = look.row_separator(LineStyle::none().fill(' ').junction(' '));
    }
    let mut table = bare(style);
    table
        .load_style(look)
        .set_header(columns.iter().map(|(_, column)| column.title))
        .add_rows(rows);
    for (at, (shown, (_, column))) in table.column_iter_mut().zip(&columns).enumerate() {
        shown.set_padding((0, if at + 1 < columns.len() { 2 } else { 0 }));
        if column.fit != Fit::Text {
            shown.set_constraint(ColumnConstraint::ContentWidth);
        }
        if column.fit == Fit::Number {
            shown.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// The texts of a row under each other, each behind its joint.
fn stack(section: &Section, row: &Row) -> String {
    let mut stacked = String::new();
    for (column, cell) in section.columns.iter().zip(&row.cells) {
        let empty = matches!(cell, Cell::Nothing);
        if column.fit == Fit::Text && !empty {
            stacked.push_str(column.joint);
            stacked.push_str(&cell_text(cell, false));
        }
    }
    stacked
}

/// A cell's text, made safe; on one line if asked.
fn cell_text(cell: &Cell, one_line: bool) -> String {
    match cell {
        Cell::Nothing => phrases::NOTHING.to_owned(),
        Cell::Name(name, detail) if detail.is_empty() => terminal(&clip(name)),
        Cell::Name(name, detail) => format!("{} ({})", terminal(&clip(name)), terminal(detail)),
        Cell::Text(text) => terminal(&clip(text)),
        Cell::Number(text, _) => terminal(text),
        Cell::Sparklines(lines) => lines
            .iter()
            .map(|line| format!("{} {} {}", line.label, line.course, line.peak))
            .collect::<Vec<_>>()
            .join(if one_line { "  " } else { "\n" }),
    }
}

/// Dim, green or red where that means something. `text` has been made safe.
fn colored(text: &str, cell: &Cell, row: Tone, is_first: bool) -> Shown {
    let shown = Shown::new(text);
    let own = match cell {
        Cell::Number(_, tone) => *tone,
        _ => Tone::Plain,
    };
    match (own, row) {
        (Tone::Good, _) => shown.fg(Color::DarkGreen),
        (_, Tone::Quiet) => shown.add_attribute(Attribute::Dim),
        (Tone::Bad, _) => shown.fg(Color::DarkRed),
        (_, Tone::Bad) if is_first => shown.fg(Color::DarkRed),
        _ => shown,
    }
}

/// A sentence, wrapped; under a bullet if its cells are that and the sentence.
fn prose<const N: usize>(cells: [&str; N], style: Style) -> String {
    let mut table = bare(style);
    table.load_style(NOTHING).add_row(cells.map(terminal));
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, u16::from(at + 1 < N)));
    }
    table.trim_fmt()
}

/// A table that knows its width and colour from the style alone.
fn bare(style: Style) -> Table {
    let mut table = Table::new();
    table.force_no_tty().style_text_only();
    if let Some(width) = style.width {
        table
            .set_width(width.max(NARROWEST))
            .set_content_arrangement(ContentArrangement::Dynamic);
    }
    if style.color {
        table.enforce_styling();
    }
    table
}

#[cfg(test)]
mod tests {
    use super::super::{sample, view};
    use super::*;
    use crate::report::result::Report;

    fn render(report: &Report, style: Style) -> String {
        super::render(&view::of(report), style)
    }

    const fn width(width: u16) -> Style {
        Style {
            width: Some(width),
            color: false,
        }
    }

    fn longest(text: &str) -> usize {
        text.lines()
            .map(|line| line.chars().count())
            .max()
            .unwrap_or(0)
    }

    #[test]
    fn the_first_line_answers_the_question() {
        let text = render(&sample::report(), Style::default());
        assert_eq!(
            text.lines().next(),
            Some(
                "Containers cost at least $1,705.29 a month; $1,114.78 (65%) can be saved: 6 workloads, 3 to resize or move, \
                 1 too small, 1 withheld, 1 not priced."
            )
        );
        assert!(
            render(&sample::report(), width(60))
                .starts_with("Containers cost at least $1,705.29 a month; $1,114.78 (65%)\n")
        );
    }

    #[test]
    fn every_width_is_kept() {
        for asked in [60, 80, 100, 120, 130, 140, 200] {
            let text = render(&sample::report(), width(asked));
            assert!(longest(&text) <= usize::from(asked), "{asked}:\n{text}");
        }
    }

    #[test]
    fn absurd_widths_are_survived() {
        for asked in [0, 1, 20, 10_000, u16::MAX] {
            for report in [sample::report(), sample::empty(), sample::many(3)] {
                let text = render(&report, width(asked));
                assert!(longest(&text) < 400, "{asked}: {}", longest(&text));
            }
        }
    }

    #[test]
    fn without_colour_there_is_no_escape_and_with_it_savings_are_green() {
        let plain = render(&sample::report(), width(80));
        assert!(!plain.contains('\u{1b}'));
        let coloured = render(
            &sample::report(),
            Style {
                width: Some(80),
                color: true,
            },
        );
        assert!(coloured.contains("\u{1b}["));
        assert!(coloured.contains("$1,081.33\u{1b}["));
    }

    #[test]
    fn hostile_names_cannot_steer_the_terminal() {
        for name in sample::HOSTILE {
            let mut report = sample::report();
            report.workloads[0].name = (*name).to_owned();
            report.workloads[1].current.size.as_mut().unwrap().name = (*name).to_owned();
            report.coverage.notes.push((*name).to_owned());
            for style in [width(60), width(140), Style::default()] {
                let text = render(&report, style);
                assert!(
                    text.chars().all(|char| char == '\n' || !char.is_control()),
                    "{text}"
                );
                assert!(!text.contains('\u{202e}'));
            }
        }
    }

    #[test]
    fn unknown_is_said_in_words_and_never_as_no_money() {
        let text = render(&sample::report(), width(140));
        let row = text
            .lines()
            .find(|line| line.contains("report (task)"))
            .unwrap();
        assert!(row.contains("not priced") && !row.contains('$'), "{row}");
        assert!(!text.split_whitespace().any(|word| word == "$0.00"));
    }

    #[test]
    fn accounts_are_shown_once_there_are_two() {
        let mut report = sample::report();
        assert!(!render(&report, width(80)).contains("111122223333 eu-west-1)"));
        report.workloads[1].account = "444455556666".into();
        let text = render(&report, width(120));
        assert!(text.contains("service, 111122223333 eu-west-1)"), "{text}");
        assert!(text.contains("build, 444455556666 eu-west-1)"), "{text}");
    }

    #[test]
    fn at_eighty_columns_a_workload_reads_as_a_paragraph() {
        let text = render(&sample::report(), width(80));
        let from = text.find("prod/web").unwrap();
        let expected = "\
prod/web (service)                                       $1,441.77     $1,081.33
Fargate 2 vCPU / 4 GiB → Fargate 0.5 vCPU / 1 GiB
Overprovisioned: spare CPU, spare memory; needs 0.31
vCPU, 813 MiB; risk 1.4% / –
";
        assert!(text[from..].starts_with(expected), "{text}");
    }

    #[test]
    fn sparklines_are_there_from_one_hundred_columns_on() {
        assert!(!render(&sample::report(), width(80)).contains("cpu ▁"));
        let text = render(&sample::report(), width(120));
        assert!(text.contains("cpu ▁▁▁▁▁▁▂ 14%"), "{text}");
    }

    #[test]
    fn where_nothing_wraps_a_workload_is_one_line_with_everything_in_its_column() {
        let text = render(&sample::report(), Style::default());
        let titles = text
            .lines()
            .find(|line| line.starts_with("Workload "))
            .unwrap();
        let places: Vec<Option<usize>> = [
            "Workload",
            "Today",
            "Recommended",
            "Cost/month",
            "Saves/month",
            "Finding",
            "Needs",
            "Risk",
        ]
        .iter()
        .map(|title| titles.find(title))
        .collect();
        assert!(places.is_sorted() && places[0].is_some(), "{titles}");
    }

    #[test]
    fn an_empty_report_says_so() {
        assert!(
            render(&sample::empty(), width(80))
                .starts_with("No workload was seen in this window.\n")
        );
    }
}
