//! Which instances of a plan are paid for when, coarsely, so that few need to be looked at.

use crate::model::units::Window;

/// Which chains are paid for when, coarsely.
#[derive(Default)]
pub(super) struct Calendar {
    from_ms: i64,
    page_ms: i64,
    pages: Vec<Vec<u32>>,
    /// Chains on all pages together.
    entries: usize,
    /// First and last page of each chain.
    booked: Vec<Option<(usize, usize)>>,
    found: Vec<u32>,
    /// When each chain was found last.
    seen: Vec<u64>,
    asked: u64,
}

impl Calendar {
    const PAGES: i64 = 512;

    pub(super) fn new(window: Window) -> Self {
        let page_ms = (window.ms() / Self::PAGES).max(1);
        let pages = usize::try_from(window.ms() / page_ms + 1).unwrap_or(1);
        Self {
            from_ms: window.from_ms,
            page_ms,
            pages: vec![Vec::new(); pages],
            ..Self::default()
        }
    }

    pub(super) fn is_booked(&self, chain: usize) -> bool {
        self.booked.get(chain).is_some_and(Option::is_some)
    }

    fn page(&self, at_ms: i64) -> usize {
        let page = (at_ms - self.from_ms).max(0) / self.page_ms;
        usize::try_from(page).map_or(0, |page| page.min(self.pages.len() - 1))
    }

    /// The chains that are booked on a page of this span, each once.
    pub(super) fn within(&mut self, (from_ms, to_ms): (i64, i64)) -> &[u32] {
        let (first, last) = (self.page(from_ms), self.page(to_ms));
        self.found.clear();
        // Whatever is looked at less: all chains, or those on each of these pages.
        if (last - first + 1) * self.entries > self.booked.len() * self.pages.len() {
            let overlaps = |pages: &Option<(usize, usize)>| {
                pages.is_some_and(|(from, to)| from <= last && first <= to)
            };
            let booked = (0..).zip(&self.booked);
            let near = booked.filter(|(_, pages)| overlaps(pages));
            self.found.extend(near.map(|(chain, _)| chain));
            return &self.found;
        }
        self.asked += 1;
        for page in &self.pages[first..=last] {
            for &chain in page {
                let seen = &mut self.seen[chain as usize];
                if *seen != self.asked {
                    *seen = self.asked;
                    self.found.push(chain);
                }
            }
        }
        &self.found
    }

    /// Books a chain for this span alone: how many entries were looked at.
    pub(super) fn book(&mut self, chain: usize, span: Option<(i64, i64)>) -> u64 {
        if self.booked.len() <= chain {
            self.booked.resize(chain + 1, None);
            self.seen.resize(chain + 1, 0);
        }
        let id = u32::try_from(chain).unwrap_or(u32::MAX);
        let pages = span.map(|(from_ms, to_ms)| (self.page(from_ms), self.page(to_ms)));
        let before = self.booked[chain];
        let mut looked = 0;
        for page in without(before, pages) {
            looked += 2 + self.pages[page].len() as u64;
            self.pages[page].retain(|&other| other != id);
            self.entries -= 1;
        }
        for page in without(pages, before) {
            looked += 2;
            self.pages[page].push(id);
            self.entries += 1;
        }
        self.booked[chain] = pages;
        looked
    }
}

/// The pages of one span that are not in the other.
fn without(
    of: Option<(usize, usize)>,
    other: Option<(usize, usize)>,
) -> impl Iterator<Item = usize> {
    // Half-open from here; nothing is before everything.
    let (from, to) = of.map_or((0, 0), |(first, last)| (first, last + 1));
    let (cut_from, cut_to) = other.map_or((to, to), |(first, last)| (first, last + 1));
    (from..to.min(cut_from)).chain(from.max(cut_to)..to)
}
