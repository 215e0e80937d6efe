//! The report for a terminal: the answer, the three platforms, the workloads, the fleets, the notes.
//!
//! comfy-table arranges everything, prose too: a sentence is a table of one cell. It never asks the terminal
//! itself; width and colour come in with the [`Style`].

use comfy_table::{
    Attribute, Cell, CellAlignment, Color, ColumnConstraint, ContentArrangement, LineStyle, Row,
    Table, TableStyle, presets::NOTHING,
};

use super::Style;
use super::escape::{clip, terminal};
use super::result::{FleetResult, Report, WorkloadResult};
use super::{notes, words};
use crate::model::finding::Finding;
use crate::model::units::Usd;

/// From this width on, everything has its column; below, a workload's words stand under each other.
const WIDE: u16 = 140;
/// Narrower terminals wrap by themselves.
const NARROWEST: u16 = 60;

/// A column's heading and how its cells fit.
type Heading = (&'static str, Fit);

/// How the cells of a column fit into it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fit {
    /// Wrapped where it must be.
    Text,
    /// Never wrapped.
    Name,
    /// Never wrapped, to the right.
    Number,
}

const PLATFORMS: [Heading; 5] = [
    ("Platform", Fit::Name),
    ("Workloads", Fit::Number),
    ("Today/month", Fit::Number),
    ("There/month", Fit::Number),
    ("Change", Fit::Number),
];
const WORKLOADS_WIDE: [Heading; 7] = [
    ("Workload", Fit::Text),
    ("Today", Fit::Text),
    ("Cost/month", Fit::Number),
    ("Needs", Fit::Text),
    ("Recommended", Fit::Text),
    ("Saves/month", Fit::Number),
    ("Finding", Fit::Text),
];
const WORKLOADS_NARROW: [Heading; 3] = [
    ("Workload", Fit::Text),
    ("Cost/month", Fit::Number),
    ("Saves/month", Fit::Number),
];
const FLEETS: [Heading; 4] = [
    ("Fleet", Fit::Text),
    ("Cost/month", Fit::Number),
    ("Floor", Fit::Number),
    ("On Fargate", Fit::Number),
];

