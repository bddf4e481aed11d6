use proptest::prelude::*;

use super::*;
use crate::incident::Scope;
use crate::incident::TransitionKind::{
    Acknowledged, Commented, Flapping, Narrowed, Opened, Resolved, Widened,
};
use crate::notify::channel::Route;
use crate::notify::message::Message;
use crate::notify::plan::plan;
use crate::notify::testkit::{
    START, channel_id, directory, incident, route, step, system_incident, then,
};
use crate::outcome::ReasonCode;

const MINUTE: Duration = Duration::from_secs(60);

/// An incident, its steps that wait, and what was told: `(channel, event)`.
struct Desk {
    incident: Incident,
    directory: Directory,
    waiting: Vec<Row>,
    told: Vec<(u8, String)>,
    next_id: u64,
}

impl Desk {
    fn new(scope: Scope, directory: Directory) -> Self {
        Self::of(incident(scope), directory)
    }

    fn of(incident: Incident, directory: Directory) -> Self {
        Self {
            incident,
            directory,
            waiting: Vec::new(),
            told: Vec::new(),
            next_id: 0,
        }
    }

    fn told(&self) -> Vec<(u8, &str)> {
        let told = self.told.iter();
        told.map(|(channel, event)| (*channel, event.as_str()))
            .collect()
    }

    /// Moves the incident; every transition is a minute after the one before.
    fn moves(&mut self, kind: TransitionKind) -> &mut Self {
        step(&mut self.incident, kind);
        let now = self.incident.transitions.last().unwrap().at;
        let next_id = &mut self.next_id;
        let mut ids = || {
            *next_id += 1;
            *next_id
        };
        for row in plan(&mut self.incident, &[], &self.directory, now, &mut ids) {
            if row.is_waiting() {
                self.waiting.push(row);
            } else {
                self.told.push((row.channel.as_bytes()[0], row.event));
            }
        }
        self
    }

    /// Asks for the `n`th step that waits.
    fn fire(&mut self, n: usize, at: Time) -> Row {
        let row = self.waiting[n].clone();
        fire(row, &mut self.incident, &self.directory, at)
    }

    /// Why the first step that waits is not sent.
    fn why_not(&mut self) -> String {
        match self.fire(0, START + 60 * MINUTE).state {
            RowState::Suppressed(why) => why,
            other @ (RowState::Pending
            | RowState::Sent(_)
            | RowState::Superseded(_)
            | RowState::Dead(_)) => {
                panic!("{other:?}")
            }
        }
    }
}

/// One route to channel 1, after five minutes to 2.
fn escalating() -> Directory {
    directory(&[1, 2], vec![then(route(1, &[1]), &[(300, &[2])])])
}

#[test]
fn a_step_waits_from_the_commit_of_the_opening() {
    let mut desk = Desk::new(Scope::Global, escalating());
    desk.moves(Opened);
    assert_eq!(desk.told(), [(1, "incident.opened")]);
    let [row] = desk.waiting.as_slice() else {
        panic!("{:?}", desk.waiting);
    };
    assert_eq!(row.channel, channel_id(2));
    assert_eq!(row.next_at, START + 5 * MINUTE);
    let told: Vec<ChannelId> = desk.incident.told.iter().map(|t| t.channel).collect();
    assert_eq!(told, [channel_id(1)], "whoever waits was not told");
}

