use std::sync::Arc;

use vigilmon_common::heartbeat::Heartbeat;
use vigilmon_common::time::Time;

use super::*;
use crate::store::PendingId;

fn every(seconds: i64) -> v1::heartbeat_spec::Schedule {
    v1::heartbeat_spec::Schedule::Every(prost_types::Duration { seconds, nanos: 0 })
}

fn heartbeat(name: &str) -> v1::Heartbeat {
    let spec = v1::HeartbeatSpec {
        schedule: Some(every(90_000)),
        labels: [("team".to_owned(), "web".to_owned())].into(),
        notify: vec!["hook".to_owned()],
        ..v1::HeartbeatSpec::default()
    };
    v1::Heartbeat {
        name: name.to_owned(),
        spec: Some(spec),
        ..v1::Heartbeat::default()
    }
}

fn with(heartbeats: Vec<v1::Heartbeat>) -> v1::Configuration {
    let mut configuration = whole();
    configuration.routes[0].monitors = heartbeats.iter().map(|h| h.name.clone()).collect();
    configuration.heartbeats = heartbeats;
    configuration
}

fn stored(scene: &Scene) -> Vec<Arc<Heartbeat>> {
    let configuration = scene.engine.configuration();
    configuration.heartbeats.into_values().collect()
}

/// What is done, and to what: `create heartbeat nightly`.
fn said(steps: &[v1::ConfigStep]) -> Vec<String> {
    let line = |step: &v1::ConfigStep| {
        let action = step.action().as_str_name().to_lowercase();
        let action = action.trim_start_matches("config_action_").to_owned();
        let changes = step.changes.iter();
        let changes = changes.map(|c| format!(" {}: {} -> {}", c.field, c.from, c.to));
        let changes: String = changes.collect();
        format!("{action} {} {}{changes}", step.object, step.name)
    };
    let heartbeats = steps.iter().filter(|step| step.object == "heartbeat");
    heartbeats.map(line).collect()
}

#[tokio::test]
async fn heartbeats_are_made_once_and_keep_their_tokens() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let wanted = || with(vec![heartbeat("nightly"), heartbeat("weekly")]);
    let first = client.apply(apply(wanted())).await.unwrap().into_inner();
    assert_eq!(
        said(&first.steps),
        ["create heartbeat nightly", "create heartbeat weekly"]
    );
    let made = stored(&scene);
    assert!(made.iter().all(|one| one.tokens.len() == 1));
    assert_ne!(made[0].tokens[0].digest, made[1].tokens[0].digest);

    let again = client.apply(apply(wanted())).await.unwrap().into_inner();
    assert_eq!((again.steps.len(), again.unchanged), (0, 7));

    let mut changed = wanted();
    let spec = changed.heartbeats[0].spec.as_mut().unwrap();
    spec.schedule = Some(every(3600));
    spec.post_only = true;
    let changed = client.apply(apply(changed)).await.unwrap().into_inner();
    assert_eq!(
        said(&changed.steps),
        ["update heartbeat nightly every: 25h -> 1h post_only: false -> true"]
    );
    assert_eq!(stored(&scene)[0].tokens, made[0].tokens);
    scene.stop().await;
}

#[tokio::test]
async fn exported_heartbeats_show_no_token_and_are_what_there_is() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let wanted = with(vec![heartbeat("nightly")]);
    client.apply(apply(wanted)).await.unwrap();
    let exported = exported(&mut client).await;
    let [nightly] = &exported.heartbeats[..] else {
        panic!("one heartbeat: {exported:?}");
    };
    assert_eq!(nightly.name, "nightly");
    assert_eq!(nightly.ping_url, "");
    assert_eq!(nightly.spec.as_ref().unwrap().notify, ["hook"]);
    let planned = client.plan(plan(exported)).await.unwrap().into_inner();
    assert_eq!((planned.steps, planned.problems), (vec![], vec![]));
    assert_eq!(planned.unchanged, 6);
    scene.stop().await;
}

#[tokio::test]
async fn thousands_of_heartbeats_are_exported_in_parts() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let all = (0..3000).map(|n| {
        let mut one = heartbeat(&format!("job-{n:04}"));
        let spec = one.spec.as_mut().unwrap();
        let label = |n| (format!("label-{n}"), "x".repeat(200));
        spec.labels.extend((0..10).map(label));
        one
    });
    let mut configuration = whole();
    configuration.heartbeats = all.collect();
    client.apply(apply(configuration)).await.unwrap();
    let parts = client.export(v1::ExportRequest::default()).await.unwrap();
    let parts: Vec<_> = parts.into_inner().collect().await;
    assert!(parts.len() > 1);
    let exported = exported(&mut client).await;
    assert_eq!(
        (exported.monitors.len(), exported.heartbeats.len()),
        (2, 3000)
    );
    scene.stop().await;
}

#[tokio::test]
async fn a_heartbeat_that_is_wrong_changes_nothing() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let mut none = heartbeat("none");
    none.spec.as_mut().unwrap().schedule = None;
    let configuration = with(vec![heartbeat("nightly"), none, heartbeat("api")]);
    let refused = client.apply(apply(configuration.clone())).await;
    assert_eq!(refused.unwrap_err().code(), Code::InvalidArgument);
    let planned = client.plan(plan(configuration)).await.unwrap().into_inner();
    let fields: Vec<&str> = planned.problems.iter().map(|p| p.field.as_str()).collect();
    assert_eq!(fields, ["heartbeats[1].every", "heartbeats[2].name"]);
    assert_eq!(exported(&mut client).await, v1::Configuration::default());
    scene.stop().await;
}

#[tokio::test]
async fn a_plan_does_not_hold_once_a_heartbeat_changed() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    client.apply(apply(whole())).await.unwrap();
    let etag = client.plan(plan(whole())).await.unwrap().into_inner().etag;
    let other = apply(with(vec![heartbeat("nightly")]));
    client.apply(other).await.unwrap();
    let late = v1::ApplyRequest {
        etag,
        ..apply(with(vec![heartbeat("weekly")]))
    };
    let refused = client.apply(late).await.unwrap_err();
    assert_eq!(refused.code(), Code::Aborted);
    assert_eq!(stored(&scene).len(), 1);
    scene.stop().await;
}

#[tokio::test]
async fn heartbeats_go_by_their_labels_and_each_step_is_audited() {
    let scene = Scene::start().await;
    let mut client = client(&scene);
    let both = with(vec![heartbeat("nightly"), heartbeat("weekly")]);
    client.apply(apply(both)).await.unwrap();
    let prune = v1::ApplyRequest {
        prune: Some(v1::Prune {
            labels: [("team".to_owned(), "web".to_owned())].into(),
        }),
        ..apply(with(vec![heartbeat("weekly")]))
    };
    let done = client.apply(prune).await.unwrap().into_inner();
    assert_eq!(said(&done.steps), ["delete heartbeat nightly"]);
    let left = stored(&scene);
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].spec.name.as_str(), "weekly");
    let audit = scene
        .engine
        .stores()
        .audit((Time::FAR_FUTURE, PendingId::START), 99)
        .await;
    let entries = audit.unwrap();
    let of_nightly = entries.iter().rev().filter(|entry| entry.name == "nightly");
    let said: Vec<(&str, &str)> = of_nightly
        .map(|entry| (entry.action.as_str(), entry.detail.as_str()))
        .collect();
    assert_eq!(
        said,
        [("heartbeat.create", "apply"), ("heartbeat.remove", "apply")]
    );
    scene.stop().await;
}
