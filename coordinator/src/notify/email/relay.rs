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
    host: String,
    port: u16,
    encryption: Encryption,
    user: Option<(String, Secret)>,
    pub(super) from: Mailbox,
}

impl Smtp {
    /// Reads `smtps://user:password@host` or `smtp://…?tls=required|opportunistic|none`, and the
    /// sender.
    ///
    /// # Errors
    /// The URL or the sender is malformed; everything wrong is listed. No message holds the
    /// password.
    pub fn parse(url: &Secret, from: &str) -> Result<Self, Problems> {
        let mut problems = Problems::none();
        let from_read = from.parse::<Mailbox>().ok();
        if from_read.is_none() {
            problems.add(
                "VIGILMON_SMTP_FROM",
                match from {
                    "" => "is not set".to_owned(),
                    from => format!("`{from}` is not a mail address"),
                },
                "set the sender of mails, such as vigilmon@example.org",
            );
        }
        let relay = relay(url.expose(), &mut problems);
        match (from_read, relay) {
            (Some(from), Some(relay)) => problems.or(Self { from, ..relay }),
            _ => Err(problems),
        }
    }

    /// How the way to the relay is protected.
    #[must_use]
    pub const fn encryption(&self) -> Encryption {
        self.encryption
    }

    pub(super) fn transport(
        &self,
    ) -> Result<AsyncSmtpTransportBuilder, lettre::transport::smtp::Error> {
        let parameters = || TlsParameters::new(self.host.clone());
        let tls = match self.encryption {
            Encryption::Wrapped => Tls::Wrapper(parameters()?),
            Encryption::Required => Tls::Required(parameters()?),
            Encryption::Opportunistic => Tls::Opportunistic(parameters()?),
            Encryption::None => Tls::None,
        };
        let mut builder =
            AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(self.host.clone())
                .port(self.port)
                .tls(tls);
        if let Some((user, password)) = &self.user {
            let password = password.expose().to_owned();
            builder = builder.credentials(Credentials::new(user.clone(), password));
        }
        Ok(builder)
    }
}

/// The relay with a sender that stands for none yet.
fn relay(text: &str, problems: &mut Problems) -> Option<Smtp> {
    const FIELD: &str = "VIGILMON_SMTP_URL";
    const REMEDY: &str = "write smtps://user:password@host or smtp://host?tls=required";
    let Ok(url) = Url::parse(text) else {
        problems.add(FIELD, "is not a URL", REMEDY);
        return None;
    };
    let before = problems.as_slice().len();
    let host = match url.host() {
        Some(Host::Ipv6(v6)) => v6.to_string(),
        Some(host) if !host.to_string().is_empty() => host.to_string(),
        _ => {
            problems.add(FIELD, "names no host", REMEDY);
            String::new()
        }
    };
    let mut encryption = match url.scheme() {
        "smtps" => Encryption::Wrapped,
        "smtp" => Encryption::Required,
        other => {
            problems.add(FIELD, format!("the scheme is `{other}`"), REMEDY);
            Encryption::Required
        }
    };
    for (key, value) in url.query_pairs() {
        encryption = match (key.as_ref(), value.as_ref(), url.scheme()) {
            ("tls", "required", "smtp") => Encryption::Required,
            ("tls", "opportunistic", "smtp") => Encryption::Opportunistic,
            ("tls", "none", "smtp") => Encryption::None,
            ("tls", _, "smtps") => {
                problems.add(FIELD, "has `tls` with smtps, which is TLS anyway", REMEDY);
                encryption
            }
            ("tls", value, _) => {
                let remedy = "use required, opportunistic or none";
                problems.add(FIELD, format!("`tls={value}` is not known"), remedy);
                encryption
            }
            (key, _, _) => {
                problems.add(FIELD, format!("the parameter `{key}` is not known"), REMEDY);
                encryption
            }
        };
    }
    if !matches!(url.path(), "" | "/") {
        problems.add(FIELD, format!("has a path, `{}`", url.path()), REMEDY);
    }
    let port = match encryption {
        Encryption::Wrapped => PORT_WRAPPED,
        Encryption::Required | Encryption::Opportunistic => PORT_SUBMISSION,
        Encryption::None => PORT_PLAIN,
    };
    let user = match (decoded(url.username()), url.password().map(decoded)) {
        (Some(user), _) if user.is_empty() => None,
        (Some(user), None) => Some((user, Secret::default())),
        (Some(user), Some(Some(password))) => Some((user, Secret::new(password))),
        _ => {
            problems.add(
                FIELD,
                "user or password is not text",
                "percent-encode UTF-8",
            );
            None
        }
    };
    let nobody: Mailbox = "nobody@localhost".parse().expect("a mail address");
    (problems.as_slice().len() == before).then(|| Smtp {
        host,
        port: url.port().unwrap_or(port),
        encryption,
        user,
        from: nobody,
    })
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
