//! Receivers that misbehave: every attempt carries the same key and body, and nothing is lost.

use vigilmon_tests::receiver::Manner;
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::wait;

use crate::scene::{EVERY, HOOK, SOON, Scene};

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
    let before = std::time::Instant::now();
    scene.wait_for_mail("DOWN: ", &crate::scene::place(&target.url()));
    assert!(before.elapsed() < EVERY * 8);
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
