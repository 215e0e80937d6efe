//! A chart as inline SVG, with title, description and its data in a table.

use super::{push, text};

/// A chart and what it says.
pub(super) struct Figure {
    /// Unique on its page.
    pub(super) id: String,
    /// What is shown.
    pub(super) title: String,
    /// What it says, in words.
    pub(super) description: String,
    /// Units of the drawing, wide and high.
    pub(super) size: (f64, f64),
    /// The drawing.
    pub(super) drawing: String,
    /// Headings of the data.
    pub(super) headings: Vec<String>,
    /// The data, row by row; empty where a table of its own shows them.
    pub(super) data: Vec<Vec<String>>,
}

impl Figure {
    /// Appends the figure.
    pub(super) fn write(&self, body: &mut String) {
        let (wide, high) = self.size;
        push(
            body,
            &format!(
                "<figure><svg viewBox=\"0 0 {} {}\" role=img aria-labelledby=\"{id}t {id}d\"><title id={id}t>{}</title><desc id={id}d>{}</desc>{}</svg><figcaption>{}. {}</figcaption>",
                number(wide),
                number(high),
                text(&self.title),
                text(&self.description),
                self.drawing,
                text(&self.title),
                text(&self.description),
                id = self.id,
            ),
        );
        if !self.data.is_empty() {
            push(
                body,
                &format!(
                    "<details><summary>Data: {}</summary><table><thead><tr>",
                    text(&self.title)
                ),
            );
            for heading in &self.headings {
                push(body, &format!("<th scope=col>{}", text(heading)));
            }
            body.push_str("<tbody>");
            for row in &self.data {
                body.push_str("<tr>");
                for (at, value) in row.iter().enumerate() {
                    let tag = if at == 0 { "th scope=row" } else { "td" };
                    push(body, &format!("<{tag}>{}", text(value)));
                }
            }
            body.push_str("</table></details>");
        }
        body.push_str("</figure>\n");
    }
}

/// A coordinate: at most one decimal.
pub(super) fn number(value: f64) -> String {
    let rounded = (value * 10.0).round() / 10.0;
    if rounded.is_finite() {
        format!("{}", rounded + 0.0)
    } else {
        "0".to_owned()
    }
}

/// A word at a place; `anchor` is `start`, `middle` or `end`.
pub(super) fn label(x: f64, y: f64, anchor: &str, class: &str, words: &str) -> String {
    let anchor = if anchor == "start" {
        String::new()
    } else {
        format!(" text-anchor={anchor}")
    };
    let class = if class.is_empty() {
        String::new()
    } else {
        format!(" class={class}")
    };
    format!(
        "<text x={} y={}{anchor}{class}>{}</text>",
        number(x),
        number(y),
        text(words)
    )
}

/// A straight line.
pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    format!(
        "<path class={class} d=\"M{} {}L{} {}\"/>",
        number(from.0),
        number(from.1),
        number(to.0),
        number(to.1)
    )
}

/// Bars `(x, y, width, height)` as one path.
pub(super) fn bars(class: &str, bars: impl IntoIterator<Item = (f64, f64, f64, f64)>) -> String {
    let mut paths = String::new();
    for (x, y, wide, high) in bars.into_iter().filter(|(.., high)| *high > 0.0) {
        let wide = number(wide);
        push(
            &mut paths,
            &format!(
                "M{} {}h{wide}v{}h-{wide}z",
                number(x),
                number(y),
                number(high)
            ),
        );
    }
    if paths.is_empty() {
        String::new()
    } else {
        format!("<path class={class} d=\"{paths}\"/>")
    }
}

/// A line through points.
pub(super) fn course(class: &str, points: &[(f64, f64)]) -> String {
    let path: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{} {}", number(*x), number(*y)))
        .collect();
    format!("<path class={class} d=\"M{}\"/>", path.join("L"))
}
