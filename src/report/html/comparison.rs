//! A comparison as a page: the answer, the lines that cross at the break-even points, every placement.

use super::figure::Figure;
use super::page::{page as whole_page, push, text};
use super::tables::headed_table;
use crate::model::workload::Platform;
use crate::recommend::compare::{Curve, CurvePoint};
use crate::report::amounts::{count, duration, money};
use crate::report::comparison::{ComparisonResult, OfferResult};
use crate::report::explain::placement_name;
use crate::report::phrases;
use crate::report::section::{Cell, Column, Fit, Row, Section};
use crate::report::svg::{course, label, line};

/// The page; `answer` and `turns` are the sentences that the table prints.
pub(in crate::report) fn page(
    comparison: &ComparisonResult,
    answer: &str,
    turns: &[String],
) -> String {
    let load = comparison.inputs.load;
    let title = format!(
        "Where a job of {} and {} MiB runs cheapest in {}",
        vcpu(comparison),
        count(comparison.inputs.need.memory_mib),
        comparison.inputs.region
    );
    let mut body = format!(
        "<h1>{}</h1>\n<p class=answer>{}</p>\n",
        text(&title),
        text(answer)
    );
    body.push_str("<h2 id=break-even>Break-even</h2>\n<div class=charts>\n");
    let lengths = Chart {
        id: "len",
        title: format!(
            "Cost of {} days by run length, {} runs a day",
            load.days,
            count(load.runs_per_day)
        ),
        at: u32::try_from(load.duration_ms / 1000).unwrap_or(u32::MAX),
        print: |seconds| duration(f64::from(seconds)),
        points: |curve| &curve.by_run_length,
        heading: "Run length",
    };
    let runs = Chart {
        id: "runs",
        title: format!(
            "Cost of {} days by runs a day, {} each",
            load.days,
            duration(load.duration_ms as f64 / 1000.0)
        ),
        at: load.runs_per_day,
        print: |runs| count(runs),
        points: |curve| &curve.by_runs_per_day,
        heading: "Runs a day",
    };
    for chart in [lengths, runs] {
        if let Some(figure) = chart.figure(&comparison.curves) {
            figure.write(&mut body);
        }
    }
    body.push_str("</div>\n<ul>\n");
    // The first line is their title.
    for turn in turns.iter().skip(1) {
        push(
            &mut body,
            &format!("<li>{}</li>\n", text(turn.trim_start_matches(['·', ' ']))),
        );
    }
    body.push_str("</ul>\n<h2 id=placements>Every placement</h2>\n");
    headed_table(&mut body, &placements(comparison));
    push(
        &mut body,
        &format!(
            "<footer>List prices as of {}, price book {}; no discount, credit or tax.</footer>\n",
            text(&comparison.prices.as_of),
            text(&comparison.prices.book)
        ),
    );
    whole_page(&title, &body)
}

fn vcpu(comparison: &ComparisonResult) -> String {
    format!(
        "{} vCPU",
        crate::report::amounts::vcpu(comparison.inputs.need.vcpu())
    )
}

/// A chart of all curves over one quantity, both axes logarithmic.
struct Chart {
    id: &'static str,
    title: String,
    /// Where the given job lies.
    at: u32,
    print: fn(u32) -> String,
    points: fn(&Curve) -> &[CurvePoint],
    heading: &'static str,
}

