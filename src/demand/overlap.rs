//! Readings of one thing that several sources, or several periods, tell over the same time: each moment counts once.
//!
//! A metric stream that was imported tells no period, a collection does; minutes are collected while they last, and
//! longer periods later. As rows they differ, yet they are about the same running tasks.

use std::ops::Range;

use polars::prelude::{BooleanChunked, DataFrame, PolarsResult};

use super::columns::{floats, integers};

/// What is left of a frame.
pub(super) struct Kept {
    /// Its rows in which no moment of a thing is told twice.
    pub(super) frame: DataFrame,
    /// Rows left out that say what another says, or what finer ones say of the same time.
    pub(super) duplicates: i64,
    /// Rows left out that say something else of the very same period.
    pub(super) conflicts: i64,
}

/// Of the readings of one thing that overlap in time, those of the finest period; of equal periods, those that state
/// theirs.
///
/// `frame` numbers its `series`, and those of one series and stated period stand together in order of time; `things`
/// has the number of what each series is about, `usual` its period in seconds where its readings state none.
pub(super) fn finest(frame: DataFrame, things: &[usize], usual: &[i32]) -> PolarsResult<Kept> {
    let mut layers = layers(&frame, things, usual)?;
    if layers.windows(2).all(|pair| pair[0].thing != pair[1].thing) {
        return Ok(Kept {
            frame,
            duplicates: 0,
            conflicts: 0,
        });
    }
    let at = integers(&frame, "at_ms")?;
    let [max, sum, count] = ["max", "sum", "count"].map(|name| floats(&frame, name));
    let (max, sum, count) = (max?, sum?, count?);
    let told = |row: usize| [max[row], sum[row], count[row]].map(|value| value.map(f64::to_bits));
    let mut keeps = vec![true; frame.height()];
    let (mut duplicates, mut conflicts) = (0, 0);
    for layers in layers
        .chunk_by_mut(|a, b| a.thing == b.thing)
        .filter(|layers| layers.len() > 1)
    {
        layers.sort_by_key(|layer| (layer.period_ms, layer.is_inferred));
        let mut covered = Covered::default();
        for layer in layers {
            let mut kept = Vec::new();
            for row in layer.rows.clone() {
                let from_ms = at[row].unwrap_or_default();
                let reading = Reading {
                    row,
                    time_ms: from_ms..from_ms + layer.period_ms,
                };
                match covered.by(&reading.time_ms) {
                    None => kept.push(reading),
                    Some(other) => {
                        keeps[row] = false;
                        let contradicts =
                            other.time_ms == reading.time_ms && told(other.row) != told(row);
                        *(if contradicts {
                            &mut conflicts
                        } else {
                            &mut duplicates
                        }) += 1;
                    }
                }
            }
            covered.add(kept);
        }
    }
    Ok(Kept {
        frame: frame.filter(&keeps.into_iter().collect::<BooleanChunked>())?,
        duplicates,
        conflicts,
    })
}

/// Readings of one series that have the same period.
struct Layer {
    thing: usize,
    period_ms: i64,
    is_inferred: bool,
    rows: Range<usize>,
}

/// The layers of a frame, those of one thing side by side.
fn layers(frame: &DataFrame, things: &[usize], usual: &[i32]) -> PolarsResult<Vec<Layer>> {
    let (series, stated) = (integers(frame, "series")?, integers(frame, "period_s")?);
    let mut layers: Vec<Layer> = Vec::new();
    for row in 0..frame.height() {
        let is_same =
            |before: usize| (series[before], stated[before]) == (series[row], stated[row]);
        match layers.last_mut() {
            Some(layer) if is_same(row - 1) => layer.rows.end = row + 1,
            _ => {
                let number = series[row]
                    .and_then(|number| usize::try_from(number).ok())
                    .unwrap_or_default();
                let period_s = stated[row].unwrap_or_else(|| i64::from(usual[number]));
                let (thing, is_inferred) = (things[number], stated[row].is_none());
                layers.push(Layer {
                    thing,
                    period_ms: period_s * 1000,
                    is_inferred,
                    rows: row..row + 1,
                });
            }
        }
    }
    Ok(layers)
}

