//! How often a size may be exceeded.

use std::fmt;
use std::str::FromStr;

/// Share of workload-weeks that may go beyond a size.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub struct Risk(f64);

/// What a number may be, percent: below, no evidence holds it; above, it is no longer a size.
const PERCENT: std::ops::RangeInclusive<f64> = 0.5..=50.0;

impl Risk {
    /// One in a hundred.
    pub const LOW: Self = Self(0.01);
    /// Two in a hundred.
    pub const MEDIUM: Self = Self(0.02);
    /// Five in a hundred.
    pub const HIGH: Self = Self(0.05);

    /// As a share, 0–1.
    pub const fn share(self) -> f64 {
        self.0
    }

    /// In percent.
    pub fn percent(self) -> f64 {
        (self.0 * 1e6).round() / 1e4
    }
}

impl Default for Risk {
    fn default() -> Self {
        Self::MEDIUM
    }
}

impl FromStr for Risk {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "low" => Ok(Self::LOW),
            "medium" => Ok(Self::MEDIUM),
            "high" => Ok(Self::HIGH),
            number => {
                let percent = number.strip_suffix('%').unwrap_or(number).parse().ok();
                let percent = percent.filter(|percent: &f64| PERCENT.contains(percent));
                let (least, most) = (PERCENT.start(), PERCENT.end());
                percent.map(|percent| Self(percent / 100.0)).ok_or_else(|| {
                    format!("give low, medium, high or a percentage from {least} to {most}")
                })
            }
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.percent())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_percentages_are_risks() {
        let cases = [
            ("low", 0.01),
            ("medium", 0.02),
            ("high", 0.05),
            ("0.5", 0.005),
            ("3%", 0.03),
        ];
        for (text, share) in cases {
            let risk: Risk = text.parse().unwrap();
            assert!((risk.share() - share).abs() < 1e-12, "{text}");
        }
        assert_eq!(Risk::HIGH.to_string(), "5%");
    }

    #[test]
    fn what_no_evidence_holds_is_refused() {
        for text in ["0", "0.4", "51", "-1", "NaN", "inf", "", "none"] {
            assert!(text.parse::<Risk>().is_err(), "{text}");
        }
    }
}
