"""The table of days made by plimsoll and by other engines with the statement that it prints: the same rows, bit for bit.

same_rows.py BINARY SAMPLE ENGINE...
"""

import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import time

COLUMNS = ["account", "region", "kind", "cluster", "name", "metric", "source", "day", "bucket", "slot", "run_id",
           "weight_ms", "sum_ms", "max", "samples", "period_s", "peak", "first_ms", "last_ms"]


def run(*arguments):
    scrubbed = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "PLIMSOLL_"))}
    done = subprocess.run(arguments, capture_output=True, env=scrubbed)
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: {done.returncode}\n{done.stderr.decode()}")
    return done.stdout.decode()


def edges():
    """The edges of the buckets, as README gives them."""
    edge, all_edges = 0.00098846, []
    for _ in range(512):
        all_edges.append(edge)
        edge *= 1.05
    return all_edges


def neighbours(value):
    bits = struct.unpack("<q", struct.pack("<d", value))[0]
    return [struct.unpack("<d", struct.pack("<q", bits + step))[0] for step in (-1, 0, 1)]


def hard_values():
    """Every edge and both its neighbours, zeros, the smallest, the largest, and many more."""
    some = random.Random(1876)
    values = [value for edge in edges() for value in neighbours(edge)]
    values += [0.0, 5e-324, 2.2250738585072014e-308, 1e12, 7e7, 99.0, 100.0]
    return values + [round(some.uniform(0, 120), 3) for _ in range(5_000)] + [10 ** some.uniform(-5, 9) for _ in range(5_000)]


def write_records(path):
    """Metric Stream records of several accounts, one of which begins with zeros."""
    with open(path, "w") as out:
        for number, value in enumerate(hard_values()):
            service, minute = number % 7, number // 7
            record = {
                "metric_stream_name": "s", "account_id": ["012345678901", "123456789012"][service % 2],
                "region": "eu-central-1", "namespace": "AWS/ECS",
                "metric_name": ["CPUUtilization", "MemoryUtilization"][service % 3 == 0],
                "dimensions": {"ClusterName": "prod", "ServiceName": f"service-{service}"},
                "timestamp": 1_790_812_800_000 + 60_000 * minute,
                "value": {"max": value, "min": 0.0, "sum": value * 2 / 3, "count": 1.0 + minute % 3}, "unit": "Percent",
            }
            out.write(json.dumps(record) + "\n")


def exact(row):
    """A row of which equal means equal bits."""
    return tuple(value.hex() if isinstance(value, float) else value for value in row)


def ordered(rows):
    return sorted((exact(row) for row in rows), key=lambda row: [(value is not None, str(value)) for value in row])


def in_duckdb(statement, made):
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE made AS {statement}")
    connection.execute(f"COPY made TO '{made}' (FORMAT parquet)")
    return connection.execute(f"SELECT {','.join(COLUMNS)} FROM made").fetchall()


def in_spark(statement, made):
    import pyspark.sql

    session = pyspark.sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = session.config("spark.sql.shuffle.partitions", "2").config("spark.log.level", "ERROR").getOrCreate()
    table = session.sql(statement)
    table.coalesce(1).write.parquet(made)
    return [tuple(row) for row in session.read.parquet(made).select(COLUMNS).collect()]


def ours(path):
    import duckdb

    return duckdb.connect().execute(f"SELECT {','.join(COLUMNS)} FROM read_parquet('{path}')").fetchall()


def main(binary, sample, engines):
    runners = {"duckdb": in_duckdb, "spark": in_spark}
    with tempfile.TemporaryDirectory() as folder:
        records = os.path.join(folder, "records.json")
        write_records(records)
        for name, source in [("sample", sample), ("edges", records)]:
            dataset = os.path.join(folder, name)
            run(binary, "-q", "import", source, "--dataset", dataset)
            table = os.path.join(folder, f"{name}.parquet")
            run(binary, "-q", "demand", "--dataset", dataset, "-o", table)
            wanted = ordered(ours(table))
            report = run(binary, "-q", "report", "--dataset", dataset, "--format", "json")
            for engine in engines:
                start = time.monotonic()
                statement = run(binary, "-q", "demand", "--dataset", dataset, "--emit-sql", engine)
                made = os.path.join(folder, f"{name}-{engine}")
                found = ordered(runners[engine](statement, made))
                if found != wanted:
                    differing = [pair for pair in zip(found, wanted) if pair[0] != pair[1]][:3]
                    sys.exit(f"{name}: {len(found)} rows in {engine}, {len(wanted)} of ours; first differences: {differing}")
                again = run(binary, "-q", "report", "--dataset", dataset, "--demand", made, "--format", "json")
                if again != report:
                    sys.exit(f"{name}: the report on what {engine} made is another one")
                print(f"{name}: {len(found)} rows in {engine}, identical; the same report ({time.monotonic() - start:.0f} s)")


main(sys.argv[1], sys.argv[2], sys.argv[3:])
