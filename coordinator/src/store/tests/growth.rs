//! What grows and what must not.

use std::time::Duration;

use super::bed::Bed;
use super::samples::{self, DAY_START};
use crate::store::{Change, HistoryNo, HistoryRecord, ResultQuery};

/// Days of the simulated month.
const DAYS: u64 = 30;
const DAY: Duration = Duration::from_hours(24);
/// The state of a few monitors, with what sled keeps around it.
const STATE_MAX: u64 = 8 * 1024 * 1024;

#[tokio::test]
async fn a_month_of_results_leaves_the_state_as_small_as_before() {
    let bed = Bed::disk().await;
    let (state, history) = (&bed.stores.state, &bed.stores.history);
    let monitors = (0..20).map(|n| Change::PutMonitor(Box::new(samples::monitor(n))));
    state.commit(monitors.collect()).await.unwrap();
    let mut no = HistoryNo(0);
    for day in (0..DAYS).map(|n| DAY_START + DAY * u32::try_from(n).unwrap()) {
        for hour in 0..24 {
            let at = |n: u64| day + Duration::from_secs(hour * 3600 + n * 300);
            let group: Vec<_> = (0..20).flat_map(|m| (0..12).map(move |n| (m, n))).collect();
            let group: Vec<_> = group
                .iter()
                .map(|(m, n)| samples::up(*m, 1, at(*n)))
                .collect();
            no = history.append(&group).await.unwrap();
            // What comes with a commit and goes: a message, its delivery, the number applied.
            let came = vec![
                Change::PutRow(Box::new(samples::row(hour))),
                Change::Record(HistoryRecord::Audit(samples::audit(no.0))),
                Change::SetApplied(no),
            ];
            state.commit(came).await.unwrap();
            state.commit(vec![Change::RemoveRow(hour)]).await.unwrap();
        }
        bed.stores.settle().await.unwrap();
        history.seal(no, day + DAY + DAY).await.unwrap();
        history.drop_before(day - DAY * 6).await.unwrap();
    }
    let size = state.size().await.unwrap();
    assert!(size < STATE_MAX, "the state has {size} bytes");
    assert!(bed.state().await.rows.is_empty());
    assert!(history.replay(HistoryNo(0), 1).await.unwrap().is_empty());
    let query = ResultQuery {
        monitor: samples::monitor_id(3),
        region: None,
        from: DAY_START,
        to: DAY_START + DAY * 31,
        limit: usize::MAX,
    };
    let left = history.results(&query).await.unwrap();
    assert_eq!(left.len(), 7 * 24 * 12);
}

/// Heartbeats of the simulated month, pinged and checkpointed once an hour.
const HEARTBEATS: u64 = 100;
/// Alive marks of an hour. There are 720, but sled uses its space again after some thousand.
const MARKS: u64 = 8;

#[tokio::test]
async fn a_month_of_alive_marks_and_checkpoints_leaves_the_state_as_small_as_before() {
    let bed = Bed::disk().await;
    let (state, history) = (&bed.stores.state, &bed.stores.history);
    let heartbeats = (0..HEARTBEATS).map(|n| Change::PutHeartbeat(Box::new(samples::heartbeat(n))));
    state.commit(heartbeats.collect()).await.unwrap();
    for hour in 0..DAYS * 24 {
        let at = DAY_START + Duration::from_secs(hour * 3600);
        for n in 0..MARKS {
            let mark = Change::SetAlive(at + Duration::from_secs(5 * n));
            state.commit(vec![mark]).await.unwrap();
        }
        let last = (hour + 1) * HEARTBEATS;
        let pings = (0..HEARTBEATS)
            .map(|n| samples::stored_ping(n, hour * HEARTBEATS + n + 1, hour + 1))
            .collect();
        // Each keeps the bodies of its last two pings.
        let dropped = (hour.saturating_sub(2) * HEARTBEATS..hour.saturating_sub(1) * HEARTBEATS)
            .map(|n| n + 1)
            .collect();
        history.append_pings(pings, dropped).await.unwrap();
        let mut checkpoint: Vec<_> = (0..HEARTBEATS)
            .map(|n| {
                let mut durable = samples::heartbeat_durable(n, None);
                durable.seq = last;
                Change::PutHeartbeatDurable(samples::monitor_id(n), Box::new(durable))
            })
            .collect();
        checkpoint.push(Change::SetPinged(last));
        state.commit(checkpoint).await.unwrap();
        history.forget_pings(last).await.unwrap();
    }
    let size = state.size().await.unwrap();
    assert!(size < STATE_MAX, "the state has {size} bytes");
    let left = history.replay_pings(0, usize::MAX).await.unwrap();
    assert_eq!(left.len(), 100, "the newest group");
    let last = DAYS * 24 * HEARTBEATS;
    assert_eq!(history.last_ping(), last);
    assert_eq!(
        history.ping_body(last - 2 * HEARTBEATS).await.unwrap(),
        None
    );
    assert!(history.ping_body(last).await.unwrap().is_some());
    for n in [0, HEARTBEATS - 1] {
        let own = history.pings(samples::monitor_id(n), usize::MAX).await;
        let own: Vec<_> = own.unwrap().iter().map(|ping| ping.n).collect();
        let newest = DAYS * 24;
        assert_eq!(own, (newest - 99..=newest).rev().collect::<Vec<_>>());
    }
}
