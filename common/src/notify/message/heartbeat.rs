//! What people are told of a heartbeat: what was expected, and what came last.

use std::time::Duration;

use super::{Marker, Message, moment, reason, span};
use crate::duration;
use crate::heartbeat::NO_PING;
use crate::notify::body::{Data, HeartbeatPart, IncidentPart, TransitionPart};
use crate::outcome::ReasonCode;
use crate::time::Time;

/// The message of a heartbeat's transition, decided at `at`.
pub(super) fn of_heartbeat(
    data: &Data,
    heartbeat: &HeartbeatPart,
    incident: &IncidentPart,
    transition: &TransitionPart,
    at: Time,
) -> Message {
    let name = data.monitor.as_ref().map_or("", |monitor| &monitor.name);
    let target = format!("{name} heartbeat");
    if transition.kind == "resolved" {
        return of_end(&target, heartbeat, incident, transition, at);
    }
    let code = data
        .reason
        .as_ref()
        .map_or("", |reason| reason.code.as_str());
    let is_missed = code == ReasonCode::HeartbeatMissed.as_str();
    let (marker, word) = match transition.kind.as_str() {
        "acknowledged" => (Marker::Grey, "ACKNOWLEDGED"),
        "commented" => (Marker::Grey, "COMMENT"),
        _ if is_missed => (Marker::Red, "MISSED"),
        _ if code == ReasonCode::HeartbeatOverrun.as_str() => (Marker::Red, "OVERRUN"),
        _ => (Marker::Red, "FAILED"),
    };
    let mut message = Message::new(marker, format!("{word}: {target}"));
    message.say("By", transition.by.clone().unwrap_or_default());
    message.say("Note", transition.note.clone());
    let text = data.reason.as_ref().map_or("", |reason| &reason.text);
    if !(is_missed && text.starts_with(NO_PING)) {
        message.say("Reason", reason(data));
    }
    message.say("Expected", expected(heartbeat));
    message.say("Last ping", last_ping(heartbeat, at));
    message.say("Started", moment(incident.started_at));
    message
}

fn of_end(
    target: &str,
    heartbeat: &HeartbeatPart,
    incident: &IncidentPart,
    transition: &TransitionPart,
    at: Time,
) -> Message {
    let how = match incident.resolution.as_deref() {
        Some("recovered") | None => None,
        Some("forced") => Some("by hand, before its job was well again"),
        Some("paused") => Some("the heartbeat was paused"),
        Some("removed") => Some("the heartbeat was removed"),
        Some("reassigned") => Some("the heartbeat was changed"),
        Some(other) => Some(other),
    };
    let mut message = match how {
        None => Message::new(Marker::Green, format!("UP: {target}")),
        Some(_) => Message::new(Marker::Grey, format!("CLOSED: {target}")),
    };
    let lasted = incident.duration_seconds.map(|seconds| span(seconds.0));
    message.say("Down for", lasted.unwrap_or_default());
    message.say("Closed", how.unwrap_or_default());
    message.say("By", transition.by.clone().unwrap_or_default());
    message.say("Last ping", last_ping(heartbeat, at));
    message.say("Started", moment(incident.started_at));
    message
}

/// `every 25h, grace 10m`, or `0 2 * * * (Europe/Berlin), grace 10m`.
fn expected(heartbeat: &HeartbeatPart) -> String {
    let grace = match heartbeat.grace_seconds.0 {
        Duration::ZERO => String::new(),
        grace => format!(", grace {}", duration::format(grace)),
    };
    let zone = heartbeat.time_zone.as_deref().unwrap_or_default();
    match (&heartbeat.expected_every_seconds, &heartbeat.cron) {
        (Some(every), _) => format!("every {}{grace}", duration::format(every.0)),
        (None, Some(cron)) => format!("{cron} ({zone}){grace}"),
        (None, None) => String::new(),
    }
}

