//! Demand over time, coarsely: which instance types are worth a simulation.

use super::floor::Offer;
use super::input::{CPU, INTERFACES, MEMORY};
use super::problem::Problem;
use super::timeline::Task;

/// Demand over time, coarsely: the mean of each resource in spans of equal length.
pub(super) struct Load {
    spans: Vec<[f64; 4]>,
    span_ms: f64,
}

impl Load {
    const MOST_SPANS: i64 = 2048;

    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_possible_wrap
    )] // spans are few
    pub(super) fn of(tasks: &[Task], problem: &Problem<'_>) -> Self {
        let from_ms = problem.window.from_ms;
        let spans = (tasks.len() as i64 * 2).clamp(16, Self::MOST_SPANS);
        let span_ms = (problem.window.ms() / spans).max(1);
        let count = (problem.window.ms() / span_ms + 1) as usize;
        // Differences of a curve that is constant in each span: whole spans by their ends, the rest directly.
        let mut rise = vec![[0.0; 4]; count + 1];
        let mut spans = vec![[0.0; 4]; count];
        for task in tasks {
            let item = problem.items[task.tenant as usize].0.map(f64::from);
            let (start, end) = (task.start_ms - from_ms, task.end_ms - from_ms);
            let (first, last) = ((start / span_ms) as usize, ((end - 1) / span_ms) as usize);
            let part = |from: i64, to: i64| (to - from) as f64 / span_ms as f64;
            for (resource, amount) in item.into_iter().enumerate() {
                if first == last {
                    spans[first][resource] += amount * part(start, end);
                } else {
                    spans[first][resource] += amount * part(start, (first as i64 + 1) * span_ms);
                    spans[last][resource] += amount * part(last as i64 * span_ms, end);
                    rise[first + 1][resource] += amount;
                    rise[last][resource] -= amount;
                }
            }
        }
        let mut level = [0.0; 4];
        for (span, rise) in spans.iter_mut().zip(&rise) {
            for resource in 0..4 {
                level[resource] += rise[resource];
                span[resource] += level[resource];
            }
        }
        Self {
            spans,
            span_ms: span_ms as f64,
        }
    }

    pub(super) fn spans(&self) -> usize {
        self.spans.len()
    }

    /// Whether tasks fill the processor of such an instance before its memory.
    pub(super) fn is_cpu_scarcer(&self, offer: &Offer) -> bool {
        let sum = |resource: usize| -> f64 { self.spans.iter().map(|span| span[resource]).sum() };
        let [cpu, memory, ..] = offer.capacity.0.map(f64::from);
        sum(CPU) * memory > sum(MEMORY) * cpu
    }

    /// Price × milliseconds that instances of this type cannot be below.
    pub(super) fn least(&self, offer: &Offer) -> f64 {
        self.sum(offer, |instances| instances) * (1.0 - 1e-6)
    }

    /// Price × milliseconds of whole instances.
    pub(super) fn likely(&self, offer: &Offer) -> f64 {
        self.sum(offer, |instances| (instances * 1.05).ceil())
    }

    fn sum(&self, offer: &Offer, whole: impl Fn(f64) -> f64) -> f64 {
        let capacity = offer.capacity.0;
        let needed = |span: &[f64; 4]| {
            let parts = span.iter().zip(capacity).enumerate();
            let limited = parts.filter(|&(resource, (_, capacity))| {
                capacity > 0 && (resource != INTERFACES || capacity < u32::MAX)
            });
            limited
                .map(|(_, (used, capacity))| used / f64::from(capacity))
                .fold(0.0, f64::max)
        };
        let instances: f64 = self.spans.iter().map(|span| whole(needed(span))).sum();
        instances * self.span_ms * offer.usd_per_hour
    }
}
