//! A report as flat tables for machines: one row per workload, per placement, per cost line.
//!
//! Names are those of FOCUS where it has the same thing; all others begin with `x_`, as it asks of custom columns.
//! Source: FOCUS specification 1.4, cost and usage columns and naming of custom columns, read 2026-11.

use super::amount_columns::{amount, best, rate};
use super::flat::{Column, Type, Value, column, integer, maybe, number, text, usd};
use super::result::{
    CostLineResult, PlacementResult, Report, RequirementResult, Size, WorkloadResult,
};
use crate::model::units::Usd;
use crate::model::workload::{Architecture, Kind, Platform};
use crate::placement::effort::Effort;
use crate::pricing::cost::Certainty;

/// A row that is about a workload.
trait OfWorkload {
    /// Which.
    fn workload(&self) -> &WorkloadResult;
}

/// What a row of the workload table is made of.
pub(super) struct WorkloadRow<'a> {
    report: &'a Report,
    workload: &'a WorkloadResult,
}

/// What a row of the placement table is made of.
pub(super) struct PlacementRow<'a> {
    of: WorkloadRow<'a>,
    placement: &'a PlacementResult,
}

/// What a row of the cost-line table is made of.
pub(super) struct LineRow<'a> {
    of: WorkloadRow<'a>,
    amount: &'static str,
    line: &'a CostLineResult,
}

/// One row per workload.
pub(super) fn workload_rows(report: &Report) -> impl Iterator<Item = WorkloadRow<'_>> {
    report
        .workloads
        .iter()
        .map(move |workload| WorkloadRow { report, workload })
}

/// One row per placement.
pub(super) fn placement_rows(report: &Report) -> impl Iterator<Item = PlacementRow<'_>> {
    report.workloads.iter().flat_map(move |workload| {
        workload
            .placements
            .iter()
            .map(move |placement| PlacementRow {
                of: WorkloadRow { report, workload },
                placement,
            })
    })
}

/// One row per line of what was measured, of the going rate, and of what is recommended.
pub(super) fn line_rows(report: &Report) -> impl Iterator<Item = LineRow<'_>> {
    report.workloads.iter().flat_map(move |workload| {
        let recommended = workload
            .recommended
            .as_ref()
            .and_then(|placement| placement.going_rate.as_ref());
        [
            ("measured_cost", workload.current.measured_cost.as_ref()),
            ("going_rate", workload.current.going_rate.as_ref()),
            ("recommended_going_rate", recommended),
        ]
        .into_iter()
        .filter_map(|(name, amount)| Some((name, amount?)))
        .flat_map(move |(amount, of)| {
            of.lines.iter().map(move |line| LineRow {
                of: WorkloadRow { report, workload },
                amount,
                line,
            })
        })
    })
}

impl<'a> WorkloadRow<'a> {
    fn size(&self) -> Option<&'a Size> {
        self.workload.current.size.as_ref()
    }

    fn there(&self) -> Option<&'a PlacementResult> {
        self.workload.recommended.as_ref()
    }

    fn needs(&self) -> Option<&'a RequirementResult> {
        self.workload.requirement.as_ref()
    }

    fn size_there(&self) -> Option<&'a Size> {
        self.there()?.size.as_ref()
    }
}

impl OfWorkload for WorkloadRow<'_> {
    fn workload(&self) -> &WorkloadResult {
        self.workload
    }
}

impl OfWorkload for PlacementRow<'_> {
    fn workload(&self) -> &WorkloadResult {
        self.of.workload
    }
}

impl OfWorkload for LineRow<'_> {
    fn workload(&self) -> &WorkloadResult {
        self.of.workload
    }
}

/// Which workload a row is about: the first columns of every table.
fn whose<R: OfWorkload>() -> [Column<R>; 5] {
    [
        column("SubAccountId", Type::Text, |r| text(&r.workload().account)),
        column("RegionId", Type::Text, |r| text(&r.workload().region)),
        column("ResourceName", Type::Text, |r| text(&r.workload().name)),
        column("x_WorkloadKind", Type::Text, |r| {
            text(r.workload().kind.as_str())
        }),
        column("x_Cluster", Type::Text, |r| {
            maybe(r.workload().cluster.as_deref())
        }),
    ]
}

