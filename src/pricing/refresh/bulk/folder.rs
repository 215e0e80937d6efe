//! The list from a folder of files that were fetched elsewhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use super::extract;
use crate::model::error::{Error, ErrorKind, Result};
use crate::pricing::refresh::answers::Answers;
use crate::pricing::refresh::regions::is_region;

/// Folders within folders that are looked into.
const DEEPEST: usize = 12;

/// What the files in `folder` say, by region. Files that are neither CSV nor JSON are passed over, and so are the
/// list's own indexes.
///
/// # Errors
/// [`ErrorKind::Usage`] where there is no such folder or no price list in it, [`ErrorKind::Input`] for a file that cannot be read.
pub fn answers(folder: &Path, told: &dyn Fn(&str)) -> Result<BTreeMap<String, Answers>> {
    let mut files = Vec::new();
    collect(folder, DEEPEST, &mut files)?;
    files.sort();
    let mut all: BTreeMap<String, Answers> = BTreeMap::new();
    for path in files {
        let name = path.display().to_string();
        told(&name);
        let file = fs::File::open(&path).map_err(|cause| unopened(&path, cause))?;
        let extract = extract(file, &name, region_in(&path))?;
        let mut regions: BTreeSet<&str> = extract
            .products
            .keys()
            .map(|(region, _)| region.as_str())
            .collect();
        regions.extend(extract.rates.iter().map(|(region, _)| region.as_str()));
        regions.extend(extract.spot.iter().map(|price| price.region.as_str()));
        for region in regions.into_iter().filter(|region| is_region(region)) {
            all.entry(region.to_owned())
                .or_default()
                .add(&extract, region);
        }
    }
    if all.is_empty() {
        let message = format!("there is no price list in `{}`", folder.display());
        return Err(Error::new(ErrorKind::Usage, message).hint(
            "it takes files of https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/…/index.csv or index.json",
        ));
    }
    Ok(all)
}

fn collect(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let entries = fs::read_dir(folder).map_err(|cause| unopened(folder, cause))?;
    for entry in entries {
        let path = entry.map_err(|cause| unopened(folder, cause))?.path();
        if path.is_dir() {
            if depth > 0 {
                collect(&path, depth - 1, files)?;
            }
        } else if is_list(&path) {
            files.push(path);
        }
    }
    Ok(())
}

/// `index.csv`, `us-east-1.json.gz`; not the indexes of the list.
fn is_list(path: &Path) -> bool {
    let ends_in = |path: &Path, ending: &str| {
        let found = path.extension();
        found.is_some_and(|found| found.eq_ignore_ascii_case(ending))
    };
    let plain = if ends_in(path, "gz") {
        path.with_extension("")
    } else {
        path.to_owned()
    };
    let is_index = plain
        .file_name()
        .is_some_and(|name| name == "region_index.json");
    (ends_in(&plain, "csv") || ends_in(&plain, "json")) && !is_index
}

/// The region that the way to a file names, as the list's own paths do.
fn region_in(path: &Path) -> Option<&str> {
    let parts = path.iter().rev().filter_map(|part| part.to_str());
    parts
        .map(|part| part.split('.').next().unwrap_or_default())
        .find(|part| is_region(part))
}

fn unopened(path: &Path, cause: std::io::Error) -> Error {
    Error::new(
        ErrorKind::Usage,
        format!("cannot read `{}`", path.display()),
    )
    .cause(cause)
    .hint("--from-files names a folder of price lists")
}
