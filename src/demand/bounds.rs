//! Between which ends a run lies: exact where its stop was seen, else from its last sign of life to the earliest of
//! what ends it for certain.

use super::observed::Observed;
use super::runs::Run;
use crate::dataset::schema::SourceKind;
use crate::model::span::Span;
use crate::model::units::{MS_PER_MINUTE, Window};
use crate::model::workload::{Kind, WorkloadKey};
use crate::pricing::metering::MeteredMs;

/// A run that only sightings tell of (performance records, snapshots of the ECS API) has ended when none came for
/// this long.
pub(super) const SILENCE_MS: i64 = 300_000;
/// Sightings of a task come once a minute.
const SIGHTING_MS: i64 = 60_000;
/// Longest that a build may run, minutes. Source: CodeBuild API reference, `timeoutInMinutes` (5 to 2160), read 2026-11.
const LONGEST_BUILD_MIN: i64 = 2_160;
/// Longest that a build on Lambda compute may run, minutes. Source: CodeBuild user guide, Lambda compute, read 2026-11.
const LONGEST_LAMBDA_MIN: i64 = 15;

/// A run and the ends between which it lies.
#[derive(Debug, Clone)]
pub(super) struct Bounded<'a> {
    /// The run.
    pub(super) run: &'a Run,
    /// When its meter started; `None` where it did not, as far as is known.
    pub(super) start_ms: Option<i64>,
    /// When it ended.
    pub(super) end_ms: Span<i64>,
    /// Neither its stop nor its silence was seen: it may run on.
    pub(super) is_open: bool,
    /// Its sightings stopped: it ended by the minute of the last one.
    pub(super) is_end_assumed: bool,
    /// Open, and its source tells nothing of the end of the data: no upper end.
    pub(super) is_out_of_sight: bool,
}

impl<'a> Bounded<'a> {
    /// The runs of one workload, with the ends that `observed` leaves open.
    pub(super) fn all(runs: &'a [Run], observed: &Observed<'_>) -> Vec<Self> {
        let typical_ms = typical_ms(runs);
        runs.iter()
            .map(|run| Self::of(run, typical_ms, observed))
            .collect()
    }

    fn of(run: &'a Run, typical_ms: Option<i64>, observed: &Observed<'_>) -> Self {
        let start_ms = run.start_ms();
        let since_ms = start_ms.unwrap_or(i64::MIN);
        if let Some(stopped_ms) = run.stopped_ms {
            return Self {
                run,
                start_ms,
                end_ms: Span::exact(stopped_ms.max(since_ms)),
                is_open: false,
                is_end_assumed: false,
                is_out_of_sight: false,
            };
        }
        let low = run.last_sign_ms().max(since_ms);
        let limit = Limit::of(run, low, observed);
        let high = limit.high_ms.max(low);
        let best = match limit.ended_ms {
            Some(ended_ms) => ended_ms,
            // Tasks of a service are replaced when they end; a job ends as its like did.
            None if run.workload.kind == Kind::Service => high,
            None => match (start_ms, typical_ms) {
                (Some(start_ms), Some(typical_ms)) => start_ms.saturating_add(typical_ms),
                (Some(_), None) if run.workload.kind == Kind::Task => high,
                _ => low,
            },
        };
        Self {
            run,
            start_ms,
            end_ms: Span {
                low,
                best: best.clamp(low, high),
                high,
            },
            is_open: limit.ended_ms.is_none(),
            is_end_assumed: limit.ended_ms.is_some(),
            is_out_of_sight: limit.is_out_of_sight,
        }
    }

    /// True where start and stop are known, or that it never ran.
    pub(super) const fn is_finished(&self) -> bool {
        self.run.stopped_ms.is_some()
    }

    /// What of it is metered in `window`.
    pub(super) fn metered(&self, window: Window) -> Span<MeteredMs> {
        let queued_ms = self.run.queued_ms();
        let Some(start_ms) = self.start_ms else {
            let low = MeteredMs::queued(queued_ms, self.end_ms.low, window);
            if self.is_finished() {
                return Span::exact(low);
            }
            // It may have started behind its last sign of life.
            let high = MeteredMs::of(self.end_ms.low, self.end_ms.high, queued_ms, window);
            return Span {
                low,
                best: low,
                high,
            };
        };
        let of = |end_ms| MeteredMs::of(start_ms, end_ms, queued_ms, window);
        if self.end_ms.is_exact() {
            return Span::exact(of(self.end_ms.best));
        }
        Span {
            low: of(self.end_ms.low),
            best: of(self.end_ms.best),
            high: of(self.end_ms.high),
        }
    }

