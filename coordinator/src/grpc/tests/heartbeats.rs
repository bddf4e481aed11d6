//! Heartbeats: saved, shown, refused; their URLs and pings.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::StatusExt;
use vigilmon_common::heartbeat::{Method, Signal};
use vigilmon_proto::convert::duration;
use vigilmon_proto::v1;
use vigilmon_proto::v1::heartbeat_service_client::HeartbeatServiceClient;
use vigilmon_proto::v1::heartbeat_spec::Schedule;
use vigilmon_proto::v1::monitor_service_client::MonitorServiceClient;

use super::get as get_monitor;
use super::scene::Scene;
use crate::engine::{Actor, NewApiToken, Said};
use crate::store::Role;

const HOUR: Duration = Duration::from_secs(3600);

fn every(every: Duration) -> v1::HeartbeatSpec {
    v1::HeartbeatSpec {
        schedule: Some(Schedule::Every(duration(every))),
        ..v1::HeartbeatSpec::default()
    }
}

fn create(name: &str, spec: v1::HeartbeatSpec) -> v1::CreateHeartbeatRequest {
    v1::CreateHeartbeatRequest {
        project: String::new(),
        heartbeat: Some(v1::Heartbeat {
            name: name.to_owned(),
            spec: Some(spec),
            ..v1::Heartbeat::default()
        }),
    }
}

fn get(reference: &str) -> v1::GetHeartbeatRequest {
    v1::GetHeartbeatRequest {
        project: String::new(),
        r#ref: reference.to_owned(),
    }
}

fn url_of(reference: &str) -> v1::GetPingUrlRequest {
    v1::GetPingUrlRequest {
        project: String::new(),
        r#ref: reference.to_owned(),
    }
}

fn fields(status: &Status) -> Vec<String> {
    let bad = status.get_details_bad_request().expect("fields");
    bad.field_violations
        .into_iter()
        .map(|violation| violation.field)
        .collect()
}

/// A ping as the HTTP door hands it over.
async fn ping(scene: &Scene, url: &str, signal: Signal, body: Option<&'static [u8]>) {
    let token = url.rsplit_once('/').expect("a ping URL").1;
    let target = scene.engine.find_ping(token).expect("a good token");
    let said = Said {
        signal,
        rid: None,
        method: Method::Post,
        from: "192.0.2.7".parse().ok(),
        agent: "curl/8".into(),
        body: body.map(Into::into),
        body_size: body.map_or(0, |body| body.len() as u64),
    };
    let reading = scene.engine.begin_ping(target.id);
    scene
        .engine
        .ping(reading, said)
        .await
        .expect("memory stores never fail");
}

#[tokio::test]
async fn a_heartbeat_is_saved_shown_changed_and_removed() {
    let scene = Scene::start().await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    let made = heartbeats
        .create_heartbeat(create("Nightly Job", every(25 * HOUR)))
        .await;
    let made = made.unwrap().into_inner();
    assert!(
        made.ping_url.starts_with("http://127.0.0.1:8440/ping/"),
        "{made:?}"
    );
    assert_eq!(
        (made.slug.as_str(), made.project.as_str()),
        ("nightly-job", "default")
    );
    assert_eq!(made.state.unwrap().status(), v1::HeartbeatStatus::New);
    let shown = heartbeats
        .get_heartbeat(get(&made.id))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((shown.ping_url.as_str(), &shown.spec), ("", &made.spec));
    let again = heartbeats
        .create_heartbeat(create("Nightly Job", every(HOUR)))
        .await;
    assert_eq!(again.unwrap_err().code(), Code::AlreadyExists);

    let change = v1::UpdateHeartbeatRequest {
        project: String::new(),
        r#ref: "Nightly Job".to_owned(),
        heartbeat: Some(v1::Heartbeat {
            etag: made.etag.clone(),
            spec: Some(v1::HeartbeatSpec {
                grace: Some(duration(HOUR)),
                ..v1::HeartbeatSpec::default()
            }),
            ..v1::Heartbeat::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["spec.grace".to_owned()],
        }),
    };
    let changed = heartbeats
        .update_heartbeat(change.clone())
        .await
        .unwrap()
        .into_inner();
    let spec = changed.spec.unwrap();
    assert_eq!(spec.grace, Some(duration(HOUR)));
    assert_eq!(spec.schedule, Some(Schedule::Every(duration(25 * HOUR))));
    let stale = heartbeats.update_heartbeat(change).await.unwrap_err();
    assert_eq!(stale.code(), Code::Aborted, "{stale}");

    let pause = v1::PauseHeartbeatRequest {
        project: String::new(),
        r#ref: made.id.clone(),
    };
    let paused = heartbeats.pause(pause).await.unwrap().into_inner();
    assert_eq!(paused.state.unwrap().status(), v1::HeartbeatStatus::Paused);
    let resume = v1::ResumeHeartbeatRequest {
        project: String::new(),
        r#ref: made.id,
    };
    assert!(!heartbeats.resume(resume).await.unwrap().into_inner().paused);

    let mut delete = v1::DeleteHeartbeatRequest {
        r#ref: "Nightly Job".to_owned(),
        etag: made.etag,
        ..Default::default()
    };
    let stale = heartbeats
        .delete_heartbeat(delete.clone())
        .await
        .unwrap_err();
    assert_eq!(stale.code(), Code::Aborted);
    delete.etag = String::new();
    heartbeats.delete_heartbeat(delete.clone()).await.unwrap();
    let gone = heartbeats.delete_heartbeat(delete).await.unwrap_err();
    assert_eq!(gone.code(), Code::NotFound);
    scene.stop().await;
}

