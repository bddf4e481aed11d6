//! Commands on monitors.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::oneshot;
use vigilmon_common::fleet::presence;
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::draft::{Known, MonitorDraft};
use vigilmon_common::monitor::{Monitor, MonitorSpec};
use vigilmon_common::name::Region;
use vigilmon_common::problem::Problems;
use vigilmon_common::time::Time;
use vigilmon_runtime::random;

use super::assign::Reassigned;
use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object, same_version};
use crate::engine::handle::not_found;
use crate::engine::owner::{ShardMessage, TieChange};
use crate::store::Change;

impl Fleet {
    pub(super) async fn create_monitor(
        &mut self,
        by: &Actor,
        draft: MonitorDraft,
    ) -> Result<Arc<Monitor>, Failure> {
        let spec = self.check(&draft)?;
        self.refuse_taken(&spec.name, None)?;
        let now = self.env.clock.now();
        let (at, random) = random::for_id(now);
        let monitor = Monitor::new(MonitorId::new(at, random), spec, now);
        self.save(by, "monitor.create", monitor, None, now).await
    }

    pub(super) async fn update_monitor(
        &mut self,
        by: &Actor,
        reference: &str,
        patch: MonitorDraft,
        etag: Option<u64>,
    ) -> Result<Arc<Monitor>, Failure> {
        let former = self.find(reference, etag)?;
        let spec = self.check(&MonitorDraft::edited(&former.spec, patch))?;
        self.refuse_taken(&spec.name, Some(former.id))?;
        if spec == former.spec {
            return Ok(former);
        }
        let now = self.env.clock.now();
        let monitor = Monitor {
            spec,
            ..former.saved_again(now)
        };
        self.save(by, "monitor.update", monitor, Some(&former), now)
            .await
    }

    pub(super) async fn pause_monitor(
        &mut self,
        by: &Actor,
        reference: &str,
        paused: bool,
    ) -> Result<Arc<Monitor>, Failure> {
        let former = self.find(reference, None)?;
        if former.paused == paused {
            return Ok(former);
        }
        let now = self.env.clock.now();
        let monitor = Monitor {
            paused,
            ..former.saved_again(now)
        };
        let action = if paused {
            "monitor.pause"
        } else {
            "monitor.resume"
        };
        self.save(by, action, monitor, Some(&former), now).await
    }

    pub(super) async fn remove_monitor(
        &mut self,
        by: &Actor,
        reference: &str,
        etag: Option<u64>,
    ) -> Result<(), Failure> {
        let former = self.find(reference, etag)?;
        // What is open closes first: a crash between leaves a monitor without an incident, never
        // an incident without a monitor.
        let (done, closed) = oneshot::channel();
        self.tell(
            former.id,
            ShardMessage::Removed {
                monitor: former.id,
                done,
            },
        )
        .await;
        closed.await.map_err(|_| CommandError::stopping())?;
        let now = self.env.clock.now();
        let reassigned = self.assignments.reassign([], &[former.id], now);
        let object = format!("monitor {}", former.id);
        let mut changes = vec![
            Change::RemoveMonitor(former.id),
            audit::entry(
                by,
                "monitor.remove",
                &object,
                former.spec.name.as_str(),
                "",
                now,
            ),
        ];
        changes.extend(reassigned.changes.iter().cloned());
        self.commit(changes).await?;
        self.directory.write().remove_monitor(former.id);
        self.count_monitors([(None, Some(&*former))], now).await?;
        self.announce(reassigned).await;
        Ok(())
    }

