//! Our own downtime: never held against a job, and never an excuse for what it did not hide.

use super::*;
use HeartbeatStatus::{Down, Late, Up};

const BEGIN: &str = "2026-11-25T10:00:00Z";

/// Every hour with ten minutes of grace, pinged at 10:00: the second half begins at 10:35, the
/// deadline is 11:10.
fn hourly() -> World {
    let mut draft = every(hours(1));
    draft.grace = Some(mins(10));
    let mut world = World::begin(&draft, at(BEGIN));
    world.success();
    world
}

/// At two o'clock with ten minutes of grace: the span is 01:55 to 02:10.
fn nightly() -> World {
    let mut world = World::begin(&cron("0 2 * * *", "UTC"), at("2026-11-25T02:00:00Z"));
    world.success();
    world
}

fn deaf_from(world: &mut World, from: Time, span: Duration) {
    world.pass_to(from);
    world.deaf(span);
}

/// The deadline that alarms of a job that stays silent; `None`: a miss is unobserved before.
fn alarm(mut world: World) -> Option<Time> {
    let tick = Duration::from_millis(1);
    while world.incidents.is_empty() {
        if world.state.durable().unobserved.is_some() {
            return None;
        }
        let wake = world.state.next_wake().unwrap();
        world.pass_to(wake + tick);
    }
    Some(world.now - tick)
}

#[test]
fn a_short_spell_moves_the_deadline_by_its_length_wherever_it_lies() {
    for length in [secs(5), secs(30)] {
        for minute in [0, 1, 20, 34, 35, 50, 59, 60, 65, 69] {
            let mut world = hourly();
            deaf_from(&mut world, at(BEGIN) + mins(minute), length);
            let wanted = at(BEGIN) + mins(70) + length;
            assert_eq!(alarm(world), Some(wanted), "{length:?} at minute {minute}");
        }
        let mut world = hourly();
        deaf_from(&mut world, at(BEGIN) + mins(70), length);
        assert_eq!(
            alarm(world),
            Some(at(BEGIN) + mins(70) + length),
            "at the deadline"
        );
    }
}

#[test]
fn short_spells_add_up_until_the_next_ping() {
    let mut world = hourly();
    for _ in 0..4 {
        world.pass(mins(10));
        world.deaf(secs(20));
    }
    let mut silent = world.clone();
    silent.pass_to(at(BEGIN) + mins(70) + secs(80));
    assert!(silent.incidents.is_empty());
    world.success();
    let heard = world.now;
    assert_eq!(world.state.view(heard).deadline, Some(heard + mins(70)));
}

#[test]
fn a_short_spell_moves_a_cron_deadline_only_where_the_ping_was_due() {
    let due = at("2026-11-26T02:00:00Z");
    for (from, moves) in [
        (due - hours(8), false),
        (due - mins(6), false),
        (due - mins(5), true),
        (due, true),
        (due + mins(10), true),
    ] {
        let mut world = nightly();
        deaf_from(&mut world, from, secs(20));
        let moved = if moves { secs(20) } else { secs(0) };
        assert_eq!(alarm(world), Some(due + mins(10) + moved), "{from}");
    }
}

#[test]
fn a_long_spell_excuses_a_miss_where_it_touches_the_span() {
    for length in [secs(31), mins(20), hours(9)] {
        for (minute, excused) in [
            (0, 35),
            (20, 15),
            (34, 1),
            (35, 0),
            (50, 0),
            (60, 0),
            (70, 0),
        ] {
            let mut world = hourly();
            deaf_from(&mut world, at(BEGIN) + mins(minute), length);
            let to = world.now;
            let mut heard = world.clone();
            let is_excused = length >= mins(excused);
            let alarmed = alarm(world.clone());
            if !is_excused {
                assert_eq!(
                    alarmed,
                    Some(at(BEGIN) + mins(70)),
                    "{length:?} at {minute}"
                );
                continue;
            }
            assert_eq!(alarmed, None, "{length:?} at {minute}");
            // The next deadline counts from the end of the spell.
            world.pass_to((to + mins(70)).max(at(BEGIN) + mins(70)));
            assert!(world.incidents.is_empty());
            let miss = world.state.view(world.now).unobserved.unwrap();
            assert_eq!((miss.due, miss.spell.to), (at(BEGIN) + hours(1), to));
            world.pass(secs(1));
            assert_eq!(world.open().started_at, to + hours(1));
            assert_eq!(
                world.state.durable().unobserved,
                None,
                "an incident takes its place"
            );
            // A ping makes all well.
            heard.success();
            assert_eq!(heard.state.durable().unobserved, None);
            assert_eq!(heard.status(), Up);
            assert!(heard.incidents.is_empty());
        }
    }
}

