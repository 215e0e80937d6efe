//! A table of days that somebody made elsewhere: one Parquet file, or a folder of them as Spark and Athena leave it.
//!
//! Its files carry no hash in their names, so nothing of it is verified but what it says of itself.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::Path;

use polars::prelude::{
    Column, DataFrame, ParallelStrategy, ParquetReader, PolarsResult, SerReader, polars_err,
};

use super::guarded::guarded;
use super::storage::Storage;
use crate::model::error::{Error, ErrorKind, Result};

/// Rows decoded at a time: what bounds memory.
const AT_ONCE: usize = 500_000;

/// The files of a table of days.
#[derive(Debug)]
pub struct Given {
    storage: Storage,
    files: Vec<String>,
}

impl Given {
    /// The table at `location`: a Parquet file or a folder, here or in S3.
    pub fn at(location: &str) -> Result<Self> {
        let whole = location.trim_end_matches('/');
        let storage = Storage::at(whole, None)?;
        let files = storage.files()?;
        if !files.is_empty() {
            return Ok(Self { storage, files });
        }
        let (folder, file) = match whole.rsplit_once('/') {
            Some((folder, file)) if !folder.is_empty() => (folder, file),
            _ => (".", whole),
        };
        let is_there = whole.starts_with("s3://") || Path::new(whole).is_file();
        if is_there && !folder.ends_with("s3:/") {
            return Ok(Self {
                storage: Storage::at(folder, None)?,
                files: vec![file.to_owned()],
            });
        }
        Err(Error::new(
            ErrorKind::Usage,
            format!("there is no table of days at `{location}`"),
        )
        .hint(
            "make one: `plimsoll demand --dataset DIR -o FILE`, or --emit-sql for another engine",
        ))
    }

    /// Hands over its rows, some at a time, with `columns` of them or all.
    pub fn read_each(
        &self,
        columns: Option<&[&str]>,
        mut take: impl FnMut(DataFrame) -> Result<()>,
    ) -> Result<()> {
        self.storage.read_each(&self.files, |file, bytes| {
            let place = self.storage.place(file);
            let mut from = 0;
            loop {
                let some = guarded(&place, || {
                    slice(&bytes, columns, from).map_err(|cause| {
                        Error::new(ErrorKind::Input, format!("`{place}` cannot be read as Parquet"))
                            .cause(cause)
                    })
                })?;
                from += some.height();
                let is_last = some.height() < AT_ONCE;
                take(some).map_err(|error| {
                    Error::new(ErrorKind::Input, format!("`{place}` is no table of days"))
                        .cause(error)
                        .hint("make it again with the statement that `plimsoll demand --emit-sql` prints")
                })?;
                if is_last {
                    return Ok(());
                }
            }
        })
    }
}

fn slice(bytes: &[u8], columns: Option<&[&str]>, from: usize) -> PolarsResult<DataFrame> {
    let names = columns.map(|names| names.iter().map(|&name| name.to_owned()).collect());
    ParquetReader::new(Cursor::new(bytes))
        .read_parallel(ParallelStrategy::None)
        .with_columns(names)
        .with_slice(Some((from, AT_ONCE)))
        .finish()
}

/// The rows of each account and region.
pub fn by_place(frame: &DataFrame) -> PolarsResult<Vec<((String, String), DataFrame)>> {
    let text = |name: &str| frame.column(name).and_then(Column::str);
    let (account, region) = (text("account")?, text("region")?);
    let mut rows: BTreeMap<(&str, &str), Vec<u32>> = BTreeMap::new();
    for (at, place) in (0u32..).zip(account.iter().zip(region.iter())) {
        let (Some(account), Some(region)) = place else {
            return Err(polars_err!(ComputeError: "a row without its account and region"));
        };
        rows.entry((account, region)).or_default().push(at);
    }
    let mut places = Vec::new();
    for ((account, region), rows) in rows {
        let of_place = if rows.len() == frame.height() {
            frame.clone()
        } else {
            frame.take(&polars::prelude::IdxCa::from_vec("".into(), rows))?
        };
        places.push(((account.to_owned(), region.to_owned()), of_place));
    }
    Ok(places)
}
