//! What a part's columns must be before anything is computed from them: known ones of the right type, with values that
//! can be. Columns that are not known are left out; those that only newer parts have are empty in older ones.

use polars::prelude::{ChunkAgg, Column, DataFrame, DataType, PlSmallStr, PolarsResult, SchemaRef};

use super::limits::{
    LATEST_MS, LONGEST_PERIOD_S, MOST_CPU_UNITS, MOST_MEMORY_MIB, MOST_STORAGE_GIB,
};
use super::{Table, schema};

/// What is wrong with a part, in words that name the column.
pub(super) type Misfit = String;

/// The columns of `table`, without rows.
fn known(table: Table) -> PolarsResult<SchemaRef> {
    let frame = match table {
        Table::Workloads => schema::configurations(&[]),
        Table::Runs => schema::runs(&[]),
        Table::Samples => schema::samples(&[]),
        Table::Instances => schema::instances(&[]),
        Table::Coverage => schema::coverage(&[]),
        Table::Demand | Table::Checkpoints => Ok(DataFrame::empty()),
    };
    Ok(frame?.schema().clone())
}

/// Columns without which a row says nothing.
const fn required(table: Table) -> &'static [&'static str] {
    match table {
        Table::Workloads => &["kind", "cluster", "name", "from_ms", "source"],
        Table::Runs => &["kind", "cluster", "name", "run_id", "version", "source"],
        Table::Samples => &[
            "kind", "cluster", "name", "metric", "at_ms", "max", "sum", "count", "source",
        ],
        Table::Instances => &["cluster", "instance_id", "seen_ms"],
        Table::Coverage => &["scope", "source", "day", "state", "rows", "parts"],
        Table::Demand | Table::Checkpoints => &[],
    }
}

/// The columns to read of a part that has `present`: of the `asked` ones, or all, those that are known and there.
pub(super) fn to_read(
    table: Table,
    present: &[String],
    asked: Option<&[&str]>,
) -> PolarsResult<Vec<String>> {
    let known = known(table)?;
    let is_asked = |name: &str| asked.is_none_or(|asked| asked.contains(&name));
    let columns = known.iter_names().map(PlSmallStr::as_str);
    Ok(columns
        .filter(|name| is_asked(name) && present.iter().any(|there| there == name))
        .map(str::to_owned)
        .collect())
}

/// `frame` with every known column of `table`, or every one of `asked`, in order; refused where one cannot be.
pub(super) fn fitted(
    table: Table,
    frame: &DataFrame,
    asked: Option<&[&str]>,
) -> PolarsResult<Result<DataFrame, Misfit>> {
    let known = known(table)?;
    let mut columns = Vec::new();
    for (name, data_type) in known.iter() {
        if asked.is_some_and(|asked| !asked.contains(&name.as_str())) {
            continue;
        }
        let is_required = required(table).contains(&name.as_str());
        let column = match frame.column(name) {
            Ok(column) if column.dtype() == data_type => column.clone(),
            Ok(column) if *column.dtype() == DataType::Null => column.cast(data_type)?,
            Ok(column) => {
                return Ok(Err(format!(
                    "its column `{name}` is {}, not {data_type}",
                    column.dtype()
                )));
            }
            Err(_) if is_required => {
                return Ok(Err(format!(
                    "it does not have the columns of a {} part: there is no `{name}`",
                    table.name()
                )));
            }
            Err(_) => Column::full_null(name.clone(), frame.height(), data_type),
        };
        if is_required && column.null_count() > 0 {
            return Ok(Err(format!("its column `{name}` has gaps")));
        }
        if let Some(misfit) = beyond_limits(&column)? {
            return Ok(Err(misfit));
        }
        columns.push(column);
    }
    DataFrame::new(frame.height(), columns).map(Ok)
}

/// The least and the most that the values of a column of this name can be.
fn limits(name: &str) -> Option<(i64, i64)> {
    Some(match name {
        "period_s" | "sample_s" => (1, LONGEST_PERIOD_S),
        "cpu_units" => (0, MOST_CPU_UNITS.into()),
        "memory_mib" => (0, MOST_MEMORY_MIB.into()),
        "ephemeral_gib" => (0, MOST_STORAGE_GIB.into()),
        "rows" => (0, i64::MAX),
        name if name.ends_with("_ms") => (0, LATEST_MS),
        _ => return None,
    })
}

fn beyond_limits(column: &Column) -> PolarsResult<Option<Misfit>> {
    let name = column.name();
    if let Ok(values) = column.f64() {
        let cannot_be = |value: f64| !value.is_finite() || value < 0.0;
        return Ok(values
            .iter()
            .flatten()
            .find(|value| cannot_be(*value))
            .map(|value| format!("its column `{name}` has {value}, which cannot be")));
    }
    let Some((least, most)) = limits(name) else {
        return Ok(None);
    };
    let values = column.cast(&DataType::Int64)?;
    let values = values.i64()?;
    Ok([values.min(), values.max()]
        .into_iter()
        .flatten()
        .find(|value| !(least..=most).contains(value))
        .map(|value| {
            format!("its column `{name}` has {value}, which cannot be ({least} to {most})")
        }))
}
