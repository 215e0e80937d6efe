//! A picture of its own: a scatter of named points and one curve on a logarithmic axis.

use std::fmt::Write as _;

use super::svg::{course, dot, label, line, number};

/// A point with a name.
#[derive(Debug, Clone)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    pub(super) name: String,
}

/// What is drawn: `x` on a logarithmic axis, `y` on a plain one.
#[derive(Debug)]
pub(super) struct Panel<'a> {
    pub(super) title: &'a str,
    pub(super) x_name: &'a str,
    pub(super) y_name: &'a str,
    /// From and to, and the values that are marked.
    pub(super) x_axis: (f64, f64, &'a [f64]),
    pub(super) y_axis: (f64, f64, &'a [f64]),
    /// The curve, in order, and its name.
    pub(super) curve: &'a [(f64, f64)],
    pub(super) curve_name: &'a str,
    pub(super) points: &'a [Point],
}

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 400.0;
/// Left, right, top, bottom.
const MARGIN: (f64, f64, f64, f64) = (56.0, 20.0, 36.0, 48.0);

/// How the marks look, in a picture that stands alone.
const LOOKS: &str = ".d{fill:#b0413e}.g{stroke:#e4e4e4}.c{stroke:#1b5e8a;stroke-width:2;fill:none}.cn{fill:#1b5e8a}.t{font-size:14px}";

/// The panels beside each other, as one document.
pub(super) fn document(panels: &[Panel]) -> String {
    let (wide, high) = (number(WIDTH * panels.len().max(1) as f64), number(HEIGHT));
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {wide} {high}\" width=\"{wide}\" height=\"{high}\" \
         font-family=\"sans-serif\" font-size=\"11\">\n<style>{LOOKS}</style>\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        let left = number(WIDTH * at as f64);
        let _ = write!(
            svg,
            "<g transform=\"translate({left} 0)\">\n{}</g>\n",
            panel.draw()
        );
    }
    svg + "</svg>\n"
}

impl Panel<'_> {
    fn draw(&self) -> String {
        let mut drawn = self.axes() + &self.draw_curve();
        for point in self.points {
            let (x, y) = (self.x(point.x), self.y(point.y));
            drawn += &dot("d", x, y);
            drawn += &label(x + 6.0, y - 4.0, "start", "", &point.name);
            drawn.push('\n');
        }
        drawn
    }

    /// Where a value is on the paper; values beyond the axis are at its end.
    fn x(&self, value: f64) -> f64 {
        let (from, to, _) = self.x_axis;
        let along = (value.max(from) / from).ln() / (to / from).ln();
        MARGIN.0 + along.clamp(0.0, 1.0) * (WIDTH - MARGIN.0 - MARGIN.1)
    }

    fn y(&self, value: f64) -> f64 {
        let (from, to, _) = self.y_axis;
        let along = ((value - from) / (to - from)).clamp(0.0, 1.0);
        HEIGHT - MARGIN.3 - along * (HEIGHT - MARGIN.2 - MARGIN.3)
    }

    fn axes(&self) -> String {
        let (left, right) = (MARGIN.0, WIDTH - MARGIN.1);
        let (top, bottom) = (MARGIN.2, HEIGHT - MARGIN.3);
        let mut drawn = String::new();
        for &mark in self.x_axis.2 {
            let x = self.x(mark);
            drawn += &line("g", (x, top), (x, bottom));
            drawn += &label(x, bottom + 15.0, "middle", "", &mark.to_string());
        }
        for &mark in self.y_axis.2 {
            let y = self.y(mark);
            drawn += &line("g", (left, y), (right, y));
            drawn += &label(left - 6.0, y + 4.0, "end", "", &mark.to_string());
        }
        drawn += &label(left, 20.0, "start", "t", self.title);
        drawn += &label(
            f64::midpoint(left, right),
            HEIGHT - 12.0,
            "middle",
            "",
            self.x_name,
        );
        let middle = number(f64::midpoint(top, bottom));
        let turned = label(0.0, 0.0, "middle", "", self.y_name);
        drawn + &format!("<g transform=\"translate(14 {middle}) rotate(-90)\">{turned}</g>\n")
    }

    fn draw_curve(&self) -> String {
        let points: Vec<(f64, f64)> = self
            .curve
            .iter()
            .map(|&(x, y)| (self.x(x), self.y(y)))
            .collect();
        let Some(&(x, y)) = points.get(points.len() / 2) else {
            return String::new();
        };
        let name = label(x - 6.0, y - 6.0, "end", "cn", self.curve_name);
        course("c", &points) + &name + "\n"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn panel(points: &[Point]) -> String {
        document(&[Panel {
            title: "CPU",
            x_name: "breach weeks, %",
            y_name: "saved, %",
            x_axis: (0.1, 100.0, &[0.1, 1.0, 10.0, 100.0]),
            y_axis: (0.0, 100.0, &[0.0, 50.0, 100.0]),
            curve: &[(1.0, 50.0), (10.0, 60.0)],
            curve_name: "ours",
            points,
        }])
    }

    #[test]
    fn a_decade_is_a_third_of_three() {
        let svg = panel(&[Point {
            x: 1.0,
            y: 50.0,
            name: "a < b".into(),
        }]);
        // A third of the 484 between the margins, right of 56; half of the 316 above 352.
        assert!(svg.contains("cx=\"217.3\" cy=\"194\""), "{svg}");
        assert!(svg.contains("a &lt; b"));
    }

    #[test]
    fn what_is_beyond_an_axis_is_at_its_end() {
        let svg = panel(&[Point {
            x: 0.0,
            y: 120.0,
            name: String::new(),
        }]);
        assert!(svg.contains("cx=\"56\" cy=\"36\""), "{svg}");
    }
}
