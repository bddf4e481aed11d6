use vigilmon_common::monitor::{HttpDraft, Kind};

use super::*;
use crate::check::tests::support;

fn spec() -> HttpSpec {
    let http = HttpDraft {
        method: Some("POST".into()),
        body: Some("data".into()),
        ..HttpDraft::default()
    };
    let Kind::Http(http) = support::spec("https://a.example/x/y?q=1", http).kind;
    *http
}

fn after(status: u16, location: &str) -> Option<Hop> {
    let spec = spec();
    let hop = Hop::first(&spec).after(status, Some(location.as_bytes()), &spec);
    hop.unwrap()
}

#[test]
fn locations_are_relative_to_the_hop() {
    let url = |location: &str| after(302, location).unwrap().url.to_string();
    assert_eq!(url("z"), "https://a.example/x/z");
    assert_eq!(url("/z#part"), "https://a.example/z");
    assert_eq!(url("//b.example/"), "https://b.example/");
    assert_eq!(url("?r=2"), "https://a.example/x/y?r=2");
}

#[test]
fn only_redirects_that_say_where_are_followed() {
    for status in [200, 300, 304, 305, 404] {
        assert_eq!(after(status, "/z"), None, "{status}");
    }
    let spec = spec();
    assert_eq!(Hop::first(&spec).after(302, None, &spec), Ok(None));
}

#[test]
fn credentials_do_not_leave_the_origin_and_do_not_come_back() {
    let spec = spec();
    for (location, kept) in [
        ("/z", true),
        ("https://a.example:443/z", true),
        ("http://a.example/z", false),
        ("https://a.example:8443/z", false),
        ("https://b.example/z", false),
    ] {
        assert_eq!(
            after(307, location).unwrap().with_credentials,
            kept,
            "{location}"
        );
    }
    let away = after(307, "https://b.example/").unwrap();
    let back = away
        .after(307, Some(b"https://a.example/"), &spec)
        .unwrap()
        .unwrap();
    assert!(!back.with_credentials);
}
