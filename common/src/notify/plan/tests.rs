use proptest::prelude::*;

use super::*;
use crate::incident::Scope;
use crate::incident::TransitionKind::{
    Acknowledged, Commented, Flapping, Narrowed, Opened, Resolved, Widened,
};
use crate::monitor::Severity;
use crate::notify::channel::event;
use crate::notify::testkit::{
    START, channel_id, directory, incident, route, step, system_incident,
};

/// Moves the incident and returns who is told what: `(channel, event)`.
fn told(incident: &mut Incident, kind: TransitionKind, directory: &Directory) -> Vec<(u8, String)> {
    told_with(incident, kind, directory, &[])
}

fn told_with(
    incident: &mut Incident,
    kind: TransitionKind,
    directory: &Directory,
    notify: &[ChannelId],
) -> Vec<(u8, String)> {
    step(incident, kind);
    let rows = plan(incident, notify, directory, START, &mut || 1);
    let mut told: Vec<_> = rows
        .into_iter()
        .map(|row| (row.channel.as_bytes()[0], row.event))
        .collect();
    told.sort();
    told
}

fn expect(list: &[(u8, &str)]) -> Vec<(u8, String)> {
    list.iter()
        .map(|(n, event)| (*n, (*event).to_owned()))
        .collect()
}

fn with_events(mut route: Route, events: &[&str]) -> Route {
    route.events = events.iter().map(|e| (*e).to_owned()).collect();
    route
}

fn with_scopes(mut route: Route, scopes: &[Scope]) -> Route {
    route.scopes = scopes.to_vec();
    route
}

const BEGIN: &str = "incident.opened";
const CHANGE: &str = "incident.updated";
const END: &str = "incident.resolved";

#[test]
fn without_routes_every_channel_gets_everything_of_scope_global() {
    let directory = directory(&[1, 2], Vec::new());
    let mut global = incident(Scope::Global);
    let begin = expect(&[(1, BEGIN), (2, BEGIN)]);
    assert_eq!(told(&mut global, Opened, &directory), begin);
    let end = expect(&[(1, END), (2, END)]);
    assert_eq!(told(&mut global, Resolved, &directory), end);
    let mut regional = incident(Scope::Regional);
    assert_eq!(told(&mut regional, Opened, &directory), expect(&[]));
}

#[test]
fn a_monitors_own_channels_replace_the_default_route() {
    let directory = directory(&[1, 2], Vec::new());
    let notify = [channel_id(2)];
    let mut global = incident(Scope::Global);
    let told = told_with(&mut global, Opened, &directory, &notify);
    assert_eq!(told, expect(&[(2, BEGIN)]));
}

#[test]
fn a_monitors_own_channels_come_beside_those_of_routes() {
    let directory = directory(&[1, 2], vec![route(1, &[1])]);
    let mut global = incident(Scope::Global);
    let told = told_with(&mut global, Opened, &directory, &[channel_id(2)]);
    assert_eq!(told, expect(&[(1, BEGIN), (2, BEGIN)]));
}

#[test]
fn a_channel_of_several_routes_gets_a_transition_once() {
    let directory = directory(&[1], vec![route(1, &[1]), route(2, &[1])]);
    let mut global = incident(Scope::Global);
    assert_eq!(told(&mut global, Opened, &directory), expect(&[(1, BEGIN)]));
}

#[test]
fn matchers_that_do_not_fit_tell_nobody() {
    let fits_not: [fn(&mut Route); 3] = [
        |r| r.severity = vec![Severity::Info],
        |r| r.labels = BTreeMap::from([("team".to_owned(), "other".to_owned())]),
        |r| r.monitors = vec![crate::name::Name::parse("shop").unwrap()],
    ];
    for change in fits_not {
        let mut other = route(1, &[1]);
        change(&mut other);
        let directory = directory(&[1], vec![other]);
        let mut global = incident(Scope::Global);
        assert_eq!(told(&mut global, Opened, &directory), expect(&[]));
    }
}

#[test]
fn a_told_channel_hears_the_end_although_its_route_is_gone() {
    let mut global = incident(Scope::Global);
    let before = directory(&[1, 2], vec![route(1, &[1])]);
    told(&mut global, Opened, &before);
    let after = directory(&[1, 2], vec![route(2, &[2])]);
    assert_eq!(told(&mut global, Resolved, &after), expect(&[(1, END)]));
}

#[test]
fn a_route_of_opened_alone_gets_no_end() {
    let directory = directory(&[1], vec![with_events(route(1, &[1]), &["opened"])]);
    let mut global = incident(Scope::Global);
    assert_eq!(told(&mut global, Opened, &directory), expect(&[(1, BEGIN)]));
    assert_eq!(told(&mut global, Acknowledged, &directory), expect(&[]));
    assert_eq!(told(&mut global, Resolved, &directory), expect(&[]));
}

#[test]
fn a_route_of_resolved_alone_gets_only_the_end() {
    let directory = directory(&[1], vec![with_events(route(1, &[1]), &["resolved"])]);
    let mut global = incident(Scope::Global);
    assert_eq!(told(&mut global, Opened, &directory), expect(&[]));
    assert_eq!(told(&mut global, Commented, &directory), expect(&[]));
    assert_eq!(told(&mut global, Resolved, &directory), expect(&[(1, END)]));
}