    /// Commits a saved monitor and tells everybody whom it concerns.
    async fn save(
        &mut self,
        by: &Actor,
        action: &str,
        monitor: Monitor,
        former: Option<&Monitor>,
        now: Time,
    ) -> Result<Arc<Monitor>, Failure> {
        let reassigned = self.assignments.reassign([&monitor], &[], now);
        let object = format!("monitor {}", monitor.id);
        let mut changes = vec![
            Change::PutMonitor(Box::new(monitor.clone())),
            audit::entry(by, action, &object, monitor.spec.name.as_str(), "", now),
        ];
        changes.extend(reassigned.changes.iter().cloned());
        self.commit(changes).await?;
        let monitor = Arc::new(monitor);
        self.directory.write().put_monitor(Arc::clone(&monitor));
        self.tell(monitor.id, ShardMessage::Saved(Arc::clone(&monitor)))
            .await;
        self.count_monitors([(Some(&*monitor), former)], now)
            .await?;
        self.announce(reassigned).await;
        Ok(monitor)
    }

    /// Tells shard owners, then agents, what a reassignment moved.
    pub(super) async fn announce(&mut self, reassigned: Reassigned) {
        let mut changes: Vec<Vec<TieChange>> = self.owners.iter().map(|_| Vec::new()).collect();
        for moved in reassigned.moved {
            let owner = crate::engine::handle::owner_of(moved.monitor, self.owners.len());
            changes[owner].push(TieChange {
                monitor: moved.monitor,
                agent: moved.agent,
                region: moved.region,
                tie: moved.tie,
            });
        }
        for (owner, changes) in self.owners.iter().zip(changes) {
            if !changes.is_empty() {
                // An error says that the engine stops.
                let _ = owner.send(ShardMessage::Ties(changes)).await;
            }
        }
        let mut directory = self.directory.write();
        for (agent, delta) in reassigned.deltas {
            if let Some(view) = directory.agents_mut().get_mut(&agent) {
                view.monitors = self.assignments.count(agent);
            }
            self.env.dispatch.delta(agent, delta);
        }
        drop(directory);
        self.changed();
    }

    /// Keeps count of what each region has to watch, as monitors come, change and go.
    pub(super) async fn count_monitors<'a>(
        &mut self,
        changed: impl IntoIterator<Item = (Option<&'a Monitor>, Option<&'a Monitor>)>,
        now: Time,
    ) -> Result<(), Failure> {
        let mut moved = BTreeSet::new();
        for (now_is, was) in changed {
            let (after, before) = (watching(now_is), watching(was));
            for region in after.iter().filter(|r| !before.contains(r)) {
                *self.monitored.entry(region.clone()).or_default() += 1;
                moved.insert(region.clone());
            }
            for region in before.iter().filter(|r| !after.contains(r)) {
                let count = self.monitored.entry(region.clone()).or_default();
                *count = count.saturating_sub(1);
                moved.insert(region.clone());
            }
        }
        for region in moved {
            self.tell_presence_monitors(&region, now).await?;
        }
        Ok(())
    }

    async fn tell_presence_monitors(&mut self, region: &Region, now: Time) -> Result<(), Failure> {
        let count = self.monitored.get(region).copied().unwrap_or_default();
        let effects = self
            .presence
            .on(region, presence::Input::Monitors(count), now);
        self.presence_effects(effects, now).await
    }

    fn check(&self, draft: &MonitorDraft) -> Result<MonitorSpec, Problems> {
        let directory = self.directory.read();
        let regions: Vec<Region> = directory.regions().keys().cloned().collect();
        let channels = directory.channel_names();
        draft.check(&Known {
            regions: Some(&regions),
            channels: Some(&channels),
            addresses: self.env.probe_addresses.as_deref(),
        })
    }

    fn find(&self, reference: &str, etag: Option<u64>) -> Result<Arc<Monitor>, CommandError> {
        let found = self.directory.read().monitor(reference).cloned();
        let found = found.ok_or_else(|| not_found(Object::Monitor, reference))?;
        same_version(etag, found.version, Object::Monitor, reference)?;
        Ok(found)
    }
}

/// The regions that watch a monitor; none while it is paused.
fn watching(monitor: Option<&Monitor>) -> &[Region] {
    monitor
        .filter(|m| !m.paused)
        .map_or(&[], |m| &m.spec.regions)
}
