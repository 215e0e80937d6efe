//! Which accounts, regions, clusters and logs there are, and which days of each are missing.
//!
//! What was asked for is fixed before anything is discovered: an account or a region that cannot be looked at is a
//! line of the summary, never an empty success.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures::StreamExt;
use futures::stream;
use tokio::sync::watch;

use super::call::{Fault, Place};
use super::cloudwatch::{self, ByCluster, Chunk, Series};
use super::doctor::{self, Checkup};
use super::ecs::{self, Cluster, Insights};
use super::logs::{self, Group, GroupKind};
use super::plan::{self, Day, Known};
use super::rates::{Class, Rates};
use super::summary::{CostLine, Line};
use super::{Regions, Request, regions};
use crate::aws::{self, Patience};
use crate::dataset::schema::{Metric, State};
use crate::dataset::writer::BUILD_SCOPE;
use crate::error::{Error, Kind, Result};
use crate::records::Batch;
use crate::records::fields::is_account;

/// Sources, as the coverage table names them.
pub(crate) mod source {
    /// Snapshots of the ECS API; the time of the collection follows.
    pub(crate) const ECS: &str = "collect:ecs";
    /// `AWS/ECS` metrics of services.
    pub(crate) const METRICS: &str = "collect:metrics";
    /// `ECS/ContainerInsights` metrics of families that run as standalone tasks.
    pub(crate) const FAMILY_METRICS: &str = "collect:family-metrics";
    /// Builds.
    pub(crate) const BUILDS: &str = "collect:builds";
    /// `AWS/CodeBuild` metrics of builds.
    pub(crate) const BUILD_METRICS: &str = "collect:build-metrics";
    /// Task state-change events in CloudWatch Logs.
    pub(crate) const TASK_EVENTS: &str = "collect:task-events";
    /// Container Insights performance logs.
    pub(crate) const TASK_LOGS: &str = "collect:task-logs";
}

/// The scope of what concerns every cluster of a region.
pub(crate) const EVERY_CLUSTER: &str = "*";

/// Places that are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// Tells when, and why, everything is to stop.
type Stop = watch::Receiver<Option<&'static str>>;

/// One account in one region, and what is missing there.
#[derive(Debug)]
pub(crate) struct Scopes {
    /// Where.
    pub(crate) place: Place,
    /// ECS clusters.
    pub(crate) clusters: Vec<ClusterScope>,
    /// Logs, each with its missing days.
    pub(crate) logs: Vec<(Group, Vec<Day>)>,
    /// Days of which builds are missing.
    pub(crate) builds: Vec<Day>,
    /// Days of which the builds' metrics are missing.
    pub(crate) build_metrics: Vec<Day>,
    /// What could not be discovered, and the days that it takes away.
    pub(crate) blind: Vec<Blind>,
}

/// A cluster and what is missing of its metrics.
#[derive(Debug)]
pub(crate) struct ClusterScope {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// Its services' configurations.
    pub(crate) batch: Batch,
    /// What it runs now is in the dataset already.
    pub(crate) is_fresh: bool,
    /// Its metrics.
    pub(crate) metrics: Vec<Metrics>,
}

/// Series of one source, and the chunks in which they are fetched.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Source.
    pub(crate) source: &'static str,
    /// Series.
    pub(crate) series: Arc<Vec<Series>>,
    /// Chunks.
    pub(crate) chunks: Vec<Chunk>,
}

/// A source that cannot be discovered in a scope.
#[derive(Debug)]
pub(crate) struct Blind {
    /// Cluster or [`EVERY_CLUSTER`].
    pub(crate) scope: String,
    /// Source.
    pub(crate) source: String,
    /// Days.
    pub(crate) days: Vec<Day>,
    /// Why.
    pub(crate) fault: Fault,
}

