//! What collections told before, for the next one to go on from.

use polars::prelude::Column;

use super::coverage::{self, Committed};
use super::scan::unreadable;
use super::{Dataset, Table, part, source};
use crate::model::error::Result;

/// Tells `found` the account, region and name of every task definition that the commits stand on.
pub(crate) fn definitions(
    dataset: &Dataset,
    commits: &[Committed],
    mut found: impl FnMut(&str, &str, &str),
) -> Result<()> {
    // They hold at any time, so they are stored at its beginning.
    let parts = coverage::named_parts(commits, Table::Workloads);
    let parts: Vec<String> = parts
        .into_iter()
        .filter(|part| part.contains("/month=1970-01/"))
        .collect();
    dataset.storage.read_each(&parts, |relative, bytes| {
        let part = part::decode(
            &dataset.storage,
            relative,
            &bytes,
            Some(&["cluster", "task_definition"]),
        )?;
        let texts = |name: &str| {
            part.frame
                .column(name)
                .and_then(Column::str)
                .map_err(|cause| unreadable(Table::Workloads, cause))
        };
        for (cluster, definition) in texts("cluster")?
            .iter()
            .zip(texts("task_definition")?.iter())
        {
            if let (Some(""), Some(definition)) = (cluster, definition) {
                found(&part.account, &part.region, definition);
            }
        }
        Ok(())
    })
}

/// A build that a collection told of.
pub(crate) struct CollectedBuild<'a> {
    pub(crate) account: &'a str,
    pub(crate) region: &'a str,
    pub(crate) id: &'a str,
    pub(crate) created_ms: i64,
    pub(crate) stopped_ms: Option<i64>,
}

/// Tells `found` every build of the commits' collections.
pub(crate) fn builds(
    dataset: &Dataset,
    commits: &[Committed],
    mut found: impl FnMut(CollectedBuild<'_>),
) -> Result<()> {
    let of_builds = commits
        .iter()
        .filter(|commit| commit.row.source == source::BUILDS);
    let parts: Vec<String> = coverage::named_parts(of_builds, Table::Runs)
        .into_iter()
        .collect();
    dataset.storage.read_each(&parts, |relative, bytes| {
        let part = part::decode(
            &dataset.storage,
            relative,
            &bytes,
            Some(&["run_id", "created_ms", "stopped_ms"]),
        )?;
        let unfit = |cause| unreadable(Table::Runs, cause);
        let times = |name: &str| part.frame.column(name).and_then(Column::i64).map_err(unfit);
        let ids = part
            .frame
            .column("run_id")
            .and_then(Column::str)
            .map_err(unfit)?;
        let times = times("created_ms")?.iter().zip(times("stopped_ms")?.iter());
        for (id, (created_ms, stopped_ms)) in ids.iter().zip(times) {
            if let (Some(id), Some(created_ms)) = (id, created_ms) {
                found(CollectedBuild {
                    account: &part.account,
                    region: &part.region,
                    id,
                    created_ms,
                    stopped_ms,
                });
            }
        }
        Ok(())
    })
}
