//! Logs: structured, to stderr, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::EnvFilter;

/// Libraries that tell much at `info`; a filter that names them is heard.
const QUIET: &str = "fjall=warn,lsm_tree=warn,sled=warn";

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// The logging that was asked for cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum InvalidLogging {
    /// The filter is none.
    #[error("log filter `{filter}`: {error}; write a level, or target=level pairs with commas")]
    Filter {
        /// What was given.
        filter: String,
        /// What is wrong with it.
        error: String,
    },
}

/// Starts logging for the process. A second call is ignored, so that tests may start several
/// parts in one process.
///
/// # Errors
/// The filter cannot be read.
pub fn init(filter: &str, format: Format) -> Result<(), InvalidLogging> {
    let parsed = EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| {
        InvalidLogging::Filter {
            filter: filter.to_owned(),
            error: error.to_string(),
        }
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parsed)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // An error says that a subscriber is set already.
    let _ = match format {
        Format::Text => builder.with_target(false).try_init(),
        Format::Json => builder.json().flatten_event(true).try_init(),
    };
    Ok(())
}
