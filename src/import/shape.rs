//! Which of AWS's shapes a JSON value has, told by its content.

use std::fmt;
use std::io::Read;

use flate2::bufread::MultiGzDecoder;
use serde::Deserialize;
use serde::de::{Deserializer as _, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::content::LONGEST_LINE;
use super::document::MISSING;
use super::metric_stream;
use super::place::{NOT_JSON, NOT_UTF8, Place, TOO_LATE, TOO_LONG};
use super::tally::{Tally, UNKNOWN};
use crate::dataset::batch::Batch;
use crate::dataset::writer::Writer;
use crate::model::error::{Error, Result};
use crate::model::tags::TagKeys;
use crate::records::{Refusal, builds, container_insights, services, tasks};

/// Rejection reason of a Firehose record that is not in base64.
const NOT_BASE64: &str = "data not in base64, or not whole";

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
    /// Beside a task definition.
    #[serde(borrow)]
    tags: Option<&'a RawValue>,
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
    /// Firehose delivering to an HTTP endpoint.
    #[serde(borrow)]
    records: Option<&'a RawValue>,
    /// In base64, of such a record.
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    /// What a Lambda function gets from SQS and SNS.
    #[serde(rename = "Records", borrow)]
    lambda_records: Option<&'a RawValue>,
    #[serde(rename = "Sns", borrow)]
    sns: Option<&'a RawValue>,
    message_id: Option<IgnoredAny>,
    #[serde(borrow)]
    body: Option<&'a RawValue>,
    /// `aws sqs receive-message`.
    #[serde(rename = "Messages", borrow)]
    sqs_messages: Option<&'a RawValue>,
    #[serde(rename = "Body", borrow)]
    sqs_body: Option<&'a RawValue>,
    /// A notification of SNS.
    #[serde(rename = "TopicArn")]
    topic_arn: Option<IgnoredAny>,
    #[serde(rename = "Message", borrow)]
    sns_message: Option<&'a RawValue>,
}

impl<'a> Probe<'a> {
    /// The lists of records, or of envelopes of records.
    fn lists(&self) -> impl Iterator<Item = &'a RawValue> {
        [
            self.services,
            self.tasks,
            self.task_definitions,
            self.builds,
            self.log_events,
            // Of a service they are messages about it.
            self.events.filter(|_| self.service_arn.is_none()),
            self.records,
            self.lambda_records,
            self.sqs_messages,
        ]
        .into_iter()
        .flatten()
    }

    /// The text that an envelope holds the record in: of an event of CloudWatch Logs, of SNS, of SQS.
    fn enclosed(&self) -> Option<&'a RawValue> {
        let logged = self.message.filter(|_| self.timestamp.is_some());
        let published = self.sns_message.filter(|_| self.topic_arn.is_some());
        let queued = self.body.filter(|_| self.message_id.is_some());
        logged.or(published).or(queued).or(self.sqs_body)
    }
}

/// Envelopes in envelopes deeper than this are not AWS's.
const DEEPEST: u8 = 6;
/// A record longer than this is none of AWS's: events and log messages have at most 1 MiB.
const LONGEST_RECORD: usize = 2 << 20;

/// Turns one JSON value into rows, or counts why not.
pub(super) fn take(
    text: &str,
    place: &Place,
    tags: &TagKeys,
    rows: &mut Writer<'_>,
    tally: &mut Tally,
) -> Result<()> {
    let mut taker = Taker {
        place,
        tags,
        rows,
        tally,
    };
    taker.take(text, 0)
}

struct Taker<'t, 'd> {
    place: &'t Place,
    /// Which tags are kept.
    tags: &'t TagKeys,
    rows: &'t mut Writer<'d>,
    tally: &'t mut Tally,
}

