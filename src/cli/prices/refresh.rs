//! `prices refresh`: AWS's price list → a price book in a file, with an account of what is not in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use etcetera::BaseStrategy;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::aws::check_endpoints;
use crate::cli::console::Console;
use crate::cli::failure::cannot_print;
use crate::cli::file;
use crate::cli::parse::region;
use crate::model::error::{Error, ErrorKind, Result};
use crate::pricing::refresh::bulk::{self, Kept, Web};
use crate::pricing::refresh::{self, Answers, Found, Service, Wanted, ask};
use crate::pricing::{PriceBook, frozen};
use crate::report::escape::terminal;

/// Names listed before the rest is only counted.
const NAMED: usize = 8;

/// Arguments of `prices refresh`.
#[derive(Debug, Args)]
#[command(
    after_help = "The book holds the asked regions and what holds everywhere, nothing else. \
                  Use it with `--prices FILE`. The calls are free and need pricing:GetProducts (`--region all` also \
                  pricing:GetAttributeValues, --savings-plans savingsplans:DescribeSavingsPlansOfferingRates). \
                  --bulk needs no credentials: it reads AWS's public price list, hundreds of megabytes for the EC2 prices of \
                  a region, holds little of it, and goes on where it was stopped. --from-files reads files of that list. \
                  Exit code 3: a service or a part of a Fargate price is missing in a region, or a price was left out."
)]
pub(crate) struct RefreshArgs {
    /// Region to get prices of, or `all`; repeat for more; without it, the region of the profile, or all that the files
    /// of --from-files have
    #[arg(long = "region", value_name = "REGION", value_parser = region)]
    regions: Vec<String>,
    /// Profile of the AWS configuration files
    #[arg(long, value_name = "PROFILE", conflicts_with_all = ["bulk", "from_files"])]
    profile: Option<String>,
    /// Read AWS's public bulk price list, without credentials
    #[arg(long, conflicts_with = "from_files")]
    bulk: bool,
    /// Read files of the bulk price list (CSV or JSON, also .gz) in this folder and below
    #[arg(long, value_name = "DIR")]
    from_files: Option<PathBuf>,
    /// Get the Savings Plan rates, too: Compute Savings Plans for Fargate and EC2, EC2 Instance Savings Plans
    #[arg(long)]
    savings_plans: bool,
    /// Get the Spot prices of Fargate and EC2, too, from the feeds behind AWS's pricing pages
    #[arg(long)]
    spot: bool,
    /// File to write; without it, prices-<day>.book in the cache folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Server of the bulk price list
    #[arg(long, env = "PLIMSOLL_PRICE_LIST_URL", default_value = bulk::PRICE_LIST_URL, hide = true)]
    price_list_url: String,
    /// Where the Fargate Spot feed is
    #[arg(long, env = "PLIMSOLL_FARGATE_SPOT_URL", default_value = bulk::FARGATE_SPOT_URL, hide = true)]
    fargate_spot_url: String,
    /// Where the EC2 Spot feed is
    #[arg(long, env = "PLIMSOLL_EC2_SPOT_URL", default_value = bulk::EC2_SPOT_URL, hide = true)]
    ec2_spot_url: String,
}

/// Where prices come from, as the book says it.
#[derive(Clone, Copy)]
enum Way {
    Api,
    Bulk,
    Files,
}

impl Way {
    const fn of(args: &RefreshArgs) -> Self {
        match (args.bulk, &args.from_files) {
            (true, _) => Self::Bulk,
            (false, Some(_)) => Self::Files,
            (false, None) => Self::Api,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "the AWS Price List API",
            Self::Bulk => "AWS's bulk price list",
            Self::Files => "files of AWS's bulk price list",
        }
    }
}

/// Gets the prices, writes the book and says what is in it.
pub(super) fn run(args: &RefreshArgs, console: Console, out: &mut dyn Write) -> Result<u8> {
    let now = Timestamp::now();
    check_endpoints()?;
    check_regions(&args.regions)?;
    let path = output(args.output.as_deref(), now)?;
    let found = find(args, now, console)?;
    let asked = |service: &Service| match service {
        Service::SavingsPlans | Service::Ec2SavingsPlans => args.savings_plans,
        Service::Spot | Service::Ec2Spot => args.spot,
        _ => true,
    };
    out.write_all(summary(&found, &asked).as_bytes())
        .map_err(cannot_print)?;
    if found.iter().all(Found::is_empty) {
        return Err(Error::new(
            ErrorKind::Nothing,
            "no price was found; no book was written",
        )
        .hint("the reasons are above; is the region spelt right?"));
    }
    let book = write_book(&found, &path, Way::of(args), now)?;
    writeln!(out, "{}", written(&found, &book, &path)).map_err(cannot_print)?;
    Ok(if found.iter().any(Found::is_incomplete) {
        3
    } else {
        0
    })
}

