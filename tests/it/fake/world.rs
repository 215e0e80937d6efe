//! What there is to be seen: accounts, regions, clusters, projects, and the rules by which their tasks come and go.
//!
//! Everything is a pure function of the world's seed, of what it is and of the time: nothing big is stored, so a world
//! of a hundred thousand tasks is as small as one of ten. A test builds a world by hand, takes a seeded one, or takes
//! a seeded one and changes it.

use std::ops::Range;

use super::random::{hash, hash_bytes, up_to};

pub(crate) const SECOND: i64 = 1_000;
pub(crate) const MINUTE: i64 = 60 * SECOND;
pub(crate) const HOUR: i64 = 60 * MINUTE;
pub(crate) const DAY: i64 = 24 * HOUR;
/// 2026-11-20T12:00:00Z.
pub(crate) const NOW: i64 = 1_795_176_000_000;

/// Everything that the fake knows.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) seed: u64,
    /// The present, epoch milliseconds. What lies after it has not happened.
    pub(crate) now_ms: i64,
    pub(crate) accounts: Vec<Account>,
    /// Products of the price list, JSON texts as `GetProducts` returns them.
    pub(crate) products: Vec<String>,
    /// Time that one page of `FilterLogEvents` looks through at most: what it finds nothing in becomes an empty page.
    pub(crate) log_scan_ms: i64,
    /// Points of one page of `GetMetricData`. AWS: 100,800.
    pub(crate) metric_page_points: usize,
    /// How the dimension `BuildId` of `AWS/CodeBuild` is spelt; AWS does not say.
    pub(crate) build_id: BuildId,
}

/// Spellings of a build.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BuildId {
    Arn,
    /// `project:uuid`.
    Id,
    Uuid,
}

/// An AWS account.
#[derive(Debug, Clone)]
pub(crate) struct Account {
    pub(crate) id: String,
    /// Access key ids.
    pub(crate) keys: Vec<String>,
    /// Names of roles that anyone in this world may assume.
    pub(crate) roles: Vec<String>,
    /// Regions with something in them, or with a state that differs from AWS's default.
    pub(crate) regions: Vec<Region>,
}

/// One region of an account.
#[derive(Debug, Clone, Default)]
pub(crate) struct Region {
    pub(crate) name: String,
    /// False: not opted in, and every call is refused.
    pub(crate) is_enabled: bool,
    pub(crate) clusters: Vec<Cluster>,
    pub(crate) definitions: Vec<Definition>,
    pub(crate) projects: Vec<Project>,
}

/// Container Insights of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Insights {
    Disabled,
    Enabled,
    Enhanced,
}

/// An ECS cluster.
#[derive(Debug, Clone)]
pub(crate) struct Cluster {
    pub(crate) name: String,
    pub(crate) insights: Insights,
    /// Container Insights tells nothing from before; epoch milliseconds.
    pub(crate) insights_since_ms: i64,
    /// Task events are captured in CloudWatch Logs from then on.
    pub(crate) events_since_ms: Option<i64>,
    /// Retention of its log groups.
    pub(crate) retention_days: Option<i64>,
    pub(crate) services: Vec<Service>,
    pub(crate) jobs: Vec<Job>,
    pub(crate) instances: Vec<Instance>,
}

/// How tasks are launched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Launch {
    Fargate,
    Ec2,
    /// By the strategy of this one capacity provider.
    Provider(String),
}

/// An ECS service: `base` tasks always, up to `peak` from 08:00 to 20:00 UTC.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) launch: Launch,
    /// In order of time; the first is the service's creation.
    pub(crate) revisions: Vec<Revision>,
    pub(crate) base: u32,
    pub(crate) peak: u32,
    pub(crate) load: Load,
}

/// From when on a service ran which task definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revision {
    pub(crate) from_ms: i64,
    /// `family:revision`.
    pub(crate) definition: String,
}

/// A task-definition family that is run as tasks.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    /// `family:revision`.
    pub(crate) definition: String,
    pub(crate) launch: Launch,
    pub(crate) runs: Runs,
    pub(crate) load: Load,
}

impl Job {
    pub(crate) fn family(&self) -> &str {
        family(&self.definition)
    }
}

/// `family` of `family:revision`.
pub(crate) fn family(definition: &str) -> &str {
    definition
        .split(':')
        .next()
        .expect("a split has a first part")
}

