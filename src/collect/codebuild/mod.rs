//! AWS CodeBuild: projects, and builds, newest first, day by day.

mod days;
mod projects;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::ops::Range;

use aws_sdk_codebuild::operation::batch_get_builds::BatchGetBuildsOutput;
use aws_sdk_codebuild::types::{Build as SdkBuild, SortOrderType};
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::call::{Fault, Place};
use super::commit::{Sink, Unit};
use super::listing::Listing;
use super::plan::{Day, Known, spans};
use super::rates::Class;
use crate::dataset::batch::Batch;
use crate::dataset::schema::RunRow;
use crate::dataset::written::ScopeDay;
use crate::model::units::MS_PER_DAY;
use crate::records::Refusal;
use crate::records::builds::Build;
use days::Days;
pub(crate) use projects::projects;

/// Pages under way at once when there are many to come.
const MOST_AHEAD: usize = 4;

/// A build, as far as its metrics need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BuildFact {
    /// Project.
    pub(crate) project: String,
    /// `project:uuid`.
    pub(crate) id: String,
    /// Its number within the project.
    pub(crate) number: Option<i64>,
    /// Submitted.
    pub(crate) start_ms: i64,
    /// Ended; `None` while it runs.
    pub(crate) end_ms: Option<i64>,
}

/// One for a few days, which rarely fill a page; more for many.
fn pages_ahead(wanted: &Range<Day>) -> usize {
    usize::try_from((wanted.end - wanted.start) / 7)
        .unwrap_or(0)
        .clamp(1, MOST_AHEAD)
}

/// Fetches builds, newest first, and commits days of them, each as soon as it is whole.
pub(crate) struct Builds<'a> {
    place: &'a Place,
    known: &'a Known,
    sink: &'a Sink,
    answers: BoxStream<'a, Result<Answer, Fault>>,
    missing: BTreeSet<Day>,
    days: Days,
    /// Units of days that are not whole yet.
    open: BTreeMap<Day, Unit>,
    facts: Vec<BuildFact>,
    from_ms: i64,
    to_ms: i64,
}

impl<'a> Builds<'a> {
    /// Those that began on the `wanted` days; the `missing` ones among these are committed.
    pub(crate) fn new(
        place: &'a Place,
        wanted: Range<Day>,
        missing: &[Day],
        now_ms: i64,
        known: &'a Known,
        sink: &'a Sink,
    ) -> Self {
        Self {
            place,
            known,
            sink,
            answers: answers(place, known, pages_ahead(&wanted)),
            missing: missing.iter().copied().collect(),
            days: Days::new(wanted.clone(), now_ms),
            open: BTreeMap::new(),
            facts: Vec::new(),
            from_ms: wanted.start * MS_PER_DAY,
            to_ms: (wanted.end * MS_PER_DAY).min(now_ms + 1),
        }
    }

    /// The next days, newest first, of which every build that ran on them is known now; `None` after the last ones.
    ///
    /// A fault is written into what is not whole yet, and returned.
    pub(crate) async fn next(&mut self) -> Result<Option<Range<Day>>, Fault> {
        // What began later reaches into no day that is still to come.
        let told_ms = self.days.untold().end * MS_PER_DAY;
        self.facts.retain(|build| build.start_ms < told_ms);
        loop {
            let told = self.days.told();
            if !told.is_empty() {
                return Ok(Some(told));
            }
            if self.days.are_over() {
                return Ok(None);
            }
            match self.page().await {
                Ok(()) => {}
                Err(fault @ Fault::Stopped(_)) => return Err(fault),
                Err(fault) => {
                    self.give_up(&fault).await?;
                    return Err(fault);
                }
            }
        }
    }

    /// Every build that ran on the days just told, and some that ran before.
    pub(crate) fn facts(&self) -> &[BuildFact] {
        &self.facts
    }

    async fn page(&mut self) -> Result<(), Fault> {
        if let Some((ids, answer)) = self.answers.try_next().await? {
            let rows = self.read(&ids, answer);
            self.write(rows).await?;
            if !self.days.reach_everything() {
                return Ok(());
            }
        }
        self.days.end();
        self.write(BTreeMap::new()).await
    }

    /// Notes every build of a page in the order of the listing; returns the rows of missing days.
    fn read(&mut self, ids: &[String], answer: BatchGetBuildsOutput) -> BTreeMap<Day, Vec<RunRow>> {
        let not_found: BTreeSet<String> = answer
            .builds_not_found
            .unwrap_or_default()
            .into_iter()
            .collect();
        let mut returned: HashMap<String, (Option<i64>, Result<RunRow, Refusal>)> = HashMap::new();
        for build in answer.builds.unwrap_or_default() {
            let Some(id) = build.id.clone() else { continue };
            let known = returned
                .entry(id)
                .or_insert((None, Err(Refusal::Unused(""))));
            let (number, row) = run(build);
            // Of two versions in one answer, the later one.
            if known.1.as_ref().map_or(-1, |row| row.version)
                < row.as_ref().map_or(0, |row| row.version)
            {
                *known = (number, row);
            }
        }
        let mut rows: BTreeMap<Day, Vec<RunRow>> = BTreeMap::new();
        for id in ids {
            match returned.remove(id) {
                Some((number, Ok(row))) => {
                    let start_ms = row.created_ms.unwrap_or_default();
                    self.days.build(start_ms, row.version < FINISHED);
                    if start_ms < self.to_ms && row.stopped_ms.is_none_or(|end| end > self.from_ms)
                    {
                        self.facts.push(fact(&row, number, start_ms));
                    }
                    let day = start_ms.div_euclid(MS_PER_DAY);
                    if start_ms < self.to_ms && self.missing.contains(&day) {
                        rows.entry(day).or_default().push(row);
                    }
                }
                Some((_, Err(Refusal::Unused(why) | Refusal::Rejected(why)))) => {
                    self.days.lacking(why);
                }
                None if not_found.contains(id) => self.days.lacking("were gone when asked for"),
                None => self.days.lacking("were not returned"),
            }
        }
        rows
    }

