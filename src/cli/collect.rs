//! `collect`: AWS → dataset, planned first, resumable, every scope accounted for.

use std::fmt::Write as _;
use std::io::Write;
use std::ops::Range;
use std::sync::mpsc;
use std::time::Duration;

use clap::Args;
use comfy_table::{Table, TableStyle};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use rust_decimal::Decimal;

use super::args::TagArgs;
use super::console::Console;
use super::failure::cannot_print;
use super::prices::BookArgs;
use crate::aws::{LoginRequest, check_endpoints};
use crate::collect::cost::{Cost, METRICS_PER_CENT, usd};
use crate::collect::summary::{Line, Progress, Summary};
use crate::collect::{Collection, Day, Regions, Request, Resolution, regions, stopped};
use crate::dataset::Dataset;
use crate::dataset::schema::State;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::tags::TagKeys;
use crate::model::units::MS_PER_DAY;
use crate::report::escape::terminal;

/// A line on stderr this often where no bar can be shown.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Bars are redrawn this often.
const REDRAW: Duration = Duration::from_millis(200);

/// Arguments of `collect`.
#[derive(Debug, Args)]
#[command(
    after_help = "Reads only; `plimsoll policy` prints the permissions. Stop it at any time and run it again: committed days are not \
                        fetched twice. ECS forgets stopped tasks after about an hour and CloudWatch its one-minute data after 15 days, \
                        so run it on a schedule into the same dataset."
)]
pub(super) struct CollectArgs {
    /// Where the dataset is or shall be: a folder or `s3://BUCKET/PREFIX`
    #[arg(long, value_name = "DIR|S3", env = "PLIMSOLL_DATASET")]
    dataset: String,
    #[command(flatten)]
    time: TimeArgs,
    #[command(flatten)]
    scope: ScopeArgs,
    #[command(flatten)]
    tags: TagArgs,
    #[command(flatten)]
    limits: LimitArgs,
    #[command(flatten)]
    prices: BookArgs,
}

/// Which days, how fine.
#[derive(Debug, Args)]
#[command(next_help_heading = "Time")]
struct TimeArgs {
    /// Whole UTC days before today; today is collected as far as it goes
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = clap::value_parser!(i64).range(0..=455), conflicts_with_all = ["from", "to"])]
    days: i64,
    /// First UTC day
    #[arg(long, value_name = "DAY", value_parser = day)]
    from: Option<Day>,
    /// First UTC day after
    #[arg(long, value_name = "DAY", value_parser = day, requires = "from")]
    to: Option<Day>,
    /// Seconds between samples; auto is the finest that CloudWatch still keeps
    #[arg(long, value_name = "SECONDS", default_value = "auto", value_parser = resolution)]
    resolution: Resolution,
    /// The present, for tests against a server on this machine
    #[arg(long, hide = true)]
    now: Option<jiff::Timestamp>,
}

/// Whose, where and what.
#[derive(Debug, Args)]
#[command(next_help_heading = "Scope")]
pub(super) struct ScopeArgs {
    /// Profile of the AWS configuration; repeat for several accounts
    #[arg(long, value_name = "NAME")]
    profile: Vec<String>,
    /// Role to assume, with the one profile or the default credentials; repeat for several accounts
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    role_arn: Vec<String>,
    /// External id that the roles ask for
    #[arg(long, value_name = "ID", requires = "role_arn")]
    external_id: Option<String>,
    /// Region; repeat for several, `all` for every region the account has enabled
    #[arg(long, value_name = "REGION")]
    region: Vec<String>,
    /// Only this ECS cluster, and no builds; repeat for several
    #[arg(long, value_name = "NAME")]
    cluster: Vec<String>,
}

/// What it may take.
#[derive(Debug, Args)]
#[command(next_help_heading = "Limits")]
struct LimitArgs {
    /// Print what is missing, in how many calls, seconds and USD, and stop there
    #[arg(long)]
    dry_run: bool,
    /// Refuse a plan that costs more in GetMetricData
    #[arg(long, value_name = "USD", default_value = "5", value_parser = cost)]
    max_api_cost: Decimal,
    /// Take up no more work after this long (90s, 30m, 2h); what is whole is kept
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    deadline: Option<Duration>,
    /// How many times faster than AWS allows, for tests against a server on this machine
    #[arg(long, hide = true, default_value_t = 1.0)]
    pace: f64,
}

fn day(text: &str) -> Result<Day, String> {
    let day: jiff::civil::Date = text
        .parse()
        .map_err(|_| "give a UTC day like 2026-10-01".to_owned())?;
    let midnight = day
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|_| "out of range".to_owned())?;
    Ok(midnight.timestamp().as_millisecond() / MS_PER_DAY)
}

