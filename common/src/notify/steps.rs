//! Steps: who else is told when nobody has taken an incident for a while.
//!
//! # The rules
//! - A step is a row that waits in the outbox, made in the commit of the transition that begins it
//!   ([`begin`]): one for each channel that was not told yet, due with the earliest step that leads
//!   there. It counts from the opening, or from the widening: that one begins the steps anew.
//! - When its time comes the incident's owner reads the incident again ([`fire`]) and sends it, as
//!   the incident stands then, or says why not: resolved, acknowledged, told already, another scope
//!   by now, no route that leads there any more. A route that was changed to wait longer is obeyed.
//! - A channel hears of a beginning once. A step never repeats it, but to a fallback that got the
//!   copy of another channel: the copy said so, the step is its own.
//! - Whoever was told by a step hears what follows and the end, like everybody who was told.
//!
//! The owner that commits acknowledgements also commits the firing, one after the other: no step
//! fires after an acknowledgement. One that fired before is delivered, as every row is.
//!
//! # What this module does not do
//! It does not wait: [`crate::notify::delivery`] holds the rows until they are due.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use crate::duration;
use crate::id::ChannelId;
use crate::identity::notification_key;
use crate::incident::{Incident, IncidentStatus, Subject, Told, Transition, TransitionKind};
use crate::notify::body::{Body, Seconds, StepPart};
use crate::notify::channel::{Step, event};
use crate::notify::matching::{About, Case, StepPick, asks_for, joined, steps};
use crate::notify::plan::{Directory, extended, fallback, region_names, tells_own_failure};
use crate::notify::row::{Purpose, Row, RowState, RowSubject};
use crate::problem::Problems;
use crate::time::Time;

/// Most steps of a route.
pub const STEPS_MAX: usize = 10;
/// The earliest step.
pub const AFTER_MIN: Duration = Duration::from_secs(1);
/// The latest step.
pub const AFTER_MAX: Duration = Duration::from_secs(7 * 24 * 3_600);

/// Says what is wrong with a route's steps; `to` are the channels that it leads to at once, `name`
/// tells how the user calls a channel.
pub fn check(
    then: &[Step],
    to: &[ChannelId],
    events: &[String],
    name: &dyn Fn(ChannelId) -> String,
    problems: &mut Problems,
) {
    if then.len() > STEPS_MAX {
        let message = format!("{} steps; a route has at most {STEPS_MAX}", then.len());
        problems.add("then", message, "put channels of near steps together");
    }
    let tells = asks_for(events, event::OPENED) || asks_for(events, event::SYSTEM);
    if !then.is_empty() && !tells {
        let message = "steps tell of a beginning, and this route does not ask for `opened`";
        problems.add("then", message, "add `opened` to its events");
    }
    let mut told: BTreeSet<ChannelId> = to.iter().copied().collect();
    let mut before: Option<Duration> = None;
    for step in then {
        let after = duration::format(step.after);
        if !(AFTER_MIN..=AFTER_MAX).contains(&step.after) {
            let message = format!("a step after {after}");
            problems.add("then", message, "use 1s to 7d");
        }
        if let Some(before) = before.filter(|before| *before >= step.after) {
            let message = format!("{after} comes after {}", duration::format(before));
            problems.add("then", message, "let the steps grow");
        }
        if step.to.is_empty() {
            let message = format!("the step after {after} leads nowhere");
            problems.add("then", message, "name a channel");
        }
        for channel in &step.to {
            if !told.insert(*channel) {
                let name = name(*channel);
                let message = format!("channel `{name}` was told before the step after {after}");
                problems.add("then", message, "a step tells somebody else");
            }
        }
        before = Some(step.after);
    }
}

/// A step for a channel, with what all routes that lead there ask for.
#[derive(Clone, Debug)]
pub struct Wanted<'a> {
    /// The earliest.
    pub first: StepPick<'a>,
    /// The events that the channel then hears of; empty means all.
    pub events: Vec<String>,
}

/// The steps of a case: for each channel that exists and is not told yet the earliest that leads
/// there.
#[must_use]
pub fn wanted<'a>(
    case: &Case<'_>,
    directory: &'a Directory,
    is_told: impl Fn(ChannelId) -> bool,
) -> BTreeMap<ChannelId, Wanted<'a>> {
    let mut wanted: BTreeMap<ChannelId, Wanted<'a>> = BTreeMap::new();
    for step in steps(case, directory) {
        if is_told(step.channel) || !directory.channels.contains_key(&step.channel) {
            continue;
        }
        let events = match case.about {
            About::Monitor { .. } => step.route.events.as_slice(),
            About::System => &[],
        };
        let known = wanted.entry(step.channel).or_insert_with(|| Wanted {
            first: step,
            events: events.to_vec(),
        });
        known.events = joined(&known.events, events);
        if step.after < known.first.after {
            known.first = step;
        }
    }
    wanted
}

