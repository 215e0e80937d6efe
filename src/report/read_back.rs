//! Binary formats as text, for tests: what is in a workbook or a Parquet file, read from its bytes alone.
//!
//! Tables are shown on their side: a line per column with the cells of the first rows, as they have many columns.

use std::fmt::Write as _;
use std::io::{Cursor, Read};

use flate2::read::DeflateDecoder;
use polars::prelude::{AnyValue, ParquetReader, SerReader};

/// Rows shown of each table.
const SHOWN_ROWS: usize = 3;

/// The files of a ZIP archive by name. Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12 and 4.3.16.
struct Archive<'a>(&'a [u8]);

impl Archive<'_> {
    fn number(&self, at: usize, bytes: usize) -> usize {
        let digits = self.0[at..at + bytes].iter().rev();
        digits.fold(0, |number, &byte| number << 8 | usize::from(byte))
    }

    /// The text of the file of this name.
    fn text(&self, name: &str) -> String {
        let end = (0..self.0.len() - 21)
            .rev()
            .find(|&at| self.0[at..].starts_with(b"PK\x05\x06"))
            .expect("an end of central directory");
        let mut at = self.number(end + 16, 4);
        while self.0[at..].starts_with(b"PK\x01\x02") {
            let name_length = self.number(at + 28, 2);
            if &self.0[at + 46..at + 46 + name_length] == name.as_bytes() {
                return self.inflated(self.number(at + 42, 4), self.number(at + 20, 4));
            }
            at += 46 + name_length + self.number(at + 30, 2) + self.number(at + 32, 2);
        }
        panic!("no {name} in the archive");
    }

    fn inflated(&self, header: usize, length: usize) -> String {
        let content = header + 30 + self.number(header + 26, 2) + self.number(header + 28, 2);
        let mut text = String::new();
        DeflateDecoder::new(&self.0[content..content + length])
            .read_to_string(&mut text)
            .expect("deflated UTF-8");
        text
    }
}

/// The elements of this name, each as its attributes and its content; none is inside another of its name.
fn elements<'a>(xml: &'a str, name: &str) -> Vec<(&'a str, &'a str)> {
    let (opening, closing) = (format!("<{name}"), format!("</{name}>"));
    let mut found = Vec::new();
    let mut rest = xml;
    while let Some((_, after)) = rest.split_once(&opening) {
        rest = after;
        if !after.starts_with([' ', '>', '/']) {
            continue;
        }
        let (tag, content) = after.split_once('>').expect("a tag that ends");
        if let Some(attributes) = tag.strip_suffix('/') {
            found.push((attributes, ""));
            continue;
        }
        let (content, after) = content.split_once(&closing).expect("an element that ends");
        found.push((tag, content));
        rest = after;
    }
    found
}

fn attribute<'a>(attributes: &'a str, name: &str) -> Option<&'a str> {
    let (_, after) = attributes.split_once(&format!(" {name}=\""))?;
    after.split_once('"').map(|(value, _)| value)
}

fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    text.replace("&quot;", "\"").replace("&amp;", "&")
}

/// What cells refer to.
struct Shared {
    /// Texts in quotes.
    texts: Vec<String>,
    /// How numbers look, by the style of a cell.
    looks: Vec<Option<String>>,
}

impl Shared {
    fn of(archive: &Archive<'_>) -> Self {
        let texts = archive.text("xl/sharedStrings.xml");
        let text = |(_, content): (&str, &str)| {
            let parts = elements(content, "t");
            let parts = parts.into_iter().map(|(_, part)| unescaped(part));
            format!("{:?}", parts.collect::<String>())
        };
        let styles = archive.text("xl/styles.xml");
        let formats = elements(&styles, "numFmt");
        let look = |(attributes, _): (&str, &str)| {
            let id = attribute(attributes, "numFmtId")?;
            let named = formats
                .iter()
                .find(|(of, _)| attribute(of, "numFmtId") == Some(id));
            named.and_then(|(of, _)| attribute(of, "formatCode").map(unescaped))
        };
        let cells = elements(&styles, "cellXfs");
        Self {
            texts: elements(&texts, "si").into_iter().map(text).collect(),
            looks: elements(cells[0].1, "xf").into_iter().map(look).collect(),
        }
    }

