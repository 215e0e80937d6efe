//! What there is in one place, and which days of it are missing.

use std::collections::{BTreeMap, BTreeSet};

use super::call::{Fault, Place};
use super::cloudwatch::{self, ByCluster, SERIES_PER_WORKLOAD, Series};
use super::ecs::{self, Cluster, Insights};
use super::logs::{self, Group};
use super::plan::{Day, Known};
use super::request::Request;
use super::scopes::{ClusterScope, EVERY_CLUSTER, Metrics, Outcome, Scopes};
use crate::dataset::schema::State;
use crate::dataset::source;
use crate::dataset::written::BUILD_SCOPE;
use crate::model::units::MS_PER_DAY;

/// The scopes of one place.
pub(super) async fn discover(
    place: &Place,
    request: &Request,
    known: &Known,
) -> Result<Scopes, Fault> {
    let mut discovery = Discovery {
        place,
        request,
        known,
        outcomes: Vec::new(),
    };
    let clusters = discovery.clusters().await?;
    let names: Vec<String> = clusters
        .iter()
        .map(|cluster| cluster.name.clone())
        .collect();
    let measured = discovery.measured(&clusters).await?;
    discovery.price_book();
    let families = discovery.families(&clusters).await?;
    let logs = discovery.logs(&names).await?;
    let clusters = clusters
        .into_iter()
        .map(|cluster| discovery.scope(cluster, &measured, &families))
        .collect();
    let with_builds = request.clusters.is_empty();
    let builds = |source| {
        if with_builds {
            discovery.missing(BUILD_SCOPE, source)
        } else {
            Vec::new()
        }
    };
    let (builds, build_metrics) = (builds(source::BUILDS), builds(source::BUILD_METRICS));
    let is_fresh = known.has_fresh(
        [&place.account, &place.region],
        BUILD_SCOPE,
        source::PROJECTS,
        request.now_ms,
    );
    let with_projects = with_builds && !is_fresh;
    Ok(Scopes {
        place: place.clone(),
        clusters,
        logs,
        with_projects,
        builds,
        build_metrics,
        outcomes: discovery.outcomes,
    })
}

/// The source of the list of clusters, those named or all of them.
pub(super) fn clusters_source(named: &[String]) -> String {
    match named {
        [] => source::CLUSTERS.to_owned(),
        named => source::of(source::CLUSTERS, &named.join(",")),
    }
}

/// Looks around in one place.
struct Discovery<'a> {
    place: &'a Place,
    request: &'a Request,
    known: &'a Known,
    outcomes: Vec<Outcome>,
}

