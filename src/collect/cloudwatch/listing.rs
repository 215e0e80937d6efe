//! `ListMetrics`: which series there are. It forgets what was silent for two weeks, so it only ever adds to what is
//! known from elsewhere.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_cloudwatch::types::{DimensionFilter, Metric as AwsMetric};

use crate::collect::call::{Fault, Pages, Place, is_stale_token};
use crate::collect::rates::Class;
use crate::records::fields::is_name;

/// Names by cluster.
pub(crate) type ByCluster = BTreeMap<String, BTreeSet<String>>;

/// Families with task metrics, by cluster: those of services too. Dimensions: `ClusterName`, `TaskDefinitionFamily`.
pub(crate) async fn families(place: &Place) -> Result<ByCluster, Fault> {
    by_cluster(
        place,
        ("ECS/ContainerInsights", "CpuUtilized"),
        "TaskDefinitionFamily",
    )
    .await
}

/// Services with metrics, by cluster: those deleted of late too. Dimensions: `ClusterName`, `ServiceName`.
pub(crate) async fn services(place: &Place) -> Result<ByCluster, Fault> {
    by_cluster(place, ("AWS/ECS", "CPUUtilization"), "ServiceName").await
}

/// What `dimension` names beside a cluster, and nothing else does.
async fn by_cluster(
    place: &Place,
    metric: (&str, &str),
    dimension: &str,
) -> Result<ByCluster, Fault> {
    let mut found = ByCluster::new();
    let wanted = ["ClusterName", dimension];
    list(place, metric, &wanted, |dimensions| {
        // With enhanced observability there are series of single tasks and containers as well.
        if let [cluster, name] =
            wanted.map(|name| value(&dimensions, name).filter(|value| is_name(value)))
            && let (2, Some(cluster), Some(name)) = (dimensions.len(), cluster, name)
        {
            found
                .entry(cluster.to_owned())
                .or_default()
                .insert(name.to_owned());
        }
    })
    .await?;
    Ok(found)
}

/// How AWS spells the dimensions of builds.
///
/// The spelling of `BuildId` is not documented: an ARN, `project:uuid` and a bare uuid are all taken as they come.
#[derive(Debug, Default)]
pub(crate) struct BuildDimensions {
    /// The number of a build and how its id is spelt, by its uuid: all else of its dimensions is known of the build.
    listed: HashMap<Box<str>, (Box<str>, u8)>,
    /// Each spelling, and how often it was seen.
    spellings: Vec<(Spelling, usize)>,
}

/// What stands before the uuid in an id: some text, and maybe the project.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Spelling {
    before: String,
    with_project: bool,
}

impl Spelling {
    fn of(id: &str, uuid: &str, project: &str) -> Self {
        let before = &id[..id.len() - uuid.len()];
        match before
            .strip_suffix(':')
            .and_then(|before| before.strip_suffix(project))
        {
            Some(before) => Self {
                before: before.to_owned(),
                with_project: true,
            },
            None => Self {
                before: before.to_owned(),
                with_project: false,
            },
        }
    }

    fn dimensions(&self, project: &str, uuid: &str, number: &str) -> Vec<(String, String)> {
        let before = &self.before;
        let id = if self.with_project {
            format!("{before}{project}:{uuid}")
        } else {
            format!("{before}{uuid}")
        };
        [
            ("BuildId", id.as_str()),
            ("BuildNumber", number),
            ("ProjectName", project),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
    }
}

/// The dimensions of builds with utilisation in the last two weeks.
pub(crate) async fn build_dimensions(place: &Place) -> Result<BuildDimensions, Fault> {
    let mut known = BuildDimensions::default();
    list(
        place,
        ("AWS/CodeBuild", "CPUUtilized"),
        &["BuildId"],
        |dimensions| known.learn(&dimensions),
    )
    .await?;
    Ok(known)
}

impl BuildDimensions {
    fn learn(&mut self, dimensions: &[(String, String)]) {
        let [Some(id), Some(number), Some(project)] =
            ["BuildId", "BuildNumber", "ProjectName"].map(|name| value(dimensions, name))
        else {
            return;
        };
        let uuid = uuid(id);
        let spelling = Spelling::of(id, uuid, project);
        let known = self
            .spellings
            .iter()
            .position(|(known, _)| *known == spelling);
        let place = known.unwrap_or_else(|| {
            self.spellings.push((spelling, 0));
            self.spellings.len() - 1
        });
        // AWS has one spelling; more than a few are not worth telling apart.
        let Ok(index) = u8::try_from(place) else {
            return;
        };
        // A listing that began again tells the same build twice.
        if self
            .listed
            .insert(uuid.into(), (number.into(), index))
            .is_none()
        {
            self.spellings[place].1 += 1;
        }
    }

