//! Named profiles, as the AWS CLI takes them: one that does not exist is an error, one that was named on the command
//! line wins over keys in the environment, one that `AWS_PROFILE` names does not.
//!
//! Source: botocore, `credentials.create_credential_resolver` and `session.get_scoped_config`, read 2026-11.

use std::borrow::Cow;
use std::path::PathBuf;

use aws_config::Region;
use aws_config::ecs::EcsCredentialsProvider;
use aws_config::imds::credentials::ImdsCredentialsProvider;
use aws_config::meta::credentials::CredentialsProviderChain;
use aws_config::profile::{ProfileFileCredentialsProvider, ProfileSet};
use aws_config::provider_config::ProviderConfig;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_types::os_shim_internal::{Env, Fs};

use crate::model::error::{Error, ErrorKind, Result};

/// Profiles listed in a message before the rest is only counted.
const NAMED: usize = 10;

/// The profile that is in force: `asked`, else that of the environment. An empty variable names none.
pub(super) fn in_force(asked: Option<&str>) -> Option<String> {
    let of_environment = || {
        ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]
            .iter()
            .find_map(|name| std::env::var(name).ok().filter(|value| !value.is_empty()))
    };
    asked.map(str::to_owned).or_else(of_environment)
}

/// Refuses a profile that the AWS configuration does not have.
pub(super) async fn check(name: &str) -> Result<()> {
    let files = format!("`{}` and `{}`", config_file(), credentials_file());
    let profiles = profiles().await.map_err(|cause| {
        Error::new(
            ErrorKind::Usage,
            format!("profile `{name}`: the AWS configuration in {files} cannot be read"),
        )
        .cause(cause)
        .hint("mend the file; `aws configure list-profiles` reads the same")
    })?;
    if profiles.get_profile(name).is_some() {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::Usage, format!("there is no profile `{name}`")).hint(format!(
            "{files} have {}; name one of them with --profile or AWS_PROFILE",
            listed(&profiles)
        )),
    )
}

/// What the AWS CLI asks for credentials where a profile is named: the profile, and where it holds none the container
/// and the instance that it runs on; never the environment.
pub(super) fn credentials(
    name: &str,
    region: Option<Region>,
    common: &ProviderConfig,
) -> SharedCredentialsProvider {
    let common = common.clone().with_region(region);
    let profile = ProfileFileCredentialsProvider::builder()
        .profile_name(name)
        .configure(&common)
        .build();
    let container = EcsCredentialsProvider::builder().configure(&common).build();
    let instance = ImdsCredentialsProvider::builder()
        .configure(&common)
        .build();
    SharedCredentialsProvider::new(
        CredentialsProviderChain::first_try("Profile", profile)
            .or_else("EcsContainer", container)
            .or_else("Ec2InstanceMetadata", instance),
    )
}

#[expect(
    clippy::default_trait_access,
    reason = "the type is of a crate that is no dependency of ours"
)]
async fn profiles() -> Result<ProfileSet, aws_config::profile::ProfileFileLoadError> {
    let everything = Cow::Borrowed("default");
    aws_config::profile::load(
        &Fs::real(),
        &Env::real(),
        &Default::default(),
        Some(everything),
    )
    .await
}

fn listed(profiles: &ProfileSet) -> String {
    let mut names: Vec<&str> = profiles.profiles().collect();
    names.sort_unstable();
    match names.len() {
        0 => "no profiles".to_owned(),
        all if all > NAMED => format!("{} and {} more", names[..NAMED].join(", "), all - NAMED),
        _ => names.join(", "),
    }
}

fn config_file() -> String {
    file("AWS_CONFIG_FILE", "config")
}

fn credentials_file() -> String {
    file("AWS_SHARED_CREDENTIALS_FILE", "credentials")
}

fn file(variable: &str, name: &str) -> String {
    let default = || {
        let home = etcetera::home_dir().unwrap_or_else(|_| PathBuf::from("~"));
        home.join(".aws").join(name).display().to_string()
    };
    std::env::var(variable).unwrap_or_else(|_| default())
}
