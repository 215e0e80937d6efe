//! CloudWatch Logs → task events and Container Insights performance records.

use aws_sdk_cloudwatchlogs::types::{FilteredLogEvent, LogGroup};

use super::call::{Fault, Pages, Place, is_stale_token};
use super::commit::Sink;
use super::plan::{self, Day, Known};
use super::rates::Class;
use crate::dataset::batch::Batch;
use crate::dataset::schema::State;
use crate::dataset::source::{self, OPEN_DAY};
use crate::dataset::written::ScopeDay;
use crate::model::units::MS_PER_DAY;
use crate::model::workload::WorkloadKey;
use crate::records::{Refusal, container_insights, tasks};

/// Where Container Insights writes, for each cluster. Source: CloudWatch user guide, Container Insights performance
/// log events for Amazon ECS, read 2026-11.
const TASK_LOGS: &str = "/aws/ecs/containerinsights/";
/// Where task events go: to a group of the cluster by the console's "lifecycle events", or to any name below this by
/// an `EventBridge` rule. Source: ECS developer guide, read 2026-11.
const TASK_EVENTS: &str = "/aws/events/ecs/";
/// How long a day may have to wait for its turn.
const MARGIN_MS: i64 = 60 * 60 * 1000;
/// Events on one page at most. Source: `FilterLogEvents` API reference, read 2026-11.
const MOST_EVENTS: i32 = 10_000;

/// What a log group holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum GroupKind {
    /// `EventBridge` task state-change events.
    TaskEvents,
    /// Container Insights performance records.
    TaskLogs,
}

impl GroupKind {
    /// Which of its events are worth the transfer.
    const fn pattern(self) -> &'static str {
        match self {
            // A hyphen needs no quotes in a selector, and CloudWatch refuses them.
            Self::TaskEvents => r#"{ $.detail-type = "ECS Task State Change" }"#,
            // Tasks of services are measured by AWS/ECS; only theirs have a service's name.
            Self::TaskLogs => r#"{ $.Type = "Task" && $.ServiceName NOT EXISTS }"#,
        }
    }
}

/// A log group with records about tasks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    /// Its name.
    pub(crate) name: String,
    /// What it holds.
    pub(crate) kind: GroupKind,
    /// The cluster that all its records are about; `None` where each record tells its own.
    pub(crate) cluster: Option<String>,
    /// The first day of which it holds something.
    pub(crate) first_day: Day,
    /// It was created in the course of this day.
    began_within: Option<Day>,
}

impl Group {
    /// Its scope in the coverage table: its cluster, or its own name where it serves several.
    pub(crate) fn scope(&self) -> &str {
        self.cluster.as_deref().unwrap_or(&self.name)
    }

    /// The source that it feeds.
    pub(crate) const fn source(&self) -> &'static str {
        match self.kind {
            GroupKind::TaskEvents => source::TASK_EVENTS,
            GroupKind::TaskLogs => source::TASK_LOGS,
        }
    }

    fn of(group: LogGroup, clusters: &[String], now_ms: i64) -> Option<Self> {
        let name = group.log_group_name?;
        let (kind, cluster) = kind_and_cluster(&name, clusters)?;
        let created_ms = group.creation_time.unwrap_or(0);
        let kept_ms = group
            .retention_in_days
            .map_or(i64::MAX, |days| i64::from(days) * MS_PER_DAY);
        // The day on which the retention ends is losing its records, and so may be the next one before its turn comes.
        let kept_from = (now_ms + MARGIN_MS)
            .saturating_sub(kept_ms)
            .div_euclid(MS_PER_DAY)
            + 1;
        let created_on = created_ms.div_euclid(MS_PER_DAY);
        let began_within = (created_ms.rem_euclid(MS_PER_DAY) != 0).then_some(created_on);
        Some(Self {
            name,
            kind,
            cluster,
            first_day: created_on.max(kept_from),
            began_within,
        })
    }
}

/// What the group called `name` holds, by where AWS puts it.
fn kind_and_cluster(name: &str, clusters: &[String]) -> Option<(GroupKind, Option<String>)> {
    let of_cluster = |rest: &str| {
        rest.strip_suffix("/performance")
            .filter(|cluster| !cluster.contains('/'))
            .map(str::to_owned)
    };
    if let Some(rest) = name.strip_prefix(TASK_LOGS) {
        let cluster = of_cluster(rest).filter(|cluster| clusters.contains(cluster))?;
        return Some((GroupKind::TaskLogs, Some(cluster)));
    }
    let rest = name.strip_prefix(TASK_EVENTS)?;
    match rest.strip_prefix("containerinsights/").and_then(of_cluster) {
        Some(cluster) => clusters
            .contains(&cluster)
            .then_some((GroupKind::TaskEvents, Some(cluster))),
        None => Some((GroupKind::TaskEvents, None)),
    }
}

