//! The report as Markdown for a job summary or a comment: the answer first, the long tail folded away.
//!
//! Source: GitHub documentation, workflow commands, read 2026-11: a job summary holds 1 MiB.

use super::amounts::plural;
use super::escape::{clip, markdown_code, markdown_text};
use super::result::{FleetResult, Report, WorkloadResult};
use super::{notes, words};

/// Workloads shown before the fold.
const SHOWN: usize = 20;
/// Workloads shown at all: rows of the longest names stay well under what a job summary holds.
const MOST: usize = 1_000;

const PLATFORMS: &str = "\
| If all ran on one platform | Workloads that can | Today/month | There/month | Change |
| --- | ---: | ---: | ---: | ---: |
";
const WORKLOADS: &str = "\
| Workload | Kind | Today | Cost/month | Needs | Recommended | Saves/month | Finding |
| --- | --- | --- | ---: | --- | --- | ---: | --- |
";
const FLEETS: &str = "\
| Fleet | Instances | Cost/month | Floor | Gap | Fargate | Break-even | Fills first |
| --- | --- | ---: | ---: | ---: | ---: | ---: | --- |
";

/// The whole report, from a third-level heading on.
pub(super) fn render(report: &Report) -> String {
    let (from, to) = (
        words::date(&report.window.from),
        words::date(&report.window.to),
    );
    let mut sections = vec![format!(
        "### Containers, {} to {}",
        markdown_text(from),
        markdown_text(to)
    )];
    sections.push(format!("**{}**", words::answer(report)));
    sections.extend(
        [words::steps(report), words::packing(report)]
            .into_iter()
            .flatten(),
    );
    if !report.workloads.is_empty() {
        sections.push(platforms(report));
        sections.extend(workloads(report));
    }
    if !report.fleets.is_empty() {
        sections.push(table(FLEETS, report.fleets.iter().map(fleet_cells)));
    }
    sections.push(
        notes::notes(report)
            .iter()
            .map(|note| format!("- {}", markdown_text(note)))
            .collect::<Vec<_>>()
            .join("\n"),
    );
    sections.join("\n\n") + "\n"
}

/// A header, then a row for each list of cells.
fn table<const N: usize>(header: &str, rows: impl Iterator<Item = [String; N]>) -> String {
    header.to_owned()
        + &rows
            .map(|cells| format!("| {} |", cells.join(" | ")))
            .collect::<Vec<_>>()
            .join("\n")
}

fn platforms(report: &Report) -> String {
    let rows = words::platforms(report).into_iter();
    table(
        PLATFORMS,
        rows.map(|on| {
            [
                words::capitalized(on.name),
                on.workloads,
                on.today,
                on.there,
                on.change,
            ]
        }),
    )
}

/// The largest workloads, the others folded, and how many even the fold leaves out.
fn workloads(report: &Report) -> Vec<String> {
    let all = &report.workloads;
    let scoped = words::spans_scopes(report);
    let rows = |part: &[WorkloadResult]| {
        table(
            WORKLOADS,
            part.iter().map(|workload| workload_cells(workload, scoped)),
        )
    };
    let (shown, rest) = all.split_at(all.len().min(SHOWN));
    let (folded, left_out) = rest.split_at(rest.len().min(MOST - SHOWN));
    let mut parts = vec![rows(shown)];
    if !folded.is_empty() {
        let summary = plural(folded.len(), "more workload");
        parts.push(format!(
            "<details><summary>{summary}</summary>\n\n{}\n\n</details>",
            rows(folded)
        ));
    }
    if !left_out.is_empty() {
        parts.push(format!(
            "{} left out here: CSV and JSON have them all.",
            plural(left_out.len(), "workload")
        ));
    }
    parts
}

