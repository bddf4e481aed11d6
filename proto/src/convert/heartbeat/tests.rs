use vigilmon_common::heartbeat::{Method, Signal};
use vigilmon_common::id::MonitorId;
use vigilmon_common::monitor::draft::Known;
use vigilmon_common::time::Time;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn check(draft: &HeartbeatDraft) -> HeartbeatSpec {
    draft.check(&Known::default()).expect("a good draft")
}

fn every(every: Duration) -> v1::HeartbeatSpec {
    v1::HeartbeatSpec {
        schedule: Some(WireSchedule::Every(duration(every))),
        ..v1::HeartbeatSpec::default()
    }
}

fn cron(expression: &str, time_zone: &str) -> v1::HeartbeatSpec {
    v1::HeartbeatSpec {
        schedule: Some(WireSchedule::Cron(v1::CronSchedule {
            expression: expression.to_owned(),
            time_zone: time_zone.to_owned(),
        })),
        ..v1::HeartbeatSpec::default()
    }
}

fn stored() -> HeartbeatSpec {
    let wire = v1::HeartbeatSpec {
        grace: Some(duration(HOUR)),
        max_run: Some(duration(2 * HOUR)),
        post_only: true,
        severity: v1::Severity::Warning.into(),
        labels: [("team".to_owned(), "data".to_owned())].into(),
        ..every(25 * HOUR)
    };
    check(&draft_from_wire("nightly", &wire).unwrap())
}

fn answered(spec: HeartbeatSpec) -> v1::Heartbeat {
    let heartbeat = Heartbeat {
        id: MonitorId::from_bytes([1; 16]),
        spec,
        paused: false,
        created_at: Time::from_secs(1),
        updated_at: Time::from_secs(2),
        version: 3,
        tokens: Vec::new(),
    };
    heartbeat_to_wire(&heartbeat, "default", None, &|_| None)
}

fn edited(wire: &v1::Heartbeat, mask: &[&str]) -> Result<HeartbeatSpec, Problems> {
    let mask: Vec<String> = mask.iter().map(ToString::to_string).collect();
    let patch = patch_from_wire(wire, &mask, &stored())?;
    Ok(check(&HeartbeatDraft::edited(&stored(), patch)))
}

fn of(spec: v1::HeartbeatSpec) -> v1::Heartbeat {
    v1::Heartbeat {
        spec: Some(spec),
        ..v1::Heartbeat::default()
    }
}

fn fields(problems: &Problems) -> Vec<&str> {
    problems.as_slice().iter().map(|one| &*one.field).collect()
}

#[test]
fn what_is_answered_may_be_sent_back() {
    let answer = answered(stored());
    assert_eq!(
        (answer.etag.as_str(), answer.slug.as_str()),
        ("3", "nightly")
    );
    assert_eq!(answer.ping_url, "");
    assert_eq!(edited(&answer, &[]).unwrap(), stored());
    let nightly = check(&draft_from_wire("n", &cron("0 2 * * *", "Europe/Berlin")).unwrap());
    assert_eq!(nightly.grace, CRON_GRACE_DEFAULT);
    let back = draft_from_wire("n", &answered(nightly.clone()).spec.unwrap()).unwrap();
    assert_eq!(check(&back), nightly);
}

#[test]
fn an_update_changes_what_its_mask_names_and_nothing_else() {
    let changed = edited(&of(every(HOUR)), &["spec.every"]).unwrap();
    assert_eq!(changed.schedule, Schedule::Every(HOUR));
    assert_eq!((changed.grace, changed.post_only), (HOUR, true));
    let renamed = v1::Heartbeat {
        name: "other".to_owned(),
        ..v1::Heartbeat::default()
    };
    let changed = edited(&renamed, &[]).unwrap();
    assert_eq!(changed.name.as_str(), "other");
    assert_eq!(changed.schedule, stored().schedule);
}

#[test]
fn a_named_field_that_is_absent_gets_its_default() {
    let bare = of(v1::HeartbeatSpec::default());
    let mask = [
        "spec.grace",
        "spec.max_run",
        "spec.post_only",
        "spec.severity",
        "spec.labels",
    ];
    let changed = edited(&bare, &mask).unwrap();
    assert_eq!((changed.grace, changed.max_run), (Duration::ZERO, None));
    assert!(!changed.post_only && changed.labels.is_empty());
    assert_eq!(changed.severity, Severity::Critical);
    let whole = edited(&of(cron("0 2 * * *", "")), &["spec"]).unwrap();
    assert_eq!(
        whole,
        check(&draft_from_wire("nightly", &cron("0 2 * * *", "UTC")).unwrap())
    );
}

#[test]
fn a_part_of_a_cron_schedule_that_is_named_must_be_given() {
    for path in ["spec.cron.expression", "spec.cron.time_zone"] {
        for given in [every(HOUR), v1::HeartbeatSpec::default()] {
            let refused = edited(&of(given), &[path]).unwrap_err();
            assert_eq!(fields(&refused), ["cron"], "{path}");
            assert!(refused.to_string().contains(path), "{refused}");
        }
    }
}

#[test]
fn what_has_no_form_in_a_draft_is_refused_by_field() {
    let refused = edited(&of(v1::HeartbeatSpec::default()), &["spec"]).unwrap_err();
    assert_eq!(fields(&refused), ["every"]);
    let refused = edited(&of(every(HOUR)), &["spec.cron", "spec.nothing"]).unwrap_err();
    assert_eq!(fields(&refused), ["update_mask", "cron"]);
    let broken = v1::HeartbeatSpec {
        grace: Some(prost_types::Duration {
            seconds: -1,
            nanos: 0,
        }),
        severity: 99,
        ..every(HOUR)
    };
    let refused = draft_from_wire("n", &broken).unwrap_err();
    assert_eq!(fields(&refused), ["grace", "severity"]);
}

#[test]
fn a_ping_says_what_is_known_of_it() {
    let ping = Ping {
        heartbeat: MonitorId::from_bytes([1; 16]),
        seq: 900,
        n: 7,
        total: 7,
        at: Time::from_secs(5),
        signal: Signal::Exit(3),
        rid: Some("a".into()),
        method: Method::Post,
        from: "::1".parse().ok(),
        agent: "curl/8".into(),
        count: 1,
        shared: false,
        body_kept: 10,
        body_size: 20,
    };
    let mark = Mark {
        run: Some(HOUR),
        never_finished: false,
    };
    let wire = ping_to_wire(&ping, &mark);
    assert_eq!((wire.number, wire.signal.as_str()), (7, "exit 3"));
    assert_eq!((wire.from.as_str(), wire.method.as_str()), ("::1", "POST"));
    assert_eq!(wire.run, Some(duration(HOUR)));
}
