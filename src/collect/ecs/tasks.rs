//! Tasks that run and tasks that stopped within the hour.

use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_sdk_ecs::types::DesiredStatus;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};

use super::{AT_ONCE, Snapshot, failures, is_final};
use crate::collect::call::{Fault, Place};
use crate::collect::listing::Listing;
use crate::collect::rates::Class;
use crate::collect::reckoning::Reckoning;
use crate::dataset::batch::Batch;
use crate::dataset::schema::{RunRow, SourceKind};
use crate::records::Refusal;
use crate::records::tasks::Task;

impl Snapshot<'_> {
    /// Tasks, a page at a time.
    ///
    /// Those that run are listed first: one that stops meanwhile is in the second listing, too, and its higher
    /// version wins. The other way round it would be in neither.
    pub(super) async fn tasks(&mut self) -> Result<(), Fault> {
        let mut reckoning = Reckoning::default();
        for status in [DesiredStatus::Running, DesiredStatus::Stopped] {
            if let Err(fault) = self.tasks_to_be(&status, &mut reckoning).await {
                let is_final = is_final(&fault);
                self.report.fault(fault)?;
                if is_final {
                    break;
                }
            }
            if status == DesiredStatus::Running {
                // A task that stops is remembered for an hour; one that had stopped may be forgotten any moment.
                reckoning.none_may_be_gone();
            }
        }
        self.report.reckon(&reckoning, "tasks");
        Ok(())
    }

    async fn tasks_to_be(
        &mut self,
        status: &DesiredStatus,
        reckoning: &mut Reckoning,
    ) -> Result<(), Fault> {
        let mut answers = answers(self.place, &self.cluster.arn, status);
        while let Some((asked, answer)) = answers.try_next().await? {
            let answer = match answer {
                Ok(answer) => answer,
                Err(fault) if is_final(&fault) => return Err(fault),
                Err(fault) => {
                    reckoning.unanswered(asked.len(), &fault);
                    continue;
                }
            };
            let tasks = reckoning.sort(
                &asked,
                answer.tasks,
                aws_sdk_ecs::types::Task::task_arn,
                failures(answer.failures),
            );
            let mut batch = Batch::default();
            for task in tasks {
                batch
                    .runs
                    .extend(reckoning.accept(run(task.into(), self.now_ms)));
            }
            self.send(batch).await?;
        }
        Ok(())
    }
}

/// The run that a described task is: seen alive now, unless its end is told.
fn run(task: Task, now_ms: i64) -> Result<RunRow, Refusal> {
    let mut run = task.into_row(None, SourceKind::EcsApi)?;
    if run.stopped_ms.is_none() {
        run.last_seen_ms = Some(now_ms);
    }
    Ok(run)
}

/// Pages of tasks, described as they are listed.
fn answers<'a>(
    place: &'a Place,
    cluster: &'a str,
    status: &'a DesiredStatus,
) -> BoxStream<'a, Result<Answer, Fault>> {
    let pages = stream::try_unfold(Listing::default(), move |listing| {
        page(place, cluster, status, listing)
    });
    pages
        .map_ok(move |arns| describe(place, cluster, arns))
        .try_buffer_unordered(AT_ONCE)
        .boxed()
}

/// A page of the listing, and the listing to go on with.
async fn page(
    place: &Place,
    cluster: &str,
    status: &DesiredStatus,
    mut listing: Listing,
) -> Result<Option<(Vec<String>, Listing)>, Fault> {
    let page = listing
        .next(|token| list(place, cluster, status, token), String::as_str)
        .await?;
    Ok(page.map(|page| (page, listing)))
}

async fn list(
    place: &Place,
    cluster: &str,
    status: &DesiredStatus,
    token: Option<String>,
) -> Result<(Option<Vec<String>>, Option<String>), Fault> {
    let request = || {
        let request = place
            .clients
            .ecs
            .list_tasks()
            .cluster(cluster)
            .desired_status(status.clone())
            .max_results(100);
        request.set_next_token(token.clone()).send()
    };
    let page = place
        .call(Class::EcsTasks, "ecs:ListTasks", request)
        .await?;
    Ok((page.task_arns, page.next_token))
}

type Answer = (Vec<String>, Result<DescribeTasksOutput, Fault>);

async fn describe(place: &Place, cluster: &str, asked: Vec<String>) -> Result<Answer, Fault> {
    let request = || {
        place
            .clients
            .ecs
            .describe_tasks()
            .cluster(cluster)
            .set_tasks(Some(asked.clone()))
            .send()
    };
    let answer = place
        .call(Class::EcsTasks, "ecs:DescribeTasks", request)
        .await;
    Ok((asked, answer))
}
