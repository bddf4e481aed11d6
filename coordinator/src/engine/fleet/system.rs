//! System incidents: opened and closed by their causes, told by routes that name `system`, else
//! by every channel.

use vigilmon_common::decide::Status;
use vigilmon_common::fleet::presence::Effect;
use vigilmon_common::fleet::system::{self, Cause, cause_key};
use vigilmon_common::id::{ChannelId, IncidentId};
use vigilmon_common::incident::{Incident, Standing};
use vigilmon_common::name::Region;
use vigilmon_common::notify::plan::plan;
use vigilmon_common::notify::row::{Row, RowSubject};
use vigilmon_common::notify::steps;
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::time::Time;

use tokio::sync::oneshot;

use super::{Failure, Fleet};
use crate::engine::audit;
use crate::engine::command::{Actor, CommandError, Object};
use crate::engine::consequences::log_step;
use crate::engine::events;
use crate::engine::handle::not_found;
use crate::engine::owner::{DeedKind, ShardMessage};
use crate::store::Change;

impl Fleet {
    pub(super) async fn presence_effects(
        &mut self,
        effects: Vec<Effect>,
        now: Time,
    ) -> Result<(), Failure> {
        for effect in effects {
            match effect {
                Effect::Lost { region, since } => self.region_lost(&region, since, now).await?,
                Effect::Back { region } => {
                    let key = cause_key(ReasonCode::RegionLost, region.as_str());
                    self.close_system(&key, now).await?;
                }
            }
        }
        Ok(())
    }

    async fn region_lost(
        &mut self,
        region: &Region,
        since: Time,
        now: Time,
    ) -> Result<(), Failure> {
        let (affected, down, unknown) = self.affected(region).await;
        let shown = self.directory.read().display_name(region);
        let count = self.monitored.get(region).copied().unwrap_or_default();
        let mut summary = format!("{shown} has no agent; {count} monitors are watched from it");
        if down > 0 {
            summary.push_str(&format!(", {down} seen down by other regions"));
        }
        if unknown > 0 {
            summary.push_str(&format!(", {unknown} now unknown"));
        }
        let cause = Cause {
            code: ReasonCode::RegionLost,
            about: region.as_str().to_owned(),
            summary,
            affected,
            since,
        };
        self.open_system(cause, now).await
    }

    /// Monitors of a lost region that suffer: first those that others see Down, then those that
    /// are Unknown; and how many of each.
    async fn affected(&self, region: &Region) -> (Vec<String>, usize, usize) {
        let (mut down, mut unknown) = (Vec::new(), Vec::new());
        for owner in self.owners.iter() {
            let (reply, answer) = oneshot::channel();
            if owner
                .send(ShardMessage::Views { of: None, reply })
                .await
                .is_err()
            {
                continue;
            }
            for (id, view) in answer.await.unwrap_or_default() {
                if !view.regions.iter().any(|r| r.region == *region) {
                    continue;
                }
                let directory = self.directory.read();
                let Some(monitor) = directory.monitor_by_id(id) else {
                    continue;
                };
                let name = monitor.spec.name.as_str().to_owned();
                if view.regions.iter().any(|r| r.standing == Standing::Failing) {
                    down.push(name);
                } else if view.status == Status::Unknown {
                    unknown.push(name);
                }
            }
        }
        down.sort();
        unknown.sort();
        let counts = (down.len(), unknown.len());
        down.extend(unknown);
        (down, counts.0, counts.1)
    }

    pub(super) async fn channel_failing(
        &mut self,
        channel: ChannelId,
        failing: Option<String>,
    ) -> Result<(), Failure> {
        let now = self.env.clock.now();
        let name = {
            let directory = self.directory.read();
            directory
                .channels()
                .get(&channel)
                .map(|c| c.name.as_str().to_owned())
        };
        let Some(name) = name else { return Ok(()) };
        let Some(error) = failing else {
            let key = cause_key(ReasonCode::ChannelFailing, &name);
            return self.close_system(&key, now).await;
        };
        let cause = Cause {
            code: ReasonCode::ChannelFailing,
            summary: format!("channel {name} fails: {error}"),
            about: name,
            affected: Vec::new(),
            since: now,
        };
        self.open_system(cause, now).await
    }