#[test]
fn a_step_that_is_due_says_how_the_incident_stands_and_its_channel_hears_the_end() {
    let mut desk = Desk::new(Scope::Global, escalating());
    desk.moves(Opened).moves(Commented);
    let due = START + 5 * MINUTE;
    let row = desk.fire(0, due);
    assert_eq!(
        (row.state.clone(), row.created_at, row.next_at),
        (RowState::Pending, due, due)
    );
    assert_eq!(row.key, desk.waiting[0].key);
    let body = Body::from_json(&row.body).unwrap();
    assert_eq!(
        (body.event.as_str(), body.timestamp),
        ("incident.opened", due)
    );
    assert_eq!(body.data.transition.as_ref().unwrap().kind, "opened");
    let text = Message::render(&body, &row.region_names, None).to_text();
    assert!(text.starts_with("DOWN: api.example.com/health"), "{text}");
    let why = "Escalated: nobody took it within 5m (route route-1)\n";
    assert!(text.contains(why), "{text}");
    desk.told.clear();
    desk.moves(Acknowledged).moves(Resolved);
    let expected = [
        (1, "incident.updated"),
        (2, "incident.updated"),
        (1, "incident.resolved"),
        (2, "incident.resolved"),
    ];
    assert_eq!(desk.told(), expected);
}

#[test]
fn nothing_fires_after_an_acknowledgement_and_the_recovery_still_comes() {
    let mut desk = Desk::new(Scope::Global, escalating());
    desk.moves(Opened).moves(Acknowledged);
    let why = "ada acknowledged the incident before this step was due";
    assert_eq!(desk.why_not(), why);
    desk.moves(Resolved);
    assert_eq!(desk.told().last(), Some(&(1, "incident.resolved")));
    assert!(desk.told.iter().all(|(channel, _)| *channel == 1));
}

#[test]
fn nothing_fires_after_the_end() {
    let mut desk = Desk::new(Scope::Global, escalating());
    desk.moves(Opened).moves(Resolved);
    assert_eq!(desk.why_not(), OVER);
}

#[test]
fn widening_voids_the_acknowledgement_and_begins_the_steps_anew() {
    let mut both = then(route(1, &[1]), &[(300, &[2])]);
    both.scopes = vec![Scope::Global, Scope::Regional];
    let mut desk = Desk::new(Scope::Regional, directory(&[1, 2], vec![both]));
    desk.moves(Opened).moves(Acknowledged).moves(Widened);
    let due: Vec<Time> = desk.waiting.iter().map(|row| row.next_at).collect();
    assert_eq!(due, [START + 5 * MINUTE, START + 7 * MINUTE]);
    assert!(desk.why_not().contains("scope changed"));
    let row = desk.fire(1, START + 7 * MINUTE);
    assert!(!row.is_waiting() && row.state == RowState::Pending);
    assert_ne!(desk.waiting[0].key, desk.waiting[1].key);
}

#[test]
fn narrowing_goes_on_counting_for_the_routes_that_take_the_rest() {
    let mut both = then(route(1, &[1]), &[(300, &[2])]);
    both.scopes = vec![Scope::Global, Scope::Regional];
    let global_alone = then(route(2, &[1]), &[(60, &[3])]);
    let mut desk = Desk::new(
        Scope::Global,
        directory(&[1, 2, 3], vec![both, global_alone]),
    );
    desk.moves(Opened).moves(Narrowed);
    let lines: Vec<(u8, u32, Time)> = desk
        .waiting
        .iter()
        .map(|row| (row.channel.as_bytes()[0], row.seq, row.next_at))
        .collect();
    let (early, late) = (START + MINUTE, START + 5 * MINUTE);
    assert_eq!(lines, [(2, 1, late), (3, 1, early), (2, 2, late)]);
    let of_the_wider = desk.fire(1, early);
    assert!(matches!(of_the_wider.state, RowState::Suppressed(_)));
    assert!(!desk.fire(2, late).is_waiting());
}

#[test]
fn a_channel_that_was_told_is_not_told_again() {
    let routes = vec![then(route(1, &[1]), &[(300, &[2])]), route(2, &[2])];
    let mut desk = Desk::new(Scope::Global, directory(&[1, 2], routes));
    desk.moves(Opened);
    assert!(desk.waiting.is_empty(), "channel 2 hears of it at once");

    let mut desk = Desk::new(Scope::Global, escalating());
    desk.moves(Opened);
    desk.fire(0, START + 5 * MINUTE);
    let again = "the channel was told of the incident already";
    assert_eq!(desk.why_not(), again);
}

