//! One immutable Parquet file whose name carries the hash of its bytes.

use std::io::Cursor;
use std::sync::Arc;

use polars::prelude::{
    DataFrame, KeyValueMetadata, ParallelStrategy, ParquetCompression, ParquetReader,
    ParquetWriter, PolarsError, SerReader,
};
use sha2::{Digest, Sha256};

use super::guarded::guarded;
use super::name::{Partition, account_and_region, short_hash};
use super::storage::{RESTORE, Storage};
use super::summary::{Beside, Links, Stretch, Summary};
use super::{FORMAT, Table, columns};
use crate::model::error::{Error, ErrorKind, Result};

const FORMAT_KEY: &str = "plimsoll.format";
const SUMMARY_KEY: &str = "plimsoll.summary";
/// The folder that the part was written to: table, account, region and month.
const PLACE_KEY: &str = "plimsoll.place";
const LINKS_KEY: &str = "plimsoll.links";
const REPEATED_KEY: &str = "plimsoll.repeated";
/// Rows that are encoded together, and decoded: what a processor holds close to it.
const AT_ONCE: usize = 1 << 16;
/// Parts of this format and later ones say where they belong.
const FIRST_WITH_PLACE: u32 = 2;

/// A part read back.
#[derive(Debug)]
pub struct Part {
    /// Its rows.
    pub frame: DataFrame,
    /// AWS account id, from its path.
    pub account: String,
    /// AWS region, from its path.
    pub region: String,
}

/// Samples of a part that lie beside each other.
#[derive(Debug, Default)]
pub struct Samples {
    /// The rows, without the names where the stretches tell them.
    pub frame: DataFrame,
    /// How many of the part's rows come before.
    pub first_row: usize,
    /// Series of the part and, perhaps, its stretches.
    pub summary: Arc<Summary>,
}

/// A part of samples and what its footer tells.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) path: String,
    pub(super) rows: usize,
    pub(super) summary: Summary,
}

/// Writes `frame` as a part of `table`, durable when this returns, and returns its name in `storage`.
///
/// The same frame always becomes the same bytes and so the same name; writing it again changes nothing.
pub(super) fn write(
    storage: &Storage,
    table: Table,
    partition: &Partition,
    days: (&str, &str),
    frame: &mut DataFrame,
    beside: Beside<'_>,
) -> Result<String> {
    let folder = format!(
        "{}/account={}/region={}/month={}",
        table.name(),
        partition.account,
        partition.region,
        partition.month
    );
    let bytes = encode(frame, &folder, beside)
        .map_err(|cause| Error::new(ErrorKind::Failure, "cannot encode a part").cause(cause))?;
    let relative = format!("{folder}/{}_{}_{}.parquet", days.0, days.1, hash(&bytes));
    storage.create(&relative, bytes)?;
    Ok(relative)
}

fn encode(
    frame: &mut DataFrame,
    folder: &str,
    beside: Beside<'_>,
) -> Result<Vec<u8>, Box<dyn std::error::Error + Send + Sync>> {
    let mut pairs = vec![
        (FORMAT_KEY.to_owned(), FORMAT.to_string()),
        (PLACE_KEY.to_owned(), folder.to_owned()),
    ];
    match beside {
        Beside::Nothing => {}
        Beside::Summary(summary) => {
            pairs.push((SUMMARY_KEY.to_owned(), serde_json::to_string(summary)?));
        }
        Beside::Links(links) => {
            pairs.push((LINKS_KEY.to_owned(), serde_json::to_string(links)?));
        }
        Beside::Repeated(parts) => {
            pairs.push((REPEATED_KEY.to_owned(), serde_json::to_string(parts)?));
        }
    }
    let metadata = KeyValueMetadata::from_static(pairs);
    let mut bytes = Vec::new();
    ParquetWriter::new(&mut bytes)
        .with_compression(ParquetCompression::Zstd(None))
        .with_row_group_size(Some(AT_ONCE))
        .with_key_value_metadata(Some(metadata))
        .finish(frame)?;
    Ok(bytes)
}

fn hash(bytes: &[u8]) -> String {
    short_hash(Sha256::new_with_prefix(bytes))
}

/// Decodes the known columns of a part read from `storage`, or the `asked` ones, after verifying that its bytes are the
/// ones its name promises.
pub(super) fn decode(
    storage: &Storage,
    relative: &str,
    bytes: &[u8],
    asked: Option<&[&str]>,
) -> Result<Part> {
    guarded(&storage.place(relative), || {
        let reader = verified(storage, relative, bytes)?;
        rows(storage, relative, reader, asked)
    })
}

