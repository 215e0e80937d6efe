//! Which of AWS's shapes a JSON value has, told by its content.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::content::{MISSING, NOT_JSON, Place};
use super::{Tally, metric_stream};
use crate::dataset::batch::Batch;
use crate::dataset::writer::Writer;
use crate::model::error::Result;
use crate::records::{Refusal, builds, container_insights, services, tasks};

/// Rejection reason of a value whose shape is not known.
pub(super) const UNKNOWN: &str = "shape not recognised";

/// The keys that tell shapes apart; nothing else is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Probe<'a> {
    #[serde(rename = "detail-type")]
    detail_type: Option<String>,
    #[serde(rename = "metric_stream_name")]
    metric_stream_name: Option<IgnoredAny>,
    #[serde(rename = "Type")]
    record_type: Option<IgnoredAny>,
    #[serde(rename = "ClusterName")]
    cluster_name: Option<IgnoredAny>,
    service_arn: Option<IgnoredAny>,
    task_arn: Option<IgnoredAny>,
    task_definition_arn: Option<IgnoredAny>,
    project_name: Option<IgnoredAny>,
    build_complete: Option<IgnoredAny>,
    phases: Option<IgnoredAny>,
    #[serde(borrow)]
    task_definition: Option<&'a RawValue>,
    #[serde(borrow)]
    message: Option<&'a RawValue>,
    timestamp: Option<IgnoredAny>,
    #[serde(borrow)]
    services: Option<&'a RawValue>,
    #[serde(borrow)]
    tasks: Option<&'a RawValue>,
    #[serde(borrow)]
    task_definitions: Option<&'a RawValue>,
    #[serde(borrow)]
    builds: Option<&'a RawValue>,
    #[serde(borrow)]
    events: Option<&'a RawValue>,
    #[serde(borrow)]
    log_events: Option<&'a RawValue>,
    #[serde(borrow)]
    failures: Option<&'a RawValue>,
    #[serde(borrow)]
    builds_not_found: Option<&'a RawValue>,
}

/// Rejection reason of a record from the future: its clock was wrong, and it would stretch the time that was seen.
pub(super) const TOO_LATE: &str = "dated later than now";

/// Envelopes in envelopes deeper than this are not AWS's.
const DEEPEST: u8 = 4;

/// Turns one JSON value into rows, or counts why not.
pub(super) fn take(
    text: &str,
    place: &Place,
    rows: &mut Writer<'_>,
    tally: &mut Tally,
) -> Result<()> {
    Taker { place, rows, tally }.take(text, 0)
}

struct Taker<'t, 'd> {
    place: &'t Place,
    rows: &'t mut Writer<'d>,
    tally: &'t mut Tally,
}

impl Taker<'_, '_> {
    fn take(&mut self, text: &str, depth: u8) -> Result<()> {
        if depth > DEEPEST {
            self.tally.reject(UNKNOWN, self.place);
            return Ok(());
        }
        // By far the most frequent record; no need to look at it twice.
        if text.contains("\"metric_stream_name\"") {
            let outcome = metric_stream::take(text, self.rows)?;
            self.settle(outcome);
            return Ok(());
        }
        if text.starts_with('[') {
            return self.each(text, depth);
        }
        let Ok(probe) = serde_json::from_str::<Probe<'_>>(text) else {
            self.tally.reject(UNKNOWN, self.place);
            return Ok(());
        };
        let lists = [
            probe.services,
            probe.tasks,
            probe.task_definitions,
            probe.builds,
            probe.log_events,
        ];
        let is_service = probe.service_arn.is_some();
        self.tally.missing += elements(probe.failures) + elements(probe.builds_not_found);
        let mut listed = false;
        for list in lists
            .into_iter()
            .chain([probe.events.filter(|_| !is_service)])
            .flatten()
        {
            listed = true;
            self.each(list.get(), depth)?;
        }
        if listed || is_only_about_missing(text) {
            return Ok(());
        }
        let mut batch = Batch::default();
        let outcome = if probe.detail_type.is_some() {
            tasks::take_event(text, &mut batch)
        } else if probe.record_type.is_some() && probe.cluster_name.is_some() {
            container_insights::take(text, &mut batch)
        } else if is_service {
            services::take_service(text, &mut batch)
        } else if probe.task_arn.is_some() {
            tasks::take_described(text, &mut batch)
        } else if let Some(definition) = probe
            .task_definition
            .filter(|definition| definition.get().starts_with('{'))
        {
            services::take_task_definition(definition.get(), &mut batch)
        } else if probe.task_definition_arn.is_some() {
            services::take_task_definition(text, &mut batch)
        } else if probe.project_name.is_some()
            && (probe.build_complete.is_some() || probe.phases.is_some())
        {
            builds::take(text, &mut batch)
        } else if let (Some(message), Some(_)) = (probe.message, probe.timestamp) {
            return self.log_event(message.get(), depth);
        } else if probe.metric_stream_name.is_some() {
            metric_stream::take(text, self.rows)?
        } else {
            Err(Refusal::Rejected(UNKNOWN))
        };
        let is_too_late = |at_ms| self.rows.is_too_late(at_ms);
        if outcome.is_ok() && batch.latest_ms().is_some_and(is_too_late) {
            self.tally.reject(TOO_LATE, self.place);
            return Ok(());
        }
        self.settle(outcome);
        self.rows.add(batch)
    }

    fn settle(&mut self, outcome: Result<(), Refusal>) {
        match outcome {
            Ok(()) => self.tally.accept(),
            Err(Refusal::Unused(reason)) => self.tally.leave(reason),
            Err(Refusal::Rejected(reason)) => self.tally.reject(reason, self.place),
        }
    }

    fn each(&mut self, list: &str, depth: u8) -> Result<()> {
        let Ok(elements) = serde_json::from_str::<Vec<&RawValue>>(list) else {
            self.tally.reject(UNKNOWN, self.place);
            return Ok(());
        };
        elements
            .into_iter()
            .try_for_each(|element| self.take(element.get(), depth + 1))
    }

    /// A CloudWatch Logs event: the record is inside its message.
    fn log_event(&mut self, message: &str, depth: u8) -> Result<()> {
        match serde_json::from_str::<String>(message) {
            Ok(text)
                if text.trim_start().starts_with('{')
                    && serde_json::from_str::<IgnoredAny>(&text).is_ok() =>
            {
                self.take(text.trim(), depth + 1)
            }
            Ok(text) if text.trim_start().starts_with('{') => {
                self.tally.reject(NOT_JSON, self.place);
                Ok(())
            }
            _ => {
                self.tally.leave("log line that is not JSON");
                Ok(())
            }
        }
    }
}

fn elements(list: Option<&RawValue>) -> u64 {
    list.and_then(|list| serde_json::from_str::<Vec<IgnoredAny>>(list.get()).ok())
        .map_or(0, |elements| elements.len() as u64)
}

/// A record that says nothing but what AWS could not return; it was counted.
fn is_only_about_missing(text: &str) -> bool {
    let keys = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text);
    keys.is_ok_and(|keys| {
        !keys.is_empty() && keys.keys().all(|key| MISSING.contains(&key.as_str()))
    })
}
