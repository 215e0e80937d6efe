//! What a second of capacity costs: a dated book of public list prices and the rules that meter time.
//!
//! In: the price tables, a place to run, metered milliseconds. Out: [`crate::model::units::Usd`], or [`NotPriced`] with
//! the reason. A price that nobody has seen is never made up: no region stands in for another, no architecture
//! is taken as a share of the other.

pub mod book;
pub mod cost;
pub mod frozen;
pub mod metering;
pub mod refresh;

use std::fmt;

use rust_decimal::Decimal;

use crate::model::units::TaskSize;
use crate::model::workload::{Architecture, Os, PurchaseOption};

pub use book::{PriceBook, Tables};
pub use metering::Metering;

/// Why something has no price: a sentence that names the region and what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPriced(String);

impl NotPriced {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for NotPriced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotPriced {}

/// What a price stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Quality {
    /// AWS's own price list, calculator or bill, read directly or quoted with its version.
    Exact,
    /// Several independent sources agree, or it fits all other sizes of its family.
    Consistent,
    /// One source that is not AWS's own.
    SingleSource,
    /// A price that floats (Spot), true on its date.
    Snapshot,
    /// Sources disagree; the newest list price is kept.
    Conflicting,
}

impl Quality {
    const ALL: [Self; 5] = [
        Self::Exact,
        Self::Consistent,
        Self::SingleSource,
        Self::Snapshot,
        Self::Conflicting,
    ];

    /// As spelt in the tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Consistent => "consistent",
            Self::SingleSource => "single_source",
            Self::Snapshot => "snapshot",
            Self::Conflicting => "conflicting",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|quality| quality.as_str() == text)
    }
}

/// Fargate prices of one region, operating system, architecture and purchase option, USD per hour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FargatePrices {
    /// AWS region.
    pub region: String,
    /// Operating system.
    pub os: Os,
    /// Processor architecture.
    pub architecture: Architecture,
    /// How it is bought.
    pub purchase_option: PurchaseOption,
    /// Per vCPU and hour.
    pub vcpu_hour: Decimal,
    /// Per GiB of memory and hour.
    pub gib_hour: Decimal,
    /// Per GiB of ephemeral storage beyond the included 20 GiB and hour, always on-demand; `None` where not known.
    pub ephemeral_gib_hour: Option<Decimal>,
    /// Windows licence per vCPU and hour; always there for Windows, never for Linux.
    pub os_license_vcpu_hour: Option<Decimal>,
    /// Date of the older of the vCPU and memory prices (`2026-09-11`, `2026-09` or `2026`); `None` if one is undated.
    pub as_of: Option<String>,
    /// The weaker quality of the vCPU and memory prices.
    pub quality: Quality,
}

/// The time that a CodeBuild price counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodebuildUnit {
    /// Whole minutes: builds on EC2 compute.
    Minute,
    /// Whole seconds: builds on Lambda compute.
    Second,
}

/// Price of one CodeBuild compute type in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodebuildPrice {
    /// AWS region.
    pub region: String,
    /// `environment.type`, AWS's spelling.
    pub environment_type: String,
    /// `environment.computeType`, AWS's spelling.
    pub compute_type: String,
    /// USD for one `unit` of build time.
    pub usd: Decimal,
    /// What is counted.
    pub unit: CodebuildUnit,
    /// Date of the price; `None` if undated.
    pub as_of: Option<String>,
    /// What it stands on.
    pub quality: Quality,
}

/// A CodeBuild environment type together with a compute type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CodebuildType {
    /// `environment.type`, AWS's spelling.
    pub environment_type: String,
    /// `environment.computeType`, AWS's spelling.
    pub compute_type: String,
    /// CPU units; `None` for Lambda compute, whose vCPU AWS does not publish.
    pub cpu_units: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processor architecture.
    pub architecture: Architecture,
    /// Operating system.
    pub os: Os,
    /// Has a GPU.
    pub gpu: bool,
    /// Runs on Lambda: billed by the second, no Docker, at most 15 minutes.
    pub lambda: bool,
}

impl CodebuildType {
    /// Its size, where AWS publishes both dimensions.
    pub fn size(&self) -> Option<TaskSize> {
        Some(TaskSize::new(self.cpu_units?, self.memory_mib))
    }
}

/// An EC2 instance type with its on-demand Linux price in one region.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InstanceType {
    /// `m6i.large`.
    pub name: String,
    /// CPU units; 1,024 per vCPU.
    pub cpu_units: u32,
    /// Nominal memory in MiB, before the operating system and the ECS agent take theirs.
    pub memory_mib: u32,
    /// Tasks in `awsvpc` mode that its network interfaces allow, without trunking.
    pub task_slots: u32,
    /// The same with `awsvpcTrunking`.
    pub task_slots_trunking: u32,
    /// USD per hour, on-demand, Linux, shared tenancy.
    pub usd_per_hour: Decimal,
    /// Date of the price; `None` if undated.
    pub as_of: Option<String>,
    /// What the price stands on.
    pub quality: Quality,
}

/// One row of the book, for people to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PriceRow {
    /// AWS region, or `*` for every region.
    pub region: String,
    /// `fargate`, `codebuild`, `ec2` or `other`.
    pub service: &'static str,
    /// What is priced.
    pub item: String,
    /// How much, as published.
    pub amount: String,
    /// Of what: `USD per vCPU-hour`, …
    pub unit: &'static str,
    /// Date; `None` if the source gives none.
    pub as_of: Option<String>,
    /// What it stands on.
    pub quality: &'static str,
    /// Where it is from.
    pub source: String,
}