#[test]
fn a_long_spell_excuses_a_cron_miss_only_in_its_span() {
    let due = at("2026-11-26T02:00:00Z");
    for (from, length, excused) in [
        (due - hours(8), hours(7), false),
        (due - mins(6), secs(59), false),
        (due - mins(6), secs(60), true),
        (due - mins(1), mins(5), true),
        (due + mins(9), mins(1), true),
        (due + mins(10), mins(1), true),
        (due - hours(8), hours(16), true),
    ] {
        let mut world = nightly();
        deaf_from(&mut world, from, length);
        assert_eq!(
            alarm(world.clone()).is_none(),
            excused,
            "{from} for {length:?}"
        );
        if excused {
            world.pass_to(due + mins(11));
            let said = world.state.view(world.now);
            assert_eq!(said.due, Some(due + hours(24)), "{from} for {length:?}");
            assert!(
                said.reason.starts_with("no ping could be heard"),
                "{}",
                said.reason
            );
            world.pass_to(due + hours(24) + mins(10));
            assert!(world.incidents.is_empty());
            world.pass(secs(1));
            assert_eq!(world.open().started_at, due + hours(24));
        }
    }
}

#[test]
fn what_was_missed_before_the_spell_alarms_all_the_same() {
    for length in [secs(5), secs(31), hours(5)] {
        let mut world = hourly();
        // The tick of the deadline had not come yet when we went deaf.
        world.now = at(BEGIN) + mins(70) + secs(1);
        world.deaf(length);
        assert_eq!(world.status(), Down, "{length:?}");
        assert_eq!(world.open().started_at, at(BEGIN) + hours(1));
    }
}

#[test]
fn a_deadline_in_its_very_millisecond_was_not_over_when_we_went_deaf() {
    let mut world = hourly();
    world.now = at(BEGIN) + mins(70);
    world.deaf(hours(1));
    assert!(world.incidents.is_empty());
    assert!(world.state.durable().unobserved.is_some());
}

#[test]
fn one_spell_after_another_excuses_one_miss_after_another() {
    let mut world = hourly();
    deaf_from(&mut world, at(BEGIN) + mins(60), mins(30));
    assert!(world.state.durable().unobserved.is_some());
    let heard_again = world.now;
    deaf_from(&mut world, heard_again + mins(60), mins(30));
    let miss = world.state.durable().unobserved.unwrap();
    assert_eq!(miss.due, heard_again + hours(1));
    world.pass(mins(70));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.incidents.len(), 1);
}

#[test]
fn two_spells_with_no_tick_between_lose_neither() {
    let mut world = hourly();
    world.now = at(BEGIN) + mins(60);
    let first = Spell {
        from: world.now,
        to: world.now + mins(5),
        stepped: Duration::ZERO,
    };
    world.now = first.to;
    world.put(Input::Deaf(first)).unwrap();
    // The deadline passes, its tick does not come, and we are deaf again for long.
    let second = Spell {
        from: first.to + mins(30),
        to: first.to + hours(3),
        stepped: Duration::ZERO,
    };
    world.now = second.to;
    world.put(Input::Deaf(second)).unwrap();
    world.put(Input::Tick).unwrap();
    assert!(world.incidents.is_empty());
    let miss = world.state.durable().unobserved.unwrap();
    assert_eq!(miss.spell, second);
    world.pass(mins(71));
    assert_eq!(world.incidents.len(), 1);
}

#[test]
fn a_run_whose_end_may_be_lost_gets_its_time_again() {
    let mut draft = every(hours(24));
    draft.max_run = Some(hours(2));
    let mut world = World::begin(&draft, at(BEGIN));
    world.says(Signal::Start);
    let mut short = world.clone();
    deaf_from(&mut short, at(BEGIN) + mins(30), secs(20));
    short.pass_to(at(BEGIN) + hours(2) + secs(20));
    assert!(short.incidents.is_empty());
    short.pass(secs(1));
    assert_eq!(short.open().reason.code, ReasonCode::HeartbeatOverrun);

    deaf_from(&mut world, at(BEGIN) + mins(30), mins(30));
    world.pass_to(at(BEGIN) + hours(3));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.open().started_at, at(BEGIN) + hours(3));
}

#[test]
fn a_clock_set_back_prolongs_no_period() {
    let mut world = hourly();
    world.pass(mins(30));
    world.now = world.now - hours(3);
    world.put(Input::SetBack(hours(3))).unwrap();
    let now = world.now;
    assert_eq!(world.state.view(now).deadline, Some(now + mins(40)));
    // A ping by the clock as it is now counts although the last one seems later.
    let mut heard = world.clone();
    heard.pass(mins(20));
    heard.success();
    assert_eq!(
        heard.state.view(heard.now).deadline,
        Some(heard.now + mins(70))
    );
    world.pass(mins(40));
    assert!(world.incidents.is_empty());
    world.pass(secs(1));
    assert_eq!(world.status(), Down);
}

