//! A real SMTP server and the messages that it received.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::process::{Plan, Process};
use crate::{ports, programs, wait};

const START_WITHIN: Duration = Duration::from_secs(30);

/// A server that takes every message.
pub struct MailServer {
    server: Process,
    port: u16,
    kept: PathBuf,
    _folder: TempDir,
}

/// A message as it was received.
#[derive(Clone, Debug, Deserialize)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// The subject.
    pub subject: String,
    /// The text part.
    pub text: Option<String>,
    /// The HTML part.
    pub html: Option<String>,
    /// All headers.
    pub headers: std::collections::BTreeMap<String, String>,
    /// Seconds since the epoch.
    pub received_at: f64,
}

impl MailServer {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        let folder = TempDir::with_prefix("vigilmon-mail-").expect("a folder can be made");
        let kept = folder.path().join("kept");
        let port = ports::free();
        let server = Plan::new(programs::python("python"))
            .args([programs::tests().join("apps/smtp/server.py")])
            .args([port.to_string()])
            .args([&kept])
            .start(&folder.path().join("log"));
        let mut mail = Self {
            server,
            port,
            kept,
            _folder: folder,
        };
        wait::until_true("the mail server listens", START_WITHIN, || {
            mail.server.must_run();
            mail.server.log().contains("listening")
        });
        mail
    }

    /// Its URL, as `VIGILMON_SMTP_URL` takes it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://127.0.0.1:{}?tls=none", self.port)
    }

    /// All messages so far, in order.
    #[must_use]
    pub fn messages(&self) -> Vec<Mail> {
        let kept = fs::read_to_string(&self.kept).unwrap_or_default();
        // The last line may still be being written.
        let whole = kept.rsplit_once('\n').map_or("", |(whole, _)| whole);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).expect("a line is a message"))
            .collect()
    }
}
