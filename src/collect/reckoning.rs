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
        let failures: HashMap<String, Option<String>> =
            failures.into_iter().filter_map(|(name, reason)| Some((id(&name?).to_owned(), reason))).collect();
        for name in open {
            match failures.get(name) {
                None => self.dropped += 1,
                Some(Some(reason)) if reason == "MISSING" => self.gone += 1,
                Some(reason) => {
                    let reason = code_word(reason.clone()).unwrap_or_else(|| "no reason given".to_owned());
                    *self.failed.entry(reason).or_default() += 1;
                }
            }
        }
        kept
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
        let Self { asked, returned, gone, failed, dropped, unanswered, foreign, refused } = other;
        self.asked += asked;
        self.returned += returned;
        self.gone += gone;
        self.dropped += dropped;
        self.foreign += foreign;
        failed.into_iter().for_each(|(why, count)| *self.failed.entry(why).or_default() += count);
        unanswered.into_iter().for_each(|(why, count)| *self.unanswered.entry(why).or_default() += count);
        refused.into_iter().for_each(|(why, count)| *self.refused.entry(why).or_default() += count);
    }

    /// Things returned.
    pub(super) const fn returned(&self) -> usize {
        self.returned
    }

    /// What is missing and should not be, one sentence each. `noun` is a plural.
    pub(super) fn faults(&self, noun: &str) -> Vec<String> {
        let asked = self.asked;
        let failed = self.failed.iter().map(|(why, count)| format!("{count} of {asked} {noun} not returned: {why}"));
        let unanswered = self.unanswered.iter().map(|(why, count)| format!("{count} of {asked} {noun} not seen: {why}"));
        let refused = self.refused.iter().map(|(why, count)| format!("{count} of {asked} {noun} not usable: {why}"));
        let foreign = (self.foreign > 0).then(|| format!("{} {noun} came that nobody asked for", self.foreign));
        failed.chain(unanswered).chain(refused).chain(self.dropped(noun)).chain(foreign).collect()
    }

    /// What AWS passed over in silence.
    pub(super) fn dropped(&self, noun: &str) -> Option<String> {
        let told = self.asked - self.dropped;
        (self.dropped > 0).then(|| format!("AWS returned {told} of {} {noun}", self.asked))
    }

    /// What vanished between listing and describing: to be told, but in the nature of things.
    pub(super) fn gone_note(&self, noun: &str) -> Option<String> {
        (self.gone > 0).then(|| format!("{} of {} {noun} not returned: MISSING", self.gone, self.asked))
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
        let failures = [failure("arn:x/b", "MISSING"), failure("arn:x/c", "ACCESS_DENIED"), failure("y", "MISSING")];
        let kept = reckoning.sort(&names(&["a", "b", "c", "d"]), returned, |name| Some(name), failures);
        assert_eq!(kept, ["arn:x/a", "arn:x/a"], "versions of one thing are merged later");
        assert_eq!(reckoning.returned(), 1);
        assert_eq!(
            reckoning.faults("tasks"),
            ["1 of 4 tasks not returned: ACCESS_DENIED", "AWS returned 3 of 4 tasks", "1 tasks came that nobody asked for"]
        );
        assert_eq!(reckoning.gone_note("tasks").unwrap(), "1 of 4 tasks not returned: MISSING");
    }

    #[test]
    fn a_reason_that_is_no_code_word_is_not_repeated() {
        let mut reckoning = Reckoning::default();
        reckoning.sort(&names(&["a"]), None::<Vec<String>>, |name| Some(name), [failure("a", "password=hunter2 !")]);
        assert_eq!(reckoning.faults("tasks"), ["1 of 1 tasks not returned: no reason given"]);
    }

    #[test]
    fn all_that_was_asked_for_leaves_nothing_to_say() {
        let mut reckoning = Reckoning::default();
        reckoning.sort(&names(&["a", "b"]), Some(names(&["b", "a"])), |name| Some(name), []);
        assert!(reckoning.faults("tasks").is_empty());
        assert_eq!(reckoning.gone_note("tasks"), None);
    }
}
