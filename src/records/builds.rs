//! CodeBuild builds: `aws codebuild batch-get-builds` output.

use serde::Deserialize;

use super::Refusal;
use super::fields::{Arn, Time, code_word, is_name};
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
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Phase {
    pub(super) phase_type: Option<String>,
    pub(super) start_time: Option<Time>,
}

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
        let times = [self.start_time, provisioning, end];
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
            last_seen_ms: None,
            stop_code: code_word(self.build_status.clone()),
            out_of_memory: false,
            configuration: self
                .environment
                .map_or_else(on_codebuild, Environment::configuration),
            source: SourceKind::CodebuildApi,
        })
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
            environment_type,
            ..on_codebuild()
        }
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
        Ok(ConfigurationRow {
            workload: workload.into(),
            from_ms: self
                .last_modified
                .filter(|time| time.is_plausible())
                .map_or(0, |time| time.0),
            task_definition: None,
            configuration: self
                .environment
                .map_or_else(on_codebuild, Environment::configuration),
            source: SourceKind::CodebuildApi,
        })
    }
}
