//! What was seen of a workload.

use crate::report::amounts::{count, duration, mib, percent, plural, vcpu};
use crate::report::result::{OutOfMemoryResult, ResourceUsage, RunLengthClass, WorkloadResult};
use crate::report::section::{Cell, Column, Fit, Row, Section};

/// What was seen of it, and what fed it.
pub(super) fn evidence(workload: &WorkloadResult) -> Section {
    let seen = &workload.evidence;
    let mut rows = vec![pair("Sources", seen.sources.join(", "))];
    rows.extend(tags(workload).map(|tags| pair("Tags", tags)));
    rows.extend([
        pair("Days with samples", count(seen.days)),
        pair("Samples of CPU and memory", count(seen.samples)),
    ]);
    rows.extend(seen.period_s.map(|period| {
        pair(
            "Longest period of a sample",
            format!(
                "{}: shorter peaks are averaged away in part",
                plural(period, "second")
            ),
        )
    }));
    rows.push(pair(
        "Five-minute slots with a sample",
        percent(seen.slots_seen_percent),
    ));
    if let (Some(days), Some(window)) = (seen.seen_days, seen.window_days) {
        let text = format!(
            "{} of {}: costs are lower bounds",
            count(days),
            count(window)
        );
        rows.push(pair("Days looked at", text));
    }
    let runs = &workload.runs;
    if runs.count > 0 {
        let open = match runs.open {
            0 => String::new(),
            open => format!(", {} still running when last seen", count(open)),
        };
        rows.push(pair("Runs", format!("{}{open}", count(runs.count))));
    }
    rows.extend(
        runs.median_s
            .map(|median| pair("Median run", duration(median))),
    );
    rows.extend(
        runs.longest_s
            .map(|longest| pair("Longest run", duration(longest))),
    );
    if workload.out_of_memory.is_empty() {
        rows.push(pair("Out-of-memory kills", "none known".to_owned()));
    }
    rows.extend(workload.current.metered.map(|metered| {
        let amount = (metered.amount * 1000.0).round() / 1000.0;
        pair(
            "Billed on the present platform",
            format!("{} {}s", count(amount), metered.unit),
        )
    }));
    Section::of(
        "evidence",
        "Evidence",
        vec![
            Column::new("What was seen", Fit::Text, ""),
            Column::text(""),
        ],
        rows,
    )
}

/// `env=prod, team=data`; `None` without tags.
pub(in crate::report) fn tags(workload: &WorkloadResult) -> Option<String> {
    let tags = workload.tags.iter();
    let tags: Vec<String> = tags.map(|(key, value)| format!("{key}={value}")).collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}

/// Out-of-memory kills, container by container.
pub(super) fn kills(workload: &WorkloadResult) -> Section {
    let row = |kills: &OutOfMemoryResult| {
        let limit = kills
            .limit_mib
            .map(f64::from)
            .map_or(Cell::Nothing, |mib_| {
                Cell::number(format!("{} MiB", mib(mib_)))
            });
        Row::plain(vec![
            kills.container.as_ref().map_or_else(
                || Cell::text("not named"),
                |name| Cell::Name(name.clone(), String::new()),
            ),
            Cell::number(count(kills.kills)),
            limit,
            Cell::text(if kills.is_of_task {
                "the task's"
            } else {
                "its own"
            }),
        ])
    };
    Section::of(
        "kills",
        "Out-of-memory kills",
        vec![
            Column::new("Container", Fit::Text, ""),
            Column::number("Kills"),
            Column::number("Limit"),
            Column::name("Whose limit"),
        ],
        workload.out_of_memory.iter().map(row).collect(),
    )
}

/// How many runs took how long.
pub(super) fn run_lengths(workload: &WorkloadResult) -> Section {
    let row = |class: &RunLengthClass| {
        let end = class.up_to_s.map(|end_s| duration(end_s as f64));
        Row::plain(vec![
            Cell::text(end.map_or_else(|| "longer".to_owned(), |end| format!("up to {end}"))),
            Cell::number(count(class.runs)),
        ])
    };
    Section::of(
        "runs",
        "Runs by length",
        vec![Column::name("Length"), Column::number("Runs")],
        workload.runs.by_length.iter().map(row).collect(),
    )
}

/// How task time spreads over use.
pub(super) fn histogram(workload: &WorkloadResult) -> Section {
    const FULL: f64 = 20.0;
    let rows = |name: &'static str, usage: Option<&ResourceUsage>, figure: fn(f64) -> String| {
        let buckets = usage.map_or(&[][..], |usage| &usage.histogram);
        let most = buckets
            .iter()
            .map(|bucket| bucket.share_percent)
            .fold(0.0, f64::max);
        buckets
            .iter()
            .filter(|bucket| bucket.share_percent > 0.0)
            .map(|bucket| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between 1 and 20"
                )]
                let length = (bucket.share_percent / most * FULL).ceil().clamp(1.0, FULL) as usize;
                Row::plain(vec![
                    Cell::text(name),
                    Cell::number(figure(bucket.up_to)),
                    Cell::number(percent(bucket.share_percent)),
                    Cell::text("█".repeat(length)),
                ])
            })
            .collect::<Vec<_>>()
    };
    let mut all = rows("CPU, vCPU", workload.usage.cpu.as_ref(), vcpu);
    all.extend(rows("memory, MiB", workload.usage.memory.as_ref(), mib));
    Section::of(
        "histogram",
        "Share of task time by use",
        vec![
            Column::name("Resource"),
            Column::number("Up to"),
            Column::number("Share"),
            Column::text(""),
        ],
        all,
    )
}

/// The highest sample of each day.
pub(super) fn days(workload: &WorkloadResult) -> Section {
    let usage = &workload.usage;
    let mut rows: std::collections::BTreeMap<&str, (Option<f64>, Option<f64>)> =
        std::collections::BTreeMap::new();
    for day in usage.cpu.iter().flat_map(|usage| &usage.days) {
        rows.entry(&day.day).or_default().0 = Some(day.max);
    }
    for day in usage.memory.iter().flat_map(|usage| &usage.days) {
        rows.entry(&day.day).or_default().1 = Some(day.max);
    }
    let shown = |value: Option<f64>, figure: fn(f64) -> String| {
        value.map_or(Cell::Nothing, |value| Cell::number(figure(value)))
    };
    Section::of(
        "days",
        "Peak by day",
        vec![
            Column::name("UTC day"),
            Column::number("vCPU"),
            Column::number("MiB"),
        ],
        rows.into_iter()
            .map(|(day, (cpu, memory))| {
                Row::plain(vec![Cell::text(day), shown(cpu, vcpu), shown(memory, mib)])
            })
            .collect(),
    )
}

fn pair(what: &str, value: String) -> Row {
    Row::plain(vec![Cell::text(what), Cell::text(value)])
}
