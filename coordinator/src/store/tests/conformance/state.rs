//! The state.

use std::collections::BTreeSet;

use vigilmon_common::heartbeat;
use vigilmon_common::id::Epoch;

use super::super::bed::Bed;
use super::super::samples::{self, EPOCH};
use super::on_every_engine;
use crate::store::{Change, CommitNo, HistoryNo, StoreError};

on_every_engine! {
    a_new_store_is_empty_and_has_its_epoch
    what_was_put_is_there_until_it_is_removed
    a_commit_is_whole_and_its_last_word_holds
    commits_are_numbered_over_reopens
    many_commits_at_once_are_all_there
    a_large_record_grows_and_shrinks
    an_open_incident_is_kept_once_and_comes_back_with_its_monitor
    what_was_put_of_heartbeats_is_there_until_it_is_removed
    an_open_incident_comes_back_with_its_heartbeat
}

async fn a_new_store_is_empty_and_has_its_epoch(bed: &mut Bed) {
    let state = bed.state().await;
    assert_eq!(state.epoch, EPOCH);
    assert_eq!(state.commit, CommitNo(0));
    assert!(state.monitors.is_empty());
    assert_eq!(bed.stores.history.last(), HistoryNo(0));
    let replayed = bed.stores.history.replay(HistoryNo(0), 10).await.unwrap();
    assert!(replayed.is_empty());
}

async fn what_was_put_is_there_until_it_is_removed(bed: &mut Bed) {
    let incident = samples::incident(1, 10);
    let puts = vec![
        Change::PutMonitor(Box::new(samples::monitor(1))),
        Change::PutMonitor(Box::new(samples::monitor(2))),
        Change::PutDurable(
            samples::monitor_id(1),
            Box::new(samples::durable(1, Some(incident.clone()))),
        ),
        Change::PutIncident(Box::new(incident.clone())),
        Change::PutRow(Box::new(samples::row(1))),
        Change::PutChannel(Box::new(samples::channel(1))),
        Change::PutRoute(Box::new(samples::route(1))),
        Change::PutRegion(samples::region_record(1)),
        Change::PutAgent(samples::agent(1)),
        Change::PutAgentToken(samples::agent_token(1)),
        Change::PutApiToken(samples::api_token(1)),
        Change::PutGeneration("region_lost:us-east".to_owned(), 3),
        Change::SetRevision(12),
        Change::SetApplied(HistoryNo(0)),
    ];
    bed.stores.state.commit(puts).await.unwrap();
    bed.reopen().await;
    let state = bed.state().await;
    assert_eq!(state.monitors[&samples::monitor_id(1)], samples::monitor(1));
    assert_eq!(state.monitors[&samples::monitor_id(2)], samples::monitor(2));
    let durable = samples::durable(1, Some(incident.clone()));
    assert_eq!(state.durables[&samples::monitor_id(1)], durable);
    assert_eq!(state.incidents[&incident.id], incident);
    assert_eq!(state.rows[&1], samples::row(1));
    let channel = samples::channel(1);
    assert_eq!(state.channels[&channel.id], channel);
    let route = samples::route(1);
    assert_eq!(state.routes[&route.id], route);
    assert_eq!(
        state.regions[&samples::region(1)],
        samples::region_record(1)
    );
    assert_eq!(state.agents[&samples::agent_id(1)], samples::agent(1));
    let (agent_token, api_token) = (samples::agent_token(1), samples::api_token(1));
    assert_eq!(state.agent_tokens[&agent_token.id], agent_token);
    assert_eq!(state.api_tokens[&api_token.id], api_token);
    assert_eq!(state.generations["region_lost:us-east"], 3);
    assert_eq!(state.revision, 12);

    let removals = vec![
        Change::RemoveMonitor(samples::monitor_id(1)),
        Change::RemoveIncident(incident.id),
        Change::RemoveRow(1),
        Change::RemoveChannel(channel.id),
        Change::RemoveRoute(route.id),
        Change::RemoveRegion(samples::region(1)),
        Change::RemoveAgent(samples::agent_id(1)),
        Change::RemoveAgentToken(agent_token.id),
        Change::RemoveApiToken(api_token.id),
        Change::SetEpoch(Epoch::from_bytes([1; 16])),
    ];
    bed.stores.state.commit(removals).await.unwrap();
    bed.reopen().await;
    let state = bed.state().await;
    assert_eq!(state.monitors.len(), 1);
    assert!(state.durables.is_empty() && state.incidents.is_empty() && state.rows.is_empty());
    assert!(state.channels.is_empty() && state.routes.is_empty() && state.regions.is_empty());
    assert!(state.agents.is_empty() && state.agent_tokens.is_empty());
    assert!(state.api_tokens.is_empty());
    assert_eq!(state.epoch, Epoch::from_bytes([1; 16]));
}

