use proptest::prelude::*;

use super::*;
use crate::monitor::Severity;

fn regions() -> Vec<Region> {
    ["us-east", "eu-west", "ap-southeast"]
        .map(|r| Region::parse(r).unwrap())
        .into()
}

fn channels() -> BTreeMap<Name, ChannelId> {
    [(Name::parse("ops").unwrap(), ChannelId::from_bytes([7; 16]))].into()
}

fn check(draft: &MonitorDraft) -> Result<MonitorSpec, Problems> {
    let (regions, channels) = (regions(), channels());
    draft.check(&Known {
        regions: Some(&regions),
        channels: Some(&channels),
        addresses: Some(&AddressPolicy::default()),
    })
}

fn draft() -> MonitorDraft {
    http(HttpDraft::default())
}

fn http(http: HttpDraft) -> MonitorDraft {
    MonitorDraft {
        name: Some("api".into()),
        http: Some(HttpDraft {
            url: http
                .url
                .clone()
                .or(Some("https://api.example.com/health".into())),
            ..http
        }),
        ..MonitorDraft::default()
    }
}

fn url(text: &str) -> MonitorDraft {
    http(HttpDraft {
        url: Some(text.into()),
        ..HttpDraft::default()
    })
}

/// The one problem of a draft, as it is shown.
fn problem(draft: &MonitorDraft) -> String {
    let problems = check(draft).unwrap_err();
    assert_eq!(problems.as_slice().len(), 1, "{problems}");
    problems.to_string()
}

fn http_of(spec: &MonitorSpec) -> &crate::monitor::HttpSpec {
    let Kind::Http(http) = &spec.kind;
    http
}

fn texts(list: &[&str]) -> Option<Vec<String>> {
    Some(list.iter().map(ToString::to_string).collect())
}

#[test]
fn a_name_and_a_url_are_enough() {
    let spec = check(&draft()).unwrap();
    assert_eq!((spec.interval.as_secs(), spec.timeout.as_secs()), (30, 10));
    assert_eq!(spec.regions, {
        let mut all = regions();
        all.sort();
        all
    });
    assert_eq!(spec.quorum, Policy::Majority);
    assert_eq!((spec.failures.get(), spec.successes.get()), (1, 1));
    assert_eq!(spec.regional_after.as_secs(), 300);
    assert_eq!(spec.severity, Severity::Critical);
    assert_eq!(spec.target(), "https://api.example.com/health");
    assert_eq!(spec.display_target(), "api.example.com/health");
    let http = http_of(&spec);
    assert_eq!((http.method.as_str(), http.follow_redirects), ("GET", 10));
    assert_eq!(http.expect_status.to_string(), "2xx");
}

#[test]
fn the_timeout_follows_a_short_interval() {
    let short = MonitorDraft {
        every: Some(Duration::from_secs(5)),
        ..draft()
    };
    assert_eq!(check(&short).unwrap().timeout.as_secs(), 5);
}

#[test]
fn redirects_are_answers_where_one_is_expected() {
    let expects = |status: &str| {
        let http_draft = HttpDraft {
            expect_status: Some(status.into()),
            ..HttpDraft::default()
        };
        http_of(&check(&http(http_draft)).unwrap()).follow_redirects
    };
    assert_eq!(
        (expects("200"), expects("301"), expects("200,302")),
        (10, 0, 0)
    );
}

#[test]
fn everything_wrong_is_said_at_once_by_the_names_that_users_write() {
    let wrong = MonitorDraft {
        name: Some("-api-".into()),
        every: Some(Duration::from_millis(10)),
        timeout: Some(Duration::from_millis(20)),
        regions: texts(&["us-east", "mars", "US"]),
        quorum: Some("most".into()),
        failures: Some(0),
        severity: Some("bad".into()),
        labels: Some([("a b".to_owned(), "x".to_owned())].into()),
        notify: texts(&["nobody"]),
        http: Some(HttpDraft {
            url: Some("ftp://x".into()),
            method: Some("CONNECT".into()),
            header: texts(&["no colon", "Content-Length: 5"]),
            expect_status: Some("2oo".into()),
            matches: texts(&["("]),
            json: texts(&["$.status"]),
            expect_header: texts(&["a b: c"]),
            degraded_latency: Some(vec![Duration::from_secs(3), Duration::from_secs(1)]),
            follow_redirects: Some(1000),
            basic: Some("nocolon".into()),
            bearer: Some("with space".into()),
            ip: Some("5".into()),
            ..HttpDraft::default()
        }),
        ..MonitorDraft::default()
    };
    let problems = check(&wrong).unwrap_err();
    let fields: Vec<&str> = problems
        .as_slice()
        .iter()
        .map(|p| p.field.as_str())
        .collect();
    for field in [
        "name",
        "every",
        "timeout",
        "regions",
        "quorum",
        "failures",
        "severity",
        "labels",
        "notify",
        "http.url",
        "http.method",
        "http.header",
        "http.expect_status",
        "http.matches",
        "http.json",
        "http.expect_header",
        "http.degraded_latency",
        "http.follow_redirects",
        "http.basic",
        "http.bearer",
        "http.ip",
    ] {
        assert!(fields.contains(&field), "{field} is not in {fields:?}");
    }
}

