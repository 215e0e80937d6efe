//! Which parts are read instead of which: those of compactions that stand only for parts that count.

use std::collections::{BTreeMap, BTreeSet};

use super::Dataset;
use super::coverage::Committed;
use super::name::folder;
use super::part;
use crate::model::error::Result;

/// Which parts stand for which.
#[derive(Debug, Default)]
pub(super) struct Compactions {
    all: Vec<Compaction>,
    /// Which compaction a part is of, or is replaced by.
    of_part: BTreeMap<String, usize>,
}

/// Parts that are read together instead of others, or not at all.
#[derive(Debug)]
struct Compaction {
    parts: Vec<String>,
    stands_for: BTreeSet<String>,
}

impl Compactions {
    /// Those of `compactions` that stand only for parts that count, `named`.
    pub(super) fn of(
        dataset: &Dataset,
        compactions: &[Committed],
        named: &BTreeSet<String>,
    ) -> Result<Self> {
        let parts_of = |commit: &Committed| -> Vec<String> {
            commit.row.parts.split(';').map(str::to_owned).collect()
        };
        let parts: BTreeSet<String> = compactions.iter().flat_map(parts_of).collect();
        let parts: Vec<String> = parts.into_iter().collect();
        let mut origins: BTreeMap<String, Vec<String>> = BTreeMap::new();
        dataset.storage.read_tails(&parts, |path, tail| {
            let (_, summary) = part::summary(&dataset.storage, path, &tail)?;
            let whole = |stem: &String| format!("{}/{stem}.parquet", folder(path));
            let others = summary.stands_for.iter().map(whole).collect();
            origins.insert(path.to_owned(), others);
            Ok(())
        })?;
        let mut candidates: Vec<Compaction> = Vec::new();
        for commit in compactions {
            let parts = parts_of(commit);
            let told = parts.iter().filter_map(|part| origins.get(part));
            let stands_for: BTreeSet<String> = told.flatten().cloned().collect();
            if !stands_for.is_empty() && stands_for.is_subset(named) {
                candidates.push(Compaction { parts, stands_for });
            }
        }
        // The one that stands for most counts; what it tells, no other one has to.
        candidates
            .sort_by(|a, b| (b.stands_for.len(), &a.parts).cmp(&(a.stands_for.len(), &b.parts)));
        let mut counting = Self::default();
        for compaction in candidates {
            counting.add(compaction);
        }
        Ok(counting)
    }

    /// Lets a compaction count, unless another one stands for some of the same.
    fn add(&mut self, compaction: Compaction) {
        let is_told = |part: &String| self.of_part.contains_key(part);
        if compaction.stands_for.iter().any(is_told) {
            return;
        }
        let of_it = compaction.parts.iter().chain(&compaction.stands_for);
        let number = self.all.len();
        self.of_part
            .extend(of_it.map(|part| (part.clone(), number)));
        self.all.push(compaction);
    }

    fn of_part(&self, part: &str) -> Option<&Compaction> {
        self.all.get(*self.of_part.get(part)?)
    }

    /// The parts to read where `named` are the ones that count.
    pub(super) fn instead_of(&self, named: BTreeSet<String>) -> BTreeSet<String> {
        let mut parts = BTreeSet::new();
        let mut taken = BTreeSet::new();
        for part in named {
            match self.of_part.get(&part) {
                None => drop(parts.insert(part)),
                Some(&number) if taken.insert(number) => {
                    parts.extend(self.all[number].parts.iter().cloned());
                }
                Some(_) => {}
            }
        }
        parts
    }

    /// The parts that are read together with `part` or not at all: those of its compaction, or itself.
    pub(super) fn together_with(&self, part: &str) -> Vec<String> {
        let of_it = self.of_part(part).map(|compaction| &compaction.parts);
        of_it.cloned().unwrap_or_else(|| vec![part.to_owned()])
    }

    /// What `part` and those that are read together with it stand for: other parts, or itself.
    pub(super) fn origins(&self, part: &str) -> BTreeSet<String> {
        let of_it = self.of_part(part).map(|compaction| &compaction.stands_for);
        of_it
            .cloned()
            .unwrap_or_else(|| BTreeSet::from([part.to_owned()]))
    }
}
