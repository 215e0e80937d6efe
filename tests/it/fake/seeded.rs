//! Worlds from a seed.

use super::random::{hash, mix, up_to};
use super::world::{
    Account, BuildId, Cluster, DAY, Definition, HOUR, Insights, Instance, Job, Launch, Load,
    MINUTE, NOW, Percent, Project, Region, Revision, Runs, SECOND, Service, World,
};

/// How much of everything.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    pub(crate) accounts: usize,
    /// Enabled regions of each account; one more is not opted in.
    pub(crate) regions: usize,
    /// Of each region. Of every three the first has no Container Insights, the second and the third have; the second
    /// runs on EC2; all but the first capture task events.
    pub(crate) clusters: usize,
    /// Of each cluster.
    pub(crate) services: usize,
    /// Families run as jobs, of each cluster.
    pub(crate) families: usize,
    /// Tasks of each family, spread over the days.
    pub(crate) jobs_per_family: i64,
    /// CodeBuild projects of each region.
    pub(crate) projects: usize,
    /// Builds of each project, spread over the days.
    pub(crate) builds: i64,
    /// Container instances of each cluster on EC2.
    pub(crate) instances: usize,
    /// Days before now at which it all began.
    pub(crate) days: i64,
}

impl Scale {
    /// A handful of everything.
    pub(crate) const SMALL: Self = Self {
        accounts: 2,
        regions: 2,
        clusters: 3,
        services: 2,
        families: 2,
        jobs_per_family: 60,
        projects: 2,
        builds: 30,
        instances: 2,
        days: 20,
    };
}

const REGIONS: [&str; 6] = [
    "us-east-1",
    "eu-west-1",
    "us-west-2",
    "ap-northeast-1",
    "eu-central-1",
    "sa-east-1",
];
/// CPU units and MiB, all of them Fargate sizes.
const SIZES: [(u32, u32); 5] = [
    (256, 512),
    (512, 2048),
    (1024, 2048),
    (2048, 8192),
    (4096, 16384),
];
const COMPUTE: [(&str, &str, u32, u32); 4] = [
    ("LINUX_CONTAINER", "BUILD_GENERAL1_SMALL", 2048, 4096),
    ("ARM_CONTAINER", "BUILD_GENERAL1_LARGE", 8192, 16384),
    ("LINUX_CONTAINER", "BUILD_GENERAL1_MEDIUM", 4096, 8192),
    ("LINUX_LAMBDA_CONTAINER", "BUILD_LAMBDA_4GB", 2048, 4096),
];

impl World {
    /// A handful of everything, always the same.
    pub(crate) fn small() -> Self {
        Self::seeded(1, Scale::SMALL)
    }

    /// A world with nothing in it but the account `123456789012` with the key `AKIDFAKE1`.
    pub(crate) fn empty() -> Self {
        let account = Account {
            id: "123456789012".to_owned(),
            keys: vec!["AKIDFAKE1".to_owned()],
            roles: Vec::new(),
            regions: Vec::new(),
        };
        Self {
            seed: 0,
            now_ms: NOW,
            accounts: vec![account],
            products: Vec::new(),
            log_scan_ms: DAY / 2,
            metric_page_points: 100_800,
            build_id: BuildId::Id,
        }
    }

    /// The same for the same seed and scale.
    pub(crate) fn seeded(seed: u64, scale: Scale) -> Self {
        assert!(
            scale.regions <= REGIONS.len(),
            "there are names for {} regions",
            REGIONS.len()
        );
        let accounts = (0..scale.accounts).map(|no| account(hash(seed, no as u64), no, &scale));
        Self {
            seed,
            accounts: accounts.collect(),
            ..Self::empty()
        }
    }
}

