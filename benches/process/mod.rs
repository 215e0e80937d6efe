//! What a process took so far, as Linux tells it.

#![allow(dead_code, reason = "not every benchmark asks for all of it")]

use std::fmt::Display;
use std::fs;

/// Seconds that processors spent on this process so far, in hundredths.
pub(crate) fn processor_s() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace();
    let ticks: Vec<f64> = fields.skip(11).take(2).flat_map(str::parse).collect();
    ticks.iter().sum::<f64>() / 100.0
}

/// The most memory that a process (its number, or `self`) ever had; `None` where that is not told.
pub(crate) fn peak_mib(process: impl Display) -> Option<f64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kib = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:")?.strip_suffix("kB"))?;
    Some(kib.trim().parse::<f64>().ok()? / 1_024.0)
}
