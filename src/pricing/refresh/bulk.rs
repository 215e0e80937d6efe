//! AWS's public bulk price list: the same prices as the Price List Query API has, in files that anybody may read.
//!
//! In: files of the list, from AWS or from a folder. Out: [`Answers`] in the shape that the API gives them, so that every
//! check of a refresh holds for both ways. A file of EC2 prices is hundreds of megabytes: each is read once, as it comes,
//! and only what a book has a place for is kept.
//!
//! Source: AWS Billing user guide, "Getting price list files", read 2026-11.

mod csv;
mod ec2_spot;
pub mod folder;
mod index;
mod json;
mod kept;
mod offer;
mod plans;
mod spot;
mod web;

use std::io::{BufRead, BufReader, Read};

use flate2::read::MultiGzDecoder;

pub use self::kept::Kept;
pub use self::web::{Progress, Web};

use super::answers::Answers;
use crate::model::error::{Error, ErrorKind, Result};
use offer::Extract;

/// Where AWS publishes the list.
pub const PRICE_LIST_URL: &str = "https://pricing.us-east-1.amazonaws.com";
/// The feed behind the Spot tables of AWS's Fargate pricing page. AWS says of it: for use on aws.amazon.com only, neither
/// availability nor accuracy guaranteed. It is the only source of these prices.
pub const FARGATE_SPOT_URL: &str = "https://dftu77xade0tc.cloudfront.net/fargate-spot-prices.json";

/// The feed behind the Spot tables of AWS's EC2 pricing page.
pub const EC2_SPOT_URL: &str = "https://website.spot.ec2.aws.a2z.com/spot.json";

/// What the file `name` says, gzip or not, CSV or JSON. `region` is the file's own, where its rows do not say it.
fn extract(reader: impl Read, name: &str, region: Option<&str>) -> Result<Extract> {
    let mut reader = BufReader::with_capacity(1 << 16, reader);
    let is_gzip = peek(&mut reader, name)?.starts_with(&[0x1f, 0x8b]);
    if is_gzip {
        let inner = BufReader::with_capacity(1 << 16, MultiGzDecoder::new(reader));
        plain(inner, name, region)
    } else {
        plain(reader, name, region)
    }
}

fn plain(mut reader: impl BufRead, name: &str, region: Option<&str>) -> Result<Extract> {
    let start = peek(&mut reader, name)?;
    let first = start.iter().find(|byte| !byte.is_ascii_whitespace());
    match first {
        Some(b'{') => json::read(reader, name, region),
        Some(_) => csv::read(reader, name, region),
        None => Err(unreadable(name, "it is empty")),
    }
}

fn peek<'r>(reader: &'r mut impl BufRead, name: &str) -> Result<&'r [u8]> {
    reader.fill_buf().map_err(|cause| broken(name, cause))
}

/// What is wrong with a file; names it.
fn unreadable(name: &str, problem: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Input, format!("price list `{name}`: {problem}"))
}

/// Why reading stopped: the network's or the disk's own words, where it was them.
fn broken(name: &str, cause: std::io::Error) -> Error {
    match cause.downcast::<Error>() {
        Ok(own) => own,
        Err(cause) if cause.kind() == std::io::ErrorKind::UnexpectedEof => {
            unreadable(name, "the file is cut off")
        }
        Err(cause) => Error::new(
            ErrorKind::Failure,
            format!("cannot read price list `{name}`"),
        )
        .cause(cause),
    }
}

impl Answers {
    /// Adds what `extract` says of `region`.
    fn add(&mut self, extract: &Extract, region: &str) {
        let products = |service: &str| {
            let found = extract
                .products
                .get(&(region.to_owned(), service.to_owned()));
            found.into_iter().flatten().cloned()
        };
        self.ecs.extend(products("AmazonECS"));
        self.codebuild.extend(products("CodeBuild"));
        self.ec2.extend(products("AmazonEC2"));
        self.vpc.extend(products("AmazonVPC"));
        let rates = extract.rates.iter().filter(|(of, _)| of == region);
        self.rates.extend(rates.map(|(_, rate)| rate.clone()));
        let spot = extract.spot.iter().filter(|price| price.region == region);
        self.spot.extend(spot.cloned());
        self.left_out.extend(extract.left_out.iter().cloned());
    }
}
