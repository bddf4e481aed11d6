//! Configuration as code: YAML files, read into the messages of the public API.
//!
//! ```text
//! files ─► tree (places kept) ─► checked against the keys ─► messages ─► the coordinator's plan
//! ```
//!
//! Everything wrong in all files is said at once, each with file, line and column: what the files
//! alone show is found here, what needs the coordinator is found there and led back to its place.
//! The same table of keys checks files, makes the JSON Schema, and is held against the flags.

mod check;
mod environment;
mod export;
mod faults;
mod files;
mod keys;
mod messages;
mod schema;
mod shape;
mod tree;

use std::path::PathBuf;

use vigilmon_proto::v1;

use crate::failure::Failure;

pub(crate) use export::document;
pub(crate) use faults::Faults;
pub(crate) use schema::schema;

/// What was read.
pub(crate) struct Read {
    /// What the files want, as far as it can be read.
    pub(crate) wanted: v1::Configuration,
    /// What is wrong with it so far.
    pub(crate) faults: Faults,
}

/// Reads files, folders and standard input (`-`).
pub(crate) fn read(paths: &[PathBuf]) -> Result<Read, Failure> {
    let files = files::gather(paths)?;
    Ok(read_texts(files, &|name| std::env::var(name).ok()))
}

/// Reads texts, each with what it is called.
fn read_texts(files: Vec<files::File>, env: &dyn Fn(&str) -> Option<String>) -> Read {
    let mut faults = Faults::of(files.iter().map(|file| file.name.clone()).collect());
    let mut wanted = messages::Messages::default();
    for (index, file) in files.iter().enumerate() {
        for root in tree::parse(index, &file.text, env, &mut faults) {
            check::document(&root, &mut faults);
            wanted.take(&root, &mut faults);
        }
    }
    Read {
        wanted: wanted.wire,
        faults,
    }
}

#[cfg(test)]
mod tests;
