//! Reduced days on their way into the dataset, beside the samples that they were made from.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::unfit;
use super::days::DayRows;
use super::table;
use crate::dataset::keep::Rows;
use crate::dataset::kept::SampleDay;
use crate::dataset::name::date;
use crate::dataset::scan::Scan;
use crate::dataset::summary::DaySummary;
use crate::model::error::{Error, Result};

/// Rows held before they are written: what bounds memory.
const MOST_ROWS: usize = 100_000;

/// Account, region and month.
type Place = (String, String, String);

/// Takes the rows of whole days that were reduced afresh.
pub(super) struct Keeper<'s> {
    scan: &'s Scan<'s>,
    /// The days to keep.
    days: BTreeMap<(String, String, i32), &'s SampleDay>,
    held: BTreeMap<Place, DayRows>,
    /// Parts written, by account, region and day.
    written: BTreeMap<(String, String, i32), BTreeSet<String>>,
    /// Why nothing more is written.
    failure: Option<Error>,
}

impl<'s> Keeper<'s> {
    /// Keeps `days`, whose rows all come.
    pub(super) fn new(scan: &'s Scan<'s>, days: impl IntoIterator<Item = &'s SampleDay>) -> Self {
        let key = |day: &SampleDay| (day.account.clone(), day.region.clone(), day.day);
        Self {
            scan,
            days: days
                .into_iter()
                .filter(|_| scan.keeps_days)
                .map(|day| (key(day), day))
                .collect(),
            held: BTreeMap::new(),
            written: BTreeMap::new(),
            failure: None,
        }
    }

    /// Takes `rows` of an account and region, of whatever days. Where they come in the same order, the same parts are
    /// written.
    pub(super) fn add(&mut self, rows: &DayRows, (account, region): (&str, &str)) {
        if self.failure.is_some() || self.days.is_empty() {
            return;
        }
        let is_kept = |day: &i32| {
            self.days
                .contains_key(&(account.to_owned(), region.to_owned(), *day))
        };
        let mut months: BTreeMap<String, BTreeSet<i32>> = BTreeMap::new();
        for day in rows.counts.keys().copied().filter(is_kept) {
            let month = date(day.into())[..7].to_owned();
            months.entry(month).or_default().insert(day);
        }
        for (month, days) in months {
            let of_month = rows.of_days(|day| days.contains(&day)).whole_days();
            let place = (account.to_owned(), region.to_owned(), month);
            let held = self.held.entry(place.clone()).or_default();
            held.append(of_month);
            if held.len() >= MOST_ROWS
                && let Err(error) = self.write(&place)
            {
                self.failure = Some(error);
            }
        }
    }

    fn write(&mut self, place: &Place) -> Result<()> {
        let mut rows = self.held.remove(place).unwrap_or_default();
        rows.normalize();
        let (account, region, _) = place;
        let summaries = rows.counts.iter().map(|(day, count)| count.summary(*day));
        let days: Vec<DaySummary> = summaries.collect();
        let part = self.scan.write_days(Rows {
            place: (account, region),
            days: &days,
            frame: table::kept_frame(&rows).map_err(unfit)?,
        })?;
        for day in days {
            let key = (account.clone(), region.clone(), day.day);
            self.written.entry(key).or_default().insert(part.clone());
        }
        Ok(())
    }

    /// Writes what is left and commits the days; without a way to write, nothing is kept, which is no failure.
    pub(super) fn finish(mut self) {
        let outcome = self
            .failure
            .take()
            .map_or(Ok(()), Err)
            .and_then(|()| self.commit());
        if let Err(error) = outcome {
            tracing::warn!(
                "the reduced days were not kept, the next report takes as long: {error}"
            );
        }
    }

    fn commit(&mut self) -> Result<()> {
        let places: Vec<Place> = self.held.keys().cloned().collect();
        places.iter().try_for_each(|place| self.write(place))?;
        let parts = |key: &_| self.written.get(key).cloned().unwrap_or_default();
        let days = self.days.iter().map(|(key, day)| (*day, parts(key)));
        self.scan.commit_days(&days.collect::<Vec<_>>())
    }
}
