//! Damaged files: an error that names folder and remedy, never a panic, never silent loss.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use vigilmon_common::time::Time;

use super::bed::{files_below, open_folder, opened};
use super::samples::{self, DAY_START};
use crate::store::{Change, DataDir, HistoryNo, OpenError, Opened, ResultQuery, SEAL_AGE};

const COMMITS: u64 = 20;

/// A folder with something in all its parts, closed.
async fn filled() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let data = DataDir::open(folder.path()).unwrap();
    let stores = opened(&data).await.unwrap().stores;
    for n in 1..=COMMITS {
        let started = DAY_START + Duration::from_secs(n * 60);
        let group: Vec<_> = (0..50).map(|m| samples::up(m, 1, started)).collect();
        let no = stores.history.append(&group).await.unwrap();
        let changes = vec![
            Change::PutMonitor(Box::new(samples::monitor(n))),
            Change::PutIncident(Box::new(samples::incident(n, 40_000))),
            Change::SetApplied(no),
        ];
        stores.state.commit(changes).await.unwrap();
    }
    let later = DAY_START + Duration::from_mins(5) + SEAL_AGE;
    stores
        .history
        .seal(HistoryNo(COMMITS), later)
        .await
        .unwrap();
    let pings = (1..=COMMITS).map(|n| samples::stored_ping(1, n, n));
    let history = &stores.history;
    history.append_pings(pings.collect(), vec![]).await.unwrap();
    let pinged = vec![Change::SetPinged(COMMITS)];
    stores.state.commit(pinged).await.unwrap();
    // One more append, which carries the newest commit's number.
    stores
        .history
        .append(&[samples::up(1, 1, DAY_START)])
        .await
        .unwrap();
    stores.close().await.unwrap();
    folder
}

