//! Each fault, as the SDK meets it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataOutput;
use aws_sdk_cloudwatch::types::StatusCode;
use aws_sdk_ecs::error::SdkError;
use aws_sdk_ecs::operation::describe_tasks::DescribeTasksOutput;
use aws_smithy_types::DateTime;

use super::truth::query;
use super::{ACCOUNT, REGION, Reader};
use crate::fake::world::{DAY, HOUR, NOW};
use crate::fake::{Fake, Fault, Kind, Quotas, When, World};

/// The small world with one kind of fault always.
fn faulty(op: &'static str, kind: Kind) -> (Fake, Reader) {
    let fake = Fake::start(World::small());
    fake.set_faults(vec![Fault::always(op, kind)]);
    let reader = Reader::of(&fake);
    (fake, reader)
}

/// Calls every operation once; whatever comes of it.
fn tour(reader: &Reader) {
    let (ecs, codebuild, cloudwatch) = (&reader.ecs, &reader.codebuild, &reader.cloudwatch);
    let events = "/aws/events/ecs/containerinsights/web/performance";
    reader.wait(async {
        let _ = reader.sts.get_caller_identity().send().await;
        let _ = ecs.list_clusters().send().await;
        let _ = ecs.describe_clusters().clusters("prod").send().await;
        let _ = ecs.list_services().cluster("prod").send().await;
        let _ = ecs
            .describe_services()
            .cluster("prod")
            .services("api")
            .send()
            .await;
        let _ = ecs
            .list_service_deployments()
            .cluster("prod")
            .service("api")
            .send()
            .await;
        let tasks = ecs
            .list_tasks()
            .cluster("prod")
            .send()
            .await
            .ok()
            .and_then(|told| told.task_arns)
            .unwrap_or_default();
        let tasks = if tasks.is_empty() {
            vec!["none".to_owned()]
        } else {
            tasks
        };
        let _ = ecs
            .describe_tasks()
            .cluster("prod")
            .set_tasks(Some(tasks.clone()))
            .send()
            .await;
        let _ = ecs
            .describe_tasks()
            .cluster("prod")
            .set_tasks(Some(tasks))
            .send()
            .await;
        let ids = codebuild
            .list_builds()
            .send()
            .await
            .ok()
            .and_then(|told| told.ids)
            .unwrap_or_default();
        let ids = if ids.is_empty() {
            vec!["none".to_owned()]
        } else {
            ids
        };
        let _ = codebuild.batch_get_builds().set_ids(Some(ids)).send().await;
        let _ = cloudwatch.list_metrics().send().await;
        let _ = metrics(reader, None).await;
        let _ = reader.logs.describe_log_groups().send().await;
        let page = reader
            .logs
            .filter_log_events()
            .log_group_name(events)
            .send()
            .await
            .ok();
        let _ = reader
            .logs
            .filter_log_events()
            .log_group_name(events)
            .set_next_token(page.and_then(|page| page.next_token))
            .send()
            .await;
        for _ in 0..8 {
            let _ = ecs.list_clusters().send().await;
        }
    });
}

/// Two hours of three statistics of one service.
async fn metrics(
    reader: &Reader,
    token: Option<String>,
) -> Result<
    GetMetricDataOutput,
    SdkError<aws_sdk_cloudwatch::operation::get_metric_data::GetMetricDataError>,
> {
    let dimensions = [("ClusterName", "prod"), ("ServiceName", "api")];
    let stats = ["Maximum", "Sum", "SampleCount"];
    let queries = stats
        .iter()
        .enumerate()
        .map(|(no, stat)| query(no, ("AWS/ECS", "CPUUtilization"), &dimensions, 60, stat));
    let request = reader
        .cloudwatch
        .get_metric_data()
        .set_metric_data_queries(Some(queries.collect()))
        .set_next_token(token);
    request
        .start_time(DateTime::from_millis(NOW - 2 * HOUR))
        .end_time(DateTime::from_millis(NOW))
        .send()
        .await
}