/// Finds every scope of `request`. Fails only when no account can be reached at all.
pub(crate) async fn find(request: &Request, known: &Known, stop: Stop) -> Result<(Vec<Scopes>, Vec<Line>)> {
    everywhere(request, stop, async |place: &Place| discover(place, request, known).await).await
}

/// Looks at every place of `request` for `doctor`.
pub(crate) async fn examine(request: &Request, stop: Stop) -> Result<(Vec<Checkup>, Vec<Line>)> {
    everywhere(request, stop, async |place: &Place| doctor::examine(place, &request.clusters, request.now_ms).await).await
}

/// What `look` finds in each place, and a line for each place that was asked for and cannot be looked at.
async fn everywhere<T>(
    request: &Request,
    stop: Stop,
    look: impl AsyncFn(&Place) -> Result<T, Fault>,
) -> Result<(Vec<T>, Vec<Line>)> {
    let (places, mut refused) = places(request, stop).await?;
    let mut found = Vec::new();
    let looks = places.iter().map(async |(place, asked)| (look(place).await, place, *asked));
    for (answer, place, asked) in stream::iter(looks).buffered(SIDE_BY_SIDE).collect::<Vec<_>>().await {
        match answer {
            Ok(answer) => found.push(answer),
            // The identity was accepted elsewhere: so the region is not enabled, and nobody asked for it by name.
            Err(Fault::OptedOut | Fault::Credentials(_)) if !asked => {}
            Err(fault) => refused.push(Line::of_fault(&place.account, &place.region, EVERY_CLUSTER, "ecs", &fault)),
        }
    }
    if let (true, Some(first)) = (found.is_empty(), refused.first()) {
        let why = first.reason.clone().unwrap_or_default();
        return Err(if refused.iter().all(Line::is_about_credentials) { not_logged_in(&why) } else { not_reached(&why) });
    }
    Ok((found, refused))
}

/// The error of credentials that reach nothing.
fn not_logged_in(why: &str) -> Error {
    Error::new(Kind::Authentication, format!("no account can be reached: {why}"))
        .hint("check `aws sts get-caller-identity`; for IAM Identity Center run `aws sso login`, or name a --profile")
}

fn not_reached(why: &str) -> Error {
    Error::new(Kind::Failure, format!("no account can be reached: {why}"))
        .hint("check the network, a proxy (HTTPS_PROXY), and the permissions with `plimsoll doctor`")
}