#[test]
fn unknown_regions_and_channels_are_dangling_and_malformed_ones_are_not() {
    let dangling = |draft: &MonitorDraft| check(draft).unwrap_err().as_slice()[0].dangling;
    assert!(dangling(&MonitorDraft {
        regions: texts(&["mars"]),
        ..draft()
    }));
    assert!(dangling(&MonitorDraft {
        notify: texts(&["nobody"]),
        ..draft()
    }));
    assert!(!dangling(&MonitorDraft {
        regions: texts(&["MARS"]),
        ..draft()
    }));
    assert_eq!(
        problem(&MonitorDraft {
            regions: texts(&["mars"]),
            ..draft()
        }),
        "regions: region `mars` does not exist; there are us-east, eu-west, ap-southeast"
    );
}

#[test]
fn channels_are_named_or_given_by_id() {
    let id = ChannelId::from_bytes([7; 16]);
    let both = MonitorDraft {
        notify: texts(&["ops", &id.to_string()]),
        ..draft()
    };
    assert_eq!(check(&both).unwrap().notify, [id]);
}

#[test]
fn a_timeout_longer_than_the_interval_is_refused() {
    let slow = MonitorDraft {
        timeout: Some(Duration::from_secs(31)),
        ..draft()
    };
    assert_eq!(
        problem(&slow),
        "timeout: 31s is longer than the interval of 30s; use at most 30s, or check less often"
    );
}

#[test]
fn a_quorum_that_can_never_be_met_is_refused() {
    let four = MonitorDraft {
        quorum: Some("4".into()),
        ..draft()
    };
    assert!(problem(&four).starts_with("quorum: 4 of 3 regions can never agree"));
    let three = MonitorDraft {
        quorum: Some("3".into()),
        ..draft()
    };
    assert!(check(&three).is_ok());
    assert!(
        problem(&MonitorDraft {
            quorum: Some("0".into()),
            ..draft()
        })
        .contains("`0`")
    );
}

#[test]
fn urls_are_refused_with_the_remedy() {
    let cases = [
        ("", "a URL is missing"),
        (
            "api.example.com/health",
            "write https://api.example.com/health",
        ),
        ("localhost:8000/x", "write https://localhost:8000/x"),
        ("ftp://example.com", "neither http nor https"),
        ("https://", "is no URL"),
        ("https://exa mple.com", "is no URL"),
        ("https://example.com:99999/", "is no URL"),
        ("https://example.com:0/", "port 0"),
    ];
    for (text, said) in cases {
        let shown = problem(&url(text));
        assert!(
            shown.starts_with("http.url: ") && shown.contains(said),
            "{text}: {shown}"
        );
    }
}

#[test]
fn an_address_that_agents_may_not_reach_is_named_when_it_is_given() {
    for denied in [
        "http://127.0.0.1:8000/",
        "http://localhost:8000/",
        "http://[::1]/",
        "http://10.0.0.1/",
        "http://169.254.169.254/latest",
        "http://2130706433/",
        "http://[::ffff:127.0.0.1]/",
    ] {
        let shown = problem(&url(denied));
        assert!(
            shown.contains("agents may not reach; to allow it"),
            "{denied}: {shown}"
        );
    }
    let (regions, local) = (regions(), AddressPolicy::local());
    let known = Known {
        regions: Some(&regions),
        addresses: Some(&local),
        ..Known::default()
    };
    assert!(url("http://localhost:8000/").check(&known).is_ok());
    assert!(url("http://169.254.169.254/").check(&known).is_err());
}