#[test]
fn every_class_of_fault_strikes() {
    let names: BTreeSet<&str> = Fault::CLASSES.iter().map(|(name, _)| *name).collect();
    assert!(names.len() >= 40 && names.len() == Fault::CLASSES.len());
    for (name, fault) in Fault::CLASSES {
        let fake = Fake::start(World::small());
        fake.set_faults(vec![fault.clone()]);
        tour(&Reader::of(&fake));
        assert!(
            fake.calls()
                .iter()
                .any(|call| call.fault.as_deref() == Some(&fault.kind.name())),
            "{name}"
        );
        assert_eq!(fake.unexpected(), [""; 0], "{name}");
    }
}

#[test]
fn refusals_have_the_codes_of_aws() {
    for (kind, code) in [
        (Kind::Throttle, "ThrottlingException"),
        (Kind::RequestLimitExceeded, "RequestLimitExceeded"),
        (Kind::ServerException, "ServerException"),
        (Kind::ExpiredCredentials, "ExpiredTokenException"),
        (Kind::Denied, "AccessDeniedException"),
        (Kind::DeniedByScp, "AccessDeniedException"),
        (Kind::OptedOutRegion, "UnrecognizedClientException"),
        (Kind::ClusterNotFound, "ClusterNotFoundException"),
        (Kind::ServiceNotFound, "ServiceNotFoundException"),
    ] {
        let (_fake, reader) = faulty("*", kind.clone());
        assert_eq!(
            reader.refused(reader.ecs.list_clusters().send()),
            code,
            "{kind:?}"
        );
    }
    for (kind, code) in [
        (Kind::Throttle, "Throttling"),
        (Kind::ExpiredCredentials, "ExpiredToken"),
        (Kind::Denied, "AccessDenied"),
    ] {
        let (_fake, reader) = faulty("sts:*", kind.clone());
        assert_eq!(
            reader.refused(reader.sts.get_caller_identity().send()),
            code,
            "{kind:?}"
        );
    }
    for (kind, code) in [
        (Kind::Throttle, "ThrottlingException"),
        (Kind::ServerException, "InternalServiceError"),
    ] {
        let (_fake, reader) = faulty("cloudwatch:*", kind.clone());
        assert_eq!(reader.refused(metrics(&reader, None)), code, "{kind:?}");
    }
    let (_fake, reader) = faulty("logs:*", Kind::LogGroupGone);
    assert_eq!(
        reader.refused(reader.logs.filter_log_events().log_group_name("any").send()),
        "ResourceNotFoundException"
    );
}

#[test]
fn a_service_control_policy_says_so() {
    let (_fake, reader) = faulty("ecs:*", Kind::DeniedByScp);
    let error = reader.wait(reader.ecs.list_clusters().send()).unwrap_err();
    assert!(format!("{error:?}").contains("explicit deny in a service control policy"));
}

#[test]
fn bare_statuses_have_no_code() {
    for kind in [
        Kind::ThrottleBare429,
        Kind::Status(500),
        Kind::Status(502),
        Kind::Status(503),
        Kind::Status(504),
    ] {
        let (_fake, reader) = faulty("ecs:*", kind.clone());
        let error = reader.wait(reader.ecs.list_clusters().send()).unwrap_err();
        let status = error
            .raw_response()
            .map(|response| response.status().as_u16());
        let wanted = if let Kind::Status(status) = kind {
            status
        } else {
            429
        };
        assert_eq!(status, Some(wanted), "{error:?}");
        assert_eq!(
            error
                .as_service_error()
                .and_then(|error| error.meta().code()),
            None
        );
    }
}

#[test]
fn broken_connections_are_no_answers() {
    for kind in [
        Kind::ResetBeforeHeaders,
        Kind::ResetMidBody(0),
        Kind::ResetMidBody(20),
        Kind::TruncatedBody,
        Kind::Stall,
    ] {
        let (fake, reader) = faulty("ecs:ListClusters", kind.clone());
        let error = reader.wait(reader.ecs.list_clusters().send()).unwrap_err();
        let is_no_answer = matches!(
            error,
            SdkError::DispatchFailure(_) | SdkError::ResponseError(_) | SdkError::TimeoutError(_)
        );
        assert!(is_no_answer, "{kind:?}: {error:?}");
        assert!(!fake.calls()[0].answered, "{kind:?}");
    }
}

