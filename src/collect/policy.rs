//! The IAM policy that a collection needs: exactly the operations that the guards let pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::aws::OPERATIONS;

/// What the actions of a service are for, and so which statement they belong to.
const STATEMENTS: [(&str, &[&str]); 3] = [
    (
        "PlimsollCollect",
        &["cloudwatch", "codebuild", "ecs", "logs"],
    ),
    ("PlimsollPrices", &["pricing", "savingsplans"]),
    ("PlimsollIdentity", &["sts"]),
];

/// Where a dataset lies in S3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    /// Bucket.
    pub(crate) bucket: String,
    /// Without `/` at either end; empty for the whole bucket.
    pub(crate) prefix: String,
}

/// Some actions on some resources.
struct Statement {
    name: &'static str,
    actions: Vec<String>,
    resource: String,
    /// What may be listed, where that is not everything.
    listed: Option<String>,
}

/// The statements in order; a dataset in S3 has two of its own. `sts:GetCallerIdentity` needs no permission but is
/// called, so it is listed.
fn statements(dataset: Option<&Location>) -> Vec<Statement> {
    let mut of_service: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (service, operation) in OPERATIONS {
        of_service
            .entry(service)
            .or_default()
            .push(format!("{service}:{operation}"));
    }
    let actions = |services: &[&str]| {
        services
            .iter()
            .filter_map(|service| of_service.get(service))
            .flatten()
            .cloned()
            .collect()
    };
    let read = |(name, services): &(&'static str, &[&str])| Statement {
        name,
        actions: actions(services),
        resource: "*".to_owned(),
        listed: None,
    };
    STATEMENTS
        .iter()
        .map(read)
        .chain(dataset.into_iter().flat_map(of_dataset))
        .collect()
}

/// Parts are listed, read and created, never deleted.
fn of_dataset(Location { bucket, prefix }: &Location) -> [Statement; 2] {
    let below = if prefix.is_empty() {
        "*".to_owned()
    } else {
        format!("{prefix}/*")
    };
    let list = Statement {
        name: "PlimsollDatasetList",
        actions: vec!["s3:ListBucket".to_owned()],
        resource: format!("arn:aws:s3:::{bucket}"),
        listed: (!prefix.is_empty()).then(|| below.clone()),
    };
    let parts = Statement {
        name: "PlimsollDatasetParts",
        actions: ["s3:GetObject", "s3:PutObject"].map(str::to_owned).to_vec(),
        resource: format!("arn:aws:s3:::{bucket}/{below}"),
        listed: None,
    };
    [list, parts]
}

/// As an IAM policy document.
pub(crate) fn json(dataset: Option<&Location>) -> String {
    let statement = |statement: Statement| {
        let Statement {
            name,
            actions,
            resource,
            listed,
        } = statement;
        let mut value =
            json!({"Sid": name, "Effect": "Allow", "Action": actions, "Resource": resource});
        if let Some(listed) = listed {
            value["Condition"] = json!({"StringLike": {"s3:prefix": listed}});
        }
        value
    };
    let all: Vec<Value> = statements(dataset).into_iter().map(statement).collect();
    let document = json!({"Version": "2012-10-17", "Statement": all});
    format!("{document:#}\n")
}

/// As a Terraform data source.
pub(crate) fn terraform(dataset: Option<&Location>) -> String {
    let mut text = "data \"aws_iam_policy_document\" \"plimsoll\" {\n".to_owned();
    for Statement {
        name,
        actions,
        resource,
        listed,
    } in statements(dataset)
    {
        let _ = writeln!(
            text,
            "  statement {{\n    sid       = \"{name}\"\n    effect    = \"Allow\"\n    resources = [\"{resource}\"]\n    actions = ["
        );
        for action in actions {
            let _ = writeln!(text, "      \"{action}\",");
        }
        text.push_str("    ]\n");
        if let Some(listed) = listed {
            let _ = writeln!(
                text,
                "    condition {{\n      test     = \"StringLike\"\n      variable = \"s3:prefix\"\n      values   = [\"{listed}\"]\n    }}"
            );
        }
        text.push_str("  }\n");
    }
    text.push_str("}\n");
    text
}

/// As a CloudFormation template of one managed policy.
pub(crate) fn cloudformation(dataset: Option<&Location>) -> String {
    let mut text = "AWSTemplateFormatVersion: '2010-09-09'\nDescription: Permissions of plimsoll\nResources:\n  PlimsollPolicy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      Description: What plimsoll reads, and its dataset\n      PolicyDocument:\n        Version: '2012-10-17'\n        Statement:\n".to_owned();
    for Statement {
        name,
        actions,
        resource,
        listed,
    } in statements(dataset)
    {
        let _ = writeln!(
            text,
            "          - Sid: {name}\n            Effect: Allow\n            Resource: '{resource}'\n            Action:"
        );
        for action in actions {
            let _ = writeln!(text, "              - {action}");
        }
        if let Some(listed) = listed {
            let _ = writeln!(
                text,
                "            Condition:\n              StringLike:\n                s3:prefix: '{listed}'"
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location(prefix: &str) -> Location {
        Location {
            bucket: "ledger".to_owned(),
            prefix: prefix.to_owned(),
        }
    }

    fn times(text: &str, action: &str) -> usize {
        text.lines()
            .filter(|line| line.trim().trim_matches(['"', ',', '-', ' ']) == action)
            .count()
    }

    #[test]
    fn every_form_names_every_listed_operation_once() {
        for text in [json(None), terraform(None), cloudformation(None)] {
            for (service, operation) in OPERATIONS {
                assert_eq!(
                    times(&text, &format!("{service}:{operation}")),
                    1,
                    "{service}:{operation} in\n{text}"
                );
            }
            assert!(!text.contains("s3:"));
        }
    }

    #[test]
    fn a_dataset_in_s3_takes_three_actions_below_its_prefix() {
        let dataset = location("finops/plimsoll");
        for text in [
            json(Some(&dataset)),
            terraform(Some(&dataset)),
            cloudformation(Some(&dataset)),
        ] {
            for action in ["s3:GetObject", "s3:PutObject"] {
                assert_eq!(times(&text, action), 1, "{action} in\n{text}");
            }
            assert!(text.contains("s3:ListBucket") && !text.contains("s3:Delete"));
            assert!(
                text.contains("arn:aws:s3:::ledger/finops/plimsoll/*")
                    && text.contains("s3:prefix")
            );
        }
        assert!(json(Some(&location(""))).contains("arn:aws:s3:::ledger/*"));
    }
}
