use proptest::prelude::*;

use super::*;
use crate::monitor::Severity;

mod edits;
mod requests;

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
