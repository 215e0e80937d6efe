//! Task definitions: immutable, so each is asked for once.

use std::collections::BTreeSet;
use std::slice::from_ref;

use aws_sdk_ecs::types::TaskDefinitionField;
use futures::{StreamExt, stream};

use super::{AT_ONCE, Snapshot, is_final};
use crate::collect::call::{Fault, Place};
use crate::collect::rates::Class;
use crate::collect::reckoning::Reckoning;
use crate::dataset::batch::Batch;
use crate::records::services::TaskDefinition;

impl Snapshot<'_> {
    /// Describes the `wanted` definitions; returns those described.
    pub(super) async fn describe(
        &mut self,
        wanted: Vec<String>,
    ) -> Result<BTreeSet<String>, Fault> {
        let (place, mut reckoning, mut described) =
            (self.place, Reckoning::default(), BTreeSet::new());
        let mut answers = stream::iter(wanted)
            .map(|name| describe(place, name))
            .buffer_unordered(AT_ONCE);
        while let Some((asked, answer)) = answers.next().await {
            match answer {
                Ok(definition) => {
                    for Described(_, definition) in reckoning.sort(
                        from_ref(&asked),
                        definition.map(|d| vec![d]),
                        Described::arn,
                        [],
                    ) {
                        let row = reckoning.accept(definition.into_row());
                        let row = row.map(|row| row.told_at(self.now_ms, &place.tags));
                        self.send(Batch {
                            configurations: row.into_iter().collect(),
                            ..Batch::default()
                        })
                        .await?;
                        described.insert(asked.clone());
                    }
                }
                // ECS's only word for a definition that was deleted.
                Err(Fault::Protocol(what)) if what.contains("ClientException") => reckoning.gone(),
                Err(fault) if is_final(&fault) => {
                    self.report.fault(fault)?;
                    break;
                }
                Err(fault) => reckoning.unanswered(1, &fault),
            }
        }
        self.report.reckon(&reckoning, "task definitions");
        Ok(described)
    }
}

/// A task definition with its ARN.
struct Described(Option<String>, TaskDefinition);

impl Described {
    fn arn(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

async fn describe(place: &Place, name: String) -> (String, Result<Option<Described>, Fault>) {
    let request = || {
        place
            .clients
            .ecs
            .describe_task_definition()
            .task_definition(&name)
            .include(TaskDefinitionField::Tags)
            .send()
    };
    let answer = place
        .call(Class::EcsDefinitions, "ecs:DescribeTaskDefinition", request)
        .await;
    let described = answer.map(|answer| {
        let definition = answer.task_definition?;
        Some(Described(
            definition.task_definition_arn.clone(),
            TaskDefinition::from(definition).tagged(answer.tags),
        ))
    });
    (name, described)
}