impl Discovery<'_> {
    fn here(&self) -> [&str; 2] {
        [&self.place.account, &self.place.region]
    }

    fn missing(&self, scope: &str, source: &str) -> Vec<Day> {
        self.known.missing(
            self.here(),
            scope,
            source,
            self.request.days.clone(),
            self.request.now_ms,
        )
    }

    async fn clusters(&mut self) -> Result<Vec<Cluster>, Fault> {
        let all: Vec<Day> = self.request.days.clone().collect();
        let source = clusters_source(&self.request.clusters);
        let discovered = match ecs::discover(self.place, &self.request.clusters).await {
            Ok(discovered) => discovered,
            Err(fault) if fault.is_of_place() => return Err(fault),
            Err(fault) => {
                // What is not listed was not looked at on any of the days.
                self.outcomes
                    .push(Outcome::fault(EVERY_CLUSTER, &source, all, &fault));
                return Ok(Vec::new());
            }
        };
        if discovered.missing.is_empty() {
            self.settle_clusters(&source);
        } else {
            let fault = Fault::Gone(discovered.missing.join("; "));
            self.outcomes
                .push(Outcome::fault(EVERY_CLUSTER, &source, all, &fault));
        }
        Ok(discovered.clusters)
    }

    /// Clusters could be listed: that they were to be, or that an earlier collection could not, is over. A listing of all
    /// of them has those that others asked for by name.
    fn settle_clusters(&mut self, source: &str) {
        const REASON: &str = "its clusters are known by now";
        let days = self.missing(EVERY_CLUSTER, source);
        self.tell(EVERY_CLUSTER, source, days, (State::Snapshot, REASON));
        if source == source::CLUSTERS {
            let of_named = source::of(source::CLUSTERS, "");
            for source in self
                .known
                .sources_like(self.here(), EVERY_CLUSTER, &of_named)
            {
                self.settle(EVERY_CLUSTER, &source, State::Snapshot, REASON);
            }
        }
    }

    /// Services with metrics. Whoever was deleted since the last collection is listed by CloudWatch alone.
    async fn measured(&mut self, clusters: &[Cluster]) -> Result<ByCluster, Fault> {
        let all: Vec<Day> = self.request.days.clone().collect();
        match cloudwatch::services(self.place).await {
            Ok(measured) => {
                for cluster in clusters {
                    self.settle(
                        &cluster.name,
                        source::METRICS,
                        State::Snapshot,
                        "its services are known by now",
                    );
                }
                Ok(measured)
            }
            Err(fault @ Fault::Stopped(_)) => Err(fault),
            Err(fault) => {
                for cluster in clusters {
                    self.outcomes.push(Outcome::fault(
                        &cluster.name,
                        source::METRICS,
                        all.clone(),
                        &fault,
                    ));
                }
                Ok(ByCluster::new())
            }
        }
    }

    /// Task definition families with metrics, where Container Insights is on.
    async fn families(&mut self, clusters: &[Cluster]) -> Result<ByCluster, Fault> {
        let measured: Vec<&Cluster> = clusters
            .iter()
            .filter(|cluster| cluster.insights != Insights::Disabled)
            .collect();
        if measured.is_empty() {
            return Ok(ByCluster::new());
        }
        match cloudwatch::families(self.place).await {
            Ok(found) => {
                for cluster in measured
                    .iter()
                    .filter(|cluster| cluster.unknown_services.is_none())
                {
                    self.settle(
                        &cluster.name,
                        source::FAMILY_METRICS,
                        State::Snapshot,
                        "its families are known by now",
                    );
                }
                Ok(found)
            }
            Err(fault @ Fault::Stopped(_)) => Err(fault),
            Err(fault) => {
                for cluster in measured {
                    let days = self.missing(&cluster.name, source::FAMILY_METRICS);
                    self.outcomes.push(Outcome::fault(
                        &cluster.name,
                        source::FAMILY_METRICS,
                        days,
                        &fault,
                    ));
                }
                Ok(ByCluster::new())
            }
        }
    }

    /// Log groups with records about tasks, each with its missing days.
    async fn logs(&mut self, clusters: &[String]) -> Result<Vec<(Group, Vec<Day>)>, Fault> {
        if clusters.is_empty() {
            return Ok(Vec::new());
        }
        match logs::groups(self.place, clusters, self.request.now_ms).await {
            Ok(groups) => {
                let without = |name: &&String| {
                    !groups.iter().any(|group| {
                        group.source() == source::TASK_EVENTS && group.scope() == *name
                    })
                };
                for name in clusters.iter().filter(without) {
                    self.settle(
                        name,
                        source::TASK_EVENTS,
                        State::Disabled,
                        "the cluster's own task events are not captured",
                    );
                }
                let with_days = |group: Group| {
                    let mut days = self.missing(group.scope(), group.source());
                    days.retain(|day| *day >= group.first_day);
                    (group, days)
                };
                Ok(groups.into_iter().map(with_days).collect())
            }
            Err(fault @ Fault::Stopped(_)) => Err(fault),
            Err(fault) => {
                for name in clusters {
                    let days = self.missing(name, source::TASK_EVENTS);
                    self.outcomes
                        .push(Outcome::fault(name, source::TASK_EVENTS, days, &fault));
                }
                Ok(Vec::new())
            }
        }
    }

    /// Takes back what an earlier collection said of days on which it could not look.
    fn settle(&mut self, scope: &str, source: &str, state: State, reason: &str) {
        let days = self
            .known
            .unfinished(self.here(), scope, source, self.request.days.clone());
        self.tell(scope, source, days, (state, reason));
    }

    fn tell(&mut self, scope: &str, source: &str, days: Vec<Day>, (state, reason): (State, &str)) {
        if !days.is_empty() {
            self.outcomes.push(Outcome {
                scope: scope.to_owned(),
                source: source.to_owned(),
                days,
                state,
                reason: reason.to_owned(),
            });
        }
    }

    /// Keeps the name of the price book in use, once a day.
    fn price_book(&mut self) {
        let (source, today) = (
            source::of(source::PRICES, &self.request.book),
            self.request.now_ms / MS_PER_DAY,
        );
        let known = self.known.rows(self.here(), EVERY_CLUSTER, &source, today);
        if known.is_none() {
            let reason = format!("price book {}", self.request.book);
            self.tell(
                EVERY_CLUSTER,
                &source,
                vec![today],
                (State::Snapshot, &reason),
            );
        }
    }

    /// What is missing of a cluster.
    fn scope(
        &mut self,
        cluster: Cluster,
        measured: &ByCluster,
        families: &ByCluster,
    ) -> ClusterScope {
        let (account, region) = (&self.place.account, &self.place.region);
        let standalone = standalone(&cluster, families).unwrap_or_else(|fault| {
            let days = self.missing(&cluster.name, source::FAMILY_METRICS);
            self.outcomes.push(Outcome::fault(
                &cluster.name,
                source::FAMILY_METRICS,
                days,
                &fault,
            ));
            Vec::new()
        });
        let mut metrics = self.metrics(
            &cluster,
            source::METRICS,
            &names_of(&cluster, measured),
            |name| Series::of_service(account, region, &cluster.name, name),
        );
        metrics.extend(
            self.metrics(&cluster, source::FAMILY_METRICS, &standalone, |name| {
                Series::of_family(account, region, &cluster.name, name)
            }),
        );
        let now_ms = self.request.now_ms;
        let changed = cluster.services.iter().enumerate().filter(|(_, service)| {
            !self.known.has_history(
                self.here(),
                &cluster.name,
                &service.name,
                service.settled_ms,
                service.tags.as_deref(),
                now_ms,
            )
        });
        let changed = changed.map(|(place, _)| place).collect();
        let is_fresh = self
            .known
            .has_fresh(self.here(), &cluster.name, source::ECS, now_ms);
        ClusterScope {
            cluster,
            is_fresh,
            changed,
            metrics,
        }
    }

    /// The series of `workloads`, those with the same missing days together.
    fn metrics(
        &self,
        cluster: &Cluster,
        source: &'static str,
        workloads: &[&String],
        series: impl Fn(&str) -> [Series; SERIES_PER_WORKLOAD],
    ) -> Vec<Metrics> {
        let mut alike: BTreeMap<Vec<Day>, Vec<&String>> = BTreeMap::new();
        let Request {
            days,
            resolution,
            now_ms,
            ..
        } = self.request;
        for name in workloads {
            let source = source::of(source, name);
            let mut missing = self.missing(&cluster.name, &source);
            missing.extend(self.known.coarser(
                self.here(),
                &cluster.name,
                &source,
                days.clone(),
                |day| resolution.period_s(day, *now_ms),
            ));
            missing.sort_unstable();
            missing.dedup();
            alike.entry(missing).or_default().push(name);
        }
        let of = |(days, workloads): (Vec<Day>, Vec<&String>)| {
            let chunks = cloudwatch::chunks(workloads.len(), &days, *resolution, *now_ms);
            let series = workloads
                .into_iter()
                .flat_map(|name| series(name))
                .collect();
            Metrics {
                source,
                series,
                chunks,
                is_whole: days.is_empty(),
            }
        };
        alike.into_iter().map(of).collect()
    }
}

/// The services of a cluster, those that are only measured included.
fn names_of<'a>(cluster: &'a Cluster, measured: &'a ByCluster) -> Vec<&'a String> {
    let measured = measured.get(&cluster.name).into_iter().flatten();
    let names: BTreeSet<&String> = cluster
        .services
        .iter()
        .map(|service| &service.name)
        .chain(measured)
        .collect();
    names.into_iter().collect()
}

/// The families of a cluster that run as standalone tasks. Fails where a family may be a service's without our knowing.
fn standalone<'f>(cluster: &Cluster, families: &'f ByCluster) -> Result<Vec<&'f String>, Fault> {
    let of_services: BTreeSet<&str> = cluster
        .services
        .iter()
        .flat_map(ecs::Service::families)
        .collect();
    let families = families.get(&cluster.name).into_iter().flatten();
    let standalone: Vec<&String> = families
        .filter(|family| !of_services.contains(family.as_str()))
        .collect();
    match &cluster.unknown_services {
        Some(fault) if !standalone.is_empty() => Err(fault.clone()),
        _ => Ok(standalone),
    }
}
