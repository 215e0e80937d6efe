//! What was asked for by name against what came back: asked = returned + gone + failed + dropped + unanswered.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::call::Fault;
use crate::records::Refusal;
use crate::records::fields::code_word;

/// The account of everything of one kind that was asked for.
#[derive(Debug, Default)]
pub(super) struct Reckoning {
    asked: usize,
    returned: usize,
    /// There when listed, no more when described.
    gone: usize,
    /// By AWS's reason.
    failed: BTreeMap<String, usize>,
    /// Neither returned nor named as failed.
    dropped: usize,
    /// By our reason: the call had no answer at all.
    unanswered: BTreeMap<String, usize>,
    /// Came without being asked for.
    foreign: usize,
    /// Came, but cannot be a row.
    refused: BTreeMap<&'static str, usize>,
}

/// What AWS says of a thing that it does not return.
pub(super) type Failure = (Option<String>, Option<String>);

impl Reckoning {
    /// Books one answer and keeps what was asked for. Names are compared behind their last `/`: AWS answers a
    /// cluster's name with its ARN.
    pub(super) fn sort<T>(
        &mut self,
        asked: &[String],
        returned: Option<Vec<T>>,
        name: impl Fn(&T) -> Option<&str>,
        failures: impl IntoIterator<Item = Failure>,
    ) -> Vec<T> {
        let mut open: HashSet<&str> = asked.iter().map(|name| id(name)).collect();
        let wanted = open.clone();
        let mut kept = returned.unwrap_or_default();
        let before = kept.len();
        kept.retain(|item| {
            let name = name(item).map(id).filter(|name| wanted.contains(name));
            name.is_some_and(|name| {
                open.remove(name);
                true
            })
        });
        self.asked += wanted.len();
        self.returned += wanted.len() - open.len();
        self.foreign += before - kept.len();
        let failures: HashMap<String, Option<String>> = failures
            .into_iter()
            .filter_map(|(name, reason)| Some((id(&name?).to_owned(), reason)))
            .collect();
        for name in open {
            match failures.get(name) {
                None => self.dropped += 1,
                Some(Some(reason)) if reason == "MISSING" => self.gone += 1,
                Some(reason) => {
                    let reason =
                        code_word(reason.clone()).unwrap_or_else(|| "no reason given".to_owned());
                    *self.failed.entry(reason).or_default() += 1;
                }
            }
        }
        kept
    }

    /// What was booked as gone so far should not have been: AWS still knows it.
    pub(super) fn none_may_be_gone(&mut self) {
        let gone = std::mem::take(&mut self.gone);
        if gone > 0 {
            *self.failed.entry("MISSING".to_owned()).or_default() += gone;
        }
    }

    /// Books `count` things whose call had no answer.
    pub(super) fn unanswered(&mut self, count: usize, fault: &Fault) {
        self.asked += count;
        *self.unanswered.entry(fault.reason()).or_default() += count;
    }

    /// Books a thing that is not there any more.
    pub(super) fn gone(&mut self) {
        self.asked += 1;
        self.gone += 1;
    }

    /// Books what came but cannot be a row; passes on what can.
    pub(super) fn accept<T>(&mut self, row: Result<T, Refusal>) -> Option<T> {
        row.inspect_err(|refusal| {
            let (Refusal::Unused(why) | Refusal::Rejected(why)) = refusal;
            *self.refused.entry(why).or_default() += 1;
        })
        .ok()
    }

    /// Books what another account holds.
    pub(super) fn absorb(&mut self, other: Self) {
        let Self {
            asked,
            returned,
            gone,
            failed,
            dropped,
            unanswered,
            foreign,
            refused,
        } = other;
        self.asked += asked;
        self.returned += returned;
        self.gone += gone;
        self.dropped += dropped;
        self.foreign += foreign;
        add(&mut self.failed, failed);
        add(&mut self.unanswered, unanswered);
        add(&mut self.refused, refused);
    }

    /// What is missing and should not be, one sentence each. `noun` is a plural.
    pub(super) fn faults(&self, noun: &str) -> Vec<String> {
        let asked = self.asked;
        let failed = self
            .failed
            .iter()
            .map(|(why, count)| format!("{count} of {asked} {noun} not returned: {why}"));
        let unanswered = self
            .unanswered
            .iter()
            .map(|(why, count)| format!("{count} of {asked} {noun} not seen: {why}"));
        let refused = self
            .refused
            .iter()
            .map(|(why, count)| format!("{count} of {asked} {noun} not usable: {why}"));
        let foreign = (self.foreign > 0)
            .then(|| format!("{} {noun} came that nobody asked for", self.foreign));
        failed
            .chain(unanswered)
            .chain(refused)
            .chain(self.dropped(noun))
            .chain(foreign)
            .chain(self.imbalance(noun))
            .collect()
    }

