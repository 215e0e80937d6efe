//! The list as CSV: a few lines about the file, a header, and one line per rate of a product.

use std::collections::BTreeMap;
use std::io::BufRead;

use ::csv::{ByteRecord, Reader, ReaderBuilder};
use jiff::civil::Date;

use super::super::LeftOut;
use super::offer::{ATTRIBUTES, Extract, Offer, Price, attribute, is_wanted};
use super::{broken, unreadable};
use crate::model::error::Result;

/// Lines above the header; AWS writes five, some tools one more.
const MOST_LINES_ABOVE: usize = 20;

/// What the file says; it is read once and never held.
pub(super) fn read(reader: impl BufRead, name: &str, region: Option<&str>) -> Result<Extract> {
    let mut reader = ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(reader);
    let head = Head::read(&mut reader, name)?;
    let mut file = File {
        head,
        region,
        offers: BTreeMap::new(),
        left_out: Vec::new(),
    };
    let mut record = ByteRecord::new();
    let mut short = None;
    while next(&mut reader, &mut record, name)? {
        if let Some((line, cells)) = short.take() {
            file.leave_out(
                line,
                &format!("it has {cells} cells, its header {}", file.head.cells),
            );
        }
        let line = record.position().map_or(0, ::csv::Position::line);
        if record.len() == file.head.cells {
            file.add(&record, line);
        } else {
            short = Some((line, record.len()));
        }
    }
    match short {
        Some((line, _)) => Err(unreadable(
            name,
            format!("the file is cut off: its last line, {line}, is not whole"),
        )),
        None => file.done(name),
    }
}

fn next(reader: &mut Reader<impl BufRead>, record: &mut ByteRecord, name: &str) -> Result<bool> {
    reader.read_byte_record(record).map_err(|error| {
        let text = error.to_string();
        match error.into_kind() {
            ::csv::ErrorKind::Io(cause) => broken(name, cause),
            _ => unreadable(name, text),
        }
    })
}

/// What the lines down to the header say.
struct Head {
    published: Option<String>,
    columns: BTreeMap<String, usize>,
    attributes: [Option<usize>; ATTRIBUTES.len()],
    cells: usize,
}

impl Head {
    fn read(reader: &mut Reader<impl BufRead>, name: &str) -> Result<Self> {
        let mut record = ByteRecord::new();
        let mut published = None;
        for _ in 0..MOST_LINES_ABOVE {
            if !next(reader, &mut record, name)? {
                break;
            }
            let cell = |at| text(record.get(at).unwrap_or_default());
            match cell(0) {
                "Publication Date" => published = Some(cell(1).to_owned()),
                "SKU" => return Ok(Self::of(&record, published)),
                _ => {}
            }
        }
        Err(unreadable(
            name,
            "it is no bulk price list: it has no header that starts with SKU",
        ))
    }

    fn of(header: &ByteRecord, published: Option<String>) -> Self {
        let mut attributes = [None; ATTRIBUTES.len()];
        let mut columns = BTreeMap::new();
        for (at, column) in header.iter().map(text).enumerate() {
            let known = attribute(column);
            if let Some(slot) = ATTRIBUTES
                .iter()
                .position(|name| Some(*name) == known)
                .and_then(|slot| attributes.get_mut(slot))
            {
                *slot = Some(at);
            }
            columns.insert(column.to_owned(), at);
        }
        Self {
            published,
            columns,
            attributes,
            cells: header.len(),
        }
    }

    fn cell<'r>(&self, record: &'r ByteRecord, column: &str) -> &'r str {
        let at = self.columns.get(column).copied();
        text(at.and_then(|at| record.get(at)).unwrap_or_default())
    }

    fn attribute<'r>(&self, record: &'r ByteRecord, name: &str) -> &'r str {
        let slot = ATTRIBUTES.iter().position(|known| *known == name);
        let at = slot.and_then(|slot| self.attributes.get(slot).copied().flatten());
        text(at.and_then(|at| record.get(at)).unwrap_or_default())
    }
}

/// Cells that are no text have nothing that a price could be told by.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

struct File<'a> {
    head: Head,
    region: Option<&'a str>,
    offers: BTreeMap<String, Offer>,
    left_out: Vec<LeftOut>,
}

impl File<'_> {
    fn leave_out(&mut self, line: u64, reason: &str) {
        self.left_out.push(LeftOut {
            name: format!("line {line}"),
            reason: reason.to_owned(),
        });
    }

    fn add(&mut self, record: &ByteRecord, line: u64) {
        let head = &self.head;
        let service = head.cell(record, "serviceCode");
        let family = head.cell(record, "Product Family");
        if !is_wanted(service, family, |name| head.attribute(record, name)) {
            return;
        }
        let sku = head.cell(record, "SKU");
        let offer = self.offers.entry(sku.to_owned()).or_insert_with(|| {
            let attributes = ATTRIBUTES
                .into_iter()
                .map(|name| (name, head.attribute(record, name).to_owned()));
            let attributes = attributes.filter(|(_, value)| !value.is_empty());
            Offer::new(service.to_owned(), family.to_owned(), attributes.collect())
        });
        if head.cell(record, "TermType") != "OnDemand" {
            return;
        }
        let price = effective(head.cell(record, "EffectiveDate")).and_then(|effective| {
            offer.price(Price {
                term: head.cell(record, "OfferTermCode"),
                effective,
                rate: head.cell(record, "RateCode"),
                unit: head.cell(record, "Unit"),
                begin: head.cell(record, "StartingRange"),
                currency: head.cell(record, "Currency"),
                amount: head.cell(record, "PricePerUnit"),
            })
        });
        if let Err(reason) = price {
            self.leave_out(line, &reason);
        }
    }

    fn done(self, name: &str) -> Result<Extract> {
        let published = self.head.published.ok_or_else(|| {
            unreadable(
                name,
                "it does not say when it was published: it has no Publication Date",
            )
        })?;
        let mut extract = Extract {
            left_out: self.left_out,
            ..Extract::default()
        };
        for (sku, mut offer) in self.offers {
            // Old files have no column for the region: they are of one region, and the way to them names it.
            if let (false, Some(region)) =
                (offer.attributes.contains_key("regionCode"), self.region)
            {
                offer.attributes.insert("regionCode", region.to_owned());
            }
            extract.add(&sku, &offer, &published);
        }
        Ok(extract)
    }
}

/// The start of a term, `2026-07-01` or `01/07/2026`, as a time.
fn effective(text: &str) -> Result<String, String> {
    let date = text.parse::<Date>().ok().or_else(|| slashed(text));
    date.map(|date| format!("{date}T00:00:00Z"))
        .ok_or_else(|| format!("`{text}` is no date"))
}

/// `30/04/2015`: the day comes first.
fn slashed(text: &str) -> Option<Date> {
    let mut parts = text.split('/');
    let (day, month) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    let year = parts.next()?.parse().ok()?;
    Date::new(year, month, day)
        .ok()
        .filter(|_| parts.next().is_none())
}
