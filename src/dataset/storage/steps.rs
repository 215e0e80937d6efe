//! What tests do between two things that are asked of a folder: let another process add to it, or end this one.

use std::cell::RefCell;

use crate::model::error::Result;

type Before = Box<dyn FnMut(usize) -> Result<()>>;

#[derive(Default)]
struct Steps {
    taken: usize,
    before: Option<Before>,
}

thread_local! {
    static STEPS: RefCell<Steps> = RefCell::default();
}

/// Calls `before` with the number of each listing, read and write of folders that `run` does on this thread: an error of
/// it is what becomes of that. Returns what `run` does, and how many there were.
pub(crate) fn stepwise<T>(
    before: impl FnMut(usize) -> Result<()> + 'static,
    run: impl FnOnce() -> T,
) -> (T, usize) {
    STEPS.replace(Steps {
        taken: 0,
        before: Some(Box::new(before)),
    });
    let done = run();
    (done, STEPS.take().taken)
}

/// To be called before each of them.
pub(super) fn step() -> Result<()> {
    // What is done in between takes no steps of its own.
    let Some(mut before) = STEPS.with_borrow_mut(|steps| steps.before.take()) else {
        return Ok(());
    };
    let number = STEPS.with_borrow(|steps| steps.taken);
    let done = before(number);
    STEPS.with_borrow_mut(|steps| {
        steps.taken += 1;
        steps.before = Some(before);
    });
    done
}
