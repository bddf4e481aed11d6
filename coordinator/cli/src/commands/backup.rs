//! `vigilmon backup`

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::json;
use vigilmon_proto::v1;

use super::done;
use crate::client::Client;
use crate::failure::{Failure, exit};
use crate::output::{self, Format};

/// What `-` stands for.
const STDOUT: &str = "-";
/// What is said beside every backup.
const KEYS: &str =
    "the keys are not in it: keep DATA/secret.key (and ca.pem, ca.key) apart from it";

/// Where to.
#[derive(Args, Debug)]
pub(crate) struct BackupArgs {
    /// The file to write, readable by you alone; `-` writes to stdout
    file: PathBuf,
}

/// Does it; the exit code.
pub(crate) async fn run(args: &BackupArgs, client: &Client, format: Format) -> Result<u8, Failure> {
    let answer = client.admin().backup(v1::BackupRequest {}).await?;
    let mut chunks = answer.into_inner();
    if args.file == Path::new(STDOUT) {
        let mut out = io::stdout().lock();
        while let Some(chunk) = chunks.message().await? {
            out.write_all(&chunk.data).map_err(|e| cannot(STDOUT, &e))?;
        }
        out.flush().map_err(|e| cannot(STDOUT, &e))?;
        output::note(KEYS);
        return Ok(exit::DONE);
    }
    let shown = args.file.display().to_string();
    let beside = beside(&args.file);
    let mut file = create(&beside).map_err(|e| cannot(&shown, &e))?;
    let mut bytes = 0_u64;
    let written = async {
        while let Some(chunk) = chunks.message().await? {
            bytes += chunk.data.len() as u64;
            file.write_all(&chunk.data)
                .map_err(|e| cannot(&shown, &e))?;
        }
        file.sync_all().map_err(|e| cannot(&shown, &e))?;
        fs::rename(&beside, &args.file).map_err(|e| cannot(&shown, &e))
    };
    let written = written.await;
    if written.is_err() {
        // What is half written helps nobody; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&beside);
    }
    written?;
    let value = json!({ "file": shown, "bytes": bytes });
    done(format, &format!("wrote {shown} ({bytes} bytes)"), &value);
    output::note(KEYS);
    Ok(exit::DONE)
}

/// Where the file grows until it is whole.
fn beside(file: &Path) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    file.with_file_name(name)
}

/// A file of one's own: what is left of a backup that broke off, or lies there for another reason,
/// would keep its owner and its mode.
fn create(path: &Path) -> io::Result<File> {
    let _ = fs::remove_file(path);
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600).open(path)
}

fn cannot(file: &str, error: &io::Error) -> Failure {
    let hint = "name a file in a folder that you may write to";
    Failure::new(exit::FAILED, format!("cannot write {file}: {error}"), hint)
}
