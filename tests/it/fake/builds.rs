//! CodeBuild builds: their phases, and what they used.

use super::random::{hash, up_to};
use super::tasks::{Measure, ceil_minute};
use super::world::{BuildId, DAY, MINUTE, Place, Project, SECOND};

/// CodeBuild tells of builds for a year.
pub(crate) const REMEMBERED_MS: i64 = 365 * DAY;

/// One build with its whole life.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Build<'w> {
    pub(crate) project: &'w Project,
    /// Tells it from every other build of its account and region.
    pub(crate) key: u64,
    /// From 1.
    pub(crate) number: i64,
    /// Submitted.
    pub(crate) created_ms: i64,
    pub(crate) provisioning_ms: i64,
    pub(crate) ended_ms: i64,
    pub(crate) status: &'static str,
}

/// Keeps builds apart from tasks.
const BUILDS: u64 = 1 << 63;
const PROJECT_SHIFT: u32 = 32;

impl<'w> Place<'w> {
    /// Builds created within `[from_ms, to_ms)`, project by project.
    pub(crate) fn builds(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = Build<'w>> {
        (0..self.region.projects.len()).flat_map(move |project_no| {
            let project = &self.region.projects[project_no];
            let seed = hash(self.seed, prefix(project_no));
            project
                .runs
                .created(seed, from_ms, to_ms)
                .filter_map(move |span| self.build_no(project_no, span.no))
        })
    }

    /// The build that `project:uuid`, or its ARN, means; `None` where it does not exist by now or any more.
    pub(crate) fn build(&self, id: &str) -> Option<Build<'w>> {
        let prefix = self.arn("codebuild", "build/");
        let (project, uuid) = id.strip_prefix(&prefix).unwrap_or(id).split_once(':')?;
        let key = self
            .key_of(&uuid.replace('-', ""))
            .filter(|key| key & BUILDS != 0)?;
        let build = self.build_no(
            (key >> PROJECT_SHIFT & 0xffff) as usize,
            u32::try_from(key & u64::from(u32::MAX)).ok()?,
        )?;
        let now_ms = self.world.now_ms;
        (build.project.name == project
            && (now_ms - REMEMBERED_MS..=now_ms).contains(&build.created_ms))
        .then_some(build)
    }

    fn build_no(&self, project_no: usize, no: u32) -> Option<Build<'w>> {
        let project = self.region.projects.get(project_no)?;
        let span = project.runs.get(hash(self.seed, prefix(project_no)), no)?;
        let chance = span.chance;
        let provisioning_ms =
            span.created_ms + SECOND + up_to(hash(chance, 21) * (chance & 1), 3_000);
        Some(Build {
            project,
            key: prefix(project_no) | u64::from(no),
            number: i64::from(no) + 1,
            created_ms: span.created_ms,
            provisioning_ms,
            ended_ms: span.created_ms + span.length_ms.max(3 * SECOND),
            status: ["SUCCEEDED", "SUCCEEDED", "SUCCEEDED", "FAILED"]
                [up_to(hash(chance, 22) * (chance & 1), 4) as usize],
        })
    }
}

const fn prefix(project_no: usize) -> u64 {
    BUILDS | (project_no as u64) << PROJECT_SHIFT
}

impl Build<'_> {
    /// `8-4-4-4-12`.
    fn uuid(&self, place: &Place<'_>) -> String {
        let id = place.id_of(self.key);
        [&id[..8], &id[8..12], &id[12..16], &id[16..20], &id[20..]].join("-")
    }

    /// `project:uuid`.
    pub(crate) fn id(&self, place: &Place<'_>) -> String {
        format!("{}:{}", self.project.name, self.uuid(place))
    }

    pub(crate) fn arn(&self, place: &Place<'_>) -> String {
        place.arn("codebuild", &format!("build/{}", self.id(place)))
    }

    /// Its end, if that is over.
    pub(crate) fn end(&self, now_ms: i64) -> Option<i64> {
        Some(self.ended_ms).filter(|ended_ms| *ended_ms <= now_ms)
    }

    /// Whole minutes within `[from_ms, to_ms)` at which it was measured: none for builds of up to a minute.
    pub(crate) fn minutes(&self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = i64> + use<> {
        let is_measured = self.ended_ms - self.created_ms > MINUTE;
        let to_ms = if is_measured {
            self.ended_ms.min(to_ms)
        } else {
            i64::MIN
        };
        (ceil_minute(self.provisioning_ms.max(from_ms))..to_ms).step_by(MINUTE as usize)
    }

    /// What it used in the minute from `at_ms` on, in 1/64 of the measure's unit.
    pub(crate) fn reading(&self, place: &Place<'_>, measure: Measure, at_ms: i64) -> i64 {
        let Project {
            load,
            cpu_units,
            memory_mib,
            ..
        } = self.project;
        measure.reading(
            hash(place.seed, self.key),
            (load.cpu, load.memory),
            (*cpu_units, *memory_mib),
            at_ms,
        )
    }

    /// The dimensions of its metrics.
    pub(crate) fn dimensions(&self, place: &Place<'_>) -> [(&'static str, String); 3] {
        let id = match place.world.build_id {
            BuildId::Arn => self.arn(place),
            BuildId::Id => self.id(place),
            BuildId::Uuid => self.uuid(place),
        };
        [
            ("BuildId", id),
            ("BuildNumber", self.number.to_string()),
            ("ProjectName", self.project.name.clone()),
        ]
    }
}
