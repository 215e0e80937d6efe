//! Bills: published examples, real bill lines and a plain reference, to the last printed digit.

use std::sync::LazyLock;

use plimsoll::model::units::{MS_PER_HOUR, TaskSize, Usd};
use plimsoll::model::workload::{Architecture, Os, PurchaseOption};
use plimsoll::pricing::metering::{
    codebuild_cost, codebuild_free_value, ec2_instance_cost, fargate_cost,
};
use plimsoll::pricing::{
    CodebuildPrice, CodebuildUnit, FargatePrices, InstanceType, Metering, Price, PriceBook,
    PriceUnit, Quality,
};
use proptest::prelude::*;
use rust_decimal::{Decimal, RoundingStrategy};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::reference;

static BOOK: LazyLock<PriceBook> =
    LazyLock::new(|| PriceBook::embedded().expect("the embedded tables parse"));

fn cases<T: DeserializeOwned>(text: &str) -> Vec<T> {
    let cases: Vec<T> = csv::Reader::from_reader(text.as_bytes())
        .deserialize()
        .map(|case| case.expect("a well-formed case"))
        .collect();
    assert!(!cases.is_empty());
    cases
}

fn decimal(text: &str) -> Decimal {
    Decimal::from_str_exact(text).expect("a decimal")
}

fn price(usd: &str, unit: PriceUnit) -> Price {
    Price {
        usd: decimal(usd),
        unit,
        as_of: None,
        quality: Quality::Exact,
        source: "a case".into(),
    }
}

/// `amount` with as many decimals as `expected` prints.
fn printed(amount: Decimal, expected: &str) -> String {
    let decimals = decimal(expected).scale();
    let mut rounded =
        amount.round_dp_with_strategy(decimals, RoundingStrategy::MidpointAwayFromZero);
    rounded.rescale(decimals);
    rounded.to_string()
}

#[track_caller]
fn assert_printed(case: &str, amount: Decimal, expected: &str) {
    assert_eq!(printed(amount, expected), expected, "{case}: {amount}");
}

#[derive(Deserialize)]
struct FargateCase {
    name: String,
    region: String,
    os: Os,
    architecture: Architecture,
    purchase_option: PurchaseOption,
    cpu_units: u32,
    memory_mib: u32,
    ephemeral_gib: Option<u32>,
    runs: i64,
    elapsed_ms: i64,
    vcpu_hour: String,
    gib_hour: String,
    ephemeral_gib_hour: String,
    os_license_vcpu_hour: String,
    expected_usd: String,
}

impl FargateCase {
    /// The case's own prices where it carries some, else the book's.
    fn prices(&self) -> FargatePrices {
        if self.vcpu_hour.is_empty() {
            return BOOK
                .fargate(
                    &self.region,
                    self.os,
                    self.architecture,
                    self.purchase_option,
                )
                .expect("priced")
                .clone();
        }
        let optional = |text: &String, unit| (!text.is_empty()).then(|| price(text, unit));
        FargatePrices {
            region: self.region.clone(),
            os: self.os,
            architecture: self.architecture,
            purchase_option: self.purchase_option,
            vcpu_hour: price(&self.vcpu_hour, PriceUnit::VcpuHour),
            gib_hour: price(&self.gib_hour, PriceUnit::GibHour),
            ephemeral_gib_hour: optional(&self.ephemeral_gib_hour, PriceUnit::GibHour),
            os_license_vcpu_hour: optional(&self.os_license_vcpu_hour, PriceUnit::VcpuHour),
        }
    }

    fn cost(&self, prices: &FargatePrices) -> Decimal {
        let metered_ms = self.runs * Metering::fargate(self.os).billed_ms(self.elapsed_ms);
        let size = TaskSize::new(self.cpu_units, self.memory_mib);
        fargate_cost(prices, size, self.ephemeral_gib, metered_ms)
            .expect("priced")
            .amount()
    }
}

fn fargate_cases() -> Vec<FargateCase> {
    cases(include_str!("../cases/billing/fargate.csv"))
}

#[test]
fn fargate_costs_what_published_figures_say() {
    for case in fargate_cases() {
        assert_printed(&case.name, case.cost(&case.prices()), &case.expected_usd);
    }
}

/// `prices` with every component but one at zero.
fn only(prices: &FargatePrices, component: &str) -> FargatePrices {
    let keep = |name: &str, price: &Price| {
        let mut price = price.clone();
        if component != name && component != "total" {
            price.usd = Decimal::ZERO;
        }
        price
    };
    FargatePrices {
        vcpu_hour: keep("vcpu", &prices.vcpu_hour),
        gib_hour: keep("memory", &prices.gib_hour),
        ephemeral_gib_hour: prices
            .ephemeral_gib_hour
            .as_ref()
            .map(|price| keep("storage", price)),
        os_license_vcpu_hour: prices
            .os_license_vcpu_hour
            .as_ref()
            .map(|price| keep("license", price)),
        ..prices.clone()
    }
}

