//! A comparison for a terminal: the answer, the placements, what was left out and why, where the order turns.

use comfy_table::{Cell, CellAlignment, ColumnConstraint, LineStyle, Row, Table, TableStyle};
use jiff::SignedDuration;

use crate::model::workload::{Platform, PurchaseOption};
use crate::recommend::compare::{BreakEven, Contender, RunLength, RunsPerDay};
use crate::report::amounts::{count, money, plural};
use crate::report::comparison::{ComparisonResult, OfferResult};

/// The whole comparison as text.
pub(super) fn render(comparison: &ComparisonResult) -> String {
    let notes = notes(comparison);
    let numbered = (1..)
        .zip(&notes)
        .map(|(number, note)| format!("{number}  {note}"));
    let sections = [
        vec![answer(comparison)],
        comparison
            .best()
            .map(|_| grid(comparison, &notes))
            .into_iter()
            .collect(),
        numbered.collect(),
        left_out(comparison),
        break_even(comparison),
        comparison
            .best()
            .map(|_| prices(comparison))
            .into_iter()
            .collect(),
    ];
    let shown: Vec<String> = sections
        .iter()
        .filter(|lines| !lines.is_empty())
        .map(|lines| lines.join("\n"))
        .collect();
    shown.join("\n\n") + "\n"
}

/// The cheapest on demand, then the best of the other architecture and of each other platform.
pub(super) fn answer(comparison: &ComparisonResult) -> String {
    let job = &comparison.inputs;
    let Some(best) = comparison.best() else {
        return format!("Nothing that holds the job has a price in {}.", job.region);
    };
    let period = format!(
        "{} ({})",
        plural(job.load.days, "day"),
        plural(job.load.runs(), "run")
    );
    let mut parts = vec![format!(
        "Cheapest on demand: {}, {} for {period}",
        place(best),
        cost(best)
    )];
    let architecture = best.placement.architecture;
    let elsewhere = comparison.best_where(|other| other.architecture != architecture);
    parts.extend(elsewhere.map(|other| {
        format!(
            "best {}: {} {}, {}",
            other.placement.architecture,
            platform_name(other.placement.platform),
            size(other),
            cost(other)
        )
    }));
    for &platform in Platform::ALL
        .iter()
        .filter(|platform| **platform != best.placement.platform)
    {
        let there = comparison.best_where(|other| other.platform == platform);
        parts.push(there.map_or_else(
            || nowhere(comparison, platform),
            |other| format!("{}, {}", place(other), cost(other)),
        ));
    }
    let discounted = comparison
        .priced()
        .next()
        .filter(|first| first.placement.purchase_option != PurchaseOption::OnDemand);
    let discounted = discounted.map(|first| {
        format!(
            " Cheapest of all: {}, {}, {}.",
            place(first),
            words(first.placement.purchase_option),
            cost(first)
        )
    });
    format!("{}.{}", parts.join("; "), discounted.unwrap_or_default())
}

fn nowhere(comparison: &ComparisonResult, platform: Platform) -> String {
    let possible = comparison
        .placements
        .iter()
        .any(|offer| offer.placement.platform == platform && offer.placement.feasible);
    format!(
        "{} {}",
        platform_name(platform),
        if possible {
            "not priced"
        } else {
            "not possible"
        }
    )
}

/// What there is to mind, each once, in the order of the placements that have a price.
fn notes(comparison: &ComparisonResult) -> Vec<&str> {
    let mut notes: Vec<&str> = Vec::new();
    let reasons = comparison
        .priced()
        .flat_map(|offer| &offer.placement.reasons);
    for reason in reasons {
        if !notes.contains(&reason.as_str()) {
            notes.push(reason);
        }
    }
    notes
}

