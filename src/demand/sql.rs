//! The reduction of samples to days as one statement, for engines that people already have.
//!
//! One group-by over the dataset's own layout, without joins. Every expression in it gives the same bits in every engine:
//! buckets are counted against edges that stand in it as literals, and a logarithm only says where to begin looking;
//! rounding is spelt as `floor(x + 0.5)`; division that has to be whole is done where doubles are exact.

use std::fmt::Write as _;

use super::histogram::{EDGE_COUNT, EDGES};
use crate::dataset::schema::METRIC_PERIOD_S;
use crate::model::units::{MS_PER_DAY, SLOT_MS};

/// An engine whose SQL is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// `DuckDB`.
    Duckdb,
    /// Amazon Athena: Trino, with `UNLOAD`.
    Athena,
    /// Trino.
    Trino,
    /// Apache Spark.
    Spark,
}

/// What a statement reads.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// The dataset, a folder or `s3://BUCKET/PREFIX`, without `/` at the end.
    pub root: &'a str,
    /// The parts of samples that count, relative to it.
    pub parts: &'a [String],
}

const SERIES: [&str; 7] = [
    "account", "region", "kind", "cluster", "name", "metric", "source",
];
/// The table that Athena and Trino know the samples as.
const TABLE: &str = "plimsoll_samples";

/// The statement.
pub fn statement(engine: Engine, input: Input<'_>) -> String {
    let select = select(engine, &engine.from(input));
    match engine {
        Engine::Athena => format!(
            "{}UNLOAD (\n{select})\nTO '{}/demand-by-athena/'\nWITH (format = 'PARQUET')\n",
            engine.table_definition(input),
            input.root
        ),
        Engine::Trino => format!("{}{select}", engine.table_definition(input)),
        Engine::Duckdb | Engine::Spark => select,
    }
}

fn select(engine: Engine, from: &str) -> String {
    let quoted = |name: &str| engine.quoted(name);
    let (max, sum, count) = (quoted("max"), quoted("sum"), quoted("count"));
    let series = SERIES.join(", ");
    let account = engine.account();
    let day = whole("at_ms", MS_PER_DAY);
    let slot = whole("at_ms", SLOT_MS);
    let bucket = engine.bucket("value");
    let sample_s = format!("CAST(coalesce(sample_s, period_s, {METRIC_PERIOD_S}) AS DOUBLE)");
    let rounded = |what: &str| format!("CAST(floor({what} * {sample_s} * 1e3 + 0.5e0) AS BIGINT)");
    let (weight_ms, sum_ms) = (rounded(&count), rounded(&sum));
    format!(
        "SELECT {series}, day, bucket, slot, run_id,
  CAST(sum(weight_ms) AS BIGINT) AS weight_ms,
  CASE WHEN slot IS NULL THEN CAST(sum(sum_ms) AS BIGINT) END AS sum_ms,
  CASE WHEN slot IS NULL THEN max(value) END AS {max},
  CAST(count(*) AS BIGINT) AS samples,
  CAST(max(period_s) AS BIGINT) AS period_s,
  CASE WHEN slot IS NOT NULL THEN max(tasks) END AS peak,
  CASE WHEN slot IS NULL THEN min(at_ms) END AS first_ms,
  CASE WHEN slot IS NULL THEN max(at_ms) END AS last_ms
FROM (
  SELECT {series}, run_id, at_ms, value, period_s, weight_ms, sum_ms, day, slot,
    CASE WHEN slot IS NOT NULL THEN period_s END AS slot_s,
    CAST(ceil(CAST(weight_ms AS DOUBLE) / (CAST(period_s AS DOUBLE) * 1e3)) AS BIGINT) AS tasks,
    {bucket} AS bucket
  FROM (
    SELECT {account} AS account, region, kind, cluster, name, metric, source, run_id, at_ms, {max} AS value,
      CAST(coalesce(period_s, {METRIC_PERIOD_S}) AS BIGINT) AS period_s,
      {weight_ms} AS weight_ms,
      {sum_ms} AS sum_ms,
      {day} AS day,
      CASE WHEN kind = 'service' AND run_id IS NULL AND metric IN ('cpu_percent', 'cpu_units', 'cpu_vcpu')
        THEN {slot} END AS slot
    FROM {from}
  ) AS samples
) AS readings
GROUP BY GROUPING SETS (
  ({series}, day, bucket),
  ({series}, day, slot, slot_s),
  ({series}, day, run_id)
)
HAVING bucket IS NOT NULL OR slot IS NOT NULL OR run_id IS NOT NULL
"
    )
}

