//! Quorum, verdict and status.

use super::*;

fn announced(world: &mut World) -> Vec<(Status, Status)> {
    let all = world.effects.drain(..).filter_map(|effect| match effect {
        Effect::Status { from, to } => Some((from, to)),
        Effect::CheckNow(_) | Effect::Transition(_) | Effect::Save => None,
    });
    all.collect()
}

#[test]
fn a_new_monitor_is_unknown_for_want_of_votes() {
    let world = World::silent(monitor(3));
    let view = world.state.view(world.now);
    assert_eq!(
        (view.status, view.reason.as_str()),
        (Status::Unknown, "no votes yet")
    );
}

#[test]
fn below_the_floor_a_monitor_is_unknown_and_says_how_many_were_heard() {
    let mut world = World::silent(monitor(3));
    world.hear(0, &Outcome::Up);
    let view = world.state.view(world.now);
    assert_eq!(view.status, Status::Unknown);
    assert_eq!(view.reason, "1 of 3 regions heard; 2 needed");
    world.hear(1, &Outcome::Up);
    assert_eq!(world.status(), Status::Up);
}

#[test]
fn the_floor_counts_votes_of_either_sort() {
    let mut world = World::silent(monitor(3));
    world.hear(0, &down());
    world.hear(1, &Outcome::Up);
    assert_eq!(world.status(), Status::Up);
}

#[test]
fn the_number_of_regions_never_shrinks_because_agents_die() {
    let mut world = World::up(monitor(3));
    world.tie(1, Tie::Revoked);
    world.tie(2, Tie::Revoked);
    for _ in 0..20 {
        world.pass(secs(2));
        world.hear(0, &down());
    }
    assert_eq!((world.scope(), world.status()), (None, Status::Unknown));
}

#[test]
fn below_the_floor_an_open_incident_stays_and_the_monitor_is_unknown() {
    let mut world = World::up(monitor(3));
    world.all(&down());
    assert_eq!(world.status(), Status::Down);
    world.pass(secs(3600));
    assert_eq!(
        (world.scope(), world.status()),
        (Some(Scope::Global), Status::Unknown)
    );
    world.hear(0, &Outcome::Up);
    assert_eq!(
        world.scope(),
        Some(Scope::Global),
        "one Up of three says nothing"
    );
    assert_eq!(world.status(), Status::Unknown);
}

#[test]
fn degraded_takes_k_regions_twice_in_a_row_and_is_left_likewise() {
    let mut world = World::up(monitor(3));
    let seen = [
        ([true, true, false], Status::Up),
        ([true, true, false], Status::Degraded),
        ([false, true, false], Status::Degraded),
        ([true, true, false], Status::Degraded),
        ([false, true, false], Status::Degraded),
        ([false, true, false], Status::Up),
    ];
    for (regions, status) in seen {
        world.pass(secs(30));
        for (r, slow) in regions.into_iter().enumerate() {
            let outcome = if slow { degraded() } else { Outcome::Up };
            world.hear(r, &outcome);
        }
        assert_eq!(world.status(), status, "{regions:?}");
    }
}

#[test]
fn fewer_than_k_degraded_regions_leave_the_monitor_up() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(300), &[degraded(), Outcome::Up, Outcome::Up]);
    assert_eq!(world.status(), Status::Up);
}

#[test]
fn unknown_is_not_announced_in_the_first_90_s_yet_it_is_shown() {
    let mut world = World::silent(monitor(3));
    world.all(&Outcome::Up);
    assert_eq!(announced(&mut world), [(Status::Unknown, Status::Up)]);
    for r in 0..3 {
        world.tie(r, Tie::Revoked);
    }
    assert_eq!(world.status(), Status::Unknown);
    assert_eq!(announced(&mut world), []);
    world.pass(secs(89));
    assert_eq!(announced(&mut world), []);
    world.pass(secs(1));
    assert_eq!(announced(&mut world), [(Status::Up, Status::Unknown)]);
}

#[test]
fn unknown_that_passes_within_90_s_is_never_announced() {
    let mut world = World::up(monitor(3));
    for r in 0..3 {
        world.tie(r, Tie::Lost(world.now - secs(60)));
    }
    assert_eq!(world.status(), Status::Unknown);
    for r in 0..3 {
        world.tie(r, Tie::Connected);
    }
    world.pass(secs(60));
    assert_eq!(
        (world.status(), announced(&mut world)),
        (Status::Up, vec![])
    );
}

#[test]
fn later_unknown_is_announced_at_once() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(120), &[Outcome::Up, Outcome::Up, Outcome::Up]);
    world.effects.clear();
    for r in 0..3 {
        world.tie(r, Tie::Lost(world.now - secs(60)));
    }
    assert_eq!(announced(&mut world), [(Status::Up, Status::Unknown)]);
}

#[test]
fn the_view_says_what_fails_since_when_and_how_many_are_needed() {
    let mut world = World::up(monitor(4));
    world.pass(secs(30));
    world.hear(1, &down());
    let since = world.now;
    world.pass(secs(90));
    for r in [0, 2, 3] {
        world.hear(r, &Outcome::Up);
    }
    world.hear(1, &down());
    let view = world.state.view(world.now);
    let clock = &since.to_rfc3339()[11..16];
    let text = format!("1 of 4 failing since {clock} (ap-east); 3 needed");
    assert_eq!(view.reason, text);
    assert_eq!((view.failing_since, view.required), (Some(since), 3));
    world.pass(secs(1));
    world.hear(1, &Outcome::Up);
    assert_eq!(world.state.view(world.now).failing_since, None);
}

#[test]
fn the_view_shows_every_assigned_region_and_why_it_has_no_vote() {
    use crate::incident::Standing;

    let mut world = World::silent(monitor(4));
    world.hear(1, &down());
    world.pass(secs(70));
    world.hear(0, &Outcome::Up);
    world.hear(2, &inconclusive());
    world.pass(secs(5));
    let view = world.state.view(world.now);
    let shown: Vec<_> = view
        .regions
        .iter()
        .map(|r| (r.standing, r.because.as_str()))
        .collect();
    assert_eq!(
        shown,
        [
            (Standing::Passing, ""),
            (
                Standing::Stale,
                "its newest result is 1m15s old, more than 1m15s"
            ),
            (Standing::Abstaining, "inconclusive: too many checks"),
            (Standing::Abstaining, "no vote yet"),
        ]
    );
    assert_eq!(view.regions[0].age, Some(secs(5)));
    assert_eq!(view.regions[1].reason, down().reason().cloned());
}