#[test]
fn user_info_in_a_url_becomes_basic_authentication() {
    let spec = check(&url("https://me:p%40ss@api.example.com/x")).unwrap();
    let http = http_of(&spec);
    let basic = http.basic.as_ref().unwrap();
    assert_eq!(
        (basic.user.as_str(), basic.password.expose()),
        ("me", "p@ss")
    );
    assert_eq!(http.url.as_str(), "https://api.example.com/x");
}

#[test]
fn credentials_are_given_once() {
    let twice = [
        HttpDraft {
            basic: Some("a:b".into()),
            bearer: Some("t".into()),
            ..HttpDraft::default()
        },
        HttpDraft {
            url: Some("https://a:b@x.example/".into()),
            bearer: Some("t".into()),
            ..HttpDraft::default()
        },
        HttpDraft {
            basic: Some("a:b".into()),
            header: texts(&["Authorization: x"]),
            ..HttpDraft::default()
        },
    ];
    for draft in twice {
        assert!(problem(&http(draft)).contains("given twice"));
    }
}

#[test]
fn a_body_assertion_on_head_is_refused() {
    let head = HttpDraft {
        method: Some("HEAD".into()),
        contains: texts(&["ok"]),
        ..HttpDraft::default()
    };
    assert!(problem(&http(head)).contains("have no body"));
}

#[test]
fn no_message_and_no_debug_form_shows_a_secret() {
    let secret = HttpDraft {
        url: Some("https://u:hunter2@api.example.com/x?key=hunter2".into()),
        header: texts(&["X-Api-Key: hunter2", "hunter2-without-colon"]),
        body: Some("password=hunter2".into()),
        ..HttpDraft::default()
    };
    let mut shown = format!("{secret:?}");
    let refused = check(&http(secret.clone())).unwrap_err().to_string();
    shown.push_str(&refused);
    let fine = HttpDraft {
        header: texts(&["X-Api-Key: hunter2"]),
        ..secret
    };
    let spec = check(&http(fine)).unwrap();
    shown.push_str(&format!(
        "{spec:?} {:?} {}",
        http_of(&spec).headers,
        spec.target()
    ));
    let broken = [
        url("https://u:hunter2@:80/"),
        url("htp://u:hunter2@x/?hunter2"),
        url("u:hunter2@api.example.com"),
        http(HttpDraft {
            basic: Some("hunter2".into()),
            ..HttpDraft::default()
        }),
        http(HttpDraft {
            bearer: Some("hunter2 \n".into()),
            ..HttpDraft::default()
        }),
    ];
    for draft in broken {
        shown.push_str(&check(&draft).unwrap_err().to_string());
    }
    assert!(!shown.contains("hunter2"), "{shown}");
}

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

#[test]
fn a_specification_fits_into_one_stored_value() {
    let large = HttpDraft {
        body: Some("x".repeat(SPEC_MAX)),
        ..HttpDraft::default()
    };
    assert!(problem(&http(large)).starts_with("http: the request and its assertions are"));
}

#[test]
fn without_a_region_the_remedy_is_the_command_that_makes_one() {
    let known = Known {
        regions: Some(&[]),
        ..Known::default()
    };
    let refused = draft().check(&known).unwrap_err().to_string();
    assert!(refused.contains("vigilmon agent token add"), "{refused}");
}

proptest! {
    #[test]
    fn no_input_panics(
        name in ".{0,20}", target in "(https?://)?.{0,40}", header in ".{0,20}", status in ".{0,10}",
        json in ".{0,30}", basic in ".{0,10}", quorum in ".{0,5}", every in any::<u64>(), timeout in any::<u64>(),
    ) {
        let wild = MonitorDraft {
            name: Some(name),
            every: Some(Duration::from_millis(every)),
            timeout: Some(Duration::from_micros(timeout)),
            quorum: Some(quorum),
            http: Some(HttpDraft {
                url: Some(target),
                header: Some(vec![header.clone()]),
                expect_header: Some(vec![header]),
                expect_status: Some(status),
                json: Some(vec![json.clone()]),
                matches: Some(vec![json]),
                basic: Some(basic.into()),
                ..HttpDraft::default()
            }),
            ..MonitorDraft::default()
        };
        if let Ok(spec) = check(&wild) {
            prop_assert_eq!(MonitorDraft::of(&spec).check(&Known::default()), Ok(spec));
        }
    }
}
