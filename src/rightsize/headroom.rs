//! Headroom: what is added on purpose to what was seen.

/// Headroom that is usual, percent: that of KRR, Vertical Pod Autoscaler and Crane.
pub(super) const USUAL_PERCENT: f64 = 15.0;

/// The factor that adds so many percent.
pub(super) fn raised_by(percent: f64) -> f64 {
    1.0 + percent / 100.0
}