impl WorkloadRow<'_> {
    /// The columns of [`workload_rows`].
    pub(super) fn columns() -> Vec<Column<Self>> {
        let measured = amount(
            [
                "ListCost",
                "x_ListCostCertainty",
                "x_ListCostLower",
                "x_ListCostUpper",
                "x_ListCostPricesAsOf",
                "x_ListCostPriceQuality",
            ],
            |w: &Self| w.workload.current.measured_cost.as_ref(),
        );
        let rate = rate(|w: &Self| w.workload.current.going_rate.as_ref());
        whose()
            .into_iter()
            .chain(measured)
            .chain(rate)
            .chain(Self::today())
            .chain(Self::advised())
            .chain(Self::seen())
            .collect()
    }

    /// What runs today, what is found, and what it saves.
    fn today() -> Vec<Column<Self>> {
        vec![
            column("ServiceName", Type::Text, |w: &Self| {
                text(service_name(w.workload))
            }),
            column("ResourceType", Type::Text, |w| {
                text(resource_type(w.workload))
            }),
            column("ChargePeriodStart", Type::Time, |w| {
                text(&w.report.window.from)
            }),
            column("ChargePeriodEnd", Type::Time, |w| text(&w.report.window.to)),
            column("BillingCurrency", Type::Text, |_| text("USD")),
            column("Tags", Type::Text, |w| tags(w.workload)),
            column("x_Finding", Type::Text, |w| {
                text(w.workload.finding.as_str())
            }),
            column("x_ReasonCodes", Type::Text, |w| {
                Value::Text(reason_codes(w.workload).into())
            }),
            column("x_MonthlySavings", Type::Usd, |w| {
                usd(w.workload.monthly_savings_usd)
            }),
            column("x_MonthlySavingsCertainty", Type::Text, |w| {
                maybe(w.workload.savings_certainty.map(Certainty::as_str))
            }),
            column("x_NotPriced", Type::Text, |w| {
                maybe(w.workload.current.not_priced.as_deref())
            }),
            column("x_Platform", Type::Text, |w| {
                maybe(w.workload.current.platform.map(Platform::as_str))
            }),
            column("x_Size", Type::Text, |w| {
                maybe(w.size().map(|size| size.name.as_str()))
            }),
            column("x_Vcpu", Type::Number, |w| {
                number(w.size().map(|size| size.vcpu))
            }),
            column("x_MemoryGib", Type::Number, |w| {
                number(w.size().map(|size| size.memory_gib))
            }),
            column("x_Architecture", Type::Text, |w| {
                maybe(w.workload.current.architecture.map(Architecture::as_str))
            }),
            column("x_PurchaseOption", Type::Text, |w| {
                text(w.workload.current.purchase_option.as_str())
            }),
            column("x_MeteredBy", Type::Text, |w| {
                maybe(w.workload.current.basis)
            }),
        ]
    }

    /// Where it should run.
    fn advised() -> Vec<Column<Self>> {
        vec![
            column("x_RecommendedPlatform", Type::Text, |w: &Self| {
                maybe(w.there().map(|there| there.platform.as_str()))
            }),
            column("x_RecommendedSize", Type::Text, |w| {
                maybe(w.size_there().map(|size| size.name.as_str()))
            }),
            column("x_RecommendedVcpu", Type::Number, |w| {
                number(w.size_there().map(|size| size.vcpu))
            }),
            column("x_RecommendedMemoryGib", Type::Number, |w| {
                number(w.size_there().map(|size| size.memory_gib))
            }),
            column("x_RecommendedArchitecture", Type::Text, |w| {
                maybe(w.there().map(|there| there.architecture.as_str()))
            }),
            column("x_RecommendedPurchaseOption", Type::Text, |w| {
                maybe(w.there().map(|there| there.purchase_option.as_str()))
            }),
            column("x_RecommendedGoingRate", Type::Usd, |w| {
                best(w.there().and_then(|there| there.going_rate.as_ref()))
            }),
            column("x_ImplementationEffort", Type::Text, |w| {
                maybe(w.there().and_then(|there| there.effort).map(Effort::as_str))
            }),
        ]
    }

    /// What it needs, what it would cost elsewhere, and what was seen of it.
    fn seen() -> Vec<Column<Self>> {
        vec![
            column("x_RequirementVcpu", Type::Number, |w: &Self| {
                number(w.needs().map(|needs| needs.vcpu.target))
            }),
            column("x_RequirementMemoryMib", Type::Number, |w| {
                number(w.needs().map(|needs| needs.memory_mib.target))
            }),
            column("x_RiskCpuPercent", Type::Number, |w| {
                number(w.needs().and_then(|needs| needs.vcpu_risk.risk_percent))
            }),
            column("x_RiskMemoryPercent", Type::Number, |w| {
                number(w.needs().and_then(|needs| needs.memory_risk.risk_percent))
            }),
            column("x_PeakVcpu", Type::Number, |w| {
                number(w.workload.usage.cpu.as_ref().map(|usage| usage.max))
            }),
            column("x_PeakMemoryMib", Type::Number, |w| {
                number(w.workload.usage.memory.as_ref().map(|usage| usage.max))
            }),
            column("x_FargateGoingRate", Type::Usd, |w| {
                usd(cheapest(w.workload, Platform::Fargate))
            }),
            column("x_CodebuildGoingRate", Type::Usd, |w| {
                usd(cheapest(w.workload, Platform::Codebuild))
            }),
            column("x_Ec2GoingRate", Type::Usd, |w| {
                usd(cheapest(w.workload, Platform::Ec2))
            }),
            column("x_Days", Type::Integer, |w| {
                Value::Integer(w.workload.evidence.days)
            }),
            column("x_Samples", Type::Integer, |w| {
                Value::Integer(w.workload.evidence.samples)
            }),
            column("x_SamplePeriodSeconds", Type::Integer, |w| {
                integer(w.workload.evidence.period_s)
            }),
            column("x_Runs", Type::Integer, |w| {
                Value::Integer(w.workload.evidence.runs)
            }),
            column("x_SeenDays", Type::Integer, |w| {
                integer(w.workload.evidence.seen_days)
            }),
            column("x_WindowDays", Type::Integer, |w| {
                integer(w.workload.evidence.window_days)
            }),
            column("x_OutOfMemoryKills", Type::Integer, |w| {
                let kills = &w.workload.out_of_memory;
                integer(
                    (!kills.is_empty()).then(|| kills.iter().map(|kills| kills.kills).sum::<i64>()),
                )
            }),
        ]
    }
}

