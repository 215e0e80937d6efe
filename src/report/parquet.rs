//! The workloads as Parquet: the columns of the CSV with their types, null where unknown.

use polars::prelude::{
    Column as Series, DataFrame, DataType, NamedFrom, ParquetCompression, ParquetWriter,
    PolarsResult, Series as Values, TimeUnit,
};

use super::columns::{WorkloadRow, workload_rows};
use super::flat::{Column, Type, Value};
use super::result::Report;
use crate::model::error::{Error, ErrorKind, Result};

/// One file with one row per workload.
pub(super) fn render(report: &Report) -> Result<Vec<u8>> {
    let rows: Vec<WorkloadRow<'_>> = workload_rows(report).collect();
    encode(&WorkloadRow::columns(), &rows).map_err(|cause| {
        Error::new(ErrorKind::Failure, "cannot make Parquet of the report").cause(cause)
    })
}

fn encode<R>(columns: &[Column<R>], rows: &[R]) -> PolarsResult<Vec<u8>> {
    let series: PolarsResult<Vec<Series>> = columns
        .iter()
        .map(|column| series(column, rows).map(Series::from))
        .collect();
    let mut frame = DataFrame::new(rows.len(), series?)?;
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .finish(&mut frame)?;
    Ok(bytes)
}

fn series<R>(column: &Column<R>, rows: &[R]) -> PolarsResult<Values> {
    let values = rows.iter().map(|row| column.value(row));
    let name = column.name.into();
    match column.of {
        Type::Text => {
            let texts: Vec<Option<String>> = values.map(text).collect();
            Ok(Values::new(name, texts))
        }
        Type::Integer => {
            let numbers: Vec<Option<i64>> = values.map(|value| integer(&value)).collect();
            Ok(Values::new(name, numbers))
        }
        Type::Number | Type::Usd => {
            let numbers: Vec<Option<f64>> = values.map(|value| number(&value)).collect();
            Ok(Values::new(name, numbers))
        }
        Type::Time => {
            let instants: Vec<Option<i64>> = values.map(|value| instant(&value)).collect();
            // UTC, as all instants here.
            Values::new(name, instants).cast(&DataType::Datetime(TimeUnit::Milliseconds, None))
        }
    }
}

fn text(value: Value<'_>) -> Option<String> {
    match value {
        Value::Text(text) => Some(text.into_owned()),
        Value::Json(text) => Some(text),
        _ => None,
    }
}

fn integer(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Integer(number) => Some(*number),
        _ => None,
    }
}

/// Money as in JSON: to a millionth of a cent.
fn number(value: &Value<'_>) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Usd(usd) => Some(crate::model::units::Usd::new(usd.amount().round_dp(8)).as_f64()),
        _ => None,
    }
}

/// Epoch milliseconds.
fn instant(value: &Value<'_>) -> Option<i64> {
    match value {
        Value::Text(text) => text
            .parse::<jiff::Timestamp>()
            .ok()
            .map(jiff::Timestamp::as_millisecond),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use polars::prelude::{ParquetReader, SerReader};

    use super::super::sample;
    use super::*;

    #[test]
    fn parquet_holds_the_numbers_of_the_result_and_nulls() {
        let report = sample::report();
        let frame = ParquetReader::new(Cursor::new(render(&report).unwrap()))
            .finish()
            .unwrap();
        assert_eq!(frame.height(), report.workloads.len());
        assert_eq!(frame.width(), WorkloadRow::columns().len());
        let rates = frame.column("x_GoingRate").unwrap();
        let rates: Vec<Option<f64>> = rates.f64().unwrap().iter().collect();
        let wanted: Vec<Option<f64>> = report
            .workloads
            .iter()
            .map(|workload| Some(workload.current.going_rate.as_ref()?.usd.as_f64()))
            .collect();
        assert_eq!(rates, wanted);
        assert_eq!(rates[4], None, "not priced is null");
        let start = frame.column("ChargePeriodStart").unwrap();
        assert_eq!(
            start.dtype().to_string(),
            "datetime[ms]",
            "instants are instants"
        );
    }

    #[test]
    fn the_same_report_is_the_same_bytes() {
        let report = sample::report();
        assert_eq!(render(&report).unwrap(), render(&report).unwrap());
        assert!(render(&sample::empty()).is_ok());
    }
}
