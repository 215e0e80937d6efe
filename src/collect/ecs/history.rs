//! Which revision of each service was in force when: its deployments of the last 90 days, as long as AWS keeps them.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use aws_sdk_ecs::types::{self as sdk, ServiceDeploymentStatus as Status};
use futures::{StreamExt, stream};

use super::{AT_ONCE, Service, Snapshot, failures, is_final};
use crate::collect::call::{Fault, Place};
use crate::collect::listing::Listing;
use crate::collect::rates::Class;
use crate::collect::reckoning::Reckoning;
use crate::dataset::batch::Batch;
use crate::dataset::schema::ConfigurationRow;
use crate::model::workload::{Kind, WorkloadKey};
use crate::records::sdk::time;
use crate::records::services::{Revision, unknown_row};

/// Most that one call describes. Source: ECS API reference, read 2026-11.
const REVISIONS_A_CALL: usize = 20;

/// A deployment of a service that has begun.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Deployment {
    started_ms: i64,
    finished_ms: Option<i64>,
    /// ARN of the revision that it brought.
    revision: String,
    outcome: Outcome,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Successful,
    /// What was in force before is in force again.
    RolledBack,
    /// Under way, or broken off.
    Open,
}

impl Snapshot<'_> {
    /// The configurations of `services` over time. Without them their current deployments still count.
    pub(super) async fn history(&mut self, services: &[&Service]) -> Result<(), Fault> {
        let (place, cluster) = (self.place, self.cluster.arn.as_str());
        let mut reckoning = Reckoning::default();
        let mut without = 0;
        let histories: Vec<_> = services
            .iter()
            .map(|service| of_service(place, cluster, service))
            .collect();
        let mut histories = stream::iter(histories).buffer_unordered(AT_ONCE);
        while let Some((service, history)) = histories.next().await {
            match history {
                Ok(History {
                    deployments,
                    revisions,
                    reckoning: of_service,
                }) => {
                    let key = WorkloadKey {
                        account: place.account.clone(),
                        region: place.region.clone(),
                        kind: Kind::Service,
                        cluster: self.cluster.name.clone(),
                        name: service.name.clone(),
                    };
                    let configurations = rows(&key.into(), &deployments, &revisions);
                    reckoning.absorb(of_service);
                    self.send(Batch {
                        configurations,
                        ..Batch::default()
                    })
                    .await?;
                }
                // Services of other deployment controllers have none.
                Err(Fault::Protocol(what)) if what.contains("UnsupportedFeatureException") => {
                    without += 1;
                }
                // The service was deleted a moment ago.
                Err(Fault::Gone(what)) if what.contains("ServiceNotFoundException") => {}
                Err(fault) => {
                    let is_final = is_final(&fault);
                    self.report.fault(fault)?;
                    if is_final {
                        break;
                    }
                }
            }
        }
        if without > 0 {
            self.report
                .notes
                .push(format!("{without} services without a deployment history"));
        }
        self.report.reckon(&reckoning, "service revisions");
        Ok(())
    }
}

/// What AWS tells of one service's past.
struct History {
    deployments: Vec<Deployment>,
    /// By ARN.
    revisions: HashMap<String, Revision>,
    reckoning: Reckoning,
}

async fn of_service<'s>(
    place: &Place,
    cluster: &str,
    service: &'s Service,
) -> (&'s Service, Result<History, Fault>) {
    (service, history(place, cluster, service).await)
}

async fn history(place: &Place, cluster: &str, service: &Service) -> Result<History, Fault> {
    let deployments = deployments(place, cluster, service).await?;
    let wanted: BTreeSet<String> = deployments
        .iter()
        .map(|deployment| deployment.revision.clone())
        .collect();
    let wanted: Vec<String> = wanted.into_iter().collect();
    let mut history = History {
        deployments,
        revisions: HashMap::new(),
        reckoning: Reckoning::default(),
    };
    for asked in wanted.chunks(REVISIONS_A_CALL) {
        let request = || {
            place
                .clients
                .ecs
                .describe_service_revisions()
                .set_service_revision_arns(Some(asked.to_vec()))
                .send()
        };
        let answer = place
            .call(Class::EcsServices, "ecs:DescribeServiceRevisions", request)
            .await?;
        let name = sdk::ServiceRevision::service_revision_arn;
        let returned = history.reckoning.sort(
            asked,
            answer.service_revisions,
            name,
            failures(answer.failures),
        );
        let revisions = returned.into_iter().map(Revision::from);
        history
            .revisions
            .extend(revisions.map(|revision| (revision.arn.clone(), revision)));
    }
    Ok(history)
}

