use std::collections::BTreeMap;
use std::time::Duration;

use super::*;
use crate::id::{ChannelId, Epoch, IncidentId};
use crate::identity::notification_key;
use crate::notify::testkit::{START, channel_id};

mod random;
mod steps;

const A: u8 = 1;
const B: u8 = 2;

fn subject(n: u8) -> RowSubject {
    RowSubject::Incident(IncidentId::from_bytes([n; 16]))
}

/// A row as `plan` makes it, with a fallback to `B` when it goes to `A`.
fn row(id: u64, incident: u8, seq: u32, channel: u8, event: &str) -> Row {
    let subject = subject(incident);
    Row {
        id,
        key: notification_key(
            Epoch::default(),
            &subject,
            seq,
            channel_id(channel),
            Purpose::Notice,
            0,
        ),
        subject,
        seq,
        channel: channel_id(channel),
        purpose: Purpose::Notice,
        event: event.to_owned(),
        body: format!("{event} {seq}"),
        region_names: BTreeMap::new(),
        created_at: START,
        attempts: 0,
        next_at: START,
        state: RowState::Pending,
        fallback: (channel == A).then(|| channel_id(B)),
        fell_back: false,
        first_failed_at: None,
        last_error: String::new(),
    }
}

fn opened(id: u64, incident: u8, channel: u8) -> Row {
    row(id, incident, 1, channel, "incident.opened")
}

fn resolved(id: u64, incident: u8, channel: u8) -> Row {
    row(id, incident, 2, channel, "incident.resolved")
}

/// A machine, its time and what it left in the store.
struct Desk {
    machine: Delivery,
    now: Time,
    next_id: u64,
    stored: BTreeMap<u64, Row>,
    log: BTreeMap<u64, Row>,
    reports: Vec<Report>,
    /// Steps whose owners were asked.
    asked: Vec<Row>,
    random: u64,
}

impl Desk {
    fn new() -> Self {
        Self {
            machine: Delivery::new(Limits::default()),
            now: START,
            next_id: 1_000,
            stored: BTreeMap::new(),
            log: BTreeMap::new(),
            reports: Vec::new(),
            asked: Vec::new(),
            random: 0,
        }
    }

    /// Commits the changes; returns what is to be tried.
    fn on(&mut self, input: Input) -> Vec<Row> {
        let next = &mut self.next_id;
        let mut ids = || {
            *next += 1;
            *next
        };
        let effects = self.machine.on(input, self.now, &mut ids);
        for change in effects.changes {
            match change {
                Change::Save(row) => {
                    self.stored.insert(row.id, row);
                }
                Change::Settle(row) => {
                    self.stored.remove(&row.id);
                    self.log.insert(row.id, row);
                }
                Change::Forget(id) => {
                    let row = self.stored.remove(&id).unwrap();
                    assert_ne!(row.state, RowState::Pending);
                    self.log.insert(id, row);
                }
            }
        }
        self.reports.extend(effects.reports);
        self.asked.extend(effects.steps);
        effects.attempts
    }

    fn add(&mut self, rows: Vec<Row>) -> Vec<u64> {
        self.stored.extend(rows.iter().map(|r| (r.id, r.clone())));
        ids(self.on(Input::Added(rows)))
    }

    fn finish(&mut self, row: u64, answer: Answer) -> Vec<u64> {
        let random = self.random;
        ids(self.on(Input::Finished {
            row,
            answer,
            random,
        }))
    }

    fn fail(&mut self, row: u64) -> Vec<u64> {
        self.finish(row, Answer::of_status(503, None))
    }

    fn deliver(&mut self, row: u64) -> Vec<u64> {
        self.finish(row, Answer::Delivered)
    }

    fn wait(&mut self, seconds: u64) -> Vec<u64> {
        self.now = self.now + Duration::from_secs(seconds);
        ids(self.on(Input::Tick))
    }

