//! What the prices behind a report stand on, how old they are, and how much money rests on doubtful ones.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::result::{PriceQualityResult, PricesResult, QualityShare};
use crate::analysis::{Analysis, Assessed};
use crate::model::units::Usd;
use crate::pricing::cost::CostLine;
use crate::pricing::{PriceBook, Quality, is_old};

/// The prices of an analysis. The dates are those of its regions; other regions' prices had no part in it.
pub(super) fn of_prices(book: &PriceBook, analysis: &Analysis) -> PricesResult {
    PricesResult {
        as_of: dates_of(book, &regions(&analysis.workloads)).unwrap_or_else(|| "no date".into()),
        book: book.hash().to_owned(),
        kind: "list",
    }
}

/// What they stand on. Their age is told at the end of the window, the day for which they are used.
pub(super) fn of_analysis(analysis: &Analysis) -> PriceQualityResult {
    let today = jiff::Timestamp::from_millisecond(analysis.window.to_ms)
        .unwrap_or_default()
        .to_zoned(TimeZone::UTC)
        .date();
    let sum = |is: &dyn Fn(&CostLine) -> bool| {
        let lines = lines(&analysis.workloads).filter(|line| is(line));
        lines.map(|line| line.usd).sum::<Usd>()
    };
    PriceQualityResult {
        by_quality: by_quality(&analysis.workloads),
        old_usd: sum(&|line| is_aged(line, today)),
        contested_usd: sum(&is_contested),
        doubtful_usd: sum(&|line| is_aged(line, today) || is_contested(line)),
    }
}

fn regions(workloads: &[Assessed]) -> BTreeSet<&str> {
    let keys = workloads.iter().map(|workload| &workload.demand.workload);
    keys.map(|key| key.region.as_str()).collect()
}

/// The lines of every going rate.
fn lines(workloads: &[Assessed]) -> impl Iterator<Item = &CostLine> {
    let rates = workloads
        .iter()
        .filter_map(|workload| workload.going_rate.as_ref().ok());
    rates.flat_map(|rate| &rate.lines)
}

fn is_aged(line: &CostLine, today: Date) -> bool {
    is_old(line.as_of.as_deref(), today)
}

fn is_contested(line: &CostLine) -> bool {
    line.quality == Quality::Conflicting
}

fn by_quality(workloads: &[Assessed]) -> Vec<QualityShare> {
    let mut sums: BTreeMap<Quality, Usd> = BTreeMap::new();
    for line in lines(workloads) {
        *sums.entry(line.quality).or_default() += line.usd;
    }
    let share = |(quality, usd): (Quality, Usd)| QualityShare {
        quality: quality.as_str().to_owned(),
        usd,
    };
    sums.into_iter().map(share).collect()
}

/// Oldest and newest date among the prices of some regions.
pub(super) fn dates_of(book: &PriceBook, regions: &BTreeSet<&str>) -> Option<String> {
    let dates = || {
        let rows = regions.iter().flat_map(|region| book.rows_of(region));
        rows.filter_map(|row| row.as_of.as_deref())
    };
    let (oldest, newest) = dates().min().zip(dates().max())?;
    Some(format!("{oldest} to {newest}"))
}
