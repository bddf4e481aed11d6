//! Incidents, channels and routes for the tests of this module.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;

use crate::heartbeat::{HeartbeatFacts, HeartbeatStatus, Schedule};
use crate::id::{ChannelId, IncidentId, MonitorId, RouteId};
use crate::incident::{
    Evidence, Hand, Incident, IncidentStatus, MonitorFacts, RegionEvidence, Resolution, Scope,
    Standing, Subject, SystemFacts, TransitionKind,
};
use crate::monitor::Severity;
use crate::name::{Name, Region};
use crate::notify::channel::{Channel, ChannelKind, Route, Step};
use crate::notify::message::{Fact, Marker, Message};
use crate::notify::plan::Directory;
use crate::outcome::{Reason, ReasonCode};
use crate::time::Time;

pub(super) const START: Time = Time::from_millis(1_772_359_323_004);

pub(super) fn channel_id(n: u8) -> ChannelId {
    ChannelId::from_bytes([n; 16])
}

pub(super) fn channel(n: u8) -> Channel {
    Channel {
        id: channel_id(n),
        name: Name::parse(&format!("channel-{n}")).unwrap(),
        kind: ChannelKind::Inbox,
        fallback: None,
        disabled: None,
        created_at: Time::EPOCH,
        version: 1,
    }
}

pub(super) fn route(n: u8, to: &[u8]) -> Route {
    Route {
        id: RouteId::from_bytes([n; 16]),
        name: Name::parse(&format!("route-{n}")).unwrap(),
        severity: Vec::new(),
        labels: BTreeMap::new(),
        monitors: Vec::new(),
        events: Vec::new(),
        scopes: Vec::new(),
        to: to.iter().copied().map(channel_id).collect(),
        then: Vec::new(),
        created_at: Time::EPOCH,
        version: 1,
    }
}

/// Gives a route steps: after so many seconds to these channels.
pub(super) fn then(mut route: Route, steps: &[(u64, &[u8])]) -> Route {
    let step = |(after, to): &(u64, &[u8])| Step {
        after: Duration::from_secs(*after),
        to: to.iter().copied().map(channel_id).collect(),
    };
    route.then = steps.iter().map(step).collect();
    route
}

pub(super) fn directory(channels: &[u8], routes: Vec<Route>) -> Directory {
    Directory {
        channels: channels
            .iter()
            .map(|n| (channel_id(*n), channel(*n)))
            .collect(),
        routes: routes.into_iter().map(|r| (r.id, r)).collect(),
        region_names: BTreeMap::new(),
        public_url: "http://127.0.0.1:8440".to_owned(),
        epoch: crate::id::Epoch::default(),
    }
}

pub(super) fn evidence(standings: &[(&str, Standing)]) -> Evidence {
    let region = |(id, standing): &(&str, Standing)| RegionEvidence {
        region: Region::parse(id).unwrap(),
        standing: *standing,
        confirmed: *standing == Standing::Failing,
        because: String::new(),
        agents: Vec::new(),
    };
    Evidence {
        rule: "majority (2 of 3)".to_owned(),
        policy: "majority".to_owned(),
        required: 2,
        otherwise: String::new(),
        regions: standings.iter().map(region).collect(),
        heartbeat: None,
    }
}

/// An incident of the monitor `api` without any transition yet.
pub(super) fn incident(scope: Scope) -> Incident {
    Incident {
        id: IncidentId::from_bytes([7; 16]),
        scope,
        severity: match scope {
            Scope::Regional => Severity::Warning,
            Scope::Global | Scope::System => Severity::Critical,
        },
        status: IncidentStatus::Open,
        subject: Subject::Monitor(MonitorFacts {
            id: MonitorId::from_bytes([1; 16]),
            name: "api".to_owned(),
            kind: "http".to_owned(),
            target: "https://api.example.com/health".to_owned(),
            labels: BTreeMap::from([("team".to_owned(), "core".to_owned())]),
        }),
        named: Vec::new(),
        reason: Reason::new(ReasonCode::HttpStatus, "503 Service Unavailable").with_status(503),
        started_at: START,
        decided_at: START + Duration::from_millis(150),
        ended_at: None,
        resolved_at: None,
        resolution: None,
        acknowledged_by: None,
        transitions: Vec::new(),
        told: Vec::new(),
    }
}

