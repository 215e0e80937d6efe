//! What stands where there is no price.

use std::fmt;

/// Why something has no price: a sentence that names the region and what was looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotPriced(String);

impl NotPriced {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }
}

impl fmt::Display for NotPriced {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for NotPriced {}
