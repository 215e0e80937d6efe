//! AWS CodeBuild: builds and projects.

use serde_json::{Value, json};

use super::answer::{Answer, Ask, Page, Problem, epoch};
use super::builds::{Build, REMEMBERED_MS};
use super::world::{DAY, Project, SECOND};

/// Items of one page or call. Source: CodeBuild API reference, read 2026-11.
const PAGE: usize = 100;
/// 2025-01-01T00:00:00Z: when every project was last changed.
const CHANGED_MS: i64 = 1_735_689_600_000;

pub(crate) fn answer(ask: &Ask<'_>) -> Result<Answer, Problem> {
    let answer = match ask.op {
        "codebuild:ListBuilds" => list_builds(ask),
        "codebuild:BatchGetBuilds" => batch_get_builds(ask),
        "codebuild:ListProjects" => {
            let mut names: Vec<&str> = ask
                .place
                .region
                .projects
                .iter()
                .map(|project| project.name.as_str())
                .collect();
            names.sort_unstable();
            Ok(ask.page(names, PAGE)?.named("projects", "nextToken"))
        }
        "codebuild:BatchGetProjects" => batch_get_projects(ask),
        other => Err(Problem::unexpected(other)),
    };
    answer.map(Answer::Json)
}

fn invalid(message: impl Into<String>) -> Problem {
    Problem::new(400, "InvalidInputException", message)
}

/// Builds of a year, newest first unless asked otherwise, a day at a time so that a page does not cost the year.
fn list_builds(ask: &Ask<'_>) -> Result<Value, Problem> {
    let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
    let is_ascending = match ask.text("sortOrder") {
        None | Some("DESCENDING") => false,
        Some("ASCENDING") => true,
        Some(_) => return Err(invalid("sortOrder must be ASCENDING or DESCENDING")),
    };
    let position = ask.position()?;
    let last: Option<(i64, u64)> = match &position {
        None => None,
        Some(position) => {
            let (at_ms, key) = position.split_once(',').ok_or_else(|| ask.stale_token())?;
            Some(
                at_ms
                    .parse()
                    .ok()
                    .zip(key.parse().ok())
                    .ok_or_else(|| ask.stale_token())?,
            )
        }
    };
    let (first_day, last_day) = (
        (now_ms - REMEMBERED_MS).div_euclid(DAY),
        now_ms.div_euclid(DAY),
    );
    let mut builds: Vec<Build<'_>> = Vec::new();
    for no in 0..=last_day - first_day {
        let day = if is_ascending {
            first_day + no
        } else {
            last_day - no
        };
        if last.is_some_and(|(at_ms, _)| {
            if is_ascending {
                day < at_ms.div_euclid(DAY)
            } else {
                day > at_ms.div_euclid(DAY)
            }
        }) {
            continue;
        }
        let of_day = (day * DAY).max(now_ms - REMEMBERED_MS)..((day + 1) * DAY).min(now_ms + 1);
        let mut of_day: Vec<_> = place.builds(of_day.start, of_day.end).collect();
        of_day.sort_by_key(|build| (build.created_ms, build.key));
        if !is_ascending {
            of_day.reverse();
        }
        let is_next = |build: &Build<'_>| {
            let place = (build.created_ms, build.key);
            last.is_none_or(|last| {
                if is_ascending {
                    place > last
                } else {
                    place < last
                }
            })
        };
        builds.extend(of_day.into_iter().filter(is_next));
        if builds.len() > PAGE {
            break;
        }
    }
    let has_more = builds.len() > PAGE;
    builds.truncate(PAGE);
    let token = builds
        .last()
        .filter(|_| has_more)
        .map(|last| ask.token_at(&format!("{},{}", last.created_ms, last.key)));
    let ids = builds.iter().map(|build| build.id(place)).collect();
    Ok(Page { items: ids, token }.named("ids", "nextToken"))
}

fn batch_get_builds(ask: &Ask<'_>) -> Result<Value, Problem> {
    let ids = ask.texts("ids");
    if ids.is_empty() || ids.len() > PAGE {
        return Err(invalid(format!(
            "ids must have between 1 and {PAGE} members"
        )));
    }
    let (mut builds, mut missing) = (Vec::new(), Vec::new());
    for id in ids {
        match ask.place.build(id) {
            Some(build) => builds.push(build_json(ask, &build)),
            None => missing.push(id),
        }
    }
    Ok(json!({ "builds": builds, "buildsNotFound": missing }))
}