    /// A new process over the same store.
    fn restart(&mut self) -> Vec<u64> {
        self.machine = Delivery::new(Limits::default());
        let rows = self.stored.values().cloned().collect();
        ids(self.on(Input::Added(rows)))
    }

    fn state(&self, row: u64) -> &RowState {
        let found = self.log.get(&row).or_else(|| self.stored.get(&row));
        &found.unwrap().state
    }
}

fn ids(rows: Vec<Row>) -> Vec<u64> {
    rows.into_iter().map(|row| row.id).collect()
}

/// No attempt.
const NONE: [u64; 0] = [];
/// The first copy that a desk makes.
const COPY: u64 = 1_001;

#[test]
fn a_new_row_is_tried_at_once_and_settled_when_taken() {
    let mut desk = Desk::new();
    assert_eq!(desk.add(vec![opened(1, 1, A)]), [1]);
    assert_eq!(desk.deliver(1), NONE);
    assert_eq!(desk.state(1), &RowState::Sent(START));
    assert!(desk.stored.is_empty());
    assert_eq!(desk.machine.next_wake(), None);
}

#[test]
fn up_waits_for_down() {
    let mut desk = Desk::new();
    assert_eq!(desk.add(vec![opened(1, 1, B), resolved(2, 1, B)]), [1]);
    assert_eq!(desk.fail(1), NONE);
    assert_eq!(desk.wait(10), [1]);
    assert_eq!(desk.deliver(1), [2]);
}

#[test]
fn another_incident_and_another_channel_do_not_wait() {
    let mut desk = Desk::new();
    let rows = vec![
        opened(1, 1, B),
        resolved(2, 1, B),
        opened(3, 2, B),
        opened(4, 1, A),
    ];
    let mut tried = desk.add(rows);
    tried.sort_unstable();
    assert_eq!(tried, [1, 3, 4]);
}

#[test]
fn a_failing_channel_is_tried_one_row_at_a_time() {
    let mut desk = Desk::new();
    assert_eq!(desk.add(vec![opened(1, 1, B)]), [1]);
    desk.fail(1);
    assert_eq!(desk.add(vec![opened(2, 2, B), opened(3, 3, B)]), [2]);
    assert_eq!(desk.fail(2), [3]);
}

#[test]
fn a_channel_that_works_again_gets_all_that_waits_for_it() {
    let mut desk = Desk::new();
    desk.random = u64::MAX;
    desk.add(vec![opened(1, 1, B), opened(2, 2, B)]);
    for row in [1, 2] {
        desk.fail(row);
    }
    // Row 1 fails until it has long to wait, then row 2 gets through.
    let mut tried = Vec::new();
    while tried != [2] || desk.stored[&1].attempts < 8 {
        tried = tried.into_iter().flat_map(|row| desk.fail(row)).collect();
        if tried.is_empty() {
            tried = desk.wait(1);
        }
    }
    desk.deliver(2);
    let waited = (0..6).find(|_| desk.wait(1) == [1]);
    assert!(
        waited.is_some(),
        "tried as soon as the shortest wait allows"
    );
}

#[test]
fn a_retry_after_holds_back_the_whole_channel() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, B)]);
    desk.finish(1, Answer::of_status(429, Some(Duration::from_secs(60))));
    assert_eq!(desk.add(vec![opened(2, 2, B)]), NONE);
    assert_eq!(desk.wait(59), NONE);
    let tried = desk.wait(1);
    assert_eq!(tried.len(), 1);
}

#[test]
fn a_rejected_row_is_dead_at_once_and_its_fallback_gets_a_copy() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    assert_eq!(desk.finish(1, Answer::of_status(400, None)), [COPY]);
    assert_eq!(desk.state(1), &RowState::Dead("answered 400".to_owned()));
    assert!(matches!(desk.reports[..], [Report::Failing { .. }]));
    let copy = desk.stored[&COPY].clone();
    assert_eq!(copy.purpose, Purpose::Fallback(channel_id(A)));
    assert_eq!(copy.body, "incident.opened 1");
    assert_ne!(copy.key, desk.log[&1].key);
}

