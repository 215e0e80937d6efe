//! What is paid for: a rate and a meter. Both the cost of a placement and its break-even come from these two.

use rust_decimal::Decimal;

use super::job::{Load, ceil_div};
use crate::model::units::{HOURS_PER_MONTH, MS_PER_HOUR, Usd};
use crate::pricing::Metering;
use crate::pricing::cost::{Amount, Tariff};

pub(super) const MONTH_MS: i64 = HOURS_PER_MONTH * MS_PER_HOUR;

/// What is paid for: a tariff, and the time it is billed for.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Terms {
    pub(super) tariff: Tariff,
    pub(super) time: BilledTime,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum BilledTime {
    /// Each run by itself, after `boot_ms`, which is billed too; `free_ms` of the period are not billed.
    PerRun {
        rule: Metering,
        boot_ms: i64,
        free_ms: i64,
    },
    /// Instances for all of the period, each with room for so many runs.
    AlwaysOn { runs_per_instance: u32 },
}

impl BilledTime {
    pub(super) const fn per_run(rule: Metering) -> Self {
        Self::PerRun {
            rule,
            boot_ms: 0,
            free_ms: 0,
        }
    }

    /// Milliseconds billed in the period. Never less for longer or for more runs.
    pub(super) fn billed_ms(self, load: Load) -> i128 {
        match self {
            Self::PerRun {
                rule,
                boot_ms,
                free_ms,
            } => {
                let run_ms = rule.billed_ms(load.duration_ms.saturating_add(boot_ms));
                (i128::from(load.runs()) * i128::from(run_ms) - i128::from(free_ms)).max(0)
            }
            Self::AlwaysOn { runs_per_instance } => {
                let instances = ceil_div(load.overlap(), runs_per_instance.max(1).into());
                instances.saturating_mul(load.period_ms().into())
            }
        }
    }
}

impl Terms {
    /// What the period costs, line by line; `None` beyond what can be counted.
    pub(super) fn cost(&self, load: Load) -> Option<Amount> {
        let billed_ms = i64::try_from(self.time.billed_ms(load)).ok()?;
        let usd = self.tariff.usd(billed_ms);
        (usd.amount() < Decimal::MAX).then(|| Amount {
            lines: self.tariff.lines(billed_ms),
            ..Amount::exact(usd)
        })
    }

    /// What 730 billed hours cost. Finite as a decimal, unlike the price of a millisecond.
    pub(super) fn usd_per_month(&self) -> Usd {
        self.tariff.usd(MONTH_MS)
    }
}
