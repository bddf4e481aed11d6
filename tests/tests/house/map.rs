//! The map in `ARCHITECTURE.md`: every module with the first sentence of its own documentation.
//!
//! The sentence is written once, where the code is. With `UPDATE_MAP=1` the test writes the map
//! instead of comparing it.

use std::fmt::Write as _;
use std::fs;

use crate::files::{self, File};
use crate::none;

const FROM: &str = "<!-- map: written by `UPDATE_MAP=1 tests/run lint` -->\n";
const TO: &str = "<!-- end of map -->\n";

#[test]
fn the_map_lists_every_module_with_its_own_first_sentence() {
    let path = files::root().join("ARCHITECTURE.md");
    let text = fs::read_to_string(&path).expect("ARCHITECTURE.md is there");
    let (before, rest) = text
        .split_once(FROM)
        .expect("the map begins with its marker");
    let (map, after) = rest.split_once(TO).expect("the map ends with its marker");
    let wanted = draw();
    if std::env::var_os("UPDATE_MAP").is_some() {
        fs::write(&path, format!("{before}{FROM}{wanted}{TO}{after}")).expect("it can be written");
        return;
    }
    let stale = lines_beyond(map, &wanted).map(|line| format!("no longer so: {line}"));
    let missing = lines_beyond(&wanted, map).map(|line| format!("missing: {line}"));
    let findings: Vec<String> = stale.chain(missing).collect();
    none(
        "the map is stale; renew it with `UPDATE_MAP=1 tests/run lint`:",
        &findings,
    );
}

#[test]
fn every_module_says_what_it_is() {
    let silent = files::rust()
        .filter(is_on_the_map)
        .filter(|file| first_sentence(file).is_empty());
    let findings: Vec<String> = silent.map(|file| file.path).collect();
    none(
        "a module begins with `//!` and a sentence that says what it is:",
        &findings,
    );
}

fn lines_beyond<'a>(text: &'a str, other: &'a str) -> impl Iterator<Item = &'a str> {
    text.lines()
        .filter(move |line| !other.lines().any(|known| known == *line))
}

fn draw() -> String {
    let mut map = String::new();
    let mut package = String::new();
    for file in files::rust().filter(is_on_the_map) {
        let (of, inner) = split(&file.path);
        if of != package {
            write!(map, "\n### `{of}`\n\n").expect("a string takes all");
            package = of.to_owned();
        }
        writeln!(map, "- `{inner}`: {}", first_sentence(&file)).expect("a string takes all");
    }
    map.push('\n');
    map
}

/// Tests beside the code they test are not on the map; the tests' own package is.
fn is_on_the_map(file: &File) -> bool {
    !file.is_test() || file.path.starts_with("tests/")
}

/// The package's folder, and the path in it without `src`.
fn split(path: &str) -> (&str, &str) {
    path.split_once("/src/")
        .unwrap_or_else(|| path.split_once('/').unwrap_or(("", path)))
}

/// The first sentence of a module's documentation, without the full stop.
fn first_sentence(file: &File) -> String {
    let lines = file.text.lines().map_while(|line| line.strip_prefix("//!"));
    let paragraph: Vec<&str> = lines
        .map(str::trim)
        .take_while(|line| !line.is_empty())
        .collect();
    let paragraph = paragraph.join(" ");
    let sentence = paragraph
        .split_once(". ")
        .map_or(paragraph.as_str(), |(first, _)| first);
    sentence.trim_end_matches('.').to_owned()
}
