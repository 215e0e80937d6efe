//! A frozen price book: every table of a [`PriceBook`] in one text file, to keep, to compare and to use again.
//!
//! ```text
//! # plimsoll price book, format 2
//! # refreshed 2026-11-23 from the AWS Price List API; regions: eu-west-1, us-east-1
//!
//! [fargate]
//! region,os,architecture,purchase_option,component,usd,as_of,source,quality
//! …
//! [end] 5d41402abc4b2a76
//! ```
//!
//! Below the first line, lines that start with `#` are for people. Each section is a table as [`Tables`]
//! describes it; all six are there. The last line carries the first 16 hexadecimal digits of the SHA-256 of all lines
//! above it, so a cut or a changed price is an error and not a price.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use super::book::PriceBook;
use super::tables::Tables;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::hash::short_hash;

const FIRST_LINE: &str = "# plimsoll price book, format ";
const FORMAT: u32 = 2;

/// The text of a frozen book of `tables`; `about` is said in its second line.
pub fn text(tables: &Tables<'_>, about: &str) -> String {
    let mut text = format!(
        "{FIRST_LINE}{FORMAT}\n# {}\n",
        about.replace(['\n', '\r'], " ")
    );
    for (name, table) in tables.named() {
        let _ = writeln!(text, "\n[{name}]\n{}", table.trim_end());
    }
    let _ = writeln!(text, "[end] {}", checksum(&text));
    text
}

/// The book that `text`, the content of the file `name`, holds.
///
/// # Errors
/// [`ErrorKind::Input`], naming the file and the line, where it is no price book, cut off, changed, malformed or of a newer
/// format.
pub fn book(text: &str, name: &str) -> Result<PriceBook> {
    read(text).map_err(
        |Flaw {
             line,
             problem,
             hint,
         }| {
            Error::new(
                ErrorKind::Input,
                format!("price book `{name}`, line {line}: {problem}"),
            )
            .hint(hint)
        },
    )
}

struct Flaw {
    line: u64,
    problem: String,
    hint: String,
}

impl Flaw {
    fn new(line: u64, problem: impl Into<String>) -> Self {
        let hint = "make it anew with `plimsoll prices refresh -o FILE`".to_owned();
        Self {
            line,
            problem: problem.into(),
            hint,
        }
    }
}

/// A table's text, and how many lines of the file are above it.
#[derive(Default)]
struct Section {
    text: String,
    above: u64,
}

fn read(text: &str) -> Result<PriceBook, Flaw> {
    // Tools that turn line ends must not turn a good book into a bad one.
    let text = text.replace("\r\n", "\n");
    check_format(text.lines().next().unwrap_or_default())?;
    let sections = sections(&text)?;
    let table = |name: &str| {
        sections
            .get(name)
            .map_or("", |section| section.text.as_str())
    };
    let tables = Tables {
        fargate: table("fargate"),
        codebuild: table("codebuild"),
        codebuild_types: table("codebuild_types"),
        ec2: table("ec2"),
        instance_types: table("instance_types"),
        other: table("other"),
    };
    let book = PriceBook::read(&tables).map_err(|refusal| {
        let above = sections
            .get(refusal.table)
            .map_or(0, |section| section.above);
        Flaw::new(
            above + refusal.line,
            format!("table {}: {}", refusal.table, refusal.problem),
        )
    })?;
    check_whole(&text)?;
    Ok(book)
}

/// The tables that are all there.
fn names() -> impl Iterator<Item = &'static str> {
    let tables = Tables::default().named();
    tables.into_iter().map(|(name, _)| name)
}

fn check_format(first: &str) -> Result<(), Flaw> {
    match first
        .strip_prefix(FIRST_LINE)
        .map(str::trim_end)
        .and_then(|format| format.parse::<u32>().ok())
    {
        Some(FORMAT) => Ok(()),
        Some(newer) if newer > FORMAT => Err(Flaw {
            hint: "use a newer plimsoll".to_owned(),
            ..Flaw::new(
                1,
                format!("format {newer} is newer than what this plimsoll reads, format {FORMAT}"),
            )
        }),
        Some(older) if older > 0 => Err(Flaw::new(
            1,
            format!("format {older} is older than what this plimsoll reads, format {FORMAT}"),
        )),
        _ => Err(Flaw::new(
            1,
            format!(
                "this is no plimsoll price book: it does not start with `{FIRST_LINE}{FORMAT}`"
            ),
        )),
    }
}