#[test]
fn a_route_of_resolved_alone_saved_during_the_incident_gets_the_end() {
    let mut global = incident(Scope::Global);
    let before = directory(&[1, 2], vec![route(1, &[1])]);
    told(&mut global, Opened, &before);
    let only_end = with_events(route(2, &[2]), &["resolved"]);
    let after = directory(&[1, 2], vec![only_end, route(1, &[1])]);
    let end = expect(&[(1, END), (2, END)]);
    assert_eq!(told(&mut global, Resolved, &after), end);
}

#[test]
fn a_route_saved_during_the_incident_brings_no_end_without_a_beginning() {
    let mut global = incident(Scope::Global);
    let before = directory(&[1, 2], vec![route(1, &[1])]);
    told(&mut global, Opened, &before);
    let after = directory(&[1, 2], vec![route(1, &[1]), route(2, &[2])]);
    assert_eq!(told(&mut global, Resolved, &after), expect(&[(1, END)]));
}

#[test]
fn the_first_message_of_a_widened_incident_is_its_beginning() {
    let regional = with_scopes(route(1, &[1]), &[Scope::Regional]);
    let directory = directory(&[1, 2], vec![regional, route(2, &[2])]);
    let mut incident = incident(Scope::Regional);
    let opened = told(&mut incident, Opened, &directory);
    assert_eq!(opened, expect(&[(1, BEGIN)]));
    let widened = told(&mut incident, Widened, &directory);
    assert_eq!(widened, expect(&[(1, CHANGE), (2, BEGIN)]));
    let narrowed = told(&mut incident, Narrowed, &directory);
    assert_eq!(narrowed, expect(&[(1, CHANGE), (2, CHANGE)]));
    let resolved = told(&mut incident, Resolved, &directory);
    assert_eq!(resolved, expect(&[(1, END), (2, END)]));
}

#[test]
fn the_lists_of_several_routes_add_up() {
    let routes = vec![
        with_events(route(1, &[1]), &["opened"]),
        with_events(route(2, &[1]), &["resolved"]),
    ];
    let directory = directory(&[1], routes);
    let mut global = incident(Scope::Global);
    assert_eq!(told(&mut global, Opened, &directory), expect(&[(1, BEGIN)]));
    assert_eq!(told(&mut global, Flapping, &directory), expect(&[]));
    assert_eq!(told(&mut global, Resolved, &directory), expect(&[(1, END)]));
}

/// Found by the property below: the channel had heard of the widening, then of the beginning.
#[test]
fn a_channel_that_follows_changes_alone_gets_no_beginning_in_their_middle() {
    let updates = with_events(route(1, &[1]), &["updated"]);
    let any_scope = [Scope::Global, Scope::Regional];
    let before = directory(&[1], vec![with_scopes(updates, &any_scope)]);
    let mut incident = incident(Scope::Regional);
    assert_eq!(told(&mut incident, Opened, &before), expect(&[]));
    assert_eq!(
        told(&mut incident, Widened, &before),
        expect(&[(1, CHANGE)])
    );
    let after = directory(&[1], vec![with_scopes(route(2, &[1]), &any_scope)]);
    assert_eq!(
        told(&mut incident, Narrowed, &after),
        expect(&[(1, CHANGE)])
    );
    assert_eq!(told(&mut incident, Resolved, &after), expect(&[(1, END)]));
}

#[test]
fn nothing_follows_the_end() {
    let directory = directory(&[1], Vec::new());
    let mut global = incident(Scope::Global);
    told(&mut global, Opened, &directory);
    told(&mut global, Resolved, &directory);
    assert_eq!(told(&mut global, Commented, &directory), expect(&[]));
}

#[test]
fn a_removed_channel_is_not_written_to() {
    let mut global = incident(Scope::Global);
    told(&mut global, Opened, &directory(&[1, 2], Vec::new()));
    let after = directory(&[2], Vec::new());
    assert_eq!(told(&mut global, Resolved, &after), expect(&[(2, END)]));
}

#[test]
fn system_incidents_go_where_a_route_names_them_else_to_every_channel() {
    let named = vec![with_events(route(1, &[1]), &["system"]), route(2, &[2])];
    let to_one = directory(&[1, 2], named);
    let mut lost = system_incident(ReasonCode::RegionLost, "us-east");
    let opened = told(&mut lost, Opened, &to_one);
    assert_eq!(opened, expect(&[(1, "system.opened")]));
    assert_eq!(told(&mut lost, Acknowledged, &to_one), expect(&[]));
    let resolved = told(&mut lost, Resolved, &to_one);
    assert_eq!(resolved, expect(&[(1, "system.resolved")]));

    let to_all = directory(&[1, 2], vec![route(2, &[2])]);
    let mut lost = system_incident(ReasonCode::RegionLost, "us-east");
    let opened = told(&mut lost, Opened, &to_all);
    assert_eq!(
        opened,
        expect(&[(1, "system.opened"), (2, "system.opened")])
    );
}