#[test]
fn fargate_components_are_within_cents_of_the_rounded_print() {
    #[derive(Deserialize)]
    struct Print {
        case: String,
        component: String,
        printed_usd: String,
        tolerance_cents: i64,
    }
    let fargate = fargate_cases();
    for print in cases::<Print>(include_str!("../cases/billing/fargate_printed.csv")) {
        let case = fargate
            .iter()
            .find(|case| case.name == print.case)
            .expect("a known case");
        let cost = case.cost(&only(&case.prices(), &print.component));
        let off = (cost - decimal(&print.printed_usd)).abs();
        assert!(
            off <= Decimal::new(print.tolerance_cents, 2),
            "{} {}: {cost}",
            print.case,
            print.component
        );
    }
}

#[test]
fn resizing_saves_what_compute_optimizer_says() {
    #[derive(Deserialize)]
    struct Saving {
        name: String,
        from_cpu_units: u32,
        from_memory_mib: u32,
        to_cpu_units: u32,
        to_memory_mib: u32,
        task_hours: i64,
        expected_usd: String,
    }
    let prices = BOOK
        .fargate(
            "us-east-1",
            Os::Linux,
            Architecture::X86_64,
            PurchaseOption::OnDemand,
        )
        .expect("priced");
    for case in cases::<Saving>(include_str!("../cases/billing/fargate_savings.csv")) {
        let cost =
            |size| fargate_cost(prices, size, None, case.task_hours * MS_PER_HOUR).expect("priced");
        let from = TaskSize::new(case.from_cpu_units, case.from_memory_mib);
        let to = TaskSize::new(case.to_cpu_units, case.to_memory_mib);
        assert_printed(
            &case.name,
            (cost(from) - cost(to)).amount(),
            &case.expected_usd,
        );
    }
}

#[test]
fn runs_are_metered_as_documented() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        rule: String,
        elapsed_ms: i64,
        expected_ms: i64,
    }
    for case in cases::<Case>(include_str!("../cases/billing/metering.csv")) {
        let (rule, _) = RULES
            .iter()
            .find(|(_, name)| *name == case.rule)
            .expect("a known rule");
        assert_eq!(
            rule.billed_ms(case.elapsed_ms),
            case.expected_ms,
            "{}",
            case.name
        );
    }
}

#[test]
fn builds_cost_what_published_figures_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        region: String,
        environment_type: String,
        compute_type: String,
        builds: i64,
        elapsed_ms: i64,
        free_minutes: Option<i64>,
        usd: String,
        unit: String,
        expected_usd: String,
    }
    for case in cases::<Case>(include_str!("../cases/billing/codebuild.csv")) {
        let price = if case.usd.is_empty() {
            BOOK.codebuild(&case.region, &case.environment_type, &case.compute_type)
                .expect("priced")
                .clone()
        } else {
            CodebuildPrice {
                region: case.region,
                environment_type: case.environment_type,
                compute_type: case.compute_type,
                usd: decimal(&case.usd),
                unit: if case.unit == "minute" {
                    CodebuildUnit::Minute
                } else {
                    CodebuildUnit::Second
                },
                as_of: None,
                quality: Quality::Exact,
                source: "a case".into(),
            }
        };
        let metered_ms = case.builds * price.unit.metering().billed_ms(case.elapsed_ms);
        let free = codebuild_free_value(
            &[(&price, metered_ms)],
            case.free_minutes.unwrap_or_default() * 60_000,
        );
        assert_printed(
            &case.name,
            (codebuild_cost(&price, metered_ms) - free).amount(),
            &case.expected_usd,
        );
    }
}

#[test]
fn real_bill_lines_are_met_to_the_tenth_decimal() {
    #[derive(Deserialize)]
    struct BillLine {
        name: String,
        component: String,
        architecture: Architecture,
        units: u32,
        elapsed_ms: i64,
        usd_per_hour: String,
        expected_quantity_hours: String,
        expected_usd: String,
    }
    let x86 = BOOK
        .fargate(
            "us-west-2",
            Os::Linux,
            Architecture::X86_64,
            PurchaseOption::OnDemand,
        )
        .expect("priced");
    for line in cases::<BillLine>(include_str!("../cases/billing/focus.csv")) {
        let size = if line.component == "vcpu" {
            TaskSize::new(line.units, 0)
        } else {
            TaskSize::new(0, line.units)
        };
        let mut prices = FargatePrices {
            architecture: line.architecture,
            ..x86.clone()
        };
        if !line.usd_per_hour.is_empty() {
            prices.gib_hour.usd = decimal(&line.usd_per_hour);
        }
        let quantity = Usd::of(
            i128::from(line.units) * i128::from(line.elapsed_ms),
            Decimal::ONE,
            1024 * MS_PER_HOUR,
        );
        assert_printed(&line.name, quantity.amount(), &line.expected_quantity_hours);
        let cost = fargate_cost(&prices, size, None, line.elapsed_ms).expect("priced");
        assert_printed(&line.name, cost.amount(), &line.expected_usd);
    }
}

