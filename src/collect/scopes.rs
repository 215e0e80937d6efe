//! Which accounts, regions, clusters and logs there are, and which days of each are missing.
//!
//! What was asked for is fixed before anything is discovered: an account or a region that cannot be looked at is a
//! line of the summary, never an empty success.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use futures::stream;
use tokio::sync::watch;

use super::call::{Fault, Place, Spending};
use super::cloudwatch::{self, ByCluster, Chunk, SERIES_PER_WORKLOAD, Series};
use super::doctor::{self, Checkup};
use super::ecs::{self, Cluster, Insights};
use super::logs::{self, Group};
use super::plan::{Day, Known};
use super::rates::{Class, Rates};
use super::summary::{CostLine, Line};
use super::{Regions, Request, fetch, regions, source};
use crate::aws::{self, Patience};
use crate::dataset::schema::State;
use crate::dataset::writer::BUILD_SCOPE;
use crate::error::{Error, Kind, Result};
use crate::records::fields::is_account;
use crate::units::MS_PER_DAY;

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
    /// CodeBuild's projects are to be read.
    pub(crate) with_projects: bool,
    /// Days of which builds are missing.
    pub(crate) builds: Vec<Day>,
    /// Days of which the builds' metrics are missing.
    pub(crate) build_metrics: Vec<Day>,
    /// What discovery tells of days beside that: mostly that it could not look.
    pub(crate) told: Vec<Told>,
}

/// A cluster and what is missing of it.
#[derive(Debug)]
pub(crate) struct ClusterScope {
    /// The cluster.
    pub(crate) cluster: Cluster,
    /// What it runs now is in the dataset already.
    pub(crate) is_fresh: bool,
    /// Its services whose history is not in the dataset, by their places in [`Cluster::services`].
    pub(crate) changed: Vec<usize>,
    /// Its metrics.
    pub(crate) metrics: Vec<Metrics>,
}

/// Workloads that miss the same days of one source, and the chunks in which they are fetched.
#[derive(Debug)]
pub(crate) struct Metrics {
    /// Source.
    pub(crate) source: &'static str,
    /// CPU and memory of each workload.
    pub(crate) series: Vec<Series>,
    /// Chunks; none where nothing is missing, or nothing is kept any more.
    pub(crate) chunks: Vec<Chunk>,
    /// No day is missing.
    is_whole: bool,
}

impl Metrics {
    fn workloads(&self) -> usize {
        self.series.len() / SERIES_PER_WORKLOAD
    }
}

/// What discovery tells of a source in a scope on some days.
#[derive(Debug)]
pub(crate) struct Told {
    /// Cluster or [`EVERY_CLUSTER`].
    pub(crate) scope: String,
    /// Source.
    pub(crate) source: String,
    /// Days.
    pub(crate) days: Vec<Day>,
    /// What they are.
    pub(crate) state: State,
    /// Why.
    pub(crate) reason: String,
}

