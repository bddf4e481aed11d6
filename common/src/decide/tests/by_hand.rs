//! Acknowledging, commenting, closing by hand.

use super::*;

const UP: Outcome = Outcome::Up;

fn resolve(force: bool) -> Input<'static> {
    Input::Resolve {
        by: "ann".to_owned(),
        force,
    }
}

fn is_down() -> World {
    let mut world = World::up(monitor(3));
    world.pass(secs(30));
    world.all(&down());
    world.effects.clear();
    world
}

#[test]
fn resolving_is_refused_while_regions_see_it_down() {
    let mut world = is_down();
    let refused = Refusal::StillDown {
        failing: 3,
        assigned: 3,
    };
    assert_eq!(world.on(resolve(false)), Err(refused));
    assert_eq!(
        (world.effects.len(), world.scope()),
        (0, Some(Scope::Global))
    );
}

#[test]
fn a_regional_incident_cannot_be_resolved_either_while_its_region_sees_it_down() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(330), &[down(), UP, UP]);
    let refused = Refusal::StillDown {
        failing: 1,
        assigned: 3,
    };
    assert_eq!(world.on(resolve(false)), Err(refused));
}

#[test]
fn without_an_open_incident_every_deed_is_refused() {
    let mut world = World::up(monitor(3));
    let (by, note) = ("ann".to_owned(), "on it".to_owned());
    assert_eq!(world.on(resolve(true)), Err(Refusal::NotOpen));
    let acknowledge = Input::Acknowledge {
        by: by.clone(),
        note: note.clone(),
    };
    assert_eq!(world.on(acknowledge), Err(Refusal::NotOpen));
    assert_eq!(world.on(Input::Comment { by, note }), Err(Refusal::NotOpen));
}

#[test]
fn by_force_it_closes_and_none_opens_until_it_was_not_down_once() {
    let mut world = is_down();
    world.on(resolve(true)).unwrap();
    let incident = world.last_incident();
    assert_eq!(incident.resolution, Some(Resolution::Forced));
    let last = incident.transitions.last().unwrap();
    assert_eq!(last.by.as_deref(), Some("ann"));
    assert!(world.state.durable().muted_until_not_down);
    world.pass_seeing(secs(1200), &[down(), down(), down()]);
    assert_eq!(world.scope(), None);
    world.hear(0, &UP);
    world.hear(1, &UP);
    assert!(!world.state.durable().muted_until_not_down);
    assert!(world.effects.contains(&Effect::Save));
    world.pass(secs(30));
    world.all(&down());
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn unknown_in_between_is_not_not_down() {
    let mut world = is_down();
    world.on(resolve(true)).unwrap();
    world.pass(secs(600));
    assert_eq!(world.status(), Status::Unknown);
    assert!(world.state.durable().muted_until_not_down);
    world.all(&down());
    world.pass(secs(20));
    assert_eq!(world.scope(), None);
}

#[test]
fn what_was_forced_stays_closed_over_a_restart() {
    let mut world = is_down();
    world.on(resolve(true)).unwrap();
    world.restart();
    for r in 0..3 {
        world.tie(r, Tie::Connected);
        world.summary(r, &down(), 1, 3, 70, None);
    }
    world.pass(secs(2));
    world.pass_seeing(secs(600), &[down(), down(), down()]);
    assert_eq!(world.scope(), None);
}

#[test]
fn a_forced_end_of_a_regional_incident_does_not_silence_a_global_one() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(330), &[down(), UP, UP]);
    world.on(resolve(true)).unwrap();
    assert_eq!(world.state.durable().muted_regions, [region(0)]);
    world.pass_seeing(secs(900), &[down(), UP, UP]);
    assert_eq!(world.scope(), None, "that region is known");
    world.hear(1, &down());
    world.pass(secs(1));
    world.hear(0, &down());
    world.hear(1, &down());
    assert_eq!(world.scope(), Some(Scope::Global));
}

#[test]
fn a_region_closed_by_hand_may_open_again_once_it_voted_up() {
    let mut world = World::up(monitor(3));
    world.pass_seeing(secs(330), &[down(), UP, UP]);
    world.on(resolve(true)).unwrap();
    world.pass(secs(1));
    world.hear(0, &UP);
    assert!(world.state.durable().muted_regions.is_empty());
    world.pass(secs(1));
    world.pass_seeing(secs(360), &[down(), UP, UP]);
    assert_eq!(world.scope(), Some(Scope::Regional));
}

#[test]
fn an_incident_that_nobody_sees_down_may_be_closed_by_hand() {
    let mut world = is_down();
    world.pass(secs(3600));
    assert_eq!(world.votes(), (0, 0));
    world.on(resolve(false)).unwrap();
    assert_eq!(world.last_incident().resolution, Some(Resolution::Forced));
    assert!(!world.state.durable().muted_until_not_down);
}

#[test]
fn an_acknowledgement_names_who_took_it_and_another_takes_over() {
    let mut world = is_down();
    for by in ["ann", "bob"] {
        let note = "on it".to_owned();
        world
            .on(Input::Acknowledge {
                by: by.to_owned(),
                note,
            })
            .unwrap();
        let incident = world.state.incident().unwrap();
        assert_eq!(incident.status, IncidentStatus::Acknowledged);
        assert_eq!(incident.acknowledged_by.as_deref(), Some(by));
        let last = incident.transitions.last().unwrap();
        assert_eq!(
            (last.by.as_deref(), last.note.as_str()),
            (Some(by), "on it")
        );
    }
    assert_eq!(world.transitions().len(), 2);
}

#[test]
fn a_comment_leaves_the_incident_as_it_was() {
    let mut world = is_down();
    let (by, note) = ("ann".to_owned(), "the database".to_owned());
    world.on(Input::Comment { by, note }).unwrap();
    let incident = world.state.incident().unwrap();
    assert_eq!(incident.status, IncidentStatus::Open);
    assert_eq!(
        incident.transitions.last().unwrap().kind,
        TransitionKind::Commented
    );
}

#[test]
fn who_was_told_is_kept_with_the_open_incident() {
    let mut world = is_down();
    let told = vec![Told {
        channel: crate::id::ChannelId::from_bytes([3; 16]),
        events: Vec::new(),
        opened: true,
    }];
    let id = world.state.incident().unwrap().id;
    world
        .state
        .note_told(IncidentId::from_bytes([0; 16]), told.clone());
    assert!(
        world.state.incident().unwrap().told.is_empty(),
        "another incident"
    );
    world.state.note_told(id, told.clone());
    world.pass(secs(30));
    world.all(&UP);
    assert_eq!(world.last_incident().told, told);
}
