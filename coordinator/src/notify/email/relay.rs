//! The operator's mail relay, as a URL names it.

use lettre::message::Mailbox;
use lettre::transport::smtp::AsyncSmtpTransportBuilder;
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, Tokio1Executor};
use url::{Host, Url};
use vigilmon_common::problem::Problems;
use vigilmon_common::redact::Secret;

/// The ports by convention: of mail that is encrypted from the start, of mail that asks for it, of
/// plain relays.
const PORT_WRAPPED: u16 = 465;
const PORT_SUBMISSION: u16 = 587;
const PORT_PLAIN: u16 = 25;

/// How the way to the relay is protected.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Encryption {
    /// TLS from the first byte (`smtps://`).
    Wrapped,
    /// TLS asked for, and nothing sent without it.
    Required,
    /// TLS where the relay offers it.
    Opportunistic,
    /// None: for a relay on this machine or a trusted network.
    None,
}

/// The operator's mail relay and the sender of all mails.
#[derive(Clone, Debug)]
pub struct Smtp {
    relay: Relay,
    pub(super) from: Mailbox,
}

#[derive(Clone, Debug)]
struct Relay {
    host: String,
    port: u16,
    encryption: Encryption,
    user: Option<(String, Secret)>,
}

/// What problems with the relay's URL are called; others are the sender's.
pub const URL_FIELD: &str = "VIGILMON_SMTP_URL";
const URL_REMEDY: &str = "write smtps://user:password@host or smtp://host?tls=required";

impl Smtp {
    /// Reads `smtps://user:password@host` or `smtp://…?tls=required|opportunistic|none`, and the
    /// sender.
    ///
    /// # Errors
    /// The URL or the sender is malformed; everything wrong is listed. No message holds the
    /// password.
    pub fn parse(url: &Secret, from: &str) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let sender = from.parse::<Mailbox>().ok();
        if sender.is_none() {
            let message = match from {
                "" => "is not set".to_owned(),
                from => format!("`{from}` is not a mail address"),
            };
            let remedy = "set the sender of mails, such as vigilmon@example.org";
            problems.add("VIGILMON_SMTP_FROM", message, remedy);
        }
        match (Relay::parse(url.expose(), &mut problems), sender) {
            (Some(relay), Some(from)) => problems.or(Self { relay, from }),
            _ => Err(problems),
        }
    }

    /// How the way to the relay is protected.
    #[must_use]
    pub const fn encryption(&self) -> Encryption {
        self.relay.encryption
    }

    pub(super) fn transport(
        &self,
    ) -> Result<AsyncSmtpTransportBuilder, lettre::transport::smtp::Error> {
        let host = &self.relay.host;
        let parameters = || TlsParameters::new(host.clone());
        let tls = match self.relay.encryption {
            Encryption::Wrapped => Tls::Wrapper(parameters()?),
            Encryption::Required => Tls::Required(parameters()?),
            Encryption::Opportunistic => Tls::Opportunistic(parameters()?),
            Encryption::None => Tls::None,
        };
        let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host.clone());
        let builder = builder.port(self.relay.port).tls(tls);
        Ok(match &self.relay.user {
            Some((user, password)) => {
                let password = password.expose().to_owned();
                builder.credentials(Credentials::new(user.clone(), password))
            }
            None => builder,
        })
    }
}

impl Relay {
    /// `None` with at least one problem noted.
    fn parse(text: &str, problems: &mut Problems) -> Option<Self> {
        let Ok(url) = Url::parse(text) else {
            problems.add(URL_FIELD, "is not a URL", URL_REMEDY);
            return None;
        };
        let mut found = Problems::none();
        let encryption = encryption(&url, &mut found);
        let usual_port = match encryption {
            Encryption::Wrapped => PORT_WRAPPED,
            Encryption::Required | Encryption::Opportunistic => PORT_SUBMISSION,
            Encryption::None => PORT_PLAIN,
        };
        if !matches!(url.path(), "" | "/") {
            let message = format!("has a path, `{}`", url.path());
            found.add(URL_FIELD, message, URL_REMEDY);
        }
        let relay = Self {
            host: host(&url, &mut found),
            port: url.port().unwrap_or(usual_port),
            encryption,
            user: user(&url, &mut found),
        };
        let is_good = found.is_empty();
        problems.extend(found);
        is_good.then_some(relay)
    }
}

fn host(url: &Url, problems: &mut Problems) -> String {
    match url.host() {
        Some(Host::Ipv6(v6)) => v6.to_string(),
        Some(host) if !host.to_string().is_empty() => host.to_string(),
        Some(_) | None => {
            problems.add(URL_FIELD, "names no host", URL_REMEDY);
            String::new()
        }
    }
}

fn encryption(url: &Url, problems: &mut Problems) -> Encryption {
    let mut encryption = match url.scheme() {
        "smtps" => Encryption::Wrapped,
        "smtp" => Encryption::Required,
        other => {
            problems.add(URL_FIELD, format!("the scheme is `{other}`"), URL_REMEDY);
            return Encryption::Required;
        }
    };
    for (key, value) in url.query_pairs() {
        encryption = match (key.as_ref(), value.as_ref(), url.scheme()) {
            ("tls", _, "smtps") => {
                let message = "has `tls` with smtps, which is TLS anyway";
                problems.add(URL_FIELD, message, URL_REMEDY);
                encryption
            }
            ("tls", "required", _) => Encryption::Required,
            ("tls", "opportunistic", _) => Encryption::Opportunistic,
            ("tls", "none", _) => Encryption::None,
            ("tls", value, _) => {
                let remedy = "use required, opportunistic or none";
                problems.add(URL_FIELD, format!("`tls={value}` is not known"), remedy);
                encryption
            }
            (key, _, _) => {
                let message = format!("the parameter `{key}` is not known");
                problems.add(URL_FIELD, message, URL_REMEDY);
                encryption
            }
        };
    }
    encryption
}

fn user(url: &Url, problems: &mut Problems) -> Option<(String, Secret)> {
    let password = url.password().unwrap_or_default();
    match (decoded(url.username()), decoded(password)) {
        (Some(user), _) if user.is_empty() => None,
        (Some(user), Some(password)) => Some((user, Secret::new(password))),
        _ => {
            let message = "user or password is not text";
            problems.add(URL_FIELD, message, "percent-encode UTF-8");
            None
        }
    }
}

/// Undoes percent-encoding.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = match (first, tail) {
            (b'%', [high, low, ..]) => std::str::from_utf8(&[*high, *low])
                .ok()
                .and_then(|digits| u8::from_str_radix(digits, 16).ok()),
            _ => None,
        };
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8(bytes).ok()
}
