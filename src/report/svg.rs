//! What charts are drawn with: lines, bars, words. The same in a page and in a picture of its own.

use std::fmt::Write as _;

use super::escape;

/// A text of others as the content of an element or of a quoted attribute.
fn text(text: &str) -> String {
    escape::html(text)
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
    let attribute = |name: &str, value: &str, usual: &str| {
        if value == usual {
            String::new()
        } else {
            format!(" {name}=\"{value}\"")
        }
    };
    format!(
        "<text x=\"{}\" y=\"{}\"{}{}>{}</text>",
        number(x),
        number(y),
        attribute("text-anchor", anchor, "start"),
        attribute("class", class, ""),
        text(words)
    )
}

/// A straight line.
pub(super) fn line(class: &str, from: (f64, f64), to: (f64, f64)) -> String {
    course(class, &[from, to])
}

/// A line through points.
pub(super) fn course(class: &str, points: &[(f64, f64)]) -> String {
    let path: Vec<String> = points
        .iter()
        .map(|(x, y)| format!("{} {}", number(*x), number(*y)))
        .collect();
    format!("<path class=\"{class}\" d=\"M{}\"/>", path.join("L"))
}

/// Bars `(x, y, width, height)` as one path.
pub(super) fn bars(class: &str, bars: impl IntoIterator<Item = (f64, f64, f64, f64)>) -> String {
    let mut paths = String::new();
    for (x, y, wide, high) in bars.into_iter().filter(|(.., high)| *high > 0.0) {
        let wide = number(wide);
        let _ = write!(
            paths,
            "M{} {}h{wide}v{}h-{wide}z",
            number(x),
            number(y),
            number(high)
        );
    }
    if paths.is_empty() {
        String::new()
    } else {
        format!("<path class=\"{class}\" d=\"{paths}\"/>")
    }
}

/// A round mark.
pub(super) fn dot(class: &str, x: f64, y: f64) -> String {
    let (x, y) = (number(x), number(y));
    format!("<circle class=\"{class}\" cx=\"{x}\" cy=\"{y}\" r=\"3.5\"/>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coordinates_have_a_decimal_at_most_and_are_always_numbers() {
        let printed = [1.0, 1.25, -0.04, f64::NAN, f64::INFINITY].map(number);
        assert_eq!(printed, ["1", "1.3", "0", "0", "0"]);
    }

    #[test]
    fn words_are_escaped_and_what_is_usual_is_left_out() {
        assert_eq!(
            label(1.0, 2.0, "start", "", "a < b"),
            "<text x=\"1\" y=\"2\">a &lt; b</text>"
        );
        assert_eq!(
            label(1.0, 2.0, "end", "m", "a"),
            "<text x=\"1\" y=\"2\" text-anchor=\"end\" class=\"m\">a</text>"
        );
    }

    #[test]
    fn bars_without_height_are_not_drawn() {
        assert_eq!(bars("s", [(0.0, 1.0, 2.0, 0.0)]), "");
        assert_eq!(
            bars("s", [(0.0, 1.0, 2.0, 3.0)]),
            "<path class=\"s\" d=\"M0 1h2v3h-2z\"/>"
        );
    }
}
