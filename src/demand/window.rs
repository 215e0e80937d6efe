//! The samples of a window, reduced: kept days where there are any, the others afresh.

use std::collections::{BTreeMap, BTreeSet};

use super::columns::unfit;
use super::configurations::History;
use super::days::{DayCount, DayRows};
use super::keep::Keeper;
use super::samples::{COLUMNS, NAMES, Reduction, Resolution, Wanted};
use super::table;
use super::totals::{Cuts, Sum, Totals};
use crate::dataset::compact::Resolved;
use crate::dataset::given;
use crate::dataset::groups::SampleGroup;
use crate::dataset::kept::SampleDay;
use crate::dataset::name::date;
use crate::dataset::scan::Scan;
use crate::dataset::summary::DaySummary;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::units::{MS_PER_DAY, Window};
use crate::model::workload::WorkloadKey;
use crate::workers;
use tracing::field::Empty;

/// What the samples of `window` add up to, with the sizes of `histories` in force; there are none beyond `sampled`.
pub(super) fn totals(
    scan: &Scan<'_>,
    histories: &BTreeMap<WorkloadKey, History>,
    window: Window,
    sampled: Option<Window>,
) -> Result<Totals> {
    let stage = tracing::debug_span!(
        "samples",
        kept_days = Empty,
        days_afresh = Empty,
        rows = Empty
    );
    let _entered = stage.enter();
    let cuts = Cuts::new(histories, window);
    let mut refused = BTreeSet::new();
    loop {
        let mut sum = Sum::new(histories, window);
        let mut plan = Plan::of(&scan.days, with_edges(window, sampled), &refused);
        add_given(scan, &mut plan, &cuts, &mut sum)?;
        let refusal = read_kept(scan, &plan, |mut rows, place| {
            cuts.leave_out(&mut rows, place);
            sum.add(&rows, place);
        })?;
        if let Some(part) = refusal {
            refused.insert(part);
            continue;
        }
        let mut keeper = Keeper::new(
            scan,
            plan.afresh.iter().copied().filter(|day| plan.is_whole(day)),
        );
        add_afresh(scan, &plan, &cuts, |rows, place| {
            sum.add(&rows, place);
            keeper.add(&rows, place);
        })?;
        keeper.finish();
        add_cut(scan, &plan, &cuts, &mut sum)?;
        let totals = sum.finish();
        stage.record("kept_days", plan.kept.len());
        stage.record("days_afresh", plan.afresh.len());
        stage.record("rows", totals.rows);
        return Ok(totals);
    }
}

/// Hands over the rows of all days of a dataset, those of an account, region and month at once; what was not kept yet
/// is kept.
pub(super) fn each_month(
    scan: &Scan<'_>,
    mut take: impl FnMut(&DayRows, (&str, &str)) -> Result<()>,
) -> Result<()> {
    let (none, always) = (Cuts::default(), always());
    let mut refused = BTreeSet::new();
    let months = scan.days.chunk_by(|a, b| month(a) == month(b));
    for days in months {
        let (account, region, _) = month(&days[0]);
        let place = (account.as_str(), region.as_str());
        let mut rows = loop {
            let plan = Plan::of(days, always, &refused);
            let mut rows = DayRows::default();
            let refusal = read_kept(scan, &plan, |of_part, _| rows.append(of_part))?;
            if let Some(part) = refusal {
                refused.insert(part);
                continue;
            }
            let whole = plan.afresh.iter().copied().filter(|day| plan.is_whole(day));
            let mut keeper = Keeper::new(scan, whole);
            add_afresh(scan, &plan, &none, |of_group, place| {
                keeper.add(&of_group, place);
                rows.append(of_group);
            })?;
            keeper.finish();
            break rows;
        };
        rows.normalize();
        take(&rows, place)?;
    }
    Ok(())
}

pub(super) fn always() -> Window {
    Window {
        from_ms: 0,
        to_ms: i64::MAX / 2,
    }
}

/// Account, region and month of a day.
fn month(day: &SampleDay) -> (&String, &String, String) {
    (
        &day.account,
        &day.region,
        date(day.day.into())[..7].to_owned(),
    )
}

/// Which days of a window are read from where.
struct Plan<'s> {
    window: Window,
    /// Days of which all was kept.
    kept: Vec<&'s SampleDay>,
    /// Days whose samples are read.
    afresh: Vec<&'s SampleDay>,
    /// Days that a given table tells of.
    given: Vec<&'s SampleDay>,
}

