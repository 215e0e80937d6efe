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
        if values
            .downcast_iter()
            .all(|array| can_all_be(array.values()))
        {
            return Ok(None);
        }
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
    let all_are_within = if let Ok(values) = column.i64() {
        let are_within = |values: &[i64]| are_all_within(values, least, most);
        values
            .downcast_iter()
            .all(|array| are_within(array.values()))
    } else if let Ok(values) = column.i32() {
        let within = i32::try_from(least).ok().zip(i32::try_from(most).ok());
        let are_within = |values: &[i32]| {
            within.is_some_and(|(least, most)| are_small_within(values, least, most))
        };
        values
            .downcast_iter()
            .all(|array| are_within(array.values()))
    } else {
        false
    };
    if all_are_within {
        return Ok(None);
    }
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

// Most values can be. That all can is found without a branch, so that many are looked at at once: every value that cannot
// be sets the sign of what it is turned into, and the signs are gathered.

/// True where all values are finite and none is below zero (nor minus zero, of which the caller thinks once more).
fn can_all_be(values: &[f64]) -> bool {
    // One more in the exponent of what is not finite runs over into the sign.
    const ONE_MORE: u64 = 1 << 52;
    let signs = |value: &f64| value.to_bits() | value.to_bits().wrapping_add(ONE_MORE);
    let all = values.iter().fold(0, |all, value| all | signs(value));
    all >> 63 == 0
}

/// True where all values lie from `least`, which is not below zero, to `most`: of any other, one of the differences is
/// below zero.
fn are_all_within(values: &[i64], least: i64, most: i64) -> bool {
    let signs = |value: &i64| value.wrapping_sub(least) | most.wrapping_sub(*value);
    values.iter().fold(0, |all, value| all | signs(value)) >= 0
}

/// The same of smaller numbers.
fn are_small_within(values: &[i32], least: i32, most: i32) -> bool {
    let signs = |value: &i32| value.wrapping_sub(least) | most.wrapping_sub(*value);
    values.iter().fold(0, |all, value| all | signs(value)) >= 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_that_cannot_be_is_found_wherever_it_stands() {
        let odd = [
            f64::NAN,
            -f64::NAN,
            f64::INFINITY,
            f64::NEG_INFINITY,
            -1.0,
            -5e-324,
        ];
        for at in 0..67 {
            let mut values = [1.5, 0.0, 5e-324, f64::MAX].repeat(17);
            assert!(can_all_be(&values));
            for cannot_be in odd {
                values[at] = cannot_be;
                assert!(!can_all_be(&values), "{cannot_be} at {at}");
            }
        }
    }

    #[test]
    fn whole_numbers_are_held_to_both_ends() {
        let limits = [(0, 100), (1, 100), (0, i64::MAX)];
        let ends = [
            i64::MIN,
            i64::MIN + 1,
            -1,
            0,
            1,
            99,
            100,
            101,
            i64::MAX - 1,
            i64::MAX,
        ];
        for ((least, most), value) in limits
            .iter()
            .flat_map(|limits| ends.map(|end| (*limits, end)))
        {
            let is_within = (least..=most).contains(&value);
            assert_eq!(
                are_all_within(&[most, value, least], least, most),
                is_within
            );
        }
        for value in [i32::MIN, i32::MIN + 1, -1, 0, 1, 99, 100, 101, i32::MAX] {
            let is_within = (1..=100).contains(&value);
            assert_eq!(are_small_within(&[1, value, 100], 1, 100), is_within);
        }
    }
}
