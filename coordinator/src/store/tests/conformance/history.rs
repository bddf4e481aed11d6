//! The history.

use std::collections::BTreeSet;
use std::time::Duration;

use vigilmon_common::time::Time;

use super::super::bed::Bed;
use super::super::samples::{self, DAY_START};
use super::on_every_engine;
use crate::store::{
    AuditEntry, Change, DeliveryPlace, HistoryNo, HistoryRecord, PendingId, RegionResult,
    ResultQuery, SEAL_AGE, StoreError,
};

const DAY: Duration = Duration::from_hours(24);

on_every_engine! {
    groups_are_numbered_and_replayed_in_order
    a_group_that_was_back_filled_stays_marked
    many_appends_at_once_get_numbers_of_their_own
    a_result_stored_twice_is_read_once
    results_are_newest_first_by_region_time_and_limit
    sealing_changes_no_answer
    only_what_is_applied_and_old_is_sealed
    a_late_result_joins_those_sealed_before
    days_are_dropped_whole
    records_reach_the_history_once
    incidents_of_one_monitor_or_of_all
    a_closed_store_says_so
}

fn at(secs: u64) -> Time {
    DAY_START + Duration::from_secs(secs)
}

fn query(monitor: u64) -> ResultQuery {
    ResultQuery {
        monitor: samples::monitor_id(monitor),
        region: None,
        from: Time::EPOCH,
        to: Time::FAR_FUTURE,
        limit: usize::MAX,
    }
}

async fn read(bed: &Bed, query: &ResultQuery) -> Vec<RegionResult> {
    bed.stores.history.results(query).await.unwrap()
}

async fn groups_are_numbered_and_replayed_in_order(bed: &mut Bed) {
    let history = &bed.stores.history;
    for n in 1..=5 {
        let group = [samples::up(n, 1, at(n)), samples::down(n, 2, at(n))];
        assert_eq!(history.append(&group).await.unwrap(), HistoryNo(n));
    }
    assert_eq!(
        history.append(&[]).await.unwrap(),
        HistoryNo(5),
        "nothing to store"
    );
    bed.reopen().await;
    let history = &bed.stores.history;
    assert_eq!(history.last(), HistoryNo(5));
    let chunks = history.replay(HistoryNo(2), 2).await.unwrap();
    let numbers: Vec<_> = chunks.iter().map(|c| c.no.0).collect();
    assert_eq!(numbers, [3, 4]);
    let third = [samples::up(3, 1, at(3)), samples::down(3, 2, at(3))];
    assert_eq!(chunks[0].results, third);
    let next = history.append(&[samples::up(6, 1, at(6))]).await.unwrap();
    assert_eq!(next, HistoryNo(6));
}

async fn a_group_that_was_back_filled_stays_marked(bed: &mut Bed) {
    let history = &bed.stores.history;
    let group = [samples::down(1, 1, at(1))];
    history.append(&group).await.unwrap();
    history.append_back_filled(&group).await.unwrap();
    bed.reopen().await;
    let chunks = bed.stores.history.replay(HistoryNo(0), 9).await.unwrap();
    let marks: Vec<_> = chunks.iter().map(|c| (c.no.0, c.back_filled)).collect();
    assert_eq!(marks, [(1, false), (2, true)]);
    assert_eq!(chunks[1].results, group);
}

async fn many_appends_at_once_get_numbers_of_their_own(bed: &mut Bed) {
    let append = |n| {
        let history = bed.stores.history.clone();
        async move { history.append(&[samples::up(n, 1, at(n))]).await }
    };
    let numbers = futures_util::future::try_join_all((0..200).map(append))
        .await
        .unwrap();
    let distinct: BTreeSet<_> = numbers.iter().copied().collect();
    assert_eq!(distinct, (1..=200).map(HistoryNo).collect());
    bed.reopen().await;
    let chunks = bed.stores.history.replay(HistoryNo(0), 1000).await.unwrap();
    for chunk in chunks {
        let n = numbers.iter().position(|no| *no == chunk.no).unwrap();
        let n = u64::try_from(n).unwrap();
        assert_eq!(chunk.results, [samples::up(n, 1, at(n))]);
    }
}

async fn a_result_stored_twice_is_read_once(bed: &mut Bed) {
    let result = samples::up(1, 1, at(1));
    let history = &bed.stores.history;
    history
        .append(&[result.clone(), result.clone()])
        .await
        .unwrap();
    history.append(std::slice::from_ref(&result)).await.unwrap();
    assert_eq!(read(bed, &query(1)).await, std::slice::from_ref(&result));
    let later = at(1) + SEAL_AGE;
    assert_eq!(history.seal(HistoryNo(1), later).await.unwrap(), 2);
    assert_eq!(read(bed, &query(1)).await, std::slice::from_ref(&result));
    assert_eq!(history.seal(HistoryNo(2), later).await.unwrap(), 1);
    assert_eq!(read(bed, &query(1)).await, [result]);
}

