//! Reading a price table: every refusal names the table, the line and the column.
//!
//! A table is cut into the blocks of lines that belong to one region, and a region's lines are read when they are asked
//! for. Cells hold no line ends.

use std::collections::BTreeMap;
use std::fmt;

use csv::StringRecord;
use rust_decimal::Decimal;

use super::offers::PriceRow;
use super::price::{Price, PriceUnit, Quality};
use crate::model::error::{Error, ErrorKind};

/// Why a table cannot be read, and where.
#[derive(Debug, Clone)]
pub(super) struct Refusal {
    pub(super) table: &'static str,
    /// Line of the table; its header is line 1.
    pub(super) line: u64,
    pub(super) problem: String,
}

pub(super) type Result<T, E = Refusal> = std::result::Result<T, E>;

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "price table {}, line {}: {}",
            self.table, self.line, self.problem
        )
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Self::new(ErrorKind::Input, refusal.to_string())
    }
}

/// Lines of a table that follow each other, and the number of the first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Block<'t> {
    first: u64,
    text: &'t str,
}

/// A table: its header, and its lines by the region that they start with.
#[derive(Debug, Clone)]
pub(super) struct Table<'t> {
    name: &'static str,
    headers: StringRecord,
    /// All lines: reading them at once takes a fifteenth of the time of reading them block by block.
    all: Block<'t>,
    regions: BTreeMap<&'t str, Vec<Block<'t>>>,
}

/// One line of a price table.
pub(super) struct Line<'a> {
    table: &'static str,
    headers: &'a StringRecord,
    number: u64,
    record: StringRecord,
}

impl<'t> Table<'t> {
    /// The table `name` of `text`; an empty text is a table without lines.
    pub(super) fn of(name: &'static str, text: &'t str) -> Result<Self> {
        let (header, mut rest) = text.split_once('\n').unwrap_or((text, ""));
        let headers = records(name, 1, header)?.pop();
        let all = Block {
            first: 2,
            text: rest,
        };
        let mut regions: BTreeMap<&str, Vec<Block<'_>>> = BTreeMap::new();
        let mut first = 2;
        while !rest.is_empty() {
            let region = region_of(rest);
            let (lines, bytes) = run_of(rest, region);
            let text = &rest[..bytes];
            rest = &rest[bytes..];
            regions
                .entry(region)
                .or_default()
                .push(Block { first, text });
            first += lines;
        }
        Ok(Self {
            name,
            headers: headers.map(|(_, record)| record).unwrap_or_default(),
            all,
            regions,
        })
    }

    /// The regions that its lines start with.
    pub(super) fn regions(&self) -> impl Iterator<Item = &'t str> + '_ {
        self.regions.keys().copied()
    }