fn resolution(text: &str) -> Result<Resolution, String> {
    match text {
        "auto" => Ok(Resolution::Auto),
        "60" => Ok(Resolution::Seconds(60)),
        "300" => Ok(Resolution::Seconds(300)),
        "3600" => Ok(Resolution::Seconds(3600)),
        _ => Err("one of auto, 60, 300, 3600".to_owned()),
    }
}

fn role_arn(text: &str) -> Result<String, String> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", partition, "iam", "", account, role]
            if partition.starts_with("aws")
                && account.len() == 12
                && account.bytes().all(|byte| byte.is_ascii_digit())
                && role
                    .strip_prefix("role/")
                    .is_some_and(|name| !name.is_empty()) =>
        {
            Ok(text.to_owned())
        }
        _ => Err("a role's ARN looks like arn:aws:iam::123456789012:role/NAME".to_owned()),
    }
}

fn cost(text: &str) -> Result<Decimal, String> {
    text.parse()
        .ok()
        .filter(|usd: &Decimal| !usd.is_sign_negative())
        .ok_or_else(|| "an amount in USD, like 2.50".to_owned())
}

fn duration(text: &str) -> Result<Duration, String> {
    let duration: jiff::SignedDuration = text
        .parse()
        .map_err(|_| "a duration like 90s, 30m or 2h".to_owned())?;
    Duration::try_from(duration)
        .ok()
        .filter(|d| !d.is_zero())
        .ok_or_else(|| "a duration above zero".to_owned())
}

/// Plans, and unless told otherwise collects.
pub(super) fn run(args: &CollectArgs, console: Console, out: &mut dyn Write) -> Result<u8> {
    let request = args.request()?;
    let dataset = Dataset::with_profile(&args.dataset, args.scope.only_profile())?;
    if !args.limits.dry_run {
        dataset.check_writable()?;
        dataset.tidy();
    }
    let collection = Collection::new(&request)?;
    let plan = collection.plan(&request, &dataset)?;
    let planned = plan_text(&plan.cost, &plan.refused);
    if args.limits.dry_run {
        out.write_all(planned.as_bytes()).map_err(cannot_print)?;
        return Ok(exit_code(
            collection.stopped(),
            plan.refused.iter().any(Line::is_incomplete),
        ));
    }
    let usd = usd(plan.cost.metrics);
    if usd > args.limits.max_api_cost {
        let message = format!(
            "the plan costs {usd} USD of GetMetricData, more than --max-api-cost {}",
            args.limits.max_api_cost
        );
        plan.withdraw(&request)?;
        return Err(Error::new(ErrorKind::Budget, message).hint(
            "look at --dry-run; take fewer days, a coarser --resolution, or raise --max-api-cost",
        ));
    }
    if !console.quiet {
        eprint_lines(&planned);
    }
    let progress = plan.progress();
    let summary = with_progress(console, &progress, || {
        collection.run(&request, plan, &dataset, &progress)
    })?;
    out.write_all(summary_text(&summary).as_bytes())
        .map_err(cannot_print)?;
    Ok(exit_code(summary.stopped, summary.is_incomplete()))
}

/// The exit code of what was stopped, or is incomplete.
pub(super) fn exit_code(stopped: Option<&str>, is_incomplete: bool) -> u8 {
    match stopped {
        Some(stopped::INTERRUPTED) => 130,
        Some(stopped::TERMINATED) => 143,
        None if !is_incomplete => 0,
        _ => 3,
    }
}

/// A request for a look around: now, and nothing to fetch.
pub(super) fn request_for(scope: &ScopeArgs) -> Result<Request> {
    check_endpoints()?;
    let now_ms = jiff::Timestamp::now().as_millisecond();
    Ok(Request {
        logins: scope.logins()?,
        regions: scope.regions()?,
        clusters: scope.cluster.clone(),
        days: 0..0,
        book: String::new(),
        tags: TagKeys::default(),
        resolution: Resolution::Auto,
        now_ms,
        deadline: None,
        most_metrics: 0,
        pace: 1.0,
        is_trial: true,
    })
}

