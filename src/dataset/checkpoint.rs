//! What many coverage parts say, in one: a reader of it need not open them.
//!
//! A checkpoint repeats rows and links of coverage parts by their names. It adds nothing to the log: of a coverage part
//! that is not there any more it says nothing, and without checkpoints everything is the same, but takes a request per
//! coverage part. The newest repeats all that older ones do.

use std::collections::BTreeMap;

use polars::prelude::{Column, NamedFrom, PlSmallStr, PolarsResult, Series};

use super::name::Partition;
use super::part;
use super::schema::{self, CoverageRow};
use super::summary::{Beside, Links};
use super::{Dataset, Table, coverage};
use crate::model::error::{Error, ErrorKind, Result};

/// What the names of checkpoints have for account, region and month: a checkpoint is of all of them.
const EVERYWHERE: &str = "all";
/// Coverage parts beside the newest checkpoint that are worth another one.
const MANY: usize = 32;

/// The rows of a coverage part, and what it says of others.
pub(super) type Repeated = (Vec<CoverageRow>, Links);

/// What coverage parts say, by their names.
pub(super) type Parts = BTreeMap<String, Repeated>;

/// What the newest checkpoint repeats; nothing where there is none that can be read.
pub(super) fn newest(dataset: &Dataset) -> Result<Parts> {
    // Their names begin with how many coverage parts they repeat.
    for name in dataset.storage.parts(Table::Checkpoints)?.iter().rev() {
        match read(dataset, name) {
            Ok(parts) => return Ok(parts),
            Err(error) => tracing::warn!("the coverage parts are read one by one: {error}"),
        }
    }
    Ok(Parts::new())
}

fn read(dataset: &Dataset, name: &str) -> Result<Parts> {
    let storage = &dataset.storage;
    let mut parts = Parts::new();
    storage.read_each(&[name.to_owned()], |relative, bytes| {
        let (part, repeated) = part::decode_checkpoint(storage, relative, &bytes)?;
        let unfit = |cause| {
            Error::new(ErrorKind::Input, format!("`{relative}` is no checkpoint")).cause(cause)
        };
        let rows = coverage::rows(&part.frame).map_err(unfit)?;
        let of_part = part.frame.column("part").and_then(Column::str);
        for (part, links) in repeated {
            parts.insert(part, (Vec::new(), links));
        }
        for (row, part) in rows.into_iter().zip(of_part.map_err(unfit)?.iter()) {
            let part = part.unwrap_or_default();
            if let Some((rows, _)) = parts.get_mut(part) {
                rows.push(row);
            }
        }
        Ok(())
    })?;
    Ok(parts)
}

/// Writes a checkpoint of `parts`, all coverage parts of the dataset, where `known` of them are in the newest one;
/// returns how many more it spares a reader.
pub(super) fn write(dataset: &Dataset, parts: &Parts, known: usize) -> Result<usize> {
    let more = parts.len().saturating_sub(known);
    if more < MANY {
        return Ok(0);
    }
    let mut frame = frame(parts).map_err(|cause| {
        Error::new(ErrorKind::Failure, "cannot build a checkpoint").cause(cause)
    })?;
    let links: Vec<_> = parts
        .iter()
        .map(|(part, (_, links))| (part, links))
        .collect();
    let everywhere = || EVERYWHERE.to_owned();
    let partition = Partition {
        account: everywhere(),
        region: everywhere(),
        month: everywhere(),
    };
    part::write(
        &dataset.storage,
        Table::Checkpoints,
        &partition,
        (&format!("{:010}", parts.len()), "parts"),
        &mut frame,
        Beside::Repeated(&links),
    )?;
    Ok(more)
}

fn frame(parts: &Parts) -> PolarsResult<polars::prelude::DataFrame> {
    let rows: Vec<_> = parts.values().flat_map(|(rows, _)| rows.clone()).collect();
    let repeat = |(part, (rows, _)): (&'_ String, &Repeated)| vec![part.clone(); rows.len()];
    let of_part: Vec<String> = parts.iter().flat_map(repeat).collect();
    let mut frame = schema::coverage(&rows)?;
    let of_part = Series::new(PlSmallStr::from_static("part"), of_part);
    frame.with_column(of_part.into())?;
    Ok(frame)
}
