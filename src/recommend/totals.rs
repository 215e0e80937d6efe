//! Sums over all workloads; what is not priced is counted, never added.

use std::collections::BTreeMap;

use super::Assessed;
use super::purchase::{self, Purchase};
use crate::model::units::{Usd, Window};
use crate::model::workload::Platform;
use crate::placement::effort::{Effort, Step};
use crate::placement::{Prices, codebuild};
use crate::pricing::CodebuildPrice;
use crate::pricing::cost::Amount;
use crate::pricing::metering::{
    codebuild_free_ms, codebuild_free_value, codebuild_lambda_free_ms, codebuild_lambda_free_value,
};
use crate::recommend::choose::{Saving, cheapest};

/// Sums over all workloads.
#[derive(Debug, Clone, PartialEq)]
pub struct Totals {
    /// Workloads without a going rate; left out of every sum here.
    pub not_priced: usize,
    /// Priced workloads that were not seen on every day of the window.
    pub partly_seen: usize,
    /// What ran in the window.
    pub measured_cost: Amount,
    /// A month as everything runs today.
    pub going_rate: Amount,
    /// What the recommendations save in a month, by step.
    pub steps: Vec<Saving>,
    /// What CodeBuild's free minutes, or free seconds on Lambda, are worth in the window.
    pub codebuild_free_tier: Usd,
    /// What buying the same capacity otherwise would save a month, after all steps; one or the other.
    pub purchase_options: Vec<Purchase>,
    /// Everything that can run there on one platform.
    pub by_platform: Vec<OnOnePlatform>,
}

/// Everything that can run there on one platform.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnOnePlatform {
    /// Which.
    pub platform: Platform,
    /// Workloads that can run there, are priced there, and are priced today.
    pub workloads: usize,
    /// What a month there costs.
    pub there: Usd,
    /// What the same workloads cost a month today.
    pub today: Usd,
}

/// The totals of an analysis.
pub fn of(workloads: &[Assessed], prices: &Prices<'_>, window: Window) -> Totals {
    let sum = |amounts: &mut dyn Iterator<Item = &Amount>| {
        amounts.fold(Amount::zero(), |sum, amount| sum.plus(amount.bare()))
    };
    let measured = workloads
        .iter()
        .filter_map(|w| w.measured_cost.as_ref().ok());
    let rates = workloads.iter().filter_map(|w| w.going_rate.as_ref().ok());
    let steps = [
        (Step::Rightsize, Effort::VeryLow),
        (Step::Move, Effort::High),
    ];
    Totals {
        not_priced: workloads.iter().filter(|w| w.going_rate.is_err()).count(),
        partly_seen: workloads.iter().filter(|w| w.is_partly_seen()).count(),
        measured_cost: sum(&mut measured.into_iter()),
        going_rate: sum(&mut rates.into_iter()),
        steps: steps
            .into_iter()
            .map(|(step, effort)| step_total(workloads, step, effort))
            .collect(),
        codebuild_free_tier: free_tier(workloads, prices, window),
        purchase_options: purchase::options(workloads, prices),
        by_platform: Platform::ALL
            .iter()
            .filter_map(|&platform| on_one_platform(platform, workloads))
            .collect(),
    }
}

fn step_total(workloads: &[Assessed], step: Step, effort: Effort) -> Saving {
    let all = workloads.iter().flat_map(|workload| &workload.advice.steps);
    Saving {
        step,
        effort,
        monthly: all
            .filter(|saving| saving.step == step)
            .map(|saving| saving.monthly)
            .sum(),
    }
}

/// What the workloads that can run on `platform` would cost there, and what the same ones cost today.
fn on_one_platform(platform: Platform, workloads: &[Assessed]) -> Option<OnOnePlatform> {
    let mut total = OnOnePlatform {
        platform,
        workloads: 0,
        there: Usd::ZERO,
        today: Usd::ZERO,
    };
    for workload in workloads {
        let there = cheapest(workload, |placement| placement.platform == platform);
        if let (Some((_, there)), Ok(today)) = (there, &workload.going_rate) {
            total.workloads += 1;
            total.there += there;
            total.today += today.usd;
        }
    }
    (total.workloads > 0).then_some(total)
}

/// What one account may build for free, and what it built: prices with metered milliseconds.
#[derive(Default)]
struct FreeTier<'a> {
    minutes: u32,
    lambda_seconds: u32,
    builds: Vec<(&'a CodebuildPrice, i64)>,
}

impl FreeTier<'_> {
    /// "100 minutes or 6,000 seconds" says AWS: of a payer who uses both no more than the better one is sure.
    fn value(&self, window: Window) -> Usd {
        let minutes = codebuild_free_ms(self.minutes, window);
        let seconds = codebuild_lambda_free_ms(self.lambda_seconds, window);
        codebuild_free_value(&self.builds, minutes)
            .max(codebuild_lambda_free_value(&self.builds, seconds))
    }
}

/// CodeBuild's free minutes, or free seconds on Lambda. AWS gives them once per payer; one account is taken for one
/// payer here.
fn free_tier(workloads: &[Assessed], prices: &Prices<'_>, window: Window) -> Usd {
    let mut accounts: BTreeMap<&str, FreeTier<'_>> = BTreeMap::new();
    for workload in workloads {
        let key = &workload.demand.workload;
        let components = workload.demand.ran.iter();
        for component in components.filter(|component| component.configuration.fleet.is_none()) {
            let configuration = &component.configuration;
            let (Some(environment), Some(compute)) = (
                configuration.environment_type.as_deref(),
                configuration.compute_type.as_deref(),
            ) else {
                continue;
            };
            let Ok(price) = prices.book.codebuild(&key.region, environment, compute) else {
                continue;
            };
            let meter = codebuild::tariff(price, prices.bill_queue_time).meter;
            let account = accounts.entry(&key.account).or_default();
            let minutes = prices.book.codebuild_free_minutes(&key.region);
            let seconds = prices.book.codebuild_lambda_free_seconds(&key.region);
            account.minutes = account.minutes.max(minutes.unwrap_or_default());
            account.lambda_seconds = account.lambda_seconds.max(seconds.unwrap_or_default());
            account
                .builds
                .push((price, meter.of(&component.metered.best)));
        }
    }
    accounts.values().map(|account| account.value(window)).sum()
}
