//! Steps in the outbox: they wait, their owner is asked once, and what it answers is done.

use super::*;

/// A step to `B` that is due after so many seconds.
fn step_row(id: u64, incident: u8, seq: u32, after: u64) -> Row {
    let subject = subject(incident);
    Row {
        key: notification_key(
            Epoch::default(),
            &subject,
            seq,
            channel_id(B),
            Purpose::Step,
            0,
        ),
        purpose: Purpose::Step,
        body: String::new(),
        next_at: START + Duration::from_secs(after),
        ..row(id, incident, seq, B, "incident.opened")
    }
}

fn fired(mut row: Row, now: Time) -> Row {
    row.body = "as it stands".to_owned();
    row.created_at = now;
    row.next_at = now;
    row
}

fn suppressed(row: Row) -> Row {
    crate::notify::steps::withdraw(row, "ada acknowledged it")
}

impl Desk {
    /// Which owners are asked after so many seconds.
    fn asks(&mut self, seconds: u64) -> Vec<u64> {
        self.asked.clear();
        self.wait(seconds);
        ids(self.asked.clone())
    }
}

#[test]
fn a_step_is_not_tried_before_its_owner_was_asked_once() {
    let mut desk = Desk::new();
    assert_eq!(desk.add(vec![opened(1, 1, A), step_row(2, 1, 1, 300)]), [1]);
    desk.deliver(1);
    assert_eq!(
        desk.machine.next_wake(),
        Some(START + Duration::from_secs(300))
    );
    let waiting: Vec<u64> = desk
        .machine
        .waiting_for(channel_id(B))
        .map(|w| w.0.id)
        .collect();
    assert_eq!(waiting, [2]);
    assert_eq!(desk.asks(299), NONE);
    assert_eq!(desk.asks(1), [2]);
    assert_eq!(desk.asks(1_000), NONE);
    assert_eq!(desk.machine.next_wake(), None);
}

#[test]
fn a_step_that_fires_is_sent_before_the_end_and_its_day_begins_then() {
    let mut desk = Desk::new();
    let step = step_row(1, 1, 1, 2 * 86_400);
    desk.add(vec![step.clone()]);
    desk.asks(2 * 86_400);
    let now = desk.now;
    assert_eq!(desk.add(vec![fired(step, now)]), [1]);
    assert_eq!(desk.add(vec![resolved(2, 1, B)]), NONE);
    desk.fail(1);
    assert_eq!(desk.state(1), &RowState::Pending);
    assert_eq!(desk.wait(10), [1]);
    assert_eq!(desk.deliver(1), [2]);
    desk.deliver(2);
    assert!(desk.stored.is_empty());
}

#[test]
fn a_step_that_its_owner_withholds_leaves_the_outbox_with_the_reason() {
    let mut desk = Desk::new();
    let step = step_row(1, 1, 1, 60);
    desk.add(vec![step.clone()]);
    desk.asks(60);
    assert_eq!(desk.add(vec![suppressed(step)]), NONE);
    let reason = RowState::Suppressed("ada acknowledged it".to_owned());
    assert_eq!(desk.state(1), &reason);
    assert!(desk.stored.is_empty());
}

#[test]
fn a_step_that_is_put_off_is_asked_about_again() {
    let mut desk = Desk::new();
    let step = step_row(1, 1, 1, 60);
    desk.add(vec![step.clone()]);
    assert_eq!(desk.asks(60), [1]);
    desk.add(vec![step]);
    assert_eq!(desk.asks(100), NONE, "the store said nothing new");
    desk.add(vec![step_row(1, 1, 1, 300)]);
    assert_eq!(desk.asks(139), NONE);
    assert_eq!(desk.asks(1), [1]);
}

#[test]
fn a_newer_step_takes_the_place_of_one_that_waits() {
    let mut desk = Desk::new();
    desk.add(vec![step_row(1, 1, 1, 60), step_row(2, 2, 1, 60)]);
    let newer = step_row(3, 1, 2, 120);
    let key = newer.key.clone();
    desk.add(vec![newer]);
    assert_eq!(desk.state(1), &RowState::Superseded(key));
    assert_eq!(desk.asks(60), [2]);
    assert_eq!(desk.asks(60), [3]);
}

#[test]
fn a_step_that_its_owner_has_is_left_to_it() {
    let mut desk = Desk::new();
    let step = step_row(1, 1, 1, 60);
    desk.add(vec![step.clone()]);
    assert_eq!(desk.asks(60), [1]);
    desk.add(vec![step_row(2, 1, 2, 120)]);
    assert_eq!(desk.state(1), &RowState::Pending);
    desk.add(vec![suppressed(step)]);
    assert!(matches!(desk.state(1), RowState::Suppressed(_)));
    assert_eq!(desk.asks(60), [2]);
}

#[test]
fn a_restart_asks_again_and_settles_what_was_decided() {
    let mut desk = Desk::new();
    let withheld = step_row(2, 2, 1, 60);
    let sent = step_row(3, 3, 1, 60);
    desk.add(vec![step_row(1, 1, 1, 60), withheld.clone(), sent.clone()]);
    assert_eq!(desk.asks(60), [1, 2, 3]);
    let now = desk.now;
    desk.stored.insert(2, suppressed(withheld));
    desk.stored.insert(3, fired(sent, now));
    desk.asked.clear();
    assert_eq!(desk.restart(), [3]);
    assert_eq!(ids(desk.asked.clone()), [1]);
    assert!(matches!(desk.state(2), RowState::Suppressed(_)));
}
