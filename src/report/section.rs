//! Tables of typed cells, for every format for people.

use super::phrases::NOTHING;

/// A table with its heading.
pub(super) struct Section {
    /// Its anchor.
    pub(super) id: &'static str,
    /// Its heading.
    pub(super) heading: String,
    /// Sentences above the table.
    pub(super) text: Vec<String>,
    /// The columns, in order.
    pub(super) columns: Vec<Column>,
    /// The rows, each with a cell per column.
    pub(super) rows: Vec<Row>,
}

/// A column of a table.
#[derive(Clone, Copy)]
pub(super) struct Column {
    /// Its heading.
    pub(super) title: &'static str,
    /// How its cells fit.
    pub(super) fit: Fit,
    /// What joins its cell to the one before where texts stand under each other for want of width.
    pub(super) joint: &'static str,
}

/// How the cells of a column fit into it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// Wrapped where it must be.
    Text,
    /// Never wrapped.
    Name,
    /// Never wrapped, to the right.
    Number,
    /// Never wrapped, left out where there is no room.
    Sparkline,
}

/// A row of a table.
pub(super) struct Row {
    /// One per column.
    pub(super) cells: Vec<Cell>,
    /// How the row as a whole is to be taken.
    pub(super) tone: Tone,
}

/// How something is to be taken; shown by colour, never by colour alone.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Tone {
    /// As it is.
    #[default]
    Plain,
    /// Less important.
    Quiet,
    /// Something gained.
    Good,
    /// Something wrong.
    Bad,
}

/// A cell of a table. Its texts are untrusted; each format passes them through its own function of [`super::escape`].
pub(super) enum Cell {
    /// Nothing to say.
    Nothing,
    /// A name that somebody chose, and a word of our own on it.
    Name(String, String),
    /// Words.
    Text(String),
    /// A number as printed.
    Number(String, Tone),
    /// How things went, day by day.
    Sparklines(Vec<Sparkline>),
}

/// The course of one resource against the present size.
pub(super) struct Sparkline {
    /// `cpu` or `mem`.
    pub(super) label: &'static str,
    /// One block character per day or span of days.
    pub(super) course: String,
    /// The highest, of the present size.
    pub(super) peak: String,
}

impl Section {
    /// A table without a sentence above it.
    pub(super) fn of(
        id: &'static str,
        heading: &str,
        columns: Vec<Column>,
        rows: Vec<Row>,
    ) -> Self {
        Self {
            id,
            heading: heading.to_owned(),
            text: Vec::new(),
            columns,
            rows,
        }
    }
}

impl Column {
    pub(super) const fn new(title: &'static str, fit: Fit, joint: &'static str) -> Self {
        Self { title, fit, joint }
    }

    pub(super) const fn text(title: &'static str) -> Self {
        Self::new(title, Fit::Text, "\n")
    }

    pub(super) const fn name(title: &'static str) -> Self {
        Self::new(title, Fit::Name, "")
    }

    pub(super) const fn number(title: &'static str) -> Self {
        Self::new(title, Fit::Number, "")
    }
}

impl Row {
    pub(super) fn plain(cells: Vec<Cell>) -> Self {
        Self {
            cells,
            tone: Tone::Plain,
        }
    }
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.is_empty() || text == NOTHING {
            Self::Nothing
        } else {
            Self::Text(text)
        }
    }

    pub(super) fn number(text: impl Into<String>) -> Self {
        Self::Number(text.into(), Tone::Plain)
    }
}