async fn results_are_newest_first_by_region_time_and_limit(bed: &mut Bed) {
    let mut all = Vec::new();
    for n in 0..240_u64 {
        // Three hours around midnight, two agents, and another monitor in between.
        let started = at(n * 90);
        all.push(samples::up(1, n % 2, started));
        bed.stores
            .history
            .append(&[samples::up(2, 1, started)])
            .await
            .unwrap();
    }
    bed.stores.history.append(&all).await.unwrap();
    all.reverse();
    for is_sealed in [false, true] {
        assert_eq!(read(bed, &query(1)).await, all, "sealed: {is_sealed}");
        let limited = ResultQuery {
            limit: 7,
            ..query(1)
        };
        assert_eq!(read(bed, &limited).await, all[..7]);
        let middle = ResultQuery {
            from: at(9000),
            to: at(9900),
            ..query(1)
        };
        let expected: Vec<_> = all.iter().filter(|r| middle.takes(r)).cloned().collect();
        assert_eq!(expected.len(), 10);
        assert_eq!(read(bed, &middle).await, expected);
        let regional = ResultQuery {
            region: Some(samples::region(1)),
            limit: 5,
            ..query(1)
        };
        let of_region = all.iter().filter(|r| r.region == samples::region(1));
        let expected: Vec<_> = of_region.take(5).cloned().collect();
        assert_eq!(read(bed, &regional).await, expected);
        let last = bed.stores.history.last();
        bed.stores.history.seal(last, at(500_000)).await.unwrap();
        bed.reopen().await;
    }
}

