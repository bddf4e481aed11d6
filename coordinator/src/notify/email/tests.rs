use std::collections::BTreeMap;

use vigilmon_common::notify::body::Body;
use vigilmon_common::notify::delivery::Answer;
use vigilmon_common::redact::Secret;

use super::*;
use crate::notify::testkit::{Relay, row};

fn smtp(url: &str) -> Smtp {
    Smtp::parse(&Secret::new(url), "Vigilmon <vigilmon@example.org>").unwrap()
}

fn refusal(url: &str, from: &str) -> String {
    Smtp::parse(&Secret::new(url), from)
        .unwrap_err()
        .to_string()
}

async fn send(relay: &Relay) -> Attempted {
    let url = format!("smtp://127.0.0.1:{}?tls=none", relay.port);
    let mailer = Mailer::new(smtp(&url)).unwrap();
    let row = row(1, 1);
    let body = Body::from_json(&row.body).unwrap();
    let message = Message::render(&body, &BTreeMap::new(), None);
    let to = [
        "ops@example.com".to_owned(),
        "on-call@example.com".to_owned(),
    ];
    mailer.send(&to, &row, &message).await
}

#[tokio::test]
async fn a_mail_has_the_first_fact_as_subject_and_its_key_as_id() {
    let relay = Relay::start().await;
    let attempted = send(&relay).await;
    assert_eq!(attempted.answer, Answer::Delivered, "{}", attempted.detail);
    let mail = &relay.taken()[0];
    assert!(
        mail.from.contains("<vigilmon@example.org>"),
        "{}",
        mail.from
    );
    assert_eq!(mail.to.len(), 2);
    for part in [
        "Subject: DOWN: api.example.com/health (api)\n",
        "Message-ID: <msg_1_1@example.org>\n",
        "References: <incident-00000000-0000-0001-0000-000000000000@example.org>\n",
        "Auto-Submitted: auto-generated\n",
        "multipart/alternative",
        "Content-Type: text/plain; charset=utf-8",
        "Content-Type: text/html; charset=utf-8",
        "AP-Southeast",
    ] {
        let expected = part != "AP-Southeast";
        assert_eq!(
            mail.data.contains(part),
            expected,
            "{part} in {}",
            mail.data
        );
    }
}

#[tokio::test]
async fn a_page_escapes_what_the_target_said() {
    let relay = Relay::start().await;
    send(&relay).await;
    let data = &relay.taken()[0].data;
    let page = data[data.find("<!doctype").unwrap()..].replace("=\n", "");
    assert!(!page.contains("<Service>"), "{page}");
    assert!(
        page.contains("&lt;Service&gt;") || page.contains("&#60;Service&#62;"),
        "{page}"
    );
}

#[tokio::test]
async fn what_the_relay_says_decides_whether_to_try_again() {
    for (line, kind) in [
        ("450 greylisted", FailureKind::Transient),
        ("550 no such mailbox", FailureKind::Permanent),
        ("530 authentication required", FailureKind::Doubtful),
    ] {
        let relay = Relay::start().await;
        relay.refuse(line);
        let Answer::Failed(failure) = send(&relay).await.answer else {
            panic!("{line} was no failure");
        };
        assert_eq!(failure.kind, kind, "{line}: {}", failure.text);
        assert!(failure.text.contains(&line[..3]), "{}", failure.text);
    }
}

#[tokio::test]
async fn a_relay_that_is_not_there_may_come_back() {
    let relay = Relay::start().await;
    let port = relay.port;
    drop(relay);
    let mailer = Mailer::new(smtp(&format!("smtp://127.0.0.1:{port}?tls=none"))).unwrap();
    let message = Message::render(
        &Body::of_test(super::super::testkit::now()),
        &BTreeMap::new(),
        None,
    );
    let sent = mailer
        .send(&["ops@example.com".to_owned()], &row(1, 1), &message)
        .await;
    let Answer::Failed(failure) = sent.answer else {
        panic!("sent");
    };
    assert_eq!(failure.kind, FailureKind::Transient, "{}", failure.text);
}

#[tokio::test]
async fn nothing_is_sent_in_the_clear_unless_that_was_asked_for() {
    let relay = Relay::start().await;
    vigilmon_runtime::tls::install_provider();
    let mailer = Mailer::new(smtp(&format!("smtp://localhost:{}", relay.port))).unwrap();
    let message = Message::render(
        &Body::of_test(super::super::testkit::now()),
        &BTreeMap::new(),
        None,
    );
    let sent = mailer
        .send(&["ops@example.com".to_owned()], &row(1, 1), &message)
        .await;
    assert!(matches!(sent.answer, Answer::Failed(_)), "{sent:?}");
    assert!(relay.taken().is_empty());
}

#[test]
fn the_relay_is_read_from_a_url_and_encrypted_by_default() {
    for (url, encryption) in [
        ("smtps://user:p%40ss@mail.example.org", Encryption::Wrapped),
        ("smtp://mail.example.org", Encryption::Required),
        ("smtp://mail.example.org?tls=required", Encryption::Required),
        (
            "smtp://mail.example.org:25?tls=opportunistic",
            Encryption::Opportunistic,
        ),
        ("smtp://[::1]:2525/?tls=none", Encryption::None),
    ] {
        assert_eq!(smtp(url).encryption(), encryption, "{url}");
    }
    let shown = format!("{:?}", smtp("smtps://user:hunter2@mail.example.org"));
    assert!(!shown.contains("hunter2"), "{shown}");
}

#[test]
fn a_relay_that_cannot_be_is_refused_with_everything_wrong() {
    for (url, part) in [
        ("mail.example.org", "is not a URL"),
        ("http://mail.example.org", "`http`"),
        ("smtp://", "names no host"),
        ("smtp://h?tls=maybe", "`tls=maybe`"),
        ("smtps://h?tls=none", "TLS anyway"),
        ("smtp://h?starttls=1", "`starttls`"),
        ("smtp://h/inbox", "`/inbox`"),
    ] {
        let refused = refusal(url, "vigilmon@example.org");
        assert!(
            refused.starts_with("VIGILMON_SMTP_URL: "),
            "{url}: {refused}"
        );
        assert!(refused.contains(part), "{url}: {refused}");
    }
    let both = refusal("smtp://u:hunter2@h?tls=maybe", "nobody");
    assert!(both.contains("VIGILMON_SMTP_FROM: `nobody`"), "{both}");
    assert!(
        both.contains("VIGILMON_SMTP_URL: ") && !both.contains("hunter2"),
        "{both}"
    );
    assert!(refusal("smtp://h", "").contains("VIGILMON_SMTP_FROM: is not set"));
}