impl PlacementRow<'_> {
    /// The columns of [`placement_rows`].
    pub(super) fn columns() -> Vec<Column<Self>> {
        let own = [
            column("x_Platform", Type::Text, |p: &Self| {
                text(p.placement.platform.as_str())
            }),
            column("x_Size", Type::Text, |p| {
                maybe(p.placement.size.as_ref().map(|size| size.name.as_str()))
            }),
            column("x_Architecture", Type::Text, |p| {
                text(p.placement.architecture.as_str())
            }),
            column("x_PurchaseOption", Type::Text, |p| {
                text(p.placement.purchase_option.as_str())
            }),
            column("x_Feasible", Type::Text, |p| {
                text(if p.placement.feasible { "yes" } else { "no" })
            }),
            column("x_NotPriced", Type::Text, |p| {
                maybe(p.placement.not_priced.as_deref())
            }),
            column("x_ImplementationEffort", Type::Text, |p| {
                maybe(p.placement.effort.map(Effort::as_str))
            }),
            column("x_Reasons", Type::Text, |p| {
                Value::Text(p.placement.reasons.join("; ").into())
            }),
        ];
        let rate = rate(|p: &Self| p.placement.going_rate.as_ref());
        whose().into_iter().chain(rate).chain(own).collect()
    }
}

