//! Datasets in a bucket: the same parts and the same reports as in a folder, whatever S3 does in between.

use std::collections::BTreeSet;

use serde_json::json;

use crate::s3_server::{Fault, S3};
use crate::support::{
    CANARY, HOUR, MINUTE, Run, SECOND, T0, World, build, command, finished, lines, readings,
};

const DATASET: &str = "s3://bucket/team a/ds";
const PREFIX: &str = "team a/ds/";

/// A bucket, and a folder with input files.
struct Cloud {
    world: World,
    s3: S3,
}

impl Cloud {
    fn new() -> Self {
        let world = World::new();
        let tasks = [
            finished("etl", "a1", T0, T0 + 90 * SECOND),
            finished("etl", "a2", T0 + HOUR, T0 + 2 * HOUR),
        ];
        world.write("a.jsonl", lines(&tasks));
        world.write(
            "b.json",
            json!({ "builds": [build("ci", "b1", T0 + HOUR, T0 + HOUR + 61 * SECOND)] })
                .to_string(),
        );
        world.write("c.jsonl", lines(&readings("web", T0, T0 + HOUR, 40.0, 1)));
        Self {
            world,
            s3: S3::start(),
        }
    }

    /// With everything imported into the bucket.
    fn filled() -> Self {
        let cloud = Self::new();
        cloud.import().exits(0);
        cloud
    }

    fn run_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Run {
        let mut command = command(args);
        command
            .current_dir(self.world.path(""))
            .env("HOME", self.world.path(""))
            .env("AWS_ENDPOINT_URL_S3", self.s3.url())
            .env("AWS_REGION", "us-east-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDTEST")
            .env("AWS_SECRET_ACCESS_KEY", CANARY)
            .env("AWS_SESSION_TOKEN", CANARY)
            .env("AWS_EC2_METADATA_DISABLED", "true");
        for (name, value) in variables {
            if value.is_empty() {
                command.env_remove(name)
            } else {
                command.env(name, value)
            };
        }
        let run = Run::of(&command.output().expect("the binary runs"));
        assert!(!run.said().contains("CANARY"), "{}", run.said());
        run
    }

    fn run(&self, args: &[&str]) -> Run {
        self.run_with(&[], args)
    }

    fn import(&self) -> Run {
        self.run(&[
            "-vvv",
            "import",
            "--dataset",
            DATASET,
            "a.jsonl",
            "b.json",
            "c.jsonl",
        ])
    }

    fn report(&self) -> Run {
        self.run(&["-vvv", "report", "--dataset", DATASET, "--format", "json"])
    }

    /// Names of objects below the prefix.
    fn parts(&self) -> BTreeSet<String> {
        self.s3
            .objects()
            .keys()
            .filter_map(|key| Some(key.strip_prefix(PREFIX)?.to_owned()))
            .collect()
    }

    /// The JSON report on the same files in a folder.
    fn local_report(&self) -> String {
        self.world
            .import(&["a.jsonl", "b.json", "c.jsonl"])
            .exits(0);
        self.world.json_text("dataset")
    }
}

impl Drop for Cloud {
    /// Holds of every test: nothing was deleted, nothing written over.
    fn drop(&mut self) {
        let others: Vec<_> = self
            .s3
            .seen()
            .into_iter()
            .filter(|seen| !["GET", "PUT"].contains(&seen.method.as_str()))
            .collect();
        let overwritten = self.s3.overwritten();
        if !std::thread::panicking() {
            assert!(
                others.is_empty() && overwritten.is_empty(),
                "{others:?} {overwritten:?}"
            );
        }
    }
}

fn error(status: u16, code: &'static str) -> Fault {
    Fault::Error(status, code, String::new())
}

const ALWAYS: std::ops::Range<usize> = 0..usize::MAX;

