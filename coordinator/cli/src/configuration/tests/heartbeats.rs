use super::*;

fn specs(configuration: &v1::Configuration) -> Vec<v1::HeartbeatSpec> {
    let all = configuration.heartbeats.iter();
    all.map(|one| one.spec.clone().unwrap()).collect()
}

fn seconds(span: Option<prost_types::Duration>) -> i64 {
    span.map_or(-1, |span| span.seconds)
}

#[test]
fn every_key_of_a_heartbeat_is_read() {
    let read = right(
        "
heartbeats:
  - {name: nightly_cleanup, every: 25h}
  - name: billing
    cron: 0 2 * * *
    tz: Europe/Berlin
    grace: 30m
    max_run: 2h
    alarm_before_first_ping: true
    post_only: true
    severity: warning
    label: team=billing
    notify: ops
",
    );
    let [nightly, billing] = &specs(&read)[..] else {
        panic!("two heartbeats: {read:?}");
    };
    let every = match nightly.schedule {
        Some(v1::heartbeat_spec::Schedule::Every(every)) => Some(every),
        _ => None,
    };
    assert_eq!(seconds(every), 90_000);
    assert_eq!(
        (nightly.grace, nightly.severity),
        (None, 0),
        "defaults are left open"
    );
    let Some(v1::heartbeat_spec::Schedule::Cron(cron)) = &billing.schedule else {
        panic!("times by cron: {billing:?}");
    };
    assert_eq!(
        (cron.expression.as_str(), cron.time_zone.as_str()),
        ("0 2 * * *", "Europe/Berlin")
    );
    assert_eq!(
        (seconds(billing.grace), seconds(billing.max_run)),
        (1800, 7200)
    );
    assert!(billing.alarm_before_first_ping && billing.post_only);
    assert_eq!(billing.severity(), v1::Severity::Warning);
    assert_eq!(billing.labels["team"], "billing");
    assert_eq!(billing.notify, ["ops"]);
}

#[test]
fn what_is_wrong_with_a_schedule_is_said_with_its_places() {
    let said = wrong(
        "heartbeats:
  - name: both
    every: 25h
    cron: '0 2 * * *'
  - {name: neither, grace: 5m}
  - {name: zone, every: 1h, tz: Europe/Berlin}
  - {name: typo, evry: 1h, tz: Europe/Berlin}
  - {name: bare, every: 3600, post_only: 'yes'}
  - {name: token, every: 1h, tz: UTC, token: x, grace: 5}
  - {name: bad, token: x}
  - {name: empty, cron: 0 2 * * *, tz: ''}
",
    );
    assert_eq!(
        said,
        [
            "a.yaml:4:5: heartbeat both: cron: a heartbeat has one schedule, and `every` is given at a.yaml:3:5; leave one of them out",
            "a.yaml:5:5: heartbeat neither: a heartbeat needs a schedule: every, cron",
            "a.yaml:6:29: heartbeat zone: tz: belongs to `cron`; leave it out, or give `cron`",
            "a.yaml:7:18: heartbeat typo: evry: `evry` is no key of a heartbeat; did you mean `every`?",
            "a.yaml:8:25: heartbeat bare: every: `3600` has no unit; write 3600s",
            "a.yaml:8:42: heartbeat bare: post_only: true or false is expected, not `yes`",
            "a.yaml:9:30: heartbeat token: tz: belongs to `cron`; leave it out, or give `cron`",
            "a.yaml:9:39: heartbeat token: token: `token` is no key of a heartbeat: name, every, cron, tz, grace, max_run, alarm_before_first_ping, post_only, severity, labels, notify",
            "a.yaml:9:56: heartbeat token: grace: `5` has no unit; write 5s",
            "a.yaml:10:5: heartbeat bad: a heartbeat needs a schedule: every, cron",
            "a.yaml:10:17: heartbeat bad: token: `token` is no key of a heartbeat: name, every, cron, tz, grace, max_run, alarm_before_first_ping, post_only, severity, labels, notify",
            "a.yaml:11:36: heartbeat empty: tz: is empty; give a value, or leave the key out",
        ]
    );
}

