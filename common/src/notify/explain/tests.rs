use std::collections::BTreeMap;

use super::*;
use crate::heartbeat::HeartbeatDraft;
use crate::id::MonitorId;
use crate::monitor::draft::{HttpDraft, Known, MonitorDraft};
use crate::name::Region;
use crate::notify::testkit::{channel_id, directory, route, then};
use crate::time::Time;

/// The monitor `api`, critical, of three regions, labelled `team=core`.
fn monitor(notify: &[u8]) -> Monitor {
    let regions: Vec<Region> = ["ap-southeast", "eu-west", "us-east"]
        .map(|id| Region::parse(id).unwrap())
        .to_vec();
    let draft = MonitorDraft {
        name: Some("api".to_owned()),
        http: Some(HttpDraft {
            url: Some("https://api.example.com/health".to_owned()),
            ..HttpDraft::default()
        }),
        severity: Some("critical".to_owned()),
        labels: Some(BTreeMap::from([("team".to_owned(), "core".to_owned())])),
        ..MonitorDraft::default()
    };
    let known = Known {
        regions: Some(&regions),
        channels: None,
        addresses: None,
    };
    let mut spec = draft.check(&known).unwrap();
    spec.notify = notify.iter().copied().map(channel_id).collect();
    Monitor {
        id: MonitorId::from_bytes([1; 16]),
        spec,
        paused: false,
        created_at: Time::EPOCH,
        updated_at: Time::EPOCH,
        version: 1,
    }
}

fn by(explanation: &Explanation) -> Vec<(u8, Option<u64>, Vec<By>)> {
    let heard = explanation.heard.iter();
    heard
        .map(|h| {
            let after = h.after.map(|after| after.as_secs());
            (h.channel.as_bytes()[0], after, h.by.clone())
        })
        .collect()
}

fn route_id(n: u8) -> RouteId {
    RouteId::from_bytes([n; 16])
}

fn reasons(explanation: &Explanation) -> Vec<String> {
    let passed = explanation.passed.iter();
    passed
        .flat_map(|p| p.because.iter())
        .map(|b| format!("{}: {}", b.matcher, b.text))
        .collect()
}

#[test]
fn without_routes_all_channels_hear_of_global_incidents_by_the_default_rule() {
    let all = explain(&monitor(&[]), &directory(&[1, 2], Vec::new()));
    let scopes: Vec<Scope> = all.iter().map(|e| e.scope).collect();
    assert_eq!(scopes, [Scope::Global, Scope::Regional]);
    let default = || vec![By::Default];
    assert_eq!(by(&all[0]), [(1, None, default()), (2, None, default())]);
    assert_eq!((by(&all[1]), all[1].severity), (vec![], Severity::Warning));
}

#[test]
fn every_picker_of_a_channel_is_named() {
    let routes = vec![route(1, &[1]), route(2, &[1, 2])];
    let all = explain(&monitor(&[2]), &directory(&[1, 2], routes));
    let both = vec![By::Route(route_id(1)), By::Route(route_id(2))];
    let own = vec![By::Route(route_id(2)), By::Notify];
    assert_eq!(by(&all[0]), [(1, None, both), (2, None, own)]);
}

#[test]
fn a_step_is_shown_where_it_would_tell_somebody() {
    let routes = vec![
        then(route(1, &[1]), &[(300, &[2]), (900, &[3])]),
        then(route(2, &[2]), &[(60, &[3])]),
    ];
    let all = explain(&monitor(&[]), &directory(&[1, 2, 3], routes));
    let expected = [
        (1, None, vec![By::Route(route_id(1))]),
        (2, None, vec![By::Route(route_id(2))]),
        (3, Some(60), vec![By::Step(route_id(2), 1)]),
    ];
    assert_eq!(by(&all[0]), expected);
}

#[test]
fn each_matcher_that_does_not_fit_is_named_with_what_is() {
    let mut other = route(1, &[1]);
    other.severity = vec![Severity::Info, Severity::Warning];
    other.labels = BTreeMap::from([
        ("team".to_owned(), "web".to_owned()),
        ("tier".to_owned(), "1".to_owned()),
    ]);
    other.monitors = vec![crate::name::Name::parse("shop").unwrap()];
    other.scopes = vec![Scope::Regional];
    other.events = vec!["system".to_owned()];
    let all = explain(&monitor(&[]), &directory(&[1], vec![other]));
    let expected = [
        "event: it takes system incidents alone",
        "scope: it takes regional, this is global",
        "severity: it takes info, warning, this is critical",
        "monitor: it takes shop",
        "label: it wants team=web, the monitor has team=core",
        "label: it wants tier=1, the monitor has none",
    ];
    assert_eq!(reasons(&all[0]), expected);
    assert!(all[0].heard.is_empty());
}

#[test]
fn a_monitor_that_one_region_decides_has_no_regional_incidents() {
    let mut lone = monitor(&[]);
    lone.spec.regions.truncate(1);
    let all = explain(&lone, &directory(&[1], Vec::new()));
    assert_eq!(all.len(), 1);
}

#[test]
fn a_heartbeat_has_global_incidents_alone() {
    let draft = HeartbeatDraft {
        name: Some("nightly".to_owned()),
        every: Some(Duration::from_secs(60)),
        severity: Some("warning".to_owned()),
        ..HeartbeatDraft::default()
    };
    let mut spec = draft.check(&Known::default()).unwrap();
    spec.notify = vec![channel_id(2)];
    let heartbeat = Heartbeat {
        id: MonitorId::from_bytes([1; 16]),
        spec,
        paused: false,
        created_at: Time::EPOCH,
        updated_at: Time::EPOCH,
        version: 1,
        tokens: Vec::new(),
    };
    let all = explain_heartbeat(&heartbeat, &directory(&[1, 2], vec![route(1, &[1])]));
    assert_eq!(all.len(), 1);
    assert_eq!(
        (all[0].scope, all[0].severity),
        (Scope::Global, Severity::Warning)
    );
    let route = vec![By::Route(route_id(1))];
    assert_eq!(by(&all[0]), [(1, None, route), (2, None, vec![By::Notify])]);
}
