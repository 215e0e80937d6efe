//! Columns of a frame as plain values.

use polars::prelude::{Column, DataFrame, DataType, PolarsError, PolarsResult};

use crate::model::error::{Error, ErrorKind};

/// The strings of `name`.
pub(super) fn texts(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<String>>> {
    Ok(frame
        .column(name)?
        .str()?
        .iter()
        .map(|text| text.map(str::to_owned))
        .collect())
}

/// The integers of `name`.
pub(super) fn integers(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<i64>>> {
    let column = frame.column(name)?.cast(&DataType::Int64)?;
    Ok(column.i64()?.iter().collect())
}

/// The truth values of `name`.
pub(super) fn booleans(frame: &DataFrame, name: &str) -> PolarsResult<Vec<Option<bool>>> {
    Ok(frame.column(name).and_then(Column::bool)?.iter().collect())
}

/// The error of columns that are not what they should be.
pub(super) fn unfit(cause: PolarsError) -> Error {
    Error::new(
        ErrorKind::Input,
        "the tables of the dataset cannot be reduced",
    )
    .cause(cause)
}