#[test]
fn answers_that_are_not_aws_are_not_understood() {
    for kind in [Kind::CaptivePortalHtml200, Kind::BadBody] {
        let (fake, reader) = faulty("*", kind.clone());
        assert!(
            reader.wait(reader.ecs.list_clusters().send()).is_err(),
            "{kind:?}"
        );
        assert!(reader.wait(metrics(&reader, None)).is_err(), "{kind:?}");
        assert!(
            reader
                .wait(reader.sts.get_caller_identity().send())
                .is_err(),
            "{kind:?}"
        );
        assert!(fake.calls()[0].answered, "{kind:?}");
    }
    // To the SDK an empty body is an answer with nothing in it.
    let (_fake, reader) = faulty("ecs:*", Kind::EmptyBody200);
    let told = reader.told(
        reader
            .ecs
            .describe_tasks()
            .cluster("prod")
            .tasks("none")
            .send(),
    );
    assert!(told.tasks.is_none() && told.failures.is_none());
}

#[test]
fn slow_answers_arrive() {
    for kind in [Kind::Slow(1), Kind::HugeLatency(300)] {
        let (_fake, reader) = faulty("ecs:*", kind);
        assert_eq!(
            reader
                .told(reader.ecs.list_clusters().send())
                .cluster_arns()
                .len(),
            3
        );
    }
}

#[test]
fn a_shifted_clock_is_followed_and_an_unfollowed_one_refuses() {
    let (fake, reader) = faulty("*", Kind::DateOffset(3_600));
    assert_eq!(
        reader.refused(reader.ecs.list_clusters().send()),
        "InvalidSignatureException"
    );
    // The client has seen the server's time by now.
    assert_eq!(
        reader
            .told(reader.ecs.list_clusters().send())
            .cluster_arns()
            .len(),
        3
    );
    assert_eq!(
        reader.refused(reader.sts.get_caller_identity().send()),
        "SignatureDoesNotMatch"
    );
    assert!(
        fake.calls()
            .iter()
            .all(|call| call.fault.as_deref() == Some("DateOffset"))
    );
    let (_fake, reader) = faulty("*", Kind::DateOffset(200));
    assert_eq!(
        reader
            .told(reader.ecs.list_clusters().send())
            .cluster_arns()
            .len(),
        3,
        "five minutes are forgiven"
    );
}

#[test]
fn tokens_lead_in_circles_or_nowhere() {
    let follow = |kind: Kind, pages: usize| {
        let (_fake, reader) = faulty("ecs:ListServices", kind);
        let (mut tokens, mut items, mut token) = (Vec::new(), 0, None);
        for _ in 0..pages {
            let page = reader.told(
                reader
                    .ecs
                    .list_services()
                    .cluster("prod")
                    .set_next_token(token)
                    .send(),
            );
            items += page.service_arns().len();
            token = page.next_token;
            tokens.push(token.clone().expect("there is always a next page"));
        }
        (tokens, items)
    };
    let (repeated, items) = follow(Kind::RepeatedToken, 4);
    assert_eq!(
        (repeated.iter().collect::<BTreeSet<_>>().len(), items),
        (1, 8)
    );
    let (looped, _) = follow(Kind::TokenLoop, 4);
    assert_eq!((&looped[0], &looped[1]), (&looped[2], &looped[3]));
    assert_ne!(looped[0], looped[1]);
    let (endless, items) = follow(Kind::EndlessEmptyPages, 6);
    assert_eq!(
        (endless.iter().collect::<BTreeSet<_>>().len(), items),
        (6, 0)
    );
}

#[test]
fn page_tokens_expire() {
    let mut world = World::small();
    world.log_scan_ms = HOUR;
    let fake = Fake::start(world);
    fake.set_faults(vec![Fault::first(1, "*", Kind::ExpiredNextToken)]);
    let reader = Reader::of(&fake);
    let ask = |token: Option<String>| {
        let request = reader
            .logs
            .filter_log_events()
            .log_group_name("/aws/ecs/containerinsights/web/performance");
        request.set_next_token(token).send()
    };
    let token = reader.told(ask(None)).next_token;
    assert!(token.is_some());
    assert_eq!(
        reader.refused(ask(token.clone())),
        "InvalidParameterException"
    );
    assert!(
        reader.told(ask(token)).next_token.is_some(),
        "the fault is over"
    );
}