impl Told {
    /// That the source could not be discovered.
    pub(crate) fn fault(scope: &str, source: &str, days: Vec<Day>, fault: &Fault) -> Self {
        let (state, reason) = (fault.state(), fault.reason());
        Self { scope: scope.to_owned(), source: source.to_owned(), days, state, reason }
    }
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
    let (places, mut refused) = places(request, stop.clone()).await?;
    let mut found = Vec::new();
    let looks = places.iter().map(async |(place, asked)| (look(place).await, place, *asked));
    for (answer, place, asked) in stream::iter(looks).buffered(SIDE_BY_SIDE).collect::<Vec<_>>().await {
        match answer {
            Ok(answer) => found.push(answer),
            // The identity was accepted elsewhere: so the region is not enabled, and nobody asked for it by name.
            Err(Fault::OptedOut | Fault::Stranger(_)) if !asked => {
                let line = Line::of_fault(&place.account, &place.region, EVERY_CLUSTER, "region", &Fault::OptedOut);
                refused.push(Line { is_broken: false, ..line });
            }
            Err(fault) => refused.push(Line::of_fault(&place.account, &place.region, EVERY_CLUSTER, "ecs", &fault)),
        }
    }
    let mut broken = refused.iter().filter(|line| line.is_broken).peekable();
    // Stopped by the user or the deadline before anything was found: that is no failure to reach AWS.
    if let (true, Some(first), None) = (found.is_empty(), broken.peek(), *stop.borrow()) {
        let why = first.reason.clone().unwrap_or_default();
        return Err(if broken.all(Line::is_about_credentials) { not_logged_in(&why) } else { not_reached(&why) });
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
    let (spending, begun) = (Arc::new(Spending::new(request.most_metrics)), Instant::now());
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
        let place = |account: &str, caller: &str, region: &str| Place {
            account: account.to_owned(),
            region: region.to_owned(),
            caller: caller.to_owned(),
            clients: login.clients(region),
            rates: Arc::new(Rates::new(request.pace)),
            tally: Arc::default(),
            spending: spending.clone(),
            begun,
            stop: stop.clone(),
        };
        let others = match &request.regions {
            Regions::Named(named) => named.iter().skip(1).map(String::as_str).collect(),
            _ => Vec::new(),
        };
        let asked = std::iter::once(home.as_str()).chain(others).map(|region| place("", "", region)).collect();
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
            Regions::All => {
                let others = regions::of_partition(&arn).iter().filter(|name| **name != home);
                std::iter::once((home.clone(), true)).chain(others.map(|&name| (name.to_owned(), false))).collect()
            }
        };
        for (region, named) in wanted {
            places.entry((account.clone(), region.clone())).or_insert_with(|| (place(&account, &arn, &region), named));
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
    let mut discovery = Discovery { place, request, known, told: Vec::new() };
    let clusters = discovery.clusters().await?;
    let names: Vec<String> = clusters.iter().map(|cluster| cluster.name.clone()).collect();
    let measured = discovery.measured(&clusters).await?;
    discovery.price_book();
    let families = discovery.families(&clusters).await?;
    let logs = discovery.logs(&names).await?;
    let clusters = clusters.into_iter().map(|cluster| discovery.scope(cluster, &measured, &families)).collect();
    let with_builds = request.clusters.is_empty();
    let builds = |source| if with_builds { discovery.missing(BUILD_SCOPE, source) } else { Vec::new() };
    let (builds, build_metrics) = (builds(source::BUILDS), builds(source::BUILD_METRICS));
    let is_fresh = known.has_fresh([&place.account, &place.region], BUILD_SCOPE, source::PROJECTS, request.now_ms);
    let with_projects = with_builds && !is_fresh;
    Ok(Scopes { place: place.clone(), clusters, logs, with_projects, builds, build_metrics, told: discovery.told })
}

/// Looks around in one place.
struct Discovery<'a> {
    place: &'a Place,
    request: &'a Request,
    known: &'a Known,
    told: Vec<Told>,
}

