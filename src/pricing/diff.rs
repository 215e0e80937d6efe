//! What changed between two books.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::book::PriceBook;
use super::offers::PriceRow;

/// A price that is not the same in both books.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The row of the old book; `None` where it had none.
    pub old: Option<PriceRow>,
    /// The row of the new book; `None` where it has none.
    pub new: Option<PriceRow>,
}

/// What is not the same in two books.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Diff {
    /// Prices that differ, in the regions of both books.
    pub changes: Vec<Change>,
    /// Prices that are the same.
    pub same: usize,
    /// Regions of the old book only.
    pub only_old: Vec<String>,
    /// Regions of the new book only.
    pub only_new: Vec<String>,
}

impl Change {
    /// The row that there is, the new one first.
    pub fn row(&self) -> Option<&PriceRow> {
        self.new.as_ref().or(self.old.as_ref())
    }

    /// New less old; `None` where one is missing.
    pub fn difference(&self) -> Option<Decimal> {
        let amount = |row: &Option<PriceRow>| Decimal::from_str_exact(&row.as_ref()?.amount).ok();
        amount(&self.new)?.checked_sub(amount(&self.old)?)
    }

    /// The difference in percent of the old price.
    pub fn percent(&self) -> Option<Decimal> {
        let old = Decimal::from_str_exact(&self.old.as_ref()?.amount).ok()?;
        let share = self.difference()?.checked_div(old)?;
        Some(share.checked_mul(Decimal::ONE_HUNDRED)?.round_dp(2))
    }
}

/// Compares the amounts of `old` and `new`; another date, source or way to write the same amount is no change.
pub fn diff(old: &PriceBook, new: &PriceBook) -> Diff {
    let regions =
        |book: &PriceBook| -> BTreeSet<String> { book.regions().map(str::to_owned).collect() };
    let (in_old, in_new) = (regions(old), regions(new));
    let mut diff = Diff {
        only_old: in_old.difference(&in_new).cloned().collect(),
        only_new: in_new.difference(&in_old).cloned().collect(),
        ..Diff::default()
    };
    let anywhere = super::tables::ANY_REGION.to_owned();
    for region in std::iter::once(&anywhere).chain(in_old.intersection(&in_new)) {
        let (mut before, after) = (by_item(old, region), by_item(new, region));
        for (item, row) in after {
            let change = Change {
                old: before.remove(&item).cloned(),
                new: Some(row.clone()),
            };
            if change.difference().is_some_and(|change| change.is_zero()) {
                diff.same += 1;
            } else {
                diff.changes.push(change);
            }
        }
        diff.changes.extend(before.into_values().map(|row| Change {
            old: Some(row.clone()),
            new: None,
        }));
    }
    diff
}

type Items<'b> = BTreeMap<(&'static str, &'b str, &'static str), &'b PriceRow>;

fn by_item<'b>(book: &'b PriceBook, region: &str) -> Items<'b> {
    let rows = book.rows_of(region).iter();
    rows.map(|row| ((row.service, row.item.as_str(), row.unit), row))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pricing::Tables;

    const HEADER: &str =
        "region,os,architecture,purchase_option,component,usd,as_of,source,quality\n";

    fn book(rows: &[&str]) -> PriceBook {
        let fargate = format!("{HEADER}{}\n", rows.join("\n"));
        PriceBook::from_tables(&Tables {
            fargate: &fargate,
            ..Tables::default()
        })
        .expect("well-formed")
    }

    #[test]
    fn only_other_amounts_are_changes() {
        let old = book(&[
            "a,linux,arm64,spot,vcpu_hour,0.04,2025,s,exact",
            "a,linux,arm64,spot,gib_hour,0.005,2025,s,exact",
            "a,linux,x86_64,spot,gib_hour,0.1,2025,s,exact",
            "b,linux,x86_64,spot,gib_hour,0.1,2025,s,exact",
        ]);
        let new = book(&[
            "a,linux,arm64,spot,vcpu_hour,0.0400000000,2026,other,snapshot",
            "a,linux,arm64,spot,gib_hour,0.006,2026,s,exact",
            "a,windows,x86_64,spot,gib_hour,0.1,2026,s,exact",
            "c,linux,x86_64,spot,gib_hour,0.1,2025,s,exact",
        ]);
        let diff = diff(&old, &new);
        assert_eq!((diff.same, diff.changes.len()), (1, 3));
        assert_eq!(
            (diff.only_old, diff.only_new),
            (vec!["b".to_owned()], vec!["c".to_owned()])
        );
        let [raised, added, removed] = diff.changes.as_slice() else {
            panic!("three changes");
        };
        assert_eq!(
            (raised.difference(), raised.percent()),
            (
                Some("0.001".parse().expect("a decimal")),
                Some("20".parse().expect("a decimal"))
            )
        );
        assert!(added.old.is_none() && added.percent().is_none());
        assert!(removed.new.is_none());
        assert_eq!(
            removed.row().expect("one").item,
            "linux x86_64 spot gib_hour"
        );
    }

    #[test]
    fn a_book_does_not_differ_from_itself() {
        let book = PriceBook::embedded().expect("parses");
        let diff = diff(&book, &book);
        assert!(diff.changes.is_empty() && diff.only_new.is_empty() && diff.only_old.is_empty());
        assert_eq!(diff.same, book.rows().count());
    }
}