#[test]
fn a_channel_of_several_steps_waits_for_the_earliest() {
    let routes = vec![
        then(route(1, &[1]), &[(300, &[2])]),
        then(route(2, &[1]), &[(60, &[2])]),
    ];
    let mut desk = Desk::new(Scope::Global, directory(&[1, 2], routes));
    desk.moves(Opened);
    assert_eq!(desk.waiting.len(), 1);
    assert_eq!(desk.waiting[0].next_at, START + MINUTE);

    desk.directory
        .routes
        .retain(|_, r| r.name.as_str() == "route-1");
    let row = desk.fire(0, START + MINUTE);
    assert!(row.is_waiting(), "the other route leads there later");
    assert_eq!(row.next_at, START + 5 * MINUTE);
}

#[test]
fn a_step_of_a_route_that_is_gone_is_not_sent() {
    let mut desk = Desk::new(Scope::Global, escalating());
    desk.moves(Opened);
    desk.directory.routes.clear();
    assert_eq!(desk.why_not(), NO_ROUTE);
}

#[test]
fn a_step_to_a_channel_that_is_gone_is_not_sent() {
    let mut desk = Desk::new(Scope::Global, escalating());
    desk.moves(Opened);
    desk.directory.channels.remove(&channel_id(2));
    assert_eq!(desk.why_not(), "the channel was removed");
}

#[test]
fn a_route_that_does_not_ask_for_the_beginning_has_no_steps() {
    let mut ends = then(route(1, &[1]), &[(300, &[2])]);
    ends.events = vec!["resolved".to_owned(), "system".to_owned()];
    let directory = directory(&[1, 2], vec![ends]);
    let mut desk = Desk::new(Scope::Global, directory.clone());
    assert!(desk.moves(Opened).waiting.is_empty());

    let lost = system_incident(ReasonCode::RegionLost, "us-east");
    let mut desk = Desk::of(lost, directory);
    desk.moves(Opened);
    let row = desk.fire(0, START + 5 * MINUTE);
    assert_eq!(row.event, "system.opened");
    desk.told.clear();
    desk.moves(Resolved);
    assert_eq!(
        desk.told(),
        [(1, "system.resolved"), (2, "system.resolved")]
    );
}

#[test]
fn a_channel_is_not_told_of_its_own_failure_by_a_step() {
    let mut system = then(route(1, &[1]), &[(300, &[2])]);
    system.events = vec!["system".to_owned()];
    let failing = system_incident(ReasonCode::ChannelFailing, "channel-2");
    let mut desk = Desk::of(failing, directory(&[1, 2], vec![system]));
    assert!(desk.moves(Opened).waiting.is_empty());
}

#[test]
fn everything_that_is_wrong_with_steps_is_said_at_once() {
    let step = |after: u64, to: &[u8]| Step {
        after: Duration::from_secs(after),
        to: to.iter().copied().map(channel_id).collect(),
    };
    let said = |then: &[Step], events: &[&str]| {
        let events: Vec<String> = events.iter().map(|e| (*e).to_owned()).collect();
        let mut problems = Problems::none();
        let name = |id: ChannelId| format!("channel-{}", id.as_bytes()[0]);
        check(then, &[channel_id(1)], &events, &name, &mut problems);
        problems.to_string()
    };
    assert_eq!(said(&[step(300, &[2]), step(900, &[3])], &[]), "");
    let wrong = [step(300, &[1]), step(300, &[]), step(8 * 86_400, &[2])];
    assert_eq!(
        said(&wrong, &["resolved"]),
        "\
then: steps tell of a beginning, and this route does not ask for `opened`; add `opened` to its events
then: channel `channel-1` was told before the step after 5m; a step tells somebody else
then: 5m comes after 5m; let the steps grow
then: the step after 5m leads nowhere; name a channel
then: a step after 8d; use 1s to 7d"
    );
    let many: Vec<Step> = (1..=11).map(|n| step(n, &[10 + n as u8])).collect();
    assert!(said(&many, &[]).starts_with("then: 11 steps; a route has at most 10"));
}

