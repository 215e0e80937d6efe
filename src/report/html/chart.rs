//! The charts of a report.

use super::figure::Figure;
use crate::model::units::Usd;
use crate::report::amounts::{count, duration, money, percent, plural, share};
use crate::report::explain::placement_name;
use crate::report::phrases;
use crate::report::result::{
    AmountResult, FleetResult, FleetSpan, PlacementResult, Report, ResourceUsage, WorkloadResult,
};
use crate::report::sentences;
use crate::report::svg::{bars, course, label, line, number};

/// Width of a chart in a panel: a phone's.
const NARROW: f64 = 340.0;
/// No bar of a run length is wider.
const WIDEST_CLASS: f64 = 48.0;

/// Prints a figure of a resource.
pub(super) type Print = fn(f64) -> String;

/// A bar of the waterfall: what it is, from where to where, the amount that it says, and how it looks.
struct Fall {
    what: String,
    from: Usd,
    to: Usd,
    says: Usd,
    class: &'static str,
}

/// From the cost now to the cost after all steps, and what other ways of buying would save then; nothing without a cost.
pub(super) fn waterfall(report: &Report) -> String {
    let now = report.totals.going_rate.usd;
    if now <= Usd::ZERO {
        return String::new();
    }
    let (falls, left) = falls(report);
    let most = falls
        .iter()
        .map(|fall| fall.to)
        .max()
        .unwrap_or(now)
        .as_f64();
    let (wide, step) = (NARROW, 40.0);
    let x = |usd: Usd| usd.as_f64() / most * (wide - 2.0);
    let mut drawing = String::new();
    for (at, fall) in falls.iter().enumerate() {
        let y = step * at as f64;
        let words = format!("{}: {}", fall.what, signed(fall.says));
        drawing += &label(0.0, y + 13.0, "start", "", &words);
        let long = (x(fall.to) - x(fall.from)).max(1.0);
        drawing += &bars(fall.class, [(x(fall.from), y + 18.0, long, 14.0)]);
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
        size: (wide, step * falls.len() as f64),
        drawing,
        headings: vec!["Step".into(), "USD a month".into()],
        data: falls
            .iter()
            .map(|fall| vec![fall.what.clone(), signed(fall.says)])
            .collect(),
    };
    let mut body = String::from("<h2 id=savings>How the cost goes down</h2>\n");
    figure.write(&mut body);
    body
}

