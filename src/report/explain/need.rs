//! What one run of a workload needs, and which sizes hold it.

use crate::report::amounts::{mib, money_or_not, percent, plural, vcpu};
use crate::report::phrases;
use crate::report::result::{
    BoundsResult, Report, ResourceUsage, RiskResult, SizeStepResult, WorkloadResult,
};
use crate::report::section::{Cell, Column, Row, Section};

/// From use to need, resource by resource.
pub(super) fn needs(report: &Report, workload: &WorkloadResult) -> Section {
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
        ..Section::of(
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

/// A step down and a step up from the size that it should have.
pub(in crate::report) fn sizes(workload: &WorkloadResult) -> Section {
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
            Cell::number(money_or_not(step.going_rate_usd)),
            Cell::text(holds),
        ])
    };
    Section::of(
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
