//! Bytes are asked for of services that do next to nothing, and of no other.

use std::collections::BTreeSet;

use super::site::Site;
use crate::fake::world::{Insights, Load, Percent};

/// The names of services of which bytes are in the dataset.
fn with_bytes(site: &Site) -> BTreeSet<String> {
    let samples = site.collected().samples.into_iter();
    let of_network = samples.filter(|sample| sample.metric.starts_with("network_"));
    of_network.map(|sample| sample.key[4].clone()).collect()
}

#[test]
fn bytes_are_asked_for_of_services_that_do_next_to_nothing() {
    const STILL: Percent = Percent {
        floor: 0,
        day: 0,
        noise: 0,
    };
    let site = Site::small();
    let mut quiet = String::new();
    site.fake.change(|world| {
        let cluster = &mut world.accounts[0].regions[0].clusters[0];
        cluster.insights = Insights::Enabled;
        quiet.clone_from(&cluster.services[0].name);
        cluster.services[0].load = Load {
            cpu: STILL,
            memory: STILL,
        };
    });
    site.collect(&["--days", "1"]).exits(0);
    assert_eq!(with_bytes(&site), BTreeSet::from([quiet]));
}