/// The running tasks of `prod`, asked for and described.
fn described(kind: Kind) -> (Vec<String>, DescribeTasksOutput) {
    let (_fake, reader) = faulty("ecs:DescribeTasks", kind);
    let arns = reader
        .told(reader.ecs.list_tasks().cluster("prod").send())
        .task_arns
        .unwrap_or_default();
    let told = reader.told(
        reader
            .ecs
            .describe_tasks()
            .cluster("prod")
            .set_tasks(Some(arns.clone()))
            .send(),
    );
    (arns, told)
}

#[test]
fn items_go_missing_with_and_without_a_word() {
    let (asked, told) = described(Kind::MissingListed);
    assert_eq!(
        (told.tasks().len(), told.failures().len()),
        (asked.len() - 1, 1)
    );
    assert_eq!(
        (told.failures()[0].arn(), told.failures()[0].reason()),
        (asked.last().map(String::as_str), Some("MISSING"))
    );
    let (asked, told) = described(Kind::MissingSilently);
    assert_eq!(
        (told.tasks().len(), told.failures().len()),
        (asked.len() - 1, 0)
    );
    let (fake, reader) = faulty("codebuild:BatchGetBuilds", Kind::MissingListed);
    let ids = reader
        .told(reader.codebuild.list_builds().send())
        .ids
        .unwrap_or_default();
    let told = reader.told(
        reader
            .codebuild
            .batch_get_builds()
            .set_ids(Some(ids.clone()))
            .send(),
    );
    assert_eq!(
        (told.builds().len(), told.builds_not_found()),
        (ids.len() - 1, &ids[ids.len() - 1..])
    );
    drop(fake);
}

#[test]
fn items_come_that_nobody_asked_for_or_twice() {
    let (asked, told) = described(Kind::ForeignItem);
    let foreign: Vec<_> = told
        .tasks()
        .iter()
        .filter_map(|task| task.task_arn())
        .filter(|arn| !asked.iter().any(|asked| asked == arn))
        .collect();
    assert_eq!((told.tasks().len(), foreign.len()), (asked.len() + 1, 1));
    let (asked, told) = described(Kind::DuplicateItem);
    assert_eq!(told.tasks().len(), asked.len() + 1);
    assert_eq!(
        told.tasks()[0].task_arn(),
        told.tasks()[asked.len()].task_arn()
    );
    let (_, told) = described(Kind::BadTimestamps);
    assert!(
        told.tasks()
            .iter()
            .all(|task| task.created_at() == Some(&DateTime::from_secs(1)))
    );
}

#[test]
fn metrics_go_wrong_in_every_way() {
    let told = |kind: Kind| {
        let (_fake, reader) = faulty("cloudwatch:GetMetricData", kind);
        reader.told(metrics(&reader, None))
    };
    let status = |told: &GetMetricDataOutput, no: usize| {
        told.metric_data_results()[no].status_code().cloned()
    };
    let internal = told(Kind::MetricInternalError);
    assert_eq!(
        (status(&internal, 0), status(&internal, 1)),
        (Some(StatusCode::InternalError), Some(StatusCode::Complete))
    );
    assert!(internal.metric_data_results()[0].values().is_empty());
    assert_eq!(
        status(&told(Kind::MetricForbidden), 0),
        Some(StatusCode::Forbidden)
    );
    assert_eq!(
        told(Kind::TopLevelMessages).messages()[0].code(),
        Some("MaxMetricsExceeded")
    );
    let first = |kind: Kind| {
        let result = told(kind).metric_data_results()[0].clone();
        let times: Vec<i64> = result
            .timestamps()
            .iter()
            .map(|at| at.to_millis().expect("in range"))
            .collect();
        (times, result.values().to_vec())
    };
    let (times, values) = first(Kind::UnequalLengths);
    assert_eq!((times.len(), values.len()), (119, 120));
    let (times, _) = first(Kind::DuplicatePoints);
    assert_eq!(
        (times.len(), times.iter().collect::<BTreeSet<_>>().len()),
        (121, 120)
    );
    let (times, _) = first(Kind::PointsOutsideWindow);
    assert_eq!(
        times
            .iter()
            .filter(|at| !(NOW - 2 * HOUR..NOW).contains(at))
            .count(),
        2
    );
    let (times, values) = first(Kind::ShuffledPoints);
    assert!(!times.is_sorted() && !times.iter().rev().is_sorted() && values.len() == 120);
    assert!(first(Kind::NanValue).1[0].is_nan());
    assert!(first(Kind::NegativeValue).1[0] < 0.0);
    assert_eq!(told(Kind::MissingSilently).metric_data_results().len(), 2);
    assert_eq!(
        told(Kind::ForeignItem).metric_data_results()[3].id(),
        Some("foreign")
    );
    let (times, _) = first(Kind::PartialDataNoToken);
    assert_eq!(times.len(), 60);
}