impl CollectArgs {
    fn request(&self) -> Result<Request> {
        check_endpoints()?;
        if (self.time.now.is_some() || self.limits.pace > 1.0) && !is_on_this_machine() {
            return Err(Error::new(
                ErrorKind::Usage,
                "--now and --pace are for tests against a server on this machine",
            )
            .hint("leave them out, or let AWS_ENDPOINT_URL name a loopback address"));
        }
        let now_ms = self
            .time
            .now
            .unwrap_or_else(jiff::Timestamp::now)
            .as_millisecond();
        check_clock(now_ms)?;
        let most_metrics = self
            .limits
            .max_api_cost
            .checked_mul(Decimal::from(METRICS_PER_CENT * 100));
        Ok(Request {
            logins: self.scope.logins()?,
            regions: self.scope.regions()?,
            clusters: self.scope.cluster.clone(),
            days: self.time.window(now_ms / MS_PER_DAY)?,
            book: self.prices.book()?.hash().to_owned(),
            tags: self.tags.tags.clone(),
            resolution: self.time.resolution,
            now_ms,
            deadline: self.limits.deadline,
            most_metrics: most_metrics
                .and_then(|metrics| u64::try_from(metrics.trunc()).ok())
                .unwrap_or(u64::MAX),
            pace: self.limits.pace.max(1.0),
            is_trial: self.limits.dry_run,
        })
    }
}

/// Refuses a present that cannot be: it decides which days are over.
fn check_clock(now_ms: i64) -> Result<()> {
    let now = jiff::Timestamp::from_millisecond(now_ms).unwrap_or_default();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    if (2015..2100).contains(&year) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Failure,
        format!("the clock of this machine says {now}: nothing can be collected by it"),
    )
    .hint("set the clock"))
}

impl TimeArgs {
    fn window(&self, today: Day) -> Result<Range<Day>> {
        let Some(from) = self.from else {
            return Ok(today - self.days..today + 1);
        };
        let to = self.to.unwrap_or(today + 1).min(today + 1);
        if from >= to {
            return Err(Error::new(
                ErrorKind::Usage,
                "--from is not before --to, or is in the future",
            )
            .hint("--to is the first day that is left out"));
        }
        if to - from > 456 {
            return Err(Error::new(ErrorKind::Usage, "CloudWatch keeps 455 days")
                .hint("choose a later --from"));
        }
        Ok(from..to)
    }
}

impl ScopeArgs {
    /// Which credentials: every profile, or every role with the one profile.
    fn logins(&self) -> Result<Vec<LoginRequest>> {
        let external_id = self.external_id.clone();
        let region = match self.regions()? {
            Regions::Named(named) => named.first().cloned(),
            _ => None,
        };
        if self.role_arn.is_empty() {
            let of = |profile| LoginRequest {
                profile,
                region: region.clone(),
                ..LoginRequest::default()
            };
            let profiles: Vec<_> = self
                .profile
                .iter()
                .cloned()
                .map(|profile| of(Some(profile)))
                .collect();
            return Ok(if profiles.is_empty() {
                vec![of(None)]
            } else {
                profiles
            });
        }
        if self.profile.len() > 1 {
            return Err(Error::new(ErrorKind::Usage, "several --profile with --role-arn: which assumes which?")
                .hint("give one --profile with the roles, or put the roles into profiles (`role_arn`, `source_profile`)"));
        }
        let of = |role: &String| LoginRequest {
            profile: self.profile.first().cloned(),
            role_arn: Some(role.clone()),
            external_id: external_id.clone(),
            region: region.clone(),
        };
        Ok(self.role_arn.iter().map(of).collect())
    }

    /// The one profile, whose credentials are also the bucket's; with several, the default ones are.
    fn only_profile(&self) -> Option<&str> {
        match self.profile.as_slice() {
            [only] => Some(only),
            _ => None,
        }
    }

    /// Which regions.
    fn regions(&self) -> Result<Regions> {
        let names: Vec<String> = self
            .region
            .iter()
            .flat_map(|names| names.split(','))
            .map(|name| name.trim().to_owned())
            .collect();
        if names.iter().any(|name| name == "all") {
            return Ok(Regions::All);
        }
        names.iter().try_for_each(|name| regions::check(name))?;
        Ok(if names.is_empty() {
            Regions::Default
        } else {
            Regions::Named(names)
        })
    }
}

fn is_on_this_machine() -> bool {
    std::env::var("AWS_ENDPOINT_URL").is_ok_and(|url| {
        let host = url
            .split_once("://")
            .map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
        ["127.0.0.1", "localhost", "[::1]"].iter().any(|own| {
            host == *own
                || host
                    .strip_prefix(own)
                    .is_some_and(|rest| rest.starts_with(':'))
        })
    })
}

fn plan_text(cost: &Cost, refused: &[Line]) -> String {
    let mut text = String::new();
    let mut table = Table::new();
    table.load_style(TableStyle::new());
    table.set_header([
        "account", "region", "scope", "days", "calls", "metrics", "USD",
    ]);
    for line in &cost.lines {
        table.add_row([
            line.account.clone(),
            line.region.clone(),
            terminal(&line.scope),
            line.days.to_string(),
            line.calls.to_string(),
            line.metrics.to_string(),
            format!("{:.4}", usd(line.metrics)),
        ]);
    }
    if !cost.lines.is_empty() {
        for line in table.lines() {
            let _ = writeln!(text, "{}", line.trim_end());
        }
    }
    for line in refused.iter().filter(|line| line.is_incomplete()) {
        let _ = writeln!(text, "{}", line_text(line));
    }
    let _ = writeln!(
        text,
        "plan: {} scopes, {} scope-days; at least {} calls in {:.0} s; {} metrics for {:.4} USD",
        cost.scopes,
        cost.days,
        cost.calls,
        cost.seconds.ceil(),
        cost.metrics,
        usd(cost.metrics),
    );
    if cost.has_builds {
        text.push_str(
            "      and 6 metrics for each build of more than a minute, within --max-api-cost\n",
        );
    }
    text
}

