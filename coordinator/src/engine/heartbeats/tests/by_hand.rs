//! What people do: commands on heartbeats and deeds on their incidents.

use vigilmon_common::heartbeat::HeartbeatDraft;
use vigilmon_common::incident::Subject;
use vigilmon_common::monitor::draft::{HttpDraft, MonitorDraft};
use vigilmon_common::name::Region;

use super::scene::{Scene, by, every, secs, token_of};
use super::*;
use crate::engine::{
    Actor, CREATED_BY, CREATED_BY_SLUG_MAX, CommandError, OVERLAP_MAX, Object, PingTarget,
    RouteDraft,
};
use crate::store::{PendingId, PingKeyRecord};
use crate::token;

fn named(name: &str) -> HeartbeatDraft {
    HeartbeatDraft {
        name: Some(name.to_owned()),
        ..HeartbeatDraft::default()
    }
}

#[tokio::test(start_paused = true)]
async fn monitors_and_heartbeats_share_one_name_space() {
    let scene = Scene::start().await;
    let region = Region::parse("us-east").unwrap();
    scene.engine.add_region(by(), region).await.unwrap();
    let monitor = |name: &str| MonitorDraft {
        name: Some(name.to_owned()),
        http: Some(HttpDraft {
            url: Some("https://example.com/".to_owned()),
            ..HttpDraft::default()
        }),
        ..MonitorDraft::default()
    };
    let api = monitor("api");
    scene.engine.create_monitor(by(), api).await.unwrap();
    scene.create("nightly", every(60)).await;
    let taken = |error: CommandError| match error {
        CommandError::Exists { object, .. } => object,
        other => panic!("{other}"),
    };
    let refused = scene.try_create("api", every(60)).await.unwrap_err();
    assert_eq!(refused.to_string(), "monitor `api` exists already");
    assert_eq!(taken(refused), Object::Monitor);
    let refused = scene.try_create("nightly", every(60)).await.unwrap_err();
    assert_eq!(taken(refused), Object::Heartbeat);
    let nightly = monitor("nightly");
    let refused = scene.engine.create_monitor(by(), nightly.clone()).await;
    assert_eq!(taken(refused.unwrap_err()), Object::Heartbeat);
    let refused = scene
        .engine
        .update_monitor(by(), "api", nightly, None)
        .await;
    assert_eq!(taken(refused.unwrap_err()), Object::Heartbeat);
    let renamed = named("api");
    let refused = scene
        .engine
        .update_heartbeat(by(), "nightly", renamed, None)
        .await;
    assert_eq!(taken(refused.unwrap_err()), Object::Monitor);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_rename_keeps_everything_but_the_name() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(30)).await;
    let patch = named("weekly");
    let first = scene
        .engine
        .update_heartbeat(by(), "nightly", patch, Some(1))
        .await;
    assert_eq!(first.unwrap().version, 2);
    assert!(scene.engine.heartbeat("nightly").is_err());
    let stale = scene
        .engine
        .update_heartbeat(by(), "weekly", named("x"), Some(1))
        .await;
    assert!(matches!(stale.unwrap_err(), CommandError::Conflict { .. }));
    scene.pass(secs(31)).await;
    let Subject::Monitor(facts) = &scene.only_incident().subject else {
        panic!("of a heartbeat")
    };
    assert_eq!(
        (facts.name.as_str(), facts.kind.as_str()),
        ("weekly", "heartbeat")
    );
    assert_eq!(facts.id, job);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_pause_closes_what_is_open_and_a_resumption_counts_anew() {
    let scene = Scene::start().await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(61)).await;
    assert!(scene.only_incident().is_open());
    scene
        .engine
        .pause_heartbeat(by(), "nightly", true)
        .await
        .unwrap();
    scene.settle().await;
    assert_eq!(scene.only_incident().resolution, Some(Resolution::Paused));
    scene.pass(secs(120)).await;
    assert_eq!(scene.status(job).await, HeartbeatStatus::Paused);
    scene.ping(job, Signal::Success).await;
    assert_eq!(
        scene.status(job).await,
        HeartbeatStatus::Paused,
        "only recorded"
    );
    let scene = scene.again(secs(1)).await;
    assert_eq!(scene.status(job).await, HeartbeatStatus::Paused);
    scene
        .engine
        .pause_heartbeat(by(), "nightly", false)
        .await
        .unwrap();
    scene.pass(secs(60)).await;
    assert!(scene.engine.incidents(true).is_empty());
    scene.run_out().await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    let audit = scene
        .stores
        .audit(
            (vigilmon_common::time::Time::FAR_FUTURE, PendingId::START),
            10,
        )
        .await;
    let actions: Vec<_> = audit.unwrap().into_iter().map(|e| e.action).collect();
    assert_eq!(
        actions,
        ["heartbeat.resume", "heartbeat.pause", "heartbeat.create"]
    );
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_incident_is_taken_and_closed_by_hand_only_by_force() {
    let scene = Scene::start().await;
    scene.channel("ops").await;
    let job = scene.create("nightly", every(60)).await;
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(61)).await;
    let id = scene.only_incident().id;
    let taken = scene
        .engine
        .acknowledge(by(), id, "looking".to_owned())
        .await;
    assert_eq!(taken.unwrap().acknowledged_by.as_deref(), Some("tester"));
    scene
        .engine
        .comment(by(), id, "the disk".to_owned())
        .await
        .unwrap();
    let refused = scene.engine.resolve(by(), id, false).await.unwrap_err();
    assert!(
        refused.to_string().contains("`nightly` cannot be resolved"),
        "{refused}"
    );
    let closed = scene.engine.resolve(by(), id, true).await.unwrap();
    assert_eq!(closed.resolution, Some(Resolution::Forced));
    scene.pass(secs(300)).await;
    assert_eq!(
        scene.engine.incidents(true).len(),
        0,
        "its silence is known"
    );
    scene.ping(job, Signal::Success).await;
    scene.pass(secs(61)).await;
    assert_eq!(scene.engine.incidents(true).len(), 1);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_replaced_token_counts_for_a_while_and_is_not_dropped_by_a_further_rotation() {
    let scene = Scene::start().await;
    let id = scene.create("nightly", every(60)).await;
    let target = Some(PingTarget {
        id,
        post_only: false,
    });
    let rotate = async |text: &str, overlap| {
        let token = token_of(text);
        scene
            .engine
            .rotate_ping_token(by(), "nightly", token, overlap)
            .await
    };
    let found = |text: &str| scene.engine.find_ping(text) == target;
    assert!(found("nightly"));
    rotate("second", Some(secs(10))).await.unwrap();
    assert!(found("nightly") && found("second"));
    let refused = rotate("third", None).await.unwrap_err();
    let CommandError::Refused { message, hint } = refused else {
        panic!("{refused}");
    };
    assert!(message.contains("still counts until 20"), "{message}");
    assert!(hint.contains("--overlap 0s"), "{hint}");
    assert!(found("nightly") && found("second") && !found("third"));
    scene.pass(secs(10)).await;
    assert!(!found("nightly"));
    rotate("third", None).await.unwrap();
    assert!(found("second") && found("third"));
    rotate("fifth", Some(Duration::ZERO)).await.unwrap();
    assert!(!found("second") && !found("third"), "both end at once");
    let stored = scene.engine.heartbeat("nightly").unwrap();
    assert_eq!(stored.tokens.len(), 1);
    let long = rotate("sixth", Some(OVERLAP_MAX + secs(1))).await;
    assert!(matches!(long.unwrap_err(), CommandError::Invalid(_)));
    let scene = scene.again(secs(1)).await;
    assert_eq!(scene.engine.find_ping("fifth"), target);
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn all_who_ask_for_the_first_key_at_once_hear_the_same() {
    let scene = Scene::start().await;
    let ask = |text: &str| {
        let key = PingKeyRecord {
            digest: token::digest(text),
            sealed: text.as_bytes().to_vec(),
        };
        scene.engine.first_ping_key(by(), key)
    };
    let (one, other) = tokio::join!(ask("pk_1"), ask("pk_2"));
    let kept = one.unwrap();
    assert_eq!(other.unwrap(), kept);
    assert_eq!(scene.engine.ping_key(), Some(kept));
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn pings_by_slug_make_only_so_many_heartbeats() {
    let scene = Scene::start().await;
    let (label, value) = CREATED_BY;
    let create = async |by: Actor, n: usize| {
        let mut draft = every(60);
        draft.name = Some(format!("job-{n}"));
        draft.labels = Some([(label.to_owned(), value.to_owned())].into());
        let token = token_of(&format!("token-{n}"));
        scene.engine.create_heartbeat(by, draft, token).await
    };
    for n in 0..CREATED_BY_SLUG_MAX {
        create(Actor::slug_ping(), n).await.unwrap();
    }
    let refused = create(Actor::slug_ping(), 500).await.unwrap_err();
    assert!(matches!(refused, CommandError::Refused { .. }), "{refused}");
    create(by(), 500).await.unwrap();
    for name in ["job-0", "job-1"] {
        scene
            .engine
            .remove_heartbeat(by(), name, None)
            .await
            .unwrap();
    }
    create(Actor::slug_ping(), 501).await.unwrap();
    scene.stop().await;
}

#[tokio::test(start_paused = true)]
async fn routes_and_notify_know_heartbeats_and_hold_their_channels() {
    let scene = Scene::start().await;
    let ops = scene.channel("ops").await;
    scene.channel("dev").await;
    let own = scene.channel("own").await;
    let mut draft = every(60);
    draft.notify = Some(vec!["own".to_owned()]);
    let job = scene.create("nightly", draft).await;
    let other = scene.create("other", every(60)).await;
    let route = RouteDraft {
        name: "jobs".to_owned(),
        monitors: vec!["nightly".to_owned()],
        to: vec!["ops".to_owned()],
        ..RouteDraft::default()
    };
    scene.engine.save_route(by(), route, None).await.unwrap();
    let refused = scene.engine.remove_channel(by(), "own").await.unwrap_err();
    assert!(
        refused.to_string().contains("heartbeat `nightly`"),
        "{refused}"
    );
    scene.ping(other, Signal::Fail).await;
    assert!(scene.rows().is_empty(), "the only route takes another");
    scene.ping(job, Signal::Fail).await;
    let mut to: Vec<_> = scene.rows().iter().map(|row| row.channel).collect();
    to.sort();
    let mut expected = [ops.id, own.id];
    expected.sort();
    assert_eq!(to, expected);
    scene.stop().await;
}