fn environment(project: &Project) -> Value {
    json!({
        "type": project.environment_type, "computeType": project.compute_type, "privilegedMode": project.privileged,
        "image": "aws/codebuild/standard:7.0", "imagePullCredentialsType": "CODEBUILD",
        "environmentVariables": [{ "name": "PASSWORD", "value": "CANARY-build-variable", "type": "PLAINTEXT" }],
    })
}

fn source() -> Value {
    json!({
        "type": "GITHUB", "location": "https://user:CANARY-userinfo@github.com/org/repository.git",
        "buildspec": "version: 0.2\nenv: { variables: { TOKEN: CANARY-buildspec } }",
        "auth": { "type": "OAUTH", "resource": "CANARY-source-auth" }, "gitCloneDepth": 1, "insecureSsl": false,
    })
}

fn build_json(ask: &Ask<'_>, build: &Build<'_>) -> Value {
    let (place, now_ms) = (&ask.place, ask.place.world.now_ms);
    let end_ms = build.end(now_ms);
    let mut phases = Vec::new();
    let work_ms = (build.ended_ms - build.provisioning_ms) / 3;
    let begins = [
        ("SUBMITTED", build.created_ms),
        ("QUEUED", build.created_ms + SECOND / 4),
        ("PROVISIONING", build.provisioning_ms),
        ("DOWNLOAD_SOURCE", build.provisioning_ms + work_ms),
        ("BUILD", build.provisioning_ms + 2 * work_ms),
        ("FINALIZING", build.ended_ms - SECOND / 10),
        ("COMPLETED", build.ended_ms),
    ];
    for (no, (phase, from_ms)) in begins
        .iter()
        .enumerate()
        .filter(|(_, (_, from_ms))| *from_ms <= now_ms)
    {
        let mut told = json!({ "phaseType": phase, "startTime": epoch(*from_ms) });
        if let Some((_, to_ms)) = begins.get(no + 1).filter(|(_, to_ms)| *to_ms <= now_ms) {
            told["endTime"] = epoch(*to_ms);
            told["durationInSeconds"] = json!((to_ms - from_ms) / SECOND);
            told["phaseStatus"] = json!("SUCCEEDED");
            told["contexts"] = json!([{ "statusCode": "", "message": "CANARY-phase-message" }]);
        }
        phases.push(told);
    }
    let mut told = json!({
        "id": build.id(place), "arn": build.arn(place), "buildNumber": build.number, "projectName": build.project.name,
        "startTime": epoch(build.created_ms), "buildComplete": end_ms.is_some(), "environment": environment(build.project),
        "buildStatus": if end_ms.is_some() { build.status } else { "IN_PROGRESS" },
        "currentPhase": phases.last().map_or(Value::Null, |phase| phase["phaseType"].clone()), "phases": phases, "source": source(),
        "artifacts": { "location": "" }, "cache": { "type": "NO_CACHE" }, "initiator": "user/tester", "timeoutInMinutes": 60,
        "queuedTimeoutInMinutes": 480, "encrypted": false, "serviceRole": "arn:aws:iam::role/build",
        "exportedEnvironmentVariables": [{ "name": "OUT", "value": "CANARY-exported-variable" }],
        "logs": { "groupName": "/aws/codebuild/app", "streamName": "CANARY-stream", "deepLink": "https://console/CANARY-deep-link" },
    });
    if let Some(end_ms) = end_ms {
        told["endTime"] = epoch(end_ms);
    }
    told
}

fn batch_get_projects(ask: &Ask<'_>) -> Result<Value, Problem> {
    let names = ask.texts("names");
    if names.is_empty() || names.len() > PAGE {
        return Err(invalid(format!(
            "names must have between 1 and {PAGE} members"
        )));
    }
    let projects = &ask.place.region.projects;
    let (found, missing): (Vec<&str>, Vec<&str>) = names
        .into_iter()
        .partition(|name| projects.iter().any(|project| project.name == *name));
    let describe = |name: &&str| {
        let project = projects
            .iter()
            .find(|project| project.name == **name)
            .expect("it was found");
        json!({
            "name": project.name, "arn": ask.place.arn("codebuild", &format!("project/{}", project.name)), "source": source(),
            "environment": environment(project), "artifacts": { "type": "NO_ARTIFACTS" }, "cache": { "type": "NO_CACHE" },
            "timeoutInMinutes": 60, "queuedTimeoutInMinutes": 480, "created": epoch(CHANGED_MS), "lastModified": epoch(CHANGED_MS),
            "tags": [{ "key": "note", "value": "CANARY-project-tag" }, { "key": "Team", "value": "builders" }],
        })
    };
    Ok(
        json!({ "projects": found.iter().map(describe).collect::<Vec<_>>(), "projectsNotFound": missing }),
    )
}
