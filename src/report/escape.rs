//! Names and messages made harmless for the place where they are shown.
//!
//! Whoever may create an AWS resource chooses its name, so a name is untrusted: it must not move a cursor, become
//! a link, or be run by a spreadsheet. Each function here is the only door into one kind of output.

/// Text as a terminal may show it: control and invisible characters are spelt out (`\x1b`, `\u{202e}`), a
/// backslash is doubled, so that two different texts never look alike. One line stays one line.
///
/// Source: CWE-150, escape sequences in output; Unicode TR 36, bidirectional text spoofing.
pub(crate) fn terminal(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for char in text.chars() {
        match u8::try_from(char) {
            _ if char != '\\' && !is_unsafe(char) => shown.push(char),
            Ok(byte) => shown.extend(std::ascii::escape_default(byte).map(char::from)),
            Err(_) => shown.extend(char.escape_unicode()),
        }
    }
    shown
}

/// JSON text in which characters unsafe for a terminal are `\u` escapes: the same value to every parser.
pub(super) fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for char in text.chars() {
        // Outside of strings JSON has no such character but the newlines of its layout.
        if char != '\n' && is_unsafe(char) {
            safe.extend(
                char.encode_utf16(&mut [0; 2])
                    .iter()
                    .map(|unit| format!("\\u{unit:04x}")),
            );
        } else {
            safe.push(char);
        }
    }
    safe
}

/// A name as a Markdown code span that is safe inside a table cell: no link, no mention, no HTML, no extra cell.
///
/// Source: GitHub Flavored Markdown specification 0.29, §4.10 (tables) and §6.3 (code spans).
pub(super) fn markdown_code(name: &str) -> String {
    let shown = terminal(name);
    if shown.trim().is_empty() {
        return "(no name)".to_owned();
    }
    // Inside a code span a table still wants its pipes escaped; backslashes come in pairs, so none precedes one alone.
    let content = shown.replace('|', "\\|");
    let fence = "`".repeat(longest_run(&content, '`') + 1);
    let pad = if content.starts_with([' ', '`']) || content.ends_with([' ', '`']) {
        " "
    } else {
        ""
    };
    format!("{fence}{pad}{content}{pad}{fence}")
}

/// A sentence as Markdown shows it literally, in a paragraph, a list item or a table cell.
///
/// `@` and `#` become code spans: backslashes do not keep GitHub from linking addresses, people and issues.
pub(super) fn markdown_text(sentence: &str) -> String {
    markdown(sentence, true)
}

/// The same for a table cell, in which no block can begin.
pub(super) fn markdown_cell(sentence: &str) -> String {
    markdown(sentence, false)
}

fn markdown(sentence: &str, blocks: bool) -> String {
    let shown = terminal(sentence.trim());
    let mut safe = String::with_capacity(shown.len());
    let mut in_code = false;
    for (at, char) in shown.char_indices() {
        // Neighbours share one span: two would melt into a longer fence.
        let is_linked = matches!(char, '@' | '#');
        if is_linked != in_code {
            safe.push('`');
            in_code = is_linked;
        }
        let opens = blocks && could_open_block(&shown, at);
        if is_markup(char) || opens || could_open_link(&shown, at) {
            safe.push('\\');
        }
        safe.push(char);
    }
    if in_code { safe + "`" } else { safe }
}

/// A text cell that no spreadsheet takes for a formula, and no terminal for a command: a leading apostrophe where a
/// formula could begin, control characters spelt out.
///
/// Source: OWASP ASVS 5.0, 1.2.10 (CSV and formula injection).
pub(super) fn csv(text: &str) -> String {
    let shown = terminal(text);
    // Spreadsheets may drop blanks and invisible characters before they look, and take full-width signs for plain ones.
    let first = text.trim_start_matches(|char: char| char.is_whitespace() || is_unsafe(char));
    if text.starts_with(['\t', '\r', '\n'])
        || first.starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠'])
    {
        format!("'{shown}")
    } else {
        shown
    }
}

/// Text as HTML shows it literally, as the content of an element or of a double-quoted attribute.
///
/// Source: HTML Living Standard, escaping a string; what cannot be seen is spelt out as on a terminal.
pub(super) fn html(text: &str) -> String {
    let shown = terminal(text);
    let mut safe = String::with_capacity(shown.len());
    for char in shown.chars() {
        match char {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            _ => safe.push(char),
        }
    }
    safe
}

