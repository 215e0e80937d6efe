//! `report`: dataset → result → the asked format, on stdout or in a file.

use std::collections::BTreeSet;
use std::io::Write;

use clap::Args;
use sha2::{Digest, Sha256};

use super::args::{ClockArgs, DatasetArgs};
use super::console::Console;
use super::output::OutputArgs;
use super::prices::BookArgs;
use crate::analysis::{self, Analysis, FleetOptions, Policy};
use crate::dataset::coverage::{Extent, Gap};
use crate::dataset::given::Given;
use crate::dataset::scan::Scan;
use crate::dataset::source::{self, EVERY_CLUSTER, NO_PLACE};
use crate::demand::{self, Demand};
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::hash::short_hash;
use crate::model::units::{MS_PER_DAY, Window};
use crate::pricing::PriceBook;
use crate::report::amounts::plural;
use crate::report::groups::{self, GroupBy};
use crate::report::result::{CoverageResult, Report};
use crate::report::select::Condition;
use crate::rightsize::SizingPolicy;
use crate::rightsize::risk::Risk;

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(super) struct ReportArgs {
    #[command(flatten)]
    dataset: DatasetArgs,
    /// Take the days of samples from this table, which `demand` or another engine made: a Parquet file, or a folder of them
    #[arg(long, value_name = "FILE|S3")]
    demand: Option<String>,
    #[command(flatten)]
    prices: BookArgs,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    analysis: AnalysisArgs,
    #[command(flatten)]
    clock: ClockArgs,
}

/// What is analysed, and how.
#[derive(Debug, Args)]
#[command(next_help_heading = "Analysis")]
pub(super) struct AnalysisArgs {
    /// First instant: a UTC day (2026-10-01) or a time with a zone (2026-10-01T00:00:00Z)
    #[arg(long, value_name = "TIME", value_parser = time)]
    from: Option<i64>,
    /// First instant after: a UTC day or a time with a zone
    #[arg(long, value_name = "TIME", value_parser = time)]
    to: Option<i64>,
    /// Only these workloads: `cluster=prod and kind=service`; fields account, region, cluster, kind, name, platform, tag.KEY
    #[arg(long = "where", value_name = "CONDITION", value_parser = Condition::parse)]
    condition: Option<Condition>,
    /// How often a size may be exceeded: low (1), medium (2), high (5), or percent of workload-weeks
    #[arg(
        long,
        value_name = "RISK",
        default_value = "medium",
        env = "PLIMSOLL_RISK"
    )]
    risk: Risk,
    /// Percentile of the CPU maxima that --cpu-headroom is added to
    #[arg(long, value_name = "PERCENT", default_value_t = 99.0, value_parser = percent_to_100, env = "PLIMSOLL_CPU_PERCENTILE")]
    cpu_percentile: f64,
    /// Headroom added to CPU, instead of a margin that --risk asks for
    #[arg(long, value_name = "PERCENT", value_parser = percent, env = "PLIMSOLL_CPU_HEADROOM")]
    cpu_headroom: Option<f64>,
    /// Headroom added to the memory peak, instead of a margin that --risk asks for
    #[arg(long, value_name = "PERCENT", value_parser = percent, env = "PLIMSOLL_MEMORY_HEADROOM")]
    memory_headroom: Option<f64>,
    /// Days of samples needed before a size is given
    #[arg(long, value_name = "DAYS", default_value_t = 7, value_parser = clap::value_parser!(i64).range(1..=455), env = "PLIMSOLL_MIN_DAYS")]
    min_days: i64,
    /// Samples needed per resource before a size is given
    #[arg(long, value_name = "COUNT", default_value_t = 100, value_parser = clap::value_parser!(i64).range(1..), env = "PLIMSOLL_MIN_SAMPLES")]
    min_samples: i64,
    /// Smallest change worth proposing, of a workload's cost
    #[arg(long, value_name = "PERCENT", default_value_t = 5.0, value_parser = percent_to_100, env = "PLIMSOLL_MIN_SAVINGS_PERCENT")]
    min_savings_percent: f64,
    /// Smallest saving worth a move to another platform, USD a month
    #[arg(
        long,
        value_name = "USD",
        default_value_t = 10,
        env = "PLIMSOLL_MIN_MOVE_SAVINGS"
    )]
    min_move_savings: u32,
    /// Bill the time that builds wait in CodeBuild's queue, too
    #[arg(long)]
    codebuild_bill_queue: bool,
    /// End with exit code 3 when something in the window was not seen whole
    #[arg(long)]
    pub(super) strict: bool,
}

