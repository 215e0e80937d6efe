"""Seeds MiniStack and moto, and writes down what a collection must find there.

    seed.py MINISTACK-URL MOTO-URL OUT.json

Everything expected comes from here: from values chosen below, or from what boto3 reads back.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone

import boto3

REGION = "eu-west-1"
ACCOUNT = "111122223333"
DAY_MS, MINUTE_MS = 86_400_000, 60_000

# The clock that plimsoll is told runs four days ahead: log groups are born now, and a day is whole only from the
# next midnight on. Neither server minds events of the days to come; AWS would refuse them. Midnight had better not
# come while seeding.
while (left_s := 86_400 - time.time() % 86_400) < 120:
    time.sleep(left_s)
FIRST = datetime.now(timezone.utc).replace(hour=0, minute=0, second=0, microsecond=0)
NOW = FIRST + timedelta(days=4, hours=12)
FIRST_MS, NOW_MS = (round(time.timestamp() * 1000) for time in (FIRST, NOW))
DAYS = [(FIRST + timedelta(days=day)).date().isoformat() for day in range(5)]


def clients(url, key, secret="CANARY-key", token=None):
    """A function that makes clients of one account."""
    session = boto3.Session(key, secret, token, REGION)
    return lambda service: session.client(service, endpoint_url=url)


def ms(time):
    return None if time is None else round(time.timestamp() * 1000)


def iso(at_ms):
    return datetime.fromtimestamp(at_ms / 1000, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def row(table, account, kind, cluster, name, **told):
    """A row as `check.py` compares it; what is not told is null."""
    columns = {
        "runs": "run_id task_definition created_ms pull_started_ms started_ms stopped_ms stop_code launch_type"
        " capacity_provider cpu_units memory_mib",
        "workloads": "from_ms task_definition launch_type capacity_provider cpu_units memory_mib",
    }
    key = {"account": account, "kind": kind, "cluster": cluster, "name": name}
    return key | dict.fromkeys(columns[table].split()) | ({"out_of_memory": False} if table == "runs" else {}) | told


# ---- ECS ----------------------------------------------------------------------------------------------------------

TASK_SIZES = {"gate": ("512", "1024"), "crane": ("1024", "4096"), "tug": ("256", "512")}
TUGS = 108


def seed_task_definition(ecs, family):
    cpu, memory = TASK_SIZES[family]
    secret = [{"name": "TOKEN", "value": "CANARY-environment"}]
    ecs.register_task_definition(
        family=family,
        cpu=cpu,
        memory=memory,
        networkMode="awsvpc",
        requiresCompatibilities=["FARGATE"],
        containerDefinitions=[{"name": "app", "image": "app", "environment": secret, "command": ["CANARY-command"]}],
        runtimePlatform={"cpuArchitecture": "X86_64", "operatingSystemFamily": "LINUX"},
    )


def seed_ecs(ecs):
    """Two clusters, one of them empty; two services; a family of which more tasks run than a page holds, and two ran."""
    insights = [{"name": "containerInsights", "value": "enhanced"}]
    ecs.create_cluster(clusterName="harbour", settings=insights)
    ecs.create_cluster(clusterName="slipway")
    for family in TASK_SIZES:
        seed_task_definition(ecs, family)
    network = {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}
    within = {"cluster": "harbour", "networkConfiguration": network}
    ecs.create_service(serviceName="gate", taskDefinition="gate:1", desiredCount=2, launchType="FARGATE", **within)
    spot = {"capacityProviderStrategy": [{"capacityProvider": "FARGATE_SPOT", "weight": 1}]}
    ecs.create_service(serviceName="crane", taskDefinition="crane:1", desiredCount=1, **spot, **within)
    secret = {"containerOverrides": [{"name": "app", "environment": [{"name": "A", "value": "CANARY-override"}]}]}
    tug = {"taskDefinition": "tug", "launchType": "FARGATE", "overrides": secret, **within}
    # Ten is the most that AWS starts in one call.
    tasks = sum((ecs.run_task(count=10, **tug)["tasks"] for _ in range(11)), [])
    for task in tasks[TUGS:]:
        ecs.stop_task(cluster="harbour", task=task["taskArn"], reason="CANARY-reason")


def described(ecs, cluster):
    """The tasks that `ecs` has now, running and stopped."""
    pages = ecs.get_paginator("list_tasks")
    for status in ("RUNNING", "STOPPED"):
        for page in pages.paginate(cluster=cluster, desiredStatus=status):
            if page["taskArns"]:
                yield from ecs.describe_tasks(cluster=cluster, tasks=page["taskArns"])["tasks"]


def task_rows(ecs, account, cluster):
    for task in described(ecs, cluster):
        group = task.get("group", "")
        definition = task["taskDefinitionArn"].rsplit("/", 1)[1]
        of = ("service", group.removeprefix("service:")) if group.startswith("service:") else ("task", definition.split(":")[0])
        yield row(
            "runs",
            account,
            of[0],
            cluster,
            of[1],
            run_id=task["taskArn"].rsplit("/", 1)[1],
            task_definition=definition,
            created_ms=ms(task["createdAt"]),
            pull_started_ms=ms(task["pullStartedAt"]),
            started_ms=ms(task["startedAt"]),
            stopped_ms=ms(task.get("stoppedAt")),
            # MiniStack has an empty one for tasks that run.
            stop_code=task["stopCode"] or None,
            launch_type="FARGATE",
            capacity_provider=task.get("capacityProviderName"),
            cpu_units=int(task["cpu"]),
            memory_mib=int(task["memory"]),
        )


def workload_rows(ecs, account, cluster):
    """Of services, and of the task definitions that they or their tasks name.

    Neither server has a history of a service: MiniStack lists no service deployments, moto does not know the word.
    """
    definitions = {task["taskDefinitionArn"] for task in described(ecs, cluster)}
    arns = ecs.list_services(cluster=cluster)["serviceArns"]
    for service in ecs.describe_services(cluster=cluster, services=arns)["services"] if arns else []:
        [deployment] = service["deployments"]
        [provider] = [item["capacityProvider"] for item in deployment.get("capacityProviderStrategy", [])] or [None]
        definitions.add(deployment["taskDefinition"])
        yield row(
            "workloads",
            account,
            "service",
            cluster,
            service["serviceName"],
            from_ms=ms(deployment["createdAt"]),
            task_definition=deployment["taskDefinition"].rsplit("/", 1)[1],
            launch_type="FARGATE",
            capacity_provider=provider,
        )
    for arn in definitions:
        definition = ecs.describe_task_definition(taskDefinition=arn)["taskDefinition"]
        name = f"{definition['family']}:{definition['revision']}"
        size = {"cpu_units": int(definition["cpu"]), "memory_mib": int(definition["memory"])}
        # A revision never changes, and belongs to no cluster.
        yield row("workloads", account, "task", "", definition["family"], from_ms=0, task_definition=name, **size)


# ---- CloudWatch ---------------------------------------------------------------------------------------------------

# Namespace, metric, dimension beside the cluster and its value; how plimsoll names the series; tasks; and what the
# busiest of them shows in the n-th minute: binary fractions, so that sums are exact. `gate` is a family, too, of which
# Container Insights has metrics; as it belongs to a service it must not be counted a second time.
SERIES = [
    ("AWS/ECS", "CPUUtilization", "ServiceName", "gate", "service", "cpu_percent", 2, lambda n: 20 + n % 37 + 0.5),
    ("AWS/ECS", "MemoryUtilization", "ServiceName", "gate", "service", "memory_percent", 2, lambda n: 40 + n % 11 + 0.25),
    ("AWS/ECS", "CPUUtilization", "ServiceName", "crane", "service", "cpu_percent", 1, lambda n: 3 + n % 5 + 0.125),
    ("AWS/ECS", "MemoryUtilization", "ServiceName", "crane", "service", "memory_percent", 1, lambda n: 70 + n % 3),
    ("ECS/ContainerInsights", "CpuUtilized", "TaskDefinitionFamily", "tug", "task", "cpu_units", TUGS, lambda n: 64 + n % 29),
    ("ECS/ContainerInsights", "MemoryUtilized", "TaskDefinitionFamily", "tug", "task", "memory_mib", TUGS, lambda n: 200 + n % 7),
    ("ECS/ContainerInsights", "CpuUtilized", "TaskDefinitionFamily", "gate", None, None, 2, lambda n: 100),
]


def seed_metrics(cloudwatch):
    """One point a minute of each series, from the second day until now."""
    samples = []
    for namespace, metric, dimension, value, kind, name, tasks, busiest in SERIES:
        dimensions = [{"Name": "ClusterName", "Value": "harbour"}, {"Name": dimension, "Value": value}]
        data = []
        for n, at_ms in enumerate(range(FIRST_MS + DAY_MS, NOW_MS, MINUTE_MS)):
            most = busiest(n)
            # The others do half of what the busiest does.
            total = most + (tasks - 1) * most / 2
            statistics = {"SampleCount": tasks, "Sum": total, "Minimum": most / 2, "Maximum": most}
            point = {"MetricName": metric, "Dimensions": dimensions, "StatisticValues": statistics}
            data.append({**point, "Timestamp": datetime.fromtimestamp(at_ms / 1000, timezone.utc)})
            if kind:
                samples.append([kind, "harbour", value, None, name, 60, at_ms, most, total, tasks])
        # AWS takes a thousand at once, and refuses namespaces of its own.
        for start in range(0, len(data), 1000):
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data[start : start + 1000])
    return samples


# ---- CloudWatch Logs ----------------------------------------------------------------------------------------------

# MiniStack takes every JSON filter pattern for "all of it", and cuts a page off at its limit without a token for the
# rest: the records below are few, and those that a pattern would leave out are of kinds that plimsoll does not use.


def put_log(logs, group, messages):
    """`messages` are (time, record)."""
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="records")
    messages = sorted(messages, key=lambda message: message[0])
    events = [{"timestamp": at_ms, "message": json.dumps(record)} for at_ms, record in messages]
    logs.put_log_events(logGroupName=group, logStreamName="records", logEvents=events)


def seed_task_logs(logs):
    """Two tasks of a family that only Container Insights saw, over half an hour each."""
    messages, runs, samples = [], [], []
    for number in range(2):
        run_id = f"barge-{number}"
        created_ms = FIRST_MS + 2 * DAY_MS + number * 60 * MINUTE_MS
        pull_started_ms, started_ms = created_ms + 1_234, created_ms + 7_890
        task = {"TaskId": run_id, "TaskDefinitionFamily": "barge", "TaskDefinitionRevision": "3", "ClusterName": "harbour"}
        times = {"CreatedAt": created_ms, "PullStartedAt": pull_started_ms, "StartedAt": started_ms}
        place = {"AccountID": ACCOUNT, "Region": REGION, "LaunchType": "FARGATE", "KnownStatus": "RUNNING"}
        for minute in range(1, 31):
            at_ms, cpu, memory = created_ms + minute * MINUTE_MS, 100.5 + minute, 300 + minute
            usage = {"CpuUtilized": cpu, "CpuReserved": 512.0, "MemoryUtilized": memory, "MemoryReserved": 1024}
            messages += [
                (at_ms, {"Version": "0", "Type": "Task", "Timestamp": at_ms, **task, **times, **place, **usage}),
                (at_ms, {"Version": "0", "Type": "Container", "Timestamp": at_ms, **task, "ContainerName": "app"}),
            ]
            for metric, value in (("cpu_units", cpu), ("memory_mib", memory)):
                samples.append(["task", "harbour", "barge", run_id, metric, 60, at_ms, value, value, 1])
        told = {"created_ms": created_ms, "pull_started_ms": pull_started_ms, "started_ms": started_ms}
        told |= {"launch_type": "FARGATE", "cpu_units": 512, "memory_mib": 1024, "task_definition": "barge:3"}
        runs.append(row("runs", ACCOUNT, "task", "harbour", "barge", run_id=run_id, **told))
    put_log(logs, "/aws/ecs/containerinsights/harbour/performance", messages)
    return runs, samples


def seed_task_events(logs):
    """Three lives of a family that only its events tell, the last one cut short for want of memory."""
    messages, runs = [], []
    arn = f"arn:aws:ecs:{REGION}:{ACCOUNT}"
    for number in range(3):
        run_id, is_killed = f"pilot-{number}", number == 2
        created_ms = FIRST_MS + 2 * DAY_MS + number * 10 * MINUTE_MS + 17
        pull_ms, started_ms, stopped_ms = created_ms + 2_500, created_ms + 9_001, created_ms + 400_003
        running = {
            "taskArn": f"{arn}:task/harbour/{run_id}",
            "clusterArn": f"{arn}:cluster/harbour",
            "taskDefinitionArn": f"{arn}:task-definition/pilot:7",
            "group": "family:pilot",
            "cpu": "2048",
            "memory": "4096",
            "launchType": "FARGATE",
            "createdAt": iso(created_ms),
            "pullStartedAt": iso(pull_ms),
            "startedAt": iso(started_ms),
            "updatedAt": iso(started_ms),
            "lastStatus": "RUNNING",
            "version": 3,
            "overrides": {"containerOverrides": [{"environment": [{"name": "A", "value": "CANARY-event"}]}]},
        }
        reason = {"reason": "OutOfMemoryError: Container killed due to memory usage"} if is_killed else {}
        stopped = {
            **running,
            "updatedAt": iso(stopped_ms),
            "stoppedAt": iso(stopped_ms),
            "stopCode": "EssentialContainerExited",
            "stoppedReason": "CANARY-stopped",
            "lastStatus": "STOPPED",
            "version": 6,
            "containers": [{"name": "app", "exitCode": 137 if is_killed else 0, **reason}],
        }
        for at_ms, detail in ((started_ms, running), (stopped_ms, stopped)):
            event = {"version": "0", "id": f"{run_id}-{at_ms}", "source": "aws.ecs", "account": ACCOUNT, "region": REGION}
            event |= {"detail-type": "ECS Task State Change", "time": iso(at_ms), "detail": detail}
            messages.append((at_ms, event))
        told = {"created_ms": created_ms, "pull_started_ms": pull_ms, "started_ms": started_ms, "stopped_ms": stopped_ms}
        told |= {"stop_code": "EssentialContainerExited", "out_of_memory": is_killed, "task_definition": "pilot:7"}
        told |= {"launch_type": "FARGATE", "cpu_units": 2048, "memory_mib": 4096}
        runs.append(row("runs", ACCOUNT, "task", "harbour", "pilot", run_id=run_id, **told))
    put_log(logs, "/aws/events/ecs/containerinsights/harbour/performance", messages)
    return runs


# ---- CodeBuild ----------------------------------------------------------------------------------------------------


def seed_builds(codebuild):
    """Two builds; MiniStack's are over in the second they began, in every phase."""
    environment = {
        "type": "LINUX_CONTAINER",
        "image": "aws/codebuild/standard:7.0",
        "computeType": "BUILD_GENERAL1_MEDIUM",
        "environmentVariables": [{"name": "TOKEN", "value": "CANARY-variable"}],
    }
    codebuild.create_project(
        name="hull",
        source={"type": "NO_SOURCE", "buildspec": "CANARY-buildspec"},
        artifacts={"type": "NO_ARTIFACTS"},
        environment=environment,
        serviceRole=f"arn:aws:iam::{ACCOUNT}:role/build",
    )
    ids = [codebuild.start_build(projectName="hull")["build"]["id"] for _ in range(2)]
    for build in codebuild.batch_get_builds(ids=ids)["builds"]:
        times = {"created_ms": ms(build["startTime"]), "stopped_ms": ms(build["endTime"])}
        told = {"run_id": build["id"], "stop_code": "SUCCEEDED", "launch_type": "CODEBUILD", **times}
        yield row("runs", ACCOUNT, "build", "", "hull", **told)