/// The instance `name` in `region`; for the empty name one that costs nothing, so that only its extras do.
fn instance(region: &str, name: &str) -> InstanceType {
    let priced = [Architecture::X86_64, Architecture::Arm64]
        .into_iter()
        .flat_map(|architecture| BOOK.instance_types(region, architecture).expect("priced"));
    match name {
        "" => InstanceType {
            usd_per_hour: Decimal::ZERO,
            ..priced.into_iter().next().expect("an instance").clone()
        },
        name => priced
            .into_iter()
            .find(|instance| instance.name == name)
            .expect("a known instance")
            .clone(),
    }
}

#[test]
fn instances_cost_what_published_figures_say() {
    #[derive(Deserialize)]
    struct Case {
        name: String,
        region: String,
        instance_type: String,
        instances: i64,
        elapsed_ms: i64,
        root_gib: u32,
        public_ipv4: String,
        expected_usd: String,
    }
    for case in cases::<Case>(include_str!("../cases/billing/ec2.csv")) {
        let instance = instance(&case.region, &case.instance_type);
        let gp3 = BOOK.root_volume_gib_month(&case.region).expect("priced");
        let address = (case.public_ipv4 == "yes")
            .then(|| BOOK.public_ipv4_hour(&case.region).expect("priced"));
        let metered_ms = case.instances * Metering::EC2.billed_ms(case.elapsed_ms);
        let cost = ec2_instance_cost(&instance, case.root_gib, gp3, address, metered_ms);
        assert_printed(&case.name, cost.amount(), &case.expected_usd);
    }
}

#[test]
fn hosts_break_even_with_fargate_where_computed_by_hand() {
    #[derive(Deserialize)]
    struct Case {
        instance_type: String,
        bare_percent: String,
        with_root_percent: String,
    }
    let gp3 = BOOK.root_volume_gib_month("us-east-1").expect("priced");
    for case in cases::<Case>(include_str!("../cases/billing/break_even.csv")) {
        let host = instance("us-east-1", &case.instance_type);
        let arm = BOOK
            .instance_types("us-east-1", Architecture::Arm64)
            .expect("priced")
            .contains(&host);
        let architecture = if arm {
            Architecture::Arm64
        } else {
            Architecture::X86_64
        };
        let prices = BOOK
            .fargate(
                "us-east-1",
                Os::Linux,
                architecture,
                PurchaseOption::OnDemand,
            )
            .expect("priced");
        let fargate = fargate_cost(
            prices,
            TaskSize::new(host.cpu_units, host.memory_mib),
            None,
            MS_PER_HOUR,
        )
        .expect("priced");
        let percent = |root_gib| {
            ec2_instance_cost(&host, root_gib, gp3, None, MS_PER_HOUR).amount()
                * Decimal::ONE_HUNDRED
                / fargate.amount()
        };
        assert_printed(&case.instance_type, percent(0), &case.bare_percent);
        assert_printed(&case.instance_type, percent(30), &case.with_root_percent);
    }
}

const RULES: [(Metering, &str); 5] = [
    (Metering::FARGATE_LINUX, "fargate_linux"),
    (Metering::FARGATE_WINDOWS, "fargate_windows"),
    (Metering::CODEBUILD, "codebuild"),
    (Metering::CODEBUILD_LAMBDA, "codebuild_lambda"),
    (Metering::EC2, "ec2"),
];

fn placement() -> impl Strategy<Value = FargatePrices> {
    let known = [
        (Os::Linux, Architecture::X86_64, PurchaseOption::OnDemand),
        (Os::Linux, Architecture::Arm64, PurchaseOption::OnDemand),
        (Os::Linux, Architecture::Arm64, PurchaseOption::Spot),
        (
            Os::Linux,
            Architecture::X86_64,
            PurchaseOption::SavingsPlan3yrNoUpfront,
        ),
        (Os::Windows, Architecture::X86_64, PurchaseOption::OnDemand),
    ];
    let prices = known.map(|(os, arch, option)| {
        BOOK.fargate("us-east-1", os, arch, option)
            .expect("priced")
            .clone()
    });
    prop::sample::select(prices.to_vec())
}