    /// True where something of it lies in `window`.
    pub(super) fn touches(&self, window: Window) -> bool {
        let known_ms = self.run.known_ms();
        self.start_ms.map_or_else(
            || known_ms >= window.from_ms && known_ms < window.to_ms,
            |start_ms| {
                start_ms < window.to_ms
                    && (self.end_ms.best > window.from_ms || start_ms >= window.from_ms)
            },
        )
    }
}

/// The median length of the finished runs.
fn typical_ms(runs: &[Run]) -> Option<i64> {
    let length = |run: &Run| Some(run.stopped_ms? - run.start_ms()?);
    let mut lengths: Vec<i64> = runs.iter().filter_map(length).collect();
    let middle = lengths.len().checked_sub(1)? / 2;
    Some(*lengths.select_nth_unstable(middle).1)
}

/// What ends a run that was not seen to stop.
struct Limit {
    high_ms: i64,
    /// When it had ended, as far as sightings tell.
    ended_ms: Option<i64>,
    is_out_of_sight: bool,
}

impl Limit {
    fn of(run: &Run, last_sign_ms: i64, observed: &Observed<'_>) -> Self {
        let workload = &*run.workload;
        match run.source {
            _ if workload.kind == Kind::Build => Self::of_build(run),
            SourceKind::ContainerInsights => Self::of_minutes(workload, last_sign_ms, observed),
            SourceKind::EcsApi => Self::of_snapshots(run, last_sign_ms, observed),
            _ => Self::of_events(workload, last_sign_ms, observed),
        }
    }

    /// A build ends by its timeout, whoever looks.
    fn of_build(run: &Run) -> Self {
        let compute_type = run.configuration.compute_type.as_deref();
        let is_lambda = compute_type.is_some_and(|name| name.starts_with("BUILD_LAMBDA"));
        let longest_min = if is_lambda {
            LONGEST_LAMBDA_MIN
        } else {
            LONGEST_BUILD_MIN
        };
        let timeout_min = run.timeout_min.unwrap_or(longest_min).min(longest_min);
        let from_ms = run.start_ms().unwrap_or_else(|| run.last_sign_ms());
        Self {
            high_ms: from_ms + timeout_min * MS_PER_MINUTE,
            ended_ms: None,
            is_out_of_sight: false,
        }
    }

    fn of_minutes(workload: &WorkloadKey, last_sign_ms: i64, observed: &Observed<'_>) -> Self {
        let known_ms = observed.last_record_ms(workload, SourceKind::ContainerInsights);
        let known_ms = known_ms.unwrap_or(last_sign_ms).max(last_sign_ms);
        let is_silent = last_sign_ms + SILENCE_MS < known_ms.max(observed.end_ms());
        if is_silent {
            return Self {
                high_ms: last_sign_ms + SIGHTING_MS,
                ended_ms: Some(last_sign_ms + SIGHTING_MS / 2),
                is_out_of_sight: false,
            };
        }
        Self {
            high_ms: (known_ms + SIGHTING_MS).max(observed.end_ms()),
            ended_ms: None,
            is_out_of_sight: false,
        }
    }

    /// A snapshot tells of its instant: the run ended before the next one in which it is not.
    fn of_snapshots(run: &Run, last_sign_ms: i64, observed: &Observed<'_>) -> Self {
        let seen_ms = run.last_seen_ms.unwrap_or(last_sign_ms);
        if let Some(next_ms) = observed.next_snapshot_ms(&run.workload, seen_ms) {
            return Self {
                high_ms: next_ms,
                ended_ms: Some((last_sign_ms + SIGHTING_MS).min(next_ms)),
                is_out_of_sight: false,
            };
        }
        Self {
            high_ms: observed.end_ms(),
            ended_ms: None,
            is_out_of_sight: last_sign_ms + SILENCE_MS < observed.asked_end_ms(),
        }
    }

    /// Behind the last event of its cluster, a task that is not known to have stopped may have.
    fn of_events(workload: &WorkloadKey, last_sign_ms: i64, observed: &Observed<'_>) -> Self {
        let last_ms = observed.last_record_ms(workload, SourceKind::TaskEvents);
        let read_ms = observed.events_end(&workload.account, &workload.region, &workload.cluster);
        let end_ms = read_ms.max(last_ms).unwrap_or_else(|| observed.end_ms());
        let end_ms = end_ms.max(last_sign_ms);
        let asked_ms = observed.asked_end_ms();
        let is_out_of_sight = end_ms + SILENCE_MS < asked_ms;
        Self {
            // Between the last event and the end of the window little time need be without one.
            high_ms: if is_out_of_sight {
                end_ms
            } else {
                end_ms.max(asked_ms)
            },
            ended_ms: None,
            is_out_of_sight,
        }
    }
}