impl LineRow<'_> {
    /// The columns of [`line_rows`].
    pub(super) fn columns() -> Vec<Column<Self>> {
        let own = [
            column("x_Amount", Type::Text, |l: &Self| text(l.amount)),
            column("x_Placement", Type::Text, |l| text(&l.line.of)),
            column("x_Component", Type::Text, |l| text(l.line.component)),
            column("PricingQuantity", Type::Number, |l| {
                number(Some(l.line.quantity))
            }),
            column("PricingUnit", Type::Text, |l| text(l.line.unit)),
            column("ListUnitPrice", Type::Number, |l| {
                number(Some(l.line.price_usd))
            }),
            column("ListCost", Type::Usd, |l| Value::Usd(l.line.usd)),
            column("x_PriceAsOf", Type::Text, |l| {
                maybe(l.line.as_of.as_deref())
            }),
            column("x_PriceQuality", Type::Text, |l| text(l.line.quality)),
            column("x_PriceSource", Type::Text, |l| text(&l.line.source)),
        ];
        whose().into_iter().chain(own).collect()
    }
}

/// AWS's service.
pub(super) const fn service_name(workload: &WorkloadResult) -> &'static str {
    match workload.kind {
        Kind::Service | Kind::Task => "Amazon Elastic Container Service",
        Kind::Build => "AWS CodeBuild",
    }
}

/// What a workload is there.
pub(super) const fn resource_type(workload: &WorkloadResult) -> &'static str {
    match workload.kind {
        Kind::Service => "ECS Service",
        Kind::Task => "ECS Task Definition Family",
        Kind::Build => "CodeBuild Project",
    }
}

/// Its tags as a JSON object; `None` without any.
pub(super) fn tags_json(workload: &WorkloadResult) -> Option<String> {
    let tags = Some(&workload.tags).filter(|tags| !tags.is_empty());
    serde_json::to_string(tags?).ok()
}

fn tags(workload: &WorkloadResult) -> Value<'_> {
    tags_json(workload).map_or(Value::Null, Value::Json)
}

/// Compute Optimizer's spelling, which is the variants' own.
pub(super) fn reason_codes(workload: &WorkloadResult) -> String {
    let codes: Vec<String> = workload
        .reason_codes
        .iter()
        .map(|code| format!("{code:?}"))
        .collect();
    codes.join(";")
}

/// The lowest known rate among the placements in which the workload can run.
pub(super) fn cheapest(workload: &WorkloadResult, platform: Platform) -> Option<Usd> {
    let here = |placement: &&PlacementResult| placement.feasible && placement.platform == platform;
    workload
        .placements
        .iter()
        .filter(here)
        .filter_map(|placement| Some(placement.going_rate.as_ref()?.usd))
        .min()
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;
    use crate::model::finding::ReasonCode;

    #[test]
    fn own_columns_are_marked_and_short_enough_for_focus() {
        let focus = [
            "SubAccountId",
            "RegionId",
            "ServiceName",
            "ResourceType",
            "ResourceName",
            "ChargePeriodStart",
            "ChargePeriodEnd",
            "BillingCurrency",
            "ListCost",
            "PricingQuantity",
            "PricingUnit",
            "ListUnitPrice",
            "Tags",
        ];
        let names = WorkloadRow::columns()
            .into_iter()
            .map(|column| column.name)
            .chain(
                PlacementRow::columns()
                    .into_iter()
                    .map(|column| column.name),
            )
            .chain(LineRow::columns().into_iter().map(|column| column.name));
        for name in names {
            assert!(focus.contains(&name) || name.starts_with("x_"), "{name}");
            assert!(name.len() <= 50);
        }
    }

    #[test]
    fn cells_are_of_their_column_s_type() {
        let report = sample::report();
        for row in workload_rows(&report) {
            for column in WorkloadRow::columns() {
                let value = column.value(&row);
                let fits = matches!(
                    (&value, column.of),
                    (Value::Null, _)
                        | (Value::Text(_), Type::Text | Type::Time)
                        | (Value::Integer(_), Type::Integer)
                        | (Value::Number(_), Type::Number)
                        | (Value::Usd(_), Type::Usd)
                        | (Value::Json(_), Type::Text)
                );
                assert!(fits, "{}: {value:?}", column.name);
            }
        }
    }

    #[test]
    fn reason_codes_are_spelt_as_in_json() {
        for code in [
            ReasonCode::CPUOverprovisioned,
            ReasonCode::NoUtilizationData,
            ReasonCode::OutOfMemory,
        ] {
            assert_eq!(serde_json::to_value(code).unwrap(), format!("{code:?}"));
        }
    }
}
