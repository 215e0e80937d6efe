"""Opens a report's files with programs that other people wrote: numbers equal the JSON's, rows keep the rules."""
import csv
import json
import math
import pathlib
import sys

import jsonschema
import openpyxl

work = pathlib.Path(sys.argv[1])
faults = []


def expect(holds, what):
    if not holds:
        faults.append(what)


def load(name):
    return json.loads((work / name).read_text())


def same(cell, value):
    if value is None or cell is None:
        return cell is None and value is None
    if isinstance(value, (int, float)):
        return math.isclose(float(cell), value, rel_tol=1e-9, abs_tol=1e-8)
    return cell == value


report = load("report.json")
for schema, result in (("report.schema.json", report), ("comparison.schema.json", load("compare.json"))):
    validator = jsonschema.Draft202012Validator(load(schema))
    validator.check_schema(load(schema))
    for error in list(validator.iter_errors(result))[:5]:
        faults.append(f"{schema}: {'/'.join(map(str, error.absolute_path))}: {error.message[:200]}")

book = openpyxl.load_workbook(work / "report.xlsx")
expect(book.sheetnames == ["Summary", "Workloads", "Placements", "Cost lines"], f"sheets {book.sheetnames}")
for sheet in book:
    formulas = [cell.coordinate for row in sheet for cell in row if cell.data_type == "f"]
    expect(not formulas, f"{sheet.title}: formulas in {formulas[:3]}")
    if sheet.title != "Summary":
        expect(sheet.freeze_panes == "A2", f"{sheet.title}: the heading is not frozen")
        expect(sheet.auto_filter.ref is not None, f"{sheet.title}: no filters")


def table(sheet):
    rows = book[sheet].iter_rows(values_only=True)
    names = next(rows)
    return [dict(zip(names, row)) for row in rows]


workloads = table("Workloads")
expect(len(workloads) == len(report["workloads"]), "Workloads: not one row per workload")


def usd(amount):
    return None if amount is None else amount["usd"]


for row, workload in zip(workloads, report["workloads"]):
    recommended = workload["recommended"] or {}
    for column, value in {
        "SubAccountId": workload["account"],
        "ResourceName": workload["name"],
        "ListCost": usd(workload["current"]["measured_cost"]),
        "x_GoingRate": usd(workload["current"]["going_rate"]),
        "x_MonthlySavings": workload["monthly_savings_usd"],
        "x_RecommendedGoingRate": usd(recommended.get("going_rate")),
        "x_Samples": workload["evidence"]["samples"],
        "x_Finding": workload["finding"],
    }.items():
        expect(same(row[column], value), f"Workloads: {workload['name']} {column}: {row[column]} for {value}")
placements = sum(len(workload["placements"]) for workload in report["workloads"])
expect(len(table("Placements")) == placements, "Placements: not one row per placement")
lines = table("Cost lines")
for workload in report["workloads"]:
    own = [line for line in lines if (line["ResourceName"], line["x_WorkloadKind"], line["x_Cluster"])
           == (workload["name"], workload["kind"], workload["cluster"]) and line["x_Amount"] == "going_rate"]
    rate = usd(workload["current"]["going_rate"])
    if rate is not None:
        expect(same(sum(line["ListCost"] for line in own), rate) or abs(sum(line["ListCost"] for line in own) - rate) < 1e-6,
               f"Cost lines: {workload['name']}: lines do not add up to {rate}")

with open(work / "report.csv", newline="") as file:
    rows = list(csv.DictReader(file))
expect(len(rows) == len(report["workloads"]), "CSV: not one row per workload")
expect(all(None not in row and None not in row.values() for row in rows), "CSV: rows of different length")

with open(work / "report.focus.csv", newline="") as file:
    rows = list(csv.DictReader(file))
expect(rows, "FOCUS: no rows")
CATEGORIES = {"Cost", "Performance", "Reliability", "Security", "Sustainability", "Operational Excellence", "Other"}
COST = {"Rightsizing", "Scaling", "Commitment Purchase", "Idle Resource Removal", "Modernization", "Other (Cost)"}
GRADES = {"", "Very Low", "Low", "Medium", "High", "Very High"}
for row in rows:
    name = row["ResourceName"]
    expect(row["RecommendationCategory"] in CATEGORIES, f"FOCUS: {name}: category")
    if row["RecommendationCategory"] == "Cost":
        expect(row["RecommendationSubcategory"] in COST, f"FOCUS: {name}: subcategory")
        expect(row["EstimatedMonthlyCostImpact"] != "", f"FOCUS: {name}: cost advice without an impact")
    expect((row["EstimatedMonthlyCostImpact"] == "") == (row["Currency"] == ""), f"FOCUS: {name}: currency")
    expect({row["ImplementationEffort"], row["ImplementationRisk"]} <= GRADES, f"FOCUS: {name}: grades")
    expect((row["ResourceId"] == "") == (row["ResourceType"] == ""), f"FOCUS: {name}: type without id")
    details = json.loads(row["RecommendationDetails"])
    expect(all(not isinstance(value, (dict, list)) for value in details.values()), f"FOCUS: {name}: nested details")
    expect(not set(details) & set(row), f"FOCUS: {name}: details repeat a column")
impacts = sum(float(row["EstimatedMonthlyCostImpact"] or 0) for row in rows)
expect(math.isclose(-impacts, report["totals"]["monthly_savings_usd"], abs_tol=0.01), f"FOCUS: impacts are {impacts}")

for fault in faults:
    print(f"files: {fault}", file=sys.stderr)
print("files: all hold" if not faults else f"files: {len(faults)} faults")
sys.exit(1 if faults else 0)