fn workload_cells(workload: &WorkloadResult, scoped: bool) -> [String; 8] {
    let name = markdown_code(&clip(&words::name(workload)));
    let scope = scoped.then(|| format!(" {}", markdown_text(&words::scope(workload))));
    [
        name + &scope.unwrap_or_default(),
        workload.kind.as_str().to_owned(),
        place(words::today(&workload.current)),
        words::monthly_cost(workload),
        words::needs(workload),
        place(words::advice(workload)),
        words::savings(workload),
        words::finding(workload),
    ]
}

fn place((platform, size): (String, String)) -> String {
    markdown_text(&clip(&format!("{platform} {size}")))
}

fn fleet_cells(fleet: &FleetResult) -> [String; 8] {
    let words = words::fleet(fleet);
    [
        markdown_text(&words.name),
        markdown_text(&words.instances),
        words.cost,
        words.floor,
        words.gap,
        words.fargate,
        words.break_even,
        words.binds,
    ]
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    /// Numbers of unescaped pipes in the lines that are table rows.
    fn pipes(text: &str) -> Vec<usize> {
        let rows = text.lines().filter(|line| line.starts_with('|'));
        rows.map(|row| {
            row.replace("\\\\", "")
                .replace("\\|", "")
                .matches('|')
                .count()
        })
        .collect()
    }

    #[test]
    fn the_answer_comes_first() {
        let text = render(&sample::report());
        let mut lines = text.lines();
        assert_eq!(
            lines.next(),
            Some("### Containers, 2026-10-01 to 2026-10-31")
        );
        assert_eq!(lines.next(), Some(""));
        assert_eq!(
            lines.next(),
            Some(
                "**Containers cost at least $1,705.29 a month; $1,114.78 (65%) can be saved: 6 workloads, 3 to resize or move, \
                 1 too small, 1 withheld, 1 not priced.**"
            )
        );
    }

    #[test]
    fn a_workload_is_a_row() {
        let text = render(&sample::report());
        let row = text.lines().find(|line| line.contains("prod/web")).unwrap();
        assert_eq!(
            row,
            "| `prod/web` | service | Fargate 2 vCPU / 4 GiB | $1,441.77 | 0.31 vCPU, 813 MiB | Fargate 0.5 vCPU / 1 GiB \
             | $1,081.33 | Overprovisioned: spare CPU, spare memory |"
        );
    }

    #[test]
    fn twenty_are_shown_and_the_rest_is_folded() {
        let text = render(&sample::many(25));
        let (shown, folded) = text
            .split_once("<details><summary>5 more workloads</summary>")
            .unwrap();
        assert_eq!(
            shown
                .lines()
                .filter(|line| line.contains(" service "))
                .count(),
            20
        );
        assert_eq!(
            folded
                .lines()
                .filter(|line| line.contains(" service "))
                .count(),
            5
        );
        assert!(!render(&sample::many(20)).contains("<details>"));
    }

    #[test]
    fn a_huge_report_fits_into_a_job_summary_and_says_what_it_leaves_out() {
        let mut report = sample::many(1_500);
        report
            .workloads
            .iter_mut()
            .for_each(|workload| workload.name = "\u{e0041}|".repeat(100));
        let text = render(&report);
        assert!(text.contains("500 workloads left out here: CSV and JSON have them all."));
        assert!(text.len() < 1 << 20, "{} bytes", text.len());
    }

    #[test]
    fn hostile_names_neither_break_the_table_nor_become_markup() {
        for name in sample::HOSTILE {
            let mut report = sample::report();
            report.workloads[0].name = (*name).to_owned();
            report.workloads[4].current.not_priced = Some((*name).to_owned());
            report.coverage.notes.push((*name).to_owned());
            let text = render(&report);
            assert_eq!(pipes(&text), pipes(&render(&sample::report())), "{name}");
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
            assert_eq!(
                text.lines().count(),
                render(&sample::report()).lines().count() + 1,
                "{name}"
            );
        }
    }

    #[test]
    fn an_empty_report_says_so() {
        let text = render(&sample::empty());
        assert!(text.contains("**No workload was seen in this window.**"));
        assert!(!text.contains("| "));
    }
}
