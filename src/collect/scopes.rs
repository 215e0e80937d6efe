//! Which accounts and regions there are, and what is missing in each.
//!
//! What was asked for is fixed before anything is discovered: an account or a region that cannot be looked at is a
//! line of the summary, never an empty success.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use futures::StreamExt;
use futures::stream;
use tokio::sync::watch;

use super::call::{Fault, Place, Spending};
use super::cloudwatch::{Chunk, SERIES_PER_WORKLOAD, Series};
use super::doctor::{self, Checkup};
use super::ecs::Cluster;
use super::logs::Group;
use super::plan::{Day, Known};
use super::rates::{Class, Rates};
use super::summary::Line;
use super::{Regions, Request, discovery, fetch, regions, source};
use crate::aws::{self, Patience};
use crate::dataset::schema::State;
use crate::dataset::writer::BUILD_SCOPE;
use crate::model::error::{Error, Kind, Result};
use crate::model::units::MS_PER_DAY;
use crate::records::fields::is_account;
pub(crate) use source::EVERY_CLUSTER;

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
    pub(crate) is_whole: bool,
}

impl Metrics {
    /// The source of each workload, and the days of its chunks.
    fn planned(&self) -> impl Iterator<Item = (String, Vec<Day>)> {
        let days: Vec<Day> = self
            .chunks
            .iter()
            .flat_map(|chunk| chunk.days.clone())
            .collect();
        let workloads = self.series.iter().step_by(SERIES_PER_WORKLOAD);
        workloads.map(move |series| (source::of(self.source, &series.workload.name), days.clone()))
    }

    pub(crate) fn workloads(&self) -> usize {
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
        Self {
            scope: scope.to_owned(),
            source: source.to_owned(),
            days,
            state,
            reason,
        }
    }
}

/// Finds every scope of `request`. Fails only when no account can be reached at all.
pub(crate) async fn find(
    request: &Request,
    known: &Known,
    stop: Stop,
) -> Result<(Vec<Scopes>, Vec<Line>)> {
    everywhere(request, stop, async |place: &Place| {
        discovery::discover(place, request, known).await
    })
    .await
}

/// Looks at every place of `request` for `doctor`.
pub(crate) async fn examine(request: &Request, stop: Stop) -> Result<(Vec<Checkup>, Vec<Line>)> {
    everywhere(request, stop, async |place: &Place| {
        doctor::examine(place, &request.clusters, request.now_ms).await
    })
    .await
}

/// What `look` finds in each place, and a line for each place that was asked for and cannot be looked at.
async fn everywhere<T>(
    request: &Request,
    stop: Stop,
    look: impl AsyncFn(&Place) -> Result<T, Fault>,
) -> Result<(Vec<T>, Vec<Line>)> {
    let (places, mut refused) = places(request, stop.clone()).await?;
    let mut found = Vec::new();
    let looks = places
        .iter()
        .map(async |(place, asked)| (look(place).await, place, *asked));
    for (answer, place, asked) in stream::iter(looks)
        .buffered(SIDE_BY_SIDE)
        .collect::<Vec<_>>()
        .await
    {
        match answer {
            Ok(answer) => found.push(answer),
            // The identity was accepted elsewhere: so the region is not enabled, and nobody asked for it by name.
            Err(Fault::OptedOut | Fault::Stranger(_)) if !asked => {
                let line = Line::of_fault(
                    &place.account,
                    &place.region,
                    EVERY_CLUSTER,
                    "region",
                    &Fault::OptedOut,
                );
                refused.push(Line {
                    is_broken: false,
                    ..line
                });
            }
            Err(fault) => refused.push(Line::of_fault(
                &place.account,
                &place.region,
                EVERY_CLUSTER,
                "ecs",
                &fault,
            )),
        }
    }
    let mut broken = refused.iter().filter(|line| line.is_broken).peekable();
    // Stopped by the user or the deadline before anything was found: that is no failure to reach AWS.
    if let (true, Some(first), None) = (found.is_empty(), broken.peek(), *stop.borrow()) {
        let why = first.reason.clone().unwrap_or_default();
        return Err(if broken.all(Line::is_about_credentials) {
            not_logged_in(&why)
        } else {
            not_reached(&why)
        });
    }
    Ok((found, refused))
}

/// The error of credentials that reach nothing.
fn not_logged_in(why: &str) -> Error {
    Error::new(Kind::Authentication, format!("no account can be reached: {why}"))
        .hint("check `aws sts get-caller-identity`; for IAM Identity Center run `aws sso login`, or name a --profile")
}

fn not_reached(why: &str) -> Error {
    Error::new(Kind::Failure, format!("no account can be reached: {why}")).hint(
        "check the network, a proxy (HTTPS_PROXY), and the permissions with `plimsoll doctor`",
    )
}

