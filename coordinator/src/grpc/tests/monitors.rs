//! Monitors: saved, shown, refused, checked.

use std::time::Duration;

use tonic::Code;
use tonic_types::StatusExt;
use vigilmon_proto::convert::duration;
use vigilmon_proto::v1;
use vigilmon_proto::v1::monitor_service_client::MonitorServiceClient;

use super::scene::{Scene, down};
use super::{api, create, get};

#[tokio::test]
async fn a_monitor_is_saved_shown_changed_and_removed() {
    let scene = Scene::start().await;
    let _agent = scene.agent("us-east").await;
    let mut monitors = MonitorServiceClient::new(scene.authorized());
    let mut spec = api("https://example.com/health?key=secret");
    if let Some(v1::monitor_spec::Kind::Http(http)) = &mut spec.kind {
        http.bearer = "token".to_owned();
    }
    let made = monitors
        .create_monitor(create("api", spec))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(made.kind, "http");
    assert_eq!(made.spec.as_ref().unwrap().regions, ["us-east"]);
    let text = format!("{made:?}");
    assert!(
        !text.contains("secret") && !text.contains("\"token\""),
        "{text}"
    );
    let state = made.state.unwrap();
    assert_eq!(state.status(), v1::MonitorStatus::Unknown);
    assert_eq!(state.quorum.unwrap().assigned, 1);

    let again = monitors
        .create_monitor(create("api", api("https://example.com")))
        .await;
    assert_eq!(again.unwrap_err().code(), Code::AlreadyExists);

    let change = v1::UpdateMonitorRequest {
        project: String::new(),
        r#ref: "api".to_owned(),
        monitor: Some(v1::Monitor {
            etag: made.etag.clone(),
            spec: Some(v1::MonitorSpec {
                interval: Some(duration(Duration::from_secs(5))),
                ..v1::MonitorSpec::default()
            }),
            ..v1::Monitor::default()
        }),
        update_mask: Some(prost_types::FieldMask {
            paths: vec!["spec.interval".to_owned()],
        }),
    };
    let changed = monitors
        .update_monitor(change.clone())
        .await
        .unwrap()
        .into_inner();
    let spec = changed.spec.unwrap();
    assert_eq!(spec.interval, Some(duration(Duration::from_secs(5))));
    assert_eq!(
        spec.timeout,
        Some(duration(Duration::from_secs(5))),
        "the default follows"
    );
    let stale = monitors.update_monitor(change).await.unwrap_err();
    assert_eq!(stale.code(), Code::Aborted, "{stale}");
    let stored = scene.engine.monitor("api").unwrap();
    let vigilmon_common::monitor::Kind::Http(http) = &stored.spec.kind;
    assert_eq!(
        http.bearer.as_ref().map(|bearer| bearer.expose()),
        Some("token")
    );

    let pause = v1::PauseMonitorRequest {
        project: String::new(),
        r#ref: made.id.clone(),
    };
    let paused = monitors.pause(pause).await.unwrap().into_inner();
    assert!(paused.paused);
    assert_eq!(paused.state.unwrap().status(), v1::MonitorStatus::Paused);

    let delete = v1::DeleteMonitorRequest {
        r#ref: "api".to_owned(),
        ..Default::default()
    };
    monitors.delete_monitor(delete.clone()).await.unwrap();
    assert_eq!(
        monitors.delete_monitor(delete).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(
        monitors.get_monitor(get("api")).await.unwrap_err().code(),
        Code::NotFound
    );
    scene.stop().await;
}

#[tokio::test]
async fn what_is_malformed_is_refused_by_field_and_changes_nothing() {
    let scene = Scene::start().await;
    let _agent = scene.agent("us-east").await;
    let mut monitors = MonitorServiceClient::new(scene.authorized());
    let fields = |status: &tonic::Status| -> Vec<String> {
        let bad = status.get_details_bad_request().expect("fields");
        bad.field_violations
            .into_iter()
            .map(|violation| violation.field)
            .collect()
    };

    let mut bad = api("not a url");
    bad.quorum = "5".to_owned();
    bad.timeout = Some(duration(Duration::from_secs(60)));
    let refused = monitors.create_monitor(create("-", bad)).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["name", "http.url", "timeout", "quorum"]);

    let mut dangling = api("https://example.com");
    dangling.notify = vec!["nobody".to_owned()];
    let refused = monitors
        .create_monitor(create("api", dangling))
        .await
        .unwrap_err();
    assert_eq!(
        refused.code(),
        Code::FailedPrecondition,
        "a reference that leads nowhere"
    );
    assert_eq!(fields(&refused), ["notify"]);

    let nothing = v1::CreateMonitorRequest::default();
    let refused = monitors.create_monitor(nothing).await.unwrap_err();
    assert_eq!(fields(&refused), ["monitor"]);

    let huge = "x".repeat(400_000);
    let refused = monitors
        .create_monitor(create(&huge, api(&huge)))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    let refused = monitors
        .get_monitor(get(&"é".repeat(100_000)))
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::NotFound);
    let larger = "x".repeat(vigilmon_proto::limits::REQUEST_MAX);
    let refused = monitors
        .create_monitor(create(&larger, api("https://example.com")))
        .await;
    assert_eq!(refused.unwrap_err().code(), Code::OutOfRange);

    let list = v1::ListMonitorsRequest {
        page_token: "x".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        fields(&monitors.list_monitors(list).await.unwrap_err()),
        ["page_token"]
    );
    assert_eq!(scene.engine.directory().read().monitors().count(), 0);
    scene.stop().await;
}

