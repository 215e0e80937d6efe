//! How AWS meters running time, each rule once and as data, and what metered time costs.
//!
//! A run's elapsed milliseconds become billed milliseconds by [`Metering::billed_ms`]; billed milliseconds are
//! summed over runs as integers; the sum becomes money here, once.
//!
//! Sources: AWS Fargate, AWS CodeBuild and Amazon EC2 pricing pages and API references, read 2026-11.

use std::ops::AddAssign;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};
use rust_decimal::Decimal;

use super::not_priced::NotPriced;
use super::offers::{CodebuildPrice, CodebuildUnit, FargatePrices, InstanceType};
use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR, TaskSize, Usd, Window};
use crate::model::workload::Os;

const SECOND_MS: i64 = 1_000;
const MINUTE_MS: i64 = 60 * SECOND_MS;
/// CPU units × milliseconds in one vCPU-hour, and MiB × milliseconds in one GiB-hour.
const UNIT_HOUR: i64 = 1024 * MS_PER_HOUR;

/// Ephemeral storage that comes with every Fargate task, GiB.
/// Source: AWS Fargate pricing page, read 2026-11.
pub const INCLUDED_EPHEMERAL_GIB: u32 = 20;

/// A metering rule: elapsed time is rounded up to whole steps and billed at least as the floor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metering {
    floor_ms: i64,
    step_ms: i64,
}

impl Metering {
    /// Fargate Linux: whole seconds from the image pull to the end of the task, at least one minute.
    pub const FARGATE_LINUX: Self = Self::new(MINUTE_MS, SECOND_MS);
    /// Fargate Windows: whole seconds, at least five minutes.
    pub const FARGATE_WINDOWS: Self = Self::new(5 * MINUTE_MS, SECOND_MS);
    /// CodeBuild on EC2 compute: whole minutes.
    pub const CODEBUILD: Self = Self::new(MINUTE_MS, MINUTE_MS);
    /// CodeBuild on Lambda compute: whole seconds.
    pub const CODEBUILD_LAMBDA: Self = Self::new(SECOND_MS, SECOND_MS);
    /// EC2: whole seconds, at least one minute each time an instance starts.
    pub const EC2: Self = Self::new(MINUTE_MS, SECOND_MS);

    const fn new(floor_ms: i64, step_ms: i64) -> Self {
        Self { floor_ms, step_ms }
    }

    /// The rule for Fargate tasks of `os`.
    pub const fn fargate(os: Os) -> Self {
        match os {
            Os::Linux => Self::FARGATE_LINUX,
            Os::Windows => Self::FARGATE_WINDOWS,
        }
    }

    /// The least that one run is billed, milliseconds.
    pub const fn floor_ms(self) -> i64 {
        self.floor_ms
    }

    /// What elapsed time is rounded up to, milliseconds.
    pub const fn step_ms(self) -> i64 {
        self.step_ms
    }

    /// Billed milliseconds of one run. A negative elapsed time counts as none and is billed as the floor.
    pub const fn billed_ms(self, elapsed_ms: i64) -> i64 {
        if elapsed_ms <= self.floor_ms {
            return self.floor_ms;
        }
        let started_step = if elapsed_ms % self.step_ms > 0 { 1 } else { 0 };
        (elapsed_ms / self.step_ms + started_step).saturating_mul(self.step_ms)
    }
}

/// One span of running time under each metering rule, summed over runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MeteredMs {
    /// The plain time, no rounding.
    pub elapsed: i64,
    /// Fargate Linux, and EC2 launched per run: whole seconds, at least 60.
    pub second_floor_60: i64,
    /// Fargate Windows: whole seconds, at least 300.
    pub second_floor_300: i64,
    /// CodeBuild: whole minutes, from PROVISIONING.
    pub minute: i64,
    /// CodeBuild, queue time included: whole minutes, from submission.
    pub minute_with_queue: i64,
    /// CodeBuild Lambda compute: whole seconds.
    pub second: i64,
}

