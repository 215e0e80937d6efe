//! Which clusters and services there are.

use std::collections::{BTreeSet, HashMap};

use aws_sdk_ecs::types::{self as sdk, ClusterField};
use futures::{StreamExt, stream};
use sha2::{Digest, Sha256};

use super::{AT_ONCE, Cluster, Discovered, Insights, Service, failures, is_final};
use crate::collect::call::{Fault, Place};
use crate::collect::listing::Listing;
use crate::collect::rates::Class;
use crate::collect::reckoning::{Failure, Reckoning};
use crate::dataset::schema::ConfigurationRow;
use crate::model::hash::short_hash;
use crate::model::tags::TagKeys;
use crate::records::fields::{Arn, code_word, is_name};
use crate::records::sdk::time;
use crate::records::services;

/// Most that one call describes. Source: ECS API reference, read 2026-11.
const CLUSTERS_A_CALL: usize = 100;
const SERVICES_A_CALL: usize = 10;

/// Finds clusters and services. `only`: names of clusters to restrict to; all where empty.
///
/// Fails when clusters cannot be listed; what fails later is a fault of its cluster.
pub(crate) async fn discover(place: &Place, only: &[String]) -> Result<Discovered, Fault> {
    let wanted: BTreeSet<String> = if only.is_empty() {
        list_clusters(place).await?
    } else {
        only.iter().cloned().collect()
    };
    let wanted: Vec<String> = wanted.into_iter().collect();
    let (mut clusters, mut discovered) = (Vec::new(), Discovered::default());
    for asked in wanted.chunks(CLUSTERS_A_CALL) {
        match describe_clusters(place, asked).await {
            Ok(described) => {
                clusters.extend(described.clusters);
                discovered.missing.extend(described.missing);
                if !only.is_empty() {
                    discovered.missing.extend(described.deleted);
                }
            }
            // Only listed ones: a name that was merely asked for may not be there at all.
            Err(fault @ Fault::Denied(_)) if only.is_empty() => {
                clusters.extend(undescribed(asked, &fault));
            }
            Err(fault) => return Err(fault),
        }
    }
    let mut services = stream::iter(clusters)
        .map(|cluster| with_services(place, cluster))
        .buffer_unordered(AT_ONCE);
    while let Some(cluster) = services.next().await {
        discovered.clusters.push(cluster?);
    }
    discovered.clusters.sort_by(|a, b| a.name.cmp(&b.name));
    discovered.clusters.dedup_by(|a, b| a.name == b.name);
    Ok(discovered)
}

async fn list_clusters(place: &Place) -> Result<BTreeSet<String>, Fault> {
    let ask = async |token: Option<String>| {
        let request = || {
            place
                .clients
                .ecs
                .list_clusters()
                .max_results(100)
                .set_next_token(token.clone())
                .send()
        };
        let page = place
            .call(Class::EcsClusters, "ecs:ListClusters", request)
            .await?;
        Ok((page.cluster_arns, page.next_token))
    };
    let (mut listing, mut all) = (Listing::default(), BTreeSet::new());
    while let Some(page) = listing.next(ask, String::as_str).await? {
        all.extend(page);
    }
    Ok(all)
}

/// What became of clusters that were asked for.
#[derive(Default)]
struct Described {
    clusters: Vec<Cluster>,
    /// Not returned, each with its reason.
    missing: Vec<String>,
    /// Deleted, but AWS still shows them for a while.
    deleted: Vec<String>,
}

async fn describe_clusters(place: &Place, asked: &[String]) -> Result<Described, Fault> {
    let request = || {
        let request = place
            .clients
            .ecs
            .describe_clusters()
            .include(ClusterField::Settings);
        request.set_clusters(Some(asked.to_vec())).send()
    };
    let answer = place
        .call(Class::EcsClusters, "ecs:DescribeClusters", request)
        .await?;
    let (mut reckoning, mut described) = (Reckoning::default(), Described::default());
    let failed: Vec<Failure> = failures(answer.failures).collect();
    for cluster in reckoning.sort(
        asked,
        answer.clusters,
        sdk::Cluster::cluster_arn,
        failed.clone(),
    ) {
        let is_deleted = cluster.status() == Some("INACTIVE");
        match found(cluster) {
            Some(cluster) if is_deleted => described
                .deleted
                .push(format!("cluster {} is deleted", cluster.name)),
            Some(cluster) => described.clusters.push(cluster),
            None => described
                .missing
                .push("a cluster without a name".to_owned()),
        }
    }
    let named = |(arn, reason): &Failure| {
        let name = arn
            .as_deref()
            .and_then(|arn| arn.rsplit('/').next())
            .filter(|name| is_name(name));
        let reason = code_word(reason.clone()).unwrap_or_else(|| "no reason given".to_owned());
        format!(
            "cluster {} not returned: {reason}",
            name.unwrap_or("without a name")
        )
    };
    described.missing.extend(failed.iter().map(named));
    described.missing.extend(reckoning.dropped("clusters"));
    Ok(described)
}