    /// Sends rows, and commits the days that are whole now.
    async fn write(&mut self, mut rows: BTreeMap<Day, Vec<RunRow>>) -> Result<(), Fault> {
        let mut whole: BTreeSet<Day> = self
            .days
            .whole()
            .filter(|day| self.missing.contains(day))
            .collect();
        // Out of order: a day that was given out before comes again at the end.
        if self.days.open().is_empty() {
            whole.extend(self.open.keys().copied());
        }
        // Days that came on one page are one unit; a day of many pages is its own.
        let mut together: Vec<Day> = Vec::new();
        for &day in whole.iter().rev() {
            match self.open.remove(&day) {
                Some(unit) => {
                    let runs = rows.remove(&day).unwrap_or_default();
                    let scope_day = self.days.scope_day(day);
                    self.commit(unit, runs, vec![scope_day]).await?;
                }
                None => together.push(day),
            }
        }
        for span in spans(&together).into_iter().rev() {
            let runs = span
                .clone()
                .flat_map(|day| rows.remove(&day).unwrap_or_default())
                .collect();
            let scope_days = span.map(|day| self.days.scope_day(day)).collect();
            let unit = self.sink.unit();
            self.commit(unit, runs, scope_days).await?;
        }
        for (day, runs) in rows {
            let unit = self.open.entry(day).or_insert_with(|| self.sink.unit());
            unit.rows(Batch {
                runs,
                ..Batch::default()
            })
            .await?;
        }
        Ok(())
    }

    async fn commit(
        &mut self,
        unit: Unit,
        runs: Vec<RunRow>,
        scope_days: Vec<ScopeDay>,
    ) -> Result<(), Fault> {
        if !runs.is_empty() {
            unit.rows(Batch {
                runs,
                ..Batch::default()
            })
            .await?;
        }
        unit.commit(self.place, scope_days, self.known).await
    }

    /// Writes `fault` into every missing day that is not whole, with what was seen of it.
    async fn give_up(&mut self, fault: &Fault) -> Result<(), Fault> {
        for (day, unit) in std::mem::take(&mut self.open) {
            self.commit(unit, Vec::new(), vec![Days::failed(day, fault)])
                .await?;
            self.missing.remove(&day);
        }
        let rest: Vec<Day> = self
            .days
            .open()
            .filter(|day| self.missing.contains(day))
            .collect();
        for span in spans(&rest) {
            let scope_days = span.map(|day| Days::failed(day, fault)).collect();
            let unit = self.sink.unit();
            self.commit(unit, Vec::new(), scope_days).await?;
        }
        Ok(())
    }
}

/// The version of a build that will not change any more.
const FINISHED: i64 = 2;

fn run(build: SdkBuild) -> (Option<i64>, Result<RunRow, Refusal>) {
    (build.build_number, Build::from(build).into_row())
}

fn fact(row: &RunRow, number: Option<i64>, start_ms: i64) -> BuildFact {
    BuildFact {
        project: row.workload.name.clone(),
        id: row.run_id.clone(),
        number,
        start_ms,
        end_ms: row.stopped_ms,
    }
}

type Answer = (Vec<String>, BatchGetBuildsOutput);

/// Pages of builds in the order of the listing, the next `ahead` of them under way. Builds of which nothing more is to
/// be had are passed over.
fn answers<'a>(
    place: &'a Place,
    known: &'a Known,
    ahead: usize,
) -> BoxStream<'a, Result<Answer, Fault>> {
    let pages = stream::try_unfold(Listing::default(), move |listing| page(place, listing));
    let unknown = move |mut ids: Vec<String>| {
        ids.retain(|id| !known.has_build([&place.account, &place.region], id));
        ids
    };
    pages
        .map_ok(move |ids| get(place, unknown(ids)))
        .try_buffered(ahead)
        .boxed()
}

/// A page of the listing, and the listing to go on with.
async fn page(
    place: &Place,
    mut listing: Listing,
) -> Result<Option<(Vec<String>, Listing)>, Fault> {
    let page = listing
        .next(|token| list(place, token), String::as_str)
        .await?;
    Ok(page.map(|page| (page, listing)))
}

async fn list(
    place: &Place,
    token: Option<String>,
) -> Result<(Option<Vec<String>>, Option<String>), Fault> {
    let request = || {
        let request = place
            .clients
            .codebuild
            .list_builds()
            .sort_order(SortOrderType::Descending);
        request.set_next_token(token.clone()).send()
    };
    let page = place
        .call(Class::Codebuild, "codebuild:ListBuilds", request)
        .await?;
    Ok((page.ids, page.next_token))
}

async fn get(place: &Place, ids: Vec<String>) -> Result<Answer, Fault> {
    if ids.is_empty() {
        return Ok((ids, BatchGetBuildsOutput::builder().build()));
    }
    let request = || {
        place
            .clients
            .codebuild
            .batch_get_builds()
            .set_ids(Some(ids.clone()))
            .send()
    };
    let answer = place
        .call(Class::Codebuild, "codebuild:BatchGetBuilds", request)
        .await?;
    Ok((ids, answer))
}