impl MeteredMs {
    /// A run from `start_ms` to `end_ms` that waited in a queue since `queued_ms`, as far as it lies in `window`.
    ///
    /// Its billed time is laid out from its start, so that the parts of a split window add up to the whole.
    pub fn of(start_ms: i64, end_ms: i64, queued_ms: Option<i64>, window: Window) -> Self {
        let elapsed_ms = (end_ms - start_ms).max(0);
        let billed = |rule: Metering| {
            window.overlap_ms(
                start_ms,
                start_ms.saturating_add(rule.billed_ms(elapsed_ms)),
            )
        };
        let queued_ms = queued_ms.map_or(start_ms, |queued_ms| queued_ms.min(start_ms));
        Self {
            elapsed: window.overlap_ms(start_ms, start_ms + elapsed_ms),
            second_floor_60: billed(Metering::FARGATE_LINUX),
            second_floor_300: billed(Metering::FARGATE_WINDOWS),
            minute: billed(Metering::CODEBUILD),
            minute_with_queue: Self::queued(Some(queued_ms), start_ms + elapsed_ms, window)
                .minute_with_queue,
            second: billed(Metering::CODEBUILD_LAMBDA),
        }
    }

    /// A build that waited in a queue from `queued_ms` to `end_ms` and never ran.
    pub fn queued(queued_ms: Option<i64>, end_ms: i64, window: Window) -> Self {
        let billed = |queued_ms: i64| {
            let waited_ms = (end_ms - queued_ms).max(0);
            let billed_ms = Metering::CODEBUILD.billed_ms(waited_ms);
            window.overlap_ms(queued_ms, queued_ms.saturating_add(billed_ms))
        };
        Self {
            minute_with_queue: queued_ms.map_or(0, billed),
            ..Self::default()
        }
    }

    /// Counted time, to which no rule of single runs can be applied.
    pub const fn counted(task_ms: i64) -> Self {
        Self {
            elapsed: task_ms,
            second_floor_60: task_ms,
            second_floor_300: task_ms,
            minute: task_ms,
            minute_with_queue: task_ms,
            second: task_ms,
        }
    }
}

impl AddAssign for MeteredMs {
    fn add_assign(&mut self, other: Self) {
        self.elapsed += other.elapsed;
        self.second_floor_60 += other.second_floor_60;
        self.second_floor_300 += other.second_floor_300;
        self.minute += other.minute;
        self.minute_with_queue += other.minute_with_queue;
        self.second += other.second;
    }
}

/// Which of the metered times a price is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Meter {
    /// Fargate Linux.
    Seconds60,
    /// Fargate Windows.
    Seconds300,
    /// CodeBuild, whole minutes from PROVISIONING.
    Minutes,
    /// CodeBuild, whole minutes from submission.
    MinutesWithQueue,
    /// CodeBuild Lambda compute.
    Seconds,
}

impl Meter {
    /// The rule that rounds one run.
    pub const fn rule(self) -> Metering {
        match self {
            Self::Seconds60 => Metering::FARGATE_LINUX,
            Self::Seconds300 => Metering::FARGATE_WINDOWS,
            Self::Minutes | Self::MinutesWithQueue => Metering::CODEBUILD,
            Self::Seconds => Metering::CODEBUILD_LAMBDA,
        }
    }

    /// The rule for Fargate tasks of `os`.
    pub const fn fargate(os: Os) -> Self {
        match os {
            Os::Linux => Self::Seconds60,
            Os::Windows => Self::Seconds300,
        }
    }

    /// The time that counts, milliseconds.
    pub const fn of(self, metered: &MeteredMs) -> i64 {
        match self {
            Self::Seconds60 => metered.second_floor_60,
            Self::Seconds300 => metered.second_floor_300,
            Self::Minutes => metered.minute,
            Self::MinutesWithQueue => metered.minute_with_queue,
            Self::Seconds => metered.second,
        }
    }
}

