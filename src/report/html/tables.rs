//! Tables of a page.

use super::page::{push, text};
use crate::report::escape::clip;
use crate::report::phrases;
use crate::report::section::{Cell, Column, Fit, Row, Section, Tone};

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
pub(super) fn table(
    body: &mut String,
    section: &Section,
    rows: &[Row],
    caption: &str,
    linked: Option<usize>,
) {
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
