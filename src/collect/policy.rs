//! The IAM policy that a collection needs: exactly the operations that the guard lets pass.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::json;

use crate::aws::OPERATIONS;

/// What the actions of a service are for, and so which statement they belong to.
const STATEMENTS: [(&str, &[&str]); 3] = [
    ("PlimsollCollect", &["cloudwatch", "codebuild", "ecs", "logs"]),
    ("PlimsollPrices", &["pricing", "savingsplans"]),
    ("PlimsollIdentity", &["sts"]),
];

/// The actions of each statement, in order. `sts:GetCallerIdentity` needs no permission but is called, so it is listed.
fn statements() -> Vec<(&'static str, Vec<String>)> {
    let mut of_service: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (service, operation) in OPERATIONS {
        of_service.entry(service).or_default().push(format!("{service}:{operation}"));
    }
    let actions = |services: &[&str]| services.iter().filter_map(|service| of_service.get(service)).flatten().cloned().collect();
    STATEMENTS.iter().map(|(name, services)| (*name, actions(services))).collect()
}

/// As an IAM policy document.
pub(crate) fn json() -> String {
    let statement =
        |(name, actions): (&str, Vec<String>)| json!({"Sid": name, "Effect": "Allow", "Action": actions, "Resource": "*"});
    let document = json!({"Version": "2012-10-17", "Statement": statements().into_iter().map(statement).collect::<Vec<_>>()});
    format!("{document:#}\n")
}

/// As a Terraform data source.
pub(crate) fn terraform() -> String {
    let mut text = "data \"aws_iam_policy_document\" \"plimsoll\" {\n".to_owned();
    for (name, actions) in statements() {
        let _ = writeln!(
            text,
            "  statement {{\n    sid       = \"{name}\"\n    effect    = \"Allow\"\n    resources = [\"*\"]\n    actions = ["
        );
        for action in actions {
            let _ = writeln!(text, "      \"{action}\",");
        }
        text.push_str("    ]\n  }\n");
    }
    text.push_str("}\n");
    text
}

/// As a CloudFormation template of one managed policy.
pub(crate) fn cloudformation() -> String {
    let mut text = "AWSTemplateFormatVersion: '2010-09-09'\nDescription: Read-only permissions for plimsoll\nResources:\n  PlimsollPolicy:\n    Type: AWS::IAM::ManagedPolicy\n    Properties:\n      Description: What plimsoll reads\n      PolicyDocument:\n        Version: '2012-10-17'\n        Statement:\n".to_owned();
    for (name, actions) in statements() {
        let _ =
            writeln!(text, "          - Sid: {name}\n            Effect: Allow\n            Resource: '*'\n            Action:");
        for action in actions {
            let _ = writeln!(text, "              - {action}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_names_every_listed_operation_once() {
        for text in [json(), terraform(), cloudformation()] {
            for (service, operation) in OPERATIONS {
                let action = format!("{service}:{operation}");
                let times = text.lines().filter(|line| line.trim().trim_matches(['"', ',', '-', ' ']) == action).count();
                assert_eq!(times, 1, "{action} in\n{text}");
            }
        }
    }
}