/// The prices of every asked region.
fn find(args: &RefreshArgs, now: Timestamp, console: Console) -> Result<Vec<Found>> {
    let wanted = Wanted::embedded(args.savings_plans, args.spot)?;
    let files = match &args.from_files {
        Some(folder) => Some(bulk::folder::answers(folder, &|file| {
            tracing::info!(file, "read");
        })?),
        None => None,
    };
    let web = (args.bulk || args.spot && files.is_none())
        .then(|| Web::new(&args.price_list_url, progress(console)))
        .transpose()?;
    let spot = match &web {
        Some(web) if args.spot => {
            let today = now.strftime("%Y-%m-%d").to_string();
            web.spot(&[&args.fargate_spot_url, &args.ec2_spot_url], &today)?
        }
        _ => Answers::default(),
    };
    let read = |region: &str, answers: &Answers| {
        let mut answers = answers.clone();
        answers.spot.extend(spot.spot.iter().cloned());
        refresh::read(region, &answers, &wanted, now)
    };
    match (files, web) {
        (Some(files), _) => of_files(&args.regions, &files, read),
        (None, Some(web)) if args.bulk => {
            let regions = (!is_all(&args.regions)).then(|| configured(&args.regions));
            let regions = regions.transpose()?;
            let kept = cache_folder().map_or_else(
                |_| Kept::nowhere(),
                |folder| Kept::in_folder(folder.join("price-list")),
            );
            web.each(regions.as_deref(), args.savings_plans, &kept, read)
        }
        (None, _) => of_api(args, console, read),
    }
}

/// The regions of the files that were asked for, or all of them.
fn of_files(
    asked: &[String],
    files: &BTreeMap<String, Answers>,
    read: impl Fn(&str, &Answers) -> Result<Found>,
) -> Result<Vec<Found>> {
    let asked = if asked.is_empty() || is_all(asked) {
        files.keys().cloned().collect()
    } else {
        sorted(asked)
    };
    let of = |region: &String| {
        let answers = files.get(region).ok_or_else(|| {
            let known: Vec<&str> = files.keys().map(String::as_str).collect();
            Error::new(
                ErrorKind::Usage,
                format!("the files have no prices of {region}"),
            )
            .hint(format!("they have those of {}", known.join(", ")))
        })?;
        read(region, answers)
    };
    asked.iter().map(of).collect()
}

fn of_api(
    args: &RefreshArgs,
    console: Console,
    read: impl Fn(&str, &Answers) -> Result<Found>,
) -> Result<Vec<Found>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|cause| {
        Error::new(ErrorKind::Failure, "cannot start the network runtime").cause(cause)
    })?;
    runtime.block_on(ask_aws(args, console, read))
}

fn is_all(regions: &[String]) -> bool {
    regions == ["all"]
}

/// The asked regions, or that of the environment.
fn configured(asked: &[String]) -> Result<Vec<String>> {
    let of_environment = || {
        let variables = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
        variables
            .filter_map(|name| std::env::var(name).ok())
            .find(|region| !region.is_empty())
    };
    if !asked.is_empty() {
        return Ok(sorted(asked));
    }
    of_environment()
        .map(|region| vec![region])
        .ok_or_else(no_region)
}

fn no_region() -> Error {
    Error::new(ErrorKind::Usage, "no region is configured")
        .hint("--region REGION, or set AWS_REGION")
}

/// Each region once and in order.
fn sorted(regions: &[String]) -> Vec<String> {
    let mut regions = regions.to_vec();
    regions.sort();
    regions.dedup();
    regions
}

fn check_regions(regions: &[String]) -> Result<()> {
    let usage = |message: &str, hint: &str| Err(Error::new(ErrorKind::Usage, message).hint(hint));
    if regions.len() > 1 && regions.iter().any(|region| region == "all") {
        return usage("--region all stands alone", "leave out the other regions");
    }
    // Credentials of one partition are strangers to the others.
    let partition = |region: &String| {
        ["cn-northwest-1", "eusc-de-east-1"]
            .iter()
            .position(|of| *of == refresh::endpoint(region))
    };
    if regions
        .iter()
        .any(|region| partition(region) != partition(&regions[0]))
    {
        return usage(
            "these regions have accounts of their own",
            "refresh China and the European Sovereign Cloud each alone",
        );
    }
    Ok(())
}

/// The file to write, with its folder where it is ours to make.
fn output(asked: Option<&Path>, now: Timestamp) -> Result<PathBuf> {
    let path = match asked {
        Some(path) if file::is_stdout(path) => {
            return Err(Error::new(
                ErrorKind::Usage,
                "a price book is written to a file, not to standard output",
            )
            .hint("-o FILE"));
        }
        Some(path) => path.to_owned(),
        None => {
            let folder = cache_folder()?;
            let unmade = |cause| {
                Error::new(
                    ErrorKind::Write,
                    format!("cannot make `{}`", folder.display()),
                )
                .cause(cause)
            };
            fs::create_dir_all(&folder).map_err(unmade)?;
            folder.join(format!("prices-{}.book", now.strftime("%Y-%m-%d")))
        }
    };
    file::check(&path)?;
    Ok(path)
}