impl CodebuildUnit {
    /// The rule that meters builds priced by this unit.
    pub const fn metering(self) -> Metering {
        match self {
            Self::Minute => Metering::CODEBUILD,
            Self::Second => Metering::CODEBUILD_LAMBDA,
        }
    }
}

/// What Fargate tasks of `size` cost for `metered_ms`, a negative time being none.
///
/// `ephemeral_gib` is the task's whole ephemeral storage; `None` is ECS's own default, the included 20 GiB. Fails
/// where storage beyond that was asked for and the book has no price for it.
pub fn fargate_cost(
    prices: &FargatePrices,
    size: TaskSize,
    ephemeral_gib: Option<u32>,
    metered_ms: i64,
) -> Result<Usd, NotPriced> {
    let license = prices.os_license_vcpu_hour.as_ref();
    let per_vcpu = prices.vcpu_hour.usd + license.map_or(Decimal::ZERO, |license| license.usd);
    let cpu = Usd::of(amount(size.cpu_units, metered_ms), per_vcpu, UNIT_HOUR);
    let memory = Usd::of(
        amount(size.memory_mib, metered_ms),
        prices.gib_hour.usd,
        UNIT_HOUR,
    );
    let extra_gib = ephemeral_gib
        .unwrap_or_default()
        .saturating_sub(INCLUDED_EPHEMERAL_GIB);
    if extra_gib == 0 {
        return Ok(cpu + memory);
    }
    let storage_price = prices
        .ephemeral_gib_hour
        .as_ref()
        .ok_or_else(|| prices.no_storage_price(extra_gib))?;
    let storage = Usd::of(
        amount(extra_gib, metered_ms),
        storage_price.usd,
        MS_PER_HOUR,
    );
    Ok(cpu + memory + storage)
}

impl FargatePrices {
    /// Why a task with so much storage beyond the included has no price.
    pub(crate) fn no_storage_price(&self, extra_gib: u32) -> NotPriced {
        NotPriced::new(format!(
            "no Fargate ephemeral storage price for {} {} in {} in the price book, and the task has {extra_gib} GiB beyond the \
             included {INCLUDED_EPHEMERAL_GIB} GiB",
            self.os, self.architecture, self.region,
        ))
    }
}

/// What builds cost for `metered_ms`, metered by `price.unit.metering()`; a negative time is none.
pub fn codebuild_cost(price: &CodebuildPrice, metered_ms: i64) -> Usd {
    Usd::of(
        amount(1, metered_ms),
        price.usd,
        price.unit.metering().step_ms(),
    )
}

/// What one instance costs for `metered_ms`: on-demand price, gp3 root volume and, where given, a public IPv4 address.
///
/// Volumes are priced by the GiB-month, here of 730 hours: in a month of 31 or 28 days the bill for the volume is
/// 2 % lower or 9 % higher.
pub fn ec2_instance_cost(
    instance: &InstanceType,
    root_gib: u32,
    gp3_gib_month: Decimal,
    public_ipv4_hour: Option<Decimal>,
    metered_ms: i64,
) -> Usd {
    let compute = Usd::of(amount(1, metered_ms), instance.usd_per_hour, MS_PER_HOUR);
    let volume = Usd::of(
        amount(root_gib, metered_ms),
        gp3_gib_month,
        HOURS_PER_MONTH * MS_PER_HOUR,
    );
    let address = public_ipv4_hour.map(|price| Usd::of(amount(1, metered_ms), price, MS_PER_HOUR));
    compute + volume + address.unwrap_or_default()
}

fn amount(units: u32, metered_ms: i64) -> i128 {
    i128::from(units) * i128::from(metered_ms.max(0))
}

