//! The repository's files, and Rust sources as syntax trees.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use syn::spanned::Spanned;

/// Entries that hold nothing of ours.
const FOREIGN: &[&str] = &[".git", "target", "vigilmon-data", ".venv", "__pycache__"];

/// The repository's root.
pub(crate) fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

/// A text file of the repository.
pub(crate) struct File {
    /// Its path below the root, with `/`.
    pub(crate) path: String,
    /// What it says.
    pub(crate) text: String,
}

/// All text files of the repository, sorted by path.
pub(crate) fn all() -> Vec<File> {
    let mut found = Vec::new();
    walk(root(), &mut found);
    let mut files: Vec<File> = found
        .into_iter()
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let path = path.strip_prefix(root()).expect("it lies below the root");
            let path = path.to_str().expect("our names are UTF-8").to_owned();
            Some(File { path, text })
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the repository can be read") {
        let entry = entry.expect("the repository can be read");
        let kind = entry.file_type().expect("the repository can be read");
        if FOREIGN.iter().any(|name| entry.file_name() == *name) {
            continue;
        }
        if kind.is_dir() {
            walk(&entry.path(), found);
        } else if kind.is_file() {
            found.push(entry.path());
        }
    }
}

/// All Rust files.
pub(crate) fn rust() -> impl Iterator<Item = File> {
    all().into_iter().filter(|file| file.path.ends_with(".rs"))
}

impl File {
    /// Whether it is a test as a whole: a sibling `tests.rs`, or below a `tests` folder.
    pub(crate) fn is_test(&self) -> bool {
        self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
            || self.path.contains("/benches/")
    }

    /// Its syntax tree.
    pub(crate) fn parse(&self) -> syn::File {
        syn::parse_file(&self.text).unwrap_or_else(|e| panic!("{}: {e}", self.path))
    }

    /// The lines that count towards its length: not blank, not only a comment, not in a test module.
    pub(crate) fn source_lines(&self) -> usize {
        let tests = test_modules(&self.parse());
        self.text
            .lines()
            .enumerate()
            .filter(|(at, line)| {
                let line = line.trim();
                let counts = !line.is_empty() && !line.starts_with("//");
                counts && !tests.iter().any(|span| span.contains(&(at + 1)))
            })
            .count()
    }
}

/// The line spans of the test modules at the top of a file.
fn test_modules(file: &syn::File) -> Vec<std::ops::RangeInclusive<usize>> {
    let modules = file.items.iter().filter_map(|item| match item {
        syn::Item::Mod(module) if is_for_tests(&module.attrs) => Some(module.span()),
        _ => None,
    });
    modules
        .map(|span| span.start().line..=span.end().line)
        .collect()
}

/// Whether the attributes say `#[cfg(test)]`.
pub(crate) fn is_for_tests(attributes: &[syn::Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute
                .meta
                .require_list()
                .is_ok_and(|list| list.tokens.to_string() == "test")
    })
}

/// What a cargo command prints; it works on what is already there.
pub(crate) fn cargo(arguments: &[&str]) -> String {
    let done = Command::new(env!("CARGO"))
        .args(arguments)
        .current_dir(root())
        .output()
        .expect("cargo can be started");
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "cargo {arguments:?}: {said}");
    String::from_utf8(done.stdout).expect("cargo prints UTF-8")
}

/// `cargo metadata` for this machine's platform.
pub(crate) fn metadata() -> serde_json::Value {
    let host = host();
    let said = cargo(&[
        "metadata",
        "--format-version=1",
        "--locked",
        "--filter-platform",
        &host,
    ]);
    serde_json::from_str(&said).expect("cargo metadata prints JSON")
}

fn host() -> String {
    let said = Command::new("rustc")
        .arg("-vV")
        .output()
        .expect("rustc can be started");
    let said = String::from_utf8(said.stdout).expect("rustc prints UTF-8");
    let host = said.lines().find_map(|line| line.strip_prefix("host: "));
    host.expect("rustc names its host").to_owned()
}
