//! Commands on channels.

use std::sync::Arc;

use vigilmon_common::fleet::system::cause_key;
use vigilmon_common::heartbeat::Heartbeat;
use vigilmon_common::id::ChannelId;
use vigilmon_common::name::Name;
use vigilmon_common::notify::channel::{Channel, ChannelKind, Route, check_fallback};
use vigilmon_common::notify::plan;
use vigilmon_common::notify::row::{Purpose, Row, RowState, RowSubject};
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::problem::Problems;
use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object, same_version};
use crate::engine::handle::not_found;
use crate::store::{Change, DeliveryRecord};

/// What of a channel changes; what is absent stays.
#[derive(Clone, Debug, Default)]
pub struct ChannelChange {
    /// A new name.
    pub name: Option<Name>,
    /// A new kind, checked and sealed.
    pub kind: Option<ChannelKind>,
    /// A new fallback, by name or id; empty: none.
    pub fallback: Option<String>,
}

/// A settled message as a row of its own: the same key and body, tried anew. It owes nobody a copy.
fn row_again(record: DeliveryRecord, id: u64, now: Time) -> Option<Row> {
    let kept = record.message?;
    Some(Row {
        id,
        subject: match record.incident {
            Some(incident) => RowSubject::Incident(incident),
            None => RowSubject::Test(record.key.clone()),
        },
        key: record.key,
        seq: kept.seq,
        channel: record.channel,
        purpose: kept.copy_of.map_or(Purpose::Notice, Purpose::Fallback),
        event: record.event,
        body: kept.body,
        region_names: kept.region_names,
        created_at: now,
        attempts: 0,
        next_at: now,
        state: RowState::Pending,
        fallback: None,
        fell_back: false,
        first_failed_at: None,
        last_error: String::new(),
    })
}

impl Fleet {
    pub(super) async fn create_channel(
        &mut self,
        by: &Actor,
        name: Name,
        kind: ChannelKind,
        fallback: Option<String>,
    ) -> Result<Channel, Failure> {
        self.refuse_taken_channel(&name, None)?;
        let now = self.env.clock.now();
        let (at, random) = random::for_id(now);
        let id = ChannelId::new(at, random);
        let fallback = self.fallback(id, fallback.as_deref())?;
        let channel = Channel {
            id,
            name,
            kind,
            fallback,
            disabled: None,
            created_at: now,
            version: 1,
        };
        self.save_channel(by, "channel.create", channel).await
    }

    pub(super) async fn update_channel(
        &mut self,
        by: &Actor,
        reference: &str,
        change: ChannelChange,
        etag: Option<u64>,
    ) -> Result<Channel, Failure> {
        let mut channel = self.find_channel(reference)?;
        let former = channel.name.clone();
        same_version(etag, channel.version, Object::Channel, reference)?;
        if let Some(name) = change.name {
            self.refuse_taken_channel(&name, Some(channel.id))?;
            channel.name = name;
        }
        if let Some(kind) = change.kind {
            channel.kind = kind;
        }
        if let Some(fallback) = change.fallback {
            let wanted = Some(fallback.as_str()).filter(|f| !f.is_empty());
            channel.fallback = self.fallback(channel.id, wanted)?;
        }
        channel.disabled = None;
        channel.version += 1;
        let saved = self.save_channel(by, "channel.update", channel).await?;
        if saved.name != former {
            self.no_longer_failing(&former, self.env.clock.now())
                .await?;
        }
        Ok(saved)
    }

    /// Nothing will say that a channel of this name works again: what is open about it ends.
    async fn no_longer_failing(&mut self, name: &Name, now: Time) -> Result<(), Failure> {
        let key = cause_key(ReasonCode::ChannelFailing, name.as_str());
        self.close_system(&key, now).await
    }

    pub(super) async fn remove_channel(
        &mut self,
        by: &Actor,
        reference: &str,
    ) -> Result<(), Failure> {
        let channel = self.find_channel(reference)?;
        let users = self.users_of(channel.id);
        if !users.is_empty() {
            return Err(CommandError::Refused {
                message: format!(
                    "channel `{}` is named by {}",
                    channel.name,
                    users.join(", ")
                ),
                hint: "take it out there first".to_owned(),
            }
            .into());
        }
        let now = self.env.clock.now();
        let object = format!("channel {}", channel.id);
        let changes = vec![
            Change::RemoveChannel(channel.id),
            audit::entry(
                by,
                "channel.remove",
                &object,
                channel.name.as_str(),
                "",
                now,
            ),
        ];
        self.commit(changes).await?;
        self.directory.write().remove_channel(channel.id);
        self.publish_directory();
        self.no_longer_failing(&channel.name, now).await
    }

    pub(super) async fn test_channel(
        &mut self,
        by: &Actor,
        reference: &str,
    ) -> Result<String, Failure> {
        let channel = self.find_channel(reference)?;
        let now = self.env.clock.now();
        let nonce = format!("{:016x}", random::number());
        let row = plan::test_row(channel.id, &nonce, self.env.rows.next(), now);
        let key = row.key.clone();
        let object = format!("channel {}", channel.id);
        let changes = vec![
            Change::PutRow(Box::new(row.clone())),
            audit::entry(by, "channel.test", &object, channel.name.as_str(), "", now),
        ];
        self.commit(changes).await?;
        self.env.notifier.added(vec![row]);
        Ok(key)
    }