/// A way to damage a file, and its name.
type Damage = (&'static str, fn(&Path));

fn damages() -> [Damage; 4] {
    [
        ("empty", |file| fs::write(file, []).unwrap()),
        ("scattered", |file| {
            let mut bytes = fs::read(file).unwrap();
            bytes
                .iter_mut()
                .skip(16)
                .step_by(7)
                .for_each(|byte| *byte ^= 0x5a);
            fs::write(file, bytes).unwrap();
        }),
        ("half", |file| {
            let bytes = fs::read(file).unwrap();
            fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("a hole", |file| {
            let mut bytes = fs::read(file).unwrap();
            let len = bytes.len();
            bytes[len / 3..len / 3 + len / 4].fill(0xa5);
            fs::write(file, bytes).unwrap();
        }),
    ]
}

/// What a folder holds is all there, or the damage shows by an error at the latest when read.
async fn is_whole_or_says_so(opened: Opened) -> bool {
    let state = &opened.state;
    let n = usize::try_from(COMMITS).unwrap();
    assert_eq!(state.monitors.len(), n);
    assert_eq!(state.incidents.len(), n);
    let query = ResultQuery {
        monitor: samples::monitor_id(7),
        region: None,
        from: Time::EPOCH,
        to: Time::FAR_FUTURE,
        limit: 1000,
    };
    match opened.stores.history.results(&query).await {
        Ok(results) => {
            assert_eq!(results.len(), n);
            pings_are_whole_or_it_says_so(&opened).await
        }
        Err(error) => {
            assert_eq!(opened.stores.failure(), Some(error));
            false
        }
    }
}

async fn pings_are_whole_or_it_says_so(opened: &Opened) -> bool {
    let history = &opened.stores.history;
    match history.pings(samples::monitor_id(1), usize::MAX).await {
        Ok(pings) => {
            let numbers: Vec<_> = pings.iter().map(|ping| ping.n).collect();
            assert_eq!(numbers, (1..=COMMITS).rev().collect::<Vec<_>>());
            true
        }
        Err(error) => {
            assert_eq!(opened.stores.failure(), Some(error));
            false
        }
    }
}

async fn damage_every_file_of(store: &str) {
    let pristine = filled().await;
    let mut files = Vec::new();
    files_below(&pristine.path().join(store), &mut files);
    assert!(!files.is_empty());
    let mut noticed = 0;
    for file in &files {
        let file = file.strip_prefix(pristine.path()).unwrap();
        for (how, damage) in damages() {
            let folder = tempfile::tempdir().unwrap();
            copy(pristine.path(), folder.path());
            damage(&folder.path().join(file));
            let damaged = fs::read(folder.path().join(file)).unwrap();
            let what = format!("{} {how}", file.display());
            match open_folder(folder.path()).await.1 {
                Ok(opened) => {
                    let is_whole = is_whole_or_says_so(opened).await;
                    noticed += usize::from(!is_whole);
                }
                Err(error) => {
                    noticed += 1;
                    if store == "state" {
                        let left = fs::read(folder.path().join(file)).unwrap();
                        assert!(left == damaged, "{what}: neither mended nor thrown away");
                    }
                    assert!(
                        matches!(error, OpenError::Damaged { .. }),
                        "{what}: {error}"
                    );
                    let text = error.to_string();
                    let data = folder.path().canonicalize().unwrap();
                    assert!(text.contains(data.to_str().unwrap()), "{what}: {text}");
                    assert!(text.contains("no backup was found"), "{what}: {text}");
                }
            }
        }
    }
    assert!(noticed > 0);
}

/// Copies a folder's content; long files of nothing stay short on the disk.
fn copy(from: &Path, to: &Path) {
    let mut all = from.as_os_str().to_owned();
    all.push("/.");
    let mut cp = Command::new("cp");
    let copied = cp.args(["-a", "--sparse=always"]).arg(all).arg(to).status();
    assert!(copied.unwrap().success());
}

#[tokio::test]
async fn a_damaged_file_of_the_state_stops_the_start_or_loses_nothing() {
    damage_every_file_of("state").await;
}

#[tokio::test]
async fn a_damaged_file_of_the_history_stops_the_start_or_loses_nothing() {
    damage_every_file_of("history").await;
}

async fn refused_without(store: &str) -> String {
    let folder = filled().await;
    fs::remove_dir_all(folder.path().join(store)).unwrap();
    match open_folder(folder.path()).await.1 {
        Ok(_) => panic!("opened without its {store}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_missed() {
    let text = refused_without("state").await;
    assert!(
        text.contains("it is gone, while the history is there"),
        "{text}"
    );
    let text = refused_without("history").await;
    assert!(text.contains("it ends at group 0, but had 20"), "{text}");
}

#[tokio::test]
async fn an_older_copy_of_the_state_beside_a_newer_history_is_noticed() {
    let folder = filled().await;
    let (data, opened_before) = open_folder(folder.path()).await;
    let stores = opened_before.unwrap().stores;
    stores.close().await.unwrap();
    let older = tempfile::tempdir().unwrap();
    copy(&folder.path().join("state"), older.path());
    let stores = opened(&data).await.unwrap().stores;
    stores
        .state
        .commit(vec![Change::SetRevision(9)])
        .await
        .unwrap();
    stores
        .history
        .append(&[samples::up(1, 1, DAY_START)])
        .await
        .unwrap();
    stores.close().await.unwrap();
    drop(data);
    fs::remove_dir_all(folder.path().join("state")).unwrap();
    copy(older.path(), &folder.path().join("state"));
    fs::create_dir(folder.path().join("backups")).unwrap();
    fs::write(folder.path().join("backups/one.backup"), "x").unwrap();
    let error = match open_folder(folder.path()).await.1 {
        Ok(_) => panic!("an older state was taken"),
        Err(error) => error.to_string(),
    };
    assert!(
        error.contains("it ends at commit 21, but had 22"),
        "{error}"
    );
    assert!(error.contains("the newest backup is"), "{error}");
    assert!(error.contains("one.backup"), "{error}");
}

#[tokio::test]
async fn a_history_that_lost_pings_is_noticed() {
    let data = tempfile::tempdir().unwrap();
    for changes in [
        vec![Change::SetPinged(5)],
        vec![
            Change::SetPinged(0),
            Change::PutHeartbeatDurable(
                samples::monitor_id(1),
                Box::new(samples::heartbeat_durable(7, None)),
            ),
        ],
    ] {
        let folder = tempfile::tempdir_in(data.path()).unwrap();
        let (kept, opened) = open_folder(folder.path()).await;
        let stores = opened.unwrap().stores;
        let had = if changes.len() == 1 { 5 } else { 7 };
        let pings = vec![samples::stored_ping(1, had, 1)];
        stores.history.append_pings(pings, vec![]).await.unwrap();
        stores.state.commit(changes).await.unwrap();
        stores.close().await.unwrap();
        drop(kept);
        fs::remove_dir_all(folder.path().join("history")).unwrap();
        let error = open_folder(folder.path())
            .await
            .1
            .err()
            .unwrap()
            .to_string();
        let says = format!("it ends at ping 0, but had {had}");
        assert!(error.contains(&says), "{error}");
    }
}