/// The log groups with records about tasks: those of `clusters`, and those of task events that serve several.
pub(crate) async fn groups(
    place: &Place,
    clusters: &[String],
    now_ms: i64,
) -> Result<Vec<Group>, Fault> {
    let mut groups = Vec::new();
    for prefix in [TASK_LOGS, TASK_EVENTS] {
        list(place, prefix, |group| {
            groups.extend(Group::of(group, clusters, now_ms));
        })
        .await?;
    }
    groups.sort_by(|a, b| (a.kind, &a.name).cmp(&(b.kind, &b.name)));
    groups.dedup_by(|a, b| a.name == b.name);
    Ok(groups)
}

/// Follows one listing; `found` may be told of the same group twice.
async fn list(place: &Place, prefix: &str, mut found: impl FnMut(LogGroup)) -> Result<(), Fault> {
    let request = |token: &Option<String>| {
        place
            .clients
            .logs
            .describe_log_groups()
            .log_group_name_prefix(prefix)
            .set_next_token(token.clone())
            .send()
    };
    let (mut pages, mut token) = (Pages::default(), None);
    loop {
        let page = match place
            .call(Class::LogGroups, "logs:DescribeLogGroups", || {
                request(&token)
            })
            .await
        {
            Err(fault) if token.is_some() && is_stale_token(&fault) && pages.may_restart() => {
                token = None;
                continue;
            }
            page => page?,
        };
        let groups = page.log_groups.unwrap_or_default();
        token = pages.next(page.next_token, groups.is_empty())?;
        groups.into_iter().for_each(&mut found);
        if token.is_none() {
            return Ok(());
        }
    }
}

/// Fetches and commits a day of a group.
///
/// Fails only when everything is to stop; any other failure is committed as the state of the day.
pub(crate) async fn fetch_day(
    place: &Place,
    group: &Group,
    day: Day,
    now_ms: i64,
    known: &Known,
    sink: &Sink,
) -> Result<(), Fault> {
    let window_ms = plan::window_ms(&(day..day + 1), now_ms);
    let request = |token: &Option<String>| {
        let request = place
            .clients
            .logs
            .filter_log_events()
            .log_group_name(&group.name)
            .limit(MOST_EVENTS);
        // Both ends are inclusive.
        let request = request
            .start_time(window_ms.start)
            .end_time(window_ms.end - 1);
        request
            .filter_pattern(group.kind.pattern())
            .set_next_token(token.clone())
            .send()
    };
    let (mut unit, mut read) = (sink.unit(), Read::default());
    let (mut pages, mut token) = (Pages::of_log(), None);
    while !window_ms.is_empty() {
        let page = match place
            .call(Class::LogEvents, "logs:FilterLogEvents", || request(&token))
            .await
        {
            Ok(page) => page,
            Err(fault) if token.is_some() && is_stale_token(&fault) && pages.may_restart() => {
                (unit, read, token) = (sink.unit(), Read::default(), None);
                continue;
            }
            Err(fault @ Fault::Stopped(_)) => return Err(fault),
            Err(fault) => {
                read.fault = Some(fault);
                break;
            }
        };
        let events = page.events.unwrap_or_default();
        let next = pages.next(page.next_token, events.is_empty());
        if !events.is_empty() {
            unit.rows(read.page(events, group, place)).await?;
        }
        match next {
            Ok(Some(next)) => token = Some(next),
            Ok(None) => break,
            Err(fault) => {
                read.fault = Some(fault);
                break;
            }
        }
    }
    let told = read.scope_day(group.began_within == Some(day), plan::is_over(day, now_ms));
    let scope_day = ScopeDay::of_scope(group.scope(), group.source(), day, told);
    unit.commit(place, vec![scope_day], known).await
}

/// What was read of a day.
#[derive(Debug, Default)]
struct Read {
    events: usize,
    refused: std::collections::BTreeMap<&'static str, usize>,
    /// Why it ended early.
    fault: Option<Fault>,
}

