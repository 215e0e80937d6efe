"""Where the time of a report goes as a fleet grows: seconds and rows of every stage, for more and more services.

benches/growth.py BINARY [SERVICES...]       (default 100 1000 10000)

Writes metric streams and service descriptions from a seed, imports them, reports twice and prints the stages of the second
report, which reads no sample again. Environment: PLIMSOLL_BENCH_DAYS (default 8), PLIMSOLL_BENCH_STEP_S (default 3600).
Needs nothing but Python.
"""

import json
import math
import os
import random
import re
import subprocess
import sys
import tempfile
import time

DAYS, STEP_S = (int(os.environ.get(f"PLIMSOLL_BENCH_{name}", default)) for name, default in [("DAYS", 8), ("STEP_S", 3600)])
# 2026-10-01T00:00:00Z.
START_MS = 1_790_812_800_000
ARN = "arn:aws:ecs:us-east-1:123456789012"
SIZES = [(256, 512), (512, 1024), (1024, 2048), (2048, 4096), (4096, 8192)]


def describe(folder, services):
    """What `aws ecs describe-services` and `describe-task-definition` print."""
    chance = random.Random(1876)
    described, definitions = [], []
    for number in range(services):
        name, (cpu, memory) = f"service-{number:05}", chance.choice(SIZES)
        definition = f"{ARN}:task-definition/{name}:1"
        described.append({
            "serviceArn": f"{ARN}:service/prod/{name}", "serviceName": name, "clusterArn": f"{ARN}:cluster/prod",
            "status": "ACTIVE", "desiredCount": 2, "runningCount": 2, "pendingCount": 0, "launchType": "FARGATE",
            "platformVersion": "LATEST", "platformFamily": "Linux", "taskDefinition": definition,
            "createdAt": "2026-06-01T00:00:00.000Z"})
        definitions.append({"taskDefinition": {
            "taskDefinitionArn": definition, "family": name, "revision": 1, "cpu": str(cpu), "memory": str(memory),
            "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc",
            "runtimePlatform": {"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
            "containerDefinitions": [{"name": "app", "image": "app:1", "essential": True}]}})
    for name, content in [("services", {"services": described, "failures": []}), ("definitions", definitions)]:
        with open(os.path.join(folder, f"{name}.json"), "w") as out:
            json.dump(content, out)


def measure(folder, services):
    """Metric stream records of two tasks per service, which follow the day."""
    chance = random.Random(7)
    with open(os.path.join(folder, "metrics.json"), "w") as out:
        for number in range(services):
            levels = {"CPUUtilization": chance.uniform(5, 45), "MemoryUtilization": chance.uniform(20, 60)}
            head = ('{"metric_stream_name":"s","account_id":"123456789012","region":"us-east-1","namespace":"AWS/ECS",'
                    f'"dimensions":{{"ClusterName":"prod","ServiceName":"service-{number:05}"}},"unit":"Percent"')
            for at_s in range(0, DAYS * 86_400, STEP_S):
                wave = 1 + 0.5 * math.sin(at_s / 86_400 * math.tau)
                for metric, level in levels.items():
                    value = round(level * wave * chance.uniform(0.9, 1.1), 3)
                    out.write(f'{head},"metric_name":"{metric}","timestamp":{START_MS + at_s * 1000},"value":'
                              f'{{"max":{value},"min":0.0,"sum":{2 * value},"count":2.0}}}}\n')


def run(*arguments):
    start = time.monotonic()
    done = subprocess.run(arguments, capture_output=True, text=True, env={"PATH": os.environ["PATH"], "NO_COLOR": "1"})
    if done.returncode != 0:
        sys.exit(f"{' '.join(arguments)}: {done.returncode}\n{done.stderr}")
    return time.monotonic() - start, done.stderr


def main(binary, sizes):
    for services in sizes:
        with tempfile.TemporaryDirectory() as folder:
            describe(folder, services)
            measure(folder, services)
            dataset, page = os.path.join(folder, "dataset"), os.path.join(folder, "report.json")
            imported, _ = run(binary, "-q", "import", folder, "--dataset", dataset)
            report = (binary, "-vv", "report", "--dataset", dataset, "--format", "json", "-o", page)
            first, _ = run(*report)
            second, said = run(*report)
            print(f"{services} services: import {imported:.2f} s, report {first:.2f} s, again {second:.2f} s", flush=True)
            for stage, busy in re.findall(r"DEBUG (.*): close time.busy=(\S+)", said):
                print(f"  {busy:>10}  {stage}", flush=True)


main(sys.argv[1], [int(size) for size in sys.argv[2:]] or [100, 1_000, 10_000])