/// `2026-03-01 10:02:03 UTC, 25h 4m ago`.
fn last_ping(heartbeat: &HeartbeatPart, at: Time) -> String {
    match heartbeat.last_ping_at {
        None => "never".to_owned(),
        Some(ping) if at.since(ping) < Duration::from_secs(1) => moment(ping),
        Some(ping) => format!("{}, {} ago", moment(ping), span(at.since(ping))),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::heartbeat::{Cron, Schedule};
    use crate::incident::{Incident, Resolution, TransitionKind};
    use crate::notify::body::Body;
    use crate::notify::testkit::{heartbeat_incident, step};

    fn text(incident: &Incident) -> String {
        let body = Body::of_incident("incident.opened", incident, "https://mon.example.org");
        Message::render(&body.unwrap(), &BTreeMap::new(), None).to_text()
    }

    fn daily() -> Schedule {
        Schedule::Every(Duration::from_secs(25 * 3_600))
    }

    #[test]
    fn a_missed_heartbeat_says_how_often_it_was_expected_and_how_old_its_last_ping_is() {
        let incident = heartbeat_incident(ReasonCode::HeartbeatMissed, "no ping", daily());
        assert_eq!(
            text(&incident),
            "\
MISSED: nightly_cleanup heartbeat

Expected: every 25h
Last ping: 2026-02-28 09:02:03 UTC, 1d 1h ago
Started: 2026-03-01 10:02:03 UTC

https://mon.example.org/incidents/07070707-0707-0707-0707-070707070707
"
        );
    }

    #[test]
    fn a_job_that_begins_and_never_ends_is_told_from_one_that_is_silent() {
        let why = "runs begin, none has ended since 2026-03-01 09:02 UTC";
        let dying = heartbeat_incident(ReasonCode::HeartbeatMissed, why, daily());
        let start = format!("MISSED: nightly_cleanup heartbeat\n\nReason: {why}\nExpected: ");
        let dying = text(&dying);
        assert!(dying.starts_with(&start), "{dying}");
    }

    #[test]
    fn a_job_that_failed_or_ran_too_long_is_told_from_one_that_was_silent() {
        let cron = Schedule::Cron(Cron::parse("0 2 * * *", "Europe/Berlin").unwrap());
        let failed = heartbeat_incident(ReasonCode::HeartbeatFailed, "exit code 3", cron);
        let failed = text(&failed);
        let start = "FAILED: nightly_cleanup heartbeat\n\nReason: exit code 3\n\
            Expected: 0 2 * * * (Europe/Berlin)\n";
        assert!(failed.starts_with(start), "{failed}");
        let code = ReasonCode::HeartbeatOverrun;
        let overrun = heartbeat_incident(code, "running for more than 2h", daily());
        let overrun = text(&overrun);
        let start = "OVERRUN: nightly_cleanup heartbeat\n\nReason: running for more than 2h\n";
        assert!(overrun.starts_with(start), "{overrun}");
    }

    #[test]
    fn a_job_that_is_well_again_is_up_and_one_that_was_paused_is_not() {
        let mut incident = heartbeat_incident(ReasonCode::HeartbeatMissed, "no ping", daily());
        let facts = incident.transitions[0].evidence.clone();
        step(&mut incident, TransitionKind::Resolved);
        incident.transitions[1].evidence = facts;
        let up = text(&incident);
        let start = "UP: nightly_cleanup heartbeat\n\nDown for: 4m 12s\nLast ping: ";
        assert!(up.starts_with(start), "{up}");
        incident.resolution = Some(Resolution::Paused);
        let closed = text(&incident);
        assert!(
            closed.starts_with("CLOSED: nightly_cleanup heartbeat\n"),
            "{closed}"
        );
        assert!(
            closed.contains("\nClosed: the heartbeat was paused\n"),
            "{closed}"
        );
    }

    #[test]
    fn who_takes_it_is_said() {
        let mut incident = heartbeat_incident(ReasonCode::HeartbeatMissed, "no ping", daily());
        step(&mut incident, TransitionKind::Acknowledged);
        let taken = text(&incident);
        let start = "ACKNOWLEDGED: nightly_cleanup heartbeat\n\nBy: ada\nNote: on it\n";
        assert!(taken.starts_with(start), "{taken}");
    }
}
