//! What is true: the rows that a collection of the world must come to, worked out from the world and not from the wire.
//!
//! Each row names the source that tells it, spelt as the dataset spells sources: what one source cannot tell is not
//! among its rows.

use std::collections::BTreeSet;

use super::teller::Teller;
use super::world::World;

/// Period of samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Resolution {
    /// For each UTC day the finest that CloudWatch still has for all of it.
    Auto,
    /// This many seconds.
    Seconds(i64),
}

/// Whose a row is: account, region, kind (`service`, `task`, `build`), cluster (empty for builds), name.
pub(crate) type Key = [String; 5];

/// Everything that the sources tell.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Golden {
    pub(crate) runs: BTreeSet<Run>,
    pub(crate) samples: BTreeSet<Sample>,
    pub(crate) configurations: BTreeSet<Configuration>,
    pub(crate) instances: BTreeSet<Instance>,
}

/// A task or a build, as one source tells it last.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Run {
    pub(crate) key: Key,
    pub(crate) run_id: String,
    /// `ecs_api`, `task_events`, `container_insights` or `codebuild_api`.
    pub(crate) source: &'static str,
    pub(crate) version: i64,
    pub(crate) created_ms: i64,
    pub(crate) pull_started_ms: Option<i64>,
    /// Of builds.
    pub(crate) provisioning_ms: Option<i64>,
    pub(crate) started_ms: Option<i64>,
    pub(crate) stopped_ms: Option<i64>,
    pub(crate) last_seen_ms: Option<i64>,
    pub(crate) stop_code: Option<&'static str>,
    pub(crate) out_of_memory: bool,
}

/// A reading. What differs most comes first: sets of them are put in order by it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sample {
    pub(crate) at_ms: i64,
    /// Bits of an `f64`, as the next two.
    pub(crate) max: u64,
    pub(crate) sum: u64,
    pub(crate) count: u64,
    pub(crate) key: Key,
    /// Of builds, and of tasks in logs.
    pub(crate) run_id: Option<String>,
    /// `cloudwatch` or `container_insights`.
    pub(crate) source: &'static str,
    /// As `dataset::schema::Metric::as_str`.
    pub(crate) metric: &'static str,
    pub(crate) period_s: i64,
}

/// A service from some time on, or a task definition: kind `task`, no cluster, from 0.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Configuration {
    pub(crate) key: Key,
    pub(crate) from_ms: i64,
    pub(crate) definition: String,
    pub(crate) launch_type: Option<&'static str>,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) cpu_units: Option<u32>,
    pub(crate) memory_mib: Option<u32>,
}

/// A container instance that is there now.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Instance {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) cluster: String,
    pub(crate) instance_id: String,
    pub(crate) instance_type: String,
    pub(crate) availability_zone: String,
    pub(crate) capacity_provider: Option<String>,
    pub(crate) cpu_units: i64,
    pub(crate) memory_mib: i64,
    pub(crate) registered_ms: i64,
}

impl World {
    /// What the sources tell of `[from_ms, to_ms)`.
    ///
    /// Of the ECS API, what it tells now: tasks that run or stopped within the hour, and the instances. Of events, what
    /// was written in the window; of performance logs the same, but only of tasks that are of no service. Of builds, those created in it. Of metrics, the periods that are wholly in
    /// it, of services, of families that only jobs run, and of builds created in it. Of services, each revision that
    /// was in force in it and that AWS still lists; of task definitions, all.
    pub(crate) fn golden(&self, from_ms: i64, to_ms: i64, resolution: Resolution) -> Golden {
        let mut golden = Golden::default();
        for place in self.places() {
            let mut teller = Teller {
                place: &place,
                window_ms: (from_ms, to_ms.min(self.now_ms)),
                resolution,
                golden: &mut golden,
            };
            for (no, cluster) in place.region.clusters.iter().enumerate() {
                teller.cluster(no, cluster);
            }
            teller.builds();
            teller.definitions();
        }
        golden
    }
}
