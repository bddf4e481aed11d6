//! Channels and routes as records.

use std::time::Duration;

use bytes::Bytes;
use vigilmon_common::id::{ChannelId, RouteId};
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route, Sealed, Step};

use super::pb::channel::{Email, Inbox, Kind, Post, Webhook};
use super::pb::route;
use super::{Invalid, Stored, id, name, pb, raw, required, time, word};

impl Stored for Channel {
    type Message = pb::Channel;
    const NAME: &'static str = "channel";

    fn to_message(&self) -> pb::Channel {
        let kind = match &self.kind {
            ChannelKind::Webhook { shown, url, secret } => Kind::Webhook(Webhook {
                shown: shown.clone(),
                sealed_url: Bytes::copy_from_slice(&url.0),
                sealed_secret: Bytes::copy_from_slice(&secret.0),
            }),
            ChannelKind::Slack { shown, url } => Kind::Slack(post(shown, url)),
            ChannelKind::Discord { shown, url } => Kind::Discord(post(shown, url)),
            ChannelKind::Email { to } => Kind::Email(Email { to: to.clone() }),
            ChannelKind::Inbox => Kind::Inbox(Inbox {}),
        };
        pb::Channel {
            id: raw(self.id.as_bytes()),
            name: self.name.as_str().to_owned(),
            kind: Some(kind),
            fallback: self.fallback.map(|c| raw(c.as_bytes())),
            disabled: self.disabled.clone(),
            created_ms: self.created_at.as_millis(),
            version: self.version,
        }
    }

    fn from_message(m: pb::Channel) -> Result<Self, Invalid> {
        let kind = match required(m.kind, "kind that this version knows")? {
            Kind::Webhook(webhook) => ChannelKind::Webhook {
                shown: webhook.shown,
                url: Sealed(webhook.sealed_url.into()),
                secret: Sealed(webhook.sealed_secret.into()),
            },
            Kind::Slack(post) => ChannelKind::Slack {
                shown: post.shown,
                url: Sealed(post.sealed_url.into()),
            },
            Kind::Discord(post) => ChannelKind::Discord {
                shown: post.shown,
                url: Sealed(post.sealed_url.into()),
            },
            Kind::Email(email) => ChannelKind::Email { to: email.to },
            Kind::Inbox(Inbox {}) => ChannelKind::Inbox,
        };
        let fallback = m.fallback.map(|c| id(&c, ChannelId::from_bytes));
        Ok(Self {
            id: id(&m.id, ChannelId::from_bytes)?,
            name: name(&m.name)?,
            kind,
            fallback: fallback.transpose()?,
            disabled: m.disabled,
            created_at: time(m.created_ms),
            version: m.version,
        })
    }
}

fn post(shown: &str, url: &Sealed) -> Post {
    Post {
        shown: shown.to_owned(),
        sealed_url: Bytes::copy_from_slice(&url.0),
    }
}

impl Stored for Route {
    type Message = pb::Route;
    const NAME: &'static str = "route";

    fn to_message(&self) -> pb::Route {
        pb::Route {
            id: raw(self.id.as_bytes()),
            name: self.name.as_str().to_owned(),
            severity: self.severity.iter().map(ToString::to_string).collect(),
            labels: self.labels.clone().into_iter().collect(),
            monitors: self.monitors.iter().map(ToString::to_string).collect(),
            events: self.events.clone(),
            scopes: self.scopes.iter().map(ToString::to_string).collect(),
            to: self.to.iter().map(|c| raw(c.as_bytes())).collect(),
            created_ms: self.created_at.as_millis(),
            version: self.version,
            then: self.then.iter().map(step_message).collect(),
        }
    }

    fn from_message(m: pb::Route) -> Result<Self, Invalid> {
        let channel = |c: &Bytes| id(c, ChannelId::from_bytes);
        Ok(Self {
            id: id(&m.id, RouteId::from_bytes)?,
            name: name(&m.name)?,
            severity: m
                .severity
                .iter()
                .map(|s| word(s))
                .collect::<Result<_, _>>()?,
            labels: m.labels.into_iter().collect(),
            monitors: m
                .monitors
                .iter()
                .map(|n| name(n))
                .collect::<Result<_, _>>()?,
            events: m.events,
            scopes: m.scopes.iter().map(|s| word(s)).collect::<Result<_, _>>()?,
            to: m.to.iter().map(channel).collect::<Result<_, _>>()?,
            then: m.then.iter().map(step).collect::<Result<_, _>>()?,
            created_at: time(m.created_ms),
            version: m.version,
        })
    }
}

fn step_message(step: &Step) -> route::Step {
    route::Step {
        after_ms: u64::try_from(step.after.as_millis()).unwrap_or(u64::MAX),
        to: step.to.iter().map(|c| raw(c.as_bytes())).collect(),
    }
}

fn step(m: &route::Step) -> Result<Step, Invalid> {
    let to = m.to.iter().map(|c| id(c, ChannelId::from_bytes));
    Ok(Step {
        after: Duration::from_millis(m.after_ms),
        to: to.collect::<Result<_, _>>()?,
    })
}
