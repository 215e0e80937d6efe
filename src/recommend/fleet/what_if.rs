//! What a fleet would cost if one thing were different.

use super::candidate::fleet_pace;
use super::result::{Site, WhatIf};
use super::site::Planner;
use crate::model::units::Usd;
use crate::pack::{self, Effort, FleetPlan, InstanceType, Network, Rules, Work};
use crate::workers;

/// A probe of ECS Managed Instances saw 109 s from nothing to the first task, and 93 s until an empty instance was gone.
/// Source: public measurement of one account, 2026.
const MANAGED_BOOT_MS: u32 = 109_000;
const MANAGED_SCALE_IN_MS: u32 = 93_000;

impl Planner<'_> {
    /// What the fleet would cost if one thing were different, cheapest first; only what is cheaper.
    pub(super) fn changes(
        &self,
        site: &Site,
        types: &[InstanceType],
        plan: &FleetPlan,
        work: &Work,
    ) -> Vec<WhatIf> {
        let rules = Rules {
            effort: Effort {
                steps: self.rules.effort.steps / 4,
            },
            ..self.rules.clone()
        };
        let mut tried = vec![(
            "one Availability Zone instead of several, which then stops with it",
            types.to_vec(),
            Rules {
                availability_zones: 1,
                ..rules.clone()
            },
        )];
        if rules.network != Network::BridgeOrHost {
            let network = match rules.network {
                Network::Awsvpc => Network::AwsvpcTrunking,
                _ => Network::BridgeOrHost,
            };
            let change = match network {
                Network::AwsvpcTrunking => "the account setting awsvpcTrunking",
                _ => "network mode bridge instead of awsvpc",
            };
            let rules = Rules {
                network,
                ..rules.clone()
            };
            tried.push((change, types.to_vec(), rules));
        }
        if rules.target_capacity_percent < 100 {
            let rules = Rules {
                target_capacity_percent: 100,
                ..rules.clone()
            };
            tried.push((
                "target capacity 100 %, without spares",
                types.to_vec(),
                rules,
            ));
        }
        if let Some(managed) = self.managed(site, types) {
            let rules = Rules {
                network: Network::AwsvpcTrunking,
                boot_ms: MANAGED_BOOT_MS,
                scale_in_ms: MANAGED_SCALE_IN_MS,
                from_zero: 1,
                target_capacity_percent: 100,
                ..rules
            };
            tried.push(("ECS Managed Instances, fee included", managed, rules));
        }
        let stage = tracing::debug_span!("what if", questions = tried.len());
        let month = |usd: Usd| fleet_pace(self.window).month_of(usd);
        let asked = |(change, types, rules): (&'static str, Vec<InstanceType>, Rules)| {
            let modelled = pack::modelled(work, &types, &rules).ok()?;
            (modelled < plan.modelled).then(|| WhatIf {
                change,
                modelled: month(modelled),
            })
        };
        let answers = stage.in_scope(|| workers::map(tried, asked));
        let mut changes: Vec<WhatIf> = answers.into_iter().flatten().collect();
        changes.sort_by_key(|change| (change.modelled, change.change));
        changes
    }

    /// The same types as ECS Managed Instances sells them; `None` where a fee is not known.
    fn managed(&self, site: &Site, types: &[InstanceType]) -> Option<Vec<InstanceType>> {
        let book = self.prices.book;
        let with_fee = |of: &InstanceType| {
            let priced = book.instance_type(&site.region, &of.name).ok()?;
            let fee = book.managed_instances_fee(&site.region, priced).ok()?;
            Some(InstanceType {
                fee_usd_per_hour: fee.usd,
                ..of.clone()
            })
        };
        types.iter().map(with_fee).collect()
    }
}
