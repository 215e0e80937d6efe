//! Flat tables for machines: typed columns whose cells are made of rows.

use std::borrow::Cow;

use super::result::AmountResult;
use crate::model::units::Usd;

/// What the cells of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    /// Text; what others chose is untrusted.
    Text,
    /// A whole number.
    Integer,
    /// A number.
    Number,
    /// US dollars.
    Usd,
    /// An instant, RFC 3339.
    Time,
}

/// A cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    /// Not known, or nothing to say.
    Null,
    /// Text or an instant.
    Text(Cow<'a, str>),
    /// A whole number.
    Integer(i64),
    /// A number that is one.
    Number(f64),
    /// US dollars.
    Usd(Usd),
    /// A JSON object, as text.
    Json(String),
}

/// A column of a table whose rows are made of `R`.
pub(super) struct Column<R> {
    /// Its name.
    pub(super) name: &'static str,
    /// What its cells are.
    pub(super) of: Type,
    cell: Cell<R>,
}

/// A part of an amount.
pub(super) type Part = fn(Option<&AmountResult>) -> Value<'_>;

/// Where the cell of a row comes from.
enum Cell<R> {
    /// The row itself.
    Of(fn(&R) -> Value<'_>),
    /// A part of one of its amounts.
    Part(fn(&R) -> Option<&AmountResult>, Part),
}

impl<R> Column<R> {
    /// The cell of a row.
    pub(super) fn value<'r>(&self, row: &'r R) -> Value<'r> {
        match &self.cell {
            Cell::Of(cell) => cell(row),
            Cell::Part(amount, part) => part(amount(row)),
        }
    }
}

pub(super) fn column<R>(name: &'static str, of: Type, cell: fn(&R) -> Value<'_>) -> Column<R> {
    let cell = Cell::Of(cell);
    Column { name, of, cell }
}

/// A column of a part of an amount.
pub(super) fn column_of_amount<R>(
    name: &'static str,
    of: Type,
    amount: fn(&R) -> Option<&AmountResult>,
    part: Part,
) -> Column<R> {
    let cell = Cell::Part(amount, part);
    Column { name, of, cell }
}

pub(super) fn text(text: &str) -> Value<'_> {
    Value::Text(Cow::Borrowed(text))
}

pub(super) fn maybe(known: Option<&str>) -> Value<'_> {
    known.map_or(Value::Null, text)
}

pub(super) fn number(known: Option<f64>) -> Value<'static> {
    known
        .filter(|value| value.is_finite())
        .map_or(Value::Null, Value::Number)
}

pub(super) fn integer(known: Option<i64>) -> Value<'static> {
    known.map_or(Value::Null, Value::Integer)
}

pub(super) fn usd(known: Option<Usd>) -> Value<'static> {
    known.map_or(Value::Null, Value::Usd)
}
