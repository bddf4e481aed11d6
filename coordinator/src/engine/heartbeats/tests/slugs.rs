//! Slugs: whose they are, and that none changes hands.

use vigilmon_common::heartbeat::HeartbeatDraft;
use vigilmon_common::name::Name;

use super::scene::{Scene, by, every, secs, token_of};
use crate::engine::{CommandError, SlugRefusal};
use crate::store::{Change, PingKeyRecord};
use crate::token;

fn named(name: &str) -> HeartbeatDraft {
    HeartbeatDraft {
        name: Some(name.to_owned()),
        ..HeartbeatDraft::default()
    }
}

#[tokio::test(start_paused = true)]
async fn slugs_need_the_key_and_lead_to_one_heartbeat() {
    let scene = Scene::start().await;
    let find = |key: &str, slug: &str| scene.engine.find_slug(key, slug);
    assert_eq!(find("pk_1", "nightly-job"), Err(SlugRefusal::UnknownKey));
    let key = |text: &str| PingKeyRecord {
        digest: token::digest(text),
        sealed: text.as_bytes().to_vec(),
    };
    scene.engine.set_ping_key(by(), key("pk_1")).await.unwrap();
    let id = scene.create("Nightly job", every(60)).await;
    assert_eq!(find("pk_1", "nightly-job").unwrap().id, id);
    assert_eq!(find("pk_1", "weekly"), Err(SlugRefusal::Unknown));
    scene.engine.set_ping_key(by(), key("pk_2")).await.unwrap();
    assert_eq!(find("pk_1", "nightly-job"), Err(SlugRefusal::UnknownKey));
    let scene = scene.again(secs(1)).await;
    assert_eq!(scene.engine.ping_key(), Some(key("pk_2")));
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn no_heartbeat_takes_the_slug_of_another() {
    let scene = Scene::start().await;
    let rename = async |scene: &Scene, from: &str, to: &str| {
        let saved = scene.engine.update_heartbeat(by(), from, named(to), None);
        saved.await.map(|saved| saved.spec.name.to_string())
    };
    scene.create("db backup", every(60)).await;
    scene.create("web", every(60)).await;
    let draft = HeartbeatDraft {
        severity: Some("foo".to_owned()),
        ..every(60).with(named("DB.backup"))
    };
    let token = token_of("another");
    let added = scene.engine.create_heartbeat(by(), draft, token).await;
    assert_eq!(
        added.unwrap_err().to_string().lines().collect::<Vec<_>>(),
        [
            "severity: `foo` is no severity; write critical, warning or info",
            "name: `DB.backup` has the slug `db-backup` in ping URLs, as heartbeat `db backup` has; \
             take a name that differs from it in more than case, spaces and punctuation",
        ],
        "beside all else that is wrong"
    );
    let edited = rename(&scene, "web", "db_backup").await.unwrap_err();
    assert!(
        edited.to_string().contains("heartbeat `db backup`"),
        "{edited}"
    );
    let same = rename(&scene, "web", "db backup").await.unwrap_err();
    assert!(matches!(same, CommandError::Exists { .. }), "{same}");
    assert_eq!(
        rename(&scene, "db backup", "db.backup").await.unwrap(),
        "db.backup",
        "its own slug"
    );
    rename(&scene, "db.backup", "db dump").await.unwrap();
    assert_eq!(
        rename(&scene, "web", "db.backup").await.unwrap(),
        "db.backup",
        "it is free again"
    );
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn two_that_had_one_slug_before_keep_it_until_one_is_renamed() {
    let scene = Scene::start().await;
    let key = PingKeyRecord {
        digest: token::digest("pk_1"),
        sealed: Vec::new(),
    };
    scene.engine.set_ping_key(by(), key).await.unwrap();
    let first = scene.create("db backup", every(60)).await;
    let other = scene.create("other", every(60)).await;
    let mut stored = (*scene.engine.heartbeat("other").unwrap()).clone();
    stored.spec.name = Name::parse("db.backup").unwrap();
    let before = vec![Change::PutHeartbeat(Box::new(stored))];
    scene.stores.state.commit(before).await.unwrap();
    let scene = scene.again(secs(1)).await;
    let find = || scene.engine.find_slug("pk_1", "db-backup");
    assert_eq!(find(), Err(SlugRefusal::Ambiguous));
    let update = async |patch: HeartbeatDraft| {
        let saved = scene
            .engine
            .update_heartbeat(by(), "db.backup", patch, None);
        saved.await.unwrap()
    };
    update(every(90)).await;
    assert_eq!(find(), Err(SlugRefusal::Ambiguous));
    let renamed = update(named("db dump"));
    assert_eq!(renamed.await.id, other);
    assert_eq!(find().unwrap().id, first);
    scene.stop().await;
}
