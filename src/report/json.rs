//! The result as JSON: the types of [`super::result`], nothing added.

use serde::Serialize;

use super::escape;
use super::packing::PackingResult;
use super::result::{Report, WorkloadResult};

/// Pretty JSON with a newline at its end.
///
/// A number that is not one (`NaN`, infinity) is `null`.
pub(super) fn render(report: &Report) -> String {
    text(report)
}

/// One workload of it.
pub(super) fn workload(workload: &WorkloadResult) -> String {
    text(workload)
}

/// Fleet plans.
pub(super) fn packing(packing: &PackingResult) -> String {
    text(packing)
}

fn text(result: &impl Serialize) -> String {
    let pretty = serde_json::to_string_pretty(result)
        .expect("plain structs with named fields always serialize");
    escape::json(&pretty) + "\n"
}

/// A schema as JSON text.
pub(super) fn schema(schema: &schemars::Schema) -> String {
    let pretty =
        serde_json::to_string_pretty(schema).expect("a schema is plain JSON and always serializes");
    pretty + "\n"
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
    fn keys_are_always_there_and_null_where_nothing_is_known() {
        let read: serde_json::Value = serde_json::from_str(&render(&sample::report())).unwrap();
        let web = &read["workloads"][0];
        assert!(
            web["evidence"]
                .get("seen_days")
                .is_some_and(serde_json::Value::is_null)
        );
        for workload in read["workloads"].as_array().unwrap() {
            let keys = |value: &serde_json::Value| -> Vec<String> {
                value.as_object().unwrap().keys().cloned().collect()
            };
            assert_eq!(keys(workload), keys(web));
            assert_eq!(keys(&workload["current"]), keys(&web["current"]));
        }
        let part: serde_json::Value =
            serde_json::from_str(&render(&sample::partly_seen())).unwrap();
        assert_eq!(part["workloads"][0]["evidence"]["seen_days"], 7);
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