async fn deployments(
    place: &Place,
    cluster: &str,
    service: &Service,
) -> Result<Vec<Deployment>, Fault> {
    let ask = async |token: Option<String>| {
        let request = || {
            let request = place
                .clients
                .ecs
                .list_service_deployments()
                .cluster(cluster)
                .service(&service.arn)
                .max_results(100);
            request.set_next_token(token.clone()).send()
        };
        let page = place
            .call(Class::EcsServices, "ecs:ListServiceDeployments", request)
            .await?;
        Ok((page.service_deployments, page.next_token))
    };
    let (mut listing, mut deployments) = (Listing::default(), Vec::new());
    while let Some(page) = listing.next(ask, arn).await? {
        deployments.extend(page.into_iter().filter_map(deployment));
    }
    Ok(deployments)
}

fn arn(brief: &sdk::ServiceDeploymentBrief) -> &str {
    brief.service_deployment_arn().unwrap_or_default()
}

/// The deployment, if it has begun.
fn deployment(brief: sdk::ServiceDeploymentBrief) -> Option<Deployment> {
    let started = brief
        .started_at
        .or(brief
            .created_at
            .filter(|_| brief.status != Some(Status::Pending)))
        .map(time)?;
    let outcome = match brief.status? {
        Status::Pending => return None,
        Status::Successful => Outcome::Successful,
        Status::RollbackSuccessful => Outcome::RolledBack,
        _ => Outcome::Open,
    };
    let finished = brief
        .finished_at
        .map(time)
        .filter(|time| time.is_plausible());
    let revision = brief.target_service_revision_arn?;
    started.is_plausible().then(|| Deployment {
        started_ms: started.0,
        finished_ms: finished.map(|time| time.0),
        revision,
        outcome,
    })
}

/// The revision in force from each time on; `None` where it is not known.
fn in_force(deployments: &[Deployment]) -> Vec<(i64, Option<&str>)> {
    let mut by_time: Vec<&Deployment> = deployments.iter().collect();
    by_time.sort_by(|a, b| (a.started_ms, &a.revision).cmp(&(b.started_ms, &b.revision)));
    let (mut spans, mut settled) = (Vec::new(), None);
    for (i, deployment) in by_time.iter().enumerate() {
        spans.push((deployment.started_ms, Some(deployment.revision.as_str())));
        match (deployment.outcome, deployment.finished_ms) {
            (Outcome::Successful, _) => settled = Some(deployment.revision.as_str()),
            // After the newest deployment the service itself tells.
            (Outcome::RolledBack, Some(finished_ms))
                if settled.is_some() || i + 1 < by_time.len() =>
            {
                spans.push((finished_ms, settled));
            }
            _ => {}
        }
    }
    spans.sort_by_key(|(from_ms, _)| *from_ms);
    spans
}