/// The sections above the last line; all are there, and nothing is outside of them.
fn sections(text: &str) -> Result<BTreeMap<&'static str, Section>, Flaw> {
    let mut sections: BTreeMap<&'static str, Section> = BTreeMap::new();
    let mut current = None;
    let mut last = 0;
    for (number, line) in (1..).zip(text.lines()) {
        last = number;
        if line.starts_with("[end]") {
            return match names().find(|name| !sections.contains_key(name)) {
                None => Ok(sections),
                Some(missing) => Err(Flaw::new(
                    number,
                    format!("there is no table [{missing}] above"),
                )),
            };
        }
        if let Some(title) = line.strip_prefix('[') {
            let name = names().find(|name| title.strip_suffix(']') == Some(name));
            let name = name.ok_or_else(|| {
                Flaw::new(number, format!("`{line}` is no table of a price book"))
            })?;
            if sections
                .insert(
                    name,
                    Section {
                        text: String::new(),
                        above: number,
                    },
                )
                .is_some()
            {
                return Err(Flaw::new(number, format!("there is a second table {line}")));
            }
            current = Some(name);
        } else if line.is_empty() {
            current = None;
        } else if let Some(section) = current.and_then(|name| sections.get_mut(name)) {
            section.text.push_str(line);
            section.text.push('\n');
        } else if !line.starts_with('#') {
            return Err(Flaw::new(number, "this line is in no table"));
        }
    }
    Err(Flaw::new(
        last,
        "the book is cut off: it ends without its `[end]` line",
    ))
}

/// The last line is whole, and says what the lines above it come to.
fn check_whole(text: &str) -> Result<(), Flaw> {
    let above = text.find("\n[end]").map_or(0, |at| at + 1);
    let (body, end) = text.split_at(above);
    let number = (1..)
        .zip(body.lines())
        .last()
        .map_or(1, |(number, _)| number + 1);
    let mut end = end.lines();
    let said = end
        .next()
        .and_then(|line| line.strip_prefix("[end] "))
        .unwrap_or_default();
    if end.any(|line| !line.is_empty()) {
        return Err(Flaw::new(
            number + 1,
            "there is more below the `[end]` line",
        ));
    }
    let is = checksum(body);
    if said == is {
        return Ok(());
    }
    Err(Flaw {
        hint: format!("refresh it; if the change was meant, make the last line `[end] {is}`"),
        ..Flaw::new(
            number,
            "the book was changed or cut after it was written: its checksum does not fit",
        )
    })
}