/// A task definition.
#[derive(Debug, Clone)]
pub(crate) struct Definition {
    /// `family:revision`.
    pub(crate) name: String,
    pub(crate) cpu_units: u32,
    pub(crate) memory_mib: u32,
    /// `X86_64` or `ARM64`.
    pub(crate) architecture: &'static str,
    pub(crate) ephemeral_gib: Option<u32>,
}

/// A container instance.
#[derive(Debug, Clone)]
pub(crate) struct Instance {
    /// 32 hexadecimal digits.
    pub(crate) id: String,
    /// `i-…`.
    pub(crate) ec2_id: String,
    pub(crate) instance_type: String,
    pub(crate) zone: String,
    /// `x86_64` or `arm64`.
    pub(crate) architecture: &'static str,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) cpu_units: i64,
    pub(crate) memory_mib: i64,
    pub(crate) registered_ms: i64,
    pub(crate) deregistered_ms: Option<i64>,
}

impl Instance {
    pub(crate) fn is_there(&self, now_ms: i64) -> bool {
        self.registered_ms <= now_ms && self.deregistered_ms.is_none_or(|gone| now_ms < gone)
    }
}

/// A CodeBuild project.
#[derive(Debug, Clone)]
pub(crate) struct Project {
    pub(crate) name: String,
    pub(crate) environment_type: &'static str,
    pub(crate) compute_type: &'static str,
    pub(crate) privileged: bool,
    pub(crate) cpu_units: u32,
    pub(crate) memory_mib: u32,
    pub(crate) runs: Runs,
    pub(crate) load: Load,
}

/// What a task uses, in percent of its size: between `floor` and `floor + day + noise`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Load {
    pub(crate) cpu: Percent,
    pub(crate) memory: Percent,
}

/// A share that swings with the day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Percent {
    pub(crate) floor: u32,
    /// Added at noon UTC; nothing of it at midnight.
    pub(crate) day: u32,
    pub(crate) noise: u32,
}

/// When a job or a project runs, and for how long.
#[derive(Debug, Clone)]
pub(crate) enum Runs {
    /// One every `every_ms` while `within` lasts, each up to a tenth of that late, and as long as chance will have it.
    Every {
        within_ms: Range<i64>,
        every_ms: i64,
        length_ms: Range<i64>,
    },
    /// Exactly these, as (created, time from start to end), in order of creation. Nothing about them is left to chance.
    At(Vec<(i64, i64)>),
}

/// One run of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    /// Its number, from 0.
    pub(crate) no: u32,
    pub(crate) created_ms: i64,
    pub(crate) length_ms: i64,
    /// What chance has in store for it; 0 where nothing is left to chance.
    pub(crate) chance: u64,
}

impl Runs {
    /// The run number `no`.
    pub(crate) fn get(&self, seed: u64, no: u32) -> Option<Span> {
        match self {
            Self::At(spans) => {
                let (created_ms, length_ms) = *spans.get(no as usize)?;
                Some(Span {
                    no,
                    created_ms,
                    length_ms,
                    chance: 0,
                })
            }
            Self::Every {
                within_ms,
                every_ms,
                length_ms,
            } => {
                let chance = hash(seed, u64::from(no)) | 1;
                let late_ms = up_to(hash(chance, 1), every_ms / 10 + 1);
                let created_ms = within_ms.start + i64::from(no) * every_ms + late_ms;
                let extra_ms = up_to(hash(chance, 2), length_ms.end - length_ms.start);
                (created_ms < within_ms.end).then_some(Span {
                    no,
                    created_ms,
                    length_ms: length_ms.start + extra_ms,
                    chance,
                })
            }
        }
    }

    /// Runs created within `[from_ms, to_ms)`, in order.
    pub(crate) fn created(
        &self,
        seed: u64,
        from_ms: i64,
        to_ms: i64,
    ) -> impl Iterator<Item = Span> {
        let numbers = match self {
            Self::At(spans) => 0..spans.len() as i64,
            Self::Every {
                within_ms,
                every_ms,
                ..
            } => {
                let first = (from_ms - within_ms.start).div_euclid(*every_ms) - 1;
                let end = (to_ms.min(within_ms.end) - within_ms.start).div_euclid(*every_ms) + 1;
                first.max(0)..end.max(0)
            }
        };
        let spans = numbers.filter_map(move |no| self.get(seed, u32::try_from(no).ok()?));
        spans.filter(move |span| (from_ms..to_ms).contains(&span.created_ms))
    }

