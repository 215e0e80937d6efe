//! The charts of a report.

use super::svg::{Figure, bars, label, line, number};
use crate::model::units::Usd;
use crate::report::amounts::{money, percent, share};
use crate::report::explain::placement_name;
use crate::report::phrases;
use crate::report::result::{AmountResult, PlacementResult, Report, ResourceUsage, WorkloadResult};

/// Width of a chart in a panel: a phone's.
const NARROW: f64 = 340.0;

/// Prints a figure of a resource.
pub(super) type Print = fn(f64) -> String;

/// From the cost now to the cost after all steps; nothing without a cost.
pub(super) fn waterfall(report: &Report) -> String {
    let totals = &report.totals;
    let now = totals.going_rate.usd;
    if now <= Usd::ZERO {
        return String::new();
    }
    let mut rows = vec![("Cost a month now".to_owned(), Usd::ZERO, now, now, "s")];
    let mut left = now;
    for step in &totals.savings_steps {
        let saved = step.monthly_savings_usd;
        if saved == Usd::ZERO {
            continue;
        }
        let after = left - saved;
        let what = format!(
            "{} ({} effort)",
            phrases::capitalized(phrases::step_name(step.step)),
            phrases::effort(step.effort)
        );
        rows.push((
            what,
            left.min(after),
            left.max(after),
            Usd::ZERO - saved,
            "s2",
        ));
        left = after;
    }
    rows.push((
        "Cost a month after all steps".to_owned(),
        Usd::ZERO,
        left,
        left,
        "s",
    ));
    let most = rows.iter().map(|row| row.2).max().unwrap_or(now).as_f64();
    let (wide, step) = (640.0, 40.0);
    let x = |usd: Usd| usd.as_f64() / most * (wide - 2.0);
    let mut drawing = String::new();
    for (at, (what, from, to, shown, class)) in rows.iter().enumerate() {
        let y = step * at as f64;
        drawing += &label(
            0.0,
            y + 13.0,
            "start",
            "",
            &format!("{what}: {}", signed(*shown)),
        );
        drawing += &bars(
            class,
            [(x(*from), y + 18.0, (x(*to) - x(*from)).max(1.0), 14.0)],
        );
    }
    let figure = Figure {
        id: "wf".into(),
        title: "From the cost now to the cost after all steps".into(),
        description: format!(
            "{} a month now, {} after all steps{}",
            money(now),
            money(left),
            share(now - left, now).map_or_else(String::new, |share| format!(", {share} less"))
        ),
        size: (wide, step * rows.len() as f64),
        drawing,
        headings: vec!["Step".into(), "USD a month".into()],
        data: rows
            .iter()
            .map(|(what, _, _, shown, _)| vec![what.clone(), signed(*shown)])
            .collect(),
    };
    let mut body = String::from("<h2 id=savings>How the cost goes down</h2>\n");
    figure.write(&mut body);
    body
}

fn signed(usd: Usd) -> String {
    money(usd).replacen('-', "−", 1)
}

