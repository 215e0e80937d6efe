//! `plimsoll.toml` in the working directory: what would be flags, for whoever works there. Flags and the environment
//! win over it.
//!
//! A key is the long name of a flag. Above any table it is for every verb that has the flag; below `[report]` or
//! `[prices.show]` it is for that verb alone. A value is a text, a number, `true`, `false`, or a list of these on one
//! line; of TOML's other forms none is needed, and none is read.

use std::fs;
use std::io;

use clap::{Arg, Command};

use crate::model::error::{Error, ErrorKind, Result};

const FILE: &str = "plimsoll.toml";

/// `command` with what the file says as defaults; unchanged where there is no file.
pub(super) fn with_defaults(command: Command) -> Result<Command> {
    match fs::read_to_string(FILE) {
        Ok(text) => with_text(command, &text),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(command),
        Err(cause) => Err(
            Error::new(ErrorKind::Usage, format!("`{FILE}` cannot be read as text")).cause(cause),
        ),
    }
}

fn with_text(mut command: Command, text: &str) -> Result<Command> {
    let mut table = Vec::new();
    for (line, number) in text.lines().map(str::trim).zip(1..) {
        let refused = |what: &str| {
            Error::new(ErrorKind::Usage, format!("`{FILE}` line {number}: {what}"))
                .hint("a key is the long name of a flag: `dataset = \"ds\"`, or below `[report]` for that verb alone")
        };
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(names) = line.strip_prefix('[') {
            let names = names.strip_suffix(']');
            table = names
                .map(|names| names.split('.').map(str::trim).collect())
                .ok_or_else(|| refused("a table is `[verb]`"))?;
            if verb(&command, &table).is_none() {
                return Err(refused(&format!("there is no verb `{}`", table.join(" "))));
            }
            continue;
        }
        let (key, value) = line
            .split_once('=')
            .ok_or_else(|| refused("neither `key = value` nor a table"))?;
        let key = key.trim();
        let values = values(value.trim())
            .ok_or_else(|| refused("the value is no text, number, true, false or list of these"))?;
        let has_flag;
        (command, has_flag) = within(command, &table, &|command| put(command, key, &values));
        if !has_flag {
            return Err(refused(&format!("there is no flag `--{key}` here")));
        }
    }
    Ok(command)
}

/// The command that the names of a table lead to.
fn verb<'c>(command: &'c Command, names: &[&str]) -> Option<&'c Command> {
    let mut names = names.iter();
    names.try_fold(command, |command, name| command.find_subcommand(name))
}

/// Changes the command that `names` lead to and all below it; tells whether any of them was one to change.
fn within(
    command: Command,
    names: &[&str],
    change: &dyn Fn(Command) -> (Command, bool),
) -> (Command, bool) {
    let (mut command, mut has_changed) = match names {
        [] => change(command),
        _ => (command, false),
    };
    let below: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .filter(|verb| names.first().is_none_or(|name| name == verb))
        .collect();
    for verb in below {
        let mut is_changed = false;
        command = command.mut_subcommand(verb, |taken| {
            let verb;
            (verb, is_changed) = within(taken, names.get(1..).unwrap_or(&[]), change);
            verb
        });
        has_changed |= is_changed;
    }
    (command, has_changed)
}

/// `command` with `values` as the default of its flag `--key`, and whether it has one.
fn put(command: Command, key: &str, values: &[String]) -> (Command, bool) {
    let is_flag = |arg: &&Arg| arg.get_long() == Some(key) && !arg.is_hide_set();
    let Some(id) = command
        .get_arguments()
        .find(is_flag)
        .map(Arg::get_id)
        .cloned()
    else {
        return (command, false);
    };
    // clap keeps only texts that live as long as the program, and the file is read once.
    let values: Vec<&'static str> = values.iter().map(|value| &*value.clone().leak()).collect();
    let with_default = |arg: Arg| arg.default_values(values).required(false);
    (command.mut_arg(id, with_default), true)
}

/// The value of a line, or those of its list.
fn values(text: &str) -> Option<Vec<String>> {
    let Some(mut rest) = text.strip_prefix('[') else {
        let (value, rest) = scalar(text)?;
        return is_over(rest).then(|| vec![value]);
    };
    let mut values = Vec::new();
    loop {
        rest = rest.trim_start();
        if let Some(rest) = rest.strip_prefix(']') {
            return is_over(rest).then_some(values);
        }
        let value;
        (value, rest) = scalar(rest)?;
        values.push(value);
        rest = rest.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(rest) => rest,
            None if rest.starts_with(']') => rest,
            None => return None,
        };
    }
}

/// Nothing is left of a line but a comment.
fn is_over(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with('#')
}

/// The value at the beginning of `text`, and what is behind it.
fn scalar(text: &str) -> Option<(String, &str)> {
    for quote in ['"', '\''] {
        if let Some(quoted) = text.strip_prefix(quote) {
            let (value, rest) = quoted.split_once(quote)?;
            // Escapes are not read, so they are not taken for something else.
            return (quote == '\'' || !value.contains('\\')).then(|| (value.to_owned(), rest));
        }
    }
    let end = text
        .find(|c: char| c.is_whitespace() || ",]#".contains(c))
        .unwrap_or(text.len());
    let (value, rest) = text.split_at(end);
    let is_plain =
        matches!(value, "true" | "false") || value.parse::<f64>().is_ok_and(f64::is_finite);
    is_plain.then(|| (value.to_owned(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_toml_writes_them() {
        let read = |text| values(text).map(|values| values.join("|"));
        for (text, value) in [
            ("\"ds\"", Some("ds")),
            ("'C:\\ds' # there", Some("C:\\ds")),
            ("20", Some("20")),
            ("2.50 # USD", Some("2.50")),
            ("true", Some("true")),
            ("[\"a\", 'b',]", Some("a|b")),
            ("[]", Some("")),
            ("ds", None),
            ("\"a\" \"b\"", None),
            ("\"a\\n\"", None),
            ("\"a", None),
            ("[\"a\" \"b\"]", None),
            ("[1", None),
            ("", None),
        ] {
            assert_eq!(read(text).as_deref(), value, "{text}");
        }
    }
}