    /// Puts a settled message into the outbox again, under its key.
    pub(super) async fn resend_delivery(
        &mut self,
        by: &Actor,
        reference: &str,
        record: DeliveryRecord,
    ) -> Result<u64, Failure> {
        let channel = self.find_channel(reference)?;
        let now = self.env.clock.now();
        let id = self.env.rows.next();
        let Some(row) = row_again(record, id, now) else {
            return Err(CommandError::Refused {
                message: "what this message said is not kept".to_owned(),
                hint: "see `vigilmon incident show` for what happened".to_owned(),
            }
            .into());
        };
        let object = format!("channel {}", channel.id);
        let name = channel.name.as_str();
        let changes = vec![
            Change::PutRow(Box::new(row.clone())),
            audit::entry(by, "channel.resend", &object, name, &row.key, now),
        ];
        self.commit(changes).await?;
        self.env.notifier.added(vec![row]);
        Ok(id)
    }

    pub(super) async fn disable_channel(
        &mut self,
        id: ChannelId,
        why: String,
    ) -> Result<(), Failure> {
        let found = self.directory.read().channels().get(&id).cloned();
        let Some(mut channel) = found.filter(|c| c.disabled.is_none()) else {
            return Ok(());
        };
        tracing::warn!(channel = %channel.name, reason = why, "channel disabled");
        channel.disabled = Some(why);
        channel.version += 1;
        self.save_channel(&Actor::coordinator(), "channel.disable", channel)
            .await?;
        Ok(())
    }

    async fn save_channel(
        &mut self,
        by: &Actor,
        action: &str,
        channel: Channel,
    ) -> Result<Channel, Failure> {
        let now = self.env.clock.now();
        let object = format!("channel {}", channel.id);
        let kind = channel.kind.as_str();
        let changes = vec![
            Change::PutChannel(Box::new(channel.clone())),
            audit::entry(by, action, &object, channel.name.as_str(), kind, now),
        ];
        self.commit(changes).await?;
        self.directory.write().put_channel(channel.clone());
        self.publish_directory();
        self.env.notifier.channel_changed(&channel);
        Ok(channel)
    }

    /// What notifications are planned by follows what exists.
    pub(super) fn publish_directory(&self) {
        let directory = self.directory.read();
        let names = directory.regions().values();
        let region_names = names
            .filter_map(|r| Some((r.region.clone(), r.display_name.clone()?)))
            .collect();
        self.env.notify_directory.store(Arc::new(plan::Directory {
            channels: directory.channels().clone(),
            routes: directory.routes().clone(),
            region_names,
            public_url: self.public_url.clone(),
            epoch: self.env.epoch,
        }));
        drop(directory);
        self.changed();
    }

    fn find_channel(&self, reference: &str) -> Result<Channel, CommandError> {
        let directory = self.directory.read();
        let found = directory.channel(reference).cloned();
        found.ok_or_else(|| not_found(Object::Channel, reference))
    }

    fn refuse_taken_channel(
        &self,
        name: &Name,
        own: Option<ChannelId>,
    ) -> Result<(), CommandError> {
        let directory = self.directory.read();
        let taken = directory
            .channels()
            .values()
            .any(|c| c.name == *name && Some(c.id) != own);
        if taken {
            let name = name.as_str().to_owned();
            return Err(CommandError::Exists {
                object: Object::Channel,
                name,
            });
        }
        Ok(())
    }

    fn fallback(
        &self,
        channel: ChannelId,
        wanted: Option<&str>,
    ) -> Result<Option<ChannelId>, Problems> {
        let Some(reference) = wanted else {
            return Ok(None);
        };
        let directory = self.directory.read();
        let Some(found) = directory.channel(reference) else {
            let mut problems = Problems::none();
            problems.add_dangling(
                "fallback",
                format!("channel `{reference}` does not exist"),
                "add it first with `vigilmon channel add`",
            );
            return Err(problems);
        };
        check_fallback(channel, found.id, directory.channels())?;
        Ok(Some(found.id))
    }

    fn users_of(&self, id: ChannelId) -> Vec<String> {
        let directory = self.directory.read();
        let leads_here =
            |r: &&Route| r.to.contains(&id) || r.then.iter().any(|step| step.to.contains(&id));
        let routes = directory.routes().values().filter(leads_here);
        let monitors = directory.monitors().filter(|m| m.spec.notify.contains(&id));
        let names = |h: &&Arc<Heartbeat>| h.spec.notify.contains(&id);
        let heartbeats = directory.heartbeats().filter(names);
        let fallbacks = directory
            .channels()
            .values()
            .filter(|c| c.fallback == Some(id));
        routes
            .map(|r| format!("route `{}`", r.name))
            .chain(monitors.map(|m| format!("monitor `{}`", m.spec.name)))
            .chain(heartbeats.map(|h| format!("heartbeat `{}`", h.spec.name)))
            .chain(fallbacks.map(|c| format!("channel `{}`", c.name)))
            .collect()
    }
}
