//! `collect` told wrongly: one clear error each, the right exit code, and no harm done.

use std::fs;

use crate::support::{Run, World, command};

/// A loopback address that nobody listens on.
const NOBODY: &str = "http://127.0.0.1:9";

fn collect(world: &World, environment: &[(&str, &str)], args: &[&str]) -> Run {
    let mut command = command(&["collect", "--dataset", "dataset"]);
    command
        .args(args)
        .current_dir(world.path(""))
        .env("HOME", world.path(""))
        .env("AWS_EC2_METADATA_DISABLED", "true");
    for (name, value) in environment {
        command.env(name, value);
    }
    Run::of(&command.output().expect("the binary runs"))
}

const KEYS: [(&str, &str); 2] = [
    ("AWS_ACCESS_KEY_ID", "AKIDTEST"),
    ("AWS_SECRET_ACCESS_KEY", "CANARY-secret"),
];

#[track_caller]
fn refuses(environment: &[(&str, &str)], args: &[&str], code: i32, words: &[&str]) {
    let world = World::new();
    let run = collect(&world, environment, args).exits(code).says(words);
    assert!(!run.said().contains("CANARY"), "{}", run.said());
    assert!(
        !world.path("dataset").exists(),
        "nothing is written before it is known to make sense"
    );
}

#[test]
fn an_endpoint_that_is_no_url_is_refused_instead_of_calling_aws() {
    for url in [
        "127.0.0.1:4566",
        "http//127.0.0.1",
        "",
        "http://",
        "ftp://127.0.0.1",
        "http://127.0.0.1:port",
        "http://:80",
    ] {
        let environment = [
            KEYS[0],
            KEYS[1],
            ("AWS_ENDPOINT_URL", url),
            ("AWS_REGION", "us-east-1"),
        ];
        refuses(&environment, &[], 2, &["AWS_ENDPOINT_URL is not a URL"]);
        refuses(
            &[
                KEYS[0],
                KEYS[1],
                ("AWS_ENDPOINT_URL_ECS", url),
                ("AWS_REGION", "us-east-1"),
            ],
            &[],
            2,
            &["AWS_ENDPOINT_URL_ECS"],
        );
    }
}

#[test]
fn a_misspelt_region_is_refused_with_the_right_one() {
    refuses(
        &KEYS,
        &["--region", "us-east1"],
        2,
        &["`us-east1` is not an AWS region", "us-east-1"],
    );
    refuses(
        &KEYS,
        &["--region", "eu-west-1,Ireland"],
        2,
        &["`Ireland` is not an AWS region"],
    );
}

#[test]
fn without_a_region_the_ways_to_name_one_are_told() {
    refuses(&KEYS, &[], 2, &["no region", "--region", "AWS_REGION"]);
}

#[test]
fn a_role_arn_that_is_none_is_refused() {
    for arn in [
        "plimsoll",
        "arn:aws:iam::12345:role/x",
        "arn:aws:iam::123456789012:user/x",
        "arn:aws:iam::123456789012:role/",
    ] {
        refuses(
            &KEYS,
            &["--region", "us-east-1", "--role-arn", arn],
            2,
            &["--role-arn", "arn:aws:iam::123456789012:role/NAME"],
        );
    }
}

#[test]
fn several_profiles_with_a_role_are_ambiguous() {
    let args = [
        "--region",
        "us-east-1",
        "--profile",
        "a",
        "--profile",
        "b",
        "--role-arn",
        "arn:aws:iam::123456789012:role/x",
    ];
    refuses(&KEYS, &args, 2, &["which assumes which"]);
}

#[test]
fn without_credentials_nothing_is_tried_and_the_next_step_is_told() {
    let environment = [("AWS_ENDPOINT_URL", NOBODY), ("AWS_REGION", "us-east-1")];
    refuses(
        &environment,
        &[],
        7,
        &["no account can be reached", "aws sso login"],
    );
    refuses(
        &environment,
        &["--profile", "nowhere"],
        2,
        &["there is no profile `nowhere`"],
    );
}