fn found(cluster: sdk::Cluster) -> Option<Cluster> {
    let arn = cluster.cluster_arn?;
    let name = cluster.cluster_name.filter(|name| is_name(name))?;
    Some(Cluster {
        insights: insights(cluster.settings.unwrap_or_default()),
        services: Vec::new(),
        instances: cluster.registered_container_instances_count > 0,
        running_tasks: u64::try_from(cluster.running_tasks_count).unwrap_or(0),
        faults: Vec::new(),
        unknown_services: None,
        name,
        arn,
    })
}

fn insights(settings: Vec<sdk::ClusterSetting>) -> Insights {
    let is_insights = |setting: &sdk::ClusterSetting| {
        setting.name == Some(sdk::ClusterSettingName::ContainerInsights)
    };
    match settings
        .into_iter()
        .find(is_insights)
        .and_then(|setting| setting.value)
        .as_deref()
    {
        Some("enabled") => Insights::Standard,
        Some("enhanced") => Insights::Enhanced,
        _ => Insights::Disabled,
    }
}

/// Listed clusters that may not be described: each may have anything.
fn undescribed(arns: &[String], fault: &Fault) -> Vec<Cluster> {
    let named = arns
        .iter()
        .filter_map(|arn| Some((arn, Arn::parse(arn)?.last())))
        .filter(|(_, name)| is_name(name));
    let cluster = |(arn, name): (&String, &str)| Cluster {
        name: name.to_owned(),
        arn: arn.clone(),
        insights: Insights::Standard,
        services: Vec::new(),
        instances: true,
        running_tasks: 0,
        faults: vec![fault.reason()],
        unknown_services: None,
    };
    named.map(cluster).collect()
}

/// The cluster with its services.
async fn with_services(place: &Place, mut cluster: Cluster) -> Result<Cluster, Fault> {
    let mut arns = Vec::new();
    if let Err(fault) = list_services(place, &cluster, &mut arns).await {
        if matches!(fault, Fault::Stopped(_)) {
            return Err(fault);
        }
        cluster.faults.push(fault.reason());
        cluster.unknown_services = Some(fault);
    }
    let (mut described, mut reckoning) = (HashMap::new(), Reckoning::default());
    let chunks: Vec<Vec<String>> = arns
        .chunks(SERVICES_A_CALL)
        .map(<[String]>::to_vec)
        .collect();
    let arn = cluster.arn.clone();
    let mut answers = stream::iter(chunks)
        .map(|asked| describe_services(place, &arn, asked))
        .buffer_unordered(AT_ONCE);
    while let Some((asked, answer)) = answers.next().await {
        match answer {
            Ok(answer) => {
                for service in reckoning.sort(
                    &asked,
                    answer.services,
                    sdk::Service::service_arn,
                    failures(answer.failures),
                ) {
                    let (name, settled_ms) = (service.service_name.clone(), settled_ms(&service));
                    let rows = reckoning.accept(services::Service::from(service).into_rows());
                    described.extend(
                        name.zip(rows)
                            .map(|(name, rows)| (name, (settled_ms, rows))),
                    );
                }
            }
            Err(fault @ Fault::Stopped(_)) => return Err(fault),
            Err(fault) if is_final(&fault) => {
                cluster.faults.push(fault.reason());
                cluster.unknown_services = Some(fault);
                break;
            }
            Err(fault) => reckoning.unanswered(asked.len(), &fault),
        }
    }
    drop(answers);
    let not_described: Vec<String> = reckoning
        .faults("services")
        .into_iter()
        .chain(reckoning.gone_note("services"))
        .collect();
    if let (None, Some(first)) = (&cluster.unknown_services, not_described.first()) {
        cluster.unknown_services = Some(Fault::Failed(first.clone()));
    }
    cluster.faults.extend(not_described);
    cluster.services = services(arns, described, &place.tags);
    Ok(cluster)
}

/// When the service last changed; `None` while it is changing.
fn settled_ms(service: &sdk::Service) -> Option<i64> {
    let [deployment] = service.deployments() else {
        return None;
    };
    let is_over = deployment
        .rollout_state
        .as_ref()
        .is_none_or(|state| *state == sdk::DeploymentRolloutState::Completed);
    let changed = [deployment.created_at, deployment.updated_at]
        .into_iter()
        .flatten()
        .map(|at| time(at).0)
        .max();
    changed.filter(|_| is_over && service.task_sets().is_empty())
}

