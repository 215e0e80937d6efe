//! What CloudWatch is asked for: one metric of one service, family or build.

use std::sync::Arc;

use aws_sdk_cloudwatch::types::{Dimension, Metric as AwsMetric, MetricDataQuery, MetricStat};

use super::listing::BuildDimensions;
use crate::dataset::schema::Metric;
use crate::model::workload::{Kind, WorkloadKey};

/// CPU and memory.
pub(crate) const SERIES_PER_WORKLOAD: usize = 2;
/// What is measured of a build: its CPU in AWS's unit, whichever that is, and as a share of its machine, and its memory.
pub(super) const BUILD_METRICS: [Metric; 3] =
    [Metric::CpuPercent, Metric::CpuVcpu, Metric::MemoryMib];
/// The statistics of each series: what its samples are made of, in the order of [`Statistic`].
pub(super) const STATISTICS: [Statistic; 3] =
    [Statistic::Maximum, Statistic::Sum, Statistic::SampleCount];

/// A statistic of `GetMetricData`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Statistic {
    /// Highest value of a period.
    Maximum,
    /// Sum of the values of a period.
    Sum,
    /// Number of values of a period.
    SampleCount,
}

impl Statistic {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Maximum => "Maximum",
            Self::Sum => "Sum",
            Self::SampleCount => "SampleCount",
        }
    }
}

/// One metric of one workload or build.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    /// Whose it is.
    pub(in crate::collect) workload: Arc<WorkloadKey>,
    /// The build, where it is of one.
    pub(super) run_id: Option<Arc<str>>,
    /// What is measured.
    pub(super) metric: Metric,
    dimensions: Dimensions,
}

/// What AWS calls it by.
#[derive(Debug, Clone)]
enum Dimensions {
    /// Its cluster, and its name under this one.
    OfCluster(&'static str),
    /// As told; `None` where that cannot be told: it cannot be asked for.
    OfBuild(Option<Vec<(String, String)>>),
}

impl Series {
    /// `AWS/ECS`: CPU and memory of a service, in percent.
    pub(crate) fn of_service(
        account: &str,
        region: &str,
        cluster: &str,
        service: &str,
    ) -> [Self; SERIES_PER_WORKLOAD] {
        let metrics = [Metric::CpuPercent, Metric::MemoryPercent];
        Self::of_cluster(
            account,
            region,
            Kind::Service,
            (cluster, service),
            metrics,
            "ServiceName",
        )
    }

    /// `ECS/ContainerInsights`: CPU and memory of all tasks of a family.
    pub(crate) fn of_family(
        account: &str,
        region: &str,
        cluster: &str,
        family: &str,
    ) -> [Self; SERIES_PER_WORKLOAD] {
        let metrics = [Metric::CpuUnits, Metric::MemoryMib];
        Self::of_cluster(
            account,
            region,
            Kind::Task,
            (cluster, family),
            metrics,
            "TaskDefinitionFamily",
        )
    }

    /// `ECS/ContainerInsights`: the bytes that the service of this series received and sent.
    pub(super) fn network(&self) -> [Self; 2] {
        [Metric::NetworkReceived, Metric::NetworkSent].map(|metric| Self {
            metric,
            ..self.clone()
        })
    }

    /// `AWS/CodeBuild`: one of [`BUILD_METRICS`] of a build; `build` is its project, its id
    /// (`project:uuid`) and its number.
    pub(crate) fn build(
        account: &str,
        region: &str,
        build: (&str, &str, Option<i64>),
        dimensions: &BuildDimensions,
        metric: Metric,
    ) -> Self {
        let (project, id, _) = build;
        let (account, region) = (account.to_owned(), region.to_owned());
        let workload = WorkloadKey {
            account,
            region,
            kind: Kind::Build,
            cluster: String::new(),
            name: project.to_owned(),
        };
        Self {
            workload: workload.into(),
            run_id: Some(id.into()),
            metric,
            dimensions: Dimensions::OfBuild(dimensions.of(build)),
        }
    }