/// The accounts behind the credentials, times their regions; `true` where the region was named.
async fn places(request: &Request, stop: Stop) -> Result<(Vec<(Place, bool)>, Vec<Line>)> {
    let patience = if request.pace > 1.0 { Patience::LOCAL } else { Patience::AWS };
    let (mut places, mut refused) = (BTreeMap::new(), Vec::new());
    for login in &request.logins {
        let login = aws::log_in(login, patience).await;
        let home = match &request.regions {
            Regions::Named(named) => named.first().cloned(),
            _ => login.region(),
        };
        let home = match (home, &request.regions) {
            (Some(home), _) => home,
            (None, Regions::All) => "us-east-1".to_owned(),
            (None, _) => {
                return Err(Error::new(Kind::Usage, format!("no region for {}", login.name))
                    .hint("name one with --region, AWS_REGION or the profile's `region`; `--region all` takes every region"));
            }
        };
        let place = |account: &str, region: &str| Place {
            account: account.to_owned(),
            region: region.to_owned(),
            clients: login.clients(region),
            rates: Arc::new(Rates::new(request.pace)),
            tally: Arc::default(),
            stop: stop.clone(),
        };
        let others = match &request.regions {
            Regions::Named(named) => named.iter().skip(1).map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let asked = std::iter::once(home.as_str()).chain(others).map(|region| place("", region)).collect();
        let (account, arn) = match first_identity(asked).await {
            Ok(identity) => identity,
            Err(fault) => {
                refused.push(Line::of_fault(&login.name, &home, EVERY_CLUSTER, "identity", &fault));
                continue;
            }
        };
        tracing::info!("{} is account {account}", login.name);
        let wanted: Vec<(String, bool)> = match &request.regions {
            Regions::Default => vec![(home, true)],
            Regions::Named(named) => named.iter().map(|name| (name.clone(), true)).collect(),
            Regions::All => regions::of_partition(&arn).iter().map(|&name| (name.to_owned(), name == home)).collect(),
        };
        for (region, named) in wanted {
            places.entry((account.clone(), region.clone())).or_insert_with(|| (place(&account, &region), named));
        }
    }
    Ok((places.into_values().collect(), refused))
}

/// Account id and ARN of the credentials, from the first place that tells: one region may be closed to them.
async fn first_identity(places: Vec<Place>) -> Result<(String, String), Fault> {
    let mut first = Fault::OptedOut;
    for (no, place) in places.iter().enumerate() {
        match identity(place).await {
            Ok(identity) => return Ok(identity),
            Err(fault) if no == 0 => first = fault,
            Err(_) => {}
        }
    }
    Err(first)
}

/// Account id and ARN of the credentials.
async fn identity(place: &Place) -> Result<(String, String), Fault> {
    let answer = place.call(Class::Identity, "sts:GetCallerIdentity", || place.clients.sts.get_caller_identity().send()).await?;
    let account = answer.account.filter(|account| is_account(account));
    let account = account.ok_or_else(|| Fault::Protocol("sts:GetCallerIdentity: no account id".to_owned()))?;
    Ok((account, answer.arn.unwrap_or_default()))
}

/// The scopes of one place.
async fn discover(place: &Place, request: &Request, known: &Known) -> Result<Scopes, Fault> {
    let missing = |scope: &str, source: &str| known.missing(&place.account, &place.region, scope, source, request.days.clone());
    let mut blind = Vec::new();
    let today = request.now_ms / crate::units::MS_PER_DAY;
    let snapshot = ecs::snapshot_source(request.now_ms);
    let mut discovered = match ecs::discover(place, &request.clusters).await {
        Ok(discovered) => discovered,
        Err(fault @ (Fault::OptedOut | Fault::Credentials(_) | Fault::Stopped(_))) => return Err(fault),
        Err(fault) => {
            blind.push(Blind { scope: EVERY_CLUSTER.to_owned(), source: snapshot.clone(), days: vec![today], fault });
            ecs::Discovered::default()
        }
    };
    for missing in &discovered.missing {
        let fault = Fault::Gone(missing.clone());
        blind.push(Blind { scope: EVERY_CLUSTER.to_owned(), source: snapshot.clone(), days: vec![today], fault });
    }
    let names: Vec<String> = discovered.clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let has_insights = discovered.clusters.iter().any(|cluster| cluster.insights != Insights::Disabled);
    // Whoever was deleted since the last collection is listed by CloudWatch alone. The listing only adds.
    let measured = match cloudwatch::services(place).await {
        Err(fault @ Fault::Stopped(_)) => return Err(fault),
        listed => listed.unwrap_or_default(),
    };
    let mut families = ByCluster::new();
    if has_insights {
        match cloudwatch::families(place).await {
            Ok(found) => families = found,
            Err(fault @ Fault::Stopped(_)) => return Err(fault),
            Err(fault) => {
                for cluster in discovered.clusters.iter().filter(|cluster| cluster.insights != Insights::Disabled) {
                    let days = missing(&cluster.name, source::FAMILY_METRICS);
                    let source = source::FAMILY_METRICS.to_owned();
                    blind.push(Blind { scope: cluster.name.clone(), source, days, fault: fault.clone() });
                }
            }
        }
    }
    let mut logs = Vec::new();
    if !names.is_empty() {
        match logs::groups(place, &names, request.now_ms).await {
            Ok(groups) => {
                for group in groups {
                    let mut days = missing(group.scope(), group_source(&group));
                    days.retain(|day| *day >= group.first_day);
                    logs.push((group, days));
                }
            }
            Err(fault @ Fault::Stopped(_)) => return Err(fault),
            Err(fault) => {
                for name in &names {
                    let source = source::TASK_EVENTS.to_owned();
                    blind.push(Blind { scope: name.clone(), days: missing(name, &source), source, fault: fault.clone() });
                }
            }
        }
    }
    let mut batches = by_cluster(std::mem::take(&mut discovered.batch));
    let clusters = discovered.clusters.into_iter().map(|cluster| {
        let series = |names: Vec<&String>, of: &dyn Fn(&str, Metric) -> Series, metrics: [Metric; 2]| -> Vec<Series> {
            names.into_iter().flat_map(|name| metrics.map(|metric| of(name, metric))).collect()
        };
        let services = series(
            names_of(&cluster, &measured),
            &|name, metric| Series::service(&place.account, &place.region, &cluster.name, name, metric),
            [Metric::CpuPercent, Metric::MemoryPercent],
        );
        let standalone = standalone(&cluster, &families).unwrap_or_else(|fault| {
            let days = missing(&cluster.name, source::FAMILY_METRICS);
            let (scope, source) = (cluster.name.clone(), source::FAMILY_METRICS.to_owned());
            blind.push(Blind { scope, source, days, fault });
            Vec::new()
        });
        let standalone = series(
            standalone,
            &|name, metric| Series::family(&place.account, &place.region, &cluster.name, name, metric),
            [Metric::CpuUnits, Metric::MemoryMib],
        );
        let metrics =
            [(source::METRICS, services), (source::FAMILY_METRICS, standalone)].into_iter().filter(|(_, s)| !s.is_empty());
        let metrics = metrics.map(|(source, series)| {
            let days = missing(&cluster.name, source);
            let chunks = cloudwatch::chunks(series.len(), &days, request.resolution, request.now_ms);
            Metrics { source, series: Arc::new(series), chunks }
        });
        let metrics = metrics.collect();
        let is_fresh = known.has_fresh_snapshot(&place.account, &place.region, &cluster.name, request.now_ms);
        ClusterScope { is_fresh, batch: batches.remove(&cluster.name).unwrap_or_default(), metrics, cluster }
    });
    let clusters = clusters.collect();
    let with_builds = request.clusters.is_empty();
    let builds = |source| if with_builds { missing(BUILD_SCOPE, source) } else { Vec::new() };
    Ok(Scopes {
        clusters,
        logs,
        builds: builds(source::BUILDS),
        build_metrics: builds(source::BUILD_METRICS),
        blind,
        place: place.clone(),
    })
}

/// The services of a cluster, those that are only measured included.
fn names_of<'a>(cluster: &'a Cluster, measured: &'a ByCluster) -> Vec<&'a String> {
    let measured = measured.get(&cluster.name).into_iter().flatten();
    let names: BTreeSet<&String> = cluster.services.iter().map(|service| &service.name).chain(measured).collect();
    names.into_iter().collect()
}

/// The families of a cluster that run as standalone tasks. Fails where a family may be a service's without our knowing.
fn standalone<'f>(cluster: &Cluster, families: &'f ByCluster) -> Result<Vec<&'f String>, Fault> {
    let of_services: BTreeSet<&String> = cluster.services.iter().flat_map(|service| &service.families).collect();
    let families = families.get(&cluster.name).into_iter().flatten();
    let standalone: Vec<&String> = families.filter(|family| !of_services.contains(family)).collect();
    match &cluster.unknown_services {
        Some(fault) if !standalone.is_empty() => Err(fault.clone()),
        _ => Ok(standalone),
    }
}