/// The highest sample of each day, with the present and the recommended size as lines.
pub(super) fn by_day(
    id: String,
    name: &str,
    usage: &ResourceUsage,
    sizes: (Option<f64>, Option<f64>),
    print: Print,
) -> Figure {
    let (high, low) = (18.0, 118.0);
    let (now, then) = sizes;
    let most = [Some(usage.max), now, then]
        .into_iter()
        .flatten()
        .fold(0.0, f64::max)
        .max(f64::MIN_POSITIVE);
    let y = |value: f64| low - (value / most).clamp(0.0, 1.0) * (low - high);
    let count = usage.days.len().max(1) as f64;
    let step = NARROW / count;
    let columns = (0..).zip(&usage.days).map(|(at, day): (u32, _)| {
        let x = f64::from(at) * step;
        (x, y(day.max), (step * 0.8).max(0.3), low - y(day.max))
    });
    let mut drawing = line("ax", (0.0, low), (NARROW, low)) + &bars("s", columns);
    let mut said = vec![format!("peak {}", print(usage.max))];
    // Two labels on one height would hide each other.
    let close = now
        .zip(then)
        .is_some_and(|(now, then)| (y(now) - y(then)).abs() < 13.0);
    for (value, class, word, anchor, x) in [
        (now, "now", "now", "start", 0.0),
        (then, "then", "recommended", "end", NARROW),
    ] {
        let Some(value) = value else { continue };
        drawing += &line(class, (0.0, y(value)), (NARROW, y(value)));
        let above = if y(value) < high + 2.0 || close {
            -4.0
        } else {
            -3.0
        };
        let words = format!("{word} {}", print(value));
        drawing += &label(x, y(value) + above, anchor, "", &words);
        said.push(format!("{word} {}", print(value)));
    }
    if let (Some(first), Some(last)) = (usage.days.first(), usage.days.last()) {
        drawing += &label(0.0, low + 14.0, "start", "m", &first.day);
        drawing += &label(NARROW, low + 14.0, "end", "m", &last.day);
    }
    Figure {
        id,
        title: format!("{name}: peak by day, {}", usage.unit),
        description: said.join(", "),
        size: (NARROW, low + 20.0),
        drawing,
        headings: vec!["UTC day".into(), usage.unit.into()],
        data: usage
            .days
            .iter()
            .map(|day| vec![day.day.clone(), print(day.max)])
            .collect(),
    }
}

/// How task time spreads over use, with the percentile that counts and the target.
pub(super) fn histogram(
    id: String,
    name: &str,
    usage: &ResourceUsage,
    target: Option<f64>,
    print: Print,
) -> Option<Figure> {
    let buckets = &usage.histogram;
    let first = buckets.first()?.up_to;
    let ratio = buckets.get(1).map_or(1.05, |second| second.up_to / first);
    let lowest = (first / ratio).max(f64::MIN_POSITIVE);
    let highest = [buckets.last()?.up_to, target.unwrap_or(0.0), usage.max]
        .into_iter()
        .fold(lowest * 1.01, f64::max);
    let (high, low) = (30.0, 118.0);
    let x = |value: f64| ((value / lowest).ln() / (highest / lowest).ln()).clamp(0.0, 1.0) * NARROW;
    let most = buckets
        .iter()
        .map(|bucket| bucket.share_percent)
        .fold(f64::MIN_POSITIVE, f64::max);
    let mut from = 0.0;
    let columns: Vec<(f64, f64, f64, f64)> = buckets
        .iter()
        .map(|bucket| {
            let (left, right) = (from, x(bucket.up_to));
            from = right;
            let tall = bucket.share_percent / most * (low - high);
            (left, low - tall, (right - left - 0.6).max(0.4), tall)
        })
        .collect();
    let mut drawing = line("ax", (0.0, low), (NARROW, low)) + &bars("s", columns);
    let counts = if usage.percentile < 100.0 {
        format!("percentile {}", usage.percentile)
    } else {
        "peak".to_owned()
    };
    let mut said = Vec::new();
    for (value, class, word, height) in [
        (usage.at_percentile, "now", counts.as_str(), 10.0),
        (target, "then", "with headroom", 22.0),
    ] {
        let Some(value) = value else { continue };
        let at = x(value);
        drawing += &line(class, (at, 26.0), (at, low));
        let anchor = if at > NARROW / 2.0 { "end" } else { "start" };
        let words = format!("{word} {}", print(value));
        drawing += &label(at, height, anchor, "", &words);
        said.push(words);
    }
    drawing += &label(0.0, low + 14.0, "start", "m", &print(lowest));
    drawing += &label(NARROW, low + 14.0, "end", "m", &print(highest));
    Some(Figure {
        id,
        title: format!("{name}: share of task time by use, {}", usage.unit),
        description: said.join(", "),
        size: (NARROW, low + 20.0),
        drawing,
        headings: vec![format!("Up to, {}", usage.unit), "Share".into()],
        data: buckets
            .iter()
            .filter(|bucket| bucket.share_percent > 0.0)
            .map(|bucket| vec![print(bucket.up_to), percent(bucket.share_percent)])
            .collect(),
    })
}

