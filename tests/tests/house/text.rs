//! What no file of the project says: leftovers, and places on the machine that it was written on.

use crate::files;
use crate::none;

/// Words for work that is not done.
const LEFTOVERS: &[&str] = &["TODO", "FIXME", "XXX", "HACK"];

/// Files that others write: they name what they must.
const FOREIGN: &[&str] = &["Cargo.lock", "LICENSE"];

#[test]
fn nothing_is_left_for_later() {
    let here = file!();
    none(
        "no work is left behind in a comment:",
        &lines_with(|line| {
            LEFTOVERS.iter().any(|word| {
                line.split(|c: char| !c.is_alphanumeric())
                    .any(|part| part == *word)
            })
        })
        .filter(|finding| !finding.starts_with(here) && !finding.contains("LEFTOVERS"))
        .collect::<Vec<_>>(),
    );
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    let places = ["work", "root", "home"].map(|folder| format!("/{folder}/"));
    none(
        "paths are relative, or of the system's own folders:",
        &lines_with(|line| {
            places.iter().any(|place| {
                line.match_indices(place.as_str()).any(|(at, _)| {
                    let before = line[..at].chars().next_back();
                    before.is_none_or(|c| " \"'`=(:".contains(c))
                })
            })
        })
        .collect::<Vec<_>>(),
    );
}

#[test]
fn no_source_cites_a_document_that_is_not_here() {
    let findings: Vec<String> = lines_with(|line| {
        let mut words = line.split(|c: char| !(c.is_alphanumeric() || c == '_'));
        words.any(|word| ["DESIGN", "INTERFACE", "PROMISES"].contains(&word))
    })
    .filter(|finding| !finding.starts_with(file!()))
    .collect();
    none("whoever reads must find what is cited:", &findings);
}

#[test]
fn no_file_names_the_host_of_a_package_registry() {
    let hosts = [
        ["crates", "io"],
        ["pypi", "org"],
        ["debian", "org"],
        ["npmjs", "org"],
    ];
    let hosts = hosts.map(|parts| parts.join("."));
    none(
        "packages come by name through their clients, from wherever these are set up:",
        &lines_with(|line| hosts.iter().any(|host| line.contains(host.as_str())))
            .collect::<Vec<_>>(),
    );
}

#[test]
fn every_fault_point_is_passed_by_a_test() {
    let named = |text: &str, before: &str| -> Vec<String> {
        let found = text.match_indices(before).filter_map(|(at, _)| {
            let rest = &text[at + before.len()..];
            rest.split_once('"').map(|(name, _)| name.to_owned())
        });
        found.collect()
    };
    let suites = ["restarts.rs", "heartbeats/crashes.rs"];
    let suites = suites.map(|name| format!("tests/tests/e2e/{name}"));
    let suites = files::rust().filter(|file| suites.contains(&file.path));
    let suite: String = suites.map(|file| file.text).collect();
    let sources = files::rust().filter(|file| !file.path.starts_with("tests/"));
    let findings: Vec<String> = sources
        .flat_map(|file| named(&file.text, "fault::point(\""))
        .filter(|point| !suite.contains(&format!(": \"{point}\" ")))
        .collect();
    none(
        "restarts.rs and heartbeats/crashes.rs kill at every fault point:",
        &findings,
    );
}

/// `path:line: text` of each line that is so.
fn lines_with(is_so: impl Fn(&str) -> bool) -> impl Iterator<Item = String> {
    let files = files::all()
        .into_iter()
        .filter(|file| !FOREIGN.contains(&file.path.as_str()));
    files.flat_map(move |file| {
        let numbered = file.text.lines().enumerate();
        let found: Vec<String> = numbered
            .filter(|(_, line)| is_so(line))
            .map(|(at, line)| format!("{}:{}: {}", file.path, at + 1, line.trim()))
            .collect();
        found
    })
}