impl Discovery<'_> {
    fn here(&self) -> [&str; 2] {
        [&self.place.account, &self.place.region]
    }

    fn missing(&self, scope: &str, source: &str) -> Vec<Day> {
        self.known.missing(self.here(), scope, source, self.request.days.clone(), self.request.now_ms)
    }

    async fn clusters(&mut self) -> Result<Vec<Cluster>, Fault> {
        let (snapshot, today) = (source::snapshot(self.request.now_ms), vec![self.request.now_ms / MS_PER_DAY]);
        let discovered = match ecs::discover(self.place, &self.request.clusters).await {
            Ok(discovered) => discovered,
            Err(fault @ (Fault::OptedOut | Fault::Credentials(_) | Fault::Stranger(_) | Fault::Stopped(_))) => return Err(fault),
            Err(fault) => {
                self.told.push(Told::fault(EVERY_CLUSTER, &snapshot, today, &fault));
                return Ok(Vec::new());
            }
        };
        for missing in discovered.missing {
            self.told.push(Told::fault(EVERY_CLUSTER, &snapshot, today.clone(), &Fault::Gone(missing)));
        }
        Ok(discovered.clusters)
    }

    /// Services with metrics. Whoever was deleted since the last collection is listed by CloudWatch alone.
    async fn measured(&mut self, clusters: &[Cluster]) -> Result<ByCluster, Fault> {
        let today = vec![self.request.now_ms / MS_PER_DAY];
        match cloudwatch::services(self.place).await {
            Ok(measured) => {
                for cluster in clusters {
                    self.settle(&cluster.name, source::METRICS, State::Snapshot, "its services are known by now");
                }
                Ok(measured)
            }
            Err(fault @ Fault::Stopped(_)) => Err(fault),
            Err(fault) => {
                for cluster in clusters {
                    self.told.push(Told::fault(&cluster.name, source::METRICS, today.clone(), &fault));
                }
                Ok(ByCluster::new())
            }
        }
    }

    /// Task definition families with metrics, where Container Insights is on.
    async fn families(&mut self, clusters: &[Cluster]) -> Result<ByCluster, Fault> {
        let measured: Vec<&Cluster> = clusters.iter().filter(|cluster| cluster.insights != Insights::Disabled).collect();
        if measured.is_empty() {
            return Ok(ByCluster::new());
        }
        match cloudwatch::families(self.place).await {
            Ok(found) => {
                for cluster in measured.iter().filter(|cluster| cluster.unknown_services.is_none()) {
                    self.settle(&cluster.name, source::FAMILY_METRICS, State::Snapshot, "its families are known by now");
                }
                Ok(found)
            }
            Err(fault @ Fault::Stopped(_)) => Err(fault),
            Err(fault) => {
                for cluster in measured {
                    let days = self.missing(&cluster.name, source::FAMILY_METRICS);
                    self.told.push(Told::fault(&cluster.name, source::FAMILY_METRICS, days, &fault));
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
                let without =
                    |name: &&String| !groups.iter().any(|group| group.source() == source::TASK_EVENTS && group.scope() == *name);
                for name in clusters.iter().filter(without) {
                    self.settle(name, source::TASK_EVENTS, State::Disabled, "the cluster's own task events are not captured");
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
                    self.told.push(Told::fault(name, source::TASK_EVENTS, days, &fault));
                }
                Ok(Vec::new())
            }
        }
    }

    /// Takes back what an earlier collection said of days on which it could not look.
    fn settle(&mut self, scope: &str, source: &str, state: State, reason: &str) {
        let days = self.known.unfinished(self.here(), scope, source, self.request.days.clone());
        if !days.is_empty() {
            self.told.push(Told { scope: scope.to_owned(), source: source.to_owned(), days, state, reason: reason.to_owned() });
        }
    }

    /// Keeps the name of the price book in use, once a day.
    fn price_book(&mut self) {
        let (source, today) = (source::of(source::PRICES, &self.request.book), self.request.now_ms / MS_PER_DAY);
        if self.known.rows(self.here(), EVERY_CLUSTER, &source, today).is_none() {
            let (scope, reason) = (EVERY_CLUSTER.to_owned(), format!("price book {}", self.request.book));
            self.told.push(Told { scope, source, days: vec![today], state: State::Snapshot, reason });
        }
    }

    /// What is missing of a cluster.
    fn scope(&mut self, cluster: Cluster, measured: &ByCluster, families: &ByCluster) -> ClusterScope {
        let (account, region) = (&self.place.account, &self.place.region);
        let standalone = standalone(&cluster, families).unwrap_or_else(|fault| {
            let days = self.missing(&cluster.name, source::FAMILY_METRICS);
            self.told.push(Told::fault(&cluster.name, source::FAMILY_METRICS, days, &fault));
            Vec::new()
        });
        let mut metrics = self.metrics(&cluster, source::METRICS, &names_of(&cluster, measured), |name| {
            Series::of_service(account, region, &cluster.name, name)
        });
        metrics.extend(self.metrics(&cluster, source::FAMILY_METRICS, &standalone, |name| {
            Series::of_family(account, region, &cluster.name, name)
        }));
        let now_ms = self.request.now_ms;
        let changed = cluster.services.iter().enumerate().filter(|(_, service)| {
            !self.known.has_history(self.here(), &cluster.name, &service.name, service.settled_ms, now_ms)
        });
        let changed = changed.map(|(place, _)| place).collect();
        let is_fresh = self.known.has_fresh(self.here(), &cluster.name, source::ECS, now_ms);
        ClusterScope { cluster, is_fresh, changed, metrics }
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
        let Request { days, resolution, now_ms, .. } = self.request;
        for name in workloads {
            let source = source::of(source, name);
            let mut missing = self.missing(&cluster.name, &source);
            missing.extend(
                self.known.coarser(self.here(), &cluster.name, &source, days.clone(), |day| resolution.period_s(day, *now_ms)),
            );
            missing.sort_unstable();
            missing.dedup();
            alike.entry(missing).or_default().push(name);
        }
        let of = |(days, workloads): (Vec<Day>, Vec<&String>)| {
            let chunks = cloudwatch::chunks(workloads.len(), &days, *resolution, *now_ms);
            let series = workloads.into_iter().flat_map(|name| series(name)).collect();
            Metrics { source, series, chunks, is_whole: days.is_empty() }
        };
        alike.into_iter().map(of).collect()
    }
}

/// The services of a cluster, those that are only measured included.
fn names_of<'a>(cluster: &'a Cluster, measured: &'a ByCluster) -> Vec<&'a String> {
    let measured = measured.get(&cluster.name).into_iter().flatten();
    let names: BTreeSet<&String> = cluster.services.iter().map(|service| &service.name).chain(measured).collect();
    names.into_iter().collect()
}

/// The families of a cluster that run as standalone tasks. Fails where a family may be a service's without our knowing.
fn standalone<'f>(cluster: &Cluster, families: &'f ByCluster) -> Result<Vec<&'f String>, Fault> {
    let of_services: BTreeSet<&str> = cluster.services.iter().flat_map(ecs::Service::families).collect();
    let families = families.get(&cluster.name).into_iter().flatten();
    let standalone: Vec<&String> = families.filter(|family| !of_services.contains(family.as_str())).collect();
    match &cluster.unknown_services {
        Some(fault) if !standalone.is_empty() => Err(fault.clone()),
        _ => Ok(standalone),
    }
}

