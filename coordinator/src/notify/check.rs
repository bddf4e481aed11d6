//! What a channel may be: checked and sealed before it is saved, everything wrong at once.
//!
//! A refused address is named here as far as the URL shows it; names are judged again, by what
//! they resolve to, at every connection.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::IpNet;
use lettre::Address;
use standardwebhooks::Webhook;
use url::{Host, Url};
use vigilmon_common::address::{AddressPolicy, Denied};
use vigilmon_common::notify::channel::Sealed;
use vigilmon_common::problem::Problems;

use crate::secret::SecretKey;

/// Longest URL of a receiver, in bytes.
const URL_MAX: usize = 2048;
/// Most receivers of one channel.
const RECEIVERS_MAX: usize = 50;
/// What a signing secret begins with.
const SECRET_PREFIX: &str = "whsec_";
/// How many bytes a signing secret may stand for, by the specification.
const SECRET_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
/// The line that makes mail possible.
const MAIL_REMEDY: &str = "start with VIGILMON_SMTP_URL=smtp://user:password@mail.example.org:587?tls=required \
     and VIGILMON_SMTP_FROM=vigilmon@example.org";

/// Checks and seals what users send as channels.
#[derive(Clone, Debug)]
pub struct Checker {
    /// What seals.
    pub key: SecretKey,
    /// What notifications may reach.
    pub addresses: AddressPolicy,
    /// Whether there is a mail relay.
    pub mail: bool,
}

impl Checker {
    /// A receiver's URL as it may be shown, and sealed. The path may be a secret and is not shown.
    /// `kind` is the channel's: problems name `kind.url`.
    ///
    /// # Errors
    /// It is no http or https URL, too long, or leads to an address that is denied.
    pub fn url(&self, kind: &str, text: &str) -> Result<(String, Sealed), Problems> {
        let field = format!("{kind}.url");
        let mut problems = Problems::none();
        let remedy = "write an http:// or https:// URL";
        if text.len() > URL_MAX {
            let message = format!("has {} bytes", text.len());
            problems.add(&field, message, format!("use at most {URL_MAX}"));
        }
        let Ok(url) = Url::parse(text) else {
            problems.add(&field, "is not a URL", remedy);
            return Err(problems);
        };
        if !matches!(url.scheme(), "http" | "https") {
            let message = format!("the scheme `{}` is not for webhooks", url.scheme());
            problems.add(&field, message, remedy);
        } else if let Err(denied) = self.check_host(&url) {
            let net = IpNet::from(denied.ip);
            let remedy = format!("to allow it, start the coordinator with --allow-net {net}");
            problems.add(&field, denied.to_string(), remedy);
        }
        let shown = shown(&url);
        let sealed = Sealed(self.key.seal(text.as_bytes()));
        problems.or((shown, sealed))
    }

    /// A signing secret, sealed. Without one, a secret is made of `random`, and given in the clear
    /// to be shown once.
    ///
    /// # Errors
    /// It is not `whsec_` and the base64 of 24 to 64 bytes.
    pub fn webhook_secret(
        &self,
        given: Option<&str>,
        random: [u8; 32],
    ) -> Result<(Sealed, Option<String>), Problems> {
        if let Some(secret) = given {
            check_secret(secret)?;
            return Ok((Sealed(self.key.seal(secret.as_bytes())), None));
        }
        // Hexadecimal digits are base64 too: 64 of them stand for 48 bytes.
        let digits: String = random.iter().map(|byte| format!("{byte:02x}")).collect();
        let made = format!("{SECRET_PREFIX}{digits}");
        Ok((Sealed(self.key.seal(made.as_bytes())), Some(made)))
    }

    /// The receivers of a mail channel, each once.
    ///
    /// # Errors
    /// One is no mail address, there is none or too many, or there is no relay.
    pub fn email(&self, to: &[String]) -> Result<Vec<String>, Problems> {
        let mut problems = Problems::none();
        if !self.mail {
            problems.add("email", "the coordinator has no mail relay", MAIL_REMEDY);
        }
        if to.is_empty() || to.len() > RECEIVERS_MAX {
            let message = format!("has {} receivers", to.len());
            problems.add("email.to", message, format!("name 1 to {RECEIVERS_MAX}"));
        }
        let mut seen = BTreeSet::new();
        let mut receivers = Vec::new();
        for text in to.iter().map(|text| text.trim()) {
            if text.parse::<Address>().is_err() {
                let message = format!("`{text}` is not a mail address");
                problems.add(
                    "email.to",
                    message,
                    "write addresses such as ops@example.com",
                );
            } else if seen.insert(text.to_lowercase()) {
                receivers.push(text.to_owned());
            }
        }
        problems.or(receivers)
    }

    fn check_host(&self, url: &Url) -> Result<(), Denied> {
        let address = match url.host() {
            Some(Host::Ipv4(v4)) => IpAddr::V4(v4),
            Some(Host::Ipv6(v6)) => IpAddr::V6(v6),
            Some(Host::Domain(name)) if is_localhost(name) => IpAddr::from([127, 0, 0, 1]),
            Some(Host::Domain(_)) | None => return Ok(()),
        };
        self.addresses.check(address)
    }
}

fn is_localhost(name: &str) -> bool {
    let name = name.trim_end_matches('.');
    name == "localhost" || name.ends_with(".localhost")
}

fn check_secret(secret: &str) -> Result<(), Problems> {
    let encoded = secret.strip_prefix(SECRET_PREFIX);
    let length = encoded.map(|text| text.trim_end_matches('=').len() * 3 / 4);
    let fits = length.is_some_and(|bytes| SECRET_BYTES.contains(&bytes));
    if fits && Webhook::new(secret).is_ok() {
        return Ok(());
    }
    let mut problems = Problems::none();
    problems.add(
        "webhook.secret",
        "is not a signing secret",
        "write whsec_ and the base64 of 24 to 64 bytes, or leave it out to have one made",
    );
    Err(problems)
}

/// Scheme, host and port; of the path only that there is one.
fn shown(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url
        .port()
        .map(|port| format!(":{port}"))
        .unwrap_or_default();
    let rest = match (url.path(), url.query()) {
        ("" | "/", None) => "/",
        _ => "/…",
    };
    format!("{}://{host}{port}{rest}", url.scheme())
}

#[cfg(test)]
mod tests;
