//! What lies between samples: a reading an hour, or the average of one, hides what a size has to hold.
//!
//! Maxima over a long period hide nothing: their percentiles are higher, never lower, than those of finer samples. Readings that
//! lie further apart than the time that they are of do: an exported hourly average, a snapshot. By how much sizes must then be
//! larger was measured (`data/margins/README.md`).

use std::sync::LazyLock;

use serde::Deserialize;

use super::margin::Resource;
use crate::demand::Usage;
use crate::demand::usage::DayUsage;

/// Samples that lie this close are as fine as those that the margins were made from, seconds.
const FINE_S: f64 = 300.0;
/// What the factors were measured for, seconds; readings further apart get no more, for want of a measurement.
const MEASURED_S: f64 = 3_600.0;

static FACTORS: LazyLock<Vec<Row>> = LazyLock::new(|| {
    let text = include_str!("../../data/margins/resolution.csv");
    let rows = csv::Reader::from_reader(text.as_bytes()).into_deserialize();
    rows.collect::<Result<_, _>>().unwrap_or_default()
});

#[derive(Debug, Deserialize)]
struct Row {
    resource: String,
    risk: f64,
    hour: f64,
}

/// How far apart the readings of a service lie, where nothing tells of the time between them, seconds; `None` where they are as
/// fine as any.
pub(super) fn apart_s(usage: &Usage) -> Option<f64> {
    let mut gaps: Vec<f64> = usage.days.iter().filter_map(gap_s).collect();
    gaps.sort_by(f64::total_cmp);
    let usual = *gaps.get(gaps.len() / 2)?;
    // Twice: a sample that fails now and then leaves no doubt about the others.
    (usual > FINE_S && usual >= 2.0 * usage.period_s as f64).then_some(usual)
}

/// From one reading of a day to the next, on the average.
fn gap_s(day: &DayUsage) -> Option<f64> {
    let gaps = day.samples - 1;
    (gaps > 0).then(|| (day.last_ms - day.first_ms) as f64 / 1000.0 / gaps as f64)
}

/// How much larger a size must be for the share `risk` (0–1) of weeks when readings lie `apart_s` seconds apart.
pub(super) fn factor(resource: Resource, risk: f64, apart_s: f64) -> f64 {
    let way = ((apart_s / FINE_S).ln() / (MEASURED_S / FINE_S).ln()).clamp(0.0, 1.0);
    of_an_hour(resource, risk).powf(way)
}

/// The factor for hourly readings, between two rows even in logarithms.
fn of_an_hour(resource: Resource, risk: f64) -> f64 {
    let name = match resource {
        Resource::Cpu => "cpu",
        Resource::Memory => "memory",
    };
    let rows: Vec<&Row> = FACTORS.iter().filter(|row| row.resource == name).collect();
    let after = rows.partition_point(|row| row.risk < risk);
    match (rows.get(after.wrapping_sub(1)), rows.get(after)) {
        (Some(low), Some(high)) => {
            let way = (risk / low.risk).ln() / (high.risk / low.risk).ln();
            low.hour * (high.hour / low.hour).powf(way)
        }
        (Some(row), None) | (None, Some(row)) => row.hour,
        (None, None) => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::super::fixtures::{minutes, usage_of};
    use super::*;
    use crate::dataset::schema::Metric;

    fn read_every(step: usize) -> Usage {
        let all = minutes(0..14 * 1440).step_by(step);
        usage_of(Metric::CpuVcpu, all.map(|at| (at, 0.1)))
    }

    #[test]
    fn readings_of_a_minute_an_hour_apart_tell_nothing_of_the_rest() {
        assert_eq!(apart_s(&read_every(1)), None);
        assert_eq!(apart_s(&read_every(5)), None);
        assert_eq!(apart_s(&read_every(60)), Some(3_600.0));
        assert_eq!(apart_s(&Usage::default()), None);
    }

    #[test]
    fn maxima_of_an_hour_every_hour_leave_nothing_out() {
        let mut hourly = read_every(60);
        hourly.period_s = 3_600;
        assert_eq!(apart_s(&hourly), None);
    }

    #[test]
    fn factors_are_those_of_the_table_and_even_between() {
        let near = |found: f64, expected: f64| assert!((found - expected).abs() < 1e-9, "{found}");
        near(factor(Resource::Cpu, 0.02, 3_600.0), 2.79);
        near(factor(Resource::Memory, 0.02, 3_600.0), 3.58);
        near(factor(Resource::Memory, 0.001, 86_400.0), 5.08);
        near(factor(Resource::Cpu, 0.9, 3_600.0), 1.61);
        near(factor(Resource::Cpu, 0.02, 300.0), 1.0);
        // 300 × √12 seconds are half of the way.
        near(
            factor(Resource::Cpu, 0.02, 300.0 * 12.0_f64.sqrt()),
            2.79_f64.sqrt(),
        );
    }

    #[test]
    fn less_risk_and_longer_gaps_never_ask_for_less() {
        for resource in [Resource::Cpu, Resource::Memory] {
            let by_risk: Vec<f64> = (1..60)
                .map(|percent| factor(resource, f64::from(percent) / 100.0, 3_600.0))
                .collect();
            assert!(by_risk.is_sorted_by(|a, b| a >= b), "{by_risk:?}");
            let by_gap: Vec<f64> = (1..60)
                .map(|minutes| factor(resource, 0.02, f64::from(minutes) * 60.0))
                .collect();
            assert!(by_gap.is_sorted(), "{by_gap:?}");
        }
    }
}