async fn a_commit_is_whole_and_its_last_word_holds(bed: &mut Bed) {
    let mut second = samples::row(1);
    second.attempts = 99;
    let changes = vec![
        Change::PutRow(Box::new(samples::row(1))),
        Change::PutRow(Box::new(samples::row(2))),
        Change::PutRow(Box::new(second.clone())),
        Change::RemoveRow(2),
    ];
    bed.stores.state.commit(changes).await.unwrap();
    bed.reopen().await;
    let rows = bed.state().await.rows;
    assert_eq!(rows.into_values().collect::<Vec<_>>(), [second]);
}

async fn commits_are_numbered_over_reopens(bed: &mut Bed) {
    for expected in 1..=4 {
        let no = bed.stores.state.commit(Vec::new()).await.unwrap();
        assert_eq!(no, CommitNo(expected));
        bed.reopen().await;
        assert_eq!(bed.state().await.commit, no);
    }
}

async fn many_commits_at_once_are_all_there(bed: &mut Bed) {
    let commit = |n| {
        let state = bed.stores.state.clone();
        async move {
            state
                .commit(vec![Change::PutRow(Box::new(samples::row(n)))])
                .await
        }
    };
    let numbers = futures_util::future::try_join_all((0..300).map(commit))
        .await
        .unwrap();
    let distinct: BTreeSet<_> = numbers.into_iter().collect();
    assert_eq!(distinct, (1..=300).map(CommitNo).collect());
    bed.reopen().await;
    assert_eq!(bed.state().await.rows.len(), 300);
}

async fn a_large_record_grows_and_shrinks(bed: &mut Bed) {
    for size in [10, 100_000, 40_000, 16 * 1024, 200_000, 5] {
        let incident = samples::incident(1, size);
        let put = Change::PutIncident(Box::new(incident.clone()));
        bed.stores.state.commit(vec![put]).await.unwrap();
        assert_eq!(bed.state().await.incidents[&incident.id], incident);
        bed.reopen().await;
        assert_eq!(bed.state().await.incidents[&incident.id], incident);
    }
    let big = Change::PutIncident(Box::new(samples::incident(1, 100_000)));
    bed.stores.state.commit(vec![big]).await.unwrap();
    let removal = Change::RemoveIncident(samples::incident_id(1));
    bed.stores.state.commit(vec![removal]).await.unwrap();
    bed.reopen().await;
    assert!(bed.state().await.incidents.is_empty());
}

async fn an_open_incident_is_kept_once_and_comes_back_with_its_monitor(bed: &mut Bed) {
    let first = samples::incident(1, 1);
    let durable = samples::durable(1, Some(first.clone()));
    let changes = vec![
        Change::PutDurable(samples::monitor_id(1), Box::new(durable)),
        Change::PutIncident(Box::new(first)),
    ];
    bed.stores.state.commit(changes).await.unwrap();
    let changed = samples::incident(1, 50);
    let change = Change::PutIncident(Box::new(changed.clone()));
    bed.stores.state.commit(vec![change]).await.unwrap();
    bed.reopen().await;
    let state = bed.state().await;
    assert_eq!(
        state.durables[&samples::monitor_id(1)].incident,
        Some(changed)
    );

    let removal = Change::RemoveIncident(samples::incident_id(1));
    bed.stores.state.commit(vec![removal]).await.unwrap();
    let error = bed.stores.state.load().await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}