/// `floor(what ÷ by)`: a double holds both, and the quotient to far less than one of `by`.
fn whole(what: &str, by: i64) -> String {
    format!("CAST(floor(CAST({what} AS DOUBLE) / {by}e0) AS BIGINT)")
}

fn literals(values: impl Iterator<Item = f64>) -> String {
    let mut text = String::new();
    for value in values {
        let comma = if text.is_empty() { "" } else { ", " };
        // Always with an exponent: without one, a number is a decimal and no double.
        let _ = write!(text, "{comma}{value:e}");
    }
    text
}

fn names(parts: &[String], of: impl Fn(&str) -> String) -> String {
    let quoted = |part: &String| format!("'{}'", of(part).replace('\'', "''"));
    parts
        .iter()
        .map(quoted)
        .collect::<Vec<_>>()
        .join(",\n      ")
}

/// The file name of a part.
fn file(part: &str) -> &str {
    part.rsplit('/').next().unwrap_or(part)
}

impl Engine {
    fn quoted(self, name: &str) -> String {
        match self {
            Self::Spark => format!("`{name}`"),
            Self::Duckdb | Self::Athena | Self::Trino => format!("\"{name}\""),
        }
    }

    /// An account id begins with zeros, too; Spark takes what is in a path for a number.
    fn account(self) -> &'static str {
        match self {
            Self::Spark => "lpad(CAST(account AS STRING), 12, '0')",
            Self::Duckdb | Self::Athena | Self::Trino => "account",
        }
    }

    /// The number of edges below `value`.
    fn bucket(self, value: &str) -> String {
        let last = EDGE_COUNT;
        match self {
            // width_bucket counts the bounds that are not above its operand: turned round, the edges below the value.
            Self::Athena | Self::Trino => {
                let edges = literals(EDGES.iter().rev().map(|edge| -edge));
                format!("{last} - width_bucket(-{value}, ARRAY[{edges}])")
            }
            Self::Duckdb | Self::Spark => {
                let edges = literals(EDGES.iter().copied());
                let edge = |at: &str| match self {
                    Self::Spark => format!("element_at(array({edges}), {at})"),
                    _ => format!("list_extract([{edges}], {at})"),
                };
                let first = EDGES[0];
                let guess = format!(
                    "CAST(least({last}, greatest(1, ceil(ln({value} / {first:e}) / {:e}))) AS INT)",
                    1.05_f64.ln()
                );
                // The guess is off by one at the most, near an edge.
                format!(
                    "CAST(CASE WHEN {value} <= {first:e} THEN 0
      WHEN {} >= {value} THEN {guess} - 1
      WHEN {guess} < {last} AND {} < {value} THEN {guess} + 1
      ELSE {guess} END AS BIGINT)",
                    edge(&guess),
                    edge(&format!("least({last}, {guess} + 1)")),
                )
            }
        }
    }

    fn from(self, Input { root, parts }: Input<'_>) -> String {
        match self {
            Self::Duckdb => format!(
                "read_parquet([\n      {}], hive_partitioning = true, hive_types = {{'account': VARCHAR, 'region': VARCHAR, 'month': VARCHAR}})",
                names(parts, |part| format!("{root}/{part}"))
            ),
            Self::Spark => format!(
                "parquet.`{root}/samples`\n    WHERE _metadata.file_name IN (\n      {})",
                names(parts, |part| file(part).to_owned())
            ),
            Self::Athena | Self::Trino => format!(
                "{TABLE}\n    WHERE regexp_extract(\"$path\", '[^/]+$') IN (\n      {})",
                names(parts, |part| file(part).to_owned())
            ),
        }
    }

    /// How the table of samples is made known, as a comment above the statement.
    fn table_definition(self, Input { root, parts }: Input<'_>) -> String {
        let values = |key: &str| {
            let prefix = format!("{key}=");
            let mut values: Vec<&str> = parts
                .iter()
                .filter_map(|part| part.split('/').find_map(|s| s.strip_prefix(&prefix)))
                .collect();
            values.sort_unstable();
            values.dedup();
            values.join(",")
        };
        let projection = match self {
            Self::Athena => format!(
                "TBLPROPERTIES (
--   'projection.enabled' = 'true',
--   'projection.account.type' = 'enum', 'projection.account.values' = '{}',
--   'projection.region.type' = 'enum', 'projection.region.values' = '{}',
--   'projection.month.type' = 'enum', 'projection.month.values' = '{}')",
                values("account"),
                values("region"),
                values("month")
            ),
            _ => "-- then: CALL system.sync_partition_metadata(schema, table, 'ADD')".to_owned(),
        };
        format!(
            "-- Once, and again when there are new accounts, regions or months:
-- CREATE EXTERNAL TABLE {TABLE} (
--   kind string, cluster string, name string, run_id string, metric string, period_s int, at_ms bigint, sample_s int,
--   `max` double, `sum` double, `count` double, source string)
-- PARTITIONED BY (account string, region string, month string)
-- STORED AS PARQUET LOCATION '{root}/samples/'
-- {projection}
"
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demand::histogram::bucket;

    /// What Trino documents: how many of `bins`, ascending, are not above `operand`.
    fn width_bucket(operand: f64, bins: &[f64]) -> usize {
        assert!(bins.is_sorted() && bins.iter().all(|bin| bin.is_finite()));
        bins.iter().filter(|bin| **bin <= operand).count()
    }

    #[test]
    fn trino_counts_the_edges_below_a_value_and_not_those_that_it_is_on() {
        let text = Engine::Trino.bucket("value");
        let text = text
            .strip_prefix("512 - width_bucket(-value, ARRAY[")
            .unwrap();
        let bins: Vec<f64> = text
            .strip_suffix("])")
            .unwrap()
            .split(", ")
            .map(|edge| edge.parse().unwrap())
            .collect();
        let near = |edge: &f64| [edge.next_down(), *edge, edge.next_up()];
        let odd = [0.0, 5e-324, f64::MIN_POSITIVE, 99.0, 1e12, f64::MAX];
        for value in EDGES.iter().flat_map(near).chain(odd) {
            let counted = 512 - width_bucket(-value, &bins);
            assert_eq!(counted, usize::from(bucket(value)), "{value:e}");
        }
    }

    #[test]
    fn an_account_is_text_with_all_its_zeros_in_every_engine() {
        let parts =
            ["samples/account=012345678901/region=r/month=2026-10/a_b_c.parquet".to_owned()];
        let input = Input {
            root: "s3://bucket/ds",
            parts: &parts,
        };
        let of = |engine| statement(engine, input);
        assert!(of(Engine::Duckdb).contains("'account': VARCHAR"));
        assert!(of(Engine::Spark).contains("lpad(CAST(account AS STRING), 12, '0') AS account"));
        for engine in [Engine::Athena, Engine::Trino] {
            assert!(of(engine).contains("PARTITIONED BY (account string"));
        }
        // What Athena takes is limited to 262,144 bytes.
        assert!(of(Engine::Athena).len() < 40_000);
    }
}
