//! Deadlines that are over are held until what had knocked was heard.

use proptest::prelude::*;

use super::*;

const BEGIN: Time = Time::from_secs(1_000);
const MILLI: Duration = Duration::from_millis(1);

fn id(n: u8) -> MonitorId {
    MonitorId::from_bytes([n; 16])
}

/// One that is over at `BEGIN`, looked at until then as often as an owner does.
fn one() -> Deadlines {
    let mut deadlines = Deadlines::new();
    deadlines.look(BEGIN - secs(1));
    deadlines.set(id(1), Some(BEGIN));
    deadlines.look(BEGIN);
    deadlines
}

fn due_at(deadlines: &mut Deadlines, now: Time) -> bool {
    deadlines.look(now);
    deadlines.due().is_some()
}

#[test]
fn a_deadline_fires_at_the_second_look_after_it() {
    let mut deadlines = one();
    assert!(!due_at(&mut deadlines, BEGIN), "in time to the millisecond");
    assert_eq!(deadlines.first(), Some(BEGIN));
    assert!(!due_at(&mut deadlines, BEGIN + MILLI));
    let heard_out = BEGIN + MILLI + HEARD_OUT;
    assert_eq!(deadlines.first(), Some(heard_out));
    assert!(!due_at(&mut deadlines, heard_out));
    deadlines.look(heard_out + MILLI);
    let due = Due {
        heartbeat: id(1),
        heard: heard_out + MILLI,
    };
    assert_eq!(deadlines.due(), Some(due));
    assert_eq!(deadlines.due(), Some(due), "asking takes nothing");
    // A ping that is being read holds it; those that are read later do not.
    deadlines.again(id(1), heard_out + secs(1));
    assert_eq!(deadlines.due(), None);
    deadlines.look(heard_out + secs(5));
    assert_eq!(deadlines.due(), Some(due));
    deadlines.set(id(1), Some(BEGIN + mins(1)));
    assert_eq!(deadlines.due(), None);
    assert_eq!(deadlines.first(), Some(BEGIN + mins(1)));
}

#[test]
fn after_a_stall_a_deadline_is_held_for_as_long_again_and_a_second() {
    for stall in [300, 1_000, 3_000, 5_900].map(Duration::from_millis) {
        let mut deadlines = one();
        let up = BEGIN + stall;
        assert!(!due_at(&mut deadlines, up));
        assert!(!due_at(&mut deadlines, up + stall + secs(1)));
        assert!(due_at(&mut deadlines, up + stall + secs(1) + MILLI));
    }
}

#[test]
fn a_deadline_that_is_set_when_it_is_long_over_is_no_stall() {
    let mut deadlines = Deadlines::new();
    deadlines.look(BEGIN - MILLI);
    deadlines.set(id(1), Some(BEGIN - hours(5)));
    assert!(!due_at(&mut deadlines, BEGIN));
    assert!(due_at(&mut deadlines, BEGIN + HEARD_OUT + MILLI));
    // Nor is the first look of all.
    let mut deadlines = Deadlines::new();
    deadlines.set(id(1), Some(BEGIN));
    assert!(!due_at(&mut deadlines, BEGIN + hours(1)));
    assert!(due_at(&mut deadlines, BEGIN + hours(1) + HEARD_OUT + MILLI));
}

#[test]
fn all_that_are_over_are_found_held_or_not() {
    let mut deadlines = one();
    deadlines.set(id(2), Some(BEGIN + secs(1)));
    deadlines.set(id(3), Some(BEGIN + hours(1)));
    let over = |deadlines: &Deadlines, now| {
        let mut over: Vec<MonitorId> = deadlines.over(now).collect();
        over.sort();
        over
    };
    assert_eq!(over(&deadlines, BEGIN), []);
    assert_eq!(over(&deadlines, BEGIN + MILLI), [id(1)]);
    assert!(!due_at(&mut deadlines, BEGIN + MILLI));
    assert_eq!(over(&deadlines, BEGIN + MILLI), [id(1)], "it is held");
    assert_eq!(over(&deadlines, BEGIN + mins(1)), [id(1), id(2)]);
    deadlines.set(id(1), None);
    assert_eq!(over(&deadlines, BEGIN + mins(1)), [id(2)]);
}

proptest! {
    #[test]
    fn whatever_stands_still_a_deadline_fires_after_it_was_heard_out_and_in_time(
        early in 0..1_000_u64,
        gaps in prop::collection::vec(
            prop_oneof![4 => 1..120_u64, 1 => 120..6_000_u64], 200..400,
        ),
    ) {
        let deadline = BEGIN + Duration::from_millis(early);
        let mut deadlines = Deadlines::new();
        deadlines.look(BEGIN);
        deadlines.set(id(1), Some(deadline));
        let (mut now, mut found, mut stalled) = (BEGIN, None::<Time>, Duration::ZERO);
        let mut longest = Duration::ZERO;
        for gap in gaps.into_iter().map(Duration::from_millis) {
            now = now + gap;
            let is_due = due_at(&mut deadlines, now);
            longest = longest.max(gap);
            match found {
                None if now > deadline => {
                    prop_assert!(!is_due, "it is found first");
                    found = Some(now);
                    stalled = now.since(deadline);
                }
                None => prop_assert!(!is_due),
                Some(at) => {
                    let least = match stalled > LATE_MAX {
                        true => stalled + secs(1),
                        false => HEARD_OUT,
                    };
                    if is_due {
                        prop_assert!(now.since(at) > least);
                        return Ok(());
                    }
                    let most = HELD_MAX + GAP_MAX * 2 + secs(1) + longest;
                    prop_assert!(now.since(at) <= most, "held for {:?}", now.since(at));
                }
            }
        }
        let told = found.map(|at| now.since(at));
        prop_assert!(told.is_none_or(|long| long <= HELD_MAX + GAP_MAX * 2 + secs(1)));
    }
}