/// True for the compute types that the CodeBuild free tier covers: small, Linux, x86 or ARM, on demand.
/// Source: AWS CodeBuild pricing page, read 2026-11.
pub fn is_codebuild_free_tier(environment_type: &str, compute_type: &str) -> bool {
    matches!(environment_type, "LINUX_CONTAINER" | "ARM_CONTAINER")
        && compute_type == "BUILD_GENERAL1_SMALL"
}

/// True for the compute types that the free tier of CodeBuild on Lambda covers: 1 GB, x86 or ARM.
/// Source: AWS CodeBuild pricing page, read 2026-11. It says "100 minutes or 6,000 seconds"; whether a payer who uses
/// both gets both is not said.
pub fn is_codebuild_lambda_free_tier(environment_type: &str, compute_type: &str) -> bool {
    matches!(
        environment_type,
        "LINUX_LAMBDA_CONTAINER" | "ARM_LAMBDA_CONTAINER"
    ) && compute_type == "BUILD_LAMBDA_1GB"
}

/// Free build time that falls into `window`, milliseconds: `minutes_per_month` for each calendar month (UTC) that
/// lies in it, and of a month that lies in it partly the same part, for the rest of the month uses the rest.
///
/// None for windows beyond the years that a calendar covers.
pub fn codebuild_free_ms(minutes_per_month: u32, window: Window) -> i64 {
    free_ms(i64::from(minutes_per_month) * MINUTE_MS, window)
}

/// The same of the free seconds of CodeBuild on Lambda.
pub fn codebuild_lambda_free_ms(seconds_per_month: u32, window: Window) -> i64 {
    free_ms(i64::from(seconds_per_month) * SECOND_MS, window)
}

fn free_ms(allowance_ms: i64, window: Window) -> i64 {
    let share_ms = |month: Window| {
        let part = i128::from(allowance_ms)
            * i128::from(window.overlap_ms(month.from_ms, month.to_ms))
            / i128::from(month.ms());
        i64::try_from(part).unwrap_or_default()
    };
    months(window).map(share_ms).sum()
}

/// The calendar months (UTC) that `window` touches.
fn months(window: Window) -> impl Iterator<Item = Window> {
    let first = Timestamp::from_millisecond(window.from_ms)
        .ok()
        .map(|from| from.to_zoned(TimeZone::UTC).date().first_of_month());
    std::iter::successors(first, |month| next_month(*month))
        .map_while(|month| {
            Some(Window {
                from_ms: midnight_ms(month)?,
                to_ms: midnight_ms(next_month(month)?)?,
            })
        })
        .take_while(move |month| month.from_ms < window.to_ms)
}

fn next_month(month: Date) -> Option<Date> {
    month.checked_add(1.month()).ok()
}

fn midnight_ms(date: Date) -> Option<i64> {
    Some(
        date.to_zoned(TimeZone::UTC)
            .ok()?
            .timestamp()
            .as_millisecond(),
    )
}

/// What `free_ms` of free build time is worth, given the builds of one payer as (price, metered milliseconds).
///
/// AWS does not say which builds go free, so the cheapest ones do: the saving is never overstated. Builds that the
/// free tier does not cover are passed over.
pub fn codebuild_free_value(builds: &[(&CodebuildPrice, i64)], free_ms: i64) -> Usd {
    free_value(builds, free_ms, is_codebuild_free_tier)
}

/// The same for the free seconds of CodeBuild on Lambda.
pub fn codebuild_lambda_free_value(builds: &[(&CodebuildPrice, i64)], free_ms: i64) -> Usd {
    free_value(builds, free_ms, is_codebuild_lambda_free_tier)
}

