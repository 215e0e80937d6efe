use super::call::*;
use super::commit::Sink;
use super::plan::Known;
use crate::records::Batch;
use std::collections::BTreeSet;
use std::sync::Mutex;
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Insights {
    Disabled,
    Standard,
    Enhanced,
}
#[derive(Debug)]
pub(crate) struct Cluster {
    pub name: String,
    pub arn: String,
    pub insights: Insights,
    pub services: Vec<Service>,
    pub instances: bool,
    pub faults: Vec<String>,
    pub running_tasks: u64,
}
#[derive(Debug)]
pub(crate) struct Service {
    pub arn: String,
    pub name: String,
    pub families: BTreeSet<String>,
}
#[derive(Debug, Default)]
pub(crate) struct Discovered {
    pub clusters: Vec<Cluster>,
    pub missing: Vec<String>,
    pub batch: Batch,
}
pub(crate) async fn discover(place: &Place, only: &[String]) -> Result<Discovered, Fault> {
    todo!()
}
pub(crate) struct SnapshotFacts {
    pub families: BTreeSet<String>,
    pub tasks: usize,
}
pub(crate) async fn snapshot(
    place: &Place,
    cluster: &Cluster,
    services_batch: Batch,
    now_ms: i64,
    known_definitions: &Mutex<BTreeSet<String>>,
    known: &Known,
    sink: &Sink,
) -> Result<SnapshotFacts, Fault> {
    todo!()
}