    /// The lines of `region`.
    pub(super) fn lines_of(&self, region: &str) -> Result<Vec<Line<'_>>> {
        let blocks = self.regions.get(region).map_or(&[][..], Vec::as_slice);
        self.read(blocks)
    }

    /// Every line.
    pub(super) fn lines(&self) -> Result<Vec<Line<'_>>> {
        self.read(&[self.all])
    }

    fn read(&self, blocks: &[Block<'_>]) -> Result<Vec<Line<'_>>> {
        let mut lines = Vec::new();
        for block in blocks {
            for (number, record) in records(self.name, block.first, block.text)? {
                let line = Line {
                    table: self.name,
                    headers: &self.headers,
                    number,
                    record,
                };
                let (has, needs) = (line.record.len(), self.headers.len());
                if has != needs {
                    return Err(line.refuse(&format!("it has {has} cells, its header {needs}")));
                }
                lines.push(line);
            }
        }
        Ok(lines)
    }
}

/// The first cell of the first line, quoted or not.
fn region_of(text: &str) -> &str {
    let line = text.split('\n').next().unwrap_or_default();
    line.split(',')
        .next()
        .unwrap_or_default()
        .trim_end_matches('\r')
        .trim_matches('"')
}

/// How many lines at the start of `text` are of `region`, and their length.
fn run_of(text: &str, region: &str) -> (u64, usize) {
    let (mut lines, mut bytes) = (0, 0);
    // Most lines start with the region and a comma, and need no closer look.
    let is_plain = |line: &str| {
        line.strip_prefix(region)
            .is_some_and(|rest| rest.starts_with(','))
    };
    for line in text.split_inclusive('\n') {
        if !is_plain(line) && region_of(line) != region {
            break;
        }
        lines += 1;
        bytes += line.len();
    }
    (lines, bytes)
}

/// The records of `text`, whose first line has the number `first`.
fn records(table: &'static str, first: u64, text: &str) -> Result<Vec<(u64, StringRecord)>> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(text.as_bytes());
    let mut records = Vec::new();
    for record in reader.records() {
        let refuse = |line| Refusal {
            table,
            line,
            problem: "it is not valid CSV".to_owned(),
        };
        let record = record.map_err(|error| {
            refuse(
                first
                    + error
                        .position()
                        .map_or(1, csv::Position::line)
                        .saturating_sub(1),
            )
        })?;
        let number = first
            + record
                .position()
                .map_or(1, csv::Position::line)
                .saturating_sub(1);
        if record.iter().any(|cell| cell.contains('\n')) {
            return Err(refuse(number));
        }
        records.push((number, record));
    }
    Ok(records)
}

impl Line<'_> {
    /// Adds what this line says to what the lines before it said; said twice it is refused.
    pub(super) fn insert<K: Ord, V>(
        &self,
        map: &mut BTreeMap<K, V>,
        key: K,
        value: V,
    ) -> Result<()> {
        match map.insert(key, value) {
            None => Ok(()),
            Some(_) => Err(self.repeated()),
        }
    }

    /// The cell as `parse` reads it; refused where it cannot.
    pub(super) fn parse<'a, T>(
        &'a self,
        column: &str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T> {
        parse(self.cell(column)?).ok_or_else(|| self.wrong(column))
    }

    /// The same, with nothing for an empty cell.
    pub(super) fn optional<'a, T>(
        &'a self,
        column: &str,
        parse: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<Option<T>> {
        if self.cell(column)?.is_empty() {
            Ok(None)
        } else {
            self.parse(column, parse).map(Some)
        }
    }

    /// A cell that must not be empty.
    pub(super) fn text(&self, column: &str) -> Result<&str> {
        self.parse(column, |text| (!text.is_empty()).then_some(text))
    }

    /// The price in `column` with what the line says about it.
    pub(super) fn price(&self, column: &str, unit: PriceUnit) -> Result<Price> {
        Ok(Price {
            usd: self.parse(column, above_zero)?,
            unit,
            as_of: self.optional("as_of", date)?.map(Into::into),
            quality: self.parse("quality", Quality::parse)?,
            source: self.text("source")?.into(),
        })
    }

    /// This line for people to read; `item` and `unit` say what `column` is the price of.
    pub(super) fn row(&self, item: String, column: &str, unit: &'static str) -> Result<PriceRow> {
        Ok(PriceRow {
            region: self.text("region")?.to_owned(),
            service: self.table,
            item,
            amount: self.text(column)?.to_owned(),
            unit,
            as_of: self.optional("as_of", date)?.map(str::to_owned),
            quality: self.parse("quality", Quality::parse)?.as_str(),
            source: self.text("source")?.to_owned(),
        })
    }

    pub(super) fn wrong(&self, column: &str) -> Refusal {
        match self.cell(column) {
            Ok(text) => self.refuse(&format!("`{text}` cannot be the {column}")),
            Err(missing) => missing,
        }
    }

    pub(super) fn repeated(&self) -> Refusal {
        self.refuse("it repeats what an earlier line says")
    }

    fn cell(&self, column: &str) -> Result<&str> {
        let index = self.headers.iter().position(|header| header == column);
        index
            .and_then(|index| self.record.get(index))
            .ok_or_else(|| self.refuse(&format!("there is no column {column}")))
    }

    fn refuse(&self, problem: &str) -> Refusal {
        Refusal {
            table: self.table,
            line: self.number,
            problem: problem.to_owned(),
        }
    }
}

/// A whole number above zero.
pub(super) fn count(text: &str) -> Option<u32> {
    text.parse().ok().filter(|count| *count > 0)
}

fn above_zero(text: &str) -> Option<Decimal> {
    Decimal::from_str_exact(text)
        .ok()
        .filter(|price| *price > Decimal::ZERO)
}

/// `2026`, `2026-09` or `2026-09-11`.
fn date(text: &str) -> Option<&str> {
    let is_number_of =
        |part: &str, digits| part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut digits = [4, 2, 2].into_iter();
    let is_date = text.split('-').all(|part| {
        digits
            .next()
            .is_some_and(|digits| is_number_of(part, digits))
    });
    is_date.then_some(text)
}