#[test]
fn a_bucket_holds_the_same_parts_and_gives_the_same_report_as_a_folder() {
    let cloud = Cloud::filled();
    let local = cloud.local_report();
    // Both reports keep the days that they reduced.
    assert_eq!(cloud.report().exits(0).stdout, local);
    assert_eq!(cloud.parts(), cloud.world.parts("dataset"));
    for part in cloud.parts() {
        let bytes = std::fs::read(cloud.world.path("dataset").join(&part)).expect("there");
        assert!(
            cloud.s3.objects()[&format!("{PREFIX}{part}")] == bytes,
            "{part}"
        );
    }
    assert!(
        cloud
            .s3
            .seen()
            .iter()
            .all(|seen| seen.signer.as_deref() == Some("AKIDTEST"))
    );
}

#[test]
fn importing_again_from_a_bucket_changes_nothing() {
    let cloud = Cloud::filled();
    let before = cloud.s3.objects();
    cloud.import().exits(0).says(&["already in the dataset"]);
    assert_eq!(cloud.s3.objects(), before);
}

#[test]
fn two_writers_of_the_same_parts_do_not_conflict() {
    let cloud = Cloud::new();
    std::thread::scope(|threads| {
        let runs = [
            threads.spawn(|| cloud.import()),
            threads.spawn(|| cloud.import()),
        ];
        for run in runs {
            run.join().expect("no panic").exits(0);
        }
    });
    assert_eq!(cloud.report().exits(0).stdout, cloud.local_report());
    assert_eq!(cloud.parts(), cloud.world.parts("dataset"));
}

#[test]
fn a_part_that_somebody_else_wrote_in_between_is_no_error() {
    let cloud = Cloud::filled();
    let other = Cloud::new();
    for (key, bytes) in cloud
        .s3
        .objects()
        .into_iter()
        .filter(|(key, _)| !key.contains("/coverage/"))
    {
        other.s3.plant(&key, bytes);
    }
    other.import().exits(0);
    assert!(other.s3.seen().iter().any(|seen| seen.status == 412));
    assert_eq!(other.s3.objects(), cloud.s3.objects());
}

#[test]
fn a_flipped_bit_in_an_object_is_found_and_named() {
    let cloud = Cloud::filled();
    for table in ["runs/", "samples/", "coverage/"] {
        cloud.s3.fail("GET", table, ALWAYS, Fault::FlippedBit);
        let run = cloud.report().exits(5).says(&[
            "s3://bucket/team a/ds/",
            table,
            "is corrupt",
            "hint: restore",
        ]);
        assert!(run.stdout.is_empty());
        cloud.s3.heal();
    }
    cloud.report().exits(0);
}

#[test]
fn whatever_may_pass_is_survived() {
    let healthy = Cloud::filled();
    let (objects, report) = (healthy.s3.objects(), healthy.report().exits(0).stdout);
    for fault in [
        error(503, "SlowDown"),
        error(500, "InternalError"),
        error(409, "ConditionalRequestConflict"),
        error(400, "RequestTimeout"),
        Fault::Silence,
        Fault::Cut,
        Fault::Portal,
    ] {
        let cloud = Cloud::new();
        for method in ["LIST", "GET", "PUT"] {
            cloud.s3.fail(method, "", 0..3, fault.clone());
        }
        cloud.import().exits(0);
        assert!(cloud.s3.objects() == objects, "{fault:?}");
        assert_eq!(cloud.report().exits(0).stdout, report, "{fault:?}");
    }
}

#[test]
fn a_put_whose_answer_is_lost_is_done_once() {
    let cloud = Cloud::new();
    cloud.s3.fail("PUT", "/runs/", 0..1, Fault::Silence);
    cloud.import().exits(0);
    assert!(
        cloud
            .s3
            .seen()
            .iter()
            .any(|seen| seen.status == 412 && seen.key.contains("/runs/"))
    );
    assert_eq!(cloud.report().exits(0).stdout, cloud.local_report());
}

#[test]
fn what_never_passes_ends_in_an_error_and_what_is_written_is_kept() {
    let cloud = Cloud::new();
    cloud
        .s3
        .fail("PUT", "/coverage/", ALWAYS, error(503, "SlowDown"));
    cloud.import().exits(10).says(&[
        "cannot write `s3://bucket/team a/ds/coverage/",
        "503 SlowDown",
    ]);
    cloud.s3.heal();
    cloud.import().exits(0);
    assert_eq!(cloud.report().exits(0).stdout, cloud.local_report());
}