fn cache_folder() -> Result<PathBuf> {
    let strategy = etcetera::choose_base_strategy().map_err(|cause| {
        Error::new(ErrorKind::Usage, "there is no cache folder to write to")
            .cause(cause)
            .hint("-o FILE")
    })?;
    Ok(strategy.cache_dir().join("plimsoll"))
}

async fn ask_aws(
    args: &RefreshArgs,
    console: Console,
    read: impl Fn(&str, &Answers) -> Result<Found>,
) -> Result<Vec<Found>> {
    let profile = args.profile.as_deref();
    let regions = regions(&args.regions, profile).await?;
    let bar = progress_bar(regions.len(), console);
    let found = ask::each(&regions, profile, args.savings_plans, |region, answers| {
        tracing::info!(region, "answers received");
        bar.inc(1);
        read(region, answers)
    });
    let found = found.await;
    bar.finish_and_clear();
    found
}

/// The asked regions, each once and in order.
async fn regions(asked: &[String], profile: Option<&str>) -> Result<Vec<String>> {
    if asked.is_empty() {
        let region = ask::configured_region(profile).await?;
        return region.map(|region| vec![region]).ok_or_else(no_region);
    }
    if is_all(asked) {
        let region = ask::configured_region(profile).await?;
        let endpoint = refresh::endpoint(region.as_deref().unwrap_or_default());
        let all = ask::regions(&ask::clients_at(endpoint, profile).await?.pricing).await?;
        return Ok(sorted(&all));
    }
    Ok(sorted(asked))
}

/// A line on a terminal that says how far the file is.
fn progress(console: Console) -> bulk::Progress {
    if !console.progress {
        return Arc::new(|_, _, _| {});
    }
    let style = ProgressStyle::with_template("{msg} {bytes} of {total_bytes} {elapsed}");
    let bar =
        ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    Arc::new(move |url, read, size| {
        let file = url.rsplit("/aws/").next().unwrap_or_default();
        bar.set_message(terminal(file));
        bar.set_length(size.unwrap_or(read));
        bar.set_position(read);
        if size == Some(read) {
            bar.reset();
        }
    })
}

fn progress_bar(regions: usize, console: Console) -> ProgressBar {
    if !console.progress {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} regions {elapsed}");
    ProgressBar::new(regions as u64)
        .with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Writes the book, after it has been read back as it will be used.
fn write_book(found: &[Found], path: &Path, way: Way, now: Timestamp) -> Result<PriceBook> {
    let texts = refresh::tables(found)?;
    let regions: Vec<&str> = found.iter().map(|found| found.region.as_str()).collect();
    let about = format!(
        "refreshed {} from {}; regions: {}",
        now.strftime("%Y-%m-%d"),
        way.as_str(),
        regions.join(", ")
    );
    let text = frozen::text(&texts.tables(), &about);
    let book = frozen::book(&text, &path.display().to_string())?;
    file::write(path, &text)?;
    Ok(book)
}

/// Prices per region and service, then what is missing and why.
fn summary(found: &[Found], asked: &dyn Fn(&Service) -> bool) -> String {
    let services = || Service::ALL.into_iter().filter(asked);
    let width = found
        .iter()
        .map(|found| found.region.len())
        .max()
        .unwrap_or(0)
        .max("Region".len());
    let mut text = format!("{:<width$}", "Region");
    for service in services() {
        let _ = write!(text, "  {service:>9}");
    }
    text.push('\n');
    for region in found {
        let _ = write!(text, "{:<width$}", terminal(&region.region));
        for service in services() {
            let column = service.to_string().len().max(9);
            let _ = write!(text, "  {:>column$}", region.count(service));
        }
        text.push('\n');
    }
    for region in found {
        let name = terminal(&region.region);
        for service in services() {
            let missing = region.missing(service);
            if !missing.is_empty() {
                let _ = writeln!(
                    text,
                    "{name}: not in the price list: {service} {}",
                    some(&missing)
                );
            }
        }
        let mut reasons: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for left_out in &region.left_out {
            reasons
                .entry(&left_out.reason)
                .or_default()
                .push(left_out.name.clone());
        }
        for (reason, names) in reasons {
            let _ = writeln!(
                text,
                "{name}: left out, {}: {}",
                terminal(reason),
                some(&names)
            );
        }
    }
    let unused: usize = found.iter().map(|found| found.unused).sum();
    let _ = writeln!(
        text,
        "Products that have no place in a price book: {unused}"
    );
    text
}

/// The first names, and how many there are.
fn some(names: &[String]) -> String {
    let first = terminal(&names[..names.len().min(NAMED)].join(", "));
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

fn written(found: &[Found], book: &PriceBook, path: &Path) -> String {
    let days = || found.iter().filter_map(Found::as_of);
    let oldest = days().map(|(oldest, _)| oldest).min().unwrap_or_default();
    let newest = days().map(|(_, newest)| newest).max().unwrap_or_default();
    let published = if oldest == newest {
        oldest.to_owned()
    } else {
        format!("{oldest} to {newest}")
    };
    let path = path.display().to_string();
    format!(
        "Wrote {}: book {}, prices as of {published}, for the regions above only",
        terminal(&path),
        book.hash()
    )
}
