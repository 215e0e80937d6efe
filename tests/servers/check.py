"""Compares what plimsoll collected and reported with what `seed.py` wrote down.

    check.py SEEDED collect TIME                         arguments for a collection of what was seeded
    check.py SEEDED dataset SERVER TIME LOCATION [S3]    every row, run and scope-day of a dataset
    check.py SEEDED period                               arguments for a report on the days with metrics
    check.py SEEDED report FILE                          the amounts of a report on MiniStack's dataset
    check.py SEEDED secrets FOLDER                       that nothing secret was written anywhere

TIME is `now`, or `later`: an hour on, into the same dataset. A collection at `soon`, between the two, adds nothing.

Reads Parquet with Arrow, not with plimsoll's own engine, and checks each part against the hash in its name.
"""

import hashlib
import json
import re
import sys
from collections import Counter
from datetime import datetime, timezone
from pathlib import Path

import boto3
from pyarrow import BufferReader
from pyarrow.parquet import ParquetFile

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


def read(content):
    """The rows of a Parquet file. Without threads: Arrow's abort one run in ten at its end (apache/arrow#34314)."""
    return ParquetFile(BufferReader(content), pre_buffer=False).read(use_threads=False).to_pylist()


def rows(name, content):
    """The rows of one part, each with the account and region of its path; its name must tell its hash, and it its folder."""
    digest = hashlib.sha256(content).hexdigest()[:16]
    assert name.endswith(f"_{digest}.parquet"), f"{name} holds {digest}"
    place = ParquetFile(BufferReader(content)).metadata.metadata[b"plimsoll.place"].decode()
    assert name.startswith(f"{place}/"), f"{name} says that it belongs into {place}"
    path = dict(step.split("=", 1) for step in name.split("/") if "=" in step)
    return [{"account": path["account"], "region": path["region"], **row} for row in read(content)]


class Dataset:
    """The rows that count: those of parts that the newest commits name."""

    def __init__(self, files):
        newest = {}
        for name, content in files.items():
            for row in rows(name, content) if name.startswith("coverage/") else []:
                key = tuple(row[column] for column in ("account", "region", "scope", "source", "day"))
                newest[key] = max(row, newest.get(key, row), key=lambda row: (row["state"] != "planned", row["collected_ms"]))
        self.coverage = list(newest.values())
        commits = sorted(self.coverage, key=lambda row: row["collected_ms"])
        collected_ms = {part: row["collected_ms"] for row in commits for part in row["parts"].split(";") if part}
        self.tables = {}
        for name, at_ms in sorted(collected_ms.items()):
            told = [{**row, "collected_ms": at_ms} for row in rows(name, files[name])]
            self.tables.setdefault(name.split("/")[0], []).extend(told)

    def __getitem__(self, table):
        return self.tables.get(table, [])


def same(what, wanted, found, copies=1):
    """Both hold the same rows; up to so many `copies` of what is found are one."""
    wanted, found = Counter(wanted), Counter(found)
    found = Counter({row: -(-times // copies) for row, times in found.items()})
    if wanted != found:
        for sign, rest in (("missing", wanted - found), ("too many", found - wanted)):
            for row, times in sorted(rest.items(), key=repr)[:10]:
                print(f"  {sign}, {times} times: {row}", file=sys.stderr)
        sys.exit(f"{what}: {(wanted - found).total()} missing, {(found - wanted).total()} too many")
    return wanted.total()


def as_seeded(row):
    """A row of the coverage table as `seed.py` writes it."""
    blamed = re.search(r"[a-z]+:[A-Z]\w+", row["reason"] or "")
    collected = datetime.fromtimestamp(row["collected_ms"] / 1000, timezone.utc)
    source = row["source"].removeprefix("collect:").removesuffix(f":{collected:%Y-%m-%dT%H:%M:%SZ}")
    return (row["account"], row["scope"], source, row["day"], row["state"], blamed and blamed[0], row["collected_ms"])


def check_dataset(seeded, server, time, location, s3_url=None):
    dataset, wanted, times = Dataset(parts(location, s3_url)), seeded[server], seeded["times"]
    # The last quarter of an hour is left for the next collection.
    settled_ms = times[time] - 15 * 60_000
    collections = [times[name] for name in ("now", "later") if times[name] <= times[time]]
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
    # What never changes is asked for once. Only the snapshot of a cluster and the histories of its services, which are
    # taken side by side, may each tell the same definition. Projects are looked at each time.
    configurations = 0
    for kind, copies, at_ms in (("service", 1, collections[0]), ("task", 2, collections[0]), ("build", 1, collections[-1])):
        told = [{**row, "collected_ms": at_ms} for row in wanted["workloads"] if row["kind"] == kind]
        found = [row for row in dataset["workloads"] if row["kind"] == kind]
        configurations += same(f"workloads, {kind}", *columns(told, found), copies)

    def taken(row):
        """Each collection leaves a snapshot of its own; of all else, only days that were not over are fetched again."""
        is_again = row[4] == "partial" or row[2] == "projects"
        return collections if row[2] == "ecs" else collections[-1:] if is_again else collections[:1]

    # The price book in use is kept once a day.
    books = [row for row in dataset.coverage if row["source"].startswith("collect:prices:")]
    accounts = Counter(row["account"] for row in books)
    assert accounts == Counter({row[0] for row in wanted["coverage"]}), f"price books: {books}"
    # What was planned before anything was known is taken back when it is.
    clusters = [row for row in dataset.coverage if row["source"].startswith("collect:clusters")]
    assert {row["state"] for row in clusters} == {"snapshot"}, f"clusters: {clusters}"
    days = same(
        "coverage",
        ((*row, at_ms) for row in wanted["coverage"] for at_ms in taken(row)),
        (as_seeded(row) for row in dataset.coverage if row not in books and row not in clusters),
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
        usd = (found[name]["measured_cost"] or {}).get("usd")
        due = wanted.get("usd", usd)
        assert usd == due or abs(usd - due) < 1e-6, f"{name}: {usd} USD, not {due}"
    print(f"report: seconds and USD of {', '.join(seeded['report'])} as AWS would bill them")


def check_secrets(folder):
    """No text that was planted as a secret is in any output, log or column."""
    leaks = set()
    for path in folder.rglob("*"):
        if path.suffix == ".parquet":
            found = any("CANARY" in str(row) for row in read(path.read_bytes()))
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
