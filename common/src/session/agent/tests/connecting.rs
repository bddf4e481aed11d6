//! How an agent connects, and when it leaves.

use super::*;

#[test]
fn an_agent_comes_back_with_full_jitter_and_a_bound() {
    let mut bench = Bench::new(settings());
    let mut now = at(0);
    for bound in [1, 2, 4, 8, 16, 30, 30, 30] {
        assert_eq!(bench.on(Input::Tick, now), [Effect::Connect]);
        let refused = false;
        bench.on(
            Input::Disconnected {
                refused,
                jitter: 0.5,
            },
            now,
        );
        let wait = bench.end.next_wake().unwrap().since(now);
        assert_eq!(wait, Duration::from_millis(bound * 500));
        now = now + wait;
    }
}

#[test]
fn a_refused_agent_does_not_ask_again_at_once() {
    let mut bench = Bench::new(settings());
    bench.on(Input::Tick, at(0));
    let refused = true;
    bench.on(
        Input::Disconnected {
            refused,
            jitter: 0.0,
        },
        at(0),
    );
    assert_eq!(bench.end.next_wake(), Some(at(15)));
}

#[test]
fn a_coordinator_that_falls_silent_is_left() {
    let mut bench = Bench::up();
    let pulse = bench.on(Input::Tick, at(5));
    assert!(matches!(&pulse[..], [Effect::Send(AgentMessage::Pulse(_))]));
    bench.hear(CoordinatorMessage::Pulse { clock: at(6) }, at(6));
    assert!(!bench.on(Input::Tick, at(20)).contains(&Effect::Disconnect));
    assert_eq!(bench.on(Input::Tick, at(21)), [Effect::Disconnect]);
}

#[test]
fn a_coordinator_that_never_welcomes_is_left() {
    let mut bench = Bench::new(settings());
    bench.on(Input::Tick, at(0));
    bench.on(Input::Connected, at(0));
    assert_eq!(bench.end.next_wake(), Some(at(10)));
    assert_eq!(bench.on(Input::Tick, at(10)), [Effect::Disconnect]);
}

#[test]
fn agents_come_back_spread_over_the_window_of_a_coordinator_that_goes() {
    let mut bench = Bench::up();
    bench.produce(1, Outcome::Up, at(1));
    let window = Duration::from_secs(8);
    let why = Leave::Drain;
    let effects = bench.hear(CoordinatorMessage::GoAway { window, why }, at(1));
    assert_eq!(batches(&effects), [(1, 1)], "what waits goes first");
    let refused = false;
    bench.on(
        Input::Disconnected {
            refused,
            jitter: 0.5,
        },
        at(2),
    );
    assert_eq!(bench.end.next_wake(), Some(at(6)));
}