fn grid(comparison: &ComparisonResult, notes: &[&str]) -> String {
    let row = |offer: &OfferResult| {
        let placement = &offer.placement;
        let minded = |note: &&str| placement.reasons.iter().any(|reason| reason == note);
        let numbers: Vec<String> = (1..)
            .zip(notes)
            .filter(|(_, note)| minded(note))
            .map(|(at, _)| at.to_string())
            .collect();
        let texts = [
            platform_name(placement.platform),
            size(offer),
            placement.architecture.as_str(),
            words(placement.purchase_option),
        ];
        Row::from(
            texts
                .map(str::to_owned)
                .into_iter()
                .chain([cost(offer), numbers.join(", ")])
                .map(Cell::new_owned),
        )
    };
    let mut table = Table::new();
    table
        .force_no_tty()
        .load_style(TableStyle::new().header_separator(LineStyle::none().fill('─').junction('─')));
    table
        .set_header(["Platform", "Size", "Arch", "Bought", "Cost", "Note"])
        .add_rows(comparison.priced().map(row));
    for (at, column) in table.column_iter_mut().enumerate() {
        column
            .set_padding((0, if at < 5 { 2 } else { 0 }))
            .set_constraint(ColumnConstraint::ContentWidth);
        if at == 4 {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.trim_fmt()
}

/// A line for each platform and architecture; of several sizes without a price only the first has its reason.
fn left_out(comparison: &ComparisonResult) -> Vec<String> {
    let unpriced: Vec<&OfferResult> = comparison
        .placements
        .iter()
        .filter(|offer| offer.cost.is_none())
        .collect();
    let alike = |one: &&OfferResult, next: &&OfferResult| {
        let (one, next) = (&one.placement, &next.placement);
        one.feasible
            && next.feasible
            && (one.platform, one.architecture) == (next.platform, next.architecture)
    };
    let groups = unpriced
        .chunk_by(alike)
        .filter_map(|group| Some((group.first()?, group.len() - 1)));
    let more = |others| {
        if others > 0 {
            format!("; nor for {others} more")
        } else {
            String::new()
        }
    };
    let line = |(first, others): (&&OfferResult, usize)| {
        format!(
            "·  {}: {}{}",
            place(first),
            first.placement.reasons.join("; "),
            more(others)
        )
    };
    titled("Not priced, or not possible:", groups.map(line).collect())
}

/// Where the order of the platforms turns, a line each under a title.
pub(super) fn break_even(comparison: &ComparisonResult) -> Vec<String> {
    let Some(best) = comparison.best() else {
        return Vec::new();
    };
    let mut lines: Vec<String> = comparison.break_even.iter().flat_map(turns).collect();
    let is_compared = |platform| {
        comparison.break_even.iter().any(|pair| {
            [&pair.cheaper, &pair.dearer]
                .iter()
                .any(|side| side.platform == platform)
        })
    };
    let missing = Platform::ALL
        .iter()
        .filter(|&&platform| platform != best.placement.platform && !is_compared(platform));
    lines.extend(missing.map(|&platform| {
        format!(
            "·  {}: nothing to compare on {}",
            platform_name(platform),
            best.placement.architecture
        )
    }));
    titled(
        &format!(
            "Break-even on {}, on demand, at these sizes:",
            best.placement.architecture
        ),
        lines,
    )
}

/// A line by run length and, where instances can be always on, one by runs per day.
fn turns(pair: &BreakEven) -> Vec<String> {
    let (one, other) = (name(&pair.cheaper), name(&pair.dearer));
    let mut lines = vec![format!(
        "·  {one} or {other}, by run length: {}",
        by_run_length(pair)
    )];
    lines.extend(pair.runs_per_day.as_ref().map(by_runs_per_day));
    lines
}

fn by_run_length(pair: &BreakEven) -> String {
    let Some(RunLength {
        cheaper,
        from_s,
        up_to_s,
    }) = pair.run_length
    else {
        return "neither is cheaper for long runs".to_owned();
    };
    let (winner, from, end) = (platform_name(cheaper), time(from_s), time(up_to_s));
    match (cheaper == pair.cheaper.platform, from_s) {
        (_, 1) => format!("none up to {end}, {winner} is always cheaper"),
        (true, _) => {
            format!("none up to {end}, {winner} stays cheaper (throughout from {from} on)")
        }
        (false, _) => format!("{winner} is cheaper from {from} on, up to {end}"),
    }
}

fn by_runs_per_day(turn: &RunsPerDay) -> String {
    let RunsPerDay {
        always_on,
        instead_of,
        from,
        up_to,
    } = turn;
    let pair = format!(
        "·  {} or EC2 ({always_on}), by runs per day",
        platform_name(*instead_of)
    );
    match from {
        Some(from) => format!("{pair}: EC2 is cheaper from {} on", count(from)),
        None => format!(
            "{pair}: none up to {}, {} stays cheaper",
            count(up_to),
            platform_name(*instead_of)
        ),
    }
}

fn prices(comparison: &ComparisonResult) -> String {
    let prices = &comparison.prices;
    format!(
        "List prices of {}, {} (price book {}). EC2 has a root volume of 30 GiB and the storage of its runs. \
         Ways to buy that have no price are left out.",
        comparison.inputs.region, prices.as_of, prices.book
    )
}

fn titled(title: &str, lines: Vec<String>) -> Vec<String> {
    if lines.is_empty() {
        lines
    } else {
        std::iter::once(title.to_owned()).chain(lines).collect()
    }
}

/// `Fargate arm64 1 vCPU / 2 GiB`.
fn place(offer: &OfferResult) -> String {
    format!(
        "{} {} {}",
        platform_name(offer.placement.platform),
        offer.placement.architecture,
        size(offer)
    )
    .trim_end()
    .to_owned()
}

fn size(offer: &OfferResult) -> &str {
    offer.placement.size.as_ref().map_or("", |size| &size.name)
}

/// EC2 by its instances, as it could be two of them.
fn name(contender: &Contender) -> String {
    match contender.platform {
        Platform::Ec2 => format!("EC2 ({})", contender.size),
        platform => platform_name(platform).to_owned(),
    }
}

const fn platform_name(platform: Platform) -> &'static str {
    match platform {
        Platform::Fargate => "Fargate",
        Platform::Codebuild => "CodeBuild",
        Platform::Ec2 => "EC2",
    }
}

const fn words(purchase_option: PurchaseOption) -> &'static str {
    match purchase_option {
        PurchaseOption::OnDemand => "on demand",
        PurchaseOption::Spot => "Spot",
        PurchaseOption::SavingsPlan1yrNoUpfront => "Savings Plan 1y no upfront",
        PurchaseOption::SavingsPlan1yrAllUpfront => "Savings Plan 1y all upfront",
        PurchaseOption::SavingsPlan3yrNoUpfront => "Savings Plan 3y no upfront",
        PurchaseOption::SavingsPlan3yrAllUpfront => "Savings Plan 3y all upfront",
        PurchaseOption::Mixed => "mixed",
    }
}

