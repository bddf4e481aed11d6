//! A plan carried out: everything it saves and removes in one commit, or nothing.

use std::sync::Arc;

use tokio::sync::oneshot;
use vigilmon_common::heartbeat::Heartbeat;
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::time::Time;

use super::api_tokens::DEFAULT_PROJECT;
use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object};
use crate::engine::configuration::{Plan, Save};
use crate::engine::heartbeats::HeartbeatMessage;
use crate::engine::owner::ShardMessage;
use crate::store::Change;

impl Fleet {
    /// Nothing is checked again: the mark says that what the plan was made on still is.
    pub(super) async fn apply_plan(&mut self, by: &Actor, plan: Plan) -> Result<(), Failure> {
        if self.directory.read().configuration_etag() != plan.etag {
            return Err(CommandError::Conflict {
                object: Object::Configuration,
                reference: DEFAULT_PROJECT.to_owned(),
            }
            .into());
        }
        if plan.is_empty() {
            return Ok(());
        }
        self.close_all(&plan.gone).await?;
        let closed = self.close_heartbeats(&plan.gone_heartbeats).await?;
        let now = self.env.clock.now();
        let gone: Vec<MonitorId> = plan.gone.iter().map(|m| m.id).collect();
        let saved = plan.monitors.iter().map(|save| &*save.now);
        let mut reassigned = self.assignments.reassign(saved, &gone, now);
        let mut changes = changes(by, &plan, now);
        changes.append(&mut reassigned.changes);
        self.commit(changes).await?;
        for save in &plan.heartbeats {
            let saved = HeartbeatMessage::Saved(Arc::clone(&save.now));
            self.tell_heartbeats(saved).await;
        }
        self.enter_plan(&plan);
        self.forget_pings(closed).await?;
        for save in &plan.channels {
            self.env.notifier.channel_changed(&save.now);
        }
        for save in &plan.monitors {
            let saved = ShardMessage::Saved(Arc::clone(&save.now));
            self.tell(save.now.id, saved).await;
        }
        let saved = plan
            .monitors
            .iter()
            .map(|save| (Some(&*save.now), save.former.as_deref()));
        let gone = plan.gone.iter().map(|gone| (None, Some(&**gone)));
        self.count_monitors(saved.chain(gone), now).await?;
        self.announce(reassigned).await;
        Ok(())
    }

    /// What is open closes first, as when one monitor is removed.
    async fn close_all(&self, gone: &[Arc<Monitor>]) -> Result<(), Failure> {
        let mut waiting = Vec::with_capacity(gone.len());
        for monitor in gone {
            let (done, closed) = oneshot::channel();
            let removed = ShardMessage::Removed {
                monitor: monitor.id,
                done,
            };
            self.tell(monitor.id, removed).await;
            waiting.push(closed);
        }
        for closed in waiting {
            closed.await.map_err(|_| CommandError::stopping())?;
        }
        Ok(())
    }

    fn enter_plan(&self, plan: &Plan) {
        let mut directory = self.directory.write();
        for save in &plan.regions {
            directory.put_region(save.now.clone());
        }
        for save in &plan.channels {
            directory.put_channel(save.now.clone());
        }
        for save in &plan.routes {
            directory.put_route(save.now.clone());
        }
        for gone in &plan.gone {
            directory.remove_monitor(gone.id);
        }
        for save in &plan.monitors {
            directory.put_monitor(Arc::clone(&save.now));
        }
        for gone in &plan.gone_heartbeats {
            directory.remove_heartbeat(gone.id);
        }
        for save in &plan.heartbeats {
            directory.put_heartbeat(Arc::clone(&save.now));
        }
        drop(directory);
        self.publish_directory();
    }
}

/// What is committed: each object with its audit entry.
fn changes(by: &Actor, plan: &Plan, now: Time) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut enter = |change: Change, kind: &str, what: &str, id: String, name: &str| {
        changes.push(change);
        let (action, object) = (format!("{kind}.{what}"), format!("{kind} {id}"));
        changes.push(audit::entry(by, &action, &object, name, "apply", now));
    };
    for save in &plan.regions {
        let id = save.now.region.to_string();
        let what = if save.former.is_some() { "set" } else { "add" };
        let change = Change::PutRegion(save.now.clone());
        enter(change, "region", what, id.clone(), &id);
    }
    for save in &plan.channels {
        let (id, name) = (save.now.id.to_string(), save.now.name.as_str());
        let change = Change::PutChannel(Box::new(save.now.clone()));
        enter(change, "channel", deed(save, "create"), id, name);
    }
    for save in &plan.routes {
        let (id, name) = (save.now.id.to_string(), save.now.name.as_str());
        let change = Change::PutRoute(Box::new(save.now.clone()));
        enter(change, "route", deed(save, "create"), id, name);
    }
    for save in &plan.monitors {
        let (id, name) = (save.now.id.to_string(), save.now.spec.name.as_str());
        let change = Change::PutMonitor(Box::new(Monitor::clone(&save.now)));
        enter(change, "monitor", deed(save, "create"), id, name);
    }
    for gone in &plan.gone {
        let (id, name) = (gone.id.to_string(), gone.spec.name.as_str());
        let change = Change::RemoveMonitor(gone.id);
        enter(change, "monitor", "remove", id, name);
    }
    for save in &plan.heartbeats {
        let (id, name) = (save.now.id.to_string(), save.now.spec.name.as_str());
        let change = Change::PutHeartbeat(Box::new(Heartbeat::clone(&save.now)));
        enter(change, "heartbeat", deed(save, "create"), id, name);
    }
    for gone in &plan.gone_heartbeats {
        let (id, name) = (gone.id.to_string(), gone.spec.name.as_str());
        let change = Change::RemoveHeartbeat(gone.id);
        enter(change, "heartbeat", "remove", id, name);
    }
    changes
}

fn deed<T>(save: &Save<T>, new: &'static str) -> &'static str {
    if save.former.is_some() { "update" } else { new }
}
