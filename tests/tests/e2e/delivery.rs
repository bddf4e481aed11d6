//! Receivers that misbehave: every attempt carries the same key and body, and nothing is lost.

use std::time::Duration;

use serde_json::Value;

use vigilmon_tests::receiver::Manner;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::wait;

use crate::scene::{EVERY, HOOK, MAIL, SOON, Scene, first_answer, wall};

#[test]
fn a_receiver_that_fails_first_gets_the_same_message_again() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    scene.receiver.behave(HOOK, Manner::Status(500));

    target.behave(Behaviour::status(503));
    wait::until_true("a first attempt", SOON, || {
        !scene.receiver.attempts(HOOK).is_empty()
    });
    scene.receiver.behave(HOOK, Manner::Accept);
    let opened = scene.wait_for("incident.opened", "site");

    let attempts = scene.receiver.attempts(HOOK);
    assert!(attempts.len() >= 2);
    for attempt in &attempts {
        assert_eq!((&attempt.id, &attempt.raw), (&opened.id, &opened.raw));
    }
}

#[test]
fn a_redirect_is_not_followed() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    scene.receiver.behave(HOOK, Manner::Redirect);

    target.behave(Behaviour::status(503));
    wait::until_true("a first attempt", SOON, || {
        !scene.receiver.attempts(HOOK).is_empty()
    });
    scene.let_slots_pass(3);
    assert!(scene.receiver.attempts("elsewhere").is_empty());
}

#[test]
fn a_channel_that_hangs_does_not_hold_up_the_other() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    scene.receiver.behave(HOOK, Manner::Hang);

    target.behave(Behaviour::status(503));
    let mail = scene.wait_for_mail("DOWN: ", &crate::scene::place(&target.url()));
    let broken = wall(first_answer(&target, 503).unwrap());
    let took = mail.received_at - broken.as_secs_f64();
    assert!(took < (EVERY * 8).as_secs_f64(), "{took} s");
}

#[test]
fn a_test_message_reaches_the_channel_and_opens_no_incident() {
    let scene = Scene::start();
    scene.cli.ok(&["channel", "test", HOOK]);
    let message = scene
        .receiver
        .wait_for(HOOK, "a test", SOON, |delivery| delivery.kind() == "test");
    assert!(message.body["data"]["incident"].is_null());
    assert_eq!(scene.cli.rows(&["incident", "list"]).len(), 0);
}

#[test]
fn a_receiver_that_asks_for_time_gets_it() {
    const WAIT: u64 = 12;
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    scene.receiver.behave(HOOK, Manner::Busy(WAIT));

    target.behave(Behaviour::status(503));
    wait::until_true("a first attempt", SOON, || {
        !scene.receiver.attempts(HOOK).is_empty()
    });
    scene.receiver.behave(HOOK, Manner::Accept);
    let limit = Duration::from_secs(WAIT);
    scene
        .receiver
        .wait_for(HOOK, "the message", limit + SOON, |delivery| {
            delivery.kind() == "incident.opened"
        });
    let attempts = scene.receiver.attempts(HOOK);
    // No back-off after a first failure is as long.
    assert!(attempts[1].at - attempts[0].at >= limit, "{attempts:?}");
    assert_eq!(
        (&attempts[0].id, &attempts[0].raw),
        (&attempts[1].id, &attempts[1].raw)
    );
}

#[test]
fn a_receiver_that_wants_no_more_is_switched_off_and_said_so() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    scene.receiver.behave(HOOK, Manner::Status(410));

    target.behave(Behaviour::status(503));
    wait::until_a_command_says("the channel is off", SOON, || {
        let state = scene.cli.json(&["channel", "show", HOOK])["disabled"].to_string();
        state.contains("answered 410")
    });
    scene.wait_for_mail("DOWN: ", &crate::scene::place(&target.url()));
    target.behave(Behaviour::status(200));
    scene.wait_for_mail("UP: ", &crate::scene::place(&target.url()));
    assert_eq!(
        scene.receiver.attempts(HOOK).len(),
        1,
        "nothing more is sent"
    );
    wait::until_a_command_says("the end is suppressed", SOON, || {
        let tried = scene.cli.rows(&["channel", "deliveries", HOOK]);
        let results = tried.iter().map(|row| row["result"].as_str().unwrap());
        results.collect::<Vec<_>>() == ["suppressed", "dead"]
    });
}

#[test]
fn an_answer_without_an_end_counts_by_its_status() {
    let scene = Scene::start();
    scene.receiver.behave(HOOK, Manner::Endless);
    let done = scene.cli.ok(&["channel", "test", HOOK]);
    assert!(done.contains("200 OK"), "{done}");
    assert_eq!(scene.receiver.attempts(HOOK).len(), 1);
}

#[test]
fn a_receiver_that_never_answers_is_given_ten_seconds() {
    let scene = Scene::start();
    scene.receiver.behave(HOOK, Manner::Hang);
    let done = scene.cli.run(&["channel", "test", HOOK]);
    assert_eq!(done.code, 1, "{done:#?}");
    assert!(done.err.contains("no answer within 10 s"), "{done:#?}");
}

#[test]
fn a_message_is_sent_again_as_the_same_message() {
    let scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    let tried = wait_until_sent(&scene, HOOK);
    assert_eq!(tried["key"], opened.id);
    let place = crate::scene::place(&target.url());
    assert!(
        tried["subject"].as_str().unwrap().contains(&place),
        "{tried:?}"
    );

    let again = ["channel", "deliveries", HOOK, "--resend"];
    scene
        .cli
        .ok(&[&again[..], &[tried["id"].as_str().unwrap()]].concat());
    scene.cli.ok(&[&again[..], &[&opened.id]].concat());
    let same = scene.receiver.attempts(HOOK);
    let same: Vec<_> = same.iter().filter(|one| one.id == opened.id).collect();
    assert_eq!(same.len(), 3);
    assert!(same.iter().all(|one| one.raw == opened.raw));
    let mail = wait_until_sent(&scene, MAIL);
    scene.cli.ok(&[
        "channel",
        "deliveries",
        MAIL,
        "--resend",
        mail["id"].as_str().unwrap(),
    ]);
    let mails = scene.mail.messages();
    let id = |mail: &vigilmon_tests::mail::Mail| mail.headers["Message-ID"].clone();
    let down: Vec<_> = mails
        .iter()
        .filter(|m| m.subject.starts_with("DOWN: "))
        .collect();
    assert_eq!(down.len(), 2, "{mails:?}");
    assert_eq!(id(down[0]), id(down[1]));
    let unknown = scene.cli.run(&[&again[..], &["nothing"]].concat());
    assert_eq!(unknown.code, 3, "{unknown:#?}");
}

/// A channel's newest delivery, once nothing of it waits any more and it was sent.
#[track_caller]
fn wait_until_sent(scene: &Scene, channel: &str) -> Value {
    let mut newest = Value::Null;
    let what = format!("the newest message to {channel} is sent");
    wait::until_a_command_says(&what, SOON, || {
        let tried = scene.cli.rows(&["channel", "deliveries", channel]);
        newest = tried.into_iter().next().unwrap_or_default();
        newest["result"] == "sent"
    });
    newest
}