/// The source that a log group feeds.
pub(crate) const fn group_source(group: &Group) -> &'static str {
    match group.kind {
        GroupKind::TaskEvents => source::TASK_EVENTS,
        GroupKind::TaskLogs => source::TASK_LOGS,
    }
}

fn by_cluster(batch: Batch) -> BTreeMap<String, Batch> {
    let mut batches: BTreeMap<String, Batch> = BTreeMap::new();
    for row in batch.configurations {
        batches.entry(row.workload.cluster.clone()).or_default().configurations.push(row);
    }
    batches
}

impl Scopes {
    /// Units of work: what becomes whole, and counts, one by one.
    pub(crate) fn units(&self) -> u64 {
        let chunks: usize = self.clusters.iter().flat_map(|cluster| &cluster.metrics).map(|metrics| metrics.chunks.len()).sum();
        let snapshots = self.clusters.iter().filter(|cluster| !cluster.is_fresh).count();
        let logs: usize = self.logs.iter().map(|(_, days)| days.len()).sum();
        (snapshots + chunks + logs + usize::from(!self.builds.is_empty())) as u64
    }

    /// A line for each source that has nothing missing, so that the summary shows it as complete.
    pub(crate) fn whole_lines(&self) -> impl Iterator<Item = Line> {
        let metrics = self.clusters.iter().flat_map(|cluster| {
            let whole = cluster.metrics.iter().filter(|metrics| metrics.chunks.is_empty());
            whole.map(|metrics| (cluster.cluster.name.clone(), metrics.source))
        });
        let logs = self.logs.iter().filter(|(_, days)| days.is_empty());
        let logs = logs.map(|(group, _)| (group.scope().to_owned(), group_source(group)));
        metrics.chain(logs).map(|(scope, source)| Line {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            scope,
            source: source.trim_start_matches("collect:").to_owned(),
            state: State::Complete,
            reason: None,
            days: 0,
            failed: 0,
            rows: 0,
        })
    }

