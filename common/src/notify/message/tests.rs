use super::*;
use crate::incident::TransitionKind::{Acknowledged, Narrowed, Opened, Resolved, Widened};
use crate::incident::{Incident, Resolution, Scope, Subject, TransitionKind};
use crate::notify::testkit::{START, incident, step, system_incident};
use crate::outcome::ReasonCode;

fn render(incident: &mut Incident, kind: TransitionKind) -> Message {
    step(incident, kind);
    let body = Body::of_incident("incident.updated", incident, "https://mon.example.org").unwrap();
    Message::render(&body, &BTreeMap::new(), None)
}

fn text(incident: &mut Incident, kind: TransitionKind) -> String {
    render(incident, kind).to_text()
}

fn with_target(target: &str, name: &str) -> Incident {
    let mut incident = incident(Scope::Global);
    if let Subject::Monitor(facts) = &mut incident.subject {
        facts.target = target.to_owned();
        facts.name = name.to_owned();
    }
    incident
}

#[test]
fn down_says_what_why_where_and_since_when() {
    let mut incident = incident(Scope::Global);
    assert_eq!(
        text(&mut incident, Opened),
        "\
DOWN: api.example.com/health (api)

Reason: 503 Service Unavailable
Failing: EU-West, US-East — 2 of 3
Started: 2026-03-01 10:02:03 UTC

https://mon.example.org/incidents/07070707-0707-0707-0707-070707070707
"
    );
}

#[test]
fn up_says_how_long_it_was_down() {
    let mut incident = incident(Scope::Global);
    step(&mut incident, Opened);
    let message = render(&mut incident, Resolved);
    assert_eq!(message.marker, Marker::Green);
    assert_eq!(
        message.to_text(),
        "\
UP: api.example.com/health (api)

Down for: 4m 12s
Regions: AP-Southeast, EU-West, US-East — 3 of 3
Started: 2026-03-01 10:02:03 UTC

https://mon.example.org/incidents/07070707-0707-0707-0707-070707070707
"
    );
}

#[test]
fn a_regional_failure_is_called_so() {
    let mut incident = incident(Scope::Regional);
    assert!(text(&mut incident, Opened).starts_with("REGIONAL: api.example.com/health"));
    let widened = text(&mut incident, Widened);
    assert!(widened.starts_with("DOWN: "), "{widened}");
    assert!(
        widened.contains("Change: was regional until now\n"),
        "{widened}"
    );
    assert!(text(&mut incident, Narrowed).starts_with("REGIONAL: "));
    assert!(text(&mut incident, Resolved).contains("Failed in part for: 4m 12s\n"));
}

#[test]
fn an_end_that_nobody_saw_is_not_called_up() {
    for resolution in [
        Resolution::Unobserved,
        Resolution::Forced,
        Resolution::Paused,
        Resolution::Removed,
        Resolution::Reassigned,
    ] {
        let mut incident = incident(Scope::Global);
        step(&mut incident, Opened);
        step(&mut incident, Resolved);
        incident.resolution = Some(resolution);
        let body = Body::of_incident("incident.resolved", &incident, "").unwrap();
        let text = Message::render(&body, &BTreeMap::new(), None).to_text();
        assert!(text.starts_with("CLOSED: "), "{text}");
        assert!(text.contains("\nClosed: "), "{text}");
    }
}

#[test]
fn an_acknowledgement_says_who_and_what() {
    let mut incident = incident(Scope::Global);
    step(&mut incident, Opened);
    let text = text(&mut incident, Acknowledged);
    let start = "ACKNOWLEDGED: api.example.com/health (api)\n\nBy: ada\nNote: on it\n";
    assert!(text.starts_with(start), "{text}");
}

#[test]
fn a_target_is_shown_without_user_query_and_usual_port() {
    for (target, name, shown) in [
        ("https://a.example:443/", "a.example", "DOWN: a.example"),
        (
            "http://u:p@a.example:8080/x?k=…",
            "shop",
            "DOWN: a.example:8080/x (shop)",
        ),
        (
            "http://[::1]:8000/health",
            "local",
            "DOWN: [::1]:8000/health (local)",
        ),
        ("not a url", "odd", "DOWN: not a url (odd)"),
    ] {
        assert_eq!(render(&mut with_target(target, name), Opened).title, shown);
    }
}

#[test]
fn names_that_the_operator_set_are_shown() {
    let mut incident = incident(Scope::Global);
    step(&mut incident, Opened);
    let body = Body::of_incident("incident.opened", &incident, "").unwrap();
    let names = BTreeMap::from([(Region::parse("eu-west").unwrap(), "Frankfurt".to_owned())]);
    let text = Message::render(&body, &names, Some("ops-slack")).to_text();
    assert!(
        text.contains("Failing: Frankfurt, US-East — 2 of 3\n"),
        "{text}"
    );
    assert!(
        text.contains("Copy: ops-slack could not deliver this\n"),
        "{text}"
    );
}

#[test]
fn system_incidents_and_tests_have_a_first_fact_too() {
    let mut lost = system_incident(ReasonCode::RegionLost, "us-east");
    let opened = text(&mut lost, Opened);
    assert!(opened.starts_with("SYSTEM: region us-east has no agent\n\nAffects: api\n"));
    let resolved = text(&mut lost, Resolved);
    assert!(resolved.starts_with("SYSTEM RESOLVED: region us-east has no agent\n\nLasted: 4m 12s"));
    let test = Message::render(&Body::of_test(START), &BTreeMap::new(), None);
    assert!(test.title.starts_with("TEST: ") && test.link.is_none());
}

#[test]
fn spans_show_their_two_largest_units() {
    for (seconds, shown) in [
        (0, "less than 1s"),
        (12, "12s"),
        (60, "1m"),
        (252, "4m 12s"),
        (3_601, "1h"),
        (7_380, "2h 3m"),
        (93_600, "1d 2h"),
    ] {
        assert_eq!(span(Duration::from_secs(seconds)), shown);
    }
}