/// The accounts behind the credentials, times their regions; `true` where the region was named.
async fn places(request: &Request, stop: Stop) -> Result<(Vec<(Place, bool)>, Vec<Line>)> {
    let patience = if request.pace > 1.0 {
        Patience::LOCAL
    } else {
        Patience::AWS
    };
    let (spending, begun) = (
        Arc::new(Spending::new(request.most_metrics)),
        Instant::now(),
    );
    let (mut places, mut refused) = (BTreeMap::new(), Vec::new());
    let mut logins = Vec::new();
    for login in &request.logins {
        logins.push(aws::log_in(login, patience).await?);
    }
    for login in logins {
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
            login: login.name.clone(),
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
        let asked = std::iter::once(home.as_str())
            .chain(others)
            .map(|region| place("", "", region))
            .collect();
        let (account, arn) = match first_identity(asked).await {
            Ok(identity) => {
                login.check_clock()?;
                identity
            }
            Err(fault) => {
                refused.push(Line::of_fault(
                    &login.name,
                    &home,
                    EVERY_CLUSTER,
                    "identity",
                    &fault,
                ));
                continue;
            }
        };
        tracing::info!("{} is account {account}", login.name);
        let wanted: Vec<(String, bool)> = match &request.regions {
            Regions::Default => vec![(home, true)],
            Regions::Named(named) => named.iter().map(|name| (name.clone(), true)).collect(),
            Regions::All => {
                let others = regions::of_partition(&arn)
                    .iter()
                    .filter(|name| **name != home);
                std::iter::once((home.clone(), true))
                    .chain(others.map(|&name| (name.to_owned(), false)))
                    .collect()
            }
        };
        for (region, named) in wanted {
            places
                .entry((account.clone(), region.clone()))
                .or_insert_with(|| (place(&account, &arn, &region), named));
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
    let answer = place
        .call(Class::Identity, "sts:GetCallerIdentity", || {
            place.clients.sts.get_caller_identity().send()
        })
        .await?;
    let account = answer.account.filter(|account| is_account(account));
    let account = account
        .ok_or_else(|| Fault::Protocol("sts:GetCallerIdentity: no account id".to_owned()))?;
    Ok((account, answer.arn.unwrap_or_default()))
}

impl Scopes {
    /// What is to be fetched: every scope and source with the days that its units will commit.
    pub(crate) fn planned(&self, now_ms: i64) -> Vec<(&str, String, Vec<Day>)> {
        let today = now_ms.div_euclid(MS_PER_DAY);
        let mut planned = Vec::new();
        for scope in &self.clusters {
            let cluster = scope.cluster.name.as_str();
            if !scope.is_fresh {
                planned.push((cluster, source::snapshot(now_ms), vec![today]));
            }
            for &service in &scope.changed {
                let service = &scope.cluster.services[service].name;
                planned.push((cluster, source::history(service, now_ms), vec![today]));
            }
            planned.extend(scope.metrics.iter().flat_map(|metrics| {
                metrics
                    .planned()
                    .map(move |(source, days)| (cluster, source, days))
            }));
        }
        for (group, days) in &self.logs {
            planned.push((group.scope(), group.source().to_owned(), days.clone()));
        }
        if self.with_projects {
            planned.push((BUILD_SCOPE, source::PROJECTS.to_owned(), vec![today]));
        }
        for (source, days) in [
            (source::BUILDS, &self.builds),
            (source::BUILD_METRICS, &self.build_metrics),
        ] {
            planned.push((BUILD_SCOPE, source.to_owned(), days.clone()));
        }
        let failed = |told: &&Told| matches!(told.state, State::Denied | State::Partial);
        for told in self.told.iter().filter(failed) {
            planned.push((&told.scope, told.source.clone(), told.days.clone()));
        }
        planned
    }

    /// Units of work: what becomes whole, and counts, one by one.
    pub(crate) fn units(&self) -> u64 {
        let of_metrics = |metrics: &Metrics| {
            metrics
                .chunks
                .iter()
                .map(|chunk| chunk.pieces(metrics.workloads()).count())
                .sum::<usize>()
        };
        let of_cluster = |scope: &ClusterScope| {
            let metrics: usize = scope.metrics.iter().map(of_metrics).sum();
            metrics
                + usize::from(!scope.is_fresh)
                + scope.changed.len().div_ceil(fetch::SERVICES_A_UNIT)
        };
        let clusters: usize = self.clusters.iter().map(of_cluster).sum();
        let logs: usize = self.logs.iter().map(|(_, days)| days.len()).sum();
        (clusters
            + logs
            + usize::from(self.with_projects)
            + usize::from(!self.builds.is_empty())
            + self.build_metrics.len()) as u64
    }

    /// A line for each source that has nothing missing, so that the summary shows it as complete.
    pub(crate) fn whole_lines(&self) -> impl Iterator<Item = Line> {
        let metrics = self.clusters.iter().flat_map(|cluster| {
            let whole = cluster.metrics.iter().filter(|metrics| metrics.is_whole);
            whole.map(|metrics| (cluster.cluster.name.as_str(), metrics.source))
        });
        let logs = self
            .logs
            .iter()
            .filter(|(_, days)| days.is_empty())
            .map(|(group, _)| (group.scope(), group.source()));
        let line = |(scope, source)| {
            Line::new(
                &self.place.account,
                &self.place.region,
                scope,
                source::name(source),
            )
        };
        metrics.chain(logs).map(line)
    }
}