#[test]
fn monitors_and_heartbeats_share_their_names() {
    let said = texts(&[
        ("a.yaml", "heartbeats: [{name: api, every: 1h}]"),
        (
            "b.yaml",
            "monitors: [{name: api, http: {url: 'https://example.com'}}]\nheartbeats: [{name: api, every: 1h}]",
        ),
    ]);
    assert_eq!(
        said.faults.lines(),
        [
            "b.yaml:1:19: monitor api: name: is that of a heartbeat at a.yaml:1:21; monitors and heartbeats share their names: take another",
            "b.yaml:2:21: heartbeat api: is given twice; first at a.yaml:1:21",
        ]
    );
}

#[test]
fn what_the_coordinator_finds_of_heartbeats_is_led_back_to_its_place() {
    let mut read = texts(&[(
        "a.yaml",
        "heartbeats:
  - name: api
    cron: 99 * * * *
    notify: [ops, nobody]
  - {name: typo, evry: 1h}
",
    )]);
    let problem = |field: &str, message: &str| v1::ConfigProblem {
        field: field.to_owned(),
        message: message.to_owned(),
        remedy: String::new(),
    };
    read.faults.take_coordinators(vec![
        problem("heartbeats[0].name", "`api` is a monitor"),
        problem(
            "heartbeats[0].cron",
            "`99 * * * *` is no cron expression: 99",
        ),
        problem("heartbeats[0].notify", "channel `nobody` does not exist"),
        problem("heartbeats[1].every", "a heartbeat needs a schedule"),
    ]);
    assert_eq!(
        read.faults.lines(),
        [
            "a.yaml:2:11: heartbeat api: name: `api` is a monitor",
            "a.yaml:3:11: heartbeat api: cron: `99 * * * *` is no cron expression: 99",
            "a.yaml:4:19: heartbeat api: notify: channel `nobody` does not exist",
            "a.yaml:5:18: heartbeat typo: evry: `evry` is no key of a heartbeat; did you mean `every`?",
        ]
    );
}

#[test]
fn only_what_differs_from_its_default_is_exported() {
    let given = right(
        "
heartbeats:
  - {name: plain, every: 25h, grace: 0s, max_run: 0s, severity: critical, post_only: false}
  - {name: timed, cron: 0 2 * * *, tz: UTC, grace: 10m}
  - {name: strict, cron: 15 3 * * mon-fri, tz: Asia/Kathmandu, grace: 0s, max_run: 1h30m,
     alarm_before_first_ping: true, post_only: true, severity: info, labels: {b: '1', a: x}, notify: [ops]}
",
    );
    let text = serde_saphyr::to_string(&document(&given)).unwrap();
    let written: serde_json::Value = serde_saphyr::from_str(&text).unwrap();
    assert_eq!(
        written,
        serde_json::json!({ "heartbeats": [
            { "name": "plain", "every": "25h" },
            { "name": "timed", "cron": "0 2 * * *" },
            {
                "name": "strict", "cron": "15 3 * * mon-fri", "tz": "Asia/Kathmandu", "grace": "0s",
                "max_run": "1h30m", "alarm_before_first_ping": true, "post_only": true,
                "severity": "info", "labels": { "a": "x", "b": "1" }, "notify": ["ops"],
            },
        ]})
    );
    let again = right(&text);
    assert_eq!(specs(&again)[2], specs(&given)[2], "{text}");
}

#[test]
fn the_schema_knows_either_schedule() {
    let schema = schema();
    let heartbeat = &schema["properties"]["heartbeats"]["items"];
    assert_eq!(
        heartbeat["oneOf"],
        serde_json::json!([{ "required": ["every"] }, { "required": ["cron"] }])
    );
    assert_eq!(
        heartbeat["dependentRequired"],
        serde_json::json!({ "tz": ["cron"] })
    );
    assert_eq!(heartbeat["required"], serde_json::json!(["name"]));
}
