//! The one place that prints: data on stdout, `error:` and `hint:` lines on stderr.

use std::io::Write;

use anstream::eprintln;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};
use serde_json::Value;
use vigilmon_common::problem::Problems;

use crate::failure::{Failure, exit};

mod fit;

pub(crate) use fit::GAP;

/// How data is printed.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, clap::ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Table,
    /// For scripts.
    Json,
    /// The values of JSON, for people who read more than they script.
    Yaml,
}

/// Width of tables where stdout is no terminal.
const WIDTH: u16 = 80;

/// Prints lines of data.
pub(crate) fn lines<T: AsRef<str>>(lines: &[T]) {
    for line in lines {
        put(line.as_ref());
    }
}

/// Prints a line of data. Where nobody reads any more (`| head`) nothing is left to do; where it
/// cannot be written (a full disk) the command has failed.
fn put(line: &str) {
    judge(now(line));
}

fn judge(printed: std::io::Result<()>) {
    let Err(error) = printed else { return };
    if error.kind() == std::io::ErrorKind::BrokenPipe {
        std::process::exit(exit::DONE.into());
    }
    self::error(&format!("cannot print: {error}"), "");
    std::process::exit(exit::FAILED.into());
}

/// Prints a line of data at once; an error says that nobody reads any more.
pub(crate) fn now(line: &str) -> std::io::Result<()> {
    let mut out = anstream::stdout();
    writeln!(out, "{line}")?;
    out.flush()
}

/// Prints data as it is.
pub(crate) fn bytes(data: &[u8]) {
    let mut out = std::io::stdout().lock();
    judge(out.write_all(data).and_then(|()| out.flush()));
}

/// Prints values for scripts; as JSON where the format is for people.
pub(crate) fn data(format: Format, value: &Value) {
    match format {
        Format::Table | Format::Json => put(&json(value)),
        Format::Yaml => put(yaml(value).trim_end()),
    }
}

/// Values as JSON. Control characters that JSON lets stand as they are (U+007F to U+009F) are
/// escaped too: a terminal may take them for commands.
fn json(value: &Value) -> String {
    let mut text = String::new();
    for c in format!("{value:#}").chars() {
        match c {
            '\u{7f}'..='\u{9f}' => text.extend(format!("\\u{:04x}", u32::from(c)).chars()),
            c => text.push(c),
        }
    }
    text
}

/// The same values as YAML. What YAML would read as something else (`no`, `1.0`, `2026-03-01`)
/// stands in quotes.
pub(crate) fn yaml(value: &Value) -> String {
    serde_saphyr::to_string(value).expect("JSON's values are all known to YAML")
}

/// Prints a note for people beside the data.
pub(crate) fn note(text: &str) {
    eprintln!("{text}");
}

/// Prints what went wrong, and the remedy where there is one.
pub(crate) fn error(message: &str, hint: &str) {
    eprintln!("error: {message}");
    if !hint.is_empty() {
        eprintln!("hint: {hint}");
    }
}

/// Prints why a command ends badly.
pub(crate) fn failure(failure: &Failure) {
    for (place, message) in failure.messages.iter().enumerate() {
        error(
            message,
            failure.remedies.get(place).map_or("", String::as_str),
        );
    }
    if !failure.hint.is_empty() {
        eprintln!("hint: {}", failure.hint);
    }
}

/// Prints everything that is wrong with an input.
pub(crate) fn problems(problems: &Problems) {
    for problem in problems.as_slice() {
        error(
            &format!("{}: {}", problem.field, problem.message),
            &problem.remedy,
        );
    }
}

/// How wide a line may be: the terminal's width, else [`WIDTH`].
pub(crate) fn width() -> usize {
    terminal_size::terminal_size()
        .map_or(WIDTH, |(width, _)| width.0)
        .into()
}

/// Prints a table, as wide as the terminal, else [`WIDTH`]: a line for each row. Columns whose head
/// ends in `…` give way: what does not fit into them loses its middle; JSON has all of it.
pub(crate) fn table<const N: usize>(head: [&str; N], rows: Vec<[String; N]>) {
    if rows.is_empty() {
        eprintln!("none");
        return;
    }
    let (head, rows) = fit::fit(head, rows, width());
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(head);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, GAP));
    }
    for line in table.lines() {
        put(line.trim_end());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_commands_no_terminal_and_reads_as_before() {
        let value = json!({ "text": "a\u{1b}[31m\u{7f}\u{9b}31m ü\n" });
        let text = json(&value);
        assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{text}");
        assert!(text.contains("\\u009b31m ü"), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }

    #[test]
    fn yaml_says_the_values_of_json_and_nothing_turns_into_something_else() {
        let value = json!({
            "texts": ["no", "true", "null", "~", "1.0", "0x1f", "2026-03-01", "", "a: b", "- x",
                "#", "two\nlines", " blank ", "it's \"quoted\"", "tab\there", "ümlaut → ✓", "@x",
                "{a}", "[1]", "%", "&a", "*a", "!t", "|", ">", "1_000", "12:30", "=", "<<", "\u{7}"],
            "numbers": [0, -1, 12.5, 18_446_744_073_709_551_615_u64],
            "nothing": null,
            "flags": [true, false],
            "empty": [{}, []],
            "nested": [{ "a": [{ "b": { "c": "d" } }] }],
        });
        let text = yaml(&value);
        let read: Value = serde_saphyr::from_str(&text).unwrap();
        assert_eq!(read, value, "{text}");
        assert!(text.contains("nothing: null"), "{text}");
    }
}