#[test]
fn partial_data_with_a_token_is_whole_in_the_end() {
    let (fake, reader) = faulty("cloudwatch:GetMetricData", Kind::PartialDataWithToken);
    let first = reader.told(metrics(&reader, None));
    assert!(
        first
            .metric_data_results()
            .iter()
            .all(|result| result.status_code() == Some(&StatusCode::PartialData))
    );
    let second = reader.told(metrics(&reader, first.next_token.clone()));
    assert!(
        second
            .metric_data_results()
            .iter()
            .all(|result| result.status_code() == Some(&StatusCode::Complete))
    );
    assert_eq!(second.next_token(), None);
    fake.set_faults(Vec::new());
    let whole = reader.told(metrics(&reader, None));
    for ((first, second), whole) in first
        .metric_data_results()
        .iter()
        .zip(second.metric_data_results())
        .zip(whole.metric_data_results())
    {
        assert_eq!([first.values(), second.values()].concat(), whole.values());
    }
}

#[test]
fn a_fault_strikes_where_and_when_it_was_ordered() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let outcomes = |count: usize| {
        (0..count)
            .map(|_| reader.wait(reader.ecs.list_clusters().send()).is_ok())
            .collect::<Vec<_>>()
    };
    fake.set_faults(vec![Fault {
        when: When::Nth(1..3),
        ..Fault::always("ecs:ListClusters", Kind::Throttle)
    }]);
    assert_eq!(outcomes(4), [true, false, false, true]);
    fake.set_faults(vec![Fault::first(2, "ecs:*", Kind::Throttle)]);
    assert_eq!(outcomes(3), [false, false, true]);
    for (account, region, is_struck) in [
        (ACCOUNT, REGION, true),
        ("000000000000", REGION, false),
        (ACCOUNT, "eu-west-1", false),
    ] {
        let place = Fault {
            account: Some(account.to_owned()),
            region: Some(region.to_owned()),
            ..Fault::always("*", Kind::Throttle)
        };
        fake.set_faults(vec![place]);
        assert_eq!(outcomes(1), [!is_struck], "{account} {region}");
    }
}

#[test]
fn chance_strikes_the_same_calls_in_any_order() {
    let run = |reversed: bool| {
        let fake = Fake::start(World::small());
        fake.set_faults(vec![Fault {
            when: When::Probability(0.3, 7),
            ..Fault::always("*", Kind::Throttle)
        }]);
        let reader = Reader::of(&fake);
        let mut names: Vec<String> = (0..100).map(|no| format!("cluster-{no}")).collect();
        if reversed {
            names.reverse();
        }
        let struck = names.into_iter().filter(|name| {
            reader
                .wait(reader.ecs.describe_clusters().clusters(name).send())
                .is_err()
        });
        struck.collect::<BTreeSet<_>>()
    };
    let struck = run(false);
    assert_eq!(struck, run(true));
    assert!((15..45).contains(&struck.len()), "{}", struck.len());
}

#[test]
fn the_client_is_killed_by_the_hook() {
    let (fake, reader) = faulty("ecs:DescribeClusters", Kind::KillClient);
    let kills = Arc::new(AtomicUsize::new(0));
    let counted = kills.clone();
    fake.on_kill(move || {
        counted.fetch_add(1, Ordering::SeqCst);
    });
    assert!(reader.wait(reader.ecs.list_clusters().send()).is_ok());
    assert!(
        reader
            .wait(reader.ecs.describe_clusters().clusters("prod").send())
            .is_err()
    );
    assert_eq!(kills.load(Ordering::SeqCst), 1);
}