def project_rows(codebuild):
    for project in codebuild.batch_get_projects(names=codebuild.list_projects()["projects"])["projects"]:
        told = {"from_ms": ms(project["lastModified"]), "launch_type": "CODEBUILD"}
        yield row("workloads", ACCOUNT, "build", "", project["name"], **told)


# ---- what must be there -------------------------------------------------------------------------------------------


# A state, and the operation that is to blame. The day of the collection is never complete.
SNAPSHOT = ("snapshot", None)
WHOLE = [("complete", None)] * 4 + [("partial", None)]


def states(account, scope, source, *states):
    """Coverage of the last days, the day of the collection included.

    `source` is the one of the coverage table, without `collect:` before it and the time of the collection behind it.
    """
    return [[account, scope, source, day, *state] for day, state in zip(DAYS[-len(states) :], states)]


def seed_ministack(url):
    of = clients(url, ACCOUNT)
    seed_ecs(of("ecs"))
    samples = seed_metrics(of("cloudwatch"))
    barges, readings = seed_task_logs(of("logs"))
    runs = [*barges, *seed_task_events(of("logs")), *seed_builds(of("codebuild"))]
    runs += task_rows(of("ecs"), ACCOUNT, "harbour")
    of("s3").create_bucket(Bucket="ledger", CreateBucketConfiguration={"LocationConstraint": REGION})

    # A log group tells nothing of the hours before it was made, and never will.
    since_today = [SNAPSHOT, *WHOLE[1:]]
    coverage = [
        *states(ACCOUNT, "harbour", "ecs", SNAPSHOT),
        *states(ACCOUNT, "slipway", "ecs", SNAPSHOT),
        *states(ACCOUNT, "harbour", "history:gate", SNAPSHOT),
        *states(ACCOUNT, "harbour", "history:crane", SNAPSHOT),
        *states(ACCOUNT, "harbour", "metrics:gate", *WHOLE),
        *states(ACCOUNT, "harbour", "metrics:crane", *WHOLE),
        *states(ACCOUNT, "harbour", "family-metrics:tug", *WHOLE),
        *states(ACCOUNT, "harbour", "task-logs", *since_today),
        *states(ACCOUNT, "harbour", "task-events", *since_today),
        *states(ACCOUNT, "codebuild", "projects", SNAPSHOT),
        *states(ACCOUNT, "codebuild", "builds", *WHOLE),
        *states(ACCOUNT, "codebuild", "build-metrics", *WHOLE),
    ]
    workloads = [*workload_rows(of("ecs"), ACCOUNT, "harbour"), *project_rows(of("codebuild"))]
    return {"runs": runs, "samples": samples + readings, "workloads": workloads, "coverage": coverage}


