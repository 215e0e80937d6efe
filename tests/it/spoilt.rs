//! Datasets with one thing wrong, from a seed.

use std::fs;
use std::path::{Path, PathBuf};

use crate::chance::{chance, one_of};
use crate::support::files_below;

/// Spoils one file of the dataset at `root`; returns what was done to which.
pub(crate) fn spoil(root: &Path, seed: u64) -> String {
    let parts: Vec<PathBuf> = files_below(root)
        .into_iter()
        .filter(|file| file.extension().is_some_and(|suffix| suffix == "parquet"))
        .collect();
    let part = &parts[one_of(parts.len(), chance(seed, 1))];
    let name = part.file_name().expect("a name").to_string_lossy();
    let text = part.display().to_string();
    let bytes = fs::read(part).expect("a part");
    let place = chance(seed, 2);
    let put = |bytes: &[u8]| fs::write(part, bytes).expect("written");
    let what = match chance(seed, 3) % 12 {
        0 => {
            let mut bytes = bytes;
            let at = one_of(bytes.len(), place);
            bytes[at] ^= 1 << (place % 8);
            put(&bytes);
            "one bit flipped"
        }
        1 => {
            put(&bytes[..one_of(bytes.len(), place)]);
            "truncated"
        }
        2 => {
            fs::remove_file(part).expect("removed");
            "removed"
        }
        3 => {
            let other = name.replace("-0", "-1");
            fs::rename(part, part.with_file_name(other.replacen("20", "19", 1))).expect("moved");
            "renamed"
        }
        4 => {
            move_to(part, &changed(&text, "account=", "999999999999"));
            "moved to another account"
        }
        5 => {
            move_to(part, &changed(&text, "region=", "eu-north-1"));
            "moved to another region"
        }
        6 => {
            move_to(part, &changed(&text, "month=", "2019-01"));
            "moved to another month"
        }
        7 => {
            let other = &parts[one_of(parts.len(), place)];
            put(&fs::read(other).expect("a part"));
            "with the bytes of another part"
        }
        8 => {
            put(b"");
            "emptied"
        }
        9 => {
            put(&[&bytes[..], b"more"].concat());
            "with bytes behind its end"
        }
        10 => {
            let other = PathBuf::from(changed(&text, "account=", "999999999999"));
            fs::create_dir_all(other.parent().expect("a folder")).expect("made");
            fs::copy(part, other).expect("copied");
            "copied to another account"
        }
        _ => {
            let folder = part.parent().expect("a folder");
            fs::remove_dir_all(folder).expect("removed");
            fs::write(folder, "no folder").expect("written");
            "with a file in the place of its folder"
        }
    };
    format!(
        "{what}: {}",
        part.strip_prefix(root).expect("below").display()
    )
}

/// The path with another value of a key of its folders.
fn changed(path: &str, key: &str, value: &str) -> String {
    let segment = |segment: &str| {
        if segment.starts_with(key) {
            format!("{key}{value}")
        } else {
            segment.to_owned()
        }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

fn move_to(part: &Path, other: &str) {
    let other = PathBuf::from(other);
    fs::create_dir_all(other.parent().expect("a folder")).expect("made");
    fs::rename(part, other).expect("moved");
}
