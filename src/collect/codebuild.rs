use super::call::*;
use super::commit::Sink;
use super::plan::*;
use std::ops::Range;
#[derive(Debug)]
pub(crate) struct BuildFact {
    pub project: String,
    pub id: String,
    pub number: Option<i64>,
    pub start_ms: i64,
    pub end_ms: Option<i64>,
}
pub(crate) async fn builds(
    place: &Place,
    wanted: Range<Day>,
    now_ms: i64,
    known: &Known,
    sink: &Sink,
) -> Result<Vec<BuildFact>, Fault> {
    todo!()
}