/// The configurations of `service` over time. A revision that AWS does not return makes its time unknown, except
/// the newest one: the service itself tells what is in force now.
fn rows(
    service: &Arc<WorkloadKey>,
    deployments: &[Deployment],
    revisions: &HashMap<String, Revision>,
) -> Vec<ConfigurationRow> {
    let spans = in_force(deployments);
    let newest = spans.len().saturating_sub(1);
    let row = |(i, (from_ms, revision)): (usize, (i64, Option<&str>))| match revision
        .and_then(|arn| revisions.get(arn))
    {
        Some(revision) => Some(revision.row(service, from_ms)),
        None if i < newest => Some(unknown_row(service, from_ms)),
        None => None,
    };
    spans.into_iter().enumerate().filter_map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deployed(started_ms: i64, finished_ms: i64, revision: &str, outcome: Outcome) -> Deployment {
        Deployment {
            started_ms,
            finished_ms: Some(finished_ms),
            revision: revision.to_owned(),
            outcome,
        }
    }

    #[test]
    fn a_rollback_brings_back_the_last_revision_that_succeeded() {
        let deployments = [
            deployed(50, 60, "r3", Outcome::Successful),
            deployed(30, 40, "r2", Outcome::RolledBack),
            deployed(10, 20, "r1", Outcome::Successful),
        ];
        assert_eq!(
            in_force(&deployments),
            [
                (10, Some("r1")),
                (30, Some("r2")),
                (40, Some("r1")),
                (50, Some("r3"))
            ]
        );
    }

    #[test]
    fn a_rollback_to_a_revision_out_of_sight_leaves_its_time_unknown() {
        let rolled_back = deployed(30, 40, "r2", Outcome::RolledBack);
        let next = deployed(50, 60, "r3", Outcome::Open);
        assert_eq!(
            in_force(&[next, rolled_back.clone()]),
            [(30, Some("r2")), (40, None), (50, Some("r3"))]
        );
        assert_eq!(
            in_force(&[rolled_back]),
            [(30, Some("r2"))],
            "the service itself tells what came after"
        );
    }

    #[test]
    fn a_deployment_that_has_not_begun_changes_nothing() {
        let brief = |status: Status| {
            let at = aws_smithy_types::DateTime::from_secs(1_795_435_200);
            let brief = sdk::ServiceDeploymentBrief::builder()
                .created_at(at)
                .status(status);
            deployment(
                brief
                    .target_service_revision_arn("arn:aws:ecs:r:a:service-revision/prod/web/1")
                    .build(),
            )
        };
        assert_eq!(brief(Status::Pending), None);
        assert_eq!(
            brief(Status::InProgress).unwrap().started_ms,
            1_795_435_200_000
        );
    }

    fn revision(arn: &str, definition: &str) -> (String, Revision) {
        let definition = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/{definition}");
        let strategy = sdk::CapacityProviderStrategyItem::builder()
            .capacity_provider("FARGATE_SPOT")
            .build()
            .unwrap();
        let revision = sdk::ServiceRevision::builder()
            .service_revision_arn(arn)
            .task_definition(definition);
        (
            arn.to_owned(),
            revision
                .capacity_provider_strategy(strategy)
                .platform_family("Linux")
                .build()
                .into(),
        )
    }

    #[test]
    fn a_service_has_the_size_of_each_deployment_from_its_start_on() {
        let key: Arc<WorkloadKey> = WorkloadKey {
            account: "123456789012".into(),
            region: "us-east-1".into(),
            kind: Kind::Service,
            cluster: "prod".into(),
            name: "web".into(),
        }
        .into();
        let deployments = [
            deployed(10, 20, "r1", Outcome::Successful),
            deployed(30, 40, "r2", Outcome::Successful),
            deployed(50, 60, "r3", Outcome::Open),
        ];
        let told = |known: &[(&str, &str)]| -> Vec<(i64, Option<String>, Option<String>)> {
            let revisions = known
                .iter()
                .map(|(arn, definition)| revision(arn, definition))
                .collect();
            let rows = rows(&key, &deployments, &revisions);
            rows.into_iter()
                .map(|row| {
                    (
                        row.from_ms,
                        row.task_definition,
                        row.configuration.capacity_provider,
                    )
                })
                .collect()
        };
        let spot = || Some("FARGATE_SPOT".to_owned());
        assert_eq!(
            told(&[("r1", "web:1"), ("r2", "web:2"), ("r3", "web:3")]),
            [
                (10, Some("web:1".into()), spot()),
                (30, Some("web:2".into()), spot()),
                (50, Some("web:3".into()), spot())
            ]
        );
        assert_eq!(
            told(&[("r1", "web:1")]),
            [(10, Some("web:1".into()), spot()), (30, None, None)],
            "what is not returned is unknown, but the newest is told by the service itself"
        );
    }
}