async fn sealing_changes_no_answer(bed: &mut Bed) {
    for n in 0..50_u64 {
        let group: Vec<_> = (0..20)
            .map(|m| samples::up(m, n % 3, at(n * 3600 + m)))
            .collect();
        bed.stores.history.append(&group).await.unwrap();
    }
    let mut before = Vec::new();
    for m in 0..20 {
        before.push(read(bed, &query(m)).await);
    }
    for hours in [10, 30, 60] {
        let last = bed.stores.history.last();
        bed.stores
            .history
            .seal(last, at(hours * 3600))
            .await
            .unwrap();
        bed.reopen().await;
        for (m, before) in (0..).zip(&before) {
            assert_eq!(read(bed, &query(m)).await, *before);
        }
    }
    assert!(
        bed.stores
            .history
            .replay(HistoryNo(0), 100)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(bed.stores.history.last(), HistoryNo(50));
}

async fn only_what_is_applied_and_old_is_sealed(bed: &mut Bed) {
    for n in 1..=4 {
        bed.stores
            .history
            .append(&[samples::up(n, 1, at(n * 60))])
            .await
            .unwrap();
    }
    let history = &bed.stores.history;
    assert_eq!(history.seal(HistoryNo(0), at(100_000)).await.unwrap(), 0);
    assert_eq!(
        history
            .seal(HistoryNo(4), at(120) + SEAL_AGE)
            .await
            .unwrap(),
        2
    );
    assert_eq!(history.seal(HistoryNo(3), at(100_000)).await.unwrap(), 1);
    bed.reopen().await;
    let left = bed.stores.history.replay(HistoryNo(0), 10).await.unwrap();
    assert_eq!(left.iter().map(|c| c.no.0).collect::<Vec<_>>(), [4]);
}

async fn a_late_result_joins_those_sealed_before(bed: &mut Bed) {
    let results: Vec<_> = (0..10).map(|n| samples::up(1, 1, at(n * 60))).collect();
    let (late, in_time): (Vec<_>, Vec<_>) = results
        .iter()
        .cloned()
        .partition(|r| r.result.started == at(300));
    bed.stores.history.append(&in_time).await.unwrap();
    let sealed = bed
        .stores
        .history
        .seal(HistoryNo(1), at(3600))
        .await
        .unwrap();
    assert_eq!(sealed, 9);
    bed.stores.history.append(&late).await.unwrap();
    let sorted: Vec<_> = results.into_iter().rev().collect();
    assert_eq!(read(bed, &query(1)).await, sorted);
    bed.stores
        .history
        .seal(HistoryNo(2), at(7200))
        .await
        .unwrap();
    bed.reopen().await;
    assert_eq!(read(bed, &query(1)).await, sorted);
}

async fn days_are_dropped_whole(bed: &mut Bed) {
    let days: Vec<_> = (0..4)
        .map(|day| samples::up(1, 1, DAY_START + DAY * day))
        .collect();
    bed.stores.history.append(&days).await.unwrap();
    bed.stores
        .history
        .seal(HistoryNo(1), DAY_START + DAY * 9)
        .await
        .unwrap();
    bed.stores
        .history
        .drop_before(DAY_START + DAY * 2 + DAY / 2)
        .await
        .unwrap();
    let left = [days[3].clone(), days[2].clone()];
    assert_eq!(read(bed, &query(1)).await, left);
    bed.reopen().await;
    assert_eq!(read(bed, &query(1)).await, left);
    // A day that comes back late is a day like any other.
    bed.stores.history.append(&days[..1]).await.unwrap();
    bed.stores
        .history
        .seal(HistoryNo(2), DAY_START + DAY * 9)
        .await
        .unwrap();
    assert_eq!(read(bed, &query(1)).await.len(), 3);
}

/// The names of audit entries before a place.
async fn audit(bed: &Bed, before: (Time, PendingId), limit: usize) -> Vec<String> {
    let found = bed.stores.audit(before, limit).await.unwrap();
    found.into_iter().map(|entry| entry.name).collect()
}

async fn records_reach_the_history_once(bed: &mut Bed) {
    // Three deeds in each moment: their order is that of their commits and of places in them.
    let deed = |n: u64| AuditEntry {
        at: samples::audit(n / 3).at,
        ..samples::audit(n)
    };
    let mut records: Vec<_> = (0..600).map(|n| HistoryRecord::Audit(deed(n))).collect();
    records.push(HistoryRecord::Delivery(samples::delivery(1, 1)));
    records.push(HistoryRecord::Delivery(samples::delivery(2, 1)));
    records.push(HistoryRecord::Delivery(samples::delivery(3, 2)));
    records.push(HistoryRecord::Span(samples::span(1, 10, None)));
    records.push(HistoryRecord::Span(samples::span(1, 10, Some(20))));
    records.push(HistoryRecord::Span(samples::span(1, 30, None)));
    let changes = records.into_iter().map(Change::Record).collect();
    bed.stores.state.commit(changes).await.unwrap();
    let newest = (Time::FAR_FUTURE, PendingId::START);
    let all: Vec<String> = (0..600).rev().map(|n| deed(n).name).collect();
    assert_eq!(audit(bed, newest, 1000).await, all, "on their way");
    bed.reopen().await;
    // As if a crash came between the two stores: the same records arrive again.
    let pending = bed.stores.state.pending(700).await.unwrap();
    assert_eq!(pending.len(), 606);
    let again = pending.into_iter().map(|p| p.record.placed(p.id)).collect();
    bed.stores.history.record(again).await.unwrap();
    assert_eq!(bed.stores.settle().await.unwrap(), 606);
    assert_eq!(bed.stores.settle().await.unwrap(), 0);
    bed.reopen().await;
    assert_eq!(audit(bed, newest, 1000).await, all);
    let history = &bed.stores.history;
    let tenth = &history.audit(newest, 10).await.unwrap()[9];
    let behind = audit(bed, (tenth.at, tenth.place), 5).await;
    assert_eq!(behind, all[10..15]);
    let of_one = history
        .deliveries(samples::channel_id(1), DeliveryPlace::END, 9)
        .await
        .unwrap();
    assert_eq!(of_one, [samples::delivery(2, 1), samples::delivery(1, 1)]);
    let second = samples::delivery(2, 1).place();
    let before = history.deliveries(samples::channel_id(1), second, 9).await;
    assert_eq!(before.unwrap(), [samples::delivery(1, 1)]);
    let all = history
        .spans(samples::monitor_id(1), at(0), at(100))
        .await
        .unwrap();
    assert_eq!(
        all,
        [samples::span(1, 10, Some(20)), samples::span(1, 30, None)]
    );
    let between = history
        .spans(samples::monitor_id(1), at(20), at(30))
        .await
        .unwrap();
    assert!(between.is_empty());
}

async fn incidents_of_one_monitor_or_of_all(bed: &mut Bed) {
    let records = (1..=3).map(|n| HistoryRecord::Incident(Box::new(samples::incident(n, 10))));
    bed.stores.history.record(records.collect()).await.unwrap();
    bed.reopen().await;
    let history = &bed.stores.history;
    let all = history.incidents(None, Time::FAR_FUTURE, 2).await.unwrap();
    assert_eq!(all, [samples::incident(3, 10), samples::incident(2, 10)]);
    let earlier = history
        .incidents(None, samples::incident(2, 0).decided_at, 9)
        .await
        .unwrap();
    assert_eq!(earlier, [samples::incident(1, 10)]);
    let second = Some(samples::monitor_id(2));
    let of_one = history
        .incidents(second, Time::FAR_FUTURE, 9)
        .await
        .unwrap();
    assert_eq!(of_one, [samples::incident(2, 10)]);
}

async fn a_closed_store_says_so(bed: &mut Bed) {
    bed.stores.close().await.unwrap();
    let refused = bed.stores.state.commit(Vec::new()).await.unwrap_err();
    assert_eq!(refused, StoreError::Closed { store: "state" });
    let refused = bed
        .stores
        .history
        .append(&[samples::up(1, 1, at(1))])
        .await
        .unwrap_err();
    assert_eq!(refused, StoreError::Closed { store: "history" });
    let refused = bed.stores.history.results(&query(1)).await.unwrap_err();
    assert_eq!(refused, StoreError::Closed { store: "history" });
}
