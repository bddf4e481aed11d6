use vigilmon_common::monitor::draft::Known;
use vigilmon_common::time::Time;

use super::*;

fn regions() -> Vec<Region> {
    ["ap-southeast", "eu-west", "us-east"]
        .map(|id| Region::parse(id).unwrap())
        .to_vec()
}

fn check(draft: &MonitorDraft) -> MonitorSpec {
    let regions = regions();
    let known = Known {
        regions: Some(&regions),
        ..Known::default()
    };
    draft.check(&known).expect("a good draft")
}

fn http(url: &str) -> v1::MonitorSpec {
    let http = v1::HttpSpec {
        url: url.to_owned(),
        bearer: "token".to_owned(),
        contains: vec!["ok".to_owned()],
        ..v1::HttpSpec::default()
    };
    v1::MonitorSpec {
        interval: Some(duration(Duration::from_secs(60))),
        quorum: "all".to_owned(),
        severity: v1::Severity::Warning.into(),
        kind: Some(v1::monitor_spec::Kind::Http(http)),
        ..v1::MonitorSpec::default()
    }
}

fn stored() -> MonitorSpec {
    check(&draft_from_wire("api", &http("https://example.com/a?key=secret")).unwrap())
}

fn answered(spec: MonitorSpec) -> v1::Monitor {
    let monitor = Monitor {
        id: MonitorId::from_bytes([1; 16]),
        spec,
        paused: false,
        created_at: Time::from_secs(1),
        updated_at: Time::from_secs(2),
        version: 3,
    };
    monitor_to_wire(&monitor, "default", None, &|_| None)
}

fn edited(wire: &v1::Monitor, mask: &[&str]) -> Result<MonitorSpec, Problems> {
    let mask: Vec<String> = mask.iter().map(ToString::to_string).collect();
    let patch = patch_from_wire(wire, &mask, &stored(), &regions())?;
    Ok(check(&MonitorDraft::edited(&stored(), patch)))
}

#[test]
fn what_is_answered_shows_no_secret_and_may_be_sent_back() {
    let answer = answered(stored());
    let text = format!("{answer:?}");
    assert!(
        !text.contains("secret") && !text.contains("token"),
        "{text}"
    );
    assert_eq!(answer.target, "https://example.com/a?key=…");
    assert_eq!(edited(&answer, &[]), Ok(stored()));
    assert_eq!(edited(&answer, &["name", "spec"]), Ok(stored()));
}

#[test]
fn a_mask_changes_what_it_names_and_nothing_else() {
    let wire = v1::Monitor {
        name: "ignored".to_owned(),
        spec: Some(v1::MonitorSpec {
            failures: Some(3),
            kind: Some(v1::monitor_spec::Kind::Http(v1::HttpSpec {
                expect_status: "200".to_owned(),
                ..v1::HttpSpec::default()
            })),
            ..v1::MonitorSpec::default()
        }),
        ..v1::Monitor::default()
    };
    let after = edited(&wire, &["spec.failures", "spec.http.expect_status"]).unwrap();
    let Kind::Http(http) = &after.kind;
    assert_eq!(http.expect_status.to_string(), "200");
    assert_eq!(
        http.bearer.as_ref().map(|bearer| bearer.expose()),
        Some("token")
    );
    let mut same = after.clone();
    same.failures = stored().failures;
    same.kind = stored().kind;
    assert_eq!((after.failures.get(), same), (3, stored()));
}

#[test]
fn a_named_field_that_is_absent_gets_its_default() {
    let wire = v1::Monitor::default();
    let mask = [
        "spec.interval",
        "spec.quorum",
        "spec.severity",
        "spec.http.contains",
        "spec.http.bearer",
    ];
    let after = edited(&wire, &mask).unwrap();
    assert_eq!(after.interval, INTERVAL_DEFAULT);
    assert_eq!(after.quorum.to_string(), "majority");
    assert_eq!(after.severity, Severity::Critical);
    let Kind::Http(http) = &after.kind;
    assert!(http.contains.is_empty() && http.bearer.is_none());
}

#[test]
fn every_field_that_an_answer_has_may_be_named() {
    let fields = [
        "interval",
        "timeout",
        "regions",
        "quorum",
        "failures",
        "successes",
        "regional_after",
        "severity",
        "labels",
        "notify",
        "http",
        "http.url",
        "http.method",
        "http.headers",
        "http.body",
        "http.expect_status",
        "http.contains",
        "http.not_contains",
        "http.matches",
        "http.json",
        "http.expect_headers",
        "http.max_latency",
        "http.degraded_latency",
        "http.follow_redirects",
        "http.insecure",
        "http.basic",
        "http.bearer",
        "http.ip",
    ];
    let answer = answered(stored());
    for field in fields {
        let path = format!("spec.{field}");
        assert_eq!(edited(&answer, &[&path]), Ok(stored()), "{path}");
    }
}

#[test]
fn what_has_no_form_in_a_draft_is_refused_by_name() {
    let mut spec = http("https://example.com");
    spec.severity = 99;
    spec.timeout = Some(prost_types::Duration {
        seconds: -1,
        nanos: 0,
    });
    if let Some(v1::monitor_spec::Kind::Http(http)) = &mut spec.kind {
        http.bearer = "…".to_owned();
        http.headers = vec![v1::Header {
            name: "a:b".to_owned(),
            value: String::new(),
        }];
        http.ip = 6;
    }
    let problems = draft_from_wire("api", &spec).unwrap_err();
    let fields: Vec<&str> = problems
        .as_slice()
        .iter()
        .map(|p| p.field.as_str())
        .collect();
    assert_eq!(
        fields,
        [
            "http.header",
            "http.ip",
            "timeout",
            "severity",
            "http.bearer"
        ]
    );
    let unknown = edited(&v1::Monitor::default(), &["spec.http.nonsense", "kind", ""]).unwrap_err();
    assert_eq!(unknown.as_slice().len(), 3);
}

#[test]
fn a_view_keeps_its_words() {
    let view = View {
        status: Status::Down,
        since: Time::from_secs(5),
        reason: "2 of 3 failing".to_owned(),
        required: 2,
        incident: None,
        failing_since: None,
        regions: vec![RegionView {
            region: regions()[0].clone(),
            standing: Standing::Stale,
            age: Some(Duration::from_secs(9)),
            outcome: None,
            reason: None,
            because: "its agent is gone".to_owned(),
        }],
    };
    let wire = state_to_wire(MonitorId::from_bytes([1; 16]), &stored(), &view);
    assert_eq!(wire.status(), v1::MonitorStatus::Down);
    assert_eq!(wire.quorum.unwrap().rule, "all");
    assert_eq!(wire.regions[0].standing(), v1::Standing::Stale);
    assert_eq!(wire.regions[0].because, "its agent is gone");
}
