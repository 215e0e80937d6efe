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
    /// Readings.
    pub(crate) samples: Vec<SampleRow>,
    /// Container instances.
    pub(crate) instances: Vec<InstanceRow>,
}
