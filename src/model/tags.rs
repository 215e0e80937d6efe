//! The tags of a workload, and which of them are kept: a tag may hold anything, a secret too.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::str::FromStr;

/// Values by key.
pub type Tags = BTreeMap<String, String>;

/// Source: AWS General Reference, "Tag naming limits and requirements", read 2026-11.
const MOST_TAGS: usize = 50;
const LONGEST_KEY: usize = 128;
const LONGEST_VALUE: usize = 256;

/// The keys by which costs are usually divided.
pub const USUAL_KEYS: &str =
    "Name,service,app,application,project,team,owner,env,environment,stage,cost-center";

/// Keys of the tags that are kept, whatever their case and punctuation: `cost-center` is `CostCenter`, too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagKeys {
    all: bool,
    plain: BTreeSet<String>,
}

impl Default for TagKeys {
    fn default() -> Self {
        let Ok(usual) = USUAL_KEYS.parse();
        usual
    }
}

impl FromStr for TagKeys {
    type Err = Infallible;

    /// Keys between commas; `*` stands for every key.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let keys: Vec<&str> = text.split(',').map(str::trim).collect();
        Ok(Self {
            all: keys.contains(&"*"),
            plain: keys
                .into_iter()
                .map(plain)
                .filter(|key| !key.is_empty())
                .collect(),
        })
    }
}

impl TagKeys {
    /// The tags of these that are kept.
    pub fn of(&self, tags: Tags) -> Tags {
        let is_kept = |key: &str, value: &str| {
            (1..=LONGEST_KEY).contains(&key.chars().count())
                && value.chars().count() <= LONGEST_VALUE
                && (self.all || self.plain.contains(&plain(key)))
        };
        let kept = tags.into_iter().filter(|(key, value)| is_kept(key, value));
        kept.take(MOST_TAGS).collect()
    }
}

/// A key without case and punctuation.
fn plain(key: &str) -> String {
    let kept = key.chars().filter(|char| char.is_alphanumeric());
    kept.flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(keys: &str, tags: &[(&str, &str)]) -> Vec<String> {
        let tags = tags
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let Ok(keys) = keys.parse::<TagKeys>();
        keys.of(tags.collect()).into_keys().collect()
    }

    #[test]
    fn tags_are_kept_by_key_whatever_its_case_and_punctuation() {
        let tags = [
            ("CostCenter", "1"),
            ("cost_center", "2"),
            ("cost", "3"),
            ("password", "x"),
        ];
        assert_eq!(kept("cost-center", &tags), ["CostCenter", "cost_center"]);
        assert_eq!(kept(USUAL_KEYS, &tags).len(), 2);
        assert_eq!(kept("*", &tags).len(), 4);
        assert_eq!(kept("", &[("", "x"), ("-", "x"), ("a", "x")]).len(), 0);
    }

    #[test]
    fn what_cannot_be_a_tag_is_none() {
        let (long, longer) = ("k".repeat(128), "k".repeat(129));
        assert_eq!(kept("*", &[(&long, "x"), (&longer, "x")]), [long.as_str()]);
        assert_eq!(kept("*", &[("a", &"v".repeat(257))]).len(), 0);
        let many: Vec<(String, String)> =
            (0..60).map(|i| (format!("k{i}"), String::new())).collect();
        let many: Vec<(&str, &str)> = many.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(kept("*", &many).len(), 50);
    }
}
