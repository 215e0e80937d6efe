//! Filter patterns of CloudWatch Logs, as far as they are conjunctions over top-level fields of JSON.

/// `{ $.Type = "Task" && $.ServiceName NOT EXISTS }`, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Pattern {
    terms: Vec<(String, Term)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Term {
    Is(String),
    Exists,
    ExistsNot,
}

impl Pattern {
    /// `None` for what CloudWatch refuses, and for what the fake does not play.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if text.trim().is_empty() {
            return Some(Self { terms: Vec::new() });
        }
        let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
        let terms = inner.split("&&").map(|term| {
            parse_term(
                term.trim()
                    .trim_start_matches('(')
                    .trim_end_matches(')')
                    .trim(),
            )
        });
        Some(Self {
            terms: terms.collect::<Option<_>>()?,
        })
    }

    /// True when every term holds for the fields that `field` tells.
    pub(crate) fn matches<'f>(&self, field: impl Fn(&str) -> Option<&'f str>) -> bool {
        self.terms.iter().all(|(name, term)| match term {
            Term::Is(wanted) => field(name) == Some(wanted),
            Term::Exists => field(name).is_some(),
            Term::ExistsNot => field(name).is_none(),
        })
    }
}

fn parse_term(term: &str) -> Option<(String, Term)> {
    if let Some(selector) = term.strip_suffix("NOT EXISTS") {
        return Some((name(selector)?, Term::ExistsNot));
    }
    if let Some(selector) = term.strip_suffix("EXISTS") {
        return Some((name(selector)?, Term::Exists));
    }
    let (selector, value) = term.split_once('=')?;
    let value = value.trim();
    let text = value
        .strip_prefix('"')
        .map_or(Some(value), |rest| rest.strip_suffix('"'))?;
    Some((name(selector)?, Term::Is(text.to_owned())))
}

/// `X` of `$.X`, `$."X"`, `$['X']`, `$.['X']` and `$["X"]`.
fn name(selector: &str) -> Option<String> {
    let rest = selector.trim().strip_prefix('$')?;
    let rest = rest.strip_prefix('.').unwrap_or(rest);
    let rest = rest
        .strip_prefix('[')
        .map_or(Some(rest), |rest| rest.strip_suffix(']'))?;
    let bare = rest.trim_matches(['"', '\'']);
    (!bare.is_empty()).then(|| bare.to_owned())
}