    /// What each scope takes; `calls` gets the calls of each class, and the points that count against CloudWatch's rate.
    pub(crate) fn costs(&self, calls: &mut BTreeMap<Class, u64>) -> Vec<CostLine> {
        let line = |scope: &str| CostLine {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            scope: scope.to_owned(),
            days: 0,
            calls: 0,
            metrics: 0,
        };
        let mut lines: BTreeMap<String, CostLine> = BTreeMap::new();
        let mut points = 0;
        let mut add = |scope: &str, class: Class, count: u64, metrics: u64, days: usize| {
            *calls.entry(class).or_default() += count;
            let line = lines.entry(scope.to_owned()).or_insert_with(|| line(scope));
            line.calls += count;
            line.metrics += metrics;
            line.days = line.days.max(days);
        };
        for ClusterScope { cluster, metrics, is_fresh, .. } in &self.clusters {
            if !is_fresh {
                let services = cluster.services.len() as u64;
                // Two listings, and the pages of those that run now.
                add(&cluster.name, Class::EcsTasks, 2 + 2 * cluster.running_tasks.div_ceil(100), 0, 1);
                add(&cluster.name, Class::EcsServices, 2 * services, 0, 1);
                add(&cluster.name, Class::EcsDefinitions, services, 0, 1);
            }
            for metrics in metrics {
                let estimate = cloudwatch::estimate(&metrics.chunks, metrics.series.len());
                let days: i64 = metrics.chunks.iter().map(|chunk| chunk.days.end - chunk.days.start).sum();
                add(&cluster.name, Class::MetricData, estimate.calls, estimate.metrics, usize::try_from(days).unwrap_or(0));
                points += estimate.points;
            }
        }
        for (group, days) in &self.logs {
            add(group.scope(), Class::LogEvents, days.len() as u64, 0, days.len());
        }
        if !self.builds.is_empty() {
            add(BUILD_SCOPE, Class::Codebuild, 2, 0, self.builds.len());
        }
        if points > 0 {
            calls.insert(Class::OldPoints, points);
        }
        lines.into_values().collect()
    }
}

/// Neighbouring missing days, month by month.
pub(crate) fn spans(days: &[Day]) -> Vec<std::ops::Range<Day>> {
    plan::spans(days)
}