#[tokio::test]
async fn pages_hold_every_monitor_once() {
    let scene = Scene::start().await;
    let _agent = scene.agent("us-east").await;
    let mut monitors = MonitorServiceClient::new(scene.authorized());
    for n in 0..5 {
        let request = create(&format!("m{n}"), api("https://example.com"));
        monitors.create_monitor(request).await.unwrap();
    }
    let mut names = Vec::new();
    let mut page_token = String::new();
    loop {
        let list = v1::ListMonitorsRequest {
            page_size: 2,
            page_token,
            ..Default::default()
        };
        let page = monitors.list_monitors(list).await.unwrap().into_inner();
        assert_eq!(page.total_size, 5);
        names.extend(page.monitors.into_iter().map(|one| one.name));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(names, ["m0", "m1", "m2", "m3", "m4"]);
    scene.stop().await;
}

#[tokio::test]
async fn a_check_answers_a_row_for_each_region() {
    let scene = Scene::start().await;
    let mut agent = scene.agent("us-east").await;
    let by = crate::engine::Actor::coordinator();
    let empty = vigilmon_common::name::Region::parse("eu-west").unwrap();
    scene.engine.add_region(by, empty).await.unwrap();
    let mut monitors = MonitorServiceClient::new(scene.authorized());
    let request = v1::CheckMonitorRequest {
        project: String::new(),
        target: Some(v1::check_monitor_request::Target::Spec(api(
            "https://example.com",
        ))),
    };
    let mut rows = monitors.check(request).await.unwrap().into_inner();
    let first = rows.message().await.unwrap().unwrap();
    assert_eq!(
        (first.region.as_str(), first.outcome()),
        ("eu-west", v1::Outcome::Inconclusive)
    );
    assert_eq!(first.reason.unwrap().code, "region_lost");
    let asked = agent.asked().await;
    assert!(asked.answer, "it makes no vote");
    let now = scene.engine.clock().now();
    let seen = agent.result(
        vigilmon_common::id::MonitorId::from_bytes([0; 16]),
        vigilmon_common::monitor::Meaning(0),
        now,
        down(),
    );
    scene.engine.answer(asked.nonce, Ok(seen));
    let second = rows.message().await.unwrap().unwrap();
    assert_eq!(
        (second.region.as_str(), second.agent.as_str()),
        ("us-east", "us-east-1")
    );
    assert_eq!(second.outcome(), v1::Outcome::Down);
    assert_eq!(second.reason.unwrap().status_code, Some(503));
    assert!(rows.message().await.unwrap().is_none());
    scene.stop().await;
}