impl Chart {
    fn figure(&self, curves: &[Curve]) -> Option<Figure> {
        let all = || curves.iter().flat_map(|curve| (self.points)(curve));
        let positive = || {
            all()
                .map(|point| point.usd.as_f64())
                .filter(|usd| *usd > 0.0)
        };
        let (first, last) = (all().map(|p| p.at).min()?, all().map(|p| p.at).max()?);
        let (cheapest, dearest) = (
            positive().fold(f64::MAX, f64::min),
            positive().fold(0.0, f64::max),
        );
        if last <= first || dearest <= cheapest {
            return None;
        }
        let (left, right, top, bottom) = (48.0, 440.0, 14.0, 220.0);
        let scale = |value: f64, from: f64, to: f64| (value / from).ln() / (to / from).ln();
        let x = |at: u32| {
            left + scale(f64::from(at), first.into(), last.into()).clamp(0.0, 1.0) * (right - left)
        };
        let y = |usd: f64| bottom - scale(usd.max(cheapest), cheapest, dearest) * (bottom - top);
        let mut drawing =
            line("ax", (left, bottom), (right, bottom)) + &line("ax", (left, top), (left, bottom));
        let mut power = 10_f64.powf(cheapest.log10().ceil());
        while power <= dearest {
            drawing += &line("ax", (left, y(power)), (right, y(power)));
            drawing += &label(left - 4.0, y(power) + 4.0, "end", "m", &dollars(power));
            power *= 10.0;
        }
        drawing += &line("now", (x(self.at), top), (x(self.at), bottom));
        let anchor = if x(self.at) > 300.0 { "end" } else { "start" };
        drawing += &label(
            x(self.at),
            top - 3.0,
            anchor,
            "",
            &format!("this job: {}", (self.print)(self.at)),
        );
        drawing += &label(left, bottom + 14.0, "start", "m", &(self.print)(first));
        drawing += &label(right, bottom + 14.0, "end", "m", &(self.print)(last));
        for (number, curve) in curves.iter().enumerate() {
            let class = format!("l{}", number % 4);
            let points: Vec<(f64, f64)> = (self.points)(curve)
                .iter()
                .map(|point| (x(point.at), y(point.usd.as_f64())))
                .collect();
            drawing += &course(&class, &points);
            let legend = bottom + 32.0 + 15.0 * number as f64;
            drawing += &line(&class, (left, legend - 4.0), (left + 30.0, legend - 4.0));
            drawing += &label(left + 36.0, legend, "start", "", &curve_name(curve));
        }
        Some(Figure {
            id: self.id.into(),
            title: self.title.clone(),
            description: "both axes are logarithmic; the lowest line is the cheapest".into(),
            size: (right + 8.0, bottom + 30.0 + 15.0 * curves.len() as f64),
            drawing,
            headings: std::iter::once(self.heading.to_owned())
                .chain(curves.iter().map(curve_name))
                .collect(),
            data: self.data(curves),
        })
    }

    fn data(&self, curves: &[Curve]) -> Vec<Vec<String>> {
        let Some(first) = curves.first() else {
            return Vec::new();
        };
        (self.points)(first)
            .iter()
            .map(|point| {
                let cost = |curve: &Curve| {
                    (self.points)(curve)
                        .iter()
                        .find(|other| other.at == point.at)
                        .map_or_else(|| phrases::NOTHING.to_owned(), |found| money(found.usd))
                };
                std::iter::once((self.print)(point.at))
                    .chain(curves.iter().map(cost))
                    .collect()
            })
            .collect()
    }
}

/// `$1`, `$0.01`, `$1k`.
fn dollars(power: f64) -> String {
    if power >= 999.0 {
        format!("${}k", (power / 1000.0).round())
    } else if power >= 0.99 {
        format!("${}", power.round())
    } else {
        format!("${}", (power * 1e6).round() / 1e6)
    }
}

fn curve_name(curve: &Curve) -> String {
    let platform = match curve.of.platform {
        Platform::Ec2 => "EC2",
        other => phrases::platform_name(other),
    };
    format!("{platform} {} {}", curve.of.architecture, curve.of.size)
}

fn placements(comparison: &ComparisonResult) -> Section {
    let row = |offer: &OfferResult| {
        let cost = match &offer.cost {
            Some(cost) => phrases::amount(cost),
            None if offer.placement.feasible => "not priced".to_owned(),
            None => "not possible".to_owned(),
        };
        Row::plain(vec![
            Cell::text(placement_name(&offer.placement)),
            Cell::number(cost),
            Cell::text(offer.placement.reasons.join("; ")),
        ])
    };
    Section {
        id: "placements",
        heading: "Every placement".to_owned(),
        text: Vec::new(),
        columns: vec![
            Column::new("Where", Fit::Text, ""),
            Column::number("Cost"),
            Column::text("To mind, or why not"),
        ],
        rows: comparison.placements.iter().map(row).collect(),
    }
}