/// A day or an instant, as epoch milliseconds.
fn time(text: &str) -> Result<i64, String> {
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        return Ok(instant.as_millisecond());
    }
    // A time without a zone parses as a day, too; it must not lose its hours silently.
    let day = text
        .parse::<jiff::civil::Date>()
        .ok()
        .filter(|_| text.len() == "2026-10-01".len());
    let day =
        day.ok_or("give a day like 2026-10-01 or a time with a zone like 2026-10-01T00:00:00Z")?;
    let midnight = day
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|_| "out of range".to_owned())?;
    Ok(midnight.timestamp().as_millisecond())
}

fn percent(text: &str) -> Result<f64, String> {
    number_in(text, 0.0..=1000.0)
}

fn percent_to_100(text: &str) -> Result<f64, String> {
    number_in(text, 0.0..=100.0)
}

fn number_in(text: &str, range: std::ops::RangeInclusive<f64>) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    if range.contains(&number) {
        Ok(number)
    } else {
        Err(format!("not between {} and {}", range.start(), range.end()))
    }
}

impl AnalysisArgs {
    fn policy(&self) -> Policy {
        Policy {
            rightsize: SizingPolicy {
                risk: self.risk,
                cpu_percentile: self.cpu_percentile,
                cpu_headroom_percent: self.cpu_headroom,
                memory_headroom_percent: self.memory_headroom,
                min_days: self.min_days,
                min_samples: self.min_samples,
                ..SizingPolicy::default()
            },
            min_savings_percent: self.min_savings_percent,
            min_move_savings_usd: self.min_move_savings,
            bill_queue_time: self.codebuild_bill_queue,
        }
    }

    pub(super) fn check(&self) -> Result<()> {
        match (self.from, self.to) {
            (Some(from), Some(to)) if from >= to => {
                Err(Error::new(ErrorKind::Usage, "--from is not before --to")
                    .hint("--to is the first instant that is left out"))
            }
            _ => Ok(()),
        }
    }
}

/// Reports on the dataset.
pub(super) fn run(args: &ReportArgs, console: Console, out: &mut dyn Write) -> Result<u8> {
    args.analysis.check()?;
    args.output.check()?;
    let prices = args.prices.book()?;
    let dataset = args.dataset.open()?;
    let now_ms = args.clock.now_ms();
    let scan = tracing::debug_span!("commits").in_scope(|| Scan::as_of(&dataset, now_ms))?;
    let scan = match &args.demand {
        Some(location) => scan.with_given(Given::at(location)?),
        None => scan.keeping_days(),
    };
    let report = analyse(
        &scan,
        &prices,
        &args.analysis,
        args.output.group_by.as_ref(),
    )?;
    if let Some(requests) = dataset.requests() {
        tracing::debug!(requests, "sent to the bucket");
    }
    print(report, args.analysis.strict, &args.output, console, out)
}

/// From dataset to result.
pub(super) fn analyse(
    scan: &Scan<'_>,
    prices: &PriceBook,
    analysis: &AnalysisArgs,
    group_by: Option<&GroupBy>,
) -> Result<Report> {
    let (analysed, coverage) = analysed(scan, prices, analysis, &FleetOptions::default())?;
    let mut report = Report::of(&analysed, prices, coverage);
    report.groups = group_by.map(|by| groups::of(&analysed, by));
    let condition = analysis.condition.as_ref();
    report.selection.r#where = condition.map(|condition| condition.as_str().to_owned());
    Ok(report)
}

/// From dataset to what the analysis found, its fleets made in this way, and what was seen of what was asked for.
pub(super) fn analysed(
    scan: &Scan<'_>,
    prices: &PriceBook,
    analysis: &AnalysisArgs,
    fleets: &FleetOptions,
) -> Result<(Analysis, CoverageResult)> {
    let reduced = demand::reduce(scan, analysis.from, analysis.to)?;
    tracing::info!(
        workloads = reduced.demands.len(),
        rows = reduced.rows,
        "demand reduced"
    );
    let condition = analysis.condition.as_ref();
    let wanted = |demand: &Demand| condition.is_none_or(|condition| condition.holds(demand));
    if let Some(condition) = condition.filter(|_| !reduced.demands.iter().any(wanted)) {
        let message = format!("no workload meets --where '{}'", condition.as_str());
        return Err(Error::new(ErrorKind::Nothing, message)
            .hint("`plimsoll report --group-by cluster` shows what there is"));
    }
    let coverage = coverage(scan, &reduced, prices);
    let stage = tracing::debug_span!("analysis", workloads = reduced.demands.len());
    let policy = analysis.policy();
    let analysed =
        stage.in_scope(|| analysis::analyse_with(reduced, prices, &policy, fleets, wanted));
    Ok((analysed, coverage))
}