async fn list_services(
    place: &Place,
    cluster: &Cluster,
    arns: &mut Vec<String>,
) -> Result<(), Fault> {
    let ask = async |token: Option<String>| {
        let request = || {
            let request = place
                .clients
                .ecs
                .list_services()
                .cluster(&cluster.arn)
                .max_results(100);
            request.set_next_token(token.clone()).send()
        };
        let page = place
            .call(Class::EcsServices, "ecs:ListServices", request)
            .await?;
        Ok((page.service_arns, page.next_token))
    };
    let mut listing = Listing::default();
    while let Some(page) = listing.next(ask, String::as_str).await? {
        arns.extend(page);
    }
    Ok(())
}

type Services = aws_sdk_ecs::operation::describe_services::DescribeServicesOutput;

async fn describe_services(
    place: &Place,
    cluster: &str,
    asked: Vec<String>,
) -> (Vec<String>, Result<Services, Fault>) {
    let request = || {
        place
            .clients
            .ecs
            .describe_services()
            .cluster(cluster)
            .set_services(Some(asked.clone()))
            .include(sdk::ServiceField::Tags)
            .send()
    };
    let answer = place
        .call(Class::EcsServices, "ecs:DescribeServices", request)
        .await;
    (asked, answer)
}

/// When each described service last changed, and its configurations, by name.
type DescribedServices = HashMap<String, (Option<i64>, Vec<ConfigurationRow>)>;

/// Every listed service, described or not: its metrics can be read either way.
fn services(arns: Vec<String>, mut described: DescribedServices, keys: &TagKeys) -> Vec<Service> {
    let service = |arn: String| {
        let name = Arn::parse(&arn)?.last().to_owned();
        let (settled_ms, configurations) = described.remove(&name).unwrap_or_default();
        is_name(&name).then(|| Service {
            tags: hash_of_tags(&configurations, keys),
            arn,
            name,
            settled_ms,
            configurations,
        })
    };
    let mut services: Vec<Service> = arns.into_iter().filter_map(service).collect();
    services.sort_by(|a, b| a.name.cmp(&b.name));
    services
}

/// Tells whether the tags of a service are still those that are known: changing them deploys nothing.
fn hash_of_tags(configurations: &[ConfigurationRow], keys: &TagKeys) -> Option<String> {
    let tags = keys.of(configurations.first()?.tags.clone()?);
    let text = serde_json::to_vec(&tags)
        .ok()
        .filter(|_| !tags.is_empty())?;
    Some(short_hash(Sha256::new_with_prefix(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn insights_are_off_unless_the_settings_say_otherwise() {
        let setting = |value: &str| {
            let setting = sdk::ClusterSetting::builder()
                .name(sdk::ClusterSettingName::ContainerInsights)
                .value(value)
                .build();
            insights(vec![setting])
        };
        assert_eq!(setting("enabled"), Insights::Standard);
        assert_eq!(setting("enhanced"), Insights::Enhanced);
        assert_eq!(setting("disabled"), Insights::Disabled);
        assert_eq!(insights(Vec::new()), Insights::Disabled);
    }

    #[test]
    fn a_service_that_is_not_described_keeps_its_name() {
        let arn = "arn:aws:ecs:us-east-1:123456789012:service/prod/web".to_owned();
        let found = services(
            vec![arn, "no ARN".to_owned()],
            HashMap::new(),
            &TagKeys::default(),
        );
        assert_eq!(found.len(), 1);
        assert_eq!(
            (found[0].name.as_str(), found[0].families().count()),
            ("web", 0)
        );
    }

    #[test]
    fn a_service_is_settled_when_one_deployment_is_left_and_over() {
        let at = |seconds| aws_smithy_types::DateTime::from_secs(seconds);
        let deployment = |state| {
            sdk::Deployment::builder()
                .created_at(at(10))
                .updated_at(at(20))
                .rollout_state(state)
                .build()
        };
        let settled = |deployments: &[sdk::DeploymentRolloutState]| {
            let deployments = deployments.iter().cloned().map(deployment).collect();
            settled_ms(
                &sdk::Service::builder()
                    .set_deployments(Some(deployments))
                    .build(),
            )
        };
        let (over, under_way) = (
            sdk::DeploymentRolloutState::Completed,
            sdk::DeploymentRolloutState::InProgress,
        );
        assert_eq!(settled(std::slice::from_ref(&over)), Some(20_000));
        assert_eq!(settled(std::slice::from_ref(&under_way)), None);
        assert_eq!(settled(&[under_way, over]), None);
        assert_eq!(settled(&[]), None, "another controller deploys it");
    }
}