    /// What was lost between asking and booking: nothing, or our own mistake.
    fn imbalance(&self, noun: &str) -> Option<String> {
        let of = |counts: &BTreeMap<String, usize>| counts.values().sum::<usize>();
        let booked =
            self.returned + self.gone + of(&self.failed) + self.dropped + of(&self.unanswered);
        (booked != self.asked).then(|| format!("{booked} of {} {noun} accounted for", self.asked))
    }

    /// What AWS passed over in silence.
    pub(super) fn dropped(&self, noun: &str) -> Option<String> {
        let told = self.asked - self.dropped;
        (self.dropped > 0).then(|| format!("AWS returned {told} of {} {noun}", self.asked))
    }

    /// What vanished between listing and describing: to be told, but in the nature of things.
    pub(super) fn gone_note(&self, noun: &str) -> Option<String> {
        (self.gone > 0).then(|| {
            format!(
                "{} of {} {noun} not returned: MISSING",
                self.gone, self.asked
            )
        })
    }
}

fn add<K: Ord>(counts: &mut BTreeMap<K, usize>, more: BTreeMap<K, usize>) {
    for (key, count) in more {
        *counts.entry(key).or_default() += count;
    }
}

/// What tells one name from the others of its kind.
fn id(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    fn failure(name: &str, reason: &str) -> Failure {
        (Some(name.to_owned()), Some(reason.to_owned()))
    }

    #[test]
    fn what_is_neither_returned_nor_failed_is_dropped() {
        let mut reckoning = Reckoning::default();
        let returned = Some(names(&["arn:x/a", "arn:x/a", "z"]));
        let failures = [
            failure("arn:x/b", "MISSING"),
            failure("arn:x/c", "ACCESS_DENIED"),
            failure("y", "MISSING"),
        ];
        let kept = reckoning.sort(
            &names(&["a", "b", "c", "d"]),
            returned,
            |name| Some(name),
            failures,
        );
        assert_eq!(
            kept,
            ["arn:x/a", "arn:x/a"],
            "versions of one thing are merged later"
        );
        assert_eq!(reckoning.returned, 1);
        assert_eq!(
            reckoning.faults("tasks"),
            [
                "1 of 4 tasks not returned: ACCESS_DENIED",
                "AWS returned 3 of 4 tasks",
                "1 tasks came that nobody asked for"
            ]
        );
        assert_eq!(
            reckoning.gone_note("tasks").unwrap(),
            "1 of 4 tasks not returned: MISSING"
        );
    }

    #[test]
    fn a_reason_that_is_no_code_word_is_not_repeated() {
        let mut reckoning = Reckoning::default();
        reckoning.sort(
            &names(&["a"]),
            None::<Vec<String>>,
            |name| Some(name),
            [failure("a", "password=hunter2 !")],
        );
        assert_eq!(
            reckoning.faults("tasks"),
            ["1 of 1 tasks not returned: no reason given"]
        );
    }

    #[test]
    fn what_was_asked_for_is_accounted_for_or_told() {
        let mut reckoning = Reckoning::default();
        reckoning.sort(
            &names(&["a", "b"]),
            Some(names(&["a"])),
            |name| Some(name),
            [failure("b", "MISSING")],
        );
        reckoning.unanswered(3, &Fault::Throttled("ecs:DescribeTasks".to_owned()));
        reckoning.gone();
        reckoning.none_may_be_gone();
        assert_eq!(reckoning.imbalance("tasks"), None);
        reckoning.asked += 1;
        assert_eq!(
            reckoning.imbalance("tasks").unwrap(),
            "6 of 7 tasks accounted for"
        );
    }

    #[test]
    fn all_that_was_asked_for_leaves_nothing_to_say() {
        let mut reckoning = Reckoning::default();
        reckoning.sort(
            &names(&["a", "b"]),
            Some(names(&["b", "a"])),
            |name| Some(name),
            [],
        );
        assert!(reckoning.faults("tasks").is_empty());
        assert_eq!(reckoning.gone_note("tasks"), None);
    }
}
