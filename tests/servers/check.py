"""Compares what plimsoll collected and reported with what `seed.py` wrote down.

    check.py SEEDED collect TIME                         arguments for a collection of what was seeded
    check.py SEEDED dataset SERVER TIME LOCATION [S3]    every row, run and scope-day of a dataset
    check.py SEEDED period                               arguments for a report on the days with metrics
    check.py SEEDED report FILE                          the amounts of a report on MiniStack's dataset
    check.py SEEDED secrets FOLDER                       that nothing secret was written anywhere

TIME is `now`, or `later`: an hour on, into the same dataset.

Reads Parquet with Arrow, not with plimsoll's own engine, and checks each part against the hash in its name.
"""

import hashlib
import io
import json
import re
import sys
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import boto3
import pyarrow.parquet as parquet

SAMPLE = ["kind", "cluster", "name", "run_id", "metric", "period_s", "at_ms", "max", "sum", "count"]


def parts(location, s3_url=None):
    """Relative name → bytes of every file below a folder or an S3 prefix."""
    if not location.startswith("s3://"):
        root = Path(location)
        return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}
    bucket, prefix = location.removeprefix("s3://").split("/", 1)
    s3 = boto3.Session("111122223333", "key", region_name="eu-west-1").client("s3", endpoint_url=s3_url)
    keys = [o["Key"] for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket) for o in page["Contents"]]
    inside = [key for key in keys if key.startswith(prefix + "/")]
    return {key[len(prefix) + 1 :]: s3.get_object(Bucket=bucket, Key=key)["Body"].read() for key in inside}


def rows(name, content):
    """The rows of one part, each with the account and region of its path; its name must tell its hash."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    assert name.endswith(f"_{digest}.parquet"), f"{name} holds {digest}"
    path = dict(step.split("=", 1) for step in name.split("/") if "=" in step)
    table = parquet.read_table(io.BytesIO(content))
    return [{"account": path["account"], "region": path["region"], **row} for row in table.to_pylist()]


class Dataset:
    """The rows that count: those of parts that the newest commits name."""

    def __init__(self, files):
        newest = {}
        for name, content in files.items():
            for row in rows(name, content) if name.startswith("coverage/") else []:
                key = tuple(row[column] for column in ("account", "region", "scope", "source", "day"))
                newest[key] = max(row, newest.get(key, row), key=lambda row: row["collected_ms"])
        self.coverage = list(newest.values())
        self.names = {part for row in self.coverage for part in row["parts"].split(";") if part}
        self.tables = {}
        for name in sorted(self.names):
            self.tables.setdefault(name.split("/")[0], []).extend(rows(name, files[name]))

    def __getitem__(self, table):
        return self.tables.get(table, [])


def same(what, wanted, found, collections=1):
    """Both hold the same rows, and each at most once for each collection: equal rows of several are one."""
    wanted, found = Counter(wanted), Counter(found)
    found = Counter({row: -(-times // collections) for row, times in found.items()})
    if wanted != found:
        for sign, rest in (("missing", wanted - found), ("too many", found - wanted)):
            for row, times in sorted(rest.items(), key=repr)[:10]:
                print(f"  {sign}, {times} times: {row}", file=sys.stderr)
        sys.exit(f"{what}: {(wanted - found).total()} missing, {(found - wanted).total()} too many")
    return wanted.total()


def verdict(row):
    """A row of the coverage table as `seed.py` writes it: `collect:ecs:<time>` is of the source `ecs`."""
    blamed = re.search(r"[a-z]+:[A-Z]\w+", row["reason"] or "")
    source = row["source"].split(":")[1]
    return (row["account"], row["scope"], source, row["day"], row["state"], blamed and blamed[0], row["collected_ms"])


def check_dataset(seeded, server, time, location, s3_url=None):
    dataset, wanted, times = Dataset(parts(location, s3_url)), seeded[server], seeded["times"]
    # The last quarter of an hour is left for the next collection.
    settled_ms = times[time] - 15 * 60_000
    collections = [at_ms for at_ms in times.values() if at_ms <= times[time]]
    samples = same(
        "samples",
        (tuple(row) for row in wanted["samples"] if row[SAMPLE.index("at_ms")] < settled_ms),
        (tuple(row[column] for column in SAMPLE) for row in dataset["samples"]),
    )
    # Of several versions of a run the newest counts.
    newest = {}
    for run in sorted(dataset["runs"], key=lambda run: run["version"]):
        newest[run["account"], run["run_id"]] = run
    runs = same("runs", *columns(wanted["runs"], newest.values()))
    configurations = same("workloads", *columns(wanted["workloads"], dataset["workloads"]), len(collections))

    def taken(row):
        """Each collection leaves a snapshot of its own; a complete day is not fetched again."""
        return collections if row[2] == "ecs" else collections[:1] if row[4] == "complete" else collections[-1:]

    days = same(
        "coverage",
        ((*row, at_ms) for row in wanted["coverage"] for at_ms in taken(row)),
        map(verdict, dataset.coverage),
    )
    where = "on S3" if s3_url else "in a folder"
    counts = f"{samples} samples, {runs} runs, {configurations} configurations, {days} scope-days"
    print(f"{server}: {counts} as seeded, {where}")


def columns(wanted, found):
    """Both, reduced to the columns that are wanted."""
    names = sorted(wanted[0]) if wanted else ["account"]
    return ([tuple(row[name] for name in names) for row in rows] for rows in (wanted, found))


def check_report(seeded, report):
    found = {workload["name"]: workload["current"] for workload in report["workloads"]}
    for name, wanted in seeded["report"].items():
        metered = found[name]["metered"]
        assert (metered["unit"], metered["amount"]) == ("second", wanted["seconds"]), f"{name}: {metered}, not {wanted}"
        usd, due = found[name]["cost_usd"], wanted.get("usd", found[name]["cost_usd"])
        assert usd == due or abs(usd - due) < 1e-6, f"{name}: {usd} USD, not {due}"
    print(f"report: seconds and USD of {', '.join(seeded['report'])} as AWS would bill them")


def check_secrets(folder):
    """No text that was planted as a secret is in any output, log or column."""
    leaks = set()
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            found = any("CANARY" in str(row) for row in parquet.read_table(path).to_pylist())
        else:
            own = path.suffix in (".out", ".log") and path.stem not in ("ministack", "moto")
            found = own and b"CANARY" in path.read_bytes()
        if found:
            leaks.add(path.name)
    assert not leaks, f"secrets in {leaks}"
    print("secrets: none in any column, output or log")


def main():
    file, verb, *arguments = sys.argv[1:]
    seeded = json.loads(Path(file).read_text(encoding="utf-8"))
    match verb, arguments:
        case "collect", [time]:
            now = datetime.fromtimestamp(seeded["times"][time] / 1000, timezone.utc)
            print("--now", now.isoformat(), "--from", seeded["days"][0], sep="\n")
        case "period", []:
            print("--from", seeded["days"][1], "--to", seeded["days"][4], sep="\n")
        case "dataset", [server, time, location, *s3_url]:
            check_dataset(seeded, server, time, location, *s3_url)
        case "report", [report]:
            check_report(seeded, json.loads(Path(report).read_text(encoding="utf-8")))
        case "secrets", [folder]:
            check_secrets(Path(folder))


main()