#[tokio::test]
async fn what_is_malformed_is_refused_by_field_and_changes_nothing() {
    let scene = Scene::start().await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    let bad = v1::HeartbeatSpec {
        schedule: Some(Schedule::Cron(v1::CronSchedule {
            expression: "whenever".to_owned(),
            time_zone: String::new(),
        })),
        ..v1::HeartbeatSpec::default()
    };
    let refused = heartbeats
        .create_heartbeat(create("-", bad))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["name", "cron"]);
    let nothing = v1::CreateHeartbeatRequest::default();
    let refused = heartbeats.create_heartbeat(nothing).await.unwrap_err();
    assert_eq!(fields(&refused), ["heartbeat"]);
    let mut dangling = every(HOUR);
    dangling.notify = vec!["nobody".to_owned()];
    let refused = heartbeats
        .create_heartbeat(create("job", dangling))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(scene.engine.directory().read().heartbeats().count(), 0);

    heartbeats
        .create_heartbeat(create("job", every(HOUR)))
        .await
        .unwrap();
    for (seconds, overlap) in [(-1, "below zero"), (31 * 86_400, "too long")] {
        let rotate = v1::RotateTokenRequest {
            r#ref: "job".to_owned(),
            overlap: Some(prost_types::Duration { seconds, nanos: 0 }),
            ..Default::default()
        };
        let refused = heartbeats.rotate_token(rotate).await.unwrap_err();
        assert_eq!(fields(&refused), ["overlap"], "{overlap}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn a_slug_is_refused_while_another_has_it_and_a_changed_one_is_said() {
    let scene = Scene::start().await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    for name in ["db backup", "web"] {
        let made = heartbeats.create_heartbeat(create(name, every(HOUR))).await;
        assert_eq!(made.unwrap().into_inner().former_slug, "");
    }
    let rename = |from: &str, to: &str| v1::UpdateHeartbeatRequest {
        project: String::new(),
        r#ref: from.to_owned(),
        heartbeat: Some(v1::Heartbeat {
            name: to.to_owned(),
            ..v1::Heartbeat::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["name".to_owned()],
        }),
    };
    let added = create("db.backup", every(HOUR));
    let added = heartbeats.create_heartbeat(added).await.unwrap_err();
    let edited = rename("web", "DB_backup");
    let edited = heartbeats.update_heartbeat(edited).await.unwrap_err();
    for refused in [added, edited] {
        assert_eq!(refused.code(), Code::InvalidArgument);
        assert_eq!(fields(&refused), ["name"]);
        assert!(refused.message().contains("`db backup`"), "{refused}");
    }
    let mut renamed = async |from, to| {
        let saved = heartbeats.update_heartbeat(rename(from, to)).await;
        let saved = saved.unwrap().into_inner();
        (saved.slug, saved.former_slug)
    };
    let no_key = renamed("web", "shop").await;
    assert_eq!(no_key, ("shop".to_owned(), String::new()));
    let key = HeartbeatServiceClient::new(scene.authorized())
        .get_ping_key(v1::GetPingKeyRequest::default())
        .await;
    key.unwrap();
    let changed = renamed("db backup", "db dump").await;
    assert_eq!(changed, ("db-dump".to_owned(), "db-backup".to_owned()));
    let same = renamed("db dump", "DB dump").await;
    assert_eq!(same, ("db-dump".to_owned(), String::new()));
    scene.stop().await;
}

#[tokio::test]
async fn a_ping_url_is_shown_to_editors_and_can_be_replaced() {
    let scene = Scene::start().await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    let made = heartbeats
        .create_heartbeat(create("job", every(HOUR)))
        .await;
    let first = made.unwrap().into_inner().ping_url;
    let shown = heartbeats
        .get_ping_url(url_of("job"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (shown.url.as_str(), shown.former_until_time),
        (first.as_str(), None)
    );
    let rotate = v1::RotateTokenRequest {
        r#ref: "job".to_owned(),
        overlap: Some(duration(HOUR)),
        ..Default::default()
    };
    let second = heartbeats
        .rotate_token(rotate)
        .await
        .unwrap()
        .into_inner()
        .ping_url;
    assert_ne!(first, second);
    let shown = heartbeats
        .get_ping_url(url_of("job"))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(shown.url, second);
    assert!(shown.former_until_time.is_some());
    ping(&scene, &first, Signal::Success, None).await;
    ping(&scene, &second, Signal::Success, None).await;

    let key = heartbeats
        .get_ping_key(v1::GetPingKeyRequest::default())
        .await;
    let key = key.unwrap().into_inner();
    assert_eq!(
        key.url_prefix,
        format!("http://127.0.0.1:8440/ping/s/{}/", key.key)
    );
    assert!(scene.engine.find_slug(&key.key, "job").is_ok());
    let same = heartbeats
        .get_ping_key(v1::GetPingKeyRequest::default())
        .await;
    assert_eq!(same.unwrap().into_inner(), key, "it is made once");
    let other = heartbeats
        .rotate_ping_key(v1::RotatePingKeyRequest::default())
        .await;
    assert_ne!(other.unwrap().into_inner().key, key.key);
    assert!(scene.engine.find_slug(&key.key, "job").is_err());
    scene.stop().await;
}

#[tokio::test]
async fn a_viewer_reads_and_sees_no_url() {
    let scene = Scene::start().await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    let made = heartbeats
        .create_heartbeat(create("job", every(HOUR)))
        .await;
    let url = made.unwrap().into_inner().ping_url;
    let token = NewApiToken {
        role: Role::Viewer,
        label: "viewer".to_owned(),
        ttl: None,
    };
    let by = Actor::coordinator();
    let (_, token) = scene.engine.create_api_token(by, token).await.unwrap();
    let mut viewer = HeartbeatServiceClient::new(scene.with_token(&token));
    let listed = viewer
        .list_heartbeats(v1::ListHeartbeatsRequest::default())
        .await;
    let shown = viewer.get_heartbeat(get("job")).await;
    let seen = format!("{listed:?} {shown:?}");
    assert!(!seen.contains(url.rsplit_once('/').unwrap().1), "{seen}");
    assert!(seen.contains("job"));
    let refused = [
        viewer.get_ping_url(url_of("job")).await.unwrap_err(),
        viewer
            .get_ping_key(v1::GetPingKeyRequest::default())
            .await
            .unwrap_err(),
        viewer
            .rotate_ping_key(v1::RotatePingKeyRequest::default())
            .await
            .unwrap_err(),
        viewer
            .create_heartbeat(create("other", every(HOUR)))
            .await
            .unwrap_err(),
        viewer
            .rotate_token(v1::RotateTokenRequest::default())
            .await
            .unwrap_err(),
        viewer
            .pause(v1::PauseHeartbeatRequest::default())
            .await
            .unwrap_err(),
        viewer
            .delete_heartbeat(v1::DeleteHeartbeatRequest::default())
            .await
            .unwrap_err(),
    ];
    for status in &refused {
        assert_eq!(status.code(), Code::PermissionDenied, "{status}");
    }
    let said = "a token of role viewer may not see ping URLs or the key in them";
    assert_eq!([refused[0].message(), refused[1].message()], [said; 2]);
    scene.stop().await;
}

#[tokio::test]
async fn pings_are_listed_with_their_runs_and_bodies() {
    let scene = Scene::start().await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    let made = heartbeats
        .create_heartbeat(create("job", every(HOUR)))
        .await;
    let url = made.unwrap().into_inner().ping_url;
    ping(&scene, &url, Signal::Start, None).await;
    ping(&scene, &url, Signal::Start, None).await;
    ping(&scene, &url, Signal::Exit(0), Some(b"done")).await;
    let list = v1::ListPingsRequest {
        r#ref: "job".to_owned(),
        ..Default::default()
    };
    let pings = heartbeats
        .list_pings(list.clone())
        .await
        .unwrap()
        .into_inner()
        .pings;
    let said: Vec<&str> = pings.iter().map(|ping| ping.signal.as_str()).collect();
    assert_eq!(said, ["exit 0", "start", "start"]);
    assert!(pings[0].run.is_some() && pings[2].never_finished && !pings[1].never_finished);
    assert_eq!(
        (pings[0].from.as_str(), pings[0].user_agent.as_str()),
        ("192.0.2.7", "curl/8")
    );
    let one = v1::ListPingsRequest {
        page_size: 1,
        ..list
    };
    let newest = heartbeats.list_pings(one).await.unwrap().into_inner().pings;
    assert_eq!(newest, pings[..1]);

    let mut body = v1::GetPingBodyRequest {
        r#ref: "job".to_owned(),
        number: pings[0].number,
        ..Default::default()
    };
    let kept = heartbeats
        .get_ping_body(body.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(&kept.data[..], b"done");
    body.number = pings[1].number;
    let none = heartbeats.get_ping_body(body).await.unwrap_err();
    assert_eq!(none.code(), Code::NotFound, "{none}");
    let state = heartbeats
        .get_heartbeat(get("job"))
        .await
        .unwrap()
        .into_inner()
        .state
        .unwrap();
    assert_eq!(
        (state.status(), state.last_signal.as_str()),
        (v1::HeartbeatStatus::Up, "exit 0")
    );
    assert_eq!(state.pings, 3);
    scene.stop().await;
}

#[tokio::test]
async fn who_asks_for_the_other_kind_is_told() {
    let scene = Scene::start().await;
    let _agent = scene.agent("us-east").await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    let mut monitors = MonitorServiceClient::new(scene.authorized());
    heartbeats
        .create_heartbeat(create("job", every(HOUR)))
        .await
        .unwrap();
    let monitor = super::create("api", super::api("https://example.com"));
    monitors.create_monitor(monitor).await.unwrap();
    let taken = super::create("job", super::api("https://example.com"));
    let taken = monitors.create_monitor(taken).await.unwrap_err();
    assert_eq!(taken.code(), Code::AlreadyExists, "one name space");

    let refused = monitors.get_monitor(get_monitor("job")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(
        refused.message().contains("vigilmon heartbeat"),
        "{refused}"
    );
    let refused = heartbeats.get_heartbeat(get("api")).await.unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    assert!(refused.message().contains("vigilmon monitor"), "{refused}");
    let refused = heartbeats.get_heartbeat(get("nothing")).await.unwrap_err();
    assert!(!refused.message().contains("vigilmon monitor"), "{refused}");
    scene.stop().await;
}

#[tokio::test]
async fn pages_hold_every_heartbeat_once() {
    let scene = Scene::start().await;
    let mut heartbeats = HeartbeatServiceClient::new(scene.authorized());
    for n in 0..5 {
        let request = create(&format!("h{n}"), every(HOUR));
        heartbeats.create_heartbeat(request).await.unwrap();
    }
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let list = v1::ListHeartbeatsRequest {
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = heartbeats.list_heartbeats(list).await.unwrap().into_inner();
        assert_eq!(page.total_size, 5);
        names.extend(page.heartbeats.into_iter().map(|one| one.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["h0", "h1", "h2", "h3", "h4"]);
    scene.stop().await;
}
