//! The configuration as a whole.

use tokio_stream::StreamExt;
use tonic::Code;
use vigilmon_proto::v1;
use vigilmon_proto::v1::config_service_client::ConfigServiceClient;

use super::api;
use super::scene::{Bearer, Scene};
use crate::engine::{Actor, NewApiToken};
use crate::store::Role;

mod heartbeats;

type Client = ConfigServiceClient<
    tonic::service::interceptor::InterceptedService<tonic::transport::Channel, Bearer>,
>;

fn client(scene: &Scene) -> Client {
    ConfigServiceClient::new(scene.authorized())
        .max_decoding_message_size(vigilmon_proto::limits::RESPONSE_MAX)
}

fn monitor(name: &str) -> v1::Monitor {
    v1::Monitor {
        name: name.to_owned(),
        spec: Some(api("https://example.com/health")),
        ..v1::Monitor::default()
    }
}

fn hook(name: &str, url: &str, secret: &str) -> v1::Channel {
    let webhook = v1::WebhookChannel {
        url: url.to_owned(),
        secret: secret.to_owned(),
    };
    v1::Channel {
        name: name.to_owned(),
        kind: Some(v1::channel::Kind::Webhook(webhook)),
        ..v1::Channel::default()
    }
}

fn whole() -> v1::Configuration {
    v1::Configuration {
        regions: vec![v1::Region {
            id: "us-east".to_owned(),
            display_name: "New York".to_owned(),
            ..v1::Region::default()
        }],
        channels: vec![hook("hook", "https://example.com/hook", "")],
        routes: vec![v1::Route {
            name: "all".to_owned(),
            to: vec!["hook".to_owned()],
            ..v1::Route::default()
        }],
        monitors: vec![monitor("api"), monitor("web")],
        heartbeats: Vec::new(),
    }
}

fn apply(configuration: v1::Configuration) -> v1::ApplyRequest {
    v1::ApplyRequest {
        configuration: Some(configuration),
        ..v1::ApplyRequest::default()
    }
}

fn plan(configuration: v1::Configuration) -> v1::PlanRequest {
    v1::PlanRequest {
        configuration: Some(configuration),
        ..v1::PlanRequest::default()
    }
}

async fn exported(client: &mut Client) -> v1::Configuration {
    let parts = client.export(v1::ExportRequest::default()).await.unwrap();
    let mut parts = parts.into_inner();
    let mut whole = v1::Configuration::default();
    while let Some(part) = parts.next().await {
        let part = part.unwrap();
        whole.regions.extend(part.regions);
        whole.channels.extend(part.channels);
        whole.routes.extend(part.routes);
        whole.monitors.extend(part.monitors);
        whole.heartbeats.extend(part.heartbeats);
    }
    whole
}

#[tokio::test]
async fn a_second_apply_changes_nothing() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let first = client.apply(apply(whole())).await.unwrap().into_inner();
    assert_eq!((first.steps.len(), first.unchanged), (5, 0));
    assert_eq!(first.secrets[0].secret, "whsec_made");

    let mut again = whole();
    again.channels = vec![hook("hook", "https://example.com/hook", "whsec_made")];
    for configuration in [whole(), again] {
        let second = client.apply(apply(configuration)).await.unwrap();
        let second = second.into_inner();
        assert_eq!((second.steps.len(), second.unchanged), (0, 5));
        assert!(second.secrets.is_empty(), "no secret is made twice");
    }
    scene.stop().await;
}

#[tokio::test]
async fn an_editor_applies_what_leaves_the_regions_as_they_are() {
    let scene = Scene::start().await;
    client(&scene).apply(apply(whole())).await.unwrap();
    let editor = NewApiToken {
        role: Role::Editor,
        ..NewApiToken::admin("edits")
    };
    let by = Actor::coordinator();
    let (_, editor) = scene.engine.create_api_token(by, editor).await.unwrap();
    let mut editor = ConfigServiceClient::new(scene.with_token(&editor));

    let mut wanted = whole();
    wanted.monitors.push(monitor("shop"));
    let applied = editor.apply(apply(wanted.clone())).await.unwrap();
    assert_eq!(applied.into_inner().steps.len(), 1);
    wanted.regions[0].display_name = "Elsewhere".to_owned();
    wanted.monitors.push(monitor("news"));
    let denied = editor.apply(apply(wanted)).await.unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let monitors = scene.engine.configuration().monitors;
    assert_eq!(monitors.len(), 3, "nothing of it was applied");
    scene.stop().await;
}

