//! A small hand-written SVG: a scatter of named points and one curve on a logarithmic axis.

use std::fmt::Write as _;

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

/// The panels beside each other, as one document.
pub(super) fn document(panels: &[Panel]) -> String {
    let width = WIDTH * panels.len().max(1) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:.0} {HEIGHT:.0}\" width=\"{width:.0}\" \
         height=\"{HEIGHT:.0}\" font-family=\"sans-serif\" font-size=\"11\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n"
    );
    for (at, panel) in panels.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<g transform=\"translate({:.0} 0)\">",
            WIDTH * at as f64
        );
        panel.draw(&mut svg);
        svg.push_str("</g>\n");
    }
    svg.push_str("</svg>\n");
    svg
}

impl Panel<'_> {
    fn draw(&self, svg: &mut String) {
        self.axes(svg);
        self.draw_curve(svg);
        for point in self.points {
            let (x, y) = (self.x(point.x), self.y(point.y));
            let _ = writeln!(
                svg,
                "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.5\" fill=\"#b0413e\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" fill=\"#333\">{}</text>",
                x + 6.0,
                y - 4.0,
                escape(&point.name)
            );
        }
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

    fn axes(&self, svg: &mut String) {
        let (left, right) = (MARGIN.0, WIDTH - MARGIN.1);
        let (top, bottom) = (MARGIN.2, HEIGHT - MARGIN.3);
        for &mark in self.x_axis.2 {
            let x = self.x(mark);
            let _ = writeln!(
                svg,
                "<path d=\"M{x:.1} {top}V{bottom}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{mark}</text>",
                bottom + 15.0
            );
        }
        for &mark in self.y_axis.2 {
            let y = self.y(mark);
            let _ = writeln!(
                svg,
                "<path d=\"M{left} {y:.1}H{right}\" stroke=\"#e4e4e4\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{mark}</text>",
                left - 6.0,
                y + 4.0
            );
        }
        let _ = writeln!(
            svg,
            "<text x=\"{left}\" y=\"20\" font-size=\"14\">{}</text>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            escape(self.title),
            f64::midpoint(left, right),
            HEIGHT - 12.0,
            escape(self.x_name),
            f64::midpoint(top, bottom),
            escape(self.y_name)
        );
    }

    fn draw_curve(&self, svg: &mut String) {
        let mut path = String::new();
        for (at, &(x, y)) in self.curve.iter().enumerate() {
            let to = if at == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{to}{:.1} {:.1}", self.x(x), self.y(y));
        }
        let _ = writeln!(
            svg,
            "<path d=\"{path}\" fill=\"none\" stroke=\"#1b5e8a\" stroke-width=\"2\"/>"
        );
        if let Some(&(x, y)) = self.curve.get(self.curve.len() / 2) {
            let _ = writeln!(
                svg,
                "<text x=\"{:.1}\" y=\"{:.1}\" fill=\"#1b5e8a\" text-anchor=\"end\">{}</text>",
                self.x(x) - 6.0,
                self.y(y) - 6.0,
                escape(self.curve_name)
            );
        }
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
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
        assert!(svg.contains("cx=\"217.3\" cy=\"194.0\""), "{svg}");
        assert!(svg.contains("a &lt; b"));
    }

    #[test]
    fn what_is_beyond_an_axis_is_at_its_end() {
        let svg = panel(&[Point {
            x: 0.0,
            y: 120.0,
            name: String::new(),
        }]);
        assert!(svg.contains("cx=\"56.0\" cy=\"36.0\""), "{svg}");
    }
}
