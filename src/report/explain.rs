//! Everything that is known of one workload, from evidence to cents, as a view.

use super::amounts::{count, mib, money, percent, plural, vcpu};
use super::result::{
    AmountResult, BoundsResult, CostLineResult, OutOfMemoryResult, PlacementResult, Report,
    ResourceUsage, RiskResult, RunLengthClass, SizeStepResult, WorkloadResult,
};
use super::section::{Cell, Column, Fit, Row, Section};
use super::view::{View, place};
use super::{cluster_view, phrases};
use crate::model::units::{HOURS_PER_MONTH, Usd};

/// The view of one workload.
pub(super) fn view(report: &Report, workload: &WorkloadResult) -> View {
    let sections = [
        evidence(workload),
        kills(workload),
        run_lengths(workload),
        needs(report, workload),
        sizes(workload),
        histogram(workload),
        days(workload),
        lines(
            "measured",
            "Measured cost",
            &measured_text(report, workload),
            workload.current.measured_cost.as_ref(),
        ),
        lines(
            "rate",
            "Going rate",
            &rate_text(),
            workload.current.going_rate.as_ref(),
        ),
        recommended(workload),
        steps(workload),
        placements(workload),
    ];
    View {
        title: format!(
            "{} ({}, {})",
            phrases::name(workload),
            workload.kind.as_str(),
            phrases::scope(workload)
        ),
        lead: lead(workload)
            .into_iter()
            .chain(cluster_view::of_tenant(report, workload))
            .chain(surer(workload))
            .collect(),
        sections: sections
            .into_iter()
            .filter(|section| !section.rows.is_empty() || !section.text.is_empty())
            .collect(),
        notes: super::notes::notes(report),
    }
}

/// What is advised and why, what comes next, and what would change it.
pub(super) fn lead(workload: &WorkloadResult) -> Vec<String> {
    let today = place(phrases::today(&workload.current));
    let cost = phrases::monthly_cost(workload);
    let advice = place(phrases::advice(workload));
    let answer = match &workload.recommended {
        Some(_) => format!(
            "{}: from {today} ({cost} a month) to {advice}, which {} a month.",
            phrases::name(workload),
            phrases::consequence(workload)
                .unwrap_or_else(|| "changes the cost by an amount not known".to_owned())
        ),
        None => format!(
            "{}: {advice} on {today} ({cost} a month).",
            phrases::name(workload)
        ),
    };
    let mut lead = vec![answer, format!("{}.", phrases::finding(workload))];
    lead.extend(workload.reasons.iter().map(|reason| sentence(reason)));
    lead.extend(workload.second_best.iter().map(|second| {
        format!(
            "Next best: {}; it wins if {}.",
            place((
                phrases::platform_there(&second.placement, &workload.current),
                second
                    .placement
                    .size
                    .as_ref()
                    .map_or_else(String::new, phrases::size),
            )),
            second.wins_if
        )
    }));
    lead
}

/// What would make the amounts surer, in one sentence; `None` where they are as sure as can be.
pub(super) fn surer(workload: &WorkloadResult) -> Option<String> {
    let narrowed_by = &workload.current.narrowed_by;
    (!narrowed_by.is_empty()).then(|| {
        format!(
            "What would make the cost surer: {}.",
            narrowed_by.join("; ")
        )
    })
}

/// With a capital and a full stop.
fn sentence(text: &str) -> String {
    let end = if text.ends_with('.') { "" } else { "." };
    format!("{}{end}", phrases::capitalized(text))
}

fn section(id: &'static str, heading: &str, columns: Vec<Column>, rows: Vec<Row>) -> Section {
    Section {
        id,
        heading: heading.to_owned(),
        text: Vec::new(),
        columns,
        rows,
    }
}

fn pair(what: &str, value: String) -> Row {
    Row::plain(vec![Cell::text(what), Cell::text(value)])
}