/// Decodes a coverage part, verified, and what it says of others; those of the first format say nothing.
pub(super) fn decode_coverage(
    storage: &Storage,
    relative: &str,
    bytes: &[u8],
) -> Result<(Part, Links)> {
    guarded(&storage.place(relative), || {
        with_links(storage, relative, bytes)
    })
}

fn with_links(storage: &Storage, relative: &str, bytes: &[u8]) -> Result<(Part, Links)> {
    let mut reader = verified(storage, relative, bytes)?;
    let links = metadata(&mut reader, LINKS_KEY)
        .map_or_else(|| Ok(Links::default()), |text| serde_json::from_str(&text))
        .map_err(|cause| {
            Error::new(
                ErrorKind::Input,
                format!(
                    "`{}` does not say which commits it belongs to",
                    storage.place(relative)
                ),
            )
            .cause(cause)
        })?;
    Ok((rows(storage, relative, reader, None)?, links))
}

/// Hands over `asked` columns of a part of samples, one row group after the other, but for its `names` where its
/// stretches tell them; verified.
pub(super) fn decode_samples(
    storage: &Storage,
    relative: &str,
    bytes: &[u8],
    (asked, names): (&[&str], &[&str]),
    mut take: impl FnMut(Samples) -> Result<()>,
) -> Result<()> {
    let shown = storage.place(relative);
    let (summary, groups) = guarded(&shown, || {
        let mut reader = verified(storage, relative, bytes)?;
        let metadata = reader
            .get_metadata()
            .map_err(|cause| undecoded(&shown, cause))?;
        // A group is decoded by itself: that way little memory is in use at once.
        let mut alone = (**metadata).clone();
        alone.key_value_metadata = None;
        let groups = std::mem::take(&mut alone.row_groups);
        let groups = groups.into_iter().map(|group| {
            let mut of_group = alone.clone();
            of_group.num_rows = group.num_rows();
            of_group.row_groups = vec![group];
            Arc::new(of_group)
        });
        let groups: Vec<_> = groups.collect();
        Ok((Arc::new(stated(&mut reader)), groups))
    })?;
    let is_needed = |name: &&&str| summary.stretches.is_empty() || !names.contains(*name);
    let columns: Vec<&str> = asked.iter().filter(is_needed).copied().collect();
    let mut first_row = 0;
    for group in groups {
        let frame = guarded(&shown, || {
            let mut reader = alone(bytes);
            reader.set_metadata(group);
            rows(storage, relative, reader, Some(&columns)).map(|part| part.frame)
        })?;
        let height = frame.height();
        take(Samples {
            frame,
            first_row,
            summary: summary.clone(),
        })?;
        first_row += height;
    }
    Ok(())
}

/// The summary of a part of samples, with stretches only where they fit its rows.
fn stated(reader: &mut ParquetReader<Cursor<&[u8]>>) -> Summary {
    let height = reader.num_rows().unwrap_or_default();
    let text = metadata(reader, SUMMARY_KEY).unwrap_or_default();
    let mut summary: Summary = serde_json::from_str(&text).unwrap_or_default();
    let lengths = summary.stretches.iter().map(|stretch| stretch.rows);
    let rows_stated = lengths.fold(0, usize::saturating_add);
    let is_known = |stretch: &Stretch| stretch.series < summary.series.len();
    if rows_stated != height || !summary.stretches.iter().all(is_known) {
        summary.stretches.clear();
    }
    summary
}

/// Decodes a checkpoint, verified: rows of coverage parts, and which parts these are.
pub(super) fn decode_checkpoint(
    storage: &Storage,
    relative: &str,
    bytes: &[u8],
) -> Result<(Part, Vec<(String, Links)>)> {
    guarded(&storage.place(relative), || {
        let mut reader = verified(storage, relative, bytes)?;
        let text = metadata(&mut reader, REPEATED_KEY).unwrap_or_default();
        let repeated = serde_json::from_str(&text).map_err(|cause| {
            let shown = storage.place(relative);
            Error::new(
                ErrorKind::Input,
                format!("`{shown}` names no coverage parts"),
            )
            .cause(cause)
        })?;
        Ok((rows(storage, relative, reader, None)?, repeated))
    })
}

fn undecoded(shown: &str, cause: PolarsError) -> Error {
    Error::new(
        ErrorKind::Input,
        format!("`{shown}`: it cannot be read as a part"),
    )
    .hint(RESTORE)
    .cause(cause)
}

