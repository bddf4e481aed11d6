//! Everything that an owner is told beside live results, put to the core one by one.
//!
//! Nothing leaves here: what follows is gathered for the group's commit.

use std::sync::Arc;

use vigilmon_common::decide::{Input, MonitorState, Refusal, Status, View};
use vigilmon_common::id::{AgentId, MonitorId};
use vigilmon_common::monitor::Monitor;
use vigilmon_common::notify::row::{Row, RowSubject};
use vigilmon_common::time::Time;
use vigilmon_common::vote::SummaryEntry;

use super::{
    Deed, DeedKind, Owner, STEPS_AGAIN, STEPS_WARM_UP, ShardMessage, TieChange, target_host,
};
use crate::engine::command::CommandError;
use crate::engine::consequences::{Consequences, not_open};
use crate::store::{Change, RegionResult};

impl Owner {
    /// Step 2 for everything that is not a live result.
    pub(super) fn take(&mut self, message: ShardMessage, now: Time, out: &mut Consequences) {
        match message {
            ShardMessage::Results { .. } => {}
            ShardMessage::Replay(results) => {
                for RegionResult { result, .. } in &results {
                    let watched = self.monitors.get(&result.monitor);
                    if watched.is_some_and(|watched| result.started > watched.settled) {
                        let _ = self.decide(result.monitor, Input::Result(result), now, out);
                    }
                }
            }
            ShardMessage::Summary { agent, entries } => self.summary(agent, entries, now, out),
            ShardMessage::Ties(changes) => {
                for change in changes {
                    self.tie(change, now, out);
                }
            }
            ShardMessage::Saved(monitor) => self.saved(monitor, now, out),
            ShardMessage::Removed { monitor, done } => {
                let _ = self.decide(monitor, Input::Removed, now, out);
                // What closed it is committed from here; the monitor's own record by the fleet.
                self.briefs.retain(|(id, _)| *id != monitor);
                self.env.board.remove(monitor);
                if let Some(gone) = self.monitors.remove(&monitor) {
                    out.changes
                        .push(Change::PutDurable(monitor, Box::new(gone.state.durable())));
                }
                out.save.remove(&monitor);
                out.replies.push(Box::new(move || {
                    // Whoever asked may have gone.
                    let _ = done.send(());
                }));
            }
            ShardMessage::Deed(deed) => self.deed(deed, now, out),
            ShardMessage::StepDue { monitor, row } => self.step_due(monitor, *row, now, out),
            ShardMessage::Views { of, reply } => {
                let views = self.views(of, now);
                out.replies.push(Box::new(move || drop(reply.send(views))));
            }
        }
    }

    fn summary(
        &mut self,
        agent: AgentId,
        entries: Vec<SummaryEntry>,
        now: Time,
        out: &mut Consequences,
    ) {
        let mut open = Vec::new();
        for entry in entries {
            let monitor = entry.monitor;
            let _ = self.decide(monitor, Input::Summary { agent, entry }, now, out);
            if self
                .monitors
                .get(&monitor)
                .is_some_and(|w| w.state.incident().is_some())
            {
                open.push(monitor);
            }
        }
        // After a start each agent is asked once more about what is open.
        if !open.is_empty() && self.asked_again.insert(agent) {
            self.env.dispatch.ask_summary(agent, open);
        }
    }

    fn tie(&mut self, change: TieChange, now: Time, out: &mut Consequences) {
        let TieChange {
            monitor,
            agent,
            region,
            tie,
        } = change;
        let _ = self.decide(monitor, Input::Agent { agent, region, tie }, now, out);
    }

    fn saved(&mut self, monitor: Arc<Monitor>, now: Time, out: &mut Consequences) {
        if let Some(watched) = self.monitors.get_mut(&monitor.id) {
            watched.host = target_host(&monitor);
            watched.monitor = Arc::clone(&monitor);
        } else {
            let state = MonitorState::new(&monitor, Default::default(), self.env.epoch, now);
            self.adopt(Arc::clone(&monitor), state);
        }
        let _ = self.decide(monitor.id, Input::Saved(&monitor), now, out);
    }

    fn deed(&mut self, deed: Deed, now: Time, out: &mut Consequences) {
        let monitor = deed.monitor;
        let open = self.monitors.get(&monitor).and_then(|w| w.state.incident());
        let open = open.map(|open| open.id);
        out.deed(deed, open, now, |what, by, out| {
            let input = match what {
                DeedKind::Acknowledge(note) => Input::Acknowledge { by, note },
                DeedKind::Resolve(force) => Input::Resolve { by, force },
                DeedKind::Comment(note) => Input::Comment { by, note },
            };
            self.decide(monitor, input, now, out)
                .map_err(|refusal| match refusal {
                    Refusal::NotOpen => not_open(monitor),
                    Refusal::StillDown { .. } => CommandError::Refused {
                        message: self.still_down(monitor, &refusal),
                        hint: "acknowledge it (`incident ack`), pause the monitor, or add --force"
                            .to_owned(),
                    },
                })
        });
    }

    fn step_due(&mut self, monitor: MonitorId, row: Row, now: Time, out: &mut Consequences) {
        let is_early = now < self.started + STEPS_WARM_UP;
        let Some(watched) = self.monitors.get_mut(&monitor) else {
            out.step(&self.env, row, None, now);
            return;
        };
        let open = watched.state.incident();
        let is_it = open.is_some_and(|open| row.subject == RowSubject::Incident(open.id));
        // Nobody has seen it since the start: what it says is as old as the last one.
        if is_it && is_early && watched.state.view(now).status == Status::Unknown {
            let next_at = now + STEPS_AGAIN;
            out.row(Row { next_at, ..row });
            return;
        }
        if let Some((incident, told)) = out.step(&self.env, row, open, now) {
            watched.state.note_told(incident, told);
        }
    }

    fn still_down(&self, monitor: MonitorId, refusal: &Refusal) -> String {
        let name = self
            .monitors
            .get(&monitor)
            .map_or("", |w| w.monitor.spec.name.as_str());
        format!("the incident of `{name}` cannot be resolved: {refusal}")
    }

    fn views(&self, of: Option<Vec<MonitorId>>, now: Time) -> Vec<(MonitorId, View)> {
        match of {
            None => self
                .monitors
                .iter()
                .map(|(&id, w)| (id, w.state.view(now)))
                .collect(),
            Some(ids) => ids
                .into_iter()
                .filter_map(|id| Some((id, self.monitors.get(&id)?.state.view(now))))
                .collect(),
        }
    }
}