pub(super) fn system_incident(code: ReasonCode, about: &str) -> Incident {
    Incident {
        subject: Subject::System(SystemFacts {
            about: about.to_owned(),
            summary: format!("region {about} has no agent"),
            affected: vec!["api".to_owned()],
        }),
        reason: Reason::new(code, format!("region {about} has no agent")),
        ..incident(Scope::System)
    }
}

/// An incident of the heartbeat `nightly_cleanup` that was just opened for this reason.
pub(super) fn heartbeat_incident(code: ReasonCode, text: &str, schedule: Schedule) -> Incident {
    let mut incident = incident(Scope::Global);
    incident.subject = Subject::Monitor(MonitorFacts {
        id: MonitorId::from_bytes([2; 16]),
        name: "nightly_cleanup".to_owned(),
        kind: "heartbeat".to_owned(),
        target: String::new(),
        labels: BTreeMap::new(),
    });
    incident.reason = Reason::new(code, text);
    incident.decided_at = START;
    step(&mut incident, TransitionKind::Opened);
    let facts = HeartbeatFacts {
        state: HeartbeatStatus::Down,
        schedule,
        grace: Duration::ZERO,
        last_ping_at: Some(START - Duration::from_secs(25 * 3_600)),
        due_at: Some(START),
        late: Some(Duration::from_millis(1)),
    };
    incident.transitions[0].evidence = Some(Evidence {
        rule: "no ping for 25h".to_owned(),
        policy: String::new(),
        required: 0,
        otherwise: String::new(),
        regions: Vec::new(),
        heartbeat: Some(facts),
    });
    incident
}

/// Moves the incident as `decide` would.
pub(super) fn step(incident: &mut Incident, kind: TransitionKind) {
    use Standing::{Abstaining, Failing, Passing};
    let at = START + Duration::from_secs(u64::from(incident.seq()) * 60);
    let mut standings = [
        ("ap-southeast", Abstaining),
        ("eu-west", Failing),
        ("us-east", Failing),
    ];
    match kind {
        TransitionKind::Widened => {
            incident.scope = Scope::Global;
            incident.severity = Severity::Critical;
            incident.status = IncidentStatus::Open;
        }
        TransitionKind::Narrowed => {
            incident.scope = Scope::Regional;
            incident.severity = Severity::Warning;
        }
        TransitionKind::Acknowledged => {
            incident.status = IncidentStatus::Acknowledged;
            incident.acknowledged_by = Some("ada".to_owned());
        }
        TransitionKind::Resolved => {
            incident.status = IncidentStatus::Resolved;
            incident.ended_at = Some(START + Duration::from_secs(252));
            incident.resolved_at = Some(at);
            incident.resolution = Some(Resolution::Recovered);
            standings.iter_mut().for_each(|s| s.1 = Passing);
        }
        TransitionKind::Opened | TransitionKind::Commented | TransitionKind::Flapping => {}
    }
    let by_hand = matches!(
        kind,
        TransitionKind::Acknowledged | TransitionKind::Commented
    );
    let is_system = matches!(incident.subject, Subject::System(_));
    let hand = match by_hand {
        true => Hand::of("ada".to_owned(), "on it"),
        false => Hand::default(),
    };
    let evidence = (!by_hand && !is_system).then(|| evidence(&standings));
    incident.add(kind, hand, evidence, at);
}

/// Messages such as nobody should send: huge, empty, full of markup, of every script.
pub(super) fn hostile() -> impl Strategy<Value = Message> {
    let markup =
        "(<!channel>|<@1>|&amp;|&|<|>|\\*|_|`|\\||\\[x\\]\\(y\\)|@everyone|🔴|\u{202e}|\n| ){0,6}";
    let text = move || {
        prop_oneof![
            ".{0,40}",
            (markup, 0..400usize).prop_map(|(text, n)| text.repeat(n)),
            (any::<char>(), 0..9_000usize).prop_map(|(c, n)| String::from(c).repeat(n)),
        ]
    };
    let label = prop_oneof![Just("Reason"), Just("Failing"), Just("Affects")];
    let facts = prop::collection::vec((label, text()), 0..30);
    let marker = prop_oneof![Just(Marker::Red), Just(Marker::Grey)];
    let link = prop_oneof![
        Just(None),
        text().prop_map(|path| Some(format!("https://mon.example.org/a?b&c={path}"))),
    ];
    (marker, text(), facts, link).prop_map(|(marker, title, facts, link)| Message {
        marker,
        title,
        facts: facts
            .into_iter()
            .map(|(label, value)| Fact { label, value })
            .collect(),
        link,
    })
}