/// What happens next: a transition, or some step that waits is asked for; and the routes as they
/// are by then.
fn story() -> impl Strategy<Value = Vec<(u8, usize, Vec<Route>)>> {
    let events = prop::sample::subsequence(vec!["opened", "updated", "resolved", "system"], 0..=4);
    let scopes = prop::sample::subsequence(vec![Scope::Global, Scope::Regional], 0..=2);
    let to = prop::sample::subsequence(vec![1, 2, 3], 1..=2);
    let later = prop::sample::subsequence(vec![1, 2, 3, 4], 1..=2);
    let route = (1..4u8, to, later, events, scopes).prop_map(|(n, to, later, events, scopes)| {
        let mut route = then(route(n, &to), &[(60, &later), (240, &[5])]);
        route.events = events.iter().map(|e| (*e).to_owned()).collect();
        route.scopes = scopes;
        route
    });
    prop::collection::vec(
        (0..9u8, any::<usize>(), prop::collection::vec(route, 0..3)),
        1..12,
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn a_step_tells_only_who_was_not_told_of_what_nobody_took_and_they_hear_the_end(
        story in story(), regional in any::<bool>(),
    ) {
        let scope = if regional { Scope::Regional } else { Scope::Global };
        let mut desk = Desk::new(scope, directory(&[1, 2, 3, 4, 5], Vec::new()));
        let mut keys = BTreeSet::new();
        let mut opened = false;
        for (choice, which, routes) in story {
            desk.directory = directory(&[1, 2, 3, 4, 5], routes);
            if !opened {
                opened = true;
                desk.moves(Opened);
            } else if choice < 5 {
                let other = if desk.incident.scope == Scope::Global { Narrowed } else { Widened };
                let kinds = [other, other, Acknowledged, Commented, Flapping];
                desk.moves(kinds[usize::from(choice)]);
            } else if !desk.waiting.is_empty() {
                let at = desk.incident.transitions.last().unwrap().at + MINUTE * (which as u32 % 8);
                let which = which % desk.waiting.len();
                let row = desk.fire(which, at);
                if row.is_waiting() {
                    prop_assert!(row.next_at > at);
                    desk.waiting[which] = row;
                    continue;
                }
                desk.waiting.remove(which);
                if row.state == RowState::Pending {
                    prop_assert_eq!(desk.incident.status, IncidentStatus::Open);
                    prop_assert!(!row.body.is_empty());
                    prop_assert!(keys.insert(row.key.clone()), "two rows share a key");
                    desk.told.push((row.channel.as_bytes()[0], row.event));
                }
            }
        }
        desk.moves(Resolved);
        for row in &desk.waiting {
            let row = fire(row.clone(), &mut desk.incident, &desk.directory, START + 60 * MINUTE);
            prop_assert_eq!(row.state, RowState::Suppressed(OVER.to_owned()));
        }
        for channel in 1..=5 {
            let heard: Vec<&str> = desk.told().into_iter().filter(|t| t.0 == channel).map(|t| t.1).collect();
            let begun = heard.iter().filter(|e| **e == "incident.opened").count();
            prop_assert!(begun <= 1, "told of the beginning twice: {heard:?}");
            if begun == 1 {
                prop_assert_eq!(heard[0], "incident.opened");
                let told = desk.incident.told.iter().find(|t| t.channel == channel_id(channel)).unwrap();
                let due = asks_for(&told.events, event::RESOLVED);
                prop_assert_eq!(heard.last() == Some(&"incident.resolved"), due);
            }
        }
    }
}
