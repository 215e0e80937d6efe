//! What a page says of one workload.

use super::chart;
use super::page::{push, text};
use super::tables::plain_table;
use crate::model::workload::Kind;
use crate::report::amounts::{duration, mib, plural, vcpu};
use crate::report::explain;
use crate::report::phrases;
use crate::report::result::WorkloadResult;

/// The panel of the workload with this number on the page.
pub(super) fn of(workload: &WorkloadResult, number: usize) -> String {
    let mut body = format!(
        "<details class=w id=w{number}><summary><b>{}</b> <span>({}) {}, {}</span></summary>\n",
        text(&phrases::name(workload)),
        workload.kind.as_str(),
        text(&phrases::monthly_cost(workload)),
        match &workload.recommended {
            Some(_) => text(&phrases::consequence(workload).unwrap_or_default()),
            None => text(&phrases::advice(workload).0),
        }
    );
    for sentence in explain::lead(workload) {
        push(&mut body, &format!("<p>{}</p>\n", text(&sentence)));
    }
    push(&mut body, &format!("<p>{}</p>\n", text(&seen(workload))));
    if let Some(surer) = explain::surer(workload) {
        push(&mut body, &format!("<p>{}</p>\n", text(&surer)));
    }
    body.push_str("<div class=charts>\n");
    charts(&mut body, workload, number);
    body.push_str("</div>\n");
    plain_table(&mut body, &explain::sizes(workload));
    plain_table(&mut body, &explain::placements(workload));
    let rate = workload.current.going_rate.as_ref();
    let there = workload
        .recommended
        .as_ref()
        .and_then(|there| there.going_rate.as_ref());
    for (heading, amount) in [
        ("What a month costs now, line by line", rate),
        ("What a month costs as recommended, line by line", there),
    ] {
        if amount.is_some_and(|amount| !amount.lines.is_empty()) {
            plain_table(&mut body, &explain::lines("lines", heading, "", amount));
        }
    }
    body.push_str("</details>\n");
    body
}

/// What stands behind the figures, in a sentence.
fn seen(workload: &WorkloadResult) -> String {
    let evidence = &workload.evidence;
    let mut said = format!(
        "Seen: {} with {} samples{}{}, from {}.",
        plural(evidence.days, "day"),
        crate::report::amounts::count(evidence.samples),
        evidence
            .period_s
            .map_or_else(String::new, |period| format!(" of at most {period} s")),
        match evidence.runs {
            0 => String::new(),
            runs => format!(", {}", plural(runs, "run")),
        },
        evidence.sources.join(", ")
    );
    if let Some(longest) = workload.runs.longest_s {
        let median = workload.runs.median_s.unwrap_or(longest);
        push(
            &mut said,
            &format!(
                " A run took {} in the median, {} at the longest.",
                duration(median),
                duration(longest)
            ),
        );
    }
    if let Some(tags) = explain::tags(workload) {
        push(&mut said, &format!(" Tags: {tags}."));
    }
    for kills in &workload.out_of_memory {
        push(&mut said, &format!(" Out-of-memory kills: {kills}."));
    }
    said
}

fn charts(body: &mut String, workload: &WorkloadResult, number: usize) {
    let size = workload.current.size.as_ref();
    let there = workload
        .recommended
        .as_ref()
        .and_then(|there| there.size.as_ref());
    let needs = workload.requirement.as_ref();
    let usage = &workload.usage;
    let cpu = usage.cpu.as_ref().map(|usage| {
        let sizes = (size.map(|size| size.vcpu), there.map(|size| size.vcpu));
        let target = needs.map(|needs| needs.vcpu.target);
        ("CPU", 'c', usage, sizes, target, vcpu as chart::Print)
    });
    let memory = usage.memory.as_ref().map(|usage| {
        let of = |size: &crate::report::result::Size| size.memory_gib * 1024.0;
        let target = needs.map(|needs| needs.memory_mib.target);
        (
            "Memory",
            'm',
            usage,
            (size.map(of), there.map(of)),
            target,
            mib as chart::Print,
        )
    });
    for (name, letter, usage, sizes, target, print) in cpu.into_iter().chain(memory) {
        chart::by_day(format!("{letter}{number}"), name, usage, sizes, print).write(body);
        let spread = chart::histogram(format!("h{letter}{number}"), name, usage, target, print);
        if let Some(figure) = spread {
            figure.write(body);
        }
    }
    if workload.kind != Kind::Service
        && let Some(figure) = chart::run_lengths(format!("r{number}"), workload)
    {
        figure.write(body);
    }
    if let Some(figure) = chart::placements(format!("p{number}"), workload) {
        figure.write(body);
    }
}
