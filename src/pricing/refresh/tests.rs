use serde_json::{Value, json};

use super::*;
use crate::model::error::ErrorKind;
use crate::model::workload::{Architecture, Os, PurchaseOption};
use crate::pricing::PriceBook;

const SKU: &str = "SKU0000000000001";

fn at(day: &str) -> jiff::Timestamp {
    format!("{day}T12:00:00Z").parse().expect("a time")
}

/// A term in force from `from`, with the tiers (`from`, `unit`, currency, amount).
fn term(from: &str, tiers: &[(&str, &str, &str, &str)]) -> Value {
    let tier = |(at, (begin, unit, currency, amount)): (usize, &(&str, &str, &str, &str))| {
        let tier = json!({ "unit": unit, "beginRange": begin, "endRange": "Inf", "pricePerUnit": { *currency: amount } });
        (format!("{SKU}.JRTCKXETXF.{at}"), tier)
    };
    json!({
        "effectiveDate": format!("{from}T00:00:00Z"),
        "priceDimensions": tiers.iter().enumerate().map(tier).collect::<serde_json::Map<_, _>>(),
    })
}

/// A product of us-east-1.
fn product(sku: &str, attributes: &Value, terms: &[Value]) -> String {
    let terms: serde_json::Map<_, _> = terms
        .iter()
        .enumerate()
        .map(|(at, term)| (format!("{sku}.{at}"), term.clone()))
        .collect();
    let mut product = json!({
        "product": { "sku": sku, "attributes": { "regionCode": "us-east-1", "locationType": "AWS Region" } },
        "terms": { "OnDemand": terms, "Reserved": { "other": { "shape": true } } },
        "publicationDate": "2026-11-20T10:11:12Z",
    });
    for (name, value) in attributes.as_object().expect("attributes") {
        product["product"]["attributes"][name] = value.clone();
    }
    product.to_string()
}

fn fargate(sku: &str, usage: &str, terms: &[Value]) -> String {
    let arm = usage.contains("ARM").then_some("ARM");
    let windows = usage.contains("Windows").then_some("Windows");
    let mut attributes = json!({ "usagetype": usage });
    if let Some(arm) = arm {
        attributes["cpuArchitecture"] = arm.into();
    }
    if let Some(windows) = windows {
        attributes["operatingSystem"] = windows.into();
    }
    product(sku, &attributes, terms)
}

fn hourly(usd: &str) -> Value {
    term("2026-07-01", &[("0", "hours", "USD", usd)])
}

fn found(answers: &Answers) -> Result<Found> {
    read(
        "us-east-1",
        answers,
        &Wanted::embedded(false, false)?,
        at("2026-11-23"),
    )
}

fn ecs(products: &[String]) -> Found {
    found(&Answers {
        ecs: products.to_vec(),
        ..Answers::default()
    })
    .expect("readable")
}

/// The reason why the only product of `terms` was left out.
fn reason(terms: &[Value]) -> String {
    let found = ecs(&[fargate(SKU, "USE1-Fargate-vCPU-Hours:perCPU", terms)]);
    assert_eq!(
        (found.count(Service::Fargate), found.left_out.len()),
        (0, 1)
    );
    assert!(found.is_incomplete());
    let left_out = found.left_out.first().expect("one");
    assert_eq!(
        left_out.name,
        format!("{SKU} (Fargate linux x86_64 on_demand vcpu_hour)")
    );
    left_out.reason.clone()
}

fn book(found: &Found) -> PriceBook {
    let texts = tables(std::slice::from_ref(found)).expect("writable");
    PriceBook::from_tables(&texts.tables()).expect("a book")
}

fn vcpu_hour(terms: &[Value]) -> String {
    let gib = fargate("GIB", "USE1-Fargate-GB-Hours", &[hourly("0.004")]);
    let found = ecs(&[fargate(SKU, "USE1-Fargate-vCPU-Hours:perCPU", terms), gib]);
    let book = book(&found);
    let prices = book
        .fargate(
            "us-east-1",
            Os::Linux,
            Architecture::X86_64,
            PurchaseOption::OnDemand,
        )
        .expect("priced");
    prices.vcpu_hour.usd.normalize().to_string()
}

