//! Figures and counts as sentences say them.

/// A figure for a sentence: at most three decimals, no trailing zeros.
pub(super) fn figure(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

/// How often, in words.
pub(super) fn times(count: i64) -> String {
    match count {
        1 => "once".to_owned(),
        count => format!("{count} times"),
    }
}