fn rows(
    storage: &Storage,
    relative: &str,
    mut reader: ParquetReader<Cursor<&[u8]>>,
    asked: Option<&[&str]>,
) -> Result<Part> {
    let refused = |what: String| {
        Error::new(
            ErrorKind::Input,
            format!("`{}`: {what}", storage.place(relative)),
        )
        .hint(RESTORE)
    };
    let undecoded = |cause| undecoded(&storage.place(relative), cause);
    let table = Table::of(relative).ok_or_else(|| refused("it is in no table".to_owned()))?;
    let (account, region) = account_and_region(relative);
    let part = |frame| Part {
        frame,
        account: account.to_owned(),
        region: region.to_owned(),
    };
    if matches!(table, Table::Demand | Table::Checkpoints) {
        // Their columns are known to those who make them again where they do not fit.
        return reader.finish().map(part).map_err(undecoded);
    }
    let schema = reader.schema().map_err(undecoded)?;
    let present: Vec<String> = schema.iter_names().map(ToString::to_string).collect();
    let to_read = columns::to_read(table, &present, asked).map_err(undecoded)?;
    let frame = reader
        .with_columns(Some(to_read))
        .finish()
        .map_err(undecoded)?;
    let frame = columns::fitted(table, &frame, asked)
        .map_err(undecoded)?
        .map_err(refused)?;
    Ok(part(frame))
}

/// The number of rows and the summary of a part, from the `tail` of its bytes. Not verified: that takes all of them.
pub(super) fn summary(storage: &Storage, relative: &str, tail: &[u8]) -> Result<(usize, Summary)> {
    guarded(&storage.place(relative), || {
        rows_and_summary(storage, relative, tail)
    })
}

fn rows_and_summary(storage: &Storage, relative: &str, tail: &[u8]) -> Result<(usize, Summary)> {
    let mut reader = ParquetReader::new(Cursor::new(tail));
    check_format(&mut reader, relative, &storage.place(relative))?;
    let rows = reader.num_rows().unwrap_or_default();
    let text = metadata(&mut reader, SUMMARY_KEY);
    if text.is_none() && Table::of(relative) != Some(Table::Samples) {
        return Ok((rows, Summary::default()));
    }
    let text = text.unwrap_or_default();
    let summary = serde_json::from_str(&text).map_err(|cause| {
        Error::new(
            ErrorKind::Input,
            format!(
                "part `{}` does not say what is in it",
                storage.place(relative)
            ),
        )
        .cause(cause)
        .hint("it was written by another version: import its files into a new dataset")
    })?;
    Ok((rows, summary))
}

fn verified<'b>(
    storage: &Storage,
    relative: &str,
    bytes: &'b [u8],
) -> Result<ParquetReader<Cursor<&'b [u8]>>> {
    let shown = storage.place(relative);
    let promised = relative
        .trim_end_matches(".parquet")
        .rsplit('_')
        .next()
        .unwrap_or_default();
    let found = hash(bytes);
    if found != promised {
        return Err(Error::new(
            ErrorKind::Input,
            format!("part `{shown}` is corrupt: its name promises sha256 {promised}…, its bytes have {found}…"),
        )
        .hint(RESTORE));
    }
    let mut reader = alone(bytes);
    check_format(&mut reader, relative, &shown)?;
    Ok(reader)
}

/// Parts are decoded side by side: one of them needs no threads of its own.
fn alone(bytes: &[u8]) -> ParquetReader<Cursor<&[u8]>> {
    ParquetReader::new(Cursor::new(bytes)).read_parallel(ParallelStrategy::None)
}

/// Refuses what is no part, or one of a later version.
fn check_format(
    reader: &mut ParquetReader<Cursor<&[u8]>>,
    relative: &str,
    shown: &str,
) -> Result<()> {
    let format = metadata(reader, FORMAT_KEY).and_then(|text| text.parse::<u32>().ok());
    match format {
        Some(format) if format < FIRST_WITH_PLACE => Ok(()),
        Some(format) if format <= FORMAT => {
            let place = metadata(reader, PLACE_KEY).unwrap_or_default();
            check_place(shown, relative, &place)
        }
        Some(format) => Err(Error::new(
            ErrorKind::Input,
            format!(
                "part `{shown}` has dataset format {format}; this version reads up to {FORMAT}"
            ),
        )
        .hint("upgrade plimsoll")),
        None => Err(Error::new(
            ErrorKind::Input,
            format!("`{shown}` is not a part of a plimsoll dataset"),
        )),
    }
}

/// Refuses a part that does not lie where it was written.
fn check_place(shown: &str, relative: &str, place: &str) -> Result<()> {
    if relative.rsplit_once('/').map(|(folder, _)| folder) == Some(place) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Input,
        format!("part `{shown}` belongs into `{place}`: it was moved"),
    )
    .hint("move it back; account, region and month of a part are those of its folder"))
}

fn metadata(reader: &mut ParquetReader<Cursor<&[u8]>>, key: &str) -> Option<String> {
    let metadata = reader.get_metadata().ok()?;
    metadata
        .key_value_metadata()
        .as_ref()?
        .iter()
        .find(|pair| pair.key == key)?
        .value
        .clone()
}