    /// The dimensions of a build, told by its project, its id and its number: as listed, else spelt like most of
    /// those listed. `None` for a build that is not listed and has no number.
    pub(super) fn of(
        &self,
        (project, id, number): (&str, &str, Option<i64>),
    ) -> Option<Vec<(String, String)>> {
        let uuid = uuid(id);
        if let Some((number, spelling)) = self.listed.get(uuid) {
            let (spelling, _) = self.spellings.get(usize::from(*spelling))?;
            return Some(spelling.dimensions(project, uuid, number));
        }
        let usual = self
            .spellings
            .iter()
            .max_by_key(|(_, times)| *times)
            .map(|(spelling, _)| spelling.clone());
        let usual = usual.unwrap_or(Spelling {
            before: String::new(),
            with_project: true,
        });
        Some(usual.dimensions(project, uuid, &number?.to_string()))
    }
}

/// What tells one build from all others, in every spelling of its id.
fn uuid(id: &str) -> &str {
    id.rsplit([':', '/']).next().unwrap_or(id)
}

fn value<'a>(dimensions: &'a [(String, String)], name: &str) -> Option<&'a str> {
    dimensions
        .iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// Follows one listing; `found` may be told of the same series twice.
async fn list(
    place: &Place,
    (namespace, name): (&str, &str),
    dimensions: &[&str],
    mut found: impl FnMut(Vec<(String, String)>),
) -> Result<(), Fault> {
    let filters: Vec<DimensionFilter> = dimensions
        .iter()
        .map(|name| DimensionFilter::builder().name(*name).build())
        .collect();
    let request = |token: &Option<String>| {
        let request = place
            .clients
            .cloudwatch
            .list_metrics()
            .namespace(namespace)
            .metric_name(name);
        request
            .set_dimensions(Some(filters.clone()))
            .set_next_token(token.clone())
            .send()
    };
    let (mut pages, mut token) = (Pages::default(), None);
    loop {
        let page = match place
            .call(Class::MetricList, "cloudwatch:ListMetrics", || {
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
        let metrics = page.metrics.unwrap_or_default();
        token = pages.next(page.next_token, metrics.is_empty())?;
        metrics.into_iter().filter_map(named).for_each(&mut found);
        if token.is_none() {
            return Ok(());
        }
    }
}

fn named(metric: AwsMetric) -> Option<Vec<(String, String)>> {
    metric
        .dimensions?
        .into_iter()
        .map(|dimension| Some((dimension.name?, dimension.value?)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "8e2b0f5e-0000-4000-8000-000000000001";

    fn dimensions(id: &str, number: &str) -> Vec<(String, String)> {
        [
            ("BuildId", id),
            ("BuildNumber", number),
            ("ProjectName", "app"),
        ]
        .map(|(n, v)| (n.to_owned(), v.to_owned()))
        .to_vec()
    }

    #[test]
    fn a_listed_build_is_asked_for_as_aws_spells_it() {
        for id in [
            format!("arn:aws:codebuild:us-east-1:123456789012:build/app:{UUID}"),
            format!("app:{UUID}"),
            UUID.to_owned(),
        ] {
            let mut known = BuildDimensions::default();
            known.learn(&dimensions(&id, "7"));
            assert_eq!(
                known.of(("app", &format!("app:{UUID}"), None)),
                Some(dimensions(&id, "7")),
                "{id}"
            );
        }
    }

    #[test]
    fn a_build_that_is_no_longer_listed_takes_the_spelling_seen() {
        for (seen, expected) in [
            (
                "arn:aws:codebuild:us-east-1:123456789012:build/app:u1",
                "arn:aws:codebuild:us-east-1:123456789012:build/web:u2",
            ),
            ("app:u1", "web:u2"),
            ("u1", "u2"),
        ] {
            let mut known = BuildDimensions::default();
            known.learn(&dimensions(seen, "7"));
            let found = known.of(("web", "web:u2", Some(3))).unwrap();
            assert_eq!(value(&found, "BuildId"), Some(expected));
            assert_eq!(
                (value(&found, "BuildNumber"), value(&found, "ProjectName")),
                (Some("3"), Some("web"))
            );
        }
    }

    #[test]
    fn where_no_build_is_listed_the_id_is_project_and_uuid() {
        let found = BuildDimensions::default()
            .of(("web", "web:u2", Some(3)))
            .unwrap();
        assert_eq!(value(&found, "BuildId"), Some("web:u2"));
    }

    #[test]
    fn a_build_without_a_number_cannot_be_asked_for() {
        assert_eq!(BuildDimensions::default().of(("web", "web:u2", None)), None);
    }
}
