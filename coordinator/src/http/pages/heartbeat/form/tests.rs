//! The form as it is shown: empty, filled, refused, and too late.

use std::time::Duration;

use vigilmon_common::id::MonitorId;
use vigilmon_common::time::Time;

use super::*;
use crate::http::pages::heartbeat::tests::frame;

fn stored() -> Heartbeat {
    let draft = HeartbeatDraft {
        name: Some("nightly-backup".to_owned()),
        every: Some(Duration::from_hours(25)),
        max_run: Some(Duration::from_hours(2)),
        ..HeartbeatDraft::default()
    };
    Heartbeat {
        id: MonitorId::from_bytes([7; 16]),
        spec: draft.check(&Known::default()).unwrap(),
        paused: false,
        created_at: Time::from_millis(0),
        updated_at: Time::from_millis(0),
        version: 3,
        tokens: Vec::new(),
    }
}

fn form(edited: Option<&Heartbeat>, given: Given) -> FormPage {
    let edited = edited.map(|heartbeat| Edited {
        path: path(heartbeat.id),
        name: heartbeat.spec.name.to_string(),
        by_slug: false,
    });
    FormPage::new(frame(true), edited, given, &Directory::default())
}

fn sent(pairs: &[(&str, &str)]) -> Given {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Given::read(pairs.iter().map(own).collect())
}

fn refused(edited: Option<&Heartbeat>, given: Given) -> String {
    let problems = given.draft().unwrap_err();
    let page = form(edited, given);
    FormPage { problems, ..page }.render().unwrap()
}

#[test]
fn an_edit_begins_with_what_is_stored() {
    let heartbeat = stored();
    let page = form(Some(&heartbeat), Given::of(&heartbeat))
        .render()
        .unwrap();
    let path = path(heartbeat.id);
    assert!(page.contains(&format!("method=\"post\" action=\"{path}/edit\"")));
    assert!(page.contains("<span>Edit nightly-backup</span>"));
    for field in [
        "name=\"version\" value=\"3\"",
        "name=\"name\" value=\"nightly-backup\"",
        "name=\"every\" value=\"25h\"",
        "name=\"max_run\" value=\"2h\"",
        "<option selected>critical</option>",
        // What is given is not hidden.
        "<details open>",
    ] {
        assert!(page.contains(field), "{field}");
    }
    assert!(!page.contains("aria-invalid") && !page.contains("autofocus"));
    assert!(
        !page.contains(" style="),
        "the policy allows no styles in a page"
    );
}

#[test]
fn what_is_wrong_stands_at_its_field_and_what_was_typed_stays() {
    let given = sent(&[
        ("name", "nightly \"2\""),
        ("kind", "cron"),
        ("cron", "0 2 * *"),
        ("tz", ""),
        ("grace", "soon"),
        ("labels", "<team>"),
        ("version", "3"),
    ]);
    let page = refused(Some(&stored()), given);
    assert!(page.contains("It was not saved"));
    for field in ["name", "cron", "grace", "labels"] {
        assert!(page.contains(&format!("id=\"{field}-wrong\"")), "{field}");
    }
    for typed in [
        "nightly &#34;2&#34;",
        "0 2 * *",
        "value=\"soon\"",
        "&#60;team&#62;</textarea>",
    ] {
        assert!(page.contains(typed), "{typed}");
    }
    assert!(page.contains("name=\"version\" value=\"3\""));
    assert_eq!(
        page.matches(" autofocus").count(),
        1,
        "the first that is wrong"
    );
    // An emptied time zone is not filled anew by the page's script.
    assert!(!page.contains("data-zone"));
}

#[test]
fn who_comes_too_late_sees_what_saving_would_change() {
    let heartbeat = stored();
    let mut given = Given::of(&heartbeat);
    given.name = "nightly".to_owned();
    given.every = "26h".to_owned();
    given.post_only = true;
    let draft = given.draft().unwrap();
    let over = over(&heartbeat.spec, draft, &Directory::default());
    let said: Vec<_> = over
        .iter()
        .map(|one| (one.field, one.from.as_str(), one.to.as_str()))
        .collect();
    let wanted = [
        ("Name", "nightly-backup", "nightly"),
        ("Every", "25h", "26h"),
        ("Only POST counts", "no", "yes"),
    ];
    assert_eq!(said, wanted);
    let page = form(Some(&heartbeat), given);
    let page = FormPage { over, ..page }.render().unwrap();
    assert!(page.contains("somebody else changed it meanwhile"));
    assert!(page.contains("<span>25h</span> → <strong>26h</strong>"));
    assert!(page.contains("value=\"26h\"") && page.contains("Save all the same"));
}

#[test]
fn a_new_one_begins_empty_at_its_name() {
    let page = form(None, Given::default()).render().unwrap();
    assert!(page.contains("action=\"/heartbeats/new\"") && page.contains("data-zone"));
    assert!(!page.contains("name=\"version\"") && page.contains("<details>"));
    let begins = page.split(" autofocus").next().unwrap_or_default();
    assert!(begins.contains("id=\"name\"") && !begins.contains("id=\"every\""));
}

#[test]
fn channels_are_offered_by_name_and_the_chosen_ones_are_ticked() {
    let channel = |n: u8, name: &str, chosen| Channel {
        id: ChannelId::from_bytes([n; 16]).to_string(),
        name: name.to_owned(),
        chosen,
    };
    let page = form(None, Given::default());
    let channels = vec![channel(1, "ops", true), channel(2, "chat", false)];
    let page = FormPage { channels, ..page }.render().unwrap();
    assert!(page.contains(" checked> ops") && page.contains("\"> chat"));
}
