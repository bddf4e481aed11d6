use super::*;

fn checker() -> Checker {
    Checker {
        key: SecretKey::from_bytes(&[1; 32]),
        addresses: AddressPolicy::new(Vec::new()),
        mail: true,
    }
}

fn refusal<T: std::fmt::Debug>(result: Result<T, Problems>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn a_webhook_is_shown_without_what_may_be_a_key() {
    let (shown, sealed) = checker()
        .url(
            "webhook",
            "https://user:pw@hooks.example.com:8443/services/T0/B1?key=abc",
        )
        .unwrap();
    assert_eq!(shown, "https://hooks.example.com:8443/…");
    let opened = checker().key.unseal_text(&sealed.0).unwrap();
    assert!(opened.ends_with("/services/T0/B1?key=abc"));
    let (shown, _) = checker()
        .url("webhook", "http://hooks.example.com")
        .unwrap();
    assert_eq!(shown, "http://hooks.example.com/");
}

#[test]
fn urls_that_are_no_webhooks_are_refused_with_the_remedy() {
    for (url, part) in [
        ("", "is not a URL"),
        ("hooks.example.com/x", "is not a URL"),
        ("ftp://example.com/", "`ftp`"),
        ("file:///etc/passwd", "`file`"),
        ("http://127.0.0.1/x", "a loopback address"),
        ("http://localhost:9000/x", "a loopback address"),
        ("http://[::1]/x", "a loopback address"),
        ("http://10.1.2.3/x", "--allow-net 10.1.2.3/32"),
        ("http://169.254.169.254/latest", "metadata"),
    ] {
        let refused = refusal(checker().url("webhook", url));
        assert!(refused.starts_with("webhook.url: "), "{refused}");
        assert!(refused.contains(part), "{url}: {refused}");
    }
    let long = format!("https://example.com/{}", "x".repeat(URL_MAX));
    assert!(refusal(checker().url("webhook", &long)).contains("at most 2048"));
}

#[test]
fn addresses_that_the_operator_allowed_are_taken() {
    let local = Checker {
        addresses: AddressPolicy::local(),
        ..checker()
    };
    assert!(local.url("webhook", "http://127.0.0.1:9000/x").is_ok());
    assert!(local.url("webhook", "http://localhost:9000/x").is_ok());
    assert!(local.url("webhook", "http://169.254.169.254/").is_err());
}

#[test]
fn a_secret_is_made_where_none_is_given() {
    let (sealed, made) = checker().webhook_secret(None, [7; 32]).unwrap();
    let made = made.unwrap();
    assert!(check_secret(&made).is_ok(), "{made}");
    assert_eq!(*checker().key.unseal_text(&sealed.0).unwrap(), made);
}

#[test]
fn a_secret_that_is_none_is_refused() {
    let good = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    let (_, made) = checker().webhook_secret(Some(good), [7; 32]).unwrap();
    assert_eq!(made, None);
    for bad in [
        "",
        "whsec_",
        "whsec_abcd",
        "whsec_!!!!",
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    ] {
        let refused = refusal(checker().webhook_secret(Some(bad), [7; 32]));
        assert!(refused.contains("whsec_ and the base64"), "{refused}");
        assert!(
            bad.len() < 8 || !refused.contains(bad),
            "no secret in a message"
        );
    }
}

#[test]
fn receivers_are_checked_all_at_once_and_kept_once() {
    let to = |list: &[&str]| list.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>();
    let kept = checker().email(&to(&["ops@example.com", " OPS@example.com "]));
    assert_eq!(kept.unwrap(), ["ops@example.com"]);
    let refused = refusal(checker().email(&to(&["no", "a@b@c", "x@example.com\r\nBcc: y@z.org"])));
    assert_eq!(
        refused
            .lines()
            .filter(|l| l.contains("is not a mail"))
            .count(),
        3
    );
    assert!(refusal(checker().email(&[])).contains("name 1 to 50"));
}

#[test]
fn mail_without_a_relay_is_refused_with_the_full_line_to_set() {
    let without = Checker {
        mail: false,
        ..checker()
    };
    let refused = refusal(without.email(&["ops@example.com".to_owned()]));
    assert!(refused.contains("VIGILMON_SMTP_URL=smtp://"), "{refused}");
    assert!(refused.contains("VIGILMON_SMTP_FROM="), "{refused}");
}

#[test]
fn a_refused_url_is_named_by_its_kind() {
    for kind in ["webhook", "slack", "discord"] {
        let refused = refusal(checker().url(kind, "nowhere"));
        assert_eq!(
            refused,
            format!("{kind}.url: is not a URL; write an http:// or https:// URL")
        );
    }
}
