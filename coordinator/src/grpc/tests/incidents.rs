//! Incidents and results.

use std::time::Duration;

use tonic::Code;
use tonic_types::StatusExt;
use vigilmon_common::id::IncidentId;
use vigilmon_common::incident::Incident;
use vigilmon_common::monitor::Monitor;
use vigilmon_common::outcome::Outcome;
use vigilmon_proto::v1;
use vigilmon_proto::v1::incident_service_client::IncidentServiceClient;
use vigilmon_proto::v1::monitor_service_client::MonitorServiceClient;
use vigilmon_proto::v1::result_service_client::ResultServiceClient;

use super::scene::{FakeAgent, PATIENCE, Scene, down};
use super::{api, create};
use crate::store::HistoryRecord;

/// A monitor whose only region sees it down, and its open incident.
async fn an_outage(scene: &Scene) -> (FakeAgent, std::sync::Arc<Monitor>, String) {
    let agent = scene.agent("us-east").await;
    let mut monitors = MonitorServiceClient::new(scene.authorized());
    monitors
        .create_monitor(create("api", api("https://example.com")))
        .await
        .unwrap();
    let monitor = scene.engine.monitor("api").unwrap();
    let meaning = monitor.spec.meaning();
    let now = scene.engine.clock().now();
    let at = |secs| now - Duration::from_secs(secs);
    let up = agent.result(monitor.id, meaning, at(9), Outcome::Up);
    let first = agent.result(monitor.id, meaning, at(6), down());
    let second = agent.result(monitor.id, meaning, at(2), down());
    agent.report(vec![up, first, second]).await;
    let mut incidents = IncidentServiceClient::new(scene.authorized());
    let open = v1::ListIncidentsRequest {
        open_only: true,
        ..Default::default()
    };
    let found = tokio::time::timeout(PATIENCE, async {
        loop {
            let list = incidents
                .list_incidents(open.clone())
                .await
                .unwrap()
                .into_inner();
            match list.incidents.into_iter().next() {
                Some(incident) => return incident,
                None => tokio::task::yield_now().await,
            }
        }
    });
    let incident = found.await.expect("two results in a row open an incident");
    (agent, monitor, incident.id)
}

#[tokio::test]
async fn an_incident_is_shown_explained_acknowledged_and_resolved() {
    let scene = Scene::start().await;
    let (_agent, monitor, id) = an_outage(&scene).await;
    let mut incidents = IncidentServiceClient::new(scene.authorized());
    let about = v1::ListIncidentsRequest {
        monitor: "api".to_owned(),
        ..Default::default()
    };
    let list = incidents
        .list_incidents(about)
        .await
        .unwrap()
        .into_inner()
        .incidents;
    assert_eq!(list.len(), 1);
    assert!(list[0].transitions.is_empty(), "lists are brief");
    assert_eq!(list[0].reason.as_ref().unwrap().code, "http_status");
    assert_eq!(list[0].regions.as_ref().unwrap().failing, ["us-east"]);
    assert_eq!(list[0].url, format!("http://127.0.0.1:8440/incidents/{id}"));

    let explain = v1::ExplainIncidentRequest {
        r#ref: id.clone(),
        ..Default::default()
    };
    let why = incidents
        .explain(explain)
        .await
        .unwrap()
        .into_inner()
        .incident
        .unwrap();
    let evidence = why.transitions[0].evidence.as_ref().unwrap();
    assert_eq!(evidence.regions[0].region, "us-east");
    assert!(!evidence.rule.is_empty());

    let note = "looking".to_owned();
    let ack = v1::AcknowledgeIncidentRequest {
        r#ref: id.clone(),
        note,
        ..Default::default()
    };
    let taken = incidents.acknowledge(ack).await.unwrap().into_inner();
    assert_eq!(taken.status(), v1::IncidentStatus::Acknowledged);
    assert_eq!(taken.acknowledged_by, "tester");

    let resolve = |force| v1::ResolveIncidentRequest {
        r#ref: id.clone(),
        force,
        ..Default::default()
    };
    let refused = incidents.resolve(resolve(false)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    let info = refused.get_details_error_info().unwrap();
    assert!(info.metadata.contains_key("hint"), "{info:?}");
    let closed = incidents.resolve(resolve(true)).await.unwrap().into_inner();
    assert_eq!(closed.status(), v1::IncidentStatus::Resolved);
    assert_eq!(closed.resolution(), v1::Resolution::Forced);

    let unknown = v1::GetIncidentRequest {
        r#ref: "no-id".to_owned(),
        ..Default::default()
    };
    assert_eq!(
        incidents.get_incident(unknown).await.unwrap_err().code(),
        Code::NotFound
    );
    assert_eq!(monitor.spec.name.as_str(), "api");
    scene.stop().await;
}

#[tokio::test]
async fn an_incident_that_only_the_history_has_is_found_by_the_beginning_of_its_id() {
    let scene = Scene::start().await;
    let (_agent, _, id) = an_outage(&scene).await;
    let recent = scene.engine.incident(id.parse().unwrap()).unwrap();
    let old = |bytes: [u8; 16]| {
        let mut old = Incident::clone(&recent);
        old.id = IncidentId::from_bytes(bytes);
        HistoryRecord::Incident(Box::new(old))
    };
    let (mut first, mut second) = ([0xfe; 16], [0xfe; 16]);
    (first[15], second[15]) = (1, 2);
    let history = &scene.engine.stores().history;
    history.record(vec![old(first)]).await.unwrap();

    let mut incidents = IncidentServiceClient::new(scene.authorized());
    let mut get = async |begin: &str| {
        let request = v1::GetIncidentRequest {
            r#ref: begin.to_owned(),
            ..Default::default()
        };
        let found = incidents.get_incident(request).await;
        found
            .map(|found| found.into_inner().id)
            .map_err(|refused| refused.code())
    };
    let wanted = IncidentId::from_bytes(first).to_string();
    assert_eq!(get("FEFE").await, Ok(wanted));
    assert_eq!(get("fe").await, Err(Code::NotFound), "too little of it");
    history.record(vec![old(second)]).await.unwrap();
    assert_eq!(get("fefe").await, Err(Code::FailedPrecondition));
    assert_eq!(get(&id[..8]).await, Ok(id.clone()));
    scene.stop().await;
}

#[tokio::test]
async fn results_are_listed_newest_first_each_once() {
    let scene = Scene::start().await;
    let (_agent, _, _) = an_outage(&scene).await;
    let mut results = ResultServiceClient::new(scene.authorized());
    let mut outcomes = Vec::new();
    let mut page_token = String::new();
    loop {
        let list = v1::ListResultsRequest {
            monitor: "api".to_owned(),
            page_size: 1,
            page_token,
            ..Default::default()
        };
        let page = results.list_results(list).await.unwrap().into_inner();
        outcomes.extend(page.results.iter().map(v1::CheckResult::outcome));
        assert!(page.results.iter().all(|one| one.region == "us-east"));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert_eq!(
        outcomes,
        [v1::Outcome::Down, v1::Outcome::Down, v1::Outcome::Up]
    );
    scene.stop().await;
}
