//! A chart in a page: inline SVG with title, description and its data in a table.

use super::page::{push, text};
use crate::report::phrases;
use crate::report::svg::number;

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
        let (title, description) = (text(&self.title), text(&self.description));
        push(
            body,
            &format!(
                "<figure><svg viewBox=\"0 0 {} {}\" role=img aria-labelledby=\"{id}t {id}d\"><title id={id}t>{title}</title>\
                 <desc id={id}d>{description}</desc>{}</svg><figcaption>{title}. {}</figcaption>",
                number(wide),
                number(high),
                self.drawing,
                text(&phrases::capitalized(&self.description)),
                id = self.id,
            ),
        );
        if !self.data.is_empty() {
            self.write_data(body, &title);
        }
        body.push_str("</figure>\n");
    }

    /// The data, folded; a wide table is scrolled by itself.
    fn write_data(&self, body: &mut String, title: &str) {
        push(
            body,
            &format!(
                "<details><summary>Data: {title}</summary><div class=scroll tabindex=0 role=region aria-label=\"Data: {title}\">\
                 <table><thead><tr>"
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
        body.push_str("</table></div></details>");
    }
}
