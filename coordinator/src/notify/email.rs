//! Mail through the operator's relay: text with an HTML alternative, the first fact as subject.
//!
//! The Message-ID is made of the notification's key, so a mail that is sent again after a crash is
//! the same mail to whoever looks; the messages of one incident refer to a common root and are
//! shown as one thread. The relay is the operator's own: the address policy does not bind it.

mod relay;

use std::error::Error;
use std::time::{Duration, SystemTime};

use askama::Template;
use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, Message as Mail, MultiPart};
use lettre::transport::smtp::{self, PoolConfig};
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use vigilmon_common::notify::delivery::{Failure, FailureKind};
use vigilmon_common::notify::message::{Fact, Message};
use vigilmon_common::notify::row::{Row, RowSubject};

pub use relay::{Encryption, Smtp, URL_FIELD};

use super::attempt::Attempted;

/// How long the relay may take for a whole mail.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the relay may take to answer when it is only looked at.
const REACH_PATIENCE: Duration = Duration::from_secs(5);
/// Connections to the relay at once.
const CONNECTIONS_MAX: u32 = 4;
/// How long a connection is kept for the next mail.
const IDLE: Duration = Duration::from_secs(30);

/// Sends mails.
pub(super) struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
}

#[derive(Template)]
#[template(path = "mail.html")]
struct MailPage<'a> {
    title: &'a str,
    color: String,
    facts: &'a [Fact],
    link: Option<&'a str>,
}

impl Smtp {
    /// Whether the relay takes a connection and lets us in.
    ///
    /// # Errors
    /// Why not, in one line without secrets.
    pub async fn reach(&self) -> Result<(), String> {
        let transport = self.transport().map_err(|error| described(&error))?;
        let transport = transport
            .timeout(Some(REACH_PATIENCE))
            .build::<Tokio1Executor>();
        match tokio::time::timeout(REACH_PATIENCE, transport.test_connection()).await {
            Ok(Ok(true)) => Ok(()),
            Ok(Ok(false)) => Err("it does not answer as a relay".to_owned()),
            Ok(Err(error)) => Err(described(&error)),
            Err(_) => Err(format!("no answer within {} s", REACH_PATIENCE.as_secs())),
        }
    }
}

/// The innermost cause: what the system or the relay said.
fn described(error: &dyn Error) -> String {
    let mut at = error;
    while let Some(inner) = at.source() {
        at = inner;
    }
    at.to_string()
}

impl Mailer {
    /// A mailer for a relay.
    ///
    /// # Errors
    /// TLS cannot be set up for the relay's name.
    pub(super) fn new(smtp: Smtp) -> anyhow::Result<Self> {
        let pool = PoolConfig::new()
            .max_size(CONNECTIONS_MAX)
            .idle_timeout(IDLE);
        let from = smtp.from.clone();
        let transport = smtp
            .transport()?
            .timeout(Some(PATIENCE))
            .pool_config(pool)
            .build();
        Ok(Self { transport, from })
    }

    /// Sends one mail to all of a channel's receivers.
    pub(super) async fn send(&self, to: &[String], row: &Row, message: &Message) -> Attempted {
        let mail = match self.compose(to, row, message) {
            Ok(mail) => mail,
            Err(text) => return Attempted::failed(Failure::new(FailureKind::Permanent, text)),
        };
        match tokio::time::timeout(PATIENCE, self.transport.send(mail)).await {
            Ok(Ok(response)) => {
                Attempted::delivered(format!("taken by the relay: {}", response.code()))
            }
            Ok(Err(error)) => Attempted::failed(failure_of(&error)),
            Err(_) => Attempted::failed(Failure::transient(format!(
                "the relay did not answer within {} s",
                PATIENCE.as_secs()
            ))),
        }
    }

    fn compose(&self, to: &[String], row: &Row, message: &Message) -> Result<Mail, String> {
        let domain = self.from.email.domain();
        let mut mail = Mail::builder()
            .from(self.from.clone())
            .subject(one_line(&message.title))
            .date(sent_at(row))
            .message_id(Some(format!("<{}@{domain}>", row.key)))
            .raw_header(raw("Auto-Submitted", "auto-generated"))
            .raw_header(raw("X-Auto-Response-Suppress", "All"));
        if let RowSubject::Incident(incident) = &row.subject {
            mail = mail.references(format!("<incident-{incident}@{domain}>"));
        }
        for receiver in to {
            let address: Address = receiver
                .parse()
                .map_err(|_| format!("`{receiver}` is not a mail address"))?;
            mail = mail.to(Mailbox::new(None, address));
        }
        let page = MailPage {
            title: &message.title,
            color: message.marker.hex(),
            facts: &message.facts,
            link: message.link.as_deref(),
        };
        let html = page.render().map_err(|error| error.to_string())?;
        mail.multipart(MultiPart::alternative_plain_html(message.to_text(), html))
            .map_err(|error| error.to_string())
    }
}

/// What the relay's refusal means. A wrong password is likely a mistake that is being mended.
fn failure_of(error: &smtp::Error) -> Failure {
    let mut cause: &(dyn Error + 'static) = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let mut text = match error.status() {
        Some(code) => format!("the relay answered {code}: {cause}"),
        None => format!("the relay cannot be used: {cause}"),
    };
    let code = error.status().map(|code| code.to_string());
    let kind = match code.as_deref() {
        Some("530" | "534" | "535" | "538") => {
            text.push_str("; check user and password in VIGILMON_SMTP_URL");
            FailureKind::Doubtful
        }
        _ if error.is_permanent() => FailureKind::Permanent,
        _ => FailureKind::Transient,
    };
    Failure::new(kind, one_line(&text))
}

/// When the row was made: the same on every attempt.
fn sent_at(row: &Row) -> SystemTime {
    let millis = u64::try_from(row.created_at.as_millis()).unwrap_or(0);
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}

fn raw(name: &'static str, value: &'static str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}

#[cfg(test)]
mod tests;