    /// The longest that a run can last from start to end.
    pub(crate) fn longest_ms(&self) -> i64 {
        match self {
            Self::At(spans) => spans
                .iter()
                .map(|(_, length_ms)| *length_ms)
                .max()
                .unwrap_or(0),
            Self::Every { length_ms, .. } => length_ms.end,
        }
    }
}

/// Regions that an account has to opt in to. Source: AWS account management guide, read 2026-11.
const OPT_IN: [&str; 17] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-south-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-west-1",
    "eu-central-2",
    "eu-south-1",
    "eu-south-2",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
];

impl World {
    /// The account `id`, to look at or to change.
    pub(crate) fn account(&mut self, id: &str) -> &mut Account {
        self.accounts
            .iter_mut()
            .find(|account| account.id == id)
            .expect("an account of the world")
    }

    /// The account that a key belongs to: a user's, or one handed out for a role.
    pub(crate) fn account_of_key(&self, key: &str) -> Option<&Account> {
        self.accounts.iter().find(|account| {
            account.keys.iter().any(|known| known == key) || role_key(&account.id) == key
        })
    }

    /// A place; `None` where the account or the region is not in use.
    pub(crate) fn place(&self, account: &str, region: &str) -> Option<Place<'_>> {
        let account = self.accounts.iter().find(|known| known.id == account)?;
        let empty = &NOTHING_THERE;
        let here = account.regions.iter().find(|known| known.name == region);
        let is_enabled = here.map_or(!OPT_IN.contains(&region), |here| here.is_enabled);
        let seed = hash(
            hash(self.seed, hash_bytes(account.id.as_bytes())),
            hash_bytes(region.as_bytes()),
        );
        is_enabled.then(|| Place {
            world: self,
            account,
            name: region.to_owned(),
            region: here.unwrap_or(empty),
            seed,
        })
    }

    /// Every place with something in it.
    pub(crate) fn places(&self) -> impl Iterator<Item = Place<'_>> {
        let names = self.accounts.iter().flat_map(|account| {
            account
                .regions
                .iter()
                .map(move |region| (&account.id, &region.name))
        });
        names.filter_map(|(account, region)| self.place(account, region))
    }
}

static NOTHING_THERE: Region = Region {
    name: String::new(),
    is_enabled: true,
    clusters: Vec::new(),
    definitions: Vec::new(),
    projects: Vec::new(),
};

/// The access key id that `AssumeRole` hands out for an account.
pub(crate) fn role_key(account: &str) -> String {
    format!("ASIAROLE{account}")
}

/// One account in one region.
#[derive(Debug, Clone)]
pub(crate) struct Place<'w> {
    pub(crate) world: &'w World,
    pub(crate) account: &'w Account,
    pub(crate) region: &'w Region,
    /// The region's name, also where nothing is there.
    pub(crate) name: String,
    pub(crate) seed: u64,
}

impl<'w> Place<'w> {
    /// The ARN of `resource` here.
    pub(crate) fn arn(&self, service: &str, resource: &str) -> String {
        format!(
            "arn:aws:{service}:{}:{}:{resource}",
            self.name, self.account.id
        )
    }

    /// The cluster that a name or an ARN means, with its number.
    pub(crate) fn cluster(&self, name_or_arn: &str) -> Option<(usize, &'w Cluster)> {
        let prefix = self.arn("ecs", "cluster/");
        let name = name_or_arn.strip_prefix(&prefix).unwrap_or(name_or_arn);
        self.region
            .clusters
            .iter()
            .enumerate()
            .find(|(_, cluster)| cluster.name == name)
    }

    /// The definition `family:revision`.
    pub(crate) fn definition(&self, name: &str) -> Option<&'w Definition> {
        let all = &self.region.definitions;
        // Big worlds have them in order of their names; worlds made by hand need not.
        let at = all.binary_search_by(|definition| definition.name.as_str().cmp(name));
        at.map_or_else(
            |_| all.iter().find(|definition| definition.name == name),
            |at| Some(&all[at]),
        )
    }
}