/// From result to output; the exit code.
pub(super) fn print(
    mut report: Report,
    strict: bool,
    output: &OutputArgs,
    console: Console,
    out: &mut dyn Write,
) -> Result<u8> {
    let totals = &report.totals;
    let incomplete =
        report.coverage.partial_scope_days + totals.not_priced + totals.partly_seen > 0;
    output.write(&mut report, console, out)?;
    Ok(if strict && incomplete { 3 } else { 0 })
}

fn coverage(scan: &Scan<'_>, reduced: &demand::Reduced, prices: &PriceBook) -> CoverageResult {
    let sources: BTreeSet<&str> = scan
        .commits
        .iter()
        .map(|commit| commit.row.source.as_str())
        .collect();
    let books: BTreeSet<&str> = sources
        .iter()
        .filter_map(|source| source::book(source))
        .collect();
    let sources: Vec<&str> = sources
        .into_iter()
        .filter(|source| source::book(source).is_none())
        .collect();
    let kinds: BTreeSet<&str> = sources.iter().map(|source| source::kind(source)).collect();
    let is_other = !books.is_empty() && !books.contains(prices.hash());
    let books: Vec<&str> = books.into_iter().collect();
    let other_book = is_other.then(|| {
        format!(
            "Collected while prices {} were in use; this report takes others.",
            books.join(", ")
        )
    });
    let extent = extent(scan, reduced.window);
    let mut notes: Vec<String> = other_book.into_iter().collect();
    notes.extend(left_out(reduced));
    notes.extend(not_seen(&extent));
    notes.extend(too_late(scan));
    CoverageResult {
        sources: kinds.len(),
        complete_scope_days: extent.complete_scope_days,
        partial_scope_days: extent.partial_scope_days,
        missed_scope_days: extent.missed_scope_days,
        rows: reduced.rows,
        duplicate_rows: reduced.duplicates,
        conflicting_rows: reduced.conflicts,
        fingerprint: short_hash(Sha256::new_with_prefix(sources.join("\n"))),
        notes,
    }
}

/// What was seen of the days that `window` touches.
fn extent(scan: &Scan<'_>, window: Window) -> Extent {
    let day = |ms| {
        jiff::Timestamp::from_millisecond(ms)
            .unwrap_or_default()
            .to_zoned(jiff::tz::TimeZone::UTC)
            .date()
    };
    let (first, last) = (day(window.from_ms), day(window.to_ms - 1));
    Extent::of(&scan.commits, &scan.unfinished, first, last)
}

/// What is older than a report looks at unasked.
fn left_out(reduced: &demand::Reduced) -> Option<String> {
    let time = |ms| jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    let from = time(reduced.left_out_from_ms?);
    Some(format!(
        "The dataset goes back to {from}; without --from a report takes its newest {} days.",
        reduced.window.ms() / MS_PER_DAY
    ))
}

/// What was set aside because it cannot be.
fn too_late(scan: &Scan<'_>) -> Option<String> {
    let (rows, latest_ms) = scan.set_aside()?;
    let latest = jiff::Timestamp::from_millisecond(latest_ms).unwrap_or_default();
    Some(format!(
        "{} dated later than now, up to {latest}: left out.",
        plural(rows, "record")
    ))
}

/// What was not seen, where and why.
fn not_seen(extent: &Extent) -> Option<String> {
    const NAMED: usize = 5;
    let text = |gap: &Gap| {
        let scope = match gap.scope.as_str() {
            EVERY_CLUSTER => "every cluster",
            scope => scope,
        };
        let place = match (gap.account.as_str(), gap.region.as_str()) {
            (NO_PLACE, _) => "an account that is not known:".to_owned(),
            (account, NO_PLACE) => format!("{account}, every region not named:"),
            (account, region) => format!("{account} {region}"),
        };
        format!(
            "{place} {scope} on {} ({})",
            plural(gap.days, "day"),
            gap.reason
        )
    };
    let gaps: Vec<String> = extent.gaps.iter().map(text).collect();
    let named = gaps.len().min(NAMED);
    let more = match gaps.len() - named {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (named > 0).then(|| format!("Not seen: {}{more}.", gaps[..named].join(", ")))
}
