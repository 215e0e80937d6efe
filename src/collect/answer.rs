//! What every operation answers at least: a list, be it empty, under its own name.
//!
//! A proxy, a stand-in or a fault on AWS's side may answer 200 with `{}`, with nothing, or with somebody else's JSON. The
//! SDK takes that for an answer in which everything is absent. Whoever asks through [`super::call::Place`] has to have an
//! entry here.

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::operation::list_metrics::ListMetricsOutput;
use aws_sdk_cloudwatchlogs::operation::describe_log_groups::DescribeLogGroupsOutput;
use aws_sdk_cloudwatchlogs::operation::filter_log_events::FilterLogEventsOutput;
use aws_sdk_codebuild::operation::batch_get_builds::BatchGetBuildsOutput;
use aws_sdk_codebuild::operation::batch_get_projects::BatchGetProjectsOutput;
use aws_sdk_codebuild::operation::list_builds::ListBuildsOutput;
use aws_sdk_codebuild::operation::list_projects::ListProjectsOutput;
use aws_sdk_ecs::operation::describe_clusters::DescribeClustersOutput;
use aws_sdk_ecs::operation::describe_container_instances::DescribeContainerInstancesOutput;
use aws_sdk_ecs::operation::describe_service_revisions::DescribeServiceRevisionsOutput;
use aws_sdk_ecs::operation::describe_services::DescribeServicesOutput;
use aws_sdk_ecs::operation::describe_task_definition::DescribeTaskDefinitionOutput;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::operation::list_clusters::ListClustersOutput;
use aws_sdk_ecs::operation::list_container_instances::ListContainerInstancesOutput;
use aws_sdk_ecs::operation::list_service_deployments::ListServiceDeploymentsOutput;
use aws_sdk_ecs::operation::list_services::ListServicesOutput;
use aws_sdk_ecs::operation::list_tasks::ListTasksOutput;
use aws_sdk_sts::operation::get_caller_identity::GetCallerIdentityOutput;

/// The answer to an operation.
pub(crate) trait Answer {
    /// True when it holds what the operation always answers.
    fn is_its_own(&self) -> bool;
}

/// An answer holds at least one of these members.
macro_rules! answers {
    ($($output:ty: $($member:ident)|+,)+) => {
        $(impl Answer for $output {
            fn is_its_own(&self) -> bool {
                $(self.$member.is_some())||+
            }
        })+
    };
}

answers! {
    GetMetricDataOutput: metric_data_results,
    ListMetricsOutput: metrics,
    DescribeLogGroupsOutput: log_groups,
    FilterLogEventsOutput: events,
    BatchGetBuildsOutput: builds | builds_not_found,
    BatchGetProjectsOutput: projects | projects_not_found,
    ListBuildsOutput: ids,
    ListProjectsOutput: projects,
    DescribeClustersOutput: clusters | failures,
    DescribeContainerInstancesOutput: container_instances | failures,
    DescribeServiceRevisionsOutput: service_revisions | failures,
    DescribeServicesOutput: services | failures,
    DescribeTaskDefinitionOutput: task_definition,
    DescribeTasksOutput: tasks | failures,
    ListClustersOutput: cluster_arns,
    ListContainerInstancesOutput: container_instance_arns,
    ListServiceDeploymentsOutput: service_deployments,
    ListServicesOutput: service_arns,
    ListTasksOutput: task_arns,
    GetCallerIdentityOutput: account,
}
