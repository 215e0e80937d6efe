"""The table of days made by plimsoll and by other engines with the statement that it prints: the same rows, bit for bit.

same_rows.py BINARY SAMPLE [FILES...]
"""

import json
import math
import os
import random
import subprocess
import sys
import tempfile
import time

import duckdb
import pyspark.sql

COLUMNS = ["account", "region", "kind", "cluster", "name", "metric", "source", "day", "bucket", "slot", "run_id",
           "weight_ms", "sum_ms", "max", "samples", "period_s", "peak", "first_ms", "last_ms"]
# 2026-09-29, so that the records are of two months.
START_MS = 1_790_640_000_000


def run(*arguments):
    done = subprocess.run(arguments, capture_output=True)
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


def hard_values():
    """Every edge and both its neighbours, zeros, the smallest and the largest that an import takes, and many more."""
    some = random.Random(1876)
    values = [value for edge in edges() for value in (math.nextafter(edge, 0), edge, math.nextafter(edge, math.inf))]
    values += [0.0, 5e-324, 1e-310, 2.2250738585072014e-308, 1e-17, 99.0, 100.0, 7e7, 1e9, 123456789012.345]
    values += [round(some.uniform(0, 120), 3) for _ in range(5_000)] + [10 ** some.uniform(-5, 9) for _ in range(5_000)]
    return values


def write_records(path):
    """Metric Stream records of several accounts, one of which begins with a zero, over four days of two months."""
    with open(path, "w") as out:
        for number, value in enumerate(hard_values()):
            service, minute = number % 7, number // 7 * 3
            # Percent has an end; what is in units, MiB or bytes has none.
            units = (number // 7 + service) % 2 == 0 or value > 10_000
            namespace = "ECS/ContainerInsights" if units else "AWS/ECS"
            names = [["CPUUtilization", "MemoryUtilization"], ["CpuUtilized", "MemoryUtilized"]][units]
            record = {
                "metric_stream_name": "s", "account_id": ["012345678901", "123456789012"][service % 2],
                "region": "eu-central-1", "namespace": namespace, "metric_name": names[service % 3 == 0],
                "dimensions": {"ClusterName": "prod's", "ServiceName": f"service-{service}"},
                "timestamp": START_MS + 60_000 * minute,
                "value": {"max": value, "min": 0.0, "sum": value * 2 / 3, "count": 1.0 + minute % 5}, "unit": "None" if units else "Percent",
            }
            out.write(json.dumps(record) + "\n")


def exact(row):
    """A row of which equal means equal bits."""
    return tuple(value.hex() if isinstance(value, float) else value for value in row)


def ordered(rows):
    return sorted((exact(row) for row in rows), key=lambda row: [(value is not None, str(value)) for value in row])


def in_duckdb(statement, made):
    connection = duckdb.connect()
    connection.execute(f"CREATE TABLE made AS {statement}")
    connection.execute(f"COPY made TO '{made}' (FORMAT parquet)")
    return connection.execute(f"SELECT {','.join(COLUMNS)} FROM made").fetchall()


def in_spark(statement, made):
    session = pyspark.sql.SparkSession.builder.master("local[2]").config("spark.ui.enabled", "false")
    session = session.config("spark.ui.showConsoleProgress", "false")
    session = session.config("spark.sql.shuffle.partitions", "2").config("spark.log.level", "ERROR").getOrCreate()
    session.sql(statement).coalesce(1).write.parquet(made)
    return [tuple(row) for row in session.read.parquet(made).select(COLUMNS).collect()]


def ours(path):
    return duckdb.execute(f"SELECT {','.join(COLUMNS)} FROM read_parquet('{path}')").fetchall()


def check(binary, name, files, folder):
    """Imports `files` and holds what each engine makes of them against what plimsoll makes."""
    dataset, table = os.path.join(folder, name), os.path.join(folder, f"{name}.parquet")
    run(binary, "-q", "import", *files, "--dataset", dataset)
    run(binary, "-q", "demand", "--dataset", dataset, "-o", table)
    wanted = ordered(ours(table))
    report = run(binary, "-q", "report", "--dataset", dataset, "--format", "json")
    for engine, made_in in [("duckdb", in_duckdb), ("spark", in_spark)]:
        start = time.monotonic()
        statement = run(binary, "-q", "demand", "--dataset", dataset, "--emit-sql", engine)
        made = os.path.join(folder, f"{name}-{engine}")
        found = ordered(made_in(statement, made))
        if found != wanted:
            differing = [pair for pair in zip(found, wanted) if pair[0] != pair[1]][:3]
            sys.exit(f"{name}: {len(found)} rows in {engine}, {len(wanted)} of ours; first differences: {differing}")
        again = run(binary, "-q", "report", "--dataset", dataset, "--demand", made, "--format", "json")
        if again != report:
            sys.exit(f"{name}: the report on what {engine} made is another one")
        print(f"{name}: {len(found)} rows in {engine}, identical; the same report ({time.monotonic() - start:.0f} s)", flush=True)
    return wanted


def main(binary, sample, further):
    with tempfile.TemporaryDirectory() as folder:
        records = os.path.join(folder, "records.json")
        write_records(records)
        rows = check(binary, "sample", [sample], folder) + check(binary, "edges", [records], folder)
        for column in ["bucket", "slot", "run_id"]:
            if all(row[COLUMNS.index(column)] is None for row in rows):
                sys.exit(f"no row was of a {column}")
        if further:
            check(binary, "further", further, folder)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
