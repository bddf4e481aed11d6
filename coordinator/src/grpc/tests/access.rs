//! Who may call.

use tonic::Code;
use vigilmon_proto::v1;
use vigilmon_proto::v1::agent_service_client::AgentServiceClient;
use vigilmon_proto::v1::monitor_service_client::MonitorServiceClient;

use super::scene::Scene;
use crate::engine::{Actor, CommandError, NewApiToken};

#[tokio::test]
async fn no_token_is_called_like_what_acts_without_one() {
    let scene = Scene::start().await;
    for name in ["coordinator", "slug ping"] {
        let by = Actor {
            name: "tester".to_owned(),
        };
        let made = scene.engine.create_api_token(by, NewApiToken::admin(name));
        let refused = made.await.unwrap_err();
        assert!(matches!(refused, CommandError::Exists { .. }), "{refused}");
    }
    scene.stop().await;
}

#[tokio::test]
async fn every_call_but_health_needs_a_good_token() {
    let scene = Scene::start().await;
    let mut bare = MonitorServiceClient::new(scene.channel.clone());
    let list = v1::ListMonitorsRequest::default();
    let refused = bare.list_monitors(list.clone()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut wrong = MonitorServiceClient::new(scene.with_token("vtk_wrong"));
    assert_eq!(
        wrong.list_monitors(list.clone()).await.unwrap_err().code(),
        Code::Unauthenticated
    );

    let mut health = tonic_health::pb::health_client::HealthClient::new(scene.channel.clone());
    let check = tonic_health::pb::HealthCheckRequest {
        service: String::new(),
    };
    assert_eq!(health.check(check).await.unwrap().into_inner().status, 1);

    let mut agents = AgentServiceClient::new(scene.channel.clone());
    let answer = agents.session(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(
        answer.message(),
        "reached",
        "agents bring tokens of their own"
    );

    let mut good = MonitorServiceClient::new(scene.authorized());
    assert!(
        good.list_monitors(list.clone())
            .await
            .unwrap()
            .into_inner()
            .monitors
            .is_empty()
    );
    let elsewhere = v1::ListMonitorsRequest {
        project: "other".to_owned(),
        ..list
    };
    assert_eq!(
        good.list_monitors(elsewhere).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    scene.stop().await;
}

#[tokio::test]
async fn reflection_is_served_to_those_with_a_token() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;

    let scene = Scene::start().await;
    let ask = || {
        tokio_stream::once(ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        })
    };
    let mut bare = ServerReflectionClient::new(scene.channel.clone());
    let refused = bare.server_reflection_info(ask()).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unauthenticated);
    let mut good = ServerReflectionClient::new(scene.authorized());
    let mut answers = good
        .server_reflection_info(ask())
        .await
        .unwrap()
        .into_inner();
    let answer = answers.message().await.unwrap().unwrap();
    let Some(MessageResponse::ListServicesResponse(list)) = answer.message_response else {
        panic!("not a list: {answer:?}");
    };
    let names: Vec<&str> = list
        .service
        .iter()
        .map(|service| service.name.as_str())
        .collect();
    assert!(names.contains(&"vigilmon.v1.MonitorService"), "{names:?}");
    scene.stop().await;
}