impl Read {
    /// The rows of one page.
    fn page(&mut self, events: Vec<FilteredLogEvent>, group: &Group, place: &Place) -> Batch {
        let mut batch = Batch::default();
        for event in events {
            self.events += 1;
            let taken = match event.message {
                Some(message) => take(&message, group, (&place.account, &place.region), &mut batch),
                None => Err(Refusal::Rejected("event without a message")),
            };
            if let Err(Refusal::Rejected(why)) = taken {
                *self.refused.entry(why).or_default() += 1;
            }
        }
        batch
    }

    fn scope_day(&self, began_within: bool, is_over: bool) -> (State, Option<String>) {
        let refused: usize = self.refused.values().sum();
        let reasons = self
            .refused
            .iter()
            .map(|(why, count)| format!("{why}: {count}"))
            .collect::<Vec<_>>()
            .join(", ");
        let refused = (refused > 0)
            .then(|| format!("{refused} of {} records refused ({reasons})", self.events));
        match &self.fault {
            Some(fault) => fault.broke_off(self.events == 0, refused),
            None if refused.is_some() => (State::Partial, refused),
            None if !is_over => (State::Partial, Some(OPEN_DAY.to_owned())),
            None if began_within => (
                State::Snapshot,
                Some("the log group was created in the course of the day".to_owned()),
            ),
            None => (State::Complete, None),
        }
    }
}

/// One record, if it is of the group's own account, region and cluster.
fn take(text: &str, group: &Group, of: (&str, &str), batch: &mut Batch) -> Result<(), Refusal> {
    let mut record = Batch::default();
    match group.kind {
        GroupKind::TaskEvents => tasks::take_event(text, &mut record)?,
        GroupKind::TaskLogs => container_insights::take(text, &mut record)?,
    }
    let workloads = record
        .runs
        .iter()
        .chain(&record.sightings)
        .map(|row| &row.workload);
    if !workloads
        .chain(record.samples.iter().map(|row| &row.workload))
        .all(|workload| is_own(workload, group, of))
    {
        return Err(Refusal::Rejected(
            "record of another account, region or cluster",
        ));
    }
    batch.runs.append(&mut record.runs);
    batch.sightings.append(&mut record.sightings);
    batch.samples.append(&mut record.samples);
    Ok(())
}

