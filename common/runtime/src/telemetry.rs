//! Logs: structured, to stderr, as text or JSON.

use std::io::{self, IsTerminal};

use tracing_subscriber::{EnvFilter, reload};

/// Libraries that tell much at `info`, and one that at `debug` quotes the URL of a malformed request,
/// which may be that of a ping; a filter that names them is heard.
const QUIET: &str = "fjall=warn,lsm_tree=warn,sled=warn,h2=info";

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

/// The logging of the process; its filter can be changed while it runs.
pub struct Logs {
    change: Option<Change>,
}

type Change = Box<dyn Fn(EnvFilter) -> Result<(), reload::Error> + Send + Sync>;

impl Logs {
    /// Lets through what this filter does, from now on.
    ///
    /// # Errors
    /// The filter cannot be read; the former one stays.
    pub fn change(&self, filter: &str) -> Result<(), InvalidLogging> {
        let parsed = parse(filter)?;
        match &self.change {
            // Without a subscriber of ours there is nothing that filters.
            None => Ok(()),
            Some(change) => change(parsed).map_err(|error| invalid(filter, &error)),
        }
    }
}

/// Whether a filter can be read.
///
/// # Errors
/// It cannot.
pub fn check(filter: &str) -> Result<(), InvalidLogging> {
    parse(filter).map(|_| ())
}

/// Starts logging for the process. A second call changes nothing, so that tests may start several
/// parts in one process.
///
/// # Errors
/// The filter cannot be read.
pub fn init(filter: &str, format: Format) -> Result<Logs, InvalidLogging> {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(parse(filter)?)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // An error says that a subscriber is set already.
    let (set, change): (_, Change) = match format {
        Format::Text => {
            let builder = builder.with_target(false).with_filter_reloading();
            let handle = builder.reload_handle();
            (
                builder.try_init(),
                Box::new(move |filter| handle.reload(filter)),
            )
        }
        Format::Json => {
            let builder = builder.json().flatten_event(true);
            let builder = builder.with_filter_reloading();
            let handle = builder.reload_handle();
            (
                builder.try_init(),
                Box::new(move |filter| handle.reload(filter)),
            )
        }
    };
    Ok(Logs {
        change: set.is_ok().then_some(change),
    })
}

fn parse(filter: &str) -> Result<EnvFilter, InvalidLogging> {
    EnvFilter::try_new(format!("{QUIET},{filter}")).map_err(|error| invalid(filter, &error))
}

fn invalid(filter: &str, error: &dyn std::error::Error) -> InvalidLogging {
    InvalidLogging::Filter {
        filter: filter.to_owned(),
        error: error.to_string(),
    }
}
