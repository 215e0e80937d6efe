//! What the name of a part tells: table, account, region and month in its folder, then its days and the hash of its
//! bytes.

pub use crate::model::hash::short_hash;
use crate::model::units::{MS_PER_DAY, Window};

/// Which partition a part belongs to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Partition {
    /// AWS account id.
    pub account: String,
    /// AWS region.
    pub region: String,
    /// `YYYY-MM`.
    pub month: String,
}

/// What the path of a part says of its rows.
pub fn account_and_region(relative: &str) -> (&str, &str) {
    (
        value(relative, "account").unwrap_or_default(),
        value(relative, "region").unwrap_or_default(),
    )
}

/// The first and last day that the name of a part tells.
pub(super) fn days(relative: &str) -> (&str, &str) {
    let name = relative.rsplit('/').next().unwrap_or_default();
    let mut days = name.split('_');
    (
        days.next().unwrap_or_default(),
        days.next().unwrap_or_default(),
    )
}

/// The partition that the path of a part names.
pub(super) fn partition(relative: &str) -> Partition {
    let of = |key| value(relative, key).unwrap_or_default().to_owned();
    Partition {
        account: of("account"),
        region: of("region"),
        month: of("month"),
    }
}

/// The month that the path of a part names, `YYYY-MM`.
pub(super) fn month(relative: &str) -> Option<&str> {
    value(relative, "month")
}

fn value<'a>(relative: &'a str, key: &str) -> Option<&'a str> {
    relative
        .split('/')
        .find_map(|segment| segment.strip_prefix(key)?.strip_prefix('='))
}

/// `account=A/region=R/month=M` of a part, with its table.
pub(super) fn folder(part: &str) -> &str {
    part.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// `<first day>_<last day>_<hash>` of a part.
pub(super) fn stem(part: &str) -> &str {
    let name = part.rsplit_once('/').map_or(part, |(_, name)| name);
    name.strip_suffix(".parquet").unwrap_or(name)
}

/// Whether the days in a part's name touch the window; a name that does not tell is read.
pub(super) fn days_touch(relative: &str, window: Window) -> bool {
    span_of_days(relative)
        .is_none_or(|(from_ms, to_ms)| from_ms < window.to_ms && to_ms > window.from_ms)
}

/// The days in a part's name.
pub(super) fn span_of_days(relative: &str) -> Option<(i64, i64)> {
    let name = relative.rsplit('/').next().unwrap_or_default();
    let mut days = name
        .split('_')
        .map(|day| day.parse::<jiff::civil::Date>().ok());
    Some((
        midnight(days.next()??),
        midnight(days.next()??) + MS_PER_DAY,
    ))
}

/// The first instant of a UTC day.
pub(crate) fn midnight(day: jiff::civil::Date) -> i64 {
    day.to_zoned(jiff::tz::TimeZone::UTC)
        .map_or(0, |zoned| zoned.timestamp().as_millisecond())
}

/// False for a part of samples whose name tells that the day is not in it.
pub(super) fn may_hold(part: &str, day: &str) -> bool {
    let name = part
        .strip_prefix("samples/")
        .and_then(|part| part.rsplit('/').next())
        .unwrap_or_default();
    match name.split('_').collect::<Vec<_>>()[..] {
        [first, last, _] => (first..=last).contains(&day),
        _ => true,
    }
}

/// Days since the epoch.
pub(super) const fn day(ms: i64) -> i64 {
    ms.div_euclid(MS_PER_DAY)
}

/// `YYYY-MM-DD` of a day since the epoch.
pub(crate) fn date(day: i64) -> String {
    let time =
        jiff::Timestamp::from_millisecond(day.saturating_mul(MS_PER_DAY)).unwrap_or_default();
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_in_a_part_name_prune_it() {
        let name = "samples/account=1/region=r/month=2026-10/2026-10-02_2026-10-03_0123456789abcdef.parquet";
        let day = |day: i64| 1_759_276_800_000 + 365 * MS_PER_DAY + day * MS_PER_DAY; // 2026-10-01
        assert!(days_touch(
            name,
            Window {
                from_ms: day(2),
                to_ms: day(3)
            }
        ));
        assert!(!days_touch(
            name,
            Window {
                from_ms: day(3),
                to_ms: day(4)
            }
        ));
        assert!(!days_touch(
            name,
            Window {
                from_ms: day(0),
                to_ms: day(1)
            }
        ));
    }
}