#[test]
fn an_interrupted_import_does_not_count() {
    let cloud = Cloud::new();
    cloud
        .s3
        .fail("PUT", "/coverage/", ALWAYS, error(403, "AccessDenied"));
    cloud.import().exits(10);
    assert!(!cloud.parts().is_empty());
    cloud.report().exits(5).says(&["is not a dataset"]);
}

#[test]
fn denied_names_the_action_and_the_place() {
    let cloud = Cloud::filled();
    let denied = error(403, "AccessDenied");
    cloud.s3.fail("GET", "", ALWAYS, denied.clone());
    cloud.report().exits(5).says(&[
        "access denied: s3:GetObject on `s3://bucket/team a/ds/coverage/",
        "hint: allow s3:GetObject",
    ]);
    cloud.s3.heal();
    cloud.s3.fail("LIST", "", ALWAYS, denied.clone());
    cloud.report().exits(5).says(&[
        "access denied: s3:ListBucket on `s3://bucket/team a/ds",
        "arn:aws:s3:::bucket",
    ]);
    cloud.s3.heal();
    cloud.s3.fail("PUT", "", ALWAYS, denied);
    cloud
        .world
        .write("d.jsonl", lines(&[finished("new", "d1", T0, T0 + MINUTE)]));
    let run = cloud
        .run(&["import", "--dataset", DATASET, "d.jsonl"])
        .exits(10);
    run.says(&[
        "access denied: s3:PutObject on `s3://bucket/team a/ds/runs/",
        "hint: allow s3:PutObject",
    ]);
}

#[test]
fn a_key_that_may_not_be_used_is_named_as_such() {
    let cloud = Cloud::new();
    let message = format!(
        "<Message>User: arn:aws:sts::123456789012:assumed-role/{CANARY} is not authorized to perform: kms:GenerateDataKey on resource: \
         arn:aws:kms:us-east-1:123456789012:key/1 because no identity-based policy allows it</Message>"
    );
    cloud.s3.fail(
        "PUT",
        "",
        ALWAYS,
        Fault::Error(403, "AccessDenied", message),
    );
    cloud.import().exits(10).says(&[
        "access denied: kms:GenerateDataKey",
        "the key that encrypts bucket `bucket`",
    ]);
}

#[test]
fn a_bucket_that_is_not_there_is_named() {
    let cloud = Cloud::new();
    for args in [
        &["report", "--dataset", "s3://nowhere/x"][..],
        &["import", "--dataset", "s3://nowhere/x", "a.jsonl"],
    ] {
        cloud
            .run(args)
            .exits(5)
            .says(&["bucket `nowhere` does not exist", "us-east-1"]);
    }
}

#[test]
fn a_bucket_in_another_region_is_told_with_both_regions() {
    let cloud = Cloud::new();
    cloud
        .s3
        .fail("LIST", "", ALWAYS, Fault::Elsewhere("eu-central-1"));
    cloud.report().exits(5).says(&[
        "bucket `bucket` is in region eu-central-1, but us-east-1 was asked",
        "AWS_REGION=eu-central-1",
    ]);
    cloud.s3.heal();
    let body = "<Region>eu-west-3</Region>".to_owned();
    cloud.s3.fail(
        "LIST",
        "",
        ALWAYS,
        Fault::Error(400, "AuthorizationHeaderMalformed", body),
    );
    cloud.report().exits(5).says(&["is in region eu-west-3"]);
}

#[test]
fn credentials_that_are_refused_or_missing_are_exit_code_7_and_never_printed() {
    let cloud = Cloud::filled();
    let quoted = format!(
        "<Message>no</Message><Token-0>{CANARY}</Token-0><CanonicalRequest>{CANARY}</CanonicalRequest>"
    );
    for (status, code) in [
        (400, "ExpiredToken"),
        (403, "InvalidAccessKeyId"),
        (403, "SignatureDoesNotMatch"),
    ] {
        cloud.s3.fail(
            "LIST",
            "",
            ALWAYS,
            Fault::Error(status, code, quoted.clone()),
        );
        cloud
            .report()
            .exits(7)
            .says(&["does not accept the credentials", code]);
        cloud.import().exits(7);
        cloud.s3.heal();
    }
    let none = [
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SESSION_TOKEN", ""),
    ];
    cloud
        .run_with(&none, &["report", "--dataset", DATASET])
        .exits(7)
        .says(&[
            "no AWS credentials to list `s3://bucket/team a/ds`: no credentials found in chain\n",
            "aws sso login",
        ]);
}