    pub(super) async fn open_system(&mut self, cause: Cause, now: Time) -> Result<(), Failure> {
        let key = cause.key();
        if self.system.contains_key(&key) {
            return Ok(());
        }
        let generation = self.generations.get(&key).copied().unwrap_or_default() + 1;
        let incident = system::open(cause, self.env.epoch, generation, now);
        self.generations.insert(key.clone(), generation);
        let first = vec![Change::PutGeneration(key, generation)];
        self.system_changed(incident, first, now).await
    }

    pub(super) async fn close_system(&mut self, key: &str, now: Time) -> Result<(), Failure> {
        let Some(mut incident) = self.system.get(key).cloned() else {
            return Ok(());
        };
        system::resolve(&mut incident, None, now);
        self.system_changed(incident, Vec::new(), now).await
    }

    pub(super) async fn system_deed(
        &mut self,
        by: Actor,
        id: IncidentId,
        what: DeedKind,
    ) -> Result<Incident, Failure> {
        let now = self.env.clock.now();
        let found = self.system.values().find(|i| i.id == id).cloned();
        let Some(mut incident) = found else {
            return Err(not_found(Object::Incident, &id.to_string()).into());
        };
        let action = what.action();
        match what {
            DeedKind::Acknowledge(note) => {
                system::acknowledge(&mut incident, by.name.clone(), &note, now);
            }
            DeedKind::Comment(note) => {
                system::comment(&mut incident, by.name.clone(), &note, now);
            }
            DeedKind::Resolve(true) => {
                system::resolve(&mut incident, Some(by.name.clone()), now);
            }
            DeedKind::Resolve(false) => {
                return Err(CommandError::Refused {
                    message: format!("incident {id} is not over: {}", incident.reason),
                    hint: "acknowledge it (`incident ack`), or add --force".to_owned(),
                }
                .into());
            }
        }
        let first = vec![audit::entry(
            &by,
            action,
            &format!("incident {id}"),
            "",
            "",
            now,
        )];
        self.system_changed(incident.clone(), first, now).await?;
        Ok(incident)
    }

    /// Decides on a step of a system incident.
    pub(super) async fn step_due(&mut self, row: Row) -> anyhow::Result<()> {
        let now = self.env.clock.now();
        let open = self.system.iter_mut();
        let is_it = |i: &Incident| row.subject == RowSubject::Incident(i.id);
        let found = open.map(|(_, incident)| incident).find(|i| is_it(i));
        let (row, incident) = match found {
            None => (steps::withdraw(row, steps::OVER), None),
            Some(incident) => {
                let directory = self.env.notify_directory.load();
                let row = steps::fire(row, incident, &directory, now);
                (row, Some(incident.clone()))
            }
        };
        let mut changes = vec![Change::PutRow(Box::new(row.clone()))];
        let told = incident.iter().cloned().map(Box::new);
        changes.extend(told.map(Change::PutIncident));
        self.env.stores.state.commit(changes).await?;
        log_step(&row);
        if let Some(incident) = incident {
            self.env.incidents.put(incident);
        }
        self.env.notifier.added(vec![row]);
        self.changed();
        Ok(())
    }

    /// Commits a system incident with the messages that its last transition makes.
    async fn system_changed(
        &mut self,
        mut incident: Incident,
        mut changes: Vec<Change>,
        now: Time,
    ) -> Result<(), Failure> {
        let directory = self.env.notify_directory.load_full();
        let rows = plan(&mut incident, &[], &directory, now, &mut || {
            self.env.rows.next()
        });
        changes.push(Change::PutIncident(Box::new(incident.clone())));
        changes.extend(rows.iter().map(|row| Change::PutRow(Box::new(row.clone()))));
        changes.extend(events::change(&incident, &directory.public_url));
        self.commit(changes).await?;
        tracing::warn!(
            incident = %incident.id,
            reason = %incident.reason.code,
            status = %incident.status,
            "system incident changed"
        );
        if let Some(key) = system::key_of(&incident) {
            if incident.is_open() {
                self.system.insert(key, incident.clone());
            } else {
                self.system.remove(&key);
            }
        }
        self.env.incidents.put(incident);
        if !rows.is_empty() {
            self.env.notifier.added(rows);
        }
        self.changed();
        Ok(())
    }
}