#[test]
fn a_price_is_kept_as_published_and_dated_by_its_list() {
    let found = ecs(&[fargate(
        SKU,
        "USE1-Fargate-GB-Hours",
        &[hourly("0.0044450000")],
    )]);
    let book = book(&found);
    let row = book
        .rows()
        .find(|row| row.region == "us-east-1")
        .expect("a row");
    assert_eq!(
        (row.amount.as_str(), row.as_of.as_deref()),
        ("0.0044450000", Some("2026-11-20"))
    );
    assert_eq!(
        (row.source.as_str(), row.quality),
        ("AWS price list", "exact")
    );
}

#[test]
fn of_several_terms_the_one_in_force_now_counts() {
    let old = term("2020-01-01", &[("0", "hours", "USD", "0.06")]);
    let next = term("2099-01-01", &[("0", "hours", "USD", "0.03")]);
    assert_eq!(
        vcpu_hour(&[next.clone(), hourly("0.05"), old.clone()]),
        "0.05"
    );
    assert_eq!(vcpu_hour(&[next.clone(), old]), "0.06");
    assert_eq!(reason(&[next]), "not in force before 2099-01-01");
    assert_eq!(reason(&[]), "no on-demand price");
    assert_eq!(
        reason(&[hourly("0.05"), hourly("0.04")]),
        "2 prices in force since 2026-07-01"
    );
}

#[test]
fn tiers_are_taken_only_where_the_first_is_the_only_paid_one() {
    let tiers = |first, second| {
        [term(
            "2026-07-01",
            &[
                ("0", "hours", "USD", first),
                ("2200", "hours", "USD", second),
            ],
        )]
    };
    assert_eq!(vcpu_hour(&tiers("0.05", "0.0000000000")), "0.05");
    assert_eq!(
        reason(&tiers("0.0000000000", "0.01025")),
        "price of 2 tiers"
    );
    assert_eq!(reason(&tiers("0.05", "0.04")), "price of 2 tiers");
    assert_eq!(reason(&tiers("0", "0")), "free of charge");
    assert_eq!(
        reason(&[term("2026-07-01", &[("100", "hours", "USD", "1")])]),
        "charged from 100 units on"
    );
}

#[test]
fn a_price_that_cannot_be_taken_is_left_out_with_the_reason() {
    let price =
        |unit, currency, amount| reason(&[term("2026-07-01", &[("0", unit, currency, amount)])]);
    assert_eq!(price("hours", "CNY", "0.3"), "price in CNY, not in USD");
    assert_eq!(
        price("seconds", "USD", "0.3"),
        "unit `seconds`, not `hours` or `Hrs` or `vCPU-Hours`"
    );
    for amount in [
        "",
        "-1",
        "free",
        "1e-3",
        "NaN",
        "0.00000000000000000000000000000001",
    ] {
        assert_eq!(
            price("hours", "USD", amount),
            format!("`{amount}` is no price")
        );
    }
}

#[test]
fn usage_types_are_matched_whole() {
    let usages = [
        "EU-SpotUsage-Fargate-GB-Hours",
        "USE1-Fargate-GB-Hours-Extra",
        "USE1-ECS-EC2-GB-Hours",
        "XFargate-GB-Hours",
        "USE1-ECS-Managed-Instances:c5.large",
    ];
    let found = ecs(&usages.map(|usage| fargate(usage, usage, &[hourly("1")])));
    assert_eq!(
        (
            found.count(Service::Fargate),
            found.unused,
            found.left_out.len()
        ),
        (0, 5, 0)
    );
    let found = ecs(&[fargate(SKU, "Fargate-GB-Hours", &[hourly("1")])]);
    assert_eq!(found.count(Service::Fargate), 1);
}

#[test]
fn attributes_that_contradict_the_usage_type_are_no_price() {
    let attributes = json!({ "usagetype": "USE1-Fargate-GB-Hours", "cpuArchitecture": "ARM" });
    let found = ecs(&[product(SKU, &attributes, &[hourly("1")])]);
    let reasons: Vec<&str> = found
        .left_out
        .iter()
        .map(|left_out| left_out.reason.as_str())
        .collect();
    assert_eq!(
        reasons,
        ["attributes contradict the usage type `USE1-Fargate-GB-Hours`"]
    );
}

