//! The fleet of one account, region and architecture.

use super::candidate::{Asked, Candidate, Choice, fleet_pace};
use super::options::FleetOptions;
use super::result::{PackedFleet, Site, TenantShare};
use crate::model::units::{Usd, Window};
use crate::model::workload::{Os, PurchaseOption};
use crate::pack::{self, FleetPlan, InstanceType, Item, Rules, Unpackable};
use crate::placement::{Need, Prices, ec2, fargate, size};
use crate::pricing::NotPriced;
use crate::recommend::{Assessed, Policy};

/// What a fleet is planned by.
pub(super) struct Planner<'a> {
    pub(super) prices: &'a Prices<'a>,
    policy: &'a Policy,
    pub(super) window: Window,
    options: &'a FleetOptions,
    pub(super) rules: Rules,
}

impl<'a> Planner<'a> {
    /// `daemons` run on every instance.
    pub(super) fn new(
        prices: &'a Prices<'a>,
        policy: &'a Policy,
        window: Window,
        options: &'a FleetOptions,
        daemons: Vec<Item>,
    ) -> Self {
        Self {
            prices,
            policy,
            window,
            options,
            rules: Rules {
                daemons,
                ..options.rules.clone()
            },
        }
    }
}

impl Planner<'_> {
    /// The priced types that may be used.
    pub(super) fn instance_types(&self, site: &Site) -> Result<Vec<InstanceType>, NotPriced> {
        let book = self.prices.book;
        let root_usd_per_hour = ec2::root_usd_per_hour(book.root_volume_gib_month(&site.region)?);
        let patterns = &self.options.instance_types;
        let types: Vec<InstanceType> = book
            .instance_types(&site.region, site.architecture)?
            .iter()
            .filter(|of| {
                patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, &of.name))
            })
            .map(|of| InstanceType {
                root_usd_per_hour,
                ..ec2::packable(of)
            })
            .collect();
        if types.is_empty() {
            return Err(NotPriced::new(format!(
                "no {} instance type in {} is called {}",
                site.architecture,
                site.region,
                patterns.join(" or ")
            )));
        }
        Ok(types)
    }

    /// What the workloads do, without those that no instance type holds, and these with the reason.
    pub(super) fn fitting<'c>(
        &self,
        types: &[InstanceType],
        workloads: &[(&'c Assessed, Need)],
    ) -> (Asked<'c>, Vec<(Candidate<'c>, String)>) {
        let mut asked = Asked::of(workloads, self.policy, self.window);
        let mut refused = Vec::new();
        while let Err(unpackable) = pack::packable(&asked.work, types, &self.rules) {
            refused.extend(asked.leave_out(&unpackable));
            if asked.candidates.is_empty() {
                break;
            }
        }
        (asked, refused)
    }

    /// All of them on one fleet.
    pub(super) fn everyone<'p>(
        &'p self,
        types: &'p [InstanceType],
        asked: &'p Asked<'_>,
    ) -> Result<pack::CheckedFleet<'p>, Unpackable> {
        let stage = tracing::debug_span!("packing", workloads = asked.candidates.len());
        stage.in_scope(|| pack::packed(&asked.work, types, &self.rules))
    }

    /// Who belongs on the fleet, so that the sum of all that can be advised is least; `None` where that is nobody.
    pub(super) fn decide<'c>(
        &self,
        types: &[InstanceType],
        all: &Asked<'c>,
    ) -> Option<(FleetPlan, Asked<'c>)> {
        let asked = all.among(|candidate| {
            !matches!(candidate.choice, Choice::None) && candidate.pace.is_some()
        });
        let choices: Vec<pack::Candidate> = asked
            .candidates
            .iter()
            .map(|candidate| pack::Candidate {
                elsewhere: candidate.elsewhere(),
                marks: candidate.marks(),
            })
            .collect();
        let rules = Rules {
            effort: self.options.decide,
            ..self.rules.clone()
        };
        let stage = tracing::debug_span!("deciding", workloads = choices.len());
        let decided = stage.in_scope(|| pack::decide(&asked.work, &choices, types, &rules));
        let decided = decided.ok()?;
        let mut on_fleet = decided.on_fleet.iter();
        let stayers = asked.among(|_| on_fleet.next().is_some_and(|on| *on));
        Some((decided.fleet?, stayers))
    }

    /// The fleet with its amounts as a month's; `paid` is what the tenants of an advised one pay in the window. `None`
    /// where no time was observed.
    pub(super) fn packed(
        &self,
        site: &Site,
        types: &[InstanceType],
        plan: FleetPlan,
        asked: &Asked<'_>,
        paid: Option<&[Usd]>,
    ) -> Option<PackedFleet> {
        let tenants = &asked.candidates;
        if self.window.ms() <= 0 {
            return None;
        }
        let month = |usd: Usd| fleet_pace(self.window).month_of(usd);
        let share = |(at, tenant): (usize, &Candidate<'_>)| {
            let share = &plan.shares[at];
            TenantShare {
                workload: tenant.key().clone(),
                cost: month(paid.map_or(share.cost(), |paid| paid[at])),
                split_cost: pack::SplitCost {
                    split: month(share.split_cost.split),
                    unused: month(share.split_cost.unused),
                },
                marginal: share.marginal.map(month),
                elsewhere: tenant.least_elsewhere.map(month),
            }
        };
        Some(PackedFleet {
            account: site.account.clone(),
            region: site.region.clone(),
            architecture: site.architecture,
            is_advised: paid.is_some(),
            modelled: month(plan.modelled),
            achievable: month(plan.achievable),
            floor: month(plan.floor),
            without_trunking: plan.without_trunking.map(month),
            unpacked: month(plan.unpacked),
            fargate: tenants
                .iter()
                .map(|tenant| {
                    let fargate = self.on_fargate(site, tenant.workload)?;
                    Some(month(tenant.pace?.window_of(fargate)))
                })
                .sum(),
            tenants: tenants.iter().enumerate().map(share).collect(),
            changes: self.changes(site, types, &plan, &asked.work),
            purchases: self.purchases(site, &plan, asked),
            plan,
        })
    }

    /// The same tenant on Fargate, on demand, at the same need; a privileged build is priced as if it could go.
    fn on_fargate(&self, site: &Site, workload: &Assessed) -> Option<Usd> {
        let pace = workload.demand.pace.as_ref()?;
        let found = self
            .prices
            .book
            .fargate(
                &site.region,
                Os::Linux,
                site.architecture,
                PurchaseOption::OnDemand,
            )
            .ok()?;
        let task = size::fargate_for(workload.need?, Os::Linux)?;
        let tariff = fargate::tariff(found, task, workload.configuration.ephemeral_gib).ok()?;
        let ms = pace
            .components
            .iter()
            .map(|component| tariff.meter.of(&component.metered.best))
            .sum();
        tariff.usd(ms).per_month(pace.observed_ms)
    }
}

/// Whether a name fits a pattern, in which `*` stands for anything.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == name,
        Some((before, after)) => name.strip_prefix(before).is_some_and(|rest| {
            rest.char_indices()
                .map(|(at, _)| at)
                .chain([rest.len()])
                .any(|at| matches(after, &rest[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let fits = |pattern, name| matches(pattern, name);
        assert!(fits("m7g.*", "m7g.large") && fits("*.large", "m7g.large") && fits("*", "x"));
        assert!(fits("m7g.large", "m7g.large") && fits("c*.8x*", "c6i.8xlarge"));
        assert!(!fits("m7g.*", "m7gd.large") && !fits("m7g", "m7g.large") && !fits("", "m"));
    }
}
