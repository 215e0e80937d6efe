//! Amounts as people read them: `$1,234.56`, `33%`, `1,234`, and words where an amount is not known.

use rust_decimal::{Decimal, RoundingStrategy};

use crate::model::units::Usd;

/// Stands where an amount is unknown.
pub(super) const NOT_PRICED: &str = "not priced";

/// `$1,234.56`; below a cent two significant digits, so that no known cost reads as nothing.
pub(crate) fn money(amount: Usd) -> String {
    let exact = amount.amount();
    let size = exact.abs();
    let sign = if exact.is_sign_negative() && !exact.is_zero() {
        "-"
    } else {
        ""
    };
    if size.is_zero() || size >= Decimal::new(1, 2) {
        let cents = size.round_dp_with_strategy(2, RoundingStrategy::MidpointAwayFromZero);
        return format!("{sign}${}", group(&format!("{cents:.2}")));
    }
    if size < Decimal::new(1, 6) {
        return format!("{sign}<$0.000001");
    }
    format!("{sign}${}", size.round_sf(2).unwrap_or(size).normalize())
}

/// The amount, or that there is no price.
pub(super) fn money_or_not(amount: Option<Usd>) -> String {
    amount.map_or_else(|| NOT_PRICED.to_owned(), money)
}

/// `1,234`.
pub(crate) fn count(number: impl Copy + ToString) -> String {
    group(&number.to_string())
}

/// `33%`, below ten with one decimal.
pub(super) fn percent(value: f64) -> String {
    if !value.is_finite() {
        return "not known".to_owned();
    }
    let digits = if value.abs() < 9.95 {
        format!("{value:.1}")
    } else {
        group(&format!("{value:.0}"))
    };
    let plain = digits.strip_suffix(".0").unwrap_or(&digits);
    format!("{}%", if plain == "-0" { "0" } else { plain })
}

/// `part` of `whole` as a percentage; `None` of nothing.
pub(super) fn share(part: Usd, whole: Usd) -> Option<String> {
    (whole > Usd::ZERO).then(|| percent(part.as_f64() / whole.as_f64() * 100.0))
}

/// How far `there` is from `today`: `+12%` or `-26%`.
pub(super) fn change(there: Usd, today: Usd) -> Option<String> {
    let change = share(there - today, today)?;
    Some(if there > today {
        format!("+{change}")
    } else {
        change
    })
}

/// `12 workloads`, `1 workload`.
pub(crate) fn plural(number: impl TryInto<u64>, noun: &str) -> String {
    let number = number.try_into().unwrap_or(u64::MAX);
    format!(
        "{} {noun}{}",
        count(number),
        if number == 1 { "" } else { "s" }
    )
}

/// vCPU with up to two decimals.
pub(super) fn vcpu(value: f64) -> String {
    if !value.is_finite() {
        return "not known".to_owned();
    }
    if value > 0.0 && value < 0.005 {
        return "<0.01".to_owned();
    }
    format!("{value:.2}")
        .trim_end_matches('0')
        .trim_end_matches('.')
        .to_owned()
}

/// Whole MiB, never less than needed.
pub(super) fn mib(value: f64) -> String {
    if value.is_finite() {
        group(&format!("{:.0}", value.ceil()))
    } else {
        "not known".to_owned()
    }
}

/// Thousands separators for a plain number.
fn group(number: &str) -> String {
    let whole = number.find('.').unwrap_or(number.len());
    let first = usize::from(number.starts_with('-'));
    let mut grouped = String::with_capacity(number.len() + whole / 3);
    for (at, char) in number.chars().enumerate() {
        if at > first && at < whole && (whole - at).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(char);
    }
    grouped
}

/// RFC 3339.
pub(super) fn time(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms)
        .unwrap_or_default()
        .to_string()
}

/// `90 s`, `5 min 30 s`, `2 h 5 min`.
pub(super) fn duration(seconds: f64) -> String {
    if !seconds.is_finite() || seconds < 0.0 {
        return "not known".to_owned();
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "checked above; float-to-int casts saturate"
    )]
    let whole = seconds.round() as u64;
    let join = |big: u64, big_unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{big} {big_unit}"),
        _ => format!("{big} {big_unit} {small} {small_unit}"),
    };
    match whole {
        0..120 => format!("{whole} s"),
        120..7_200 => join(whole / 60, "min", whole % 60, "s"),
        _ => join(whole / 3600, "h", whole % 3600 / 60, "min"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_as_people_say_them() {
        for (seconds, said) in [
            (0.4, "0 s"),
            (90.0, "90 s"),
            (120.0, "2 min"),
            (330.0, "5 min 30 s"),
            (7_500.0, "2 h 5 min"),
            (f64::NAN, "not known"),
        ] {
            assert_eq!(duration(seconds), said);
        }
    }

    fn usd(amount: &str) -> Usd {
        Usd::new(amount.parse().unwrap())
    }

    #[test]
    fn money_has_cents_and_separators() {
        for (amount, printed) in [
            ("1234.56", "$1,234.56"),
            ("1234567.895", "$1,234,567.90"),
            ("999.995", "$1,000.00"),
            ("100", "$100.00"),
            ("0", "$0.00"),
            ("0.01", "$0.01"),
            ("-1234.5", "-$1,234.50"),
        ] {
            assert_eq!(money(usd(amount)), printed);
        }
    }

    #[test]
    fn a_known_cost_never_reads_as_nothing() {
        for (amount, printed) in [
            ("0.0021", "$0.0021"),
            ("0.0099", "$0.0099"),
            ("0.00999", "$0.01"),
            ("0.000012345", "$0.000012"),
            ("0.0000000001", "<$0.000001"),
            ("-0.0021", "-$0.0021"),
        ] {
            assert_eq!(money(usd(amount)), printed);
        }
        assert_eq!(money_or_not(None), "not priced");
    }

    #[test]
    fn percentages_keep_a_decimal_below_ten() {
        let printed = [
            33.4,
            9.94,
            9.96,
            4.0,
            0.04,
            -0.04,
            0.0,
            -26.4,
            1234.5,
            f64::NAN,
            f64::INFINITY,
        ]
        .map(percent);
        assert_eq!(
            printed,
            [
                "33%",
                "9.9%",
                "10%",
                "4%",
                "0%",
                "0%",
                "0%",
                "-26%",
                "1,234%",
                "not known",
                "not known"
            ]
        );
        assert_eq!(change(usd("112"), usd("100")).as_deref(), Some("+12%"));
        assert_eq!(
            change(usd("1"), usd("0")),
            None,
            "nothing is no base for a percentage"
        );
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(
            [
                count(0),
                count(999),
                count(1000),
                count(1_234_567),
                count(-1000)
            ],
            ["0", "999", "1,000", "1,234,567", "-1,000"]
        );
    }

    #[test]
    fn needs_are_never_rounded_below_what_is_needed_of_memory() {
        assert_eq!(
            [vcpu(0.31), vcpu(4.0), vcpu(0.004), vcpu(0.0), vcpu(10.0)],
            ["0.31", "4", "<0.01", "0", "10"]
        );
        assert_eq!(
            [mib(812.0), mib(812.01), mib(20_000.0), mib(f64::NAN)],
            ["812", "813", "20,000", "not known"]
        );
    }
}
