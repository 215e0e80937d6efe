//! The regions of the price list, and where it is asked about them.

/// The endpoint of the Price List Query API to ask about `region`: the nearest of the region's partition. What is
/// priced is a filter and does not depend on it.
pub fn endpoint(region: &str) -> &'static str {
    match region.split('-').next().unwrap_or_default() {
        "cn" => "cn-northwest-1",
        "eusc" => "eusc-de-east-1",
        "eu" | "me" | "af" | "il" => "eu-central-1",
        "ap" => "ap-south-1",
        _ => "us-east-1",
    }
}

/// `us-east-1`, `us-gov-west-1`; not `us-west-2-lax-1`, which is a zone.
pub(super) fn is_region(name: &str) -> bool {
    let mut parts = name.rsplit('-');
    let is_numbered = parts
        .next()
        .is_some_and(|last| !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()));
    let mut words = 0;
    is_numbered
        && parts.all(|part| {
            words += 1;
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase())
        })
        && words >= 2
}