proptest! {
    #[test]
    fn every_rule_meters_like_the_reference(elapsed_ms in -10_000_i64..10_000_000) {
        prop_assert_eq!(Metering::FARGATE_LINUX.billed_ms(elapsed_ms), reference::billed_seconds(elapsed_ms, 60) * 1_000);
        prop_assert_eq!(Metering::FARGATE_WINDOWS.billed_ms(elapsed_ms), reference::billed_seconds(elapsed_ms, 300) * 1_000);
        prop_assert_eq!(Metering::CODEBUILD_LAMBDA.billed_ms(elapsed_ms), reference::billed_seconds(elapsed_ms, 1) * 1_000);
        prop_assert_eq!(Metering::EC2.billed_ms(elapsed_ms), reference::billed_seconds(elapsed_ms, 60) * 1_000);
        prop_assert_eq!(Metering::CODEBUILD.billed_ms(elapsed_ms), reference::billed_minutes(elapsed_ms) * 60_000);
    }

    #[test]
    fn every_rule_meters_like_the_reference_next_to_a_step(steps in 0_i64..1_000, off_ms in -2_i64..=2) {
        let (second, minute) = (steps * 1_000 + off_ms, steps * 60_000 + off_ms);
        prop_assert_eq!(Metering::FARGATE_LINUX.billed_ms(second), reference::billed_seconds(second, 60) * 1_000);
        prop_assert_eq!(Metering::FARGATE_WINDOWS.billed_ms(second), reference::billed_seconds(second, 300) * 1_000);
        prop_assert_eq!(Metering::CODEBUILD_LAMBDA.billed_ms(second), reference::billed_seconds(second, 1) * 1_000);
        prop_assert_eq!(Metering::CODEBUILD.billed_ms(minute), reference::billed_minutes(minute) * 60_000);
    }

    #[test]
    fn a_longer_run_is_never_billed_less(shorter in any::<i64>(), longer in any::<i64>()) {
        let (shorter, longer) = (shorter.min(longer), shorter.max(longer));
        for (rule, _) in RULES {
            prop_assert!(rule.billed_ms(shorter) <= rule.billed_ms(longer));
            prop_assert!(rule.billed_ms(longer) >= longer.min(i64::MAX - 1));
        }
    }

    #[test]
    fn fargate_costs_like_the_reference(
        prices in placement(),
        quarters in 1_u32..=128,
        half_gibs in 1_u32..=488,
        ephemeral_gib in 20_u32..=200,
        elapsed_ms in 0_i64..400_000,
    ) {
        let ephemeral_gib = if prices.ephemeral_gib_hour.is_some() { ephemeral_gib } else { 20 };
        let size = TaskSize::new(quarters * 256, half_gibs * 512);
        let rule = Metering::fargate(prices.os);
        let fast = fargate_cost(&prices, size, Some(ephemeral_gib), rule.billed_ms(elapsed_ms)).expect("priced").amount();
        let seconds = reference::billed_seconds(elapsed_ms, rule.floor_ms() / 1_000);
        let slow = reference::fargate_usd(&prices, size, ephemeral_gib, seconds);
        prop_assert_eq!(fast.round_dp(20), slow.round_dp(20));
    }

    #[test]
    fn a_larger_task_is_never_cheaper(
        prices in placement(),
        cpu_units in 0_u32..32_768,
        memory_mib in 0_u32..249_856,
        more in (0_u32..4_096, 0_u32..16_384),
        metered_ms in any::<i64>(),
    ) {
        let cost = |size| fargate_cost(&prices, size, None, metered_ms).expect("priced");
        let small = cost(TaskSize::new(cpu_units, memory_mib));
        prop_assert!(small >= Usd::ZERO);
        prop_assert!(cost(TaskSize::new(cpu_units + more.0, memory_mib + more.1)) >= small);
    }

    #[test]
    fn builds_and_instances_never_cost_less_than_nothing(metered_ms in any::<i64>(), free_ms in any::<i64>()) {
            let price = BOOK.codebuild("us-east-1", "LINUX_CONTAINER", "BUILD_GENERAL1_SMALL").expect("priced");
        let build = codebuild_cost(price, metered_ms);
        prop_assert!(build >= Usd::ZERO);
        prop_assert!(codebuild_free_value(&[(price, metered_ms)], free_ms) <= build);
        let host = instance("us-east-1", "m5.large");
        prop_assert!(ec2_instance_cost(&host, 30, price.usd, None, metered_ms) >= Usd::ZERO);
    }
}
