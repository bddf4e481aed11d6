//! The documentation as its readers use it: pages, their blocks of code, and a folder in which
//! what they say is done as written.

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;

use crate::cli::Done;
use crate::process::Plan;
use crate::programs::{self, Build};

/// The blocks of a page that are written in a language, in their order.
///
/// # Panics
/// There is no such page, or no such block on it.
#[must_use]
pub fn blocks(page: &str, language: &str) -> Vec<String> {
    let path = root().join("docs").join(page);
    let text = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let found = fenced(&text, language);
    assert!(!found.is_empty(), "{page} has no block of {language}");
    found
}

fn fenced(text: &str, language: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut open: Option<(bool, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(tag)) => open = Some((tag.trim() == language, String::new())),
            (Some((true, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
            (Some(_), Some(_)) => found.extend(open.take().filter(|(wanted, _)| *wanted)),
            (None | Some((false, _)), None) => {}
        }
    }
    found.into_iter().map(|(_, block)| block).collect()
}

/// A reader's folder: a checkout's `proto` lies in it, programs of Vigilmon and of the Python
/// environment are found by name.
pub struct Reader {
    folder: TempDir,
}

impl Reader {
    /// An empty folder but for the checkout.
    #[must_use]
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("vigilmon-reader-").expect("a folder can be made");
        symlink(root().join("proto"), folder.path().join("proto")).expect("the folder is empty");
        Self { folder }
    }

    /// The folder.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Puts a file into it.
    pub fn write(&self, name: &str, text: &str) {
        let path = self.folder().join(name);
        let folder = path.parent().expect("it lies in the folder");
        fs::create_dir_all(folder).expect("the folder is ours");
        fs::write(path, text).expect("the folder is ours");
    }

    /// Calls a folder by another name too, as one would who has it there.
    pub fn link(&self, there: &Path, name: &str) {
        symlink(there, self.folder().join(name)).expect("nothing has that name yet");
    }

    /// A program of theirs, not started yet.
    #[must_use]
    pub fn plan(&self, program: &str) -> Plan {
        let folder =
            |path: std::path::PathBuf| path.parent().expect("it lies somewhere").to_owned();
        let own = [
            folder(programs::vigilmon("vigilmon", Build::Plain)),
            folder(programs::python("python")),
            programs::tests().join("apps/integrators"),
        ];
        let theirs = std::env::var_os("PATH").unwrap_or_default();
        let all = own.into_iter().chain(std::env::split_paths(&theirs));
        let all: OsString = std::env::join_paths(all).expect("no folder has a colon");
        let client = self.folder().join("client");
        Plan::new(program)
            .env("PATH", all)
            .env("PYTHONPATH", client)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .folder(self.folder())
    }

    /// Runs a program to its end.
    #[must_use]
    pub fn run(&self, program: &str, arguments: &[&str]) -> Done {
        let mut command = self.plan(program).args(arguments).command();
        let done = command.output();
        let line = [&[program], arguments].concat();
        Done::new(&line, &done.expect("the program can be started"))
    }

    /// Types lines into a shell, all of which must work; what they printed.
    #[track_caller]
    pub fn types(&self, lines: &str) -> String {
        self.must("sh", &["-euc", lines])
    }

    /// Runs a program that must work; what it printed.
    #[track_caller]
    pub fn must(&self, program: &str, arguments: &[&str]) -> String {
        let done = self.run(program, arguments);
        assert_eq!(done.code, 0, "{}\n{}\n{}", done.line, done.out, done.err);
        done.out
    }
}

impl Default for Reader {
    fn default() -> Self {
        Self::new()
    }
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_of_one_language_are_found_in_their_order() {
        let page = "Text.\n\n```sh\na\nb\n```\n\n```console\n$ c\n```\n\n```sh\nd\n```\n";
        assert_eq!(fenced(page, "sh"), ["a\nb\n", "d\n"]);
        assert_eq!(fenced(page, "console"), ["$ c\n"]);
        assert!(fenced(page, "python").is_empty());
    }
}