/// The bars of the waterfall, and the cost after all steps.
fn falls(report: &Report) -> (Vec<Fall>, Usd) {
    let totals = &report.totals;
    let whole = |what: &str, usd: Usd| Fall {
        what: what.to_owned(),
        from: Usd::ZERO,
        to: usd,
        says: usd,
        class: "s",
    };
    let mut left = totals.going_rate.usd;
    let mut falls = vec![whole("Cost a month now", left)];
    let steps = totals.savings_steps.iter();
    for step in steps.filter(|step| step.monthly_savings_usd != Usd::ZERO) {
        let after = left - step.monthly_savings_usd;
        falls.push(Fall {
            what: format!(
                "{} ({} effort)",
                phrases::capitalized(phrases::step_name(step.step)),
                phrases::effort(step.effort)
            ),
            from: left.min(after),
            to: left.max(after),
            says: after - left,
            class: "s2",
        });
        left = after;
    }
    falls.push(whole("Cost a month after all steps", left));
    falls.extend(sentences::chosen_purchases(report).map(|purchase| Fall {
        what: format!(
            "Or more, {} ({} effort)",
            sentences::purchase_name(purchase.purchase_option),
            phrases::effort(purchase.effort)
        ),
        from: left - purchase.monthly_savings_usd,
        to: left,
        says: Usd::ZERO - purchase.monthly_savings_usd,
        class: "s3",
    }));
    (falls, left)
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
            short_name(placement)
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

/// A placement's name that fits into its bar's line.
fn short_name(placement: &PlacementResult) -> String {
    placement_name(placement)
        .replace("savings plan", "plan")
        .replace(" no upfront", "")
        .replace(" on demand", "")
}

/// Where the truth lies: a line with ends; without an upper one it goes on.
fn whiskers(left: f64, right: f64, middle: f64, bounded: bool) -> String {
    let end = |x: f64| format!("M{} {}v8", number(x), number(middle - 4.0));
    let right_end = if bounded { end(right) } else { String::new() };
    format!(
        "<path class=\"wk\" d=\"{}M{} {}H{}{right_end}\"/>",
        end(left),
        number(left),
        number(middle),
        number(right)
    )
}

/// How many runs took how long; nothing where none ended.
pub(super) fn run_lengths(id: String, workload: &WorkloadResult) -> Option<Figure> {
    let classes = &workload.runs.by_length;
    let most = classes.iter().map(|class| class.runs).max()? as f64;
    let (high, low) = (18.0, 118.0);
    let step = (NARROW / classes.len() as f64).min(WIDEST_CLASS);
    let columns = (0..).zip(classes).map(|(at, class): (u32, _)| {
        let tall = class.runs as f64 / most * (low - high);
        (f64::from(at) * step, low - tall, step * 0.9, tall)
    });
    let mut drawing = line("ax", (0.0, low), (NARROW, low)) + &bars("s", columns);
    // The ends of the classes stand where these end; so many that none hides another.
    let every = classes.len().div_ceil(7);
    let last = classes.len() - 1;
    for (at, class) in classes.iter().enumerate() {
        if (last - at).is_multiple_of(every) {
            let x = step * (at + 1) as f64;
            drawing += &label(x, low + 14.0, "end", "m", &class_end(class.up_to_s));
        }
    }
    drawing += &label(0.0, 11.0, "start", "m", &format!("{} runs", count(most)));
    let longest = workload.runs.longest_s.map(duration);
    Some(Figure {
        id,
        title: "Runs by length".into(),
        description: format!(
            "{} in the median, {} at the longest",
            workload
                .runs
                .median_s
                .map_or_else(|| "not known".to_owned(), duration),
            longest.unwrap_or_else(|| "not known".to_owned())
        ),
        size: (NARROW, low + 20.0),
        drawing,
        headings: vec!["Up to".into(), "Runs".into()],
        data: classes
            .iter()
            .map(|class| vec![class_end(class.up_to_s), count(class.runs)])
            .collect(),
    })
}

fn class_end(up_to_s: Option<i64>) -> String {
    up_to_s.map_or_else(|| "longer".to_owned(), |end_s| duration(end_s as f64))
}

/// A fleet over time: what its instances have of the resource that fills first, and what tasks need of it.
pub(super) fn fleet(id: String, fleet: &FleetResult) -> Option<Figure> {
    let by_memory = fleet.figures.binds == "memory";
    let name = if by_memory { "GiB of memory" } else { "vCPU" };
    let offered = |span: &FleetSpan| {
        if by_memory {
            span.memory_gib
        } else {
            span.vcpu
        }
    };
    let needed = |span: &FleetSpan| {
        if by_memory {
            span.memory_gib_needed
        } else {
            span.vcpu_needed
        }
    };
    let spans = &fleet.course;
    let most = spans
        .iter()
        .map(|span| offered(span).unwrap_or_default().max(needed(span)))
        .fold(f64::MIN_POSITIVE, f64::max);
    let (wide, high, low) = (NARROW, 18.0, 118.0);
    let step = wide / spans.len().max(1) as f64;
    let y = |value: f64| low - (value / most).clamp(0.0, 1.0) * (low - high);
    let places = || {
        (0..)
            .zip(spans)
            .map(|(at, span): (u32, _)| (f64::from(at) * step, span))
    };
    let columns = places().map(|(x, span)| {
        let top = y(offered(span).unwrap_or_default());
        (x, top, (step * 0.92).max(0.3), low - top)
    });
    // A step for each span: as long as it lasts.
    let line_points: Vec<(f64, f64)> = places()
        .flat_map(|(x, span)| [(x, y(needed(span))), (x + step, y(needed(span)))])
        .collect();
    let mut drawing = line("ax", (0.0, low), (wide, low)) + &bars("s", columns);
    drawing += &course("need", &line_points);
    let words = format!("{} {name} at most", amount(most));
    drawing += &label(0.0, 11.0, "start", "m", &words);
    let (first, last) = (spans.first()?, spans.last()?);
    drawing += &label(0.0, low + 14.0, "start", "m", minute(&first.from));
    drawing += &label(wide, low + 14.0, "end", "m", minute(&last.from));
    Some(Figure {
        id,
        title: format!("{} over time", fleet.figures.name()),
        description: format!(
            "bars: {name} of the instances, at most {} at once; line: what tasks need; fills first: {}",
            plural(fleet.figures.peak_instances, "instance"),
            fleet.figures.binds.replace('_', " ")
        ),
        size: (wide, low + 20.0),
        drawing,
        headings: [
            "From",
            "Instances at most",
            "vCPU",
            "needed",
            "GiB",
            "needed",
        ]
        .map(str::to_owned)
        .to_vec(),
        data: spans.iter().map(span_row).collect(),
    })
}

fn span_row(span: &FleetSpan) -> Vec<String> {
    let maybe = |value: Option<f64>| value.map_or_else(|| "not known".to_owned(), amount);
    vec![
        minute(&span.from).to_owned(),
        count(span.instances),
        maybe(span.vcpu),
        amount(span.vcpu_needed),
        maybe(span.memory_gib),
        amount(span.memory_gib_needed),
    ]
}

/// Two decimals at the most.
fn amount(value: f64) -> String {
    format!("{}", (value * 100.0).round() / 100.0)
}

/// `2026-10-05T14:00` of an instant.
fn minute(instant: &str) -> &str {
    instant.get(..16).unwrap_or(instant)
}
