//! Work on many things at once, and its results in order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::model::error::Result;

/// Results that may wait to be taken.
const WAITING: usize = 4;

/// Does `work` on each of `items` on every processor, and hands the results to `take` in the order of the items.
///
/// The first error, of either, ends it.
pub(super) fn in_order<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
    mut take: impl FnMut(&T, R) -> Result<()>,
) -> Result<()> {
    let workers = thread::available_parallelism()
        .map_or(1, NonZero::get)
        .min(items.len());
    if workers < 2 {
        return items
            .iter()
            .try_for_each(|item| work(item).and_then(|result| take(item, result)));
    }
    use_memory_again();
    let (next, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    let (send, receive) = sync_channel(WAITING);
    thread::scope(|scope| {
        for _ in 0..workers {
            let (send, work, next, is_over) = (send.clone(), &work, &next, &is_over);
            scope.spawn(move || {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(at).filter(|_| !is_over.load(Ordering::Relaxed))
                    else {
                        break;
                    };
                    // Nobody listens any more where another result was an error.
                    if send.send((at, work(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(send);
        let (mut waiting, mut wanted) = (BTreeMap::new(), 0);
        let mut outcome = Ok(());
        while let Ok((at, result)) = receive.recv() {
            waiting.insert(at, result);
            while let Some(result) = waiting.remove(&wanted).filter(|_| outcome.is_ok()) {
                outcome = result.and_then(|result| take(&items[wanted], result));
                wanted += 1;
            }
            if outcome.is_err() {
                is_over.store(true, Ordering::Relaxed);
                waiting.clear();
            }
        }
        outcome
    })
}

/// Frames come and go: glibc gives memory of their size back to the system each time, and fetches it again page by page,
/// until something large was freed once. This is never touched, so it costs nothing.
fn use_memory_again() {
    const LARGE: usize = 16 << 20;
    drop(std::hint::black_box(Vec::<u8>::with_capacity(LARGE)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::error::{Error, ErrorKind};

    #[test]
    fn results_come_in_the_order_of_the_items() {
        let items: Vec<usize> = (0..100).collect();
        let mut taken = Vec::new();
        let keep = |_: &usize, result| {
            taken.push(result);
            Ok(())
        };
        in_order(&items, |item| Ok(item * 2), keep).unwrap();
        assert_eq!(taken, (0..100).map(|item| item * 2).collect::<Vec<_>>());
    }

    #[test]
    fn the_first_error_ends_it() {
        let items: Vec<usize> = (0..1000).collect();
        let fail = |item: &usize| match item {
            7 => Err(Error::new(ErrorKind::Input, "seven")),
            _ => Ok(()),
        };
        let mut taken = 0;
        let outcome = in_order(&items, fail, |_, ()| {
            taken += 1;
            Ok(())
        });
        assert_eq!(outcome.unwrap_err().to_string(), "seven");
        assert_eq!(taken, 7);
    }
}
