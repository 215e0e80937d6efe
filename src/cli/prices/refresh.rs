//! `prices refresh`: AWS's price list → a price book in a file, with an account of what is not in it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use etcetera::BaseStrategy;
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::aws::check_endpoints;
use crate::cli::compare::parse::region;
use crate::cli::{Console, cannot_print, file};
use crate::model::error::{Error, Kind, Result};
use crate::pricing::refresh::{self, Found, Service, Wanted, ask};
use crate::pricing::{PriceBook, frozen};
use crate::report::escape::terminal;

/// Names listed before the rest is only counted.
const NAMED: usize = 8;

/// Arguments of `prices refresh`.
#[derive(Debug, Args)]
#[command(
    after_help = "The book holds the asked regions and what holds everywhere, nothing else; Fargate Spot is not in AWS's price list.\n\
                  Use it with `--prices FILE`. The calls are free and need pricing:GetProducts (`--region all` also\n\
                  pricing:GetAttributeValues, --savings-plans savingsplans:DescribeSavingsPlansOfferingRates).\n\
                  Exit code 3: a service or a part of a Fargate price is missing in a region, or a price was left out."
)]
pub(crate) struct RefreshArgs {
    /// Region to get prices of, or `all`; repeat for more; without it, the region of the profile
    #[arg(long = "region", value_name = "REGION", value_parser = region)]
    regions: Vec<String>,
    /// Profile of the AWS configuration files
    #[arg(long, value_name = "PROFILE")]
    profile: Option<String>,
    /// Get the Compute Savings Plan rates for Fargate, too
    #[arg(long)]
    savings_plans: bool,
    /// File to write; without it, prices-<day>.book in the cache folder
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Asks AWS, writes the book and says what is in it.
pub(super) fn run(args: &RefreshArgs, console: Console, out: &mut dyn Write) -> Result<u8> {
    let now = Timestamp::now();
    check_endpoints()?;
    check_regions(&args.regions)?;
    let path = output(args.output.as_deref(), now)?;
    let wanted = Wanted::embedded(args.savings_plans)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|cause| {
        Error::new(Kind::Failure, "cannot start the network runtime").cause(cause)
    })?;
    let found = runtime.block_on(ask_aws(args, &wanted, now, console))?;
    out.write_all(summary(&found, args.savings_plans).as_bytes())
        .map_err(cannot_print)?;
    if found.iter().all(Found::is_empty) {
        return Err(
            Error::new(Kind::Nothing, "no price was found; no book was written")
                .hint("the reasons are above; is the region spelt right?"),
        );
    }
    let book = write_book(&found, &path, now)?;
    writeln!(out, "{}", written(&found, &book, &path)).map_err(cannot_print)?;
    Ok(if found.iter().any(Found::is_incomplete) {
        3
    } else {
        0
    })
}

fn check_regions(regions: &[String]) -> Result<()> {
    let usage = |message: &str, hint: &str| Err(Error::new(Kind::Usage, message).hint(hint));
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
        Some(path) if path.as_os_str() == "-" => {
            return Err(Error::new(
                Kind::Usage,
                "a price book is written to a file, not to standard output",
            )
            .hint("-o FILE"));
        }
        Some(path) => path.to_owned(),
        None => {
            let unknown = |cause| {
                Error::new(Kind::Usage, "there is no cache folder to write to")
                    .cause(cause)
                    .hint("-o FILE")
            };
            let folder = etcetera::choose_base_strategy()
                .map_err(unknown)?
                .cache_dir()
                .join("plimsoll");
            let unmade = |cause| {
                Error::new(Kind::Write, format!("cannot make `{}`", folder.display())).cause(cause)
            };
            fs::create_dir_all(&folder).map_err(unmade)?;
            folder.join(format!("prices-{}.book", now.strftime("%Y-%m-%d")))
        }
    };
    file::check(&path)?;
    Ok(path)
}

async fn ask_aws(
    args: &RefreshArgs,
    wanted: &Wanted,
    now: Timestamp,
    console: Console,
) -> Result<Vec<Found>> {
    let profile = args.profile.as_deref();
    let regions = regions(&args.regions, profile).await?;
    let bar = progress_bar(regions.len(), console);
    let found = ask::each(&regions, profile, args.savings_plans, |region, answers| {
        tracing::info!(region, "answers received");
        bar.inc(1);
        refresh::read(region, answers, wanted, now)
    });
    let found = found.await;
    bar.finish_and_clear();
    found
}

/// The asked regions, each once and in order.
async fn regions(asked: &[String], profile: Option<&str>) -> Result<Vec<String>> {
    let configured = if asked.is_empty() || asked == ["all"] {
        ask::configured_region(profile).await
    } else {
        None
    };
    let mut regions = match (asked, configured) {
        ([], Some(region)) => vec![region],
        ([], None) => {
            return Err(Error::new(Kind::Usage, "no region is configured")
                .hint("--region REGION, or set AWS_REGION"));
        }
        ([all], region) if all == "all" => {
            let endpoint = refresh::endpoint(region.as_deref().unwrap_or_default());
            ask::regions(&ask::clients_at(endpoint, profile).await.pricing).await?
        }
        (asked, _) => asked.to_vec(),
    };
    regions.sort();
    regions.dedup();
    Ok(regions)
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
fn write_book(found: &[Found], path: &Path, now: Timestamp) -> Result<PriceBook> {
    let texts = refresh::tables(found)?;
    let regions: Vec<&str> = found.iter().map(|found| found.region.as_str()).collect();
    let about = format!(
        "refreshed {} from the AWS Price List API; regions: {}",
        now.strftime("%Y-%m-%d"),
        regions.join(", ")
    );
    let text = frozen::text(&texts.tables(), &about);
    let book = frozen::book(&text, &path.display().to_string())?;
    file::write(path, &text)?;
    Ok(book)
}

/// Prices per region and service, then what is missing and why.
fn summary(found: &[Found], savings_plans: bool) -> String {
    let services = || {
        Service::ALL
            .into_iter()
            .filter(|service| savings_plans || *service != Service::SavingsPlans)
    };
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
