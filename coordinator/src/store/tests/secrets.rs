//! No token of a ping URL is in any byte that is stored.

use std::fs;

use sha2::{Digest, Sha256};
use vigilmon_common::heartbeat::{Heartbeat, PingToken};
use vigilmon_common::time::Time;

use super::bed::{files_below, open_folder};
use super::samples;
use crate::secret::SecretKey;
use crate::store::{Change, PingKeyRecord, backup};

const TOKENS: [&str; 3] = [
    "canary5f1cPresentToken",
    "canary5f1cFormerToken0",
    "pk_canary5f1cProjectKey",
];

#[tokio::test]
async fn tokens_of_ping_urls_are_in_no_stored_byte() {
    let folder = tempfile::tempdir().unwrap();
    let (data, opened) = open_folder(folder.path()).await;
    let stores = opened.unwrap().stores;
    let key = SecretKey::from_bytes(&[5; 32]);
    let sealed = |token: &str| (Sha256::digest(token).into(), key.seal(token.as_bytes()));
    let token = |token: &str, until| {
        let (digest, sealed) = sealed(token);
        PingToken {
            digest,
            sealed,
            until,
        }
    };
    let heartbeat = Heartbeat {
        tokens: vec![
            token(TOKENS[0], None),
            token(TOKENS[1], Some(samples::DAY_START)),
        ],
        ..samples::heartbeat(1)
    };
    let (digest, sealed) = sealed(TOKENS[2]);
    let changes = vec![
        Change::PutHeartbeat(Box::new(heartbeat.clone())),
        Change::PutPingKey(PingKeyRecord { digest, sealed }),
    ];
    stores.state.commit(changes).await.unwrap();
    let pings = vec![samples::stored_ping(1, 1, 1)];
    stores.history.append_pings(pings, vec![]).await.unwrap();
    let state = stores.state.load().await.unwrap();
    assert_eq!(state.heartbeats[&heartbeat.id], heartbeat);
    for (kept, token) in state.heartbeats[&heartbeat.id].tokens.iter().zip(TOKENS) {
        assert_eq!(*key.unseal_text(&kept.sealed).unwrap(), token);
    }
    let kept = state.ping_key.unwrap();
    assert_eq!(*key.unseal_text(&kept.sealed).unwrap(), TOKENS[2]);

    let backup = backup::of(&stores.state, "1", Time::EPOCH).await.unwrap();
    fs::write(folder.path().join("backup"), backup).unwrap();
    stores.close().await.unwrap();
    drop(data);
    let mut files = Vec::new();
    files_below(folder.path(), &mut files);
    assert!(files.len() > 3, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).unwrap();
        let found = bytes.windows(10).any(|part| part == b"canary5f1c");
        assert!(!found, "{} shows a token", file.display());
    }
}
