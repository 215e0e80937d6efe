//! What a collection sets out to see, written before anything is fetched: whatever ends it, the days that it did not
//! come to are there as planned, and not seen. Any other commit of the same day and source counts before that.
//!
//! Before it is known what there is, all clusters of a place are planned; discovery takes that back when it lists them.

use std::collections::BTreeSet;

use super::call::Place;
use super::discovery;
use super::plan::{Known, spans};
use super::request::{Regions, Request};
use super::scopes::Scopes;
use super::summary::Line;
use crate::dataset::log::Committer;
use crate::dataset::schema::State;
use crate::dataset::source::{self, EVERY_CLUSTER, NO_PLACE, PLANNED};
use crate::dataset::written::{ScopeDay, Written};
use crate::model::error::Result;
use crate::records::fields::is_account;

/// Writes that the clusters of `places`, and the other regions of their accounts, are to be found, on every day of which
/// nobody has found them.
pub(super) fn ask(
    committer: &mut Committer<'_>,
    request: &Request,
    known: &Known,
    places: &[Place],
) -> Result<()> {
    let planned = (State::Planned, PLANNED);
    of_clusters(committer, request, known, places, planned)?;
    of_regions(committer, request, known, places, planned)
}

/// Takes that back.
pub(super) fn withdraw(
    mut committer: Committer<'_>,
    request: &Request,
    known: &Known,
    places: &[Place],
) -> Result<()> {
    let refused = (State::Snapshot, "the plan was refused");
    of_clusters(&mut committer, request, known, places, refused)?;
    of_regions(&mut committer, request, known, places, refused)?;
    committer.close()
}

/// Takes back that regions are to be found: each of them speaks for itself from here on.
pub(super) fn regions_found(
    committer: &mut Committer<'_>,
    request: &Request,
    known: &Known,
    places: &[Place],
) -> Result<()> {
    let found = (State::Snapshot, "the regions are known by now");
    of_regions(committer, request, known, places, found)
}

fn of_clusters(
    committer: &mut Committer<'_>,
    request: &Request,
    known: &Known,
    places: &[Place],
    what: (State, &str),
) -> Result<()> {
    let source = discovery::clusters_source(&request.clusters);
    places.iter().try_for_each(|place| {
        let at = [place.account.as_str(), place.region.as_str()];
        on_asked_days(committer, request, known, at, &source, what)
    })
}

/// Which regions an account has enabled is not known before each was asked: until then they have no name.
fn of_regions(
    committer: &mut Committer<'_>,
    request: &Request,
    known: &Known,
    places: &[Place],
    what: (State, &str),
) -> Result<()> {
    if !matches!(request.regions, Regions::All) {
        return Ok(());
    }
    let accounts: BTreeSet<&str> = places.iter().map(|place| place.account.as_str()).collect();
    accounts.into_iter().try_for_each(|account| {
        let at = [account, NO_PLACE];
        on_asked_days(committer, request, known, at, source::REGIONS, what)
    })
}

fn on_asked_days(
    committer: &mut Committer<'_>,
    request: &Request,
    known: &Known,
    at @ [account, region]: [&str; 2],
    source: &str,
    (state, reason): (State, &str),
) -> Result<()> {
    let scope_day = |day| ScopeDay {
        scope: EVERY_CLUSTER.to_owned(),
        workload: None,
        source: source.to_owned(),
        day,
        state,
        reason: Some(reason.to_owned()),
    };
    let days = known.missing(
        at,
        EVERY_CLUSTER,
        source,
        request.days.clone(),
        request.now_ms,
    );
    let scope_days: Vec<ScopeDay> = days.into_iter().map(scope_day).collect();
    let nothing = Written::default();
    nothing.commit_scope_days(committer, account, region, request.now_ms, &scope_days)
}

/// Writes what is planned in each of `scopes`, and which places could not even be looked at.
pub(super) fn write(
    committer: &mut Committer<'_>,
    request: &Request,
    known: &Known,
    scopes: &[Scopes],
    refused: &[Line],
) -> Result<()> {
    let mut commit = |account: &str, region: &str, scope_days: &[ScopeDay]| {
        let nothing = Written::default();
        nothing.commit_scope_days(committer, account, region, request.now_ms, scope_days)
    };
    for scopes in scopes {
        let Place {
            account, region, ..
        } = &scopes.place;
        commit(account, region, &scope_days(scopes, request.now_ms))?;
    }
    for line in refused.iter().filter(|line| line.is_broken) {
        if is_account(&line.account) {
            let source = discovery::clusters_source(&request.clusters);
            commit(
                &line.account,
                &line.region,
                &refusals(request, line, &source),
            )?;
        } else {
            // Credentials that do not even tell whose they are.
            let source = source::of(source::IDENTITY, &line.account);
            commit(NO_PLACE, NO_PLACE, &refusals(request, line, &source))?;
        }
    }
    let logins: BTreeSet<&str> = scopes.iter().map(|of| of.place.login.as_str()).collect();
    for login in logins {
        commit(NO_PLACE, NO_PLACE, &reached(request, known, login))?;
    }
    Ok(())
}

/// Takes back that credentials named no account.
fn reached(request: &Request, known: &Known, login: &str) -> Vec<ScopeDay> {
    let source = source::of(source::IDENTITY, login);
    let days = known.unfinished(
        [NO_PLACE, NO_PLACE],
        EVERY_CLUSTER,
        &source,
        request.days.clone(),
    );
    let scope_day = |day| ScopeDay {
        scope: EVERY_CLUSTER.to_owned(),
        workload: None,
        source: source.clone(),
        day,
        state: State::Snapshot,
        reason: Some("the account is known by now".to_owned()),
    };
    days.into_iter().map(scope_day).collect()
}

fn scope_days(scopes: &Scopes, now_ms: i64) -> Vec<ScopeDay> {
    let planned = scopes.planned(now_ms).into_iter();
    let of_source = |(scope, source, days): (&str, String, Vec<_>)| {
        let scope_day = |day| ScopeDay {
            scope: scope.to_owned(),
            workload: None,
            source: source.clone(),
            day,
            state: State::Planned,
            reason: Some(PLANNED.to_owned()),
        };
        spans(&days)
            .into_iter()
            .flatten()
            .map(scope_day)
            .collect::<Vec<_>>()
    };
    planned.flat_map(of_source).collect()
}

/// A place that cannot be looked at was not looked at on any of the days.
fn refusals(request: &Request, line: &Line, source: &str) -> Vec<ScopeDay> {
    let scope_day = |day| ScopeDay {
        scope: EVERY_CLUSTER.to_owned(),
        workload: None,
        source: source.to_owned(),
        day,
        state: line.state,
        reason: line.reason.clone(),
    };
    request.days.clone().map(scope_day).collect()
}