#[test]
fn the_fallback_gets_its_copy_after_three_failures_and_the_row_is_still_tried() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    assert_eq!(desk.fail(1), NONE);
    assert_eq!(desk.wait(10), [1]);
    assert_eq!(desk.fail(1), NONE);
    assert_eq!(desk.wait(20), [1]);
    assert_eq!(desk.fail(1), [COPY]);
    assert_eq!(desk.wait(40), [1]);
}

#[test]
fn the_fallback_gets_its_copy_after_two_minutes_of_silence() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    assert_eq!(desk.wait(119), NONE);
    assert_eq!(desk.wait(1), [COPY]);
}

#[test]
fn who_got_a_copy_of_the_beginning_gets_one_of_the_end() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    desk.wait(120);
    desk.deliver(COPY);
    desk.deliver(1);
    assert_eq!(desk.stored.keys().copied().collect::<Vec<_>>(), [COPY]);
    desk.restart();
    let mut tried = desk.add(vec![resolved(2, 1, A)]);
    tried.sort_unstable();
    assert_eq!(tried, [2, COPY + 1]);
    desk.deliver(2);
    desk.deliver(COPY + 1);
    assert!(desk.stored.is_empty(), "all is forgotten with the end");
}

#[test]
fn what_waits_behind_a_copied_row_is_copied_with_it() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A), resolved(2, 1, A)]);
    assert_eq!(desk.finish(1, Answer::of_status(400, None)), [2, COPY]);
    assert_eq!(desk.deliver(COPY), [COPY + 1]);
}

#[test]
fn a_copy_that_nobody_tried_is_superseded_when_the_row_gets_through() {
    let mut desk = Desk::new();
    desk.add(vec![opened(9, 9, B)]);
    desk.finish(9, Answer::of_status(503, Some(Duration::from_secs(600))));
    desk.add(vec![opened(1, 1, A)]);
    assert_eq!(desk.wait(120), NONE, "the fallback asked to be left alone");
    desk.deliver(1);
    let key = desk.log[&1].key.clone();
    assert_eq!(desk.state(COPY), &RowState::Superseded(key));
}

#[test]
fn a_copy_that_was_tried_is_never_superseded() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    assert_eq!(desk.wait(120), [COPY]);
    desk.fail(COPY);
    desk.deliver(1);
    assert_eq!(desk.state(COPY), &RowState::Pending);
}

#[test]
fn a_copy_makes_no_further_hop() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    desk.finish(1, Answer::of_status(400, None));
    assert_eq!(desk.finish(COPY, Answer::of_status(400, None)), NONE);
    assert!(desk.stored.is_empty());
}

#[test]
fn two_channels_with_one_fallback_give_it_one_copy() {
    let mut desk = Desk::new();
    let mut other = opened(2, 1, 3);
    other.fallback = Some(channel_id(B));
    desk.add(vec![opened(1, 1, A), other]);
    assert_eq!(desk.finish(1, Answer::of_status(400, None)), [COPY]);
    assert_eq!(desk.finish(2, Answer::of_status(400, None)), NONE);
}

#[test]
fn a_refusal_that_may_be_a_mistake_is_tried_for_five_minutes() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, B)]);
    let mut tries = 0;
    while desk.state(1) == &RowState::Pending {
        desk.finish(1, Answer::of_status(401, None));
        tries += 1;
        let wake = desk.machine.next_wake().unwrap_or(desk.now);
        desk.wait(wake.since(desk.now).as_secs() + 1);
    }
    assert!(tries > 3, "{tries}");
    let RowState::Dead(reason) = desk.state(1) else {
        panic!("{:?}", desk.state(1));
    };
    assert_eq!(reason, "answered 401");
    let lasted = desk.now.since(START);
    assert!(
        lasted >= DOUBT && lasted < DOUBT + Duration::from_secs(20),
        "{lasted:?}"
    );
}