#[tokio::test]
async fn what_was_exported_is_what_there_is() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let mut configuration = whole();
    let secret = v1::HttpSpec {
        url: "https://user:hunter2@example.com/x?key=hunter3".to_owned(),
        headers: vec![v1::Header {
            name: "X-Api-Key".to_owned(),
            value: "hunter4".to_owned(),
        }],
        ..v1::HttpSpec::default()
    };
    configuration.monitors[0].spec = Some(v1::MonitorSpec {
        kind: Some(v1::monitor_spec::Kind::Http(secret)),
        ..v1::MonitorSpec::default()
    });
    client.apply(apply(configuration)).await.unwrap();

    let exported = exported(&mut client).await;
    assert!(!format!("{exported:?}").contains("hunter"));
    let planned = client.plan(plan(exported)).await.unwrap().into_inner();
    assert_eq!((planned.steps, planned.problems), (vec![], vec![]));
    assert_eq!(planned.unchanged, 5);
    scene.stop().await;
}

#[tokio::test]
async fn one_bad_monitor_of_fifty_changes_nothing() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let mut configuration = whole();
    configuration.monitors = (0..50).map(|n| monitor(&format!("m{n}"))).collect();
    configuration.monitors[17].spec = Some(api("ftp://example.com"));
    let refused = client.apply(apply(configuration.clone())).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let planned = client.plan(plan(configuration)).await.unwrap().into_inner();
    assert_eq!(planned.problems.len(), 1);
    assert_eq!(planned.problems[0].field, "monitors[17].http.url");
    assert!(planned.steps.is_empty());
    assert_eq!(exported(&mut client).await, v1::Configuration::default());
    scene.stop().await;
}

#[tokio::test]
async fn of_two_applies_at_once_one_is_refused() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let etag = client.plan(plan(whole())).await.unwrap().into_inner().etag;
    let with_etag = |name: &str| v1::ApplyRequest {
        etag: etag.clone(),
        ..apply(v1::Configuration {
            monitors: vec![monitor(name)],
            ..whole()
        })
    };
    client.apply(with_etag("api")).await.unwrap();
    let refused = client.apply(with_etag("web")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    assert_eq!(exported(&mut client).await.monitors.len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn a_change_is_told_field_by_field_without_secrets() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    client.apply(apply(whole())).await.unwrap();
    let mut changed = whole();
    changed.channels = vec![hook("hook", "https://example.com/hunter2", "")];
    changed.routes[0].events = vec!["opened".to_owned()];
    let spec = changed.monitors[0].spec.as_mut().unwrap();
    spec.interval = Some(prost_types::Duration {
        seconds: 60,
        nanos: 0,
    });
    let planned = client.plan(plan(changed)).await.unwrap().into_inner();
    let said: Vec<String> = planned
        .steps
        .iter()
        .flat_map(|step| {
            let name = &step.name;
            let line =
                move |c: &v1::ConfigChange| format!("{name} {}: {} -> {}", c.field, c.from, c.to);
            step.changes.iter().map(line)
        })
        .collect();
    assert_eq!(
        said,
        [
            "hook secret: … -> …",
            "all match.event:  -> opened",
            "api every: 30s -> 1m"
        ]
    );
    scene.stop().await;
}

#[tokio::test]
async fn agents_get_what_was_applied_at_once() {
    let scene = Scene::start().await;
    let agent = scene.agent("us-east").await;
    let mut client = client(&scene);
    let mut configuration = whole();
    configuration.monitors = (0..200).map(|n| monitor(&format!("m{n}"))).collect();
    client.apply(apply(configuration)).await.unwrap();
    let snapshot = scene.engine.snapshot(agent.id).await.unwrap();
    assert_eq!(snapshot.monitors.len(), 200);

    let prune = v1::ApplyRequest {
        prune: Some(v1::Prune {
            labels: [("team".to_owned(), "web".to_owned())].into(),
        }),
        ..apply(v1::Configuration::default())
    };
    let nothing = client.apply(prune).await.unwrap().into_inner();
    assert!(nothing.steps.is_empty(), "no monitor has that label");
    scene.stop().await;
}