fn account(seed: u64, no: usize, scale: &Scale) -> Account {
    let opted_out = Region {
        name: "me-south-1".to_owned(),
        ..Region::default()
    };
    let regions = (0..scale.regions).map(|no| region(hash(seed, no as u64), REGIONS[no], scale));
    Account {
        id: if no == 0 {
            "123456789012".to_owned()
        } else {
            (200_000_000_000 + up_to(mix(seed), 99_999_999) * 1_000 + no as i64).to_string()
        },
        keys: vec![format!("AKIDFAKE{}", no + 1)],
        roles: vec!["plimsoll".to_owned()],
        regions: regions.chain([opted_out]).collect(),
    }
}

fn region(seed: u64, name: &str, scale: &Scale) -> Region {
    let mut region = Region {
        name: name.to_owned(),
        is_enabled: true,
        ..Region::default()
    };
    for no in 0..scale.clusters {
        let cluster = cluster(
            hash(seed, no as u64),
            no,
            scale,
            name,
            &mut region.definitions,
        );
        region.clusters.push(cluster);
    }
    // So that they are found quickly.
    region.definitions.sort_by(|a, b| a.name.cmp(&b.name));
    region.projects = (0..scale.projects).map(|no| project(no, scale)).collect();
    region
}

fn cluster(
    seed: u64,
    no: usize,
    scale: &Scale,
    region: &str,
    definitions: &mut Vec<Definition>,
) -> Cluster {
    let began_ms = NOW - scale.days * DAY;
    let is_ec2 = no % 3 == 1;
    let provider = format!("asg-{no}");
    let instances = (0..if is_ec2 { scale.instances } else { 0 })
        .map(|at| instance(hash(seed, at as u64), at, region, &provider, began_ms));
    Cluster {
        name: ["prod", "batch", "web"]
            .get(no)
            .map_or_else(|| format!("cluster-{no}"), ToString::to_string),
        insights: [Insights::Disabled, Insights::Enabled, Insights::Enhanced][no % 3],
        insights_since_ms: began_ms,
        events_since_ms: (!no.is_multiple_of(3)).then_some(began_ms + 5 * HOUR),
        retention_days: (no % 3 == 2).then_some(30),
        services: (0..scale.services)
            .map(|at| {
                service(
                    hash(seed, 1_000 + at as u64),
                    at,
                    is_ec2,
                    &provider,
                    began_ms,
                    definitions,
                )
            })
            .collect(),
        jobs: (0..scale.families)
            .map(|at| {
                job(
                    hash(seed, 2_000 + at as u64),
                    at,
                    is_ec2,
                    scale,
                    definitions,
                )
            })
            .collect(),
        instances: instances.collect(),
    }
}

fn load(seed: u64) -> Load {
    let percent = |seed: u64, floor: i64| {
        let number =
            |salt, below| u32::try_from(up_to(hash(seed, salt), below)).expect("below 100");
        Percent {
            floor: 1 + number(1, floor),
            day: number(2, 30),
            noise: 1 + number(3, 20),
        }
    };
    Load {
        cpu: percent(hash(seed, 1), 30),
        memory: percent(hash(seed, 2), 45),
    }
}

fn define(
    definitions: &mut Vec<Definition>,
    family: &str,
    revision: u32,
    size: usize,
    architecture: &'static str,
) -> String {
    let name = format!("{family}:{revision}");
    let (cpu_units, memory_mib) = SIZES[size % SIZES.len()];
    if !definitions.iter().any(|known| known.name == name) {
        let ephemeral_gib = family.ends_with('1').then_some(30);
        definitions.push(Definition {
            name: name.clone(),
            cpu_units,
            memory_mib,
            architecture,
            ephemeral_gib,
        });
    }
    name
}

