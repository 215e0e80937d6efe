//! CloudWatch Metric Streams records in JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Deserialize;

use super::place::TOO_LATE;
use crate::dataset::schema::{Metric, SampleRow, SourceKind};
use crate::dataset::writer::Writer;
use crate::model::error::Result;
use crate::model::workload::{Kind, WorkloadKey};
use crate::records::Refusal;
use crate::records::fields::{Time, is_account, is_name, is_region};

/// Each sample is one task, or one build, for a minute, whatever the period of the record.
/// Source: ECS developer guide, CloudWatch metrics: `SampleCount` of `CPUUtilization`, read 2026-11.
const SAMPLE_S: i32 = 60;
/// More than a hundred times what was asked for is no utilisation.
const ABSURD_PERCENT: f64 = 10_000.0;

#[derive(Deserialize)]
struct Record<'a> {
    account_id: &'a str,
    region: &'a str,
    namespace: &'a str,
    metric_name: &'a str,
    dimensions: BTreeMap<&'a str, std::borrow::Cow<'a, str>>,
    timestamp: Time,
    value: Value,
}

#[derive(Deserialize)]
struct Value {
    max: f64,
    sum: f64,
    count: f64,
}

/// One record.
pub(super) fn take(text: &str, rows: &mut Writer<'_>) -> Result<Result<(), Refusal>> {
    let Ok(record) = serde_json::from_str::<Record<'_>>(text) else {
        return Ok(Err(Refusal::Rejected(
            "metric record with a malformed field",
        )));
    };
    match record.row(rows) {
        Ok(row) => rows.sample(row).map(Ok),
        Err(refusal) => Ok(Err(refusal)),
    }
}

impl Record<'_> {
    fn row(&self, rows: &mut Writer<'_>) -> Result<SampleRow, Refusal> {
        let metric = Metric::of_aws(self.namespace, self.metric_name).ok_or(Refusal::Unused(
            "metric that is not CPU or memory of a container",
        ))?;
        let Value { max, sum, count } = self.value;
        if !self.timestamp.is_plausible() {
            return Err(Refusal::Rejected("time before 2010 or after 2100"));
        }
        if rows.is_too_late(self.timestamp.0) {
            return Err(Refusal::Rejected(TOO_LATE));
        }
        if [max, sum, count]
            .iter()
            .any(|value| !value.is_finite() || *value < 0.0)
        {
            return Err(Refusal::Rejected("negative or infinite utilisation"));
        }
        if count < 0.5 {
            return Err(Refusal::Rejected("statistic of no samples"));
        }
        if sum > max * count * 1.000_001 + 1e-9 {
            return Err(Refusal::Rejected("average above the maximum"));
        }
        if matches!(metric, Metric::CpuPercent | Metric::MemoryPercent) && max > ABSURD_PERCENT {
            return Err(Refusal::Rejected("utilisation above 10,000 %"));
        }
        let (workload, run_id) = self.series(rows)?;
        Ok(SampleRow {
            workload,
            run_id,
            metric,
            period_s: None,
            at_ms: self.timestamp.0,
            sample_s: Some(SAMPLE_S),
            max,
            sum,
            count,
            source: SourceKind::MetricStream,
        })
    }

    /// The workload and, where the series is of a single one, the run.
    fn series(
        &self,
        rows: &mut Writer<'_>,
    ) -> Result<(Arc<WorkloadKey>, Option<Arc<str>>), Refusal> {
        if !is_account(self.account_id) || !is_region(self.region) {
            return Err(Refusal::Rejected("record without an account or a region"));
        }
        let of = |name: &str| self.dimensions.get(name).map(AsRef::as_ref);
        let (kind, cluster, name, run) = match self.dimensions.len() {
            1 | 3 if of("ProjectName").is_some() => {
                (Kind::Build, Some(""), of("ProjectName"), of("BuildId"))
            }
            2 if of("ServiceName").is_some() => {
                (Kind::Service, of("ClusterName"), of("ServiceName"), None)
            }
            2 | 3 if of("TaskDefinitionFamily").is_some() => (
                Kind::Task,
                of("ClusterName"),
                of("TaskDefinitionFamily"),
                of("TaskId"),
            ),
            _ => {
                return Err(Refusal::Unused(
                    "series of a cluster, a container or a single task of a service",
                ));
            }
        };
        let (Some(cluster), Some(name)) = (cluster, name) else {
            return Err(Refusal::Rejected("series without a cluster or a name"));
        };
        if !is_name(name) || (kind != Kind::Build && !is_name(cluster)) {
            return Err(Refusal::Rejected(
                "name that is empty or longer than 255 bytes",
            ));
        }
        let run = run.map(|id| id.rsplit('/').next().unwrap_or(id));
        Ok((
            rows.workload(self.account_id, self.region, kind, cluster, name),
            run.map(|run| rows.run_name(run)),
        ))
    }
}
