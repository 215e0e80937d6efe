//! What a file is that is no text: known by how it begins.

/// How the formats begin that lie about in folders of exports, and what they are called.
const BEGINNINGS: [(&[u8], &str); 16] = [
    (b"\x1f\x8b", "gzip within gzip"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive (or a spreadsheet)"),
    (b"PAR1", "Parquet"),
    (b"Obj\x01", "Avro"),
    (b"ORC", "ORC"),
    (b"BZh", "compressed with bzip2"),
    (b"\xfd7zXZ\0", "compressed with xz"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd"),
    (b"\x7fELF", "a program"),
    (b"SQLite format 3\0", "an SQLite database"),
    (b"\xff\xfe\0\0", "text in UTF-32"),
    (b"\0\0\xfe\xff", "text in UTF-32"),
];

/// What the content that begins so is, where it cannot be JSON in UTF-8 or in marked UTF-16.
pub(super) fn kind(begin: &[u8]) -> Option<&'static str> {
    let known = BEGINNINGS
        .iter()
        .find(|(beginning, _)| begin.starts_with(beginning));
    if let Some((_, kind)) = known {
        return Some(kind);
    }
    let is_marked = begin.starts_with(b"\xff\xfe") || begin.starts_with(b"\xfe\xff");
    (!is_marked && begin.contains(&0)).then_some("binary data (or text in UTF-16 without its mark)")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_text_is_called_by_its_name() {
        assert_eq!(kind(b"PAR1\x15\x04"), Some("Parquet"));
        assert_eq!(kind(b"{\0\"\0"), kind(b"\x01\x02\0"));
        assert!(kind(b"{\0\"\0").is_some());
        for text in ["", "{\"a\": 1}", "\u{feff}{}", "ORDER"] {
            assert_eq!(kind(text.as_bytes()), None, "{text}");
        }
        assert_eq!(kind(b"\xff\xfe{\0}\0"), None);
    }
}