def seed_moto(url):
    """An empty cluster in one account, a service in the other.

    No tasks: moto's have no times at all, so nothing can be made of them.
    """
    base = clients(url, "AKIAEXAMPLE")("sts")
    workloads, coverage = [], []
    for account, cluster in (("222233334444", "dock"), ("333344445555", "yard")):
        role = f"arn:aws:iam::{account}:role/reader"
        keys = base.assume_role(RoleArn=role, RoleSessionName="seed")["Credentials"]
        ecs = clients(url, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])("ecs")
        ecs.create_cluster(clusterName=cluster)
        if cluster == "yard":
            seed_task_definition(ecs, "gate")
            ecs.create_service(
                cluster=cluster, serviceName="gate", taskDefinition="gate:1", desiredCount=1, launchType="FARGATE"
            )
        workloads += workload_rows(ecs, account, cluster)
        # moto does not know ListServiceDeployments, and its CloudWatch does not understand the SDK's CBOR.
        coverage += states(account, "codebuild", "projects", SNAPSHOT)
        coverage += states(account, "codebuild", "builds", *WHOLE)
        coverage += states(account, "codebuild", "build-metrics", *[("partial", "cloudwatch:ListMetrics")] * 5)
        coverage += states(account, cluster, "ecs", SNAPSHOT)
        # Services that were deleted would be listed there alone, on any of the days.
        coverage += states(account, cluster, "metrics", *[("partial", "cloudwatch:ListMetrics")] * 5)
        if cluster == "yard":
            coverage += states(account, cluster, "history:gate", ("partial", "ecs:ListServiceDeployments"))
            coverage += states(account, cluster, "metrics:gate", *[("partial", "cloudwatch:GetMetricData")] * 5)
    return {"runs": [], "samples": [], "workloads": workloads, "coverage": coverage}