/// What a month costs in each placement that can be, certainty as whiskers; the table beside it has them all.
pub(super) fn placements(id: String, workload: &WorkloadResult) -> Option<Figure> {
    const MOST: usize = 8;
    let chosen = |placement: &PlacementResult| {
        let which = |placement: &PlacementResult| {
            let size = placement.size.clone();
            let architecture = placement.architecture;
            (
                placement.platform,
                architecture,
                placement.purchase_option,
                size,
            )
        };
        let there = workload.recommended.as_ref();
        there.is_some_and(|there| which(there) == which(placement))
    };
    // What is recommended keeps the mix in which the workload is bought today.
    let rate = |placement: &PlacementResult| match &workload.recommended {
        Some(there) if chosen(placement) => there.going_rate.clone(),
        _ => placement.going_rate.clone(),
    };
    let priced: Vec<(&PlacementResult, AmountResult)> = workload
        .placements
        .iter()
        .filter(|placement| placement.feasible)
        .filter_map(|placement| Some((placement, rate(placement)?)))
        .take(MOST)
        .collect();
    let now = workload.current.going_rate.as_ref();
    let top = |rate: &AmountResult| rate.upper_usd.unwrap_or(rate.usd).max(rate.usd);
    let most = priced
        .iter()
        .map(|(_, rate)| top(rate))
        .chain(now.map(|rate| rate.usd))
        .max()?
        .as_f64()
        .max(f64::MIN_POSITIVE);
    if priced.is_empty() {
        return None;
    }
    let (wide, step) = (NARROW, 32.0);
    let x = |usd: Usd| usd.as_f64() / most * (wide - 2.0);
    let high = step * priced.len() as f64;
    let mut drawing = String::new();
    if let Some(now) = now {
        drawing += &line("now", (x(now.usd), 0.0), (x(now.usd), high));
    }
    for (at, (placement, rate)) in priced.iter().enumerate() {
        let y = step * at as f64;
        let chosen = chosen(placement);
        let words = format!(
            "{}{}  {}",
            if chosen { "▶ " } else { "" },
            phrases::amount(rate),
            placement_name(placement).replace("savings plan", "plan")
        );
        drawing += &label(0.0, y + 12.0, "start", "", &words);
        let class = if chosen { "s2" } else { "s" };
        drawing += &bars(class, [(0.0, y + 16.0, x(rate.usd).max(0.5), 10.0)]);
        if rate.lower_usd.is_some() || rate.upper_usd.is_some() {
            let left = x(rate.lower_usd.unwrap_or(Usd::ZERO));
            let right = rate.upper_usd.map_or(wide, x);
            drawing += &whiskers(left, right, y + 21.0, rate.upper_usd.is_some());
        }
    }
    let left_out = workload
        .placements
        .iter()
        .filter(|p| p.going_rate.is_some())
        .count()
        .saturating_sub(priced.len());
    Some(Figure {
        id,
        title: "Cost a month by placement".into(),
        description: format!(
            "dashed line: {} now{}; the table below has every placement",
            phrases::monthly_cost(workload),
            if left_out > 0 {
                format!("; {left_out} dearer ones left out")
            } else {
                String::new()
            }
        ),
        size: (wide, high + 2.0),
        drawing,
        headings: Vec::new(),
        data: Vec::new(),
    })
}

/// Where the truth lies: a line with ends; without an upper one it goes on.
fn whiskers(left: f64, right: f64, middle: f64, bounded: bool) -> String {
    let end = |x: f64| format!("M{} {}v8", number(x), number(middle - 4.0));
    let right_end = if bounded { end(right) } else { String::new() };
    format!(
        "<path class=wk d=\"{}M{} {}H{}{right_end}\"/>",
        end(left),
        number(left),
        number(middle),
        number(right)
    )
}