/// Resized in the night nine days before now, where it is that old.
fn service(
    seed: u64,
    no: usize,
    is_ec2: bool,
    provider: &str,
    began_ms: i64,
    definitions: &mut Vec<Definition>,
) -> Service {
    let name = ["api", "worker", "search", "mail"]
        .get(no)
        .map_or_else(|| format!("service-{no}"), ToString::to_string);
    let family = format!("{name}-{:04x}", seed & 0xffff);
    let size = usize::try_from(up_to(mix(seed), 4)).expect("small");
    let architecture = if no % 2 == 1 { "ARM64" } else { "X86_64" };
    let revision = |from_ms, revision, size| (from_ms, revision, size);
    let resized_ms = (NOW - 9 * DAY).div_euclid(DAY) * DAY + 2 * HOUR;
    let mut revisions = vec![revision(began_ms + MINUTE, 1, size)];
    if began_ms + DAY < resized_ms {
        revisions.push(revision(resized_ms, 2, size + 1));
    }
    let base = 1 + u32::try_from(up_to(hash(seed, 5), 3)).expect("small");
    Service {
        launch: match (is_ec2, no % 2) {
            (true, 0) => Launch::Ec2,
            (true, _) => Launch::Provider(provider.to_owned()),
            (false, 0) => Launch::Fargate,
            (false, _) => Launch::Provider("FARGATE".to_owned()),
        },
        revisions: revisions
            .into_iter()
            .map(|(from_ms, revision, size)| Revision {
                from_ms,
                definition: define(definitions, &family, revision, size, architecture),
            })
            .collect(),
        base,
        peak: base + u32::try_from(up_to(hash(seed, 6), 3)).expect("small"),
        load: load(seed),
        name,
    }
}

fn job(
    seed: u64,
    no: usize,
    is_ec2: bool,
    scale: &Scale,
    definitions: &mut Vec<Definition>,
) -> Job {
    let name = ["etl", "report", "thumbnails"]
        .get(no)
        .map_or_else(|| format!("job-{no}"), ToString::to_string);
    let size = usize::try_from(up_to(mix(seed), 5)).expect("small");
    Job {
        definition: define(
            definitions,
            &format!("{name}-{:04x}", seed & 0xffff),
            3,
            size,
            "X86_64",
        ),
        launch: match (is_ec2, no % 2) {
            (true, _) => Launch::Ec2,
            (false, 0) => Launch::Provider("FARGATE_SPOT".to_owned()),
            (false, _) => Launch::Fargate,
        },
        runs: Runs::Every {
            within_ms: NOW - scale.days * DAY..NOW + 30 * DAY,
            every_ms: (scale.days * DAY / scale.jobs_per_family.max(1)).max(1),
            length_ms: 5 * SECOND..if no.is_multiple_of(2) {
                40 * MINUTE
            } else {
                3 * MINUTE
            },
        },
        load: load(seed),
    }
}

fn instance(seed: u64, no: usize, region: &str, provider: &str, began_ms: i64) -> Instance {
    let is_arm = no % 2 == 1;
    Instance {
        id: format!("{:016x}{:016x}", mix(seed), mix(seed ^ 1)),
        ec2_id: format!("i-{:017x}", mix(seed ^ 2)),
        instance_type: if is_arm { "m7g.xlarge" } else { "m6i.large" }.to_owned(),
        zone: format!("{region}{}", ['a', 'b', 'c'][no % 3]),
        architecture: if is_arm { "arm64" } else { "x86_64" },
        capacity_provider: (no % 3 != 2).then(|| provider.to_owned()),
        cpu_units: if is_arm { 4096 } else { 2048 },
        memory_mib: if is_arm { 15_740 } else { 7_720 },
        registered_ms: began_ms + no as i64 * HOUR + 123,
        deregistered_ms: None,
    }
}

fn project(no: usize, scale: &Scale) -> Project {
    let (environment_type, compute_type, cpu_units, memory_mib) = COMPUTE[no % COMPUTE.len()];
    Project {
        name: ["app", "image", "site"]
            .get(no)
            .map_or_else(|| format!("project-{no}"), ToString::to_string),
        environment_type,
        compute_type,
        privileged: no % 2 == 1,
        cpu_units,
        memory_mib,
        runs: Runs::Every {
            within_ms: NOW - scale.days * DAY..NOW + 30 * DAY,
            every_ms: (scale.days * DAY / scale.builds.max(1)).max(1),
            length_ms: 20 * SECOND..15 * MINUTE,
        },
        load: load(hash(7, no as u64)),
    }
}