impl Taker<'_, '_> {
    fn take(&mut self, text: &str, depth: u8) -> Result<()> {
        if depth > DEEPEST {
            return self.reject(UNKNOWN);
        }
        if text.starts_with('[') {
            return self.each(text, depth);
        }
        // By far the most frequent record; no need to look at it twice.
        if text.len() <= LONGEST_RECORD && text.contains("\"metric_stream_name\"") {
            let outcome = metric_stream::take(text, self.rows)?;
            self.settle(outcome);
            return Ok(());
        }
        let Ok(probe) = serde_json::from_str::<Probe<'_>>(text) else {
            return self.reject(UNKNOWN);
        };
        self.tally.missing += elements(probe.failures) + elements(probe.builds_not_found);
        let mut is_list = false;
        for list in probe.lists() {
            is_list = true;
            self.each(list.get(), depth)?;
        }
        if is_list || is_only_about_missing(text) {
            return Ok(());
        }
        if text.len() > LONGEST_RECORD {
            return self.reject(TOO_LONG);
        }
        self.record(text, &probe, depth)
    }

    /// A value that is no list: a record, or an envelope around some.
    fn record(&mut self, text: &str, probe: &Probe<'_>, depth: u8) -> Result<()> {
        let mut batch = Batch::default();
        let outcome = if probe.detail_type.is_some() {
            tasks::take_event(text, &mut batch)
        } else if probe.record_type.is_some() && probe.cluster_name.is_some() {
            container_insights::take(text, &mut batch)
        } else if probe.service_arn.is_some() {
            services::take_service(text, &mut batch)
        } else if probe.task_arn.is_some() {
            tasks::take_described(text, &mut batch)
        } else if let Some(definition) = probe
            .task_definition
            .filter(|definition| definition.get().starts_with('{'))
        {
            let tags = probe.tags.map(RawValue::get);
            services::take_task_definition(definition.get(), tags, &mut batch)
        } else if probe.task_definition_arn.is_some() {
            services::take_task_definition(text, None, &mut batch)
        } else if probe.project_name.is_some()
            && (probe.build_complete.is_some() || probe.phases.is_some())
        {
            builds::take(text, &mut batch)
        } else if let Some(notification) = probe.sns {
            return self.take(notification.get(), depth + 1);
        } else if let Some(enclosed) = probe.enclosed() {
            return self.enclosed(enclosed.get(), depth);
        } else if let Some(data) = probe.data {
            return self.packed(data.get(), depth);
        } else if probe.metric_stream_name.is_some() {
            metric_stream::take(text, self.rows)?
        } else {
            Err(Refusal::Rejected(UNKNOWN))
        };
        for row in &mut batch.configurations {
            row.tags = row.tags.take().map(|tags| self.tags.of(tags));
        }
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

    #[expect(clippy::unnecessary_wraps, reason = "reads as the end of a record")]
    fn reject(&mut self, reason: &'static str) -> Result<()> {
        self.tally.reject(reason, self.place);
        Ok(())
    }

    /// Takes the elements of a list one by one.
    fn each(&mut self, list: &str, depth: u8) -> Result<()> {
        let mut failed = None;
        let each = Each {
            taker: self,
            depth: depth + 1,
            failed: &mut failed,
        };
        let walked = serde_json::Deserializer::from_str(list).deserialize_seq(each);
        match failed {
            Some(error) => Err(error),
            None if walked.is_err() => self.reject(UNKNOWN),
            None => Ok(()),
        }
    }

    /// A record inside a text: of a log event, a notification, a message.
    fn enclosed(&mut self, text: &str, depth: u8) -> Result<()> {
        match serde_json::from_str::<String>(text) {
            Ok(text) if text.trim_start().starts_with('{') => {
                if serde_json::from_str::<IgnoredAny>(&text).is_ok() {
                    self.take(text.trim(), depth + 1)
                } else {
                    self.reject(NOT_JSON)
                }
            }
            _ => {
                self.tally.leave("log line that is not JSON");
                Ok(())
            }
        }
    }

    /// What Firehose was given, in base64: records one behind the other, or gzip of them.
    fn packed(&mut self, data: &str, depth: u8) -> Result<()> {
        let bytes = serde_json::from_str::<String>(data)
            .ok()
            .and_then(|text| aws_smithy_types::base64::decode(text).ok());
        let Some(bytes) = bytes.map(unzipped) else {
            return self.reject(NOT_BASE64);
        };
        let text = match bytes {
            Some(bytes) if bytes.len() as u64 > LONGEST_LINE => return self.reject(TOO_LONG),
            Some(bytes) => String::from_utf8(bytes),
            None => return self.reject(NOT_BASE64),
        };
        let Ok(text) = text else {
            return self.reject(NOT_UTF8);
        };
        for value in serde_json::Deserializer::from_str(&text).into_iter::<&RawValue>() {
            match value {
                Ok(value) => self.take(value.get(), depth + 1)?,
                Err(_) => return self.reject(NOT_JSON),
            }
        }
        Ok(())
    }
}

/// The bytes, unzipped where they are gzip; `None` where that is damaged. Never much more than a line may hold.
fn unzipped(bytes: Vec<u8>) -> Option<Vec<u8>> {
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return Some(bytes);
    }
    let mut unzipped = Vec::new();
    MultiGzDecoder::new(bytes.as_slice())
        .take(LONGEST_LINE + 1)
        .read_to_end(&mut unzipped)
        .ok()?;
    Some(unzipped)
}

/// Hands the elements of a list over without keeping them.
struct Each<'e, 't, 'd> {
    taker: &'e mut Taker<'t, 'd>,
    depth: u8,
    failed: &'e mut Option<Error>,
}

impl<'de> Visitor<'de> for Each<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while let Some(element) = elements.next_element::<&RawValue>()? {
            if let Err(error) = self.taker.take(element.get(), self.depth) {
                *self.failed = Some(error);
                return Err(A::Error::custom("stopped"));
            }
        }
        Ok(())
    }
}

fn elements(list: Option<&RawValue>) -> u64 {
    list.and_then(|list| serde_json::from_str::<Vec<IgnoredAny>>(list.get()).ok())
        .map_or(0, |elements| elements.len() as u64)
}

/// A record that says nothing but what AWS could not return; it was counted.
fn is_only_about_missing(text: &str) -> bool {
    serde_json::from_str::<OnlyMissing>(text).is_ok_and(|OnlyMissing(is_only)| is_only)
}

/// Whether an object has keys, and each of them is about what AWS could not return.
struct OnlyMissing(bool);

impl<'de> Deserialize<'de> for OnlyMissing {
    fn deserialize<D: serde::Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        struct Keys;
        impl<'de> Visitor<'de> for Keys {
            type Value = OnlyMissing;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut keys: A) -> Result<OnlyMissing, A::Error> {
                let (mut missing, mut other) = (false, false);
                while let Some((key, IgnoredAny)) = keys.next_entry::<String, IgnoredAny>()? {
                    let is_missing = MISSING.contains(&key.as_str());
                    missing |= is_missing;
                    other |= !is_missing;
                }
                Ok(OnlyMissing(missing && !other))
            }
        }
        json.deserialize_map(Keys)
    }
}
