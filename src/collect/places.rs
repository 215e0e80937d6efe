//! Which accounts and regions there are, and how each is looked at.
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
use super::doctor::{self, Checkup};
use super::plan::Known;
use super::rates::{Class, Rates};
use super::request::{Regions, Request};
use super::scopes::{EVERY_CLUSTER, Scopes};
use super::summary::Line;
use super::{discovery, regions};
use crate::aws::{self, Patience};
use crate::model::error::{Error, ErrorKind, Result};
use crate::records::fields::is_account;

/// Places that are looked at side by side.
const SIDE_BY_SIDE: usize = 8;

/// Tells when, and why, everything is to stop.
type Stop = watch::Receiver<Option<&'static str>>;

/// The places of a request.
#[derive(Debug)]
pub(crate) struct Places {
    /// Each account in each region; `true` where the region was named.
    found: Vec<(Place, bool)>,
    /// A line for credentials that named no account.
    refused: Vec<Line>,
    stop: Stop,
}

impl Places {
    /// Those that were named.
    pub(crate) fn asked(&self) -> Vec<Place> {
        let asked = self.found.iter().filter(|(_, is_asked)| *is_asked);
        asked.map(|(place, _)| place.clone()).collect()
    }
}

/// Finds every scope of `request`. Fails only when no account can be reached at all.
pub(crate) async fn discover(
    places: Places,
    request: &Request,
    known: &Known,
) -> Result<(Vec<Scopes>, Vec<Line>)> {
    everywhere(places, async |place: &Place| {
        discovery::discover(place, request, known).await
    })
    .await
}

/// Looks at every place of `request` for `doctor`.
pub(crate) async fn examine(request: &Request, stop: Stop) -> Result<(Vec<Checkup>, Vec<Line>)> {
    let places = find(request, stop).await?;
    everywhere(places, async |place: &Place| {
        doctor::examine(place, &request.clusters, request.now_ms).await
    })
    .await
}

/// What `look` finds in each place, and a line for each place that was asked for and cannot be looked at.
async fn everywhere<T>(
    places: Places,
    look: impl AsyncFn(&Place) -> Result<T, Fault>,
) -> Result<(Vec<T>, Vec<Line>)> {
    let Places {
        found: places,
        mut refused,
        stop,
    } = places;
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
    Error::new(ErrorKind::Authentication, format!("no account can be reached: {why}"))
        .hint("check `aws sts get-caller-identity`; for IAM Identity Center run `aws sso login`, or name a --profile")
}

fn not_reached(why: &str) -> Error {
    Error::new(
        ErrorKind::Failure,
        format!("no account can be reached: {why}"),
    )
    .hint("check the network, a proxy (HTTPS_PROXY), and the permissions with `plimsoll doctor`")
}

/// The accounts behind the credentials, times their regions.
pub(crate) async fn find(request: &Request, stop: Stop) -> Result<Places> {
    let patience = if request.pace > 1.0 {
        Patience::LOCAL
    } else {
        Patience::AWS
    };
    let (spending, begun) = (
        Arc::new(Spending::new(request.most_metrics)),
        Instant::now(),
    );
    let tags = Arc::new(request.tags.clone());
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
                return Err(Error::new(ErrorKind::Usage, format!("no region for {}", login.name))
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
            tags: tags.clone(),
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
    Ok(Places {
        found: places.into_values().collect(),
        refused,
        stop,
    })
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
