//! Drafts of what is stored already.

use super::*;

#[test]
fn a_specification_survives_its_draft() {
    let full = HttpDraft {
        url: Some("https://api.example.com:8443/a?b=c".into()),
        method: Some("post".into()),
        header: texts(&["Accept: */*", "X-Api-Key: k"]),
        body: Some("{}".into()),
        expect_status: Some("200,301-304".into()),
        contains: texts(&["a"]),
        not_contains: texts(&["b"]),
        matches: texts(&["c+"]),
        json: texts(&["$.a == 1"]),
        expect_header: texts(&["x: y", "z:"]),
        max_latency: Some(Duration::from_secs(3)),
        degraded_latency: Some(vec![Duration::from_secs(1), Duration::from_secs(2)]),
        follow_redirects: Some(2),
        insecure: Some(true),
        basic: Some("u:p:q".into()),
        ip: Some("6".into()),
        ..HttpDraft::default()
    };
    let bearer = HttpDraft {
        bearer: Some("t".into()),
        ..HttpDraft::default()
    };
    for draft in [http(full), http(bearer), draft()] {
        let spec = check(&draft).unwrap();
        let again = MonitorDraft::of(&spec).check(&Known::default()).unwrap();
        assert_eq!(again, spec);
        assert_eq!(again.meaning(), spec.meaning());
    }
}

#[test]
fn an_edit_changes_what_it_names_and_what_follows_from_that() {
    let before = check(&MonitorDraft {
        severity: Some("info".into()),
        ..draft()
    })
    .unwrap();
    let over = MonitorDraft {
        every: Some(Duration::from_secs(5)),
        http: Some(HttpDraft {
            expect_status: Some("301".into()),
            ..HttpDraft::default()
        }),
        ..MonitorDraft::default()
    };
    let after = check(&MonitorDraft::edited(&before, over)).unwrap();
    assert_eq!((after.interval.as_secs(), after.timeout.as_secs()), (5, 5));
    assert_eq!(http_of(&after).follow_redirects, 0);
    assert_eq!(
        (after.severity, &after.name),
        (Severity::Info, &before.name)
    );
    assert_eq!(http_of(&after).url, http_of(&before).url);
}

#[test]
fn an_edit_takes_away_by_what_is_empty() {
    let rich = HttpDraft {
        body: Some("x".into()),
        bearer: Some("t".into()),
        contains: texts(&["a"]),
        max_latency: Some(Duration::from_secs(3)),
        degraded_latency: Some(vec![Duration::from_secs(1)]),
        ..HttpDraft::default()
    };
    let before = check(&http(rich)).unwrap();
    let over = HttpDraft {
        body: Some(String::new()),
        bearer: Some("".into()),
        contains: Some(vec![]),
        max_latency: Some(Duration::ZERO),
        degraded_latency: Some(vec![]),
        ..HttpDraft::default()
    };
    let over = MonitorDraft {
        http: Some(over),
        ..MonitorDraft::default()
    };
    let after = check(&MonitorDraft::edited(&before, over)).unwrap();
    assert_eq!(after, check(&draft()).unwrap());
}
