//! Which workloads are looked at, and which of them are listed.
//!
//! A condition (`cluster=prod and kind=service`) decides what is analysed at all: sums, fleets and groups are of the
//! workloads that meet it. Order, number and smallest saving only decide what is listed.

use std::cmp::Reverse;

use clap::ValueEnum;

use super::result::Report;
use crate::demand::Demand;
use crate::model::units::Usd;
use crate::model::workload::{Configuration, Platform};

/// Terms joined by `and`, these joined by `or`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Condition {
    text: String,
    any: Vec<Vec<Term>>,
}

/// A field that is, or is not, something.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    field: Field,
    equal: bool,
    value: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Field {
    Account,
    Region,
    Cluster,
    Kind,
    Name,
    Platform,
    /// The tag with this key; that of a workload without it is empty.
    Tag(String),
}

/// Before the key of a tag.
pub(super) const TAG: &str = "tag.";

const FIELDS: [(&str, Field); 6] = [
    ("account", Field::Account),
    ("region", Field::Region),
    ("cluster", Field::Cluster),
    ("kind", Field::Kind),
    ("name", Field::Name),
    ("platform", Field::Platform),
];

impl Condition {
    /// Reads `FIELD=VALUE`, `FIELD!=VALUE`, joined by `and` and `or`; `and` binds closer. A value with spaces stands in
    /// quotes.
    ///
    /// # Errors
    /// What is wrong, and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut any = vec![Vec::new()];
        let mut wants_term = true;
        for word in words(text)? {
            match (word.to_ascii_lowercase().as_str(), wants_term) {
                ("and", false) => wants_term = true,
                ("or", false) => {
                    any.push(Vec::new());
                    wants_term = true;
                }
                (_, true) => {
                    let term = Term::parse(&word)?;
                    any.last_mut()
                        .into_iter()
                        .for_each(|all| all.push(term.clone()));
                    wants_term = false;
                }
                _ => return Err(format!("`{word}`: conditions are joined by `and` or `or`")),
            }
        }
        if wants_term {
            return Err("a condition is missing, such as cluster=prod".to_owned());
        }
        Ok(Self {
            text: text.trim().to_owned(),
            any,
        })
    }

    /// As it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether a workload meets it.
    pub fn holds(&self, demand: &Demand) -> bool {
        self.any
            .iter()
            .any(|all| all.iter().all(|term| term.holds(demand)))
    }
}

impl Field {
    fn parse(name: &str) -> Result<Self, String> {
        if let Some(key) = name.strip_prefix(TAG).filter(|key| !key.is_empty()) {
            return Ok(Self::Tag(key.to_owned()));
        }
        let known = FIELDS.into_iter().find(|(known, _)| *known == name);
        known.map(|(_, field)| field).ok_or_else(|| {
            let names: Vec<&str> = FIELDS.iter().map(|(name, _)| *name).collect();
            format!("`{name}` is not one of {}, {TAG}KEY", names.join(", "))
        })
    }
}

impl Term {
    fn parse(text: &str) -> Result<Self, String> {
        let (field, value) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}`: write FIELD=VALUE or FIELD!=VALUE"))?;
        let (name, equal) = match field.strip_suffix('!') {
            Some(name) => (name, false),
            None => (field, true),
        };
        Ok(Self {
            field: Field::parse(name)?,
            equal,
            value: value.to_owned(),
        })
    }

    fn holds(&self, demand: &Demand) -> bool {
        let key = &demand.workload;
        let platform = demand.current.as_ref().and_then(Configuration::platform);
        let found = match &self.field {
            Field::Account => &key.account,
            Field::Region => &key.region,
            Field::Cluster => &key.cluster,
            Field::Kind => key.kind.as_str(),
            Field::Name => &key.name,
            Field::Platform => platform.map_or("", Platform::as_str),
            Field::Tag(key) => demand.tags.get(key).map_or("", String::as_str),
        };
        (found == self.value) == self.equal
    }
}

/// Words between spaces; quotes keep theirs together.
fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quote = None;
    for char in text.chars() {
        match (quote, char) {
            (Some(open), _) if char == open => quote = None,
            (None, '\'' | '"') => quote = Some(char),
            (None, _) if char.is_whitespace() => {
                if !word.is_empty() {
                    words.push(std::mem::take(&mut word));
                }
            }
            _ => word.push(char),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    if !word.is_empty() {
        words.push(word);
    }
    Ok(words)
}

/// What comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Order {
    /// What saves most
    #[default]
    Savings,
    /// What costs most
    Cost,
    /// By name
    Name,
}

/// Lists the first `top` of the workloads that save at least `min_savings`, in this order; sums stay those of all.
pub fn list(report: &mut Report, order: Order, top: Option<usize>, min_savings: Option<Usd>) {
    let all = report.workloads.len();
    match order {
        // A report comes in this order.
        Order::Savings => {}
        Order::Cost => report.workloads.sort_by_key(|workload| {
            Reverse(workload.current.going_rate.as_ref().map(|rate| rate.usd))
        }),
        Order::Name => report
            .workloads
            .sort_by_key(|workload| (workload.cluster.clone(), workload.name.clone())),
    }
    if let Some(least) = min_savings {
        report
            .workloads
            .retain(|workload| workload.monthly_savings_usd >= Some(least));
    }
    report.workloads.truncate(top.unwrap_or(usize::MAX));
    report.selection.top = top;
    report.selection.min_savings_usd = min_savings;
    report.selection.not_listed = all - report.workloads.len();
}

#[cfg(test)]
mod tests {
    use super::super::sample;
    use super::*;

    #[test]
    fn conditions_are_read_or_refused_with_the_reason() {
        let condition = Condition::parse("cluster=prod and kind!=task or name='a b'").unwrap();
        assert_eq!(
            condition.any.iter().map(Vec::len).collect::<Vec<_>>(),
            [2, 1]
        );
        assert_eq!(condition.any[1][0].value, "a b");
        let tagged = Condition::parse("tag.aws:ecs:x!='a b'").unwrap();
        let term = Term {
            field: Field::Tag("aws:ecs:x".to_owned()),
            equal: false,
            value: "a b".to_owned(),
        };
        assert_eq!(tagged.any, [[term]]);
        for (text, why) in [
            ("", "missing"),
            ("cluster=prod and", "missing"),
            ("cluster", "FIELD=VALUE"),
            ("colour=red", "not one of account"),
            ("tag.=red", "tag.KEY"),
            ("a=b c=d", "not one of"),
            ("kind=task kind=build", "joined by"),
            ("name='x", "not closed"),
        ] {
            let error = Condition::parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn listing_changes_no_sum() {
        let mut report = sample::report();
        let before = report.totals.going_rate.usd;
        list(&mut report, Order::Cost, Some(2), None);
        let names: Vec<&str> = report.workloads.iter().map(|w| w.name.as_str()).collect();
        assert_eq!(names, ["web", "ledger"]);
        assert_eq!(
            (report.selection.not_listed, report.totals.going_rate.usd),
            (4, before)
        );
        let mut report = sample::report();
        list(&mut report, Order::Savings, None, Some(Usd::new(40.into())));
        assert_eq!(report.workloads.len(), 2);
        let mut report = sample::report();
        list(&mut report, Order::Name, None, None);
        assert_eq!(report.workloads[0].name, "image", "builds have no cluster");
    }
}