impl<'s> Plan<'s> {
    fn of(days: &'s [SampleDay], window: Window, refused: &BTreeSet<String>) -> Self {
        let touches = |day: &&SampleDay| {
            let from_ms = i64::from(day.day) * MS_PER_DAY;
            window.overlap_ms(from_ms, from_ms + MS_PER_DAY) > 0
        };
        let mut plan = Self {
            window,
            kept: Vec::new(),
            afresh: Vec::new(),
            given: Vec::new(),
        };
        for day in days.iter().filter(touches) {
            let is_kept = plan.is_whole(day)
                && day
                    .kept
                    .as_ref()
                    .is_some_and(|parts| !parts.iter().any(|part| refused.contains(part)));
            if is_kept {
                plan.kept.push(day);
            } else {
                plan.afresh.push(day);
            }
        }
        plan
    }

    /// True where the window has all of the day.
    fn is_whole(&self, day: &SampleDay) -> bool {
        let from_ms = i64::from(day.day) * MS_PER_DAY;
        day.is_over && self.window.from_ms <= from_ms && from_ms + MS_PER_DAY <= self.window.to_ms
    }

    /// Takes these days from a given table.
    fn take(&mut self, days: &[&'s SampleDay]) {
        let taken: BTreeSet<(&str, &str, i32)> = days.iter().map(|day| day.key()).collect();
        self.kept.retain(|day| !taken.contains(&day.key()));
        self.afresh.retain(|day| !taken.contains(&day.key()));
        self.given = days.to_vec();
    }

    /// Times of days that are read together, with their account and region.
    fn times(&self, days: &[&'s SampleDay]) -> Vec<((&'s str, &'s str), Window)> {
        let mut times: Vec<((&str, &str), Window)> = Vec::new();
        for day in days {
            let place = (day.account.as_str(), day.region.as_str());
            let from_ms = i64::from(day.day) * MS_PER_DAY;
            let to_ms = (from_ms + MS_PER_DAY).min(self.window.to_ms);
            let from_ms = from_ms.max(self.window.from_ms);
            match times.last_mut() {
                Some((of, time)) if *of == place && time.to_ms == from_ms => time.to_ms = to_ms,
                _ => times.push((place, Window { from_ms, to_ms })),
            }
        }
        times
    }
}

/// The window with the rest of its first and last day, where no sample is in that.
fn with_edges(window: Window, sampled: Option<Window>) -> Window {
    let Some(sampled) = sampled else {
        return window;
    };
    let midnight = |at_ms: i64| at_ms.div_euclid(MS_PER_DAY) * MS_PER_DAY;
    Window {
        from_ms: if window.from_ms <= sampled.from_ms {
            midnight(window.from_ms)
        } else {
            window.from_ms
        },
        to_ms: if window.to_ms >= sampled.to_ms {
            midnight(window.to_ms + MS_PER_DAY - 1)
        } else {
            window.to_ms
        },
    }
}

/// Adds the days that a given table tells of, which then need not be read from anywhere else.
fn add_given(scan: &Scan<'_>, plan: &mut Plan<'_>, cuts: &Cuts, sum: &mut Sum<'_>) -> Result<()> {
    let Some(given) = &scan.given else {
        return Ok(());
    };
    let mut told: BTreeSet<(String, String, i32)> = BTreeSet::new();
    given.read_each(Some(&["account", "region", "day"]), |frame| {
        for ((account, region), rows) in given::by_place(&frame).map_err(unfit)? {
            for day in table::days(&rows).map_err(unfit)? {
                told.insert((account.clone(), region.clone(), day));
            }
        }
        Ok(())
    })?;
    let is_told =
        |day: &&SampleDay| told.contains(&(day.account.clone(), day.region.clone(), day.day));
    let is_whole = |day: &&SampleDay| plan.is_whole(day);
    let all = plan.kept.iter().chain(&plan.afresh).copied();
    let taken: Vec<&SampleDay> = all.filter(is_told).filter(is_whole).collect();
    plan.take(&taken);
    let taken: BTreeSet<(&str, &str, i32)> = taken.iter().map(|day| day.key()).collect();
    given.read_each(None, |frame| {
        for ((account, region), rows) in given::by_place(&frame).map_err(unfit)? {
            let place = (account.as_str(), region.as_str());
            let is_taken = |day| taken.contains(&(place.0, place.1, day));
            let mut rows = table::rows(&rows, is_taken).map_err(unfit)?;
            cuts.leave_out(&mut rows, place);
            sum.add(&rows, place);
        }
        Ok(())
    })
}

/// Hands over the kept days; a part that cannot be read is named instead.
fn read_kept(
    scan: &Scan<'_>,
    plan: &Plan<'_>,
    mut take: impl FnMut(DayRows, (&str, &str)),
) -> Result<Option<String>> {
    let mut parts: BTreeMap<&String, (&SampleDay, BTreeSet<i32>)> = BTreeMap::new();
    for day in &plan.kept {
        for part in day.kept.iter().flatten() {
            let of_part = parts.entry(part).or_insert((day, BTreeSet::new()));
            of_part.1.insert(day.day);
        }
    }
    let parts: Vec<_> = parts.into_iter().collect();
    let stage = tracing::debug_span!("kept days", parts = parts.len());
    let _entered = stage.enter();
    let mut refused = None;
    workers::in_order(
        &parts,
        |(part, (_, days))| Ok(kept_rows(scan, part, days)),
        |(part, (day, _)), rows| {
            match rows {
                Ok(rows) => take(rows, (&day.account, &day.region)),
                Err(error) => {
                    tracing::warn!("its days are reduced again: {error}");
                    refused = Some((*part).clone());
                }
            }
            Ok(())
        },
    )?;
    Ok(refused)
}

fn kept_rows(scan: &Scan<'_>, part: &str, days: &BTreeSet<i32>) -> Result<DayRows> {
    let (frame, counts) = scan.read_days(part)?;
    let mut rows = table::rows(&frame, |day| days.contains(&day)).map_err(unfit)?;
    let counts = counts.into_iter().filter(|count| days.contains(&count.day));
    rows.counts = counts.map(|count| (count.day, count.into())).collect();
    Ok(rows)
}

/// Reduces the days that were not kept.
fn add_afresh(
    scan: &Scan<'_>,
    plan: &Plan<'_>,
    cuts: &Cuts,
    mut take: impl FnMut(DayRows, (&str, &str)),
) -> Result<()> {
    let mut groups = Vec::new();
    for (place, time) in plan.times(&plan.afresh) {
        groups.extend(scan.sample_groups(Some(place), time)?);
    }
    let stage = tracing::debug_span!("days afresh", groups = groups.len());
    let _entered = stage.enter();
    workers::in_order(
        &groups,
        |group| reduced(scan, group, cuts, false),
        |group, rows| {
            take(rows, group.place());
            Ok(())
        },
    )
}

/// Adds the workloads whose size changed on days that were kept or given: the pieces of such a day are read again.
fn add_cut(scan: &Scan<'_>, plan: &Plan<'_>, cuts: &Cuts, sum: &mut Sum<'_>) -> Result<()> {
    let is_cut = |day: &&&SampleDay| cuts.is_any(&day.account, &day.region, day.day);
    let days: Vec<&SampleDay> = plan
        .kept
        .iter()
        .chain(&plan.given)
        .filter(is_cut)
        .copied()
        .collect();
    let mut groups = Vec::new();
    for (place, time) in plan.times(&days) {
        groups.extend(scan.sample_groups(Some(place), time)?);
    }
    workers::in_order(
        &groups,
        |group| reduced(scan, group, cuts, true),
        |group, mut rows| {
            // The kept days tell what was read.
            rows.counts.clear();
            sum.add(&rows, group.place());
            Ok(())
        },
    )
}

/// The samples of one group of parts, each once, and how many were left out by day.
pub fn resolved(scan: &Scan<'_>, group: &SampleGroup) -> Result<Resolved> {
    let none = Cuts::default();
    let wanted = Wanted {
        window: scan.recorded(group.window),
        overlapping: true,
        cuts: &none,
        only_cut: false,
    };
    let mut resolution = Resolution::new(group.place(), wanted);
    scan.each_samples(group, &COLUMNS, &NAMES, |samples| {
        resolution.add(&samples).map_err(unfit)
    })?;
    let (rows, mut left_out) = resolution.finish().map_err(unfit)?;
    for before in scan.left_out(group)? {
        left_out
            .entry(before.day)
            .or_insert(DayCount::EMPTY)
            .merge(&DayCount::from(before));
    }
    let summaries = left_out.iter().map(|(&day, count)| {
        // Of what was left out only the day is told.
        let at_ms = i64::from(day) * MS_PER_DAY;
        DaySummary {
            first_ms: at_ms,
            last_ms: at_ms,
            ..count.summary(day)
        }
    });
    Ok((rows, summaries.collect()))
}

/// The rows of one group of parts.
fn reduced(scan: &Scan<'_>, group: &SampleGroup, cuts: &Cuts, only_cut: bool) -> Result<DayRows> {
    let wanted = Wanted {
        window: scan.recorded(group.window),
        overlapping: group.overlapping,
        cuts,
        only_cut,
    };
    let mut reduction = Reduction::new(group.place(), wanted);
    scan.each_samples(group, &COLUMNS, &NAMES, |samples| {
        reduction.add(&samples).map_err(unfit)
    })?;
    let mut rows = reduction.finish();
    for left_out in scan.left_out(group)? {
        rows.counts
            .entry(left_out.day)
            .or_insert(DayCount::EMPTY)
            .merge(&DayCount::from(left_out));
    }
    if rows.overflows() {
        return Err(Error::new(
            ErrorKind::Input,
            format!(
                "samples in `{}` add up to more than 64 bits hold",
                group.parts.join("`, `")
            ),
        )
        .hint("no service runs that many tasks: import its files again without these records"));
    }
    Ok(rows)
}
