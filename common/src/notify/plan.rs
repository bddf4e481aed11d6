//! Who is told of a transition, and with which event: decided in the commit of the transition.
//!
//! # The rules
//! - A transition that changes the scope (opened, widened, narrowed) goes to every channel that a
//!   route or the monitor's own `notify` picks now, and to every channel told before.
//! - What is said between (acknowledged, commented, flapping) and the end go to the channels told
//!   before, whatever the routes say by then: nobody hears of a beginning without an end.
//! - A route's `event` list, as it stood when it matched, keeps binding: `opened` alone gets no
//!   end, `resolved` alone only the end. Where several routes pick a channel, their lists add up.
//! - The first message to a channel is `incident.opened`, whichever transition it is about; the
//!   last is `incident.resolved`.
//! - While a project has no route and the monitor no `notify`, every channel gets everything of
//!   scope global. Regional incidents go only where a route names that scope.
//! - System incidents go by routes that name `system`; without such a route to every channel, but
//!   never to the channel whose own failure they tell.
//! - A channel gets a transition once, however many routes pick it.
//! - A transition that changes the scope also makes the rows of the steps ([`steps`]): they wait.
//!
//! # What this module does not do
//! It sends nothing and knows no attempts: [`crate::notify::delivery`] does. That widening voids
//! an acknowledgement is the incident's own rule: [`crate::decide`].

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{ChannelId, Epoch, RouteId};
use crate::identity::notification_key;
use crate::incident::{Incident, Subject, Told, TransitionKind};
use crate::name::Region;
use crate::notify::body::Body;
use crate::notify::channel::{Channel, Route, event};
use crate::notify::matching::{Case, asks_for, joined, picks};
use crate::notify::row::{Purpose, Row, RowState, RowSubject};
use crate::notify::steps;
use crate::outcome::ReasonCode;
use crate::time::Time;

/// What of the configuration a notification is decided on, as it stands now.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Directory {
    /// Every channel of the project.
    pub channels: BTreeMap<ChannelId, Channel>,
    /// Every route of the project.
    pub routes: BTreeMap<RouteId, Route>,
    /// Display names of regions that the operator set; the others follow from the region's id.
    pub region_names: BTreeMap<Region, String>,
    /// The coordinator's address for people, for links.
    pub public_url: String,
    /// The store's life: a part of every key.
    pub epoch: Epoch,
}

