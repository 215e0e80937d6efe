//! Container Insights performance log events: one record a minute for every task.

use std::sync::Arc;

use serde::Deserialize;

use super::Refusal;
use super::fields::{Time, code_word, is_account, is_name, is_region};
use crate::dataset::batch::Batch;
use crate::dataset::limits::{MOST_CPU_UNITS, MOST_MEMORY_MIB, MOST_STORAGE_GIB};
use crate::dataset::schema::{Metric, RunRow, SampleRow, SourceKind};
use crate::model::workload::{Configuration, Kind, WorkloadKey};

/// Seconds between two records of one task.
const PERIOD_S: i32 = 60;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Record {
    #[serde(rename = "Type")]
    record_type: String,
    #[serde(rename = "AccountID")]
    account_id: Option<String>,
    region: Option<String>,
    cluster_name: String,
    service_name: Option<String>,
    task_definition_family: Option<String>,
    task_definition_revision: Option<serde_json::Value>,
    task_id: Option<String>,
    launch_type: Option<String>,
    timestamp: Option<Time>,
    created_at: Option<Time>,
    started_at: Option<Time>,
    pull_started_at: Option<Time>,
    pull_stopped_at: Option<Time>,
    cpu_utilized: Option<f64>,
    cpu_reserved: Option<f64>,
    memory_utilized: Option<f64>,
    memory_reserved: Option<f64>,
    ephemeral_storage_reserved: Option<f64>,
}

/// One record.
pub(crate) fn take(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    let Ok(record) = serde_json::from_str::<Record>(text) else {
        return Err(Refusal::Rejected(
            "performance record with a malformed field",
        ));
    };
    if record.record_type != "Task" {
        return Err(Refusal::Unused(
            "performance record that is not about a whole task",
        ));
    }
    let (run, samples) = record.rows()?;
    batch.sightings.push(run);
    batch.samples.extend(samples);
    Ok(())
}

impl Record {
    fn rows(self) -> Result<(RunRow, Vec<SampleRow>), Refusal> {
        let at = self
            .timestamp
            .filter(|time| time.is_plausible())
            .ok_or(Refusal::Rejected("record without a plausible time"))?;
        let times = [self.created_at, self.started_at, self.pull_started_at];
        if times.iter().flatten().any(|time| !time.is_plausible()) {
            return Err(Refusal::Rejected("time before 2010 or after 2100"));
        }
        let workload = Arc::new(self.workload()?);
        let task_id = self
            .task_id
            .clone()
            .filter(|id| is_name(id))
            .ok_or(Refusal::Rejected("task record without a task id"))?;
        let readings = [
            (Metric::CpuUnits, self.cpu_utilized),
            (Metric::MemoryMib, self.memory_utilized),
        ];
        if readings
            .iter()
            .any(|(_, value)| value.is_some_and(|value| !value.is_finite() || value < 0.0))
        {
            return Err(Refusal::Rejected("negative or infinite utilisation"));
        }
        let run_id: Arc<str> = task_id.as_str().into();
        let sample = |metric, value| SampleRow {
            workload: workload.clone(),
            run_id: Some(run_id.clone()),
            metric,
            period_s: Some(PERIOD_S),
            at_ms: at.0,
            sample_s: Some(PERIOD_S),
            max: value,
            sum: value,
            count: 1.0,
            source: SourceKind::ContainerInsights,
        };
        let samples = readings
            .into_iter()
            .filter_map(|(metric, value)| Some(sample(metric, value?)))
            .collect();
        let run = RunRow {
            workload: workload.clone(),
            run_id: task_id,
            version: 0,
            task_definition: self.task_definition(),
            created_ms: self.created_at.map(|t| t.0),
            pull_started_ms: self.pull_started_at.map(|t| t.0),
            pull_stopped_ms: self.pull_stopped_at.map(|t| t.0),
            provisioning_ms: None,
            started_ms: self.started_at.map(|t| t.0),
            stopped_ms: None,
            last_seen_ms: Some(at.0),
            timeout_min: None,
            left_queue: None,
            stop_code: None,
            out_of_memory: false,
            killed: Vec::new(),
            configuration: Configuration {
                launch_type: code_word(self.launch_type),
                cpu_units: whole(self.cpu_reserved, MOST_CPU_UNITS),
                memory_mib: whole(self.memory_reserved, MOST_MEMORY_MIB),
                ephemeral_gib: self.ephemeral_storage_reserved.and_then(gib),
                ..Configuration::default()
            },
            source: SourceKind::ContainerInsights,
        };
        Ok((run, samples))
    }

    fn workload(&self) -> Result<WorkloadKey, Refusal> {
        let account = self
            .account_id
            .clone()
            .filter(|id| is_account(id))
            .ok_or(Refusal::Rejected("record without an account"))?;
        let region = self
            .region
            .clone()
            .filter(|region| is_region(region))
            .ok_or(Refusal::Rejected("record without a region"))?;
        let (kind, name) = match (&self.service_name, &self.task_definition_family) {
            (Some(service), _) => (Kind::Service, service),
            (None, Some(family)) => (Kind::Task, family),
            (None, None) => return Err(Refusal::Rejected("task of no service or family")),
        };
        if !is_name(name) || !is_name(&self.cluster_name) {
            return Err(Refusal::Rejected(
                "name that is empty or longer than 255 bytes",
            ));
        }
        Ok(WorkloadKey {
            account,
            region,
            kind,
            cluster: self.cluster_name.clone(),
            name: name.clone(),
        })
    }

    fn task_definition(&self) -> Option<String> {
        let revision = match self.task_definition_revision.as_ref()? {
            serde_json::Value::String(text) => text.parse::<u64>().ok()?,
            number => number.as_u64()?,
        };
        Some(format!(
            "{}:{revision}",
            self.task_definition_family.as_deref()?
        ))
    }
}

/// GiB from the decimal gigabytes that Container Insights writes: 21.47 GB are the 20 GiB of every Fargate task.
fn gib(gigabytes: f64) -> Option<u32> {
    whole(Some(gigabytes * 1e9 / f64::from(1 << 30)), MOST_STORAGE_GIB)
}

fn whole(reserved: Option<f64>, most: u32) -> Option<u32> {
    let reserved = reserved?.round();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked first"
    )]
    (reserved >= 1.0 && reserved <= f64::from(most)).then_some(reserved as u32)
}
