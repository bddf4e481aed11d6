//! What is typed into the form, as a draft.

use vigilmon_common::heartbeat::HeartbeatSpec;
use vigilmon_common::id::{ChannelId, MonitorId};
use vigilmon_common::time::Time;

use super::*;

fn wrong(given: &Given) -> Vec<String> {
    let problems = given.draft().unwrap_err();
    problems
        .as_slice()
        .iter()
        .map(|one| one.field.clone())
        .collect()
}

fn sent(pairs: &[(&str, &str)]) -> Given {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Given::read(pairs.iter().map(own).collect())
}

fn spec(draft: &HeartbeatDraft) -> HeartbeatSpec {
    draft.check(&Known::default()).unwrap()
}

fn stored(draft: &HeartbeatDraft) -> Heartbeat {
    Heartbeat {
        id: MonitorId::from_bytes([7; 16]),
        spec: spec(draft),
        paused: false,
        created_at: Time::from_millis(0),
        updated_at: Time::from_millis(0),
        version: 3,
        tokens: Vec::new(),
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once() {
    let given = sent(&[
        ("name", "-"),
        ("every", "often"),
        ("grace", "401d"),
        ("labels", "team\r\nteam=web\r\nteam=data"),
        ("notify", "nobody"),
    ]);
    let all = ["every", "labels", "labels", "name", "grace", "notify"];
    assert_eq!(wrong(&given), all);
    assert_eq!(wrong(&Given::default()), ["every", "name"]);
    let cron = [
        ("name", "job"),
        ("kind", "cron"),
        ("cron", "0 2 * *"),
        // What belongs to the other sort of schedule does not count.
        ("every", "often"),
    ];
    assert_eq!(wrong(&sent(&cron)), ["cron"]);
    let nowhere = [&cron[..], &[("tz", "Europe/Nowhere")]].concat();
    assert_eq!(wrong(&sent(&nowhere)), ["cron", "tz"]);
}

#[test]
fn a_form_makes_the_draft_that_it_says() {
    let given = sent(&[
        ("name", " nightly "),
        ("kind", "cron"),
        ("cron", "0 2 * * *"),
        ("tz", "Europe/Berlin"),
        ("grace", "30m"),
        ("labels", " team = data \r\n\r\ntier=1"),
    ]);
    let draft = given.draft().unwrap();
    assert_eq!(draft.name.as_deref(), Some("nightly"));
    assert_eq!(draft.tz.as_deref(), Some("Europe/Berlin"));
    assert_eq!(draft.grace, Some(Duration::from_mins(30)));
    assert_eq!(draft.every, None);
    let labels = draft.labels.unwrap();
    assert_eq!(
        (labels["team"].as_str(), labels["tier"].as_str()),
        ("data", "1")
    );
}

#[test]
fn an_empty_field_is_the_default_and_not_what_it_was() {
    let former = HeartbeatDraft {
        name: Some("job".to_owned()),
        cron: Some("0 2 * * *".to_owned()),
        tz: Some("Europe/Berlin".to_owned()),
        grace: Some(Duration::from_mins(30)),
        max_run: Some(Duration::from_hours(2)),
        post_only: Some(true),
        labels: Some(BTreeMap::from([("team".to_owned(), "data".to_owned())])),
        ..HeartbeatDraft::default()
    };
    let given = sent(&[("name", "job"), ("kind", "cron"), ("cron", "0 3 * * *")]);
    let edited = HeartbeatDraft::edited(&spec(&former), given.draft().unwrap());
    let edited = spec(&edited);
    let Schedule::Cron(cron) = &edited.schedule else {
        panic!("it is a cron expression");
    };
    assert_eq!((cron.expression(), cron.time_zone()), ("0 3 * * *", "UTC"));
    assert_eq!((edited.grace, edited.max_run), (CRON_GRACE_DEFAULT, None));
    assert!(!edited.post_only && edited.labels.is_empty());
}

#[test]
fn what_is_stored_comes_back_as_it_was_through_the_form() {
    let period = HeartbeatDraft {
        name: Some("import".to_owned()),
        every: Some(Duration::from_hours(25)),
        ..HeartbeatDraft::default()
    };
    let channels = [1, 2].map(|n| ChannelId::from_bytes([n; 16]).to_string());
    let everything = HeartbeatDraft {
        every: None,
        cron: Some("*/5 8-18 * * 1-5".to_owned()),
        tz: Some("Asia/Kathmandu".to_owned()),
        grace: Some(Duration::ZERO),
        max_run: Some(Duration::from_mins(90)),
        alarm_before_first_ping: Some(true),
        post_only: Some(true),
        severity: Some("info".to_owned()),
        labels: Some(BTreeMap::from([
            ("team".to_owned(), "data".to_owned()),
            ("a/b".to_owned(), "x = y".to_owned()),
        ])),
        notify: Some(channels.to_vec()),
        ..period.clone()
    };
    for draft in [period, everything] {
        let heartbeat = stored(&draft);
        let given = Given::of(&heartbeat);
        assert_eq!(given.version, 3);
        let edited = HeartbeatDraft::edited(&heartbeat.spec, given.draft().unwrap());
        assert_eq!(spec(&edited), heartbeat.spec);
    }
}