#[test]
fn the_profile_that_is_named_signs() {
    let cloud = Cloud::filled();
    cloud.world.write(
        "credentials",
        format!("[team]\naws_access_key_id = AKIDTEAM\naws_secret_access_key = {CANARY}\n"),
    );
    let file = cloud.world.path("credentials").display().to_string();
    let variables = [
        ("AWS_PROFILE", "team"),
        ("AWS_SHARED_CREDENTIALS_FILE", file.as_str()),
        ("AWS_ACCESS_KEY_ID", ""),
        ("AWS_SECRET_ACCESS_KEY", ""),
        ("AWS_SESSION_TOKEN", ""),
    ];
    cloud
        .run_with(&variables, &["report", "--dataset", DATASET])
        .exits(0);
    assert_eq!(
        cloud
            .s3
            .seen()
            .last()
            .and_then(|seen| seen.signer.clone())
            .as_deref(),
        Some("AKIDTEAM")
    );
}

#[test]
fn the_endpoint_of_s3_goes_before_the_endpoint_of_all() {
    let cloud = Cloud::filled();
    let url = cloud.s3.url();
    let elsewhere = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    cloud
        .run_with(&elsewhere, &["report", "--dataset", DATASET])
        .exits(0);
    cloud
        .run_with(
            &[("AWS_ENDPOINT_URL_S3", ""), ("AWS_ENDPOINT_URL", &url)],
            &["report", "--dataset", DATASET],
        )
        .exits(0);
}

#[test]
fn plain_http_to_another_machine_is_refused_before_anything_is_sent() {
    let cloud = Cloud::new();
    let far = [("AWS_ENDPOINT_URL_S3", "http://192.0.2.1:9000")];
    cloud
        .run_with(&far, &["report", "--dataset", DATASET])
        .exits(2)
        .says(&["must be https", "192.0.2.1"]);
    cloud
        .run_with(
            &[("AWS_ENDPOINT_URL_S3", "nonsense")],
            &["report", "--dataset", DATASET],
        )
        .exits(2)
        .says(&["is not a URL"]);
}

#[test]
fn a_server_that_is_not_there_is_an_error_that_names_the_place() {
    let cloud = Cloud::new();
    let gone = [("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")];
    cloud
        .run_with(&gone, &["report", "--dataset", DATASET])
        .exits(5)
        .says(&["cannot list `s3://bucket/team a/ds`", "no answer"]);
}

#[test]
fn a_listing_of_more_than_a_thousand_objects_is_complete() {
    let cloud = Cloud::filled();
    let report = cloud.report().exits(0).stdout;
    let coverage: Vec<String> = cloud
        .parts()
        .into_iter()
        .filter(|part| part.starts_with("coverage/"))
        .collect();
    // What is no part sorts before every part: the commits stand on the third page.
    for number in 0..2_345 {
        cloud.s3.plant(
            &format!("{PREFIX}coverage/account=000000000000/note-{number:04}.txt"),
            "x",
        );
    }
    let pages_before = cloud.s3.seen().len();
    assert_eq!(cloud.report().exits(0).stdout, report);
    let listed = cloud
        .s3
        .seen()
        .split_off(pages_before)
        .into_iter()
        .filter(|seen| seen.key.ends_with("coverage/"))
        .count();
    assert!(listed >= 3 && !coverage.is_empty(), "{listed} pages");
}

#[test]
fn a_listing_that_goes_in_circles_is_an_error() {
    let cloud = Cloud::filled();
    // The first look at the folder asks for one name only.
    cloud
        .s3
        .fail("LIST", "coverage/", 1..usize::MAX, Fault::Circle);
    cloud.report().exits(5).says(&["the same page token twice"]);
}