#[test]
fn a_clock_set_forward_is_a_spell() {
    let mut world = hourly();
    deaf_from(&mut world, at(BEGIN) + mins(40), hours(6));
    assert!(world.incidents.is_empty());
    assert!(world.state.durable().unobserved.is_some());
}

#[test]
fn a_spell_makes_a_late_ping_less_late() {
    let mut world = hourly();
    world.pass_to(at(BEGIN) + mins(60) + secs(10));
    assert_eq!(world.status(), Late);
    world.deaf(secs(25));
    assert_eq!(world.status(), Late, "still ten seconds late");
    let reason = world.state.view(world.now).reason;
    assert_eq!(reason, "a ping is 10s overdue; alarm at 11:10 UTC");
}

#[test]
fn listening_tells_our_own_downtime_from_two_clocks() {
    let start = at(BEGIN);
    let mut listening = Listening::new(None);
    assert_eq!(listening.look(start, secs(0)), None);
    assert!(listening.mark_due(start));
    listening.marked(start);
    assert!(!listening.mark_due(start + secs(4)));
    assert!(listening.mark_due(start + secs(5)));
    assert_eq!(listening.look(start + secs(6), secs(6)), None);
    // Stalled: both clocks went on.
    let spell = Spell {
        from: start,
        to: start + secs(60),
        stepped: Duration::ZERO,
    };
    assert_eq!(listening.look(spell.to, secs(60)), Some(Heard::Deaf(spell)));
    assert_eq!(listening.look(spell.to, secs(60)), None);
    assert!(listening.mark_due(spell.to));
    listening.marked(spell.to);
    // Suspended, or set forward: only the wall clock did.
    let next = Spell {
        from: spell.to,
        to: spell.to + hours(2),
        stepped: hours(2) - secs(1),
    };
    assert_eq!(listening.look(next.to, secs(61)), Some(Heard::Deaf(next)));
    listening.marked(next.to);
    // Set back, and then stalled: both are found.
    let back = next.to - hours(1) + secs(30);
    assert_eq!(
        listening.look(back, secs(91)),
        Some(Heard::SetBack(hours(1)))
    );
    let stalled = Spell {
        from: next.to - hours(1),
        to: back,
        stepped: Duration::ZERO,
    };
    assert_eq!(listening.look(back, secs(91)), Some(Heard::Deaf(stalled)));
    assert_eq!(listening.look(back, secs(91)), None);
    listening.marked(back);
    // A little back is how clocks are.
    assert_eq!(
        listening.look(back - Duration::from_millis(900), secs(91)),
        None
    );
}

#[test]
fn a_start_is_deaf_since_the_last_mark() {
    let start = at(BEGIN);
    let mut listening = Listening::new(Some(start - secs(2)));
    let spell = Spell {
        from: start - secs(2),
        to: start,
        stepped: Duration::ZERO,
    };
    assert_eq!(listening.look(start, secs(0)), Some(Heard::Deaf(spell)));
    assert_eq!(listening.look(start, secs(0)), None);
    let mut listening = Listening::new(Some(start + hours(1)));
    assert_eq!(
        listening.look(start, secs(0)),
        Some(Heard::SetBack(hours(1)))
    );
    assert_eq!(listening.look(start, secs(0)), None);
}

#[test]
fn a_mark_that_took_long_to_commit_is_no_clock_set_back() {
    let start = at(BEGIN);
    let mut listening = Listening::new(None);
    assert_eq!(listening.look(start, secs(0)), None);
    // Committed three seconds later, at the time it bears.
    listening.marked(start + secs(3));
    assert_eq!(listening.look(start + secs(4), secs(4)), None);
}

#[test]
fn a_clock_set_forward_early_in_a_period_takes_nothing_of_it() {
    let mut world = World::begin(&every(hours(4)), at(BEGIN));
    world.success();
    world.pass(mins(10));
    let from = world.now;
    world.now = world.now + hours(1);
    let spell = Spell {
        from,
        to: world.now,
        stepped: hours(1),
    };
    world.put(Input::Deaf(spell)).unwrap();
    world.pass(hours(3) + mins(50));
    assert_eq!(
        world.status(),
        HeartbeatStatus::Up,
        "four hours have passed"
    );
    world.pass(secs(1));
    assert_eq!(world.status(), HeartbeatStatus::Down);
}

#[test]
fn pings_after_the_clock_was_set_back_count_also_when_they_are_put_again_after_a_crash() {
    let mut world = World::begin(&every(secs(60)), at(BEGIN));
    world.pass(hours(1));
    world.success();
    world.now = world.now - hours(1);
    world.put(Input::SetBack(hours(1))).unwrap();
    world.pass(secs(50));
    world.success();
    world.pass(secs(5));
    world.restart();
    world.pass(secs(50));
    assert_eq!(world.status(), HeartbeatStatus::Up);
    world.pass(secs(10));
    assert_eq!(world.status(), HeartbeatStatus::Down);
}