fn is_own(workload: &WorkloadKey, group: &Group, (account, region): (&str, &str)) -> bool {
    let is_cluster = group
        .cluster
        .as_ref()
        .is_none_or(|cluster| *cluster == workload.cluster);
    workload.account == account && workload.region == region && is_cluster
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: (&str, &str) = ("123456789012", "us-east-1");
    /// 2026-11-20T12:00:00Z.
    const NOW_MS: i64 = 1_795_176_000_000;
    const TODAY: Day = 20_777;

    fn group(name: &str) -> Option<Group> {
        let group = LogGroup::builder()
            .log_group_name(name)
            .creation_time(0)
            .build();
        Group::of(group, &["prod".to_owned(), "web".to_owned()], NOW_MS)
    }

    #[test]
    fn a_group_is_known_by_where_aws_puts_it() {
        let told = |name: &str| group(name).map(|group| (group.kind, group.scope().to_owned()));
        assert_eq!(
            told("/aws/ecs/containerinsights/prod/performance"),
            Some((GroupKind::TaskLogs, "prod".to_owned()))
        );
        assert_eq!(
            told("/aws/events/ecs/containerinsights/prod/performance"),
            Some((GroupKind::TaskEvents, "prod".to_owned()))
        );
        for other in [
            "/aws/ecs/containerinsights/gone/performance",
            "/aws/events/ecs/containerinsights/gone/performance",
            "/aws/ecs/containerinsights/prod/prometheus",
            "/aws/ecs/containerinsights/prod/x/performance",
            "/aws/lambda/prod",
        ] {
            assert_eq!(told(other), None, "{other}");
        }
    }

    #[test]
    fn a_group_of_several_clusters_is_a_scope_of_its_own() {
        for name in ["/aws/events/ecs/all-tasks", "/aws/events/ecs/prod"] {
            let group = group(name).unwrap();
            assert_eq!(
                (group.kind, group.cluster.as_deref(), group.scope()),
                (GroupKind::TaskEvents, None, name)
            );
        }
    }

    #[test]
    fn a_group_begins_with_its_creation_or_its_retention() {
        let first_day = |created: i64, retention: Option<i32>| {
            let group = LogGroup::builder()
                .log_group_name("/aws/events/ecs/all")
                .creation_time(created)
                .set_retention_in_days(retention);
            let group = Group::of(group.build(), &[], NOW_MS).unwrap();
            (group.first_day, group.began_within)
        };
        let noon = (TODAY - 20) * MS_PER_DAY + MS_PER_DAY / 2;
        assert_eq!(first_day(noon, None), (TODAY - 20, Some(TODAY - 20)));
        // At noon the records of seven days ago are gone up to noon.
        assert_eq!(first_day(noon, Some(7)), (TODAY - 6, Some(TODAY - 20)));
        assert_eq!(first_day(noon, Some(365)), (TODAY - 20, Some(TODAY - 20)));
        assert_eq!(
            first_day((TODAY - 20) * MS_PER_DAY, None),
            (TODAY - 20, None)
        );
    }

    fn task_log(cluster: &str, account: &str) -> String {
        format!(
            r#"{{"Type":"Task","ClusterName":"{cluster}","AccountID":"{account}","Region":"us-east-1","TaskId":"t1",
                "TaskDefinitionFamily":"etl","TaskDefinitionRevision":"3","Timestamp":1795176000000,"CpuUtilized":12.5,"MemoryUtilized":100}}"#
        )
    }

    #[test]
    fn records_of_other_accounts_and_clusters_are_refused() {
        let logs = group("/aws/ecs/containerinsights/prod/performance").unwrap();
        let mut batch = Batch::default();
        assert_eq!(
            take(&task_log("prod", HERE.0), &logs, HERE, &mut batch),
            Ok(())
        );
        for foreign in [task_log("web", HERE.0), task_log("prod", "210987654321")] {
            let refusal = Refusal::Rejected("record of another account, region or cluster");
            assert_eq!(take(&foreign, &logs, HERE, &mut batch), Err(refusal));
        }
        assert_eq!((batch.sightings.len(), batch.samples.len()), (1, 2));
    }

    #[test]
    fn events_of_a_group_of_several_clusters_tell_their_own() {
        let event = r#"{"detail-type":"ECS Task State Change","time":"2026-11-20T12:00:00Z","detail":{
            "taskArn":"arn:aws:ecs:us-east-1:123456789012:task/web/0123","clusterArn":"arn:aws:ecs:us-east-1:123456789012:cluster/web",
            "taskDefinitionArn":"arn:aws:ecs:us-east-1:123456789012:task-definition/etl:3","group":"family:etl","version":3,
            "createdAt":"2026-11-20T11:00:00Z"}}"#;
        let mut batch = Batch::default();
        assert_eq!(
            take(
                event,
                &group("/aws/events/ecs/all").unwrap(),
                HERE,
                &mut batch
            ),
            Ok(())
        );
        assert_eq!(batch.runs[0].workload.cluster, "web");
        let of_prod = group("/aws/events/ecs/containerinsights/prod/performance").unwrap();
        assert!(take(event, &of_prod, HERE, &mut batch).is_err());
    }

    #[test]
    fn refused_records_make_a_day_partial_and_unused_ones_do_not() {
        let mut read = Read {
            events: 9,
            ..Read::default()
        };
        assert_eq!(read.scope_day(false, true), (State::Complete, None));
        read.refused.insert("task with a malformed field", 2);
        assert_eq!(
            read.scope_day(false, true),
            (
                State::Partial,
                Some("2 of 9 records refused (task with a malformed field: 2)".to_owned())
            )
        );
    }

    #[test]
    fn the_day_of_a_groups_creation_is_never_complete_and_no_failure() {
        let (state, reason) = Read::default().scope_day(true, true);
        assert_eq!(state, State::Snapshot);
        assert!(reason.unwrap().contains("created"));
    }

    #[test]
    fn a_group_that_may_not_be_read_is_denied() {
        let read = Read {
            fault: Some(Fault::Denied("logs:FilterLogEvents".to_owned())),
            ..Read::default()
        };
        assert_eq!(read.scope_day(false, true).0, State::Denied);
    }

    #[test]
    fn a_fetch_may_move_between_threads() {
        fn is_send<F: Future + Send>(
            _: impl FnOnce(&'static Place, &'static Group, &'static Known, &'static Sink) -> F,
        ) {
        }
        is_send(|place, group, known, sink| fetch_day(place, group, 0, 0, known, sink));
        is_send(|place, _, _, _| groups(place, &[], 0));
    }
}
