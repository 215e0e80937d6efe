//! Which instances of a plan are paid for when, so that few need to be looked at.

use crate::model::units::Window;

/// When an instance is paid for, its boot aside: from, to.
pub(super) type Span = (i64, i64);

/// When each chain is paid for.
///
/// A chain is noted on one page alone: by when it begins, in the first book whose pages are no shorter than the chain
/// lasts. So it reaches no further than the page after, and noting it anew costs as little for a long one.
#[derive(Default)]
pub(super) struct Calendar {
    from_ms: i64,
    /// Each with pages twice as long as the one before; the last has a single page.
    books: Vec<Book>,
    /// Where each chain is noted.
    places: Vec<Option<Place>>,
    found: Vec<u32>,
}

struct Book {
    page_ms: i64,
    pages: Vec<Vec<(u32, Span)>>,
    /// Chains on all of its pages.
    chains: usize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Place {
    book: usize,
    page: usize,
}

impl Calendar {
    const PAGES: i64 = 512;

    pub(super) fn new(window: Window) -> Self {
        let mut books = Vec::new();
        let mut page_ms = window.ms() / Self::PAGES + 1;
        loop {
            let pages = usize::try_from(window.ms() / page_ms + 1).unwrap_or(1);
            books.push(Book {
                page_ms,
                pages: vec![Vec::new(); pages],
                chains: 0,
            });
            if pages == 1 {
                break;
            }
            page_ms *= 2;
        }
        Self {
            from_ms: window.from_ms,
            books,
            ..Self::default()
        }
    }

    pub(super) fn is_booked(&self, chain: usize) -> bool {
        self.places.get(chain).is_some_and(Option::is_some)
    }

    /// The chains that are paid for at some time in this span, each once.
    pub(super) fn within(&mut self, (from_ms, to_ms): Span) -> &[u32] {
        self.found.clear();
        for book in self.books.iter().filter(|book| book.chains > 0) {
            let first = book.page(from_ms - book.page_ms - self.from_ms);
            let last = book.page(to_ms - self.from_ms);
            for page in &book.pages[first..=last] {
                let near = page
                    .iter()
                    .filter(|(_, span)| span.0 < to_ms && from_ms < span.1);
                self.found.extend(near.map(|(chain, _)| chain));
            }
        }
        &self.found
    }

    /// Notes a chain for this span alone: how many entries were looked at.
    pub(super) fn book(&mut self, chain: usize, span: Option<Span>) -> u64 {
        if self.places.len() <= chain {
            self.places.resize(chain + 1, None);
        }
        let id = u32::try_from(chain).unwrap_or(u32::MAX);
        let place = span.map(|span| self.place(span));
        let before = std::mem::replace(&mut self.places[chain], place);
        let mut looked = 2;
        if let Some(Place { book, page }) = before {
            let book = &mut self.books[book];
            let page = &mut book.pages[page];
            looked += page.len() as u64;
            if let Some(at) = page.iter().position(|(other, _)| *other == id) {
                page.swap_remove(at);
                book.chains -= 1;
            }
        }
        if let Some((Place { book, page }, span)) = place.zip(span) {
            let book = &mut self.books[book];
            book.pages[page].push((id, span));
            book.chains += 1;
        }
        looked
    }

    fn place(&self, (from_ms, to_ms): Span) -> Place {
        let is_long = |book: &Book| book.page_ms < to_ms - from_ms;
        let book = self.books.partition_point(is_long);
        let book = book.min(self.books.len() - 1);
        let page = self.books[book].page(from_ms - self.from_ms);
        Place { book, page }
    }
}

impl Book {
    fn page(&self, after_ms: i64) -> usize {
        let page = usize::try_from(after_ms.max(0) / self.page_ms);
        page.map_or(0, |page| page.min(self.pages.len() - 1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Looks at every chain.
    fn slowly(spans: &[Option<Span>], (from_ms, to_ms): Span) -> Vec<u32> {
        let is_near = |span: &Option<Span>| span.is_some_and(|(a, b)| a < to_ms && from_ms < b);
        let numbered = (0..).zip(spans);
        let near = numbered.filter(|(_, span)| is_near(span));
        near.map(|(chain, _)| chain).collect()
    }

    #[test]
    fn whoever_is_paid_for_in_a_span_is_found_once_and_no_one_else() {
        let window = Window {
            from_ms: -90,
            to_ms: 5_000,
        };
        let mut random = fastrand::Rng::with_seed(1);
        let mut calendar = Calendar::new(window);
        let mut spans = vec![None; 40];
        for _ in 0..2_000 {
            let mut span = || {
                let from_ms = random.i64(window.from_ms..window.to_ms);
                let most_ms = (window.to_ms - from_ms) >> random.u32(0..13);
                (from_ms, from_ms + random.i64(0..=most_ms))
            };
            let (span, asked) = (span(), span());
            let chain = random.usize(0..spans.len());
            spans[chain] = (random.u8(0..4) > 0).then_some(span);
            calendar.book(chain, spans[chain]);
            let mut found = calendar.within(asked).to_vec();
            found.sort_unstable();
            assert_eq!(found, slowly(&spans, asked));
        }
    }
}