impl Scopes {
    /// Units of work: what becomes whole, and counts, one by one.
    pub(crate) fn units(&self) -> u64 {
        let of_metrics =
            |metrics: &Metrics| metrics.chunks.iter().map(|chunk| chunk.pieces(metrics.workloads()).count()).sum::<usize>();
        let of_cluster = |scope: &ClusterScope| {
            let metrics: usize = scope.metrics.iter().map(of_metrics).sum();
            metrics + usize::from(!scope.is_fresh) + scope.changed.len().div_ceil(fetch::SERVICES_A_UNIT)
        };
        let clusters: usize = self.clusters.iter().map(of_cluster).sum();
        let logs: usize = self.logs.iter().map(|(_, days)| days.len()).sum();
        (clusters + logs + usize::from(self.with_projects) + usize::from(!self.builds.is_empty()) + self.build_metrics.len())
            as u64
    }

    /// A line for each source that has nothing missing, so that the summary shows it as complete.
    pub(crate) fn whole_lines(&self) -> impl Iterator<Item = Line> {
        let metrics = self.clusters.iter().flat_map(|cluster| {
            let whole = cluster.metrics.iter().filter(|metrics| metrics.is_whole);
            whole.map(|metrics| (cluster.cluster.name.as_str(), metrics.source))
        });
        let logs = self.logs.iter().filter(|(_, days)| days.is_empty()).map(|(group, _)| (group.scope(), group.source()));
        let line = |(scope, source)| Line::new(&self.place.account, &self.place.region, scope, source::name(source));
        metrics.chain(logs).map(line)
    }

    /// What each scope takes; `calls` gets the calls of each class, and the points that count against CloudWatch's rate.
    pub(crate) fn costs(&self, known: &Known, calls: &mut BTreeMap<Class, u64>) -> Vec<CostLine> {
        let known = known.definitions(&self.place.account, &self.place.region);
        let mut costs = Costs { place: &self.place, calls, lines: BTreeMap::new() };
        let mut points = 0;
        for ClusterScope { cluster, is_fresh, changed, metrics } in &self.clusters {
            if !is_fresh {
                // Two listings, and the pages of those that run now.
                costs.add(&cluster.name, Class::EcsTasks, 2 + 2 * cluster.running_tasks.div_ceil(100), 1);
            }
            if !changed.is_empty() {
                let definitions = changed.iter().flat_map(|&service| cluster.services[service].definitions());
                let definitions: BTreeSet<&str> = definitions.filter(|definition| !known.contains(*definition)).collect();
                costs.add(&cluster.name, Class::EcsServices, 2 * changed.len() as u64, 1);
                costs.add(&cluster.name, Class::EcsDefinitions, definitions.len() as u64, 1);
            }
            for metrics in metrics {
                let estimate = cloudwatch::estimate(&metrics.chunks, metrics.workloads());
                let days: i64 = metrics.chunks.iter().map(|chunk| chunk.days.end - chunk.days.start).sum();
                costs.add(&cluster.name, Class::MetricData, estimate.calls, usize::try_from(days).unwrap_or(0));
                costs.line(&cluster.name).metrics += estimate.metrics;
                points += estimate.points;
            }
        }
        for (group, days) in &self.logs {
            costs.add(group.scope(), Class::LogEvents, days.len() as u64, days.len());
        }
        let days = self.builds.len().max(self.build_metrics.len());
        if days > 0 {
            costs.add(BUILD_SCOPE, Class::Codebuild, 2, days);
        }
        if self.with_projects {
            costs.add(BUILD_SCOPE, Class::Codebuild, 2, 1);
        }
        if points > 0 {
            costs.calls.insert(Class::OldPoints, points);
        }
        costs.lines.into_values().collect()
    }
}

/// Costs of a place on their way to a plan.
struct Costs<'a> {
    place: &'a Place,
    calls: &'a mut BTreeMap<Class, u64>,
    lines: BTreeMap<String, CostLine>,
}

impl Costs<'_> {
    fn line(&mut self, scope: &str) -> &mut CostLine {
        self.lines.entry(scope.to_owned()).or_insert_with(|| CostLine {
            account: self.place.account.clone(),
            region: self.place.region.clone(),
            scope: scope.to_owned(),
            days: 0,
            calls: 0,
            metrics: 0,
        })
    }

    fn add(&mut self, scope: &str, class: Class, count: u64, days: usize) {
        *self.calls.entry(class).or_default() += count;
        let line = self.line(scope);
        line.calls += count;
        line.days = line.days.max(days);
    }
}
