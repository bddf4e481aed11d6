//! The coordinator ends at the worst moments: nothing is lost, nothing is said twice.

use std::time::Duration;

use vigilmon_tests::mail::MailServer;
use vigilmon_tests::receiver::{self, Receiver};
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{REGIONS, Up};

use crate::scene::{EVERY, HOOK, SOON, Scene, options};

/// Every named point between a result and its message.
const POINTS: [&str; 3] = ["after-history", "before-commit", "after-commit"];

#[test]
fn a_restart_with_all_up_says_nothing() {
    let mut scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);

    scene.restart();
    scene.wait_for_status("site", "up");
    scene.let_slots_pass(5);

    assert_eq!(scene.messages(), 0);
    assert_eq!(scene.cli.rows(&["incident", "list"]).len(), 0);
}

#[test]
fn a_restart_during_an_incident_sends_no_second_message_and_the_recovery_comes() {
    let mut scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");

    scene.restart();
    target.wait_for_hits(&REGIONS, 5, EVERY * 40);
    assert_eq!(scene.told("site"), ["incident.opened"]);
    assert_eq!(scene.cli.rows(&["incident", "list", "--open"]).len(), 1);

    target.behave(Behaviour::well());
    let resolved = scene.wait_for("incident.resolved", "site");
    assert_eq!(resolved.incident(), opened.incident());
    scene.let_slots_pass(3);
    assert_eq!(scene.told("site"), ["incident.opened", "incident.resolved"]);
}

#[test]
fn why_an_incident_opened_reads_the_same_after_a_restart_and_an_edit() {
    let mut scene = Scene::start();
    let target = Target::start();
    scene.watch("site", &target.url(), &[]);
    target.behave(Behaviour::status(503));
    let opened = scene.wait_for("incident.opened", "site");
    target.behave(Behaviour::well());
    scene.wait_for("incident.resolved", "site");

    let before = scene.cli.ok(&["incident", "why", opened.incident()]);
    for region in REGIONS {
        assert!(
            before.contains(region),
            "every assigned region is named: {before}"
        );
    }
    scene.cli.ok(&[
        "monitor", "edit", "site", "--quorum", "all", "--label", "team=web",
    ]);
    scene.restart();
    assert_eq!(
        scene.cli.ok(&["incident", "why", opened.incident()]),
        before
    );
}

#[test]
fn killed_at_any_point_between_result_and_delivery_the_message_comes_once_per_key() {
    for point in POINTS {
        killed_at(point);
    }
}

fn killed_at(point: &str) {
    let mail = MailServer::start();
    let receiver = Receiver::start();
    let target = Target::start();
    let mut up = Up::start(&options(&mail));
    let cli = up.cli();
    cli.ok(&[
        "channel",
        "add",
        HOOK,
        "--webhook",
        &receiver.url(HOOK),
        "--secret",
        receiver::SECRET,
    ]);
    cli.ok(&[
        "monitor",
        "add",
        "site",
        "--http",
        &target.url(),
        "--every",
        "1s",
        "--timeout",
        "1s",
    ]);
    target.wait_for_hits(&REGIONS, 2, SOON);
    up.stop();

    // It comes back into an outage, and passes the point when it hears of it.
    target.behave(Behaviour::status(503));
    up.start_into(&options(&mail).fault(point));
    let status = up.process().wait(SOON);
    assert!(!status.success(), "{point}: {status}");

    up.start_again(&options(&mail));
    let opened = receiver.wait_for(HOOK, &format!("{point}: the alert"), SOON, |delivery| {
        delivery.kind() == "incident.opened"
    });
    target.wait_for_hits(&REGIONS, 4, EVERY * 30);
    target.behave(Behaviour::well());
    receiver.wait_for(HOOK, &format!("{point}: the recovery"), SOON, |delivery| {
        delivery.kind() == "incident.resolved"
    });
    target.wait_for_hits(&REGIONS, 3, Duration::from_secs(30));
    let messages = receiver.messages(HOOK);
    let told: Vec<&str> = messages.iter().map(|delivery| delivery.kind()).collect();
    assert_eq!(told, ["incident.opened", "incident.resolved"], "{point}");
    assert!(
        messages
            .iter()
            .all(|delivery| delivery.incident() == opened.incident()),
        "{point}"
    );
}