fn line_text(line: &Line) -> String {
    let mut text = format!(
        "{} {} {} {}: {}",
        terminal(&line.account),
        line.region,
        terminal(&line.scope),
        line.source,
        state_word(line)
    );
    if !line.failed.is_empty() && line.days.len() > 1 {
        let _ = write!(
            text,
            " on {} of {} days",
            line.failed.len(),
            line.days.len()
        );
    }
    if let Some(reason) = &line.reason {
        let _ = write!(text, ": {}", terminal(reason));
    }
    text
}

fn state_word(line: &Line) -> &'static str {
    if matches!(line.state, State::Partial) && !line.is_incomplete() {
        "open"
    } else {
        line.state.as_str()
    }
}

/// A line for every scope that was not seen whole, then the totals.
fn summary_text(summary: &Summary) -> String {
    let mut text = String::new();
    for line in summary.lines().filter(|line| line.is_incomplete()) {
        let _ = writeln!(text, "{}", line_text(line));
    }
    let left_out: Vec<&str> = summary
        .lines()
        .filter(|line| line.is_left_out())
        .map(|line| line.region.as_str())
        .collect();
    if !left_out.is_empty() {
        let _ = writeln!(text, "left out, not enabled: {}", left_out.join(", "));
    }
    if let Some(why) = summary.stopped {
        let _ = writeln!(text, "{why}: run the same command again for the rest");
    }
    let count = |is: &dyn Fn(&Line) -> bool| summary.lines().filter(|line| is(line)).count();
    let denied = count(&|line| line.is_incomplete() && line.state == State::Denied);
    let partial = count(&|line| line.is_incomplete() && line.state != State::Denied);
    let complete = count(&|line| !line.is_incomplete() && !line.is_left_out());
    let rows: i64 = summary.lines().map(|line| line.rows).sum();
    let _ = writeln!(
        text,
        "{complete} sources complete, {partial} partial, {denied} denied; {rows} rows; {} calls ({} throttled); {} metrics, {:.4} USD",
        summary.calls,
        summary.throttled,
        summary.metrics,
        usd(summary.metrics),
    );
    text
}

/// Runs `work` while another thread shows how far it is: bars on a terminal, else a line now and then.
fn with_progress<T>(console: Console, progress: &Progress, work: impl FnOnce() -> T) -> T {
    let (done, finished) = mpsc::channel::<()>();
    std::thread::scope(|threads| {
        threads.spawn(move || {
            if console.quiet {
                return;
            }
            if console.progress {
                show_bars(progress, &finished);
            } else {
                show_lines(progress, &finished);
            }
        });
        let result = work();
        drop(done);
        result
    })
}

fn show_bars(progress: &Progress, finished: &mpsc::Receiver<()>) {
    let bars = MultiProgress::new();
    let style = ProgressStyle::with_template("{msg} {wide_bar} {pos}/{len} {eta}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let mut of_place = std::collections::BTreeMap::new();
    while let Err(mpsc::RecvTimeoutError::Timeout) = finished.recv_timeout(REDRAW) {
        for ((account, region), (done, planned)) in progress.snapshot() {
            let bar = of_place
                .entry((account.clone(), region.clone()))
                .or_insert_with(|| {
                    bars.add(
                        ProgressBar::new(planned)
                            .with_style(style.clone())
                            .with_message(format!("{account} {region}")),
                    )
                });
            bar.set_length(planned);
            bar.set_position(done);
        }
    }
    // Nothing is left to do when a bar cannot be wiped off.
    let _ = bars.clear();
}

fn show_lines(progress: &Progress, finished: &mpsc::Receiver<()>) {
    while let Err(mpsc::RecvTimeoutError::Timeout) = finished.recv_timeout(HEARTBEAT) {
        let (done, planned) = progress
            .snapshot()
            .values()
            .fold((0, 0), |(done, planned), place| {
                (done + place.0, planned + place.1)
            });
        eprint_lines(&format!("collect: {done} of {planned} units done\n"));
    }
}

fn eprint_lines(text: &str) {
    // Nothing is left to tell it to when stderr is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}
