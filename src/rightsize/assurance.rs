//! How sure a target is: where its margin comes from, the share of weeks that may go beyond any size, and what is missing.

use crate::demand::Usage;
use crate::model::workload::Kind;

use super::calibration::{Calibrations, Group, Weeks};
use super::headroom::USUAL_PERCENT;
use super::history::{History, Period};
use super::margin::{Margin, PEAK_KEPT_BELOW, Resource, Sizes, Statistics};
use super::policy::SizingPolicy;
use super::resolution;
use super::risk::Risk;

/// The confidence of an upper limit: one in twenty such limits is too low.
pub const CONFIDENCE: f64 = 0.95;
/// Days from which on the margin does not shrink any more with more of them.
const FULL_DAYS: usize = 14;

/// How sure one resource's target is.
#[derive(Debug, Clone, PartialEq)]
pub struct Assurance {
    /// Where the margin comes from.
    pub margin: Margin,
    /// How many independent days were seen: fewer than the days where a day resembles the day before.
    pub effective_days: f64,
    /// What would make it surer, one sentence each.
    pub missing: Vec<String>,
    /// Sizes by what the table calls their risk; `None` where the margin is fixed.
    sizes: Option<Sizes>,
    weeks: Weeks,
    /// The risk asked for.
    asked: Risk,
    /// The highest sample: below it, a small risk is no risk that is known.
    peak: f64,
}

impl Assurance {
    /// The user's headroom where there is one, else what the fleet's weeks say.
    pub(super) fn under(
        policy: &SizingPolicy,
        resource: Resource,
        usage: &Usage,
        kind: Kind,
        fleet: &Calibrations,
    ) -> Self {
        let calibrated = || {
            let group = Group::of(kind, usage);
            Self::of(resource, usage, group, fleet, policy.risk)
        };
        let fixed = |percent| Self::fixed(usage, percent, policy.risk);
        match policy.headroom_percent(resource) {
            Some(percent) => fixed(percent),
            None => calibrated().unwrap_or_else(|| fixed(USUAL_PERCENT)),
        }
    }

    /// What `usage` of a workload of `group` says, held against the fleet's weeks; `None` where nothing was used.
    fn of(
        resource: Resource,
        usage: &Usage,
        group: Group,
        fleet: &Calibrations,
        asked: Risk,
    ) -> Option<Self> {
        let history = History::of(usage);
        let statistics = Statistics::of(resource, &history)?;
        let group = group.like(&statistics);
        let weeks = fleet.of_resource(resource).weeks(group).clone();
        let mut sizes = Sizes::of(&statistics);
        let apart_s = resolution::apart_s(usage).filter(|_| !group.is_job);
        if let Some(apart_s) = apart_s {
            sizes = sizes.widened(|risk| resolution::factor(resource, risk, apart_s));
        }
        let hidden = apart_s.map(|apart_s| {
            format!(
                "samples without gaps: readings lie {:.0} minutes apart and tell nothing of the time between, so the margin is {:.1} times what it would be",
                apart_s / 60.0,
                resolution::factor(resource, asked.share(), apart_s)
            )
        });
        Some(Self {
            margin: match weeks.len() {
                0 => Margin::ShippedDefault,
                weeks => Margin::Calibrated { weeks },
            },
            effective_days: history.effective_days(),
            missing: missing(&history, group, &weeks, asked)
                .into_iter()
                .chain(hidden)
                .collect(),
            sizes: Some(sizes),
            weeks,
            asked,
            peak: usage.max,
        })
    }

    /// The user's own margin: nothing is said of its risk.
    pub(super) fn fixed(usage: &Usage, percent: f64, asked: Risk) -> Self {
        Self {
            margin: Margin::Fixed { percent },
            effective_days: History::of(usage).effective_days(),
            missing: Vec::new(),
            sizes: None,
            weeks: Weeks::default(),
            asked,
            peak: usage.max,
        }
    }

    /// The risk asked for.
    pub const fn asked(&self) -> Risk {
        self.asked
    }

    /// What this share of weeks asks for, and what half of it does; without end where the margin is fixed.
    pub(super) fn needs(&self, share: f64) -> (f64, f64) {
        let need = |share| self.need(share).unwrap_or(f64::INFINITY);
        (need(share), need(share / 2.0))
    }

