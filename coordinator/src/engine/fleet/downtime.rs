//! The system incident of our own downtime: open while heartbeats are listed whose ping may have
//! come while nobody could hear it. Who joins is added without a message of its own.

use vigilmon_common::duration;
use vigilmon_common::fleet::system::{self, Cause, cause_key};
use vigilmon_common::incident::{Incident, Resolution, Subject};
use vigilmon_common::outcome::ReasonCode;
use vigilmon_common::time::Time;

use super::{Failure, Fleet};
use crate::engine::heartbeats::OwnDowntime;
use crate::store::Change;

/// What the incident is about.
const ABOUT: &str = "coordinator";

impl Fleet {
    /// What is listed has changed.
    pub(super) async fn own_downtime(&mut self, known: OwnDowntime) -> Result<(), Failure> {
        let now = self.env.clock.now();
        let key = cause_key(ReasonCode::OwnDowntime, ABOUT);
        let Some(cause) = cause(&known) else {
            return self.close_system(&key, now).await;
        };
        if let Some(open) = self.system.get(&key) {
            let mut incident = open.clone();
            if !system::revise(&mut incident, cause) {
                return Ok(());
            }
            let change = Change::PutIncident(Box::new(incident.clone()));
            self.commit(vec![change]).await?;
            self.system.insert(key, incident.clone());
            self.env.incidents.put(incident);
            self.changed();
            return Ok(());
        }
        // Who was told, and closed it by hand, is told again only of who joins later.
        let closed = self.env.incidents.all();
        let closed = closed.iter().filter(|i| was_closed_by_hand(i));
        let closed = closed.filter_map(|i| i.resolved_at).max();
        if known.joined > closed {
            return self.open_system(cause, now).await;
        }
        Ok(())
    }
}

fn was_closed_by_hand(incident: &Incident) -> bool {
    incident.reason.code == ReasonCode::OwnDowntime
        && matches!(incident.subject, Subject::System(_))
        && incident.resolution == Some(Resolution::Forced)
}

fn cause(known: &OwnDowntime) -> Option<Cause> {
    let spell = known.spell?;
    let (from, to) = (spell.from, spell.to);
    let count = match known.names.len() {
        1 => "1 heartbeat was".to_owned(),
        count => format!("{count} heartbeats were"),
    };
    let summary = match known.is_full {
        true => format!(
            "pings may not get in: every place of the HTTP door has been taken since {} UTC; {count} \
             due since, which is no alarm",
            moment(from),
        ),
        false => format!(
            "no ping could be heard from {} to {} UTC ({}); {count} due then, which is no alarm",
            moment(from),
            moment(to),
            duration::format(seconds(to).since(seconds(from))),
        ),
    };
    Some(Cause {
        code: ReasonCode::OwnDowntime,
        about: ABOUT.to_owned(),
        summary,
        affected: known.names.clone(),
        since: from,
    })
}

/// `2026-03-01 10:02:03`.
fn moment(at: Time) -> String {
    let text = at.to_rfc3339();
    text.get(..19)
        .map_or(text.clone(), |cut| cut.replace('T', " "))
}

/// People need no more.
fn seconds(time: Time) -> Time {
    Time::from_secs(time.as_millis().div_euclid(1000))
}