fn free_value(
    builds: &[(&CodebuildPrice, i64)],
    free_ms: i64,
    is_covered: fn(&str, &str) -> bool,
) -> Usd {
    let mut covered: Vec<_> = builds
        .iter()
        .filter(|(price, _)| is_covered(&price.environment_type, &price.compute_type))
        .collect();
    covered.sort_by_key(|(price, _)| price.usd);
    let mut left_ms = free_ms.max(0);
    let mut value = Usd::ZERO;
    for (price, metered_ms) in covered {
        let unbilled_ms = left_ms.min((*metered_ms).max(0));
        value += codebuild_cost(price, unbilled_ms);
        left_ms -= unbilled_ms;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::units::MS_PER_DAY;
    use crate::model::workload::{Architecture, PurchaseOption};
    use crate::pricing::{PriceBook, Quality};

    fn usd(text: &str) -> Usd {
        Usd::new(text.parse().expect("a decimal"))
    }

    fn small(environment_type: &str, price: &str) -> CodebuildPrice {
        CodebuildPrice {
            region: "us-east-1".into(),
            environment_type: environment_type.into(),
            compute_type: "BUILD_GENERAL1_SMALL".into(),
            usd: usd(price).amount(),
            unit: CodebuildUnit::Minute,
            as_of: None,
            quality: Quality::Exact,
            source: "a test".into(),
        }
    }

    /// Midnight (UTC) of a day, as epoch milliseconds.
    fn day(text: &str) -> i64 {
        midnight_ms(text.parse().expect("a date")).expect("in range")
    }

    #[test]
    fn sixty_one_second_build_is_billed_two_minutes() {
        assert_eq!(Metering::CODEBUILD.billed_ms(59_000), 60_000);
        assert_eq!(Metering::CODEBUILD.billed_ms(60_000), 60_000);
        assert_eq!(Metering::CODEBUILD.billed_ms(61_000), 120_000);
    }

    #[test]
    fn short_runs_are_billed_the_floor() {
        for (rule, floor_s) in [
            (Metering::FARGATE_LINUX, 60),
            (Metering::FARGATE_WINDOWS, 300),
            (Metering::EC2, 60),
        ] {
            assert_eq!(rule.billed_ms(1), floor_s * 1_000);
            assert_eq!(rule.billed_ms(floor_s * 1_000 + 1), (floor_s + 1) * 1_000);
        }
        assert_eq!(Metering::CODEBUILD_LAMBDA.billed_ms(1), 1_000);
        assert_eq!(Metering::CODEBUILD_LAMBDA.billed_ms(1_001), 2_000);
    }

    #[test]
    fn no_elapsed_time_makes_a_rule_overflow() {
        assert_eq!(Metering::CODEBUILD.billed_ms(i64::MIN), 60_000);
        assert_eq!(Metering::CODEBUILD.billed_ms(i64::MAX), i64::MAX);
    }

    #[test]
    fn storage_without_a_price_is_not_priced() {
        let book = PriceBook::embedded().expect("parses");
        let mut prices = book
            .fargate(
                "eu-north-1",
                Os::Linux,
                Architecture::X86_64,
                PurchaseOption::OnDemand,
            )
            .expect("priced")
            .clone();
        prices.ephemeral_gib_hour = None;
        let cost = |gib| fargate_cost(&prices, TaskSize::new(1024, 2048), gib, MS_PER_HOUR);
        assert_eq!(cost(Some(20)), Ok(usd("0.0543")));
        assert_eq!(cost(None), cost(Some(20)));
        assert_eq!(
            cost(Some(30)).expect_err("30 GiB").to_string(),
            "no Fargate ephemeral storage price for linux x86_64 in eu-north-1 in the price book, \
             and the task has 10 GiB beyond the included 20 GiB"
        );
    }

    #[test]
    fn a_calendar_month_has_its_whole_allowance() {
        let free = |from, to| {
            codebuild_free_ms(
                100,
                Window {
                    from_ms: day(from),
                    to_ms: day(to),
                },
            )
        };
        for (from, to) in [
            ("2026-02-01", "2026-03-01"),
            ("2026-06-01", "2026-07-01"),
            ("2026-12-01", "2027-01-01"),
        ] {
            assert_eq!(free(from, to), 100 * MINUTE_MS);
        }
        assert_eq!(free("2026-01-01", "2027-01-01"), 1_200 * MINUTE_MS);
    }

    #[test]
    fn a_part_of_a_month_has_that_part_of_the_allowance() {
        let free = |from_ms, to_ms| codebuild_free_ms(100, Window { from_ms, to_ms });
        let june = day("2026-06-01");
        assert_eq!(free(june, june + 15 * MS_PER_DAY), 50 * MINUTE_MS);
        assert_eq!(
            free(day("2026-06-16"), day("2026-07-01") + 31 * MS_PER_DAY),
            150 * MINUTE_MS
        );
        assert_eq!(free(june, june), 0);
        assert_eq!(free(i64::MIN, i64::MAX), 0);
    }

    #[test]
    fn six_thousand_seconds_of_the_smallest_lambda_type_go_free_each_month() {
        let june = Window {
            from_ms: midnight_ms("2026-06-01".parse().expect("a date")).expect("in range"),
            to_ms: midnight_ms("2026-07-01".parse().expect("a date")).expect("in range"),
        };
        let free_ms = codebuild_lambda_free_ms(6_000, june);
        assert_eq!(free_ms, 6_000_000);
        let book = PriceBook::embedded().expect("a book");
        let of = |compute| book.codebuild("us-east-1", "LINUX_LAMBDA_CONTAINER", compute);
        let (small, larger) = (of("BUILD_LAMBDA_1GB"), of("BUILD_LAMBDA_2GB"));
        let (small, larger) = (small.expect("priced"), larger.expect("priced"));
        // AWS CodeBuild pricing page: 0.00002 USD for a second of 1 GB on x86.
        assert_eq!(small.usd, "0.00002".parse().expect("a decimal"));
        let value =
            |builds: &[(&CodebuildPrice, i64)]| codebuild_lambda_free_value(builds, free_ms);
        assert_eq!(value(&[(small, 10_000_000)]), usd("0.12"));
        assert_eq!(value(&[(small, 1_000_000)]), usd("0.02"));
        assert_eq!(value(&[(larger, 10_000_000)]), Usd::ZERO);
        assert_eq!(
            codebuild_free_value(&[(small, 10_000_000)], free_ms),
            Usd::ZERO
        );
    }

    #[test]
    fn the_cheapest_covered_builds_go_free() {
        let (x86, arm, gpu) = (
            small("LINUX_CONTAINER", "0.005"),
            small("ARM_CONTAINER", "0.0034"),
            small("LINUX_GPU_CONTAINER", "0.05"),
        );
        let builds = [
            (&x86, 80 * MINUTE_MS),
            (&gpu, 500 * MINUTE_MS),
            (&arm, 60 * MINUTE_MS),
        ];
        assert_eq!(codebuild_free_value(&builds, 100 * MINUTE_MS), usd("0.404")); // 60 × 0.0034 + 40 × 0.005
        assert_eq!(
            codebuild_free_value(&builds, 1_000 * MINUTE_MS),
            usd("0.604")
        );
        assert_eq!(codebuild_free_value(&builds, 0), Usd::ZERO);
    }

    #[test]
    fn an_instance_pays_for_its_volume_and_address() {
        let book = PriceBook::embedded().expect("parses");
        let hosts = book
            .instance_types("us-east-1", Architecture::X86_64)
            .expect("priced");
        let m5 = hosts
            .iter()
            .find(|host| host.name == "m5.large")
            .expect("priced");
        let gp3 = book.root_volume_gib_month("us-east-1").expect("priced");
        let month =
            |gib, address| ec2_instance_cost(m5, gib, gp3, address, HOURS_PER_MONTH * MS_PER_HOUR);
        assert_eq!(month(0, None), usd("70.08"));
        assert_eq!(month(30, None), usd("72.48"));
        assert_eq!(
            month(30, book.public_ipv4_hour("us-east-1").ok()),
            usd("76.13")
        );
    }
}