# Measured seconds and list price in USD over the three days before today, by the rules and rates (eu-west-1, Linux on
# x86: 0.04048 a vCPU-hour, 0.004445 a GB-hour) of AWS's Fargate pricing page.
REPORT = {
    # Two tasks for three days, half a vCPU and one GiB each.
    "gate": {"seconds": 2 * 3 * 86_400, "usd": 2 * 3 * 24 * (0.5 * 0.04048 + 1 * 0.004445)},
    # One task for three days, on Spot, whose price moves.
    "crane": {"seconds": 3 * 86_400},
    # No price: tasks that came and went between two snapshots were not seen.
    "tug": {"seconds": TUGS * 3 * 86_400, "usd": None},
    # Three tasks of 397.503 s from the pull on, two vCPU and four GiB each.
    "pilot": {"seconds": 3 * 398, "usd": 3 * 398 / 3600 * (2 * 0.04048 + 4 * 0.004445)},
}


def main():
    ministack, moto, out = sys.argv[1:]
    seeded = {"ministack": seed_ministack(ministack), "moto": seed_moto(moto), "report": REPORT, "days": DAYS}
    seeded["times"] = {"now": NOW_MS, "soon": NOW_MS + 5 * MINUTE_MS, "later": NOW_MS + 60 * MINUTE_MS}
    if datetime.now(timezone.utc) - FIRST >= timedelta(days=1):
        sys.exit("midnight passed while seeding, and with it the day on which the log groups were to be born: run again")
    with open(out, "w", encoding="utf-8") as file:
        json.dump(seeded, file)


main()
