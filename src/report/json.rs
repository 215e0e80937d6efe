//! The result as JSON: the types of [`super::result`], nothing added.

use super::escape;
use super::result::Report;

/// Pretty JSON with a newline at its end.
///
/// A number that is not one (`NaN`, infinity) is `null`.
pub(super) fn render(report: &Report) -> String {
    let pretty = serde_json::to_string_pretty(report)
        .expect("plain structs with named fields always serialize");
    escape::json(&pretty) + "\n"
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn json_is_the_result_and_ends_in_a_newline() {
        let report = sample::report();
        let text = render(&report);
        assert!(text.ends_with("}\n"));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            text.trim_end(),
            serde_json::to_string_pretty(&report).unwrap()
        );
        assert_eq!(read["version"], 2);
        assert_eq!(
            read["workloads"][0]["recommended"]["size"]["name"],
            "0.5 vCPU / 1 GiB"
        );
    }

    #[test]
    fn unknown_amounts_are_null() {
        let read: serde_json::Value = serde_json::from_str(&render(&sample::report())).unwrap();
        let windows = &read["workloads"][4];
        assert_eq!(windows["name"], "report");
        assert!(windows["current"]["going_rate"].is_null());
    }

    #[test]
    fn days_are_null_where_all_were_seen() {
        let read = |report| serde_json::from_str::<serde_json::Value>(&render(&report)).unwrap();
        let part = read(sample::partly_seen());
        let web = &part["workloads"][0]["evidence"];
        assert_eq!(
            (
                &web["seen_days"],
                &web["window_days"],
                &part["totals"]["partly_seen"]
            ),
            (&7.into(), &30.into(), &1.into())
        );
        let whole = read(sample::report());
        let web = &whole["workloads"][0]["evidence"];
        assert!(web["seen_days"].is_null() && web["window_days"].is_null());
    }

    #[test]
    fn names_cannot_steer_a_terminal() {
        let mut report = sample::report();
        report.workloads[0].name = "\u{1b}[2J\u{9b}\u{202e}\u{e0041}".to_owned();
        let text = render(&report);
        assert!(text.contains(r#""\u001b[2J\u009b\u202e\udb40\udc41""#));
        let read: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(
            read["workloads"][0]["name"],
            report.workloads[0].name.as_str()
        );
    }
}