#[test]
fn a_part_that_is_gone_is_named() {
    let cloud = Cloud::filled();
    cloud
        .s3
        .fail("GET", "/runs/", ALWAYS, error(404, "NoSuchKey"));
    cloud.report().exits(5).says(&[
        "s3://bucket/team a/ds/runs/",
        "named by the coverage table but missing",
        "hint: restore",
    ]);
}

#[test]
fn a_prefix_without_a_dataset_is_said_so() {
    let cloud = Cloud::new();
    cloud
        .report()
        .exits(2)
        .says(&["dataset `s3://bucket/team a/ds` does not exist"]);
    cloud.s3.plant(&format!("{PREFIX}holiday.jpg"), "x");
    cloud
        .report()
        .exits(5)
        .says(&["`s3://bucket/team a/ds` is not a dataset"]);
}

#[test]
fn neighbours_of_the_prefix_are_no_concern() {
    let cloud = Cloud::filled();
    let report = cloud.report().exits(0).stdout;
    for (key, bytes) in cloud.s3.objects() {
        cloud.s3.plant(
            &key.replacen("ds/", "ds2/", 1),
            bytes.iter().rev().copied().collect::<Vec<_>>(),
        );
    }
    cloud.s3.plant(&format!("{PREFIX}coverage/"), "");
    cloud.s3.plant(&format!("{PREFIX}_plimsoll"), "");
    assert_eq!(cloud.report().exits(0).stdout, report);
}

#[test]
fn the_whole_bucket_may_be_a_dataset() {
    let cloud = Cloud::new();
    cloud
        .run(&[
            "import",
            "--dataset",
            "s3://bucket",
            "a.jsonl",
            "b.json",
            "c.jsonl",
        ])
        .exits(0);
    let report = cloud
        .run(&["report", "--dataset", "s3://bucket/", "--format", "json"])
        .exits(0)
        .stdout;
    assert_eq!(report, cloud.local_report());
    assert_eq!(
        cloud.s3.objects().into_keys().collect::<BTreeSet<_>>(),
        cloud.world.parts("dataset")
    );
}

#[test]
fn a_collection_that_could_not_be_kept_is_refused_before_any_call() {
    let cloud = Cloud::new();
    cloud.s3.fail("PUT", "", ALWAYS, error(403, "AccessDenied"));
    let url = cloud.s3.url();
    let run = cloud
        .run_with(
            &[("AWS_ENDPOINT_URL", &url)],
            &["collect", "--dataset", DATASET, "--days", "1"],
        )
        .exits(10);
    run.says(&["access denied: s3:PutObject on `s3://bucket/team a/ds/_plimsoll`"]);
    assert_eq!(cloud.s3.seen().len(), 1);
}

#[test]
fn a_dataset_of_many_small_parts_takes_few_requests_once_it_is_compacted() {
    let cloud = Cloud::new();
    for hour in 0..40 {
        let at = T0 + hour * HOUR;
        cloud.world.write(
            &format!("hour-{hour}.jsonl"),
            lines(&readings("web", at, at + 10 * MINUTE, 40.0, 1)),
        );
        cloud
            .run(&[
                "import",
                "--dataset",
                DATASET,
                &format!("hour-{hour}.jsonl"),
            ])
            .exits(0);
    }
    let asked = |args: &[&str]| {
        let before = cloud.s3.seen().len();
        let run = cloud.run(args).exits(0);
        (cloud.s3.seen().len() - before, run)
    };
    let report = ["-vv", "report", "--dataset", DATASET, "--format", "json"];
    let (small, first) = asked(&report);
    assert!(small > 40 * 3, "{small} requests");
    let (_, compacted) = asked(&["compact", "--dataset", DATASET]);
    compacted.says(&[
        "40 parts are read no more, 1 instead",
        "coverage parts are read in one",
    ]);
    // Once to keep the days of what is now in another part, then as it stays.
    let (_, kept) = asked(&report);
    let (few, again) = asked(&report);
    assert!(few <= 24, "{few} requests");
    again.says(&[&format!("requests={few}")]);
    let json = |run: &Run| run.stdout.clone();
    assert_eq!(json(&first), json(&kept));
    let (_, nothing) = asked(&["compact", "--dataset", DATASET]);
    nothing.says(&["nothing to compact"]);
}