/// Reading a price table: every refusal names the table, the line and the column.
mod table {
    use std::fmt;

    use csv::StringRecord;
    use rust_decimal::Decimal;

    use super::{PriceRow, Quality};
    use crate::model::error::{Error, Kind};

    /// Why a table cannot be read, and where.
    #[derive(Debug)]
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
            Self::new(Kind::Input, refusal.to_string())
        }
    }

    /// One line of a price table.
    pub(super) struct Line {
        table: &'static str,
        number: u64,
        headers: StringRecord,
        record: StringRecord,
    }

    /// A price as its row states it.
    pub(super) struct Stated {
        pub(super) usd: Decimal,
        pub(super) as_of: Option<String>,
        pub(super) quality: Quality,
    }

    /// The lines of `text` below its header.
    pub(super) fn lines(table: &'static str, text: &str) -> Result<Vec<Line>> {
        let mut reader = csv::Reader::from_reader(text.as_bytes());
        let headers = reader
            .headers()
            .map_err(|error| not_csv(table, &error))?
            .clone();
        let line = |record: StringRecord| {
            let number = record.position().map_or(0, csv::Position::line);
            Line {
                table,
                number,
                headers: headers.clone(),
                record,
            }
        };
        reader
            .records()
            .map(|record| record.map(line).map_err(|error| not_csv(table, &error)))
            .collect()
    }

    fn not_csv(table: &'static str, error: &csv::Error) -> Refusal {
        let line = error.position().map_or(1, csv::Position::line);
        let problem = match error.kind() {
            csv::ErrorKind::UnequalLengths {
                expected_len, len, ..
            } => format!("it has {len} cells, its header {expected_len}"),
            _ => "it is not valid CSV".to_owned(),
        };
        Refusal {
            table,
            line,
            problem,
        }
    }

    impl Line {
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

        /// The price in `column` with its date and quality.
        pub(super) fn stated(&self, column: &str) -> Result<Stated> {
            Ok(Stated {
                usd: self.parse(column, price)?,
                as_of: self.optional("as_of", date)?.map(str::to_owned),
                quality: self.parse("quality", Quality::parse)?,
            })
        }

        /// This line for people to read; `item` and `unit` say what `column` is the price of.
        pub(super) fn row(
            &self,
            item: String,
            column: &str,
            unit: &'static str,
        ) -> Result<PriceRow> {
            let Stated { as_of, quality, .. } = self.stated(column)?;
            Ok(PriceRow {
                region: self.text("region")?.to_owned(),
                service: self.table,
                item,
                amount: self.text(column)?.to_owned(),
                unit,
                as_of,
                quality: quality.as_str(),
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

    fn price(text: &str) -> Option<Decimal> {
        Decimal::from_str_exact(text)
            .ok()
            .filter(|price| *price > Decimal::ZERO)
    }

    /// `2026`, `2026-09` or `2026-09-11`.
    fn date(text: &str) -> Option<&str> {
        let is_number_of = |part: &str, digits| {
            part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
        };
        let parts: Vec<&str> = text.split('-').collect();
        let is_date = parts.len() <= 3
            && parts
                .iter()
                .zip([4, 2, 2])
                .all(|(part, digits)| is_number_of(part, digits));
        is_date.then_some(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::Kind;

    fn refusal(rows: &str) -> String {
        let fargate = format!(
            "region,os,architecture,purchase_option,component,usd,as_of,source,quality\n{rows}"
        );
        let error = PriceBook::from_tables(&Tables {
            fargate: &fargate,
            ..Tables::default()
        })
        .expect_err("the row is wrong");
        assert_eq!(error.kind(), Kind::Input);
        error.to_string()
    }

    #[test]
    fn wrong_rows_are_refused_with_table_and_line() {
        let good = "r,linux,arm64,spot,vcpu_hour,1,2026-09,s,exact\n";
        for price in ["0", "-1", "NaN", "", "1e-2"] {
            let text = refusal(&good.replace(",1,", &format!(",{price},")));
            assert_eq!(
                text,
                format!("price table fargate, line 2: `{price}` cannot be the usd")
            );
        }
        assert_eq!(
            refusal(&good.repeat(2)),
            "price table fargate, line 3: it repeats what an earlier line says"
        );
        assert_eq!(
            refusal(&good.replace("arm64", "arm")),
            "price table fargate, line 2: `arm` cannot be the architecture"
        );
        assert_eq!(
            refusal(&good.replace("2026-09", "Sept")),
            "price table fargate, line 2: `Sept` cannot be the as_of"
        );
        assert_eq!(
            refusal(&good.replace("exact", "sure")),
            "price table fargate, line 2: `sure` cannot be the quality"
        );
        assert_eq!(
            refusal("r,linux\n"),
            "price table fargate, line 2: it has 2 cells, its header 9"
        );
        let lost = PriceBook::from_tables(&Tables {
            ec2: "region\nr\n",
            ..Tables::default()
        })
        .expect_err("no such column");
        assert_eq!(
            lost.to_string(),
            "price table ec2, line 2: there is no column instance_type"
        );
    }
}
