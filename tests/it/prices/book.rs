//! The embedded book: whole in every region, right where the outside says so, and shown as it is asked for.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll::model::workload::{Architecture, Os, PurchaseOption};
use plimsoll::pricing::{InstanceClass, InstanceType, PriceBook, PriceRow, Tables};
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};
use serde_json::Value;

use super::refreshed;
use crate::support::{World, parsed, plimsoll};

fn book() -> PriceBook {
    PriceBook::embedded().expect("the embedded tables parse")
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

/// What AWS does not sell in a region, or what no source tells: a build on two vCPU and 4 GiB.
const HOLES: [&str; 11] = [
    "af-south-1 codebuild arm64",
    "ap-east-2 codebuild arm64",
    "ap-east-2 codebuild x86_64",
    "ap-southeast-4 codebuild arm64",
    "ca-west-1 codebuild arm64",
    "ca-west-1 codebuild x86_64",
    "eu-central-2 codebuild arm64",
    "mx-central-1 codebuild arm64",
    "mx-central-1 codebuild x86_64",
    "us-gov-east-1 codebuild arm64",
    "us-gov-west-1 codebuild arm64",
];

#[test]
fn a_job_of_two_vcpu_is_priced_on_every_platform_of_every_region_but_for_named_holes() {
    let book = book();
    let mut holes = BTreeSet::new();
    let regions: Vec<&str> = book.regions().collect();
    assert_eq!(regions.len(), 36);
    for region in regions {
        for architecture in Architecture::ALL.iter().copied() {
            let environment = match architecture {
                Architecture::X86_64 => "LINUX_CONTAINER",
                Architecture::Arm64 => "ARM_CONTAINER",
            };
            let fits = |of: &InstanceType| of.cpu_units >= 2048 && of.memory_mib > 4096;
            let ec2 = book
                .instance_types(region, architecture)
                .is_ok_and(|types| types.iter().any(fits));
            let option = PurchaseOption::OnDemand;
            for (platform, is_priced) in [
                (
                    "fargate",
                    book.fargate(region, Os::Linux, architecture, option)
                        .is_ok(),
                ),
                (
                    "codebuild",
                    book.codebuild(region, environment, "BUILD_GENERAL1_SMALL")
                        .is_ok(),
                ),
                ("ec2", ec2 && book.gp3(region).is_ok()),
            ] {
                if !is_priced {
                    holes.insert(format!("{region} {platform} {architecture}"));
                }
            }
        }
        assert!(book.public_ipv4(region).is_ok(), "{region}");
    }
    assert_eq!(holes.iter().map(String::as_str).collect::<Vec<_>>(), HOLES);
}

#[test]
fn the_book_says_what_independent_sources_say() {
    // Sixty and more rows, most of them drawn at random from price tables that the book was not made of.
    let book = book();
    let mut cases =
        csv::Reader::from_reader(include_str!("../../cases/prices/known.csv").as_bytes());
    let mut known = 0;
    for case in cases.records() {
        let case = case.expect("a well-formed case");
        let (service, region, item, usd) = (&case[0], &case[1], &case[2], decimal(&case[3]));
        let row = book
            .rows_of(region)
            .iter()
            .find(|row| row.service == service && row.item == item);
        let row = row.unwrap_or_else(|| panic!("no {service} {item} in {region}"));
        let printed = decimal(&row.amount)
            .round_dp_with_strategy(usd.scale(), RoundingStrategy::MidpointAwayFromZero);
        assert_eq!(printed, usd, "{service} {region} {item}");
        known += 1;
    }
    assert!(known >= 60, "{known}");
}

/// Types whose larger sibling costs less: the smaller one has four GPUs, the larger one has one.
const CHEAPER_WHEN_LARGER: [(&str, &str); 3] = [
    ("g5.12xlarge", "g5.16xlarge"),
    ("g6.12xlarge", "g6.16xlarge"),
    ("g6e.12xlarge", "g6e.16xlarge"),
];

#[test]
fn a_larger_size_of_a_family_is_never_cheaper_but_for_named_oddities() {
    let book = book();
    let mut oddities = BTreeSet::new();
    for region in book.regions() {
        let mut families: BTreeMap<&str, Vec<&InstanceType>> = BTreeMap::new();
        for class in InstanceClass::ALL {
            for architecture in Architecture::ALL.iter().copied() {
                for of in book
                    .instance_types_of(region, architecture, class)
                    .unwrap_or_default()
                {
                    families.entry(of.family()).or_default().push(of);
                }
            }
        }
        for family in families.values() {
            for small in family {
                let is_cheaper = |large: &&&InstanceType| {
                    large.cpu_units >= small.cpu_units
                        && large.memory_mib >= small.memory_mib
                        && large.usd_per_hour < small.usd_per_hour
                };
                let larger = family.iter().filter(is_cheaper);
                oddities.extend(larger.map(|large| (small.name.clone(), large.name.clone())));
            }
        }
    }
    let named = CHEAPER_WHEN_LARGER.map(|(small, large)| (small.to_owned(), large.to_owned()));
    assert_eq!(oddities, BTreeSet::from(named));
}

#[test]
fn a_larger_build_is_never_cheaper() {
    let book = book();
    let sizes = ["SMALL", "MEDIUM", "LARGE", "XLARGE", "2XLARGE"];
    for region in book.regions() {
        for environment in [
            "LINUX_CONTAINER",
            "ARM_CONTAINER",
            "WINDOWS_SERVER_2019_CONTAINER",
        ] {
            let prices: Vec<Decimal> = sizes
                .iter()
                .filter_map(|size| {
                    let price =
                        book.codebuild(region, environment, &format!("BUILD_GENERAL1_{size}"));
                    price.ok().map(|price| price.usd)
                })
                .collect();
            assert!(prices.is_sorted(), "{region} {environment} {prices:?}");
        }
    }
}

/// The lines of a table that are of eu-west-1 or of every region.
fn of_one_region(table: &str) -> Vec<&str> {
    table
        .lines()
        .filter(|line| line.starts_with("eu-west-1,") || line.starts_with("*,"))
        .collect()
}

fn header(table: &str) -> &str {
    table.lines().next().unwrap_or_default()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn without_a_row_its_price_is_missing_and_no_other_changes(lost in any::<prop::sample::Index>()) {
        let shipped = Tables::EMBEDDED;
        let (fargate, codebuild) = (of_one_region(shipped.fargate), of_one_region(shipped.codebuild));
        let lost = lost.index(fargate.len() + codebuild.len());
        let text = |table: &str, lines: &[&str], from: usize| {
            let kept = lines.iter().enumerate().filter(|(at, _)| at + from != lost);
            let lines: Vec<&str> = kept.map(|(_, line)| *line).collect();
            format!("{}\n{}\n", header(table), lines.join("\n"))
        };
        let book = |fargate: &str, codebuild: &str| {
            PriceBook::from_tables(&Tables {
                fargate,
                codebuild,
                codebuild_types: shipped.codebuild_types,
                ..Tables::default()
            })
        };
        let less = book(
            &text(shipped.fargate, &fargate, 0),
            &text(shipped.codebuild, &codebuild, fargate.len()),
        ).expect("well-formed");
        let whole = super::book::book();
        let mut missing = 0;
        for os in Os::ALL.iter().copied() {
            for architecture in Architecture::ALL.iter().copied() {
                for option in PurchaseOption::ALL.iter().copied() {
                    let of = |book: &PriceBook| book.fargate("eu-west-1", os, architecture, option).ok().cloned();
                    match (of(&whole), of(&less)) {
                        (before, after) if before == after => {}
                        (Some(_), None) => missing += 1,
                        // Storage has one row for all options: without it only storage is not priced.
                        (Some(mut before), Some(after)) => {
                            before.ephemeral_gib_hour = None;
                            prop_assert_eq!(before, after);
                        }
                        (before, after) => prop_assert!(false, "{before:?} {after:?}"),
                    }
                }
            }
        }
        for kind in whole.codebuild_types() {
            let of = |book: &PriceBook| book.codebuild("eu-west-1", &kind.environment_type, &kind.compute_type).ok().cloned();
            match (of(&whole), of(&less)) {
                (before, after) if before == after => {}
                (Some(_), None) => missing += 1,
                (before, after) => prop_assert!(false, "{before:?} {after:?}"),
            }
        }
        prop_assert!(missing <= 1);
        prop_assert_eq!(less.codebuild_types(), whole.codebuild_types());
    }
}

// ------------------------------------------------------------------------------------------- Showing and comparing

#[test]
fn prices_are_shown_by_region_service_type_and_quality() {
    let rows = |args: &[&str]| -> Vec<Value> {
        let all = [&["prices", "show", "--format", "json"], args].concat();
        let shown = parsed(&plimsoll(&all).exits(0).stdout);
        shown.as_array().expect("a list").clone()
    };
    let found = rows(&[
        "--region",
        "us-east-1",
        "--service",
        "ec2",
        "--type",
        "m8g.large",
    ]);
    let [m8g] = found.as_slice() else {
        panic!("not one row: {found:?}")
    };
    assert_eq!(m8g["amount"], "0.08976");
    assert_eq!(
        (&m8g["quality"], &m8g["is_old"]),
        (&"exact".into(), &false.into())
    );
    let spot = rows(&["--region", "eu-west-1", "--quality", "snapshot"]);
    assert!(!spot.is_empty() && spot.iter().all(|row| row["quality"] == "snapshot"));
    let reserved = rows(&[
        "--region",
        "us-east-1",
        "--service",
        "codebuild",
        "--type",
        "RESERVED_MACOS",
    ]);
    assert_eq!(reserved.len(), 4);
    plimsoll(&[
        "prices",
        "show",
        "--region",
        "us-east-1",
        "--type",
        "z99.huge",
    ])
    .exits(6)
    .says(&["no such price"]);
    plimsoll(&["prices", "show", "--region", "us-gov-eats-1"])
        .exits(6)
        .says(&["did you mean us-gov-east-1?"]);
}

#[test]
fn an_old_price_is_said_to_be_old() {
    // Announced in 2024, and nothing newer is known of every region.
    let run = plimsoll(&["prices", "show", "--region", "*", "--type", "public_ipv4"]).exits(0);
    assert!(run.stdout.contains("2024-09, old"), "{}", run.stdout);
}

#[test]
fn what_changed_from_one_book_to_the_next_is_listed_with_its_amount() {
    let world = World::new();
    refreshed(&world);
    let run = world
        .run(&["prices", "diff", "shipped", "new.book", "--format", "csv"])
        .exits(0);
    let line = |start: &str| {
        let found = run.stdout.lines().find(|line| line.starts_with(start));
        found
            .unwrap_or_else(|| panic!("no {start} in\n{}", run.stdout))
            .to_owned()
    };
    // 0.04048 → 0.05 is 23.52 % more; 0.005 → 0.007 is 40 %.
    assert_eq!(
        line("us-east-1,fargate,linux x86_64 on_demand vcpu_hour,"),
        "us-east-1,fargate,linux x86_64 on_demand vcpu_hour,USD per vCPU-hour,0.04048,0.0500000000,+0.00952,+23.52"
    );
    assert!(
        line("us-east-1,codebuild,LINUX_CONTAINER BUILD_GENERAL1_SMALL,").ends_with(",+0.002,+40")
    );
    // Public IPv4 addresses cost the same in both.
    assert!(!run.stdout.contains("us-east-1,other,public_ipv4_hour"));
    world
        .run(&[
            "prices",
            "diff",
            "shipped",
            "new.book",
            "--region",
            "us-east-1",
        ])
        .exits(0)
        .says(&["the same.", "Only in the old book: af-south-1, "]);
    world
        .run(&["prices", "diff", "new.book", "new.book"])
        .exits(0)
        .says(&["0 changed, "]);
    world
        .run(&["prices", "diff", "none.book", "shipped"])
        .exits(2)
        .says(&["none.book"]);
}

#[test]
fn compare_takes_its_region_from_the_environment() {
    let mut command = crate::support::command(&[
        "compare",
        "--vcpu",
        "1",
        "--memory",
        "2GiB",
        "--duration",
        "1h",
        "--runs-per-day",
        "1",
        "--format",
        "json",
    ]);
    let run = crate::support::Run::of(
        &command
            .env("AWS_REGION", "ca-west-1")
            .output()
            .expect("the binary runs"),
    )
    .exits(0);
    assert_eq!(parsed(&run.stdout)["inputs"]["region"], "ca-west-1");
}

#[test]
fn every_row_of_the_book_has_a_source_and_a_known_quality() {
    let book = book();
    let is_whole = |row: &PriceRow| !row.source.is_empty() && !row.amount.is_empty();
    assert!(book.rows().all(is_whole));
    assert!(book.rows().count() > 22_000);
}
