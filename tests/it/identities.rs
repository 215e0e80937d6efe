//! What must hold between the amounts of any report, and what no price may change.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll::model::finding::ReasonCode;
use plimsoll::model::units::Usd;
use plimsoll::pricing::{PriceBook, Tables};
use plimsoll::report::groups::{self, GroupBy};
use plimsoll::report::result::{AmountResult, GroupResult, Report, WorkloadResult};
use plimsoll::report::{Format, Style, render};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::properties::{BOOK, any_records, reported};

/// Quantities are kept to nine decimals and prices in the order of a dollar: lines may differ from their product by that.
const ROUNDED: Decimal = Decimal::from_parts(1, 0, 0, false, 6);

const GROUPS: [GroupBy; 6] = [
    GroupBy::Account,
    GroupBy::Region,
    GroupBy::Cluster,
    GroupBy::Kind,
    GroupBy::Platform,
    GroupBy::Finding,
];

/// Every amount of a workload that has lines.
fn amounts(workload: &WorkloadResult) -> Vec<&AmountResult> {
    let current = &workload.current;
    let there = workload.recommended.iter().chain(&workload.placements);
    let rates = there.filter_map(|placement| placement.going_rate.as_ref());
    [&current.measured_cost, &current.going_rate]
        .into_iter()
        .flatten()
        .chain(rates)
        .filter(|amount| !amount.lines.is_empty())
        .collect()
}

fn near(one: Usd, other: Usd) -> bool {
    (one.amount() - other.amount()).abs() <= ROUNDED
}

fn decimal(value: f64) -> Decimal {
    Decimal::try_from(value).expect("finite")
}

/// What no price may change: the finding and its reasons, the need, and the size next to it.
fn judged(report: &Report) -> BTreeMap<String, String> {
    let judge = |workload: &WorkloadResult| {
        let codes: Vec<&ReasonCode> = workload
            .reason_codes
            .iter()
            .filter(|code| **code != ReasonCode::NotPriced)
            .collect();
        // A placement that has no price may be missing for it, but none is of another size.
        let sizes: BTreeSet<String> = workload
            .placements
            .iter()
            .filter_map(|placement| {
                let size = placement.size.as_ref()?;
                Some(format!(
                    "{:?} {:?} {}",
                    placement.platform, placement.architecture, size.name
                ))
            })
            .collect();
        let named = format!("{:?} {}", workload.kind, workload.name);
        (
            named,
            format!(
                "{:?} {codes:?} {:?} {sizes:?}",
                workload.finding, workload.requirement
            ),
        )
    };
    report.workloads.iter().map(judge).collect()
}

/// The embedded tables of one region, each row of a price left out where `gone` says so.
fn book_without(gone: &[bool]) -> PriceBook {
    let some = |table: &str, first: usize| -> String {
        let mut kept = String::new();
        for (at, row) in table.lines().enumerate() {
            let is_header = at == 0;
            let is_here = row.starts_with("us-east-1,") || row.starts_with("*,");
            if is_header || is_here && !gone[(first + at) % gone.len()] {
                kept.push_str(row);
                kept.push('\n');
            }
        }
        kept
    };
    let all = Tables::EMBEDDED;
    let (fargate, codebuild) = (some(all.fargate, 0), some(all.codebuild, 7));
    let (ec2, other) = (some(all.ec2, 13), some(all.other, 29));
    PriceBook::from_tables(&Tables {
        fargate: &fargate,
        codebuild: &codebuild,
        ec2: &ec2,
        other: &other,
        ..all
    })
    .expect("a book")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn lines_groups_steps_and_ways_of_buying_add_up_in_any_report(records in any_records()) {
        let (analysis, report) = reported(&records, None, &BOOK).expect("something ran");
        for workload in &report.workloads {
            for amount in amounts(workload) {
                let sum: Usd = amount.lines.iter().map(|line| line.usd).sum();
                prop_assert!(near(sum, amount.usd), "{}: {:?}", workload.name, amount);
                for line in &amount.lines {
                    let product = decimal(line.quantity) * decimal(line.price_usd);
                    prop_assert!((product - line.usd.amount()).abs() <= ROUNDED, "{:?}", line);
                }
                prop_assert!(amount.lower_usd.is_none_or(|lower| lower <= amount.usd));
                prop_assert!(amount.upper_usd.is_none_or(|upper| upper >= amount.usd));
            }
            let steps: Usd = workload.savings_steps.iter().map(|step| step.monthly_savings_usd).sum();
            prop_assert!(near(steps, workload.monthly_savings_usd.unwrap_or_default()));
            if let (Some(there), Some(now)) = (&workload.recommended, &workload.current.going_rate) {
                let left = there.going_rate.as_ref().expect("advised, so priced").usd;
                prop_assert!(near(now.usd - steps, left), "{}: {:?} - {:?} is not {:?}", workload.name, now.usd, steps, left);
            }
        }
        let totals = &report.totals;
        for by in GROUPS.into_iter().chain([GroupBy::Tag("team".to_owned())]) {
            let groups = groups::of(&analysis, &by).groups;
            let sum = |of: fn(&GroupResult) -> Usd| groups.iter().map(of).sum::<Usd>();
            // Months are quotients of 28 digits: in another order of adding, the last one may differ.
            prop_assert!(near(sum(|group| group.measured_cost.usd), totals.measured_cost.usd));
            prop_assert!(near(sum(|group| group.going_rate.usd), totals.going_rate.usd));
            prop_assert!(near(sum(|group| group.monthly_savings_usd), totals.monthly_savings_usd));
            prop_assert_eq!(groups.iter().map(|group| group.workloads).sum::<usize>(), totals.workloads);
        }
        let steps: Usd = totals.savings_steps.iter().map(|step| step.monthly_savings_usd).sum();
        prop_assert!(near(steps, totals.monthly_savings_usd));
        for way in &totals.purchase_options {
            prop_assert!(way.monthly_savings_usd > Usd::ZERO);
            prop_assert!(steps + way.monthly_savings_usd <= totals.going_rate.usd, "{:?}", way);
        }
        let by_quality: Usd = report.price_quality.by_quality.iter().map(|share| share.usd).sum();
        prop_assert!(near(by_quality, totals.going_rate.usd), "{:?} of {:?}", by_quality, totals.going_rate.usd);
        prop_assert!(report.price_quality.doubtful_usd <= by_quality);
    }

    #[test]
    fn the_same_records_give_the_same_bytes_in_every_form(records in any_records()) {
        let made = || {
            let (_, report) = reported(&records, None, &BOOK).expect("something ran");
            [Format::Table, Format::Markdown, Format::Html, Format::Xlsx, Format::Json, Format::Csv, Format::Parquet, Format::Focus]
                .map(|format| render(&report, format, Style::default()).expect("rendered"))
        };
        prop_assert!(made() == made());
    }

    #[test]
    fn prices_that_are_not_known_change_no_finding(records in any_records(), gone in prop::collection::vec(any::<bool>(), 31)) {
        let (_, whole) = reported(&records, None, &book_without(&[false])).expect("something ran");
        let (_, part) = reported(&records, None, &book_without(&gone)).expect("something ran");
        let (whole_said, part_said) = (judged(&whole), judged(&part));
        prop_assert_eq!(whole_said.keys().collect::<Vec<_>>(), part_said.keys().collect::<Vec<_>>());
        for (name, said) in &part_said {
            prop_assert_eq!(&whole_said[name], said, "{}", name);
        }
        prop_assert!(part.totals.not_priced >= whole.totals.not_priced);
    }
}