/// At most 120 characters of `text`, with a mark where it was cut.
pub(super) fn clip(text: &str) -> String {
    const MOST: usize = 120;
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// Characters that act on a terminal, reorder text, or cannot be seen.
fn is_unsafe(char: char) -> bool {
    char.is_control()
        || matches!(char,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Characters that mean something anywhere in Markdown; `$` opens formulas on GitHub.
const fn is_markup(char: char) -> bool {
    matches!(
        char,
        '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '|' | '~' | '&' | '!' | '$'
    )
}

/// True where a block could begin: `- x`, `+ x`, `1. x`, `1) x`, `===`.
fn could_open_block(text: &str, at: usize) -> bool {
    let before = &text[..at];
    match text[at..].chars().next() {
        Some('-' | '+' | '=') => at == 0,
        Some('.' | ')') => !before.is_empty() && before.bytes().all(|byte| byte.is_ascii_digit()),
        _ => false,
    }
}

/// True at the colon of `://` and at the dot of `www.`, which GitHub links without being asked.
fn could_open_link(text: &str, at: usize) -> bool {
    let before = &text.as_bytes()[..at];
    text[at..].starts_with("://")
        || (text[at..].starts_with('.')
            && before.len() >= 3
            && before[before.len() - 3..].eq_ignore_ascii_case(b"www"))
}

/// Length of the longest run of `wanted` in `text`.
fn longest_run(text: &str, wanted: char) -> usize {
    text.split(|char| char != wanted)
        .map(str::len)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Characters that break things, mixed with ordinary ones.
    fn nasty() -> impl Strategy<Value = String> {
        let tricky = "|`\\<>[]()*_~&!#@$=+-.:/\n\r\t \u{1b}\u{7}\u{9b}\u{202e}\u{200b}\u{2028}\u{e0041}aw0é漢🙂";
        let tricky: Vec<char> = tricky.chars().collect();
        prop::collection::vec(
            prop_oneof![4 => prop::sample::select(tricky), 1 => any::<char>()],
            0..40,
        )
        .prop_map(|chars| chars.into_iter().collect())
    }

    /// What [`terminal`] wrote, read back.
    fn read_terminal(shown: &str) -> Option<String> {
        let mut text = String::new();
        let mut rest = shown;
        while let Some(char) = rest.chars().next() {
            rest = &rest[char.len_utf8()..];
            if char != '\\' {
                text.push(char);
                continue;
            }
            let kind = rest.chars().next()?;
            rest = &rest[1..];
            let mut hex = |digits: usize, skip: usize| {
                let code = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
                rest = rest.get(digits + skip..)?;
                char::from_u32(code)
            };
            text.push(match kind {
                '\\' => '\\',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'x' => hex(2, 0)?,
                'u' => {
                    rest = rest.strip_prefix('{')?;
                    let digits = rest.find('}')?;
                    let code = u32::from_str_radix(&rest[..digits], 16).ok()?;
                    rest = &rest[digits + 1..];
                    char::from_u32(code)?
                }
                _ => return None,
            });
        }
        Some(text)
    }

    /// Cells of a table row by the rule of the specification: a pipe separates unless a backslash precedes it.
    fn cells(row: &str) -> Vec<String> {
        let mut cells = vec![String::new()];
        let mut escaped = false;
        for char in row.chars() {
            match char {
                '|' if !escaped => cells.push(String::new()),
                _ => cells.last_mut().unwrap().push(char),
            }
            escaped = char == '\\' && !escaped;
        }
        cells
    }

    /// The content of a code span, by the rule of the specification.
    fn read_code(span: &str) -> Option<&str> {
        let fence = span.len() - span.trim_start_matches('`').len();
        let content = span.get(fence..span.len().checked_sub(fence)?)?;
        let closes = content
            .split(|char| char != '`')
            .any(|run| run.len() == fence);
        let inner = content
            .strip_prefix(' ')
            .and_then(|content| content.strip_suffix(' '))
            .unwrap_or(content);
        (fence > 0 && !closes && span.ends_with(&"`".repeat(fence))).then_some(inner)
    }

    #[test]
    fn escape_sequences_are_shown_not_sent() {
        assert_eq!(terminal("\u{1b}[2Jweb\u{7}"), r"\x1b[2Jweb\x07");
        assert_eq!(terminal("\u{9b}31m"), r"\x9b31m");
        assert_eq!(terminal("a\r\nb\tc"), r"a\r\nb\tc");
        assert_eq!(
            terminal("inv\u{202e}oice\u{200b}"),
            r"inv\u{202e}oice\u{200b}"
        );
        assert_eq!(
            terminal(r"\x1b"),
            r"\\x1b",
            "a name that spells an escape is told from the escape itself"
        );
        assert_eq!(terminal("café 漢字"), "café 漢字");
    }

    #[test]
    fn names_are_code_spans_that_keep_the_table_whole() {
        assert_eq!(markdown_code("prod/web"), "`prod/web`");
        assert_eq!(markdown_code("a|b"), r"`a\|b`");
        assert_eq!(markdown_code(r"a\|b"), r"`a\\\|b`");
        assert_eq!(markdown_code("a`b"), "``a`b``");
        assert_eq!(markdown_code("`a`"), "`` `a` ``");
        assert_eq!(markdown_code(" "), "(no name)");
    }

    #[test]
    fn sentences_open_no_link_no_html_and_no_block() {
        assert_eq!(
            markdown_text("[x](javascript:alert(1))"),
            r"\[x\](javascript:alert(1))"
        );
        assert_eq!(markdown_text("<img onerror=x>"), r"\<img onerror=x\>");
        assert_eq!(
            markdown_text("see https://evil.example and WWW.evil.example"),
            r"see https\://evil.example and WWW\.evil.example"
        );
        assert_eq!(markdown_text("ask @root, #1"), "ask `@`root, `#`1");
        assert_eq!(markdown_text("@#@ a@"), "`@#@` a`@`");
        assert_eq!(markdown_text("- item"), r"\- item");
        assert_eq!(markdown_text("12. item"), r"12\. item");
        assert_eq!(markdown_text("eu-west-1: 0.5 vCPU"), "eu-west-1: 0.5 vCPU");
    }

    #[test]
    fn formulas_are_text() {
        for formula in [
            "=1+1",
            "+A1",
            "-A1",
            "@SUM(A1)",
            "\t=1",
            "\r=1",
            "=cmd|'/c calc'!A0",
        ] {
            assert_eq!(csv(formula), format!("'{}", terminal(formula)));
        }
        assert_eq!(csv("web-1"), "web-1");
    }

    #[test]
    fn long_names_are_cut_with_a_mark() {
        assert_eq!(clip(&"é".repeat(121)), format!("{}…", "é".repeat(120)));
        assert_eq!(clip(&"é".repeat(120)), "é".repeat(120));
    }

    proptest! {
        #[test]
        fn terminal_text_has_no_raw_control_and_reads_back(text in nasty()) {
            let shown = terminal(&text);
            prop_assert!(!shown.chars().any(is_unsafe));
            prop_assert_eq!(read_terminal(&shown), Some(text));
        }

        #[test]
        fn json_says_the_same_with_nothing_to_obey(text in nasty()) {
            let shown = json(&serde_json::to_string(&text).unwrap());
            prop_assert!(!shown.chars().any(is_unsafe));
            prop_assert_eq!(serde_json::from_str::<String>(&shown).unwrap(), text);
        }

        #[test]
        fn a_markdown_row_keeps_its_cells_and_its_name(text in nasty()) {
            let row = cells(&format!("|{}|{}|", markdown_code(&text), markdown_text(&text)));
            prop_assert_eq!(row.len(), 4);
            if !terminal(&text).trim().is_empty() {
                let name = read_code(&row[1].replace("\\|", "|")).and_then(read_terminal);
                prop_assert_eq!(name, Some(text));
            }
        }

        #[test]
        fn no_csv_cell_begins_a_formula(text in nasty()) {
            let cell = csv(&text);
            prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']));
            prop_assert!(!cell.chars().any(is_unsafe));
            let shown = if cell == terminal(&text) { &cell } else { &cell[1..] };
            prop_assert_eq!(read_terminal(shown), Some(text));
        }
    }
}