#[test]
fn fargate_is_told_by_system_architecture_and_component() {
    let usages = [
        ("USE1-Fargate-vCPU-Hours:perCPU", "0.1"),
        ("USE1-Fargate-GB-Hours", "0.2"),
        ("USE1-Fargate-ARM-vCPU-Hours:perCPU", "0.3"),
        ("USE1-Fargate-ARM-GB-Hours", "0.4"),
        ("USE1-Fargate-Windows-vCPU-Hours:perCPU", "0.5"),
        ("USE1-Fargate-Windows-GB-Hours", "0.6"),
        ("USE1-Fargate-Windows-OS-Hours:perCPU", "0.7"),
    ];
    let mut products: Vec<String> = usages
        .iter()
        .map(|(usage, usd)| fargate(usage, usage, &[hourly(usd)]))
        .collect();
    let storage = [term("2026-07-01", &[("0", "GB-Hours", "USD", "0.0001")])];
    products.push(fargate(
        "EPH",
        "USE1-Fargate-EphemeralStorage-GB-Hours",
        &storage,
    ));
    let found = ecs(&products);
    assert!(found.missing(Service::Fargate).is_empty());
    let book = book(&found);
    let prices = |os, architecture| {
        let prices = book
            .fargate("us-east-1", os, architecture, PurchaseOption::OnDemand)
            .expect("priced");
        [
            Some(&prices.vcpu_hour),
            Some(&prices.gib_hour),
            prices.ephemeral_gib_hour.as_ref(),
            prices.os_license_vcpu_hour.as_ref(),
        ]
        .map(|price| price.map_or_else(String::new, |price| price.usd.to_string()))
    };
    assert_eq!(
        prices(Os::Linux, Architecture::X86_64),
        ["0.1", "0.2", "0.0001", ""]
    );
    assert_eq!(
        prices(Os::Linux, Architecture::Arm64),
        ["0.3", "0.4", "0.0001", ""]
    );
    assert_eq!(
        prices(Os::Windows, Architecture::X86_64),
        ["0.5", "0.6", "", "0.7"]
    );
}

fn codebuild(
    family: &str,
    compute_type: &str,
    system: &str,
    usage: &str,
    unit: &str,
    usd: &str,
) -> String {
    let attributes = json!({
        "computeFamily": family, "computeType": compute_type, "operatingSystem": system, "usagetype": usage,
    });
    product(
        &format!("{family} {compute_type} {system}"),
        &attributes,
        &[term("2026-07-01", &[("0", unit, "USD", usd)])],
    )
}

#[test]
fn codebuild_types_get_awss_spelling() {
    let on_demand = "OnDemand-EC2";
    let products = vec![
        codebuild(
            on_demand,
            "general1.small",
            "Linux",
            "USE1-Build-Min:Linux:g1.small",
            "minutes",
            "0.005",
        ),
        codebuild(
            on_demand,
            "arm1.2xlarge",
            "Linux",
            "USE1-Build-Min:ARM:g1.2xlarge",
            "minutes",
            "0.09",
        ),
        codebuild(
            on_demand,
            "gpu1.large",
            "Linux",
            "USE1-Build-Min:LinuxGPU:g1.large",
            "minutes",
            "0.65",
        ),
        codebuild(
            on_demand,
            "general1.medium",
            "Windows",
            "USE1-Build-Min:Windows:g1.medium",
            "minutes",
            "0.018",
        ),
        codebuild(
            "OnDemand-Lambda",
            "lambda.arm.4GB",
            "Linux",
            "USE1-Build-Sec:Linux:Lambda:arm.4GB",
            "Second",
            "0.00004",
        ),
        codebuild(
            "OnDemand-Lambda",
            "lambda.x86-64.2GB",
            "Any",
            "USE1-Build-Sec:Linux:Lambda:x86-64.2GB",
            "Second",
            "0.00004",
        ),
    ];
    let found = found(&Answers {
        codebuild: products,
        ..Answers::default()
    })
    .expect("readable");
    assert_eq!(
        (
            found.count(Service::Codebuild),
            found.unused,
            found.left_out.len()
        ),
        (7, 0, 0)
    );
    let book = book(&found);
    let usd = |environment: &str, compute: &str| {
        book.codebuild("us-east-1", environment, compute)
            .map(|price| price.usd.to_string())
            .unwrap_or_default()
    };
    assert_eq!(usd("LINUX_CONTAINER", "BUILD_GENERAL1_SMALL"), "0.005");
    assert_eq!(usd("ARM_CONTAINER", "BUILD_GENERAL1_2XLARGE"), "0.09");
    assert_eq!(usd("LINUX_GPU_CONTAINER", "BUILD_GENERAL1_LARGE"), "0.65");
    assert_eq!(
        usd("WINDOWS_SERVER_2019_CONTAINER", "BUILD_GENERAL1_MEDIUM"),
        "0.018"
    );
    assert_eq!(
        usd("WINDOWS_SERVER_2022_CONTAINER", "BUILD_GENERAL1_MEDIUM"),
        "0.018"
    );
    assert_eq!(usd("ARM_LAMBDA_CONTAINER", "BUILD_LAMBDA_4GB"), "0.00004");
    assert_eq!(usd("LINUX_LAMBDA_CONTAINER", "BUILD_LAMBDA_2GB"), "0.00004");
}

