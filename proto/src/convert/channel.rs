//! Channels and routes as the public API answers them. What users send is checked and sealed by
//! the coordinator: only it has the key.

use vigilmon_common::id::ChannelId;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route};

use super::spec::MASK;
use super::{duration, timestamp};
use crate::v1;

/// A channel as it is answered: secrets masked, the fallback by name.
#[must_use]
pub fn channel_to_wire(
    channel: &Channel,
    project: &str,
    channel_name: &dyn Fn(ChannelId) -> Option<Name>,
) -> v1::Channel {
    let (kind, target) = kind_to_wire(&channel.kind);
    v1::Channel {
        id: channel.id.to_string(),
        name: channel.name.to_string(),
        project: project.to_owned(),
        etag: channel.version.to_string(),
        kind: Some(kind),
        fallback: channel
            .fallback
            .map(|id| name_of(id, channel_name))
            .unwrap_or_default(),
        target,
        disabled: channel.disabled.clone().unwrap_or_default(),
        create_time: Some(timestamp(channel.created_at)),
    }
}

fn kind_to_wire(kind: &ChannelKind) -> (v1::channel::Kind, String) {
    match kind {
        ChannelKind::Webhook { shown, .. } => {
            let webhook = v1::WebhookChannel {
                url: MASK.to_owned(),
                secret: MASK.to_owned(),
            };
            (v1::channel::Kind::Webhook(webhook), shown.clone())
        }
        ChannelKind::Slack { shown, .. } => {
            let url = MASK.to_owned();
            let slack = v1::SlackChannel { url };
            (v1::channel::Kind::Slack(slack), shown.clone())
        }
        ChannelKind::Discord { shown, .. } => {
            let url = MASK.to_owned();
            let discord = v1::DiscordChannel { url };
            (v1::channel::Kind::Discord(discord), shown.clone())
        }
        ChannelKind::Email { to } => {
            let email = v1::EmailChannel { to: to.clone() };
            (v1::channel::Kind::Email(email), to.join(", "))
        }
        ChannelKind::Inbox => (
            v1::channel::Kind::Inbox(v1::InboxChannel {}),
            "the inbox of the demonstration".to_owned(),
        ),
    }
}

/// A route as it is answered: channels by name.
#[must_use]
pub fn route_to_wire(
    route: &Route,
    project: &str,
    channel_name: &dyn Fn(ChannelId) -> Option<Name>,
) -> v1::Route {
    v1::Route {
        id: route.id.to_string(),
        name: route.name.to_string(),
        project: project.to_owned(),
        etag: route.version.to_string(),
        severities: route
            .severity
            .iter()
            .map(|one| v1::Severity::from(*one).into())
            .collect(),
        labels: route.labels.clone().into_iter().collect(),
        monitors: route.monitors.iter().map(ToString::to_string).collect(),
        events: route.events.clone(),
        scopes: route
            .scopes
            .iter()
            .map(|one| v1::Scope::from(*one).into())
            .collect(),
        to: names_of(&route.to, channel_name),
        create_time: Some(timestamp(route.created_at)),
        then: route
            .then
            .iter()
            .map(|step| v1::RouteStep {
                after: Some(duration(step.after)),
                to: names_of(&step.to, channel_name),
            })
            .collect(),
    }
}

/// Channels by name; one that is gone by its id.
pub(super) fn names_of(
    channels: &[ChannelId],
    channel_name: &dyn Fn(ChannelId) -> Option<Name>,
) -> Vec<String> {
    let channels = channels.iter();
    channels.map(|id| name_of(*id, channel_name)).collect()
}

fn name_of(id: ChannelId, channel_name: &dyn Fn(ChannelId) -> Option<Name>) -> String {
    channel_name(id).map_or_else(|| id.to_string(), |name| name.to_string())
}
