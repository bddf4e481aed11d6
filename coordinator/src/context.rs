//! `DATA/context.toml`: how the command line reaches this coordinator. Written at the first start
//! and kept; its token stays valid over restarts.

use std::fs;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::engine::{Actor, Handle, NewApiToken};

/// The file's name within the data folder.
pub const FILE: &str = "context.toml";

/// What the command line needs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Context {
    /// Where the coordinator's gRPC is.
    pub endpoint: String,
    /// The authority to trust.
    pub ca_file: PathBuf,
    /// What opens the door.
    pub token: String,
    /// The project that is meant.
    pub project: String,
}

/// Writes the file at the first start; later only what changed: where gRPC listens now, or a new
/// token in place of one that is good no more.
///
/// # Errors
/// The file cannot be written, or the engine is stopping.
pub async fn keep(data: &Path, endpoint: String, engine: &Handle) -> anyhow::Result<PathBuf> {
    let path = data.join(FILE);
    let former: Option<Context> = fs::read_to_string(&path)
        .ok()
        .and_then(|text| toml::from_str(&text).ok());
    let kept = former.as_ref().map(|f| f.token.clone());
    let token = match kept.filter(|token| engine.api_token(token).is_some()) {
        Some(token) => token,
        None => {
            let token = NewApiToken::admin(FILE);
            let made = engine.create_api_token(Actor::coordinator(), token);
            made.await?.1
        }
    };
    let ca_file = data.join(crate::tls::CA_FILE);
    let project = former
        .as_ref()
        .map_or_else(|| "default".to_owned(), |f| f.project.clone());
    let context = Context {
        endpoint,
        ca_file,
        token,
        project,
    };
    if former.as_ref() != Some(&context) {
        write_private(&path, &toml::to_string(&context)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(path)
}

/// Reads the file.
///
/// # Errors
/// It is not there, or damaged.
pub fn read(path: &Path) -> anyhow::Result<Context> {
    let text = fs::read_to_string(path);
    let text = text.with_context(|| format!("cannot read {}", path.display()))?;
    toml::from_str(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// Writes a file for this user alone (0600), whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    let beside = path.with_extension("new");
    let mut options = fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&beside, path)
}
