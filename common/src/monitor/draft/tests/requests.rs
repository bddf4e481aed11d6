//! What is asked of a target, and what must not be: URLs, credentials, redirects.

use super::*;

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
