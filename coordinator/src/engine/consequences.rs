//! What a group of messages brings about: gathered while an owner applies it, committed in one
//! batch, and only then handed over. Shared by all owners of incidents.

use std::collections::{BTreeMap, BTreeSet};

use vigilmon_common::id::{ChannelId, IncidentId, MonitorId};
use vigilmon_common::incident::{Incident, Told};
use vigilmon_common::notify::plan::plan;
use vigilmon_common::notify::row::{Row, RowState, RowSubject};
use vigilmon_common::notify::steps;
use vigilmon_common::time::Time;
use vigilmon_runtime::fault;

use super::audit;
use super::command::{Actor, CommandError, Object};
use super::env::Env;
use super::events;
use super::owner::{Deed, DeedKind};
use crate::store::Change;

/// See the module.
#[derive(Default)]
pub(crate) struct Consequences {
    /// Incidents that changed, in the order of their changes.
    pub(crate) incidents: Vec<Incident>,
    /// Messages that are to be sent.
    pub(crate) rows: Vec<Row>,
    /// Whose durable state must be saved.
    pub(crate) save: BTreeSet<MonitorId>,
    /// What else is committed.
    pub(crate) changes: Vec<Change>,
    /// Answers, given after the commit.
    pub(crate) replies: Vec<Box<dyn FnOnce() + Send>>,
    /// Whether something changed that a page may show.
    pub(crate) seen: bool,
}

/// Whom an incident's last transition was told to, within one input: a late deadline and the input
/// itself may each move it, both decided before anybody was told of the first.
pub(crate) type ToldOf = Option<(IncidentId, Vec<Told>)>;

impl Consequences {
    /// An incident made a transition: who is told, the event, the log line. Whom it was told to is
    /// left in `told`, for the state that owns the incident.
    pub(crate) fn transition(
        &mut self,
        env: &Env,
        (id, notify): (MonitorId, &[ChannelId]),
        mut incident: Incident,
        told: &mut ToldOf,
        now: Time,
    ) {
        if let Some((_, told)) = told.take_if(|(of, _)| *of == incident.id) {
            incident.told = told;
        }
        let directory = env.notify_directory.load();
        let mut next = || env.rows.next();
        let rows = plan(&mut incident, notify, &directory, now, &mut next);
        *told = Some((incident.id, incident.told.clone()));
        log_transition(&incident, &rows);
        let event = events::change(&incident, &directory.public_url);
        self.changes.extend(event);
        self.rows.extend(rows);
        self.incidents.push(incident);
        self.save.insert(id);
        self.seen = true;
    }

    /// Somebody does something to what is open; `decide` puts it to the core.
    pub(crate) fn deed(
        &mut self,
        deed: Deed,
        open: Option<IncidentId>,
        now: Time,
        decide: impl FnOnce(DeedKind, String, &mut Self) -> Result<(), CommandError>,
    ) {
        let Deed {
            monitor,
            incident,
            by,
            what,
            reply,
        } = deed;
        let answer = if open == Some(incident) {
            self.done(monitor, &by, what, now, decide)
        } else {
            // What is meant ended while the deed waited, and another may have begun.
            Err(not_open(monitor))
        };
        self.replies
            .push(Box::new(move || drop(reply.send(answer))));
    }

    fn done(
        &mut self,
        monitor: MonitorId,
        by: &Actor,
        what: DeedKind,
        now: Time,
        decide: impl FnOnce(DeedKind, String, &mut Self) -> Result<(), CommandError>,
    ) -> Result<Incident, CommandError> {
        let action = what.action();
        decide(what, by.name.clone(), self)?;
        let incident = self.incidents.last().ok_or_else(|| not_open(monitor))?;
        let object = format!("incident {}", incident.id);
        self.changes
            .push(audit::entry(by, action, &object, "", "", now));
        Ok(incident.clone())
    }

    /// Decides on a step as its incident stands, `open`. Whom it was told to is returned, for the
    /// state that owns the incident. Acknowledgements come by the same mailbox: either is committed
    /// before the other is looked at.
    pub(crate) fn step(
        &mut self,
        env: &Env,
        row: Row,
        open: Option<&Incident>,
        now: Time,
    ) -> ToldOf {
        let open = open.filter(|open| row.subject == RowSubject::Incident(open.id));
        let Some(open) = open else {
            self.row(steps::withdraw(row, steps::OVER));
            return None;
        };
        let mut incident = open.clone();
        let directory = env.notify_directory.load();
        let row = steps::fire(row, &mut incident, &directory, now);
        let told = (incident.id, incident.told.clone());
        self.incidents.push(incident);
        self.row(row);
        Some(told)
    }

    /// A step was decided on.
    pub(crate) fn row(&mut self, row: Row) {
        log_step(&row);
        self.rows.push(row);
        self.seen = true;
    }

    /// What must last is committed in one batch: what was gathered, then incidents as they stand,
    /// then `durables`, then messages.
    pub(crate) async fn commit(
        &mut self,
        env: &Env,
        durables: impl IntoIterator<Item = Change>,
    ) -> anyhow::Result<()> {
        let mut changes = std::mem::take(&mut self.changes);
        let mut newest: BTreeMap<_, &Incident> = BTreeMap::new();
        for incident in &self.incidents {
            newest.insert(incident.id, incident);
        }
        let incidents = newest.into_values().cloned().map(Box::new);
        changes.extend(incidents.map(Change::PutIncident));
        changes.extend(durables);
        let rows = self.rows.iter().cloned().map(Box::new);
        changes.extend(rows.map(Change::PutRow));
        if changes.is_empty() {
            return Ok(());
        }
        fault::point("before-commit");
        let events = env.events.begin(&changes);
        let commit = env.stores.state.commit(changes).await?;
        fault::point("after-commit");
        if let Some(events) = events {
            events.committed(commit);
        }
        Ok(())
    }

    /// What is on the disk may be told.
    pub(crate) fn hand_over(self, env: &Env) {
        for incident in self.incidents {
            env.incidents.put(incident);
        }
        if !self.rows.is_empty() {
            env.notifier.added(self.rows);
        }
        for reply in self.replies {
            reply();
        }
        if self.seen {
            env.changed.send_modify(|n| *n += 1);
        }
    }
}

/// There is no such open incident.
pub(crate) fn not_open(monitor: MonitorId) -> CommandError {
    CommandError::NotFound {
        object: Object::Incident,
        reference: format!("of monitor {monitor}"),
    }
}

fn log_transition(incident: &Incident, rows: &[Row]) {
    let messages = rows.iter().filter(|row| !row.is_waiting()).count();
    if let Some(last) = incident.transitions.last() {
        tracing::info!(
            incident = %incident.id,
            transition = %last.kind,
            scope = %incident.scope,
            reason = %incident.reason.code,
            messages,
            "incident changed"
        );
    }
}

/// Says what became of a step whose time had come.
pub(crate) fn log_step(row: &Row) {
    let (channel, key) = (&row.channel, &row.key);
    match &row.state {
        RowState::Suppressed(reason) => {
            tracing::info!(%channel, key, reason, "step not sent");
        }
        _ if row.is_waiting() => {
            let to = row.next_at.to_rfc3339();
            tracing::info!(%channel, key, to, "step put off");
        }
        _ => tracing::info!(%channel, key, "step sent on its way"),
    }
}
