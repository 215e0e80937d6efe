//! Every class of fault: no false "complete", a true exit code, and after it has passed the whole truth.

use std::time::{Duration, Instant};

use super::site::Site;
use crate::fake::{Fault, Kind, Resolution, Scale, World};

const SCALE: Scale = Scale {
    accounts: 1,
    regions: 1,
    days: 3,
    ..Scale::SMALL
};
/// A run with any of these faults ends before.
const LONGEST: Duration = Duration::from_mins(2);

/// Collects under `fault`, then without it.
fn weather(seed: u64, name: &str, fault: &Fault) {
    // A thousand empty pages are much where there are many groups.
    let scale = if fault.kind == Kind::EndlessEmptyPages {
        Scale {
            regions: 1,
            clusters: 2,
            ..SCALE
        }
    } else {
        SCALE
    };
    let site = Site::of(World::seeded(seed, scale));
    site.fake.set_faults(vec![fault.clone()]);
    let begun = Instant::now();
    let run = site.collect(&["--days", "2"]);
    assert!(begun.elapsed() < LONGEST, "{name}: {:?}", begun.elapsed());
    assert!(!run.stderr.contains("panicked"), "{name}: {}", run.stderr);
    assert!(
        matches!(run.code, Some(0 | 1 | 3 | 7)),
        "{name}: {:?}\n{}",
        run.code,
        run.said()
    );
    site.claims_only_what_it_holds(2, Resolution::Auto);
    if run.code == Some(0) {
        site.holds_all(2, Resolution::Auto);
    } else {
        assert!(run.said().len() > 20, "{name}: an exit code without a word");
    }
    site.fake.set_faults(Vec::new());
    site.collect(&["--days", "2"]).exits(0);
    site.holds_all(2, Resolution::Auto);
}

/// Classes that are struck one after the other by each of a few tests, which run side by side.
fn classes(part: usize) {
    for (no, (name, fault)) in Fault::CLASSES
        .iter()
        .enumerate()
        .filter(|(no, _)| no % 4 == part)
    {
        // A client that is killed has no exit code: `resume` is about that.
        if fault.kind != Kind::KillClient {
            weather(100 + no as u64, name, fault);
        }
    }
}

#[test]
fn every_class_of_fault_passes_without_a_trace_0() {
    classes(0);
}

#[test]
fn every_class_of_fault_passes_without_a_trace_1() {
    classes(1);
}

#[test]
fn every_class_of_fault_passes_without_a_trace_2() {
    classes(2);
}

#[test]
fn every_class_of_fault_passes_without_a_trace_3() {
    classes(3);
}

#[test]
fn a_region_that_fails_takes_nothing_from_the_others() {
    let site = Site::small();
    let fault = Fault {
        region: Some("eu-west-1".to_owned()),
        ..Fault::always("*", Kind::DeniedByScp)
    };
    site.fake.set_faults(vec![fault]);
    site.collect(&["--days", "2"])
        .exits(3)
        .says(&["eu-west-1", "service control policy"]);
    let golden = site.golden(2, Resolution::Auto);
    let collected = site.collected();
    for sample in golden
        .samples
        .iter()
        .filter(|sample| sample.key[1] == "us-east-1")
    {
        assert!(collected.samples.contains(sample), "{sample:?}");
    }
    assert!(
        collected
            .samples
            .iter()
            .all(|sample| sample.key[1] == "us-east-1")
    );
}
