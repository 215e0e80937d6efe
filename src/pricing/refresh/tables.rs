//! The tables of a book from what was found.

use super::found::{Found, Item, Row, Service};
use crate::model::error::{Error, ErrorKind, Result};
use crate::pricing::tables::{ANY_REGION, Tables};

/// The tables that a refresh makes.
#[derive(Debug, Clone)]
pub struct Texts {
    fargate: String,
    codebuild: String,
    ec2: String,
    other: String,
}

impl Texts {
    /// All tables of the book; what the price list does not describe is as shipped.
    pub fn tables(&self) -> Tables<'_> {
        Tables {
            fargate: &self.fargate,
            codebuild: &self.codebuild,
            ec2: &self.ec2,
            other: &self.other,
            ..Tables::EMBEDDED
        }
    }
}

/// The tables of `found`, and of what holds in every region.
pub fn tables(found: &[Found]) -> Result<Texts> {
    let table = |header: &str, services: &[Service]| {
        let rows = found.iter().flat_map(|found| {
            found
                .rows
                .iter()
                .map(|(item, row)| (found.region.as_str(), item, row))
        });
        csv(
            header,
            rows.filter(|(_, item, _)| services.contains(&item.service)),
        )
    };
    let header = |shipped: &'static str| shipped.lines().next().unwrap_or_default();
    let shipped = Tables::EMBEDDED;
    let mut other = table(
        header(shipped.other),
        &[Service::Volumes, Service::Addresses],
    )?;
    for line in shipped
        .other
        .lines()
        .filter(|line| line.split(',').next() == Some(ANY_REGION))
    {
        other.push_str(line);
        other.push('\n');
    }
    Ok(Texts {
        fargate: table(
            header(shipped.fargate),
            &[Service::Fargate, Service::SavingsPlans, Service::Spot],
        )?,
        codebuild: table(header(shipped.codebuild), &[Service::Codebuild])?,
        ec2: table(
            header(shipped.ec2),
            &[Service::Ec2, Service::Ec2Spot, Service::Ec2SavingsPlans],
        )?,
        other,
    })
}

fn csv<'f>(
    header: &str,
    rows: impl Iterator<Item = (&'f str, &'f Item, &'f Row)>,
) -> Result<String> {
    let unwritable =
        |cause: String| Error::new(ErrorKind::Failure, "cannot write CSV").cause(cause);
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer
        .write_record(header.split(','))
        .map_err(|error| unwritable(error.to_string()))?;
    for (region, item, row) in rows {
        let cells = item
            .cells
            .iter()
            .map(String::as_str)
            .chain([row.usd.as_str()])
            .chain(row.unit);
        let end = [row.as_of.as_str(), row.source, row.quality.as_str()];
        writer
            .write_record([region].into_iter().chain(cells).chain(end))
            .map_err(|error| unwritable(error.to_string()))?;
    }
    let bytes = writer
        .into_inner()
        .map_err(|error| unwritable(error.to_string()))?;
    String::from_utf8(bytes).map_err(|error| unwritable(error.to_string()))
}
