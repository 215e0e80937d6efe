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
    /// Parts that others stand for.
    replaced: BTreeSet<String>,
    /// The others, by the folder of their parts.
    parts: BTreeMap<String, BTreeSet<String>>,
    /// What they stand for, by the folder.
    stands_for: BTreeMap<String, BTreeSet<String>>,
}

impl Compactions {
    /// Those of `compactions` that stand only for parts that count, `named`.
    pub(super) fn of(
        dataset: &Dataset,
        compactions: &[Committed],
        named: &BTreeSet<String>,
    ) -> Result<Self> {
        let mut candidates: Vec<(BTreeSet<String>, Vec<String>)> = Vec::new();
        for commit in compactions {
            let parts: Vec<String> = commit.row.parts.split(';').map(str::to_owned).collect();
            let mut stands_for = BTreeSet::new();
            dataset.storage.read_tails(&parts, |path, tail| {
                let (_, summary) = part::summary(&dataset.storage, path, &tail)?;
                let whole = |stem: &String| format!("{}/{stem}.parquet", folder(path));
                stands_for.extend(summary.stands_for.iter().map(whole));
                Ok(())
            })?;
            if stands_for.is_subset(named) {
                candidates.push((stands_for, parts));
            }
        }
        // The one that stands for most counts; what it tells, no other one has to.
        candidates.sort_by(|a, b| (b.0.len(), &a.1).cmp(&(a.0.len(), &b.1)));
        let mut all = Self::default();
        for (stands_for, parts) in candidates {
            let Some(first) = parts
                .first()
                .filter(|_| stands_for.is_disjoint(&all.replaced))
            else {
                continue;
            };
            let folder = folder(first).to_owned();
            all.replaced.extend(stands_for.iter().cloned());
            all.stands_for
                .entry(folder.clone())
                .or_default()
                .extend(stands_for);
            all.parts.entry(folder).or_default().extend(parts);
        }
        Ok(all)
    }

    /// The parts to read where `named` are the ones that count.
    pub(super) fn instead_of(&self, named: BTreeSet<String>) -> BTreeSet<String> {
        let folders: BTreeSet<&str> = named.iter().map(|part| folder(part)).collect();
        let others = folders.iter().filter_map(|folder| self.parts.get(*folder));
        let others: BTreeSet<String> = others.flatten().cloned().collect();
        let itself = named
            .into_iter()
            .filter(|part| !self.replaced.contains(part));
        itself.chain(others).collect()
    }

    /// What `part` stands for: other parts, or itself.
    pub(super) fn origins(&self, part: &String) -> BTreeSet<String> {
        let is_other = |parts: &&BTreeSet<String>| parts.contains(part);
        let of_folder = self.parts.get(folder(part)).filter(is_other);
        of_folder
            .and_then(|_| self.stands_for.get(folder(part)))
            .cloned()
            .unwrap_or_else(|| BTreeSet::from([part.clone()]))
    }
}
