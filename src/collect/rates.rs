//! How fast AWS is asked: half of each published quota, less after a throttle, and back up when it passes.
//!
//! Quotas hold per account, region and class of operation, and are shared with the consoles and deployments of
//! whoever owns the account; so plimsoll takes half at most.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::Instant;

/// Never longer than this between two attempts.
const LONGEST_BACK_OFF: Duration = Duration::from_secs(20);

/// Operations that share one quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// ECS: tasks and container instances.
    EcsTasks,
    /// ECS: services, their deployments and revisions.
    EcsServices,
    /// ECS: clusters.
    EcsClusters,
    /// ECS: task definitions.
    EcsDefinitions,
    /// CodeBuild: all reads.
    Codebuild,
    /// CloudWatch: `GetMetricData`.
    MetricData,
    /// CloudWatch: points asked of `GetMetricData` within the last three hours.
    FreshPoints,
    /// CloudWatch: points asked of `GetMetricData` in windows that begin before.
    OldPoints,
    /// CloudWatch: `ListMetrics`.
    MetricList,
    /// CloudWatch Logs: `DescribeLogGroups`.
    LogGroups,
    /// CloudWatch Logs: `FilterLogEvents`.
    LogEvents,
    /// STS.
    Identity,
}

impl Class {
    /// Calls per second and the most at once. Source: half of the quotas that the API references publish, read
    /// 2026-11; where none is published, what is known to be let through.
    pub(crate) const fn quota(self) -> (f64, f64) {
        match self {
            Self::EcsTasks | Self::EcsServices => (10.0, 40.0),
            Self::EcsClusters | Self::EcsDefinitions => (8.0, 20.0),
            Self::Codebuild => (4.0, 8.0),
            Self::MetricData => (20.0, 20.0),
            // Windows count in full, whether points are there or not: 180,000 and 396,000 a second are allowed.
            Self::FreshPoints => (90_000.0, 90_000.0),
            Self::OldPoints => (198_000.0, 198_000.0),
            Self::MetricList => (10.0, 10.0),
            Self::LogGroups | Self::LogEvents | Self::Identity => (5.0, 5.0),
        }
    }
}

impl Class {
    /// True for what is not counted by the call.
    pub(crate) const fn counts_points(self) -> bool {
        matches!(self, Self::FreshPoints | Self::OldPoints)
    }
}

/// The slowest that throttles can make us: a fraction of the quota.
const SLOWEST: f64 = 0.02;
/// What comes back of the quota each second: all of it within half a minute.
const RECOVERY: f64 = 0.04;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
    /// Share of the quota in use, between [`SLOWEST`] and 1.
    share: f64,
}

/// The pace of one account in one region.
#[derive(Debug)]
pub(crate) struct Rates {
    buckets: Mutex<BTreeMap<Class, Bucket>>,
    /// How many times faster than AWS allows: 1, but for servers on this machine.
    pace: f64,
}

impl Rates {
    /// Full buckets; `pace` is 1 for AWS.
    pub(crate) fn new(pace: f64) -> Self {
        Self {
            buckets: Mutex::default(),
            pace,
        }
    }

    /// Waits until one more call of `class` may be sent.
    pub(crate) async fn turn(&self, class: Class) {
        self.turns(class, 1.0).await;
    }

    /// Waits until `count` more of `class` may be asked for.
    pub(crate) async fn turns(&self, class: Class, count: f64) {
        let wait = self.take(class, count, Instant::now());
        if wait > Duration::ZERO {
            tokio::time::sleep(wait).await;
        }
    }

    /// Takes `count` tokens, on credit if there are none, and says how long to wait for them.
    fn take(&self, class: Class, count: f64, now: Instant) -> Duration {
        let (rate, burst) = class.quota();
        self.with(class, now, |bucket| {
            let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64() * self.pace;
            bucket.share = (bucket.share + elapsed * RECOVERY).min(1.0);
            let rate = rate * bucket.share;
            bucket.tokens = (bucket.tokens + elapsed * rate).min(burst);
            bucket.at = now;
            bucket.tokens -= count;
            Duration::from_secs_f64((-bucket.tokens / rate / self.pace).max(0.0))
        })
    }

    /// AWS said no: go at seven tenths of the speed, with nothing in hand.
    pub(crate) fn throttled(&self, class: Class) {
        self.with(class, Instant::now(), |bucket| {
            bucket.share = (bucket.share * 0.7).max(SLOWEST);
            bucket.tokens = bucket.tokens.min(0.0);
        });
    }

    /// How long to wait before attempt `attempt + 1`: doubling, with full jitter.
    pub(crate) fn back_off(&self, attempt: u32) -> Duration {
        let longest = Duration::from_millis(250)
            .saturating_mul(1 << attempt.min(10))
            .min(LONGEST_BACK_OFF);
        longest.mul_f64(jitter()).div_f64(self.pace)
    }

    fn with<T>(&self, class: Class, now: Instant, change: impl FnOnce(&mut Bucket) -> T) -> T {
        // A poisoned lock holds numbers that are as good as before.
        let mut buckets = self
            .buckets
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        change(buckets.entry(class).or_insert_with(|| Bucket {
            tokens: class.quota().1,
            at: now,
            share: 1.0,
        }))
    }
}

/// Between a half and one; the low bits of the clock are random enough to keep two processes apart.
fn jitter() -> f64 {
    let nanos = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |since| since.subsec_nanos());
    0.5 + f64::from(nanos % 1_000) / 2_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_burst_calls_come_at_the_rate() {
        let rates = Rates::new(1.0);
        let start = Instant::now();
        let waits: Vec<Duration> = (0..60)
            .map(|_| rates.take(Class::EcsTasks, 1.0, start))
            .collect();
        assert!(waits[..40].iter().all(Duration::is_zero));
        assert!(
            (waits[59].as_secs_f64() - 2.0).abs() < 1e-6,
            "20 calls beyond the burst at 10 a second"
        );
    }

    #[test]
    fn each_throttle_slows_down() {
        let rates = Rates::new(1.0);
        let share =
            |rates: &Rates| rates.with(Class::Codebuild, Instant::now(), |bucket| bucket.share);
        for _ in 0..3 {
            rates.throttled(Class::Codebuild);
        }
        assert!((share(&rates) - 0.343).abs() < 1e-9);
    }

    #[test]
    fn half_a_minute_after_the_last_throttle_calls_come_at_the_rate_again() {
        let rates = Rates::new(1.0);
        let start = Instant::now();
        rates.take(Class::Codebuild, 1.0, start);
        for _ in 0..100 {
            rates.throttled(Class::Codebuild);
        }
        // One call a second, until it is time.
        for second in 1..=30 {
            rates.take(Class::Codebuild, 1.0, start + Duration::from_secs(second));
        }
        let start = start + Duration::from_mins(1);
        let waits: Vec<Duration> = (0..48)
            .map(|_| rates.take(Class::Codebuild, 1.0, start))
            .collect();
        let calls = waits
            .iter()
            .filter(|wait| **wait <= Duration::from_secs(10))
            .count();
        assert!(
            calls >= 8 + 36,
            "{calls} calls in ten seconds; 8 at once and 4 a second are allowed"
        );
    }
}