/// The whole report as text.
pub(super) fn render(report: &Report, style: Style) -> String {
    let mut opening = vec![words::answer(report)];
    opening.extend(
        [words::steps(report), words::packing(report)]
            .into_iter()
            .flatten(),
    );
    let mut sections = vec![
        opening
            .iter()
            .map(|sentence| prose([sentence], style))
            .collect::<Vec<_>>()
            .join("\n"),
    ];
    if !report.workloads.is_empty() {
        sections.push(platforms(report, style));
        sections.push(workloads(report, style));
    }
    if !report.fleets.is_empty() {
        sections.push(fleets(report, style));
    }
    sections.push(
        notes::notes(report)
            .iter()
            .map(|note| prose(["·", note], style))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    sections.join("\n\n") + "\n"
}

fn platforms(report: &Report, style: Style) -> String {
    let rows = words::platforms(report).into_iter().map(|on| {
        Row::from(
            [
                words::capitalized(on.name),
                on.workloads,
                on.today,
                on.there,
                on.change,
            ]
            .map(Cell::new_owned),
        )
    });
    let caption = prose(
        ["If every workload that can ran on one platform, at the size it needs, on demand:"],
        style,
    );
    format!("{caption}\n\n{}", grid(&PLATFORMS, rows, false, style))
}

fn workloads(report: &Report, style: Style) -> String {
    let rows = report.workloads.iter();
    let scoped = words::spans_scopes(report);
    match style.width {
        Some(..WIDE) => grid(
            &WORKLOADS_NARROW,
            rows.map(|workload| narrow_row(workload, scoped)),
            true,
            style,
        ),
        Some(_) => grid(
            &WORKLOADS_WIDE,
            rows.map(|workload| wide_row(workload, scoped, "\n")),
            true,
            style,
        ),
        None => grid(
            &WORKLOADS_WIDE,
            rows.map(|workload| wide_row(workload, scoped, " ")),
            false,
            style,
        ),
    }
}

/// Everything in columns.
fn wide_row(workload: &WorkloadResult, scoped: bool, between: &str) -> Row {
    let scope = scoped.then(|| format!("{between}{}", terminal(&words::scope(workload))));
    Row::from([
        plain(workload, &(title(workload) + &scope.unwrap_or_default())),
        plain(workload, &place(words::today(&workload.current), between)),
        plain(workload, &words::monthly_cost(workload)),
        plain(workload, &words::needs(workload)),
        plain(workload, &place(words::advice(workload), between)),
        savings(workload),
        finding(workload, &words::finding(workload)),
    ])
}

/// All words in one column: the workload and its need, from where to where, and why.
fn narrow_row(workload: &WorkloadResult, scoped: bool) -> Row {
    let need = workload
        .requirement
        .as_ref()
        .map(|_| format!(" needs {}", words::needs(workload)));
    let (today, advice) = (words::today(&workload.current), words::advice(workload));
    let there = if advice.0 == today.0 {
        terminal(&clip(&advice.1))
    } else {
        place(advice, " ")
    };
    let mut lines = vec![title(workload) + &need.unwrap_or_default()];
    lines.extend(scoped.then(|| terminal(&words::scope(workload))));
    lines.extend([
        format!("{} → {there}", place(today, " ")),
        words::finding(workload),
    ]);
    Row::from([
        finding(workload, &lines.join("\n")),
        plain(workload, &words::monthly_cost(workload)),
        savings(workload),
    ])
}

fn fleets(report: &Report, style: Style) -> String {
    let row = |fleet: &FleetResult| {
        let words = words::fleet(fleet);
        let text = format!(
            "{}\n{}, {} fills first\ngap {}, break-even {}",
            terminal(&words.name),
            terminal(&words.instances),
            words.binds,
            words.gap,
            words.break_even
        );
        Row::from([text, words.cost, words.floor, words.fargate].map(Cell::new_owned))
    };
    grid(&FLEETS, report.fleets.iter().map(row), true, style)
}

/// Name and kind.
fn title(workload: &WorkloadResult) -> String {
    format!(
        "{} ({})",
        terminal(&clip(&words::name(workload))),
        workload.kind.as_str()
    )
}

/// Home and size, where there is one.
fn place((platform, size): (String, String), between: &str) -> String {
    if size.is_empty() {
        terminal(&platform)
    } else {
        format!("{}{between}{}", terminal(&platform), terminal(&clip(&size)))
    }
}

/// A cell that is dim when the workload is withheld. `text` has been made safe.
fn plain(workload: &WorkloadResult, text: &str) -> Cell {
    let cell = Cell::new(text);
    if words::is_withheld(workload) {
        cell.add_attribute(Attribute::Dim)
    } else {
        cell
    }
}

/// Green when the workload can be had for less.
fn savings(workload: &WorkloadResult) -> Cell {
    let cell = plain(workload, &words::savings(workload));
    let saves = workload.recommended.is_some()
        && workload
            .monthly_savings_usd
            .is_some_and(|amount| amount > Usd::ZERO);
    if saves {
        cell.fg(Color::DarkGreen)
    } else {
        cell
    }
}

/// Red when the workload has too little.
fn finding(workload: &WorkloadResult, text: &str) -> Cell {
    let cell = plain(workload, text);
    if workload.finding == Finding::Underprovisioned {
        cell.fg(Color::DarkRed)
    } else {
        cell
    }
}

/// Rows under headings and a line; `spaced` leaves one empty between rows.
fn grid(
    headings: &[Heading],
    rows: impl Iterator<Item = Row>,
    spaced: bool,
    style: Style,
) -> String {
    let mut look = TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─'));
    if spaced {
        look = look.row_separator(LineStyle::none().fill(' ').junction(' '));
    }
    let mut table = bare(style);
    table
        .load_style(look)
        .set_header(headings.iter().map(|(title, _)| *title))
        .add_rows(rows);
    for (at, (column, (_, fit))) in table.column_iter_mut().zip(headings).enumerate() {
        column.set_padding((0, if at + 1 < headings.len() { 2 } else { 0 }));
        if *fit != Fit::Text {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
        if *fit == Fit::Number {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
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
    use super::super::sample;
    use super::*;

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
        assert!(!render(&report, width(80)).contains("\n111122223333 eu-west-1\n"));
        report.workloads[1].account = "444455556666".into();
        let text = render(&report, width(80));
        assert!(
            text.contains("\n111122223333 eu-west-1\n")
                && text.contains("\n444455556666 eu-west-1\n")
        );
    }

    #[test]
    fn at_eighty_columns_a_workload_reads_as_a_paragraph() {
        let text = render(&sample::report(), width(80));
        let from = text.find("prod/web").unwrap();
        let expected = "\
prod/web (service) needs 0.31 vCPU, 813 MiB              $1,441.77     $1,081.33
Fargate 2 vCPU / 4 GiB → 0.5 vCPU / 1 GiB
Overprovisioned: spare CPU, spare memory

image (build)";
        assert!(text[from..].starts_with(expected), "{text}");
    }

    #[test]
    fn at_one_hundred_and_forty_columns_everything_has_its_own() {
        let text = render(&sample::report(), width(140));
        let titles: Vec<&str> = text
            .lines()
            .find(|line| line.starts_with("Workload "))
            .unwrap()
            .split_whitespace()
            .collect();
        assert_eq!(
            titles,
            [
                "Workload",
                "Today",
                "Cost/month",
                "Needs",
                "Recommended",
                "Saves/month",
                "Finding"
            ]
        );
    }

    #[test]
    fn an_empty_report_says_so() {
        assert!(
            render(&sample::empty(), width(80))
                .starts_with("No workload was seen in this window.\n")
        );
    }
}
