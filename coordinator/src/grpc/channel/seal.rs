//! What users send as channels: its secrets are checked and sealed here, before the engine sees
//! them, and leave the coordinator only towards the receiver.

use vigilmon_common::notify::channel::{ChannelKind, Sealed};
use vigilmon_common::problem::Problems;
use vigilmon_proto::convert::spec::MASK;
use vigilmon_proto::v1;

use super::Api;

/// Checks and seals what users send as channels: it has the key, and knows which addresses
/// notifications may reach and whether mail can be sent at all. Problems name fields in full, such
/// as `webhook.url`.
pub trait SealChannels: Send + Sync {
    /// A receiver's URL as it may be shown, and sealed; `kind` is the channel's.
    ///
    /// # Errors
    /// It is no http or https URL, or leads to an address that is denied.
    fn url(&self, kind: &str, url: &str) -> Result<(String, Sealed), Problems>;

    /// A webhook's signing secret, sealed. Without one a secret is made, and given in the clear to
    /// be shown once.
    ///
    /// # Errors
    /// It is no signing secret.
    fn webhook_secret(&self, given: Option<&str>) -> Result<(Sealed, Option<String>), Problems>;

    /// Whether two sealed texts are the same secret.
    fn same(&self, one: &Sealed, other: &Sealed) -> bool;

    /// Receivers of mail.
    ///
    /// # Errors
    /// One is no address, there is none, or the coordinator has no relay.
    fn email(&self, to: &[String]) -> Result<Vec<String>, Problems>;
}

/// A channel's kind, checked and sealed.
pub(in crate::grpc) struct SealedKind {
    pub(in crate::grpc) kind: ChannelKind,
    /// A secret that was made for it.
    pub(in crate::grpc) made: Option<String>,
}

impl Api {
    /// Checks and seals a kind; `None` with at least one problem noted. Secrets that come masked
    /// are those of `stored`, if that is of the same kind.
    pub(in crate::grpc) fn seal(
        &self,
        given: Option<&v1::channel::Kind>,
        stored: Option<&ChannelKind>,
        problems: &mut Problems,
    ) -> Option<SealedKind> {
        use v1::channel::Kind;
        let kind = match given {
            Some(Kind::Webhook(webhook)) => return self.webhook(webhook, stored, problems),
            Some(Kind::Slack(slack)) => {
                let (shown, url) = noted(self.slack(slack, stored), problems)?;
                ChannelKind::Slack { shown, url }
            }
            Some(Kind::Discord(discord)) => {
                let (shown, url) = noted(self.discord(discord, stored), problems)?;
                ChannelKind::Discord { shown, url }
            }
            Some(Kind::Email(email)) => {
                let to = noted(self.channels.email(&email.to), problems)?;
                ChannelKind::Email { to }
            }
            Some(Kind::Inbox(_)) if stored == Some(&ChannelKind::Inbox) => ChannelKind::Inbox,
            Some(Kind::Inbox(_)) => {
                let message = "only the demonstration has an inbox";
                problems.add("inbox", message, "use `up --demo`");
                return None;
            }
            None => {
                let remedy = "give one of webhook, slack, discord, email";
                problems.add("kind", "a channel needs a kind", remedy);
                return None;
            }
        };
        Some(SealedKind { kind, made: None })
    }

    fn slack(
        &self,
        given: &v1::SlackChannel,
        stored: Option<&ChannelKind>,
    ) -> Result<(String, Sealed), Problems> {
        match (given.url.as_str(), stored) {
            (MASK, Some(ChannelKind::Slack { shown, url })) => Ok((shown.clone(), url.clone())),
            (MASK, _) => Err(not_stored("slack.url")),
            (url, _) => self.channels.url("slack", url),
        }
    }

    fn discord(
        &self,
        given: &v1::DiscordChannel,
        stored: Option<&ChannelKind>,
    ) -> Result<(String, Sealed), Problems> {
        match (given.url.as_str(), stored) {
            (MASK, Some(ChannelKind::Discord { shown, url })) => Ok((shown.clone(), url.clone())),
            (MASK, _) => Err(not_stored("discord.url")),
            (url, _) => self.channels.url("discord", url),
        }
    }

    fn webhook(
        &self,
        given: &v1::WebhookChannel,
        stored: Option<&ChannelKind>,
        problems: &mut Problems,
    ) -> Option<SealedKind> {
        let kept = match stored {
            Some(ChannelKind::Webhook { shown, url, secret }) => Some((shown, url, secret)),
            Some(_) | None => None,
        };
        let url = match (given.url.as_str(), kept) {
            (MASK, Some((shown, url, _))) => Ok((shown.clone(), url.clone())),
            (MASK, None) => Err(not_stored("webhook.url")),
            (url, _) => self.channels.url("webhook", url),
        };
        let secret = match (given.secret.as_str(), kept) {
            (MASK | "", Some((_, _, secret))) => Ok((secret.clone(), None)),
            (MASK, None) => Err(not_stored("webhook.secret")),
            ("", None) => self.channels.webhook_secret(None),
            (secret, _) => self.channels.webhook_secret(Some(secret)),
        };
        let url = noted(url, problems);
        let secret = noted(secret, problems);
        let ((shown, url), (secret, made)) = (url?, secret?);
        Some(SealedKind {
            kind: ChannelKind::Webhook { shown, url, secret },
            made,
        })
    }
}

/// A `…` that stands for nothing.
fn not_stored(field: &str) -> Problems {
    let mut problems = Problems::none();
    let message = "`…` stands for a value that is not stored";
    problems.add(field, message, "give the value");
    problems
}

/// A secret that was made is shown in the answer that made it, and never again.
pub(in crate::grpc) fn show_once(mut channel: v1::Channel, made: Option<String>) -> v1::Channel {
    if let (Some(v1::channel::Kind::Webhook(webhook)), Some(made)) = (&mut channel.kind, made) {
        webhook.secret = made;
    }
    channel
}

fn noted<T>(result: Result<T, Problems>, problems: &mut Problems) -> Option<T> {
    result.map_err(|more| problems.extend(more)).ok()
}
