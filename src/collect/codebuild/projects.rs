//! CodeBuild projects: how each would build now, those without a build included.

use aws_sdk_codebuild::types::Project as SdkProject;

use crate::collect::call::{Fault, Place};
use crate::collect::commit::Sink;
use crate::collect::listing::Listing;
use crate::collect::plan::Known;
use crate::collect::rates::Class;
use crate::collect::reckoning::Reckoning;
use crate::dataset::batch::Batch;
use crate::dataset::schema::State;
use crate::dataset::source;
use crate::dataset::written::{BUILD_SCOPE, ScopeDay};
use crate::model::units::MS_PER_DAY;
use crate::records::builds::Project;

/// What the projects show when nothing is missing.
const PROJECTS: &str = "projects as they were then";

/// Fetches and commits the configuration of every project.
///
/// Fails only when everything is to stop: what is missing for any other reason is in the scope-day.
pub(crate) async fn projects(
    place: &Place,
    now_ms: i64,
    known: &Known,
    sink: &Sink,
) -> Result<(), Fault> {
    let (mut reckoning, mut batch) = (Reckoning::default(), Batch::default());
    let fault = match described(place, now_ms, &mut reckoning, &mut batch).await {
        Err(fault @ Fault::Stopped(_)) => return Err(fault),
        described => described.err(),
    };
    let mut faults: Vec<String> = fault.iter().map(Fault::reason).collect();
    faults.extend(reckoning.faults("projects"));
    let state = match &fault {
        Some(fault) if batch.configurations.is_empty() => fault.state(),
        _ if faults.is_empty() => State::Snapshot,
        _ => State::Partial,
    };
    let mut reasons = if faults.is_empty() {
        vec![PROJECTS.to_owned()]
    } else {
        faults
    };
    reasons.extend(reckoning.gone_note("projects"));
    let unit = sink.unit();
    unit.rows(batch).await?;
    let day = now_ms.div_euclid(MS_PER_DAY);
    let told = (state, Some(reasons.join("; ")));
    let scope_day = ScopeDay::of_scope(BUILD_SCOPE, source::PROJECTS, day, told);
    unit.commit(place, vec![scope_day], known).await
}

async fn described(
    place: &Place,
    now_ms: i64,
    reckoning: &mut Reckoning,
    batch: &mut Batch,
) -> Result<(), Fault> {
    let ask = async |token: Option<String>| {
        let request = || {
            place
                .clients
                .codebuild
                .list_projects()
                .set_next_token(token.clone())
                .send()
        };
        let page = place
            .call(Class::Codebuild, "codebuild:ListProjects", request)
            .await?;
        Ok((page.projects, page.next_token))
    };
    let mut listing = Listing::default();
    while let Some(names) = listing.next(ask, String::as_str).await? {
        let request = || {
            place
                .clients
                .codebuild
                .batch_get_projects()
                .set_names(Some(names.clone()))
                .send()
        };
        let answer = place
            .call(Class::Codebuild, "codebuild:BatchGetProjects", request)
            .await?;
        let gone = answer.projects_not_found.unwrap_or_default().into_iter();
        let gone = gone.map(|name| (Some(name), Some("MISSING".to_owned())));
        for project in reckoning.sort(&names, answer.projects, SdkProject::name, gone) {
            let row = reckoning.accept(Project::from(project).into_row());
            batch
                .configurations
                .extend(row.map(|row| row.told_at(now_ms, &place.tags)));
        }
    }
    Ok(())
}
