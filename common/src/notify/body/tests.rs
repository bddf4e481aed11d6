use super::*;
use crate::heartbeat::{Cron, Schedule};
use crate::incident::{Scope, TransitionKind};
use crate::notify::testkit::{START, heartbeat_incident, incident, step, system_incident};
use crate::outcome::ReasonCode;

const URL: &str = "http://127.0.0.1:8440";

#[test]
fn an_opened_incident_is_told_as_the_contract_gives_it() {
    let mut incident = incident(Scope::Global);
    step(&mut incident, TransitionKind::Opened);
    let body = Body::of_incident("incident.opened", &incident, URL).unwrap();
    assert_eq!(
        body.to_json().replace(",\"", ",\n\""),
        r#"{"type":"incident.opened",
"timestamp":"2026-03-01T10:02:03.004Z",
"data":{"incident":{"id":"07070707-0707-0707-0707-070707070707",
"scope":"global",
"severity":"critical",
"status":"open",
"started_at":"2026-03-01T10:02:03.004Z",
"decided_at":"2026-03-01T10:02:03.154Z",
"ended_at":null,
"resolved_at":null,
"duration_seconds":null,
"resolution":null,
"url":"http://127.0.0.1:8440/incidents/07070707-0707-0707-0707-070707070707"},
"transition":{"seq":1,
"kind":"opened",
"at":"2026-03-01T10:02:03.004Z",
"by":null},
"monitor":{"id":"01010101-0101-0101-0101-010101010101",
"name":"api",
"kind":"http",
"target":"https://api.example.com/health",
"labels":{"team":"core"}},
"reason":{"code":"http_status",
"text":"503 Service Unavailable",
"status_code":503},
"regions":{"failing":["eu-west",
"us-east"],
"passing":[],
"stale":[],
"abstaining":["ap-southeast"],
"required":2,
"assigned":3},
"heartbeat":null}}"#
    );
}

#[test]
fn a_resolved_incident_says_how_long_it_lasted() {
    let mut incident = incident(Scope::Global);
    step(&mut incident, TransitionKind::Opened);
    step(&mut incident, TransitionKind::Resolved);
    let text = Body::of_incident("incident.resolved", &incident, URL)
        .unwrap()
        .to_json();
    for part in [
        r#""status":"resolved""#,
        r#""ended_at":"2026-03-01T10:06:15.004Z""#,
        r#""duration_seconds":252,"resolution":"recovered""#,
        r#""failing":[],"passing":["ap-southeast","eu-west","us-east"]"#,
    ] {
        assert!(text.contains(part), "{part} is not in {text}");
    }
}

#[test]
fn a_deed_by_hand_shows_the_regions_as_last_decided() {
    let mut incident = incident(Scope::Global);
    step(&mut incident, TransitionKind::Opened);
    step(&mut incident, TransitionKind::Acknowledged);
    let body = Body::of_incident("incident.updated", &incident, URL).unwrap();
    let regions = body.data.regions.unwrap();
    assert_eq!(regions.failing, ["eu-west", "us-east"]);
    let transition = body.data.transition.unwrap();
    assert_eq!(
        (transition.by.as_deref(), transition.note.as_str()),
        (Some("ada"), "on it")
    );
}

#[test]
fn a_system_incident_has_neither_monitor_nor_regions() {
    let mut incident = system_incident(ReasonCode::RegionLost, "us-east");
    step(&mut incident, TransitionKind::Opened);
    let text = Body::of_incident("system.opened", &incident, URL)
        .unwrap()
        .to_json();
    assert!(text.contains(r#""scope":"system""#), "{text}");
    assert!(text.contains(r#""monitor":null,"#), "{text}");
    let end = r#""regions":null,"heartbeat":null,"system":{"about":"us-east","summary":"region us-east has no agent","affected":["api"]}}}"#;
    assert!(text.ends_with(end), "{text}");
}

#[test]
fn a_test_is_about_nothing() {
    assert_eq!(
        Body::of_test(START).to_json(),
        r#"{"type":"test","timestamp":"2026-03-01T10:02:03.004Z","data":{"incident":null,"transition":null,"monitor":null,"reason":null,"regions":null,"heartbeat":null}}"#
    );
}

#[test]
fn a_body_reads_back_to_the_same_bytes() {
    let mut incident = incident(Scope::Global);
    step(&mut incident, TransitionKind::Opened);
    step(&mut incident, TransitionKind::Commented);
    incident.ended_at = Some(START + Duration::from_millis(1_500));
    let text = Body::of_incident("incident.updated", &incident, URL)
        .unwrap()
        .to_json();
    assert!(text.contains(r#""duration_seconds":1.5"#), "{text}");
    assert_eq!(Body::from_json(&text).unwrap().to_json(), text);
}

#[test]
fn a_missed_heartbeat_has_no_target_and_no_regions_but_says_what_was_expected() {
    let every = Schedule::Every(Duration::from_secs(25 * 3_600));
    let incident = heartbeat_incident(ReasonCode::HeartbeatMissed, "no ping since", every);
    let text = Body::of_incident("incident.opened", &incident, URL)
        .unwrap()
        .to_json();
    let end = r#""monitor":{"id":"02020202-0202-0202-0202-020202020202","name":"nightly_cleanup","kind":"heartbeat","target":null,"labels":{}},"reason":{"code":"heartbeat_missed","text":"no ping since","status_code":null},"regions":null,"heartbeat":{"state":"down","expected_every_seconds":90000,"grace_seconds":0,"last_ping_at":"2026-02-28T09:02:03.004Z","due_at":"2026-03-01T10:02:03.004Z","late_seconds":0.001}}}"#;
    assert!(text.ends_with(end), "{text}");
    let again = Body::from_json(&text).unwrap();
    assert_eq!(again.to_json(), text);
}

#[test]
fn a_heartbeat_by_cron_says_so_with_its_time_zone() {
    let cron = Schedule::Cron(Cron::parse("0 2 * * *", "Europe/Berlin").unwrap());
    let incident = heartbeat_incident(ReasonCode::HeartbeatFailed, "exit code 3", cron);
    let body = Body::of_incident("incident.opened", &incident, URL).unwrap();
    let heartbeat = body.data.heartbeat.unwrap();
    assert_eq!(heartbeat.cron.as_deref(), Some("0 2 * * *"));
    assert_eq!(heartbeat.time_zone.as_deref(), Some("Europe/Berlin"));
    assert_eq!(heartbeat.expected_every_seconds, None);
}