fn time(seconds: u32) -> String {
    format!("{:#}", SignedDuration::from_secs(seconds.into()))
}

fn cost(offer: &OfferResult) -> String {
    offer
        .cost
        .as_ref()
        .map_or_else(|| "not priced".to_owned(), |cost| money(cost.usd))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn turn(cheaper: Platform, from_s: u32) -> String {
        let contender = |platform| Contender {
            platform,
            size: "c6g.large, launched per run".to_owned(),
            architecture: crate::model::workload::Architecture::Arm64,
        };
        turns(&BreakEven {
            cheaper: contender(Platform::Fargate),
            dearer: contender(Platform::Ec2),
            run_length: Some(RunLength {
                cheaper,
                from_s,
                up_to_s: 129_600,
            }),
            runs_per_day: None,
        })
        .concat()
    }

    #[test]
    fn a_break_even_reads_as_a_sentence() {
        let pair = "·  Fargate or EC2 (c6g.large, launched per run), by run length";
        assert_eq!(
            turn(Platform::Fargate, 1),
            format!("{pair}: none up to 36h, Fargate is always cheaper")
        );
        let throughout = turn(Platform::Fargate, 61);
        assert_eq!(
            throughout,
            format!("{pair}: none up to 36h, Fargate stays cheaper (throughout from 1m 1s on)")
        );
        assert_eq!(
            turn(Platform::Ec2, 402),
            format!("{pair}: EC2 is cheaper from 6m 42s on, up to 36h")
        );
    }
}
