//! The coordinator ends at the worst moments: nothing is lost, nothing is said twice.

use std::fs;

use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::REGIONS;

use crate::scene::{EVERY, SOON, Scene};

/// One test for each named point between a result and its message. The house rules hold the list
/// against the code. The numbers say how many passages of the point go well after the target broke:
/// at none it is the first failing result that is hit, later the round or what follows it.
macro_rules! killed_at {
    ($($name:ident: $point:literal $passages:expr,)*) => {$(
        #[test]
        fn $name() {
            the_message_comes_once_although_killed_at($point, &$passages);
        }
    )*};
}

killed_at! {
    killed_before_results_are_stored: "history-before-commit" [0, 2],
    killed_when_results_are_stored: "history-after-commit" [0, 2],
    killed_between_storing_and_judging: "after-history" [0, 2],
    killed_before_the_incident_is_committed: "before-commit" [0],
    killed_before_the_state_is_written: "state-before-commit" [0, 2],
    killed_when_the_state_is_written: "state-after-commit" [0, 2],
    killed_when_the_incident_is_committed: "after-commit" [0],
    killed_before_results_are_acknowledged: "before-ack" [0, 2],
    killed_before_a_message_is_sent: "before-send" [0, 1],
    killed_when_a_message_was_sent: "after-send" [0, 1],
}

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

fn the_message_comes_once_although_killed_at(point: &str, passages: &[u32]) {
    for passages in passages {
        let scene = &mut Scene::start_with(|options, folder| {
            let armed = folder.join("armed");
            options.fault(&format!("{point}:{passages}@{}", armed.display()))
        });
        let target = Target::start();
        scene.watch("site", &target.url(), &[]);

        let armed = scene.up.folder().join("armed");
        // No message is sent before it breaks; of all else there is something all the time.
        let by_messages = point.ends_with("-send");
        if by_messages {
            fs::write(&armed, "").unwrap();
        }
        target.behave(Behaviour::status(503));
        if !by_messages {
            fs::write(&armed, "").unwrap();
        }
        let status = scene.up.process().wait(SOON);
        assert!(!status.success(), "{status}");

        scene.restart();
        let opened = scene.wait_for("incident.opened", "site");
        target.wait_for_hits(&REGIONS, 4, EVERY * 30);
        target.behave(Behaviour::well());
        let resolved = scene.wait_for("incident.resolved", "site");
        assert_eq!(resolved.incident(), opened.incident());
        scene.let_slots_pass(3);
        assert_eq!(scene.told("site"), ["incident.opened", "incident.resolved"]);
    }
}