    /// The smallest size that no more than this share of weeks is expected beyond; `None` where the margin is fixed.
    fn need(&self, share: f64) -> Option<f64> {
        let sizes = self.sizes.as_ref()?;
        Some(sizes.at(self.weeks.level(share)))
    }

    /// The share (0–1) of weeks that is expected beyond `size`, never less than the table knows of; `None` where the margin is
    /// fixed.
    pub fn risk_of(&self, size: f64) -> Option<f64> {
        let sizes = self.sizes.as_ref()?;
        let stated = self.weeks.stated(sizes.risk_of(size));
        Some(stated.max(sizes.least_risk()))
    }

    /// The upper limit of that share at [`CONFIDENCE`], by the fleet's own weeks alone; `None` where there are none.
    pub fn risk_at_most(&self, size: f64) -> Option<f64> {
        let level = self.sizes.as_ref()?.risk_of(size);
        (!self.weeks.is_empty()).then(|| upper_limit(self.weeks.breached(level), self.weeks.len()))
    }

    /// Memory is not sized below what was seen for a small risk.
    pub(super) fn floor(&self) -> f64 {
        if self.asked.share() < PEAK_KEPT_BELOW {
            self.peak
        } else {
            0.0
        }
    }
}

/// What would make a size surer.
fn missing(history: &History<'_>, group: Group, weeks: &Weeks, asked: Risk) -> Vec<String> {
    let needed = weeks_to_certify(asked.share());
    let few_weeks = (weeks.len() < needed).then(|| {
        format!(
            "{} of the {needed} workload-weeks that {asked} would need to be confirmed by this fleet alone",
            weeks.len()
        )
    });
    let days = history.days().len();
    let few_days = (days < FULL_DAYS)
        .then(|| format!("{days} of {FULL_DAYS} days: the margin shrinks as more are seen"));
    let coarse = match group.period {
        Period::Minute => None,
        Period::FiveMinutes => Some("samples of a minute instead of five"),
        // Measured on Bitbrains (July 2013), medians of P99.5: maxima of an hour over those of five minutes.
        Period::Longer => Some(
            "samples of a minute: percentiles of hourly maxima are about 1.5 (CPU) and 1.3 (memory) times those of five minutes",
        ),
    };
    [few_weeks, few_days, coarse.map(str::to_owned)]
        .into_iter()
        .flatten()
        .collect()
}

/// Weeks without a breach that certify a `risk` at [`CONFIDENCE`]: ln(1 - confidence) / ln(1 - risk).
fn weeks_to_certify(risk: f64) -> usize {
    let weeks = (1.0 - CONFIDENCE).ln() / (1.0 - risk).ln();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a risk is at least half a percent: at most 598"
    )]
    let weeks = weeks.ceil() as usize;
    weeks
}

/// The largest share of which no more than `breached` of `weeks` would still be seen in one of twenty cases.
///
/// Source: Clopper and Pearson, Biometrika 26 (1934).
fn upper_limit(breached: usize, weeks: usize) -> f64 {
    if breached >= weeks {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if no_more_than(breached, weeks, middle) > 1.0 - CONFIDENCE {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability of at most `breached` of `weeks`, each with `share`.
fn no_more_than(breached: usize, weeks: usize, share: f64) -> f64 {
    let odds = (share / (1.0 - share)).ln();
    let mut ln_term = weeks as f64 * (1.0 - share).ln();
    let mut sum = ln_term.exp();
    for at in 0..breached {
        ln_term += ((weeks - at) as f64 / (at + 1) as f64).ln() + odds;
        sum += ln_term.exp();
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_of_three_and_its_exact_form() {
        // ln(0.05) / ln(1 - p): 59 for 5 %, 149 for 2 %, 299 for 1 %.
        let needed: Vec<usize> = [0.05, 0.02, 0.01].map(weeks_to_certify).into();
        assert_eq!(needed, [59, 149, 299]);
        assert!((upper_limit(0, 299) - (1.0 - 0.05_f64.powf(1.0 / 299.0))).abs() < 1e-9);
    }

    #[test]
    fn clopper_and_pearson_as_published() {
        // Of 10, one: 39.4 % (one-sided 95 %); of 100, five: 10.23 %; all: 100 %.
        for (breached, weeks, limit) in [(1, 10, 0.3942), (5, 100, 0.1023), (3, 3, 1.0)] {
            let found = upper_limit(breached, weeks);
            assert!(
                (found - limit).abs() < 5e-4,
                "{breached} of {weeks}: {found}"
            );
        }
    }
}
