//! Backups: taken from either engine, restored on disk, refused when they are not whole.

use std::fs;
use std::path::Path;
use std::time::Duration;

use vigilmon_common::id::Epoch;
use vigilmon_common::time::Time;

use super::bed::{Bed, open_folder};
use super::samples;
use crate::store::backup::{self, RestoreError};
use crate::store::{Change, HistoryNo, HistoryRecord, PendingId, Plain, State};

const NEW_LIFE: Epoch = Epoch::from_bytes([9; 16]);

/// A backup of a state with one of everything.
async fn taken(bed: &Bed, at: &Path) -> State {
    let incident = samples::incident(1, 40_000);
    let durable = samples::durable(1, Some(incident.clone()));
    let of_heartbeat = samples::heartbeat_durable(2, Some(incident.clone()));
    let puts = vec![
        Change::PutMonitor(Box::new(samples::monitor(1))),
        Change::PutIncident(Box::new(incident)),
        Change::PutDurable(samples::monitor_id(1), Box::new(durable)),
        Change::PutHeartbeat(Box::new(samples::heartbeat(1))),
        Change::PutHeartbeat(Box::new(samples::heartbeat(2))),
        Change::PutHeartbeatDurable(samples::monitor_id(2), Box::new(of_heartbeat)),
        Change::SetPinged(2),
        Change::SetAlive(samples::DAY_START),
        Change::PutPingKey(samples::ping_key()),
        Change::PutRow(Box::new(samples::row(1))),
        Change::PutChannel(Box::new(samples::channel(1))),
        Change::PutRoute(Box::new(samples::route(1))),
        Change::PutRegion(samples::region_record(1)),
        Change::PutAgent(samples::agent(1)),
        Change::PutAgentToken(samples::agent_token(1)),
        Change::PutApiToken(samples::api_token(1)),
        Change::PutGeneration("region_lost:us-east".to_owned(), 3),
        Change::SetRevision(12),
        Change::Record(HistoryRecord::Audit(samples::audit(1))),
    ];
    bed.stores.state.commit(puts).await.unwrap();
    let now = Time::from_secs(1000);
    let bytes = backup::of(&bed.stores.state, "1.2.3", now).await.unwrap();
    fs::write(at, bytes).unwrap();
    bed.state().await
}

#[tokio::test]
async fn a_backup_of_either_engine_is_restored_as_it_was_in_a_new_life() {
    for bed in [Bed::memory().await, Bed::disk().await] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("backup");
        let was = taken(&bed, &file).await;
        let read = backup::read(&file, &Plain).unwrap();
        assert_eq!(
            (read.version.as_str(), read.made_at),
            ("1.2.3", Time::from_secs(1000))
        );
        assert_eq!(read.state, was);
        let into = folder.path().join("data");
        let keys = [("secret.key", b"key".to_vec())];
        read.restore(&into, &keys, NEW_LIFE).unwrap();
        assert_eq!(fs::read(into.join("secret.key")).unwrap(), b"key");

        let (_data, opened) = open_folder(&into).await;
        let opened = opened.unwrap();
        let mut expected = State {
            epoch: NEW_LIFE,
            applied: HistoryNo(0),
            pinged: 0,
            // What was heard shortly before the backup is not in it.
            alive: Some(samples::DAY_START - Duration::from_secs(120)),
            ..was
        };
        // The pings of before are not part of it, and new ones are numbered from 1.
        let of_heartbeat = expected.heartbeat_durables.values_mut().next().unwrap();
        assert!(of_heartbeat.seq > 0 && !of_heartbeat.bodies.is_empty());
        of_heartbeat.seq = 0;
        of_heartbeat.bodies.clear();
        assert_eq!(opened.state, expected);
        let audit = opened
            .stores
            .audit((Time::FAR_FUTURE, PendingId::START), 9)
            .await
            .unwrap();
        assert!(audit.is_empty(), "the history is not part of it");
        opened.stores.close().await.unwrap();
        let again = backup::read(&file, &Plain).unwrap();
        let refused = again.restore(&into, &[], NEW_LIFE).unwrap_err();
        assert!(
            matches!(refused, RestoreError::NotEmpty { .. }),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_file_that_was_cut_or_changed_anywhere_is_refused() {
    let bed = Bed::memory().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    taken(&bed, &file).await;
    let whole = fs::read(&file).unwrap();
    let steps = (0..whole.len()).step_by(whole.len() / 97);
    for at in steps.chain([whole.len() - 1]) {
        fs::write(&file, &whole[..at]).unwrap();
        assert!(backup::read(&file, &Plain).is_err(), "cut at {at}");
        let mut flipped = whole.clone();
        flipped[at] ^= 0x10;
        fs::write(&file, &flipped).unwrap();
        assert!(backup::read(&file, &Plain).is_err(), "changed at {at}");
    }
    fs::write(&file, [&whole[..], b"more"].concat()).unwrap();
    let longer = backup::read(&file, &Plain);
    assert!(matches!(longer, Err(RestoreError::Damaged { .. })));
    fs::write(&file, "something else").unwrap();
    let other = backup::read(&file, &Plain);
    assert!(matches!(other, Err(RestoreError::Foreign(_))));
    let missing = backup::read(&folder.path().join("none"), &Plain);
    assert!(matches!(missing, Err(RestoreError::File { .. })));
}

#[tokio::test]
async fn a_backup_of_a_running_store_is_of_one_commit() {
    let bed = Bed::disk().await;
    let writing = async {
        for n in 1..200 {
            let changes = vec![
                Change::SetRevision(n),
                Change::PutGeneration("cause".to_owned(), n),
            ];
            bed.stores.state.commit(changes).await.unwrap();
        }
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("backup");
    let reading = async {
        for _ in 0..40 {
            let bytes = backup::of(&bed.stores.state, "1", Time::EPOCH)
                .await
                .unwrap();
            fs::write(&file, bytes).unwrap();
            let state = backup::read(&file, &Plain).unwrap().state;
            let generation = state.generations.get("cause").copied().unwrap_or(0);
            assert_eq!((state.revision, state.commit.0), (generation, generation));
        }
    };
    tokio::join!(writing, reading);
}
