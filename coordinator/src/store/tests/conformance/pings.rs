//! Pings of heartbeats.

use std::time::Duration;

use vigilmon_common::heartbeat::Ping;

use super::super::bed::Bed;
use super::super::samples;
use super::on_every_engine;
use crate::store::{StoreError, StoredPing};

on_every_engine! {
    pings_are_replayed_in_order_from_the_middle_of_a_group
    the_last_pings_of_a_heartbeat_are_read_newest_first
    a_ring_holds_a_hundred_also_when_a_group_goes_round_it
    bodies_are_kept_until_they_are_dropped
    a_group_without_pings_drops_bodies
    what_is_forgotten_goes_by_whole_groups_and_the_newest_stays
    pings_of_a_removed_heartbeat_are_gone
    pings_and_results_that_come_at_once_are_all_there
    a_closed_store_takes_no_pings
}

/// Appends a group of pings of one heartbeat, numbered alike among all and among its own.
async fn append(bed: &Bed, heartbeat: u64, numbers: std::ops::RangeInclusive<u64>) {
    let pings = numbers.map(|n| samples::stored_ping(heartbeat, n, n));
    let stored = bed.stores.history.append_pings(pings.collect(), vec![]);
    stored.await.unwrap();
}

async fn of(bed: &Bed, heartbeat: u64) -> Vec<Ping> {
    let history = &bed.stores.history;
    let read = history.pings(samples::monitor_id(heartbeat), usize::MAX);
    read.await.unwrap()
}

async fn replayed(bed: &Bed, after: u64, limit: usize) -> Vec<u64> {
    let pings = bed.stores.history.replay_pings(after, limit).await.unwrap();
    pings.iter().map(|ping| ping.seq).collect()
}

async fn body(bed: &Bed, seq: u64) -> Option<String> {
    let body = bed.stores.history.ping_body(seq).await.unwrap();
    body.map(|body| String::from_utf8(body.to_vec()).unwrap())
}

async fn pings_are_replayed_in_order_from_the_middle_of_a_group(bed: &mut Bed) {
    assert_eq!(bed.stores.history.last_ping(), 0);
    assert!(replayed(bed, 0, 9).await.is_empty());
    for numbers in [1..=3, 4..=4, 5..=9] {
        append(bed, 1, numbers).await;
    }
    assert_eq!(bed.stores.history.last_ping(), 9);
    bed.reopen().await;
    assert_eq!(bed.stores.history.last_ping(), 9);
    let all = (1..=9).collect::<Vec<_>>();
    assert_eq!(replayed(bed, 0, usize::MAX).await, all);
    for after in 0..=10 {
        let behind: Vec<_> = (after + 1..=9).collect();
        assert_eq!(replayed(bed, after, usize::MAX).await, behind);
        let two: Vec<_> = behind.into_iter().take(2).collect();
        assert_eq!(replayed(bed, after, 2).await, two);
    }
    assert!(replayed(bed, 0, 0).await.is_empty());
    assert!(replayed(bed, u64::MAX, 1).await.is_empty());
    let history = &bed.stores.history;
    let whole: Vec<_> = (1..=9).map(|n| samples::ping(1, n, n)).collect();
    assert_eq!(history.replay_pings(0, 9).await.unwrap(), whole);
}

async fn the_last_pings_of_a_heartbeat_are_read_newest_first(bed: &mut Bed) {
    let mixed = (1..=20).map(|seq| samples::stored_ping(seq % 2, seq, seq.div_ceil(2)));
    let stored = bed.stores.history.append_pings(mixed.collect(), vec![]);
    stored.await.unwrap();
    for _ in 0..2 {
        let odd: Vec<_> = (1..=20).rev().filter(|seq| seq % 2 == 1).collect();
        let odd = odd
            .iter()
            .map(|seq| samples::ping(1, *seq, seq.div_ceil(2)));
        let odd: Vec<_> = odd.collect();
        assert_eq!(of(bed, 1).await, odd);
        let history = &bed.stores.history;
        let three = history.pings(samples::monitor_id(1), 3).await.unwrap();
        assert_eq!(three, odd[..3]);
        assert_eq!(of(bed, 0).await.len(), 10);
        assert!(of(bed, 2).await.is_empty());
        bed.reopen().await;
    }
}

async fn a_ring_holds_a_hundred_also_when_a_group_goes_round_it(bed: &mut Bed) {
    append(bed, 1, 1..=70).await;
    append(bed, 2, 71..=71).await;
    append(bed, 1, 72..=150).await;
    let newest: Vec<_> = (72..=150).rev().collect();
    let numbers = |pings: Vec<Ping>| pings.iter().map(|p| p.n).collect::<Vec<_>>();
    let expected: Vec<_> = newest.into_iter().chain((51..=70).rev()).collect();
    assert_eq!(numbers(of(bed, 1).await), expected, "71 was another's");
    append(bed, 1, 151..=600).await;
    for _ in 0..2 {
        let last: Vec<_> = (501..=600).rev().collect();
        assert_eq!(numbers(of(bed, 1).await), last);
        assert_eq!(numbers(of(bed, 2).await), [71]);
        bed.reopen().await;
    }
    assert_eq!(
        replayed(bed, 0, usize::MAX).await.len(),
        600,
        "the log has all"
    );
}