async fn what_was_put_of_heartbeats_is_there_until_it_is_removed(bed: &mut Bed) {
    let state = bed.state().await;
    assert_eq!((state.pinged, state.alive, state.ping_key), (0, None, None));
    // The marks speak of pings that are stored.
    let pings = vec![samples::stored_ping(1, 77, 1)];
    bed.stores
        .history
        .append_pings(pings, vec![])
        .await
        .unwrap();
    let puts = vec![
        Change::PutHeartbeat(Box::new(samples::heartbeat(1))),
        Change::PutHeartbeat(Box::new(samples::heartbeat(2))),
        Change::PutHeartbeatDurable(
            samples::monitor_id(1),
            Box::new(samples::heartbeat_durable(1, None)),
        ),
        Change::PutHeartbeatDurable(samples::monitor_id(2), Box::default()),
        Change::PutMonitor(Box::new(samples::monitor(3))),
        Change::SetPinged(77),
        Change::SetAlive(samples::DAY_START),
        Change::PutPingKey(samples::ping_key()),
    ];
    bed.stores.state.commit(puts).await.unwrap();
    bed.reopen().await;
    let state = bed.state().await;
    let (first, second) = (samples::monitor_id(1), samples::monitor_id(2));
    assert_eq!(state.heartbeats[&first], samples::heartbeat(1));
    assert_eq!(state.heartbeats[&second], samples::heartbeat(2));
    let durable = samples::heartbeat_durable(1, None);
    assert_eq!(state.heartbeat_durables[&first], durable);
    let empty = heartbeat::Durable::default();
    assert_eq!(state.heartbeat_durables[&second], empty);
    assert_eq!(state.pinged, 77);
    assert_eq!(state.alive, Some(samples::DAY_START));
    assert_eq!(state.ping_key, Some(samples::ping_key()));
    assert_eq!(state.monitors.len(), 1);

    let removal = vec![Change::RemoveHeartbeat(first)];
    bed.stores.state.commit(removal).await.unwrap();
    bed.reopen().await;
    let state = bed.state().await;
    let left: Vec<_> = state.heartbeats.into_keys().collect();
    assert_eq!(left, [second]);
    let left: Vec<_> = state.heartbeat_durables.into_keys().collect();
    assert_eq!(left, [second]);
    assert_eq!(state.monitors.len(), 1, "a monitor is another thing");
}

async fn an_open_incident_comes_back_with_its_heartbeat(bed: &mut Bed) {
    // What decides on it is stored as of this ping.
    let pings = vec![samples::stored_ping(1, 5, 1)];
    bed.stores
        .history
        .append_pings(pings, vec![])
        .await
        .unwrap();
    let first = samples::incident(1, 1);
    let durable = samples::heartbeat_durable(1, Some(first.clone()));
    let changes = vec![
        Change::PutHeartbeatDurable(samples::monitor_id(1), Box::new(durable.clone())),
        Change::PutIncident(Box::new(first)),
    ];
    bed.stores.state.commit(changes).await.unwrap();
    let changed = samples::incident(1, 50);
    let change = Change::PutIncident(Box::new(changed.clone()));
    bed.stores.state.commit(vec![change]).await.unwrap();
    bed.reopen().await;
    let state = bed.state().await;
    let expected = heartbeat::Durable {
        incident: Some(changed),
        ..durable
    };
    assert_eq!(state.heartbeat_durables[&samples::monitor_id(1)], expected);

    let removal = Change::RemoveIncident(samples::incident_id(1));
    bed.stores.state.commit(vec![removal]).await.unwrap();
    let error = bed.stores.state.load().await.unwrap_err();
    assert!(matches!(error, StoreError::Unreadable { .. }), "{error}");
}