#[test]
fn a_receiver_that_is_gone_switches_the_channel_off() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    assert_eq!(desk.finish(1, Answer::of_status(410, None)), [COPY]);
    assert!(matches!(desk.reports[0], Report::Disable { .. }));
    assert!(matches!(desk.state(1), RowState::Dead(_)));
}

#[test]
fn a_row_to_a_channel_that_is_off_is_suppressed_with_the_reason() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, A)]);
    let answer = Answer::Withheld("the channel is off".to_owned());
    assert_eq!(desk.finish(1, answer), [COPY]);
    let reason = RowState::Suppressed("the channel is off".to_owned());
    assert_eq!(desk.state(1), &reason);
}

#[test]
fn a_channel_is_reported_after_five_minutes_and_again_when_it_works() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, B)]);
    desk.fail(1);
    while desk.now.since(START) < FAILING_AFTER {
        assert_eq!(desk.reports, []);
        desk.wait(1)
            .into_iter()
            .for_each(|row| drop(desk.fail(row)));
    }
    let channel = channel_id(B);
    let error = "answered 503".to_owned();
    let since = START;
    let failing = Report::Failing {
        channel,
        since,
        error,
    };
    assert_eq!(desk.reports, std::slice::from_ref(&failing));
    while desk.wait(60).is_empty() {}
    desk.deliver(1);
    assert_eq!(desk.reports, [failing, Report::Working { channel }]);
}

#[test]
fn a_channel_that_was_saved_is_tried_at_once() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, B)]);
    desk.finish(1, Answer::of_status(503, Some(Duration::from_secs(3_000))));
    assert_eq!(desk.wait(60), NONE);
    assert_eq!(ids(desk.on(Input::ChannelSaved(channel_id(B)))), [1]);
}

#[test]
fn a_row_is_given_up_after_a_day() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, B)]);
    desk.fail(1);
    while desk.state(1) == &RowState::Pending {
        assert!(desk.now.since(START) <= EXPIRY);
        let wake = desk.machine.next_wake().unwrap();
        desk.now = desk.now.max(wake);
        desk.wait(0)
            .into_iter()
            .for_each(|row| drop(desk.fail(row)));
    }
    assert_eq!(desk.now.since(START), EXPIRY);
    let dead = RowState::Dead("given up after 24 h: answered 503".to_owned());
    assert_eq!(desk.state(1), &dead);
}

#[test]
fn a_restart_tries_what_was_not_settled_and_nothing_else() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, B), opened(2, 2, B)]);
    desk.deliver(1);
    assert_eq!(desk.restart(), [2]);
}

#[test]
fn a_row_that_is_brought_twice_is_sent_once() {
    let mut desk = Desk::new();
    desk.add(vec![opened(1, 1, B)]);
    assert_eq!(desk.add(vec![opened(1, 1, B)]), NONE);
    desk.deliver(1);
    assert_eq!(desk.add(vec![opened(1, 1, B)]), NONE);
}

#[test]
fn a_test_is_tried_once_and_reports_no_failure() {
    let mut desk = Desk::new();
    let test = crate::notify::plan::test_row(channel_id(B), "one", 1, START);
    assert_eq!(desk.add(vec![test]), [1]);
    desk.fail(1);
    assert_eq!(desk.state(1), &RowState::Dead("answered 503".to_owned()));
    assert_eq!(desk.reports, []);
}

#[test]
fn attempts_are_bounded_per_channel_and_in_all() {
    let mut desk = Desk::new();
    let to_one = (0..100).map(|n| opened(n, n as u8, B)).collect();
    assert_eq!(desk.add(to_one).len(), Limits::default().per_channel);
    let to_many = (100..1_000).map(|n| opened(n, n as u8, (n % 100) as u8 + 3));
    let total = Limits::default().per_channel + desk.add(to_many.collect()).len();
    assert_eq!(total, Limits::default().in_all);
}