#[test]
fn a_route_of_system_alone_takes_no_monitor() {
    let directory = directory(&[1], vec![with_events(route(1, &[1]), &["system"])]);
    let mut global = incident(Scope::Global);
    assert_eq!(told(&mut global, Opened, &directory), expect(&[]));
    assert_eq!(told(&mut global, Resolved, &directory), expect(&[]));
}

#[test]
fn a_channel_is_not_told_of_its_own_failure() {
    let mut failing = system_incident(ReasonCode::ChannelFailing, "channel-1");
    let told = told(&mut failing, Opened, &directory(&[1, 2], Vec::new()));
    assert_eq!(told, expect(&[(2, "system.opened")]));
}

#[test]
fn a_fallback_that_is_told_itself_gets_no_copy() {
    let mut both = directory(&[1, 2], Vec::new());
    both.channels.get_mut(&channel_id(1)).unwrap().fallback = Some(channel_id(2));
    let mut global = incident(Scope::Global);
    step(&mut global, Opened);
    let rows = plan(&mut global.clone(), &[], &both, START, &mut || 1);
    assert!(rows.iter().all(|row| row.fallback.is_none()));
    let rows = plan(&mut global, &[channel_id(1)], &both, START, &mut || 1);
    assert_eq!(rows[0].fallback, Some(channel_id(2)));
}

#[test]
fn a_row_freezes_the_display_names_of_its_own_regions() {
    let mut directory = directory(&[1], Vec::new());
    for (id, name) in [("eu-west", "Frankfurt"), ("sa-east", "São Paulo")] {
        let region = Region::parse(id).unwrap();
        directory.region_names.insert(region, name.to_owned());
    }
    let mut global = incident(Scope::Global);
    step(&mut global, Opened);
    let rows = plan(&mut global, &[], &directory, START, &mut || 1);
    let names: Vec<&str> = rows[0].region_names.values().map(String::as_str).collect();
    assert_eq!(names, ["Frankfurt"]);
}

/// What happens next to an incident, and a configuration that may change at any time.
fn story() -> impl Strategy<Value = Vec<(usize, Vec<Route>)>> {
    let events = prop::sample::subsequence(vec!["opened", "updated", "resolved", "system"], 0..=4);
    let scopes = prop::sample::subsequence(vec![Scope::Global, Scope::Regional], 0..=2);
    let to = prop::sample::subsequence(vec![1, 2, 3], 1..=3);
    let route = (1..4u8, to, events, scopes).prop_map(|(n, to, events, scopes)| {
        with_scopes(with_events(route(n, &to), &events), &scopes)
    });
    prop::collection::vec((0..5usize, prop::collection::vec(route, 0..3)), 1..8)
}

/// The `n`th of `of` transitions: the first opens, the last resolves, `choice` picks the others.
fn nth(n: usize, of: usize, choice: usize, scope: Scope) -> TransitionKind {
    let other_scope = if scope == Scope::Global {
        Narrowed
    } else {
        Widened
    };
    match choice {
        _ if n == 0 => Opened,
        _ if n + 1 == of => Resolved,
        0 | 1 => other_scope,
        2 => Acknowledged,
        3 => Commented,
        _ => Flapping,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn whatever_the_routes_do_a_channel_hears_the_beginning_first_and_the_end_last(
        story in story(), regional in any::<bool>(),
    ) {
        let mut incident = incident(if regional { Scope::Regional } else { Scope::Global });
        let mut heard: BTreeMap<ChannelId, Vec<String>> = BTreeMap::new();
        let mut keys = BTreeSet::new();
        let of = story.len();
        for (n, (choice, routes)) in story.into_iter().enumerate() {
            let kind = nth(n, of, choice, incident.scope);
            step(&mut incident, kind);
            let directory = directory(&[1, 2, 3], routes);
            let rows = plan(&mut incident, &[], &directory, START, &mut || n as u64);
            let receivers: BTreeSet<_> = rows.iter().map(|r| r.channel).collect();
            prop_assert_eq!(receivers.len(), rows.len(), "a channel got a transition twice");
            for row in rows {
                prop_assert!(keys.insert(row.key.clone()), "two rows share a key");
                prop_assert_eq!(row.seq, incident.seq());
                heard.entry(row.channel).or_default().push(row.event);
            }
        }
        for told in &incident.told {
            let heard = heard.get(&told.channel).cloned().unwrap_or_default();
            let asks = |event| asks_for(&told.events, event);
            if told.opened {
                prop_assert_eq!(heard.first().map(String::as_str), Some(BEGIN));
                prop_assert_eq!(heard.iter().filter(|e| *e == BEGIN).count(), 1);
            } else {
                prop_assert!(!heard.iter().any(|e| e == BEGIN));
            }
            let ended = heard.last().map(String::as_str) == Some(END);
            let due = of > 1 && asks(event::RESOLVED) && (told.opened || !asks(event::OPENED));
            prop_assert_eq!(ended, due);
        }
    }
}