/// One row and the time that it is about.
struct Reading {
    row: usize,
    time_ms: Range<i64>,
}

/// The readings that are kept of one thing, in order of time.
#[derive(Default)]
struct Covered {
    readings: Vec<Reading>,
    longest_ms: i64,
}

impl Covered {
    /// A reading that is about some of `time_ms`.
    fn by(&self, time_ms: &Range<i64>) -> Option<&Reading> {
        let behind = self
            .readings
            .partition_point(|other| other.time_ms.start < time_ms.end);
        let may_reach = |other: &&Reading| other.time_ms.start + self.longest_ms > time_ms.start;
        self.readings[..behind]
            .iter()
            .rev()
            .take_while(may_reach)
            .find(|other| other.time_ms.end > time_ms.start)
    }

    fn add(&mut self, readings: Vec<Reading>) {
        let length = |reading: &Reading| reading.time_ms.end - reading.time_ms.start;
        self.longest_ms = readings.iter().map(length).fold(self.longest_ms, i64::max);
        self.readings.extend(readings);
        self.readings.sort_by_key(|reading| reading.time_ms.start);
    }
}

#[cfg(test)]
mod tests {
    use polars::prelude::{Column, df};

    use super::*;

    /// The times of the rows that are kept, in seconds, and what became of the others. Rows are series, stated period
    /// in seconds, time in seconds and value; all series are about one thing, and of a minute where they do not tell.
    fn kept(rows: &[(i32, Option<i32>, i64, f64)]) -> (Vec<i64>, i64, i64) {
        let values: Vec<f64> = rows.iter().map(|row| row.3).collect();
        let frame = df!(
            "series" => rows.iter().map(|row| row.0).collect::<Vec<_>>(),
            "period_s" => rows.iter().map(|row| row.1).collect::<Vec<_>>(),
            "at_ms" => rows.iter().map(|row| row.2 * 1000).collect::<Vec<_>>(),
            "max" => values.clone(),
            "sum" => values.clone(),
            "count" => values,
        );
        let kept = finest(frame.unwrap(), &[0; 3], &[60; 3]).unwrap();
        let at = kept
            .frame
            .column("at_ms")
            .and_then(Column::i64)
            .unwrap()
            .iter()
            .flatten()
            .map(|ms| ms / 1000)
            .collect();
        (at, kept.duplicates, kept.conflicts)
    }

    #[test]
    fn a_coarse_reading_gives_way_to_any_finer_one_in_its_time_and_stands_where_there_is_none() {
        let minutes = [(0, Some(60), 240, 1.0), (0, Some(60), 600, 1.0)];
        let coarse = [
            (0, Some(300), 0, 5.0),
            (0, Some(300), 300, 5.0),
            (0, Some(300), 600, 5.0),
        ];
        assert_eq!(
            kept(&[&minutes[..], &coarse[..]].concat()),
            (vec![240, 600, 300], 2, 0)
        );
    }

    #[test]
    fn of_equal_periods_the_one_that_is_stated_counts() {
        let stream = [(0, None, 0, 1.0), (0, None, 60, 2.0), (0, None, 120, 3.0)];
        let collected = [(1, Some(60), 0, 1.0), (1, Some(60), 60, 9.0)];
        assert_eq!(
            kept(&[&stream[..], &collected[..]].concat()),
            (vec![120, 0, 60], 1, 1)
        );
    }

    #[test]
    fn readings_of_one_series_never_take_from_each_other() {
        assert_eq!(
            kept(&[(0, None, 0, 1.0), (0, None, 30, 2.0), (0, None, 60, 3.0)]),
            (vec![0, 30, 60], 0, 0)
        );
    }
}
