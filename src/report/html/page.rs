//! A page and what it is written with: its frame, texts of others, and more of it.

use sha2::{Digest, Sha256};

use crate::report::escape;

pub(super) const STYLE: &str = include_str!("page.css");
pub(super) const SCRIPT: &str = include_str!("page.js");

/// A text of others as the content of an element or of a quoted attribute.
pub(super) fn text(text: &str) -> String {
    escape::html(text)
}

/// A page around a body.
pub(super) fn page(title: &str, body: &str) -> String {
    let hash = |content: &str| {
        let digest = Sha256::digest(content.as_bytes());
        format!("'sha256-{}'", aws_smithy_types::base64::encode(digest))
    };
    format!(
        "<!doctype html>\n<html lang=en>\n<meta charset=utf-8>\n<meta name=viewport content=\"width=device-width,initial-scale=1\">\n\
         <meta http-equiv=Content-Security-Policy content=\"default-src 'none';style-src {};script-src {};base-uri 'none';form-action 'none'\">\n\
         <meta name=referrer content=no-referrer>\n<title>{}</title>\n<style>{STYLE}</style>\n<main>\n{body}</main>\n<script>{SCRIPT}</script>\n</html>\n",
        hash(STYLE),
        hash(SCRIPT),
        text(title),
    )
}

/// Appends.
pub(super) fn push(body: &mut String, more: &str) {
    body.push_str(more);
}
