//! `vigilmon-coordinator restore`: makes a data folder of a backup, while nothing runs on it.
//!
//! The keys are not part of a backup: they come from the folder where the operator keeps them,
//! which is that of the backup unless `--keys` names another. Without `secret.key` nothing can be restored; `ca.pem` and `ca.key` come along where they
//! are there, so that agents and the command line go on trusting the coordinator.

use std::fs;
use std::path::{Path, PathBuf};

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
    /// The folder with the secret.key of then, and ca.pem and ca.key if they are kept; the
    /// backup's own folder when absent
    #[arg(long, value_name = "DIR")]
    keys: Option<PathBuf>,
}

/// Restores; what to say of it.
///
/// # Errors
/// The backup or the key will not do, or the folder is not empty: nothing was written then.
pub fn run(args: &RestoreArgs) -> anyhow::Result<String> {
    let folder = keys(&args.file, args.keys.as_deref())?;
    let key = SecretKey::open(folder)?;
    let read = backup::read(&args.file, &key)?;
    let mut kept = Vec::new();
    for name in [secret::FILE, CA_FILE, CA_KEY_FILE] {
        let path = folder.join(name);
        if path.exists() {
            let bytes = fs::read(&path);
            let bytes = bytes.with_context(|| format!("cannot read {}", path.display()))?;
            kept.push((name, bytes));
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
    read.restore(&args.data, &kept, epoch)?;
    Ok(said)
}

/// The folder with the keys: the one that was given, else that of the backup.
fn keys<'a>(file: &'a Path, given: Option<&'a Path>) -> anyhow::Result<&'a Path> {
    let beside = match file.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let folder = given.unwrap_or(beside);
    let key_file = folder.join(secret::FILE);
    if key_file.exists() {
        return Ok(folder);
    }
    match given {
        Some(_) => anyhow::bail!(
            "{} does not exist; give the folder in which the keys are kept with --keys",
            key_file.display()
        ),
        None => anyhow::bail!(
            "the secret.key of when the backup was made is not beside it ({} does not exist); give \
             the folder in which it is kept, with ca.pem and ca.key where they are kept, with --keys",
            key_file.display()
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_looked_for_beside_the_backup_unless_a_folder_is_named() {
        let (safe, beside) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let file = beside.path().join("backup");
        fs::write(safe.path().join(secret::FILE), "").unwrap();
        assert_eq!(keys(&file, Some(safe.path())).unwrap(), safe.path());

        let refused = keys(&file, None).unwrap_err().to_string();
        assert!(refused.contains("--keys"), "{refused}");
        assert!(refused.contains("secret.key of when"), "{refused}");

        fs::write(beside.path().join(secret::FILE), "").unwrap();
        assert_eq!(keys(&file, None).unwrap(), beside.path());
        let empty = tempfile::tempdir().unwrap();
        let refused = keys(&file, Some(empty.path())).unwrap_err().to_string();
        assert!(refused.contains("does not exist"), "{refused}");
    }
}
