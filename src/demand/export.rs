//! The days of all samples of a dataset as one table, for engines and for reports without samples.

use polars::prelude::{
    DataFrame, IntoColumn, NamedFrom, ParquetCompression, ParquetWriter, PlSmallStr, PolarsError,
    PolarsResult, Series as Values,
};

use super::columns::unfit;
use super::days::DayRows;
use super::table::frame;
use super::window;
use crate::dataset::scan::Scan;
use crate::model::error::{Error, ErrorKind, Result};

/// Writes the days of all samples of a dataset as one Parquet file: `account`, `region` and [`COLUMNS`].
pub fn write(scan: &Scan<'_>, out: &mut Vec<u8>) -> Result<()> {
    let unwritable = |cause: PolarsError| {
        Error::new(ErrorKind::Write, "cannot write the table of days").cause(cause)
    };
    let schema = whole_frame(("", ""), &DayRows::default()).map_err(unfit)?;
    let mut writer = ParquetWriter::new(out)
        .with_compression(ParquetCompression::Zstd(None))
        .batched(schema.schema())
        .map_err(unwritable)?;
    window::each_month(scan, |rows, place| {
        let frame = whole_frame(place, rows).map_err(unfit)?;
        writer.write_batch(&frame).map_err(unwritable)
    })?;
    writer.finish().map(drop).map_err(unwritable)
}

/// [`frame`], with account and region.
fn whole_frame((account, region): (&str, &str), rows: &DayRows) -> PolarsResult<DataFrame> {
    let mut frame = frame(rows)?;
    let height = frame.height();
    for (at, (name, value)) in [("account", account), ("region", region)]
        .iter()
        .enumerate()
    {
        let values = Values::new(PlSmallStr::from_static(name), vec![*value; height]);
        frame.insert_column(at, values.into_column())?;
    }
    Ok(frame)
}
