//! From the first failing answer to the webhook: three regions, 50 monitors on 50 targets at 30 s,
//! broken 1.5 s apart.

use std::time::{Duration, Instant};

use vigilmon_tests::receiver::{self, Delivery, Receiver};
use vigilmon_tests::target::{Behaviour, Target};
use vigilmon_tests::up::{Options, REGIONS, Up};
use vigilmon_tests::wait;

const TARGETS: usize = 50;
const APART: Duration = Duration::from_millis(1500);
const HOOK: &str = "hook";

pub(crate) fn print() {
    let up = Up::start(&Options::new());
    let cli = up.cli();
    let receiver = Receiver::start();
    let hook = receiver.url(HOOK);
    cli.ok(&[
        "channel",
        "add",
        HOOK,
        "--webhook",
        &hook,
        "--secret",
        receiver::SECRET,
    ]);
    let targets: Vec<Target> = (0..TARGETS).map(|_| Target::start()).collect();
    for (n, target) in targets.iter().enumerate() {
        let name = format!("site-{n}");
        cli.ok(&[
            "monitor",
            "add",
            &name,
            "--http",
            &target.url(),
            "--every",
            "30s",
        ]);
    }
    for target in &targets {
        wait::until_true("every region has checked", Duration::from_secs(30), || {
            REGIONS.iter().all(|region| target.hits_from(region) > 0)
        });
    }

    for target in &targets {
        target.behave(Behaviour::status(503));
        std::thread::sleep(APART);
    }
    let mut first = Vec::new();
    let mut confirming = Vec::new();
    for (n, target) in targets.iter().enumerate() {
        let alert = alert(&receiver, &format!("site-{n}"));
        let failing: Vec<Instant> = failing(target);
        first.push(alert.at.duration_since(failing[0]));
        confirming.push(alert.at.saturating_duration_since(failing[1]));
    }
    println!("\nalerts, {TARGETS} monitors at 30 s, three regions:");
    line("first failing answer to webhook", first, "");
    line(
        "confirming answer to webhook",
        confirming,
        "   (target p99 < 250 ms)",
    );
}

fn alert(receiver: &Receiver, monitor: &str) -> Delivery {
    receiver.wait_for(HOOK, monitor, Duration::from_secs(60), |delivery| {
        delivery.kind() == "incident.opened" && delivery.monitor() == monitor
    })
}

/// When each region was first told that it is down, in order.
fn failing(target: &Target) -> Vec<Instant> {
    let hits = target.hits();
    let first = |region: &&str| {
        hits.iter()
            .find(|hit| hit.region == **region && hit.status == 503)
            .map(|hit| hit.at)
    };
    let mut times: Vec<Instant> = REGIONS.iter().filter_map(first).collect();
    times.sort();
    times
}

fn line(what: &str, mut times: Vec<Duration>, target: &str) {
    times.sort();
    let at = |part: usize| times[(times.len() * part / 100).min(times.len() - 1)];
    println!(
        "  {what:<38} p50 {:>7.1?}  p99 {:>7.1?}{target}",
        at(50),
        at(99)
    );
}
