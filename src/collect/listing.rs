//! One listing, page by page: nothing twice, never in circles, begun again when its token expires.

use std::collections::HashSet;

use super::call::{Fault, Pages, is_stale_token};

/// How far a listing is.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pages: Pages,
    token: Option<String>,
    seen: HashSet<String>,
    is_over: bool,
}

impl Listing {
    /// What the next page has that no page before had; `None` after the last page.
    ///
    /// `ask` gets the token of the page and answers with its items and the token of the next one; `key` names an item.
    pub(super) async fn next<T, F>(
        &mut self,
        ask: impl Fn(Option<String>) -> F,
        key: impl Fn(&T) -> &str,
    ) -> Result<Option<Vec<T>>, Fault>
    where
        F: Future<Output = Result<(Option<Vec<T>>, Option<String>), Fault>>,
    {
        while !self.is_over {
            let (items, token) = match ask(self.token.clone()).await {
                Err(fault)
                    if self.token.is_some() && is_stale(&fault) && self.pages.may_restart() =>
                {
                    self.token = None;
                    continue;
                }
                page => page?,
            };
            let mut items = items.unwrap_or_default();
            self.token = self.pages.next(token, items.is_empty())?;
            self.is_over = self.token.is_none();
            items.retain(|item| self.seen.insert(key(item).to_owned()));
            if !items.is_empty() {
                return Ok(Some(items));
            }
        }
        Ok(None)
    }
}

/// CodeBuild has no code of its own for an expired token.
fn is_stale(fault: &Fault) -> bool {
    is_stale_token(fault)
        || matches!(fault, Fault::Protocol(what) if what.contains("InvalidInputException"))
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    type Page = Result<(Option<Vec<String>>, Option<String>), Fault>;

    #[expect(
        clippy::unnecessary_wraps,
        reason = "a script has faults between its pages"
    )]
    fn page(items: &[&str], token: Option<&str>) -> Page {
        Ok((
            Some(items.iter().map(ToString::to_string).collect()),
            token.map(str::to_owned),
        ))
    }

    fn stale() -> Page {
        Err(Fault::Protocol(
            "ecs:ListTasks: InvalidParameterException".to_owned(),
        ))
    }

    /// Every item of `script`, and the token that each page was asked for with.
    fn follow(script: Vec<Page>) -> (Result<Vec<String>, Fault>, Vec<Option<String>>) {
        let (mut listing, asked) = (Listing::default(), RefCell::new(Vec::new()));
        let answers = RefCell::new(script.into_iter());
        let all = futures::executor::block_on(async {
            let mut all = Vec::new();
            let ask = |token| {
                asked.borrow_mut().push(token);
                let answer = answers
                    .borrow_mut()
                    .next()
                    .unwrap_or_else(|| page(&[], None));
                async { answer }
            };
            while let Some(items) = listing.next(ask, String::as_str).await? {
                all.extend(items);
            }
            Ok(all)
        });
        (all, asked.into_inner())
    }

    #[test]
    fn pages_follow_their_tokens_past_empty_ones() {
        let (all, asked) = follow(vec![
            page(&["a"], Some("1")),
            page(&[], Some("2")),
            page(&["b"], None),
        ]);
        assert_eq!(all.unwrap(), ["a", "b"]);
        assert_eq!(asked, [None, Some("1".to_owned()), Some("2".to_owned())]);
    }

    #[test]
    fn an_expired_token_begins_the_listing_again_and_nothing_comes_twice() {
        let (all, asked) = follow(vec![
            page(&["a", "b"], Some("1")),
            stale(),
            page(&["b", "a", "c"], Some("1")),
            page(&["d", "c"], None),
        ]);
        assert_eq!(all.unwrap(), ["a", "b", "c", "d"]);
        assert_eq!(
            asked,
            [None, Some("1".to_owned()), None, Some("1".to_owned())]
        );
    }

    #[test]
    fn a_token_that_always_expires_ends_as_a_fault() {
        let script = (0..10)
            .flat_map(|_| [page(&["a"], Some("1")), stale()])
            .collect();
        assert!(follow(script).0.is_err());
    }

    #[test]
    fn the_first_page_has_no_token_that_could_be_stale() {
        let (all, asked) = follow(vec![stale(), page(&["a"], None)]);
        assert!(all.is_err());
        assert_eq!(asked.len(), 1);
    }

    #[test]
    fn a_token_that_comes_twice_is_a_fault() {
        assert!(
            follow(vec![page(&["a"], Some("1")), page(&["b"], Some("1"))])
                .0
                .is_err()
        );
    }
}
