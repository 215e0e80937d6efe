//! Three statistics of one series → its samples.

use super::answers::Answer;
use super::flaws::Flaws;
use super::series::Series;
use crate::dataset::schema::{SampleRow, SourceKind};

/// Tasks and builds publish one value a minute, whatever the period they are read at.
const SAMPLE_S: i32 = 60;

/// The samples that have all three statistics and can be true; the others are counted in `flaws`.
pub(super) fn samples(
    series: &Series,
    [max, sum, count]: [Answer; 3],
    period_s: i32,
    flaws: &mut Flaws,
) -> Vec<SampleRow> {
    let mut statistics =
        [max, sum, count].map(|answer| answer.finish(flaws).into_iter().peekable());
    let mut rows = Vec::new();
    while let Some(at_ms) = statistics
        .iter_mut()
        .filter_map(|points| points.peek().map(|point| point.0))
        .min()
    {
        let values = statistics.each_mut().map(|points| {
            points
                .next_if(|point| point.0 == at_ms)
                .map(|point| point.1)
        });
        let [Some(max), Some(sum), Some(count)] = values else {
            flaws.of_day(at_ms, "without all three statistics");
            continue;
        };
        match check(max, sum, count) {
            Ok(()) => rows.push(SampleRow {
                workload: series.workload.clone(),
                run_id: series.run_id.clone(),
                metric: series.metric,
                period_s: Some(period_s),
                at_ms,
                sample_s: Some(SAMPLE_S),
                max,
                sum,
                count,
                source: SourceKind::Cloudwatch,
            }),
            Err(why) => flaws.of_day(at_ms, why),
        }
    }
    rows
}

/// Refuses what cannot be the utilisation of anything. There is no highest: a container that asked for ten CPU units
/// and uses a core of its instance shows 10,240 %.
fn check(max: f64, sum: f64, count: f64) -> Result<(), &'static str> {
    if [max, sum, count].iter().any(|value| !value.is_finite()) {
        return Err("contradictory or not a number");
    }
    if [max, sum, count].iter().any(|value| *value < 0.0) {
        return Err("negative");
    }
    if count < 0.5 {
        return Err("statistic of no samples");
    }
    if sum > max * count * 1.000_001 + 1e-9 {
        return Err("average above the maximum");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
    use aws_sdk_cloudwatch::types::{MetricDataResult, StatusCode};
    use aws_smithy_types::DateTime;

    use super::super::answers::Answers;
    use super::super::grid::Grid;
    use super::*;

    /// Samples of three lists of (minute, value).
    fn read(statistics: [&[(i64, f64)]; 3]) -> (Vec<SampleRow>, Option<String>) {
        let [series, _] = Series::of_service("123456789012", "us-east-1", "prod", "web");
        let mut answers = Answers::new(
            3,
            &Grid {
                window_ms: 0..3_600_000,
                period_s: 60,
            },
        );
        let results = (0..).zip(statistics).map(|(id, points)| {
            let times = points
                .iter()
                .map(|point| DateTime::from_secs(point.0 * 60))
                .collect();
            let values = points.iter().map(|point| point.1).collect();
            let result = MetricDataResult::builder()
                .id(format!("q{id}"))
                .status_code(StatusCode::Complete);
            result
                .set_timestamps(Some(times))
                .set_values(Some(values))
                .build()
        });
        answers
            .take(
                GetMetricDataOutput::builder()
                    .set_metric_data_results(Some(results.collect()))
                    .build(),
            )
            .unwrap();
        let mut flaws = Flaws::default();
        let each: [Answer; 3] = answers.finish(&mut flaws).try_into().unwrap();
        let rows = samples(&series, each, 60, &mut flaws);
        (rows, flaws.reason(0))
    }

    #[test]
    fn three_statistics_of_one_time_are_one_sample() {
        let (rows, reason) = read([
            &[(0, 50.0), (1, 60.0)],
            &[(1, 150.0), (0, 80.0)],
            &[(0, 2.0), (1, 3.0)],
        ]);
        let told: Vec<_> = rows
            .iter()
            .map(|row| {
                (
                    row.at_ms,
                    row.max,
                    row.sum,
                    row.count,
                    row.period_s,
                    row.sample_s,
                )
            })
            .collect();
        assert_eq!(
            told,
            [
                (0, 50.0, 80.0, 2.0, Some(60), Some(60)),
                (60_000, 60.0, 150.0, 3.0, Some(60), Some(60))
            ]
        );
        assert_eq!(reason, None);
    }

    #[test]
    fn a_point_without_all_three_statistics_is_left_out_and_counted() {
        let (rows, reason) = read([&[(0, 1.0), (1, 1.0)], &[(1, 1.0), (2, 1.0)], &[(1, 1.0)]]);
        assert_eq!(
            rows.iter().map(|row| row.at_ms).collect::<Vec<_>>(),
            [60_000]
        );
        assert_eq!(
            reason.unwrap(),
            "points left out, without all three statistics: 2"
        );
    }

    #[test]
    fn values_that_cannot_be_true_are_left_out_and_counted() {
        for (max, sum, count, why) in [
            (f64::NAN, 1.0, 1.0, "contradictory or not a number"),
            (f64::INFINITY, 1.0, 1.0, "contradictory or not a number"),
            (-1.0, 1.0, 1.0, "negative"),
            (1.0, 1.0, 0.0, "statistic of no samples"),
            (1.0, 3.0, 2.0, "average above the maximum"),
        ] {
            let (rows, reason) = read([&[(0, max)], &[(0, sum)], &[(0, count)]]);
            assert!(rows.is_empty(), "{why}");
            assert_eq!(reason.unwrap(), format!("points left out, {why}: 1"));
        }
    }

    #[test]
    fn no_points_are_no_samples_and_no_flaw() {
        let (rows, reason) = read([&[], &[], &[]]);
        assert!(rows.is_empty());
        assert_eq!(reason, None);
    }
}
