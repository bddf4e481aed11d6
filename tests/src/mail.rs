//! A real SMTP server, in the clear or encrypted, with or without a login, and the messages that it
//! received.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;
use tempfile::TempDir;

use crate::process::{Plan, Process};
use crate::{ports, programs, wait};

const START_WITHIN: Duration = Duration::from_secs(30);
/// The name of the certificate's file.
const CERTIFICATE: &str = "cert.pem";

/// How the way to a server is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Protection {
    /// Not at all.
    None,
    /// Nothing is taken before STARTTLS.
    StartTls,
    /// TLS from the first byte.
    Wrapped,
}

/// A server that takes every message.
pub struct MailServer {
    server: Process,
    port: u16,
    protection: Protection,
    kept: PathBuf,
    folder: TempDir,
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
    /// Whether it came over TLS.
    pub encrypted: bool,
    /// Who logged in to send it.
    pub login: Option<String>,
}

impl MailServer {
    /// Starts one that anybody may use.
    #[must_use]
    pub fn start() -> Self {
        Self::start_with(Protection::None, None)
    }

    /// Starts one that is protected so, by a certificate of its own, and that takes mail only from
    /// this user with this password.
    #[must_use]
    pub fn start_with(protection: Protection, login: Option<(&str, &str)>) -> Self {
        let folder = TempDir::with_prefix("vigilmon-mail-").expect("a folder can be made");
        let kept = folder.path().join("kept");
        let port = ports::free();
        let mut plan = Plan::new(programs::python("python"))
            .args([programs::tests().join("apps/smtp/server.py")])
            .args([port.to_string()])
            .args([&kept]);
        match protection {
            Protection::None => {}
            Protection::StartTls => plan = certified(plan, folder.path(), "--starttls"),
            Protection::Wrapped => plan = certified(plan, folder.path(), "--wrapped"),
        }
        if let Some((user, password)) = login {
            plan = plan.args(["--user", user, "--password", password]);
        }
        let mut mail = Self {
            server: plan.start(&folder.path().join("log")),
            port,
            protection,
            kept,
            folder,
        };
        wait::until_true("the mail server listens", START_WITHIN, || {
            mail.server.must_run();
            mail.server.log().contains("listening")
        });
        mail
    }

    /// Its URL, as `VIGILMON_SMTP_URL` takes it, for use without a login.
    #[must_use]
    pub fn url(&self) -> String {
        self.url_for(None)
    }

    /// Its URL with a login.
    #[must_use]
    pub fn url_for(&self, login: Option<(&str, &str)>) -> String {
        let (scheme, query) = match self.protection {
            Protection::None => ("smtp", "?tls=none"),
            Protection::StartTls => ("smtp", "?tls=required"),
            Protection::Wrapped => ("smtps", ""),
        };
        let base = format!("{scheme}://127.0.0.1:{}{query}", self.port);
        let mut url = reqwest::Url::parse(&base).expect("it is a URL");
        if let Some((user, password)) = login {
            url.set_username(user).expect("it has a host");
            url.set_password(Some(password)).expect("it has a host");
        }
        url.into()
    }

    /// The file that holds the certificate by which its own is trusted.
    #[must_use]
    pub fn authority(&self) -> Option<PathBuf> {
        let file = self.folder.path().join(CERTIFICATE);
        (self.protection != Protection::None).then_some(file)
    }

    /// Ends it: from now on nobody takes mail.
    pub fn stop(&mut self) {
        self.server.kill();
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

/// Makes a certificate for loopback and adds what starts the server with it.
fn certified(plan: Plan, folder: &Path, kind: &str) -> Plan {
    let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("the names are good");
    let (cert, key) = (folder.join(CERTIFICATE), folder.join("key.pem"));
    fs::write(&cert, made.cert.pem()).expect("the folder can be written to");
    fs::write(&key, made.signing_key.serialize_pem()).expect("the folder can be written to");
    plan.args([kind, "--cert"])
        .args([cert])
        .args(["--key"])
        .args([key])
}