    /// The column of a cell (`BC`) and what it holds: text in quotes, or a number and how it looks.
    fn cell(&self, attributes: &str, content: &str) -> (String, String) {
        let place = attribute(attributes, "r").expect("a place");
        let column = place.trim_end_matches(|c: char| c.is_ascii_digit());
        assert!(!content.contains("<f"), "a formula in {place}");
        let value = elements(content, "v")
            .first()
            .map_or("", |(_, value)| value);
        let number = |text: &str| text.parse::<usize>().expect("a number");
        let shown = match attribute(attributes, "t") {
            Some("s") => self.texts[number(value)].clone(),
            Some(other) => panic!("a cell of type {other} in {place}"),
            None => {
                let style = attribute(attributes, "s").map_or(0, number);
                let look = self.looks[style].as_ref();
                look.map_or_else(|| value.to_owned(), |look| format!("{value} [{look}]"))
            }
        };
        (column.to_owned(), shown)
    }

    /// The rows of a sheet by their number, each as its cells that hold something.
    fn rows(&self, sheet: &str) -> Vec<(String, Vec<(String, String)>)> {
        let row = |(attributes, content): (&str, &str)| {
            let cells = elements(content, "c").into_iter();
            let cells = cells.map(|(attributes, content)| self.cell(attributes, content));
            let number = attribute(attributes, "r").expect("a number");
            (number.to_owned(), cells.collect())
        };
        elements(sheet, "row").into_iter().map(row).collect()
    }
}

/// Every sheet of a workbook: the first cell by cell, of the others the header and the first rows.
pub(super) fn workbook(bytes: &[u8]) -> String {
    let archive = Archive(bytes);
    let shared = Shared::of(&archive);
    let book = archive.text("xl/workbook.xml");
    let mut shown = String::new();
    for (at, (attributes, _)) in elements(&book, "sheet").into_iter().enumerate() {
        let name = unescaped(attribute(attributes, "name").expect("a name"));
        let sheet = archive.text(&format!("xl/worksheets/sheet{}.xml", at + 1));
        let rows = shared.rows(&sheet);
        if at == 0 {
            writeln!(shown, "{name}").expect("written");
            for (row, cells) in &rows {
                for (column, value) in cells {
                    writeln!(shown, "{column}{row}: {value}").expect("written");
                }
            }
        } else {
            shown += &on_its_side(&name, &rows);
        }
    }
    shown
}

fn on_its_side(name: &str, rows: &[(String, Vec<(String, String)>)]) -> String {
    let (header, rows) = rows.split_first().expect("a header");
    let mut shown = format!("\n{name}: {} rows\n", rows.len());
    for (column, heading) in &header.1 {
        let cells = rows.iter().take(SHOWN_ROWS).map(|(_, cells)| {
            let cell = cells.iter().find(|(of, _)| of == column);
            cell.map_or("–", |(_, value)| value.as_str())
        });
        let cells: Vec<&str> = cells.collect();
        writeln!(shown, "{}", line(&[column, heading], &cells)).expect("written");
    }
    shown
}

/// What a column is, and its cells, if there are any.
fn line(column: &[&str], cells: &[&str]) -> String {
    let column = column.join(" ");
    if cells.is_empty() {
        column
    } else {
        format!("{column}: {}", cells.join(" | "))
    }
}

/// The schema of a Parquet file and its first rows.
pub(super) fn parquet(bytes: &[u8]) -> String {
    let frame = ParquetReader::new(Cursor::new(bytes))
        .finish()
        .expect("a Parquet file");
    let mut shown = format!("{} rows, {} columns\n", frame.height(), frame.width());
    for column in frame.columns() {
        let cells = (0..frame.height().min(SHOWN_ROWS)).map(|row| {
            match column.get(row).expect("a row of the frame") {
                AnyValue::Null => "null".to_owned(),
                AnyValue::String(text) => format!("{text:?}"),
                other => other.to_string(),
            }
        });
        let cells: Vec<String> = cells.collect();
        let cells: Vec<&str> = cells.iter().map(String::as_str).collect();
        let kind = column.dtype().to_string();
        writeln!(shown, "{}", line(&[column.name(), &kind], &cells)).expect("written");
    }
    shown
}