#[test]
fn what_codebuild_sells_beside_builds_is_counted_not_guessed() {
    let min = "USE1-Build-Min:Linux:g1.small";
    let products = vec![
        codebuild(
            "Reserved-EC2",
            "general1.small",
            "Linux",
            "USE1-Build-Min:Linux:Reserved:t4g.medium",
            "minutes",
            "0.001",
        ),
        codebuild(
            "OnDemand-Docker",
            "general1.small",
            "Linux",
            min,
            "minutes",
            "0.001",
        ),
        codebuild(
            "OnDemand-EC2",
            "mac1.small",
            "macOS",
            "USE1-Build-Min:macOS",
            "minutes",
            "0.001",
        ),
        codebuild(
            "OnDemand-EC2",
            "general1.8xlarge",
            "Linux",
            "USE1-Build-Min:Linux:g1.8xlarge",
            "minutes",
            "0.001",
        ),
        codebuild(
            "OnDemand-Lambda",
            "lambda.riscv.4GB",
            "Linux",
            "USE1-Build-Sec:Linux:Lambda:riscv.4GB",
            "Second",
            "0.1",
        ),
    ];
    let found = found(&Answers {
        codebuild: products,
        ..Answers::default()
    })
    .expect("readable");
    assert_eq!(
        (
            found.count(Service::Codebuild),
            found.unused,
            found.left_out.len()
        ),
        (0, 5, 0)
    );
}

#[test]
fn a_build_price_of_the_wrong_kind_is_left_out() {
    let wrong = codebuild(
        "OnDemand-EC2",
        "general1.small",
        "Linux",
        "USE1-Build-Sec:Linux:Lambda:arm.4GB",
        "minutes",
        "1",
    );
    let found = found(&Answers {
        codebuild: vec![wrong],
        ..Answers::default()
    })
    .expect("readable");
    let left_out = found.left_out.first().expect("one");
    assert!(
        left_out
            .reason
            .starts_with("compute type `general1.small` contradicts the usage type"),
        "{}",
        left_out.reason
    );
}

fn instance(sku: &str, change: &[(&str, &str)]) -> String {
    let mut attributes = json!({ "instanceType": "m5.large", "usagetype": "BoxUsage:m5.large" });
    for (name, value) in ec2::INSTANCES.iter().chain(change) {
        attributes[*name] = (*value).into();
    }
    product(
        sku,
        &attributes,
        &[term("2026-07-01", &[("0", "Hrs", "USD", "0.0960000000")])],
    )
}

#[test]
fn only_the_plain_linux_instance_is_a_price() {
    let others = [
        ("operatingSystem", "RHEL"),
        ("tenancy", "Dedicated"),
        ("preInstalledSw", "SQL Std"),
        ("capacitystatus", "UnusedCapacityReservation"),
        ("operation", "RunInstances:CB"),
        ("licenseModel", "Bring your own license"),
        ("instanceType", "x9.huge"),
        ("regionCode", "us-west-2"),
        ("locationType", "AWS Local Zone"),
    ];
    let mut products: Vec<String> = others
        .iter()
        .map(|other| instance(other.0, &[*other]))
        .collect();
    products.push(instance("PLAIN", &[]));
    let found = found(&Answers {
        ec2: products,
        ..Answers::default()
    })
    .expect("readable");
    assert_eq!(
        (
            found.count(Service::Ec2),
            found.unused,
            found.left_out.len()
        ),
        (1, 9, 0)
    );
    let book = book(&found);
    let types = book
        .instance_types("us-east-1", Architecture::X86_64)
        .expect("priced");
    assert_eq!(
        types
            .iter()
            .map(|kind| (kind.name.as_str(), kind.usd_per_hour.to_string()))
            .collect::<Vec<_>>(),
        [("m5.large", "0.0960000000".to_owned())]
    );
}

