//! Rows on their way to a writer.

use super::schema::{ConfigurationRow, InstanceRow, RunRow, SampleRow};

/// Rows on their way to a writer.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    /// Configurations as seen.
    pub(crate) configurations: Vec<ConfigurationRow>,
    /// Tasks and builds.
    pub(crate) runs: Vec<RunRow>,
    /// Tasks told of minute by minute: only the last sighting of each is kept.
    pub(crate) sightings: Vec<RunRow>,
    /// Samples.
    pub(crate) samples: Vec<SampleRow>,
    /// Container instances.
    pub(crate) instances: Vec<InstanceRow>,
}

/// Clocks may be so far apart.
pub(crate) const SKEW_MS: i64 = 60 * 60 * 1000;

impl Batch {
    /// The latest time that a row tells.
    pub(crate) fn latest_ms(&self) -> Option<i64> {
        let runs = self.runs.iter().chain(&self.sightings);
        let configurations = self.configurations.iter().map(|row| row.from_ms);
        runs.filter_map(RunRow::latest_ms)
            .chain(configurations)
            .chain(self.samples.iter().map(|row| row.at_ms))
            .chain(self.instances.iter().map(|row| row.seen_ms))
            .max()
    }

    /// Takes away every row that tells a time after `limit_ms`; returns how many they were.
    pub(crate) fn set_aside(&mut self, limit_ms: i64) -> usize {
        let before = self.len();
        let is_run = |row: &RunRow| row.latest_ms().is_none_or(|at_ms| at_ms <= limit_ms);
        self.configurations.retain(|row| row.from_ms <= limit_ms);
        self.runs.retain(is_run);
        self.sightings.retain(is_run);
        self.samples.retain(|row| row.at_ms <= limit_ms);
        self.instances.retain(|row| row.seen_ms <= limit_ms);
        before - self.len()
    }

    fn len(&self) -> usize {
        self.configurations.len()
            + self.runs.len()
            + self.sightings.len()
            + self.samples.len()
            + self.instances.len()
    }
}
