//! CodeBuild builds: `aws codebuild batch-get-builds` output.

use serde::Deserialize;

use super::Refusal;
use super::fields::{Arn, Tag, Time, code_word, is_name, tags};
use crate::dataset::batch::Batch;
use crate::dataset::schema::{ConfigurationRow, RunRow, SourceKind};
use crate::model::workload::{Architecture, Configuration, Kind, Os, WorkloadKey};

/// The fields of a build that plimsoll keeps; variables, buildspec, source and logs are not among them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Build {
    pub(super) arn: Option<String>,
    pub(super) id: Option<String>,
    pub(super) project_name: String,
    pub(super) start_time: Option<Time>,
    pub(super) end_time: Option<Time>,
    pub(super) timeout_in_minutes: Option<i64>,
    #[serde(default)]
    pub(super) build_complete: bool,
    pub(super) build_status: Option<String>,
    pub(super) environment: Option<Environment>,
    #[serde(default)]
    pub(super) phases: Vec<Phase>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Environment {
    #[serde(rename = "type")]
    pub(super) environment_type: Option<String>,
    pub(super) compute_type: Option<String>,
    pub(super) privileged_mode: Option<bool>,
    pub(super) fleet: Option<Fleet>,
    pub(super) docker_server: Option<DockerServer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Fleet {
    pub(super) fleet_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DockerServer {
    pub(super) compute_type: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Phase {
    pub(super) phase_type: Option<String>,
    pub(super) start_time: Option<Time>,
    pub(super) end_time: Option<Time>,
}

/// The phases before a build has a machine. Source: CodeBuild API reference, `BuildPhase`, read 2026-11.
const BEFORE_RUNNING: [&str; 3] = ["SUBMITTED", "QUEUED", "COMPLETED"];

/// One build.
pub(crate) fn take(text: &str, batch: &mut Batch) -> Result<(), Refusal> {
    let Ok(build) = serde_json::from_str::<Build>(text) else {
        return Err(Refusal::Rejected("build with a malformed field"));
    };
    batch.runs.push(build.into_row()?);
    Ok(())
}

impl Build {
    /// The run that it was.
    pub(crate) fn into_row(self) -> Result<RunRow, Refusal> {
        let provisioning = self.phase_start("PROVISIONING");
        let end = self.end_time.or_else(|| self.phase_start("COMPLETED"));
        let (left_queue, last_seen) = (self.left_queue(), self.last_seen());
        let times = [self.start_time, provisioning, end, last_seen];
        if times.iter().flatten().any(|time| !time.is_plausible()) {
            return Err(Refusal::Rejected("time before 2010 or after 2100"));
        }
        let Some(start) = self.start_time.or(provisioning) else {
            return Err(Refusal::Rejected("build without a start time"));
        };
        if end.is_some_and(|end| end < start || provisioning.is_some_and(|begun| end < begun)) {
            return Err(Refusal::Rejected("stopped before it started"));
        }
        let arn = self
            .arn
            .as_deref()
            .and_then(Arn::parse)
            .ok_or(Refusal::Rejected("build ARN without account or region"))?;
        if !is_name(&self.project_name) {
            return Err(Refusal::Rejected(
                "name that is empty or longer than 255 bytes",
            ));
        }
        let run_id = self.id.clone().unwrap_or_else(|| arn.last().to_owned());
        let workload = WorkloadKey {
            account: arn.account.to_owned(),
            region: arn.region.to_owned(),
            kind: Kind::Build,
            cluster: String::new(),
            name: self.project_name.clone(),
        };
        Ok(RunRow {
            workload: workload.into(),
            run_id,
            // A finished build never changes again.
            version: if self.build_complete || end.is_some() {
                2
            } else {
                1
            },
            task_definition: None,
            created_ms: Some(start.0),
            pull_started_ms: None,
            pull_stopped_ms: None,
            provisioning_ms: provisioning.map(|time| time.0),
            started_ms: None,
            stopped_ms: end.map(|time| time.0),
            last_seen_ms: last_seen.filter(|_| end.is_none()).map(|time| time.0),
            timeout_min: self.timeout_in_minutes.filter(|&minutes| minutes > 0),
            left_queue,
            stop_code: code_word(self.build_status.clone()),
            out_of_memory: false,
            killed: Vec::new(),
            configuration: self
                .environment
                .map_or_else(on_codebuild, Environment::configuration),
            source: SourceKind::CodebuildApi,
        })
    }

    /// Whether it ever had a machine; not known of a record without phases.
    fn left_queue(&self) -> Option<bool> {
        let known = || self.phases.iter().filter_map(|p| p.phase_type.as_deref());
        known().next()?;
        Some(known().any(|phase| !BEFORE_RUNNING.contains(&phase)))
    }

    /// The newest time that any phase tells of.
    fn last_seen(&self) -> Option<Time> {
        let phases = self.phases.iter();
        phases
            .flat_map(|phase| [phase.start_time, phase.end_time])
            .flatten()
            .max()
    }

    fn phase_start(&self, phase: &str) -> Option<Time> {
        self.phases
            .iter()
            .find(|p| p.phase_type.as_deref() == Some(phase))?
            .start_time
    }
}

impl Environment {
    fn configuration(self) -> Configuration {
        let environment_type = code_word(self.environment_type);
        let is = |word: &str| {
            environment_type
                .as_deref()
                .map(|text| text.starts_with(word))
        };
        Configuration {
            architecture: is("ARM").map(|arm| {
                if arm {
                    Architecture::Arm64
                } else {
                    Architecture::X86_64
                }
            }),
            os: is("WINDOWS").map(|windows| if windows { Os::Windows } else { Os::Linux }),
            compute_type: code_word(self.compute_type),
            privileged: self.privileged_mode,
            fleet: self.fleet.and_then(Fleet::name),
            docker_server: self
                .docker_server
                .and_then(|server| code_word(server.compute_type)),
            environment_type,
            ..on_codebuild()
        }
    }
}

impl Fleet {
    /// The name in `arn:aws:codebuild:region:account:fleet/name:uuid`.
    fn name(self) -> Option<String> {
        let arn = self.fleet_arn?;
        let last = Arn::parse(&arn)?.last();
        let name = last.split(':').next().unwrap_or(last);
        code_word(Some(name.to_owned()))
    }
}

fn on_codebuild() -> Configuration {
    Configuration {
        launch_type: Some("CODEBUILD".to_owned()),
        ..Configuration::default()
    }
}

/// The fields of a project that plimsoll keeps.
pub(crate) struct Project {
    pub(super) arn: Option<String>,
    pub(super) name: String,
    pub(super) last_modified: Option<Time>,
    pub(super) environment: Option<Environment>,
    pub(super) tags: Option<Vec<Tag>>,
}

impl Project {
    /// How it builds since it was last changed.
    pub(crate) fn into_row(self) -> Result<ConfigurationRow, Refusal> {
        let arn = self
            .arn
            .as_deref()
            .and_then(Arn::parse)
            .ok_or(Refusal::Rejected("project ARN without account or region"))?;
        if !is_name(&self.name) {
            return Err(Refusal::Rejected(
                "name that is empty or longer than 255 bytes",
            ));
        }
        let workload = WorkloadKey {
            account: arn.account.to_owned(),
            region: arn.region.to_owned(),
            kind: Kind::Build,
            cluster: String::new(),
            name: self.name.clone(),
        };
        let from_ms = self
            .last_modified
            .filter(|time| time.is_plausible())
            .map_or(0, |time| time.0);
        let configuration = self
            .environment
            .map_or_else(on_codebuild, Environment::configuration);
        let row = ConfigurationRow::new(
            workload.into(),
            from_ms,
            None,
            configuration,
            SourceKind::CodebuildApi,
        );
        Ok(ConfigurationRow {
            tags: tags(self.tags),
            ..row
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn built(phases: &Value, environment: &Value) -> RunRow {
        let build = json!({
            "arn": "arn:aws:codebuild:us-east-1:123456789012:build/app:01", "id": "app:01", "projectName": "app",
            "startTime": 1_795_000_000, "timeoutInMinutes": 60, "phases": phases, "environment": environment,
        });
        let build: Build = serde_json::from_value(build).unwrap();
        build.into_row().unwrap()
    }

    #[test]
    fn a_build_that_died_in_the_queue_never_left_it() {
        let phase = |name: &str, from: i64, to: i64| json!({ "phaseType": name, "startTime": 1_795_000_000 + from, "endTime": 1_795_000_000 + to });
        let died = built(
            &json!([phase("SUBMITTED", 0, 0), phase("QUEUED", 0, 600), { "phaseType": "COMPLETED", "startTime": 1_795_000_600 }]),
            &json!({}),
        );
        assert_eq!(died.left_queue, Some(false));
        assert_eq!(died.stopped_ms, Some(1_795_000_600_000));
        let began = built(
            &json!([phase("QUEUED", 0, 1), { "phaseType": "PROVISIONING", "startTime": 1_795_000_001 }]),
            &json!({}),
        );
        assert_eq!(
            (began.left_queue, began.last_seen_ms, began.timeout_min),
            (Some(true), Some(1_795_000_001_000), Some(60))
        );
        assert_eq!(built(&json!([]), &json!({})).left_queue, None);
    }

    #[test]
    fn reserved_capacity_and_docker_servers_are_told_apart() {
        let fleet = "arn:aws:codebuild:us-east-1:123456789012:fleet/warm:7c1f0a52-0b7e";
        let now = built(
            &json!([]),
            &json!({ "fleet": { "fleetArn": fleet }, "dockerServer": { "computeType": "BUILD_GENERAL1_LARGE" } }),
        )
        .configuration;
        assert_eq!(now.fleet.as_deref(), Some("warm"));
        assert_eq!(now.docker_server.as_deref(), Some("BUILD_GENERAL1_LARGE"));
    }
}
