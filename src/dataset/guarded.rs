//! Reading bytes that anybody may have made: a decoder that panics over them is a refusal of the file, and no end of
//! the program.

use std::cell::Cell;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Once;

use super::storage::RESTORE;
use crate::model::error::{Error, ErrorKind, Result};

thread_local! {
    /// A panic of this thread is an answer, of which nothing is printed.
    static IS_GUARDED: Cell<bool> = const { Cell::new(false) };
}

/// What `read` makes of the bytes of the file `shown`; it does so on this thread alone.
pub(super) fn guarded<T>(shown: &str, read: impl FnOnce() -> Result<T>) -> Result<T> {
    quiet_where_guarded();
    let before = IS_GUARDED.replace(true);
    let done = panic::catch_unwind(AssertUnwindSafe(read));
    IS_GUARDED.set(before);
    done.unwrap_or_else(|_| {
        Err(Error::new(
            ErrorKind::Input,
            format!("`{shown}` cannot be decoded: it is damaged, or was made by something else"),
        )
        .hint(RESTORE))
    })
}

/// Lets panics under guard pass without a word; all others are printed as before.
fn quiet_where_guarded() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let print = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !IS_GUARDED.get() {
                print(info);
            }
        }));
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_over_bytes_refuses_the_file() {
        let bytes: Vec<u8> = Vec::new();
        let at = bytes.len() + 1;
        let error = guarded("runs/x.parquet", || Ok(bytes[at])).expect_err("a panic");
        assert_eq!(error.kind(), ErrorKind::Input);
        assert!(error.to_string().contains("runs/x.parquet"), "{error}");
        assert_eq!(guarded("x", || Ok(1)).expect("a value"), 1);
    }
}