/// The rows that an incident's last transition makes; `incident.told` is brought up to date.
/// `notify` is the monitor's own list, `ids` gives each row its number, growing.
///
/// Rows and incident belong into one commit with the transition: then no crash loses a message.
pub fn plan(
    incident: &mut Incident,
    notify: &[ChannelId],
    directory: &Directory,
    now: Time,
    ids: &mut dyn FnMut() -> u64,
) -> Vec<Row> {
    let Some(kind) = incident.transitions.last().map(|t| t.kind) else {
        return Vec::new();
    };
    if kind == TransitionKind::Commented && !incident.is_open() {
        return Vec::new();
    }
    widen_circle(incident, kind, notify, directory);
    let mut messages: Vec<(ChannelId, &'static str)> = Vec::new();
    let is_system = matches!(incident.subject, Subject::System(_));
    for told in &mut incident.told {
        let known = directory.channels.contains_key(&told.channel);
        let Some(event) = event_for(kind, told, is_system).filter(|_| known) else {
            continue;
        };
        told.opened |= event == "incident.opened" || event == "system.opened";
        messages.push((told.channel, event));
    }
    let told_now: BTreeSet<ChannelId> = messages.iter().map(|(channel, _)| *channel).collect();
    let row = |(channel, event): (ChannelId, &str)| {
        let body = Body::of_incident(event, incident, &directory.public_url)?;
        let mut row = new_row(
            RowSubject::Incident(incident.id),
            (directory.epoch, incident.seq()),
            channel,
            &body,
            ids(),
            now,
        );
        row.region_names = region_names(&body, directory);
        row.fallback = fallback(channel, directory).filter(|f| !told_now.contains(f));
        Some(row)
    };
    let mut rows: Vec<Row> = messages.into_iter().filter_map(row).collect();
    rows.extend(steps::begin(incident, kind, directory, now, ids));
    rows
}

/// The row of a `channel test`; `nonce` tells tests apart.
#[must_use]
pub fn test_row(channel: ChannelId, nonce: &str, id: u64, now: Time) -> Row {
    let subject = RowSubject::Test(nonce.to_owned());
    let seq = (Epoch::default(), 1);
    new_row(subject, seq, channel, &Body::of_test(now), id, now)
}

fn new_row(
    subject: RowSubject,
    (epoch, seq): (Epoch, u32),
    channel: ChannelId,
    body: &Body,
    id: u64,
    now: Time,
) -> Row {
    Row {
        id,
        key: notification_key(epoch, &subject, seq, channel, Purpose::Notice, 0),
        subject,
        seq,
        channel,
        purpose: Purpose::Notice,
        event: body.event.clone(),
        body: body.to_json(),
        region_names: BTreeMap::new(),
        created_at: now,
        attempts: 0,
        next_at: now,
        state: RowState::Pending,
        fallback: None,
        fell_back: false,
        first_failed_at: None,
        last_error: String::new(),
    }
}

/// Adds the channels that the configuration picks now to those told, where the transition may
/// bring new ones.
fn widen_circle(
    incident: &mut Incident,
    kind: TransitionKind,
    notify: &[ChannelId],
    directory: &Directory,
) {
    let picked = match kind {
        TransitionKind::Opened | TransitionKind::Widened | TransitionKind::Narrowed => {
            picked(incident, notify, directory)
        }
        TransitionKind::Resolved => {
            let mut picked = picked(incident, notify, directory);
            picked.retain(|channel, events| {
                let untold = incident.told.iter().all(|t| t.channel != *channel);
                untold && asks_for(events, event::RESOLVED) && !asks_for(events, event::OPENED)
            });
            picked
        }
        TransitionKind::Acknowledged | TransitionKind::Commented | TransitionKind::Flapping => {
            BTreeMap::new()
        }
    };
    for (channel, events) in picked {
        match incident.told.iter_mut().find(|t| t.channel == channel) {
            Some(told) => told.events = extended(told, &events),
            None => incident.told.push(Told {
                channel,
                events,
                opened: false,
            }),
        }
    }
}

/// What a told channel asks for from now on. One that follows changes without a beginning, as its
/// route wanted, gets no beginning in their middle.
pub(super) fn extended(told: &Told, events: &[String]) -> Vec<String> {
    let both = joined(&told.events, events);
    let follows = asks_for(&told.events, event::UPDATED) && !asks_for(&told.events, event::OPENED);
    if !follows || !asks_for(&both, event::OPENED) {
        return both;
    }
    let later = [event::UPDATED, event::RESOLVED];
    let kept = later.into_iter().filter(|event| asks_for(&both, event));
    kept.map(str::to_owned).collect()
}

/// Which event a told channel gets for a transition, if any.
fn event_for(kind: TransitionKind, told: &Told, is_system: bool) -> Option<&'static str> {
    if is_system {
        return match kind {
            TransitionKind::Opened => Some("system.opened"),
            TransitionKind::Resolved => told.opened.then_some("system.resolved"),
            TransitionKind::Widened
            | TransitionKind::Narrowed
            | TransitionKind::Acknowledged
            | TransitionKind::Commented
            | TransitionKind::Flapping => None,
        };
    }
    let asks = |event| asks_for(&told.events, event);
    // A channel that asked for beginnings and was told of none hears of nothing later either.
    let may_follow = told.opened || !asks(event::OPENED);
    match kind {
        TransitionKind::Opened => asks(event::OPENED).then_some("incident.opened"),
        TransitionKind::Widened | TransitionKind::Narrowed if !may_follow => {
            Some("incident.opened")
        }
        TransitionKind::Widened
        | TransitionKind::Narrowed
        | TransitionKind::Acknowledged
        | TransitionKind::Commented
        | TransitionKind::Flapping => {
            (may_follow && asks(event::UPDATED)).then_some("incident.updated")
        }
        TransitionKind::Resolved => {
            (may_follow && asks(event::RESOLVED)).then_some("incident.resolved")
        }
    }
}

/// The channels that the configuration picks for an incident as it stands, each with the events
/// that it asks for; an empty list means all.
fn picked(
    incident: &Incident,
    notify: &[ChannelId],
    directory: &Directory,
) -> BTreeMap<ChannelId, Vec<String>> {
    let is_system = matches!(incident.subject, Subject::System(_));
    let mut picked = BTreeMap::new();
    for (channel, by) in picks(&Case::of(incident), notify, directory) {
        let events = if is_system { &[] } else { by.events() };
        picked
            .entry(channel)
            .and_modify(|known: &mut Vec<String>| *known = joined(known, events))
            .or_insert_with(|| events.to_vec());
    }
    picked.retain(|channel, _| !tells_own_failure(incident, *channel, directory));
    picked
}

/// Whether an incident is the failure of this very channel.
pub(super) fn tells_own_failure(
    incident: &Incident,
    channel: ChannelId,
    directory: &Directory,
) -> bool {
    match &incident.subject {
        Subject::System(facts) if incident.reason.code == ReasonCode::ChannelFailing => {
            let channel = directory.channels.get(&channel);
            channel.is_some_and(|c| c.name.as_str() == facts.about)
        }
        Subject::System(_) | Subject::Monitor(_) => false,
    }
}

pub(super) fn fallback(channel: ChannelId, directory: &Directory) -> Option<ChannelId> {
    let fallback = directory.channels.get(&channel)?.fallback?;
    directory
        .channels
        .contains_key(&fallback)
        .then_some(fallback)
}

/// The operator's names of the regions in a body, frozen with the row.
pub(super) fn region_names(body: &Body, directory: &Directory) -> BTreeMap<Region, String> {
    let Some(regions) = &body.data.regions else {
        return BTreeMap::new();
    };
    let named = |region: &&Region| {
        let lists = [
            &regions.failing,
            &regions.passing,
            &regions.stale,
            &regions.abstaining,
        ];
        lists
            .iter()
            .any(|l| l.iter().any(|id| id == region.as_str()))
    };
    let set = directory.region_names.iter();
    set.filter(|(region, _)| named(region))
        .map(|(region, name)| (region.clone(), name.clone()))
        .collect()
}

#[cfg(test)]
mod tests;
