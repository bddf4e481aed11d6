//! One attempt: the row's message to its channel's receiver, whatever kind that is.

use std::sync::Arc;

use vigilmon_common::address::AddressPolicy;
use vigilmon_common::notify::body::Body;
use vigilmon_common::notify::channel::{Channel, ChannelKind, Sealed};
use vigilmon_common::notify::delivery::{Answer, Failure, FailureKind};
use vigilmon_common::notify::message::Message;
use vigilmon_common::notify::row::Row;
use vigilmon_common::time::Time;
use vigilmon_runtime::fault;
use zeroize::Zeroizing;

use super::email::{Mailer, Smtp};
use super::inbox::{Inbox, InboxMessage};
use super::post::Poster;
use super::{chat, webhook};
use crate::secret::SecretKey;

/// What an attempt met, and a line about it for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Attempted {
    pub(super) answer: Answer,
    pub(super) detail: String,
}

impl Attempted {
    pub(super) fn delivered(detail: impl Into<String>) -> Self {
        Self {
            answer: Answer::Delivered,
            detail: detail.into(),
        }
    }

    pub(super) fn failed(failure: Failure) -> Self {
        Self {
            detail: failure.text.clone(),
            answer: Answer::Failed(failure),
        }
    }

    pub(super) fn withheld(why: String) -> Self {
        Self {
            detail: why.clone(),
            answer: Answer::Withheld(why),
        }
    }
}

/// A sender for each kind of channel.
pub struct Senders {
    key: SecretKey,
    poster: Poster,
    mailer: Option<Mailer>,
    inbox: Inbox,
}

impl Senders {
    /// Senders that reach what `addresses` allows, and the relay, if there is one.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn new(
        key: SecretKey,
        addresses: AddressPolicy,
        smtp: Option<Smtp>,
        inbox: Inbox,
    ) -> anyhow::Result<Self> {
        Ok(Self {
            key,
            poster: Poster::new(Arc::new(addresses))?,
            mailer: smtp.map(Mailer::new).transpose()?,
            inbox,
        })
    }

    /// Sends a row's message. `copy_of` is the name of the channel that could not deliver it.
    pub(super) async fn send(
        &self,
        channel: &Channel,
        row: &Row,
        copy_of: Option<&str>,
        now: Time,
    ) -> Attempted {
        fault::point("before-send");
        let attempted = self.try_send(channel, row, copy_of, now).await;
        fault::point("after-send");
        attempted.unwrap_or_else(Attempted::failed)
    }

    async fn try_send(
        &self,
        channel: &Channel,
        row: &Row,
        copy_of: Option<&str>,
        now: Time,
    ) -> Result<Attempted, Failure> {
        let poster = &self.poster;
        Ok(match &channel.kind {
            ChannelKind::Webhook { url, secret, .. } => {
                let (url, secret) = (self.unseal(url)?, self.unseal(secret)?);
                webhook::send(poster, &url, &secret, &row.key, &row.body, now).await
            }
            ChannelKind::Slack { url, .. } => {
                let (url, message) = (self.unseal(url)?, message(row, copy_of)?);
                chat::slack(poster, &url, &message, now).await
            }
            ChannelKind::Discord { url, .. } => {
                let (url, message) = (self.unseal(url)?, message(row, copy_of)?);
                chat::discord(poster, &url, &message, now).await
            }
            ChannelKind::Email { to } => match &self.mailer {
                Some(mailer) => mailer.send(to, row, &message(row, copy_of)?).await,
                None => {
                    let text = "no mail relay is set; start with VIGILMON_SMTP_URL";
                    return Err(Failure::transient(text));
                }
            },
            ChannelKind::Inbox => {
                let message = message(row, copy_of)?;
                self.inbox.take(InboxMessage {
                    key: row.key.clone(),
                    at: now,
                    event: row.event.clone(),
                    subject: message.title.clone(),
                    text: message.to_text(),
                });
                Attempted::delivered("taken by the inbox")
            }
        })
    }

    /// A secret that cannot be opened waits for the operator to bring the right key.
    fn unseal(&self, sealed: &Sealed) -> Result<Zeroizing<String>, Failure> {
        let opened = self.key.unseal_text(&sealed.0);
        opened.map_err(|error| Failure::transient(format!("its secret cannot be opened: {error}")))
    }
}

fn message(row: &Row, copy_of: Option<&str>) -> Result<Message, Failure> {
    let body = Body::from_json(&row.body).map_err(|error| {
        let text = format!("its body cannot be read: {error}");
        Failure::new(FailureKind::Permanent, text)
    })?;
    Ok(Message::render(&body, &row.region_names, copy_of))
}