async fn bodies_are_kept_until_they_are_dropped(bed: &mut Bed) {
    append(bed, 1, 1..=3).await;
    let mut pings: Vec<_> = (4..=6).map(|n| samples::stored_ping(1, n, n)).collect();
    pings[1].body = None;
    pings[2].body = Some(bytes::Bytes::new());
    // One of before, and one that comes with the same call.
    let history = &bed.stores.history;
    history.append_pings(pings, vec![2, 4, 99]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(body(bed, 1).await.as_deref(), Some("1"));
        assert_eq!(body(bed, 2).await, None);
        assert_eq!(body(bed, 3).await.as_deref(), Some("3"));
        assert_eq!(body(bed, 4).await, None);
        assert_eq!(body(bed, 5).await, None);
        assert_eq!(body(bed, 6).await.as_deref(), Some(""));
        bed.reopen().await;
    }
    assert_eq!(of(bed, 1).await.len(), 6, "the pings themselves stay");
}

async fn a_group_without_pings_drops_bodies(bed: &mut Bed) {
    append(bed, 1, 1..=3).await;
    let history = &bed.stores.history;
    history.append_pings(vec![], vec![1, 2]).await.unwrap();
    history.append_pings(vec![], vec![]).await.unwrap();
    assert_eq!(history.last_ping(), 3);
    bed.reopen().await;
    assert_eq!(body(bed, 2).await, None);
    assert_eq!(body(bed, 3).await.as_deref(), Some("3"));
    assert_eq!(replayed(bed, 0, 9).await, [1, 2, 3]);
}

async fn what_is_forgotten_goes_by_whole_groups_and_the_newest_stays(bed: &mut Bed) {
    for numbers in [1..=3, 4..=6, 7..=9, 12..=14] {
        append(bed, 1, numbers).await;
    }
    let forget = async |bed: &Bed, up_to| {
        bed.stores.history.forget_pings(up_to).await.unwrap();
        replayed(bed, 0, usize::MAX).await
    };
    assert_eq!(forget(bed, 0).await.first(), Some(&1));
    assert_eq!(forget(bed, 2).await.first(), Some(&1), "3 is still wanted");
    assert_eq!(forget(bed, 7).await, [7, 8, 9, 12, 13, 14]);
    bed.reopen().await;
    assert_eq!(replayed(bed, 7, 2).await, [8, 9]);
    assert_eq!(forget(bed, 10).await, [12, 13, 14]);
    assert_eq!(forget(bed, u64::MAX).await, [12, 13, 14]);
    bed.reopen().await;
    assert_eq!(
        bed.stores.history.last_ping(),
        14,
        "numbers go on from here"
    );
    assert_eq!(replayed(bed, 13, 9).await, [14]);
    append(bed, 1, 15..=15).await;
    assert_eq!(forget(bed, 14).await, [15]);
    assert_eq!(of(bed, 1).await.len(), 13, "the ring stays");
    assert_eq!(body(bed, 1).await.as_deref(), Some("1"));
}

async fn pings_of_a_removed_heartbeat_are_gone(bed: &mut Bed) {
    append(bed, 1, 1..=120).await;
    append(bed, 2, 121..=130).await;
    let first = samples::monitor_id(1);
    let history = &bed.stores.history;
    history.remove_pings(first, vec![119, 120]).await.unwrap();
    history.remove_pings(first, vec![]).await.unwrap();
    for _ in 0..2 {
        assert!(of(bed, 1).await.is_empty());
        assert_eq!(body(bed, 120).await, None);
        assert_eq!(body(bed, 121).await.as_deref(), Some("121"));
        assert_eq!(of(bed, 2).await.len(), 10);
        bed.reopen().await;
    }
    assert_eq!(
        replayed(bed, 118, 2).await,
        [119, 120],
        "the log is as it was"
    );
    append(bed, 1, 131..=131).await;
    assert_eq!(of(bed, 1).await, [samples::ping(1, 131, 131)]);
}

async fn pings_and_results_that_come_at_once_are_all_there(bed: &mut Bed) {
    let history = &bed.stores.history;
    let results = (0..100).map(|n| {
        let at = samples::DAY_START + Duration::from_secs(n);
        let history = history.clone();
        async move { history.append(&[samples::up(n, 1, at)]).await }
    });
    let pings = async {
        for n in 1..=100 {
            let ping: Vec<StoredPing> = vec![samples::stored_ping(n % 7, n, n)];
            history.append_pings(ping, vec![]).await.unwrap();
            history.forget_pings(n / 2).await.unwrap();
        }
    };
    let (numbers, ()) = tokio::join!(futures_util::future::try_join_all(results), pings);
    assert_eq!(numbers.unwrap().len(), 100);
    bed.reopen().await;
    assert_eq!(bed.stores.history.last().0, 100);
    let left: Vec<_> = (51..=100).collect();
    assert_eq!(replayed(bed, 0, usize::MAX).await, left);
}

async fn a_closed_store_takes_no_pings(bed: &mut Bed) {
    bed.stores.close().await.unwrap();
    let closed = StoreError::Closed { store: "history" };
    let history = &bed.stores.history;
    let pings = vec![samples::stored_ping(1, 1, 1)];
    assert_eq!(
        history.append_pings(pings, vec![]).await,
        Err(closed.clone())
    );
    assert_eq!(history.forget_pings(1).await, Err(closed.clone()));
    let first = samples::monitor_id(1);
    assert_eq!(history.pings(first, 1).await, Err(closed.clone()));
    assert_eq!(history.remove_pings(first, vec![]).await, Err(closed));
}