/// What was seen of it, and what fed it.
fn evidence(workload: &WorkloadResult) -> Section {
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
    section(
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
pub(super) fn tags(workload: &WorkloadResult) -> Option<String> {
    let tags = workload.tags.iter();
    let tags: Vec<String> = tags.map(|(key, value)| format!("{key}={value}")).collect();
    (!tags.is_empty()).then(|| tags.join(", "))
}

/// Out-of-memory kills, container by container.
fn kills(workload: &WorkloadResult) -> Section {
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
    section(
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
fn run_lengths(workload: &WorkloadResult) -> Section {
    let row = |class: &RunLengthClass| {
        let end = class.up_to_s.map(|end_s| duration(end_s as f64));
        Row::plain(vec![
            Cell::text(end.map_or_else(|| "longer".to_owned(), |end| format!("up to {end}"))),
            Cell::number(count(class.runs)),
        ])
    };
    section(
        "runs",
        "Runs by length",
        vec![Column::name("Length"), Column::number("Runs")],
        workload.runs.by_length.iter().map(row).collect(),
    )
}

/// A step down and a step up from the size that it should have.
pub(super) fn sizes(workload: &WorkloadResult) -> Section {
    let row = |step: &SizeStepResult| {
        let holds = match step.holds {
            Some(true) => "holds what one run needs",
            Some(false) => "does not hold what one run needs",
            None => "what one run needs is not known",
        };
        Row::plain(vec![
            Cell::text(if step.is_larger {
                "next dearer"
            } else {
                "next cheaper"
            }),
            Cell::text(phrases::size(&step.size)),
            Cell::number(super::amounts::money_or_not(step.going_rate_usd)),
            Cell::text(holds),
        ])
    };
    section(
        "sizes",
        "A step down and a step up",
        vec![
            Column::name("Step"),
            Column::text("Size"),
            Column::number("Cost/month"),
            Column::text("Would it do?"),
        ],
        workload.size_steps.iter().map(row).collect(),
    )
}

/// `90 s`, `5 min 30 s`, `2 h 5 min`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "not known".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above; float-to-int casts saturate"
    )]
    let whole = seconds.round() as u64;
    let join = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match whole {
        0..120 => format!("{whole} s"),
        120..7_200 => join(whole / 60, "min", whole % 60, "s"),
        _ => join(whole / 3600, "h", whole % 3600 / 60, "min"),
    }
}

/// From use to need, resource by resource.
fn needs(report: &Report, workload: &WorkloadResult) -> Section {
    let policy = &report.policy;
    let size = workload.current.size.as_ref();
    let required = workload.requirement.as_ref();
    let there = workload
        .recommended
        .as_ref()
        .and_then(|there| there.size.as_ref());
    let row = |name: &str,
               usage: Option<&ResourceUsage>,
               bounds: Option<BoundsResult>,
               now: Option<f64>,
               then: Option<f64>,
               figure: fn(f64) -> String| {
        let shown =
            |value: Option<f64>| value.map_or(Cell::Nothing, |value| Cell::number(figure(value)));
        Row::plain(vec![
            Cell::text(name),
            shown(usage.and_then(|usage| usage.mean)),
            shown(usage.and_then(|usage| usage.at_percentile)),
            shown(usage.map(|usage| usage.max)),
            shown(bounds.map(|bounds| bounds.lower)),
            shown(bounds.map(|bounds| bounds.target)),
            shown(bounds.map(|bounds| bounds.upper)),
            shown(now),
            shown(then),
        ])
    };
    let usage = &workload.usage;
    let rows = vec![
        row(
            "CPU, vCPU",
            usage.cpu.as_ref(),
            required.map(|needs| needs.vcpu),
            size.map(|size| size.vcpu),
            there.map(|size| size.vcpu),
            vcpu,
        ),
        row(
            "Memory, MiB",
            usage.memory.as_ref(),
            required.map(|needs| needs.memory_mib),
            size.map(|size| size.memory_gib * 1024.0),
            there.map(|size| size.memory_gib * 1024.0),
            mib,
        ),
    ];
    let mut text = vec![format!(
        "Sized for {}. An out-of-memory kill is a floor. \"At\" is the use at percentile {} of the CPU maxima (by task time, by the \
         clock, by run: the highest), and the memory peak.",
        phrases::margins(policy),
        policy.cpu_percentile,
    )];
    if let Some(needs) = required {
        text.push(sure(
            "CPU",
            &needs.vcpu_risk,
            "in more than 1 % of the week",
        ));
        text.extend(throttled(&needs.vcpu_risk));
        text.push(sure(
            "Memory",
            &needs.memory_risk,
            "at any time of the week",
        ));
    }
    text.extend(binding(workload));
    Section {
        text,
        ..section(
            "needs",
            "From use to need",
            vec![
                Column::name("Resource"),
                Column::number("Mean"),
                Column::number("At"),
                Column::number("Peak"),
                Column::number("Lower"),
                Column::number("Target"),
                Column::number("Upper"),
                Column::number("Now"),
                Column::number("Then"),
            ],
            rows,
        )
    }
}

/// What too little CPU costs: time, not kills.
fn throttled(risk: &RiskResult) -> Option<String> {
    let (lost, longer) = risk.lost_cpu_s_per_day.zip(risk.longer_percent)?;
    (lost > 0.0).then(|| {
        format!(
            "On that CPU {lost} CPU-seconds a day would have waited, which makes the same work take {longer}% longer."
        )
    })
}

/// How sure one resource of the size is, and what is missing.
fn sure(name: &str, risk: &RiskResult, when: &str) -> String {
    let margin = match (risk.margin, risk.fixed_percent) {
        (_, Some(added)) => {
            return format!(
                "{name}: {} added by your choice; its risk is not known.",
                percent(added)
            );
        }
        ("calibrated", None) => format!(
            "calibrated on {} of this fleet beside the shipped defaults",
            plural(
                i64::try_from(risk.workload_weeks).unwrap_or(i64::MAX),
                "workload-week"
            )
        ),
        _ => "by the shipped defaults: no week of this fleet could be replayed yet".to_owned(),
    };
    let expected = risk.risk_percent.map_or_else(String::new, |share| {
        format!(
            "{} of weeks are expected beyond the size {when}, ",
            percent(share)
        )
    });
    let at_most = risk.risk_at_most_percent.map_or_else(String::new, |share| {
        format!(
            "; by this fleet's weeks alone at most {} at {} confidence",
            percent(share),
            percent(risk.confidence_percent)
        )
    });
    let missing = if risk.missing.is_empty() {
        String::new()
    } else {
        format!(" Missing: {}.", risk.missing.join("; "))
    };
    format!(
        "{name}: {expected}{margin}{at_most}. Its days are worth {} independent ones.{missing}",
        risk.effective_days
    )
}

/// Which resource decides the recommended size.
fn binding(workload: &WorkloadResult) -> Option<String> {
    let needs = workload.requirement.as_ref()?;
    let size = workload
        .recommended
        .as_ref()
        .and_then(|there| there.size.as_ref())
        .or(workload.current.size.as_ref())?;
    let cpu = needs.vcpu.target / size.vcpu;
    let memory = needs.memory_mib.target / (size.memory_gib * 1024.0);
    if !cpu.is_finite() || !memory.is_finite() {
        return None;
    }
    let (binds, other) = if cpu >= memory {
        ("CPU", "memory")
    } else {
        ("memory", "CPU")
    };
    Some(format!(
        "{} holds it: {binds} binds at {} of the size; {other} is at {}.",
        phrases::size(size),
        percent(cpu.max(memory) * 100.0),
        percent(cpu.min(memory) * 100.0)
    ))
}

/// How task time spreads over use.
fn histogram(workload: &WorkloadResult) -> Section {
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
    section(
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
fn days(workload: &WorkloadResult) -> Section {
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
    section(
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

fn measured_text(report: &Report, workload: &WorkloadResult) -> String {
    let known = match workload.current.basis {
        Some("runs") => "from the start and stop of its runs",
        Some("sample_count") => "from counted tasks (SampleCount)",
        _ => "from when it was seen",
    };
    format!(
        "What ran from {} to {}, as it was configured then, {known}, at list price.",
        phrases::date(&report.window.from),
        phrases::date(&report.window.to)
    )
}

fn rate_text() -> String {
    format!(
        "A month of {HOURS_PER_MONTH} hours as it is configured today, at the pace since then; savings are differences of this."
    )
}

/// Where to go, line by line.
fn recommended(workload: &WorkloadResult) -> Section {
    let rate = workload
        .recommended
        .as_ref()
        .and_then(|there| there.going_rate.as_ref());
    let text = workload
        .recommended
        .as_ref()
        .map_or_else(String::new, |there| {
            format!(
                "A month on {}{}.",
                place(phrases::advice(workload)),
                there.effort.map_or_else(String::new, |effort| format!(
                    ", {} effort",
                    phrases::effort(effort)
                ))
            )
        });
    lines("recommended", "Recommended", &text, rate)
}

/// An amount line by line: quantity × price, and the sum.
pub(super) fn lines(
    id: &'static str,
    heading: &str,
    text: &str,
    amount: Option<&AmountResult>,
) -> Section {
    let mut rows: Vec<Row> = amount
        .iter()
        .flat_map(|amount| &amount.lines)
        .map(line_row)
        .collect();
    rows.extend(amount.map(|amount| {
        let mut cells = vec![Cell::text(certainty(amount))];
        cells.resize_with(3, || Cell::Nothing);
        cells.push(Cell::number(money(amount.usd)));
        cells.push(Cell::Nothing);
        Row::plain(cells)
    }));
    Section {
        text: match amount {
            Some(_) if !text.is_empty() => vec![text.to_owned()],
            _ => Vec::new(),
        },
        ..section(
            id,
            heading,
            vec![
                Column::new("Of", Fit::Text, ""),
                Column::number("Quantity"),
                Column::number("Price, USD"),
                Column::number("Cost"),
                Column::text("Price as of"),
            ],
            rows,
        )
    }
}

fn line_row(line: &CostLineResult) -> Row {
    let quantity = (line.quantity * 1e4).round() / 1e4;
    Row::plain(vec![
        Cell::text(format!("{}: {}", line.of, line.component.replace('_', " "))),
        Cell::number(format!("{} {}", count(quantity), line.unit)),
        Cell::number(line.price_usd.to_string()),
        Cell::number(money(line.usd)),
        Cell::text(format!(
            "{}, {}: {}",
            line.as_of.as_deref().unwrap_or("no date"),
            line.quality.replace('_', " "),
            line.source
        )),
    ])
}

/// How sure a sum is, and what bounds it.
pub(super) fn certainty(amount: &AmountResult) -> String {
    let ends = match (amount.lower_usd, amount.upper_usd) {
        (Some(lower), Some(upper)) => format!(" {} and {}", money(lower), money(upper)),
        (Some(end), None) | (None, Some(end)) => format!(" {}", money(end)),
        (None, None) => String::new(),
    };
    format!("sum, {}{ends}", amount.certainty.as_str().replace('_', " "))
}

fn steps(workload: &WorkloadResult) -> Section {
    let taken = workload
        .savings_steps
        .iter()
        .filter(|step| step.monthly_savings_usd != Usd::ZERO);
    section(
        "steps",
        "Savings by step",
        vec![
            Column::name("Step"),
            Column::name("Effort"),
            Column::number("Saves/month"),
        ],
        taken
            .map(|step| {
                Row::plain(vec![
                    Cell::text(phrases::capitalized(phrases::step_name(step.step))),
                    Cell::text(phrases::effort(step.effort)),
                    Cell::number(money(step.monthly_savings_usd)),
                ])
            })
            .collect(),
    )
}

/// Every placement, cheapest first, and why not the others.
pub(super) fn placements(workload: &WorkloadResult) -> Section {
    let row = |placement: &PlacementResult| {
        let rate = match &placement.going_rate {
            Some(rate) => phrases::amount(rate),
            None if placement.feasible => "not priced".to_owned(),
            None => "not possible".to_owned(),
        };
        let mut reasons = placement.reasons.clone();
        reasons.extend(placement.not_priced.clone());
        Row::plain(vec![
            Cell::text(placement_name(placement)),
            Cell::number(rate),
            Cell::text(placement.effort.map_or_else(String::new, phrases::effort)),
            Cell::text(reasons.join("; ")),
        ])
    };
    section(
        "placements",
        "Every placement",
        vec![
            Column::new("Where", Fit::Text, ""),
            Column::number("Cost/month"),
            Column::name("Effort"),
            Column::text("To mind, or why not"),
        ],
        workload.placements.iter().map(row).collect(),
    )
}

/// Platform, architecture, size and purchase option.
pub(super) fn placement_name(placement: &PlacementResult) -> String {
    let size = placement.size.as_ref().map(phrases::size);
    let words = [
        Some(phrases::capitalized(phrases::platform_name(
            placement.platform,
        ))),
        Some(placement.architecture.to_string()),
        size,
        Some(phrases::purchase_option(placement.purchase_option)),
    ];
    words.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::super::{Style, explain, sample};
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, said) in [
            (0.4, "0 s"),
            (90.0, "90 s"),
            (120.0, "2 min"),
            (330.0, "5 min 30 s"),
            (7_500.0, "2 h 5 min"),
            (f64::NAN, "not known"),
        ] {
            assert_eq!(duration(seconds), said);
        }
    }

    #[test]
    fn the_first_line_answers_and_every_step_of_the_way_is_there() {
        let report = sample::report();
        let text = explain(&report, &report.workloads[0], Style::default());
        assert!(text.starts_with(
            "prod/web: from Fargate 2 vCPU / 4 GiB ($1,441.77 a month) to Fargate 0.5 vCPU / 1 GiB, which saves $1,081.33 a month.\n"
        ));
        for word in [
            "task_events",
            "86,400",
            "60 seconds",
            "percentile 95 of the CPU maxima",
            "the shipped defaults",
            "memory binds at 79% of the size",
            "2026-10-07",
            "Every placement",
            "a service cannot be a build",
        ] {
            assert!(text.contains(word), "{word}: {text}");
        }
    }

    #[test]
    fn withheld_and_unpriced_workloads_are_explained_as_well() {
        let report = sample::report();
        for workload in &report.workloads {
            let text = explain(
                &report,
                workload,
                Style {
                    width: Some(80),
                    color: false,
                },
            );
            assert!(text.contains(&phrases::name(workload)));
            assert!(
                text.lines().all(|line| line.chars().count() <= 80),
                "{text}"
            );
        }
    }
}