#[test]
fn two_products_for_one_price_are_an_error_that_names_both() {
    let twice = Answers {
        ec2: vec![instance("SKU-B", &[]), instance("SKU-A", &[])],
        ..Answers::default()
    };
    let error = found(&twice).expect_err("ambiguous");
    assert_eq!(error.kind(), ErrorKind::Input);
    assert_eq!(
        error.to_string(),
        "2 products state one price, EC2 m5.large in us-east-1: SKU-A; SKU-B"
    );
    let again = Answers {
        ec2: vec![instance("SKU-A", &[]), instance("SKU-A", &[])],
        ..Answers::default()
    };
    assert_eq!(
        found(&again)
            .expect("the same product twice is one")
            .count(Service::Ec2),
        1
    );
}

#[test]
fn volumes_and_addresses_have_their_own_units() {
    let gp3 = json!({ "usagetype": "EBS:VolumeUsage.gp3", "volumeApiName": "gp3" });
    let address = json!({ "usagetype": "USE1-PublicIPv4:InUseAddress" });
    let idle = json!({ "usagetype": "USE1-PublicIPv4:IdleAddress" });
    let found = found(&Answers {
        ec2: vec![product(
            "GP3",
            &gp3,
            &[term("2026-07-01", &[("0", "GB-Mo", "USD", "0.08")])],
        )],
        vpc: vec![
            product("IP", &address, &[hourly("0.006")]),
            product("IDLE", &idle, &[hourly("0.007")]),
        ],
        ..Answers::default()
    });
    let book = book(&found.expect("readable"));
    assert_eq!(
        book.root_volume_gib_month("us-east-1")
            .expect("priced")
            .to_string(),
        "0.08"
    );
    assert_eq!(
        book.public_ipv4_hour("us-east-1")
            .expect("priced")
            .to_string(),
        "0.006"
    );
    assert_eq!(
        book.public_ipv4_hour("eu-west-1")
            .expect("of every region")
            .to_string(),
        "0.005"
    );
    assert_eq!(
        book.codebuild_free_minutes("us-east-1")
            .expect("of every region"),
        100
    );
}

fn rate(usage: &str, years: i64, payment: &str, usd: &str) -> Rate {
    Rate {
        usage_type: usage.to_owned(),
        rate: usd.to_owned(),
        unit: "Hrs".to_owned(),
        currency: "USD".to_owned(),
        duration_s: years * 31_536_000,
        payment_option: payment.to_owned(),
        ..Rate::default()
    }
}

#[test]
fn savings_plan_rates_become_purchase_options() {
    let vcpu = "USE1-Fargate-vCPU-Hours:perCPU";
    let rates = vec![
        rate(vcpu, 1, "No Upfront", "0.03"),
        rate("USE1-Fargate-GB-Hours", 1, "No Upfront", "0.003"),
        rate(vcpu, 3, "All Upfront", "0.01"),
        rate(vcpu, 1, "Partial Upfront", "0.02"),
        rate(vcpu, 2, "No Upfront", "0.02"),
        rate(
            "USE1-Fargate-EphemeralStorage-GB-Hours",
            1,
            "No Upfront",
            "0.0001",
        ),
        Rate {
            currency: "CNY".to_owned(),
            ..rate("USE1-Fargate-GB-Hours", 3, "No Upfront", "0.02")
        },
        Rate {
            unit: "Requests".to_owned(),
            ..rate("USE1-Fargate-GB-Hours", 3, "All Upfront", "0.02")
        },
    ];
    let answers = Answers {
        rates,
        ..Answers::default()
    };
    let found = read(
        "us-east-1",
        &answers,
        &Wanted::embedded(true, false).expect("parses"),
        at("2026-11-23"),
    )
    .expect("readable");
    assert_eq!(
        (
            found.count(Service::SavingsPlans),
            found.unused,
            found.left_out.len()
        ),
        (3, 3, 2)
    );
    assert_eq!(
        found.missing(Service::SavingsPlans).len(),
        2 * 2 * 4 - 3 - 2,
        "neither found nor left out"
    );
    let option = PurchaseOption::SavingsPlan1yrNoUpfront;
    let book = book(&found);
    let prices = book
        .fargate("us-east-1", Os::Linux, Architecture::X86_64, option)
        .expect("priced");
    assert_eq!(
        (
            prices.vcpu_hour.usd.to_string(),
            prices.gib_hour.usd.to_string()
        ),
        ("0.03".to_owned(), "0.003".to_owned())
    );
    assert_eq!(prices.as_of(), Some("2026-11-23"));
}

