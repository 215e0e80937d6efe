//! Work on many things at once, and its results in order.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use crate::model::error::Result;

/// Results that may wait to be taken.
const WAITING: usize = 4;

/// What `work` makes of each of `items`, in their order, made on every processor.
pub(crate) fn map<T: Send, R: Send>(items: Vec<T>, work: impl Fn(T) -> R + Sync) -> Vec<R> {
    let workers = processors().min(items.len());
    if workers < 2 {
        return items.into_iter().map(work).collect();
    }
    // Neighbours are alike: dealt out in turn, every processor has as much to do.
    let mut dealt: Vec<Vec<T>> = Vec::new();
    dealt.resize_with(workers, || Vec::with_capacity(items.len() / workers + 1));
    for (at, item) in items.into_iter().enumerate() {
        dealt[at % workers].push(item);
    }
    let all = |items: Vec<T>| -> Vec<R> { items.into_iter().map(&work).collect() };
    let mut made: Vec<_> = thread::scope(|scope| {
        let start = |items| scope.spawn(|| all(items));
        let started: Vec<_> = dealt.into_iter().map(start).collect();
        let made = started.into_iter().map(|made| match made.join() {
            Ok(made) => made.into_iter(),
            Err(panic) => std::panic::resume_unwind(panic),
        });
        made.collect()
    });
    let turns = (0..workers).cycle();
    turns.map_while(|at| made[at].next()).collect()
}

/// Both answers, the first one on another thread.
pub(crate) fn both<A: Send, B>(
    one: impl FnOnce() -> A + Send,
    other: impl FnOnce() -> B,
) -> (A, B) {
    thread::scope(|threads| {
        let one = threads.spawn(one);
        let other = other();
        match one.join() {
            Ok(one) => (one, other),
            Err(panic) => std::panic::resume_unwind(panic),
        }
    })
}

fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Does `work` on each of `items` on every processor, and hands the results to `take` in the order of the items.
///
/// The first error, of either, ends it.
pub(crate) fn in_order<T: Sync, R: Send>(
    items: &[T],
    work: impl Fn(&T) -> Result<R> + Sync,
    mut take: impl FnMut(&T, R) -> Result<()>,
) -> Result<()> {
    let workers = processors().min(items.len());
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
    fn every_item_is_made_into_something_in_its_order() {
        for count in [0, 1, 2, 7, 100] {
            let doubled = map((0..count).collect(), |item: i32| item * 2);
            assert_eq!(doubled, (0..count).map(|item| item * 2).collect::<Vec<_>>());
        }
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
