//! Amounts as people type them. What is not sensible is refused with an example of what is.

use clap::builder::{PossibleValuesParser, TypedValueParser};
use jiff::SignedDuration;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

const MOST_VCPU: u32 = 1_024;
const MOST_GIB: u32 = 32 * 1_024;
const MOST_STORAGE_GIB: u32 = 1_024;
const LONGEST_DAYS: i64 = 31;

/// CPU units of a number of vCPU, rounded up.
pub(super) fn cpu_units(text: &str) -> Result<u32, String> {
    let units = whole(text, 1_024).filter(|units| (1..=MOST_VCPU * 1_024).contains(units));
    units.ok_or_else(|| {
        format!("not a number of vCPU above 0 and up to {MOST_VCPU}, such as 0.5 or 4")
    })
}

/// MiB of an amount of memory, rounded up.
pub(super) fn mib(text: &str) -> Result<u32, String> {
    let mib = amount_mib(text).filter(|mib| (1..=MOST_GIB * 1_024).contains(mib));
    mib.ok_or_else(|| {
        format!(
            "not an amount above 0 and up to {MOST_GIB}GiB with its unit, such as 2GiB or 512MiB"
        )
    })
}

/// GiB of an amount of storage, rounded up.
pub(super) fn storage_gib(text: &str) -> Result<u32, String> {
    let gib = amount_mib(text)
        .map(|mib| mib.div_ceil(1_024))
        .filter(|gib| (1..=MOST_STORAGE_GIB).contains(gib));
    gib.ok_or_else(|| {
        format!(
            "not an amount above 0 and up to {MOST_STORAGE_GIB}GiB with its unit, such as 30GiB"
        )
    })
}

/// Milliseconds of a time, rounded up.
pub(in crate::cli) fn duration_ms(text: &str) -> Result<i64, String> {
    let longest_ms = LONGEST_DAYS * 24 * 3_600_000;
    let time: Option<SignedDuration> = text.parse().ok();
    let ms =
        time.and_then(|time| i64::try_from((time.as_nanos() + 999_999).div_euclid(1_000_000)).ok());
    ms.filter(|ms| (1..=longest_ms).contains(ms)).ok_or_else(|| {
        format!("not a time above 0 and up to {LONGEST_DAYS} days with its unit, such as 600s, 10m, 1h30m or PT10M")
    })
}

/// The name of a region, known or not.
pub(in crate::cli) fn region(text: &str) -> Result<String, String> {
    let is_name = |char: char| char.is_ascii_lowercase() || char.is_ascii_digit() || char == '-';
    let named = !text.is_empty() && text.len() <= 32 && text.chars().all(is_name);
    named
        .then(|| text.to_owned())
        .ok_or_else(|| "not the name of a region, such as us-east-1".to_owned())
}

/// One of the words of `all`, read by `parse`.
pub(in crate::cli) fn spelled<T: Clone + Send + Sync + 'static>(
    all: impl Iterator<Item = &'static str>,
    parse: fn(&str) -> Option<T>,
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(all).try_map(move |text| parse(&text).ok_or("not a known word"))
}

/// What AWS calls a GB is a GiB, so both spellings mean the latter.
fn amount_mib(text: &str) -> Option<u32> {
    let (number, unit) = text.split_at(text.find(|char: char| char.is_ascii_alphabetic())?);
    let mib = match unit.to_ascii_lowercase().as_str() {
        "m" | "mb" | "mib" => 1,
        "g" | "gb" | "gib" => 1_024,
        "t" | "tb" | "tib" => 1_024 * 1_024,
        _ => return None,
    };
    whole(number.trim_end(), mib)
}

/// `number` × `units`, rounded up.
fn whole(number: &str, units: u32) -> Option<u32> {
    let number = Decimal::from_str_exact(number).ok()?;
    number.checked_mul(units.into())?.ceil().to_u32()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vcpu_become_cpu_units_rounded_up() {
        assert_eq!(
            ["0.25", "1", "1.5", "0.1", "1024"].map(cpu_units),
            [256, 1024, 1536, 103, 1_048_576].map(Ok)
        );
    }

    #[test]
    fn every_usual_spelling_of_memory_is_read() {
        for text in [
            "2GiB", "2GB", "2048MiB", "2G", "2g", "2 GiB", "2.0gb", "2048M",
        ] {
            assert_eq!(mib(text), Ok(2048), "{text}");
        }
        assert_eq!(
            ["0.5GiB", "1.0001MiB", "32TiB"].map(mib),
            [512, 2, 33_554_432].map(Ok)
        );
        assert_eq!(
            ["30GiB", "20.5GB", "1MiB"].map(storage_gib),
            [30, 21, 1].map(Ok)
        );
    }

    #[test]
    fn every_usual_spelling_of_a_time_is_read() {
        for text in [
            "600s",
            "10m",
            "10min",
            "PT10M",
            "PT600S",
            "10 minutes",
            "0h10m",
            "600000ms",
        ] {
            assert_eq!(duration_ms(text), Ok(600_000), "{text}");
        }
        assert_eq!(
            ["1h30m", "1ns", "744h"].map(duration_ms),
            [5_400_000, 1, 2_678_400_000].map(Ok)
        );
    }

    #[test]
    fn what_is_nothing_negative_absurd_or_without_its_unit_is_refused() {
        for text in [
            "0",
            "-1",
            "",
            "NaN",
            "1e3",
            "1025",
            "99999999999999999999999999999999",
            "one",
            "1vCPU",
        ] {
            assert!(cpu_units(text).is_err(), "{text}");
        }
        for text in [
            "0GiB",
            "-2GiB",
            "2",
            "GiB",
            "",
            "2KiB",
            "33TiB",
            "79228162514264337593543950335TiB",
            "2GiBs",
            "2é",
        ] {
            assert!(mib(text).is_err() && storage_gib(text).is_err(), "{text}");
        }
        for text in [
            "0s",
            "-10m",
            "600",
            "",
            "10 parsecs",
            "32d",
            "745h",
            "PT-1S",
            "9999999999999999h",
            "10m ago",
        ] {
            assert!(duration_ms(text).is_err(), "{text}");
        }
        for text in [
            "",
            "US-EAST-1",
            "us east",
            "\u{1b}[2J",
            "eu-\u{202e}1",
            "a-very-long-name-that-no-region-has-or-will-have",
        ] {
            assert!(region(text).is_err(), "{text}");
        }
    }
}