#[test]
fn sizes_that_are_not_sold_are_listed_but_a_lost_service_or_half_a_price_is_a_gap() {
    let pair = |sku: &str, infix: &str| {
        [("vCPU-Hours:perCPU", "V"), ("GB-Hours", "G")].map(|(part, end)| {
            fargate(
                &format!("{sku}{end}"),
                &format!("USE1-Fargate-{infix}{part}"),
                &[hourly("0.1")],
            )
        })
    };
    let storage = fargate(
        "E",
        "USE1-Fargate-EphemeralStorage-GB-Hours",
        &[term("2026-07-01", &[("0", "GB-Hours", "USD", "1")])],
    );
    let minute = codebuild(
        "OnDemand-EC2",
        "general1.small",
        "Linux",
        "USE1-Build-Min:Linux:g1.small",
        "minutes",
        "0.005",
    );
    let gp3 = json!({ "usagetype": "EBS:VolumeUsage.gp3", "volumeApiName": "gp3" });
    let gp3 = product(
        "GP3",
        &gp3,
        &[term("2026-07-01", &[("0", "GB-Mo", "USD", "0.08")])],
    );
    let address = product(
        "IP",
        &json!({ "usagetype": "USE1-PublicIPv4:InUseAddress" }),
        &[hourly("0.005")],
    );
    let whole = Answers {
        ecs: [pair("X", ""), pair("A", "ARM-")]
            .concat()
            .into_iter()
            .chain([storage])
            .collect(),
        codebuild: vec![minute],
        ec2: vec![instance("I", &[]), gp3],
        vpc: vec![address],
        ..Answers::default()
    };
    let found_in = |answers: &Answers| found(answers).expect("readable");
    assert!(!found_in(&whole).is_incomplete());
    assert_eq!(
        found_in(&whole).missing(Service::Fargate).len(),
        3,
        "Windows"
    );
    assert!(
        found_in(&Answers {
            codebuild: Vec::new(),
            ..whole.clone()
        })
        .is_incomplete()
    );
    let half = Answers {
        ecs: whole.ecs[..3].to_vec(),
        ..whole.clone()
    };
    assert!(found_in(&half).is_incomplete());
    assert!(
        found(&Answers {
            ecs: vec!["{}".to_owned()],
            ..whole
        })
        .is_err()
    );
}

#[test]
fn a_product_in_another_shape_is_an_error() {
    let good = fargate(SKU, "USE1-Fargate-GB-Hours", &[hourly("1")]);
    for bad in [
        "",
        "[]",
        "{\"product\":",
        &good.replace("2026-11-20T10", "yesterday"),
        &good.replace("2026-07-01", "07/01/2026"),
    ] {
        let error = found(&Answers {
            ecs: vec![bad.to_owned()],
            ..Answers::default()
        })
        .expect_err("not AWS's shape");
        assert_eq!(error.kind(), ErrorKind::Input, "{bad}");
    }
}

#[test]
fn the_endpoint_is_the_nearest_of_the_partition() {
    let near = [
        ("us-west-2", "us-east-1"),
        ("us-gov-west-1", "us-east-1"),
        ("sa-east-1", "us-east-1"),
        ("eu-north-1", "eu-central-1"),
        ("me-south-1", "eu-central-1"),
        ("ap-southeast-2", "ap-south-1"),
        ("cn-north-1", "cn-northwest-1"),
        ("eusc-de-east-1", "eusc-de-east-1"),
    ];
    for (region, at) in near {
        assert_eq!(endpoint(region), at, "{region}");
    }
}