/// The rows of the steps that an incident's last transition begins.
pub(super) fn begin(
    incident: &Incident,
    kind: TransitionKind,
    directory: &Directory,
    now: Time,
    ids: &mut dyn FnMut() -> u64,
) -> Vec<Row> {
    let begins = kind.sets_scope() && incident.status == IncidentStatus::Open;
    let Some(from) = beginning(incident).filter(|_| begins).map(|t| t.at) else {
        return Vec::new();
    };
    let row = |(channel, wanted): (ChannelId, Wanted<'_>)| {
        let subject = RowSubject::Incident(incident.id);
        Row {
            id: ids(),
            key: notification_key(
                directory.epoch,
                &subject,
                incident.seq(),
                channel,
                Purpose::Step,
                0,
            ),
            subject,
            seq: incident.seq(),
            channel,
            purpose: Purpose::Step,
            event: first_event(incident).to_owned(),
            body: String::new(),
            region_names: BTreeMap::new(),
            created_at: now,
            attempts: 0,
            next_at: from + wanted.first.after,
            state: RowState::Pending,
            fallback: None,
            fell_back: false,
            first_failed_at: None,
            last_error: String::new(),
        }
    };
    still_wanted(incident, directory)
        .into_iter()
        .map(row)
        .collect()
}

/// Decides on a step whose time has come. The answer is the row as it is to be stored: with its
/// body when it is to be sent now, and then `incident.told` is brought up to date; settled with the
/// reason when it is not to be sent; waiting with a later time when its route says so by now.
#[must_use]
pub fn fire(mut row: Row, incident: &mut Incident, directory: &Directory, now: Time) -> Row {
    if let Some(why) = withheld(&row, incident, directory) {
        return withdraw(row, &why);
    }
    let wanted = still_wanted(incident, directory).remove(&row.channel);
    let (Some(begun), Some(wanted)) = (beginning(incident), wanted) else {
        return withdraw(row, NO_ROUTE);
    };
    let due = begun.at + wanted.first.after;
    if due > now {
        // Another time than before, also where a clock was set back: by it the outbox tells the
        // answer from the row as it was.
        row.next_at = match row.next_at == due {
            true => due + Duration::from_millis(1),
            false => due,
        };
        return row;
    }
    let part = StepPart {
        route: wanted.first.route.name.as_str().to_owned(),
        number: wanted.first.number,
        after_seconds: Seconds(wanted.first.after),
    };
    let event = first_event(incident);
    let Some(body) = Body::of_step(event, incident, part, &directory.public_url, now) else {
        return withdraw(row, NO_ROUTE);
    };
    tell(incident, row.channel, wanted.events);
    row.fallback = fallback(row.channel, directory).filter(|f| !is_told(incident, *f));
    row.body = body.to_json();
    row.region_names = region_names(&body, directory);
    row.created_at = now;
    row.next_at = now;
    row
}

/// The row, not to be sent, and why.
#[must_use]
pub fn withdraw(mut row: Row, why: &str) -> Row {
    row.state = RowState::Suppressed(why.to_owned());
    row
}

/// Why the step of an incident that is over is not sent.
pub const OVER: &str = "the incident was over before this step was due";
const NO_ROUTE: &str = "no route leads here by a step any more";

fn withheld(row: &Row, incident: &Incident, directory: &Directory) -> Option<String> {
    let why = match incident.status {
        IncidentStatus::Resolved => OVER.to_owned(),
        IncidentStatus::Acknowledged => {
            let by = incident.acknowledged_by.as_deref().unwrap_or("somebody");
            format!("{by} acknowledged the incident before this step was due")
        }
        IncidentStatus::Open if !directory.channels.contains_key(&row.channel) => {
            "the channel was removed".to_owned()
        }
        IncidentStatus::Open if is_told(incident, row.channel) => {
            "the channel was told of the incident already".to_owned()
        }
        IncidentStatus::Open if incident.last_scoped().is_none_or(|t| t.seq != row.seq) => {
            "the incident's scope changed, and its steps with it".to_owned()
        }
        IncidentStatus::Open => return None,
    };
    Some(why)
}

fn still_wanted<'a>(
    incident: &Incident,
    directory: &'a Directory,
) -> BTreeMap<ChannelId, Wanted<'a>> {
    wanted(&Case::of(incident), directory, |channel| {
        is_told(incident, channel) || tells_own_failure(incident, channel, directory)
    })
}

fn tell(incident: &mut Incident, channel: ChannelId, events: Vec<String>) {
    match incident.told.iter_mut().find(|t| t.channel == channel) {
        Some(told) => {
            told.events = extended(told, &events);
            told.opened = true;
        }
        None => incident.told.push(Told {
            channel,
            events,
            opened: true,
        }),
    }
}

/// Whether a channel was told of the beginning, or follows without one, as its route wants.
fn is_told(incident: &Incident, channel: ChannelId) -> bool {
    let mut told = incident.told.iter().filter(|t| t.channel == channel);
    told.any(|t| {
        let follows = asks_for(&t.events, event::UPDATED) && !asks_for(&t.events, event::OPENED);
        t.opened || follows
    })
}

const fn first_event(incident: &Incident) -> &'static str {
    match incident.subject {
        Subject::Monitor(_) => "incident.opened",
        Subject::System(_) => "system.opened",
    }
}

/// The transition that steps count from.
fn beginning(incident: &Incident) -> Option<&Transition> {
    let mut newest_first = incident.transitions.iter().rev();
    newest_first.find(|t| matches!(t.kind, TransitionKind::Opened | TransitionKind::Widened))
}

#[cfg(test)]
mod tests;