    fn of_cluster(
        account: &str,
        region: &str,
        kind: Kind,
        (cluster, name): (&str, &str),
        metrics: [Metric; SERIES_PER_WORKLOAD],
        dimension: &'static str,
    ) -> [Self; SERIES_PER_WORKLOAD] {
        let [account, region, cluster, name] = [account, region, cluster, name].map(str::to_owned);
        let workload = Arc::new(WorkloadKey {
            account,
            region,
            kind,
            cluster,
            name,
        });
        let dimensions = Dimensions::OfCluster(dimension);
        metrics.map(|metric| Self {
            workload: workload.clone(),
            run_id: None,
            metric,
            dimensions: dimensions.clone(),
        })
    }

    /// Namespace and name, as AWS spells them; [`Metric::of_aws`] the other way round.
    fn aws_name(&self) -> (&'static str, &'static str) {
        match (self.workload.kind, self.metric) {
            (_, Metric::NetworkReceived) => ("ECS/ContainerInsights", "NetworkRxBytes"),
            (_, Metric::NetworkSent) => ("ECS/ContainerInsights", "NetworkTxBytes"),
            (Kind::Build, Metric::CpuPercent) => ("AWS/CodeBuild", "CPUUtilizedPercent"),
            (Kind::Build, Metric::CpuVcpu) => ("AWS/CodeBuild", "CPUUtilized"),
            (Kind::Build, _) => ("AWS/CodeBuild", "MemoryUtilized"),
            (Kind::Service, Metric::CpuPercent) => ("AWS/ECS", "CPUUtilization"),
            (Kind::Service, _) => ("AWS/ECS", "MemoryUtilization"),
            (Kind::Task, Metric::CpuUnits) => ("ECS/ContainerInsights", "CpuUtilized"),
            (Kind::Task, _) => ("ECS/ContainerInsights", "MemoryUtilized"),
        }
    }

    /// False where AWS's name of it is not known.
    pub(super) fn is_known(&self) -> bool {
        !matches!(self.dimensions, Dimensions::OfBuild(None))
    }

    /// Asks for one statistic under the name `id`.
    pub(super) fn query(&self, id: String, statistic: Statistic, period_s: i32) -> MetricDataQuery {
        let (namespace, name) = self.aws_name();
        let dimension =
            |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
        let dimensions = match &self.dimensions {
            Dimensions::OfCluster(name) => {
                vec![
                    dimension("ClusterName", &self.workload.cluster),
                    dimension(name, &self.workload.name),
                ]
            }
            Dimensions::OfBuild(dimensions) => dimensions
                .iter()
                .flatten()
                .map(|(name, value)| dimension(name, value))
                .collect(),
        };
        let metric = AwsMetric::builder()
            .namespace(namespace)
            .metric_name(name)
            .set_dimensions(Some(dimensions));
        let stat = MetricStat::builder()
            .metric(metric.build())
            .period(period_s)
            .stat(statistic.as_str());
        MetricDataQuery::builder()
            .id(id)
            .metric_stat(stat.build())
            .return_data(true)
            .build()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: (&str, &str) = ("123456789012", "us-east-1");

    #[test]
    fn every_series_is_asked_for_under_the_name_that_means_its_metric() {
        let (account, region) = PLACE;
        let build = ("app", "app:1", Some(1));
        let none = BuildDimensions::default();
        let builds =
            BUILD_METRICS.map(|metric| Series::build(account, region, build, &none, metric));
        let service = Series::of_service(account, region, "prod", "web");
        let others = [
            service[0].network(),
            service,
            Series::of_family(account, region, "prod", "etl"),
        ];
        for series in others.into_iter().flatten().chain(builds) {
            let (namespace, name) = series.aws_name();
            assert_eq!(
                Metric::of_aws(namespace, name),
                Some(series.metric),
                "{namespace} {name}"
            );
        }
    }

    #[test]
    fn a_query_names_the_dimensions_of_its_series() {
        let [series, _] = Series::of_service(PLACE.0, PLACE.1, "prod", "web");
        let query = series.query("q0".to_owned(), Statistic::SampleCount, 300);
        let stat = query.metric_stat().unwrap();
        let dimensions: Vec<_> = stat
            .metric()
            .unwrap()
            .dimensions()
            .iter()
            .map(|d| (d.name().unwrap(), d.value().unwrap()))
            .collect();
        assert_eq!(
            dimensions,
            [("ClusterName", "prod"), ("ServiceName", "web")]
        );
        assert_eq!(
            (query.id(), stat.stat(), stat.period()),
            (Some("q0"), Some("SampleCount"), Some(300))
        );
    }
}
