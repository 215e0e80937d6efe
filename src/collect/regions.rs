//! AWS's regions, by partition.

use crate::model::error::{Error, ErrorKind, Result};

/// Regions of the commercial partition. Source: AWS regional endpoints page, read 2026-11.
const AWS: [&str; 34] = [
    "af-south-1",
    "ap-east-1",
    "ap-east-2",
    "ap-northeast-1",
    "ap-northeast-2",
    "ap-northeast-3",
    "ap-south-1",
    "ap-south-2",
    "ap-southeast-1",
    "ap-southeast-2",
    "ap-southeast-3",
    "ap-southeast-4",
    "ap-southeast-5",
    "ap-southeast-6",
    "ap-southeast-7",
    "ca-central-1",
    "ca-west-1",
    "eu-central-1",
    "eu-central-2",
    "eu-north-1",
    "eu-south-1",
    "eu-south-2",
    "eu-west-1",
    "eu-west-2",
    "eu-west-3",
    "il-central-1",
    "me-central-1",
    "me-south-1",
    "mx-central-1",
    "sa-east-1",
    "us-east-1",
    "us-east-2",
    "us-west-1",
    "us-west-2",
];
const CHINA: [&str; 2] = ["cn-north-1", "cn-northwest-1"];
const GOVERNMENT: [&str; 2] = ["us-gov-east-1", "us-gov-west-1"];

/// Every region that credentials of an ARN's partition may reach.
pub(crate) fn of_partition(arn: &str) -> &'static [&'static str] {
    match arn.split(':').nth(1) {
        Some("aws-cn") => &CHINA,
        Some("aws-us-gov") => &GOVERNMENT,
        _ => &AWS,
    }
}

/// Refuses what cannot be the name of a region, with the nearest name that is one.
pub(crate) fn check(name: &str) -> Result<()> {
    let known = || AWS.iter().chain(&CHINA).chain(&GOVERNMENT);
    if known().any(|known| *known == name) {
        return Ok(());
    }
    let words: Vec<&str> = name.split('-').collect();
    let is_word =
        |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_lowercase());
    let is_formed = matches!(words.as_slice(), [place, between @ .., number]
        if (2..=4).contains(&place.len()) && (1..=3).contains(&between.len())
            && words[..words.len() - 1].iter().all(is_word) && number.len() <= 2 && number.parse::<u8>().is_ok());
    if is_formed {
        tracing::warn!("region `{name}` is not among those plimsoll knows; asking it all the same");
        return Ok(());
    }
    let plain = |text: &str| text.replace(['-', '_', ' '], "").to_lowercase();
    let near = known().find(|known| plain(known) == plain(name));
    let hint = near.map_or_else(
        || "region names look like us-east-1; `--region all` takes every region".to_owned(),
        |near| format!("did you mean `{near}`?"),
    );
    Err(Error::new(ErrorKind::Usage, format!("`{name}` is not an AWS region")).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_region_is_refused_with_the_nearest_one() {
        for (name, near) in [
            ("us-east1", Some("us-east-1")),
            ("EU-WEST-1", Some("eu-west-1")),
            ("nowhere", None),
            ("", None),
        ] {
            let error = check(name).unwrap_err();
            assert_eq!(
                error
                    .next_step()
                    .is_some_and(|hint| near.is_some_and(|near| hint.contains(near))),
                near.is_some(),
                "{name}"
            );
        }
    }

    #[test]
    fn a_new_region_is_asked_all_the_same() {
        assert!(check("eu-east-1").is_ok());
        assert!(check("us-gov-west-1").is_ok());
    }
}
