//! Agents, regions and their tokens.

use tonic::Code;
use vigilmon_proto::v1;
use vigilmon_proto::v1::fleet_service_client::FleetServiceClient;

use super::scene::Scene;

#[tokio::test]
async fn the_fleet_is_listed_and_its_tokens_revoked() {
    let scene = Scene::start().await;
    let agent = scene.agent("us-east").await;
    let mut fleet = FleetServiceClient::new(scene.authorized());
    let all = fleet
        .list_agents(v1::ListAgentsRequest::default())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(all.agents[0].id, agent.id.to_string());
    assert_eq!(all.agents[0].state(), v1::AgentState::Connected);
    let regions = fleet
        .list_regions(v1::ListRegionsRequest {})
        .await
        .unwrap()
        .into_inner()
        .regions;
    assert_eq!(
        (
            regions[0].display_name.as_str(),
            regions[0].agents_connected
        ),
        ("US-East", 1)
    );

    let made = fleet
        .create_agent_token(v1::CreateAgentTokenRequest {
            region: "eu-west".to_owned(),
            label: "rack 7".to_owned(),
            ttl: None,
        })
        .await
        .unwrap()
        .into_inner();
    assert!(made.secret.starts_with("vta_"));
    assert!(scene.engine.agent_token(&made.secret).is_some());
    let id = made.token.unwrap().id;
    let revoke = |reference: &str| v1::RevokeAgentTokenRequest {
        r#ref: reference.to_owned(),
    };
    let revoked = fleet
        .revoke_agent_token(revoke(&id))
        .await
        .unwrap()
        .into_inner();
    assert!(revoked.revoke_time.is_some());
    assert!(scene.engine.agent_token(&made.secret).is_none());
    let unknown = fleet
        .revoke_agent_token(revoke("nothing"))
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::NotFound);
    let bad = v1::CreateAgentTokenRequest {
        region: "EU WEST".to_owned(),
        ..Default::default()
    };
    let refused = fleet.create_agent_token(bad).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    scene.stop().await;
}
