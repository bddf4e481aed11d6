//! Where the built programs and the Python environment are.

use std::path::{Path, PathBuf};

/// How Vigilmon's programs were built.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Build {
    /// As everybody builds them.
    Plain,
    /// With named points at which `VIGILMON_FAULT` ends the process.
    FaultPoints,
}

/// One of Vigilmon's programs, by its name.
#[must_use]
pub fn vigilmon(name: &str, build: Build) -> PathBuf {
    let folder = match build {
        Build::Plain => "plain",
        Build::FaultPoints => "fault-points",
    };
    there(
        place("VIGILMON_TEST_PROGRAMS", "bin")
            .join(folder)
            .join(name),
    )
}

/// A program of the Python environment.
#[must_use]
pub fn python(name: &str) -> PathBuf {
    there(
        place("VIGILMON_TEST_PYTHON", "python")
            .join("bin")
            .join(name),
    )
}

/// A folder of the tests' own files.
#[must_use]
pub fn tests() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The folder that `tests/run` names, or the one that it would.
fn place(variable: &str, otherwise: &str) -> PathBuf {
    if let Some(named) = std::env::var_os(variable) {
        return named.into();
    }
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(
        || {
            tests()
                .parent()
                .expect("the package lies in the workspace")
                .join("target")
        },
        PathBuf::from,
    );
    target.join("tests").join(otherwise)
}

fn there(path: PathBuf) -> PathBuf {
    assert!(
        path.exists(),
        "{} is missing; `tests/run e2e` makes it",
        path.display()
    );
    path
}
