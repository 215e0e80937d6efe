//! The sources of a collection, as the coverage table names them: `collect:<what>`, and where one source of a scope is
//! committed piece by piece or again and again, `:<workload>` and `:<time>` behind it.

use jiff::Timestamp;

/// The scope of what concerns every cluster of a region.
pub(crate) const EVERY_CLUSTER: &str = "*";

/// The last minutes are left for the next run: CloudWatch still changes them.
pub(crate) const SETTLING_MS: i64 = 15 * 60 * 1000;
/// What a day is about which nothing is committed but that it was to be looked at.
pub(crate) const PLANNED: &str = "planned, and not seen";
/// Why today is partial.
pub(crate) const OPEN_DAY: &str = "the day is not over";
/// How the reason ends why a day of builds is not complete yet.
pub(crate) const STILL_RUNNING: &str = "builds were still running";

/// What the names of all of them begin with.
pub(crate) const COLLECTED: &str = "collect:";

/// The ECS clusters of a region, whose scope is [`EVERY_CLUSTER`]; where some were named, `:<name>,<name>` is behind it.
pub(crate) const CLUSTERS: &str = "collect:clusters";
/// Credentials that named no account; `:<name>` of the credentials is behind it.
pub(crate) const IDENTITY: &str = "collect:identity";
/// The regions of an account that are to be asked without being named; their place is [`NO_PLACE`].
pub(crate) const REGIONS: &str = "collect:regions";
/// The account, and the region, of credentials that named none; the region of all those that were not named.
pub(crate) const NO_PLACE: &str = "unknown";
/// Snapshots of tasks and instances by the ECS API, each a source of its own.
pub(crate) const ECS: &str = "collect:ecs";
/// The configurations of services over time, by the ECS API.
pub(crate) const HISTORY: &str = "collect:history";
/// `AWS/ECS` metrics of services.
pub(crate) const METRICS: &str = "collect:metrics";
/// `ECS/ContainerInsights` metrics of families that run as standalone tasks.
pub(crate) const FAMILY_METRICS: &str = "collect:family-metrics";
/// CodeBuild projects.
pub(crate) const PROJECTS: &str = "collect:projects";
/// Builds.
pub(crate) const BUILDS: &str = "collect:builds";
/// `AWS/CodeBuild` metrics of builds.
pub(crate) const BUILD_METRICS: &str = "collect:build-metrics";
/// Task state-change events in CloudWatch Logs.
pub(crate) const TASK_EVENTS: &str = "collect:task-events";
/// Container Insights performance logs.
pub(crate) const TASK_LOGS: &str = "collect:task-logs";

/// The price book of the day, which reports on the dataset would use.
pub(crate) const PRICES: &str = "collect:prices";

/// What the names of kept days begin with, of any version.
pub(crate) const DEMAND_KIND: &str = "demand:";
/// Days that samples were reduced to, by what they were made from. The number is raised when the same samples come to
/// mean other rows, or rows are told otherwise: what an older version kept is then left alone.
pub(crate) const DEMAND: &str = "demand:2:";

/// Many parts rewritten into few.
pub(crate) const COMPACTION: &str = "compaction:";

/// The snapshot taken at `now_ms`.
pub(crate) fn snapshot(now_ms: i64) -> String {
    format!("{ECS}:{}", time(now_ms))
}

/// The history of `service` as told at `now_ms`, when the hash of its tags was this; none of a service without tags.
pub(crate) fn history(service: &str, now_ms: i64, tags: Option<&str>) -> String {
    let source = format!("{HISTORY}:{service}:{}", time(now_ms));
    tags.map_or_else(|| source.clone(), |tags| format!("{source}:{tags}"))
}

/// The hash of the tags that a service had when its history was told.
pub(crate) fn tags_of_history(source: &str) -> Option<&str> {
    service_of_history(source)?;
    source.rsplit_once("Z:").map(|(_, tags)| tags)
}

/// What `source` tells of one workload of a scope.
pub(crate) fn of(source: &str, workload: &str) -> String {
    format!("{source}:{workload}")
}

/// The service that a source tells the history of.
pub(crate) fn service_of_history(source: &str) -> Option<&str> {
    source
        .strip_prefix(HISTORY)?
        .strip_prefix(':')?
        .split(':')
        .next()
}

/// What a source of the moment is called without its time: what it failed to show, a later one shows as well as anyone
/// still can. `None` for sources of whole days.
pub(crate) fn of_moment(source: &str) -> Option<&str> {
    if source == PROJECTS {
        return Some(PROJECTS);
    }
    if kind(source) == ECS {
        return Some(ECS);
    }
    let service = service_of_history(source)?;
    Some(&source[..HISTORY.len() + 1 + service.len()])
}

/// The price book that a source names, and nothing else of.
pub(crate) fn book(source: &str) -> Option<&str> {
    source.strip_prefix(PRICES)?.strip_prefix(':')
}

/// `collect:ecs:2026-11-20T12:00:00Z` is of the kind `collect:ecs`; an import is of its own.
pub(crate) fn kind(source: &str) -> &str {
    if !source.starts_with(COLLECTED) {
        return source;
    }
    let ends = source
        .match_indices(':')
        .nth(1)
        .map_or(source.len(), |(at, _)| at);
    &source[..ends]
}

/// `collect:ecs:2026-11-20T12:00:00Z` is shown as `ecs`.
pub(crate) fn name(source: &str) -> &str {
    source.split(':').nth(1).unwrap_or(source)
}

fn time(ms: i64) -> impl std::fmt::Display {
    Timestamp::from_millisecond(ms)
        .unwrap_or_default()
        .strftime("%Y-%m-%dT%H:%M:%SZ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-23T12:00:00.500Z.
    const NOW: i64 = 1_795_435_200_500;

    #[test]
    fn a_source_names_its_workload_and_its_time() {
        assert_eq!(snapshot(NOW), "collect:ecs:2026-11-23T12:00:00Z");
        assert_eq!(
            history("web", NOW, None),
            "collect:history:web:2026-11-23T12:00:00Z"
        );
        assert_eq!(of(METRICS, "web"), "collect:metrics:web");
    }

    #[test]
    fn a_source_is_known_by_its_name() {
        assert_eq!(service_of_history(&history("web", NOW, None)), Some("web"));
        assert_eq!(service_of_history(&snapshot(NOW)), None);
        let tagged = history("web", NOW, Some("1a2b"));
        assert_eq!(service_of_history(&tagged), Some("web"));
        assert_eq!(tags_of_history(&tagged), Some("1a2b"));
        assert_eq!(tags_of_history(&history("web", NOW, None)), None);
        assert_eq!(
            [
                kind(&snapshot(NOW)),
                kind(PROJECTS),
                kind(&of(METRICS, "web"))
            ],
            [ECS, PROJECTS, METRICS]
        );
        assert_eq!(
            [
                name(&snapshot(NOW)),
                name(METRICS),
                name("collect:metrics:web")
            ],
            ["ecs", "metrics", "metrics"]
        );
    }
}