fn checksum(text: &str) -> String {
    short_hash(Sha256::new_with_prefix(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A small book: what is shipped of one region.
    fn frozen() -> String {
        let of = |table: &str| -> String {
            let is_kept = |(at, line): &(usize, &str)| {
                *at == 0 || line.starts_with("us-east-1,") || line.starts_with("*,")
            };
            let lines = table.lines().enumerate().filter(is_kept);
            let lines: Vec<&str> = lines.map(|(_, line)| line).collect();
            lines.join("\n") + "\n"
        };
        let shipped = Tables::EMBEDDED;
        let tables = Tables {
            fargate: &of(shipped.fargate),
            codebuild: &of(shipped.codebuild),
            ec2: &of(shipped.ec2),
            other: &of(shipped.other),
            ..shipped
        };
        text(&tables, "one region")
    }

    fn refusal(text: &str) -> String {
        book(text, "b.book").expect_err("it is flawed").to_string()
    }

    /// `text` with a checksum that fits.
    fn sealed(text: &str) -> String {
        let body = &text[..text.find("[end]").expect("an end")];
        format!("{body}[end] {}\n", checksum(body))
    }

    #[test]
    fn a_frozen_book_is_the_book_it_was_made_of() {
        let (shipped, read) = (
            PriceBook::embedded().expect("parses"),
            book(&text(&Tables::EMBEDDED, "as shipped"), "b.book").expect("reads"),
        );
        assert_eq!(read.hash(), shipped.hash());
        assert!(read.rows().eq(shipped.rows()));
    }

    #[test]
    fn line_ends_of_another_system_change_nothing() {
        let read = |text: &str| book(text, "b.book").expect("reads").hash().to_owned();
        assert_eq!(read(&frozen().replace('\n', "\r\n")), read(&frozen()));
    }

    #[test]
    fn a_book_cut_anywhere_is_refused() {
        let whole = frozen();
        let step = whole.len() / 97;
        let cuts = (0..whole.len() - 1)
            .step_by(step)
            .chain(whole.len() - 40..whole.len() - 1);
        for cut in cuts.filter(|cut| whole.is_char_boundary(*cut)) {
            let text = refusal(&whole[..cut]);
            assert!(
                text.starts_with("price book `b.book`, line "),
                "cut at {cut}: {text}"
            );
        }
    }

    #[test]
    fn one_changed_digit_is_refused() {
        let changed = frozen().replacen("0.04048,", "0.04049,", 1);
        let end = changed.lines().count();
        assert_eq!(
            refusal(&changed),
            format!(
                "price book `b.book`, line {end}: the book was changed or cut after it was written: its checksum does not fit"
            )
        );
        assert!(book(&sealed(&changed), "b.book").is_ok());
    }

    #[test]
    fn flaws_are_named_by_their_line_in_the_file() {
        let whole = frozen();
        let at = |line: &str| {
            whole
                .lines()
                .position(|found| found == line)
                .expect("there")
                + 1
        };
        let first = whole.lines().nth(at("[ec2]") + 1).expect("a first row");
        let bad = sealed(&whole.replacen(first, &first.replacen(",0.", ",-0.", 1), 1));
        let text = refusal(&bad);
        assert!(
            text.starts_with(&format!(
                "price book `b.book`, line {}: table ec2: `-0.",
                at("[ec2]") + 2
            )),
            "{text}"
        );
        assert!(
            refusal(&whole.replacen(first, "af-south-1", 1))
                .contains("it has 1 cells, its header 6")
        );
        let unknown = whole.replacen("[other]", "[others]", 1);
        assert!(refusal(&unknown).ends_with(&format!(
            "line {}: `[others]` is no table of a price book",
            at("[other]")
        )));
        assert!(
            refusal(&whole.replacen("[other]", "[ec2]", 1))
                .ends_with("there is a second table [ec2]")
        );
        assert!(
            refusal(&whole.replacen("\n\n", "\nstray\n", 1))
                .ends_with("line 3: this line is in no table")
        );
        assert!(
            refusal(&format!("{whole}more\n")).ends_with("there is more below the `[end]` line")
        );
        let lost = format!(
            "{}[end] 0\n",
            &whole[..whole.find("[other]").expect("there")]
        );
        assert!(refusal(&lost).ends_with("there is no table [other] above"));
    }

    #[test]
    fn a_newer_format_and_other_files_are_told_apart() {
        let newer =
            book(&frozen().replacen("format 2", "format 3", 1), "b.book").expect_err("too new");
        assert_eq!(
            newer.to_string(),
            "price book `b.book`, line 1: format 3 is newer than what this plimsoll reads, format 2"
        );
        assert_eq!(newer.next_step(), Some("use a newer plimsoll"));
        let older =
            book(&frozen().replacen("format 2", "format 1", 1), "b.book").expect_err("too old");
        assert_eq!(
            older.to_string(),
            "price book `b.book`, line 1: format 1 is older than what this plimsoll reads, format 2"
        );
        for other in ["", "\n", "region,os\n", "{}"] {
            assert!(
                refusal(other)
                    .starts_with("price book `b.book`, line 1: this is no plimsoll price book"),
                "{other:?}"
            );
        }
    }
}
