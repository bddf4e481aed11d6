//! `vigilmon-coordinator restore`: makes a data folder of a backup, while nothing runs on it.
//!
//! The keys are not part of a backup: they are given beside it, from where the operator keeps
//! them. Without `secret.key` nothing can be restored; `ca.pem` and `ca.key` come along where they
//! are there, so that agents and the command line go on trusting the coordinator.

use std::fs;
use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use vigilmon_common::id::Epoch;
use vigilmon_runtime::clock::SystemClock;
use vigilmon_runtime::random;

use crate::secret::{self, SecretKey};
use crate::store::backup;
use crate::tls::{CA_FILE, CA_KEY_FILE};

/// Make an empty data folder of a backup, while no coordinator runs on it
#[derive(Args, Debug)]
pub struct RestoreArgs {
    /// The backup, as `vigilmon backup` wrote it
    file: PathBuf,
    /// The data folder to make; it must be empty or not exist
    #[arg(long, value_name = "DIR", env = "VIGILMON_DATA")]
    data: PathBuf,
    /// The folder with the secret.key of then, and ca.pem and ca.key if they are kept
    #[arg(long, value_name = "DIR")]
    keys: PathBuf,
}

/// Restores; what to say of it.
///
/// # Errors
/// The backup or the key will not do, or the folder is not empty: nothing was written then.
pub fn run(args: &RestoreArgs) -> anyhow::Result<String> {
    let key_file = args.keys.join(secret::FILE);
    anyhow::ensure!(
        key_file.exists(),
        "{} does not exist; give the folder in which the keys are kept with --keys",
        key_file.display()
    );
    let key = SecretKey::open(&args.keys)?;
    let read = backup::read(&args.file, &key)?;
    let mut keys = Vec::new();
    for name in [secret::FILE, CA_FILE, CA_KEY_FILE] {
        let path = args.keys.join(name);
        if path.exists() {
            let bytes = fs::read(&path);
            let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
            keys.push((name, bytes));
        }
    }
    let state = &read.state;
    let said = format!(
        "restored {} monitors, {} channels, {} routes and {} open incidents of {} into {}\n\
         what happened since is not known: tokens that were revoked since are good again, and \
         incidents that began since open anew\n",
        state.monitors.len(),
        state.channels.len(),
        state.routes.len(),
        state.incidents.values().filter(|i| i.is_open()).count(),
        read.made_at.to_rfc3339(),
        args.data.display(),
    );
    let epoch = Epoch::new(SystemClock::shared().now(), random::bytes());
    read.restore(&args.data, &keys, epoch)?;
    Ok(said)
}
