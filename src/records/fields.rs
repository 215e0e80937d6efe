//! Fields that AWS writes in more than one way: times, sizes, ARNs.

use serde::{Deserialize, Deserializer};

use crate::dataset::limits::{MOST_CPU_UNITS, MOST_MEMORY_MIB};
use crate::model::tags::Tags;

/// Epoch milliseconds from epoch seconds, epoch milliseconds or RFC 3339 text. Text without a zone is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Time(pub(crate) i64);

/// 2010-01-01; nothing that plimsoll reads is older.
const EARLIEST_MS: i64 = 1_262_304_000_000;
/// 2100-01-01.
const LATEST_MS: i64 = 4_102_444_800_000;

impl Time {
    /// True between 2010 and 2100.
    pub(crate) const fn is_plausible(self) -> bool {
        self.0 >= EARLIEST_MS && self.0 < LATEST_MS
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TimeVisitor;
        impl serde::de::Visitor<'_> for TimeVisitor {
            type Value = Time;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a time")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Time, E> {
                let time: jiff::Timestamp = text
                    .parse()
                    .map_err(|_| E::custom("not a time with a zone"))?;
                Ok(Time(time.as_millisecond()))
            }
            fn visit_u64<E: serde::de::Error>(self, number: u64) -> Result<Time, E> {
                let number = i64::try_from(number).unwrap_or(i64::MAX);
                // Epoch seconds stay below this until the year 5138; milliseconds passed it in 1973.
                Ok(Time(if number < 100_000_000_000 {
                    number * 1000
                } else {
                    number
                }))
            }
            fn visit_i64<E: serde::de::Error>(self, number: i64) -> Result<Time, E> {
                Ok(Time(number.saturating_mul(1000)))
            }
            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<Time, E> {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "out of range saturates and is refused as implausible"
                )]
                let ms = if number.abs() < 1e11 {
                    (number * 1000.0).round() as i64
                } else {
                    number.round() as i64
                };
                Ok(Time(ms))
            }
        }
        deserializer.deserialize_any(TimeVisitor)
    }
}

/// CPU units from `"256"`, `"1 vCPU"`, `".5 vcpu"` or a number; what cannot be is none.
pub(crate) fn cpu_units(text: &str) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.strip_suffix("vcpu") {
        Some(vcpu) => scaled(vcpu, 1024.0),
        None => lower.parse().ok(),
    }
    .filter(|units| (1..=MOST_CPU_UNITS).contains(units))
}

/// MiB from `"512"`, `"2 GB"`, `"1GB"` or a number; what cannot be is none.
pub(crate) fn memory_mib(text: &str) -> Option<u32> {
    let lower = text.trim().to_ascii_lowercase();
    match lower.strip_suffix("gb") {
        Some(gib) => scaled(gib, 1024.0),
        None => lower.parse().ok(),
    }
    .filter(|mib| (1..=MOST_MEMORY_MIB).contains(mib))
}

fn scaled(text: &str, factor: f64) -> Option<u32> {
    let value = text.trim().parse::<f64>().ok()? * factor;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked first"
    )]
    (value >= 1.0 && value <= f64::from(u32::MAX)).then_some(value.round() as u32)
}

/// The parts of `arn:partition:service:region:account:resource` that identify a workload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Arn<'a> {
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) resource: &'a str,
}

impl<'a> Arn<'a> {
    /// The ARN in `text`, if its account and region can name a partition of the dataset.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut parts = text.splitn(6, ':');
        let (arn, _partition, _service) = (parts.next()?, parts.next()?, parts.next()?);
        let (region, account, resource) = (parts.next()?, parts.next()?, parts.next()?);
        (arn == "arn" && is_account(account) && is_region(region)).then_some(Self {
            region,
            account,
            resource,
        })
    }

    /// What stands behind the last `/`: a task id, a cluster or a service name, `family:revision`.
    pub(crate) fn last(&self) -> &'a str {
        self.resource.rsplit('/').next().unwrap_or(self.resource)
    }
}

/// Twelve digits.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Lower-case letters, digits and dashes.
pub(crate) fn is_region(text: &str) -> bool {
    (1..=32).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

/// A name as AWS allows it to be long; its characters are the writers' business.
pub(crate) fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len())
}

/// A tag, as ECS and CodeBuild write it.
#[derive(Deserialize)]
pub(crate) struct Tag {
    pub(super) key: Option<String>,
    pub(super) value: Option<String>,
}

/// The tags of a list; `None` where it is empty: so it is where tags were not asked for, too.
pub(super) fn tags(list: Option<Vec<Tag>>) -> Option<Tags> {
    let tags = list?.into_iter();
    let tags: Tags = tags
        .filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default())))
        .collect();
    Some(tags).filter(|tags| !tags.is_empty())
}

/// One of AWS's own code words (`EssentialContainerExited`, `FARGATE_SPOT`); anything else is not kept.
pub(crate) fn code_word(text: Option<String>) -> Option<String> {
    text.filter(|text| {
        (1..=255).contains(&text.len())
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_in_every_spelling() {
        for (text, units) in [
            ("256", Some(256)),
            ("1 vCPU", Some(1024)),
            (".25 vcpu", Some(256)),
            ("0.5vCPU", Some(512)),
            ("", None),
            ("abc", None),
            ("-1", None),
            ("0", None),
            ("4294967295", None),
            ("4000000 vCPU", None),
        ] {
            assert_eq!(cpu_units(text), units, "{text}");
        }
        for (text, mib) in [
            ("512", Some(512)),
            ("2 GB", Some(2048)),
            ("1GB", Some(1024)),
            ("0.5 GB", Some(512)),
            ("", None),
            ("lots", None),
            ("4294967295", None),
            ("4000000 GB", None),
        ] {
            assert_eq!(memory_mib(text), mib, "{text}");
        }
    }

    #[test]
    fn times_are_read_in_every_spelling() {
        for text in [
            "1759276800",
            "1759276800.0",
            "1759276800000",
            "\"2025-10-01T00:00:00Z\"",
            "\"2025-10-01T02:00:00.000000+02:00\"",
        ] {
            assert_eq!(
                serde_json::from_str::<Time>(text).unwrap(),
                Time(1_759_276_800_000),
                "{text}"
            );
        }
        assert!(
            serde_json::from_str::<Time>("\"2025-10-01T00:00:00\"").is_err(),
            "a time without a zone is refused"
        );
    }

    #[test]
    fn an_arn_names_its_partition() {
        let arn = Arn::parse("arn:aws:ecs:us-east-1:123456789012:task/prod/0123").unwrap();
        assert_eq!(
            (arn.region, arn.account, arn.last()),
            ("us-east-1", "123456789012", "0123")
        );
        assert_eq!(
            Arn::parse("arn:aws:ecs:../..:123456789012:task/prod/0123"),
            None
        );
        assert_eq!(
            Arn::parse("arn:aws:ecs:us-east-1:<account>:task/prod/0123"),
            None
        );
    }
}
