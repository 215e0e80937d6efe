//! What a collection did not come to see is told by reports: denied, stopped or killed.

use super::resume::killed_by;
use super::site::Site;
use crate::fake::{Fault, Kind, Scale, When, World};

const SCALE: Scale = Scale {
    accounts: 1,
    regions: 1,
    clusters: 2,
    services: 2,
    days: 4,
    ..Scale::SMALL
};

fn site(seed: u64) -> Site {
    Site::of(World::seeded(seed, SCALE))
}

#[test]
fn a_collection_that_saw_everything_satisfies_strict() {
    let site = site(40);
    site.collect(&["--days", "3"]).exits(0);
    assert!(!site.misses());
}

#[test]
fn clusters_that_may_not_be_listed_are_missing_on_every_day() {
    let site = site(41);
    site.fake
        .set_faults(vec![Fault::always("ecs:ListClusters", Kind::Denied)]);
    site.collect(&["--days", "3"]).exits(3);
    site.strict("table").exits(3).says(&[
        "every cluster on 3 days (access denied: ecs:ListClusters)",
        "could not be looked at",
    ]);
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "3"]).exits(0);
    assert!(!site.misses());
}

#[test]
fn a_region_that_cannot_be_looked_at_is_missing_on_every_day() {
    let scale = Scale {
        regions: 2,
        ..SCALE
    };
    let site = Site::of(World::seeded(42, scale));
    site.fake.set_faults(vec![Fault {
        region: Some("eu-west-1".to_owned()),
        ..Fault::always("ecs:*", Kind::ExpiredCredentials)
    }]);
    site.collect(&["--days", "3"]).exits(3);
    site.strict("table")
        .exits(3)
        .says(&["eu-west-1 every cluster on 3 days (credentials refused"]);
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "3"]).exits(0);
    assert!(!site.misses());
}

#[test]
fn whatever_a_deadline_left_is_planned_and_not_seen() {
    let site = site(43);
    let slow = Fault {
        when: When::Nth(25..u64::MAX),
        ..Fault::always("*", Kind::HugeLatency(5_000))
    };
    site.fake.set_faults(vec![slow]);
    site.collect(&["--days", "3", "--deadline", "2s"])
        .exits(3)
        .says(&["stopped at the deadline"]);
    site.strict("table")
        .exits(3)
        .says(&["planned, and not seen", "could not be looked at"]);
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "3"]).exits(0);
    assert!(!site.misses());
}

#[test]
fn an_account_that_is_not_reached_for_a_while_leaves_no_gap_behind() {
    let site = site(44);
    site.fake.set_faults(vec![
        Fault::always("cloudwatch:ListMetrics", Kind::Denied),
        Fault::always("logs:DescribeLogGroups", Kind::Denied),
        Fault::always("ecs:ListTasks", Kind::Denied),
        Fault::always("codebuild:*", Kind::Denied),
    ]);
    site.collect(&["--days", "3"]).exits(3);
    assert!(site.misses());
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "3"]).exits(0);
    assert!(!site.misses());
}

#[test]
fn credentials_that_name_no_account_are_missing_on_every_day() {
    let scale = Scale {
        accounts: 2,
        ..SCALE
    };
    let site = Site::of(World::seeded(45, scale));
    let account = site.accounts().pop();
    site.fake.set_faults(vec![Fault {
        account,
        ..Fault::always("sts:*", Kind::ExpiredCredentials)
    }]);
    site.collect(&["--days", "3"]).exits(3);
    site.strict("table")
        .exits(3)
        .says(&["an account that is not known: every cluster on 3 days (credentials refused"]);
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "3"]).exits(0);
    assert!(!site.misses());
}

#[test]
fn killed_while_it_looks_for_what_there_is_it_has_said_what_it_was_asked_for() {
    for op in [
        "ecs:ListClusters",
        "ecs:DescribeServices",
        "cloudwatch:ListMetrics",
        "logs:DescribeLogGroups",
    ] {
        let site = site(46);
        site.collect(&["--days", "1"]).exits(0);
        assert!(!site.misses());
        let kill = Fault::always(op, Kind::KillClient);
        assert!(killed_by(&site, kill, &["--days", "3"]).is_some(), "{op}");
        site.strict("table")
            .exits(3)
            .says(&["every cluster on 2 days (planned, and not seen)"]);
        site.collect(&["--days", "3"]).exits(0);
        assert!(!site.misses(), "{op}");
    }
}

#[test]
fn killed_while_it_looks_for_regions_it_has_said_that_all_were_asked_for() {
    let scale = Scale {
        regions: 2,
        ..SCALE
    };
    let site = Site::of(World::seeded(48, scale));
    site.collect(&["--days", "1"]).exits(0);
    let kill = Fault::always("ecs:ListClusters", Kind::KillClient);
    assert!(killed_by(&site, kill, &["--days", "3", "--region", "all"]).is_some());
    site.strict("table")
        .exits(3)
        .says(&["every region not named: every cluster on 3 days (planned, and not seen)"]);
    site.collect(&["--days", "3", "--region", "all"]).exits(0);
    assert!(!site.misses());
}

#[test]
fn a_plan_that_is_refused_or_only_printed_leaves_no_gap_behind() {
    let site = site(47);
    site.collect(&["--days", "1"]).exits(0);
    let before = site.strict("json").stdout;
    site.collect(&["--days", "3", "--dry-run"]).exits(0);
    assert_eq!(site.strict("json").stdout, before);
    site.collect(&["--days", "3", "--max-api-cost", "0"])
        .exits(11);
    assert_eq!(site.strict("json").stdout, before);
}
