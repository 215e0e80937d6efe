//! A back-test, printed: as a table, as JSON, as a picture.

use std::fmt::Write as _;

use serde::Serialize;

use super::scatter::{Panel, Point, document};
use crate::rightsize::backtest::{Backtest, Outcome, Row, Strategy};

/// What one strategy did, in percent.
#[derive(Debug, Serialize)]
struct Line {
    strategy: String,
    /// Share of workload-weeks that may breach, as stated; only for our own sizes.
    stated_risk_percent: Option<f64>,
    cpu: Figures,
    memory: Figures,
    /// Sizes that differ by a tenth or more from the week before.
    changed_percent: Option<f64>,
    weeks_without_size: usize,
}

#[derive(Debug, Serialize)]
struct Figures {
    saved_percent: f64,
    breached_weeks: usize,
    breached_percent: f64,
    /// How much less is saved than the week itself would have allowed.
    regret_percent: f64,
    time_above_percent: f64,
    /// What ours saves where it breaches no more often.
    ours_at_same_rate_saved_percent: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Document {
    schema: &'static str,
    workload_weeks: usize,
    withheld_workload_weeks: usize,
    first_week: Option<String>,
    last_week: Option<String>,
    strategies: Vec<Line>,
}

fn percent(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        100.0 * part as f64 / whole as f64
    }
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

fn name(strategy: Strategy) -> String {
    match strategy {
        Strategy::Ours(risk) => format!("plimsoll, risk {}%", rounded(risk * 100.0)),
        Strategy::Rule(rule) => rule.name().to_owned(),
        Strategy::Peak(percent) => format!("peak + {percent}%"),
        Strategy::Oracle => "known in advance".to_owned(),
    }
}

fn document_of(replayed: &Backtest) -> Document {
    let oracle = replayed
        .rows
        .iter()
        .find(|row| row.strategy == Strategy::Oracle);
    let figures = |own: Outcome, best: Option<Outcome>, same_rate: Option<f64>| Figures {
        saved_percent: rounded(100.0 * own.saved),
        breached_weeks: own.breached,
        breached_percent: rounded(percent(own.breached, replayed.weeks)),
        regret_percent: rounded(100.0 * best.map_or(0.0, |best| best.saved - own.saved)),
        time_above_percent: rounded(100.0 * own.time_above),
        ours_at_same_rate_saved_percent: same_rate.map(|saved| rounded(100.0 * saved)),
    };
    let line = |row: &Row| Line {
        strategy: name(row.strategy),
        stated_risk_percent: match row.strategy {
            Strategy::Ours(risk) => Some(rounded(100.0 * risk)),
            _ => None,
        },
        cpu: figures(
            row.cpu,
            oracle.map(|best| best.cpu),
            row.ours_at_same_rate[0],
        ),
        memory: figures(
            row.memory,
            oracle.map(|best| best.memory),
            row.ours_at_same_rate[1],
        ),
        changed_percent: row.changed.map(|share| rounded(100.0 * share)),
        weeks_without_size: row.without_size,
    };
    Document {
        schema: "plimsoll/backtest/1",
        workload_weeks: replayed.weeks,
        withheld_workload_weeks: replayed.withheld,
        first_week: replayed.span.and_then(|(first, _)| date(first)),
        last_week: replayed.span.and_then(|(_, last)| date(last)),
        strategies: replayed.rows.iter().map(line).collect(),
    }
}

fn date(day: i32) -> Option<String> {
    let instant = jiff::Timestamp::from_second(i64::from(day) * 86_400).ok()?;
    Some(instant.strftime("%Y-%m-%d").to_string())
}

/// As JSON.
pub fn json(replayed: &Backtest) -> String {
    let text = serde_json::to_string_pretty(&document_of(replayed));
    text.map_or_else(|error| error.to_string(), |text| text + "\n")
}

/// As a table with a heading.
pub fn table(replayed: &Backtest) -> String {
    let document = document_of(replayed);
    let span = match (&document.first_week, &document.last_week) {
        (Some(first), Some(last)) => format!(", weeks from {first} to {last}"),
        _ => String::new(),
    };
    let mut text = format!(
        "{} workload-weeks sized from the days before them and replayed{span}; {} withheld.\n\
         A breach is a week with more than 1% of its time above the CPU size, or any sample above the memory size.\n\n",
        document.workload_weeks, document.withheld_workload_weeks
    );
    let _ = writeln!(
        text,
        "{:<28}{:>8}{:>9}{:>9}   {:>8}{:>9}{:>9}   {:>8}",
        "", "CPU", "breach", "ours at", "memory", "breach", "ours at", "changed"
    );
    let _ = writeln!(
        text,
        "{:<28}{:>8}{:>9}{:>9}   {:>8}{:>9}{:>9}   {:>8}",
        "Strategy", "saved", "weeks", "that", "saved", "weeks", "that", "a week"
    );
    for line in &document.strategies {
        let of = |figures: &Figures| {
            format!(
                "{:>7.1}%{:>8.2}%{:>9}",
                figures.saved_percent,
                figures.breached_percent,
                figures
                    .ours_at_same_rate_saved_percent
                    .filter(|_| line.stated_risk_percent.is_none())
                    .map_or_else(String::new, |saved| format!("{saved:.1}%"))
            )
        };
        let changed = line
            .changed_percent
            .map_or_else(|| "-".to_owned(), |share| format!("{share:.0}%"));
        let row = format!(
            "{:<28}{}   {}   {changed:>8}",
            line.strategy,
            of(&line.cpu),
            of(&line.memory)
        );
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text + &calibration(&document)
}

/// Does the stated risk hold? What was stated against what was measured.
fn calibration(document: &Document) -> String {
    let line = |line: &Line| {
        let stated = line.stated_risk_percent?;
        let of = |figures: &Figures| {
            let times = figures.breached_percent / stated;
            format!("{:.2}% ({times:.2} times)", figures.breached_percent)
        };
        Some(format!(
            "  {stated}% stated: CPU {}, memory {} measured\n",
            of(&line.cpu),
            of(&line.memory)
        ))
    };
    let lines: String = document.strategies.iter().filter_map(line).collect();
    if lines.is_empty() {
        lines
    } else {
        format!("\nStated and measured risk\n{lines}")
    }
}

/// As a picture: saving against breach weeks, for CPU and for memory.
pub fn svg(replayed: &Backtest) -> String {
    let points = |of: fn(&Row) -> Outcome| -> Vec<Point> {
        let shown = replayed
            .rows
            .iter()
            .filter(|row| !matches!(row.strategy, Strategy::Ours(_)));
        shown
            .map(|row| Point {
                x: percent(of(row).breached, replayed.weeks),
                y: 100.0 * of(row).saved,
                name: name(row.strategy),
            })
            .collect()
    };
    let curve = |at: usize| -> Vec<(f64, f64)> {
        let each = replayed.scan.iter().map(|(_, outcomes)| outcomes[at]);
        each.map(|own| (percent(own.breached, replayed.weeks), 100.0 * own.saved))
            .collect()
    };
    let (cpu, memory) = (points(|row| row.cpu), points(|row| row.memory));
    let (cpu_curve, memory_curve) = (curve(0), curve(1));
    let panel = |title, curve, points| Panel {
        title,
        x_name: "workload-weeks that breach, %",
        y_name: "saved of what is provisioned, %",
        x_axis: (0.1, 100.0, &[0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 50.0, 100.0]),
        y_axis: (0.0, 100.0, &[0.0, 20.0, 40.0, 60.0, 80.0, 100.0]),
        curve,
        curve_name: "plimsoll",
        points,
    };
    document(&[
        panel("CPU", cpu_curve.as_slice(), cpu.as_slice()),
        panel("Memory", memory_curve.as_slice(), memory.as_slice()),
    ])
}
