//! Can it run there at all? One question, asked of every platform.
//!
//! Sources: Amazon ECS developer guide, "Task definition differences for Fargate", "Service scheduler concepts" and
//! "Working with GPUs"; AWS CodeBuild user guide, "Build environment compute modes and types" and "Quotas"; all read
//! 2026-11.

use crate::model::units::MS_PER_HOUR;
use crate::model::workload::{Architecture, Configuration, Kind, Os, Platform};

/// CodeBuild stops a build after 36 hours. Source: AWS CodeBuild API reference, timeoutInMinutes, read 2026-11.
pub const LONGEST_BUILD_MS: i64 = 36 * MS_PER_HOUR;
/// Ephemeral storage of a Fargate task, GiB, at the most. Source: Amazon ECS developer guide, read 2026-11.
pub const LARGEST_EPHEMERAL_GIB: u32 = 200;

/// What decides where a workload can run.
#[derive(Debug, Clone, Copy)]
pub struct Demands<'a> {
    /// Service, task or build.
    pub kind: Kind,
    /// How it is configured today.
    pub configuration: &'a Configuration,
    /// Architecture to run on there.
    pub architecture: Architecture,
    /// Its longest run, milliseconds; `None` where none was seen to end.
    pub longest_ms: Option<i64>,
}

/// Why it cannot run on `platform`; empty where it can.
pub fn obstacles(platform: Platform, demands: &Demands<'_>) -> Vec<String> {
    let found: Vec<Option<&'static str>> = match platform {
        Platform::Fargate => on_fargate(demands),
        Platform::Codebuild => on_codebuild(demands),
        Platform::Ec2 => on_ec2(demands),
    };
    let windows_on_arm = (demands.configuration.os_or_default() == Os::Windows
        && demands.architecture == Architecture::Arm64)
        .then_some("Windows does not run on ARM there");
    found
        .into_iter()
        .chain([windows_on_arm])
        .flatten()
        .map(str::to_owned)
        .collect()
}

/// Something of a GPU is asked for.
pub fn needs_gpu(configuration: &Configuration) -> bool {
    let is_gpu_build = configuration
        .environment_type
        .as_deref()
        .is_some_and(|kind| kind.contains("GPU"));
    is_gpu_build || configuration.gpus.is_some_and(|gpus| gpus > 0)
}

/// Runs once on every instance of its cluster.
pub fn is_daemon(configuration: &Configuration) -> bool {
    configuration.scheduling_strategy.as_deref() == Some("DAEMON")
}

fn on_fargate(demands: &Demands<'_>) -> Vec<Option<&'static str>> {
    let configuration = demands.configuration;
    let privileged = match demands.kind {
        Kind::Build => "privileged builds need a Docker daemon, which Fargate does not give",
        Kind::Service | Kind::Task => "Fargate runs no privileged containers",
    };
    vec![
        (configuration.privileged == Some(true)).then_some(privileged),
        needs_gpu(configuration).then_some("needs a GPU, and Fargate has none"),
        is_daemon(configuration)
            .then_some("a daemon runs once on every instance; Fargate has no instances"),
        configuration
            .ephemeral_gib
            .is_some_and(|gib| gib > LARGEST_EPHEMERAL_GIB)
            .then_some("needs more storage than the 200 GiB of a Fargate task"),
    ]
}

fn on_codebuild(demands: &Demands<'_>) -> Vec<Option<&'static str>> {
    vec![
        (demands.kind == Kind::Service).then_some("a service never ends; CodeBuild runs builds"),
        demands
            .longest_ms
            .is_some_and(|longest| longest > LONGEST_BUILD_MS)
            .then_some("runs longer than 36 hours, CodeBuild's limit"),
    ]
}

fn on_ec2(demands: &Demands<'_>) -> Vec<Option<&'static str>> {
    let configuration = demands.configuration;
    vec![
        (configuration.os_or_default() == Os::Windows)
            .then_some("only Linux instances are modelled"),
        needs_gpu(configuration)
            .then_some("needs an instance type with a GPU, and no such fleet is modelled"),
        is_daemon(configuration).then_some(
            "a daemon runs once on every instance: its cost follows the number of instances",
        ),
    ]
}