#[test]
fn quotas_let_a_burst_pass_and_no_more() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let refused = |quotas: Quotas, calls: usize| {
        fake.set_quotas(Some(quotas));
        (0..calls)
            .filter(|_| {
                reader
                    .wait(reader.ecs.list_tasks().cluster("prod").send())
                    .is_err()
            })
            .count()
    };
    // The bucket holds 100 and is refilled by 20 a second: too slowly to matter at a hundredth of the rate.
    let slow = Quotas {
        factor: 0.1,
        neighbour: 0.99,
    };
    assert_eq!(refused(slow, 15), 5);
    assert_eq!(
        refused(
            Quotas {
                factor: 100.0,
                neighbour: 0.0
            },
            150
        ),
        0
    );
    fake.set_quotas(Some(slow));
    for _ in 0..10 {
        reader.told(reader.ecs.list_tasks().cluster("prod").send());
    }
    assert_eq!(
        reader.refused(reader.ecs.list_tasks().cluster("prod").send()),
        "ThrottlingException"
    );
    assert!(
        reader
            .wait(reader.ecs.list_services().cluster("prod").send())
            .is_ok(),
        "of another class"
    );
    let elsewhere = Reader::with(&fake, super::KEY, "eu-west-1");
    assert!(
        elsewhere
            .wait(elsewhere.ecs.list_tasks().cluster("prod").send())
            .is_ok(),
        "in another region"
    );
}

#[test]
fn points_asked_for_have_a_quota_of_their_own() {
    let fake = Fake::start(World::small());
    fake.set_quotas(Some(Quotas {
        factor: 1.0,
        neighbour: 0.999,
    }));
    let reader = Reader::of(&fake);
    let ask = || {
        let queries = (0..5)
            .map(|no| {
                query(
                    no,
                    ("AWS/ECS", "CPUUtilization"),
                    &[("ClusterName", "none")],
                    60,
                    "Sum",
                )
            })
            .collect();
        let request = reader
            .cloudwatch
            .get_metric_data()
            .set_metric_data_queries(Some(queries));
        request
            .start_time(DateTime::from_millis(NOW - 14 * DAY))
            .end_time(DateTime::from_millis(NOW))
            .send()
    };
    // 396,000 a second: three calls of 100,800 and no fourth, though no point exists.
    for _ in 0..3 {
        assert!(
            reader.told(ask()).metric_data_results()[0]
                .values()
                .is_empty()
        );
    }
    assert_eq!(reader.refused(ask()), "ThrottlingException");
}

#[test]
fn every_request_is_on_record() {
    let fake = Fake::start(World::small());
    let reader = Reader::of(&fake);
    let _ = reader.told(reader.ecs.list_clusters().send());
    let _ = reader.told(reader.ecs.list_clusters().send());
    let _ = reader.told(reader.ecs.list_clusters().max_results(2).send());
    let calls = fake.calls();
    assert_eq!(
        calls
            .iter()
            .map(|call| (call.n, call.op.as_str()))
            .collect::<Vec<_>>(),
        [
            (0, "ecs:ListClusters"),
            (1, "ecs:ListClusters"),
            (2, "ecs:ListClusters")
        ]
    );
    assert_eq!(
        (
            calls[0].account.as_str(),
            calls[0].region.as_str(),
            calls[0].status
        ),
        (ACCOUNT, REGION, Some(200))
    );
    assert_eq!(calls[0].what, calls[1].what);
    assert_ne!(calls[0].what, calls[2].what);
    assert!(
        calls
            .iter()
            .all(|call| call.answered && !call.has_token && call.fault.is_none())
    );
    fake.clear();
    assert!(fake.calls().is_empty());
}

#[test]
fn a_stalled_client_is_let_go_when_the_fake_ends() {
    let (fake, reader) = faulty("*", Kind::Stall);
    let asking =
        std::thread::spawn(move || reader.wait(reader.ecs.list_clusters().send()).is_err());
    while fake.calls().is_empty() {
        std::thread::yield_now();
    }
    drop(fake);
    assert!(asking.join().expect("no panic"));
}