#[test]
fn an_expired_login_is_an_authentication_error() {
    let world = World::new();
    let config = "[profile sso]\nsso_session = corp\nsso_account_id = 123456789012\nsso_role_name = reader\nregion = us-east-1\n\n\
                  [sso-session corp]\nsso_region = us-east-1\nsso_start_url = https://corp.example/start\n";
    world.write(".aws/config", config);
    let token = r#"{"accessToken":"CANARY-token","expiresAt":"2020-01-01T00:00:00Z","region":"us-east-1","startUrl":"https://corp.example/start"}"#;
    // The name of the cached token is the SHA-1 of the session's name, `corp`.
    world.write(
        ".aws/sso/cache/ee0bfd2552fbd840c02cc48b6e823320543c450f.json",
        token,
    );
    let run = collect(
        &world,
        &[("AWS_ENDPOINT_URL", NOBODY)],
        &["--profile", "sso"],
    )
    .exits(7)
    .says(&["aws sso login"]);
    assert!(!run.said().contains("CANARY"), "{}", run.said());
}

#[test]
fn aws_that_cannot_be_reached_is_no_authentication_error() {
    let environment = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", NOBODY)];
    let world = World::new();
    collect(
        &world,
        &environment,
        &["--region", "us-east-1", "--pace", "1000"],
    )
    .exits(1)
    .says(&["sts:GetCallerIdentity", "onnection refused"]);
    assert!(!world.path("dataset").exists());
}

#[test]
fn days_that_make_no_sense_are_refused() {
    refuses(
        &KEYS,
        &[
            "--region",
            "us-east-1",
            "--from",
            "2026-10-05",
            "--to",
            "2026-10-05",
        ],
        2,
        &["--from is not before --to"],
    );
    refuses(
        &KEYS,
        &["--region", "us-east-1", "--from", "5.10.2026"],
        2,
        &["2026-10-01"],
    );
    refuses(
        &KEYS,
        &["--region", "us-east-1", "--days", "500"],
        2,
        &["--days"],
    );
    refuses(
        &KEYS,
        &[
            "--region",
            "us-east-1",
            "--days",
            "3",
            "--from",
            "2026-10-05",
        ],
        2,
        &["--days"],
    );
    refuses(
        &KEYS,
        &["--region", "us-east-1", "--resolution", "10"],
        2,
        &["auto, 60, 300, 3600"],
    );
    refuses(
        &KEYS,
        &["--region", "us-east-1", "--deadline", "soon"],
        2,
        &["90s, 30m or 2h"],
    );
}

#[test]
fn the_pace_of_tests_is_not_for_aws() {
    refuses(
        &KEYS,
        &["--region", "us-east-1", "--pace", "10"],
        2,
        &["server on this machine"],
    );
    let environment = [
        KEYS[0],
        KEYS[1],
        ("AWS_ENDPOINT_URL", "http://127.0.0.1.example.com"),
    ];
    refuses(
        &environment,
        &["--region", "us-east-1", "--now", "2026-11-20T12:00:00Z"],
        2,
        &["server on this machine"],
    );
}

#[test]
fn the_policy_is_printed_in_every_form() {
    let json = crate::support::plimsoll(&["policy"]).exits(0);
    let policy: serde_json::Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!(policy["Version"], "2012-10-17");
    for (format, word) in [
        ("terraform", "aws_iam_policy_document"),
        ("cloudformation", "AWS::IAM::ManagedPolicy"),
    ] {
        crate::support::plimsoll(&["policy", "--format", format])
            .exits(0)
            .says(&[word, "ecs:ListTasks"]);
    }
}

#[test]
fn a_dataset_that_cannot_be_made_is_told_before_anything_is_fetched() {
    let world = World::new();
    fs::write(world.path("dataset"), "a file").expect("written");
    let environment = [KEYS[0], KEYS[1], ("AWS_ENDPOINT_URL", NOBODY)];
    collect(&world, &environment, &["--region", "us-east-1"])
        .exits(10)
        .says(&["cannot write the dataset `dataset`"]);
}
